"""Find what one participant has: regional time series or dense BOLD, and the ratings beside."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from painprint.atlas.image import AtlasFiles
from painprint.bids.choose import (
    RegionSource,
    choose_input,
    choose_sessions,
    choose_tasks,
    label_of,
)
from painprint.bids.dense import DenseFiles, find_dense
from painprint.bids.filter import BidsFilter
from painprint.bids.kinds import (
    CIFTI,
    REGIONAL,
    SERIES_SUFFIXES,
    TO_BE_CLEANED,
    Selection,
    atlas_of,
    is_denoised,
    is_dense,
    is_series,
    select,
)
from painprint.bids.runs import (
    Inventory,
    RunFiles,
    assemble,
    assemble_rest,
    is_rating_file,
    run_files,
    run_order,
)
from painprint.bids.sessions import read_sessions
from painprint.files.dataset import BidsFile, Dataset, run_key
from painprint.files.errors import DerivativesError
from painprint.files.hcp import hcp_files
from painprint.runs import LeftOutRun


def find_runs(
    raw: Dataset,
    derivatives: Sequence[Dataset],
    participant: str,
    *,
    task_id: Sequence[str] = (),
    rest_task: Sequence[str] = (),
    session_label: Sequence[str] = (),
    atlas: str | None = None,
    beside: Sequence[Dataset] = (),
    bids_filter: BidsFilter = BidsFilter(),  # noqa: B008 (frozen)
) -> Inventory:
    """Find the runs of one participant and the ratings beside them.

    Regional time series are used where there are any of this atlas; else dense BOLD, from which
    they can be made, if the atlas has an image.

    Parameters
    ----------
    raw : Dataset
        With the ratings.
    derivatives : sequence of Dataset
        With regional time series or dense BOLD; the first that has a run serves it.
    participant : str
        Without "sub-".
    task_id, session_label : sequence of str
        Which to use; empty for all. Several tasks with ratings must be named.
    rest_task : sequence of str
        Tasks that are rest, unless they are used as rated ones.
    atlas : str, optional
        Label, or path of an image. Needed where there are several, and for dense BOLD.
    beside : sequence of Dataset
        Where the participant's own parcellations are looked for too.
    bids_filter : BidsFilter
        Which BOLD and ratings are meant.

    Raises
    ------
    DerivativesError
        If nothing is found, or a choice is needed.
    """
    there = _look(raw, derivatives, participant)
    meant, strangers = _of_participant(bids_filter.choose("bold", there.bold), participant)
    filtered = "bold" in bids_filter.queries
    source = choose_input(meant, derivatives, atlas, participant, beside=beside, filtered=filtered)
    sessions = choose_sessions(source.files, session_label, participant)
    in_sessions = _with_entity(source.files, "ses", sessions)
    ratings = bids_filter.choose("rating", filter(is_rating_file, there.raw))
    tasks = choose_tasks(in_sessions, ratings, task_id, participant)
    ratings = _with_entity(ratings, "task", tasks)
    if session_label:
        ratings = _with_entity(ratings, "ses", sessions)
    preference = TO_BE_CLEANED if source.image else REGIONAL
    rated = select(_with_entity(in_sessions, "task", tasks), preference)
    resting = {label_of(t, "task") for t in rest_task} - set(tasks)
    rest = select(_with_entity(in_sessions, "task", resting), preference, kind=rated.kind)
    found = _inventory(there, source, tasks, ratings, rated=rated, rest=rest, strangers=strangers)
    if source.image:
        return found
    return replace(found, dense=find_dense(derivatives, participant, [r.key for r in found.runs]))


@dataclass(frozen=True)
class _Files:
    """Every file that may concern a participant, found but not chosen."""

    participant: str
    raw: list[BidsFile]
    raw_sidecars: tuple[BidsFile, ...]
    own: dict[str, list[BidsFile]]
    simulated: bool

    @property
    def bold(self) -> list[BidsFile]:
        """Files of the derivatives, the first dataset's first."""
        return [file for files in self.own.values() for file in files]


def _look(raw: Dataset, derivatives: Sequence[Dataset], participant: str) -> _Files:
    """The files of the datasets."""
    of_raw = raw.files_of(participant)
    sidecars = tuple(f for f in (*raw.shared_files(), *of_raw) if f.extension == ".json")
    own = {
        d.name: [*d.shared_files(), *d.files_of(participant), *hcp_files(d, participant)]
        for d in derivatives
    }
    simulated = any(d.simulated for d in (raw, *derivatives))
    return _Files(participant, of_raw, sidecars, own, simulated)


def _of_participant(
    files: Sequence[BidsFile], participant: str
) -> tuple[list[BidsFile], tuple[str, ...]]:
    """The files that are called the participant's, and a note on time series that are not."""
    own = [f for f in files if f.entities.get("sub") == participant]
    others = [f for f in files if is_series(f) and f.entities.get("sub") != participant]
    if not others:
        return own, ()
    return own, (
        f"{len(others)} time series in the folder of sub-{participant} are not called sub-"
        f"{participant}_... and were not used (first: {others[0].path.name}).",
    )


def _inventory(
    there: _Files,
    source: RegionSource,
    tasks: Sequence[str],
    ratings: Sequence[BidsFile],
    *,
    rated: Selection,
    rest: Selection,
    strangers: Sequence[str],
) -> Inventory:
    """The runs of chosen BOLD, each with the files beside it, in the order of time."""
    runs, left_out = assemble(rated, ratings, there.own, there.raw_sidecars)
    resting, rest_notes = assemble_rest(rest, there.own, there.raw_sidecars)
    sessions, session_notes = read_sessions(there.raw)
    when = _when(sessions)
    return Inventory(
        participant=there.participant,
        atlas=source.atlas,
        tasks=tuple(tasks),
        runs=tuple(sorted(runs, key=when)),
        left_out=tuple(sorted(left_out, key=when)),
        rest=tuple(sorted(resting, key=when)),
        dense=_dense_of(runs, source.image) if source.image else None,
        notes=(*source.notes, *rated.notes, *session_notes, *strangers, *rest_notes),
        region_table=_region_table(there.bold, source.atlas),
        sessions=sessions,
        simulated=there.simulated,
        image=source.image,
    )


def _when(sessions: pd.DataFrame) -> Callable[[RunFiles | LeftOutRun], tuple[Any, ...]]:
    """What puts runs in the order of time."""
    place = {name: i for i, name in enumerate(sessions["session"])}
    return lambda run: run_order(run.key, place)


@dataclass(frozen=True)
class DenseRuns:
    """Dense BOLD of a participant's runs on surfaces, whether rated or not.

    Attributes
    ----------
    runs : tuple of RunFiles
        In the order of time; without ratings.
    notes : tuple of str
        Choices that were made, and runs that cannot be used, with the reason.
    sessions : DataFrame
        As :func:`painprint.bids.sessions.read_sessions` gives it.
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
    """Find the CIFTI runs of some tasks, of which areas can be made.

    Parameters
    ----------
    derivatives : sequence of Dataset
        With dense BOLD; the first that has a run serves it.
    participant : str
        Without "sub-".
    task_id, session_label : sequence of str
        Which to use; no session stands for all.
    bids_filter : BidsFilter
        Which BOLD is meant.

    Raises
    ------
    DerivativesError
        If there is no such run, with what there is.
    """
    there = _look(raw, derivatives, participant)
    bold = [
        f
        for f in bids_filter.choose("bold", there.bold)
        if f.entities.get("sub") == participant and f.suffix == "bold" and f.extension == CIFTI
    ]
    usable = [f for f in bold if not is_denoised(f)]
    if not usable:
        why = "only what XCP-D has cleaned" if bold else "none"
        raise DerivativesError(
            f"sub-{participant}: dense BOLD on surfaces (*_bold.dtseries.nii) is needed; there is "
            f"{why} in {', '.join(str(d.root) for d in derivatives)}. Pass the output folder of "
            "fMRIPrep (--cifti-output) or ciftify with --derivatives."
        )
    of_task = _of_tasks(usable, task_id, participant)
    chosen = _with_entity(of_task, "ses", choose_sessions(of_task, session_label, participant))
    selected = select(chosen, TO_BE_CLEANED)
    runs, left_out = assemble_rest(selected, there.own, there.raw_sidecars)
    sessions, session_notes = read_sessions(there.raw)
    return DenseRuns(
        participant,
        tuple(sorted(runs, key=_when(sessions))),
        (*selected.notes, *session_notes, *left_out),
        sessions,
        there.simulated,
    )


def _of_tasks(files: Sequence[BidsFile], asked: Sequence[str], participant: str) -> list[BidsFile]:
    """The runs of these tasks, each of which must have one."""
    tasks = sorted({f.entities.get("task", "") for f in files})
    wanted = [label_of(task, "task") for task in asked]
    if missing := [task for task in wanted if task not in tasks]:
        raise DerivativesError(
            f"sub-{participant}: there is no run of the task {', '.join(missing)}. There are: "
            f"{', '.join(tasks)}. Name the resting runs with --task-id."
        )
    return _with_entity(files, "task", wanted)


def _with_entity(files: Iterable[BidsFile], entity: str, labels: Collection[str]) -> list[BidsFile]:
    """The files whose label of an entity is one of these; empty stands for none."""
    return [file for file in files if file.entities.get(entity, "") in labels]


def _dense_of(runs: Sequence[RunFiles], image: AtlasFiles) -> DenseFiles:
    """The dense BOLD that regions are made of."""
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
    """The files of a run that is only to be scored: BOLD and what lies beside it.

    Raises
    ------
    DerivativesError
        If the file is not there, or not called like regional time series or dense BOLD.
    """
    if not path.is_file():
        raise DerivativesError(f"there is no file {path}.")
    folder = Dataset(path.parent, "run")
    beside = folder.files_in(path.parent)
    (series,) = (f for f in beside if f.path.name == path.name)
    if series.suffix + series.extension not in SERIES_SUFFIXES and not is_dense(series):
        raise DerivativesError(
            f"is not called like regional time series (*_{', *_'.join(SERIES_SUFFIXES)}) or dense "
            "BOLD (*_bold.dtseries.nii, *_space-MNI..._bold.nii.gz).",
            path,
        )
    return run_files(run_key(series.entities), series, (), {series.dataset: beside}, ())


def _region_table(files: Sequence[BidsFile], atlas: str) -> BidsFile | None:
    tables = [f for f in files if f.suffix == "dseg" and f.extension == ".tsv"]
    return next((f for f in tables if atlas_of(f) == atlas), None)
