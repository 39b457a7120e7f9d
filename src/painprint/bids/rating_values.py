"""Whether the numbers of a column can be ratings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from painprint.errors import DerivativesError

FEWEST_OF_CODE = 3
SENTINELS = (-1.0, -9.0, -99.0, -999.0, -9999.0, 99.0, 999.0, 9999.0)
"""Numbers that laboratories write for a missing rating."""
FAR = 3.0
"""A positive one lies above the largest other rating by more than this factor."""


def check_code(value: NDArray[np.float64], column: str, path: Path) -> list[str]:
    """Check that a column that is only called pain is no code of the stimulus.

    Parameters
    ----------
    value : ndarray of shape (n_values,)

    Returns
    -------
    notes : list of str
        A note if it has only two different numbers.

    Raises
    ------
    DerivativesError
        If all numbers are 0 and 1.
    """
    numbers = value[np.isfinite(value)]
    different = np.unique(numbers)
    if len(numbers) < FEWEST_OF_CODE or len(different) != 2:
        return []
    if set(different) == {0.0, 1.0}:
        raise DerivativesError(
            f"its column {column!r} has only the numbers 0 and 1, as a code of the stimulus has. "
            f"Name the rating with --rating-column; if it is this one, --rating-column {column}.",
            path,
        )
    return [
        f"the column {column!r} was taken as the rating, but has only two different numbers. If it "
        "is a code of the stimulus, name the rating with --rating-column."
    ]


def note_sentinels(value: NDArray[np.float64]) -> list[str]:
    """Notes on numbers among ratings that often stand for a missing one.

    Parameters
    ----------
    value : ndarray of shape (n_values,)
        NaN where a rating is missing.

    Examples
    --------
    >>> note_sentinels(np.array([3.0, 5.0, 8.0])), len(note_sentinels(np.array([3.0, 5.0, 999.0])))
    ([], 1)
    """
    numbers = value[np.isfinite(value)]
    others = numbers[~np.isin(numbers, SENTINELS)]
    if not len(others):
        return []
    found = [
        number
        for number in SENTINELS
        if number in numbers
        and (others.min() >= 0 if number < 0 else number > FAR * np.abs(others).max())
    ]
    return [
        f"ratings of {number:g} are far from all others and were used unchanged. If they mean "
        "a missing rating, write n/a instead."
        for number in found
    ]
