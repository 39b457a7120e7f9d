"""The page of new sessions: how good the signature is, what was predicted, and what is cut."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import simulate_runs
from test_signature_content import METRICS, PRIMARY

from painprint.apps.predict import Scored
from painprint.report.figures import plot_reading
from painprint.report.reading import performance, predicted, write_reading
from painprint.results.proof import NOT_RECORDED, why_not_shown
from painprint.signature.file import read_signature
from painprint.signature.origin import Origin
from painprint.signature.person import PersonMatch
from painprint.signature.predict import read_session
from painprint.signature.recalibrate import recalibrate

FOLDER = Path(__file__).parent / "data" / "signatures" / "version4"


def with_metrics(*, n_groups=9, null=99, train_bins="30s", **primary):
    """The signature of an earlier version with results on held-out sessions."""
    scales = {**METRICS["scales"], "1min": {**PRIMARY, **primary}}
    given = {"n_groups": n_groups, "train_bins": train_bins, "scales": scales}
    tested = None if null is None else {"n_permutations": null}
    metrics = {**METRICS, **given, "stages": {"null": tested}}
    return replace(read_signature(FOLDER), metrics=metrics)


@pytest.fixture(scope="module")
def run():
    rng = np.random.default_rng(1)
    (run,) = simulate_runs(rng, n_sessions=1, n_runs=1, n_regions=5, n_frames=240)
    return replace(run, session="20")


def score(signature, run):
    reading = read_session(signature, [run])
    return Scored("20", ("a.tsv",), reading, PersonMatch("01", "01"))


def test_a_signature_that_was_shown_is_introduced_with_its_numbers():
    card = performance(with_metrics())
    assert card.status == "shown" and why_not_shown(with_metrics()) == ""
    assert card.numbers == (
        "session-centred r at 1 min 0.40 (95% interval 0.20 to 0.60), p within = 0.010, n = 90 "
        "minutes in 9 held-out sessions; skill 0.20 (95% interval 0.10 to 0.30)"
    )


def test_a_confound_that_its_study_flagged_is_named():
    flagged = with_metrics()
    stages = {**flagged.metrics["stages"], "confounds": {"motion": {"flagged": True}}}
    flagged = replace(flagged, metrics={**flagged.metrics, "stages": stages})
    assert "the rating can be predicted from motion alone" in performance(flagged).text
    assert "confound" not in performance(with_metrics()).text


def test_one_that_does_not_tell_the_level_says_so():
    card = performance(with_metrics(skill_ci=[-0.1, 0.3]))
    assert card.answer == "Tracks changes within sessions; not shown to tell the level of pain"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"p_within": 0.2, "skill_ci": [-0.1, 0.3]}, "no better than with those of permuted"),
        ({"null": None, "p_within": None}, "did not test it against permuted ratings"),
        ({"train_bins": "rating", "p_within": None}, "did not test it against permuted ratings"),
        ({"centred_r": None, "p_within": None}, "did not vary within sessions"),
    ],
)
def test_one_that_was_never_shown_says_so_and_why(given, why):
    signature = with_metrics(**given)
    card = performance(signature)
    assert (card.answer, card.status) == ("Never shown to track pain", "bad")
    assert why in card.text and why in why_not_shown(signature)
    assert why_not_shown(signature).startswith("this signature was never shown to track pain")


def test_one_of_few_sessions_says_that_they_are_too_few():
    signature = with_metrics(n_groups=6)
    card = performance(signature)
    assert card.answer == "Not shown to track pain: too few sessions to tell"
    assert card.status == "caution" and "too few sessions for a conclusion" in card.text
    assert "too few sessions for a conclusion" in why_not_shown(signature)


def test_one_that_tells_the_level_alone_says_what_may_be_read(run, tmp_path):
    signature = with_metrics(p_within=0.5)
    card = performance(signature)
    assert card.answer == "Not shown to track changes within sessions; tells the level of pain"
    assert card.status == "caution"
    assert why_not_shown(signature).startswith("this signature was shown to tell the level of pain")
    mean = predicted(score(signature, run), signature)
    assert "In 9 rated sessions of this person" in mean.text and "lowest" not in mean.text
    write_reading(tmp_path / "page.html", signature, [score(signature, run)])
    page = (tmp_path / "page.html").read_text()
    assert "do not interpret differences between minutes" in page and "Never shown" not in page


def test_one_of_an_earlier_version_records_nothing():
    signature = read_signature(FOLDER)
    card = performance(signature)
    assert (card.answer, card.status, card.numbers) == ("Not recorded", "bad", "")
    assert why_not_shown(signature) == f"{NOT_RECORDED}."


def test_a_recalibrated_one_has_the_results_of_the_one_before(run):
    new, _, _ = recalibrate(with_metrics(), [run])
    card = performance(new)
    assert "of the signature before slope and offset were fitted again" in card.text
    assert card.numbers == performance(with_metrics()).numbers


def test_another_persons_signature_promises_nothing():
    assert "how well it predicts this person is not known" in (
        performance(with_metrics(), of_other_person=True).text
    )


def test_intervals_end_where_the_scale_ends(run):
    free = with_metrics()
    table = read_session(free, [run]).table
    low, high = np.quantile(table[["low_80", "high_80"]], [0.25, 0.75])
    limited = replace(free, origin=Origin(read_with={"rating_range": (low, high)}))
    cut = read_session(limited, [run]).table
    for name in ("low_80", "high_80", "low_90", "high_90", "adaptive_low_80"):
        np.testing.assert_array_equal(cut[name], table[name].clip(low, high))
    assert (cut["high_80"] < table["high_80"]).any()
    np.testing.assert_array_equal(cut["predicted"], table["predicted"])
    assert f"from {low:g} to {high:g}" in predicted(score(limited, run), limited).numbers


def test_counts_agree_with_the_numbers_as_printed(run):
    signature = with_metrics()
    row = read_session(signature, [run]).table.query("scale == 'session'").iloc[0]
    levels = (row["predicted"] - 0.5, *[row["predicted"] - 1e-9] * 8)  # eight are printed alike
    history = replace(signature.history, levels=levels)
    text = predicted(score(signature, run), replace(signature, history=history)).text
    assert f"to {row['predicted']:.2f}" in text and "in 1 of them it was lower" in text


def test_the_page_names_person_signature_and_atlas(run, tmp_path):
    signature = with_metrics(p_within=0.5, skill=-0.1)
    signature = replace(signature, origin=Origin("A", read_with={}))
    write_reading(tmp_path / "page.html", signature, [score(signature, run)])
    page = (tmp_path / "page.html").read_text()
    title = "Predicted pain of sub-01, session 20, with the signature of sub-01"
    assert f"<h1>{title}</h1>" in page and f"<title>{title}" in page
    assert "trained on 9 rated sessions; atlas A, 5 regions" in page
    assert page.index("Never shown") < page.index("What is the predicted pain")
    assert "do not interpret the mean prediction as pain" in page
    promise = page.index("mean ratings only if the new session")
    assert (
        page.index("not shown to track changes of pain, or to tell the level of pain. A mean")
        < promise
    )
    assert "<dt>held-out</dt>" in page and "--fold" not in page and "docs/" not in page


def test_a_level_that_was_shown_is_the_answer(run):
    signature = with_metrics()
    card = predicted(score(signature, run), signature)
    assert re.fullmatch(r"\S+ \(80% interval \S+ to \S+\)", card.answer)
    assert "In 9 rated sessions of this person, the mean rating ranged" in card.text
    assert card.numbers.startswith("mean of 3 minutes in 1 run; ")


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ({"skill_ci": [-0.1, 0.3]}, "Not shown to be a level of pain"),
        ({"skill": -0.1}, "Not shown to be a level of pain"),
        ({"p_within": 0.5, "skill_ci": [-0.1, 0.3]}, "Not shown to be pain"),
        ({"n_groups": 6}, "Not shown to be pain"),
    ],
)
def test_a_level_that_was_not_shown_is_no_answer(run, given, answer):
    signature = with_metrics(**given)
    card = predicted(score(signature, run), signature)
    readable = predicted(score(with_metrics(), run), with_metrics())
    assert card.answer == answer and "rated sessions" not in card.text
    assert card.numbers == f"mean prediction {readable.answer}{readable.numbers[4:]}"
    assert ("minute" in card.text) == ("read the changes" in card.text) == ("level" in answer)


@pytest.mark.parametrize(("high", "said"), [(0.4, "do not overlap"), (0.6, "overlap")])
def test_lowest_and_highest_minute_are_named_with_their_intervals(run, high, said):
    signature = with_metrics(skill_ci=[-0.1, 0.3])
    scored = score(signature, run)
    table = scored.reading.table.copy()
    minutes = table["scale"] == "1min"
    table.loc[minutes, "predicted"] = [0.5, 0.8, 0.2]
    table.loc[minutes, "low_80"] = [0.3, 0.5, 0.1]
    table.loc[minutes, "high_80"] = [0.7, 0.9, high]
    scored = replace(scored, reading=replace(scored.reading, table=table))
    assert predicted(scored, signature).text.endswith(
        "Of the minutes, minute 3 of run 1 has the lowest prediction, 0.20 (80% interval 0.10 to "
        f"{high:.2f}), and minute 2 of run 1 the highest, 0.80 (80% interval 0.50 to 0.90); the "
        f"intervals {said}."
    )


def test_a_session_that_trained_the_signature_is_no_test_on_the_page(run, tmp_path):
    signature = with_metrics()
    known = replace(run, session=signature.models[1].held_out)
    scored = score(signature, known)
    card = predicted(scored, signature)
    assert card.answer == "Not a test: not a new session" and "interval" not in card.numbers
    write_reading(tmp_path / "page.html", signature, [scored])
    page = (tmp_path / "page.html").read_text()
    assert "It is one of them: caution" in page and "The intervals come from" not in page
    assert "<th>80% interval" not in page and '<td class="text">in range' not in page


def test_minutes_of_each_run_are_on_the_axis():
    rows = [(run, minute) for run in (1, 2) for minute in range(1, 6)]
    minutes = pd.DataFrame(rows, columns=["run", "minute"]).assign(
        predicted=0.5, low_80=0.2, high_80=0.9
    )
    ax = plot_reading(minutes, [0.4, 0.5, 0.6], "80", ends=(0, 1))
    assert [label.get_text() for label in ax.get_xticklabels()] == [*"12345"] * 2
    dots = [x for line in ax.lines[1:] for x in line.get_xdata()]
    assert ax.get_xticks().tolist() == dots == [1, 2, 3, 4, 5, 7, 8, 9, 10, 11]
    assert set(ax.lines[0].get_ydata()) == {0.5} and ax.get_xlabel() == "minute of the run"
    assert ax.get_ylim()[0] <= 0 and ax.get_ylim()[1] >= 1
    assert [text.get_text() for text in ax.texts] == ["run 1", "run 2"]
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    ratings = ["median of session ratings in the study", "their quartiles"]
    assert labels == ["prediction", "80% interval", *ratings]


def test_many_short_runs_have_ticks():
    rows = [(run, minute) for run in range(90) for minute in (1, 2, 3, 4, 5)]
    minutes = pd.DataFrame(rows, columns=["run", "minute"]).assign(
        predicted=0.5, low_80=0.2, high_80=0.9
    )
    ax = plot_reading(minutes, [0.4, 0.5, 0.6], "80")
    assert {label.get_text() for label in ax.get_xticklabels()} == {"5"}


def test_figures_of_several_sessions_share_no_identifier(run, tmp_path):
    signature = with_metrics()
    write_reading(tmp_path / "page.html", signature, [score(signature, run)] * 2)
    page = (tmp_path / "page.html").read_text()
    assert "<h1>Predicted pain of sub-01, sessions 20, 20, with" in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids)) > 10
