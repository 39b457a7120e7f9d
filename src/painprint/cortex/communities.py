"""Communities of cortex: graphs of the strongest correlations, partitioned by Infomap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from painprint.arrays import Codes, Single, Vector, short_repr
from painprint.cortex.similarity import BLOCK, HIGHEST, _unit, fisher_z
from painprint.progress import OnStep, count_steps

Nodes32 = NDArray[np.int32]

LADDER = (0.003, 0.004, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.035, 0.04, 0.045, 0.05)
"""Edge densities, as shares of all pairs of nodes (Gordon et al. 2017)."""
NEAR_MM = 30.0
"""Closer pairs are never edges: their correlation may be due to smoothing."""
N_TRIALS = 100
"""Trials of Infomap, of which the best is taken."""
FEWEST_VERTICES = 400
FEWEST_AREAS = 4
"""Smaller communities are removed."""
NONE = -1
"""Label of nodes without a community."""
ROOM = 1.5
"""Candidate edges are held up to this multiple of the number of edges."""


@short_repr
@dataclass(frozen=True, eq=False)
class Edges:
    """Edges of a graph, in the order in which they enter as it becomes denser.

    Attributes
    ----------
    i, j : ndarray of int32, shape (n_edges,)
        Nodes, i < j; each pair once.
    z : ndarray of float32, shape (n_edges,)
        Fisher's z of their correlation, above 0.
    rank : ndarray of int32, shape (n_edges,), optional
        Only of :func:`node_specific_edges`: the edge's rank, from 0, among the strongest edges of
        its nodes, the lower of the two.
    """

    i: Nodes32
    j: Nodes32
    z: Single
    rank: Nodes32 | None = None

    def __len__(self) -> int:
        return len(self.z)

    def at(self, share: float, n_nodes: int) -> Edges:
        """Edges of a sparser graph; all graphs are nested."""
        if self.rank is None:
            stop = round(share * n_nodes * (n_nodes - 1) / 2)
        else:
            stop = int(np.searchsorted(self.rank, _edges_per_node(share, n_nodes)))
        rank = None if self.rank is None else self.rank[:stop]
        return Edges(self.i[:stop], self.j[:stop], self.z[:stop], rank)


def _edges_per_node(share: float, n_nodes: int) -> int:
    """Number of edges that each node contributes."""
    return ceil(round(share * n_nodes, 9))  # rounded, as 0.1 * 30 exceeds 3 in float64


def strongest_edges(unit: Single, near: csr_array, share: float) -> Edges:
    """Return the pairs of nodes with the strongest positive correlation.

    Parameters
    ----------
    unit : ndarray of shape (n_nodes, n_columns), float32
        Rows whose inner products are correlations.
    near : csr_array of bool, shape (n_nodes, n_nodes)
        Symmetric: True for pairs that are never edges.
    share : float
        Edge density, of all pairs. Only correlations above 0 are edges, so there may be fewer.

    Returns
    -------
    edges : Edges
        The strongest first; ties in row-major order of the pairs.

    Notes
    -----
    One pass over all pairs, a block of nodes at a time; at most ``ROOM`` times as many candidates
    as edges are held.
    """
    n = len(unit)
    best = _Best(round(share * n * (n - 1) / 2))
    for start, r in _blocks(unit, near, later=True):
        r[:, : len(r)][np.tril_indices(len(r))] = 0  # each pair once, no self-loops
        row, column = np.nonzero(r > best.floor)
        best.add(row + start, column + start, r[row, column])
    i, j, r = best.cut()
    z = fisher_z(r)
    order = np.argsort(-z, kind="stable")
    return Edges(i[order], j[order], z[order])


class _Best:
    """The highest values so far with their row and column; among ties the first."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.floor = 0.0
        self._parts = [(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32))]

    def add(self, i: Codes, j: Codes, value: Single) -> None:
        self._parts.append((i.astype(np.int32), j.astype(np.int32), value))
        if sum(len(part[2]) for part in self._parts) > ROOM * self.most:
            self._parts = [self.cut()]

    def cut(self) -> tuple[Nodes32, Nodes32, Single]:
        i, j, value = (np.concatenate(each) for each in zip(*self._parts, strict=True))
        n_excess = len(value) - self.most
        if n_excess <= 0:
            return i, j, value
        lowest = np.partition(value, n_excess)[n_excess] if self.most else np.inf
        kept = value > lowest
        # of the ties at the threshold, only as many as there is room for
        kept[np.flatnonzero(value == lowest)[: self.most - int(kept.sum())]] = True
        self.floor = float(lowest)
        return i[kept], j[kept], value[kept]


def _blocks(unit: Single, near: csr_array, *, later: bool) -> Iterator[tuple[int, Single]]:
    """First node of each block, and correlations of the block with all nodes, 0 where near.

    ``later``: only with the nodes from the first of the block on.
    """
    for start in range(0, len(unit), BLOCK):
        block, others = slice(start, start + BLOCK), slice(start if later else 0, None)
        r = np.minimum(unit[block] @ unit[others].T, np.float32(HIGHEST))
        close = csr_array(near[block][:, others]).tocoo()
        is_near = close.data != 0
        r[close.row[is_near], close.col[is_near]] = 0
        yield start, r


def node_specific_edges(unit: Single, near: csr_array, share: float) -> Edges:
    """Return the strongest positive correlations of each node, so that every node has edges.

    Parameters
    ----------
    unit, near
        As for :func:`strongest_edges`.
    share : float
        Number of edges that each node contributes, as a share of all nodes, rounded up. A pair is
        an edge if either of its nodes contributes it.

    Returns
    -------
    edges : Edges
        Ordered by ``rank``, then by decreasing correlation.
    """
    n = len(unit)
    most = _edges_per_node(share, n)
    blocks = _blocks(unit, near, later=False)
    parts = [_strongest_of_each(start, r, most) for start, r in blocks]
    node, other, r, rank = (np.concatenate(each) for each in zip(*parts, strict=True))
    pair = np.minimum(node, other).astype(np.int64) * n + np.maximum(node, other)
    order = np.lexsort((rank, pair))  # of a pair that both nodes contribute, the lower rank
    order = order[np.diff(pair[order], prepend=-1) > 0]
    i, j = np.divmod(pair[order], n)
    z, rank = fisher_z(r[order]), rank[order]
    order = np.lexsort((j, i, -z, rank))
    i, j = i[order].astype(np.int32), j[order].astype(np.int32)
    return Edges(i, j, z[order], rank[order])


def _strongest_of_each(
    start: int, r: Single, most: int
) -> tuple[Nodes32, Nodes32, Single, Nodes32]:
    """Node, other node, correlation and rank of the largest positive entries of each row."""
    here = np.arange(len(r))
    r[here, here + start] = 0
    most = min(most, r.shape[1])
    # sorted by column first, so that the stable sort breaks ties by column
    top = np.sort(np.argpartition(-r, most - 1, axis=1)[:, :most], axis=1)
    by_strength = np.argsort(-np.take_along_axis(r, top, axis=1), axis=1, kind="stable")
    top = np.take_along_axis(top, by_strength, axis=1)
    values = np.take_along_axis(r, top, axis=1)
    row, rank = np.nonzero(values > 0)
    return (
        (row + start).astype(np.int32), top[row, rank].astype(np.int32), values[row, rank],
        rank.astype(np.int32),
    )  # fmt: skip


def has_infomap() -> bool:
    """Whether Infomap is installed."""
    return find_spec("infomap") is not None


def find_communities(
    edges: Edges,
    n_nodes: int,
    ladder: Sequence[float] = LADDER,
    *,
    n_trials: int = N_TRIALS,
    random_seed: int = 0,
    n_jobs: int = 1,
    on_step: OnStep | None = None,
) -> Codes:
    """Communities of each of several graphs, from sparse to dense.

    Parameters
    ----------
    edges : Edges
        Of the densest graph.
    ladder : sequence of float
        The share of each graph, as the edges were made by.
    n_trials : int
        Of Infomap; the trial with the shortest description length is taken.
    n_jobs : int
        Concurrent trials; -1 is one for each core. The communities do not depend on it, but each
        concurrent trial holds a copy of the graph.
    on_step : callable, optional
        Called with the number of finished graphs and their total.

    Returns
    -------
    communities : ndarray of int, shape (n_nodes, n_thresholds)
        From 1, numbered anew in each column; -1 where a node has no edges.

    Raises
    ------
    ImportError
        If Infomap is not installed.

    References
    ----------
    Rosvall & Bergstrom (2008), doi 10.1073/pnas.0706851105
    """
    communities = np.full((n_nodes, len(ladder)), NONE, np.int64)
    step = count_steps(on_step, len(ladder))
    for column, share in enumerate(ladder):
        seed = int(np.random.default_rng((random_seed, column)).integers(1, 2**31))
        communities[:, column] = _run_infomap(
            edges.at(share, n_nodes), n_nodes, n_trials=n_trials, seed=seed, n_jobs=n_jobs
        )
        step()
    return communities


def _run_infomap(edges: Edges, n_nodes: int, *, n_trials: int, seed: int, n_jobs: int) -> Codes:
    """Communities of one graph: (n_nodes,)."""
    try:
        import infomap
    except ImportError as error:
        raise ImportError(
            "communities are detected by Infomap, which is not installed: "
            "pip install 'painprint[communities]'."
        ) from error
    from joblib import cpu_count, effective_n_jobs

    communities = np.full(n_nodes, NONE, np.int64)
    if not len(edges):
        return communities
    # float32 halves the memory, and represents node numbers below 2**24 exactly
    links = np.empty((len(edges), 3), np.float32 if n_nodes < 2**24 else float)
    links[:, 0], links[:, 1], links[:, 2] = edges.i, edges.j, edges.z
    n_at_a_time = min(effective_n_jobs(n_jobs), cpu_count(), n_trials)
    result = infomap.run(
        infomap.Network().add_links(links), two_level=True, directed=False, seed=seed,
        num_trials=n_trials, num_threads=n_at_a_time, parallel_trials=n_at_a_time > 1,
    )  # fmt: skip
    community_of_node = result.modules()
    communities[list(community_of_node)] = list(community_of_node.values())
    return communities


def drop_small(communities: Codes, sizes: Codes | Vector, fewest: float) -> Codes:
    """Remove communities that are too small, in each column separately.

    Parameters
    ----------
    communities : ndarray of int, shape (n_nodes, n_thresholds)
    sizes : ndarray of shape (n_nodes,)
        Size of each node, such as its number of vertices.
    fewest : float
        Communities whose nodes have a smaller total size become -1.
    """
    kept = np.maximum(communities, 0)
    for column in kept.T:
        column[np.bincount(column, weights=sizes)[column] < fewest] = 0
    return np.where(kept > 0, kept, NONE)


def regularize(communities: Codes) -> Codes:
    """Match the labels of communities across columns.

    From the first column to the last, each community takes the label of the community in the
    previous column with which it shares most nodes. Pairs are matched greedily, the largest
    overlap first, and each label is used once; unmatched communities get new labels.

    Parameters
    ----------
    communities : ndarray of int, shape (n_nodes, n_thresholds)
        Labels below 1 are no community, and are not matched.

    Returns
    -------
    communities : ndarray of int, shape (n_nodes, n_thresholds)
        1, 2, 3 ... without gaps; -1 is none.

    Notes
    -----
    In the published procedure the first new label may already be in use, and nodes without a
    community are matched like a community. Both are corrected here.
    """
    renamed = np.maximum(communities, 0)
    highest = int(renamed[:, 0].max(initial=0))
    for column in range(1, renamed.shape[1]):
        name_of, highest = _names_from(renamed[:, column - 1], renamed[:, column], highest)
        renamed[:, column] = name_of[renamed[:, column]]
    names, place = np.unique(renamed, return_inverse=True)
    consecutive = place.reshape(renamed.shape) + (0 if 0 in names else 1)
    return np.where(consecutive > 0, consecutive, NONE)


def _names_from(before: Codes, now: Codes, highest: int) -> tuple[Codes, int]:
    """New label of each community by its number, and the highest label in use afterwards."""
    both = (before > 0) & (now > 0)
    base = highest + 1
    pairs, shared = np.unique(now[both] * base + before[both], return_counts=True)
    name_of = np.zeros(int(now.max(initial=0)) + 1, np.int64)
    used = set()
    for k in np.argsort(-shared, kind="stable"):
        number, name = divmod(int(pairs[k]), base)
        if not name_of[number] and name not in used:
            name_of[number] = name
            used.add(name)
    new = [number for number in np.unique(now[now > 0]) if not name_of[number]]
    name_of[new] = highest + 1 + np.arange(len(new))
    return name_of, highest + len(new)


def make_supervertices(features: Single, adjacency: csr_array, n: int) -> Codes:
    """Cluster the vertices of a hemisphere into contiguous supervertices.

    Ward's hierarchical clustering constrained to mesh neighbours.

    Parameters
    ----------
    features : ndarray of shape (n_points, n_features)
    adjacency : csr_array of shape (n_points, n_points)
        Nonzero where two vertices share an edge.
    n : int
        Number of supervertices.

    Returns
    -------
    labels : ndarray of int, shape (n_points,)
        From 0.

    Raises
    ------
    ValueError
        If there are fewer vertices than ``n``, or they are not connected.
    """
    from sklearn.cluster import AgglomerativeClustering

    if not 1 <= n <= len(features):
        raise ValueError(
            f"{len(features):,} vertices cannot be clustered into {n:,} supervertices."
        )
    n_components = int(connected_components(adjacency, directed=False)[0])
    if n_components > 1:
        raise ValueError(
            f"the vertices form {n_components} components that are not connected; make "
            "supervertices of one hemisphere at a time."
        )
    ward = AgglomerativeClustering(n_clusters=n, linkage="ward", connectivity=adjacency)
    return np.asarray(ward.fit_predict(features), dtype=np.int64)


def mean_unit(unit: Single, labels: Codes, n: int) -> Single:
    """Mean of the rows of each label, normalised to unit length.

    Parameters
    ----------
    unit : ndarray of shape (n_points, n_columns), float32
        Rows whose inner products are correlations.
    labels : ndarray of int, shape (n_points,)
        From 0; below 0 is none.
    n : int
        Number of labels.

    Returns
    -------
    means : ndarray of shape (n, n_columns), float32
        0 where no row of the label has signal.
    """
    inside = np.flatnonzero(labels >= 0)
    ones = np.ones(len(inside), np.float32)
    member = csr_array((ones, (labels[inside], inside)), shape=(n, len(unit)))
    return _unit(np.asarray(member @ unit))
