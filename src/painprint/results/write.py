"""Write the results of a study: tables, images, signature, metrics, provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from painprint.bids.dense import MAP_EXTENSION, DenseFiles
from painprint.bins import primary_words
from painprint.decode.decoding import Decoding, edges_frame
from painprint.evidence.stage import StageResult
from painprint.evidence.stages import STAGES
from painprint.files.inputs import InputHashes
from painprint.files.maps import write_maps
from painprint.results.all_columns import COLUMNS, describe_columns
from painprint.results.audit import RunLog, describe_choice, make_audit, runs_table
from painprint.results.files import HISTORY, ParticipantFiles
from painprint.results.geometry import hash_outputs, write_geometry
from painprint.results.predecessor import Predecessor
from painprint.results.provenance import make_provenance
from painprint.results.record import write_record
from painprint.results.run_quality import bold_table, rating_table
from painprint.results.trained_signature import signature_of
from painprint.signature.file import write_signature
from painprint.store.files import write_json, write_table
from painprint.store.lock import lock

NULL_METRICS = ("null_median", "p_within", "p_between")
"""Metrics of a scale that come from the permutation tests."""


def write_dataset_description(out_dir: Path, *, simulated: bool) -> None:
    """The description of the derivative dataset, on which participants' processes take turns."""
    name = "painprint: individual brain signatures of spontaneous pain"
    path = out_dir / "dataset_description.json"
    content = {
        "Name": f"{name} (simulated data)" if simulated else name,
        "BIDSVersion": "1.10.0",
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "painprint", "Version": version("painprint")}],
    }
    with lock(out_dir, path.name, wait=True):
        write_json(path, content)


def write_decoding(
    files: ParticipantFiles,
    decoding: Decoding,
    stage_results: Mapping[str, StageResult],
    run_log: RunLog,
    depends_on: Mapping[str, Any],
    hashes: InputHashes,
    *,
    predecessor: Predecessor | None = None,
) -> None:
    """Write all results of one participant except the page; provenance last.

    ``stage_results`` holds the result of every stage that was not skipped.

    ``depends_on`` identifies the results; provenance keeps it with a hash of every file.
    ``hashes`` are those of the inputs as they were read.
    ``predecessor`` is the signature that this one replaces.
    """
    tables = {
        "predictions": decoding.predictions,
        "weights": edges_frame(decoding.regions, decoding.final.weights).set_axis(
            list(COLUMNS["weights"]), axis=1
        ),
        "roc": decoding.evaluation.roc,
        "persession": decoding.evaluation.per_session,
        "runs": runs_table(decoding, run_log.records),
        "quality": bold_table(run_log.records, decoding.settings),
        **{name: t for result in stage_results.values() for name, t in result.tables.items()},
    }
    if decoding.final.activity is not None:
        tables["activityweights"] = decoding.weights_frame("activity")
    dense = tables.pop("univariatedense", None)
    _remove_earlier(files, tables)
    if dense is not None and run_log.inventory.dense is not None:
        _write_dense(files, dense, run_log.inventory.dense)
    write_geometry(files, decoding.regions, tables, run_log.geometry)
    used = {run.key for run in decoding.frames}
    sources = sorted({f.uri for r in run_log.records if r.key in used for f in r.sources})
    for suffix, table in tables.items():
        write_table(files.decoding(suffix, ".tsv"), table[list(COLUMNS[suffix])])
        write_json(files.decoding(suffix, ".json"), _sidecar(suffix, sources, decoding))
    write_table(files.rating_quality(), rating_table(run_log.records))
    write_json(
        files.rating_quality().with_suffix(".json"), _sidecar("ratingquality", sources, decoding)
    )
    write_json(files.decoding("audit", ".json"), make_audit(decoding, run_log))
    metrics = _metrics(decoding, stage_results, simulated=run_log.inventory.simulated)
    signature = signature_of(files, decoding, metrics, run_log.inventory, hashes)
    write_signature(files.decoding("signature", ""), signature)
    if predecessor is not None:
        added = [str(run.key) for run in decoding.frames if run.key not in predecessor.used]
        predecessor.write_history(files.decoding("signature", ""), added=added)
    write_json(files.decoding("metrics", ".json"), metrics)
    provenance = make_provenance(decoding, run_log, hashes, depends_on)
    provenance |= {"outputs": hash_outputs(files)}
    write_record(files.decoding("provenance", ".json"), provenance)


def _remove_earlier(files: ParticipantFiles, tables: Mapping[str, pd.DataFrame]) -> None:
    """Remove files of an earlier run (perhaps with other stages) that will not be overwritten.

    Provenance and page are removed first and written last, so they exist only beside a complete
    set.
    """
    for page in (files.page, *files.texts()):
        page.unlink(missing_ok=True)
    files.decoding("provenance", ".json").unlink(missing_ok=True)
    (files.decoding("signature", "") / HISTORY).unlink(missing_ok=True)  # of another signature
    for suffix in COLUMNS.keys() - tables.keys() - {"dseg"}:
        for extension in (".tsv", ".json"):
            files.decoding(suffix, extension).unlink(missing_ok=True)
    for extension in MAP_EXTENSION.values():
        files.decoding("univariate", extension).unlink(missing_ok=True)


def _write_dense(files: ParticipantFiles, table: pd.DataFrame, dense: DenseFiles) -> None:
    """The univariate map of grayordinates or voxels, as an image with a map per column."""
    maps = {name: table[name].to_numpy(float) for name in ("effect", "t", "p", "q")}
    path = files.decoding("univariate", MAP_EXTENSION[dense.kind])
    write_maps(path, dense.points, maps)


def _metrics(
    decoding: Decoding, stage_results: Mapping[str, StageResult], *, simulated: bool
) -> dict[str, Any]:
    final, prior = decoding.final, decoding.prepared.prior
    scales = {scale: asdict(m) for scale, m in decoding.scales.items()}
    if "null" in stage_results:
        for scale, numbers in stage_results["null"].numbers.get("scales", {}).items():
            scales[scale] |= {name: numbers[name] for name in NULL_METRICS}
    return {
        "preset": decoding.settings.preset,
        "leave_out": decoding.settings.leave_out,
        "simulated": simulated,
        "n_sessions": decoding.training.run_table["session"].nunique(),
        "n_groups": len(decoding.groups),
        "n_runs": len(decoding.training.run_table),
        "n_regions": len(decoding.regions.names),
        "decoder": decoding.settings.rules.decoder,
        "train_bins": "event" if "event" in scales else decoding.settings.rules.train_bins,
        "features": decoding.settings.features,
        **({"prior": {"n_people": prior.n_people}} if prior else {}),
        "selected": {
            **describe_choice(final, decoding.settings.rules),
            "intercept": final.intercept,
            "folds": [
                {"held_out": fold.held_out, **describe_choice(fold, decoding.settings.rules)}
                for fold in decoding.folds
            ],
        },
        "scales": scales,
        "within_run": asdict(decoding.within_run),
        "within_session": asdict(decoding.within_session),
        "stages": {
            stage: {**stage_results[stage].numbers, "not_done": stage_results[stage].not_done}
            if stage in stage_results
            else None
            for stage in STAGES
        },
    }


def _sidecar(suffix: str, sources: Sequence[str], decoding: Decoding) -> dict[str, Any]:
    columns = describe_columns(COLUMNS[suffix], primary_words(decoding.scales))
    extra = (
        {"Intercept": decoding.final.intercept} if suffix in ("weights", "activityweights") else {}
    )
    return {**columns, **extra, "Sources": list(sources)}
