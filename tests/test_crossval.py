"""Nested leave-one-group-out against slow loops."""

import numpy as np
import pytest

from painprint.decode.crossval import first_maximum, nested_leave_one_out
from painprint.decode.lasso_pcr import LassoRules, fit_components, penalty_grid
from painprint.stats.correlation import correlate_columns


@pytest.fixture
def problem(rng):
    groups = np.repeat([0, 1, 2, 3, 4], [6, 4, 5, 7, 6])
    X = rng.normal(size=(len(groups), 40))
    y = X[:, :4].sum(axis=1) + rng.normal(size=len(groups)) + groups * 0.3
    return X, y, groups


def slow_fold(X, y, groups, k, grid_of):
    """One outer fold, word for word, with features instead of inner products."""
    train = groups != k
    grid = grid_of(k)
    inner = np.full((len(y), len(grid)), np.nan)
    for j in set(groups[train]):
        rest = train & (groups != j)
        fit = fit_components(X[rest] @ X[rest].T, y[rest])
        for i, penalty in enumerate(grid):
            n_active = int((fit.c > penalty).sum())
            dual = fit.dual(n_active)
            inner[groups == j, i] = X[groups == j] @ (X[rest].T @ dual) + fit.intercept(dual)
    r = [np.corrcoef(inner[train, i], y[train])[0, 1] for i in range(len(grid))]
    best = int(np.nanargmax(r))
    fit = fit_components(X[train] @ X[train].T, y[train])
    dual = fit.dual(int((fit.c > grid[best]).sum()))
    weights, intercept = X[train].T @ dual, fit.intercept(dual)
    return np.array(r), grid[best], X[groups == k] @ weights + intercept


@pytest.mark.parametrize("grid", ["training", "all"])
def test_nested_cross_validation_equals_the_loops(problem, grid):
    X, y, groups = problem

    def grid_of(k):
        rows = groups != k if grid == "training" else slice(None)
        return penalty_grid(fit_components(X[rows] @ X[rows].T, y[rows]).c)

    nested = nested_leave_one_out(X @ X.T, y, groups, LassoRules(40, grid))
    for k, model in enumerate(nested.folds):
        r, penalty, predicted = slow_fold(X, y, groups, k, grid_of)
        np.testing.assert_allclose(model.choice.path_score, r, atol=1e-9)
        assert model.choice.penalty == pytest.approx(penalty, rel=1e-12)
        np.testing.assert_allclose(nested.held_out[groups == k], predicted, atol=1e-9)
        assert (model.dual[groups == k] == 0).all()


def test_the_final_model_has_the_penalty_with_the_best_held_out_r(problem):
    X, y, groups = problem
    nested = nested_leave_one_out(X @ X.T, y, groups, LassoRules(40))
    final = nested.final
    assert final.choice.inner_score == np.nanmax(final.choice.path_score)
    assert final.choice.inner_score == pytest.approx(np.corrcoef(nested.held_out_at_final, y)[0, 1])


def test_changing_the_held_out_group_changes_nothing_trained_for_its_fold(problem, rng):
    X, y, groups = problem
    before = nested_leave_one_out(X @ X.T, y, groups, LassoRules(40)).folds[2]
    X2, y2 = X.copy(), y.copy()
    X2[groups == 2] = rng.normal(size=(5, 40))
    y2[groups == 2] = rng.normal(size=5)
    K, K2 = X @ X.T, X2 @ X2.T
    train = np.flatnonzero(groups != 2)
    K2[np.ix_(train, train)] = K[np.ix_(train, train)]
    after = nested_leave_one_out(K2, y2, groups, LassoRules(40)).folds[2]
    np.testing.assert_array_equal(before.dual, after.dual)
    for name in ("path_penalty", "path_score"):
        np.testing.assert_array_equal(getattr(before.choice, name), getattr(after.choice, name))
    assert (before.choice.penalty, before.intercept) == (after.choice.penalty, after.intercept)


def test_steps_are_told_to_whoever_listens(problem):
    X, y, groups = problem
    told = []
    nested_leave_one_out(
        X @ X.T, y, groups, LassoRules(40), on_step=lambda *step: told.append(step)
    )
    assert told == [(i, 16) for i in range(1, 17)]  # 1 full, 5 outer, 10 inner


def test_fewer_than_three_groups_is_an_error_that_says_so(problem):
    X, y, groups = problem
    with pytest.raises(ValueError, match="at least 3 groups, but there are 2"):
        nested_leave_one_out(X @ X.T, y, np.minimum(groups, 1), LassoRules(40))


def test_a_rating_that_never_varies_is_an_error_that_says_so(problem):
    X, _, groups = problem
    with pytest.raises(ValueError, match="do not vary"):
        nested_leave_one_out(X @ X.T, np.ones(len(groups)), groups, LassoRules(40))


def test_rows_that_vary_in_one_direction_are_refused(rng):
    x = rng.normal(size=12)
    with pytest.raises(ValueError, match=r"1 feature\(s\) only"):
        nested_leave_one_out(np.outer(x, x), x, np.repeat([0, 1, 2], 4), LassoRules(1))


def test_equal_columns_have_correlations_equal_to_the_last_bit(rng):
    column, y = rng.normal(size=(97, 1)), rng.normal(size=97)
    many = np.concatenate([rng.normal(size=(97, 5)), np.repeat(column, 23, axis=1)], axis=1)
    assert len(set(correlate_columns(many, y[:, None])[5:])) == 1


def test_the_first_of_several_maxima_wins_and_nan_never_does():
    assert first_maximum(np.array([np.nan, 0.2, 0.5, 0.5])) == 2
