"""Commands of a study: decode, parcellate, simulate, write pages again, plan more sessions."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from painprint.apps.arguments import (
    BesideRuns,
    Execution,
    MoreSessions,
    OtherSignatures,
    Registering,
    StudyExecution,
    StudyInputs,
    UsageError,
    Work,
    check_group,
    check_participant,
    check_registering,
)
from painprint.apps.folders import (
    PIPELINES,
    check_can_be_written,
    check_folders,
    choose_derivatives,
)
from painprint.apps.participants import Failed, for_each_participant
from painprint.apps.slurm_options import SlurmOptions
from painprint.cli.program import BY_HEADING, FLAT, app
from painprint.cortex.settings import AreaSettings
from painprint.help_text import examples
from painprint.parcellate.maps import Maps
from painprint.settings import Settings
from painprint.simulate.world import Layout, World
from painprint.terminal import logged, progress, show

if TYPE_CHECKING:
    from painprint.apps.plan_file import PlanFile
    from painprint.apps.study import Study
    from painprint.parcellate.study import AreaStudy


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
    if level == "group":
        check_group(settings, beside, execution, registering)
    else:
        check_participant(beside)
    check_registering(registering, execution)
    writes = registering.register is not None and not registering.register.exists()
    with logged(None if execution.dry_run or execution.reports_only or writes else out_dir):
        if execution.reports_only:
            with progress("report", "writing the pages"):
                n_failed = write_pages(out_dir)
            if n_failed:
                raise Failed
            return
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


@app.command(group_parameters=BY_HEADING, help_epilogue=examples("multiverse"))
def multiverse(
    plan: Path,
    bids_dir: Path,
    out_dir: Path,
    level: Literal["participant"],
    *,
    inputs: Annotated[StudyInputs, FLAT] = StudyInputs(),  # noqa: B008 (frozen)
    settings: Annotated[Settings, FLAT] = Settings(),  # noqa: B008
    signatures: Annotated[OtherSignatures, FLAT] = OtherSignatures(),  # noqa: B008
    execution: Annotated[StudyExecution, FLAT] = StudyExecution(),  # noqa: B008
) -> None:
    """Decode with every combination of declared choices, and show all of them.

    The specification curve shows how much the result depends on choices of the analysis. No
    signature is written. Options of stages of evidence are not used.

    Parameters
    ----------
    plan
        TOML file with the alternatives of each choice, the default first: under [choices] lists
        of values of options, as in lag = [6, 4].
    bids_dir
        Raw BIDS dataset with the ratings.
    out_dir
        Output folder; may be that of `painprint run`.
    level
        participant: a multiverse for each participant.
    """
    from painprint.apps.multiverse import check_multiverse
    from painprint.apps.pages import write_pages
    from painprint.apps.plan_file import read_plan
    from painprint.apps.study import Study
    from painprint.bids.filter import read_bids_filter
    from painprint.cluster import on_scheduler

    del level  # there is only one
    check_multiverse(signatures)
    declared = read_plan(plan, settings, inputs.derivatives)
    named = (declared.folders or [choose_derivatives(bids_dir, inputs.derivatives)])[0]
    check_folders(bids_dir, out_dir, [*named, *(f for one in declared.folders for f in one)])
    with logged(None if execution.dry_run or execution.reports_only else out_dir):
        if execution.reports_only:
            with progress("report", "writing the pages"):
                n_failed = write_pages(out_dir)
            if n_failed:
                raise Failed
            return
        study = Study(
            bids_dir, out_dir, named, settings, execution.n_jobs, signatures,
            read_bids_filter(inputs.bids_filter_file), execution.existing,
        )  # fmt: skip
        with on_scheduler(None if execution.dry_run else execution.dask_scheduler):
            for_each_participant(
                study.participants(), partial(_multiverse, study, declared, execution)
            )


def _multiverse(study: Study, plan: PlanFile, execution: StudyExecution, participant: str) -> None:
    """Run the multiverse of one participant, or describe the dry run."""
    from painprint.apps.multiverse import run_multiverse
    from painprint.apps.multiverse_dry_run import describe_multiverse

    with progress(f"sub-{participant}") as follow:
        if not execution.dry_run:
            return run_multiverse(study, plan, participant, progress=follow)
        text = describe_multiverse(study, plan, participant)
    print(text)


@app.command(group_parameters=BY_HEADING, help_epilogue=examples("parcellate"))
def parcellate(
    bids_dir: Path,
    out_dir: Path,
    level: Literal["participant"],
    *,
    derivatives: tuple[Path, ...] = (),
    bids_filter_file: Path | None = None,
    maps: Annotated[Maps, FLAT] = Maps(),  # noqa: B008 (frozen)
    settings: Annotated[AreaSettings, FLAT] = AreaSettings(),  # noqa: B008
    execution: Annotated[Execution, FLAT] = Execution(),  # noqa: B008
) -> None:
    """Parcellate each participant's cortex from resting runs: an atlas for `painprint run`.

    Parameters
    ----------
    bids_dir
        Raw BIDS dataset.
    out_dir
        Output folder for the atlas and its page; may be that of `painprint run`.
    level
        participant: an individual parcellation for each participant.
    derivatives
        Datasets with dense CIFTI BOLD and the participant's midthickness surfaces. Default: the
        first of fmriprep and ciftify that exists in BIDS_DIR/derivatives.
    bids_filter_file
        JSON file with the entities of BOLD to use, as for `painprint run`.
    """
    from painprint.apps.study import list_participants
    from painprint.bids.filter import read_bids_filter
    from painprint.parcellate.study import AreaStudy

    del level  # there is only one
    folders = choose_derivatives(bids_dir, derivatives, PIPELINES[1:])
    check_folders(bids_dir, out_dir, folders)
    with logged(None if execution.dry_run else out_dir):
        study = AreaStudy(
            bids_dir, out_dir, folders, settings, maps, execution.n_jobs,
            read_bids_filter(bids_filter_file), execution.existing,
        )  # fmt: skip
        participants = list_participants(bids_dir, settings.participant_label)
        for_each_participant(participants, partial(_parcellate, study, execution))


def _parcellate(study: AreaStudy, execution: Execution, participant: str) -> None:
    """Parcellate one participant, or describe the dry run."""
    from painprint.apps.parcellate import describe_scans, parcellate_participant

    with progress(f"sub-{participant}") as follow:
        if not execution.dry_run:
            return parcellate_participant(study, participant, progress=follow)
        text = describe_scans(study, participant)
    print(text)


@app.command(help_epilogue=examples("simulate"))
def simulate(
    out: Path,
    *,
    sessions: tuple[int, ...] = (23, 28),
    null: int = 0,
    layout: Layout = "xcp_d",
    world: Annotated[World, FLAT] = World(),  # noqa: B008 (frozen)
    random_seed: int = 0,
) -> None:
    """Write a BIDS dataset of simulated people with a known signature.

    Parameters
    ----------
    out
        A new folder.
    sessions
        Number of sessions of each person.
    null
        Number of people without a signature: the last ones.
    layout
        Regional time series as written by XCP-D; or dense BOLD with confounds as written by
        fMRIPrep (CIFTI, CIFTI with areas on surfaces, or volumes) or ciftify. Surfaces of full
        resolution take about 0.5 GB for each run of 10 min; --divisions 12 is smaller and faster.
    random_seed
        Seed of the random number generator.
    """
    from painprint.apps.simulate import simulate_people

    with logged(None):
        check_can_be_written(out)
        with progress("simulate", is_kept=False) as follow:
            written = simulate_people(
                out, sessions, n_null=null, layout=layout, world=world, random_seed=random_seed,
                progress=follow,
            )  # fmt: skip
        print(written)


@app.command
def demo(out: Path = Path("demo-output"), *, n_jobs: int = 2) -> None:
    """Simulate two people and one without a signature, decode them, test each signature on the
    others, and write their pages.

    Parameters
    ----------
    out
        A new folder; the dataset goes to OUT/bids, the results to OUT/results.
    n_jobs
        Number of workers.
    """
    from painprint.apps.simulate import simulate_demo

    with logged(None):
        check_can_be_written(out)
        with progress("simulate", is_kept=False) as follow:
            bids, results, written = simulate_demo(out, progress=follow)
        print(written)
    settings = Settings(task_id=("rating",), skip=("baselines",))
    run(bids, results, "participant", settings=settings, execution=StudyExecution(n_jobs=n_jobs))
    run(bids, results, "group")
    print(
        f"Simulated people: open {results}/sub-01.html. The person of sub-03.html has no "
        f"signature. {results}/group.html tests each signature on the other people."
    )


@app.command
def report(out_dir: Path, *, pdf: bool = False) -> None:
    """Write the pages again from finished results.

    Parameters
    ----------
    out_dir
        Output folder of `painprint run` or `painprint parcellate`.
    pdf
        Write the figures as PDF too.
    """
    from painprint.apps.pages import write_all_pages

    with logged(None):
        check_can_be_written(out_dir)
        with progress("report", "writing the pages"):
            n_failed = write_all_pages(out_dir, pdf=pdf)
        if n_failed:
            raise Failed


@app.command(help_epilogue=examples("plan"))
def plan(
    out_dir: Path,
    *,
    ahead: Annotated[MoreSessions, FLAT] = MoreSessions(),  # noqa: B008 (frozen)
) -> None:
    """Tell what a finished study would report with more sessions of the same people.

    For each participant: expected session-centred r, skill and width of the 95% interval, with
    80% prediction intervals, and the chance of a target; or why this cannot be said. The table is
    OUT_DIR/plan.tsv. On a terminal it is printed rounded; in full if the output is redirected.

    Parameters
    ----------
    out_dir
        Output folder of `painprint run`.
    """
    from painprint.apps.plan import plan_study, write_plan
    from painprint.apps.plan_text import describe_plan, full_table, short_table

    with logged(None):
        check_can_be_written(out_dir)
        with progress("plan", "reading the results"):
            table, n_failed = plan_study(out_dir, ahead.more, ahead.target_r)
            write_plan(out_dir, table)
        show(short_table(table), full_table(table), describe_plan(table, out_dir))
        if n_failed:
            raise Failed


@app.command(group_parameters=BY_HEADING, help_epilogue=examples("slurm"))
def slurm(
    bids_dir: Path,
    out_dir: Path,
    *,
    inputs: Annotated[StudyInputs, FLAT] = StudyInputs(),  # noqa: B008 (frozen)
    settings: Annotated[Settings, FLAT] = Settings(),  # noqa: B008
    beside: Annotated[BesideRuns, FLAT] = BesideRuns(),  # noqa: B008
    work: Annotated[Work, FLAT] = Work(),  # noqa: B008
    asked: Annotated[SlurmOptions, FLAT] = SlurmOptions(),  # noqa: B008
) -> None:
    """Write a script for SLURM that decodes each participant as `painprint run` with these options.

    Each participant is a task of a job array; the group level follows. Finished participants are
    not computed again if the script is submitted again.

    Parameters
    ----------
    bids_dir
        Raw BIDS dataset with the ratings.
    out_dir
        Output folder, a BIDS derivative dataset.
    """
    from painprint.apps.same_folders import with_absolute_paths
    from painprint.apps.slurm import write_slurm_script
    from painprint.apps.study import Study
    from painprint.bids.filter import read_bids_filter

    if work.n_jobs < 1:
        raise UsageError(f"--n-jobs is {work.n_jobs}; give the number of CPUs of a task.")
    folders = choose_derivatives(bids_dir, inputs.derivatives)
    check_folders(bids_dir, out_dir, folders)
    with logged(None):
        study = Study(
            bids_dir, out_dir, folders, settings, work.n_jobs, replace(beside, person_column=()),
            read_bids_filter(inputs.bids_filter_file), work.existing,
        )  # fmt: skip
        given = inputs.bids_filter_file
        filtered = None if given is None else given.absolute()
        with progress("slurm", is_kept=False) as follow:
            with follow.stage("memory and time of each participant", logged=False) as on_step:
                study = with_absolute_paths(study)
                text = write_slurm_script(
                    study, filtered, work, asked, beside.person_column, on_step=on_step
                )
    print(text)


@app.command(help_epilogue=examples("status"))
def status(out_dir: Path, bids_dir: Path | None = None) -> None:
    """Tell how far each participant of a study is, wherever it runs.

    For each participant: finished, failed with the reason, running with the stage, stopped by a
    signal or a time limit, or waiting. On a terminal the table is shortened; it is printed in full
    if the output is redirected.

    Parameters
    ----------
    out_dir
        Output folder of `painprint run`.
    bids_dir
        Raw BIDS dataset, to name those who have not begun.
    """
    from painprint.apps.status import describe_status, full_status, short_status, survey

    with logged(None):
        people = survey(out_dir, bids_dir)
        show(short_status(people), full_status(people), describe_status(people))
        if any(one.state == "failed" for one in people):
            raise Failed
