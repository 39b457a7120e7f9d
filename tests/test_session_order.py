"""Order of sessions and days between them, and which columns of sessions.tsv are covariates."""

import numpy as np
import pandas as pd
import pytest

from painprint.bids.covariates import choose_covariates
from painprint.bids.sessions import read_sessions
from painprint.errors import DerivativesError
from painprint.files.dataset import Dataset

NAN = float("nan")


def read(tmp_path, times, labels=None, *, scans=False, more=None):
    """Sessions and notes of a participant whose sessions have these acquisition times."""
    root = tmp_path / "raw"
    labels = labels or [f"{i:02d}" for i in range(1, len(times) + 1)]
    for label, time in zip(labels, times, strict=True):
        folder = root / f"sub-01/ses-{label}"
        (folder / "func").mkdir(parents=True)
        (folder / f"func/sub-01_ses-{label}_task-rating_physio.json").write_text("{}")
        if scans:
            path = folder / f"sub-01_ses-{label}_scans.tsv"
            path.write_text(f"filename\tacq_time\nfunc/a\tn/a\nfunc/b\t{time}\n")
    if not scans or more is not None:
        table = pd.DataFrame({"session_id": [f"ses-{label}" for label in labels]})
        table = table if scans else table.assign(acq_time=times)
        table = table.assign(**(more or {}))
        table.to_csv(root / "sub-01/sub-01_sessions.tsv", sep="\t", index=False, na_rep="n/a")
    return read_sessions(Dataset(root, "raw").files_of("01"))


BIDSCOIN = [f"1925-01-01T{h}:00" for h in ("16:10", "09:05", "14:00", "11:30", "08:15", "17:45")]


@pytest.mark.parametrize("scans", [False, True])
@pytest.mark.parametrize(
    ("times", "seen"),
    [
        (BIDSCOIN, "all sessions have one and the same date"),
        (["2024-03-05T10:00:00", "2024-03-05T09:00:00"], "all sessions have one and the same date"),
        (["1900-01-01"] * 3, "all sessions have one and the same date"),
        (["16:10:00", "09:05:00", "14:00:00.250"], "all sessions have a time of day without a"),
        (["1911-11-02T10:00:00", "1911-12-30T10:00:00", "1911-01-20T10:00:00"],
         "anonymised dates (up to 1925) that contradict the numbers"),
        (["1925-01-01", "2020-01-01", "2020-01-02"], "dates with more than 10 years between"),
        (["2020-01-01", "2020-01-02", "1925-01-01"], "dates with more than 10 years between"),
        (["2020-01-01T09:00:00", "1970-01-01T00:03:00", "2020-01-09T09:00:00"],
         "all sessions have dates with more than 10 years between"),
        (["1925-01-01T09:00:00", "1925-01-01T09:00:00", "2020-01-09T09:00:00"],
         "all sessions have dates with more than 10 years between"),
        (["last week", "n/a"], "acq_time must look like 2000-01-31T12:00:00 or be n/a: days"),
    ],
)  # fmt: skip
def test_times_that_cannot_be_right_leave_the_order_of_labels(tmp_path, times, seen, scans):
    sessions, notes = read(tmp_path, times, scans=scans, more={"dose_mg": range(len(times))})
    assert list(sessions["session"]) == [f"{i:02d}" for i in range(1, len(times) + 1)]
    assert sessions["days"].isna().all()
    assert list(sessions["dose_mg"]) == list(range(len(times)))
    (note,) = notes
    assert seen in note and "days are unknown" in note and "later sessions" in note
    assert "2024" not in note


@pytest.mark.parametrize("scans", [False, True])
@pytest.mark.parametrize(
    ("times", "days"),
    [
        (["2024-03-01", "2024-03-04", "2024-03-09"], [0, 3, 8]),
        (["1911-11-02T10:00:00", "1911-11-04T22:00:00", "1912-01-02T10:00:00"], [0, 2.5, 61]),
        (["2024-03-01T08:00:00Z", "2024-03-01T20:00:00+00:00", "2024-03-02T08:00:00"], [0, 0.5, 1]),
        (["n/a", "n/a", "n/a"], [NAN] * 3),
    ],
)
def test_good_times_become_days_without_a_note(tmp_path, times, days, scans):
    sessions, notes = read(tmp_path, times, scans=scans)
    np.testing.assert_array_equal(sessions["days"], days)
    assert notes == ()


@pytest.mark.parametrize(
    ("times", "labels", "order", "days", "note"),
    [
        (["2024-03-09", "2024-03-01", "2024-03-01"], None, ["02", "03", "01"], [0, 0, 8],
         "contradict the numbers in their labels"),
        (["2024-03-01", "2024-03-01", "2024-03-05"], None, ["01", "02", "03"], [0, 0, 4],
         "ses-01, ses-02 share a date"),
        (["2024-03-01T09:30:00", "2024-03-04T10:00:00", "2024-03-04T10:00:00"], None,
         ["01", "02", "03"], [0, NAN, NAN], "ses-02, ses-03 have one and the same time"),
        (["2024-03-01", "n/a", "2024-03-05"], None, ["01", "02", "03"], [0, NAN, 4],
         "some sessions have no time"),
        (["2024-03-05", "n/a", "2024-03-01"], None, ["01", "02", "03"], [NAN] * 3,
         "ses-01, ses-03 have dates that contradict the numbers"),
        (["2024-03-05", "12:30", "2024-03-08"], None, ["01", "02", "03"], [0, NAN, 3],
         "ses-02 has a time of day without a date; some sessions have no time"),
        (["n/a", "n/a"], ["pre", "post"], ["post", "pre"], [NAN] * 2,
         "the labels post, pre have no number"),
        (["2024-03-01", "2024-03-05"], ["pre", "post"], ["pre", "post"], [0, 4], None),
        (["XXXX-03-01", "n/a"], None, ["01", "02"], [NAN] * 2, "times not used"),
    ],
)  # fmt: skip
def test_what_is_known_in_part_is_used_and_said(tmp_path, times, labels, order, days, note):
    sessions, notes = read(tmp_path, times, labels, more={"dose_mg": range(len(times))})
    assert list(sessions["session"]) == order
    np.testing.assert_array_equal(sessions["days"], days)
    assert "dose_mg" in sessions
    assert len(notes) == (note is not None) and all(note in n for n in notes)


def write_scans(root, session, *times):
    path = root / f"sub-01/ses-{session}/sub-01_ses-{session}_scans.tsv"
    path.write_text("filename\tacq_time\n" + "".join(f"func/x\t{time}\n" for time in times))


@pytest.mark.parametrize(
    "placeholder", ["1970-01-01", "1925-01-01T08:00:00", "2000-01-01T00:04:10"]
)
def test_a_scan_of_a_clock_that_was_not_set_is_not_used(tmp_path, placeholder):
    read(
        tmp_path, ["2020-03-01T09:00:00", "2020-03-04T09:00:00", "2020-03-08T09:00:00"], scans=True
    )
    write_scans(tmp_path / "raw", "02", placeholder, "2020-03-04T10:00:00", "2020-03-04T09:00:00")
    sessions, (note,) = read_sessions(Dataset(tmp_path / "raw", "raw").files_of("01"))
    assert list(sessions["session"]) == ["01", "02", "03"]
    np.testing.assert_array_equal(sessions["days"], [0, 3, 7])
    assert note.startswith("ses-02 has scans with dates more than a year before others")


def test_one_table_of_the_scans_of_all_sessions_has_their_times(tmp_path):
    read(tmp_path, ["n/a"] * 3)
    rows = zip(("02", "01", "03"), ("2020-03-02", "2020-03-01", "2020-03-09"), strict=True)
    (tmp_path / "raw/sub-01/sub-01_scans.tsv").write_text(
        "filename\tacq_time\n"
        + "".join(f"ses-{s}/func/sub-01_ses-{s}_task-a_bold.nii.gz\t{t}\n" for s, t in rows)
    )
    sessions, notes = read_sessions(Dataset(tmp_path / "raw", "raw").files_of("01"))
    np.testing.assert_array_equal(sessions["days"], [0, 1, 8])
    assert notes == ()


def with_names(tmp_path, *names, labels=None):
    """Sessions and notes where sessions.tsv names its sessions so."""
    read(tmp_path, ["n/a"] * (len(labels) if labels else len(names)), labels)
    rows = "".join(f"{name}\t2020-03-0{i + 1}\t{10 * i}\n" for i, name in enumerate(names))
    table = tmp_path / "raw/sub-01/sub-01_sessions.tsv"
    table.write_text("session_id\tacq_time\tdose_mg\n" + rows)
    return read_sessions(Dataset(tmp_path / "raw", "raw").files_of("01"))


@pytest.mark.parametrize(
    "names",
    [("1", "2", "3"), ("ses-1", "Ses-2", "SES-03"), ("1.0", "2.0", "3.0"), ("001", "2", "03")],
)
def test_names_of_sessions_may_be_written_in_other_ways(tmp_path, names):
    sessions, notes = with_names(tmp_path, *names)
    np.testing.assert_array_equal(sessions["days"], [0, 1, 2])
    assert list(sessions["dose_mg"]) == [0, 10, 20] and notes == ()


def test_rows_of_no_session_are_noted_beside_sessions_without_a_row(tmp_path):
    sessions, notes = with_names(tmp_path, "ses-01", "ses-visit2", "ses-03")
    np.testing.assert_array_equal(sessions["days"], [0, NAN, 2])
    np.testing.assert_array_equal(sessions["dose_mg"], [0, NAN, 20])
    assert any(
        "no row for ses-02, but rows of sessions that do not exist: visit2" in n for n in notes
    )


def test_a_name_that_another_session_has_exactly_is_not_taken_for_it(tmp_path):
    sessions, _ = with_names(tmp_path, "ses-1", "ses-2", labels=["01", "1", "2"])
    np.testing.assert_array_equal(sessions.set_index("session").loc[["1", "2"], "days"], [0, 1])
    assert np.isnan(sessions.set_index("session").loc["01", "days"])


def test_a_session_without_an_mri_scan_is_no_reason_for_a_note(tmp_path):
    sessions, notes = with_names(tmp_path, "ses-01", "ses-02", "ses-screening", labels=["01", "02"])
    np.testing.assert_array_equal(sessions["days"], [0, 1])
    assert notes == ()


def test_a_column_of_days_stands_in_for_times_that_cannot_be_right(tmp_path):
    sessions, notes = read(tmp_path, BIDSCOIN, scans=True, more={"days": [0, 7, 14, 20, 30, 41]})
    assert list(sessions["days"]) == [0, 7, 14, 20, 30, 41] and notes == ()


def test_one_number_of_days_for_all_sessions_is_no_order(tmp_path):
    sessions, (note,) = read(tmp_path, ["n/a"] * 3, more={"days": [0, 0, 0]})
    assert sessions["days"].isna().all() and "the same number of days" in note


# --- covariates -----------------------------------------------------------------------------


def covariates(tmp_path, not_a_covariate=(), **columns):
    root = tmp_path / "raw"
    n = len(next(iter(columns.values())))
    sessions, _ = read(tmp_path, ["n/a"] * n, more=columns)
    return choose_covariates(sessions, not_a_covariate, Dataset(root, "raw").files_of("01"))


COLUMNS = {
    "bpi_pain_now": [3.1, 4.5, 2.0, 6.1],
    "redcap_record": [1001, 1002, 1003, 1004],
    "dose_mg": [10, 20, 30, 40],
    "comment": ["a", "b", "c", "d"],
}


def test_outcomes_and_record_numbers_can_be_left_out(tmp_path):
    sessions, notes = covariates(tmp_path, ["bpi_pain_now", "redcap_record", "comment"], **COLUMNS)
    assert list(sessions.columns) == ["session", "days", "dose_mg"] and notes == ()


def test_columns_that_may_be_no_covariates_are_used_and_noted(tmp_path):
    sessions, notes = covariates(tmp_path, **COLUMNS)
    assert list(sessions.columns) == ["session", "days", "bpi_pain_now", "redcap_record", "dose_mg"]
    assert len(notes) == 2
    assert "pain score" in notes[0] and "--not-a-covariate bpi_pain_now" in notes[0]
    assert "numbers the sessions" in notes[1] and "--not-a-covariate redcap_record" in notes[1]


OUTCOMES = (
    "average_rating intensity mean_intensity unpleasantness headache_days migraine_days avgVAS "
    "mcgill SF-MPQ gcps schmerz promis_pi HIT_6 BPIinterference pain_before_medication "
    "pain_after_opioid pain_medication_vas day study_day Week"
).split()
NO_OUTCOMES = (
    "pain_medication migraine_medication pain_dose exercise_intensity mood_vas sleep_rating age "
    "medication_days days_off"
).split()


@pytest.mark.parametrize(
    ("name", "values", "noted"),
    [
        ("visit", [1, 2, 3, 4], True),
        ("record_id", [311, 207, 512, 100], True),
        ("VAS", [3, 1, 4, 1], True),
        ("nrs_worst", [3, 1, 4, 1], True),
        ("medication_mg", [0, 25, 50, 75], False),
        ("painkiller_mg", [0, 25, 50, 75], False),
        ("sleep_h", [7, 6.5, 8, 5], False),
        ("canvas", [1, 5, 2, 9], False),
        ("video_id_score", [1, 1, 2, 2], False),
        ("weight_kg", [70, 71, 71, 72], False),
        *((name, [3, 7, 5, 2], True) for name in OUTCOMES),
        *((name, [3, 7, 5, 2], False) for name in NO_OUTCOMES),
    ],
)
def test_only_numbers_and_times_of_sessions_and_scores_of_pain_are_noted(
    tmp_path, name, values, noted
):
    sessions, notes = covariates(tmp_path, **{name: values})
    assert list(sessions[name]) == values and len(notes) == noted


def test_a_time_in_another_column_is_no_time_and_the_note_says_so(tmp_path):
    sessions, (note,) = covariates(tmp_path, week=[0, 2, 3, 7])
    assert sessions["days"].isna().all() and list(sessions["week"]) == [0, 2, 3, 7]
    assert "days since the first session are read from the column days alone" in note


def test_an_unknown_column_is_refused_with_those_there_are(tmp_path):
    message = "has no covariate bpi. There are: bpi_pain_now, comment, dose_mg, redcap_record"
    with pytest.raises(DerivativesError, match=message):
        covariates(tmp_path, ["bpi"], **COLUMNS)
