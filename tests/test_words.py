"""Sentences say what the numbers say, rounded to the cautious side."""

import pandas as pd
import pytest

from painprint.report.evidence import _controls, _prospective, _refits, _until
from painprint.report.words import _beyond_chance, number


def until(**given):
    return {"what": "r of 0.3", "refused": None, "low": None, "high": None, **given}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"n_sessions": 10.4, "low": 8.2, "high": 12.1}, "11 sessions (95% interval 9 to 13)"),
        ({"n_sessions": 28.4}, "R of 0.3: 29 sessions, 1 more than the 28 there are."),
        ({"n_sessions": 3.0}, "3 sessions, reached already."),
        ({"n_sessions": 30.0, "low": 9.0}, "(95% interval 9 to no end in reach)"),
        ({"n_sessions": None, "refused": "it is flat."}, "R of 0.3: no answer, it is flat."),
    ],
)
def test_sessions_are_rounded_up(given, said):
    assert said in _until(until(**given), 28, "session")


def null(r, p, n=99):
    return {"n_permutations": n, "scales": {"1min": {"centred_r": r, "p_within": p}}}


@pytest.mark.parametrize(
    ("of_null", "said"),
    [
        (None, "no permutation null was run"),
        ({"not_done": ["x"]}, "could not be tested"),
        (null(None, None), "could not be tested"),
        (null(0.2, 0.01), "is 0.20, more than in permuted ratings (p within = 0.010)"),
        (null(0.2, 0.2), "is 0.20, which permuted ratings give too (p within = 0.200)"),
        (null(-0.1, 0.01), "which permuted ratings give too"),
        (null(0.2, 0.05, n=19), "19 permutations are too few to say"),
    ],
)
def test_only_the_null_decides_and_it_speaks_of_its_own_pipeline(of_null, said):
    assert said in _beyond_chance(of_null, "session")


def test_a_number_that_is_not_one_is_not_shown():
    assert number(float("nan")) == number(None) == "n/a"


def test_only_tested_controls_are_counted():
    verdicts = {
        "motion": {"p_corrected": 0.5, "flagged": False},
        "level": {"p_corrected": None, "flagged": False},
        "not_done": [],
    }
    assert "None of the 1 tested" in _controls(verdicts, "session")
    verdicts["motion"]["flagged"] = True
    assert "Flagged: motion." in _controls(verdicts, "session")


def test_refits_explain_only_what_was_done():
    table = pd.DataFrame(
        {
            "variant": ["as decoded", "buffer of 1 on either side", "without DMN"],
            "scale": "1min",
            "centred_r": [0.4, 0.3, float("nan")],
        }
    )
    said = _refits(table, "session")
    assert "from 0.30 (buffer of 1 on either side)" in said and "do not train" in said
    assert "blocks" not in said and "first run" not in said
    assert _refits(table[:1], "session").endswith("is 0.40 as decoded.")


def test_the_future_is_told_with_or_without_first_sessions():
    one = {"centred_r": 0.2, "skill": 0.1, "mae": 0.05, "r": 0.3, "auc": 0.6}
    numbers = {
        "next": {"1min": one}, "first": None, "later": None, "n_first": 12, "error_ahead": None,
    }  # fmt: skip
    assert "first 12" not in _prospective(numbers, "session")
    numbers |= {"first": {"1min": one}, "later": {"1min": one}}
    numbers["error_ahead"] = {
        "near": 0.1, "far": 0.2, "near_mean": 0.11, "far_mean": 0.21, "far_ahead": 5,
    }  # fmt: skip
    said = _prospective(numbers, "session")
    assert "The first 12 sessions alone" in said and "0.200 for those 5 or more ahead" in said
