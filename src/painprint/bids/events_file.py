"""Read the ratings in the events of a run, and the windows that they are about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.bids.event_rows import EventRows, assign_rows, count_types, without_fillers
from painprint.bids.events import EventRatings
from painprint.bids.rating_columns import Rank, is_bare_pain, rank_column
from painprint.bids.rating_times import times_in_seconds
from painprint.bids.rating_values import check_code
from painprint.errors import DerivativesError
from painprint.files.dataset import BidsFile, Metadata, inherited_metadata
from painprint.files.tables import MISSING, is_marred, numbers, numbers_or_nan, read_table
from painprint.settings import Settings

STANDARD = ("onset", "duration", "trial_type")
"""Columns of events that are never the rating."""
WHOLE_RUN = "the only rating in the events was taken as that of the whole run."
MANY = 200
"""Events with more ratings may be samples of a continuous rating."""


def is_events_file(file: BidsFile) -> bool:
    """Whether a raw file lists the events of a run."""
    return file.suffix == "events" and file.extension == ".tsv"


def has_ratings(
    file: BidsFile, sidecars: Iterable[BidsFile], column: str | None, *, wanted: bool
) -> bool:
    """Whether an events file has ratings.

    Parameters
    ----------
    column : str or None
        Column of the rating, if it was named.
    wanted : bool
        Whether ratings of events were asked for: a file that cannot be read then counts, so that
        reading it says why.
    """
    try:
        table = read_table(file.path)
        return bool(_rating_columns(table, inherited_metadata(file, sidecars), column))
    except DerivativesError:
        return wanted


def mention_columns(files: Iterable[BidsFile]) -> str:
    """A sentence on the first events file with a column that may be the rating; empty if none."""
    for file in files:
        try:
            table = read_table(file.path)
        except DerivativesError:
            continue  # only a hint is sought
        names = [name for name in _other_columns(table) if rank_column(name, {}) < Rank.OTHER]
        if names:
            return (
                f" {file.path.name} has the column{'s' * (len(names) > 1)} {', '.join(names)}: if "
                "one is the rating of events, name it with --rating-column."
            )
    return ""


def load_events(
    files: Sequence[BidsFile], sidecars: Iterable[BidsFile], settings: Settings
) -> tuple[EventRatings, NDArray[np.float64], tuple[BidsFile, ...], tuple[str, ...]]:
    """Read the ratings in the events of a run.

    Parameters
    ----------
    files : sequence of BidsFile
        Events files of the run.

    Returns
    -------
    events : EventRatings
    onset_s : ndarray of shape (n_rows,)
        Onsets of all rows that have one, increasing (s).
    sources : tuple of BidsFile
        The events file, then its sidecars.
    notes : tuple of str
        Assumptions that were made.

    Raises
    ------
    DerivativesError
        If columns or rows are not what they must be, or it is not known which time is rated.
    """
    if len(files) > 1:
        names = ", ".join(file.path.name for file in files)
        raise DerivativesError(f"several events files belong to this run: {names}. Keep one.")
    (file,) = files
    metadata = inherited_metadata(file, sidecars)
    table = read_table(file.path)
    column = _choose_column(table, metadata, settings, file.path)
    rows, notes = _read_rows(table, column, metadata, settings, file.path)
    if rank_column(column, metadata.of_column(column)) != Rank.NAMED:
        notes.append(f"the column {column!r} was taken as the rating.")
    if settings.rating_column is None and is_bare_pain(column):
        notes += check_code(rows.rating, column, file.path) or [
            f"the column {column!r} was taken as the rating."
        ]
    rows, filler_notes = without_fillers(rows, settings.rating_of)
    notes += filler_notes
    events, window_notes = _windows(rows, settings, file.path)
    onset_s = rows.onset_s[np.isfinite(rows.onset_s)]
    return events, onset_s, (file, *metadata.sidecars), (*notes, *window_notes)


def _choose_column(table: pd.DataFrame, metadata: Metadata, settings: Settings, path: Path) -> str:
    """The column of the rating, of which there must be one."""
    columns = _rating_columns(table, metadata, settings.rating_column)
    if len(columns) > 1:
        raise DerivativesError(
            f"several columns may be the rating: {', '.join(columns)}. Choose with "
            "--rating-column.",
            path,
        )
    if not columns:
        called = "a rating" if settings.rating_column is None else repr(settings.rating_column)
        raise DerivativesError(
            f"has no column of numbers that is called {called}. Its columns are "
            f"{', '.join(map(str, table))} (--rating-column).",
            path,
        )
    return columns[0]


def _rating_columns(table: pd.DataFrame, metadata: Metadata, column: str | None) -> list[str]:
    """The columns with numbers that say best that they are the rating, or the one named."""
    names = _other_columns(table)
    names += [
        str(name)
        for name in table
        if name not in (*STANDARD, *names) and table[name].map(is_marred).any()
        if name == column or rank_column(str(name), metadata.of_column(str(name))) <= Rank.DESCRIBED
    ]
    if column is not None:
        return [column] if column in names else []
    ranks = {name: rank_column(name, metadata.of_column(name)) for name in names}
    best = min(ranks.values(), default=Rank.OTHER)
    return [name for name, rank in ranks.items() if rank == best <= Rank.DESCRIBED]


def _other_columns(table: pd.DataFrame) -> list[str]:
    """The columns with numbers but those of BIDS."""
    return [
        str(name)
        for name in table
        if name not in STANDARD and np.isfinite(numbers_or_nan(table[name])).any()
    ]


def _read_rows(
    table: pd.DataFrame, column: str, metadata: Metadata, settings: Settings, path: Path
) -> tuple[EventRows, list[str]]:
    """The rows with their times in seconds, and notes on them."""
    if "onset" not in table:
        raise DerivativesError("has no column onset, which events must have (s).", path)
    onset_s, notes = times_in_seconds(
        numbers(table["onset"], path), "onset", metadata.values, path, on_change=True
    )
    duration_s = np.full(len(table), np.nan)
    if "duration" in table:
        # without a unit of its own, a duration has that of the onset
        own = metadata.of_column("duration")
        units = {"duration": own if "Units" in own else metadata.of_column("onset")}
        duration_s, _ = times_in_seconds(
            numbers(table["duration"], path), "duration", units, path, on_change=True
        )
    kind = np.full(len(table), "", dtype=object)
    if "trial_type" in table:
        kind = table["trial_type"].where(~table["trial_type"].isin(MISSING), "").to_numpy(object)
    if marred := next((cell for cell in table[column] if is_marred(cell)), None):
        raise DerivativesError(
            f"its column {column!r} has {marred!r}, which is not a number. Write decimal points "
            "and no symbols such as % or units; n/a for a missing rating.",
            path,
        )
    rating = numbers_or_nan(table[column])
    is_text = np.isnan(rating) & ~table[column].isin(MISSING).to_numpy()
    order = np.argsort(onset_s, kind="stable")  # NaN last
    onset_s = onset_s + (settings.rating_start_s or 0.0)
    rows = EventRows(onset_s[order], duration_s[order], kind[order], rating[order], is_text[order])
    return rows, notes


def _windows(
    rows: EventRows, settings: Settings, path: Path
) -> tuple[EventRatings, tuple[str, ...]]:
    """The window of each rating, in order of time, and notes."""
    asked = np.flatnonzero(rows.asked)
    if not settings.rates_events:
        if len(asked) > 1:
            raise DerivativesError(_ask_for_window(rows), path)
        whole = np.array([np.inf])
        return EventRatings(-whole, whole, rows.rating[asked], {}), (WHOLE_RUN,)
    timed = asked[np.isfinite(rows.onset_s[asked])]
    about = timed
    if settings.rating_of is not None:
        about = assign_rows(rows, timed, settings.rating_of, path)
    base_s = np.where(about >= 0, rows.onset_s[about], np.nan)
    low_s, high_s = settings.rating_window or (0.0, rows.duration_s[about])
    start_s, end_s = base_s + low_s, base_s + high_s
    rated, placed, lasting = rows.rated[timed], np.isfinite(base_s), np.isfinite(end_s)
    of = settings.rating_of
    left_out = {
        "have no onset": int(rows.rated.sum() - rated.sum()),
        "are n/a": int((rows.asked & ~rows.rated & ~rows.is_text).sum()),
        "are text": int(rows.is_text.sum()),
        f"have no {of} of their own before them": int((rated & ~placed).sum()),
        f"have a {of} without duration before them": int((rated & placed & ~lasting).sum()),
    }
    used = np.flatnonzero(rated & lasting)
    used = used[np.argsort(start_s[used], kind="stable")]
    _check_same_time(start_s[used], path)
    kinds = sorted(set(rows.kind[timed[used]]) - {""})
    notes = (
        f"ratings in rows of the trial types {', '.join(kinds)} were taken together, as of one "
        "scale.",
    ) * (len(kinds) > 1)
    return EventRatings(start_s[used], end_s[used], rows.rating[timed[used]], left_out), notes


def _check_same_time(start_s: NDArray[np.float64], path: Path) -> None:
    """Check that no two windows begin at once, so that it is known which rating counts."""
    at_once = np.flatnonzero(np.diff(start_s) == 0)
    if len(at_once):
        raise DerivativesError(
            f"{len(at_once)} of its {len(start_s)} ratings are of the same time as another one "
            f"(first: the window from {start_s[at_once[0]]:g} s on), and it is not known which "
            "counts. Give each scale or rater a separate column (--rating-column), or remove "
            "rows.",
            path,
        )


def _ask_for_window(rows: EventRows) -> str:
    """Error message if it is not known which time several ratings are about."""
    n_ratings, types = int(rows.asked.sum()), count_types(rows)
    others = [kind for kind in rows.kind[~rows.asked] if kind] or [k for k in rows.kind if k]
    text = (
        f"has {n_ratings} ratings, but nothing says which time each of them is about. Trial types: "
        f"{', '.join(types) or 'none'}. Pass --rating-window with a start and an end in seconds "
        "after the onset of a rating's row, as in --rating-window -20 0"
    )
    if others:
        text += (
            f"; or --rating-of with the trial type that is rated, as in --rating-of {others[0]}, "
            "for the duration of the row of this type before each rating. With both, the window "
            "is relative to the onset of that row"
        )
    if n_ratings > MANY:
        text += (
            ". If they are samples of a continuous rating, write them as *_beh.tsv with the "
            "columns time (s after the start of the scan) and rating"
        )
    return f"{text}."
