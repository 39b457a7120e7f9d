"""Metrics of held-out predictions, and their bootstrap intervals.

Equations are in docs/methods.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from painprint.arrays import Codes, Matrix, Vector, short_repr
from painprint.bins import SCALES, primary_scale
from painprint.decode.roc import roc_table
from painprint.decode.units import MeanR, mean_r, score_units
from painprint.stats.bootstrap import (
    FISHER_Z,
    IDENTITY,
    LOG_RATIO,
    Draw,
    Ends,
    Interval,
    block_draw,
    block_interval,
    bootstrap,
    hierarchical_draw,
    interval,
    remembered,
    weighted_auc,
    weighted_line,
    weighted_skill,
)
from painprint.stats.correlation import (
    correlate_columns,
    correlate_resamples,
    correlation,
    weighted_r,
)
from painprint.wording import estimate, number

UNDEFINED = Interval(None, None, None)
TRANSFORMS = {"skill": LOG_RATIO, "centred_r": FISHER_Z, "slope": IDENTITY, "intercept": IDENTITY}


@dataclass(frozen=True)
class ScaleMetrics:
    """Agreement of prediction and rating at one scale; None where undefined.

    ``r_ci``, ``r_p``, ``auc_ci`` and ``auc_p`` come from the hierarchical bootstrap of the paper;
    ``skill_ci``, ``centred_r_ci``, ``slope_ci`` and ``intercept_ci`` come from the
    t-inflated circular block bootstrap of sessions. ``slope`` and ``intercept`` are
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

    def __repr__(self) -> str:
        return (
            f"ScaleMetrics(n={self.n}, centred_r={estimate(self.centred_r, self.centred_r_ci)}, "
            f"skill={estimate(self.skill, self.skill_ci)}, r={number(self.r)}, mae={self.mae:.3g})"
        )


@short_repr
@dataclass(frozen=True, eq=False)
class Evaluation:
    """All metrics of held-out predictions.

    Attributes
    ----------
    scales : dict of ScaleMetrics
        Metrics by scale.
    per_session : DataFrame
        Agreement within each group left out, over its bins of the primary scale.
    roc : DataFrame
        ROC curves at all scales.
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
        Each metric has a random stream of its own, so that it does not depend on the others.
    """
    by_scale = split_scales(predictions)
    seeds = np.random.SeedSequence(random_seed).spawn(len(by_scale) + 2)
    streams = map(np.random.default_rng, seeds)
    scales = {
        scale: score_scale(rows, n_bootstraps=n_bootstraps, rng=next(streams))
        for scale, rows in by_scale.items()
    }
    bins = by_scale[primary_scale(by_scale)]
    per_run, per_group = (score_units(bins, by) for by in ("run_code", "group"))
    return Evaluation(
        scales=scales,
        within_run=mean_r(per_run, n_bootstraps=n_bootstraps, rng=next(streams)),
        within_session=mean_r(per_group, n_bootstraps=n_bootstraps, rng=next(streams)),
        per_session=per_group.assign(session=[groups[k] for k in per_group["group"]]),
        roc=roc_table(by_scale),
    )


def calibration_line(predicted: Vector, y: Vector) -> tuple[float, float] | None:
    """Slope and intercept of the least-squares line of y on its prediction.

    None where the prediction is constant (up to rounding).

    Examples
    --------
    >>> calibration_line(np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.5, 2.0]))
    (0.5, 1.0)
    """
    centred = predicted - predicted.mean()
    sum_of_squares = float(centred @ centred)
    if sum_of_squares <= _rounding(predicted):
        return None
    slope = float(centred @ y) / sum_of_squares
    return slope, float(y.mean()) - slope * float(predicted.mean())


def _rounding(x: Vector) -> float:
    """Sum of squared deviations below which x counts as constant."""
    return 1e-24 * float(x @ x)


def area_under_curve(y: Vector, score: Vector) -> float | None:
    """AUC of the score for y above its median; None if no y is above it."""
    high = y > np.median(y)
    if not high.any() or high.all():
        return None
    return float(weighted_auc(np.ones((1, len(y))), high, score)[0])


def center_by(values: Vector, group: Codes) -> Vector:
    """Values minus the mean of their group; exactly 0 where the values of a group are equal."""
    means = np.bincount(group, weights=values) / np.maximum(np.bincount(group), 1)
    centred = values - means[group]
    centred[np.abs(centred) <= 1e-12 * np.abs(values).max()] = 0
    return centred


@short_repr
@dataclass(frozen=True, eq=False)
class Rows:
    """Held-out predictions of one scale.

    Attributes
    ----------
    rating, predicted, training_mean : ndarrays of shape (n_rows,)
        In units of the rating; ``training_mean`` is that of the fold that predicted the row.
    group : ndarray of int, shape (n_rows,)
        From 0, in the order of time.
    """

    rating: Vector
    predicted: Vector
    training_mean: Vector
    group: Codes

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
        """Squared error of the prediction."""
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
    return {scale: Rows.of(rows) for scale, rows in split_scales(predictions).items()}


def split_scales(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Rows of a table by scale, for those scales that it has."""
    parts = {scale: table[table["scale"] == scale] for scale in SCALES}
    return {scale: rows for scale, rows in parts.items() if len(rows)}


@short_repr
@dataclass(frozen=True, eq=False)
class Draws:
    """Resamples of the rows of one scale: those of the paper, and blocks of groups."""

    hierarchical: Draw
    blocks: Draw

    @classmethod
    def of(cls, table: pd.DataFrame) -> Draws:
        """Resamples of rows with columns ``group`` and ``run_code``."""
        group = Rows.of(table).group
        run = table["run_code"].to_numpy(np.int64)
        return cls(hierarchical_draw(group, run), block_draw(np.unique(group)))

    def remembered(self) -> Draws:
        """The same, drawn once for the predictions of several models on these rows."""
        return Draws(remembered(self.hierarchical), remembered(self.blocks))


def score_scale(
    table: pd.DataFrame,
    *,
    n_bootstraps: int,
    rng: np.random.Generator,
    draws: Draws | None = None,
) -> ScaleMetrics:
    """Metrics of the rows of one scale.

    Parameters
    ----------
    table : DataFrame
        Columns ``rating``, ``predicted``, ``training_mean``, and the integers ``group`` (in the
        order of time) and ``run_code``.
    draws : Draws, optional
        Resamples of rows with these groups and runs. Default: :meth:`Draws.of` the table.
    """
    draws = Draws.of(table) if draws is None else draws
    rows = Rows.of(table)
    y, predicted, error = rows.rating, rows.predicted, rows.squared_error
    reference, sum_of_squares = rows.reference_error, float(((y - y.mean()) ** 2).sum())
    r = correlation(y, predicted)
    centred_r = correlation(center_by(y, rows.group), center_by(predicted, rows.group))
    skill = float(1 - error.sum() / reference.sum()) if reference.sum() > _rounding(y) else None
    auc = area_under_curve(y, predicted)
    slope, intercept = calibration_line(predicted, y) or (None, None)

    hierarchical_rng, *block_rngs = rng.spawn(3)
    r_interval = auc_interval = UNDEFINED
    if r is not None and auc is not None:
        r_interval, auc_interval = _hierarchical_intervals(
            rows, draws.hierarchical, n_bootstraps, hierarchical_rng
        )
    estimates = {"skill": skill, "centred_r": centred_r, "slope": slope, "intercept": intercept}
    ends = block_interval_ends(rows, estimates, n_bootstraps, *block_rngs, draw=draws.blocks)
    return ScaleMetrics(
        n=len(y),
        r=r,
        r_ci=r_interval.ends,
        r_p=r_interval.p,
        r2=float(1 - error.sum() / sum_of_squares) if sum_of_squares > _rounding(y) else None,
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


def _hierarchical_intervals(
    rows: Rows, draw: Draw, n_bootstraps: int, rng: np.random.Generator
) -> tuple[Interval, Interval]:
    """Intervals of r and AUC, from the same resamples."""
    y, predicted = rows.rating, rows.predicted
    statistics = {
        "r": partial(weighted_r, x=y, y=predicted),
        "auc": partial(weighted_auc, high=y > np.median(y), score=predicted),
    }
    drawn = bootstrap(statistics, draw, n_rows=len(y), n_draws=n_bootstraps, rng=rng)
    return interval(drawn["r"], null=0), interval(drawn["auc"], null=0.5)


def block_interval_ends(
    rows: Rows,
    estimates: Mapping[str, float | None],
    n_bootstraps: int,
    skill_rng: np.random.Generator,
    centred_rng: np.random.Generator,
    *,
    draw: Draw | None = None,
) -> dict[str, Ends]:
    """Ends of the t-inflated circular block bootstrap intervals of groups.

    Parameters
    ----------
    estimates : mapping of float or None
        Any of ``skill``, ``centred_r``, ``slope`` and ``intercept`` of all rows.
    draw : callable, optional
        Draws the groups. Default: :func:`~painprint.stats.bootstrap.block_draw`.

    Returns
    -------
    ends : dict of (low, high)
        Of the same names, in units of the estimates; None where the estimate is undefined.
    """
    y, predicted, group = rows.rating, rows.predicted, rows.group
    # spawned from a child: the streams that the generator of the scale spawns next do not change
    slope_rng, intercept_rng = centred_rng.spawn(2)
    # groups are drawn whole, so their counts and sums are all that is needed
    error, reference = (
        np.bincount(group, squared).astype(float)
        for squared in (rows.squared_error, rows.reference_error)
    )
    x, Y = center_by(predicted, group), center_by(y, group)[:, None]
    line = partial(weighted_line, x=predicted, y=y, group=group)
    statistics: dict[str, Callable[[Matrix], Vector]] = {
        "skill": lambda counts: weighted_skill(counts, error, reference),
        "centred_r": lambda counts: correlate_resamples(counts, x, Y, group=group)[:, 0],
        "slope": lambda counts: line(counts)[0],
        "intercept": lambda counts: line(counts)[1],
    }
    rngs = dict(zip(statistics, (skill_rng, centred_rng, slope_rng, intercept_rng), strict=True))
    ends: dict[str, Ends] = dict.fromkeys(estimates, (None, None))
    for name, value in estimates.items():
        if value is not None:
            ends[name] = block_interval(
                statistics[name], value, TRANSFORMS[name], np.unique(group), n_bootstraps,
                rngs[name], draw=draw,
            ).ends  # fmt: skip
    return ends


def agreement(
    y: Matrix, predicted: Matrix, training_mean: Matrix, group: Codes
) -> dict[str, Vector]:
    """r, session-centred r and skill of many predictions at once, as in :func:`score_scale`.

    Parameters
    ----------
    y, predicted, training_mean : ndarrays of shape (n_rows, n)
        Arrays with one column are used for all predictions.
    group : ndarray of int, shape (n_rows,)
        Group of each row, from 0.

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


def center_columns(values: Matrix, group: Codes) -> Matrix:
    """Each column minus the means of its groups, as :func:`center_by`."""
    averages = (group == np.arange(group.max() + 1)[:, None]).astype(float)
    averages /= averages.sum(axis=1, keepdims=True)
    within = values - (averages @ values)[group]
    within[np.abs(within) <= 1e-12 * np.abs(values).max(axis=0)] = 0
    return within
