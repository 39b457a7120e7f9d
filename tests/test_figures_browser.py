"""Figures as a reader sees them in Chromium: no small text, no text on another, none cut off, for
few and for many sessions."""

import shutil
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest
from brains import write_atlas, write_own_surfaces
from conftest import FEW, Tree, simulate_runs, write_json

from painprint.atlas.geometry import read_brain
from painprint.cli import main
from painprint.report.brain_views import BrainViews
from painprint.report.drawings import brain_drawings, drawings
from painprint.report.overlays import BrainSection, overlays
from painprint.report.person import render_page
from painprint.report.svg import draw_figure, inline
from painprint.report.transfer import Transfer
from painprint.results.read import find_results, read_results

pytestmark = [pytest.mark.long, pytest.mark.needs("chromium")]
N_SESSIONS = 8
NAMES = [*(f"{side}_somatomotor_{i}" for side in "LR" for i in range(5)), "deep right", "deep left"]
NETWORKS = [*["Somatomotor"] * 3, *["Default"] * 4, *["Visual"] * 3, *["Subcortical"] * 2]
SMALLEST_PX, SHARED_PX = 8, 1
SCREEN_PX, MOST_SCREENS = 900, 8
OF_SESSIONS = (
    "overview months timeline scatter1min scattersession calibrationheldout sessions future "
    "calibration ahead curve"
).split()
"""Figures that depend on the number of sessions."""
LOOK = """() => [...document.querySelectorAll("figure")].flatMap((figure) => {
  const svg = figure.querySelector("svg"), whole = svg.getBoundingClientRect();
  const scale = whole.width / svg.viewBox.baseVal.width;
  const texts = [...svg.querySelectorAll("text")].filter((one) => one.textContent.trim());
  const boxes = texts.map((one) => one.getBoundingClientRect());
  const name = (i) => texts[i].textContent.trim();
  const wrong = [];
  texts.forEach((one, i) => {
    const a = boxes[i], size = parseFloat(getComputedStyle(one).fontSize) * scale;
    if (size < SMALLEST) wrong.push([figure.id, "small", name(i), size]);
    if (a.left < whole.left - SHARED || a.right > whole.right + SHARED
        || a.top < whole.top - SHARED || a.bottom > whole.bottom + SHARED)
      wrong.push([figure.id, "cut", name(i)]);
    boxes.slice(0, i).forEach((b, j) => {
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (across > SHARED && down > SHARED) wrong.push([figure.id, "overlap", name(i), name(j)]);
    });
  });
  return wrong;
})""".replace("SMALLEST", str(SMALLEST_PX)).replace("SHARED", str(SHARED_PX))


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A simulated person with a brain, decoded with most stages."""
    root = tmp_path_factory.mktemp("figures")
    tree = Tree(root / "bids")
    rng = np.random.default_rng(20260103)
    for run in simulate_runs(rng, n_sessions=N_SESSIONS, n_regions=len(NAMES), n_frames=240):
        tree.add_run(replace(run, regions=tuple(NAMES)))
    days = [f"ses-{i + 1:02d}\t{9 * i}" for i in range(N_SESSIONS)]
    table = tree.root / "sub-01" / "sub-01_sessions.tsv"
    table.write_text("\n".join(["session_id\tdays", *days]) + "\n")
    write_own_surfaces(tree.derivatives / "sub-01" / "anat", "01")
    write_atlas(tree.derivatives, NAMES, NETWORKS)
    write_json(tree.root / "dataset_description.json", {"Name": "s", "BIDSVersion": "1.10.0"})
    words = ["--task-id", "rating", *FEW, "--skip", "baselines"]
    assert main(["run", str(tree.root), str(root / "out"), "participant", *words]) == 0
    (found,) = find_results(root / "out")
    return read_results(found)


def many(results, n):
    """The same results as if there had been n sessions: those there are, repeated."""
    old = results.per_session["session"].tolist()
    sessions = {f"{k + 1:02d}": old[k % len(old)] for k in range(n)}

    def repeated(table):
        rows = [table[table["session"] == as_before] for as_before in sessions.values()]
        return pd.concat(
            [one.assign(session=new) for new, one in zip(sessions, rows, strict=True)],
            ignore_index=True,
        )

    calibration = results.stage_tables["calibration"]
    past = np.arange(3, max(n - n // 3, 4))
    of_past = calibration.iloc[past % len(calibration)]
    curve = results.stage_tables["learningcurve"]
    return replace(
        results,
        predictions=repeated(results.predictions),
        per_session=repeated(results.per_session),
        bold_quality=repeated(results.bold_quality),
        audit={
            **results.audit,
            "sessions": [{"session": s, "days": 9.0 * k} for k, s in enumerate(sessions)],
        },
        stage_tables={
            **results.stage_tables,
            "calibration": of_past.assign(n_past=past),
            "learningcurve": curve.assign(n_sessions=curve["n_sessions"] * n // N_SESSIONS),
        },
    )


def shown(results):
    """The same results as if the signature had been shown to track the rating, so that all that
    is ever unfolded is."""
    scale = results.metrics["scales"]["1min"]
    found = {"centred_r": 0.4, "centred_r_ci": [0.2, 0.5], "p_within": 0.001}
    scales = {**results.metrics["scales"], "1min": {**scale, **found}}
    null = {**results.metrics["stages"]["null"], "n_permutations": 999}
    stages = {**results.metrics["stages"], "null": null}
    return replace(results, metrics={**results.metrics, "scales": scales, "stages": stages})


def wrong_with(wanted, tmp_path):
    """What is wrong with the texts of figures, on a page in the style of all pages."""
    from playwright.sync_api import sync_playwright

    style = files("painprint.report").joinpath("templates", "style.html").read_text("utf-8")
    shown = "".join(
        f'<figure id="{name}">{inline(draw_figure(name, one.draw).svg, one.what)}</figure>'
        for name, one in wanted.items()
    )
    page = tmp_path / "figures.html"
    page.write_text(f"<!doctype html><meta charset='utf-8'>{style}<main>{shown}</main>", "utf-8")
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 1280, "height": 900})
        opened.goto(page.as_uri())
        assert opened.locator("figure svg").count() == len(wanted)
        return opened.evaluate(LOOK)


def test_texts_of_all_figures_can_be_read(results, tmp_path):
    brain = read_brain(results.files.decoding("dseg", ""), results.files.anat, "01")
    on_brain = brain_drawings(BrainViews(brain), overlays(results, brain.regions))
    assert {"brainnetworks", "subcortexnetworks"} <= set(on_brain)
    assert wrong_with(drawings(results) | on_brain, tmp_path) == []


@pytest.mark.parametrize("n", [28, 60])
def test_texts_can_be_read_with_many_sessions(results, tmp_path, n):
    drawn = drawings(many(results, n))
    assert wrong_with({name: drawn[name] for name in OF_SESSIONS}, tmp_path) == []


@pytest.mark.parametrize("n", [N_SESSIONS, 28, 60])
def test_a_page_is_at_most_8_screens(results, tmp_path, n):
    from playwright.sync_api import sync_playwright

    brain = read_brain(results.files.decoding("dseg", ""), results.files.anat, "01")
    section = BrainSection(brain, overlays(results, brain.regions))
    of_all = shown(many(results, n))
    wanted = drawings(of_all) | brain_drawings(BrainViews(brain), section.painted[:1])
    drawn = {name: draw_figure(name, one.draw) for name, one in wanted.items()}
    path = tmp_path / "page.html"
    path.write_text(render_page(of_all, wanted, drawn, Transfer(None, "n/a"), section), "utf-8")
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": SCREEN_PX})
        page.goto(path.as_uri())
        page.locator("#brain[open]").wait_for()
        height = page.evaluate("document.documentElement.scrollHeight")
    assert height <= MOST_SCREENS * SCREEN_PX


def test_what_is_wrong_is_found(tmp_path):
    """Small text, a label on another, and one beyond the figure."""
    from painprint.report.figures import new_axes
    from painprint.report.svg import Drawing

    def draw():
        ax = new_axes(2, 2)
        ax.set_axis_off()
        for x, text, size in ((0.3, "one", 8), (0.32, "two", 8), (0.7, "tiny", 4)):
            ax.annotate(text, (x, 0.5), fontsize=size)
        ax.get_figure().text(0.9, 0.9, "beyond", fontsize=8)
        return ax

    found = wrong_with({"bad": Drawing("bad", draw)}, tmp_path)
    assert sorted(one[1] for one in found) == ["cut", "overlap", "small"]
