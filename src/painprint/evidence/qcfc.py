"""Does motion still show in connectivity after cleaning? Edges against motion, over runs."""

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
from painprint.settings import SIGNIFICANT
from painprint.stats.correlation import correlate_columns

FEWEST_RUNS = 10
N_DISTANCES = 10
"""Bins of distance, with as many edges each."""


def motion_and_edges(case: Case, *, on_step: OnStep | None = None) -> StageResult:
    """Correlate each edge's strength with mean framewise displacement, over the runs (QC-FC).

    Both are taken over the frames that are used. Where the regions' places are known, also whether
    near edges go with motion more than far ones.

    Returns
    -------
    result : StageResult
        Table ``qcfc``: edges in bins of distance. Numbers: median ``|r|``, the share with p < .05
        (uncorrected, about .05 by chance), and Spearman's correlation of r with distance.

    References
    ----------
    Power et al. (2012); Ciric et al. (2017)
    """
    del on_step  # seconds
    frames = case.decoding.frames
    known = [one for one in frames if FD in one.confounds and np.isfinite(one.confounds[FD]).any()]
    motion = np.array([np.nanmean(one.confounds[FD]) for one in known])
    if len(known) < FEWEST_RUNS or np.ptp(motion) == 0:
        reason = (
            f"Motion against connectivity needs at least {FEWEST_RUNS} runs whose framewise "
            f"displacement is known and differs; there are {len(known)}."
        )
        return StageResult({}, {}, (reason,))
    whole = [bin_edges(one.signals, np.zeros(len(one), np.int64))[0] for one in known]
    r = correlate_columns(np.array(whole), motion[:, None])
    p = _p_of_r(r, len(known))
    distance = _distances(case)
    numbers: dict[str, Any] = {
        "n_runs": len(known),
        "n_edges": len(r),
        "median_abs_r": float(np.nanmedian(np.abs(r))),
        "share_significant": float((p < SIGNIFICANT).mean()),
        "rho_distance": None,
        "n_placed": int(np.isfinite(distance).sum()),
    }
    there = np.isfinite(distance) & np.isfinite(r)
    if there.sum() < N_DISTANCES**2:
        reason = (
            "Motion against distance: the places of the regions are not known (columns x, y, z of "
            "the atlas's dseg.tsv)."
        )
        return StageResult({"qcfc": _by_distance(r, p, np.zeros(len(r)), 1)}, numbers, (reason,))
    numbers["rho_distance"] = float(stats.spearmanr(r[there], distance[there]).statistic)
    table = _by_distance(r[there], p[there], distance[there], N_DISTANCES)
    return StageResult({"qcfc": table}, numbers)


def _p_of_r(r: Vector, n: int) -> Vector:
    """Two-sided p of correlations over n independent runs."""
    clipped = np.clip(np.nan_to_num(r), -1 + 1e-12, 1 - 1e-12)
    t = clipped * np.sqrt((n - 2) / (1 - clipped**2))
    return np.where(np.isnan(r), np.nan, 2 * stats.t.sf(np.abs(t), n - 2))


def _distances(case: Case) -> Vector:
    """Distance of the two regions of each edge (mm); NaN where one has no place."""
    unknown = (np.nan, np.nan, np.nan)
    names = case.decoding.regions.names
    place = np.array([case.material.places.get(name, unknown) for name in names], dtype=float)
    a, b = np.triu_indices(len(names), k=1)
    return np.asarray(np.linalg.norm(place[a] - place[b], axis=1))


def _by_distance(r: Vector, p: Vector, distance: Vector, n_bins: int) -> pd.DataFrame:
    """Edges in bins of distance: how many, how far, and how their strength goes with motion."""
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
