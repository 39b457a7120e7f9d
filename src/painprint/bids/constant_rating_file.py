"""Read ratings given once a run or a session, from scans.tsv or sessions.tsv."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from painprint.bids.session_labels import labels_of_rows
from painprint.errors import DerivativesError
from painprint.files.dataset import BidsFile, is_raw_run_of, parse_name, run_key
from painprint.files.tables import numbers_or_nan, read_table

SCANS, SESSIONS = "scans", "sessions"


def is_table(file: BidsFile) -> bool:
    """Whether a raw file is the table of a participant's sessions, or of a session's scans."""
    return file.suffix in (SCANS, SESSIONS) and file.extension == ".tsv"


def has_column(file: BidsFile, column: str) -> bool:
    """Whether a table has a column; False for one that cannot be read."""
    try:
        return column in read_table(file.path)
    except DerivativesError:
        return False  # which is noted where sessions are read


def is_table_of(file: BidsFile, series: Mapping[str, str]) -> bool:
    """Whether a table may have a row for a run, given the entities of its BOLD."""
    return file.suffix == SESSIONS or (
        file.suffix == SCANS and file.entities.get("ses") in (None, series.get("ses"))
    )


def load_constant(
    files: Sequence[BidsFile], series: Mapping[str, str], column: str
) -> tuple[float, BidsFile, str]:
    """The rating of a run from the table of its scans, else from that of the sessions; that table,
    and a note.

    Parameters
    ----------
    files : sequence of BidsFile
        Tables with the column.
    series : mapping of str to str
        Entities of the BOLD of the run.
    column : str
        Column of the rating.

    Raises
    ------
    DerivativesError
        If the table has no row or no number for the run, or several that differ.
    """
    file = min(files, key=lambda f: (f.suffix != SCANS, "ses" not in f.entities))
    table = read_table(file.path)
    rows_of, what = (_rows_of_session, "session")
    if file.suffix == SCANS:
        rows_of, what = (_rows_of_scan, "run")
    cells = rows_of(table, file, series)[column]
    values = np.unique(numbers_or_nan(cells))
    if len(values) != 1 or not np.isfinite(values[0]):
        named = "filename" if file.suffix == SCANS else "session_id"
        more = ", ..." * (len(table) > 4)
        there = f" It has rows for: {', '.join(table[named][:4])}{more}."
        raise DerivativesError(
            f"has {', '.join(cells) or 'no row'} for this {what} in the column {column!r} "
            "(--rating-column), where one number is needed." + there * cells.empty,
            file.path,
        )
    note = f"the rating is that of the {what} in the column {column!r} of {file.suffix}.tsv."
    return float(values[0]), file, note


def _rows_of_scan(table: pd.DataFrame, file: BidsFile, series: Mapping[str, str]) -> pd.DataFrame:
    """The rows of scans.tsv that name the BOLD of a run: several, if it has several echoes."""
    if "filename" not in table:
        raise DerivativesError("has no column filename.", file.path)
    named = [parse_name(re.split(r"[\\/]", str(name))[-1]) for name in table["filename"]]
    rows = [
        i
        for i, (entities, suffix, _) in enumerate(named)
        if suffix == "bold" and is_raw_run_of(entities, series)
    ]
    exact = [i for i in rows if run_key(named[i][0]) == run_key(series)]
    return table.iloc[exact or rows]


def _rows_of_session(
    table: pd.DataFrame, file: BidsFile, series: Mapping[str, str]
) -> pd.DataFrame:
    """The row of sessions.tsv of the session of a run."""
    if "session_id" not in table:
        raise DerivativesError("has no column session_id.", file.path)
    session = series.get("ses", "")
    return table[labels_of_rows(table["session_id"], [session]) == session]
