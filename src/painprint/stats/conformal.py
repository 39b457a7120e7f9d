"""Intervals of new predictions from held-out errors: jackknife+, hierarchical within sessions.

They assume that the new session could have stood anywhere among those of the study
(exchangeable sessions). Under drift it could not; the adaptive variant trusts late sessions more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from painprint.arrays import Vector

LEVELS = (0.8, 0.9)
DECAY = 0.95
"""Of the adaptive variant: each session back counts so much less."""
ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Residuals:
    """Absolute errors of predictions for sessions that their models had not seen.

    Parameters
    ----------
    of_group : sequence of array
        Errors of each session, in the order of time: one at the scale of sessions, several at
        that of minutes or runs.
    """

    of_group: Sequence[Vector]

    def weights(self, decay: float) -> tuple[list[Vector], float]:
        """The share of each error, and of the new session, whose error is not known.

        Parameters
        ----------
        decay : float
            1 for exchangeable sessions.
        """
        n = len(self.of_group)
        of_group = decay ** np.arange(n, 0, -1)
        total = of_group.sum() + 1
        shares = [
            np.full(len(errors), weight / total / max(len(errors), 1))
            for errors, weight in zip(self.of_group, of_group, strict=True)
        ]
        return shares, float(1 / total)


def fewest_groups(level: float, decay: float = 1.0) -> float:
    """Sessions that an interval of this level takes at least; infinite where none are enough.

    Examples
    --------
    >>> fewest_groups(0.8), fewest_groups(0.9)
    (4.0, 9.0)
    """
    needed = 1 / (1 - level) - 1
    if decay == 1:
        return float(math.ceil(needed - 1e-9))
    limit = decay / (1 - decay)
    if needed >= limit:
        return math.inf
    return float(math.ceil(math.log(1 - needed / limit) / math.log(decay) - 1e-9))


def predict_interval(
    predictions: Vector, residuals: Residuals, *, level: float, decay: float = 1.0
) -> tuple[float, float]:
    """Interval of the true value, from the predictions of the models that left a session out.

    With one error per session this is jackknife+ (or CV+): the ends are order statistics of
    prediction - error and prediction + error. With several, each session has the same share in
    all (hierarchical conformal prediction), for errors of one session go together.

    Parameters
    ----------
    predictions : array of shape (n_groups,)
        For the new case, by the model that has not seen each session.
    level : float
        Coverage aimed at; proven for sessions that can be exchanged is 1 - 2 (1 - level).
    decay : float
        1, or below for the adaptive variant: a session's share falls by this factor with each
        session that came after.

    Returns
    -------
    low, high : float

    Raises
    ------
    ValueError
        If there are too few sessions for the level, saying how many are needed.

    References
    ----------
    Barber, Candès, Ramdas, Tibshirani (2021), Ann. Stat. (jackknife+); Lee, Barber, Willett (2023),
    arXiv:2306.06342 (hierarchical); Barber et al. (2023), Ann. Stat. (weights by age)
    """
    n = len(residuals.of_group)
    needed = fewest_groups(level, decay)
    if n < needed:
        at_least = (
            "no number of them is enough" if math.isinf(needed) else f"{needed:.0f} are needed"
        )
        raise ValueError(f"{n} sessions are too few for an interval of {level:.0%}: {at_least}.")
    shares, unknown = residuals.weights(decay)
    share = np.concatenate([*shares, [unknown]])
    errors = residuals.of_group
    below = [p - e for p, e in zip(predictions, errors, strict=True)]
    above = [p + e for p, e in zip(predictions, errors, strict=True)]
    high = _quantile(np.concatenate([*above, [np.inf]]), share, level)
    low = -_quantile(-np.concatenate([*below, [-np.inf]]), share, level)
    return low, high


def _quantile(values: Vector, shares: Vector, level: float) -> float:
    """The smallest value up to which the shares reach the level."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(shares[order]) >= level - ROUNDING
    return float(values[order][np.argmax(reached)])


def p_of_error(error: float, residuals: Residuals) -> float:
    """How unusual an error is: the share of sessions, the new one included, with as large a one.

    Examples
    --------
    >>> p_of_error(3.0, Residuals([np.array([1.0]), np.array([2.0]), np.array([4.0])]))
    0.5
    """
    shares, unknown = residuals.weights(1.0)
    larger = sum(
        float(share[errors >= error].sum())
        for share, errors in zip(shares, residuals.of_group, strict=True)
    )
    return larger + unknown
