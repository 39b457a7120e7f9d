"""A simulated person, decoded, and a new run of theirs to be read as if it were scanned now."""

from __future__ import annotations

from painprint.decode.decoding import decode_runs
from painprint.runs import Run
from painprint.settings import Settings
from painprint.signature.model import Signature, complete_signature, make_signature
from painprint.signature.origin import Origin
from painprint.simulate.person import Person, as_run, simulate_person
from painprint.simulate.world import World

N_TRAINING = 8
WORLD = World(n_regions=60, run_s=600.0, n_runs=2, steady_ratings=True, steady_bold=True)
SCALE = (0.0, 1.0)
"""Ends of the rating scale of simulated people."""
SEED = (2026, 1)


def simulate_live() -> tuple[Signature, Run]:
    """A signature of eight simulated sessions, and a run of a ninth, with its true rating."""
    person = Person(N_TRAINING + 1, world=WORLD)
    truth, simulated = simulate_person(person, SEED)
    runs = [as_run(run, person, truth) for run in simulated]
    sessions = sorted({run.session for run in runs})
    training = [run for run in runs if run.session in sessions[:N_TRAINING]]
    decoding = decode_runs(training, Settings(n_bootstraps=100))
    signature = make_signature(decoding, simulated=True, metrics={})
    new = next(run for run in runs if run.session == sessions[-1])
    return complete_signature(
        signature, decoding, origin=Origin(read_with={"rating_range": SCALE})
    ), new
