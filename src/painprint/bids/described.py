"""What a dataset says of the participant, the rating, the scanner and the processing.

Nothing of it is used in an analysis; it is kept for reports. Names of people and institutions,
dates and identifiers are not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from painprint.bids.choose_source import label_of
from painprint.bids.rating_columns import Rank, rank_column
from painprint.bids.runs import Inventory, RunFiles
from painprint.bids.session_labels import labels_of_rows
from painprint.errors import DerivativesError
from painprint.files.dataset import BidsFile, Dataset, Metadata, inherited_metadata, raw_metadata
from painprint.files.inputs import MISSING, InputHashes
from painprint.files.tables import MISSING as EMPTY
from painprint.files.tables import read_json, read_table
from painprint.settings import Settings

SCANNER = (
    "Manufacturer", "ManufacturersModelName", "MagneticFieldStrength", "SoftwareVersions",
    "ReceiveCoilName", "PulseSequenceType", "RepetitionTime", "EchoTime", "FlipAngle",
    "MultibandAccelerationFactor", "ParallelReductionFactorInPlane", "SliceThickness",
    "PhaseEncodingDirection",
)  # fmt: skip
"""Keys of BOLD sidecars that are kept."""
PRIVATE = re.compile(
    r"name|initial|birth|dob|date|time|address|mail|phone|record|mrn|ssn|(^|_)id($|_)|institut|"
    r"hospital|clinic(?!al)|physician|operator|rater|comment|note",
    re.I,
)
"""Names of columns that may hold names, dates or identifiers."""
DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./]\d{1,2}[./]\d{2,4}")
REGISTRY = re.compile(
    r"NCT\d{8}|clinicaltrials|osf\.io|aspredicted|isrctn|drks|prospero|euctr|chictr|umin", re.I
)
"""What links of a dataset to its registration contain."""
LONGEST = 500
"""Characters of a text that are kept."""
MOST_VALUES = 6
"""Distinct values of a column of sessions.tsv that are listed."""


def describe_study(
    raw: Dataset,
    derivatives: Sequence[Dataset],
    inventory: Inventory,
    settings: Settings,
    hashes: InputHashes,
    used: Collection[str],
) -> dict[str, Any]:
    """What the files of a study say about it; what they do not say is absent or None.

    Parameters
    ----------
    raw : Dataset
        With participants.tsv, sessions.tsv and their sidecars, where there are any.
    settings : Settings
        Say which recording and column is the rating, where there are several.
    hashes : InputHashes
        Hashes of the inputs, to which those of the files read here are added.
    used : collection of str
        Labels of the sessions that were decoded; sessions.tsv may have others.

    Returns
    -------
    description : dict
        ``dataset``, ``participant``, ``sessions``, ``rating``, ``scanner``, ``pipelines``; the
        ``files`` that were read for it with their hashes; and ``unread``, why a file was not.
    """
    reader = _Reader(hashes)
    who, root = inventory.participant, raw.root
    sessions = root / f"sub-{who}" / f"sub-{who}_sessions.tsv"
    description = {
        "dataset": _dataset(reader.json(root / "dataset_description.json")),
        "participant": _participant(
            reader.rows(root / "participants.tsv"), reader.json(root / "participants.json"), who
        ),
        "sessions": _sessions(
            reader.rows(sessions),
            reader.json(root / "sessions.json") | reader.json(sessions.with_suffix(".json")),
            sorted(used),
        ),
        "rating": _rating(inventory.runs, settings, reader),
        "scanner": _scanner(inventory.runs, reader),
        "pipelines": [
            pipeline
            for dataset in derivatives
            for pipeline in _pipelines(reader.json(dataset.root / "dataset_description.json"))
        ],
    }
    files = {_uri(path, (raw, *derivatives)): digest for path, digest in reader.files.items()}
    return {**description, "files": files, "unread": reader.unread}


def _uri(path: Path, datasets: Sequence[Dataset]) -> str:
    """BIDS URI of a file in the innermost of the datasets that contain it."""
    inside = [dataset for dataset in datasets if path.is_relative_to(dataset.root)]
    dataset = max(inside, key=lambda each: len(each.root.parts))
    return f"bids:{dataset.name}:{path.relative_to(dataset.root).as_posix()}"


class _Reader:
    """Reads optional files, and remembers their hashes and what could not be read."""

    def __init__(self, hashes: InputHashes) -> None:
        self._hashes = hashes
        self.files: dict[Path, str] = {}
        self.unread: list[str] = []

    def json(self, path: Path) -> dict[str, Any]:
        """Contents of a JSON file; empty if there is none, or it cannot be read."""
        return self._attempt(lambda: read_json(path), path) or {}

    def rows(self, path: Path) -> list[dict[str, str]]:
        """Rows of a table, as texts."""
        rows = self._attempt(lambda: read_table(path).astype(str).to_dict(orient="records"), path)
        return [{str(name): value for name, value in row.items()} for row in rows or []]

    def metadata(
        self, read: Callable[..., Metadata], file: BidsFile, run: RunFiles
    ) -> Mapping[str, Any]:
        """Metadata of a file that a function reads from the raw sidecars of a run; else empty."""
        return self._attempt(lambda: read(file, run.raw_sidecars).values) or {}

    def _attempt(self, read: Callable[[], Any], path: Path | None = None) -> Any:
        """What a function reads; None, and a note, if it cannot."""
        try:
            if path is not None:
                digest = self._hashes.of(path)
                if digest == MISSING:
                    return None
                self.files[path] = digest
            return read()
        except DerivativesError as error:
            self.unread.append(str(error))
            return None


def _text(value: object) -> str | None:
    """A text that may be kept; None where there is none."""
    text = f"{value:g}" if isinstance(value, float) else " ".join(str(value).split())
    if not isinstance(value, str | int | float):
        return None
    if not text or text in EMPTY or isinstance(value, bool):
        return None
    return text[:LONGEST]


def _dataset(content: Mapping[str, Any]) -> dict[str, Any]:
    """License and registration of the raw dataset, and whether ethics and funding are stated."""
    links = content.get("ReferencesAndLinks")
    registered = [str(link) for link in _listed(links) if REGISTRY.search(str(link))]
    stated = _text(content.get("Registration") or content.get("Preregistration"))
    return {
        "license": _text(content.get("License")),
        "registration": stated or _text("; ".join(registered)),
        "doi": _text(content.get("DatasetDOI")),
        "n_ethics": len(_listed(content.get("EthicsApprovals"))),
        "n_funding": len(_listed(content.get("Funding"))),
    }


def _listed(value: object) -> list[Any]:
    if isinstance(value, list):
        return [each for each in value if each]
    return [value] if value else []


def _participant(
    rows: Iterable[Mapping[str, str]], sidecar: Mapping[str, Any], who: str
) -> list[dict[str, Any]]:
    """What participants.tsv says of one participant, column by column."""
    row = next((r for r in rows if r.get("participant_id", "").removeprefix("sub-") == who), {})
    return [
        {"column": name, "value": _level(value, sidecar.get(name)), **_entry(sidecar.get(name))}
        for name, value in row.items()
        if may_be_kept(name, [value]) and _text(value) is not None
    ]


def _sessions(
    rows: Sequence[Mapping[str, str]], sidecar: Mapping[str, Any], used: Sequence[str]
) -> list[dict[str, Any]]:
    """What sessions.tsv says of these sessions, column by column: the range, or the values."""
    if rows and "session_id" in rows[0]:
        labels = labels_of_rows(pd.Series([row["session_id"] for row in rows]), used)
        rows = [row for row, label in zip(rows, labels, strict=True) if label in used]
    described = []
    for name in rows[0] if rows else ():
        values = [row[name] for row in rows if _text(row[name]) is not None]
        if name == "days" or not values or not may_be_kept(name, values):
            continue
        value = _summary(values)
        if value is not None:
            described.append(
                {"column": name, "value": value, "n": len(values), **_entry(sidecar.get(name))}
            )
    return described


def may_be_kept(name: str, values: Iterable[str]) -> bool:
    """Whether a column seems to hold neither names, dates nor identifiers."""
    return not PRIVATE.search(name) and not any(DATE.search(value) for value in values)


def _summary(values: Sequence[str]) -> str | None:
    """The range of numbers, or the distinct words; None where there are too many of them."""
    try:
        numbers = [float(value) for value in values]
    except ValueError:
        distinct = sorted(set(values))
        return ", ".join(distinct) if len(distinct) <= MOST_VALUES else None
    low, high = f"{min(numbers):g}", f"{max(numbers):g}"
    return low if low == high else f"{low} to {high}"


def _level(value: str, entry: object) -> str:
    """A value in the words of the sidecar's levels."""
    levels = entry.get("Levels") if isinstance(entry, dict) else None
    meaning = levels.get(value) if isinstance(levels, dict) else None
    if isinstance(meaning, dict):  # as of BIDS 1.8, with a description and a URL
        meaning = meaning.get("Description")
    return f"{value} ({meaning})" if _text(meaning) else value


def _entry(entry: object) -> dict[str, str | None]:
    """Unit and description of a column."""
    given = entry if isinstance(entry, dict) else {}
    return {
        "unit": _text(given.get("Units")),
        "description": _text(given.get("Description") or given.get("LongName")),
    }


def _rating(runs: Sequence[RunFiles], settings: Settings, reader: _Reader) -> dict[str, Any]:
    """What the sidecar of the rating says of it, of the first run that has one."""
    label = settings.rating_recording
    for run in runs:
        for file in run.rating:
            if label is not None and file.entities.get("recording") != label_of(label, "recording"):
                continue
            values = reader.metadata(inherited_metadata, file, run)
            columns = {k: v for k, v in values.items() if isinstance(v, dict)}
            name = _column_of_rating(columns, settings.rating_column)
            if name is not None:
                return _of_column(name, columns[name], values, run, reader)
    return {}


def _column_of_rating(columns: Mapping[str, Mapping[str, Any]], asked: str | None) -> str | None:
    """The column that was asked for, or that is most likely the rating; None if none is."""
    if asked is not None:
        return asked if asked in columns else None
    ranks = {name: rank_column(name, entry) for name, entry in columns.items()}
    best = min(ranks, key=lambda name: ranks[name], default=None)
    return None if best is None or ranks[best] is Rank.OTHER else best


def _of_column(
    name: str,
    entry: Mapping[str, Any],
    values: Mapping[str, Any],
    run: RunFiles,
    reader: _Reader,
) -> dict[str, Any]:
    bold = reader.metadata(raw_metadata, run.series, run)
    levels = entry.get("Levels")
    anchors = [f"{k}: {v}" for k, v in levels.items()] if isinstance(levels, dict) else []
    ends = [entry.get("Minimum"), entry.get("Maximum")]
    return {
        "column": name,
        **_entry(entry),
        "anchors": _text("; ".join(anchors)),
        "range": None if None in ends else f"{ends[0]} to {ends[1]}",
        "instruction": _text(values.get("Instructions") or bold.get("Instructions")),
        "task": _text(values.get("TaskDescription") or bold.get("TaskDescription")),
        "sampling_hz": _text(values.get("SamplingFrequency")),
    }


def _scanner(runs: Sequence[RunFiles], reader: _Reader) -> dict[str, str]:
    """What BOLD sidecars say of the scanner and the sequence; several values where runs differ."""
    found: dict[str, list[str]] = {}
    for run in runs:
        values = reader.metadata(raw_metadata, run.series, run)
        for key in SCANNER:
            text = _text(values.get(key))
            if text is not None and text not in found.setdefault(key, []):
                found[key].append(text)
    return {key: " or ".join(texts) for key, texts in found.items() if texts}


def _pipelines(content: Mapping[str, Any]) -> list[dict[str, str | None]]:
    """Programs that made a derivative dataset, with their versions."""
    made = content.get("GeneratedBy", content.get("PipelineDescription"))
    return [
        {"name": name, "version": _text(program.get("Version"))}
        for program in _listed(made)
        if isinstance(program, dict) and (name := _text(program.get("Name")))
    ]
