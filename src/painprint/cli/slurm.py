"""The command `slurm`: a script that decodes each participant as a task of a job array."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from painprint.apps.arguments import BesideRuns, StudyInputs, UsageError, Work
from painprint.apps.folders import check_folders, choose_derivatives
from painprint.apps.slurm_options import SlurmOptions
from painprint.cli.program import BY_HEADING, FLAT, app
from painprint.help_text import examples
from painprint.settings import Settings
from painprint.terminal import logged, progress


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
        with progress("slurm", is_kept=False) as follow:
            with follow.stage("memory and time of each participant", logged=False) as on_step:
                text = write_slurm_script(
                    study, inputs.bids_filter_file, work, asked, beside.person_column, on_step
                )
    print(text)
