"""Which decoder, and which training bins, read best on held-out sessions.

    python benchmarks/decoders.py tuning                      10 people; decides the training bins
    python benchmarks/decoders.py unseen                      20 other people; resumes
    python benchmarks/decoders.py engagement --data DIR       four real people as sessions of one
    python benchmarks/decoders.py tuning --people 1 --sessions 5 --out FOLDER

Default simulated people (23 sessions x 3 runs x 120 regions), decoded with the same folds by ridge
regression on time bins of 60, 30 and 20 s, and by LASSO-PCR on rating bins (as published, without
its leaks). Engagement: four people as the sessions of one, their three films pooled as runs; and
every film by itself, to look at (lag 6 s).

The rule for the training bins: the longest bin whose mean centred r is within 0.01, and mean skill
within 0.02, of the best; means over the tuning people and the four engagement people pooled.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from resume import TABLES, fill
from scipy.linalg import block_diag

from painprint import Settings
from painprint.bids.find import DataSelection, find_runs
from painprint.bids.load import load_run
from painprint.decode.bin_gram import make_bin_gram
from painprint.decode.decoders import Ridge
from painprint.decode.prepare import prepare_runs
from painprint.decode.training import predict_held_out, train
from painprint.files.dataset import Dataset
from painprint.simulate.person import Person, as_run, simulate_person

FIRST_SEED = {"tuning": 90_000, "unseen": 95_000}
CONDITIONS = {
    "ridge 60s": {"decoder": "ridge", "train_bins": "60s"},
    "ridge 30s": {"decoder": "ridge", "train_bins": "30s"},
    "ridge 20s": {"decoder": "ridge", "train_bins": "20s"},
    "LASSO-PCR rating": {"decoder": "lasso_pcr", "train_bins": "rating"},
    "ridge 30s, edges centred": {"decoder": "ridge", "train_bins": "30s"},
}
CENTRED = "ridge 30s, edges centred"
"""No option of painprint: the mean edges of each session are taken away first."""
CHOSEN = ("ridge 30s", "LASSO-PCR rating")
"""Compared on unseen people."""
FILMS = ("sitcomep1", "sitcomep2", "documentary")
POOLED = "all films"
WITHIN = {"centred_r": 0.01, "skill": 0.02}


def score(minutes):
    """Centred r, skill and calibration of held-out minutes."""
    y, predicted, mean = (
        minutes[name].to_numpy(float) for name in ("rating", "predicted", "training_mean")
    )
    centred = minutes.groupby("group")[["rating", "predicted"]].transform(lambda v: v - v.mean())
    slope, intercept = np.polyfit(predicted, y, 1)
    return {
        "centred_r": centred.corr().iloc[0, 1],
        "skill": 1 - ((y - predicted) ** 2).sum() / ((y - mean) ** 2).sum(),
        "slope": slope,
        "intercept": intercept,
    }


def decode_centred(prepared, settings):
    """Held-out minutes where sessions' mean edges are taken away, before training and scoring."""
    codes, _ = prepared.groups(settings.leave_out)
    bin_gram = make_bin_gram([lags[0] for lags in prepared.runs], codes, settings)
    member = [
        bin_gram.groups(kind) == np.arange(bin_gram.n_groups)[:, None] for kind in bin_gram.kinds
    ]
    means = block_diag(*[(m / m.sum(axis=1, keepdims=True)).T @ m.astype(float) for m in member])
    away = np.eye(len(means)) - np.where(means > 0, means, 0)
    centred = replace(bin_gram, products={"edges": away @ bin_gram.edges @ away.T})
    folds = Ridge().nested(centred.samples()).folds
    groups = centred.groups("1min")
    cross = centred.block("1min", "train")
    predicted = np.array(
        [cross[i] @ folds[k].dual + folds[k].intercept for i, k in enumerate(groups)]
    )
    return pd.DataFrame(
        {
            "rating": centred.y("1min"),
            "predicted": predicted,
            "training_mean": [folds[k].y_mean for k in groups],
            "group": groups,
        }
    )


def decode(runs, condition):
    settings = Settings(**CONDITIONS[condition])
    prepared = prepare_runs(runs, settings)
    if condition == CENTRED:
        return score(decode_centred(prepared, settings))
    predictions = predict_held_out(prepared, train(prepared, settings), settings)
    return score(predictions[predictions["scale"] == "1min"])


def measure(kind, number, condition, n_sessions):
    person = Person(n_sessions)
    truth, runs = simulate_person(person, (FIRST_SEED[kind] + number, 0))
    found = decode((as_run(run, person, truth) for run in runs), condition)
    return {"kind": kind, "number": number, "condition": condition, **found}


def measure_films(data, kind, condition):
    """People who saw a film, or all of them, as sessions of one participant."""
    raw = Dataset(data, "raw")
    derivatives = [Dataset(data / "derivatives" / "xcp_d", "xcp_d")]
    films = FILMS if kind == POOLED else (kind,)
    settings, runs = Settings(), []
    for label in sorted(p.name.removeprefix("sub-") for p in data.glob("sub-*")):
        for files in find_runs(raw, derivatives, label, DataSelection(films)).runs:
            runs.append(replace(load_run(files, settings)[0], session=label))
    return {"kind": kind, "number": len(runs), "condition": condition, **decode(runs, condition)}


def decide(table):
    """The training bins by the rule."""
    ridge = table[table["condition"].isin([c for c in CONDITIONS if c[-1] == "s"])]
    means = ridge.groupby("condition")[["centred_r", "skill", "slope"]].mean()
    close = np.all([means[n] >= means[n].max() - within for n, within in WITHIN.items()], axis=0)
    longest = [name for name in CONDITIONS if name in means.index[close]]
    print(means.round(3).to_string())
    print(f"by the rule: {longest[0] if longest else 'none is within both'}")


def compare(table, conditions, other):
    """Conditions minus another on the same people: mean and 95 % interval (Student's t)."""
    from scipy.stats import t

    wide = table.pivot(index="number", columns="condition", values=["centred_r", "skill"])
    for condition in [c for c in conditions if {c, other} <= set(table["condition"])]:
        for name in ("centred_r", "skill"):
            d = wide[name][condition] - wide[name][other]
            half = t.ppf(0.975, len(d) - 1) * d.std() / np.sqrt(len(d))
            print(
                f"{condition} - {other}, {name}: {d.mean():+.3f} ({d.mean() - half:+.3f} to "
                f"{d.mean() + half:+.3f}), n = {len(d)}"
            )
    print(table.groupby("condition")[["centred_r", "skill", "slope", "intercept"]].mean().round(3))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("tuning", "unseen", "engagement"))
    parser.add_argument("--people", type=int)
    parser.add_argument("--sessions", type=int, default=23)
    parser.add_argument("--conditions", nargs="+")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=TABLES)
    size = parser.parse_args()
    size.conditions = size.conditions or (CHOSEN if size.kind == "unseen" else list(CONDITIONS))
    path = size.out / f"decoders_{size.kind}.tsv"
    if size.kind == "engagement":
        kinds = (POOLED, *FILMS)
        rows = [measure_films(size.data, kind, c) for kind in kinds for c in size.conditions]
        table = pd.DataFrame(rows)
        table.to_csv(path, sep="\t", index=False, float_format="%.4f")
        print(table.round(3).to_string(index=False))
        return
    n_people = size.people or {"tuning": 10, "unseen": 20}[size.kind]
    wanted = [(size.kind, i, c, size.sessions) for i in range(n_people) for c in size.conditions]
    table = fill(path, wanted, ("kind", "number", "condition"), measure, size.jobs)
    if size.kind == "unseen":
        compare(table, [c for c in CONDITIONS if c != CHOSEN[1]], CHOSEN[1])
        return
    compare(table, [CENTRED], "ridge 30s")
    path = TABLES / "decoders_engagement.tsv"
    real = pd.read_csv(path, sep="\t")
    decide(pd.concat([table, real[real["kind"] == POOLED]]))
    print("with each film apart instead:")
    decide(pd.concat([table, real[real["kind"] != POOLED]]))


if __name__ == "__main__":
    main()
