"""How often the intervals of `painprint plan` hold what the study reports with more sessions.

    python benchmarks/plan_coverage.py                        200 unseen people; resumes
    python benchmarks/plan_coverage.py --tuning --out DIR     the people on whom it was tuned
    python benchmarks/plan_coverage.py --people 1 --out DIR   a quick look

Simulated people (60 regions, one run of 636 s a session) have 10 to 14 sessions. They are decoded
with permutation test and learning curve, saved, and planned from the saved files, as by the
command; then they are decoded again with 4 and with 8 more sessions. The table has a row per person
and number of further sessions, with what was reported, expected and later found, and the reason
where nothing was said. It lies in benchmarks/tables/.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import pandas as pd
from scipy.stats import binomtest

from painprint import Case, Settings, decode_runs, run_stage
from painprint.apps.plan import plan_study
from painprint.simulate.person import Person, as_run, simulate_person
from painprint.simulate.world import World

TABLE = Path(__file__).parent / "tables" / "plan_coverage.tsv"
UNSEEN, TUNING = 0, 1000
"""First number of the people of either kind."""
WORLD = World(n_runs=1, n_regions=60)
FEWEST, MOST = 10, 14
MORE = (4, 8)
SETTINGS = Settings(n_bootstraps=500, n_permutations=99, n_curve_draws=10)
METRICS = ("centred_r", "skill", "ci_width")


def simulated(number):
    """Runs of a person with all sessions, and the number of sessions today."""
    n_sessions = FEWEST + number % (MOST - FEWEST + 1)
    person = Person(n_sessions + max(MORE), world=WORLD)
    truth, runs = simulate_person(person, (number,))
    return [as_run(run, person, truth) for run in runs], n_sessions


def planned(runs, folder):
    """The table of the command, from the saved files of a study of these runs."""
    decoding = decode_runs(runs, SETTINGS)
    stages = {name: run_stage(Case(decoding), name) for name in ("null", "curve")}
    decoding.save(folder, stages=stages)
    table, _ = plan_study(folder, MORE, None)
    return table


def found(runs):
    """What a study of these runs reports."""
    scale = decode_runs(runs, SETTINGS).scales["1min"]
    low, high = scale.centred_r_ci
    return {"centred_r": scale.centred_r, "skill": scale.skill, "ci_width": high - low}


def measure(number):
    """A row per number of further sessions of one person."""
    runs, n_sessions = simulated(number)
    with tempfile.TemporaryDirectory() as folder:
        table = planned(runs[:n_sessions], Path(folder))
    today, *rows = table.drop(columns=["participant", "decoding", "scale"]).to_dict("records")
    for row in rows:
        later = found(runs[: n_sessions + row["n_more"]])
        now = {f"{name}_now": today[name] for name in METRICS}
        yield {"person": number, **row, **now, **{f"{k}_found": v for k, v in later.items()}}


def interval(inside):
    """Share that is inside, with its exact 95 % interval."""
    n = len(inside)
    if not n:
        return "n/a"
    ends = binomtest(int(inside.sum()), n).proportion_ci()
    return f"{inside.mean():.1%} ({ends.low:.1%} to {ends.high:.1%}), n {n}"


def summarise(table):
    """Coverage of the intervals, and calibration of the chances."""
    for n_more, rows in table.groupby("n_more"):
        told = rows[rows["reason"].isna()]
        print(f"{n_more} more sessions: {len(rows)} people, {len(told)} of them told")
        for name in METRICS:
            low, value, high = (told[f"{name}{end}"] for end in ("_low", "_found", "_high"))
            error = value - told[name]
            print(
                f"  {name}: inside {interval((low <= value) & (value <= high))}; found minus "
                f"expected {error.mean():+.3f} (SD {error.std():.3f}; without a gain "
                f"{(value - told[f'{name}_now']).mean():+.3f}); width {(high - low).mean():.3f}"
            )
        reached = told["centred_r_found"] >= told["target_r"]
        for low, high in ((0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1)):
            some = told["chance"].between(low, high, inclusive="left" if high < 1 else "both")
            if some.any():
                print(
                    f"  chance {low:.0%} to {high:.0%}: mean {told['chance'][some].mean():.0%}, "
                    f"reached {interval(reached[some])}"
                )
    reasons = table["reason"].dropna()
    for reason, count in reasons.value_counts().items():
        print(f"cannot be said ({count} rows): {reason}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--tuning", action="store_true")
    parser.add_argument("--out", type=Path, default=TABLE.parent)
    options = parser.parse_args()
    path = options.out / TABLE.name
    path.parent.mkdir(parents=True, exist_ok=True)
    first = TUNING if options.tuning else UNSEEN
    rows = pd.read_csv(path, sep="\t", na_values="n/a").to_dict("records") if path.exists() else []
    done = {row["person"] for row in rows}
    for number in range(first, first + options.people):
        if number not in done:
            rows += measure(number)
            pd.DataFrame(rows).to_csv(
                path, sep="\t", index=False, float_format="%.5f", na_rep="n/a"
            )
    table = pd.DataFrame(rows)
    summarise(table[table["person"].between(first, first + options.people - 1)])


if __name__ == "__main__":
    main()
