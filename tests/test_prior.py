"""Ridge regression towards a prior: definition by loops, identities, leaks, matching by name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from painprint import Run, Settings, decode_runs
from painprint.decode.prior import Prior, match_prior
from painprint.decode.prior_ridge import SHARES, fit_ridge_with_prior
from painprint.decode.refit import refit
from painprint.decode.ridge import ALPHAS, fit_ridge, leave_groups_out
from painprint.edges import bin_edges
from painprint.evidence.case import Case
from painprint.evidence.prior import predict_by_prior, sessions_saved
from painprint.evidence.stages import run_stage

GROUPS = np.repeat(np.arange(5), 6)
UNIT = np.repeat(np.arange(15), 2)


def rows_with_prior(seed, share=1.0):
    """Features, a rating that depends on them, and scores of a prior that knows a part of it."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(30, 12)) + rng.normal(size=(5, 12))[GROUPS]
    shared, own = rng.normal(size=(2, 12))
    y = X @ (share * shared + (1 - share) * own) + 3 * rng.normal(size=30) + 40
    return X, y, 0.2 * (X @ shared) + 7


def ridge(X, y, penalty):
    """Weights and intercept of ridge regression, written out."""
    centred = X - X.mean(axis=0)
    w = np.linalg.solve(centred.T @ centred + penalty * np.eye(X.shape[1]), centred.T @ y)
    return w, y.mean() - X.mean(axis=0) @ w


def fit_slope(y, p, X, penalty):
    """Generalised least squares; errors have the covariance 1 + XX' / penalty."""
    C = np.column_stack([np.ones(len(y)), p])
    V = np.linalg.inv(np.eye(len(y)) + X @ X.T / penalty)
    return max(np.linalg.solve(C.T @ V @ C, C.T @ V @ y)[1], 0.0)


def by_loops(X, y, p, left_out, unit_of_penalty):
    """Pooled squared error of every share and penalty: all models fitted again."""
    errors = np.zeros((len(SHARES), len(ALPHAS)))
    for group in left_out:
        train = np.setdiff1d(np.arange(len(y)), group.rows)
        for a, alpha in enumerate(ALPHAS):
            slope = fit_slope(y[train], p[train], X[train], alpha * unit_of_penalty)
            for c, share in enumerate(SHARES):
                rest = y - share * slope * p
                w, b = ridge(X[train], rest[train], alpha * unit_of_penalty)
                error = rest[group.rows] - X[group.rows] @ w - b
                errors[c, a] += ((group.average @ error) ** 2).sum()
    return errors


@pytest.mark.parametrize("buffer", [0, 1])
@pytest.mark.parametrize("seed", range(4))
def test_share_and_penalty_are_those_of_refitting_loops(seed, buffer):
    X, y, p = rows_with_prior(seed, share=0.6)
    left_out = leave_groups_out(GROUPS, unit=UNIT, buffer=buffer)
    fit = fit_ridge_with_prior(X @ X.T, y[:, None], p, left_out)
    errors = by_loops(X, y, p, left_out, fit.spectrum.unit)
    c, a = np.unravel_index(errors.argmin(), errors.shape)
    assert fit.prior.share[0] == SHARES[c]
    assert fit.alpha[0] == ALPHAS[a]
    assert fit.squared_error[:, 0] == pytest.approx(errors[c], rel=1e-9)
    slope = fit_slope(y, p, X, ALPHAS[a] * fit.spectrum.unit)
    w, b = ridge(X, y - SHARES[c] * slope * p, ALPHAS[a] * fit.spectrum.unit)
    new = np.random.default_rng(9).normal(size=(4, 12))
    scores = np.arange(4.0)
    wanted = new @ w + b + SHARES[c] * slope * scores
    assert fit.predict(new @ X.T, scores)[:, 0] == pytest.approx(wanted, rel=1e-9)


def test_confounds_are_fitted_again_in_every_inner_fold():
    X, y, p = rows_with_prior(3, share=0.5)
    rng = np.random.default_rng(5)
    C = np.column_stack([np.ones(30), rng.normal(size=30) + GROUPS])

    def residual(values, rows):
        return values - C @ np.linalg.lstsq(C[rows], values[rows], rcond=None)[0]

    everything = np.arange(30)
    Xr, yr, pr = (residual(values, everything) for values in (X, y, p))
    left_out = leave_groups_out(GROUPS)
    fit = fit_ridge_with_prior(Xr @ Xr.T, yr[:, None], pr, left_out, confounds=C)
    errors = np.zeros((len(SHARES), len(ALPHAS)))
    for group in left_out:
        train = np.setdiff1d(everything, group.rows)
        Xt, yt, pt = (residual(values, train) for values in (X, y, p))
        for a, alpha in enumerate(ALPHAS):
            penalty = alpha * fit.spectrum.unit
            # confounds and score together; the features are residuals of all rows, as in painprint
            V = np.linalg.inv(np.eye(len(train)) + Xr[train] @ Xr[train].T / penalty)
            D = np.column_stack([C[train], p[train]])
            slope = max(np.linalg.solve(D.T @ V @ D, D.T @ V @ y[train])[-1], 0)
            for c, share in enumerate(SHARES):
                rest = yt - share * slope * pt
                A = Xt[train].T @ Xt[train] + penalty * np.eye(12)
                w = np.linalg.solve(A, Xt[train].T @ rest[train])
                errors[c, a] += ((rest[group.rows] - Xt[group.rows] @ w) ** 2).sum()
    c, a = np.unravel_index(errors.argmin(), errors.shape)
    assert (fit.prior.share[0], fit.alpha[0]) == (SHARES[c], ALPHAS[a])
    assert fit.squared_error[:, 0] == pytest.approx(errors[c], rel=1e-8)


def test_a_prior_against_the_rating_changes_no_bit():
    """Where its slope is 0 all shares are equally good, and the smallest is chosen."""
    X, y, p = rows_with_prior(0)
    left_out = leave_groups_out(GROUPS, unit=UNIT)
    own = fit_ridge(X @ X.T, y[:, None], left_out)
    fit = fit_ridge_with_prior(X @ X.T, y[:, None], -p, left_out)
    assert fit.prior.share[0] == 0
    assert np.array_equal(fit.dual(), own.dual())
    assert np.array_equal(fit.squared_error, own.squared_error)
    assert np.array_equal(fit.predict(X @ X.T, -p), own.predict(X @ X.T))


def test_unit_and_offset_of_a_prior_do_not_matter():
    X, y, p = rows_with_prior(1, share=0.7)
    left_out = leave_groups_out(GROUPS)
    fits = [
        fit_ridge_with_prior(X @ X.T, y[:, None], scores, left_out).predict(X @ X.T, scores)
        for scores in (p, 1000 * p - 50)
    ]
    assert fits[1] == pytest.approx(fits[0], rel=1e-9)


def test_with_a_single_group_nothing_is_chosen():
    X, y, p = (values[:6] for values in rows_with_prior(2))
    fit = fit_ridge_with_prior(X @ X.T, y[:, None], p, leave_groups_out(GROUPS[:6]))
    assert fit.prior.share[0] == 1
    assert fit.alpha[0] == ALPHAS[-1]
    slope = fit_slope(y, p, X, ALPHAS[-1] * fit.spectrum.unit)
    assert fit.prior.slope[0] == pytest.approx(slope / 2)


def test_with_two_groups_the_share_is_1_and_the_penalty_is_chosen():
    X, y, p = (values[:12] for values in rows_with_prior(2))
    left_out = leave_groups_out(GROUPS[:12])
    fit = fit_ridge_with_prior(X @ X.T, y[:, None], p, left_out)
    errors = by_loops(X, y, p, left_out, fit.spectrum.unit)[SHARES.index(1)]
    assert (fit.prior.share[0], fit.alpha[0]) == (1, ALPHAS[errors.argmin()])


def test_several_ratings_at_once_are_as_one_by_one():
    X, y, p = rows_with_prior(4, share=0.5)
    rng = np.random.default_rng(0)
    Y = np.column_stack([y, rng.permutation(y), p + rng.normal(size=30)])
    left_out = leave_groups_out(GROUPS, unit=UNIT)
    together = fit_ridge_with_prior(X @ X.T, Y, p, left_out)
    for i, column in enumerate(Y.T):
        alone = fit_ridge_with_prior(X @ X.T, column[:, None], p, left_out)
        assert together.prior.share[i] == alone.prior.share[0]
        assert together.dual()[:, i] == pytest.approx(alone.dual()[:, 0], abs=1e-10)


def people(seed=0, n_sessions=5, n_regions=6, n_frames=300):
    """Runs of a person whose rating depends on one edge, and the prior that knows it."""
    rng = np.random.default_rng(seed)
    names = tuple(f"r{i}" for i in range(n_regions))
    runs = []
    for session in range(n_sessions):
        slow = np.repeat(rng.normal(size=n_frames // 15), 15)
        signals = rng.normal(size=(n_frames, n_regions))
        signals[:, 1] += slow * signals[:, 0]
        rating = 50 + 8 * slow + rng.normal(size=n_frames)
        runs.append(Run(signals, rating, tr_s=1.0, session=str(session), regions=names))
    edges = np.zeros(n_regions * (n_regions - 1) // 2)
    edges[0] = 1.0
    return runs, Prior(names, 3, edges)


SETTINGS = Settings(lag_s=0.0, drop_s=0.0, n_bootstraps=100)


def test_scores_of_a_prior_are_weights_times_edges():
    runs, prior = people()
    prior = Prior(prior.regions, 1, np.random.default_rng(1).normal(size=15))
    decoding = decode_runs(runs, SETTINGS, prior=prior)
    frames = decoding.frames[0]
    halves = np.repeat([0, 1], len(frames) // 2)
    edges = bin_edges(frames.signals, halves)
    scores = prior.score(frames)
    means = [scores[halves == h].mean() for h in (0, 1)]
    assert edges @ prior.edges == pytest.approx(means)


def test_delivered_weights_predict_as_the_models_do():
    runs, prior = people()
    decoding = decode_runs(runs, SETTINGS, prior=prior)
    assert decoding.final.choice.prior_share > 0
    assert decoding.final.prior_weight > 0
    minutes = decoding.predictions[decoding.predictions["scale"] == "1min"]
    assert minutes["rating"].corr(minutes["predicted"]) > 0.5


def test_a_held_out_session_changes_nothing_that_trains():
    runs, prior = people()
    rng = np.random.default_rng(7)
    other = Run(
        rng.normal(size=runs[2].signals.shape), rng.normal(size=300), tr_s=1.0, session="2",
        regions=runs[2].regions,
    )  # fmt: skip
    first = decode_runs(runs, SETTINGS, prior=prior)
    second = decode_runs([*runs[:2], other, *runs[3:]], SETTINGS, prior=prior)
    assert np.array_equal(first.folds[2].weights, second.folds[2].weights)
    assert first.folds[2].intercept == second.folds[2].intercept
    assert first.folds[2].prior_weight == second.folds[2].prior_weight
    assert not np.array_equal(first.folds[1].weights, second.folds[1].weights)


def test_without_weight_the_decoding_is_that_without_a_prior():
    runs, prior = people()
    against = Prior(prior.regions, 3, -prior.edges)
    own, both = decode_runs(runs, SETTINGS), decode_runs(runs, SETTINGS, prior=against)
    assert [model.choice.prior_share for model in both.folds] == [0] * 5
    assert np.array_equal(own.final.weights, both.final.weights)
    assert own.predictions.equals(both.predictions)


def test_regions_are_matched_by_name():
    runs, prior = people()
    order = [5, 3, 0, 1, 4, 2]
    shuffled = prior.select([prior.regions[i] for i in order])
    assert not np.array_equal(shuffled.edges, prior.edges)
    first, second = (decode_runs(runs, SETTINGS, prior=p) for p in (prior, shuffled))
    assert np.array_equal(first.final.weights, second.final.weights)


def test_regions_without_weights_count_as_zero_and_are_named():
    _, prior = people()
    regions = (*prior.regions[:5], "other")
    selected, notes = match_prior(prior, regions, SETTINGS)
    assert selected.edges.sum() == 1
    assert "1 region (first: other)" in notes[0]
    assert notes[1].startswith("weights of the prior of 1 region are not used")
    with pytest.raises(ValueError, match=r"of 4 of 6 regions.*same atlas"):
        match_prior(prior, (*prior.regions[:4], "a", "b"), SETTINGS)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        (Settings(preset="paper"), "needs the decoder ridge"),
        (Settings(features="activity"), "weights of edges, but activity"),
    ],
)
def test_other_decoders_and_features_are_refused(settings, match):
    _, prior = people()
    with pytest.raises(ValueError, match=match):
        match_prior(prior, prior.regions, settings)


def case_with_prior(**changes):
    runs, prior = people(n_sessions=6)
    settings = replace(SETTINGS, n_curve_draws=2, n_permutations=20, **changes)
    return Case(decode_runs(runs, settings, prior=prior))


def test_the_null_observes_the_decoding_with_its_prior():
    case = case_with_prior()
    scales = run_stage(case, "null").numbers["scales"]
    assert scales["1min"]["r"] == pytest.approx(case.decoding.scales["1min"].r, abs=1e-10)
    assert scales["session"]["r"] == pytest.approx(case.decoding.scales["session"].r, abs=1e-10)


def test_refits_use_the_prior():
    case = case_with_prior()
    predicted = refit(case.bin_grams, case.settings.rules).predicted
    minutes = case.decoding.predictions.query("scale == '1min'")
    assert predicted["1min"] == pytest.approx(minutes["predicted"].to_numpy(), abs=1e-10)


def test_the_stage_compares_with_models_that_are_fitted_apart():
    runs, prior = people(n_sessions=6)
    case = case_with_prior()
    result = run_stage(case, "prior")
    table = result.tables["prior"].query("scale == '1min'").set_index("model")
    own = decode_runs(runs, case.settings).scales["1min"]
    assert table.loc["own", "centred_r"] == pytest.approx(own.centred_r, abs=1e-9)
    assert table.loc["own", "skill"] == pytest.approx(own.skill, abs=1e-9)
    both = case.decoding.scales["1min"]
    assert table.loc["both", "centred_r"] == pytest.approx(both.centred_r, abs=1e-12)
    assert table.loc["own", "d_centred_r"] == pytest.approx(both.centred_r - own.centred_r)
    # the prior alone: a straight line on its scores, fitted without the held-out session
    gram = case.bin_grams[0]
    y, p, group = gram.y("train"), gram.prior_scores("train"), gram.groups("train")
    lines = [np.polyfit(p[group != k], y[group != k], 1) for k in range(6)]
    at_minute = gram.prior_scores("1min")
    wanted = [np.polyval(lines[k], at_minute[i]) for i, k in enumerate(gram.groups("1min"))]
    assert predict_by_prior(case)["1min"] == pytest.approx(wanted, rel=1e-9)
    assert result.numbers["share"] == case.decoding.final.choice.prior_share
    assert result.numbers["own_part"] == pytest.approx(0, abs=0.1)  # the prior is the truth


def test_without_a_prior_the_stage_has_nothing():
    runs, _ = people()
    result = run_stage(Case(decode_runs(runs, SETTINGS)), "prior")
    assert not result.tables
    assert result.not_done == ("No prior was given (--prior).",)


def test_sessions_saved_are_read_off_the_curve_without_the_prior():
    curve = pd.DataFrame(
        {
            "n_sessions": [1, 2, 4, 1, 2, 4],
            "model": ["own"] * 3 + ["both"] * 3,
            "centred_r": [0.1, 0.2, 0.4, 0.3, 0.05, 0.5],
        }
    )
    saved = sessions_saved(curve)
    assert [row["without"] for row in saved] == [pytest.approx(3.0), 1.0, None]


def test_where_the_prior_has_no_share_both_and_own_agree():
    runs, prior = people(n_sessions=5)
    against = Prior(prior.regions, 3, -prior.edges)
    settings = replace(SETTINGS, n_curve_draws=1)
    result = run_stage(Case(decode_runs(runs, settings, prior=against)), "prior")
    table = result.tables["prior"].query("model == 'own' and scale != 'session'")
    assert table[["d_centred_r", "d_skill"]].fillna(0).to_numpy() == pytest.approx(0, abs=1e-12)
    curve = result.tables["priorcurve"].pivot(index="n_sessions", columns="model")["centred_r"]
    assert curve.loc[3:, "both"].to_numpy() == pytest.approx(curve.loc[3:, "own"].to_numpy())


def test_the_pattern_sums_features_times_ratings_centred_within_sessions():
    runs, _ = people()
    decoding = decode_runs(runs, replace(SETTINGS, features="both"))
    (gram,) = Case(decoding).bin_grams
    bins, group = gram.bins["train"], gram.groups("train")
    edges, activity = [], []
    for r, members in zip(bins.run, bins.frames, strict=True):
        signals = gram.frames[r].signals[members]
        edges.append(bin_edges(signals, np.zeros(len(members), int))[0])
        activity.append(signals.mean(axis=0))
    means = np.array([bins.rating[group == g].mean() for g in group])
    scale = gram.samples().scale(np.arange(len(group)))
    wanted = (bins.rating - means) @ np.array(edges) * scale["edges"]
    assert decoding.final.pattern == pytest.approx(wanted)
    wanted = (bins.rating - means) @ np.array(activity) * scale["activity"]
    assert decoding.final.activity_pattern == pytest.approx(wanted)
    assert decoding.folds[0].pattern is None
