"""Kill a small study at random moments, run it again, and compare every byte.

    python benchmarks/kill_and_resume.py                  100 kills
    python benchmarks/kill_and_resume.py --kills 3 --out kills.tsv     a quick look

One simulated person (5 sessions x 2 runs x 24 regions). Each kill: a fresh output folder, the
study started, SIGKILL after a random time between nothing and the whole run, the study started
again to its end. Outside logs/, every file must be as in a run that nobody killed. Rows in the
table are not repeated; kills from before the stages have n/a in ``asked_again``. ``left`` is what
the kill left behind (``stages``: models and answers of some stages), ``trained_again`` whether the
resumed run trained models, and ``asked_again`` whether it asked a stage (it must not where it found
them).
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from painprint.evidence.stages import STAGES
from painprint.simulate.person import Person, World
from painprint.simulate.write import write_people

TABLE = Path(__file__).parent / "tables" / "kill_and_resume.tsv"


def start(bids, out):
    few = ["--n-bootstraps", "2000", "--n-permutations", "50", "--n-curve-draws", "2"]
    words = ["run", str(bids), str(out), "participant", *few]
    command = [sys.executable, "-m", "painprint", *words]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def contents(out):
    """Hash of every file outside logs/."""
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and "logs" not in path.parts
    }


def kill_once(bids, out, after_s, expected):
    """One row: kill after so many seconds, resume, compare."""
    process = start(bids, out)
    time.sleep(after_s)
    process.kill()
    process.communicate()
    paths = [p for p in out.rglob("*") if p.is_file() and "logs" not in p.parts]
    left, stages = [p.name for p in paths], [p.name for p in paths if p.parent.name == "stages"]
    trained = any(name.endswith("_training.safetensors") for name in left)
    answered = [s for s in STAGES if any(name.endswith(f"_{s}.json") for name in stages)]
    finished = any(name.endswith("_metrics.json") for name in left)
    resumed = start(bids, out)
    _, said = resumed.communicate()
    found = contents(out)
    return {
        "after_s": round(after_s, 3),
        "left": _what_was_left(finished, answered, trained, left),
        "n_files_left": len(left),
        "exit_code": resumed.returncode,
        "trained_again": "nested folds: 1 of" in said,
        "asked_again": any(f"{stage}: 1 of" in said for stage in answered),
        "n_files": len(found),
        "identical": found == expected,
    }


def _what_was_left(finished, answered, trained, left):
    if finished:
        return "all"
    if answered:
        return "stages"
    return "models" if trained else "files" if left else "nothing"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--out", type=Path, default=TABLE)
    size = parser.parse_args()
    size.out.parent.mkdir(parents=True, exist_ok=True)
    earlier = pd.read_csv(size.out, sep="\t").to_dict("records") if size.out.exists() else []
    rows = [{"asked_again": None, **row} for row in earlier]
    with tempfile.TemporaryDirectory() as folder:
        bids, clean = Path(folder) / "bids", Path(folder) / "clean"
        write_people(bids, [Person(n_sessions=5, world=World(n_runs=2, n_regions=24, run_s=300))])
        whole = []
        for _ in range(2):  # the first start is slower: its time is not used
            shutil.rmtree(clean, ignore_errors=True)
            begun = time.perf_counter()
            start(bids, clean).communicate()
            whole.append(time.perf_counter() - begun)
        expected = contents(clean)
        for number in range(len(rows), size.kills):
            after_s = np.random.default_rng([7, number]).uniform(0, 1.05 * whole[-1])
            out = Path(folder) / "out"
            rows.append({"kill": number + 1, **kill_once(bids, out, after_s, expected)})
            shutil.rmtree(out)
            pd.DataFrame(rows).to_csv(size.out, sep="\t", index=False, na_rep="n/a")
    table = pd.DataFrame(rows)
    found = table["left"].isin(["models", "stages", "all"])
    wasted = (table["trained_again"] & found) | table["asked_again"].eq(True)
    print(table.groupby("left")[["identical"]].agg(["count", "sum"]))
    print(f"{len(table)} kills, {table['identical'].sum()} resumed to identical bytes;")
    print(f"{wasted.sum()} trained or asked again what was there.")
    sys.exit(0 if table["identical"].all() and not wasted.any() else 1)


if __name__ == "__main__":
    main()
