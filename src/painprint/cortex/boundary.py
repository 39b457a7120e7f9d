"""Boundary maps: where connectivity changes abruptly, by watershed of gradient maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from painprint.arrays import Codes, Single
from painprint.compiled import kernel, prange

N_LEVELS = 200
"""Height levels of the watershed of a gradient map."""
SEED_RINGS = 3
"""A vertex is a local minimum if it is lower than all vertices within this number of rings."""
UNREACHED, BOUNDARY = 0, -1
"""Labels of vertices that are not reached yet, and of those between two watershed regions."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Neighbours of each vertex in compressed sparse row format.

    Attributes
    ----------
    pointer : array of int, shape (n_vertices + 1,)
        Neighbours of vertex i are ``index[pointer[i] : pointer[i + 1]]``.
    """

    pointer: Codes
    index: Codes

    @classmethod
    def of(cls, adjacency: csr_array) -> Neighbours:
        """Neighbours from a symmetric adjacency matrix."""
        sorted_rows = csr_array(adjacency)
        sorted_rows.sort_indices()
        return cls(
            np.asarray(sorted_rows.indptr, dtype=np.int64),
            np.asarray(sorted_rows.indices, dtype=np.int64),
        )

    @classmethod
    def within(cls, adjacency: csr_array, rings: int) -> Neighbours:
        """All vertices within the given number of rings, without the vertex itself."""
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
    """Count the gradient maps in which each vertex is a watershed boundary.

    Parameters
    ----------
    gradients : ndarray of shape (n_vertices, n_maps), float32
        Smoothed gradient maps.
    ring : Neighbours
        Adjacent vertices.
    near : Neighbours
        Vertices within ``SEED_RINGS`` rings.
    ends : (low, high)
        Range of the watershed levels, the same for all maps.
    seeds : ndarray of uint32, shape (n_maps,)
        Random seed of the order in which vertices of each map are visited.

    Returns
    -------
    count : ndarray of int, shape (n_vertices,)
        Maps in which the vertex has no label: it lies between two regions, or was not reached.
    """
    low, high = ends
    step = (high - low) / N_LEVELS
    return _watershed_maps(
        np.ascontiguousarray(gradients.T), ring.pointer, ring.index, near.pointer, near.index,
        low, step, seeds,
    )  # fmt: skip


@kernel(parallel=True, nogil=True)
def _watershed_maps(maps, pointer, index, near_pointer, near_index, low, step, seeds):  # type: ignore[no-untyped-def]  # pragma: no cover
    n_maps, n = maps.shape
    edge = np.zeros((n_maps, n), np.uint8)
    for m in prange(n_maps):
        values = maps[m]
        labels = np.zeros(n, np.int64)
        n_minima = 0
        for i in range(n):
            lowest = near_pointer[i] < near_pointer[i + 1]
            for k in range(near_pointer[i], near_pointer[i + 1]):
                if values[near_index[k]] <= values[i]:
                    lowest = False
                    break
            if lowest:
                n_minima += 1
                labels[i] = n_minima
        level = np.empty(n, np.int64)
        for i in range(n):
            # the first level strictly above the value; N_LEVELS + 1 is never reached
            above = int(np.floor((values[i] - low) / step)) + 1
            level[i] = min(max(above, 0), N_LEVELS + 1)
        _watershed(labels, level, N_LEVELS, pointer, index, seeds[m])
        for i in range(n):
            edge[m, i] = labels[i] <= 0
    count = np.zeros(n, np.int64)
    for m in range(n_maps):
        for i in range(n):
            count[i] += edge[m, i]
    return count


@kernel(nogil=True)
def _watershed(labels, level, highest, pointer, index, seed):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Grow labels in place, level by level; vertices between two labels become boundaries.

    At each level every unlabelled vertex up to that level is visited once, in random order. With
    one label among its neighbours it takes that label, with two it becomes a boundary, with none
    it is visited again at the next level.
    """
    np.random.seed(seed)  # noqa: NPY002 (compiled code has its own generator)
    n = len(labels)
    starts = np.zeros(highest + 2, np.int64)
    for i in range(n):
        if labels[i] == UNREACHED and level[i] <= highest:
            starts[level[i] + 1] += 1
    starts = np.cumsum(starts)
    order = np.empty(starts[-1], np.int64)
    fill = starts[:-1].copy()
    for i in range(n):  # counting sort of the vertices by level
        if labels[i] == UNREACHED and level[i] <= highest:
            order[fill[level[i]]] = i
            fill[level[i]] += 1
    waiting = np.empty(n, np.int64)
    n_waiting = 0
    for h in range(highest + 1):
        for k in range(starts[h], starts[h + 1]):
            waiting[n_waiting] = order[k]
            n_waiting += 1
        for k in range(n_waiting - 1, 0, -1):  # Fisher-Yates shuffle
            other = np.random.randint(0, k + 1)  # noqa: NPY002
            waiting[k], waiting[other] = waiting[other], waiting[k]
        n_kept = 0
        for k in range(n_waiting):
            i = waiting[k]
            first, is_boundary = UNREACHED, False
            for e in range(pointer[i], pointer[i + 1]):
                label = labels[index[e]]
                if label > 0 and label != first:
                    if first > 0:
                        is_boundary = True
                        break
                    first = label
            if is_boundary:
                labels[i] = BOUNDARY
            elif first > 0:
                labels[i] = first
            else:
                waiting[n_kept] = i
                n_kept += 1
        n_waiting = n_kept
