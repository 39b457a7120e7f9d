"""Decode a participant: find, read, decode, run the stages of evidence, write, report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

from painprint.apps.pages import check_output, write_page
from painprint.apps.study import (
    ParticipantInputs,
    Progress,
    Study,
    find_participant,
    ignore_progress,
    log,
)
from painprint.bids.runs import files_of
from painprint.decode.decoding import Decoding, decode_runs, evaluate_training
from painprint.decode.prepare import Prepared, prepare_runs
from painprint.decode.training import train
from painprint.errors import DerivativesError
from painprint.evidence.case import Case
from painprint.evidence.stage import StageResult
from painprint.evidence.stages import STAGES, run_stage, stages_to_run
from painprint.files.inputs import InputHashes
from painprint.results.audit import RunLog, make_run_log
from painprint.results.files import ParticipantFiles
from painprint.results.geometry import renew_geometry
from painprint.results.provenance import hash_external, versions
from painprint.results.steps import (
    is_decoded,
    load_stage_result,
    load_training,
    remove,
    save_stage_result,
    save_training,
)
from painprint.results.write import write_dataset_description, write_decoding
from painprint.runs import ExcludedRun, list_excluded
from painprint.store.files import content_key
from painprint.store.lock import lock

MOST_NAMED = 4
"""Runs named in a line of the log; page and audit name all of them."""


def run_participant(
    study: Study,
    participant: str,
    *,
    progress: Progress | None = None,
    hashes: InputHashes | None = None,
) -> None:
    """Decode one participant and write every output; finished steps are not repeated.

    Parameters
    ----------
    progress : callable, optional
        Called with the name of each part of the work; returns the callback for its steps.
    hashes : InputHashes, optional
        Hashes of inputs that were hashed before.

    Raises
    ------
    DerivativesError
        If the participant cannot be decoded, another process is decoding them, or an input
        changes meanwhile.
    """
    inputs = find_participant(study, participant, hashes)
    hashes = inputs.reader.hashes
    files = ParticipantFiles.of(study.out_dir, inputs.inventory)
    with inputs.reader.lock.hold():
        check_output(files)
        inputs.reader.write_regions()
        key = _key(study, inputs)
        if is_decoded(files, key):
            log.info("sub-%s: finished before, with the same inputs and settings.", participant)
            if renew_geometry(files, inputs.geometry, hashes):
                log.info("sub-%s: views of the brain are made again.", participant)
        else:
            _decode(study, inputs, files, key, progress or (lambda _: ignore_progress))
        remove([files.training(), *(files.stage(name) for name in STAGES)])
        if files.page.is_file():
            log.info("sub-%s: page: %s", participant, files.page)
        else:
            write_page(files)


def _decode(
    study: Study, inputs: ParticipantInputs, files: ParticipantFiles, key: str, progress: Progress
) -> None:
    """Train, evaluate, run the stages and write; resumes where an earlier process was killed."""
    inventory = inputs.inventory
    participant, reader = inventory.participant, inputs.reader
    on_step = progress("regional signals") if inventory.image else None
    try:
        prepared = prepare_runs(reader.runs(on_step), study.settings, regions=reader.regions)
        training = load_training(files.training(), key)
        if training is None:
            training = train(
                prepared, study.settings, n_jobs=study.n_jobs, on_step=progress("nested folds")
            )
            reader.hashes.check()
            save_training(files.training(), training, key)
        else:
            log.info(
                "sub-%s: the models were trained before and are not trained again.", participant
            )
        decoding = evaluate_training(prepared, training, study.settings, n_jobs=study.n_jobs)
    except ValueError as error:
        raise DerivativesError(
            f"sub-{participant}: {error}{_list_excluded(reader.excluded)}"
        ) from error
    run_log = make_run_log(
        inventory,
        decoding,
        reader.records,
        reader.excluded,
        inputs.geometry,
        external=study.external,
        bids_filter=study.bids_filter.queries,
    )
    for line in _describe_exclusions(run_log, prepared):
        log.warning("sub-%s: %s", participant, line)
    case = _make_case(study, inputs, decoding)
    stage_results = _run_stages(case, files, key, reader.hashes, progress)
    reader.hashes.check()
    with lock(study.out_dir, "dataset_description.json", wait=True):
        write_dataset_description(study.out_dir, simulated=inventory.simulated)
    write_decoding(files, decoding, stage_results, run_log, key, reader.hashes)


def _run_stages(
    case: Case, files: ParticipantFiles, key: str, hashes: InputHashes, progress: Progress
) -> dict[str, StageResult]:
    """The results of all stages that are not skipped, each saved as soon as it is computed."""
    results = {}
    for name in (stage.name for stage in stages_to_run(case.settings)):
        result = load_stage_result(files.stage(name), key)
        if result is None:
            result = run_stage(case, name, on_step=progress(name))
            hashes.check()
            save_stage_result(files.stage(name), result, key)
        for reason in result.not_done:
            log.info("sub-%s: %s: %s", files.participant, name, reason)
        results[name] = result
    return results


def _make_case(study: Study, inputs: ParticipantInputs, decoding: Decoding) -> Case:
    """The decoded person with the other data that stages of evidence read."""
    all_regions = replace(study.settings, exclude_network=(), exclude_region=())

    def whole() -> Prepared:
        if all_regions == study.settings:
            return decoding.prepared
        return prepare_runs(inputs.reader.runs(), all_regions, regions=inputs.reader.regions)

    material = replace(inputs.material, whole=whole)
    return Case(decoding, inputs.inventory.sessions, material, study.n_jobs)


def decode_participant(study: Study, participant: str) -> Case:
    """Decode one participant from files, for use from Python.

    No results are written, except regional time series made from dense BOLD, which are kept in the
    output folder as in a study.

    Raises
    ------
    DerivativesError
        If the participant's files cannot be used.
    ValueError
        If the participant cannot be decoded.
    """
    inputs = find_participant(study, participant)
    reader = inputs.reader
    decoding = decode_runs(
        reader.runs(), study.settings, regions=reader.regions, n_jobs=study.n_jobs
    )
    return _make_case(study, inputs, decoding)


def _key(study: Study, inputs: ParticipantInputs) -> str:
    """Hash of everything on which the results of a participant depend."""
    inventory, hashes = inputs.inventory, inputs.reader.hashes
    dense = inventory.dense
    dense_files = (*dense.files.values(), *dense.masks.values()) if dense else ()
    files = dict.fromkeys((*files_of(inventory), *dense_files))
    surfaces = [hashes.of(path) for path in inputs.reader.smoothed_on]
    return content_key(
        {
            "versions": versions(),
            "settings": {
                **asdict(study.settings),
                "participant_label": inventory.participant,
                "atlas": inventory.atlas,
            },
            "inputs": {file.uri: hashes.of(file.path) for file in files},
            "external": hash_external(study.external, hashes),
            "bids_filter": study.bids_filter.queries,
            "left_out": [str(run) for run in inventory.excluded],
            "notes": inventory.notes,
            "sessions": inventory.sessions.to_dict(orient="records"),
            **({"surfaces": surfaces} if surfaces else {}),
        }
    )


def _describe_exclusions(run_log: RunLog, prepared: Prepared) -> Iterator[str]:
    """One line for each exclusion and each assumption."""
    yield from (f"excluded {line}" for line in list_excluded(run_log.left_out))
    yield from list_regions(prepared)
    for note, runs in run_log.notes.items():
        names = ", ".join(runs[:MOST_NAMED]) + (", ..." if len(runs) > MOST_NAMED else "")
        all_runs = not runs or len(runs) == len(prepared.runs)
        yield note if all_runs else f"{note} ({len(runs)} runs: {names})"


def _list_excluded(excluded: Sequence[ExcludedRun]) -> str:
    return "".join(f"\n  excluded {line}" for line in list_excluded(excluded))


def list_regions(prepared: Prepared) -> list[str]:
    """One line per reason, naming all regions that are excluded for it."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in prepared.regions_left_out.items():
        by_reason.setdefault(reason, []).append(name)
    return [
        f"excluded {len(names)} regions: {reason}: {', '.join(names)}"
        for reason, names in by_reason.items()
    ]
