"""When the samples of a rating were taken, and whether they fit the scan."""

import gzip
import json

import numpy as np
import pytest
from conftest import simulate_runs, write_json, write_table
from test_load import load_first, path_of

from painprint import Settings
from painprint.bids.clock import check_clock
from painprint.bids.rating_columns import seconds_in_unit, time_column
from painprint.bids.ratings import RatingRecording, frame_ratings, rating_quality
from painprint.errors import DerivativesError

SCAN = (0.0, 200.0)


@pytest.fixture
def one(rng):
    return simulate_runs(rng, n_sessions=1, n_runs=1)[0]


def write_beh(tree, one, name="time", *, factor=1.0, offset=0.0, sidecar=None):
    """The rating at mid-frame as beh.tsv, its times in another unit or on another clock."""
    times = (np.arange(360) + 0.5 + offset) * factor
    path = path_of(tree, "*_beh.tsv")
    write_table(path, [name, "rating"], np.stack([times, one.rating], axis=1))
    if sidecar is not None:
        write_json(path.with_suffix(".json"), sidecar)


def write_physio(tree, one, *, offset=0.0, columns=("time", "pain"), **sidecar):
    """The rating at mid-frame as physio.tsv.gz with a column of times."""
    rows = zip(np.arange(360) + 0.5 + offset, one.rating, strict=True)
    path = path_of(tree, "*_physio.tsv.gz")
    path.write_bytes(gzip.compress("".join(f"{t:.17g}\t{r:.17g}\n" for t, r in rows).encode()))
    content = {"StartTime": 0.5, "Columns": list(columns), **sidecar}
    write_json(path_of(tree, "*_physio.json"), {k: v for k, v in content.items() if v is not None})


@pytest.mark.parametrize(
    ("name", "is_time", "seconds"),
    [
        ("time", True, 1), ("Time (s)", True, 1), ("time_ms", True, 1e-3), ("onset", True, 1),
        ("timeMs", True, 1e-3), ("seconds", True, 1), ("t", True, 1), ("timestamp", True, 1),
        ("time_µs", True, 1e-6), ("t_min", True, 60), ("elapsed_time_s", True, 1),
        ("response_time", False, 1), ("rating_rt", False, 1), ("duration", False, 1),
        ("time_of_day", False, 1), ("min", False, 60), ("TimeStamp", True, 1),
        ("lsl_timestamp", True, 1), ("unix_time", True, 1), ("device_time", True, 1),
        ("trial_time", True, 1), ("time_from_trigger", True, 1), ("elapsed_s", True, 1),
        ("rating_time", True, 1), ("rating.time", True, 1), ("TimeStamp(ms)", True, 1e-3),
        ("start_time", False, 1), ("rating_s", False, 1), ("reaction_time", False, 1),
    ],
)  # fmt: skip
def test_columns_of_times_are_known_by_their_words(name, is_time, seconds):
    assert time_column((name, "rating")) == (name if is_time else None)
    assert seconds_in_unit(name, None) == seconds


@pytest.mark.parametrize(
    ("units", "seconds"),
    [
        ("s", 1), ("seconds since the start of the scan", 1), ("ms", 1e-3), ("milli seconds", 1e-3),
        ("msec.", 1e-3), ("µs", 1e-6), ("min", 60), ("n/a", 1), ("frames", None), ("TR", None),
        ("0.1 s", 0.1), ("10 ms", 0.01), ("1e-3 s", 1e-3), ("1/10 s", None), ("s/10", None),
        ("tenths of a second", None), ("s (0 at the first TTL)", 1),
    ],
)  # fmt: skip
def test_units_of_times_are_known_or_refused(units, seconds):
    assert seconds_in_unit("time", units) == seconds


def test_a_unit_in_the_name_that_contradicts_the_sidecar_is_not_known():
    assert seconds_in_unit("time_ms", "s") is None


@pytest.mark.parametrize(
    ("name", "units", "factor"),
    [("time", "ms", 1e3), ("time_ms", None, 1e3), ("onset", "min", 1 / 60), ("t", "µs", 1e6)],
)
def test_times_are_read_in_their_unit(tree, one, name, units, factor):
    tree.add_run(one, rating="beh")
    sidecar = {name: {"Units": units}} if units else None
    write_beh(tree, one, name, factor=factor, sidecar=sidecar)
    run, record = load_first(tree)
    np.testing.assert_allclose(run.rating, one.rating, atol=1e-6)
    assert any("were converted to seconds" in note for note in record.notes)


@pytest.mark.parametrize(
    ("factor", "offset", "message"),
    [
        (1e3, 0, "lasts from 500 to 360500 s .360000 s., the scan from 0 to 360 s .* milliseconds"),
        (1e6, 0, "look like microseconds"),
        (1 / 60, 0, r"from 0.00833 to 6.01 s .* look like minutes"),
        (100, 0, "is 100 times as long"),
        (1, 1.7e9, "from 1700000000 to 1700000360 s .*do not overlap.*--rating-start"),
        (1, -900, "do not overlap"),
    ],
)
def test_times_that_cannot_be_those_of_the_scan_are_refused(tree, one, factor, offset, message):
    tree.add_run(one, rating="beh")
    write_beh(tree, one, factor=factor, offset=offset)
    for settings in (Settings(), Settings(preset="paper")):
        with pytest.raises(DerivativesError, match=message) as caught:
            load_first(tree, settings)
        assert "_beh.tsv" in str(caught.value)


def test_an_unknown_unit_is_refused(tree, one):
    tree.add_run(one, rating="beh")
    write_beh(tree, one, sidecar={"time": {"Units": "frames"}})
    with pytest.raises(DerivativesError, match="Units of its column 'time' are 'frames'"):
        load_first(tree)


@pytest.mark.parametrize("frequency", [0.5, 2, 1.011, "2"])
def test_times_that_contradict_the_sampling_frequency_are_refused(tree, one, frequency):
    tree.add_run(one)
    write_physio(tree, one, SamplingFrequency=frequency)
    with pytest.raises(DerivativesError, match=r"1 s apart \(1 Hz\), but SamplingFrequency .* Hz"):
        load_first(tree)
    tree.add_run(one, rating="beh")
    path_of(tree, "*_physio.tsv.gz").unlink()
    write_beh(tree, one, sidecar={"SamplingFrequency": frequency})
    with pytest.raises(DerivativesError, match="'time' are 1 s apart"):
        load_first(tree)


@pytest.mark.parametrize(
    "name",
    ["TimeStamp", "lsl_timestamp", "unix_time", "device_time", "trial_time", "time_from_trigger",
     "elapsed_s", "time_of_acquisition"],
)  # fmt: skip
def test_times_of_any_name_are_compared_with_the_sampling_frequency(tree, one, name):
    tree.add_run(one)
    write_physio(tree, one, columns=(name, "rating"), SamplingFrequency=1.02, offset=7.25)
    with pytest.raises(DerivativesError, match=f"'{name}' .* but SamplingFrequency .* 1.02 Hz"):
        load_first(tree)
    write_physio(tree, one, columns=(name, "rating"), SamplingFrequency=1)
    np.testing.assert_allclose(load_first(tree)[0].rating, one.rating, atol=1e-12)


def test_times_within_trials_are_not_those_of_the_samples(tree, one):
    tree.add_run(one)
    write_physio(tree, one, columns=("trial_time", "rating"), SamplingFrequency=1)
    rows = "".join(f"{i % 30}\t{r:.17g}\n" for i, r in enumerate(one.rating))
    path_of(tree, "*_physio.tsv.gz").write_bytes(gzip.compress(rows.encode()))
    np.testing.assert_allclose(load_first(tree)[0].rating, one.rating, atol=1e-12)


def test_times_of_day_beside_a_rating_do_no_harm(tree, one):
    tree.add_run(one)
    write_physio(tree, one, columns=("time_of_day", "rating"), SamplingFrequency=1)
    path = path_of(tree, "*_physio.tsv.gz")
    rows = [f"10:{i // 60:02}:{i % 60:02}\t{r:.17g}\n" for i, r in enumerate(one.rating)]
    path.write_bytes(gzip.compress("".join(rows).encode()))
    np.testing.assert_allclose(load_first(tree)[0].rating, one.rating, atol=1e-12)


def test_times_with_a_factor_in_their_unit_are_multiplied(tree, one):
    tree.add_run(one, rating="beh")
    write_beh(tree, one, factor=10, sidecar={"time": {"Units": "0.1 s"}})
    np.testing.assert_allclose(load_first(tree)[0].rating, one.rating, atol=1e-6)
    write_beh(tree, one, factor=10, sidecar={"time": {"Units": "1/10 s"}})
    with pytest.raises(DerivativesError, match="'1/10 s', which is not known as a unit"):
        load_first(tree)


@pytest.mark.parametrize("frequency", [1, 1.009, None])
def test_times_win_over_a_nominal_frequency(tree, one, frequency):
    tree.add_run(one)
    write_physio(tree, one, SamplingFrequency=frequency)
    np.testing.assert_allclose(load_first(tree)[0].rating, one.rating, atol=1e-12)


def test_rounded_times_and_lost_samples_do_not_contradict_the_frequency(tree, one):
    tree.add_run(one, rating="beh")
    times = np.round(np.arange(0, 360, 1 / 60), 3)
    times = np.delete(times, np.arange(50, len(times), 40))
    value = np.interp(times, np.arange(360) + 0.5, one.rating)
    path = path_of(tree, "*_beh.tsv")
    write_table(path, ["time", "rating"], np.stack([times, value], axis=1))
    write_json(path.with_suffix(".json"), {"SamplingFrequency": 60})
    run, record = load_first(tree)
    np.testing.assert_allclose(run.rating, one.rating, atol=0.02)
    assert not any("logged" in note for note in record.notes)


def test_the_first_sample_of_a_headerless_file_is_at_its_start_time(tree, one):
    tree.add_run(one)
    right = {  # offset of the times, StartTime, name of the column
        "from the recording's start": (-0.5, 0.5, "time"),
        "from the scan's start": (0.0, 0.5, "time"),
        "from the scan's start, later": (20.0, 20.5, "time"),
        "from a device's start": (5000.0, 0.5, "timestamp"),
    }
    for offset, start_s, name in right.values():
        write_physio(tree, one, offset=offset, columns=(name, "pain"), StartTime=start_s)
        shift = round(start_s - 0.5)
        run, _ = load_first(tree)
        np.testing.assert_allclose(run.rating[shift:], one.rating[: 360 - shift], atol=1e-9)
        assert np.isnan(run.rating[:shift]).all()


def test_a_start_that_contradicts_the_times_is_refused_unless_it_is_given(tree, one):
    tree.add_run(one)
    write_physio(tree, one, offset=20, StartTime=0)
    with pytest.raises(DerivativesError, match="first sample is at 20.5 s .* at 0 s by StartTime"):
        load_first(tree)
    run, _ = load_first(tree, Settings(rating_start_s=0.5))
    np.testing.assert_allclose(run.rating, one.rating, atol=1e-12)


def test_a_start_time_that_the_times_include_is_not_added(tree, one):
    tree.add_run(one, rating="beh")
    write_beh(tree, one, offset=10, sidecar={"StartTime": 10.5})
    run, record = load_first(tree)
    np.testing.assert_allclose(run.rating[10:], one.rating[:-10], atol=1e-12)
    assert any("StartTime was not added" in note for note in record.notes)
    write_beh(tree, one, sidecar={"StartTime": 10})
    np.testing.assert_allclose(load_first(tree)[0].rating[10:], one.rating[:-10], atol=1e-12)


def regular(start_s, end_s, hz=10.0, **more):
    time_s = np.arange(0, end_s - start_s - 0.5 / hz, 1 / hz)
    return RatingRecording(time_s, np.sin(time_s), start_s=start_s, **more)


@pytest.mark.parametrize(
    ("start_s", "end_s", "notes"),
    [
        (0, 200, []),
        (0, 200.9, []),
        (-5, 200, []),
        (10, 200, ["the rating starts 10 s after the first frame."]),
        (0, 140, ["the rating ends 60 s before the scan does."]),
        (0, 214, ["the rating continues for 14 s after the scan."]),
        (-1000, 5000, ["the rating continues for 4800 s after the scan."]),
    ],
)
def test_only_what_does_not_overlap_is_noted(start_s, end_s, notes):
    recording = regular(start_s, end_s)
    assert recording.span_s == pytest.approx((start_s, end_s))
    assert list(check_clock(recording, *SCAN, tr_s=0.8)) == notes


def test_a_scan_without_frames_is_not_the_ratings_fault():
    assert check_clock(regular(0, 200), 0.0, 0.0, tr_s=1.0) == ()


def test_less_than_a_frame_is_not_noted():
    assert check_clock(regular(1.9, 198.1), *SCAN, tr_s=2.0) == ()
    assert len(check_clock(regular(1.9, 198.1), *SCAN, tr_s=0.5)) == 2


def test_a_rating_with_the_scan_has_no_note_and_the_studys_own_start_has_one(tree, one):
    tree.add_run(one)
    _, record = load_first(tree)
    assert not any("the rating " in note for note in record.notes)
    sidecar = json.loads(path_of(tree, "*_physio.json").read_text())
    write_json(path_of(tree, "*_physio.json"), {**sidecar, "StartTime": 10})
    path = path_of(tree, "*_physio.tsv.gz")
    path.write_bytes(gzip.compress(b"".join(gzip.open(path).readlines()[:350])))
    _, record = load_first(tree)
    ours = [note for note in record.notes if "rating" in note]
    assert ours == ["the rating starts 10 s after the first frame."]


HELD = RatingRecording([2, 10, 11, 60], [0.1, 0.5, 0.2, 0.9], hold=True)


def test_a_sample_holds_until_the_next_one():
    rating = frame_ratings(HELD, 100, tr_s=1.0, max_gap_s=5.0)
    expected = [np.nan] * 2 + [0.1] * 8 + [0.5] + [0.2] * 49 + [0.9] * 40
    np.testing.assert_array_equal(rating, expected)
    quality = rating_quality(HELD, rating, max_gap_s=5.0)
    assert (quality.lowest, quality.highest) == (0.1, 0.9)
    assert quality.mean == pytest.approx(np.nanmean(expected))
    assert (quality.n_gaps, quality.longest_gap_s) == (0, 0)
    assert quality.longest_stuck_s == 49
    assert quality.share_of_scan_rated == 0.98


def test_a_missing_sample_holds_too():
    recording = RatingRecording([0, 2, 4], [1, np.nan, 3], hold=True)
    rating = frame_ratings(recording, 6, tr_s=1.0)
    np.testing.assert_array_equal(rating, [1, 1, np.nan, np.nan, 3, 3])


def test_the_last_sample_holds_to_the_end_and_that_is_counted_where_it_is_long():
    held = RatingRecording([0, 1, 2, 3], [0, 1, 0, 1], hold=True)
    assert check_clock(held, 0, 60, tr_s=1) == check_clock(HELD, 2, 60, tr_s=1) == ()
    (note,) = check_clock(held, *SCAN, tr_s=1)
    assert note == "the last rating sample holds for the last 197 s of the scan."
    with pytest.raises(ValueError, match="milliseconds"):
        check_clock(RatingRecording([0, 9e4, 2e5], [0, 1, 0], hold=True), *SCAN, tr_s=1)


def on_change(rng):
    """A slider of eleven positions, sampled at 10 Hz but logged when it moves: times and values."""
    value = np.round(np.repeat(rng.permutation(np.arange(12) % 11), 300) / 10, 1)
    value[1:1800:300] += 0.05  # on its way
    at = np.concatenate([[0], np.flatnonzero(np.diff(value)) + 1])
    return at / 10, value[at], value[5::10]


def test_a_slider_that_is_logged_when_it_moves_is_held_if_asked_for(tree, one, rng):
    tree.add_run(one, rating="beh")
    time_s, value, truth = on_change(rng)
    write_table(path_of(tree, "*_beh.tsv"), ["time", "rating"], np.stack([time_s, value], axis=1))
    with pytest.raises(
        DerivativesError, match="only when it changes.*of 360 frames.*--rating-hold"
    ):
        load_first(tree)
    _, record = load_first(tree, Settings(rating_max_gap_s=1000))
    assert any("interpolated between its samples" in note for note in record.notes)
    run, record = load_first(tree, Settings(rating_hold=True))
    np.testing.assert_array_equal(run.rating, truth)
    assert record.quality.n_gaps == 0
    assert not any("logged" in note for note in record.notes)


def test_regular_ratings_do_not_look_like_changes(rng):
    jittered = np.cumsum(rng.uniform(0.08, 0.12, 2000))
    assert not RatingRecording(jittered, rng.normal(size=2000)).looks_on_change
    lost = np.delete(np.arange(2000) / 10, slice(500, 700))
    assert not RatingRecording(lost, rng.normal(size=1800)).looks_on_change
    steps = np.cumsum(rng.exponential(size=2000))
    assert not RatingRecording(steps, np.round(rng.random(2000), 1)).looks_on_change
    assert RatingRecording(steps, rng.normal(size=2000)).looks_on_change


def test_one_repeated_value_and_a_closing_row_do_not_hide_that_changes_are_logged(tree, one, rng):
    tree.add_run(one, rating="beh")
    time_s, value, truth = on_change(rng)
    time_s = np.insert(np.append(time_s, 360.0), 6, (time_s[5] + time_s[6]) / 2)
    value = np.insert(np.append(value, value[-1]), 6, value[5])
    write_table(path_of(tree, "*_beh.tsv"), ["time", "rating"], np.stack([time_s, value], axis=1))
    with pytest.raises(DerivativesError, match="only when it changes.*--rating-hold"):
        load_first(tree)
    for settings in (Settings(preset="paper"), Settings(rating_max_gap_s=1000)):
        notes = load_first(tree, settings)[1].notes
        assert any("interpolated between its samples" in note for note in notes)
    run, _ = load_first(tree, Settings(rating_hold=True))
    np.testing.assert_array_equal(run.rating, truth)


def test_dropped_frames_of_a_screen_do_not_look_like_changes(rng):
    time_s = np.arange(18000)[rng.random(18000) > 0.15] / 60
    assert not RatingRecording(time_s, rng.normal(size=len(time_s))).looks_on_change
