"""Vertices and voxels of grayordinates, and coordinates (mm) of voxels and labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from painprint.errors import DerivativesError
from painprint.files.images import STRUCTURES, Grayordinates, Voxels

if TYPE_CHECKING:
    from painprint.files.labels import LabelImage


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


def centroids(
    image: LabelImage, wanted: NDArray[np.int64], surfaces: Mapping[str, NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Mean coordinates of each label: (n_wanted, 3), mm; NaN where they are not known.

    Parameters
    ----------
    wanted : ndarray of int
        Labels.
    surfaces : mapping of str to array of shape (n_vertices, 3)
        Coordinates (mm) by CIFTI structure; vertices of other structures have none.
    """
    xyz = np.full((len(image.labels), 3), np.nan)
    if isinstance(image.points, Voxels):
        xyz = millimetres(np.argwhere(image.points.mask), image.points.affine)
    else:
        axis = image.points.axis
        if axis.volume_mask.any():
            xyz[axis.volume_mask] = millimetres(axis.voxel[axis.volume_mask], axis.affine)
        for structure, n_vertices in axis.nvertices.items():
            if len(surfaces.get(structure, ())) == n_vertices:
                in_structure = axis.name == structure
                xyz[in_structure] = surfaces[structure][axis.vertex[in_structure]]
    return np.array([_mean(xyz[image.labels == label]) for label in wanted])


def _mean(xyz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of coordinates; NaN if there are none."""
    return xyz.mean(axis=0) if len(xyz) else np.full(3, np.nan)


def millimetres(voxels: NDArray[Any], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coordinates (mm) of voxel indices: both (n, 3)."""
    return np.asarray(voxels @ affine[:3, :3].T + affine[:3, 3])
