"""All bins of a person side by side in one Gram matrix: what refits and nulls start from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from painprint.bins import Bins, make_rating_bins, make_time_bins
from painprint.decode.gram import gram
from painprint.edges import count_edges
from painprint.runs import Frames
from painprint.settings import Settings

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

KINDS = ("rating", "1min", "2min")
"""Bins that train, and time bins that test."""


@dataclass(frozen=True, eq=False)
class Kernel:
    """Inner products of rating bins and time bins of the same runs.

    Models of any rows, and their predictions of any others, follow from it without an edge in
    sight.

    Attributes
    ----------
    K : ndarray of shape (n_rows, n_rows)
        Rating bins first, then 1-min and 2-min time bins.
    bins : mapping of str to Bins
        By kind: "rating", "1min", "2min".
    frames : sequence of Frames
        The runs.
    codes : ndarray of int, shape (n_runs,)
        Group of each run.
    """

    K: Matrix
    bins: Mapping[str, Bins]
    frames: Sequence[Frames]
    codes: NDArray[np.int64]

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return int(self.codes.max()) + 1

    @property
    def n_edges(self) -> int:
        """Length of the rows behind K."""
        return count_edges(len(self.frames[0].regions))

    def rows(self, kind: str) -> slice:
        """Where the bins of one kind stand in K."""
        before = KINDS[: KINDS.index(kind)]
        start = sum(len(self.bins[name]) for name in before)
        return slice(start, start + len(self.bins[kind]))

    def block(self, kind: str, other: str) -> Matrix:
        """Inner products of the bins of two kinds."""
        return self.K[self.rows(kind), self.rows(other)]

    def y(self, kind: str) -> Vector:
        """Mean ratings of the bins."""
        return self.bins[kind].rating

    def run(self, kind: str) -> NDArray[np.int64]:
        """Run of each bin."""
        return self.bins[kind].run

    def groups(self, kind: str) -> NDArray[np.int64]:
        """Group of each bin."""
        return self.codes[self.bins[kind].run]

    def of_groups(self, kept: Sequence[int]) -> Kernel:
        """The same for some of the groups, numbered anew in the order given."""
        runs = [int(r) for g in kept for r in np.flatnonzero(self.codes == g)]
        number = {r: i for i, r in enumerate(runs)}
        chosen = {
            kind: np.array([row for r in runs for row in np.flatnonzero(self.run(kind) == r)], int)
            for kind in KINDS
        }
        bins = {kind: _select(self.bins[kind], rows, runs, number) for kind, rows in chosen.items()}
        rows = np.concatenate([self.rows(kind).start + chosen[kind] for kind in KINDS])
        new_code = {g: i for i, g in enumerate(kept)}
        return Kernel(
            K=self.K[np.ix_(rows, rows)],
            bins=bins,
            frames=[self.frames[r] for r in runs],
            codes=np.array([new_code[int(self.codes[r])] for r in runs]),
        )

    def without(self, names: Sequence[str], *, n_jobs: int = 1) -> Kernel:
        """The same without some regions: what their edges add is taken off.

        Parameters
        ----------
        names : sequence of str
            Regions to leave out.
        n_jobs : int
        """
        kept = [name for name in self.frames[0].regions if name not in set(names)]
        ordered = [one.select([*names, *kept]) for one in self.frames]
        together = join_bins([self.bins[kind] for kind in KINDS])
        codes = self.codes[together.run]
        of_edges = gram(ordered, together, codes, n_first=len(names), n_jobs=n_jobs)
        frames = [one.select(kept) for one in self.frames]
        return Kernel(self.K - of_edges, self.bins, frames, self.codes)

    @cached_property
    def scales(self) -> Scales:
        """How values of time bins average to the four scales."""
        minutes = self.bins["1min"]
        n_frames = np.array([len(f) for f in minutes.frames], dtype=float)
        of_run = (minutes.run == np.arange(len(self.frames))[:, None]) * n_frames
        of_run /= of_run.sum(axis=1, keepdims=True)
        of_group = (self.codes == np.arange(self.n_groups)[:, None]).astype(float)
        of_group /= of_group.sum(axis=1, keepdims=True)
        return Scales(
            of_run,
            of_group,
            _pair_minutes(minutes, n_frames),
            self.codes,
            self.groups("1min"),
            self.groups("2min"),
        )


@dataclass(frozen=True, eq=False)
class Scales:
    """Averages of time bins: 1min and 2min as they are, runs over all kept frames, groups over
    their runs.

    Attributes
    ----------
    of_run : ndarray of shape (n_runs, n_minutes)
    of_group : ndarray of shape (n_groups, n_runs)
    of_pair : ndarray of shape (n_pairs, n_minutes)
        Neighbouring 1-min bins of a run, two by two, by kept frames.
    codes : ndarray of int, shape (n_runs,)
    minute_groups, two_minute_groups : ndarray of int
        Group of each time bin.
    """

    of_run: Matrix
    of_group: Matrix
    of_pair: Matrix
    codes: NDArray[np.int64]
    minute_groups: NDArray[np.int64]
    two_minute_groups: NDArray[np.int64]

    def average(self, minutes: Matrix, two_minutes: Matrix) -> dict[str, Matrix]:
        """Values at four scales.

        Parameters
        ----------
        minutes : ndarray of shape (n_minutes, ...)
        two_minutes : ndarray of shape (n_two_minutes, ...)
        """
        runs = self.of_run @ minutes
        return {
            "1min": minutes,
            "2min": two_minutes,
            "run": runs,
            "session": self.of_group @ runs,
        }

    def average_minutes(self, minutes: Matrix) -> dict[str, Matrix]:
        """The same where only 1-min bins were predicted: pairs of them stand for 2 min."""
        return self.average(minutes, self.of_pair @ minutes)

    @property
    def groups_of_minutes(self) -> dict[str, NDArray[np.int64]]:
        """Group of each row that :meth:`average_minutes` gives."""
        return {**self.groups, "2min": self.minute_groups[np.argmax(self.of_pair > 0, axis=1)]}

    @property
    def groups(self) -> dict[str, NDArray[np.int64]]:
        """Group of each row, by scale."""
        return {
            "1min": self.minute_groups,
            "2min": self.two_minute_groups,
            "run": self.codes,
            "session": np.arange(len(self.of_group)),
        }


def _pair_minutes(minutes: Bins, n_frames: Vector) -> Matrix:
    rows = []
    for r in range(int(minutes.run.max()) + 1):
        of_run = np.flatnonzero(minutes.run == r)
        for part in np.array_split(of_run, max(1, len(of_run) // 2)):
            row = np.zeros(len(minutes))
            row[part] = n_frames[part] / n_frames[part].sum()
            rows.append(row)
    return np.array(rows)


def _select(bins: Bins, rows: NDArray[np.int64], runs: list[int], number: dict[int, int]) -> Bins:
    return Bins(
        run=np.array([number[int(r)] for r in bins.run[rows]], int),
        number=bins.number[rows],
        rating=bins.rating[rows],
        frames=tuple(bins.frames[i] for i in rows),
        n_bins_asked=bins.n_bins_asked[runs],
        n_frames_left_out=bins.n_frames_left_out[runs],
    )


def make_kernel(
    frames: Sequence[Frames],
    codes: NDArray[np.int64],
    settings: Settings,
    *,
    like: Sequence[Frames] | None = None,
    n_jobs: int = 1,
) -> Kernel:
    """Bins of the runs and their inner products.

    Parameters
    ----------
    frames : sequence of Frames
    codes : ndarray of int, shape (n_runs,)
        Group of each run.
    settings : Settings
    like : sequence of Frames, optional
        The same runs at another lag: time bins are as many as there, so that rows match.
    n_jobs : int
    """
    rules = settings.rules
    bins = {
        "rating": make_rating_bins(frames, rules, min_stretch_frames=settings.min_stretch_frames),
        "1min": make_time_bins(frames, rules, "1min", like=like),
        "2min": make_time_bins(frames, rules, "2min", like=like),
    }
    together = join_bins([bins[kind] for kind in KINDS])
    return Kernel(gram(frames, together, codes[together.run], n_jobs=n_jobs), bins, frames, codes)


def join_bins(parts: Sequence[Bins]) -> Bins:
    """The rows of several binnings of the same runs, one after the other."""
    return Bins(
        run=np.concatenate([b.run for b in parts]),
        number=np.concatenate([b.number for b in parts]),
        rating=np.concatenate([b.rating for b in parts]),
        frames=tuple(f for b in parts for f in b.frames),
        n_bins_asked=np.sum([b.n_bins_asked for b in parts], axis=0),
        n_frames_left_out=np.sum([b.n_frames_left_out for b in parts], axis=0),
    )
