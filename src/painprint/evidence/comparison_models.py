"""Comparison models: how each is trained and tested in one fold.

Hyperparameters (a penalty, a threshold) are selected as in the main decoding: by the pooled squared
error of inner folds, which keep groups together; where training rows are parts of minutes, errors
are averaged over a minute before they are squared. Only LASSO-PCR is as published, with selection
by correlation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from painprint.arrays import Codes, Matrix, Vector, short_repr
from painprint.decode.bin_gram import BinGram
from painprint.decode.errors import NotEnoughData
from painprint.decode.lasso_pcr import center_cross, center_gram
from painprint.decode.refit import refit
from painprint.decode.ridge import LeftOut, fit_ridge, leave_groups_out
from painprint.evidence.bin_features import (
    FEWEST_FRAMES_OF_MATRICES,
    activity_products,
    correlations,
    edge_products,
    edges,
    few_edges,
    log_covariance,
    matrix_products,
    nothing,
    partial_correlations,
    rating_bin_gram,
)
from painprint.settings import Settings
from painprint.stats.correlation import correlate_columns

Path = Callable[[Codes, Codes], Matrix]
"""(training rows, test rows) to predictions of the test rows, one column per candidate."""

MOST_FOLDS = 5
"""Number of inner folds of models that have to be refitted in each."""
SVR_COSTS = np.geomspace(1e-3, 1e1, 5)
"""C for a Gram matrix with mean diagonal 1 and a rating with SD 1."""
SVR_EPSILON = 0.1
"""Half-width of the epsilon-insensitive tube, in SDs of the rating."""
CPM_THRESHOLDS = (0.001, 0.01, 0.05)
"""p below which an edge is selected."""
CPM_EDGES_AT_ONCE = 1024
"""Blocks of eight times as many edges take half as long again."""
LASSO_ALPHAS = np.geomspace(1, 0.03, 30)
"""In units of the smallest penalty that selects no edge; with the last, about as many edges are
selected as there are rows."""


@short_repr
@dataclass(frozen=True, eq=False)
class Fold:
    """The data that a model may use when one group is held out.

    Attributes
    ----------
    train, test : ndarrays of int
        Rows of a Gram matrix: training bins of the other groups, time bins of the held-out group.
    y : ndarray of shape (n_rows,)
        Ratings of the training rows; NaN for all others.
    groups : ndarray of int, shape (n_train,)
        Group of each training row, numbered in the order of time.
    unit : ndarray of int, shape (n_train,)
        Unit of error of each training row: its minute, or the row itself.
    n_frames : ndarray of shape (n_train,)
        Weight of each training row in its unit.
    """

    train: Codes
    test: Codes
    y: Vector
    groups: Codes
    unit: Codes
    n_frames: Vector

    @cached_property
    def left_out(self) -> list[LeftOut]:
        """Each training group in turn, for models with a closed form of leave-one-out."""
        return leave_groups_out(self.groups, unit=self.unit, n_frames=self.n_frames)

    @cached_property
    def inner(self) -> list[LeftOut]:
        """The training groups in at most 5 folds, for models that have to be refitted."""
        from sklearn.model_selection import GroupKFold

        n_folds = min(MOST_FOLDS, len(np.unique(self.groups)))
        part = np.empty(len(self.train), np.int64)
        splits = GroupKFold(n_splits=n_folds).split(self.train, groups=self.groups)
        for number, (_, rows) in enumerate(splits):
            part[rows] = number
        return leave_groups_out(part, unit=self.unit, n_frames=self.n_frames)

    def best_of(self, path: Path) -> Vector:
        """Predictions of the test rows by the candidate with the smallest inner squared error.

        In case of ties, by the first of them.
        """
        if np.ptp(self.y[self.train]) == 0:
            raise NotEnoughData("the rating does not vary across the training bins.")
        error = np.sum([self._squared_error(path, part) for part in self.inner], axis=0)
        return path(self.train, self.test)[:, int(np.argmin(error))]

    def _squared_error(self, path: Path, part: LeftOut) -> Vector:
        """Squared error of each candidate over the held-out rows of an inner fold."""
        train, test = np.delete(self.train, part.rows), self.train[part.rows]
        return part.squared_error(self.y[test, None] - path(train, test))


def training_mean(_: Any, fold: Fold) -> Vector:
    """Predict the mean rating of the training rows."""
    return np.full(len(fold.test), fold.y[fold.train].mean())


def ridge(K: Matrix, fold: Fold) -> Vector:
    """Ridge regression on a Gram matrix; the penalty is selected in closed form."""
    fit = fit_ridge(K[np.ix_(fold.train, fold.train)], fold.y[fold.train, None], fold.left_out)
    return fit.predict(K[np.ix_(fold.test, fold.train)])[:, 0]


def published(bin_gram: BinGram, n_jobs: int, *, settings: Settings) -> Vector:
    """Predictions of all time bins, each by LASSO-PCR of rating bins of the other groups.

    Parameters
    ----------
    settings : Settings
        Settings of the main decoding.

    Returns
    -------
    predicted : ndarray of shape (n_rows,)
        In the order of the rows of the Gram matrix; NaN for training rows.
    """
    settings = replace(settings, decoder="lasso_pcr", train_bins="rating", features="edges")
    trained = rating_bin_gram(bin_gram, settings, n_jobs)
    held_out = refit([trained], settings.rules, n_jobs=n_jobs).predicted
    unknown = np.full(len(bin_gram.bins["train"]), np.nan)
    return np.concatenate([unknown, *(held_out[kind] for kind in bin_gram.tested)])


def held_out_already(predicted: Vector, fold: Fold) -> Vector:
    """Predictions of the test rows, from those already computed for all folds."""
    return predicted[fold.test]


def support_vectors(K: Matrix, fold: Fold) -> Vector:
    """Linear support vector regression, with scaled Gram matrix and standardised rating."""
    from sklearn.svm import SVR

    y_train = fold.y[fold.train]
    mean, sd, unit = y_train.mean(), y_train.std(), _mean_square(K, fold)

    def path(train: Codes, test: Codes) -> Matrix:
        K_train = K[np.ix_(train, train)]
        K_test = center_cross(K[np.ix_(test, train)], K_train.mean(axis=0)) / unit
        K_train, y = center_gram(K_train) / unit, (fold.y[train] - mean) / sd
        columns = [
            SVR(kernel="precomputed", C=C, epsilon=SVR_EPSILON).fit(K_train, y).predict(K_test)
            for C in SVR_COSTS
        ]
        return mean + sd * np.stack(columns, axis=1)

    return fold.best_of(path)


def _mean_square(K: Matrix, fold: Fold) -> float:
    """Mean squared length of the centred training rows."""
    length = float(center_gram(K[np.ix_(fold.train, fold.train)]).diagonal().mean())
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
    train_sums, test_sums = sums[: len(train)], sums[len(train) :]  # (n_rows, n_thresholds, 2)
    columns = [
        LinearRegression().fit(train_sums[:, t], y).predict(test_sums[:, t])
        for t in range(len(CPM_THRESHOLDS))
    ]
    return np.stack(columns, axis=1)


def _sums_of_selected(X: Matrix, y: Vector, train: Codes, rows: Codes) -> Matrix:
    """Sums of positive and of negative edges at each threshold: (n_rows, n_thresholds, 2)."""
    limits = np.array([_smallest_r(len(y), p) for p in CPM_THRESHOLDS])[:, None]
    sums = np.zeros((len(rows), 2 * len(limits)))
    for first in range(0, X.shape[1], CPM_EDGES_AT_ONCE):
        block = X[rows, first : first + CPM_EDGES_AT_ONCE].astype(float)
        r = correlate_columns(block[: len(train)], y[:, None])
        chosen = np.stack([r > limits, r < -limits], axis=1)  # (n_thresholds, 2, n_edges)
        sums += block @ chosen.reshape(len(sums.T), -1).T.astype(float)
    return sums.reshape(len(rows), len(limits), 2)


def _smallest_r(n: int, p: float) -> float:
    """Smallest correlation over n independent rows with this two-sided p."""
    from scipy.stats import t

    limit = float(t.isf(p / 2, n - 2))  # critical t with n - 2 degrees of freedom
    return limit / float(np.sqrt(n - 2 + limit**2))


def lasso(X: Matrix, fold: Fold) -> Vector:
    """LASSO on edges of shape (n_rows, n_edges)."""
    from sklearn.linear_model import lasso_path

    largest = _largest_penalty(X[fold.train].astype(float), fold.y[fold.train])

    def path(train: Codes, test: Codes) -> Matrix:
        X_train, y_mean = X[train].astype(float), fold.y[train].mean()
        mean = X_train.mean(axis=0)
        _, weights, _ = lasso_path(
            np.asfortranarray(X_train - mean),
            fold.y[train] - y_mean,
            alphas=largest * LASSO_ALPHAS,
            precompute=False,
            copy_X=False,
            tol=1e-3,
            max_iter=100_000,
        )
        return (X[test] - mean) @ weights + y_mean

    return fold.best_of(path)


def _largest_penalty(X: Matrix, y: Vector) -> float:
    """The smallest penalty with which LASSO selects no edge."""
    largest = float(np.abs((X - X.mean(axis=0)).T @ (y - y.mean())).max()) / len(y)
    if not largest > 0:
        raise NotEnoughData("no edge correlates with the ratings of the training bins.")
    return largest


@dataclass(frozen=True)
class Method:
    """A comparison model.

    Attributes
    ----------
    description : str
        As on the page.
    represent : callable
        (bin_gram, n_jobs) to the features of all rows, or their inner products.
    predict : callable
        (features, fold) to predictions of the fold's test rows.
    fewest_frames : int
        Fewest frames of a bin that is used in training or can be predicted.
    """

    name: str
    description: str
    represent: Callable[[BinGram, int], Any]
    predict: Callable[[Any, Fold], Vector]
    fewest_frames: int = 1


TRAINING_MEAN = Method(
    "training mean",
    "the mean rating of the training bins, regardless of the signals",
    nothing,
    training_mean,
)
EDGES = Method("ridge", "ridge regression on edges, as in painprint", edge_products, ridge)
ACTIVITY = Method(
    "region activity",
    "ridge regression on the mean signal of each region instead of edges",
    activity_products,
    ridge,
)
OTHER_LEARNERS = (
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
    Method("LASSO", "LASSO on the edges themselves (scikit-learn)", few_edges, lasso),
)
OF_MATRICES = tuple(
    Method(
        name,
        f"ridge regression on {what} (Ledoit-Wolf)",
        partial(matrix_products, vector=vector),
        ridge,
        FEWEST_FRAMES_OF_MATRICES,
    )
    for name, what, vector in (
        ("correlation", "correlations of regions within bins", correlations),
        (
            "partial correlation",
            "partial correlations of regions within bins",
            partial_correlations,
        ),
        (
            "tangent",
            "covariances of regions within bins in the tangent space at their log-Euclidean mean",
            log_covariance,
        ),
    )
)


def comparison_models(settings: Settings) -> tuple[Method, ...]:
    """Models that the main decoding is compared with.

    The main decoding itself is not among them, be it LASSO-PCR as published, or ridge regression
    on edges or on region activity.

    Parameters
    ----------
    settings : Settings
        Settings of the main decoding.
    """
    decoder = settings.rules.decoder
    main = (decoder, settings.features)
    lasso_pcr = Method(
        "LASSO-PCR",
        "the published LASSO on principal components of edges, trained on rating bins, its penalty "
        "chosen by the correlation of inner folds, without the published leaks",
        partial(published, settings=settings),
        held_out_already,
    )
    return (
        TRAINING_MEAN,
        *([lasso_pcr] if decoder != "lasso_pcr" else []),
        *([EDGES] if main != ("ridge", "edges") else []),
        *OTHER_LEARNERS,
        *([ACTIVITY] if main != ("ridge", "activity") else []),
        *OF_MATRICES,
    )
