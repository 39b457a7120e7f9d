"""Ratings of events: windows, their frames, and what is refused or counted."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import QUICK, SHARED, simulate_runs, write_json
from hypothesis import given
from hypothesis import strategies as st
from test_bids import find
from test_load import path_of

from painprint import Settings
from painprint.bids.events import EventRatings, event_frames, rate_events, rows_rated
from painprint.bids.find import DataSelection, find_runs
from painprint.bids.load import load_run
from painprint.cli import main
from painprint.errors import DerivativesError
from painprint.files.dataset import Dataset
from painprint.results.checks import check_run
from painprint.runs import pair_frames

QUARTERS = st.integers(-40, 200).map(lambda n: n / 4)
"""Times of which sums and differences are exact (s)."""
WINDOWS = st.lists(st.tuples(QUARTERS, st.integers(0, 80).map(lambda n: n / 4)), max_size=8)


def frames_by_loops(windows, n_frames, tr_s, bold_start_s):
    """The definition: one frame and one window after the other."""
    event = []
    for i in range(n_frames):
        t = bold_start_s + tr_s / 2 + i * tr_s
        found = -1
        for k, (start, end) in enumerate(windows):
            following = [other for other, _ in windows[k + 1 :]]
            if start <= t < min([end, *following]):
                found = k
        event.append(found)
    return event


@given(WINDOWS, st.sampled_from([0.5, 1.0, 2.0]), QUARTERS, st.integers(0, 60))
def test_frames_of_windows_are_those_of_the_slow_loop(windows, tr_s, bold_start_s, n_frames):
    windows = [(start, start + length) for start, length in sorted(windows, key=lambda w: w[0])]
    start_s, end_s = np.array(windows, dtype=float).reshape(-1, 2).T
    event = event_frames(start_s, end_s, n_frames, tr_s=tr_s, bold_start_s=bold_start_s)
    assert event.tolist() == frames_by_loops(windows, n_frames, tr_s, bold_start_s)


@given(WINDOWS, st.floats(0.3, 3), st.floats(-20, 20), st.integers(1, 60))
def test_every_event_has_consecutive_frames_and_its_rating(windows, tr_s, bold_start_s, n_frames):
    windows = sorted(windows)
    start_s, length_s = np.array(windows, dtype=float).reshape(-1, 2).T
    events = EventRatings(start_s, start_s + length_s, np.arange(len(windows)) * 10.0, {})
    index = event_frames(
        start_s, start_s + length_s, n_frames, tr_s=tr_s, bold_start_s=bold_start_s
    )
    if (index < 0).all():
        with pytest.raises(ValueError, match="no frame has a rating"):
            rate_events(events, n_frames, tr_s=tr_s, bold_start_s=bold_start_s)
        return
    rating, event, _ = rate_events(events, n_frames, tr_s=tr_s, bold_start_s=bold_start_s)
    assert (np.isnan(rating) == (event < 0)).all()
    inside = event[event >= 0]
    assert set(inside) == set(range(inside.max() + 1))
    assert (np.diff(inside) >= 0).all()
    for k in range(inside.max() + 1):
        frames = np.flatnonzero(event == k)
        assert (np.diff(frames) == 1).all()
        assert len(set(rating[frames])) == 1
    assert (rating[event >= 0] == 10 * index[index >= 0]).all()


@given(st.lists(QUARTERS, max_size=9), st.lists(QUARTERS, max_size=9))
def test_a_rating_is_about_the_nearest_row_before_it_that_no_other_has(ratings, rows):
    ratings, rows = sorted(ratings), sorted(set(rows))
    expected, taken = [], set()
    for onset in ratings:
        before = [j for j, row in enumerate(rows) if row <= onset]
        own = before[-1] if before and before[-1] not in taken else -1
        taken.add(own)
        expected.append(own)
    assert rows_rated(np.array(ratings), np.array(rows)).tolist() == expected


@pytest.fixture
def one(rng):
    return simulate_runs(rng, n_sessions=1, n_runs=1)[0]


HEADER = "onset\tduration\ttrial_type\trating"
TRIALS = """10\t12\theat\tn/a
30\t5\trating\t40
60\t12\theat\tn/a
80\t5\trating\t70
110\t12\theat\tn/a
130\t5\trating\t20"""
OF_HEAT = {range(10, 22): 40, range(60, 72): 70, range(110, 122): 20}


def write_events(tree, one, rows=TRIALS, header=HEADER, *, keep=False, **metadata):
    """A run of 360 frames of 1 s with events, and without a recording unless it is kept."""
    tree.add_run(one)
    path = path_of(tree, "*_physio.tsv.gz")
    events = path.with_name("sub-01_ses-01_task-rating_run-1_events.tsv")
    events.write_text(f"{header}\n{rows}\n")
    if metadata:
        write_json(events.with_suffix(".json"), metadata)
    if not keep:
        path.unlink()
        path.with_name(path.name.replace(".tsv.gz", ".json")).unlink()


def load(tree, **options):
    settings = Settings(**options)
    selection = {
        "rating_column": settings.rating_column,
        "rates_events": settings.rates_events,
    }
    (files,) = find(tree, **selection).runs
    return load_run(files, settings)


def check_frames(run, frames):
    """Check that these frames, and no others, have these ratings, one event each."""
    rating, event = np.full(360, np.nan), np.full(360, -1)
    for k, (of_event, value) in enumerate(frames.items()):
        rating[list(of_event)], event[list(of_event)] = value, k
    np.testing.assert_array_equal(run.rating, rating)
    np.testing.assert_array_equal(run.event, event)


def notes_of(record):
    """Notes on the rating, without those on BOLD."""
    return [note for note in record.notes if "rating" in note]


def test_a_rating_has_the_frames_of_the_stimulus_before_it(tree, one):
    write_events(tree, one)
    run, record = load(tree, rating_of="heat")
    check_frames(run, OF_HEAT)
    assert notes_of(record) == []
    assert record.rating_file == "sub-01_ses-01_task-rating_run-1_events.tsv"
    assert [file.path.name for file in record.sources][-1] == record.rating_file


def test_a_window_is_relative_to_the_onset_of_the_rating_or_of_what_is_rated(tree, one):
    write_events(tree, one)
    run, _ = load(tree, rating_window=(-5, 2.5))
    # frame i lies at i + 0.5 s; the end is excluded
    check_frames(run, {range(25, 32): 40, range(75, 82): 70, range(125, 132): 20})
    run, _ = load(tree, rating_of="heat", rating_window=(4, 20))
    check_frames(run, {range(14, 30): 40, range(64, 80): 70, range(114, 130): 20})


def test_windows_are_on_the_clock_of_the_scan(tree, one):
    write_events(tree, one)
    path = path_of(tree, "*timeseries.json")
    write_json(path, {"RepetitionTime": 1.0, "StartTime": 4.0, "SliceTimingCorrected": False})
    run, _ = load(tree, rating_of="heat")
    check_frames(run, {range(6, 18): 40, range(56, 68): 70, range(106, 118): 20})
    run, _ = load(tree, rating_of="heat", rating_start_s=100.0)
    check_frames(run, {range(106, 118): 40, range(156, 168): 70, range(206, 218): 20})


def test_rows_need_not_be_in_order_nor_every_row_be_rated(tree, one):
    rows = TRIALS.split("\n")
    write_events(tree, one, "\n".join([*rows[3:], "200\t1\tfixation\tn/a", *rows[:3]]))
    run, record = load(tree, rating_of="heat")
    check_frames(run, OF_HEAT)
    assert notes_of(record) == []


def test_ratings_in_the_rows_of_the_stimuli_are_about_these(tree, one):
    write_events(tree, one, "10\t12\theat\t40\n60\t12\theat\tn/a\n110\t12\twarm\t20")
    run, record = load(tree, rating_of="heat")
    check_frames(run, {range(10, 22): 40})
    (note,) = notes_of(record)
    assert note == (
        "2 of 3 ratings in the events were excluded: 1 are n/a, 1 have no heat of their own before "
        "them."
    )
    run, record = load(tree, rating_window=(0, 3))
    check_frames(run, {range(10, 13): 40, range(110, 113): 20})
    assert any("trial types heat, warm were taken together" in note for note in record.notes)


def test_an_expectation_is_not_taken_for_the_stimulus_before(tree, one):
    rows = """5\t4\texpect\t90
10\t12\theat\tn/a
30\t5\toutcome\tn/a
55\t4\texpect\t80
60\t12\theat\tn/a
80\t5\toutcome\t70"""
    write_events(tree, one, rows)
    run, record = load(tree, rating_of="heat")
    check_frames(run, {range(60, 72): 70})
    (note,) = notes_of(record)
    assert note.startswith("3 of 4 ratings") and "2 have no heat of their own" in note


def test_one_rating_is_that_of_the_whole_run(tree, one):
    write_events(tree, one, "380\t5\trating\t40")
    run, record = load(tree)
    check_frames(run, {range(360): 40})
    assert notes_of(record) == ["the only rating in the events was taken as that of the whole run."]
    assert np.isnan(record.quality.sd) and record.quality.mean == 40


def test_several_ratings_without_a_window_are_refused_with_both_remedies(tree, one):
    write_events(tree, one)
    with pytest.raises(DerivativesError, match="_events.tsv: has 3 ratings") as caught:
        load(tree)
    for part in ("heat (3), rating (3)", "--rating-of heat", "--rating-window -20 0"):
        assert part in str(caught.value)
    assert "continuous" not in str(caught.value)
    with pytest.raises(DerivativesError, match=r"trial_type is cold. There are: heat \(3\), rati"):
        load(tree, rating_of="cold")


def test_a_recording_is_used_unless_events_are_asked_for(tree, one):
    write_events(tree, one, keep=True)
    run, record = load(tree)
    assert run.event is None
    np.testing.assert_allclose(run.rating, one.rating, atol=1e-12)
    assert any("events of the run have ratings too" in note for note in record.notes)
    check_frames(load(tree, rating_of="heat")[0], OF_HEAT)


def test_physiology_beside_the_events_is_no_rating(tree, one):
    write_events(tree, one, "30\t5\trating\t40", keep=True)
    sidecar = path_of(tree, "*_physio.json")
    write_json(sidecar, {**json.loads(sidecar.read_text()), "Columns": ["cardiac"]})
    check_frames(load(tree)[0], {range(360): 40})


LEFT_OUT = {
    "n/a\t5\trating\t50": "1 have no onset",
    "200\t5\trating\tn/a": "1 are n/a",
    "200\t5\trating\tmissed": "1 are text",
    "2\t5\trating\t50": "1 have no heat of their own before them",
    "85\t5\trating\t50": "1 have no heat of their own before them",
    "200\tn/a\theat\tn/a\n220\t5\trating\t50": "1 have a heat without duration before them",
    "200\t0\theat\tn/a\n220\t5\trating\t50": "1 have no frame in their window",
    "400\t9\theat\tn/a\n420\t5\trating\t50": "1 have no frame in their window",
}


@pytest.mark.parametrize("row", LEFT_OUT)
def test_ratings_that_cannot_be_used_are_counted_and_the_others_used(tree, one, row):
    write_events(tree, one, f"{TRIALS}\n{row}")
    run, record = load(tree, rating_of="heat")
    check_frames(run, OF_HEAT)
    (note,) = notes_of(record)
    assert note == f"1 of 4 ratings in the events were excluded: {LEFT_OUT[row]}."


def test_text_in_the_rows_of_stimuli_takes_no_rating_from_them(tree, one):
    write_events(tree, one, TRIALS.replace("n/a", "-"))
    run, record = load(tree, rating_of="heat")
    check_frames(run, OF_HEAT)
    (note,) = notes_of(record)
    assert note == "3 of 6 ratings in the events were excluded: 3 are text."


def test_overlapping_windows_end_where_the_next_one_begins(tree, one):
    write_events(tree, one)
    run, record = load(tree, rating_window=(0, 60))
    check_frames(run, {range(30, 80): 40, range(80, 130): 70, range(130, 190): 20})
    (note,) = notes_of(record)
    assert note.startswith("2 of 3 rating windows overlap")


def test_windows_beyond_the_scan_are_cut_and_counted(tree, one):
    write_events(tree, one, "-5\t10\theat\t1\n100\t9\theat\t2\n355\t9\theat\t3")
    run, record = load(tree, rating_of="heat")
    check_frames(run, {range(5): 1, range(100, 109): 2, range(355, 360): 3})
    (note,) = notes_of(record)
    assert note == "2 of 3 rating windows reach beyond the scan, and were cut there."


def test_samples_of_a_tenth_of_a_second_neither_overlap_nor_have_all_a_frame(tree, one):
    rows = [f"{i / 10:.2f}\t0.1\trating\t{i}" for i in range(3600)]
    write_events(tree, one, "\n".join(rows))
    run, record = load(tree, rating_window=(0, 0.1))
    np.testing.assert_array_equal(run.rating, 5 + 10 * np.arange(360))
    np.testing.assert_array_equal(run.event, np.arange(360))
    (note,) = notes_of(record)
    assert "3240 of 3600 ratings in the events were excluded: 3240 have no frame" in note
    with pytest.raises(DerivativesError, match=r"continuous rating, write them as \*_beh.tsv"):
        load(tree)


def test_two_raters_need_a_choice(tree, one):
    header = "onset\tduration\ttrial_type\trating\tpain_vas"
    write_events(tree, one, "10\t9\theat\t1\t5\n50\t9\theat\t2\t6", header)
    with pytest.raises(DerivativesError, match="several columns may be the rating: rating, pain_v"):
        load(tree, rating_of="heat")
    run, _ = load(tree, rating_of="heat", rating_column="pain_vas")
    check_frames(run, {range(10, 19): 5, range(50, 59): 6})


def test_two_scales_in_one_column_are_refused(tree, one):
    rows = "10\t9\tintensity\t1\n10\t9\tunpleasantness\t5\n50\t9\tintensity\t2"
    write_events(tree, one, rows)
    with pytest.raises(DerivativesError, match="1 of its 3 ratings are of the same time .* 5 s on"):
        load(tree, rating_window=(-5, 0))


def test_a_column_that_is_called_something_else_must_be_named(tree, one):
    write_events(tree, one, "10\t9\theat\t1", "onset\tduration\ttrial_type\tintensity")
    with pytest.raises(DerivativesError, match="has the column intensity.*--rating-column"):
        find(tree)
    with pytest.raises(DerivativesError, match="none has any.*has the column intensity"):
        load(tree, rating_of="heat")
    run, record = load(tree, rating_of="heat", rating_column="intensity")
    check_frames(run, {range(10, 19): 1})
    assert notes_of(record) == ["the column 'intensity' was taken as the rating."]


def test_a_column_that_its_sidecar_describes_as_a_rating_is_one(tree, one):
    described = {"q1": {"Description": "Self-reported pain, 0 to 10"}}
    write_events(tree, one, "10\t9\theat\t1", "onset\tduration\ttrial_type\tq1", **described)
    check_frames(load(tree, rating_of="heat")[0], {range(10, 19): 1})


def in_unit(factor):
    rows = [row.split("\t") for row in TRIALS.split("\n")]
    return "\n".join(
        "\t".join([f"{float(o) * factor:g}", f"{float(d) * factor:g}", *rest])
        for o, d, *rest in rows
    )


def test_onsets_in_other_units_are_converted_if_that_is_said_and_refused_otherwise(tree, one):
    described = {"onset": {"Units": "ms"}, "duration": {"Description": "length of the pulse"}}
    write_events(tree, one, in_unit(1000), **described)
    run, record = load(tree, rating_of="heat")
    check_frames(run, OF_HEAT)
    assert any("converted to seconds (column 'onset': ms)" in note for note in record.notes)
    path_of(tree, "*_events.json").unlink()
    with pytest.raises(DerivativesError, match="130000 s, the scan between 0 and 360 s: .* milli"):
        load(tree, rating_of="heat")
    path_of(tree, "*_events.tsv").write_text(f"{HEADER}\n{in_unit(1 / 60)}\n")
    with pytest.raises(DerivativesError, match="2.17 s, .* look like minutes"):
        load(tree, rating_of="heat")


def test_onsets_that_count_from_elsewhere_are_refused(tree, one):
    write_events(tree, one, "1000\t12\theat\tn/a\n1020\t5\trating\t40")
    with pytest.raises(DerivativesError, match="1000 and 1020 s, .* none lies in the scan"):
        load(tree, rating_of="heat")


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        ("time\trating", "1\t5", "has no column onset"),
        (HEADER, "x\t1\theat\t5", "row 1 of column 'onset' is 'x'"),
        (HEADER, "n/a\t9\theat\tn/a\n30\t1\trating\t5", "row of trial_type heat has no onset"),
        (HEADER, "10\t0\theat\t5", "no frame has a rating: 1 have no frame in their window"),
        (HEADER, "10\t0\theat", "data line 1 has 3 columns"),
    ],
)
def test_events_that_cannot_be_read_are_refused(tree, one, header, rows, message):
    write_events(tree, one, rows, header)
    with pytest.raises(DerivativesError, match=f"_events.tsv: .*{message}|{message}"):
        load(tree, rating_of="heat")


def test_a_run_whose_events_have_no_ratings_is_left_out_by_name(tree, rng):
    runs = simulate_runs(rng, n_sessions=1, n_runs=2)
    write_events(tree, runs[0])
    tree.add_run(runs[1])
    inventory = find(tree, rates_events=True)
    assert [run.key.run for run in inventory.runs] == ["1"]
    ((key, reason),) = [(e.key.run, e.reason) for e in inventory.excluded]
    assert key == "2" and reason == "no rating was found in the raw dataset."


def test_frames_of_a_censored_trial_are_not_used(tree, one):
    write_events(tree, one)
    outliers = np.zeros(360)
    outliers[66:78] = 1  # the second trial, 6 frames later
    np.savetxt(path_of(tree, "*_outliers.tsv"), outliers, header="outlier", comments="")
    run, _ = load(tree, rating_of="heat")
    frames = pair_frames(run, lag_frames=6, drop_frames=0)
    np.testing.assert_array_equal(frames.rating, [40] * 12 + [20] * 12)
    np.testing.assert_array_equal(frames.event, [0] * 12 + [2] * 12)


def test_the_lag_is_added_to_a_window_as_the_documentation_says(tree, one):
    write_events(tree, one)

    def bold_read(lag_frames, **options):
        """First and last time of BOLD after the onset of the first stimulus (s)."""
        frames = pair_frames(load(tree, **options)[0], lag_frames=lag_frames, drop_frames=0)
        bold = frames.frame[frames.event == 0] + lag_frames - 10
        return bold.min(), bold.max() + 1

    assert bold_read(6, rating_of="heat") == (6, 18)
    assert bold_read(0, rating_of="heat", rating_window=(4, 20)) == (4, 20)
    assert bold_read(6, rating_of="heat", rating_window=(4, 20)) == (10, 26)


def test_a_code_of_pain_is_no_rating_and_pain_alone_is_noted(tree, one):
    header = "onset\tduration\ttrial_type\tpain"
    code = TRIALS.replace("40", "1").replace("70", "0").replace("20\n", "1\n").split("\n")
    rows = "\n".join(row.replace("\t20", "\t1") for row in code)
    write_events(tree, one, rows, header)
    with pytest.raises(DerivativesError, match="only the numbers 0 and 1, as a code"):
        load(tree, rating_of="heat")
    write_events(tree, one, TRIALS, header)
    run, record = load(tree, rating_of="heat")
    check_frames(run, OF_HEAT)
    assert notes_of(record) == ["the column 'pain' was taken as the rating."]


@pytest.mark.parametrize("filler", ["0", "-1"])
def test_a_filler_in_the_rows_of_stimuli_is_no_rating(tree, one, filler):
    write_events(tree, one, TRIALS.replace("n/a", filler))
    run, record = load(tree, rating_of="heat")
    check_frames(run, OF_HEAT)
    (note,) = notes_of(record)
    assert note.startswith("the ratings in rows of the trial type heat are all the same")
    _, record = load(tree, rating_window=(-5, 0))
    assert any("all ratings in rows of the trial type heat" in n for n in record.notes)


def test_two_scales_in_rows_after_each_stimulus_are_refused(tree, one):
    rows = TRIALS.replace("rating", "intensity").split("\n")
    rows += [f"{t}\t5\tunpleasantness\t{t}" for t in (38, 88, 138)]
    write_events(tree, one, "\n".join(rows))
    with pytest.raises(DerivativesError, match="after each heat: intensity, unpleasantness. It is"):
        load(tree, rating_of="heat")


@pytest.mark.parametrize("own", [True, False])
def test_ratings_of_other_stimuli_are_left_out_and_nothing_else(tree, one, own):
    rows = TRIALS.split("\n") + [
        f"{t}\t5\twarm\tn/a\n{t + 3}\t3\t{'rating_warm' if own else 'rating'}\t{t}"
        for t in (40, 90, 140, 200, 250)
    ]
    write_events(tree, one, "\n".join(rows))
    run, record = load(tree, rating_of="heat")
    check_frames(run, OF_HEAT)
    (note,) = notes_of(record)
    assert note.endswith("excluded: 5 have no heat of their own before them.")
    write_events(tree, one, "\n".join([*rows, "2\t5\trating\t9"]))
    check_frames(load(tree, rating_of="heat")[0], OF_HEAT)


def test_an_expectation_does_not_rate_the_trial_whose_rating_is_missing(tree, one):
    rows = [row for row in TRIALS.split("\n") if not row.endswith("\t40")]
    rows += [f"{t}\t4\texpect\t90" for t in (5, 55, 105)]
    write_events(tree, one, "\n".join(rows))
    run, record = load(tree, rating_of="heat")
    check_frames(run, {range(60, 72): 70, range(110, 122): 20})
    (note,) = notes_of(record)
    assert note == (
        "3 of 5 ratings in the events were excluded: 3 have no heat of their own before them."
    )


def test_ratings_just_before_their_stimulus_are_not_given_to_the_one_before(tree, one):
    rows = [f"{t}\t12\theat\tn/a\n{t - 0.01}\t5\trating\t{t}" for t in (10, 60, 110, 160)]
    write_events(tree, one, "\n".join(rows))
    with pytest.raises(DerivativesError, match="3 of the 3 ratings .* 1 s before the next heat"):
        load(tree, rating_of="heat")


def test_durations_in_milliseconds_are_refused_unless_that_is_said(tree, one):
    rows = TRIALS.replace("\t12\t", "\t12000\t").replace("\t5\t", "\t5000\t")
    write_events(tree, one, rows)
    with pytest.raises(DerivativesError, match="lasts for 12000 s .* after 50 s.*milliseconds"):
        load(tree, rating_of="heat")
    write_events(tree, one, rows, duration={"Units": "ms"})
    check_frames(load(tree, rating_of="heat")[0], OF_HEAT)


def test_marred_numbers_in_events_are_refused_by_their_cell(tree, one):
    for rows in (TRIALS.replace("\t70", "\t70,5"), TRIALS.replace("0\n", "0 %\n")):
        write_events(tree, one, rows)
        with pytest.raises(DerivativesError, match="'rating' has '(70,5|40 %)'.*decimal points"):
            load(tree, rating_of="heat")
    rows = "\n".join(row + ",5" * row.endswith("0") for row in TRIALS.split("\n"))
    write_events(tree, one, rows)
    with pytest.raises(DerivativesError, match="'rating' has '40,5', which is not a number"):
        load(tree, rating_of="heat")


def test_a_number_for_a_missing_rating_of_an_event_is_noted(tree, one):
    write_events(tree, one, TRIALS.replace("\t70", "\t999"))
    run, record = load(tree, rating_of="heat")
    assert run.rating[60] == 999
    assert notes_of(record) == [
        "ratings of 999 are far from all others and were used unchanged. If they mean a "
        "missing rating, write n/a instead."
    ]


def test_the_quality_of_ratings_of_events_is_that_of_the_events(tree, one):
    write_events(tree, one)
    _, record = load(tree, rating_of="heat", rating_range=(20, 100))
    quality = record.quality
    assert (quality.lowest, quality.highest, quality.n_gaps) == (20, 70, 0)
    assert quality.mean == pytest.approx(130 / 3) and quality.sd == pytest.approx(25.16611478)
    assert quality.share_at_floor == pytest.approx(1 / 3) and quality.share_out_of_range == 0
    counts = dict.fromkeys(
        ("n_censored", "n_frames", "n_in_no_training_bin", "n_kept", "n_training_bins_lost"), 0
    )
    assert check_run(counts, quality) == []


def test_options_of_events_are_checked():
    with pytest.raises(ValueError, match="rating_window is .* the start, then the later end"):
        Settings(rating_window=(4.0, 4.0))
    with pytest.raises(ValueError, match="rating_recording is 'vas', but rating_window"):
        Settings(rating_of="heat", rating_recording="vas")


def test_a_window_before_the_onset_can_be_given_on_the_command_line(tree, one, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    write_events(tree, one)
    out = tree.root.parent / "out"
    options = ["--rating-window", "-20", "0", "--drop", "0", "--lag", "0", "--min-run", "5"]
    main(["run", str(tree.root), str(out), "participant", "--dry-run", *options, *QUICK])
    said = "".join(capsys.readouterr())
    assert "use      ses-01 task-rating run-1" in said and "run-1_events.tsv" in said


@pytest.mark.needs("heat_pain")
def test_real_ratings_of_heat_have_the_frames_of_their_stimuli():
    root = SHARED / "data" / "heat_pain"
    raw, derived = Dataset(root, "raw"), Dataset(root / "derivatives" / "xcp_d", "xcp_d")
    settings = Settings(rating_of="heat", rating_window=(4, 20))
    n_runs = 0
    for participant in raw.participants():
        found = find_runs(raw, [derived], participant, DataSelection(rates_events=True))
        assert not found.excluded
        for files in found.runs:
            run, record = load_run(files, settings)
            (events,) = (f.path for f in files.rating)
            check_heat(run, events)
            assert not notes_of(record)
            n_runs += 1
    assert n_runs == 26


def check_heat(run, path: Path):
    """The frames and ratings of a run, from the lines of its events."""
    rows = [line.split("\t") for line in path.read_text().splitlines()[1:]]
    stimuli = [float(row[0]) for row in rows if row[2] == "heat"]
    ratings = [(float(row[0]), float(row[4])) for row in rows if row[2] == "rating"]
    assert run.event.max() + 1 == len(ratings)
    for k, (onset, rating) in enumerate(ratings):
        stimulus = max(s for s in stimuli if s <= onset)
        middle = run.tr_s * (np.arange(len(run.rating)) + 0.5)
        expected = (middle >= stimulus + 4) & (middle < stimulus + 20)
        np.testing.assert_array_equal(run.event == k, expected)
        assert set(run.rating[expected]) == {rating} and expected.sum() == 8
