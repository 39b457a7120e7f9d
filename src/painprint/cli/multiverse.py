"""The command `multiverse`: every combination of declared choices is decoded."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from painprint.apps.arguments import OtherSignatures, StudyExecution, StudyInputs
from painprint.apps.folders import check_folders, choose_derivatives
from painprint.cli.program import BY_HEADING, FLAT, app, work_on_each, write_again
from painprint.help_text import examples
from painprint.settings import Settings
from painprint.terminal import logged


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
    from painprint.apps.multiverse import check_multiverse, run_multiverse
    from painprint.apps.multiverse_dry_run import describe_multiverse
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
            return write_again(partial(write_pages, out_dir))
        study = Study(
            bids_dir, out_dir, named, settings, execution.n_jobs, signatures,
            read_bids_filter(inputs.bids_filter_file), execution.existing,
        )  # fmt: skip
        with on_scheduler(None if execution.dry_run else execution.dask_scheduler):
            work_on_each(
                study.participants(),
                lambda name, follow: run_multiverse(study, declared, name, progress=follow),
                partial(describe_multiverse, study, declared) if execution.dry_run else None,
            )
