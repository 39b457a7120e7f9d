"""The rating of each frame of a run, wherever it is: in a recording, in events, or in a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from painprint.bids.clock import check_clock, check_durations, check_onsets, check_sampling
from painprint.bids.constant_rating_file import is_table, load_constant
from painprint.bids.events import rate_events
from painprint.bids.events_file import is_events_file, load_events
from painprint.bids.rating_file import load_recording
from painprint.bids.rating_values import note_sentinels
from painprint.bids.ratings import (
    RatingQuality,
    RatingRecording,
    event_quality,
    frame_ratings,
    rating_quality,
)
from painprint.bids.runs import RunFiles
from painprint.errors import naming
from painprint.files.dataset import BidsFile
from painprint.settings import Settings


@dataclass(frozen=True)
class FrameGrid:
    """When the frames of a run were acquired.

    Attributes
    ----------
    tr_s, start_s : float
        Repetition time, and time from the start of the scan to that of the first frame (s).
    """

    n_frames: int
    tr_s: float
    start_s: float

    @property
    def end_s(self) -> float:
        """End of the last frame (s)."""
        return self.start_s + self.n_frames * self.tr_s


@dataclass(frozen=True, eq=False)
class FrameRating:
    """The rating of each frame of a run.

    Attributes
    ----------
    rating : ndarray of shape (n_frames,)
        NaN where there is none.
    event : ndarray of int of shape (n_frames,), or None
        For ratings of events: number of the frame's event, from 0, or -1.
    sources : tuple of BidsFile
        File of the rating, then its sidecars.
    notes : tuple of str
        Assumptions that were made.
    """

    rating: NDArray[np.float64]
    event: NDArray[np.int64] | None
    quality: RatingQuality
    sources: tuple[BidsFile, ...]
    notes: tuple[str, ...]


def rate_frames(files: RunFiles, times: FrameGrid, settings: Settings) -> FrameRating:
    """Read the rating of a run and give it to its frames.

    A recording is preferred to events, unless an option asks for events, and both to the tables of
    scans and of sessions.

    Raises
    ------
    DerivativesError
        Naming the file, what is wrong with it, and what to do.
    """
    recorded = load_recording(files, settings)
    events = [file for file in files.rating if is_events_file(file)]
    if recorded is not None:
        recording, sources, notes = recorded
        if events:
            notes = (
                *notes,
                "the events of the run have ratings too, which were not used (--rating-of, "
                "--rating-window).",
            )
        return _of_recording(recording, times, settings, sources, notes)
    if events:
        return _of_events(events, files, times, settings)
    return _of_table(files, times, settings)


def _of_recording(
    recording: RatingRecording,
    times: FrameGrid,
    settings: Settings,
    sources: tuple[BidsFile, ...],
    notes: tuple[str, ...],
) -> FrameRating:
    """The rating at each frame of a continuous recording."""
    with naming(sources[0].path):
        clock_notes = check_clock(recording, times.start_s, times.end_s, tr_s=times.tr_s)
        rating = frame_ratings(
            recording,
            times.n_frames,
            tr_s=times.tr_s,
            bold_start_s=times.start_s,
            max_gap_s=settings.rating_max_gap_s if settings.rules.max_gap else np.inf,
        )
        clock_notes += (*check_sampling(recording, rating), *note_sentinels(recording.value))
    quality = rating_quality(recording, rating, max_gap_s=settings.rating_max_gap_s)
    return FrameRating(rating, None, quality, sources, (*notes, *clock_notes))


def _of_events(
    files: list[BidsFile], run: RunFiles, times: FrameGrid, settings: Settings
) -> FrameRating:
    """The rating of the event that each frame belongs to."""
    events, onset_s, sources, notes = load_events(files, run.raw_sidecars, settings)
    with naming(sources[0].path):
        if np.isfinite(events.start_s).any():
            check_onsets(onset_s, times.start_s, times.end_s)
        if settings.rating_window is None:
            check_durations(events.start_s, events.end_s, times.end_s - times.start_s)
        rating, event, event_notes = rate_events(
            events, times.n_frames, tr_s=times.tr_s, bold_start_s=times.start_s
        )
    notes = (*notes, *event_notes, *note_sentinels(events.rating))
    return _of_one_or_more(rating, event, settings, sources, notes)


def _of_table(files: RunFiles, times: FrameGrid, settings: Settings) -> FrameRating:
    """The rating of the run or its session at every frame."""
    assert settings.rating_column is not None  # tables are looked for by the name of the column
    tables = [file for file in files.rating if is_table(file)]
    value, file, note = load_constant(tables, files.series.entities, settings.rating_column)
    rating, event = np.full(times.n_frames, value), np.zeros(times.n_frames, dtype=np.int64)
    return _of_one_or_more(rating, event, settings, (file,), (note,))


def _of_one_or_more(
    rating: NDArray[np.float64],
    event: NDArray[np.int64],
    settings: Settings,
    sources: tuple[BidsFile, ...],
    notes: tuple[str, ...],
) -> FrameRating:
    """Ratings of frames by event, with the quality of those of the events."""
    _, first = np.unique(event[event >= 0], return_index=True)
    quality = event_quality(rating[event >= 0][first], settings.rating_range)
    return FrameRating(rating, event, quality, sources, notes)
