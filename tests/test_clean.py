"""Cleaning: an independent projection, planted signals, models and their refusals."""

import json

import numpy as np
import pandas as pd
import pytest
from nilearn.interfaces.fmriprep import load_confounds

from painprint.bold.denoise import (
    ACOMPCOR,
    LEAST_FREEDOM,
    Band,
    clean_signals,
    count_regressors,
    filtered_displacement,
    make_design,
    nuisance_columns,
    stop_band,
    temporal_signal_to_noise,
)
from painprint.runs import MOTION_NAMES, framewise_displacement
from painprint.settings import MODELS

TR_S = 1.0
N = 600


@pytest.fixture
def confounds(rng):
    names = (*MOTION_NAMES, *ACOMPCOR, "white_matter", "csf", "global_signal")
    return {name: np.cumsum(rng.normal(size=N)) / 20 for name in names}


def project(signals, columns, kept):
    """Residuals of least squares, written down."""
    X = np.column_stack([np.ones(kept.sum()), columns[kept]])
    return signals[kept] - X @ np.linalg.lstsq(X, signals[kept], rcond=None)[0]


def slow_stop_band(n_frames, tr_s, low, high):
    """Sines and cosines of each frequency that a band takes out, one by one."""
    columns = []
    for cycles in range(1, n_frames // 2 + 1):
        hz = cycles / (n_frames * tr_s)
        if hz < low or (high and hz > high):
            phase = [2 * np.pi * hz * tr_s * i for i in range(n_frames)]
            columns.append(np.cos(phase))
            columns.append(np.sin(phase))
    return np.array(columns).T.reshape(n_frames, -1)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("band", [Band(0.005), Band(0.005, 0.1), Band(0, 0.1), Band()])
def test_cleaning_is_least_squares_on_the_kept_frames(rng, confounds, model, band):
    signals = 10_000 + 100 * rng.normal(size=(N, 5)) + np.linspace(0, 500, N)[:, None]
    kept = rng.random(N) > 0.05
    nuisance = nuisance_columns(confounds, model).reshape(N, -1)
    cleaned = clean_signals(signals, make_design(nuisance, TR_S, band), kept)
    slow = slow_stop_band(N, TR_S, band.high_pass_hz, band.low_pass_hz)
    expected = project(signals, np.column_stack([np.arange(N), nuisance, slow]), kept)
    np.testing.assert_allclose(cleaned / 100, expected / 100, atol=1e-8)  # in SD of the signals


@pytest.mark.parametrize("n_frames", [100, 101])
def test_the_stop_band_of_all_frequencies_spans_everything_but_the_mean(n_frames):
    columns = stop_band(n_frames, 1.0, Band(0.4999))
    assert np.linalg.matrix_rank(columns) == columns.shape[1]
    everything = stop_band(n_frames, 1.0, Band(0, 1e-9))
    assert everything.shape[1] == np.linalg.matrix_rank(everything) == n_frames - 1
    np.testing.assert_allclose(everything.sum(axis=0), 0, atol=1e-9)


def test_frequencies_on_an_edge_stay():
    assert stop_band(100, 1.0, Band(0.02, 0.48)).shape[1] == 2 * 1 + 2 + 1  # 0.01; 0.49, 0.5


def test_a_planted_signal_stays_and_drift_motion_and_components_go(rng, confounds):
    t = np.arange(N) * TR_S
    planted = np.sin(2 * np.pi * 0.02 * t + 0.3)
    dirt = 3 * np.linspace(-1, 1, N) + 5 * np.sin(2 * np.pi * 0.002 * t)
    for name in (*MOTION_NAMES, *ACOMPCOR):
        dirt = dirt + rng.normal() * confounds[name]
    fast = 4 * np.sin(2 * np.pi * 0.3 * t)
    kept = rng.random(N) > 0.03
    nuisance = nuisance_columns(confounds, "paper")

    def left(signal, band):
        design = make_design(nuisance, TR_S, band)
        return clean_signals(signal[:, None], design, kept)[:, 0]

    task, rest = Band(0.005), Band(0.005, 0.1)
    assert np.corrcoef(left(planted + dirt, task), planted[kept])[0, 1] > 0.9
    np.testing.assert_allclose(left(planted + dirt, task), left(planted, task), atol=0.5)
    exact = dirt - _slow(t)
    np.testing.assert_allclose(left(planted + exact, task), left(planted, task), atol=1e-8)
    assert left(fast, task).std() > 2
    assert left(fast, rest).std() < 0.2
    assert left(exact, task).std() < 1e-9


def _slow(t):
    """The part of the dirt that is no multiple of a frequency of the run."""
    return 5 * np.sin(2 * np.pi * 0.002 * t)


def test_a_column_with_nan_stays_nan_and_spares_the_others(rng, confounds):
    signals = rng.normal(size=(N, 3))
    signals[5, 1] = np.nan
    design = make_design(nuisance_columns(confounds, "24P"), TR_S, Band(0.005))
    cleaned = clean_signals(signals, design, np.ones(N, bool))
    assert np.isnan(cleaned[:, 1]).all()
    assert np.isfinite(cleaned[:, [0, 2]]).all()


def test_region_means_of_cleaned_points_are_cleaned_region_means(rng, confounds):
    points = rng.normal(size=(N, 12))
    design = make_design(nuisance_columns(confounds, "paper"), TR_S, Band(0.005))
    kept = rng.random(N) > 0.1
    means = points.reshape(N, 3, 4).mean(axis=2)
    of_points = clean_signals(points, design, kept).reshape(-1, 3, 4).mean(axis=2)
    np.testing.assert_allclose(clean_signals(means, design, kept), of_points, atol=1e-10)


@pytest.mark.parametrize("model", ["paper", "24P", "36P"])
def test_columns_are_those_of_nilearns_loader(tmp_path, rng, confounds, model):
    stem = tmp_path / "sub-01_task-x_desc-confounds_timeseries"
    table = pd.DataFrame(confounds)
    for name in (*MOTION_NAMES, "white_matter", "csf", "global_signal"):
        change = table[name].diff()
        table[f"{name}_derivative1"] = change
        table[f"{name}_power2"] = table[name] ** 2
        table[f"{name}_derivative1_power2"] = change**2
    table.to_csv(f"{stem}.tsv", sep="\t", index=False, na_rep="n/a")
    table["cosine00"] = np.cos(np.arange(N))
    masks = {n: {"Method": "aCompCor", "Mask": "WM" if n[0] == "w" else "CSF"} for n in ACOMPCOR}
    meta = {n: {**m, "Retained": True, "VarianceExplained": 0.1} for n, m in masks.items()}
    stem.with_suffix(".json").write_text(json.dumps(meta))
    image = tmp_path / "sub-01_task-x_space-MNI152NLin6Asym_desc-preproc_bold.nii.gz"
    image.touch()
    strategy = {
        "paper": dict(
            strategy=("motion", "compcor", "high_pass"),  # it takes compcor with cosines only
            motion="basic", compcor="anat_separated", n_compcor=5,
        ),
        "24P": dict(strategy=("motion",), motion="full"),
        "36P": dict(
            strategy=("motion", "wm_csf", "global_signal"),
            motion="full", wm_csf="full", global_signal="full",
        ),
    }[model]  # fmt: skip
    theirs, _ = load_confounds(str(image), demean=False, **strategy)
    theirs = theirs.drop(columns="cosine00", errors="ignore")
    ours = nuisance_columns(confounds, model)
    assert ours.shape == theirs.shape
    y = rng.normal(size=(N, 2))
    later = np.arange(N) > 0  # they set the changes of the first frame otherwise
    np.testing.assert_allclose(
        project(y, ours, later), project(y, theirs.to_numpy(float), later), atol=1e-8
    )


def test_missing_components_are_named_with_the_alternatives(confounds):
    without = {k: v for k, v in confounds.items() if "comp_cor" not in k}
    with pytest.raises(ValueError, match=r"'paper' needs w_comp_cor_00.*Possible models: 24P, 36P"):
        nuisance_columns(without, "paper")
    only_motion = {k: without[k] for k in MOTION_NAMES}
    with pytest.raises(ValueError, match=r"Possible models: 24P\."):
        nuisance_columns(only_motion, "acompcor_gsr")


def test_a_confound_without_a_value_is_named(confounds):
    confounds["c_comp_cor_02"][7] = np.nan
    with pytest.raises(ValueError, match="c_comp_cor_02 has no value in frame 8"):
        nuisance_columns(confounds, "paper")


@pytest.mark.parametrize("band", [Band(0.6), Band(0.005, 0.6)])
def test_an_edge_above_nyquist_is_an_error(band):
    with pytest.raises(ValueError, match="not below the Nyquist frequency of 0.5 Hz"):
        make_design(np.empty((N, 0)), 1.0, band)


def test_cut_offs_in_the_wrong_order_are_an_error():
    with pytest.raises(ValueError, match="not below the low-pass cut-off"):
        stop_band(N, 1.0, Band(0.2, 0.1))


@pytest.mark.parametrize("n_kept", [0, 1, 30])
def test_too_few_kept_frames_are_refused_with_numbers(rng, confounds, n_kept):
    design = make_design(nuisance_columns(confounds, "paper"), TR_S, Band(0.005))
    kept = np.arange(N) < n_kept
    needed = count_regressors(design) + LEAST_FREEDOM
    with pytest.raises(ValueError, match=f"{n_kept} of 600 frames.* at least {needed} frames"):
        clean_signals(rng.normal(size=(N, 2)), design, kept)


def test_displacement_without_a_filter_is_the_plain_one(rng):
    motion = rng.normal(size=(N, 6)) / 50
    plain = framewise_displacement(motion)
    np.testing.assert_array_equal(filtered_displacement(motion, TR_S, low_pass_hz=0), plain)
    assert filtered_displacement(motion, TR_S, low_pass_hz=0.1).mean() < plain.mean() / 2


def test_fast_breathing_goes_and_a_jump_stays():
    motion = np.zeros((N, 6))
    motion[:, 1] = 0.2 * np.sin(2 * np.pi * 0.4 * np.arange(N))
    breathing = filtered_displacement(motion, TR_S, low_pass_hz=0.1)
    assert breathing[20:-20].max() < 0.02
    motion[300:, 0] = 3.0
    assert filtered_displacement(motion, TR_S, low_pass_hz=0.1)[290:310].max() > 0.15


def test_the_motion_filter_needs_a_short_enough_tr_and_enough_frames():
    with pytest.raises(ValueError, match="--motion-low-pass"):
        filtered_displacement(np.zeros((N, 6)), 6.0, low_pass_hz=0.1)
    with pytest.raises(ValueError, match="9 frames; more than 9 are needed"):
        filtered_displacement(np.zeros((9, 6)), 1.0, low_pass_hz=0.1)


def test_tsnr_of_demeaned_data_is_unknown():
    assert np.isnan(temporal_signal_to_noise(np.zeros(3), np.zeros(3)))
