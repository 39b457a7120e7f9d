"""Sentences say what the numbers say, rounded to the cautious side."""

from dataclasses import asdict
from types import SimpleNamespace

import pandas as pd
import pytest

from painprint.decode.ridge import ALPHAS
from painprint.report.evidence import _controls, _null, _prospective, _refits, _until
from painprint.report.methods import methods_paragraph, references
from painprint.report.words import _beyond_chance, calibration_sentences, number, selected_sentences
from painprint.settings import Settings


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


def metrics(*, null=None, r=0.2, p=None, n_groups=12, **changed):
    """Metrics of a ridge regression; those of the 1-min scale may be changed."""
    minute = {"centred_r": r, "p_within": p, "slope": 1.1, "slope_ci": [0.8, 1.4]}
    return {
        "scales": {"1min": minute | changed, "session": {"r": 0.3, "p_between": None}},
        "stages": {"null": null},
        "leave_out": "session",
        "n_groups": n_groups,
        "train_bins": "30s",
        "decoder": "ridge",
    }


ENOUGH = {"n_permutations": 99}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "no permutation null was run"),
        ({"null": {"not_done": ["x"]}}, "could not be tested"),
        ({"null": ENOUGH, "p": 0.01}, "is higher than with permuted ratings (p within = 0.010)"),
        ({"null": ENOUGH, "p": 0.2}, "no higher than with permuted ratings (p within = 0.200)"),
        ({"null": ENOUGH, "p": 0.01, "r": -0.1}, "0 or below shows no agreement"),
        ({"null": {"n_permutations": 19}, "p": 0.05}, "19 permutations are too few to say"),
    ],
)
def test_only_the_null_decides(given, said):
    assert said in _beyond_chance(metrics(**given))


def test_rating_bins_have_no_null_and_the_page_says_why():
    of_paper = metrics(null={"not_done": ["x"]}) | {"train_bins": "rating"}
    said = _beyond_chance(of_paper)
    assert "cannot be tested" in said and "made from the rating itself" in said


def test_p_belongs_to_the_number_of_the_main_analysis():
    scales = metrics(r=0.25, p=0.01)["scales"]
    scales["1min"]["null_median"] = -0.05
    said = _null({"n_permutations": 99}, scales, "session")
    assert "session-centred r of 0.25 at 1 min has p within = 0.010." in said
    assert "p between" not in said and "time bins" not in said
    scales["session"]["p_between"] = 0.03
    assert "The r of 0.30 between sessions has p between = 0.030." in _null(
        {"n_permutations": 99}, scales, "session"
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"slope": 1.3, "slope_ci": [1.05, 1.6]}, "swing too little"),
        ({"slope": 0.5, "slope_ci": [0.2, 0.9]}, "swing too far"),
        ({"slope": 0.9, "slope_ci": [0.2, 1.4]}, "interval holds 1"),
        ({"slope": -0.2, "slope_ci": [-0.9, 0.4]}, "did not come with higher ratings"),
        ({"slope": None, "slope_ci": [None, None]}, "does not vary"),
        ({"slope": 0.5, "slope_ci": [0.2, 0.9], "n_groups": 5}, "5 sessions are too few"),
    ],
)
def test_the_slope_says_how_far_predictions_swing(given, said):
    found = calibration_sentences(metrics(**given))
    assert said in found
    assert ("95% interval" in found) == (given["slope"] is not None and "n_groups" not in given)


def ridge(alpha, at_edge=False):
    return {"lambda": 60 * alpha, "alpha": alpha, "dof": 20 / alpha, "at_edge_of_grid": at_edge}


def test_the_edge_of_the_grid_is_said():
    found = metrics()
    found["selected"] = ridge(1.0) | {"folds": [ridge(0.5), ridge(2.0)]}
    said = selected_sentences(found)
    assert "λ of 60 (α = 1 mean eigenvalues) and 20 effective degrees" in said
    assert "α from 0.5 to 2, and 10 to 40" in said and "edge" not in said
    largest = ridge(ALPHAS[-1], at_edge=True)
    found["selected"] = largest | {"folds": [largest, ridge(ALPHAS[0], at_edge=True)]}
    said = selected_sentences(found)
    assert "2 of the 3 models took the largest penalty" in said
    assert "1 of the 3 models took the smallest penalty" in said


def test_components_are_what_lasso_pcr_selects():
    found = metrics() | {"decoder": "lasso_pcr"}
    found["selected"] = {"n_components": 1, "folds": [{"n_components": n} for n in (3, 0)]}
    said = selected_sentences(found)
    assert said == "The model of all sessions has 1 component; those of the folds have 0 to 3."


def study(**changed):
    """Results of a study as far as a Methods paragraph needs them."""
    settings = asdict(Settings(preset=changed.pop("preset", "recommended"), **changed))
    rules = vars(Settings(preset=settings["preset"], **changed).rules)
    chosen = ridge(1.0) | {"n_components": 7, "folds": []}
    tables = {"baselines": pd.DataFrame({"method": ["painprint", "CPM"]})}
    return SimpleNamespace(
        provenance={
            "settings": {name: {"value": value} for name, value in settings.items()},
            "rules": rules,
            "versions": {"painprint": "1"},
        },
        metrics={
            "simulated": True, "n_runs": 4, "n_sessions": 4, "n_regions": 8, "selected": chosen,
            "decoder": rules["decoder"], "features": settings["features"],
            "stages": {"prospective": None},
        },
        runs=pd.DataFrame(
            {
                "n_kept": [90], "n_frames": [100], "lag_frames": [6], "n_training_bins": [20],
                "n_training_bins_lost": [1],
            }
        ),
        audit={},
        findings=tables,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "said", "not_said"),
    [
        (
            {},
            ["20 time bins of about 30 s", "1 with less than 15 s", "Ridge regression",
             "squared error at 1 min", "closed form", "20 effective degrees", "region pairs"],
            ["LASSO principal", "sorted by rating"],
        ),
        ({"train_bins": "60s", "features": "both"}, ["of about 60 s trained;", "each scaled"], []),
        ({"features": "activity"}, ["signal of each region was averaged"], ["region pairs"]),
        (
            {"preset": "paper"},
            ["LASSO principal", "sorted by rating", "7 components"],
            ["Ridge", "degrees of freedom"],
        ),
        (
            {"decoder": "lasso_pcr"},
            ["LASSO principal", "20 time bins of about 30 s"],
            ["Ridge", "sorted by rating"],
        ),
    ],
)  # fmt: skip
def test_methods_name_the_decoder_that_was_used(changed, said, not_said):
    text = methods_paragraph(study(**changed))
    assert [one for one in said if one not in text] == []
    assert [one for one in not_said if one in text] == []
    assert "Comparison models" in text


def test_references_are_those_of_the_decoder_and_its_comparison_models():
    by_ridge, by_lasso = study(), study(preset="paper")
    hoerl, wager = "Hoerl & Kennard (1970)", "Wager, Atlas"
    assert hoerl in str(references(by_ridge)) and wager not in str(references(by_ridge))
    assert hoerl not in str(references(by_lasso)) and wager in str(references(by_lasso))
    by_ridge.findings["baselines"] = pd.DataFrame({"method": ["painprint", "LASSO-PCR"]})
    assert wager in str(references(by_ridge))


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
