"""Do other people's signatures help, and how much of a signature is the person's own?

The decoding with its prior is compared with the prior alone and with the person's own sessions
alone, on the same folds and rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from painprint.arrays import Codes, Vector
from painprint.decode.bin_gram import BinGram
from painprint.decode.metrics import center_by, rows_by_scale
from painprint.decode.prior_ridge import positive_slope
from painprint.decode.refit import refit, scales_at
from painprint.evidence.case import Case
from painprint.evidence.comparison import join_scores, score_beside, score_method
from painprint.evidence.draws import draw_sessions, mean_of_defined, predict_from_draws, score_draws
from painprint.evidence.learning_curve import count_draws, count_together, curve_sizes
from painprint.evidence.scores import at_primary, or_none
from painprint.evidence.stage import StageResult
from painprint.progress import OnStep, count_steps

BOTH, OWN, PRIOR = "both", "own", "prior"
"""Models that are compared: with the prior, without it, and the prior alone."""
ENOUGH_BOOTSTRAPS = 2
"""Resamples of the curves, whose intervals are not used."""


def compare_with_prior(case: Case, *, on_step: OnStep | None = None) -> StageResult:
    """The decoding beside the prior alone and the person's own sessions alone.

    Returns
    -------
    result : StageResult
        Table ``prior``: per model and scale r, centred r, skill and MAE, and the differences of
        centred r and skill (with the prior minus the model), with intervals. Table ``priorcurve``:
        centred r by number of sessions, with and without the prior. Nothing without a prior.

    References
    ----------
    docs/methods.md
    """
    prior = case.decoding.prepared.prior
    if prior is None:
        return StageResult({}, {}, ("No prior was given (--prior).",))
    bin_grams = case.bin_grams
    without = [replace(bin_gram, prior=None) for bin_gram in bin_grams]
    curve, not_done = compare_curves(bin_grams, without, case, on_step=on_step)
    ours = rows_by_scale(case.decoding.predictions)
    own = refit(without, case.settings.rules, n_jobs=case.n_jobs).predicted
    parts = [
        score_method(BOTH, ours, {scale: rows.predicted for scale, rows in ours.items()}),
        score_beside(OWN, ours, own, case, "prior"),
        score_beside(PRIOR, ours, predict_by_prior(case), case, "prior"),
    ]
    table = join_scores(parts).rename(columns={"method": "model"})
    numbers = {
        "n_people": prior.n_people,
        "share": case.decoding.final.choice.prior_share,
        "share_of_folds": [fold.choice.prior_share for fold in case.decoding.folds],
        "own_part": own_part(case),
        "models": _at_primary(table),
        "saved": sessions_saved(curve),
    }
    tables = {"prior": table} | ({} if curve.empty else {"priorcurve": curve})
    return StageResult(tables, numbers, tuple(not_done))


def _at_primary(table: pd.DataFrame) -> dict[str, dict[str, float | None]]:
    """Rows of the primary scale by model; None where undefined."""
    rows = at_primary(table).set_index("model").drop(columns="scale")
    return {
        str(model): {str(name): or_none(value) for name, value in row.items()}
        for model, row in rows.iterrows()
    }


def _lags(case: Case) -> Codes:
    """Index of the lag that each fold selected."""
    return np.array([case.settings.lag_s.index(fold.lag_s) for fold in case.decoding.folds])


def predict_by_prior(case: Case) -> dict[str, Vector]:
    """Held-out predictions of the prior alone, scaled on the training rows, by scale."""
    bin_grams, lag = case.bin_grams, _lags(case)
    tested = bin_grams[0].tested
    predicted = {kind: np.empty(len(bin_grams[0].bins[kind])) for kind in tested}
    for k, i in enumerate(lag):
        bin_gram = bin_grams[i]
        scores, trains = _scores(bin_gram, "train"), bin_gram.groups("train") != k
        y, p = bin_gram.y("train")[trains], scores[trains]
        centred = p - p.mean()
        slope = float(
            positive_slope(np.array((y - y.mean()) @ centred), np.array(centred @ centred))
        )
        for kind in tested:
            rows = bin_gram.groups(kind) == k
            predicted[kind][rows] = y.mean() + slope * (_scores(bin_gram, kind)[rows] - p.mean())
    return scales_at(bin_grams, lag).average(predicted)


def _scores(bin_gram: BinGram, kind: str) -> Vector:
    scores = bin_gram.prior_scores(kind)
    assert scores is not None  # only called with a prior
    return scores


def own_part(case: Case) -> float | None:
    """Share of the variance of held-out predictions that the person's own weights make.

    Of predictions f = g + h, g by the person's own weights and h by the prior's, all centred within
    groups: Σ g f / Σ f². None where predictions do not vary.
    """
    bin_grams, lag = case.bin_grams, _lags(case)
    kind = bin_grams[0].tested[0]
    groups = bin_grams[0].groups(kind)
    by_prior = np.empty(len(groups))
    for k, (i, fold) in enumerate(zip(lag, case.decoding.folds, strict=True)):
        rows = groups == k
        by_prior[rows] = fold.prior_weight * _scores(bin_grams[i], kind)[rows]
    total = center_by(rows_by_scale(case.decoding.predictions)[kind].predicted, groups)
    squares = float(total @ total)
    if squares == 0:
        return None
    return float((total - center_by(by_prior, groups)) @ total) / squares


def compare_curves(
    bin_grams: Sequence[BinGram],
    without: Sequence[BinGram],
    case: Case,
    *,
    on_step: OnStep | None = None,
) -> tuple[pd.DataFrame, list[str]]:
    """Centred r of models of few sessions, with and without the prior, on the same draws.

    Returns
    -------
    curve : DataFrame
        Columns ``n_sessions``, ``model``, ``n_draws``, ``centred_r``; at the primary scale.
    not_done : list of str
        Numbers of sessions without models, and why.
    """
    rules, n_groups = case.settings.rules, bin_grams[0].n_groups
    sizes, not_done = curve_sizes(bin_grams[0], rules, unit=case.settings.leave_out)
    rng, rows = case.stream("prior curve"), []
    step = count_steps(on_step, 2 * len(sizes))
    for size in sizes:
        draws = draw_sessions(
            n_groups,
            size,
            count_draws(n_groups, size, rules),
            rng,
            per_draw=count_together(n_groups, size),
        )
        for model, grams in ((BOTH, bin_grams), (OWN, without)):
            predicted = predict_from_draws(grams, rules, draws, n_jobs=case.n_jobs)
            scores, _ = score_draws(
                grams[0], predicted, ENOUGH_BOOTSTRAPS, case.stream("prior curve")
            )
            at_primary = scores[scores["scale"] == grams[0].scales.primary]
            r = float(mean_of_defined(at_primary[["centred_r"]].to_numpy().T)[0])
            rows.append((size, model, len(draws), r))
            step()
    return pd.DataFrame(rows, columns=["n_sessions", "model", "n_draws", "centred_r"]), not_done


def sessions_saved(curve: pd.DataFrame) -> list[dict[str, Any]]:
    """At each number of sessions with the prior, the sessions that its centred r takes without.

    Returns
    -------
    saved : list of dict
        ``n_sessions``, and ``without``: interpolated on the curve without the prior, whose running
        maximum is used; None where that does not get there.
    """
    own, both = (curve[curve["model"] == name].dropna(subset="centred_r") for name in (OWN, BOTH))
    if own.empty:
        return []
    rising = np.maximum.accumulate(own["centred_r"].to_numpy())
    sizes = own["n_sessions"].to_numpy(float)
    saved = []
    for size, r in zip(both["n_sessions"], both["centred_r"], strict=True):
        without = None
        if r <= rising[-1]:
            at = int(np.searchsorted(rising, r))
            without = float(sizes[0])
            if at > 0:
                share = (r - rising[at - 1]) / (rising[at] - rising[at - 1])
                without = float(sizes[at - 1] + share * (sizes[at] - sizes[at - 1]))
        saved.append({"n_sessions": int(size), "without": without})
    return saved
