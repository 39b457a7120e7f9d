"""Learning curve: agreement of models of random subsets of sessions."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from painprint.arrays import Matrix, Vector
from painprint.bins import primary_words
from painprint.decode.bin_gram import BinGram
from painprint.decode.errors import NotEnoughData
from painprint.evidence.case import Case
from painprint.evidence.draws import (
    DrawPredictions,
    draw_sessions,
    mean_of_defined,
    predict_from_draws,
    score_draws,
    side_by_side,
    summarise_draws,
)
from painprint.evidence.scores import at_primary
from painprint.evidence.stage import StageResult
from painprint.progress import OnStep, count_steps
from painprint.settings import Rules
from painprint.stats.bootstrap import FISHER_Z, t_inflated
from painprint.wording import plural

SOME_SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 20)
"""Further sizes follow in steps of a sixth (at least 4), up to all sessions but two."""
FEWEST_DRAWS, MOST_MODELS = 5, 160
"""Fewest draws per held-out session, and most models per number of sessions, unless the number of
draws is set."""
SHARE_WANTED = 0.8
"""Share of significant draws at which a number of sessions is sufficient."""


def learning_curve(case: Case, *, on_step: OnStep | None = None) -> StageResult:
    """Agreement of models of few sessions with held-out sessions, by number of sessions.

    Returns
    -------
    result : StageResult
        Table ``learningcurve``: per number of sessions and scale, the mean over draws and their
        2.5 and 97.5 % of r and centred r, and the share of significant draws. Table
        ``learningcurvedraws``: every draw. Numbers: sessions needed for each target.

    References
    ----------
    docs/methods.md
    """
    settings, bin_grams = case.settings, case.bin_grams
    rules, n_groups = settings.rules, bin_grams[0].n_groups
    sizes, not_done = curve_sizes(bin_grams[0], rules, unit=settings.leave_out)
    if not sizes:
        return StageResult({}, {}, tuple(not_done))
    rng, own_draws = case.stream("curve"), rules.curve_penalty == "fold"
    draws_of_size = {
        size: draw_sessions(
            n_groups,
            size,
            settings.n_curve_draws or count_draws(n_groups, size, rules),
            rng,
            per_draw=1 if own_draws else count_together(n_groups, size),
        )
        for size in sizes
    }
    penalties = None
    if own_draws:
        penalties = [(settings.lag_s.index(f.lag_s), f.choice.penalty) for f in case.decoding.folds]
    step = count_steps(on_step, len(sizes))
    predicted: dict[int, DrawPredictions] = {}
    for size, draws in draws_of_size.items():
        try:
            predicted[size] = predict_from_draws(
                bin_grams, rules, draws, penalties=penalties, n_jobs=case.n_jobs
            )
        except NotEnoughData as error:
            not_done.append(f"No models of {size} {settings.leave_out}s: {error}")
        finally:
            step()
    if not predicted:
        return StageResult({}, {}, tuple(not_done))
    draw_table, resampled = score_draws(
        bin_grams[0],
        side_by_side(list(predicted.values())),
        settings.n_bootstraps,
        case.stream("curve bootstrap"),
    )
    n_draws = [len(draws_of_size[size]) for size in predicted]
    column = draw_table["draw"].to_numpy() - 1
    draw_table = draw_table.assign(
        n_sessions=np.repeat(list(predicted), n_draws)[column],
        draw=np.concatenate([np.arange(n) + 1 for n in n_draws])[column],
    ).sort_values("n_sessions", kind="stable", ignore_index=True)
    table = summarise_draws(draw_table)
    by_size = np.split(resampled, np.cumsum(n_draws)[:-1], axis=1)
    curves = np.stack([mean_of_defined(columns) for columns in by_size], axis=1)
    answers = _answer(table, curves, settings.target_r, n_groups)
    return StageResult(
        {"learningcurve": table, "learningcurvedraws": draw_table},
        {"n_draws": max(n_draws), "n_sessions": n_groups, "until": [asdict(a) for a in answers]},
        tuple(not_done),
    )


def _answer(table: pd.DataFrame, resampled: Matrix, target: float, n_sessions: int) -> list[Until]:
    """Sessions needed for the target r, and until most draws are significant."""
    minute = at_primary(table)
    sizes, r = (minute[name].to_numpy(float) for name in ("n_sessions", "centred_r"))
    shares = {
        "centred_r": f"{SHARE_WANTED:.0%} of draws with a significant centred r",
        "r": f"{SHARE_WANTED:.0%} of draws with a significant r (paper's p)",
    }
    at = primary_words(set(table["scale"])).at
    return [
        sessions_until_r(sizes, r, resampled, target=target, n_sessions=n_sessions, at=at),
        *(
            sessions_until_significant(table, f"share_significant_{name}", what)
            for name, what in shares.items()
        ),
    ]


def curve_sizes(bin_gram: BinGram, rules: Rules, *, unit: str) -> tuple[list[int], list[str]]:
    """Numbers of sessions to draw, up to all but two, and why some are excluded."""
    most = bin_gram.n_groups - 2
    sizes = (
        list(range(1, most + 1))
        if rules.curve_sizes == "all"
        else sorted({s for s in (*_some_sizes(most), most) if 1 <= s <= most})
    )
    n_runs = np.bincount(bin_gram.group_index)
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
    """Number of held-out groups that share a draw: half as many as are in training."""
    return max(1, min(size // 2, n_groups - size))


def count_draws(n_groups: int, size: int, rules: Rules) -> int:
    """Draws per held-out group; fewer where they need many models, which then hardly differ."""
    if rules.curve_penalty == "fold":
        return rules.curve_draws
    models_of_draw = -(-n_groups // count_together(n_groups, size))
    return min(rules.curve_draws, max(FEWEST_DRAWS, MOST_MODELS // models_of_draw))


@dataclass(frozen=True)
class Until:
    """Number of sessions needed for a target.

    Attributes
    ----------
    what : str
        The target.
    n_sessions : float or None
        Sessions needed; None where it cannot be estimated.
    low, high : float or None
        95 % interval; None where a limit is not within reach.
    refused : str or None
        Why it cannot be estimated.
    """

    what: str
    n_sessions: float | None = None
    low: float | None = None
    high: float | None = None
    refused: str | None = None


FARTHEST = 2
"""The curve is extrapolated to at most this multiple of the available sessions."""
FEWEST_SIZES = 4
LEAST_RISE = 1e-6
"""Smallest b of a curve that rises; below it is flat."""
EXPONENTS = np.linspace(0.2, 2, 19)


def fit_curve(sizes: Vector, r: Vector) -> tuple[float, float, float]:
    """Least-squares a - b·s^-c; b is 0 where the curve does not rise."""
    best, coefficients = np.inf, (float(r.mean()), 0.0, 1.0)
    for c in EXPONENTS:
        x = np.column_stack([np.ones_like(sizes), -(sizes**-c)])
        (a, b), *_ = np.linalg.lstsq(x, r, rcond=None)
        error = float(((x @ [a, b] - r) ** 2).sum())
        if b > LEAST_RISE and error < best:
            best, coefficients = error, (float(a), float(b), float(c))
    return coefficients


def sessions_to_reach(sizes: Vector, r: Vector, target: float) -> float:
    """Sessions at which the fitted curve reaches the target; infinity where it never does."""
    a, b, c = fit_curve(sizes, r)
    if a <= target or b <= 0:
        return np.inf
    with np.errstate(over="ignore"):
        return float(max(1.0, (b / (a - target)) ** (1 / c)))


def sessions_until_r(
    sizes: Vector, r: Vector, resampled: Matrix, *, target: float, n_sessions: int, at: str
) -> Until:
    """Sessions needed for a centred r, with an interval; refused beyond reach.

    Parameters
    ----------
    sizes, r : ndarrays of shape (n_sizes,)
        Numbers of sessions, and their centred r.
    resampled : ndarray of shape (n_bootstraps, n_sizes)
        The same r with sessions resampled.
    n_sessions : int
        Number of available sessions.
    at : str
        Where r was computed, as in :class:`~painprint.bins.BinWords`.
    """
    what = f"centred r of {target:g} {at}"
    farthest = FARTHEST * n_sessions
    if not np.isfinite(r).all():
        return Until(what, refused="centred r is undefined at some numbers of sessions.")
    if len(sizes) < FEWEST_SIZES:
        return Until(
            what,
            refused=f"a curve through {plural(len(sizes), 'number')} of sessions cannot be "
            f"extrapolated; {FEWEST_SIZES} are needed.",
        )
    reached = sessions_to_reach(sizes, r, target)
    if reached > farthest:
        a, b, _ = fit_curve(sizes, r)
        shape = "does not rise" if b <= 0 else f"levels off near {a:.2f}"
        reason = (
            f"the fitted curve {shape} and does not reach it."
            if np.isinf(reached)
            else f"more than {farthest} sessions would be needed, {FARTHEST} times those "
            "available; the curve is not extrapolated beyond that."
        )
        return Until(what, refused=reason)
    defined = resampled[np.isfinite(resampled).all(axis=1)][:MOST_CURVES]
    curves = t_inflated(defined, r, n_sessions, FISHER_Z)
    needed = np.sort([sessions_to_reach(sizes, curve, target) for curve in curves])
    # order statistics, not interpolated quantiles: some curves never reach the target (infinity)
    low, high = (needed[round(q * (len(needed) - 1))] for q in (0.025, 0.975))
    return Until(what, reached, float(low), float(high) if high <= farthest else None)


MOST_CURVES = 1000
"""Number of resampled curves that are fitted for an interval."""


def sessions_until_significant(table: pd.DataFrame, column: str, what: str) -> Until:
    """The number of sessions from which most draws are significant; never extrapolated."""
    rows = at_primary(table).sort_values("n_sessions")
    below = rows[~(rows[column] >= SHARE_WANTED)]
    sizes = rows["n_sessions"].to_numpy()
    enough = sizes if below.empty else sizes[sizes > below["n_sessions"].max()]
    if not len(enough):
        return Until(
            what,
            refused=f"not reached with {plural(int(sizes[-1]), 'training session')}, the most "
            "that are possible here; shares are not extrapolated.",
        )
    return Until(what, float(enough[0]))
