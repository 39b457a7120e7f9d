"""Denoising and smoothing of dense BOLD of a run: confounds, filter, and censored frames."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.arrays import Matrix
from painprint.atlas.surfaces import Surfaces
from painprint.bids.runs import RunFiles
from painprint.bids.select import CIFTI
from painprint.bids.timing import FrameTimes, frame_times
from painprint.bold.denoise import (
    Band,
    check_freedom,
    clean_signals,
    filtered_displacement,
    make_design,
    note_components,
    nuisance_columns,
)
from painprint.dense.smoothing import CiftiSmoothing
from painprint.errors import DerivativesError, naming
from painprint.files.cifti import open_dtseries
from painprint.files.confounds import Confounds, read_confounds
from painprint.files.images import POINTS_AT_A_TIME, Grayordinates, Points, Series, Voxels
from painprint.files.nifti import open_volumes, read_mask
from painprint.runs import DVARS, FD, MOTION_NAMES, framewise_displacement
from painprint.settings import DenseSettings

FILTERED_FD = "framewise_displacement_filtered"


@dataclass(frozen=True, eq=False)
class Cleaning:
    """Regressors and censoring of a run.

    Attributes
    ----------
    design : ndarray of shape (n_frames, n_columns)
    kept : ndarray of bool, shape (n_frames,)
    motion : DataFrame
        Motion parameters, framewise displacement and DVARS as far as known, one row per frame.
    times : FrameTimes
        Times of the frames.
    notes : tuple of str
        Assumptions about times and confounds.
    """

    design: Matrix
    kept: NDArray[np.bool_]
    motion: pd.DataFrame
    times: FrameTimes
    notes: tuple[str, ...]

    @property
    def mean_fd_mm(self) -> float:
        """Mean framewise displacement (mm), not filtered; NaN if motion is not known."""
        return float(self.motion[FD].mean()) if FD in self.motion else math.nan


@dataclass(eq=False)
class Cleaner:
    """Opens dense BOLD of one participant, smooths it if asked, and denoises it.

    Parameters
    ----------
    surfaces : Surfaces
        The participant's surfaces for smoothing.
    low_pass_hz : float
        Cut-off frequency for rated runs; 0 for none. That of resting runs is in the settings.
    unrated_are_rest : bool
        Whether a run without a rating is a resting run; a new run to be scored is not.
    """

    settings: DenseSettings
    surfaces: Surfaces
    low_pass_hz: float = 0.0
    unrated_are_rest: bool = True
    _smoothing: CiftiSmoothing | None = field(default=None, init=False)
    """For the grayordinates of the last run."""

    def open(self, files: RunFiles, like: Points | None = None) -> Series:
        """Open the dense BOLD of a run, to be read in blocks.

        Parameters
        ----------
        like : Grayordinates or Voxels, optional
            Voxels that are read of volumes without a brain mask.

        Raises
        ------
        DerivativesError
            If it cannot be read, or cannot be smoothed as asked.
        """
        path, sigma = files.series.path, self.settings.smoothing_sigma_mm
        if files.series.extension == CIFTI:
            series = open_dtseries(path)
            return self._smoothing_of(series).of_series(series) if sigma else series
        if files.mask is not None:
            return open_volumes(path, read_mask(files.mask.path), sigma_mm=sigma)
        if sigma:
            raise DerivativesError(
                "has no brain mask (*_desc-brain_mask.nii.gz), within which to smooth.",
                path,
            )
        if not isinstance(like, Voxels):
            raise DerivativesError("has voxels, but the atlas has grayordinates.", path)
        return open_volumes(path, like, sigma_mm=sigma)

    def _smoothing_of(self, series: Series) -> CiftiSmoothing:
        """Smoothing operator of a run; successive runs with the same grayordinates share it."""
        points, smoothing = series.points, self._smoothing
        assert isinstance(points, Grayordinates)
        if smoothing is None or not same_points(smoothing.points, points):
            sigma = self.settings.smoothing_sigma_mm
            smoothing = CiftiSmoothing.of(self.surfaces, points, sigma, path=series.path)
            self._smoothing = smoothing
        return smoothing

    def cleaning(self, files: RunFiles, n_frames: int, header_tr_s: float | None) -> Cleaning:
        """Regressors and censoring of a run.

        Raises
        ------
        DerivativesError
            If confounds that are needed are missing, or do not fit.
        """
        settings = self.settings
        times = frame_times(files, n_frames, header_tr_s=header_tr_s, given_tr_s=settings.tr_s)
        tr_s = times.tr_s
        confounds = self._confounds(files, n_frames)
        low_pass_hz = settings.rest_low_pass_hz if self.is_rest(files) else self.low_pass_hz
        band = Band(settings.high_pass_hz, low_pass_hz)
        with naming(None):  # concerns the options, not a file
            band.check(tr_s)
        motion = self._motion(files, confounds, n_frames, tr_s)
        design = make_design(self._nuisance(files, confounds, n_frames), tr_s, band)
        kept = np.ones(n_frames, bool)
        if settings.fd_thresh_mm:
            kept &= motion[FILTERED_FD].to_numpy() <= settings.fd_thresh_mm
        if settings.dummy_scans is None:
            kept &= ~confounds.non_steady
        else:
            kept[: settings.dummy_scans] = False
        return Cleaning(design, kept, motion, times, (*times.notes, *confounds.notes))

    def _confounds(self, files: RunFiles, n_frames: int) -> Confounds:
        """The confounds of a run; without a table that can be read none, if none are needed."""
        settings = self.settings
        needed = settings.nuisance_regressors != "none" or settings.fd_thresh_mm > 0
        why = "no confounds"
        if files.confounds is not None:
            sidecar = files.confounds_sidecar
            try:
                confounds = read_confounds(
                    files.confounds.path, n_frames, sidecar.path if sidecar else None
                )
            except DerivativesError as error:
                if needed:
                    raise
                why = f"confounds that cannot be used ({str(error).rstrip('.')})"
            else:
                few = note_components(confounds.columns, settings.nuisance_regressors)
                return replace(confounds, notes=(*confounds.notes, *few))
        elif needed:
            raise DerivativesError(
                "has no confounds (*_desc-confounds_timeseries.tsv, or HCP's "
                "Movement_Regressors.txt). Pass the dataset that has them, such as fMRIPrep's, "
                "with --derivatives too; or do without them (--nuisance-regressors none "
                "--fd-thresh 0).",
                files.series.path,
            )
        note = f"{why}: only trend and filter were regressed out, and motion is not known."
        if settings.dummy_scans is None:
            note += " No frame was censored, not even before steady state (--dummy-scans)."
        return Confounds({}, np.zeros(n_frames, bool), (note,))

    def _nuisance(self, files: RunFiles, confounds: Confounds, n_frames: int) -> Matrix:
        """Nuisance regressors: (n_frames, n_nuisance)."""
        model = self.settings.nuisance_regressors
        if model == "none":
            return np.empty((n_frames, 0))
        assert files.confounds is not None  # see _confounds
        with naming(files.confounds.path):
            return nuisance_columns(confounds.columns, model, hint=confounds.hint)

    def _motion(
        self, files: RunFiles, confounds: Confounds, n_frames: int, tr_s: float
    ) -> pd.DataFrame:
        """Motion parameters, framewise displacement and DVARS, as far as known."""
        table = pd.DataFrame(index=range(n_frames))
        if confounds.motion is not None:
            table[list(MOTION_NAMES)] = confounds.motion
            table[FD] = framewise_displacement(confounds.motion)
        if self.settings.fd_thresh_mm:
            assert files.confounds is not None  # see _confounds
            path = files.confounds.path
            if confounds.motion is None:
                missing = [name for name in MOTION_NAMES if name not in confounds.columns]
                raise DerivativesError(
                    f"has no column {', '.join(missing)}: motion is needed for censoring. Censor "
                    "nothing with --fd-thresh 0.",
                    path,
                )
            with naming(path):
                table[FILTERED_FD] = filtered_displacement(
                    confounds.motion, tr_s, low_pass_hz=self.settings.motion_low_pass_hz
                )
        if DVARS in confounds.columns:
            table[DVARS] = confounds.columns[DVARS]
        return table

    def clean_points(
        self, files: RunFiles, data: NDArray[np.float32], tr_s: float | None
    ) -> NDArray[np.float32]:
        """Denoise dense BOLD like the regions, in place: (n_kept, n_points)."""
        cleaning = self.cleaning(files, len(data), tr_s)
        n_kept = int(cleaning.kept.sum())
        for first in range(0, data.shape[1], POINTS_AT_A_TIME):
            block = slice(first, first + POINTS_AT_A_TIME)
            # in place: kept frames are read before the first n_kept rows are overwritten
            data[:n_kept, block] = clean_signals(data[:, block], cleaning.design, cleaning.kept)
        return data[:n_kept]

    @staticmethod
    def clean(block: NDArray[np.float32], cleaning: Cleaning) -> NDArray[np.float32]:
        """Denoise time series: (n_points, n_frames) to (n_points, n_kept)."""
        cleaned = clean_signals(block.T, cleaning.design, cleaning.kept)
        return np.asarray(cleaned.T, dtype=np.float32)

    @staticmethod
    def check_freedom(files: RunFiles, cleaning: Cleaning) -> None:
        """As :func:`~painprint.bold.denoise.check_freedom`; the error names the BOLD."""
        with naming(files.series.path):
            check_freedom(cleaning.design, cleaning.kept)

    def is_rest(self, files: RunFiles) -> bool:
        """Whether a run is denoised as a resting run."""
        return self.unrated_are_rest and not files.rating


def same_points(a: Points, b: Points) -> bool:
    """Whether both are the same grayordinates, or the same voxels of the same grid."""
    if isinstance(a, Grayordinates) and isinstance(b, Grayordinates):
        return bool(a.axis == b.axis)
    if isinstance(a, Voxels) and isinstance(b, Voxels):
        return b.is_grid_of(a.mask.shape, a.affine) and np.array_equal(a.mask, b.mask)
    return False
