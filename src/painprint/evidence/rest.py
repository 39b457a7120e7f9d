"""Prediction of the level of pain from resting runs, in which nothing is rated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from painprint.arrays import Vector
from painprint.decode.errors import NotEnoughData
from painprint.decode.training import EVERYTHING
from painprint.evidence.case import Case
from painprint.evidence.permuted_ratings import run_positions
from painprint.evidence.stage import StageResult
from painprint.parallel import one_blas_thread
from painprint.progress import OnStep, count_steps
from painprint.runs import ExcludedRun, Run
from painprint.signature.model import Signature, make_signature
from painprint.signature.predict import predict_run
from painprint.stats.bootstrap import FISHER_Z, block_draw, bootstrap_columns, interval, t_inflated
from painprint.stats.correlation import correlation

UNSEEN, ALL = "unseen", "all sessions"
"""Models: that of the outer fold without the session; that of all sessions, as published."""
FEWEST_SESSIONS = 4


def rest_tests(case: Case, *, on_step: OnStep | None = None) -> StageResult:
    """Compare the prediction from each session's resting run with the rating of its first run.

    The model is that of the session's outer fold, trained on neither of the two; and for
    comparison, as published, that of all sessions, which was trained on that very rating.

    Returns
    -------
    result : StageResult
        Table ``rest``: one row per session and model. Numbers: per model ``n``, ``r`` with
        interval, and ``above_mean``: r of the prediction minus the mean rating of the model's
        training rows, with interval. The training mean of a fold varies inversely with the
        held-out rating, so the plain r of unseen sessions is biased downwards; ``above_mean``
        removes this bias. Where ratings and BOLD both drift, neighbouring sessions are similar in
        both, and r is biased upwards; so there is no p.

    Raises
    ------
    NotEnoughData
        Where runs were held out, no resting run is known, or few sessions have one.

    References
    ----------
    docs/methods.md; Lee et al. (2026)
    """
    if case.settings.leave_out != "session":
        raise NotEnoughData(
            "runs were held out, so every model was trained on other runs of the session."
        )
    if case.material.rest is None:
        raise NotEnoughData(
            "no resting runs were found (--rest-task names their task; from Python: "
            "Material(rest=...))."
        )
    signature = make_signature(case.decoding, simulated=False, metrics={})
    with one_blas_thread():  # the products are small
        table, not_done = score_rest(case, signature, on_step=on_step)
    n_sessions = table["session"].nunique()
    if n_sessions < FEWEST_SESSIONS:
        reasons = f" {' '.join(not_done)}" if not_done else ""
        raise NotEnoughData(
            f"{n_sessions} sessions have a usable resting run and a rated first run; at least "
            f"{FEWEST_SESSIONS} are needed.{reasons}"
        )
    numbers = {
        model: _agree(case, table[table["model"] == model], model) for model in (UNSEEN, ALL)
    }
    return StageResult({"rest": table}, numbers, tuple(not_done))


def score_rest(
    case: Case, signature: Signature, *, on_step: OnStep | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Mean prediction of every session's resting runs, and the rating of its first run."""
    load = case.material.rest
    assert load is not None  # checked before
    first = first_ratings(case)
    rows, not_done = [], []
    step = count_steps(on_step, len(case.decoding.groups))
    for run in load():
        try:
            if isinstance(run, ExcludedRun):
                raise ValueError(f"{run.key}: {run.reason}")
            if run.session not in first:
                raise ValueError(f"{run.key}: the session's first rated run was not used.")
            scored, warnings = _score(run, signature, case.settings.min_run_s)
            rows += scored
            not_done += [f"{run.key}: {warning}" for warning in warnings]
        except ValueError as error:
            not_done.append(str(error))
        step()
    columns = ["session", "model", "n_frames", "predicted", "training_mean"]
    table = pd.DataFrame(rows, columns=columns)
    table = table.groupby(["model", "session"], as_index=False, sort=False).agg(
        n_runs=("predicted", "size"),
        n_frames=("n_frames", "sum"),
        predicted=("predicted", "mean"),
        training_mean=("training_mean", "first"),
    )
    position = {name: i for i, name in enumerate(case.decoding.groups)}
    table = table.sort_values("session", key=lambda names: names.map(position), kind="stable")
    table = table.sort_values("model", ascending=False, kind="stable", ignore_index=True)
    return table.assign(rating_first_run=[first[s] for s in table["session"]]), not_done


def _score(
    run: Run, signature: Signature, min_run_s: float
) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Mean prediction by both models, and warnings about the run."""
    rows: list[dict[str, Any]] = []
    warnings: tuple[str, ...] = ()
    for model, held_out in ((UNSEEN, run.session), (ALL, EVERYTHING)):
        prediction = predict_run(signature, run, held_out=held_out)
        kept_s = prediction.counts["n_kept"] * run.tr_s
        if kept_s < min_run_s:
            raise ValueError(
                f"{run.key}: {kept_s:.0f} s are usable; at least {min_run_s:g} are needed "
                "(--min-run)."
            )
        rows.append(
            {
                "session": run.session,
                "model": model,
                "n_frames": prediction.counts["n_kept"],
                "predicted": prediction.run,
                "training_mean": signature.models[signature.find_model(held_out)].training_mean,
            }
        )
        warnings = prediction.warnings
    return rows, warnings


def first_ratings(case: Case) -> dict[str, float]:
    """Mean rating of each session's first run, over its kept frames."""
    frames = case.decoding.frames
    position = run_positions([run.key for run in frames])
    return {
        run.key.session: float(run.rating.mean())
        for run, number in zip(frames, position, strict=True)
        if number == 0
    }


def _agree(case: Case, rows: pd.DataFrame, model: str) -> dict[str, Any]:
    """r over sessions, of the prediction and of the prediction minus the training mean."""
    rng = case.stream(f"rest {model}")
    y, predicted, mean = (
        rows[name].to_numpy(float) for name in ("rating_first_run", "predicted", "training_mean")
    )
    return {
        "n": len(rows),
        "plain": _with_interval(case, y, predicted, rng),
        "above_mean": _with_interval(case, y, predicted - mean, rng),
    }


def _with_interval(
    case: Case, y: Vector, x: Vector, rng: np.random.Generator
) -> dict[str, float | None]:
    r = correlation(y, x)
    if r is None:
        return {"r": None, "low": None, "high": None}
    draw = block_draw(np.arange(len(y)))
    drawn = bootstrap_columns(y, x[:, None], draw, case.settings.n_bootstraps, rng)[:, 0]
    ends = interval(t_inflated(drawn[np.isfinite(drawn)], r, len(y), FISHER_Z), null=0)
    return {"r": r, "low": ends.low, "high": ends.high}
