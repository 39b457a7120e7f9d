"""Dense BOLD, grayordinates or voxels, one run at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from painprint.runs import RunKey


@dataclass(frozen=True, eq=False)
class Dense:
    """Dense BOLD of a person's runs, all on the same points.

    Attributes
    ----------
    kind : {"grayordinates", "voxels"}
    load : callable
        Frames x points of a run on its full clock, as float32; None where a run has none.
    """

    kind: str
    n_points: int
    load: Callable[[RunKey], NDArray[np.float32] | None]
