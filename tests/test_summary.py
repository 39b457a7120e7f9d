"""The first screen says what the numbers say, and no more."""

from types import SimpleNamespace

import pandas as pd
import pytest

from painprint.report.summary import summarise
from painprint.results.conclusion import Chance, Closeness, Tracking, conclude
from painprint.wording import number


def results(**changed):
    """Results of a person whose pain can be decoded; parts may be changed."""
    scale = {
        "n": 300, "centred_r": 0.4, "centred_r_ci": [0.2, 0.5], "skill": 0.2,
        "skill_ci": [0.1, 0.3], "slope": 1.1, "slope_ci": [0.8, 1.4], "mae": 0.1,
        "p_within": 0.001,
    }  # fmt: skip
    null = {"n_permutations": 999}
    confound = {"flagged": False, "p_corrected": 0.6}
    metrics = {
        "scales": {
            "1min": scale | changed.pop("scale", {}),
            "session": {"r": 0.5, "p_between": 0.02} | changed.pop("session", {}),
        },
        "stages": {
            "null": changed.pop("null", null),
            "confounds": changed.pop("confounds", {"motion": confound, "not_done": []}),
        },
        "n_groups": 12, "n_sessions": 12, "n_runs": 36, "leave_out": "session",
        "preset": "recommended", "simulated": True, "train_bins": "30s",
    } | changed.pop("metrics", {})  # fmt: skip
    networks = pd.DataFrame(
        {
            "network": ["A", "B", "C", "D", "E"],
            "importance_centred": [0.5, 0.4, 0.3, 0.2, 0.1],
            "centred_low": changed.pop("low", [-0.1, 0.1, 0.1, 0.1, 0.05]),
            "centred_high": [0.9] * 5,
        }
    )
    ratings = changed.pop("ratings", ["good"] * 36)
    quality = pd.DataFrame({"quality_rating": ratings, "tsnr": [60.0] * 36})
    assert not changed
    return SimpleNamespace(
        metrics=metrics,
        stage_tables={"networkimportance": networks},
        audit={"runs_left_out": []},
        bold_quality=quality,
    )


def answer_of(found):
    return conclude(found.metrics).tracking


def answers(found):
    return [card.answer for card in summarise(found)]


def test_all_is_well():
    found = results()
    assert answer_of(found) is Tracking.YES
    assert answers(found) == [
        "Tracks changes within sessions; tells the level of pain",
        "Higher than with permuted ratings",
        "More accurate than the average",
        "Widespread: 4 of 5 networks, above all B",
        "Nothing was flagged",
        "Test it on new sessions",
    ]
    cards = summarise(found)
    assert "in 0 of these permutations" in cards[1].text
    assert "0.40 (95% interval 0.20 to 0.50)" in cards[0].numbers and "n = 300" in cards[0].numbers
    assert [card.status for card in cards] == ["shown", "", "", "", "good", ""]


def test_a_negative_correlation_is_no_agreement():
    against = results(scale={"centred_r": -0.35, "p_within": None}, null=None)
    assert answer_of(against) is Tracking.UNTESTED
    assert "did not follow" in summarise(against)[0].text
    other = results(scale={"centred_r": -0.35, "centred_r_ci": [-0.5, -0.1]})
    assert answer_of(other) is Tracking.NO
    undefined = results(scale={"centred_r": None, "centred_r_ci": [None, None]})
    assert conclude(undefined.metrics).chance is Chance.UNDEFINED
    found, sure, *_ = summarise(undefined)
    assert found.answer == "Not known whether it tracks changes within sessions"
    assert "The rating, or its prediction, does not vary within sessions" in found.text
    assert "p between = 0.020" in sure.numbers and "is higher than with" in sure.text


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"scale": {"skill": -0.1, "skill_ci": [-0.3, 0.1]}}, Tracking.YES),
        ({"scale": {"centred_r_ci": [-0.01, 0.5]}}, Tracking.UNCERTAIN),
        ({"metrics": {"n_groups": 5}}, Tracking.FEW),
        ({"scale": {"p_within": None}, "null": None}, Tracking.UNTESTED),
        (
            {
                "null": {"not_done": ["rating bins"]},
                "scale": {"p_within": None},
                "metrics": {"train_bins": "rating"},
            },
            Tracking.UNTESTED,
        ),
        (
            {
                "null": {"n_permutations": 19},
                "scale": {"p_within": 0.05},
                "session": {"p_between": None},
            },
            Tracking.UNTESTED,
        ),
        (
            {
                "null": {"n_permutations": 99},
                "scale": {"p_within": 0.2, "centred_r": 0.1},
                "session": {"p_between": 0.01, "r": 0.5},
            },
            Tracking.NO,
        ),
    ],
)
def test_answers(change, answer):
    found = results(**change)
    assert answer_of(found) is answer
    cards = summarise(found)
    assert len(cards) == 6 and all(card.answer and card.text and card.numbers for card in cards)
    if answer is Tracking.UNCERTAIN:
        assert "its interval contains 0" in cards[0].text
    if "train_bins" in change.get("metrics", {}):
        assert "cannot be tested" in cards[0].text and "no p," in cards[0].numbers
        assert "made from the rating" in cards[1].text and "rating bins" in cards[1].numbers
    assert (cards[0].status == "shown") == (cards[3].answer != "Not interpretable")
    assert (cards[0].status == "shown") == (answer in (Tracking.YES, Tracking.UNCERTAIN))
    assert {card.status for card in cards[1:4]} == {""}


def test_p_stands_beside_its_own_number():
    found, sure, *_ = summarise(results(null={"n_permutations": 9}, scale={"p_within": 0.012}))
    assert found.numbers == (
        "session-centred r at 1 min 0.40 (95% interval 0.20 to 0.50), p within = 0.012, n = 300 "
        "minutes in 12 held-out sessions"
    )
    assert "p within = 0.012 (session-centred r 0.40 at 1 min)" in sure.numbers
    assert "p between = 0.020 (r 0.50 over 12 sessions)" in sure.numbers


@pytest.mark.parametrize(
    ("scale", "said"),
    [
        ({"slope": 0.4, "slope_ci": [0.1, 0.6]}, "over-dispersed"),
        ({"slope": 1.8, "slope_ci": [1.1, 2.6]}, "under-dispersed"),
        ({"slope": 1.8, "slope_ci": [0.9, 2.6]}, None),
        ({"slope": None, "slope_ci": [None, None]}, None),
    ],
)
def test_dispersion_is_stated_where_it_is_shown(scale, said):
    for skill in (0.2, -0.2):
        exact = summarise(results(scale=scale | {"skill": skill}))[2]
        assert said in exact.text if said else "dispersed" not in exact.text
    few = summarise(results(scale=scale, metrics={"n_groups": 5}))[2]
    assert "dispersed" not in few.text
    assert f"slope of rating on prediction {number(scale['slope'])};" in few.numbers


def test_few_sessions_are_nowhere_called_good():
    cards = summarise(results(metrics={"n_groups": 5}))
    assert cards[0].answer == "Too few sessions for a conclusion"
    assert cards[1].answer == "Higher than with permuted ratings, but few sessions"
    assert [card.status for card in cards] == ["", "", "", "", "good", ""]


def test_networks_without_an_interval_above_0_are_not_named():
    (_, _, _, where, *_) = summarise(results(low=[-0.1] * 5))
    assert where.answer == "No network stands out"
    assert "0 of 5 intervals above 0" in where.numbers


def test_intervals_that_were_not_computed_are_not_counted():
    (_, _, _, where, *_) = summarise(results(metrics={"n_groups": 5}))
    assert "above 0" not in where.numbers and where.numbers.endswith("; 5 sessions")


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({}, "The importance of regions and networks was not computed"),
        ({"importance": pd.DataFrame()}, "The networks of the regions are not known"),
    ],
)
def test_why_no_network_has_an_importance_is_said(tables, said):
    found = results()
    found.stage_tables = tables
    assert summarise(found)[3].text.startswith(said)


@pytest.mark.parametrize(("n", "said"), [(7, "1 more rated session is"), (6, "2 more rated se")])
def test_sessions_that_are_needed_are_counted(n, said):
    assert summarise(results(metrics={"n_groups": n}))[-1].text.startswith(f"At least {said}")


def test_nothing_tested_is_a_doubt():
    none = results(confounds={"not_done": ["no motion was found"]})
    card = summarise(none)[-2]
    assert "no confound" in card.text.lower()
    assert "could not be tested" in card.text
    flagged = {"motion": {"flagged": True, "p_corrected": 0.01}, "not_done": []}
    assert "predicted from motion alone" in summarise(results(confounds=flagged))[-2].text.lower()
    ratings = ["bad", "caution"] + ["good"] * 34
    assert summarise(results(ratings=ratings))[-2].status == "bad"
    assert (
        "The BOLD quality of 2 of 36 runs is doubtful (1 bad)"
        in summarise(results(ratings=ratings))[-2].text
    )


def test_leaving_out_runs_says_what_had_trained():
    change = {"leave_out": "run", "n_sessions": 4}
    cards = summarise(results(metrics=change))
    assert "other runs of the same sessions were in training" in cards[0].text
    assert "other runs of the same sessions were in training" in cards[-2].text.lower()


SKILLS = {
    Closeness.YES: {"skill": 0.2, "skill_ci": [0.1, 0.3]},
    Closeness.UNCERTAIN: {"skill": 0.36, "skill_ci": [-0.00013, 0.62]},
    Closeness.NO: {"skill": -0.1, "skill_ci": [-0.3, 0.1]},
}
TRACKED = {
    Tracking.YES: {},
    Tracking.UNCERTAIN: {"centred_r_ci": [-0.01, 0.5]},
    Tracking.NO: {"p_within": 0.2},
}


@pytest.mark.parametrize(
    ("tracking", "level", "sentence"),
    [
        (Tracking.YES, Closeness.YES, "Tracks changes within sessions; tells the level of pain"),
        (Tracking.YES, Closeness.UNCERTAIN,
         "Tracks changes within sessions; not shown to tell the level of pain"),
        (Tracking.YES, Closeness.NO,
         "Tracks changes within sessions; does not tell the level of pain"),
        (Tracking.UNCERTAIN, Closeness.NO,
         "May track changes within sessions; does not tell the level of pain"),
        (Tracking.NO, Closeness.YES,
         "Not shown to track changes within sessions; tells the level of pain"),
        (Tracking.NO, Closeness.NO,
         "Not shown to track changes within sessions, or to tell the level of pain"),
        (Tracking.NO, Closeness.UNCERTAIN,
         "Not shown to track changes within sessions, or to tell the level of pain"),
    ],
)  # fmt: skip
def test_one_sentence_concludes_of_changes_and_of_the_level(tracking, level, sentence):
    found = results(scale=TRACKED[tracking] | SKILLS[level])
    conclusion = conclude(found.metrics)
    assert (conclusion.tracking, conclusion.level) == (tracking, level)
    assert conclusion.sentence == sentence == summarise(found)[0].answer


def test_a_bound_that_decides_is_not_rounded_to_the_other_side():
    found = results(scale=SKILLS[Closeness.UNCERTAIN])
    assert "skill 0.36 (−0.0001 to 0.62)" in summarise(found)[2].numbers


def test_the_level_is_not_told_where_session_means_agree_no_better_than_permuted_ones():
    found = results(session={"p_between": 0.07})
    said = "Tracks changes within sessions; not shown to tell the level of pain"
    assert conclude(found.metrics).sentence == said
    exact = summarise(found)[2]
    assert exact.answer == "More accurate than the average"
    assert "session means were not shown to agree better than permuted ones" in exact.text
    untested = results(session={"p_between": None})
    assert conclude(untested.metrics).sentence.endswith("; tells the level of pain")


@pytest.mark.parametrize(
    ("change", "advice"),
    [
        ({}, "Test it on new sessions"),
        ({"session": {"p_between": 0.07}}, "Use it for changes, not for the level"),
        ({"scale": {"centred_r_ci": [-0.01, 0.5]}}, "More sessions"),
        ({"scale": {"p_within": 0.2}}, "Test the level on new sessions"),
        ({"scale": {"p_within": 0.2, "skill": -0.1}}, "Do not use this signature"),
        ({"metrics": {"n_groups": 5}}, "More sessions"),
        ({"scale": {"p_within": None}, "null": None}, "Test against chance"),
        (
            {"scale": {"centred_r": None, "centred_r_ci": [None, None]}},
            "Rate more often in a session",
        ),
    ],
)
def test_what_next_follows_from_the_conclusion(change, advice):
    assert summarise(results(**change))[-1].answer == advice


def test_a_flagged_confound_comes_before_any_use():
    flagged = {"motion": {"flagged": True, "p_corrected": 0.01}, "not_done": []}
    card = summarise(results(confounds=flagged))[-1]
    assert card.answer == "First judge a confound: motion"
    assert "Then: Before relying on it, test it against ratings of sessions" in card.text
