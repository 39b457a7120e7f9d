"""Cleaned runs of many sessions, held as few columns as their correlations need."""

from __future__ import annotations

import numpy as np

from painprint.arrays import Codes, Single, Vector

MOST_COLUMNS = 3000
"""Frames that are held as they are; beyond, principal components take their place."""
KEPT_COLUMNS = 1500
"""Components that are kept whenever there are too many columns."""


class Gathering:
    """Runs of one person, centred and joined; what is kept gives their correlations.

    Up to ``most`` frames are kept as they are. Where there are more, the leading ``kept``
    components take the place of all before, as often as it is needed (MIGP: Smith et al. 2014,
    doi 10.1016/j.neuroimage.2014.07.051). Lengths of the time series stay those of all frames, so
    that noise that was dropped still lowers correlations.

    Attributes
    ----------
    columns : ndarray of shape (n_points, n_columns), float32
    squares : ndarray of shape (n_points,)
        Sum over all frames of each point's squares.
    heard : ndarray of int, shape (n_points,)
        Frames of the runs in which the point had a signal.
    """

    def __init__(self, *, most: int = MOST_COLUMNS, kept: int = KEPT_COLUMNS) -> None:
        self.most, self.kept = most, kept
        self.columns: Single = np.empty((0, 0), np.float32)
        self.squares: Vector = np.empty(0)
        self.heard: Codes = np.empty(0, np.int64)
        self.n_frames = 0

    def add(self, series: Single) -> None:
        """Join a run.

        Parameters
        ----------
        series : ndarray of shape (n_points, n_frames)
            Cleaned; of the same points as before. Points without a value have none in this run.
        """
        centred = np.asarray(series - series.mean(axis=1, keepdims=True), dtype=np.float32)
        centred[~np.isfinite(centred).all(axis=1)] = 0
        squares = np.einsum("ij,ij->i", centred, centred, dtype=float)
        self._join(centred, squares, (squares > 0) * series.shape[1], series.shape[1])

    def join(self, other: Gathering) -> None:
        """Join all that another has gathered."""
        self._join(other.columns, other.squares, other.heard, other.n_frames)

    def _join(self, columns: Single, squares: Vector, heard: Codes, n_frames: int) -> None:
        if not self.n_frames:
            self.columns, self.squares, self.heard = columns, squares, heard
        else:
            self.columns = np.concatenate([self.columns, columns], axis=1)
            self.squares, self.heard = self.squares + squares, self.heard + heard
        self.n_frames += n_frames
        if self.columns.shape[1] > self.most:
            self._reduce()

    def _reduce(self) -> None:
        """Turn the columns to their principal axes, and keep the leading ones."""
        gram = (self.columns.T @ self.columns).astype(float)
        _, vectors = np.linalg.eigh(gram)
        self.columns = self.columns @ vectors[:, : -self.kept - 1 : -1].astype(np.float32)

    @property
    def share_kept(self) -> float:
        """Share of the variance that the columns hold."""
        total = self.squares.sum()
        held = np.einsum("ij,ij->", self.columns, self.columns, dtype=float)
        return float(held / total) if total else 1.0

    def unit(self) -> Single:
        """Rows whose inner products are correlations: (n_points, n_columns); 0 without signal."""
        length = np.sqrt(self.squares)
        scale = np.divide(1, length, where=length > 0, out=np.zeros_like(length))
        return self.columns * scale[:, None].astype(np.float32)
