"""A signature from elsewhere: weights that were fixed before."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from painprint.arrays import Codes, Vector

KINDS = ("regions", "edges", "points")


@dataclass(frozen=True, eq=False)
class ExternalWeights:
    """A signature from elsewhere.

    Parameters
    ----------
    kind : {"regions", "edges", "points"}
        ``regions``: the score of a frame is z·w. ``edges``: zᵀWz / 2. ``points``: z·w of dense
        BOLD.
    values : ndarray of shape (n_weights,)
        Of each region, pair or point.
    regions : tuple of str
        Their names; none for points.
    pairs : ndarray of int, shape (n_weights, 2)
        Which of the regions each edge joins.
    intercept : float, optional
        Where weights are in units of the rating.
    n_outside : int
        Points with a weight that the dense BOLD does not have.

    Raises
    ------
    ValueError
        If these do not fit together, or a weight is not finite.
    """

    name: str
    kind: str
    values: Vector
    regions: tuple[str, ...] = ()
    pairs: Codes = field(default_factory=lambda: np.empty((0, 2), np.int64))
    intercept: float | None = None
    n_outside: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}; choose one of {', '.join(KINDS)}.")
        n = {"regions": len(self.regions), "edges": len(self.pairs)}.get(self.kind)
        if self.values.ndim != 1 or (n is not None and len(self.values) != n):
            raise ValueError(
                f"weights have shape {self.values.shape}, but there are {n} {self.kind}."
            )
        if bad := int((~np.isfinite(self.values)).sum()):
            raise ValueError(
                f"{bad} of {len(self.values)} weights are missing or not finite; set them to 0."
            )
