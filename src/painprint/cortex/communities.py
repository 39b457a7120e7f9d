"""Communities of cortex: graphs of its strongest correlations, and how Infomap parts them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from painprint.arrays import Codes, Single, Vector
from painprint.cortex.similarity import BLOCK, HIGHEST, _unit, fisher_z
from painprint.progress import OnStep, count_steps

Places = NDArray[np.int32]

LADDER = (0.003, 0.004, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.035, 0.04, 0.045, 0.05)
"""Shares of all pairs of nodes that are edges (Gordon et al. 2017)."""
NEAR_MM = 30.0
"""Closer pairs are never edges: their correlation may be smoothing."""
N_TRIALS = 100
"""Runs of Infomap, of which the best counts."""
FEWEST_VERTICES = 400
FEWEST_AREAS = 4
"""Communities with fewer are none."""
NONE = -1
"""What stands for no community."""
ROOM = 1.5
"""Candidates are held up to so many times the edges that are wanted."""


@dataclass(frozen=True, eq=False)
class Edges:
    """Edges of a graph, from the first that enters it to the last.

    Attributes
    ----------
    i, j : ndarray of int32, shape (n_edges,)
        Nodes, i < j; each pair once.
    z : ndarray of float32, shape (n_edges,)
        Fisher's z of their correlation, above 0.
    rank : ndarray of int32, shape (n_edges,), optional
        Where each node has a share of its own: the edge's place, from 0, among the strongest of
        the node for which it comes first.
    """

    i: Places
    j: Places
    z: Single
    rank: Places | None = None

    def __len__(self) -> int:
        return len(self.z)

    def at(self, share: float, n_nodes: int) -> Edges:
        """Those of a sparser graph: all graphs are nested."""
        if self.rank is None:
            stop = round(share * n_nodes * (n_nodes - 1) / 2)
        else:
            stop = int(np.searchsorted(self.rank, _own_share(share, n_nodes)))
        rank = None if self.rank is None else self.rank[:stop]
        return Edges(self.i[:stop], self.j[:stop], self.z[:stop], rank)


def _own_share(share: float, n_nodes: int) -> int:
    """How many edges each node has of its own; rounding errors do not count as more."""
    return ceil(round(share * n_nodes, 9))


def strongest_edges(unit: Single, near: csr_array, share: float) -> Edges:
    """The pairs of nodes with the strongest correlation.

    Parameters
    ----------
    unit : ndarray of shape (n_nodes, n_columns), float32
        Rows whose inner products are correlations.
    near : csr_array of bool, shape (n_nodes, n_nodes)
        Symmetric: True for pairs that are never edges.
    share : float
        Of all pairs. Fewer are edges where fewer have a correlation above 0.

    Returns
    -------
    edges : Edges
        The strongest first; among equals the pair that comes first, row by row.

    Notes
    -----
    One pass over all pairs, a block of nodes at a time; half as many candidates again as edges
    are held.
    """
    n = len(unit)
    best = _Best(round(share * n * (n - 1) / 2))
    for start, r in _blocks(unit, near, later=True):
        r[:, : len(r)][np.tril_indices(len(r))] = 0
        row, column = np.nonzero(r > best.floor)
        best.add(row + start, column + start, r[row, column])
    i, j, r = best.cut()
    z = fisher_z(r)
    order = np.argsort(-z, kind="stable")
    return Edges(i[order], j[order], z[order])


class _Best:
    """The highest values so far and their places; among equals those that came first."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.floor = 0.0
        self._parts = [(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32))]

    def add(self, i: Codes, j: Codes, value: Single) -> None:
        self._parts.append((i.astype(np.int32), j.astype(np.int32), value))
        if sum(len(part[2]) for part in self._parts) > ROOM * self.most:
            self._parts = [self.cut()]

    def cut(self) -> tuple[Places, Places, Single]:
        i, j, value = (np.concatenate(each) for each in zip(*self._parts, strict=True))
        spare = len(value) - self.most
        if spare <= 0:
            return i, j, value
        lowest = np.partition(value, spare)[spare] if self.most else np.inf
        kept = value > lowest
        kept[np.flatnonzero(value == lowest)[: self.most - int(kept.sum())]] = True
        self.floor = float(lowest)
        return i[kept], j[kept], value[kept]


def _blocks(unit: Single, near: csr_array, *, later: bool) -> Iterator[tuple[int, Single]]:
    """The first of some nodes, and their correlations with all, 0 where they are near.

    ``later``: only with themselves and the nodes after them.
    """
    for start in range(0, len(unit), BLOCK):
        some, others = slice(start, start + BLOCK), slice(start if later else 0, None)
        r = np.minimum(unit[some] @ unit[others].T, np.float32(HIGHEST))
        close = csr_array(near[some][:, others]).tocoo()
        told = close.data != 0
        r[close.row[told], close.col[told]] = 0
        yield start, r


def node_specific_edges(unit: Single, near: csr_array, share: float) -> Edges:
    """Each node's strongest correlations, so that no node is left without edges.

    Parameters
    ----------
    unit, near
        As for :func:`strongest_edges`.
    share : float
        Of all nodes: so many edges, rounded up, each node brings along. A pair that either brings
        is an edge.

    Returns
    -------
    edges : Edges
        With ``rank``, by which they are ordered; then the strongest first.
    """
    n = len(unit)
    most = _own_share(share, n)
    blocks = _blocks(unit, near, later=False)
    parts = [_strongest_of_each(start, r, most) for start, r in blocks]
    node, other, r, rank = (np.concatenate(each) for each in zip(*parts, strict=True))
    pair = np.minimum(node, other).astype(np.int64) * n + np.maximum(node, other)
    order = np.lexsort((rank, pair))
    order = order[np.diff(pair[order], prepend=-1) > 0]
    i, j = np.divmod(pair[order], n)
    z, rank = fisher_z(r[order]), rank[order]
    order = np.lexsort((j, i, -z, rank))
    i, j = i[order].astype(np.int32), j[order].astype(np.int32)
    return Edges(i, j, z[order], rank[order])


def _strongest_of_each(start: int, r: Single, most: int) -> tuple[Places, Places, Single, Places]:
    """Node, other node, correlation and rank of the most positive entries of each row."""
    here = np.arange(len(r))
    r[here, here + start] = 0
    most = min(most, r.shape[1])
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
        Of Infomap; the trial with the shortest description counts.
    n_jobs : int
        Trials at a time; -1 is one for each core. The communities are the same for any number,
        and each trial holds a graph of its own.
    on_step : callable, optional
        Is told how many of how many graphs are done.

    Returns
    -------
    communities : ndarray of int, shape (n_nodes, n_thresholds)
        From 1, named anew in each column; -1 where a node has no edges.

    Raises
    ------
    ImportError
        If Infomap is not installed.

    References
    ----------
    Rosvall & Bergstrom (2008), doi 10.1073/pnas.0706851105
    """
    found = np.full((n_nodes, len(ladder)), NONE, np.int64)
    step = count_steps(on_step, len(ladder))
    for column, share in enumerate(ladder):
        seed = int(np.random.default_rng((random_seed, column)).integers(1, 2**31))
        some = edges.at(share, n_nodes)
        found[:, column] = _part(some, n_nodes, n_trials=n_trials, seed=seed, n_jobs=n_jobs)
        step()
    return found


def _part(edges: Edges, n_nodes: int, *, n_trials: int, seed: int, n_jobs: int) -> Codes:
    """Communities of one graph: (n_nodes,)."""
    try:
        import infomap
    except ImportError as error:
        raise ImportError(
            "communities are found by Infomap, which is not installed: "
            "pip install 'painprint[communities]'."
        ) from error
    from joblib import cpu_count, effective_n_jobs

    found = np.full(n_nodes, NONE, np.int64)
    if not len(edges):
        return found
    # single precision halves the copy and holds every number of a node exactly
    links = np.empty((len(edges), 3), np.float32 if n_nodes < 2**24 else float)
    links[:, 0], links[:, 1], links[:, 2] = edges.i, edges.j, edges.z
    n_at_a_time = min(effective_n_jobs(n_jobs), cpu_count(), n_trials)
    result = infomap.run(
        infomap.Network().add_links(links), two_level=True, directed=False, seed=seed,
        num_trials=n_trials, num_threads=n_at_a_time, parallel_trials=n_at_a_time > 1,
    )  # fmt: skip
    community = result.modules()
    found[list(community)] = list(community.values())
    return found


def drop_small(communities: Codes, sizes: Codes | Vector, fewest: float) -> Codes:
    """Take communities that are too small for none.

    Parameters
    ----------
    communities : ndarray of int, shape (n_nodes, n_thresholds)
    sizes : ndarray of shape (n_nodes,)
        Of each node, such as its number of vertices.
    fewest : float
        A community whose nodes have less in sum becomes -1, in each column by itself.
    """
    kept = np.maximum(communities, 0)
    for column in kept.T:
        column[np.bincount(column, weights=sizes)[column] < fewest] = 0
    return np.where(kept > 0, kept, NONE)


def regularize(communities: Codes) -> Codes:
    """Give communities of different columns that hold the same nodes the same name.

    From the first column to the last, each community takes the name of the one in the column
    before with which it shares most nodes. The pair that shares most comes first, and each name
    is given once; who finds none gets a new one.

    Parameters
    ----------
    communities : ndarray of int, shape (n_nodes, n_thresholds)
        Below 1 is none, which takes no part.

    Returns
    -------
    communities : ndarray of int, shape (n_nodes, n_thresholds)
        1, 2, 3 ... without gaps; -1 is none.

    Notes
    -----
    In the published step the first new name may be one that is already given, and nodes without
    community are matched like a community. Neither is so here.
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
    """The name of each community by its number, and the highest name that is then given."""
    both = (before > 0) & (now > 0)
    base = highest + 1
    pairs, shared = np.unique(now[both] * base + before[both], return_counts=True)
    name_of = np.zeros(int(now.max(initial=0)) + 1, np.int64)
    given = set()
    for k in np.argsort(-shared, kind="stable"):
        number, name = divmod(int(pairs[k]), base)
        if not name_of[number] and name not in given:
            name_of[number] = name
            given.add(name)
    new = [number for number in np.unique(now[now > 0]) if not name_of[number]]
    name_of[new] = highest + 1 + np.arange(len(new))
    return name_of, highest + len(new)


def make_supervertices(features: Single, adjacency: csr_array, n: int) -> Codes:
    """Part a hemisphere into small pieces of points that are alike.

    Ward's clustering in which only neighbours may join, so that each piece hangs together.

    Parameters
    ----------
    features : ndarray of shape (n_points, n_features)
    adjacency : csr_array of shape (n_points, n_points)
        Not zero where two points touch.
    n : int
        Number of pieces.

    Returns
    -------
    labels : ndarray of int, shape (n_points,)
        From 0.

    Raises
    ------
    ValueError
        If there are too few points, or not all of them hang together.
    """
    from sklearn.cluster import AgglomerativeClustering

    if not 1 <= n <= len(features):
        raise ValueError(f"{len(features):,} points cannot be parted into {n:,} supervertices.")
    pieces = int(connected_components(adjacency, directed=False)[0])
    if pieces > 1:
        raise ValueError(
            f"the points fall into {pieces} pieces that do not touch; make supervertices of one "
            "hemisphere at a time."
        )
    ward = AgglomerativeClustering(n_clusters=n, linkage="ward", connectivity=adjacency)
    return np.asarray(ward.fit_predict(features), dtype=np.int64)


def mean_unit(unit: Single, labels: Codes, n: int) -> Single:
    """Mean of the rows of each label, brought to length 1.

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
        0 where no row of the label has a signal.
    """
    inside = np.flatnonzero(labels >= 0)
    ones = np.ones(len(inside), np.float32)
    member = csr_array((ones, (labels[inside], inside)), shape=(n, len(unit)))
    return _unit(np.asarray(member @ unit))
