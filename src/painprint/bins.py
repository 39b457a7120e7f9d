"""Rating bins and time bins: rows of frames of one run."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from painprint.arrays import short_repr
from painprint.runs import Frames, round_half_up
from painprint.settings import Rules

TIME_SCALES, EVENT_SCALES = ("1min", "2min"), ("event",)
"""Test bins, by name: time bins of a continuous rating, or events; the first is the primary scale,
which training bins are parts of."""
SCALES = (*TIME_SCALES, *EVENT_SCALES, "run", "session")
"""All scales at which predictions are scored; runs and sessions are means over test bins."""
NO_BIN = -1
"""Bin number of frames that are in no bin."""


@short_repr
@dataclass(frozen=True, eq=False)
class Bins:
    """Bins of frames, a row each, in the order of the runs.

    Attributes
    ----------
    run : ndarray of int, shape (n_rows,)
        Index of the run of each bin.
    number : ndarray of int, shape (n_rows,)
        Bin number within the run, from 1.
    rating : ndarray of shape (n_rows,)
        Mean rating of the frames.
    frames : tuple of n_rows int arrays
        Indices of the frames of each bin among the kept frames of its run.
    n_bins_requested : ndarray of int, shape (n_runs,)
        Bins into which each run was to be cut; it has fewer rows if some bins lost all frames.
    n_frames_excluded : ndarray of int, shape (n_runs,)
        Kept frames in no bin (their stretch was too short).
    """

    run: NDArray[np.int64]
    number: NDArray[np.int64]
    rating: NDArray[np.float64]
    frames: tuple[NDArray[np.int64], ...]
    n_bins_requested: NDArray[np.int64]
    n_frames_excluded: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rating)


def gather_bins(
    runs: Sequence[Frames], bin_of_frame: Sequence[NDArray[np.int64]], n_bins: Sequence[int]
) -> Bins:
    """Collect the frames of each bin; bins without frames are omitted.

    Parameters
    ----------
    bin_of_frame : sequence of int arrays
        Per run, the bin of each kept frame, from 0; -1 excludes it.
    n_bins : sequence of int
        Bins into which each run is to be cut.
    """
    run_index, number, rating, frames = [], [], [], []
    for r, (run_frames, labels) in enumerate(zip(runs, bin_of_frame, strict=True)):
        for b in range(n_bins[r]):
            members = np.flatnonzero(labels == b)
            if not len(members):
                continue
            run_index.append(r)
            number.append(b + 1)
            rating.append(run_frames.rating[members].mean())
            members.flags.writeable = False
            frames.append(members)
    columns = (np.array(run_index, int), np.array(number, int), np.array(rating, float))
    n_excluded = [int((labels == NO_BIN).sum()) for labels in bin_of_frame]
    counts = (np.array(n_bins, int), np.array(n_excluded, int))
    for array in (*columns, *counts):
        array.flags.writeable = False
    return Bins(*columns, tuple(frames), *counts)


def rating_bins(
    rating: ArrayLike, n_bins: int, *, decimals: int | None = None
) -> NDArray[np.int64]:
    """Bins of equal numbers of frames by rank of rating; ties rank in time order.

    Parameters
    ----------
    rating : array of shape (n_frames,)
    decimals : int, optional
        Ratings are ties if they are equal to so many decimals of the range of all, or up to
        rounding errors.

    Returns
    -------
    bin_of_frame : ndarray of int, shape (n_frames,)
        From 0.

    References
    ----------
    docs/methods.md; the inner edges are quantiles of the ranks by the Hazen rule.

    Examples
    --------
    >>> rating_bins([.3, .1, .2, .4], 2)
    array([1, 0, 0, 1])
    """
    values = np.asarray(rating, dtype=float)
    order = np.argsort(values, kind="stable")
    if decimals is not None and len(values):
        rounding = 8 * np.finfo(float).eps * float(np.abs(values).max())
        tolerance = max(float(np.ptp(values)) * 10.0**-decimals, rounding)
        level = np.empty(len(values), np.int64)
        level[order] = np.concatenate([[0], np.cumsum(np.diff(values[order]) > tolerance)])
        order = np.argsort(level, kind="stable")
    ranks = np.empty(len(values))
    ranks[order] = np.arange(1, len(values) + 1)
    inner = np.quantile(ranks, np.arange(1, n_bins) / n_bins, method="hazen")
    return np.searchsorted(inner, ranks, side="left")


def drop_short_stretches(bin_of_frame: ArrayLike, min_frames: int) -> NDArray[np.int64]:
    """Exclude contiguous stretches of a bin that are too short.

    The run's last stretch is never tested, as in the published analysis.

    Examples
    --------
    >>> drop_short_stretches([0, 0, 0, 1, 0, 0, 1], 2)
    array([ 0,  0,  0, -1,  0,  0,  1])
    """
    labels = np.array(bin_of_frame, dtype=np.int64)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(labels)) + 1])
    for start, stop in zip(starts[:-1], starts[1:], strict=True):
        if stop - start < min_frames:
            labels[start:stop] = NO_BIN
    return labels


def equal_time_bins(n_frames: int, n_bins: int) -> NDArray[np.int64]:
    """Consecutive bins of equal counts, cut as ``np.array_split`` does.

    Examples
    --------
    >>> equal_time_bins(5, 2)
    array([0, 0, 0, 1, 1])
    """
    size, rest = divmod(n_frames, n_bins)
    return np.repeat(np.arange(n_bins), [size + (b < rest) for b in range(n_bins)])


def discretize_edges(n_frames: int, n_bins: int) -> NDArray[np.float64]:
    """Bin edges chosen by MATLAB's ``discretize(1:n, N)``.

    Bins close on the left, the last one on both sides.

    References
    ----------
    docs/methods.md
    """
    low, high = 1.0, float(n_frames)
    raw = (high - low) / n_bins
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * math.floor(raw / power)
    left = min(step * math.floor(low / step), low)
    lowest = (high - left) / n_bins
    highest = (high - left) / (n_bins - 1)
    quantum = 10.0 ** math.floor(math.log10(highest - lowest))
    width = quantum * math.ceil(lowest / quantum)
    edges = left + width * np.arange(n_bins + 1)
    edges[-1] = max(edges[-1], high)
    return edges.astype(float)


def discretized_time_bins(n_frames: int, n_bins: int) -> NDArray[np.int64]:
    """Consecutive bins of unequal counts, as in the published scripts; the last differs most."""
    edges = discretize_edges(n_frames, n_bins)
    return np.searchsorted(edges[1:-1], np.arange(1, n_frames + 1), side="right")


@dataclass(frozen=True)
class BinCounts:
    """Numbers of bins of about one and two minutes in a run."""

    one_minute: int
    two_minutes: int


PAPER_COUNTS = BinCounts(10, 5)


def count_bins(frames: Frames, rules: Rules) -> BinCounts:
    """Numbers of time bins of a run: 10 and 5 in the paper preset, else by usable duration.

    Examples
    --------
    A run with 600 s of usable frames has 10 and 5 bins under either preset.
    """
    if rules.time_bins == "discretize":
        return PAPER_COUNTS
    return BinCounts(
        max(2, round_half_up(frames.kept_s / 60)), max(1, round_half_up(frames.kept_s / 120))
    )


def make_rating_bins(runs: Sequence[Frames], rules: Rules, *, min_stretch_frames: int) -> Bins:
    """Training bins by rank of rating: as many per run as there are one-minute bins."""
    n_bins = [count_bins(run, rules).one_minute for run in runs]
    labels = [
        drop_short_stretches(
            rating_bins(run.rating, n, decimals=rules.rating_decimals), min_stretch_frames
        )
        for run, n in zip(runs, n_bins, strict=True)
    ]
    return gather_bins(runs, labels, n_bins)


PARTS_OF_A_MINUTE = {"60s": 1, "30s": 2, "20s": 3}
"""Training bins per 1-min time bin, by their nominal length."""
SHORTEST_SHARE = 0.5
"""A training bin is at least this share of its nominal length."""


@short_repr
@dataclass(frozen=True, eq=False)
class Parts:
    """Equal parts of 1-min time bins, in the order of time.

    Attributes
    ----------
    minute : ndarray of int, shape (n_rows,)
        Index of the 1-min bin that each is a part of.
    trains : ndarray of bool, shape (n_rows,)
        Whether it is long enough to train.
    """

    bins: Bins
    minute: NDArray[np.int64]
    trains: NDArray[np.bool_]


def cut_minutes(runs: Sequence[Frames], minutes: Bins, n_parts: int) -> Parts:
    """Cut 1-min time bins into equal parts, including parts too short to train.

    Parameters
    ----------
    minutes : Bins
        From :func:`make_test_bins`.
    """
    labels = [np.full(len(run), NO_BIN) for run in runs]
    minute, next_label = [], [0] * len(runs)
    for m, (r, frames) in enumerate(zip(minutes.run, minutes.frames, strict=True)):
        for part in np.array_split(frames, n_parts):
            if len(part):
                labels[r][part] = next_label[r]
                next_label[r] += 1
                minute.append(m)
    bins = gather_bins(runs, labels, next_label)
    nominal_s = 60 / n_parts
    seconds = np.array([len(f) * runs[r].tr_s for r, f in zip(bins.run, bins.frames, strict=True)])
    return Parts(bins, np.array(minute, int), seconds >= SHORTEST_SHARE * nominal_s)


def select_bins(bins: Bins, rows: NDArray[np.int64]) -> Bins:
    """Some of the bins; frames of the others count as excluded."""
    dropped = np.ones(len(bins), bool)
    dropped[rows] = False
    n_frames = np.array([len(f) for f in bins.frames], int)
    n_excluded = bins.n_frames_excluded + np.bincount(
        bins.run, weights=n_frames * dropped, minlength=len(bins.n_bins_requested)
    ).astype(int)
    return Bins(
        bins.run[rows],
        bins.number[rows],
        bins.rating[rows],
        tuple(bins.frames[i] for i in rows),
        bins.n_bins_requested,
        n_excluded,
    )


def primary_scale(scales: Container[str]) -> str:
    """The primary one of the scales of a study: events if they were rated, else minutes.

    Examples
    --------
    >>> primary_scale(["1min", "2min", "run", "session"])
    '1min'
    """
    return next(name for name in (*EVENT_SCALES, *TIME_SCALES) if name in scales)


@dataclass(frozen=True)
class BinWords:
    """What the bins of a primary scale are called in sentences.

    Attributes
    ----------
    noun, one : str
        One of them, in everyday words, without and with its article.
    bin, bins : str
        One, or several of them, in descriptions of methods.
    at : str
        Follows the name of a statistic that was computed over them.
    rating : str
        Follows "the": what a bin has of the rating.
    axis : str
        Label of an axis that shows it.
    scales : str
        Names and kinds of the bins of all scales, in the description of a column.
    """

    noun: str
    one: str
    bin: str
    bins: str
    at: str
    rating: str
    axis: str
    scales: str


BIN_WORDS = {
    "1min": BinWords(
        noun="minute",
        one="a minute",
        bin="time bin",
        bins="1-min bins",
        at="at 1 min",
        rating="mean rating",
        axis="rating, mean per minute",
        scales="1min, 2min (time bins)",
    ),
    "event": BinWords(
        noun="event",
        one="an event",
        bin="event",
        bins="events",
        at="across events",
        rating="rating",
        axis="rating of each event",
        scales="event",
    ),
}
"""What bins are called, by primary scale."""
MIXED_WORDS = BinWords(
    noun="bin",
    one="a bin",
    bin="bin",
    bins="bins",
    at="at the primary scale",
    rating="mean rating",
    axis="rating, mean per bin",
    scales="1min, 2min (time bins), event",
)
"""What they are called where people with different primary scales stand side by side."""


def primary_words(scales: Container[str]) -> BinWords:
    """What the bins of the primary one of these scales are called.

    Examples
    --------
    >>> primary_words(["event", "run", "session"]).noun
    'event'
    """
    return BIN_WORDS[primary_scale(scales)]


def test_scales(runs: Sequence[Frames]) -> tuple[str, ...]:
    """Names of the test bins of runs, the primary scale first.

    Raises
    ------
    ValueError
        If only some of the runs have ratings of events.
    """
    of_events = {run.event is not None for run in runs}
    if len(of_events) > 1:
        raise ValueError("some runs have ratings of events, and others a continuous rating.")
    return EVENT_SCALES if True in of_events else TIME_SCALES


def make_test_bins(
    runs: Sequence[Frames], rules: Rules, scale: str, *, like: Sequence[Frames] | None = None
) -> Bins:
    """Bins that test: of equal length, at the scale ``"1min"`` or ``"2min"``, or events.

    With ``like``, the same runs at another lag, their numbers of time bins are those of ``like``.
    """
    if scale == "event":
        labels = [run.event for run in runs if run.event is not None]  # all of them: test_scales
        n_bins = [int(label.max(initial=NO_BIN)) + 1 for label in labels]
    else:
        cut = discretized_time_bins if rules.time_bins == "discretize" else equal_time_bins
        counts = [count_bins(run, rules) for run in like or runs]
        n_bins = [c.one_minute if scale == "1min" else c.two_minutes for c in counts]
        labels = [cut(len(run), n) for run, n in zip(runs, n_bins, strict=True)]
    return gather_bins(runs, labels, n_bins)
