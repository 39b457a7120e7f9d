"""Decode a participant: find the inputs, compute what is not there yet, write, report."""

from __future__ import annotations

from collections.abc import Sequence

from painprint.apps.decoding_files import finish, tell_signature
from painprint.apps.decoding_steps import DECODING, READING, WRITING, Computed, compute, make_case
from painprint.apps.depends_on import describe_inputs
from painprint.apps.participant_inputs import find_participant
from painprint.apps.study import Study, log
from painprint.decode.decoding import decode_runs
from painprint.evidence.case import Case
from painprint.evidence.stages import stages_to_run
from painprint.files.inputs import InputHashes
from painprint.progress import Progress
from painprint.results.earlier import Earlier, earlier_decodings, settle
from painprint.results.files import ParticipantFiles
from painprint.results.geometry import renew_geometry
from painprint.results.predecessor import Predecessor
from painprint.results.record import find_record
from painprint.results.steps import is_finished
from painprint.results.write import write_dataset_description, write_decoding
from painprint.store.files import content_key


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
            computed = compute(study, inputs, key, progress)
        with progress.stage(WRITING, logged=False):
            if computed is not None:
                write_dataset_description(study.out_dir, simulated=inputs.inventory.simulated)
                for earlier in to_remove:
                    earlier.remove()
                write_decoding(files, *computed, depends_on, hashes, predecessor=predecessor)
            finish(study, inputs, files)
        tell_signature(files)
    return computed is not None


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
    return make_case(study, inputs, decoding)
