"""Grayordinates and voxels of dense images, and time series of them."""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from painprint.errors import DerivativesError
from painprint.store.reading import check_is_file, open_file

POINTS_AT_A_TIME = 2048
"""Block size for dense time series: 11 MB at 1,350 frames."""
STRUCTURES = {"L": "CIFTI_STRUCTURE_CORTEX_LEFT", "R": "CIFTI_STRUCTURE_CORTEX_RIGHT"}
"""CIFTI's names of the cortex of each hemisphere."""
BOTH_SIGNS, POSITIVE = "ROY-BIG-BL", "magma"
"""Workbench's palettes for maps of both signs, and for positive maps."""
AFFINE_TOLERANCE_MM = 1e-3
"""Grids are considered the same if their affines differ by less."""
MOST_VOXELS = 200_000_000
"""Upper limit for the voxels of a volume: a whole brain at 0.3 mm."""
MOST_DEFLATED = 1032
"""Bytes that one byte of a gzip file can unpack to, at most."""
PIECE = 1 << 20


@dataclass(frozen=True, eq=False)
class Grayordinates:
    """Points of dense CIFTI files, given by their axis of brain models."""

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
            affine, self.affine, rtol=0, atol=AFFINE_TOLERANCE_MM
        )


Points = Grayordinates | Voxels


@contextmanager
def reading(path: Path, what: str) -> Iterator[None]:
    """Turn any exception that nibabel raises for a corrupted file into a DerivativesError."""
    try:
        check_is_file(path)
        yield
    except DerivativesError:
        raise
    except Exception as error:
        raise DerivativesError(f"cannot be read as {what} ({error}).", path) from error


def size_by_header(image: Any) -> int:
    """Size of an uncompressed image file (bytes), by its header."""
    stored = image.dataobj
    return int(stored.offset) + math.prod(map(int, stored.shape)) * int(stored.dtype.itemsize)


def check_size(path: Path, n_bytes: int, n_voxels: int = 0) -> None:
    """Check that a file can hold what its header says; it is not unpacked.

    Parameters
    ----------
    n_bytes : int
        Size of the uncompressed file by its header.
    n_voxels : int
        Number of voxels of a volume.

    Raises
    ------
    DerivativesError
        If it cannot, or a volume has more than ``MOST_VOXELS``.
    """
    size = path.stat().st_size
    if n_voxels > MOST_VOXELS:
        raise DerivativesError(
            f"has {n_voxels:,} voxels by its header, and at most {MOST_VOXELS:,} can be used. "
            "Check that it is the right file.",
            path,
        )
    if size * (MOST_DEFLATED if path.suffix == ".gz" else 1) < n_bytes:
        raise _incomplete(path, size, n_bytes)


def check_complete(path: Path, n_bytes: int) -> None:
    """Check that a file is as long as its header says.

    Of a gzip file, the last four bytes are its length; it is unpacked only if they are not those
    of this image, as of a file in several pieces.

    Raises
    ------
    DerivativesError
        If it is shorter.
    """
    with open_file(path) as file:
        size = file.seek(0, 2)
        if path.suffix == ".gz" and size >= 4:
            file.seek(-4, 2)
            if int.from_bytes(file.read(), "little") == n_bytes % 2**32:
                return
            file.seek(0)
            size = _unpacked_size(file, n_bytes)
    if size < n_bytes:
        raise _incomplete(path, size, n_bytes)


def _unpacked_size(file: BinaryIO, n_bytes: int) -> int:
    """Number of bytes that a gzip file holds, up to ``n_bytes``."""
    size = 0
    try:
        with gzip.GzipFile(fileobj=file) as unpacked:
            while size < n_bytes and (piece := unpacked.read(PIECE)):
                size += len(piece)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        pass  # what was unpacked before is what there is
    return size


def _incomplete(path: Path, size: int, n_bytes: int) -> DerivativesError:
    return DerivativesError(
        f"has {size:,} bytes{' (gzip)' * (path.suffix == '.gz')}, but an image of {n_bytes:,} "
        "bytes by its header: it is incomplete. Copy or make it again (datalad get?).",
        path,
    )


@dataclass(frozen=True, eq=False)
class Series:
    """Dense BOLD of one run, read block by block.

    Attributes
    ----------
    tr_s : float or None
        Repetition time of the image's header (s); None if it has none.
    n_bytes : int
        Size of the file by its header, uncompressed.
    blocks : callable
        Yields the first point of each block, and its time series: (n_points_of_block, n_frames),
        float32. May raise a DerivativesError if the file is truncated.
    """

    path: Path
    points: Points
    n_frames: int
    tr_s: float | None
    n_bytes: int
    blocks: Callable[[], Iterator[tuple[int, NDArray[np.float32]]]]


def grid_of(points: Voxels) -> str:
    """Shape, voxel size and origin of a grid in words."""
    origin = ", ".join(f"{value:g}" for value in points.affine[:3, 3])
    size = ", ".join(f"{value:g}" for value in np.diag(points.affine)[:3])
    shape = " x ".join(map(str, points.mask.shape))
    return f"{shape} voxels of {size} mm from {origin} mm"
