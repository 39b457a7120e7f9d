"""Results of the group level for one person, with the intervals that can be interpreted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from painprint.errors import DerivativesError
from painprint.results.group import GroupFiles, GroupResults, read_group
from painprint.wording import FEW_GROUPS


@dataclass(frozen=True, eq=False)
class Transfer:
    """Agreement of several people's signatures with one person's ratings.

    Attributes
    ----------
    rows : DataFrame or None
        Rows of transfer.tsv at the primary scale.
    missing : str
        Why there are no rows.
    """

    rows: pd.DataFrame | None
    missing: str = ""


def transfer_to(out_dir: Path, participant: str) -> Transfer:
    """Results of several people's signatures for one person's ratings."""
    files = GroupFiles(out_dir)
    if not files.table("metrics", ".json").is_file():
        return Transfer(
            None,
            "Not computed: painprint run … group applies every signature to all people with the "
            "same atlas.",
        )
    try:
        results = read_group(files)
    except DerivativesError as error:
        return Transfer(None, f"Out of date: {error}")
    rows = without_few(results)
    rows = rows[rows["person"] == f"sub-{participant}"]
    if rows["model"].nunique() < 2:
        return Transfer(None, "No other person was decoded with the same atlas.")
    return Transfer(rows)


def without_few(results: GroupResults) -> pd.DataFrame:
    """Rows at the primary scale, without the intervals of people with too few groups for them."""
    rows = results.at_primary.copy()
    few = [p["name"] for p in results.metrics["participants"] if p["n_groups"] < FEW_GROUPS]
    ends = [f"{name}_{end}" for name in ("centred_r", "skill") for end in ("low", "high")]
    rows.loc[rows["person"].isin(few), ends] = np.nan
    return rows
