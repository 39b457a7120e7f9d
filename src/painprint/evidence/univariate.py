"""Univariate map: a GLM of the rating for each run, and a test across sessions.

The sample are the sessions of one person, so inference is about this person.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from painprint.arrays import Codes, Matrix, Vector, short_repr
from painprint.dense.image import Dense
from painprint.dense.points import load_points, rows_of_frames
from painprint.evidence.case import Case
from painprint.evidence.stage import StageResult
from painprint.excluded import list_excluded
from painprint.parallel import map_ordered
from painprint.progress import OnStep
from painprint.runs import MOTION_NAMES, ExcludedRun, Run, RunKey, count_frames, zscore
from painprint.wording import SIGNIFICANT

HIGH_PASS_HZ = 1 / 128
"""Cut-off of the drift regressors: SPM's default."""
OVERSAMPLING = 16
"""Time steps of the convolution per frame: SPM's microtime resolution."""
FEWEST_SPARE_FRAMES = 20
"""Fewest residual degrees of freedom of a run (frames minus regressors)."""
FEWEST_SESSIONS = 4
NOISE = "ar1"
"""nilearn's default. About 10 s for 1,350 frames of 91,282 grayordinates; "ols" takes 3 s."""
BLOCK = 2048
"""Number of grayordinates or voxels fitted at a time: about 100 MB at 1,350 frames."""
SMALLEST_VARIANCE = 1e-30
"""Lower limit of the variance of an effect; below it, rounding errors would give one run all
the weight."""


def univariate_map(case: Case, *, on_step: OnStep | None = None) -> StageResult:
    """Effect of the rating on each region, and on each grayordinate or voxel where there are any.

    Returns
    -------
    result : StageResult
        Table ``univariate``: mean over sessions of the effect (SD of the signal per unit of
        rating), its test across sessions, and q of the false discovery rate. Table
        ``univariatedense``: the same for each grayordinate or voxel. Numbers: of sessions, runs
        and regions, and of significant effects.

    References
    ----------
    docs/methods.md; Benjamini and Hochberg (1995)
    """
    if case.material.runs is None:
        reason = (
            "No univariate map: the runs on their full clock are needed: "
            "Case(decoding, material=Material(runs=...))."
        )
        return StageResult({}, {}, (reason,))
    dense = case.material.dense
    regions = _Level(case.n_jobs)
    points = None if dense is None else _Level(case.n_jobs)
    names = case.decoding.regions.names
    for run in case.runs_again(regions.left_out, on_step=on_step):
        try:
            design = make_design(run, drop_s=case.settings.drop_s)
        except ValueError as error:
            regions.left_out.append(ExcludedRun(run.key, str(error)))
            continue
        regions.add(run.key, _signals_of(run, names), design.frames, design)
        if dense is not None and points is not None:
            _add_dense(points, dense, run, design)
    return _report(case, regions, points)


def _signals_of(run: Run, names: tuple[str, ...]) -> Matrix:
    position = {name: i for i, name in enumerate(run.regions)}
    return run.signals[:, [position[name] for name in names]]


@short_repr
@dataclass(frozen=True, eq=False)
class Design:
    """Design matrix of a run, at the frames that are used.

    Attributes
    ----------
    frames : ndarray of int, shape (n_used,)
        Indices of frames in the time series.
    matrix : ndarray of shape (n_used, n_regressors)
        The convolved rating, then nuisance regressors: motion, drift and a constant, and where
        events were rated, their mean effect.
    """

    frames: Codes
    matrix: Matrix


def make_design(run: Run, *, drop_s: float) -> Design:
    """Design matrix of a run: computed for all frames, then restricted to those used.

    A frame is used if it is not censored, has a signal and a continuous rating, and is not within
    the first ``drop_s`` seconds. Ratings of events are their parametric modulation: deviations from
    the mean over the run's frames of events, beside a regressor of all events.

    Raises
    ------
    ValueError
        If the effect of the rating cannot be estimated in this run.
    """
    rated_frames = np.isfinite(run.rating)
    used = np.isfinite(run.signals).any(axis=1)
    if run.event is None:
        used &= rated_frames
    assert run.censored is not None  # set in Run.__post_init__
    used &= ~run.censored
    used[: count_frames(drop_s, run.tr_s, up=True)] = False
    frames = np.flatnonzero(used)
    rated = run.rating[frames[rated_frames[frames]]]
    if not len(frames) or np.ptp(rated) <= 1e-12 * np.abs(rated).max():
        raise ValueError(f"its rating does not vary over the {len(frames)} usable frames.")
    nuisance = _nuisance(run, frames)
    if run.event is None:
        rating = convolve_rating(run.rating, run.tr_s)[frames]
    else:
        deviation = np.where(rated_frames, run.rating - rated.mean(), 0.0)
        rating = convolve_rating(deviation, run.tr_s)[frames]
        of_events = convolve_rating(rated_frames.astype(float), run.tr_s)[frames]
        nuisance = np.column_stack([of_events, nuisance])
    n_regressors = 1 + nuisance.shape[1]
    if len(frames) < n_regressors + FEWEST_SPARE_FRAMES:
        raise ValueError(
            f"{len(frames)} frames are usable; {n_regressors} regressors need at least "
            f"{n_regressors + FEWEST_SPARE_FRAMES}."
        )
    residual = rating - nuisance @ np.linalg.lstsq(nuisance, rating, rcond=None)[0]
    # collinear with nuisance up to rounding: its effect would be numerical noise
    if residual @ residual <= 1e-8 * ((rating - rating.mean()) ** 2).sum():
        raise ValueError("its rating cannot be separated from motion and drift.")
    return Design(frames, np.column_stack([rating, nuisance]))


def convolve_rating(rating: ArrayLike, tr_s: float) -> Vector:
    """The rating convolved with SPM's canonical haemodynamic response (of sum 1).

    Parameters
    ----------
    rating : array of shape (n_frames,)
        At mid-frame. NaNs are interpolated; before the first and after the last rating, and before
        the run, the nearest one is held.

    Returns
    -------
    expected : ndarray of shape (n_frames,)
        In units of the rating.

    Examples
    --------
    >>> convolve_rating([2.0, 2.0, np.nan], 1.0).round(9)
    array([2., 2., 2.])
    """
    from nilearn.glm.first_level import spm_hrf

    values = np.asarray(rating, dtype=float)
    known = np.flatnonzero(np.isfinite(values))
    response = spm_hrf(tr_s, oversampling=OVERSAMPLING)
    last = (len(values) - 1) * OVERSAMPLING
    position = np.arange(1 - len(response), last + 1) / OVERSAMPLING
    fine = np.interp(position, known, values[known])
    return np.convolve(fine, response, mode="valid")[::OVERSAMPLING]


def _nuisance(run: Run, frames: Codes) -> Matrix:
    """Motion where it is known and varies, slow drifts, and a constant: (n_used, n_nuisance)."""
    from nilearn.glm.first_level import make_first_level_design_matrix

    moves = [run.confounds[name][frames] for name in MOTION_NAMES if name in run.confounds]
    motion, usable = zscore(np.array(moves).reshape(len(moves), len(frames)).T)
    drift = make_first_level_design_matrix(
        np.arange(len(run.rating)) * run.tr_s, drift_model="cosine", high_pass=HIGH_PASS_HZ
    )
    return np.column_stack([motion[:, usable], drift.to_numpy(float)[frames]])


@dataclass(eq=False)
class _Level:
    """Effects on regions, or on grayordinates or voxels, accumulated over runs.

    ``sums`` holds, by session, the sum over runs of effect / variance, and of 1 / variance.
    """

    n_jobs: int
    sums: dict[str, Matrix] = field(default_factory=dict)
    n_runs: int = 0
    left_out: list[ExcludedRun] = field(default_factory=list)

    def add(self, key: RunKey, data: NDArray[np.floating], rows: Codes, design: Design) -> None:
        """Add a run, whose used frames are these rows of the data."""
        effect, variance = fit_rating(data, rows, design.matrix, n_jobs=self.n_jobs)
        defined = np.isfinite(effect)
        weight = np.where(defined, 1 / np.maximum(variance, SMALLEST_VARIANCE), 0)
        sums = np.stack([np.where(defined, effect, 0) * weight, weight])
        self.sums[key.session] = self.sums.get(key.session, np.zeros_like(sums)) + sums
        self.n_runs += 1

    def effects(self) -> Matrix:
        """Fixed effects of each session: (n_sessions, n_points); NaN without a signal."""
        sums = np.array(list(self.sums.values()))
        with np.errstate(invalid="ignore"):
            return np.asarray(sums[:, 0] / sums[:, 1])


def fit_rating(
    data: NDArray[np.floating],
    rows: Codes,
    matrix: Matrix,
    *,
    noise: str = NOISE,
    n_jobs: int = 1,
) -> tuple[Vector, Vector]:
    """GLM of each region, grayordinate or voxel of a run: effect of the first regressor.

    Censored frames are removed from data and regressors, so an autoregressive noise model treats
    the frames on both sides of a gap as neighbours.

    Parameters
    ----------
    data : array of shape (n_rows, n_points)
    rows : array of int, shape (n_used,)
        Rows of the data that are used, over which it is z-scored.
    matrix : ndarray of shape (n_used, n_regressors)
    noise : {"ols", "ar1"}
        Noise model, as in nilearn.
    n_jobs : int
        Number of workers; results do not depend on it.

    Returns
    -------
    effect, variance : ndarrays of shape (n_points,)
        SD per unit of the regressor, and its variance; NaN for points that are constant or not
        finite.
    """
    n_points = data.shape[1]
    jobs = ((data[:, a : a + BLOCK], rows, matrix, noise) for a in range(0, n_points, BLOCK))
    parts = list(map_ordered(_fit_block, jobs, n_jobs=n_jobs, large=True))
    effect, variance = np.concatenate(parts, axis=1)
    return effect, variance


def _fit_block(data: NDArray[np.floating], rows: Codes, matrix: Matrix, noise: str) -> Matrix:
    """Effect and variance: (2, n_points_of_block)."""
    from nilearn.glm.first_level import run_glm

    z, usable = zscore(data[rows].astype(float))
    estimates = np.full((2, len(usable)), np.nan)
    if not usable.any():
        return estimates
    labels, results = run_glm(z[:, usable], matrix, noise_model=noise)
    fitted = np.empty((2, len(labels)))
    for label, result in results.items():
        fitted[:, labels == label] = result.theta[0], result.vcov(column=0)
    estimates[:, usable] = fitted
    return estimates


def _add_dense(level: _Level, dense: Dense, run: Run, design: Design) -> None:
    """Add the effects on the dense BOLD of a run, which is not kept in memory."""
    try:
        data = load_points(dense, run.key)
        rows = rows_of_frames(len(data), run, design.frames)
    except ValueError as error:
        level.left_out.append(ExcludedRun(run.key, str(error)))
    else:
        level.add(run.key, data, rows, design)


def across_sessions(effects: Matrix) -> pd.DataFrame:
    """One-sample t-test of each column, two-sided, with the false discovery rate over columns.

    Parameters
    ----------
    effects : ndarray of shape (n_sessions, n_points)

    Returns
    -------
    table : DataFrame
        Columns ``effect``, ``sd``, ``n_sessions`` (that have a signal), ``t``, ``p``, ``q``; NaN
        for points that lack a signal in at least one session.

    Examples
    --------
    >>> across_sessions(np.array([[1.0, 0.0], [2.0, 1.0], [3.0, -1.0]])).round(3)
       effect   sd  n_sessions      t      p      q
    0     2.0  1.0           3  3.464  0.074  0.148
    1     0.0  1.0           3  0.000  1.000  1.000
    """
    mean, sd = effects.mean(axis=0), effects.std(axis=0, ddof=1)
    tested = sd > 1e-12 * np.abs(mean)  # not constant up to rounding; NaN compares as False
    t, p, q = np.full((3, len(mean)), np.nan)
    if tested.any():
        t[tested], p[tested] = stats.ttest_1samp(effects[:, tested], 0)
        q[tested] = stats.false_discovery_control(p[tested])
    n_defined = np.isfinite(effects).sum(axis=0)
    return pd.DataFrame({"effect": mean, "sd": sd, "n_sessions": n_defined, "t": t, "p": p, "q": q})


def _report(case: Case, regions: _Level, points: _Level | None) -> StageResult:
    """Tables of regions and of grayordinates or voxels, and the runs missing from them."""
    not_done = [f"Not in the univariate map: {line}" for line in list_excluded(regions.left_out)]
    n_sessions = len(regions.sums)
    if n_sessions < FEWEST_SESSIONS:
        too_few = _too_few("No univariate map", n_sessions)
        return StageResult({}, {}, (too_few, *not_done))
    region_table = across_sessions(regions.effects())
    names = {"region": case.decoding.regions.names, "network": case.decoding.regions.networks}
    tables = {"univariate": pd.concat([pd.DataFrame(names), region_table], axis=1)}
    numbers: dict[str, Any] = {
        "n_sessions": n_sessions,
        "n_runs": regions.n_runs,
        "n_regions": len(region_table),
        "n_significant": _count_significant(region_table),
        "dense": None,
    }
    if points is not None and case.material.dense is not None:
        kind = case.material.dense.kind
        not_done += [
            f"Not in the univariate map of {kind}: {line}"
            for line in list_excluded(points.left_out)
        ]
        if len(points.sums) < FEWEST_SESSIONS:
            not_done.append(_too_few(f"No univariate map of {kind}", len(points.sums)))
        else:
            table = across_sessions(points.effects())
            of_points = table[["effect", "t", "p", "q"]].rename_axis("point")
            tables["univariatedense"] = of_points.reset_index()
            numbers["dense"] = {"kind": kind, "n_runs": points.n_runs, **_count_points(table)}
    return StageResult(tables, numbers, tuple(not_done))


def _too_few(what: str, n_sessions: int) -> str:
    return f"{what}: {FEWEST_SESSIONS} sessions are needed, and {n_sessions} can be used."


def _count_significant(table: pd.DataFrame) -> int:
    return int((table["q"] < SIGNIFICANT).sum())


def _count_points(table: pd.DataFrame) -> dict[str, int]:
    return {
        "n_points": len(table),
        "n_significant": _count_significant(table),
        "n_without_signal": int(table["effect"].isna().sum()),
    }
