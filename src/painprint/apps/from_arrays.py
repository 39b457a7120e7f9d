"""Results of runs that were decoded from arrays: written as those of a study from files."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from painprint.apps.array_inputs import (
    NO_GEOMETRY,
    hash_frames,
    hash_prior,
    inventory_of,
    records_of,
)
from painprint.apps.folders import check_can_be_written, other_dataset
from painprint.apps.pages import write_page
from painprint.decode.decoding import Decoding
from painprint.errors import DerivativesError
from painprint.evidence.stage import StageResult
from painprint.evidence.stages import STAGES
from painprint.files.inputs import InputHashes
from painprint.files.tables import read_json
from painprint.results.audit import make_run_log
from painprint.results.earlier import Existing, earlier_decodings, settle
from painprint.results.files import ParticipantFiles
from painprint.results.provenance import versions
from painprint.results.record import find_key
from painprint.results.write import write_dataset_description, write_decoding
from painprint.store.files import content_key, write_bytes
from painprint.store.lock import lock
from painprint.wording import did_you_mean, enumerate_names

WAYS_OUT = "Choose another output folder; or give overwrite=True, which replaces them."


def save_decoding(
    decoding: Decoding,
    folder: Path,
    *,
    participant: str,
    stages: Mapping[str, StageResult],
    overwrite: bool = False,
) -> ParticipantFiles:
    """Write tables, metrics and signature of a decoding; see :meth:`Decoding.save`."""
    if unknown := [name for name in stages if name not in STAGES]:
        near = did_you_mean(unknown[0], STAGES)
        raise ValueError(f"stages has {unknown[0]!r}; choose of {', '.join(STAGES)}.{near}")
    check_can_be_written(folder)
    if other := other_dataset(folder / "dataset_description.json"):
        raise ValueError(f"folder is {str(folder)!r}, another dataset ({other}); choose another.")
    inventory = inventory_of(decoding, participant)
    files = ParticipantFiles.of(folder, inventory)
    run_log = make_run_log(inventory, decoding, records_of(decoding), (), NO_GEOMETRY)
    depends_on = {
        "versions": versions(),
        "settings": asdict(decoding.settings),
        "inputs": {},
        "external": [],
        "bids_filter": {},
        "prior": hash_prior(decoding.prepared.prior),
        "arrays": hash_frames(decoding),
    }
    with lock(folder, f"sub-{inventory.participant}"):
        existing: Existing = "overwrite" if overwrite else "never"
        to_remove = settle(earlier_decodings(files, depends_on), existing, WAYS_OUT)
        is_saved = find_key(files.decoding("provenance", ".json")) == content_key(depends_on)
        if is_saved and not overwrite:
            _check_stages(files, stages)
        has_page = is_saved and files.page.is_file()
        write_dataset_description(folder, simulated=False)
        for earlier in to_remove:
            earlier.remove()
        write_decoding(files, decoding, stages, run_log, depends_on, InputHashes())
        if has_page:
            write_page(files)
    return files


def write_decoding_page(
    decoding: Decoding, path: Path, *, participant: str, stages: Mapping[str, StageResult]
) -> Path:
    """Write the page of a decoding; see :meth:`Decoding.report`."""
    if path.suffix != ".html" or path.is_dir():
        raise ValueError(f"path is {str(path)!r}; give the file of the page, such as report.html.")
    check_can_be_written(path.parent)
    with tempfile.TemporaryDirectory() as folder:
        files = save_decoding(decoding, Path(folder), participant=participant, stages=stages)
        write_page(files)
        write_bytes(path, files.page.read_bytes())
    return path


def _check_stages(files: ParticipantFiles, stages: Mapping[str, StageResult]) -> None:
    """Check that no stage that was saved with the same decoding would be removed."""
    saved = read_json(files.decoding("metrics", ".json"))["stages"]
    lost = [name for name, result in saved.items() if result is not None and name not in stages]
    if lost:
        raise DerivativesError(
            f"sub-{files.participant}: {files.out_dir} holds this decoding with the results of "
            f"{enumerate_names(lost)}, which are not among the stages. Give them too. {WAYS_OUT}"
        )
