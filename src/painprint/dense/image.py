"""Dense BOLD of grayordinates or voxels, one run at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from painprint.arrays import short_repr
from painprint.runs import RunKey


@short_repr
@dataclass(frozen=True, eq=False)
class Dense:
    """Dense BOLD of a person's runs, all with the same points.

    Attributes
    ----------
    kind : {"grayordinates", "voxels"}
    load : callable
        Returns all frames of a run, censored ones included: (n_frames, n_points), float32; None
        if the run has no dense BOLD.
    """

    kind: str
    n_points: int
    load: Callable[[RunKey], NDArray[np.float32] | None]
