"""Sentences made from results and from the settings actually used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from painprint.decode.ridge import ALPHAS
from painprint.results.conclusion import PRIMARY, Chance, Conclusion, Swing, conclude
from painprint.results.read import Results
from painprint.wording import FEW_GROUPS, is_value, number, plural, rounded, span

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


def headline(results: Results) -> str:
    """One sentence with the primary numbers, and one on what they do not say yet."""
    metrics = results.metrics
    conclusion = conclude(metrics)
    minute, unit = metrics["scales"]["1min"], metrics["leave_out"]
    what = "simulated ratings" if metrics["simulated"] else "ratings"
    r, skill = (
        f"{number(minute[name])} (95% interval {span(minute[f'{name}_ci'])})"
        if conclusion.enough_groups and minute[name] is not None
        else number(minute[name])
        for name in PRIMARY
    )
    same = (
        f" Other runs of the same {plural(metrics['n_sessions'], 'session')} were in training."
        if conclusion.shares_sessions
        else ""
    )
    return (
        f"In {plural(metrics['n_groups'], unit)} that the models had not seen, {what} were "
        f"predicted minute by minute with a {unit}-centred r of {r} and a skill of {skill} over "
        f"always predicting the training mean. {_direction(conclusion, metrics)} "
        f"{beyond_chance(conclusion, metrics)}{same}"
    )


def _direction(conclusion: Conclusion, metrics: Mapping[str, Any]) -> str:
    """Which primary intervals lie above 0."""
    if not conclusion.is_defined:
        return "A primary number is undefined, so nothing can be concluded."
    if not conclusion.enough_groups:
        few = f"{metrics['n_groups']} {metrics['leave_out']}s"
        return f"{few} are too few for an interval, or for a conclusion."
    return (
        "Neither interval lies above 0.",
        "Only one of the two intervals lies above 0.",
        "Both intervals lie above 0.",
    )[len(conclusion.above_zero)]


NOT_PERMUTABLE = (
    "the model was trained on rating bins, which are made from the rating itself, so permuted "
    "ratings would change the rows that train"
)
"""Why there is no permutation null."""


def beyond_chance(conclusion: Conclusion, metrics: Mapping[str, Any]) -> str:
    """What the null says of the session-centred r at 1 min."""
    unit, p = metrics["leave_out"], metrics["scales"]["1min"]["p_within"]
    with_p = f"(p within {is_value(p)})"
    match conclusion.chance:
        case Chance.NOT_PERMUTABLE:
            return f"Whether this exceeds chance cannot be tested: {NOT_PERMUTABLE}."
        case Chance.NOT_RUN:
            return "Whether this exceeds chance has not been tested: no permutation null was run."
        case Chance.NOT_POSSIBLE:
            return "Whether this exceeds chance could not be tested."
        case Chance.TOO_FEW_PERMUTATIONS:
            n = metrics["stages"]["null"]["n_permutations"]
            return f"{n} permutations are too few to say whether this exceeds chance."
        case Chance.NO_AGREEMENT:
            return f"A {unit}-centred r of 0 or below shows no agreement {with_p}."
        case Chance.BEYOND:
            return f"The {unit}-centred r is higher than with permuted ratings {with_p}."
        case Chance.NOT_BEYOND:
            return (
                f"The {unit}-centred r is no higher than with permuted ratings {with_p}: it may "
                "be chance."
            )


SWINGS = {
    Swing.AGAINST: "Higher predictions did not come with higher ratings, so how far they swing "
    "means nothing.",
    Swing.LITTLE: "Predictions swing too little: a difference between two of them is smaller than "
    "the difference in rating that goes with it on average.",
    Swing.FAR: "Predictions swing too far (over-dispersed): a difference between two of them is "
    "larger than the difference in rating that goes with it on average.",
    Swing.OPEN: "The interval holds 1: it is not shown that predictions swing too little or too "
    "far.",
}
"""What the slope of rating on held-out prediction says."""


def calibration_sentences(metrics: Mapping[str, Any]) -> str:
    """Whether held-out predictions swing as far as ratings do."""
    conclusion, minute = conclude(metrics), metrics["scales"]["1min"]
    if minute["slope"] is None:
        return "The held-out prediction does not vary, so no line leads from it to the rating."
    slope = number(minute["slope"])
    if conclusion.enough_groups:
        slope += f" (95% interval {span(minute['slope_ci'])})"
    return (
        f"When the held-out prediction of a minute rises by 1, the rating rises by {slope} on "
        "average; 1 is calibrated. "
        + (
            f"{metrics['n_groups']} {metrics['leave_out']}s are too few to say whether predictions "
            "swing too little (slope above 1) or too far (below 1)."
            if conclusion.swing is None
            else SWINGS[conclusion.swing]
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
