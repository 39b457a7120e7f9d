"""Decode one person: runs in, trained models, held-out predictions and metrics out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.bins import Bins, make_rating_bins, make_time_bins
from painprint.decode.crossval import Model, NestedFit, OnStep, nested_leave_one_out
from painprint.decode.gram import edge_weights, gram
from painprint.decode.metrics import (
    SCALES,
    MeanR,
    ScaleMetrics,
    mean_r,
    roc_table,
    score_scale,
    score_units,
)
from painprint.decode.prepare import LeftOutRun, prepare_runs
from painprint.edges import count_edges, score_frames
from painprint.parallel import map_ordered
from painprint.parcellation import Regions
from painprint.runs import Frames, Run
from painprint.settings import Settings


@dataclass(frozen=True, eq=False)
class FoldModel:
    """A trained model as it is used: weights of edges, and how it was chosen.

    Attributes
    ----------
    held_out : str
        Group the model has not seen; empty for the final model.
    lag_s : float
        Haemodynamic lag (s).
    weights : ndarray of shape (n_edges,)
        Region pairs i < j, row by row, in units of the rating.
    intercept : float
    training_mean : float
        Mean rating of the training rows: what a prediction has to beat.
    penalty : float
        λ.
    n_components : int
    inner_r : float
        Correlation that chose lag and λ; optimistic, never a result.
    """

    held_out: str
    lag_s: float
    weights: NDArray[np.float64]
    intercept: float
    training_mean: float
    penalty: float
    n_components: int
    inner_r: float
    path_penalty: NDArray[np.float64]
    path_r: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Decoding:
    """One person decoded.

    Attributes
    ----------
    settings : Settings
    regions : Regions
        Regions used, in the order of the weights.
    regions_left_out : dict
        Region name to the reason.
    groups : tuple of str
        What was left out in turn, in order.
    folds : tuple of FoldModel
        One per group.
    final : FoldModel
        Trained on everything; for new data.
    predictions : DataFrame
        Every held-out row at four scales.
    scales : dict of ScaleMetrics
        By scale: "1min", "2min", "run", "session".
    within_run, within_session : MeanR
    roc : DataFrame
        ROC curves at the four scales.
    session_table : DataFrame
        Agreement within each left-out group, over its 1-min bins.
    run_table : DataFrame
        One row per used run: where its frames went.
    runs_left_out : tuple of LeftOutRun
    """

    settings: Settings
    regions: Regions
    regions_left_out: dict[str, str]
    groups: tuple[str, ...]
    folds: tuple[FoldModel, ...]
    final: FoldModel
    predictions: pd.DataFrame
    scales: dict[str, ScaleMetrics]
    within_run: MeanR
    within_session: MeanR
    roc: pd.DataFrame
    session_table: pd.DataFrame
    run_table: pd.DataFrame
    runs_left_out: tuple[LeftOutRun, ...] = field(default=())


def decode_runs(
    runs: Iterable[Run],
    settings: Settings | None = None,
    *,
    regions: Regions | None = None,
    n_jobs: int = 1,
    on_step: OnStep | None = None,
) -> Decoding:
    """Train one person's model and test it on sessions it has not seen.

    Parameters
    ----------
    runs : iterable of Run
        Sessions in the order of time. Read one at a time, so a generator keeps memory low.
    settings : Settings, optional
    regions : Regions, optional
        Networks of the regions; needed to leave out a network.
    n_jobs : int
        Workers; results do not depend on it.
    on_step : callable, optional
        Told (done, of) after each fold.

    Returns
    -------
    Decoding

    Raises
    ------
    ValueError
        If fewer than 3 groups are usable, or no region is.

    References
    ----------
    METHODS 1 to 6; Lee et al. (2026)

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> runs = [
    ...     Run(rng.normal(size=(300, 5)), rng.normal(size=300), tr_s=1.0, session=str(s))
    ...     for s in range(4)
    ... ]
    >>> decode_runs(runs, Settings(n_bootstraps=100)).scales["1min"].n
    16
    """
    settings = settings or Settings()
    prepared = prepare_runs(runs, settings, regions=regions)
    codes, groups = prepared.groups(settings.leave_out)
    n_lags, n_runs = len(settings.lag_s), len(prepared.runs)

    def step_of_lag(index: int) -> OnStep | None:
        if on_step is None:
            return None
        return lambda done, of: on_step(index * of + done, n_lags * of)

    views = [
        _fit_at_lag([lags[i] for lags in prepared.runs], codes, settings, n_jobs, step_of_lag(i))
        for i in range(n_lags)
    ]
    chosen = [_best_lag([view.fit.folds[k].inner_r for view in views]) for k in range(len(groups))]
    chosen_final = _best_lag([view.fit.final.inner_r for view in views])
    folds: dict[int, FoldModel] = {}
    for i, view in enumerate(views):
        members = [k for k in range(len(groups)) if chosen[k] == i]
        models = [view.fit.folds[k] for k in members]
        labels = [groups[k] for k in members]
        if i == chosen_final:
            models, labels, members = [*models, view.fit.final], [*labels, ""], [*members, -1]
        made = _with_weights(view, models, labels, settings.lag_s[i], n_jobs)
        folds.update(zip(members, made, strict=True))
    final = folds.pop(-1)
    ordered = tuple(folds[k] for k in range(len(groups)))

    of_run = [lags[chosen[codes[r]]] for r, lags in enumerate(prepared.runs)]
    predictions = _predict(of_run, codes, ordered, settings, n_jobs)
    scored = {
        scale: score_scale(
            predictions[predictions["scale"] == scale],
            n_bootstraps=settings.n_bootstraps,
            rng=np.random.default_rng([settings.random_seed, i]),
        )
        for i, scale in enumerate(SCALES)
    }
    minutes = predictions[predictions["scale"] == "1min"]
    per_run, per_group = (score_units(minutes, unit) for unit in ("run_code", "group"))
    within_run, within_session = (
        mean_r(
            units,
            n_bootstraps=settings.n_bootstraps,
            rng=np.random.default_rng([settings.random_seed, len(SCALES) + i]),
        )
        for i, units in enumerate((per_run, per_group))
    )
    per_group.insert(0, "session", [groups[k] for k in per_group["group"]])
    bins = [views[chosen[codes[r]]].bins for r in range(n_runs)]
    return Decoding(
        settings=settings,
        regions=prepared.regions,
        regions_left_out=prepared.regions_left_out,
        groups=groups,
        folds=ordered,
        final=final,
        predictions=predictions,
        scales=scored,
        within_run=within_run,
        within_session=within_session,
        roc=roc_table(predictions),
        session_table=per_group.drop(columns="group"),
        run_table=_run_table(of_run, codes, groups, bins, settings, chosen),
        runs_left_out=prepared.runs_left_out,
    )


@dataclass(frozen=True, eq=False)
class _View:
    """Frames, training bins and the nested fit at one lag."""

    frames: list[Frames]
    bins: Bins
    codes: NDArray[np.int64]
    fit: NestedFit


def _fit_at_lag(
    frames: list[Frames],
    codes: NDArray[np.int64],
    settings: Settings,
    n_jobs: int,
    on_step: OnStep | None,
) -> _View:
    bins = make_rating_bins(frames, settings.rules, min_stretch_frames=settings.min_stretch_frames)
    row_codes = codes[bins.run]
    fit = nested_leave_one_out(
        gram(frames, bins, row_codes, n_jobs=n_jobs),
        bins.rating,
        row_codes,
        n_edges=count_edges(len(frames[0].regions)),
        grid=settings.rules.lambda_grid,
        keep=settings.rules.components,
        n_jobs=n_jobs,
        on_step=on_step,
    )
    return _View(frames, bins, row_codes, fit)


def _best_lag(inner_r: Sequence[float]) -> int:
    """The first of the lags with the largest inner correlation."""
    return int(np.argmax(inner_r))


def _with_weights(
    view: _View, models: list[Model], labels: list[str], lag_s: float, n_jobs: int
) -> list[FoldModel]:
    if not models:
        return []
    dual = np.array([model.dual for model in models])
    weights = edge_weights(view.frames, view.bins, view.codes, dual, n_jobs=n_jobs)
    weights.flags.writeable = False
    return [
        FoldModel(
            held_out=label,
            lag_s=lag_s,
            weights=w,
            intercept=model.intercept,
            training_mean=model.y_mean,
            penalty=model.penalty,
            n_components=model.n_components,
            inner_r=model.inner_r,
            path_penalty=model.path_penalty,
            path_r=model.path_r,
        )
        for model, label, w in zip(models, labels, weights, strict=True)
    ]


def _predict(
    of_run: Sequence[Frames],
    codes: NDArray[np.int64],
    folds: Sequence[FoldModel],
    settings: Settings,
    n_jobs: int,
) -> pd.DataFrame:
    """Every run by the fold that has not seen it, averaged at four scales."""
    scores = list(
        map_ordered(
            score_frames,
            (
                (one.signals, folds[codes[r]].weights, folds[codes[r]].intercept)
                for r, one in enumerate(of_run)
            ),
            n_jobs=n_jobs,
        )
    )
    minutes, two_minutes = (
        _score_bins(of_run, make_time_bins(of_run, settings.rules, scale), scores, scale)
        for scale in ("1min", "2min")
    )
    whole = pd.DataFrame(
        [_row(one, np.arange(len(one)), scores[r], "run", r) for r, one in enumerate(of_run)]
    )
    session = whole.assign(group=codes[whole["run_code"]]).groupby("group", sort=True)
    sessions = session.agg(
        session=("session", "first"),
        duration=("duration", "sum"),
        n_frames=("n_frames", "sum"),
        rating=("rating", "mean"),
        predicted=("predicted", "mean"),
        run_code=("run_code", "first"),
    ).assign(scale="session")
    table = pd.concat([minutes, two_minutes, whole, sessions], ignore_index=True)
    table["group"] = codes[table["run_code"]]
    table["training_mean"] = [folds[k].training_mean for k in table["group"]]
    first = ["session", "run", "scale", "bin", "onset", "duration", "n_frames"]
    return table[
        [*first, "rating", "predicted", "training_mean", "task", "group", "run_code"]
    ].astype({"bin": "Int64"})


def _score_bins(
    of_run: Sequence[Frames], bins: Bins, scores: Sequence[NDArray[np.float64]], scale: str
) -> pd.DataFrame:
    return pd.DataFrame(
        [
            _row(of_run[r], members, scores[r], scale, int(r), int(number))
            for r, members, number in zip(bins.run, bins.frames, bins.number, strict=True)
        ]
    )


def _row(
    one: Frames,
    members: NDArray[np.int64],
    score: NDArray[np.float64],
    scale: str,
    run_code: int,
    number: int | None = None,
) -> dict[str, Any]:
    first, last = int(one.frame[members[0]]), int(one.frame[members[-1]])
    return {
        "session": one.key.session,
        "task": one.key.task,
        "run": one.key.run,
        "scale": scale,
        "bin": number,
        "onset": one.start_s + first * one.tr_s,
        "duration": (last + 1 - first) * one.tr_s,
        "n_frames": len(members),
        "rating": one.rating[members].mean(),
        "predicted": score[members].mean(),
        "run_code": run_code,
    }


def _run_table(
    of_run: Sequence[Frames],
    codes: NDArray[np.int64],
    groups: Sequence[str],
    bins: Sequence[Bins],
    settings: Settings,
    chosen: Sequence[int],
) -> pd.DataFrame:
    """One row per used run: every frame under one heading."""
    rows = []
    for r, one in enumerate(of_run):
        n_short = int(bins[r].n_frames_left_out[r])
        n_rows = int((bins[r].run == r).sum())
        rows.append(
            {
                "session": one.key.session,
                "task": one.key.task,
                "run": one.key.run,
                "group": groups[codes[r]],
                "tr_s": one.tr_s,
                "lag_s": settings.lag_s[chosen[codes[r]]],
                **one.counts,
                "n_in_rating_bins": len(one) - n_short,
                "n_in_short_stretches": n_short,
                "n_rating_bins": n_rows,
                "n_rating_bins_lost": int(bins[r].n_bins_asked[r]) - n_rows,
            }
        )
    return pd.DataFrame(rows)
