"""One specification of a multiverse, and what all of them say together.

A specification is decoded as a study is, so that its numbers are those of a study alone to the last
digit; of the models and predictions, nothing but these numbers remains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from painprint.bins import primary_scale
from painprint.decode.decoding import Decoding, evaluate_training
from painprint.decode.errors import NotEnoughData
from painprint.decode.kept_products import InnerProducts
from painprint.decode.prepare import Prepared
from painprint.decode.training import train
from painprint.evidence.permuted_ratings import permute_frames
from painprint.evidence.scores import ENDS, main_scores, median, metric_columns
from painprint.evidence.specifications import Choice
from painprint.evidence.stage import AGREEMENT
from painprint.settings import Settings
from painprint.stats.main_effects import main_effects
from painprint.wording import FEW_GROUPS

METRIC = "centred_r"
"""What specifications are sorted by, and of which the variance is explained."""
METRICS = ("r", "centred_r", "skill")
PERMUTED = "permuted_"
"""Begins the columns with one permutation of the ratings within sessions."""
_INTERVAL_OF = {
    "r": "95% interval by the paper's hierarchical bootstrap",
    **dict.fromkeys(
        ("centred_r", "skill"),
        f"95% session-block interval; n/a with fewer than {FEW_GROUPS} sessions (or runs) held out",
    ),
}
_OF_SCORES = {
    column: text
    for name in METRICS
    for column, text in (
        (name, AGREEMENT[name]),
        (f"{name}_low", f"lower end of its {_INTERVAL_OF[name]}"),
        (f"{name}_high", "upper end"),
    )
}
COLUMNS = {
    "specification": "number in the order of the plan; a column for each of its choices follows",
    "default": "yes for the specification that has the first alternative of every choice",
    "n_sessions": "sessions used",
    "n_runs": "runs used",
    "n_runs_excluded": "runs that cannot be used",
    "n_regions": "regions used",
    "minutes": "kept frames of all runs (min)",
    "n": "{bins} that are predicted",
    **_OF_SCORES,
    **{
        PERMUTED + name: f"the same with ratings permuted within sessions: {text}"
        for name, text in _OF_SCORES.items()
    },
    "not_done": "why there are no numbers",
}
"""Columns of the table of specifications, beside those of the choices."""


def score_specification(
    prepared: Prepared,
    settings: Settings,
    *,
    products: InnerProducts,
    n_excluded: int = 0,
    n_jobs: int = 1,
) -> dict[str, Any]:
    """Decode as a study would, and once more with ratings that are permuted within sessions.

    Parameters
    ----------
    products : callable
        Inner products of bins, which do not depend on ratings.
    n_excluded : int
        Runs that were excluded before.

    Returns
    -------
    numbers : dict
        By column of the table, with the primary scale as ``scale``.

    Raises
    ------
    ValueError
        If it cannot be decoded.
    """
    decoding = _decode(prepared, settings, products, n_jobs)
    runs = [lags[0] for lags in prepared.runs]
    scale, scores = _scores(decoding)
    numbers: dict[str, Any] = {
        "scale": scale,
        "n_sessions": len({run.key.session for run in runs}),
        "n_runs": len(runs),
        "n_runs_excluded": n_excluded + len(prepared.runs_left_out),
        "n_regions": len(prepared.regions.names),
        "minutes": sum(frames.kept_s for frames in decoding.frames) / 60,
        **scores,
    }
    group_index, _ = prepared.groups(settings.leave_out)
    rng = np.random.default_rng([settings.random_seed, *b"multiverse"])
    permuted = replace(prepared, runs=permute_frames(prepared.runs, group_index, rng))
    try:
        _, chance = _scores(_decode(permuted, settings, products, n_jobs))
    except NotEnoughData as error:
        return {**numbers, "not_done": f"With permuted ratings: {error}"}
    del chance["n"]
    return {**numbers, **{PERMUTED + name: value for name, value in chance.items()}}


def _decode(
    prepared: Prepared, settings: Settings, products: InnerProducts, n_jobs: int
) -> Decoding:
    training = train(prepared, settings, n_jobs=n_jobs, products=products)
    return evaluate_training(prepared, training, settings, n_jobs=n_jobs)


def _scores(decoding: Decoding) -> tuple[str, dict[str, float]]:
    """The primary scale, and the scores there with their intervals."""
    scale = primary_scale(decoding.scales)
    columns = metric_columns(decoding.scales[scale])
    return scale, main_scores(decoding)[scale] | {f"r_{end}": columns[f"r_{end}"] for end in ENDS}


def summarise(
    table: pd.DataFrame, choices: Sequence[Choice], combinations: Sequence[Sequence[int]]
) -> dict[str, Any]:
    """What all specifications say together.

    Parameters
    ----------
    table : DataFrame
        A row for each specification.
    combinations : sequence of sequences of int
        Alternatives of each row, by choice.

    Returns
    -------
    summary : dict
        ``share_above_0``, observed and permuted, by metric: of the specifications that have an
        interval, the share whose interval lies above 0. ``n_with_interval`` likewise. ``median``,
        ``lowest`` and ``highest`` of the metric. ``variance``: the share that each choice explains.
    """
    both = {"observed": "", "permuted": PERMUTED}
    values = table[METRIC].dropna()
    return {
        "n_done": int(table["n"].notna().sum()),
        "share_above_0": {
            kind: {name: _share_above_0(table[f"{begin}{name}_low"]) for name in METRICS}
            for kind, begin in both.items()
        },
        "n_with_interval": {
            kind: {name: int(table[f"{begin}{name}_low"].notna().sum()) for name in METRICS}
            for kind, begin in both.items()
        },
        "metric": METRIC,
        "median": float(values.median()),
        "lowest": float(values.min()),
        "highest": float(values.max()),
        "variance": _variance(table, choices, combinations),
    }


def _share_above_0(low: pd.Series) -> float | None:
    known = low.dropna()
    return float((known > 0).mean()) if len(known) else None


def _variance(
    table: pd.DataFrame, choices: Sequence[Choice], combinations: Sequence[Sequence[int]]
) -> dict[str, Any]:
    """Variance of the metric that each choice explains, with the median of each alternative."""
    known = table[METRIC].notna().to_numpy()
    codes = np.array(combinations, int).reshape(len(table), len(choices))[known]
    values = table[METRIC].to_numpy(float)[known]
    varied = {c.name: codes[:, i] for i, c in enumerate(choices) if len(np.unique(codes[:, i])) > 1}
    effects = main_effects(values, varied)
    shares: Mapping[str, float | None] = effects.shares
    defined = {name: share for name, share in shares.items() if share is not None}
    return {
        "is_balanced": effects.is_balanced,
        "additive": effects.additive,
        "moves_most": max(defined, key=defined.__getitem__) if defined else None,
        "choices": [
            {
                "name": choice.name,
                "share": shares.get(choice.name),
                "alternatives": [
                    {"name": label, "n": int(at.sum()), "median": median(values[at])}
                    for at, label in ((codes[:, i] == j, x) for j, x in enumerate(choice.labels))
                ],
            }
            for i, choice in enumerate(choices)
        ],
    }
