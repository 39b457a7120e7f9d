"""Scores with intervals: those of the metrics, by group."""

import numpy as np
import pytest

from painprint.decode.metrics import Rows, block_interval_ends, center_by
from painprint.evidence.scores import score_rows, with_ends
from painprint.stats.bootstrap import FISHER_Z, LOG_RATIO, block_interval, weighted_skill
from painprint.stats.correlation import weighted_r


@pytest.fixture
def rows(rng):
    group = np.repeat(np.arange(9), [4, 7, 5, 6, 6, 3, 8, 5, 6])
    y = rng.normal(size=len(group)) + 0.3 * group
    return Rows(y, y + rng.normal(size=len(group)), np.full(len(group), y.mean()), group)


def test_intervals_by_groups_are_those_of_all_rows_counted_one_by_one(rows):
    estimates = rows.agreement()
    del estimates["r"]
    found = block_interval_ends(rows, estimates, 200, *np.random.default_rng(1).spawn(2))
    skill_rng, centred_rng = np.random.default_rng(1).spawn(2)
    y, predicted = (center_by(v, rows.group) for v in (rows.rating, rows.predicted))
    expected = {
        "centred_r": block_interval(
            lambda counts: weighted_r(counts, y, predicted),
            estimates["centred_r"], FISHER_Z, rows.group, 200, centred_rng,
        ),
        "skill": block_interval(
            lambda counts: weighted_skill(counts, rows.squared_error, rows.reference_error),
            estimates["skill"], LOG_RATIO, rows.group, 200, skill_rng,
        ),
    }  # fmt: skip
    for name, interval in expected.items():
        assert found[name] == pytest.approx(interval.ends, rel=1e-10)


def test_scores_hold_the_agreement_and_its_ends(rows):
    found = score_rows(rows, n_bootstraps=100, rng=np.random.default_rng(2))
    assert found["n"] == 50
    assert {name: found[name] for name in ("r", "centred_r", "skill")} == rows.agreement()
    ends = block_interval_ends(
        rows, {n: found[n] for n in ("centred_r", "skill")}, 100, *np.random.default_rng(2).spawn(2)
    )
    assert (found["skill_low"], found["skill_high"]) == ends["skill"]
    assert (found["centred_r_low"], found["centred_r_high"]) == ends["centred_r"]


def test_few_groups_and_undefined_scores_have_no_interval(rows):
    few = Rows(*(v[:31] for v in (rows.rating, rows.predicted, rows.training_mean, rows.group)))
    found = score_rows(few, n_bootstraps=100, rng=np.random.default_rng(2))
    assert np.isfinite(found["skill"]) and np.isnan([found["skill_low"], found["skill_high"]]).all()
    flat = Rows(rows.rating, np.zeros(50), rows.training_mean, rows.group)
    found = score_rows(flat, n_bootstraps=100, rng=np.random.default_rng(2))
    assert np.isnan([found["centred_r"], found["centred_r_low"]]).all()
    assert np.isfinite(found["skill_low"])
    assert with_ends(rows, {}, n_bootstraps=100, rng=np.random.default_rng(2)) == {}
