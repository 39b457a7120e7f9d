"""Runs of a participant: their BOLD, rating and what lies beside, by file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from painprint.atlas.image import AtlasFiles
from painprint.bids.dense import DenseFiles, find_mask
from painprint.bids.kinds import Selection, is_dense
from painprint.files.dataset import ACQUISITION, BidsFile, normal_run, run_key
from painprint.files.errors import DerivativesError
from painprint.files.hcp import MOTION
from painprint.runs import LeftOutRun, RunKey, natural

RATING_SUFFIXES = ("resp", "physio", "stim", "beh", "rating")


@dataclass(frozen=True)
class RunFiles:
    """The files of one run, found but not read.

    Attributes
    ----------
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


def assemble(
    chosen: Selection,
    ratings: Sequence[BidsFile],
    own_files: Mapping[str, Sequence[BidsFile]],
    raw_sidecars: tuple[BidsFile, ...],
) -> tuple[list[RunFiles], set[LeftOutRun]]:
    """The files of each rated run, and runs that lack some."""
    of_run = {key: files[0].entities for key, files in chosen.candidates.items()}
    runs = []
    left_out = {
        LeftOutRun(run_key(f.entities), "a rating, but no regional time series was found.")
        for f in ratings
        if not any(_same_run(f.entities, entities) for entities in of_run.values())
    }
    for key, entities in of_run.items():
        beside = tuple(f for f in ratings if _same_run(f.entities, entities))
        try:
            series = chosen.file_of(key)
            _check_ratings(beside, key, of_run)
            runs.append(run_files(key, series, beside, own_files, raw_sidecars))
        except DerivativesError as error:
            left_out.add(LeftOutRun(key, str(error)))
    return runs, left_out


def assemble_rest(
    chosen: Selection,
    own_files: Mapping[str, Sequence[BidsFile]],
    raw_sidecars: tuple[BidsFile, ...],
) -> tuple[list[RunFiles], list[str]]:
    """The files of each resting run, and a sentence for each that cannot be used."""
    runs, left_out = [], []
    for key in chosen.candidates:
        try:
            runs.append(run_files(key, chosen.file_of(key), (), own_files, raw_sidecars))
        except DerivativesError as error:
            left_out.append(f"resting run {key} was not used: {error}")
    return runs, left_out


def run_files(
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


def is_rating_file(file: BidsFile) -> bool:
    """Whether a raw file may hold a continuous rating."""
    return file.suffix in RATING_SUFFIXES and file.extension in (".tsv", ".tsv.gz")


def _check_ratings(
    beside: Sequence[BidsFile], key: RunKey, of_run: Mapping[RunKey, Mapping[str, str]]
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
            for other, entities in of_run.items()
            if other != key and _same_run(rating.entities, entities)
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


def run_order(key: RunKey, sessions: Mapping[str, int]) -> tuple[Any, ...]:
    return (
        sessions.get(key.session, len(sessions)),
        natural(key.session),
        natural(key.run),
        natural(key.task),
    )
