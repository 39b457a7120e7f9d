"""Decode a participant: find, read, decode, run the stages of evidence, write, report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from painprint.apps.depends_on import describe_inputs
from painprint.apps.exclusions import append_excluded, describe_exclusions
from painprint.apps.pages import write_page_unless_made
from painprint.apps.participant_inputs import ParticipantInputs, find_participant
from painprint.apps.registration import record_registration
from painprint.apps.resources import Size, expected_seconds
from painprint.apps.sizes import size_from_headers, size_of_runs
from painprint.apps.study import Study, log
from painprint.bids.described import describe_study
from painprint.decode.decoding import Decoding, decode_runs, evaluate_training
from painprint.decode.prepare import Prepared
from painprint.decode.training import Training, train
from painprint.errors import DerivativesError
from painprint.evidence.case import Case
from painprint.evidence.stage import StageResult
from painprint.evidence.stages import STAGES, run_stage, stages_to_run
from painprint.files.inputs import InputHashes
from painprint.files.tables import read_json, read_table
from painprint.progress import OnStep, Progress
from painprint.results.audit import RunLog, make_run_log
from painprint.results.conclusion import conclude
from painprint.results.earlier import Earlier, earlier_decodings, settle
from painprint.results.files import ParticipantFiles
from painprint.results.geometry import renew_geometry
from painprint.results.predecessor import Predecessor
from painprint.results.record import DESCRIPTION as OF_STUDY
from painprint.results.record import find_record, renew_part
from painprint.results.steps import (
    is_finished,
    load_stage_result,
    load_training,
    remove,
    save_stage_result,
    save_training,
)
from painprint.results.write import judge_runs, write_dataset_description, write_decoding
from painprint.signature.file import DESCRIPTION
from painprint.store.files import content_key

READING, DECODING = "reading the runs", "cross-validation and final model"
WRITING = "writing the results and the page"
"""Stages of the work beside those of evidence."""
Computed = tuple[Decoding, dict[str, StageResult], RunLog]
"""What is computed of a participant."""


def run_participant(
    study: Study,
    participant: str,
    *,
    progress: Progress | None = None,
    hashes: InputHashes | None = None,
    predecessor: Predecessor | None = None,
    wait: bool = False,
) -> bool:
    """Decode one participant and write every output; finished steps are not repeated.

    Parameters
    ----------
    predecessor : Predecessor, optional
        The signature that the new one replaces.
    wait : bool
        Whether another process that works on the participant is waited for.
    progress : Progress, optional
        Is told the stages of the work, and how far they are.
    hashes : InputHashes, optional
        Hashes of inputs that were hashed before.

    Returns
    -------
    is_new : bool
        Whether anything was computed: results of the same inputs and settings are kept.

    Raises
    ------
    DerivativesError
        If the participant cannot be decoded, another process is decoding them, an input
        changes meanwhile, or there are other results that would be replaced.
    """
    progress = progress or Progress(f"sub-{participant}")
    inputs = find_participant(study, participant, hashes)
    hashes = inputs.reader.hashes
    files = ParticipantFiles.of(study.out_dir, inputs.inventory)
    with inputs.reader.lock.hold(wait=wait):
        depends_on = describe_inputs(study, inputs, predecessor)
        key = content_key(depends_on)
        record = find_record(files.decoding("provenance", ".json")) or {}
        computed: Computed | None = None
        to_remove: Sequence[Earlier] = ()
        if is_finished(record, key, files.folder):
            log.info("sub-%s: finished before, with the same inputs and settings.", participant)
            if renew_geometry(files, inputs.geometry, hashes):
                log.info("sub-%s: views of the brain are made again.", participant)
        else:
            to_remove = settle(earlier_decodings(files, depends_on), study.existing)
            questions = [stage.question for stage in stages_to_run(study.settings)]
            progress.plan(READING, DECODING, *questions, WRITING)
            computed = _decode(study, inputs, key, progress)
        with progress.stage(WRITING, logged=False):
            if computed:
                write_dataset_description(study.out_dir, simulated=inputs.inventory.simulated)
                for earlier in to_remove:
                    earlier.remove()
                write_decoding(files, *computed, depends_on, hashes, predecessor=predecessor)
            used = set(read_table(files.decoding("runs", ".tsv"))["session"].astype(str))
            description = describe_study(
                study.raw, study.datasets, inputs.inventory, study.settings, hashes, used
            )
            if renew_part(files.decoding("provenance", ".json"), OF_STUDY, description):
                for reason in description["unread"]:
                    log.warning("sub-%s: not read for the report: %s", participant, reason)
            record_registration(study, inputs, files)
            remove([files.training(), *(files.stage(name) for name in STAGES)])
            write_page_unless_made(files)
        tell_signature(files)
    return computed is not None


def tell_signature(files: ParticipantFiles) -> None:
    """Say where the signature is and, if it was shown to be of use, how new runs are predicted."""
    folder = files.decoding("signature", "")
    conclusion = conclude(read_json(files.decoding("metrics", ".json")))
    is_of_use = conclusion.is_shown or conclusion.tells_level
    is_dense = read_json(folder / DESCRIPTION)["origin"]["dense"] is not None
    with_atlas = " --atlas ATLAS" if is_dense else ""
    command = ""
    if is_of_use:
        command = f"; to predict new runs: painprint predict {folder} RUN...{with_atlas}"
    log.info("sub-%s: signature: %s%s", files.participant, folder, command)


def _decode(study: Study, inputs: ParticipantInputs, key: str, progress: Progress) -> Computed:
    """Train, evaluate and run the stages; resumes where an earlier process was killed."""
    inventory = inputs.inventory
    participant, reader = inventory.participant, inputs.reader
    files = ParticipantFiles.of(study.out_dir, inventory)
    reader.write_regions()
    try:
        with progress.stage(READING) as on_step:
            if inventory.image is not None:
                _tell_times(progress, study, size_from_headers(study, reader))
            runs = reader.runs(on_step)
            prepared = inputs.prepare(study.settings, runs)
        if inventory.image is None:
            _tell_times(progress, study, size_of_runs(study, inventory, runs, prepared))
        with progress.stage(DECODING) as on_step:
            training = _train(study, files, prepared, key, reader.hashes, on_step)
            decoding = evaluate_training(prepared, training, study.settings, n_jobs=study.n_jobs)
    except ValueError as error:
        raise DerivativesError(
            f"sub-{participant}: {error}{append_excluded(reader.excluded, inventory.n_runs)}"
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


def _train(
    study: Study,
    files: ParticipantFiles,
    prepared: Prepared,
    key: str,
    hashes: InputHashes,
    on_step: OnStep,
) -> Training:
    """The trained models, which are cached."""
    training = load_training(files.training(), key)
    if training is not None:
        log.info(
            "sub-%s: the models were trained before and are not trained again.", files.participant
        )
        return training
    training = train(prepared, study.settings, n_jobs=study.n_jobs, on_step=on_step)
    hashes.check()
    save_training(files.training(), training, key)
    return training


def _tell_times(progress: Progress, study: Study, size: Size | None) -> None:
    """Say how long the stages are expected to take, if the size of the study is known."""
    if size is None:
        return
    titles = {"cleaning": READING, "decoding": DECODING, "page": WRITING}
    titles |= {stage.name: stage.question for stage in STAGES.values()}
    seconds = expected_seconds(size, study.settings)
    progress.tell({titles[part]: value for part, value in seconds.items()})


def _run_stages(
    case: Case, files: ParticipantFiles, key: str, hashes: InputHashes, progress: Progress
) -> dict[str, StageResult]:
    """The results of all stages that are not skipped, each saved as soon as it is computed."""
    results = {}
    for stage in stages_to_run(case.settings):
        name = stage.name
        result = load_stage_result(files.stage(name), key)
        if result is not None:
            progress.skip(stage.question, "was done before")
        else:
            with progress.stage(stage.question) as on_step:
                result = run_stage(case, name, on_step=on_step)
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
        return inputs.prepare(all_regions)

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
        reader.runs(),
        study.settings,
        regions=reader.regions,
        prior=None if inputs.prior is None else inputs.prior.prior,
        n_jobs=study.n_jobs,
    )
    return _make_case(study, inputs, decoding)
