"""LASSO-PCR: against the definition, its optimality conditions, and scikit-learn."""

import numpy as np
import pytest
from sklearn.linear_model import Lasso, LinearRegression

from painprint.decode.lasso_pcr import (
    center_cross,
    center_gram,
    fit_components,
    grid_rank,
    penalty_grid,
)


@pytest.fixture
def problem(rng):
    X = rng.normal(size=(30, 50)) + rng.normal(size=50)
    y = X[:, :3].sum(axis=1) + rng.normal(size=30)
    return X, y


def literal(X, y, penalty, X_new):
    """The method word for word: SVD, standardised scores, LASSO, least squares."""
    mean = X.mean(axis=0)
    _, _, Vt = np.linalg.svd(X - mean, full_matrices=False)
    V = Vt[: len(X) - 1].T
    scores = (X - mean) @ V
    standard = scores / scores.std(axis=0)
    lasso = Lasso(alpha=penalty, tol=1e-12, max_iter=100_000).fit(standard, y)
    kept = np.flatnonzero(lasso.coef_)
    if not len(kept):
        return np.zeros(X.shape[1]), y.mean(), np.full(len(X_new), y.mean()), 0
    ols = LinearRegression().fit(scores[:, kept], y)
    weights = V[:, kept] @ ols.coef_
    intercept = ols.intercept_ - mean @ weights
    return weights, intercept, X_new @ weights + intercept, len(kept)


@pytest.mark.parametrize("penalty", [0.01, 0.1, 0.3, 0.6, 5.0])
def test_closed_form_equals_svd_lasso_and_least_squares(problem, rng, penalty):
    X, y = problem
    X_new = rng.normal(size=(4, 50))
    fit = fit_components(X @ X.T, y)
    n_active = int(fit.count_active(np.array([penalty]))[0])
    dual = fit.dual(n_active)
    weights, intercept, predicted, n_kept = literal(X, y, penalty, X_new)
    assert n_active == n_kept
    np.testing.assert_allclose(X.T @ dual, weights, atol=1e-10)
    np.testing.assert_allclose(fit.intercept(dual), intercept, atol=1e-10)
    path = fit.predict_path(X_new @ X.T)
    np.testing.assert_allclose(path[:, n_active], predicted, atol=1e-10)


def test_what_is_kept_meets_the_optimality_conditions_of_the_lasso(problem):
    """KKT: |gradient| = λ where the coefficient is not 0, and at most λ elsewhere."""
    X, y = problem
    fit = fit_components(X @ X.T, y)
    scores = np.sqrt(len(y)) * fit.vectors
    for penalty in (0.05, 0.2, 0.5):
        kept = fit.c > penalty
        covariance = scores.T @ (y - y.mean()) / len(y)
        beta = np.where(kept, np.sign(covariance) * (np.abs(covariance) - penalty), 0)
        gradient = scores.T @ (y - y.mean() - scores @ beta) / len(y)
        np.testing.assert_allclose(np.abs(gradient[kept]), penalty, rtol=1e-9)
        assert (np.abs(gradient[~kept]) <= penalty + 1e-12).all()


def test_centring_inner_products_is_centring_rows(problem, rng):
    X, _ = problem
    X_new = rng.normal(size=(3, 50))
    Xc = X - X.mean(axis=0)
    K = X @ X.T
    np.testing.assert_allclose(center_gram(K), Xc @ Xc.T, atol=1e-10)
    np.testing.assert_allclose(
        center_cross(X_new @ X.T, K.mean(axis=0)), (X_new - X.mean(axis=0)) @ Xc.T, atol=1e-10
    )


def test_every_entry_of_the_grid_stands_for_its_number_of_components(problem):
    X, y = problem
    fit = fit_components(X @ X.T, y)
    grid = penalty_grid(fit.c)
    assert len(fit.c) == 29 and len(grid) == 28
    assert (np.diff(grid) >= 0).all()
    counts = fit.count_active(grid)
    np.testing.assert_array_equal(counts, [grid_rank(fit.c, i) for i in range(28)])
    np.testing.assert_array_equal(counts, np.arange(28, 0, -1))


def test_with_fewer_edges_than_rows_the_paper_loses_a_component(rng):
    X, y = rng.normal(size=(30, 6)), rng.normal(size=30)
    assert len(fit_components(X @ X.T, y, keep="positive").c) == 6
    assert len(fit_components(X @ X.T, y, keep="first", n_edges=6).c) == 5


def test_components_without_variance_are_not_kept(problem):
    X, y = problem
    twice = np.concatenate([X[:10], X[:10]])
    assert len(fit_components(twice @ twice.T, y[:20]).c) == 9
