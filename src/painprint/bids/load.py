"""Read one run: regional signals, censoring and rating on a common frame grid."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from painprint.bids.rating_file import load_rating
from painprint.bids.ratings import RatingQuality, frame_ratings, rating_quality
from painprint.bids.runs import RunFiles
from painprint.errors import DerivativesError
from painprint.files.cifti import read_ptseries
from painprint.files.dataset import BidsFile, inherited_metadata, number_in, raw_bold
from painprint.files.tables import read_numbers
from painprint.quality import BoldQuality
from painprint.runs import DVARS, FD, MOTION_NAMES, Run, RunKey, motion_confounds, restore_censored
from painprint.settings import Settings

DVARS_COLUMNS = ("std_dvars", "dvars")
LONGEST_TR_S = 30.0
QUALITY_KEY = "Quality"
"""Key of the BOLD quality in the sidecar of a time series made by painprint."""


@dataclass(frozen=True)
class RunRecord:
    """Quality, sources and notes of a run that was read.

    Attributes
    ----------
    quality : RatingQuality
        Quality of the rating.
    rating_file : str
        File name of the recording.
    sources : tuple of BidsFile
        Files that were read, including sidecars.
    notes : tuple of str
        Assumptions that were made.
    """

    key: RunKey
    quality: RatingQuality
    rating_file: str
    sources: tuple[BidsFile, ...]
    notes: tuple[str, ...]
    bold: BoldQuality


@dataclass(frozen=True, eq=False)
class Bold:
    """Regional signals of a run as read, with a row for every frame.

    Attributes
    ----------
    signals : ndarray of shape (n_frames, n_regions)
        NaN in censored frames that the file lacks.
    censored : ndarray of bool, shape (n_frames,)
    tr_s, start_s : float
        Repetition time, and start of the first frame after the start of the scan (s).
    confounds : dict of ndarrays of shape (n_frames,)
        Motion, if known.
    """

    regions: tuple[str, ...]
    signals: NDArray[np.float64]
    censored: NDArray[np.bool_]
    tr_s: float
    start_s: float
    confounds: Mapping[str, NDArray[np.float64]]
    sources: tuple[BidsFile, ...]
    notes: tuple[str, ...]
    quality: BoldQuality

    def as_run(self, key: RunKey, rating: NDArray[np.float64]) -> Run:
        """The run with a rating for each frame.

        Raises
        ------
        DerivativesError
            If region names repeat.
        """
        try:
            return Run(
                signals=self.signals,
                rating=rating,
                tr_s=self.tr_s,
                session=key.session,
                task=key.task,
                run=key.run,
                censored=self.censored,
                start_s=self.start_s,
                regions=self.regions,
                confounds=self.confounds,
            )
        except ValueError as error:
            raise DerivativesError(str(error), self.sources[0].path) from error


def load_bold(files: RunFiles) -> Bold:
    """Read the regional signals of a run, its censored frames and its motion.

    Raises
    ------
    DerivativesError
        Naming the file, what is wrong with it, and what to do.
    """
    metadata = inherited_metadata(files.series, files.sidecars)
    raw = raw_bold(files.series, files.raw_sidecars)
    path = files.series.path
    tr_s = repetition_time(metadata.values, raw.values, path)
    start_s = number_in(metadata.values, "StartTime", path)
    regions, signals = _read_series(files.series)
    sources, notes = [files.series, *metadata.sidecars, *raw.sidecars], []
    if start_s is None:
        notes.append("no StartTime: the first frame is assumed to start with the scan.")
    if files.outliers is not None:
        censored = _read_outliers(files.outliers.path)
        sources.append(files.outliers)
        try:
            signals = restore_censored(signals, censored)
        except ValueError as error:
            raise DerivativesError(str(error), path) from error
    else:
        censored = np.zeros(len(signals), bool)
        notes.append("no outliers file: nothing was censored.")
    confounds = {}
    if files.motion is not None:
        confounds = _read_motion(files.motion.path, len(signals))
        sources.append(files.motion)
    return Bold(
        regions=regions,
        signals=signals,
        censored=censored,
        tr_s=tr_s,
        start_s=start_s or 0.0,
        confounds=confounds,
        sources=tuple(sources),
        notes=tuple(notes),
        quality=_quality(metadata.values, censored, confounds, path),
    )


def _quality(
    metadata: Mapping[str, Any],
    censored: NDArray[np.bool_],
    confounds: Mapping[str, NDArray[np.float64]],
    path: Path,
) -> BoldQuality:
    """Quality from the sidecar of a time series made by painprint; else what is known of others."""
    in_sidecar = metadata.get(QUALITY_KEY)
    if isinstance(in_sidecar, dict):
        known = {f.name: number_in(in_sidecar, f.name, path) for f in fields(BoldQuality)}
        return BoldQuality(**{k: math.nan if v is None else v for k, v in known.items()})
    fd = confounds.get(FD)
    return BoldQuality(
        mean_fd_mm=math.nan if fd is None or np.isnan(fd).all() else float(np.nanmean(fd)),
        share_censored=float(censored.mean()) if len(censored) else math.nan,
    )


def load_run(
    files: RunFiles, settings: Settings, load: Callable[[RunFiles], Bold] = load_bold
) -> tuple[Run, RunRecord]:
    """Read the signals and the rating of one run.

    Parameters
    ----------
    load : callable
        Function that reads the regional signals.

    Raises
    ------
    DerivativesError
        Naming the file, what is wrong with it, and what to do.
    """
    bold = load(files)
    recording, rating_sources, rating_notes = load_rating(files, settings)
    rating = frame_ratings(
        recording,
        len(bold.signals),
        tr_s=bold.tr_s,
        bold_start_s=bold.start_s,
        max_gap_s=settings.rating_max_gap_s if settings.rules.max_gap else np.inf,
    )
    return bold.as_run(files.key, rating), RunRecord(
        key=files.key,
        quality=rating_quality(recording, rating, max_gap_s=settings.rating_max_gap_s),
        rating_file=rating_sources[0].path.name,
        sources=(*bold.sources, *rating_sources),
        notes=(*bold.notes, *rating_notes),
        bold=bold.quality,
    )


def _read_series(file: BidsFile) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    if file.extension == ".tsv":
        return read_numbers(file.path)
    return read_ptseries(file.path)


def _read_outliers(path: Path) -> NDArray[np.bool_]:
    """True where a frame is flagged in any column; a missing flag counts as flagged."""
    _, flags = read_numbers(path)
    invalid = ~(np.isnan(flags) | (flags == 0) | (flags == 1))
    if invalid.any():
        row = int(np.flatnonzero(invalid.any(axis=1))[0])
        raise DerivativesError(
            f"row {row + 1} is {flags[row][invalid[row]][0]:g}; flags are 0 (keep) or 1 (censor).",
            path,
        )
    return np.asarray((flags != 0).any(axis=1))


def _read_motion(path: Path, n_frames: int) -> dict[str, NDArray[np.float64]]:
    """Motion parameters, framewise displacement (computed from them if present) and DVARS."""
    names, values = read_numbers(path)
    if len(values) != n_frames:
        raise DerivativesError(
            f"has {len(values)} rows, but the time series {n_frames} frames. Was an outliers file "
            "lost, or does it belong to another run?",
            path,
        )
    column = dict(zip(names, values.T, strict=True))
    confounds = {}
    if set(MOTION_NAMES) <= set(names):
        confounds = motion_confounds(np.stack([column[name] for name in MOTION_NAMES], axis=1))
    elif FD in column:
        confounds = {FD: column[FD]}
    dvars = next((name for name in DVARS_COLUMNS if name in column), None)
    return {**confounds, DVARS: column[dvars]} if dvars else confounds


def repetition_time(
    series_metadata: Mapping[str, Any],
    raw_metadata: Mapping[str, Any],
    path: Path,
    in_header: float | None = None,
) -> float:
    """Repetition time (s) from the sidecars of time series and raw BOLD and the image's header.

    Raises
    ------
    DerivativesError
        If they disagree, none of them has it, or it is out of range.
    """
    in_sidecar = number_in(series_metadata, "RepetitionTime", path)
    frequency = number_in(series_metadata, "SamplingFrequency", path)
    if in_sidecar is None and frequency:
        in_sidecar = 1 / frequency
    values = {
        "its sidecar says RepetitionTime": in_sidecar,
        "the raw bold.json": number_in(raw_metadata, "RepetitionTime", path),
        "the image's header": in_header,
    }
    known = {where: value for where, value in values.items() if value is not None}
    if not known:
        raise DerivativesError(
            "no RepetitionTime in its sidecar or the raw bold.json. Add "
            f'{path.name.partition(".")[0]}.json with {{"RepetitionTime": ...}} (s).',
            path,
        )
    (first, tr_s), *others = known.items()
    for where, value in others:
        if abs(tr_s - value) > 1e-3 * abs(value):  # headers and sidecars round differently
            raise DerivativesError(
                f"{first} {tr_s:g} s, but {where} {value:g} s. Correct the wrong one.", path
            )
    if not 0 < tr_s < LONGEST_TR_S:
        raise DerivativesError(f"RepetitionTime is {tr_s:g}; seconds are needed.", path)
    return tr_s
