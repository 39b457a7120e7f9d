"""The script for SLURM has the options of the study, and a real scheduler runs it."""

import contextlib
import getpass
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from conftest import QUICK, Tree, fill, simulate_runs

import painprint
from painprint.apps.resources import expected_seconds, memory_by_part
from painprint.apps.sizes import size_of_participant
from painprint.apps.slurm import LEAST_S, MORE_MEMORY
from painprint.apps.study import Study
from painprint.cli import app, main
from painprint.settings import Settings
from painprint.terminal import read_command_line

SHELLCHECK = Path(sys.executable).with_name("shellcheck")


@pytest.fixture
def cohort(tmp_path, rng):
    """Two people who can be decoded, and one who cannot."""
    tree = fill(Tree(tmp_path / "bids"), runs := simulate_runs(rng, n_sessions=3))
    for run in runs:
        tree.add_run(run, sub="02")
    (tree.root / "sub-03").mkdir()
    return tree


def script_of(cohort, *options, out="out"):
    """The script that the command writes, and its text."""
    out_dir = cohort.root.parent / out
    assert main(["slurm", str(cohort.root), str(out_dir), *options]) == 0
    script = out_dir / "logs" / "slurm.sh"
    return script, script.read_text()


def asked_of(text):
    """What a script asks of sbatch, by name."""
    return dict(line.removeprefix("#SBATCH --").split("=") for line in text.splitlines()
                if line.startswith("#SBATCH"))  # fmt: skip


def words_in(text, name):
    """The words of an array in the script, as bash reads them."""
    lines = text.partition(f"\n{name}=(\n")[2].partition("\n)")[0]
    return shlex.split(lines.replace('"$SLURM_CPUS_PER_TASK"', "2"))


def test_the_script_asks_for_what_the_largest_participant_needs(cohort, capsys):
    _, text = script_of(cohort, "--task-id", "rating", "--n-jobs", "2")
    assert "sub-03: cannot be estimated, and will fail" in capsys.readouterr().err
    derivatives, settings = [cohort.derivatives], Settings(task_id=("rating",))
    study = Study(cohort.root, cohort.root / "no", derivatives, settings, n_jobs=2)
    size = size_of_participant(study, "01")
    memory = MORE_MEMORY * max(memory_by_part(size, settings).values())
    assert 4 * sum(expected_seconds(size, settings).values()) < LEAST_S
    asked = asked_of(text)
    assert asked == {
        "job-name": "painprint", "cpus-per-task": "2", "mem": asked["mem"], "time": "00:30:00",
    }  # fmt: skip
    assert 0 <= int(asked["mem"].removesuffix("G")) - memory / 1e9 < 1
    assert "\nparticipants=(01 02 03)\n" in text and "--array=0-2 " in text


def test_options_of_the_study_are_those_of_run(cohort, monkeypatch):
    monkeypatch.chdir(cohort.root.parent)
    (cohort.root.parent / "filter.json").write_text("{}")
    (cohort.root.parent / "study.toml").write_text('drop = 12.5\nnot-a-covariate = ["a b", "c"]')
    given = ["--task-id", "rating", "--participant-label", "02", "--rating-start", "-3.5", "--lag"]
    given += ["4", "6", "--rating-hold", "--leave-out", "run", "--random-seed", "7", "--overwrite"]
    given += ["--skip", "null", "--n-bootstraps", "300", "--bids-filter-file", "filter.json"]
    mine = ["--mem", "4G", "--time", "1-00", "--partition", "long", "--account", "pain"]
    mine += ["--at-once", "5", "--sbatch", "qos=x", "mem=5G", "--n-jobs", "2"]
    mine += ["--person-column", "age", "fiq total"]
    config = ["--config-file", "study.toml"]
    _, text = script_of(Tree(Path("bids")), *given, *mine, *config)
    assert "#SBATCH --partition=long\n#SBATCH --account=pain\n#SBATCH --qos=x\n" in text
    assert asked_of(text)["mem"] == "5G" and "--array=0-0%5 " in text
    folders = [str(cohort.root), str(cohort.root.parent / "out")]
    of_participant = ["--participant-label", "02", *words_in(text, "of_participant")]
    _, bound = read_command_line(app, ["run", *folders, "participant", *of_participant])
    _, wanted = read_command_line(app, ["run", *folders, "participant", *given, *config])
    of_study = {**bound.arguments, "inputs": 0, "execution": 0}
    assert of_study == {**wanted.arguments, "inputs": 0, "execution": 0}
    inputs = bound.arguments["inputs"]
    assert inputs.derivatives == (cohort.derivatives,)
    assert inputs.bids_filter_file == cohort.root.parent / "filter.json"
    assert bound.arguments["execution"].existing == "overwrite"
    assert words_in(text, "of_group") == [
        "--derivatives", str(cohort.derivatives), "--participant-label", "02",
        "--random-seed", "7", "--n-bootstraps", "300", "--person-column", "age", "fiq total",
        "--n-jobs", "2", "--overwrite",
    ]  # fmt: skip


def test_the_script_is_clean_wherever_the_folders_lie_and_however_a_node_is_set_up(tmp_path, rng):
    odd = tmp_path / "it's odd"
    tree = fill(Tree(odd / "bids"), simulate_runs(rng, n_sessions=3, n_runs=1))
    few = ("--mem", "1G", "--time", "5")
    for options, start in [
        ((), f"exec {sys.executable} -m painprint run"),
        (("--activate", "module load python"), "\nmodule load python\n"),
        (("--activate", "module load python"), "exec painprint run"),
        (("--program", "apptainer run painprint.sif"), "exec apptainer run painprint.sif run"),
    ]:
        script, text = script_of(tree, *few, *options)
        assert start in text
        subprocess.run([SHELLCHECK, script], check=True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--n-jobs", "-1"], "--n-jobs is -1; give the number of CPUs of a task."),
        (["--at-once", "0"], "--at-once is 0; it must be at least 1."),
        (["--mem", "4 G"], "--mem is '4 G'; one word without spaces is needed."),
        (["--sbatch", "qos=x", "a\nb"], r"--sbatch is 'a\nb'; one line is needed."),
        (["--activate", " "], "--activate is ' '; one line is needed."),
    ],
)
def test_wrong_options_are_named(cohort, capsys, options, said):
    assert main(["slurm", str(cohort.root), str(cohort.root.parent / "out"), *options]) == 2
    assert f"painprint: {said}" in capsys.readouterr().err


def test_nothing_is_written_if_nobody_can_be_estimated(tmp_path, capsys):
    (tmp_path / "bids" / "sub-01").mkdir(parents=True)
    (tmp_path / "xcp_d").mkdir()
    words = [
        str(tmp_path / "bids"),
        str(tmp_path / "out"),
        "--derivatives",
        str(tmp_path / "xcp_d"),
    ]
    assert main(["slurm", *words]) == 1
    assert "nobody can be estimated, for the reasons above" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


CONFIGURATION = """\
ClusterName=test
SlurmctldHost=localhost
SlurmctldPort={controller}
SlurmdPort={daemon}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
MpiDefault=none
SwitchType=switch/none
SlurmdParameters=config_overrides
NodeName=node NodeHostname=localhost NodeAddr=127.0.0.1 CPUs=2 RealMemory=8000
PartitionName=all Nodes=ALL Default=YES
"""
"""Of a cluster of this computer alone, without control groups."""


@pytest.fixture
def slurm(monkeypatch):
    """A cluster of SLURM: a function that submits a script and waits until all jobs have ended."""
    folder = Path(tempfile.mkdtemp(prefix="slurm"))  # the path of a socket must be short
    for name in ("state", "spool"):
        (folder / name).mkdir()
    (folder / "key").write_bytes(os.urandom(1024))
    (folder / "key").chmod(0o400)
    with contextlib.ExitStack() as stack:
        free = [stack.enter_context(socket.socket()) for _ in range(2)]
        for one in free:
            one.bind(("127.0.0.1", 0))
        controller, daemon = (one.getsockname()[1] for one in free)
    (folder / "slurm.conf").write_text(
        CONFIGURATION.format(
            controller=controller, daemon=daemon, folder=folder, user=getpass.getuser()
        )
    )
    monkeypatch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
    monkeypatch.setenv("PYTHONPATH", str(Path(painprint.__file__).parents[1]))
    munged = [f"--{name}-file={folder}/{name}" for name in ("key", "pid", "log", "seed")]
    daemons = [
        ["munged", "--foreground", "--force", f"--socket={folder}/munge.socket", *munged],
        ["slurmctld", "-D"],
        ["slurmd", "-D", "-N", "node"],
    ]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    started = []
    try:
        for command in daemons:
            started.append(subprocess.Popen(command, **quiet))
            time.sleep(0.5)
        until("idle", lambda: told("sinfo", "--noheader", "--format=%T").strip())
        yield submit
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(30)
        shutil.rmtree(folder)


def told(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout


def until(wanted, ask, seconds=300):
    end = time.monotonic() + seconds
    while (answer := ask()) != wanted:
        assert time.monotonic() < end, answer
        time.sleep(0.5)


def submit(script):
    """Submit a script; states of its tasks and of the job after them."""
    done = subprocess.run(["bash", script], capture_output=True, text=True, check=True)
    array, group = re.findall(r"job (\d+)", done.stdout)
    until("", lambda: told("squeue", "--noheader"))
    jobs = (told("scontrol", "--oneliner", "show", "job", job) for job in (array, group))
    tasks, after = (re.findall(r"JobState=(\w+)", text) for text in jobs)
    return sorted(tasks), after


def times(out):
    """When results were written; the group level writes pages and what belongs to them again."""
    results = (*out.rglob("*_predictions.tsv"), *out.rglob("*.safetensors"))
    return {path: path.stat().st_mtime_ns for path in results}


@pytest.mark.long
@pytest.mark.needs("slurmctld")
def test_a_scheduler_runs_everybody_and_the_group_and_repeats_nothing(cohort, slurm, rng, capsys):
    script, _ = script_of(cohort, "--task-id", "rating", *QUICK)
    out = script.parents[1]
    assert slurm(script) == (["COMPLETED", "COMPLETED", "FAILED"], ["COMPLETED"])
    assert {path.name for path in out.glob("*.html")} == {
        "sub-01.html", "sub-02.html", "group.html",
    }  # fmt: skip
    capsys.readouterr()
    assert main(["status", str(out), str(cohort.root)]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[1:3] == ["01\tfinished\tn/a\tn/a", "02\tfinished\tn/a\tn/a"]
    assert said[3].startswith("03\tfailed\tn/a\tno regional time series")
    assert "no regional time series" in "".join(
        x.read_text() for x in script.parent.glob("*_2.log")
    )

    before = times(out)
    assert slurm(script) == (["COMPLETED", "COMPLETED", "FAILED"], ["COMPLETED"])
    assert times(out) == before
    log = script.with_name("painprint.log").read_text()
    assert log.count("finished before, with the same inputs and settings") == 2

    for run in simulate_runs(rng, n_sessions=3):
        cohort.add_run(run, sub="03")
    assert slurm(script) == (["COMPLETED"] * 3, ["COMPLETED"])
    assert before.items() <= times(out).items()
    assert main(["status", str(out), str(cohort.root)]) == 0
    assert "sub-03" in (out / "group.html").read_text()
