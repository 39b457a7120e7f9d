"""Prior: do other people's signatures help, and how much of the signature is the person's own?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from painprint.evidence.prior import BOTH, OWN, PRIOR, compare_with_prior
from painprint.evidence.stage import SCALE, Stage, WrittenResult, describe_scores_beside
from painprint.wording import FEW_GROUPS, count_people, number, plural

TABLES: dict[str, dict[str, str]] = {
    "prior": {
        "model": "both: own sessions and prior, as in the main analysis; own: own sessions alone; "
        "prior: the prior alone, scaled on the training sessions",
        "scale": SCALE,
        **describe_scores_beside("both", "this model"),
    },
    "priorcurve": {
        "n_sessions": "number of training sessions",
        "model": "both: with the prior; own: without it, trained on the same sessions",
        "n_draws": "draws per held-out session",
        "centred_r": "mean over draws of the centred r {at}",
    },
}
NAMES = {OWN: "own sessions alone", PRIOR: "the prior alone"}


def describe(result: WrittenResult) -> str:
    numbers, unit = result.numbers, result.unit
    models, few = numbers["models"], result.metrics["n_groups"] < FEW_GROUPS
    both = models[BOTH]
    sentences = [
        f"The prior is the mean of the signatures of {count_people(numbers['n_people'])}. "
        f"{_share(numbers)} {unit.capitalize()}-centred r is {_number(both['centred_r'])} with own "
        f"{unit}s and prior, {_number(models[OWN]['centred_r'])} with {NAMES[OWN]} and "
        f"{_number(models[PRIOR]['centred_r'])} with {NAMES[PRIOR]}; skill is "
        f"{_number(both['skill'])}, {_number(models[OWN]['skill'])} and "
        f"{_number(models[PRIOR]['skill'])}.",
        *(_difference(name, models[name], unit, few=few) for name in (OWN, PRIOR)),
    ]
    low = models[OWN]["d_centred_r_low"]
    is_better = not few and low is not None and low > 0 < (both["centred_r"] or 0)
    saved = _saved(numbers["saved"], unit) if is_better else []
    explained = (
        f"c = 0 is a signature learnt from the person's own {unit}s alone, c = 1 one that departs "
        f"from the prior only as far as these {unit}s show, and c above 1 one that goes beyond the "
        f"prior. c is chosen with the penalty, by "
        f"left-out {unit}s. The share of the person's own part is that of the variance of the "
        f"held-out predictions within {unit}s."
    )
    return " ".join([*sentences, *saved]) + "\n" + explained


def _share(numbers: Mapping[str, Any]) -> str:
    """How much the prior counts."""
    share, own = numbers["share"], numbers["own_part"]
    part = ""
    if own is not None:
        part = f"; {min(max(own, 0), 1):.0%} of the prediction's variance is the person's own"
    folds = numbers["share_of_folds"]
    span = f" (folds: {min(folds):g} to {max(folds):g})" if len(set(folds)) > 1 else ""
    return f"The chosen share c of the prior is {share:g}{span}{part}."


def _number(value: float | None) -> str:
    return "undefined" if value is None else number(value)


def _difference(name: str, row: Mapping[str, Any], unit: str, *, few: bool) -> str:
    """The paired difference in centred r, with its interval."""
    difference, low, high = (row[f"d_centred_r{end}"] for end in ("", "_low", "_high"))
    if difference is None:
        return f"The difference to {NAMES[name]} is undefined."
    ends = (
        f" (95% interval {_signed(low)} to {_signed(high)})" if low is not None and not few else ""
    )
    return f"Both minus {NAMES[name]}: {_signed(difference)} in {unit}-centred r{ends}."


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _saved(saved: Sequence[Mapping[str, Any]], unit: str) -> list[str]:
    """Sessions that the prior saves, at two and four sessions."""
    sentences = []
    chosen = [row for row in saved if row["n_sessions"] in (2, 4)] or list(saved[:1])
    for row in chosen:
        n = plural(row["n_sessions"], unit)
        if row["without"] is None:
            sentences.append(
                f"With {n} and the prior, the centred r is higher than with any number of {unit}s "
                "without it."
            )
            continue
        without = math.ceil(row["without"])
        n_saved = without - row["n_sessions"]
        sentences.append(
            f"With {n} and the prior, the centred r is that of {plural(without, unit)} without "
            f"it: {plural(n_saved, unit)} saved."
            if n_saved > 0
            else f"With {n}, the prior saves none."
        )
    return sentences


def methods(result: WrittenResult) -> str:
    return (
        "On the same folds, the model was compared with the prior alone, scaled to the training "
        f"{result.unit}s by slope and intercept, and with the model without the prior."
    )


STAGE = Stage(
    name="prior",
    question="Do other people's signatures help?",
    compute=compare_with_prior,
    tables=TABLES,
    describe=describe,
    methods=methods,
    needs="prior",
)
