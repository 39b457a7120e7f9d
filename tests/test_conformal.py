"""Intervals against their definition, an independent implementation, and coverage."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapie.regression import CrossConformalRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import LeaveOneOut

from painprint.stats.conformal import (
    DECAY,
    NonconformityScores,
    fewest_groups,
    p_of_error,
    predict_interval,
)


def jackknife_plus(predictions, errors, level):
    """Order statistics, as in the definition of Barber et al. (2021)."""
    n, alpha = len(errors), 1 - level
    below = sorted(p - e for p, e in zip(predictions, errors, strict=True))
    above = sorted(p + e for p, e in zip(predictions, errors, strict=True))
    k = math.ceil((1 - alpha) * (n + 1) - 1e-9)
    return below[n - k], above[k - 1]


def one_each(errors):
    return NonconformityScores([np.array([e]) for e in errors])


@pytest.mark.parametrize("n", [9, 12, 28])
@pytest.mark.parametrize("level", [0.5, 0.8, 0.9])
def test_one_error_a_session_is_jackknife_plus(rng, n, level):
    predictions, errors = rng.normal(size=n), np.abs(rng.normal(size=n))
    found = predict_interval(predictions, one_each(errors), level=level)
    assert found == jackknife_plus(predictions, errors, level)


@pytest.mark.parametrize(("level", "needed"), [(0.5, 1), (0.8, 4), (0.9, 9), (0.95, 19)])
def test_too_few_sessions_are_refused_with_the_number_needed(rng, level, needed):
    assert fewest_groups(level) == needed
    predict_interval(np.zeros(needed), one_each(np.ones(needed)), level=level)
    if needed > 1:
        with pytest.raises(ValueError, match=f"{needed - 1} sessions are too few.*{needed} are"):
            few = np.ones(needed - 1)
            predict_interval(few, one_each(few), level=level)


@pytest.mark.parametrize("level", [0.8, 0.9])
def test_it_agrees_with_mapie(rng, level):
    """MAPIE's cross-conformal regressor, method plus, leaving out one at a time."""
    n = 13
    x, y = rng.normal(size=(n, 2)), rng.normal(size=n)
    new = rng.normal(size=(5, 2))
    theirs = CrossConformalRegressor(
        LinearRegression(), confidence_level=level, method="plus", cv=LeaveOneOut()
    )
    theirs.fit_conformalize(x, y)
    _, expected = theirs.predict_interval(new)
    models = [LinearRegression().fit(np.delete(x, k, 0), np.delete(y, k)) for k in range(n)]
    errors = [abs(y[k] - model.predict(x[[k]])[0]) for k, model in enumerate(models)]
    for i in range(5):
        predictions = np.array([model.predict(new[[i]])[0] for model in models])
        found = predict_interval(predictions, one_each(errors), level=level)
        np.testing.assert_allclose(found, expected[i, :, 0], rtol=1e-10)


def slow_hierarchical(predictions, groups, level, decay):
    """The weighted quantile by walking through the sorted values."""
    n = len(groups)
    raw = [decay ** (n - k) for k in range(n)]
    total = sum(raw) + 1

    def walk(values):
        values = sorted([*values, (math.inf, 1 / total)])
        mass = 0.0
        for value, share in values:
            mass += share
            if mass >= level - 1e-12:
                return value
        return math.inf

    above, below = [], []
    for k, errors in enumerate(groups):
        for e in errors:
            share = raw[k] / total / len(errors)
            above.append((predictions[k] + e, share))
            below.append((-(predictions[k] - e), share))
    return -walk(below), walk(above)


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(9, 20),
    level=st.sampled_from([0.6, 0.8]),
    decay=st.sampled_from([1.0, DECAY]),
)
def test_several_errors_a_session_are_weighted_by_session(seed, n, level, decay):
    rng = np.random.default_rng(seed)
    groups = [np.abs(rng.normal(size=rng.integers(1, 7))) for _ in range(n)]
    predictions = rng.normal(size=n)
    found = predict_interval(predictions, NonconformityScores(groups), level=level, decay=decay)
    assert found == pytest.approx(slow_hierarchical(predictions, groups, level, decay))


def test_doubling_the_errors_of_a_session_does_not_double_its_say(rng):
    groups = [np.abs(rng.normal(size=3)) for _ in range(10)]
    doubled = [np.repeat(g, 2) if k == 4 else g for k, g in enumerate(groups)]
    predictions = rng.normal(size=10)
    once = predict_interval(predictions, NonconformityScores(groups), level=0.8)
    assert predict_interval(predictions, NonconformityScores(doubled), level=0.8) == once


def test_a_higher_level_is_wider_and_a_shift_moves(rng):
    predictions, residuals = rng.normal(size=20), one_each(np.abs(rng.normal(size=20)))
    low, high = predict_interval(predictions, residuals, level=0.8)
    lower, higher = predict_interval(predictions, residuals, level=0.9)
    assert lower <= low < high <= higher
    moved = predict_interval(predictions + 3, residuals, level=0.8)
    assert moved == pytest.approx((low + 3, high + 3))


def test_late_errors_count_more_when_adaptive():
    errors = np.concatenate([np.full(10, 1.0), np.full(10, 5.0)])
    plain = predict_interval(np.zeros(20), one_each(errors), level=0.45)
    adaptive = predict_interval(np.zeros(20), one_each(errors), level=0.45, decay=0.8)
    assert plain == (-1.0, 1.0)
    assert adaptive == (-5.0, 5.0)
    early_large = predict_interval(np.zeros(20), one_each(errors[::-1]), level=0.5, decay=0.8)
    assert early_large == (-1.0, 1.0)


def test_adaptive_intervals_need_more_sessions():
    assert fewest_groups(0.8, DECAY) == 5
    assert fewest_groups(0.9, DECAY) == 13
    assert fewest_groups(0.96, DECAY) == math.inf
    with pytest.raises(ValueError, match="no number of them is enough"):
        predict_interval(np.zeros(50), one_each(np.ones(50)), level=0.96, decay=DECAY)


@pytest.mark.long
@pytest.mark.parametrize("level", [0.8, 0.9])
def test_exchangeable_cases_are_covered_as_promised(level):
    """Leave-one-out regressions of 12 cases, and a thirteenth, 600 times."""
    rng = np.random.default_rng(1)
    n, inside = 12, 0
    for _ in range(600):
        x, noise = rng.normal(size=(n + 1, 2)), rng.standard_t(4, size=n + 1)
        y = x @ [1.0, -1.0] + noise
        models = [
            LinearRegression().fit(np.delete(x[:n], k, axis=0), np.delete(y[:n], k))
            for k in range(n)
        ]
        errors = [abs(y[k] - m.predict(x[[k]])[0]) for k, m in enumerate(models)]
        new = np.array([m.predict(x[[n]])[0] for m in models])
        low, high = predict_interval(new, one_each(errors), level=level)
        inside += low <= y[n] <= high
    promised = math.ceil((n + 1) * level) / (n + 1)
    assert abs(inside / 600 - promised) < 0.05


def test_the_p_of_an_error_is_uniform(rng):
    found = [p_of_error(e[0], one_each(e[1:])) for e in np.abs(rng.normal(size=(2000, 10)))]
    assert abs(np.mean(np.array(found) <= 0.2) - 0.2) < 0.03
    assert min(found) == pytest.approx(0.1)
