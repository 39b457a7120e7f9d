"""Other methods see the same rows as the main decoding, and nothing of what is left out."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import simulate_runs
from nilearn.connectome import ConnectivityMeasure
from scipy.linalg import logm
from scipy.stats import pearsonr
from sklearn.covariance import LedoitWolf, ledoit_wolf
from sklearn.linear_model import Lasso, LinearRegression, Ridge

from painprint import Run, Settings, decode_runs
from painprint.bins import Bins
from painprint.decode.errors import NotEnoughData
from painprint.decode.lasso_pcr import center_gram
from painprint.decode.ridge import ALPHAS
from painprint.evidence import bin_features
from painprint.evidence import comparison as baselines
from painprint.evidence import comparison_models as rival_methods
from painprint.evidence.bin_features import (
    correlations,
    edges,
    log_covariance,
    matrix_products,
    partial_correlations,
)
from painprint.evidence.case import Case
from painprint.evidence.comparison import (
    OURS,
    Rows,
    baseline_comparison,
    bin_grams_of_folds,
    fold_without,
    paired_difference,
    predict_by_methods,
)
from painprint.evidence.comparison_models import (
    CPM_THRESHOLDS,
    EDGES,
    Fold,
    comparison_models,
    cpm_path,
    ridge,
)

SETTINGS = Settings(n_bootstraps=100)
METHODS = comparison_models(SETTINGS)
BY_NAME = {method.name: method for method in METHODS}
PUBLISHED = {"decoder": "lasso_pcr", "train_bins": "rating"}


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


def with_ratings(bin_gram, group, change):
    """The bin_gram with the ratings of a group changed, those of its frames too."""

    def changed(bins):
        mine = bin_gram.group_index[bins.run] == group
        return replace(bins, rating=np.where(mine, change(bins.rating), bins.rating))

    return replace(
        bin_gram,
        bins={kind: changed(bins) for kind, bins in bin_gram.bins.items()},
        frames=[
            replace(one, rating=change(one.rating)) if code == group else one
            for one, code in zip(bin_gram.frames, bin_gram.group_index, strict=True)
        ],
    )


def with_noise_in(runs, session, rng):
    """The runs with other signals and ratings in a session."""
    return [
        run
        if run.session != session
        else Run(
            rng.normal(size=run.signals.shape),
            rng.normal(size=len(run.rating)),
            run.tr_s,
            *(session, "rating", run.run, run.censored),
        )
        for run in runs
    ]


def refitted(X, y, train, test, alpha):
    """Ridge regression by scikit-learn, its penalty in units of the mean eigenvalue."""
    unit = center_gram(X[train] @ X[train].T).diagonal().mean()
    return Ridge(alpha * unit).fit(X[train], y[train]).predict(X[test])


def minute_error(fold, bin_gram, predicted, rows):
    """Sum over minutes of the squared mean error, a loop."""
    total = 0.0
    for minute in np.unique(bin_gram.minute[rows]):
        mine = bin_gram.minute[rows] == minute
        n_frames = [len(bin_gram.bins["train"].frames[row]) for row in rows[mine]]
        total += np.average((fold.y[rows] - predicted)[mine], weights=n_frames) ** 2
    return total


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


def test_planted_edges_are_found_by_methods_that_measure_run_edges(finding):
    table = at(finding)
    for name in ("LASSO-PCR", "linear SVR", "CPM", "LASSO", "tangent"):
        assert table.loc[name, "centred_r"] > 0.5, name
    assert table.loc["region activity", "centred_r"] < 0.4


def test_the_training_mean_has_no_skill_and_no_r(finding):
    mean = at(finding).loc["training mean"]
    assert mean["skill"] == pytest.approx(0, abs=1e-12)
    assert np.isnan(mean["r"]) and np.isnan(mean["centred_r"])
    assert np.isnan(mean["d_centred_r"])
    assert mean["d_skill"] == pytest.approx(at(finding).loc[OURS, "skill"])


def test_numbers_tell_the_best_method_and_what_is_beaten(finding):
    numbers, table = finding.numbers, at(finding).drop(OURS)
    assert numbers["n_methods"] == len(METHODS)
    svr, row = numbers["methods"]["linear SVR"], table.loc["linear SVR"]
    assert svr["centred_r"] == row["centred_r"]
    assert svr["said"] == "linear support vector regression on edges (scikit-learn)"
    assert svr["d_skill"] == [row["d_skill"], row["d_skill_low"], row["d_skill_high"]]
    assert numbers["methods"]["training mean"]["centred_r"] is None


@pytest.mark.parametrize("name", BY_NAME)
def test_ratings_of_the_group_left_out_change_nothing(case, name):
    method, bin_gram = BY_NAME[name], case.bin_grams[0]
    changed = with_ratings(bin_gram, 2, lambda y: 1 - 3 * y[::-1])
    found = [
        method.predict(method.represent(k, 1), fold_without(k, 2, fewest_frames=5))
        for k in (bin_gram, changed)
    ]
    np.testing.assert_array_equal(*found)


def test_a_fold_knows_the_ratings_of_training_rows_only(case):
    bin_gram = case.bin_grams[0]
    fold = fold_without(bin_gram, 1)
    known = np.flatnonzero(np.isfinite(fold.y))
    np.testing.assert_array_equal(known, fold.train)
    groups = np.concatenate([bin_gram.groups(kind) for kind in bin_gram.bins])
    assert set(groups[fold.train]) == {0, 2, 3, 4, 5} and set(groups[fold.test]) == {1}
    # 5 inner folds of 5 groups: a group each
    assert [len(set(fold.groups[part.rows])) for part in fold.inner] == [1] * 5
    assert [len(set(fold.groups[part.rows])) for part in fold.left_out] == [1] * 5


@pytest.mark.parametrize("name", [n for n in BY_NAME if n not in ("training mean", "LASSO-PCR")])
def test_what_is_trained_for_a_fold_ignores_all_of_the_group_left_out(runs, case, rng, name):
    method, found = BY_NAME[name], []
    for bin_gram in (
        case.bin_grams[0],
        Case(decode_runs(with_noise_in(runs, "03", rng), SETTINGS)).bin_grams[0],
    ):
        fold = fold_without(bin_gram, 2, fewest_frames=method.fewest_frames)
        probe = replace(
            fold, test=bin_gram.rows("1min").start + np.arange(10)
        )  # of sessions 1 and 2
        found.append(method.predict(method.represent(bin_gram, 1), probe))
    np.testing.assert_array_equal(*found)


def test_lasso_pcr_is_the_published_learner_on_the_same_folds(runs, case, finding):
    published = decode_runs(runs, replace(SETTINGS, **PUBLISHED))
    predicted, _ = predict_by_methods(*bin_grams_of_folds(case), [BY_NAME["LASSO-PCR"]])
    expected = published.predictions.query("scale in ('1min', '2min')")["predicted"]
    np.testing.assert_allclose(predicted["LASSO-PCR"], expected, rtol=1e-8)
    row, scores = at(finding).loc["LASSO-PCR"], published.scales["1min"]
    # skill is not: all rows of the table refer to the main decoding's training mean
    for statistic in ("r", "centred_r", "mae"):
        assert row[statistic] == pytest.approx(getattr(scores, statistic), rel=1e-7)


@pytest.mark.parametrize("chosen", [{"decoder": "lasso_pcr"}, PUBLISHED, {"preset": "paper"}])
def test_beside_lasso_pcr_stands_our_ridge_on_the_same_rows(runs, chosen):
    settings = replace(SETTINGS, **chosen)
    main = Case(decode_runs(runs, settings))
    names = [method.name for method in comparison_models(settings)]
    assert "LASSO-PCR" not in names and names[1] == "ridge"
    if settings.preset == "paper":  # our ridge does not leak
        return
    predicted, _ = predict_by_methods(*bin_grams_of_folds(main), [EDGES])
    ours = decode_runs(runs, replace(settings, decoder="ridge")).predictions
    expected = ours.query("scale in ('1min', '2min')")["predicted"]
    np.testing.assert_allclose(predicted["ridge"], expected, rtol=1e-8)


@pytest.mark.parametrize(
    ("features", "there", "absent"),
    [("edges", "region activity", "ridge"), ("activity", "ridge", "region activity")],
)
def test_the_main_decoding_is_not_compared_with_itself(features, there, absent):
    names = [m.name for m in comparison_models(replace(SETTINGS, features=features))]
    assert there in names and absent not in names
    both = [m.name for m in comparison_models(replace(SETTINGS, features="both"))]
    assert there in both and absent in both


def test_edges_are_compared_where_activity_alone_is_decoded(runs, case, finding):
    main = Case(decode_runs(runs, replace(SETTINGS, features="activity")))
    assert "edges" not in main.bin_grams[0].products
    table = at(baseline_comparison(main))
    assert list(table.index) == [
        *(OURS, "training mean", "LASSO-PCR", "ridge", "linear SVR", "CPM", "LASSO"),
        *("correlation", "partial correlation", "tangent"),
    ]
    others = table.index.drop([OURS, "ridge"])
    columns = ["r", "skill", "mae"]
    np.testing.assert_allclose(table.loc[others, columns], at(finding).loc[others, columns])
    # ridge regression on edges is what stands as the main decoding elsewhere
    np.testing.assert_allclose(
        table.loc["ridge", columns].astype(float), at(finding).loc[OURS, columns].astype(float)
    )


def test_there_is_no_second_gram_matrix(runs, case):
    kernels, lag = bin_grams_of_folds(case)
    assert kernels[0] is case.bin_grams[0] and not lag.any()
    several = Case(decode_runs(runs, replace(SETTINGS, lag_s=(6.0, 0.0))))
    kernels, _ = bin_grams_of_folds(several)
    assert all(any(k is own for own in several.bin_grams) for k in kernels)


@pytest.mark.parametrize("name", ["region activity", "tangent"])
def test_the_penalty_in_closed_form_is_that_of_refitting_in_a_loop(case, name):
    bin_gram, method = case.bin_grams[0], BY_NAME[name]
    K, fold = method.represent(bin_gram, 1), fold_without(bin_gram, 0)
    values, vectors = np.linalg.eigh(K)
    X = vectors * np.sqrt(np.maximum(values, 0))  # rows whose inner products are K
    errors = []
    for alpha in ALPHAS:
        error = 0.0
        unit = center_gram(K[np.ix_(fold.train, fold.train)]).diagonal().mean()
        for group in np.unique(fold.groups):
            stays, out = fold.train[fold.groups != group], fold.train[fold.groups == group]
            model = Ridge(alpha * unit).fit(X[stays], fold.y[stays])
            error += minute_error(fold, bin_gram, model.predict(X[out]), out)
        errors.append(error)
    best = ALPHAS[int(np.argmin(errors))]
    expected = refitted(X, fold.y, fold.train, fold.test, best)
    np.testing.assert_allclose(method.predict(K, fold), expected, rtol=1e-6)


def test_candidates_are_chosen_by_the_squared_error_of_minutes(case):
    bin_gram = case.bin_grams[0]
    fold = fold_without(bin_gram, 0)
    half = np.zeros(len(fold.y))
    half[bin_gram.rows("train")] = np.arange(len(bin_gram.bins["train"])) % 2

    def path(train, test):
        y = np.where(np.isnan(fold.y[test]), 0.5, fold.y[test])
        far_in_rows = y + 10 * (2 * half[test] - 1)  # errors of halves cancel over minutes
        correlated = 3 * y  # r is 1
        near = y + 0.05
        # the last one is nearest where errors of a minute are averaged
        return np.stack([correlated, near, far_in_rows], axis=1)

    whole = replace(fold, unit=fold.train)
    chosen = path(fold.train, fold.test)
    np.testing.assert_array_equal(whole.best_of(path), chosen[:, 1])
    equal = replace(fold, n_frames=np.ones(len(fold.train)))
    np.testing.assert_array_equal(equal.best_of(path), chosen[:, 2])


def test_the_first_of_equal_candidates_is_chosen(case):
    fold = fold_without(case.bin_grams[0], 0)

    def path(train, test):
        return np.tile([0.7, 0.5, 0.5], (len(test), 1)) + 1e-3 * (len(train) == len(fold.train))

    assert set(replace(fold, y=fold.y - fold.y[fold.train].mean() + 0.5).best_of(path)) == {0.501}


def test_log_covariances_are_matrix_logarithms(rng):
    A, B = (rng.normal(size=(n, 6)) @ rng.normal(size=(6, 6)) for n in (60, 5))
    log_a, log_b = (logm(ledoit_wolf(frames)[0]) for frames in (A, B))
    a, b = log_covariance(A), log_covariance(B)
    assert a @ b == pytest.approx(np.trace(log_a @ log_b), rel=1e-9)
    assert a @ a == pytest.approx(np.sum(log_a**2), rel=1e-9)


def test_the_log_euclidean_kernel_is_that_of_matrix_logarithms(case):
    bin_gram = case.bin_grams[0]
    logs = np.array(
        [
            logm(ledoit_wolf(bin_gram.frames[r].signals[frames])[0])
            for bins in bin_gram.bins.values()
            for r, frames in zip(bins.run, bins.frames, strict=True)
        ]
    )
    expected = np.einsum("aij,bij->ab", logs, logs)
    found = matrix_products(bin_gram, 1, vector=log_covariance)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_correlations_are_those_of_nilearn(rng):
    frames = rng.normal(size=(60, 5)) @ rng.normal(size=(5, 5)) + 3
    for vector, kind in (
        (correlations, "correlation"),
        (partial_correlations, "partial correlation"),
    ):
        measure = ConnectivityMeasure(LedoitWolf(), kind=kind)
        expected = measure.fit_transform([frames])[0][np.triu_indices(5, 1)]
        np.testing.assert_allclose(vector(frames), expected, rtol=1e-6)


def test_a_bin_with_fewer_frames_than_regions_has_matrices(rng):
    frames = rng.normal(size=(8, 30))
    for vector in (correlations, partial_correlations, log_covariance):
        assert np.isfinite(vector(frames)).all()
        with pytest.raises(NotEnoughData, match="do not vary"):
            vector(np.ones((8, 30)))


def test_features_in_single_precision_and_in_blocks_change_nothing(case, monkeypatch):
    bin_gram = case.bin_grams[0]
    X = edges(bin_gram, 1)
    assert X.dtype == np.float32
    np.testing.assert_allclose(X.astype(float) @ X.T, bin_gram.edges, rtol=1e-5, atol=1e-5)
    K = matrix_products(bin_gram, 1, vector=correlations)
    monkeypatch.setattr(bin_features, "FEATURES_AT_ONCE", 5)
    monkeypatch.setattr(bin_features, "BINS_AT_ONCE", 7)
    again = matrix_products(bin_gram, 2, vector=correlations)
    np.testing.assert_allclose(again, K, rtol=1e-12, atol=1e-12)


def test_support_vectors_do_not_depend_on_the_unit_of_the_rating(case):
    bin_gram, method = case.bin_grams[0], BY_NAME["linear SVR"]
    fold = fold_without(bin_gram, 0)
    in_percent = replace(fold, y=100 * fold.y)
    np.testing.assert_allclose(
        method.predict(bin_gram.edges, in_percent),
        100 * method.predict(bin_gram.edges, fold),
        rtol=1e-6,
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
    bin_gram = case.bin_grams[0]
    X, fold = edges(bin_gram, 1).astype(float), fold_without(bin_gram, 0)
    found = BY_NAME["LASSO"].predict(X, fold)
    train, y = X[fold.train], fold.y[fold.train]
    largest = np.abs((train - train.mean(axis=0)).T @ (y - y.mean())).max() / len(y)
    alphas, errors = largest * np.geomspace(1, 0.03, 30), np.zeros(30)
    for part in fold.inner:
        inner = np.ones(len(y), bool)
        inner[part.rows] = False
        for a, alpha in enumerate(alphas):
            model = Lasso(alpha, tol=1e-8, max_iter=100_000).fit(train[inner], y[inner])
            rows = fold.train[~inner]
            errors[a] += minute_error(fold, bin_gram, model.predict(train[~inner]), rows)
    best = alphas[np.argmin(errors)]
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
    monkeypatch.setattr(baselines, "comparison_models", lambda _: (BY_NAME["linear SVR"],))
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
        "LASSO-PCR",
        "linear SVR",
        "region activity",
    ]
    said = "\n".join(finding.not_done)
    for name in ("correlation", "partial correlation", "tangent"):
        assert f"No comparison model {name}: with 8 regions, more than 7" in said
    assert "No comparison model CPM: " in said and "GB, and at most" in said
    assert "No comparison model LASSO: with 28 edges, more than 27" in said
    # 4 methods of 6 folds; the others in one step each
    assert steps == [(i, 54) for i in (*range(1, 19), 24, 30, *range(31, 37), 42, 48, 54)]


def test_more_than_100_regions_have_matrices(rng):
    runs = simulate_runs(rng, n_sessions=3, n_runs=1, n_regions=101, n_frames=150)
    finding = baseline_comparison(Case(decode_runs(runs, SETTINGS)))
    assert finding.not_done == () and len(at(finding)) == 1 + len(METHODS)


def test_three_sessions_are_enough(rng):
    case = Case(decode_runs(simulate_runs(rng, n_sessions=3), SETTINGS))
    assert len(fold_without(case.bin_grams[0], 0).inner) == 2
    finding = baseline_comparison(case)
    assert len(at(finding)) == 1 + len(METHODS) and finding.not_done == ()
    assert at(finding).filter(regex="low|high").isna().all(axis=None)
    assert np.isfinite(at(finding).loc["tangent", "d_skill"])


def test_a_fold_takes_the_lag_that_its_model_chose(runs):
    case = Case(decode_runs(runs, Settings(n_bootstraps=100, lag_s=(0.0, 6.0))))
    training = replace(case.decoding.training, lag_of_run=np.array([0, 1, 1, 1, 1, 1]))
    mixed = replace(case, decoding=replace(case.decoding, training=training))
    kernels, lag = bin_grams_of_folds(mixed)
    assert [k.frames[0].counts["n_beyond_end"] for k in kernels] == [0, 6]
    found, not_done = predict_by_methods(kernels, lag, [EDGES])
    for bin_gram, group in ((kernels[0], 0), (kernels[1], 5)):
        fold = fold_without(bin_gram, group)
        rows = fold.test - len(bin_gram.bins["train"])
        np.testing.assert_array_equal(found["ridge"][rows], ridge(bin_gram.edges, fold))
    assert not_done == []


def test_runs_with_other_time_bins_at_another_lag_are_compared_on_the_rows_predicted():
    # about 333 s at the first lag (6 bins of a minute), and 327 s (5) at the second
    runs = simulate_runs(np.random.default_rng(20260101), n_sessions=6, n_runs=1, n_frames=370)
    case = Case(decode_runs(runs, Settings(n_bootstraps=100, lag_s=(0.0, 6.0))))
    minutes = case.decoding.predictions.query("scale == '1min'")
    assert len(minutes) != len(case.bin_grams[0].bins["1min"])
    kernels, lag = bin_grams_of_folds(case)
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

    methods = (replace(EDGES, predict=refuse), BY_NAME["training mean"])
    predicted, not_done = predict_by_methods(*bin_grams_of_folds(case), methods)
    assert list(predicted) == ["training mean"]
    assert not_done == ["No comparison model ridge: too little."]


def test_bins_with_few_frames_do_not_train_for_matrices(case):
    bin_gram = case.bin_grams[0]
    train = bin_gram.bins["train"]
    frames = (train.frames[0][:2], *train.frames[1:])
    short = replace(bin_gram, bins={**bin_gram.bins, "train": with_frames(train, frames)})
    assert not matrix_products(short, 1, vector=correlations)[0].any()
    assert 0 in fold_without(short, 1).train
    assert 0 not in fold_without(short, 1, fewest_frames=5).train
    minute = bin_gram.bins["1min"]
    frames = (minute.frames[0][:2], *minute.frames[1:])
    short = replace(bin_gram, bins={**bin_gram.bins, "1min": with_frames(minute, frames)})
    with pytest.raises(NotEnoughData, match="the shortest time bin has 2 frames"):
        fold_without(short, 0, fewest_frames=5)


def with_frames(bins, frames) -> Bins:
    return replace(bins, frames=frames)


def test_ratings_that_do_not_vary_are_not_enough(case):
    bin_gram = case.bin_grams[0]
    fold = fold_without(bin_gram, 0)
    flat = replace(fold, y=np.where(np.isnan(fold.y), np.nan, 0.5))
    for name in ("linear SVR", "CPM", "LASSO", "region activity", "tangent"):
        method = BY_NAME[name]
        with pytest.raises(NotEnoughData):
            method.predict(method.represent(bin_gram, 1), flat)


def test_one_training_group_is_not_enough(case):
    with pytest.raises(NotEnoughData, match="at least 2 groups that train"):
        fold_without(case.bin_grams[0].select_groups([0, 1]), 0)
