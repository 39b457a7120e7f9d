"""One Gram matrix of all bins of a person, from which refits start."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from painprint.arrays import Codes, Matrix, Vector, short_repr
from painprint.bins import (
    PARTS_OF_A_MINUTE,
    Bins,
    cut_minutes,
    make_rating_bins,
    make_test_bins,
    select_bins,
    test_scales,
)
from painprint.decode.errors import NotEnoughData
from painprint.decode.gram import activity_gram, gram
from painprint.decode.model import Model
from painprint.decode.prior import Prior
from painprint.decode.samples import RowsToPredict, Samples, combine
from painprint.decode.scales import Scales
from painprint.edges import count_edges
from painprint.runs import Frames
from painprint.settings import Rules, Settings


@short_repr
@dataclass(frozen=True, eq=False)
class BinGram:
    """Inner products of training bins and test bins of the same runs.

    Models of any rows, and their predictions of any others, follow from it without computing edges.

    Attributes
    ----------
    products : mapping of str to ndarray of shape (n_rows, n_rows)
        By feature ("edges", "activity"). Training bins first, then test bins, scale by scale.
    bins : mapping of str to Bins
        By kind: "train", then the scales of test bins ("1min" and "2min", or "event").
    frames : sequence of Frames
        The runs.
    group_index : ndarray of int, shape (n_runs,)
        Group of each run.
    minute : ndarray of int, shape (n_training_bins,), or None
        Primary test bin that each training bin is a part of; None for rating bins.
    prior : Prior or None
        Prior of models that train on these bins.
    """

    products: Mapping[str, Matrix]
    bins: Mapping[str, Bins]
    frames: Sequence[Frames]
    group_index: Codes
    minute: Codes | None
    prior: Prior | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of bins, in the order of the rows: "train", then the scales of test bins."""
        return tuple(self.bins)

    @property
    def tested(self) -> tuple[str, ...]:
        """Scales of test bins; the first is the primary one."""
        return self.kinds[1:]

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return int(self.group_index.max()) + 1

    @property
    def n_edges(self) -> int:
        """Number of edges of a row."""
        return count_edges(len(self.frames[0].regions))

    def rows(self, kind: str) -> slice:
        """Rows of K that hold the bins of one kind."""
        before = self.kinds[: self.kinds.index(kind)]
        start = sum(len(self.bins[name]) for name in before)
        return slice(start, start + len(self.bins[kind]))

    @property
    def edges(self) -> Matrix:
        """Inner products of edges, of all rows."""
        return self.products["edges"]

    def blocks(self, kind: str, other: str) -> dict[str, Matrix]:
        """Inner products of the bins of two kinds, by feature."""
        return {n: K[self.rows(kind), self.rows(other)] for n, K in self.products.items()}

    def block(self, kind: str, other: str, scale: Mapping[str, float] | None = None) -> Matrix:
        """The same summed over features, each multiplied by its scale (needed if several)."""
        return combine(self.blocks(kind, other), scale or {})

    def samples(self, confounds: Callable[[Codes], Matrix] | None = None) -> Samples:
        """Training bins as the input of a decoder."""
        bins = self.bins["train"]
        return Samples(
            products=self.blocks("train", "train"),
            y=bins.rating,
            groups=self.groups("train"),
            unit=self.minute,
            n_frames=np.array([len(f) for f in bins.frames], dtype=float),
            prior=self.prior_scores("train"),
            confounds=confounds,
        )

    def tested_rows(self) -> RowsToPredict:
        """Test bins of all scales, one scale after the other, to be predicted by a decoder."""
        blocks = [self.blocks(kind, "train") for kind in self.tested]
        scores = [s for kind in self.tested if (s := self.prior_scores(kind)) is not None]
        return RowsToPredict(
            {name: np.concatenate([block[name] for block in blocks]) for name in self.products},
            np.concatenate([self.groups(kind) for kind in self.tested]),
            np.concatenate(scores) if scores else None,
        )

    def prior_scores(self, kind: str) -> Vector | None:
        """Scores of the prior in the bins of a kind; None without a prior."""
        if self.prior is None:
            return None
        return self.prior.score_bins(self.frames, self.bins[kind])

    def predict(self, kind: str, model: Model, *, rows: Codes, train: Codes) -> Vector:
        """Predictions of bins of a kind by a model of training bins.

        Parameters
        ----------
        rows : ndarray of int
            Bins to predict.
        train : ndarray of int
            Training bins that the dual coefficients of the model belong to.
        """
        cross = self.block(kind, "train", model.scale)[np.ix_(rows, train)]
        scores = self.prior_scores(kind)
        return model.predict(cross, None if scores is None else scores[rows])

    def y(self, kind: str) -> Vector:
        """Mean ratings of the bins."""
        return self.bins[kind].rating

    def run(self, kind: str) -> Codes:
        """Run of each bin."""
        return self.bins[kind].run

    def groups(self, kind: str) -> Codes:
        """Group of each bin."""
        return self.group_index[self.bins[kind].run]

    def select_groups(self, kept: Sequence[int]) -> BinGram:
        """The same for some of the groups, renumbered in the order given."""
        runs = [int(r) for g in kept for r in np.flatnonzero(self.group_index == g)]
        number = {r: i for i, r in enumerate(runs)}
        chosen = {
            kind: np.array([row for r in runs for row in np.flatnonzero(self.run(kind) == r)], int)
            for kind in self.kinds
        }
        bins = {kind: _select(self.bins[kind], rows, runs, number) for kind, rows in chosen.items()}
        rows = np.concatenate([self.rows(kind).start + chosen[kind] for kind in self.kinds])
        new_index = {g: i for i, g in enumerate(kept)}
        of_primary = chosen[self.tested[0]]
        new_minute = np.empty(len(self.bins[self.tested[0]]), int)
        new_minute[of_primary] = np.arange(len(of_primary))
        return BinGram(
            products={name: K[np.ix_(rows, rows)] for name, K in self.products.items()},
            bins=bins,
            frames=[self.frames[r] for r in runs],
            group_index=np.array([new_index[int(self.group_index[r])] for r in runs]),
            minute=None if self.minute is None else new_minute[self.minute[chosen["train"]]],
            prior=self.prior,
        )

    def without(self, names: Sequence[str], *, n_jobs: int = 1) -> BinGram:
        """The same without some regions: the inner products of their edges are subtracted."""
        kept = [name for name in self.frames[0].regions if name not in set(names)]
        ordered = [frames.select([*names, *kept]) for frames in self.frames]
        layout = _lay_out(self.bins, self.minute)
        excluded = inner_products(
            ordered,
            layout.base,
            self.group_index,
            tuple(self.products),
            n_first=len(names),
            n_jobs=n_jobs,
        )
        return replace(
            self,
            products={n: K - layout.expand(excluded[n]) for n, K in self.products.items()},
            frames=[frames.select(kept) for frames in self.frames],
        )

    @cached_property
    def scales(self) -> Scales:
        """Weights by which values of test bins average to all scales."""
        primary = self.bins[self.tested[0]]
        n_frames = np.array([len(f) for f in primary.frames], dtype=float)
        of_run = (primary.run == np.arange(len(self.frames))[:, None]) * n_frames
        of_run /= of_run.sum(axis=1, keepdims=True)
        of_group = (self.group_index == np.arange(self.n_groups)[:, None]).astype(float)
        of_group /= of_group.sum(axis=1, keepdims=True)
        return Scales(
            of_run,
            of_group,
            self.group_index,
            {kind: self.groups(kind) for kind in self.tested},
        )


def _select(bins: Bins, rows: Codes, runs: list[int], number: dict[int, int]) -> Bins:
    return Bins(
        run=np.array([number[int(r)] for r in bins.run[rows]], int),
        number=bins.number[rows],
        rating=bins.rating[rows],
        frames=tuple(bins.frames[i] for i in rows),
        n_bins_requested=bins.n_bins_requested[runs],
        n_frames_excluded=bins.n_frames_excluded[runs],
    )


def make_bin_gram(
    frames: Sequence[Frames],
    group_index: Codes,
    settings: Settings,
    *,
    like: Sequence[Frames] | None = None,
    prior: Prior | None = None,
    n_jobs: int = 1,
) -> BinGram:
    """Bins of the runs and their inner products.

    Parameters
    ----------
    group_index : ndarray of int, shape (n_runs,)
        Group of each run.
    like : sequence of Frames, optional
        The same runs at another lag: the numbers of time bins are taken from them, so that rows
        correspond.
    prior : Prior, optional
        Prior of the models.
    """
    bins, minute = cut_bins(frames, settings, like=like)
    layout, features = _lay_out(bins, minute), features_of(settings)
    of_base = inner_products(frames, layout.base, group_index, features, n_jobs=n_jobs)
    products = {name: layout.expand(K) for name, K in of_base.items()}
    return BinGram(products, bins, frames, group_index, minute, prior)


def features_of(settings: Settings) -> tuple[str, ...]:
    """Names of the features that are decoded."""
    return ("edges", "activity") if settings.features == "both" else (settings.features,)


def cut_bins(
    frames: Sequence[Frames], settings: Settings, *, like: Sequence[Frames] | None = None
) -> tuple[dict[str, Bins], Codes | None]:
    """Bins of each kind, and the primary test bin of each training bin.

    Parameters
    ----------
    frames, settings, like
        As for :func:`make_bin_gram`.

    Raises
    ------
    NotEnoughData
        If no bin is long enough for training.
    """
    rules = settings.rules
    tested = {
        scale: make_test_bins(frames, rules, scale, like=like) for scale in test_scales(frames)
    }
    primary = next(iter(tested.values()))
    train, minute = make_training_bins(frames, rules, primary, settings.min_stretch_frames)
    if not len(train):
        raise NotEnoughData(
            f"no time bin has half of its {rules.train_bins} of usable frames, so none can train."
        )
    return {"train": train, **tested}, minute


def make_training_bins(
    frames: Sequence[Frames], rules: Rules, minutes: Bins, min_stretch_frames: int
) -> tuple[Bins, Codes | None]:
    """Training bins, and the primary test bin that each is a part of; None for rating bins.

    Events train as they are.
    """
    if frames[0].event is not None:
        return minutes, np.arange(len(minutes))
    if rules.train_bins == "rating":
        return make_rating_bins(frames, rules, min_stretch_frames=min_stretch_frames), None
    parts = cut_minutes(frames, minutes, PARTS_OF_A_MINUTE[rules.train_bins])
    rows = np.flatnonzero(parts.trains)
    return select_bins(parts.bins, rows), parts.minute[rows]


@dataclass(frozen=True, eq=False)
class _Layout:
    """Base bins, whose inner products are computed, and the rows as weighted means of them.

    A minute is the mean of its parts, weighted by frames, so that its inner products are weighted
    means of theirs.

    Attributes
    ----------
    members : ndarray of int
        Base bins of each row, one row after the other.
    starts : ndarray of int, shape (n_rows,)
        Index of the first member of each row.
    share : ndarray
        Weight of each member in its row.
    """

    base: Bins
    members: Codes
    starts: Codes
    share: Vector

    def expand(self, K: Matrix) -> Matrix:
        """Inner products of all rows from those of the base."""
        if len(self.members) == len(self.starts) == len(K):
            return K
        half = np.add.reduceat(K[self.members] * self.share[:, None], self.starts, axis=0)
        expanded: Matrix = np.add.reduceat(half[:, self.members] * self.share, self.starts, axis=1)
        return expanded


def _lay_out(bins: Mapping[str, Bins], minute: Codes | None) -> _Layout:
    """Derive minutes from training bins if these are their parts and cover all their frames."""
    train, minutes, *larger = bins.values()
    n_train, n_minutes, n_two = len(train), len(minutes), sum(map(len, larger))
    weight, minute_weight = (np.array([len(f) for f in b.frames], float) for b in (train, minutes))
    if minute is None or (np.bincount(minute, weight, n_minutes) < minute_weight).any():
        rows = np.arange(n_train + n_minutes + n_two)
        base = join_bins(list(bins.values()))
        return _Layout(base, rows, rows, np.ones(len(rows)))
    train_rows, two_minute_rows = np.arange(n_train), n_train + np.arange(n_two)
    first_part = np.searchsorted(minute, np.arange(n_minutes))
    return _Layout(
        base=join_bins([train, *larger]),
        members=np.concatenate([train_rows, train_rows, two_minute_rows]),
        starts=np.concatenate([train_rows, n_train + first_part, n_train + two_minute_rows]),
        share=np.concatenate([np.ones(n_train), weight / minute_weight[minute], np.ones(n_two)]),
    )


def inner_products(
    frames: Sequence[Frames],
    bins: Bins,
    group_index: Codes,
    features: Sequence[str],
    *,
    n_first: int | None = None,
    n_jobs: int = 1,
) -> dict[str, Matrix]:
    """Inner products of bins, by feature.

    Parameters
    ----------
    group_index : ndarray of int, shape (n_runs,)
        Group of each run.
    features : sequence of str
        "edges", "activity".
    n_first : int, optional
        Only edges with an end in the first ``n_first`` regions, and the activity of these.
        Default: all.
    """
    groups, products = group_index[bins.run], {}
    if "edges" in features:
        products["edges"] = gram(frames, bins, groups, n_first=n_first, n_jobs=n_jobs)
    if "activity" in features:
        products["activity"] = activity_gram(frames, bins, groups, n_first=n_first)
    return products


def join_bins(parts: Sequence[Bins]) -> Bins:
    """Concatenate the rows of several binnings of the same runs."""
    return Bins(
        run=np.concatenate([b.run for b in parts]),
        number=np.concatenate([b.number for b in parts]),
        rating=np.concatenate([b.rating for b in parts]),
        frames=tuple(f for b in parts for f in b.frames),
        n_bins_requested=np.sum([b.n_bins_requested for b in parts], axis=0),
        n_frames_excluded=np.sum([b.n_frames_excluded for b in parts], axis=0),
    )
