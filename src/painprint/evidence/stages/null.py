"""Permutation null: is the agreement chance?"""

from __future__ import annotations

from painprint.evidence.null import permutation_null
from painprint.evidence.stage import AGREEMENT, SCALE, Stage, WrittenResult
from painprint.wording import is_value, number

TABLES: dict[str, dict[str, str]] = {
    "null": {
        "null": "observed; within (session means stay, traces are swapped and shifted); between "
        "(traces stay, session means are reordered); or both",
        "permutation": "number of the permutation, from 1; 0 is the observed rating",
        "scale": f"{SCALE}; 2min averages pairs of 1-min bins",
        **AGREEMENT,
    },
}


def describe(result: WrittenResult) -> str:
    """Paragraph of the page."""
    numbers, scales, unit = result.numbers, result.metrics["scales"], result.unit
    minute, levels = scales["1min"], scales["session"]
    sentences = [
        "The whole pipeline, nested cross-validation included, was repeated with permuted ratings, "
        f"{numbers['n_permutations']:,} times within {unit}s and as often between them."
    ]
    if minute["p_within"] is not None:
        sentences.append(
            f"The {unit}-centred r of {number(minute['centred_r'])} at 1 min has p within "
            f"{is_value(minute['p_within'])}."
        )
    if levels["p_between"] is not None:
        sentences.append(
            f"The r of {number(levels['r'])} between {unit}s has p between "
            f"{is_value(levels['p_between'])}."
        )
    sentences += [
        f"With both components permuted, the median r at 1 min is {number(minute['null_median'])}.",
        f"P within asks whether rating and prediction rise and fall together within {unit}s: time "
        f"courses are permuted between {unit}s and shifted circularly within runs, and {unit} "
        f"means are kept. It assumes that {unit}s are exchangeable in this, and that time courses "
        "are stationary within runs (strong trends make p too small: see time in run).",
        f"P between asks whether the levels of {unit}s go together: time courses are kept, and the "
        f"{unit} means are put in other orders with an autocorrelation that could have made the "
        "observed one. It assumes that they drift as a first-order autoregressive process. Both "
        "are one-sided.",
    ]
    return " ".join(sentences)


def methods(result: WrittenResult) -> str:
    """Sentence of the Methods."""
    unit = result.unit
    return (
        "The whole pipeline was repeated on "
        f"{result.settings['n_permutations']:,} ratings permuted within {unit}s (traces swapped "
        f"between {unit}s and shifted circularly within runs) and as many permuted between them "
        f"({unit} means reordered as a first-order autoregressive process, its coefficient drawn "
        "from its posterior)."
    )


STAGE = Stage(
    name="null",
    question="Is it chance?",
    link="Chance",
    compute=permutation_null,
    tables=TABLES,
    describe=describe,
    methods=methods,
)
