"""Resampling by counts gives what resampling rows would."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from painprint.stats.bootstrap import (
    FISHER_Z,
    LOG_RATIO,
    block_draw,
    bootstrap,
    hierarchical_draw,
    inflation,
    interval,
    remembered,
    t_inflated,
    weighted_auc,
    weighted_line,
    weighted_mean,
    weighted_skill,
)
from painprint.stats.correlation import weighted_r

GROUP = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2])
RUN = np.array([0, 0, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4])


def slow_hierarchical(rng):
    """Sessions, then runs of each, then bins of each, drawn one at a time."""
    counts = np.zeros(len(GROUP))
    groups = np.unique(GROUP)
    for g in rng.choice(groups, size=len(groups)):
        runs = np.unique(RUN[GROUP == g])
        for r in rng.choice(runs, size=len(runs)):
            rows = np.flatnonzero(RUN == r)
            for row in rng.choice(rows, size=len(rows)):
                counts[row] += 1
    return counts


def test_nested_multinomial_counts_are_hierarchical_resampling(rng):
    fast = hierarchical_draw(GROUP, RUN)(20_000, rng)
    slow = np.array([slow_hierarchical(rng) for _ in range(20_000)])
    np.testing.assert_allclose(fast.mean(axis=0), slow.mean(axis=0), atol=0.06)
    np.testing.assert_allclose(np.cov(fast.T), np.cov(slow.T), atol=0.15)


def test_blocks_keep_neighbouring_sessions_and_all_their_rows(rng):
    group = np.repeat(np.arange(9), 2)
    counts = block_draw(group)(500, rng)
    np.testing.assert_array_equal(counts[:, ::2], counts[:, 1::2])
    assert (counts.sum(axis=1) == 18).all()
    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=0.2)  # the ends as often as any
    pairs = counts[:, ::2] @ counts[:, ::2].T
    assert pairs.max() > 9  # some resamples repeat whole blocks


def test_resamples_of_few_blocks_are_widened_around_the_estimate(rng):
    factors = [inflation(n) for n in (10, 28, 100, 100_000)]
    assert factors == sorted(factors, reverse=True)
    assert factors[0] > 2 and factors[-1] == pytest.approx(1, abs=0.01)
    values = np.tanh(0.3 + 0.05 * rng.normal(size=4000))
    found = np.arctanh(t_inflated(values, np.tanh(0.3), 28, FISHER_Z))
    assert found.mean() == pytest.approx(0.3, abs=0.01)
    assert found.std() == pytest.approx(0.05 * inflation(28), rel=0.05)
    assert np.abs(t_inflated(np.array([-1.0, 0.0, 1.0]), 0.5, 3, FISHER_Z)).max() <= 1
    assert t_inflated(np.array([-3.0, 0.2, 1.0]), 0.1, 10, LOG_RATIO).max() <= 1
    np.testing.assert_allclose(t_inflated(values, np.tanh(0.3), 10**9, FISHER_Z), values, rtol=1e-3)


def test_remembered_draws_are_the_draws_of_the_same_stream(rng):
    draw = remembered(hierarchical_draw(GROUP, RUN))
    for seed in (1, 2, 1):
        direct, again = np.random.default_rng(seed), np.random.default_rng(seed)
        for n in (7, 7, 3):
            expected = hierarchical_draw(GROUP, RUN)(n, direct)
            np.testing.assert_array_equal(draw(n, again), expected)
        assert again.random() == direct.random()


def test_weighted_statistics_are_statistics_of_repeated_rows(rng):
    x, y = rng.normal(size=12), rng.normal(size=12)
    x[3] = x[7]
    high = y > 0
    counts = hierarchical_draw(GROUP, RUN)(50, rng)
    for row, r, auc, skill, mean in zip(
        counts,
        weighted_r(counts, x, y),
        weighted_auc(counts, high, x),
        weighted_skill(counts, x**2, y**2),
        weighted_mean(counts, x),
        strict=True,
    ):
        again = np.repeat(np.arange(12), row.astype(int))
        assert skill == pytest.approx(1 - (x[again] ** 2).sum() / (y[again] ** 2).sum())
        assert mean == pytest.approx(x[again].mean())
        if len(set(high[again])) == 2:
            assert auc == pytest.approx(roc_auc_score(high[again], x[again]))
            assert r == pytest.approx(np.corrcoef(x[again], y[again])[0, 1])
        else:
            assert np.isnan(auc)


def slow_line(x, y):
    """Slope and intercept of least squares, from sums over rows."""
    x_mean, y_mean = sum(x) / len(x), sum(y) / len(y)
    above = sum((a - x_mean) * (b - y_mean) for a, b in zip(x, y, strict=True))
    slope = above / sum((a - x_mean) ** 2 for a in x)
    return slope, y_mean - slope * x_mean


def test_weighted_lines_are_lines_through_repeated_rows(rng):
    x, y = rng.normal(5, 1, size=12), rng.normal(-3, 2, size=12)
    counts = hierarchical_draw(GROUP, RUN)(50, rng)
    for row, slope, intercept in zip(counts, *weighted_line(counts, x, y), strict=True):
        again = np.repeat(np.arange(12), row.astype(int))
        assert (slope, intercept) == pytest.approx(slow_line(x[again], y[again]), rel=1e-10)
    of_groups = block_draw(np.unique(GROUP))(50, rng)
    np.testing.assert_allclose(
        weighted_line(of_groups, x, y, GROUP), weighted_line(of_groups[:, GROUP], x, y), rtol=1e-10
    )


def test_what_does_not_vary_has_no_line(rng):
    x, y = np.array([0.1, 0.1, 0.1, 2.0]), rng.normal(size=4)
    counts = np.array([[2.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
    for values in weighted_line(counts, x, y):
        assert np.isnan(values[0]) and np.isfinite(values[1])


def test_interval_takes_order_statistics_and_counts_for_p():
    values = np.arange(1.0, 10_001.0)
    found = interval(values, null=100.0)
    assert (found.low, found.high) == (250.0, 9750.0)
    assert found.p == pytest.approx(2 * 101 / 10_001)
    assert interval(values, null=-1.0).p == pytest.approx(2 / 10_001)


def test_undefined_resamples_are_drawn_again(rng):
    group = np.arange(4)
    x = np.array([0.0, 0.0, 0.0, 1.0])
    drawn = bootstrap(
        {"r": lambda counts: weighted_r(counts, x, x)},
        hierarchical_draw(group, group),
        n_rows=4,
        n_draws=300,
        rng=rng,
    )
    np.testing.assert_allclose(drawn["r"], 1)
    assert len(drawn["r"]) == 300


def test_a_statistic_that_is_never_defined_is_an_error(rng):
    with pytest.raises(ValueError, match="bootstrap samples"):
        bootstrap(
            {"r": lambda counts: np.full(len(counts), np.nan)},
            block_draw(np.arange(4)),
            n_rows=4,
            n_draws=100,
            rng=rng,
        )
