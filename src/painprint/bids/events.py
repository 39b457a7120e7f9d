"""Ratings of events, such as trials: the time that each one is about, and its frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from painprint.bids.ratings import mid_frames

ROUNDING_S = 1e-6
"""Windows that overlap by less do so by rounding (s)."""


@dataclass(frozen=True, eq=False)
class EventRatings:
    """Ratings of the events of a run, in order of time.

    Parameters
    ----------
    start_s, end_s : ndarray of shape (n_events,)
        Window of each event: the time that is rated, since the start of the scan (s). May be
        infinite.
    rating : ndarray of shape (n_events,)
    left_out : dict
        Number of further ratings that are not used, by reason.
    """

    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    rating: NDArray[np.float64]
    left_out: dict[str, int]


def event_frames(
    start_s: NDArray[np.float64],
    end_s: NDArray[np.float64],
    n_frames: int,
    *,
    tr_s: float,
    bold_start_s: float = 0.0,
) -> NDArray[np.int64]:
    """Event of each frame: that whose window, start included and end excluded, its middle is in.

    Where windows overlap, the earlier one ends where the next begins.

    Parameters
    ----------
    start_s, end_s : ndarray of shape (n_events,)
        Windows, since the start of the scan, in order of their starts (s).
    tr_s, bold_start_s : float
        Repetition time, and time from the start of the scan to that of the first frame (s).

    Returns
    -------
    event : ndarray of int of shape (n_frames,)
        Index of the event; -1 where there is none.

    Examples
    --------
    >>> event_frames(np.array([1.0, 4.0]), np.array([5.0, 6.0]), 8, tr_s=1.0)
    array([-1,  0,  0,  0,  1,  1, -1, -1])
    """
    if not len(start_s):
        return np.full(n_frames, -1)
    t = mid_frames(n_frames, tr_s=tr_s, start_s=bold_start_s)
    last = np.searchsorted(start_s, t, side="right") - 1
    return np.where((last >= 0) & (t < end_s[last]), last, -1)


def rows_rated(onset_s: NDArray[np.float64], rated_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """The row that each rating is about: the nearest one before it or at its onset, unless an
    earlier rating has it.

    Parameters
    ----------
    onset_s : ndarray of shape (n_ratings,)
        Onsets of ratings, increasing (s).
    rated_s : ndarray of shape (n_rows,)
        Onsets of what is rated, increasing (s).

    Returns
    -------
    row : ndarray of int of shape (n_ratings,)
        -1 for a rating without a row of its own.

    Examples
    --------
    >>> rows_rated(np.array([1.0, 5.0, 6.0, 9.0]), np.array([2.0, 8.0]))
    array([-1,  0, -1,  1])
    """
    row = np.searchsorted(rated_s, onset_s, side="right") - 1
    taken = np.concatenate([[False], row[1:] == row[:-1]]) if len(row) else np.zeros(0, bool)
    return np.where(taken, -1, row)


def rate_events(
    events: EventRatings, n_frames: int, *, tr_s: float, bold_start_s: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.int64], tuple[str, ...]]:
    """Rating and event of each frame.

    Parameters
    ----------
    n_frames, tr_s, bold_start_s
        As for :func:`event_frames`.

    Returns
    -------
    rating : ndarray of shape (n_frames,)
        NaN outside the windows.
    event : ndarray of int of shape (n_frames,)
        Number of the event among those that have frames, from 0; -1 outside the windows.
    notes : tuple of str

    Raises
    ------
    ValueError
        If no frame lies in a window.
    """
    n = len(events.rating)
    index = event_frames(
        events.start_s, events.end_s, n_frames, tr_s=tr_s, bold_start_s=bold_start_s
    )
    used, number = np.unique(index[index >= 0], return_inverse=True)
    left_out = {**events.left_out, "have no frame in their window": n - len(used)}
    if not len(used):
        raise ValueError(f"no frame has a rating: {_list_reasons(left_out)}.")
    rating, event = np.full(n_frames, np.nan), np.full(n_frames, -1)
    rating[index >= 0] = events.rating[index[index >= 0]]
    event[index >= 0] = number
    notes = []
    if any(left_out.values()):
        of = n + sum(events.left_out.values())
        notes.append(
            f"{sum(left_out.values())} of {of} ratings in the events were excluded: "
            f"{_list_reasons(left_out)}."
        )
    n_overlapping = int((events.end_s[:-1] > events.start_s[1:] + ROUNDING_S).sum())
    if n_overlapping:
        notes.append(
            f"{n_overlapping} of {n} rating windows overlap with the next one, and were ended where"
            " it begins."
        )
    start_s, end_s = bold_start_s - ROUNDING_S, bold_start_s + n_frames * tr_s + ROUNDING_S
    reaches = np.isfinite(events.start_s) & ((events.start_s < start_s) | (events.end_s > end_s))
    if n_cut := int(reaches[used].sum()):
        notes.append(f"{n_cut} of {n} rating windows reach beyond the scan, and were cut there.")
    return rating, event, tuple(notes)


def _list_reasons(left_out: dict[str, int]) -> str:
    """Numbers of ratings with what is wrong with them."""
    return ", ".join(f"{n} {reason}" for reason, n in left_out.items() if n)
