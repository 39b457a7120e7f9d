"""Conformal prediction intervals: jackknife+, and hierarchical within sessions.

They assume that the new session and those of the study are exchangeable. Drift violates this; the
adaptive variant gives late sessions more weight.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from painprint.arrays import Vector, short_repr

LEVELS = (0.8, 0.9)
DECAY = 0.95
"""Weight of a session relative to the next one, in the adaptive variant."""
ROUNDING = 1e-12
"""Tolerance of cumulative weights that reach the level exactly but for rounding."""


@short_repr
@dataclass(frozen=True, eq=False)
class NonconformityScores:
    """Absolute errors of held-out predictions, the nonconformity scores of conformal prediction.

    Parameters
    ----------
    by_group : sequence of array
        Scores of each session, in the order of time: one at the scale of sessions, several at
        that of minutes or runs.
    """

    by_group: Sequence[Vector]

    def weights(self, decay: float) -> tuple[list[Vector], float]:
        """Weight of each score, and of the unknown score of the new session; they sum to 1.

        Parameters
        ----------
        decay : float
            1 for exchangeable sessions.
        """
        n = len(self.by_group)
        group_weights = decay ** np.arange(n, 0, -1)
        total = group_weights.sum() + 1
        weights = [
            np.full(len(scores), weight / total / max(len(scores), 1))
            for scores, weight in zip(self.by_group, group_weights, strict=True)
        ]
        return weights, float(1 / total)


def fewest_groups(level: float, decay: float = 1.0) -> float:
    """Smallest number of sessions for an interval of this level; infinite if no number suffices.

    Examples
    --------
    >>> fewest_groups(0.8), fewest_groups(0.9)
    (4.0, 9.0)
    """
    # the weight of the new session, 1 / (1 + sum of the others), must not exceed 1 - level
    needed = 1 / (1 - level) - 1
    if decay == 1:
        return float(math.ceil(needed - 1e-9))
    limit = decay / (1 - decay)
    if needed >= limit:
        return math.inf
    return float(math.ceil(math.log(1 - needed / limit) / math.log(decay) - 1e-9))


def predict_interval(
    predictions: Vector, scores: NonconformityScores, *, level: float, decay: float = 1.0
) -> tuple[float, float]:
    """Prediction interval of the true value, from the leave-one-session-out models.

    With one score per session this is jackknife+ (or CV+): the ends are order statistics of
    prediction - score and prediction + score. With several, the scores of a session share its
    weight (hierarchical conformal prediction), because they are correlated.

    Parameters
    ----------
    predictions : array of shape (n_groups,)
        Predictions of the new case by the model trained without each session.
    level : float
        Nominal coverage; guaranteed for exchangeable sessions is 1 - 2 (1 - level).
    decay : float
        1, or below for the adaptive variant: a session's weight falls by this factor with each
        later session.

    Raises
    ------
    ValueError
        If there are too few sessions for the level.

    References
    ----------
    Barber, Candès, Ramdas, Tibshirani (2021), Ann. Stat. (jackknife+); Lee, Barber, Willett (2023),
    arXiv:2306.06342 (hierarchical); Barber et al. (2023), Ann. Stat. (weights by age)
    """
    n = len(scores.by_group)
    needed = fewest_groups(level, decay)
    if n < needed:
        at_least = (
            "no number of them is enough" if math.isinf(needed) else f"{needed:.0f} are needed"
        )
        raise ValueError(f"{n} sessions are too few for an interval of {level:.0%}: {at_least}.")
    weights, unknown = scores.weights(decay)
    weight = np.concatenate([*weights, [unknown]])
    below = [p - s for p, s in zip(predictions, scores.by_group, strict=True)]
    above = [p + s for p, s in zip(predictions, scores.by_group, strict=True)]
    # the score of the new session is unknown: its weight is placed at infinity
    high = _quantile(np.concatenate([*above, [np.inf]]), weight, level)
    low = -_quantile(-np.concatenate([*below, [-np.inf]]), weight, level)
    return low, high


def _quantile(values: Vector, weights: Vector, level: float) -> float:
    """Weighted quantile: the smallest value whose cumulative weight reaches the level."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order]) >= level - ROUNDING
    return float(values[order][np.argmax(reached)])


def p_of_error(error: float, scores: NonconformityScores) -> float:
    """Conformal p-value: share of sessions, the new one included, with at least this error.

    Examples
    --------
    >>> p_of_error(3.0, NonconformityScores([np.array([1.0]), np.array([2.0]), np.array([4.0])]))
    0.5
    """
    weights, unknown = scores.weights(1.0)
    larger = sum(
        float(weight[group_scores >= error].sum())
        for weight, group_scores in zip(weights, scores.by_group, strict=True)
    )
    return larger + unknown
