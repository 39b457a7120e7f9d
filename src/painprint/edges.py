"""Co-fluctuation of region pairs: bin averages, frame-wise scores, vector <-> matrix.

Edges are region pairs i < j, row by row.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray


def count_edges(n_regions: int) -> int:
    """Number of region pairs."""
    return n_regions * (n_regions - 1) // 2


def count_regions(n_edges: int) -> int:
    """Number of regions whose pairs are these edges.

    Raises
    ------
    ValueError
        If no number of regions has as many pairs.
    """
    n_regions = (1 + math.isqrt(1 + 8 * n_edges)) // 2
    if count_edges(n_regions) != n_edges:
        raise ValueError(f"{n_edges} edges: no number of regions has as many pairs.")
    return n_regions


def bin_edges(signal: ArrayLike, bin_of_frame: ArrayLike) -> NDArray[np.float64]:
    """Average edge co-fluctuation within each bin.

    With Z the frames of one bin, this is the upper triangle of ZᵀZ / n.

    Parameters
    ----------
    signal : array of shape (n_frames, n_regions)
        Region time series, z-scored within run (unitless).
    bin_of_frame : array of int, shape (n_frames,)
        Bin of each frame, from 0; -1 omits it.

    Returns
    -------
    edges : ndarray of shape (n_bins, n_edges)
        Region pairs i < j, row by row.

    Raises
    ------
    ValueError
        If a bin has no frames.

    References
    ----------
    docs/methods.md; Lee et al. (2026)

    Examples
    --------
    >>> bin_edges(np.array([[1., 2.], [3., 4.]]), np.array([0, 0]))
    array([[7.]])
    """
    Z, labels = np.asarray(signal, dtype=float), np.asarray(bin_of_frame)
    n_bins = int(labels.max(initial=-1)) + 1
    rows = []
    for b in range(n_bins):
        frames = Z[labels == b]
        if not len(frames):
            raise ValueError(f"bin {b} of {n_bins} has no frames.")
        rows.append(edge_block(frames, 0, Z.shape[1]))
    return np.array(rows).reshape(n_bins, count_edges(Z.shape[1]))


def edge_block(frames: NDArray[np.float64], first: int, stop: int) -> NDArray[np.float64]:
    """Mean co-fluctuation over ``frames`` of the edges whose region i is first <= i < stop.

    Parameters
    ----------
    frames : ndarray of shape (n_frames, n_regions)
    first, stop : int
        Range of the lower-numbered region.

    Returns
    -------
    edges : ndarray of shape (n_edges_of_block,)
    """
    moments = frames[:, first:stop].T @ frames[:, first:]
    moments /= len(frames)
    upper = np.arange(moments.shape[1]) > np.arange(moments.shape[0])[:, None]
    return moments[upper]


def edge_blocks(n_regions: int, max_edges: int = 8192) -> list[tuple[int, int]]:
    """Cut the edges into blocks of whole rows of the upper triangle.

    The blocks depend on the number of regions alone, so that sums over blocks round alike
    whatever the number of bins.

    Returns
    -------
    blocks : list of (first, stop)
        Ranges of the lower-numbered region.
    """
    blocks, first = [], 0
    while first < n_regions - 1:
        stop, size = first + 1, n_regions - 1 - first
        while stop < n_regions - 1 and size + n_regions - 1 - stop <= max_edges:
            size += n_regions - 1 - stop
            stop += 1
        blocks.append((first, stop))
        first = stop
    return blocks


def edges_to_matrix(edges: ArrayLike) -> NDArray[np.float64]:
    """Symmetric matrix with zero diagonal from a vector of edges.

    Examples
    --------
    >>> edges_to_matrix([1., 2., 3.])
    array([[0., 1., 2.],
           [1., 0., 3.],
           [2., 3., 0.]])
    """
    values = np.asarray(edges, dtype=float)
    matrix = np.zeros((count_regions(len(values)),) * 2)
    matrix[np.triu_indices_from(matrix, k=1)] = values
    return matrix + matrix.T


def matrix_to_edges(matrix: ArrayLike) -> NDArray[np.float64]:
    """The upper triangle, row by row: the inverse of :func:`edges_to_matrix`."""
    M = np.asarray(matrix, dtype=float)
    return M[np.triu_indices_from(M, k=1)]


def score_frames(
    signal: NDArray[np.float64],
    weights: NDArray[np.float64],
    intercept: float,
    activity: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Predicted rating of each frame, zᵀWz / 2 + vᵀz + intercept.

    zᵀWz / 2 is the sum over region pairs of weight times co-fluctuation, so that the matrix of
    frames by edges is never formed.

    Parameters
    ----------
    signal : ndarray of shape (n_frames, n_regions)
        z-scored within run.
    weights : ndarray of shape (n_edges,)
    activity : ndarray of shape (n_regions,), optional
        v, weights of the regions' signals. Default: 0.

    Returns
    -------
    score : ndarray of shape (n_frames,)
        In units of the rating.
    """
    W = edges_to_matrix(weights)
    score: NDArray[np.float64] = np.einsum("ti,ti->t", signal @ W, signal) / 2 + intercept
    if activity is not None:
        score += signal @ activity
    return score
