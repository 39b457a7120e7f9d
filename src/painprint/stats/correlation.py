"""Pearson's correlation of two variables, of columns, and of resamples.

All three treat a variable as constant by the same rule, :func:`varies`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from painprint.arrays import Codes, Matrix, Vector

ROUNDING = 1e-24
"""Smallest ratio of squared deviations to squares at which a variable is not constant."""
ROUNDING_OF_SUMS = 1e-12
"""The same where deviations are differences of sums of squares, which costs half of the digits."""


def varies(
    squared_deviations: Vector, squares: Vector, rounding: float = ROUNDING
) -> NDArray[np.bool_]:
    """Whether variables vary by more than rounding errors."""
    return np.asarray(squared_deviations > rounding * squares)


def correlation(x: Vector, y: Vector) -> float | None:
    """Pearson's r, or None where either is constant (up to rounding).

    Examples
    --------
    >>> correlation(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0]))
    1.0
    >>> correlation(np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.1, 0.1])) is None
    True
    """
    if len(x) < 2:
        return None
    r = float(correlate_columns(x[:, None], y[:, None])[0])
    return None if np.isnan(r) else r


def correlate_columns(X: Matrix, Y: Matrix) -> Vector:
    """Correlation of each column of X with that of Y, (n_columns,); NaN if one does not vary.

    Equal columns get bit-identical results. BLAS is avoided because it may sum neighbouring columns
    in different orders, so that the first of several equal maxima would depend on rounding.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_columns)
    Y : ndarray of shape (n_rows, n_columns) or (n_rows, 1)
    """
    x, y = X - X.mean(axis=0), Y - Y.mean(axis=0)
    xx, yy = (x * x).sum(axis=0), (y * y).sum(axis=0)
    both = varies(xx, (X * X).sum(axis=0)) & varies(yy, (Y * Y).sum(axis=0))
    return _divide((x * y).sum(axis=0), xx, yy, both)


def weighted_r(counts: Matrix, x: Vector, y: Vector) -> Vector:
    """Correlation of x and y in each resample; see :func:`correlate_resamples`."""
    return correlate_resamples(counts, x, y[:, None])[:, 0]


def correlate_resamples(
    counts: Matrix, x: Vector, Y: Matrix, *, group: Codes | None = None
) -> Matrix:
    """Correlation of x with each column of Y in resamples: (n_resamples, n_columns).

    NaN where either does not vary.

    Parameters
    ----------
    counts : ndarray of shape (n_resamples, n_rows), or (n_resamples, n_groups)
        How often each row, or all rows of each group, are drawn.
    x : ndarray of shape (n_rows,)
    Y : ndarray of shape (n_rows, n_columns)
    group : ndarray of int, shape (n_rows,), optional
        Group of each row, where groups are counted.
    """
    x, Y = x - x.mean(), Y - Y.mean(axis=0)
    terms = np.column_stack([x**0, x, x * x, Y, Y * Y, x[:, None] * Y])
    if group is not None:
        terms = (np.arange(counts.shape[1])[:, None] == group).astype(float) @ terms
    total = counts @ terms
    n, sx, sxx = np.split(total[:, :3], 3, axis=1)
    sy, syy, sxy = np.split(total[:, 3:], 3, axis=1)
    xx, yy = sxx - sx * sx / n, syy - sy * sy / n
    both = varies(xx, sxx, ROUNDING_OF_SUMS) & varies(yy, syy, ROUNDING_OF_SUMS)
    return _divide(sxy - sx * sy / n, xx, yy, both)


def _divide(covariance: Matrix, xx: Matrix, yy: Matrix, both_vary: NDArray[np.bool_]) -> Matrix:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(both_vary, covariance / np.sqrt(xx * yy), np.nan)
