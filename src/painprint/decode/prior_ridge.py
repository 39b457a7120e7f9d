"""Ridge regression towards a prior: other people's signatures, as far as they help.

The penalty draws the weights to c·a·w_p instead of 0, where w_p are the weights of the prior, a
scales its scores to the ratings, and the share c is chosen with the penalty. That is ridge
regression of what c·a·p leaves of the rating, with p the scores of the prior. For all shares
together, the errors of left-out rows follow from those of the rating and of p.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from painprint.arrays import Codes, Matrix, Vector
from painprint.decode.ridge import (
    ALPHAS,
    LeftOut,
    RidgeFits,
    ScaledPrior,
    Spectrum,
    check_ratings_vary,
    solve_symmetric,
)

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25)
"""Candidate shares c of the scaled prior, ascending."""


def fit_ridge_with_prior(
    K: Matrix,
    Y: Matrix,
    scores: Vector,
    left_out: Sequence[LeftOut],
    *,
    confounds: Matrix | None = None,
    alphas: Vector = ALPHAS,
) -> RidgeFits:
    """Ridge regressions towards a prior; share and penalty predict left-out groups best.

    Where shares are equally good, the smallest is chosen. The slope a of the rating on the scores
    is not negative, and is fitted again without each inner fold. With a single group, nothing can
    be chosen: the share is 1, the penalty the largest, and the slope that of ridge regression with
    the penalty of one more group, in which rating and score are unrelated.

    Parameters
    ----------
    scores : ndarray of shape (n_rows,)
        Scores of the prior in the training rows.
    K, Y, left_out, confounds, alphas
        As for :func:`~painprint.decode.ridge.fit_ridge`.

    Raises
    ------
    NotEnoughData
        Where the signals, or a rating, do not vary.

    References
    ----------
    docs/methods.md
    """
    check_ratings_vary(Y)
    spectrum = Spectrum.of(K, confounds)
    y_mean = Y.mean(axis=0)
    centred = Y - y_mean
    Q = spectrum.unpenalised
    p = scores - Q @ (Q.T @ scores)
    projected, projected_p = spectrum.vectors.T @ centred, spectrum.vectors.T @ p
    slope = positive_slope(centred.T @ p, float(p @ p))
    if len(left_out) == 1:
        share, slope = np.ones(Y.shape[1]), slope / 2
        alphas, squared_error = alphas[-1:], np.full((1, Y.shape[1]), np.nan)
    else:
        of_shares = _errors_of_shares(spectrum, centred, p, left_out, alphas)
        best = np.argmin(of_shares.min(axis=1), axis=0)
        share = np.array(SHARES)[best]
        squared_error = np.take_along_axis(of_shares, best[None, None], axis=0)[0]
    prior = ScaledPrior(float(scores.mean()), slope, share)
    return RidgeFits(
        spectrum=spectrum,
        projected=projected - projected_p[:, None] * prior.weight,
        y_mean=y_mean,
        squared_error=squared_error,
        reference=spectrum.mean_error(centred, left_out),
        alphas=alphas,
        prior=prior,
    )


def _errors_of_shares(
    spectrum: Spectrum, Y: Matrix, p: Vector, left_out: Sequence[LeftOut], alphas: Vector
) -> Matrix:
    """Pooled squared error of the inner folds: (n_shares, n_alphas, n_ratings)."""
    n_units = [len(group.average) for group in left_out]
    slopes = np.repeat(inner_slopes(Y, p, spectrum.unpenalised, left_out), n_units, axis=0)
    p = p[:, None]
    errors = zip(
        spectrum.left_out_errors(Y, spectrum.vectors.T @ Y, left_out, alphas),
        spectrum.left_out_errors(p, spectrum.vectors.T @ p, left_out, alphas),
        strict=True,
    )
    squared = np.empty((len(SHARES), len(alphas), Y.shape[1]))
    for i, (of_rating, of_prior) in enumerate(errors):
        scaled = slopes * of_prior
        alone, shared, both = (
            (first * second).sum(axis=0)
            for first, second in ((of_rating, of_rating), (of_rating, scaled), (scaled, scaled))
        )
        for c, share in enumerate(SHARES):
            squared[c, i] = alone - 2 * share * shared + share**2 * both
    return squared


def inner_slopes(Y: Matrix, p: Vector, Q: Matrix, left_out: Sequence[LeftOut]) -> Matrix:
    """Slopes of ratings on scores without each group, not negative: (n_groups, n_ratings).

    Parameters
    ----------
    Y : ndarray of shape (n_rows, n_ratings)
        Residuals of the ratings on Q.
    p : ndarray of shape (n_rows,)
        Residuals of the scores on Q.
    Q : ndarray of shape (n_rows, n_columns)
        Orthonormal basis of the unpenalised columns, which are fitted again without the group.
    """
    of_ratings, of_scores = Y.T @ p, float(p @ p)
    slopes = np.empty((len(left_out), Y.shape[1]))
    for g, group in enumerate(left_out):
        rows: Codes = group.rows
        Q_out, p_out, Y_out = Q[rows], p[rows], Y[rows]
        fitted = solve_symmetric(np.eye(Q.shape[1]) - Q_out.T @ Q_out, (Q_out.T @ p_out)[:, None])
        slopes[g] = positive_slope(
            of_ratings - Y_out.T @ p_out - (Q_out.T @ Y_out).T @ fitted[:, 0],
            of_scores - float(p_out @ p_out) - float(Q_out.T @ p_out @ fitted[:, 0]),
        )
    return slopes


def positive_slope(products: Vector, squares: float) -> Vector:
    """Slopes of ratings on scores, not negative, from sums of products and of squares.

    They are 0 where scores do not vary.
    """
    if squares <= 0:
        return np.zeros(len(products))
    slopes: Vector = np.maximum(products, 0.0) / squares
    return slopes
