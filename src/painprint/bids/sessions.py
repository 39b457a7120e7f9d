"""Sessions of a participant: chronological order, days since the first, and covariates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from painprint.errors import DerivativesError
from painprint.files.dataset import BidsFile
from painprint.files.tables import MISSING, numbers, read_table
from painprint.runs import natural


def read_sessions(files: Sequence[BidsFile]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Sessions in chronological order, days since the first, and covariates.

    Acquisition times come from ``sessions.tsv``, else from ``scans.tsv``; they are converted to
    days and not kept. A column ``days`` of ``sessions.tsv`` can be used instead. All of this is
    optional: what cannot be read is noted, and sessions are then in the order of their names.

    Parameters
    ----------
    files : sequence of BidsFile
        Files of one participant in the raw dataset.

    Returns
    -------
    sessions : DataFrame
        Columns ``session``, ``days`` (NaN where unknown), and the numeric covariates of
        ``sessions.tsv``.
    notes : tuple of str
    """
    labels = sorted({f.entities["ses"] for f in files if "ses" in f.entities}, key=natural)
    sessions = pd.DataFrame({"days": float("nan")}, index=pd.Index(labels, name="session"))
    times = pd.Series(pd.NaT, index=labels, dtype="datetime64[us]")
    notes = []
    for file in files:
        if file.extension != ".tsv" or file.suffix not in ("sessions", "scans"):
            continue
        try:
            table = read_table(file.path)
            times_of_rows = _parse_times(table, file.path)
            if file.suffix == "scans":
                session = file.entities.get("ses")
                if session in labels and pd.isna(times[session]):
                    times[session] = times_of_rows.min()
            else:
                described = _by_session(table, file.path)
                times_of_rows.index = described.index
                times = times_of_rows.reindex(labels).combine_first(times)
                for name in described.columns.difference(["session_id", "acq_time"], sort=False):
                    covariate = _maybe_numbers(described[name], file.path)
                    if covariate is not None:
                        sessions[name] = covariate.reindex(labels)
        except DerivativesError as error:
            notes.append(f"not used: {error}")
    if times.notna().any():
        sessions["days"] = (times - times.min()).dt.total_seconds() / 86400
    sessions["days"] = sessions["days"].round(3)
    if sessions["days"].notna().all():
        sessions = sessions.sort_values("days", kind="stable")
    elif sessions["days"].notna().any():
        notes.append("some sessions have no time: sessions are in the order of their names.")
    return sessions.reset_index(), tuple(notes)


def _by_session(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The rows of sessions.tsv, indexed by session label."""
    if "session_id" not in table:
        raise DerivativesError("has no column session_id.", path)
    labels = table["session_id"].str.removeprefix("ses-")
    if labels.duplicated().any():
        repeated = ", ".join(sorted(set(labels[labels.duplicated()])))
        raise DerivativesError(f"lists a session more than once: {repeated}.", path)
    return table.set_index(pd.Index(labels, name="session"))


def _parse_times(table: pd.DataFrame, path: Path) -> pd.Series:
    """acq_time of each row, NaT where it is missing."""
    if "acq_time" not in table:
        return pd.Series(pd.NaT, index=table.index, dtype="datetime64[us]")
    text = table["acq_time"].mask(table["acq_time"].isin(MISSING))
    try:
        times = pd.to_datetime(text, format="ISO8601", utc=True)
    except ValueError as error:
        raise DerivativesError(
            "acq_time must look like 2000-01-31T12:00:00 or be n/a.", path
        ) from error
    return times.dt.tz_localize(None).astype("datetime64[us]")


def _maybe_numbers(column: pd.Series, path: Path) -> pd.Series | None:
    """The column as numbers, or None if it contains other text."""
    try:
        return pd.Series(numbers(column, path), index=column.index)
    except DerivativesError:
        return None
