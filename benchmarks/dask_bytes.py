"""Bytes that a study moves on a Dask cluster, and what happens when parts of it are killed.

    python benchmarks/dask_bytes.py                  the table; resumes
    python benchmarks/dask_bytes.py --sessions 4 --regions 24 --run-s 240 --no-kills --out FILE

The second is a quick look. A simulated person is trained by `painprint run` (the stages of evidence
are skipped: they send nothing) on a scheduler and two workers, each a process of its own.
``moved_mb`` is all that program, scheduler and workers write to their connections, counted by each
of the four where Dask writes to TCP, headers and heartbeats included; ``from_program_mb`` is the
program's part. ``gram_mb`` is the size of the Gram matrix of the training bins. A worker or the
scheduler is killed (SIGKILL) after the first fold: ``exit_code`` and the error lines (``n_lines``)
are those of that run, ``to_exit_s`` is the time from the kill to the end of the process, and
``identical`` says whether the results, after the same command if the run failed, are those of
threads to the byte.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from resume import TABLES, fill

TABLE = TABLES / "dask_bytes.tsv"
COUNT = "PAINPRINT_COUNT"


def count_bytes():
    """Count what this process writes to Dask's TCP connections, in the file that COUNT names."""
    from distributed.comm.tcp import TCP

    path = Path(os.environ[COUNT])
    path.write_bytes(bytes(8))
    total, write = np.memmap(path, np.int64), TCP.write

    async def counted(self, *args, **keywords):
        n_bytes = await write(self, *args, **keywords)
        total[0] += n_bytes
        return n_bytes

    TCP.write = counted


def dask_setup(_):
    """Called by scheduler and workers, which preload this file."""
    count_bytes()


@contextmanager
def process(name, folder, *command):
    """A process that counts its bytes; killed at the end."""
    environment = {**os.environ, COUNT: str(folder / f"{name}.count")}
    with open(folder / f"{name}.log", "w") as log:
        started = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            yield started
        finally:
            started.kill()
            started.wait()


@contextmanager
def cluster(folder):
    """A scheduler with two workers; its address and the processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    common = ("--preload", __file__, "--no-dashboard")
    dask, host = (sys.executable, "-m"), ("--host", "127.0.0.1")
    worker = (*dask, "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny")
    with ExitStack() as stack:
        scheduler = (*dask, "distributed.cli.dask_scheduler", *host, "--port", str(port))
        processes = [stack.enter_context(process("scheduler", folder, *scheduler, *common))]
        for name in ("worker-1", "worker-2"):
            processes.append(stack.enter_context(process(name, folder, *worker, *common)))
        while any("Registered to" not in said(folder, name) for name in ("worker-1", "worker-2")):
            time.sleep(0.2)
        yield address, processes


def said(folder, name):
    return (folder / f"{name}.log").read_text()


def counted_bytes(folder):
    """Bytes by process."""
    return {p.stem: int(np.fromfile(p, np.int64)[0]) for p in folder.glob("*.count")}


def words_of(bids, out, decoder):
    from painprint.evidence.stages import STAGES

    return ["run", str(bids), str(out), "participant", "--decoder", decoder, "--skip", *STAGES]


def contents(out):
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and "logs" not in path.parts
    }


def on_cluster(killed, words, folder):
    """Run the program on a cluster, and kill a part of it after the first fold."""
    with cluster(folder) as (address, (scheduler, worker, _)):
        command = [sys.executable, __file__, "--program", *words, "--dask-scheduler", address]
        with process("program", folder, *command) as program:
            while program.poll() is None and "reading the runs" not in said(folder, "program"):
                time.sleep(0.05)
            at = time.perf_counter()
            if killed != "nothing":
                {"worker": worker, "scheduler": scheduler}[killed].kill()
            exit_code = program.wait()
            to_exit_s = time.perf_counter() - at
    lines = [x for x in said(folder, "program").splitlines() if " INFO " not in x]
    return exit_code, to_exit_s, lines


def measure(killed, decoder, sessions, regions, n_runs, run_s):
    """One row of the table."""
    from painprint.simulate.person import Person, World
    from painprint.simulate.write import write_people

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bids, here, there = (folder / part for part in ("bids", "here", "there"))
        world = World(n_runs=n_runs, n_regions=regions, run_s=run_s)
        write_people(bids, [Person(n_sessions=sessions, world=world)])
        alone = [sys.executable, "-m", "painprint"]
        subprocess.run([*alone, *words_of(bids, here, decoder)], check=True, capture_output=True)
        words = words_of(bids, there, decoder)
        exit_code, to_exit_s, lines = on_cluster(killed, words, folder)
        if exit_code:
            subprocess.run([*alone, *words], check=True, capture_output=True)
        (table,) = here.rglob("*_runs.tsv")
        n_rows = int(pd.read_csv(table, sep="\t")["n_training_bins"].sum())
        moved = counted_bytes(folder)
        gram_mb, moved_mb = 8 * n_rows**2 / 1e6, sum(moved.values()) / 1e6
        return {
            "killed": killed,
            "decoder": decoder,
            "sessions": sessions,
            "regions": regions,
            "n_runs": n_runs,
            "n_rows": n_rows,
            "gram_mb": gram_mb,
            "moved_mb": moved_mb,
            "from_program_mb": moved["program"] / 1e6,
            "moved_per_gram": moved_mb / gram_mb,
            "exit_code": exit_code,
            "to_exit_s": None if killed == "nothing" else to_exit_s,
            "n_lines": len(lines),
            "identical": contents(there) == contents(here),
        }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sessions", type=int, nargs="+", default=[7, 14, 28])
    parser.add_argument("--regions", type=int, nargs="+", default=[60, 200])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--run-s", type=float, default=636.0)
    parser.add_argument("--kills", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--out", type=Path, default=TABLE)
    size = parser.parse_args()
    cases = [("nothing", "ridge", n, size.regions[0]) for n in size.sessions]
    cases += [("nothing", "ridge", size.sessions[0], regions) for regions in size.regions[1:]]
    if size.kills:
        fewest = (size.sessions[0], size.regions[0])
        cases += [(killed, "ridge", *fewest) for killed in ("worker", "scheduler")]
        cases += [("nothing", "lasso_pcr", n, size.regions[0]) for n in size.sessions[:2]]
    wanted = [(*case, size.runs, size.run_s) for case in cases]
    table = fill(size.out, wanted, ["killed", "decoder", "sessions", "regions"], measure, 1, 1)
    print(table.to_string(index=False))
    ridge = table[(table["killed"] == "nothing") & (table["decoder"] == "ridge")]
    large = ridge[ridge["sessions"] >= 14]  # of less, messages without content are the most
    few = not (large["moved_per_gram"] > 3).any()
    sys.exit(0 if table["identical"].all() and few else 1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--program"]:
        from painprint.cli import main as program

        count_bytes()
        sys.exit(program(sys.argv[2:]))
    main()
