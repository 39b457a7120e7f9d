"""Interpolation of functions of a penalty between Chebyshev points of its logarithm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from painprint.arrays import Matrix, Vector, short_repr

ACCURACY = 1e-13
"""Error of the interpolation of functions of size 1."""


@short_repr
@dataclass(frozen=True, eq=False)
class ChebyshevPoints:
    """Points of log λ between which a smooth function of it is interpolated.

    Attributes
    ----------
    penalty : ndarray of shape (n_points,)
        λ at each point.
    """

    penalty: Vector

    @classmethod
    def between(cls, low: float, high: float) -> ChebyshevPoints:
        """As many as reach ``ACCURACY`` for functions with no pole within ±π of the line.

        The error falls by a factor of ρ with each point, ρ being the sum of the half axes of the
        ellipse around the interval (its ends as foci, scaled to ±1) that touches the poles.
        """
        half = np.log(high / low) / 2
        pole = np.pi / half
        rho = pole + np.hypot(1, pole)
        n = int(np.ceil(-np.log(ACCURACY) / np.log(rho))) + 1
        x = np.cos(np.pi * np.arange(n) / (n - 1))
        return cls(np.sqrt(low * high) * np.exp(half * x))

    def weights(self, penalty: Vector) -> Matrix:
        """Barycentric weights of the points at each λ: (n_penalties, n_points).

        0 at an infinite λ, where what is interpolated is 0.

        References
        ----------
        Berrut & Trefethen (2004), SIAM Review 46:501.
        """
        weights = np.zeros((len(penalty), len(self.penalty)))
        finite = np.isfinite(penalty)
        difference = np.log(penalty[finite])[:, None] - np.log(self.penalty)
        sign = (-1.0) ** np.arange(len(self.penalty))
        sign[[0, -1]] /= 2
        at_point = difference == 0
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = sign / difference
            some = terms / terms.sum(axis=1, keepdims=True)
        weights[finite] = np.where(at_point.any(axis=1, keepdims=True), at_point, some)
        return weights
