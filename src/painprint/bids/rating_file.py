"""Identify the rating among the recordings of a run, and read its samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from painprint.bids.ratings import RatingRecording
from painprint.bids.runs import RunFiles
from painprint.errors import DerivativesError
from painprint.files.dataset import BidsFile, inherited_metadata, number_in
from painprint.files.tables import numeric_rows, read_lines, to_number
from painprint.settings import Settings

TIME_COLUMNS = ("time", "time_s", "t", "seconds", "onset", "timestamp")
RATING_COLUMNS = ("rating", "pain", "pain_rating", "intensity")
OTHER_RECORDINGS = tuple(
    "cardiac respir trigger ppg ecg ekg eda gsr scr skin emg eeg pulse heart oxi spo2 co2 o2 etco2 "
    "x_coord y_coord pupil gaze eye blink saccade breath belt temperature".split()
)
"""Beginnings of the names of columns that are never the rating."""
RESP_RANGE = (0.0, 1.0)


def load_rating(
    files: RunFiles, settings: Settings
) -> tuple[RatingRecording, tuple[BidsFile, ...], tuple[str, ...]]:
    """Find the rating among the recordings of a run, and read it.

    Returns
    -------
    recording : RatingRecording
    sources : tuple of BidsFile
        File of the recording, then its sidecars.
    notes : tuple of str
        Assumptions that were made.

    Raises
    ------
    DerivativesError
        If none of the recordings, or several of them, may be the rating.
    """
    wanted = settings.rating_recording
    parsed = [
        (file, columns)
        for file in files.rating
        if (wanted is None or file.entities.get("recording") == wanted)
        and (columns := _rating_columns(file, files.raw_sidecars, settings))
    ]
    if not parsed:
        names = ", ".join(file.path.name for file in files.rating)
        raise DerivativesError(
            f"no rating among the recordings {names}. Name it with --rating-recording or "
            "--rating-column."
        )
    if len(parsed) > 1:
        names = ", ".join(file.path.name for file, _ in parsed)
        raise DerivativesError(
            f"several recordings may be the rating: {names}. Choose with --rating-recording "
            "or --rating-column."
        )
    file, columns = parsed[0]
    metadata = inherited_metadata(file, files.raw_sidecars)
    time_s, value = _read_samples(file, columns, metadata.values)
    notes = []
    if columns.rating.lower() not in RATING_COLUMNS:
        notes.append(f"the column {columns.rating!r} was taken as the rating.")
    start_s, start_notes = _start_s(metadata.values, settings, file.path)
    value_range = settings.rating_range or (RESP_RANGE if file.suffix == "resp" else None)
    try:
        recording = RatingRecording(time_s, value, start_s=start_s, value_range=value_range)
    except ValueError as error:
        raise DerivativesError(str(error), file.path) from error
    return recording, (file, *metadata.sidecars), (*notes, *start_notes)


def _start_s(
    metadata: Mapping[str, Any], settings: Settings, path: Path
) -> tuple[float, list[str]]:
    """Start of the recording relative to the start of the scan (s), and notes about it."""
    start_s, in_sidecar = settings.rating_start_s, number_in(metadata, "StartTime", path)
    if start_s is None:
        if in_sidecar is not None:
            return in_sidecar, []
        return 0.0, ["no StartTime: the rating is assumed to start with the scan (--rating-start)."]
    if in_sidecar is None or in_sidecar == start_s:
        return start_s, []
    return start_s, [
        f"the rating starts at {start_s:g} s (--rating-start), not at {in_sidecar:g} s as its "
        "sidecar says."
    ]


@dataclass(frozen=True)
class _Columns:
    """Columns of a recording, and which of them are rating and time."""

    names: tuple[str, ...]
    rating: str
    time: str | None
    header: bool
    lines: list[str] | None
    """All lines of the file, if it was read for its header."""


def _rating_columns(
    file: BidsFile, sidecars: Sequence[BidsFile], settings: Settings
) -> _Columns | None:
    """Columns of a recording, or None if none of them is the rating."""
    if file.suffix in ("physio", "stim"):
        names = inherited_metadata(file, sidecars).values.get("Columns")
        if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
            raise DerivativesError(
                "its sidecar must list the Columns (and SamplingFrequency, StartTime).", file.path
            )
        header, lines = False, None
    else:
        lines = read_lines(file.path)
        names, header = _header(lines, file)
    if len(set(names)) < len(names):
        raise DerivativesError(f"column names must differ: {', '.join(names)}.", file.path)
    time = next((n for n in names if n.lower() in TIME_COLUMNS), None)
    rating = _choose_column([n for n in names if n != time], settings, file)
    return None if rating is None else _Columns(tuple(names), rating, time, header, lines)


def _header(lines: list[str], file: BidsFile) -> tuple[list[str], bool]:
    """Column names, and whether they are the first line of the file."""
    if not lines:
        raise DerivativesError("is empty.", file.path)
    first = lines[0].split("\t")
    if file.suffix == "resp" and not any(character.isalpha() for character in lines[0]):
        if len(first) != 2 or not all(_is_number(cell) for cell in first):
            raise DerivativesError(
                f"starts with {lines[0]!r}; a resp.tsv without a header has two columns of "
                "numbers, seconds and rating, separated by a tab, with decimal points.",
                file.path,
            )
        return ["time", "rating"], False
    return [name.strip() for name in first], True


def _choose_column(names: list[str], settings: Settings, file: BidsFile) -> str | None:
    """The column of the rating, or None if there is none."""
    if settings.rating_column is not None:
        return settings.rating_column if settings.rating_column in names else None
    possible = [n for n in names if not n.lower().startswith(OTHER_RECORDINGS)]
    named = [n for n in possible if n.lower() in RATING_COLUMNS]
    if len(named) == 1:
        return named[0]
    if len(possible) > 1:
        raise DerivativesError(
            f"several columns may be the rating: {', '.join(possible)}. Choose with "
            "--rating-column.",
            file.path,
        )
    return possible[0] if possible else None


def _read_samples(
    file: BidsFile, columns: _Columns, metadata: Mapping[str, Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sample times relative to the start of the recording (s), and ratings."""
    lines = read_lines(file.path) if columns.lines is None else columns.lines
    values = numeric_rows(lines[columns.header :], columns.names, file.path)
    rating = values[:, columns.names.index(columns.rating)]
    frequency = number_in(metadata, "SamplingFrequency", file.path)
    if file.suffix in ("physio", "stim"):
        if frequency is None or frequency <= 0:
            raise DerivativesError("its sidecar has no SamplingFrequency above 0 (Hz).", file.path)
        return np.arange(len(rating)) / frequency, rating
    if columns.time is None:
        raise DerivativesError(
            f"has no column of times; call it one of {', '.join(TIME_COLUMNS)} (s).", file.path
        )
    return values[:, columns.names.index(columns.time)], rating


def _is_number(text: str) -> bool:
    try:
        to_number(text)
    except ValueError:
        return False
    return True
