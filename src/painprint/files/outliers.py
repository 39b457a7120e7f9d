"""Read ``outliers.tsv`` of XCP-D: which frames are censored, and which columns say so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.errors import DerivativesError
from painprint.files.tables import numbers, numbers_or_nan, read_table

SUBSAMPLE = re.compile(r"exact_.+|random_censor.*", re.I)
"""Random subsamples of the kept frames, from which XCP-D computes correlation matrices."""
MEASURE = re.compile(
    r"framewise_displacement|(^|_)fd(_|$|\d)|dvars|rmsd|scrub|spike|motion|"
    r"(?<!non)(?<!non[_-])outlier|(?<!un)censor",
    re.I,
)
"""Names of measures of outliers, in XCP-D and elsewhere."""
TRUTH = {r"(?i)^\s*true\s*$": "1", r"(?i)^\s*false\s*$": "0"}
MOST_COMBINED = 8
"""Most columns of which every combination is compared with the number of rows of a series."""


@dataclass(frozen=True, eq=False)
class Outliers:
    """Censored frames of a run.

    Attributes
    ----------
    censored : ndarray of bool, shape (n_frames,)
    notes : tuple of str
        Columns that were not used, and why.
    """

    censored: NDArray[np.bool_]
    notes: tuple[str, ...]


def read_outliers(path: Path, n_rows: int) -> Outliers:
    """Read which frames are censored: those flagged by a measure of outliers.

    Columns of random subsamples are no censoring and are never used. Columns with other names are
    used only if no column is known as a measure, or if the series shows that they were: one that
    lacks its censored frames has as many rows as its columns keep.

    Parameters
    ----------
    n_rows : int
        Rows of the regional time series.

    Raises
    ------
    DerivativesError
        If a used column contains anything but 0 or False (keep), 1 or True (censor), or a missing
        flag, which counts as 1. A column of measurements, such as mm, beside flags is left out.
    """
    table = read_table(path)
    names = [name for name in table.columns if not SUBSAMPLE.fullmatch(name)]
    known = [name for name in names if MEASURE.search(name)] or names
    flags = [name for name in known if not _is_measurement(table[name])]
    known = flags or known  # of measurements alone, the first is refused
    used, censored = known, _combine(table, (_flags(table[name], path) for name in known))
    inferred = False
    if n_rows not in (len(table), int((~censored).sum())):
        if fitting := _fitting(table, names, n_rows, path):
            used, censored = fitting
            inferred = True
    return Outliers(censored, _notes(table, names, used, inferred=inferred))


def _flags(column: pd.Series, path: Path) -> NDArray[np.bool_]:
    """True where a column flags a frame or has no value."""
    values = numbers(column.replace(TRUTH, regex=True), path)
    invalid = ~(np.isnan(values) | (values == 0) | (values == 1))
    if invalid.any():
        row = int(np.flatnonzero(invalid)[0])
        raise DerivativesError(
            f"column {column.name}: row {row + 1} is {values[row]:g}; flags are 0 (keep) or 1 "
            "(censor).",
            path,
        )
    return np.asarray(values != 0)


def _is_measurement(column: pd.Series) -> bool:
    """Whether a column has fractions, as a displacement in mm has."""
    values = numbers_or_nan(column)
    return bool((values[np.isfinite(values)] % 1 != 0).any())


def _combine(table: pd.DataFrame, flags: Iterable[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    return np.logical_or.reduce([np.zeros(len(table), bool), *flags])


def _fitting(
    table: pd.DataFrame, names: Sequence[str], n_rows: int, path: Path
) -> tuple[list[str], NDArray[np.bool_]] | None:
    """The columns that keep as many frames as the series has rows; None unless they are unique."""
    flags = {}
    for name in names:
        try:
            flags[name] = _flags(table[name], path)
        except DerivativesError:
            continue  # no flags, hence not what censored the series
    if len(flags) > MOST_COMBINED:
        return None
    found: dict[bytes, tuple[list[str], NDArray[np.bool_]]] = {}
    for size in range(1, len(flags) + 1):
        for some in combinations(flags, size):
            censored = _combine(table, (flags[name] for name in some))
            if int((~censored).sum()) == n_rows:
                found.setdefault(censored.tobytes(), (list(some), censored))
    return next(iter(found.values())) if len(found) == 1 else None


def _notes(
    table: pd.DataFrame, names: Sequence[str], used: Sequence[str], *, inferred: bool
) -> tuple[str, ...]:
    subsamples = [name for name in table.columns if name not in names]
    others = [name for name in names if name not in used]
    measured = [n for n in others if MEASURE.search(n) and _is_measurement(table[n])]
    others = [name for name in others if name not in measured]
    notes = []
    if measured:
        notes.append(
            f"outliers.tsv: {_columns(measured)} not used: measurements, such as mm, are no flags "
            "(0 or 1)."
        )
    if subsamples:
        notes.append(
            f"outliers.tsv: {_columns(subsamples)} not used: a random subsample of frames for "
            "correlation matrices is no censoring."
        )
    if inferred:
        rest = f"; {_columns(others)} not used" if others else ""
        notes.append(
            f"outliers.tsv: the time series lacks the frames that {', '.join(used)} "
            f"flag{'s' * (len(used) == 1)}, which were censored{rest}."
        )
    elif others:
        notes.append(
            f"outliers.tsv: {_columns(others)} not used: the name is not that of a measure of "
            "outliers. If frames are to be censored by it, add its flags to "
            "framewise_displacement."
        )
    return tuple(notes)


def _columns(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3]) + f" and {len(names) - 3} more" * (len(names) > 3)
    return f"the column{'s' * (len(names) > 1)} {shown} {'were' if len(names) > 1 else 'was'}"
