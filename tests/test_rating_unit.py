"""The metrics of a study do not depend on the unit and the origin of its ratings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from painprint import Run, Settings, decode_runs
from painprint.bins import rating_bins


def rated_runs(factor, offset):
    rng = np.random.default_rng(8)
    runs = []
    for session in range(4):
        latent = np.cumsum(rng.normal(size=250)) * 0.2
        signals = rng.normal(size=(250, 5))
        signals[6:, :2] += latent[:-6, None] - latent.mean()
        rating = np.round(50 / (1 + np.exp(-latent))) / 50
        runs.append(Run(signals, factor * rating + offset, tr_s=1.0, session=str(session)))
    return runs


DECODERS = (
    {"features": "activity"},
    {"features": "both", "train_bins": "rating"},
    {"features": "edges", "train_bins": "60s"},
    {"decoder": "lasso_pcr", "train_bins": "rating"},
    {"decoder": "lasso_pcr", "features": "activity"},
    {"preset": "paper"},
)


def numbers(decoder, factor, offset):
    decoding = decode_runs(rated_runs(factor, offset), Settings(n_bootstraps=100, **decoder))
    metrics = decoding.scales["1min"]
    return [metrics.r, metrics.centred_r, metrics.r_p, metrics.skill, metrics.auc]


@pytest.mark.parametrize("decoder", DECODERS, ids=str)
def test_metrics_do_not_depend_on_the_unit_of_the_rating(decoder):
    reference = numbers(decoder, 1.0, 0.0)

    @settings(max_examples=6, deadline=None)
    @given(st.floats(-8, 8), st.sampled_from([0.0, 3.0, -1e3]))
    def check(exponent, offset):
        factor = 10.0**exponent
        np.testing.assert_allclose(
            numbers(decoder, factor, offset * factor), reference, rtol=0, atol=1e-9
        )

    check()


@pytest.mark.parametrize("decoder", DECODERS, ids=str)
def test_metrics_do_not_depend_on_a_large_offset(decoder):
    # ratings near 1e6 have 16 digits of which 6 say nothing: what is left is 1e-10 of their range
    shifted = numbers(decoder, 1.0, 1e6)
    np.testing.assert_allclose(shifted, numbers(decoder, 1.0, 0.0), rtol=0, atol=2e-7)


@pytest.mark.parametrize("factor", [1e-8, 3e-7, 1.0, 77.0, 1e8])
def test_equal_ratings_stay_ties_in_any_unit(factor):
    rating = np.array([0.3, 0.1 + 0.2, 0.3, 0.1, 0.3, 0.9])
    wanted = [0, 0, 1, 0, 1, 1]
    np.testing.assert_array_equal(rating_bins(factor * rating, 2, decimals=9), wanted)
    constant = factor * (0.5 + 1e-16 * np.arange(6))
    np.testing.assert_array_equal(rating_bins(constant, 2, decimals=9), [0, 0, 0, 1, 1, 1])
