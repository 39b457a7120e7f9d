"""How often people without a signature are called significant, in five simulated worlds.

    python benchmarks/null_calibration.py                 200 people in each world; resumes
    python benchmarks/null_calibration.py --people 2 --out FILE

Each person has 10 sessions x 3 runs x 60 regions and no signature. Recorded are p within (of
session-centred r) and p between (of r), both at 1 min, p between at the session scale, with 200
permutations of each; skill; the session-block bootstrap of centred r and of skill, and the paper's
bootstrap of r, at 1 min. The table lies in benchmarks/tables/.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from painprint import Settings, decode_runs
from painprint.evidence.case import Case
from painprint.evidence.null import permutation_null
from painprint.simulate.person import Person, as_run, simulate_person
from painprint.simulate.world import World

TABLE = Path(__file__).parent / "tables" / "null_calibration.tsv"
WORLDS = {
    "no drift": World(n_regions=60, steady_ratings=True, steady_bold=True),
    "rating drift": World(n_regions=60, steady_bold=True),
    "BOLD drift": World(n_regions=60, steady_ratings=True),
    "drift in both": World(n_regions=60),
    "trends in runs": World(n_regions=60, steady_ratings=True, steady_bold=True, trends=True),
}
FIRST_SEED = 40_000
AT_ONCE = 20


def measure(world, number):
    """Every p-value of one person."""
    person = Person(10, null=True, world=WORLDS[world])
    truth, runs = simulate_person(person, (FIRST_SEED + number, list(WORLDS).index(world)))
    settings = Settings(n_permutations=200, n_bootstraps=2000)
    decoding = decode_runs((as_run(run, person, truth) for run in runs), settings)
    minute = decoding.scales["1min"]
    null = permutation_null(Case(decoding)).numbers["scales"]
    return {
        "world": world,
        "person": number,
        "p_within": null["1min"]["p_within"],
        "p_between": null["1min"]["p_between"],
        "p_between_session": null["session"]["p_between"],
        "paper_p": minute.r_p,
        "paper_p_session": decoding.scales["session"].r_p,
        "r": minute.r,
        "centred_r": minute.centred_r,
        "centred_r_low": minute.centred_r_ci[0],
        "centred_r_high": minute.centred_r_ci[1],
        "skill": minute.skill,
        "skill_low": minute.skill_ci[0],
        "skill_high": minute.skill_ci[1],
    }


def shares(rows):
    """Share that each criterion calls significant; for intervals and the paper's p, either sign."""
    return {
        "p within": rows["p_within"] < 0.05,
        "p between (1 min)": rows["p_between"] < 0.05,
        "p between (session)": rows["p_between_session"] < 0.05,
        "block bootstrap, centred r": (rows["centred_r_low"] > 0) | (rows["centred_r_high"] < 0),
        "block bootstrap, centred r > 0": rows["centred_r_low"] > 0,
        "block bootstrap, skill > 0": rows["skill_low"] > 0,
        "paper's bootstrap, r": rows["paper_p"] < 0.05,
        "paper's bootstrap, r > 0": (rows["paper_p"] < 0.05) & (rows["r"] > 0),
    }


def summarise(table):
    for world in WORLDS:
        rows = table[table["world"] == world]
        half = 1.96 * rows["skill"].std() / np.sqrt(len(rows))
        print(
            f"{world}: {len(rows)} people; skill {rows['skill'].mean():.3f} (± {half:.3f}), 5 and "
            f"95 %: {rows['skill'].quantile(0.05):.3f}, {rows['skill'].quantile(0.95):.3f}"
        )
        for name, called in shares(rows).items():
            share, half = (
                called.mean(),
                1.96 * np.sqrt(called.mean() * (1 - called.mean()) / len(rows)),
            )
            print(f"  {name:32s} {share:.3f} ({max(0, share - half):.3f} to {share + half:.3f})")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=TABLE)
    size = parser.parse_args()
    size.out.parent.mkdir(parents=True, exist_ok=True)
    rows = pd.read_csv(size.out, sep="\t").to_dict("records") if size.out.exists() else []
    done = {(row["world"], row["person"]) for row in rows}
    wanted = [(w, i) for i in range(size.people) for w in WORLDS if (w, i) not in done]
    for start in range(0, len(wanted), AT_ONCE):
        batch = wanted[start : start + AT_ONCE]
        rows += Parallel(n_jobs=size.jobs)(delayed(measure)(*who) for who in batch)
        table = pd.DataFrame(rows).sort_values(["world", "person"])
        table.to_csv(size.out, sep="\t", index=False, float_format="%.4f", na_rep="n/a")
    summarise(pd.read_csv(size.out, sep="\t"))


if __name__ == "__main__":
    main()
