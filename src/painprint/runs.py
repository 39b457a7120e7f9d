"""One run's regional signals and rating on one frame clock (lag, drop, censor)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from painprint.given import as_counts, as_flags, as_label, as_labels, as_numbers, as_seconds
from painprint.settings import LONGEST_S, LONGEST_TR_S, SHORTEST_TR_S


@dataclass(frozen=True, order=True)
class RunKey:
    """Labels that identify a run; empty where the dataset has no such label."""

    session: str = ""
    task: str = ""
    run: str = ""

    def __str__(self) -> str:
        parts = (("ses", self.session), ("task", self.task), ("run", self.run))
        return " ".join(f"{name}-{value}" for name, value in parts if value) or "the only run"


def is_digits(text: str) -> bool:
    """Whether a text is a whole number in ASCII digits."""
    return text.isascii() and text.isdigit()


def natural(text: str) -> list[tuple[int, str]]:
    """Sort key that puts "2" before "10"."""
    parts = re.split(r"([0-9]+)", text)
    return [(int(part), "") if is_digits(part) else (-1, part) for part in parts if part]


@dataclass(frozen=True)
class ExcludedRun:
    """A run that is excluded, and the reason."""

    key: RunKey
    reason: str


@dataclass(frozen=True, eq=False)
class Run:
    """One run as measured: every frame of the BOLD derivative, before any exclusion.

    Parameters
    ----------
    signals : array or DataFrame of shape (n_frames, n_regions)
        Mean signal of each region (any unit); NaN rows where a frame is missing.
    rating : array of shape (n_frames,)
        Rating at mid-frame, *before* the haemodynamic lag; NaN where there is none.
    tr_s : float
        Repetition time (s), from 0.01 to 30 s.
    session, task, run : str
        Labels; whole numbers become text. Cross-validation leaves out sessions.
    censored : array of bool, shape (n_frames,), optional
        True where the BOLD frame is not to be used. Default: none.
    start_s : float
        Start of the first frame after the start of the scan (s).
    regions : sequence of str, optional
        Names of the regions; runs are matched by them. Default: the columns of a data
        frame, else "1", "2", ...
    confounds : mapping of str to array of shape (n_frames,), optional
        Nuisance variables such as motion. Never used to train; confound analyses test whether
        they explain rating and prediction. See :func:`motion_confounds`.
    event : array of int of shape (n_frames,), optional
        For ratings of events, such as trials: number of the event that each rated frame belongs
        to, from 0, and -1 for all others. An event's frames are consecutive and have one rating.
        Default: the rating is continuous.

    Masked elements of arrays, and values that pandas calls missing, become NaN.

    Raises
    ------
    ValueError
        If shapes disagree, names repeat or have control characters, values are no real numbers, or
        ``tr_s`` or ``start_s`` cannot be seconds.
    """

    signals: NDArray[np.float64]
    rating: NDArray[np.float64]
    tr_s: float
    session: str = ""
    task: str = ""
    run: str = ""
    censored: NDArray[np.bool_] | None = None
    start_s: float = 0.0
    regions: Sequence[str] = ()
    confounds: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    event: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        for name in ("session", "task", "run"):
            object.__setattr__(self, name, _entity(getattr(self, name), name))
        where = f"{self.key}: "
        signals = as_numbers(self.signals, f"{where}signals")
        rating = as_numbers(self.rating, f"{where}rating")
        if signals.ndim != 2 or rating.shape != signals.shape[:1] or not signals.size:
            raise ValueError(
                f"{where}signals have shape {signals.shape} and ratings {rating.shape}; "
                "needed are (n_frames, n_regions) and (n_frames,), and none of them 0."
            )
        given: dict[str, Any] = {
            "signals": signals,
            "rating": rating,
            "tr_s": as_seconds(self.tr_s, f"{where}tr_s", low=SHORTEST_TR_S, high=LONGEST_TR_S),
            "start_s": as_seconds(self.start_s, f"{where}start_s", low=-LONGEST_S, high=LONGEST_S),
            "regions": self._names(where, signals.shape[1]),
            "censored": np.zeros(len(rating), bool)
            if self.censored is None
            else as_flags(self.censored, f"{where}censored"),
            "confounds": {
                as_label(name, f"{where}name of a confound"): as_numbers(
                    values, f"{where}confound {name}", flags=True
                )
                for name, values in self.confounds.items()
            },
        }
        if self.event is not None:
            given["event"] = as_counts(self.event, f"{where}event")
            if (np.diff(given["event"][given["event"] >= 0]) < 0).any():
                raise ValueError(f"{where}event must not decrease over the frames of events.")
        of_frames = {name: given[name] for name in ("censored", "event") if name in given}
        for name, values in {**of_frames, **given["confounds"]}.items():
            if values.shape != rating.shape:
                what = f"confound {name}" if name in given["confounds"] else name
                raise ValueError(
                    f"{where}{what} has shape {values.shape}, but there are {len(rating)} frames."
                )
        for array in (signals, rating, *of_frames.values(), *given["confounds"].values()):
            array.flags.writeable = False
        for name, value in given.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        n_frames, n_regions = self.signals.shape
        labels = [f"{n}={v!r}" for n in ("session", "task", "run") if (v := getattr(self, n))]
        shape = f"{n_frames} frames x {n_regions} regions"
        return f"Run({', '.join([*labels, shape, f'TR {self.tr_s:g} s'])})"

    def _names(self, where: str, n_regions: int) -> tuple[str, ...]:
        """Names of the regions: as given, else the columns of a data frame, else numbers."""
        columns = [str(c) for c in getattr(self.signals, "columns", ())]
        numbered = [str(i + 1) for i in range(n_regions)]
        given = self.regions if isinstance(self.regions, str) else tuple(self.regions)
        names = as_labels(given or columns or numbered, f"{where}regions")
        if len(names) != n_regions:
            raise ValueError(f"{where}{len(names)} region names for {n_regions} regions.")
        if len(set(names)) < len(names):
            twice = sorted({n for n in names if names.count(n) > 1})
            raise ValueError(f"{where}region names must differ; repeated: {', '.join(twice)}.")
        return names

    @property
    def key(self) -> RunKey:
        """Session, task and run."""
        return RunKey(self.session, self.task, self.run)


def restore_censored(signals: ArrayLike, censored: ArrayLike) -> NDArray[np.float64]:
    """Restore the frames that censoring removed from a time series, as NaN.

    Parameters
    ----------
    signals : array of shape (n_frames, n_regions) or (n_kept, n_regions)
        A series of all frames is returned unchanged.
    censored : array of bool, shape (n_frames,)

    Raises
    ------
    ValueError
        If the rows are neither all frames nor the kept ones.
    """
    rows = np.asarray(signals, dtype=float)
    flags = np.asarray(censored, dtype=bool)
    if len(rows) == len(flags):
        return rows
    n_kept = int((~flags).sum())
    if len(rows) != n_kept:
        raise ValueError(
            f"the time series has {len(rows)} rows, but the outliers file keeps {n_kept} of "
            f"{len(flags)} frames. Pass the output folder that holds both."
        )
    full = np.full((len(flags), rows.shape[1]), np.nan)
    full[~flags] = rows
    return full


def framewise_displacement(motion: ArrayLike, *, radius_mm: float = 50.0) -> NDArray[np.float64]:
    """Sum of absolute changes of the six motion parameters, 0 for the first frame.

    Parameters
    ----------
    motion : array of shape (n_frames, 6)
        Translations x, y, z (mm), then rotations x, y, z (rad).
    radius_mm : float
        Rotations are arcs on a sphere of this radius (mm).

    Returns
    -------
    fd : ndarray of shape (n_frames,)
        mm.

    References
    ----------
    Power et al. (2012), NeuroImage
    """
    parameters = np.array(motion, dtype=float)
    parameters[:, 3:] *= radius_mm
    change = np.abs(np.diff(parameters, axis=0)).sum(axis=1)
    return np.concatenate([[0.0], change])


MOTION_NAMES = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")
"""The six motion parameters: translations (mm), then rotations (rad)."""
FD = "framewise_displacement"
DVARS = "dvars"


def motion_confounds(motion: ArrayLike) -> dict[str, NDArray[np.float64]]:
    """The six motion parameters and their framewise displacement, as confounds of a run.

    Parameters
    ----------
    motion : array of shape (n_frames, 6)
        As for :func:`framewise_displacement`.
    """
    parameters = np.asarray(motion, dtype=float)
    return {
        FD: framewise_displacement(parameters),
        **{name: parameters[:, i] for i, name in enumerate(MOTION_NAMES)},
    }


def count_frames(seconds: float, tr_s: float, *, up: bool) -> int:
    """Convert seconds to frames: rounded up (start of a run) or to the nearest (lag).

    Examples
    --------
    >>> count_frames(30, 0.46, up=True), count_frames(6, 0.46, up=False)
    (66, 13)
    """
    return math.ceil(seconds / tr_s) if up else round_half_up(seconds / tr_s)


def round_half_up(value: float) -> int:
    """The nearest whole number; halves go up, as in MATLAB.

    Examples
    --------
    >>> round_half_up(2.5), round_half_up(12.5)
    (3, 13)
    """
    return math.floor(value + 0.5)


@dataclass(frozen=True, eq=False)
class Frames:
    """The usable frames of one run: rating paired with the later BOLD, z-scored.

    Attributes
    ----------
    signals : ndarray of shape (n_kept, n_regions)
        z-scored within run (``ddof=1``); NaN for a region without a usable signal.
    rating : ndarray of shape (n_kept,)
    frame : ndarray of int, shape (n_kept,)
        Number of the rated frame in the derivative, from 0.
    usable : ndarray of bool, shape (n_regions,)
        False where a region is not finite or constant over the kept frames.
    counts : dict
        Numbers of frames; every frame of the run is counted under exactly one reason, or kept.
    confounds : dict of ndarrays of shape (n_kept,)
        Values at the paired BOLD frame.
    event : ndarray of int, shape (n_kept,), or None
        Number of the event of each frame; None for a continuous rating.
    """

    signals: NDArray[np.float64]
    rating: NDArray[np.float64]
    frame: NDArray[np.int64]
    usable: NDArray[np.bool_]
    regions: tuple[str, ...]
    key: RunKey
    tr_s: float
    start_s: float
    counts: dict[str, int] = field(default_factory=dict)
    confounds: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    event: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.rating)

    def __repr__(self) -> str:
        return f"Frames({self.key}, {len(self)} frames x {len(self.regions)} regions)"

    @property
    def kept_s(self) -> float:
        """Usable time (s)."""
        return len(self) * self.tr_s

    def select(self, names: Sequence[str]) -> Frames:
        """The same frames with these regions, in this order."""
        if tuple(names) == self.regions:
            return self
        columns = [self.regions.index(name) for name in names]
        return replace(
            self,
            signals=_frozen(self.signals[:, columns]),
            usable=_frozen(self.usable[columns]),
            regions=tuple(names),
        )


def pair_frames(run: Run, *, lag_frames: int, drop_frames: int, need_rating: bool = True) -> Frames:
    """Pair the rating of frame i with BOLD frame i + lag, and keep the usable pairs.

    Signals are z-scored over the frames that are kept; if events are rated, over those between
    them, too.

    Excluded are, in this order and each frame counted once: the start of the run, frames
    whose lagged BOLD lies beyond the end, frames without a rating, censored frames, and
    frames without any signal.

    Parameters
    ----------
    lag_frames : int
        Haemodynamic lag (frames).
    drop_frames : int
        Frames excluded at the start.
    need_rating : bool
        False to keep frames without a rating, as for a new run that is only scored.

    References
    ----------
    docs/methods.md; Lee et al. (2026)
    """
    n = len(run.rating)
    kept = np.arange(n)
    signals, counts = run.signals, {"n_frames": n}

    def exclude(name: str, bad: NDArray[np.bool_]) -> None:
        nonlocal kept
        counts[name] = int(bad.sum())
        kept = kept[~bad]

    exclude("n_start", kept < drop_frames)
    exclude("n_beyond_end", kept + lag_frames >= n)
    exclude("n_without_rating", need_rating & ~np.isfinite(run.rating[kept]))
    assert run.censored is not None  # set in Run.__post_init__
    exclude("n_censored", run.censored[kept + lag_frames])
    no_signal = np.asarray(~np.isfinite(signals).any(axis=1))
    exclude("n_without_signal", no_signal[kept + lag_frames])
    counts["n_kept"] = len(kept)

    scaled = paired = kept + lag_frames
    if run.event is not None:
        scaled = np.flatnonzero(~(run.censored | no_signal) & (np.arange(n) >= drop_frames))
    z, usable = zscore(signals[scaled])
    z = z[np.searchsorted(scaled, paired)]
    return Frames(
        signals=_frozen(z),
        rating=_frozen(run.rating[kept]),
        frame=_frozen(kept),
        usable=_frozen(usable),
        regions=tuple(run.regions),
        key=run.key,
        tr_s=run.tr_s,
        start_s=run.start_s,
        counts=counts,
        confounds={name: _frozen(v[paired]) for name, v in run.confounds.items()},
        event=None if run.event is None else _frozen(run.event[kept]),
    )


def keep_common_events(lags: Sequence[Frames]) -> list[Frames]:
    """The frames at each lag of those events that have frames at all of them; the others count as
    frames without a rating."""
    events = [frames.event for frames in lags if frames.event is not None]
    if not events:
        return list(lags)
    common = set.intersection(*(set(event.tolist()) for event in events))
    kept = []
    for frames, event in zip(lags, events, strict=True):
        rows = np.isin(event, sorted(common))
        n_lost = int((~rows).sum())
        counts = {**frames.counts, "n_kept": int(rows.sum())}
        counts["n_without_rating"] += n_lost
        kept.append(
            replace(
                frames,
                signals=_frozen(frames.signals[rows]),
                rating=_frozen(frames.rating[rows]),
                frame=_frozen(frames.frame[rows]),
                counts=counts,
                confounds={name: _frozen(v[rows]) for name, v in frames.confounds.items()},
                event=_frozen(event[rows]),
            )
        )
    return kept


def zscore(signals: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """z-score each column (``ddof=1``); constant or non-finite columns become NaN.

    Returns
    -------
    z : ndarray of shape (n_frames, n_regions)
    usable : ndarray of bool, shape (n_regions,)
        Finite everywhere and not constant up to rounding.
    """
    if len(signals) < 2:
        return np.full_like(signals, np.nan), np.zeros(signals.shape[1], bool)
    finite = np.isfinite(signals).all(axis=0)
    filled = np.where(finite, signals, 0.0)
    centred = filled - filled.mean(axis=0)
    sd = np.sqrt((centred**2).sum(axis=0) / (len(signals) - 1))
    # a constant column has an SD of rounding errors, not 0: relative to its largest value
    usable = finite & (sd > 1e-12 * np.abs(filled).max(axis=0))
    z = centred / np.where(usable, sd, 1.0)
    z[:, ~usable] = np.nan
    return z, usable


def _entity(value: Any, name: str) -> str:
    """A label of a session, task or run; empty where there is none."""
    label = as_label(value, name, empty=True)
    if label == "n/a":
        raise ValueError(f"{name} is 'n/a', which tables show where there is none; leave it empty.")
    return label


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array
