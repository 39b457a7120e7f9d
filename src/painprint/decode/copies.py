"""Copies among runs: signals, or ratings, of two runs that are the same but for small changes.

A run whose copy trains the model is predicted almost perfectly. Copies of a file are found by their
hash; here are those with a changed digit, another unit, sign or format, a shifted start, or frames
that were dropped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from painprint.arrays import Codes, Matrix
from painprint.runs import Frames, RunKey

COPIED = 0.9
"""|r| of two runs, frame by frame, from which one is a copy of the other. Runs of different people
who see the same video, or feel the same heat, reach 0.34, runs of a minute with 16 regions 0.65;
copies with another rounding or a dropped frame 0.99."""
CANDIDATE = 0.15
"""Smallest |r| at the best shift of the whole runs at which their parts are compared."""
N_PROJECTIONS = 16
"""Number of weighted sums of the regions that stand for all of them."""
PART_S, PART_VALUES = 30.0, 480
"""Shortest part of a run (s, and number of values), which may be shifted by itself, as after a
dropped frame. Parts of few regions are longer, as short ones correlate by chance."""
NEARBY = 20
"""Largest difference (frames) of the shift of a part from that of the run."""
SAME_RATING = 1e-6
"""Largest difference of ratings that are the same, as a share of their range."""
MOST_NAMED = 3
"""Number of copies that a message names."""
SHARE = 0.4
"""Share of the parts that has to be the same."""


@dataclass(frozen=True)
class Copy:
    """Two runs of which one is a copy of the other.

    Attributes
    ----------
    r : float
        Correlation of their signals, frame by frame, at the best shift; negative where one has the
        opposite sign.
    shift_frames : int
        Frames by which the second one is later.
    """

    first: RunKey
    second: RunKey
    r: float
    shift_frames: int

    def __str__(self) -> str:
        moved = f", {self.shift_frames:+d} frames" * bool(self.shift_frames)
        return f"{self.first} and {self.second} (r = {self.r:.4f}, frame by frame{moved})"


def find_copies(runs: Sequence[Frames], groups: Sequence[object]) -> list[Copy]:
    """Runs of different groups with the same signals.

    The signals are projected onto a few random directions, which keep correlations, and compared at
    every shift. Where whole runs correlate by more than ``CANDIDATE``, parts of the shorter one are
    compared, and the correlations of ``SHARE`` of them have to reach ``COPIED``.

    Parameters
    ----------
    runs : sequence of Frames
        With the same regions.
    groups : sequence
        Group of each run, such as its session.
    """
    if not runs:
        return []
    directions = _directions(len(runs[0].regions))
    series = [_on_clock(run, directions) for run in runs]
    size = next_fast_len(2 * max(map(len, series)), real=True)
    spectra = [rfft(x, size, axis=0) for x in series]
    norms = [float(np.sqrt((x**2).sum())) for x in series]
    copies = []
    for i, j in combinations(range(len(runs)), 2):
        if groups[i] == groups[j]:
            continue
        product = np.einsum("fk,fk->f", spectra[i].conj(), spectra[j])
        r = irfft(product, size) / (norms[i] * norms[j])
        at = int(np.argmax(np.abs(r)))
        if abs(r[at]) < CANDIDATE:
            continue
        shift = at if at < len(series[j]) else at - size
        r_parts = _correlate_parts(series[i], series[j], shift, runs[i].tr_s)
        if abs(r_parts) >= COPIED:
            copies.append(Copy(runs[i].key, runs[j].key, r_parts, shift))
    return copies


def _directions(n_regions: int) -> Matrix:
    """Random weights of the regions that sum to 0, so that the global signal does not dominate."""
    if n_regions <= N_PROJECTIONS:
        return np.eye(n_regions)
    weights = np.random.default_rng(0).normal(size=(n_regions, N_PROJECTIONS))
    return np.asarray(weights - weights.mean(axis=0))


def _on_clock(run: Frames, directions: Matrix) -> Matrix:
    """Projections of the frames of a run, 0 where a frame is excluded: (n_frames, n_directions)."""
    first = int(run.frame[0])
    series = np.zeros((int(run.frame[-1]) - first + 1, directions.shape[1]))
    series[run.frame - first] = run.signals @ directions
    return series


def _correlate_parts(first: Matrix, second: Matrix, shift: int, tr_s: float) -> float:
    """Largest |r| that ``SHARE`` of the parts of the shorter series reach in the other, signed."""
    if len(second) < len(first):
        first, second, shift = second, first, -shift
    n_frames = max(math.ceil(PART_S / tr_s), math.ceil(PART_VALUES / first.shape[1]))
    n_parts = max(1, len(first) // n_frames)
    best = []
    for rows in np.array_split(np.arange(len(first)), n_parts):
        r = [
            _correlation_at(first[rows], second, rows + shift + nearby)
            for nearby in range(-NEARBY, NEARBY + 1)
        ]
        best.append(max(r, key=abs))
    best.sort(key=abs, reverse=True)
    return best[math.ceil(SHARE * n_parts) - 1]


def _correlation_at(part: Matrix, of: Matrix, rows: Codes) -> float:
    """Correlation of a part of a series with rows of another one, over the frames that both have;
    0 where these are fewer than half."""
    inside = (rows >= 0) & (rows < len(of))
    x, y = part[inside], of[rows[inside]]
    both = x.any(axis=1) & y.any(axis=1)
    if both.sum() < max(2, len(rows) / 2):
        return 0.0
    x, y = x[both], y[both]
    return float((x * y).sum() / np.sqrt((x**2).sum() * (y**2).sum()))


def check_copies(runs: Sequence[Frames], groups: Sequence[object]) -> None:
    """Raise ValueError where runs of different groups have the same signals.

    Parameters
    ----------
    runs, groups
        As for :func:`find_copies`.
    """
    copies = find_copies(runs, groups)
    if copies:
        named = "; ".join(map(str, copies[:MOST_NAMED]))
        more = f"; and {len(copies) - MOST_NAMED} more" * (len(copies) > MOST_NAMED)
        raise ValueError(
            f"the same signals, but for small changes, are in {named}{more}. Each would be tested "
            "by a model that was trained with its copy. Remove one of them."
        )


def note_same_ratings(runs: Sequence[Frames], groups: Sequence[object]) -> tuple[str, ...]:
    """A note where runs of different groups have the same continuous rating, if it varies.

    A stimulus that is the same in every session may stand in for a rating, so that is not an error;
    but then everything that has the same time course in every session predicts it.
    """
    last = max((int(run.frame[-1]) for run in runs), default=0)
    ratings = np.full((len(runs), last + 1), np.nan)
    for row, run in zip(ratings, runs, strict=True):
        if run.event is None:
            row[run.frame] = run.rating
    same: dict[RunKey, None] = {}
    for i, j in combinations(range(len(runs)), 2):
        both = np.isfinite(ratings[i]) & np.isfinite(ratings[j])
        if groups[i] == groups[j] or both.sum() < max(2, len(runs[i]) / 2):
            continue
        x, y = ratings[i][both], ratings[j][both]
        if 0 < np.ptp(x) and np.abs(x - y).max() <= SAME_RATING * np.ptp(x):
            same |= {runs[i].key: None, runs[j].key: None}
    if not same:
        return ()
    return (
        f"{len(same)} runs of different sessions have the same rating, frame by frame (first: "
        f"{', '.join(map(str, list(same)[:MOST_NAMED]))}): right for a stimulus that is repeated, "
        "otherwise a copied file. Signals that drift alike in every session predict such a rating.",
    )
