"""Ridge regression from inner products, with leave-one-group-out in closed form.

One eigendecomposition of the centred Gram matrix of a training set serves every penalty, every
inner fold and every rating: ridge regression is a linear smoother, so predictions of left-out rows
follow from the residuals of the model trained with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from painprint.arrays import Codes, Matrix, Vector, short_repr
from painprint.decode.errors import NotEnoughData
from painprint.decode.lasso_pcr import center_cross, center_gram

ALPHAS = np.geomspace(1e-2, 1e3, 16)
"""Candidate penalties, in units of the mean eigenvalue of the centred Gram matrix."""
SINGULAR = 1e-10
"""Tolerance of rank decisions: smaller (relative) values count as 0."""


@short_repr
@dataclass(frozen=True, eq=False)
class LeftOut:
    """Rows of a training set that an inner fold leaves out to choose the penalty.

    Attributes
    ----------
    rows : ndarray of int
        Indices of the rows left out.
    average : ndarray of shape (n_units, n_left_out)
        Weights of the rows in each unit of error, such as a minute; 0 for neighbours in the buffer.
    """

    rows: Codes
    average: Matrix

    def squared_error(self, errors: Matrix) -> Vector:
        """Sum over units of their squared mean error: (n_ratings,) from (n_left_out, n_ratings)."""
        means: Matrix = self.average @ errors
        return np.asarray((means * means).sum(axis=0))


def leave_groups_out(
    groups: Codes, *, unit: Codes | None = None, n_frames: Vector | None = None, buffer: int = 0
) -> list[LeftOut]:
    """Rows that the inner folds of a training set leave out in turn.

    Parameters
    ----------
    groups : ndarray of int, shape (n_rows,)
        Group of each row, numbered in the order of time.
    unit : ndarray of int, shape (n_rows,), optional
        Unit of error of each row, such as its minute. Default: each row is a unit.
    n_frames : ndarray of shape (n_rows,), optional
        Weight of each row in the mean error of its unit. Default: equal.
    buffer : int
        Number of groups before and after the one left out that do not train either.
    """
    unit = np.arange(len(groups)) if unit is None else unit
    n_frames = np.ones(len(groups)) if n_frames is None else n_frames
    folds = []
    for g in np.unique(groups):
        rows = np.flatnonzero(np.abs(groups - g) <= buffer)
        tested = groups[rows] == g
        is_member = (unit[rows] == np.unique(unit[rows[tested]])[:, None]) & tested
        weight = is_member * n_frames[rows]
        folds.append(LeftOut(rows, weight / weight.sum(axis=1, keepdims=True)))
    return folds


@short_repr
@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigendecomposition of the centred Gram matrix of a training set.

    Attributes
    ----------
    vectors : ndarray of shape (n_rows, n_rows)
        Unit eigenvectors.
    values : ndarray of shape (n_rows,)
        Eigenvalues; negative rounding errors are set to 0.
    unpenalised : ndarray of shape (n_rows, n_columns)
        Orthonormal basis Q of the unpenalised columns: a constant, and confounds.
    column_means : ndarray of shape (n_rows,)
        Column means of the Gram matrix before centring.
    """

    vectors: Matrix
    values: Vector
    unpenalised: Matrix
    column_means: Vector

    @classmethod
    def of(cls, K: Matrix, confounds: Matrix | None = None) -> Spectrum:
        """Decompose the Gram matrix of the training rows.

        Parameters
        ----------
        K : ndarray of shape (n_rows, n_rows)
            Inner products, not centred; with confounds, those of the residuals.
        confounds : ndarray of shape (n_rows, n_confounds), optional
            Including a constant.
        """
        values, vectors = np.linalg.eigh(center_gram(K))
        values = np.maximum(values, 0.0)
        if not values[-1] > len(K) * np.finfo(float).eps * np.abs(K).max():
            raise NotEnoughData(
                "the signals do not vary across the training bins: check the series."
            )
        if confounds is None:
            basis = np.full((len(K), 1), len(K) ** -0.5)
        else:
            U, singular, _ = np.linalg.svd(confounds, full_matrices=False)
            basis = U[:, singular > SINGULAR * singular[0]]
        return cls(vectors, values, basis, K.mean(axis=0))

    @cached_property
    def unit(self) -> float:
        """Mean eigenvalue: the unit of penalties."""
        return float(self.values.mean())

    def shrinkage(self, alpha: float) -> Vector:
        """w / (w + λ) of each eigenvalue."""
        return self.values / (self.values + alpha * self.unit)

    def left_out_error(
        self, Y: Matrix, projected: Matrix, left_out: Sequence[LeftOut], alphas: Vector = ALPHAS
    ) -> Matrix:
        """Pooled squared error of leave-one-group-out at each penalty: (n_alphas, n_ratings).

        For the rows g of a group, y_g - ŷ_g = (I - H_gg)⁻¹ (y - H y)_g, with the hat matrix
        H = Q Qᵀ + U diag(w / (w + λ)) Uᵀ, Q the unpenalised basis.

        Parameters
        ----------
        Y : ndarray of shape (n_rows, n_ratings)
            Residuals of the ratings on Q.
        projected : ndarray of shape (n_rows, n_ratings)
            Uᵀ Y.
        alphas : ndarray of shape (n_alphas,)
        """
        units = self.left_out_errors(Y, projected, left_out, alphas)
        return np.array([(errors * errors).sum(axis=0) for errors in units])

    def left_out_errors(
        self, Y: Matrix, projected: Matrix, left_out: Sequence[LeftOut], alphas: Vector = ALPHAS
    ) -> Iterator[Matrix]:
        """Mean error of each unit of leave-one-group-out, at each penalty in turn.

        Parameters as for :meth:`left_out_error`.

        Yields
        ------
        errors : ndarray of shape (n_units, n_ratings)
            Units of the first group left out, then those of the next.
        """
        blocks = [Block.of(self, group) for group in left_out]
        n_rows, n_units = len(Y), sum(len(group.average) for group in left_out)
        # the cheaper order of multiplication; which one it is changes the last bits only
        many = n_units * (n_rows // len(left_out) + Y.shape[1]) < n_rows * Y.shape[1]
        errors_at = self._errors_of_many if many else self._errors_of_few
        for alpha in alphas:
            yield errors_at(Y, projected, blocks, self.shrinkage(alpha))

    def _errors_of_many(
        self, Y: Matrix, projected: Matrix, blocks: Sequence[Block], shrinkage: Vector
    ) -> Matrix:
        """Mean error of each unit at one penalty; ratings are multiplied last (many ratings)."""
        inverses = [(block, block.inverse(shrinkage)) for block in blocks]
        errors = np.concatenate([V @ Y[block.group.rows] for block, V in inverses])
        smoothed = np.concatenate([V @ (block.vectors * shrinkage) for block, V in inverses])
        errors -= smoothed @ projected
        return errors

    def _errors_of_few(
        self, Y: Matrix, projected: Matrix, blocks: Sequence[Block], shrinkage: Vector
    ) -> Matrix:
        """Mean error of each unit at one penalty; ratings are multiplied first (few ratings)."""
        residual = Y - self.vectors @ (shrinkage[:, None] * projected)
        return np.concatenate(
            [block.inverse(shrinkage) @ residual[block.group.rows] for block in blocks]
        )

    def mean_error(self, Y: Matrix, left_out: Sequence[LeftOut]) -> Vector:
        """Squared error of leave-one-group-out, of a fit to Q alone: (n_ratings,)."""
        error = np.zeros(Y.shape[1])
        for group in left_out:
            Q = self.unpenalised[group.rows]
            error += group.squared_error(solve_symmetric(np.eye(len(Q)) - Q @ Q.T, Y[group.rows]))
        return error


def smallest_error(squared_error: Matrix) -> Codes:
    """Index of the penalty with the smallest error, (n_ratings,); of equal ones the largest."""
    last = len(squared_error) - 1
    best: Codes = last - np.argmin(squared_error[::-1], axis=0)
    return best


@short_repr
@dataclass(frozen=True, eq=False)
class Block:
    """A group left out: its rows of the eigenvectors, and its block of I - Q Qᵀ."""

    group: LeftOut
    vectors: Matrix
    free: Matrix

    @classmethod
    def of(cls, spectrum: Spectrum, group: LeftOut) -> Block:
        Q = spectrum.unpenalised[group.rows]
        return cls(group, spectrum.vectors[group.rows], np.eye(len(Q)) - Q @ Q.T)

    def inverse(self, shrinkage: Vector) -> Matrix:
        """(I - H_gg)⁻¹, averaged over the rows of each unit: (n_units, n_left_out)."""
        return solve_symmetric(self._kept(shrinkage), self.group.average.T).T

    def errors(self, residual: Vector, shrinkage: Vector) -> Vector:
        """Errors of the rows when they are left out, from their residuals: (n_left_out,)."""
        return np.asarray(solve_symmetric(self._kept(shrinkage), residual[:, None])[:, 0])

    def _kept(self, shrinkage: Vector) -> Matrix:
        """I - H of the rows of the group."""
        U = self.vectors
        return self.free - (U * shrinkage) @ U.T


def solve_symmetric(A: Matrix, B: Matrix) -> Matrix:
    """A⁻¹ B of a symmetric positive semidefinite A; its pseudo-inverse if A is singular.

    A is singular if a confound varies in the rows left out alone, so that the others cannot fit it.
    """
    try:
        L = np.linalg.cholesky(A)
    except np.linalg.LinAlgError:
        return np.linalg.pinv(A, rcond=SINGULAR, hermitian=True) @ B
    if (L.diagonal() ** 2).min() < SINGULAR:
        return np.linalg.pinv(A, rcond=SINGULAR, hermitian=True) @ B
    return np.asarray(np.linalg.solve(A, B), dtype=float)


def solve_each(A: Matrix, B: Matrix) -> Matrix:
    """A⁻¹ B of each symmetric positive semidefinite A, (n, r, r); see :func:`solve_symmetric`."""
    try:
        is_regular = (np.linalg.cholesky(A).diagonal(axis1=1, axis2=2) ** 2).min() >= SINGULAR
    except np.linalg.LinAlgError:
        is_regular = False
    if is_regular:
        return np.asarray(np.linalg.solve(A, B), dtype=float)
    right = np.broadcast_to(B, (len(A), *B.shape[-2:]))
    return np.array([solve_symmetric(a, b) for a, b in zip(A, right, strict=True)])


@short_repr
@dataclass(frozen=True, eq=False)
class ScaledPrior:
    """Scores of a prior, scaled to the training rows, as a part of ridge regressions.

    Attributes
    ----------
    mean : float
        Mean score of the training rows.
    slope : ndarray of shape (n_ratings,)
        Of the rating on the score in the training rows; not negative.
    share : ndarray of shape (n_ratings,)
        Chosen share c of the scaled score.
    """

    mean: float
    slope: Vector
    share: Vector

    @property
    def weight(self) -> Vector:
        """Factor of the scores in the predictions: (n_ratings,)."""
        return self.share * self.slope

    def predict(self, scores: Vector) -> Matrix:
        """Its part of the predictions, centred in the training rows: (n_new, n_ratings)."""
        return (scores - self.mean)[:, None] * self.weight


@short_repr
@dataclass(frozen=True, eq=False)
class RidgeFits:
    """Ridge regressions of several ratings on one training set, each at its own penalty.

    Attributes
    ----------
    projected : ndarray of shape (n_rows, n_ratings)
        Uᵀ times the centred ratings; with a prior, times what its part leaves of them.
    y_mean : ndarray of shape (n_ratings,)
        Mean rating.
    squared_error : ndarray of shape (n_alphas, n_ratings)
        Of the inner folds, at each of ``alphas``.
    reference : ndarray of shape (n_ratings,)
        The same of models that predict the training mean.
    alphas : ndarray of shape (n_alphas,)
    prior : ScaledPrior or None
        Part of a prior in the predictions.
    """

    spectrum: Spectrum
    projected: Matrix
    y_mean: Vector
    squared_error: Matrix
    reference: Vector
    alphas: Vector
    prior: ScaledPrior | None = None

    @cached_property
    def chosen(self) -> Codes:
        """Index of the penalty with the smallest error; of equal ones the largest."""
        return smallest_error(self.squared_error)

    @property
    def alpha(self) -> Vector:
        """Penalty of each rating, in units of the mean eigenvalue."""
        return self.alphas[self.chosen]

    @cached_property
    def path_skill(self) -> Matrix:
        """Skill of the inner folds, 1 - SSE / SSE of the mean: (n_alphas, n_ratings)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return 1 - self.squared_error / self.reference

    @property
    def inner_skill(self) -> Vector:
        """Skill at the chosen penalty. Optimistic: for choosing a lag, never for reporting."""
        best: Vector = np.take_along_axis(self.path_skill, self.chosen[None], axis=0)[0]
        return best

    @cached_property
    def _slopes(self) -> Matrix:
        """Coefficients along eigenvectors: (n_rows, n_ratings)."""
        penalty = self.alpha * self.spectrum.unit
        slopes: Matrix = self.projected / (self.spectrum.values[:, None] + penalty)
        return slopes

    def predict(self, cross: Matrix, prior_scores: Vector | None = None) -> Matrix:
        """Predictions of new rows: (n_new, n_ratings).

        Parameters
        ----------
        cross : ndarray of shape (n_new, n_rows)
            Inner products with the training rows, not centred.
        prior_scores : ndarray of shape (n_new,), optional
            Scores of the prior; needed where there is one.
        """
        centred = center_cross(cross, self.spectrum.column_means)
        predicted: Matrix = (centred @ self.spectrum.vectors) @ self._slopes + self.y_mean
        if self.prior is not None:
            assert prior_scores is not None
            predicted += self.prior.predict(prior_scores)
        return predicted

    def dual(self) -> Matrix:
        """Dual coefficients, which sum to 0: (n_rows, n_ratings). Weights are Xᵀ times them."""
        dual = self.spectrum.vectors @ self._slopes
        return dual - dual.mean(axis=0)


def check_ratings_vary(Y: Matrix) -> None:
    """Raise NotEnoughData if a column of ratings is constant in the training rows."""
    if (np.ptp(Y, axis=0) == 0).any():
        raise NotEnoughData(
            "the rating does not vary across the training bins, so nothing can be learnt. Check "
            "which column and recording were read (--rating-column, --rating-recording)."
        )


def fit_ridge(
    K: Matrix,
    Y: Matrix,
    left_out: Sequence[LeftOut],
    *,
    confounds: Matrix | None = None,
    alphas: Vector = ALPHAS,
) -> RidgeFits:
    """Ridge regressions with an unpenalised intercept, each at the penalty that predicts best.

    Parameters
    ----------
    K : ndarray of shape (n_rows, n_rows)
        Inner products of the training rows, not centred.
    Y : ndarray of shape (n_rows, n_ratings)
        A rating per column.
    left_out : sequence of LeftOut
        Inner folds; the penalty minimises their pooled squared error.
    confounds : ndarray of shape (n_rows, n_confounds), optional
        Including a constant. K and Y are then residuals, and the confounds are refitted, without
        a penalty, in every inner fold.
    alphas : ndarray of shape (n_alphas,)
        Candidate penalties, ascending, in units of the mean eigenvalue.

    Raises
    ------
    NotEnoughData
        Where the signals, or a rating, do not vary.

    References
    ----------
    docs/methods.md; Hastie, Tibshirani & Friedman (2009), The Elements of Statistical Learning,
    section 7.10 (linear smoothers left out in closed form)
    """
    check_ratings_vary(Y)
    spectrum = Spectrum.of(K, confounds)
    y_mean = Y.mean(axis=0)
    centred = Y - y_mean
    projected = spectrum.vectors.T @ centred
    return RidgeFits(
        spectrum=spectrum,
        projected=projected,
        y_mean=y_mean,
        squared_error=spectrum.left_out_error(centred, projected, left_out, alphas),
        reference=spectrum.mean_error(centred, left_out),
        alphas=alphas,
    )
