"""In range or not: measures against explicit components, limits, and what is caught."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import simulate_runs

from painprint import Settings
from painprint.decode.prepare import prepare_runs
from painprint.runs import FD
from painprint.signature.applicability import (
    CAUTION,
    DO_NOT_READ,
    FEWEST_GROUPS,
    IN_RANGE,
    ReferenceDistribution,
    RunMeasures,
    _components,
    _leave_groups_out,
    _measure,
    fit_domain,
    judge_runs,
    judge_session,
    measure_run,
    run_edges,
)


@pytest.fixture(scope="module")
def frames():
    rng = np.random.default_rng(3)
    mixing = np.eye(12) + 0.5 * rng.normal(size=(12, 12))
    runs = simulate_runs(rng, n_sessions=11, n_regions=12, n_frames=300)
    runs = [replace(run, signals=run.signals @ mixing) for run in runs]
    return [lags[0] for lags in prepare_runs(iter(runs), Settings()).runs]


@pytest.fixture(scope="module")
def training(frames):
    return frames[:20]


@pytest.fixture(scope="module")
def domain(training):
    return fit_domain(training, [one.key.session for one in training])


def test_left_out_measures_are_those_of_explicit_components(training):
    edges = np.array([run_edges(one) for one in training])
    groups = np.array([one.key.session for one in training])
    labels = list(dict.fromkeys(groups))
    found = _leave_groups_out(edges, groups.tolist())
    for at, label in enumerate(labels):
        late = at >= len(labels) // 2
        beside = [name for i, name in enumerate(labels) if (i < at if late else i > at)]
        others = edges[np.isin(groups, beside)]
        for row in np.flatnonzero(groups == label):
            expected = _measure(edges[row], *_components(others))
            assert found["leverage"][row] == pytest.approx(expected[0], abs=1e-8)
            assert found["residual"][row] == pytest.approx(expected[1], abs=1e-8)


def test_components_are_orthonormal_and_principal(training):
    edges = np.array([run_edges(one) for one in training])
    mean, components, sd = _components(edges)
    np.testing.assert_allclose(components @ components.T, np.eye(len(sd)), atol=1e-10)
    centred = edges - mean
    expected = np.linalg.svd(centred, compute_uv=False)[: len(sd)] / np.sqrt(len(edges) - 1)
    np.testing.assert_allclose(sd, expected)
    np.testing.assert_allclose((centred @ components.T).std(axis=0, ddof=1), sd)


def test_a_limit_is_a_prediction_limit(rng):
    inside = 0
    for _ in range(4000):
        values = rng.normal(size=9)
        distribution = ReferenceDistribution(values[:8].mean(), values[:8].std(ddof=1), 8)
        inside += values[8] <= distribution.limit(0.1)
    assert inside / 4000 == pytest.approx(0.9, abs=0.02)


def judge(domain, frames):
    return judge_runs(domain, [measure_run(domain, frames)])


def test_a_good_session_is_in_range(frames, domain):
    measures = [measure_run(domain, one) for one in frames[20:]]
    assert judge_runs(domain, measures, scale="session").word == IN_RANGE


def test_shuffled_regions_are_not_to_be_read(frames, domain, rng):
    new = frames[20]
    verdict = judge(domain, replace(new, signals=new.signals[:, rng.permutation(12)]))
    assert verdict.word == DO_NOT_READ
    assert "times that of training runs" in verdict.reasons[0]


def test_an_odd_run_does_not_hide_among_the_others(frames, domain, rng):
    good = [measure_run(domain, one) for one in frames[20:]]
    new = frames[20]
    odd = measure_run(domain, replace(new, signals=new.signals[:, rng.permutation(12)]))
    verdict, of_runs = judge_session(domain, [*good * 4, odd])
    assert of_runs[-1].word != IN_RANGE and verdict.word != IN_RANGE
    if judge_runs(domain, [*good * 4, odd], scale="session").word == IN_RANGE:
        assert verdict.reasons[0].startswith("run 9: ")
    assert judge_session(domain, good)[0] == judge_runs(domain, good, scale="session")


def test_more_motion_is_caught_and_unknown_motion_said(frames, domain):
    new = frames[20]
    moved = replace(new, confounds={**new.confounds, FD: 4 * new.confounds[FD]})
    verdict = judge(domain, moved)
    assert verdict.word != IN_RANGE and "displacement is unusually high" in verdict.reasons[0]
    still = judge(domain, replace(new, confounds={}))
    assert still.word == IN_RANGE and still.unchecked == ("motion",)


@pytest.mark.parametrize(
    ("change", "word", "reason"),
    [
        ({"kept_s": 50.0}, DO_NOT_READ, "only 50 s are usable"),
        ({"kept_s": 100.0}, CAUTION, "training runs had"),
        ({"tr_s": 1.2}, CAUTION, "TR is 1.2 s; training runs had 1 s"),
        ({"tr_s": 2.5}, DO_NOT_READ, "TR is 2.5 s"),
        ({"share_missing": 0.04}, CAUTION, "4% of the regions are missing"),
        ({}, IN_RANGE, None),
    ],
)
def test_plain_checks(frames, domain, change, word, reason):
    measured = replace(measure_run(domain, frames[20]), **change)
    verdict = judge_runs(domain, [measured])
    assert verdict.word == word
    assert (not verdict.reasons) if reason is None else reason in verdict.reasons[0]


def test_few_sessions_leave_connectivity_unchecked(training):
    few = training[: 2 * (FEWEST_GROUPS - 1)]
    domain = fit_domain(few, [one.key.session for one in few])
    assert not domain.distributions
    verdict = judge(domain, training[-1])
    assert verdict.unchecked == ("leverage", "residual", "motion")
    assert verdict.word == CAUTION and "too few training sessions" in verdict.reasons[0]


def test_missing_regions_are_neutral(frames, domain):
    new = frames[20]
    missing = np.arange(12) == 5
    blank = replace(new, signals=np.where(missing, 0.0, new.signals))
    assert (
        measure_run(domain, blank, missing=missing).residual < measure_run(domain, blank).residual
    )
    assert isinstance(measure_run(domain, blank), RunMeasures)


def test_a_damaged_domain_is_refused(domain):
    n_edges = len(domain.mean)
    domain.check(n_edges)
    for change in (
        {"mean": domain.mean[:-1]},
        {"sd": -domain.sd},
        {"tr_s": ()},
        {"shortest_s": float("nan")},
        {"distributions": {("luck", "run"): ReferenceDistribution(0, 1, 5)}},
    ):
        with pytest.raises(ValueError):
            replace(domain, **change).check(n_edges)
