"""Conclusions from the metrics of a study, drawn once.

Terminal, page, reading and all other texts are worded from a :class:`Conclusion`; none of them
compares p-values and intervals again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from painprint.bins import primary_scale
from painprint.wording import FEW_GROUPS, SIGNIFICANT

PRIMARY = ("centred_r", "skill")
"""The primary outcomes, at the primary scale, fixed in advance."""


class Chance(Enum):
    """Result of the permutation test of the session-centred r at the primary scale."""

    UNDEFINED = "the rating or its prediction does not vary within sessions"
    NOT_PERMUTABLE = "training rows are made from the rating"
    NOT_RUN = "no permutation null was run"
    NOT_POSSIBLE = "the null could not be computed"
    TOO_FEW_PERMUTATIONS = "too few permutations for a p below .05"
    NO_AGREEMENT = "r is 0 or below"
    BEYOND = "higher than with permuted ratings"
    NOT_BEYOND = "no higher than with permuted ratings"

    @property
    def is_tested(self) -> bool:
        """Whether there is a p-value that can be significant."""
        return self in (Chance.NO_AGREEMENT, Chance.BEYOND, Chance.NOT_BEYOND)


class Tracking(Enum):
    """Whether predictions track changes of the rating within held-out sessions."""

    YES = "r is higher than with permuted ratings, and its interval lies above 0"
    UNCERTAIN = "r is higher than with permuted ratings, but its interval contains 0"
    NO = "r is no higher than with permuted ratings"
    FEW = "there are too few sessions"
    UNTESTED = "r was not compared with that of permuted ratings"
    UNDEFINED = "r is undefined"


class Dispersion(Enum):
    """Dispersion of held-out predictions, by the slope of the rating on them."""

    NEGATIVE = "the slope is 0 or below"
    UNDER = "under-dispersed: the slope lies above 1"
    OVER = "over-dispersed: the slope lies below 1"
    UNDETERMINED = "the interval of the slope contains 1"


class Closeness(Enum):
    """Whether predictions are closer to the rating than the training mean, by skill."""

    UNDEFINED = "skill is undefined"
    NO = "skill is 0 or below"
    UNCERTAIN = "skill is above 0, its interval is not"
    YES = "skill and its interval lie above 0"


@dataclass(frozen=True)
class Primary:
    """The primary number: the session-centred r at the primary scale.

    Attributes
    ----------
    value, p : float or None
        None where undefined, or not tested (p, of permuted ratings within sessions).
    ends : tuple of float, or None
        95% interval of the session-block bootstrap; None where there are too few groups for it.
    n : int
        Bins.
    """

    value: float | None
    ends: tuple[float, float] | None
    p: float | None
    n: int


@dataclass(frozen=True)
class Conclusion:
    """Conclusions from a study.

    Attributes
    ----------
    tracking : Tracking
        By the primary number.
    closeness : Closeness
        At the primary scale.
    chance : Chance
        Of the primary number; only this is called a test.
    enough_groups : bool
        Whether there are enough groups for an interval.
    levels_beyond : bool or None
        Whether r between sessions is higher than with permuted session means; None if not tested.
    dispersion : Dispersion or None
        None where the slope is undefined, or there are too few groups for its interval.
    shares_sessions : bool
        Whether runs were held out while other runs of their sessions were in training.
    unit : str
        What was held out: session or run.
    """

    primary: Primary
    tracking: Tracking
    closeness: Closeness
    chance: Chance
    enough_groups: bool
    levels_beyond: bool | None
    dispersion: Dispersion | None
    shares_sessions: bool
    unit: str

    @property
    def is_shown(self) -> bool:
        """Whether the primary number is beyond chance, so that the weights have a meaning."""
        return self.tracking in (Tracking.YES, Tracking.UNCERTAIN)

    @property
    def may_be_extended(self) -> bool:
        """Whether more sessions can be planned for: it is shown, or its interval lies above 0 where
        no permutation test was run."""
        is_above = self.primary.ends is not None and self.primary.ends[0] > 0
        return self.is_shown or (self.tracking is Tracking.UNTESTED and is_above)

    @property
    def level(self) -> Closeness:
        """Whether predictions tell the level: they are closer than the mean, and where session
        means were tested, these agree better than permuted ones."""
        is_drift = self.closeness is Closeness.YES and self.levels_beyond is False
        return Closeness.UNCERTAIN if is_drift else self.closeness

    @property
    def tells_level(self) -> bool:
        """Whether predictions were shown to tell the level, in a study with a permutation test."""
        is_tested = self.is_shown or self.tracking is Tracking.NO
        return is_tested and self.level is Closeness.YES

    @property
    def sentence(self) -> str:
        """The conclusion, in one sentence without a full stop."""
        within = f"changes within {self.unit}s"
        match self.tracking:
            case Tracking.FEW:
                return f"Too few {self.unit}s for a conclusion"
            case Tracking.UNTESTED:
                return f"Not tested whether it tracks {within}"
            case Tracking.UNDEFINED:
                return f"Not known whether it tracks {within}"
            case Tracking.NO if self.tells_level:
                return f"Not shown to track {within}; tells the level of pain"
            case Tracking.NO:
                return f"Not shown to track {within}, or to tell the level of pain"
            case Tracking.UNCERTAIN:
                return f"May track {within}; {LEVELS[self.level]}"
            case Tracking.YES:
                return f"Tracks {within}; {LEVELS[self.level]}"


LEVELS = {
    Closeness.YES: "tells the level of pain",
    Closeness.UNCERTAIN: "not shown to tell the level of pain",
    Closeness.NO: "does not tell the level of pain",
    Closeness.UNDEFINED: "not known whether it tells the level of pain",
}
"""Second half of the conclusion."""


def conclude(metrics: Mapping[str, Any]) -> Conclusion:
    """Conclusions from the contents of ``metrics.json``."""
    scale, n_groups = primary_metrics(metrics), metrics["n_groups"]
    enough = n_groups >= FEW_GROUPS
    above = {name for name in PRIMARY if enough and (scale[f"{name}_ci"][0] or 0) > 0}
    chance = _chance(metrics)
    p_between = metrics["scales"]["session"]["p_between"]
    r, ends = scale["centred_r"], scale["centred_r_ci"]
    return Conclusion(
        primary=Primary(
            r, tuple(ends) if enough and r is not None else None, scale["p_within"], scale["n"]
        ),
        tracking=_tracking(chance, enough=enough, above="centred_r" in above),
        closeness=_closeness(scale["skill"], above="skill" in above),
        chance=chance,
        enough_groups=enough,
        levels_beyond=None if p_between is None else p_between < SIGNIFICANT,
        dispersion=_dispersion(scale, enough=enough),
        shares_sessions=metrics["leave_out"] == "run" and metrics["n_sessions"] < n_groups,
        unit=metrics["leave_out"],
    )


def primary_metrics(metrics: Mapping[str, Any]) -> Mapping[str, Any]:
    """Metrics at the primary scale, from the contents of ``metrics.json``."""
    scales: Mapping[str, Mapping[str, Any]] = metrics["scales"]
    return scales[primary_scale(scales)]


def flagged_confounds(metrics: Mapping[str, Any]) -> list[str]:
    """Confounds that predict the rating by themselves; empty where none was tested."""
    confounds = metrics["stages"].get("confounds") or {}
    return [name for name, v in confounds.items() if name != "not_done" and v["flagged"]]


def _tracking(chance: Chance, *, enough: bool, above: bool) -> Tracking:
    if not enough:
        return Tracking.FEW
    if chance is Chance.UNDEFINED:
        return Tracking.UNDEFINED
    if not chance.is_tested:
        return Tracking.UNTESTED
    if chance is not Chance.BEYOND:
        return Tracking.NO
    return Tracking.YES if above else Tracking.UNCERTAIN


def _chance(metrics: Mapping[str, Any]) -> Chance:
    null = metrics["stages"]["null"]
    r, p = (primary_metrics(metrics)[name] for name in ("centred_r", "p_within"))
    if r is None:
        return Chance.UNDEFINED
    if metrics["train_bins"] == "rating":
        return Chance.NOT_PERMUTABLE
    if null is None:
        return Chance.NOT_RUN
    if p is None:
        return Chance.NOT_POSSIBLE
    if 1 / (null["n_permutations"] + 1) >= SIGNIFICANT:
        return Chance.TOO_FEW_PERMUTATIONS
    if r <= 0:
        return Chance.NO_AGREEMENT
    return Chance.BEYOND if p < SIGNIFICANT else Chance.NOT_BEYOND


def _closeness(skill: float | None, *, above: bool) -> Closeness:
    if skill is None:
        return Closeness.UNDEFINED
    if skill <= 0:
        return Closeness.NO
    return Closeness.YES if above else Closeness.UNCERTAIN


def _dispersion(minute: Mapping[str, Any], *, enough: bool) -> Dispersion | None:
    slope, (low, high) = minute["slope"], minute["slope_ci"]
    if slope is None:
        return None
    if slope <= 0:
        return Dispersion.NEGATIVE
    if not enough:
        return None
    if low > 1:
        return Dispersion.UNDER
    return Dispersion.OVER if high < 1 else Dispersion.UNDETERMINED
