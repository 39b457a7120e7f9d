"""How often the interval of a new session holds the true rating.

    python benchmarks/coverage_study.py                       400 people in each world; resumes
    python benchmarks/coverage_study.py --people 3 --out DIR  a quick look

Independent simulated people with 12 sessions and one more, the latest, which the signature has not
seen (40 regions, 3 runs of 300 s a session). Worlds: steady (sessions are exchangeable) and drift
(the simulator's default: levels of ratings and connectivity wander over months). Coverage of the
session's mean, of its runs' means, and of its minutes, by intervals of 80 and 90 %, plain and
adaptive. At the scale of sessions each person is one case; at the others a person's cases go
together, so intervals of the table are over people. Tables lie in benchmarks/tables/.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from painprint import Settings
from painprint.bins import make_test_bins
from painprint.decode.decoding import decode_runs
from painprint.decode.prepare import prepare_runs
from painprint.signature.model import complete_signature, make_signature
from painprint.signature.origin import Origin
from painprint.signature.predict import read_session
from painprint.simulate.person import Person, as_run, simulate_person
from painprint.simulate.world import World
from painprint.stats.conformal import LEVELS

TABLE = Path(__file__).parent / "tables" / "coverage_study.tsv"
FIRST_SEED = 90_000
N_TRAINING = 12
SETTINGS = Settings(n_bootstraps=100, skip=())
SHAPE = dict(n_regions=40, run_s=300.0)
WORLDS = {
    "steady": World(steady_ratings=True, steady_bold=True, **SHAPE),
    "drift": World(**SHAPE),
}
BATCH = 20


def truth_of(runs):
    """The true rating of each row of a reading."""
    found, of_runs = [], []
    for run in runs:
        ((frames,),) = prepare_runs(iter([run]), SETTINGS).runs
        bins = make_test_bins([frames], SETTINGS.rules, "1min")
        found += [frames.rating[m].mean() for m in bins.frames]
        of_runs.append(frames.rating.mean())
        found.append(of_runs[-1])
    return np.array([*found, np.mean(of_runs)])


def person(world, number):
    """Share of cases inside each interval, a row per scale."""
    one = Person(N_TRAINING + 1, world=WORLDS[world])
    truth, simulated = simulate_person(one, (FIRST_SEED, number))
    runs = [as_run(run, one, truth) for run in simulated]
    last = max(run.session for run in runs)
    training = [run for run in runs if run.session != last]
    new = [run for run in runs if run.session == last]
    decoding = decode_runs(training, SETTINGS)
    signature = make_signature(decoding, simulated=True, metrics={})
    reading = read_session(complete_signature(signature, decoding, origin=Origin()), new)
    table = reading.table.assign(truth=truth_of(new))
    rows = []
    for scale, cases in table.groupby("scale"):
        row = {"world": world, "person": number, "scale": scale, "n": len(cases)}
        for level in LEVELS:
            for kind in ("", "adaptive_"):
                name = f"{kind}{{}}_{100 * level:.0f}"
                low, high = cases[name.format("low")], cases[name.format("high")]
                inside = (low <= cases["truth"]) & (cases["truth"] <= high)
                given = low.notna().all()
                row[name.format("inside")] = inside.mean() if given else math.nan
                row[name.format("width")] = (high - low).mean() if given else math.nan
        rows.append(row)
    return rows


def summarise(table):
    n = N_TRAINING
    for (world, scale), rows in table.groupby(["world", "scale"], sort=False):
        print(f"{world}, {scale}, {len(rows)} people")
        for level in LEVELS:
            promised = math.ceil((n + 1) * level - 1e-9) / (n + 1)
            for kind in ("", "adaptive_"):
                name = f"{kind}{{}}_{100 * level:.0f}"
                inside = rows[name.format("inside")].dropna()
                if inside.empty:
                    print(f"  {kind.rstrip('_') or 'plain':8s} {level:.0%}: not given")
                    continue
                half = 1.96 * inside.std() / math.sqrt(len(inside))
                width = rows[name.format("width")].mean()
                print(
                    f"  {kind.rstrip('_') or 'plain':8s} {level:.0%} (promised {promised:.1%}): "
                    f"{inside.mean():.1%} (± {half:.1%}), width {width:.2f}"
                )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=400)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    path = TABLE if options.out is None else options.out / TABLE.name
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = pd.read_csv(path, sep="\t").to_dict("records") if path.exists() else []
    done = {(row["world"], row["person"]) for row in rows}
    wanted = [(w, i) for w in WORLDS for i in range(options.people) if (w, i) not in done]
    for first in range(0, len(wanted), BATCH):
        batch = wanted[first : first + BATCH]
        found = Parallel(n_jobs=options.jobs)(delayed(person)(*one) for one in batch)
        rows += [row for of_person in found for row in of_person]
        pd.DataFrame(rows).to_csv(path, sep="\t", index=False, float_format="%.5f")
    summarise(pd.DataFrame(rows).query("person < @options.people"))


if __name__ == "__main__":
    main()
