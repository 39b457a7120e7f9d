"""Confounds partialled out of inner products are those partialled out of edges."""

import numpy as np
import pytest

from painprint.decode.crossval import nested_leave_one_out
from painprint.decode.lasso_pcr import LassoRules
from painprint.decode.residuals import predict_from_confounds, residuals

TRAIN = np.arange(20)


@pytest.fixture
def rows(rng):
    return rng.normal(size=(30, 50)), rng.normal(size=30), rng.normal(size=(30, 2))


def slowly(X, y, C):
    """Least squares on the training rows, edge by edge, taken away from all rows."""
    design = np.column_stack([np.ones(len(y)), C])

    def left(values):
        b, *_ = np.linalg.lstsq(design[TRAIN], values[TRAIN], rcond=None)
        return values - design @ b

    return np.stack([left(column) for column in X.T], axis=1), left(y)


def test_inner_products_are_those_of_residual_edges(rows):
    X, y, C = rows
    K, residual_y = residuals(X @ X.T, y, C, TRAIN)
    slow_X, slow_y = slowly(X, y, C)
    np.testing.assert_allclose(K, slow_X @ slow_X.T, atol=1e-10)
    np.testing.assert_allclose(residual_y, slow_y, atol=1e-12)


def test_units_and_columns_that_do_not_vary_do_not_matter(rows):
    X, y, C = rows
    scaled = np.column_stack([C * [1e6, 1e-6] + [3, 4], np.full(30, 7.0)])
    for found, expected in zip(
        residuals(X @ X.T, y, scaled, TRAIN), residuals(X @ X.T, y, C, TRAIN), strict=True
    ):
        np.testing.assert_allclose(found, expected, atol=1e-8)


def test_coefficients_come_from_training_rows_alone(rows, rng):
    X, y, C = rows
    K, residual_y = residuals(X @ X.T, y, C, TRAIN)
    test = np.arange(20, 30)
    X2, y2, C2 = X.copy(), y.copy(), C.copy()
    X2[test], y2[test], C2[test] = rng.normal(size=(10, 50)), 9.0, 5.0
    K2, changed_y = residuals(X2 @ X2.T, y2, C2, TRAIN)
    np.testing.assert_array_equal(changed_y[TRAIN], residual_y[TRAIN])
    np.testing.assert_allclose(K2[:20, :20], K[:20, :20], atol=1e-12)


def test_a_nested_fit_is_adjusted_in_every_fold(rows):
    X, y, C = rows
    groups = np.repeat(np.arange(5), 6)
    fit = nested_leave_one_out(
        X @ X.T, y, groups, LassoRules(50), adjust=lambda K, y, train: residuals(K, y, C, train)
    )
    for k, fold in enumerate(fit.folds):
        train, test = np.flatnonzero(groups != k), np.flatnonzero(groups == k)
        design = np.column_stack([np.ones(30), C])
        b, *_ = np.linalg.lstsq(design[train], np.column_stack([X, y])[train], rcond=None)
        left = np.column_stack([X, y]) - design @ b
        weights = fold.dual[train] @ left[train, :-1]
        predicted = left[test, :-1] @ weights + fold.intercept
        np.testing.assert_allclose(fit.held_out[test], predicted, atol=1e-9)
        np.testing.assert_allclose(fit.target[test], left[test, -1], atol=1e-10)


def test_a_rating_that_follows_a_confound_has_nothing_left(rows):
    X, _, C = rows
    _, left = residuals(X @ X.T, 2 * C[:, 0] - C[:, 1] + 3, C, TRAIN)
    np.testing.assert_allclose(left, 0, atol=1e-10)


def test_prediction_from_confounds_is_least_squares(rows):
    _, y, C = rows
    test = np.arange(20, 30)
    design = np.column_stack([np.ones(30), C])
    b, *_ = np.linalg.lstsq(design[TRAIN], y[TRAIN], rcond=None)
    found = predict_from_confounds(C, y, TRAIN, test)
    np.testing.assert_allclose(found, design[test] @ b, atol=1e-10)
