"""Models of random subsets of sessions: predictions and scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from painprint.arrays import Codes, Matrix, Vector
from painprint.decode.bin_gram import BinGram
from painprint.decode.decoders import make_decoder
from painprint.decode.lasso_pcr import Components, fit_components
from painprint.decode.metrics import agreement, center_columns
from painprint.decode.model import Choice, Model, best_lag
from painprint.decode.nested_ridge import is_shareable, share
from painprint.parallel import map_ordered
from painprint.settings import Rules
from painprint.stats.bootstrap import (
    FISHER_Z,
    block_draw,
    bootstrap_columns,
    hierarchical_draw,
    interval,
    t_inflated,
    two_sided_p,
)
from painprint.wording import SIGNIFICANT

FEWEST_FOR_FOLDS_OF_SESSIONS = 3
FEWEST_TO_SHARE = 0.85
"""Share of all training bins from which on models of draws share one decomposition."""


def draw_sessions(
    n_groups: int, size: int, n: int, rng: np.random.Generator, *, per_draw: int = 1
) -> Codes:
    """Random training groups for every draw and held-out group.

    Parameters
    ----------
    n : int
        Number of draws.
    per_draw : int
        Number of held-out groups that share their training groups, which saves models. For each
        held-out group, they are still a random sample of all others.

    Returns
    -------
    draws : ndarray of int, shape (n, n_groups, size)
        Ascending indices of groups.
    """
    draws = np.empty((n, n_groups, size), np.int64)
    for draw in draws:
        order = rng.permutation(n_groups)
        for start in range(0, n_groups, per_draw):
            held_out = order[start : start + per_draw]
            others = np.setdiff1d(order, held_out)
            draw[held_out] = np.sort(rng.permutation(others)[:size])
    return draws


@dataclass(frozen=True, eq=False)
class DrawPredictions:
    """Held-out test bins predicted by the models of each draw.

    Attributes
    ----------
    tested : dict of ndarrays of shape (n_rows, n_draws)
        By scale.
    training_mean : ndarray of shape (n_groups, n_draws)
    """

    tested: dict[str, Matrix]
    training_mean: Matrix


def side_by_side(parts: Sequence[DrawPredictions]) -> DrawPredictions:
    """Draws of several numbers of sessions, concatenated."""
    tested = {
        scale: np.concatenate([part.tested[scale] for part in parts], axis=1)
        for scale in parts[0].tested
    }
    return DrawPredictions(tested, np.concatenate([p.training_mean for p in parts], axis=1))


def predict_from_draws(
    bin_grams: Sequence[BinGram],
    rules: Rules,
    draws: Codes,
    *,
    penalties: Sequence[tuple[int, float]] | None = None,
    n_jobs: int = 1,
) -> DrawPredictions:
    """Train on the sessions of each draw, and predict the one held out.

    Draws with the same sessions share their decomposition.

    Parameters
    ----------
    bin_grams : sequence of BinGram
        One per lag.
    draws : ndarray of int, shape (n_draws, n_groups, size)
    penalties : sequence, optional
        Lag and λ for each held-out group; selected within the draw if None.
    """
    first = bin_grams[0]
    predicted = DrawPredictions(
        {kind: np.empty((len(first.bins[kind]), len(draws))) for kind in first.tested},
        np.empty((first.n_groups, len(draws))),
    )
    users: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for d, draw in enumerate(draws):
        for held_out, sessions in enumerate(draw):
            users.setdefault(tuple(sessions.tolist()), []).append((d, held_out))
    models: dict[tuple[int, ...], list[Model]] = {}
    if penalties is None and rules.decoder == "ridge":
        models = _models_of_most(bin_grams, list(users), n_jobs)
    jobs = (
        (
            bin_grams,
            rules,
            np.array(sessions),
            [k for _, k in uses],
            penalties,
            models.get(sessions),
        )
        for sessions, uses in users.items()
    )
    for uses, parts in zip(
        users.values(),
        map_ordered(_predict_from_sessions, jobs, n_jobs=n_jobs, large=True),
        strict=True,
    ):
        for (d, held_out), (values, mean) in zip(uses, parts, strict=True):
            for kind in first.tested:
                predicted.tested[kind][first.groups(kind) == held_out, d] = values[kind]
            predicted.training_mean[held_out, d] = mean
    return predicted


def _predict_from_sessions(
    bin_grams: Sequence[BinGram],
    rules: Rules,
    sessions: Codes,
    held_out: Sequence[int],
    penalties: Sequence[tuple[int, float]] | None,
    models: Sequence[Model] | None,
) -> list[tuple[dict[str, Vector], float]]:
    """One training set: predictions of the held-out groups at every scale of test bins."""
    if penalties is None:
        if models is None:
            models = [_choose(bin_gram, rules, sessions) for bin_gram in bin_grams]
        lag = best_lag([model.choice.inner_score for model in models])
        return [_predict(bin_grams[lag], sessions, k, models[lag]) for k in held_out]
    fits: dict[int, Components] = {}
    predictions = []
    for k in held_out:
        lag, penalty = penalties[k]
        if lag not in fits:
            bin_gram = bin_grams[lag]
            samples = bin_gram.samples().take(_training_rows(bin_gram, sessions))
            K, y = samples.adjust(np.arange(len(samples.y)))
            fits[lag] = fit_components(K, y, keep=rules.components, n_edges=bin_gram.n_edges)
        predictions.append(_predict(bin_grams[lag], sessions, k, _at_penalty(fits[lag], penalty)))
    return predictions


def _models_of_most(
    bin_grams: Sequence[BinGram], drawn: Sequence[tuple[int, ...]], n_jobs: int
) -> dict[tuple[int, ...], list[Model]]:
    """Models of draws of nearly all sessions, from one decomposition of all, at each lag.

    Up to rounding, they equal those of a decomposition each (:func:`_choose`), which takes longer
    where few sessions are left out.
    """
    models: dict[tuple[int, ...], list[Model]] = {}
    for bin_gram in bin_grams:
        samples = bin_gram.samples()
        trains = [_training_rows(bin_gram, np.array(sessions)) for sessions in drawn]
        most = [
            k
            for k, train in enumerate(trains)
            if len(train) >= FEWEST_TO_SHARE * len(samples.y)
            and len(drawn[k]) >= FEWEST_FOR_FOLDS_OF_SESSIONS
            and np.ptp(samples.y[train]) > 0
        ]
        if not most or not is_shareable(samples):
            return {}
        everything = np.arange(len(samples.y))
        outer = [np.setdiff1d(everything, trains[k]) for k in most]
        fit = share(samples).leaving_out(outer).prepare(n_jobs=n_jobs)
        folds = map_ordered(fit.fold, ((i,) for i in range(len(most))), n_jobs=n_jobs, large=True)
        for k, model in zip(most, folds, strict=True):
            at_lag = replace(model, dual=model.dual[trains[k]], scale=samples.scale(trains[k]))
            models.setdefault(drawn[k], []).append(at_lag)
    return {sessions: fits for sessions, fits in models.items() if len(fits) == len(bin_grams)}


def _training_rows(bin_gram: BinGram, sessions: Codes) -> Codes:
    """Positions of the training bins of some groups."""
    return np.flatnonzero(np.isin(bin_gram.groups("train"), sessions))


def _at_penalty(fit: Components, penalty: float) -> Model:
    """LASSO-PCR at a given λ."""
    n_active = int(fit.count_active(np.array([penalty]))[0])
    dual, nothing = fit.dual(n_active), np.empty(0)
    choice = Choice(penalty, float(n_active), np.nan, nothing, nothing)
    return Model(dual, fit.intercept(dual), fit.y_mean, choice)


def _choose(bin_gram: BinGram, rules: Rules, sessions: Codes) -> Model:
    """The model of some groups; λ is selected by leaving out each of them, or of their runs."""
    rows = _training_rows(bin_gram, sessions)
    samples, decoder = bin_gram.samples().take(rows), make_decoder(rules, bin_gram.n_edges)
    y = samples.y
    if np.ptp(y) == 0:  # a constant rating: the model predicts its mean
        nothing = np.empty(0)
        choice = Choice(np.inf, 0.0, -1.0, nothing, nothing)
        return Model(np.zeros(len(y)), float(y[0]), float(y[0]), choice)
    if samples.prior is None and len(sessions) < FEWEST_FOR_FOLDS_OF_SESSIONS:
        folds = np.unique(bin_gram.run("train")[rows], return_inverse=True)[1]
    else:
        n_folds = min(decoder.most_inner_folds or len(sessions), len(sessions))
        fold_of = np.sort(np.arange(len(sessions)) * n_folds // len(sessions))
        folds = fold_of[samples.groups]
    return decoder.fit(replace(samples, groups=folds))


def _predict(
    bin_gram: BinGram, sessions: Codes, held_out: int, model: Model
) -> tuple[dict[str, Vector], float]:
    rows = _training_rows(bin_gram, sessions)
    values = {
        kind: bin_gram.predict(
            kind, model, rows=np.flatnonzero(bin_gram.groups(kind) == held_out), train=rows
        )
        for kind in bin_gram.tested
    }
    return values, model.y_mean


def score_draws(
    bin_gram: BinGram, predicted: DrawPredictions, n_bootstraps: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, Vector]:
    """Agreement of every draw at all scales, with p-values.

    Parameters
    ----------
    bin_gram : BinGram
        Of any lag; provides ratings, groups and runs.
    rng : Generator
        All draws have the same resamples.

    Returns
    -------
    draws : DataFrame
        One row per draw and scale; see the columns of learningcurvedraws.tsv.
    resampled : ndarray of shape (n_bootstraps, n_draws)
        Centred r at the primary scale, sessions resampled in blocks; NaN where undefined.
    """
    scales = bin_gram.scales
    ratings = scales.average({kind: bin_gram.y(kind) for kind in bin_gram.tested})
    predictions = scales.average(predicted.tested)
    runs = {
        **{kind: bin_gram.run(kind) for kind in bin_gram.tested},
        "run": np.arange(len(bin_gram.group_index)),
        "session": np.arange(bin_gram.n_groups),
    }
    parts, resampled = [], np.empty((0, 0))
    for scale, scale_rng in zip(runs, rng.spawn(len(runs)), strict=True):
        y, p, group = ratings[scale], predictions[scale], scales.groups[scale]
        values = agreement(y[:, None], p, predicted.training_mean[group], group)
        by_hierarchy, by_block = scale_rng.spawn(2)
        draw = hierarchical_draw(group, runs[scale])
        r = bootstrap_columns(y, p, draw, n_bootstraps, by_hierarchy)
        centred = bootstrap_columns(
            center_columns(y[:, None], group)[:, 0],
            center_columns(p, group),
            block_draw(group),
            n_bootstraps,
            by_block,
        )
        if scale == scales.primary:
            resampled = centred
        parts.append(
            pd.DataFrame(
                {
                    "draw": np.arange(p.shape[1]) + 1,
                    "scale": scale,
                    **values,
                    "r_p": [two_sided_p(column, 0) for column in r.T],
                    "centred_r_low": [
                        _low(column, estimate, bin_gram.n_groups)
                        for column, estimate in zip(centred.T, values["centred_r"], strict=True)
                    ],
                }
            )
        )
    return pd.concat(parts, ignore_index=True), resampled


def _low(values: Vector, estimate: float, n_groups: int) -> float:
    """Lower end of the interval of a centred r; NaN where it is undefined."""
    defined = values[np.isfinite(values)]
    if not len(defined) or np.isnan(estimate):
        return np.nan
    low = interval(t_inflated(defined, estimate, n_groups, FISHER_Z), null=0).low
    assert low is not None  # there are values
    return low


def mean_of_defined(values: Matrix) -> Vector:
    """Mean of each row over its finite values; NaN where there are none."""
    finite = np.isfinite(values)
    n = finite.sum(axis=1)
    total = np.where(finite, values, 0).sum(axis=1)
    return np.where(n > 0, total / np.maximum(n, 1), np.nan)


def summarise_draws(draws: pd.DataFrame) -> pd.DataFrame:
    """Mean and range over draws, and the share that is significant and positive: by the paper's p
    of r, and by the session-block interval of centred r."""
    significant = {
        "r": (draws["r_p"] < SIGNIFICANT) & (draws["r"] > 0),
        "centred_r": draws["centred_r_low"] > 0,
    }
    rows = []
    for (size, scale), group in draws.groupby(["n_sessions", "scale"], sort=False):
        row = {"n_sessions": size, "scale": scale, "n_draws": len(group)}
        for name in ("r", "centred_r"):
            finite = group[name].dropna()
            low, high = finite.quantile([0.025, 0.975]) if len(finite) else (np.nan, np.nan)
            row |= {name: finite.mean(), f"{name}_low": low, f"{name}_high": high}
            share = float(significant[name][group.index].mean())
            row[f"share_significant_{name}"] = share if len(finite) else np.nan
        rows.append(row)
    return pd.DataFrame(rows)
