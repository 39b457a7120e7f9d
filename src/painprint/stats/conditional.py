"""Permutation test of conditional independence for time series in blocks.

Is x independent of y given z? x is permuted, but more often into orders that are likely given z, so
that its relation with z is kept (the conditional permutation test of Berrett et al., 2020, as it is
used on predictions by Spisak, 2022). Theirs exchanges single observations; here x is a time course
in each block, such as the minutes of a run, whose order is only shifted in a circle or reversed, so
that its autocorrelation is kept, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from painprint.arrays import Codes, Matrix, Vector, short_repr
from painprint.stats.correlation import correlation

DEGREE = 3
"""Degree of the polynomial by which x depends on z."""
COEFFICIENTS = np.linspace(-0.5, 0.95, 59)
"""Autocorrelations of x given z among which the most likely is chosen."""
FEWEST_ROWS = 3
"""Rows of a block that can be permuted."""
FEWEST_ORDERS = 200
"""Orders of all blocks together that are needed for a p near .01."""


@short_repr
@dataclass(frozen=True, eq=False)
class ConditionalTest:
    """Result of a test of x against y given z.

    Attributes
    ----------
    r_xy, r_xz, r_yz : float
        Correlations within blocks.
    partial_r : float
        Correlation of x and y within blocks after a polynomial of z was removed from both.
    p : float
        Share of permutations in which x is at least as closely related to what z leaves of y, the
        observed order included; two-sided.
    """

    r_xy: float
    r_xz: float
    r_yz: float
    partial_r: float
    p: float


def conditional_independence(
    x: Vector, y: Vector, z: Vector, block: Codes, *, n: int, rng: np.random.Generator
) -> ConditionalTest | None:
    """Test whether x is independent of y given z, within blocks.

    Parameters
    ----------
    x, y, z : ndarray of shape (n_rows,)
        In the order of time within each block; finite.
    block : ndarray of int, shape (n_rows,)
        Block of each row.
    n : int
        Number of permutations.

    Returns
    -------
    result : ConditionalTest or None
        None where one of the three does not vary within blocks, or there are too few orders.

    References
    ----------
    Berrett, T. B., Wang, Y., Barber, R. F., & Samworth, R. J. (2020). Journal of the Royal
    Statistical Society B, 82, 175-197. Spisak, T. (2022). GigaScience, 11, giac082.
    """
    _, code, length = np.unique(block, return_inverse=True, return_counts=True)
    used = np.argsort(code, kind="stable")
    used = used[length[code[used]] > 1]
    blocks = np.split(np.arange(len(used)), np.cumsum(length[length > 1])[:-1])
    orders = [circular_orders(len(rows)) for rows in blocks]
    if sum(math.log(max(1, len(one))) for one in orders) < math.log(FEWEST_ORDERS):
        return None
    x, y, z = (_centre(values[used], blocks) for values in (x, y, z))
    r_xy, r_xz, r_yz = correlation(x, y), correlation(x, z), correlation(y, z)
    if r_xy is None or r_xz is None or r_yz is None:
        return None
    design = _centre(np.column_stack([(z / z.std()) ** k for k in range(1, DEGREE + 1)]), blocks)
    mean, precisions = _fit(x, design, blocks)
    left = _residual(y, design)
    products = np.zeros(n + 1)
    for rows, order, precision in zip(blocks, orders, precisions, strict=True):
        permuted = x[rows][order]
        of_orders = permuted @ left[rows]
        off = permuted - mean[rows]
        log_likelihood = -0.5 * np.einsum("oi,ij,oj->o", off, precision, off)
        weight = np.exp(log_likelihood - log_likelihood.max())
        drawn = rng.choice(len(order), size=n, p=weight / weight.sum())
        products[0] += of_orders[0]
        products[1:] += of_orders[drawn]
    extreme = np.abs(products[1:]) >= abs(products[0]) * (1 - 1e-12)
    return ConditionalTest(
        r_xy=r_xy,
        r_xz=r_xz,
        r_yz=r_yz,
        partial_r=correlation(_residual(x, design), left) or 0.0,
        p=float((1 + extreme.sum()) / (1 + n)),
    )


def _residual(values: Vector, design: Matrix) -> Vector:
    slopes = np.linalg.lstsq(design, values, rcond=None)[0]
    return np.asarray(values - design @ slopes)


def circular_orders(n: int) -> Codes:
    """Every circular shift of n rows, forwards and backwards, the order as it is first: (2 n, n).

    Fewer than three rows are not reversed: (n, n).
    """
    shifts = (np.arange(n)[:, None] + np.arange(n)) % n
    return shifts if n < FEWEST_ROWS else np.concatenate([shifts, shifts[:, ::-1]])


def _centre(values: Matrix, blocks: Sequence[Codes]) -> Matrix:
    """Minus the mean of each block."""
    centred = np.empty_like(values, dtype=float)
    for rows in blocks:
        centred[rows] = values[rows] - values[rows].mean(axis=0)
    return centred


def _fit(x: Vector, design: Matrix, blocks: Sequence[Codes]) -> tuple[Vector, list[Matrix]]:
    """Mean of x given z, and the precision of each block's deviations from it, without its level.

    x is a polynomial of z, a level of each block, and an AR(1) process, whose coefficient maximises
    the restricted likelihood.
    """
    columns, lengths = np.column_stack([x, design]), [len(rows) for rows in blocks]
    freedom = len(x) - len(blocks) - design.shape[1]
    fits = []
    for phi in COEFFICIENTS:
        by_length = {length: _precision(length, float(phi)) for length in set(lengths)}
        products = np.zeros((columns.shape[1], columns.shape[1]))
        for rows in blocks:
            products += columns[rows].T @ by_length[len(rows)][0] @ columns[rows]
        slopes = np.linalg.lstsq(products[1:, 1:], products[1:, 0], rcond=None)[0]
        spread = max(products[0, 0] - products[1:, 0] @ slopes, 1e-12 * products[0, 0])
        restricted = sum(by_length[length][1] for length in lengths)
        restricted -= np.linalg.slogdet(products[1:, 1:])[1] + freedom * np.log(spread)
        fits.append((float(restricted), slopes, spread / freedom, by_length))
    _, slopes, variance, by_length = max(fits, key=lambda fit: fit[0])
    return design @ slopes, [by_length[length][0] / variance for length in lengths]


def _precision(n: int, phi: float) -> tuple[Matrix, float]:
    """Precision of n rows of an AR(1) process of unit variance with their level integrated out, and
    the logarithm of its determinant, but for a constant."""
    inverse = np.diag(np.r_[1.0, np.full(n - 2, 1 + phi**2), 1.0]) if n > 1 else np.ones((1, 1))
    at = np.arange(n - 1)
    inverse[at, at + 1] = inverse[at + 1, at] = -phi
    inverse /= 1 - phi**2
    ones = inverse.sum(axis=0)
    total = ones.sum()
    return inverse - np.outer(ones, ones) / total, -(n - 1) * np.log(1 - phi**2) - np.log(total)
