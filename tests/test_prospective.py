"""Models of the past know nothing of the future."""

import numpy as np
import pandas as pd
import pytest
from conftest import simulate_runs

from painprint import Run, Settings, decode_runs
from painprint.decode.decoders import make_decoder
from painprint.evidence.case import Case
from painprint.evidence.prospective import predict_future, prospective_tests, size_of_test_set

SETTINGS = Settings(n_bootstraps=100, first_sessions=4)


def person(seed=20260105, n_sessions=7):
    return simulate_runs(np.random.default_rng(seed), n_sessions=n_sessions, strength=1.0)


@pytest.fixture(scope="module")
def case():
    sessions = pd.DataFrame(
        {"session": [f"{s:02d}" for s in range(1, 8)], "days": np.arange(7) * 8}
    )
    return Case(decode_runs(person(), SETTINGS), sessions=sessions)


def test_the_future_is_predicted_by_the_chosen_model_of_the_past(case):
    kernel = case.bin_grams[0]
    found = predict_future(case.bin_grams, SETTINGS.rules, 4)
    past = np.flatnonzero(kernel.groups("train") < 4)
    model = make_decoder(SETTINGS.rules, kernel.n_edges).fit(kernel.samples().take(past))
    assert model.choice.penalty > 0 and len(model.dual) == len(past)
    later = kernel.groups("1min") >= 4
    expected = kernel.block("1min", "train")[:, past] @ model.dual + model.intercept
    np.testing.assert_allclose(found.predicted["1min"][later], expected[later])
    assert np.isnan(found.predicted["1min"][~later]).all()
    np.testing.assert_array_equal(np.isnan(found.predicted["session"]), np.arange(7) < 4)
    means = [expected[kernel.run("1min") == r].mean() for r in (8, 9)]
    assert found.predicted["session"][4] == pytest.approx(np.mean(means), rel=1e-2)


def test_changing_the_future_changes_no_earlier_prediction(case, rng):
    runs = [
        Run(rng.normal(size=r.signals.shape), r.rating[::-1], r.tr_s, r.session, r.task, r.run,
            censored=r.censored)
        if r.session in ("06", "07") else r
        for r in person()
    ]  # fmt: skip
    other = Case(decode_runs(runs, SETTINGS))
    for name in ("prospective", "calibration"):
        assert name in prospective_tests(other).tables
    before, after = (
        prospective_tests(c).tables["prospective"].query("session == '05'") for c in (case, other)
    )
    pd.testing.assert_frame_equal(
        after.drop(columns="days_ahead"), before.drop(columns="days_ahead")
    )


def test_every_later_session_is_there_for_every_past(case):
    found = prospective_tests(case)
    table = found.tables["prospective"]
    assert list(table.groupby("n_past").size()) == [4, 3, 2, 1]
    row = table.query("n_past == 4 and session == '07'").iloc[0]
    assert (row["sessions_ahead"], row["days_ahead"]) == (3, 24)
    rows = case.decoding.predictions.query("scale == '1min' and session == '07'")
    past = case.decoding.predictions.query("scale == '1min' and session < '05'")
    assert row["mean_rating"] == pytest.approx(rows["rating"].mean())
    spread = np.abs(rows["rating"] - past["rating"].mean()).mean()  # time bins, not rating bins
    assert row["mae_of_training_mean"] == pytest.approx(spread, rel=0.05)
    calibration = found.tables["calibration"]
    assert list(calibration["n_past"]) == [3]  # the last 4 of 7 sessions test
    assert found.numbers["first"]["session"]["n"] == 4
    assert found.numbers["later"]["session"]["n"] == 3
    assert found.numbers["next"]["session"]["n"] == 4


def test_the_first_sessions_alone_are_what_decoding_them_gives(case):
    alone = decode_runs([r for r in person() if r.session <= "04"], SETTINGS)
    found = prospective_tests(case).numbers["first"]
    for scale in ("1min", "2min", "run", "session"):
        for name in ("r", "auc", "mae", "skill"):
            expected = getattr(alone.scales[scale], name)
            assert found[scale][name] == pytest.approx(expected, rel=1e-9)


def test_every_number_of_past_sessions_is_tested_on_the_same_last_ones():
    case = Case(decode_runs(person(n_sessions=12), SETTINGS))
    table = prospective_tests(case).tables["calibration"]
    minutes = case.decoding.predictions.query("scale == '1min' and session >= '05'")
    assert (
        list(table["n_past"]) == [3, 4]
        and set(table["n_test"]) == {8}
        and set(table["n_bins"]) == {len(minutes)}
    )
    for _, row in table.iterrows():
        future = predict_future(case.bin_grams, SETTINGS.rules, int(row["n_past"]))
        tested = case.bin_grams[0].groups("1min") >= 4
        predicted, y = future.predicted["1min"][tested], future.rating["1min"][tested]
        slope, intercept = np.polyfit(predicted, y, 1)
        assert (row["slope"], row["intercept"]) == pytest.approx((slope, intercept))
        mean = np.mean(
            case.bin_grams[0].y("train")[case.bin_grams[0].groups("train") < row["n_past"]]
        )
        assert row["skill"] == pytest.approx(
            1 - ((y - predicted) ** 2).sum() / ((y - mean) ** 2).sum()
        )
        assert row["mae"] == pytest.approx(np.abs(y - predicted).mean())
        assert row["mae_of_training_mean"] == pytest.approx(np.abs(y - mean).mean())
        assert row["bias"] == pytest.approx((predicted - y).mean())
        for name in ("centred_r", "skill", "slope", "intercept"):
            assert row[f"{name}_low"] < row[name] < row[f"{name}_high"]


def test_the_test_set_is_a_third_or_8_and_never_what_training_needs():
    for n_groups in range(4, 80):
        n_test = size_of_test_set(n_groups)
        assert 1 <= n_test <= n_groups - 3
        assert n_test >= n_groups / 3 or n_test == n_groups - 3
        assert n_test >= 8 or n_groups < 11
    assert [size_of_test_set(n) for n in (5, 11, 24, 25)] == [2, 8, 8, 9]


def test_few_sessions_to_test_have_no_interval_and_the_next_ones_have(case):
    found = prospective_tests(case)
    row = found.tables["calibration"].iloc[0]
    assert row["n_test"] == 4 and np.isnan([row["skill_low"], row["slope_high"]]).all()
    following = found.numbers["next"]["1min"]
    assert following["n_groups"] == 4 and following["skill_ci"] == [None, None]
    following = prospective_tests(Case(decode_runs(person(n_sessions=11), SETTINGS))).numbers[
        "next"
    ]
    low, high = following["1min"]["skill_ci"]
    assert low < following["1min"]["skill"] < high and following["1min"]["n_groups"] == 8


def test_several_lags(rng):
    runs = simulate_runs(rng, n_sessions=5)
    case = Case(decode_runs(runs, Settings(n_bootstraps=100, lag_s=(0.0, 6.0))))
    found = prospective_tests(case).tables
    assert list(found["calibration"]["n_past"]) == [3]
    assert list(found["prospective"]["n_past"]) == [3, 3, 4]


def test_too_few_sessions_are_said(rng):
    case = Case(decode_runs(simulate_runs(rng, n_sessions=3), SETTINGS))
    found = prospective_tests(case)
    assert (
        not found.tables
        and "3 sessions for training and one for testing are needed" in found.not_done[0]
    )
    case = Case(decode_runs(simulate_runs(rng, n_sessions=4), SETTINGS))
    found = prospective_tests(case)
    assert found.numbers["first"] is None and "--first-sessions" in found.not_done[0]


def test_a_past_that_teaches_nothing_is_named_and_the_others_are_done(rng):
    runs = [
        Run(r.signals, np.zeros(360) if r.session <= "03" else r.rating, r.tr_s, r.session,
            r.task, r.run)
        for r in simulate_runs(rng, n_sessions=6)
    ]  # fmt: skip
    case = Case(decode_runs(runs, Settings(n_bootstraps=100, first_sessions=3)))
    found = prospective_tests(case)
    assert list(found.tables["prospective"]["n_past"]) == [4, 4, 5]
    assert found.tables["calibration"].empty  # the model of 3 is missing
    said = "\n".join(found.not_done)
    assert "No model of the first 3 sessions: the rating does not vary" in said
    assert "No analysis of the first 3 sessions alone" in said
    assert found.numbers["first"] is None and found.numbers["later"] is None
