"""Agreement within each run or held-out group, and its mean."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from painprint.stats.bootstrap import Ends, bootstrap, hierarchical_draw, interval, weighted_mean
from painprint.stats.correlation import correlation


@dataclass(frozen=True)
class MeanR:
    """Mean over runs (or sessions) of the correlation over their bins of the primary scale."""

    n: int
    r: float | None
    r_ci: Ends
    r_p: float | None


def score_units(minutes: pd.DataFrame, by: str) -> pd.DataFrame:
    """Agreement within each run (or group) over its 1-min bins.

    Parameters
    ----------
    minutes : DataFrame
        The rows of the 1-min scale, with columns as for :func:`score_scale`.
    by : {"run_code", "group"}
        The unit.

    Returns
    -------
    units : DataFrame
        Columns ``group``, ``n_bins``, ``r`` (NaN where the rating does not vary), ``mae``,
        ``mean_rating``, ``mean_predicted``.
    """
    units = []
    for _, rows in minutes.groupby(by, sort=True):
        y, predicted = rows["rating"].to_numpy(float), rows["predicted"].to_numpy(float)
        r = correlation(y, predicted)
        units.append(
            {
                "group": int(rows["group"].iloc[0]),
                "n_bins": len(rows),
                "r": math.nan if r is None else r,
                "mae": float(np.abs(y - predicted).mean()),
                "mean_rating": float(y.mean()),
                "mean_predicted": float(predicted.mean()),
            }
        )
    return pd.DataFrame(units)


def mean_r(units: pd.DataFrame, *, n_bootstraps: int, rng: np.random.Generator) -> MeanR:
    """Mean r over units, excluding units whose r is undefined.

    The bootstrap resamples groups, then units within groups.

    Parameters
    ----------
    units : DataFrame
        Result of :func:`score_units`.
    """
    defined = units[units["r"].notna()]
    if defined.empty:
        return MeanR(0, None, (None, None), None)
    values = defined["r"].to_numpy(float)
    drawn = bootstrap(
        {"r": partial(weighted_mean, x=values)},
        hierarchical_draw(defined["group"].to_numpy(np.int64), np.arange(len(values))),
        n_rows=len(values),
        n_draws=n_bootstraps,
        rng=rng,
    )
    r_interval = interval(drawn["r"], null=0)
    return MeanR(len(values), float(values.mean()), r_interval.ends, r_interval.p)
