"""Grayordinates and voxels of dense images, and time series of them."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from painprint.errors import DerivativesError
from painprint.store.files import write_bytes

POINTS_AT_A_TIME = 2048
"""Block size for dense time series: 11 MB at 1,350 frames."""
STRUCTURES = {"L": "CIFTI_STRUCTURE_CORTEX_LEFT", "R": "CIFTI_STRUCTURE_CORTEX_RIGHT"}
"""CIFTI's names of the cortex of each hemisphere."""
BOTH_SIGNS, POSITIVE = "ROY-BIG-BL", "magma"
"""Workbench's palettes for maps of both signs, and for positive maps."""
AFFINE_TOLERANCE_MM = 1e-3
"""Grids are considered the same if their affines differ by less."""


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
        yield
    except DerivativesError:
        raise
    except Exception as error:
        raise DerivativesError(f"cannot be read as {what} ({error}).", path) from error


@dataclass(frozen=True, eq=False)
class Series:
    """Dense BOLD of one run, read block by block.

    Attributes
    ----------
    tr_s : float or None
        Repetition time of the image's header (s); None if it has none.
    blocks : callable
        Yields the first point of each block, and its time series: (n_points_of_block, n_frames),
        float32. May raise a DerivativesError if the file is truncated.
    """

    path: Path
    points: Points
    n_frames: int
    tr_s: float | None
    blocks: Callable[[], Iterator[tuple[int, NDArray[np.float32]]]]


def grid_of(points: Voxels) -> str:
    """Shape, voxel size and origin of a grid in words."""
    origin = ", ".join(f"{value:g}" for value in points.affine[:3, 3])
    size = ", ".join(f"{value:g}" for value in np.diag(points.affine)[:3])
    shape = " x ".join(map(str, points.mask.shape))
    return f"{shape} voxels of {size} mm from {origin} mm"


def write_image(path: Path, content: bytes) -> None:
    """Write an image atomically, compressed if its name ends with .gz."""
    write_bytes(path, gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
