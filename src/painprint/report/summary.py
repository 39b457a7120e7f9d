"""The first screen: what was found and how sure it is, in words that need no statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from painprint.io.outputs import Results
from painprint.report.words import FEW_GROUPS, estimate, is_value, number, plural
from painprint.settings import SIGNIFICANT

STRENGTHS = ((0.1, "hardly"), (0.3, "weakly"), (0.5, "moderately"), (float("inf"), "strongly"))
"""Words for a correlation below so much (Cohen 1988)."""
MOST_NAMED = 3


@dataclass(frozen=True)
class Card:
    """One answer.

    Attributes
    ----------
    question : str
    answer : str
        In a few plain words.
    text : str
        A sentence or two.
    numbers : str
        The same with n, interval, p and preset.
    mood : str
        good, caution or bad: for a light beside the answer; empty for none.
    """

    question: str
    answer: str
    text: str
    numbers: str
    mood: str = ""


def summarise(results: Results) -> list[Card]:
    """Answers to the questions that everybody asks first."""
    metrics = results.metrics
    verdict = judge(metrics)
    return [
        _found(metrics, verdict),
        _sure(metrics),
        _exact(metrics),
        _where(results, verdict),
        _doubts(results),
    ]


def judge(metrics: Mapping[str, Any]) -> str:
    """Whether pain could be read: yes, in part, no, few (too few sessions) or untested.

    Yes needs p within below .05 in the null and both primary intervals above 0; in part, the
    former alone.
    """
    minute, null = metrics["scales"]["1min"], metrics["stages"]["null"]
    if metrics["n_groups"] < FEW_GROUPS:
        return "few"
    observed = (null or {}).get("scales", {}).get("1min", {})
    if observed.get("p_within") is None or observed.get("centred_r") is None:
        return "untested"
    if _too_few_shuffles(null):
        return "untested"
    if not (observed["p_within"] < SIGNIFICANT and observed["centred_r"] > 0):
        return "no"
    low = [minute[f"{name}_ci"][0] for name in ("centred_r", "skill")]
    return "yes" if None not in low and min(low) > 0 else "part"


def _too_few_shuffles(null: Mapping[str, Any]) -> bool:
    """Whether so few permutations could not give a p below .05."""
    return 1 / (null["n_permutations"] + 1) >= SIGNIFICANT


def _found(metrics: Mapping[str, Any], verdict: str) -> Card:
    minute, unit, n_groups = metrics["scales"]["1min"], metrics["leave_out"], metrics["n_groups"]
    r = minute["centred_r"]
    strength = "not" if r is None else next(word for most, word in STRENGTHS if abs(r) < most)
    what = "the simulated rating" if metrics["simulated"] else "pain"
    follows = f"went up and down with {what} within {unit}s that the model had never seen"
    answer, text, mood = {
        "yes": (f"Yes, {strength}", f"The prediction {strength} {follows}.", "good"),
        "part": (
            f"In part, {strength}",
            f"The prediction {strength} {follows}, more than by chance; but not everything asked "
            "of it in advance was reached.",
            "caution",
        ),
        "no": (
            "Not shown",
            "What the model predicted cannot be told from what shuffled ratings give.",
            "bad",
        ),
        "few": (
            "Too early to say",
            f"{plural(n_groups, unit)} are too few for an answer; {FEW_GROUPS} are the least, and "
            "usually more are needed.",
            "caution",
        ),
        "untested": (
            "Not tested against chance",
            f"The prediction {strength} {follows}, but whether that is more than chance was not "
            "tested.",
            "caution",
        ),
    }[verdict]
    r_said = _estimate(minute, "centred_r", few=n_groups < FEW_GROUPS)
    numbers = (
        f"{unit}-centred r at 1 min {r_said}, n = {minute['n']} minutes in "
        f"{plural(n_groups, unit)}; {metrics['preset']} preset"
    )
    return Card("Could pain be read from this brain?", answer, text, numbers, mood)


def _estimate(minute: Mapping[str, Any], name: str, *, few: bool) -> str:
    return number(minute[name]) if few else estimate(minute[name], minute[f"{name}_ci"])


def _sure(metrics: Mapping[str, Any]) -> Card:
    question = "How sure is it?"
    null, unit = metrics["stages"]["null"], metrics["leave_out"]
    observed = (null or {}).get("scales", {}).get("1min", {})
    p = observed.get("p_within")
    if null is None or p is None:
        return Card(
            question, "Not known", "Nothing was compared with shuffled ratings.",
            "no permutation null", "caution",
        )  # fmt: skip
    n = null["n_permutations"]
    as_good = max(round(p * (n + 1)) - 1, 0)
    likely = p >= SIGNIFICANT
    answer, mood = ("It may be chance", "bad") if likely else ("Chance is unlikely", "good")
    if _too_few_shuffles(null):
        answer, mood = "Too few shuffles to say", "caution"
    between = null["scales"]["session"]["p_between"]
    levels = (
        "" if between is None
        else f" Whether the level of whole {unit}s is read too: "
        + ("yes." if between < SIGNIFICANT else "not shown.")
    )  # fmt: skip
    return Card(
        question,
        answer,
        f"The ratings were shuffled {n:,} times and everything repeated: {as_good} of the "
        f"shuffled ratings were predicted as well as the true ones.{levels}",
        f"p within {is_value(p)}; r of the permuted pipeline "
        f"{number(observed['centred_r'])}; p between "
        f"{'n/a' if between is None else is_value(between)}",
        mood,
    )


def _exact(metrics: Mapping[str, Any]) -> Card:
    minute, few = metrics["scales"]["1min"], metrics["n_groups"] < FEW_GROUPS
    skill = minute["skill"]
    numbers = (
        f"skill {_estimate(minute, 'skill', few=few)}; mean absolute error {number(minute['mae'])}"
    )
    question = "How exact is it?"
    if skill is None:
        return Card(question, "Not known", "The error could not be compared.", numbers, "caution")
    off = f"A minute's prediction is off by {number(minute['mae'])} on the scale of the rating."
    if skill <= 0:
        return Card(
            question,
            "No better than the average",
            f"{off} Always guessing the person's average would err no more.",
            numbers,
            "bad",
        )
    sure = not few and (minute["skill_ci"][0] or 0) > 0
    return Card(
        question,
        f"Squared error {skill:.0%} smaller" + ("" if sure else ", uncertain"),
        f"Smaller than that of always guessing the person's average. {off}",
        numbers,
        "good" if sure else "caution",
    )


def _where(results: Results, verdict: str) -> Card:
    question = "Where in the brain?"
    table = results.findings.get("networkimportance")
    if table is None or not len(table):
        return Card(
            question, "Not asked", "Importance of networks is not known: see below.",
            "no importance of networks",
        )  # fmt: skip
    top = table.sort_values("importance_centred", ascending=False).head(MOST_NAMED)
    low = top["centred_low"].to_numpy()
    enough = results.metrics["n_groups"] >= FEW_GROUPS
    columns = ["importance_centred", "centred_low", "centred_high"]
    losses = [
        f"{network} {estimate(loss, list(ends)) if enough else number(loss)}"
        for network, (loss, *ends) in zip(top["network"], top[columns].to_numpy(float), strict=True)
    ]
    numbers = f"loss of centred r without it: {'; '.join(losses)}"
    if verdict in ("no", "few", "untested"):
        return Card(
            question, "Not to be said",
            "Where nothing is shown to be read, a place means nothing.", numbers,
        )  # fmt: skip
    names = [str(name) for name in top["network"][low > 0]] if enough else []
    if not names:
        return Card(
            question, "Spread out",
            "No network alone is shown to be needed; the connections of many carry it.", numbers,
        )  # fmt: skip
    return Card(
        question,
        ", ".join(names),
        "Without the connections of these networks the prediction gets worse. That says what is "
        "used to read pain, not where pain is.",
        numbers,
    )


def _doubts(results: Results) -> Card:
    metrics, audit = results.metrics, results.audit
    controls = metrics["stages"]["controls"] or {}
    flagged = [name for name, v in controls.items() if name != "not_done" and v["flagged"]]
    lights = list(results.bold_quality["light"])
    poor, n_bad = sum(light != "good" for light in lights), lights.count("bad")
    doubts = []
    if flagged:
        doubts.append(f"{', '.join(flagged)} alone predicts the rating too")
    if metrics["stages"]["controls"] is None:
        doubts.append("motion and time were not controlled for")
    if poor:
        doubts.append(
            f"{poor} of {plural(len(lights), 'run')} with doubtful BOLD"
            + (f" ({n_bad} bad)" if n_bad else "")
        )
    if audit["runs_left_out"]:
        doubts.append(f"{plural(len(audit['runs_left_out']), 'run')} left out")
    if metrics["n_groups"] < FEW_GROUPS:
        doubts.append(f"only {plural(metrics['n_groups'], metrics['leave_out'])}")
    n_tested = sum(v["p_corrected"] is not None for n, v in controls.items() if n != "not_done")
    numbers = (
        f"{plural(n_tested, 'control')} tested, {len(flagged)} flagged; "
        f"{lights.count('good')} of {plural(len(lights), 'run')} good; "
        f"{plural(metrics['n_runs'], 'run')} used"
    )
    if not doubts:
        return Card(
            "What could be wrong?", "Nothing was flagged",
            "None of the known controls explains it, and every run was used.", numbers, "good",
        )  # fmt: skip
    text = "; ".join(doubts)
    return Card(
        "What could be wrong?",
        plural(len(doubts), "thing"),
        f"{text[0].upper()}{text[1:]}.",
        numbers,
        "bad" if flagged else "caution",
    )
