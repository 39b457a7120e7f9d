"""Assignment of communities, areas and vertices to named brain networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from painprint.arrays import Codes, Matrix, Single, Vector
from painprint.cortex.similarity import _unit

Flags = NDArray[np.bool_]
Named = NDArray[Any]
"""Network codes: integers, or floats where SCAN (1.5) may be among them."""

SCAN = 1.5
NETWORKS: dict[float, str] = {
    0: "NONE", 1: "DMN", SCAN: "SCAN", 2: "LVIS", 3: "FPN", 4: "MVIS", 5: "DAN", 6: "PMOT",
    7: "LANG", 8: "SAL", 9: "AMN", 10: "HSMN", 11: "FSMN", 12: "AUD", 13: "AMTL", 14: "PMTL",
    15: "PMN", 16: "CAN", 17: "LSMN",
}  # fmt: skip
"""Network names by code."""
N_NETWORKS = 17
"""Networks of the template, without SCAN; higher codes have no name."""
PRIORITY = (1, 2, 10, 9, 3, 5, 6, 11, 16, 15, 7, 8, 17, 12, 4, 14, 13)
"""The order in which networks are matched with communities."""
ACTION_MODE = 9
SOMATOMOTOR = (10, 11, 17)
"""Hand, face and leg regions, between which SCAN lies."""

LEAST_OVERLAP = 0.10
"""Jaccard overlap that a match must exceed."""
N_FREE = 2
"""First columns, in which a name need not overlap with its earlier location."""
FEWEST_IN_PIECE = 30
"""Smaller connected pieces of a network are filled with the surrounding code."""

SCAN_LADDER = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
"""Number of strongest edges of each vertex, as shares of all vertices (Gordon et al. 2023)."""
SCAN_FEWEST_VERTICES = 10
"""Smaller communities are not candidates for SCAN."""
SCAN_FLOOR = 0.10
"""Least score of a community to be proposed as SCAN."""


def name_communities(communities: Codes, template: Codes) -> Codes:
    """Name communities by their overlap with the networks of a template.

    In each column, networks are matched in the order of :data:`PRIORITY`, each with the unnamed
    community of largest Jaccard overlap, if above .10. From the third column on, a name that was
    used before is only given to a community whose overlap with its vertices in all previous
    columns is at least .10.

    Parameters
    ----------
    communities : ndarray of int, shape (n_points, n_thresholds)
        Matched across columns by :func:`~.communities.regularize`; below 1 is none.
    template : ndarray of int, shape (n_points,)
        1 to 17; other values are no network.

    Returns
    -------
    codes : ndarray of int, shape (n_points, n_thresholds)
        Network codes; 17 + community for communities without a name; 0 is none.

    Notes
    -----
    For matching, vertices without a community in a column take their first community in any
    column. Their code remains 0, and they do not count as vertices where a name was used.

    References
    ----------
    Gordon et al. (2017), doi 10.1016/j.neuron.2017.07.011
    """
    assigned = communities > 0
    first = first_chosen(communities, assigned)
    of_template = _is_network(template)
    used = np.zeros_like(of_template)  # vertices where each name was used so far
    codes = np.zeros(communities.shape, np.int64)
    for column in range(communities.shape[1]):
        in_column = assigned[:, column]
        filled = np.where(in_column, communities[:, column], first)
        overlap = _jaccard(filled, of_template)
        if column >= N_FREE:
            elsewhere = _jaccard(filled, used) < LEAST_OVERLAP
            overlap[elsewhere & used.any(axis=0)] = 0
        codes[in_column, column] = _match(overlap)[filled[in_column]]
        used |= _is_network(codes[:, column])
    return codes


def first_chosen(values: Named, chosen: Flags) -> Named:
    """First chosen value of each row; 0 where none is."""
    first = np.take_along_axis(values, chosen.argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.where(chosen.any(axis=1), first, 0)


def _is_network(codes: Named) -> Flags:
    """Membership of each vertex in each network: (n_points, 17)."""
    return np.asarray(codes[:, None] == np.arange(1, N_NETWORKS + 1))


def _member(labels: Codes) -> csr_array:
    """1 where a vertex has a label: (highest label + 1, n_points); the row of 0 is empty."""
    inside = np.flatnonzero(labels > 0)
    shape = (int(labels.max(initial=0)) + 1, len(labels))
    return csr_array((np.ones(len(inside)), (labels[inside], inside)), shape=shape)


def _jaccard(labels: Codes, sets: Flags) -> Matrix:
    """Jaccard overlap of labels with sets of vertices: (highest label + 1, n_sets)."""
    member = _member(labels)
    shared = np.asarray(member @ sets.astype(float))
    either = np.asarray(member.sum(axis=1))[:, None] + sets.sum(axis=0) - shared
    return np.divide(shared, either, where=either > 0, out=np.zeros_like(shared))


def _match(overlap: Matrix) -> Codes:
    """Code of each community, by its overlap with networks."""
    code = N_NETWORKS + np.arange(len(overlap))
    free = overlap.copy()
    for network in PRIORITY:
        best = int(free[:, network - 1].argmax())
        if free[best, network - 1] > LEAST_OVERLAP:
            code[best] = network
            free[best] = 0
    return code


def consensus(codes: Codes, *, fill: bool = False) -> Codes:
    """Consensus of each vertex's codes over all thresholds.

    Parameters
    ----------
    codes : ndarray of int, shape (n_points, n_thresholds)
        Of :func:`name_communities`.
    fill : bool
        Treat vertices without a community in the first column like those whose community has no
        name there. Otherwise they are none.

    Returns
    -------
    codes : ndarray of int, shape (n_points,)
        The code of the first column or, where that is above 17, the first network in later
        columns; 0 where there is none.
    """
    network = first_chosen(codes, (codes >= 1) & (codes <= N_NETWORKS))
    return network if fill else np.where(codes[:, 0] > 0, network, 0)


def fill_small_pieces(codes: Named, adjacency: csr_array, fewest: int = FEWEST_IN_PIECE) -> Named:
    """Fill small connected pieces of a network with the most frequent code around them.

    Parameters
    ----------
    codes : ndarray of shape (n_points,)
        0 is none, and is not filled.
    adjacency : csr_array of shape (n_points, n_points)
        Nonzero where two vertices share an edge.
    fewest : int
        Vertices of the smallest piece that is kept.

    Notes
    -----
    Pieces are filled from the smallest to the largest, each with the codes filled before. A piece
    that is surrounded by 0 keeps its code; ties are resolved for the lowest code.
    """
    filled = codes.copy()
    for points in _small_pieces(codes, adjacency, fewest):
        around = np.setdiff1d(adjacency[points].indices, points)
        values, count = np.unique(filled[around[filled[around] > 0]], return_counts=True)
        if len(values):
            filled[points] = values[count.argmax()]
    return filled


def _small_pieces(codes: Named, adjacency: csr_array, fewest: int) -> list[Codes]:
    """Vertices of each connected piece below the least size, the smallest piece first."""
    pairs = adjacency.tocoo()
    within = (codes[pairs.row] == codes[pairs.col]) & (codes[pairs.row] > 0)
    ends = (pairs.row[within], pairs.col[within])
    graph = csr_array((np.ones(len(ends[0])), ends), shape=adjacency.shape)
    piece = connected_components(graph, directed=False)[1]
    size = np.bincount(piece)[piece]
    small = np.flatnonzero((size < fewest) & (codes > 0))
    small = small[np.lexsort((piece[small], size[small]))]
    starts = np.flatnonzero(np.diff(piece[small], prepend=-1))
    return np.split(small, starts[1:]) if len(small) else []


def mode_in_parcels(codes: Named, labels: Codes) -> Named:
    """Most frequent code of each area, (n_areas,); the lowest of ties.

    Parameters
    ----------
    codes : ndarray of shape (n_points,)
    labels : ndarray of int, shape (n_points,)
        1, 2, 3 ...; 0 is no area.
    """
    values, index = np.unique(codes, return_inverse=True)
    counts = np.asarray(_member(labels) @ np.eye(len(values))[index])[1:]  # (n_areas, n_codes)
    return np.asarray(values[counts.argmax(axis=1)])


def name_by_overlap(labels: Codes, template: Codes) -> tuple[Codes, Vector]:
    """Name areas by the template alone, where there are no communities.

    Parameters
    ----------
    labels : ndarray of int, shape (n_points,)
        1, 2, 3 ...; 0 is no area.
    template : ndarray of int, shape (n_points,)
        1 to 17; other values are no network.

    Returns
    -------
    codes : ndarray of int, shape (n_areas,)
        Most frequent template network of the area's vertices; 0 if there is none.
    share : ndarray of shape (n_areas,)
        Share of the area's vertices that have it.
    """
    member = _member(labels)
    counts = np.asarray(member @ _is_network(template).astype(float))[1:]
    n_points = np.asarray(member.sum(axis=1))[1:]
    most = counts.max(axis=1)
    return np.where(most > 0, counts.argmax(axis=1) + 1, 0), most / np.maximum(n_points, 1)


def network_names(codes: Named) -> list[str]:
    """Names of codes; a code without a name is NONE."""
    return [NETWORKS.get(code, NETWORKS[0]) for code in codes.tolist()]


def score_scan(
    communities: Codes,
    prior: Flags,
    *,
    thresholds: tuple[float, ...] = SCAN_LADDER,
    unit: Single | None = None,
    codes: Named | None = None,
    fewest: int = SCAN_FEWEST_VERTICES,
) -> pd.DataFrame:
    """Score the similarity of communities to the somato-cognitive action network (SCAN).

    Parameters
    ----------
    communities : ndarray of int, shape (n_points, n_thresholds)
        Of graphs of :func:`~.communities.node_specific_edges`; below 1 is none.
    prior : ndarray of bool, shape (n_points,)
        Where SCAN is expected, such as the inter-effector regions of other people.
    thresholds : tuple of float
        Edge densities of the columns.
    unit : ndarray of shape (n_points, n_columns), optional
        Rows whose inner products are correlations.
    codes : ndarray of shape (n_points,), optional
        Network of each vertex, without SCAN.
    fewest : int
        Vertices of the smallest community that is scored.

    Returns
    -------
    table : DataFrame
        One row per threshold and community. ``threshold``, ``community``, ``n_vertices``;
        ``jaccard`` overlap with the prior, ``prior_covered`` (share of the prior that is in the
        community), ``inside_prior`` (share of the community that is in the prior);
        ``action_mode_contrast``: its correlation with the action-mode network less that with
        other hand, face and leg regions, between mean time series, NaN where either is unknown;
        ``score``.

    Notes
    -----
    The score is the Jaccard overlap times one plus the contrast (times 1 where that is unknown). A
    community elsewhere scores 0, whatever its correlations; among communities in the expected
    location, one that correlates with the action-mode network scores higher than a part of an
    effector region (Gordon et al. 2023, doi 10.1038/s41586-023-05964-2).

    Raises
    ------
    ValueError
        If there are not as many thresholds as columns.
    """
    if len(thresholds) != communities.shape[1]:
        raise ValueError(
            f"{communities.shape[1]} columns of communities, but {len(thresholds)} thresholds."
        )
    tables = []
    for threshold, labels in zip(thresholds, communities.T, strict=True):
        n_vertices = np.bincount(np.maximum(labels, 0))
        kept = np.flatnonzero(n_vertices >= max(fewest, 1))
        kept = kept[kept > 0]
        inside = np.bincount(labels[prior & (labels > 0)], minlength=len(n_vertices))
        contrast = _contrast(labels, unit, codes)
        columns = {
            "community": kept,
            "n_vertices": n_vertices[kept],
            "jaccard": _jaccard(labels, prior[:, None])[kept, 0],
            "prior_covered": inside[kept] / max(int(prior.sum()), 1),
            "inside_prior": inside[kept] / n_vertices[kept],
            "action_mode_contrast": contrast[kept],
        }
        tables.append(pd.DataFrame({"threshold": threshold, **columns}))
    table = pd.concat(tables, ignore_index=True)
    return table.assign(score=table["jaccard"] * (1 + table["action_mode_contrast"].fillna(0)))


def _contrast(labels: Codes, unit: Single | None, codes: Named | None) -> Vector:
    """Correlation with the action-mode network less that with effectors: (highest label + 1,)."""
    if unit is None or codes is None:
        return np.full(int(labels.max(initial=0)) + 1, np.nan)
    with_action = _correlation_outside(labels, unit, codes == ACTION_MODE)
    with_motor = _correlation_outside(labels, unit, np.isin(codes, SOMATOMOTOR))
    return with_action - with_motor


def _correlation_outside(labels: Codes, unit: Single, region: Flags) -> Vector:
    """Correlation of each label's mean with that of the region's vertices outside the label.

    NaN where there are none.
    """
    member = _member(labels).astype(np.float32)
    means = _unit(np.asarray(member @ unit))
    shared = np.asarray(member[:, region] @ unit[region])
    outside = _unit(unit[region].sum(axis=0) - shared)
    r = np.einsum("ij,ij->i", means, outside, dtype=float)
    n_outside = region.sum() - np.asarray(member[:, region].sum(axis=1))
    return np.where((n_outside > 0) & means.any(axis=1), r, np.nan)


def propose_scan(table: pd.DataFrame, *, floor: float = SCAN_FLOOR) -> dict[str, Any] | None:
    """Candidate with the highest score; of ties the sparsest.

    Parameters
    ----------
    table : DataFrame
        Of :func:`score_scan`.
    floor : float
        Least score.

    Returns
    -------
    row : dict of str to number, or None
        Its row of the table; None if no candidate reaches the floor.
    """
    rows = table.to_dict("records")
    best = max(rows, key=lambda row: row["score"], default=None)
    if best is None or best["score"] < floor:
        return None
    return {str(name): value for name, value in best.items()}
