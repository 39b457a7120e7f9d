"""Agreement of held-out predictions with intervals, as columns of the tables of stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import pandas as pd

from painprint.arrays import Vector
from painprint.bins import primary_scale
from painprint.decode.decoding import Decoding
from painprint.decode.metrics import Rows, ScaleMetrics, block_interval_ends
from painprint.evidence.stage import SCORES
from painprint.wording import FEW_GROUPS

Scores = dict[str, float]
"""Columns of a row of a table."""
ENDS = ("low", "high")
WITH_INTERVAL = ("r", "auc", "skill", "centred_r", "slope", "intercept")
"""Metrics of a scale that have an interval."""
WITH_ENDS = ("centred_r", "skill")
"""Scores that have an interval; r has that of the paper, in the metrics of the decoding."""


def score_rows(rows: Rows, *, n_bootstraps: int, rng: np.random.Generator) -> Scores:
    """Agreement of predictions with ratings, and its session-block intervals.

    Parameters
    ----------
    rng : Generator
        Rows of as many groups that are scored with equal generators share their resamples.

    Returns
    -------
    scores : dict
        ``n`` rows, ``r``, and ``centred_r`` and ``skill``, each with ``_low`` and ``_high``; NaN
        where undefined.
    """
    agreement = rows.agreement()
    estimates = {name: agreement[name] for name in WITH_ENDS}
    intervals = with_ends(rows, estimates, n_bootstraps=n_bootstraps, rng=rng)
    return {"n": len(rows.rating), "r": agreement["r"], **intervals}


def with_ends(
    rows: Rows, estimates: Mapping[str, float], *, n_bootstraps: int, rng: np.random.Generator
) -> Scores:
    """Estimates, each followed by the ends of its 95 % interval from session blocks.

    Parameters
    ----------
    estimates : mapping of float
        As for :func:`~painprint.decode.metrics.block_interval_ends`; NaN where undefined.

    Returns
    -------
    scores : dict
        ``NAME``, ``NAME_low`` and ``NAME_high``; the ends are NaN with fewer than 8 groups, and
        where the estimate is undefined.
    """
    is_few = rows.group.max() + 1 < FEW_GROUPS
    defined = {name: None if is_few else or_none(value) for name, value in estimates.items()}
    ends = block_interval_ends(rows, defined, n_bootstraps, *rng.spawn(2))
    scores: Scores = {}
    for name, value in estimates.items():
        scores[name] = float(value)
        for end, limit in zip(ENDS, ends[name], strict=True):
            scores[f"{name}_{end}"] = or_nan(limit)
    return scores


def main_scores(decoding: Decoding) -> dict[str, Scores]:
    """Scores of the main analysis by scale, as in :func:`score_rows`, from its own metrics."""
    is_few = len(decoding.groups) < FEW_GROUPS
    undefined = {name: np.nan for name in SCORES if is_few and name.endswith(ENDS)}
    by_scale = {}
    for scale, metrics in decoding.scales.items():
        columns = metric_columns(metrics)
        by_scale[scale] = {name: columns[name] for name in SCORES} | undefined
    return by_scale


def metric_columns(metrics: ScaleMetrics) -> Scores:
    """All metrics of a scale, intervals as ``NAME_low`` and ``NAME_high``; NaN where undefined."""
    columns = asdict(metrics)
    for name in WITH_INTERVAL:
        columns[f"{name}_low"], columns[f"{name}_high"] = columns.pop(f"{name}_ci")
    return {name: or_nan(value) for name, value in columns.items()}


def at_primary(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of a table at the primary scale."""
    return table[table["scale"] == primary_scale(set(table["scale"]))]


def median(values: Vector) -> float | None:
    """Median of the values that are defined; None without any."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else None


def or_nan(value: float | None) -> float:
    """A number; NaN for None."""
    return np.nan if value is None else value


def or_none(value: float) -> float | None:
    """A number; None for NaN."""
    return float(value) if np.isfinite(value) else None
