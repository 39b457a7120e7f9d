"""Predictions as text: a full table for programs, and a short one to be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from painprint.wording import MISSING, number, span

MOST_MINUTES = 40
"""Largest number of minutes that a short table shows."""
SCALES = ("session", "run", "1min")
"""Rows of a table, in the order of the short one."""
LOW, HIGH = "low_80", "high_80"
"""Ends of the interval in the short table."""
ABOUT = (
    "predicted: mean prediction of the session, run or minute, in the unit of the ratings",
    "80% interval: contains the rating of such a session, run or minute in 80% of cases",
    "applicability: whether the data are like those with which the signature was trained",
    "All columns: redirect the output, or open reading.tsv of --out.",
)
"""What the columns of the short table are."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions of new runs.

    Attributes
    ----------
    table : DataFrame
        A row per minute, run and session.
    verdicts : mapping of (str, int) to str
        Applicability by session and number of the run among those given; 0 is the session.
    """

    table: pd.DataFrame
    verdicts: Mapping[tuple[str, int], str] = field(default_factory=dict)

    def full(self) -> str:
        """TSV in which integers have no decimals."""
        return full_table(with_integers(self.table))

    def short(self) -> str:
        """Rounded means of sessions and runs and, if they are few, minutes; what columns are."""
        table = self.table
        if "run" not in table:
            table = table.assign(session=MISSING, run=pd.factorize(table["file"])[0] + 1)
        n_minutes = int((table["scale"] == SCALES[-1]).sum())
        scales = SCALES if n_minutes <= MOST_MINUTES else SCALES[:-1]
        rows = [
            self._row(row) for scale in scales for row in records(table[table["scale"] == scale])
        ]
        names = [name for name in rows[0] if any(row[name] not in ("", MISSING) for row in rows)]
        lines = list(aligned([names, *([row[name] for name in names] for row in rows)]))
        if len(scales) < len(SCALES):
            lines.append(f"{n_minutes} minutes are not shown.")
        about = [line for line in ABOUT if line.partition(":")[0] in (*names, "All columns")]
        return "\n".join([*lines, "", *about])

    def _row(self, row: Mapping[str, Any]) -> dict[str, str]:
        """A row of the short table."""
        scale, run = row["scale"], 0 if row["scale"] == "session" else int(row["run"])
        ends = [row.get(LOW), row.get(HIGH)]
        is_known = ends[0] is not None and ends[0] == ends[0]
        return {
            "session": row["session"],
            "run": str(run or "all"),
            "minute": str(int(row["minute"])) if scale == SCALES[-1] else "all",
            "predicted": number(row["predicted"]),
            "80% interval": span(ends) if is_known else MISSING,
            "applicability": self.verdicts.get((row["session"], run), "")
            if scale != SCALES[-1]
            else "",
        }


def with_integers(table: pd.DataFrame) -> pd.DataFrame:
    """The table with numbers of runs, minutes and frames as integers, and onsets rounded."""
    shown = table.copy()
    for name in ("run", "minute", "n_frames"):
        if name in shown:
            shown[name] = shown[name].astype("Int64")
    if "onset" in shown:
        shown["onset"] = shown["onset"].round(2)
    return shown


def full_table(table: pd.DataFrame) -> str:
    """A table as TSV."""
    text = table.to_csv(sep="\t", index=False, na_rep=MISSING, lineterminator="\n")
    return str(text).rstrip("\n")


def records(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Rows of a table, by the names of its columns."""
    for record in table.to_dict(orient="records"):
        yield {str(name): value for name, value in record.items()}


def aligned(rows: Iterable[list[str]]) -> Iterator[str]:
    """Lines of a table whose columns are aligned."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
