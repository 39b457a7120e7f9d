"""Prospective tests: models trained on past sessions alone, tested on later ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from painprint.arrays import Vector
from painprint.decode.bin_gram import BinGram
from painprint.decode.decoders import make_decoder
from painprint.decode.errors import NotEnoughData
from painprint.decode.metrics import Rows, area_under_curve, calibration_line
from painprint.decode.model import best_lag
from painprint.decode.refit import HeldOut, refit
from painprint.evidence.case import Case
from painprint.evidence.scores import ENDS, WITH_ENDS, score_rows, with_ends
from painprint.evidence.stage import SCORES, StageResult
from painprint.parallel import map_ordered
from painprint.progress import OnStep, count_steps
from painprint.settings import Rules
from painprint.stats.correlation import correlation
from painprint.wording import FEW_GROUPS

FEWEST_PAST = 3
"""Fewest sessions that a model of the past is trained on."""
TEST_SHARE = 1 / 3
"""Share of the sessions, the last ones, on which models of the past are compared."""


def size_of_test_set(n_groups: int) -> int:
    """Number of last sessions that test every model of sessions before them.

    A third of all, and at least 8, with which there are intervals; but 3 are left to train.

    Examples
    --------
    >>> [size_of_test_set(n) for n in (4, 8, 12, 28, 60)]
    [1, 5, 8, 10, 20]
    """
    return min(max(math.ceil(n_groups * TEST_SHARE), FEW_GROUPS), n_groups - FEWEST_PAST)


LINE = ("slope", "intercept")
CALIBRATION = {
    "n_past": "number of training sessions, which are the first ones",
    "n_test": "number of last sessions, on which none of these models was trained: the same in "
    "every row",
    "n_bins": "{bins} of these sessions; the other columns are computed over them",
    **{name: text for name, text in SCORES.items() if name != "n"},
    "slope": "of the line from prediction to rating; 1 where calibrated",
    "slope_low": "lower end of its session-block interval, likewise",
    "slope_high": "upper end",
    "intercept": "of that line; 0 where calibrated",
    "intercept_low": "lower end of its session-block interval, likewise",
    "intercept_high": "upper end",
    "mae": "mean absolute error",
    "mae_of_training_mean": "the same when always predicting the mean of the training rows; "
    "this mean, the reference of skill, differs between rows of the table",
    "bias": "mean of prediction minus rating",
}
"""Columns of the table of that name."""


def prospective_tests(case: Case, *, on_step: OnStep | None = None) -> StageResult:
    """The first sessions alone, and models of the past tested on the future.

    Returns
    -------
    result : StageResult
        Table ``prospective``: each session predicted by the models of each number of past
        sessions. Table ``calibration``: per number of past sessions, agreement, error and
        calibration on one test set, the last sessions (:func:`size_of_test_set`), for every
        number of past sessions that lies wholly before it. Numbers: agreement of the first
        sessions by nested leave-one-out, as published; of all later ones by the model of the
        first; and of every session by the model of all before it.

    References
    ----------
    docs/methods.md
    """
    bin_grams, unit = case.bin_grams, case.settings.leave_out
    n_groups, n_first = bin_grams[0].n_groups, case.settings.first_sessions
    not_done = []
    if n_groups <= FEWEST_PAST:
        reason = (
            f"No model of past {unit}s: {FEWEST_PAST} {unit}s for training and one for testing "
            f"are needed, but there are {n_groups}."
        )
        return StageResult({}, {}, (reason,))
    step = count_steps(on_step, n_groups - FEWEST_PAST + 1)
    numbers: dict[str, Any] = {"first": None, "later": None}
    if n_first < n_groups:
        try:
            numbers["first"] = first_sessions(case, n_first)
        except NotEnoughData as error:
            not_done.append(f"No analysis of the first {n_first} {unit}s alone: {error}")
    else:
        not_done.append(
            f"No separate analysis of the first {n_first} {unit}s (--first-sessions): there are "
            f"only {n_groups}."
        )
    step()
    jobs = ((bin_grams, case.settings.rules, n) for n in range(FEWEST_PAST, n_groups))
    futures: dict[int, HeldOut] = {}
    for n, future in zip(
        range(FEWEST_PAST, n_groups),
        map_ordered(_try_future, jobs, n_jobs=case.n_jobs, large=True),
        strict=True,
    ):
        if isinstance(future, HeldOut):
            futures[n] = future
        else:
            not_done.append(f"No model of the first {n} {unit}s: {future}")
        step()
    if not futures:
        return StageResult({}, {}, tuple(not_done))
    numbers["next"] = _agreement(case, _join([(f, n, n + 1) for n, f in futures.items()]))
    if n_first in futures:
        numbers["later"] = _agreement(case, _join([(futures[n_first], n_first, n_groups)]))
    days = case.group_values("days") if "days" in case.sessions else np.full(n_groups, np.nan)
    if "days" in case.sessions and np.isnan(days).any():
        not_done.append(
            f"The number of days ahead is missing for some {unit}s, because the days of their "
            "sessions are unknown; the order in time is then that of the session labels."
        )
    per_session = _per_session(bin_grams[0], futures, case.decoding.groups, days)
    tables = {"prospective": per_session, "calibration": _calibration(case, futures)}
    numbers |= {"n_first": n_first, "error_ahead": error_ahead(per_session)}
    return StageResult(tables, numbers, tuple(not_done))


def error_ahead(per_session: pd.DataFrame) -> dict[str, float] | None:
    """Mean absolute error for the next session and for distant ones, of the same models.

    Distant sessions are at least half as many sessions ahead as the most distant one. Models that
    predict no distant session are excluded, since they are trained on more data. None where there
    are no distant sessions.
    """
    far_ahead = math.ceil(per_session["sessions_ahead"].max() / 2)
    if far_ahead < 2:
        return None
    reaching = per_session.groupby("n_past")["sessions_ahead"].transform("max") >= far_ahead
    near = per_session[reaching & (per_session["sessions_ahead"] == 1)]
    far = per_session[reaching & (per_session["sessions_ahead"] >= far_ahead)]
    return {
        "far_ahead": far_ahead,
        "near": near["mae"].mean(),
        "far": far["mae"].mean(),
        "near_mean": near["mae_of_training_mean"].mean(),
        "far_mean": far["mae_of_training_mean"].mean(),
    }


def first_sessions(case: Case, n_first: int) -> dict[str, dict[str, Any]]:
    """Nested leave-one-out within the first sessions, as published: scores by scale."""
    kept = [bin_gram.select_groups(range(n_first)) for bin_gram in case.bin_grams]
    return _agreement(case, refit(kept, case.settings.rules, n_jobs=case.n_jobs).rows())


def _agreement(case: Case, by_scale: Mapping[str, Rows]) -> dict[str, dict[str, Any]]:
    """Scores by scale, with intervals of centred r and skill; None where undefined."""
    agreement = {}
    for scale, rows in by_scale.items():
        n_bootstraps, rng = case.settings.n_bootstraps, case.stream("prospective")
        scores = score_rows(rows, n_bootstraps=n_bootstraps, rng=rng)
        defined = {name: v if np.isfinite(v) else None for name, v in scores.items()}
        agreement[scale] = {
            "n_groups": int(rows.group.max()) + 1,
            **{name: defined[name] for name in ("n", "r", *WITH_ENDS)},
            **{f"{name}_ci": [defined[f"{name}_{end}"] for end in ENDS] for name in WITH_ENDS},
            "auc": area_under_curve(rows.rating, rows.predicted),
            "mae": float(np.abs(rows.rating - rows.predicted).mean()),
        }
    return agreement


def _try_future(bin_grams: Sequence[BinGram], rules: Rules, n_past: int) -> HeldOut | str:
    """Predictions of later sessions, or why they are not possible."""
    try:
        return predict_future(bin_grams, rules, n_past)
    except NotEnoughData as error:
        return str(error)


def predict_future(bin_grams: Sequence[BinGram], rules: Rules, n_past: int) -> HeldOut:
    """Predictions of all later groups by a model of the first; rows of the past are NaN.

    The penalty (and the lag) is selected by leaving out each past group in turn.
    """
    models = [
        make_decoder(rules, bin_gram.n_edges).fit(
            bin_gram.samples().take(np.flatnonzero(bin_gram.groups("train") < n_past))
        )
        for bin_gram in bin_grams
    ]
    lag = best_lag([model.choice.inner_score for model in models])
    bin_gram, model = bin_grams[lag], models[lag]
    past = np.flatnonzero(bin_gram.groups("train") < n_past)
    groups = bin_gram.scales.groups
    rating = {kind: bin_gram.y(kind) for kind in bin_gram.tested}
    predicted = {
        kind: bin_gram.predict(kind, model, rows=np.arange(len(y)), train=past)
        for kind, y in rating.items()
    }
    rating, predicted = (
        {s: np.where(groups[s] >= n_past, v, np.nan) for s, v in averages.items()}
        for averages in map(bin_gram.scales.average, (rating, predicted))
    )
    return HeldOut(rating, predicted, np.full(bin_gram.n_groups, model.y_mean), groups)


def _join(parts: Sequence[tuple[HeldOut, int, int]]) -> dict[str, Rows]:
    """Rows of consecutive groups of several models, by scale; groups are numbered from 0.

    Parameters
    ----------
    parts : sequence of (HeldOut, int, int)
        Predictions of a model, the first group that is taken, and the one after the last.
    """
    start, joined = min(first for _, first, _ in parts), {}
    for scale in parts[0][0].groups:
        columns = []
        for held_out, first, stop in parts:
            rows = held_out.rows()[scale]
            at = (rows.group >= first) & (rows.group < stop)
            values = (rows.rating, rows.predicted, rows.training_mean, rows.group - start)
            columns.append([value[at] for value in values])
        joined[scale] = Rows(*(np.concatenate(of_all) for of_all in zip(*columns, strict=True)))
    return joined


def _per_session(
    bin_gram: BinGram, futures: dict[int, HeldOut], names: Sequence[str], days: Vector
) -> pd.DataFrame:
    rows, primary = [], bin_gram.scales.primary
    for n_past, future in futures.items():
        for k in range(n_past, bin_gram.n_groups):
            minutes = _join([(future, k, k + 1)])[primary]
            y, predicted = minutes.rating, minutes.predicted
            rows.append(
                {
                    "n_past": n_past,
                    "session": names[k],
                    "sessions_ahead": k - n_past + 1,
                    "days_ahead": days[k] - days[n_past - 1],
                    "n_bins": len(y),
                    "r": correlation(y, predicted),
                    "mae": np.abs(y - predicted).mean(),
                    "mae_of_training_mean": np.abs(y - minutes.training_mean).mean(),
                    "mean_rating": y.mean(),
                    "mean_predicted": predicted.mean(),
                }
            )
    return pd.DataFrame(rows).astype({"r": float})


def _calibration(case: Case, futures: dict[int, HeldOut]) -> pd.DataFrame:
    """Agreement, error, and the line of rating on prediction, of the last groups.

    One row per number of past groups that lies wholly before the test set. All rows predict the
    same bins, and share their resamples.
    """
    bin_gram = case.bin_grams[0]
    table, primary = [], bin_gram.scales.primary
    n_test = size_of_test_set(bin_gram.n_groups)
    first = bin_gram.n_groups - n_test
    for n_past in (n for n in futures if n <= first):
        rows = _join([(futures[n_past], first, bin_gram.n_groups)])[primary]
        line = calibration_line(rows.predicted, rows.rating) or (np.nan, np.nan)
        agreement, error = rows.agreement(), rows.predicted - rows.rating
        estimates = {n: agreement[n] for n in WITH_ENDS} | dict(zip(LINE, line, strict=True))
        table.append(
            {
                "n_past": n_past,
                "n_test": n_test,
                "n_bins": len(error),
                "r": agreement["r"],
                **with_ends(
                    rows,
                    estimates,
                    n_bootstraps=case.settings.n_bootstraps,
                    rng=case.stream("prospective"),
                ),
                "mae": np.abs(error).mean(),
                "mae_of_training_mean": np.abs(rows.rating - rows.training_mean).mean(),
                "bias": error.mean(),
            }
        )
    return pd.DataFrame(table, columns=list(CALIBRATION))
