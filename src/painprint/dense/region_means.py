"""Means of dense BOLD over regions, block by block, in one pass over the data."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from painprint.arrays import Matrix, Vector
from painprint.compiled import kernel
from painprint.files.images import Series
from painprint.parallel import read_ahead
from painprint.regions import NO_REGION, Parcellation

CONSTANT = 1e-6
"""A point whose SD over time is below this share of its mean counts as constant: float32 has
about seven significant digits."""
N_SAMPLED = 2000
"""Evenly spaced points whose time series are kept, for the carpet plot and DVARS."""


class RegionMeans:
    """Accumulates the mean time series of each region, and statistics of each point.

    A point is usable if it is finite in every frame and not constant.

    Attributes
    ----------
    mean, sd : ndarrays of shape (n_points,)
        Of each point over time; ``sd`` with ``ddof=1``.
    usable : ndarray of bool, shape (n_points,)
    sampled : ndarray of int, shape (n_sampled,)
        Points whose time series are kept.
    sample : ndarray of shape (n_frames, n_sampled), float32
        Their time series.
    """

    def __init__(self, parcellation: Parcellation, n_frames: int) -> None:
        n_points, n_regions = len(parcellation.region_of_point), len(parcellation.regions.names)
        self.parcellation = parcellation
        self.mean, self.sd = np.zeros((2, n_points))
        self.usable = np.zeros(n_points, bool)
        n_sampled = min(N_SAMPLED, n_points)
        self.sampled = np.linspace(0, n_points - 1, n_sampled).round().astype(int)
        self.sample = np.empty((n_frames, n_sampled), np.float32)
        self._sums = np.zeros((n_regions, n_frames))
        self._counts = np.zeros(n_regions, np.int64)

    @classmethod
    def of(cls, series: Series, parcellation: Parcellation) -> RegionMeans:
        """Those of a whole run, whose next block is read while one is added.

        Raises
        ------
        DerivativesError
            If the file is truncated.
        """
        means = cls(parcellation, series.n_frames)
        for first, block in read_ahead(series.blocks()):
            means.add(first, block)
        return means

    def add(self, first: int, series: NDArray[np.float32]) -> None:
        """Add a block of points.

        Parameters
        ----------
        first : int
            Index of the block's first point.
        series : ndarray of shape (n_points_of_block, n_frames)
            float32, C-contiguous.
        """
        block = slice(first, first + len(series))
        _add(
            series, self.parcellation.region_of_point[block], self._sums, self._counts,
            self.mean[block], self.sd[block], self.usable[block],
        )  # fmt: skip
        start, stop = np.searchsorted(self.sampled, [first, first + len(series)])
        self.sample[:, start:stop] = series[self.sampled[start:stop] - first].T

    @property
    def coverage(self) -> Vector:
        """Share of each region's points in the atlas that are usable: (n_regions,)."""
        return np.asarray(self._counts / np.maximum(self.parcellation.n_points_of_region, 1))

    def means(self, *, min_coverage: float) -> Matrix:
        """Mean of each region over its usable points: (n_frames, n_regions).

        Parameters
        ----------
        min_coverage : float
            Regions with a lower share of usable points are NaN.
        """
        covered = (self._counts > 0) & (self.coverage >= min_coverage)
        with np.errstate(invalid="ignore"):
            means = self._sums / self._counts[:, None]
        means[~covered] = np.nan
        return np.asarray(means.T)


# not all of fastmath, which would assume that there is no NaN
@kernel(nogil=True, fastmath={"reassoc", "contract"})
def _add(
    series: Any, region_of: Any, sums: Any, counts: Any, mean: Any, sd: Any, usable: Any
) -> None:
    """Add each usable point to the sum of its region; mean and SD of each point; in place."""
    n_points, n_frames = series.shape
    for point in range(n_points):
        total = 0.0
        for t in range(n_frames):
            total += series[point, t]
        centre = total / n_frames
        squares = 0.0
        for t in range(n_frames):
            squares += (series[point, t] - centre) ** 2
        mean[point] = centre
        sd[point] = np.sqrt(squares / max(n_frames - 1, 1))
        usable[point] = np.isfinite(squares) and sd[point] > CONSTANT * abs(centre)
        region = region_of[point]
        if usable[point] and region != NO_REGION:
            counts[region] += 1
            for t in range(n_frames):
                sums[region, t] += series[point, t]
