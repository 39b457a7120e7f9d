"""Studies with ratings of events: simulated people with and without a signature.

    python benchmarks/event_studies.py                    200 people without, 20 with; resumes
    python benchmarks/event_studies.py --people 2 --planted 1 --out FILE

Each person has 10 sessions x 3 runs of 10 minutes x 60 regions, drifts of rating and BOLD, and one
rating after each stimulus (`painprint simulate --rating events`). Recorded are p within and between
sessions with 200 permutations of events, session-centred r with its interval, and skill. The table
lies in benchmarks/tables/.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
from joblib import Parallel, delayed
from scipy.stats import binomtest

from painprint import Settings, decode_runs
from painprint.evidence.case import Case
from painprint.evidence.null import permutation_null
from painprint.simulate.person import Person, as_run, simulate_person
from painprint.simulate.world import World

TABLE = Path(__file__).parent / "tables" / "event_studies.tsv"
WORLD = World(n_regions=60, rating="events")
FIRST_SEED = 60_000
AT_ONCE = 20
CALLED = {"p within < .05": "p_within", "p between < .05": "p_between"}


def measure(planted: bool, number: int) -> dict[str, float]:
    """p-values and agreement of one person."""
    person = Person(10, null=not planted, world=WORLD)
    truth, runs = simulate_person(person, (FIRST_SEED + number, int(planted)))
    settings = Settings(n_permutations=200, n_bootstraps=2000)
    decoding = decode_runs((as_run(run, person, truth) for run in runs), settings)
    event = decoding.scales["event"]
    null = permutation_null(Case(decoding)).numbers["scales"]["event"]
    return {
        "planted": int(planted),
        "person": number,
        "n_events": event.n,
        "p_within": null["p_within"],
        "p_between": null["p_between"],
        "centred_r": event.centred_r,
        "centred_r_low": event.centred_r_ci[0],
        "centred_r_high": event.centred_r_ci[1],
        "skill": event.skill,
    }


def summarise(table: pd.DataFrame) -> None:
    """Print how many people are called significant, with exact 95 % intervals."""
    for planted, rows in table.groupby("planted"):
        print(
            f"{'with' if planted else 'without'} a signature: {len(rows)} people, "
            f"{rows['n_events'].mean():.0f} events each; centred r {rows['centred_r'].mean():.3f} "
            f"(SE {rows['centred_r'].sem():.3f}), skill {rows['skill'].mean():.3f}"
        )
        counts = {name: rows[column] < 0.05 for name, column in CALLED.items()}
        counts["interval of centred r above 0"] = rows["centred_r_low"] > 0
        for name, called in counts.items():
            ends = binomtest(int(called.sum()), len(rows)).proportion_ci()
            print(f"  {name:30s} {called.mean():.3f} ({ends.low:.3f} to {ends.high:.3f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=200, help="people without a signature")
    parser.add_argument("--planted", type=int, default=20, help="people with a signature")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=TABLE)
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    rows = pd.read_csv(args.out, sep="\t").to_dict("records") if args.out.exists() else []
    done = {(row["planted"], row["person"]) for row in rows}
    people = [(1, i) for i in range(args.planted)] + [(0, i) for i in range(args.people)]
    wanted = [who for who in people if who not in done]
    for start in range(0, len(wanted), AT_ONCE):
        batch = wanted[start : start + AT_ONCE]
        rows += Parallel(n_jobs=args.jobs)(delayed(measure)(bool(p), i) for p, i in batch)
        table = pd.DataFrame(rows).sort_values(["planted", "person"])
        table.to_csv(args.out, sep="\t", index=False, float_format="%.4f", na_rep="n/a")
    summarise(pd.read_csv(args.out, sep="\t"))


if __name__ == "__main__":
    main()
