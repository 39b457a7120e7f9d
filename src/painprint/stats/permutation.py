"""Surrogate session orders and p-values of permutation tests."""

from __future__ import annotations

import numpy as np

from painprint.arrays import Codes, Vector


def surrogate_orders(means: Vector, n: int, rng: np.random.Generator) -> Codes:
    """Surrogate orders of session means that preserve their autocorrelation.

    Each is the rank order of an AR(1) process whose coefficient is drawn from its posterior given
    the observed means (exact likelihood; mean and variance integrated out; flat prior), so that
    the null distribution includes the uncertainty of an autocorrelation from few sessions.

    Returns
    -------
    orders : ndarray of int, shape (n, n_groups)
        Ranks, from 0.
    """
    coefficients = np.linspace(-0.5, 0.98, 75)  # 1 is a random walk, which has no mean to keep
    log_likelihood = np.array([_log_likelihood(means, phi) for phi in coefficients])
    weight = np.exp(log_likelihood - log_likelihood.max())
    drawn = rng.choice(coefficients, size=n, p=weight / weight.sum())
    noise = rng.normal(size=(n, len(means)))
    series = np.empty_like(noise)
    series[:, 0] = noise[:, 0]
    for t in range(1, len(means)):
        series[:, t] = drawn * series[:, t - 1] + np.sqrt(1 - drawn**2) * noise[:, t]
    return np.argsort(np.argsort(series, axis=1), axis=1)


def _log_likelihood(x: Vector, phi: float) -> float:
    """Log-likelihood of a stationary AR(1) coefficient, mean and variance integrated out."""
    n, at = len(x), np.arange(len(x))
    precision = np.linalg.inv(phi ** np.abs(at[:, None] - at))
    ones = precision.sum()
    centred = x - (precision.sum(axis=0) @ x) / ones
    spread = float(centred @ precision @ centred)
    if spread <= 1e-24 * float(x @ x):
        return 0.0  # equal means: the likelihood is flat
    log_determinant = (n - 1) * np.log(1 - phi**2)
    return float(-0.5 * (log_determinant + np.log(ones) + (n - 1) * np.log(spread)))


def holm(p: Vector) -> Vector:
    """p-values with Holm's correction; NaN is no test.

    Examples
    --------
    >>> holm(np.array([0.01, np.nan, 0.04, 0.03])).tolist()
    [0.03, nan, 0.06, 0.06]
    """
    corrected = np.full(len(p), np.nan)
    tested = np.flatnonzero(np.isfinite(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    factors = len(order) - np.arange(len(order))
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(factors * p[order]))
    return corrected


def p_above(observed: float, null: Vector) -> float | None:
    """One-sided p-value of the observed value among the null values; None if undefined."""
    null = null[np.isfinite(null)]
    if not np.isfinite(observed) or not len(null):
        return None
    return float((1 + (null >= observed).sum()) / (1 + len(null)))
