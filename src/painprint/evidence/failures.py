"""Failure analysis: which sessions and bins are predicted worst, and what covaries with the error.

Errors are those of the held-out predictions of the main analysis. Nothing is fitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from painprint.arrays import Codes, Vector
from painprint.evidence.case import Case
from painprint.evidence.scores import or_nan
from painprint.evidence.stage import StageResult
from painprint.progress import OnStep
from painprint.quality import BAD, CAUTION, GOOD
from painprint.runs import FD
from painprint.signature.applicability import FEWEST_GROUPS, distances_of_runs
from painprint.stats.bootstrap import FISHER_Z, block_interval
from painprint.stats.correlation import correlation, weighted_r
from painprint.wording import FEW_GROUPS

N_WORST = 10
"""Bins that are listed, by the size of their error."""
MEASURES = {
    "mean_fd_mm": "mean framewise displacement",
    "share_censored": "share of censored frames",
    "leverage": "connectivity along the principal components of other sessions",
    "residual": "connectivity outside these components",
    "level_distance": "distance of the mean rating from the training mean",
    "rating_sd": "SD of the rating within the session",
}
"""What the error of sessions is correlated with: column, and its name in sentences."""


def failure_analysis(case: Case, *, on_step: OnStep | None = None) -> StageResult:
    """Errors of held-out sessions and bins, with motion, distance and spread of the ratings.

    Returns
    -------
    result : StageResult
        Tables ``failures`` (held-out sessions, the largest mean absolute error first),
        ``failurebins`` (the bins of the primary scale with the largest errors) and
        ``failuremeasures`` (Spearman correlation, over sessions, of the mean absolute error with
        each measure). Numbers: sessions with one of these bins, and how many were predicted too
        low.

    References
    ----------
    docs/methods.md
    """
    del on_step  # takes seconds
    sessions, not_done = _sessions(case)
    worst = _worst_bins(case)
    numbers = {
        "n_sessions": len(sessions),
        "n_bins": int(sessions["n_bins"].sum()),
        "n_worst": len(worst),
        "n_sessions_of_worst": worst["session"].nunique(),
        "n_too_low": int((worst["error"] < 0).sum()),
    }
    tables = {
        "failures": sessions.sort_values("mae", ascending=False, kind="stable", ignore_index=True),
        "failurebins": worst,
        "failuremeasures": _correlations(case, sessions),
    }
    return StageResult(tables, numbers, tuple(not_done))


def _sessions(case: Case) -> tuple[pd.DataFrame, list[str]]:
    """One row per held-out group, in the order of time, and what is not known."""
    decoding, not_done = case.decoding, []
    by_group = case.at_primary()[0].groupby("group")
    table = decoding.evaluation.per_session.set_index("group").sort_index()
    table["rating_sd"] = by_group["rating"].std(ddof=1)
    table["training_mean"] = by_group["training_mean"].first()
    table["bias"] = table["mean_predicted"] - table["mean_rating"]
    table["level_distance"] = (table["mean_rating"] - table["training_mean"]).abs()
    runs = decoding.training.run_table.assign(group=decoding.training.group_index)
    counts = runs.groupby("group")[["n_censored", "n_frames"]].sum()
    table["share_censored"] = counts["n_censored"] / counts["n_frames"]
    group_index, fd = decoding.training.group_index, _motion(case)
    runs_of = [np.flatnonzero(group_index == g) for g in table.index]
    table["mean_fd_mm"] = [_mean(np.concatenate([fd[r] for r in members])) for members in runs_of]
    table["quality_rating"] = [_quality(case, members) for members in runs_of]
    if table["mean_fd_mm"].isna().all():
        not_done.append("Motion of failed sessions: no framewise displacement is known.")
    if len(table) < FEWEST_GROUPS:
        not_done.append(
            f"Connectivity of failed sessions: {len(table)} are too few to estimate the usual "
            f"distance; at least {FEWEST_GROUPS} are needed."
        )
        return table.assign(leverage=np.nan, residual=np.nan), not_done
    labels = [decoding.groups[k] for k in group_index]
    for name, logarithm in distances_of_runs(decoding.frames, labels).items():
        mean = np.bincount(group_index, logarithm) / np.bincount(group_index)
        table[name] = np.exp(mean - mean.mean())
    return table, not_done


def _motion(case: Case) -> list[Vector]:
    """Framewise displacement of each run (mm); NaN where unknown."""
    frames = case.decoding.frames
    return [run.confounds.get(FD, np.full(len(run), np.nan)) for run in frames]


def _quality(case: Case, runs: Codes) -> str:
    """The worst quality rating of some runs; empty where none is known."""
    keys = [case.decoding.frames[r].key for r in runs]
    known = {case.material.quality[key] for key in keys if key in case.material.quality}
    return next((rating for rating in (BAD, CAUTION, GOOD) if rating in known), "")


def _mean(values: Vector) -> float:
    """Mean of the values that are known; NaN without any."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan


def _worst_bins(case: Case) -> pd.DataFrame:
    """The bins of the primary scale with the largest absolute errors, the largest first."""
    rows, bins = case.at_primary()
    rows = rows.reset_index(drop=True)
    rows["error"] = rows["predicted"] - rows["rating"]
    worst = rows["error"].abs().sort_values(ascending=False, kind="stable").index[:N_WORST]
    fd = _motion(case)
    mean_fd = [_mean(fd[bins.run[i]][bins.frames[i]]) for i in worst]
    names = "session task run bin onset duration n_frames rating predicted error".split()
    return (
        rows.loc[worst, names]
        .astype({"bin": int})
        .assign(mean_fd_mm=mean_fd)
        .reset_index(drop=True)
    )


def _correlations(case: Case, sessions: pd.DataFrame) -> pd.DataFrame:
    """Spearman's rho of the mean absolute error of sessions with each measure."""
    rows = []
    for name, meaning in MEASURES.items():
        known = sessions[sessions[name].notna()]
        rho = _rank_correlation(case, known, name)
        rows.append({"measure": name, "meaning": meaning, "n": len(known), **rho})
    return pd.DataFrame(rows)


def _rank_correlation(case: Case, known: pd.DataFrame, name: str) -> Mapping[str, Any]:
    """rho, and its session-block interval where there are enough sessions."""
    error, measure = (rankdata(known[column]) for column in ("mae", name))
    rho = correlation(error, measure)
    low = high = None
    if rho is not None and len(known) >= FEW_GROUPS:
        low, high = block_interval(
            partial(weighted_r, x=error, y=measure),
            rho,
            FISHER_Z,
            np.arange(len(known)),
            case.settings.n_bootstraps,
            case.stream(f"failures {name}"),
        ).ends
    return {"rho": or_nan(rho), "rho_low": or_nan(low), "rho_high": or_nan(high)}
