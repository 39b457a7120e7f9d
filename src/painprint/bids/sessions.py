"""Sessions of a participant: chronological order, days since the first, and covariates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from painprint.bids.session_labels import labels_of_rows
from painprint.bids.session_times import Stamps, contradicts_labels, days_of_sessions, read_stamps
from painprint.errors import DerivativesError
from painprint.files.dataset import BidsFile, parse_name
from painprint.files.tables import numbers, read_table
from painprint.runs import natural

DEPENDS = "Tests on later sessions and blocks of neighbouring sessions depend on this order."


def read_sessions(files: Sequence[BidsFile]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Sessions in chronological order, days since the first, and covariates.

    Acquisition times come from ``sessions.tsv``, else from ``scans.tsv``; they are converted to
    days and not kept. A column ``days`` of ``sessions.tsv`` can be used instead. All of this is
    optional: what cannot be read or cannot be right is noted, and sessions are then in the order
    of their labels.

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
    covariates = pd.DataFrame(index=pd.Index(labels, name="session"))
    notes: list[str] = []
    unread: list[str] = []
    of_scans, of_sessions = Stamps({}), Stamps({})
    for file in files:
        if file.extension != ".tsv" or file.suffix not in ("sessions", "scans"):
            continue
        try:
            table = read_table(file.path)
            if file.suffix == "scans":
                of_scans = of_scans.or_else(_stamps(_with_sessions(table, file), file, unread))
            else:
                described = _by_session(table, file.path, labels)
                notes += _note_unmatched(described.index, labels)
                covariates = _covariates(described, file.path).reindex(labels)
                if "days" in described and "days" not in covariates:
                    notes.append("the column days of sessions.tsv was not used: it is not numeric.")
                of_sessions = _stamps(described.reset_index(), file, unread)
        except DerivativesError as error:
            notes.append(f"not used: {error}")
    days, problems = days_of_sessions(of_sessions.or_else(of_scans), labels)
    problems = [*unread, *problems]
    stated = covariates.pop("days") if "days" in covariates else None
    if stated is not None and days.isna().any():
        days, problems = stated, []
        if len(days) > 1 and days.nunique() == 1 and days.notna().all():
            days, problems = days * float("nan"), ["all sessions have the same number of days"]
    sessions = covariates
    sessions.insert(0, "days", days.astype(float).round(3))
    if sessions["days"].notna().all():
        sessions = sessions.sort_values("days", kind="stable")
    sessions = sessions.reset_index()
    return sessions, (*notes, *_note_order(sessions, problems))


def _note_order(sessions: pd.DataFrame, problems: Sequence[str]) -> list[str]:
    """How sessions were ordered, if that is not what one would expect, and why."""
    labels, days = sessions["session"], sessions["days"]
    if len(sessions) < 2:
        return []
    if days.notna().all():
        if problems:
            return [f"{'; '.join(problems)}.", *_note_order(sessions, [])]
        if contradicts_labels(labels):
            return [
                "the times of the sessions contradict the numbers in their labels: sessions are in "
                f"the order of time, ses-{', ses-'.join(labels[:4])}{', ...' * (len(labels) > 4)}."
            ]
        tied = labels[days.duplicated(keep=False)]
        return [
            f"ses-{', ses-'.join(tied)} share a date without times of day: sessions of one date "
            "are in the order of their labels."
        ] * bool(len(tied))
    unnumbered = [label for label in labels if not any(c.isdigit() for c in label)]
    seen = list(problems)
    if days.notna().any():
        seen.append("some sessions have no time")
    if unnumbered:
        seen.append(
            f"the label{'s' * (len(unnumbered) > 1)} {', '.join(unnumbered[:4])} "
            f"{'have' if len(unnumbered) > 1 else 'has'} no number"
        )
    if not seen:
        return []
    unknown = "" if days.notna().any() else "days are unknown, and "
    return [
        f"{'; '.join(seen)}: {unknown}sessions are in the order of their names. {DEPENDS} Write "
        "days since the first session into a column days of sessions.tsv."
    ]


def _with_sessions(scans: pd.DataFrame, file: BidsFile) -> pd.DataFrame:
    """scans.tsv with the session of each row: that of the table, else of the name of the scan."""
    session = file.entities.get("ses")
    if session is not None or "filename" not in scans:
        return scans.assign(session=session or "")
    entities = (parse_name(re.split(r"[\\/]", str(name))[-1])[0] for name in scans["filename"])
    return scans.assign(session=[of_scan.get("ses", "") for of_scan in entities])


def _stamps(table: pd.DataFrame, file: BidsFile, unread: list[str]) -> Stamps:
    """Acquisition times of a table with a column session; a clause if they cannot be read."""
    if "acq_time" not in table:
        return Stamps({})
    try:
        return read_stamps(zip(table["session"], table["acq_time"], strict=True), file.path)
    except DerivativesError as error:
        unread.append(f"times not used: {str(error).removesuffix('.')}")
        return Stamps({})


def _by_session(table: pd.DataFrame, path: Path, sessions: Sequence[str]) -> pd.DataFrame:
    """The rows of sessions.tsv, indexed by session label."""
    if "session_id" not in table:
        raise DerivativesError("has no column session_id.", path)
    labels = labels_of_rows(table["session_id"], sessions)
    if labels.duplicated().any():
        repeated = ", ".join(sorted(set(labels[labels.duplicated()])))
        raise DerivativesError(f"lists a session more than once: {repeated}.", path)
    return table.set_index(pd.Index(labels, name="session"))


def _note_unmatched(rows: pd.Index, labels: Sequence[str]) -> list[str]:
    """A note where sessions have no row, and rows no session, so that names may not agree."""
    without = [label for label in labels if label not in rows]
    others = [name for name in rows if name not in labels]
    if not without or not others:
        return []
    return [
        f"sessions.tsv has no row for ses-{', ses-'.join(without[:4])}"
        f"{', ...' * (len(without) > 4)}, but rows of sessions that do not exist: "
        f"{', '.join(others[:4])}{', ...' * (len(others) > 4)}. Write session_id as in the names "
        "of the folders, such as ses-01."
    ]


def _covariates(described: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The numeric columns of sessions.tsv, indexed by session label."""
    columns = {
        name: values
        for name in described.columns.difference(["session_id", "acq_time"], sort=False)
        if (values := _maybe_numbers(described[name], path)) is not None
    }
    return pd.DataFrame(columns, index=described.index)


def _maybe_numbers(column: pd.Series, path: Path) -> pd.Series | None:
    """The column as numbers, or None if it contains other text."""
    try:
        return pd.Series(numbers(column, path), index=column.index)
    except DerivativesError:
        return None
