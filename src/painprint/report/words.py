"""Sentences made from results and from the settings actually used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from painprint.decode.ridge import ALPHAS
from painprint.results.read import Results
from painprint.settings import SIGNIFICANT

MISSING = "n/a"
FEW_GROUPS = 8
"""Below this there are fewer than 8 / 3 blocks of round(sqrt(n)) groups, and an interval from
resampling them means little."""


GLOSSARY = {
    "session-centred r": "Pearson's correlation of rating and prediction after each session's mean "
    "was taken from both: 1 if they rise and fall together within sessions, 0 if not at all. "
    "Levels of whole sessions count for nothing. (Run-centred where runs were left out.)",
    "skill": "1 minus squared error over that of always predicting the mean of the training data: "
    "1 is perfect, 0 is no better than the mean, below 0 is worse.",
    "slope": "by how much the rating rises, on average, when the held-out prediction rises by 1: 1 "
    "where predictions are calibrated, below 1 where they swing too far (over-dispersed), above 1 "
    "where they swing too little. The intercept is the rating that goes with a prediction of 0: 0 "
    "where calibrated.",
    "r": "Pearson's correlation over all rows, levels of sessions included.",
    "AUC": "chance that of two moments, one rated above the median and one below, the former is "
    "predicted higher: 1 always, 0.5 by a coin.",
    "MAE": "mean absolute error, in units of the rating.",
    "95% interval": "made in such a way that it holds the true value in about 95 of 100 studies, "
    "if its assumptions hold; here, of how the result would vary with other sessions.",
    "p": "share of shuffled ratings that give as much or more. It is not the chance that the "
    "finding is wrong.",
    "p within, p between": "the same for ratings shuffled within sessions (do ups and downs go "
    "together?) and between them (do levels?).",
    "effective degrees of freedom": "how many free coefficients a shrunken regression amounts to: "
    "0 if it predicts the mean alone, one for each training bin if nothing is shrunken.",
    "importance": "how much the prediction loses when what a region or network adds to it is "
    "shuffled.",
    "weight": "what the model multiplies an edge by. It may serve to cancel noise, so it does not "
    "say that the edge follows pain; the structure coefficient does.",
    "mean FD": "mean framewise displacement: how much the head moved from frame to frame (mm).",
}
"""Terms of the pages, explained."""


def number(value: float | None, digits: int = 2) -> str:
    """A number to so many digits, or n/a.

    Examples
    --------
    >>> number(0.4567), number(-0.001), number(None)
    ('0.46', '0.00', 'n/a')
    """
    return MISSING if value is None or value != value else f"{value:z.{digits}f}"


def rounded(value: float) -> str:
    """A number to three significant digits, without powers of ten.

    Examples
    --------
    >>> rounded(0.21544), rounded(1000.0), rounded(38123.4)
    ('0.215', '1,000', '38,100')
    """
    return f"{float(f'{value:.3g}'):,.10g}"


def span(ends: list[float | None]) -> str:
    """An interval in words.

    Examples
    --------
    >>> span([0.1, 0.25])
    '0.10 to 0.25'
    """
    return MISSING if ends[0] is None else f"{number(ends[0])} to {number(ends[1])}"


def estimate(value: float | None, ends: list[float | None]) -> str:
    """A number with its interval.

    Examples
    --------
    >>> estimate(0.2, [0.1, 0.25]), estimate(None, [None, None])
    ('0.20 (0.10 to 0.25)', 'n/a')
    """
    return MISSING if value is None or value != value else f"{number(value)} ({span(ends)})"


def p_value(p: float | None) -> str:
    """A p-value, never 0.

    Examples
    --------
    >>> p_value(0.00002), p_value(0.0312)
    ('< 0.001', '0.031')
    """
    if p is None:
        return MISSING
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def is_value(p: float | None) -> str:
    """A p-value in a sentence.

    Examples
    --------
    >>> is_value(0.00002), is_value(0.0312)
    ('< 0.001', '= 0.031')
    """
    text = p_value(p)
    return text if text.startswith("<") else f"= {text}"


def plural(n: int, what: str) -> str:
    """A count with its noun.

    Examples
    --------
    >>> plural(1, "run"), plural(3, "run")
    ('1 run', '3 runs')
    """
    return f"{n} {what}{'s' * (n != 1)}"


def headline(results: Results) -> str:
    """One sentence with the primary numbers, and one on what they do not say yet."""
    metrics = results.metrics
    minute, unit = metrics["scales"]["1min"], metrics["leave_out"]
    what = "simulated ratings" if metrics["simulated"] else "ratings"
    n_groups = metrics["n_groups"]
    few = n_groups < FEW_GROUPS
    r, skill = (
        number(minute[name])
        if few or minute[name] is None
        else f"{number(minute[name])} (95% interval {span(minute[f'{name}_ci'])})"
        for name in ("centred_r", "skill")
    )
    same = (
        f" Other runs of the same {plural(metrics['n_sessions'], 'session')} were in training."
        if unit == "run" and metrics["n_sessions"] < n_groups
        else ""
    )
    return (
        f"In {plural(n_groups, unit)} that the models had not seen, {what} were predicted minute "
        f"by minute with a {unit}-centred r of {r} and a skill of {skill} over always predicting "
        f"the training mean. {_verdict(metrics)}{same}"
    )


def _verdict(metrics: Mapping[str, Any]) -> str:
    """What may be concluded; only the permutation null is called a test."""
    minute, n_groups, unit = metrics["scales"]["1min"], metrics["n_groups"], metrics["leave_out"]
    low = [minute[name][0] for name in ("centred_r_ci", "skill_ci")]
    if None in low:
        direction = "A primary number is undefined, so nothing can be concluded."
    elif n_groups < FEW_GROUPS:
        direction = f"{n_groups} {unit}s are too few for an interval, or for a conclusion."
    elif min(low) > 0:
        direction = "Both intervals lie above 0."
    elif max(low) > 0:
        direction = "Only one of the two intervals lies above 0."
    else:
        direction = "Neither interval lies above 0."
    return f"{direction} {_beyond_chance(metrics)}"


NOT_PERMUTABLE = (
    "the model was trained on rating bins, which are made from the rating itself, so permuted "
    "ratings would change the rows that train"
)
"""Why there is no permutation null."""


def is_permutable(metrics: Mapping[str, Any]) -> bool:
    """Whether the rows that train stay the same when ratings are permuted."""
    return bool(metrics["train_bins"] != "rating")


def too_few_permutations(null: Mapping[str, Any]) -> bool:
    """Whether so few permutations could not give a p below .05."""
    return 1 / (null["n_permutations"] + 1) >= SIGNIFICANT


def _beyond_chance(metrics: Mapping[str, Any]) -> str:
    """What the null says of the session-centred r at 1 min."""
    null, unit = metrics["stages"]["null"], metrics["leave_out"]
    r, p = (metrics["scales"]["1min"][name] for name in ("centred_r", "p_within"))
    if not is_permutable(metrics):
        return f"Whether this exceeds chance cannot be tested: {NOT_PERMUTABLE}."
    if null is None:
        return "Whether this exceeds chance has not been tested: no permutation null was run."
    if p is None or r is None:
        return "Whether this exceeds chance could not be tested."
    if too_few_permutations(null):
        n = null["n_permutations"]
        return f"{n} permutations are too few to say whether this exceeds chance."
    if r <= 0:
        return f"A {unit}-centred r of 0 or below shows no agreement (p within {is_value(p)})."
    if p < SIGNIFICANT:
        return (
            f"The {unit}-centred r is higher than with permuted ratings (p within {is_value(p)})."
        )
    return (
        f"The {unit}-centred r is no higher than with permuted ratings (p within {is_value(p)}): "
        "it may be chance."
    )


SWINGS = {
    "against": "Higher predictions did not come with higher ratings, so how far they swing means "
    "nothing.",
    "little": "Predictions swing too little: a difference between two of them is smaller than the "
    "difference in rating that goes with it on average.",
    "far": "Predictions swing too far (over-dispersed): a difference between two of them is larger "
    "than the difference in rating that goes with it on average.",
    "open": "The interval holds 1: it is not shown that predictions swing too little or too far.",
}
"""What the slope of rating on held-out prediction says."""


def swing(minute: Mapping[str, Any], n_groups: int) -> str | None:
    """How far predictions swing, as a key of ``SWINGS``; None where that cannot be said."""
    slope, (low, high) = minute["slope"], minute["slope_ci"]
    if slope is None:
        return None
    if slope <= 0:
        return "against"
    if n_groups < FEW_GROUPS:
        return None
    return "little" if low > 1 else "far" if high < 1 else "open"


def calibration_sentences(metrics: Mapping[str, Any]) -> str:
    """Whether held-out predictions swing as far as ratings do."""
    minute, n_groups, unit = metrics["scales"]["1min"], metrics["n_groups"], metrics["leave_out"]
    if minute["slope"] is None:
        return "The held-out prediction does not vary, so no line leads from it to the rating."
    few = n_groups < FEW_GROUPS
    slope = number(minute["slope"])
    if not few:
        slope += f" (95% interval {span(minute['slope_ci'])})"
    found = swing(minute, n_groups)
    return (
        f"When the held-out prediction of a minute rises by 1, the rating rises by {slope} on "
        "average; 1 is calibrated. "
        + (
            f"{n_groups} {unit}s are too few to say whether predictions swing too little (slope "
            "above 1) or too far (below 1)."
            if found is None
            else SWINGS[found]
        )
    )


def group_headline(metrics: Mapping[str, Any]) -> str:
    """What the group level found, in two sentences."""
    pairs, identified = metrics["pairs"], metrics["identified"]
    enough = {p["name"] for p in metrics["participants"] if p["n_groups"] >= FEW_GROUPS}
    n_people = len(metrics["participants"])
    if not pairs:
        people = "One person was" if n_people == 1 else f"{n_people} people were"
        return f"{people} decoded; no signature could be tried on somebody else."
    judged = [p for p in pairs if p["person"] in enough]
    working = [p for p in judged if (p["centred_r_low"] or 0) > 0]
    values = [p["centred_r"] for p in pairs if p["centred_r"] is not None]
    found = (
        f"{n_people} people, somebody's signature tried on somebody else in "
        f"{plural(len(pairs), 'pair')}: centred r at 1 min from "
        f"{number(min(values, default=None))} to {number(max(values, default=None))}."
    )
    if judged:
        found += f" {len(working)} of {plural(len(judged), 'interval')} lie above 0."
    if not identified:
        return found
    own = sum(one["n_own_best"] for one in identified.values())
    n_sessions = sum(one["n_sessions"] for one in identified.values())
    chance = sum(one["n_sessions"] * one["chance"] for one in identified.values()) / n_sessions
    return (
        f"{found} In {own} of {n_sessions} sessions the person's own signature follows the rating "
        f"best; {number(chance * n_sessions, 1)} would be chance."
    )


def selected_sentences(metrics: Mapping[str, Any]) -> str:
    """What was chosen inside the training data, and whether the grid ended there."""
    chosen, unit = metrics["selected"], metrics["leave_out"]
    models = [chosen, *chosen["folds"]]
    if metrics["decoder"] != "ridge":
        n_components = [fold["n_components"] for fold in chosen["folds"]]
        return (
            f"The model of all {unit}s has {plural(chosen['n_components'], 'component')}; those of "
            f"the folds have {min(n_components)} to {max(n_components)}."
        )
    alpha, dof = ([fold[name] for fold in chosen["folds"]] for name in ("alpha", "dof"))
    sentences = [
        f"The model of all {unit}s has a penalty λ of {rounded(chosen['lambda'])} (α = "
        f"{rounded(chosen['alpha'])} mean eigenvalues) and {rounded(chosen['dof'])} effective "
        f"degrees of freedom; those of the folds have α from {rounded(min(alpha))} to "
        f"{rounded(max(alpha))}, and {rounded(min(dof))} to {rounded(max(dof))} effective degrees "
        "of freedom."
    ]
    for at, which, meaning in (
        (ALPHAS[0], "smallest", "less shrinkage might predict better"),
        (ALPHAS[-1], "largest", "these models predict little more than the mean rating"),
    ):
        n = sum(one["at_edge_of_grid"] and abs(one["alpha"] / at - 1) < 1e-9 for one in models)
        if n:
            sentences.append(
                f"At the edge of the grid: {n} of the {len(models)} models took the {which} "
                f"penalty that was tried; {meaning}."
            )
    return " ".join(sentences)
