"""Bootstrap by counts: how often each row is drawn, and statistics weighted by these counts.

Drawing sessions, then runs of a session, then bins of a run, with replacement, gives
nested multinomial counts; a statistic of a resample is the statistic weighted by them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from painprint.arrays import Codes, Matrix, Vector
from painprint.runs import round_half_up
from painprint.stats.correlation import ROUNDING_OF_SUMS, correlate_resamples, varies

Ends = tuple[float | None, float | None]
Draw = Callable[[int, np.random.Generator], Matrix]

ROWS_AT_ONCE = 2_000_000
"""Resamples times rows that are held in memory at once."""


@dataclass(frozen=True)
class Interval:
    """A bootstrap interval and p-value; None where the statistic is undefined."""

    low: float | None
    high: float | None
    p: float | None

    @property
    def ends(self) -> Ends:
        """Lower and upper end."""
        return self.low, self.high


def hierarchical_draw(group: Codes, run: Codes) -> Draw:
    """Resample groups, then runs within group, then rows within run.

    Parameters
    ----------
    group, run : ndarray of int, shape (n_rows,)
        Group and run of each row; every run lies in one group.

    Returns
    -------
    draw : callable
        ``draw(n, rng)`` gives counts of shape (n, n_rows).
    """
    groups = np.unique(group)
    runs_of_group = [np.unique(run[group == g]) for g in groups]
    rows_of_run = {r: np.flatnonzero(run == r) for r in np.unique(run)}

    def draw(n: int, rng: np.random.Generator) -> Matrix:
        counts = np.zeros((n, len(group)))
        times = rng.multinomial(len(groups), _even(len(groups)), size=n)
        for g, runs in enumerate(runs_of_group):
            run_times = rng.multinomial(times[:, g] * len(runs), _even(len(runs)))
            for r, run_code in enumerate(runs):
                rows = rows_of_run[run_code]
                counts[:, rows] = rng.multinomial(run_times[:, r] * len(rows), _even(len(rows)))
        return counts

    return draw


def block_draw(group: Codes) -> Draw:
    """Circular block bootstrap of groups, in blocks of round(√S); rows stay with their group.

    The last group is followed by the first, so that every group is equally likely to be drawn;
    blocks that stop at the ends would draw the first and last groups less often.

    Parameters
    ----------
    group : ndarray of int, shape (n_rows,)
        From 0, in the order of time.

    References
    ----------
    docs/methods.md; Politis & Romano (1992), the circular block bootstrap
    """
    n_groups = int(group.max()) + 1
    length = block_length(n_groups)
    n_blocks = math.ceil(n_groups / length)

    def draw(n: int, rng: np.random.Generator) -> Matrix:
        starts = rng.integers(0, n_groups, size=(n, n_blocks))
        blocks = (starts[:, :, None] + np.arange(length)) % n_groups
        drawn = blocks.reshape(n, -1)[:, :n_groups]
        cell = np.arange(n)[:, None] * n_groups + drawn
        times = np.bincount(cell.ravel(), minlength=n * n_groups).reshape(n, n_groups)
        return times[:, group].astype(float)

    return draw


def remembered(draw: Draw) -> Draw:
    """The same draw, which keeps its counts for generators that come in the same state.

    Several statistics of rows with the same groups and runs then share their resamples, which are
    drawn once. Nothing that is drawn depends on it.
    """
    known: dict[tuple[int, str], tuple[Matrix, dict[str, Any]]] = {}

    def draw_once(n: int, rng: np.random.Generator) -> Matrix:
        stream = rng.bit_generator
        key = (n, repr(stream.state))
        if key not in known:
            counts = draw(n, rng)
            counts.flags.writeable = False
            known[key] = counts, dict(stream.state)
        counts, stream.state = known[key]
        return counts

    return draw_once


def block_length(n_groups: int) -> int:
    """Number of groups in a block: round(√S)."""
    return round(math.sqrt(n_groups))


def _even(n: int) -> Vector:
    """Equal probabilities of n outcomes."""
    return np.full(n, 1.0 / n)


def bootstrap(
    statistics: Mapping[str, Callable[[Matrix], Vector]],
    draw: Draw,
    *,
    n_rows: int,
    n_draws: int,
    rng: np.random.Generator,
) -> dict[str, Vector]:
    """Statistics of many resamples, (n_draws,) each; resamples with an undefined one are replaced.

    Parameters
    ----------
    statistics : mapping of callables
        Each takes counts of shape (n, n_rows) and returns n values.
    draw : callable
        Result of :func:`hierarchical_draw` or :func:`block_draw`.

    Raises
    ------
    ValueError
        If fewer than 1 % of the resamples are defined.
    """
    kept: dict[str, list[Vector]] = {name: [] for name in statistics}
    n_kept = n_tried = 0
    at_once = max(1, ROWS_AT_ONCE // n_rows)
    while n_kept < n_draws:
        n = min(at_once, n_draws - n_kept)
        counts = draw(n, rng)
        values = {name: statistic(counts) for name, statistic in statistics.items()}
        defined = np.isfinite(list(values.values())).all(axis=0)
        for name in statistics:
            kept[name].append(values[name][defined])
        n_kept += int(defined.sum())
        n_tried += n
        if n_tried > 100 * n_draws:
            raise ValueError(
                f"only {n_kept} of {n_tried} bootstrap samples have ratings above and below "
                "the median; there are too few groups with either."
            )
    return {name: np.concatenate(parts) for name, parts in kept.items()}


def interval(values: Vector, *, null: float, alpha: float = 0.05) -> Interval:
    """Percentile interval, order statistics round(B α/2) and round(B (1 - α/2)), and two-sided p.

    Parameters
    ----------
    values : ndarray of shape (B,)
        The statistic in the resamples.
    null : float
        Value under the null hypothesis.

    References
    ----------
    docs/methods.md
    """
    n = len(values)
    low, high = max(1, round_half_up(n * alpha / 2)), min(n, round_half_up(n * (1 - alpha / 2)))
    ordered = np.partition(values, (low - 1, high - 1))
    return Interval(float(ordered[low - 1]), float(ordered[high - 1]), two_sided_p(values, null))


@cache
def inflation(n_groups: int, alpha: float = 0.05) -> float:
    """Factor by which deviations of block resamples from the estimate are inflated.

    Resamples of few blocks vary too little: with K = S / round(√S) blocks their variance lacks
    the factor K / (K - 1), and percentiles follow a normal distribution rather than Student's t
    with K - 1 degrees of freedom.

    References
    ----------
    Hesterberg (2015), What teachers should know about the bootstrap

    Examples
    --------
    >>> round(inflation(28), 2), round(inflation(1000), 2)
    (1.49, 1.06)
    """
    from scipy.stats import norm, t

    n_blocks = n_groups / block_length(n_groups)
    t_quantile = math.sqrt(n_blocks / (n_blocks - 1)) * t.ppf(1 - alpha / 2, n_blocks - 1)
    return float(t_quantile / norm.ppf(1 - alpha / 2))


@dataclass(frozen=True)
class Transform:
    """A variance-stabilising transform to an unbounded scale, and its inverse."""

    forward: Callable[[Vector], Vector]
    inverse: Callable[[Vector], Vector]


FISHER_Z = Transform(lambda r: np.arctanh(np.clip(r, -1 + 1e-15, 1 - 1e-15)), np.tanh)
"""For correlations; clipped so that r = ±1 stays finite."""
LOG_RATIO = Transform(lambda skill: np.log(np.maximum(1 - skill, 1e-300)), lambda x: 1 - np.exp(x))
"""For skill: logarithm of the ratio of squared errors."""
IDENTITY = Transform(np.asarray, np.asarray)
"""For differences of statistics, and the slope and intercept of a line: far from any bound."""


def t_inflated(
    values: Vector, estimate: float | Vector, n_groups: int, transform: Transform
) -> Vector:
    """Block resamples whose deviations from the estimate are inflated; see :func:`inflation`."""
    center = transform.forward(np.array(estimate))
    distance = transform.forward(values) - center
    return transform.inverse(center + inflation(n_groups) * distance)


def block_interval(
    statistic: Callable[[Matrix], Vector],
    estimate: float,
    transform: Transform,
    group: Codes,
    n_draws: int,
    rng: np.random.Generator,
    *,
    draw: Draw | None = None,
) -> Interval:
    """Interval from a t-inflated circular block bootstrap of neighbouring groups.

    Parameters
    ----------
    statistic : callable
        Takes counts of shape (n, n_rows) and returns n values.
    estimate : float
        The statistic of all rows, each once.
    transform : Transform
        To the scale on which resamples are inflated.
    group : ndarray of int, shape (n_rows,)
        From 0, in the order of time.
    draw : callable, optional
        Default: :func:`block_draw` of these groups.
    """
    n_rows, n_groups = len(group), int(group.max()) + 1
    draw = block_draw(group) if draw is None else draw
    drawn = bootstrap({"value": statistic}, draw, n_rows=n_rows, n_draws=n_draws, rng=rng)
    return interval(t_inflated(drawn["value"], estimate, n_groups, transform), null=0)


def two_sided_p(values: Vector, null: float) -> float:
    """2 min((#<=null + 1) / (B + 1), (#>=null + 1) / (B + 1)), over the B values defined."""
    n = int(np.isfinite(values).sum())
    below, above = int((values <= null).sum()), int((values >= null).sum())
    return min(1.0, 2 * min((below + 1) / (n + 1), (above + 1) / (n + 1)))


def bootstrap_columns(
    x: Vector, Y: Matrix, draw: Draw, n_draws: int, rng: np.random.Generator
) -> Matrix:
    """Correlation of x with each column of Y in the same resamples: (n_draws, n_columns).

    NaN where it is undefined.

    Parameters
    ----------
    x : ndarray of shape (n_rows,)
    Y : ndarray of shape (n_rows, n_columns)
    """
    at_once = max(1, ROWS_AT_ONCE // len(x))
    parts = []
    for start in range(0, n_draws, at_once):
        counts = draw(min(at_once, n_draws - start), rng)
        parts.append(correlate_resamples(counts, x, Y))
    return np.concatenate(parts)


def weighted_line(
    counts: Matrix, x: Vector, y: Vector, group: Codes | None = None
) -> tuple[Vector, Vector]:
    """Slope and intercept of the least-squares line of y on x in each resample.

    NaN where x does not vary. With ``group``, the counts are those of groups.
    """
    # moments about the means of all rows: less cancellation in sums of squares
    x_mean, y_mean = float(x.mean()), float(y.mean())
    x, y = x - x_mean, y - y_mean
    terms = np.stack([x**0, x, x * x, y, x * y], axis=1)
    if group is not None:
        terms = np.stack([np.bincount(group, column) for column in terms.T], axis=1)
    n, sx, sxx, sy, sxy = (counts @ terms).T
    var_x = sxx - sx * sx / n
    with np.errstate(invalid="ignore", divide="ignore"):
        slope: Vector = np.where(
            varies(var_x, sxx, ROUNDING_OF_SUMS), (sxy - sx * sy / n) / var_x, np.nan
        )
    return slope, y_mean + sy / n - slope * (x_mean + sx / n)


def weighted_auc(counts: Matrix, high: NDArray[np.bool_], score: Vector) -> Vector:
    """Area under the ROC curve in each resample; ties count half, NaN if a class is absent.

    It is the share of pairs of a high and a low row in which the high one scores higher; sums of
    whole and half numbers have no rounding errors.
    """
    above = score[high][:, None] > score[~high]
    wins = above + 0.5 * (score[high][:, None] == score[~high])  # (n_high, n_low)
    of_high, of_low = (np.take(counts, np.flatnonzero(of), axis=1) for of in (high, ~high))
    with np.errstate(invalid="ignore", divide="ignore"):
        auc: Vector = np.einsum("ij,ij->i", of_high @ wins, of_low) / (
            of_high.sum(axis=1) * of_low.sum(axis=1)
        )
    return auc


def weighted_skill(counts: Matrix, squared_error: Vector, reference_error: Vector) -> Vector:
    """1 - SSE / SSE of the reference in each resample."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return 1 - (counts @ squared_error) / (counts @ reference_error)


def weighted_mean(counts: Matrix, x: Vector) -> Vector:
    """Mean of x in each resample."""
    mean: Vector = (counts @ x) / counts.sum(axis=1)
    return mean
