"""CIFTI: series, matrices, labels and maps of grayordinates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from painprint.files.errors import DerivativesError
from painprint.files.images import (
    POINTS_AT_A_TIME,
    Grayordinates,
    Points,
    Series,
    Voxels,
    reading,
    write_image,
)


def open_cifti(path: Path, needed: tuple[str, str], layout: str) -> tuple[Any, list[Any]]:
    """A CIFTI image and its two axes, which must be of these kinds."""
    import nibabel as nib

    image = nib.Cifti2Image.from_filename(path, mmap=False)
    axes = [image.header.get_axis(i) for i in range(image.ndim)]
    there = tuple(type(axis).__name__ for axis in axes)
    if there != needed:
        raise DerivativesError(f"has axes {' x '.join(there)}; {layout}.", path)
    return image, axes


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
    layout = "a ptseries.nii has series x parcels"
    with reading(path, "CIFTI"):
        image, axes = open_cifti(path, ("SeriesAxis", "ParcelsAxis"), layout)
        data = np.asarray(image.dataobj, dtype=float)
    return tuple(str(name) for name in axes[1].name), data


def read_pconn(path: Path) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """A matrix of parcels x parcels, the same ones in the same order.

    Raises
    ------
    DerivativesError
        If the file is not a readable CIFTI file of that kind.
    """
    layout = "a pconn.nii has parcels x parcels"
    with reading(path, "CIFTI"):
        image, axes = open_cifti(path, ("ParcelsAxis", "ParcelsAxis"), layout)
        data = np.asarray(image.dataobj, dtype=float)
    names, columns = (tuple(str(name) for name in axis.name) for axis in axes)
    if names != columns:
        raise DerivativesError("has other parcels in its rows than in its columns.", path)
    return names, data


DTSERIES = (("SeriesAxis", "BrainModelAxis"), "a dtseries.nii has series x brain models")


def read_brain_models(path: Path) -> Grayordinates:
    """Points of a dense time series; only the header is read.

    Raises
    ------
    DerivativesError
        If the file is not a readable CIFTI file of series x brain models.
    """
    with reading(path, "CIFTI"):
        _, axes = open_cifti(path, *DTSERIES)
    return Grayordinates(axes[1])


def read_dtseries(path: Path, points: Grayordinates) -> NDArray[np.float32]:
    """Dense time series: (n_frames, n_points).

    Raises
    ------
    DerivativesError
        If the file is not readable, or has other points.
    """
    with reading(path, "CIFTI"):
        image, axes = open_cifti(path, *DTSERIES)
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
        image, axes = open_cifti(path, *DTSERIES)
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


def write_series(path: Path, points: Points, data: NDArray[np.float32], tr_s: float) -> None:
    """Write dense BOLD whole: a dtseries.nii, or volumes with 0 outside the mask.

    Parameters
    ----------
    path : Path
    points : Grayordinates or Voxels
    data : ndarray of shape (n_frames, n_points)
    tr_s : float
    """
    import nibabel as nib
    from nibabel.cifti2.cifti2_axes import SeriesAxis

    if isinstance(points, Grayordinates):
        image: Any = nib.Cifti2Image(data, (SeriesAxis(0, tr_s, len(data)), points.axis))
        image.nifti_header.set_intent("NIFTI_INTENT_CONNECTIVITY_DENSE_SERIES")
    else:
        volumes = np.zeros((*points.mask.shape, len(data)), np.float32)
        volumes[points.mask] = data.T
        image = nib.Nifti1Image(volumes, points.affine)
        image.header.set_xyzt_units("mm", "sec")
        image.header.set_zooms((*image.header.get_zooms()[:3], tr_s))
    write_image(path, bytes(image.to_bytes()))


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
