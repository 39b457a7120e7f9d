"""Regions on a brain to be drawn: cortical meshes, and points of subcortical regions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array
from scipy.spatial import cKDTree

from painprint.arrays import Codes, Matrix, short_repr
from painprint.regions import NO_REGION, Regions

SIDES = ("L", "R")
REACH = 2
"""Edges from a region that its surroundings reach; two regions are neighbours where these meet."""
CORTEX_MM = 5.0
"""A voxel within this distance of the cortical mesh counts as cortex."""
SUBCORTICAL_MM = 12.0
"""A region whose centre is farther from the cortical mesh is subcortical; the centre of a large
cortical region lies off the mesh."""


@short_repr
@dataclass(frozen=True, eq=False)
class CorticalMesh:
    """Cortical mesh of one hemisphere in several shapes, with the region of each vertex.

    Parameters
    ----------
    faces : array of int, shape (n_faces, 3)
        Vertices of each triangle.
    shapes : mapping of str to array of shape (n_vertices, 3)
        Coordinates (mm, RAS) by shape, such as "folded" and "inflated"; the first is the default.
    region : array of int, shape (n_vertices,)
        Index of each vertex's region; ``NO_REGION`` where it has none.

    Raises
    ------
    ValueError
        If numbers of vertices differ, or a face refers to a missing vertex.
    """

    faces: Codes
    shapes: Mapping[str, Matrix]
    region: Codes

    def __post_init__(self) -> None:
        n = len(self.region)
        if not self.shapes or any(shape.shape != (n, 3) for shape in self.shapes.values()):
            sizes = {name: shape.shape for name, shape in self.shapes.items()}
            raise ValueError(f"shapes of {n} vertices are needed, not {sizes}.")
        if not (0 <= self.faces.min() and self.faces.max() < n):
            raise ValueError(f"faces have vertices up to {self.faces.max()}, of {n}.")


@short_repr
@dataclass(frozen=True, eq=False)
class SubcorticalPoints:
    """Subcortical regions as points.

    Parameters
    ----------
    coordinates : array of shape (n_points, 3)
        mm.
    region : array of int, shape (n_points,)
        Index of each point's region.
    size_mm : float
        Width of a point: of a voxel, or of the ball that represents a region.
    """

    coordinates: Matrix
    region: Codes
    size_mm: float


@short_repr
@dataclass(frozen=True, eq=False)
class Brain:
    """Surfaces and points on which values of regions are drawn.

    Parameters
    ----------
    meshes : mapping of str to CorticalMesh
        By hemisphere, L and R.
    template : mapping of str to (vertices, faces)
        Pial surface of a template by hemisphere, as outline around subcortical regions, in their
        space.
    description : str
        Which surface it is, and how regions were mapped to it.
    """

    regions: Regions
    meshes: Mapping[str, CorticalMesh]
    subcortical: SubcorticalPoints | None
    template: Mapping[str, tuple[Matrix, Codes]]
    description: str

    @property
    def n_shown(self) -> int:
        """Number of regions with a vertex or a subcortical point."""
        shown = [mesh.region for mesh in self.meshes.values()]
        shown += [self.subcortical.region] if self.subcortical is not None else []
        return len(np.setdiff1d(np.concatenate(shown), [NO_REGION]))


def neighbouring_regions(brain: Brain) -> list[tuple[int, int]]:
    """Pairs of regions that touch on a mesh, or are as near as areas across their boundary.

    Vertices of boundaries belong to no area, so regions count as neighbours up to
    2 * ``REACH`` edges of the mesh.
    """
    n, pairs = len(brain.regions.names), np.zeros((0, 2), dtype=np.int64)
    for mesh in brain.meshes.values():
        n_vertices = len(mesh.region)
        a, b = np.concatenate(
            [mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]]
        ).T
        step = csr_array((np.ones(len(a)), (a, b)), shape=(n_vertices, n_vertices))
        step = step + step.T + eye_array(n_vertices, format="csr")
        inside = np.flatnonzero(mesh.region != NO_REGION)
        of_region = csr_array(
            (np.ones(len(inside)), (inside, mesh.region[inside])), shape=(n_vertices, n)
        )
        for _ in range(REACH):
            of_region = (step @ of_region).sign()
        near = (of_region.T @ of_region).tocoo()
        pairs = np.vstack([pairs, np.stack([near.row, near.col], axis=1)])
    return [(int(a), int(b)) for a, b in np.unique(pairs, axis=0) if a < b]


def nearest_region(vertices: Matrix, centres: Matrix, among: NDArray[np.bool_]) -> Codes:
    """Cortical region whose centre is nearest to each vertex: (n_vertices,).

    Parameters
    ----------
    vertices : ndarray of shape (n_vertices, 3)
        Coordinates (mm).
    centres : ndarray of shape (n_regions, 3)
        Coordinates (mm); NaN where not known.
    among : ndarray of bool, shape (n_regions,)
        Regions to choose from.
    """
    known = np.flatnonzero(among & np.isfinite(centres).all(axis=1))
    distance = np.asarray(cKDTree(vertices).query(centres[known])[0])
    chosen = known[distance <= SUBCORTICAL_MM]
    if not len(chosen):
        return np.full(len(vertices), NO_REGION)
    return chosen[cKDTree(centres[chosen]).query(vertices)[1]]


def subcortical_regions(
    coordinates: Matrix, region: Codes, meshes: Mapping[str, CorticalMesh]
) -> Codes:
    """Regions that the cortical meshes cannot show.

    These have no vertex, or fewer than half of their points in cortex.

    Parameters
    ----------
    coordinates : ndarray of shape (n_points, 3)
        Points of regions (mm).
    region : ndarray of int, shape (n_points,)
    meshes : mapping of str to CorticalMesh
        With a shape "folded" in the same space.
    """
    present: Any = np.unique(region[region != NO_REGION])
    on_mesh = np.concatenate([mesh.region for mesh in meshes.values()])
    vertices = np.concatenate([mesh.shapes["folded"] for mesh in meshes.values()])
    distance: Matrix = np.asarray(cKDTree(vertices).query(coordinates)[0])
    in_cortex = np.array([(distance[region == k] <= CORTEX_MM).mean() for k in present])
    return present[(in_cortex < 0.5) | ~np.isin(present, on_mesh)]
