"""Many people on a Dask cluster: time, bytes, and what random kills leave.

    python benchmarks/cohort.py                        100 people, 20 kills; resumes
    python benchmarks/cohort.py --people 4 --alone 2 --kills 2 --out FOLDER     a quick look

Simulated people (4 sessions x 1 run x 12 regions, two stages of evidence) are decoded by one
command `painprint run ... --dask-scheduler` on a scheduler and two workers with one thread, each a
process of its own. Table ``cohort.tsv``, a row per part:

- ``alone``: the first people, without a cluster: half of them by one process before, half by one
  after the part ``cluster``. ``wall_s`` and ``cpu_s`` are per person, as in the other rows.
- ``cluster``: everybody. ``wall_s`` is that of the command times two workers, per person; ``cpu_s``
  that of program, scheduler and workers, per person. ``moved_mb`` is all that the four processes
  write to their connections, as in ``dask_bytes.py``.
- ``kills``: everybody again, in another folder, while a random part (worker, program, scheduler) is
  killed (SIGKILL) 3 to 15 s after it began or after the kill before. A worker is replaced; after
  the others, the same command is run again, on the same workers if the scheduler is alive.
  ``identical`` says whether every file of every person, but those of the log, is that of the part
  ``cluster`` to the byte; ``n_repeated`` counts the finished steps (stages, and people who were
  finished) that were computed again, by the log.

``cohort_kills.tsv`` has a row per kill: exit code of the command if it ended, its lines that are
not of progress, and the people finished so far.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from dask_bytes import cluster, contents, counted_bytes, process, said
from resume import TABLES

from painprint.evidence.stages import STAGES
from painprint.results.status import read_status

KEPT = ("confounds", "sensitivity")
"""Stages of evidence that are computed, whose steps are counted."""
N_WORKERS = 2


def words_of(bids, out, *more):
    skipped = [name for name in STAGES if name not in KEPT]
    few = ["--n-bootstraps", "100", "--skip", *skipped]
    return ["run", str(bids), str(out), "participant", *few, *more]


def simulate(bids, n_people):
    """The people, unless they were made before."""
    from painprint.simulate.person import Person, World
    from painprint.simulate.write import write_people

    if not (bids / "made").exists():
        world = World(n_runs=1, n_regions=12, run_s=400.0, tr_s=2.0)
        write_people(bids, [Person(n_sessions=4, world=world)] * n_people)
        (bids / "made").touch()


def labels(bids):
    return sorted(path.name.removeprefix("sub-") for path in bids.glob("sub-*"))


def decode_alone(bids, out, people):
    """Wall and CPU time (s) of people who are decoded by one process."""
    command = [sys.executable, "-m", "painprint", *words_of(bids, out)]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([*command, "--participant-label", *people], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, cpu_s


def started(stack, work, words, address):
    """The command, on a cluster."""
    program = [sys.executable, str(Path(__file__).with_name("dask_bytes.py")), "--program", *words]
    return stack.enter_context(process("program", work, *program, "--dask-scheduler", address))


def decode_on_cluster(bids, out, work):
    """Wall time (s) of everybody on a cluster, CPU time of all processes, and bytes moved."""
    with cluster(work) as (address, processes), ExitStack() as stack:
        others = [psutil.Process(other.pid) for other in processes]
        idle_s = sum(sum(other.cpu_times()[:2]) for other in others)
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        program = started(stack, work, words_of(bids, out), address)
        assert program.wait() == 0, said(work, "program")
        wall_s = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        cpu_s += sum(sum(other.cpu_times()[:2]) for other in others) - idle_s
    return wall_s, cpu_s, sum(counted_bytes(work).values()) / 1e6


def measure_speed(n_people, n_alone, bids, folder, work):
    """The rows ``alone`` and ``cluster``."""
    people = labels(bids)[:n_alone]
    first, last = people[: n_alone // 2], people[n_alone // 2 :]
    before = decode_alone(bids, folder / "alone", first)
    wall_s, cpu_s, moved_mb = decode_on_cluster(bids, folder / "cluster", work)
    alone = np.add(before, decode_alone(bids, folder / "alone", last)) / n_alone
    n = n_people
    return [
        {"part": "alone", "n_people": n_alone, "wall_s": alone[0], "cpu_s": alone[1]},
        {
            "part": "cluster",
            "n_people": n,
            "wall_s": N_WORKERS * wall_s / n,
            "cpu_s": cpu_s / n,
            "wall_ratio": N_WORKERS * wall_s / n / alone[0],
            "cpu_ratio": cpu_s / n / alone[1],
            "moved_mb": moved_mb,
        },
    ]


def n_finished(out, bids):
    return sum(read_status(out, label).state == "finished" for label in labels(bids))


def kill_at_random(bids, out, work, table, n_kills):
    """Run the command until everybody is finished, with kills that the table lacks."""
    rows = pd.read_csv(table, sep="\t").to_dict("records") if table.exists() else []
    while True:
        with cluster(work) as (address, (scheduler, *workers)), ExitStack() as stack:
            while scheduler.poll() is None:
                program = started(stack, work, words_of(bids, out), address)
                while program.poll() is None and scheduler.poll() is None:
                    if len(rows) >= n_kills:
                        program.wait()
                        break
                    rng = np.random.default_rng(len(rows))
                    at_s = rng.uniform(3, 15)
                    target = rng.choice(["worker", "program", "scheduler"], p=[0.5, 0.25, 0.25])
                    try:
                        program.wait(at_s)
                        break  # everybody is finished before
                    except subprocess.TimeoutExpired:
                        pass
                    exit_code = None
                    if target == "worker":
                        which = int(rng.integers(N_WORKERS))
                        workers[which].kill()
                        name = f"worker-{len(rows)}-again"
                        workers[which] = stack.enter_context(another_worker(name, work, address))
                    else:
                        {"program": program, "scheduler": scheduler}[target].kill()
                        exit_code = program.wait()
                    lines = [x for x in said(work, "program").splitlines() if " INFO " not in x]
                    rows.append(
                        {
                            "kill": len(rows) + 1,
                            "target": target,
                            "after_s": at_s,
                            "exit_code": exit_code,
                            "n_lines": len(lines),
                            "n_finished": n_finished(out, bids),
                        }
                    )
                    frame = pd.DataFrame(rows)
                    frame.to_csv(table, sep="\t", index=False, float_format="%.1f", na_rep="n/a")
                if program.poll() == 0:
                    return len(rows)


def another_worker(name, work, address):
    preload = str(Path(__file__).with_name("dask_bytes.py"))
    worker = (sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1")
    return process(name, work, *worker, "--no-nanny", "--preload", preload, "--no-dashboard")


def count_repeated(out):
    """Finished steps that were computed again, by the log."""
    log = (out / "logs" / "painprint.log").read_text()
    done, again, finished = Counter(), 0, set()
    for line in log.splitlines():
        if match := re.search(r"INFO (sub-\d+): stage \d+ of \d+ done in [^:]*: (.*)", line):
            person, title = match.groups()
            again += person in finished
            done[person, title] += title.endswith("?")  # stages of evidence are questions
        elif match := re.search(r"INFO (sub-\d+): finished\.", line):
            finished.add(match[1])
    return again + sum(n - 1 for n in done.values() if n > 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--alone", type=int, default=20)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--work", type=Path, default=Path("artefacts/cohort"))
    parser.add_argument("--out", type=Path, default=TABLES)
    args = parser.parse_args()
    folder = args.work.absolute()
    work, bids = folder / "work", folder / "bids"
    for needed in (work, args.out):
        needed.mkdir(parents=True, exist_ok=True)
    simulate(bids, args.people)
    table, kills = args.out / "cohort.tsv", args.out / "cohort_kills.tsv"
    rows = pd.read_csv(table, sep="\t").to_dict("records") if table.exists() else []
    if not rows:
        rows = measure_speed(args.people, args.alone, bids, folder, work)
        write(table, rows)
    if not any(row["part"] == "kills" for row in rows):
        killed = folder / "killed"
        n_kills = kill_at_random(bids, killed, work, kills, args.kills)
        there = contents(killed)
        rows.append(
            {
                "part": "kills",
                "n_people": args.people,
                "n_kills": n_kills,
                "n_files": len(there),
                "identical": there == contents(folder / "cluster"),
                "n_repeated": count_repeated(killed),
            }
        )
        write(table, rows)
    frame = pd.read_csv(table, sep="\t")
    print(frame.to_string(index=False))
    *_, last = rows
    sys.exit(0 if last["identical"] and last["n_repeated"] == 0 else 1)


def write(table, rows):
    pd.DataFrame(rows).to_csv(table, sep="\t", index=False, float_format="%.3f", na_rep="n/a")


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main()
