"""The studies of a prior on simulated cohorts: what trains, what is tested, what is committed."""

import runpy
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from painprint import Settings, decode_runs
from painprint.simulate.person import Person, as_run, simulate_person
from painprint.simulate.world import World

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SMALL = World(n_regions=16, n_runs=2, run_s=240.0, shared_signature=0.5)


@pytest.fixture(scope="module")
def study():
    """The functions of the study of sharing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        return runpy.run_path(str(BENCHMARKS / "prior_sharing.py"))


@pytest.fixture(scope="module")
def bins(study):
    """A person of six sessions, with a prior of two others."""
    prior = study["prior_of"](SMALL, 1000, (1, 2), 4)
    return study["bins_of"](Person(6, world=SMALL), (1000, 0), prior)[0]


def test_the_prior_is_the_mean_of_unit_weights(study):
    prior = study["prior_of"](SMALL, 1000, (1, 2), 4)
    each = [study["pattern_of"](Person(4, world=SMALL), (1000, i)) for i in (1, 2)]
    assert [np.linalg.norm(edges) for _, edges in each] == pytest.approx([1, 1])
    assert prior.edges == pytest.approx((each[0][1] + each[1][1]) / 2)
    assert prior.n_people == 2 and prior.regions == each[0][0]


def test_a_pattern_is_that_of_the_decoded_person(study):
    person = Person(4, world=SMALL)
    truth, runs = simulate_person(person, (1000, 1))
    decoding = decode_runs((as_run(run, person, truth) for run in runs), Settings(n_bootstraps=100))
    pattern = decoding.final.pattern
    found = study["pattern_of"](person, (1000, 1))[1]
    assert found == pytest.approx(pattern / np.linalg.norm(pattern), rel=1e-9, abs=1e-12)


def test_a_score_is_scaled_by_the_least_squares_line_unless_it_falls(study):
    scores, new = np.array([0.0, 1.0, 2.0, 5.0]), np.array([3.0, -1.0])
    rating = np.array([1.0, 4.0, 5.0, 9.0])
    line = np.polynomial.Polynomial.fit(scores, rating, 1)
    assert study["scale_scores"](scores, rating, new) == pytest.approx(line(new))
    assert study["scale_scores"](-scores, rating, new) == pytest.approx([rating.mean()] * 2)


@pytest.mark.parametrize("n_sessions", [2, 3])
def test_sessions_that_are_tested_or_between_train_nothing(study, bins, n_sessions):
    """Their ratings, products and frames may be anything."""
    found = study["train_and_test"](bins, n_sessions, 4)
    train, rng = bins.bins["train"], np.random.default_rng(0)
    later = bins.groups("train") >= n_sessions
    rating = np.where(later, rng.normal(size=len(train)), train.rating)
    K = bins.edges.copy()
    rows = np.flatnonzero(later)
    K[rows], K[:, rows] = 9.0, 9.0
    other = {**bins.bins, "train": replace(train, rating=rating)}
    assert study["train_and_test"](
        replace(bins, bins=other, products={"edges": K}), n_sessions, 4
    ) == pytest.approx(found, nan_ok=True)


def test_the_share_of_the_prior_is_chosen_and_one_against_the_rating_has_none(study, bins):
    found = study["train_and_test"](bins, 2, 4)
    assert 0 <= found["c"] <= 1.25
    assert found["n_tested"] == len(np.flatnonzero(bins.groups("1min") >= 4))
    prior = replace(bins.prior, edges=-bins.prior.edges)  # one of the two has no positive slope
    chosen = [study["train_and_test"](replace(bins, prior=p), 4, 4) for p in (bins.prior, prior)]
    against = [c for c in chosen if np.isnan(c["prior_centred_r"])]
    assert against and all(c["c"] == 0 for c in against)
    for c in against:
        assert c["both_centred_r"] == c["own_centred_r"]


def test_a_person_has_a_row_for_each_number_of_sessions(study):
    size = Namespace(regions=16, others=1, sessions_of_others=3, tested=2, sizes=[2, 3])
    rows = study["measure"]("tuning", 0.5, 0, size)
    assert [row["n_sessions"] for row in rows] == [2, 3]
    assert rows[0]["r_prior_truth"] == rows[1]["r_prior_truth"]


def test_differences_are_paired(study):
    people = pd.DataFrame({"share": 0.5, "n_sessions": 4, "own_skill": np.arange(5.0)})
    people["both_skill"] = people["own_skill"] + 0.1
    (row,) = study["differences"](people, "skill", "both", "own").itertuples()
    assert (row.mean, row.low, row.high) == pytest.approx((0.1, 0.1, 0.1))
    assert row.n == 5


def test_the_committed_table_of_sharing_has_every_person_at_every_share():
    table = pd.read_csv(BENCHMARKS / "tables" / "prior_sharing.tsv", sep="\t")
    counts = table.groupby(["share", "n_sessions"])["number"].nunique()
    assert list(counts.index.levels[0]) == [0, 0.25, 0.5, 0.75]
    assert list(counts.index.levels[1]) == [2, 4, 8, 16]
    assert counts.nunique() == 1 and len(table) == counts.sum()
    assert (table["kind"] == "unseen").all()
