"""Boundary maps: where connectivity changes abruptly, found by flooding gradient maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray
from scipy.sparse import csr_array

from painprint.arrays import Codes, Single

N_LEVELS = 200
"""Steps of height in which a gradient map is flooded."""
SEED_RINGS = 3
"""A basin starts where a vertex lies lower than all within so many rings."""
UNREACHED, BOUNDARY = 0, -1
"""Of vertices without a label: not flooded yet, and between two basins for good."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Neighbours of each vertex, as places in one long list.

    Attributes
    ----------
    pointer : array of int, shape (n_vertices + 1,)
    index : array of int
    """

    pointer: Codes
    index: Codes

    @classmethod
    def of(cls, adjacency: csr_array) -> Neighbours:
        """Neighbours by a symmetric matrix, which is not zero where two vertices touch."""
        sorted_rows = csr_array(adjacency)
        sorted_rows.sort_indices()
        return cls(
            np.asarray(sorted_rows.indptr, dtype=np.int64),
            np.asarray(sorted_rows.indices, dtype=np.int64),
        )

    @classmethod
    def within(cls, adjacency: csr_array, rings: int) -> Neighbours:
        """All vertices within so many rings, the vertex itself left out."""
        step = csr_array(adjacency.astype(bool).astype(np.int32))
        reached = step
        for _ in range(rings - 1):
            reached = csr_array((reached @ step + reached).astype(bool).astype(np.int32))
        reached.setdiag(0)
        reached.eliminate_zeros()
        return cls.of(reached)


def boundary_density(
    gradients: Single,
    ring: Neighbours,
    near: Neighbours,
    ends: tuple[float, float],
    seeds: NDArray[np.uint32],
) -> Codes:
    """In how many maps each vertex is a boundary.

    Parameters
    ----------
    gradients : ndarray of shape (n_vertices, n_maps), float32
        Smoothed gradient maps.
    ring : Neighbours
        That touch.
    near : Neighbours
        Within ``SEED_RINGS`` rings.
    ends : (low, high)
        Between which the levels of flooding lie, the same for all maps.
    seeds : ndarray of uint32, shape (n_maps,)
        Of the random order in which each map is swept.

    Returns
    -------
    count : ndarray of int, shape (n_vertices,)
        Maps in which the vertex has no basin at the end: it lies between two, or was not reached.
    """
    low, high = ends
    step = (high - low) / N_LEVELS
    return _flood_maps(
        np.ascontiguousarray(gradients.T), ring.pointer, ring.index, near.pointer, near.index,
        low, step, seeds,
    )  # fmt: skip


@njit(cache=True, parallel=True)
def _flood_maps(maps, pointer, index, near_pointer, near_index, low, step, seeds):  # type: ignore[no-untyped-def]  # pragma: no cover
    n_maps, n = maps.shape
    edge = np.zeros((n_maps, n), np.uint8)
    for m in prange(n_maps):
        values = maps[m]
        labels = np.zeros(n, np.int64)
        basins = 0
        for i in range(n):
            lowest = near_pointer[i] < near_pointer[i + 1]
            for k in range(near_pointer[i], near_pointer[i + 1]):
                if values[near_index[k]] <= values[i]:
                    lowest = False
                    break
            if lowest:
                basins += 1
                labels[i] = basins
        level = np.empty(n, np.int64)
        for i in range(n):
            # flooded at the first level that lies above it
            at = int(np.floor((values[i] - low) / step)) + 1
            level[i] = min(max(at, 0), N_LEVELS + 1)
        _flood(labels, level, N_LEVELS, pointer, index, seeds[m])
        for i in range(n):
            edge[m, i] = labels[i] <= 0
    count = np.zeros(n, np.int64)
    for m in range(n_maps):
        for i in range(n):
            count[i] += edge[m, i]
    return count


@njit(cache=True)
def _flood(labels, level, highest, pointer, index, seed):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Let basins grow, level by level; vertices between two become boundaries.

    At each level every vertex below it that has no label is looked at once, in random order: one
    label among its neighbours is taken, two make it a boundary, none lets it wait.
    """
    np.random.seed(seed)  # noqa: NPY002 (compiled code has its own)
    n = len(labels)
    starts = np.zeros(highest + 2, np.int64)
    for i in range(n):
        if labels[i] == UNREACHED and level[i] <= highest:
            starts[level[i] + 1] += 1
    starts = np.cumsum(starts)
    order = np.empty(starts[-1], np.int64)
    at = starts[:-1].copy()
    for i in range(n):
        if labels[i] == UNREACHED and level[i] <= highest:
            order[at[level[i]]] = i
            at[level[i]] += 1
    waiting = np.empty(n, np.int64)
    n_waiting = 0
    for h in range(highest + 1):
        for k in range(starts[h], starts[h + 1]):
            waiting[n_waiting] = order[k]
            n_waiting += 1
        for k in range(n_waiting - 1, 0, -1):  # shuffle
            other = np.random.randint(0, k + 1)  # noqa: NPY002
            waiting[k], waiting[other] = waiting[other], waiting[k]
        left = 0
        for k in range(n_waiting):
            i = waiting[k]
            found, two = UNREACHED, False
            for e in range(pointer[i], pointer[i + 1]):
                label = labels[index[e]]
                if label > 0 and label != found:
                    if found > 0:
                        two = True
                        break
                    found = label
            if two:
                labels[i] = BOUNDARY
            elif found > 0:
                labels[i] = found
            else:
                waiting[left] = i
                left += 1
        n_waiting = left
