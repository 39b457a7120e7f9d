"""The rows of events: which hold ratings, and which row each rating is about."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from painprint.bids.events import rows_rated
from painprint.errors import DerivativesError

FILLERS = (0.0, -1.0)
"""Numbers that are written where a row has no rating."""
FEWEST_FILLED = 2
JUST_BEFORE_S = 1.0
SHARE_BEFORE = 0.1
"""Ratings less than this before the next stimulus (s), and less than this share of the time since
the one before, may be of the next one."""


@dataclass(frozen=True, eq=False)
class EventRows:
    """The rows of an events file, in order of their onsets; those without one are last.

    Attributes
    ----------
    onset_s, duration_s : ndarray of shape (n_rows,)
        NaN where they are missing (s).
    kind : ndarray of str, shape (n_rows,)
        trial_type; empty where it is missing.
    rating : ndarray of shape (n_rows,)
        NaN where there is no number.
    is_text : ndarray of bool, shape (n_rows,)
        Whether the cell of the rating is neither a number nor missing.
    """

    onset_s: NDArray[np.float64]
    duration_s: NDArray[np.float64]
    kind: NDArray[np.object_]
    rating: NDArray[np.float64]
    is_text: NDArray[np.bool_]

    @property
    def rated(self) -> NDArray[np.bool_]:
        """Rows with a rating."""
        return np.isfinite(self.rating)

    @property
    def asked(self) -> NDArray[np.bool_]:
        """Rows that have a rating or, like others of their trial type, should have one."""
        kinds = set(self.kind[self.rated]) - {""}
        untyped_text = self.is_text & (self.kind == "")
        return self.rated | untyped_text | np.isin(self.kind, list(kinds))


def count_types(rows: EventRows) -> list[str]:
    """Each trial type with its number of rows."""
    kinds, n_rows = np.unique(rows.kind[rows.kind != ""].astype(str), return_counts=True)
    return [f"{kind} ({n})" for kind, n in zip(kinds, n_rows, strict=True)]


def without_fillers(rows: EventRows, of: str | None) -> tuple[EventRows, list[str]]:
    """Rows in which trial types that have 0, or -1, in all rows have no rating, if another varies.

    Parameters
    ----------
    of : str or None
        The trial type that is rated. Without one, such rows keep their numbers, since they may be
        ratings of what did not hurt.

    Returns
    -------
    rows : EventRows
    notes : list of str
        Names what was left out, or may have to be.
    """
    kinds = [kind for kind in dict.fromkeys(rows.kind[rows.rated]) if kind]
    numbers = {kind: rows.rating[rows.rated & (rows.kind == kind)] for kind in kinds}
    constant = {kind for kind in kinds if len(set(numbers[kind])) == 1}
    filled = [
        kind
        for kind in kinds
        if kind in constant and numbers[kind][0] in FILLERS and len(numbers[kind]) >= FEWEST_FILLED
    ]
    if not filled or len(constant) == len(kinds):
        return rows, []
    names = ", ".join(filled)
    if of is None:
        return rows, [
            f"all ratings in rows of the trial type {names} are the same, 0 or -1, and were used. "
            "If they mean that there is none, write n/a instead."
        ]
    rating = np.where(np.isin(rows.kind, filled), np.nan, rows.rating)
    return replace(rows, rating=rating), [
        f"the ratings in rows of the trial type {names} are all the same, 0 or -1, and were taken "
        "as missing."
    ]


def assign_rows(
    rows: EventRows, ratings: NDArray[np.int64], kind: str, path: Path
) -> NDArray[np.int64]:
    """The row of a trial type that each rating is about; -1 where there is none.

    A trial type that is rated before the first stimulus, or not after the last one, and that
    mostly follows another rating of the same stimulus is an expectation of the next one: none of
    its ratings is about the stimulus before.

    Parameters
    ----------
    ratings : ndarray of int of shape (n_ratings,)
        Rows that have a rating or should have one, with an onset.
    kind : str
        The trial type that is rated.

    Raises
    ------
    DerivativesError
        If there is no such row, one of them has no onset, several trial types are rated after each
        one, or most ratings are just before the next one.
    """
    of_kind = np.flatnonzero(rows.kind == kind)
    if not len(of_kind):
        raise DerivativesError(
            f"has no row whose trial_type is {kind}. There are: "
            f"{', '.join(count_types(rows)) or 'none'} (--rating-of).",
            path,
        )
    if np.isnan(rows.onset_s[of_kind]).any():
        raise DerivativesError(
            f"a row of trial_type {kind} has no onset, so that the rating after it is not known. "
            "Complete it, or remove it together with its rating.",
            path,
        )
    onset_s, rated_s = rows.onset_s[ratings], rows.onset_s[of_kind]
    position = rows_rated(onset_s, rated_s)
    if kind not in rows.kind[ratings]:  # or stimuli have ratings in their own rows
        position = _of_one_type(rows, ratings, position, rated_s, kind, path)
    _check_not_before(onset_s[rows.rated[ratings] & (position >= 0)], rated_s, kind, path)
    return np.where(position >= 0, of_kind[position], -1)


def _of_one_type(
    rows: EventRows,
    ratings: NDArray[np.int64],
    position: NDArray[np.int64],
    rated_s: NDArray[np.float64],
    kind: str,
    path: Path,
) -> NDArray[np.int64]:
    """Positions without those of expectations; refuses several scales after each stimulus."""
    kinds, rated, onset_s = rows.kind[ratings], rows.rated[ratings], rows.onset_s[ratings]
    n_used = {k: int((position[(kinds == k) & rated] >= 0).sum()) for k in dict.fromkeys(kinds)}
    main = max(n_used, key=n_used.__getitem__, default="")
    after_rating = np.isin(ratings - 1, ratings)
    position, further = position.copy(), []
    for other in [k for k in n_used if k not in ("", main)]:
        at = (kinds == other) & rated
        left = at & (position < 0)
        if 2 * left.sum() <= at.sum():
            continue
        if (onset_s[at] < rated_s[0]).any() or not (onset_s[at] >= rated_s[-1]).any():
            position[at] = -1
        elif 2 * after_rating[left].sum() > left.sum():  # not after another stimulus
            further.append(other)
    if further:
        raise DerivativesError(
            f"several trial types have ratings after each {kind}: {', '.join([main, *further])}. "
            "It is not known which of them to use. Give each a separate column (--rating-column),"
            " or remove the rows of the others.",
            path,
        )
    return position


def _check_not_before(
    onset_s: NDArray[np.float64], rated_s: NDArray[np.float64], kind: str, path: Path
) -> None:
    """Check that most ratings are not just before the next row of what is rated."""
    following = np.searchsorted(rated_s, onset_s, side="right")
    wait_s = np.append(rated_s, np.inf)[following] - onset_s
    since_s = onset_s - rated_s[following - 1]
    n_before = int((wait_s < np.minimum(JUST_BEFORE_S, SHARE_BEFORE * since_s)).sum())
    if 2 * n_before > len(onset_s):
        raise DerivativesError(
            f"{n_before} of the {len(onset_s)} ratings that follow a {kind} have an onset less "
            f"than {JUST_BEFORE_S:g} s before the next {kind}: they may be about that one. Correct "
            f"the onsets, so that a rating is at its {kind} or after it.",
            path,
        )
