r"""False positives and power of the tests across people of the group level.

    python benchmarks/cohort_nulls.py                     200 cohorts of each kind; resumes
    python benchmarks/cohort_nulls.py --cohorts 2 --people 6 --out FILE --work FOLDER

Networks and similarity are tested on cohorts of 12 of 600 simulated people without a signature
(half of them with drifts and trends), of 60 whose signatures are their own, and of 60 who share
half of theirs: 5 to 12 sessions x 1 run x 40 regions of one atlas each. A person is in several
cohorts, so that the shares vary a little more than those of independent ones. In "longer" studies,
40 people have 15 to 24 sessions of 10 min. Each person's contribution is kept in a work folder.

What the simulator cannot give is made up at the level of the tests' inputs. "shared alone": 12
people have the same map, which is smooth over regions, and halves with noise that is smooth, has a
covariance of the person, and is smaller with more sessions. Variables: 30 people, 4 variables that
depend on each other, one of them skewed, one of them with 20 % missing; centred r and skill depend
on each other and vary more with fewer sessions. "planted": one variable has a correlation of 0.6
with centred r.

Recorded are the smallest corrected p of a cohort (networks, variables), p of individual and of
shared parts, and, for comparison, p of a permutation of identities, which assumes that similarities
within and between people vary equally. The table lies in benchmarks/tables/.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from painprint import Settings, decode_runs
from painprint.evidence.clinical import relate
from painprint.evidence.cohort import (
    comparable,
    individuality,
    networks_of_people,
    similarity_of_halves,
)
from painprint.evidence.contribution import Contribution, contribute
from painprint.evidence.member import Member
from painprint.simulate.person import Person, as_run, simulate_person
from painprint.simulate.world import World

TABLE = Path(__file__).parent / "tables" / "cohort_nulls.tsv"
N_REGIONS, N_PEOPLE, N_PATIENTS = 40, 12, 30
SIZE = {"n_regions": N_REGIONS, "n_runs": 1, "run_s": 300.0, "tr_s": 1.0, "shared_atlas": True}
DRIFTS = {"trends": True}
STEADY = {"steady_ratings": True, "steady_bold": True}
SHORT, LONG = (5, 12), (15, 24)
"""Fewest and most sessions."""
HALF = {**SIZE, "shared_signature": 0.5}
BANKS = {
    "no signature": (300, True, SHORT, {**SIZE, **STEADY}),
    "no signature, drifts": (300, True, SHORT, {**SIZE, **DRIFTS}),
    "own signatures": (60, False, SHORT, SIZE),
    "half shared": (60, False, SHORT, HALF),
    "half shared, longer": (40, False, LONG, {**HALF, "run_s": 600.0}),
}
"""Number of people, whether they have no signature, their numbers of sessions, and their world."""
FIRST_SEED = 80_000
AT_ONCE = 20


def simulate(bank, number):
    """What a simulated person contributes."""
    _, null, (fewest, most), world = BANKS[bank]
    seed = (FIRST_SEED + list(BANKS).index(bank), number)
    n_sessions = int(np.random.default_rng(seed).integers(fewest, most + 1))
    person = Person(n_sessions, null=null, world=World(**world))
    truth, simulated = simulate_person(person, seed)
    runs = [as_run(run, person, truth) for run in simulated]
    decoding = decode_runs(runs, Settings(n_bootstraps=100), regions=truth.regions)
    return contribute(Member.of(decoding, lambda: runs, name=f"{number}"))


def people_of(bank, n, folder, n_jobs):
    """Contributions of the people of a bank, of which those in the folder are known."""
    path = folder / f"{bank.replace(', ', '_').replace(' ', '_')}.npz"
    known = dict(np.load(path)) if path.exists() else {}
    wanted = [i for i in range(n) if f"{i} halves" not in known]
    for start in range(0, len(wanted), AT_ONCE):
        batch = wanted[start : start + AT_ONCE]
        found = Parallel(n_jobs=n_jobs)(delayed(simulate)(bank, i) for i in batch)
        for i, one in zip(batch, found, strict=True):
            known[f"{i} halves"] = one.halves
            known[f"{i} r"] = np.array(list(one.network_r.values()))
            known[f"{i} networks"] = np.array(list(one.network_r))
        np.savez(path, **known)
    regions = tuple(map(str, range(N_REGIONS)))
    return [
        Contribution(
            regions,
            "edges",
            known[f"{i} halves"],
            dict(zip(known[f"{i} networks"].tolist(), known[f"{i} r"].tolist(), strict=True)),
        )
        for i in range(n)
    ]


def permuted_identities(similarity, rng):
    """p of the mean similarity within people when the second halves are exchanged."""
    n = len(similarity)
    orders = np.array([rng.permutation(n) for _ in range(2000)])
    orders[0] = np.arange(n)
    means = similarity[np.arange(n), orders].mean(axis=1)
    return float((means >= means[0] - 1e-12).mean())


def similarity_p(people, seed):
    """p of the tests of similarity."""
    numbers = individuality(people, random_seed=seed).numbers
    similarity = similarity_of_halves(comparable(people)[1])
    return {
        "individual": numbers["p_individual"],
        "shared": numbers["p_shared"],
        "identities permuted": permuted_identities(similarity, np.random.default_rng(seed)),
    }


def simulated_cohort(bank, cohort):
    """p of the tests in a cohort of people of a bank."""
    rng = np.random.default_rng((FIRST_SEED, cohort))
    chosen = rng.choice(len(bank), min(N_PEOPLE, len(bank)), replace=False)
    people = {f"sub-{i}": bank[i] for i in chosen}
    table = networks_of_people(people, random_seed=cohort).tables["networks"]
    return {"networks": table["p_corrected"].min(), **similarity_p(people, cohort)}


def shared_alone(cohort):
    """p of the tests of similarity where people differ by noise alone."""
    rng = np.random.default_rng((FIRST_SEED + 1, cohort))
    at = rng.normal(size=(N_REGIONS, 3))
    away = np.linalg.norm(at[:, None] - at, axis=2)
    smooth = np.linalg.cholesky(np.exp(-away) + 1e-9 * np.eye(N_REGIONS))
    upper = np.triu_indices(N_REGIONS, k=1)

    def draw(mixing):
        return (mixing @ rng.normal(size=(N_REGIONS, N_REGIONS)) @ mixing.T)[upper]

    common, people = draw(smooth), {}
    for i in range(N_PEOPLE):
        mixing = smooth @ np.diag(rng.gamma(1.0, size=N_REGIONS))  # of the person's covariance
        n_sessions = rng.integers(5, 25)
        halves = [common + 3 * draw(mixing) / np.sqrt(n_sessions) for _ in range(2)]
        people[f"sub-{i}"] = Contribution(
            tuple(map(str, range(N_REGIONS))), "edges", np.array(halves)
        )
    return similarity_p(people, cohort)


def variables(cohort, planted):
    """Smallest corrected p of variables of people."""
    rng = np.random.default_rng((FIRST_SEED + 2, cohort))
    n_sessions = rng.integers(5, 29, N_PATIENTS)
    true = rng.normal(0.4, 0.15, N_PATIENTS)
    r = true + rng.normal(size=N_PATIENTS) / np.sqrt(10 * n_sessions)
    measures = pd.DataFrame({"centred_r": r, "skill": r**2 - 0.5 * rng.gamma(1, 0.1, N_PATIENTS)})
    X = rng.multivariate_normal(np.zeros(4), 0.5 + 0.5 * np.eye(4), N_PATIENTS)
    if planted:
        z = (r - r.mean()) / r.std()
        X[:, 0] = 0.6 * z + 0.8 * rng.normal(size=N_PATIENTS)
    X[:, 1] = np.exp(X[:, 1])
    X[rng.random(N_PATIENTS) < 0.2, 2] = np.nan
    table = pd.DataFrame(X, columns=["bdi", "duration", "fiq", "age"])
    found = relate(table, measures, random_seed=cohort).tables["clinical"]
    return {"variables": found["p_corrected"].min()}


NULLS = {
    ("no signature", "networks"), ("no signature", "individual"), ("no signature", "shared"),
    ("no signature, drifts", "networks"), ("no signature, drifts", "individual"),
    ("no signature, drifts", "shared"), ("own signatures", "shared"),
    ("shared alone", "individual"), ("made-up null", "variables"),
}  # fmt: skip
"""Worlds in which a test's null hypothesis is true; in the others it is not."""


def summarise(table):
    for (world, test), rows in table.groupby(["world", "test"], sort=False):
        share = (rows["p"] < 0.05).mean()
        half = 1.96 * np.sqrt(share * (1 - share) / len(rows))
        what = "false positives" if (world, test) in NULLS else "power"
        what = "for comparison" if test == "identities permuted" else what
        print(f"{world:22s} {test:20s} {what:16s} {share:.3f} (± {half:.3f}), n = {len(rows)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cohorts", type=int, default=200)
    parser.add_argument("--people", type=int, help="of each bank")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=TABLE)
    parser.add_argument(
        "--work", type=Path, default=Path(tempfile.gettempdir()) / "painprint_cohort_nulls"
    )
    size = parser.parse_args()
    if size.people and size.out == TABLE:
        parser.error("another size needs another table: give --out.")
    size.work.mkdir(parents=True, exist_ok=True)
    worlds = {
        "shared alone": shared_alone,
        "made-up null": lambda cohort: variables(cohort, planted=False),
        "made-up planted": lambda cohort: variables(cohort, planted=True),
    }
    rows = pd.read_csv(size.out, sep="\t").to_dict("records") if size.out.exists() else []

    def compute(world, of_cohort):
        done = {row["cohort"] for row in rows if row["world"] == world}
        for cohort in range(size.cohorts):
            if cohort not in done:
                rows.extend(
                    {"world": world, "cohort": cohort, "test": test, "p": p}
                    for test, p in of_cohort(cohort).items()
                )
        size.out.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(rows).to_csv(size.out, sep="\t", index=False, float_format="%.5f")

    for world, of_cohort in worlds.items():
        compute(world, of_cohort)
    for name, (n, *_) in BANKS.items():
        bank = people_of(name, size.people or n, size.work, size.jobs)
        compute(name, lambda cohort, bank=bank: simulated_cohort(bank, cohort))
    summarise(pd.read_csv(size.out, sep="\t"))


if __name__ == "__main__":
    main()
