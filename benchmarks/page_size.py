"""Size of a page, how long it takes to make, and how long a browser takes to open it.

    python benchmarks/page_size.py                         28 sessions x 450 regions, fs_LR's size
    python benchmarks/page_size.py --sessions 5 --regions 40 --points 12

A simulated person is decoded with every stage, each with few repetitions (a page is no smaller for
that), with an image of the atlas on meshes of as many vertices as fs_LR 32k (10 x 57² + 2) that
stand for own surfaces, folded and inflated, and the last regions below the cortex. Then the page is
made again and opened in headless Chromium, without a graphics card: `ready` is when the document
and its scripts are done, `painted` when the brain is drawn. The table lies in benchmarks/tables/.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from painprint.cortex.sphere import make_sphere
from painprint.files.cifti import make_grayordinates
from painprint.files.gifti import write_surface
from painprint.files.images import Voxels
from painprint.files.maps import write_labels

TABLE = Path(__file__).parent / "tables" / "page_size.tsv"
QUICK = (
    "--n-bootstraps 1000 --n-permutations 39 --n-curve-draws 2 --n-importance-permutations 50 "
    "--skip baselines"
).split()
MNI_2MM = np.array([[-2.0, 0, 0, 90], [0, 2, 0, -126], [0, 0, 2, -72], [0, 0, 0, 1]])
N_DEEP = 20
PAINTED = "document.getElementById('brain-bar').childElementCount > 0"


def write_geometry(derivatives: Path, n: int) -> None:
    """Surfaces of the simulated person, and the image of their atlas."""
    ball, faces = make_sphere(n)
    table_path = next(derivatives.glob("sourcedata/atlases/*/*_dseg.tsv"))
    table = pd.read_csv(table_path, sep="\t")
    deep = table.index[-N_DEEP:] if len(table) > 3 * N_DEEP else table.index[-2:]
    waves = 1 + 0.06 * np.sin(9 * ball).prod(axis=1, keepdims=True)
    names = {side: f"sub-01_hemi-{side}_space-fsLR_den-32k" for side in "LR"}
    labels = {}
    for side, sign in (("L", -1), ("R", 1)):
        inflated = ball * [30, 85, 55] + [sign * 33, -15, 15]
        for suffix, shape in (("midthickness", inflated * waves), ("inflated", inflated)):
            path = derivatives / "sub-01" / "anat" / f"{names[side]}_{suffix}.surf.gii"
            write_surface(path, shape, faces, side)
        own = table.drop(deep)
        own = own[own["hemisphere"] == side]
        away = np.linalg.norm(inflated[:, None] - own[["x", "y", "z"]].to_numpy()[None], axis=2)
        labels[side] = own["index"].to_numpy()[away.argmin(axis=1)]
    inside = np.arange(len(ball))
    grid = Voxels(np.zeros((91, 109, 91), bool), MNI_2MM)
    at = {  # a row of voxels for each deep region
        "thalamus_left": np.array([(50, 50 + i % 20, 38 + i // 20) for i in range(4 * len(deep))])
    }
    points = make_grayordinates(
        {"cortex_left": inside, "cortex_right": inside}, len(ball), at, grid
    )
    values = np.concatenate([labels["L"], labels["R"], np.repeat(table["index"][deep], 4)])
    image = table_path.name.replace(".tsv", ".dlabel.nii")
    known = dict(zip(table["index"], table["label"], strict=True))
    write_labels(table_path.with_name(image), points, values, known)


def open_page(page: Path) -> dict[str, float]:
    """When the page is ready and painted, in s; the median of five visits."""
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
            ready = time.perf_counter() - start
            tab.wait_for_function(PAINTED)
            tab.evaluate("() => new Promise((done) => requestAnimationFrame(() => done()))")
            visits.append((ready, time.perf_counter() - start))
            tab.close()
        browser.close()
    return dict(zip(("ready_s", "painted_s"), np.median(visits, axis=0), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=28)
    parser.add_argument("--regions", type=int, default=450)
    parser.add_argument("--points", type=int, default=57, help="divisions of an icosahedron's edge")
    parser.add_argument("--out", type=Path, default=TABLE)
    parser.add_argument("--keep", type=Path, help="folder to keep the study in")
    chosen = parser.parse_args()
    if chosen.out.resolve() == TABLE.resolve() and (chosen.sessions, chosen.regions) != (28, 450):
        parser.error("another size needs another table: give --out.")
    root = chosen.keep or Path(tempfile.mkdtemp())

    def painprint(*words: object) -> float:
        start = time.perf_counter()
        command = [sys.executable, "-m", "painprint", *map(str, words)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return time.perf_counter() - start

    bids, out = root / "bids", root / "out"
    if not (out / "sub-01.html").is_file():
        painprint(
            "simulate", bids, "--sessions", chosen.sessions, "--n-regions", chosen.regions,
            "--tr", 2,
        )  # fmt: skip
        derivatives = bids / "derivatives" / "xcp_d"
        write_geometry(derivatives, chosen.points)
        painprint(
            "run", bids, out, "participant", "--derivatives", derivatives, "--task-id", "rating",
            "--rest-task", "rest", *QUICK,
        )  # fmt: skip
    made = painprint("report", out)
    page = out / "sub-01.html"
    metrics = json.loads(next(out.glob("sub-01/decoding/*_metrics.json")).read_text())
    row = {
        "sessions": metrics["n_sessions"],
        "regions": metrics["n_regions"],
        "vertices": 2 * (10 * chosen.points**2 + 2),
        "page_mb": page.stat().st_size / 1e6,
        "made_s": made,
        **open_page(page),
    }
    table = pd.DataFrame([row]).round(2)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(chosen.out, sep="\t", index=False, lineterminator="\n")
    print(table.to_string(index=False))
    if not chosen.keep:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
