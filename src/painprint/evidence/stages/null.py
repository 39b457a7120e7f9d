"""Permutation tests: does the agreement exceed chance?"""

from __future__ import annotations

from painprint.evidence.null import permutation_null
from painprint.evidence.stage import AGREEMENT, SCALE, Stage, WrittenResult
from painprint.wording import is_value, number

TABLES: dict[str, dict[str, str]] = {
    "null": {
        "null": "observed; within (session means are kept, time courses exchanged and shifted); "
        "between (time courses are kept, session means reordered); or both",
        "permutation": "number of the permutation, from 1; 0 is the observed rating",
        "scale": f"{SCALE}; 2min averages pairs of 1-min bins",
        **AGREEMENT,
    },
}


def describe(result: WrittenResult) -> str:
    numbers, scales, unit = result.numbers, result.metrics["scales"], result.unit
    primary, levels, at = scales[result.primary], scales["session"], result.bins.at
    sentences = []
    if primary["p_within"] is not None:
        sentences.append(
            f"The {unit}-centred r of {number(primary['centred_r'])} {at} has p within "
            f"{is_value(primary['p_within'])}."
        )
    if levels["p_between"] is not None:
        sentences.append(
            f"The r of {number(levels['r'])} between {unit}s has p between "
            f"{is_value(levels['p_between'])}."
        )
    explained = [
        "The entire pipeline, including nested cross-validation, was repeated with permuted "
        f"ratings, {numbers['n_permutations']:,} times within {unit}s and as often between them. "
        f"With time courses and {unit} means both permuted, the median r {at} is "
        f"{number(primary['null_median'])}.",
        f"P within tests whether rating and prediction covary within {unit}s: the time courses of "
        f"the rating are exchanged between {unit}s and shifted circularly within runs, and {unit} "
        f"means are kept. It assumes that time courses are exchangeable between {unit}s and "
        "stationary within runs (strong trends make p too small; see the confound 'time in run').",
        f"P between tests whether the {unit} means of rating and prediction covary: time courses "
        f"are kept, and the {unit} means are reordered with an autocorrelation compatible with the "
        f"observed one. It assumes that {unit} means drift as a first-order autoregressive "
        "process. Both tests are one-sided.",
    ]
    return "\n".join([" ".join(sentences), *explained])


def methods(result: WrittenResult) -> str:
    """Sentence of the Methods section; empty where no p could be computed."""
    unit, scales = result.unit, result.metrics["scales"]
    ways = [
        f"within {unit}s (time courses exchanged between {unit}s and shifted circularly within "
        "runs)"
    ] * (scales[result.primary]["p_within"] is not None)
    ways += [
        f"between {unit}s ({unit} means reordered according to a first-order autoregressive "
        "process whose coefficient was drawn from its posterior)"
    ] * (scales["session"]["p_between"] is not None)
    if not ways:
        return ""
    each = " in each way" * (len(ways) > 1)
    return (
        "For one-sided permutation tests, the entire pipeline, including the selection of "
        f"hyperparameters, was repeated with ratings permuted {' and '.join(ways)}, "
        f"{result.numbers['n_permutations']:,} times{each}."
    )


STAGE = Stage(
    name="null",
    question="Does the agreement exceed chance?",
    is_open=True,
    compute=permutation_null,
    tables=TABLES,
    describe=describe,
    methods=methods,
)
