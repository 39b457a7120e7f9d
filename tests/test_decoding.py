"""One person decoded: leaks, the null, invariances, and what is left out."""

import numpy as np
import pytest
from conftest import simulate_runs
from hypothesis import given, settings
from hypothesis import strategies as st

from painprint import Regions, Run, Settings, bin_edges, decode_runs
from painprint.bins import make_rating_bins
from painprint.decode.gram import edge_weights, gram
from painprint.runs import pair_frames
from painprint.settings import PRESETS

QUICK = Settings(n_bootstraps=100)


def with_(run, **changes):
    """The run with some parts replaced."""
    parts = (
        "signals",
        "rating",
        "tr_s",
        "session",
        "task",
        "run",
        "censored",
        "start_s",
        "regions",
    )
    return Run(**{**{name: getattr(run, name) for name in parts}, **changes})


def assert_same_fold(a, b):
    np.testing.assert_array_equal(a.weights, b.weights)
    np.testing.assert_array_equal(a.activity, b.activity)
    for name in ("path_penalty", "path_score"):
        np.testing.assert_array_equal(getattr(a.choice, name), getattr(b.choice, name))
    for name in ("intercept", "training_mean", "lag_s"):
        assert getattr(a, name) == getattr(b, name)
    for name in ("penalty", "alpha", "dof", "inner_score", "at_edge"):
        assert getattr(a.choice, name) == getattr(b.choice, name)


def noisy(run, rng):
    return with_(run, signals=rng.normal(size=run.signals.shape))


def rated_otherwise(run, rng):
    return with_(run, rating=rng.random(len(run.rating)))


def with_dropped_bins(run, rng):
    """Half of the frames without a rating, and a highest bin that never lasts 5 frames."""
    rating = np.array(run.rating)
    rating[rng.random(len(rating)) < 0.5] = np.nan
    rating[1::4] = 10.0
    return with_(run, rating=rating)


@pytest.mark.parametrize("change", [noisy, rated_otherwise, with_dropped_bins])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"train_bins": "20s", "features": "both"},
        {"features": "activity", "lag_s": (4.0, 6.0)},
        {"train_bins": "rating"},
        {"decoder": "lasso_pcr", "train_bins": "rating"},
        {"decoder": "lasso_pcr", "features": "both"},
    ],
)
def test_changing_a_held_out_session_leaves_its_fold_bit_identical(
    participant, rng, change, options
):
    settings = Settings(n_bootstraps=100, **options)
    before = decode_runs(participant, settings)
    changed = [change(run, rng) if run.session == "03" else run for run in participant]
    after = decode_runs(changed, settings, n_jobs=2)
    if change is with_dropped_bins and options.get("train_bins") == "rating":
        assert after.training.run_table["n_training_bins_lost"].sum() > 0
    assert_same_fold(before.folds[2], after.folds[2])
    name = "activity" if options.get("features") == "activity" else "weights"
    assert not np.array_equal(*(getattr(d.folds[0], name) for d in (before, after)))


def test_the_number_of_workers_changes_no_bit(participant):
    lags = Settings(n_bootstraps=100, lag_s=(6.0, 4.0))
    one, three = decode_runs(participant, lags, n_jobs=1), decode_runs(participant, lags, n_jobs=3)
    for a, b in zip((*one.folds, one.final), (*three.folds, three.final), strict=True):
        assert_same_fold(a, b)
    assert one.predictions.equals(three.predictions)
    assert one.scales == three.scales


def test_the_paper_preset_leaks_where_it_says_and_not_elsewhere(participant, rng):
    paper = Settings(preset="paper", n_bootstraps=100)
    changed = [rated_otherwise(r, rng) if r.session == "03" else r for r in participant]
    before, after = decode_runs(participant, paper).folds[2], decode_runs(changed, paper).folds[2]
    assert not np.array_equal(before.choice.path_penalty, after.choice.path_penalty)
    assert before.training_mean == after.training_mean


@pytest.mark.long
def test_swapped_and_reversed_ratings_score_like_circular_shifts():
    rng = np.random.default_rng(7)
    runs = simulate_runs(rng, n_sessions=6, n_runs=1, n_regions=6, n_frames=400)
    ratings = [run.rating for run in runs]

    def primary(new_ratings):
        rated = [with_(run, rating=new) for run, new in zip(runs, new_ratings, strict=True)]
        return decode_runs(rated, QUICK).scales["1min"].centred_r

    shifts = rng.integers(30, 370, size=(200, len(runs)))
    null = [
        primary([np.roll(r, n) for r, n in zip(ratings, shift, strict=True)]) for shift in shifts
    ]
    low, high = np.quantile(null, [0.025, 0.975])
    swapped = [r[::-1] for r in [*ratings[1:], ratings[0]]]
    assert low < primary(swapped) < high
    assert primary(ratings) > high  # and the signature that is there is found


@settings(max_examples=5, deadline=None)
@given(st.permutations(range(8)))
def test_permuted_regions_permute_the_weights_and_nothing_else(order):
    runs = simulate_runs(np.random.default_rng(3), n_sessions=4, n_runs=1)
    names = tuple("abcdefgh")
    named = [with_(run, regions=names) for run in runs]
    moved = [
        with_(run, signals=run.signals[:, order], regions=[names[i] for i in order]) for run in runs
    ]
    a, b = decode_runs(named, QUICK), decode_runs(moved, QUICK)

    def weight_of(decoding):
        pairs = zip(*np.triu_indices(8, k=1), strict=True)
        n = decoding.regions.names
        return {
            frozenset((n[i], n[j])): w
            for (i, j), w in zip(pairs, decoding.final.weights, strict=True)
        }

    left, right = weight_of(a), weight_of(b)
    for pair, weight in left.items():
        assert right[pair] == pytest.approx(weight, rel=1e-8, abs=1e-12)
    np.testing.assert_allclose(a.predictions["predicted"], b.predictions["predicted"], rtol=1e-9)


@settings(max_examples=8, deadline=None)
@given(st.floats(0.01, 100), st.floats(-50, 50))
def test_an_affine_change_of_ratings_changes_no_r(slope, offset):
    runs = simulate_runs(np.random.default_rng(4), n_sessions=4, n_runs=1, n_regions=5)
    a = decode_runs(runs, QUICK)
    b = decode_runs([with_(run, rating=slope * run.rating + offset) for run in runs], QUICK)
    for scale in a.scales:
        assert b.scales[scale].r == pytest.approx(a.scales[scale].r, abs=1e-7)
        assert b.scales[scale].skill == pytest.approx(a.scales[scale].skill, abs=1e-7)
        assert b.scales[scale].auc == a.scales[scale].auc


@settings(max_examples=10, deadline=None)
@given(st.integers(2, 12), st.integers(0, 1000), st.integers(1, 3))
def test_gram_and_weights_equal_loops_over_edges(n_regions, seed, n_runs):
    rng = np.random.default_rng(seed)
    runs = simulate_runs(rng, n_sessions=3, n_runs=n_runs, n_regions=n_regions, n_frames=200)
    frames = [pair_frames(run, lag_frames=6, drop_frames=30) for run in runs]
    bins = make_rating_bins(frames, PRESETS["recommended"], min_stretch_frames=5)
    groups = np.arange(len(runs))[bins.run] // n_runs
    X = []
    for r, members in zip(bins.run, bins.frames, strict=True):
        labels = np.full(len(frames[r]), -1)
        labels[members] = 0
        X.append(bin_edges(frames[r].signals, labels)[0])
    X = np.array(X)
    np.testing.assert_allclose(gram(frames, bins, groups), X @ X.T, rtol=1e-10, atol=1e-12)
    dual = rng.normal(size=(4, len(bins)))
    np.testing.assert_allclose(
        edge_weights(frames, bins, groups, dual), dual @ X, rtol=1e-10, atol=1e-12
    )


def test_a_planted_signature_is_found_and_predictions_are_of_unseen_sessions(participant):
    decoding = decode_runs(participant, QUICK)
    assert decoding.scales["1min"].centred_r > 0.3
    minutes = decoding.predictions.query("scale == '1min'")
    assert set(minutes["session"]) == set(decoding.groups)
    for fold in decoding.folds:
        rows = minutes[minutes["session"] == fold.held_out]
        assert (rows["training_mean"] == fold.training_mean).all()


def test_scales_are_means_of_the_same_frames(participant):
    table = decode_runs(participant, QUICK).predictions
    run = table[table["scale"] == "run"].groupby("session")[["rating", "predicted"]].mean()
    session = table[table["scale"] == "session"].set_index("session")[["rating", "predicted"]]
    np.testing.assert_allclose(session, run.loc[session.index], rtol=1e-12)
    minutes = table[table["scale"] == "1min"]
    assert minutes["n_frames"].sum() == table[table["scale"] == "run"]["n_frames"].sum()


def test_the_lag_is_chosen_in_the_training_sessions(participant):
    both = decode_runs(participant, Settings(n_bootstraps=100, lag_s=(30.0, 6.0)))
    only = {
        lag: decode_runs(participant, Settings(n_bootstraps=100, lag_s=(lag,)))
        for lag in (30.0, 6.0)
    }
    for k, fold in enumerate(both.folds):
        best = max((30.0, 6.0), key=lambda lag: only[lag].folds[k].choice.inner_score)
        assert fold.lag_s == best
        assert_same_fold(fold, only[best].folds[k])
    assert both.final.lag_s == 6.0


def test_runs_can_be_left_out_instead_of_sessions(participant):
    decoding = decode_runs(participant, Settings(n_bootstraps=100, leave_out="run"))
    assert len(decoding.groups) == 10
    assert decoding.groups[1] == "ses-01 task-rating run-2"


def test_two_sessions_are_an_error_that_offers_to_leave_out_runs(participant):
    with pytest.raises(ValueError, match="2 usable sessions.*at least 3.*4 usable runs"):
        decode_runs(participant[:4], QUICK)


def test_two_runs_are_an_error_that_asks_for_more(participant):
    with pytest.raises(ValueError, match="2 usable runs.*More data"):
        decode_runs(participant[:2], Settings(leave_out="run"))


def test_a_run_given_twice_is_an_error(participant):
    with pytest.raises(ValueError, match="ses-01 task-rating run-1 is given twice"):
        decode_runs([*participant, participant[0]], QUICK)


def test_a_run_with_too_little_data_is_left_out_with_the_numbers(participant):
    run = participant[0]
    participant[0] = with_(run, censored=np.ones(len(run.rating), bool))
    left_out = decode_runs(participant, QUICK).prepared.runs_left_out
    assert str(left_out[0].key) == "ses-01 task-rating run-1"
    assert "0 s of usable data" in left_out[0].reason and "324 censored" in left_out[0].reason


def test_a_region_without_signal_in_one_run_is_left_out_everywhere(participant):
    signals = np.array(participant[3].signals)
    signals[:, 2] = 5.0
    signals[100:130, 4] = np.nan
    participant[3] = with_(participant[3], signals=signals)
    decoding = decode_runs(participant, QUICK)
    assert set(decoding.prepared.regions_left_out) == {"3", "5"}
    assert "ses-02 task-rating run-2" in decoding.prepared.regions_left_out["3"]
    assert len(decoding.final.weights) == 15


def test_a_run_without_most_regions_is_left_out_instead_of_them(participant):
    signals = np.array(participant[3].signals)
    signals[:, :6] = np.nan
    participant[3] = with_(participant[3], signals=signals)
    decoding = decode_runs(participant, QUICK)
    assert len(decoding.regions.names) == 8
    assert "6 of 8 regions have no signal" in decoding.prepared.runs_left_out[0].reason


def test_no_common_region_is_an_error(participant):
    odd = [with_(run, regions=[f"{i}{run.session}" for i in range(8)]) for run in participant]
    with pytest.raises(ValueError, match="a signal in every run: 0.*in only 2 of 10 runs"):
        decode_runs(odd, QUICK)


def test_networks_and_regions_are_excluded_by_name(participant):
    names = tuple(str(i + 1) for i in range(8))
    table = Regions(names[::-1], ("VIS", "VIS", *["DMN"] * 6))
    chosen = Settings(n_bootstraps=100, exclude_network=("VIS",), exclude_region=("1",))
    decoding = decode_runs(participant, chosen, regions=table)
    assert decoding.regions.names == ("2", "3", "4", "5", "6")
    assert set(decoding.regions.networks) == {"DMN"}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"exclude_network": ("MOT",)}, "no network is called 'MOT'.*no network labels"),
        ({"exclude_region": ("PAG",)}, "no region is called 'PAG'. There are: 1, 2"),
    ],
)
def test_excluding_what_is_not_there_names_what_is(participant, asked, message):
    with pytest.raises(ValueError, match=message):
        decode_runs(participant, Settings(**asked))


def test_runs_may_differ_in_length_and_repetition_time(rng):
    runs = [
        *simulate_runs(rng, n_sessions=2, n_frames=500, tr_s=0.8),
        *(with_(r, session="9" + r.session) for r in simulate_runs(rng, n_sessions=2, n_runs=1)),
    ]
    decoding = decode_runs(runs, QUICK)
    assert sorted(set(decoding.training.run_table["n_training_bins"])) != [10]
    assert decoding.scales["run"].n == 6
