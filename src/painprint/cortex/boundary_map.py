"""From similarity to a boundary map: gradients and flooding, a block of seeds at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from scipy.sparse import csr_array

from painprint.arrays import Codes, Matrix, Single
from painprint.cortex.boundary import SEED_RINGS, Neighbours, boundary_density
from painprint.cortex.mesh import Mesh
from painprint.cortex.operators import make_gradient, make_smoothing
from painprint.cortex.settings import N_SEEDS
from painprint.progress import OnStep, count_steps

SIGMA_MM = 2.55
"""Of the smoothing of gradient maps (6 mm full width at half maximum)."""
N_RANGE = 600
"""Maps, the first ones, between whose lowest and highest gradient all are flooded."""
MAPS_AT_A_TIME = 200


class Similarity(Protocol):
    """Gives maps of similarity."""

    @property
    def at_a_time(self) -> int:
        """Maps that are best asked for together."""

    def columns(self, seeds: Codes) -> Single:
        """Similarity of all points to some: (n_points, n_seeds)."""


@dataclass(frozen=True, eq=False)
class Kernels:
    """What flooding needs of one hemisphere: (n_cortex, n_cortex) operators and neighbours.

    Attributes
    ----------
    x, y : csr_array, float32
        Slopes.
    smoothing : csr_array, float32
    """

    x: csr_array
    y: csr_array
    smoothing: csr_array
    ring: Neighbours
    near: Neighbours

    @classmethod
    def of(cls, mesh: Mesh, *, sigma_mm: float = SIGMA_MM) -> Kernels:
        """Make them for a mesh."""
        gradient, smoothing = make_gradient(mesh), make_smoothing(mesh, sigma_mm)
        inside = csr_array(mesh.adjacency[mesh.cortex][:, mesh.cortex])
        return cls(
            gradient.x.astype(np.float32), gradient.y.astype(np.float32),
            smoothing.astype(np.float32), Neighbours.of(inside),
            Neighbours.within(inside, SEED_RINGS),
        )  # fmt: skip

    @property
    def n_cortex(self) -> int:
        """Vertices of cortex."""
        return int(self.x.shape[0])

    def steepness(self, maps: Single) -> Single:
        """Smoothed gradient of maps: (n_cortex, n_maps)."""
        return np.asarray(self.smoothing @ np.hypot(self.x @ maps, self.y @ maps), np.float32)


@dataclass(frozen=True, eq=False)
class BoundaryMap:
    """Where connectivity changes.

    Attributes
    ----------
    density : ndarray of shape (n_points,)
        Share of the maps in which a point is a boundary.
    steepness : ndarray of shape (n_points,)
        Mean smoothed gradient.
    seeds : ndarray of int
        Points whose maps were flooded.
    """

    density: Matrix
    steepness: Matrix
    seeds: Codes


def map_boundaries(
    similarity: Similarity,
    hemispheres: Sequence[Kernels],
    *,
    n_seeds: int = N_SEEDS,
    random_seed: int = 0,
    order_seed: int | None = None,
    on_step: OnStep | None = None,
) -> BoundaryMap:
    """Flood the gradients of similarity maps and average where basins meet.

    Parameters
    ----------
    similarity : LinearSimilarity or ExactSimilarity
        Of the points of all hemispheres, one after the other.
    hemispheres : sequence of Kernels
        In that order; flooding does not cross from one to another.
    n_seeds : int
        Random points whose maps are used; all where there are no more.
    random_seed : int
        Of the points and of the order of flooding. The first so many points are the same however
        many are asked for.
    order_seed : int, optional
        Of another order of flooding, to see what the order does.
    on_step : callable, optional
        Is told how many of how many blocks of maps are done.

    Notes
    -----
    The published levels of flooding span the gradients of all maps; here, of the first 600, so
    that maps need not be kept or made twice. What lies beyond is flooded first, or never.
    """
    n_points = sum(one.n_cortex for one in hemispheres)
    rng = np.random.default_rng(random_seed)
    seeds = rng.permutation(n_points)[:n_seeds].astype(np.int64)
    if order_seed is not None:
        rng = np.random.default_rng(order_seed)
    orders = rng.integers(0, 2**31, size=(len(hemispheres), n_points)).astype(np.uint32)
    starts = np.cumsum([0, *(one.n_cortex for one in hemispheres)])
    parts = [slice(a, b) for a, b in zip(starts[:-1], starts[1:], strict=True)]
    count, total = np.zeros(n_points), np.zeros(n_points)
    firsts = [0, *range(N_RANGE, len(seeds), similarity.at_a_time), len(seeds)]
    step = count_steps(on_step, len(range(0, len(seeds), MAPS_AT_A_TIME)))
    ends: tuple[float, float] | None = None
    for start, stop in pairwise(sorted(set(firsts))):
        maps = similarity.columns(seeds[start:stop])
        for one, part in zip(hemispheres, parts, strict=True):
            for first in range(0, stop - start, MAPS_AT_A_TIME):
                block = slice(first, first + MAPS_AT_A_TIME)
                maps[part, block] = one.steepness(maps[part, block])
        if ends is None:
            ends = float(maps.min()), float(maps.max())
        for one, part, order in zip(hemispheres, parts, orders, strict=True):
            total[part] += maps[part].sum(axis=1, dtype=float)
            for first in range(0, stop - start, MAPS_AT_A_TIME):
                block = slice(first, first + MAPS_AT_A_TIME)
                shuffles = order[start:stop][block]
                steep = maps[part, block]
                count[part] += boundary_density(steep, one.ring, one.near, ends, shuffles)
        for _ in range(0, stop - start, MAPS_AT_A_TIME):
            step()
    return BoundaryMap(count / len(seeds), total / len(seeds), seeds)
