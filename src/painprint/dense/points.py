"""Loading of a run's dense BOLD, and its rows by frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from painprint.arrays import Codes
from painprint.dense.image import Dense
from painprint.runs import Run, RunKey, restore_censored


def load_points(dense: Dense, key: RunKey) -> NDArray[np.float32]:
    """Load the dense BOLD of a run: (n_rows, n_points).

    Raises
    ------
    ValueError
        If the run has none, or with another number of points.
    """
    data = dense.load(key)
    if data is None:
        raise ValueError(f"there are no {dense.kind} of it.")
    if data.ndim != 2 or data.shape[1] != dense.n_points:
        raise ValueError(f"it has {dense.kind} of shape {data.shape}, not {dense.n_points} points.")
    return data


def rows_of_frames(n_rows: int, run: Run, frames: Codes) -> Codes:
    """Rows of uncensored frames in data that may lack the censored frames.

    Raises
    ------
    ValueError
        If the rows are neither all frames nor the uncensored ones.
    """
    assert run.censored is not None  # set in Run.__post_init__
    row_of_frame = restore_censored(np.arange(n_rows)[:, None], run.censored)[:, 0]
    return row_of_frame[frames].astype(np.int64)
