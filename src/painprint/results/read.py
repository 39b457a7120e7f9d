"""The results of a study, read again."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from painprint.evidence.stage import Stage, WrittenResult
from painprint.evidence.stages import STAGES
from painprint.files.dataset import parse_name
from painprint.files.errors import DerivativesError
from painprint.files.tables import read_json
from painprint.results.columns import STAGE_COLUMNS
from painprint.results.files import ParticipantFiles
from painprint.store.files import changed_files

NAMES = (
    "session", "run", "task", "group", "region", "region_a", "region_b", "network", "network_a",
    "network_b", "control", "variable", "variant", "model", "person", "method", "signature",
)  # fmt: skip
"""Columns of names, which may look like numbers."""


@dataclass(frozen=True, eq=False)
class Results:
    """A participant's output files, read again: what the page shows."""

    files: ParticipantFiles
    metrics: Mapping[str, Any]
    audit: Mapping[str, Any]
    provenance: Mapping[str, Any]
    predictions: pd.DataFrame
    roc: pd.DataFrame
    per_session: pd.DataFrame
    runs: pd.DataFrame
    rating_quality: pd.DataFrame
    bold_quality: pd.DataFrame
    stage_tables: Mapping[str, pd.DataFrame]
    """Tables of the stages that were done, by suffix."""

    @property
    def settings(self) -> dict[str, Any]:
        """Values of all options, by name."""
        return {option: row["value"] for option, row in self.provenance["settings"].items()}

    @property
    def stages(self) -> list[Stage]:
        """Every stage, in order, whether it was asked or not."""
        return list(STAGES.values())

    def answered(self) -> list[tuple[Stage, WrittenResult]]:
        """The stages that found something, with what was written of each."""
        return [
            (
                stage,
                WrittenResult(
                    numbers=self.metrics["stages"][stage.name],
                    tables=self.stage_tables,
                    metrics=self.metrics,
                    settings=self.settings,
                    rules=self.provenance["rules"],
                ),
            )
            for stage in self.stages
            if stage.is_answered(self.stage_tables)
        ]


def find_results(out_dir: Path) -> list[ParticipantFiles]:
    """Finished decodings below an output folder."""
    found = []
    for path in sorted(out_dir.glob("sub-*/decoding/*_metrics.json")):
        entities, _, _ = parse_name(path.name)
        stem = path.name.removesuffix("_metrics.json")
        found.append(ParticipantFiles(out_dir, entities["sub"], stem))
    return found


def read_table(path: Path) -> pd.DataFrame:
    """Read a table that painprint wrote.

    Raises
    ------
    DerivativesError
        If it is missing or damaged.
    """
    try:
        return pd.read_csv(
            path,
            sep="\t",
            quoting=csv.QUOTE_NONE,
            keep_default_na=False,
            na_values=["n/a"],
            dtype=dict.fromkeys(NAMES, str),
        )
    except (OSError, ValueError) as error:
        raise DerivativesError(
            f"cannot be read ({error}). Run `painprint run` again.", path
        ) from error


def read_results(files: ParticipantFiles) -> Results:
    """Read what :func:`write_decoding` wrote.

    Raises
    ------
    DerivativesError
        Naming the file that is missing or damaged.
    """

    written = read_json(files.decoding("provenance", ".json")).get("outputs") or {}
    for path in changed_files(files.folder, written):
        raise DerivativesError(
            "is missing, or was changed after it was written. Run `painprint run` again.", path
        )
    return Results(
        files=files,
        metrics=read_json(files.decoding("metrics", ".json")),
        audit=read_json(files.decoding("audit", ".json")),
        provenance=read_json(files.decoding("provenance", ".json")),
        predictions=read_table(files.decoding("predictions", ".tsv")),
        roc=read_table(files.decoding("roc", ".tsv")),
        per_session=read_table(files.decoding("persession", ".tsv")),
        runs=read_table(files.decoding("runs", ".tsv")),
        rating_quality=read_table(files.rating_quality()),
        bold_quality=read_table(files.decoding("quality", ".tsv")),
        stage_tables={
            suffix: read_table(files.decoding(suffix, ".tsv"))
            for suffix in STAGE_COLUMNS
            if files.decoding(suffix, ".tsv").is_file()
        },
    )
