"""Partial and full confounder test of held-out predictions, in simulated people.

    python benchmarks/confounder_tests.py                        100 people of each kind, resumes
    python benchmarks/confounder_tests.py --people 1 --out DIR   a quick look

Framewise displacement of each person is tested on the held-out predictions of a study (16 sessions
of 3 runs, 30 regions). Kinds of people:

carried      no pain in the BOLD; displacement, to whose variance pain contributes 30 %, adds to the
             global signal (3 per mm; a region's own noise has SD 1): what is predicted is motion
carried more the same with twice the effect on the signal (added after the others had been seen)
associated   pain in the BOLD; the same displacement, which adds nothing to the BOLD
independent  pain in the BOLD; displacement has nothing to do with pain, and adds nothing

The partial test should reject for the first two kinds only, the full test for the others only.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from resume import TABLES
from scipy.stats import binomtest

from painprint import Settings
from painprint.decode.decoding import decode_runs
from painprint.evidence.case import Case
from painprint.evidence.confounder_tests import confounder_tests
from painprint.evidence.confounds import confounds_of_motion
from painprint.runs import FD
from painprint.simulate.person import Person, Signal, as_run, simulate_person
from painprint.simulate.world import World

SEED, N_SESSIONS, N_PERMUTATIONS = 280_000, 16, 999
SIZE = {"n_regions": 30, "n_runs": 3, "run_s": 636.0, "tr_s": 1.0}
KINDS = {
    "carried": {"null": True, "motion_r2": 0.3, "motion_gain": 3.0},
    "carried more": {"null": True, "motion_r2": 0.3, "motion_gain": 6.0},
    "associated": {"null": False, "motion_r2": 0.3, "motion_gain": 0.0},
    "independent": {"null": False, "motion_r2": 0.0, "motion_gain": 0.0},
}
SEEDS = {"carried": 0, "associated": 1, "independent": 2, "carried more": 3}


def a_person(kind, number):
    options = KINDS[kind]
    world = World(motion_r2=options["motion_r2"], **SIZE)
    signal = Signal(motion_gain=options["motion_gain"])
    person = Person(N_SESSIONS, null=options["null"], world=world, signal=signal)
    truth, simulated = simulate_person(person, (SEED + SEEDS[kind], number))
    runs = [as_run(run, person, truth) for run in simulated]
    settings = Settings(n_bootstraps=100, n_permutations=N_PERMUTATIONS)
    case = Case(decode_runs(runs, settings))
    (motion, *_), _ = confounds_of_motion(case.bin_grams)
    table = confounder_tests(case, [motion]).set_index("variable")
    return {"kind": kind, "person": number, **table.loc[FD].drop("confound").to_dict()}


def summarise(table):
    for kind, rows in table.groupby("kind", sort=False):
        said = [f"{kind}, {len(rows)} people:"]
        for name in ("r", "r_rating", "r_predicted", "partial_r_confound", "partial_r_rating"):
            said.append(f"{name} {rows[name].mean():.2f}")
        for name in ("p_partial", "p_full"):
            n = int((rows[name] < 0.05).sum())
            low, high = binomtest(n, len(rows)).proportion_ci(method="exact")
            said.append(f"{name} < .05 in {n / len(rows):.1%} ({low:.1%} to {high:.1%})")
        print(" ".join(said))
        for low, high in ((-1, 0.1), (0.1, 0.2), (0.2, 1)) if "carried" in kind else ():
            some = rows[(rows["r_predicted"] > low) & (rows["r_predicted"] <= high)]
            share = (some["p_partial"] < 0.05).mean()
            print(f"  r_predicted {low} to {high}: p_partial < .05 in {share:.0%} of {len(some)}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=TABLES)
    options = parser.parse_args()
    path = options.out / "confounder_tests.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pd.read_csv(path, sep="\t") if path.exists() else pd.DataFrame()
    done = set() if table.empty else set(zip(table["kind"], table["person"], strict=True))
    wanted = [(kind, i) for i in range(options.people) for kind in KINDS if (kind, i) not in done]
    for batch in np.array_split(np.arange(len(wanted)), max(1, len(wanted) // 12)):
        jobs = (delayed(a_person)(*wanted[i]) for i in batch)
        rows = pd.DataFrame(list(Parallel(n_jobs=options.jobs)(jobs)))
        table = pd.concat([table, rows], ignore_index=True)
        table.to_csv(path, sep="\t", index=False, float_format="%.5f")
    summarise(table)


if __name__ == "__main__":
    main()
