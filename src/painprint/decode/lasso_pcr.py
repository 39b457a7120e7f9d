"""LASSO on principal components, in closed form, from inner products alone.

After centring, component scores are orthogonal. So the LASSO keeps component j at
penalty λ exactly where ``c_j = |uⱼᵀ(y - ȳ)| / √n`` exceeds λ, and least squares on the kept
components are sums over them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from painprint.arrays import Codes, Matrix, Vector, short_repr

Keep = Literal["positive", "first"]

EPS = float(np.finfo(float).eps)


@dataclass(frozen=True)
class LassoRules:
    """What every fit of LASSO-PCR in a nested cross-validation is made by.

    Parameters
    ----------
    n_edges : int
        Length of the rows behind the inner products.
    grid : {"training", "all"}
        Rows that make the λ grid of an outer fold: its own, or (paper) all.
    keep : {"positive", "first"}
        See :func:`fit_components`.
    """

    n_edges: int
    grid: Literal["training", "all"] = "training"
    keep: Keep = "positive"


@short_repr
@dataclass(frozen=True, eq=False)
class Components:
    """Principal components of one training set and how they go with the rating.

    Components are ordered by ``c``, largest first, so that the p-component model is the
    first p of them.

    Attributes
    ----------
    vectors : ndarray of shape (n_rows, n_components)
        Unit eigenvectors of the centred Gram matrix.
    slopes : ndarray of shape (n_components,)
        a_j / w_j: least-squares coefficient along each eigenvector.
    c : ndarray of shape (n_components,)
        Penalty at which each component leaves the model; descending.
    column_means : ndarray of shape (n_rows,)
        Column means of the uncentred Gram matrix of the training rows.
    """

    vectors: Matrix
    slopes: Vector
    c: Vector
    y_mean: float
    column_means: Vector

    def count_active(self, penalty: Vector) -> Codes:
        """Components kept at each penalty: those with c above it."""
        return len(self.c) - np.searchsorted(self.c[::-1], penalty, side="right")

    def predict_path(self, cross: Matrix) -> Matrix:
        """Predictions of the models with 0, 1, ... components: (n_new, n_components + 1).

        Parameters
        ----------
        cross : ndarray of shape (n_new, n_rows)
            Inner products of new rows with the training rows, not centred.
        """
        centred = center_cross(cross, self.column_means)
        path = np.empty((len(cross), len(self.c) + 1))
        path[:, 0] = self.y_mean
        np.cumsum((centred @ self.vectors) * self.slopes, axis=1, out=path[:, 1:])
        path[:, 1:] += self.y_mean
        return path

    def dual(self, n_active: int) -> Vector:
        """Row coefficients of the model with so many components; they sum to 0.

        Edge weights are Xᵀ times these.
        """
        dual = self.vectors[:, :n_active] @ self.slopes[:n_active]
        return dual - dual.mean()

    def intercept(self, dual: Vector) -> float:
        """ȳ - x̄·w."""
        return self.y_mean - float(self.column_means @ dual)


def center_gram(K: Matrix) -> Matrix:
    """Gram matrix of the rows after their mean is taken away: (I - 11ᵀ/n) K (I - 11ᵀ/n)."""
    means = K.mean(axis=0)
    return K - means - means[:, None] + means.mean()


def center_cross(cross: Matrix, column_means: Vector) -> Matrix:
    """Inner products with the centred training rows, of new rows centred by the same mean.

    Parameters
    ----------
    cross : ndarray of shape (n_new, n_rows)
    column_means : ndarray of shape (n_rows,)
        Of the training rows' own Gram matrix.
    """
    return cross - column_means - cross.mean(axis=1)[:, None] + column_means.mean()


def eigenvectors(K: Matrix, *, keep: Keep, n_edges: int) -> tuple[Vector, Matrix]:
    """Eigenvalues, descending, and unit eigenvectors of the centred rows that are kept.

    Parameters
    ----------
    K, keep, n_edges
        As for :func:`fit_components`.
    """
    n = len(K)
    values, vectors = np.linalg.eigh(center_gram(K))
    values, vectors = values[::-1], vectors[:, ::-1]
    if keep == "first":
        m = min(n, n_edges) - 1
    else:
        tolerance = n * EPS * max(float(values[0]), float(np.abs(K.diagonal()).max()))
        m = min(n - 1, int((values > tolerance).sum()))
    return values[:m], vectors[:, :m]


def fit_components(
    K: Matrix, y: Vector, *, keep: Keep = "positive", n_edges: int = 0
) -> Components:
    """Principal components of the rows behind a Gram matrix, and their share in y.

    Parameters
    ----------
    K : ndarray of shape (n_rows, n_rows)
        Inner products of the training rows, not centred.
    y : ndarray of shape (n_rows,)
        Rating.
    keep : {"positive", "first"}
        ``"positive"``: every component whose eigenvalue is positive beyond rounding.
        ``"first"``: the first min(n_rows, n_edges) - 1, as the published scripts.
    n_edges : int
        Needed for ``"first"``.

    References
    ----------
    docs/methods.md
    """
    n = len(y)
    values, vectors = eigenvectors(K, keep=keep, n_edges=n_edges)
    y_mean = float(y.mean())
    a = vectors.T @ (y - y_mean)
    c = np.abs(a) / np.sqrt(n)
    order = np.argsort(-c, kind="stable")
    return Components(
        vectors=vectors[:, order],
        slopes=(a / values)[order],
        c=c[order],
        y_mean=y_mean,
        column_means=K.mean(axis=0),
    )


def penalty_grid(c: Vector) -> Vector:
    """Penalties that give every number of components but all: L_p = c_(p+1) (1 + ε).

    Parameters
    ----------
    c : ndarray of shape (n_components,)
        Descending.

    Returns
    -------
    penalty : ndarray of shape (n_components - 1,)
        Ascending: the model with most components first. Entry i stands for the model
        with ``n_components - 1 - i`` components of the fit that made the grid.
    """
    return c[:0:-1] * (1 + EPS)


def grid_rank(c: Vector, index: int) -> int:
    """Number of components that entry ``index`` of the grid made from ``c`` stands for.

    A fit on the grid's own rows selects by this, never by comparing with its own λ.
    """
    return len(c) - 1 - index
