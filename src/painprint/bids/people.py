"""Variables of people: the numeric columns of participants.tsv."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from painprint.bids.described import may_be_kept
from painprint.errors import DerivativesError
from painprint.files.tables import numbers, read_table
from painprint.wording import enumerate_names

ID = "participant_id"


def read_variables(
    path: Path, people: Sequence[str], wanted: Sequence[str] = ()
) -> tuple[pd.DataFrame, list[str]]:
    """Numeric columns of participants.tsv for some people.

    Parameters
    ----------
    path : Path
        Of participants.tsv, which need not exist.
    people : sequence of str
        Labels with "sub-".
    wanted : sequence of str
        Columns to use. Default: all numeric ones but those that may hold identifiers or dates.

    Returns
    -------
    variables : DataFrame
        A row for each person, NaN where there is no value.
    notes : list of str
        Columns that are not used, and why.

    Raises
    ------
    DerivativesError
        If a wanted column does not exist or is not numeric, or the table cannot be read.
    """
    if not path.is_file():
        if wanted:
            raise DerivativesError(
                f"does not exist, so that there is no column {wanted[0]} (--person-column).",
                path,
            )
        return pd.DataFrame(index=pd.Index(people)), []
    table = read_table(path)
    if ID not in table:
        raise DerivativesError(f"has no column {ID}.", path)
    labels = "sub-" + table.pop(ID).str.strip().str.removeprefix("sub-")
    if labels.duplicated().any():
        raise DerivativesError(f"lists {labels[labels.duplicated()].iloc[0]} more than once.", path)
    if missing := [name for name in wanted if name not in table]:
        raise DerivativesError(
            f"has no column {missing[0]!r} (--person-column). It has "
            f"{enumerate_names(list(table.columns)) or 'no other columns'}.",
            path,
        )
    of_people = table.set_index(pd.Index(labels)).reindex(pd.Index(people)).fillna("n/a")
    used: dict[str, np.ndarray] = {}
    notes: list[str] = []
    words, private = [], []
    for name in wanted or of_people.columns:
        if not wanted and not may_be_kept(name, of_people[name]):
            private.append(name)
            continue
        try:
            used[name] = numbers(of_people[name], path)
        except DerivativesError:
            if wanted:
                raise
            words.append(name)
    for names, why in (
        (words, "not numeric"),
        (private, "may hold identifiers or dates; --person-column uses such a column"),
    ):
        if names:
            are = "are" if len(names) > 1 else "is"
            notes.append(
                f"Column{'s' * (len(names) > 1)} {enumerate_names(names)} of participants.tsv "
                f"{are} not related to performance: {why}."
            )
    return pd.DataFrame(used, index=pd.Index(people)), notes
