"""Group level: each signature is tested on the other participants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from painprint.apps.decoded_runs import read_decoded_runs
from painprint.apps.pages import make_page, write_group_page
from painprint.apps.study import Study, log
from painprint.bids.people import read_variables
from painprint.errors import DerivativesError
from painprint.evidence.member import Member
from painprint.evidence.stage import StageResult
from painprint.parallel import map_in_processes
from painprint.progress import OnStep, Progress
from painprint.results.earlier import settle
from painprint.results.files import ParticipantFiles
from painprint.results.group import (
    GroupFiles,
    GroupKey,
    earlier_group,
    read_group,
    read_member,
    write_group,
)
from painprint.results.kept_people import KeptPeople
from painprint.results.read import find_results, read_results
from painprint.store.lock import lock

if TYPE_CHECKING:
    from painprint.report.transfer import Transfer

TESTING, PAGES = "each signature on the other participants", "pages of the participants"
"""Stages of the work."""
MOST_LOGGED = 20
"""Notes in the log."""


def run_group(
    study: Study, *, columns: Sequence[str] = (), progress: Progress | None = None
) -> None:
    """Test each signature on the other participants that were decoded into the same folder.

    Runs are read with the settings with which each participant was decoded; the settings of the
    study give the participants, the number of bootstrap samples, and the seed.

    Parameters
    ----------
    columns : sequence of str
        Columns of participants.tsv that performance is related to. Default: all numeric ones.

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
        _run_group(study, finished, columns, progress)
    with progress.stage(PAGES) as on_step:  # they show the signatures of others
        _write_pages(finished, study, on_step)


def _write_pages(finished: Sequence[ParticipantFiles], study: Study, on_step: OnStep) -> None:
    """Write the pages of people again, with the results of the group; who has none is told why.

    By processes, since figures are drawn in one thread.
    """
    from painprint.report.transfer import transfer_to

    group = read_group(GroupFiles(study.out_dir))
    jobs = ((files, transfer_to(group, files.participant)) for files in finished)
    reasons = map_in_processes(_make_page_again, jobs, n_jobs=study.n_jobs)
    for done, (files, reason) in enumerate(zip(finished, reasons, strict=True), start=1):
        name = f"sub-{files.participant}"
        if reason:
            log.warning("%s: its page does not show the group: %s", name, reason)
        else:
            log.info("%s: page written again, with the group: %s", name, files.page)
        on_step(done, len(finished))


def _make_page_again(files: ParticipantFiles, transfer: Transfer) -> str:
    """Write one page with the figures that it has; returns why that was not possible, if so."""
    try:
        with lock(files.out_dir, f"sub-{files.participant}"):
            make_page(files, transfer=transfer, redraw=False)
    except DerivativesError as error:
        return str(error)
    return ""


def _run_group(
    study: Study,
    finished: Sequence[ParticipantFiles],
    columns: Sequence[str],
    progress: Progress,
) -> None:
    """Test the signatures of finished participants, and write the results of the group."""
    members, keys, is_simulated = [], {}, []
    for files in finished:  # one at a time: only what the group needs is kept
        results = read_results(files)
        members.append(read_member(results, partial(read_decoded_runs, study, files)))
        keys[members[-1].name] = results.provenance["key"]
        is_simulated.append(results.metrics["simulated"])
    table = study.bids_dir / "participants.tsv"
    variables, notes = read_variables(table, list(keys), columns)
    key, group_files = GroupKey(keys, study.settings, variables), GroupFiles(study.out_dir)
    to_remove = settle(earlier_group(group_files, key), study.existing)
    kept = KeptPeople(group_files, key)
    if n_known := kept.count():
        log.info("group: %d of %d pairs are known from before.", n_known, len(keys) ** 2)
    try:
        with progress.stage(TESTING) as on_step:
            result = _findings(members, variables, kept, study, on_step)
    except ValueError as error:
        raise DerivativesError(str(error)) from error
    result = replace(result, not_done=(*result.not_done, *notes))
    for reason in result.not_done[:MOST_LOGGED]:
        log.info("group: %s", reason)
    if (n_more := len(result.not_done) - MOST_LOGGED) > 0:
        log.info("group: %d more notes are on the page.", n_more)
    for earlier in to_remove:
        earlier.remove()
    write_group(group_files, result, members, key, simulated=any(is_simulated))
    write_group_page(group_files)


def _findings(
    members: Sequence[Member],
    variables: pd.DataFrame,
    kept: KeptPeople,
    study: Study,
    on_step: OnStep,
) -> StageResult:
    """Transfer of the signatures, and findings across people."""
    from painprint.evidence.clinical import relate
    from painprint.evidence.cohort import individuality, networks_of_people
    from painprint.evidence.people import examine
    from painprint.evidence.transfer import own_performance, transfer

    seed = study.settings.random_seed
    examined = examine(
        members,
        n_bootstraps=study.settings.n_bootstraps,
        random_seed=seed,
        n_jobs=study.n_jobs,
        kept=kept,
        on_step=on_step,
    )
    result = transfer(members, [one.pairs for one in examined])
    of_people = {m.name: one.contribution for m, one in zip(members, examined, strict=True)}
    across = {
        "networks": networks_of_people(of_people, random_seed=seed),
        "similarity": individuality(of_people, random_seed=seed),
        "clinical": relate(variables, own_performance(result.tables["transfer"]), random_seed=seed),
    }
    tables, numbers, not_done = dict(result.tables), dict(result.numbers), [*result.not_done]
    for name, finding in across.items():
        tables |= finding.tables
        numbers[name] = finding.numbers
        not_done += finding.not_done
    return StageResult(tables, numbers, tuple(not_done))
