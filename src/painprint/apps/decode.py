"""Decode a participant: find, read, decode, run the stages of evidence, write, report."""

from __future__ import annotations

from dataclasses import replace

from painprint.apps.depends_on import describe_inputs
from painprint.apps.exclusions import append_excluded, describe_exclusions
from painprint.apps.pages import write_page_unless_made
from painprint.apps.study import (
    ParticipantInputs,
    Progress,
    Study,
    find_participant,
    ignore_progress,
    log,
)
from painprint.bids.described import describe_study
from painprint.decode.decoding import Decoding, decode_runs, evaluate_training
from painprint.decode.prepare import Prepared, prepare_runs
from painprint.decode.training import train
from painprint.errors import DerivativesError
from painprint.evidence.case import Case
from painprint.evidence.stage import StageResult
from painprint.evidence.stages import STAGES, run_stage, stages_to_run
from painprint.files.inputs import InputHashes
from painprint.results.audit import RunLog, make_run_log
from painprint.results.earlier import earlier_decodings, settle
from painprint.results.files import ParticipantFiles
from painprint.results.geometry import renew_geometry
from painprint.results.predecessor import Predecessor
from painprint.results.record import find_record, renew_description
from painprint.results.steps import (
    is_finished,
    load_stage_result,
    load_training,
    remove,
    save_stage_result,
    save_training,
)
from painprint.results.write import judge_runs, write_dataset_description, write_decoding
from painprint.stopping import stage_done, stages
from painprint.store.files import content_key


def run_participant(
    study: Study,
    participant: str,
    *,
    progress: Progress | None = None,
    hashes: InputHashes | None = None,
    predecessor: Predecessor | None = None,
) -> None:
    """Decode one participant and write every output; finished steps are not repeated.

    Parameters
    ----------
    predecessor : Predecessor, optional
        The signature that the new one replaces.
    progress : callable, optional
        Called with the name of each part of the work; returns the callback for its steps.
    hashes : InputHashes, optional
        Hashes of inputs that were hashed before.

    Raises
    ------
    DerivativesError
        If the participant cannot be decoded, another process is decoding them, an input
        changes meanwhile, or there are other results that would be replaced.
    """
    inputs = find_participant(study, participant, hashes)
    hashes = inputs.reader.hashes
    files = ParticipantFiles.of(study.out_dir, inputs.inventory)
    with inputs.reader.lock.hold():
        depends_on = describe_inputs(study, inputs, predecessor)
        key = content_key(depends_on)
        record = find_record(files.decoding("provenance", ".json")) or {}
        if is_finished(record, key, files.folder):
            log.info("sub-%s: finished before, with the same inputs and settings.", participant)
            if renew_geometry(files, inputs.geometry, hashes):
                log.info("sub-%s: views of the brain are made again.", participant)
        else:
            to_remove = settle(earlier_decodings(files, depends_on), study.existing)
            with stages(f"sub-{participant}", 1 + len(stages_to_run(study.settings))):
                computed = _decode(study, inputs, key, progress or (lambda _: ignore_progress))
                write_dataset_description(study.out_dir, simulated=inputs.inventory.simulated)
                for earlier in to_remove:
                    earlier.remove()
                write_decoding(files, *computed, depends_on, hashes, predecessor=predecessor)
        description = describe_study(
            study.raw, study.datasets, inputs.inventory, study.settings, hashes
        )
        if renew_description(files.decoding("provenance", ".json"), description):
            for reason in description["unread"]:
                log.warning("sub-%s: not read for the report: %s", participant, reason)
        remove([files.training(), *(files.stage(name) for name in STAGES)])
        write_page_unless_made(files)


def _decode(
    study: Study, inputs: ParticipantInputs, key: str, progress: Progress
) -> tuple[Decoding, dict[str, StageResult], RunLog]:
    """Train, evaluate and run the stages; resumes where an earlier process was killed."""
    inventory = inputs.inventory
    participant, reader = inventory.participant, inputs.reader
    files = ParticipantFiles.of(study.out_dir, inventory)
    reader.write_regions()
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
        stage_done()
        decoding = evaluate_training(prepared, training, study.settings, n_jobs=study.n_jobs)
    except ValueError as error:
        raise DerivativesError(
            f"sub-{participant}: {error}{append_excluded(reader.excluded)}"
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
    for line in describe_exclusions(run_log, prepared):
        log.warning("sub-%s: %s", participant, line)
    case = _make_case(study, inputs, decoding)
    stage_results = _run_stages(case, files, key, reader.hashes, progress)
    reader.hashes.check()
    return decoding, stage_results, run_log


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
        stage_done()
    return results


def _make_case(study: Study, inputs: ParticipantInputs, decoding: Decoding) -> Case:
    """The decoded person with the other data that stages of evidence read."""
    all_regions = replace(study.settings, exclude_network=(), exclude_region=())

    def whole() -> Prepared:
        if all_regions == study.settings:
            return decoding.prepared
        return prepare_runs(inputs.reader.runs(), all_regions, regions=inputs.reader.regions)

    judged = judge_runs(inputs.reader.records, study.settings)
    quality = {key: rating for key, (rating, _) in judged.items()}
    material = replace(inputs.material, whole=whole, quality=quality)
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
