"""Time, memory and page of the group level of many people, and of one person more.

    python benchmarks/cohort_group.py --keep FOLDER       100 people and one more; resumes
    python benchmarks/cohort_group.py --people 3 --sessions 4 --regions 24 --run-s 120 --out FILE

Simulated people of one atlas (20 sessions x 1 run x 200 regions each; 30 % of the signature in
common) are decoded without any stage of evidence. `group` is the group level of all but the last
person, `one more` that of all, which computes the pairs of the last person alone; with `--check`,
`at once` is that of all from the beginning, and the files must be the same byte for byte. Each is a
process of its own, from the start of the command to its end, with the pages of all people written
again; memory is the peak of its first process (each worker needs less). The page is opened in
headless Chromium: `ready` is when the document and its scripts are done (median of five visits).
Simulated data and decodings are kept in the folder. The table lies in benchmarks/tables/.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from painprint.evidence.stages import STAGES

TABLE = Path(__file__).parent / "tables" / "cohort_group.tsv"
KNOWN = re.compile(r"group: (\d+) of \d+ pairs are known")


def run(*words):
    """A painprint command: seconds, processor seconds, peak memory (GB), and what it said."""
    command = [sys.executable, "-m", "painprint", *map(str, words)]
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read()
    if process.returncode:
        raise RuntimeError(text)
    seconds = time.perf_counter() - start
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6, text


def open_page(page):
    """Seconds until a page is ready; the median of five visits."""
    from playwright.sync_api import sync_playwright

    visits = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for _ in range(5):
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            start = time.perf_counter()
            tab.goto(page.as_uri(), wait_until="load")
            tab.evaluate("() => new Promise((done) => requestAnimationFrame(() => done()))")
            visits.append(time.perf_counter() - start)
            tab.close()
        browser.close()
    return float(np.median(visits))


def written(out):
    """The files of the group level."""
    files = [out / "group.html", *(p for p in (out / "group").rglob("*") if p.is_file())]
    return {path.relative_to(out): path.read_bytes() for path in files}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--regions", type=int, default=200)
    parser.add_argument("--run-s", type=float, default=636)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--out", type=Path, default=TABLE)
    parser.add_argument("--keep", type=Path)
    size = parser.parse_args()
    if size.out == TABLE and (size.people, size.sessions, size.regions) != (100, 20, 200):
        parser.error("another size needs another table: give --out.")
    root = size.keep or Path(tempfile.mkdtemp())
    bids, out = root / "bids", root / "out"
    if not (bids / "dataset_description.json").is_file():
        run(
            "simulate", bids, "--sessions", *[size.sessions] * (size.people + 1), "--n-regions",
            size.regions, "--n-runs", 1, "--run", size.run_s, "--shared-signature", 0.3,
        )  # fmt: skip
    people = sorted(path.name.removeprefix("sub-") for path in bids.glob("sub-*"))
    if len(list(out.glob("sub-*.html"))) < len(people):
        run("run", bids, out, "participant", "--task-id", "rating", "--skip", *STAGES)
    table = pd.read_csv(size.out, sep="\t") if size.out.exists() else pd.DataFrame()
    rows = table.to_dict("records")
    steps = {"group": people[:-1], "one more": people}
    steps |= {"at once": people} if size.check else {}
    before = {}
    for step, chosen in steps.items():
        if any(row["step"] == step for row in rows):
            continue
        if step != "one more":
            before = written(out) if step == "at once" else {}
            shutil.rmtree(out / "group", ignore_errors=True)
        words = ["run", bids, out, "group", "--n-jobs", size.jobs, "--participant-label", *chosen]
        seconds, processor_s, peak_gb, said = run(*words)
        known = KNOWN.search(said)
        assert not before or written(out) == before, "the files are not the same"
        page = out / "group.html"
        rows.append(
            {
                "step": step,
                "people": len(chosen),
                "sessions": size.sessions,
                "regions": size.regions,
                "pairs_computed": len(chosen) ** 2 - (int(known[1]) if known else 0),
                "seconds": round(seconds, 1),
                "processor_s": round(processor_s, 1),
                "peak_gb": round(peak_gb, 2),
                "group_mb": round(sum(map(len, written(out).values())) / 1e6, 2),
                "page_mb": round(page.stat().st_size / 1e6, 2),
                "ready_s": round(open_page(page), 2) if shutil.which("chromium") else np.nan,
                "person_page_mb": round((out / f"sub-{chosen[0]}.html").stat().st_size / 1e6, 2),
            }
        )
        size.out.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(rows).to_csv(size.out, sep="\t", index=False, na_rep="n/a")
    print(pd.DataFrame(rows).to_string(index=False))
    if not size.keep:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
