"""CIFTI: series, matrices, labels and maps of grayordinates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from painprint.files.errors import DerivativesError
from painprint.files.images import (
    BOTH_SIGNS,
    POINTS_AT_A_TIME,
    POSITIVE,
    Grayordinates,
    Points,
    Series,
    Voxels,
    reading,
)
from painprint.palette import Colour
from painprint.store.files import write_bytes


class Layout(NamedTuple):
    """What a kind of CIFTI file has: its axes, in nibabel's words and in plain ones; its intent."""

    axes: tuple[str, str]
    words: str
    intent: str


LAYOUTS = {
    "dtseries": Layout(("SeriesAxis", "BrainModelAxis"), "series x brain models", "DENSE_SERIES"),
    "dscalar": Layout(("ScalarAxis", "BrainModelAxis"), "scalars x brain models", "DENSE_SCALARS"),
    "dlabel": Layout(("LabelAxis", "BrainModelAxis"), "labels x brain models", "DENSE_LABELS"),
    "ptseries": Layout(("SeriesAxis", "ParcelsAxis"), "series x parcels", "PARCELLATED_SERIES"),
    "pscalar": Layout(("ScalarAxis", "ParcelsAxis"), "scalars x parcels", "PARCELLATED_SCALAR"),
    "pconn": Layout(("ParcelsAxis", "ParcelsAxis"), "parcels x parcels", "PARCELLATED"),
}
"""By the end of a file's name, without ".nii"."""


def open_cifti(path: Path, kind: str | None = None) -> tuple[Any, list[Any]]:
    """A CIFTI image and its axes, which must be those of a kind if one is given."""
    import nibabel as nib

    image = nib.Cifti2Image.from_filename(path, mmap=False)
    axes = [image.header.get_axis(i) for i in range(image.ndim)]
    there = _names(axes)
    if kind is not None and there != LAYOUTS[kind].axes:
        raise DerivativesError(
            f"has axes {' x '.join(there)}; a {kind}.nii has {LAYOUTS[kind].words}.", path
        )
    return image, axes


def read_cifti(path: Path, kind: str | None = None) -> tuple[list[Any], NDArray[np.float64]]:
    """The axes and the numbers of a CIFTI file, of a kind if one is given.

    Raises
    ------
    DerivativesError
        If the file is not a readable CIFTI file of that kind.
    """
    with reading(path, "CIFTI"):
        image, axes = open_cifti(path, kind)
        return axes, np.asarray(image.dataobj, dtype=float)


def write_cifti(
    path: Path, data: NDArray[Any], axes: tuple[Any, Any], metadata: Mapping[str, str] | None = None
) -> None:
    """Write a CIFTI file whole; its axes say of which kind it is."""
    from nibabel.cifti2.cifti2 import Cifti2Image, Cifti2MetaData

    (intent,) = (layout.intent for layout in LAYOUTS.values() if layout.axes == _names(axes))
    image = Cifti2Image(np.asarray(data, np.float32), axes)
    image.nifti_header.set_intent(f"NIFTI_INTENT_CONNECTIVITY_{intent}")
    if metadata:
        image.header.matrix.metadata = Cifti2MetaData(metadata)
    write_bytes(path, bytes(image.to_bytes()))


def _names(axes: Iterable[Any]) -> tuple[str, ...]:
    return tuple(type(axis).__name__ for axis in axes)


def read_ptseries(path: Path) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Parcellated time series.

    Returns
    -------
    names : tuple of str
        Parcel names.
    signals : ndarray of shape (n_frames, n_parcels)

    Raises
    ------
    DerivativesError
        If the file is not a readable CIFTI file of series x parcels.
    """
    axes, data = read_cifti(path, "ptseries")
    return tuple(str(name) for name in axes[1].name), data


def read_pconn(path: Path) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """A matrix of parcels x parcels, the same ones in the same order.

    Raises
    ------
    DerivativesError
        If the file is not a readable CIFTI file of that kind.
    """
    axes, data = read_cifti(path, "pconn")
    names, columns = (tuple(str(name) for name in axis.name) for axis in axes)
    if names != columns:
        raise DerivativesError("has other parcels in its rows than in its columns.", path)
    return names, data


def read_brain_models(path: Path) -> Grayordinates:
    """Points of a dense time series; only the header is read.

    Raises
    ------
    DerivativesError
        If the file is not a readable CIFTI file of series x brain models.
    """
    with reading(path, "CIFTI"):
        _, axes = open_cifti(path, "dtseries")
    return Grayordinates(axes[1])


def read_dtseries(path: Path, points: Grayordinates) -> NDArray[np.float32]:
    """Dense time series: (n_frames, n_points).

    Raises
    ------
    DerivativesError
        If the file is not readable, or has other points.
    """
    with reading(path, "CIFTI"):
        image, axes = open_cifti(path, "dtseries")
        if axes[1] != points.axis:
            raise DerivativesError(
                f"its {len(axes[1])} grayordinates are not the {points.n_points} of the other "
                "runs. Make all runs with the same template and density.",
                path,
            )
        return np.asarray(image.dataobj, dtype=np.float32)


def open_dtseries(path: Path) -> Series:
    """Dense time series of grayordinates, of which one block is in memory at a time.

    Raises
    ------
    DerivativesError
        If the file is not a readable CIFTI file of series x brain models.
    """
    with reading(path, "CIFTI"):
        image, axes = open_cifti(path, "dtseries")
    series, points = axes[0], Grayordinates(axes[1])

    def blocks() -> Iterator[tuple[int, NDArray[np.float32]]]:
        for first in range(0, points.n_points, POINTS_AT_A_TIME):
            with reading(path, "CIFTI"):
                # a point's frames lie side by side in the file
                block = image.dataobj[:, first : first + POINTS_AT_A_TIME]
                here = np.ascontiguousarray(np.asarray(block, dtype=np.float32).T)
            yield first, here

    tr_s = float(series.step) if str(series.unit).upper() == "SECOND" else None
    return Series(path, points, len(series), tr_s or None, blocks)


def series_axis(n_frames: int, tr_s: float) -> Any:
    """Frames from 0 s."""
    from nibabel.cifti2.cifti2_axes import SeriesAxis

    return SeriesAxis(0, tr_s, n_frames)


def scalar_axis(maps: Mapping[str, NDArray[np.float64]]) -> Any:
    """Names of maps, each with its palette."""
    from nibabel.cifti2.cifti2_axes import ScalarAxis

    palettes = [
        BOTH_SIGNS if (np.nan_to_num(values) < 0).any() else POSITIVE for values in maps.values()
    ]
    return ScalarAxis(list(maps), [palette(name) for name in palettes])


def palette(name: str) -> dict[str, str]:
    """Workbench's description of how values are coloured: up to the 98th percentile of size."""
    return {
        "PaletteColorMapping": '<PaletteColorMapping Version="1">'
        "<ScaleMode>MODE_AUTO_SCALE_ABSOLUTE_PERCENTAGE</ScaleMode>"
        "<AutoScaleAbsolutePercentageValues>2 98</AutoScaleAbsolutePercentageValues>"
        f"<PaletteName>{name}</PaletteName>"
        "<InterpolatePalette>true</InterpolatePalette>"
        "<DisplayPositiveData>true</DisplayPositiveData>"
        "<DisplayZeroData>false</DisplayZeroData>"
        "<DisplayNegativeData>true</DisplayNegativeData>"
        "</PaletteColorMapping>"
    }


def label_axis(title: str, labels: Mapping[int, tuple[str, Colour]]) -> Any:
    """One map of labels: name and colour of each; 0 is none."""
    from nibabel.cifti2.cifti2_axes import LabelAxis

    table: dict[int, tuple[str, tuple[float, ...]]] = {0: ("???", (1.0, 1.0, 1.0, 0.0))}
    table |= {key: (name, (*colour, 1.0)) for key, (name, colour) in labels.items()}
    return LabelAxis([title], [table])


def brain_models(points: Points) -> Any:
    """CIFTI's axis of grayordinates, or of voxels as such."""
    from nibabel.cifti2.cifti2_axes import BrainModelAxis

    if isinstance(points, Grayordinates):
        return points.axis
    return BrainModelAxis.from_mask(points.mask, affine=points.affine, name="other")


def parcels_axis(points: Points, parcels: Mapping[str, NDArray[np.int64]]) -> Any:
    """CIFTI's axis of parcels, each of which is given by the places of its points."""
    from nibabel.cifti2.cifti2_axes import ParcelsAxis

    models = brain_models(points)
    return ParcelsAxis.from_brain_models([(name, models[place]) for name, place in parcels.items()])


def make_grayordinates(
    vertices: Mapping[str, NDArray[np.int64]],
    n_vertices: int,
    voxels: Mapping[str, NDArray[np.int64]],
    grid: Voxels,
) -> Grayordinates:
    """Grayordinates of these structures, in this order.

    Parameters
    ----------
    vertices : mapping of str to array of int
        Vertices of each surface, such as "cortex_left".
    n_vertices : int
        Vertices of each whole surface.
    voxels : mapping of str to array of int, shape (n_voxels, 3)
        Voxels of each structure, such as "thalamus_left".
    grid : Voxels
        Whose shape and affine the voxels have.
    """
    from nibabel.cifti2.cifti2_axes import BrainModelAxis

    parts = [BrainModelAxis.from_surface(v, n_vertices, name=n) for n, v in vertices.items()]
    parts += [
        BrainModelAxis(name, voxel=v, affine=grid.affine, volume_shape=grid.mask.shape)
        for name, v in voxels.items()
    ]
    axis = parts[0]
    for part in parts[1:]:
        axis = axis + part
    return Grayordinates(axis)
