"""How well held-out ratings are predicted: numbers and their bootstrap intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.arrays import Matrix, Vector
from painprint.stats.bootstrap import (
    FISHER_Z,
    IDENTITY,
    LOG_RATIO,
    Ends,
    Interval,
    block_interval,
    bootstrap,
    hierarchical_draw,
    interval,
    weighted_auc,
    weighted_line,
    weighted_mean,
    weighted_skill,
)
from painprint.stats.correlation import correlate_columns, correlation, weighted_r

SCALES = ("1min", "2min", "run", "session")
UNDEFINED = Interval(None, None, None)


@dataclass(frozen=True)
class ScaleMetrics:
    """Agreement of prediction and rating at one scale; None where undefined.

    ``r_ci``, ``r_p``, ``auc_ci`` and ``auc_p`` are the paper's hierarchical bootstrap;
    ``skill_ci``, ``centred_r_ci``, ``slope_ci`` and ``intercept_ci`` resample blocks of
    neighbouring sessions (t-inflated circular block bootstrap). ``slope`` and ``intercept`` are
    those of the least-squares line of the rating on the held-out prediction: 1 and 0 where
    calibrated.
    """

    n: int
    r: float | None
    r_ci: Ends
    r_p: float | None
    r2: float | None
    skill: float | None
    skill_ci: Ends
    centred_r: float | None
    centred_r_ci: Ends
    slope: float | None
    slope_ci: Ends
    intercept: float | None
    intercept_ci: Ends
    mae: float
    auc: float | None
    auc_ci: Ends
    auc_p: float | None
    null_median: float | None = None
    p_within: float | None = None
    p_between: float | None = None


@dataclass(frozen=True)
class MeanR:
    """Plain mean over runs (or sessions) of the correlation of their 1-min bins."""

    n: int
    r: float | None
    r_ci: Ends
    r_p: float | None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Everything that is said about held-out predictions.

    Attributes
    ----------
    scales : dict of ScaleMetrics
        By scale.
    per_session : DataFrame
        Agreement within each left-out group, over its 1-min bins.
    roc : DataFrame
        ROC curves at the four scales.
    """

    scales: dict[str, ScaleMetrics]
    within_run: MeanR
    within_session: MeanR
    per_session: pd.DataFrame
    roc: pd.DataFrame


def evaluate(
    predictions: pd.DataFrame, groups: Sequence[str], *, n_bootstraps: int, random_seed: int
) -> Evaluation:
    """Score held-out predictions at all scales.

    Parameters
    ----------
    predictions : DataFrame
        Columns ``scale`` and those of :func:`score_scale`.
    groups : sequence of str
        Names of the groups.
    random_seed : int
        Every number has its own random stream, whatever else is computed.

    References
    ----------
    docs/methods.md
    """
    streams = iter(np.random.SeedSequence(random_seed).spawn(len(SCALES) + 2))

    def stream() -> np.random.Generator:
        return np.random.default_rng(next(streams))

    by_scale = {scale: predictions[predictions["scale"] == scale] for scale in SCALES}
    scales = {
        scale: score_scale(rows, n_bootstraps=n_bootstraps, rng=stream())
        for scale, rows in by_scale.items()
    }
    per_run, per_group = (score_units(by_scale["1min"], by) for by in ("run_code", "group"))
    return Evaluation(
        scales=scales,
        within_run=mean_r(per_run, n_bootstraps=n_bootstraps, rng=stream()),
        within_session=mean_r(per_group, n_bootstraps=n_bootstraps, rng=stream()),
        per_session=per_group.assign(session=[groups[k] for k in per_group["group"]]),
        roc=roc_table(predictions),
    )


def calibration_line(predicted: Vector, y: Vector) -> tuple[float, float] | None:
    """Slope and intercept of the least-squares line of y on its prediction.

    None where the prediction does not vary (beyond rounding).

    Examples
    --------
    >>> calibration_line(np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.5, 2.0]))
    (0.5, 1.0)
    """
    x0 = predicted - predicted.mean()
    spread = float(x0 @ x0)
    if spread <= _rounding(predicted):
        return None
    slope = float(x0 @ y) / spread
    return slope, float(y.mean()) - slope * float(predicted.mean())


def _rounding(x: Vector) -> float:
    return 1e-24 * float(x @ x)


def area_under_curve(y: Vector, score: Vector) -> float | None:
    """AUC of the score for y above its median; None where no y is."""
    from sklearn.metrics import roc_auc_score

    high = y > np.median(y)
    return float(roc_auc_score(high, score)) if high.any() and not high.all() else None


def center_by(values: Vector, group: NDArray[np.int64]) -> Vector:
    """Values minus the mean of their group; what is left of equal values is exactly 0."""
    means = np.bincount(group, weights=values) / np.maximum(np.bincount(group), 1)
    centred = values - means[group]
    centred[np.abs(centred) <= 1e-12 * np.abs(values).max()] = 0
    return centred


@dataclass(frozen=True, eq=False)
class Rows:
    """Held-out predictions of one scale.

    Attributes
    ----------
    rating, predicted, training_mean : ndarrays of shape (n_rows,)
    group : ndarray of int, shape (n_rows,)
        From 0, in the order of time.
    """

    rating: Vector
    predicted: Vector
    training_mean: Vector
    group: NDArray[np.int64]

    @classmethod
    def of(cls, table: pd.DataFrame) -> Rows:
        """Rows of a table with columns ``rating``, ``predicted``, ``training_mean``, ``group``."""
        rating, predicted, mean = (
            table[name].to_numpy(float) for name in ("rating", "predicted", "training_mean")
        )
        group = pd.factorize(table["group"], sort=True)[0].astype(np.int64)
        return cls(rating, predicted, mean, group)

    @property
    def squared_error(self) -> Vector:
        """Of the prediction."""
        error: Vector = (self.rating - self.predicted) ** 2
        return error

    @property
    def reference_error(self) -> Vector:
        """Squared error of the training mean."""
        error: Vector = (self.rating - self.training_mean) ** 2
        return error

    def agreement(self) -> dict[str, float]:
        """r, centred r and skill; NaN where undefined."""
        values = agreement(
            self.rating[:, None], self.predicted[:, None], self.training_mean[:, None], self.group
        )
        return {name: float(value[0]) for name, value in values.items()}


def rows_by_scale(predictions: pd.DataFrame) -> dict[str, Rows]:
    """Held-out predictions by scale."""
    return {scale: Rows.of(predictions[predictions["scale"] == scale]) for scale in SCALES}


def score_scale(
    table: pd.DataFrame, *, n_bootstraps: int, rng: np.random.Generator
) -> ScaleMetrics:
    """Metrics of the rows of one scale.

    Parameters
    ----------
    table : DataFrame
        Columns ``rating``, ``predicted``, ``training_mean``, and the integers ``group`` (in the
        order of time) and ``run_code``.

    References
    ----------
    docs/methods.md
    """
    rows = Rows.of(table)
    y, predicted, error = rows.rating, rows.predicted, rows.squared_error
    y_centred, predicted_centred = center_by(y, rows.group), center_by(predicted, rows.group)
    reference, spread = rows.reference_error, float(((y - y.mean()) ** 2).sum())
    r, centred_r = correlation(y, predicted), correlation(y_centred, predicted_centred)
    skill = float(1 - error.sum() / reference.sum()) if reference.sum() > _rounding(y) else None
    auc = area_under_curve(y, predicted)
    slope, intercept = calibration_line(predicted, y) or (None, None)

    of_both, of_skill, of_centred = rng.spawn(3)
    of_slope, of_intercept = of_centred.spawn(2)  # leaves the streams that rng spawns next alone
    r_interval = auc_interval = UNDEFINED
    if r is not None and auc is not None:
        statistics = {
            "r": partial(weighted_r, x=y, y=predicted),
            "auc": partial(weighted_auc, high=y > np.median(y), score=predicted),
        }
        draw = hierarchical_draw(rows.group, table["run_code"].to_numpy(np.int64))
        drawn = bootstrap(statistics, draw, n_rows=len(y), n_draws=n_bootstraps, rng=of_both)
        r_interval, auc_interval = interval(drawn["r"], null=0), interval(drawn["auc"], null=0.5)
    line = partial(weighted_line, x=predicted, y=y)
    of_errors = partial(weighted_skill, squared_error=error, reference_error=reference)
    of_values = partial(weighted_r, x=y_centred, y=predicted_centred)
    ends = {
        name: (None, None)
        if estimate is None
        else block_interval(statistic, estimate, transform, rows.group, n_bootstraps, stream).ends
        for name, statistic, estimate, transform, stream in (
            ("skill", of_errors, skill, LOG_RATIO, of_skill),
            ("centred_r", of_values, centred_r, FISHER_Z, of_centred),
            ("slope", lambda counts: line(counts)[0], slope, IDENTITY, of_slope),
            ("intercept", lambda counts: line(counts)[1], intercept, IDENTITY, of_intercept),
        )
    }
    return ScaleMetrics(
        n=len(y),
        r=r,
        r_ci=r_interval.ends,
        r_p=r_interval.p,
        r2=float(1 - error.sum() / spread) if spread > _rounding(y) else None,
        skill=skill,
        skill_ci=ends["skill"],
        centred_r=centred_r,
        centred_r_ci=ends["centred_r"],
        slope=slope,
        slope_ci=ends["slope"],
        intercept=intercept,
        intercept_ci=ends["intercept"],
        mae=float(np.abs(y - predicted).mean()),
        auc=auc,
        auc_ci=auc_interval.ends,
        auc_p=auc_interval.p,
    )


def agreement(
    y: Matrix, predicted: Matrix, training_mean: Matrix, group: NDArray[np.int64]
) -> dict[str, Vector]:
    """r, session-centred r and skill of many predictions at once, as :func:`score_scale`'s.

    Parameters
    ----------
    y, predicted, training_mean : ndarrays of shape (n_rows, n)
        Those with one column serve all.
    group : ndarray of int, shape (n_rows,)

    Returns
    -------
    statistics : dict of ndarrays of shape (n,)
        ``r``, ``centred_r``, ``skill``; NaN where undefined.
    """
    error = ((y - predicted) ** 2).sum(axis=0)
    reference = ((y - training_mean) ** 2).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        skill = np.where(reference > 1e-24 * (y**2).sum(axis=0), 1 - error / reference, np.nan)
    return {
        "r": correlate_columns(y, predicted),
        "centred_r": correlate_columns(center_columns(y, group), center_columns(predicted, group)),
        "skill": skill,
    }


def center_columns(values: Matrix, group: NDArray[np.int64]) -> Matrix:
    """Each column minus the means of its groups, as :func:`center_by`."""
    of_group = (group == np.arange(group.max() + 1)[:, None]).astype(float)
    of_group /= of_group.sum(axis=1, keepdims=True)
    within = values - (of_group @ values)[group]
    within[np.abs(within) <= 1e-12 * np.abs(values).max(axis=0)] = 0
    return within


def score_units(minutes: pd.DataFrame, by: str) -> pd.DataFrame:
    """Agreement within each run (or group) over its 1-min bins.

    Parameters
    ----------
    minutes : DataFrame
        The rows of the 1-min scale, with columns as for :func:`score_scale`.
    by : {"run_code", "group"}
        The unit.

    Returns
    -------
    units : DataFrame
        Columns ``group``, ``n_bins``, ``r`` (NaN where the rating does not vary), ``mae``,
        ``mean_rating``, ``mean_predicted``.
    """
    units = []
    for _, rows in minutes.groupby(by, sort=True):
        y, predicted = rows["rating"].to_numpy(float), rows["predicted"].to_numpy(float)
        r = correlation(y, predicted)
        units.append(
            {
                "group": int(rows["group"].iloc[0]),
                "n_bins": len(rows),
                "r": math.nan if r is None else r,
                "mae": float(np.abs(y - predicted).mean()),
                "mean_rating": float(y.mean()),
                "mean_predicted": float(predicted.mean()),
            }
        )
    return pd.DataFrame(units)


def mean_r(units: pd.DataFrame, *, n_bootstraps: int, rng: np.random.Generator) -> MeanR:
    """Mean over units of their r; units whose r is undefined do not count.

    The bootstrap resamples groups, then units within group, of the r values.

    Parameters
    ----------
    units : DataFrame
        From :func:`score_units`.
    """
    defined = units[units["r"].notna()]
    if defined.empty:
        return MeanR(0, None, (None, None), None)
    values = defined["r"].to_numpy(float)
    drawn = bootstrap(
        {"r": partial(weighted_mean, x=values)},
        hierarchical_draw(defined["group"].to_numpy(np.int64), np.arange(len(values))),
        n_rows=len(values),
        n_draws=n_bootstraps,
        rng=rng,
    )
    found = interval(drawn["r"], null=0)
    return MeanR(len(values), float(values.mean()), found.ends, found.p)


def roc_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """ROC curve of predicted for rating above the median, at each scale.

    Returns
    -------
    roc : DataFrame
        Columns ``scale``, ``false_positive_rate``, ``true_positive_rate``, ``threshold``.
    """
    from sklearn.metrics import roc_curve

    parts = []
    for scale in SCALES:
        rows = predictions[predictions["scale"] == scale]
        high = rows["rating"] > rows["rating"].median()
        if not high.any():
            continue
        false, true, threshold = roc_curve(high, rows["predicted"], drop_intermediate=False)
        parts.append(
            pd.DataFrame(
                {
                    "scale": scale,
                    "false_positive_rate": false,
                    "true_positive_rate": true,
                    "threshold": threshold,
                }
            )
        )
    columns = ["scale", "false_positive_rate", "true_positive_rate", "threshold"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
