"""Sentences say what the numbers say, rounded to the cautious side."""

from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pytest

from painprint.decode.ridge import ALPHAS
from painprint.evidence.stage import WrittenResult
from painprint.evidence.stages import (
    STAGES,
    confounds,
    learning_curve,
    null,
    prospective,
    sensitivity,
)
from painprint.report.methods_text import methods_paragraph
from painprint.report.words import beyond_chance, calibration_sentences, selected_sentences
from painprint.results.conclusion import conclude
from painprint.results.files import ParticipantFiles
from painprint.results.read import Results
from painprint.settings import Settings
from painprint.wording import number


def until(**given):
    return {"what": "r of 0.3", "refused": None, "low": None, "high": None, **given}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"n_sessions": 10.4, "low": 8.2, "high": 12.1}, "11 sessions (95% interval 9 to 13)"),
        ({"n_sessions": 28.4}, "R of 0.3: 29 sessions, 1 more than the 28 available."),
        ({"n_sessions": 3.0}, "3 sessions, already reached."),
        ({"n_sessions": 30.0, "low": 9.0}, "(95% interval 9 to more than can be estimated)"),
        ({"n_sessions": None, "refused": "it is flat."}, "R of 0.3: not estimated (it is flat)."),
    ],
)
def test_sessions_are_rounded_up(given, said):
    assert said in learning_curve._until(until(**given), 28, "session")


def metrics(*, of_null=None, r=0.2, p=None, n_groups=12, **changed):
    """Metrics of a ridge regression; those of the 1-min scale may be changed."""
    minute = {
        "centred_r": r, "centred_r_ci": [0.1, 0.3], "skill": 0.1, "skill_ci": [0.0, 0.2],
        "p_within": p, "n": 120, "slope": 1.1, "slope_ci": [0.8, 1.4],
    }  # fmt: skip
    return {
        "scales": {"1min": minute | changed, "session": {"r": 0.3, "p_between": None}},
        "stages": {"null": of_null},
        "n_sessions": n_groups,
        "leave_out": "session",
        "n_groups": n_groups,
        "train_bins": "30s",
        "decoder": "ridge",
    }


ENOUGH = {"n_permutations": 99}


def written(numbers, *, scales=None, **tables):
    """A stage's result as its sentences get it."""
    of_study = {"leave_out": "session", "scales": scales or {"1min": {}}, "n_groups": 12}
    return WrittenResult(numbers, tables, of_study, settings={}, rules={})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "no permutation null was run"),
        ({"of_null": {"not_done": ["x"]}}, "could not be tested"),
        ({"of_null": ENOUGH, "p": 0.01}, "is higher than with permuted ratings (p within = 0.010)"),
        ({"of_null": ENOUGH, "p": 0.2}, "no higher than with permuted ratings (p within = 0.200)"),
        ({"of_null": ENOUGH, "p": 0.01, "r": -0.1}, "0 or below shows no agreement"),
        ({"of_null": {"n_permutations": 19}, "p": 0.05}, "19 permutations are too few to say"),
    ],
)
def test_only_the_null_decides(given, said):
    found = metrics(**given)
    assert said in beyond_chance(conclude(found), found)


def test_rating_bins_have_no_null_and_the_page_says_why():
    of_paper = metrics(of_null={"not_done": ["x"]}) | {"train_bins": "rating"}
    said = beyond_chance(conclude(of_paper), of_paper)
    assert "cannot be tested" in said and "made from the rating itself" in said


def test_p_belongs_to_the_number_of_the_main_analysis():
    scales = metrics(r=0.25, p=0.01)["scales"]
    scales["1min"]["null_median"] = -0.05
    said = null.describe(written({"n_permutations": 99}, scales=scales))
    assert "session-centred r of 0.25 at 1 min has p within = 0.010." in said
    assert "p between" not in said and "time bins" not in said
    scales["session"]["p_between"] = 0.03
    assert "The r of 0.30 between sessions has p between = 0.030." in null.describe(
        written({"n_permutations": 99}, scales=scales)
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"slope": 1.3, "slope_ci": [1.05, 1.6]}, "under-dispersed: a difference"),
        ({"slope": 0.5, "slope_ci": [0.2, 0.9]}, "over-dispersed: a difference"),
        ({"slope": 0.9, "slope_ci": [0.2, 1.4]}, "interval contains 1"),
        ({"slope": -0.2, "slope_ci": [-0.9, 0.4]}, "did not increase with predictions"),
        ({"slope": None, "slope_ci": [None, None]}, "does not vary"),
        ({"slope": 0.5, "slope_ci": [0.2, 0.9], "n_groups": 5}, "5 sessions are too few"),
    ],
)
def test_the_slope_says_whether_predictions_are_calibrated(given, said):
    found = calibration_sentences(metrics(**given))
    assert said in found
    assert ("95% interval" in found) == (given["slope"] is not None and "n_groups" not in given)


def test_an_interval_of_the_slope_with_0_does_not_contradict_the_conclusion():
    found = calibration_sentences(metrics(slope=0.84, slope_ci=[-0.18, 1.74]))
    assert "includes 0 as well" in found and "is tested by the session-centred r" in found
    assert "includes 0" not in calibration_sentences(metrics(slope=0.84, slope_ci=[0.1, 1.74]))


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
    undefined = dict.fromkeys(("r_ci", "auc_ci", "centred_r_ci"), [None, None])
    return Results(
        files=ParticipantFiles(Path("out"), "01", "sub-01_atlas-A"), predictions=None, roc=None,
        per_session=None, rating_quality=None,
        bold_quality=None,
        provenance={
            "settings": {name: {"value": value} for name, value in settings.items()},
            "rules": rules,
            "versions": {"painprint": "1"},
        },
        metrics={
            "simulated": True, "n_runs": 4, "n_sessions": 4, "n_regions": 8, "selected": chosen,
            "decoder": rules["decoder"], "features": settings["features"],
            "preset": settings["preset"], "n_groups": 4,
            "stages": dict.fromkeys(STAGES, {"methods": {"CPM": {}, "LASSO-PCR": {}}}),
            "leave_out": "session", "scales": {"1min": {"centred_r": None} | undefined},
        },
        runs=pd.DataFrame(
            {
                "n_kept": [90], "n_frames": [100], "lag_frames": [6], "n_training_bins": [20],
                "n_training_bins_lost": [1], "n_censored": [3],
            }
        ),
        audit={"runs_left_out": [], "regions_left_out": {}, "exceptions": [], "dense": None},
        stage_tables=tables,
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
        ({"train_bins": "60s", "features": "both"}, ["of about 60 s were used", "each scaled"], []),
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
    text = methods_paragraph(study(**changed)).readable
    assert [one for one in said if one not in text] == []
    assert [one for one in not_said if one in text] == []
    assert "2 comparison models were trained" in text


def test_references_are_those_of_the_decoder_and_its_comparison_models():
    of_ridge = methods_paragraph(study())
    of_lasso = methods_paragraph(study(preset="paper"))
    assert of_ridge.keys == ["lee2026", "hoerl1970", "shen2017", "wager2011"]
    assert of_lasso.keys == ["lee2026", "wager2011", "shen2017"]  # a comparison model, too


def test_a_number_that_is_not_one_is_not_shown():
    assert number(float("nan")) == number(None) == "n/a"


def test_only_tested_confounds_are_counted():
    untested = {"centred_r_removed": None, "centred_r_main": None}
    removed = {"centred_r_removed": 0.1, "centred_r_removed_ci": [-0.1, 0.3]}
    verdicts = {
        "motion": {"p_corrected": 0.5, "flagged": False, **removed, "centred_r_main": 0.4},
        "level": {"p_corrected": None, "flagged": False, **untested},
        "not_done": [],
    }
    assert "None of the 1 tested" in confounds.describe(written(verdicts))
    verdicts["motion"]["flagged"] = True
    said = confounds.describe(written(verdicts))
    assert "Flagged: motion." in said
    assert (
        "With motion removed, the session-centred r at 1 min is 0.10 (95% interval −0.10 to 0.30); "
        "that of the main analysis on the same residual ratings is 0.40." in said
    )
    verdicts["motion"] |= untested
    assert "changes most" not in confounds.describe(written(verdicts))


def test_sensitivity_explain_only_what_was_done():
    table = pd.DataFrame(
        {
            "variant": ["main analysis", "first run only", "buffer of 1 on either side", "no DMN"],
            "scale": "1min",
            "n": [80, 40, 80, 80],
            "centred_r": [0.4, 0.5, 0.3, float("nan")],
            "centred_r_low": [0.2, 0.1, float("nan"), float("nan")],
            "centred_r_high": [0.6, 0.7, float("nan"), float("nan")],
        }
    )
    said = sensitivity.describe(written({}, sensitivity=table))
    assert "main analysis is 0.40 (0.20 to 0.60). It ranges from 0.30 (buffer of 1 on" in said
    assert "It is 0.50 (0.10 to 0.70) in the analysis 'first run only', which predicts 40 " in said
    assert "rather than 80, so the two cannot be compared." in said
    assert "are excluded from training" in said and "blocks" not in said
    alone = sensitivity.describe(written({}, sensitivity=table[:1]))
    assert alone.endswith("of the main analysis is 0.40 (0.20 to 0.60).")


def test_the_future_is_told_with_or_without_first_sessions():
    one = {"centred_r": 0.2, "skill": 0.1, "mae": 0.05, "r": 0.3, "auc": 0.6, "n": 90}
    one |= {"n_groups": 9, "centred_r_ci": [0.1, 0.3], "skill_ci": [None, None]}
    curve = pd.DataFrame({"n_past": [3, 4], "n_test": 8, "n_bins": 80})
    numbers = {
        "next": {"1min": one}, "first": None, "later": None, "n_first": 12, "error_ahead": None,
    }  # fmt: skip
    said = prospective.describe(written(numbers, calibration=curve))
    assert "first 12" not in said and "of 0.20 (0.10 to 0.30), a skill of 0.10 and" in said
    assert "models of the first 3 to 4 sessions were all tested on the last 8 sessions (80 " in said
    numbers |= {"first": {"1min": one}, "later": {"1min": one}}
    numbers["error_ahead"] = {
        "near": 0.1, "far": 0.2, "near_mean": 0.11, "far_mean": 0.21, "far_ahead": 5,
    }  # fmt: skip
    said = prospective.describe(written(numbers, calibration=curve[:0]))
    assert "were all tested" not in said
    assert "The first 12 sessions alone" in said and "0.200 for those 5 or more ahead" in said
