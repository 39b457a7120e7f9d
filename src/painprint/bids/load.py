"""Read one run: regional signals, censoring and rating on a common frame grid."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from painprint.bids.frame_rating import FrameGrid, rate_frames
from painprint.bids.ratings import RatingQuality
from painprint.bids.regional import keep_columns, read_signals
from painprint.bids.runs import RunFiles
from painprint.bids.timing import frame_times
from painprint.errors import DerivativesError, naming
from painprint.files.dataset import BidsFile, inherited_metadata, number_in
from painprint.files.multiverse import without_hash
from painprint.files.outliers import read_outliers
from painprint.files.tables import read_numbers
from painprint.quality import BoldQuality, quality_of
from painprint.regions import Regions
from painprint.runs import DVARS, FD, MOTION_NAMES, Run, RunKey, motion_confounds, restore_censored
from painprint.settings import Settings

MOST = 0.5
"""Share of the columns of a time series that an atlas of these names has at least."""
DVARS_COLUMNS = ("std_dvars", "dvars")
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
        File name of the recording, the events, or the table of the rating.
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
        Repetition time, and time from the start of the scan to that of the first frame (s).
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

    def only_regions_of(self, atlas: Regions | None) -> Bold:
        """The same signals without columns that the atlas does not have.

        If it does not have most of them, it has other names, and nothing is left out.
        """
        if atlas is None:
            return self
        known = set(atlas.names)
        in_atlas = np.array([name in known for name in self.regions], dtype=bool)
        if in_atlas.mean() < MOST:
            return self
        regions, signals, notes = keep_columns(
            self.regions, self.signals, in_atlas, "the table of the atlas does not have"
        )
        return replace(self, regions=regions, signals=signals, notes=(*self.notes, *notes))

    def as_run(
        self,
        key: RunKey,
        rating: NDArray[np.float64] | None = None,
        event: NDArray[np.int64] | None = None,
    ) -> Run:
        """The run with a rating for each frame, and the event of each where events are rated; or
        without a rating.

        Raises
        ------
        DerivativesError
            If region names repeat.
        """
        with naming(self.sources[0].path):
            return Run(
                signals=self.signals,
                rating=np.full(len(self.signals), np.nan) if rating is None else rating,
                tr_s=self.tr_s,
                session=key.session,
                task=key.task,
                run=key.run,
                censored=self.censored,
                start_s=self.start_s,
                regions=self.regions,
                confounds=self.confounds,
                event=event,
            )


def load_bold(files: RunFiles, tr_s: float | None = None) -> Bold:
    """Read the regional signals of a run, its censored frames and its motion.

    Parameters
    ----------
    tr_s : float, optional
        Repetition time that overrides all files (s).

    Raises
    ------
    DerivativesError
        Naming the file, what is wrong with it, and what to do.
    """
    path = files.series.path
    regions, signals, header_tr_s, notes = read_signals(files.series)
    companions = []
    if files.outliers is not None:
        outliers = read_outliers(files.outliers.path, len(signals))
        censored, notes = outliers.censored, (*notes, *outliers.notes)
        companions.append(files.outliers)
        with naming(path):
            signals = restore_censored(signals, censored)
    else:
        censored = np.zeros(len(signals), bool)
        notes = (*notes, "no outliers file: nothing was censored.")
    confounds = {}
    if files.motion is not None:
        confounds = _read_motion(files.motion.path, len(signals))
        companions.append(files.motion)
    times = frame_times(files, len(signals), header_tr_s=header_tr_s, given_tr_s=tr_s)
    metadata = inherited_metadata(files.series, files.sidecars)
    return Bold(
        regions=regions,
        signals=signals,
        censored=censored,
        tr_s=times.tr_s,
        start_s=times.start_s,
        confounds=confounds,
        sources=(files.series, *times.sources, *companions),
        notes=(*times.notes, *notes),
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
    return quality_of(censored, confounds.get(FD))


def load_run(
    files: RunFiles, settings: Settings, load: Callable[[RunFiles], Bold] | None = None
) -> tuple[Run, RunRecord]:
    """Read the signals and the rating of one run.

    Parameters
    ----------
    load : callable, optional
        Function that reads the regional signals. Default: :func:`load_bold`.

    Raises
    ------
    DerivativesError
        Naming the file, what is wrong with it, and what to do.
    """
    bold = load(files) if load else load_bold(files, settings.tr_s)
    times = FrameGrid(len(bold.signals), bold.tr_s, bold.start_s)
    rated = rate_frames(files, times, settings)
    return bold.as_run(files.key, rated.rating, rated.event), RunRecord(
        key=files.key,
        quality=rated.quality,
        rating_file=rated.sources[0].path.name,
        sources=(*bold.sources, *rated.sources),
        notes=(*bold.notes, *rated.notes),
        bold=bold.quality,
    )


def _read_motion(path: Path, n_frames: int) -> dict[str, NDArray[np.float64]]:
    """Motion parameters, framewise displacement (computed from them if present) and DVARS."""
    names, values = read_numbers(path)
    names = without_hash(names, path)
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
