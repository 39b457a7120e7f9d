"""Read and write CIFTI: time series, matrices, labels and maps of grayordinates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from painprint.errors import DerivativesError
from painprint.files.images import (
    BOTH_SIGNS,
    POINTS_AT_A_TIME,
    POSITIVE,
    Grayordinates,
    Points,
    Series,
    Voxels,
    check_size,
    reading,
    size_by_header,
)
from painprint.palette import Colour
from painprint.store.files import write_bytes


class Layout(NamedTuple):
    """Axes of a kind of CIFTI file, as nibabel's class names and in words, and its intent."""

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
"""Layouts by file extension, without ".nii"."""


def open_cifti(path: Path, kind: str | None = None) -> tuple[Any, list[Any]]:
    """Open a CIFTI image and its axes; checks that it is of a kind, if one is given."""
    import nibabel as nib

    image = nib.Cifti2Image.from_filename(path, mmap=False)
    check_size(path, size_by_header(image))
    axes = [image.header.get_axis(i) for i in range(image.ndim)]
    names = _names(axes)
    if kind is not None and names != LAYOUTS[kind].axes:
        raise DerivativesError(
            f"has axes {' x '.join(names)}; a {kind}.nii has {LAYOUTS[kind].words}.", path
        )
    return image, axes


def read_cifti(path: Path, kind: str | None = None) -> tuple[list[Any], NDArray[np.float64]]:
    """Read the axes and the data of a CIFTI file; checks that it is of a kind, if one is given.

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
    """Write a CIFTI file atomically; its axes determine the intent."""
    from nibabel.cifti2.cifti2 import Cifti2Image, Cifti2MetaData

    (intent,) = (layout.intent for layout in LAYOUTS.values() if layout.axes == _names(axes))
    image = Cifti2Image(np.asarray(data, np.float32), axes)
    image.nifti_header.set_intent(f"NIFTI_INTENT_CONNECTIVITY_{intent}")
    if metadata:
        image.header.matrix.metadata = Cifti2MetaData(metadata)
    write_bytes(path, bytes(image.to_bytes()))


def _names(axes: Iterable[Any]) -> tuple[str, ...]:
    """Class names of axes."""
    return tuple(type(axis).__name__ for axis in axes)


def read_ptseries(path: Path) -> tuple[tuple[str, ...], NDArray[np.float64], float | None]:
    """Read parcellated time series; raises as :func:`read_cifti`.

    Returns
    -------
    names : tuple of str
        Parcel names.
    signals : ndarray of shape (n_frames, n_parcels)
    tr_s : float or None
        Repetition time of the header (s), if it has one.
    """
    axes, data = read_cifti(path, "ptseries")
    return tuple(str(name) for name in axes[1].name), data, _repetition_time(axes[0])


def _repetition_time(series: Any) -> float | None:
    """Step of a CIFTI axis of frames (s); None if it is 0 or has another unit."""
    return float(series.step) or None if str(series.unit).upper() == "SECOND" else None


def read_pconn(path: Path) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Read a matrix of parcels x parcels, and the names of the parcels.

    Raises
    ------
    DerivativesError
        If the file is not a readable CIFTI file of that kind, or its rows and columns differ.
    """
    axes, data = read_cifti(path, "pconn")
    names, columns = (tuple(str(name) for name in axis.name) for axis in axes)
    if names != columns:
        raise DerivativesError("has different parcels in its rows and its columns.", path)
    return names, data


def read_brain_models(path: Path) -> Grayordinates:
    """Read the grayordinates of a dense time series; raises as :func:`read_cifti`."""
    with reading(path, "CIFTI"):
        _, axes = open_cifti(path, "dtseries")
    return Grayordinates(axes[1])


def read_dtseries(path: Path, points: Grayordinates) -> NDArray[np.float32]:
    """Read dense time series: (n_frames, n_points).

    Raises
    ------
    DerivativesError
        If the file is not readable, or has other grayordinates.
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
    """Open dense time series of grayordinates, of which one block is in memory at a time; raises as
    :func:`read_cifti`.
    """
    with reading(path, "CIFTI"):
        image, axes = open_cifti(path, "dtseries")
    series, points = axes[0], Grayordinates(axes[1])

    def blocks() -> Iterator[tuple[int, NDArray[np.float32]]]:
        for first in range(0, points.n_points, POINTS_AT_A_TIME):
            with reading(path, "CIFTI"):
                # the time series of a grayordinate is contiguous in the file
                block = image.dataobj[:, first : first + POINTS_AT_A_TIME]
                data = np.ascontiguousarray(np.asarray(block, dtype=np.float32).T)
            yield first, data

    n_bytes = size_by_header(image)
    return Series(path, points, len(series), _repetition_time(series), n_bytes, blocks)


def series_axis(n_frames: int, tr_s: float) -> Any:
    """CIFTI axis of frames, starting at 0 s."""
    from nibabel.cifti2.cifti2_axes import SeriesAxis

    return SeriesAxis(0, tr_s, n_frames)


def scalar_axis(maps: Mapping[str, NDArray[np.float64]]) -> Any:
    """CIFTI axis of maps: their names and palettes."""
    from nibabel.cifti2.cifti2_axes import ScalarAxis

    palettes = [
        BOTH_SIGNS if (np.nan_to_num(values) < 0).any() else POSITIVE for values in maps.values()
    ]
    return ScalarAxis(list(maps), [palette(name) for name in palettes])


def palette(name: str) -> dict[str, str]:
    """Colour mapping of Workbench, up to the 98th percentile of absolute values."""
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
    """CIFTI axis of one map of labels: name and colour of each; 0 means no label."""
    from nibabel.cifti2.cifti2_axes import LabelAxis

    table: dict[int, tuple[str, tuple[float, ...]]] = {0: ("???", (1.0, 1.0, 1.0, 0.0))}
    table |= {key: (name, (*colour, 1.0)) for key, (name, colour) in labels.items()}
    return LabelAxis([title], [table])


def brain_models(points: Points) -> Any:
    """CIFTI axis of grayordinates, or of voxels without a structure."""
    from nibabel.cifti2.cifti2_axes import BrainModelAxis

    if isinstance(points, Grayordinates):
        return points.axis
    return BrainModelAxis.from_mask(points.mask, affine=points.affine, name="other")


def parcels_axis(points: Points, parcels: Mapping[str, NDArray[np.int64]]) -> Any:
    """CIFTI axis of parcels, each of which is given by the indices of its points."""
    from nibabel.cifti2.cifti2_axes import ParcelsAxis

    models = brain_models(points)
    return ParcelsAxis.from_brain_models([(name, models[index]) for name, index in parcels.items()])


def make_grayordinates(
    vertices: Mapping[str, NDArray[np.int64]],
    n_vertices: int,
    voxels: Mapping[str, NDArray[np.int64]],
    grid: Voxels,
) -> Grayordinates:
    """Make grayordinates of these structures, in this order.

    Parameters
    ----------
    vertices : mapping of str to array of int
        Vertices of each hemisphere, such as "cortex_left".
    n_vertices : int
        Number of vertices of each surface mesh.
    voxels : mapping of str to array of int, shape (n_voxels, 3)
        Voxels of each structure, such as "thalamus_left".
    grid : Voxels
        Shape and affine of the volume.
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
