"""Confounds of simulated runs, with fMRIPrep's names of columns and keys."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from painprint.arrays import Matrix, Single, Vector
from painprint.bold.denoise import N_COMPONENTS, with_changes, with_squares
from painprint.runs import MOTION_NAMES, framewise_displacement

BASELINE = 10_000.0
N_COSINES = 3
RMS_RADIUS_MM = 80.0
"""Radius of the sphere over which MCFLIRT averages displacement."""
MEANS = ("global_signal", "csf", "white_matter", "csf_wm", "tcompcor")
"""Columns that are means over a mask."""
DECOMPOSITIONS = {
    "t": {"Method": "tCompCor"},
    "w": {"Method": "aCompCor", "Mask": "WM"},
    "c": {"Method": "aCompCor", "Mask": "CSF"},
    "a": {"Method": "aCompCor", "Mask": "combined"},
}
"""Decompositions by the first letter of their columns, as since fMRIPrep 21."""


def relative_rms(motion: Matrix) -> Vector:
    """Root mean square displacement from the frame before (mm), for small rotations.

    Parameters
    ----------
    motion : ndarray of shape (n_frames, 6)
        Translations (mm) and rotations (rad).

    Returns
    -------
    rmsd : ndarray of shape (n_frames,)
        NaN in the first frame.

    References
    ----------
    Jenkinson et al. (2002): the square is R² tr(MᵀM) / 5 + tᵀt, where tr(MᵀM) is twice the squared
    norm of the rotations.
    """
    change = np.diff(motion, axis=0, prepend=np.full((1, 6), np.nan))
    shift, turn = (change[:, :3] ** 2).sum(axis=1), (change[:, 3:] ** 2).sum(axis=1)
    return np.asarray(np.sqrt(shift + 2 * RMS_RADIUS_MM**2 / 5 * turn))


def confounds_table(
    motion: Matrix, components: Matrix, bold: Single
) -> tuple[pd.DataFrame, dict[str, dict[str, Any]]]:
    """Confounds of a run and their sidecar.

    Parameters
    ----------
    motion : ndarray of shape (n_frames, 6)
    components : ndarray of shape (n_frames, 2 * N_COMPONENTS)
        Of white matter, then of CSF.
    bold : ndarray of shape (n_frames, n_points)

    Returns
    -------
    table : DataFrame of n_frames rows
        Missing where fMRIPrep has no value.
    """
    n_frames = len(motion)
    wm, csf = components[:, :N_COMPONENTS], components[:, N_COMPONENTS:]
    global_signal = bold.mean(axis=1, dtype=float)
    tissues = np.column_stack([global_signal, BASELINE + wm[:, 0], BASELINE + csf[:, 0]])
    columns: dict[str, Any] = {}
    for names, values in (
        (("global_signal", "white_matter", "csf"), tissues),
        (MOTION_NAMES, motion),
    ):
        expanded = with_squares(with_changes(values))
        endings = ("", "_derivative1", "_power2", "_derivative1_power2")
        for ending, block in zip(endings, np.split(expanded, 4, axis=1), strict=True):
            for name, column in zip(names, block.T, strict=True):
                columns[name + ending] = column.copy()
                if "derivative1" in ending:
                    columns[name + ending][0] = np.nan
    columns["csf_wm"] = tissues[:, 1:].mean(axis=1)
    columns["tcompcor"] = BASELINE + components.sum(axis=1)
    fd = framewise_displacement(motion)
    fd[0] = np.nan
    change = np.sqrt((np.diff(bold.astype(float), axis=0) ** 2).mean(axis=1))
    columns["framewise_displacement"] = fd
    columns["rmsd"] = relative_rms(motion)
    columns["dvars"] = np.concatenate([[np.nan], change])
    columns["std_dvars"] = columns["dvars"] / np.nanmedian(columns["dvars"])
    of_kind = {"t": wm - csf, "w": wm, "c": csf, "a": wm + csf}
    sidecar: dict[str, dict[str, Any]] = {name: {"Method": "Mean"} for name in MEANS}
    share = 0.5 / N_COMPONENTS
    for kind, described in DECOMPOSITIONS.items():
        for i in range(N_COMPONENTS):
            name = f"{kind}_comp_cor_{i:02d}"
            columns[name] = of_kind[kind][:, i]
            sidecar[name] = {
                **described,
                "SingularValue": float(np.linalg.norm(of_kind[kind][:, i])),
                "VarianceExplained": share,
                "CumulativeVarianceExplained": share * (i + 1),
                "Retained": True,
            }
    for i in range(N_COSINES):
        phase = np.pi * (i + 1) * (np.arange(n_frames) + 0.5) / n_frames
        columns[f"cosine{i:02d}"] = np.cos(phase)
    columns["non_steady_state_outlier00"] = (np.arange(n_frames) == 0).astype(float)
    return pd.DataFrame(columns), sidecar


def bold_sidecar(task: str, tr_s: float) -> dict[str, Any]:
    """Sidecar of preprocessed BOLD whose slices were shifted to the middle of the frame."""
    return {
        "RepetitionTime": tr_s,
        "SkullStripped": False,
        "SliceTimingCorrected": True,
        "StartTime": round(tr_s / 2, 3),
        "TaskName": task,
    }
