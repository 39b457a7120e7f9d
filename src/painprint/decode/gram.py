"""Inner products of bins in edge space, and back: rows x edges exist only in blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from painprint.arrays import Codes, Matrix, Vector
from painprint.bins import Bins
from painprint.edges import count_edges, edge_block, edge_blocks
from painprint.parallel import map_ordered
from painprint.runs import Frames
from painprint.stats.correlation import correlate_columns


def gram(
    runs: Sequence[Frames],
    bins: Bins,
    groups: Codes,
    *,
    n_first: int | None = None,
    n_jobs: int = 1,
) -> Matrix:
    """K = X Xᵀ of the bins' edges: (n_rows, n_rows).

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

    References
    ----------
    docs/methods.md
    """
    n_first = _n_regions(runs) if n_first is None else n_first
    blocks = [(a, min(b, n_first)) for a, b in edge_blocks(_n_regions(runs)) if a < n_first]
    K = np.zeros((len(bins), len(bins)))
    for part in _of_blocks(partial(_products_by_group, groups=groups), runs, bins, blocks, n_jobs):
        K += part
    return K


def _products_by_group(X: Matrix, groups: Codes) -> Matrix:
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
    runs: Sequence[Frames], bins: Bins, groups: Codes, *, n_first: int | None = None
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
    runs: Sequence[Frames], bins: Bins, groups: Codes, dual: Matrix, *, n_jobs: int = 1
) -> Matrix:
    """Edge weights Xᵀ a of several models on the same bins: (n_models, n_edges).

    Parameters
    ----------
    runs, bins, groups
        As for :func:`gram`.
    dual : ndarray of shape (n_models, n_rows)
        Coefficients of the rows; 0 for rows a model was not trained on.
    """
    n_regions = _n_regions(runs)
    blocks = edge_blocks(n_regions)
    weights = np.empty((len(dual), count_edges(n_regions)))
    at = 0
    weigh = partial(_weights_by_group, groups=groups, dual=dual)
    for part in _of_blocks(weigh, runs, bins, blocks, n_jobs):
        weights[:, at : at + part.shape[1]] = part
        at += part.shape[1]
    return weights


def _weights_by_group(X: Matrix, groups: Codes, dual: Matrix) -> Matrix:
    """Xᵀ a, summed group by group."""
    weights = np.zeros((len(dual), X.shape[1]))
    for g in np.unique(groups):
        rows = np.flatnonzero(groups == g)
        weights += dual[:, rows] @ X[rows]
    return weights


def edge_correlations(
    runs: Sequence[Frames], bins: Bins, values: Vector, *, n_jobs: int = 1
) -> Vector:
    """Correlation over rows of each edge with the same values, (n_edges,); NaN if constant.

    Parameters
    ----------
    runs, bins
        As for :func:`gram`.
    values : ndarray of shape (n_rows,)
    """
    correlate = partial(correlate_columns, Y=values[:, None])
    blocks = edge_blocks(_n_regions(runs))
    return np.concatenate(list(_of_blocks(correlate, runs, bins, blocks, n_jobs)))


def _of_blocks(
    function: Callable[[Matrix], Matrix],
    runs: Sequence[Frames],
    bins: Bins,
    blocks: Sequence[tuple[int, int]],
    n_jobs: int,
) -> Iterator[Matrix]:
    """What a function makes of the edges of all bins, (n_rows, n_edges_of_block), block by block.

    A block is the range of the lower region of its edges.
    """

    def of_block(first: int, stop: int) -> Matrix:
        members = zip(bins.run, bins.frames, strict=True)
        edges = [edge_block(runs[r].signals[frames], first, stop) for r, frames in members]
        return function(np.array(edges))

    return map_ordered(of_block, blocks, n_jobs=n_jobs, large=True)


def _n_regions(runs: Sequence[Frames]) -> int:
    return runs[0].signals.shape[1]
