"""When each sample of a rating was taken, by its column of times or its sampling frequency."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.bids.rating_columns import SECONDS, is_timestamp, seconds_in_unit
from painprint.errors import DerivativesError
from painprint.files.dataset import number_in
from painprint.files.tables import numbers_or_nan
from painprint.settings import Settings

LARGEST_DIFFERENCE = 0.01
"""Largest share by which the steps of the times may differ from the sampling interval."""
UNITS_S = frozenset(SECONDS.values())


def times_of_rate(n_samples: int, metadata: Mapping[str, Any], path: Path) -> NDArray[np.float64]:
    """Sample times by the sampling frequency: shape (n_samples,), from 0 (s).

    Raises
    ------
    DerivativesError
        If the sidecar has no SamplingFrequency above 0.
    """
    frequency = number_in(metadata, "SamplingFrequency", path)
    if frequency is None or frequency <= 0:
        raise DerivativesError(
            "its sidecar has no SamplingFrequency above 0 (Hz), and no column of times is among "
            "its Columns.",
            path,
        )
    return np.arange(n_samples) / frequency


def times_in_seconds(
    times: NDArray[np.float64],
    column: str,
    metadata: Mapping[str, Any],
    path: Path,
    *,
    on_change: bool,
) -> tuple[NDArray[np.float64], list[str]]:
    """A column of times in seconds, by its unit, and a note if it was converted.

    Parameters
    ----------
    times : ndarray of shape (n_samples,)
        As in the file.
    on_change : bool
        Whether samples were taken only when the rating changed, so that there is no frequency.

    Raises
    ------
    DerivativesError
        If the unit is not one of time, or the steps contradict the SamplingFrequency.
    """
    entry = metadata.get(column)
    units = entry.get("Units") if isinstance(entry, dict) else None
    seconds = seconds_in_unit(column, units)
    if seconds is None:
        raise DerivativesError(
            f"the Units of its column {column!r} are {units!r}, which is not known as a unit of "
            "time or contradicts the column's name. Convert the times, and write s, ms, us, min or "
            "h into the sidecar.",
            path,
        )
    time_s = times * seconds
    if not on_change:
        _check_rate(time_s, column, metadata, path)
    if seconds == 1:
        return time_s, []
    unit = units if units is not None else column
    return time_s, [
        f"the times of the rating were converted to seconds (column {column!r}: {unit})."
    ]


def check_unknown_times(columns: pd.DataFrame, metadata: Mapping[str, Any], path: Path) -> None:
    """Check that columns that may be times, but are not known as such, fit the SamplingFrequency.

    Parameters
    ----------
    columns : DataFrame of str, with n_samples rows
        Columns with a word for times, in whatever unit; what is no number makes a column no times.

    Raises
    ------
    DerivativesError
        If one rises as times do, at another rate in any unit of time.
    """
    frequency = number_in(metadata, "SamplingFrequency", path)
    for name in columns:
        column = numbers_or_nan(columns[name])
        steps = np.diff(column)
        is_counter = (steps == 1).all() and column[0] == round(column[0])
        if not frequency or not len(steps) or not (steps > 0).all() or is_counter:
            continue
        step = _usual_step(steps)
        if min(abs(step * frequency * unit - 1) for unit in UNITS_S) > LARGEST_DIFFERENCE:
            raise DerivativesError(
                f"its column {name!r} rises by {step:.4g} from sample to sample, but "
                f"SamplingFrequency in its sidecar is {frequency:g} Hz, which is a sample each "
                f"{1 / frequency:.4g} s. If these are the times of the samples, call the column "
                "time (s) in the Columns; otherwise call it something else.",
                path,
            )


def _usual_step(steps: NDArray[np.float64]) -> float:
    """The usual step of times: rounded times alternate around it, and lost samples make some of
    them longer."""
    return float(steps[steps < 1.5 * np.median(steps)].mean())


def _check_rate(
    time_s: NDArray[np.float64], column: str, metadata: Mapping[str, Any], path: Path
) -> None:
    """Check that the usual step of the times is that of the SamplingFrequency, if there is one."""
    frequency = number_in(metadata, "SamplingFrequency", path)
    steps = np.diff(time_s)
    if not frequency or frequency < 0 or not len(steps) or not (steps > 0).all():
        return  # a wrong order is refused by RatingRecording
    step_s = _usual_step(steps)
    if abs(step_s * frequency - 1) > LARGEST_DIFFERENCE:
        raise DerivativesError(
            f"the times in its column {column!r} are {step_s:.4g} s apart ({1 / step_s:.4g} Hz), "
            f"but SamplingFrequency in its sidecar is {frequency:g} Hz. Correct the wrong one; if "
            f'the times are not in seconds, say so there: {{"{column}": {{"Units": "ms"}}}}.',
            path,
        )


def start_of_recording(
    time_s: NDArray[np.float64],
    column: str | None,
    metadata: Mapping[str, Any],
    settings: Settings,
    path: Path,
    *,
    of_first_sample: bool,
) -> tuple[float, list[str]]:
    """Time of the scan at which the sample times are 0 (s), and notes about it.

    Parameters
    ----------
    time_s : ndarray of shape (n_samples,)
    column : str or None
        The column of times, if there is one.
    of_first_sample : bool
        Whether the start is that of the first sample, as BIDS defines StartTime of ``tsv.gz``
        files; otherwise that of the clock of the times.

    Raises
    ------
    DerivativesError
        If StartTime contradicts the first time.
    """
    in_sidecar, chosen = number_in(metadata, "StartTime", path), settings.rating_start_s
    first_s = float(time_s[0]) if column is not None and len(time_s) else 0.0
    if chosen is not None:
        notes = []
        if in_sidecar is not None and in_sidecar != chosen:
            notes.append(
                f"the rating starts at {chosen:g} s (--rating-start), not at {in_sidecar:g} s as "
                "its sidecar says."
            )
        return chosen - first_s * of_first_sample, notes
    if in_sidecar is None:
        return 0.0, ["no StartTime: the rating is assumed to start with the scan (--rating-start)."]
    step_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0
    if column is None or first_s == 0:
        return in_sidecar, []
    if abs(first_s - in_sidecar) <= min(step_s, abs(first_s)):
        noted = in_sidecar != 0 and not of_first_sample
        return 0.0, noted * [
            "the times of the rating begin with its StartTime: they are times of the scan, and "
            "StartTime was not added."
        ]
    if abs(first_s) <= step_s:
        return in_sidecar, []
    if not of_first_sample:
        return in_sidecar, []
    if is_timestamp(column):
        return in_sidecar - first_s, []
    raise DerivativesError(
        f"its first sample is at {first_s:g} s in the column {column!r}, but at {in_sidecar:g} s "
        "by StartTime in its sidecar. Correct the wrong one, or say with --rating-start how many "
        "seconds after the start of the scan the first sample was taken.",
        path,
    )
