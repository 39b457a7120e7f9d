"""Simulated ratings by event: what is written is read back, and all else stays the same."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from painprint import Settings
from painprint.bids.find import DataSelection, find_runs
from painprint.bids.load import load_run
from painprint.cli import main
from painprint.files.dataset import Dataset
from painprint.simulate.person import RATING_HZ, Person, as_run, simulate_person
from painprint.simulate.trials import STIMULUS_S, draw_trials
from painprint.simulate.world import SHORTEST_RUN_S, World

CONTINUOUS = World(n_runs=2, n_regions=8, run_s=200, tr_s=1.0)
EVENTS = replace(CONTINUOUS, rating="events")


def simulate(world, n_sessions=2):
    person = Person(n_sessions, world=world)
    truth, runs = simulate_person(person, (0, 1), rest=True)
    return person, truth, list(runs)


def test_brains_and_pain_do_not_depend_on_how_pain_is_rated():
    for a, b in zip(simulate(CONTINUOUS)[2], simulate(EVENTS)[2], strict=True):
        np.testing.assert_array_equal(a.signals, b.signals)
        np.testing.assert_array_equal(a.motion, b.motion)
        assert a.trials is None and (b.trials is not None) == bool(b.run)
        if a.run:
            np.testing.assert_array_equal(a.rating, b.rating)


def test_the_rating_of_a_trial_is_the_mean_over_its_stimulus():
    for run in simulate(EVENTS)[2]:
        if not run.run:
            continue
        assert len(run.trials.rating) >= 4
        pause = run.trials.onset_s[1:] - run.trials.rating_onset_s[:-1]
        assert pause.min() > 6 and run.trials.onset_s[0] >= 30
        delay = run.trials.rating_onset_s - run.trials.onset_s - STIMULUS_S
        assert 1 <= delay.min() < delay.max() <= 4
        time_s = np.arange(len(run.rating)) / RATING_HZ
        for onset, rating in zip(run.trials.onset_s, run.trials.rating, strict=True):
            inside = (time_s >= onset) & (time_s < onset + STIMULUS_S)
            assert abs(rating - 100 * run.rating[inside].mean()) <= 0.5
            assert rating == int(rating)


def test_what_is_written_is_read_as_it_was_simulated(tmp_path):
    out = tmp_path / "bids"
    options = ["--n-runs", "2", "--n-regions", "8", "--run", "200", "--tr", "1"]
    code = main(["simulate", str(out), "--sessions", "2", "--rating", "events", *options])
    assert code == 0
    assert not list(out.rglob("*physio*"))
    raw, derived = Dataset(out, "raw"), Dataset(out / "derivatives" / "xcp_d", "xcp_d")
    inventory = find_runs(raw, [derived], "01", DataSelection(rates_events=True))
    person, truth, runs = simulate(EVENTS)
    rated = [as_run(run, person, truth) for run in runs if run.run]
    assert len(inventory.runs) == len(rated) == 4
    for files, expected in zip(inventory.runs, rated, strict=True):
        run, record = load_run(files, Settings(rating_of="pain"))
        np.testing.assert_array_equal(run.rating, expected.rating)
        np.testing.assert_array_equal(run.event, expected.event)
        assert run.key == expected.key
        assert not any("ratings" in note for note in record.notes)
    table = pd.read_csv(inventory.runs[0].rating[0].path, sep="\t", dtype=str, na_filter=False)
    assert list(table) == ["onset", "duration", "trial_type", "rating"]
    assert list(table["trial_type"][:3]) == ["pain", "rating", "pain"]
    assert table["rating"][0] == "n/a" and table["rating"][1].isdigit()
    assert table["onset"].astype(float).is_monotonic_increasing


def test_runs_without_room_for_a_trial_are_refused():
    with pytest.raises(ValueError, match="may last 60 s, but at least 68 s are needed"):
        World(rating="events", run_s=100, unequal=True)


def test_the_shortest_run_has_a_trial_wherever_it_begins():
    n_samples = int(SHORTEST_RUN_S * RATING_HZ) + 1
    for seed in range(200):
        trials = draw_trials(np.full(n_samples, 0.5), RATING_HZ, np.random.default_rng(seed))
        assert trials.rating.tolist() == [50]
