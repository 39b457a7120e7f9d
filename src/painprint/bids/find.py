"""Find the runs of one participant: regional time series or dense BOLD, and their ratings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from painprint.atlas.image import AtlasFiles, MadeFrom, made_from
from painprint.bids.choose_source import (
    RegionSource,
    choose_input,
    choose_sessions,
    choose_tasks,
    label_of,
)
from painprint.bids.concatenations import leave_out_concatenations
from painprint.bids.constant_rating_file import SESSIONS, has_column, is_table
from painprint.bids.covariates import choose_covariates
from painprint.bids.dense import DenseFiles, find_dense
from painprint.bids.events_file import has_ratings, mention_columns
from painprint.bids.filter import BidsFilter
from painprint.bids.processing import note_processing, note_sources
from painprint.bids.runs import (
    Inventory,
    ParticipantFiles,
    RunFiles,
    assemble,
    assemble_rest,
    is_rating_file,
    run_files,
    run_order,
)
from painprint.bids.select import (
    CIFTI,
    REGIONAL,
    SERIES_SUFFIXES,
    TO_BE_CLEANED,
    Selection,
    is_dense,
    is_series,
    note_denoised,
    residuals_of_xcpd,
    select,
)
from painprint.bids.sessions import read_sessions
from painprint.errors import DerivativesError
from painprint.files.dataset import BidsFile, Dataset, run_key
from painprint.files.hcp import RESULTS, hcp_files
from painprint.runs import ExcludedRun


@dataclass(frozen=True)
class DataSelection:
    """Which data of a participant are analysed: options of :class:`~painprint.settings.Settings`,
    where no task or session stands for all; and entities that BOLD and rating files must have."""

    task_id: Sequence[str] = ()
    rest_task: Sequence[str] = ()
    session_label: Sequence[str] = ()
    atlas: str | None = None
    bids_filter: BidsFilter = BidsFilter()
    not_a_covariate: Sequence[str] = ()
    rating_column: str | None = None
    rates_events: bool = False


def find_runs(
    raw: Dataset,
    derivatives: Sequence[Dataset],
    participant: str,
    selection: DataSelection = DataSelection(),  # noqa: B008 (frozen)
    *,
    beside: Sequence[Dataset] = (),
) -> Inventory:
    """Find the runs of one participant and their ratings.

    Regional time series are used where there are any of the atlas; else dense BOLD, from which
    they can be made if the atlas has an image.

    Parameters
    ----------
    raw : Dataset
        Raw dataset with the ratings.
    derivatives : sequence of Dataset
        Datasets with regional time series or dense BOLD; a run is taken from the first that has it.
    participant : str
        Label without "sub-".
    beside : sequence of Dataset
        Further datasets in which individual parcellations are looked for.

    Raises
    ------
    DerivativesError
        If nothing is found, or a choice is needed.
    """
    files = _list_files(raw, derivatives, participant)
    bids_filter, ignored = selection.bids_filter.of_derivatives(files.derived)
    bold, misnamed = _of_participant(bids_filter.choose("bold", files.derived), participant)
    filtered = "bold" in bids_filter.queries
    source = choose_input(
        bold, derivatives, selection.atlas, participant, beside=beside, filtered=filtered
    )
    sessions = choose_sessions(source.files, selection.session_label, participant)
    in_sessions = _with_entity(source.files, "ses", sessions)
    ratings, tables = _list_ratings(files, selection)
    rest = [label_of(task, "task") for task in selection.rest_task]
    tasks = choose_tasks(
        in_sessions, [*ratings, *tables], selection.task_id, participant,
        raw=raw, rest=rest, events=files.events,
    )  # fmt: skip
    ratings = _with_entity(ratings, "task", tasks)
    if selection.session_label:
        ratings = _with_entity(ratings, "ses", sessions)
    preference = TO_BE_CLEANED if source.image else REGIONAL
    rest_tasks = set(rest) - set(tasks)
    of_tasks = _with_entity(in_sessions, "task", {*tasks, *rest_tasks})
    of_runs, joined = leave_out_concatenations(of_tasks, ratings)
    rated = select(_with_entity(of_runs, "task", tasks), preference)
    resting = select(_with_entity(of_runs, "task", rest_tasks), preference, kind=rated.kind)
    denoised = note_denoised(rated.kind) if source.image else ()
    inventory = _inventory(
        files,
        source,
        tasks,
        [*ratings, *tables],
        rated=rated,
        rest=resting,
        not_a_covariate=_not_covariates(selection, tables),
        notes=(*ignored, *joined, *denoised, *misnamed),
    )
    if source.image:
        return inventory
    keys = [run.key for run in inventory.runs]
    dense = find_dense(derivatives, participant, keys)
    if dense is not None:
        dense = replace(
            dense, notes=(*dense.notes, *note_sources(dense.files, "dense BOLD for maps"))
        )
    return replace(inventory, dense=dense)


def _list_files(raw: Dataset, derivatives: Sequence[Dataset], participant: str) -> ParticipantFiles:
    """List the files of the datasets that may concern a participant."""
    raw_files = raw.files_of(participant)
    sidecars = tuple(f for f in (*raw.shared_files(), *raw_files) if f.extension == ".json")
    by_dataset = {
        d.name: [*d.shared_files(), *d.files_of(participant), *hcp_files(d, participant)]
        for d in derivatives
    }
    simulated = any(d.simulated for d in (raw, *derivatives))
    return ParticipantFiles(participant, by_dataset, raw_files, sidecars, simulated)


def _list_ratings(
    files: ParticipantFiles, selection: DataSelection
) -> tuple[list[BidsFile], list[BidsFile]]:
    """The files of runs that may hold ratings, and the tables of scans and sessions that do."""
    column, wanted = selection.rating_column, selection.rates_events
    events = [f for f in files.events if has_ratings(f, files.raw_sidecars, column, wanted=wanted)]
    if wanted:
        if not events:
            raise DerivativesError(
                f"sub-{files.participant}: --rating-window and --rating-of are for ratings in "
                "*_events.tsv of the raw dataset, but none has any." + mention_columns(files.events)
            )
        return selection.bids_filter.choose_ratings(events), []
    recordings = [f for f in files.raw if is_rating_file(f)]
    tables = []
    if column is not None:
        tables = [f for f in files.raw if is_table(f) and has_column(f, column)]
    return selection.bids_filter.choose_ratings([*recordings, *events]), tables


def _not_covariates(selection: DataSelection, tables: Sequence[BidsFile]) -> tuple[str, ...]:
    """Columns of sessions.tsv that are no covariates, that of the rating included."""
    rating = [selection.rating_column] if any(f.suffix == SESSIONS for f in tables) else []
    return (*selection.not_a_covariate, *(name for name in rating if name))


def _of_participant(
    files: Sequence[BidsFile], participant: str
) -> tuple[list[BidsFile], tuple[str, ...]]:
    """The files named after the participant, and a note on time series that are not."""
    named = [f for f in files if f.entities.get("sub") == participant]
    misnamed = [f for f in files if is_series(f) and f.entities.get("sub") != participant]
    if not misnamed:
        return named, ()
    return named, (
        f"{len(misnamed)} time series in the folder of sub-{participant} are not called sub-"
        f"{participant}_... and were not used (first: {misnamed[0].path.name}).",
    )


def _inventory(
    files: ParticipantFiles,
    source: RegionSource,
    tasks: Sequence[str],
    ratings: Sequence[BidsFile],
    *,
    rated: Selection,
    rest: Selection,
    not_a_covariate: Sequence[str],
    notes: Sequence[str],
) -> Inventory:
    """The runs of selected BOLD with their companion files, in chronological order."""
    runs, excluded = assemble(rated, ratings, files)
    resting, rest_notes = assemble_rest(rest, files)
    sessions, session_notes = read_sessions(files.raw)
    sessions, covariate_notes = choose_covariates(sessions, not_a_covariate, files.raw)
    in_time = _chronological(sessions)
    used = sorted((*runs, *resting), key=in_time)
    processing = note_processing(used, "dense BOLD" if source.image else "time series")
    own = source.image.made_from if source.image else _made_from(files.derived, source.atlas)
    return Inventory(
        participant=files.participant,
        atlas=source.atlas,
        tasks=tuple(tasks),
        runs=tuple(sorted(runs, key=in_time)),
        excluded=tuple(sorted(excluded, key=in_time)),
        rest=tuple(sorted(resting, key=in_time)),
        dense=_dense_of(runs, source.image) if source.image else None,
        notes=(
            *source.notes,
            *_note_other_person(own, files.participant),
            *rated.notes,
            *processing,
            *session_notes,
            *covariate_notes,
            *notes,
            *rest_notes,
        ),  # fmt: skip
        region_table=_region_table(files.derived, source.atlas),
        sessions=sessions,
        simulated=files.simulated,
        image=source.image,
        made_from=own,
    )


def _chronological(sessions: pd.DataFrame) -> Callable[[RunFiles | ExcludedRun], tuple[Any, ...]]:
    """Sort key that puts runs in chronological order."""
    position = {name: i for i, name in enumerate(sessions["session"])}
    return lambda run: run_order(run.key, position)


@dataclass(frozen=True)
class DenseRuns:
    """Dense BOLD of a participant's runs on surfaces, whether rated or not.

    Attributes
    ----------
    runs : tuple of RunFiles
        In chronological order; without ratings.
    notes : tuple of str
        Choices that were made, and runs that cannot be used, with the reason.
    sessions : DataFrame
        As returned by :func:`painprint.bids.sessions.read_sessions`.
    """

    participant: str
    runs: tuple[RunFiles, ...]
    notes: tuple[str, ...]
    sessions: pd.DataFrame
    simulated: bool


def find_dense_runs(
    raw: Dataset,
    derivatives: Sequence[Dataset],
    participant: str,
    *,
    task_id: Sequence[str],
    session_label: Sequence[str] = (),
    bids_filter: BidsFilter = BidsFilter(),  # noqa: B008 (frozen)
) -> DenseRuns:
    """Find the CIFTI runs of some tasks, from which the cortex can be parcellated.

    Parameters
    ----------
    derivatives : sequence of Dataset
        Datasets with dense BOLD; a run is taken from the first that has it.
    participant : str
        Label without "sub-".
    task_id, session_label : sequence of str
        Tasks and sessions to use; no session stands for all.
    bids_filter : BidsFilter
        Entities that BOLD files must have.

    Raises
    ------
    DerivativesError
        If there is no such run, naming those that there are.
    """
    files = _list_files(raw, derivatives, participant)
    own = _with_entity(files.derived, "sub", [participant])
    grayordinates = [f for f in own if f.suffix == "bold" and f.extension == CIFTI]
    bids_filter, ignored = bids_filter.of_derivatives(grayordinates)
    bold = bids_filter.choose("bold", grayordinates)
    residuals = residuals_of_xcpd(bold, derivatives)
    usable = [f for f in bold if f not in residuals]
    if not usable:
        why = "only what XCP-D has denoised" if bold else "none"
        raise DerivativesError(
            f"sub-{participant}: dense BOLD on surfaces (*_bold.dtseries.nii) is needed; there is "
            f"{why} in {', '.join(str(d.root) for d in derivatives)}. Pass the output folder of "
            "fMRIPrep (--cifti-output) or ciftify with --derivatives."
        )
    of_tasks = _of_tasks(usable, task_id, participant)
    sessions_to_use = choose_sessions(of_tasks, session_label, participant)
    of_runs, joined = leave_out_concatenations(_with_entity(of_tasks, "ses", sessions_to_use))
    selected = select(of_runs, TO_BE_CLEANED)
    runs, run_notes = assemble_rest(selected, files)
    sessions, session_notes = read_sessions(files.raw)
    in_order = tuple(sorted(runs, key=_chronological(sessions)))
    chosen = (*selected.notes, *ignored, *joined, *note_denoised(selected.kind))
    processing = note_processing(in_order, "dense BOLD")
    return DenseRuns(
        participant,
        in_order,
        (*chosen, *processing, *session_notes, *run_notes),
        sessions,
        files.simulated,
    )


def _of_tasks(
    files: Sequence[BidsFile], task_id: Sequence[str], participant: str
) -> list[BidsFile]:
    """The runs of these tasks, each of which must have one."""
    tasks = sorted({f.entities.get("task", "") for f in files})
    wanted = [label_of(task, "task") for task in task_id]
    if missing := [task for task in wanted if task not in tasks]:
        raise DerivativesError(
            f"sub-{participant}: there is no run of the task {', '.join(missing)}. There are: "
            f"{', '.join(tasks)}. Name the resting runs with --task-id."
        )
    return _with_entity(files, "task", wanted)


def _with_entity(files: Iterable[BidsFile], entity: str, labels: Collection[str]) -> list[BidsFile]:
    """The files whose label of an entity is one of these; "" stands for files without it."""
    return [file for file in files if file.entities.get(entity, "") in labels]


def _dense_of(runs: Sequence[RunFiles], image: AtlasFiles) -> DenseFiles:
    """The dense BOLD from which regional time series are made."""
    return DenseFiles(
        kind="grayordinates" if image.of_grayordinates else "voxels",
        files={run.key: run.series for run in runs},
        masks={run.key: run.mask for run in runs if run.mask is not None},
        problems={},
        notes=_note_masks(runs, image),
    )


def _note_masks(runs: Sequence[RunFiles], image: AtlasFiles) -> tuple[str, ...]:
    without = [str(run.key) for run in runs if run.mask is None]
    if image.of_grayordinates or not without:
        return ()
    return (
        f"{len(without)} of {len(runs)} runs have no brain mask (*_desc-brain_mask.nii.gz): the "
        f"voxels of the atlas were taken (first: {without[0]}).",
    )


def find_unrated_run(path: Path) -> RunFiles:
    """The files of a run without a rating, which is only scored: BOLD and its companions.

    Raises
    ------
    DerivativesError
        If there is no such file, or its name is not that of regional time series or dense BOLD.
    """
    path = path.absolute()
    if not path.exists():
        raise DerivativesError(f"there is no file {path}. Check the path.")
    if path.is_dir():
        raise DerivativesError(f"{path} is a folder. Give the files of its runs.")
    files = _files_around(path)
    bold = (f for f in files.derived if is_dense(f) or f.suffix + f.extension in SERIES_SUFFIXES)
    series = next((f for f in bold if f.path == path), None)
    if series is None:
        raise DerivativesError(
            f"is not called like regional time series (*_{', *_'.join(SERIES_SUFFIXES)}) or dense "
            "BOLD (*_bold.dtseries.nii, *_space-MNI..._bold.nii.gz, or "
            "MNINonLinear/Results/RUN/RUN_Atlas*.dtseries.nii).",
            path,
        )
    return run_files(run_key(series.entities), series, (), files)


def _files_around(path: Path) -> ParticipantFiles:
    """The files of the participant of a run, in its dataset and the raw dataset around it; of a
    file outside a dataset, those in its folder."""
    folder = next((p for p in path.parents if p.name.startswith("sub-")), None)
    if folder is None:
        folder = next((p for p in path.parents if (p / RESULTS).is_dir()), None)
    if folder is None:
        alone = Dataset(path.parent, "run")
        return ParticipantFiles("", {alone.name: alone.files_in(path.parent)})
    label, root = folder.name.removeprefix("sub-"), folder.parent
    nested = root.parent.name == "derivatives"
    raw_root = root.parent.parent if nested else root
    files = _list_files(Dataset(raw_root, "raw"), [Dataset(root, "run")], label)
    return files if nested else replace(files, raw=(), raw_sidecars=())


def _made_from(files: Sequence[BidsFile], atlas: str) -> MadeFrom | None:
    """Participant and sessions from which the atlas of regional time series was made."""
    sidecars = (f for f in files if f.suffix == "dseg" and f.extension == ".json")
    return next(
        (own for f in sidecars if atlas and f.atlas == atlas and (own := made_from(f.path))), None
    )


def _note_other_person(own: MadeFrom | None, participant: str) -> tuple[str, ...]:
    """Note on an individual atlas of somebody else."""
    if own is None or own.participant == participant:
        return ()
    return (f"the atlas is sub-{own.participant}'s own, not this person's.",)


def _region_table(files: Sequence[BidsFile], atlas: str) -> BidsFile | None:
    tables = [f for f in files if f.suffix == "dseg" and f.extension == ".tsv"]
    return next((f for f in tables if f.atlas == atlas), None)
