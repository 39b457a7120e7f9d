"""The time that each frame is given: sidecars, headers, the raw scan, and what contradicts them."""

import nibabel as nib
import numpy as np
import pytest
from conftest import simulate_runs, write_json, write_table
from test_load import load_first

from painprint import Settings
from painprint.bids.find import find_runs, find_unrated_run
from painprint.bids.load import load_bold
from painprint.errors import DerivativesError
from painprint.files.dataset import Dataset

TR_S, N_FRAMES = 2.0, 120


@pytest.fixture
def series(tree, rng):
    """Regional time series of one run, whose rating at any time is this time in seconds."""
    (run,) = simulate_runs(rng, n_sessions=1, n_runs=1, n_frames=N_FRAMES, tr_s=TR_S)
    path = tree.add_run(run, rating="beh")
    seconds = np.arange(0, N_FRAMES * TR_S + 0.5, 0.5)
    (rating,) = tree.root.rglob("*_beh.tsv")
    write_table(rating, ["time", "rating"], np.column_stack([seconds, seconds]))
    write_json(path.with_suffix(".json"), {"SamplingFrequency": "TR"})
    return path


def denoised_bold(series, **metadata):
    """Write the sidecar of XCP-D's residuals of a time series."""
    name = series.name.partition("_space-")[0] + "_space-fsLR_den-91k_desc-denoised_bold.json"
    write_json(series.with_name(name), metadata)


def raw_scan(tree, series, n_frames, tr_s=TR_S, entities=""):
    """Write the raw scan of a time series, of one voxel."""
    image = nib.Nifti1Image(np.zeros((1, 1, 1, n_frames), np.int16), np.eye(4))
    image.header.set_xyzt_units("mm", "sec")
    image.header["pixdim"][4] = tr_s
    folder = tree.root / series.parent.relative_to(tree.derivatives)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (series.name.partition("_space-")[0] + entities + "_bold.nii.gz")
    nib.save(image, path)
    return path


def times_of_frames(tree, settings=None):
    """The time of each frame: its rating. And the notes of the run."""
    run, record = load_first(tree, settings or Settings(rating_start_s=0))
    return run.rating, record.notes


MIDDLE = TR_S * np.arange(N_FRAMES) + TR_S / 2


@pytest.mark.parametrize(
    ("metadata", "first_s"),
    [
        ({}, 1.0),
        ({"StartTime": 0}, 1.0),
        ({"SliceTimingCorrected": False}, 1.0),
        ({"StartTime": 0.25, "SliceTimingCorrected": False}, 1.25),
        ({"StartTime": 0.975, "SliceTimingCorrected": True}, 0.975),
        ({"StartTime": 0, "SliceTimingCorrected": True}, 0.0),  # --slice-time-ref 0
        ({"StartTime": 1.95, "SliceTimingCorrected": True}, 1.95),
        ({"SliceTimingCorrected": True}, 1.0),  # before fMRIPrep 20.2.4
        ({"StartTime": 0.3, "SliceTimingCorrected": True, "DelayTime": 1.2}, 0.3),
    ],
)
def test_frames_have_the_time_that_fmriprep_means(tree, series, metadata, first_s):
    denoised_bold(series, RepetitionTime=TR_S, **metadata)
    times, notes = times_of_frames(tree)
    np.testing.assert_allclose(times, first_s + TR_S * np.arange(N_FRAMES), atol=1e-9)
    assert any("no StartTime" in note for note in notes) == ("StartTime" not in metadata)


def test_a_start_time_of_the_series_is_not_mixed_with_another_sidecar(tree, series):
    write_json(series.with_suffix(".json"), {"RepetitionTime": TR_S, "StartTime": 0})
    denoised_bold(series, RepetitionTime=TR_S, StartTime=0.975, SliceTimingCorrected=True)
    np.testing.assert_allclose(times_of_frames(tree)[0], MIDDLE, atol=1e-9)


@pytest.mark.parametrize("corrected", [True, "true", "True", 1])
@pytest.mark.parametrize("in_series", ["StartTime", "SliceTimingCorrected"])
def test_each_field_comes_from_the_nearest_sidecar_that_has_it(tree, series, in_series, corrected):
    fields = {"StartTime": 0.4, "SliceTimingCorrected": corrected}
    write_json(series.with_suffix(".json"), {in_series: fields.pop(in_series)})
    denoised_bold(series, RepetitionTime=TR_S, **fields)
    times, _ = times_of_frames(tree)
    np.testing.assert_allclose(times, 0.4 + TR_S * np.arange(N_FRAMES), atol=1e-9)


def test_a_correction_that_is_neither_true_nor_false_is_refused(tree, series):
    denoised_bold(series, RepetitionTime=TR_S, SliceTimingCorrected="slomoco")
    with pytest.raises(DerivativesError, match="'slomoco'; it must be true or false"):
        load_first(tree)


def test_what_a_sidecar_of_xcp_d_lacks_is_taken_from_that_of_fmriprep(tree, series):
    denoised_bold(series, NuisanceParameters="36P")
    fmriprep = tree.root / "derivatives/fmriprep"
    folder = fmriprep / series.parent.relative_to(tree.derivatives)
    folder.mkdir(parents=True)
    name = series.name.partition("_space-")[0] + "_space-fsLR_den-91k_bold.json"
    sidecar = {"RepetitionTime": TR_S, "StartTime": 0, "SliceTimingCorrected": True}
    write_json(folder / name, sidecar)
    datasets = [Dataset(tree.derivatives, "derivatives1"), Dataset(fmriprep, "derivatives2")]
    (files,) = find_runs(Dataset(tree.root, "raw"), datasets, "01").runs
    bold = load_bold(files)
    assert (bold.tr_s, bold.start_s) == (TR_S, -TR_S / 2)
    assert not any("no StartTime" in note for note in bold.notes)


def test_a_pause_in_each_frame_is_noted(tree, series):
    denoised_bold(series, RepetitionTime=TR_S, StartTime=0, DelayTime=1.2)
    times, notes = times_of_frames(tree)
    np.testing.assert_allclose(times, MIDDLE, atol=1e-9)
    assert any("paused for 1.2 s in each frame of 2 s" in note for note in notes)


def test_frames_that_are_not_equally_spaced_are_refused(tree, series):
    denoised_bold(series, VolumeTiming=[0.0, 2.0, 7.0])
    with pytest.raises(DerivativesError, match="VolumeTiming .* not equally spaced"):
        load_first(tree)
    np.testing.assert_allclose(times_of_frames(tree, Settings(tr_s=TR_S))[0], MIDDLE, atol=1e-9)


@pytest.mark.parametrize(
    "entities", ["", "_echo-1", "_part-mag", "_dir-AP", "_dir-AP_echo-2_part-mag"]
)
def test_the_repetition_time_of_raw_sidecars_is_found(tree, series, entities):
    scan = raw_scan(tree, series, N_FRAMES, 1.0, entities)  # the header is wrong
    write_json(scan.with_name(scan.name.replace("nii.gz", "json")), {"RepetitionTime": TR_S})
    times, notes = times_of_frames(tree)
    np.testing.assert_allclose(times, MIDDLE, atol=1e-9)
    assert any("the header of the raw scan says a repetition time of 1 s" in n for n in notes)


def test_raw_sidecars_of_other_echoes_that_disagree_are_not_used(tree, series):
    for echo, tr_s in ((1, 2.0), (2, 1.5)):
        scan = raw_scan(tree, series, N_FRAMES, entities=f"_echo-{echo}")
        write_json(scan.with_name(scan.name.replace("nii.gz", "json")), {"RepetitionTime": tr_s})
        scan.unlink()
    with pytest.raises(DerivativesError, match="no RepetitionTime in its sidecar.*--tr"):
        load_first(tree)


def test_a_repetition_time_of_a_header_alone_is_used(tree, series):
    raw_scan(tree, series, N_FRAMES)
    times, notes = times_of_frames(tree)
    np.testing.assert_allclose(times, MIDDLE, atol=1e-9)
    assert not any("header" in note for note in notes)


def test_a_placeholder_in_a_header_is_noted(tree, series):
    raw_scan(tree, series, N_FRAMES, 1.0)
    run, record = load_first(tree)
    assert run.tr_s == 1.0
    assert any("1 s is from a header alone" in note for note in record.notes)


def test_the_given_repetition_time_overrides_all_files(tree, series):
    write_json(series.with_suffix(".json"), {"RepetitionTime": 0.8, "SamplingFrequency": 3})
    denoised_bold(series, RepetitionTime=1.1)
    times, notes = times_of_frames(tree, Settings(tr_s=TR_S))
    np.testing.assert_allclose(times, MIDDLE, atol=1e-9)
    assert "the repetition time is 2 s (--tr), although files say 0.8, 1.1 s." in notes


def test_sidecars_that_contradict_each_other_are_refused(tree, series):
    write_json(series.with_suffix(".json"), {"RepetitionTime": 2.0})
    denoised_bold(series, RepetitionTime=1.5)
    with pytest.raises(DerivativesError, match=r"2 s, but the sidecar of the BOLD .* 1\.5 s"):
        load_first(tree)
    write_json(series.with_suffix(".json"), {"RepetitionTime": 2.0, "SamplingFrequency": 0.6})
    with pytest.raises(DerivativesError, match="2 s, but SamplingFrequency 0.6 Hz"):
        load_first(tree)


@pytest.mark.parametrize("n_dropped", [1, 4, 10, 15])
@pytest.mark.parametrize("start_s", [0.0, 0.975, 1.9])
def test_dummy_scans_that_xcp_d_dropped_shift_the_frames(tree, series, n_dropped, start_s):
    raw_scan(tree, series, N_FRAMES + n_dropped)
    denoised_bold(series, RepetitionTime=TR_S, StartTime=start_s, SliceTimingCorrected=True)
    times, notes = times_of_frames(tree)
    right = start_s + TR_S * (np.arange(N_FRAMES) + n_dropped)
    inside = right <= N_FRAMES * TR_S
    np.testing.assert_allclose(times[inside], right[inside], atol=1e-9)
    assert any(f"{n_dropped} frames of the scan are missing" in note for note in notes)


def test_confounds_of_fmriprep_tell_of_dropped_dummy_scans_too(tree, series):
    denoised_bold(series, RepetitionTime=TR_S, StartTime=0)
    fmriprep = tree.root / "derivatives/fmriprep"
    folder = fmriprep / series.parent.relative_to(tree.derivatives)
    folder.mkdir(parents=True)
    name = series.name.partition("_space-")[0] + "_desc-confounds_timeseries.tsv"
    write_table(folder / name, ["trans_x"], np.zeros((N_FRAMES + 6, 1)))
    datasets = [Dataset(tree.derivatives, "derivatives1"), Dataset(fmriprep, "derivatives2")]
    (files,) = find_runs(Dataset(tree.root, "raw"), datasets, "01").runs
    assert load_bold(files).start_s == 6 * TR_S


def test_a_start_time_that_accounts_for_dropped_frames_is_believed(tree, series):
    raw_scan(tree, series, N_FRAMES + 5)
    denoised_bold(series, RepetitionTime=TR_S, StartTime=10)
    times, notes = times_of_frames(tree)
    np.testing.assert_allclose(times[:100], 11 + TR_S * np.arange(100), atol=1e-9)
    assert not any("missing" in note for note in notes)


@pytest.mark.parametrize(
    ("n_raw", "start_s", "message"),
    [
        (N_FRAMES, 8, r"starts 8 s after the scan \(StartTime\), but it has all 120 frames"),
        (N_FRAMES - 1, 0, "has 120 frames, but the raw scan .* 119"),
        (N_FRAMES + 5, 20, "the first 5 frames were removed, StartTime must be 10 s"),
        (N_FRAMES + 16, 0, "has 120 frames, but the raw scan .* 136"),
    ],
)
def test_frames_that_do_not_fit_the_raw_scan_are_refused(tree, series, n_raw, start_s, message):
    raw_scan(tree, series, n_raw)
    denoised_bold(series, RepetitionTime=TR_S, StartTime=start_s)
    with pytest.raises(DerivativesError, match=message):
        load_first(tree)


def test_a_censored_series_without_its_outliers_is_refused(tree, series):
    raw_scan(tree, series, N_FRAMES + 3)
    for pattern in ("*_outliers.tsv", "*_motion.tsv"):
        next(tree.root.rglob(pattern)).unlink()
    with pytest.raises(DerivativesError, match="no outliers file: frames may have been censored"):
        load_first(tree)


def test_a_scan_that_is_not_here_or_whose_echoes_differ_is_not_compared(tree, series):
    denoised_bold(series, RepetitionTime=TR_S, StartTime=0)
    scan = raw_scan(tree, series, N_FRAMES + 3, entities="_echo-1")
    raw_scan(tree, series, N_FRAMES + 4, entities="_echo-2")
    np.testing.assert_allclose(times_of_frames(tree)[0], MIDDLE, atol=1e-9)
    scan.unlink()
    scan.with_name(scan.name.replace("echo-1", "echo-2")).unlink()
    scan.symlink_to(tree.root / "annexed")
    assert not any("raw scan" in note for note in times_of_frames(tree)[1])
    scan.unlink()
    scan.write_text("/annex/objects/MD5E-s1--0.nii.gz")
    assert any("raw scan cannot be read" in note for note in times_of_frames(tree)[1])
    np.testing.assert_allclose(times_of_frames(tree)[0], MIDDLE, atol=1e-9)


def test_a_new_run_has_the_times_of_its_dataset(tree, series):
    with pytest.raises(DerivativesError, match="no RepetitionTime"):
        load_bold(find_unrated_run(series))
    assert load_bold(find_unrated_run(series), 1.3).tr_s == 1.3
    write_json(tree.root / "task-rating_bold.json", {"RepetitionTime": TR_S})
    raw_scan(tree, series, N_FRAMES + 4)
    bold = load_bold(find_unrated_run(series))
    assert (bold.tr_s, bold.start_s) == (TR_S, 8.0)
    denoised_bold(series, RepetitionTime=TR_S, StartTime=0.5, SliceTimingCorrected=True)
    assert load_bold(find_unrated_run(series)).start_s == 7.5
