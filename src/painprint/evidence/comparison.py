"""Comparison of the main decoding with other models on the same folds and rows.

Every comparison model trains on the training bins of all groups but one and predicts the time bins
of that one, as the main decoding did, at the lag that its fold selected there. Hyperparameters are
selected by squared error within the training groups, as in the main decoding. LASSO-PCR, instead,
is as published: it is trained on rating bins, with selection by correlation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from painprint.arrays import Codes, Matrix, Vector
from painprint.bins import count_bins, make_test_bins, primary_scale, primary_words
from painprint.decode.bin_gram import BinGram, inner_products
from painprint.decode.errors import NotEnoughData
from painprint.decode.metrics import Rows, center_by, rows_by_scale
from painprint.decode.refit import scales_at
from painprint.evidence.bin_features import TooLarge, all_bins
from painprint.evidence.case import Case
from painprint.evidence.comparison_models import Fold, Method, comparison_models
from painprint.evidence.scores import at_primary, or_none
from painprint.evidence.stage import StageResult
from painprint.parallel import map_ordered, one_blas_thread
from painprint.progress import OnStep, count_steps, step_of_part
from painprint.runs import Frames
from painprint.stats.bootstrap import IDENTITY, block_interval, block_length, weighted_skill
from painprint.stats.correlation import weighted_r

OURS = "painprint"
FEWEST_BLOCKS = 3
"""Fewest blocks of neighbouring groups for an interval."""
STATISTICS = ("centred_r", "skill")
"""Statistics whose differences are computed."""
ENDS = ("", "_low", "_high")
COLUMNS = ("method", "scale", "r", "centred_r", "skill", "mae")
DIFFERENCES = tuple(f"d_{statistic}{end}" for statistic in STATISTICS for end in ENDS)


def baseline_comparison(case: Case, *, on_step: OnStep | None = None) -> StageResult:
    """The main decoding beside other methods on the same folds, rows and resamples.

    Parameters
    ----------
    on_step : callable, optional
        Called with (done, total) after each fold of each method.

    Returns
    -------
    result : StageResult
        Table ``baselines``: per method and scale r, centred r, skill and MAE, and the differences
        of centred r and skill (main decoding minus method), with intervals. Numbers: description
        of each method, and the same at 1 min.
    """
    bin_grams, lag = bin_grams_of_folds(case)
    methods = comparison_models(case.settings)
    predicted, not_done = predict_by_methods(
        bin_grams, lag, methods, n_jobs=case.n_jobs, on_step=on_step
    )
    ours, scales = rows_by_scale(case.decoding.predictions), scales_at(bin_grams, lag)
    parts = [score_method(OURS, ours, {scale: rows.predicted for scale, rows in ours.items()})]
    for name, values in predicted.items():
        theirs = scales.average(scales.split(values))
        parts.append(score_beside(name, ours, theirs, case, "baselines"))
    table = join_scores(parts)
    return StageResult({"baselines": table}, summarise(table, methods), tuple(not_done))


def bin_grams_of_folds(case: Case) -> tuple[list[BinGram], Codes]:
    """Gram matrices at the lags that folds selected, and the index of that of each group.

    The number of time bins of a run may depend on the lag; here it is that of the main decoding at
    every lag. Edges are among the features, whatever was decoded.
    """
    training = case.decoding.training
    lag = np.zeros(len(training.groups), np.int64)
    chosen, lag[training.group_index] = np.unique(training.lag_of_run, return_inverse=True)
    like = training.frames(case.decoding.prepared)
    return [_bin_gram_to_compare(case, case.bin_grams[i], like) for i in chosen], lag


def _bin_gram_to_compare(case: Case, bin_gram: BinGram, like: Sequence[Frames]) -> BinGram:
    """The same training bins, as many time bins as in ``like``, and edges among the features.

    Where other time bins are needed, training bins stay parts of the minutes they were cut from.
    """
    rules = case.settings.rules
    counts = [[count_bins(run, rules) for run in runs] for runs in (like, case.bin_grams[0].frames)]
    if counts[0] != counts[1]:
        tests = {
            kind: make_test_bins(bin_gram.frames, rules, kind, like=like)
            for kind in bin_gram.tested
        }
        bin_gram = replace(bin_gram, bins={**bin_gram.bins, **tests}, products={})
    if "edges" in bin_gram.products:
        return bin_gram
    bins = all_bins(bin_gram)
    edges = inner_products(
        bin_gram.frames, bins, bin_gram.group_index, ("edges",), n_jobs=case.n_jobs
    )
    return replace(bin_gram, products={**bin_gram.products, **edges})


def predict_by_methods(
    bin_grams: Sequence[BinGram],
    lag: Codes,
    methods: Sequence[Method],
    *,
    n_jobs: int = 1,
    on_step: OnStep | None = None,
) -> tuple[dict[str, Vector], list[str]]:
    """Held-out test bins, one scale after the other, predicted by each method.

    Parameters
    ----------
    bin_grams, lag
        From :func:`bin_grams_of_folds`.

    Returns
    -------
    predicted : dict of ndarrays of shape (n_test_bins,)
        By the methods' names.
    not_done : list of str
        Methods that are not possible, and why.
    """
    predicted, not_done = {}, []
    for number, method in enumerate(methods):
        on_method_step = step_of_part(on_step, number, len(methods))
        step = count_steps(on_method_step, len(lag))
        try:
            predicted[method.name] = _predict(method, bin_grams, lag, n_jobs, step)
        except (NotEnoughData, TooLarge) as error:
            not_done.append(f"No comparison model {method.name}: {error}")
            if on_method_step is not None:
                on_method_step(len(lag), len(lag))
    return predicted, not_done


def _predict(
    method: Method, bin_grams: Sequence[BinGram], lag: Codes, n_jobs: int, step: Callable[[], None]
) -> Vector:
    first, tested = bin_grams[0], bin_grams[0].tested
    predicted = np.empty(sum(len(first.bins[kind]) for kind in tested))
    for i, bin_gram in enumerate(bin_grams):
        folds = [
            fold_without(bin_gram, int(group), fewest_frames=method.fewest_frames)
            for group in np.flatnonzero(lag == i)
        ]
        with one_blas_thread():
            seen = method.represent(bin_gram, n_jobs)
        predictions = map_ordered(
            method.predict, ((seen, fold) for fold in folds), n_jobs=n_jobs, large=True
        )
        for fold, values in zip(folds, predictions, strict=True):
            predicted[fold.test - bin_gram.rows(tested[0]).start] = values
            step()
    return predicted


def fold_without(bin_gram: BinGram, held_out: int, *, fewest_frames: int = 1) -> Fold:
    """Training and test rows when a group is held out.

    Parameters
    ----------
    bin_gram : BinGram
        Gram matrix at the lag of this fold.
    held_out : int
        Index of the group.
    fewest_frames : int
        Bins with fewer frames are not used in training.

    Raises
    ------
    NotEnoughData
        If there are fewer than 2 training groups, or time bins are too short.
    """
    group = np.concatenate([bin_gram.groups(kind) for kind in bin_gram.kinds])
    n_frames = np.array([len(f) for bins in bin_gram.bins.values() for f in bins.frames])
    trains = np.arange(len(group)) < bin_gram.rows("train").stop
    train = np.flatnonzero(trains & (group != held_out) & (n_frames >= fewest_frames))
    test = np.flatnonzero(~trains & (group == held_out))
    if (shortest := n_frames[test].min()) < fewest_frames:
        raise NotEnoughData(
            f"the shortest {primary_words(bin_gram.tested).bin} has {shortest} frames, but at "
            f"least {fewest_frames} are needed."
        )
    if len(np.unique(group[train])) < 2:
        raise NotEnoughData("inner folds need at least 2 groups that train.")
    y = np.full(len(group), np.nan)
    y[train] = bin_gram.y("train")[train]
    unit = train if bin_gram.minute is None else bin_gram.minute[train]
    return Fold(train, test, y, group[train], unit, n_frames[train].astype(float))


def score_method(name: str, ours: Mapping[str, Rows], theirs: Mapping[str, Vector]) -> pd.DataFrame:
    """r, centred r, skill and mean absolute error of predictions, by scale.

    Predictions that are constant within groups have no r: it would reflect the training means of
    the folds, not the method.

    Parameters
    ----------
    ours : mapping of Rows
        Ratings, and the reference of skill.
    theirs : mapping of ndarrays
        Predictions by scale.
    """
    primary = primary_scale(ours)
    constant = not center_by(theirs[primary], ours[primary].group).any()
    records = []
    for scale, rows in ours.items():
        row = replace(rows, predicted=theirs[scale]).agreement()
        if constant:
            row |= {"r": np.nan, "centred_r": np.nan}
        mae = float(np.abs(rows.rating - theirs[scale]).mean())
        records.append({"method": name, "scale": scale, **row, "mae": mae})
    return pd.DataFrame(records)


def score_beside(
    name: str, ours: Mapping[str, Rows], theirs: Mapping[str, Vector], case: Case, stage: str
) -> pd.DataFrame:
    """Scores of predictions and, minus these, those of the main decoding, by scale.

    Parameters
    ----------
    stage : str
        Name of the stage, whose methods all have the same resamples.
    """
    differences = _differences(ours, theirs, case, stage)
    return pd.concat([score_method(name, ours, theirs), differences], axis=1)


def join_scores(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One table of the scores of several methods; NaN where one has no difference."""
    table = pd.concat(parts, ignore_index=True).reindex(columns=[*COLUMNS, *DIFFERENCES])
    return table.astype({c: float for c in (*COLUMNS[2:], *DIFFERENCES)})


def _differences(
    ours: Mapping[str, Rows], theirs: Mapping[str, Vector], case: Case, stage: str
) -> pd.DataFrame:
    """Differences at each scale, with the same resamples for every method."""
    streams = case.stream(stage).spawn(len(ours))
    differences = [
        paired_difference(rows, theirs[scale], n_bootstraps=case.settings.n_bootstraps, rng=rng)
        for (scale, rows), rng in zip(ours.items(), streams, strict=True)
    ]
    return pd.DataFrame(
        [[value for statistic in STATISTICS for value in row[statistic]] for row in differences],
        columns=list(DIFFERENCES),
    )


def paired_difference(
    ours: Rows, theirs: Vector, *, n_bootstraps: int, rng: np.random.Generator
) -> dict[str, tuple[float, float, float]]:
    """Centred r and skill of the main decoding minus another method's, with intervals.

    Both are scored on the same resamples of blocks of neighbouring groups; the distribution of
    resamples is widened by a t-inflation, because blocks are few.

    Parameters
    ----------
    theirs : ndarray of shape (n_rows,)
        The other method's predictions.

    Returns
    -------
    differences : dict of (estimate, low, high)
        ``centred_r`` and ``skill``; NaN where undefined, and without an interval where there
        are fewer than 3 blocks.
    """
    once = np.ones((1, len(theirs)))
    n_groups = int(ours.group.max()) + 1
    n_blocks = math.ceil(n_groups / block_length(n_groups))
    differences = {}
    # separate streams: if one is undefined, the resamples of the other do not change
    for (name, statistic), stream in zip(
        _differences_of_resamples(ours, theirs).items(), rng.spawn(2), strict=True
    ):
        estimate = float(statistic(once)[0])
        if np.isnan(estimate) or n_blocks < FEWEST_BLOCKS:
            differences[name] = (estimate, np.nan, np.nan)
            continue
        ends = block_interval(statistic, estimate, IDENTITY, ours.group, n_bootstraps, stream)
        assert ends.low is not None and ends.high is not None  # all resamples are defined
        differences[name] = (estimate, ends.low, ends.high)
    return differences


def _differences_of_resamples(ours: Rows, theirs: Vector) -> dict[str, Callable[[Matrix], Vector]]:
    """Functions from counts of rows to differences of centred r and of skill."""
    y, reference = ours.rating, ours.reference_error
    y_centred = center_by(y, ours.group)
    our_centred, their_centred = (center_by(v, ours.group) for v in (ours.predicted, theirs))
    our_error, their_error = ours.squared_error, replace(ours, predicted=theirs).squared_error
    return {
        "centred_r": lambda counts: (
            weighted_r(counts, y_centred, our_centred)
            - weighted_r(counts, y_centred, their_centred)
        ),
        "skill": lambda counts: (
            weighted_skill(counts, our_error, reference)
            - weighted_skill(counts, their_error, reference)
        ),
    }


def summarise(table: pd.DataFrame, methods: Sequence[Method]) -> dict[str, Any]:
    """Results of each method at the primary scale, for the page.

    Parameters
    ----------
    table : DataFrame
        From :func:`baseline_comparison`.

    Returns
    -------
    numbers : dict
        ``n_methods``; ``methods``: by name its description (``said``), centred r and skill, and
        the differences with their intervals.
    """
    minutes = at_primary(table).set_index("method").drop(index=OURS)
    descriptions = {method.name: method.description for method in methods}
    return {
        "n_methods": len(minutes),
        "methods": {
            str(name): {
                "said": descriptions[str(name)],
                **{s: or_none(row[s]) for s in STATISTICS},
                **{f"d_{s}": [or_none(row[f"d_{s}{end}"]) for end in ENDS] for s in STATISTICS},
            }
            for name, row in minutes.iterrows()
        },
    }
