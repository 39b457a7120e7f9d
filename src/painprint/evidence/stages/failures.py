"""Failure analysis: where do predictions fail?"""

from __future__ import annotations

import pandas as pd

from painprint.evidence.failures import failure_analysis
from painprint.evidence.stage import Stage, WrittenResult
from painprint.wording import FEW_GROUPS, estimate, number, plural

N_NAMED = 3
"""Worst sessions that the paragraph names."""
TABLES: dict[str, dict[str, str]] = {
    "failures": {
        "session": "held-out session, or run; the largest error first",
        "n_bins": "{bins}",
        "r": "correlation of rating and prediction over them",
        "mae": "mean absolute error over them (units of the rating)",
        "bias": "mean of prediction minus rating",
        "mean_rating": "mean rating",
        "mean_predicted": "mean prediction",
        "training_mean": "mean rating of the training rows of the model",
        "level_distance": "distance of the mean rating from the training mean",
        "rating_sd": "standard deviation of the rating over the {bins}",
        "mean_fd_mm": "mean framewise displacement of the frames used (mm)",
        "share_censored": "censored frames, of all frames of its runs",
        "quality_rating": "the worst quality rating of its runs, as in quality.tsv",
        "leverage": "squared distance of connectivity along the principal components of other "
        "sessions, as for the applicability domain: mean over runs, 1 is the geometric mean of "
        "all sessions",
        "residual": "the same outside these components",
    },
    "failurebins": {
        "session": "session label",
        "task": "task label",
        "run": "run label",
        "bin": "number of the {bin} within the run, from 1",
        "onset": "time of the first frame of the bin, from the start of the scan (s)",
        "duration": "from the start of the first to the end of the last frame (s)",
        "n_frames": "frames used",
        "rating": "mean rating",
        "predicted": "mean prediction by the model trained without the session",
        "error": "prediction minus rating; the largest absolute errors first",
        "mean_fd_mm": "mean framewise displacement of the frames used (mm)",
    },
    "failuremeasures": {
        "measure": "column of failures.tsv",
        "meaning": "the same in words",
        "n": "sessions, or runs, for which it is known",
        "rho": "Spearman correlation with the mean absolute error over these; exploratory",
        "rho_low": "lower end of its 95% session-block interval, not corrected for several "
        f"measures; n/a with fewer than {FEW_GROUPS} sessions",
        "rho_high": "upper end",
    },
}


def describe(result: WrittenResult) -> str:
    numbers, unit, bins = result.numbers, result.unit, result.bins
    sessions, measures = result.tables["failures"], result.tables["failuremeasures"]
    named = ", ".join(
        f"{name} ({number(mae, 3)})"
        for name, mae in zip(sessions["session"][:N_NAMED], sessions["mae"], strict=False)
    )
    sentences = [
        f"The mean absolute error {bins.at} is largest in the {unit}s {named}; its median over "
        f"{plural(numbers['n_sessions'], unit)} is {number(sessions['mae'].median(), 3)}.",
        f"The {numbers['n_worst']} largest errors of {numbers['n_bins']} {bins.bins} are in "
        f"{plural(numbers['n_sessions_of_worst'], unit)}; {numbers['n_too_low']} of these "
        "predictions are too low.",
    ]
    if len(measures["rho"].dropna()):
        sentences.append(
            f"{_covarying(measures, unit)} These correlations are exploratory and not corrected "
            "for multiple testing. A model that does not predict the level has larger errors where "
            "the mean rating is far from that of training."
        )
    return " ".join(sentences)


def _covarying(measures: pd.DataFrame, unit: str) -> str:
    """Sentence about the measures whose correlation with the error has an interval without 0."""
    tested = measures[measures["rho_low"].notna()]
    if tested.empty:
        return (
            f"With fewer than {FEW_GROUPS} {unit}s, correlations with the error have no interval."
        )
    found = tested[(tested["rho_low"] > 0) | (tested["rho_high"] < 0)]
    correlation = f"Spearman correlation of the mean absolute error over {unit}s"
    if found.empty:
        return (
            f"{correlation}: the 95% interval includes 0 for each of {len(tested)} measures "
            f"(motion, distance from other {unit}s, spread of the rating)."
        )
    each = "; ".join(
        f"with {row['meaning']} \N{GREEK SMALL LETTER RHO} = "
        f"{estimate(row['rho'], [row['rho_low'], row['rho_high']])}, n = {row['n']}"
        for _, row in found.iterrows()
    )
    others = len(tested) - len(found)
    rest = f" The 95% intervals of the other measures ({others}) include 0." if others else ""
    return f"{correlation}: {each}.{rest}"


def methods(result: WrittenResult) -> str:
    return (
        f"In an exploratory failure analysis, the mean absolute error of held-out {result.unit}s "
        "was correlated (Spearman) with motion, censoring, distance of connectivity and of the "
        "mean rating from other sessions, and spread of the rating, without correction for "
        "multiple testing."
    )


STAGE = Stage(
    name="failures",
    question="Where do predictions fail?",
    compute=failure_analysis,
    tables=TABLES,
    describe=describe,
    methods=methods,
)
