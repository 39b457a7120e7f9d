"""The rating's effect: found where it is, absent elsewhere, the same on regions and points."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import simulate_runs
from scipy import stats

from painprint import Run, Settings, decode_runs
from painprint.dense.image import Dense
from painprint.evidence import univariate
from painprint.evidence.case import Case, Material
from painprint.evidence.univariate import (
    across_sessions,
    convolve_rating,
    fit_rating,
    make_design,
    univariate_map,
)
from painprint.runs import MOTION_NAMES

SETTINGS = Settings(n_bootstraps=100)
FOLLOWING = 3
"""The region whose signal follows the rating."""


def follow(run, strength=8.0):
    """The run with one region that follows the rating, as float32 can hold it."""
    signals = run.signals.copy()
    signals[:, FOLLOWING] += strength * convolve_rating(run.rating, run.tr_s)
    return replace(run, signals=signals.astype(np.float32))


@pytest.fixture
def runs(rng):
    return [follow(run) for run in simulate_runs(rng, n_sessions=6, n_runs=2)]


def make_case(runs, dense=None):
    return Case(decode_runs(runs, SETTINGS), material=Material(runs=lambda: runs, dense=dense))


def ask(runs, dense=None):
    return univariate_map(make_case(runs, dense))


def points_of(runs, signals_of):
    by_key = {run.key: signals_of(run) for run in runs}
    some = next(iter(by_key.values()))
    return Dense("grayordinates", some.shape[1], by_key.get)


def test_the_region_that_follows_the_rating_is_found_and_no_other(runs):
    found = ask(runs)
    table = found.tables["univariate"]
    assert list(table) == ["region", "network", "effect", "sd", "n_sessions", "t", "p", "q"]
    assert list(table.loc[table["q"] < 0.05, "region"]) == [str(FOLLOWING + 1)]
    assert table.loc[FOLLOWING, "effect"] > 4
    assert found.numbers == {
        "n_sessions": 6,
        "n_runs": 12,
        "n_regions": 8,
        "n_significant": 1,
        "dense": None,
    }
    assert found.not_done == ()


def test_where_nothing_follows_the_rating_few_p_are_small(rng):
    p = []
    for _ in range(4):
        runs = simulate_runs(rng, n_sessions=5, n_runs=1, n_regions=40, strength=0)
        p += list(ask(runs).tables["univariate"]["p"])
    assert 0.01 < np.mean(np.array(p) < 0.05) < 0.11
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_the_effect_is_that_of_least_squares_one_region_at_a_time(runs):
    run = runs[0]
    design = make_design(run, drop_s=30)
    effect, variance = fit_rating(run.signals, design.frames, design.matrix, noise="ols")
    X = design.matrix
    for g in range(8):
        y = run.signals[design.frames, g]
        y = (y - y.mean()) / y.std(ddof=1)
        beta, rss, rank, _ = np.linalg.lstsq(X, y, rcond=None)
        sigma2 = rss[0] / (len(y) - rank)
        np.testing.assert_allclose(effect[g], beta[0], rtol=1e-8)
        np.testing.assert_allclose(variance[g], sigma2 * np.linalg.inv(X.T @ X)[0, 0], rtol=1e-8)


def test_regressors_are_the_response_motion_slow_drift_and_a_constant(runs):
    run = runs[0]
    design = make_design(run, drop_s=30)
    assert (design.frames >= 30).all() and not run.censored[design.frames].any()
    # 360 s hold 2 * 360 / 128 half periods of drift
    assert design.matrix.shape == (len(design.frames), 1 + 6 + 5 + 1)
    still = replace(run, confounds={name: np.zeros(360) for name in MOTION_NAMES})
    assert make_design(still, drop_s=30).matrix.shape[1] == 1 + 5 + 1


def test_the_response_peaks_five_seconds_after_a_brief_rating_and_sums_to_it():
    rating = np.zeros(200)
    rating[50] = 1
    expected = convolve_rating(rating, 0.5)
    assert 4.5 <= (expected.argmax() - 50) * 0.5 <= 6
    assert expected.sum() == pytest.approx(1, abs=0.01)
    assert (expected[:50] == 0).all()


def test_frames_without_a_rating_extend_the_nearest_and_are_not_fitted(runs):
    rating = runs[0].rating.copy()
    rating[:40] = rating[-5:] = np.nan
    run = replace(runs[0], rating=rating)
    frames = make_design(run, drop_s=30).frames
    assert frames.min() >= 40 and frames.max() < 355
    filled = np.concatenate([np.full(40, rating[40]), rating[40:-5], np.full(5, rating[-6])])
    np.testing.assert_allclose(
        convolve_rating(rating, 1.0), convolve_rating(filled, 1.0), rtol=1e-12
    )


def test_what_lies_in_censored_frames_and_before_the_start_changes_nothing(runs):
    bent = []
    for run in runs:
        signals = run.signals.copy()
        signals[run.censored] = -1e6
        signals[:30] = 1e6
        bent.append(replace(run, signals=signals))
    np.testing.assert_array_equal(
        ask(bent).tables["univariate"]["effect"], ask(runs).tables["univariate"]["effect"]
    )


def test_a_run_in_which_the_rating_does_not_vary_is_left_out_with_the_reason(runs):
    still = replace(runs[0], rating=np.full(360, 0.4))
    found = ask([still, *runs[1:]])
    assert found.numbers["n_runs"] == 11 and found.numbers["n_sessions"] == 6
    assert any("run-1: its rating does not vary" in reason for reason in found.not_done)


def test_a_rating_that_is_motion_is_left_out_with_the_reason(runs):
    expected = convolve_rating(runs[0].rating, 1.0)
    moved = replace(runs[0], confounds={"trans_x": 3 * expected + 1})
    found = ask([moved, *runs[1:]])
    assert any("cannot be separated from motion and drift" in reason for reason in found.not_done)


def test_a_run_with_fewer_frames_than_its_regressors_need_is_left_out(rng):
    short = Run(rng.normal(size=(60, 8)), rng.normal(size=60), 1.0, session="9")
    with pytest.raises(ValueError, match="10 frames are usable; 2 regressors need at least 22"):
        make_design(replace(short, censored=np.arange(60) % 6 > 1), drop_s=30)


def test_runs_of_a_session_weigh_by_the_precision_of_their_effects(runs):
    both = ask(runs).tables["univariate"]
    effects = []
    for session in sorted({run.session for run in runs}):
        parts = []
        for run in (one for one in runs if one.session == session):
            design = make_design(run, drop_s=30)
            parts.append(fit_rating(run.signals, design.frames, design.matrix))
        weights = [1 / variance for _, variance in parts]
        effects.append(sum(w * e for w, (e, _) in zip(weights, parts, strict=True)) / sum(weights))
    np.testing.assert_allclose(both["effect"], np.mean(effects, axis=0), rtol=1e-9)
    np.testing.assert_allclose(both["t"], stats.ttest_1samp(effects, 0).statistic, rtol=1e-9)


def test_points_that_are_the_regions_have_their_effects(runs):
    found = ask(runs, points_of(runs, lambda run: run.signals.astype(np.float32)))
    regions, points = found.tables["univariate"], found.tables["univariatedense"]
    assert list(points) == ["point", "effect", "t", "p", "q"]
    for name in ("effect", "t", "p", "q"):
        np.testing.assert_allclose(points[name], regions[name], rtol=1e-10)
    assert found.numbers["dense"] == {
        "kind": "grayordinates",
        "n_runs": 12,
        "n_points": 8,
        "n_significant": 1,
        "n_without_signal": 0,
    }


def test_points_do_not_depend_on_blocks_workers_or_lost_censored_frames(runs, monkeypatch):
    whole = points_of(runs, lambda run: run.signals.astype(np.float32))
    kept = points_of(runs, lambda run: run.signals[~run.censored].astype(np.float32))
    case = make_case(runs, whole)
    expected = univariate_map(case).tables["univariatedense"]
    again = univariate_map(replace(case, n_jobs=2)).tables["univariatedense"]
    assert again.equals(expected)
    monkeypatch.setattr(univariate, "BLOCK", 3)
    changed = ask(runs, kept).tables["univariatedense"]
    np.testing.assert_allclose(changed["effect"], expected["effect"], rtol=1e-10)


def test_points_without_a_signal_in_a_whole_session_are_counted_and_empty(runs):
    def signals_of(run):
        signals = run.signals.astype(np.float32)
        signals[:, 0] = 7.0
        if run.session == "02":
            signals[:, 1] = np.nan
        if run.key == runs[0].key:  # the session's other run has it
            signals[:, 2] = 0.0
        return signals

    found = ask(runs, points_of(runs, signals_of))
    table = found.tables["univariatedense"]
    assert list(table["effect"].isna()) == [True, True] + [False] * 6
    assert list(table["q"].isna()) == [True, True] + [False] * 6
    assert found.numbers["dense"]["n_without_signal"] == 2


def test_runs_whose_points_cannot_be_used_are_left_out_of_the_points_only(runs):
    def load(key):
        if key == runs[0].key:
            raise ValueError("a.dtseries.nii: cannot be read.")
        if key == runs[1].key:
            return None
        n_frames = 100 if key == runs[2].key else 360
        n_points = 4 if key == runs[3].key else 5
        return np.random.default_rng(0).normal(size=(n_frames, n_points)).astype(np.float32)

    found = ask(runs, Dense("grayordinates", 5, load))
    said = "\n".join(found.not_done)
    assert "map of grayordinates: ses-01 task-rating run-1: a.dtseries.nii: cannot" in said
    assert "ses-01 task-rating run-2: there are no grayordinates of it." in said
    assert "ses-02 task-rating run-1: the time series has 100 rows" in said
    assert "ses-02 task-rating run-2: it has grayordinates of shape (360, 4), not 5" in said
    assert found.numbers["n_runs"] == 12 and found.numbers["dense"]["n_runs"] == 8


def test_too_few_sessions_with_points_leave_the_map_of_regions(runs):
    some = points_of(runs[:6], lambda run: np.zeros((360, 3), np.float32))
    found = ask(runs, some)
    assert "No univariate map of grayordinates: 4 sessions are needed" in found.not_done[-1]
    assert found.numbers["dense"] is None and list(found.tables) == ["univariate"]


def test_q_is_that_of_benjamini_and_hochberg(rng):
    effects = rng.normal(0.5, 1, size=(9, 30))
    table = across_sessions(effects)
    p = np.sort(table["p"])
    slow = [min(p[j] * 30 / (j + 1) for j in range(i, 30)) for i in range(30)]
    np.testing.assert_allclose(np.sort(table["q"]), slow, rtol=1e-12)


def test_what_is_missing_for_a_map_is_said(runs):
    decoding = decode_runs(runs, SETTINGS)
    assert "Material(runs=...)" in univariate_map(Case(decoding)).not_done[0]
    few = [run for run in runs if run.session < "04"]
    found = ask(few)
    assert found.tables == {} and "4 sessions are needed, and 3 can be used" in found.not_done[0]
    lost = univariate_map(Case(decoding, material=Material(runs=lambda: runs[1:])))
    assert "ses-01 task-rating run-1: it cannot be read again." in lost.not_done[0]


def test_runs_that_the_decoding_did_not_use_and_the_order_of_regions_do_not_matter(runs, rng):
    decoding = decode_runs(runs, SETTINGS)
    order = rng.permutation(8)
    turned = [
        replace(run, signals=run.signals[:, order], regions=tuple(str(i + 1) for i in order))
        for run in runs
    ]
    stranger = replace(runs[0], session="99")
    given = univariate_map(Case(decoding, material=Material(runs=lambda: [stranger, *turned])))
    expected = ask(runs).tables["univariate"]
    np.testing.assert_allclose(given.tables["univariate"]["effect"], expected["effect"])
    assert given.numbers["n_runs"] == 12


def test_every_run_is_a_step(runs):
    steps = []
    univariate_map(make_case(runs), on_step=lambda done, of: steps.append((done, of)))
    assert steps == [(i + 1, 12) for i in range(12)]
