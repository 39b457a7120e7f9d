"""What methods may see of rating bins and time bins: region activity, edges, connectivity matrices.

One row per bin, in the order of a kernel's rows; no rating is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from painprint.decode.kernel import Kernel
from painprint.edges import edge_block
from painprint.parallel import map_ordered

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Codes = NDArray[np.int64]

MOST_BYTES_OF_EDGES = 2e9
"""Largest matrix of rows x edges that is held at once: 28 sessions of 3 runs of 10 minutes with
450 regions take 1.7 GB."""
MOST_EDGES_OF_LASSO = 20_000
"""200 regions: 2 s for a path of 800 rows, and 6 paths a fold; at 450 regions it is 11 s."""
MOST_REGIONS_OF_MATRICES = 100
"""The tangent space takes 5 s a fold at 100 regions of 20 sessions, 8 times as long at 200."""
BINS_AT_ONCE = 64
"""Bins of one job: each job costs some milliseconds beside its work."""
FEWEST_FRAMES_OF_MATRICES = 5
"""Bins with fewer frames have no covariance to speak of."""


class TooLarge(ValueError):
    """Features that would take too much memory or time; the message says how much is allowed."""


def edge_products(kernel: Kernel, n_jobs: int) -> Matrix:
    """Inner products of the rows' edges."""
    return kernel.K


def edges(kernel: Kernel, n_jobs: int) -> Matrix:
    """Edges of every row: (n_rows, n_edges).

    Raises
    ------
    TooLarge
    """
    shape = len(kernel.K), kernel.n_edges
    if (size := 8 * shape[0] * shape[1]) > MOST_BYTES_OF_EDGES:
        raise TooLarge(
            f"{shape[0]} bins of {shape[1]} edges take {size / 1e9:.1f} GB, and at most "
            f"{MOST_BYTES_OF_EDGES / 1e9:g} are allowed."
        )
    X = np.empty(shape)
    rows = map_ordered(_edges_of_bin, _bin_signals(kernel), n_jobs=n_jobs, large=True)
    for i, row in enumerate(rows):
        X[i] = row
    return X


def few_edges(kernel: Kernel, n_jobs: int) -> Matrix:
    """The same where they are few enough for LASSO."""
    if kernel.n_edges > MOST_EDGES_OF_LASSO:
        raise TooLarge(
            f"with {kernel.n_edges} edges, more than {MOST_EDGES_OF_LASSO}, it would take too long."
        )
    return edges(kernel, n_jobs)


def activity_products(kernel: Kernel, n_jobs: int) -> Matrix:
    """Inner products of the rows' mean signals: how active each region is, instead of edges."""
    activity = np.array([signals[frames].mean(axis=0) for signals, frames in _bin_signals(kernel)])
    return activity @ activity.T


def connectivity(kernel: Kernel, n_jobs: int, *, kind: str) -> Matrix:
    """Matrix of every row from its Ledoit-Wolf covariance; 0 where a bin has too few frames.

    Parameters
    ----------
    kernel : Kernel
    n_jobs : int
    kind : {"covariance", "correlation", "partial correlation"}
        As nilearn's ConnectivityMeasure has them.

    Returns
    -------
    matrices : ndarray of shape (n_rows, n_regions, n_regions)

    Raises
    ------
    TooLarge
    """
    n_regions = len(kernel.frames[0].regions)
    if n_regions > MOST_REGIONS_OF_MATRICES:
        raise TooLarge(
            f"with {n_regions} regions, more than {MOST_REGIONS_OF_MATRICES}, a matrix per bin "
            "would take too long."
        )
    matrices = np.zeros((len(kernel.K), n_regions, n_regions))
    bins = _bin_signals(kernel)
    known = [i for i, (_, f) in enumerate(bins) if len(f) >= FEWEST_FRAMES_OF_MATRICES]
    parts = [known[first : first + BINS_AT_ONCE] for first in range(0, len(known), BINS_AT_ONCE)]
    jobs = (([bins[i] for i in part], kind) for part in parts)
    found = map_ordered(_connectivity_of_bins, jobs, n_jobs=n_jobs, large=True)
    for part, of_part in zip(parts, found, strict=True):
        matrices[part] = of_part
    return matrices


def connectivity_products(kernel: Kernel, n_jobs: int, *, kind: str) -> Matrix:
    """Inner products of the rows' matrices, without diagonals."""
    matrices = connectivity(kernel, n_jobs, kind=kind)
    i, j = np.triu_indices(matrices.shape[1], k=1)
    X = matrices[:, i, j]
    return X @ X.T


def tangent_vectors(reference: Matrix, covariances: Matrix) -> Matrix:
    """Covariances as vectors in the tangent space at the geometric mean of reference ones.

    Parameters
    ----------
    reference : ndarray of shape (n_reference, n_regions, n_regions)
    covariances : ndarray of shape (n_rows, n_regions, n_regions)

    Returns
    -------
    vectors : ndarray of shape (n_rows, n_regions * (n_regions + 1) / 2)

    References
    ----------
    Varoquaux et al. (2010), MICCAI
    """
    from nilearn.connectome import ConnectivityMeasure
    from sklearn.base import BaseEstimator

    class AsGiven(BaseEstimator):
        """Takes covariances for signals, so that each is estimated once and not in every fold."""

        def fit(self, X: Matrix) -> AsGiven:
            self.covariance_ = X
            return self

    measure = ConnectivityMeasure(AsGiven(), kind="tangent", vectorize=True)
    vectors: Matrix = measure.fit(list(reference)).transform(list(covariances))
    return vectors


def _bin_signals(kernel: Kernel) -> list[tuple[Matrix, Codes]]:
    """Signals of the run, and frames of the bin, for every row of a kernel."""
    return [
        (kernel.frames[r].signals, frames)
        for bins in kernel.bins.values()
        for r, frames in zip(bins.run, bins.frames, strict=True)
    ]


def _edges_of_bin(signals: Matrix, frames: Codes) -> Vector:
    return edge_block(signals[frames], 0, signals.shape[1])


def _connectivity_of_bins(bins: Sequence[tuple[Matrix, Codes]], kind: str) -> Matrix:
    from nilearn.connectome import ConnectivityMeasure
    from sklearn.covariance import LedoitWolf

    measure = ConnectivityMeasure(LedoitWolf(store_precision=False), kind=kind)
    return np.array([measure.fit_transform([signals[f]])[0] for signals, f in bins])
