"""Ratings permuted within sessions, between them, or both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.arrays import Codes, Matrix, Vector, short_repr
from painprint.decode.bin_gram import BinGram
from painprint.runs import Frames, RunKey, natural
from painprint.stats.permutation import surrogate_orders

Rated = list[Frames]
"""Frames of each run at one lag."""
NULLS = ("observed", "within", "between", "both")
FEWEST_SESSIONS_TO_REORDER = 6
"""Fewer session means have too few orders (5! = 120) for a p-value near 0.01."""
SHARE_OF_BOTH = 0.2
"""Permutations of ``both`` per permutation of the others: only its median is used."""


@short_repr
@dataclass(frozen=True, eq=False)
class Permutations:
    """Permutations, independent of the ratings that they are applied to.

    Attributes
    ----------
    kind : ndarray of str, shape (n,)
        One of ``NULLS``; the first is "observed".
    donor : ndarray of int, shape (n, n_runs)
        Run whose time course each run receives.
    shift : ndarray of shape (n, n_runs)
        Circular shift, as a share of the length of the donor (0 to 1).
    order : ndarray of int, shape (n, n_groups)
        Rank of the mean that each group receives; the observed ranks where means are kept.
    """

    kind: NDArray[np.str_]
    donor: Codes
    shift: Vector
    order: Codes


def draw_permutations(bin_gram: BinGram, n: int, rng: np.random.Generator) -> Permutations:
    """The observed ratings, then n permutations within, n between, and some of both.

    Parameters
    ----------
    bin_gram : BinGram
        Provides the runs, and the session means whose autocorrelation is kept.
    """
    kind = np.repeat(NULLS, [1, n, n, round(SHARE_OF_BOTH * n)])
    group_index, n_runs = bin_gram.group_index, len(bin_gram.group_index)
    means = session_levels(bin_gram)
    observed = np.argsort(np.argsort(means, kind="stable"), kind="stable")
    donor = np.tile(np.arange(n_runs), (len(kind), 1))
    shift = np.zeros((len(kind), n_runs))
    order = np.tile(observed, (len(kind), 1))
    position = run_positions([run.key for run in bin_gram.frames])
    traces = np.isin(kind, ("within", "both"))
    donor[traces] = _swap(group_index, position, int(traces.sum()), rng)
    shift[traces] = rng.random((int(traces.sum()), n_runs))
    levels = np.isin(kind, ("between", "both"))
    order[levels] = surrogate_orders(means, int(levels.sum()), rng)
    return Permutations(kind, donor, shift, order)


def permute_frames(
    runs: Sequence[Sequence[Frames]], group_index: Codes, rng: np.random.Generator
) -> list[list[Frames]]:
    """Runs with one permutation of their ratings within sessions, frame by frame.

    Parameters
    ----------
    runs : sequence of sequences of Frames
        Of each run, at each lag; a permutation is the same at all lags.
    group_index : ndarray of int, shape (n_runs,)
        Group of each run.

    Returns
    -------
    runs : list of lists of Frames
        In which averages over bins are those of :func:`permute_ratings`.
    """
    donor = _swap(group_index, run_positions([lags[0].key for lags in runs]), 1, rng)[0]
    shift = rng.random(len(runs))
    at_lags = [
        _permute([lags[i] for lags in runs], group_index, donor, shift) for i in range(len(runs[0]))
    ]
    return [list(lags) for lags in zip(*at_lags, strict=True)]


def _permute(frames: Sequence[Frames], group_index: Codes, donor: Codes, shift: Vector) -> Rated:
    """Ratings of the donors, shifted, with the mean of each group as it was."""
    order = [
        np.arange(len(f)) if f.event is None else np.unique(f.event, return_inverse=True)[1]
        for f in frames
    ]
    traces = [
        np.bincount(number, f.rating) / np.bincount(number)
        for f, number in zip(frames, order, strict=True)
    ]
    levels = _mean_of_groups(np.array([f.rating.mean() for f in frames]), group_index)
    moved = []
    for r, d in enumerate(donor):
        start = int(shift[r] * len(traces[d]))
        at = (start + np.arange(len(traces[r]))) % len(traces[d])
        moved.append(traces[d][at] - levels[group_index[d]])
    change = levels - _mean_of_groups(np.array([m.mean() for m in moved]), group_index)
    return [
        replace(f, rating=(m + change[g])[number])
        for f, m, g, number in zip(frames, moved, group_index, order, strict=True)
    ]


def _mean_of_groups(values: Vector, group_index: Codes) -> Vector:
    means: Vector = np.bincount(group_index, values) / np.bincount(group_index)
    return means


def run_positions(keys: Sequence[RunKey]) -> Codes:
    """Position of each run in its session: by task and run label (as numbers where they are)
    where sessions share labels, else (labels that count on over sessions) by order."""
    labels = [(*natural(key.run), (-1, key.task)) for key in keys]
    names = list(dict.fromkeys(sorted(labels)))
    sessions = pd.Series([key.session for key in keys])
    if sessions.nunique() == 1 or 2 * len(names) <= len(keys):
        return np.array([names.index(label) for label in labels])
    return np.asarray(sessions.groupby(sessions).cumcount(), dtype=np.int64)


def _swap(group_index: Codes, position: Codes, n: int, rng: np.random.Generator) -> Codes:
    """Donors: a random order of sessions, the same for runs at every position."""
    key = rng.random((n, int(group_index.max()) + 1))
    donor = np.empty((n, len(group_index)), np.int64)
    for p in np.unique(position):
        runs = np.flatnonzero(position == p)
        donor[:, runs] = runs[np.argsort(key[:, group_index[runs]], axis=1)]
    return donor


def session_levels(bin_gram: BinGram) -> Vector:
    """Mean rating of each group: the mean over its runs of their means."""
    levels: Vector = bin_gram.scales.of_group @ np.array([f.rating.mean() for f in bin_gram.frames])
    return levels


def permute_ratings(bin_gram: BinGram, permutations: Permutations, *kinds: str) -> list[Matrix]:
    """Ratings of the bins of each kind under each permutation.

    Frames are permuted and then averaged in bins, so every kind of bin has the same permutation. A
    rating of events is permuted by events.

    Parameters
    ----------
    kinds : str
        Of time bins or events.

    Returns
    -------
    ratings : list of ndarrays of shape (n_rows, n)
    """
    levels, n = session_levels(bin_gram), len(permutations.kind)
    traces = [
        trace - levels[g]
        for trace, g in zip(_time_courses(bin_gram), bin_gram.group_index, strict=True)
    ]
    moved = {kind: np.empty((len(bin_gram.bins[kind]), n)) for kind in kinds}
    run_means = np.empty((len(traces), n))
    for r, trace in enumerate(traces):
        rows = {kind: np.flatnonzero(bin_gram.run(kind) == r) for kind in kinds}
        spans = [_spans(bin_gram, kind, rows[kind]) for kind in kinds]
        spans.append(np.array([[0, len(trace)]]))
        for donor in np.unique(permutations.donor[:, r]):
            at = np.flatnonzero(permutations.donor[:, r] == donor)
            start = np.floor(permutations.shift[at, r] * len(traces[donor])).astype(np.int64)
            *of_kinds, of_run = _circular_means(traces[donor], start, spans)
            run_means[r, at] = of_run[0]
            for kind, means in zip(kinds, of_kinds, strict=True):
                moved[kind][np.ix_(rows[kind], at)] = means
    ordered = np.sort(levels)[permutations.order.T]  # (n_groups, n)
    shift = ordered - bin_gram.scales.of_group @ run_means
    observed = permutations.kind == "observed"
    ratings = []
    for kind in kinds:
        permuted = shift[bin_gram.groups(kind)] + moved[kind]
        permuted[:, observed] = bin_gram.y(kind)[:, None]
        ratings.append(permuted)
    return ratings


def _time_courses(bin_gram: BinGram) -> list[Vector]:
    """Ratings of the frames of each run, or of its events."""
    if bin_gram.frames[0].event is None:
        return [frames.rating for frames in bin_gram.frames]
    y, run = bin_gram.y("event"), bin_gram.run("event")
    return [y[run == r] for r in range(len(bin_gram.frames))]


def _spans(bin_gram: BinGram, kind: str, rows: Codes) -> Codes:
    """First frame (or event) of each bin and the one after its last: (n_rows, 2)."""
    if bin_gram.frames[0].event is not None:
        return np.column_stack([np.arange(len(rows)), np.arange(len(rows)) + 1])
    bins = bin_gram.bins[kind]
    return np.array([[bins.frames[i][0], bins.frames[i][-1] + 1] for i in rows], int)


def _circular_means(trace: Vector, start: Codes, spans: Sequence[Codes]) -> list[Matrix]:
    """Means of intervals of a circular time course, after shifting it to each start.

    Returns
    -------
    means : list of ndarrays of shape (n_spans, n_starts)
    """
    n, sums = len(trace), np.concatenate([[0.0], np.cumsum(trace)])

    def up_to(frame: Codes) -> Matrix:
        """Sum of the first frames, going round the time course as often as needed."""
        total: Matrix = (frame // n) * sums[-1] + sums[frame % n]
        return total

    return [
        (up_to(ends[:, 1:] + start) - up_to(ends[:, :1] + start)) / np.diff(ends, axis=1)
        for ends in spans
    ]
