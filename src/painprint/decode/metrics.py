"""How well held-out ratings are predicted: numbers and their bootstrap intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.stats.bootstrap import (
    LINEAR,
    SKILL,
    Interval,
    Link,
    R,
    block_draw,
    bootstrap,
    hierarchical_draw,
    interval,
    weighted_auc,
    weighted_line,
    weighted_mean,
    weighted_skill,
    widened,
)
from painprint.stats.correlation import correlate_columns, correlation, weighted_r

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Range = tuple[float | None, float | None]

SCALES = ("1min", "2min", "run", "session")
UNDEFINED = Interval(None, None, None)


@dataclass(frozen=True)
class ScaleMetrics:
    """Agreement of prediction and rating at one scale; None where undefined.

    ``r_ci``, ``r_p``, ``auc_ci`` and ``auc_p`` are the paper's hierarchical bootstrap;
    ``skill_ci``, ``centred_r_ci``, ``slope_ci`` and ``intercept_ci`` resample blocks of
    neighbouring sessions, widened because there are few. ``slope`` and ``intercept`` are those of
    the least-squares line of the rating on the held-out prediction: 1 and 0 where calibrated.
    """

    n: int
    r: float | None
    r_ci: Range
    r_p: float | None
    r2: float | None
    skill: float | None
    skill_ci: Range
    centred_r: float | None
    centred_r_ci: Range
    slope: float | None
    slope_ci: Range
    intercept: float | None
    intercept_ci: Range
    mae: float
    auc: float | None
    auc_ci: Range
    auc_p: float | None
    null_median: float | None = None
    p_within: float | None = None
    p_between: float | None = None


@dataclass(frozen=True)
class MeanR:
    """Plain mean over runs (or sessions) of the correlation of their 1-min bins."""

    n: int
    r: float | None
    r_ci: Range
    r_p: float | None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Everything that is said about held-out predictions.

    Attributes
    ----------
    scales : dict of ScaleMetrics
        By scale.
    within_run, within_session : MeanR
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
    n_bootstraps : int
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


def score_scale(
    table: pd.DataFrame, *, n_bootstraps: int, rng: np.random.Generator
) -> ScaleMetrics:
    """Metrics of the rows of one scale.

    Parameters
    ----------
    table : DataFrame
        Columns ``rating``, ``predicted``, ``training_mean``, and int codes ``group`` (in
        the order of time) and ``run_code``.

    References
    ----------
    docs/methods.md
    """
    y, predicted, training_mean = (
        table[name].to_numpy(float) for name in ("rating", "predicted", "training_mean")
    )
    group, run = (table[name].to_numpy(np.int64) for name in ("group", "run_code"))
    error, reference = (y - predicted) ** 2, (y - training_mean) ** 2
    spread = float(((y - y.mean()) ** 2).sum())
    high = y > np.median(y)
    y_centred, predicted_centred = center_by(y, group), center_by(predicted, group)
    r = correlation(y, predicted)
    centred_r = correlation(y_centred, predicted_centred)
    skill = float(1 - error.sum() / reference.sum()) if reference.sum() > _rounding(y) else None
    auc = area_under_curve(y, predicted)
    slope, intercept = calibration_line(predicted, y) or (None, None)

    of_both, of_skill, of_centred = rng.spawn(3)
    of_slope, of_intercept = of_centred.spawn(2)  # leaves the streams that rng spawns next alone
    r_interval = auc_interval = skill_interval = centred_interval = UNDEFINED
    slope_interval = intercept_interval = UNDEFINED
    if r is not None and auc is not None:
        statistics = {
            "r": partial(weighted_r, x=y, y=predicted),
            "auc": partial(weighted_auc, high=high, score=predicted),
        }
        draw = hierarchical_draw(group, run)
        drawn = bootstrap(statistics, draw, n_rows=len(y), n_draws=n_bootstraps, rng=of_both)
        r_interval, auc_interval = interval(drawn["r"], null=0), interval(drawn["auc"], null=0.5)
    if skill is not None:
        of_errors = partial(weighted_skill, squared_error=error, reference_error=reference)
        skill_interval = _block_interval(of_errors, skill, SKILL, group, n_bootstraps, of_skill)
    if centred_r is not None:
        of_values = partial(weighted_r, x=y_centred, y=predicted_centred)
        centred_interval = _block_interval(of_values, centred_r, R, group, n_bootstraps, of_centred)
    if slope is not None and intercept is not None:
        line = partial(weighted_line, x=predicted, y=y)
        slope_interval = _block_interval(
            lambda counts: line(counts)[0], slope, LINEAR, group, n_bootstraps, of_slope
        )
        intercept_interval = _block_interval(
            lambda counts: line(counts)[1], intercept, LINEAR, group, n_bootstraps, of_intercept
        )
    return ScaleMetrics(
        n=len(y),
        r=r,
        r_ci=(r_interval.low, r_interval.high),
        r_p=r_interval.p,
        r2=float(1 - error.sum() / spread) if spread > _rounding(y) else None,
        skill=skill,
        skill_ci=(skill_interval.low, skill_interval.high),
        centred_r=centred_r,
        centred_r_ci=(centred_interval.low, centred_interval.high),
        slope=slope,
        slope_ci=(slope_interval.low, slope_interval.high),
        intercept=intercept,
        intercept_ci=(intercept_interval.low, intercept_interval.high),
        mae=float(np.abs(y - predicted).mean()),
        auc=auc,
        auc_ci=(auc_interval.low, auc_interval.high),
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


def _block_interval(
    statistic: Callable[[NDArray[np.float64]], Vector],
    estimate: float,
    link: Link,
    group: NDArray[np.int64],
    n_bootstraps: int,
    rng: np.random.Generator,
) -> Interval:
    """Interval from blocks of neighbouring groups."""
    draw = block_draw(group)
    drawn = bootstrap({"value": statistic}, draw, n_rows=len(group), n_draws=n_bootstraps, rng=rng)
    return interval(widened(drawn["value"], estimate, int(group.max()) + 1, link), null=0)


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
    return MeanR(len(values), float(values.mean()), (found.low, found.high), found.p)


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
