"""Identify the rating among the recordings of a run, and read its samples."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from painprint.bids.choose_source import label_of
from painprint.bids.rating_columns import (
    Rank,
    is_bare_pain,
    is_plain_time,
    may_be_times,
    rank_column,
    rank_in_recording,
    time_column,
)
from painprint.bids.rating_times import (
    check_unknown_times,
    start_of_recording,
    times_in_seconds,
    times_of_rate,
)
from painprint.bids.rating_values import check_code
from painprint.bids.ratings import RatingRecording
from painprint.bids.runs import RunFiles, is_rating_file
from painprint.errors import DerivativesError, naming
from painprint.files.dataset import BidsFile, Metadata, inherited_metadata
from painprint.files.lines import Lines, read_lines
from painprint.files.tables import (
    MISSING,
    is_marred,
    numeric_rows,
    split_line,
    split_rows,
    to_number,
)
from painprint.settings import Settings

RESP_RANGE = (0.0, 1.0)
TRIAL_COLUMNS = frozenset(("duration", "trial_type"))
"""Columns of events, which samples have no need of."""
LONGEST_STEP_S = 2.0
"""Ratings that are usually further apart (s), beside ``TRIAL_COLUMNS``, are those of trials."""


@dataclass(frozen=True, eq=False)
class _Table:
    """A recording: its columns and sidecars.

    Attributes
    ----------
    time : str or None
        Column of times.
    lines : Lines or None
        Lines of samples, if the file was read for its header.
    """

    file: BidsFile
    names: tuple[str, ...]
    time: str | None
    metadata: Metadata
    lines: Lines | None

    def describe(self, name: str) -> str:
        """The name of a column with its unit."""
        units = self.metadata.of_column(name).get("Units")
        return f"{name} ({units})" if units else name

    def rank(self, name: str) -> Rank:
        """How well a column says that it is the rating."""
        rank = rank_column(name, self.metadata.of_column(name))
        if self.metadata.values.get("PhysioType") == "eyetrack" or not self._has_numbers(
            name, or_marred=rank <= Rank.DESCRIBED
        ):
            return Rank.OTHER
        label = self.file.entities.get("recording", "")
        return rank_in_recording(rank, name, self.file.suffix, label)

    def _has_numbers(self, name: str, *, or_marred: bool) -> bool:
        """Whether a column may have numbers; a column of words is not the rating. Marred numbers,
        such as 4,5, are those of a rating, so that reading them says what is wrong."""
        if self.lines is None or not len(self.lines):
            return True
        at = self.names.index(name)
        cells = (row[at] for row in map(split_line, self.lines) if at < len(row))
        return any(_is_number(cell) or (or_marred and is_marred(cell)) for cell in cells)


def load_recording(
    files: RunFiles, settings: Settings
) -> tuple[RatingRecording, tuple[BidsFile, ...], tuple[str, ...]] | None:
    """Find the rating among the recordings of a run, and read it.

    None is returned where no recording is the rating, but other files of the run have ratings.

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
        If none of the recordings, or several of them, may be the rating, or its times contradict
        each other.
    """
    choice = _choose(files, settings)
    if choice is None:
        return None
    table, column, notes = choice
    time_s, value, start_s, time_notes = _read_samples(table, column, settings)
    value_range = settings.rating_range or (RESP_RANGE if table.file.suffix == "resp" else None)
    with naming(table.file.path):
        recording = RatingRecording(
            time_s, value, start_s=start_s, value_range=value_range, hold=settings.rating_hold
        )
        if settings.rating_ignore_start:
            n_ignored = recording.n_before_change
            recording = recording.without_start()
            notes.append(
                f"{n_ignored} rating samples before the first change were taken as missing "
                "(--rating-ignore-start)."
            )
    return recording, (table.file, *table.metadata.sidecars), (*notes, *time_notes)


def _choose(files: RunFiles, settings: Settings) -> tuple[_Table, str, list[str]] | None:
    """The recording and its column of the rating, and notes about the choice; None if there is
    none, and the rating lies elsewhere."""
    wanted = settings.rating_recording and label_of(settings.rating_recording, "recording")
    recordings = [file for file in files.rating if is_rating_file(file)]
    elsewhere = len(recordings) < len(files.rating)
    tables, problems = [], []
    for file in recordings:
        if wanted is not None and file.entities.get("recording") != wanted:
            continue
        try:
            tables.append(_read_columns(file, files))
        except DerivativesError as error:
            problems.append((file, error))
    best = _best_columns(tables, settings)
    if not best and problems and not (elsewhere and settings.rating_column):
        raise problems[0][1]
    if not best and elsewhere and wanted is None:
        return None
    if not best:
        raise DerivativesError(_describe_missing(files, tables, settings))
    if len({table.file.path for table, _ in best}) > 1:
        names = ", ".join(dict.fromkeys(table.file.path.name for table, _ in best))
        raise DerivativesError(
            f"several recordings may be the rating: {names}. Choose with --rating-recording "
            "or --rating-column."
        )
    if len(best) > 1:
        raise DerivativesError(
            f"several columns may be the rating: {', '.join(name for _, name in best)}. Choose "
            "with --rating-column.",
            best[0][0].file.path,
        )
    ((table, column),) = best
    notes = []
    if table.rank(column) != Rank.NAMED:
        notes.append(f"the column {column!r} was taken as the rating.")
    for file, problem in problems:
        why = str(problem).removeprefix(f"{file.path.name}: ")
        notes.append(f"a recording (*_{file.suffix}{file.extension}) was not considered: {why}")
    return table, column, notes


def _best_columns(tables: list[_Table], settings: Settings) -> list[tuple[_Table, str]]:
    """The columns of all recordings that say best that they are the rating."""
    if settings.rating_column is not None:
        return [(t, settings.rating_column) for t in tables if settings.rating_column in t.names]
    ranks = {
        (table, name): table.rank(name)
        for table in tables
        for name in table.names
        if name != table.time
    }
    worst = Rank.UNNAMED if settings.rating_recording is None else Rank.OTHER
    best = min(ranks.values(), default=worst)
    return [key for key, rank in ranks.items() if rank == best <= worst]


def _describe_missing(files: RunFiles, tables: list[_Table], settings: Settings) -> str:
    """Why no recording is the rating, with all columns that there are."""
    names = ", ".join(file.path.name for file in files.rating if is_rating_file(file))
    columns = "; ".join(
        f"{table.file.path.name}: {', '.join(map(table.describe, table.names))}" for table in tables
    )
    if not columns:
        columns = f"none has recording-{settings.rating_recording} in its name"
    why = (
        "stimuli, physiological channels, times, counters, and columns of a physio file that "
        "are not named as a rating are used only if they are selected"
    )
    if settings.rating_column is not None:
        why = f"no column is called {settings.rating_column!r}"
    return (
        f"no rating among the recordings {names}: {why}. Name it with --rating-recording or "
        f"--rating-column. Columns: {columns}."
    )


def _read_columns(file: BidsFile, files: RunFiles) -> _Table:
    """The columns of a recording."""
    metadata = inherited_metadata(file, files.raw_sidecars)
    lines = None
    if _has_columns_in_sidecar(file):
        names = metadata.values.get("Columns")
        if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
            raise DerivativesError(
                "its sidecar must list the Columns (and SamplingFrequency, StartTime).", file.path
            )
    else:
        names, lines = _read_header(file)
    if len(set(names)) < len(names):
        raise DerivativesError(f"column names must differ: {', '.join(names)}.", file.path)
    time = time_column(tuple(names))
    if time is None and lines is not None:
        hint = " Columns must be separated by tabs." if len(names) == 1 else ""
        raise DerivativesError(
            f"has no column of times among {', '.join(names)}; call it time or onset (s).{hint}",
            file.path,
        )
    return _Table(file, tuple(names), time, metadata, lines)


def _has_columns_in_sidecar(file: BidsFile) -> bool:
    """Whether a file has no header; its sidecar lists the columns."""
    return file.suffix in ("physio", "stim")


def _read_header(file: BidsFile) -> tuple[list[str], Lines]:
    """Column names, and the lines of samples."""
    lines = read_lines(file.path)
    if not len(lines):
        raise DerivativesError("is empty. Copy it again, or make it again.", file.path)
    first = split_line(lines.first)
    if file.suffix == "resp" and not any(_is_text(cell) for cell in first):
        if len(first) != 2 or not all(_is_number(cell) for cell in first):
            raise DerivativesError(
                f"starts with {lines.first!r:.80}; a resp.tsv without a header has two columns of "
                "numbers, seconds and rating, separated by a tab, with decimal points.",
                file.path,
            )
        return ["time", "rating"], lines
    return first, lines.rest


def _read_samples(
    table: _Table, column: str, settings: Settings
) -> tuple[NDArray[np.float64], NDArray[np.float64], float, list[str]]:
    """Sample times (s), ratings, start of the recording in the scan (s), and notes."""
    path, metadata = table.file.path, table.metadata.values
    notes: list[str] = []
    lines = table.lines
    if lines is None:
        lines, notes = _without_header(read_lines(path), table, column)
    use = tuple(dict.fromkeys(name for name in (table.time, column) if name is not None))
    values = numeric_rows(lines, table.names, path, use)
    if table.lines is None and table.time is not None and not is_plain_time(table.time):
        if (np.diff(values[:, 0]) <= 0).any():  # not times of the run, such as those in a trial
            table = replace(table, time=None)
    if table.time is None:
        time_s = times_of_rate(len(values), metadata, path)
        unknown = [name for name in table.names if name != column and may_be_times(name)]
        if unknown:
            others = split_rows(lines, table.names, path, tuple(unknown))
            check_unknown_times(others, metadata, path)
    else:
        time_s, time_notes = times_in_seconds(
            values[:, 0], table.time, metadata, path, on_change=settings.rating_hold
        )
        notes = [*notes, *time_notes]
    if settings.rating_column is None and is_bare_pain(column):
        notes = [*notes, *check_code(values[:, -1], column, path)]
    if TRIAL_COLUMNS & set(table.names) and not settings.rating_hold:
        _check_samples(time_s[np.isfinite(values[:, -1])], table)
    start_s, start_notes = start_of_recording(
        time_s,
        table.time,
        metadata,
        settings,
        path,
        of_first_sample=_has_columns_in_sidecar(table.file),
    )
    return time_s, values[:, -1], start_s, [*notes, *start_notes]


def _check_samples(time_s: NDArray[np.float64], table: _Table) -> None:
    """Check that ratings in a table with columns of events are samples, not those of trials."""
    step_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else np.inf
    if step_s > LONGEST_STEP_S:
        raise DerivativesError(
            f"has the columns of events ({', '.join(table.names)}) and {len(time_s)} ratings, "
            f"usually {step_s:.3g} s apart: they seem to be ratings of trials, which are not "
            "interpolated. Write them as *_events.tsv and pass --rating-of or --rating-window; if "
            "they are samples of a continuous rating, leave out the columns duration and "
            "trial_type, or pass --rating-hold if each holds until the next one.",
            table.file.path,
        )


def _without_header(lines: Lines, table: _Table, column: str) -> tuple[Lines, list[str]]:
    """Lines of samples of a file that must have no header but may begin with one, and a note."""
    first = split_line(lines.first) if len(lines) else []
    if [cell.lower() for cell in first] == [name.lower() for name in table.names]:
        return lines.rest, ["the recording begins with a line of column names, which was skipped."]
    if len(first) == len(table.names) and _is_text(first[table.names.index(column)]):
        at = table.names.index(column)
        raise DerivativesError(
            f"row 1 of column {column!r} is {first[at]!r}, which is not a number. A tsv.gz has no "
            f"header; its sidecar lists the Columns ({', '.join(table.names)}). Remove the line, "
            "or correct the Columns.",
            table.file.path,
        )
    return lines, []


def _is_text(cell: str) -> bool:
    """Whether a cell has letters and is neither a number nor missing."""
    return any(c.isalpha() for c in cell) and cell not in MISSING and not _is_number(cell)


def _is_number(text: str) -> bool:
    try:
        to_number(text)
    except ValueError:
        return False
    return True
