"""Comparison models: is painprint better than what one would try first?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from painprint.evidence.comparison import baseline_comparison
from painprint.evidence.stage import AGREEMENT, SCALE, Stage, WrittenResult
from painprint.settings import WAGER_2011
from painprint.wording import FEW_GROUPS, plural

TABLES: dict[str, dict[str, str]] = {
    "baselines": {
        "method": "painprint, or the comparison model on the same folds",
        "scale": SCALE,
        **AGREEMENT,
        "mae": "mean absolute error",
        "d_centred_r": "centred r of painprint minus that of the comparison model",
        "d_centred_r_low": "lower end of the 95 % interval of the paired difference (session-block "
        "bootstrap)",
        "d_centred_r_high": "upper end",
        "d_skill": "skill of painprint minus that of the comparison model",
        "d_skill_low": "lower end of its interval",
        "d_skill_high": "upper end",
    },
}


def describe(result: WrittenResult) -> str:
    """Paragraph of the page."""
    numbers, unit, n_groups = result.numbers, result.unit, result.metrics["n_groups"]
    sentences = [
        f"{plural(numbers['n_methods'], 'comparison model')}, trained on the same folds and tested "
        "on the same minutes."
    ]
    if n_groups < FEW_GROUPS:
        sentences.append(f"{n_groups} {unit}s are too few for intervals of the differences.")
        return " ".join(sentences)
    for key, what in (("centred_r", f"{unit}-centred r"), ("skill", "skill")):
        better = _beaten(numbers["methods"], f"d_{key}", above=True)
        worse = _beaten(numbers["methods"], f"d_{key}", above=False)
        undefined = [n for n, m in numbers["methods"].items() if m[f"d_{key}"][0] is None]
        sentences.append(
            f"In {what}, painprint is better than {better or 'none'}, and worse than "
            f"{worse or 'none'}; from the others it cannot be told"
            + (f" (undefined: {', '.join(undefined)})." if undefined else ".")
        )
    sentences.append(f"Intervals are those of the paired difference, by blocks of {unit}s.")
    return " ".join(sentences)


def _beaten(methods: Mapping[str, Any], key: str, *, above: bool) -> str:
    """Methods whose difference lies on one side of 0 with its whole interval."""
    found = []
    for name, of_method in methods.items():
        _, low, high = of_method[key]
        if low is not None and (low > 0 if above else high < 0):
            found.append(name)
    return ", ".join(found)


def methods(result: WrittenResult) -> str:
    """Sentence of the Methods."""
    return (
        "Comparison models were trained on the same outer folds, their parameters "
        f"chosen inside the training {result.unit}s."
    )


STAGE = Stage(
    name="baselines",
    question="Is it better than comparison models?",
    link="Comparison models",
    compute=baseline_comparison,
    tables=TABLES,
    describe=describe,
    methods=methods,
    references=(
        WAGER_2011,
        "Shen et al. (2017). Nature Protocols 12, 506-518. doi:10.1038/nprot.2016.178 "
        "(connectome-based predictive modelling)",
    ),
)
