"""A part of the planted signature that people of a simulated cohort share."""

import hashlib

import numpy as np
import pandas as pd
import pytest

from painprint import Settings, decode_runs
from painprint.cli import main
from painprint.simulate.loadings import Loadings, cohort_rng, count_shared
from painprint.simulate.person import Person, as_run, simulate_person, simulate_truth
from painprint.simulate.world import World

SHARES = (0.0, 0.25, 0.5, 0.75)
FROZEN = "ecb75e820a77cacb9b661d0eb4546cfaecfc8a87946de089ae3175274e4be791"
"""Of people simulated before there was this option."""


def truths(share, n_cohorts, n_regions=60, per_cohort=3):
    """Ground truth of people: a list for each cohort."""
    person = Person(1, world=World(n_regions=n_regions, shared_signature=share))
    return [
        [
            simulate_truth(person, np.random.default_rng([c, i]), cohort_rng((c, i)))
            for i in range(per_cohort)
        ]
        for c in range(n_cohorts)
    ]


def test_without_the_option_people_are_as_they_were_before_it():
    worlds = (
        World(n_runs=2, n_regions=16, run_s=100.0),
        World(n_runs=1, n_regions=60, run_s=100.0, shared_atlas=True),
        World(n_runs=1, n_regions=8, run_s=70.0, rating="events"),
    )
    found = hashlib.sha256()
    for world in worlds:
        for seed in ((0, 1), (5, 2), (70000, 0)):
            truth, runs = simulate_person(Person(2, world=world), seed, rest=True)
            found.update(" ".join(truth.regions.names + truth.regions.networks).encode())
            for array in (truth.coordinates, truth.loadings, truth.mixing):
                found.update(array.tobytes())
            for run in runs:
                for array in (run.signals, run.rating, run.motion, run.censored):
                    found.update(b"" if array is None else array.tobytes())
    assert found.hexdigest() == FROZEN


@pytest.mark.parametrize("n_regions", [60, 120])
@pytest.mark.parametrize("share", SHARES)
def test_the_mean_correlation_of_two_peoples_edges_is_the_share(share, n_regions):
    r = []
    for people in truths(share, 200, n_regions):
        of_pairs = np.corrcoef([truth.edges for truth in people])
        r += list(of_pairs[np.triu_indices(3, k=1)])
    assert np.mean(r) == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize("share", SHARES)
def test_the_share_is_that_of_edges_which_are_the_same(share):
    for people in truths(share, 20, per_cohort=4):
        edges = np.array([truth.edges for truth in people])
        same = (edges == edges[0]).all(axis=0) & (edges[0] != 0)
        assert same.sum() / (edges[0] != 0).sum() == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize("share", [*SHARES, 1.0])
def test_number_and_strength_of_planted_regions_do_not_depend_on_the_share(share):
    loadings = np.array([truth.loadings for people in truths(share, 400) for truth in people])
    assert ((loadings != 0).sum(axis=1) == 18).all()
    size = np.abs(loadings[loadings != 0])
    assert 0.5 <= size.min() and size.max() <= 1.5
    # over 400 cohorts; the mean of a uniform distribution from .5 to 1.5, and of its square
    assert size.mean() == pytest.approx(1.0, abs=0.01)
    assert (size**2).mean() == pytest.approx(13 / 12, abs=0.02)
    assert (loadings[loadings != 0] > 0).mean() == pytest.approx(0.5, abs=0.03)


def test_cohorts_share_nothing_with_each_other():
    first, second = truths(1.0, 2)
    assert np.array_equal(first[0].loadings, first[1].loadings)
    assert abs(np.corrcoef(first[0].edges, second[0].edges)[0, 1]) < 0.3


def test_all_but_the_signature_is_as_without_the_option():
    parts = {"n_runs": 1, "n_regions": 16, "run_s": 100.0}
    worlds = World(**parts, shared_atlas=True), World(**parts, shared_signature=0.5)
    (own, own_runs), (shared, shared_runs) = (
        simulate_person(Person(2, world=world), (3, 1)) for world in worlds
    )
    assert own.regions == shared.regions
    assert np.array_equal(own.coordinates, shared.coordinates)
    assert np.array_equal(own.mixing, shared.mixing)
    assert not np.array_equal(own.loadings, shared.loadings)
    neither = (own.loadings == 0) & (shared.loadings == 0)
    assert neither.any()
    for a, b in zip(own_runs, shared_runs, strict=True):
        assert np.array_equal(a.rating, b.rating)
        assert np.array_equal(a.motion, b.motion)
        assert np.array_equal(a.signals[:, neither], b.signals[:, neither])


def test_people_of_a_cohort_have_the_same_regions():
    (people,) = truths(0.25, 1)
    assert len({truth.regions.names for truth in people}) == 1


def test_own_regions_take_the_place_of_those_that_are_shared():
    own = Loadings(np.array([4, 1, 7]), np.array([1.0, -1.2, 0.7]))
    cohort = Loadings(np.array([1, 5, 4]), np.array([0.6, 0.9, -0.8]))
    assert own.with_shared(1, cohort).of_all(8) == pytest.approx([0, 0.6, 0, 0, 1, 0, 0, 0.7])
    assert own.with_shared(0, cohort).of_all(8) == pytest.approx(own.of_all(8))
    assert own.with_shared(3, cohort).of_all(8) == pytest.approx(cohort.of_all(8))


@pytest.mark.parametrize("share", np.linspace(0, 1, 11))
def test_the_number_in_common_gives_the_nearest_share_of_edges(share):
    pairs = [m * (m - 1) / (18 * 17) for m in range(19)]
    m = count_shared(18, share)
    assert abs(pairs[m] - share) == min(abs(p - share) for p in pairs)
    assert (m == 0) == (share == 0)


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(ValueError, match="shared_signature"):
        World(shared_signature=share)


def test_the_command_writes_people_who_share_a_part(tmp_path, capsys):
    words = "--sessions 1 1 --n-runs 1 --n-regions 60 --run 60 --shared-signature 0.5".split()
    assert main(["simulate", str(tmp_path / "out"), *words]) == 0
    assert "(one atlas, 50 % of the signature in common; layout xcp_d)" in capsys.readouterr().out
    names = ["region_a", "region_b", "strength"]
    first, second = (
        pd.read_csv(tmp_path / f"out/derivatives/truth/sub-{i}/sub-{i}_edges.tsv", sep="\t")
        for i in ("01", "02")
    )
    assert len(first.merge(second, on=names)) / len(first) == pytest.approx(0.5, abs=0.05)


@pytest.mark.long
def test_a_shared_signature_is_read_as_well_as_an_own_one():
    def centred_r(share, seed):
        world = World(n_regions=40, run_s=600, n_runs=2, shared_signature=share, shared_atlas=True)
        person = Person(10, world=world)
        truth, runs = simulate_person(person, (seed, 1))
        decoded = decode_runs((as_run(r, person, truth) for r in runs), Settings(n_bootstraps=100))
        return decoded.scales["1min"].centred_r

    own, shared = ([centred_r(share, seed) for seed in range(6)] for share in (0.0, 0.75))
    assert np.mean(shared) == pytest.approx(np.mean(own), abs=0.07)
