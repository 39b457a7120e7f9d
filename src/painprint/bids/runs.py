"""Files of each run of a participant: BOLD, rating and companions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from painprint.atlas.image import AtlasFiles, MadeFrom
from painprint.bids.constant_rating_file import is_table, is_table_of
from painprint.bids.dense import DenseFiles, find_mask
from painprint.bids.events_file import is_events_file, mention_columns
from painprint.bids.select import DENOISED, NIFTI, Selection, hash_of, is_dense
from painprint.errors import DerivativesError
from painprint.files.dataset import (
    ACQUISITION,
    BidsFile,
    applies,
    is_raw_run_of,
    normal_run,
    raw_bold_of,
    run_key,
)
from painprint.files.hcp import MOTION
from painprint.runs import ExcludedRun, RunKey, natural

RATING_SUFFIXES = ("resp", "physio", "stim", "beh", "rating")


@dataclass(frozen=True)
class RunFiles:
    """The files of one run, which are not read yet.

    Attributes
    ----------
    series : BidsFile
        Regional time series, or dense BOLD.
    rating : tuple of BidsFile
        Recordings that may contain the rating, events and tables that do; which of them is used is
        decided when they are read.
    outliers, motion : BidsFile or None
        Companions of regional time series.
    confounds, confounds_sidecar, mask : BidsFile or None
        Companions of dense BOLD; only volumes have a mask.
    sidecars, raw_sidecars : tuple of BidsFile
        JSON files of derivatives and of the raw dataset that apply to a file of the run.
    preprocessed : tuple of BidsFile
        BOLD of the run, or its sidecar, from which regional time series were made: XCP-D's
        residuals, then fMRIPrep's BOLD. They have the times of frames, which XCP-D's time series
        lack.
    raw_bold : tuple of BidsFile
        Raw images of the run, of which the header is read.
    all_frames : BidsFile or None
        fMRIPrep's confounds in another dataset than regional time series: a row for every frame of
        the scan.
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
    preprocessed: tuple[BidsFile, ...] = ()
    raw_bold: tuple[BidsFile, ...] = ()
    all_frames: BidsFile | None = None
    confounds_sidecar: BidsFile | None = None

    @property
    def companions(self) -> dict[str, BidsFile]:
        """The tables and the mask that belong to the BOLD, by what they are."""
        files = {
            "outliers": self.outliers,
            "motion": self.motion,
            "confounds": self.confounds,
            "brain mask": self.mask,
        }
        return {what: file for what, file in files.items() if file is not None}

    @property
    def data_files(self) -> tuple[BidsFile, ...]:
        """The files of the run other than ratings and sidecars."""
        described = (self.confounds_sidecar,) if self.confounds_sidecar else ()
        return (self.series, *self.companions.values(), *described)

    @property
    def all_sidecars(self) -> tuple[BidsFile, ...]:
        """JSON files of derivatives and of the raw dataset that apply to a file of the run."""
        return (*self.sidecars, *self.raw_sidecars)


@dataclass(frozen=True)
class ParticipantFiles:
    """Every file that may concern a participant, before any choice.

    Attributes
    ----------
    raw : list of BidsFile
        Files of the participant in the raw dataset.
    raw_sidecars : tuple of BidsFile
        JSON files of the raw dataset that may apply.
    by_dataset : dict
        Files of each derivative dataset, by its name; the first is preferred.
    """

    participant: str
    by_dataset: Mapping[str, Sequence[BidsFile]]
    raw: Sequence[BidsFile] = ()
    raw_sidecars: tuple[BidsFile, ...] = ()
    simulated: bool = False

    @property
    def derived(self) -> list[BidsFile]:
        """Files of the derivatives, those of the first dataset first."""
        return [file for files in self.by_dataset.values() for file in files]

    @property
    def events(self) -> list[BidsFile]:
        """Events of the raw runs."""
        return [file for file in self.raw if is_events_file(file)]


@dataclass(frozen=True)
class Inventory:
    """The runs and other inputs of one participant.

    Attributes
    ----------
    runs : tuple of RunFiles
        Rated runs, in chronological order.
    excluded : tuple of ExcludedRun
        Runs that cannot be used, with the reason.
    rest : tuple of RunFiles
        Resting runs of the same sessions, which need no rating.
    dense : DenseFiles or None
        Grayordinates or voxels of the rated runs.
    notes : tuple of str
        Choices that were made.
    image : AtlasFiles or None
        The atlas with which regional time series are made, where the runs are dense BOLD.
    made_from : MadeFrom or None
        Participant and sessions from which an individual atlas was made, where its sidecar says so.
    """

    participant: str
    atlas: str
    tasks: tuple[str, ...]
    runs: tuple[RunFiles, ...]
    excluded: tuple[ExcludedRun, ...]
    rest: tuple[RunFiles, ...]
    dense: DenseFiles | None
    notes: tuple[str, ...]
    region_table: BidsFile | None
    sessions: pd.DataFrame
    simulated: bool
    image: AtlasFiles | None = None
    made_from: MadeFrom | None = None

    @property
    def n_runs(self) -> int:
        """Number of rated runs and of those that cannot be used."""
        return len(self.runs) + len(self.excluded)


def assemble(
    chosen: Selection,
    ratings: Sequence[BidsFile],
    files: ParticipantFiles,
) -> tuple[list[RunFiles], set[ExcludedRun]]:
    """Collect the files of each rated run; runs that lack some are excluded, and columns of their
    events that may be ratings are mentioned."""
    entities_of_run = {key: files[0].entities for key, files in chosen.candidates.items()}
    runs = []
    excluded = {
        ExcludedRun(run_key(f.entities), _without_series(f, entities_of_run.values()))
        for f in ratings
        if not is_table(f)
        and not any(same_run(f.entities, entities) for entities in entities_of_run.values())
    }
    for key, entities in entities_of_run.items():
        of_run = tuple(f for f in ratings if not is_table(f) and same_run(f.entities, entities))
        tables = tuple(f for f in ratings if is_table(f) and is_table_of(f, entities))
        try:
            series = chosen.file_of(key)
            if not of_run and not tables:
                events = (f for f in files.events if same_run(f.entities, entities))
                raise DerivativesError(
                    "no rating was found in the raw dataset." + mention_columns(events)
                )
            _check_ratings(of_run, key, entities_of_run)
            runs.append(run_files(key, series, (*of_run, *tables), files))
        except DerivativesError as error:
            excluded.add(ExcludedRun(key, str(error)))
    return runs, excluded


def _without_series(rating: BidsFile, series: Iterable[Mapping[str, str]]) -> str:
    """Why a rating is not used that belongs to no time series."""
    reason = "a rating, but no regional time series was found."
    joined = {k: v for k, v in rating.entities.items() if k not in ("run", "dir")}
    if "run" in rating.entities and any(same_run(joined, entities) for entities in series):
        reason += (
            " There is one without a run label: if it is a concatenation of runs, pass the time "
            "series of each run."
        )
    return reason


def assemble_rest(chosen: Selection, files: ParticipantFiles) -> tuple[list[RunFiles], list[str]]:
    """Collect the files of each resting run; one sentence for each run that cannot be used."""
    runs, notes = [], []
    for key in chosen.candidates:
        try:
            runs.append(run_files(key, chosen.file_of(key), (), files))
        except DerivativesError as error:
            notes.append(f"resting run {key} was not used: {error}")
    return runs, notes


def run_files(
    key: RunKey,
    series: BidsFile,
    rating: tuple[BidsFile, ...],
    files: ParticipantFiles,
) -> RunFiles:
    """The files of a run, given its BOLD and its ratings.

    Companions are taken from the dataset of the BOLD, else from the first dataset that has them.
    """
    by_dataset = files.by_dataset
    others = [found for name, found in by_dataset.items() if name != series.dataset]
    datasets = [by_dataset[series.dataset], *others]

    dense = is_dense(series)
    preprocessed = () if dense else _preprocessed(series, files)
    confounds = _first(datasets, lambda found: _confounds(series, found)) if dense else None
    beside = by_dataset[confounds.dataset] if confounds else ()
    described = confounds.path.with_suffix(".json") if confounds else None
    outliers = motion = None
    if not dense:
        outliers = _first(datasets, lambda found: _companion(series, found, "outliers"))
        motion = _first(datasets, lambda found: _companion(series, found, "motion"))
    tables = [file for file in (outliers, motion) if file is not None]
    return RunFiles(
        key=key,
        series=series,
        rating=rating,
        outliers=outliers,
        motion=motion,
        sidecars=_sidecars(series, preprocessed, tables, by_dataset),
        raw_sidecars=_raw_sidecars(series, rating, files.raw_sidecars),
        confounds=confounds,
        mask=_first(datasets, lambda found: find_mask(series, found)) if dense else None,
        preprocessed=preprocessed,
        raw_bold=_raw_bold_of(series, files.raw),
        all_frames=None if dense else _first(others, lambda found: _confounds(series, found)),
        confounds_sidecar=next(
            (f for f in beside if f.path == described and f.path.exists()), None
        ),
    )


def _sidecars(
    series: BidsFile,
    preprocessed: Sequence[BidsFile],
    tables: Sequence[BidsFile],
    by_dataset: Mapping[str, Sequence[BidsFile]],
) -> tuple[BidsFile, ...]:
    """Sidecars of the BOLD of a run and of its tables, and of denoised BOLD beside it."""
    key, bold = run_key(series.entities), (series, *preprocessed)
    of_bold = dict.fromkeys(file.dataset for file in bold)
    found = [
        sidecar
        for name in dict.fromkeys([*of_bold, *(table.dataset for table in tables)])
        for sidecar in by_dataset[name]
        if sidecar.extension == ".json"
        if any(applies(sidecar, table) for table in tables if table.dataset == name)
        or (
            name in of_bold
            and (
                any(applies(sidecar, file) for file in bold)
                or (is_denoised_bold(sidecar) and run_key(sidecar.entities) == key)
            )
        )
    ]
    return tuple(found)


def is_denoised_bold(file: BidsFile) -> bool:
    """Whether a file, or what its sidecar describes, is BOLD that XCP-D has denoised."""
    return file.suffix == "bold" and file.entities.get("desc") == DENOISED


def _raw_sidecars(
    series: BidsFile, rating: Sequence[BidsFile], raw: Sequence[BidsFile]
) -> tuple[BidsFile, ...]:
    """Sidecars of the raw BOLD of a run and of its ratings."""
    of_run = [f for f in raw if f.extension == ".json"]
    files = [*raw_bold_of(series, of_run), *(file for file in rating if not is_table(file))]
    return tuple(f for f in of_run if any(applies(f, file) for file in files))


def _first(
    datasets: Iterable[Sequence[BidsFile]],
    find: Callable[[Sequence[BidsFile]], BidsFile | None],
) -> BidsFile | None:
    """What is found in the first dataset that has it."""
    return next((file for files in datasets if (file := find(files)) is not None), None)


def _preprocessed(series: BidsFile, files: ParticipantFiles) -> tuple[BidsFile, ...]:
    """BOLD, or its sidecar, from which a time series was made: of its dataset, then of each other;
    residuals are preferred."""
    key = run_key(series.entities)
    of_run = [f for f in files.derived if f.suffix == "bold" and run_key(f.entities) == key]
    bold = [f for f in of_run if f.extension == ".json" or is_dense(f)]
    ranked = sorted(
        (f for f in bold if "stat" not in f.entities),
        key=lambda f: (f.dataset != series.dataset, f.entities.get("desc") != DENOISED),
    )
    of_dataset: dict[str, BidsFile] = {}
    for file in ranked:
        of_dataset.setdefault(file.dataset, file)
    return tuple(of_dataset.values())


def _raw_bold_of(series: BidsFile, raw: Sequence[BidsFile]) -> tuple[BidsFile, ...]:
    """Raw images of the run of a time series: those of its echo and phase-encoding direction if
    it has such labels, else of all."""
    images = [
        f
        for f in raw
        if f.suffix == "bold"
        and f.extension in NIFTI
        and not {"space", "desc"} & f.entities.keys()
        and is_raw_run_of(f.entities, series.entities)
    ]
    exact = [f for f in images if run_key(f.entities) == run_key(series.entities)]
    return tuple(exact or images)


def _confounds(series: BidsFile, files: Sequence[BidsFile]) -> BidsFile | None:
    """fMRIPrep's confounds of a run, or HCP's motion parameters."""
    described = [f for f in files if f.entities.get("desc") == "confounds"]
    return (
        _companion(series, described, "timeseries")
        or _companion(series, described, "regressors")
        or _companion(series, files, MOTION, ".txt")
    )


def files_of(inventory: Inventory) -> list[BidsFile]:
    """Every file from which runs and their regions are read, each once."""
    runs = (*inventory.runs, *inventory.rest)
    files = [file for run in runs for file in (*run.data_files, *run.rating)]
    sidecars = [file for run in runs for file in run.all_sidecars]
    table = [inventory.region_table] if inventory.region_table else []
    atlas = inventory.image.bids_files if inventory.image else ()
    return list(dict.fromkeys((*files, *sidecars, *table, *atlas)))


def is_rating_file(file: BidsFile) -> bool:
    """Whether a raw file may contain a continuous rating."""
    return file.suffix in RATING_SUFFIXES and file.extension in (".tsv", ".tsv.gz")


def _check_ratings(
    ratings: Sequence[BidsFile], key: RunKey, entities_of_run: Mapping[RunKey, Mapping[str, str]]
) -> None:
    """Check that the ratings of a run belong to no other run."""
    for rating in ratings:
        others = [
            str(other)
            for other, entities in entities_of_run.items()
            if other != key and same_run(rating.entities, entities)
        ]
        if others:
            raise DerivativesError(
                f"its rating {rating.path.name} fits other time series too ({', '.join(others)}): "
                "they may be the same scan. Keep one, or give each a rating of its own."
            )


def same_run(rating: Mapping[str, str], series: Mapping[str, str]) -> bool:
    """Whether a rating belongs to a time series: session, task and run are the same, and its other
    entities do not contradict."""
    return (
        rating.get("ses") == series.get("ses")
        and rating.get("task") == series.get("task")
        and normal_run(rating.get("run", "")) == normal_run(series.get("run", ""))
        and all(rating[e] == series.get(e) for e in ACQUISITION if e in rating)
    )


def _companion(
    series: BidsFile, files: Sequence[BidsFile], suffix: str, extension: str = ".tsv"
) -> BidsFile | None:
    """The file of a run with this suffix; of several, that with the same hash, then that with the
    fewest entities.

    The echoes of a run share their companions.
    """
    of_suffix = [f for f in files if f.suffix == suffix and f.extension == extension]
    combined = {name: label for name, label in series.entities.items() if name != "echo"}
    keys = (run_key(series.entities), run_key(combined))
    matches = next(
        (m for key in keys if (m := [f for f in of_suffix if run_key(f.entities) == key])), []
    )
    ranked = sorted(matches, key=lambda f: _rank_of_companion(f, series))
    if len(ranked) > 1 and len({_rank_of_companion(f, series) for f in ranked[:2]}) == 1:
        raise DerivativesError(
            f"several {suffix} files match this run: {ranked[0].path.name}, "
            f"{ranked[1].path.name}. Remove all but one."
        )
    return ranked[0] if ranked else None


def _rank_of_companion(file: BidsFile, series: BidsFile) -> tuple[bool, int]:
    return hash_of(file) != hash_of(series), len(file.entities)


def run_order(key: RunKey, sessions: Mapping[str, int]) -> tuple[Any, ...]:
    """Sort key of a run, given the position of each session in time."""
    return (
        sessions.get(key.session, len(sessions)),
        natural(key.session),
        natural(key.run),
        natural(key.task),
    )
