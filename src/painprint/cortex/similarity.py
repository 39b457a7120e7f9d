"""How alike the connectivity of two points of cortex is, without ever holding all pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Single = NDArray[np.float32]
Codes = NDArray[np.int64]

HIGHEST = 0.999
"""Correlations are clipped here before Fisher's z."""
BLOCK = 1024
"""Columns of a similarity matrix that are held at a time."""


@dataclass(frozen=True, eq=False)
class LinearSimilarity:
    """Correlation between connectivity maps of correlations, in closed form.

    Connectivity of a point is its correlation with every point. Without Fisher's z, the correlation
    of two such maps is an inner product in the space of frames, of which the leading
    dimensions are kept.

    Attributes
    ----------
    features : array of shape (n_points, rank), float32
        Of unit length; similarity is their inner product.
    """

    features: Single

    @classmethod
    def of(cls, series: Single, *, rank: int) -> LinearSimilarity:
        """Take the leading dimensions of the points' connectivity.

        Parameters
        ----------
        series : ndarray of shape (n_points, n_frames)
            Rows that never vary are similar to nothing.
        rank : int
        """
        unit = unit_rows(series)
        mean = unit.mean(axis=0, dtype=float)
        gram = np.zeros((unit.shape[1],) * 2)
        for start in range(0, len(unit), 16 * BLOCK):
            part = unit[start : start + 16 * BLOCK]
            gram += (part.T @ part).astype(float)
        values, vectors = np.linalg.eigh(gram - len(unit) * np.outer(mean, mean))
        kept = np.argsort(values)[::-1][:rank]
        root = np.sqrt(np.maximum(values[kept], 0))
        features = unit @ (vectors[:, kept] * root).astype(np.float32)
        return cls(_unit(features))

    def columns(self, seeds: Codes) -> Single:
        """Fisher's z of the similarity of all points to some: (n_points, n_seeds)."""
        return fisher_z(self.features @ self.features[seeds].T)


@dataclass(frozen=True, eq=False)
class ExactSimilarity:
    """Correlation between Fisher-z connectivity maps, as published; computed column by column.

    Attributes
    ----------
    unit : array of shape (n_points, n_frames), float32
        Time series of mean 0 and length 1.
    mean, norm : array of shape (n_points,)
        Of each point's connectivity map.
    """

    unit: Single
    mean: Matrix
    norm: Matrix

    @classmethod
    def of(cls, series: Single) -> ExactSimilarity:
        """Go once over all pairs for means and norms; blocks of rows at a time."""
        unit = unit_rows(series)
        total, squares = np.zeros(len(unit)), np.zeros(len(unit))
        for start in range(0, len(unit), BLOCK):
            z = fisher_z(unit[start : start + BLOCK] @ unit.T)
            total[start : start + BLOCK] = z.sum(axis=1, dtype=float)
            squares[start : start + BLOCK] = np.einsum("ij,ij->i", z, z, dtype=float)
        mean = total / len(unit)
        return cls(unit, mean, np.sqrt(np.maximum(squares - len(unit) * mean**2, 0)))

    def columns(self, seeds: Codes) -> Single:
        """Fisher's z of the similarity of all points to some: (n_points, n_seeds)."""
        wanted = fisher_z(self.unit @ self.unit[seeds].T)
        found = np.empty((len(self.unit), len(seeds)), np.float32)
        for start in range(0, len(self.unit), BLOCK):
            z = fisher_z(self.unit[start : start + BLOCK] @ self.unit.T)
            found[start : start + BLOCK] = z @ wanted
        inner = found - len(self.unit) * np.outer(self.mean, self.mean[seeds])
        with np.errstate(divide="ignore", invalid="ignore"):
            r = inner / np.outer(self.norm, self.norm[seeds])
        return fisher_z(np.nan_to_num(r).astype(np.float32))


def unit_rows(series: Single) -> Single:
    """Rows of mean 0 and length 1; 0 where a row never varies."""
    centred = np.asarray(series, dtype=np.float32)
    return _unit(centred - centred.mean(axis=1, keepdims=True))


def _unit(rows: Single) -> Single:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, length, where=length > 0, out=np.zeros_like(rows))


def fisher_z(r: Single) -> Single:
    """Fisher's z of correlations, clipped above."""
    return np.arctanh(np.clip(r, -HIGHEST, HIGHEST, dtype=np.float32), dtype=np.float32)
