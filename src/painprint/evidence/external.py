"""Agreement of external signatures with this person's ratings, on the same frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.arrays import Codes, Matrix, Vector
from painprint.bins import EVENT_SCALES, TIME_SCALES, primary_scale
from painprint.decode.metrics import ScaleMetrics, score_scale, split_scales
from painprint.decode.training import average_frames
from painprint.dense.points import load_points, rows_of_frames
from painprint.edges import matrix_to_edges, score_frames
from painprint.evidence.case import Case
from painprint.evidence.external_weights import ExternalWeights
from painprint.evidence.scores import metric_columns
from painprint.evidence.stage import FIXED_WEIGHTS, StageResult
from painprint.excluded import list_excluded
from painprint.progress import OnStep, count_steps
from painprint.runs import ExcludedRun, Frames, zscore

WITHIN_RUNS = (*TIME_SCALES, *EVENT_SCALES)
NO_LEVELS = "for the mean of a z-scored signal is 0 in every run"
"""Why a weighted sum of activity has no score at the scale of runs."""
FEWEST_GROUPS = 3
"""Fewest sessions (or held-out runs) that an external signature must be scored in."""
BLOCK = 2048
"""Number of grayordinates or voxels processed at a time."""


def score_external(case: Case, *, on_step: OnStep | None = None) -> StageResult:
    """Score every external signature on the same frames and bins, and with the same metrics.

    Nothing is trained. Without an intercept, scores are not in units of the rating, and skill and
    mae are undefined.

    Returns
    -------
    result : StageResult
        Table ``external``: agreement with the rating of each signature at every scale; at 1 and
        2 min only for weights of regions or points, because signals are z-scored within run.
        Numbers, by signature: its kind, the number of weights used, the number of regions without
        a weight, and centred r at 1 min with its interval.

    References
    ----------
    docs/methods.md
    """
    signatures = case.material.external
    if not signatures:
        return StageResult({}, {}, ("No external signature was given (--external).",))
    step = count_steps(on_step, len(signatures))
    rows: list[dict[str, Any]] = []
    numbers: dict[str, Any] = {}
    not_done: list[str] = []
    for weights in signatures:
        label = f"External signature {weights.name}"
        try:
            if weights.name in numbers:
                raise ValueError("another one has the same name.")
            scored = _score(case, weights)
            if not any(np.ptp(score) > 0 for score in scored.scores if score is not None):
                raise ValueError("its score does not vary in any run. Is it the right file?")
            metrics = _evaluate(case, weights, scored)
        except ValueError as error:
            not_done.append(f"{label} was not scored: {error}")
            continue
        finally:
            step()
        not_done += [f"{label}: not scored in {line}" for line in list_excluded(scored.left_out)]
        not_done += [f"{label}: {line}" for line in _uncovered(scored.counts)]
        if weights.kind != "edges":
            not_done.append(f"{label}: not scored by run and session, {NO_LEVELS}.")
        rows += [_row(weights, scale, scale_metrics) for scale, scale_metrics in metrics.items()]
        primary = metrics[primary_scale(metrics)]
        centred = [primary.centred_r, *primary.centred_r_ci]
        numbers[weights.name] = {"kind": weights.kind, **scored.counts, "centred_r": centred}
    tables = {"external": pd.DataFrame(rows)} if rows else {}
    return StageResult(tables, {"signatures": numbers}, tuple(not_done))


@dataclass(frozen=True, eq=False)
class _Scored:
    """Scores of the kept frames of each run; None for runs that were excluded."""

    scores: Sequence[Vector | None]
    counts: dict[str, int | None]
    left_out: tuple[ExcludedRun, ...] = ()


def _score(case: Case, weights: ExternalWeights) -> _Scored:
    """Score the frames of every run."""
    if weights.kind == "points":
        return _score_points(case, weights)
    names, frames = case.decoding.regions.names, case.decoding.frames
    values = _match(weights, names)
    has_weight = np.atleast_2d(values).any(axis=0)
    counts: dict[str, int | None] = {
        "n_matched": int((weights.values != 0).sum()),
        "n_regions_without_weight": len(names) - int(has_weight.sum()),
    }
    return _Scored([_score_regions(run, values, weights.intercept) for run in frames], counts)


def _uncovered(counts: Mapping[str, int | None]) -> list[str]:
    """Notes on weights of voxels or grayordinates without a signal."""
    sentences = []
    if n := counts.get("n_outside"):
        sentences.append(
            f"{n} voxels or grayordinates with a weight are outside the BOLD; their weights were "
            "not used."
        )
    if n := counts.get("n_without_signal"):
        sentences.append(
            f"up to {n} voxels or grayordinates with a weight have no signal in a run; their "
            "signal counts as 0."
        )
    return sentences


def _match(weights: ExternalWeights, names: tuple[str, ...]) -> Matrix:
    """Weights in the order of the data's regions: (n_regions,), or (n_regions, n_regions)."""
    position = {name: i for i, name in enumerate(names)}
    weighted = weights.values != 0
    has_edges = weights.kind == "edges"
    used = np.unique(weights.pairs[weighted]) if has_edges else np.flatnonzero(weighted)
    if missing := [weights.regions[i] for i in used if weights.regions[i] not in position]:
        raise ValueError(
            f"{len(missing)} of its {len(used)} regions are not among the {len(names)} that were "
            f"decoded (first: {', '.join(missing[:3])}). Use weights of the same atlas, decode "
            "with these regions, or set their weights to 0."
        )
    where = np.array([position.get(name, -1) for name in weights.regions], np.int64)
    if not has_edges:
        vector = np.zeros(len(names))
        vector[where[weighted]] = weights.values[weighted]
        return vector
    a, b = where[weights.pairs[weighted]].T
    W = np.zeros((len(names), len(names)))
    W[a, b] = W[b, a] = weights.values[weighted]
    return W


def _score_regions(run: Frames, values: Matrix, intercept: float | None) -> Vector:
    if values.ndim == 2:
        return score_frames(run.signals, matrix_to_edges(values), intercept or 0.0)
    return np.asarray(run.signals @ values + (intercept or 0.0))


def _score_points(case: Case, weights: ExternalWeights) -> _Scored:
    """Score dense BOLD, z-scored over the kept frames of a run, one run at a time."""
    dense = case.material.dense
    if dense is None or case.material.runs is None:
        raise ValueError("it needs dense BOLD and runs: Material(runs=..., dense=...).")
    if dense.n_points != len(weights.values):
        raise ValueError(
            f"it has {len(weights.values)} weights, but there are {dense.n_points} {dense.kind}."
        )
    frames = case.decoding.frames
    lags = case.decoding.training.run_table["lag_frames"].to_numpy(np.int64)
    position = {run_frames.key: i for i, run_frames in enumerate(frames)}
    scores: list[Vector | None] = [None] * len(frames)
    left_out: list[ExcludedRun] = []
    n_silent = 0
    for run in case.runs_again(left_out):
        i = position[run.key]
        try:
            data = load_points(dense, run.key)
            rows = rows_of_frames(len(data), run, frames[i].frame + lags[i])
        except ValueError as error:
            left_out.append(ExcludedRun(run.key, str(error)))
            continue
        score, silent = weigh_points(data, rows, weights.values)
        scores[i], n_silent = score + (weights.intercept or 0.0), max(n_silent, silent)
    counts = {
        "n_matched": int((weights.values != 0).sum()),
        "n_regions_without_weight": None,
        "n_outside": weights.n_outside,
        "n_without_signal": n_silent,
    }
    return _Scored(scores, counts, tuple(left_out))


def weigh_points(data: NDArray[np.floating], rows: Codes, values: Vector) -> tuple[Vector, int]:
    """Weighted sum of points z-scored over the rows; points without a signal count as 0.

    Parameters
    ----------
    data : array of shape (n_rows, n_points)
    rows : array of int, shape (n_kept,)
    values : ndarray of shape (n_points,)

    Returns
    -------
    score : ndarray of shape (n_kept,)
    n_without_signal : int
        Points with a weight that are constant or not finite.
    """
    score, silent = np.zeros(len(rows)), 0
    weighted = np.flatnonzero(values)
    for first in range(0, len(weighted), BLOCK):
        points = weighted[first : first + BLOCK]
        z, usable = zscore(data[np.ix_(rows, points)].astype(float))
        score += z[:, usable] @ values[points[usable]]
        silent += int((~usable).sum())
    return score, silent


def _evaluate(case: Case, weights: ExternalWeights, scored: _Scored) -> dict[str, ScaleMetrics]:
    """Agreement with the rating at every scale that is defined for the signature."""
    training, settings = case.decoding.training, case.settings
    kept = [i for i, score in enumerate(scored.scores) if score is not None]
    groups, codes = np.unique(training.group_index[kept], return_inverse=True)
    if len(groups) < FEWEST_GROUPS:
        some = "; ".join(list_excluded(scored.left_out)[:3])
        raise ValueError(
            f"{len(groups)} of {len(case.decoding.groups)} {settings.leave_out}s can be scored; at "
            f"least {FEWEST_GROUPS} are needed. {some}"
        )
    table = average_frames(
        [case.decoding.frames[i] for i in kept],
        [score for score in scored.scores if score is not None],
        codes,
        settings.rules,
    )
    means = np.array([training.folds[k].training_mean for k in groups])
    table["training_mean"] = means[table["group"]]
    rng = case.stream(f"external {weights.name}")
    return {
        scale: score_scale(rows, n_bootstraps=settings.n_bootstraps, rng=rng)
        for scale, rows in split_scales(table).items()
        if weights.kind == "edges" or scale in WITHIN_RUNS
    }


def _row(weights: ExternalWeights, scale: str, metrics: ScaleMetrics) -> dict[str, Any]:
    columns = metric_columns(metrics)
    if weights.intercept is None:
        columns |= {"skill": np.nan, "mae": np.nan}
    used = {name: columns[name] for name in (*FIXED_WEIGHTS, "auc", "skill", "mae")}
    return {"signature": weights.name, "scale": scale, **used}
