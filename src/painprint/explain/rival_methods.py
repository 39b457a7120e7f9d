"""How else could ratings be predicted? What each method does with one fold.

Parts are scikit-learn's and nilearn's. What a method has to choose (a penalty, a threshold) it
chooses as the main decoding does: by the correlation of the pooled predictions of inner folds,
which keep groups together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from painprint.decode.crossval import (
    NotEnoughData,
    choose_penalty,
    correlate_columns,
    first_maximum,
)
from painprint.decode.kernel import Kernel
from painprint.explain.bin_features import (
    FEWEST_FRAMES_OF_MATRICES,
    activity_products,
    connectivity,
    connectivity_products,
    edge_products,
    edges,
    few_edges,
    tangent_vectors,
)

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Codes = NDArray[np.int64]
Path = Callable[[Codes, Codes], Matrix]
"""Training rows and test rows to predictions of the latter, a column per candidate."""

RIDGE_ALPHAS = np.geomspace(1e-3, 1e2, 11)
"""In units of the mean diagonal of the centred kernel."""
SVR_COSTS = np.geomspace(1e-3, 1e1, 5)
"""C where the kernel has mean diagonal 1 and the rating SD 1."""
SVR_EPSILON = 0.1
"""Half-width of the tube without loss, in SDs of the rating."""
CPM_THRESHOLDS = (0.05, 0.01, 0.001)
"""p below which an edge is selected."""
CPM_EDGES_AT_ONCE = 8192
LASSO_ALPHAS = np.geomspace(1, 0.03, 30)
"""In units of the smallest penalty that leaves no edge; at the last about as many are left as
there are rows."""


@dataclass(frozen=True, eq=False)
class Fold:
    """What a method may know when one group is left out.

    Attributes
    ----------
    train, test : ndarrays of int
        Rows of a kernel: rating bins of the other groups, time bins of the one left out.
    y : ndarray of shape (n_rows,)
        Ratings of the training rows; NaN for all others.
    inner : ndarray of int, shape (n_train,)
        Inner fold of each training row, from 0.
    """

    train: Codes
    test: Codes
    y: Vector
    inner: Codes

    def best_of(self, path: Path) -> Vector:
        """Predictions of the test rows by the candidate that the inner folds choose."""
        pooled, y = [], []
        for number in range(int(self.inner.max()) + 1):
            train, test = self.train[self.inner != number], self.train[self.inner == number]
            pooled.append(path(train, test))
            y.append(self.y[test])
        best = first_maximum(correlate_columns(np.concatenate(pooled), np.concatenate(y)))
        return path(self.train, self.test)[:, best]


def training_mean(_: Any, fold: Fold) -> Vector:
    """Predict the mean rating of the training rows."""
    return np.full(len(fold.test), fold.y[fold.train].mean())


def ridge(K: Matrix, fold: Fold) -> Vector:
    """Ridge regression on the features behind a Gram matrix."""
    alphas = RIDGE_ALPHAS * _mean_square(K, fold)

    def path(train: Codes, test: Codes) -> Matrix:
        return ridge_path(K, fold.y[train], train, test, alphas)

    return fold.best_of(path)


def ridge_path(K: Matrix, y: Vector, train: Codes, test: Codes, alphas: Vector) -> Matrix:
    """Predictions of ridge regression with an intercept, a column per alpha."""
    from sklearn.kernel_ridge import KernelRidge

    K_train, K_test = _centred(K, train, test)
    columns = [
        KernelRidge(alpha=alpha, kernel="precomputed").fit(K_train, y - y.mean()).predict(K_test)
        for alpha in alphas
    ]
    return np.stack(columns, axis=1) + y.mean()


def support_vectors(K: Matrix, fold: Fold) -> Vector:
    """Linear support vector regression, with kernel and rating in units of their spread."""
    from sklearn.svm import SVR

    y_train = fold.y[fold.train]
    mean, sd, scale = y_train.mean(), y_train.std(), _mean_square(K, fold)

    def path(train: Codes, test: Codes) -> Matrix:
        K_train, K_test = (part / scale for part in _centred(K, train, test))
        y = (fold.y[train] - mean) / sd
        columns = [
            SVR(kernel="precomputed", C=C, epsilon=SVR_EPSILON).fit(K_train, y).predict(K_test)
            for C in SVR_COSTS
        ]
        return mean + sd * np.stack(columns, axis=1)

    return fold.best_of(path)


def _centred(K: Matrix, train: Codes, test: Codes) -> tuple[Matrix, Matrix]:
    """Kernels of training rows, and of test with training rows, features centred on training."""
    from sklearn.preprocessing import KernelCenterer

    K_train = K[np.ix_(train, train)]
    centre = KernelCenterer().fit(K_train)
    return centre.transform(K_train), centre.transform(K[np.ix_(test, train)])


def _mean_square(K: Matrix, fold: Fold) -> float:
    """Mean squared length of the centred training rows: the unit of penalties."""
    K_train, _ = _centred(K, fold.train, fold.test)
    length = float(K_train.diagonal().mean())
    if not length > 0 or np.ptp(fold.y[fold.train]) == 0:
        raise NotEnoughData("the signals, or the ratings, of the training bins do not vary.")
    return length


def cpm(X: Matrix, fold: Fold) -> Vector:
    """Connectome-based predictive modelling, of edges of shape (n_rows, n_edges).

    References
    ----------
    Shen et al. (2017), Nat. Protoc. 12, 506-518
    """

    def path(train: Codes, test: Codes) -> Matrix:
        return cpm_path(X, fold.y[train], train, test)

    return fold.best_of(path)


def cpm_path(X: Matrix, y: Vector, train: Codes, test: Codes) -> Matrix:
    """Regression on two sums of selected edges, a column of predictions per threshold of p.

    Edges with a positive and those with a negative correlation are summed. Where none is
    selected, the prediction is the training mean.
    """
    from sklearn.linear_model import LinearRegression

    sums = _sums_of_selected(X, y, train, np.concatenate([train, test]))
    of_train, of_test = sums[: len(train)], sums[len(train) :]  # (n_rows, n_thresholds, 2)
    columns = [
        LinearRegression().fit(of_train[:, t], y).predict(of_test[:, t])
        for t in range(len(CPM_THRESHOLDS))
    ]
    return np.stack(columns, axis=1)


def _sums_of_selected(X: Matrix, y: Vector, train: Codes, rows: Codes) -> Matrix:
    """Sums of positive and of negative edges at each threshold: (n_rows, n_thresholds, 2)."""
    limits = np.array([_smallest_r(len(y), p) for p in CPM_THRESHOLDS])[:, None]
    sums = np.zeros((len(rows), 2 * len(limits)))
    for first in range(0, X.shape[1], CPM_EDGES_AT_ONCE):
        block = X[rows, first : first + CPM_EDGES_AT_ONCE]
        r = correlate_columns(block[: len(train)], y)
        chosen = np.stack([r > limits, r < -limits], axis=1)  # (n_thresholds, 2, n_edges)
        sums += block @ chosen.reshape(len(sums.T), -1).T.astype(float)
    return sums.reshape(len(rows), len(limits), 2)


def _smallest_r(n: int, p: float) -> float:
    """Correlation of n rows that has a two-sided p of so much, rows taken as independent."""
    from scipy.stats import t

    limit = float(t.isf(p / 2, n - 2))
    return limit / float(np.sqrt(n - 2 + limit**2))


def lasso(X: Matrix, fold: Fold) -> Vector:
    """LASSO on edges of shape (n_rows, n_edges)."""
    from sklearn.linear_model import lasso_path

    y = fold.y[fold.train]
    # no edge is left above this penalty
    largest = np.abs((X[fold.train] - X[fold.train].mean(axis=0)).T @ (y - y.mean())).max() / len(y)
    if not largest > 0:
        raise NotEnoughData("no edge goes along with the ratings of the training bins.")

    def path(train: Codes, test: Codes) -> Matrix:
        mean, y_mean = X[train].mean(axis=0), fold.y[train].mean()
        _, weights, _ = lasso_path(
            np.asfortranarray(X[train] - mean),
            fold.y[train] - y_mean,
            alphas=largest * LASSO_ALPHAS,
            precompute=False,
            copy_X=False,
            tol=1e-3,
            max_iter=100_000,
        )
        return (X[test] - mean) @ weights + y_mean

    return fold.best_of(path)


def lasso_pcr(K: Matrix, fold: Fold) -> Vector:
    """Our own LASSO on principal components, of the features behind a Gram matrix."""
    return _lasso_pcr(K[np.ix_(fold.train, fold.train)], K[np.ix_(fold.test, fold.train)], fold)


def tangent(covariances: Matrix, fold: Fold) -> Vector:
    """The same in the tangent space at the mean covariance of the training rows."""
    n_train, rows = len(fold.train), np.concatenate([fold.train, fold.test])
    vectors = tangent_vectors(covariances[fold.train], covariances[rows])
    K = vectors @ vectors.T
    return _lasso_pcr(K[:n_train, :n_train], K[n_train:, :n_train], fold)


def _lasso_pcr(K_train: Matrix, K_test: Matrix, fold: Fold) -> Vector:
    model = choose_penalty(K_train, fold.y[fold.train], fold.inner, n_edges=0)
    return K_test @ model.dual + model.intercept


@dataclass(frozen=True)
class Method:
    """One way to predict ratings.

    Attributes
    ----------
    name : str
    said : str
        What it is, for the reader of a report.
    represent : callable
        (kernel, n_jobs) to what the method sees of all rows, without any rating.
    predict : callable
        (what it sees, fold) to predictions of the fold's test rows.
    fewest_frames : int
        Bins with fewer do not train; nor can they be predicted.
    """

    name: str
    said: str
    represent: Callable[[Kernel, int], Any]
    predict: Callable[[Any, Fold], Vector]
    fewest_frames: int = 1


METHODS = (
    Method(
        "training mean",
        "the mean rating of the training bins, whatever the signals",
        edge_products,
        training_mean,
    ),
    Method("ridge", "ridge regression on edges (scikit-learn)", edge_products, ridge),
    Method(
        "linear SVR",
        "linear support vector regression on edges (scikit-learn)",
        edge_products,
        support_vectors,
    ),
    Method(
        "CPM",
        "connectome-based predictive modelling: regression on two sums of selected edges "
        "(Shen et al., 2017)",
        edges,
        cpm,
    ),
    Method("LASSO without PCA", "LASSO on edges themselves (scikit-learn)", few_edges, lasso),
    Method(
        "region activity",
        "our LASSO-PCR on the mean signal of each region instead of edges",
        activity_products,
        lasso_pcr,
    ),
    Method(
        "correlation",
        "our LASSO-PCR on correlations of regions within bins (Ledoit-Wolf, nilearn)",
        partial(connectivity_products, kind="correlation"),
        lasso_pcr,
        FEWEST_FRAMES_OF_MATRICES,
    ),
    Method(
        "partial correlation",
        "our LASSO-PCR on partial correlations of regions within bins (Ledoit-Wolf, nilearn)",
        partial(connectivity_products, kind="partial correlation"),
        lasso_pcr,
        FEWEST_FRAMES_OF_MATRICES,
    ),
    Method(
        "tangent",
        "our LASSO-PCR on covariances of regions within bins in the tangent space at their mean "
        "(Ledoit-Wolf, nilearn)",
        partial(connectivity, kind="covariance"),
        tangent,
        FEWEST_FRAMES_OF_MATRICES,
    ),
)
"""What the main decoding is compared with."""
