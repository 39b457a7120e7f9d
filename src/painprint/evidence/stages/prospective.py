"""Prospective tests: do models of past sessions predict future ones?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from painprint.evidence.prospective import CALIBRATION, prospective_tests
from painprint.evidence.stage import Stage, WrittenResult
from painprint.wording import estimate, number, plural, span_of_counts

TABLES: dict[str, dict[str, str]] = {
    "prospective": {
        "n_past": "number of training sessions, which are the first ones",
        "session": "later session that was predicted",
        "sessions_ahead": "number of sessions after the last training session",
        "days_ahead": "number of days after it, if known",
        "n_bins": "{bins}",
        "r": "correlation of rating and prediction over them",
        "mae": "mean absolute error",
        "mae_of_training_mean": "the same when always predicting the mean of the training rows",
        "mean_rating": "mean rating",
        "mean_predicted": "mean prediction",
    },
    "calibration": CALIBRATION,
}


def describe(result: WrittenResult) -> str:
    numbers, unit, primary, at = result.numbers, result.unit, result.primary, result.bins.at
    following = numbers["next"][primary]
    sentences = [
        f"Each {unit} was predicted by a model trained on all {unit}s before it, with a "
        f"{unit}-centred r of {_with_ends(following, 'centred_r')}, a skill of "
        f"{_with_ends(following, 'skill')} and a mean absolute error of "
        f"{number(following['mae'], 3)} {at} ({plural(following['n_groups'], unit)}, "
        f"{following['n']} {result.bins.bins})."
    ]
    curve = result.tables["calibration"]
    if len(curve):
        n_test, n_bins = int(curve["n_test"].iloc[0]), int(curve["n_bins"].iloc[0])
        sentences.append(
            f"To show the effect of more training {unit}s, models of the first "
            f"{span_of_counts(curve['n_past'])} {unit}s were all tested on the last "
            f"{plural(n_test, unit)} ({n_bins} {result.bins.bins})."
        )
    error = numbers["error_ahead"]
    if error is not None:
        sentences.append(
            f"The mean absolute error was {number(error['near'], 3)} for the next {unit} and "
            f"{number(error['far'], 3)} for those {error['far_ahead']} or more ahead (when always "
            f"predicting the training mean: {number(error['near_mean'], 3)} and "
            f"{number(error['far_mean'], 3)})."
        )
    if numbers["first"] is not None:
        first, later = numbers["first"][primary], numbers["later"]
        sentences.append(
            f"The first {numbers['n_first']} {unit}s alone, analysed by nested leave-one-out "
            f"cross-validation as published, have an r of {number(first['r'])}, an AUC of "
            f"{number(first['auc'])} and a centred r of {_with_ends(first, 'centred_r')} {at}."
        )
        if later is not None:
            sentences.append(
                f"Their model, tested on the later {plural(later[primary]['n_groups'], unit)}, has "
                f"an r of {number(later[primary]['r'])} and a centred r of "
                f"{_with_ends(later[primary], 'centred_r')}."
            )
    return " ".join(sentences)


def _with_ends(values: Mapping[str, Any], name: str) -> str:
    """A number with its interval, where there is one."""
    ends = values[f"{name}_ci"]
    return number(values[name]) if ends[0] is None else estimate(values[name], ends)


def methods(result: WrittenResult) -> str:
    unit, numbers = result.unit, result.numbers
    n_past, curve = result.tables["prospective"]["n_past"], result.tables["calibration"]
    fixed = (
        f" and, where trained on {unit}s before these alone, on the last "
        f"{plural(int(curve['n_test'].iloc[0]), unit)}"
        if len(curve)
        else ""
    )
    alone = (
        f"; the first {numbers['n_first']} {unit}s were also analysed alone by nested "
        "cross-validation"
        if numbers.get("first") is not None
        else ""
    )
    return (
        f"For prospective validation, models of the first {span_of_counts(n_past)} {unit}s were "
        f"tested on each later {unit}{fixed}{alone}."
    )


STAGE = Stage(
    name="prospective",
    question="Do models of past sessions predict later ones?",
    compute=prospective_tests,
    tables=TABLES,
    describe=describe,
    methods=methods,
)
