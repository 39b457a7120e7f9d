"""Simulated people: what is planted is there, what is switched off is not."""

import json

import numpy as np
import pandas as pd
import pytest
from conftest import QUICK

from painprint import Settings, decode_runs
from painprint.apps.simulate import simulate_demo
from painprint.cli import main
from painprint.runs import framewise_displacement
from painprint.simulate.person import Person, Signal, as_run, simulate_person
from painprint.simulate.world import World
from painprint.simulate.write import write_people

SMALL = World(n_runs=2, n_regions=16, run_s=300)


def simulate(seed=0, **parts):
    person = Person(**{"n_sessions": 6, "world": SMALL, **parts})
    truth, runs = simulate_person(person, (seed, 1))
    return person, truth, list(runs)


def centred_r(seed, **parts):
    world = World(n_regions=40, run_s=600)
    person, truth, runs = simulate(seed, n_sessions=12, world=world, **parts)
    decoded = decode_runs([as_run(r, person, truth) for r in runs], Settings(n_bootstraps=100))
    return decoded.scales["1min"].centred_r


def test_the_same_seed_gives_the_same_person_and_another_another():
    a, b, c = (simulate(seed)[2][0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(a.signals, b.signals)
    np.testing.assert_array_equal(a.rating, b.rating)
    assert not np.array_equal(a.rating, c.rating)


@pytest.mark.long
def test_planted_people_decode_and_null_people_do_not():
    planted = [centred_r(seed) for seed in range(4)]
    null = [centred_r(seed, null=True) for seed in range(4)]
    assert np.mean(planted) > 0.25
    assert np.mean(null) < 0.1


def test_ratings_are_bounded_and_autocorrelated():
    _, _, runs = simulate()
    ratings = [run.rating for run in runs]
    assert min(map(np.min, ratings)) >= 0 and max(map(np.max, ratings)) <= 1
    assert np.mean([np.corrcoef(r[:-100], r[100:])[0, 1] for r in ratings]) > 0.5


def test_session_means_wander_unless_they_are_steady():
    def neighbours(world):
        person = Person(n_sessions=200, world=world)
        truth, runs = simulate_person(person, (3, 1))
        means = np.array([run.rating.mean() for run in runs])
        return np.corrcoef(means[:-1], means[1:])[0, 1]

    parts = {"n_runs": 1, "n_regions": 8, "run_s": 60.0}
    assert neighbours(World(**parts)) > 0.2
    assert abs(neighbours(World(**parts, steady_ratings=True))) < 0.2


def test_covariance_is_symmetric_between_the_hemispheres():
    person, truth, runs = simulate(signal=Signal(planted_gain=0.0, homotopic_share=0.9))
    assert truth.regions.networks[:8] == truth.regions.networks[8:]
    r = np.corrcoef(np.concatenate([run.signals for run in runs]).T)
    homotopic = np.diag(r[:8, 8:])
    assert homotopic.min() > np.median(r[:8, 8:])
    np.testing.assert_allclose(r[:8, :8], r[8:, 8:], atol=0.25)


def test_pain_changes_the_planted_edges_and_not_the_others():
    person, truth, runs = simulate(n_sessions=40, signal=Signal(planted_gain=1.0))
    high, low = [], []
    for run in runs:
        one = as_run(run, person, truth)
        cut = np.median(one.rating)
        for rows, into in ((one.rating > cut, high), (one.rating <= cut, low)):
            z = one.signals[rows] - one.signals[rows].mean(axis=0)
            into.append(z.T @ z / len(z))
    change = np.mean(high, axis=0) - np.mean(low, axis=0)
    upper = np.triu_indices(16, k=1)
    planted = truth.matrix[upper]
    assert np.corrcoef(change[upper], planted)[0, 1] > 0.8


def test_motion_follows_pain_as_far_as_asked():
    def shared(r2):
        world = World(n_runs=3, n_regions=8, run_s=600, motion_r2=r2)
        person, truth, runs = simulate(n_sessions=15, world=world, signal=Signal(burst_rate_hz=0))
        r = []
        for run in runs:
            one = as_run(run, person, truth)
            fd = framewise_displacement(run.motion)
            bins = np.arange(len(fd)) // 130
            by_bin = [[x[bins == b].mean() for b in range(bins.max())] for x in (one.rating, fd)]
            r.append(np.corrcoef(by_bin)[0, 1])
        return np.mean(np.square(r)) if r2 == 0 else np.mean(r) ** 2

    assert shared(0.5) == pytest.approx(0.5, abs=0.15)
    assert shared(0.0) < 0.3


def test_runs_differ_in_length_and_are_missing_on_request():
    world = World(n_runs=3, n_regions=8, run_s=300, unequal=True, missing_share=0.3)
    _, _, runs = simulate(n_sessions=20, world=world)
    lengths = {len(run.signals) for run in runs}
    assert 20 < len(runs) < 60 and len(lengths) > 10
    assert min(lengths) >= 0.6 * 300 / 0.46 - 1


def test_a_resting_run_ends_each_session():
    person = Person(n_sessions=2, world=SMALL)
    _, runs = simulate_person(person, (0, 1), rest=True)
    assert [(run.session, run.run) for run in runs] == [
        (1, 1),
        (1, 2),
        (1, 0),
        (2, 1),
        (2, 2),
        (2, 0),
    ]


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: World(n_regions=9), "even"),
        (lambda: World(n_runs=0), "n_runs"),
        (lambda: World(motion_r2=1.0), "motion_r2"),
        (lambda: World(run_s=5), "run_s"),
        (lambda: World(days_between=0), "days_between"),
        (lambda: Person(n_sessions=0), "n_sessions"),
    ],
)
def test_a_world_that_cannot_be_is_refused(make, word):
    with pytest.raises(ValueError, match=word):
        make()


def test_what_is_written_is_what_was_simulated(tmp_path):
    people = [Person(n_sessions=3, world=SMALL), Person(n_sessions=3, null=True, world=SMALL)]
    write_people(tmp_path / "bids", people, random_seed=5)
    out = tmp_path / "out"
    words = ["run", str(tmp_path / "bids"), str(out), "participant", "--task-id", "rating"]
    assert main([*words, *QUICK]) == 0
    truth, runs = simulate_person(people[0], (5, 1), rest=True)
    in_memory = [as_run(run, people[0], truth) for run in runs if run.run]
    expected = decode_runs(in_memory, Settings(n_bootstraps=100)).scales["1min"]
    (metrics,) = out.glob("sub-01/decoding/*_metrics.json")
    assert json.loads(metrics.read_text())["scales"]["1min"]["r"] == pytest.approx(
        expected.r, abs=1e-6
    )
    planted = [
        pd.read_csv(tmp_path / f"bids/derivatives/truth/sub-0{i}/sub-0{i}_edges.tsv", sep="\t")
        for i in (1, 2)
    ]
    assert len(planted[0]) > 0 and len(planted[1]) == 0
    sessions = pd.read_csv(tmp_path / "bids/sub-01/sub-01_sessions.tsv", sep="\t")
    assert list(sessions.columns) == ["session_id", "days", "medication_mg"]
    assert all("Simulated data" in page.read_text() for page in out.glob("sub-*.html"))


def test_a_demo_that_decodes_does_not_say_how_to_decode(tmp_path):
    last_person = tmp_path / "bids" / "derivatives" / "truth" / "sub-03"
    last_person.mkdir(parents=True)
    _, _, written = simulate_demo(tmp_path)
    assert written.startswith("Simulated 3 people (1 without a signature) with 12, 12 and 8")
    assert "painprint run" not in written


def test_the_command_writes_a_new_folder_only(tmp_path, capsys):
    words = "--sessions 3 --n-runs 1 --n-regions 8 --run 60 --null 1".split()
    assert main(["simulate", str(tmp_path / "a"), *words]) == 0
    described = json.loads((tmp_path / "a/dataset_description.json").read_text())
    assert described["Simulated"] is True
    assert "To decode them: painprint run" in capsys.readouterr().out
    assert main(["simulate", str(tmp_path / "a"), *words]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert main(["simulate", str(tmp_path / "b"), "--null", "5"]) == 2
    assert main(["simulate", str(tmp_path / "b"), "--n-regions", "9"]) == 2
    assert "--n-regions is 9" in capsys.readouterr().err
