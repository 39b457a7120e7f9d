"""Cortical vertices of both hemispheres in one array."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_diag, csr_array
from scipy.sparse.csgraph import dijkstra

from painprint.arrays import Codes, Matrix, Vector, short_repr
from painprint.cortex.mesh import Mesh


@short_repr
@dataclass(frozen=True, eq=False)
class Cortex:
    """Cortical vertices: those of the first hemisphere, then those of the next.

    Attributes
    ----------
    meshes : mapping of str to Mesh
        By hemisphere, such as L and R.
    """

    meshes: Mapping[str, Mesh]

    @cached_property
    def parts(self) -> dict[str, slice]:
        """Vertices of each hemisphere."""
        counts = [int(mesh.cortex.sum()) for mesh in self.meshes.values()]
        ends = np.cumsum([0, *counts]).tolist()
        slices = (slice(a, b) for a, b in zip(ends[:-1], ends[1:], strict=True))
        return dict(zip(self.meshes, slices, strict=True))

    @property
    def n_points(self) -> int:
        """Number of cortical vertices of all hemispheres."""
        return sum(int(mesh.cortex.sum()) for mesh in self.meshes.values())

    @cached_property
    def sides(self) -> NDArray[np.str_]:
        """Hemisphere of each vertex: (n_points,)."""
        return np.concatenate([np.full(p.stop - p.start, s) for s, p in self.parts.items()])

    @cached_property
    def adjacency(self) -> csr_array:
        """1 where two vertices share an edge: (n_points, n_points)."""
        inside = [mesh.adjacency[mesh.cortex][:, mesh.cortex] for mesh in self.meshes.values()]
        return csr_array(block_diag(inside, format="csr"))

    @cached_property
    def areas(self) -> Vector:
        """Surface area of each vertex (mm²): (n_points,)."""
        return np.concatenate([mesh.areas[mesh.cortex] for mesh in self.meshes.values()])

    @cached_property
    def coordinates(self) -> Matrix:
        """Coordinates of each vertex (mm): (n_points, 3)."""
        return np.concatenate([mesh.vertices[mesh.cortex] for mesh in self.meshes.values()])

    def within(self, points: Codes, limit_mm: float) -> csr_array:
        """True where the geodesic distance of two vertices is below a limit: (n, n).

        Parameters
        ----------
        points : ndarray of int, shape (n,)
        limit_mm : float
            Vertices of different hemispheres are never close.
        """
        rows, columns = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for side, mesh in self.meshes.items():
            part = self.parts[side]
            of_side = np.flatnonzero((points >= part.start) & (points < part.stop))
            if not len(of_side):
                continue
            vertex = np.flatnonzero(mesh.cortex)[points[of_side] - part.start]
            index_of_vertex = np.full(len(mesh.vertices), -1)
            index_of_vertex[vertex] = of_side
            distances = mesh.distances(vertex, limit_mm).tocoo()
            other = index_of_vertex[distances.col]
            near = (other >= 0) & (distances.data < limit_mm)
            rows.append(of_side[distances.row[near]])
            columns.append(other[near])
        ends = np.concatenate(rows), np.concatenate(columns)
        return csr_array((np.ones(len(ends[0]), bool), ends), shape=(len(points),) * 2)

    def medoids(self, labels: Codes) -> Codes:
        """Vertex of each area with the smallest sum of distances to the others: (n_areas,).

        Parameters
        ----------
        labels : ndarray of int, shape (n_points,)
            From 1; 0 is none. Areas lie in one hemisphere each.

        Notes
        -----
        Distances are geodesic, on paths within the area; Euclidean between unconnected pieces.
        """
        steps = block_diag(
            [mesh.paths[mesh.cortex][:, mesh.cortex] for mesh in self.meshes.values()], format="csr"
        )
        medoids = []
        for points in members(labels):
            distances = dijkstra(steps[points][:, points], directed=False)
            unconnected = ~np.isfinite(distances)
            if unconnected.any():
                xyz = self.coordinates[points]
                euclidean = np.linalg.norm(xyz[:, None] - xyz, axis=2)
                distances[unconnected] = euclidean[unconnected]
            medoids.append(points[distances.sum(axis=1).argmin()])
        return np.array(medoids, dtype=np.int64)


def members(labels: Codes) -> list[Codes]:
    """Vertices of each area, from label 1 to the highest: a list of n_areas arrays."""
    order = np.argsort(labels, kind="stable")
    ends = np.cumsum(np.bincount(labels))
    return [order[a:b] for a, b in zip(ends[:-1], ends[1:], strict=True)]
