"""Sessions of a participant: their order in time, days since the first, and covariates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from painprint.io.bids import BidsFile, natural
from painprint.io.errors import DerivativesError
from painprint.io.tables import MISSING, numbers, read_table


def read_sessions(files: Sequence[BidsFile]) -> pd.DataFrame:
    """Sessions in the order of time, days since the first, and covariates.

    Acquisition times come from ``sessions.tsv``, else from ``scans.tsv``; they are turned
    into days and dropped.

    Parameters
    ----------
    files : sequence of BidsFile
        Of one participant in the raw dataset.

    Returns
    -------
    sessions : DataFrame
        Columns ``session``, ``days`` (NaN where unknown), and the numeric covariates of
        ``sessions.tsv``.
    """
    labels = sorted({f.entities["ses"] for f in files if "ses" in f.entities}, key=natural)
    sessions = pd.DataFrame({"session": labels, "days": float("nan")})
    times = pd.Series(pd.NaT, index=labels, dtype="datetime64[us]")
    for file in files:
        if file.extension != ".tsv" or file.suffix not in ("sessions", "scans"):
            continue
        table = read_table(file.path)
        when = _parse_times(table, file.path)
        if file.suffix == "scans" and when.notna().any() and file.entities.get("ses") in labels:
            if pd.isna(times[file.entities["ses"]]):
                times[file.entities["ses"]] = when.min()
        elif file.suffix == "sessions" and "session_id" in table:
            index = table["session_id"].str.removeprefix("ses-")
            when.index = pd.Index(index)
            known = [name for name in labels if name in set(index)]
            times[known] = when[known].where(when[known].notna(), times[known])
            for name in table.columns.difference(["session_id", "acq_time"], sort=False):
                covariate = _maybe_numbers(table[name], file.path)
                if covariate is not None:
                    covariate.index = pd.Index(index)
                    sessions[name] = covariate.reindex(labels).to_numpy()
    if times.notna().any():
        sessions["days"] = ((times - times.min()).dt.total_seconds() / 86400).round(3).to_numpy()
        if times.notna().all():
            sessions = sessions.sort_values("days", kind="stable", ignore_index=True)
    return sessions


def _parse_times(table: pd.DataFrame, path: Path) -> pd.Series:
    """acq_time of each row, NaT where there is none."""
    if "acq_time" not in table:
        return pd.Series(pd.NaT, index=table.index, dtype="datetime64[us]")
    text = table["acq_time"].mask(table["acq_time"].isin(MISSING))
    try:
        when = pd.to_datetime(text, format="ISO8601", utc=True)
    except ValueError as error:
        raise DerivativesError(
            "acq_time must look like 2000-01-31T12:00:00 or be n/a.", path
        ) from error
    return when.dt.tz_localize(None).astype("datetime64[us]")


def _maybe_numbers(column: pd.Series, path: Path) -> pd.Series | None:
    """The column as numbers, or None where it holds other text."""
    try:
        return pd.Series(numbers(column, path))
    except DerivativesError:
        return None
