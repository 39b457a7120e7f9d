"""Nested ridge regression of many ratings from one eigendecomposition of all rows.

The fit of a linear smoother H without rows B follows from the residuals r = R y, R = I - H, of all
rows: their errors are R_BB⁻¹ r_B, the residuals of other rows j become r_j - R_jB R_BB⁻¹ r_B, and
R_jj becomes R_jj - R_jB R_BB⁻¹ R_Bj. So every fold of nested leave-one-group-out follows from the
decomposition of all rows, and, by the same identities again, every inner fold. What has to be known
of H at the penalties of every fold is computed at Chebyshev points of log λ, and interpolated: w /
(w + λ) has no pole within ±π of the real line of log λ, so that some 60 points give every penalty
to 1e-13.

The models equal those of :class:`~painprint.decode.decoders.Ridge` up to rounding; unlike there, a
fold may depend on its held-out group in the last bits. The main decoding uses that class; the null,
confound and sensitivity analyses use this one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from painprint.arrays import Codes, Matrix, Vector, short_repr
from painprint.decode.chebyshev import ChebyshevPoints
from painprint.decode.errors import NotEnoughData
from painprint.decode.model import Choice, Model
from painprint.decode.ridge import (
    ALPHAS,
    SINGULAR,
    LeftOut,
    Spectrum,
    check_ratings_vary,
    leave_groups_out,
    smallest_error,
    solve_each,
)
from painprint.decode.samples import Samples
from painprint.parallel import map_ordered, one_blas_thread

RESIDUAL_BYTES = 6e7
"""Residuals at all penalties that a fold holds at once."""
POINTS_BYTES = 6e8
"""Fits at all points that are held at once."""


@short_repr
@dataclass(frozen=True, eq=False)
class ManyModels:
    """Models of one fold, a rating each.

    Attributes
    ----------
    dual : ndarray of shape (n_rows, n_ratings)
        Dual coefficients; 0 for the rows left out.
    y_mean : ndarray of shape (n_ratings,)
        Mean rating of the training rows.
    penalty, dof : ndarrays of shape (n_ratings,)
        Chosen λ, and its effective degrees of freedom.
    chosen : ndarray of int, shape (n_ratings,)
        Index of the penalty among ``ALPHAS``.
    path_skill : ndarray of shape (n_alphas, n_ratings)
        Skill of the inner folds, 1 - SSE / SSE of the mean.
    """

    dual: Matrix
    y_mean: Vector
    penalty: Vector
    dof: Vector
    chosen: Codes
    path_skill: Matrix

    @property
    def inner_skill(self) -> Vector:
        """Skill of the inner folds at the chosen penalty: (n_ratings,)."""
        skill: Vector = np.take_along_axis(self.path_skill, self.chosen[None], axis=0)[0]
        return skill


@short_repr
@dataclass(frozen=True, eq=False)
class SharedFit:
    """Eigendecomposition of all rows, from which folds follow.

    Attributes
    ----------
    K : ndarray of shape (n_rows, n_rows)
        Inner products, not centred.
    Y : ndarray of shape (n_rows, n_ratings)
        A rating per column.
    spectrum : Spectrum
        Of K after the unpenalised columns are projected out.
    columns : ndarray of shape (n_rows, n_columns)
        Unpenalised: a constant, and confounds.
    left_out : list of LeftOut
        Inner folds: rows of each group, in order, and of its neighbours in the buffer. Each is
        used where all of its tested rows are in training.
    outer : list of ndarray of int
        Rows that each outer fold leaves out.
    fitted : tuple of ndarrays of shape (n_points, n_rows, n_some)
        Fit of all rows at each point, of some ratings each; see :meth:`prepare`.
    """

    K: Matrix
    Y: Matrix
    spectrum: Spectrum
    columns: Matrix
    left_out: list[LeftOut]
    outer: list[Codes]
    fitted: tuple[Matrix, ...] = ()

    def of_ratings(self, Y: Matrix) -> SharedFit:
        """The same of other ratings, (n_rows, n_ratings)."""
        return replace(self, Y=Y)

    def leaving_out(self, outer: Sequence[Codes]) -> SharedFit:
        """The same with other outer folds: the rows that each leaves out."""
        return replace(self, outer=list(outer))

    @cached_property
    def unit(self) -> Vector:
        """Mean eigenvalue of the training rows of each outer fold: (n_outer,)."""
        U, values = self.spectrum.vectors, self.spectrum.values
        diagonal = (U * U) @ values
        return np.array([self._mean_eigenvalue(diagonal, out) for out in self.outer])

    def _mean_eigenvalue(self, diagonal: Vector, out: Codes) -> float:
        """The unpenalised columns are projected out of all rows; what they would still explain of
        the training rows follows from the rows left out, C_tᵀ G_tt C_t = C_oᵀ G_oo C_o."""
        train = np.setdiff1d(np.arange(len(diagonal)), out)
        _, singular, V = np.linalg.svd(self.columns[train], full_matrices=False)
        kept = singular > SINGULAR * singular[0]
        of_out = self.spectrum.vectors[out].T @ (self.columns[out] @ (V[kept].T / singular[kept]))
        explained = float(self.spectrum.values @ (of_out * of_out).sum(axis=1))
        return (float(diagonal[train].sum()) - explained) / len(train)

    @cached_property
    def _points(self) -> ChebyshevPoints:
        """Points of log λ, which span the penalties of all folds."""
        usable = self.unit[self.unit > self._no_variance]
        low, high = (usable.min(), usable.max()) if len(usable) else (1.0, 1.0)
        return ChebyshevPoints.between(ALPHAS[0] * low, ALPHAS[-1] * high)

    @property
    def _no_variance(self) -> float:
        """Mean eigenvalue that counts as 0."""
        return float(SINGULAR * np.trace(self.K) / len(self.K))

    @cached_property
    def _centred(self) -> Matrix:
        Q = self.spectrum.unpenalised
        residual: Matrix = self.Y - Q @ (Q.T @ self.Y)
        return residual

    @cached_property
    def _projected(self) -> Matrix:
        projected: Matrix = self.spectrum.vectors.T @ self._centred
        return projected

    def _fit_part(self, some: slice) -> Matrix:
        """Fit of all rows, without the unpenalised columns, of some ratings at each point:
        (n_points, n_rows, n_some)."""
        U, projected = self.spectrum.vectors, self._projected[:, some]
        shrinkage = self._shrinkage(self._points.penalty)
        fitted = np.empty((len(shrinkage), *projected.shape))
        for at, of_point in enumerate(shrinkage):
            np.matmul(U, of_point[:, None] * projected, out=fitted[at])
        return fitted

    @property
    def _parts(self) -> list[slice]:
        """Ratings whose residuals at all penalties a fold holds at once."""
        n, n_rows = self.Y.shape[1], len(self.Y)
        at_once = max(1, int(RESIDUAL_BYTES / (8 * (len(ALPHAS) + 1) * n_rows)))
        return [slice(start, min(n, start + at_once)) for start in range(0, n, at_once)]

    @cached_property
    def _blocks(self) -> list[Matrix]:
        """U diag(w / (w + λ)) Uᵀ of the rows of each group at each point, as upper triangles."""
        shrinkage = self._shrinkage(self._points.penalty)
        blocks = []
        for group in self.left_out:
            U, upper = _rows(self.spectrum.vectors, group.rows), np.triu_indices(len(group.rows))
            blocks.append(np.array([((U * s) @ U.T)[upper] for s in shrinkage]))
        return blocks

    def prepare(self, *, n_jobs: int = 1) -> SharedFit:
        """The same with what all folds need, computed before they share it."""
        with one_blas_thread():
            _ = self._projected, self._points
        parts = ((some,) for some in self._parts)
        fitted = map_ordered(self._fit_part, parts, n_jobs=n_jobs, large=True)
        prepared = replace(self, fitted=tuple(fitted))
        with one_blas_thread():
            _ = prepared._centred, prepared._blocks, prepared._column_sums
        return prepared

    def _shrinkage(self, penalty: Vector) -> Matrix:
        """w / (w + λ) of each eigenvalue; 0 at an infinite λ: (n_penalties, n_rows)."""
        values = self.spectrum.values
        shrinkage: Matrix = values / (values + penalty[:, None])
        return shrinkage

    def fold(self, k: int) -> Model:
        """Model of the first rating without the rows of outer fold k.

        The penalty is chosen by inner cross-validation. With confounds it is a model of residuals,
        whose means are 0.

        Raises
        ------
        NotEnoughData
            Where the rating does not vary across the training rows, or the unpenalised columns
            explain all of them.
        """
        fit = self.fold_of_many(k)
        dual, chosen = fit.dual[:, 0], int(fit.chosen[0])
        choice = Choice(
            penalty=float(fit.penalty[0]),
            dof=float(fit.dof[0]),
            inner_score=float(fit.inner_skill[0]),
            path_penalty=ALPHAS * self.unit[k],
            path_score=fit.path_skill[:, 0],
            alpha=float(ALPHAS[chosen]),
            at_edge=chosen in (0, len(ALPHAS) - 1),
        )
        y_mean = intercept = 0.0
        if self.columns.shape[1] == 1:
            y_mean = float(fit.y_mean[0])
            intercept = y_mean - float(self.column_means(k) @ dual)
        return Model(dual=dual, intercept=intercept, y_mean=y_mean, choice=choice)

    def fold_of_many(self, k: int) -> ManyModels:
        """Models of every rating without the rows of outer fold k, each at its own penalty.

        Raises
        ------
        NotEnoughData
            As for :meth:`fold`.
        """
        out = self.outer[k]
        train = np.setdiff1d(np.arange(len(self.Y)), out)
        check_ratings_vary(self.Y[train])
        if self.unit[k] <= self._no_variance:
            raise NotEnoughData(
                f"{len(train)} training rows have no variance left besides that of the "
                f"{self.columns.shape[1]} unpenalised columns (a constant, and confounds)."
            )
        penalties = np.append(ALPHAS * self.unit[k], np.inf)  # and that of the mean alone
        without = self._without(out, penalties)
        blocks = list(self._inner_blocks(without))
        dual = np.zeros(self.Y.shape)
        errors = np.empty((len(penalties), self.Y.shape[1]))
        chosen = np.empty(self.Y.shape[1], np.int64)
        size = len(penalties) * max(fitted[0].size for fitted in self.fitted)
        buffers = np.empty(size), np.empty(size)  # to be used again: new pages take time
        for some, fitted in zip(self._parts, self.fitted, strict=True):
            residual = without.residual(self._centred[:, some], fitted, buffers)
            errors[:, some] = _squared_error(residual, blocks)
            best = chosen[some] = smallest_error(errors[:-1, some])
            at_best = np.take_along_axis(residual, best[None, None], axis=0)[0]
            dual[train, some] = at_best[train] / penalties[best]
        with np.errstate(invalid="ignore", divide="ignore"):
            path_skill = 1 - errors[:-1] / errors[-1]
        return ManyModels(
            dual=dual,
            y_mean=self.Y[train].mean(axis=0),
            penalty=penalties[chosen],
            dof=self._dof(without, train)[chosen],
            chosen=chosen,
            path_skill=path_skill,
        )

    def column_means(self, k: int) -> Vector:
        """Means of the columns of K over the training rows of outer fold k: (n_rows,)."""
        out = self.outer[k]
        total: Vector = self._column_sums - _rows(self.K, out).sum(axis=0)
        return total / (len(self.K) - len(out))

    @cached_property
    def _column_sums(self) -> Vector:
        sums: Vector = self.K.sum(axis=0)
        return sums

    def _without(self, out: Codes, penalties: Vector) -> _Without:
        """What a fit without some rows needs, at each penalty."""
        U, Q = self.spectrum.vectors, self.spectrum.unpenalised
        shrinkage, U_out = self._shrinkage(penalties), _rows(U, out)
        scaled = (U_out * shrinkage[:, None]).reshape(-1, len(U))
        R_out = (-_rows(Q, out) @ Q.T) - (scaled @ U.T).reshape(len(penalties), len(out), len(U))
        R_out[:, np.arange(len(out)), out] += 1
        solved = solve_each(R_out[:, :, out], R_out)
        return _Without(out, shrinkage, self._points.weights(penalties), R_out, solved)

    def _inner_blocks(self, without: _Without) -> Iterator[_InnerBlock]:
        """Inner folds: a group, and (I - H_jj)⁻¹ of the fit without the outer group."""
        Q = self.spectrum.unpenalised
        for j, group in enumerate(self.left_out):
            if not self._trains(j, without.out):
                continue
            present = np.isin(group.rows, without.out, invert=True)  # neighbours may be out already
            rows, average = group.rows[present], group.average[:, present]
            fitted = _symmetric(without.weights @ self._blocks[j], len(group.rows))
            fitted = fitted[:, present][:, :, present]
            free = np.eye(len(rows)) - Q[rows] @ Q[rows].T
            of_out = np.swapaxes(without.R_out[:, :, rows], 1, 2) @ without.solved[:, :, rows]
            inverse = solve_each(free - fitted - of_out, average.T)
            yield _InnerBlock(rows, np.swapaxes(inverse, 1, 2))

    def _trains(self, j: int, out: Codes) -> bool:
        """Whether all tested rows of group j are in training, so that an inner fold can test it."""
        tested = self.left_out[j].rows[self.left_out[j].average.any(axis=0)]
        return not np.isin(tested, out).any()

    def _dof(self, without: _Without, train: Codes) -> Vector:
        """Trace of the smoother of the training rows, without its unpenalised columns."""
        U, Q = self.spectrum.vectors, self.spectrum.unpenalised
        in_train = 1 - (U[without.out] ** 2).sum(axis=0)
        in_all = (Q[train] ** 2).sum() + without.shrinkage @ in_train
        of_out = np.einsum("pri,pri->p", without.R_out[:, :, train], without.solved[:, :, train])
        singular = np.linalg.svd(self.columns[train], compute_uv=False)
        dof: Vector = in_all + of_out - (singular > SINGULAR * singular[0]).sum()
        return dof


@dataclass(frozen=True, eq=False)
class _Without:
    """The smoother of all rows, to be reduced to a fit without some of them.

    Attributes
    ----------
    out : ndarray of int, shape (n_out,)
    shrinkage : ndarray of shape (n_penalties, n_rows)
    weights : ndarray of shape (n_penalties, n_points)
        Of the interpolation.
    R_out : ndarray of shape (n_penalties, n_out, n_rows)
        Rows ``out`` of R = I - H.
    solved : ndarray of the same shape
        The inverse of their block of R, times these.
    """

    out: Codes
    shrinkage: Matrix
    weights: Matrix
    R_out: Matrix
    solved: Matrix

    def residual(self, centred: Matrix, fitted: Matrix, buffers: tuple[Vector, Vector]) -> Matrix:
        """Residuals of the fit without the rows, in the first of the buffers:
        (n_penalties, n_rows, n_ratings)."""
        n_penalties, shape = len(self.weights), (len(self.weights), *centred.shape)
        residual, of_out = (buffer[: n_penalties * centred.size] for buffer in buffers)
        np.matmul(
            self.weights, fitted.reshape(len(fitted), -1), out=residual.reshape(n_penalties, -1)
        )
        residual, of_out = residual.reshape(shape), of_out.reshape(shape)
        np.subtract(centred, residual, out=residual)
        np.matmul(np.swapaxes(self.solved, 1, 2), residual[:, self.out], out=of_out)
        residual -= of_out
        return residual


@dataclass(frozen=True, eq=False)
class _InnerBlock:
    """Rows of an inner fold, and what gives the mean errors of its units from their residuals.

    ``inverse`` is (I - H_jj)⁻¹, averaged over the rows of each unit, (n_penalties, n_units, n_j).
    """

    rows: Codes
    inverse: Matrix


def _squared_error(residual: Matrix, blocks: list[_InnerBlock]) -> Matrix:
    """Pooled squared error of the inner folds: (n_penalties, n_ratings)."""
    total = np.zeros((len(residual), residual.shape[2]))
    for block in blocks:
        errors = block.inverse @ residual[:, block.rows]
        total += np.einsum("pum,pum->pm", errors, errors)
    return total


def _symmetric(upper: Matrix, n: int) -> Matrix:
    """Symmetric matrices from their upper triangles: (n_matrices, n, n)."""
    full = np.empty((len(upper), n, n))
    i, j = np.triu_indices(n)
    full[:, i, j] = upper
    full[:, j, i] = upper
    return full


def _rows(matrix: Matrix, rows: Codes) -> Matrix:
    """Rows of a matrix, as a view if they are consecutive."""
    first, last = int(rows[0]), int(rows[-1])
    return matrix[first : last + 1] if last - first == len(rows) - 1 else matrix[rows]


def ratings_at_once(n_rows: int) -> int:
    """Number of ratings whose fits at all points take ``POINTS_BYTES``."""
    n_points = len(ChebyshevPoints.between(ALPHAS[0], ALPHAS[-1]).penalty)
    return max(1, int(POINTS_BYTES / (8 * n_points * n_rows)))


def is_shareable(samples: Samples) -> bool:
    """Whether inner products do not depend on which rows train: one feature, and no prior."""
    return len(samples.products) == 1 and samples.prior is None


def share(
    samples: Samples,
    Y: Matrix | None = None,
    *,
    confounds: Matrix | None = None,
    buffer: int = 0,
) -> SharedFit:
    """Decompose all rows once; :meth:`SharedFit.prepare` and :meth:`SharedFit.fold` follow.

    Outer folds leave out the groups in turn; :meth:`SharedFit.leaving_out` changes them.

    Parameters
    ----------
    samples : Samples
        Shareable (:func:`is_shareable`); its own confounds are not used.
    Y : ndarray of shape (n_rows, n_ratings), optional
        A rating per column. Default: that of the samples.
    confounds : ndarray of shape (n_rows, n_confounds), optional
        Fitted without a penalty; the same for any training rows.
    buffer
        As for :func:`~painprint.decode.ridge.leave_groups_out`.
    """
    (K,) = samples.products.values()
    Y = samples.y[:, None] if Y is None else Y
    columns = np.ones((len(Y), 1))
    if confounds is not None:
        columns = np.column_stack([columns, confounds])
    with one_blas_thread():
        U, singular, _ = np.linalg.svd(columns, full_matrices=False)
        Q = U[:, singular > SINGULAR * singular[0]]
        projected = K - Q @ (Q.T @ K)
        spectrum = Spectrum.of(projected - (projected @ Q) @ Q.T, columns)
    left_out = leave_groups_out(
        samples.groups, unit=samples.unit, n_frames=samples.n_frames, buffer=buffer
    )
    return SharedFit(K, Y, spectrum, columns, left_out, [group.rows for group in left_out])
