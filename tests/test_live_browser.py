"""The page of a live reading in Chromium: drawn while volumes come, started again, small, dark."""

import signal
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest
from test_browser import ARTEFACTS
from test_live import Stream, begin, lines_of, volumes_of
from test_rating_server import running

from painprint.live.probe import ProbedRating, ProbeRule, Probes
from painprint.live.reader import LiveReading
from painprint.live.record import Record
from painprint.live.scorer import LiveScorer
from painprint.rating_task.task import RatingTask
from painprint.server.live_page import live_app
from painprint.server.local import serve

pytestmark = [pytest.mark.long, pytest.mark.needs("chromium")]
SIZES = {"wide": (1280, 800), "phone": (390, 800)}


class Page:
    """The page of a reading, with what it said and asked for."""

    def __init__(self, browser, url, size="wide", scheme="light"):
        width, height = SIZES[size]
        viewport = {"width": width, "height": height}
        self.context = browser.new_context(viewport=viewport, color_scheme=scheme)
        self.page = self.context.new_page()
        self.errors, self.asked = [], []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(url)

    def text(self, name):
        from playwright.sync_api import Error

        try:
            return self.page.evaluate(f"() => document.getElementById('{name}')?.textContent ?? ''")
        except Error as error:
            if "navigation" in str(error):  # the page before the first volume loads itself again
                return ""
            raise

    def wait(self, name, wanted, seconds=20):
        until = time.monotonic() + seconds
        while not wanted(found := self.text(name)):
            assert time.monotonic() < until, (name, found)
            self.page.wait_for_timeout(50)
        return found

    def drawn(self):
        """Number of points of the canvas in the colour of the line."""
        return self.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {"
            " const c = document.getElementById('plot'), p = c.getContext('2d')"
            ".getImageData(0, 0, c.width, c.height).data;"
            " const probe = document.createElement('canvas').getContext('2d');"
            " probe.fillStyle = getComputedStyle(document.documentElement)"
            ".getPropertyValue('--accent').trim(); probe.fillRect(0, 0, 1, 1);"
            " const [r, g, b] = probe.getImageData(0, 0, 1, 1).data; let n = 0;"
            " for (let i = 0; i < p.length; i += 4)"
            "   if (p[i] === r && p[i + 1] === g && p[i + 2] === b) n++;"
            " done(n); })))"
        )


@contextmanager
def shown(browser, trained, folder, size="wide", scheme="light"):
    signature, run = trained
    reading = begin(folder, signature, run.regions, run.tr_s)
    with serve(live_app(lambda: reading)) as address:
        page = Page(browser, address.url(), size, scheme)
        yield page, reading
        page.context.close()
    reading.record.close()
    assert page.errors == []
    here = f"http://127.0.0.1:{address.port}/"
    assert all(url.startswith((here, "data:")) for url in page.asked)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_it_is_drawn_while_volumes_come(browser, trained, tmp_path, size, scheme):
    _, run = trained
    with shown(browser, trained, tmp_path, size, scheme) as (page, reading):
        first, rest = volumes_of(run, range(120)), volumes_of(run, range(120, 240))
        for volume in first:
            reading.take(volume)
        page.wait("scored", lambda text: text == "90")
        early = page.drawn()
        assert early > 50
        assert page.text("mean") != "–" and "80% interval" in page.text("interval")
        reading.follow(Stream(run, rest))
        page.wait("scored", lambda text: text == "210")
        assert page.drawn() > early
        page.wait("why", lambda text: text == "The run has ended.")
        assert page.page.evaluate(
            "() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        )
        ARTEFACTS.mkdir(exist_ok=True)
        page.page.screenshot(path=ARTEFACTS / f"live_{size}_{scheme}.png", full_page=True)


def test_what_was_read_before_the_page_was_opened_is_shown(browser, trained, tmp_path):
    signature, run = trained
    with shown(browser, trained, tmp_path) as (page, reading):
        for volume in volumes_of(run, range(150)):
            reading.take(volume)
        page.wait("scored", lambda text: text == "120")
        one = page.drawn()
        page.page.reload()
        page.wait("scored", lambda text: text == "120")
        assert abs(page.drawn() - one) < 5


def test_10000_volumes_are_drawn(browser, trained, tmp_path):
    _, run = trained
    with shown(browser, trained, tmp_path) as (page, reading):
        volumes = volumes_of(run)

        def send():
            for i in range(10_000):
                reading.take(replace(volumes[i % 240], index=i))

        thread = threading.Thread(target=send)
        thread.start()
        page.wait("scored", lambda text: text == "9,970", seconds=120)
        thread.join()
        assert page.drawn() > 50


def test_a_rating_is_asked_for_given_and_shown(browser, trained, tmp_path):
    signature, run = trained
    record = Record(tmp_path, "run", {"signature": "x"}, run.regions)
    task = RatingTask(design="intermittent", answer_within_s=5.0).complete()
    probes = Probes(ProbeRule("above", -1e9, 60), task)
    scorer = LiveScorer(signature, run.regions, run.tr_s)
    reading = LiveReading(record, scorer, probes=probes)
    rating = ProbedRating(task, lambda: reading)
    with serve(live_app(lambda: reading, rating)) as address:
        operator = Page(browser, address.url())
        person = Page(browser, address.url("/rate/"))
        hidden = "() => document.getElementById('rating').hidden"
        operator.wait("open", lambda text: text == "open")
        assert "From time to time" in person.page.inner_text("body")
        for volume in volumes_of(run, range(110)):
            reading.take(replace(volume, arrived_s=time.monotonic()))
        until = time.monotonic() + 10
        while person.page.evaluate(hidden):
            assert time.monotonic() < until
            person.page.wait_for_timeout(20)
        person.page.screenshot(path=ARTEFACTS / "live_probe_rating.png")
        person.page.keyboard.press("ArrowLeft", delay=20)
        person.page.keyboard.press("Enter")
        operator.wait("answers", lambda text: text == "1 / 1")
        assert person.page.evaluate(hidden)
        person.page.reload()  # what was answered is not asked again
        person.page.wait_for_timeout(500)
        assert person.page.evaluate(hidden)
        for volume in volumes_of(run, range(110, 180)):
            reading.take(replace(volume, arrived_s=time.monotonic()))
        operator.wait("answers", lambda text: text == "1 / 2")
        reading.end(Stream(run, []))
        operator.wait("why", lambda text: text == "The run has ended.")
        operator.page.screenshot(path=ARTEFACTS / "live_probe.png")
        until = time.monotonic() + 10
        while "Thank you" not in person.page.inner_text("body"):
            assert time.monotonic() < until
            person.page.wait_for_timeout(50)
        for page in (operator, person):
            assert page.errors == []
            page.context.close()
    record.close()
    (line,) = [row for row in lines_of(tmp_path) if row["kind"] == "rating"]
    assert line["rating"] == pytest.approx(49, abs=0.6) and line["confirmed"] == 1


def test_it_goes_on_after_the_program_was_started_again(browser, decoded, tmp_path):
    (signature,) = decoded.glob("sub-01/decoding/*_signature")
    series = "bids/derivatives/xcp_d/sub-01/ses-05/func/*_timeseries.tsv"
    lines = sorted(decoded.parent.glob(series))[0].read_text().splitlines(keepends=True)
    words = [sys.executable, "-m", "painprint", "live", str(signature), "stdin", "--tr", "1"]
    words += ["--out", str(tmp_path)]
    with running(words, stdin=True) as (process, where):
        page = Page(browser, f"http://127.0.0.1:{where.port}/?token={where.token}")
        assert "Waiting for the first volume" in page.page.inner_text("body")
        process.stdin.writelines(lines[:101])
        process.stdin.flush()
        page.wait("scored", lambda text: text == "70")
        process.send_signal(signal.SIGKILL)
        process.wait()
    is_lost = "() => !document.getElementById('lost').hidden"
    page.wait("lost", lambda _: page.page.evaluate(is_lost))
    with running(words, stdin=True) as (process, again):
        assert (again.port, again.token) == (where.port, where.token)
        process.stdin.writelines(lines[:201])
        process.stdin.flush()
        page.wait("scored", lambda text: text == "170")
        assert not page.page.evaluate(is_lost)
        assert page.errors == []
        process.stdin.close()
        assert process.wait(timeout=20) == 0
    page.context.close()
    indices = [row["index"] for row in lines_of(tmp_path) if row["kind"] == "volume"]
    assert indices == list(range(200))
    assert not list(tmp_path.glob(".*address"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessibility(browser, trained, tmp_path, scheme):
    from axe_core_python.sync_playwright import Axe

    _, run = trained
    with shown(browser, trained, tmp_path, scheme=scheme) as (page, reading):
        for volume in volumes_of(run, range(150)):
            reading.take(volume)
        page.wait("scored", lambda text: text == "120")
        content = page.page.content().replace("<script nonce", "<script type='text/x' nonce")
        other = browser.new_page(bypass_csp=True, color_scheme=scheme)
        other.set_content(content)
        found = Axe().run(other, options={"runOnly": ["wcag2a", "wcag2aa"]})
        other.close()
        assert [one["id"] for one in found["violations"]] == []
        page.page.keyboard.press("Tab")
        assert page.page.evaluate("() => document.activeElement.id") == "plot"
