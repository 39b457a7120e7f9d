"""scikit-learn's own checks, and that groups stay together."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from painprint import LassoPCR, NestedLassoPCR


@parametrize_with_checks(
    [
        LassoPCR(),
        LassoPCR(kernel="precomputed"),
        NestedLassoPCR(),
        NestedLassoPCR(kernel="precomputed"),
    ]
)
def test_estimators_keep_the_contract_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.fixture
def problem(rng):
    X = rng.normal(size=(40, 30))
    return X, X[:, 0] + 0.1 * rng.normal(size=40), np.repeat(list("abcde"), 8)


@pytest.mark.parametrize("alpha", [0.0, 0.05, 0.3, 9.0])
def test_inner_products_and_features_give_the_same_model(problem, alpha):
    X, y, _ = problem
    linear = LassoPCR(alpha).fit(X, y)
    kernel = LassoPCR(alpha, kernel="precomputed").fit(X @ X.T, y)
    np.testing.assert_allclose(linear.predict(X), kernel.predict(X @ X.T), atol=1e-10)
    assert linear.n_components_ == kernel.n_components_


def test_a_penalty_above_all_components_predicts_the_mean(problem):
    X, y, _ = problem
    np.testing.assert_allclose(LassoPCR(1e6).fit(X, y).predict(X), y.mean())


def test_held_out_groups_do_not_touch_their_fold(problem, rng):
    X, y, groups = problem
    before = NestedLassoPCR().fit(X, y, groups=groups)
    X2, y2 = X.copy(), y.copy()
    held = groups == "c"
    X2[held], y2[held] = rng.normal(size=(8, 30)), rng.normal(size=8)
    after = NestedLassoPCR(n_jobs=2).fit(X2, y2, groups=groups)
    np.testing.assert_allclose(before.folds_[2].dual, after.folds_[2].dual, rtol=1e-9, atol=1e-12)
    assert before.folds_[2].penalty == pytest.approx(after.folds_[2].penalty, rel=1e-12)
    np.testing.assert_array_equal(before.groups_, list("abcde"))


def test_cross_validated_predictions_are_of_the_folds(problem):
    X, y, groups = problem
    model = NestedLassoPCR().fit(X, y, groups=groups)
    for group, fold in zip(model.groups_, model.folds_, strict=True):
        rows = groups == group
        expected = X[rows] @ (X.T @ fold.dual) + fold.intercept
        np.testing.assert_allclose(model.cv_predictions_[rows], expected, atol=1e-10)


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda X, y: LassoPCR(-1.0).fit(X, y), "alpha"),
        (lambda X, y: LassoPCR(kernel="rbf").fit(X, y), "kernel"),
        (lambda X, y: LassoPCR(kernel="precomputed").fit(X, y), "square"),
        (lambda X, y: NestedLassoPCR().fit(X, y, groups=[1, 2]), "groups have shape"),
        (lambda X, y: NestedLassoPCR().fit(X, y, groups=[0, 1] * 20), "at least 3 groups"),
    ],
)
def test_wrong_use_is_refused_by_name(problem, make, word):
    with pytest.raises(ValueError, match=word):
        make(*problem[:2])
