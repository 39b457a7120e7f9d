"""Permuted ratings keep what they should keep, and the pipeline sees nothing else of them."""

import numpy as np
import pandas as pd
import pytest
from conftest import simulate_runs

from painprint import Run, Settings, decode_runs
from painprint.decode.errors import NotEnoughData
from painprint.evidence.case import Case
from painprint.evidence.null import permutation_null
from painprint.evidence.permuted_ratings import (
    draw_permutations,
    permute_ratings,
    run_positions,
    session_levels,
)
from painprint.runs import RunKey
from painprint.stats.permutation import p_above, surrogate_orders

SETTINGS = Settings(n_bootstraps=100, n_permutations=39)


def make_case(runs, settings=SETTINGS):
    return Case(decode_runs(runs, settings))


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(20260102)
    return make_case(simulate_runs(rng, n_sessions=7, strength=1.0))


@pytest.fixture(scope="module")
def permuted(case):
    bin_gram = case.bin_grams[0]
    permutations = draw_permutations(bin_gram, 39, np.random.default_rng(0))
    return bin_gram, permutations, *permute_ratings(bin_gram, permutations, "1min", "train")


def traces_of(bin_gram):
    """Ratings of each run's frames without the level of their session."""
    levels = session_levels(bin_gram)
    return [
        f.rating - levels[g] for f, g in zip(bin_gram.frames, bin_gram.group_index, strict=True)
    ]


def levels_of(bin_gram, minutes):
    """Level of each session, of ratings of 1-min bins."""
    return bin_gram.scales.of_group @ bin_gram.scales.of_run @ minutes


def test_the_first_column_is_the_observed_rating(permuted):
    bin_gram, permutations, Y, train = permuted
    assert list(permutations.kind).count("observed") == 1
    np.testing.assert_array_equal(Y[:, 0], bin_gram.y("1min"))
    np.testing.assert_array_equal(train[:, 0], bin_gram.y("train"))


def test_ratings_are_means_of_frames_that_were_moved(permuted):
    bin_gram, permutations, Y, train = permuted
    traces, levels = traces_of(bin_gram), session_levels(bin_gram)
    for i in range(0, len(permutations.kind), 7):
        moved = []
        for r in range(len(traces)):
            donor = traces[permutations.donor[i, r]]
            start = int(permutations.shift[i, r] * len(donor))
            moved.append(np.resize(np.roll(donor, -start), len(traces[r])))
        of_session = [
            np.mean([moved[r].mean() for r in np.flatnonzero(bin_gram.group_index == g)])
            for g in range(bin_gram.n_groups)
        ]
        levels_now = np.sort(levels)[permutations.order[i]]
        for kind, found in (("1min", Y), ("train", train)):
            bins = bin_gram.bins[kind]
            expected = [
                moved[r][m].mean()
                - of_session[bin_gram.group_index[r]]
                + levels_now[bin_gram.group_index[r]]
                for r, m in zip(bins.run, bins.frames, strict=True)
            ]
            np.testing.assert_allclose(found[:, i], expected, atol=1e-12)


def test_within_session_levels_stay_and_traces_move(permuted):
    bin_gram, permutations, Y, _ = permuted
    within = Y[:, permutations.kind == "within"]
    found = levels_of(bin_gram, within)
    np.testing.assert_allclose(found, np.repeat(found[:, :1], 39, axis=1), atol=1e-12)
    np.testing.assert_allclose(found[:, 0], session_levels(bin_gram), atol=1e-12)
    assert np.abs(within - Y[:, :1]).max(axis=0).min() > 1e-3


def test_both_runs_of_a_session_come_from_one_session(permuted):
    bin_gram, permutations, *_ = permuted
    donors = bin_gram.group_index[permutations.donor]
    np.testing.assert_array_equal(donors[:, ::2], donors[:, 1::2])


def test_between_traces_stay_and_session_levels_change_places(permuted):
    bin_gram, permutations, Y, _ = permuted
    levels, group = session_levels(bin_gram), bin_gram.groups("1min")
    for column in Y[:, permutations.kind == "between"].T:
        found = levels_of(bin_gram, column)
        np.testing.assert_allclose(np.sort(found), np.sort(levels), atol=1e-12)
        expected = bin_gram.y("1min") - levels[group]
        np.testing.assert_allclose(column - found[group], expected, atol=1e-12)


def test_runs_of_different_length_swap_traces(rng):
    lengths = iter(rng.integers(200, 500, size=12))
    runs = [
        Run(r.signals[:n], r.rating[:n], r.tr_s, r.session, r.task, r.run)
        for r in simulate_runs(rng, n_sessions=6, n_frames=500)
        for n in [next(lengths)]
    ]
    bin_gram = make_case(runs).bin_grams[0]
    assert len(set(np.bincount(bin_gram.run("1min")))) > 2
    permutations = draw_permutations(bin_gram, 39, rng)
    (Y,) = permute_ratings(bin_gram, permutations, "1min")
    found = levels_of(bin_gram, Y[:, permutations.kind == "within"])
    levels = session_levels(bin_gram)
    np.testing.assert_allclose(found, np.repeat(levels[:, None], 39, axis=1), atol=1e-12)


def test_positions_are_labels_where_sessions_share_them_and_else_the_order():
    keys = [RunKey("1", "x", "1"), RunKey("1", "x", "3"), RunKey("2", "x", "3")]
    keys += [RunKey("2", "x", "1"), RunKey("3", "x", "3")]
    np.testing.assert_array_equal(run_positions(keys), [0, 1, 1, 0, 1])
    keys = [RunKey("1", "x", "1"), RunKey("1", "x", "2"), RunKey("2", "x", "3")]
    np.testing.assert_array_equal(run_positions(keys), [0, 1, 0])
    keys = [RunKey("", "x", run) for run in "123"]
    np.testing.assert_array_equal(run_positions(keys), [0, 1, 2])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"train_bins": "60s"},
        {"train_bins": "20s"},
        {"features": "both"},
        {"decoder": "lasso_pcr"},
        {"lag_s": (4.0, 6.0)},
    ],
)
def test_the_observed_values_are_the_headline(rng, options):
    runs = simulate_runs(rng, n_sessions=6, n_frames=400)
    settings = Settings(n_bootstraps=100, n_permutations=19, **options)
    case = make_case(runs, settings)
    numbers = permutation_null(case).numbers["scales"]
    for scale, metrics in case.decoding.scales.items():
        for name in ("r", "centred_r", "skill"):
            expected = getattr(metrics, name)
            found = numbers[scale][name]
            assert found == pytest.approx(np.nan if expected is None else expected, nan_ok=True)


def test_rating_bins_have_no_null_and_say_so(rng):
    runs = simulate_runs(rng, n_sessions=4)
    settings = Settings(n_bootstraps=100, train_bins="rating")
    with pytest.raises(NotEnoughData, match="--train-bins"):
        permutation_null(make_case(runs, settings))


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
