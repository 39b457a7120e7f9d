"""The rating task in Chromium: keys, mouse, triggers, tabs, looks; from the scanner to a page."""

import gzip
import json
import sys
import time
from contextlib import ExitStack, contextmanager

import numpy as np
import pandas as pd
import pytest
from conftest import QUICK, SMALL_MOVES, Tree
from test_browser import ARTEFACTS
from test_rating_server import running
from test_rating_task import validate

from painprint import Run
from painprint.apps.rate import finish
from painprint.cli import main
from painprint.rating_task.files import RatingFiles, describe_dataset
from painprint.rating_task.run import RatingRun
from painprint.rating_task.task import TEXT_NAMES, RatingTask
from painprint.runs import motion_confounds
from painprint.server.local import serve
from painprint.server.rating_page import rating_app

pytestmark = [pytest.mark.long, pytest.mark.needs("chromium")]
SIZES = [(1024, 768), (1280, 800), (1920, 1080), (3840, 2160)]


class Page:
    """A page of the task, with what it said and asked for."""

    def __init__(self, browser, address, size=(1024, 768), **options):
        width, height = size
        self.context = browser.new_context(viewport={"width": width, "height": height}, **options)
        self.page = self.context.new_page()
        self.errors, self.asked = [], []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(address.url())
        self.wait("document.getElementById('before').hidden || document.hasFocus()")
        self.page.wait_for_timeout(200)

    def wait(self, condition):
        """Wait for a condition; Playwright's own way would need eval, which the page forbids."""
        until = time.monotonic() + 15
        while not self.page.evaluate(f"() => {condition}"):
            assert time.monotonic() < until, condition
            self.page.wait_for_timeout(20)

    def press(self, key, times=1):
        for _ in range(times):
            self.page.keyboard.press(key)

    def shown(self):
        """Which part of the page is shown."""
        return self.page.evaluate(
            "() => [...document.querySelectorAll('main')].filter((m) => !m.hidden).map((m) => m.id)"
        )

    def move(self, place):
        self.wait("!document.getElementById('rating').hidden")
        box = self.page.locator("#line").bounding_box()
        self.page.mouse.move(box["x"] + place * box["width"], box["y"] + box["height"] / 2)

    def text(self):
        return self.page.inner_text("body")

    def close(self):
        self.context.close()


@contextmanager
def task_of(browser, tmp_path, size=(1024, 768), practice=False, **options):
    """A run of a task, its page, and where its files go."""
    task = RatingTask(**{"duration_s": 60.0, **options}).complete()
    files = RatingFiles(tmp_path / "bids", "01", "", "rating", "1")
    run = RatingRun(task, None if practice else files.journal)
    with serve(rating_app(run)) as address:
        page = Page(browser, address, size)
        yield page, run, files, address
        page.close()
    run.close()
    assert page.errors == []
    assert all(url.startswith(address.url("/")[: -len("?token=" + address.token)]) or
               url.startswith("data:") for url in page.asked)  # fmt: skip


def samples_of(files):
    text = gzip.decompress(files.path("recording-rating_physio.tsv.gz").read_bytes()).decode()
    return np.array([float(row.split("\t")[0].replace("n/a", "nan")) for row in text.splitlines()])


def sidecar_of(files, name="recording-rating_physio"):
    return json.loads(files.path(f"{name}.json").read_text())


class TestContinuous:
    def test_mouse_and_keys_move_the_mark_and_are_recorded(self, browser, tmp_path):
        with task_of(browser, tmp_path, seconds_across_s=2.0) as (page, run, files, _):
            assert page.shown() == ["before"]
            page.page.mouse.move(300, 300)  # before the scan nothing is rated
            page.press("5")
            page.wait("!document.getElementById('rating').hidden")
            assert page.page.get_attribute("#line", "aria-valuetext") == "not rated yet"
            for place in (0.25, 0.75, 1.05, -0.05):
                page.move(place)
                page.page.wait_for_timeout(300)
            page.press("ArrowRight", 5)
            page.page.wait_for_timeout(300)
            assert run.status().place == pytest.approx(0.05)
            page.page.keyboard.down("2")
            page.page.wait_for_timeout(900)
            page.page.keyboard.up("2")
            page.page.wait_for_timeout(300)
            held = run.status().place
            assert held > 0.2
            page.press("1")
            page.press("5")
            page.page.wait_for_timeout(300)
            assert run.status().n_triggers == 2
        finish(files)
        found = samples_of(files)
        assert np.isnan(found[0])
        distinct = found[np.isfinite(found)]
        steps = [25.0, 75.0, 100.0, 0.0]
        at = [int(np.flatnonzero(np.abs(distinct - value) < 0.2)[0]) for value in steps]
        assert at == sorted(at)
        assert distinct[-1] == pytest.approx(100 * (held - 0.01), abs=0.01)

    def test_the_scale_appears_when_it_should(self, browser, tmp_path):
        with task_of(browser, tmp_path, scale_after_s=1.0) as (page, _, files, _):
            page.press("5")
            page.wait("!document.getElementById('between').hidden")
            page.wait("!document.getElementById('rating').hidden")
            page.move(0.5)
            page.page.wait_for_timeout(400)
        finish(files)
        assert sidecar_of(files)["StartTime"] == pytest.approx(1.0)

    def test_the_run_ends_after_its_duration_from_the_first_volume(self, browser, tmp_path):
        options = {"duration_s": 2.0, "dummy_triggers": 2, "repetition_time_s": 0.5}
        with task_of(browser, tmp_path, **options) as (page, run, files, _):
            for _ in range(6):
                page.press("5")
                page.page.wait_for_timeout(450)
                if run.status().n_triggers == 3:
                    page.move(0.6)
            page.wait("!document.getElementById('after').hidden")
            assert run.task.thanks in page.text()
            deadline = time.monotonic() + 5
            while run.status().phase != "ended" and time.monotonic() < deadline:
                page.page.wait_for_timeout(50)
            assert run.status().phase == "ended"
        finish(files)
        sidecar = sidecar_of(files)
        assert sidecar["RunCheck"]["end"] == "duration"
        assert sidecar["StartTime"] < -0.8
        # the page ends by the repetition time; a slow computer sends triggers later than that
        most = (2.0 - sidecar["StartTime"]) * 20 + 2
        assert min(most, (2 * 0.5 + 2.0) * 20) - 1 <= len(samples_of(files)) <= most

    def test_caps_lock_and_the_space_bar_are_of_no_account(self, browser, tmp_path):
        keys = {"trigger_key": ("t",), "left_key": ("space",)}
        with task_of(browser, tmp_path, **keys) as (page, run, _, _):
            page.press("T")
            page.press("t")
            page.wait("!document.getElementById('rating').hidden")
            page.press(" ")
            page.page.wait_for_timeout(300)
            assert run.status().n_triggers == 2
            assert run.status().place == pytest.approx(0.49)

    def test_a_held_trigger_key_counts_once(self, browser, tmp_path):
        with task_of(browser, tmp_path) as (page, run, _, _):
            page.page.keyboard.down("5")
            page.page.keyboard.down("5")  # repeats
            page.page.keyboard.down("5")
            page.page.keyboard.up("5")
            page.page.wait_for_timeout(300)
            assert run.status().n_triggers == 1


class TestIntermittent:
    def test_questions_come_are_answered_and_pass(self, browser, tmp_path):
        options = {
            "design": "intermittent",
            "duration_s": 7.5,
            "every_s": 2,
            "answer_within_s": 1.2,
        }
        with task_of(browser, tmp_path, **options) as (page, run, files, _):
            page.press("5")
            for how in ("keys", "mouse", "none"):
                page.wait("!document.getElementById('rating').hidden")
                assert page.page.get_attribute("#line", "aria-valuetext") == "not rated yet"
                if how == "keys":
                    page.press("Enter")  # a start value is no answer
                    assert page.shown() == ["rating"]
                    page.press("ArrowLeft", 10)
                    page.press("Enter")
                elif how == "mouse":
                    page.move(0.8)
                    page.page.mouse.down()
                    page.page.mouse.up()
                page.wait("document.getElementById('rating').hidden")
            page.wait("!document.getElementById('after').hidden")
            page.page.wait_for_timeout(300)
        text = finish(files)
        assert "1 question of 3 had no answer" in text
        rows = [line.split("\t") for line in files.path("events.tsv").read_text().splitlines()[1:]]
        assert [row[5] for row in rows] == ["1", "1", "0"]
        assert float(rows[0][4]) == pytest.approx(40.0) and rows[2][4] == "n/a"
        assert float(rows[1][4]) == pytest.approx(80.0, abs=0.2)
        onsets = [float(row[0]) for row in rows]
        assert onsets == pytest.approx([2, 4, 6], abs=0.5)

    def test_in_practice_questions_come_at_once(self, browser, tmp_path):
        options = {"design": "intermittent", "dummy_triggers": 4, "answer_within_s": 1.0}
        with task_of(browser, tmp_path, practice=True, **options) as (page, *_):
            for _ in range(2):
                page.wait("!document.getElementById('rating').hidden")
                page.wait("document.getElementById('rating').hidden")


class TestTabs:
    def test_a_second_tab_is_refused_and_the_first_goes_on(self, browser, tmp_path):
        with task_of(browser, tmp_path) as (page, run, _, address):
            page.press("5")
            second = Page(browser, address)
            second.wait("!document.getElementById('refused').hidden")
            assert "open in another tab" in second.text()
            second.press("5")
            page.move(0.3)
            page.page.wait_for_timeout(300)
            assert run.status().place == pytest.approx(0.3, abs=0.01)
            assert run.status().n_triggers == 1
            second.close()

    def test_a_closed_tab_can_be_opened_again(self, browser, tmp_path):
        with task_of(browser, tmp_path) as (page, run, files, address):
            page.press("5")
            page.move(0.3)
            page.page.wait_for_timeout(300)
            page.page.close(run_before_unload=True)
            time.sleep(1.0)
            assert not run.status().has_page
            again = Page(browser, address)
            again.wait("!document.getElementById('rating').hidden")
            again.move(0.9)
            again.page.wait_for_timeout(300)
            assert run.status().place == pytest.approx(0.9, abs=0.01)
            assert again.errors == []
            again.close()
        assert "The page was closed for" in finish(files)
        found = samples_of(files)
        lost = np.isnan(found)
        lost[: np.flatnonzero(~lost)[0]] = False
        assert 10 < lost.sum() < 100
        assert sidecar_of(files)["RunCheck"]["without_page_s"] > 0.8

    def test_a_reload_goes_on_at_once(self, browser, tmp_path):
        with task_of(browser, tmp_path) as (page, run, _, _):
            page.press("5")
            page.page.wait_for_timeout(300)
            page.page.reload()
            page.wait("!document.getElementById('rating').hidden")
            page.move(0.7)
            page.page.wait_for_timeout(600)
            assert run.status().place == pytest.approx(0.7, abs=0.01)

    def test_the_clock_of_the_page_may_be_set_back(self, browser, tmp_path):
        with task_of(browser, tmp_path) as (page, _, files, _):
            page.press("5")
            page.move(0.3)
            page.page.evaluate("() => { Date.now = () => 0; }")
            page.page.wait_for_timeout(500)
            page.move(0.6)
            page.page.wait_for_timeout(500)
        finish(files)
        assert 1.0 < sidecar_of(files)["RunCheck"]["rated_s"] < 5.0

    def test_when_the_program_is_killed_the_page_says_so(self, browser, tmp_path):
        words = [sys.executable, "-m", "painprint", "rate", str(tmp_path / "bids")]
        with running([*words, "--participant-label", "01"]) as (process, where):
            where.url = lambda: f"http://127.0.0.1:{where.port}/?token={where.token}"
            page = Page(browser, where)
            page.press("5")
            page.move(0.5)
            page.page.wait_for_timeout(400)
            process.kill()
            process.wait()
            page.wait("document.getElementById('trouble').textContent !== ''")
            assert "No connection to the program" in page.text()
            assert page.shown() == ["rating"]  # the person can go on
            page.close()
        with running([*words, "--participant-label", "01"]) as (process, where):
            pass
        assert len(list((tmp_path / "bids").rglob("*run-1*_physio.tsv.gz"))) == 1


class TestLooks:
    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("options", [{}, {"language": "ar", "right_to_left": True}])
    def test_everything_fits_on_the_screen(self, browser, tmp_path, size, options):
        with task_of(browser, tmp_path, size, **options) as (page, *_):
            for name in ("before", "rating"):
                if name == "rating":
                    page.press("5")
                    page.wait("!document.getElementById('rating').hidden")
                    page.move(0.62)
                    page.page.wait_for_timeout(100)
                assert page.page.evaluate(
                    "(name) => { const m = document.getElementById(name);"
                    " return m.scrollHeight <= m.clientHeight && m.scrollWidth <= m.clientWidth; }",
                    name,
                )
                ARTEFACTS.mkdir(exist_ok=True)
                label = f"rate_{name}_{size[0]}{'_rtl' * bool(options)}"
                page.page.screenshot(path=ARTEFACTS / f"{label}.png")
            size_px = page.page.evaluate(
                "() => parseFloat(getComputedStyle(document.getElementById('question')).fontSize)"
            )
            assert size_px > 0.024 * size[0]  # large enough for a mirror
            lowest = page.page.locator(".labels span").first.bounding_box()
            line = page.page.locator("#line").bounding_box()
            assert abs(lowest["x"] - line["x"]) < 5  # the low end is on the left in any language

    def test_every_text_of_the_page_can_be_in_another_language(self, browser, tmp_path):
        texts = {name: f"ㄱ-{name}" for name in TEXT_NAMES if name != "language"}
        with task_of(browser, tmp_path, language="ko", **texts) as (page, _, _, address):
            said = page.page.evaluate("() => document.querySelector('main').innerText")
            assert said.split() == [texts[n] for n in ("instruction", "waiting", "full_screen")]
            assert page.page.get_attribute("html", "lang") == "ko"
            page.press("5")
            page.wait("!document.getElementById('rating').hidden")
            assert page.page.get_attribute("#line", "aria-valuetext") == texts["unrated"]
            second = Page(browser, address)
            second.wait("!document.getElementById('refused').hidden")
            assert second.text().strip() == texts["second_page"]
            second.close()

    def test_nothing_moves_but_the_mark(self, browser, tmp_path):
        with task_of(browser, tmp_path) as (page, *_):
            page.press("5")
            page.wait("!document.getElementById('rating').hidden")
            page.move(0.4)
            page.page.wait_for_timeout(300)
            first = page.page.screenshot()
            page.page.wait_for_timeout(1000)
            assert page.page.screenshot() == first

    @pytest.mark.parametrize("state", ["before", "rating", "practice", "after"])
    def test_accessibility(self, browser, tmp_path, state):
        from axe_core_python.sync_playwright import Axe

        with task_of(browser, tmp_path, practice=state == "practice", duration_s=1.0) as (page, *_):
            if state in ("rating", "after"):
                page.press("5")
            if state == "after":
                page.wait("!document.getElementById('after').hidden")
            # axe is put into the page by the test, which the page's own policy forbids
            content = page.page.content()
            other = browser.new_page(bypass_csp=True)
            other.set_content(content.replace("<script nonce", "<script type='text/x' nonce"))
            found = Axe().run(other, options={"runOnly": ["wcag2a", "wcag2aa"]})
            other.close()
            assert [one["id"] for one in found["violations"]] == []

    def test_a_screen_reader_hears_the_scale(self, browser, tmp_path):
        with task_of(browser, tmp_path) as (page, *_):
            page.press("5")
            page.wait("!document.getElementById('rating').hidden")
            page.move(0.25)
            page.page.wait_for_timeout(300)
            line = page.page.locator("[role=slider]")
            assert line.get_attribute("aria-valuenow") == "25"
            assert page.page.evaluate("() => document.activeElement.id") == "line"
            assert page.page.inner_text("#question") == RatingTask().complete().question

    def test_practice_begins_without_a_trigger(self, browser, tmp_path):
        with task_of(browser, tmp_path, practice=True, duration_s=1.0) as (page, run, files, _):
            page.wait("!document.getElementById('rating').hidden")
            assert "Practice: nothing is recorded." in page.text()
            page.move(0.5)
            page.page.wait_for_timeout(1500)
            assert page.shown() == ["rating"]  # it does not end by itself
        assert not (tmp_path / "bids").exists()


class TestEndToEnd:
    def test_from_the_scanner_to_a_page(self, browser, tmp_path):
        """Ratings in a browser, several at once; BOLD simulated for what was sent; study; page."""
        rng = np.random.default_rng(20261126)
        n_sessions, n_frames, tr_s = 6, 130, 1.0
        task = RatingTask(duration_s=n_frames * tr_s, repetition_time_s=tr_s).complete()
        tree = Tree(tmp_path / "bids")
        describe_dataset(tree.root)
        files = [
            RatingFiles(tree.root, "01", f"{s + 1:02d}", "rating", "1") for s in range(n_sessions)
        ]
        sent = rate_together(browser, files, task, rng)
        for session, file in enumerate(files):
            finish(file)
            rating = sent[session]
            signals = rng.normal(size=(n_frames, 8))
            signals[:, 1] += 8 * (np.roll(rating, 6) - rating.mean()) * signals[:, 0]
            names = (f"{session + 1:02d}", "rating", "1")
            motion = motion_confounds(rng.normal(0, SMALL_MOVES, size=(n_frames, 6)))
            run = Run(signals, rating, tr_s, *names, confounds=motion)
            tree.add_run(run, rating="none")
            for path in (tree.root / file.folder).glob("*_none.tsv"):
                path.unlink()  # the rating is that of the browser
        tree.add_atlas(run.regions, ["DMN"] * 6 + ["VIS"] * 2)
        assert validate(tree.root) == []
        words = ["run", str(tree.root), str(tmp_path / "out"), "participant", "--drop", "10"]
        assert main([*words, "--task-id", "rating", *QUICK]) == 0
        out = tmp_path / "out"
        page = (out / "sub-01.html").read_text()
        assert "recording-rating_physio.tsv.gz" in page or "rating" in page
        (predicted,) = out.rglob("*_predictions.tsv")
        rows = pd.read_csv(predicted, sep="\t")
        assert sorted(rows["session"].unique()) == list(range(1, n_sessions + 1))
        for session, rating in enumerate(sent, start=1):
            own = rows[(rows["session"] == session) & (rows["scale"] == rows["scale"].iloc[0])]
            assert own["rating"].mean() == pytest.approx(100 * rating[10:124].mean(), abs=5)
        metrics = json.loads(next(out.rglob("*_metrics.json")).read_text())
        assert metrics["n_groups"] == n_sessions


def rate_together(browser, files, task, rng):
    """Record runs at once, each with a page of its own; the place that was sent, by frame."""
    n = int(task.duration_s)
    sent = [0.5 + 0.35 * np.sin(np.cumsum(rng.normal(0.05, 0.08, n))) for _ in files]
    with ExitStack() as stack:
        runs = [RatingRun(task, file.journal) for file in files]
        opened = [stack.enter_context(serve(rating_app(run))) for run in runs]
        pages = [Page(browser, address) for address in opened]
        for page in pages:
            page.press("5")
        began = time.monotonic()
        boxes = []
        for page in pages:
            page.move(0.5)
            boxes.append(page.page.locator("#line").bounding_box())
        for frame in range(1, n):
            while (left := began + frame - time.monotonic()) > 0:
                pages[0].page.wait_for_timeout(1000 * left)
            for page, places, box in zip(pages, sent, boxes, strict=True):
                page.press("5")
                x, y = box["x"] + places[frame] * box["width"], box["y"] + box["height"] / 2
                page.page.mouse.move(x, y)
        for run, page in zip(runs, pages, strict=True):
            page.wait("!document.getElementById('after').hidden")
            page.close()
            run.close()
    return sent
