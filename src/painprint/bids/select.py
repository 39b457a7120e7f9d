"""Find what one participant has: regional time series or dense BOLD, and the ratings beside."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from painprint.atlas.image import AtlasFiles
from painprint.bids.choose import (
    SERIES_SUFFIXES,
    atlas_of,
    choose_input,
    choose_sessions,
    choose_tasks,
    choose_variant,
    is_denoised,
    is_series,
    label_of,
)
from painprint.bids.dense import CIFTI, DenseFiles, find_dense, is_dense
from painprint.bids.filter import BidsFilter
from painprint.bids.runs import (
    Inventory,
    RunFiles,
    _by_key,
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
        Tasks that are rest, where they are not used as rated ones.
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
    raw_files = raw.files_of(participant)
    ratings = bids_filter.choose("rating", [f for f in raw_files if is_rating_file(f)])
    own_files = {
        d.name: [*d.shared_files(), *d.files_of(participant), *hcp_files(d, participant)]
        for d in derivatives
    }
    everything = bids_filter.choose("bold", (f for files in own_files.values() for f in files))
    strangers = [
        f.path.name for f in everything if is_series(f) and f.entities.get("sub") != participant
    ]
    everything = [f for f in everything if f.entities.get("sub") == participant]
    chosen = choose_input(
        everything,
        derivatives,
        atlas,
        participant,
        beside=beside,
        filtered="bold" in bids_filter.queries,
    )
    atlas, image = chosen.atlas, chosen.image
    sessions_wanted = choose_sessions(chosen.files, session_label, participant)
    in_sessions = _with_entity(chosen.files, "ses", sessions_wanted)
    tasks = choose_tasks(in_sessions, ratings, task_id, participant)
    resting = {label_of(t, "task") for t in rest_task} - set(tasks)
    found, at_rest = (_with_entity(in_sessions, "task", labels) for labels in (tasks, resting))
    ratings = _with_entity(ratings, "task", tasks)
    if session_label:
        ratings = _with_entity(ratings, "ses", sessions_wanted)
    raw_sidecars = tuple(f for f in (*raw.shared_files(), *raw_files) if f.extension == ".json")
    variant, note = choose_variant(_by_key(found), dense=image is not None)
    runs, left_out = assemble(found, ratings, own_files, raw_sidecars, variant)
    rest, rest_left_out = assemble_rest(at_rest, own_files, raw_sidecars, variant)
    sessions, session_notes = read_sessions(raw_files)
    place = {name: i for i, name in enumerate(sessions["session"])}
    in_time = partial(sorted, key=lambda run: run_order(run.key, place))
    return Inventory(
        participant=participant,
        atlas=atlas,
        tasks=tuple(tasks),
        runs=tuple(in_time(runs)),
        left_out=tuple(in_time(left_out)),
        dense=_dense_of(runs, image)
        if image
        else find_dense(derivatives, participant, [run.key for run in runs]),
        rest=tuple(in_time(rest)),
        notes=(
            *chosen.notes,
            *([note] if note else []),
            *session_notes,
            *_note_strangers(strangers, participant),
            *rest_left_out,
        ),
        region_table=_region_table([f for files in own_files.values() for f in files], atlas),
        sessions=sessions,
        simulated=any(d.simulated for d in (raw, *derivatives)),
        image=image,
    )


@dataclass(frozen=True)
class DenseRuns:
    """Dense BOLD of a participant's runs on surfaces, whether rated or not.

    Attributes
    ----------
    participant : str
    runs : tuple of RunFiles
        In the order of time; without ratings.
    notes : tuple of str
        Choices that were made, and runs that cannot be used, with the reason.
    sessions : DataFrame
        As :func:`painprint.bids.sessions.read_sessions` gives it.
    simulated : bool
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
    raw : Dataset
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
    own_files = {
        d.name: [*d.shared_files(), *d.files_of(participant), *hcp_files(d, participant)]
        for d in derivatives
    }
    bold = [
        f
        for f in bids_filter.choose("bold", (f for files in own_files.values() for f in files))
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
    tasks = sorted({f.entities.get("task", "") for f in usable})
    wanted = [label_of(task, "task") for task in task_id]
    if missing := [task for task in wanted if task not in tasks]:
        raise DerivativesError(
            f"sub-{participant}: there is no run of the task {', '.join(missing)}. There are: "
            f"{', '.join(tasks)}. Name the resting runs with --task-id."
        )
    of_task = _with_entity(usable, "task", wanted)
    chosen = _with_entity(of_task, "ses", choose_sessions(of_task, session_label, participant))
    raw_files = raw.files_of(participant)
    raw_sidecars = tuple(f for f in (*raw.shared_files(), *raw_files) if f.extension == ".json")
    variant, note = choose_variant(_by_key(chosen), dense=True)
    runs, left_out = assemble_rest(chosen, own_files, raw_sidecars, variant)
    sessions, session_notes = read_sessions(raw_files)
    place = {name: i for i, name in enumerate(sessions["session"])}
    return DenseRuns(
        participant,
        tuple(sorted(runs, key=lambda run: run_order(run.key, place))),
        (*([note] if note else []), *session_notes, *left_out),
        sessions,
        any(d.simulated for d in (raw, *derivatives)),
    )


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


def _note_strangers(names: Sequence[str], participant: str) -> list[str]:
    if not names:
        return []
    return [
        f"{len(names)} time series in the folder of sub-{participant} are not called sub-"
        f"{participant}_... and were not used (first: {names[0]})."
    ]


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
