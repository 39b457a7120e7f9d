"""The signature at rest: models that have not seen the session, and those that have."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import simulate_runs

from painprint import Run, Settings, decode_runs
from painprint.decode.errors import NotEnoughData
from painprint.edges import score_frames
from painprint.evidence.case import Case, Material
from painprint.evidence.rest import ALL, UNSEEN, first_ratings, rest_tests, score_rest
from painprint.runs import ExcludedRun, RunKey, zscore
from painprint.signature.model import make_signature

SETTINGS = Settings(n_bootstraps=200, n_permutations=99)


def at_rest(runs, rng):
    """One resting run a session, in which the first two regions go together as the level says."""
    for session in dict.fromkeys(run.session for run in runs):
        level = np.mean([run.rating.mean() for run in runs if run.session == session])
        signals = rng.normal(size=(300, 8))
        signals[:, 1] += 10 * (level - 0.5) * signals[:, 0]
        yield Run(signals, np.full(300, np.nan), 1.0, session, "rest")


def person(seed=4, n_sessions=8):
    rng = np.random.default_rng(seed)
    runs = simulate_runs(rng, n_sessions=n_sessions, strength=1.0)
    return runs, list(at_rest(runs, rng))


@pytest.fixture(scope="module")
def case():
    runs, rest = person()
    return Case(decode_runs(runs, SETTINGS), material=Material(rest=lambda: rest))


def test_the_level_at_rest_is_read_by_models_that_have_not_seen_the_session(case):
    found = rest_tests(case)
    assert found.not_done == ()
    above = found.numbers[UNSEEN]["above_mean"]
    assert above["r"] > 0.5
    assert above["low"] < above["r"] < above["high"]
    assert found.numbers[ALL]["n"] == found.numbers[UNSEEN]["n"] == 8
    assert list(found.tables["rest"]["session"]) == 2 * [f"{i:02d}" for i in range(1, 9)]


def test_scores_are_the_mean_over_kept_frames(case):
    table, _ = score_rest(case, make_signature(case.decoding, simulated=False, metrics={}))
    runs, rest = person()
    z, _ = zscore(rest[2].signals[36:])  # 30 s and the lag
    fold = case.decoding.folds[2]
    row = table[(table["model"] == UNSEEN) & (table["session"] == "03")].iloc[0]
    assert row["predicted"] == pytest.approx(score_frames(z, fold.weights, fold.intercept).mean())
    assert row["training_mean"] == fold.training_mean
    used = [one for one in case.decoding.frames if one.key == runs[4].key]
    assert row["rating_first_run"] == pytest.approx(used[0].rating.mean())


def test_ratings_of_a_session_do_not_touch_its_unseen_score(case):
    runs, rest = person()
    moved = [
        replace(run, rating=run.rating[::-1] * 2) if run.session == "05" else run for run in runs
    ]
    other = Case(decode_runs(moved, SETTINGS), material=Material(rest=lambda: rest))
    scores = [
        score_rest(one, make_signature(one.decoding, simulated=False, metrics={}))[0]
        .set_index(["model", "session"])["predicted"]
        for one in (case, other)
    ]  # fmt: skip
    assert scores[0][UNSEEN, "05"] == scores[1][UNSEEN, "05"]
    assert scores[0][ALL, "05"] != scores[1][ALL, "05"]


def test_several_resting_runs_of_a_session_are_averaged(case):
    rest = list(case.material.rest())
    twice = [*rest, replace(rest[0], run="2", signals=rest[1].signals)]
    found = rest_tests(Case(case.decoding, material=Material(rest=lambda: twice)))
    row = found.tables["rest"].iloc[0]
    assert (row["session"], row["n_runs"]) == ("01", 2)


def test_runs_that_cannot_be_used_are_named(case):
    rest = list(case.material.rest())
    rest[0] = replace(rest[0], signals=rest[0].signals[:, :5], regions=list("12345"))
    rest[1] = ExcludedRun(RunKey("02", "rest"), "is empty.")
    found = rest_tests(Case(case.decoding, material=Material(rest=lambda: rest)))
    assert "ses-01 task-rest: 3 of the signature's 8 regions are missing" in found.not_done[0]
    assert found.not_done[1] == "ses-02 task-rest: is empty."
    assert found.numbers[UNSEEN]["n"] == 6


def test_a_session_without_its_first_run_is_named():
    runs, rest = person()
    runs = [run for run in runs if (run.session, run.run) != ("02", "1")]
    case = Case(decode_runs(runs, SETTINGS), material=Material(rest=lambda: rest))
    assert "02" not in first_ratings(case)
    assert rest_tests(case).not_done == (
        "ses-02 task-rest: the session's first rated run was not used.",
    )


def test_short_runs_are_left_out_and_unusual_ones_are_said(case):
    rest = list(case.material.rest())
    short = {name: getattr(rest[0], name)[:80] for name in ("signals", "rating", "censored")}
    rest[0] = replace(rest[0], **short)
    rest[1] = replace(rest[1], tr_s=2.0)
    found = rest_tests(Case(case.decoding, material=Material(rest=lambda: rest)))
    assert found.not_done[0] == (
        "ses-01 task-rest: 44 s are usable; at least 60 are needed (--min-run)."
    )
    assert found.not_done[1].startswith("ses-02 task-rest: TR is 2 s;")


def test_why_it_is_not_possible_is_said(case):
    with pytest.raises(NotEnoughData, match="no resting runs were found"):
        rest_tests(Case(case.decoding))
    few = list(case.material.rest())[:3]
    with pytest.raises(NotEnoughData, match="3 sessions have a usable resting run"):
        rest_tests(Case(case.decoding, material=Material(rest=lambda: few)))
    runs, rest = person(n_sessions=4)
    by_run = Case(
        decode_runs(runs, replace(SETTINGS, leave_out="run")), material=Material(rest=lambda: rest)
    )
    with pytest.raises(NotEnoughData, match="runs were held out"):
        rest_tests(by_run)
