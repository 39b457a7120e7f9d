"""How a participant is decoded: the steps and stages of evidence, each kept when it is done."""

from __future__ import annotations

from dataclasses import replace

from painprint.apps.exclusions import describe_exclusions
from painprint.apps.participant_inputs import ParticipantInputs
from painprint.apps.resources import Size, expected_seconds
from painprint.apps.sizes import size_from_headers, size_of_runs
from painprint.apps.study import Study, log
from painprint.decode.decoding import Decoding, evaluate_training
from painprint.decode.prepare import Prepared
from painprint.decode.training import Training, train
from painprint.errors import DerivativesError
from painprint.evidence.case import Case
from painprint.evidence.stage import StageResult
from painprint.evidence.stages import STAGES, run_stage, stages_to_run
from painprint.excluded import list_excluded
from painprint.files.inputs import InputHashes
from painprint.progress import OnStep, Progress
from painprint.results.audit import RunLog, make_run_log
from painprint.results.files import ParticipantFiles
from painprint.results.run_quality import judge_runs
from painprint.results.steps import (
    load_stage_result,
    load_training,
    save_stage_result,
    save_training,
)

READING, DECODING = "reading the runs", "cross-validation and final model"
WRITING = "writing the results and the page"
"""Stages of the work beside those of evidence."""
Computed = tuple[Decoding, dict[str, StageResult], RunLog]
"""What is computed of a participant."""


def compute(study: Study, inputs: ParticipantInputs, key: str, progress: Progress) -> Computed:
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
        excluded = list_excluded(reader.excluded, inventory.n_runs)
        lines = (f"sub-{participant}: {error}", *(f"  excluded {line}" for line in excluded))
        raise DerivativesError("\n".join(lines)) from error
    run_log = make_run_log(
        inventory,
        decoding,
        reader.records,
        reader.excluded,
        inputs.geometry,
        external=study.signatures.external,
        bids_filter=study.bids_filter.queries,
    )
    for line in describe_exclusions(run_log, prepared):
        log.warning("sub-%s: %s", participant, line)
    case = make_case(study, inputs, decoding)
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


def make_case(study: Study, inputs: ParticipantInputs, decoding: Decoding) -> Case:
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
