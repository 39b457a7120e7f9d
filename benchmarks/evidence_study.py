"""How often planted signatures are found, how much data it takes, and whether motion is flagged.

    python benchmarks/evidence_study.py              all, resumes; hours on two cores
    python benchmarks/evidence_study.py --seeds 0    motion alone
    python benchmarks/evidence_study.py --seeds 1 --people 1 --sessions 6 --sizes 2 4 --out FOLDER

signatures  default simulated people (23 sessions x 3 runs x 120 regions) on unseen seeds: p within
            of centred r at 1 min, 1,000 permutations; and the learning curve at 4 and 20 sessions
            (20 draws): the share of significant draws, by r with the paper's p and by the
            session-block interval of centred r
motion      people of the same size, with motion that follows a quarter of the variance of ratings
            within runs, and people without: whether a motion confound is flagged (Holm within
            motion, 1,000 permutations). Flags do not depend on the regions, so there are 8

The tables lie in benchmarks/tables/.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from resume import TABLES, fill, share

from painprint import Settings, decode_runs
from painprint.decode.bin_gram import make_bin_gram
from painprint.decode.prepare import prepare_runs
from painprint.evidence.case import Case
from painprint.evidence.confound_analyses import Verdict, correct_families, predict_alone
from painprint.evidence.confounds import confounds_of_motion
from painprint.evidence.draws import draw_sessions, predict_from_draws, score_draws, summarise_draws
from painprint.evidence.learning_curve import count_together
from painprint.evidence.null import permutation_null
from painprint.evidence.permuted_ratings import draw_permutations, permute_ratings
from painprint.simulate.person import Person, as_run, simulate_person
from painprint.simulate.world import World

FIRST_SEED = 60_000
MOTION_R2 = (0.0, 0.25)


def simulate(person, seed):
    truth, runs = simulate_person(person, (seed, 0))
    return (as_run(run, person, truth) for run in runs)


def measure_signature(seed, n_sessions, sizes):
    """The null and some points of the learning curve of one person."""
    person = Person(n_sessions)
    decoding = decode_runs(simulate(person, FIRST_SEED + seed), Settings(n_bootstraps=1000))
    case = Case(decoding)
    null = permutation_null(case).numbers["scales"]
    row = {
        "seed": seed,
        "n_sessions": n_sessions,
        "centred_r": decoding.scales["1min"].centred_r,
        "null_observed": null["1min"]["centred_r"],
        "p_within": null["1min"]["p_within"],
        "p_between_session": null["session"]["p_between"],
    }
    rng, bin_gram = case.stream("curve"), case.bin_grams[0]
    for size in sizes:
        draws = draw_sessions(
            bin_gram.n_groups, size, 20, rng, per_draw=count_together(bin_gram.n_groups, size)
        )
        predicted = predict_from_draws(case.bin_grams, case.settings.rules, draws)
        scored, _ = score_draws(bin_gram, predicted, 1000, case.stream("curve bootstrap"))
        table = summarise_draws(scored.assign(n_sessions=size)).set_index("scale")
        for name in ("r", "centred_r"):
            row[f"{name}_at_{size}"] = table.loc["1min", name]
            row[f"share_{name}_at_{size}"] = table.loc["1min", f"share_significant_{name}"]
    return row


def measure_motion(motion_r2, number, n_sessions):
    """The verdicts on motion of one person; no model is trained for them."""
    person = Person(n_sessions, world=World(n_regions=8, motion_r2=motion_r2))
    settings = Settings()
    seed = FIRST_SEED + 1000 + number + 1000 * MOTION_R2.index(motion_r2)
    prepared = prepare_runs(simulate(person, seed), settings)
    codes, _ = prepared.groups("session")
    bin_gram = make_bin_gram([lags[0] for lags in prepared.runs], codes, settings)
    rng = np.random.default_rng(seed)
    permutations = draw_permutations(bin_gram, settings.n_permutations, rng)
    ratings = permute_ratings(bin_gram, permutations, *bin_gram.tested)
    verdicts = {}
    for confound in confounds_of_motion([bin_gram])[0]:
        columns = confound.columns([bin_gram])
        alone = predict_alone(confound, columns, bin_gram, permutations, ratings)
        verdicts[confound.name] = Verdict.of(confound.family, alone)
    found = correct_families(verdicts)
    row = {"motion_r2": motion_r2, "person": number}
    for name, verdict in found.items():
        row |= {f"r within {name}": verdict.r_within, f"p {name}": verdict.p_corrected}
    return {**row, "flagged": int(any(verdict.flagged for verdict in found.values()))}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--sessions", type=int, default=23)
    parser.add_argument("--sizes", type=int, nargs=2, default=[4, 20])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=TABLES)
    size = parser.parse_args()
    motion = fill(
        size.out / "motion_flags.tsv",
        [(r2, i, size.sessions) for i in range(size.people) for r2 in MOTION_R2],
        ("motion_r2", "person"),
        measure_motion,
        size.jobs,
    )
    for r2, rows in motion.groupby("motion_r2"):
        print(f"motion that follows {r2:.0%} of the rating: flagged {share(rows['flagged'])}")
    if not size.seeds:
        return
    found = fill(
        size.out / "planted_signatures.tsv",
        [(seed, size.sessions, size.sizes) for seed in range(1, size.seeds + 1)],
        ("seed", "n_sessions"),
        measure_signature,
        size.jobs,
    )
    print(f"planted signatures: p within < .05 in {share(found['p_within'] < 0.05)}")
    for name, what in (("r", "r, paper's p"), ("centred_r", "centred r, session blocks")):
        for n in size.sizes:
            column = found[f"share_{name}_at_{n}"]
            print(
                f"models of {n} sessions, {what}: significant in {column.mean():.3f} of draws "
                f"(least {column.min():.2f}, most {column.max():.2f}); mean "
                f"{found[f'{name}_at_{n}'].mean():.3f}"
            )


if __name__ == "__main__":
    main()
