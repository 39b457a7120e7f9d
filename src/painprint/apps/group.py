"""Several people: each signature tried on the others."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from painprint.apps.pages import write_group_page, write_page
from painprint.apps.study import Progress, Study, log, tell_nobody
from painprint.bids.filter import BidsFilter
from painprint.bids.runs import files_of
from painprint.files.dataset import parse_name
from painprint.files.errors import DerivativesError
from painprint.results.group import (
    GroupFiles,
    read_member,
    settings_used,
    write_group,
)
from painprint.results.read import Results, find_results, read_results
from painprint.results.steps import (
    lock,
)
from painprint.runs import Run


def run_group(study: Study, *, progress: Progress | None = None) -> None:
    """Ask what concerns several people, of participants that were decoded into the same folder.

    How their runs are read follows from the settings that each was decoded with; those of the
    study say who takes part, the number of resamples, and the seed.

    Raises
    ------
    DerivativesError
        If nobody was decoded, or somebody's results or files cannot be used.
    """
    from painprint.evidence.transfer import transfer

    wanted = study.participants()
    found = [files for files in find_results(study.out_dir) if files.participant in wanted]
    if not found:
        raise DerivativesError(
            f"no participant was decoded into {study.out_dir}. Run `painprint run ... participant` "
            "first."
        )
    decoded = {files.participant for files in found}
    for participant in wanted:
        if participant not in decoded:
            log.warning("sub-%s: not decoded, so not in the group.", participant)
    results = [read_results(files) for files in found]
    members = [read_member(one, partial(_runs_of, study, one)) for one in results]
    keys = {f"sub-{one.files.participant}": one.provenance["key"] for one in results}
    settings = study.settings
    try:
        result = transfer(
            members,
            n_bootstraps=settings.n_bootstraps,
            random_seed=settings.random_seed,
            on_step=(progress or (lambda _: tell_nobody))("transfer"),
        )
    except ValueError as error:
        raise DerivativesError(str(error)) from error
    for reason in result.not_done:
        log.info("group: %s", reason)
    simulated = any(one.metrics["simulated"] for one in results)
    files = GroupFiles(study.out_dir)
    with lock(study.out_dir, "group"):
        write_group(files, result, members, keys, settings=settings, simulated=simulated)
        write_group_page(files)
    for one in found:  # their pages show the signatures of others
        try:
            with lock(study.out_dir, f"sub-{one.participant}"):
                write_page(one)
        except DerivativesError as error:
            log.warning("sub-%s: its page does not show the group: %s", one.participant, error)


def _runs_of(study: Study, results: Results) -> list[Run]:
    """The runs of a decoded participant again.

    Raises
    ------
    DerivativesError
        If a file is not as it was when the participant was decoded.
    """
    of_person = replace(study, settings=settings_used(results))
    noted = results.provenance.get("bids_filter") or {}
    chosen = BidsFilter({q: {k: tuple(v) for k, v in w.items()} for q, w in noted.items()})
    of_person = replace(of_person, bids_filter=chosen)
    if results.audit.get("dense"):  # its regional time series lie beside the results
        label = parse_name(results.files.stem)[0]["atlas"]
        settings = replace(of_person.settings, atlas=label)
        of_person = replace(
            of_person,
            derivatives=(study.out_dir,),
            settings=settings,
            bids_filter=chosen.without("bold"),
        )
    inventory = of_person.find(results.files.participant)
    reader = of_person.reader(inventory)
    noted = results.provenance["inputs"]
    for file in files_of(inventory):
        if file.uri in noted and noted[file.uri] != reader.hashes.of(file.path):
            raise DerivativesError(
                f"was changed since sub-{inventory.participant} was decoded. Decode the "
                "participant again.",
                file.path,
            )
    runs = list(reader.runs())
    reader.hashes.check()
    return runs
