"""Univariate map: what follows the rating, region by region?"""

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
    """Paragraph of the page."""
    numbers, table = result.numbers, result.tables["univariate"]
    said = (
        "Region by region, without any decoding: the rating, convolved with the canonical "
        "haemodynamic response, beside motion and slow drifts in a linear model of each run, the "
        f"effects tested across {numbers['n_sessions']} sessions (taken as independent). "
        f"{numbers['n_significant']} of {plural(numbers['n_regions'], 'region')} are significant "
        "at a false discovery rate of 5%."
    )
    if numbers["n_significant"]:
        largest = table.iloc[int(table["t"].abs().argmax())]
        said += f" Largest: {largest['region']} (t {number(largest['t'])})."
    dense = numbers["dense"]
    if dense:
        said += (
            f" Of {dense['n_points']:,} {dense['kind']}, {dense['n_significant']:,} are; "
            f"{dense['n_without_signal']:,} lack a signal in at least one session and were not "
            "tested. The map lies beside the table."
        )
    return said


def methods(_: WrittenResult) -> str:
    """Sentence of the Methods."""
    return (
        "The univariate map is a mass-univariate linear model of each run (rating "
        "convolved with SPM's canonical response, motion, cosine drifts, first-order "
        "autoregressive noise; nilearn), combined within sessions by precision and tested across "
        "sessions by a t-test with control of the false discovery rate."
    )


STAGE = Stage(
    name="univariate",
    question="What follows the rating, region by region?",
    link="Map",
    compute=univariate_map,
    tables=TABLES,
    describe=describe,
    methods=methods,
    references=(
        "Benjamini & Hochberg (1995). Journal of the Royal Statistical Society B 57, 289-300 "
        "(false discovery rate)",
    ),
)
