"""The script for a cluster decodes a participant in each task, and then the group."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Tree, fill, simulate_runs

import painprint

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "examples" / "slurm_array.sh"


@pytest.fixture
def submit(tmp_path):
    """Run the script as SLURM does: by its text, with the number of the task in the environment."""
    program = tmp_path / "painprint"
    package = Path(painprint.__file__).parents[1]
    few = "--n-bootstraps 100 --n-permutations 19 --skip importance baselines sensitivity"
    program.write_text(
        f'#!/bin/sh\ncase "$4" in participant) few="{few}";; esac\n'
        f'PYTHONPATH={package} exec {sys.executable} -m painprint "$@" $few\n'
    )
    program.chmod(0o755)
    folders = {"BIDS_DIR": tmp_path / "bids", "OUT_DIR": tmp_path / "out", "PAINPRINT": program}
    common = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    common |= {name: str(folder) for name, folder in folders.items()}

    def run(task=None):
        slurm = {} if task is None else {"SLURM_ARRAY_TASK_ID": str(task)}
        return subprocess.run(
            ["bash", "-s"],
            input=SCRIPT.read_text(),
            env=common | slurm,
            capture_output=True,
            text=True,
        )

    return run


def test_a_task_without_participant_says_so(tmp_path, submit):
    (tmp_path / "bids" / "sub-01").mkdir(parents=True)
    done = submit(1)
    assert done.returncode != 0
    assert "there is no participant number 1 (there are 1, counted from 0)" in done.stderr


@pytest.mark.long
def test_every_task_is_a_participant_and_the_job_without_an_array_the_group(tmp_path, submit, rng):
    tree = fill(Tree(tmp_path / "bids"), runs := simulate_runs(rng, n_sessions=3))
    for run in runs:
        tree.add_run(run, sub="02")
    out = tmp_path / "out"
    for task, page in enumerate(("sub-01.html", "sub-02.html")):
        done = submit(task)
        assert done.returncode == 0, done.stderr
        assert {path.name for path in out.glob("*.html")} == {"sub-01.html", page}
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.tsv")}
    done = submit(1)  # the array is submitted again
    assert done.returncode == 0, done.stderr
    assert before == {path: path.stat().st_mtime_ns for path in out.rglob("*.tsv")}
    done = submit()
    assert done.returncode == 0, done.stderr
    assert (out / "group.html").is_file()
