"""Which recording and which column of a run is the rating."""

import gzip
import json

import numpy as np
import pytest
from conftest import simulate_runs, write_json, write_table
from test_bids import find
from test_load import load_first, path_of

from painprint import Settings
from painprint.bids.rating_columns import Rank, rank_column, rank_in_recording, words_of
from painprint.bids.rating_values import note_sentinels
from painprint.errors import DerivativesError

NAMES = {
    Rank.NAMED: "rating pain Pain_Rating painVAS VAS100 NRS0-10 heat_pain_rating vas_score CoVAS",
    Rank.VAGUE: "intensity unpleasantness slider_position",
    Rank.UNNAMED: "breathlessness engagement value burning pain_level expectation_rating "
    "expected_pain anxiety_rating relief_rating confidence_rating cue_rating",
    Rank.OTHER: "temperature stim_intensity pain_temperature thermodeTemp ECG1 RESP HR PPG100C CO2 "
    "SpO2 pulse trigger MRTrigger scr_phasic pupil_size x_coordinate heart_rate frame sample_index "
    "volume trial pain_index rating_rt duration Unnamed:0 time_of_day RT_pain RT_rating temp_pain "
    "stim_pain n_pain trial_pain is_pain cue_pain pain_cue pain_condition pain_threshold "
    "pain_tolerance",
}


@pytest.mark.parametrize(("rank", "name"), [(r, n) for r, ns in NAMES.items() for n in ns.split()])
def test_the_words_of_a_name_say_what_a_column_is(rank, name):
    assert rank_column(name, {}) == rank


@pytest.mark.parametrize(
    "entry",
    [
        {"Description": "During thermal stimulation, participants rated pain on a VAS"},
        {"Description": "After the heat stimulus, the participant rated pain"},
        {"Description": "After each stimulus, how painful was it?"},
        {"LongName": "Thermal pain", "Description": "Level of pain"},
        {"Description": "Anxiety during the scan"},
        {"Units": "V"},
        {"Units": "arbitrary (volts rescaled)"},
    ],
)
def test_a_scale_may_be_described_by_its_stimulus_and_be_in_volts(entry):
    assert rank_column("rating", entry) == Rank.NAMED


def test_a_scale_with_a_description_of_the_stimulus_alone_is_taken_with_a_note():
    assert rank_column("rating", {"Description": "Output of the thermode"}) == Rank.DESCRIBED
    assert rank_column("pain", {"Description": "Output of the thermode"}) == Rank.OTHER
    assert rank_column("rating", {"Units": "°C"}) == Rank.OTHER
    assert rank_column("q1", {"Description": "Expected pain, 0 to 10"}) == Rank.UNNAMED


def test_names_are_split_at_signs_capitals_and_digits():
    assert words_of("painRating_2") == ("pain", "rating")
    assert words_of("MR TRIGGER - HLT100C") == ("mr", "trigger", "hlt", "c")
    assert words_of("eye1_x") == ("eye", "x")
    assert rank_column("", {}) == Rank.OTHER


@pytest.mark.parametrize(
    "units", ["degree Celsius", "°C", "C", "mA", "V", "millivolts", "kPa", "mmHg", "bpm", "s"]
)
def test_physical_units_are_not_those_of_a_rating(units):
    assert rank_column("pain", {"Units": units}) == Rank.OTHER


@pytest.mark.parametrize("units", ["mm", "cm", "%", "VAS", "0-100", "points", "a.u.", "", None])
def test_units_of_scales_are_those_of_a_rating(units):
    assert rank_column("pain", {"Units": units}) == Rank.NAMED


@pytest.mark.parametrize(
    ("description", "rank"),
    [
        ("temperature of the thermode during the pain rating", Rank.OTHER),
        ("output of the thermode", Rank.OTHER),
        ("Respiratory belt", Rank.OTHER),
        ("Stimulus", Rank.OTHER),
        ("continuous pain rating during thermal stimulation", Rank.DESCRIBED),
        ("Stimulus intensity rating", Rank.DESCRIBED),
        ("pain evoked by the thermode", Rank.DESCRIBED),
        ("continuous self-reported engagement, 1 to 9", Rank.DESCRIBED),
        ("output of the amplifier", Rank.UNNAMED),
        ("breathing discomfort as felt, 0 to 10", Rank.OTHER),
    ],
)
def test_a_description_is_read_like_a_name(description, rank):
    assert rank_column("channel", {"Description": description}) == rank


@pytest.mark.parametrize(
    ("name", "suffix", "label", "rank"),
    [
        ("rating", "stim", "", Rank.NAMED),
        ("pain", "stim", "pain", Rank.OTHER),
        ("intensity", "stim", "pain", Rank.OTHER),
        ("breathlessness", "physio", "pain", Rank.UNNAMED),
        ("position", "physio", "slider", Rank.UNNAMED),
        ("intensity", "physio", "", Rank.OTHER),
        ("channel", "physio", "belt", Rank.OTHER),
        ("pain", "physio", "", Rank.NAMED),
        ("value", "beh", "", Rank.UNNAMED),
    ],
)
def test_what_may_be_the_rating_depends_on_the_kind_of_recording(name, suffix, label, rank):
    assert rank_in_recording(rank_column(name, {}), name, suffix, label) == rank


@pytest.fixture
def one(rng):
    return simulate_runs(rng, n_sessions=1, n_runs=1)[0]


def test_a_self_report_by_its_description_is_taken_from_a_physio_file():
    rank = rank_column("engagement", {"Description": "self-reported engagement"})
    assert rank_in_recording(rank, "engagement", "physio", "engagement") == Rank.DESCRIBED
    assert rank_in_recording(rank, "engagement", "stim", "engagement") == Rank.OTHER
    assert rank_column("trigger", {"Description": "pain rating"}) == Rank.OTHER


def add_recording(tree, ending, columns, values, **metadata):
    """A further recording of the run, sampled at mid-frame, with a sidecar."""
    stem = tree.root / "sub-01/ses-01/func/sub-01_ses-01_task-rating_run-1"
    text = "\n".join("\t".join(map(str, row)) for row in values) + "\n"
    path = stem.with_name(f"{stem.name}_{ending}.tsv.gz")
    path.write_bytes(gzip.compress(text.encode()))
    described = {"SamplingFrequency": 1.0, "StartTime": 0.5, "Columns": columns, **metadata}
    write_json(path.with_name(path.name.replace(".tsv.gz", ".json")), described)


def describe(tree, **change):
    """Change the sidecar of the rating."""
    path = path_of(tree, "*_physio.json")
    write_json(path, {**json.loads(path.read_text()), **change})


OTHERS = {
    "a stimulus": ("stim", ["intensity"], {}),
    "a temperature": ("recording-thermode_physio", ["channel"], {"channel": {"Units": "°C"}}),
    "physiology": ("physio", ["ECG1"], {}),
    "an unnamed channel": ("recording-biopac_physio", ["channel"], {}),
    "an eye tracker": ("recording-rating_physio", ["x"], {"PhysioType": "eyetrack"}),
    "a counter": ("recording-pain_physio", ["sample"], {}),
}


@pytest.mark.parametrize("case", OTHERS)
def test_what_is_no_rating_is_refused_alone_and_ignored_beside_one(tree, one, case):
    ending, columns, metadata = OTHERS[case]
    tree.add_run(one, rating="beh")
    add_recording(tree, ending, columns, 45 - one.rating[:, None], **metadata)
    run, record = load_first(tree)
    np.testing.assert_allclose(run.rating, one.rating, atol=1e-12)
    assert not any("column" in note for note in record.notes)
    path_of(tree, "*_beh.tsv").unlink()
    with pytest.raises(DerivativesError, match="no rating among.*--rating-column") as caught:
        load_first(tree)
    units = f" ({metadata['channel']['Units']})" if "channel" in metadata else ""
    assert f"_{ending}.tsv.gz: {columns[0]}{units}." in str(caught.value)
    run, record = load_first(tree, Settings(rating_column=columns[0]))
    np.testing.assert_allclose(run.rating, 45 - one.rating, atol=1e-12)
    assert f"the column '{columns[0]}' was taken as the rating." in record.notes


def test_a_stimulus_is_taken_if_its_recording_is_named(tree, one):
    tree.add_run(one)
    add_recording(tree, "recording-thermode_stim", ["intensity"], 45 - one.rating[:, None])
    for label in ("thermode", "recording-thermode"):
        run, _ = load_first(tree, Settings(rating_recording=label))
        np.testing.assert_allclose(run.rating, 45 - one.rating, atol=1e-12)


def test_a_named_rating_wins_over_unnamed_columns_of_other_recordings(tree, one):
    tree.add_run(one)
    values = np.stack([np.arange(360) + 0.5, np.zeros(360), np.ones(360)], axis=1)
    path = path_of(tree, "*_physio.tsv.gz").with_name("sub-01_ses-01_task-rating_run-1_beh.tsv")
    write_table(path, ["time", "score", "value"], values)
    np.testing.assert_allclose(load_first(tree)[0].rating, one.rating, atol=1e-12)


def test_a_rating_beside_what_cannot_be_read_is_used_and_that_is_said(tree, one):
    tree.add_run(one)
    path = path_of(tree, "*_physio.tsv.gz")
    other = path.with_name("sub-01_ses-01_task-rating_run-1_physio.tsv.gz")
    other.write_bytes(path.read_bytes())
    run, record = load_first(tree)
    np.testing.assert_allclose(run.rating, one.rating, atol=1e-12)
    assert any("(*_physio.tsv.gz) was not considered: its sidecar" in n for n in record.notes)


def test_breathlessness_in_a_recording_of_pain_is_taken_and_noted(tree, one):
    tree.add_run(one)
    describe(tree, Columns=["breathlessness"])
    run, record = load_first(tree)
    np.testing.assert_allclose(run.rating, one.rating, atol=1e-12)
    assert "the column 'breathlessness' was taken as the rating." in record.notes


def write_beh(tree, one, names, texts, quote=""):
    """The rating as beh.tsv with columns of text around time and rating."""
    rows = zip(np.arange(360) + 0.5, one.rating, strict=True)
    lines = [[texts[0], f"{t:.17g}", f"{r:.17g}", *texts[1:]] for t, r in rows]
    text = "\n".join("\t".join(f"{quote}{c}{quote}" for c in line) for line in [names, *lines])
    path_of(tree, "*_beh.tsv").write_text(text + "\n")


def test_columns_of_text_do_no_harm(tree, one):
    tree.add_run(one, rating="beh")
    write_beh(tree, one, ["condition", "time", "rating", "comment"], ["heat", "n/a"])
    np.testing.assert_allclose(load_first(tree)[0].rating, one.rating, atol=1e-12)
    write_beh(tree, one, ["condition", "time", "burning", "comment"], ["heat", "none"])
    for settings in (Settings(), Settings(rating_column="burning")):
        np.testing.assert_allclose(load_first(tree, settings)[0].rating, one.rating, atol=1e-12)


def test_quoted_names_and_cells_are_read(tree, one):
    tree.add_run(one, rating="beh")
    write_beh(tree, one, ["condition", "time", "rating"], ["heat"], quote='"')
    np.testing.assert_allclose(load_first(tree)[0].rating, one.rating, atol=1e-12)


def test_row_names_of_r_are_explained(tree, one):
    tree.add_run(one, rating="beh")
    write_beh(tree, one, ["time", "rating"], ["1"], quote='"')
    with pytest.raises(DerivativesError, match="has 3 columns, but 2 .* row.names = FALSE"):
        load_first(tree)


def test_lines_that_end_with_a_carriage_return_alone_are_read(tree, one):
    tree.add_run(one, rating="beh")
    path = path_of(tree, "*_beh.tsv")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r"))
    np.testing.assert_allclose(load_first(tree)[0].rating, one.rating, atol=1e-12)


def test_quoted_names_of_regions_are_read(tree, one):
    series = tree.add_run(one)
    header, _, rest = series.read_text().partition("\n")
    quoted = "\t".join(f'"{name}"' for name in header.split("\t"))
    series.write_text(quoted + "\n" + rest)
    run, _ = load_first(tree)
    assert run.regions == one.regions
    np.testing.assert_array_equal(run.signals, one.signals)


def test_a_header_in_a_headerless_file_is_skipped_and_noted(tree, one):
    tree.add_run(one)
    path = path_of(tree, "*_physio.tsv.gz")
    samples = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(b'"Pain"\n' + samples))
    run, record = load_first(tree)
    np.testing.assert_allclose(run.rating, one.rating, atol=1e-12)
    assert any("begins with a line of column names" in note for note in record.notes)
    path.write_bytes(gzip.compress(b"vas\n" + samples))
    with pytest.raises(DerivativesError, match="'vas', which is not a number.*Columns .pain."):
        load_first(tree)


def test_numbers_of_sidecars_may_be_text(tree, one):
    series = tree.add_run(one)
    write_json(series.with_suffix(".json"), {"RepetitionTime": "1.0", "SamplingFrequency": "TR"})
    describe(tree, SamplingFrequency="1", StartTime=" 0.5")
    run, _ = load_first(tree)
    assert run.tr_s == 1.0
    np.testing.assert_allclose(run.rating, one.rating, atol=1e-12)
    describe(tree, SamplingFrequency="10 Hz")
    with pytest.raises(DerivativesError, match="SamplingFrequency .* '10 Hz'; a number"):
        load_first(tree)


def test_broken_json_is_named_with_its_dataset(tree, one):
    tree.add_run(one)
    (tree.root / "task-rating_bold.json").write_text('{"RepetitionTime": 1.0,}')
    with pytest.raises(
        DerivativesError, match=r"sidecar bids/task-rating_bold\.json: is not valid"
    ):
        load_first(tree)
    path = tree.derivatives / "dataset_description.json"
    path.write_text('{"Name": "XCP-D",}')
    with pytest.raises(DerivativesError, match="description of a dataset, .*xcp_d/dataset_desc"):
        find(tree)


@pytest.mark.parametrize("other", ["RT_pain", "temp_pain", "pain_cue", "is_pain"])
def test_what_is_about_the_pain_does_not_win_over_an_unnamed_rating(tree, one, other):
    tree.add_run(one, rating="beh")
    values = np.stack([np.arange(360) + 0.5, np.arange(360) % 7, one.rating], axis=1)
    write_table(path_of(tree, "*_beh.tsv"), ["time", other, "response"], values)
    run, record = load_first(tree)
    np.testing.assert_allclose(run.rating, one.rating, atol=1e-12)
    assert "the column 'response' was taken as the rating." in record.notes


def test_an_expectation_beside_an_unnamed_rating_needs_a_choice(tree, one):
    tree.add_run(one, rating="beh")
    values = np.stack([np.arange(360) + 0.5, one.rating, 45 - one.rating], axis=1)
    path = path_of(tree, "*_beh.tsv")
    write_table(path, ["time", "response", "expectation_rating"], values)
    with pytest.raises(DerivativesError, match="may be the rating: response, expectation_rating"):
        load_first(tree)
    write_table(path, ["time", "rating", "expectation_rating"], values)
    np.testing.assert_allclose(load_first(tree)[0].rating, one.rating, atol=1e-12)


def test_pain_that_is_a_code_is_refused_and_of_two_numbers_noted(tree, one):
    tree.add_run(one, rating="beh")
    path, code = path_of(tree, "*_beh.tsv"), np.arange(360) // 40 % 2
    write_table(path, ["time", "pain"], np.stack([np.arange(360) + 0.5, code], axis=1))
    with pytest.raises(DerivativesError, match="'pain' has only the numbers 0 and 1, as a code"):
        load_first(tree)
    run, _ = load_first(tree, Settings(rating_column="pain"))
    np.testing.assert_array_equal(run.rating, code)
    write_table(path, ["time", "pain"], np.stack([np.arange(360) + 0.5, code * 3], axis=1))
    assert any("but has only two different numbers" in note for note in load_first(tree)[1].notes)


def test_a_rating_in_volts_alone_in_a_recording_of_pain_is_read(tree, one):
    tree.add_run(one)
    describe(tree, Columns=["rating"], rating={"Units": "V"})
    run, record = load_first(tree)
    np.testing.assert_allclose(run.rating, one.rating, atol=1e-12)
    assert not any("column" in note for note in record.notes)


@pytest.mark.parametrize(("sign", "cell"), [(",", "4,5"), ("%", "4.5%")])
def test_numbers_with_commas_or_signs_are_refused_by_their_cell(tree, one, sign, cell):
    tree.add_run(one, rating="beh")
    write_beh(tree, one, ["condition", "time", "rating"], ["heat"])
    path = path_of(tree, "*_beh.tsv")
    lines = [f"heat\t{i + 0.5}\t{cell if i else 8}" for i in range(360)]
    path.write_text("\n".join(["condition\ttime\trating", *lines]) + "\n")
    for text in (path.read_text(), path.read_text().replace("\t8\n", f"\t{cell}\n")):
        path.write_text(text)
        with pytest.raises(DerivativesError, match=f"'rating' is '{cell}'.*decimal points"):
            load_first(tree)


def test_ratings_of_trials_are_not_read_as_samples(tree, one):
    tree.add_run(one, rating="beh")
    path, header = path_of(tree, "*_beh.tsv"), "onset\tduration\ttrial_type\trating\n"
    rows = [f"{t}\t12\theat\tn/a\n{t + 20}\t5\trating\t{t}\n" for t in range(0, 320, 40)]
    path.write_text(header + "".join(rows))
    for settings in (Settings(), Settings(preset="paper")):
        with pytest.raises(DerivativesError, match="8 ratings, usually 40 s apart: .*_events.tsv"):
            load_first(tree, settings)
    samples = [f"{i + 0.5}\t1\theat\t{r:.17g}\n" for i, r in enumerate(one.rating)]
    path.write_text(header + "".join(samples))
    np.testing.assert_allclose(load_first(tree)[0].rating, one.rating, atol=1e-12)


@pytest.mark.parametrize("missing", [-1, 999])
def test_numbers_that_stand_for_a_missing_rating_are_noted(tree, one, missing):
    tree.add_run(one, rating="beh")
    value = np.where(np.arange(360) // 20 == 3, missing, one.rating - one.rating.min())
    rows = np.stack([np.arange(360) + 0.5, value], axis=1)
    write_table(path_of(tree, "*_beh.tsv"), ["time", "rating"], rows)
    run, record = load_first(tree)
    np.testing.assert_allclose(run.rating, value, atol=1e-12)
    (note,) = [note for note in record.notes if "far from all" in note]
    assert note.startswith(f"ratings of {missing} are far from all others")


@pytest.mark.parametrize("value", [[-1, -0.5, 1], [0, 99, 100], [1, 9, 10], [-1, -1]])
def test_ratings_at_the_end_of_a_scale_are_not_noted(value):
    assert note_sentinels(np.array(value, dtype=float)) == []
