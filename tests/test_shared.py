"""Nested folds from one decomposition are those of a decomposition each."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from painprint.decode.decoders import Ridge
from painprint.decode.errors import NotEnoughData
from painprint.decode.nested_ridge import share
from painprint.decode.residuals import residuals
from painprint.decode.samples import Samples

GROUPS = np.repeat(np.arange(9), [8, 6, 10, 8, 4, 8, 6, 8, 6])
N = len(GROUPS)


@pytest.fixture
def problem(rng):
    X = rng.normal(size=(N, 120)) + rng.normal(size=120)
    return X, X[:, :5].sum(axis=1) + rng.normal(size=N), np.arange(N) // 2, rng.random(N) + 1


@pytest.mark.parametrize("buffer", [0, 1])
def test_folds_are_those_of_their_own_decompositions(problem, buffer):
    X, y, unit, n_frames = problem
    samples = Samples({"edges": X @ X.T}, y, GROUPS, unit, n_frames)
    nested = Ridge().nested(samples, buffer=buffer)
    fit = share(X @ X.T, y, GROUPS, unit=unit, n_frames=n_frames, buffer=buffer)
    for k, expected in enumerate(nested.folds):
        found = fit.fold(k)
        assert found.choice.alpha == expected.choice.alpha
        assert found.choice.penalty == pytest.approx(expected.choice.penalty, rel=1e-10)
        assert_allclose(found.choice.path_score, expected.choice.path_score, atol=1e-9)
        assert_allclose(found.dual, expected.dual, rtol=1e-8, atol=1e-10)
        assert found.intercept == pytest.approx(expected.intercept, rel=1e-8)


def test_confounds_are_fitted_without_a_penalty_in_every_fold(problem, rng):
    X, y, unit, n_frames = problem
    confounds = rng.normal(size=(N, 3))
    samples = Samples({"edges": X @ X.T}, y, GROUPS, unit, n_frames, lambda train: confounds)
    nested = Ridge().nested(samples)
    fit = share(X @ X.T, y, GROUPS, unit=unit, n_frames=n_frames, confounds=confounds)
    for k, expected in enumerate(nested.folds):
        found = fit.fold(k)
        assert found.choice.alpha == expected.choice.alpha
        assert_allclose(found.choice.path_score, expected.choice.path_score, atol=1e-9)
        assert_allclose(found.dual, expected.dual, rtol=1e-8, atol=1e-10)
        train, test = np.flatnonzero(GROUPS != k), np.flatnonzero(GROUPS == k)
        K, left = residuals(X @ X.T, y, confounds, train)
        predicted = K[np.ix_(test, train)] @ found.dual[train]
        assert_allclose(predicted, nested.held_out[test], atol=1e-9)
        assert_allclose(left[test], nested.target[test])


def test_a_fold_whose_rating_does_not_vary_is_refused(problem):
    X, y, *_ = problem
    y = np.where(GROUPS == 3, y, 0.5)
    fit = share(X @ X.T, y, GROUPS)
    assert np.isfinite(fit.fold(0).dual).all()
    with pytest.raises(NotEnoughData, match="rating does not vary"):
        fit.fold(3)
