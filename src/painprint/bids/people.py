"""Variables of people: the numeric columns of participants.tsv."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from painprint.arrays import Vector
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
        What is not used, and why.

    Raises
    ------
    DerivativesError
        If a wanted column cannot be read.
    """
    nothing = pd.DataFrame(index=pd.Index(people))
    if not path.is_file() and not wanted:
        return nothing, []
    try:
        table = _read_people(path)
    except DerivativesError as error:
        if wanted:
            raise
        return nothing, [f"Not related to performance: {error}"]
    of_people = table.reindex(pd.Index(people)).fillna("n/a")
    if wanted:
        if missing := [name for name in wanted if name not in table]:
            raise DerivativesError(
                f"has no column {missing[0]!r} (--person-column). It has "
                f"{enumerate_names(list(table.columns)) if len(table.columns) else 'no others'}.",
                path,
            )
        used = {name: numbers(of_people[name], path) for name in wanted}
        return pd.DataFrame(used, index=of_people.index), []
    return _numeric(of_people, path)


def _read_people(path: Path) -> pd.DataFrame:
    """The table, with a row for each label with "sub-"."""
    table = read_table(path)
    if ID not in table:
        raise DerivativesError(f"has no column {ID}.", path)
    labels = "sub-" + table.pop(ID).str.strip().str.removeprefix("sub-")
    if labels.duplicated().any():
        raise DerivativesError(f"lists {labels[labels.duplicated()].iloc[0]} more than once.", path)
    return table.set_index(pd.Index(labels))


def _numeric(of_people: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, list[str]]:
    """The numeric columns, and notes on the others."""
    used: dict[str, Vector] = {}
    words, private = [], []
    for name in of_people.columns:
        if not may_be_kept(name, of_people[name]):
            private.append(name)
            continue
        try:
            used[name] = numbers(of_people[name], path)
        except DerivativesError:
            words.append(name)
    notes = [
        f"{'Columns' if len(names) > 1 else 'Column'} {enumerate_names(names)} of participants.tsv "
        f"{'are' if len(names) > 1 else 'is'} not related to performance: {why}."
        for names, why in (
            (words, "not numeric"),
            (private, "may hold identifiers or dates (--person-column NAME uses such a column)"),
        )
        if names
    ]
    return pd.DataFrame(used, index=of_people.index), notes
