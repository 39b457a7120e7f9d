"""QC-FC: correlation of edges with motion over runs, as a measure of residual artefacts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from painprint.arrays import Vector
from painprint.edges import bin_edges
from painprint.evidence.case import Case
from painprint.evidence.stage import StageResult
from painprint.progress import OnStep
from painprint.runs import FD
from painprint.stats.correlation import correlate_columns
from painprint.wording import SIGNIFICANT

FEWEST_RUNS = 10
N_DISTANCES = 10
"""Bins of distance, of equal numbers of edges."""


def motion_and_edges(case: Case, *, on_step: OnStep | None = None) -> StageResult:
    """Correlate each edge's strength with mean framewise displacement, over the runs (QC-FC).

    Both are computed over the frames that are used. Where the coordinates of the regions are known,
    the dependence of this correlation on the distance between regions is computed as well.

    Returns
    -------
    result : StageResult
        Table ``qcfc``: edges in bins of distance. Numbers: median ``|r|``, the share with p < .05
        (uncorrected, about .05 by chance), and Spearman's correlation of r with distance.

    References
    ----------
    Power et al. (2012); Ciric et al. (2017)
    """
    del on_step  # takes seconds
    frames = case.decoding.frames
    runs_with_fd = [
        run for run in frames if FD in run.confounds and np.isfinite(run.confounds[FD]).any()
    ]
    motion = np.array([np.nanmean(run.confounds[FD]) for run in runs_with_fd])
    if len(runs_with_fd) < FEWEST_RUNS or np.ptp(motion) == 0:
        reason = (
            f"Motion against connectivity needs at least {FEWEST_RUNS} runs whose framewise "
            f"displacement is known and differs; there are {len(runs_with_fd)}."
        )
        return StageResult({}, {}, (reason,))
    edges = [bin_edges(run.signals, np.zeros(len(run), np.int64))[0] for run in runs_with_fd]
    r = correlate_columns(np.array(edges), motion[:, None])
    p = _p_of_r(r, len(runs_with_fd))
    distance = _distances(case)
    numbers: dict[str, Any] = {
        "n_runs": len(runs_with_fd),
        "n_edges": len(r),
        "median_abs_r": float(np.nanmedian(np.abs(r))),
        "share_significant": float((p < SIGNIFICANT).mean()),
        "rho_distance": None,
        "n_placed": int(np.isfinite(distance).sum()),
    }
    defined = np.isfinite(distance) & np.isfinite(r)
    if defined.sum() < N_DISTANCES**2:
        reason = (
            "Motion against distance: the coordinates of the regions are not known (columns x, y, "
            "z of the atlas's dseg.tsv)."
        )
        return StageResult({"qcfc": _by_distance(r, p, np.zeros(len(r)), 1)}, numbers, (reason,))
    numbers["rho_distance"] = float(stats.spearmanr(r[defined], distance[defined]).statistic)
    table = _by_distance(r[defined], p[defined], distance[defined], N_DISTANCES)
    return StageResult({"qcfc": table}, numbers)


def _p_of_r(r: Vector, n: int) -> Vector:
    """Two-sided p of correlations over n independent runs."""
    clipped = np.clip(np.nan_to_num(r), -1 + 1e-12, 1 - 1e-12)  # keeps t finite at |r| = 1
    t = clipped * np.sqrt((n - 2) / (1 - clipped**2))
    return np.where(np.isnan(r), np.nan, 2 * stats.t.sf(np.abs(t), n - 2))


def _distances(case: Case) -> Vector:
    """Distance between the two regions of each edge (mm); NaN where coordinates are unknown."""
    unknown = (np.nan, np.nan, np.nan)
    names = case.decoding.regions.names
    coordinates = np.array(
        [case.material.coordinates.get(name, unknown) for name in names], dtype=float
    )
    a, b = np.triu_indices(len(names), k=1)
    return np.asarray(np.linalg.norm(coordinates[a] - coordinates[b], axis=1))


def _by_distance(r: Vector, p: Vector, distance: Vector, n_bins: int) -> pd.DataFrame:
    """Edges in bins of distance: their number, mean distance, and correlation with motion."""
    rows = []
    for members in np.array_split(np.argsort(distance, kind="stable"), n_bins):
        inside = r[members]
        low, high = np.nanpercentile(inside, [25, 75])
        rows.append(
            {
                "distance": float(distance[members].mean()) if n_bins > 1 else np.nan,
                "n_edges": len(members),
                "median_r": float(np.nanmedian(inside)),
                "r_25": float(low),
                "r_75": float(high),
                "share_significant": float((p[members] < SIGNIFICANT).mean()),
            }
        )
    return pd.DataFrame(rows)
