"""The page of a multiverse, made from its output files alone."""

from __future__ import annotations

from functools import partial
from typing import Any

from painprint import wording
from painprint.report import figures
from painprint.report.environment import make_environment, records
from painprint.report.summary import Card
from painprint.report.svg import draw_figure, inline
from painprint.results.multiverse import MultiverseResults
from painprint.store.files import write_bytes, write_text
from painprint.works import CitedText

METHODS = CitedText(
    "Every combination of alternatives that was declared beforehand was decoded by nested "
    "cross-validation with the same folds (multiverse analysis [@steegen2016]), and all were shown "
    "sorted, beside the same analyses of ratings that were permuted once within sessions "
    "(specification curve [@simonsohn2020])."
)
NOUN, METRIC = "specification", "centred r"
"""What the page calls an analysis, and the metric by which they are sorted."""


def write_multiverse_report(results: MultiverseResults) -> str:
    """Write the figure and the page.

    Returns
    -------
    sentence : str
        What all specifications say together.
    """
    table, metric, variance = results.table, results.metric, results.record["variance"]
    drawn = draw_figure(
        "multiverse",
        partial(
            figures.plot_specification_curve, table, results.choices, metric, results.permuted,
            label=f"{METRIC}\n{results.bins.at}", titles=results.titles,
        ),
    )  # fmt: skip
    write_bytes(results.files.figure, drawn.svg)
    cards = summarise(results)
    page = make_environment().get_template("multiverse.html")
    write_text(
        results.files.page,
        page.render(
            participant=results.files.participant,
            record=results.record,
            rows=records(table.sort_values(metric, kind="stable")),
            choices=results.choices,
            titles=results.titles,
            image=inline(drawn.svg, "Specification curve with the choices of each specification"),
            cards=cards,
            bins=results.bins,
            by_share=sorted(variance["choices"], key=lambda choice: -(choice["share"] or 0.0)),
            variance=describe_variance(variance),
            few_groups=wording.FEW_GROUPS,
            methods=METHODS,
        ),
    )
    return f"{cards[0].answer}; {cards[0].numbers}." if cards[0].numbers else cards[0].text


def summarise(results: MultiverseResults) -> list[Card]:
    """Cards: the share of specifications above 0, the range, and the choice that matters most."""
    return [_robust(results), _range(results), _moves(results)]


def _robust(results: MultiverseResults) -> Card:
    record, metric = results.record, results.metric
    question = "Does the result depend on choices of the analysis?"
    share, by_chance = (record["share_above_0"][kind][metric] for kind in ("observed", "permuted"))
    if share is None:
        return Card(
            question,
            "Not known",
            f"No specification has an interval: {wording.FEW_GROUPS} sessions or runs must be held "
            "out for one.",
            "",
        )
    n = record["n_with_interval"]["observed"][metric]
    answer = f"The interval lies above 0 in {round(share * n)} of {wording.plural(n, NOUN)}"
    numbers = f"share {share:.0%}"
    if by_chance is not None:
        numbers += f"; with permuted ratings {by_chance:.0%}"
    if share == 1:
        text = "It is there whichever of the declared alternatives is chosen."
    elif share == 0:
        text = "None of the declared specifications shows it."
    else:
        text = "Some of the declared specifications show it and others do not."
    return Card(
        question,
        answer,
        f"{text} The specifications share their data, so they are no independent tests, and this "
        "share is no p-value.",
        numbers,
    )


def _range(results: MultiverseResults) -> Card:
    record, metric = results.record, results.metric
    default = results.table[results.table["default"] == "yes"].iloc[0]
    low, middle, high = (wording.number(record[name]) for name in ("lowest", "median", "highest"))
    value = default[metric]
    if value != value:
        text = f"The default could not be computed: {default['not_done']}"
    else:
        known = results.table[metric].dropna()
        text = (
            f"The default has {wording.number(value)}: number {1 + int((known > value).sum())} of "
            f"{len(known)} from the top."
        )
    return Card(
        "How far apart are the specifications?",
        f"From {low} to {high}",
        f"{text} The highest of many is too high by chance: report the whole curve and the "
        "default, never the best.",
        f"{METRIC} {results.bins.at}; median {middle}",
    )


def _moves(results: MultiverseResults) -> Card:
    variance = results.record["variance"]
    question = "Which choice changes it most?"
    name = variance["moves_most"]
    if name is None:
        return Card(question, "None", "The specifications do not differ.", "")
    share = next(c["share"] for c in variance["choices"] if c["name"] == name)
    return Card(
        question,
        str(name),
        "Its alternatives explain more of the variance of the specifications than those of any "
        "other choice; this variance may be small.",
        f"{share:.0%} of the variance of the {METRIC}; all choices by themselves "
        f"{variance['additive']:.0%}",
    )


def describe_variance(variance: dict[str, Any]) -> str:
    """How the variance of the specifications was divided."""
    if variance["additive"] is None:
        return "The specifications do not differ, so there is no variance to explain."
    single = any(choice["share"] is None for choice in variance["choices"])
    together = (
        "Every combination was computed, so the shares add up to what the choices explain by "
        "themselves; the rest is due to their combinations."
        if variance["is_balanced"]
        else "Not every combination has a number, so choices may explain the same variance, which "
        "then belongs to none of them: each share is what a choice adds to all others (type II "
        "sums of squares), and the shares need not add up."
    )
    if single:
        together += " A choice of which one alternative alone has numbers has no share (n/a)."
    return f"The choices explain {variance['additive']:.0%} of the variance. {together}"
