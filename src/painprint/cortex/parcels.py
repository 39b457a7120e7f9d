"""Areas from a boundary map: watershed regions, merged where the border between them is low."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from painprint.arrays import Codes, Vector
from painprint.cortex.boundary import Neighbours, _watershed

TIE = 1e-5
"""Increment by which all but one of adjacent equal minima are raised."""
PLATEAU = 2
"""Connected zeros with more vertices keep a single minimum."""
FEW_NEIGHBOURS = 2
"""A border vertex has more labelled neighbours than this."""
BRIDGE = 4
"""Areas are split at a single vertex if the pieces have more vertices than this."""


@dataclass(frozen=True)
class ParcelRules:
    """Thresholds of size and height for areas.

    Parameters
    ----------
    minima, merge, high : float
        Quantiles of the boundary map: minima lie below the first, watershed regions are merged
        across borders below the second, and vertices above the third belong to no area.
    small, smallest : int
        Vertices: areas with fewer are merged, or finally deleted.
    """

    minima: float = 0.75
    merge: float = 0.50
    high: float = 0.75
    small: int = 30
    smallest: int = 10


def make_parcels(
    density: Vector, adjacency: csr_array, rules: ParcelRules | None = None, *, seed: int = 0
) -> Codes:
    """Segment a boundary map into areas.

    Parameters
    ----------
    density : ndarray of shape (n_vertices,)
        Boundary map: how often each vertex is a boundary.
    adjacency : csr_array of shape (n_vertices, n_vertices)
        Nonzero where two vertices share an edge; hemispheres are not connected.
    seed : int
        Random seed of the order in which vertices of equal height are visited.

    Returns
    -------
    labels : ndarray of int, shape (n_vertices,)
        From 1; 0 where there is no area.

    Notes
    -----
    The rules and their order are those of the published parcel creation (Gordon et al. 2016),
    including its quirks: quantiles are taken before the lowest value is subtracted; a small area
    compares medians of borders with the mean of the best so far; areas that touch after high
    vertices were removed become one.
    """
    rules = rules or ParcelRules()
    ordered = np.sort(density)
    minima, merge, high = (
        ordered[max(round(share * len(ordered)), 1) - 1]
        for share in (rules.minima, rules.merge, rules.high)
    )
    heights = density - density.min()
    ring = Neighbours.of(adjacency)
    labels = _watershed_from(heights, _minima(heights, adjacency, ring, minima), ring, seed)
    labels = _merge_low(labels, heights, ring, merge)
    labels = _merge_small(labels, heights, ring, rules.small)
    labels[heights > high] = 0
    labels = _components(labels, adjacency)
    labels = _merge_small(labels, heights, ring, rules.small, below=high)
    labels[heights > high] = 0
    labels = _components(_split_at_bridges(labels, adjacency), adjacency)
    n_vertices = np.bincount(labels)
    labels[n_vertices[labels] < rules.smallest] = 0
    return _consecutive(labels)


def _around(ring: Neighbours, i: np.integer[Any] | int) -> Codes:
    return ring.index[ring.pointer[i] : ring.pointer[i + 1]]


def _minima(heights: Vector, adjacency: csr_array, ring: Neighbours, most: float) -> Codes:
    """Local minima below a threshold."""
    raised = heights.copy()
    minima = []
    for i in range(len(heights)):
        around = _around(ring, i)
        if (raised[i] <= raised[around]).all():
            minima.append(i)
            raised[around[raised[around] == raised[i]]] += TIE
    lowest = np.array([i for i in minima if heights[i] <= most], dtype=np.int64)
    zero = np.flatnonzero(heights == 0)
    _, patch = connected_components(adjacency[zero][:, zero], directed=False)
    patch_of = np.full(len(heights), -1)
    patch_of[zero] = patch
    large = np.bincount(patch, minlength=1) > PLATEAU
    kept, seen = [], set()
    for i in lowest:
        if patch_of[i] >= 0 and large[patch_of[i]]:
            if patch_of[i] in seen:
                continue
            seen.add(patch_of[i])
        kept.append(i)
    return np.array(kept, dtype=np.int64)


def _watershed_from(heights: Vector, minima: Codes, ring: Neighbours, seed: int) -> Codes:
    """Watershed regions of the minima; 0 for vertices between them and for the highest."""
    _, rank = np.unique(heights, return_inverse=True)  # every height is a level
    labels = np.zeros(len(heights), np.int64)
    labels[minima] = np.arange(1, len(minima) + 1)
    _watershed(labels, rank.astype(np.int64) + 1, int(rank.max()), ring.pointer, ring.index, seed)
    return np.maximum(labels, 0)


Borders = dict[tuple[int, int], list[int]]


def _borders(labels: Codes, ring: Neighbours) -> Borders:
    """Border vertices of each pair of areas.

    These have no label, and more than two labelled neighbours, of exactly two areas.
    """
    borders: Borders = {}
    for i in np.flatnonzero(labels == 0):
        around = labels[_around(ring, i)]
        around = around[around > 0]
        pair = np.unique(around)
        if len(pair) == 2 and len(around) > FEW_NEIGHBOURS:
            borders.setdefault((int(pair[0]), int(pair[1])), []).append(int(i))
    return borders


def _join(borders: Borders, kept: int, lost: int) -> list[int]:
    """Move an area's borders to another in place; the border between the two is returned."""
    between = borders.pop((min(kept, lost), max(kept, lost)), [])
    for pair in [pair for pair in borders if lost in pair]:
        other = pair[0] if pair[1] == lost else pair[1]
        moved = borders.pop(pair)
        borders.setdefault((min(kept, other), max(kept, other)), []).extend(moved)
    return between


def _merge_low(labels: Codes, heights: Vector, ring: Neighbours, most: float) -> Codes:
    """Merge across the lowest border while its median height is below the threshold."""
    labels = labels.copy()
    borders = _borders(labels, ring)
    medians = {p: float(np.median(heights[v])) for p, v in borders.items() if len(v) > 1}
    while medians:
        pair = min(medians, key=lambda pair: (medians[pair], pair))
        if not medians[pair] < most:
            break
        kept, lost = pair
        labels[labels == lost] = kept
        _join(borders, kept, lost)
        for stale in [pair for pair in medians if kept in pair or lost in pair]:
            del medians[stale]
        for pair, vertices in borders.items():
            if kept in pair and len(vertices) > 1:
                medians[pair] = float(np.median(heights[vertices]))
    return _fill(labels, ring)


def _fill(labels: Codes, ring: Neighbours) -> Codes:
    """Label unlabelled vertices whose labelled neighbours all have the same label."""
    filled = labels.copy()
    for i in np.flatnonzero(labels == 0):
        around = np.unique(labels[_around(ring, i)])
        around = around[around > 0]
        if len(around) == 1:
            filled[i] = around[0]
    return filled


def _merge_small(
    labels: Codes, heights: Vector, ring: Neighbours, small: int, *, below: float | None = None
) -> Codes:
    """Merge small areas with the neighbour across the lowest border.

    ``below``: only across borders with more than two vertices up to this height.
    """
    labels = labels.copy()
    borders = _borders(labels, ring)
    for area in np.unique(labels[labels > 0]).tolist():
        if (labels == area).sum() >= small:
            continue
        best, chosen = 1.0, None
        for pair in sorted(pair for pair in borders if area in pair):
            vertices = borders[pair]
            if below is not None and (heights[vertices] <= below).sum() <= FEW_NEIGHBOURS:
                continue
            if np.median(heights[vertices]) < best:
                best = float(np.mean(heights[vertices]))  # a mean, as in the published code
                chosen = pair[0] if pair[1] == area else pair[1]
        if chosen is None:
            continue
        between = _join(borders, chosen, area)
        labels[labels == area] = chosen
        labels[between] = chosen
    return _fill(labels, ring)


def _components(labels: Codes, adjacency: csr_array) -> Codes:
    """Connected components of all labelled vertices, whatever their label."""
    inside = np.flatnonzero(labels > 0)
    components = np.zeros_like(labels)
    if len(inside):
        graph = adjacency[inside][:, inside]
        components[inside] = connected_components(graph, directed=False)[1] + 1
    return components


def _split_at_bridges(labels: Codes, adjacency: csr_array) -> Codes:
    """Remove the label of vertices without which an area falls into two or more larger pieces."""
    split = labels.copy()
    for area in np.unique(labels[labels > 0]):
        inside = np.flatnonzero(split == area)
        graph = csr_array(adjacency[inside][:, inside])
        for k in _articulations(graph):
            rest = np.delete(np.arange(len(inside)), k)
            pieces = np.bincount(connected_components(graph[rest][:, rest], directed=False)[1])
            if (pieces > BRIDGE).sum() >= 2:
                split[inside[k]] = 0
    return split


def _articulations(graph: csr_array) -> Iterable[int]:
    """Candidates for articulation points: vertices whose neighbours alone are not connected."""
    for k in range(graph.shape[0]):
        around = graph.indices[graph.indptr[k] : graph.indptr[k + 1]]
        if len(around) > 1:
            local = graph[around][:, around]
            reached = breadth_first_order(local, 0, directed=False, return_predecessors=False)
            if len(reached) < len(around):
                yield k


def _consecutive(labels: Codes) -> Codes:
    """Relabel as 1, 2, 3 ... in the same order."""
    values, index = np.unique(labels, return_inverse=True)
    return np.asarray(index + (0 if 0 in values else 1), dtype=np.int64)
