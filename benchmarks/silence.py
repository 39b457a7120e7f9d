"""Longest time in which a command says nothing, through a pipe and on a terminal.

    python benchmarks/silence.py                    every study, both ways
    python benchmarks/silence.py --only small       studies by name
    python benchmarks/silence.py --out TABLE

Each study is simulated and taken from the dry run to the page of a new session, with the commands
that a new user types. Of each command: its duration, and the longest time (s) between two writes to
standard output or standard error, from its start to its end. The machine should do nothing else.
"""

from __future__ import annotations

import argparse
import os
import pty
import select
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from resume import TABLES

WAYS = ("pipe", "terminal")


@dataclass(frozen=True)
class Study:
    """A simulated study: how it is simulated, and options of its decoding."""

    name: str
    simulate: str
    run: str = ""
    predict: str = ""


DENSE = "--atlas data/derivatives/fmriprep/atlases/*/*.dlabel.nii"
STUDIES = (
    Study("small", "--sessions 5 --n-runs 2 --n-regions 40 --run 400"),
    Study("usual", "--sessions 14 --n-runs 3 --n-regions 120", "--n-jobs 2"),
    Study(
        "surfaces",
        "--sessions 4 --n-runs 2 --run 600 --n-regions 100 --layout fmriprep_surfaces",
        f"{DENSE} --n-jobs 2",
        DENSE,
    ),
)
NEW_RUN = {True: "_*space-fsLR_den-91k_bold.dtseries.nii", False: "_*_timeseries.tsv"}


def commands(study: Study) -> dict[str, str]:
    """What a new user types, by a short name; patterns are filled when a command starts."""
    is_dense = bool(study.predict)
    new_run = f"data/derivatives/*/sub-01/ses-01/func/*rating{NEW_RUN[is_dense]}"
    of_run = f"run data out participant --task-id rating {study.run}"
    return {
        "simulate": f"simulate data {study.simulate}",
        "dry run": f"{of_run} --dry-run",
        "run": of_run,
        "run again": of_run,
        "report": "report out",
        "predict": f"predict out/sub-01/decoding/*_signature {new_run} {study.predict} --out read",
    }


def fill(words: str, folder: Path) -> list[str]:
    """The words of a command, with the first file of each pattern."""
    filled = []
    for word in shlex.split(words):
        matches = sorted(folder.glob(word)) if "*" in word else []
        filled.append(str(matches[0].relative_to(folder)) if matches else word)
    return filled


def listen(words: list[str], folder: Path, way: str) -> dict[str, object]:
    """Run a command; its duration and the longest silence (s)."""
    if way == "terminal":
        ours, theirs = pty.openpty()
    else:
        ours, theirs = os.pipe()
    start = last = time.monotonic()
    silence = 0.0
    process = subprocess.Popen(
        [sys.executable, "-m", "painprint", *words],
        cwd=folder, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
        env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    os.close(theirs)
    said = b""
    while True:
        select.select([ours], [], [])
        try:
            more = os.read(ours, 65536)
        except OSError:  # of a terminal that nobody writes to any more
            more = b""
        now = time.monotonic()
        silence, last = max(silence, now - last), now
        if not more:
            break
        said = (said + more)[-2000:]
    os.close(ours)
    if process.wait():
        raise SystemExit(f"{shlex.join(words)} failed:\n{said.decode(errors='replace')}")
    return {"seconds": round(last - start, 1), "longest_silence_s": round(silence, 1)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="+", choices=[study.name for study in STUDIES])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--out", type=Path, default=TABLES / "silence.tsv")
    options = parser.parse_args()
    for study in STUDIES:
        for way in options.ways if study.name in (options.only or study.name) else ():
            rows = []
            with tempfile.TemporaryDirectory() as root:
                for name, words in commands(study).items():
                    heard = listen(fill(words, Path(root)), Path(root), way)
                    rows.append({"study": study.name, "way": way, "command": name, **heard})
                    print("  ".join(map(str, rows[-1].values())), flush=True)
            save(options.out, pd.DataFrame(rows))
    if options.out.exists():
        longest = pd.read_csv(options.out, sep="\t")["longest_silence_s"].max()
        print(f"longest silence: {longest:.1f} s")


def save(path: Path, rows: pd.DataFrame) -> None:
    """Replace the rows of a study in the table."""
    if path.exists():
        earlier = pd.read_csv(path, sep="\t")
        rows = pd.concat([earlier, rows]).drop_duplicates(["study", "way", "command"], keep="last")
    rows.to_csv(path, sep="\t", index=False)


if __name__ == "__main__":
    main()
