"""Output files of a multiverse: a table of specifications and what they say together.

They hold numbers alone: no model, no weights and no predictions, so that none of the specifications
can become a signature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from painprint.bids.runs import Inventory
from painprint.bins import BinWords, primary_words
from painprint.errors import DerivativesError
from painprint.evidence.multiverse import COLUMNS, PERMUTED
from painprint.evidence.specifications import Plan
from painprint.files.dataset import parse_name
from painprint.results.all_columns import describe_columns
from painprint.results.earlier import Earlier
from painprint.results.files import ParticipantFiles
from painprint.results.read import read_table
from painprint.results.record import (
    AGAIN,
    find_key,
    find_record,
    hash_files,
    read_record,
    state_of,
    write_record,
)
from painprint.store.files import changed_files, write_table

SUFFIX = "multiverse"


@dataclass(frozen=True)
class MultiverseFiles:
    """Names of the output files of one participant's multiverse.

    Parameters
    ----------
    stem : str
        Entities, such as "sub-01_task-rating".
    """

    out_dir: Path
    participant: str
    stem: str

    @classmethod
    def of(cls, out_dir: Path, inventory: Inventory, plan: Plan) -> MultiverseFiles:
        """File names for the inputs of the default; what the plan varies is no part of them."""
        varied = {choice.option for choice in plan.choices}
        tasks = () if "task_id" in varied else inventory.tasks
        atlas = "" if "atlas" in varied else inventory.atlas
        names = ParticipantFiles.of(out_dir, replace(inventory, tasks=tasks, atlas=atlas))
        return cls(out_dir, names.participant, names.stem)

    @property
    def folder(self) -> Path:
        """The folder of the tables."""
        return self.out_dir / f"sub-{self.participant}" / SUFFIX

    @property
    def page(self) -> Path:
        """The page."""
        return self.out_dir / f"sub-{self.participant}_{SUFFIX}.html"

    @property
    def table(self) -> Path:
        """The table of specifications."""
        return self.folder / f"{self.stem}_{SUFFIX}.tsv"

    @property
    def record(self) -> Path:
        """What all specifications say together, with the hash of the table."""
        return self.table.with_suffix(".json")

    def step(self, key: str) -> Path:
        """The numbers of one specification, kept until all are there."""
        return self.folder / "steps" / f"{self.stem}_{key[:16]}.json"

    def work(self, key: str) -> Path:
        """Dataset of the regional time series that alternatives of cleaning dense BOLD make."""
        return self.out_dir / SUFFIX / key[:8]

    @property
    def figure(self) -> Path:
        """The figure of the specification curve."""
        return self.folder / "figures" / f"{self.stem}_{SUFFIX}.svg"


@dataclass(frozen=True, eq=False)
class MultiverseResults:
    """The output files of a multiverse, as read for its page."""

    files: MultiverseFiles
    record: Mapping[str, Any]
    table: pd.DataFrame

    @property
    def metric(self) -> str:
        """Column by which specifications are sorted."""
        return str(self.record["metric"])

    @property
    def permuted(self) -> str:
        """Beginning of the columns of permuted ratings."""
        return PERMUTED

    @property
    def choices(self) -> dict[str, list[str]]:
        """Alternatives of each choice, the default first."""
        return {row["name"]: row["alternatives"] for row in self.record["plan"]["choices"]}

    @property
    def titles(self) -> dict[str, str]:
        """Name of each choice with its unit."""
        units = {row["name"]: row["unit"] for row in self.record["plan"]["choices"]}
        return {name: f"{name} ({unit})" if unit else name for name, unit in units.items()}

    @property
    def bins(self) -> BinWords:
        """What the bins that are predicted are called."""
        return primary_words([self.record["scale"]])


def describe_plan(plan: Plan, n_left_out: Sequence[int]) -> dict[str, Any]:
    """A plan as it is written beside the results, with the number that each rule leaves out."""
    labels = {choice.name: choice.labels for choice in plan.choices}
    return {
        "choices": [
            {"name": choice.name, "unit": choice.unit, "alternatives": choice.labels}
            for choice in plan.choices
        ],
        "left_out": [
            {
                "where": {
                    name: [labels[name][i] for i in sorted(alternatives)]
                    for name, alternatives in rule.where.items()
                },
                "because": rule.because,
                "n": n,
            }
            for rule, n in zip(plan.left_out, n_left_out, strict=True)
        ],
        "only": [plan.describe(combination) for combination in plan.only],
        "sha256": plan.sha256,
    }


def write_multiverse(
    files: MultiverseFiles, table: pd.DataFrame, content: Mapping[str, Any], choices: Sequence[str]
) -> None:
    """Write the table, then the record, so that it exists only beside the table.

    Parameters
    ----------
    choices : sequence of str
        Columns of the table that hold the alternatives of choices.
    """
    files.page.unlink(missing_ok=True)
    files.record.unlink(missing_ok=True)
    write_table(files.table, table)
    described = describe_columns(COLUMNS, primary_words([content["scale"]]))
    chosen = {name: {"Description": f"alternative of --{name}"} for name in choices}
    content = {**content, "columns": {**described, **chosen}}
    write_record(files.record, {**content, "outputs": hash_files([files.table], files.folder)})


def find_multiverses(out_dir: Path) -> list[MultiverseFiles]:
    """Finished multiverses below an output folder."""
    found = []
    for path in sorted(out_dir.glob(f"sub-*/{SUFFIX}/*_{SUFFIX}.json")):
        participant = parse_name(path.name)[0].get("sub", "")
        if path.parent.parent.name == f"sub-{participant}":
            stem = path.name.removesuffix(f"_{SUFFIX}.json")
            found.append(MultiverseFiles(out_dir, participant, stem))
    return found


def read_multiverse(files: MultiverseFiles) -> MultiverseResults:
    """Read what :func:`write_multiverse` wrote.

    Raises
    ------
    DerivativesError
        Naming the file that is missing or corrupted.
    """
    record = read_record(files.record)
    for path in changed_files(files.folder, record["outputs"]):
        raise DerivativesError(f"is missing, or was changed after it was written. {AGAIN}", path)
    choices = [choice["name"] for choice in record["plan"]["choices"]]
    return MultiverseResults(files, record, read_table(files.table, choices))


def earlier_multiverses(files: MultiverseFiles, key: str, plan: Mapping[str, Any]) -> list[Earlier]:
    """Finished multiverses of the participant that a new one would replace."""
    found = []
    for other in find_multiverses(files.out_dir):
        if other.participant != files.participant or find_key(other.record) == key:
            continue
        record = find_record(other.record)
        if record is None:
            lines = [state_of(other.record)]
        elif record["plan"] != plan:
            lines = ["they are of another plan"]
        else:
            lines = ["their settings, inputs or versions were others"]
        own = [other.table, other.record, other.page, other.figure]
        what = f"sub-{files.participant}"
        found.append(Earlier(what, files.out_dir, other.record, own, lines))
    return found
