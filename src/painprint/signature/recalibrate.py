"""Test a signature for drift on new rated sessions, and recalibrate it to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from painprint.arrays import short_repr
from painprint.runs import Run
from painprint.signature.model import History, Signature
from painprint.signature.predict import pair_run, predict_run
from painprint.stats.conformal import p_of_error

FEWEST_FOR_SLOPE = 2
"""Number of new sessions; with fewer, only the offset is fitted."""


@short_repr
@dataclass(frozen=True, eq=False)
class Check:
    """Errors of a signature in new rated sessions, tested against those of the study.

    Attributes
    ----------
    table : DataFrame
        One row per session: ``session``, ``rated``, ``predicted``, ``error``, and ``p``, the
        conformal p-value of the error under exchangeability of sessions.
    p_drift : float or None
        p-value of larger errors in the new sessions (rank-sum test, one-sided); None where the
        errors of the study are unknown.
    n_study : int
        Number of errors of the study with which these are compared.
    """

    table: pd.DataFrame
    p_drift: float | None
    n_study: int = 0


def check_drift(signature: Signature, runs: Sequence[Run]) -> Check:
    """Compare errors in new rated sessions with those in held-out sessions of the study.

    Raises
    ------
    ValueError
        If a run cannot be scored.
    """
    pairs_of_session: dict[str, list[tuple[float, float]]] = {}
    for run in runs:
        pairs_of_session.setdefault(run.session, []).append(_rated_and_predicted(signature, run))
    means = np.array([np.mean(pairs, axis=0) for pairs in pairs_of_session.values()])
    sessions = list(pairs_of_session)
    table = pd.DataFrame({"session": sessions, "rated": means[:, 0], "predicted": means[:, 1]})
    table["error"] = (table["rated"] - table["predicted"]).abs()
    errors = signature.history.errors.get("session") if signature.history else None
    if errors is None:
        return Check(table.assign(p=np.nan), None)
    table["p"] = [p_of_error(float(error), errors) for error in table["error"]]
    study = np.concatenate(list(errors.by_group))
    test = stats.mannwhitneyu(table["error"], study, alternative="greater")
    return Check(table, float(test.pvalue), len(study))


def _rated_and_predicted(signature: Signature, run: Run) -> tuple[float, float]:
    """Mean rating and prediction of a run; of its events, if these were rated."""
    frames = pair_run(signature, run)
    if run.event is None:
        return float(frames.rating.mean()), predict_run(signature, run).run
    final_score = signature.score(0, frames.signals)  # the final model is the first
    return float(frames.rating.mean()), float(final_score.mean())


def recalibrate(signature: Signature, runs: Sequence[Run]) -> tuple[Signature, float, float]:
    """The signature with slope and offset fitted to new rated sessions, and these two numbers.

    Weighted least squares over the means of runs, with equal weight for each session. With one
    session the slope is 1. The pattern of weights is kept. The new signature has no held-out
    errors, since none are known for it; it keeps the metrics of the study, marked as those of the
    one before.

    Parameters
    ----------
    runs : sequence of Run
        Rated runs of sessions that were not used in training.

    Raises
    ------
    ValueError
        If predictions do not vary, or correlate negatively with the ratings.
    """
    rated, predicted = np.array([_rated_and_predicted(signature, run) for run in runs]).T
    sessions = [run.session for run in runs]
    weight = np.array([1 / sessions.count(session) for session in sessions])
    mean_rated, mean_predicted = (np.average(v, weights=weight) for v in (rated, predicted))
    slope = 1.0
    if len(set(sessions)) >= FEWEST_FOR_SLOPE:
        centred = predicted - mean_predicted
        variance = float(weight @ centred**2)
        if variance <= 0:
            raise ValueError("the predictions of the new sessions do not vary.")
        slope = float(weight @ (centred * (rated - mean_rated))) / variance
        if slope <= 0:
            raise ValueError(
                "in the new sessions, predictions correlate negatively with the ratings (slope "
                f"{slope:.2f}): the signature is not valid for them, and rescaling cannot correct "
                "this."
            )
    offset = float(mean_rated - slope * mean_predicted)
    models = tuple(
        replace(m, intercept=offset + slope * m.intercept, training_mean=m.training_mean)
        for m in signature.models
    )
    levels = signature.history.levels if signature.history else ()
    history = History({}, levels) if signature.history else None
    new = replace(
        signature,
        models=models,
        weights=slope * signature.weights,
        activity=None if signature.activity is None else slope * signature.activity,
        history=history,
        recalibrated=True,
    )
    return new, slope, offset
