"""How much data does it take? Models of fewer sessions, drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.decode.bin_gram import Kernel
from painprint.decode.decoders import make_decoder
from painprint.decode.errors import NotEnoughData
from painprint.decode.lasso_pcr import Components, fit_components
from painprint.decode.metrics import SCALES, agreement, center_columns
from painprint.decode.model import Choice, Model, best_lag
from painprint.evidence.case import Case, Finding
from painprint.parallel import map_ordered
from painprint.progress import OnStep, count_steps
from painprint.settings import SIGNIFICANT, Rules
from painprint.stats.bootstrap import (
    R,
    block_draw,
    bootstrap_columns,
    hierarchical_draw,
    interval,
    two_sided_p,
    widened,
)

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Codes = NDArray[np.int64]

SOME_SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 20)
"""And on in steps of a sixth (at least 4), while well below the last one: all sessions but two."""
FEWEST_DRAWS, MOST_MODELS = 5, 160
"""Draws per held-out session at least, and models of one number of sessions, unless more draws are
asked for."""
FEWEST_FOR_FOLDS_OF_SESSIONS = 3
SHARE_WANTED = 0.8
"""Share of draws that should be significant, for a number of sessions to be called enough."""


def learning_curve(case: Case, *, on_step: OnStep | None = None) -> Finding:
    """Agreement of models of so many sessions with sessions they have not seen.

    Returns
    -------
    finding : Finding
        Table ``learningcurve``: per number of sessions and scale, the mean over draws and their
        2.5 and 97.5 % of r and centred r, and the share of significant draws. Table
        ``learningcurvedraws``: every draw. Numbers: how many sessions a target takes.

    References
    ----------
    docs/methods.md
    """
    settings, kernels = case.settings, case.kernels
    rules, n_groups = settings.rules, kernels[0].n_groups
    sizes, not_done = curve_sizes(kernels[0], rules, unit=settings.leave_out)
    if not sizes:
        return Finding({}, {}, tuple(not_done))
    rng, own_draws = case.stream("curve"), rules.curve_penalty == "fold"
    of_size = {
        size: draw_sessions(
            n_groups,
            size,
            settings.n_curve_draws or count_draws(n_groups, size, rules),
            rng,
            together=1 if own_draws else count_together(n_groups, size),
        )
        for size in sizes
    }
    penalties = None
    if own_draws:
        penalties = [(settings.lag_s.index(f.lag_s), f.choice.penalty) for f in case.decoding.folds]
    step = count_steps(on_step, len(sizes))
    predicted: dict[int, DrawPredictions] = {}
    for size, draws in of_size.items():
        try:
            predicted[size] = predict_from_draws(
                kernels, rules, draws, penalties=penalties, n_jobs=case.n_jobs
            )
        except NotEnoughData as error:
            not_done.append(f"No models of {size} {settings.leave_out}s: {error}")
        finally:
            step()
    if not predicted:
        return Finding({}, {}, tuple(not_done))
    of_draws, resampled = score_draws(
        kernels[0],
        side_by_side(list(predicted.values())),
        settings.n_bootstraps,
        case.stream("curve bootstrap"),
    )
    n_draws = [len(of_size[size]) for size in predicted]
    column = of_draws["draw"].to_numpy() - 1
    of_draws = of_draws.assign(
        n_sessions=np.repeat(list(predicted), n_draws)[column],
        draw=np.concatenate([np.arange(n) + 1 for n in n_draws])[column],
    ).sort_values("n_sessions", kind="stable", ignore_index=True)
    table = summarise_draws(of_draws)
    by_size = np.split(resampled, np.cumsum(n_draws)[:-1], axis=1)
    curves = np.stack([_mean_of_defined(of) for of in by_size], axis=1)
    answers = _answer(table, curves, settings.target_r, n_groups)
    return Finding(
        {"learningcurve": table, "learningcurvedraws": of_draws},
        {"n_draws": max(n_draws), "n_sessions": n_groups, "until": [asdict(a) for a in answers]},
        tuple(not_done),
    )


def _answer(table: pd.DataFrame, resampled: Matrix, target: float, n_sessions: int) -> list[Until]:
    """How many sessions a target takes, and how many until most draws are significant."""
    minute = table[table["scale"] == "1min"]
    sizes, r = (minute[name].to_numpy(float) for name in ("n_sessions", "centred_r"))
    shares = {
        "centred_r": f"{SHARE_WANTED:.0%} of draws with a significant centred r",
        "r": f"{SHARE_WANTED:.0%} of draws with a significant r (paper's p)",
    }
    return [
        sessions_until_r(sizes, r, resampled, target=target, n_sessions=n_sessions),
        *(
            sessions_until_significant(table, f"share_significant_{name}", what)
            for name, what in shares.items()
        ),
    ]


def curve_sizes(kernel: Kernel, rules: Rules, *, unit: str) -> tuple[list[int], list[str]]:
    """Numbers of sessions to draw, up to all but two, and why some are not possible."""
    most = kernel.n_groups - 2
    sizes = (
        list(range(1, most + 1))
        if rules.curve_sizes == "all"
        else sorted({s for s in (*_some_sizes(most), most) if 1 <= s <= most})
    )
    n_runs = np.bincount(kernel.codes)
    if rules.curve_penalty == "draw" and n_runs.min() < 2 and 1 in sizes:
        sizes.remove(1)
        why = "" if unit == "run" else ", and some sessions have one"
        return sizes, [f"No models of one {unit}: λ is chosen by leaving out runs{why}."]
    return sizes, []


def _some_sizes(most: int) -> list[int]:
    """Few numbers of sessions, in steps of a sixth, at least 4."""
    sizes = list(SOME_SIZES)
    while (size := sizes[-1] + max(4, sizes[-1] // 6)) < most - 3:
        sizes.append(size)
    return sizes


def count_together(n_groups: int, size: int) -> int:
    """Held-out groups that share a draw of so many others: half as many as train."""
    return max(1, min(size // 2, n_groups - size))


def count_draws(n_groups: int, size: int, rules: Rules) -> int:
    """Draws per held-out group: fewer where they take many models, which then hardly differ."""
    if rules.curve_penalty == "fold":
        return rules.curve_draws
    models_of_draw = -(-n_groups // count_together(n_groups, size))
    return min(rules.curve_draws, max(FEWEST_DRAWS, MOST_MODELS // models_of_draw))


def draw_sessions(
    n_groups: int, size: int, n: int, rng: np.random.Generator, *, together: int = 1
) -> Codes:
    """Random groups for every draw and held-out group, never the held-out one itself.

    Parameters
    ----------
    n_groups, size : int
    n : int
        Draws.
    rng : Generator
    together : int
        So many held-out groups share the groups that train for them. Those of any one are drawn
        at random from all others nevertheless; it saves models.

    Returns
    -------
    draws : ndarray of int, shape (n, n_groups, size)
        Ascending.
    """
    draws = np.empty((n, n_groups, size), np.int64)
    for of_draw in draws:
        order = rng.permutation(n_groups)
        for start in range(0, n_groups, together):
            held_out = order[start : start + together]
            others = np.setdiff1d(order, held_out)
            of_draw[held_out] = np.sort(rng.permutation(others)[:size])
    return draws


@dataclass(frozen=True, eq=False)
class DrawPredictions:
    """Held-out time bins predicted by the models of each draw.

    Attributes
    ----------
    minutes, two_minutes : ndarrays of shape (n_rows, n_draws)
    training_mean : ndarray of shape (n_groups, n_draws)
    """

    minutes: Matrix
    two_minutes: Matrix
    training_mean: Matrix


def side_by_side(parts: Sequence[DrawPredictions]) -> DrawPredictions:
    """Draws of several numbers of sessions, one after the other."""
    return DrawPredictions(
        *(
            np.concatenate([getattr(part, name) for part in parts], axis=1)
            for name in ("minutes", "two_minutes", "training_mean")
        )
    )


def predict_from_draws(
    kernels: Sequence[Kernel],
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
    kernels : sequence of Kernel
        One per lag.
    draws : ndarray of int, shape (n_draws, n_groups, size)
    penalties : sequence, optional
        Lag and λ for each held-out group; else chosen within the draw.
    """
    first = kernels[0]
    predicted = DrawPredictions(
        np.empty((len(first.bins["1min"]), len(draws))),
        np.empty((len(first.bins["2min"]), len(draws))),
        np.empty((first.n_groups, len(draws))),
    )
    users: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for d, of_draw in enumerate(draws):
        for held_out, sessions in enumerate(of_draw):
            users.setdefault(tuple(sessions.tolist()), []).append((d, held_out))
    jobs = (
        (kernels, rules, np.array(sessions), [k for _, k in of_set], penalties)
        for sessions, of_set in users.items()
    )
    for of_set, parts in zip(
        users.values(),
        map_ordered(_predict_from_sessions, jobs, n_jobs=n_jobs, large=True),
        strict=True,
    ):
        for (d, held_out), (minutes, two_minutes, mean) in zip(of_set, parts, strict=True):
            predicted.minutes[first.groups("1min") == held_out, d] = minutes
            predicted.two_minutes[first.groups("2min") == held_out, d] = two_minutes
            predicted.training_mean[held_out, d] = mean
    return predicted


def _predict_from_sessions(
    kernels: Sequence[Kernel],
    rules: Rules,
    sessions: Codes,
    held_out: Sequence[int],
    penalties: Sequence[tuple[int, float]] | None,
) -> list[tuple[Vector, Vector, float]]:
    """One training set: predictions of the held-out groups at both scales of time bins."""
    if penalties is None:
        models = [_choose(kernel, rules, sessions) for kernel in kernels]
        lag = best_lag([model.choice.inner_score for model in models])
        return [_predict(kernels[lag], sessions, k, models[lag]) for k in held_out]
    fits: dict[int, Components] = {}
    found = []
    for k in held_out:
        lag, penalty = penalties[k]
        if lag not in fits:
            kernel = kernels[lag]
            samples = kernel.samples().take(_training_rows(kernel, sessions))
            K, y = samples.given(np.arange(len(samples.y)))
            fits[lag] = fit_components(K, y, keep=rules.components, n_edges=kernel.n_edges)
        found.append(_predict(kernels[lag], sessions, k, _at_penalty(fits[lag], penalty)))
    return found


def _training_rows(kernel: Kernel, sessions: Codes) -> Codes:
    """Positions of the training bins of some groups."""
    return np.flatnonzero(np.isin(kernel.groups("train"), sessions))


def _at_penalty(fit: Components, penalty: float) -> Model:
    """LASSO-PCR at a given λ."""
    n_active = int(fit.count_active(np.array([penalty]))[0])
    dual, nothing = fit.dual(n_active), np.empty(0)
    choice = Choice(penalty, float(n_active), np.nan, nothing, nothing)
    return Model(dual, fit.intercept(dual), fit.y_mean, choice)


def _choose(kernel: Kernel, rules: Rules, sessions: Codes) -> Model:
    """The model of some groups, λ chosen by leaving out each of them, or of their runs."""
    rows = _training_rows(kernel, sessions)
    samples, decoder = kernel.samples().take(rows), make_decoder(rules, kernel.n_edges)
    y = samples.y
    if np.ptp(y) == 0:  # one constant session: nothing to learn but its mean
        nothing = np.empty(0)
        choice = Choice(np.inf, 0.0, -1.0, nothing, nothing)
        return Model(np.zeros(len(y)), float(y[0]), float(y[0]), choice)
    if len(sessions) < FEWEST_FOR_FOLDS_OF_SESSIONS:
        folds = np.unique(kernel.run("train")[rows], return_inverse=True)[1]
    else:
        n_folds = min(decoder.most_inner_folds or len(sessions), len(sessions))
        fold_of = np.sort(np.arange(len(sessions)) * n_folds // len(sessions))
        folds = fold_of[samples.groups]
    return decoder.fit(replace(samples, groups=folds))


def _predict(
    kernel: Kernel, sessions: Codes, held_out: int, model: Model
) -> tuple[Vector, Vector, float]:
    rows = _training_rows(kernel, sessions)
    minutes, two_minutes = (
        kernel.block(kind, "train", model.scale)[
            np.ix_(np.flatnonzero(kernel.groups(kind) == held_out), rows)
        ]
        @ model.dual
        + model.intercept
        for kind in ("1min", "2min")
    )
    return minutes, two_minutes, model.y_mean


def score_draws(
    kernel: Kernel, predicted: DrawPredictions, n_bootstraps: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, Vector]:
    """Agreement of every draw at four scales, with p-values.

    Parameters
    ----------
    kernel : Kernel
        Of any lag: for ratings, groups and runs.
    predicted : DrawPredictions
    n_bootstraps : int
    rng : Generator
        All draws share their resamples.

    Returns
    -------
    draws : DataFrame
        One row per draw and scale; see the columns of learningcurvedraws.tsv.
    resampled : ndarray of shape (n_bootstraps, n_draws)
        Centred r at 1 min, sessions resampled in blocks; NaN where undefined.
    """
    scales = kernel.scales
    ratings = scales.average(kernel.y("1min"), kernel.y("2min"))
    predictions = scales.average(predicted.minutes, predicted.two_minutes)
    runs = {
        "1min": kernel.run("1min"),
        "2min": kernel.run("2min"),
        "run": np.arange(len(kernel.codes)),
        "session": np.arange(kernel.n_groups),
    }
    parts, resampled = [], np.empty((0, 0))
    for scale, of_scale in zip(SCALES, rng.spawn(len(SCALES)), strict=True):
        y, p, group = ratings[scale], predictions[scale], scales.groups[scale]
        values = agreement(y[:, None], p, predicted.training_mean[group], group)
        by_hierarchy, by_block = of_scale.spawn(2)
        draw = hierarchical_draw(group, runs[scale])
        r = bootstrap_columns(y, p, draw, n_bootstraps, by_hierarchy)
        centred = bootstrap_columns(
            center_columns(y[:, None], group)[:, 0],
            center_columns(p, group),
            block_draw(group),
            n_bootstraps,
            by_block,
        )
        if scale == "1min":
            resampled = centred
        parts.append(
            pd.DataFrame(
                {
                    "draw": np.arange(p.shape[1]) + 1,
                    "scale": scale,
                    **values,
                    "r_p": [two_sided_p(column, 0) for column in r.T],
                    "centred_r_low": [
                        _low(column, estimate, kernel.n_groups)
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
    low = interval(widened(defined, estimate, n_groups, R), null=0).low
    assert low is not None  # there are values
    return low


def _mean_of_defined(values: Matrix) -> Vector:
    """Mean of each row over its finite values; NaN where there are none."""
    finite = np.isfinite(values)
    n = finite.sum(axis=1)
    total = np.where(finite, values, 0).sum(axis=1)
    return np.where(n > 0, total / np.maximum(n, 1), np.nan)


def summarise_draws(draws: pd.DataFrame) -> pd.DataFrame:
    """Mean and spread over draws, and the share that is significant with a positive sign: by the
    paper's p of r, and by the session-block interval of centred r."""
    significant = {
        "r": (draws["r_p"] < SIGNIFICANT) & (draws["r"] > 0),
        "centred_r": draws["centred_r_low"] > 0,
    }
    rows = []
    for (size, scale), of in draws.groupby(["n_sessions", "scale"], sort=False):
        row = {"n_sessions": size, "scale": scale, "n_draws": len(of)}
        for name in ("r", "centred_r"):
            finite = of[name].dropna()
            low, high = finite.quantile([0.025, 0.975]) if len(finite) else (np.nan, np.nan)
            row |= {name: finite.mean(), f"{name}_low": low, f"{name}_high": high}
            share = float(significant[name][of.index].mean())
            row[f"share_significant_{name}"] = share if len(finite) else np.nan
        rows.append(row)
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Until:
    """How many sessions something takes.

    Attributes
    ----------
    what : str
        What is asked for.
    n_sessions : float or None
        Sessions it takes; None where the answer is refused.
    low, high : float or None
        95 % interval; None where it has no end within reach.
    refused : str or None
        Why there is no answer.
    """

    what: str
    n_sessions: float | None
    low: float | None = None
    high: float | None = None
    refused: str | None = None


FARTHEST = 2
"""The curve is not followed beyond so many times the sessions there are."""
FEWEST_SIZES = 4
LEAST_RISE = 1e-6
"""A curve that rises less is flat."""
EXPONENTS = np.linspace(0.2, 2, 19)


def fit_curve(sizes: Vector, r: Vector) -> tuple[float, float, float]:
    """Least-squares a - b·s^-c; b is 0 where the curve does not rise.

    Returns
    -------
    a, b, c : float
    """
    best, found = np.inf, (float(r.mean()), 0.0, 1.0)
    for c in EXPONENTS:
        x = np.column_stack([np.ones_like(sizes), -(sizes**-c)])
        (a, b), *_ = np.linalg.lstsq(x, r, rcond=None)
        error = float(((x @ [a, b] - r) ** 2).sum())
        if b > LEAST_RISE and error < best:
            best, found = error, (float(a), float(b), float(c))
    return found


def sessions_to_reach(sizes: Vector, r: Vector, target: float) -> float:
    """Sessions at which the fitted curve reaches the target; infinity where it never does."""
    a, b, c = fit_curve(sizes, r)
    if a <= target or b <= 0:
        return np.inf
    with np.errstate(over="ignore"):
        return float(max(1.0, (b / (a - target)) ** (1 / c)))


def sessions_until_r(
    sizes: Vector, r: Vector, resampled: Matrix, *, target: float, n_sessions: int
) -> Until:
    """Sessions that a centred r at 1 min takes, with an interval; refused beyond reach.

    Parameters
    ----------
    sizes, r : ndarrays of shape (n_sizes,)
        The curve.
    resampled : ndarray of shape (n_bootstraps, n_sizes)
        The curve with sessions resampled.
    target : float
    n_sessions : int
        Sessions there are.
    """
    what = f"centred r of {target:g} at 1 min"
    farthest = FARTHEST * n_sessions
    if not np.isfinite(r).all():
        return Until(what, None, refused="centred r is undefined at some numbers of sessions.")
    if len(sizes) < FEWEST_SIZES:
        return Until(
            what,
            None,
            refused=f"a curve through {len(sizes)} numbers of sessions cannot be followed; "
            f"{FEWEST_SIZES} are needed.",
        )
    reached = sessions_to_reach(sizes, r, target)
    if reached > farthest:
        a, b, _ = fit_curve(sizes, r)
        shape = "does not rise" if b <= 0 else f"levels off near {a:.2f}"
        reason = (
            f"the fitted curve {shape} and does not reach it."
            if np.isinf(reached)
            else f"it would take more than {farthest} sessions, {FARTHEST} times those at hand; so "
            "far the curve is not followed."
        )
        return Until(what, None, refused=reason)
    defined = resampled[np.isfinite(resampled).all(axis=1)][:MOST_CURVES]
    around = widened(defined, r, n_sessions, R)
    times = np.sort([sessions_to_reach(sizes, curve, target) for curve in around])
    low, high = times[round(0.025 * (len(times) - 1))], times[round(0.975 * (len(times) - 1))]
    return Until(what, reached, float(low), float(high) if high <= farthest else None)


MOST_CURVES = 1000
"""Resampled curves that are fitted for an interval."""


def sessions_until_significant(table: pd.DataFrame, column: str, what: str) -> Until:
    """The number of sessions from which on most draws are significant; never extrapolated."""
    rows = table[table["scale"] == "1min"].sort_values("n_sessions")
    below = rows[~(rows[column] >= SHARE_WANTED)]
    sizes = rows["n_sessions"].to_numpy()
    enough = sizes if below.empty else sizes[sizes > below["n_sessions"].max()]
    if not len(enough):
        return Until(
            what,
            None,
            refused=f"not reached with the {sizes[-1]} sessions a model can have here; a share is "
            "not extrapolated.",
        )
    return Until(what, float(enough[0]))
