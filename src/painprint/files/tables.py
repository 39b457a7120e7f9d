"""Strict reading of TSV and JSON files of BIDS datasets."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.errors import DerivativesError

MOST_BYTES = 200_000_000
"""Upper limit for tables, which a corrupted or malicious gzip file could exceed."""

MISSING = ("n/a", "N/A", "nan", "NaN", "NA", "")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    DerivativesError
        If the file is unreadable or contains anything but an object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise _unreadable(path, error) from error
    except (ValueError, RecursionError) as error:
        raise DerivativesError(
            f"is not valid JSON ({error}). Repair it; a comma too much or too little is the usual "
            "cause.",
            path,
        ) from error
    if not isinstance(content, dict):
        raise DerivativesError('must hold a JSON object, like {"RepetitionTime": 0.46}.', path)
    return content


def _unreadable(path: Path, error: OSError) -> DerivativesError:
    """Error for a file that cannot be opened or is a broken link."""
    if path.is_symlink() and not path.exists():
        return DerivativesError("is a link to a file that does not exist (datalad get?).", path)
    return DerivativesError(f"cannot be read ({error.strerror}).", path)


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


def read_lines(path: Path) -> list[str]:
    """Read the lines of a text file, gzipped or not, without byte-order mark and empty lines at
    the end; a line may end with LF, CR LF or CR. Other empty lines are kept: they may be samples
    without a value."""
    try:
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise DerivativesError(f"contains more than {MOST_BYTES // 10**6} MB of text.", path)
        text = data.decode("utf-8-sig")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DerivativesError(
            f"is not a complete gzip file ({error}). Copy it again.", path
        ) from error
    except UnicodeDecodeError as error:
        raise DerivativesError("is not UTF-8 text.", path) from error
    except OSError as error:
        raise _unreadable(path, error) from error
    lines = re.sub(r"\r*\n|\r", "\n", text).split("\n") if "\r" in text else text.split("\n")
    while lines and not lines[-1]:
        lines.pop()
    return lines


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
        If the file is empty, or its rows differ in length from its header.
    """
    lines = read_lines(path)
    if not lines:
        raise DerivativesError("is empty.", path)
    return split_rows(lines[1:], tuple(split_line(lines[0])), path)


def split_rows(lines: list[str], names: tuple[str, ...], path: Path) -> pd.DataFrame:
    """Split lines of tab-separated text into named columns.

    Raises
    ------
    DerivativesError
        If names repeat, or a line has another number of columns.
    """
    if len(set(names)) < len(names):
        repeated = sorted({name for name in names if names.count(name) > 1})
        raise DerivativesError(f"column names must differ; repeated: {', '.join(repeated)}.", path)
    rows = [split_line(line) for line in lines]
    for number, row in enumerate(rows, start=1):
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
    return pd.DataFrame(rows, columns=list(names), dtype=str)


def read_numbers(path: Path) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Read a tab-separated table of numbers with a header.

    Returns
    -------
    names : tuple of str
    values : ndarray of shape (n_rows, n_columns)
        ``n/a`` becomes NaN.
    """
    lines = read_lines(path)
    if not lines:
        raise DerivativesError("is empty.", path)
    names = tuple(split_line(lines[0]))
    return names, numeric_rows(lines[1:], names, path)


def numeric_rows(
    lines: list[str], names: tuple[str, ...], path: Path, use: tuple[str, ...] | None = None
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
        As :func:`read_table` and :func:`numbers`, naming the first invalid entry.
    """
    used = names if use is None else use
    if not lines:
        return np.empty((0, len(used)))
    if {line.count("\t") for line in lines} == {len(names) - 1}:
        positions = [names.index(name) for name in used]
        try:
            table = pd.read_csv(
                io.StringIO("\n".join(lines)),
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
    table = split_rows(lines, names, path)
    return np.stack([numbers(table[name], path) for name in used], axis=1)


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
    text = column.str.strip()
    values = np.full(len(text), np.nan)
    for row, entry in enumerate(text):
        if entry in MISSING:
            continue
        try:
            values[row] = to_number(entry)
        except ValueError:
            hint = ""
            if is_marred(entry):
                hint = " Write decimal points and no sign such as % or unit; n/a where it is none."
            raise DerivativesError(
                f"row {row + 1} of column {column.name!r} is {entry!r}, which is not a number."
                f"{hint}",
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
