"""The summary at the top of the page: results and their certainty, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from painprint.bins import primary_words
from painprint.report.words import DISPERSIONS, beyond_chance_between, nothing_within
from painprint.results.conclusion import (
    PRIMARY,
    Answer,
    Chance,
    Closeness,
    Conclusion,
    Dispersion,
    conclude,
    primary_metrics,
)
from painprint.results.read import Results
from painprint.wording import FEW_GROUPS, estimate, is_value, number, plural

STRENGTHS = ((0.1, "hardly"), (0.3, "weakly"), (0.5, "moderately"), (float("inf"), "strongly"))
"""Upper limits of a positive correlation, and the words for it (Cohen 1988)."""
MOST_NAMED = 3


@dataclass(frozen=True)
class Card:
    """Answer to one question.

    Attributes
    ----------
    answer : str
        A few plain words.
    text : str
        One or two sentences.
    numbers : str
        The statistics behind them: with interval, p and n, as far as they apply.
    status : str
        good, caution or bad: colour beside the answer; empty for none.
    """

    question: str
    answer: str
    text: str
    numbers: str
    status: str = ""


def summarise(results: Results) -> list[Card]:
    """Answers to the main questions about a decoded person."""
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
    primary, unit, n_groups = primary_metrics(metrics), metrics["leave_out"], metrics["n_groups"]
    bins, r = primary_words(metrics["scales"]), primary["centred_r"]
    strength = next((word for most, word in STRENGTHS if r is not None and 0 < r < most), "not")
    what = "the simulated rating" if metrics["simulated"] else "pain"
    follows = (
        f"The prediction {strength} followed fluctuations of {what} within held-out {unit}s"
        if r is not None and r > 0
        else f"The prediction did not follow fluctuations of {what} within held-out {unit}s"
    )
    if conclusion.shares_sessions:
        follows += ", although other runs of the same sessions were in training"
    answer, text, status = {
        Answer.YES: (f"Yes, {strength}", f"{follows}.", "good"),
        Answer.PART: (
            f"In part, {strength}",
            f"{follows}. Agreement exceeds that with permuted ratings; but {_unmet(conclusion)}.",
            "caution",
        ),
        Answer.NO: (
            "Not shown",
            "The agreement cannot be distinguished from that with permuted ratings.",
            "bad",
        ),
        Answer.FEW: (
            "Too early to say",
            f"{plural(n_groups, unit)} are too few for a conclusion; at least {FEW_GROUPS} are "
            "needed, and usually more.",
            "caution",
        ),
        Answer.UNTESTED: (
            "Not tested against chance",
            f"{follows}; whether this exceeds the agreement with permuted ratings "
            f"{'cannot be' if conclusion.chance is Chance.NOT_PERMUTABLE else 'was not'} tested.",
            "caution",
        ),
        Answer.UNDEFINED: (f"Cannot be told within {unit}s", nothing_within(metrics), "caution"),
    }[conclusion.answer]
    r_text = _estimate(primary, "centred_r", conclusion)
    p = primary["p_within"]
    numbers = (
        f"{unit}-centred r {bins.at} {r_text}, "
        f"{'no p' if p is None else f'p within {is_value(p)}'}, n = {primary['n']} {bins.noun}s "
        f"in {plural(n_groups, unit)}; {metrics['preset']} preset"
    )
    return Card("Could pain be decoded from this brain?", answer, text, numbers, status)


def _unmet(conclusion: Conclusion) -> str:
    """Which primary intervals do not lie above 0, in words."""
    reasons = {
        "centred_r": "with other sessions, there might be no agreement",
        "skill": "predictions are not shown to be closer to the rating than the person's average",
    }
    return ", and ".join(reasons[name] for name in PRIMARY if name not in conclusion.above_zero)


def _estimate(primary: Mapping[str, Any], name: str, conclusion: Conclusion) -> str:
    if not conclusion.enough_groups:
        return number(primary[name])
    return estimate(primary[name], primary[f"{name}_ci"])


def _sure(metrics: Mapping[str, Any], conclusion: Conclusion) -> Card:
    question = "How certain is it?"
    null, unit, scales = metrics["stages"]["null"], metrics["leave_out"], metrics["scales"]
    primary, level = primary_metrics(metrics), scales["session"]
    p, chance, at = primary["p_within"], conclusion.chance, primary_words(scales).at
    p_between = "n/a" if level["p_between"] is None else is_value(level["p_between"])
    between = (
        f"p between {p_between}, of an r of {number(level['r'])} over "
        f"{plural(metrics['n_groups'], unit)}"
    )
    levels = beyond_chance_between(conclusion, metrics)
    if chance is Chance.UNDEFINED:
        text = f"{nothing_within(metrics)}{levels}"
        return Card(question, f"Not known within {unit}s", text, between, "caution")
    if chance is Chance.NOT_PERMUTABLE:
        return Card(
            question, "Not known",
            "The model was trained on bins that are made from the rating. Permuted ratings would "
            "give other bins, so there is no null distribution. Models trained on time bins have "
            "this test.",
            "no permutation null with rating bins", "caution",
        )  # fmt: skip
    if chance in (Chance.NOT_RUN, Chance.NOT_POSSIBLE):
        return Card(
            question, "Not known", "The agreement was not compared with that of permuted ratings.",
            "no permutation null", "caution",
        )  # fmt: skip
    n = null["n_permutations"]
    answer, status = {
        Chance.BEYOND: ("Higher than with permuted ratings", "good"),
        Chance.NOT_BEYOND: ("No higher than with permuted ratings", "bad"),
        Chance.NO_AGREEMENT: ("There is no agreement", "bad"),
        Chance.TOO_FEW_PERMUTATIONS: ("Too few permutations", "caution"),
    }[chance]
    if chance is Chance.BEYOND and not conclusion.enough_groups:
        answer, status = f"{answer}, but few {unit}s", "caution"
    as_good = max(round(p * (n + 1)) - 1, 0)
    return Card(
        question,
        answer,
        f"The ratings were permuted {n:,} times within {unit}s and the models trained again: "
        f"{as_good:,} permuted ratings were predicted as well as the true one.{levels}",
        f"p within {is_value(p)}, of the {unit}-centred r of {number(primary['centred_r'])} {at}; "
        f"{between}; {n:,} permutations of each kind",
        status,
    )


def _exact(metrics: Mapping[str, Any], conclusion: Conclusion) -> Card:
    primary, closeness = primary_metrics(metrics), conclusion.closeness
    bins = primary_words(metrics["scales"])
    numbers = (
        f"skill {_estimate(primary, 'skill', conclusion)}; mean absolute error "
        f"{number(primary['mae'])}; slope of rating on prediction "
        f"{_estimate(primary, 'slope', conclusion)}; n = {primary['n']} {bins.noun}s"
    )
    question = "How accurate is it?"
    if closeness is Closeness.UNDEFINED:
        return Card(
            question,
            "Not known",
            "The skill over the training mean is undefined.",
            numbers,
            "caution",
        )
    error = (
        f"The prediction of {bins.one} deviates by {number(primary['mae'])} on average, on the "
        "scale of the rating."
    )
    calibration = ""
    if conclusion.dispersion in (Dispersion.UNDER, Dispersion.OVER):
        calibration = f" {DISPERSIONS[conclusion.dispersion]}"
    if closeness is Closeness.NO:
        return Card(
            question,
            "No better than the average",
            f"{error} Always predicting the person's average would be as close, or closer."
            f"{calibration}",
            numbers,
            "bad",
        )
    is_sure = closeness is Closeness.YES
    return Card(
        question,
        "Closer than the average" + ("" if is_sure else ", but uncertain"),
        f"{error} The squared error is {primary['skill']:.0%} smaller than that of always "
        f"predicting the person's average.{calibration}",
        numbers,
        "good" if is_sure else "caution",
    )


def _where(results: Results, conclusion: Conclusion) -> Card:
    question = "Where in the brain?"
    table = results.stage_tables.get("networkimportance")
    if table is None or not len(table):
        return Card(
            question, "Not computed", "The importance of networks is not known: see below.",
            "no importance of networks",
        )  # fmt: skip
    if conclusion.chance is Chance.UNDEFINED:
        unit = results.metrics["leave_out"]
        return Card(
            question, "Not known",
            f"Importance is the loss of the {unit}-centred r, which is undefined.",
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
        f"loss of centred r {primary_words(results.metrics['scales']).at}: {'; '.join(losses)}; "
        f"{len(above)} of "
        f"{plural(len(table), 'interval')} above 0, not corrected for their number; "
        f"{plural(results.metrics['n_groups'], results.metrics['leave_out'])}"
    )
    if conclusion.answer not in (Answer.YES, Answer.PART):
        return Card(
            question, "Not interpretable",
            "Importance can be interpreted only where pain is shown to be decoded.", numbers,
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
        "The prediction gets worse when the contribution of these networks' connections is "
        "permuted. This shows what the prediction relies on, not where pain arises.",
        numbers,
    )


def _doubts(results: Results, conclusion: Conclusion) -> Card:
    metrics, audit = results.metrics, results.audit
    confounds = metrics["stages"]["confounds"] or {}
    flagged = [name for name, v in confounds.items() if name != "not_done" and v["flagged"]]
    ratings = list(results.bold_quality["quality_rating"])
    n_poor, n_bad = sum(rating != "good" for rating in ratings), ratings.count("bad")
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
    if n_poor:
        doubts.append(
            f"{n_poor} of {plural(len(ratings), 'run')} with doubtful BOLD"
            + (f" ({n_bad} bad)" if n_bad else "")
        )
    if audit["runs_left_out"]:
        doubts.append(f"{plural(len(audit['runs_left_out']), 'run')} excluded")
    if not conclusion.enough_groups:
        doubts.append(f"only {plural(metrics['n_groups'], metrics['leave_out'])}")
    numbers = (
        f"{plural(n_tested, 'confound')} tested, {len(flagged)} flagged; "
        f"{ratings.count('good')} of {plural(len(ratings), 'run')} of good quality, as far as "
        f"known; {plural(metrics['n_runs'], 'run')} used"
    )
    if not doubts:
        return Card(
            "What could be wrong?", "Nothing was flagged",
            "No confound predicts the rating by itself, and every run was used.", numbers, "good",
        )  # fmt: skip
    text = "; ".join(doubts)
    return Card(
        "What could be wrong?",
        f"{plural(len(doubts), 'point')} to consider",
        f"{text[0].upper()}{text[1:]}.",
        numbers,
        "bad" if flagged or n_bad else "caution",
    )
