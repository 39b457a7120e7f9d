"""Similarity of the connectivity of cortical vertices, without storing the matrix of all pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from painprint.arrays import Codes, Single, short_repr
from painprint.cortex.settings import RANK

HIGHEST = 0.999
"""Correlations are clipped to this absolute value before Fisher's z."""
BLOCK = 1024
"""Columns of a similarity matrix that are held at a time."""


@short_repr
@dataclass(frozen=True, eq=False)
class LinearSimilarity:
    """Correlation between connectivity maps of correlations, in closed form.

    The connectivity map of a vertex is its correlation with every vertex. Without Fisher's z, the
    correlation of two such maps is an inner product in the space of frames, of which the leading
    dimensions are kept.

    Attributes
    ----------
    features : array of shape (n_points, rank), float32
        Unit rows; similarity is their inner product.
    """

    features: Single
    at_a_time = 600

    @classmethod
    def of(cls, unit: Single, *, rank: int = RANK) -> LinearSimilarity:
        """Compute the leading dimensions of the vertices' connectivity.

        Parameters
        ----------
        unit : ndarray of shape (n_points, n_columns), float32
            Rows whose inner products are correlations; zero rows have similarity 0.
        """
        # connectivity maps are unit @ unit[i]: centring them subtracts n * outer(mean, mean)
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
        """Fisher's z of the similarity of all vertices to the seeds: (n_points, n_seeds)."""
        return fisher_z(self.features @ self.features[seeds].T)


class ExactSimilarity:
    """Correlation between Fisher-z connectivity maps, as published, in blocks of columns.

    Parameters
    ----------
    unit : ndarray of shape (n_points, n_columns), float32
        Rows whose inner products are correlations.
    """

    at_a_time = 3000

    def __init__(self, unit: Single) -> None:
        self.unit = unit
        self._total = np.zeros(len(unit))
        self._squares = np.zeros(len(unit))
        self._has_sums = False
        """Whether sums over each vertex's map are known; the first call computes them."""

    def columns(self, seeds: Codes) -> Single:
        """Fisher's z of the similarity of all vertices to the seeds: (n_points, n_seeds).

        One pass over the connectivity of all pairs, a block of vertices at a time.
        """
        n_points = len(self.unit)
        maps = fisher_z(self.unit @ self.unit[seeds].T)
        similarity = np.empty((n_points, len(seeds)), np.float32)
        for start in range(0, n_points, BLOCK):
            block = slice(start, start + BLOCK)
            z = fisher_z(self.unit[block] @ self.unit.T)
            similarity[block] = z @ maps
            if not self._has_sums:
                self._total[block] = z.sum(axis=1, dtype=float)
                self._squares[block] = np.einsum("ij,ij->i", z, z, dtype=float)
        self._has_sums = True
        mean = self._total / n_points
        norm = np.sqrt(np.maximum(self._squares - n_points * mean**2, 0))
        for start in range(0, n_points, BLOCK):
            block = slice(start, start + BLOCK)
            inner = similarity[block] - n_points * np.outer(mean[block], mean[seeds])
            with np.errstate(divide="ignore", invalid="ignore"):
                r = inner / np.outer(norm[block], norm[seeds])
            similarity[block] = fisher_z(np.nan_to_num(r).astype(np.float32))
        return similarity


def unit_rows(series: Single) -> Single:
    """Rows of mean 0 and unit length; 0 where a row is constant."""
    centred = np.asarray(series, dtype=np.float32)
    return _unit(centred - centred.mean(axis=1, keepdims=True))


def _unit(rows: Single) -> Single:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, length, where=length > 0, out=np.zeros_like(rows))


def fisher_z(r: Single) -> Single:
    """Fisher's z of correlations, clipped to a finite range."""
    return np.arctanh(np.clip(r, -HIGHEST, HIGHEST, dtype=np.float32), dtype=np.float32)
