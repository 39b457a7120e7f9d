"""Ridge regression towards a prior: other people's signatures, as far as they help.

The penalty draws the weights to c·a·w_p instead of 0, where w_p are the weights of the prior, a
scales its scores to the ratings, and the share c is chosen with the penalty. That is ridge
regression of what c·a·p leaves of the rating, with p the scores of the prior. For all shares
together, the errors of left-out rows follow from those of the rating and of p.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from painprint.arrays import Matrix, Vector
from painprint.decode.ridge import (
    ALPHAS,
    Block,
    LeftOut,
    RidgeFits,
    ScaledPrior,
    Spectrum,
    check_ratings_vary,
    smallest_error,
)

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25)
"""Candidate shares c of the scaled prior, ascending."""
FEWEST_GROUPS_TO_CHOOSE = 3
"""With fewer groups that train, the share is 1."""


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
    is not negative, and is fitted again without each inner fold. With fewer than 3 groups, the
    share is 1. With a single group, nothing can be chosen: the penalty is the largest, and the
    slope that of ridge regression with the penalty of one more group, in which rating and score are
    unrelated.

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
    n_groups, n_ratings = len(left_out), Y.shape[1]
    if n_groups == 1:
        alphas = alphas[-1:]
    at_penalty = _at_penalties(spectrum, centred, projected, p, left_out, alphas)
    if n_groups == 1:
        ((slope, _, _),) = at_penalty
        share, slope = np.ones(n_ratings), slope / 2
        squared_error = np.full((1, n_ratings), np.nan)
    else:
        shares = SHARES if n_groups >= FEWEST_GROUPS_TO_CHOOSE else (1.0,)
        errors = spectrum.left_out_errors(centred, projected, left_out, alphas)
        slopes, of_shares = _errors_of_shares(at_penalty, errors, left_out, shares)
        best = np.argmin(of_shares.min(axis=1), axis=0)
        share = np.array(shares)[best]
        squared_error = np.take_along_axis(of_shares, best[None, None], axis=0)[0]
        chosen = smallest_error(squared_error)
        slope = np.take_along_axis(slopes, chosen[None], axis=0)[0]
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


AtPenalty = tuple[Vector, Matrix, Matrix]
"""At a penalty: slopes of the ratings on the scores (n_ratings,), those without each group
(n_groups, n_ratings), and the left-out mean errors of the scores themselves (n_units, 1)."""


def _at_penalties(
    spectrum: Spectrum,
    Y: Matrix,
    projected: Matrix,
    p: Vector,
    left_out: Sequence[LeftOut],
    alphas: Vector,
) -> Iterator[AtPenalty]:
    """Slopes and errors of the scores at each penalty in turn.

    With M = I - H of the smoother, the slope by generalised least squares is p'My / p'Mp. Without
    the rows g, each of the two forms is smaller by (My)_g' e_g, with e_g = (M_gg)⁻¹ (Mp)_g the
    errors of the scores when these rows are left out.
    """
    U, blocks = spectrum.vectors, [Block.of(spectrum, group) for group in left_out]
    projected_p = U.T @ p
    for alpha in alphas:
        shrinkage = spectrum.shrinkage(alpha)
        residual = p - U @ (shrinkage * projected_p)
        E = np.zeros((len(p), len(blocks)))
        for g, block in enumerate(blocks):
            E[block.group.rows, g] = block.errors(residual[block.group.rows], shrinkage)
        of_ratings, of_scores = residual @ Y, float(residual @ p)
        lost = E.T @ Y - ((E.T @ U) * shrinkage) @ projected
        yield (
            positive_slope(of_ratings, np.array(of_scores)),
            positive_slope(of_ratings - lost, (of_scores - E.T @ residual)[:, None]),
            np.concatenate([b.group.average @ E[b.group.rows, g] for g, b in enumerate(blocks)])[
                :, None
            ],
        )


def _errors_of_shares(
    at_penalties: Iterable[AtPenalty],
    errors: Iterable[Matrix],
    left_out: Sequence[LeftOut],
    shares: Sequence[float],
) -> tuple[Matrix, Matrix]:
    """Slopes (n_alphas, n_ratings) and squared errors (n_shares, n_alphas, n_ratings)."""
    n_units, slopes, squared = [len(group.average) for group in left_out], [], []
    for (slope, inner, of_prior), of_rating in zip(at_penalties, errors, strict=True):
        slopes.append(slope)
        scaled = np.repeat(inner, n_units, axis=0) * of_prior
        alone, shared, both = (
            (first * second).sum(axis=0)
            for first, second in ((of_rating, of_rating), (of_rating, scaled), (scaled, scaled))
        )
        squared.append([alone - 2 * c * shared + c**2 * both for c in shares])
    return np.array(slopes), np.array(squared).swapaxes(0, 1)


def positive_slope(products: Matrix, squares: Matrix) -> Matrix:
    """Slopes of ratings on scores, not negative, from sums of products and of squares.

    They are 0 where scores do not vary.
    """
    varies = squares > 0
    slopes: Matrix = np.where(varies, np.maximum(products, 0.0), 0) / np.where(varies, squares, 1)
    return slopes
