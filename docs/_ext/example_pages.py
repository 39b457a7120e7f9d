"""Example pages in the built site: two simulated people, and a new session of one of them.

They are made when the site is built, and kept with its doctrees. A directive, ``example-pages``,
lists them. ``python docs/_ext/pictures.py`` takes the pictures in ``docs/images`` from them.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

N_SESSIONS = 12
"""Sessions that train; one more is new."""
PAGES = {
    "with-signature.html": "a simulated person with a signature",
    "without-signature.html": "a simulated person without a signature",
    "new-session.html": "a new session of the first person, predicted without its rating",
}


def painprint(*words: str | Path) -> None:
    """Run a command of the program."""
    print(f"example pages: painprint {words[0]}", flush=True)
    command = [sys.executable, "-m", "painprint", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def make_study(folder: Path) -> Path:
    """Simulate and decode two people, of whom the second has no signature; give the results.

    What is finished in the folder is not computed again. For speed, sessions are shorter than in a
    study, permutations fewer, and the comparison models are skipped.
    """
    people, results = folder / "people", folder / "results"
    sessions = [f"{session:02d}" for session in range(1, N_SESSIONS + 1)]
    if not people.exists():
        painprint(
            "simulate", people, "--sessions", *[str(N_SESSIONS + 1)] * 2, "--null", "1",
            "--n-regions", "48", "--run", "480", "--shared-atlas",
        )  # fmt: skip
    painprint(
        "run", people, results, "participant", "--task-id", "rating", "--session-label", *sessions,
        "--n-jobs", "2", "--n-permutations", "199", "--n-bootstraps", "1000",
        "--n-curve-draws", "5", "--n-importance-permutations", "500",
        "--skip", "baselines", "--overwrite",
    )  # fmt: skip
    return results


def predict_new(folder: Path) -> Path:
    """Predict the new session of the first person; give the folder of the reading."""
    (signature,) = folder.glob("results/sub-01/decoding/*_signature")
    session = folder / f"people/derivatives/xcp_d/sub-01/ses-{N_SESSIONS + 1}/func"
    series = sorted(session.glob("*_task-rating_*_timeseries.tsv"))
    reading = folder / "reading"
    shutil.rmtree(reading, ignore_errors=True)
    painprint("predict", signature, *series, "--out", reading)
    return reading


def write_pages(app, exception: Exception | None) -> None:
    """Write the pages into the built site."""
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.doctreedir) / "example"
    results, reading = make_study(folder), predict_new(folder)
    target = Path(app.outdir) / "examples"
    target.mkdir(exist_ok=True)
    sources = (results / "sub-01.html", results / "sub-02.html", reading / "reading.html")
    for name, source in zip(PAGES, sources, strict=True):
        shutil.copyfile(source, target / name)


class ExamplePages(SphinxDirective):
    """A list of links to the pages."""

    def run(self) -> list[nodes.Node]:
        up = "../" * self.env.docname.count("/")
        items = nodes.bullet_list()
        for name, text in PAGES.items():
            link = nodes.reference("", text, refuri=f"{up}examples/{name}")
            items += nodes.list_item("", nodes.paragraph("", "", link))
        return [items]


def setup(app) -> dict[str, bool]:
    app.add_directive("example-pages", ExamplePages)
    app.connect("build-finished", write_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
