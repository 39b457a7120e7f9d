"""What more sessions would add, as text: a full table for programs, and a short one to be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from painprint.apps.plan import TABLE
from painprint.apps.reading_text import aligned, records
from painprint.wording import estimate, number

ABOUT = (
    "centred r, skill: what the study is expected to report, with an 80% prediction interval",
    "width: expected width of the 95% interval of centred r",
    "chance: probability that centred r is at least the target",
)
"""What the columns of the short table are."""
ASSUMPTION = (
    "New sessions are assumed to be like those of today. Fix their number in advance: looking "
    "again after each session, and stopping when the result is good, is selective analysis."
)
"""What follows the table where something can be said."""


def short_table(table: pd.DataFrame) -> str:
    """The table, rounded, and what its columns are."""
    targets = sorted(set(table["target_r"]))
    of_chance = f"chance of r ≥ {targets[0]:g}" if len(targets) == 1 else "chance (target r)"
    names = ["participant", "sessions", "centred r", "skill", "width", of_chance]
    rows = [_row(row, len(targets) == 1) for row in _named(table)]
    return "\n".join([*aligned([names, *rows]), "", *ABOUT])


def _named(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows with the name of the decoding: the participant, or the files where there are several."""
    several = table.groupby("participant")["decoding"].transform("nunique") > 1
    name = table["decoding"].where(several, "sub-" + table["participant"])
    return [*records(table.assign(name=name))]


def _row(row: dict[str, Any], one_target: bool) -> list[str]:
    """A row of the short table."""
    n_more, target = row["n_more"], "" if one_target else f" ({row['target_r']:g})"
    if n_more == 0:
        today = [number(row[name]) for name in ("centred_r", "skill", "ci_width")]
        return [row["name"], f"{row['n_sessions']} (today)", *today, ""]
    sessions = f"{row['n_sessions']} + {n_more}"
    if isinstance(row["reason"], str) and row["reason"]:
        return ["", sessions, "cannot be said", "", "", ""]
    r, skill = (
        estimate(row[x], [row[f"{x}_low"], row[f"{x}_high"]]) for x in ("centred_r", "skill")
    )
    return ["", sessions, r, skill, number(row["ci_width"]), _share(row["chance"]) + target]


def _share(chance: float) -> str:
    """A probability in per cent, never 0 or 100."""
    return "< 1%" if chance < 0.01 else "> 99%" if chance > 0.99 else f"{chance:.0%}"


def describe_plan(table: pd.DataFrame, out_dir: Path) -> Iterator[str]:
    """Sentences: what cannot be said and why, how to read the table, and where it was written."""
    refused: dict[tuple[str, str], list[str]] = {}
    for row in _named(table):
        if isinstance(row["reason"], str) and row["reason"]:
            refused.setdefault((row["name"], row["reason"]), []).append(str(row["n_more"]))
    for (name, reason), counts in refused.items():
        yield f"{name}, {', '.join(counts)} more: cannot be said, because {reason}."
    if table["chance"].notna().any():
        yield ASSUMPTION
    yield f"All columns: {out_dir / TABLE}"
