"""Share of the variance of a result that each of several choices explains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from painprint.arrays import Codes, Matrix, Vector

ROUNDING = 1e-12
"""Variance (relative to the squared values) below which results count as equal."""


@dataclass(frozen=True)
class MainEffects:
    """Shares of variance, each from 0 to 1; None where the result does not vary.

    Attributes
    ----------
    shares : mapping of str to float or None
        By choice: what its main effect alone explains, after those of the others.
    additive : float or None
        What the main effects explain together; the rest are interactions.
    is_balanced : bool
        Whether every combination of alternatives occurs equally often, so that the shares add up
        to ``additive``.
    """

    shares: Mapping[str, float | None]
    additive: float | None
    is_balanced: bool


def main_effects(values: Vector, levels: Mapping[str, Codes]) -> MainEffects:
    """Analysis of variance of the main effects, by least squares (type II sums of squares).

    The share of a choice is by how much the residual sum of squares grows without it, over the
    total sum of squares. In a balanced design this is the classical main effect. In an unbalanced
    one, variance that choices explain together belongs to none of them.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Finite results.
    levels : mapping of str to ndarray of int, shape (n,)
        Alternative of each choice, from 0.

    References
    ----------
    Langsrud (2003), Statistics and Computing 13, 163-167 (type II sums of squares)

    Examples
    --------
    >>> effects = main_effects(
    ...     np.array([1.0, 2.0, 3.0, 4.0]),
    ...     {"lag": np.array([0, 0, 1, 1]), "bins": np.array([0, 1, 0, 1])},
    ... )
    >>> [round(share, 9) for share in effects.shares.values()], effects.is_balanced
    ([0.8, 0.2], True)
    """
    balanced = _is_balanced(list(levels.values()))
    total = _residual(values, [])
    if not total > ROUNDING * float(values @ values):
        return MainEffects(dict.fromkeys(levels), None, balanced)
    everything = _residual(values, list(levels.values()))
    shares: dict[str, float | None] = {
        name: (_residual(values, [c for other, c in levels.items() if other != name]) - everything)
        / total
        for name in levels
    }
    return MainEffects(shares, 1 - everything / total, balanced)


def _residual(values: Vector, codes: list[Codes]) -> float:
    """Residual sum of squares of the additive model of some choices."""
    indicators = [(code[:, None] == np.unique(code)).astype(float) for code in codes]
    X: Matrix = np.column_stack([np.ones(len(values)), *indicators])
    residual = values - X @ np.linalg.lstsq(X, values, rcond=None)[0]
    return float(residual @ residual)


def _is_balanced(codes: list[Codes]) -> bool:
    if not codes:
        return True
    combinations, counts = np.unique(np.column_stack(codes), axis=0, return_counts=True)
    n_possible = np.prod([len(np.unique(code)) for code in codes])
    return bool(len(combinations) == n_possible and len(set(counts.tolist())) == 1)
