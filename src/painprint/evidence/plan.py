"""What more sessions of the same person are expected to add to what a study reports.

The numbers predicted are those that the same study would report with more sessions: most of its
held-out sessions would be those of today, so that its chance deviation persists in part.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from painprint.arrays import Vector, short_repr
from painprint.decode.errors import NotEnoughData
from painprint.decode.metrics import TRANSFORMS, Rows, center_by
from painprint.evidence.learning_curve import FARTHEST, FEWEST_SIZES, fit_curve
from painprint.stats.bootstrap import FISHER_Z, block_length, inflation, weighted_skill
from painprint.stats.correlation import correlate_resamples
from painprint.wording import FEW_GROUPS, plural

LEVEL = 0.8
"""Share of studies that a prediction interval is meant to contain."""
SHARE_OF_GAIN = 0.5
"""Share of the rise of the fitted curve that is expected: a curve that is steep by chance goes with
an r that is high by chance. Chosen on simulated people, as are the next."""
SPREAD = {"centred_r": 1.7, "skill": 2.7, "ci_width": 1.75}
"""Factors of the standard deviations of predictions: models that are trained on more sessions
predict the sessions of today differently, too."""


@short_repr
@dataclass(frozen=True, eq=False)
class Present:
    """What a study reports today, at its primary scale.

    Attributes
    ----------
    rows : Rows
        Held-out predictions; a group is a session.
    draws : DataFrame
        Draws of the learning curve; columns ``n_sessions`` (in training), ``centred_r``, ``skill``.
    ends : (float, float)
        95 % interval of centred r.
    """

    rows: Rows
    draws: pd.DataFrame
    ends: tuple[float, float]

    @property
    def n_sessions(self) -> int:
        """Number of sessions, each of which was held out once."""
        return int(self.rows.group.max()) + 1


@dataclass(frozen=True)
class Expected:
    """Expected value of a number, and its prediction interval of 80 %; NaN where undefined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Plan:
    """What a study is expected to report with more sessions.

    Attributes
    ----------
    ci_width : Expected
        Width of the 95 % interval of centred r.
    chance : float
        Probability that centred r is at least the target.
    """

    centred_r: Expected
    skill: Expected
    ci_width: Expected
    chance: float


def plan_sessions(present: Present, n_more: int, target_r: float) -> Plan:
    """Centred r, skill and width of the interval that a study would report with more sessions.

    Parameters
    ----------
    n_more : int
        Number of further sessions, at most as many as there are.
    target_r : float
        Centred r whose chance is wanted.

    Raises
    ------
    NotEnoughData
        If this cannot be said; the message is the reason.

    References
    ----------
    docs/methods.md
    """
    n_sessions = present.n_sessions
    _check(present, n_more)
    r = _forecast(present, "centred_r", n_more)
    if r is None:
        raise NotEnoughData(
            "centred r is undefined today, without one of the sessions, or at some numbers of "
            "sessions of the learning curve, because ratings or predictions do not vary"
        )
    skill = _forecast(present, "skill", n_more)
    target = float(FISHER_Z.forward(np.array(target_r)))
    return Plan(
        centred_r=r.expected("centred_r"),
        skill=Expected(math.nan, math.nan, math.nan) if skill is None else skill.expected("skill"),
        ci_width=_width(present.ends, r, n_sessions, n_more),
        chance=r.share_above(target),
    )


def _check(present: Present, n_more: int) -> None:
    """Check that there are sessions and sizes enough, and that the curve is not left too far."""
    n_sessions, n_sizes = present.n_sessions, present.draws["n_sessions"].nunique()
    if n_sessions < FEW_GROUPS:
        raise NotEnoughData(
            f"there are {plural(n_sessions, 'session')}; at least {FEW_GROUPS} are needed"
        )
    if n_sizes < FEWEST_SIZES:
        raise NotEnoughData(
            f"the learning curve has {plural(n_sizes, 'number')} of sessions; at least "
            f"{FEWEST_SIZES} are needed"
        )
    if n_sessions + n_more > FARTHEST * n_sessions:
        raise NotEnoughData(
            f"the learning curve is extrapolated to at most {FARTHEST * n_sessions} sessions, "
            f"{FARTHEST} times those available"
        )


@dataclass(frozen=True)
class _Forecast:
    """Student's t with its centre and scale, on the scale of the metric's transform."""

    now: float
    centre: float
    sd: float
    dof: int

    def expected(self, name: str) -> Expected:
        """Centre and prediction interval, transformed back."""
        from scipy.stats import t

        half = float(t.ppf((1 + LEVEL) / 2, self.dof)) * self.sd
        ends = np.array([self.centre, self.centre - half, self.centre + half])
        value, *around = TRANSFORMS[name].inverse(ends).tolist()
        return Expected(value, min(around), max(around))

    def share_above(self, value: float) -> float:
        """Probability of this value or a higher one."""
        from scipy.stats import t

        if self.sd == 0:
            return float(self.centre >= value)
        return float(t.sf((value - self.centre) / self.sd, self.dof))


def _forecast(present: Present, name: str, n_more: int) -> _Forecast | None:
    """Distribution of a metric with more sessions; None where it is undefined."""
    transform, n_sessions = TRANSFORMS[name], present.n_sessions
    estimate = present.rows.agreement()[name]
    means = present.draws.groupby("n_sessions")[name].mean()
    left_out = leave_one_session_out(present.rows, name)
    if not np.isfinite([estimate, *means, *left_out]).all():
        return None
    sizes = np.array([*means.index, n_sessions - 1], float)
    gain = expected_gain(sizes, np.array([*means, estimate]), n_sessions - 1, n_more)
    variance = jackknife_variance(transform.forward(left_out))
    sd = SPREAD[name] * math.sqrt(variance * n_more / (n_sessions + n_more))
    now, centre = transform.forward(np.array([estimate, min(estimate + gain, 1.0)])).tolist()
    return _Forecast(now, centre, sd, n_sessions - 1)


def leave_one_session_out(rows: Rows, name: str) -> Vector:
    """Centred r or skill of the held-out predictions without each session in turn; no model is
    trained again."""
    group = rows.group
    n_groups = int(group.max()) + 1
    counts = 1.0 - np.eye(n_groups)
    if name == "centred_r":
        x, y = center_by(rows.predicted, group), center_by(rows.rating, group)
        return correlate_resamples(counts, x, y[:, None], group=group)[:, 0]
    error, reference = (
        np.bincount(group, squared).astype(float)
        for squared in (rows.squared_error, rows.reference_error)
    )
    return weighted_skill(counts, error, reference)


def jackknife_variance(left_out: Vector) -> float:
    """Variance of a statistic from its values without each of the n units, (n - 1)/n Σ d².

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 6.0])
    >>> round(jackknife_variance((x.sum() - x) / 2), 4), round(float(x.var(ddof=1)) / 3, 4)
    (2.3333, 2.3333)
    """
    n = len(left_out)
    return float((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum())


def expected_gain(sizes: Vector, values: Vector, n_training: int, n_more: int) -> float:
    """Rise that is expected over more training sessions, a share of that of the fitted learning
    curve a - b·s^-c; never negative."""
    _, b, c = fit_curve(sizes, values)
    return float(SHARE_OF_GAIN * b * (n_training**-c - (n_training + n_more) ** -c))


def _width(ends: tuple[float, float], r: _Forecast, n_sessions: int, n_more: int) -> Expected:
    """Width of the 95 % interval of centred r: the distances of its ends from r today, scaled."""
    n_then = n_sessions + n_more
    factor = math.sqrt(n_sessions / n_then) * _t_quantile(n_then) / _t_quantile(n_sessions)
    low, high = FISHER_Z.forward(np.array(ends)) - r.now
    width = math.tanh(r.centre + factor * high) - math.tanh(r.centre + factor * low)
    n_blocks = n_sessions / block_length(n_sessions)
    of_sd = SPREAD["ci_width"] ** 2 * n_more / n_then / (2 * (n_blocks - 1))
    of_r = (2 * math.tanh(r.centre) * r.sd) ** 2
    return _log_normal(width, math.sqrt(of_sd + of_r))


def _t_quantile(n_sessions: int) -> float:
    """Student's t of the 95 % interval, up to a factor; the inflation also makes up for the
    variance that resamples of few blocks lack."""
    n_blocks = n_sessions / block_length(n_sessions)
    return inflation(n_sessions) * math.sqrt((n_blocks - 1) / n_blocks)


def _log_normal(value: float, sd: float) -> Expected:
    """Prediction interval of a positive number whose logarithm has this standard deviation."""
    from scipy.stats import norm

    half = float(norm.ppf((1 + LEVEL) / 2)) * sd
    return Expected(value, value * math.exp(-half), value * math.exp(half))
