"""The summary at the top of the page: results and their certainty, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from painprint.bins import primary_words
from painprint.report.words import (
    DISPERSIONS,
    beyond_chance_between,
    nothing_within,
    primary_sentence,
    with_interval,
)
from painprint.results.conclusion import (
    Chance,
    Closeness,
    Conclusion,
    Dispersion,
    Tracking,
    conclude,
    flagged_confounds,
    primary_metrics,
)
from painprint.results.read import Results
from painprint.wording import FEW_GROUPS, enumerate_names, estimate, is_value, number, plural

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
        Colour beside the answer: good, caution or bad where it rates the quality of data; shown
        where the signature was shown to track changes; empty, grey, else.
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
        describe_answer(metrics, conclusion),
        _sure(metrics, conclusion),
        _exact(metrics, conclusion),
        _where(results, conclusion),
        _doubts(results, conclusion),
        _next(results, conclusion),
    ]


def describe_answer(metrics: Mapping[str, Any], conclusion: Conclusion) -> Card:
    """The conclusion, in words and numbers."""
    unit, r = metrics["leave_out"], conclusion.primary.value
    followed = "did not follow"
    if r is not None and r > 0:
        followed = f"{next(word for most, word in STRENGTHS if r < most)} followed"
    rated = "the simulated rating" if metrics["simulated"] else "the rating"
    follows = f"The prediction {followed} changes of {rated} within held-out {unit}s"
    if conclusion.shares_sessions:
        follows += ", although other runs of the same sessions were in training"
    text = {
        Tracking.YES: f"{follows}.",
        Tracking.UNCERTAIN: f"{follows}. This agreement exceeds that with permuted ratings, but "
        "its interval contains 0: with other sessions, there might be none.",
        Tracking.NO: "The agreement cannot be distinguished from that with permuted ratings.",
        Tracking.FEW: f"{plural(metrics['n_groups'], unit)} are too few for a conclusion; at least "
        f"{FEW_GROUPS} are needed, and usually more.",
        Tracking.UNTESTED: f"{follows}; whether this exceeds the agreement with permuted ratings "
        f"{'cannot be' if conclusion.chance is Chance.NOT_PERMUTABLE else 'was not'} tested.",
        Tracking.UNDEFINED: nothing_within(metrics),
    }[conclusion.tracking]
    status = "shown" if conclusion.is_shown else ""
    answer = conclusion.sentence
    if r is not None:
        text += (
            f" The {unit}-centred r correlates rating and prediction after subtracting the means "
            f"of each {unit}: 1 is perfect, 0 is expected when there is no relation."
        )
    return Card("Conclusion", answer, text, primary_sentence(conclusion, metrics), status)


def _sure(metrics: Mapping[str, Any], conclusion: Conclusion) -> Card:
    question = "How certain is it?"
    null, unit, scales = metrics["stages"]["null"], metrics["leave_out"], metrics["scales"]
    primary, level = primary_metrics(metrics), scales["session"]
    p, chance, at = primary["p_within"], conclusion.chance, primary_words(scales).at
    p_between = "n/a" if level["p_between"] is None else is_value(level["p_between"])
    between = (
        f"p between {p_between} (r {number(level['r'])} over {plural(metrics['n_groups'], unit)})"
    )
    levels = beyond_chance_between(conclusion, metrics)
    if chance is Chance.UNDEFINED:
        text = f"{nothing_within(metrics)}{levels}"
        return Card(question, f"Not known within {unit}s", text, between)
    if chance is Chance.NOT_PERMUTABLE:
        return Card(
            question, "Not known",
            "The model was trained on bins that are made from the rating. Permuted ratings would "
            "give other bins, so there is no null distribution. Models trained on time bins have "
            "this test.",
            "no permutation null with rating bins",
        )  # fmt: skip
    if chance in (Chance.NOT_RUN, Chance.NOT_POSSIBLE):
        return Card(
            question, "Not known", "The agreement was not compared with that of permuted ratings.",
            "no permutation null",
        )  # fmt: skip
    n = null["n_permutations"]
    answer = {
        Chance.BEYOND: "Higher than with permuted ratings",
        Chance.NOT_BEYOND: "No higher than with permuted ratings",
        Chance.NO_AGREEMENT: "No higher than with permuted ratings",
        Chance.TOO_FEW_PERMUTATIONS: "Too few permutations",
    }[chance]
    if chance is Chance.BEYOND and not conclusion.enough_groups:
        answer = f"{answer}, but few {unit}s"
    as_good = max(round(p * (n + 1)) - 1, 0)
    return Card(
        question,
        answer,
        f"The ratings were permuted {n:,} times within {unit}s and the models trained again: "
        f"in {as_good:,} of these permutations, the agreement was at least as high as with the "
        f"true ratings, so p is {as_good + 1:,} / {n + 1:,}.{levels}",
        f"p within {is_value(p)} ({unit}-centred r {number(primary['centred_r'])} {at}); "
        f"{between}; {n:,} permutations of each kind",
    )


def _exact(metrics: Mapping[str, Any], conclusion: Conclusion) -> Card:
    primary = primary_metrics(metrics)
    bins = primary_words(metrics["scales"])
    numbers = (
        f"skill {with_interval('skill', metrics, '')}; mean absolute error "
        f"{number(primary['mae'])}; slope of rating on prediction "
        f"{with_interval('slope', metrics, '')}; n = {primary['n']} {bins.noun}s"
    )
    error = (
        f"The prediction of {bins.one} deviates by {number(primary['mae'])} on average, on the "
        "scale of the rating."
    )
    smaller = (
        f"{error} The squared error is {primary['skill'] or 0:.0%} smaller than that of always "
        "predicting the person's average."
    )
    answer, text = {
        Closeness.UNDEFINED: ("Not known", "The skill relative to the training mean is undefined."),
        Closeness.NO: (
            "No more accurate than the average",
            f"{error} Always predicting the person's average would be at least as accurate.",
        ),
        Closeness.UNCERTAIN: (
            "Not shown to be more accurate than the average",
            f"{smaller} With other sessions, it might be larger.",
        ),
        Closeness.YES: ("More accurate than the average", smaller),
    }[conclusion.closeness]
    if conclusion.level is not conclusion.closeness:
        text += (
            f" However, {conclusion.unit} means were not shown to agree better than permuted ones."
        )
    if conclusion.dispersion in (Dispersion.UNDER, Dispersion.OVER):
        text += f" {DISPERSIONS[conclusion.dispersion]}"
    return Card("How accurate is it?", answer, text, numbers)


def _where(results: Results, conclusion: Conclusion) -> Card:
    question = "Where in the brain?"
    table = results.stage_tables.get("networkimportance")
    if table is None or not len(table):
        reason = (
            "The networks of the regions are not known; the importance of each region is below."
            if "importance" in results.stage_tables
            else "The importance of regions and networks was not computed in this study."
        )
        return Card(question, "Not computed", reason, "no importance of networks")
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
        + f"{len(above)} of {plural(len(table), 'interval')} above 0, not corrected for their "
        "number; " * enough + plural(results.metrics["n_groups"], results.metrics["leave_out"])
    )
    if not conclusion.is_shown:
        return Card(
            question, "Not interpretable",
            "Importance can be interpreted only where predictions are shown to track the rating.",
            numbers,
        )  # fmt: skip
    if not len(above):
        return Card(
            question, "No network stands out",
            "The interval of the loss is above 0 for none of the networks.", numbers,
        )  # fmt: skip
    more = len(above) - len(shown)
    named = ", ".join(map(str, shown["network"])) + (f" and {more} more" if more else "")
    if 2 * len(above) > len(table):
        named = (
            f"Widespread: {len(above)} of {len(table)} networks, above all "
            f"{shown['network'].iloc[0]}"
        )
    return Card(
        question,
        named,
        "The prediction gets worse when the contribution of these networks' connections is "
        "permuted. This shows what this model relies on, not where pain arises; a model trained "
        "without them may do as well.",
        numbers,
    )


def _doubts(results: Results, conclusion: Conclusion) -> Card:
    metrics, audit = results.metrics, results.audit
    confounds = metrics["stages"]["confounds"] or {}
    flagged = flagged_confounds(metrics)
    ratings = list(results.bold_quality["quality_rating"])
    known = not results.bold_quality["tsnr"].isna().all()
    n_poor, n_bad = sum(rating != "good" for rating in ratings), ratings.count("bad")
    doubts = []
    if flagged:
        doubts.append(f"the rating can be predicted from {enumerate_names(flagged)} alone")
    examined = [v for name, v in confounds.items() if name != "not_done"]
    n_tested = sum(v["p_corrected"] is not None for v in examined)
    if not n_tested:
        doubts.append("no confound (motion, time, level) was tested")
    if confounds.get("not_done"):
        doubts.append("some confounds could not be tested")
    if not known:
        doubts.append(
            "signal-to-noise and coverage of the BOLD are not known, so its quality is rated by "
            "motion alone"
        )
    if conclusion.shares_sessions:
        doubts.append("other runs of the same sessions were in training")
    if n_poor:
        doubts.append(
            f"the BOLD quality of {n_poor} of {plural(len(ratings), 'run')} is doubtful"
            + (f" ({n_bad} bad)" if n_bad else "")
        )
    if audit["runs_left_out"]:
        n = len(audit["runs_left_out"])
        doubts.append(f"{plural(n, 'run')} {'was' if n == 1 else 'were'} excluded")
    if not conclusion.enough_groups:
        doubts.append(f"there are only {plural(metrics['n_groups'], metrics['leave_out'])}")
    numbers = (
        f"{n_tested} of {plural(len(examined), 'confound')} tested, {len(flagged)} flagged; "
        f"{ratings.count('good')} of {plural(len(ratings), 'run')} of good quality, as far as "
        f"known; {plural(metrics['n_runs'], 'run')} used"
    )
    quality = "bad" if n_bad else "caution" if n_poor else "good" if known else ""
    if not doubts:
        return Card(
            "What could be wrong?", "Nothing was flagged",
            "No confound predicts the rating by itself, and every run was used.", numbers, quality,
        )  # fmt: skip
    text = "; ".join(doubts)
    return Card(
        "What could be wrong?",
        f"{plural(len(doubts), 'point')} to consider",
        f"{text[0].upper()}{text[1:]}.",
        numbers,
        quality,
    )


def _next(results: Results, conclusion: Conclusion) -> Card:
    metrics, unit = results.metrics, conclusion.unit
    flagged = flagged_confounds(metrics)
    answer, text = _advice(conclusion, metrics)
    if flagged and conclusion.is_shown:
        text = (
            f"Judge from the performance after {'its' if len(flagged) == 1 else 'their'} removal "
            f"(see the confounds) whether {enumerate_names(flagged)} can explain the prediction. "
            f"Then: {text}"
        )
        answer = f"First judge a confound: {flagged[0]}"
    numbers = f"{plural(metrics['n_groups'], unit)} so far"
    return Card("What next?", answer, text, numbers)


def _advice(conclusion: Conclusion, metrics: Mapping[str, Any]) -> tuple[str, str]:
    """What to do next, in a few words and in a sentence."""
    unit = conclusion.unit
    match conclusion.tracking:
        case Tracking.FEW:
            n = FEW_GROUPS - metrics["n_groups"]
            verb = "is" if n == 1 else "are"
            return f"More {unit}s", f"At least {plural(n, f'more rated {unit}')} {verb} needed."
        case Tracking.UNDEFINED:
            return (
                f"Rate more often in a {unit}",
                f"Changes can be assessed only if a {unit} has several ratings that differ.",
            )
        case Tracking.UNTESTED if conclusion.chance is Chance.NOT_PERMUTABLE:
            return (
                "Train on time bins",
                "Models trained on time bins have a permutation test (--train-bins 30s).",
            )
        case Tracking.UNTESTED:
            return (
                "Test against chance",
                "Run the permutation null (without --skip null, and with --n-permutations 1000).",
            )
        case Tracking.NO if conclusion.level is Closeness.YES:
            return (
                "Test the level on new sessions",
                f"Changes within {unit}s were not shown to be predicted. In a new {unit}, only the "
                "mean prediction might be interpreted, and only after a test (painprint "
                "recalibrate).",
            )
        case Tracking.NO:
            return (
                "Do not use this signature",
                f"Check that ratings vary within {unit}s and that the data are sound. With more "
                f"{unit}s, a signature is more likely to be found, if there is one.",
            )
        case Tracking.UNCERTAIN:
            return (
                f"More {unit}s",
                "With more data, the interval becomes narrower (painprint plan says how narrow to "
                "expect it). Until then, do not rely on this signature.",
            )
        case Tracking.YES if conclusion.level is Closeness.YES:
            return (
                "Test it on new sessions",
                "Before relying on it, test it against ratings of sessions that were not used here "
                "(painprint recalibrate).",
            )
        case Tracking.YES:
            return (
                "Use it for changes, not for the level",
                "In a new session, read the rise and fall of the prediction, not its level. Test "
                "it against ratings of sessions that were not used here (painprint recalibrate).",
            )
