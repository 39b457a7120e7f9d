"""Kill every command that writes, at every file operation and at random moments; run it again.

    python benchmarks/kill_and_resume.py                       every command, every operation
    python benchmarks/kill_and_resume.py --only report predict     some commands
    python benchmarks/kill_and_resume.py --each 40 --random 1 --out kills.tsv     a quick look

One small simulated person (6 sessions x 1 run x 12 regions), for the group level two, for
`parcellate` a small cortex. Each kill: a fresh output folder (with what the command needs), the
command started in a process of its own, SIGKILL just before its n-th file operation in the output
folder (a file opened for writing, renamed or removed, a folder made or removed) or after a random
time, then the same command again to its end. Outside logs/, every file must be as after a command
that nobody killed. A command that makes a new folder may instead refuse, if it had finished: then
every file must be there, too, and the words say that the folder is not empty. Rows in the table are
not repeated; ``--each 40`` kills at every 40th operation.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from painprint.cli import main as painprint
from painprint.evidence.stages import STAGES
from painprint.simulate.person import Person, World
from painprint.simulate.write import write_people

TABLE = Path(__file__).parent / "tables" / "kill_and_resume.tsv"
WRITING = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir")
FEW = ["--skip", *(stage for stage in STAGES if stage != "prospective")]


@dataclass(frozen=True)
class Command:
    """A command under test.

    ``prepare`` makes the output folder as it is before the command; ``words`` returns its
    arguments. ``n_operations`` and ``seconds`` are those of a run that nobody kills.
    """

    name: str
    words: Callable[[Path], list[str]]
    prepare: Callable[[Path], None] = lambda out: None


def is_writing(event, arguments, out):
    """Whether an audit event is a file operation that changes something in a folder."""
    if event not in WRITING or not str(arguments[0]).startswith(str(out)):
        return False
    if event != "open":
        return True
    mode, flags = arguments[1], arguments[2]
    return flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) if mode is None else mode[0] in "wxa"


def start(words, root, kill_at=0, count_into=None):
    """Start a command in a child; SIGKILL before its n-th operation. Returns its process number."""
    child = os.fork()
    if child:
        return child
    said = os.open(root.with_suffix(".said"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(said, stream)
    count = 0

    def look(event, arguments):
        nonlocal count
        if not is_writing(event, arguments, root):
            return
        count += 1
        if count == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(look)
    code = 70
    try:
        code = painprint(words)
    except SystemExit as error:
        code = error.code
    finally:
        if count_into is not None:
            count_into.write_text(str(count))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


def finish(words, root, count_into=None):
    """Run a command to its end: exit code, and the last line that it said."""
    status = os.waitpid(start(words, root, count_into=count_into), 0)[1]
    text = re.sub(r"^\d\d:\d\d:\d\d ", "", root.with_suffix(".said").read_text(), flags=re.M)
    lines = text.strip().splitlines() or [""]
    return os.waitstatus_to_exitcode(status), next(
        (line for line in lines if line.startswith(("ERROR", "painprint: "))), lines[-1]
    )


def contents(root):
    """Hash of every file outside logs/."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "logs" not in path.parts
    }


def kill_once(command, root, expected, *, operation=0, after_s=0.0):
    """One row: kill, run again, compare."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    command.prepare(root / "out")
    words = command.words(root / "out")
    child = start(words, root, kill_at=operation)
    if after_s:
        time.sleep(after_s)
        os.kill(child, signal.SIGKILL)
    killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    n_left = len(contents(root))
    code, said = finish(words, root)
    same = contents(root) == expected
    refused = code in (1, 2) and same and "is not empty" in said
    return {
        "killed": killed,
        "n_files_left": n_left,
        "exit_code": code,
        "said": said.replace(str(root), "") if code else "",
        "n_files": len(contents(root)),
        "same_bytes": same,
        "held": (same and code == 0) or refused,
    }


def commands(folder):
    """The commands under test, and the data that they need."""
    bids, dense = folder / "bids", folder / "dense"
    person = Person(n_sessions=6, world=World(n_runs=1, n_regions=12, run_s=300, shared_atlas=True))
    write_people(bids, [person, person])
    small = World(n_runs=1, n_regions=30, run_s=900, divisions=8)
    write_people(dense, [Person(n_sessions=2, world=small)], layout="fmriprep_surfaces")
    done, both, learnt = folder / "done", folder / "both", folder / "first"
    one = ["--participant-label", "01", *FEW]
    first = ["--session-label", "01", "02", "03", "04", "05"]
    several = folder / "several"
    plan, other_plan = folder / "plan.toml", folder / "other_plan.toml"
    plan.write_text('[choices]\nlag = [6, 4]\nfeatures = ["edges", "activity"]\n')
    other_plan.write_text("[choices]\nlag = [6, 8]\n")
    few = ["--participant-label", "01", "--n-bootstraps", "100"]

    def multiverse(out, plan, *more):
        return ["multiverse", str(plan), str(bids), str(out), "participant", *few, *more]

    prepared = [
        multiverse(several, other_plan),
        ["run", str(bids), str(done), "participant", *one],
        ["run", str(bids), str(both), "participant", *FEW],
        ["run", str(bids), str(both), "group", "--n-bootstraps", "1000"],
        ["run", str(bids), str(learnt), "participant", *one, *first],
    ]
    for words in prepared:
        code, said = finish(words, folder / "prepared")
        assert code == 0, said
    (signature,) = learnt.glob("sub-01/decoding/*_signature")
    (series,) = bids.glob("derivatives/*/sub-01/ses-06/func/*task-rating*_timeseries.tsv")

    def copy(source):
        return lambda out: shutil.copytree(source, out)

    other = ["--rating-start", "0.5"]
    study = lambda out, *more: ["run", str(bids), str(out), "participant", *one, *more]  # noqa: E731
    new = ["--participant-label", "01", "--session-label", "06"]
    return [
        Command("simulate", lambda out: ["simulate", str(out), "--sessions", "1", "1",
                                         "--n-regions", "8", "--run", "60"]),
        Command("simulate into an empty folder", lambda out: ["simulate", str(out), "--sessions",
                "1", "--n-regions", "8", "--run", "60"], prepare=lambda out: out.mkdir()),
        Command("run", study),
        Command("run --overwrite", lambda out: study(out, *other, "--overwrite"), copy(done)),
        Command("run --keep", lambda out: study(out, *other, "--keep"), copy(done)),
        Command("multiverse", lambda out: multiverse(out, plan)),
        Command("multiverse --keep", lambda out: multiverse(out, plan, "--keep"), copy(several)),
        Command("group", lambda out: ["run", str(bids), str(out), "group", "--n-bootstraps",
                                      "1001", "--overwrite"], copy(both)),
        Command("report", lambda out: ["report", str(out)], copy(both)),
        Command("learn", lambda out: ["learn", str(learnt), str(bids), str(out),
                                      "--participant-label", "01"]),
        Command("recalibrate", lambda out: ["recalibrate", str(signature), str(bids), str(out),
                                            *new]),
        Command("predict --out", lambda out: ["predict", str(signature), str(series), "--out",
                                              str(out)]),
        Command("parcellate", lambda out: ["parcellate", str(dense), str(out), "participant",
                "--task-id", "rest", "--n-seeds", "200", "--rest-low-pass", "0"]),
    ]  # fmt: skip


def study_command(command, root, size, rows):
    """Rows of one command that are not in the table."""
    count = root.with_suffix(".count")
    took = []
    for _ in range(2):  # the same bytes without a kill, too
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        command.prepare(root / "out")
        begun = time.perf_counter()
        code, said = finish(command.words(root / "out"), root, count_into=count)
        took.append(time.perf_counter() - begun)
        assert code == 0, f"{command.name}: {said}"
    expected, n = contents(root), int(count.read_text())
    done = {(row["command"], row["kind"], row["at"]) for row in rows}
    kills = [("operation", k) for k in range(1, n + 1, size.each)]
    kills += [("random", k) for k in range(1, size.random + 1)]
    for kind, at in kills:
        if (command.name, kind, at) in done:
            continue
        after_s = np.random.default_rng([11, at]).uniform(0, took[-1]) if kind == "random" else 0
        how = {"after_s": after_s} if after_s else {"operation": at}
        row = kill_once(command, root, expected, **how)
        rows.append({"command": command.name, "n_operations": n, "kind": kind, "at": at, **row})
        pd.DataFrame(rows).to_csv(size.out, sep="\t", index=False, na_rep="n/a")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--each", type=int, default=1)
    parser.add_argument("--random", type=int, default=10)
    parser.add_argument("--only", nargs="+", default=())
    parser.add_argument("--out", type=Path, default=TABLE)
    size = parser.parse_args()
    size.out.parent.mkdir(parents=True, exist_ok=True)
    rows = pd.read_csv(size.out, sep="\t").to_dict("records") if size.out.exists() else []
    with tempfile.TemporaryDirectory() as folder:
        for command in commands(Path(folder).resolve()):
            if not size.only or command.name in size.only:
                study_command(command, Path(folder).resolve() / "root", size, rows)
    table = pd.DataFrame(rows)
    print(table.groupby("command")[["killed", "same_bytes", "held"]].agg(["sum", "count"]))
    print(f"{int(table['killed'].sum())} kills, {int(table['held'].sum())} of {len(table)} held.")
    sys.exit(0 if table["held"].all() else 1)


if __name__ == "__main__":
    main()
