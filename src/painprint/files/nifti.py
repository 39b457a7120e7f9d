"""Read and write NIfTI: masks, volumes and their time series."""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from painprint.errors import DerivativesError
from painprint.files.images import (
    POINTS_AT_A_TIME,
    Series,
    Voxels,
    check_size,
    grid_of,
    reading,
    size_by_header,
)
from painprint.store.files import write_bytes

VOLUMES_AT_A_TIME = 16
"""Block size for 4D images: about 120 MB in float64 on a 2 mm grid."""


def open_volumes(path: Path, points: Voxels, *, sigma_mm: float = 0.0) -> Series:
    """Open time series of the voxels of a mask; all of them are in memory while they are read.

    Parameters
    ----------
    sigma_mm : float
        SD of the Gaussian smoothing kernel within the mask (mm); 0 for none.

    Raises
    ------
    DerivativesError
        If the file is not a readable 4D image on the mask's grid.
    """
    with reading(path, "NIfTI"):
        image = open_series(path)
        _check_grid(image, points, path, "the brain mask or the atlas")
        tr_s = _repetition_time(image.header)

    def blocks() -> Iterator[tuple[int, NDArray[np.float32]]]:
        series = read_volumes(path, points, sigma_mm=sigma_mm)
        for first in range(0, points.n_points, POINTS_AT_A_TIME):
            yield first, np.ascontiguousarray(series[:, first : first + POINTS_AT_A_TIME].T)

    return Series(path, points, image.shape[3], tr_s, size_by_header(image), blocks)


def _repetition_time(header: Any) -> float | None:
    """Repetition time of a header (s); None if it is 0 or without a unit."""
    seconds = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6}.get(header.get_xyzt_units()[1])
    return float(header.get_zooms()[3]) * seconds or None if seconds else None


def read_scan_header(path: Path) -> tuple[int, float | None]:
    """Number of frames, and repetition time (s) if the header has one.

    Raises
    ------
    DerivativesError
        If the file is not a 4D image.
    """
    with reading(path, "NIfTI"):
        image = open_series(path)
        return int(image.shape[3]), _repetition_time(image.header)


def read_mask(path: Path) -> Voxels:
    """Read the non-zero voxels of a 3D image.

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
    """Read a 3D image and its affine.

    Raises
    ------
    DerivativesError
        If the file is not a readable 3D image.
    """
    with reading(path, "NIfTI"):
        image = open_nifti(path)
        data = np.asarray(image.dataobj, dtype=float)
        affine = np.asarray(image.affine, dtype=float)
    if data.ndim == 4 and data.shape[3] == 1:
        data = data[..., 0]
    if data.ndim != 3:
        raise DerivativesError(f"has shape {data.shape}; one volume is needed.", path)
    return data, affine


def open_nifti(path: Path) -> Any:
    """Open a NIfTI image; its file stays open, so that volumes are read in one pass."""
    import nibabel as nib

    image = nib.Nifti1Image.from_filename(path, mmap=False, keep_file_open=True)
    check_size(path, size_by_header(image), math.prod(image.shape[:3]))
    return image


def read_volumes(path: Path, points: Voxels, *, sigma_mm: float = 0.0) -> NDArray[np.float32]:
    """Read time series of the voxels of a mask, as :func:`open_volumes`: (n_frames, n_points)."""
    with reading(path, "NIfTI"):
        image = open_series(path)
        _check_grid(image, points, path, "the other runs")
        series = np.empty((image.shape[3], points.n_points), np.float32)
        for first, volumes in _volumes(image):
            if sigma_mm:
                volumes = _smooth_within(volumes, points, sigma_mm)
            series[first : first + volumes.shape[3]] = volumes[points.mask].T
    return series


def _check_grid(image: Any, points: Voxels, path: Path, whose: str) -> None:
    """Check that an image lies on the grid of a mask."""
    if not points.is_grid_of(image.shape[:3], image.affine):
        grid = grid_of(Voxels(np.zeros(image.shape[:3], bool), np.asarray(image.affine, float)))
        raise DerivativesError(
            f"its grid ({grid}) is not that of {whose} ({grid_of(points)}). Make all runs in the "
            "same space and resolution.",
            path,
        )


def _smooth_within(
    volumes: NDArray[np.float32], points: Voxels, sigma_mm: float
) -> NDArray[np.float32]:
    """Volumes smoothed within a mask; voxels outside have no weight."""
    import nibabel as nib
    from nilearn.image import smooth_img

    fwhm = sigma_mm * math.sqrt(8 * math.log(2))
    # smoothed mask in the last volume: dividing by it normalises the kernel within the mask
    inside = np.where(points.mask[..., None], volumes, 0)
    both = np.concatenate([inside, points.mask[..., None]], axis=3, dtype=np.float32)
    smooth = np.asarray(smooth_img(nib.Nifti1Image(both, points.affine), fwhm).dataobj)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(smooth[..., :-1] / smooth[..., -1:], dtype=np.float32)


def read_varying_voxels(path: Path) -> Voxels:
    """Read which voxels of a 4D image are finite and vary over time.

    Raises
    ------
    DerivativesError
        If the file is not a readable 4D image, or no voxel varies.
    """
    with reading(path, "NIfTI"):
        image = open_series(path)
        low, high = np.full((2, *image.shape[:3]), np.inf)
        for _, volumes in _volumes(image):
            low = np.minimum(low, volumes.min(axis=3))
            high = np.minimum(high, (-volumes).min(axis=3))
        mask = np.isfinite(low) & np.isfinite(high) & (-high > low)
        affine = np.asarray(image.affine, dtype=float)
    if not mask.any():
        raise DerivativesError("no voxel varies over time.", path)
    return Voxels(mask, affine)


def open_series(path: Path) -> Any:
    """Open a 4D NIfTI image."""
    image = open_nifti(path)
    if image.ndim != 4:
        raise DerivativesError(f"has shape {image.shape}; volumes over time are needed.", path)
    return image


def _volumes(image: Any) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """First frame and volumes of each block: (x, y, z, n_frames_of_block)."""
    for first in range(0, image.shape[3], VOLUMES_AT_A_TIME):
        block = image.dataobj[..., first : first + VOLUMES_AT_A_TIME]
        yield first, np.asarray(block, dtype=np.float32)


def write_volumes(
    path: Path,
    points: Voxels,
    data: NDArray[Any],
    *,
    tr_s: float | None = None,
    description: str = "",
) -> None:
    """Write one or several volumes atomically, with 0 outside the mask; compressed if the name ends
    with .gz.

    Parameters
    ----------
    data : ndarray of shape (n_points,) or (n_points, n_volumes)
    tr_s : float, optional
        Repetition time, if volumes are frames.
    description : str
        Truncated to the 79 bytes that fit into the header.
    """
    import nibabel as nib

    volumes = np.zeros((*points.mask.shape, *data.shape[1:]), data.dtype)
    volumes[points.mask] = data
    image = nib.Nifti1Image(volumes, points.affine)
    image.header.set_xyzt_units("mm", None if tr_s is None else "sec")
    if tr_s is not None:
        image.header.set_zooms((*image.header.get_zooms()[:3], tr_s))
    image.header["descrip"] = description.encode()[:79]
    content = bytes(image.to_bytes())
    write_bytes(path, gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
