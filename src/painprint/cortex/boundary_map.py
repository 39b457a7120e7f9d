"""Boundary map from similarity maps: gradient and watershed, a block of seeds at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from scipy.sparse import csr_array

from painprint.arrays import Codes, Matrix, Single, short_repr
from painprint.cortex.boundary import SEED_RINGS, Neighbours, boundary_density
from painprint.cortex.mesh import Mesh
from painprint.cortex.operators import make_gradient, make_smoothing
from painprint.cortex.settings import N_SEEDS
from painprint.progress import OnStep, count_steps

SIGMA_MM = 2.55
"""Standard deviation of the smoothing of gradient maps (6 mm full width at half maximum)."""
N_RANGE = 600
"""Number of first maps whose gradient range sets the watershed levels of all maps."""
MAPS_AT_A_TIME = 200


class Similarity(Protocol):
    """Computes similarity maps of connectivity."""

    @property
    def at_a_time(self) -> int:
        """Number of seeds that are best computed in one call."""

    def columns(self, seeds: Codes) -> Single:
        """Similarity of all vertices to the seeds: (n_points, n_seeds)."""


@short_repr
@dataclass(frozen=True, eq=False)
class Kernels:
    """Operators (n_cortex, n_cortex) and neighbours of one hemisphere, for boundary maps.

    Attributes
    ----------
    x, y : csr_array, float32
        Gradient along the two tangent directions (per mm).
    """

    x: csr_array
    y: csr_array
    smoothing: csr_array
    ring: Neighbours
    near: Neighbours

    @classmethod
    def of(cls, mesh: Mesh, *, sigma_mm: float = SIGMA_MM) -> Kernels:
        """Operators of a mesh."""
        gradient, smoothing = make_gradient(mesh), make_smoothing(mesh, sigma_mm)
        inside = csr_array(mesh.adjacency[mesh.cortex][:, mesh.cortex])
        return cls(
            gradient.x.astype(np.float32), gradient.y.astype(np.float32),
            smoothing.astype(np.float32), Neighbours.of(inside),
            Neighbours.within(inside, SEED_RINGS),
        )  # fmt: skip

    @property
    def n_cortex(self) -> int:
        """Number of cortical vertices."""
        return int(self.x.shape[0])

    def steepness(self, maps: Single) -> Single:
        """Smoothed gradient magnitude of maps: (n_cortex, n_maps)."""
        return np.asarray(self.smoothing @ np.hypot(self.x @ maps, self.y @ maps), np.float32)


@short_repr
@dataclass(frozen=True, eq=False)
class BoundaryMap:
    """Boundary map of the cortex.

    Attributes
    ----------
    density : ndarray of shape (n_points,)
        Share of the similarity maps in which a vertex is a watershed boundary.
    steepness : ndarray of shape (n_points,)
        Mean smoothed gradient magnitude.
    seeds : ndarray of int
        Seed vertices of the similarity maps.
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
    """Average the watershed boundaries of the gradients of similarity maps.

    Parameters
    ----------
    similarity : LinearSimilarity or ExactSimilarity
        Of the vertices of all hemispheres, one hemisphere after the other.
    hemispheres : sequence of Kernels
        In the same order; a watershed does not cross from one to another.
    n_seeds : int
        Number of random seed vertices; all vertices if there are fewer.
    random_seed : int
        Of the seed vertices and of the order of visits. A smaller ``n_seeds`` takes the first
        seed vertices of a larger one.
    order_seed : int, optional
        Another seed of the order of visits alone, to estimate the effect of that order.
    on_step : callable, optional
        Called with the number of finished blocks of maps and their total.

    Notes
    -----
    The published watershed levels span the gradients of all maps; here, of the first 600, so that
    maps are neither kept nor computed twice. Lower values are reached first, higher ones never.
    """
    n_points = sum(kernels.n_cortex for kernels in hemispheres)
    rng = np.random.default_rng(random_seed)
    # a permutation, not a draw: more seeds extend fewer
    seeds = rng.permutation(n_points)[:n_seeds].astype(np.int64)
    if order_seed is not None:
        rng = np.random.default_rng(order_seed)
    orders = rng.integers(0, 2**31, size=(len(hemispheres), n_points)).astype(np.uint32)
    starts = np.cumsum([0, *(kernels.n_cortex for kernels in hemispheres)])
    parts = [slice(a, b) for a, b in zip(starts[:-1], starts[1:], strict=True)]
    count, total = np.zeros(n_points), np.zeros(n_points)
    firsts = [0, *range(N_RANGE, len(seeds), similarity.at_a_time), len(seeds)]
    step = count_steps(on_step, len(range(0, len(seeds), MAPS_AT_A_TIME)))
    ends: tuple[float, float] | None = None
    for start, stop in pairwise(sorted(set(firsts))):
        maps = similarity.columns(seeds[start:stop])
        blocks = [slice(i, i + MAPS_AT_A_TIME) for i in range(0, stop - start, MAPS_AT_A_TIME)]
        for kernels, part in zip(hemispheres, parts, strict=True):
            for block in blocks:
                maps[part, block] = kernels.steepness(maps[part, block])  # in place, for memory
        if ends is None:
            ends = float(maps.min()), float(maps.max())
        for kernels, part, order in zip(hemispheres, parts, orders, strict=True):
            total[part] += maps[part].sum(axis=1, dtype=float)
            for block in blocks:
                shuffles = order[start:stop][block]
                steep = maps[part, block]
                count[part] += boundary_density(steep, kernels.ring, kernels.near, ends, shuffles)
        for _ in blocks:
            step()
    return BoundaryMap(count / len(seeds), total / len(seeds), seeds)
