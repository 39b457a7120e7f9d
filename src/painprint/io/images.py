"""CIFTI and NIfTI files: the only user of nibabel."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from painprint.io.errors import DerivativesError
from painprint.io.store import write_bytes

VOLUMES_AT_A_TIME = 16
"""Of a 4D image: about 120 MB in float64 on a 2 mm grid."""
SAME_PLACE_MM = 1e-3
"""Grids whose affines differ by less are the same."""


@dataclass(frozen=True, eq=False)
class Grayordinates:
    """Points of dense CIFTI files: their brain models."""

    axis: Any

    @property
    def n_points(self) -> int:
        """Number of grayordinates."""
        return len(self.axis)


@dataclass(frozen=True, eq=False)
class Voxels:
    """Points of volumes: the voxels of a mask, in C order.

    Attributes
    ----------
    mask : ndarray of bool, shape (x, y, z)
    affine : ndarray of shape (4, 4)
        mm.
    """

    mask: NDArray[np.bool_]
    affine: NDArray[np.float64]

    @property
    def n_points(self) -> int:
        """Number of voxels in the mask."""
        return int(self.mask.sum())

    def is_grid_of(self, shape: tuple[int, ...], affine: NDArray[np.float64]) -> bool:
        """Whether a volume lies on the same grid."""
        return shape == self.mask.shape and np.allclose(
            affine, self.affine, rtol=0, atol=SAME_PLACE_MM
        )


Points = Grayordinates | Voxels


@contextmanager
def _reading(path: Path, what: str) -> Iterator[None]:
    """Turn whatever nibabel raises on broken files, of many kinds, into one error."""
    try:
        yield
    except DerivativesError:
        raise
    except Exception as error:
        raise DerivativesError(f"cannot be read as {what} ({error}).", path) from error


def _open_cifti(path: Path, needed: tuple[str, str], layout: str) -> tuple[Any, list[Any]]:
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
    with _reading(path, "CIFTI"):
        image, axes = _open_cifti(path, ("SeriesAxis", "ParcelsAxis"), layout)
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
    with _reading(path, "CIFTI"):
        image, axes = _open_cifti(path, ("ParcelsAxis", "ParcelsAxis"), layout)
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
    with _reading(path, "CIFTI"):
        _, axes = _open_cifti(path, *DTSERIES)
    return Grayordinates(axes[1])


def read_dtseries(path: Path, points: Grayordinates) -> NDArray[np.float32]:
    """Dense time series: (n_frames, n_points).

    Raises
    ------
    DerivativesError
        If the file is not readable, or has other points.
    """
    with _reading(path, "CIFTI"):
        image, axes = _open_cifti(path, *DTSERIES)
        if axes[1] != points.axis:
            raise DerivativesError(
                f"its {len(axes[1])} grayordinates are not the {points.n_points} of the other "
                "runs. Make all runs with the same template and density.",
                path,
            )
        return np.asarray(image.dataobj, dtype=np.float32)


def read_mask(path: Path) -> Voxels:
    """The voxels of a 3D image that are not zero.

    Raises
    ------
    DerivativesError
        If the file is not a readable 3D image, or all zero.
    """
    data, affine = read_volume(path)
    if not data.any():
        raise DerivativesError("is an empty mask.", path)
    return Voxels(data != 0, affine)


def read_volume(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A 3D image and its affine.

    Raises
    ------
    DerivativesError
        If the file is not a readable 3D image.
    """
    with _reading(path, "NIfTI"):
        image = _open_nifti(path)
        data = np.asarray(image.dataobj, dtype=float)
        affine = np.asarray(image.affine, dtype=float)
    if data.ndim == 4 and data.shape[3] == 1:
        data = data[..., 0]
    if data.ndim != 3:
        raise DerivativesError(f"has shape {data.shape}; one volume is needed.", path)
    return data, affine


def _open_nifti(path: Path) -> Any:
    """A NIfTI image whose file stays open, so that volumes are read in one pass."""
    import nibabel as nib

    return nib.Nifti1Image.from_filename(path, mmap=False, keep_file_open=True)


def read_volumes(path: Path, points: Voxels) -> NDArray[np.float32]:
    """Time series of the voxels of a mask: (n_frames, n_points).

    Raises
    ------
    DerivativesError
        If the file is not a readable 4D image on the mask's grid.
    """
    with _reading(path, "NIfTI"):
        image = _open_series(path)
        if not points.is_grid_of(image.shape[:3], image.affine):
            raise DerivativesError(
                f"its grid of {' x '.join(map(str, image.shape[:3]))} voxels is not that of the "
                "other runs. Make all runs in the same space and resolution.",
                path,
            )
        series = np.empty((image.shape[3], points.n_points), np.float32)
        for first, volumes in _volumes(image):
            series[first : first + volumes.shape[3]] = volumes[points.mask].T
    return series


def read_varying_voxels(path: Path) -> Voxels:
    """The voxels of a 4D image that are finite and vary over time.

    Raises
    ------
    DerivativesError
        If the file is not a readable 4D image, or nothing varies.
    """
    with _reading(path, "NIfTI"):
        image = _open_series(path)
        low, high = np.full((2, *image.shape[:3]), np.inf)
        for _, volumes in _volumes(image):
            low = np.minimum(low, volumes.min(axis=3))
            high = np.minimum(high, (-volumes).min(axis=3))
        mask = np.isfinite(low) & np.isfinite(high) & (-high > low)
        affine = np.asarray(image.affine, dtype=float)
    if not mask.any():
        raise DerivativesError("no voxel varies over time.", path)
    return Voxels(mask, affine)


def _open_series(path: Path) -> Any:
    image = _open_nifti(path)
    if image.ndim != 4:
        raise DerivativesError(f"has shape {image.shape}; volumes over time are needed.", path)
    return image


def _volumes(image: Any) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """The first frame and the volumes of each block: (x, y, z, n_frames_of_block)."""
    for first in range(0, image.shape[3], VOLUMES_AT_A_TIME):
        block = image.dataobj[..., first : first + VOLUMES_AT_A_TIME]
        yield first, np.asarray(block, dtype=np.float32)


def write_maps(path: Path, points: Points, maps: Mapping[str, NDArray[np.float64]]) -> None:
    """Write maps of points whole: a dscalar.nii, or volumes with 0 outside the mask.

    Parameters
    ----------
    path : Path
        Ends with .dscalar.nii for grayordinates, .nii or .nii.gz for voxels.
    points : Grayordinates or Voxels
    maps : mapping of str to array of shape (n_points,)
    """
    data = np.array(list(maps.values()), dtype=np.float32)  # (n_maps, n_points)
    if data.shape != (len(maps), points.n_points):
        raise ValueError(f"maps of {points.n_points} points are needed, not of {data.shape[1:]}.")
    if isinstance(points, Grayordinates):
        content = _dscalar(data, list(maps), points)
    else:
        content = _stack_of_volumes(data, list(maps), points)
    write_bytes(path, gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def _dscalar(data: NDArray[np.float32], names: list[str], points: Grayordinates) -> bytes:
    import nibabel as nib
    from nibabel.cifti2.cifti2_axes import ScalarAxis

    image = nib.Cifti2Image(data, (ScalarAxis(names), points.axis))
    image.nifti_header.set_intent("NIFTI_INTENT_CONNECTIVITY_DENSE_SCALARS")
    return bytes(image.to_bytes())


def _stack_of_volumes(data: NDArray[np.float32], names: list[str], points: Voxels) -> bytes:
    import nibabel as nib

    volumes = np.zeros((*points.mask.shape, len(names)), np.float32)
    volumes[points.mask] = data.T
    image = nib.Nifti1Image(volumes, points.affine)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = ", ".join(names).encode()[:79]
    return bytes(image.to_bytes())
