"""Results of the group level for one person, with the intervals that can be interpreted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from painprint.errors import DerivativesError
from painprint.results.group import GroupFiles, GroupResults, read_group
from painprint.wording import FEW_GROUPS

MOST_DRAWN = 20
"""Signatures of other people in the figure of one person."""


@dataclass(frozen=True, eq=False)
class Transfer:
    """Agreement of several people's signatures with one person's ratings.

    Attributes
    ----------
    rows : DataFrame or None
        Rows of transfer.tsv at the primary scale.
    missing : str
        Why there are no rows.
    drawn : DataFrame or None
        Those of the figure: the own signature, and ``MOST_DRAWN`` others with the largest r.
    n_others : int
        Signatures of other people.
    """

    rows: pd.DataFrame | None
    missing: str = ""
    drawn: pd.DataFrame | None = None
    n_others: int = 0


def transfer_to(group: GroupResults | str, participant: str) -> Transfer:
    """Results of several people's signatures for one person's ratings.

    Parameters
    ----------
    group : GroupResults or str
        Results of the group level, or why there are none.
    """
    if isinstance(group, str):
        return Transfer(None, group)
    rows = without_few(group, f"sub-{participant}")
    n_models = rows["model"].nunique()
    if n_models < 2:
        return Transfer(None, "No other person was decoded with the same atlas.")
    others = rows[rows["model"] != rows["person"]].sort_values(
        "centred_r", ascending=False, kind="stable"
    )
    drawn = rows[(rows["model"] == rows["person"]) | rows.index.isin(others.index[:MOST_DRAWN])]
    return Transfer(rows, drawn=drawn, n_others=len(others))


def find_group(out_dir: Path) -> GroupResults | str:
    """Results of the group level in an output folder, or why there are none."""
    files = GroupFiles(out_dir)
    if not files.table("metrics", ".json").is_file():
        return (
            "Not computed: painprint run … group applies every signature to all people with the "
            "same atlas."
        )
    try:
        return read_group(files)
    except DerivativesError as error:
        return f"Out of date: {error}"


def without_few(results: GroupResults, person: str | None = None) -> pd.DataFrame:
    """Rows at the primary scale, without the intervals of people with too few groups for them.

    Parameters
    ----------
    person : str, optional
        Whose ratings, if only rows of one person are wanted.
    """
    rows = results.at_primary(person).copy()
    few = [p["name"] for p in results.metrics["participants"] if p["n_groups"] < FEW_GROUPS]
    ends = [f"{name}_{end}" for name in ("centred_r", "skill") for end in ("low", "high")]
    rows.loc[rows["person"].isin(few), ends] = np.nan
    return rows
