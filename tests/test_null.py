"""Permuted ratings keep what they should keep, and the pipeline sees nothing else of them."""

import numpy as np
import pandas as pd
import pytest
from conftest import simulate_runs

from painprint import Run, Settings, decode_runs
from painprint.decode.crossval import nested_leave_one_out
from painprint.explain.case import Case
from painprint.explain.null import (
    draw_permutations,
    p_above,
    permutation_null,
    permute_ratings,
    run_positions,
    split_means,
    surrogate_orders,
)
from painprint.runs import RunKey

SETTINGS = Settings(n_bootstraps=100, n_permutations=39)


def make_case(runs, settings=SETTINGS):
    return Case(decode_runs(runs, settings))


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(20260102)
    return make_case(simulate_runs(rng, n_sessions=7, strength=1.0))


@pytest.fixture(scope="module")
def permuted(case):
    kernel = case.kernels[0]
    permutations = draw_permutations(kernel, 39, np.random.default_rng(0))
    return kernel, permutations, permute_ratings(kernel, permutations)


def test_the_first_column_is_the_observed_rating(permuted):
    kernel, permutations, Y = permuted
    assert list(permutations.kind).count("observed") == 1
    np.testing.assert_array_equal(Y[:, 0], kernel.y("1min"))


def test_within_session_means_stay_and_traces_move(permuted):
    kernel, permutations, Y = permuted
    means, traces = split_means(kernel)
    group, run = kernel.groups("1min"), kernel.run("1min")
    for column in Y[:, permutations.kind == "within"].T:
        found = np.bincount(group, weights=column) / np.bincount(group)
        np.testing.assert_allclose(found, means, atol=1e-12)
        # every run has the trace of one run at its position, turned round
        for r in range(14):
            mine = np.sort(column[run == r] - means[kernel.codes[r]])
            others = [np.sort(traces[run == d]) for d in range(r % 2, 14, 2)]
            assert min(np.abs(mine - other).max() for other in others) < 1e-12
    assert np.abs(Y[:, permutations.kind == "within"] - Y[:, :1]).max(axis=0).min() > 1e-3


def test_both_runs_of_a_session_come_from_one_session(permuted):
    kernel, permutations, _ = permuted
    donors = kernel.codes[permutations.donor]
    np.testing.assert_array_equal(donors[:, ::2], donors[:, 1::2])


def test_between_traces_stay_and_session_means_change_places(permuted):
    kernel, permutations, Y = permuted
    means, traces = split_means(kernel)
    group = kernel.groups("1min")
    for column in Y[:, permutations.kind == "between"].T:
        found = np.bincount(group, weights=column) / np.bincount(group)
        np.testing.assert_allclose(np.sort(found), np.sort(means), atol=1e-12)
        np.testing.assert_allclose(column - found[group], traces, atol=1e-12)


def test_runs_of_different_length_swap_traces(rng):
    lengths = iter(rng.integers(200, 500, size=12))
    runs = [
        Run(r.signals[:n], r.rating[:n], r.tr_s, r.session, r.task, r.run)
        for r in simulate_runs(rng, n_sessions=6, n_frames=500)
        for n in [next(lengths)]
    ]
    kernel = make_case(runs).kernels[0]
    assert len(set(np.bincount(kernel.run("1min")))) > 2
    permutations = draw_permutations(kernel, 39, rng)
    Y = permute_ratings(kernel, permutations)
    means, _ = split_means(kernel)
    group = kernel.groups("1min")
    within = Y[:, permutations.kind == "within"]
    found = np.stack([within[group == g].mean(axis=0) for g in range(6)])
    np.testing.assert_allclose(found, np.repeat(means[:, None], 39, axis=1), atol=1e-12)


def test_positions_are_labels_where_sessions_share_them_and_else_the_order():
    keys = [RunKey("1", "x", "1"), RunKey("1", "x", "3"), RunKey("2", "x", "3")]
    keys += [RunKey("2", "x", "1"), RunKey("3", "x", "3")]
    np.testing.assert_array_equal(run_positions(keys), [0, 1, 1, 0, 1])
    keys = [RunKey("1", "x", "1"), RunKey("1", "x", "2"), RunKey("2", "x", "3")]
    np.testing.assert_array_equal(run_positions(keys), [0, 1, 0])
    keys = [RunKey("", "x", run) for run in "123"]
    np.testing.assert_array_equal(run_positions(keys), [0, 1, 2])


def test_the_observed_values_are_those_of_the_pipeline_on_time_bins(case):
    found = permutation_null(case)
    kernel = case.kernels[0]
    fit = nested_leave_one_out(
        kernel.block("1min", "1min"),
        kernel.y("1min"),
        kernel.groups("1min"),
        n_edges=kernel.n_edges,
    )
    observed = found.tables["null"].query("null == 'observed' and scale == '1min'").iloc[0]
    expected = np.corrcoef(fit.held_out, kernel.y("1min"))[0, 1]
    assert observed["r"] == pytest.approx(expected, abs=1e-10)
    assert found.numbers["scales"]["1min"]["r"] == pytest.approx(expected, abs=1e-10)


def test_numbers_follow_from_the_table(case):
    found = permutation_null(case)
    table = found.tables["null"]
    assert len(table) == 4 * (1 + 39 + 39 + 8)
    for scale, rows in table.groupby("scale"):
        values = {kind: of_kind for kind, of_kind in rows.groupby("null")}
        numbers = found.numbers["scales"][scale]
        above = (values["between"]["r"] >= values["observed"]["r"].iloc[0]).sum()
        assert numbers["p_between"] == pytest.approx((1 + above) / 40)
        assert numbers["null_median"] == pytest.approx(values["both"]["r"].median())
    assert found.numbers["scales"]["session"]["p_within"] is None
    assert found.numbers["scales"]["1min"]["p_within"] == 1 / 40  # a planted signature


def test_a_seed_gives_the_same_null_on_any_number_of_workers(case):
    tables = [
        permutation_null(Case(case.decoding, n_jobs=n_jobs)).tables["null"] for n_jobs in (1, 2)
    ]
    pd.testing.assert_frame_equal(*tables)


def test_surrogates_keep_the_autocorrelation_of_session_means(rng):
    def lag_one(orders):
        x = orders - orders.mean(axis=1, keepdims=True)
        return ((x[:, 1:] * x[:, :-1]).sum(axis=1) / (x**2).sum(axis=1)).mean()

    drifting = np.cumsum(rng.normal(size=25))
    steady = rng.normal(size=200)
    assert lag_one(surrogate_orders(drifting, 2000, rng)) > 0.4
    assert abs(lag_one(surrogate_orders(steady, 500, rng))) < 0.15
    np.testing.assert_array_equal(np.sort(surrogate_orders(drifting, 3, rng)[0]), np.arange(25))


def test_equal_session_means_have_some_order(rng):
    assert surrogate_orders(np.full(6, 0.3), 5, rng).shape == (5, 6)


def test_p_counts_the_observed_itself_and_ties():
    assert p_above(2.0, np.array([1.0, 2.0, 3.0, np.nan])) == pytest.approx(3 / 4)
    assert p_above(np.nan, np.array([1.0])) is None
    assert p_above(1.0, np.array([np.nan])) is None


def test_several_lags_are_chosen_under_permutation_too(rng):
    runs = simulate_runs(rng, n_sessions=6, strength=1.0)
    settings = Settings(n_bootstraps=100, n_permutations=19, lag_s=(0.0, 6.0))
    several = permutation_null(make_case(runs, settings)).numbers["scales"]["1min"]
    one = [
        permutation_null(
            make_case(runs, Settings(n_bootstraps=100, n_permutations=19, lag_s=lag))
        ).numbers["scales"]["1min"]
        for lag in (0.0, 6.0)
    ]
    assert several["p_within"] == 1 / 20
    assert several["centred_r"] == pytest.approx(one[1]["centred_r"], abs=0.1)


def test_few_sessions_have_no_p_between_and_say_so(rng):
    found = permutation_null(make_case(simulate_runs(rng, n_sessions=4)))
    assert found.numbers["scales"]["1min"]["p_between"] is None
    assert found.numbers["scales"]["1min"]["p_within"] is not None
    assert "No p between sessions: 4 means" in found.not_done[0]
