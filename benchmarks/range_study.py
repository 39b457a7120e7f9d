"""How often a session that should not be read is caught, and a good one let through.

    python benchmarks/range_study.py                    40 people, 12 training sessions; resumes
    python benchmarks/range_study.py --people 2 --out FOLDER
    python benchmarks/range_study.py --others           12 people, each on all others; resumes
    python benchmarks/range_study.py --engagement DIR   the four people of the reference data

Simulated people (60 regions, 3 runs a session, default world, with drift) are learnt from their
first 12 sessions; 5 later sessions of their own are good. Each is also spoilt: another person's
session under this name, region values shuffled, regions of another atlas under the same names
(each the mean of two others), motion doubled, left and right swapped. Caught: caution or do not
read. Tables lie in benchmarks/tables/.

--others asks how well range alone, without a label, tells people with one atlas apart: each of 12
people as `painprint simulate --sessions 10 ... --shared-atlas` makes them (the default number of
regions) is learnt from 8 sessions, and every session of the others is judged, and 2 later ones of
their own. Refused: the connectivity of the session or of a run is at least "caution"
(signature.person).
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from painprint import Settings
from painprint.bids.find import DataSelection, find_runs
from painprint.bids.load import load_run
from painprint.decode.prepare import prepare_runs
from painprint.files.dataset import Dataset
from painprint.runs import FD
from painprint.signature.applicability import IN_RANGE, fit_domain, judge_session, measure_run
from painprint.signature.person import has_unusual_connectivity
from painprint.simulate.person import Person, as_run, simulate_person
from painprint.simulate.world import World

TABLES = Path(__file__).parent / "tables"
FIRST_SEED = 71_000
N_TRAINING, N_NEW, N_REGIONS = 12, 5, 60
N_FEW, N_LATER, OTHERS_SEED = 8, 2, 72_000
SETTINGS = Settings()


def frames_of(seed, n_sessions=N_TRAINING + N_NEW, n_regions=N_REGIONS):
    """Frames of each run of a simulated person, by session."""
    person = Person(n_sessions, world=World(n_regions=n_regions, shared_atlas=True))
    truth, runs = simulate_person(person, seed)
    prepared = prepare_runs((as_run(run, person, truth) for run in runs), SETTINGS)
    by_session = {}
    for (frames,) in prepared.runs:
        by_session.setdefault(frames.key.session, []).append(frames)
    return list(by_session.values())


def shuffled(frames, rng):
    order = rng.permutation(frames.signals.shape[1])
    return replace(frames, signals=frames.signals[:, order])


def other_atlas(frames, pairs):
    mixed = (frames.signals[:, pairs[0]] + frames.signals[:, pairs[1]]) / 2
    return replace(frames, signals=(mixed - mixed.mean(axis=0)) / mixed.std(axis=0, ddof=1))


def swapped_sides(frames):
    half = frames.signals.shape[1] // 2
    return replace(frames, signals=np.roll(frames.signals, half, axis=1))


def more_motion(frames):
    return replace(frames, confounds={**frames.confounds, FD: 2 * frames.confounds[FD]})


def spoilt(session, other, rng):
    """The session in every condition."""
    pairs = [rng.permutation(session[0].signals.shape[1]) for _ in range(2)]
    seed = rng.integers(2**31)
    return {
        "good": session,
        "another person": other,
        "regions shuffled": [shuffled(f, np.random.default_rng(seed)) for f in session],
        "another atlas": [other_atlas(f, pairs) for f in session],
        "motion doubled": [more_motion(f) for f in session],
        "left-right swapped": [swapped_sides(f) for f in session],
    }


def judged(domain, case, sessions):
    """A row for the session, and one for each run of it."""
    measures = [measure_run(domain, frames) for frames in sessions]
    whole, of_runs = judge_session(domain, measures)
    rows = [("session", whole), *(("run", verdict) for verdict in of_runs)]
    return [{"case": case, "scale": scale, "word": v.word} for scale, v in rows]


def study(number):
    sessions = frames_of((FIRST_SEED + number, 0))
    others = frames_of((FIRST_SEED + number + 500_000, 0))
    training = [frames for session in sessions[:N_TRAINING] for frames in session]
    domain = fit_domain(training, [frames.key.session for frames in training])
    rng = np.random.default_rng([FIRST_SEED, number])
    rows = []
    for session, other in zip(sessions[N_TRAINING:], others[N_TRAINING:], strict=True):
        for case, runs in spoilt(session, other, rng).items():
            rows += judged(domain, case, runs)
    return [{"person": number, **row} for row in rows]


def people_apart(n_people, path):
    """The sessions of everybody, judged by the domain of everybody's first sessions."""
    table = pd.read_csv(path, sep="\t") if path.exists() else pd.DataFrame({"person": []})
    rows, done = table.to_dict("records"), set(table["person"])
    domains = {}
    for number in range(n_people if len(done) < n_people else 0):
        sessions = frames_of((OTHERS_SEED, number), N_FEW + N_LATER, World().n_regions)[:N_FEW]
        training = [frames for session in sessions for frames in session]
        domains[number] = fit_domain(training, [frames.key.session for frames in training])
    for number in range(n_people):
        if number in done:
            continue
        sessions = frames_of((OTHERS_SEED, number), N_FEW + N_LATER, World().n_regions)
        for name, domain in domains.items():
            for at, session in enumerate(sessions):
                if name == number and at < N_FEW:
                    continue
                measures = [measure_run(domain, frames) for frames in session]
                whole, of_runs = judge_session(domain, measures)
                refused = any(map(has_unusual_connectivity, (whole, *of_runs)))
                row = {"person": number, "signature_of": name, "session": at + 1}
                rows.append({**row, "word": whole.word, "refused": refused})
        pd.DataFrame(rows).to_csv(path, sep="\t", index=False)
    table = pd.DataFrame(rows).query("person < @n_people and signature_of < @n_people")
    own = table["person"] == table["signature_of"]
    print(f"{n_people} people, {N_FEW} training sessions; refused by range alone:")
    for case, cells in (("own, later", table[own]), ("another person", table[~own])):
        refused = int(cells["refused"].sum())
        low, high = binomtest(refused, len(cells)).proportion_ci(method="exact")
        in_range = int((cells["word"] == IN_RANGE).sum())
        print(
            f"  {case:15s} {refused:4d} of {len(cells):4d} sessions = {refused / len(cells):.1%} "
            f"({low:.1%} to {high:.1%}); in range {in_range}"
        )
    pairs = table[~own].groupby(["signature_of", "person"])["refused"]
    print(f"  pairs of people with all sessions refused: {int(pairs.all().sum())} of {len(pairs)}")


def engagement(folder):
    """Each of the four people against the others' domains, and each run against the other runs'."""
    raw = Dataset(folder, "raw")
    derivatives = [Dataset(folder / "derivatives" / "xcp_d", "derivatives1")]
    people = {}
    for name in raw.participants():
        tasks = sorted({f.entities["task"] for f in raw.files_of(name) if "rec" in f.path.name})
        inventory = find_runs(raw, derivatives, name, DataSelection(tasks))
        runs = [load_run(files, SETTINGS)[0] for files in inventory.runs]
        people[name] = [lags[0] for lags in prepare_runs(iter(runs), SETTINGS).runs]
    rows = []
    for name, frames in people.items():
        groups = [str(one.key) for one in frames]
        for i, one in enumerate(frames):
            rest = [f for j, f in enumerate(frames) if j != i]
            own = fit_domain(rest, [g for j, g in enumerate(groups) if j != i])
            rows += judged(own, "good", [one])
        whole = fit_domain(frames, groups)
        for other, theirs in people.items():
            if other != name:
                for one in theirs:
                    rows += judged(whole, "another person", [one])
    return pd.DataFrame(rows).query("scale == 'run'")


def summarise(table):
    for (scale, case), words in table.groupby(["scale", "case"], sort=False)["word"]:
        caught = int((words != IN_RANGE).sum())
        low, high = binomtest(caught, len(words)).proportion_ci(method="exact")
        refused = int((words == "do not read").sum())
        print(
            f"  {scale:8s} {case:20s} caught {caught:4d} of {len(words):4d} = "
            f"{caught / len(words):4.0%} ({low:.0%} to {high:.0%}), not to be read {refused}"
        )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, help="40, with --others 12")
    parser.add_argument("--others", action="store_true")
    parser.add_argument("--out", type=Path, default=TABLES)
    parser.add_argument("--engagement", type=Path)
    options = parser.parse_args()
    if options.engagement:
        print("engagement: real people, single runs")
        summarise(engagement(options.engagement))
        return
    options.out.mkdir(parents=True, exist_ok=True)
    if options.others:
        people_apart(options.people or 12, options.out / "range_others.tsv")
        return
    n_people = options.people or 40
    path = options.out / "range_study.tsv"
    rows = pd.read_csv(path, sep="\t").to_dict("records") if path.exists() else []
    done = {row["person"] for row in rows}
    for number in range(n_people):
        if number not in done:
            rows += study(number)
            pd.DataFrame(rows).to_csv(path, sep="\t", index=False)
    summarise(pd.DataFrame(rows).query("person < @n_people"))


if __name__ == "__main__":
    main()
