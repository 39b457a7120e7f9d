"""Ridge regression in closed form against loops that refit, and against scikit-learn."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import Ridge

from painprint.decode.errors import NotEnoughData
from painprint.decode.residuals import residuals, scale_columns
from painprint.decode.ridge import ALPHAS, Spectrum, fit_ridge, leave_groups_out

GROUPS = np.repeat(np.arange(6), [8, 6, 10, 8, 4, 8])
N = len(GROUPS)


@pytest.fixture
def rows(rng):
    X = rng.normal(size=(N, 90)) + rng.normal(size=90)
    return X, X[:, :5].sum(axis=1) + rng.normal(size=N)


def refit(X, y, penalty, train, test):
    """The definition: fit on the training rows, predict the others."""
    model = Ridge(alpha=penalty, solver="svd").fit(X[train], y[train])
    return model.predict(X[test])


def penalty_of(X, alpha):
    centred = X - X.mean(axis=0)
    return alpha * np.trace(centred @ centred.T) / len(X)


def test_weights_are_those_of_scikit_learn(rows):
    X, y = rows
    fit = fit_ridge(X @ X.T, y[:, None], leave_groups_out(GROUPS))
    expected = Ridge(alpha=penalty_of(X, fit.alpha[0]), solver="svd").fit(X, y)
    dual = fit.dual()[:, 0]
    assert_allclose(X.T @ dual, expected.coef_, rtol=0, atol=1e-11)
    intercept = fit.y_mean[0] - (X @ X.T).mean(axis=0) @ dual
    assert intercept == pytest.approx(expected.intercept_, abs=1e-11)
    new = X[:3] + 1
    assert_allclose(fit.predict(new @ X.T)[:, 0], expected.predict(new), atol=1e-10)
    assert dual.sum() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("n_features", [90, 12])
def test_errors_of_groups_left_out_are_those_of_refitting(rows, n_features):
    X, y = rows[0][:, :n_features], rows[1]
    fit = fit_ridge(X @ X.T, y[:, None], leave_groups_out(GROUPS))
    for alpha, found in zip(ALPHAS, fit.squared_error[:, 0], strict=True):
        penalty, expected = penalty_of(X, alpha), 0.0
        for g in range(6):
            train, test = np.flatnonzero(GROUPS != g), np.flatnonzero(GROUPS == g)
            expected += ((y[test] - refit(X, y, penalty, train, test)) ** 2).sum()
        assert found == pytest.approx(expected, rel=1e-10)


def test_neighbours_of_a_buffer_do_not_train(rows):
    X, y = rows
    fit = fit_ridge(X @ X.T, y[:, None], leave_groups_out(GROUPS, buffer=1))
    penalty, expected = penalty_of(X, ALPHAS[4]), 0.0
    for g in range(6):
        train, test = np.flatnonzero(np.abs(GROUPS - g) > 1), np.flatnonzero(GROUPS == g)
        expected += ((y[test] - refit(X, y, penalty, train, test)) ** 2).sum()
    assert fit.squared_error[4, 0] == pytest.approx(expected, rel=1e-10)


def test_errors_of_a_unit_are_averaged_before_they_are_squared(rows, rng):
    X, y = rows
    unit, n_frames = np.arange(N) // 2, rng.integers(20, 40, N).astype(float)
    left_out = leave_groups_out(GROUPS, unit=unit, n_frames=n_frames)
    fit = fit_ridge(X @ X.T, y[:, None], left_out)
    errors = np.empty(N)
    for g in range(6):
        train, test = np.flatnonzero(GROUPS != g), np.flatnonzero(GROUPS == g)
        errors[test] = y[test] - refit(X, y, penalty_of(X, ALPHAS[6]), train, test)
    expected = sum(
        np.average(errors[unit == u], weights=n_frames[unit == u]) ** 2 for u in range(N // 2)
    )
    assert fit.squared_error[6, 0] == pytest.approx(expected, rel=1e-10)


def test_confounds_are_fitted_anew_whenever_a_group_is_left_out(rows, rng):
    X, y = rows
    confounds = rng.normal(size=(N, 2))
    everything = np.arange(N)
    K, left = residuals(X @ X.T, y, confounds, everything)
    C = np.column_stack([np.ones(N), scale_columns(confounds, everything)])
    fit = fit_ridge(K, left[:, None], leave_groups_out(GROUPS), confounds=C)
    penalty, expected = ALPHAS[5] * np.trace(K) / N, 0.0
    for g in range(6):
        train, test = np.flatnonzero(GROUPS != g), np.flatnonzero(GROUPS == g)
        H = np.linalg.pinv(C[train])
        X_left, y_left = X - C @ (H @ X[train]), y - C @ (H @ y[train])
        model = Ridge(alpha=penalty, fit_intercept=False, solver="svd")
        model.fit(X_left[train], y_left[train])
        expected += ((y_left[test] - model.predict(X_left[test])) ** 2).sum()
    assert fit.squared_error[5, 0] == pytest.approx(expected, rel=1e-9)


def test_many_ratings_are_fitted_as_each_alone(rows, rng):
    X, y = rows
    Y = np.column_stack([y, rng.permutation(y), rng.normal(size=N)])
    left_out = leave_groups_out(GROUPS)
    together = fit_ridge(X @ X.T, Y, left_out)
    for i in range(3):
        alone = fit_ridge(X @ X.T, Y[:, [i]], left_out)
        assert together.chosen[i] == alone.chosen[0]
        assert_allclose(together.squared_error[:, i], alone.squared_error[:, 0], rtol=1e-10)
        assert_allclose(together.dual()[:, i], alone.dual()[:, 0], rtol=1e-9, atol=1e-12)


def test_of_equal_errors_the_largest_penalty_is_chosen(rows):
    X, y = rows
    fit = fit_ridge(X @ X.T, y[:, None], leave_groups_out(GROUPS), alphas=np.array([1.0, 1.0]))
    assert fit.chosen[0] == 1


def test_inner_skill_compares_with_the_mean_of_the_other_groups(rows):
    X, y = rows
    fit = fit_ridge(X @ X.T, y[:, None], leave_groups_out(GROUPS))
    reference = sum(((y[GROUPS == g] - y[GROUPS != g].mean()) ** 2).sum() for g in range(6))
    best = fit.squared_error.min()
    assert fit.inner_skill[0] == pytest.approx(1 - best / reference, rel=1e-10)


def test_a_confound_of_one_group_alone_does_no_harm(rows):
    X, y = rows
    only = (GROUPS == 2).astype(float)[:, None]
    K, left = residuals(X @ X.T, y, only, np.arange(N))
    C = np.column_stack([np.ones(N), scale_columns(only, np.arange(N))])
    fit = fit_ridge(K, left[:, None], leave_groups_out(GROUPS), confounds=C)
    assert np.isfinite(fit.squared_error).all()


def test_signals_or_ratings_that_do_not_vary_are_refused(rows):
    X, y = rows
    with pytest.raises(NotEnoughData, match="rating does not vary"):
        fit_ridge(X @ X.T, np.ones((N, 1)), leave_groups_out(GROUPS))
    with pytest.raises(NotEnoughData, match="signals do not vary"):
        Spectrum.of(np.ones((N, N)))


def test_many_ratings_have_the_errors_of_each_alone(rng):
    """Whichever is multiplied first: with a unit of several rows, and with each row a unit."""
    X, Y = rng.normal(size=(N, 120)), rng.normal(size=(N, 40))
    for unit in (np.arange(N) // 3, np.arange(N)):
        left_out = leave_groups_out(GROUPS, unit=unit)
        together = fit_ridge(X @ X.T, Y, left_out).squared_error
        for column, y in zip(together.T, Y.T, strict=True):
            alone = fit_ridge(X @ X.T, y[:, None], left_out).squared_error[:, 0]
            assert_allclose(column, alone, rtol=1e-10)
