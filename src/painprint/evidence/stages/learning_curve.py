"""Learning curve: how much data are needed?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from painprint.evidence.learning_curve import learning_curve
from painprint.evidence.stage import AGREEMENT, SCALE, Stage, WrittenResult
from painprint.wording import plural, span_of_counts

TABLES: dict[str, dict[str, str]] = {
    "learningcurve": {
        "n_sessions": "number of training sessions",
        "scale": SCALE,
        "n_draws": "draws per held-out session",
        "r": "mean over draws of Pearson's r",
        "r_low": "2.5th percentile over draws",
        "r_high": "97.5th percentile over draws",
        "share_significant_r": "share of draws with r > 0 and p < .05 of the paper's bootstrap",
        "centred_r": "mean over draws of the centred r",
        "centred_r_low": "2.5th percentile over draws",
        "centred_r_high": "97.5th percentile over draws",
        "share_significant_centred_r": "share of draws whose 95 % interval of centred r is above 0 "
        "(session-block bootstrap)",
    },
    "learningcurvedraws": {
        "n_sessions": "number of training sessions",
        "draw": "number of the draw, from 1; each held-out session has its own training sessions",
        "scale": SCALE,
        **AGREEMENT,
        "r_p": "two-sided p of r, the paper's hierarchical bootstrap",
        "centred_r_low": "lower end of the 95 % interval of centred r, session-block bootstrap",
    },
}


def describe(result: WrittenResult) -> str:
    numbers, unit = result.numbers, result.unit
    answers = [_until(until, numbers["n_sessions"], unit) for until in numbers["until"]]
    return (
        f"Models were trained on fewer {unit}s, with up to {numbers['n_draws']} random draws for "
        f"each held-out {unit}. The {unit}s held out for testing are needed in addition to those "
        f"in training. {unit.capitalize()}s needed in training: {' '.join(answers)} Intervals are "
        f"from resampling the tested {unit}s in blocks, not the draws; the fitted curve a - b/s^c, "
        f"for s training {unit}s, is extrapolated to at most twice the number of {unit}s "
        "available."
    )


def _until(until: Mapping[str, Any], n_available: int, unit: str) -> str:
    """Number of sessions needed for a target, rounded up."""
    what = until["what"][0].upper() + until["what"][1:]
    if until["refused"]:
        return f"{what}: not estimated ({until['refused'].rstrip('.')})."
    n = math.ceil(until["n_sessions"])
    status = (
        f"{n - n_available} more than the {n_available} available"
        if n > n_available
        else "already reached"
    )
    ends = ""
    if until["low"] is not None:
        high = (
            "more than can be estimated" if until["high"] is None else f"{math.ceil(until['high'])}"
        )
        ends = f" (95% interval {math.ceil(until['low'])} to {high})"
    return f"{what}: {plural(n, unit)}{ends}, {status}."


def methods(result: WrittenResult) -> str:
    unit = result.unit
    sizes = result.tables["learningcurve"]["n_sessions"]
    penalty = (
        f"the penalty of the held-out {unit}'s fold"
        if result.rules["curve_penalty"] == "fold"
        else "a penalty selected by cross-validation within the draw"
    )
    return (
        f"For the learning curve, models were trained on {span_of_counts(sizes)} {unit}s (at most "
        f"{plural(result.numbers['n_draws'], 'random draw')} per held-out {unit} and number of "
        f"{unit}s) with {penalty}."
    )


STAGE = Stage(
    name="curve",
    question="How much data are needed?",
    compute=learning_curve,
    tables=TABLES,
    describe=describe,
    methods=methods,
)
