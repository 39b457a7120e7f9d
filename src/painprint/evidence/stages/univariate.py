"""Univariate map: where is activity associated with the rating?"""

from __future__ import annotations

from painprint.evidence.stage import Stage, WrittenResult
from painprint.evidence.univariate import univariate_map
from painprint.wording import number, plural

TABLES: dict[str, dict[str, str]] = {
    "univariate": {
        "region": "region",
        "network": "its network",
        "effect": "mean over sessions of the effect of the rating (SD of the signal per unit of "
        "rating)",
        "sd": "standard deviation over sessions",
        "n_sessions": "sessions",
        "t": "of a one-sample t-test across sessions",
        "p": "two-sided",
        "q": "false discovery rate (Benjamini and Hochberg)",
    },
}


def describe(result: WrittenResult) -> str:
    numbers, table = result.numbers, result.tables["univariate"]
    between = ", as a modulation of the response to events," if result.primary == "event" else ""
    paragraph = (
        "Independently of the decoding, a linear model of each run and region was fitted, with the "
        f"rating{between} convolved with the canonical haemodynamic response, motion and slow "
        "drifts as regressors, and the effects were tested across "
        f"{numbers['n_sessions']} sessions (assumed to be independent). "
        f"{numbers['n_significant']} of {plural(numbers['n_regions'], 'region')} are significant "
        "at a false discovery rate of 5%."
    )
    if numbers["n_significant"]:
        largest = table.iloc[int(table["t"].abs().argmax())]
        paragraph += f" The largest effect is in {largest['region']} (t = {number(largest['t'])})."
    dense = numbers["dense"]
    if dense:
        paragraph += (
            f" Of {dense['n_points']:,} {dense['kind']}, {dense['n_significant']:,} are "
            f"significant; {dense['n_without_signal']:,} lack a signal in at least one session and "
            "were not tested. The map is saved beside the table."
        )
    return paragraph


def methods(result: WrittenResult) -> str:
    between = ", as a modulation of the response to events," if result.primary == "event" else ""
    return (
        "The univariate map was estimated by a mass-univariate general linear model of each run "
        f"(rating{between} convolved with SPM's canonical response, motion where it was known, "
        "cosine drifts, first-order autoregressive noise; nilearn), combined within sessions by "
        f"precision weighting, and tested across {result.numbers['n_sessions']} sessions by "
        "one-sample t-tests with control of the false discovery rate [@benjamini1995]."
    )


STAGE = Stage(
    name="univariate",
    question="Where is activity associated with the rating?",
    part="brain",
    compute=univariate_map,
    tables=TABLES,
    describe=describe,
    methods=methods,
)
