"""Strict reading of TSV and JSON files of BIDS datasets."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.errors import DerivativesError
from painprint.files.lines import Lines, read_lines, unreadable
from painprint.store.reading import read_at_most

MOST_CELLS = 5_000_000
"""Upper limit for the cells of text of a table, which need about 100 bytes each: the edges of 1,000
regions with ten columns."""
MOST_NUMBERS = 50_000_000
"""Upper limit for the numbers of a table, which need 16 bytes each while they are read."""
MOST_BYTES_OF_JSON = 20_000_000
"""Upper limit for a JSON file (bytes), which needs up to thirty times its size."""

MISSING = ("n/a", "N/A", "nan", "NaN", "NA", "")


def read_json(path: Path, *, example: str = '{"name": "value"}') -> dict[str, Any]:
    """Read a JSON object.

    Parameters
    ----------
    example : str
        What such a file may hold, for the error.

    Raises
    ------
    DerivativesError
        If the file is unreadable, larger than ``MOST_BYTES_OF_JSON``, or contains anything but an
        object.
    """
    try:
        content = json.loads(read_at_most(path, MOST_BYTES_OF_JSON).decode("utf-8-sig"))
    except OSError as error:
        raise unreadable(path, error) from error
    except (ValueError, RecursionError) as error:
        raise DerivativesError(
            f"is not valid JSON ({error}). Repair it; a comma too much or too little is the usual "
            "cause.",
            path,
        ) from error
    if not isinstance(content, dict):
        raise DerivativesError(f"must hold a JSON object, like {example}.", path)
    return content


def to_number(text: str) -> float:
    """Convert text to a number; unlike ``float``, without underscores and non-ASCII digits.

    Raises
    ------
    ValueError
        If it is not a number.
    """
    if "_" in text or not text.isascii():
        raise ValueError(f"{text!r} is not a number")
    return float(text)


def split_line(line: str) -> list[str]:
    """Cells of a line of tab-separated text, without spaces and quotation marks around them.

    Examples
    --------
    >>> split_line('"time"\\t rating')
    ['time', 'rating']
    """
    cells = [cell.strip() for cell in line.split("\t")]
    return [c[1:-1].strip() if len(c) > 1 and c[0] == c[-1] == '"' else c for c in cells]


def read_table(path: Path) -> pd.DataFrame:
    """Read a tab-separated table with a header, as text.

    Raises
    ------
    DerivativesError
        If the file is empty, its rows differ in length from its header, or it has more than
        ``MOST_CELLS``.
    """
    lines = read_lines(path)
    if not len(lines):
        raise DerivativesError("is empty. Copy it again, or make it again.", path)
    return split_rows(lines.rest, tuple(split_line(lines.first)), path)


def split_rows(
    lines: Lines, names: tuple[str, ...], path: Path, use: tuple[str, ...] | None = None
) -> pd.DataFrame:
    """Split lines of tab-separated text into named columns.

    Parameters
    ----------
    use : tuple of str, optional
        Columns to read, all of them by default.

    Raises
    ------
    DerivativesError
        If names repeat, a line has another number of columns, or the columns to read have more
        than ``MOST_CELLS``.
    """
    _check_names(names, path)
    used = names if use is None else use
    _check_size(len(lines), len(used), MOST_CELLS, path)
    positions = [names.index(name) for name in used] if use is not None else range(len(names))
    rows = [[cells[at] for at in positions] for cells in _split(lines, names, path)]
    return pd.DataFrame(rows, columns=list(used), dtype=str)


def _check_names(names: tuple[str, ...], path: Path) -> None:
    if len(set(names)) < len(names):
        repeated = sorted(name for name, count in Counter(names).items() if count > 1)
        raise DerivativesError(f"column names must differ; repeated: {', '.join(repeated)}.", path)


def _check_size(n_rows: int, n_columns: int, limit: int, path: Path) -> None:
    if n_rows * n_columns > limit:
        raise DerivativesError(
            f"has {n_rows:,} rows of {n_columns:,} columns that would be read, but a table of at "
            f"most {limit:,} cells is. Check that it is the right file, and leave out rows or "
            "columns that are not needed.",
            path,
        )


def _split(lines: Lines, names: tuple[str, ...], path: Path) -> Iterator[list[str]]:
    """The cells of each line, which must have one for each name."""
    for number, line in enumerate(lines, start=1):
        row = split_line(line)
        if len(row) != len(names):
            hint = ""
            if len(row) == len(names) + 1:
                hint = " If they are row names of R, write the table with row.names = FALSE."
            if len(row) == 1 or len(names) == 1:
                hint = " Columns must be separated by tabs."
            raise DerivativesError(
                f"data line {number} has {len(row)} columns, but {len(names)} are expected.{hint}",
                path,
            )
        yield row


def read_numbers(path: Path) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Read a tab-separated table of numbers with a header.

    Returns
    -------
    names : tuple of str
    values : ndarray of shape (n_rows, n_columns)
        ``n/a`` becomes NaN.
    """
    lines = read_lines(path)
    if not len(lines):
        raise DerivativesError("is empty. Copy it again, or make it again.", path)
    names = tuple(split_line(lines.first))
    for mark, what in ((",", "commas"), (";", "semicolons")):
        if len(names) == 1 and lines.first.count(mark):
            raise DerivativesError(f"has {what} between its columns. Save it with tabs.", path)
    return names, numeric_rows(lines.rest, names, path)


def numeric_rows(
    lines: Lines, names: tuple[str, ...], path: Path, use: tuple[str, ...] | None = None
) -> NDArray[np.float64]:
    """Convert lines of tab-separated numbers.

    Parameters
    ----------
    use : tuple of str, optional
        Columns to read, all of them by default. The others may hold text.

    Returns
    -------
    values : ndarray of shape (n_lines, n_columns)
        Columns in the order of ``use``.

    Raises
    ------
    DerivativesError
        If there are more than ``MOST_NUMBERS``; else as :func:`split_rows` and :func:`numbers`,
        naming the first invalid entry.
    """
    used = names if use is None else use
    if not len(lines):
        return np.empty((0, len(used)))
    _check_size(len(lines), len(used), MOST_NUMBERS, path)
    if lines.all_have(len(names)):
        positions = [names.index(name) for name in used]
        try:
            table = pd.read_csv(
                lines.open(),
                sep="\t",
                header=None,
                usecols=positions,
                dtype=float,
                na_values=MISSING,
                keep_default_na=False,
                skip_blank_lines=False,
                quoting=csv.QUOTE_NONE,
            )
            return table[positions].to_numpy()
        except ValueError:
            pass  # the strict reading below names the entry
    _check_names(names, path)
    for _ in _split(lines, names, path):
        pass  # lines of another length are named before entries
    values = np.empty((len(lines), len(used)))
    for at, name in enumerate(used):
        position = names.index(name)
        cells = (split_line(line)[position] for line in lines)
        values[:, at] = _convert(cells, len(lines), name, path)
    return values


def is_marred(cell: str) -> bool:
    """Whether a cell begins like a number but is none, such as "4,5" or "45 %".

    Examples
    --------
    >>> is_marred("4,5"), is_marred("80/100"), is_marred("4.5"), is_marred("n/a")
    (True, True, False, False)
    """
    if not re.match(r"[-+]?[.,]?\d", cell.strip()):
        return False
    try:
        to_number(cell)
    except ValueError:
        return True
    return False


def numbers(column: pd.Series, path: Path) -> NDArray[np.float64]:
    """Convert a column of text to numbers; ``n/a`` and empty entries become NaN.

    Raises
    ------
    DerivativesError
        Naming the first entry that is not a number.
    """
    return _convert(column.tolist(), len(column), str(column.name), path)


def _convert(cells: Iterable[str], n_cells: int, name: str, path: Path) -> NDArray[np.float64]:
    """The same, of the cells of a column."""
    values = np.full(n_cells, np.nan)
    for row, cell in enumerate(cells):
        entry = cell.strip()
        if entry in MISSING:
            continue
        try:
            values[row] = to_number(entry)
        except ValueError:
            hint = "Correct it, or write n/a."
            if is_marred(entry):
                hint = (
                    "Use decimal points and no symbols such as % or units; n/a for a missing value."
                )
            raise DerivativesError(
                f"row {row + 1} of column {name!r} is {entry!r:.80}, which is not a number. {hint}",
                path,
            ) from None
    return values


def numbers_or_nan(column: pd.Series) -> NDArray[np.float64]:
    """The finite numbers of a column of text; NaN for everything else."""
    values = np.full(len(column), np.nan)
    for row, entry in enumerate(column.str.strip()):
        try:
            values[row] = to_number(entry)
        except ValueError:
            continue
    return np.where(np.isfinite(values), values, np.nan)
