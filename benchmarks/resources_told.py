"""Memory and time that `painprint run --dry-run` tells, against those of the study itself.

    python benchmarks/resources_told.py                 every size that the table lacks; resumes
    python benchmarks/resources_told.py --told          what is told today, for the measured sizes
    python benchmarks/resources_told.py --again         measures what was measured before
    python benchmarks/resources_told.py --only small    sizes by name

Each study is simulated, told by a dry run, and run in a process of its own with every stage of
evidence, resting runs and page. Memory is the peak of that process (VmHWM), time its wall and CPU
time; parts of it are in a second table, by which the constants of `painprint/apps/resources.py`
were fitted: on the sizes marked `fit` and on stage_costs.tsv, and tested on the others. Tables lie
in benchmarks/tables/.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

TABLES = Path(__file__).parent / "tables"
TABLE, PARTS = "resources_told.tsv", "resources_told_parts.tsv"
TR_S = 0.46
TOLD = re.compile(r"about ([\d.]+) GB of memory(?:.*? and (\d[\d.]*) (s|min|h) with)?", re.DOTALL)
SECONDS = {"s": 1, "min": 60, "h": 3600}
MEASURED_PARTS = {
    "painprint.apps.participant_inputs": ("prepare_runs",),
    "painprint.apps.decoding_steps": ("train", "evaluate_training", "run_stage"),
    "painprint.apps.decode": ("write_decoding",),
    "painprint.apps.decoding_files": ("write_page_unless_made",),
}


@dataclass(frozen=True)
class Size:
    """A study; `use` says whether constants were fitted on it."""

    name: str
    use: str
    sessions: int
    runs: int
    regions: int
    frames: int
    options: str = ""
    layout: str = "xcp_d"


SIZES = (
    Size("small", "fit", 5, 2, 60, 300),
    Size("short", "fit", 8, 2, 120, 700),
    Size("regions", "fit", 8, 2, 450, 700),
    Size("middle", "test", 14, 2, 120, 1350),
    Size("lasso", "test", 10, 3, 120, 1000, "--decoder lasso_pcr"),
    Size("paper", "test", 10, 2, 200, 1000, "--preset paper"),
    Size("many", "test", 20, 3, 60, 1350),
    Size("two workers", "fit", 14, 2, 300, 1000, "--n-jobs 2"),
    Size("full regions", "test", 14, 3, 450, 1350),
    Size("test small", "test", 6, 1, 90, 900),
    Size("test middle", "test", 10, 3, 200, 1000),
    Size("test 60 s", "test", 12, 2, 360, 1350, "--train-bins 60s --n-jobs 2"),
    Size("test 20 s", "test", 12, 3, 160, 1350, "--train-bins 20s"),
    Size("test activity", "test", 12, 2, 240, 1000, "--features activity"),
    Size("test both", "test", 10, 2, 240, 1000, "--features both"),
    Size("test lasso", "test", 16, 2, 240, 900, "--decoder lasso_pcr --n-jobs 2"),
    Size("test no rest", "test", 16, 3, 100, 1350, "--rest-task none --skip baselines"),
    Size("volumes", "fit", 5, 2, 60, 600, layout="fmriprep_volumes"),
    Size("dense", "fit", 5, 2, 60, 600, layout="fmriprep_surfaces"),
    Size("test dense", "test", 6, 1, 80, 900, layout="fmriprep_surfaces"),
    Size("test full", "test", 28, 3, 450, 1350, "--n-jobs 2"),
)


def simulate(size: Size, folder: Path) -> list[str]:
    """Write the dataset; the arguments of `painprint run`."""
    words = ["simulate", str(folder / "data"), "--sessions", str(size.sessions)]
    words += ["--n-runs", str(size.runs), "--n-regions", str(size.regions)]
    words += ["--run", str(size.frames * TR_S), "--layout", size.layout]
    subprocess.run([sys.executable, "-m", "painprint", *words], check=True, capture_output=True)
    (derivatives,) = (p for p in (folder / "data" / "derivatives").iterdir() if p.name != "truth")
    options = size.options.split()
    if size.layout != "xcp_d":
        options += ["--atlas", str(_atlas(derivatives))]
    words = ["run", str(folder / "data"), str(folder / "out"), "participant"]
    return [*words, "--derivatives", str(derivatives), *options]


def _atlas(derivatives: Path) -> Path:
    """The image of the atlas of simulated dense BOLD."""
    images = [*derivatives.parent.parent.rglob("*_dseg.*nii*")]
    return next(path for path in sorted(images) if "atlas" in str(path))


def tell(words: list[str]) -> dict[str, float]:
    """Memory (GB) and time (s) that a dry run tells."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "painprint", *words, "--dry-run"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    found = TOLD.search(done.stdout)
    return {
        "told_gb": float(found[1]) if found else float("nan"),
        "told_s": float(found[2]) * SECONDS[found[3]] if found and found[2] else float("nan"),
        "dry_run_s": round(time.perf_counter() - start, 1),
    }


def measure(words: list[str], folder: Path) -> tuple[dict[str, float], list[dict[str, object]]]:
    """Peak memory (GB), wall and CPU time (s) of a study, and those of its parts."""
    noted = folder / "parts.json"
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, __file__, "--inside", str(noted), *words],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wall = time.perf_counter() - start
    parts = json.loads(noted.read_text())
    row = {
        "peak_gb": max(part["peak_gb"] for part in parts),
        "wall_s": round(wall, 1),
        "cpu_s": parts[-1]["cpu_s"],
    }
    return row, parts


def inside(noted: Path, words: list[str]) -> None:
    """Run a study in this process, and note peak memory and time of its parts."""
    import importlib

    from painprint import cli

    parts: list[dict[str, object]] = []

    def note(part: str, wall_s: float, cpu_s: float) -> None:
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").open())
        values = {key: int(status[name].split()[0]) / 1e6
                  for key, name in (("peak_gb", "VmHWM"), ("after_gb", "VmRSS"))}  # fmt: skip
        parts.append({"part": part, "wall_s": round(wall_s, 2), "cpu_s": round(cpu_s, 2), **values})
        Path("/proc/self/clear_refs").write_text("5")  # VmHWM begins again

    def watched(name: str, function):
        def call(*args, **keywords):
            note("between", 0, 0)
            wall, cpu = time.perf_counter(), time.process_time()
            try:
                return function(*args, **keywords)
            finally:
                part = args[1] if name == "run_stage" else name
                note(part, time.perf_counter() - wall, time.process_time() - cpu)

        return call

    for module_name, names in MEASURED_PARTS.items():
        module = importlib.import_module(module_name)
        for name in names:
            setattr(module, name, watched(name, getattr(module, name)))
    sys.argv = ["painprint", *words]
    try:
        cli.main()
    finally:
        note("all", 0, time.process_time())
        noted.write_text(json.dumps(parts))


def read(path: Path) -> pd.DataFrame:
    """A table of earlier sizes; a stage called null is no missing value."""
    return pd.read_csv(path, sep="\t", keep_default_na=False) if path.is_file() else pd.DataFrame()


def save(path: Path, rows: pd.DataFrame, name: str) -> None:
    """Replace the rows of a size in a table, in the order of the sizes."""
    table = read(path)
    if len(table):
        rows = pd.concat([table[table["size"] != name], rows])
    order = {size.name: i for i, size in enumerate(SIZES)}
    rows = rows.sort_values("size", key=lambda names: names.map(order), kind="stable")
    rows.to_csv(path, sep="\t", index=False)


def main() -> None:
    if sys.argv[1:2] == ["--inside"]:
        return inside(Path(sys.argv[2]), sys.argv[3:])
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="+", choices=[size.name for size in SIZES])
    parser.add_argument("--told", action="store_true", help="only tell, for measured sizes")
    parser.add_argument("--out", type=Path, default=TABLES, help="folder of the tables")
    parser.add_argument("--again", action="store_true", help="measure what was measured before")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for size in SIZES:
        table = read(args.out / TABLE)
        done = table[table["size"] == size.name] if len(table) else table
        wanted = len(done) if args.told else args.again or not len(done)
        if not wanted or (args.only and size.name not in args.only):
            continue
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            words = simulate(size, folder)
            row: dict[str, object] = {"size": size.name, "use": size.use}
            row |= {key: getattr(size, key) for key in ("sessions", "runs", "regions", "frames")}
            row |= {"options": size.options or "-", "layout": size.layout}
            if args.told:
                measured = done.iloc[0][["peak_gb", "wall_s", "cpu_s"]].to_dict()
            else:
                measured, parts = measure(words, folder)
                rows = [{"size": size.name, **part} for part in parts if part["part"] != "between"]
                save(args.out / PARTS, pd.DataFrame(rows), size.name)
            row |= {**measured, **tell(words)}
        row["told_by_peak"] = round(float(row["told_gb"]) / float(row["peak_gb"]), 2)
        row["told_by_wall"] = round(float(row["told_s"]) / float(row["wall_s"]), 2)
        save(args.out / TABLE, pd.DataFrame([row]), size.name)
        shown = ("size", "peak_gb", "told_gb", "cpu_s", "wall_s", "told_s")
        print({key: row[key] for key in shown}, flush=True)
    return None


if __name__ == "__main__":
    main()
