"""Cortex of both hemispheres as one list of points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_diag, csr_array
from scipy.sparse.csgraph import dijkstra

from painprint.arrays import Codes, Matrix, Vector
from painprint.cortex.mesh import Mesh


@dataclass(frozen=True, eq=False)
class Cortex:
    """Points of cortex: those of the first hemisphere, then those of the next.

    Attributes
    ----------
    meshes : mapping of str to Mesh
        By hemisphere, such as L and R.
    """

    meshes: Mapping[str, Mesh]

    @cached_property
    def parts(self) -> dict[str, slice]:
        """Which points are whose."""
        counts = [int(mesh.cortex.sum()) for mesh in self.meshes.values()]
        ends = np.cumsum([0, *counts]).tolist()
        slices = (slice(a, b) for a, b in zip(ends[:-1], ends[1:], strict=True))
        return dict(zip(self.meshes, slices, strict=True))

    @property
    def n_points(self) -> int:
        """Points of all hemispheres."""
        return sum(int(mesh.cortex.sum()) for mesh in self.meshes.values())

    @cached_property
    def sides(self) -> NDArray[np.str_]:
        """The hemisphere of each point: (n_points,)."""
        return np.concatenate([np.full(p.stop - p.start, s) for s, p in self.parts.items()])

    @cached_property
    def adjacency(self) -> csr_array:
        """1 where two points share an edge: (n_points, n_points)."""
        inside = [mesh.adjacency[mesh.cortex][:, mesh.cortex] for mesh in self.meshes.values()]
        return csr_array(block_diag(inside, format="csr"))

    @cached_property
    def areas(self) -> Vector:
        """Of each point (mm²)."""
        return np.concatenate([mesh.areas[mesh.cortex] for mesh in self.meshes.values()])

    @cached_property
    def places(self) -> Matrix:
        """Of each point (mm): (n_points, 3)."""
        return np.concatenate([mesh.vertices[mesh.cortex] for mesh in self.meshes.values()])

    def within(self, points: Codes, limit_mm: float) -> csr_array:
        """True where two of these points are closer along the surface: (n, n).

        Parameters
        ----------
        points : ndarray of int, shape (n,)
        limit_mm : float
            Points of different hemispheres are never close.
        """
        rows, columns = [], []
        for side, mesh in self.meshes.items():
            part = self.parts[side]
            here = np.flatnonzero((points >= part.start) & (points < part.stop))
            if not len(here):
                continue
            vertex = np.flatnonzero(mesh.cortex)[points[here] - part.start]
            number = np.full(len(mesh.vertices), -1)
            number[vertex] = here
            found = mesh.distances(vertex, limit_mm).tocoo()
            other = number[found.col]
            near = (other >= 0) & (found.data < limit_mm)
            rows.append(here[found.row[near]])
            columns.append(other[near])
        ends = (
            np.concatenate([np.empty(0, np.int64), *rows]),
            np.concatenate([np.empty(0, np.int64), *columns]),
        )
        return csr_array((np.ones(len(ends[0]), bool), ends), shape=(len(points),) * 2)

    def medoids(self, labels: Codes) -> Codes:
        """The point of each area from which the ways to its other points are shortest in sum.

        Parameters
        ----------
        labels : ndarray of int, shape (n_points,)
            From 1; 0 is none. Areas lie in one hemisphere each.

        Returns
        -------
        medoids : ndarray of int, shape (n_areas,)

        Notes
        -----
        Ways lead through the area; between pieces that do not touch they count as straight lines.
        """
        steps = block_diag(
            [mesh.paths[mesh.cortex][:, mesh.cortex] for mesh in self.meshes.values()], format="csr"
        )
        found = []
        for points in members(labels):
            away = dijkstra(steps[points][:, points], directed=False)
            apart = ~np.isfinite(away)
            if apart.any():
                straight = np.linalg.norm(
                    self.places[points][:, None] - self.places[points], axis=2
                )
                away[apart] = straight[apart]
            found.append(points[away.sum(axis=1).argmin()])
        return np.array(found, dtype=np.int64)


def members(labels: Codes) -> list[Codes]:
    """The points of each area, 1 to the highest: a list of n_areas arrays."""
    order = np.argsort(labels, kind="stable")
    ends = np.cumsum(np.bincount(labels))
    return [order[a:b] for a, b in zip(ends[:-1], ends[1:], strict=True)]
