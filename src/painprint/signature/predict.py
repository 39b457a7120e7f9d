"""Apply a signature to new runs: predictions, intervals and verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from painprint.arrays import Codes, Matrix, Vector, short_repr
from painprint.bins import PAPER_COUNTS, make_test_bins
from painprint.decode.training import EVERYTHING
from painprint.edges import bin_edges
from painprint.runs import Frames, Run, RunKey, count_frames, pair_frames
from painprint.signature.applicability import (
    MOST_MISSING,
    OTHER_TR,
    SHORTEST_S,
    RunMeasures,
    Verdict,
    judge_session,
    measure_run,
)
from painprint.signature.model import Signature, UsedModel
from painprint.stats.conformal import DECAY, LEVELS, predict_interval


def was_trained_on(signature: Signature, key: RunKey) -> bool:
    """Whether the session of a run was among those that trained the signature."""
    held_out = {model.held_out for model in signature.models[1:]}
    if signature.leave_out == "session":
        return (key.session or "n/a") in held_out
    if not key.session:
        return str(key) in held_out
    return any(group.startswith(f"ses-{key.session} ") for group in held_out)


@short_repr
@dataclass(frozen=True, eq=False)
class Prediction:
    """Predicted rating of a run.

    Attributes
    ----------
    minutes : DataFrame
        Columns ``minute`` (number of the time bin), ``onset`` (s), ``n_frames``,
        ``predicted``.
    run : float
        Mean over all kept frames.
    counts : dict
        Numbers of frames used and excluded, as in :class:`~painprint.runs.Frames`.
    """

    minutes: pd.DataFrame
    run: float
    counts: dict[str, int]
    warnings: tuple[str, ...]


def pair_run(
    signature: Signature,
    run: Run,
    *,
    held_out: str = EVERYTHING,
    need_rating: bool = True,
    most_missing: float = 0.0,
) -> Frames:
    """Frames of a run at the lag of a model of the signature; regions are matched by name.

    Parameters
    ----------
    signature, run, held_out
        As for :func:`predict_run`.
    need_rating : bool
        Whether frames without a rating are excluded.
    most_missing : float
        Largest share of the signature's regions that may be missing; they are 0 and not
        ``usable``.

    Raises
    ------
    ValueError
        If more regions of the signature are missing or unusable, or too few frames are usable.
    """
    model = signature.models[signature.find_model(held_out)]
    frames = pair_all_regions(signature, run, model, need_rating=need_rating)
    known = dict(zip(frames.regions, frames.usable, strict=True))
    missing = [n for n in signature.regions.names if not known.get(n, False)]
    if len(missing) > most_missing * len(signature.regions.names):
        raise ValueError(
            f"{run.key}: {len(missing)} of the signature's {len(signature.regions.names)} regions "
            f"are missing or have no signal (first: {', '.join(missing[:3])}). Use the same atlas."
        )
    return frames.select(signature.regions.names) if not missing else _fill(frames, signature)


def _fill(frames: Frames, signature: Signature) -> Frames:
    """Frames with the signature's regions, 0 where the run lacks one."""
    names = signature.regions.names
    position = {n: i for i, n in enumerate(frames.regions)}
    signals, usable = np.zeros((len(frames), len(names))), np.zeros(len(names), bool)
    for column, name in enumerate(names):
        at = position.get(name)
        if at is not None and frames.usable[at]:
            signals[:, column], usable[column] = frames.signals[:, at], True
    return replace(frames, signals=signals, usable=usable, regions=names)


def pair_all_regions(
    signature: Signature, run: Run, model: UsedModel, *, need_rating: bool = True
) -> Frames:
    """Frames of a run at the lag of a model, with all regions of the run.

    Raises
    ------
    ValueError
        If too few frames are usable.
    """
    frames = pair_frames(
        run,
        lag_frames=count_frames(model.lag_s, run.tr_s, up=False),
        drop_frames=count_frames(signature.drop_s, run.tr_s, up=True),
        need_rating=need_rating,
    )
    fewest = PAPER_COUNTS.one_minute if signature.rules.time_bins == "discretize" else 2
    if len(frames) <= fewest:
        raise ValueError(
            f"{run.key}: {len(frames)} of {len(run.rating)} frames are usable (start "
            f"{frames.counts['n_start']}, end {frames.counts['n_beyond_end']}, censored "
            f"{frames.counts['n_censored']}); nothing can be predicted."
        )
    return frames


def predict_run(signature: Signature, run: Run, *, held_out: str = EVERYTHING) -> Prediction:
    """Predict the rating of a run; regions are matched by name.

    Parameters
    ----------
    run : Run
        Its rating is not used.
    held_out : str
        Use the fold trained without this group instead of the final model.

    Raises
    ------
    ValueError
        If regions of the signature are missing or unusable, too few frames are usable, or a
        prediction is not finite.

    References
    ----------
    docs/methods.md
    """
    at = signature.find_model(held_out)
    frames = pair_run(signature, run, held_out=held_out, need_rating=False)
    score = signature.score(at, frames.signals)
    _check_finite(score, str(run.key))
    bins = make_test_bins([frames], signature.rules, "1min")
    minutes = pd.DataFrame(
        {
            "minute": bins.number,
            "onset": [run.start_s + frames.frame[m[0]] * run.tr_s for m in bins.frames],
            "n_frames": [len(m) for m in bins.frames],
            "predicted": [score[m].mean() for m in bins.frames],
        }
    )
    return Prediction(
        minutes, float(score.mean()), frames.counts, _warnings(signature, run, frames.kept_s)
    )


def _check_finite(predictions: Matrix, where: str) -> None:
    """Raise a ValueError unless all predictions are finite."""
    if not np.isfinite(predictions).all():
        raise ValueError(
            f"{where}: a prediction is not a finite number, so the signals of the run are too "
            "large to be used. Check their unit."
        )


def _warnings(signature: Signature, run: Run, kept_s: float) -> tuple[str, ...]:
    warnings = []
    if signature.simulated:
        warnings.append("the signature was trained on simulated data.")
    if all(abs(run.tr_s - tr_s) > OTHER_TR * tr_s for tr_s in signature.tr_s):
        known = ", ".join(f"{tr_s:g}" for tr_s in signature.tr_s)
        warnings.append(f"TR is {run.tr_s:g} s; the signature was trained at {known} s.")
    if kept_s < SHORTEST_S:
        warnings.append(f"only {kept_s:.0f} s are usable.")
    share = float(np.mean(run.censored)) if run.censored is not None else 0.0
    if share > 0.5:
        warnings.append(f"{100 * share:.0f} % of the frames are censored.")
    return tuple(warnings)


TRAINED_ON = "the signature was trained on this session, so its prediction is not a test"
NO_INTERVALS = (
    "no intervals: the signature was trained on this session, and its intervals are for new ones."
)


@short_repr
@dataclass(frozen=True, eq=False)
class Reading:
    """Predictions, intervals and verdicts of a new session.

    Attributes
    ----------
    table : DataFrame
        A row per minute, per run, and one of the session: ``scale``, ``run`` (number among those
        given, from 1), ``minute``, ``onset`` (s), ``n_frames``, ``predicted``, and for each level
        ``low_80``, ``high_80``, and ``adaptive_low_80``, ``adaptive_high_80``; NaN where there is
        no such interval. Intervals are cut at the ends of the scale of the rating, where the study
        states its range.
    verdict : Verdict
        Verdict of the session; ``of_runs`` holds those of its runs.
    not_done : tuple of str
        Intervals that cannot be computed, and why.
    trained : bool
        Whether the session was among those that trained the signature; it has no intervals.
    """

    table: pd.DataFrame
    verdict: Verdict
    of_runs: tuple[Verdict, ...]
    not_done: tuple[str, ...]
    warnings: tuple[str, ...]
    trained: bool

    def with_caution(self, reason: str) -> Reading:
        """The same with one more reason for caution, of the session and of each run."""
        of_runs = tuple(verdict.with_caution(reason) for verdict in self.of_runs)
        return replace(self, verdict=self.verdict.with_caution(reason), of_runs=of_runs)


def read_session(
    signature: Signature, runs: Sequence[Run], *, of_other_person: bool = False
) -> Reading:
    """Predict a new session, with intervals and a verdict on whether to read it.

    Predictions are those of the final model. Intervals use the models trained without each
    session and their held-out errors; a session that trained the signature has none. Up to 5 % of
    the regions may be missing: their edges are replaced by the mean of the training runs, and the
    verdict states it.

    Parameters
    ----------
    signature : Signature
        With applicability domain and history.
    runs : sequence of Run
        Of one session; their ratings are not used.
    of_other_person : bool
        Whether they are known to be another person's, so that a session of the same label did not
        train the signature.

    Raises
    ------
    ValueError
        If the signature has no domain or history, regions are missing, too few frames are
        usable, or a prediction is not finite.
    """
    if signature.domain is None or signature.history is None:
        raise ValueError(
            "this signature has no record of its training runs (it is of an earlier version): it "
            "gives predictions, but neither intervals nor a range. Decode the participant again."
        )
    scored = [_score_all(signature, run) for run in runs]
    rows: list[dict[str, Any]] = []
    for number, run in enumerate(scored, start=1):
        rows += [{"run": number, **row} for row in run.rows]
    rows.append(
        {
            "scale": "session",
            "n_frames": sum(row["n_frames"] for row in rows if row["scale"] == "run"),
        }
    )
    session = np.mean([run.predictions[-1] for run in scored], axis=0)
    # (n_rows, n_models): minutes and mean of each run, then the session, the mean of its runs
    predictions = np.vstack([*(run.predictions for run in scored), session])
    _check_finite(predictions, str(runs[0].key))
    table = pd.DataFrame(rows, columns=["scale", "run", "minute", "onset", "n_frames"])
    table["predicted"] = predictions[:, 0]
    trained = not of_other_person and any(was_trained_on(signature, run.key) for run in runs)
    not_done = _add_intervals(table, predictions[:, 1:], signature, trained=trained)
    warnings = dict.fromkeys(warning for run in scored for warning in run.warnings)
    verdict, verdicts = judge_session(signature.domain, [run.measures for run in scored])
    reading = Reading(
        table=table,
        verdict=verdict,
        of_runs=verdicts,
        not_done=not_done,
        warnings=tuple(warnings),
        trained=trained,
    )
    return reading.with_caution(TRAINED_ON) if trained else reading


@dataclass(frozen=True, eq=False)
class _Scored:
    """Predictions of a run by every model, (n_rows, n_models): its minutes, then the run."""

    rows: list[dict[str, Any]]
    predictions: Matrix
    measures: RunMeasures
    warnings: tuple[str, ...]


def _score_all(signature: Signature, run: Run) -> _Scored:
    assert signature.domain is not None  # checked by read_session
    at_lag = {
        model.lag_s: pair_run(
            signature, run, held_out=model.held_out, need_rating=False, most_missing=MOST_MISSING
        )
        for model in reversed(signature.models)
    }
    frames = at_lag[signature.models[0].lag_s]
    bins = make_test_bins([frames], signature.rules, "1min")
    members = [*bins.frames, np.arange(len(frames))]
    members_at = {s: _matching_frames(frames, members, lagged) for s, lagged in at_lag.items()}
    edges_at = {
        lag_s: _edges_of(lagged, members_at[lag_s], signature.domain.mean)
        for lag_s, lagged in at_lag.items()
    }
    predictions = np.stack(
        [
            edges_at[model.lag_s] @ weights + model.intercept
            for model, weights in zip(signature.models, signature.weights, strict=True)
        ],
        axis=1,
    )
    if signature.activity is not None:
        for i, weights in enumerate(signature.activity):
            lag_s = signature.models[i].lag_s
            signals = at_lag[lag_s].signals
            predictions[:, i] += [(signals[m] @ weights).mean() for m in members_at[lag_s]]
    rows = [
        {
            "scale": "1min",
            "minute": number,
            "onset": run.start_s + frames.frame[m[0]] * run.tr_s,
            "n_frames": len(m),
        }
        for number, m in enumerate(members[:-1], start=1)
    ]
    rows.append({"scale": "run", "n_frames": len(frames)})
    measured = measure_run(signature.domain, frames, missing=~frames.usable)
    return _Scored(rows, predictions, measured, _warnings(signature, run, frames.kept_s))


def _matching_frames(frames: Frames, members: Sequence[Codes], other: Frames) -> list[Codes]:
    """Frames at another lag whose ratings lie within the same stretches of time."""
    if other is frames:
        return list(members)
    matching = []
    for m in members:
        first, last = frames.frame[m[0]], frames.frame[m[-1]]
        inside = np.flatnonzero((other.frame >= first) & (other.frame <= last))
        if not len(inside):
            raise ValueError(f"{frames.key}: a minute has no usable frame at every lag.")
        matching.append(inside)
    return matching


def _edges_of(frames: Frames, members: Sequence[Codes], mean_edges: Vector) -> Matrix:
    """Mean co-fluctuation of each set of frames; ``mean_edges`` where a region is missing."""
    edges = np.array([bin_edges(frames.signals[m], np.zeros(len(m), np.int64))[0] for m in members])
    a, b = np.triu_indices(len(frames.usable), k=1)
    absent = ~(frames.usable[a] & frames.usable[b])
    edges[:, absent] = mean_edges[absent]
    return edges


OF_EVENTS = (
    "no intervals: the signature was trained on ratings of events, so its errors for minutes, "
    "whole runs and sessions are not known."
)


def _add_intervals(
    table: pd.DataFrame, of_folds: Matrix, signature: Signature, *, trained: bool
) -> tuple[str, ...]:
    """Add the ends of intervals to the table; reasons for those that cannot be computed.

    They are cut at the ends of the scale of the rating, beyond which no true rating lies.
    """
    assert signature.history is not None  # checked by read_session
    lowest, highest = signature.rating_range or (-np.inf, np.inf)
    not_done: dict[str, None] = {NO_INTERVALS: None} if trained else {}
    for level in LEVELS:
        for prefix, decay in (("", 1.0), ("adaptive_", DECAY)):
            ends = np.full((len(table), 2), np.nan)
            for row, scale in enumerate([] if trained else table["scale"]):
                errors = signature.history.errors.get(scale)
                if errors is None:
                    unit = {"1min": "minute"}.get(scale, scale)
                    not_done[
                        OF_EVENTS
                        if signature.of_events
                        else f"no interval of a {unit}: the signature has no held-out errors of "
                        f"{unit}s (runs were held out, or it was recalibrated)."
                    ] = None
                    continue
                try:
                    ends[row] = predict_interval(of_folds[row], errors, level=level, decay=decay)
                except ValueError as error:
                    late = " in which late sessions weigh more" if prefix else ""
                    not_done[f"no {level:.0%} interval{late}: {error}"] = None
            name = f"{100 * level:.0f}"
            table[f"{prefix}low_{name}"], table[f"{prefix}high_{name}"] = ends.clip(
                lowest, highest
            ).T
    return tuple(not_done)
