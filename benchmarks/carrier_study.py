"""Which regions carry it, does it travel, and is it better than the obvious: on unseen seeds.

    python benchmarks/carrier_study.py               all, resumes; about an hour on two cores
    python benchmarks/carrier_study.py --seeds 1 --sessions 5 --regions 24 --out FOLDER

importance default simulated people (23 sessions x 3 runs x 120 regions): area under the curve of
           importance (10,000 permutations) for regions of the planted source against the others,
           of other measures, and of importance with the planted edges as weights
people     pairs of such people who share an atlas: the session-centred r of either signature on the
           other person, at 1 min; whose signature fits a session best; and the level read at rest
nobody     pairs of people without a signature (10 sessions x 3 runs x 60 regions): how often the
           own model fits a session best, and how often its p is below .05
baselines  people of 16 sessions x 3 runs x 80 regions: painprint and every baseline on the same
           folds, and their paired differences

The tables lie in benchmarks/tables/.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from resume import TABLES, fill, share
from scipy.stats import t as student
from sklearn.metrics import roc_auc_score

from painprint import Settings, decode_runs
from painprint.evidence.case import Case, Material
from painprint.evidence.comparison import baseline_comparison
from painprint.evidence.importance import importance
from painprint.evidence.people import examine
from painprint.evidence.rest import rest_tests
from painprint.evidence.transfer import Member, transfer
from painprint.simulate.person import Person, as_run, simulate_person
from painprint.simulate.world import World

FIRST_SEED = {"importance": 72_000, "people": 70_000, "nobody": 73_000, "baselines": 71_000}


def simulate(person, seed, number):
    truth, runs = simulate_person(person, (seed, number), rest=True)
    read = [as_run(run, person, truth) for run in runs]
    rated = [run for run in read if run.task == "rating"]
    return truth, rated, [run for run in read if run.task == "rest"]


def area(truth, values):
    """Of a value per region for telling planted regions from the others."""
    return roc_auc_score(truth.loadings != 0, values)


def measure_importance(seed, n_sessions, n_regions):
    """How well importance, strengths and structure tell planted regions from the others."""
    person = Person(n_sessions, world=World(n_regions=n_regions))
    truth, rated, _ = simulate(person, FIRST_SEED["importance"] + seed, 0)
    case = Case(decode_runs(rated, Settings(n_bootstraps=1000), regions=truth.regions))
    table, ideal = importance(case).tables["importance"], importance_of_truth(case, truth)
    return {
        "seed": seed,
        "auc": area(truth, table["importance"]),
        "auc_centred": area(truth, table["importance_centred"]),
        "auc_mean_abs_structure": area(truth, table["mean_abs_structure"]),
        "auc_strength": area(truth, table["positive_strength"] - table["negative_strength"]),
        "auc_of_truth": area(truth, ideal["importance"]),
        "auc_of_truth_centred": area(truth, ideal["importance_centred"]),
    }


def importance_of_truth(case, truth):
    """Importance that the planted edges themselves would have as weights."""
    decoding = case.decoding
    weights = truth.edges / np.abs(truth.edges).sum()
    folds = tuple(replace(fold, weights=weights) for fold in decoding.folds)
    training = replace(decoding.training, folds=folds)
    settings = replace(case.settings, n_importance_permutations=1000, n_bootstraps=100)
    ideal = replace(decoding, training=training, settings=settings)
    return importance(replace(case, decoding=ideal)).tables["importance"]


def measure_pair(seed, n_sessions, n_regions):
    """Transfer, identification and rest of two people with one atlas."""
    person = Person(n_sessions, world=World(n_regions=n_regions, shared_atlas=True))
    settings = Settings(n_bootstraps=1000)
    members: list[Member] = []
    rows = {"seed": seed}
    for number in (0, 1):
        truth, rated, rest = simulate(person, FIRST_SEED["people"] + seed, number)
        decoding = decode_runs(rated, settings, regions=truth.regions)
        case = Case(decoding, material=Material(rest=lambda rest=rest: rest))
        rows |= {
            f"centred_r_{number}": decoding.scales["1min"].centred_r,
            f"rest_r_above_mean_{number}": rest_tests(case).numbers["unseen"]["above_mean"]["r"],
        }
        name = f"sub-{number}"
        members.append(Member.of(decoding, lambda rated=rated: rated, name=name))
    found = transfer_of(members, n_bootstraps=1000)
    for i, pair in enumerate(found["pairs"]):
        rows |= {f"transfer_{i}": pair["centred_r"], f"transfer_low_{i}": pair["centred_r_low"]}
        rows[f"transfer_high_{i}"] = pair["centred_r_high"]
    for i, one in enumerate(found["identified"].values()):
        rows[f"identified_{i}"] = one["share"]
    return rows


def transfer_of(members, *, n_bootstraps):
    """Numbers of the signatures of each person on the other, and of identification."""
    examined = examine(members, n_bootstraps=n_bootstraps, random_seed=0)
    return transfer(members, [one.pairs for one in examined]).numbers


def measure_nobody(seed, n_sessions, n_regions):
    """Identification among two people whose brains do not follow the rating."""
    world = World(n_regions=n_regions, shared_atlas=True)
    person, settings = Person(n_sessions, null=True, world=world), Settings(n_bootstraps=100)
    members = []
    for number in (0, 1):
        truth, rated, _ = simulate(person, FIRST_SEED["nobody"] + seed, number)
        decoding = decode_runs(rated, settings, regions=truth.regions)
        members.append(Member.of(decoding, lambda rated=rated: rated, name=f"sub-{number}"))
    found = transfer_of(members, n_bootstraps=100)
    rows = {"seed": seed}
    for i, one in enumerate(found["identified"].values()):
        rows |= {f"identified_{i}": one["share"], f"p_{i}": one["p"]}
    return rows


def measure_baselines(seed, n_sessions, n_regions):
    """painprint and every baseline on one person, at 1 min."""
    person = Person(n_sessions, world=World(n_regions=n_regions))
    truth, rated, _ = simulate(person, FIRST_SEED["baselines"] + seed, 0)
    case = Case(decode_runs(rated, Settings(n_bootstraps=1000), regions=truth.regions))
    table = baseline_comparison(case).tables["baselines"].query("scale == '1min'")
    rows = {"seed": seed}
    for row in table.to_dict("records"):
        name = row["method"]
        rows |= {f"{name}: {key}": row[key] for key in ("centred_r", "skill")}
        if name != "painprint":
            rows |= {
                f"{name}: {key}{end}": row[f"{key}{end}"]
                for key in ("d_centred_r", "d_skill")
                for end in ("", "_low", "_high")
            }
    return rows


def mean(values):
    """Mean over people with its 95 % interval (Student's t)."""
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return f"{values.mean():.3f}, n = {len(values)}" if len(values) else "undefined"
    half = student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    low, high = values.mean() - half, values.mean() + half
    return f"{values.mean():.3f} ({low:.3f} to {high:.3f}), n = {len(values)}"


def both(table, name):
    return np.concatenate([table[f"{name}_{i}"].to_numpy(float) for i in (0, 1)])


def say_importance(found):
    for name, what in (
        ("auc", "importance (loss of r)"),
        ("auc_centred", "importance (loss of session-centred r)"),
        ("auc_mean_abs_structure", "mean size of structure coefficients"),
        ("auc_strength", "sum of absolute weights"),
        ("auc_of_truth", "importance if the planted edges were the weights"),
        ("auc_of_truth_centred", "the same, loss of session-centred r"),
    ):
        print(f"AUC of {what}: {mean(found[name])}; least {found[name].min():.2f}")


def say_people(found):
    # both signatures of a pair meet the same two people: a pair counts once
    pairs = (found["transfer_0"] + found["transfer_1"]) / 2
    print(f"session-centred r of another person's signature, mean of pairs: {mean(pairs)}")
    above = pd.Series(both(found, "transfer_low") > 0)
    print(f"  interval above 0 in {share(above)}")
    print(f"own signature fits a session best, chance .5: {mean(both(found, 'identified'))}")
    print(f"rest, r above the training mean: {mean(both(found, 'rest_r_above_mean'))}")


def say_nobody(found):
    print(f"without a signature, own signature fits best: {mean(both(found, 'identified'))}")
    print(f"  p below .05 in {share(pd.Series(both(found, 'p') < 0.05))}")


def say_baselines(found):
    methods = [c.removesuffix(": d_skill") for c in found.columns if c.endswith(": d_skill")]
    for key in ("centred_r", "skill"):
        print(f"{key} of painprint: {mean(found[f'painprint: {key}'])}")
    for name in methods:
        for key in ("centred_r", "skill"):
            low, high = found[f"{name}: d_{key}_low"], found[f"{name}: d_{key}_high"]
            print(
                f"  {name}, {key}: {mean(found[f'{name}: {key}'])}; painprint's minus its: "
                f"{mean(found[f'{name}: d_{key}'])}; better in {(low > 0).sum()}, worse in "
                f"{(high < 0).sum()} people"
            )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--sessions", type=int, default=0, help="instead of 23, 10 and 16")
    parser.add_argument("--regions", type=int, default=0, help="instead of 120, 60 and 80")
    parser.add_argument("--part", choices=tuple(FIRST_SEED))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=TABLES)
    size = parser.parse_args()
    for part, function, say, shape, times in (
        ("importance", measure_importance, say_importance, (23, 120), 1),
        ("people", measure_pair, say_people, (23, 120), 1),
        ("nobody", measure_nobody, say_nobody, (10, 60), 3),
        ("baselines", measure_baselines, say_baselines, (16, 80), 1),
    ):
        if size.part not in (None, part):
            continue
        of_part = (size.sessions or shape[0], size.regions or shape[1])
        wanted = [(seed, *of_part) for seed in range(1, times * size.seeds + 1)]
        path = size.out / f"carrier_{part}.tsv"
        say(fill(path, wanted, ("seed",), function, size.jobs, at_once=2))


if __name__ == "__main__":
    main()
