"""Other methods see the same rows as the main decoding, and nothing of what is left out."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import simulate_runs
from scipy.stats import pearsonr
from sklearn.linear_model import Lasso, LinearRegression, Ridge

from painprint import Run, Settings, decode_runs
from painprint.bins import Bins
from painprint.decode.crossval import NotEnoughData, correlate_columns
from painprint.explain import baselines, bin_features, rival_methods
from painprint.explain.baselines import (
    OURS,
    Rows,
    baseline_comparison,
    fold_without,
    kernels_of_folds,
    paired_difference,
    predict_by_methods,
)
from painprint.explain.bin_features import connectivity, edges, tangent_vectors
from painprint.explain.case import Case
from painprint.explain.rival_methods import CPM_THRESHOLDS, METHODS, Fold, cpm_path, ridge_path

SETTINGS = Settings(n_bootstraps=100)
BY_NAME = {method.name: method for method in METHODS}


@pytest.fixture(scope="module")
def runs():
    return simulate_runs(np.random.default_rng(20260101), n_sessions=6, n_runs=1)


@pytest.fixture(scope="module")
def case(runs):
    return Case(decode_runs(runs, SETTINGS))


@pytest.fixture(scope="module")
def finding(case):
    return baseline_comparison(case)


def at(finding, scale="1min"):
    table = finding.tables["baselines"]
    return table[table["scale"] == scale].set_index("method")


def with_ratings(kernel, group, change):
    """The kernel with the ratings of a group changed."""

    def changed(bins):
        mine = kernel.codes[bins.run] == group
        return replace(bins, rating=np.where(mine, change(bins.rating), bins.rating))

    return replace(kernel, bins={kind: changed(bins) for kind, bins in kernel.bins.items()})


def test_every_method_stands_beside_the_main_decoding(case, finding):
    table = at(finding)
    assert list(table.index) == [OURS, *BY_NAME]
    assert finding.not_done == ()
    scores = case.decoding.scales["1min"]
    ours = table.loc[OURS]
    assert ours["r"] == pytest.approx(scores.r)
    assert ours["centred_r"] == pytest.approx(scores.centred_r)
    assert ours["skill"] == pytest.approx(scores.skill)
    assert ours["mae"] == pytest.approx(scores.mae)
    assert ours.filter(regex="^d_").isna().all()
    assert len(finding.tables["baselines"]) == 4 * len(table)


def test_planted_edges_are_found_by_methods_that_look_at_edges(finding):
    table = at(finding)
    for name in ("ridge", "linear SVR", "CPM", "LASSO without PCA"):
        assert table.loc[name, "centred_r"] > 0.5, name
    assert table.loc["region activity", "centred_r"] < 0.4


def test_the_training_mean_has_no_skill_and_no_r(finding):
    mean = at(finding).loc["training mean"]
    assert mean["skill"] == 0
    assert np.isnan(mean["r"]) and np.isnan(mean["centred_r"])
    assert np.isnan(mean["d_centred_r"])
    assert mean["d_skill"] == pytest.approx(at(finding).loc[OURS, "skill"])


def test_numbers_tell_the_best_method_and_what_is_beaten(finding):
    numbers, table = finding.numbers, at(finding).drop(OURS)
    assert numbers["n_methods"] == len(METHODS)
    ridge = numbers["methods"]["ridge"]
    assert ridge["centred_r"] == table.loc["ridge", "centred_r"]
    assert ridge["said"] == "ridge regression on edges (scikit-learn)"
    ridge = table.loc["ridge"]
    assert numbers["methods"]["ridge"]["d_skill"] == [
        ridge["d_skill"],
        ridge["d_skill_low"],
        ridge["d_skill_high"],
    ]
    assert numbers["methods"]["training mean"]["centred_r"] is None


@pytest.mark.parametrize("name", BY_NAME)
def test_ratings_of_the_group_left_out_change_nothing(case, name):
    method, kernel = BY_NAME[name], case.kernels[0]
    changed = with_ratings(kernel, 2, lambda y: 1 - 3 * y[::-1])
    found = [
        method.predict(method.represent(k, 1), fold_without(k, 2, fewest_frames=5))
        for k in (kernel, changed)
    ]
    np.testing.assert_array_equal(*found)


def test_a_fold_knows_the_ratings_of_training_rows_only(case):
    kernel = case.kernels[0]
    fold = fold_without(kernel, 1)
    known = np.flatnonzero(np.isfinite(fold.y))
    np.testing.assert_array_equal(known, fold.train)
    groups = np.concatenate([kernel.groups(kind) for kind in kernel.bins])
    assert set(groups[fold.train]) == {0, 2, 3, 4, 5} and set(groups[fold.test]) == {1}
    # 5 inner folds of 5 groups: a group each
    assert all(len(set(groups[fold.train[fold.inner == i]])) == 1 for i in range(5))


def test_the_tangent_reference_ignores_the_group_left_out(runs, case, rng):
    other = [
        r
        if r.session != "03"
        else Run(
            rng.normal(size=r.signals.shape), r.rating, r.tr_s, "03", "rating", "1", r.censored
        )
        for r in runs
    ]
    vectors = []
    for kernel in (case.kernels[0], Case(decode_runs(other, SETTINGS)).kernels[0]):
        covariances = connectivity(kernel, 1, kind="covariance")
        train = fold_without(kernel, 2, fewest_frames=5).train
        vectors.append(tangent_vectors(covariances[train], covariances[train]))
    np.testing.assert_array_equal(*vectors)


def test_ridge_is_that_of_explicit_edges(case):
    kernel = case.kernels[0]
    X, fold, alphas = edges(kernel, 1), fold_without(kernel, 0), np.array([0.01, 1.0])
    y = fold.y[fold.train]
    found = ridge_path(kernel.K, y, fold.train, fold.test, alphas)
    for column, alpha in zip(found.T, alphas, strict=True):
        expected = Ridge(alpha=alpha).fit(X[fold.train], y).predict(X[fold.test])
        np.testing.assert_allclose(column, expected, rtol=1e-8)


def test_support_vectors_do_not_depend_on_the_unit_of_the_rating(case):
    kernel, method = case.kernels[0], BY_NAME["linear SVR"]
    fold = fold_without(kernel, 0)
    in_percent = replace(fold, y=100 * fold.y)
    np.testing.assert_allclose(
        method.predict(kernel.K, in_percent), 100 * method.predict(kernel.K, fold), rtol=1e-6
    )


def test_cpm_sums_edges_below_the_threshold_in_a_loop(rng):
    X, y = rng.normal(size=(60, 40)), rng.normal(size=60)
    X[:, :4] += y[:, None] * [0.5, 1.0, -0.5, -1.0]
    train, test = np.arange(50), np.arange(50, 60)
    found = cpm_path(X, y[train], train, test)
    for column, threshold in zip(found.T, CPM_THRESHOLDS, strict=True):
        sums = np.zeros((60, 2))
        for edge in range(40):
            r, p = pearsonr(X[train, edge], y[train])
            if p < threshold:
                sums[:, int(r < 0)] += X[:, edge]
        expected = LinearRegression().fit(sums[train], y[train]).predict(sums[test])
        np.testing.assert_allclose(column, expected, rtol=1e-8)


def test_cpm_without_any_edge_predicts_the_training_mean():
    y = np.tile([0.0, 1.0], 10)
    X = np.repeat(np.random.default_rng(0).normal(size=(10, 3)), 2, axis=0)  # r is 0
    found = cpm_path(X, y[:16], np.arange(16), np.arange(16, 20))
    np.testing.assert_allclose(found, 0.5, rtol=1e-12)


def test_cpm_in_blocks_of_edges_is_cpm(rng, monkeypatch):
    X, y, rows = rng.normal(size=(40, 50)), rng.normal(size=40), np.arange(40)
    whole = cpm_path(X, y[:30], rows[:30], rows[30:])
    monkeypatch.setattr(rival_methods, "CPM_EDGES_AT_ONCE", 7)
    np.testing.assert_allclose(cpm_path(X, y[:30], rows[:30], rows[30:]), whole, rtol=1e-8)


def test_lasso_chooses_its_penalty_in_inner_folds(case):
    kernel = case.kernels[0]
    X, fold = edges(kernel, 1), fold_without(kernel, 0)
    found = BY_NAME["LASSO without PCA"].predict(X, fold)
    train, y = X[fold.train], fold.y[fold.train]
    largest = np.abs((train - train.mean(axis=0)).T @ (y - y.mean())).max() / len(y)
    pooled = np.empty((len(y), 30))
    alphas = largest * np.geomspace(1, 0.03, 30)
    for i in range(5):
        inner = fold.inner != i
        for a, alpha in enumerate(alphas):
            model = Lasso(alpha, tol=1e-8, max_iter=100_000).fit(train[inner], y[inner])
            pooled[~inner, a] = model.predict(train[~inner])
    best = alphas[np.argmax(correlate_columns(pooled, y))]
    expected = Lasso(best, tol=1e-8, max_iter=100_000).fit(train, y).predict(X[fold.test])
    np.testing.assert_allclose(found, expected, atol=5e-3)  # of a path that stops early


def test_the_same_predictions_differ_by_exactly_nothing(rng):
    y, group = rng.normal(size=60), np.repeat(np.arange(12), 5)
    ours = Rows(y, y + rng.normal(size=60), np.full(60, 0.1), group)
    same = paired_difference(ours, ours.predicted, n_bootstraps=200, rng=rng)
    assert same == {"centred_r": (0, 0, 0), "skill": (0, 0, 0)}


def test_a_worse_method_is_told_from_a_better_one(rng):
    y, group = rng.normal(size=200), np.repeat(np.arange(20), 10)
    ours = Rows(y, y + 0.5 * rng.normal(size=200), np.zeros(200), group)
    worse = 0.3 * rng.normal(size=200)
    found = paired_difference(ours, worse, n_bootstraps=500, rng=rng)
    for estimate, low, high in found.values():
        assert 0.3 < low < estimate < high


def test_few_blocks_give_no_interval(rng):
    y, group = rng.normal(size=40), np.repeat(np.arange(4), 10)
    ours = Rows(y, y + rng.normal(size=40), np.zeros(40), group)
    found = paired_difference(ours, rng.normal(size=40), n_bootstraps=100, rng=rng)
    for estimate, low, high in found.values():
        assert np.isfinite(estimate) and np.isnan(low) and np.isnan(high)


def test_the_number_of_workers_changes_nothing(case, finding):
    again = baseline_comparison(replace(case, n_jobs=2))
    assert again.tables["baselines"].equals(finding.tables["baselines"])


def test_a_method_does_not_depend_on_the_others(case, finding, monkeypatch):
    monkeypatch.setattr(baselines, "METHODS", (BY_NAME["linear SVR"],))
    alone = at(baseline_comparison(case)).loc["linear SVR"]
    assert alone.equals(at(finding).loc["linear SVR"])


def test_methods_that_would_take_too_long_are_named(case, monkeypatch):
    monkeypatch.setattr(bin_features, "MOST_REGIONS_OF_MATRICES", 7)
    monkeypatch.setattr(bin_features, "MOST_EDGES_OF_LASSO", 27)
    monkeypatch.setattr(bin_features, "MOST_BYTES_OF_EDGES", 1000.0)
    steps = []
    finding = baseline_comparison(case, on_step=lambda *step: steps.append(step))
    assert list(at(finding).index) == [
        OURS,
        "training mean",
        "ridge",
        "linear SVR",
        "region activity",
    ]
    said = "\n".join(finding.not_done)
    for name in ("correlation", "partial correlation", "tangent"):
        assert f"No baseline {name}: with 8 regions, more than 7" in said
    assert "No baseline CPM: " in said and "GB, and at most" in said
    assert "No baseline LASSO without PCA: with 28 edges, more than 27" in said
    # 4 methods of 6 folds; the others in one step each
    assert steps == [(i, 54) for i in (*range(1, 19), 24, 30, *range(31, 37), 42, 48, 54)]


def test_more_than_100_regions_have_no_matrices(rng):
    runs = simulate_runs(rng, n_sessions=3, n_runs=1, n_regions=101, n_frames=150)
    finding = baseline_comparison(Case(decode_runs(runs, SETTINGS)))
    assert [line.split(":")[0] for line in finding.not_done] == [
        "No baseline correlation",
        "No baseline partial correlation",
        "No baseline tangent",
    ]


def test_three_sessions_are_enough(rng):
    case = Case(decode_runs(simulate_runs(rng, n_sessions=3), SETTINGS))
    assert set(fold_without(case.kernels[0], 0).inner) == {0, 1}
    finding = baseline_comparison(case)
    assert len(at(finding)) == 1 + len(METHODS) and finding.not_done == ()
    assert at(finding).filter(regex="low|high").isna().all(axis=None)
    assert np.isfinite(at(finding).loc["ridge", "d_skill"])


def test_a_fold_takes_the_lag_that_its_model_chose(runs):
    case = Case(decode_runs(runs, Settings(n_bootstraps=100, lag_s=(0.0, 6.0))))
    assert set(case.decoding.training.lag_of_run) == {1}
    training = replace(case.decoding.training, lag_of_run=np.array([0, 1, 1, 1, 1, 1]))
    mixed = replace(case, decoding=replace(case.decoding, training=training))
    kernels, lag = kernels_of_folds(mixed)
    assert [k.frames[0].counts["n_beyond_end"] for k in kernels] == [0, 6]
    ridge = BY_NAME["ridge"]
    found, not_done = predict_by_methods(kernels, lag, [ridge])
    for kernel, group in ((kernels[0], 0), (kernels[1], 5)):
        fold = fold_without(kernel, group)
        rows = fold.test - len(kernel.bins["rating"])
        np.testing.assert_array_equal(found["ridge"][rows], ridge.predict(kernel.K, fold))
    assert not_done == []


def test_runs_with_other_time_bins_at_another_lag_are_compared_on_the_rows_predicted():
    # about 333 s at the first lag (6 bins of a minute), and 327 s (5) at the second
    runs = simulate_runs(np.random.default_rng(20260101), n_sessions=6, n_runs=1, n_frames=370)
    case = Case(decode_runs(runs, Settings(n_bootstraps=100, lag_s=(0.0, 6.0))))
    minutes = case.decoding.predictions.query("scale == '1min'")
    assert len(minutes) != len(case.kernels[0].bins["1min"])
    kernels, lag = kernels_of_folds(case)
    for i, group in enumerate(minutes["group"]):
        assert kernels[lag[group]].y("1min")[i] == minutes["rating"].iloc[i]
    finding = baseline_comparison(case)
    assert finding.not_done == ()
    for scale in ("1min", "2min", "run", "session"):
        table = at(finding, scale)
        assert list(table.index) == [OURS, *BY_NAME]
        assert np.isfinite(table[["r", "skill", "mae"]].drop("training mean")).all(axis=None)
        assert np.isfinite(table.filter(like="d_skill").drop(OURS)).all(axis=None)
        assert table.loc["training mean", "skill"] == pytest.approx(0, abs=1e-12)
        expected = case.decoding.scales[scale].skill
        assert table.loc[OURS, "skill"] == pytest.approx(expected)
    centred = at(finding).filter(like="centred_r").drop([OURS, "training mean"])
    assert np.isfinite(centred).all(axis=None)


def test_a_method_without_enough_data_is_named_and_the_others_are_done(case):
    def refuse(seen, fold: Fold):
        raise NotEnoughData("too little.")

    methods = (replace(BY_NAME["ridge"], predict=refuse), BY_NAME["training mean"])
    predicted, not_done = predict_by_methods(*kernels_of_folds(case), methods)
    assert list(predicted) == ["training mean"]
    assert not_done == ["No baseline ridge: too little."]


def test_bins_with_few_frames_do_not_train_for_matrices(case):
    kernel = case.kernels[0]
    rating = kernel.bins["rating"]
    frames = (rating.frames[0][:2], *rating.frames[1:])
    short = replace(kernel, bins={**kernel.bins, "rating": with_frames(rating, frames)})
    assert not connectivity(short, 1, kind="correlation")[0].any()
    assert 0 in fold_without(short, 1).train
    assert 0 not in fold_without(short, 1, fewest_frames=5).train
    minute = kernel.bins["1min"]
    frames = (minute.frames[0][:2], *minute.frames[1:])
    short = replace(kernel, bins={**kernel.bins, "1min": with_frames(minute, frames)})
    with pytest.raises(NotEnoughData, match="a time bin has 2 frames"):
        fold_without(short, 0, fewest_frames=5)


def with_frames(bins, frames) -> Bins:
    return replace(bins, frames=frames)


def test_ratings_that_do_not_vary_are_not_enough(case):
    kernel = case.kernels[0]
    fold = fold_without(kernel, 0)
    flat = replace(fold, y=np.where(np.isnan(fold.y), np.nan, 0.5))
    for name in ("ridge", "linear SVR", "CPM", "LASSO without PCA", "region activity"):
        method = BY_NAME[name]
        with pytest.raises(NotEnoughData):
            method.predict(method.represent(kernel, 1), flat)


def test_one_training_group_is_not_enough(case):
    with pytest.raises(NotEnoughData, match="at least 2 groups that train"):
        fold_without(case.kernels[0].of_groups([0, 1]), 0)
