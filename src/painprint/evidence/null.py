"""Is it chance? The whole pipeline again, many times, with ratings that brains cannot know.

Rows that train must not be made from the rating, so rating bins have no such null. Ratings are
taken apart into session means and what is left within sessions:

within
    session means stay; traces of sessions are swapped, each run with its position, and
    shifted circularly within runs. Assumes that one session's trace could have been
    another's, and that within a run no moment is special: shifting breaks a trend, so strong
    trends in ratings and BOLD alike make its p too small.
between
    traces stay; session means are put in another order, drawn with an autocorrelation
    that could have made the observed one. Assumes that they drift as an AR(1) process.
both
    neither is left: where agreement lies when there is nothing to find.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.bins import Bins
from painprint.decode.bin_gram import KINDS, Kernel
from painprint.decode.decoders import make_decoder
from painprint.decode.errors import NotEnoughData
from painprint.decode.metrics import SCALES, agreement
from painprint.evidence.case import Case, Finding
from painprint.progress import OnStep, step_of_part
from painprint.runs import RunKey, natural

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Codes = NDArray[np.int64]

NULLS = ("observed", "within", "between", "both")
FEWEST_SESSIONS_TO_REORDER = 6
"""Fewer session means have too few orders (5! = 120) for a p-value near 0.01."""
SHARE_OF_BOTH = 0.2
"""Permutations of ``both`` per permutation of the others: only its median is used."""


def permutation_null(case: Case, *, on_step: OnStep | None = None) -> Finding:
    """The whole pipeline under permuted ratings, nested cross-validation included.

    Returns
    -------
    finding : Finding
        Table ``null``: r, session-centred r and skill of every permutation at every scale.
        Numbers: per scale the observed values, the median of r where nothing is
        left to find, ``p_within`` (of centred r) and ``p_between`` (of r), one-sided.

    Raises
    ------
    NotEnoughData
        Where rating bins train.

    References
    ----------
    docs/methods.md
    """
    if case.settings.rules.train_bins == "rating":
        raise NotEnoughData(
            "rating bins are made from the rating, so a permuted rating would change the rows that "
            "train. The recommended preset on time bins (--train-bins 30s) has this null."
        )
    kernels = case.kernels
    permutations = draw_permutations(kernels[0], case.settings.n_permutations, case.stream("null"))
    values = null_statistics(kernels, case, permutations, on_step=on_step)
    table = _table(values, permutations.kind)
    n_groups = kernels[0].n_groups
    scales = {scale: _summarise(values[scale], permutations.kind) for scale in SCALES}
    not_done = []
    if n_groups < FEWEST_SESSIONS_TO_REORDER:
        not_done.append(
            f"No p between {case.settings.leave_out}s: {n_groups} means have too few orders; at "
            f"least {FEWEST_SESSIONS_TO_REORDER} are needed."
        )
        for of_scale in scales.values():
            of_scale["p_between"] = None
    if scales["1min"]["p_within"] is None:
        not_done.append(
            f"No p within {case.settings.leave_out}s: rating or prediction do not vary within them."
        )
    numbers: dict[str, Any] = {"n_permutations": case.settings.n_permutations, "scales": scales}
    return Finding({"null": table}, numbers, tuple(not_done))


@dataclass(frozen=True, eq=False)
class Permutations:
    """How ratings are permuted, whatever they are.

    Attributes
    ----------
    kind : ndarray of str, shape (n,)
        One of ``NULLS``; the first is "observed".
    donor : ndarray of int, shape (n, n_runs)
        Whose trace each run gets.
    shift : ndarray of shape (n, n_runs)
        By what share of the donor it is shifted, from 0 to 1.
    order : ndarray of int, shape (n, n_groups)
        Rank of the mean that each group gets; the observed ranks where means stay.
    """

    kind: NDArray[np.str_]
    donor: Codes
    shift: Vector
    order: Codes


def draw_permutations(kernel: Kernel, n: int, rng: np.random.Generator) -> Permutations:
    """The observed ratings, then n permutations within, n between, and some of both.

    Parameters
    ----------
    kernel : Kernel
        For its runs, and for the session means whose autocorrelation is kept.
    n : int
    rng : Generator
    """
    kind = np.repeat(NULLS, [1, n, n, round(SHARE_OF_BOTH * n)])
    codes, n_runs = kernel.codes, len(kernel.codes)
    means = session_levels(kernel)
    observed = np.argsort(np.argsort(means, kind="stable"), kind="stable")
    donor = np.tile(np.arange(n_runs), (len(kind), 1))
    shift = np.zeros((len(kind), n_runs))
    order = np.tile(observed, (len(kind), 1))
    position = run_positions([one.key for one in kernel.frames])
    traces = np.isin(kind, ("within", "both"))
    donor[traces] = _swap(codes, position, int(traces.sum()), rng)
    shift[traces] = rng.random((int(traces.sum()), n_runs))
    levels = np.isin(kind, ("between", "both"))
    order[levels] = surrogate_orders(means, int(levels.sum()), rng)
    return Permutations(kind, donor, shift, order)


def run_positions(keys: Sequence[RunKey]) -> Codes:
    """Position of each run in its session: by task and run label (as numbers where they are)
    where sessions share labels, else (labels that count on over sessions) by order."""
    labels = [(*natural(key.run), (-1, key.task)) for key in keys]
    names = list(dict.fromkeys(sorted(labels)))
    sessions = pd.Series([key.session for key in keys])
    if sessions.nunique() == 1 or 2 * len(names) <= len(keys):
        return np.array([names.index(label) for label in labels])
    return np.asarray(sessions.groupby(sessions).cumcount(), dtype=np.int64)


def _swap(codes: Codes, position: Codes, n: int, rng: np.random.Generator) -> Codes:
    """Donors: sessions are put in a random order, the same at every position."""
    key = rng.random((n, int(codes.max()) + 1))
    donor = np.empty((n, len(codes)), np.int64)
    for p in np.unique(position):
        runs = np.flatnonzero(position == p)
        donor[:, runs] = runs[np.argsort(key[:, codes[runs]], axis=1)]
    return donor


def surrogate_orders(means: Vector, n: int, rng: np.random.Generator) -> Codes:
    """Orders of session means that have an autocorrelation like the observed one.

    Each is the order of an AR(1) process, its coefficient drawn from what the observed means
    leave possible (exact likelihood; mean and variance integrated out; flat prior). So the
    uncertainty of an autocorrelation from few sessions is part of the null.

    Returns
    -------
    orders : ndarray of int, shape (n, n_groups)
        Ranks, from 0.
    """
    coefficients = np.linspace(-0.5, 0.98, 75)
    log_likelihood = np.array([_log_likelihood(means, phi) for phi in coefficients])
    weight = np.exp(log_likelihood - log_likelihood.max())
    drawn = rng.choice(coefficients, size=n, p=weight / weight.sum())
    noise = rng.normal(size=(n, len(means)))
    series = np.empty_like(noise)
    series[:, 0] = noise[:, 0]
    for t in range(1, len(means)):
        series[:, t] = drawn * series[:, t - 1] + np.sqrt(1 - drawn**2) * noise[:, t]
    return np.argsort(np.argsort(series, axis=1), axis=1)


def _log_likelihood(x: Vector, phi: float) -> float:
    """Of a stationary AR(1) coefficient, mean and variance integrated out."""
    n, at = len(x), np.arange(len(x))
    precision = np.linalg.inv(phi ** np.abs(at[:, None] - at))
    ones = precision.sum()
    centred = x - (precision.sum(axis=0) @ x) / ones
    spread = float(centred @ precision @ centred)
    if spread <= 1e-24 * float(x @ x):
        return 0.0  # equal means have one order
    log_determinant = (n - 1) * np.log(1 - phi**2)
    return float(-0.5 * (log_determinant + np.log(ones) + (n - 1) * np.log(spread)))


def session_levels(kernel: Kernel) -> Vector:
    """Mean rating of each group: the mean over its runs of their means."""
    levels: Vector = kernel.scales.of_group @ np.array([f.rating.mean() for f in kernel.frames])
    return levels


def permute_ratings(kernel: Kernel, permutations: Permutations, *kinds: str) -> list[Matrix]:
    """Ratings of the bins of each kind under each permutation.

    Frames are permuted, and averaged in the bins: so every kind of bin sees the same permutation.

    Parameters
    ----------
    kernel : Kernel
    permutations : Permutations
    kinds : str
        Of time bins.

    Returns
    -------
    ratings : list of ndarrays of shape (n_rows, n)
    """
    levels, n = session_levels(kernel), len(permutations.kind)
    traces = [f.rating - levels[g] for f, g in zip(kernel.frames, kernel.codes, strict=True)]
    moved = {kind: np.empty((len(kernel.bins[kind]), n)) for kind in kinds}
    of_run = np.empty((len(traces), n))
    for r, frames in enumerate(kernel.frames):
        rows = {kind: np.flatnonzero(kernel.run(kind) == r) for kind in kinds}
        spans = [_spans(kernel.bins[kind], rows[kind]) for kind in kinds]
        spans.append(np.array([[0, len(frames)]]))
        for donor in np.unique(permutations.donor[:, r]):
            at = np.flatnonzero(permutations.donor[:, r] == donor)
            start = np.floor(permutations.shift[at, r] * len(traces[donor])).astype(np.int64)
            for kind, means in zip(
                (*kinds, None), _circular_means(traces[donor], start, spans), strict=True
            ):
                if kind is None:
                    of_run[r, at] = means[0]
                else:
                    moved[kind][np.ix_(rows[kind], at)] = means
    ordered = np.sort(levels)[permutations.order.T]  # (n_groups, n)
    shift = ordered - kernel.scales.of_group @ of_run
    observed = permutations.kind == "observed"
    found = []
    for kind in kinds:
        permuted = shift[kernel.groups(kind)] + moved[kind]
        permuted[:, observed] = kernel.y(kind)[:, None]
        found.append(permuted)
    return found


def _spans(bins: Bins, rows: Codes) -> Codes:
    """First frame of each time bin and the one after its last: (n_rows, 2)."""
    return np.array([[bins.frames[i][0], bins.frames[i][-1] + 1] for i in rows], int)


def _circular_means(trace: Vector, start: Codes, spans: Sequence[Codes]) -> list[Matrix]:
    """Means of stretches of a trace that goes on at its beginning, from each start.

    Returns
    -------
    means : list of ndarrays of shape (n_spans, n_starts)
    """
    n, sums = len(trace), np.concatenate([[0.0], np.cumsum(trace)])

    def up_to(frame: Codes) -> Matrix:
        total: Matrix = (frame // n) * sums[-1] + sums[frame % n]
        return total

    return [
        (up_to(ends[:, 1:] + start) - up_to(ends[:, :1] + start)) / np.diff(ends, axis=1)
        for ends in spans
    ]


def null_statistics(
    kernels: Sequence[Kernel],
    case: Case,
    permutations: Permutations,
    *,
    on_step: OnStep | None = None,
) -> dict[str, dict[str, Vector]]:
    """r, centred r and skill of each permutation, by scale."""
    first, tested = kernels[0], ("1min", "2min")
    ratings = [permute_ratings(kernel, permutations, *KINDS) for kernel in kernels]
    fits = []
    for i, (kernel, (Y, *_)) in enumerate(zip(kernels, ratings, strict=True)):
        of_tested = [kernel.blocks(kind, "train") for kind in tested]
        fits.append(
            make_decoder(case.settings.rules, kernel.n_edges).nested_for_many(
                kernel.samples(),
                Y,
                {f: np.concatenate([block[f] for block in of_tested]) for f in kernel.products},
                np.concatenate([kernel.groups(kind) for kind in tested]),
                n_jobs=case.n_jobs,
                on_step=step_of_part(on_step, i, len(kernels)),
            )
        )
    lag = np.argmax([fit.inner_score for fit in fits], axis=0)  # (n_groups, n)
    mean = _at_lag([fit.training_mean for fit in fits], lag)
    y = [_by_scale(k, *of_kinds[1:]) for k, of_kinds in zip(kernels, ratings, strict=True)]
    predicted = [
        _by_scale(kernel, *np.split(fit.held_out, [len(kernel.bins["1min"])]))
        for kernel, fit in zip(kernels, fits, strict=True)
    ]
    found = {}
    for scale, group in first.scales.groups.items():
        y_at, predicted_at = (
            _at_lag([of_lag[scale] for of_lag in values], lag[group]) for values in (y, predicted)
        )
        found[scale] = agreement(y_at, predicted_at, mean[group], group)
    return found


def _by_scale(kernel: Kernel, minutes: Matrix, two_minutes: Matrix) -> dict[str, Matrix]:
    """Values of time bins at every scale."""
    return kernel.scales.average(minutes, two_minutes)


def _at_lag(values: Sequence[Matrix], lag: Codes) -> Matrix:
    """Each entry from the lag that its fold chose."""
    found: Matrix = np.take_along_axis(np.array(values), lag[None], axis=0)[0]
    return found


def p_above(observed: float, null: Vector) -> float | None:
    """One-sided p of the observed among the null; None where it is undefined."""
    null = null[np.isfinite(null)]
    if not np.isfinite(observed) or not len(null):
        return None
    return float((1 + (null >= observed).sum()) / (1 + len(null)))


def _summarise(values: dict[str, Vector], kind: NDArray[np.str_]) -> dict[str, float | None]:
    """Observed values, what nothing gives, and p-values, at one scale."""
    observed = {name: float(v[0]) for name, v in values.items()}
    nothing = values["r"][kind == "both"]
    nothing_centred = values["centred_r"][kind == "both"]
    return {
        **observed,
        "null_median": _median(nothing),
        "null_median_centred": _median(nothing_centred),
        "p_within": p_above(observed["centred_r"], values["centred_r"][kind == "within"]),
        "p_between": p_above(observed["r"], values["r"][kind == "between"]),
    }


def _median(values: Vector) -> float | None:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else None


def _table(values: dict[str, dict[str, Vector]], kind: NDArray[np.str_]) -> pd.DataFrame:
    number = np.concatenate([np.arange((kind == k).sum()) + (k != "observed") for k in NULLS])
    parts = [
        pd.DataFrame({"null": kind, "permutation": number, "scale": scale, **values[scale]})
        for scale in SCALES
    ]
    return pd.concat(parts, ignore_index=True)
