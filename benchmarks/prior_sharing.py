"""What a prior of other people adds, by the share of the signature that people have in common.

    python benchmarks/prior_sharing.py                    20 people at each share; resumes
    python benchmarks/prior_sharing.py --kind tuning      other seeds, to try ideas on
    python benchmarks/prior_sharing.py --people 1 --others 2 --out DIR

Simulated cohorts of a person and 8 others (2 runs of 10.6 min a session, 120 regions) who
share 0, 25, 50 or 75 % of the edges of their signatures. The prior is the mean of the others'
patterns, each scaled to unit length and of 16 sessions of their own. The person's first 2,
4, 8 or 16 sessions train: a model of their own (own), slope and intercept of the prior's scores
(prior), and ridge regression towards the prior (both). All are tested on the 1-min bins of the same
8 later sessions, which train nothing. Skill is relative to the mean rating of the rows that train.
A constant prediction, of a prior whose slope is 0, has a centred r of 0. With 2 sessions, the
penalty of the own model is chosen by leaving out runs, and that of ridge regression towards the
prior, whose share is then 1, by leaving out sessions. A person has the same data at every share,
but for the signature.

Targets: at 0 %, both loses at most 0.01 of centred r against own; at 50 % and 4 sessions, the
interval of both - own is above 0; the chosen share of the prior grows with that of the signature.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from resume import TABLES, fill

from painprint import Settings
from painprint.decode.bin_gram import make_bin_gram
from painprint.decode.decoders import make_decoder
from painprint.decode.gram import edge_weights
from painprint.decode.metrics import agreement, center_by
from painprint.decode.prepare import prepare_runs
from painprint.decode.prior import Prior
from painprint.simulate.person import Person, as_run, simulate_person
from painprint.simulate.world import World

FIRST_SEED = {"tuning": 1000, "unseen": 150_000}
SHARES = (0.0, 0.25, 0.5, 0.75)
N_SESSIONS = (2, 4, 8, 16)
N_TESTED = 8
SESSIONS_OF_OTHERS = 16
SETTINGS = Settings()
FEWEST_FOR_FOLDS_OF_SESSIONS = 3
MODELS = ("own", "prior", "both")
STATISTICS = ("centred_r", "skill")
N_BOOTSTRAPS = 10_000


def bins_of(person, seed, prior=None):
    """Gram matrix of a simulated person, whose groups are sessions, and the ground truth."""
    truth, runs = simulate_person(person, seed)
    prepared = prepare_runs(
        (as_run(run, person, truth) for run in runs), SETTINGS, regions=truth.regions, prior=prior
    )
    codes, _ = prepared.groups("session")
    frames = [lags[0] for lags in prepared.runs]
    return make_bin_gram(frames, codes, SETTINGS, prior=prepared.prior), truth


def decoder_of(bins):
    return make_decoder(SETTINGS.rules, bins.n_edges)


def pattern_of(person, seed):
    """Names of regions, and the pattern of all sessions, scaled to unit length."""
    bins, truth = bins_of(person, seed)
    groups = bins.groups("train")
    dual = center_by(bins.y("train"), groups)
    (edges,) = edge_weights(bins.frames, bins.bins["train"], groups, dual[None])
    return truth.regions.names, edges / np.linalg.norm(edges)


def prior_of(world, seed, numbers, n_sessions):
    """Mean pattern of the people of a cohort with these numbers."""
    found = [pattern_of(Person(n_sessions, world=world), (seed, number)) for number in numbers]
    return Prior(found[0][0], len(found), np.mean([edges for _, edges in found], axis=0))


def scale_scores(scores, rating, new_scores):
    """Predictions by the line of the rating on the scores, whose slope is not negative."""
    slope = max(float(np.cov(scores, rating)[0, 1] / scores.var(ddof=1)), 0.0)
    return rating.mean() + slope * (new_scores - scores.mean())


def train_and_test(bins, n_sessions, first_tested):
    """Statistics of the three models of the first sessions on the minutes of the last ones."""
    rows = np.flatnonzero(bins.groups("train") < n_sessions)
    tested = np.flatnonzero(bins.groups("1min") >= first_tested)
    samples, decoder = bins.samples().take(rows), decoder_of(bins)
    own_samples = replace(samples, prior=None)
    if n_sessions < FEWEST_FOR_FOLDS_OF_SESSIONS:
        runs = np.unique(bins.run("train")[rows], return_inverse=True)[1]
        own_samples = replace(own_samples, groups=runs)
    own, both = decoder.fit(own_samples), decoder.fit(samples)
    scores = bins.prior_scores("1min")[tested]
    own_bins = replace(bins, prior=None)
    predicted = {
        "own": own_bins.predict("1min", own, rows=tested, train=rows),
        "prior": scale_scores(samples.prior, samples.y, scores),
        "both": bins.predict("1min", both, rows=tested, train=rows),
    }
    y, group = bins.y("1min")[tested], bins.groups("1min")[tested] - first_tested
    mean = np.full((len(y), 1), samples.y.mean())
    values = agreement(y[:, None], np.column_stack([predicted[m] for m in MODELS]), mean, group)
    return {
        "n_tested": len(y),
        **{f"{m}_{s}": values[s][i] for s in STATISTICS for i, m in enumerate(MODELS)},
        "c": both.choice.prior_share,
        "own_alpha": own.choice.alpha,
        "both_alpha": both.choice.alpha,
    }


def measure(kind, share, number, size):
    """A row for each number of own sessions of one person."""
    world = World(2, size.regions, shared_atlas=True, shared_signature=share)
    seed = FIRST_SEED[kind] + number
    prior = prior_of(world, seed, range(1, 1 + size.others), size.sessions_of_others)
    first_tested = max(size.sizes)
    bins, truth = bins_of(Person(first_tested + size.tested, world=world), (seed, 0), prior)
    found = {
        "kind": kind,
        "share": share,
        "number": number,
        "r_prior_truth": np.corrcoef(prior.edges, truth.edges)[0, 1],
    }
    return [{**found, "n_sessions": n, **train_and_test(bins, n, first_tested)} for n in size.sizes]


def mean_of(values, rng):
    """Mean over people with its 95 % bootstrap interval, and whether that is above 0."""
    values = np.asarray(values, float)
    draws = values[rng.integers(0, len(values), (N_BOOTSTRAPS, len(values)))].mean(axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return values.mean(), low, high


def differences(table, statistic, model, other):
    """Paired differences by share and number of sessions: mean, interval, number of people."""
    rows = []
    for (share, n_sessions), people in table.groupby(["share", "n_sessions"]):
        d = people[f"{model}_{statistic}"] - people[f"{other}_{statistic}"]
        mean, low, high = mean_of(d, np.random.default_rng(0))
        rows.append((share, n_sessions, mean, low, high, len(d)))
    return pd.DataFrame(rows, columns=["share", "n_sessions", "mean", "low", "high", "n"])


def summarise(table):
    undefined = {f"{m}_centred_r": 0.0 for m in MODELS}
    n_constant = int(table[list(undefined)].isna().any(axis=1).sum())
    table = table.fillna(undefined)
    print(f"constant predictions: {n_constant} of {len(table)} rows")
    print("means over people")
    names = [f"{m}_{s}" for s in STATISTICS for m in MODELS]
    means = table.groupby(["share", "n_sessions"])[[*names, "c", "r_prior_truth"]].mean()
    print(means.round(3).to_string())
    for other in ("own", "prior"):
        for statistic in STATISTICS:
            print(f"both - {other}, {statistic}: mean with 95 % interval (bootstrap over people)")
            for row in differences(table, statistic, "both", other).itertuples():
                print(
                    f"  {row.share:.0%}, {row.n_sessions:2d} sessions: {row.mean:+.3f} "
                    f"({row.low:+.3f} to {row.high:+.3f}), n = {row.n}"
                )
    print("mean c by share (rows) and number of sessions")
    print(table.pivot_table(index="share", columns="n_sessions", values="c").round(2).to_string())
    of_person = table.pivot_table(index="number", columns="share", values="c")
    for before, share in zip(of_person.columns, of_person.columns[1:], strict=False):
        mean, low, high = mean_of(of_person[share] - of_person[before], np.random.default_rng(0))
        print(f"  c at {share:.0%} - c at {before:.0%}: {mean:+.2f} ({low:+.2f} to {high:+.2f})")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kind", choices=FIRST_SEED, default="unseen")
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--shares", type=float, nargs="+", default=SHARES)
    parser.add_argument("--sizes", type=int, nargs="+", default=N_SESSIONS)
    parser.add_argument("--others", type=int, default=8)
    parser.add_argument("--sessions-of-others", type=int, default=SESSIONS_OF_OTHERS)
    parser.add_argument("--regions", type=int, default=120)
    parser.add_argument("--tested", type=int, default=N_TESTED)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=TABLES)
    size = parser.parse_args()
    name = "prior_sharing.tsv" if size.kind == "unseen" else f"prior_sharing_{size.kind}.tsv"
    wanted = [(size.kind, s, i, size) for i in range(size.people) for s in size.shares]
    summarise(fill(size.out / name, wanted, ("kind", "share", "number"), measure, size.jobs))


if __name__ == "__main__":
    main()
