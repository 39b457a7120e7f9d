"""What is taken out of dense BOLD: confounds, frequencies, frames that moved; and smoothing."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.arrays import Matrix
from painprint.atlas.surfaces import Surfaces
from painprint.bids.kinds import CIFTI
from painprint.bids.load import repetition_time
from painprint.bids.runs import RunFiles
from painprint.bold.denoise import (
    Band,
    check_freedom,
    clean_signals,
    filtered_displacement,
    make_design,
    nuisance_columns,
)
from painprint.dense.smoothing import CiftiSmoothing
from painprint.files.cifti import open_dtseries
from painprint.files.confounds import read_confounds
from painprint.files.dataset import BidsFile, inherited_metadata, number_in, raw_bold
from painprint.files.errors import DerivativesError
from painprint.files.images import POINTS_AT_A_TIME, Grayordinates, Points, Series, Voxels
from painprint.files.nifti import open_volumes, read_mask
from painprint.runs import DVARS, FD, MOTION_NAMES, framewise_displacement
from painprint.settings import DenseSettings

FILTERED_FD = "framewise_displacement_filtered"


@dataclass(frozen=True, eq=False)
class Cleaning:
    """What is taken out of a run, and which frames stay.

    Attributes
    ----------
    design : ndarray of shape (n_frames, n_columns)
    kept : ndarray of bool, shape (n_frames,)
    motion : DataFrame
        Motion parameters and framewise displacement, a row a frame.
    start_s : float or None
        As the sidecar says.
    sources : tuple of BidsFile
        Sidecars that were read.
    """

    design: Matrix
    kept: NDArray[np.bool_]
    motion: pd.DataFrame
    tr_s: float
    start_s: float | None
    sources: tuple[BidsFile, ...]


@dataclass(eq=False)
class Cleaner:
    """Opens dense BOLD of one participant, smoothed if asked, and says how it is cleaned.

    Parameters
    ----------
    surfaces : Surfaces
        The participant's own, to smooth on.
    low_pass_hz : float
        Of rated runs; 0 for none. That of resting runs is in the settings.
    unrated_are_rest : bool
        Whether a run without a rating is a resting run; a new run to be scored is not.
    """

    settings: DenseSettings
    surfaces: Surfaces
    low_pass_hz: float = 0.0
    unrated_are_rest: bool = True
    _smoothing: CiftiSmoothing | None = field(default=None, init=False)
    """Of the last run's points."""

    def open(self, files: RunFiles, like: Points | None = None) -> Series:
        """The dense BOLD of a run, to be read in blocks.

        Parameters
        ----------
        like : Grayordinates or Voxels, optional
            Points that are read of volumes without a brain mask.

        Raises
        ------
        DerivativesError
            If it cannot be read, or smoothing is asked for that cannot be done.
        """
        path, sigma = files.series.path, self.settings.smoothing_sigma_mm
        if files.series.extension == CIFTI:
            series = open_dtseries(path)
            return self._smoothing_of(series).of_series(series) if sigma else series
        if files.mask is not None:
            return open_volumes(path, read_mask(files.mask.path), sigma_mm=sigma)
        if sigma:
            raise DerivativesError(
                "has no brain mask beside it (*_desc-brain_mask.nii.gz), within which to smooth.",
                path,
            )
        if not isinstance(like, Voxels):
            raise DerivativesError("is of voxels, but the atlas is not.", path)
        return open_volumes(path, like, sigma_mm=sigma)

    def _smoothing_of(self, series: Series) -> CiftiSmoothing:
        """What smooths a run; successive runs with the same points share it."""
        points, known = series.points, self._smoothing
        assert isinstance(points, Grayordinates)
        if known is None or not same_points(known.points, points):
            sigma = self.settings.smoothing_sigma_mm
            known = CiftiSmoothing.of(self.surfaces, points, sigma, path=series.path)
            self._smoothing = known
        return known

    def cleaning(self, files: RunFiles, n_frames: int, header_tr_s: float | None) -> Cleaning:
        """What is taken out of a run, and which frames stay.

        Raises
        ------
        DerivativesError
            If confounds are missing or do not fit.
        """
        path, settings = files.series.path, self.settings
        own = inherited_metadata(files.series, files.sidecars)
        raw = raw_bold(files.series, files.raw_sidecars)
        tr_s = repetition_time(own.values, raw.values, path, header_tr_s)
        if files.confounds is None:
            raise DerivativesError(
                "has no confounds beside it (*_desc-confounds_timeseries.tsv, or HCP's "
                "Movement_Regressors.txt).",
                path,
            )
        confounds = read_confounds(files.confounds.path, n_frames)
        resting = self.is_rest(files)
        band = Band(
            settings.high_pass_hz, settings.rest_low_pass_hz if resting else self.low_pass_hz
        )
        try:
            band.check(tr_s)
        except ValueError as error:
            raise DerivativesError(str(error)) from error  # of the options, not of a file
        try:
            nuisance = nuisance_columns(confounds.columns, settings.nuisance_regressors)
            design = make_design(nuisance, tr_s, band)
            filtered = filtered_displacement(
                confounds.motion, tr_s, low_pass_hz=settings.motion_low_pass_hz
            )
        except ValueError as error:
            raise DerivativesError(str(error), files.confounds.path) from error
        kept = np.ones(n_frames, bool)
        if settings.fd_thresh_mm:
            kept &= filtered <= settings.fd_thresh_mm
        if settings.dummy_scans is None:
            kept &= ~confounds.non_steady
        else:
            kept[: settings.dummy_scans] = False
        motion = pd.DataFrame(confounds.motion, columns=list(MOTION_NAMES))
        motion[FD] = framewise_displacement(confounds.motion)
        motion[FILTERED_FD] = filtered
        if DVARS in confounds.columns:
            motion[DVARS] = confounds.columns[DVARS]
        start_s = number_in(own.values, "StartTime", path)
        sources = (*own.sidecars, *raw.sidecars)
        return Cleaning(design, kept, motion, tr_s, start_s, sources)

    def clean_points(
        self, files: RunFiles, data: NDArray[np.float32], tr_s: float | None
    ) -> NDArray[np.float32]:
        """Clean dense BOLD as the regions were, in place: (n_kept, n_points)."""
        cleaning = self.cleaning(files, len(data), tr_s)
        n_kept = int(cleaning.kept.sum())
        for first in range(0, data.shape[1], POINTS_AT_A_TIME):
            here = slice(first, first + POINTS_AT_A_TIME)
            data[:n_kept, here] = clean_signals(data[:, here], cleaning.design, cleaning.kept)
        return data[:n_kept]

    @staticmethod
    def clean(block: NDArray[np.float32], cleaning: Cleaning) -> NDArray[np.float32]:
        """Clean series of points: (n_points, n_frames) to (n_points, n_kept)."""
        cleaned = clean_signals(block.T, cleaning.design, cleaning.kept)
        return np.asarray(cleaned.T, dtype=np.float32)

    @staticmethod
    def check_freedom(files: RunFiles, cleaning: Cleaning) -> None:
        """Enough frames are kept for so many regressors.

        Raises
        ------
        DerivativesError
            If not.
        """
        try:
            check_freedom(cleaning.design, cleaning.kept)
        except ValueError as error:
            raise DerivativesError(str(error), files.series.path) from error

    def is_rest(self, files: RunFiles) -> bool:
        """Whether a run is cleaned as rest."""
        return self.unrated_are_rest and not files.rating


def same_points(a: Points, b: Points) -> bool:
    """Whether the same grayordinates, or the same voxels of the same grid."""
    if isinstance(a, Grayordinates) and isinstance(b, Grayordinates):
        return bool(a.axis == b.axis)
    if isinstance(a, Voxels) and isinstance(b, Voxels):
        return b.is_grid_of(a.mask.shape, a.affine) and np.array_equal(a.mask, b.mask)
    return False
