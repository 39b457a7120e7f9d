"""Sentences of the pages, made from results and from the settings actually used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from painprint.bins import primary_words
from painprint.decode.ridge import ALPHAS
from painprint.results.conclusion import Chance, Conclusion, Dispersion, conclude, primary_metrics
from painprint.results.read import Results
from painprint.wording import count_people, is_value, number, plural, rounded, span


def headline(results: Results) -> str:
    """The conclusion with the primary number; then skill."""
    metrics = results.metrics
    conclusion = conclude(metrics)
    what = "Simulated ratings. " if metrics["simulated"] else ""
    same = (
        f" Other runs of the same {plural(metrics['n_sessions'], 'session')} were in training."
        if conclusion.shares_sessions
        else ""
    )
    return (
        f"{what}{conclusion.sentence}: {primary_sentence(conclusion, metrics)}. Skill relative to "
        f"always predicting the training mean: {with_interval('skill', metrics)}. "
        f"{beyond_chance(conclusion, metrics)}{same}{_with_prior(metrics)}"
    )


def with_interval(name: str, metrics: Mapping[str, Any], what: str = "95% interval ") -> str:
    """A number at the primary scale; in brackets, where there are enough groups for it, what its
    interval is called and the interval."""
    primary = primary_metrics(metrics)
    if primary[name] is None or not conclude(metrics).enough_groups:
        return number(primary[name])
    return f"{number(primary[name])} ({what}{span(primary[f'{name}_ci'])})"


def _with_prior(metrics: Mapping[str, Any]) -> str:
    """That other people's signatures are a part of it; empty without a prior."""
    if "prior" not in metrics:
        return ""
    return (
        f" Learnt with a prior of {count_people(metrics['prior']['n_people'])}, of share "
        f"{metrics['selected']['prior_share']:g}."
    )


def primary_sentence(conclusion: Conclusion, metrics: Mapping[str, Any]) -> str:
    """The primary number with its interval, its p and n."""
    primary, bins = conclusion.primary, primary_words(metrics["scales"])
    p = "no p" if primary.p is None else f"p within {is_value(primary.p)}"
    return (
        f"{conclusion.unit}-centred r {bins.at} {with_interval('centred_r', metrics)}, {p}, n = "
        f"{primary.n} {bins.noun}s in {plural(metrics['n_groups'], 'held-out ' + conclusion.unit)}"
    )


NOT_PERMUTABLE = (
    "the model was trained on rating bins, which are made from the rating itself, so permuted "
    "ratings would change the training rows"
)
"""Why there is no permutation null."""


def beyond_chance(conclusion: Conclusion, metrics: Mapping[str, Any]) -> str:
    """Result of the permutation test of the session-centred r at the primary scale."""
    unit, p = metrics["leave_out"], primary_metrics(metrics)["p_within"]
    with_p = f"(p within {is_value(p)})"
    match conclusion.chance:
        case Chance.UNDEFINED:
            return f"{nothing_within(metrics)}{beyond_chance_between(conclusion, metrics)}"
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


def nothing_within(metrics: Mapping[str, Any]) -> str:
    """Why the session-centred r is undefined, and what that means."""
    unit = metrics["leave_out"]
    why = (
        f"Each {unit} has one rating"
        if primary_metrics(metrics)["n"] == metrics["n_groups"]
        else f"The rating, or its prediction, does not vary within {unit}s"
    )
    return f"{why}, so it is not known whether the prediction follows changes within {unit}s."


def beyond_chance_between(conclusion: Conclusion, metrics: Mapping[str, Any]) -> str:
    """Result of the permutation test of r between session means; empty if there is none."""
    if conclusion.levels_beyond is None:
        return ""
    return (
        f" The r between {metrics['leave_out']} means "
        f"{'is' if conclusion.levels_beyond else 'was not shown to be'} higher than with permuted "
        "means."
    )


DISPERSIONS = {
    Dispersion.NEGATIVE: "Ratings did not increase with predictions, so the dispersion of the "
    "predictions cannot be interpreted.",
    Dispersion.UNDER: "Predictions are under-dispersed: a difference between two of them is "
    "smaller than the mean difference in rating that it predicts.",
    Dispersion.OVER: "Predictions are over-dispersed: a difference between two of them is larger "
    "than the mean difference in rating that it predicts.",
    Dispersion.UNDETERMINED: "The interval contains 1, so it is not known whether predictions vary "
    "too much or too little.",
}
"""Interpretation of the slope of rating on held-out prediction."""


UNCERTAIN_SLOPE = (
    " The interval of the slope includes 0 as well, so the slope is not known well; whether "
    "predictions track the rating within {unit}s is tested by the {unit}-centred r."
)


def calibration_sentences(metrics: Mapping[str, Any]) -> str:
    """Whether held-out predictions are calibrated, by the slope of the rating on them."""
    conclusion, primary = conclude(metrics), primary_metrics(metrics)
    if primary["slope"] is None:
        return (
            "The held-out prediction does not vary, so the slope of the rating on it is undefined."
        )
    return (
        f"When the held-out prediction of {primary_words(metrics['scales']).one} increases by 1, "
        f"the rating increases by {with_interval('slope', metrics)} on average; 1 is calibrated. "
        + (
            f"{metrics['n_groups']} {metrics['leave_out']}s are too few to decide whether "
            "predictions are under-dispersed (slope above 1) or over-dispersed (below 1)."
            if conclusion.dispersion is None
            else DISPERSIONS[conclusion.dispersion] + _no_slope(conclusion, primary)
        )
    )


def _no_slope(conclusion: Conclusion, primary: Mapping[str, Any]) -> str:
    """That the slope may be 0 or below; empty where its interval lies above."""
    may_be_none = conclusion.dispersion is Dispersion.UNDETERMINED and primary["slope_ci"][0] <= 0
    return UNCERTAIN_SLOPE.format(unit=conclusion.unit) if may_be_none else ""


def selected_sentences(metrics: Mapping[str, Any]) -> str:
    """Hyperparameters selected within the training data, and those at the edge of the grid."""
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
    for edge, which, meaning in (
        (ALPHAS[0], "smallest", "less shrinkage might predict better"),
        (
            ALPHAS[-1],
            "largest",
            "these models predict little more than the mean rating; more sessions may show more",
        ),
    ):
        n = sum(
            model["at_edge_of_grid"] and abs(model["alpha"] / edge - 1) < 1e-9 for model in models
        )
        if n:
            sentences.append(
                f"At the edge of the grid: {n} of the {len(models)} models took the {which} "
                f"penalty that was tried; {meaning}."
            )
    return " ".join(sentences)
