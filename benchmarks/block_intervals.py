"""Why block intervals go round and are widened: how often each kind excludes 0 for no reason.

    python benchmarks/block_intervals.py                  120 people in each of two worlds; resumes
    python benchmarks/block_intervals.py --people 2 --out FILE

People without a signature, 10 sessions x 3 runs x 60 regions. For centred r at 1 min: blocks of
round(sqrt(10)) sessions that stop at the ends (moving) or go round (circular), with plain
percentiles or widened; 2,000 resamples. The table lies in benchmarks/tables/.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from resume import fill, share

from painprint import Settings
from painprint.decode.metrics import center_by
from painprint.decode.prepare import prepare_runs
from painprint.decode.training import predict_held_out, train
from painprint.simulate.person import Person, as_run, simulate_person
from painprint.simulate.world import World
from painprint.stats.bootstrap import FISHER_Z, block_draw, block_length, interval, t_inflated
from painprint.stats.correlation import correlation, weighted_r

TABLE = Path(__file__).parent / "tables" / "block_intervals.tsv"
WORLDS = {
    "no drift": World(n_regions=60, steady_ratings=True, steady_bold=True),
    "drift in both": World(n_regions=60),
}
FIRST_SEED = 50_000
N_DRAWS = 2000


def moving_draw(group):
    """Blocks that stop at the ends."""
    n_groups = int(group.max()) + 1
    length = block_length(n_groups)

    def draw(n, rng):
        starts = rng.integers(0, n_groups - length + 1, size=(n, -(-n_groups // length)))
        drawn = (starts[:, :, None] + np.arange(length)).reshape(n, -1)[:, :n_groups]
        return (drawn[:, :, None] == np.arange(n_groups)).sum(axis=1)[:, group].astype(float)

    return draw


def measure(world, number):
    """Whether each kind of interval excludes 0, for one person."""
    person = Person(10, null=True, world=WORLDS[world])
    truth, runs = simulate_person(person, (FIRST_SEED + number, list(WORLDS).index(world)))
    settings = Settings()
    prepared = prepare_runs((as_run(run, person, truth) for run in runs), settings)
    predictions = predict_held_out(prepared, train(prepared, settings), settings)
    rows = predictions[predictions["scale"] == "1min"]
    group = rows["group"].to_numpy()
    y, predicted = (center_by(rows[c].to_numpy(float), group) for c in ("rating", "predicted"))
    r = correlation(y, predicted)
    row = {"world": world, "person": number, "centred_r": r}
    for name, draw in (("moving", moving_draw(group)), ("circular", block_draw(group))):
        values = weighted_r(draw(N_DRAWS, np.random.default_rng(0)), y, predicted)
        for kind, of_kind in (("plain", values), ("widened", t_inflated(values, r, 10, FISHER_Z))):
            found = interval(of_kind, null=0)
            row[f"{name} {kind}"] = int(found.low > 0 or found.high < 0)
    return row


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=120)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=TABLE)
    size = parser.parse_args()
    wanted = [(world, i) for i in range(size.people) for world in WORLDS]
    table = fill(size.out, wanted, ("world", "person"), measure, size.jobs, at_once=20)
    for kind in table.columns[3:]:
        print(f"{kind:18s} excludes 0 in {share(table[kind])}")


if __name__ == "__main__":
    main()
