"""The command `parcellate`: an individual parcellation of the cortex."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from painprint.apps.arguments import Execution
from painprint.apps.folders import PIPELINES, check_folders, choose_derivatives
from painprint.cli.program import BY_HEADING, FLAT, app, work_on_each
from painprint.cortex.settings import AreaSettings
from painprint.help_text import examples
from painprint.parcellate.maps import Maps
from painprint.terminal import logged


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
    from painprint.apps.parcellate import parcellate_participant
    from painprint.apps.parcellate_dry_run import describe_scans
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
        work_on_each(
            participants,
            lambda name, follow: parcellate_participant(study, name, progress=follow),
            partial(describe_scans, study) if execution.dry_run else None,
        )
