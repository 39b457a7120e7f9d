"""How often the intervals of `painprint plan` hold what the study reports with more sessions.

    python benchmarks/plan_coverage.py                        200 unseen people; resumes
    python benchmarks/plan_coverage.py --tuning --out DIR     the people on whom it was tuned
    python benchmarks/plan_coverage.py --people 1 --out DIR   a quick look

Simulated people (60 regions, one run of 636 s a session) have 10 to 14 sessions. They are decoded
with permutation test and learning curve, saved, and planned from the saved files, as by the
command; then they are decoded again with 4 and with 8 more sessions. The table has a row per person
and number of further sessions, with what was reported, expected and later found. Where the command
says nothing, the row has the reason; the forecast that it withholds is scored separately. The table
lies in benchmarks/tables/.
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import suppress
from pathlib import Path

import pandas as pd
from scipy.stats import binomtest

from painprint import Case, Settings, decode_runs, run_stage
from painprint.apps.plan import columns_of, plan_study, present_of
from painprint.decode.errors import NotEnoughData
from painprint.evidence.plan import plan_sessions
from painprint.results.read import find_results, read_results
from painprint.simulate.person import Person, as_run, simulate_person
from painprint.simulate.world import World

TABLE = Path(__file__).parent / "tables" / "plan_coverage.tsv"
UNSEEN, TUNING = 0, 1000
"""First number of the people of either kind."""
WORLD = World(n_runs=1, n_regions=60)
FEWEST, MOST = 10, 14
MORE = (4, 8)
SETTINGS = Settings(n_bootstraps=300, n_permutations=99, n_curve_draws=6)
METRICS = ("centred_r", "skill", "ci_width")


def simulated(number):
    """Runs of a person with all sessions, and the number of sessions today."""
    n_sessions = FEWEST + number % (MOST - FEWEST + 1)
    person = Person(n_sessions + max(MORE), world=WORLD)
    truth, runs = simulate_person(person, (number,))
    return [as_run(run, person, truth) for run in runs], n_sessions


def planned(runs, folder):
    """Rows of the command, from the saved files of a study of these runs; today comes first.

    Where it says nothing, because no signature was shown, the rows have the forecast nevertheless.
    """
    decoding = decode_runs(runs, SETTINGS)
    stages = {name: run_stage(Case(decoding), name) for name in ("null", "curve")}
    decoding.save(folder, stages=stages)
    table, _ = plan_study(folder, MORE, None)
    today, *rows = table.drop(columns=["participant", "decoding", "scale"]).to_dict("records")
    present = present_of(read_results(find_results(folder)[0]))
    for row in rows:
        with suppress(NotEnoughData):
            row |= columns_of(plan_sessions(present, row["n_more"], row["target_r"]))
    return today, rows


def found(runs):
    """What a study of these runs reports."""
    scale = decode_runs(runs, SETTINGS).scales["1min"]
    low, high = scale.centred_r_ci
    return {"centred_r": scale.centred_r, "skill": scale.skill, "ci_width": high - low}


def measure(number):
    """A row per number of further sessions of one person."""
    runs, n_sessions = simulated(number)
    with tempfile.TemporaryDirectory() as folder:
        today, rows = planned(runs[:n_sessions], Path(folder))
    for row in rows:
        later = found(runs[: n_sessions + row["n_more"]])
        now = {f"{name}_now": today[name] for name in METRICS}
        yield {"person": number, **row, **now, **{f"{k}_found": v for k, v in later.items()}}


def coverage(rows, name):
    """Share of intervals that hold what was found, with its exact 95 % interval."""
    rows = rows.dropna(subset=[name, f"{name}_found"])
    return share(rows[f"{name}_found"].between(rows[f"{name}_low"], rows[f"{name}_high"]))


def share(inside):
    """Share that is true, with its exact 95 % interval."""
    n = len(inside)
    if not n:
        return "n/a"
    ends = binomtest(int(inside.sum()), n).proportion_ci()
    return f"{inside.mean():.1%} ({ends.low:.1%} to {ends.high:.1%}), n {n}"


def summarise(table):
    """Coverage of the intervals, and calibration of the chances."""
    is_told = table["reason"].isna().map({True: "told", False: "withheld"})
    for (what, n_more), told in table.groupby([is_told, "n_more"]):
        print(f"{n_more} more sessions, {what}: {len(told)} people")
        for name in METRICS:
            value, width = told[f"{name}_found"], told[f"{name}_high"] - told[f"{name}_low"]
            error, rise = value - told[name], value - told[f"{name}_now"]
            print(
                f"  {name}: inside {coverage(told, name)}; found minus expected "
                f"{error.mean():+.3f} (SD {error.std():.3f}), minus today "
                f"{rise.mean():+.3f} (SD {rise.std():.3f}); "
                f"mean width {width.mean():.3f}"
            )
        reached = told["centred_r_found"] >= told["target_r"]
        for low, high in ((0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1)):
            some = told["chance"].between(low, high, inclusive="left" if high < 1 else "both")
            if some.any():
                print(
                    f"  chance {low:.0%} to {high:.0%}: mean {told['chance'][some].mean():.0%}, "
                    f"reached {share(reached[some])}"
                )
    for n_more, rows in table.groupby("n_more"):
        print(f"{n_more} more sessions, all people: centred_r inside {coverage(rows, 'centred_r')}")
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
