"""The files of a reading: table, JSON and page."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from painprint.apps.pages import announce_page
from painprint.apps.reading_text import with_integers
from painprint.bids.runs import RunFiles
from painprint.results.differences import compare
from painprint.results.earlier import Earlier
from painprint.results.proof import why_not_shown
from painprint.results.provenance import versions
from painprint.results.record import PAGES, find_key, find_record, hash_files, write_record
from painprint.signature.file import hash_signature
from painprint.signature.model import Signature
from painprint.store.files import content_key, hash_input, write_table

if TYPE_CHECKING:
    from painprint.apps.predict import Scored

log = logging.getLogger("painprint")

TABLE, RECORD, PAGE = "reading.tsv", "reading.json", "reading.html"
UNFINISHED = "unfinished"
"""Entry of the JSON of a reading that is being written."""


def describe_reading_inputs(
    path: Path, run_files: Sequence[RunFiles], options: Mapping[str, Any]
) -> dict[str, Any]:
    """What a reading depends on, part by part.

    Parameters
    ----------
    path : Path
        The signature.
    options : mapping
        Options that change the reading.
    """
    files = [file for run in run_files for file in (*run.data_files, *run.all_sidecars)]
    hashes: dict[str, set[str]] = {}  # several, where runs lie in several datasets
    for file in files:
        if file.path.is_file():
            hashes.setdefault(file.uri, set()).add(hash_input(file.path))
    return {
        "versions": versions(),
        "signature": {"sha256": hash_signature(path)},
        "inputs": {uri: " ".join(sorted(found)) for uri, found in sorted(hashes.items())},
        "options": dict(options),
    }


def earlier_reading(out_dir: Path, depends_on: Mapping[str, Any]) -> list[Earlier]:
    """A reading in a folder that depends on something else."""
    there = [out_dir / name for name in (RECORD, TABLE, PAGE) if (out_dir / name).is_file()]
    record = find_record(out_dir / RECORD)
    if not there or find_key(out_dir / RECORD) == content_key(depends_on):
        return []
    if record is not None and UNFINISHED in record:  # left by a process that was killed
        return []
    differences = [f"{there[0].name} is not of a finished reading"]
    if record is not None:
        differences = compare(record["depends_on"], depends_on)
    return [Earlier("reading", out_dir, there[0], there, differences)]


def write_reading_files(
    out_dir: Path,
    signature: Signature,
    scored: Sequence[Scored],
    table: pd.DataFrame,
    depends_on: Mapping[str, Any],
) -> None:
    """Write table, page and JSON of a reading.

    The JSON is written first, too, as that of a reading that is not finished: by it, the next
    process recognises what is left if this one is killed.
    """
    from painprint.report.reading import write_reading

    key = content_key(depends_on)
    write_record(out_dir / RECORD, {"key": key, UNFINISHED: True})
    write_table(out_dir / TABLE, with_integers(table))
    written = announce_page("reading")
    write_reading(out_dir / PAGE, signature, scored)
    content = {
        "simulated": signature.simulated,
        "signature_sha256": depends_on["signature"]["sha256"],
        "signature_warning": why_not_shown(signature) or None,
        "sessions": [_describe(session) for session in scored],
        "key": key,
        "depends_on": depends_on,
        "outputs": hash_files([out_dir / TABLE], out_dir),
        PAGES: hash_files([out_dir / PAGE], out_dir),
    }
    write_record(out_dir / RECORD, content)
    written(out_dir / PAGE)


def _describe(scored: Scored) -> Mapping[str, Any]:
    """Contents of reading.json for one session."""
    reading = scored.reading
    row = reading.table.query("scale == 'session'").iloc[0]
    bounds = {name: row[name] for name in reading.table.columns if "_" in name}
    return {
        "session": scored.session or None,
        "files": scored.files,
        "participant": scored.person.of_data or None,
        "signature_participant": scored.person.of_signature or None,
        "other_person": scored.person.may_be_other,
        "predicted": row["predicted"],
        **{name: value for name, value in bounds.items() if name != "n_frames"},
        "verdict": asdict(reading.verdict),
        "runs": [asdict(verdict) for verdict in reading.of_runs],
        "not_done": reading.not_done,
        "warnings": reading.warnings,
    }
