"""scikit-learn's own checks, the models of scikit-learn, and that groups stay together."""

import warnings

import numpy as np
import pytest
import sklearn
from sklearn.linear_model import Ridge
from sklearn.model_selection import (
    LeaveOneGroupOut,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.utils.estimator_checks import parametrize_with_checks

from painprint import (
    GroupsNotGiven,
    LassoPCR,
    NestedDecoder,
    NestedLassoPCR,
    NestedRidge,
    RidgeDecoder,
)
from painprint.estimators import ridge_dual

KERNELS = ("linear", "precomputed")
NESTED = (NestedRidge, NestedLassoPCR)


@parametrize_with_checks(
    [
        *(make(kernel=kernel) for make in (RidgeDecoder, LassoPCR, *NESTED) for kernel in KERNELS),
        *(NestedDecoder(decoder) for decoder in ("ridge", "lasso_pcr")),
    ]
)
@pytest.mark.filterwarnings("ignore::painprint.estimators.GroupsNotGiven")
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


@pytest.mark.parametrize("n_features", [7, 40, 200])
@pytest.mark.parametrize("alpha", [1e-2, 1.0, 1e3])
def test_ridge_is_that_of_scikit_learn(rng, n_features, alpha):
    X = 3 + rng.normal(size=(40, n_features)) * np.linspace(0.1, 5, n_features)
    y, X_new = 50 + 10 * rng.normal(size=40), rng.normal(size=(9, n_features))
    linear = RidgeDecoder(alpha).fit(X, y)
    kernel = RidgeDecoder(alpha, kernel="precomputed").fit(X @ X.T, y)
    assert linear.penalty_ == pytest.approx(alpha * X.var(axis=0).sum(), rel=1e-12)
    theirs = Ridge(alpha=linear.penalty_).fit(X, y)
    np.testing.assert_allclose(linear.coef_, theirs.coef_, rtol=0, atol=1e-9)
    np.testing.assert_allclose(X.T @ kernel.dual_coef_, theirs.coef_, rtol=0, atol=1e-9)
    assert not hasattr(kernel, "coef_")
    for ours in (linear, kernel):
        assert ours.intercept_ == pytest.approx(theirs.intercept_, rel=0, abs=1e-8)
    np.testing.assert_allclose(linear.predict(X_new), theirs.predict(X_new), rtol=0, atol=1e-8)
    predicted = kernel.predict(X_new @ X.T)
    np.testing.assert_allclose(predicted, theirs.predict(X_new), rtol=0, atol=1e-8)


def test_a_penalty_in_mean_eigenvalues_does_not_depend_on_units(problem):
    X, y, _ = problem
    ours = RidgeDecoder(0.3).fit(X, y).predict(X)
    np.testing.assert_allclose(RidgeDecoder(0.3).fit(1e4 * X, y).predict(1e4 * X), ours, rtol=1e-9)


def test_ridge_leaves_its_arguments_as_they_were(problem):
    X, y, _ = problem
    K = X @ X.T
    given = K.copy(), y.copy()
    ridge_dual(K, y, 1.0)
    np.testing.assert_array_equal(K, given[0])
    np.testing.assert_array_equal(y, given[1])


def test_a_penalty_above_all_components_predicts_the_mean(problem):
    X, y, _ = problem
    np.testing.assert_allclose(LassoPCR(1e6).fit(X, y).predict(X), y.mean())


@pytest.mark.parametrize("make", NESTED)
@pytest.mark.parametrize("kernel", KERNELS)
def test_held_out_groups_do_not_touch_their_fold(problem, rng, make, kernel):
    X, y, groups = problem
    X2, y2 = X.copy(), y.copy()
    held = groups == "c"
    X2[held], y2[held] = rng.normal(size=(8, 30)), rng.normal(size=8)
    if kernel == "precomputed":
        X, X2 = X @ X.T, X2 @ X2.T
    before = make(kernel=kernel).fit(X, y, groups=groups)
    after = make(kernel=kernel, n_jobs=2).fit(X2, y2, groups=groups)
    np.testing.assert_array_equal(before.groups_, list("abcde"))
    one, other = before.folds_[2], after.folds_[2]
    np.testing.assert_array_equal(one.dual, other.dual)
    assert (one.intercept, one.y_mean) == (other.intercept, other.y_mean)
    for name in ("penalty", "dof", "inner_score", "alpha", "path_penalty", "path_score"):
        np.testing.assert_array_equal(getattr(one.choice, name), getattr(other.choice, name))
    assert not np.array_equal(before.folds_[1].dual, after.folds_[1].dual)


@pytest.mark.parametrize(
    ("make", "decoder"), [(NestedRidge, "ridge"), (NestedLassoPCR, "lasso_pcr")]
)
def test_both_names_of_a_nested_decoder_are_one(problem, make, decoder):
    X, y, groups = problem
    ours = make().fit(X, y, groups=groups)
    same = NestedDecoder(decoder).fit(X, y, groups=groups)
    np.testing.assert_array_equal(ours.cv_predictions_, same.cv_predictions_)
    np.testing.assert_array_equal(ours.coef_, same.coef_)
    assert (ours.alpha_, ours.penalty_, ours.dof_) == (same.alpha_, same.penalty_, same.dof_)


def test_the_final_ridge_is_ridge_at_the_chosen_penalty(problem):
    X, y, groups = problem
    nested = NestedRidge().fit(X, y, groups=groups)
    plain = RidgeDecoder(nested.alpha_).fit(X, y)
    assert plain.penalty_ == pytest.approx(nested.penalty_, rel=1e-12)
    np.testing.assert_allclose(nested.coef_, plain.coef_, rtol=0, atol=1e-9)
    assert nested.intercept_ == pytest.approx(plain.intercept_, abs=1e-9)
    values = np.linalg.svd(X - X.mean(axis=0), compute_uv=False) ** 2
    assert nested.dof_ == pytest.approx((values / (values + nested.penalty_)).sum())


def test_the_final_lasso_pcr_keeps_so_many_components(problem):
    X, y, groups = problem
    nested = NestedLassoPCR().fit(X, y, groups=groups)
    assert nested.alpha_ == nested.penalty_
    assert nested.n_components_ == nested.dof_ == LassoPCR(nested.alpha_).fit(X, y).n_components_
    assert not hasattr(NestedLassoPCR(), "n_components_")


@pytest.mark.parametrize("make", NESTED)
def test_cross_validated_predictions_are_of_the_folds(problem, make):
    X, y, groups = problem
    model = make().fit(X, y, groups=groups)
    for group, fold in zip(model.groups_, model.folds_, strict=True):
        rows = groups == group
        expected = X[rows] @ (X.T @ fold.dual) + fold.intercept
        np.testing.assert_allclose(model.cv_predictions_[rows], expected, atol=1e-10)


@pytest.mark.parametrize("make", NESTED)
def test_fit_without_groups_says_what_it_does_instead(problem, make):
    X, y, _ = problem
    with pytest.warns(GroupsNotGiven, match="5 stretches of consecutive rows") as told:
        model = make().fit(X, y)
    assert told[0].filename == __file__
    given = make().fit(X, y, groups=np.arange(40) // 8)
    np.testing.assert_array_equal(model.cv_predictions_, given.cv_predictions_)


@pytest.mark.parametrize("make", NESTED)
def test_without_metadata_routing_groups_do_not_reach_fit_and_it_says_so(problem, make):
    X, y, groups = problem
    with pytest.warns(GroupsNotGiven, match="enable_metadata_routing=True"):
        cross_val_score(make(), X, y, groups=groups, cv=LeaveOneGroupOut())


@pytest.mark.parametrize("make", NESTED)
@pytest.mark.parametrize("kernel", KERNELS)
def test_with_metadata_routing_groups_reach_the_inner_folds(problem, rng, make, kernel):
    X, y, groups = problem
    order = rng.permutation(40)  # stretches of consecutive rows would be other folds
    X, y, groups = X[order], y[order], groups[order]
    if kernel == "precomputed":
        X = X @ X.T
    given = {"X": X, "y": y, "params": {"groups": groups}, "cv": LeaveOneGroupOut()}
    with sklearn.config_context(enable_metadata_routing=True), warnings.catch_warnings():
        warnings.simplefilter("error")
        model = make(kernel=kernel).set_fit_request(groups=True)
        folds = cross_validate(model, **given, return_estimator=True)["estimator"]
        predicted = cross_val_predict(model, **given)
        scores = cross_val_score(model, **given)
    by_hand, scores_by_hand = np.empty(40), []
    for group, fold in zip("abcde", folds, strict=True):
        test, train = groups == group, groups != group
        np.testing.assert_array_equal(fold.groups_, sorted(set("abcde") - {group}))
        square = kernel == "precomputed"
        one = make(kernel=kernel).fit(
            X[np.ix_(train, train)] if square else X[train], y[train], groups=groups[train]
        )
        X_test = X[np.ix_(test, train)] if square else X[test]
        by_hand[test] = one.predict(X_test)
        scores_by_hand.append(one.score(X_test, y[test]))
    np.testing.assert_allclose(predicted, by_hand, rtol=1e-12)
    np.testing.assert_allclose(scores, scores_by_hand, rtol=1e-12)
    # and the estimator alone has done it already
    nested = make(kernel=kernel).fit(X, y, groups=groups)
    np.testing.assert_allclose(nested.cv_predictions_, predicted, rtol=0, atol=1e-9)


def test_the_call_that_the_warning_recommends_works(problem):
    X, y, groups = problem
    with pytest.warns(GroupsNotGiven) as told:
        NestedRidge().fit(X, y)
    call = str(told[0].message).partition("enable_metadata_routing=True); ")[2].rstrip(".")
    with sklearn.config_context(enable_metadata_routing=True):
        assert len(eval(call, globals() | {"X": X, "y": y, "groups": groups})) == 5


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda X, y: RidgeDecoder(0.0).fit(X, y), "alpha is 0.0; it must be above 0"),
        (lambda X, y: RidgeDecoder(-1.0).fit(X, y), "above 0"),
        (lambda X, y: RidgeDecoder(np.inf).fit(X, y), "finite"),
        (lambda X, y: RidgeDecoder().fit(np.ones_like(X), y), "do not vary"),
        (lambda X, y: RidgeDecoder(1e-3, kernel="precomputed").fit(-X @ X.T, y), "do not vary"),
        (
            lambda X, y: RidgeDecoder(1e-3, kernel="precomputed").fit(50 * np.eye(40) - X @ X.T, y),
            "inner products",
        ),
        (lambda X, y: NestedDecoder("svr").fit(X, y, groups=np.arange(40) // 8), "decoder is"),
        (lambda X, y: NestedRidge().fit(X, y, groups=[0, 1] * 20), "at least 3 groups"),
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
