"""Vertices and voxels of grayordinates, and coordinates (mm) of voxels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from painprint.errors import DerivativesError
from painprint.files.images import STRUCTURES, Grayordinates


def plain_structure(structure: str) -> str:
    """Name of a structure without the prefix of all CIFTI structures."""
    return structure.removeprefix("CIFTI_STRUCTURE_")


def cortex_of(
    points: Grayordinates, path: Path
) -> dict[str, tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
    """Cortical grayordinates by hemisphere: size of the mesh, ascending vertices, and their index.

    Parameters
    ----------
    path : Path
        File named in errors.

    Raises
    ------
    DerivativesError
        If a hemisphere is missing.
    """
    axis, hemispheres = points.axis, {}
    for side, structure in STRUCTURES.items():
        if structure not in axis.nvertices:
            raise DerivativesError(
                f"has no {plain_structure(structure)}; both hemispheres are needed.", path
            )
        index = np.flatnonzero(axis.name == structure)
        index = index[np.argsort(axis.vertex[index])]
        vertices = np.asarray(axis.vertex[index], dtype=np.int64)
        hemispheres[side] = int(axis.nvertices[structure]), vertices, index
    return hemispheres


def subcortical_voxels(points: Grayordinates) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Indices of the grayordinates that are voxels, (n,), and their coordinates (mm), (n, 3)."""
    axis = points.axis
    index = np.flatnonzero(axis.volume_mask)
    if not len(index):
        return index, np.empty((0, 3))
    return index, millimetres(axis.voxel[index], axis.affine)


def millimetres(voxels: NDArray[Any], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coordinates (mm) of voxel indices: both (n, 3)."""
    return np.asarray(voxels @ affine[:3, :3].T + affine[:3, 3])
