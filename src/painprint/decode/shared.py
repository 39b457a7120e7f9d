"""Nested ridge regressions from one eigendecomposition of all rows, in half the time.

Leaving rows B out of a linear smoother takes their residuals r_B and their block of R = I - H
alone. So every fold of nested leave-one-group-out, and every group left out inside it, follow from
the decomposition of all rows. The models are those of :class:`~painprint.decode.decoders.Ridge`, up
to rounding: a fold is not bit-identical whatever its held-out group holds, as there. What a study
reports of a person, and the null, is decoded there; analyses with something changed are, here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from painprint.arrays import Codes, Matrix, Vector
from painprint.decode.model import Choice, Model
from painprint.decode.ridge import (
    ALPHAS,
    LeftOut,
    Spectrum,
    check_ratings_vary,
    leave_groups_out,
    solve_symmetric,
)


@dataclass(frozen=True, eq=False)
class SharedFit:
    """All rows decomposed once.

    Attributes
    ----------
    K : ndarray of shape (n_rows, n_rows)
        Inner products, not centred.
    y : ndarray of shape (n_rows,)
    spectrum : Spectrum
        Of what is left of K after the unpenalised columns.
    columns : ndarray of shape (n_rows, n_columns)
        Unpenalised: a constant, and confounds.
    left_out : list of LeftOut
        A group each, in order, with its neighbours.
    """

    K: Matrix
    y: Vector
    spectrum: Spectrum
    columns: Matrix
    left_out: list[LeftOut]

    @cached_property
    def _centred(self) -> Vector:
        Q = self.spectrum.unpenalised
        left: Vector = self.y - Q @ (Q.T @ self.y)
        return left

    @cached_property
    def _projected(self) -> Vector:
        projected: Vector = self.spectrum.vectors.T @ self._centred
        return projected

    def fold(self, k: int) -> Model:
        """The model without a group (and its neighbours), its penalty chosen by leaving out others.

        With confounds it is a model of what these leave, whose means are 0.

        Raises
        ------
        NotEnoughData
            Where the rating does not vary across the training rows.
        """
        out = self.left_out[k].rows
        train = np.setdiff1d(np.arange(len(self.y)), out)
        check_ratings_vary(self.y[train, None])
        unit = self._mean_eigenvalue(train)
        inside = [j for j in range(len(self.left_out)) if self._keeps(j, out)]
        found = [self._inner_errors(alpha * unit, out, inside) for alpha in ALPHAS]
        errors = np.array(found)  # (n_alphas,)
        best = len(ALPHAS) - 1 - int(np.argmin(errors[::-1]))
        reference = self._inner_errors(np.inf, out, inside)
        penalty = float(ALPHAS[best] * unit)
        dual = self._dual(penalty, out, train)
        path = 1 - errors / reference if reference > 0 else np.full(len(errors), np.nan)
        choice = Choice(
            penalty=penalty,
            dof=np.nan,
            inner_score=float(path[best]),
            path_penalty=ALPHAS * unit,
            path_score=path,
            alpha=float(ALPHAS[best]),
            at_edge=best in (0, len(ALPHAS) - 1),
        )
        y_mean = intercept = 0.0
        if self.columns.shape[1] == 1:
            y_mean = float(self.y[train].mean())
            intercept = y_mean - float(self.K[np.ix_(train, train)].mean(axis=0) @ dual[train])
        return Model(dual=dual, intercept=intercept, y_mean=y_mean, choice=choice)

    def _keeps(self, j: int, out: Codes) -> bool:
        """Whether the rows of a group that are tested train, so that it can be left out inside."""
        tested = self.left_out[j].rows[self.left_out[j].average.any(axis=0)]
        return not np.isin(tested, out).any()

    def _mean_eigenvalue(self, train: Codes) -> float:
        """Of the training rows' Gram matrix after the unpenalised columns: its trace over n."""
        K = self.K[np.ix_(train, train)]
        U, singular, _ = np.linalg.svd(self.columns[train], full_matrices=False)
        Q = U[:, singular > 1e-10 * singular[0]]
        return float((np.trace(K) - ((Q.T @ K) * Q.T).sum()) / len(train))

    def _leave(self, penalty: float, out: Codes) -> _Left:
        """The smoother of all rows at a penalty, and what leaving some rows out takes."""
        values, U, Q = self.spectrum.values, self.spectrum.vectors, self.spectrum.unpenalised
        kept = np.zeros(len(values)) if np.isinf(penalty) else values / (values + penalty)
        V = np.hstack([U * np.sqrt(kept), Q])  # H = V Vᵀ
        residual = self._centred - U @ (kept * self._projected)
        of_out = -_rows(V, out) @ V.T  # rows of I - H
        of_out[np.arange(len(out)), out] += 1
        solved = solve_symmetric(of_out[:, out], np.column_stack([residual[out], of_out]))
        return _Left(V, of_out, solved[:, 1:], residual - of_out.T @ solved[:, 0])

    def _inner_errors(self, penalty: float, out: Codes, inside: list[int]) -> float:
        """Pooled squared error of the groups left out inside the fold."""
        left, total = self._leave(penalty, out), 0.0
        for j in inside:
            group = self.left_out[j]
            new = np.isin(group.rows, out, invert=True)  # neighbours may be gone already
            rows, average = group.rows[new], group.average[:, new]
            V = _rows(left.V, rows)
            block = np.eye(len(rows)) - V @ V.T - left.of_out[:, rows].T @ left.solved[:, rows]
            errors = average @ solve_symmetric(block, left.residual[rows][:, None])[:, 0]
            total += float(errors @ errors)
        return total

    def _dual(self, penalty: float, out: Codes, train: Codes) -> Vector:
        """Coefficients of the rows of the model without some: its residuals over λ."""
        dual = np.zeros(len(self.y))
        dual[train] = self._leave(penalty, out).residual[train] / penalty
        return dual


@dataclass(frozen=True, eq=False)
class _Left:
    """A smoother H = V Vᵀ of all rows, and what is left where some are left out.

    ``of_out`` are their rows of R = I - H, ``solved`` their block of R inverted times these,
    ``residual`` the residuals of the fit without them.
    """

    V: Matrix
    of_out: Matrix
    solved: Matrix
    residual: Vector


def _rows(matrix: Matrix, rows: Codes) -> Matrix:
    """Some rows, without a copy where they follow each other."""
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
    """Decompose all rows.

    Parameters
    ----------
    K : ndarray of shape (n_rows, n_rows)
        Inner products, not centred.
    y : ndarray of shape (n_rows,)
    groups, unit, n_frames, buffer
        As for :func:`~painprint.decode.ridge.leave_groups_out`.
    confounds : ndarray of shape (n_rows, n_confounds), optional
        Fitted without a penalty, whatever rows train.
    """
    columns = np.ones((len(y), 1))
    if confounds is not None:
        columns = np.column_stack([columns, confounds])
    U, singular, _ = np.linalg.svd(columns, full_matrices=False)
    Q = U[:, singular > 1e-10 * singular[0]]
    left = K - Q @ (Q.T @ K)
    spectrum = Spectrum.of(left - (left @ Q) @ Q.T, columns)
    left_out = leave_groups_out(groups, unit=unit, n_frames=n_frames, buffer=buffer)
    return SharedFit(K, y, spectrum, columns, left_out)
