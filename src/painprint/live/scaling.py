"""z-scores of regions while a run goes on, from the frames so far."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class CausalScaling:
    """Mean and SD of each region over the frames so far, and z-scores by them.

    Offline, regions are z-scored over the whole run; here only what was before is known. The SD is
    shrunk towards a prior as if it came from ``prior_frames`` more frames. As units of a stream may
    differ from those of the training runs, only relations between regions are taken from the
    prior: it is scaled by the median ratio of the variances so far to those of the prior.

    Parameters
    ----------
    n_regions : int
    prior_frames : float
        Weight of the prior (frames).
    prior_sd : array of shape (n_regions,), optional
        SD of each region, in any unit. Default: the same for all regions.
    """

    def __init__(
        self,
        n_regions: int,
        *,
        prior_frames: float = 60.0,
        prior_sd: NDArray[np.float64] | None = None,
    ) -> None:
        self.prior_frames = prior_frames
        self.prior_variance = np.ones(n_regions) if prior_sd is None else np.square(prior_sd)
        self.n = 0
        self.mean = np.zeros(n_regions)
        self._squares = np.zeros(n_regions)

    def add(self, values: NDArray[np.float64]) -> None:
        """Add a frame of finite values, of shape (n_regions,)."""
        self.n += 1
        off = values - self.mean
        self.mean += off / self.n
        self._squares += off * (values - self.mean)

    def variance(self) -> NDArray[np.float64]:
        """Shrunk variance of each region, of shape (n_regions,); 0 before the second frame."""
        if self.n < 2:
            return np.zeros_like(self.mean)
        own = self._squares / (self.n - 1)
        varies = (own > 0) & (self.prior_variance > 0)
        if not varies.any():
            return own
        level = float(np.median(own[varies] / self.prior_variance[varies]))
        weight = self.prior_frames
        return (self._squares + weight * level * self.prior_variance) / (self.n - 1 + weight)

    def zscores(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """z-scores of a frame by the frames so far, of shape (n_regions,); 0 where the SD is 0."""
        sd = np.sqrt(self.variance())
        return np.divide(values - self.mean, sd, out=np.zeros_like(values), where=sd > 0)
