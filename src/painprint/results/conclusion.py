"""Conclusions from the metrics of a study, drawn once.

Terminal, page and all other texts are worded from a :class:`Conclusion`; none of them compares
p-values and intervals again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from painprint.bins import primary_scale
from painprint.settings import SIGNIFICANT
from painprint.wording import FEW_GROUPS

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


class Answer(Enum):
    """Whether pain could be decoded."""

    YES = "yes"
    PART = "in part"
    NO = "no"
    FEW = "too few sessions"
    UNTESTED = "not tested"
    UNDEFINED = "undefined"


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
class Conclusion:
    """Conclusions from a study.

    Attributes
    ----------
    answer : Answer
        Yes needs :attr:`Chance.BEYOND` and both primary intervals above 0; in part, the former
        alone.
    chance : Chance
        Of the session-centred r at the primary scale; only this is called a test.
    above_zero : tuple of str
        Primary outcomes whose interval lies above 0; empty where there are too few groups.
    is_defined : bool
        Whether both primary outcomes are defined.
    enough_groups : bool
        Whether there are enough groups for an interval.
    levels_beyond : bool or None
        Whether r between sessions is higher than with permuted session means; None if not tested.
    dispersion : Dispersion or None
        None where the slope is undefined, or there are too few groups for its interval.
    shares_sessions : bool
        Whether runs were held out while other runs of their sessions were in training.
    """

    answer: Answer
    chance: Chance
    above_zero: tuple[str, ...]
    is_defined: bool
    enough_groups: bool
    levels_beyond: bool | None
    closeness: Closeness
    dispersion: Dispersion | None
    shares_sessions: bool


def conclude(metrics: Mapping[str, Any]) -> Conclusion:
    """Conclusions from the contents of ``metrics.json``."""
    minute, n_groups = primary_metrics(metrics), metrics["n_groups"]
    enough = n_groups >= FEW_GROUPS
    low = {name: minute[f"{name}_ci"][0] for name in PRIMARY}
    above = tuple(name for name in PRIMARY if enough and (low[name] or 0) > 0)
    chance = _chance(metrics)
    p_between = metrics["scales"]["session"]["p_between"]
    return Conclusion(
        answer=_answer(chance, enough=enough, both=len(above) == len(PRIMARY)),
        chance=chance,
        above_zero=above,
        is_defined=None not in low.values(),
        enough_groups=enough,
        levels_beyond=None if p_between is None else p_between < SIGNIFICANT,
        closeness=_closeness(minute["skill"], sure="skill" in above),
        dispersion=_dispersion(minute, enough=enough),
        shares_sessions=metrics["leave_out"] == "run" and metrics["n_sessions"] < n_groups,
    )


def primary_metrics(metrics: Mapping[str, Any]) -> Mapping[str, Any]:
    """Metrics at the primary scale, from the contents of ``metrics.json``."""
    scales: Mapping[str, Mapping[str, Any]] = metrics["scales"]
    return scales[primary_scale(scales)]


def _answer(chance: Chance, *, enough: bool, both: bool) -> Answer:
    if not enough:
        return Answer.FEW
    if chance is Chance.UNDEFINED:
        return Answer.UNDEFINED
    if not chance.is_tested:
        return Answer.UNTESTED
    if chance is not Chance.BEYOND:
        return Answer.NO
    return Answer.YES if both else Answer.PART


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


def _closeness(skill: float | None, *, sure: bool) -> Closeness:
    if skill is None:
        return Closeness.UNDEFINED
    if skill <= 0:
        return Closeness.NO
    return Closeness.YES if sure else Closeness.UNCERTAIN


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
