"""What do simpler and other methods reach on the very same folds and rows?

Every method trains on the rating bins of all groups but one and predicts the time bins of that
one, as the main decoding did; parts are scikit-learn's and nilearn's, folds are ours. What a
method has to choose (a penalty, a threshold) it chooses as the main decoding does: by the
correlation of the pooled predictions of inner folds, which keep groups together. A correlation
does not see shrinkage, so a penalised method may be chosen that predicts too little variation:
centred r compares all methods alike, skill is a little harder for those that shrink.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.decode.bootstrap import (
    LINEAR,
    block_draw,
    block_length,
    bootstrap,
    interval,
    weighted_r,
    weighted_skill,
    widened,
)
from painprint.decode.crossval import (
    NotEnoughData,
    OnStep,
    choose_penalty,
    correlate_columns,
    count_steps,
    first_maximum,
)
from painprint.decode.kernel import Kernel, Scales
from painprint.decode.metrics import SCALES, agreement, center_by
from painprint.edges import edge_block
from painprint.explain.case import Case, Finding
from painprint.parallel import map_ordered, one_blas_thread

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Codes = NDArray[np.int64]
Path = Callable[[Codes, Codes], Matrix]
"""Training rows and test rows to predictions of the latter, a column per candidate."""

OURS = "painprint"
MOST_FOLDS = 5
"""Inner folds that choose a penalty or threshold."""
MOST_REGIONS_OF_MATRICES = 100
"""The tangent space takes 5 s a fold at 100 regions of 20 sessions, 8 times as long at 200."""
MOST_BYTES_OF_EDGES = 2e9
"""Largest matrix of rows x edges that is held at once: 28 sessions of 3 runs of 10 minutes with
450 regions take 1.7 GB."""
MOST_EDGES_OF_LASSO = 20_000
"""200 regions: 2 s for a path of 800 rows, and 6 paths a fold; at 450 regions it is 11 s."""
FEWEST_FRAMES_OF_MATRICES = 5
"""Bins with fewer frames have no covariance to speak of."""
FEWEST_BLOCKS = 3
"""Of neighbouring groups, for an interval."""

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


def _no_obstacle(kernel: Kernel) -> str | None:
    return None


@dataclass(frozen=True)
class Method:
    """One way to predict ratings.

    Attributes
    ----------
    name : str
    represent : callable
        (kernel, n_jobs) to what the method sees of all rows, without any rating.
    predict : callable
        (what it sees, fold) to predictions of the fold's test rows.
    obstacle : callable
        Why the method is not possible with such rows, if so.
    fewest_frames : int
        Bins with fewer do not train; nor can they be predicted.
    """

    name: str
    represent: Callable[[Kernel, int], Any]
    predict: Callable[[Any, Fold], Vector]
    obstacle: Callable[[Kernel], str | None] = _no_obstacle
    fewest_frames: int = 1


def baseline_comparison(case: Case, *, on_step: OnStep | None = None) -> Finding:
    """The main decoding beside other methods on the same folds, rows and resamples.

    Parameters
    ----------
    case : Case
    on_step : callable, optional
        Told (done, of) after each method, at each lag that folds chose.

    Returns
    -------
    finding : Finding
        Table ``baselines``: per method and scale r, centred r, skill and MAE, and by how much
        the main decoding's centred r and skill are better, with intervals. Numbers: the same
        at 1 min; the best method; how many the main decoding beats or loses to.

    Raises
    ------
    NotEnoughData
        If the rows are not those of the main decoding.
    """
    ours, scales = _main_rows(case)
    predicted, not_done = predict_by_methods(case, METHODS, on_step=on_step)
    n_minutes = len(case.kernels[0].bins["1min"])
    parts = [score_method(OURS, ours, {s: rows.predicted for s, rows in ours.items()})]
    for name, values in predicted.items():
        theirs = scales.average(values[:n_minutes], values[n_minutes:])
        parts.append(
            pd.concat([score_method(name, ours, theirs), _differences(ours, theirs, case)], axis=1)
        )
    table = pd.concat(parts, ignore_index=True).reindex(columns=[*COLUMNS, *DIFFERENCES])
    table = table.astype({c: float for c in (*COLUMNS[2:], *DIFFERENCES)})
    return Finding({"baselines": table}, summarise(table), tuple(not_done))


COLUMNS = ("method", "scale", "r", "centred_r", "skill", "mae")
DIFFERENCES = tuple(
    f"d_{statistic}{end}" for statistic in ("centred_r", "skill") for end in ("", "_low", "_high")
)


def fold_without(kernel: Kernel, held_out: int, *, fewest_frames: int = 1) -> Fold:
    """Rows that train and test when a group is left out, and the inner folds.

    Parameters
    ----------
    kernel : Kernel
        At the lag of this fold.
    held_out : int
        The group.
    fewest_frames : int
        Bins with fewer do not train.

    Raises
    ------
    NotEnoughData
        With fewer than 2 groups to train on, or time bins that are too short.
    """
    from sklearn.model_selection import GroupKFold

    rating = kernel.bins["rating"]
    long_enough = np.array([len(f) >= fewest_frames for f in rating.frames])
    train = np.flatnonzero((kernel.groups("rating") != held_out) & long_enough)
    test = np.concatenate(
        [
            kernel.rows(kind).start + np.flatnonzero(kernel.groups(kind) == held_out)
            for kind in ("1min", "2min")
        ]
    )
    shortest = min(len(frames) for frames in _bin_frames(kernel, test))
    if shortest < fewest_frames:
        raise NotEnoughData(
            f"a time bin has {shortest} frames, but at least {fewest_frames} are needed."
        )
    y = np.full(len(kernel.K), np.nan)
    y[train] = kernel.y("rating")[train]
    groups = kernel.groups("rating")[train]
    n_folds = min(MOST_FOLDS, len(np.unique(groups)))
    if n_folds < 2:
        raise NotEnoughData("inner folds need at least 2 groups that train.")
    inner = np.empty(len(train), np.int64)
    splits = GroupKFold(n_splits=n_folds).split(groups, groups=groups)
    for number, (_, rows) in enumerate(splits):
        inner[rows] = number
    return Fold(train, test, y, inner)


def _bin_frames(kernel: Kernel, rows: Codes) -> list[Codes]:
    """Frames of some rows of a kernel."""
    frames = [f for bins in kernel.bins.values() for f in bins.frames]
    return [frames[row] for row in rows]


def _bin_signals(kernel: Kernel) -> list[tuple[Matrix, Codes]]:
    """Signals of the run, and frames of the bin, for every row of a kernel."""
    return [
        (kernel.frames[r].signals, frames)
        for bins in kernel.bins.values()
        for r, frames in zip(bins.run, bins.frames, strict=True)
    ]


def predict_by_methods(
    case: Case, methods: Sequence[Method], *, on_step: OnStep | None = None
) -> tuple[dict[str, Vector], list[str]]:
    """Held-out time bins, 1-min ones and then 2-min ones, predicted by each method.

    Returns
    -------
    predicted : dict of ndarrays of shape (n_minutes + n_two_minutes,)
        By the methods' names.
    not_done : list of str
        Methods that are not possible, and why.
    """
    kernels, lag = case.kernels, _lag_of_groups(case)
    obstacles = {method: method.obstacle(kernels[0]) for method in methods}
    not_done = [f"No baseline {m.name}: {why}" for m, why in obstacles.items() if why]
    possible = [method for method, why in obstacles.items() if not why]
    n_bins = len(kernels[0].bins["1min"]) + len(kernels[0].bins["2min"])
    predicted = {method.name: np.empty(n_bins) for method in possible}
    step = count_steps(on_step, len(possible) * len(np.unique(lag)))
    for i in np.unique(lag):
        kernel, held_out = kernels[i], np.flatnonzero(lag == i)
        seen: dict[Any, Any] = {}
        for method in possible:
            try:
                if method.name in predicted:
                    _predict_groups(
                        method, kernel, held_out, seen, case.n_jobs, predicted[method.name]
                    )
            except NotEnoughData as error:
                not_done.append(f"No baseline {method.name}: {error}")
                del predicted[method.name]
            finally:
                step()
    return predicted, not_done


def _predict_groups(
    method: Method,
    kernel: Kernel,
    held_out: Codes,
    seen: dict[Any, Any],
    n_jobs: int,
    predicted: Vector,
) -> None:
    """Fill in what a method predicts for some groups; ``seen`` keeps what methods share."""
    if method.represent not in seen:
        with one_blas_thread():
            seen[method.represent] = method.represent(kernel, n_jobs)
    folds = [fold_without(kernel, int(k), fewest_frames=method.fewest_frames) for k in held_out]
    jobs = ((seen[method.represent], fold) for fold in folds)
    found = map_ordered(method.predict, jobs, n_jobs=n_jobs, large=True)
    for fold, values in zip(folds, found, strict=True):
        predicted[fold.test - len(kernel.bins["rating"])] = values


def _lag_of_groups(case: Case) -> Codes:
    """Which lag the model chose that has not seen a group."""
    return np.array([case.settings.lag_s.index(fold.lag_s) for fold in case.decoding.folds])


def nothing(kernel: Kernel, n_jobs: int) -> None:
    """What a method sees that looks at ratings alone."""


def training_mean(_: None, fold: Fold) -> Vector:
    """The mean rating of the training rows, whatever the signals."""
    return np.full(len(fold.test), fold.y[fold.train].mean())


def edge_products(kernel: Kernel, n_jobs: int) -> Matrix:
    """Inner products of the rows' edges."""
    return kernel.K


def ridge(K: Matrix, fold: Fold) -> Vector:
    """Ridge regression on the features behind a Gram matrix.

    Parameters
    ----------
    K : ndarray of shape (n_rows, n_rows)
    fold : Fold
    """
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
    """Linear support vector regression, with kernel and rating in units of their spread.

    Parameters
    ----------
    K : ndarray of shape (n_rows, n_rows)
    fold : Fold
    """
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


def edges(kernel: Kernel, n_jobs: int) -> Matrix:
    """Edges of every row: (n_rows, n_edges)."""
    X = np.empty((len(kernel.K), kernel.n_edges))
    rows = map_ordered(_edges_of_bin, _bin_signals(kernel), n_jobs=n_jobs, large=True)
    for i, row in enumerate(rows):
        X[i] = row
    return X


def _edges_of_bin(signals: Matrix, frames: Codes) -> Vector:
    return edge_block(signals[frames], 0, signals.shape[1])


def cpm(X: Matrix, fold: Fold) -> Vector:
    """Connectome-based predictive modelling: regression on two sums of selected edges.

    Edges go with the rating at p below a threshold, chosen of ``CPM_THRESHOLDS``; those with
    positive and those with negative correlation are summed. Where no edge is selected, the
    prediction is the training mean.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_edges)
    fold : Fold

    References
    ----------
    Shen et al. (2017), Nat. Protoc. 12, 506-518
    """

    def path(train: Codes, test: Codes) -> Matrix:
        return cpm_path(X, fold.y[train], train, test)

    return fold.best_of(path)


def cpm_path(X: Matrix, y: Vector, train: Codes, test: Codes) -> Matrix:
    """Predictions of connectome-based predictive modelling, a column per threshold."""
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
    """LASSO on the edges themselves.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_edges)
    fold : Fold
    """
    from sklearn.linear_model import lasso_path

    y = fold.y[fold.train]
    # no edge is left above this penalty
    largest = np.abs((X[fold.train] - X[fold.train].mean(axis=0)).T @ (y - y.mean())).max() / len(y)
    if not largest > 0:
        raise NotEnoughData("no edge goes along with the ratings of the training bins.")

    def path(train: Codes, test: Codes) -> Matrix:
        mean, y_mean = X[train].mean(axis=0), fold.y[train].mean()
        centred = np.asfortranarray(X[train] - mean)
        alphas = largest * LASSO_ALPHAS
        _, weights, _ = lasso_path(
            centred,
            fold.y[train] - y_mean,
            alphas=alphas,
            precompute=False,
            copy_X=False,
            tol=1e-3,
            max_iter=100_000,
        )
        return (X[test] - mean) @ weights + y_mean

    return fold.best_of(path)


def activity_products(kernel: Kernel, n_jobs: int) -> Matrix:
    """Inner products of the rows' mean signals: how active each region is, instead of edges."""
    activity = np.array([signals[frames].mean(axis=0) for signals, frames in _bin_signals(kernel)])
    return activity @ activity.T


def lasso_pcr(K: Matrix, fold: Fold) -> Vector:
    """Our own LASSO on principal components, of the features behind a Gram matrix.

    Parameters
    ----------
    K : ndarray of shape (n_rows, n_rows)
    fold : Fold
    """
    model = choose_penalty(
        K[np.ix_(fold.train, fold.train)], fold.y[fold.train], fold.inner, n_edges=0
    )
    return K[np.ix_(fold.test, fold.train)] @ model.dual + model.intercept


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
    """
    n_regions = len(kernel.frames[0].regions)
    matrices = np.zeros((len(kernel.K), n_regions, n_regions))
    bins = _bin_signals(kernel)
    known = [i for i, (_, f) in enumerate(bins) if len(f) >= FEWEST_FRAMES_OF_MATRICES]
    jobs = ((*bins[i], kind) for i in known)
    found = map_ordered(_connectivity_of_bin, jobs, n_jobs=n_jobs, large=True)
    for i, matrix in zip(known, found, strict=True):
        matrices[i] = matrix
    return matrices


def _connectivity_of_bin(signals: Matrix, frames: Codes, kind: str) -> Matrix:
    from nilearn.connectome import ConnectivityMeasure  # type: ignore[import-untyped]
    from sklearn.covariance import LedoitWolf

    measure = ConnectivityMeasure(LedoitWolf(store_precision=False), kind=kind)
    matrix: Matrix = measure.fit_transform([signals[frames]])[0]
    return matrix


def connectivity_products(kernel: Kernel, n_jobs: int, *, kind: str) -> Matrix:
    """Inner products of the rows' matrices, without diagonals."""
    matrices = connectivity(kernel, n_jobs, kind=kind)
    i, j = np.triu_indices(matrices.shape[1], k=1)
    X = matrices[:, i, j]
    return X @ X.T


def tangent(covariances: Matrix, fold: Fold) -> Vector:
    """LASSO-PCR in the tangent space at the mean of the training bins.

    Parameters
    ----------
    covariances : ndarray of shape (n_rows, n_regions, n_regions)
    fold : Fold

    References
    ----------
    Varoquaux et al. (2010), MICCAI
    """
    rows = np.concatenate([fold.train, fold.test])
    vectors = tangent_vectors(covariances[fold.train], covariances[rows])
    y = np.full(len(rows), np.nan)
    y[: len(fold.train)] = fold.y[fold.train]
    place = np.arange(len(rows))
    here = replace(fold, train=place[: len(fold.train)], test=place[len(fold.train) :], y=y)
    return lasso_pcr(vectors @ vectors.T, here)


def tangent_vectors(reference: Matrix, covariances: Matrix) -> Matrix:
    """Covariances as vectors in the tangent space at the geometric mean of reference ones.

    Parameters
    ----------
    reference : ndarray of shape (n_reference, n_regions, n_regions)
    covariances : ndarray of shape (n_rows, n_regions, n_regions)

    Returns
    -------
    vectors : ndarray of shape (n_rows, n_regions * (n_regions + 1) / 2)
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


def _too_many_bytes(kernel: Kernel) -> str | None:
    n_rows, n_edges = len(kernel.K), kernel.n_edges
    if (size := 8 * n_rows * n_edges) <= MOST_BYTES_OF_EDGES:
        return None
    return (
        f"{n_rows} bins of {n_edges} edges take {size / 1e9:.1f} GB, and at most "
        f"{MOST_BYTES_OF_EDGES / 1e9:g} are allowed."
    )


def _too_many_edges(kernel: Kernel) -> str | None:
    if kernel.n_edges <= MOST_EDGES_OF_LASSO:
        return _too_many_bytes(kernel)
    return f"with {kernel.n_edges} edges, more than {MOST_EDGES_OF_LASSO}, it would take too long."


def _too_many_regions(kernel: Kernel) -> str | None:
    if (n := len(kernel.frames[0].regions)) <= MOST_REGIONS_OF_MATRICES:
        return None
    return (
        f"with {n} regions, more than {MOST_REGIONS_OF_MATRICES}, a matrix per bin would take "
        "too long."
    )


METHODS = (
    Method("training mean", nothing, training_mean),
    Method("ridge", edge_products, ridge),
    Method("linear SVR", edge_products, support_vectors),
    Method("CPM", edges, cpm, _too_many_bytes),
    Method("LASSO without PCA", edges, lasso, _too_many_edges),
    Method("region activity", activity_products, lasso_pcr),
    *(
        Method(
            kind,
            partial(connectivity_products, kind=kind),
            lasso_pcr,
            _too_many_regions,
            FEWEST_FRAMES_OF_MATRICES,
        )
        for kind in ("correlation", "partial correlation")
    ),
    Method(
        "tangent",
        partial(connectivity, kind="covariance"),
        tangent,
        _too_many_regions,
        FEWEST_FRAMES_OF_MATRICES,
    ),
)
"""What the main decoding is compared with."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Held-out rows of one scale, as the main decoding predicts them.

    Attributes
    ----------
    rating, predicted, training_mean : ndarrays of shape (n_rows,)
    group : ndarray of int, shape (n_rows,)
    """

    rating: Vector
    predicted: Vector
    training_mean: Vector
    group: Codes


def _main_rows(case: Case) -> tuple[dict[str, Rows], Scales]:
    """The main decoding's rows by scale, and how time bins average to them."""
    kernels, lag = case.kernels, _lag_of_groups(case)
    first = kernels[0]
    of_run = np.array([kernels[lag[code]].scales.of_run[r] for r, code in enumerate(first.codes)])
    scales = replace(first.scales, of_run=of_run)
    minutes, two_minutes = (
        np.array([kernels[lag[g]].y(kind)[i] for i, g in enumerate(first.groups(kind))])
        for kind in ("1min", "2min")
    )
    ratings = scales.average(minutes, two_minutes)
    found = {}
    for scale in SCALES:
        table = case.decoding.predictions[case.decoding.predictions["scale"] == scale]
        rating, predicted, mean = (
            table[name].to_numpy(float) for name in ("rating", "predicted", "training_mean")
        )
        rows = Rows(rating, predicted, mean, table["group"].to_numpy(np.int64))
        if not _same_rows(rows, ratings[scale], scales.groups[scale]):
            raise NotEnoughData(
                f"the rows at scale {scale} are not those of the main decoding: other methods "
                "cannot be compared with it. At several lags, runs may have other time bins at "
                "the lag chosen than at the first one."
            )
        found[scale] = rows
    return found, scales


def _same_rows(rows: Rows, rating: Vector, group: Codes) -> bool:
    same_groups = np.array_equal(rows.group, group)
    return same_groups and np.allclose(rows.rating, rating, rtol=1e-9, atol=1e-12)


def score_method(name: str, ours: Mapping[str, Rows], theirs: Mapping[str, Vector]) -> pd.DataFrame:
    """r, centred r, skill and mean absolute error of predictions, by scale.

    Predictions that never vary within a group have no r: what the training means of folds do
    is not the method's.

    Parameters
    ----------
    name : str
    ours : mapping of Rows
        Ratings and what skill refers to.
    theirs : mapping of ndarrays
        Predictions by scale.
    """
    constant = not center_by(theirs["1min"], ours["1min"].group).any()
    found = []
    for scale, rows in ours.items():
        values = agreement(
            rows.rating[:, None], theirs[scale][:, None], rows.training_mean[:, None], rows.group
        )
        row = {statistic: float(v[0]) for statistic, v in values.items()}
        if constant:
            row |= {"r": np.nan, "centred_r": np.nan}
        mae = float(np.abs(rows.rating - theirs[scale]).mean())
        found.append({"method": name, "scale": scale, **row, "mae": mae})
    return pd.DataFrame(found)


def _differences(
    ours: Mapping[str, Rows], theirs: Mapping[str, Vector], case: Case
) -> pd.DataFrame:
    """How much better the main decoding is at each scale, every method on the same resamples."""
    streams = case.stream("baselines").spawn(len(SCALES))
    found = []
    for (scale, rows), rng in zip(ours.items(), streams, strict=True):
        values = paired_difference(
            rows, theirs[scale], n_bootstraps=case.settings.n_bootstraps, rng=rng
        )
        found.append(
            {
                f"d_{statistic}{end}": value
                for statistic, three in values.items()
                for end, value in zip(("", "_low", "_high"), three, strict=True)
            }
        )
    return pd.DataFrame(found)


def paired_difference(
    ours: Rows, theirs: Vector, *, n_bootstraps: int, rng: np.random.Generator
) -> dict[str, tuple[float, float, float]]:
    """Centred r and skill of the main decoding minus another method's, with intervals.

    Both are scored on the same resamples of blocks of neighbouring groups, and resamples are
    moved away from the estimate as far as few blocks need.

    Parameters
    ----------
    ours : Rows
    theirs : ndarray of shape (n_rows,)
        The other method's predictions.

    Returns
    -------
    differences : dict of (estimate, low, high)
        ``centred_r`` and ``skill``; NaN where undefined, and without an interval where there
        are fewer than 3 blocks.
    """
    once = np.ones((1, len(theirs)))
    found = {}
    # each on its own: where one is undefined, the other's resamples stay as they are
    for (name, statistic), stream in zip(
        _differences_of_resamples(ours, theirs).items(), rng.spawn(2), strict=True
    ):
        estimate = float(statistic(once)[0])
        ends = _block_interval(statistic, estimate, ours.group, n_bootstraps, stream)
        found[name] = (estimate, *ends)
    return found


def _differences_of_resamples(ours: Rows, theirs: Vector) -> dict[str, Callable[[Matrix], Vector]]:
    """Counts of rows to differences of centred r and of skill."""
    y, reference = ours.rating, (ours.rating - ours.training_mean) ** 2
    of_both = [(center_by(v, ours.group), (y - v) ** 2) for v in (ours.predicted, theirs)]
    (our_values, our_error), (their_values, their_error) = of_both
    y_centred = center_by(y, ours.group)
    return {
        "centred_r": lambda counts: (
            weighted_r(counts, y_centred, our_values) - weighted_r(counts, y_centred, their_values)
        ),
        "skill": lambda counts: (
            weighted_skill(counts, our_error, reference)
            - weighted_skill(counts, their_error, reference)
        ),
    }


def _block_interval(
    statistic: Callable[[Matrix], Vector],
    estimate: float,
    group: Codes,
    n_bootstraps: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Interval from blocks of neighbouring groups; NaN where undefined, or blocks are few."""
    n_groups = int(group.max()) + 1
    if np.isnan(estimate) or math.ceil(n_groups / block_length(n_groups)) < FEWEST_BLOCKS:
        return np.nan, np.nan
    draw = block_draw(group)
    drawn = bootstrap({"value": statistic}, draw, n_rows=len(group), n_draws=n_bootstraps, rng=rng)
    ends = interval(widened(drawn["value"], estimate, n_groups, LINEAR), null=0)
    assert ends.low is not None and ends.high is not None  # all resamples are defined
    return ends.low, ends.high


def summarise(table: pd.DataFrame) -> dict[str, Any]:
    """What the page says: methods at 1 min, the best of them, and how many are beaten.

    Parameters
    ----------
    table : DataFrame
        From :func:`baseline_comparison`.

    Returns
    -------
    numbers : dict
        ``n_methods``, ``best`` (by centred r), ``wins`` and ``losses`` (methods for which the
        interval of the difference lies above, or below, 0; by statistic), ``methods``.
    """
    minutes = table[(table["scale"] == "1min") & (table["method"] != OURS)].set_index("method")
    defined = minutes["centred_r"].dropna()
    statistics = ("centred_r", "skill")
    return {
        "n_methods": len(minutes),
        "best": str(defined.idxmax()) if len(defined) else None,
        "wins": {s: int((minutes[f"d_{s}_low"] > 0).sum()) for s in statistics},
        "losses": {s: int((minutes[f"d_{s}_high"] < 0).sum()) for s in statistics},
        "methods": {
            str(name): {
                **{s: _plain(row[s]) for s in statistics},
                **{
                    f"d_{s}": [_plain(row[f"d_{s}{end}"]) for end in ("", "_low", "_high")]
                    for s in statistics
                },
            }
            for name, row in minutes.iterrows()
        },
    }


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
