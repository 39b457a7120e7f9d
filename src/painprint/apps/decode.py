"""The study on one screen: find, read, decode, write, report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

from painprint.apps.pages import check_output, write_page
from painprint.apps.study import FoundRuns, Progress, Study, find_participant, log, tell_nobody
from painprint.bids.runs import files_of
from painprint.decode.decoding import Decoding, decode_runs, evaluate_training
from painprint.decode.prepare import Prepared, prepare_runs
from painprint.decode.training import train
from painprint.evidence.case import Case
from painprint.evidence.stage import StageResult
from painprint.evidence.stages import STAGES, run_stage, stages_to_run
from painprint.files.errors import DerivativesError
from painprint.files.inputs import InputHashes
from painprint.files.tables import read_json
from painprint.results.audit import Account, take_account
from painprint.results.files import ParticipantFiles
from painprint.results.provenance import hash_external, hash_geometry, versions
from painprint.results.steps import (
    is_finished,
    load_stage_result,
    load_training,
    lock,
    remove,
    save_stage_result,
    save_training,
)
from painprint.results.write import renew_geometry, write_dataset_description, write_decoding
from painprint.runs import LeftOutRun, list_left_out
from painprint.store.files import content_key

MOST_NAMED = 4
"""Runs named in a line of the log; page and audit name all."""


def run_participant(
    study: Study,
    participant: str,
    *,
    progress: Progress | None = None,
    hashes: InputHashes | None = None,
) -> None:
    """Decode one participant and write every output; what is finished is not repeated.

    Parameters
    ----------
    progress : callable, optional
        Is told of every part of the work.
    hashes : InputHashes, optional
        Of inputs that were hashed before.

    Raises
    ------
    DerivativesError
        If the participant cannot be decoded, another process is at it, or an input changes
        meanwhile.
    """
    found = find_participant(study, participant, hashes)
    hashes = found.reader.hashes
    files = ParticipantFiles.of(study.out_dir, found.inventory)
    with found.reader.lock.hold():
        check_output(files)
        found.reader.write_regions()
        key = _key(study, found)
        if _finished(files, key):
            log.info("sub-%s: finished before, with the same inputs and settings.", participant)
            noted = read_json(files.decoding("provenance", ".json")).get("geometry")
            if noted != hash_geometry(found.geometry, hashes):
                renew_geometry(files, found.geometry, hashes)
                log.info("sub-%s: views of the brain are made anew.", participant)
        else:
            follow = progress or (lambda _: tell_nobody)
            _decode(study, found, files, key, follow)
        remove([files.training(), *(files.stage(name) for name in STAGES)])
        if files.page.is_file():
            log.info("sub-%s: page: %s", participant, files.page)
        else:
            write_page(files)


def _decode(
    study: Study, found: FoundRuns, files: ParticipantFiles, key: str, progress: Progress
) -> None:
    """Train, evaluate, question and write, from where an earlier run was killed."""
    inventory = found.inventory
    participant, reader = inventory.participant, found.reader
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
            log.info("sub-%s: the models were trained before; not trained again.", participant)
        decoding = evaluate_training(prepared, training, study.settings, n_jobs=study.n_jobs)
    except ValueError as error:
        raise DerivativesError(f"sub-{participant}: {error}{_list(reader.left_out)}") from error
    account = take_account(
        inventory,
        decoding,
        reader.records,
        reader.left_out,
        found.geometry,
        external=study.external,
        bids_filter=study.bids_filter.queries,
    )
    for line in _say(account, prepared):
        log.warning("sub-%s: %s", participant, line)
    case = _make_case(study, found, decoding)
    stage_results = _run_stages(case, files, key, reader.hashes, progress)
    reader.hashes.check()
    with lock(study.out_dir, "dataset_description.json", wait=True):
        write_dataset_description(study.out_dir, simulated=inventory.simulated)
    write_decoding(files, decoding, stage_results, account, key, reader.hashes)


def _run_stages(
    case: Case, files: ParticipantFiles, key: str, hashes: InputHashes, progress: Progress
) -> dict[str, StageResult]:
    """The result of every stage that is not skipped, kept as soon as it is there."""
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


def _make_case(study: Study, found: FoundRuns, decoding: Decoding) -> Case:
    """The decoded person, with what the files say beside the runs."""
    everything = replace(study.settings, exclude_network=(), exclude_region=())

    def whole() -> Prepared:
        if everything == study.settings:
            return decoding.prepared
        return prepare_runs(found.reader.runs(), everything, regions=found.reader.regions)

    material = replace(found.material, whole=whole)
    return Case(decoding, found.inventory.sessions, material, study.n_jobs)


def decode_participant(study: Study, participant: str) -> Case:
    """Decode one participant from files, for questions from Python.

    No results are written; regional time series that are made of dense BOLD are kept in the output
    folder, as by a study.

    Raises
    ------
    DerivativesError
        If the participant's files cannot be used.
    ValueError
        If the participant cannot be decoded.
    """
    found = find_participant(study, participant)
    reader = found.reader
    decoding = decode_runs(
        reader.runs(), study.settings, regions=reader.regions, n_jobs=study.n_jobs
    )
    return _make_case(study, found, decoding)


def _key(study: Study, found: FoundRuns) -> str:
    """What the results of a participant depend on."""
    inventory, hashes = found.inventory, found.reader.hashes
    dense = inventory.dense
    of_dense = (*dense.files.values(), *dense.masks.values()) if dense else ()
    files = dict.fromkeys((*files_of(inventory), *of_dense))
    surfaces = [hashes.of(path) for path in found.reader.smoothed_on]
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
            "left_out": [str(run) for run in inventory.left_out],
            "notes": inventory.notes,
            "sessions": inventory.sessions.to_dict(orient="records"),
            **({"surfaces": surfaces} if surfaces else {}),
        }
    )


def _finished(files: ParticipantFiles, key: str) -> bool:
    """Whether the same study has been finished, and nothing of it was changed since."""
    if not files.decoding("metrics", ".json").is_file():
        return False
    try:
        provenance = read_json(files.decoding("provenance", ".json"))
    except DerivativesError:
        return False
    return is_finished(provenance, key, files.folder)


def _say(account: Account, prepared: Prepared) -> Iterator[str]:
    """What was left out or assumed, a line each."""
    yield from (f"left out {line}" for line in list_left_out(account.left_out))
    yield from list_regions(prepared)
    for note, runs in account.notes.items():
        some = ", ".join(runs[:MOST_NAMED]) + (", ..." if len(runs) > MOST_NAMED else "")
        every = not runs or len(runs) == len(prepared.runs)
        yield note if every else f"{note} ({len(runs)} runs: {some})"


def _list(left_out: Sequence[LeftOutRun]) -> str:
    return "".join(f"\n  left out {line}" for line in list_left_out(left_out))


def list_regions(prepared: Prepared) -> list[str]:
    """A line for each reason to leave regions out."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in prepared.regions_left_out.items():
        by_reason.setdefault(reason, []).append(name)
    return [
        f"leave out {len(names)} regions: {reason}: {', '.join(names)}"
        for reason, names in by_reason.items()
    ]
