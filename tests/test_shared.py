"""Nested folds from one decomposition are those of a decomposition each."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from painprint.decode.chebyshev import ACCURACY, ChebyshevPoints
from painprint.decode.decoders import Ridge
from painprint.decode.errors import NotEnoughData
from painprint.decode.nested_ridge import share
from painprint.decode.residuals import residuals
from painprint.decode.ridge import ALPHAS
from painprint.decode.samples import RowsToPredict, Samples

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
    fit = share(samples, buffer=buffer).prepare()
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
    fit = share(samples, confounds=confounds).prepare()
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
    fit = share(Samples({"edges": X @ X.T}, y, GROUPS)).prepare()
    assert np.isfinite(fit.fold(0).dual).all()
    with pytest.raises(NotEnoughData, match="rating does not vary"):
        fit.fold(3)


def test_a_fold_may_leave_out_any_groups(problem):
    X, y, unit, n_frames = problem
    samples = Samples({"edges": X @ X.T}, y, GROUPS, unit, n_frames)
    sets = [np.flatnonzero(np.isin(GROUPS, groups)) for groups in ([1], [0, 4], [2, 3, 8])]
    fit = share(samples).leaving_out(sets).prepare()
    for i, out in enumerate(sets):
        train = np.setdiff1d(np.arange(N), out)
        expected, found = Ridge().fit(samples.take(train)), fit.fold(i)
        assert found.choice.alpha == expected.choice.alpha
        assert found.choice.dof == pytest.approx(expected.choice.dof, rel=1e-8)
        assert_allclose(found.choice.path_score, expected.choice.path_score, atol=1e-8)
        assert_allclose(found.dual[train], expected.dual, rtol=1e-8, atol=1e-10)
        assert (found.dual[out] == 0).all()
        assert found.intercept == pytest.approx(expected.intercept, rel=1e-8)


def test_many_ratings_are_fitted_as_each_alone(problem, rng, monkeypatch):
    X, y, unit, n_frames = problem
    K, Y = X @ X.T, np.column_stack([y, rng.permuted(np.tile(y, (6, 1)), axis=1).T])
    samples = Samples({"edges": K}, y, GROUPS, unit, n_frames)
    tested = RowsToPredict({"edges": K[::2]}, GROUPS[::2])
    monkeypatch.setattr("painprint.decode.decoders.FEWEST_GROUPS_TO_SHARE", 3)
    n_points = len(ChebyshevPoints.between(ALPHAS[0], ALPHAS[-1]).penalty)
    monkeypatch.setattr("painprint.decode.nested_ridge.POINTS_BYTES", 3 * 8 * n_points * N)
    monkeypatch.setattr("painprint.decode.nested_ridge.RESIDUAL_BYTES", 2 * 8 * 17 * N)
    found = Ridge().nested_for_many(samples, Y, tested)
    for i, ratings in enumerate(Y.T):
        expected = Ridge().nested(replace(samples, y=ratings))
        assert_allclose(found.held_out[:, i], expected.held_out[::2], atol=1e-9)
        for k, fold in enumerate(expected.folds):
            assert found.training_mean[k, i] == pytest.approx(fold.y_mean)
            assert found.dof[k, i] == pytest.approx(fold.choice.dof, rel=1e-8)
            assert found.inner_score[k, i] == pytest.approx(fold.choice.inner_score, abs=1e-8)


def test_shrinkage_is_interpolated_almost_to_the_rounding_error():
    points = ChebyshevPoints.between(ALPHAS[0], 2 * ALPHAS[-1])
    values = np.append(np.geomspace(1e-8, 1e8, 300), 0)

    def shrinkage(penalty):
        return values / (values + penalty[:, None])

    penalty = np.append(np.geomspace(ALPHAS[0], 2 * ALPHAS[-1], 200), points.penalty[3])
    found = points.weights(penalty) @ shrinkage(points.penalty)
    assert_allclose(found, shrinkage(penalty), atol=ACCURACY)
    assert (points.weights(np.array([np.inf])) == 0).all()


@pytest.mark.parametrize("buffer", [0, 1])
def test_folds_of_many_rows_share_the_choice_of_their_penalty(problem, monkeypatch, buffer):
    X, y, unit, n_frames = problem
    samples = Samples({"edges": X @ X.T}, y, GROUPS, unit, n_frames)
    expected = Ridge().nested(samples, buffer=buffer)
    monkeypatch.setattr("painprint.decode.decoders.MOST_ROWS", N - 1)
    found = Ridge().nested(samples, buffer=buffer, n_jobs=2)
    assert_allclose(found.held_out, expected.held_out, atol=1e-10)
    assert_allclose(found.final.dual, expected.final.dual)
    for one, other in zip(found.folds, expected.folds, strict=True):
        assert one.choice.alpha == other.choice.alpha
        assert_allclose(one.choice.path_penalty, other.choice.path_penalty)
        assert_allclose(one.choice.path_score, other.choice.path_score, atol=1e-9)
        assert one.choice.dof == pytest.approx(other.choice.dof, rel=1e-8)
        assert_allclose(one.dual, other.dual, rtol=1e-8, atol=1e-12)
        assert one.intercept == pytest.approx(other.intercept, rel=1e-9)


def test_a_model_of_many_rows_is_its_training_rows_alone_to_the_last_bit(problem, monkeypatch):
    X, y, unit, n_frames = problem
    monkeypatch.setattr("painprint.decode.decoders.MOST_ROWS", N - 1)
    held_out = GROUPS == 4
    changed = X + np.where(held_out, 3.0, 0)[:, None] * np.roll(X, 1, axis=0)
    folds = []
    for signals, rating in ((X, y), (changed, y + held_out * 5)):
        K = X @ X.T
        K[held_out] = (signals @ signals.T)[held_out]
        K[:, held_out] = K[held_out].T
        folds.append(Ridge().nested(Samples({"edges": K}, rating, GROUPS, unit, n_frames)).folds[4])
    assert folds[0].choice.penalty == folds[1].choice.penalty
    assert (folds[0].dual == folds[1].dual).all()
    assert folds[0].intercept == folds[1].intercept
