"""Train on all groups but one, for each: bins, Gram matrix, nested folds, weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.bins import Bins, make_time_bins
from painprint.decode.bin_gram import cut_bins, features_of, inner_products
from painprint.decode.decoders import make_decoder
from painprint.decode.gram import activity_weights, edge_weights
from painprint.decode.model import Choice, Model, NestedFit, best_lag
from painprint.decode.prepare import Prepared
from painprint.decode.samples import Samples
from painprint.edges import count_edges, score_frames
from painprint.parallel import map_ordered
from painprint.progress import OnStep, step_of_part
from painprint.runs import Frames, count_frames
from painprint.settings import Rules, Settings

EVERYTHING = ""
"""The held-out group of a model that was trained on all."""


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
        Region pairs i < j, row by row, in units of the rating; 0 where edges are not decoded.
    training_mean : float
        Mean rating of the training rows: what a prediction has to beat.
    choice : Choice
        How lag and λ were chosen.
    activity : ndarray of shape (n_regions,), or None
        Weights of the regions' mean signals, where activity is decoded.
    """

    held_out: str
    lag_s: float
    weights: NDArray[np.float64]
    intercept: float
    training_mean: float
    choice: Choice
    activity: NDArray[np.float64] | None = None

    def score(self, signals: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predicted rating of each frame; see :func:`~painprint.edges.score_frames`."""
        return score_frames(signals, self.weights, self.intercept, self.activity)


@dataclass(frozen=True, eq=False)
class Training:
    """Models that have each not seen one group.

    Attributes
    ----------
    groups : tuple of str
        What was left out in turn, in order.
    group_index : ndarray of int, shape (n_runs,)
        Group of each run.
    folds : tuple of FoldModel
        One per group.
    final : FoldModel
        Trained on everything.
    lag_of_run : ndarray of int, shape (n_runs,)
        Which of the lags the fold of each run chose.
    run_table : DataFrame
        One row per run: where its frames went.
    """

    groups: tuple[str, ...]
    group_index: NDArray[np.int64]
    folds: tuple[FoldModel, ...]
    final: FoldModel
    lag_of_run: NDArray[np.int64]
    run_table: pd.DataFrame

    def frames(self, prepared: Prepared) -> list[Frames]:
        """Each run at the lag that its fold chose."""
        return [lags[i] for lags, i in zip(prepared.runs, self.lag_of_run, strict=True)]


def train(
    prepared: Prepared, settings: Settings, *, n_jobs: int = 1, on_step: OnStep | None = None
) -> Training:
    """Nested leave-one-group-out at every lag; each fold takes its best lag.

    Parameters
    ----------
    n_jobs : int
        Workers; results do not depend on it.
    on_step : callable, optional
        Told (done, of) after each fold.

    Raises
    ------
    ValueError
        If fewer than 3 groups are usable.

    References
    ----------
    docs/methods.md
    """
    group_index, groups = prepared.groups(settings.leave_out)
    n_lags = len(settings.lag_s)

    views = [
        _fit_at_lag(
            [lags[i] for lags in prepared.runs],
            [lags[0] for lags in prepared.runs],
            group_index,
            settings,
            n_jobs,
            step_of_part(on_step, i, n_lags),
        )
        for i in range(n_lags)
    ]
    chosen = [
        best_lag([view.fit.folds[k].choice.inner_score for view in views])
        for k in range(len(groups))
    ]
    lag_of_final = best_lag([view.fit.final.choice.inner_score for view in views])
    models: dict[str, FoldModel] = {}
    for i, view in enumerate(views):
        wanted = {groups[k]: view.fit.folds[k] for k in range(len(groups)) if chosen[k] == i}
        if i == lag_of_final:
            wanted[EVERYTHING] = view.fit.final
        models |= _with_weights(view, wanted, settings.lag_s[i], n_jobs)
    lag_of_run = np.array([chosen[code] for code in group_index])
    frames = [lags[i] for lags, i in zip(prepared.runs, lag_of_run, strict=True)]
    bins = [views[chosen[code]].bins for code in group_index]
    return Training(
        groups=groups,
        group_index=group_index,
        folds=tuple(models[group] for group in groups),
        final=models[EVERYTHING],
        lag_of_run=lag_of_run,
        run_table=_run_table(frames, bins).assign(
            group=[groups[code] for code in group_index],
            lag_s=[settings.lag_s[chosen[code]] for code in group_index],
            lag_frames=[
                count_frames(settings.lag_s[chosen[code]], one.tr_s, up=False)
                for code, one in zip(group_index, frames, strict=True)
            ],
        ),
    )


@dataclass(frozen=True, eq=False)
class _View:
    """Frames, training bins and the nested fit at one lag."""

    frames: list[Frames]
    bins: Bins
    group_index: NDArray[np.int64]
    features: tuple[str, ...]
    fit: NestedFit


def _fit_at_lag(
    frames: list[Frames],
    like: list[Frames],
    group_index: NDArray[np.int64],
    settings: Settings,
    n_jobs: int,
    on_step: OnStep | None,
) -> _View:
    bins, minute = cut_bins(frames, settings, like=like)
    samples = Samples(
        inner_products(frames, bins["train"], group_index, features_of(settings), n_jobs=n_jobs),
        bins["train"].rating,
        group_index[bins["train"].run],
        unit=minute,
        n_frames=np.array([len(f) for f in bins["train"].frames], dtype=float),
    )
    decoder = make_decoder(settings.rules, count_edges(len(frames[0].regions)))
    fit = decoder.nested(samples, n_jobs=n_jobs, on_step=on_step)
    return _View(frames, bins["train"], samples.groups, features_of(settings), fit)


def _with_weights(
    view: _View, models: dict[str, Model], lag_s: float, n_jobs: int
) -> dict[str, FoldModel]:
    """Edge weights of the models at one lag, by the group they have not seen."""
    if not models:
        return {}
    frames, bins, n_regions = view.frames, view.bins, len(view.frames[0].regions)

    def dual_of(feature: str) -> NDArray[np.float64]:
        return np.array([model.dual * model.scale[feature] for model in models.values()])

    weights = np.zeros((len(models), count_edges(n_regions)))
    if "edges" in view.features:
        weights = edge_weights(frames, bins, view.group_index, dual_of("edges"), n_jobs=n_jobs)
    weights.flags.writeable = False
    activity: list[NDArray[np.float64] | None] = [None] * len(models)
    if "activity" in view.features:
        activity = list(activity_weights(frames, bins, dual_of("activity")))
    return {
        group: FoldModel(
            held_out=group,
            lag_s=lag_s,
            weights=w,
            intercept=model.intercept,
            training_mean=model.y_mean,
            choice=model.choice,
            activity=v,
        )
        for (group, model), w, v in zip(models.items(), weights, activity, strict=True)
    }


def predict_held_out(
    prepared: Prepared, training: Training, settings: Settings, *, n_jobs: int = 1
) -> pd.DataFrame:
    """Every run by the fold that has not seen it, averaged at four scales.

    Returns
    -------
    predictions : DataFrame
        One row per time bin, run and session; see the columns of predictions.tsv. Beside
        them ``group`` and ``run_code``, numbers of the group and the run.

    References
    ----------
    docs/methods.md
    """
    frames, group_index, folds = training.frames(prepared), training.group_index, training.folds
    scores = list(
        map_ordered(
            FoldModel.score,
            ((folds[k], one.signals) for one, k in zip(frames, group_index, strict=True)),
            n_jobs=n_jobs,
            large=True,
        )
    )
    table = average_frames(frames, scores, group_index, settings.rules)
    table["training_mean"] = [folds[k].training_mean for k in table["group"]]
    return table


def average_frames(
    frames: Sequence[Frames],
    scores: Sequence[NDArray[np.float64]],
    group_index: NDArray[np.int64],
    rules: Rules,
) -> pd.DataFrame:
    """Rating and score of frames, averaged in time bins, runs, and groups (means of runs).

    Parameters
    ----------
    frames : sequence of Frames
        One per run.
    scores : sequence of arrays of shape (n_kept,)
        One per run.
    group_index : ndarray of int, shape (n_runs,)
        Group of each run.

    Returns
    -------
    table : DataFrame
        As of :func:`predict_held_out`, without ``training_mean``; the score is ``predicted``.
    """
    minutes, two_minutes = (
        _score_bins(frames, make_time_bins(frames, rules, scale), scores, scale)
        for scale in ("1min", "2min")
    )
    whole = pd.DataFrame(
        [_row(one, np.arange(len(one)), scores[r], "run", r) for r, one in enumerate(frames)]
    )
    table = pd.concat([minutes, two_minutes, whole, _means(whole, group_index)], ignore_index=True)
    table["group"] = group_index[table["run_code"]]
    return table.astype({"bin": "Int64"})


def _means(whole: pd.DataFrame, group_index: NDArray[np.int64]) -> pd.DataFrame:
    """Rows of the session scale: means of the runs of a group."""
    groups = whole.assign(group=group_index[whole["run_code"]]).groupby("group", sort=True)
    return groups.agg(
        session=("session", "first"),
        duration=("duration", "sum"),
        n_frames=("n_frames", "sum"),
        rating=("rating", "mean"),
        predicted=("predicted", "mean"),
        run_code=("run_code", "first"),
    ).assign(scale="session")


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


def _run_table(frames: Sequence[Frames], bins: Sequence[Bins]) -> pd.DataFrame:
    """One row per run: every frame under one heading."""
    rows = []
    for r, (one, of_lag) in enumerate(zip(frames, bins, strict=True)):
        n_short = int(of_lag.n_frames_left_out[r])
        n_rows = int((of_lag.run == r).sum())
        rows.append(
            {
                "session": one.key.session,
                "task": one.key.task,
                "run": one.key.run,
                "tr_s": one.tr_s,
                **one.counts,
                "n_in_training_bins": len(one) - n_short,
                "n_in_no_training_bin": n_short,
                "n_training_bins": n_rows,
                "n_training_bins_lost": int(of_lag.n_bins_asked[r]) - n_rows,
            }
        )
    return pd.DataFrame(rows)
