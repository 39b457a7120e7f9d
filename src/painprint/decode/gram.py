"""Inner products of bins in edge space, and back: rows x edges exist only in blocks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from painprint.arrays import Matrix, Vector
from painprint.bins import Bins
from painprint.edges import count_edges, edge_block, edge_blocks
from painprint.parallel import map_ordered
from painprint.runs import Frames
from painprint.stats.correlation import correlate_columns


def gram(
    runs: Sequence[Frames],
    bins: Bins,
    groups: NDArray[np.int64],
    *,
    n_first: int | None = None,
    n_jobs: int = 1,
) -> Matrix:
    """K = X Xᵀ of the bins' edges.

    Computed group by group, so that the numbers of one pair of groups do not depend on
    what else is in the matrix.

    Parameters
    ----------
    runs : sequence of Frames
        z-scored signals.
    groups : ndarray of int, shape (n_rows,)
        What is left out together.
    n_first : int, optional
        Only edges with an end in so many first regions. Default: all.

    Returns
    -------
    K : ndarray of shape (n_rows, n_rows)

    References
    ----------
    docs/methods.md
    """
    n_first = _n_regions(runs) if n_first is None else n_first
    blocks = [(a, min(b, n_first)) for a, b in edge_blocks(_n_regions(runs)) if a < n_first]
    parts = map_ordered(
        _gram_of_block,
        ((runs, bins, groups, *block) for block in blocks),
        n_jobs=n_jobs,
        large=True,
    )
    K = np.zeros((len(bins), len(bins)))
    for part in parts:
        K += part
    return K


def _gram_of_block(
    runs: Sequence[Frames], bins: Bins, groups: NDArray[np.int64], first: int, stop: int
) -> Matrix:
    """What one block of edges adds to the Gram matrix."""
    return _products_by_group(_edges_of_block(runs, bins, first, stop), groups)


def _products_by_group(X: Matrix, groups: NDArray[np.int64]) -> Matrix:
    """X Xᵀ, a pair of groups at a time, so that no other group touches the last bits."""
    rows = [np.flatnonzero(groups == g) for g in np.unique(groups)]
    features = [X[r] for r in rows]
    K = np.empty((len(X), len(X)))
    for a, rows_a in enumerate(rows):
        for b, rows_b in enumerate(rows[: a + 1]):
            product = features[a] @ features[b].T  # (n_a, n_b)
            K[np.ix_(rows_a, rows_b)] = product
            K[np.ix_(rows_b, rows_a)] = product.T
    return K


def mean_signals(runs: Sequence[Frames], bins: Bins) -> Matrix:
    """Mean signal of each region over the frames of each bin: (n_rows, n_regions)."""
    return np.array(
        [
            runs[r].signals[frames].mean(axis=0)
            for r, frames in zip(bins.run, bins.frames, strict=True)
        ]
    )


def activity_gram(
    runs: Sequence[Frames],
    bins: Bins,
    groups: NDArray[np.int64],
    *,
    n_first: int | None = None,
) -> Matrix:
    """Inner products of the bins' mean region signals; parameters as for :func:`gram`."""
    return _products_by_group(mean_signals(runs, bins)[:, :n_first], groups)


def activity_weights(runs: Sequence[Frames], bins: Bins, dual: Matrix) -> Matrix:
    """Region weights Xᵀ a of several models on the same bins: (n_models, n_regions).

    Parameters
    ----------
    dual : ndarray of shape (n_models, n_rows)
        Coefficients of the rows; 0 for rows a model was not trained on.
    """
    X = mean_signals(runs, bins)
    weights = np.zeros((len(dual), X.shape[1]))
    for row, x in enumerate(X):  # row by row: rows with coefficient 0 leave every bit as it is
        weights += dual[:, row, None] * x
    return weights


def edge_weights(
    runs: Sequence[Frames],
    bins: Bins,
    groups: NDArray[np.int64],
    dual: Matrix,
    *,
    n_jobs: int = 1,
) -> Matrix:
    """Edge weights Xᵀ a of several models on the same bins.

    Parameters
    ----------
    runs, bins, groups
        As for :func:`gram`.
    dual : ndarray of shape (n_models, n_rows)
        Coefficients of the rows; 0 for rows a model was not trained on.

    Returns
    -------
    weights : ndarray of shape (n_models, n_edges)
    """
    n_regions = _n_regions(runs)
    parts = map_ordered(
        _weights_of_block,
        ((runs, bins, groups, dual, *block) for block in edge_blocks(n_regions)),
        n_jobs=n_jobs,
        large=True,
    )
    weights = np.empty((len(dual), count_edges(n_regions)))
    at = 0
    for part in parts:
        weights[:, at : at + part.shape[1]] = part
        at += part.shape[1]
    return weights


def _weights_of_block(
    runs: Sequence[Frames],
    bins: Bins,
    groups: NDArray[np.int64],
    dual: Matrix,
    first: int,
    stop: int,
) -> Matrix:
    """Weights of one block of edges, summed group by group."""
    X = _edges_of_block(runs, bins, first, stop)
    weights = np.zeros((len(dual), X.shape[1]))
    for g in np.unique(groups):
        rows = np.flatnonzero(groups == g)
        weights += dual[:, rows] @ X[rows]
    return weights


def edge_correlations(
    runs: Sequence[Frames], bins: Bins, values: Vector, *, n_jobs: int = 1
) -> Vector:
    """Correlation over rows of each edge with the same values; NaN where an edge is constant.

    Parameters
    ----------
    runs, bins
        As for :func:`gram`.
    values : ndarray of shape (n_rows,)

    Returns
    -------
    r : ndarray of shape (n_edges,)
    """
    jobs = ((runs, bins, values, *block) for block in edge_blocks(_n_regions(runs)))
    parts = map_ordered(_correlations_of_block, jobs, n_jobs=n_jobs, large=True)
    return np.concatenate(list(parts))


def _correlations_of_block(
    runs: Sequence[Frames], bins: Bins, values: Vector, first: int, stop: int
) -> Vector:
    return correlate_columns(_edges_of_block(runs, bins, first, stop), values[:, None])


def _edges_of_block(runs: Sequence[Frames], bins: Bins, first: int, stop: int) -> Matrix:
    """Edges of all bins whose lower region lies in the range: (n_rows, n_edges_of_block)."""
    return np.array(
        [
            edge_block(runs[r].signals[frames], first, stop)
            for r, frames in zip(bins.run, bins.frames, strict=True)
        ]
    )


def _n_regions(runs: Sequence[Frames]) -> int:
    return runs[0].signals.shape[1]
