"""Real people: does a prior of other people help where a person has two own runs?

    python benchmarks/engagement_prior.py DATA [--out TABLE]
    python benchmarks/engagement_prior.py DATA --of weights --out TABLE     for comparison

DATA holds real BOLD with continuous ratings of engagement (not pain) while three films were seen or
heard. For every person and film, that film is predicted and trains nobody: the prior is the mean of
the standardised patterns of the other people, each learnt from their other two films; own sessions
are the person's other two films, each of which is left out in turn to choose the penalty (with two
own runs the share of the prior is 1). 30-s bins train, minutes are tested, as in painprint.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from decoders import FILMS
from resume import TABLES
from scipy.stats import t

from painprint import Settings
from painprint.bids.find import DataSelection, find_runs
from painprint.bids.load import load_run
from painprint.decode.bin_gram import make_bin_gram
from painprint.decode.decoders import Ridge
from painprint.decode.gram import edge_weights
from painprint.decode.metrics import center_by
from painprint.decode.prepare import prepare_runs
from painprint.decode.prior import Prior
from painprint.files.dataset import Dataset
from painprint.stats.correlation import correlation

MODELS = ("own", "prior", "both")


def read_people(data):
    """The runs of each person, one for each film, with the film as their session."""
    raw = Dataset(data, "raw")
    derivatives = [Dataset(data / "derivatives" / "xcp_d", "xcp_d")]
    settings, people = Settings(), {}
    for label in sorted(p.name.removeprefix("sub-") for p in data.glob("sub-*")):
        found = find_runs(raw, derivatives, label, DataSelection(FILMS)).runs
        runs = [load_run(files, settings)[0] for files in found]
        people[label] = [replace(run, session=run.key.task) for run in runs]
    return people


def direction_without(runs, film, of):
    """Standardised pattern (or weights) of a person's runs but for one film."""
    prepared = prepare_runs([run for run in runs if run.session != film], Settings())
    gram, _, model = fit(prepared, range(len(prepared.runs)), None)
    bins = gram.bins["train"]
    dual = model.dual if of == "weights" else center_by(bins.rating, bins.run)
    (found,) = edge_weights(gram.frames, bins, bins.run, dual[None])
    return prepared.regions.names, found / np.linalg.norm(found)


def fit(prepared, train_groups, prior):
    """Gram matrix, training rows, and the model of some groups."""
    codes = np.arange(len(prepared.runs))
    frames = [lags[0] for lags in prepared.runs]
    gram = make_bin_gram(frames, codes, Settings(), prior=prior)
    rows = np.flatnonzero(np.isin(gram.groups("train"), list(train_groups)))
    return gram, rows, Ridge().fit(gram.samples().take(rows))


def measure(people, label, film, of):
    """r and skill of the left-out film by each model."""
    theirs = [direction_without(runs, film, of) for name, runs in people.items() if name != label]
    names = theirs[0][0]
    assert all(other == names for other, _ in theirs)
    prior = Prior(names, len(theirs), np.mean([w for _, w in theirs], axis=0))
    prepared = prepare_runs(people[label], Settings())
    prior = prior.select(prepared.regions.names)
    films = [lags[0].key.session for lags in prepared.runs]
    held_out = films.index(film)
    others = [i for i in range(len(films)) if i != held_out]
    predicted = {}
    for model_name, of_prior in (("own", None), ("both", prior)):
        gram, rows, model = fit(prepared, others, of_prior)
        test = np.flatnonzero(gram.groups("1min") == held_out)
        predicted[model_name] = gram.predict("1min", model, rows=test, train=rows)
    p = gram.prior_scores("train")[rows]
    slope, intercept = np.polyfit(p, gram.y("train")[rows], 1)
    y, mean = gram.y("1min")[test], gram.y("train")[rows].mean()
    alone = gram.prior_scores("1min")[test]
    predicted["prior"] = slope * alone + intercept if slope > 0 else np.full(len(alone), mean)
    found = []
    for name in MODELS:
        direction = alone if name == "prior" else predicted[name]  # r has no slope
        skill = 1 - ((y - predicted[name]) ** 2).sum() / ((y - mean) ** 2).sum()
        r = correlation(y, direction)
        row = {"person": label, "film": film, "model": name, "n": len(y), "r": r, "skill": skill}
        found.append(row)
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--of", choices=("patterns", "weights"), default="patterns")
    parser.add_argument("--out", type=Path, default=TABLES / "engagement_prior.tsv")
    options = parser.parse_args()
    people = read_people(options.data)
    table = pd.DataFrame(
        [
            row
            for label in people
            for film in FILMS
            for row in measure(people, label, film, options.of)
        ]
    )
    table.to_csv(options.out, sep="\t", index=False, float_format="%.4f", na_rep="n/a")
    means = table.groupby(["person", "model"])[["r", "skill"]].mean().unstack("model")
    for name in ("r", "skill"):
        of_people = means[name][list(MODELS)]
        shown = ", ".join(
            f"{m} {of_people[m].mean():.2f} (SE {of_people[m].sem():.2f})" for m in MODELS
        )
        print(f"{name}, mean over {len(of_people)} people: {shown}")
        for other in ("own", "prior"):
            d = of_people["both"] - of_people[other]
            half = t.ppf(0.975, len(d) - 1) * d.sem()
            ends = f"{d.mean() - half:+.2f} to {d.mean() + half:+.2f}"
            print(f"  both - {other}: {d.mean():+.2f} ({ends})")


if __name__ == "__main__":
    main()
