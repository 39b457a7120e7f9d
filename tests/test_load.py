"""Reading a run: series, censoring, ratings of every kind, and what is refused."""

import gzip
import json

import nibabel as nib
import numpy as np
import pytest
from conftest import simulate_runs, write_json, write_table
from test_bids import find

from painprint import Settings
from painprint.atlas.table import load_regions
from painprint.bids.load import load_run
from painprint.errors import DerivativesError
from painprint.runs import FD, MOTION_NAMES

SETTINGS = Settings()


def load_first(tree, settings=SETTINGS):
    return load_run(find(tree, task_id=("rating",)).runs[0], settings)


@pytest.fixture
def one(rng):
    return simulate_runs(rng, n_sessions=1, n_runs=1)[0]


def path_of(tree, pattern):
    (path,) = tree.root.rglob(pattern)
    return path


@pytest.mark.parametrize("kind", ["physio", "resp", "rating", "beh"])
def test_a_rating_of_every_kind_comes_back_as_it_was(tree, one, kind):
    tree.add_run(one, rating=kind)
    run, record = load_first(tree)
    np.testing.assert_allclose(run.rating, one.rating, atol=1e-12)
    np.testing.assert_array_equal(run.signals, one.signals)
    np.testing.assert_array_equal(run.censored, one.censored)
    assert run.tr_s == 1.0
    assert list(run.confounds) == [FD, *MOTION_NAMES]
    for name, values in run.confounds.items():
        np.testing.assert_allclose(values, one.confounds[name], atol=1e-12)
    assert record.bold.mean_fd_mm == pytest.approx(one.confounds[FD].mean())
    assert record.quality.share_at_floor is None if kind != "resp" else True


def test_censored_and_uncensored_series_are_the_same_run(tree, one):
    tree.add_run(one, censor=True)
    run, _ = load_first(tree)
    np.testing.assert_array_equal(run.signals[~one.censored], one.signals[~one.censored])
    assert np.isnan(run.signals[one.censored]).all()


def test_series_that_fit_neither_clock_are_refused_with_the_numbers(tree, one):
    series = tree.add_run(one)
    write_table(series, one.regions, one.signals[:100])
    n_kept = int((~one.censored).sum())
    with pytest.raises(DerivativesError, match=f"100 rows, but .* keeps {n_kept} of 360"):
        load_first(tree)


def test_without_outliers_nothing_is_censored_and_that_is_said(tree, one):
    tree.add_run(one)
    path_of(tree, "*_outliers.tsv").unlink()
    run, record = load_first(tree)
    assert not run.censored.any()
    assert "no outliers file: nothing was censored." in record.notes


def test_one_hot_outliers_are_combined_and_missing_flags_censor(tree, one):
    tree.add_run(one)
    flags = np.zeros((360, 2))
    flags[4, 0] = flags[9, 1] = 1
    flags[12, 0] = np.nan
    write_table(path_of(tree, "*_outliers.tsv"), ["a", "b"], flags)
    run, _ = load_first(tree)
    np.testing.assert_array_equal(np.flatnonzero(run.censored), [4, 9, 12])


def test_outliers_that_are_no_flags_are_refused(tree, one):
    tree.add_run(one)
    write_table(path_of(tree, "*_outliers.tsv"), ["fd"], np.full((360, 1), 0.13))
    with pytest.raises(DerivativesError, match="row 1 is 0.13; flags are 0"):
        load_first(tree)


def test_the_same_run_is_read_from_cifti(tree, one):
    series = tree.add_run(one)
    voxels = nib.cifti2.BrainModelAxis.from_mask(np.ones((8, 1, 1), bool), affine=np.eye(4))
    parcels = nib.cifti2.ParcelsAxis.from_brain_models(
        [(f"R{i}", voxels[i : i + 1]) for i in range(8)]
    )
    time = nib.cifti2.SeriesAxis(0, 1, 360)
    image = nib.Cifti2Image(one.signals.astype(np.float32), (time, parcels))
    nib.save(image, series.with_name(series.name.replace(".tsv", ".ptseries.nii")))
    series.unlink()
    run, _ = load_first(tree)
    np.testing.assert_array_equal(run.signals, one.signals.astype(np.float32))
    assert run.regions[:2] == ("R0", "R1")


def test_a_broken_cifti_file_is_refused_by_name(tree, one):
    series = tree.add_run(one)
    series.with_name(series.name.replace(".tsv", ".ptseries.nii")).write_bytes(b"no image" * 99)
    series.unlink()
    with pytest.raises(DerivativesError, match=r"ptseries\.nii: cannot be read as CIFTI"):
        load_first(tree)


def test_cifti_of_other_axes_is_refused(tree, one):
    series = tree.add_run(one)
    voxels = nib.cifti2.BrainModelAxis.from_mask(np.ones((8, 1, 1), bool), affine=np.eye(4))
    image = nib.Cifti2Image(one.signals, (nib.cifti2.SeriesAxis(0, 1, 360), voxels))
    nib.save(image, series.with_name(series.name.replace(".tsv", ".ptseries.nii")))
    series.unlink()
    with pytest.raises(DerivativesError, match="SeriesAxis x BrainModelAxis"):
        load_first(tree)


def test_the_repetition_time_comes_from_wherever_it_is(tree, one):
    series = tree.add_run(one)
    sidecar = series.with_suffix(".json")
    write_json(sidecar, {"SamplingFrequency": 1.25})
    assert load_first(tree)[0].tr_s == 0.8
    write_json(sidecar, {"SamplingFrequency": "TR"})
    write_json(tree.root / "task-rating_bold.json", {"RepetitionTime": 0.9})
    assert load_first(tree)[0].tr_s == 0.9


@pytest.mark.parametrize(
    ("own", "raw", "message"),
    [
        ({"RepetitionTime": 1.0}, {"RepetitionTime": 0.8}, "1 s, but the raw bold.json 0.8 s"),
        ({}, {}, "no RepetitionTime in its sidecar"),
        ({"RepetitionTime": 460}, {}, "RepetitionTime is 460; seconds"),
        ({"RepetitionTime": "fast"}, {}, "'fast'; a number is needed"),
        ({"RepetitionTime": 1.0, "StartTime": True}, {}, "StartTime in its sidecar is True"),
    ],
)
def test_a_repetition_time_that_cannot_be_trusted_is_refused(tree, one, own, raw, message):
    series = tree.add_run(one)
    write_json(series.with_suffix(".json"), own)
    write_json(tree.root / "task-rating_bold.json", raw)
    with pytest.raises(DerivativesError, match=message):
        load_first(tree)


def test_the_option_for_the_start_wins_over_the_sidecar_and_is_noted(tree, one):
    tree.add_run(one)
    _, record = load_first(tree, Settings(rating_start_s=3.0))
    assert any("3 s (--rating-start), not at 0.5 s" in note for note in record.notes)


def test_without_any_start_the_assumption_is_noted(tree, one):
    tree.add_run(one, rating="resp")
    assert any("no StartTime" in note for note in load_first(tree)[1].notes)


def test_the_rating_is_told_from_other_recordings(tree, one):
    tree.add_run(one)
    stem = path_of(tree, "*_physio.tsv.gz").name.replace("pain", "belt")
    func = tree.root / "sub-01/ses-01/func"
    (func / stem).write_bytes(gzip.compress(b"1\t2\n" * 9))
    sidecar = func / stem.replace(".tsv.gz", ".json")
    write_json(sidecar, {"SamplingFrequency": 50, "Columns": ["respiratory", "trigger"]})
    np.testing.assert_allclose(load_first(tree)[0].rating, one.rating, atol=1e-12)


def add_second_recording(tree):
    path = path_of(tree, "*_physio.tsv.gz")
    other = path.with_name(path.name.replace("pain", "itch"))
    other.write_bytes(path.read_bytes())
    sidecar = json.loads(path_of(tree, "*_physio.json").read_text())
    write_json(other.with_name(other.name.replace(".tsv.gz", ".json")), sidecar)


def test_several_ratings_need_a_choice(tree, one):
    tree.add_run(one)
    add_second_recording(tree)
    with pytest.raises(DerivativesError, match="several recordings.*--rating-recording"):
        load_first(tree)
    _, record = load_first(tree, Settings(rating_recording="pain"))
    assert "recording-pain" in record.rating_file


def test_several_columns_need_a_choice(tree, one):
    tree.add_run(one, rating="beh")
    path = path_of(tree, "*_beh.tsv")
    values = np.stack([np.arange(360) + 0.5, one.rating, one.rating], axis=1)
    write_table(path, ["onset", "burning", "aching"], values)
    with pytest.raises(DerivativesError, match="several columns.*burning, aching.*--rating-column"):
        load_first(tree)
    np.testing.assert_allclose(
        load_first(tree, Settings(rating_column="aching"))[0].rating, one.rating, atol=1e-12
    )
    with pytest.raises(DerivativesError, match="no rating among the recordings"):
        load_first(tree, Settings(rating_column="itch"))


def test_a_known_name_is_the_rating_among_several_columns(tree, one):
    tree.add_run(one, rating="beh")
    values = np.stack([np.arange(360) + 0.5, np.zeros(360), one.rating], axis=1)
    write_table(path_of(tree, "*_beh.tsv"), ["time", "trial", "Pain"], values)
    np.testing.assert_allclose(load_first(tree)[0].rating, one.rating, atol=1e-12)


def test_gaps_in_the_recording_stay_gaps_in_the_recommended_preset_only(tree, one):
    tree.add_run(one, rating="resp")
    path = path_of(tree, "*_resp.tsv")
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:100] + lines[150:]))
    run, record = load_first(tree)
    assert np.isnan(run.rating).sum() == 50
    assert record.quality.n_gaps == 1 and record.quality.longest_gap_s == 51
    assert np.isfinite(load_first(tree, Settings(preset="paper"))[0].rating).all()


BROKEN_RATINGS = {
    "commas for tabs": (lambda text: text.replace("\t", ","), "separated by a tab"),
    "a comma in a number": (lambda text: text.replace("0.", "0,", 9), "decimal points"),
    "empty": (lambda text: "", "is empty"),
    "text in a number": (lambda text: text.replace("\n", "\noops\t1\n", 1), "'oops'"),
    "a short line": (lambda text: text + "12\n", "1 columns, but 2"),
    "decreasing times": (lambda text: text + "3\t0.5\n", "must increase"),
    "one sample": (lambda text: "1\t1\n", "at least 2"),
    "three columns": (lambda text: text.replace("\n", "\t1\n"), "two columns"),
}


@pytest.mark.parametrize("case", BROKEN_RATINGS)
def test_a_broken_rating_is_refused_by_name(tree, one, case):
    tree.add_run(one, rating="resp")
    path = path_of(tree, "*_resp.tsv")
    change, message = BROKEN_RATINGS[case]
    path.write_text(change(path.read_text()))
    with pytest.raises(DerivativesError, match=message) as caught:
        load_first(tree)
    assert "resp.tsv" in str(caught.value)


def test_byte_order_mark_and_carriage_returns_do_no_harm(tree, one):
    tree.add_run(one, rating="resp")
    path = path_of(tree, "*_resp.tsv")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    np.testing.assert_allclose(load_first(tree)[0].rating, one.rating, atol=1e-12)


def test_a_resp_file_with_a_header_is_read_by_it(tree, one):
    tree.add_run(one, rating="resp")
    path = path_of(tree, "*_resp.tsv")
    path.write_text("time\trating\n" + path.read_text())
    np.testing.assert_allclose(load_first(tree)[0].rating, one.rating, atol=1e-12)


@pytest.mark.parametrize(
    ("sidecar", "message"),
    [
        ({"SamplingFrequency": 1.0}, "must list the Columns"),
        ({"Columns": ["pain"]}, "no SamplingFrequency above 0"),
        ({"Columns": ["pain"], "SamplingFrequency": 0}, "no SamplingFrequency above 0"),
    ],
)
def test_a_physio_sidecar_without_what_it_must_say_is_refused(tree, one, sidecar, message):
    tree.add_run(one)
    write_json(path_of(tree, "*_physio.json"), sidecar)
    with pytest.raises(DerivativesError, match=message):
        load_first(tree)


def test_a_truncated_gzip_file_is_refused(tree, one):
    tree.add_run(one)
    path = path_of(tree, "*_physio.tsv.gz")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DerivativesError, match="not a complete gzip file"):
        load_first(tree)


def test_text_that_is_not_utf8_is_refused(tree, one):
    tree.add_run(one, rating="resp")
    path_of(tree, "*_resp.tsv").write_bytes(b"\xff\xfe\x00\x00")
    with pytest.raises(DerivativesError, match="not UTF-8"):
        load_first(tree)


def test_repeated_regions_are_refused(tree, one):
    series = tree.add_run(one)
    write_table(series, ["a"] * 8, one.signals)
    with pytest.raises(DerivativesError, match="repeated: a"):
        load_first(tree)


@pytest.mark.parametrize("content", ["{", "[1]", '{"RepetitionTime": NaN}'])
def test_a_sidecar_that_is_no_json_object_is_refused(tree, one, content):
    tree.add_run(one).with_suffix(".json").write_text(content)
    with pytest.raises(DerivativesError, match="JSON|a number is needed"):
        load_first(tree)


def test_mean_fd_is_computed_or_read_or_unknown(tree, one):
    tree.add_run(one)
    motion = np.zeros((360, 6))
    motion[1:, 0] = 0.36
    path = path_of(tree, "*_motion.tsv")
    names = ["trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z"]
    write_table(path, names, motion)
    assert load_first(tree)[1].bold.mean_fd_mm == pytest.approx(0.001)
    write_table(path, ["framewise_displacement"], np.full((360, 1), 0.2))
    assert load_first(tree)[1].bold.mean_fd_mm == pytest.approx(0.2)
    write_table(path, ["other"], np.full((360, 1), 0.2))
    assert np.isnan(load_first(tree)[1].bold.mean_fd_mm)


def test_region_tables_are_read_by_their_columns(tmp_path):
    path = tmp_path / "atlas-A_dseg.tsv"
    path.write_text("index\tlabel\tnetwork_label\n1\tPAG\tn/a\n500\tV1\tVIS\n")
    regions = load_regions(path)
    assert regions.names == ("PAG", "V1") and regions.networks == ("", "VIS")
    path.write_text("index\tname\n1\tPAG\n")
    assert load_regions(path).networks == ("",)
    path.write_text("index\n1\n")
    with pytest.raises(DerivativesError, match="no column 'label'"):
        load_regions(path)
    path.write_text("index\tlabel\n1\tPAG\n2\tPAG\n")
    with pytest.raises(DerivativesError, match="repeated: PAG"):
        load_regions(path)


def test_without_a_start_of_the_series_the_assumption_is_noted(tree, one):
    tree.add_run(one)
    assert any("the first frame is assumed to start" in note for note in load_first(tree)[1].notes)


def test_motion_of_another_length_leaves_the_run_out(tree, one):
    series = tree.add_run(one)
    path_of(tree, "*_outliers.tsv").unlink()
    write_table(series, one.regions, one.signals[:300])
    with pytest.raises(DerivativesError, match="has 360 rows, but the time series 300 frames"):
        load_first(tree)


def test_a_column_of_unknown_meaning_is_said_to_be_the_rating(tree, one):
    tree.add_run(one)
    sidecar = path_of(tree, "*_physio.json")
    content = json.loads(sidecar.read_text())
    for name, noted in (("engagement", True), ("pain", False)):
        write_json(sidecar, {**content, "Columns": [name]})
        assert any(name in note for note in load_first(tree)[1].notes) is noted
    write_json(sidecar, {**content, "Columns": ["respiration"]})
    with pytest.raises(DerivativesError, match="no rating among the recordings"):
        load_first(tree)


def test_sidecars_are_among_the_sources(tree, one):
    tree.add_run(one)
    names = [file.path.suffix for file in load_first(tree)[1].sources]
    assert names.count(".json") == 2
