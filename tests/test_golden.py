"""Parity with the numbers that the published scripts gave on simulated participants.

The compact copy beside this file is tested anywhere; the full set where the reference data
lie beside the checkout.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import EXAMPLE, FEW, SHARED

from painprint import RatingRecording, Run, frame_ratings
from painprint.apps.decode import decode_participant
from painprint.apps.study import Study
from painprint.bins import (
    discretize_edges,
    discretized_time_bins,
    drop_short_stretches,
    make_test_bins,
    rating_bins,
)
from painprint.cli import main
from painprint.decode.crossval import nested_leave_one_out
from painprint.decode.gram import edge_weights
from painprint.decode.lasso_pcr import LassoRules
from painprint.decode.metrics import score_scale
from painprint.decode.units import mean_r, score_units
from painprint.edges import bin_edges
from painprint.evidence.confound_analyses import compare
from painprint.evidence.confounds import bin_means, find_confounds
from painprint.evidence.draws import predict_from_draws, score_draws
from painprint.evidence.importance import contributions, r_of_permuted
from painprint.evidence.prospective import first_sessions
from painprint.evidence.stages import STAGES
from painprint.runs import FD, count_frames, framewise_displacement, pair_frames
from painprint.settings import Settings
from painprint.stats.bootstrap import weighted_auc
from painprint.stats.correlation import correlation, weighted_r

SCALES = ("1min", "2min", "run", "session")
GOLDEN = SHARED / "golden"


@pytest.fixture(scope="module")
def golden():
    with np.load(Path(__file__).parent / "data" / "golden_compact.npz") as file:
        return dict(file)


def by_row(array):
    """(run, session, ...) to rows: bin fastest, then run, then session."""
    swapped = np.swapaxes(array, 0, 1)
    return swapped.reshape(-1, *array.shape[3:])


@pytest.fixture(scope="module")
def fit(golden):
    """The nested fit of the paper preset from the golden bins."""
    X, y = by_row(golden["s1_X_rbin10"]), golden["s1_rating_rbin10"]
    y = np.swapaxes(y, 0, 1).ravel()
    groups = np.repeat(np.arange(8), 30)
    return nested_leave_one_out(X @ X.T, y, groups, LassoRules(780, "all", "first")), X


@pytest.fixture(scope="module")
def frames(golden):
    """The one run that is kept whole."""
    recording = RatingRecording(*golden["run1_recording"].T, start_s=10.0)
    tr_s, start_s = float(golden["run1_tr_s"]), float(golden["run1_start_s"])
    signals = golden["run1_signals"][:, ~golden["is_visual"]]
    rating = frame_ratings(recording, len(signals), tr_s=tr_s, bold_start_s=start_s)
    run = Run(signals, rating, tr_s, censored=golden["run1_censored"], start_s=start_s)
    return pair_frames(
        run,
        lag_frames=count_frames(6.0, tr_s, up=False),
        drop_frames=count_frames(30.0, tr_s, up=True),
    )


def test_ratings_on_the_frame_clock(golden, frames):
    expected = golden["run1_s1_rating_dat"]
    np.testing.assert_allclose(frames.rating, expected[: len(frames)], atol=1e-12)
    assert np.isnan(expected[len(frames) :]).all()


def test_bin_numbers(golden, frames):
    for i, n_bins in enumerate((2, 5, 10)):
        rated = drop_short_stretches(rating_bins(frames.rating, n_bins), 5)
        timed = discretized_time_bins(len(frames), n_bins)
        for found, name in ((rated, "run1_s1_rbin_idx"), (timed, "run1_s1_tbin_idx")):
            expected = golden[name][i, : len(frames)]
            np.testing.assert_array_equal(found + 1, np.nan_to_num(expected, nan=0))


def test_edges_of_bins(golden, frames):
    rows, columns = np.triu_indices(40, k=1)
    matlab_order = np.lexsort((rows, columns))
    rated = drop_short_stretches(rating_bins(frames.rating, 10), 5)
    for labels, name in (
        (rated, "s1_X_rbin10"),
        (discretized_time_bins(len(frames), 10), "s1_X_tbin10"),
    ):
        edges = bin_edges(frames.signals, labels)[:, matlab_order]
        np.testing.assert_allclose(edges, golden[name][0, 0], atol=1e-12)


def test_automatic_edges_of_time_bins(golden):
    for n, *edges in zip(
        golden["disc_n"], *(golden[f"disc_edges{k}"] for k in (2, 5, 10)), strict=True
    ):
        for n_bins, expected in zip((2, 5, 10), edges, strict=True):
            np.testing.assert_array_equal(discretize_edges(int(n), n_bins), expected)


def test_framewise_displacement(golden, frames):
    bold = frames.frame + count_frames(6.0, float(golden["run1_tr_s"]), up=False)
    fd = framewise_displacement(golden["run1_motion"])[bold]
    np.testing.assert_allclose(fd, golden["run1_fd"][: len(fd)], atol=1e-12)


def test_penalties_and_their_correlations(golden, fit):
    nested, _ = fit
    np.testing.assert_allclose(nested.final.choice.path_penalty, golden["m_L_matlab"], atol=1e-9)
    np.testing.assert_allclose(nested.final.choice.path_score, golden["m_ocv_r"], atol=1e-9)
    for k, model in enumerate(nested.folds):
        np.testing.assert_allclose(model.choice.path_score, golden["m_icv_r"][:, k], atol=1e-9)


def test_chosen_models(golden, fit):
    nested, X = fit
    best = int(golden["m_ocv_bestidx_1based"]) - 1
    assert np.nanargmax(nested.final.choice.path_score) == best
    assert nested.final.choice.dof == golden["m_PCs"][best]
    chosen = [np.nanargmax(model.choice.path_score) + 1 for model in nested.folds]
    np.testing.assert_array_equal(chosen, golden["m_icv_bestidx_1based"])
    expected = (golden["m_beta_best_edge_all"], *golden["m_beta_best_edge_ocv"])
    for model, beta in zip((nested.final, *nested.folds), expected, strict=True):
        np.testing.assert_allclose(model.intercept, beta[0], atol=1e-9)
        np.testing.assert_allclose(model.dual @ X, beta[1:], atol=1e-9)


def test_held_out_predictions(golden, fit):
    nested, X = fit
    outer = np.swapaxes(golden["m_Yfit_ocv_best"], 0, 1).ravel()
    np.testing.assert_allclose(nested.held_out_at_final, outer, atol=1e-9)
    timed = by_row(golden["s1_X_tbin10"]).reshape(8, 30, 780)
    expected = np.swapaxes(golden["test_Yfit_tbin10"], 0, 1).reshape(8, 30)
    for model, X_test, y_test in zip(nested.folds, timed, expected, strict=True):
        predicted = X_test @ (model.dual @ X) + model.intercept
        np.testing.assert_allclose(predicted, y_test, atol=1e-9)


def scale_table(golden, scale):
    """Golden observed and predicted values of one scale as our table."""
    i = SCALES.index(scale) + 1
    x, y = golden[f"vis_x{i}"], golden[f"vis_y{i}"]
    per_session = x.shape[0] * x.shape[1] if x.ndim == 3 else (3 if x.ndim == 2 else 1)
    n = x.size
    return pd.DataFrame(
        {
            "rating": x.ravel(order="F"),
            "predicted": y.ravel(order="F"),
            "training_mean": 0.0,
            "group": np.arange(n) // per_session,
            "run_code": np.arange(n) // (x.shape[0] if x.ndim == 3 else 1),
        }
    )


@pytest.mark.parametrize("scale", SCALES)
def test_evaluation(golden, scale):
    i = SCALES.index(scale)
    table = scale_table(golden, scale)
    found = score_scale(table, n_bootstraps=10_000, rng=np.random.default_rng(0))
    for value, name in (
        (found.r, "vis_rall_r"),
        (found.r2, "vis_R2"),
        (found.mae, "vis_MAE"),
        (found.auc, "vis_rocall_auc"),
    ):
        assert value == pytest.approx(golden[name][i], abs=1e-9)
    # the random streams differ: quantiles agree within their Monte-Carlo error
    np.testing.assert_allclose(found.r_ci, golden["vis_rall_bootci"][:, i], atol=0.02)
    np.testing.assert_allclose(found.auc_ci, golden["vis_rocall_bootci"][:, i], atol=0.02)
    assert found.r_p == pytest.approx(golden["vis_rall_bootp"][i], abs=2e-3)


def test_correlation_within_runs_and_sessions(golden):
    table = scale_table(golden, "1min")
    for by, name in (("run_code", "rrun"), ("group", "rses")):
        units = score_units(table, by)
        expected = golden[f"vis_{name}_r"].ravel(order="F")
        np.testing.assert_allclose(units["r"], expected, atol=1e-9)
        found = mean_r(units, n_bootstraps=10_000, rng=np.random.default_rng(0))
        assert found.r == pytest.approx(golden[f"vis_{name}_mr"], abs=1e-9)
        np.testing.assert_allclose(found.r_ci, golden[f"vis_{name}_mbootci"], atol=0.01)


def test_statistics_of_given_resamples(golden):
    """The published resamples, as indices, give what our counts give."""
    table = scale_table(golden, "1min")
    index = golden["vis_boot_idx1_first100_1based"] - 1
    counts = np.stack([np.bincount(column, minlength=240) for column in index.T]).astype(float)
    y, predicted = table["rating"].to_numpy(), table["predicted"].to_numpy()
    expected = [np.corrcoef(y[column], predicted[column])[0, 1] for column in index.T]
    np.testing.assert_allclose(weighted_r(counts, y, predicted), expected, atol=1e-10)
    auc = weighted_auc(counts, y > np.median(y), predicted)
    low, high = golden["vis_rocall_bootci"][:, 0]
    assert 0.85 < np.mean((auc >= low) & (auc <= high)) <= 1


@pytest.mark.needs("golden")
def test_the_whole_command_reproduces_the_published_numbers(tmp_path):
    full = np.load(GOLDEN / "golden.npz")
    words = f"""run {GOLDEN}/bids {tmp_path} participant --participant-label 01
        --derivatives {GOLDEN}/bids/derivatives/xcp_d --task-id rating --atlas Golden
        --preset paper --rating-start 10 --exclude-network VIS"""
    assert main([*words.split(), "--skip", *STAGES]) == 0
    stem = tmp_path / "sub-01/decoding/sub-01_task-rating_atlas-Golden"
    metrics = json.loads(Path(f"{stem}_metrics.json").read_text())
    for i, scale in enumerate(SCALES):
        found = metrics["scales"][scale]
        for key, name in (("r", "rall_r"), ("r2", "R2"), ("mae", "MAE"), ("auc", "rocall_auc")):
            assert found[key] == pytest.approx(full[f"vis_{name}"][i], abs=1e-9)
    assert metrics["within_run"]["r"] == pytest.approx(float(full["vis_rrun_mr"]), abs=1e-9)
    assert metrics["within_session"]["r"] == pytest.approx(float(full["vis_rses_mr"]), abs=1e-9)
    best = int(full["m_ocv_bestidx_1based"]) - 1
    assert metrics["selected"]["n_components"] == full["m_PCs"][best]
    assert metrics["selected"]["lambda"] == pytest.approx(full["m_L_matlab"][best], abs=1e-9)
    predictions = pd.read_csv(f"{stem}_predictions.tsv", sep="\t")
    for i, scale in enumerate(SCALES, start=1):
        rows = predictions[predictions["scale"] == scale]
        np.testing.assert_allclose(rows["rating"], full[f"vis_x{i}"].ravel("F"), atol=1e-12)
        np.testing.assert_allclose(rows["predicted"], full[f"vis_y{i}"].ravel("F"), atol=1e-9)
    weights = pd.read_csv(f"{stem}_weights.tsv", sep="\t")
    rows, columns = np.triu_indices(40, k=1)
    np.testing.assert_allclose(
        weights["weight"].to_numpy()[np.lexsort((rows, columns))],
        full["m_beta_best_edge_all"][1:],
        atol=1e-9,
    )


def test_the_example_is_a_simulated_participant_and_runs(tmp_path):
    words = f"""run {EXAMPLE} {tmp_path} participant --task-id rating --rating-start 10
        --exclude-network VIS"""
    assert main([*words.split(), *FEW]) == 0
    assert "Simulated data" in (tmp_path / "sub-01.html").read_text()


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """Participant 1 of the full set, decoded as published."""
    settings = Settings(
        preset="paper", task_id=("rating",), rating_start_s=10.0, exclude_network=("VIS",)
    )
    bids = GOLDEN / "bids"
    out = tmp_path_factory.mktemp("out")
    return decode_participant(Study(bids, out, [bids / "derivatives" / "xcp_d"], settings), "01")


@pytest.mark.needs("golden")
def test_the_learning_curve_of_given_draws(case):
    full = np.load(GOLDEN / "golden.npz")
    penalties = [(0, fold.choice.penalty) for fold in case.decoding.folds]
    for size in range(1, 7):
        index = full[f"trsz_cvidx_size{size}_1based"].astype(int).reshape(size, 3, 8) - 1
        draws = np.array(
            [
                [np.sort(np.delete(np.arange(8), k)[index[:, d, k]]) for k in range(8)]
                for d in range(3)
            ]
        )
        found = predict_from_draws(case.bin_grams, case.settings.rules, draws, penalties=penalties)
        expected = np.transpose(full["trsz_Yfit_tbin10"][:, :, :, size - 1], (1, 0, 3, 2))
        np.testing.assert_allclose(found.tested["1min"], expected.reshape(240, 3), atol=1e-9)
        scored, _ = score_draws(case.bin_grams[0], found, 100, np.random.default_rng(0))
        r = scored.pivot(index="draw", columns="scale", values="r")[list(SCALES)]
        np.testing.assert_allclose(r, full["trsz_rall_r"][:, size - 1], atol=1e-9)


@pytest.mark.needs("golden")
def test_importance_of_given_permutations(case):
    full = np.load(GOLDEN / "golden.npz")
    decoding = case.decoding
    bins = make_test_bins(decoding.frames, case.settings.rules, "1min")
    codes = decoding.training.group_index[bins.run]
    parts = contributions(decoding.frames, bins, codes, decoding.folds)
    predicted = parts.sum(axis=1) / 2 + np.array([f.intercept for f in decoding.folds])[codes]
    y = bins.rating - bins.rating.mean()
    predicted -= predicted.mean()
    parts -= parts.mean(axis=0)
    orders = (full["fimp_perm_idx_1based"].T - 1).astype(np.int32)
    r = np.array([r_of_permuted(y, predicted - part, part, orders, 0 * codes) for part in parts.T])
    np.testing.assert_allclose(r, full["fimp_corr_reg_perm"], atol=1e-12)
    observed = correlation(y, predicted)
    assert observed == pytest.approx(float(full["fimp_corr_orig"]), abs=1e-12)
    np.testing.assert_allclose(observed - r.mean(axis=1), full["fimp_reg"], atol=1e-12)


@pytest.mark.long
@pytest.mark.needs("golden")
def test_the_group_command_reproduces_the_transfer_to_another_person(tmp_path):
    full = np.load(GOLDEN / "golden.npz")
    words = ["run", f"{GOLDEN}/bids", str(tmp_path)]
    given = ["--derivatives", f"{GOLDEN}/bids/derivatives/xcp_d", "--n-bootstraps", "100"]
    options = "--task-id rating --preset paper --rating-start 10 --exclude-network VIS --skip"
    assert main([*words, "participant", *given, *options.split(), *STAGES]) == 0
    assert main([*words, "group", *given]) == 0
    table = pd.read_csv(tmp_path / "group" / "group_transfer.tsv", sep="\t")
    found = table[(table["model"] == "sub-01") & (table["person"] == "sub-02")]
    for column, name in (("r", "rall_r"), ("r2", "R2"), ("mae", "MAE"), ("auc", "rocall_auc")):
        np.testing.assert_allclose(found[column], full[f"viscross_{name}"], atol=1e-9)


@pytest.mark.needs("golden")
def test_head_motion_against_the_prediction(case):
    full = np.load(GOLDEN / "golden.npz")
    found = compare(case, find_confounds(case)[0]).query("variable == @FD")
    assert list(found["scale"]) == list(SCALES)
    np.testing.assert_allclose(found["r_predicted"], full["vishead_rall_r"], atol=1e-9)
    np.testing.assert_allclose(found["auc_predicted"], full["vishead_rocall_auc"], atol=1e-9)


@pytest.mark.needs("golden")
def test_framewise_displacement_of_every_time_bin(case):
    full = np.load(GOLDEN / "golden.npz")
    bin_gram = case.bin_grams[0]
    for kind, name in (("1min", "fd_tbin10"), ("2min", "fd_tbin5")):
        bins = bin_gram.bins[kind]
        found = bin_means([one.confounds[FD] for one in bin_gram.frames], bins)
        expected = np.swapaxes(full[name], 0, 1).ravel()
        np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.needs("golden")
def test_the_model_of_the_first_six_sessions(case):
    full = np.load(GOLDEN / "golden.npz")
    bin_gram = case.bin_grams[0].select_groups(range(6))
    fit = nested_leave_one_out(
        bin_gram.block("train", "train"),
        bin_gram.y("train"),
        bin_gram.groups("train"),
        LassoRules(bin_gram.n_edges, "all", "first"),
    )
    np.testing.assert_allclose(fit.final.choice.path_penalty, full["ses6_L_matlab"], atol=1e-9)
    np.testing.assert_allclose(fit.final.choice.path_score, full["ses6_ocv_r"], atol=1e-9)
    best = int(full["ses6_ocv_bestidx_1based"]) - 1
    assert np.nanargmax(fit.final.choice.path_score) == best
    assert fit.final.choice.dof == full["ses6_PCs"][best]
    for k, model in enumerate(fit.folds):
        np.testing.assert_allclose(model.choice.path_score, full["ses6_icv_r"][:, k], atol=1e-9)
        assert np.nanargmax(model.choice.path_score) + 1 == full["ses6_icv_bestidx_1based"][k]
        assert model.intercept == pytest.approx(full["ses6_beta_best_edge_ocv"][k, 0], abs=1e-9)
    weights = edge_weights(
        bin_gram.frames,
        bin_gram.bins["train"],
        bin_gram.groups("train"),
        np.array([model.dual for model in (fit.final, *fit.folds)]),
    )
    rows, columns = np.triu_indices(40, k=1)
    expected = [full["ses6_beta_best_edge_all"], *full["ses6_beta_best_edge_ocv"]]
    for of_model, beta in zip(weights, expected, strict=True):
        matlab_order = np.lexsort((rows, columns))
        np.testing.assert_allclose(of_model[matlab_order], beta[1:], atol=1e-9)
    found = first_sessions(case, 6)
    for i, scale in enumerate(SCALES):
        assert found[scale]["r"] == pytest.approx(full["visses6_rall_r"][i], abs=1e-9)
        assert found[scale]["auc"] == pytest.approx(full["visses6_rocall_auc"][i], abs=1e-9)
