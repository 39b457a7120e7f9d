"""z-scores of regions while a run goes on, from the frames so far."""

from __future__ import annotations

import numpy as np

from painprint.arrays import Vector

MOST_WAITING = 64
"""Frames that are kept until they are added together."""


class RunEdges:
    """Mean co-fluctuation of all frames so far, as if the run had ended now.

    It is that of frames z-scored over these frames themselves, as for a whole run, and not of the
    z-scores by which they were scored when they came.
    """

    def __init__(self, n_regions: int) -> None:
        self.n = 0
        self._mean = np.zeros(n_regions)
        self._products = np.zeros((n_regions, n_regions))
        self._waiting: list[Vector] = []

    def add(self, values: Vector) -> None:
        """Add a frame of finite values, of shape (n_regions,)."""
        self.n += 1
        self._waiting.append(values)
        if len(self._waiting) >= MOST_WAITING:
            self._add_waiting()

    def _add_waiting(self) -> None:
        """Add frames together, which takes less time than one by one."""
        if not self._waiting:
            return
        block, self._waiting = np.array(self._waiting), []
        n_before, n = self.n - len(block), len(block)
        off = block.mean(axis=0) - self._mean
        centred = block - block.mean(axis=0)
        self._products += centred.T @ centred + np.outer(off, off * (n_before * n / self.n))
        self._mean += off * (n / self.n)

    def edges(self) -> Vector:
        """Region pairs i < j, row by row, of shape (n_edges,); 0 with a constant region."""
        self._add_waiting()
        a, b = np.triu_indices(len(self._mean), k=1)
        squares = np.sqrt(np.diag(self._products))
        scale = squares[a] * squares[b] * (self.n / max(1, self.n - 1))
        products = self._products[a, b]
        return np.divide(products, scale, out=np.zeros_like(products), where=scale > 0)


class CausalScaling:
    """Mean and SD of each region over the frames so far, and z-scores by them.

    Offline, regions are z-scored over the whole run; here only what was before is known. Variances
    are shrunk towards the median of those of all regions, as if that came from
    ``prior_frames`` more frames.

    Parameters
    ----------
    prior_frames : float
        Weight of the prior (frames).
    """

    def __init__(self, n_regions: int, *, prior_frames: float = 60.0) -> None:
        self.prior_frames = prior_frames
        self.n = 0
        self.mean = np.zeros(n_regions)
        self._squares = np.zeros(n_regions)

    def add(self, values: Vector) -> None:
        """Add a frame of finite values, of shape (n_regions,)."""
        self.n += 1
        off = values - self.mean
        self.mean += off / self.n
        self._squares += off * (values - self.mean)

    def variance(self) -> Vector:
        """Shrunk variance of each region, of shape (n_regions,); 0 before the second frame."""
        if self.n < 2:
            return np.zeros_like(self.mean)
        own = self._squares / (self.n - 1)
        if not (own > 0).any():
            return own
        prior = self.prior_frames * float(np.median(own[own > 0]))
        return (self._squares + prior) / (self.n - 1 + self.prior_frames)

    def zscores(self, values: Vector) -> Vector:
        """z-scores of a frame by the frames so far, of shape (n_regions,); 0 where the SD is 0."""
        sd = np.sqrt(self.variance())
        return np.divide(values - self.mean, sd, out=np.zeros_like(values), where=sd > 0)
