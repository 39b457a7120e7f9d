"""Prospective tests: do models of past sessions predict future ones?"""

from __future__ import annotations

from painprint.evidence.prospective import prospective_tests
from painprint.evidence.stage import AGREEMENT, Stage, WrittenResult
from painprint.wording import number

TABLES: dict[str, dict[str, str]] = {
    "prospective": {
        "n_past": "sessions that trained: the first so many",
        "session": "later session that was predicted",
        "sessions_ahead": "how many sessions after the last that trained",
        "days_ahead": "how many days after it, where known",
        "n_bins": "{bins}",
        "r": "correlation of rating and prediction over them",
        "mae": "mean absolute error",
        "mae_of_training_mean": "the same of always predicting the mean of the training rows",
        "mean_rating": "mean rating",
        "mean_predicted": "mean prediction",
    },
    "calibration": {
        "n_past": "sessions that trained: the first so many",
        "n_future": "later sessions, all predicted",
        **AGREEMENT,
        "mae": "mean absolute error",
        "bias": "mean of prediction minus rating",
        "slope": "of the line from prediction to rating; 1 where calibrated",
        "intercept": "of that line; 0 where calibrated",
    },
}


def describe(result: WrittenResult) -> str:
    """Results paragraph of the page."""
    numbers, unit, primary, at = result.numbers, result.unit, result.primary, result.bins.at
    following = numbers["next"][primary]
    sentences = [
        f"Each {unit} was predicted by a model trained on all {unit}s before it, with a "
        f"{unit}-centred r of {number(following['centred_r'])}, a skill of "
        f"{number(following['skill'])} and a mean absolute error of "
        f"{number(following['mae'], 3)} {at}."
    ]
    error = numbers["error_ahead"]
    if error is not None:
        sentences.append(
            f"The mean absolute error was {number(error['near'], 3)} for the next {unit} and "
            f"{number(error['far'], 3)} for those {error['far_ahead']} or more ahead (always "
            f"predicting the training mean, {number(error['near_mean'], 3)} and "
            f"{number(error['far_mean'], 3)})."
        )
    if numbers["first"] is not None:
        first, later = numbers["first"][primary], numbers["later"]
        after = (
            f"; their model, tested on the later ones, has an r of {number(later[primary]['r'])} "
            f"and a centred r of {number(later[primary]['centred_r'])}"
            if later
            else ""
        )
        sentences.append(
            f"The first {numbers['n_first']} {unit}s alone, analysed by nested leave-one-out "
            f"cross-validation as published, have an r of {number(first['r'])} and an AUC of "
            f"{number(first['auc'])} {at}{after}."
        )
    return " ".join(sentences)


def methods(result: WrittenResult) -> str:
    """Sentence of the Methods section."""
    unit, first = result.unit, result.settings["first_sessions"]
    alone = f", and the first {first} {unit}s were analysed alone"
    return (
        f"Models of the first {unit}s were tested on all later ones"
        f"{alone if result.numbers.get('first') is not None else ''}."
    )


STAGE = Stage(
    name="prospective",
    question="Do models of past sessions predict later ones?",
    compute=prospective_tests,
    tables=TABLES,
    describe=describe,
    methods=methods,
)
