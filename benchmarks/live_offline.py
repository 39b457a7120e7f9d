"""What live reading loses against offline reading of the same unseen sessions.

    python benchmarks/live_offline.py                       20 simulated people, resumes
    python benchmarks/live_offline.py --engagement DATA     four real people, engagement (not pain)
    python benchmarks/live_offline.py --uncleaned           20 simulated people, not denoised
    python benchmarks/live_offline.py --people 1 --out DIR  a quick look

Simulated people have 12 sessions that train and 3 later ones that are read (40 regions, 3 runs of
300 s a session); of each new run, regions get an offset and a unit that the signature does not
know. Offline: the session is z-scored whole. Live: volume by volume, with a warm-up and a prior of
so many frames. A minute's live value is the mean score of its volumes; r is over minutes of all new
sessions, centred within sessions, and as it is. Intervals are those of the running mean at the last
volume of each minute. Of real people each film is read in turn, and the other two train.

Uncleaned: regions get a trend, the simulated motion parameters and ten noise components, each with
a normal loading of SD 0.1, 0.2 or 0.3 (of a region's SD). Training and offline reading regress them
out (the model of the paper); live reading gets the regions as they are ("uncleaned"), or after that
regression ("cleaned", which no live program can do as well). 20 other simulated people.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from engagement_prior import read_people
from joblib import Parallel, delayed
from resume import TABLES

from painprint import Settings
from painprint.bins import make_test_bins
from painprint.bold.denoise import ACOMPCOR, Band, clean_signals, make_design
from painprint.decode.decoding import decode_runs
from painprint.decode.metrics import center_by
from painprint.decode.prepare import prepare_runs
from painprint.live.scorer import LiveScorer
from painprint.live.volume import Volume
from painprint.signature.model import complete_signature, make_signature
from painprint.signature.origin import Origin
from painprint.signature.predict import pair_run
from painprint.simulate.person import Person, as_run, simulate_person
from painprint.simulate.world import World
from painprint.stats.correlation import correlation

FIRST_SEED = 260_000
N_TRAINING, N_NEW = 12, 3
SETTINGS = Settings(n_bootstraps=100, skip=())
WORLD = World(n_regions=40, run_s=300.0)
WARM_UPS_S, PRIOR_FRAMES = (15.0, 30.0, 60.0), (0.0, 60.0, 200.0)
ALL, DEFAULT = tuple(product(WARM_UPS_S, PRIOR_FRAMES)), (30.0, 60.0)
LOADINGS = (0.1, 0.2, 0.3)


def learn(runs, simulated):
    decoding = decode_runs(runs, SETTINGS)
    signature = make_signature(decoding, simulated=simulated, metrics={})
    return complete_signature(signature, decoding, origin=Origin())


def minutes_of(signature, run):
    """Of each minute: its BOLD frames, true rating, and offline prediction."""
    ((frames,),) = prepare_runs(iter([run]), SETTINGS).runs
    own = pair_run(signature, run, need_rating=True)
    offline = signature.score(0, own.signals)
    lag = round(signature.models[0].lag_s / run.tr_s - 1e-9)
    bins = make_test_bins([frames], SETTINGS.rules, "1min")
    return [
        (frames.frame[m] + lag, frames.rating[m].mean(), offline[m].mean()) for m in bins.frames
    ]


def read_live(signature, run, warm_up_s, prior_frames):
    """Readings of all volumes of a run."""
    scorer = LiveScorer(
        signature, run.regions, run.tr_s, warm_up_s=warm_up_s, prior_frames=prior_frames
    )
    return [
        scorer.read(Volume(i, None if run.censored[i] else values, 0.0))
        for i, values in enumerate(run.signals)
    ]


def compare(signature, runs, of, settings=ALL):
    """r offline and live of the runs, by warm-up and prior; a row each."""
    at = [minutes_of(signature, run) for run in runs]
    session = np.concatenate([[i] * len(m) for i, m in zip(of, at, strict=True)])
    truth = np.array([rating for minutes in at for _, rating, _ in minutes])
    offline = np.array([value for minutes in at for *_, value in minutes])
    rows = []
    for warm_up_s, prior_frames in settings:
        live, inside, ranges = [], [], []
        for run, minutes in zip(runs, at, strict=True):
            readings = read_live(signature, run, warm_up_s, prior_frames)
            ranges += [one.range for one in readings if one.scored]
            for frames, rating, _ in minutes:
                scores = [readings[i].score for i in frames if readings[i].scored]
                live.append(np.mean(scores) if scores else np.nan)
                last = readings[frames[-1]]
                if last.low is not None:
                    inside.append(last.low <= rating <= last.high)
        live, kept = np.array(live), np.isfinite(live)
        rows.append(
            {
                "warm_up_s": warm_up_s, "prior_frames": prior_frames, "n_minutes": int(kept.sum()),
                "r_offline": correlation(offline[kept], truth[kept]),
                "r_live": correlation(live[kept], truth[kept]),
                "centred_offline": centred(offline[kept], truth[kept], session[kept]),
                "centred_live": centred(live[kept], truth[kept], session[kept]),
                "inside_80": np.mean(inside) if inside else np.nan, "n_intervals": len(inside),
                "not_read": np.mean([word == "do not read" for word in ranges]),
            }
        )  # fmt: skip
    return rows


def with_nuisance(run, motion, loading, rng):
    """A run with nuisance signals, and the same denoised offline."""
    components = rng.normal(size=(len(motion), len(ACOMPCOR)))
    columns = np.column_stack([np.linspace(-1, 1, len(motion)), motion, components])
    columns = (columns - columns.mean(axis=0)) / np.maximum(columns.std(axis=0), 1e-12)
    signals = run.signals / run.signals.std(axis=0)
    signals = signals + loading * columns @ rng.normal(size=(columns.shape[1], signals.shape[1]))
    design = make_design(np.column_stack([motion, components]), run.tr_s, Band())
    cleaned = clean_signals(signals, design, np.ones(len(signals), bool))
    return replace(run, signals=signals), replace(run, signals=cleaned)


def uncleaned(number):
    """Rows of a simulated person: a nuisance loading each."""
    one, rows = Person(N_TRAINING + N_NEW, world=WORLD), []
    for loading in LOADINGS:
        rng = np.random.default_rng([FIRST_SEED, number, 2])
        truth, written = simulate_person(one, (FIRST_SEED + 1, number))
        pairs = [
            with_nuisance(as_run(run, one, truth), run.motion, loading, rng) for run in written
        ]
        names = list(dict.fromkeys(clean.session for _, clean in pairs))
        training = names[:N_TRAINING]
        signature = learn([clean for _, clean in pairs if clean.session in training], True)
        new = [pair for pair in pairs if pair[1].session not in training]
        of = [names.index(clean.session) for _, clean in new]
        (of_raw,), (of_clean,) = (
            compare(signature, runs, of, [DEFAULT]) for runs in zip(*new, strict=True)
        )
        rows.append(
            {
                "person": number, "loading": loading, "n_minutes": of_raw["n_minutes"],
                "centred_offline": of_clean["centred_offline"],
                "centred_live_cleaned": of_clean["centred_live"],
                "centred_live_uncleaned": of_raw["centred_live"],
                "r_offline": of_clean["r_offline"], "r_live_uncleaned": of_raw["r_live"],
                "inside_80": of_raw["inside_80"], "not_read": of_raw["not_read"],
            }
        )  # fmt: skip
    return rows


def summarise_uncleaned(table):
    table = table.assign(loss=table["centred_offline"] - table["centred_live_uncleaned"])
    for loading, rows in table.groupby("loading"):
        cells = [f"loading {loading:g}, n {len(rows)}:"]
        for name in rows.columns.drop(["person", "loading", "n_minutes"]):
            half = 1.96 * rows[name].std() / np.sqrt(len(rows))
            cells.append(f"{name} {rows[name].mean():.3f} (± {half:.3f})")
        print(" ".join(cells))


def resume_people(path, work, n_people, jobs):
    """Rows of all people; those that the table lacks are added to it as they come."""
    table = pd.read_csv(path, sep="\t") if path.exists() else pd.DataFrame({"person": []})
    wanted = [i for i in range(n_people) if i not in set(table["person"])]
    for first in range(0, len(wanted), jobs):
        found = Parallel(n_jobs=jobs)(delayed(work)(i) for i in wanted[first : first + jobs])
        table = pd.concat([table, pd.DataFrame([row for rows in found for row in rows])])
        table.to_csv(path, sep="\t", index=False, float_format="%.5f")
    return table


def centred(predicted, truth, session):
    return correlation(center_by(predicted, session), center_by(truth, session))


def simulated(number):
    one = Person(N_TRAINING + N_NEW, world=WORLD)
    truth, written = simulate_person(one, (FIRST_SEED, number))
    runs = [as_run(run, one, truth) for run in written]
    names = list(dict.fromkeys(run.session for run in runs))
    signature = learn([run for run in runs if run.session in names[:N_TRAINING]], True)
    rng = np.random.default_rng([FIRST_SEED, number, 1])
    new = []
    for run in runs:
        if run.session in names[N_TRAINING:]:
            offset, unit = rng.uniform(500, 1500, len(run.regions)), rng.uniform(1, 20)
            new.append(replace(run, signals=run.signals * unit + offset))
    of = [names.index(run.session) for run in new]
    return [{"people": "simulated", "person": number, **row} for row in compare(signature, new, of)]


def engaged(data):
    """Rows of each person: every film read by the signature of the other two."""
    rows = []
    for number, runs in enumerate(read_people(data).values()):
        signature = learn(runs, False)
        for film, run in enumerate(runs):
            for row in compare(without(signature, run.session), [run], [film]):
                rows.append({"people": "engagement", "person": number, "film": film, **row})
    return rows


def without(signature, session):
    """The signature whose final model is that of the fold that left a session out."""
    at = signature.find_model(session)
    own = replace(signature.models[at], held_out="")
    weights = np.vstack([signature.weights[at], signature.weights[1:]])
    return replace(signature, models=(own, *signature.models[1:]), weights=weights)


def summarise(table):
    table = table.assign(
        loss=table["centred_offline"] - table["centred_live"],
        loss_r=table["r_offline"] - table["r_live"],
    )
    for (people, warm_up_s, prior), rows in table.groupby(["people", "warm_up_s", "prior_frames"]):
        cells = [f"{people} warm-up {warm_up_s:.0f} s, prior {prior:.0f} frames, n {len(rows)}:"]
        for name in ("r_offline", "r_live", "centred_offline", "centred_live", "loss", "inside_80",
                     "not_read"):  # fmt: skip
            values = rows[name].dropna()
            if len(values):
                half = 1.96 * values.std() / np.sqrt(len(values))
                cells.append(f"{name} {values.mean():.3f} (± {half:.3f})")
        print(" ".join(cells))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--engagement", type=Path)
    parser.add_argument("--uncleaned", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=TABLES)
    options = parser.parse_args()
    path = options.out / "live_offline.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    if options.uncleaned:
        path = path.with_name("live_uncleaned.tsv")
        summarise_uncleaned(resume_people(path, uncleaned, options.people, options.jobs))
        return
    table = pd.read_csv(path, sep="\t") if path.exists() else pd.DataFrame({"people": []})
    done = set(table.loc[table["people"] == "simulated", "person"]) if len(table) else set()
    if options.engagement is not None:
        if "engagement" not in set(table["people"]):
            table = pd.concat([table, pd.DataFrame(engaged(options.engagement))])
    else:
        wanted = [i for i in range(options.people) if i not in done]
        found = Parallel(n_jobs=options.jobs)(delayed(simulated)(i) for i in wanted)
        table = pd.concat([table, pd.DataFrame([row for rows in found for row in rows])])
    table.to_csv(path, sep="\t", index=False, float_format="%.5f")
    summarise(table)


if __name__ == "__main__":
    main()
