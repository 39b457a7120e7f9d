"""One Gram matrix for rating bins and time bins; what follows from it."""

import numpy as np
import pytest
from conftest import simulate_runs

from painprint import Settings, bin_edges, decode_runs
from painprint.decode.bin_gram import make_bin_gram
from painprint.decode.refit import refit
from painprint.evidence.case import Case


@pytest.fixture
def case(participant):
    return Case(decode_runs(participant, Settings(n_bootstraps=100)))


def edges(bin_gram, kind):
    bins = bin_gram.bins[kind]
    return np.array(
        [
            bin_edges(bin_gram.frames[r].signals[m], np.zeros(len(m), int))[0]
            for r, m in zip(bins.run, bins.frames, strict=True)
        ]
    )


def test_blocks_are_inner_products_of_edges(case):
    bin_gram = case.bin_grams[0]
    for kind in ("train", "1min", "2min"):
        for other in ("train", "1min", "2min"):
            np.testing.assert_allclose(
                bin_gram.block(kind, other),
                edges(bin_gram, kind) @ edges(bin_gram, other).T,
                atol=1e-10,
            )


def test_values_average_to_the_scales_as_predictions_do(case):
    predictions = case.decoding.predictions
    by_scale = {s: rows["predicted"].to_numpy() for s, rows in predictions.groupby("scale")}
    scales = case.bin_grams[0].scales
    for scale, values in scales.average({s: by_scale[s] for s in ("1min", "2min")}).items():
        np.testing.assert_allclose(values, by_scale[scale], rtol=1e-10)
        groups = predictions.loc[predictions["scale"] == scale, "group"]
        np.testing.assert_array_equal(scales.groups[scale], groups)


def test_some_groups_are_what_only_they_would_give(case):
    bin_gram = case.bin_grams[0]
    runs = [r for r, code in enumerate(bin_gram.group_index) if code in (1, 3, 4)]
    again = make_bin_gram(
        [bin_gram.frames[r] for r in runs], np.repeat(np.arange(3), 2), case.settings
    )
    part = bin_gram.select_groups([1, 3, 4])
    np.testing.assert_allclose(part.edges, again.edges, atol=1e-12)
    np.testing.assert_array_equal(part.group_index, again.group_index)
    for kind in ("train", "1min", "2min"):
        np.testing.assert_array_equal(part.y(kind), again.y(kind))
        np.testing.assert_array_equal(part.run(kind), again.run(kind))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"preset": "paper"},
        {"lag_s": (4.0, 6.0)},
        {"decoder": "lasso_pcr"},
        {"train_bins": "20s", "features": "both"},
        {"features": "activity"},
    ],
)
def test_a_refit_without_any_change_is_the_decoding(participant, options):
    decoding = decode_runs(participant, Settings(n_bootstraps=100, **options))
    case = Case(decoding)
    again = refit(case.bin_grams, case.settings.rules)
    for scale, rows in decoding.predictions.groupby("scale"):
        np.testing.assert_allclose(again.predicted[scale], rows["predicted"], atol=1e-9)
        means = again.training_mean[again.groups[scale]]
        np.testing.assert_allclose(means, rows["training_mean"], rtol=1e-12)
    for scale, found in again.agreement().items():
        expected = decoding.scales[scale]
        for name in ("r", "centred_r", "skill"):
            value = getattr(expected, name)
            assert found[name] == pytest.approx(np.nan if value is None else value, nan_ok=True)


def test_time_bins_match_at_every_lag(rng):
    runs = simulate_runs(rng, n_frames=395)  # without the lag, close to half a minute
    settings = Settings(n_bootstraps=100, lag_s=(0.0, 6.0, 12.0))
    bin_grams = Case(decode_runs(runs, settings)).bin_grams
    assert len({len(bin_gram.bins["1min"]) for bin_gram in bin_grams}) == 1


def test_a_gram_matrix_without_regions_is_that_of_the_others(case):
    bin_gram = case.bin_grams[0]
    left_out = [bin_gram.frames[0].regions[i] for i in (5, 1, 6)]
    found = bin_gram.without(left_out)
    kept = [name for name in bin_gram.frames[0].regions if name not in left_out]
    frames = [one.select(kept) for one in bin_gram.frames]
    direct = make_bin_gram(frames, bin_gram.group_index, Settings(n_bootstraps=100))
    np.testing.assert_allclose(found.edges, direct.edges, rtol=1e-10, atol=1e-12)
    assert found.n_edges == direct.n_edges and found.frames[0].regions == tuple(kept)
