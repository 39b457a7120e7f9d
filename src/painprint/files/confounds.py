"""Read the confounds of dense BOLD: fMRIPrep's table, or HCP's Movement_Regressors.txt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from painprint.errors import DerivativesError
from painprint.files.tables import read_lines, read_numbers, to_number
from painprint.runs import MOTION_NAMES

NON_STEADY = "non_steady_state_outlier"
MOVEMENT = "Movement_Regressors.txt"
"""HCP's file of motion parameters: translations (mm), rotations (degrees), and derivatives."""


@dataclass(frozen=True, eq=False)
class Confounds:
    """Confounds of a run.

    Attributes
    ----------
    columns : dict
        Array of shape (n_frames,) by fMRIPrep's name; NaN where a value is missing.
    non_steady : ndarray of bool, shape (n_frames,)
        Frames before steady-state magnetisation.
    """

    columns: dict[str, NDArray[np.float64]]
    non_steady: NDArray[np.bool_]

    @property
    def motion(self) -> NDArray[np.float64]:
        """The six motion parameters (mm, rad): (n_frames, 6)."""
        return np.stack([self.columns[name] for name in MOTION_NAMES], axis=1)


def read_confounds(path: Path, n_frames: int) -> Confounds:
    """Read the confounds of a run, which have one row per frame.

    Raises
    ------
    DerivativesError
        If the numbers of rows and frames differ, or motion is missing.
    """
    names, values = _read_movement(path) if path.name == MOVEMENT else read_numbers(path)
    if len(values) != n_frames:
        raise DerivativesError(
            f"has {len(values)} rows, but the BOLD {n_frames} frames. Does it belong to another "
            "run, or was the BOLD truncated?",
            path,
        )
    columns = dict(zip(names, values.T, strict=True))
    if missing := [name for name in MOTION_NAMES if name not in columns]:
        raise DerivativesError(
            f"has no column {', '.join(missing)}: motion is needed for censoring and cleaning.",
            path,
        )
    for name in MOTION_NAMES:
        if not np.isfinite(columns[name]).all():
            row = int(np.flatnonzero(~np.isfinite(columns[name]))[0])
            raise DerivativesError(f"column {name} has no value in row {row + 1}.", path)
    flags = [column for name, column in columns.items() if name.startswith(NON_STEADY)]
    non_steady = np.any([flag != 0 for flag in flags], axis=0) if flags else np.zeros(n_frames)
    return Confounds(columns, np.asarray(non_steady, dtype=bool))


def _read_movement(path: Path) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """The first six columns of Movement_Regressors.txt, rotations in radians."""
    rows = [line.split() for line in read_lines(path)]
    if not rows or any(len(row) not in (6, 12) for row in rows):
        raise DerivativesError(
            "needs 6 or 12 columns of numbers: translations (mm) and rotations (degrees), and "
            "their derivatives.",
            path,
        )
    try:
        values = np.array([[to_number(cell) for cell in row[:6]] for row in rows])
    except ValueError as error:
        raise DerivativesError(
            f"contains an entry that is not a number ({error}).", path
        ) from error
    values[:, 3:] = np.radians(values[:, 3:])
    return MOTION_NAMES, values
