"""How well `painprint rate` records: triggers and positions sent to a browser, against its files.

Headless Chromium shows the page. Keys (triggers) and mouse positions are sent to it over the
DevTools protocol at times that are noted on the monotonic clock, which the program and Chromium
read too: so the error of a trigger is its recorded minus its sent time, with the way into the
browser.

    python benchmarks/rating_timing.py --seconds 120                two repetition times
    python benchmarks/rating_timing.py --seconds 3600 --tr 2        an hour: drift and memory

Of the triggers 5 % are missing and 2 % are doubled. A row is done if its table has it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

TABLE = Path(__file__).parent / "tables" / "rating_timing.tsv"
SHARE_MISSING, SHARE_DOUBLED, DOUBLE_AFTER_S = 0.05, 0.02, 0.06
JITTER_S = 0.002
MOVES_HZ = 15.0
EDGE = 60.0
"""Longest time at the start and at the end of a run between which drift is measured (s)."""


@dataclass
class Sent:
    """What the browser was sent: times on the monotonic clock (s), with the volume of a trigger (-1
    for a second one) or the place; and how late the latest trigger was sent (s)."""

    triggers: list[tuple[float, int]] = field(default_factory=list)
    moves: list[tuple[float, float]] = field(default_factory=list)
    latest_s: float = 0.0


def plan(tr_s: float, seconds: float, rng: np.random.Generator) -> list[tuple[float, str, float]]:
    """Time, kind and value of all that is sent, in order: (s, "trigger" or "move", value)."""
    rows = []
    for volume in range(int(seconds / tr_s) + 2):
        at = volume * tr_s + rng.normal(0, JITTER_S) * (volume > 0)
        if volume == 0 or rng.random() > SHARE_MISSING:
            rows.append((at, "trigger", float(volume)))
            if volume and rng.random() < SHARE_DOUBLED:
                rows.append((at + DOUBLE_AFTER_S, "trigger", -1.0))
    times = np.arange(0.5, seconds, 1 / MOVES_HZ) + rng.uniform(0, 0.5 / MOVES_HZ)
    places = 0.5 + 0.45 * np.sin(np.cumsum(rng.uniform(0.01, 0.3, len(times))))
    rows += [(float(t), "move", float(p)) for t, p in zip(times, places, strict=True)]
    return sorted(rows)


def drive(page, rows, each_minute) -> Sent:
    """Send keys and positions to a page at their times, and note when each was sent.

    ``each_minute`` is called at the start of each minute of the plan.
    """
    box = page.evaluate(
        "() => { const m = document.getElementById('rating'), was = m.hidden; m.hidden = false;"
        " const b = document.getElementById('line').getBoundingClientRect(); m.hidden = was;"
        " return [b.left, b.width, b.top + b.height / 2]; }"
    )
    devtools = page.context.new_cdp_session(page)
    sent, began, minute = Sent(), time.monotonic() + 0.2, 0
    for at, kind, value in rows:
        if at >= 60 * minute:
            minute += 1
            each_minute()
        while (wait := began + at - time.monotonic()) > 0:
            time.sleep(min(wait, 0.05)) if wait > 0.002 else None
        now = time.monotonic()
        if kind == "trigger":
            sent.triggers.append((now, int(value)))
            sent.latest_s = max(sent.latest_s, now - began - at)
            for what in ("keyDown", "keyUp"):
                devtools.send("Input.dispatchKeyEvent", {"type": what, "key": "5", "text": "5"})
        else:
            x = round(box[0] + value * box[1])
            sent.moves.append((now, (x - box[0]) / box[1]))
            devtools.send("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": x, "y": box[2]})
    return sent


def measure(tr_s: float, seconds: float, *, seed: int = 0) -> dict[str, float | str]:
    """Record a run, and compare its files with what was sent."""
    from playwright.sync_api import sync_playwright

    rows = plan(tr_s, seconds, np.random.default_rng([seed, round(1000 * tr_s)]))
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "painprint", "rate", folder, "--participant-label", "01"]
        words += ["--duration", str(seconds - 1), "--repetition-time", str(tr_s)]
        program = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        url = re.search(r"http://\S+", "".join(program.stdout.readline() for _ in range(2)))[0]
        memory = []
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.goto(url)
            page.wait_for_timeout(300)
            process = psutil.Process(program.pid)
            sent = drive(page, rows, lambda: memory.append(process.memory_info().rss / 1e6))
            page.wait_for_timeout(1500)
            browser.close()
        if program.poll() is None:
            program.send_signal(signal.SIGINT)
        program.communicate(timeout=60)
        return {
            "tr_s": tr_s, "seconds": seconds, "seed": seed, **compare(Path(folder), sent),
            "rss_first_mb": memory[0], "rss_most_mb": max(memory[:-1] or memory),
        }  # fmt: skip


def compare(folder: Path, sent: Sent) -> dict[str, float]:
    """Errors of the files of a run (ms), and counts of its triggers."""
    (samples,) = folder.rglob("*_physio.tsv.gz")
    sidecar = json.loads(samples.with_name(samples.name.replace(".tsv.gz", ".json")).read_text())
    onsets = np.array(sidecar["trigger"]["Onsets"])
    times = np.array([t for t, _ in sent.triggers])[: len(onsets)]
    start = first_trigger(folder)
    error = 1e3 * (start + onsets - times)
    volume = np.array([volume for _, volume in sent.triggers])[: len(onsets)]
    doubled = volume < 0
    told = np.array([-1 if v is None else v for v in sidecar["trigger"]["Volumes"]])
    lags = position_lags(samples, sidecar, sent, start)
    edge = min(EDGE, (times[-1] - times[0]) / 4)
    drift = np.median(error[times > times[-1] - edge]) - np.median(error[times < times[0] + edge])
    check = sidecar["RunCheck"]
    return {
        "n_triggers": len(onsets), "n_sent": len(sent.triggers),
        "n_doubled": int(doubled.sum()), "n_extra_told": check["n_extra_triggers"],
        "n_missing_told": check["n_missing_triggers"],
        "all_volumes_right": bool((told == volume).all()), "latest_sent_ms": 1e3 * sent.latest_s,
        "trigger_p50_ms": np.median(error), "trigger_p99_ms": np.percentile(np.abs(error), 99),
        "trigger_max_ms": np.abs(error).max(),
        "position_p50_ms": np.median(np.abs(lags)),
        "position_p99_ms": np.percentile(np.abs(lags), 99), "position_max_ms": np.abs(lags).max(),
        "n_samples": len(lags), "drift_ms": drift, "frame_p99_ms": check["frame_interval_p99_ms"],
        "n_dropped_frames": check["n_dropped_frames"],
    }  # fmt: skip


def first_trigger(folder: Path) -> float:
    """Time of the first volume on the monotonic clock (s)."""
    from painprint.rating_task.journal import read_journal
    from painprint.rating_task.recording import recording_of

    (journal,) = folder.rglob("*_rating.jsonl")
    entries = read_journal(journal)
    next(entries)
    return float(recording_of(entries).trigger_s[0])


def position_lags(samples: Path, sidecar, sent: Sent, start: float) -> np.ndarray:
    """For each sample, by how much its time is off: 0 where the position that was sent last at its
    time is recorded, else to the nearest time at which it was (ms)."""
    text = gzip.decompress(samples.read_bytes()).decode().splitlines()
    ratings = np.array([float(row.split("\t")[0].replace("n/a", "nan")) for row in text]) / 100
    at = start + sidecar["StartTime"] + np.arange(len(ratings)) / sidecar["SamplingFrequency"]
    begin = np.array([t for t, _ in sent.moves])
    end = np.append(begin[1:], np.inf)
    places = np.array([place for _, place in sent.moves])
    lags = []
    for t, value in zip(at, ratings, strict=True):
        if np.isnan(value):
            lags.append(0.0 if t < begin[0] else 1e3 * (t - begin[0]))
            continue
        same = np.abs(places - value) < 1e-3
        off = np.where(t < begin, begin - t, np.where(t >= end, t - end, 0.0))[same]
        lags.append(1e3 * off.min() if len(off) else np.inf)
    return np.array(lags)


def main() -> None:
    """Measure what the table lacks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--tr", type=float, nargs="+", default=[0.46, 2.0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=TABLE)
    args = parser.parse_args()
    table = pd.read_csv(args.out, sep="\t") if args.out.exists() else pd.DataFrame()
    for tr_s in args.tr:
        key = {"tr_s": tr_s, "seconds": args.seconds, "seed": args.seed}
        if len(table) and (table[list(key)] == list(key.values())).all(axis=1).any():
            continue
        row = measure(tr_s, args.seconds, seed=args.seed)
        table = pd.concat([table, pd.DataFrame([row])], ignore_index=True)
        args.out.parent.mkdir(parents=True, exist_ok=True)
        table.round(3).to_csv(args.out, sep="\t", index=False)
    print(table.round(3).T.to_string())


if __name__ == "__main__":
    main()
