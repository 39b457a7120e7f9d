"""Many ratings at once give what each gives alone."""

import numpy as np
import pytest

from painprint.decode import many
from painprint.decode.crossval import nested_leave_one_out
from painprint.decode.lasso_pcr import LassoRules
from painprint.decode.many import nested_for_many

GROUPS = np.repeat(np.arange(5), 8)


def simulate(rng, n_edges):
    X = rng.normal(size=(40, n_edges))
    Y = X[:, :6] + rng.normal(size=(40, 6))
    return X @ X.T, Y


@pytest.mark.parametrize(
    ("keep", "grid", "n_edges"),
    [("positive", "training", 90), ("first", "all", 90), ("positive", "training", 15)],
)
def test_every_column_is_the_nested_fit_of_that_rating(rng, keep, grid, n_edges):
    K, Y = simulate(rng, n_edges)
    rules = LassoRules(n_edges, grid, keep)
    found = nested_for_many(K, Y, GROUPS, rules)
    for i, y in enumerate(Y.T):
        one = nested_leave_one_out(K, y, GROUPS, rules)
        np.testing.assert_allclose(found.held_out[:, i], one.held_out, rtol=1e-10)
        for k, fold in enumerate(one.folds):
            assert found.dof[k, i] == fold.choice.dof
            assert found.inner_score[k, i] == pytest.approx(fold.choice.inner_score, rel=1e-10)
            assert found.training_mean[k, i] == pytest.approx(fold.y_mean)


def test_parts_and_workers_change_nothing(rng, monkeypatch):
    K, Y = simulate(rng, 90)
    whole = nested_for_many(K, Y, GROUPS, LassoRules(90))
    steps = []
    monkeypatch.setattr(many, "MOMENTS_BYTES", 8 * 4 * 5 * 40 * 2)  # two ratings at once
    parts = nested_for_many(
        K, Y, GROUPS, LassoRules(90), n_jobs=2, on_step=lambda done, of: steps.append((done, of))
    )
    np.testing.assert_array_equal(parts.dof, whole.dof)
    np.testing.assert_allclose(parts.held_out, whole.held_out, rtol=1e-12)
    assert steps[-1] == (45, 45)


def test_too_few_groups_and_ratings_that_do_not_vary_are_errors(rng):
    K, Y = simulate(rng, 90)
    with pytest.raises(ValueError, match="at least 3 groups"):
        nested_for_many(K, Y, np.minimum(GROUPS, 1), LassoRules(90))
    Y[:, 2] = 0.5
    with pytest.raises(ValueError, match="permuted rating"):
        nested_for_many(K, Y, GROUPS, LassoRules(90))
