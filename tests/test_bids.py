"""StageResult files: spellings, choices, sidecars, sessions."""

import json

import pytest
from conftest import simulate_runs, write_json, write_table

from painprint.bids.find import DataSelection, find_runs
from painprint.errors import DerivativesError
from painprint.files.dataset import Dataset, inherited_metadata, parse_name
from painprint.runs import natural


def find(tree, sub="01", **choices):
    raw, derivatives = Dataset(tree.root, "raw"), [Dataset(tree.derivatives, "derivatives1")]
    return find_runs(raw, derivatives, sub, DataSelection(**choices))


def keys(inventory):
    return [str(run.key) for run in inventory.runs]


def rename(tree, change):
    """Rename derivative files."""
    for path in sorted(tree.derivatives.rglob("sub-*_*")):
        if path.is_file():
            path.rename(path.with_name(change(path.name)))


def test_a_clean_dataset_is_found_whole(derivatives):
    found = find(derivatives)
    assert keys(found)[:3] == [
        "ses-01 task-rating run-1",
        "ses-01 task-rating run-2",
        "ses-02 task-rating run-1",
    ]
    assert len(found.runs) == 10 and not found.excluded
    assert found.atlas == "A" and found.tasks == ("rating",) and found.simulated
    assert found.region_table.path.name == "atlas-A_dseg.tsv"
    assert all(run.outliers and run.motion for run in found.runs)


SPELLINGS = {
    "XCP-D 26": lambda name: name.replace("atlas-A_stat", "atlas-A_den-91k_stat"),
    "seg for atlas": lambda name: name.replace("atlas-A", "seg-A"),
    "no stat": lambda name: name.replace("_stat-mean", ""),
    "no space": lambda name: name.replace("_space-fsLR", ""),
    "padded runs": lambda name: name.replace("run-", "run-0"),
    "filtered motion": lambda name: name.replace("_motion", "_desc-filtered_motion"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_a_derivative_is_found(derivatives, spelling):
    rename(derivatives, SPELLINGS[spelling])
    found = find(derivatives)
    assert len(found.runs) == 10 and not found.excluded
    assert all(run.outliers and run.motion for run in found.runs)


def test_statistics_other_than_the_mean_are_not_time_series(derivatives):
    rename(derivatives, lambda name: name.replace("stat-mean", "stat-coverage"))
    with pytest.raises(DerivativesError, match="no regional time series"):
        find(derivatives)


def test_a_dataset_without_sessions_is_found(tree, rng):
    for run in simulate_runs(rng, n_sessions=1, n_runs=3):
        object.__setattr__(run, "session", "")
        tree.add_run(run, rating="resp")
    assert keys(find(tree)) == [f"task-rating run-{i}" for i in (1, 2, 3)]


def test_a_run_without_a_run_label_is_found(tree, rng):
    for run in simulate_runs(rng, n_sessions=3, n_runs=1):
        object.__setattr__(run, "run", "")
        tree.add_run(run, rating="rating")
    assert keys(find(tree)) == [f"ses-0{i} task-rating" for i in (1, 2, 3)]


def test_unusual_entities_tell_runs_apart(tree, participant):
    tree.add_run(participant[0], extra="_dir-AP")
    tree.add_run(participant[0], extra="_dir-PA")
    found = find(tree)
    assert keys(found) == ["ses-01 task-rating run-dirAP1", "ses-01 task-rating run-dirPA1"]
    assert [len(run.rating) for run in found.runs] == [1, 1]
    assert "dir-AP" in found.runs[0].rating[0].path.name


def test_two_files_for_one_run_leave_it_out_and_name_both(derivatives):
    path = next(derivatives.derivatives.rglob("*ses-02*run-1*timeseries.tsv"))
    path.with_name(path.name.replace("run-1", "run-01")).write_bytes(path.read_bytes())
    found = find(derivatives)
    (run,) = found.excluded
    assert str(run.key) == "ses-02 task-rating run-1"
    assert "run-1_" in run.reason and "run-01_" in run.reason
    assert len(found.runs) == 9


def test_of_several_spaces_the_surface_is_taken_and_said(derivatives):
    for path in list(derivatives.derivatives.rglob("*timeseries.*")):
        other = path.with_name(path.name.replace("fsLR", "MNI152NLin2009cAsym"))
        other.write_bytes(path.read_bytes())
    found = find(derivatives)
    assert all(run.series.entities["space"] == "fsLR" for run in found.runs)
    assert found.notes == (
        "time series exist as space-fsLR; space-MNI152NLin2009cAsym: space-fsLR was used.",
    )


def test_a_run_without_a_rating_and_a_rating_without_a_run_are_named(derivatives):
    next(derivatives.root.glob("sub-01/ses-02/func/*run-1*physio.tsv.gz")).unlink()
    for path in derivatives.derivatives.rglob("*ses-03*run-2*"):
        path.unlink()
    problems = {str(run.key): run.reason for run in find(derivatives).excluded}
    assert "no rating was found" in problems["ses-02 task-rating run-1"]
    assert "no regional time series" in problems["ses-03 task-rating run-2"]


@pytest.fixture
def two_tasks(derivatives, rng):
    for run in simulate_runs(rng, n_sessions=5, n_runs=1):
        object.__setattr__(run, "task", "heat")
        derivatives.add_run(run)
    return derivatives


def test_several_tasks_must_be_named_and_are_pooled(two_tasks):
    with pytest.raises(DerivativesError, match="--task-id.*heat, rating"):
        find(two_tasks)
    assert len(find(two_tasks, task_id=("task-heat", "rating")).runs) == 15
    assert len(find(two_tasks, task_id=("heat",)).runs) == 5


def test_a_task_without_ratings_needs_no_choice(two_tasks):
    for path in two_tasks.root.glob("sub-01/ses-*/func/*heat*"):
        path.unlink()
    assert find(two_tasks).tasks == ("rating",)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"task_id": ("nap",)}, "no task nap. There are: rating"),
        ({"atlas": "B"}, "no atlas B. There are: A"),
        ({"session_label": ("09",)}, "no session 09. There are: 01, 02"),
    ],
)
def test_a_choice_that_is_not_there_names_what_is(derivatives, choice, message):
    with pytest.raises(DerivativesError, match=message):
        find(derivatives, **choice)


def test_sessions_can_be_chosen(derivatives):
    found = find(derivatives, session_label=("ses-01", "03", "04"))
    assert {run.key.session for run in found.runs} == {"01", "03", "04"}
    assert not found.excluded


def test_several_atlases_must_be_named(derivatives, participant):
    derivatives.add_run(participant[0], atlas="atlas-B")
    with pytest.raises(DerivativesError, match="--atlas: A, B"):
        find(derivatives)


def test_no_ratings_at_all_says_where_they_should_be(derivatives):
    for path in derivatives.root.glob("sub-01/ses-*/func/*physio*"):
        path.unlink()
    with pytest.raises(DerivativesError, match=r"no rating was found.*_physio\.tsv\.gz"):
        find(derivatives)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DerivativesError, match="no folder .*nowhere"):
        Dataset(tmp_path / "nowhere", "raw")


def test_sessions_are_ordered_by_time_and_dates_become_days(derivatives):
    rows = [("ses-01", "2024-05-03T10:00:00", "5"), ("ses-02", "2024-05-01T10:00:00", "n/a")]
    rows += [(f"ses-0{i}", f"2024-05-{i + 1:02d}T22:00:00", "1.5") for i in (3, 4, 5)]
    text = "session_id\tacq_time\tdose_mg\tcomment\n"
    text += "".join("\t".join([*row, "fine"]) + "\n" for row in rows)
    (derivatives.root / "sub-01" / "sub-01_sessions.tsv").write_text(text)
    found = find(derivatives)
    assert [run.key.session for run in found.runs[::2]] == ["02", "01", "03", "04", "05"]
    assert list(found.sessions["days"]) == [0, 2, 3.5, 4.5, 5.5]
    assert list(found.sessions.columns) == ["session", "days", "dose_mg"]
    assert found.sessions["dose_mg"].isna()[0]


def test_scan_times_order_sessions_where_there_is_no_sessions_file(derivatives):
    for i in range(1, 6):
        path = derivatives.root / f"sub-01/ses-0{i}/sub-01_ses-0{i}_scans.tsv"
        path.write_text(f"filename\tacq_time\nfunc/x_bold.nii.gz\t2024-01-{20 - i}T08:00:00\n")
    found = find(derivatives)
    assert [run.key.session for run in found.runs[::2]] == ["05", "04", "03", "02", "01"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("session_id\tacq_time\nses-01\tlast week\n", "acq_time must look like"),
        ("session_id\tdose\nses-01\t1\nses-01\t2\n", "more than once: 01"),
        ("label\tdose\nses-01\t1\n", "no column session_id"),
        ("session_id\tacq_time\nses-01\t2024-01-01T00:00:00\n", "some sessions have no time"),
    ],
)
def test_a_sessions_file_that_cannot_be_used_is_noted_and_the_study_goes_on(
    derivatives, content, message
):
    (derivatives.root / "sub-01" / "sub-01_sessions.tsv").write_text(content)
    found = find(derivatives)
    assert len(found.runs) == 10
    assert any(message in note for note in found.notes)


def test_days_may_stand_in_the_sessions_file(derivatives):
    rows = "".join(f"ses-0{i}\t{50 - i}\n" for i in range(1, 6))
    (derivatives.root / "sub-01" / "sub-01_sessions.tsv").write_text("session_id\tdays\n" + rows)
    assert [run.key.session for run in find(derivatives).runs[::2]] == [
        "05",
        "04",
        "03",
        "02",
        "01",
    ]


def test_series_that_share_a_rating_may_be_one_scan_and_are_left_out(derivatives):
    for path in list(derivatives.derivatives.rglob("*ses-02*run-1_*")):
        copy = path.with_name(path.name.replace("_run-1", "_rec-norm_run-1"))
        copy.write_bytes(path.read_bytes())
    excluded = {str(run.key): run.reason for run in find(derivatives).excluded}
    assert len(excluded) == 2
    assert "may be the same scan" in excluded["ses-02 task-rating run-1"]


def test_a_run_of_another_kind_than_the_others_is_left_out(derivatives):
    for path in derivatives.derivatives.rglob("*ses-02*run-1*timeseries*"):
        path.rename(path.with_name(path.name.replace("fsLR", "MNI152NLin6Asym")))
    found = find(derivatives)
    (run,) = found.excluded
    assert "no time series as space-fsLR" in run.reason and "space-MNI152NLin6Asym" in run.reason


def test_two_outliers_files_for_one_run_leave_it_out(derivatives):
    path = next(derivatives.derivatives.rglob("*ses-02*run-1_outliers.tsv"))
    path.with_name(path.name.replace("run-1", "run-01")).write_bytes(path.read_bytes())
    (run,) = find(derivatives).excluded
    assert "several outliers files" in run.reason


def test_nearer_sidecars_win(tree, participant):
    tree.add_run(participant[0], run_label="01")
    write_json(tree.root / "task-rating_bold.json", {"RepetitionTime": 2.0, "EchoTime": 0.03})
    func = tree.root / "sub-01/ses-01/func"
    write_json(func / "sub-01_ses-01_task-rating_run-1_bold.json", {"RepetitionTime": 1.0})
    write_json(func / "sub-01_ses-01_task-other_bold.json", {"RepetitionTime": 9.0})
    (func / "sub-01_ses-01_task-rating_run-01_bold.nii.gz").touch()
    raw = Dataset(tree.root, "raw")
    files = [*raw.shared_files(), *raw.files_of("01")]
    bold = next(f for f in files if f.extension == ".nii.gz")
    assert inherited_metadata(bold, files).values == {"RepetitionTime": 1.0, "EchoTime": 0.03}


def test_a_simulated_dataset_says_so_in_any_of_its_descriptions(tree):
    tree.root.mkdir()
    for content, expected in (
        ({"Name": "Pain at home"}, False),
        ({"Name": "x", "Simulated": True}, True),
        ({"Name": "x", "GeneratedBy": [{"Name": "painprint simulate"}]}, True),
    ):
        (tree.root / "dataset_description.json").write_text(json.dumps(content))
        assert Dataset(tree.root, "raw").simulated is expected


def test_names_are_parsed_and_sorted_naturally():
    assert parse_name("dataset_description.json") == ({}, "description", ".json")
    assert sorted(["ses-10", "ses-9", "ses-1"], key=natural) == ["ses-1", "ses-9", "ses-10"]


def test_uris_hold_no_folder_outside_the_dataset(derivatives):
    run = find(derivatives).runs[0]
    assert run.series.uri.startswith("bids:derivatives1:sub-01/ses-01/func/sub-01_ses-01")
    assert run.rating[0].uri.startswith("bids:raw:sub-01/ses-01/func/")


def test_an_atlas_in_the_newest_layout_is_found(derivatives):
    (derivatives.derivatives / "atlases" / "atlas-A" / "atlas-A_dseg.tsv").unlink()
    folder = derivatives.derivatives / "sourcedata/atlases/tpl-fsLR"
    folder.mkdir(parents=True)
    write_table(folder / "tpl-fsLR_atlas-A_den-32k_dseg.tsv", ["index"], [[1.0]])
    assert find(derivatives).region_table.path.parent == folder
