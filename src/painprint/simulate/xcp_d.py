"""Write simulated regional time series as XCP-D 26 writes them.

Names of files, columns and keys are those of XCP-D (``tests/data/pipeline_names.tsv`` says where
each is from), and there are no others: the sidecar of the series has no repetition time, which is
in that of the denoised BOLD. The denoised BOLD itself is not simulated.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.arrays import Matrix
from painprint.runs import FD, MOTION_NAMES, framewise_displacement
from painprint.simulate.confounds import relative_rms
from painprint.store.files import write_json, write_table

HEAD_RADIUS_MM = 50
ROTATIONS_FIRST = (*MOTION_NAMES[3:], *MOTION_NAMES[:3])


def write_region_table(dataset: Path, atlas: str, table: pd.DataFrame) -> None:
    """Write the table of an atlas where XCP-D copies it to."""
    folder = dataset / "sourcedata" / "atlases" / "tpl-fsLR"
    write_table(folder / f"tpl-fsLR_atlas-{atlas}_den-91k_dseg.tsv", table)


def write_regional(
    stem: Path,
    atlas: str,
    signals: pd.DataFrame,
    *,
    motion: Matrix,
    censored: NDArray[np.bool_],
    metadata: dict[str, Any],
    fd_thresh_mm: float,
) -> None:
    """Write the regional time series of a run, interpolated, with its companions.

    Parameters
    ----------
    stem : Path
        Path of the run's files up to its last entity, ``.../sub-01_ses-01_task-rating_run-1``.
    signals : DataFrame of shape (n_frames, n_regions)
        Named after the regions.
    motion : ndarray of shape (n_frames, 6)
        mm and rad.
    censored : ndarray of bool, shape (n_frames,)
    metadata : dict
        Sidecar of the preprocessed BOLD, which becomes part of that of the denoised BOLD.
    """
    folder = "/".join(stem.parts[-4:-1])
    of_denoised = f"{stem.name}_space-fsLR_den-91k_desc-denoised_bold"
    sources = {"Sources": [f"bids::{folder}/{stem.name}_outliers.tsv"]}
    write_json(
        stem.with_name(f"{of_denoised}.json"), {**metadata, "SoftwareFilters": None, **sources}
    )
    name = f"{stem.name}_space-fsLR_atlas-{atlas}_stat-mean_timeseries"
    write_table(stem.with_name(f"{name}.tsv"), signals)
    of_series = [f"bids::{folder}/{of_denoised}.dtseries.nii"]
    write_json(stem.with_name(f"{name}.json"), {"SamplingFrequency": "TR", "Sources": of_series})
    flags = pd.DataFrame({FD: censored.astype(int)})
    write_table(stem.with_name(f"{stem.name}_outliers.tsv"), flags)
    levels = {"0": "Non-outlier volume", "1": "Outlier volume"}
    described = {"Description": "Frames above the threshold", "Levels": levels}
    write_json(
        stem.with_name(f"{stem.name}_outliers.json"),
        {
            FD: {**described, "Threshold": fd_thresh_mm},
            "Threshold": fd_thresh_mm,
            "Sources": [f"bids::{folder}/{stem.name}_motion.tsv"],
        },
    )
    table = pd.DataFrame(motion, columns=list(MOTION_NAMES))[list(ROTATIONS_FIRST)]
    table = table.assign(rmsd=relative_rms(motion), **{FD: framewise_displacement(motion)})
    write_table(stem.with_name(f"{stem.name}_motion.tsv"), table)
    fd = {"Description": "Power et al. (2012)", "HeadRadius": HEAD_RADIUS_MM, "Units": "mm"}
    keys: dict[str, Any] = {name: {} for name in (*ROTATIONS_FIRST, "rmsd")}
    write_json(stem.with_name(f"{stem.name}_motion.json"), {**keys, FD: fd, "Sources": []})
