"""Concatenation of cleaned runs, reduced to the columns that their correlations need."""

from __future__ import annotations

import numpy as np

from painprint.arrays import Codes, Single, Vector

MOST_COLUMNS = 3000
"""Frames that are held unreduced; beyond, they are replaced by principal components."""
KEPT_COLUMNS = 1500
"""Principal components that are kept at each reduction."""


class Gathering:
    """Centred and concatenated runs of one person, for correlations between vertices.

    Up to ``most`` frames are kept unreduced. Beyond, all columns are replaced by their leading
    ``kept`` principal components, as often as needed (MIGP: Smith et al. 2014,
    doi 10.1016/j.neuroimage.2014.07.051). Sums of squares stay those of all frames, so that
    variance outside the components still lowers correlations.

    Attributes
    ----------
    columns : ndarray of shape (n_points, n_columns), float32
    squares : ndarray of shape (n_points,)
        Sum of squares of each vertex over all frames.
    n_valid : ndarray of int, shape (n_points,)
        Number of frames, over the runs in which the vertex has signal.
    """

    def __init__(self, *, most: int = MOST_COLUMNS, kept: int = KEPT_COLUMNS) -> None:
        self.most, self.kept = most, kept
        self.columns: Single = np.empty((0, 0), np.float32)
        self.squares: Vector = np.empty(0)
        self.n_valid: Codes = np.empty(0, np.int64)
        self.n_frames = 0

    def add(self, series: Single) -> None:
        """Append a run.

        Parameters
        ----------
        series : ndarray of shape (n_points, n_frames)
            Cleaned. Vertices with a value that is not finite have no signal in this run.
        """
        centred = np.asarray(series - series.mean(axis=1, keepdims=True), dtype=np.float32)
        centred[~np.isfinite(centred).all(axis=1)] = 0
        squares = np.einsum("ij,ij->i", centred, centred, dtype=float)
        self._join(centred, squares, (squares > 0) * series.shape[1], series.shape[1])

    def join(self, other: Gathering) -> None:
        """Append all runs of another."""
        self._join(other.columns, other.squares, other.n_valid, other.n_frames)

    def _join(self, columns: Single, squares: Vector, n_valid: Codes, n_frames: int) -> None:
        if not self.n_frames:
            self.columns, self.squares, self.n_valid = columns, squares, n_valid
        else:
            self.columns = np.concatenate([self.columns, columns], axis=1)
            self.squares, self.n_valid = self.squares + squares, self.n_valid + n_valid
        self.n_frames += n_frames
        if self.columns.shape[1] > self.most:
            self._reduce()

    def _reduce(self) -> None:
        """Replace the columns by their leading principal components."""
        gram = (self.columns.T @ self.columns).astype(float)
        _, vectors = np.linalg.eigh(gram)  # ascending eigenvalues
        self.columns = self.columns @ vectors[:, : -self.kept - 1 : -1].astype(np.float32)

    @property
    def share_kept(self) -> float:
        """Share of the variance of all frames that the columns retain."""
        total = self.squares.sum()
        held = np.einsum("ij,ij->", self.columns, self.columns, dtype=float)
        return float(held / total) if total else 1.0

    def unit(self) -> Single:
        """Rows whose inner products are correlations: (n_points, n_columns); 0 without signal."""
        length = np.sqrt(self.squares)
        scale = np.divide(1, length, where=length > 0, out=np.zeros_like(length))
        return self.columns * scale[:, None].astype(np.float32)
