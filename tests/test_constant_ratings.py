"""Ratings once a run or a session, from scans.tsv or sessions.tsv."""

import numpy as np
import pytest
from conftest import simulate_runs
from test_bids import find

from painprint import Settings
from painprint.bids.load import load_run
from painprint.errors import DerivativesError


@pytest.fixture
def runs(rng):
    return simulate_runs(rng, n_sessions=2, n_runs=2, n_frames=60)


def write_runs(tree, runs, *, keep=False):
    """Runs without recordings, unless they are kept."""
    for run in runs:
        tree.add_run(run)
    for path in () if keep else tree.root.rglob("*_physio.*"):
        path.unlink()


def write_scans(tree, session, values, column="pain"):
    """scans.tsv of a session with two runs of pain, and an anatomical image."""
    name = "func/sub-01_ses-{}_task-rating_run-{}_bold.nii.gz"
    rows = [f"{name.format(session, i + 1)}\t{value}" for i, value in enumerate(values)]
    path = tree.root / "sub-01" / f"ses-{session}" / f"sub-01_ses-{session}_scans.tsv"
    anatomy = f"anat/sub-01_ses-{session}_T1w.nii.gz\tn/a"
    path.write_text("\n".join([f"filename\t{column}", anatomy, *rows]) + "\n")


def write_sessions(tree, rows, header="session_id\tpain\tdose"):
    (tree.root / "sub-01" / "sub-01_sessions.tsv").write_text("\n".join([header, *rows]) + "\n")


def load_all(tree, column="pain", **choices):
    """Inventory and what was read of each run."""
    inventory = find(tree, rating_column=column, **choices)
    settings = Settings(rating_column=column)
    return inventory, [load_run(files, settings) for files in inventory.runs]


def check(read, values, file, note):
    assert len(read) == len(values)
    for (run, record), value in zip(read, values, strict=True):
        np.testing.assert_array_equal(run.rating, np.full(60, value))
        np.testing.assert_array_equal(run.event, np.zeros(60))
        assert record.rating_file.endswith(file)
        assert [n for n in record.notes if "rating" in n] == [note]
        assert record.quality.mean == value and np.isnan(record.quality.sd)


def test_a_run_has_the_rating_of_its_row_in_scans(tree, runs):
    write_runs(tree, runs)
    write_scans(tree, "01", [30, 50])
    write_scans(tree, "02", [70, 20.5])
    _, read = load_all(tree)
    note = "the rating is that of the run in the column 'pain' of scans.tsv."
    check(read, [30, 50, 70, 20.5], "_scans.tsv", note)


def test_all_runs_of_a_session_share_its_rating_which_is_no_covariate(tree, runs):
    write_runs(tree, runs)
    write_sessions(tree, ["ses-01\t30\t1", "ses-02\t70\t2"])
    inventory, read = load_all(tree)
    note = "the rating is that of the session in the column 'pain' of sessions.tsv."
    check(read, [30, 30, 70, 70], "_sessions.tsv", note)
    assert list(inventory.sessions) == ["session", "days", "dose"]
    assert not any("pain" in note for note in inventory.notes)


def test_names_of_sessions_without_zeros_and_one_table_of_all_scans(tree, runs):
    write_runs(tree, runs)
    write_sessions(tree, ["1\t30\t1", "2\t70\t2"])
    _, read = load_all(tree)
    assert [run.rating[0] for run, _ in read] == [30, 30, 70, 70]
    name = "ses-{0}/func/sub-01_ses-{0}_task-rating_run-{1}_bold.nii.gz\t{2}"
    rows = [name.format(s, r, 10 * int(s) + r) for s in ("01", "02") for r in (1, 2)]
    for there in (rows, [row.replace("/", "\\") for row in rows]):
        text = "\n".join(["filename\tpain", *there]) + "\n"
        (tree.root / "sub-01/sub-01_scans.tsv").write_text(text)
        _, read = load_all(tree)
        assert [run.rating[0] for run, _ in read] == [11, 12, 21, 22]


def test_nothing_is_guessed_without_the_option(tree, runs):
    write_runs(tree, runs)
    write_sessions(tree, ["ses-01\t30\t1", "ses-02\t70\t2"])
    with pytest.raises(DerivativesError, match="no rating was found for the task rating"):
        find(tree)


def test_a_column_of_a_recording_wins(tree, runs):
    write_runs(tree, runs, keep=True)
    write_sessions(tree, ["ses-01\t30\t1", "ses-02\t70\t2"])
    _, read = load_all(tree)
    for (run, _), original in zip(read, runs, strict=True):
        assert run.event is None
        np.testing.assert_allclose(run.rating, original.rating, atol=1e-12)


def test_another_column_is_taken_beside_a_recording_and_before_that_of_the_session(tree, runs):
    write_runs(tree, runs, keep=True)
    write_sessions(tree, ["ses-01\t30", "ses-02\t70"], "session_id\tscore")
    _, read = load_all(tree, "score")
    assert [run.rating[0] for run, _ in read] == [30, 30, 70, 70]
    write_scans(tree, "01", [1, 2], column="score")
    _, read = load_all(tree, "score")
    assert [run.rating[0] for run, _ in read] == [1, 2, 70, 70]


def test_resting_runs_are_rated_where_there_is_nothing_else(tree, rng):
    from dataclasses import replace

    runs = simulate_runs(rng, n_sessions=2, n_runs=1, n_frames=60)
    write_runs(tree, [replace(run, task="rest", run="") for run in runs])
    write_sessions(tree, ["ses-01\t30\t1", "ses-02\t70\t2"])
    inventory, read = load_all(tree, rest_task=("rest",))
    assert inventory.tasks == ("rest",) and not inventory.rest
    assert [run.rating[0] for run, _ in read] == [30, 70]
    write_runs(tree, runs)
    inventory, _ = load_all(tree, rest_task=("rest",))
    assert inventory.tasks == ("rating",) and len(inventory.rest) == 2


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["n/a", 50], "_scans.tsv: has n/a for this run in the column 'pain'"),
        (["much", 50], "has much for this run in the column 'pain' .* one number"),
        ([], "has no row for this run in the column 'pain' .* rows for: anat/sub-01_ses-01_T1w"),
    ],
)
def test_a_run_without_a_number_is_refused_with_what_there_is(tree, runs, values, message):
    write_runs(tree, runs[:1])
    write_scans(tree, "01", values)
    with pytest.raises(DerivativesError, match=message):
        load_all(tree)


def test_echoes_of_a_run_must_agree(tree, runs):
    write_runs(tree, runs[:1])
    path = tree.root / "sub-01/ses-01/sub-01_ses-01_scans.tsv"
    name = "func/sub-01_ses-01_task-rating_run-01_echo-{}_bold.nii.gz\t{}"
    rows = [name.format(1, 40), name.format(2, 40)]
    path.write_text("\n".join(["filename\tpain", *rows]) + "\n")
    assert load_all(tree)[1][0][0].rating[0] == 40
    path.write_text("\n".join(["filename\tpain", rows[0], name.format(2, 41)]) + "\n")
    with pytest.raises(DerivativesError, match="has 40, 41 for this run"):
        load_all(tree)
