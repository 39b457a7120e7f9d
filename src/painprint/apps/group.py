"""Group level: each signature is tested on the other participants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from painprint.apps.pages import write_group_page, write_page
from painprint.apps.study import Study, log
from painprint.bids.filter import BidsFilter
from painprint.bids.runs import files_of
from painprint.errors import DerivativesError
from painprint.files.dataset import atlas_name, parse_name
from painprint.progress import Progress
from painprint.results.earlier import settle
from painprint.results.files import ParticipantFiles
from painprint.results.group import (
    GroupFiles,
    earlier_group,
    read_member,
    settings_used,
    write_group,
)
from painprint.results.read import Results, find_results, read_results
from painprint.runs import Run
from painprint.store.lock import lock

TESTING, PAGES = "each signature on the other participants", "pages of the participants"
"""Stages of the work."""


def run_group(study: Study, *, progress: Progress | None = None) -> None:
    """Test each signature on the other participants that were decoded into the same folder.

    Runs are read with the settings with which each participant was decoded; the settings of the
    study give the participants, the number of bootstrap samples, and the seed.

    Raises
    ------
    DerivativesError
        If no participant was decoded, results or files of a participant cannot be used, or there
        are other results of the group that would be replaced.
    """
    wanted = study.participants()
    finished = [files for files in find_results(study.out_dir) if files.participant in wanted]
    if not finished:
        raise DerivativesError(
            f"no participant was decoded into {study.out_dir}. Run `painprint run ... participant` "
            "first."
        )
    decoded = {files.participant for files in finished}
    for participant in wanted:
        if participant not in decoded:
            log.warning("sub-%s: not decoded, so not in the group.", participant)
    progress = progress or Progress("group")
    progress.plan(TESTING, PAGES)
    with lock(study.out_dir, "group"):
        _run_group(study, finished, progress)
    with progress.stage(PAGES) as on_step:  # they show the signatures of others
        for done, files in enumerate(finished, start=1):
            try:
                with lock(study.out_dir, f"sub-{files.participant}"):
                    write_page(files, why=" again, with the group's results")
            except DerivativesError as error:
                log.warning(
                    "sub-%s: its page does not show the group: %s", files.participant, error
                )
            on_step(done, len(finished))


def _run_group(study: Study, finished: Sequence[ParticipantFiles], progress: Progress) -> None:
    """Test the signatures of finished participants, and write the results of the group."""
    from painprint.evidence.transfer import transfer

    everyone = [read_results(files) for files in finished]
    members = [read_member(results, partial(_runs_of, study, results)) for results in everyone]
    keys = {f"sub-{results.files.participant}": results.provenance["key"] for results in everyone}
    settings, group_files = study.settings, GroupFiles(study.out_dir)
    to_remove = settle(earlier_group(group_files, keys, settings), study.existing)
    try:
        with progress.stage(TESTING) as on_step:
            result = transfer(
                members,
                n_bootstraps=settings.n_bootstraps,
                random_seed=settings.random_seed,
                on_step=on_step,
            )
    except ValueError as error:
        raise DerivativesError(str(error)) from error
    for reason in result.not_done:
        log.info("group: %s", reason)
    simulated = any(results.metrics["simulated"] for results in everyone)
    for earlier in to_remove:
        earlier.remove()
    write_group(group_files, result, members, keys, settings=settings, simulated=simulated)
    write_group_page(group_files)


def _runs_of(study: Study, results: Results) -> list[Run]:
    """Read the runs of a decoded participant again.

    Raises
    ------
    DerivativesError
        If a file was changed since the participant was decoded.
    """
    queries = results.provenance.get("bids_filter") or {}
    bids_filter = BidsFilter(
        {
            query: {entity: tuple(values) for entity, values in wanted.items()}
            for query, wanted in queries.items()
        }
    )
    study = replace(study, settings=settings_used(results), bids_filter=bids_filter)
    if results.audit.get("dense"):  # regional time series were written into the output folder
        label = atlas_name(parse_name(results.files.stem)[0])
        study = replace(
            study,
            derivatives=(study.out_dir,),
            settings=replace(study.settings, atlas=label),
            bids_filter=bids_filter.without("bold"),
        )
    inventory = study.find(results.files.participant)
    reader = study.reader(inventory)
    digests = results.provenance["inputs"]
    for file in files_of(inventory):
        if file.uri in digests and digests[file.uri] != reader.hashes.of(file.path):
            raise DerivativesError(
                f"was changed since sub-{inventory.participant} was decoded. Decode the "
                "participant again.",
                file.path,
            )
    runs = list(reader.runs())
    reader.hashes.check()
    return runs
