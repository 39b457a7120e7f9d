"""Many people on a Dask cluster: a person is a job of a worker, which sees the same folders."""

import hashlib
import io
import json
import shutil

import pytest
from clusters import small_cluster
from conftest import QUICK, Tree, fill, simulate_runs
from rich.console import Console

from painprint.apps.same_folders import differences_of_folders, mark_folders, with_absolute_paths
from painprint.apps.study import Study
from painprint.cli import main
from painprint.cli.cohort import People
from painprint.results.status import Status, note
from painprint.settings import Settings
from painprint.store.lock import Lock


def test_people_are_counted_and_those_in_work_are_told_with_their_stage(tmp_path, monkeypatch):
    monkeypatch.setattr("painprint.cli.cohort.LOOK_S", 0.0)
    monkeypatch.setenv("LINES", "6")
    people = People(tmp_path, [f"{i:02d}" for i in range(1, 10)])
    assert people.describe() == "9 waiting"
    for label in ("02", "03"):
        people.send(label)
    note(tmp_path, Status("02", "running", "stage 4 of 12: null"))
    note(tmp_path, Status("03", "failed", reason="of an earlier command"))
    people.end(Status("01", "failed", reason="no [rating]. " + 9 * "Add one. "))
    people.end(Status("04", "kept"))
    with Lock(tmp_path, "sub-02").hold():
        said = "1 kept, 1 failed, 1 running, 6 waiting; sub-02: stage 4 of 12: null"
        assert people.describe() == said
        console = Console(width=60, record=True, file=io.StringIO())
        console.print(people.draw())
    assert [line.rstrip() for line in console.export_text().splitlines()] == [
        "sub-01  failed   no [rating]. Add one. Add one. Add one. Ad…",
        "sub-02  running  stage 4 of 12: null",
        "sub-03  waiting",
        "1 kept, 1 failed, 1 running, 6 waiting",
    ]


@pytest.fixture
def study(tree, participant, tmp_path, monkeypatch):
    fill(tree, participant)
    (tree.derivatives / "dataset_description.json").write_text(json.dumps({"Name": "XCP-D"}))
    (tmp_path / "atlas.nii.gz").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    here = Settings(atlas="atlas.nii.gz")
    bids = tree.root.relative_to(tmp_path)
    return Study(bids, bids.parent / "out", [bids / "derivatives" / "xcp_d"], here)


def test_folders_are_recognised_by_their_content_wherever_a_worker_runs(study, monkeypatch):
    study = with_absolute_paths(study)
    marks = mark_folders(study)
    monkeypatch.chdir("/")
    assert differences_of_folders(marks, study.out_dir) == ""
    (study.out_dir / "logs" / "cluster.txt").write_text("of another computer")
    wrong = differences_of_folders(marks, study.out_dir)
    assert wrong.startswith(f"{study.out_dir} has another content here. Workers need the folders")
    marks = mark_folders(study)
    (study.derivatives[0] / "dataset_description.json").write_text(json.dumps({"Name": "other"}))
    wrong = differences_of_folders(marks, study.out_dir)
    assert wrong.startswith(f"{study.derivatives[0]} has another content here.")
    shutil.rmtree(study.bids_dir)
    wrong = differences_of_folders(marks, study.out_dir)
    assert wrong.startswith(f"{study.bids_dir} does not exist here.")


def contents(out):
    """Hash of every file but those of the log."""
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in out.rglob("*")
        if path.is_file() and "logs" not in path.parts
    }


@pytest.mark.long
def test_people_on_a_cluster_are_those_of_one_computer_and_are_kept(tmp_path, rng, capsys):
    pytest.importorskip("distributed")
    tree = fill(Tree(tmp_path / "bids"), runs := simulate_runs(rng, n_sessions=3))
    for run in runs:
        tree.add_run(run, sub="02")
    (tree.root / "sub-03").mkdir()
    alone, out = tmp_path / "alone", tmp_path / "out"
    words = ["participant", "--task-id", "rating", *QUICK]
    assert main(["run", str(tree.root), str(alone), *words]) == 1
    said = capsys.readouterr().err
    assert "1 of 3 participants failed:" in said
    reason = said.partition("participants failed:\n")[2].partition(" sub-03: ")[2]
    with small_cluster(2) as (address, _):
        words += ["--dask-scheduler", address]
        assert main(["run", str(tree.root), str(out), *words]) == 1
        said = capsys.readouterr().err
        assert "INFO 2 finished, 1 failed." in said
        assert said.partition("participants failed:\n")[2].partition(" sub-03: ")[2] == reason
        assert contents(out) == contents(alone)
        log = (out / "logs" / "painprint.log").read_text()
        assert log.count("stage 2 of 3 done") == 2
        assert main(["run", str(tree.root), str(out), *words]) == 1
        said = capsys.readouterr().err
        assert "sub-01: finished before, with the same inputs and settings." in said
        assert "INFO 2 kept, 1 failed." in said
    assert contents(out) == contents(alone)
    assert main(["status", str(out)]) == 1
    said = capsys.readouterr()
    assert said.out.splitlines()[1:3] == ["01\tfinished\tn/a\tn/a", "02\tfinished\tn/a\tn/a"]
    assert reason.strip() in said.out
