"""Kill `painprint rate` at random moments; start it again; count what was lost.

    python benchmarks/rating_kills.py                          50 kills, about 5 minutes
    python benchmarks/rating_kills.py --kills 2 --out kills.tsv     a quick look

Each kill: a dataset with a finished run-1; the command in a process of its own; a small HTTP client
in place of the page, which sends a batch of movements and triggers every 100 ms; SIGKILL at a
random moment of the start, of the wait for the first trigger, of the recording, of its end, or from
the first sign of a file of the run on; then the command again, which finishes the run before it
prints its address. Lost is the time from the last event that was sent (and from the last one that
the command had acknowledged) before the kill to the last one in the files. It must be at most 1 s;
every sample must be what was sent; the files of run-1 must be unchanged, the next run have a new
number, and nothing else be left over. Rows in the table are not repeated.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import http.client
import json
import math
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

TABLE = Path(__file__).parent / "tables" / "rating_kills.tsv"
MOST_LOST_S = 1.0
DURATION_S, WAITING_S, ENDING_S, WRITING_S = 3.0, 0.8, 0.5, 0.02
TR_S, SEND_S, MOVE_S = 0.46, 0.1, 0.017
NAME = "sub-01_ses-01_task-rating_run-"
PHASES = ("start-up", "waiting", "recording", "recording", "recording", "ending", "writing")
"""One after the other, so that any number of kills has all of them."""
ENDINGS = (
    "recording-rating_physio.tsv.gz", "recording-rating_physio.json", "events.tsv", "events.json",
)  # fmt: skip


@dataclass
class Page:
    """A client in place of the page; times are in seconds since it was opened.

    ``moves``, ``triggers``: what was sent, (time, place) and time; ``sent_s``, ``kept_s``: time of
    the last event that was sent, and of the last one that was acknowledged.
    """

    url: str
    opened: float = field(default_factory=time.monotonic)
    moves: list[tuple[float, float]] = field(default_factory=list)
    triggers: list[float] = field(default_factory=list)
    sent_s: float = float("nan")
    kept_s: float = float("nan")
    first_trigger: threading.Event = field(default_factory=threading.Event)
    has_ended: threading.Event = field(default_factory=threading.Event)

    def play(self) -> None:
        """Wait, rate for the duration of the run, and end; until the command is gone."""
        port, token = re.search(r":(\d+)/\?token=(.+)", self.url).groups()
        connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=10)
        headers = {"X-Painprint-Token": token, "Content-Type": "application/json"}
        until, number, ended = 0.0, 0, False
        while not ended:
            time.sleep(max(0.0, SEND_S * (number + 1) - self.now()))
            since, until = until, self.now()
            ended = until >= WAITING_S + DURATION_S
            batch = {"page": "kills", "n": number, **self.events(since, until)}
            batch |= {"ended": True} if ended else {}
            number += 1
            last_s = max([*self.triggers[-1:], *(t for t, _ in self.moves[-1:])], default=np.nan)
            try:
                self.sent_s = last_s
                batch["sent"] = 1e3 * self.now()
                connection.request("POST", "/batch", json.dumps(batch), headers)
                reply = connection.getresponse()
                reply.read()
            except (OSError, http.client.HTTPException):
                return
            assert reply.status == 200, reply.status
            self.kept_s = last_s
            if self.triggers:
                self.first_trigger.set()
        self.has_ended.set()

    def now(self) -> float:
        """Time since the page was opened (s)."""
        return time.monotonic() - self.opened

    def events(self, since: float, until: float) -> dict[str, list]:
        """Movements and triggers of a time, as they are sent (ms)."""
        moves, triggers = [], []
        if until >= WAITING_S:
            first = math.ceil((max(since, WAITING_S) - WAITING_S) / MOVE_S)
            last = math.ceil((until - WAITING_S) / MOVE_S)
            times = [WAITING_S + 0.001 + MOVE_S * i for i in range(first, last)]
            moves = [(t, round(0.5 + 0.45 * math.sin(2 * t), 5)) for t in times]
            first = math.ceil((max(since, WAITING_S) - WAITING_S) / TR_S)
            last = math.ceil((until - WAITING_S) / TR_S)
            triggers = [WAITING_S + TR_S * i for i in range(first, last)]
        self.moves += moves
        self.triggers += triggers
        return {
            "moves": [[round(1e3 * t, 2), place] for t, place in moves],
            "triggers": [round(1e3 * t, 2) for t in triggers],
        }


@dataclass
class Life:
    """A command, from its start on."""

    root: Path
    began: float = field(init=False)
    process: subprocess.Popen = field(init=False)
    page: Page | None = None

    def __post_init__(self) -> None:
        words = [sys.executable, "-m", "painprint", "rate", str(self.root / "bids")]
        words += ["--participant-label", "01", "--session-label", "01"]
        words += ["--duration", str(DURATION_S), "--repetition-time", str(TR_S)]
        self.began = time.monotonic()
        with (self.root / "said").open("a") as said:
            self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=said, text=True)

    def url(self) -> str | None:
        """Wait for the address; None if the command ends before it prints one."""
        return next((line.strip() for line in self.process.stdout if "http://" in line), None)

    def play(self) -> None:
        """Open the page, and rate."""
        if (url := self.url()) is not None:
            self.page = Page(url)
            self.page.play()

    def end(self) -> str:
        """What it printed to its end."""
        said = self.process.stdout.read()
        self.process.wait(timeout=30)
        self.process.stdout.close()
        return said


def start_and_stop(root: Path) -> tuple[int, str]:
    """Start the command until it is ready, and stop it: exit code, and what it printed."""
    life = Life(root)
    url = life.url()
    time.sleep(0.1)
    life.process.send_signal(signal.SIGINT)
    said = life.end()
    return (life.process.returncode if url else 1), said


def kill_once(root: Path, phase: str, share: float, startup_s: float) -> dict[str, object]:
    """One life: play, kill, start again, and compare."""
    before = contents(root / "bids")
    life = Life(root)
    player = threading.Thread(target=life.play)
    player.start()
    wait_for(life, phase, share, startup_s)
    life.process.kill()
    at_s = time.monotonic() - life.began
    player.join()
    life.end()
    killed = life.process.returncode == -signal.SIGKILL
    began = time.monotonic()
    code, said = start_and_stop(root)
    after_s = time.monotonic() - began
    next_run = re.search(rf"{NAME}(\d+): there was no trigger", said)
    found = compare(root / "bids", before, life.page)
    found |= {
        "killed": killed, "killed_at_s": at_s, "exit_code": code, "restart_s": after_s,
        "next_run": int(next_run[1]) if next_run else 0,
    }  # fmt: skip
    found["held"] = bool(
        code == 0
        and found["run_1_same"]
        and found["samples_right"]
        and found["next_run"] == 2 + found["has_run_2"]
        and not found["left_over"]
        and (math.isnan(found["lost_s"]) or found["lost_s"] <= MOST_LOST_S)
    )
    return found


def wait_for(life: Life, phase: str, share: float, startup_s: float) -> None:
    """Wait until the moment of the kill, or until the command has ended by itself."""

    def until(is_so) -> None:
        while not is_so() and life.process.poll() is None:
            time.sleep(0.0005)

    if phase == "start-up":
        time.sleep(share * startup_s)
        return
    until(lambda: life.page is not None)
    if phase == "waiting":
        time.sleep(share * WAITING_S)
    elif phase == "recording":
        until(life.page.first_trigger.is_set)
        time.sleep(share * (DURATION_S - 2 * SEND_S))
    elif phase == "ending":
        until(life.page.has_ended.is_set)
        time.sleep(share * ENDING_S)
    else:
        folder = life.root / "bids" / "sub-01" / "ses-01" / "func"
        until(lambda: any("run-2" in path.name for path in folder.iterdir()))
        time.sleep(share * WRITING_S)


def contents(folder: Path) -> dict[str, str]:
    """Hash of every file."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def compare(bids: Path, before: dict[str, str], page: Page | None) -> dict[str, object]:
    """What is in a dataset beside what was there, and what of the page's events is in its files."""
    now = contents(bids)
    new = set(now) - set(before)
    func = "sub-01/ses-01/func"
    of_run = {f"{func}/{NAME}2_{ending}" for ending in ENDINGS}
    journal = f"sourcedata/painprint/{func}/{NAME}2_rating.jsonl"
    has_run = of_run <= new
    left_over = sorted(new - (of_run | {journal} if has_run else set()))
    n_triggers = len(page.triggers) if page else 0
    result: dict[str, object] = {
        "run_1_same": all(now.get(name) == digest for name, digest in before.items()),
        "has_run_2": has_run, "left_over": " ".join(left_over), "n_triggers_sent": n_triggers,
        "samples_right": has_run or page is None or math.isnan(page.kept_s),
        "lost_s": np.nan, "lost_of_kept_s": np.nan,
    }  # fmt: skip
    if has_run:
        last_s, is_right = read_back(bids / func, page)
        result["lost_s"] = max(0.0, page.sent_s - last_s)
        result["lost_of_kept_s"] = max(0.0, page.kept_s - last_s)
        result["samples_right"] = is_right
    elif page is not None and not math.isnan(page.sent_s):
        result["lost_s"] = page.sent_s - WAITING_S
    return result


def read_back(folder: Path, page: Page) -> tuple[float, bool]:
    """Last time in the files of run-2 (s since the page was opened); whether they are right."""
    sidecar = json.loads((folder / f"{NAME}2_recording-rating_physio.json").read_text())
    text = gzip.decompress((folder / f"{NAME}2_recording-rating_physio.tsv.gz").read_bytes())
    ratings = np.array([float(row.split("\t")[0].replace("n/a", "nan"))
                        for row in text.decode().splitlines()])  # fmt: skip
    rate = sidecar["SamplingFrequency"]
    at = WAITING_S + sidecar["StartTime"] + np.arange(len(ratings)) / rate
    moved, place = np.array(page.moves).T
    # a sample at the very time of a movement may be before it or after it, by rounding to 0.01 ms
    sides = [np.searchsorted(moved, at + off, side="right") - 1 for off in (-2e-5, 2e-5)]
    expected = [np.where(i >= 0, 100 * place[np.maximum(i, 0)], np.nan) for i in sides]
    is_right = np.any([np.isclose(e, ratings, atol=2e-3, equal_nan=True) for e in expected], axis=0)
    onsets = np.array(sidecar["trigger"]["Onsets"]) + WAITING_S
    right = np.allclose(onsets, page.triggers[: len(onsets)], atol=1e-4)
    return max(float(at[-1]), float(onsets[-1])), bool(is_right.all() and right)


def finished_dataset(root: Path) -> float:
    """Record run-1 as it should go; the time until the command is ready (s)."""
    root.mkdir()
    life = Life(root)
    life.play()
    ready_s = life.page.opened - life.began
    life.end()
    assert life.process.returncode == 0 and life.page.has_ended.is_set()
    return ready_s


def main() -> None:
    """Kill as often as the table lacks rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=TABLE)
    args = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's "&" would have it ignored
    args.out.parent.mkdir(parents=True, exist_ok=True)
    rows = pd.read_csv(args.out, sep="\t").to_dict("records") if args.out.exists() else []
    done = {(row["seed"], row["kill"]) for row in rows}
    with tempfile.TemporaryDirectory() as folder:
        ready, root = Path(folder) / "ready", Path(folder) / "root"
        startup_s = finished_dataset(ready)
        for kill in range(args.kills):
            if (args.seed, kill) in done:
                continue
            phase = PHASES[kill % len(PHASES)]
            share, found = np.random.default_rng([args.seed, kill]).uniform(), {}
            while not found.get("killed"):  # it may have ended before: then a little earlier
                shutil.rmtree(root, ignore_errors=True)
                shutil.copytree(ready, root)
                found = kill_once(root, phase, share, startup_s)
                share *= 0.8
            rows.append({"seed": args.seed, "kill": kill, "phase": phase, **found})
            table = pd.DataFrame(rows).round(3)
            table.to_csv(args.out, sep="\t", index=False, na_rep="n/a")
    table = pd.DataFrame(rows)
    lost = table[["lost_s", "lost_of_kept_s"]].astype(float).max()
    print(table.groupby("phase")[["killed", "has_run_2", "held"]].sum())
    print(f"{len(table)} kills, {int(table['held'].sum())} held; at most {lost['lost_s']:.2f} s "
          f"lost, {lost['lost_of_kept_s']:.2f} s of what was acknowledged.")  # fmt: skip
    sys.exit(0 if table["held"].all() else 1)


if __name__ == "__main__":
    main()
