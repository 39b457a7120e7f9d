"""The first screen: what was found and how sure it is, in words that need no statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from painprint.report.words import SWINGS
from painprint.results.conclusion import (
    PRIMARY,
    Answer,
    Chance,
    Closeness,
    Conclusion,
    Swing,
    conclude,
)
from painprint.results.read import Results
from painprint.wording import FEW_GROUPS, estimate, is_value, number, plural

STRENGTHS = ((0.1, "hardly"), (0.3, "weakly"), (0.5, "moderately"), (float("inf"), "strongly"))
"""Words for a positive correlation below so much (Cohen 1988)."""
MOST_NAMED = 3


@dataclass(frozen=True)
class Card:
    """One answer.

    Attributes
    ----------
    answer : str
        In a few plain words.
    text : str
        A sentence or two.
    numbers : str
        The same in numbers: with interval, p and n, as far as they apply.
    mood : str
        good, caution or bad: for a mark beside the answer; empty for none.
    """

    question: str
    answer: str
    text: str
    numbers: str
    mood: str = ""


def summarise(results: Results) -> list[Card]:
    """Answers to the questions that everybody asks first."""
    metrics = results.metrics
    conclusion = conclude(metrics)
    return [
        _found(metrics, conclusion),
        _sure(metrics, conclusion),
        _exact(metrics, conclusion),
        _where(results, conclusion),
        _doubts(results, conclusion),
    ]


def _found(metrics: Mapping[str, Any], conclusion: Conclusion) -> Card:
    minute, unit, n_groups = metrics["scales"]["1min"], metrics["leave_out"], metrics["n_groups"]
    r = minute["centred_r"]
    strength = next((word for most, word in STRENGTHS if r is not None and 0 < r < most), "not")
    what = "the simulated rating" if metrics["simulated"] else "pain"
    follows = (
        f"The prediction {strength} followed the ups and downs of {what} within {unit}s that the "
        "model had not seen"
        if r is not None and r > 0
        else f"The prediction did not follow the ups and downs of {what} within {unit}s that the "
        "model had not seen"
    )
    if conclusion.shares_sessions:
        follows += ", though other runs of the same sessions had trained it"
    answer, text, mood = {
        Answer.YES: (f"Yes, {strength}", f"{follows}.", "good"),
        Answer.PART: (
            f"In part, {strength}",
            f"{follows}. That is more than shuffled ratings give; but {_unmet(conclusion)}.",
            "caution",
        ),
        Answer.NO: (
            "Not shown",
            "What the model predicted cannot be told from what shuffled ratings give.",
            "bad",
        ),
        Answer.FEW: (
            "Too early to say",
            f"{plural(n_groups, unit)} are too few for an answer; {FEW_GROUPS} are the least, and "
            "usually more are needed.",
            "caution",
        ),
        Answer.UNTESTED: (
            "Not tested against chance",
            f"{follows}; whether shuffled ratings would give as much "
            f"{'cannot be' if conclusion.chance is Chance.NOT_PERMUTABLE else 'was not'} tested.",
            "caution",
        ),
    }[conclusion.answer]
    r_said = _estimate(minute, "centred_r", conclusion)
    p = minute["p_within"]
    numbers = (
        f"{unit}-centred r at 1 min {r_said}, "
        f"{'no p' if p is None else f'p within {is_value(p)}'}, n = {minute['n']} minutes "
        f"in {plural(n_groups, unit)}; {metrics['preset']} preset"
    )
    return Card("Could pain be read from this brain?", answer, text, numbers, mood)


def _unmet(conclusion: Conclusion) -> str:
    """Which of the two primary intervals does not lie above 0, in words."""
    said = {
        "centred_r": "with other sessions it might not follow them at all",
        "skill": "it is not shown to come closer to the rating than the person's average would",
    }
    return ", and ".join(said[name] for name in PRIMARY if name not in conclusion.above_zero)


def _estimate(minute: Mapping[str, Any], name: str, conclusion: Conclusion) -> str:
    if not conclusion.enough_groups:
        return number(minute[name])
    return estimate(minute[name], minute[f"{name}_ci"])


def _sure(metrics: Mapping[str, Any], conclusion: Conclusion) -> Card:
    question = "How sure is it?"
    null, unit, scales = metrics["stages"]["null"], metrics["leave_out"], metrics["scales"]
    minute, level = scales["1min"], scales["session"]
    p, chance = minute["p_within"], conclusion.chance
    if chance is Chance.NOT_PERMUTABLE:
        return Card(
            question, "Not known",
            "The model was trained on bins that are made from the rating. Shuffled ratings would "
            "make other bins, so there is nothing to compare with. Models trained on bins of time "
            "have this test.",
            "no permutation null with rating bins", "caution",
        )  # fmt: skip
    if chance in (Chance.NOT_RUN, Chance.NOT_POSSIBLE):
        return Card(
            question, "Not known", "Nothing was compared with shuffled ratings.",
            "no permutation null", "caution",
        )  # fmt: skip
    n = null["n_permutations"]
    answer, mood = {
        Chance.BEYOND: ("More than shuffled ratings give", "good"),
        Chance.NOT_BEYOND: ("Shuffled ratings give as much", "bad"),
        Chance.NO_AGREEMENT: ("There is no agreement to be sure of", "bad"),
        Chance.TOO_FEW_PERMUTATIONS: ("Too few shuffles to say", "caution"),
    }[chance]
    if chance is Chance.BEYOND and not conclusion.enough_groups:
        answer, mood = f"{answer}, but few {unit}s", "caution"
    as_good = max(round(p * (n + 1)) - 1, 0)
    between = level["p_between"]
    levels = (
        "" if conclusion.levels_beyond is None
        else f" Does it also tell {unit}s of high ratings from {unit}s of low ones? "
        + ("More than shuffled ratings do." if conclusion.levels_beyond else "Not shown.")
    )  # fmt: skip
    return Card(
        question,
        answer,
        f"The ratings were shuffled {n:,} times within {unit}s and the models trained again: "
        f"{as_good:,} times the shuffled rating was predicted as well as the true one.{levels}",
        f"p within {is_value(p)}, of the {unit}-centred r of {number(minute['centred_r'])} at 1 "
        f"min; p between {'n/a' if between is None else is_value(between)}, of an r of "
        f"{number(level['r'])} over "
        f"{plural(metrics['n_groups'], unit)}; {n:,} permutations of either kind",
        mood,
    )


def _exact(metrics: Mapping[str, Any], conclusion: Conclusion) -> Card:
    minute, closeness = metrics["scales"]["1min"], conclusion.closeness
    numbers = (
        f"skill {_estimate(minute, 'skill', conclusion)}; mean absolute error "
        f"{number(minute['mae'])}; slope of rating on prediction "
        f"{_estimate(minute, 'slope', conclusion)}; n = {minute['n']} minutes"
    )
    question = "How exact is it?"
    if closeness is Closeness.UNDEFINED:
        return Card(question, "Not known", "The error could not be compared.", numbers, "caution")
    off = f"A minute's prediction is off by {number(minute['mae'])} on the scale of the rating."
    swing = conclusion.swing
    said = f" {SWINGS[swing]}" if swing in (Swing.LITTLE, Swing.FAR) else ""
    if closeness is Closeness.NO:
        return Card(
            question,
            "No better than the average",
            f"{off} Always guessing the person's average would come as close, or closer.{said}",
            numbers,
            "bad",
        )
    sure = closeness is Closeness.YES
    return Card(
        question,
        "Closer than the average" + ("" if sure else ", but uncertain"),
        f"{off} Its squared errors are {minute['skill']:.0%} smaller than those of always "
        f"guessing the person's average.{said}",
        numbers,
        "good" if sure else "caution",
    )


def _where(results: Results, conclusion: Conclusion) -> Card:
    question = "Where in the brain?"
    table = results.stage_tables.get("networkimportance")
    if table is None or not len(table):
        return Card(
            question, "Not asked", "Importance of networks is not known: see below.",
            "no importance of networks",
        )  # fmt: skip
    enough = conclusion.enough_groups
    ranked = table.sort_values("importance_centred", ascending=False)
    above = ranked[ranked["centred_low"] > 0] if enough else ranked.iloc[:0]
    shown = (above if len(above) else ranked).head(MOST_NAMED)
    columns = ["importance_centred", "centred_low", "centred_high"]
    losses = [
        f"{network} {estimate(loss, list(ends)) if enough else number(loss)}"
        for network, (loss, *ends) in zip(
            shown["network"], shown[columns].to_numpy(float), strict=True
        )
    ]
    numbers = (
        f"loss of centred r at 1 min: {'; '.join(losses)}; {len(above)} of "
        f"{plural(len(table), 'interval')} above 0, not corrected for their number; "
        f"{plural(results.metrics['n_groups'], results.metrics['leave_out'])}"
    )
    if conclusion.answer not in (Answer.YES, Answer.PART):
        return Card(
            question, "Not to be said",
            "Where nothing is shown to be read, a place means nothing.", numbers,
        )  # fmt: skip
    if not len(above):
        return Card(
            question, "No network stands out",
            "No network's loss has an interval above 0.", numbers,
        )  # fmt: skip
    more = len(above) - len(shown)
    return Card(
        question,
        ", ".join(map(str, shown["network"])) + (f" and {more} more" if more else ""),
        "The prediction gets worse when what these networks' connections add to it is shuffled. "
        "That says what is used to read pain, not where pain is.",
        numbers,
    )


def _doubts(results: Results, conclusion: Conclusion) -> Card:
    metrics, audit = results.metrics, results.audit
    confounds = metrics["stages"]["confounds"] or {}
    flagged = [name for name, v in confounds.items() if name != "not_done" and v["flagged"]]
    ratings = list(results.bold_quality["quality_rating"])
    poor, n_bad = sum(rating != "good" for rating in ratings), ratings.count("bad")
    doubts = []
    if flagged:
        doubts.append(f"{', '.join(flagged)} alone predicts the rating too")
    n_tested = sum(v["p_corrected"] is not None for n, v in confounds.items() if n != "not_done")
    if not n_tested:
        doubts.append("no confound (motion, time, level) was tested")
    if confounds.get("not_done"):
        doubts.append("some confounds could not be tested")
    if results.bold_quality["tsnr"].isna().all():
        doubts.append("signal-to-noise and coverage of the BOLD are not known")
    if conclusion.shares_sessions:
        doubts.append("other runs of the same sessions were in training")
    if poor:
        doubts.append(
            f"{poor} of {plural(len(ratings), 'run')} with doubtful BOLD"
            + (f" ({n_bad} bad)" if n_bad else "")
        )
    if audit["runs_left_out"]:
        doubts.append(f"{plural(len(audit['runs_left_out']), 'run')} left out")
    if not conclusion.enough_groups:
        doubts.append(f"only {plural(metrics['n_groups'], metrics['leave_out'])}")
    numbers = (
        f"{plural(n_tested, 'confound')} tested, {len(flagged)} flagged; "
        f"{ratings.count('good')} of {plural(len(ratings), 'run')} good by what is known of them; "
        f"{plural(metrics['n_runs'], 'run')} used"
    )
    if not doubts:
        return Card(
            "What could be wrong?", "Nothing was flagged",
            "No confound predicts the rating by itself, and every run was used.", numbers, "good",
        )  # fmt: skip
    text = "; ".join(doubts)
    return Card(
        "What could be wrong?",
        f"{plural(len(doubts), 'thing')} to keep in mind",
        f"{text[0].upper()}{text[1:]}.",
        numbers,
        "bad" if flagged or n_bad else "caution",
    )
