"""Tests with people as units: signs of their values are flipped.

If a person's value is as likely to be above 0 as as far below, flipping its sign changes nothing
in its distribution, whatever its variance, and however the values of one person depend on each
other. Regions and sessions are not exchanged, so that their autocorrelation does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from painprint.arrays import Matrix, Vector, short_repr

FEWEST_PEOPLE = 5
"""With fewer people, no p of a test that flips signs can be below .05."""
MOST_EXACT = 13
"""With up to so many people, all 2ⁿ patterns of signs are used."""
N_DRAWS = 10_000
"""Patterns of signs that are drawn otherwise."""


@short_repr
@dataclass(frozen=True, eq=False)
class SignFlip:
    """One-sided tests of means above 0 over people.

    Attributes
    ----------
    t : ndarray of shape (n_tests,)
        One-sample t of each mean; NaN with fewer than 2 people or without variance.
    p, p_corrected : ndarrays of shape (n_tests,)
        Of each test, and of the largest t of all tests.
    """

    t: Vector
    p: Vector
    p_corrected: Vector


def draw_signs(n_people: int, rng: np.random.Generator) -> Matrix:
    """Patterns of signs, (n_patterns, n_people); the first flips nothing.

    All of them, where they are few; else random ones.
    """
    if n_people <= MOST_EXACT:
        flipped = np.arange(2**n_people)[:, None] >> np.arange(n_people) & 1
        return np.where(flipped, -1.0, 1.0)
    signs = np.where(rng.integers(0, 2, size=(N_DRAWS, n_people)), 1.0, -1.0)
    signs[0] = 1.0
    return signs


def flip_signs(values: Matrix, rng: np.random.Generator) -> SignFlip:
    """Test whether means over people are above 0, corrected by the largest t of all tests.

    Parameters
    ----------
    values : ndarray of shape (n_people, n_tests)
        NaN where a person has no value. A person's signs are flipped together, so that the
        dependence of the tests is kept.

    References
    ----------
    Winkler et al. (2014), Permutation inference for the general linear model; Westfall & Young
    (1993), the largest statistic
    """
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    n = known.sum(axis=0)
    signs = draw_signs(len(values), rng)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = signs @ filled / n  # (n_patterns, n_tests)
        squares = (filled**2).sum(axis=0)  # no sign changes them
        t = mean / np.sqrt((squares / n - mean**2) / (n - 1))
        # equal patterns may differ by rounding errors; equal values have an infinite t, and no p
        reached = t[0] - 1e-9 * np.maximum(1, np.abs(t[0]))
    t[:, (n < 2) | (squares == 0)] = np.nan
    largest = np.max(t, axis=1, where=~np.isnan(t), initial=-np.inf)
    p, corrected = (
        np.where(np.isfinite(t[0]), (statistic >= reached).mean(axis=0), np.nan)
        for statistic in (t, largest[:, None])
    )
    return SignFlip(t[0], p, corrected)


def flip_pairs(similarity: Matrix, rng: np.random.Generator) -> float:
    """One-sided p of the mean similarity of different people above 0.

    Similarities are bilinear: where the sign of a person's map is flipped, so are those of all of
    the person's similarities.

    Parameters
    ----------
    similarity : ndarray of shape (n_people, n_people)
        The diagonal is not used.
    """
    between = similarity - np.diag(np.diag(similarity))
    signs = draw_signs(len(similarity), rng)
    total = np.einsum("si,si->s", signs @ between, signs)
    return float((total >= total[0] - 1e-9 * np.abs(between).sum()).mean())
