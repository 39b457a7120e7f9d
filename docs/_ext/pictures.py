"""Make the screenshots in ``docs/images`` from pages of simulated people.

    python docs/_ext/pictures.py FOLDER

simulates and decodes people in FOLDER, and opens their pages in Chromium (needs ``playwright``).
What is finished in FOLDER is not computed again. The drawings and the overview are not made here.
"""

import io
import shutil
import sys
import tempfile
from itertools import islice
from pathlib import Path

from example_pages import make_study, painprint, predict_new
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from painprint.apps.live_demo import simulate_live
from painprint.live.reader import LiveReading
from painprint.live.record import Record
from painprint.live.replay import Replay
from painprint.live.scorer import LiveScorer
from painprint.rating_task.run import RatingRun
from painprint.rating_task.task import RatingTask
from painprint.server.live_page import live_app
from painprint.server.local import serve
from painprint.server.rating_page import rating_app

IMAGES = Path(__file__).parents[1] / "images"
WIDTH, N_COLOURS, GREATEST_BYTES = 1080, 64, 300_000
UNFOLD = "document.querySelectorAll('details').forEach(part => { part.open = true; })"
FIGURES = {
    "calibration": "#performance figure",
    "null": "#null figure",
    "confounds": "#confounds figure",
    "learning_curve": "#curve figure",
}
"""Pictures of the page of a person with a signature, and where they are on it."""


def main(folder: Path) -> None:
    """Make every picture again."""
    results, reading = make_study(folder), predict_new(folder)
    dense, areas = dense_page(folder), parcellation_page(folder)
    multiverse = multiverse_page(folder)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(
            viewport={"width": WIDTH, "height": 900}, color_scheme="light", device_scale_factor=1.5
        )
        page.goto((results / "sub-01.html").resolve().as_uri())
        save("page", down_to(page, "#summary"), element(page, "#brain-live"))
        page.evaluate(UNFOLD)
        for name, where in FIGURES.items():
            save(name, element(page, where))
        page.goto((reading / "reading.html").resolve().as_uri())
        save("reading", down_to(page, "table"))
        page.goto(areas.resolve().as_uri())
        save("parcellation", element(page, "figure"))
        page.goto(multiverse.resolve().as_uri())
        save("multiverse", element(page, "#curve figure svg"))
        page.goto(dense.resolve().as_uri())
        page.evaluate(UNFOLD)
        save("carpet", element(page, ".carpets figure"))
        rating_pictures(browser)
        live_picture(browser)
        browser.close()


def rating_pictures(browser: Browser) -> None:
    """The page of the rating task before the scan and while a participant rates."""
    page = browser.new_page(viewport={"width": WIDTH, "height": 460})
    with tempfile.TemporaryDirectory() as folder:
        run = RatingRun(RatingTask().complete(), Path(folder) / "run_rating.jsonl")
        with serve(rating_app(run)) as address:
            page.goto(address.url())
            page.locator("#instruction").wait_for()
            save("rate_before", page.screenshot())
            page.keyboard.press("5")
            page.locator("#line").wait_for()
            box = page.locator("#line").bounding_box()
            page.mouse.move(box["x"] + 0.62 * box["width"], box["y"])
            page.locator("#line.moved").wait_for()
            save("rate_rating", page.screenshot())
        run.close()
    page.close()


def live_picture(browser: Browser) -> None:
    """The page of a live reading, of the simulated run of its demo."""
    signature, run = simulate_live()
    page = browser.new_page(viewport={"width": WIDTH, "height": 620})
    with tempfile.TemporaryDirectory() as folder:
        record = Record(Path(folder), "run", {}, run.regions)
        reading = LiveReading(record, LiveScorer(signature, run.regions, run.tr_s))
        reading.truth = run.rating
        with serve(live_app(lambda: reading)) as address:
            for volume in islice(Replay(run, speed=0), 900):
                reading.take(volume)
            page.goto(address.url())
            page.locator("#truth").wait_for()
            save("live", page.screenshot())
        record.close()
    page.close()


def dense_page(folder: Path) -> Path:
    """The page of a person who was decoded from dense BOLD, in a hurry."""
    people, results = folder / "dense_people", folder / "dense_results"
    small = ["--sessions", "3", "--n-regions", "24", "--n-runs", "1"]
    if not people.exists():
        painprint("simulate", people, "--layout", "fmriprep", *small)
    stages = "null confounds sensitivity curve prospective failures importance rest baselines"
    painprint(
        "run", people, results, "participant", "--atlas", "Simulated01", "--task-id", "rating",
        "--n-bootstraps", "100", "--skip", *stages.split(), "univariate", "qcfc", "--overwrite",
    )  # fmt: skip
    return results / "sub-01.html"


def multiverse_page(folder: Path) -> Path:
    """The page of the multiverse that docs/howto_multiverse.md declares, of the first person."""
    text = (IMAGES.parent / "howto_multiverse.md").read_text()
    plan = folder / "multiverse.toml"
    plan.write_text(text.partition("```toml\n")[2].partition("```")[0])
    painprint(
        "multiverse", plan, folder / "people", folder / "multiverse_results", "participant",
        "--task-id", "rating", "--participant-label", "01", "--n-bootstraps", "1000",
        "--n-jobs", "2", "--overwrite",
    )  # fmt: skip
    return folder / "multiverse_results" / "sub-01_multiverse.html"


def parcellation_page(folder: Path) -> Path:
    """The page of the individual parcellation that docs/parcellation.md makes."""
    people, results = folder / "areas_people", folder / "areas_results"
    small = "--divisions 12 --n-regions 40 --sessions 8 --run 300".split()
    if not people.exists():
        painprint("simulate", people, "--layout", "fmriprep_surfaces", *small)
    painprint("parcellate", people, results, "participant", "--n-seeds", "600", "--overwrite")
    return results / "sub-01_parcellation.html"


def down_to(page: Page, where: str) -> bytes:
    """The page down to the end of the first element of a selector."""
    box = page.locator(where).first.bounding_box()
    clip = {"x": 0, "y": 0, "width": WIDTH, "height": box["y"] + box["height"] + 16}
    return page.screenshot(clip=clip, full_page=True)


def element(page: Page, where: str) -> bytes:
    """The first element of a selector."""
    return page.locator(where).first.screenshot()


def save(name: str, *shots: bytes) -> None:
    """Write screenshots below each other as one picture of few colours."""
    parts = [Image.open(io.BytesIO(shot)).convert("RGB") for shot in shots]
    size = (max(part.width for part in parts), sum(part.height for part in parts))
    whole = Image.new("RGB", size, "white")
    top = 0
    for part in parts:
        whole.paste(part, ((size[0] - part.width) // 2, top))
        top += part.height
    path = IMAGES / f"{name}.png"
    whole.quantize(N_COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    if path.stat().st_size > GREATEST_BYTES:
        raise ValueError(f"{path} has {path.stat().st_size} bytes; {GREATEST_BYTES} are allowed")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
