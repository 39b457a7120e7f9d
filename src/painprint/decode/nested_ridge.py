"""Nested ridge regression from one eigendecomposition of all rows, in half the time.

The fit of a linear smoother without rows B follows from their residuals r_B and their block of
R = I - H alone. So every fold of nested leave-one-group-out, and every inner fold, follows from the
decomposition of all rows. The models equal those of :class:`~painprint.decode.decoders.Ridge` up to
rounding; unlike there, a fold may depend on its held-out group in the last bits. The main decoding
and the null use that class; confound and sensitivity analyses use this one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from painprint.arrays import Codes, Matrix, Vector, short_repr
from painprint.decode.errors import NotEnoughData
from painprint.decode.model import Choice, Model
from painprint.decode.ridge import (
    ALPHAS,
    LeftOut,
    Spectrum,
    check_ratings_vary,
    leave_groups_out,
    solve_symmetric,
)


@short_repr
@dataclass(frozen=True, eq=False)
class SharedFit:
    """Eigendecomposition of all rows, from which folds follow.

    Attributes
    ----------
    K : ndarray of shape (n_rows, n_rows)
        Inner products, not centred.
    y : ndarray of shape (n_rows,)
        Rating.
    spectrum : Spectrum
        Of K after the unpenalised columns are projected out.
    columns : ndarray of shape (n_rows, n_columns)
        Unpenalised: a constant, and confounds.
    left_out : list of LeftOut
        Rows of each group, in order, and of its neighbours in the buffer.
    """

    K: Matrix
    y: Vector
    spectrum: Spectrum
    columns: Matrix
    left_out: list[LeftOut]

    @cached_property
    def _centred(self) -> Vector:
        Q = self.spectrum.unpenalised
        residual: Vector = self.y - Q @ (Q.T @ self.y)
        return residual

    @cached_property
    def _projected(self) -> Vector:
        projected: Vector = self.spectrum.vectors.T @ self._centred
        return projected

    def fold(self, k: int) -> Model:
        """Model without group k (and its neighbours), the penalty chosen by inner cross-validation.

        With confounds it is a model of residuals, whose means are 0.

        Raises
        ------
        NotEnoughData
            Where the rating does not vary across the training rows, or the unpenalised columns
            explain all of them.
        """
        out = self.left_out[k].rows
        train = np.setdiff1d(np.arange(len(self.y)), out)
        check_ratings_vary(self.y[train, None])
        unit = self._mean_eigenvalue(train)
        if unit <= 1e-10 * np.trace(self.K) / len(self.K):
            raise NotEnoughData(
                f"{len(train)} training rows have no variance left besides that of the "
                f"{self.columns.shape[1]} unpenalised columns (a constant, and confounds)."
            )
        inner = [j for j in range(len(self.left_out)) if self._trains(j, out)]
        errors = np.array([self._inner_error(alpha * unit, out, inner) for alpha in ALPHAS])
        # reversed: of equal errors the largest penalty
        best = len(ALPHAS) - 1 - int(np.argmin(errors[::-1]))
        reference = self._inner_error(np.inf, out, inner)
        penalty = float(ALPHAS[best] * unit)
        dual = self._dual(penalty, out, train)
        path_skill = 1 - errors / reference if reference > 0 else np.full(len(errors), np.nan)
        choice = Choice(
            penalty=penalty,
            dof=np.nan,
            inner_score=float(path_skill[best]),
            path_penalty=ALPHAS * unit,
            path_score=path_skill,
            alpha=float(ALPHAS[best]),
            at_edge=best in (0, len(ALPHAS) - 1),
        )
        y_mean = intercept = 0.0
        if self.columns.shape[1] == 1:
            y_mean = float(self.y[train].mean())
            intercept = y_mean - float(self.K[np.ix_(train, train)].mean(axis=0) @ dual[train])
        return Model(dual=dual, intercept=intercept, y_mean=y_mean, choice=choice)

    def _trains(self, j: int, out: Codes) -> bool:
        """Whether all tested rows of group j are in training, so that an inner fold can test it."""
        tested = self.left_out[j].rows[self.left_out[j].average.any(axis=0)]
        return not np.isin(tested, out).any()

    def _mean_eigenvalue(self, train: Codes) -> float:
        """Mean eigenvalue of the training rows' Gram matrix without the unpenalised columns."""
        K = self.K[np.ix_(train, train)]
        U, singular, _ = np.linalg.svd(self.columns[train], full_matrices=False)
        Q = U[:, singular > 1e-10 * singular[0]]
        return float((np.trace(K) - ((Q.T @ K) * Q.T).sum()) / len(train))

    def _without(self, penalty: float, out: Codes) -> _Reduced:
        """The smoother of all rows at a penalty, and the residuals of its fit without some rows."""
        values, U, Q = self.spectrum.values, self.spectrum.vectors, self.spectrum.unpenalised
        shrinkage = np.zeros(len(values)) if np.isinf(penalty) else values / (values + penalty)
        V = np.hstack([U * np.sqrt(shrinkage), Q])  # H = V Vᵀ
        residual = self._centred - U @ (shrinkage * self._projected)
        R_out = -_rows(V, out) @ V.T  # rows of I - H
        R_out[np.arange(len(out)), out] += 1
        solved = solve_symmetric(R_out[:, out], np.column_stack([residual[out], R_out]))
        return _Reduced(V, R_out, solved[:, 1:], residual - R_out.T @ solved[:, 0])

    def _inner_error(self, penalty: float, out: Codes, inner: list[int]) -> float:
        """Pooled squared error of the inner folds."""
        reduced, total = self._without(penalty, out), 0.0
        for j in inner:
            group = self.left_out[j]
            present = np.isin(group.rows, out, invert=True)  # neighbours may be left out already
            rows, average = group.rows[present], group.average[:, present]
            V = _rows(reduced.V, rows)
            block = np.eye(len(rows)) - V @ V.T - reduced.R_out[:, rows].T @ reduced.solved[:, rows]
            errors = average @ solve_symmetric(block, reduced.residual[rows][:, None])[:, 0]
            total += float(errors @ errors)
        return total

    def _dual(self, penalty: float, out: Codes, train: Codes) -> Vector:
        """Dual coefficients of the model without some rows: its residuals over λ."""
        dual = np.zeros(len(self.y))
        dual[train] = self._without(penalty, out).residual[train] / penalty
        return dual


@dataclass(frozen=True, eq=False)
class _Reduced:
    """The smoother H = V Vᵀ of all rows, reduced to a fit without some of them.

    ``R_out`` holds the rows left out of R = I - H, ``solved`` the inverse of their block of R times
    ``R_out``, ``residual`` the residuals of the fit without them.
    """

    V: Matrix
    R_out: Matrix
    solved: Matrix
    residual: Vector


def _rows(matrix: Matrix, rows: Codes) -> Matrix:
    """Rows of a matrix, as a view if they are consecutive."""
    first, last = int(rows[0]), int(rows[-1])
    return matrix[first : last + 1] if last - first == len(rows) - 1 else matrix[rows]


def share(
    K: Matrix,
    y: Vector,
    groups: Codes,
    *,
    unit: Codes | None = None,
    n_frames: Vector | None = None,
    confounds: Matrix | None = None,
    buffer: int = 0,
) -> SharedFit:
    """Decompose all rows once; :meth:`SharedFit.fold` derives the folds.

    Parameters
    ----------
    K : ndarray of shape (n_rows, n_rows)
        Inner products, not centred.
    y : ndarray of shape (n_rows,)
        Rating.
    groups, unit, n_frames, buffer
        As for :func:`~painprint.decode.ridge.leave_groups_out`.
    confounds : ndarray of shape (n_rows, n_confounds), optional
        Fitted without a penalty; the same for any training rows.
    """
    columns = np.ones((len(y), 1))
    if confounds is not None:
        columns = np.column_stack([columns, confounds])
    U, singular, _ = np.linalg.svd(columns, full_matrices=False)
    Q = U[:, singular > 1e-10 * singular[0]]
    projected = K - Q @ (Q.T @ K)
    spectrum = Spectrum.of(projected - (projected @ Q) @ Q.T, columns)
    left_out = leave_groups_out(groups, unit=unit, n_frames=n_frames, buffer=buffer)
    return SharedFit(K, y, spectrum, columns, left_out)
