"""Do default simulated people decode as the paper's two people did, on seeds never tuned on?

    python benchmarks/simulator_ranges.py                 seeds 1 to 20, both default people
    python benchmarks/simulator_ranges.py --seeds 1 --sessions 4 --out ranges.tsv     a quick look

Each row of benchmarks/tables/simulator_ranges.tsv is one simulated person, decoded with LASSO-PCR
on rating bins, as the paper's were; rows that are there are not computed again. The parameters of
the simulator were set on seeds 1000 to 1005 with this decoder, and then frozen.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from painprint import Settings, decode_runs
from painprint.simulate.person import Person, as_run, simulate_person

TABLE = Path(__file__).parent / "tables" / "simulator_ranges.tsv"
PAPER = {  # participants 1 and 2: lowest and highest over the four scales
    "1": {"r": (0.40, 0.61), "auc": (0.71, 0.87)},
    "2": {"r": (0.51, 0.65), "auc": (0.76, 0.93)},
}
SCALES = ("1min", "2min", "run", "session")
SETTINGS = Settings(decoder="lasso_pcr", train_bins="rating", n_bootstraps=100)


def decode(seed, number, n_sessions, n_jobs):
    """One row: metrics of one simulated person."""
    person = Person(n_sessions=n_sessions)
    truth, runs = simulate_person(person, (seed, number))
    simulated = (as_run(run, person, truth) for run in runs)
    found = decode_runs(simulated, SETTINGS, n_jobs=n_jobs).scales
    row = {"seed": seed, "person": number, "n_sessions": n_sessions}
    for scale in SCALES:
        m = found[scale]
        row |= {f"{name}_{scale}": getattr(m, name) for name in ("r", "skill", "auc", "centred_r")}
    return row


def summarise(table):
    """Mean over seeds with its 95 % interval, beside the paper's range."""
    for number, rows in table.groupby("person"):
        print(f"person {number}: {rows['n_sessions'].iloc[0]} sessions, n = {len(rows)} seeds")
        for name in ("r", "auc", "skill", "centred_r"):
            low, high = PAPER[str(number)].get(name, (None, None))
            beside = f"paper {low} to {high}" if low else ""
            for scale in SCALES:
                x = rows[f"{name}_{scale}"].dropna().to_numpy(float)
                if len(x) > 1:
                    half = 1.96 * x.std(ddof=1) / np.sqrt(len(x))
                    inside = "" if low is None else ("in" if low <= x.mean() <= high else "OUT")
                    print(
                        f"  {name:9s} {scale:7s} {x.mean():6.3f} ({x.mean() - half:6.3f} to "
                        f"{x.mean() + half:6.3f})  {beside} {inside}"
                    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--sessions", type=int, nargs=2, default=[23, 28])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=TABLE)
    size = parser.parse_args()
    size.out.parent.mkdir(parents=True, exist_ok=True)
    rows = pd.read_csv(size.out, sep="\t").to_dict("records") if size.out.exists() else []
    done = {(row["seed"], row["person"], row["n_sessions"]) for row in rows}
    for seed in range(1, size.seeds + 1):
        for number, n_sessions in enumerate(size.sessions, start=1):
            if (seed, number, n_sessions) not in done:
                rows.append(decode(seed, number, n_sessions, size.jobs))
                table = pd.DataFrame(rows).sort_values(["person", "seed"])
                table.to_csv(size.out, sep="\t", index=False, float_format="%.4f", na_rep="n/a")
    summarise(pd.read_csv(size.out, sep="\t"))


if __name__ == "__main__":
    main()
