"""Whether a rating recording, or events, and a scan can have the same clock."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from painprint.bids.ratings import RatingRecording
from painprint.wording import rounded

OTHER_UNITS = {
    "milliseconds": (1e3, "ms"),
    "microseconds": (1e6, "us"),
    "nanoseconds": (1e9, "ns"),
    "minutes": (1 / 60, "min"),
}
"""Units of time in which a recording seems longer or shorter by a factor, and their symbols."""
SAME_LENGTH = 2.0
"""Largest ratio of two lengths that are called the same."""
LONGEST_RATIO = 50.0
"""A recording that lasts longer, in durations of the scan, is on another clock: the rating of a
session of two hours lasts 48 scans of two and a half minutes."""
SHORTEST_RATIO = 1 / 300
LEAST_NOTED_S = 1.0
LEAST_HELD_S = 60.0
MOST_IN_GAPS = 0.5
LEAST_START_S = 30.0
MOST_STEPS = 10.0
"""Most times the time to the next one that a stimulus lasts for."""
FEWEST_ONSETS = 3
"""Fewest onsets of events whose unit of time can be seen."""


def check_clock(
    recording: RatingRecording, scan_start_s: float, scan_end_s: float, *, tr_s: float
) -> tuple[str, ...]:
    """Check that a recording can be that of the scan, and note where the two do not overlap.

    Parameters
    ----------
    recording : RatingRecording
        It lasts from its first sample to a step after the last.
    scan_start_s, scan_end_s : float
        Start of the first frame and end of the last one (s).
    tr_s : float
        Repetition time (s); differences of less than a frame, or a second, are not noted.

    Returns
    -------
    notes : tuple of str
        In whole seconds, so that runs with the same design have the same note.

    Raises
    ------
    ValueError
        If the recording covers no part of the scan, or its length is impossible.
    """
    if scan_end_s <= scan_start_s:
        return ()  # no frames, which is said of the time series
    start_s, end_s = recording.span_s
    if recording.hold:
        end_s = max(end_s, scan_end_s)  # the last sample holds
    spans = (
        f"the rating lasts from {_seconds(start_s)} to {_seconds(end_s)} s "
        f"({_seconds(end_s - start_s)} s), the scan from {_seconds(scan_start_s)} to "
        f"{_seconds(scan_end_s)} s ({_seconds(scan_end_s - scan_start_s)} s)"
    )
    _check_length(recording, scan_end_s - scan_start_s, spans)
    if end_s <= scan_start_s or start_s >= scan_end_s:
        raise ValueError(
            f"{spans}: they do not overlap. Times are seconds from the start of the recording, "
            "which StartTime in the sidecar or --rating-start puts into the scan: subtract from "
            "them what the clock said then."
        )
    least_s = max(tr_s, LEAST_NOTED_S)
    notes = []
    if start_s - scan_start_s > least_s:
        notes.append(f"the rating starts {start_s - scan_start_s:.0f} s after the first frame.")
    if scan_end_s - end_s > least_s:
        notes.append(f"the rating ends {scan_end_s - end_s:.0f} s before the scan does.")
    if end_s - scan_end_s > least_s:
        notes.append(f"the rating continues for {end_s - scan_end_s:.0f} s after the scan.")
    held_s = scan_end_s - recording.span_s[1]  # of the last sample
    if recording.hold and held_s > LEAST_HELD_S:
        notes.append(f"the last rating sample holds for the last {held_s:.0f} s of the scan.")
    if recording.start_value_lasts_s(scan_start_s) > LEAST_START_S:
        notes.append(
            f"the rating begins with more than {LEAST_START_S:.0f} s of one value. If that is where"
            " the slider was until it was first moved, pass --rating-ignore-start."
        )
    return tuple(notes)


def check_sampling(recording: RatingRecording, rating: NDArray[np.float64]) -> tuple[str, ...]:
    """Note that a rating seems to be logged only when it changes, unless its samples hold.

    Parameters
    ----------
    rating : ndarray of shape (n_frames,)
        Rating of each frame, as returned by :func:`painprint.bids.ratings.frame_ratings`.

    Raises
    ------
    ValueError
        If most frames have no rating for that reason.
    """
    if not recording.looks_on_change:
        return ()
    n_without = int(np.isnan(rating).sum())
    seems = "the rating seems to be logged only when it changes"
    remedy = "If each sample holds until the next one, pass --rating-hold"
    if n_without > MOST_IN_GAPS * len(rating):
        raise ValueError(
            f"{seems} ({len(recording.time_s)} samples, steps of up to "
            f"{np.diff(recording.time_s).max():.3g} s): {n_without} of {len(rating)} frames have "
            f"no rating. {remedy}; to interpolate between them, pass a longer --rating-max-gap."
        )
    return (f"{seems}, and was interpolated between its samples. {remedy}.",)


def check_onsets(onset_s: NDArray[np.float64], scan_start_s: float, scan_end_s: float) -> None:
    """Check that the onsets of events can be those of the scan.

    Parameters
    ----------
    onset_s : ndarray of shape (n_rows,)
        Onsets of all rows of the events (s).
    scan_start_s, scan_end_s : float
        Start of the first frame and end of the last one (s).

    Raises
    ------
    ValueError
        If they are in another unit of time, or all lie outside the scan.
    """
    scan_s = scan_end_s - scan_start_s
    if scan_s <= 0 or not len(onset_s):
        return  # no frames, which is said of the time series
    first_s, last_s = float(onset_s.min()), float(onset_s.max())
    spans = (
        f"the onsets of the events lie between {_seconds(first_s)} and {_seconds(last_s)} s, the "
        f"scan between {_seconds(scan_start_s)} and {_seconds(scan_end_s)} s"
    )
    ratio = (last_s - scan_start_s) / scan_s
    unit = None
    if ratio > LONGEST_RATIO:  # of the units, the longest that puts the events into the scan
        longer = (u for u, (factor, _) in OTHER_UNITS.items() if factor > ratio / SAME_LENGTH)
        unit = next(longer, "nanoseconds")
    elif len(onset_s) >= FEWEST_ONSETS and 0 < ratio < SAME_LENGTH * OTHER_UNITS["minutes"][0]:
        unit = "minutes"
    if unit is not None:
        symbol = OTHER_UNITS[unit][1]
        raise ValueError(
            f"{spans}: the onsets look like {unit}. Convert onset and duration to seconds, or say "
            f'in the sidecar what they are, as in {{"onset": {{"Units": "{symbol}"}}}}.'
        )
    if first_s >= scan_end_s or last_s < scan_start_s:
        raise ValueError(
            f"{spans}: none lies in the scan. Onsets are seconds from the first volume of the run; "
            "if they count from elsewhere, such as the start of the session, subtract the time "
            "that the clock showed then."
        )


def check_durations(
    start_s: NDArray[np.float64], end_s: NDArray[np.float64], scan_s: float
) -> None:
    """Check that the durations of what is rated can be in seconds.

    Parameters
    ----------
    start_s, end_s : ndarray of shape (n_events,)
        In order of the starts (s).
    scan_s : float
        Length of the scan (s).

    Raises
    ------
    ValueError
        If most are longer than the scan, or than ``MOST_STEPS`` times the time to the next one.
    """
    if scan_s <= 0 or not len(start_s) or not np.isfinite(end_s - start_s).all():
        return  # no frames, or the rating of a whole run
    usual_s = float(np.median(end_s - start_s))
    step_s = float(np.median(np.diff(start_s))) if len(start_s) > 1 else np.inf
    if usual_s > min(MOST_STEPS * step_s, scan_s * SAME_LENGTH):
        raise ValueError(
            f"what is rated usually lasts for {_seconds(usual_s)} s by its duration, but the next "
            f"one follows after {_seconds(step_s)} s, and the scan takes {_seconds(scan_s)} s: the "
            "durations look like milliseconds. Convert them to seconds, or say in the sidecar what "
            'they are, as in {"duration": {"Units": "ms"}}; --rating-window takes other times.'
        )


def _check_length(recording: RatingRecording, scan_s: float, spans: str) -> None:
    """Check that a recording is not longer or shorter than a scan by a unit of time."""
    first_s, last_s = recording.span_s
    ratio = (last_s - first_s) / scan_s
    for unit, (factor, symbol) in OTHER_UNITS.items():
        if recording.hold and factor < 1:
            continue  # the last sample may hold for long
        if max(ratio / factor, factor / ratio) < SAME_LENGTH:
            raise ValueError(
                f"{spans}: the times look like {unit}. Convert them to seconds, or write their "
                f'unit into the sidecar, as in {{"time": {{"Units": "{symbol}"}}}}; where there is '
                "no column of times, correct its SamplingFrequency (Hz)."
            )
    if ratio > LONGEST_RATIO or (ratio < SHORTEST_RATIO and not recording.hold):
        raise ValueError(
            f"{spans}: the rating is {rounded(ratio)} times as long. Its times must be in seconds, "
            "its SamplingFrequency in Hz. Convert them, or write the unit of the times into the "
            'sidecar, as in {"time": {"Units": "ms"}}.'
        )


def _seconds(value: float) -> str:
    """Seconds, whole where there are many."""
    return f"{value:.0f}" if abs(value) >= 10 or value == 0 else f"{value:.3g}"
