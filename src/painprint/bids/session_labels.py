"""Which rows of a table belong to which session, by labels as people write them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd


def labels_of_rows(names: pd.Series, labels: Sequence[str]) -> pd.Series:
    """The label of the session that each row names; its own name where there is no such session.

    Zeros before a number, capitals and a prefix "ses-" make no difference, unless another session
    has exactly that name: "1", "1.0" and "Ses-1" are the session 01.

    Parameters
    ----------
    names : Series of str
        Entries of ``session_id``.
    labels : sequence of str
        Labels of the sessions that there are, without "ses-".

    Examples
    --------
    >>> list(labels_of_rows(pd.Series(["1", "ses-02", "9"]), ["01", "02"]))
    ['01', '02', '9']
    """
    bare = names.str.strip().str.replace(r"^ses-", "", regex=True, case=False)
    exact = {label: label for label in labels if label in set(bare)}
    alike: dict[str, list[str]] = {}
    for label in labels:
        alike.setdefault(_normal(label), []).append(label)
    found = {
        name: same[0]
        for name in bare
        if len(same := alike.get(_normal(name), [])) == 1 and same[0] not in exact
    }
    known = {**found, **exact}
    return pd.Series([known.get(name, name) for name in bare], names.index, dtype=str)


def _normal(label: str) -> str:
    whole = re.sub(r"^(\d+)\.0+$", r"\1", label)  # as a spreadsheet writes a number
    return re.sub(r"\d+", lambda digits: digits[0].lstrip("0") or "0", whole.lower())
