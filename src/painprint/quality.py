"""Quality of the BOLD of a run: motion, signal, coverage, and a rating with its reasons."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

GOOD, CAUTION, BAD = "good", "caution", "bad"
N_ROWS = 200
"""Rows of a carpet plot."""
WIDEST_Z = 3.0
"""z at which a carpet plot is black or white."""


@dataclass(frozen=True)
class BoldQuality:
    """Quality measures of the BOLD of a run; NaN if unknown.

    Attributes
    ----------
    mean_fd_mm : float
        Mean framewise displacement (mm), without filtering of motion parameters.
    share_censored : float
        Share of censored frames among all frames.
    tsnr : float
        Median over grayordinates or voxels of mean / SD over time, before denoising.
    dvars_before, dvars_after : float
        Median over frames of the RMS change of sampled grayordinates or voxels, in % of their mean
        before denoising.
    share_covered : float
        Share of the atlas's regions with enough coverage.
    """

    mean_fd_mm: float = math.nan
    share_censored: float = math.nan
    tsnr: float = math.nan
    dvars_before: float = math.nan
    dvars_after: float = math.nan
    share_covered: float = math.nan


def quality_of(censored: NDArray[np.bool_], fd: NDArray[np.float64] | None = None) -> BoldQuality:
    """Quality of a run of which the censored frames and, perhaps, the motion are known.

    Parameters
    ----------
    censored : ndarray of bool, shape (n_frames,)
    fd : ndarray of shape (n_frames,), optional
        Framewise displacement (mm).
    """
    return BoldQuality(
        mean_fd_mm=math.nan if fd is None or np.isnan(fd).all() else float(np.nanmean(fd)),
        share_censored=float(censored.mean()) if len(censored) else math.nan,
    )


@dataclass(frozen=True)
class Limits:
    """Limits of each measure beyond which a run calls for caution, and beyond which it is bad."""

    fd_mm: tuple[float, float]
    censored: tuple[float, float]
    tsnr: tuple[float, float]
    covered: tuple[float, float]


def judge(quality: BoldQuality, limits: Limits) -> tuple[str, tuple[str, ...]]:
    """Quality rating of a run, and the reasons for one that is not good.

    Unknown measures are not rated. The rating excludes no run.

    Examples
    --------
    >>> limits = Limits((0.2, 0.5), (0.25, 0.5), (30, 15), (0.98, 0.9))
    >>> judge(BoldQuality(mean_fd_mm=0.3, tsnr=50), limits)
    ('caution', ('mean FD 0.3 mm (limit 0.2)',))
    """
    checks = (
        ("mean FD {:.2g} mm", quality.mean_fd_mm, limits.fd_mm, 1),
        ("{:.0%} of frames censored", quality.share_censored, limits.censored, 1),
        ("tSNR {:.3g}", quality.tsnr, limits.tsnr, -1),
        ("{:.0%} of regions covered", quality.share_covered, limits.covered, -1),
    )
    worst, reasons = 0, []
    for text, value, edges, sign in checks:
        level = sum(sign * value > sign * edge for edge in edges)  # NaN exceeds no limit
        if level:
            reasons.append(f"{text.format(value)} (limit {edges[level - 1]:g})")
        worst = max(worst, level)
    return (GOOD, CAUTION, BAD)[worst], tuple(reasons)


def median_dvars(sample: NDArray[Any], scale: float) -> float:
    """Median over frames of the RMS change from the previous frame, in % of a scale.

    Parameters
    ----------
    sample : array of shape (n_frames, n_points)
    scale : float
        Mean signal, in the unit of the sample.

    References
    ----------
    Smyser et al. (2010); Power et al. (2012)
    """
    if len(sample) < 2 or not sample.shape[1] or not abs(scale) > 0:
        return math.nan
    change = np.diff(sample.astype(float), axis=0)
    return float(np.median(np.sqrt((change**2).mean(axis=1))) / abs(scale) * 100)


def carpet(sample: NDArray[Any], kept: NDArray[np.bool_] | None = None) -> NDArray[np.uint8]:
    """Carpet plot: time series, z-scored over time and thinned to ``N_ROWS`` rows.

    Parameters
    ----------
    sample : array of shape (n_frames or n_kept, n_points)
        Time series without signal become empty rows.
    kept : array of bool, shape (n_frames,), optional
        Frames of the sample; the others become empty columns.

    Returns
    -------
    image : ndarray of shape (n_rows, n_frames)
        1 to 255 for -3 to 3 SD, and 0 for empty rows and columns.
    """
    chosen = np.linspace(0, sample.shape[1] - 1, min(N_ROWS, sample.shape[1])).round().astype(int)
    data = sample[:, chosen].astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (data - data.mean(axis=0)) / data.std(axis=0)
    shade = np.clip((z + WIDEST_Z) / (2 * WIDEST_Z), 0, 1) * 254 + 1
    image = np.where(np.isfinite(shade), shade, 0).astype(np.uint8)
    if kept is None:
        return np.ascontiguousarray(image.T)
    full = np.zeros((len(kept), len(chosen)), np.uint8)
    full[kept] = image
    return np.ascontiguousarray(full.T)
