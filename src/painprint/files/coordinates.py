"""Where points and labels of an image lie: vertices of the cortex, millimetres of voxels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from painprint.files.errors import DerivativesError
from painprint.files.images import (
    STRUCTURES,
    Grayordinates,
    Voxels,
)

if TYPE_CHECKING:
    from painprint.files.labels import LabelImage


def plain_structure(structure: str) -> str:
    """A structure's name without the prefix that all have."""
    return structure.removeprefix("CIFTI_STRUCTURE_")


def cortex_of(
    points: Grayordinates, path: Path
) -> dict[str, tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
    """By hemisphere: vertices of the whole mesh; those that are points, ascending; which points.

    Parameters
    ----------
    path : Path
        Of the file, for messages.

    Raises
    ------
    DerivativesError
        If a hemisphere is missing.
    """
    axis, found = points.axis, {}
    for side, structure in STRUCTURES.items():
        if structure not in axis.nvertices:
            raise DerivativesError(
                f"has no {plain_structure(structure)}; areas are made of both hemispheres.", path
            )
        place = np.flatnonzero(axis.name == structure)
        place = place[np.argsort(axis.vertex[place])]
        vertices = np.asarray(axis.vertex[place], dtype=np.int64)
        found[side] = int(axis.nvertices[structure]), vertices, place
    return found


def deep_voxels(points: Grayordinates) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Which grayordinates are voxels, and where they lie: (n,), and (n, 3) in mm."""
    axis = points.axis
    inside = np.flatnonzero(axis.volume_mask)
    if not len(inside):
        return inside, np.empty((0, 3))
    return inside, millimetres(axis.voxel[inside], axis.affine)


def centroids(
    image: LabelImage, wanted: NDArray[np.int64], surfaces: Mapping[str, NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Mean place of the points of each label: (n_wanted, 3), mm; NaN where it is not known.

    Parameters
    ----------
    wanted : ndarray of int
        Labels.
    surfaces : mapping of str to array of shape (n_vertices, 3)
        Coordinates by CIFTI structure; vertices of other structures have no place.
    """
    place = np.full((len(image.labels), 3), np.nan)
    if isinstance(image.points, Voxels):
        place = millimetres(np.argwhere(image.points.mask), image.points.affine)
    else:
        axis = image.points.axis
        if axis.volume_mask.any():
            place[axis.volume_mask] = millimetres(axis.voxel[axis.volume_mask], axis.affine)
        for structure, n_vertices in axis.nvertices.items():
            if len(surfaces.get(structure, ())) == n_vertices:
                here = axis.name == structure
                place[here] = surfaces[structure][axis.vertex[here]]
    return np.array([_mean_place(place[image.labels == label]) for label in wanted])


def _mean_place(place: NDArray[np.float64]) -> NDArray[np.float64]:
    return place.mean(axis=0) if len(place) else np.full(3, np.nan)


def millimetres(voxels: NDArray[Any], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(voxels @ affine[:3, :3].T + affine[:3, 3])
