"""Features of bins for comparison models: edges, region activity, connectivity matrices.

One row per bin, in the order of the Gram matrix; no rating is used. Features are stored in single
precision, and inner products are accumulated in double precision. Features of every row, and inner
products of matrices, may be :class:`TooLarge`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from painprint.arrays import Codes, Matrix, Single, Vector
from painprint.bins import Bins, make_rating_bins
from painprint.decode.bin_gram import BinGram, inner_products, join_bins
from painprint.decode.errors import NotEnoughData
from painprint.decode.gram import activity_gram
from painprint.edges import count_edges, edge_block, matrix_to_edges
from painprint.parallel import map_ordered
from painprint.settings import Settings

ToVector = Callable[[Matrix], Vector]
"""Frames of a bin, (n_frames, n_regions), to its features; region pairs i < j, row by row."""

MOST_BYTES_OF_EDGES = 2e9
"""Largest matrix of rows x features in memory: 28 sessions of 3 runs of 10 minutes with
450 regions, half-minute training bins, take 1.2 GB."""
MOST_EDGES_OF_LASSO = 20_000
"""200 regions: 3 s for a path of 1,600 rows, and 6 paths a fold."""
MOST_REGIONS_OF_MATRICES = 500
"""An eigendecomposition of 450 regions takes 13 ms, and a study has some 3,000 bins."""
BINS_AT_ONCE = 32
"""Bins of one job: each job costs some milliseconds beside its work."""
FEATURES_AT_ONCE = 4096
"""Number of features whose inner products are computed by one job."""
EPS = float(np.finfo(float).eps)
FEWEST_FRAMES_OF_MATRICES = 5
"""Bins with fewer frames have no usable covariance."""


class TooLarge(ValueError):
    """Features that would take too much memory or time; the message says how much is allowed."""


def nothing(bin_gram: BinGram, n_jobs: int) -> None:
    """No features, for a model that uses ratings alone."""


def edge_products(bin_gram: BinGram, n_jobs: int) -> Matrix:
    """Inner products of the rows' edges."""
    return bin_gram.edges


def activity_products(bin_gram: BinGram, n_jobs: int) -> Matrix:
    """Inner products of the rows' mean signals of regions, instead of edges."""
    if "activity" in bin_gram.products:
        return bin_gram.products["activity"]
    bins = all_bins(bin_gram)
    return activity_gram(bin_gram.frames, bins, bin_gram.group_index[bins.run])


def edges(bin_gram: BinGram, n_jobs: int) -> Single:
    """Edges of every row: (n_rows, n_edges)."""
    return _features(bin_gram, bin_gram.n_edges, _edges_of_frames, n_jobs=n_jobs)


def few_edges(bin_gram: BinGram, n_jobs: int) -> Single:
    """The same, if they are few enough for LASSO."""
    if bin_gram.n_edges > MOST_EDGES_OF_LASSO:
        raise TooLarge(
            f"with {bin_gram.n_edges} edges, more than {MOST_EDGES_OF_LASSO}, it would take too "
            "long."
        )
    return edges(bin_gram, n_jobs)


def rating_bin_gram(bin_gram: BinGram, settings: Settings, n_jobs: int) -> BinGram:
    """The same runs and time bins with rating bins to train on, as published; edges alone.

    Parameters
    ----------
    settings : Settings
        Settings with rating bins as training bins.
    """
    if bin_gram.minute is None:
        return replace(bin_gram, products={"edges": bin_gram.edges})
    rating = make_rating_bins(
        bin_gram.frames, settings.rules, min_stretch_frames=settings.min_stretch_frames
    )
    trained = replace(bin_gram, bins={**bin_gram.bins, "train": rating}, minute=None)
    products = inner_products(
        bin_gram.frames, all_bins(trained), bin_gram.group_index, ("edges",), n_jobs=n_jobs
    )
    return replace(trained, products=products)


def correlations(frames: Matrix) -> Vector:
    """Correlations of regions, from the Ledoit-Wolf covariance of signals standardised in the bin:
    (n_edges,)."""
    spread = frames.std(axis=0, ddof=1)
    C = _covariance((frames - frames.mean(axis=0)) / np.where(spread > 0, spread, 1.0))
    return _scaled_pairs(C)


def partial_correlations(frames: Matrix) -> Vector:
    """Correlations of two regions given all others, from the Ledoit-Wolf covariance: (n_edges,)."""
    return -_scaled_pairs(np.linalg.inv(_covariance(frames)))


def log_covariance(frames: Matrix) -> Vector:
    """Matrix logarithm of the Ledoit-Wolf covariance, as a vector of the same length.

    Inner products of such vectors are those of the matrices: the log-Euclidean metric. Centring
    them on training rows is the tangent space at their log-Euclidean mean.

    Returns
    -------
    vector : ndarray of shape (n_regions * (n_regions + 1) / 2,)
        The diagonal, and then √2 times the pairs of regions.

    References
    ----------
    Arsigny et al. (2006), Magn. Reson. Med. 56, 411-421
    """
    values, vectors = np.linalg.eigh(_covariance(frames))
    positive = np.maximum(values, EPS * values[-1])  # rounding may make some negative
    L = (vectors * np.log(positive)) @ vectors.T
    return np.concatenate([L.diagonal(), np.sqrt(2) * matrix_to_edges(L)])


def _covariance(frames: Matrix) -> Matrix:
    """Ledoit-Wolf estimate; not singular, however few the frames, unless no region varies."""
    from sklearn.covariance import ledoit_wolf

    C: Matrix = ledoit_wolf(frames)[0]
    if not C.trace() > 0:
        raise NotEnoughData("the signals of a bin do not vary.")
    return C


def _scaled_pairs(C: NDArray[np.floating]) -> Vector:
    """Off-diagonal elements of a matrix scaled to a diagonal of 1."""
    scale = np.sqrt(C.diagonal())
    return matrix_to_edges(C / (scale * scale[:, None]))


def matrix_products(bin_gram: BinGram, n_jobs: int, *, vector: ToVector) -> Matrix:
    """Inner products of the rows' connectivity matrices: (n_rows, n_rows); 0 where a bin has too
    few frames."""
    n_regions = len(bin_gram.frames[0].regions)
    if n_regions > MOST_REGIONS_OF_MATRICES:
        raise TooLarge(
            f"with {n_regions} regions, more than {MOST_REGIONS_OF_MATRICES}, a matrix for each of "
            f"{len(bin_gram.edges)} bins would take too long."
        )
    n_features = count_edges(n_regions) + n_regions * (vector is log_covariance)
    X = _features(
        bin_gram, n_features, vector, fewest_frames=FEWEST_FRAMES_OF_MATRICES, n_jobs=n_jobs
    )
    return _products(X, n_jobs)


def _products(X: Single, n_jobs: int) -> Matrix:
    """X Xᵀ, a block of features at a time."""
    starts = range(0, X.shape[1], FEATURES_AT_ONCE)
    blocks = ((X[:, start : start + FEATURES_AT_ONCE],) for start in starts)
    K = np.zeros((len(X), len(X)))
    for part in map_ordered(_products_of_columns, blocks, n_jobs=n_jobs, large=True):
        K += part
    return K


def _products_of_columns(X: Single) -> Matrix:
    block = X.astype(float)
    return block @ block.T


def _features(
    bin_gram: BinGram, n_features: int, vector: ToVector, *, fewest_frames: int = 1, n_jobs: int
) -> Single:
    """Features of every row; 0 where a bin has too few frames."""
    rows = all_bins(bin_gram)
    bins = [(bin_gram.frames[r].signals, f) for r, f in zip(rows.run, rows.frames, strict=True)]
    if (size := 4 * len(bins) * n_features) > MOST_BYTES_OF_EDGES:
        raise TooLarge(
            f"{len(bins)} bins of {n_features} features take {size / 1e9:.1f} GB, and at most "
            f"{MOST_BYTES_OF_EDGES / 1e9:g} are allowed."
        )
    X = np.zeros((len(bins), n_features), np.float32)
    known = [i for i, (_, frames) in enumerate(bins) if len(frames) >= fewest_frames]
    parts = [known[first : first + BINS_AT_ONCE] for first in range(0, len(known), BINS_AT_ONCE)]
    jobs = (([bins[i] for i in part], vector) for part in parts)
    blocks = map_ordered(_features_of_bins, jobs, n_jobs=n_jobs, large=True)
    for part, block in zip(parts, blocks, strict=True):
        X[part] = block
    return X


def _features_of_bins(bins: Sequence[tuple[Matrix, Codes]], vector: ToVector) -> Single:
    return np.array([vector(signals[frames]) for signals, frames in bins], np.float32)


def mean_features(signals: Sequence[Matrix]) -> tuple[Matrix, Matrix]:
    """Mean co-fluctuation, (n_bins, n_edges), and mean signal, (n_bins, n_regions), of bins.

    Parameters
    ----------
    signals : sequence of ndarrays of shape (n_frames, n_regions)
        Frames of each bin.
    """
    edges = [_edges_of_frames(frames) for frames in signals]
    return np.array(edges), np.array([frames.mean(axis=0) for frames in signals])


def _edges_of_frames(frames: Matrix) -> Vector:
    return edge_block(frames, 0, frames.shape[1])


def all_bins(bin_gram: BinGram) -> Bins:
    """Bins that train and test, in the order of the Gram matrix."""
    return join_bins(list(bin_gram.bins.values()))
