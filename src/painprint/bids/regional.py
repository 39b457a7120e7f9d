"""Read regional time series without columns that are no regions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from painprint.errors import DerivativesError
from painprint.files.cifti import read_ptseries
from painprint.files.dataset import BidsFile
from painprint.files.multiverse import without_hash
from painprint.files.tables import read_numbers

FEWEST_ROWS = 20
"""A region's signal cannot rise from frame to frame in as many rows."""
MOST_NAMED = 3
"""Number of columns that a note names."""


def read_signals(
    file: BidsFile,
) -> tuple[tuple[str, ...], NDArray[np.float64], float | None, tuple[str, ...]]:
    """Read the signals of a TSV or ptseries file; columns that count the rows are left out.

    Returns
    -------
    regions : tuple of str
    signals : ndarray of shape (n_rows, n_regions)
    tr_s : float or None
        Repetition time in the header of a ptseries file (s).
    notes : tuple of str
        Columns that were left out.

    Raises
    ------
    DerivativesError
        If the file is unreadable, or a column has no name.
    """
    if file.extension != ".tsv":
        return (*read_ptseries(file.path), ())
    names, signals = read_numbers(file.path)
    names = without_hash(names, file.path)
    if "" in names:
        raise DerivativesError(
            f"has a column without a name (number {names.index('') + 1}), as pandas writes an "
            "index. Name its region, or remove it.",
            file.path,
        )
    if len(signals) < FEWEST_ROWS:
        return names, signals, None, ()
    keep = ~np.asarray((np.diff(signals, axis=0) > 0).all(axis=0))
    names, signals, notes = keep_columns(names, signals, keep, "count the rows or their times")
    return names, signals, None, notes


def keep_columns(
    names: Sequence[str], signals: NDArray[np.float64], keep: NDArray[np.bool_], reason: str
) -> tuple[tuple[str, ...], NDArray[np.float64], tuple[str, ...]]:
    """The columns to keep, and a note that names the others.

    Parameters
    ----------
    signals : array of shape (n_rows, n_columns)
    keep : array of bool, shape (n_columns,)
    reason : str
        Why the others are no regions, as a predicate.
    """
    if keep.all():
        return tuple(names), signals, ()
    others = [name for name, k in zip(names, keep, strict=True) if not k]
    shown = ", ".join(others[:MOST_NAMED]) + ", ..." * (len(others) > MOST_NAMED)
    note = f"columns that {reason} are no regions and were left out: {shown}."
    kept = tuple(name for name, k in zip(names, keep, strict=True) if k)
    return kept, signals[:, keep], (note,)
