"""Train the fold models and the final model: bins, Gram matrix, nested folds, weights.

Equations are in docs/methods.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from painprint.arrays import Codes, Matrix, Vector, short_repr
from painprint.bins import Bins, make_test_bins, test_scales
from painprint.decode.bin_gram import cut_bins, features_of, inner_products
from painprint.decode.decoders import make_decoder
from painprint.decode.gram import activity_weights, edge_weights
from painprint.decode.kept_products import InnerProducts
from painprint.decode.metrics import center_by
from painprint.decode.model import Choice, Model, NestedFit, best_lag
from painprint.decode.prepare import Prepared
from painprint.decode.prior import Prior
from painprint.decode.samples import Samples
from painprint.edges import count_edges, score_frames
from painprint.parallel import map_ordered
from painprint.progress import OnStep, step_of_part
from painprint.runs import Frames, count_frames
from painprint.settings import Rules, Settings

EVERYTHING = ""
"""Name of the held-out group of a model that was trained on all groups."""


@short_repr
@dataclass(frozen=True, eq=False)
class FoldModel:
    """A trained model: weights of the features, and how lag and λ were chosen.

    Attributes
    ----------
    held_out : str
        Group that did not train; empty for the final model.
    lag_s : float
        Haemodynamic lag (s).
    weights : ndarray of shape (n_edges,)
        Region pairs i < j, row by row, in units of the rating; 0 where edges are not decoded.
    training_mean : float
        Mean rating of the training rows, the reference of skill.
    choice : Choice
        λ and its selection.
    activity : ndarray of shape (n_regions,), or None
        Weights of the regions' mean signals, if activity is decoded.
    prior_weight : float
        Factor of the weights of the prior in these weights; 0 without a prior.
    pattern, activity_pattern : ndarrays of the shapes of weights and activity, or None
        Sums over training rows of feature times rating, centred within groups: what a prior for
        others is made of. Of the final model alone.
    """

    held_out: str
    lag_s: float
    weights: Vector
    intercept: float
    training_mean: float
    choice: Choice
    activity: Vector | None = None
    prior_weight: float = 0.0
    pattern: Vector | None = None
    activity_pattern: Vector | None = None

    def score(self, signals: Matrix) -> Vector:
        """Predicted rating of each frame; see :func:`~painprint.edges.score_frames`."""
        return score_frames(signals, self.weights, self.intercept, self.activity)


@dataclass(frozen=True, eq=False)
class Training:
    """Models of the folds, each trained without one group, and the final model.

    Attributes
    ----------
    groups : tuple of str
        Names of the groups that were left out in turn.
    group_index : ndarray of int, shape (n_runs,)
        Group of each run.
    folds : tuple of FoldModel
        One per group.
    final : FoldModel
        Trained on all groups.
    lag_of_run : ndarray of int, shape (n_runs,)
        Index of the lag chosen by the fold of each run.
    run_table : DataFrame
        One row per run: numbers of frames and bins used and excluded.
    """

    groups: tuple[str, ...]
    group_index: Codes
    folds: tuple[FoldModel, ...]
    final: FoldModel
    lag_of_run: Codes
    run_table: pd.DataFrame

    def __repr__(self) -> str:
        n_runs, n_weights = len(self.group_index), len(self.final.weights)
        return f"Training({len(self.folds)} folds, {n_runs} runs, {n_weights} edges)"

    def frames(self, prepared: Prepared) -> list[Frames]:
        """Frames of each run, at the lag chosen by its fold."""
        return [lags[i] for lags, i in zip(prepared.runs, self.lag_of_run, strict=True)]


def train(
    prepared: Prepared,
    settings: Settings,
    *,
    n_jobs: int = 1,
    on_step: OnStep | None = None,
    products: InnerProducts = inner_products,
) -> Training:
    """Nested leave-one-group-out at every lag; each fold takes the lag with the best inner score.

    Parameters
    ----------
    n_jobs, on_step
        As for :func:`~painprint.decode.decoding.decode_runs`.
    products : callable
        Computes the inner products of bins, or has them from before.

    Raises
    ------
    ValueError
        If fewer than 3 groups are usable.
    """
    group_index, groups = prepared.groups(settings.leave_out)
    n_lags = len(settings.lag_s)
    fits = [
        _fit_at_lag(
            [lags[i] for lags in prepared.runs],
            [lags[0] for lags in prepared.runs],
            group_index,
            settings,
            prepared.prior,
            n_jobs,
            step_of_part(on_step, i, n_lags),
            products,
        )
        for i in range(n_lags)
    ]
    lag_of_group = [
        best_lag([fit.nested.folds[k].choice.inner_score for fit in fits])
        for k in range(len(groups))
    ]
    models = _models_at_best_lag(fits, groups, lag_of_group, settings.lag_s, n_jobs)
    lag_of_run = np.array([lag_of_group[k] for k in group_index])
    frames = [lags[i] for lags, i in zip(prepared.runs, lag_of_run, strict=True)]
    return Training(
        groups=groups,
        group_index=group_index,
        folds=tuple(models[group] for group in groups),
        final=models[EVERYTHING],
        lag_of_run=lag_of_run,
        run_table=_run_table(frames, [fits[i].bins for i in lag_of_run]).assign(
            group=[groups[k] for k in group_index],
            lag_s=[settings.lag_s[i] for i in lag_of_run],
            lag_frames=[
                count_frames(settings.lag_s[i], run.tr_s, up=False)
                for i, run in zip(lag_of_run, frames, strict=True)
            ],
        ),
    )


@dataclass(frozen=True, eq=False)
class _LagFit:
    """Frames, training bins and the nested fit at one lag."""

    frames: list[Frames]
    bins: Bins
    group_index: Codes
    features: tuple[str, ...]
    prior: Prior | None
    nested: NestedFit


def _fit_at_lag(
    frames: list[Frames],
    like: list[Frames],
    group_index: Codes,
    settings: Settings,
    prior: Prior | None,
    n_jobs: int,
    on_step: OnStep | None,
    products: InnerProducts,
) -> _LagFit:
    """Nested fit at one lag; ``like`` gives the numbers of time bins (see :func:`cut_bins`)."""
    bins, minute = cut_bins(frames, settings, like=like)
    samples = Samples(
        products(frames, bins["train"], group_index, features_of(settings), n_jobs=n_jobs),
        bins["train"].rating,
        group_index[bins["train"].run],
        unit=minute,
        n_frames=np.array([len(f) for f in bins["train"].frames], dtype=float),
        prior=None if prior is None else prior.score_bins(frames, bins["train"]),
    )
    decoder = make_decoder(settings.rules, count_edges(len(frames[0].regions)))
    nested = decoder.nested(samples, n_jobs=n_jobs, on_step=on_step)
    return _LagFit(frames, bins["train"], samples.groups, features_of(settings), prior, nested)


def _models_at_best_lag(
    fits: Sequence[_LagFit],
    groups: Sequence[str],
    lag_of_group: Sequence[int],
    lag_s: Sequence[float],
    n_jobs: int,
) -> dict[str, FoldModel]:
    """Models of the folds and the final model at their lags, by the group left out."""
    lag_of_final = best_lag([fit.nested.final.choice.inner_score for fit in fits])
    models: dict[str, FoldModel] = {}
    for i, fit in enumerate(fits):
        at_lag = {groups[k]: fit.nested.folds[k] for k, lag in enumerate(lag_of_group) if lag == i}
        if i == lag_of_final:
            at_lag[EVERYTHING] = fit.nested.final
        models |= _with_weights(fit, at_lag, lag_s[i], n_jobs)
    return models


def _with_weights(
    fit: _LagFit, models: dict[str, Model], lag_s: float, n_jobs: int
) -> dict[str, FoldModel]:
    """Weights of the models at one lag, by the group left out."""
    if not models:
        return {}
    frames, bins, n_regions = fit.frames, fit.bins, len(fit.frames[0].regions)
    final = models.get(EVERYTHING)
    patterns: dict[str, Vector] = {}

    def dual_of(feature: str) -> Matrix:
        duals = [model.dual * model.scale[feature] for model in models.values()]
        if final is not None:
            duals.append(center_by(bins.rating, fit.group_index) * final.scale[feature])
        return np.array(duals)

    def take_pattern(feature: str, rows: Matrix) -> Matrix:
        """The weights of the models; the last row is the pattern of the final one."""
        if final is not None:
            patterns[feature] = rows[-1]
        return rows[: len(models)]

    weights = np.zeros((len(models), count_edges(n_regions)))
    if "edges" in fit.features:
        rows = edge_weights(frames, bins, fit.group_index, dual_of("edges"), n_jobs=n_jobs)
        weights = take_pattern("edges", rows)
        _add_prior(weights, models, None if fit.prior is None else fit.prior.edges)
    weights.flags.writeable = False
    activity: list[Vector | None] = [None] * len(models)
    if "activity" in fit.features:
        of_activity = take_pattern("activity", activity_weights(frames, bins, dual_of("activity")))
        _add_prior(of_activity, models, None if fit.prior is None else fit.prior.activity)
        activity = list(of_activity)
    return {
        group: FoldModel(
            held_out=group,
            lag_s=lag_s,
            weights=w,
            intercept=model.intercept,
            training_mean=model.y_mean,
            choice=model.choice,
            activity=v,
            prior_weight=model.prior_weight,
            pattern=patterns.get("edges") if group == EVERYTHING else None,
            activity_pattern=patterns.get("activity") if group == EVERYTHING else None,
        )
        for (group, model), w, v in zip(models.items(), weights, activity, strict=True)
    }


def _add_prior(weights: Matrix, models: Mapping[str, Model], prior: Vector | None) -> None:
    """Add their parts of the prior to the weights of the models, (n_models, n_weights)."""
    for w, model in zip(weights, models.values(), strict=True):
        if model.prior_weight and prior is not None:
            w += model.prior_weight * prior


def predict_held_out(
    prepared: Prepared, training: Training, settings: Settings, *, n_jobs: int = 1
) -> pd.DataFrame:
    """Predict every run by the fold without its group, averaged at all scales.

    Returns
    -------
    predictions : DataFrame
        One row per test bin, run and session, with the columns of predictions.tsv, and the
        indices ``group`` and ``run_code``.
    """
    frames, group_index, folds = training.frames(prepared), training.group_index, training.folds
    scores = list(
        map_ordered(
            FoldModel.score,
            ((folds[k], run.signals) for run, k in zip(frames, group_index, strict=True)),
            n_jobs=n_jobs,
            large=True,
        )
    )
    table = average_frames(frames, scores, group_index, settings.rules)
    table["training_mean"] = [folds[k].training_mean for k in table["group"]]
    return table


def average_frames(
    frames: Sequence[Frames], scores: Sequence[Vector], group_index: Codes, rules: Rules
) -> pd.DataFrame:
    """Mean rating and score of test bins, runs, and groups (means of their runs).

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
        As from :func:`predict_held_out`, without ``training_mean``; the score is ``predicted``.
    """
    tested = [
        _score_bins(frames, make_test_bins(frames, rules, scale), scores, scale)
        for scale in test_scales(frames)
    ]
    runs = pd.DataFrame(
        [_row(run, np.arange(len(run)), scores[r], "run", r) for r, run in enumerate(frames)]
    )
    table = pd.concat([*tested, runs, _means(runs, group_index)], ignore_index=True)
    table["group"] = group_index[table["run_code"]]
    return table.astype({"bin": "Int64"})


def _means(runs: pd.DataFrame, group_index: Codes) -> pd.DataFrame:
    """Rows of the session scale: means of the runs of a group."""
    groups = runs.assign(group=group_index[runs["run_code"]]).groupby("group", sort=True)
    return groups.agg(
        session=("session", "first"),
        duration=("duration", "sum"),
        n_frames=("n_frames", "sum"),
        rating=("rating", "mean"),
        predicted=("predicted", "mean"),
        run_code=("run_code", "first"),
    ).assign(scale="session")


def _score_bins(
    runs: Sequence[Frames], bins: Bins, scores: Sequence[Vector], scale: str
) -> pd.DataFrame:
    return pd.DataFrame(
        [
            _row(runs[r], members, scores[r], scale, int(r), int(number))
            for r, members, number in zip(bins.run, bins.frames, bins.number, strict=True)
        ]
    )


def _row(
    run: Frames, members: Codes, score: Vector, scale: str, run_code: int, number: int | None = None
) -> dict[str, Any]:
    first, last = int(run.frame[members[0]]), int(run.frame[members[-1]])
    return {
        "session": run.key.session,
        "task": run.key.task,
        "run": run.key.run,
        "scale": scale,
        "bin": number,
        "onset": run.start_s + first * run.tr_s,
        "duration": (last + 1 - first) * run.tr_s,
        "n_frames": len(members),
        "rating": run.rating[members].mean(),
        "predicted": score[members].mean(),
        "run_code": run_code,
    }


def _run_table(frames: Sequence[Frames], bins: Sequence[Bins]) -> pd.DataFrame:
    """One row per run; every frame is counted under one reason, or used."""
    rows = []
    for r, (run, run_bins) in enumerate(zip(frames, bins, strict=True)):
        n_short = int(run_bins.n_frames_excluded[r])
        n_rows = int((run_bins.run == r).sum())
        rows.append(
            {
                "session": run.key.session,
                "task": run.key.task,
                "run": run.key.run,
                "tr_s": run.tr_s,
                **run.counts,
                "n_in_training_bins": len(run) - n_short,
                "n_in_no_training_bin": n_short,
                "n_training_bins": n_rows,
                "n_training_bins_lost": int(run_bins.n_bins_requested[r]) - n_rows,
            }
        )
    return pd.DataFrame(rows)
