"""Ratings that a live reading asks for: when, on which page, and what is written."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from test_live import Stream, lines_of, volumes_of
from test_rating_server import a_batch, ask

from painprint.cli import main
from painprint.live.options import LiveOptions
from painprint.live.outlet import CHANNELS, Outlet
from painprint.live.probe import ProbedRating, ProbeRule, Probes
from painprint.live.reader import LiveReading
from painprint.live.record import Record
from painprint.live.scorer import LiveScorer, Reading
from painprint.rating_task.recording import Answer
from painprint.rating_task.task import RatingTask
from painprint.server.live_page import live_app
from painprint.server.local import serve

TASK = RatingTask(design="intermittent").complete()
ALWAYS = ProbeRule("above", -np.inf, 40)


def a_reading(index, mean, word="in range"):
    return Reading(index, True, mean, mean, None, None, word, ())


class TestRule:
    def test_a_rating_is_asked_for_beyond_the_quantile_of_the_own_ratings(self):
        levels = [0.1, 0.2, 0.3, 0.4, 0.5]
        above = ProbeRule.of_levels(levels, "above", 0.75, 10)
        below = ProbeRule.of_levels(levels, "below", 0.75, 10)
        assert above.threshold == pytest.approx(0.4) and below.threshold == pytest.approx(0.2)
        assert above.is_due(a_reading(3, 0.41), None) and not above.is_due(a_reading(3, 0.4), None)
        assert below.is_due(a_reading(3, 0.19), None) and not below.is_due(a_reading(3, 0.2), None)

    def test_not_again_before_the_cooldown_is_over(self):
        rule = ProbeRule("above", 0.0, 10)
        assert not rule.is_due(a_reading(19, 1.0), 10) and rule.is_due(a_reading(20, 1.0), 10)
        assert not rule.is_due(a_reading(5, 1.0), 10)  # a late volume

    def test_not_without_a_mean_and_not_where_the_run_may_not_be_read(self):
        rule = ProbeRule("below", 9.0, 10)
        assert not rule.is_due(a_reading(3, None), None)
        assert not rule.is_due(a_reading(3, 1.0, "do not read"), None)
        assert rule.is_due(a_reading(3, 1.0, "caution"), None)


@pytest.fixture
def probed(trained, tmp_path):
    """A function that begins a reading which asks for a rating, or goes on with one."""
    signature, run = trained

    def begin():
        record = Record(tmp_path, "run", {"signature": "x"}, run.regions)
        probes = Probes(ALWAYS, TASK, record.earlier)
        scorer = LiveScorer(signature, run.regions, run.tr_s)
        return LiveReading(record, scorer, probes=probes, clock=lambda: now[0])

    now = [1000.0]
    return begin, now


def take(reading, run, now, rows):
    """Volumes that come as soon as each is scanned, the first from a time of 1000 s on."""
    for i in rows:
        now[0] = 1000.0 + (i + 1) * run.tr_s
        reading.take(replace(volumes_of(run, [i])[0], arrived_s=now[0]))


class TestAnswers:
    def test_question_and_answer_are_lines_and_the_answers_are_events_in_bids(
        self, trained, tmp_path, probed
    ):
        _, run = trained
        begin, now = probed
        reading = begin()
        take(reading, run, now, range(120))
        asked = [row["volume_asked"] for row in lines_of(tmp_path) if row["kind"] == "probe"]
        first = asked[0]
        assert asked == list(range(first, 120, 40))
        shown = 1000.0 + (asked[-1] + 1) * run.tr_s + 0.2
        answer = Answer(shown, shown + 3.0, shown + 1.0, 0.25, True)
        reading.add_answer(answer)
        reading.add_answer(answer)  # sent again
        (line,) = [row for row in lines_of(tmp_path) if row["kind"] == "rating"]
        assert line == {
            "kind": "rating", "volume_asked": asked[-1], "trial_type": "rating",
            "onset": pytest.approx((asked[-1] + 1) * run.tr_s + 0.2), "duration": 3.0,
            "response_time": 1.0, "rating": 25.0, "confirmed": 1,
        }  # fmt: skip
        table = pd.read_csv(tmp_path / "run_live_events.tsv", sep="\t")
        assert table["rating"].tolist() == [25.0]
        assert list(table.columns[:3]) == ["onset", "duration", "trial_type"]
        sidecar = json.loads((tmp_path / "run_live_events.json").read_text())
        assert sidecar["rating"]["Maximum"] == 100

    def test_the_readings_are_those_without_questions(self, trained, tmp_path, probed):
        signature, run = trained
        begin, _ = probed
        begin().follow(Stream(run, volumes_of(run)))
        alone = Record(tmp_path / "alone", "run", {"signature": "x"}, run.regions)
        scorer = LiveScorer(signature, run.regions, run.tr_s)
        LiveReading(alone, scorer).follow(Stream(run, volumes_of(run)))
        with_questions = [row for row in lines_of(tmp_path) if row["kind"] != "probe"]
        assert with_questions == lines_of(tmp_path / "alone")

    def test_after_a_kill_no_question_is_asked_twice_and_the_answer_is_kept(
        self, trained, tmp_path, probed
    ):
        _, run = trained
        begin, now = probed
        reading = begin()
        take(reading, run, now, range(100))
        last = reading.probes.last
        again = begin()
        assert again.probes.last == last
        again.add_answer(Answer(now[0], now[0] + 1.0, None, 0.5, True))
        assert again.probes.answers == []  # when the run began is known with the next volume
        take(again, run, now, range(100, 105))
        (line,) = [row for row in lines_of(tmp_path) if row["kind"] == "rating"]
        assert line["volume_asked"] == last
        assert line["onset"] == pytest.approx(100 * run.tr_s)
        asked = [row["volume_asked"] for row in lines_of(tmp_path) if row["kind"] == "probe"]
        assert len(asked) == len(set(asked))


class TestPage:
    def test_the_page_is_told_of_a_question_and_sends_the_answer(self, trained, tmp_path, probed):
        _, run = trained
        begin, now = probed
        shown = []
        rating = ProbedRating(TASK, lambda: shown[0] if shown else None, clock=lambda: now[0])
        with serve(live_app(rating.current, rating)) as address:
            status, page, _ = ask(address, "/rate/")
            assert status == 200 and TASK.question in page
            assert ask(address, "/rate/", token="wrong")[0] == 403
            assert json.loads(ask(address, "/rate/state")[1])["asked"] is None
            assert send(address, a_batch()) == (200, {"stop": False, "asked": None})
            shown.append(begin())
            take(shown[0], run, now, range(100))
            last = shown[0].probes.last
            assert send(address, a_batch(1)) == (200, {"stop": False, "asked": last})
            assert rating.has_page()
            assert send(address, a_batch(0, page="b"))[0] == 409
            now[0] += 5.0
            row = [2000.0, 4000.0, 3000.0, 0.75, 1]
            batch = a_batch(2, answers=[row]) | {"sent": 5000.0}
            assert send(address, batch)[0] == 200
            assert send(address, batch)[0] == 200
            assert [line["rating"] for line in shown[0].probes.answers] == [75.0]
            shown[0].end(Stream(run, []))
            assert send(address, a_batch(3))[0] == 410
            assert json.loads(ask(address, "/rate/state")[1])["phase"] == "ended"
        shown[0].record.close()

    def test_an_answer_before_the_first_volume_of_a_program_started_again_is_kept(
        self, trained, tmp_path, probed
    ):
        _, run = trained
        begin, now = probed
        take(begin(), run, now, range(100))
        shown = []
        rating = ProbedRating(TASK, lambda: shown[0] if shown else None, clock=lambda: now[0])
        row = [2000.0, 4000.0, 3000.0, 0.75, 1]
        assert rating.take(a_batch(7, answers=[row]) | {"sent": 5000.0}) == "kept"
        shown.append(begin())
        assert rating.take(a_batch(8)) == "kept"
        take(shown[0], run, now, range(100, 103))
        assert [line["rating"] for line in shown[0].probes.answers] == [75.0]

    def test_a_page_that_is_opened_late_is_asked_while_the_question_is_open(
        self, trained, tmp_path, probed
    ):
        _, run = trained
        begin, now = probed
        reading = begin()
        rating = ProbedRating(TASK, lambda: reading, clock=lambda: now[0])
        take(reading, run, now, range(150))
        (before, _), (last, at_s) = reading.probes.asked
        now[0] = at_s + 1.0
        assert rating.state()["asked"] == before and rating.reply()["asked"] == last
        now[0] += TASK.answer_within_s
        assert rating.state()["asked"] == last


def send(address, batch):
    status, text, _ = ask(address, "/rate/batch", method="POST", body=json.dumps(batch))
    return status, json.loads(text) if text else None


class TestCommand:
    def test_questions_of_a_replay_are_in_its_lines(self, tmp_path, capsys):
        task = tmp_path / "task.toml"
        task.write_text('question = "Schmerz?"\nanswer-within = 5\nhighest = 10')
        words = ["live", "--demo", "--speed", "0", "--out", str(tmp_path), "--probe", "above"]
        words += ["--probe-quantile", "0.5", "--cooldown", "60", "--rating-task", str(task)]
        assert main(words) == 0
        said = capsys.readouterr()
        assert "The participant rates at" in said.out and "/rate/?token=" in said.out
        assert "The scale of the question is 0 to 10, that of" in said.err
        assert "while the mean of the last minute is above" in said.err
        asked = [row["volume_asked"] for row in lines_of(tmp_path) if row["kind"] == "probe"]
        assert asked and (np.diff(asked) * 0.46 >= 60).all()

    @pytest.mark.parametrize(
        ("words", "text", "content"),
        [
            (["--probe", "over"], "--probe", ""),
            (["--probe", "above", "--no-page"], "needs the page", ""),
            (["--probe", "above", "--cooldown", "10"], "--cooldown is 10", ""),
            (["--probe", "above", "--probe-quantile", "0.3"], "--probe-quantile is 0.3", ""),
            (["--rating-task", "TASK"], "no rating is asked for", ""),
            (["--probe", "above", "--rating-task", "nonsense"], "no file nonsense", ""),
            (["--probe", "above", "--rating-task", "TASK"], "did you mean", "answer-in = 3"),
            (["--probe", "above", "--rating-task", "TASK"], "design", 'design = "continuous"'),
            (["--probe", "above", "--rating-task", "TASK"], "--every is 0", "every = 0"),
        ],
    )
    def test_what_cannot_be_is_refused(self, tmp_path, capsys, words, text, content):
        (tmp_path / "task.toml").write_text(content)
        words = [str(tmp_path / "task.toml") if word == "TASK" else word for word in words]
        words = ["live", "--demo", "--speed", "0", "--out", str(tmp_path / "o"), *words]
        assert main(words) == 2
        said = capsys.readouterr().err
        assert text.lower() in said.lower() and said.count("\n") == 1
        assert not (tmp_path / "o").exists()

    def test_the_quantile_is_a_share_from_a_half(self):
        with pytest.raises(ValueError, match="^probe_quantile"):
            LiveOptions(probe_quantile=0.4)


def test_readings_go_to_the_lab_streaming_layer(trained, tmp_path):
    pylsl = pytest.importorskip("pylsl", reason="extra lsl")
    signature, run = trained
    record = Record(tmp_path, "run", {}, run.regions)
    reading = LiveReading(record, LiveScorer(signature, run.regions, run.tr_s))
    outlet = Outlet(reading)
    (info,) = pylsl.resolve_byprop("name", "painprint", timeout=10)
    inlet = pylsl.StreamInlet(info)
    inlet.open_stream(10)
    volumes = volumes_of(run)
    reading.follow(Stream(run, volumes))
    got = []
    while len(got) < len(volumes) and (sample := inlet.pull_sample(5)[0]) is not None:
        got.append(sample)
    outlet.close()
    rows, _, _ = reading.since(0, 0)
    wanted = [[np.nan if row[name] is None else row[name] for name in CHANNELS] for row in rows]
    np.testing.assert_array_equal(got, wanted)
    record.close()
