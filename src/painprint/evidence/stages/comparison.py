"""Comparison models: does painprint outperform simpler and established methods?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from painprint.evidence.comparison import baseline_comparison
from painprint.evidence.stage import SCALE, Stage, WrittenResult, describe_scores_beside
from painprint.wording import FEW_GROUPS, enumerate_names, plural

TABLES: dict[str, dict[str, str]] = {
    "baselines": {
        "method": "painprint, or the comparison model on the same folds",
        "scale": SCALE,
        **describe_scores_beside("painprint", "the comparison model"),
    },
}


def describe(result: WrittenResult) -> str:
    numbers, unit, n_groups = result.numbers, result.unit, result.metrics["n_groups"]
    sentences = [
        f"{_were_trained(numbers['n_methods'])} on the same folds and tested on the same "
        f"{result.bins.noun}s."
    ]
    if n_groups < FEW_GROUPS:
        sentences.append(f"{n_groups} {unit}s are too few for intervals of the differences.")
        return " ".join(sentences)
    for key, what in (("centred_r", f"{unit}-centred r"), ("skill", "skill")):
        better = _beaten(numbers["methods"], f"d_{key}", above=True)
        worse = _beaten(numbers["methods"], f"d_{key}", above=False)
        undefined = [n for n, m in numbers["methods"].items() if m[f"d_{key}"][0] is None]
        if len(undefined) == numbers["n_methods"]:
            sentences.append(f"No difference in {what} is defined.")
            continue
        found = (
            f"The {what} of painprint is higher than that of {better or 'none'} and lower than "
            f"that of {worse or 'none'}; for the others, the interval of the difference includes 0"
            if better or worse
            else f"The interval of the difference in {what} includes 0 for every comparison model"
        )
        sentences.append(found + (f" (undefined: {', '.join(undefined)})." if undefined else "."))
    sentences.append(
        f"Intervals (95%) are those of the paired difference, resampling blocks of {unit}s."
    )
    return " ".join(sentences)


def _beaten(methods: Mapping[str, Any], key: str, *, above: bool) -> str:
    """Methods whose interval of the difference lies entirely above, or below, 0."""
    names = []
    for name, numbers in methods.items():
        _, low, high = numbers[key]
        if low is not None and (low > 0 if above else high < 0):
            names.append(name)
    return ", ".join(names)


CITED = {"LASSO-PCR": " [@wager2011]", "CPM": " [@shen2017]"}
"""Works that describe a comparison model, by its name."""


def methods(result: WrittenResult) -> str:
    names = [f"{name}{CITED.get(name, '')}" for name in result.numbers["methods"]]
    return (
        f"On the same outer folds, {_were_trained(len(names))}, with hyperparameters selected "
        f"within the training {result.unit}s: {enumerate_names(names)}."
    )


def _were_trained(n: int) -> str:
    return f"{plural(n, 'comparison model')} {'was' if n == 1 else 'were'} trained"


STAGE = Stage(
    name="baselines",
    question="Does it outperform comparison models?",
    compute=baseline_comparison,
    tables=TABLES,
    describe=describe,
    methods=methods,
)
