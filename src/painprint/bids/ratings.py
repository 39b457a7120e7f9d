"""Ratings: one for each BOLD frame of a continuous recording, and rating quality."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from painprint.arrays import short_repr
from painprint.given import as_numbers
from painprint.wording import plural

LONGER_STEP = 1.5
FEWEST_LONGER = 0.1
"""A rating is not sampled regularly if more than this share of its steps is longer than
``LONGER_STEP`` usual ones: more than jitter and lost samples make."""
LONG_STEP_S = 1.0
LEAST_IN_LONG = 0.1
"""Nor is it logged when it changes unless steps of more than ``LONG_STEP_S`` (s) take this share of
its time: a screen that loses frames makes longer steps, but none of that length."""
MOST_REPEATED = 0.05
"""Largest share of samples, beside one, that repeat the one before where changes are logged."""


@short_repr
@dataclass(frozen=True, eq=False)
class RatingRecording:
    """Samples of a continuous rating.

    Parameters
    ----------
    time_s : array of shape (n_samples,)
        Sample times relative to the start of the recording, increasing (s).
    value : array of shape (n_samples,)
        Ratings; NaN where a sample is missing.
    start_s : float
        Start of the recording relative to the start of the scan (s).
    value_range : (float, float) or None
        Lowest and highest possible rating, if known.
    hold : bool
        Whether each sample holds until the next one, and the last one from then on, as of a slider
        that is logged when it moves. Otherwise the rating is interpolated between samples.

    Raises
    ------
    ValueError
        If lengths differ, there are fewer than two samples, or times do not increase.
    """

    time_s: NDArray[np.float64]
    value: NDArray[np.float64]
    start_s: float = 0.0
    value_range: tuple[float, float] | None = None
    hold: bool = False

    def __post_init__(self) -> None:
        time_s = as_numbers(self.time_s, "times of the rating")
        value = as_numbers(self.value, "rating")
        if time_s.shape != value.shape or time_s.ndim != 1:
            raise ValueError(f"{time_s.shape} sample times, but {value.shape} ratings.")
        if len(time_s) < 2:
            n_samples = plural(len(time_s), "sample")
            raise ValueError(
                f"the rating has {n_samples}; at least 2 are needed. Is the file complete?"
            )
        if not np.isfinite(time_s).all():
            at = int(np.flatnonzero(~np.isfinite(time_s))[0])
            raise ValueError(f"the time stamp of rating sample {at + 1} is not a number.")
        steps = np.diff(time_s)
        if (steps <= 0).any():
            at = int(np.flatnonzero(steps <= 0)[0])
            raise ValueError(
                f"time stamps of the rating must increase, but sample {at + 2} "
                f"({time_s[at + 1]:g} s) follows sample {at + 1} ({time_s[at]:g} s)."
            )
        if not np.isfinite(value).any():
            raise ValueError("the rating has no finite sample.")
        time_s.flags.writeable = value.flags.writeable = False
        object.__setattr__(self, "time_s", time_s)
        object.__setattr__(self, "value", value)

    @property
    def span_s(self) -> tuple[float, float]:
        """Start of the first sample and end of the last one, in time of the scan (s): a sample
        lasts for the usual step; of one that holds, the beginning is counted."""
        step_s = 0.0 if self.hold else float(np.median(np.diff(self.time_s)))
        return self.start_s + float(self.time_s[0]), self.start_s + float(self.time_s[-1]) + step_s

    @property
    def n_before_change(self) -> int:
        """Number of samples before the rating first changes; all of them if it never does."""
        first = self.value[np.isfinite(self.value)][0]
        changed = np.flatnonzero(np.isfinite(self.value) & (self.value != first))
        return int(changed[0]) if len(changed) else len(self.value)

    def start_value_lasts_s(self, scan_start_s: float) -> float:
        """Time in the scan before the rating first changes (s); 0 if it never does."""
        n = self.n_before_change
        if n == len(self.value):
            return 0.0
        first_s = self.start_s + self.time_s[np.isfinite(self.value)][0]
        return max(0.0, float(self.start_s + self.time_s[n] - max(scan_start_s, first_s)))

    def without_start(self) -> RatingRecording:
        """The recording whose samples before the first change are missing.

        Raises
        ------
        ValueError
            If the rating never changes.
        """
        n = self.n_before_change
        if n == len(self.value):
            raise ValueError(
                "the rating never changes, so that no sample is left without its start value. "
                "Omit --rating-ignore-start, or exclude this run."
            )
        return replace(self, value=np.where(np.arange(len(self.value)) < n, np.nan, self.value))

    @property
    def looks_on_change(self) -> bool:
        """Whether samples seem to have been logged only when the rating changed: steps of different
        lengths, some of them long, and nearly each sample differs from the one before; the last
        one may close the run."""
        steps = np.diff(self.time_s)
        long = steps > LONGER_STEP * np.median(steps)
        lasting_s = steps[steps > LONG_STEP_S].sum()
        uneven = long.mean() > FEWEST_LONGER and lasting_s > LEAST_IN_LONG * steps.sum()
        repeats = np.diff(self.value)[:-1] == 0
        changes = repeats.sum() <= 1 + MOST_REPEATED * len(repeats) and not repeats.all()
        return bool(uneven and changes and not self.hold)


def frame_ratings(
    recording: RatingRecording,
    n_frames: int,
    *,
    tr_s: float,
    bold_start_s: float = 0.0,
    max_gap_s: float = np.inf,
) -> NDArray[np.float64]:
    """Rating of each frame at mid-frame: interpolated linearly and never extrapolated, or, if the
    samples hold, that of the last sample before.

    Parameters
    ----------
    n_frames : int
        Number of frames of the BOLD derivative.
    tr_s : float
        Repetition time (s).
    bold_start_s : float
        Start of the first frame relative to the start of the scan (s).
    max_gap_s : float
        Frames strictly inside a longer interval between two samples get no rating (s), unless the
        samples hold.

    Returns
    -------
    rating : ndarray of shape (n_frames,)
        NaN where there is no rating.

    References
    ----------
    docs/methods.md; Lee et al. (2026)
    """
    t = mid_frames(n_frames, tr_s=tr_s, start_s=bold_start_s - recording.start_s)
    if recording.hold:
        last = np.searchsorted(recording.time_s, t, side="right") - 1
        return np.where(last < 0, np.nan, recording.value[last])
    rating = np.interp(t, recording.time_s, recording.value, left=np.nan, right=np.nan)
    for start, stop in _gaps(recording.time_s, max_gap_s):
        rating[(t > start) & (t < stop)] = np.nan
    return rating


def mid_frames(n_frames: int, *, tr_s: float, start_s: float) -> NDArray[np.float64]:
    """Time of the middle of each frame (s): shape (n_frames,).

    Parameters
    ----------
    tr_s, start_s : float
        Repetition time, and start of the first frame (s).
    """
    # the order of these operations is fixed: rounding decides which ratings tie
    return np.asarray((start_s + tr_s / 2) + np.arange(n_frames) * tr_s, dtype=np.float64)


def _gaps(time_s: NDArray[np.float64], max_gap_s: float) -> list[tuple[float, float]]:
    """Start and end of each interval between samples that is longer than ``max_gap_s``."""
    at = np.flatnonzero(np.diff(time_s) > max_gap_s)
    return [(float(time_s[i]), float(time_s[i + 1])) for i in at]


@dataclass(frozen=True)
class RatingQuality:
    """Quality of the rating of a run; shares at and outside the limits of the scale are None where
    the scale is unknown, and what only a recording has is NaN for ratings of events; the number of
    gaps is None for arrays."""

    lowest: float
    highest: float
    mean: float
    sd: float
    share_at_floor: float | None
    share_at_ceiling: float | None
    share_out_of_range: float | None
    longest_stuck_s: float
    n_gaps: int | None
    longest_gap_s: float
    share_of_scan_rated: float

    def as_row(self) -> dict[str, float | int | None]:
        """One row of the rating-quality table."""
        return asdict(self)


def rating_quality(
    recording: RatingRecording, rating_of_frame: ArrayLike, *, max_gap_s: float
) -> RatingQuality:
    """Range, floor and ceiling, constant stretches, gaps and coverage of one recording.

    Parameters
    ----------
    rating_of_frame : array of shape (n_frames,)
        As returned by :func:`frame_ratings`.
    max_gap_s : float
        A longer interval between samples, or any missing samples, count as a gap (s). Of samples
        that hold, only missing ones do, and mean, SD and shares are those of the rated frames,
        since samples last differently long.
    """
    finite = np.isfinite(recording.value)
    value, time_s = recording.value[finite], recording.time_s[finite]
    steps = np.diff(time_s)
    missing_before = np.diff(np.flatnonzero(finite)) > 1
    gaps = steps[((steps > max_gap_s) & (not recording.hold)) | missing_before]
    stuck_s = _longest_stuck(time_s, value, recording.hold)
    of_frames = np.asarray(rating_of_frame, dtype=float)
    rated = np.isfinite(of_frames)
    if recording.hold and rated.any():
        value = of_frames[rated]
    quality = event_quality(value, recording.value_range)
    return replace(
        quality,
        lowest=float(recording.value[finite].min()),
        highest=float(recording.value[finite].max()),
        sd=quality.sd if len(value) > 1 else 0.0,
        longest_stuck_s=stuck_s,
        n_gaps=len(gaps),
        longest_gap_s=float(gaps.max()) if len(gaps) else 0.0,
        share_of_scan_rated=float(rated.mean()),
    )


def event_quality(rating: ArrayLike, value_range: tuple[float, float] | None) -> RatingQuality:
    """Range, floor and ceiling of the ratings of a run's events.

    Parameters
    ----------
    rating : array of shape (n_events,)
        Finite.
    """
    value = np.asarray(rating, dtype=float)
    floor = ceiling = outside = None
    if value_range is not None:
        low, high = value_range
        floor, ceiling = float(np.mean(value <= low)), float(np.mean(value >= high))
        outside = float(np.mean((value < low) | (value > high)))
    return RatingQuality(
        lowest=float(value.min()),
        highest=float(value.max()),
        mean=float(value.mean()),
        sd=float(value.std(ddof=1)) if len(value) > 1 else np.nan,
        share_at_floor=floor,
        share_at_ceiling=ceiling,
        share_out_of_range=outside,
        longest_stuck_s=np.nan,
        n_gaps=0,
        longest_gap_s=np.nan,
        share_of_scan_rated=np.nan,
    )


def _longest_stuck(time_s: NDArray[np.float64], value: NDArray[np.float64], hold: bool) -> float:
    """Longest time over which the rating was constant (s); if samples hold, until the next one."""
    starts = np.concatenate([[0], np.flatnonzero(np.diff(value)) + 1])
    ends = np.concatenate([starts[1:] - (not hold), [len(value) - 1]])
    return float((time_s[ends] - time_s[starts]).max())
