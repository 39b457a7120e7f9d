"""The command `run`: each participant is decoded, or the group level is computed."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from painprint.apps.arguments import BesideRuns, Registering, StudyExecution, StudyInputs, check_run
from painprint.apps.folders import check_folders, choose_derivatives
from painprint.apps.participants import Failed, for_each_participant
from painprint.cli.program import BY_HEADING, FLAT, app, write_again
from painprint.help_text import examples
from painprint.settings import Settings
from painprint.terminal import logged, progress

if TYPE_CHECKING:
    from painprint.apps.study import Study


@app.command(synonym="decode", group_parameters=BY_HEADING, help_epilogue=examples("run"))
def run(
    bids_dir: Path,
    out_dir: Path,
    level: Literal["participant", "group"],
    *,
    inputs: Annotated[StudyInputs, FLAT] = StudyInputs(),  # noqa: B008 (frozen)
    settings: Annotated[Settings, FLAT] = Settings(),  # noqa: B008
    beside: Annotated[BesideRuns, FLAT] = BesideRuns(),  # noqa: B008
    registering: Annotated[Registering, FLAT] = Registering(),  # noqa: B008
    execution: Annotated[StudyExecution, FLAT] = StudyExecution(),  # noqa: B008
) -> None:
    """Decode each participant from BOLD, regional or dense, and ratings.

    Parameters
    ----------
    bids_dir
        Raw BIDS dataset with the ratings.
    out_dir
        Output folder, a BIDS derivative dataset.
    level
        participant: decode each participant. group: test each signature on the other
        participants that were decoded into the same OUT_DIR.
    """
    from painprint.apps.group import run_group
    from painprint.apps.pages import write_pages
    from painprint.apps.registration import find_registration, register_study
    from painprint.apps.study import Study
    from painprint.bids.filter import read_bids_filter
    from painprint.cli.cohort import decode_people
    from painprint.cluster import on_scheduler

    folders = choose_derivatives(bids_dir, inputs.derivatives)
    check_folders(bids_dir, out_dir, folders)
    check_run(level, settings, beside, execution, registering)
    writes = registering.register is not None and not registering.register.exists()
    with logged(None if execution.dry_run or execution.reports_only or writes else out_dir):
        if execution.reports_only:
            return write_again(partial(write_pages, out_dir))
        study = Study(
            bids_dir, out_dir, folders, settings, execution.n_jobs, beside,
            read_bids_filter(inputs.bids_filter_file), execution.existing,
            find_registration(registering),
        )  # fmt: skip
        if level == "group":
            with progress("group") as follow:
                run_group(study, columns=beside.person_column, progress=follow)
        elif writes:
            print(register_study(study, study.participants(), registering))
        else:
            participants = study.participants()
            with on_scheduler(None if execution.dry_run else execution.dask_scheduler) as cluster:
                if cluster is not None and len(participants) > 1:
                    decode_people(cluster, study, participants)
                else:
                    for_each_participant(participants, partial(_decode, study, execution))


def _decode(study: Study, execution: StudyExecution, participant: str) -> None:
    """Decode one participant, or describe the dry run."""
    from painprint.apps.decode import run_participant
    from painprint.apps.dry_run import describe_inventory
    from painprint.apps.status import noted

    with progress(f"sub-{participant}") as follow:
        if not execution.dry_run:
            with noted(study.out_dir, participant, follow):
                run_participant(study, participant, progress=follow)
            return
        text, can_be_decoded = describe_inventory(study, participant)
    print(text)
    if not can_be_decoded:
        raise Failed
