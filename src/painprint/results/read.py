"""Reading the results of a study."""

from __future__ import annotations

import csv
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from painprint.arrays import short_repr
from painprint.errors import DerivativesError
from painprint.evidence.stage import Stage, WithMetrics, WrittenResult
from painprint.evidence.stages import RENAMED, STAGES
from painprint.files.dataset import parse_name
from painprint.files.tables import read_json
from painprint.results.all_columns import STAGE_COLUMNS
from painprint.results.files import ParticipantFiles
from painprint.results.record import AGAIN, read_record
from painprint.results.registration import PART
from painprint.store.files import SEAL, changed_files

log = logging.getLogger("painprint")

NAMES = (
    "session", "run", "task", "group", "region", "region_a", "region_b", "network", "network_a",
    "network_b", "confound", "control", "variable", "variant", "model", "person", "method",
    "signature", "person_first", "person_second",
)  # fmt: skip
"""Columns of names, read as text even where they look like numbers."""
NEVER_MISSING = ("region", "region_a", "region_b")
"""Columns in which n/a is a name: every row of theirs has one."""


@short_repr
@dataclass(frozen=True, eq=False)
class Results(WithMetrics):
    """A participant's output files, as read for the page."""

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
    """Tables of the stages that were computed, by suffix."""

    @property
    def settings(self) -> dict[str, Any]:
        """Values of all options, by name."""
        return {option: row["value"] for option, row in self.provenance["settings"].items()}

    @property
    def registration(self) -> Mapping[str, Any] | None:
        """What departed from the registration of the study; None where it has none."""
        comparison: Mapping[str, Any] | None = self.provenance.get(PART)
        return comparison

    @property
    def of_arrays(self) -> bool:
        """Whether the runs were given from Python, and no file was read."""
        return bool(self.provenance.get("of_arrays"))

    @property
    def stages(self) -> list[Stage]:
        """Every stage, in order, whether it was run or not."""
        return list(STAGES.values())

    def answered(self) -> list[tuple[Stage, WrittenResult]]:
        """The stages that were computed, with the written result of each."""
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
    """Finished decodings below an output folder; files in the folder of another participant, such
    as a stray copy, are left out with a warning."""
    decodings = []
    for path in sorted(out_dir.glob("sub-*/decoding/*_provenance.json")):
        if is_of_folder(path):
            entities, _, _ = parse_name(path.name)
            stem = path.name.removesuffix("_provenance.json")
            decodings.append(ParticipantFiles(out_dir, entities["sub"], stem))
    return decodings


@cache
def is_of_folder(path: Path) -> bool:
    """Whether a file in ``sub-X/FOLDER`` is named sub-X; if not, that is warned of once."""
    folder = path.parent.parent.name
    name = "sub-" + parse_name(path.name)[0].get("sub", "")
    if name != folder:
        log.warning(
            "%s: is in the folder of %s, but named as of %s, and was not used. Remove it if it is "
            "a copy; else move it to its own folder.",
            path,
            folder,
            name,
        )
    return name == folder


def read_table(path: Path, names: Sequence[str] = ()) -> pd.DataFrame:
    """Read a table that painprint wrote.

    Parameters
    ----------
    names : sequence of str
        Columns of names, beside :data:`NAMES`.

    Raises
    ------
    DerivativesError
        If it is missing or corrupted.
    """
    try:
        table = pd.read_csv(
            path,
            sep="\t",
            quoting=csv.QUOTE_NONE,
            keep_default_na=False,
            na_values=["n/a"],
            dtype=dict.fromkeys((*NAMES, *names), str),
        )
    except (OSError, ValueError) as error:
        raise DerivativesError(f"cannot be read ({error}). {AGAIN}", path) from error
    return table.fillna({name: "n/a" for name in NEVER_MISSING if name in table})


def read_results(files: ParticipantFiles) -> Results:
    """Read what :func:`write_decoding` wrote.

    Raises
    ------
    DerivativesError
        Naming the file that is missing or corrupted.
    """
    provenance = _read_provenance(files.decoding("provenance", ".json"))
    for path in changed_files(files.folder, provenance["outputs"]):
        raise DerivativesError(f"is missing, or was changed after it was written. {AGAIN}", path)
    return Results(
        files=files,
        metrics=_with_new_names(read_json(files.decoding("metrics", ".json"))),
        audit=read_json(files.decoding("audit", ".json")),
        provenance=provenance,
        predictions=read_table(files.decoding("predictions", ".tsv")),
        roc=read_table(files.decoding("roc", ".tsv")),
        per_session=read_table(files.decoding("persession", ".tsv")),
        runs=read_table(files.decoding("runs", ".tsv")),
        rating_quality=read_table(files.rating_quality()),
        bold_quality=_read_bold_quality(files.decoding("quality", ".tsv")),
        stage_tables=_read_stage_tables(files),
    )


def _read_provenance(path: Path) -> dict[str, Any]:
    """Provenance as it was written; that of the version before had no hash of its own."""
    content = read_json(path)
    if "depends_on" in content or SEAL in content:
        return read_record(path)
    log.warning(
        "%s: of an earlier version, without a hash of itself and of the metrics: these two are not "
        "verified.",
        path,
    )
    return {"outputs": {}, **content}


def _read_bold_quality(path: Path) -> pd.DataFrame:
    """Quality of each run; the rating of the version before under its new name."""
    table = read_table(path)
    if "light" in table:
        log.warning("%s: the column light is now called quality_rating.", path)
    return table.rename(columns={"light": "quality_rating"})


def _read_stage_tables(files: ParticipantFiles) -> dict[str, pd.DataFrame]:
    """Tables of the stages that were computed; those of earlier versions under new names."""
    old_names = {new: old for old, new in RENAMED.items()}
    tables = {}
    for suffix in STAGE_COLUMNS:
        path = files.decoding(suffix, ".tsv")
        old = files.decoding(old_names.get(suffix, suffix), ".tsv")
        if path.is_file():
            tables[suffix] = read_table(path)
        elif old.is_file():
            log.warning("%s: such a file is now called %s.", old, path.name)
            tables[suffix] = read_table(old).rename(columns={"control": "confound"})
    return tables


def _with_new_names(metrics: dict[str, Any]) -> dict[str, Any]:
    """Metrics with the stages of earlier versions under their new names."""
    if not isinstance(metrics.get("stages"), dict):
        return metrics  # not of a study; what is missing is named where it is needed
    stages = {RENAMED.get(name, name): numbers for name, numbers in metrics["stages"].items()}
    return {**metrics, "stages": stages}
