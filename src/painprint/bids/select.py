"""Find what one participant has: regional time series or dense BOLD, and the ratings beside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from painprint.atlas.image import AtlasFiles, find_atlases
from painprint.bids.dense import CIFTI, DENOISED, NIFTI, DenseFiles, find_dense, find_mask, is_dense
from painprint.bids.filter import BidsFilter
from painprint.bids.sessions import read_sessions
from painprint.files.dataset import ACQUISITION, BidsFile, Dataset, normal_run, run_key
from painprint.files.errors import DerivativesError
from painprint.files.hcp import MOTION, hcp_files
from painprint.files.labels import read_label_image
from painprint.runs import LeftOutRun, RunKey, natural

SERIES_SUFFIXES = ("timeseries.tsv", "timeseries.ptseries.nii", "bold.ptseries.nii")
RATING_SUFFIXES = ("resp", "physio", "stim", "beh", "rating")
SPACES = ("fsLR", "MNI152NLin6Asym", "MNI152NLin2009cAsym")
"""Preferred first where a run was parcellated in several spaces."""


@dataclass(frozen=True)
class RunFiles:
    """The files of one run, found but not read.

    Attributes
    ----------
    key : RunKey
    series : BidsFile
        Regional time series, or dense BOLD.
    rating : tuple of BidsFile
        Recordings that may hold the rating; to be told apart when read.
    outliers, motion : BidsFile or None
        Beside regional time series.
    confounds, mask : BidsFile or None
        Beside dense BOLD; the mask of volumes only.
    sidecars, raw_sidecars : tuple of BidsFile
        JSON files of the derivative and of the raw dataset that may apply.
    """

    key: RunKey
    series: BidsFile
    rating: tuple[BidsFile, ...]
    outliers: BidsFile | None
    motion: BidsFile | None
    sidecars: tuple[BidsFile, ...]
    raw_sidecars: tuple[BidsFile, ...]
    confounds: BidsFile | None = None
    mask: BidsFile | None = None

    @property
    def own(self) -> tuple[BidsFile, ...]:
        """The run's files but for ratings and sidecars."""
        files = (self.series, self.outliers, self.motion, self.confounds, self.mask)
        return tuple(file for file in files if file is not None)


@dataclass(frozen=True)
class Inventory:
    """What was found for one participant.

    Attributes
    ----------
    runs : tuple of RunFiles
        In the order of time.
    left_out : tuple of LeftOutRun
        Runs that cannot be used, and why.
    rest : tuple of RunFiles
        Resting runs of the same sessions, which need no rating.
    dense : DenseFiles or None
        Grayordinates or voxels of the rated runs.
    notes : tuple of str
        Choices that were made.
    image : AtlasFiles or None
        Where the runs are dense BOLD: the atlas with which regional time series are made.
    """

    participant: str
    atlas: str
    tasks: tuple[str, ...]
    runs: tuple[RunFiles, ...]
    left_out: tuple[LeftOutRun, ...]
    rest: tuple[RunFiles, ...]
    dense: DenseFiles | None
    notes: tuple[str, ...]
    region_table: BidsFile | None
    sessions: pd.DataFrame
    simulated: bool
    image: AtlasFiles | None = None


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
    chosen = _choose_input(
        everything,
        derivatives,
        atlas,
        participant,
        beside=beside,
        filtered="bold" in bids_filter.queries,
    )
    atlas, image = chosen.atlas, chosen.image
    sessions_wanted = _choose_sessions(chosen.files, session_label, participant)
    in_sessions = _with_entity(chosen.files, "ses", sessions_wanted)
    tasks = _choose_tasks(in_sessions, ratings, task_id, participant)
    resting = {_label(t, "task") for t in rest_task} - set(tasks)
    found, at_rest = (_with_entity(in_sessions, "task", labels) for labels in (tasks, resting))
    ratings = _with_entity(ratings, "task", tasks)
    if session_label:
        ratings = _with_entity(ratings, "ses", sessions_wanted)
    raw_sidecars = tuple(f for f in (*raw.shared_files(), *raw_files) if f.extension == ".json")
    variant, note = _choose_variant(_by_key(found), dense=image is not None)
    runs, left_out = _assemble(found, ratings, own_files, raw_sidecars, variant)
    rest, rest_left_out = _assemble_rest(at_rest, own_files, raw_sidecars, variant)
    sessions, session_notes = read_sessions(raw_files)
    place = {name: i for i, name in enumerate(sessions["session"])}
    in_time = partial(sorted, key=lambda run: _run_order(run.key, place))
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
    usable = [f for f in bold if not _is_denoised(f)]
    if not usable:
        why = "only what XCP-D has cleaned" if bold else "none"
        raise DerivativesError(
            f"sub-{participant}: dense BOLD on surfaces (*_bold.dtseries.nii) is needed; there is "
            f"{why} in {', '.join(str(d.root) for d in derivatives)}. Pass the output folder of "
            "fMRIPrep (--cifti-output) or ciftify with --derivatives."
        )
    tasks = sorted({f.entities.get("task", "") for f in usable})
    wanted = [_label(task, "task") for task in task_id]
    if missing := [task for task in wanted if task not in tasks]:
        raise DerivativesError(
            f"sub-{participant}: there is no run of the task {', '.join(missing)}. There are: "
            f"{', '.join(tasks)}. Name the resting runs with --task-id."
        )
    of_task = _with_entity(usable, "task", wanted)
    chosen = _with_entity(of_task, "ses", _choose_sessions(of_task, session_label, participant))
    raw_files = raw.files_of(participant)
    raw_sidecars = tuple(f for f in (*raw.shared_files(), *raw_files) if f.extension == ".json")
    variant, note = _choose_variant(_by_key(chosen), dense=True)
    runs, left_out = _assemble_rest(chosen, own_files, raw_sidecars, variant)
    sessions, session_notes = read_sessions(raw_files)
    place = {name: i for i, name in enumerate(sessions["session"])}
    return DenseRuns(
        participant,
        tuple(sorted(runs, key=lambda run: _run_order(run.key, place))),
        (*([note] if note else []), *session_notes, *left_out),
        sessions,
        any(d.simulated for d in (raw, *derivatives)),
    )


def _with_entity(files: Iterable[BidsFile], entity: str, labels: Collection[str]) -> list[BidsFile]:
    """The files whose label of an entity is one of these; empty stands for none."""
    return [file for file in files if file.entities.get(entity, "") in labels]


@dataclass(frozen=True)
class _Input:
    """What the regions come from: regional time series, or dense BOLD and the image of an atlas."""

    files: list[BidsFile]
    atlas: str
    image: AtlasFiles | None
    notes: tuple[str, ...]


def _choose_input(
    everything: Sequence[BidsFile],
    derivatives: Sequence[Dataset],
    atlas: str | None,
    participant: str,
    *,
    beside: Sequence[Dataset],
    filtered: bool,
) -> _Input:
    """Regional time series of the atlas if there are any, else dense BOLD.

    Raises
    ------
    DerivativesError
        If there is neither, or a choice is needed.
    """
    series = [f for f in everything if is_series(f)]
    bold = [f for f in everything if f.suffix == "bold" and f.extension in (CIFTI, *NIFTI)]
    dense = [f for f in everything if is_dense(f) and not _is_denoised(f)]
    images = find_atlases(atlas, derivatives, participant, beside=beside) if atlas else []
    by_path = bool(images) and Path(str(atlas)).exists()
    regional = [f for f in series if not by_path and (atlas is None or atlas_of(f) == atlas)]
    if regional or not dense:
        if not series:
            raise DerivativesError(_nothing_found(participant, derivatives, bold, filtered))
        if by_path:
            raise DerivativesError(
                f"sub-{participant}: --atlas is an image, which needs dense BOLD (*_bold.dtseries."
                "nii, or *_bold.nii.gz in MNI space), but there are only regional time series. "
                "Name their atlas instead."
            )
        label = _choose_atlas(series, atlas, participant)
        return _Input([f for f in series if atlas_of(f) == label], label, None, ())
    if atlas is None:
        raise DerivativesError(
            f"sub-{participant}: there is dense BOLD ({dense[0].path.name}, ...), but no atlas to "
            "make regions with. Pass one with --atlas: a dlabel.nii for CIFTI, a labelled NIfTI "
            "for volumes, or a BIDS-Atlas folder."
        )
    if not images:
        there = sorted({atlas_of(f) for f in series}) or ["none"]
        raise DerivativesError(
            f"sub-{participant}: no image of atlas {atlas} was found for the dense BOLD; pass its "
            f"path with --atlas. Atlases of regional time series: {', '.join(there)}."
        )
    if (found := _choose_image(images, dense)) is not None:
        image, fitting = found
        notes = [f"regions were made of dense BOLD with the atlas {image.image.name}."]
        if series:
            notes.append("there are regional time series too, which were not used.")
        if image.participant not in ("", participant):
            notes.append(f"the atlas is sub-{image.participant}'s own, not this person's.")
        return _Input(fitting, image.label, image, tuple(notes))
    names = ", ".join(image.image.name for image in images)
    kinds = "; ".join(sorted({_variant_name(_variant(f)) for f in dense}))
    raise DerivativesError(
        f"sub-{participant}: no dense BOLD fits the atlas ({names}). There is: {kinds}."
    )


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


def _choose_image(
    images: Sequence[AtlasFiles], dense: Sequence[BidsFile]
) -> tuple[AtlasFiles, list[BidsFile]] | None:
    """The image that fits BOLD by density or grid, and that BOLD; of grayordinates first.

    Where no header fits, what fits by kind and space is taken: reading it will say why not.

    Raises
    ------
    DerivativesError
        If several images of a kind fit.
    """
    by_name = {i: [f for f in dense if _fits_atlas(f, image)] for i, image in enumerate(images)}
    for of_grayordinates in (True, False):
        fitting = []
        for i, image in enumerate(images):
            if image.of_grayordinates == of_grayordinates and by_name[i]:
                labels = read_label_image(image.image)
                firsts = {_variant(f): f for f in reversed(by_name[i])}
                kinds = {v for v, first in firsts.items() if labels.fits(first.path)}
                if kinds:
                    fitting.append((image, [f for f in by_name[i] if _variant(f) in kinds]))
        if len(fitting) > 1:
            names = ", ".join(image.image.name for image, _ in fitting)
            raise DerivativesError(
                f"several images of the atlas fit the BOLD: {names}. Pass the path of one with "
                "--atlas."
            )
        if fitting:
            return fitting[0]
    return next(((images[i], files) for i, files in by_name.items() if files), None)


def _is_denoised(file: BidsFile) -> bool:
    """Whether a file is XCP-D's residuals."""
    return file.entities.get("desc", "").startswith(DENOISED)


def _was_cleaned(desc: str) -> bool:
    """Whether a desc says that something was taken out before."""
    return any(word in desc.lower() for word in ("denois", "clean", "aroma"))


def _fits_atlas(file: BidsFile, image: AtlasFiles) -> bool:
    """CIFTI for a dlabel.nii, volumes for a NIfTI; of the space that its name says, if any."""
    if image.of_grayordinates:
        return file.extension == CIFTI
    return file.extension != CIFTI and image.space in ("", file.entities.get("space", ""))


def _nothing_found(
    participant: str, derivatives: Sequence[Dataset], bold: Sequence[BidsFile], filtered: bool
) -> str:
    if bold:
        kinds = "; ".join(sorted({_variant_name(_variant(f)) for f in bold}))
        return (
            f"sub-{participant}: the BOLD there is cannot be used ({kinds}): needed is CIFTI or "
            "MNI space, not cleaned by XCP-D (whose regional time series can be used)."
        )
    where = ", ".join(str(d.root) for d in derivatives) or "no --derivatives folder was given"
    return (
        f"sub-{participant}: no regional time series (*_timeseries.tsv or *.ptseries.nii) and no "
        "dense BOLD (*_bold.dtseries.nii, *_bold.nii.gz in MNI space, MNINonLinear/Results) in "
        f"{where}. Pass the output folder of XCP-D, fMRIPrep or ciftify with --derivatives"
        + (", and check the filter file." if filtered else ".")
    )


def _note_strangers(names: Sequence[str], participant: str) -> list[str]:
    if not names:
        return []
    return [
        f"{len(names)} time series in the folder of sub-{participant} are not called sub-"
        f"{participant}_... and were not used (first: {names[0]})."
    ]


def _by_key(found: Sequence[BidsFile]) -> dict[RunKey, list[BidsFile]]:
    """Time series of each run."""
    by_key: dict[RunKey, list[BidsFile]] = {}
    for file in found:
        by_key.setdefault(run_key(file.entities), []).append(file)
    return by_key


def _assemble(
    found: Sequence[BidsFile],
    ratings: Sequence[BidsFile],
    own_files: Mapping[str, Sequence[BidsFile]],
    raw_sidecars: tuple[BidsFile, ...],
    variant: tuple[str, ...],
) -> tuple[list[RunFiles], set[LeftOutRun]]:
    """The files of each rated run, and runs that lack some."""
    by_key = _by_key(found)
    runs = []
    left_out = {
        LeftOutRun(run_key(f.entities), "a rating, but no regional time series was found.")
        for f in ratings
        if not any(_same_run(f.entities, series.entities) for series in found)
    }
    for key, candidates in by_key.items():
        beside = tuple(f for f in ratings if _same_run(f.entities, candidates[0].entities))
        try:
            series = _choose_series(candidates, variant)
            _check_ratings(beside, key, by_key)
            runs.append(_run_files(key, series, beside, own_files, raw_sidecars))
        except DerivativesError as error:
            left_out.add(LeftOutRun(key, str(error)))
    return runs, left_out


def _assemble_rest(
    found: Sequence[BidsFile],
    own_files: Mapping[str, Sequence[BidsFile]],
    raw_sidecars: tuple[BidsFile, ...],
    variant: tuple[str, ...],
) -> tuple[list[RunFiles], list[str]]:
    """The files of each resting run, and a sentence for each that cannot be used."""
    runs, left_out = [], []
    for key, candidates in _by_key(found).items():
        try:
            series = _choose_series(candidates, variant)
            runs.append(_run_files(key, series, (), own_files, raw_sidecars))
        except DerivativesError as error:
            left_out.append(f"resting run {key} was not used: {error}")
    return runs, left_out


def _run_files(
    key: RunKey,
    series: BidsFile,
    rating: tuple[BidsFile, ...],
    own_files: Mapping[str, Sequence[BidsFile]],
    raw_sidecars: tuple[BidsFile, ...],
) -> RunFiles:
    own = own_files[series.dataset]
    dense = is_dense(series)
    return RunFiles(
        key=key,
        series=series,
        rating=rating,
        outliers=None if dense else _companion(series, own, "outliers"),
        motion=None if dense else _companion(series, own, "motion"),
        sidecars=tuple(f for f in own if f.extension == ".json"),
        raw_sidecars=raw_sidecars,
        confounds=_confounds(series, own) if dense else None,
        mask=find_mask(series, own) if dense else None,
    )


def _confounds(series: BidsFile, files: Sequence[BidsFile]) -> BidsFile | None:
    """fMRIPrep's confounds of a run, or HCP's motion parameters."""
    described = [f for f in files if f.entities.get("desc") == "confounds"]
    found = _companion(series, described, "timeseries") or _companion(
        series, described, "regressors"
    )
    return found or _companion(series, files, MOTION, ".txt")


def files_of(inventory: Inventory) -> list[BidsFile]:
    """Every file that runs and their regions are read from, each once."""
    found = (*inventory.runs, *inventory.rest)
    files = [file for run in found for file in (*run.own, *run.rating)]
    sidecars = [file for run in found for file in (*run.sidecars, *run.raw_sidecars)]
    table = [inventory.region_table] if inventory.region_table else []
    atlas = inventory.image.bids_files if inventory.image else ()
    return list(dict.fromkeys((*files, *sidecars, *table, *atlas)))


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
    return _run_files(run_key(series.entities), series, (), {series.dataset: beside}, ())


def is_series(file: BidsFile) -> bool:
    """Whether a file holds regional time series."""
    name = file.suffix + file.extension
    if file.entities.get("stat", "mean") != "mean":
        return False
    return name in SERIES_SUFFIXES and (bool(atlas_of(file)) or name.endswith("ptseries.nii"))


def is_rating_file(file: BidsFile) -> bool:
    """Whether a raw file may hold a continuous rating."""
    return file.suffix in RATING_SUFFIXES and file.extension in (".tsv", ".tsv.gz")


def atlas_of(file: BidsFile) -> str:
    """Atlas label; older XCP-D called the entity seg."""
    return file.entities.get("atlas") or file.entities.get("seg", "")


def _label(text: str, entity: str) -> str:
    return text.removeprefix(f"{entity}-")


def _choose_atlas(found: Sequence[BidsFile], asked: str | None, participant: str) -> str:
    there = sorted({atlas_of(f) for f in found})
    named = ", ".join(name or "(unnamed)" for name in there)
    if asked is not None:
        if asked not in there:
            raise DerivativesError(
                f"sub-{participant}: there is no atlas {asked}. There are: {named} (--atlas)."
            )
        return asked
    if len(there) > 1:
        raise DerivativesError(
            f"sub-{participant}: several atlases have time series; choose one with --atlas: "
            f"{named}."
        )
    return there[0]


def _choose_sessions(found: Sequence[BidsFile], asked: Sequence[str], participant: str) -> set[str]:
    there = {f.entities.get("ses", "") for f in found}
    wanted = {_label(session, "ses") for session in asked}
    if unknown := sorted(wanted - there):
        raise DerivativesError(
            f"sub-{participant}: there is no session {', '.join(unknown)}. There are: "
            f"{', '.join(sorted((name or 'n/a' for name in there), key=natural))}."
        )
    return wanted or there


def _choose_tasks(
    found: Sequence[BidsFile], ratings: Sequence[BidsFile], asked: Sequence[str], participant: str
) -> list[str]:
    there = sorted({f.entities.get("task", "") for f in found})
    if asked:
        wanted = [_label(t, "task") for t in asked]
        if unknown := [t for t in wanted if t not in there]:
            raise DerivativesError(
                f"sub-{participant}: there is no task {', '.join(unknown)}. There are: "
                f"{', '.join(there)} (--task-id)."
            )
        return sorted(dict.fromkeys(wanted))
    rated = sorted({f.entities.get("task", "") for f in ratings} & set(there))
    if not rated:
        raise DerivativesError(
            f"sub-{participant}: no rating recording was found for the task"
            f"{'s' * (len(there) != 1)} {', '.join(there)}. Ratings lie in the raw dataset as "
            "*_physio.tsv.gz, *_stim.tsv.gz, *_beh.tsv, *_rating.tsv or *_resp.tsv."
        )
    if len(rated) > 1:
        raise DerivativesError(
            f"sub-{participant}: several tasks have ratings; choose with --task-id (several are "
            f"pooled): {', '.join(rated)}."
        )
    return rated


def _variant(file: BidsFile) -> tuple[str, ...]:
    """What kind of time series a file holds; one kind serves all runs."""
    return tuple(file.entities.get(name, "") for name in ("space", "res", "den", "desc"))


def _choose_variant(
    by_key: Mapping[RunKey, Sequence[BidsFile]], *, dense: bool
) -> tuple[tuple[str, ...], str]:
    """The kind that most runs have, preferred spaces first; and what to note about it.

    Of dense BOLD, that which was cleaned before comes last.
    """
    runs_with = Counter(v for files in by_key.values() for v in {_variant(f) for f in files})

    def rank(variant: tuple[str, ...]) -> tuple[Any, ...]:
        place = SPACES.index(variant[0]) if variant[0] in SPACES else len(SPACES)
        other = dense and variant[3] not in ("", "preproc")
        cleaned = dense and _was_cleaned(variant[3])
        return (cleaned, -runs_with[variant], other, place, variant)

    ordered = sorted(runs_with, key=rank)
    names = [_variant_name(variant) for variant in ordered]
    what = "dense BOLD exists" if dense else "time series exist"
    note = f"{what} as {'; '.join(names)}: {names[0]} was used." if names[1:] else ""
    return ordered[0], note


def _variant_name(variant: tuple[str, ...]) -> str:
    parts = zip(("space", "res", "den", "desc"), variant, strict=True)
    return " ".join(f"{name}-{value}" for name, value in parts if value) or "no space"


def _choose_series(candidates: Sequence[BidsFile], variant: tuple[str, ...]) -> BidsFile:
    """The file of a run: of this kind, from the first dataset, TSV before CIFTI.

    Raises
    ------
    DerivativesError
        If there is none, or two files have the same claim.
    """

    def rank(file: BidsFile) -> tuple[str, bool]:
        return file.dataset, file.extension != ".tsv"

    ordered = sorted((f for f in candidates if _variant(f) == variant), key=rank)
    if not ordered:
        there = ", ".join(_variant_name(_variant(f)) for f in candidates)
        raise DerivativesError(
            f"no time series as {_variant_name(variant)}, which the other runs have (only {there})."
        )
    first = ordered[0]
    if len(ordered) > 1 and rank(ordered[1]) == rank(first):
        twice = ", ".join(f.path.name for f in ordered if rank(f) == rank(first))
        raise DerivativesError(f"several files claim to be this run: {twice}. Remove all but one.")
    return first


def _check_ratings(
    beside: Sequence[BidsFile], key: RunKey, by_key: Mapping[RunKey, Sequence[BidsFile]]
) -> None:
    """A run needs a rating, and no other run may have the same.

    Raises
    ------
    DerivativesError
        If it has none, or shares it.
    """
    if not beside:
        raise DerivativesError("no rating recording was found in the raw dataset.")
    for rating in beside:
        others = [
            str(other)
            for other, files in by_key.items()
            if other != key and _same_run(rating.entities, files[0].entities)
        ]
        if others:
            raise DerivativesError(
                f"its rating {rating.path.name} fits other time series too ({', '.join(others)}): "
                "they may be the same scan. Keep one, or give each a rating of its own."
            )


def _same_run(rating: Mapping[str, str], series: Mapping[str, str]) -> bool:
    """Whether a rating belongs to a time series: same session, task and run, and no
    contradiction elsewhere."""
    return (
        rating.get("ses") == series.get("ses")
        and rating.get("task") == series.get("task")
        and normal_run(rating.get("run", "")) == normal_run(series.get("run", ""))
        and all(rating[e] == series.get(e) for e in ACQUISITION if e in rating)
    )


def _companion(
    series: BidsFile, files: Sequence[BidsFile], suffix: str, extension: str = ".tsv"
) -> BidsFile | None:
    """The file of a run with this suffix; a plain one rather than one with a desc."""
    key = run_key(series.entities)
    found = sorted(
        (
            f
            for f in files
            if f.suffix == suffix and f.extension == extension and run_key(f.entities) == key
        ),
        key=lambda f: len(f.entities),
    )
    if len(found) > 1 and len(found[0].entities) == len(found[1].entities):
        raise DerivativesError(
            f"several {suffix} files claim to be this run's: {found[0].path.name}, "
            f"{found[1].path.name}. Remove all but one."
        )
    return found[0] if found else None


def _region_table(files: Sequence[BidsFile], atlas: str) -> BidsFile | None:
    tables = [f for f in files if f.suffix == "dseg" and f.extension == ".tsv"]
    return next((f for f in tables if atlas_of(f) == atlas), None)


def _run_order(key: RunKey, sessions: Mapping[str, int]) -> tuple[Any, ...]:
    return (
        sessions.get(key.session, len(sessions)),
        natural(key.session),
        natural(key.run),
        natural(key.task),
    )
