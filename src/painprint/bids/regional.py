"""Read regional time series without columns that are no regions."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from painprint.bids.rating_columns import BESIDE_TIMES, COUNTERS, SECONDS, TIMES, words_of
from painprint.errors import DerivativesError
from painprint.files.cifti import read_ptseries
from painprint.files.dataset import BidsFile
from painprint.files.multiverse import without_hash
from painprint.files.tables import read_numbers

FEWEST_ROWS = 20
"""A region's signal cannot rise from frame to frame in as many rows."""
CONFOUND = re.compile(
    r"(?:framewise_displacement|FramewiseDisplacement|fd|FD|(?:std_|non-?std|std)?(?:dvars|DVARS)|"
    r"rmsd|global_signal|GlobalSignal|white_matter|WhiteMatter|csf|csf_wm|(?:trans|rot)_[xyz]|"
    r"(?:[actw]|edge)_comp_cor_\d+|[at]CompCor\d+|[cC]osine\d+|"
    r"(?:motion|non_steady_state)_outlier_?\d+|aroma_motion_\d+)(?:_derivative1|_power2|_mm)*"
)
"""Names that fMRIPrep gives to confounds, today and before 1.2, where no region is called so."""
MOSTLY_RISES = 0.9
"""Share of steps at which a counter or a time rises that begins anew, as with every run."""
MOST_NAMED = 3
"""Number of columns that a note names."""


def read_signals(
    file: BidsFile,
) -> tuple[tuple[str, ...], NDArray[np.float64], float | None, tuple[str, ...]]:
    """Read the signals of a TSV or ptseries file, without columns that are counters, times or
    confounds.

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
    count = np.asarray((np.diff(signals, axis=0) > 0).all(axis=0))
    keep = ~count | (len(signals) < FEWEST_ROWS)
    names, signals, counts = keep_columns(names, signals, keep, "count the rows or their times")
    called = [
        bool(CONFOUND.fullmatch(name)) or _is_counter(name, values)
        for name, values in zip(names, signals.T, strict=True)
    ]
    names, signals, others = keep_columns(
        names, signals, ~np.array(called, bool), "have the name of a counter or a confound"
    )
    return names, signals, None, (*counts, *others)


def _is_counter(name: str, values: NDArray[np.float64]) -> bool:
    """Whether a column has the name of a counter or a time, and such values: whole numbers, or
    numbers that mostly rise."""
    words = set(words_of(name))
    if not {word for word in words & (COUNTERS | TIMES) if len(word) > 2}:  # n, t, tr: may be areas
        return False
    finite = values[np.isfinite(values)]
    whole = finite.size > 0 and bool((finite % 1 == 0).all())
    rises = finite.size > 1 and float((np.diff(finite) > 0).mean()) >= MOSTLY_RISES
    return words <= COUNTERS | TIMES | BESIDE_TIMES | set(SECONDS) and (whole or rises)


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
    note = f"columns that {reason} are not regions and were excluded: {shown}."
    kept = tuple(name for name, k in zip(names, keep, strict=True) if k)
    return kept, signals[:, keep], (note,)
