r"""Time and memory of every stage of a study, and how they grow with sessions and regions.

    python benchmarks/stage_costs.py                      28 sessions x 450 regions; resumes
    python benchmarks/stage_costs.py --growth             smaller sizes too, and log-log slopes
    python benchmarks/stage_costs.py --paper-curve 20     the paper preset's curve, so many draws
    python benchmarks/stage_costs.py --sessions 100 --runs 2 --regions 200 --train-bins 60s \
        --skip baselines univariate
    python benchmarks/stage_costs.py --sessions 5 --regions 40 --frames 400 --out FILE

Each size runs in a process of its own, on simulated noise of the study's shape (3 runs a session
unless told otherwise; time does not depend on content), with 2 workers. Memory is the peak of the
whole process up to the end of the stage. The table lies in benchmarks/tables/.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from decode_speed import TR_S, processor

from painprint import Regions, Run, Settings
from painprint.decode.decoding import evaluate_training
from painprint.decode.prepare import prepare_runs
from painprint.decode.training import train
from painprint.evidence.case import Case, Material
from painprint.evidence.stages import STAGES, run_stage
from painprint.runs import motion_confounds

TABLE = Path(__file__).parent / "tables" / "stage_costs.tsv"
FULL = (28, 450)
HALF = FULL[0] // 2
GROWTH = [FULL, (HALF, 450), (HALF, 225), (HALF, 112), (HALF // 2, 450)]
APART = ("baselines", "univariate")
"""Counted apart, and measured last, so that their memory does not count for the others."""
NETWORKS = 8


def simulate(n_sessions, n_runs, n_regions, n_frames, seed=0):
    """Noise of the study's shape, with motion."""
    rng = np.random.default_rng(seed)
    names = tuple(f"r{i}" for i in range(n_regions))
    for session in range(n_sessions):
        for run in range(n_runs):
            yield Run(
                rng.normal(size=(n_frames, n_regions)),
                np.cumsum(rng.normal(size=n_frames)) / 30,
                TR_S,
                f"{session + 1:02d}",
                "rating",
                str(run + 1),
                regions=names,
                confounds=motion_confounds(rng.normal(0, 0.05, size=(n_frames, 6))),
            )


def rest(n_sessions, n_regions, n_frames):
    """A resting run a session."""
    for run in simulate(n_sessions, 1, n_regions, n_frames, seed=1):
        yield replace(run, task="rest", run="", rating=np.full(n_frames, np.nan))


def settings_of(size, preset):
    """A preset's name may be followed by a number of draws of its curve."""
    name, _, draws = preset.partition(":")
    n_draws = int(draws) if draws else None
    return Settings(preset=name, n_curve_draws=n_draws, train_bins=size.train_bins)


def measure(size, preset, stages):
    """Seconds and peak memory (GB) of each part, in this process."""
    n_sessions, n_regions, n_jobs = size.sessions, size.regions, size.jobs
    names = tuple(f"r{i}" for i in range(n_regions))
    networks = tuple(f"N{i * NETWORKS // n_regions}" for i in range(n_regions))
    settings = settings_of(size, preset)
    rows = []

    def runs():
        return simulate(n_sessions, size.runs, n_regions, size.frames)

    def note(stage, start):
        rows.append(
            {
                "preset": preset,
                "n_sessions": n_sessions,
                "n_runs": size.runs,
                "n_regions": n_regions,
                "train_bins": settings.rules.train_bins,
                "stage": stage,
                "seconds": time.perf_counter() - start,
                "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
            }
        )

    prepared = prepare_runs(runs(), settings, regions=Regions(names, networks))
    start = time.perf_counter()
    training = train(prepared, settings, n_jobs=n_jobs)
    decoding = evaluate_training(prepared, training, settings, n_jobs=n_jobs)
    note("decoding", start)
    case = Case(
        decoding,
        material=Material(
            runs=runs,
            rest=lambda: rest(n_sessions, n_regions, size.frames),
        ),
        n_jobs=n_jobs,
    )
    start = time.perf_counter()
    assert case.bin_grams
    note("Gram matrix of all bins", start)
    for stage in sorted(stages, key=APART.__contains__):
        start = time.perf_counter()
        run_stage(case, stage)
        note(stage, start)
    return rows


def measured(size, n_sessions, n_regions, preset, stages):
    """The same, in a process of its own."""
    words = [
        *("--sessions", str(n_sessions), "--runs", str(size.runs), "--regions", str(n_regions)),
        *("--frames", str(size.frames), "--jobs", str(size.jobs)),
        *(("--train-bins", size.train_bins) if size.train_bins else ()),
        *("--only", preset, *stages),
    ]
    done = subprocess.run(
        [sys.executable, __file__, *words], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def read(path):
    """Rows of an earlier table; a stage called null is no missing value."""
    return pd.read_csv(path, sep="\t", keep_default_na=False).to_dict("records")


def summarise(size, table):
    full, table = (size.sessions, size.regions), table[table["n_runs"] == size.runs]
    for (preset, train_bins), of_preset in table.groupby(["preset", "train_bins"]):
        rows = of_preset[
            (of_preset["n_sessions"] == full[0]) & (of_preset["n_regions"] == full[1])
        ].set_index("stage")
        if rows.empty:
            continue
        name, _, draws = preset.partition(":")
        draws = f" ({draws} of 100 draws)" if draws else ""
        print(
            f"{name} preset{draws}, {full[0]} sessions x {size.runs} runs x {full[1]} regions, "
            f"training bins {train_bins}"
        )
        for stage, row in rows.iterrows():
            line = f"  {stage:24s} {row['seconds']:7.1f} s  peak {row['peak_gb']:.2f} GB"
            print(line + _growth(of_preset, stage, full))
        together = rows.drop(index=list(APART), errors="ignore")
        print(
            f"  {'all but ' + ' and '.join(APART):35s} {together['seconds'].sum():7.1f} s  "
            f"peak {together['peak_gb'].max():.2f} GB"
        )


def _growth(table, stage, full):
    """Slopes of log seconds over log sessions (all regions) and log regions (half the sessions)."""
    of_stage = table[table["stage"] == stage]
    said = []
    for name, other, fixed in (
        ("n_sessions", "n_regions", full[1]),
        ("n_regions", "n_sessions", HALF),
    ):
        rows = of_stage[of_stage[other] == fixed]
        if len(rows) > 2:
            slope = np.polyfit(np.log(rows[name]), np.log(rows["seconds"]), 1)[0]
            said.append(f"{name.removeprefix('n_')}^{slope:.1f}")
    return "  grows with " + ", ".join(said) if said else ""


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sessions", type=int, default=FULL[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--regions", type=int, default=FULL[1])
    parser.add_argument("--train-bins")
    parser.add_argument("--skip", nargs="+", choices=STAGES, default=[])
    parser.add_argument("--frames", type=int, default=1383)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--paper-curve", type=int, metavar="DRAWS", help="the preset has 100")
    parser.add_argument("--out", type=Path, default=TABLE)
    parser.add_argument("--only", nargs="+", help="preset and stages, measured in this process")
    return parser.parse_args()


def main():
    size = parse()
    full = (size.sessions, size.regions)
    if size.only:
        preset, *stages = size.only
        print(json.dumps(measure(size, preset, stages)))
        return
    stages = [stage for stage in STAGES if stage not in size.skip]
    wanted = [
        ("recommended", n, regions, stages) for n, regions in (GROWTH if size.growth else [full])
    ]
    if size.paper_curve:
        wanted.append((f"paper:{size.paper_curve}", *full, ("curve",)))
    size.out.parent.mkdir(parents=True, exist_ok=True)
    rows = read(size.out) if size.out.exists() else []
    keys = ("preset", "n_sessions", "n_runs", "n_regions", "train_bins")
    done = {tuple(row[key] for key in keys) for row in rows}
    for preset, n_sessions, n_regions, stages in wanted:
        train_bins = settings_of(size, preset).rules.train_bins
        if (preset, n_sessions, size.runs, n_regions, train_bins) not in done:
            rows += measured(size, n_sessions, n_regions, preset, stages)
            pd.DataFrame(rows).to_csv(size.out, sep="\t", index=False, float_format="%.3f")
    print(f"{processor()}, {size.jobs} workers")
    summarise(size, pd.DataFrame(rows))


if __name__ == "__main__":
    main()
