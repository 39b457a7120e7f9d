"""Models of fewer sessions, and how many a target takes."""

import numpy as np
import pandas as pd
import pytest
from conftest import simulate_runs

from painprint import Settings, decode_runs
from painprint.decode.crossval import choose_penalty, nested_leave_one_out
from painprint.decode.lasso_pcr import LassoRules
from painprint.decode.ridge import fit_ridge, leave_groups_out
from painprint.evidence.case import Case
from painprint.evidence.draws import draw_sessions, predict_from_draws
from painprint.evidence.learning_curve import (
    curve_sizes,
    fit_curve,
    learning_curve,
    sessions_to_reach,
    sessions_until_r,
    sessions_until_significant,
)

SETTINGS = Settings(n_bootstraps=200, n_curve_draws=3)


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(20260104)
    return Case(decode_runs(simulate_runs(rng, n_sessions=7, strength=1.0), SETTINGS))


def test_draws_are_ascending_and_never_hold_the_held_out_group(rng):
    draws = draw_sessions(6, 3, 50, rng)
    assert draws.shape == (50, 6, 3)
    assert (np.diff(draws, axis=2) > 0).all()
    for held_out in range(6):
        assert held_out not in draws[:, held_out]
        assert set(draws[:, held_out].ravel()) == set(range(6)) - {held_out}


@pytest.mark.parametrize(
    ("n_sessions", "expected"),
    [
        (28, [1, 2, 3, 4, 6, 8, 12, 16, 20, 26]),
        (30, [1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 28]),
        (12, [1, 2, 3, 4, 6, 8, 10]),
        (3, [1]),
    ],
)
def test_sizes_go_up_to_all_but_two(case, n_sessions, expected):
    class BinGram:
        n_groups, group_index = n_sessions, np.repeat(np.arange(n_sessions), 2)

    assert curve_sizes(BinGram, SETTINGS.rules, unit="session")[0] == expected
    paper = Settings(preset="paper").rules
    every = list(range(1, n_sessions - 1))
    assert curve_sizes(BinGram, paper, unit="session")[0] == every


def slow_model(kernel, sessions):
    """The model of some sessions, each of them (or of their runs) left out in turn."""
    rows = np.flatnonzero(np.isin(kernel.groups("train"), sessions))
    by_run = len(sessions) < 3
    labels = (kernel.run if by_run else kernel.groups)("train")[rows]
    left_out = leave_groups_out(
        labels,
        unit=kernel.minute[rows],
        n_frames=np.array([len(kernel.bins["train"].frames[i]) for i in rows], float),
    )
    K, y = kernel.block("train", "train")[np.ix_(rows, rows)], kernel.y("train")[rows]
    return rows, fit_ridge(K, y[:, None], left_out)


@pytest.mark.parametrize("size", [1, 2, 4, 6])  # models of 6 of 7 share a decomposition
def test_a_draw_is_a_model_of_its_sessions_alone(case, size):
    kernel = case.bin_grams[0]
    draws = draw_sessions(7, size, 2, np.random.default_rng(0))
    found = predict_from_draws(case.bin_grams, SETTINGS.rules, draws, n_jobs=2)
    for d in range(2):
        for held_out in range(7):
            rows, model = slow_model(kernel, draws[d, held_out])
            test = np.flatnonzero(kernel.groups("1min") == held_out)
            K = kernel.block("1min", "train")[np.ix_(test, rows)]
            expected = model.predict(K)[:, 0]
            np.testing.assert_allclose(found.tested["1min"][test, d], expected, atol=1e-9)
            assert found.training_mean[held_out, d] == pytest.approx(kernel.y("train")[rows].mean())


def test_choosing_a_penalty_is_what_the_final_model_does(rng):
    X, y = rng.normal(size=(40, 60)), rng.normal(size=40)
    groups = np.repeat(np.arange(5), 8)
    model = choose_penalty(X @ X.T, y, groups, LassoRules(60))
    final = nested_leave_one_out(X @ X.T, y, groups, LassoRules(60)).final
    np.testing.assert_array_equal(model.dual, final.dual)
    np.testing.assert_array_equal(model.choice.path_score, final.choice.path_score)
    with pytest.raises(ValueError, match="at least 2 groups"):
        choose_penalty(X @ X.T, y, np.zeros(40, int), LassoRules(60))


def test_the_paper_uses_the_penalty_of_the_fold(rng):
    settings = Settings(preset="paper", n_bootstraps=200, n_curve_draws=2)
    case = Case(decode_runs(simulate_runs(rng, n_sessions=5), settings))
    found = learning_curve(case).tables["learningcurve"]
    assert sorted(set(found["n_sessions"])) == [1, 2, 3]


def test_the_tables_agree(case):
    found = learning_curve(case)
    draws, table = found.tables["learningcurvedraws"], found.tables["learningcurve"]
    assert len(draws) == 5 * 3 * 4 and len(table) == 5 * 4
    row = table.query("n_sessions == 4 and scale == '1min'").iloc[0]
    of_row = draws.query("n_sessions == 4 and scale == '1min'")
    assert row["centred_r"] == pytest.approx(of_row["centred_r"].mean())
    significant = (of_row["r_p"] < 0.05) & (of_row["r"] > 0)
    assert row["share_significant_r"] == pytest.approx(significant.mean())
    levels = table.query("scale == 'session'")
    assert levels["centred_r"].isna().all() and levels["share_significant_centred_r"].isna().all()


def test_a_seed_gives_the_same_curve_on_any_number_of_workers(case):
    found = [learning_curve(Case(case.decoding, n_jobs=n)).tables for n in (1, 2)]
    for name in found[0]:
        pd.testing.assert_frame_equal(found[0][name], found[1][name])


def test_a_session_of_constant_rating_teaches_its_mean(rng):
    runs = simulate_runs(rng, n_sessions=5)
    flat = [
        type(r)(r.signals, np.full(360, 0.4) if r.session == "02" else r.rating, r.tr_s, r.session,
                r.task, r.run)
        for r in runs
    ]  # fmt: skip
    case = Case(decode_runs(flat, SETTINGS))
    draws = np.full((1, 5, 1), 1)
    draws[0, 1] = 0
    found = predict_from_draws(case.bin_grams, SETTINGS.rules, draws)
    others = case.bin_grams[0].groups("1min") != 1
    np.testing.assert_allclose(found.tested["1min"][others, 0], 0.4)
    assert "learningcurve" in learning_curve(case).tables


def test_one_run_a_session_has_no_models_of_one_session(rng):
    case = Case(decode_runs(simulate_runs(rng, n_sessions=5, n_runs=1), SETTINGS))
    found = learning_curve(case)
    assert min(found.tables["learningcurve"]["n_sessions"]) == 2
    assert "No models of one session" in found.not_done[0]


SIZES = np.array([1.0, 2, 3, 4, 6, 8, 12])


def test_a_power_law_is_found_and_followed():
    r = 0.6 - 0.5 * SIZES**-0.8
    a, b, c = fit_curve(SIZES, r)
    assert (a, b, c) == pytest.approx((0.6, 0.5, 0.8), abs=1e-6)
    assert sessions_to_reach(SIZES, r, 0.5) == pytest.approx(5**1.25)
    assert sessions_to_reach(SIZES, r, 0.6) > 1e6
    assert sessions_to_reach(SIZES, r[::-1], 0.7) == np.inf


def until(r, target, noise=0.01, n_sessions=14):
    resampled = r + np.random.default_rng(0).normal(0, noise, size=(300, len(r)))
    return sessions_until_r(SIZES, r, resampled, target=target, n_sessions=n_sessions, at="")


def test_sessions_until_a_target_have_an_interval():
    found = until(0.6 - 0.5 * SIZES**-0.8, 0.5)
    assert found.n_sessions == pytest.approx(5**1.25, abs=0.01)
    assert found.low < found.n_sessions < found.high and found.refused is None


def test_an_interval_that_runs_off_has_no_upper_end():
    found = until(0.6 - 0.5 * SIZES**-0.8, 0.52, noise=0.08)
    assert found.n_sessions is not None and found.high is None


@pytest.mark.parametrize(
    ("r", "target", "words"),
    [
        (0.6 - 0.5 * SIZES**-0.8, 0.7, "levels off near 0.60"),
        (0.6 - 0.5 * SIZES**-0.2, 0.4, "more than 28 sessions would be needed"),
        (np.full(7, 0.1), 0.3, "does not rise"),
    ],
)
def test_absurd_extrapolation_is_refused(r, target, words):
    found = until(r, target)
    assert found.n_sessions is None and words in found.refused


def test_a_curve_of_few_points_is_not_followed():
    found = sessions_until_r(
        SIZES[:3], SIZES[:3] / 9, np.ones((9, 3)), target=0.3, n_sessions=5, at=""
    )
    assert "3 numbers of sessions cannot be extrapolated" in found.refused


def test_a_share_is_read_off_and_never_extrapolated():
    def table(shares):
        return pd.DataFrame({"scale": "1min", "n_sessions": [1, 2, 4], "share": shares})

    assert sessions_until_significant(table([0.1, 0.9, 1.0]), "share", "x").n_sessions == 2
    assert sessions_until_significant(table([0.9, 0.5, 0.8]), "share", "x").n_sessions == 4
    refused = sessions_until_significant(table([0.1, 0.2, np.nan]), "share", "x").refused
    assert "not reached with 4 training sessions" in refused


def test_sizes_that_teach_nothing_are_named_and_the_others_are_done(rng):
    one_level = [
        type(r)(r.signals, np.full(360, float(r.session)), r.tr_s, r.session, r.task, r.run)
        for r in simulate_runs(rng, n_sessions=6, strength=0.0)
    ]
    found = learning_curve(Case(decode_runs(one_level, SETTINGS)))
    assert 1 in set(found.tables["learningcurve"]["n_sessions"])  # the mean of a constant session
    assert found.tables["learningcurve"]["centred_r"].isna().all()
    assert "centred r is undefined" in found.numbers["until"][0]["refused"]
