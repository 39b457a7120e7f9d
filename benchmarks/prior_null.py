"""How often people without a signature are called significant with a prior in place.

    python benchmarks/prior_null.py                       200 people; resumes
    python benchmarks/prior_null.py --people 4 --out FILE

Small simulated people (10 sessions x 2 runs of 8 min, 60 regions) whose BOLD does not follow their
ratings, in cohorts of 10, each with a prior of 4 other people who have a signature (10 sessions
each). Half of the edges of the signature are common to a cohort, so that the scores of the prior
follow a source that varies in the BOLD of these people too, independently of their ratings.
Recorded are p within (of session-centred r) and p between (of r) at 1 min, with 200 permutations of
each, with the prior and without it, and the mean share c of the prior over folds.

Target: p within < .05 in at most 8 % of people.
"""

from __future__ import annotations

import argparse
from functools import cache
from pathlib import Path

import numpy as np
from prior_sharing import prior_of
from resume import TABLES, fill, share

from painprint import Settings, decode_runs
from painprint.evidence.case import Case
from painprint.evidence.null import permutation_null
from painprint.simulate.person import Person, as_run, simulate_person
from painprint.simulate.world import World

FIRST_SEED = 140_000
WORLD = World(n_regions=60, n_runs=2, run_s=480.0, shared_signature=0.5)
N_SESSIONS = 10
N_OTHERS = 4
PER_COHORT = 10
SETTINGS = Settings(n_permutations=200, n_bootstraps=100)
TARGET = 0.08


@cache
def prior_of_cohort(cohort):
    """Prior of the first people of a cohort, who have a signature."""
    return prior_of(WORLD, FIRST_SEED + cohort, range(N_OTHERS), N_SESSIONS)


def measure(number):
    """p-values of one person, with and without the prior."""
    cohort, place = divmod(number, PER_COHORT)
    person = Person(N_SESSIONS, null=True, world=WORLD)
    truth, simulated = simulate_person(person, (FIRST_SEED + cohort, N_OTHERS + place))
    runs = [as_run(run, person, truth) for run in simulated]
    row = {"person": number, "cohort": cohort}
    for name, prior in (("own", None), ("both", prior_of_cohort(cohort))):
        decoding = decode_runs(iter(runs), SETTINGS, prior=prior)
        null = permutation_null(Case(decoding)).numbers["scales"]["1min"]
        row |= {f"{name}_{key}": null[key] for key in ("p_within", "p_between", "centred_r")}
        row[f"{name}_skill"] = decoding.scales["1min"].skill
    row["c"] = np.mean([fold.choice.prior_share for fold in decoding.folds])
    return row


def summarise(table):
    print(f"{len(table)} simulated people without a signature; target at most {TARGET:.0%}")
    for name, what in (("both", "with the prior"), ("own", "without it")):
        for p in ("p_within", "p_between"):
            print(f"{what}, {p} < .05: {share(table[f'{name}_{p}'] < 0.05)}")
        means = table[[f"{name}_centred_r", f"{name}_skill"]].mean()
        print(f"  mean centred r {means.iloc[0]:+.3f}, skill {means.iloc[1]:+.3f}")
    print(f"mean c: {table['c'].mean():.2f}; 0 in all folds of {(table['c'] == 0).mean():.0%}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=TABLES / "prior_null.tsv")
    size = parser.parse_args()
    wanted = [(number,) for number in range(size.people)]
    summarise(fill(size.out, wanted, ("person",), measure, size.jobs))


if __name__ == "__main__":
    main()
