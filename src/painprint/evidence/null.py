"""Permutation tests: the entire pipeline repeated with permuted ratings.

Training rows must not be made from the rating, so rating bins have no such test. Ratings are split
into session means and the deviations from them (time courses):

within
    Session means are kept; time courses are exchanged between sessions, run by run in order, and
    shifted circularly within runs. Assumes that time courses are exchangeable between sessions
    and stationary within runs: shifting breaks trends, so strong trends in both ratings and BOLD
    make p too small.
between
    Time courses are kept; session means are reordered with an autocorrelation compatible with the
    observed one. Assumes that they drift as an AR(1) process.
both
    Both components are permuted: the distribution of agreement without any association.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.arrays import Codes, Matrix, Vector
from painprint.decode.bin_gram import BinGram
from painprint.decode.decoders import make_decoder
from painprint.decode.errors import NotEnoughData
from painprint.decode.metrics import agreement
from painprint.evidence.case import Case
from painprint.evidence.permuted_ratings import (
    FEWEST_SESSIONS_TO_REORDER,
    NULLS,
    Permutations,
    draw_permutations,
    permute_ratings,
)
from painprint.evidence.scores import median
from painprint.evidence.stage import StageResult
from painprint.progress import OnStep, step_of_part
from painprint.stats.permutation import p_above


def permutation_null(case: Case, *, on_step: OnStep | None = None) -> StageResult:
    """Repeat the entire pipeline, including nested cross-validation, with permuted ratings.

    Returns
    -------
    result : StageResult
        Table ``null``: r, session-centred r and skill of every permutation at every scale.
        Numbers: per scale the observed values, the median of r with both components permuted,
        ``p_within`` (of centred r) and ``p_between`` (of r), one-sided.

    Raises
    ------
    NotEnoughData
        If the model is trained on rating bins.

    References
    ----------
    docs/methods.md
    """
    bin_grams = case.bin_grams
    if bin_grams[0].minute is None:
        raise NotEnoughData(
            "rating bins are made from the rating, so a permuted rating would change the rows that "
            "train. The recommended preset on time bins (--train-bins 30s) has this null."
        )
    permutations = draw_permutations(
        bin_grams[0], case.settings.n_permutations, case.stream("null")
    )
    values = null_statistics(bin_grams, case, permutations, on_step=on_step)
    table = _table(values, permutations.kind)
    n_groups = bin_grams[0].n_groups
    scales = {scale: _summarise(values[scale], permutations.kind) for scale in values}
    not_done = []
    if n_groups < FEWEST_SESSIONS_TO_REORDER:
        not_done.append(
            f"No p between {case.settings.leave_out}s: {n_groups} means have too few orders; at "
            f"least {FEWEST_SESSIONS_TO_REORDER} are needed."
        )
        for summary in scales.values():
            summary["p_between"] = None
    if scales[bin_grams[0].scales.primary]["p_within"] is None:
        not_done.append(
            f"No p within {case.settings.leave_out}s: rating or prediction do not vary within them."
        )
    numbers: dict[str, Any] = {"n_permutations": case.settings.n_permutations, "scales": scales}
    return StageResult({"null": table}, numbers, tuple(not_done))


def null_statistics(
    bin_grams: Sequence[BinGram],
    case: Case,
    permutations: Permutations,
    *,
    on_step: OnStep | None = None,
) -> dict[str, dict[str, Vector]]:
    """r, centred r and skill of each permutation, by scale."""
    first, tested = bin_grams[0], bin_grams[0].tested
    ratings = [permute_ratings(bin_gram, permutations, *first.kinds) for bin_gram in bin_grams]
    fits = []
    for i, (bin_gram, (Y, *_)) in enumerate(zip(bin_grams, ratings, strict=True)):
        fits.append(
            make_decoder(case.settings.rules, bin_gram.n_edges).nested_for_many(
                bin_gram.samples(),
                Y,
                bin_gram.tested_rows(),
                n_jobs=case.n_jobs,
                on_step=step_of_part(on_step, i, len(bin_grams)),
            )
        )
    lag = np.argmax([fit.inner_score for fit in fits], axis=0)  # (n_groups, n)
    mean = _at_lag([fit.training_mean for fit in fits], lag)
    y = [
        bin_gram.scales.average(dict(zip(tested, kind_ratings[1:], strict=True)))
        for bin_gram, kind_ratings in zip(bin_grams, ratings, strict=True)
    ]
    predicted = [
        bin_gram.scales.average(bin_gram.scales.split(fit.held_out))
        for bin_gram, fit in zip(bin_grams, fits, strict=True)
    ]
    statistics = {}
    for scale, group in first.scales.groups.items():
        y_at, predicted_at = (
            _at_lag([lag_values[scale] for lag_values in values], lag[group])
            for values in (y, predicted)
        )
        statistics[scale] = agreement(y_at, predicted_at, mean[group], group)
    return statistics


def _at_lag(values: Sequence[Matrix], lag: Codes) -> Matrix:
    """Each entry from the lag that its fold selected."""
    chosen: Matrix = np.take_along_axis(np.array(values), lag[None], axis=0)[0]
    return chosen


def _summarise(values: dict[str, Vector], kind: NDArray[np.str_]) -> dict[str, float | None]:
    """Observed values, medians with both components permuted, and p-values, at one scale."""
    observed = {name: float(v[0]) for name, v in values.items()}
    return {
        **observed,
        "null_median": median(values["r"][kind == "both"]),
        "null_median_centred": median(values["centred_r"][kind == "both"]),
        "p_within": p_above(observed["centred_r"], values["centred_r"][kind == "within"]),
        "p_between": p_above(observed["r"], values["r"][kind == "between"]),
    }


def _table(values: dict[str, dict[str, Vector]], kind: NDArray[np.str_]) -> pd.DataFrame:
    number = np.concatenate([np.arange((kind == k).sum()) + (k != "observed") for k in NULLS])
    parts = [
        pd.DataFrame({"null": kind, "permutation": number, "scale": scale, **values[scale]})
        for scale in values
    ]
    return pd.concat(parts, ignore_index=True)
