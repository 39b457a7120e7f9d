"""Permutation test of conditional independence: definition, invariants, null, power, an oracle."""

import numpy as np
import pytest
from scipy.signal import lfilter

from painprint.stats.conditional import (
    COEFFICIENTS,
    _fit,
    _precision,
    circular_orders,
    conditional_independence,
)


def a_process(n, phi, rng):
    """An AR(1) process of unit variance."""
    noise = rng.normal(size=n + 60) * np.sqrt(1 - phi**2)
    return lfilter([1], [1, -phi], noise)[60:]


def a_person(seed, *, phi=0.5, n_blocks=20, n=10, carried=0.0, related=0.6):
    """Rating, prediction and confound in blocks; the prediction depends on the confound by
    ``carried``."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(n_blocks):
        rating = a_process(n, phi, rng)
        confound = related * rating + np.sqrt(1 - related**2) * a_process(n, phi, rng)
        predicted = 0.5 * rating + a_process(n, phi, rng) + carried * confound
        rows.append(np.column_stack([rating, predicted, confound]))
    rating, predicted, confound = np.concatenate(rows).T
    return rating, predicted, confound, np.repeat(np.arange(n_blocks), n)


def p_partial(seed, **options):
    rating, predicted, confound, block = a_person(seed, **options)
    rng = np.random.default_rng(seed)
    return conditional_independence(confound, predicted, rating, block, n=300, rng=rng).p


class TestDefinition:
    def test_orders_are_all_shifts_forwards_and_backwards(self):
        found = {tuple(order) for order in circular_orders(4)}
        assert found == {
            tuple(np.roll(one, shift)) for one in ([0, 1, 2, 3], [3, 2, 1, 0]) for shift in range(4)
        }
        assert circular_orders(4)[0].tolist() == [0, 1, 2, 3]
        assert len(circular_orders(2)) == 2

    @pytest.mark.parametrize("phi", [-0.4, 0.0, 0.7])
    def test_precision_is_that_of_the_process_without_its_level(self, phi):
        n = 6
        covariance = phi ** np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
        inverse = np.linalg.inv(covariance)
        level = np.linalg.inv(covariance + 1e9 * np.ones((n, n)))  # a level of any size
        precision, log_determinant = _precision(n, phi)
        np.testing.assert_allclose(precision, level, atol=1e-6)
        expected = -np.linalg.slogdet(covariance)[1] - np.log(inverse.sum())
        assert log_determinant == pytest.approx(expected)

    def test_draws_follow_the_likelihood_of_the_orders(self, rng):
        """One block: frequencies of p's draws against weights by the loop that defines them."""
        rating, predicted, confound, block = a_person(3, n_blocks=30, n=4, related=0.8)
        x, z = (values - np.repeat(values.reshape(30, 4).mean(axis=1), 4)
                for values in (confound, rating))  # fmt: skip
        powers = np.column_stack([(z / z.std()) ** k for k in (1, 2, 3)])
        powers -= np.repeat(powers.reshape(30, 4, 3).mean(axis=1), 4, axis=0)
        blocks = np.split(np.arange(120), 30)
        mean, precisions = _fit(x, powers, blocks)
        left = predicted - np.repeat(predicted.reshape(30, 4).mean(axis=1), 4)
        left = left - powers @ np.linalg.lstsq(powers, left, rcond=None)[0]
        statistics, n = [], 600
        for _ in range(n):
            total = 0.0
            for rows, precision in zip(blocks, precisions, strict=True):
                weights = []
                for order in circular_orders(4):
                    off = x[rows][order] - mean[rows]
                    weights.append(np.exp(-0.5 * off @ precision @ off))
                order = circular_orders(4)[rng.choice(8, p=weights / np.sum(weights))]
                total += x[rows][order] @ left[rows]
            statistics.append(abs(total))
        observed = abs(sum(x[rows] @ left[rows] for rows in blocks))
        expected = (1 + np.sum(np.array(statistics) >= observed)) / (1 + n)
        found = conditional_independence(confound, predicted, rating, block, n=n, rng=rng).p
        assert found == pytest.approx(expected, abs=0.08)  # three standard errors

    def test_the_fit_finds_slope_and_autocorrelation(self):
        rating, _, confound, block = a_person(1, phi=0.6, n_blocks=60, n=20, related=0.6)
        centred = [v - np.repeat(v.reshape(60, 20).mean(axis=1), 20) for v in (confound, rating)]
        mean, precisions = _fit(centred[0], centred[1][:, None], np.split(np.arange(1200), 60))
        assert mean / centred[1] == pytest.approx(0.6, abs=0.06)
        best = min(COEFFICIENTS, key=lambda phi: abs(_ratio(_precision(20, phi)[0]) -
                                                     _ratio(precisions[0])))  # fmt: skip
        assert best == pytest.approx(0.6, abs=0.1)


def _ratio(precision):
    return precision[5, 6] / precision[5, 5]


class TestInvariants:
    def test_levels_of_blocks_and_units_are_of_no_account(self, rng):
        rating, predicted, confound, block = a_person(5)
        one = conditional_independence(confound, predicted, rating, block, n=200, rng=_rng())
        levels = rng.normal(size=(3, 20))[:, block] * 10
        other = conditional_independence(
            -7 * confound + levels[0], 3 * predicted + levels[1], 2 * rating + levels[2], block,
            n=200, rng=_rng(),
        )  # fmt: skip
        assert one.p == other.p and one.partial_r == pytest.approx(-other.partial_r)

    def test_what_does_not_vary_or_has_too_few_orders_is_not_tested(self):
        rating, predicted, confound, block = a_person(5)
        constant = block.astype(float)
        for of in ((constant, predicted, rating), (confound, constant, rating),
                   (confound, predicted, constant)):  # fmt: skip
            assert conditional_independence(*of, block, n=9, rng=_rng()) is None
        few = conditional_independence(
            confound[:6], predicted[:6], rating[:6], block[:6], n=9, rng=_rng()
        )
        alone = conditional_independence(
            confound, predicted, rating, np.arange(len(rating)), n=9, rng=_rng()
        )
        assert few is None and alone is None


def _rng():
    return np.random.default_rng(0)


@pytest.mark.long
@pytest.mark.parametrize("phi", [0.0, 0.7])
def test_under_the_null_p_is_uniform_although_confound_and_rating_are_related(phi):
    p = np.array([p_partial([seed, int(10 * phi)], phi=phi) for seed in range(200)])
    assert 0.01 <= (p < 0.05).mean() <= 0.09 and 0.4 < p.mean() < 0.6


@pytest.mark.long
def test_a_prediction_that_the_confound_carries_is_found():
    assert np.mean([p_partial(seed, carried=0.7) < 0.05 for seed in range(30)]) > 0.8


@pytest.mark.long
@pytest.mark.needs("mlconfound")
def test_without_autocorrelation_p_is_that_of_mlconfound():
    from mlconfound.stats import partial_confound_test

    ours, theirs = [], []
    for seed in range(24):
        options = {"phi": 0.0, "n_blocks": 15, "n": 10, "carried": 0.25 * (seed % 3)}
        rating, predicted, confound, _ = a_person(seed, **options)
        left = predicted - np.polyval(np.polyfit(rating, predicted, 3), rating)
        result = partial_confound_test(
            rating, left, confound, num_perms=200, cond_dist_method="linear",
            random_state=seed, progress=False, n_jobs=1,
        )  # fmt: skip
        theirs.append(result.p)
        ours.append(p_partial(seed, **options))
    assert np.corrcoef(ours, theirs)[0, 1] > 0.8
    rejected = np.less([ours, theirs], 0.05)
    assert (rejected[0] == rejected[1]).mean() > 0.85 and rejected[1].sum() >= 12
