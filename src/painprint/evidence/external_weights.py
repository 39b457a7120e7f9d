"""External signatures: weights that were fixed in advance, outside the study."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from painprint.arrays import Codes, Vector, short_repr

KINDS = ("regions", "edges", "points")


@short_repr
@dataclass(frozen=True, eq=False)
class ExternalWeights:
    """Weights of an external signature.

    Parameters
    ----------
    kind : {"regions", "edges", "points"}
        ``regions``: the score of a frame is z·w. ``edges``: zᵀWz / 2. ``points``: z·w of dense
        BOLD.
    values : ndarray of shape (n_weights,)
        Weight of each region, edge or point (grayordinate or voxel).
    regions : tuple of str
        Names of the regions; empty for points.
    pairs : ndarray of int, shape (n_weights, 2)
        Indices of the two regions of each edge.
    intercept : float, optional
        Given where scores are in units of the rating.
    n_outside : int
        Number of points with a weight outside the dense BOLD.

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
        if not self.values.any():
            where = " in the BOLD" if self.n_outside else ""
            outside = f" ({self.n_outside} others lie outside it)" if self.n_outside else ""
            raise ValueError(
                f"all of its {len(self.values)} weights{where} are 0{outside}, which predicts "
                "nothing. Is it the right file?"
            )
