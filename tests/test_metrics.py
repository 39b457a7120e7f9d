"""Agreement of prediction and rating."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import mean_absolute_error, r2_score, roc_auc_score

from painprint.decode.metrics import calibration_line, center_by, score_scale
from painprint.decode.roc import roc_table
from painprint.decode.units import mean_r, score_units
from painprint.stats.bootstrap import IDENTITY, block_draw, interval, t_inflated
from painprint.stats.correlation import correlation


@pytest.fixture
def table(rng):
    group = np.repeat(np.arange(6), 10)
    rating = rng.normal(size=60) + group / 3
    return pd.DataFrame(
        {
            "scale": "1min",
            "rating": rating,
            "predicted": rating + rng.normal(size=60),
            "training_mean": 0.5 - group / 10,
            "group": group,
            "run_code": np.arange(60) // 5,
        }
    )


def test_point_estimates_equal_scipy_and_scikit_learn(table, rng):
    m = score_scale(table, n_bootstraps=200, rng=rng)
    y, p = table["rating"], table["predicted"]
    assert m.r == pytest.approx(stats.pearsonr(y, p)[0])
    assert m.r2 == pytest.approx(r2_score(y, p))
    assert m.mae == pytest.approx(mean_absolute_error(y, p))
    assert m.auc == pytest.approx(roc_auc_score(y > y.median(), p))
    assert m.skill == pytest.approx(
        1 - ((y - p) ** 2).sum() / ((y - table["training_mean"]) ** 2).sum()
    )
    centred = table.groupby("group")[["rating", "predicted"]].transform(lambda v: v - v.mean())
    assert m.centred_r == pytest.approx(stats.pearsonr(*centred.to_numpy().T)[0])
    for value, (low, high) in ((m.r, m.r_ci), (m.auc, m.auc_ci), (m.skill, m.skill_ci)):
        assert low < value < high


def test_the_calibration_line_is_least_squares(table, rng):
    m = score_scale(table, n_bootstraps=200, rng=rng)
    line = stats.linregress(table["predicted"], table["rating"])
    assert (m.slope, m.intercept) == pytest.approx((line.slope, line.intercept))
    assert m.slope_ci[0] < m.slope < m.slope_ci[1]
    assert m.intercept_ci[0] < m.intercept < m.intercept_ci[1]


def test_a_perfect_prediction_is_calibrated_and_half_of_it_has_slope_2(table, rng):
    perfect = score_scale(table.assign(predicted=table["rating"]), n_bootstraps=100, rng=rng)
    assert (perfect.slope, perfect.intercept) == pytest.approx((1, 0), abs=1e-12)
    assert (*perfect.slope_ci, *perfect.intercept_ci) == pytest.approx((1, 1, 0, 0), abs=1e-12)
    half = table.assign(predicted=table["rating"] / 2 + 3)
    m = score_scale(half, n_bootstraps=100, rng=rng)
    assert (m.slope, m.intercept) == pytest.approx((2, -6))


def test_intervals_of_the_line_resample_blocks_of_sessions(table):
    """The definition: a line through the rows of each resample, then widened and ordered."""
    m = score_scale(table, n_bootstraps=150, rng=np.random.default_rng(5))
    streams = np.random.default_rng(5).spawn(3)[2].spawn(2)
    estimates, intervals = (m.slope, m.intercept), (m.slope_ci, m.intercept_ci)
    for which, (stream, estimate, found) in enumerate(
        zip(streams, estimates, intervals, strict=True)
    ):
        values = []
        for row in block_draw(table["group"].to_numpy())(150, stream):
            again = table.loc[np.repeat(np.arange(60), row.astype(int))]
            line = stats.linregress(again["predicted"], again["rating"])
            values.append((line.slope, line.intercept)[which])
        expected = interval(t_inflated(np.array(values), estimate, 6, IDENTITY), null=0)
        assert found == pytest.approx((expected.low, expected.high), rel=1e-9)


def test_the_line_takes_no_random_number_from_others(table):
    """Scales that share a generator have the streams that they had without a line."""
    rng, counted = np.random.default_rng(3), np.random.default_rng(3)
    score_scale(table, n_bootstraps=100, rng=rng)
    counted.spawn(3)
    np.testing.assert_array_equal(rng.spawn(1)[0].random(5), counted.spawn(1)[0].random(5))
    np.testing.assert_array_equal(rng.random(5), counted.random(5))


def test_a_prediction_that_does_not_vary_has_no_line(table, rng):
    m = score_scale(table.assign(predicted=0.1), n_bootstraps=100, rng=rng)
    assert (m.slope, m.intercept) == (None, None)
    assert m.slope_ci == m.intercept_ci == (None, None)
    assert calibration_line(np.full(5, 0.1), np.arange(5.0)) is None
    flat = score_scale(table.assign(rating=0.5), n_bootstraps=100, rng=rng)
    assert (flat.slope, flat.intercept) == pytest.approx((0, 0.5))


def test_predicting_the_training_mean_has_no_skill(table, rng):
    m = score_scale(table.assign(predicted=table["training_mean"]), n_bootstraps=100, rng=rng)
    assert m.skill == 0
    assert m.centred_r is None and m.centred_r_ci == (None, None)


def test_what_is_undefined_is_none(table, rng):
    m = score_scale(table.assign(rating=0.3), n_bootstraps=100, rng=rng)
    assert (m.r, m.r2, m.auc, m.r_p) == (None, None, None, None)
    assert m.mae > 0


def test_units_without_variation_do_not_count_in_the_mean(table, rng):
    table.loc[table["run_code"] == 3, "rating"] = 1.0
    units = score_units(table, "run_code")
    assert np.isnan(units["r"][3])
    found = mean_r(units, n_bootstraps=200, rng=rng)
    assert found.n == 11
    assert found.r == pytest.approx(units["r"].mean())
    assert found.r_ci[0] < found.r < found.r_ci[1]


def test_no_unit_at_all_has_no_mean(table, rng):
    units = score_units(table.assign(rating=1.0), "group")
    assert mean_r(units, n_bootstraps=100, rng=rng).r is None


def test_correlation_of_what_does_not_vary_is_none():
    assert correlation(np.full(5, 0.1), np.arange(5.0)) is None
    assert correlation(np.arange(1.0), np.arange(1.0)) is None


def test_centring_takes_the_mean_of_each_group():
    np.testing.assert_array_equal(
        center_by(np.array([1.0, 3.0, 5.0]), np.array([1, 1, 0])), [-1, 1, 0]
    )


def test_roc_of_a_perfect_prediction_goes_through_the_corner(table):
    roc = roc_table({"1min": table.assign(predicted=table["rating"])})
    corner = (roc["false_positive_rate"] == 0) & (roc["true_positive_rate"] == 1)
    assert corner.any()
    assert roc_table({"1min": table.assign(rating=0.0)}).empty
