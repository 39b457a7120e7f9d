"""Contact sheets of all figures of a study: in colour, in grey, and as seen with deuteranopia.

    python benchmarks/figure_looks.py RESULTS SHEETS

opens the figures of every person in RESULTS in Chromium and writes ``SHEETS/sub-01_colour.png``,
``_grey.png`` and ``_deuteranopia.png``, to be looked at.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

FILTERS = {"colour": "none", "grey": "grayscale(1)", "deuteranopia": "url(#deuteranopia)"}
MATRIX = (
    (0.367322, 0.860646, -0.227968),
    (0.280085, 0.672501, 0.047413),
    (-0.011820, 0.042940, 0.968881),
)
"""Deuteranomaly of severity 1 in linear RGB: Machado, Oliveira and Fernandes 2009 (IEEE Trans. Vis.
Comput. Graph. 15, 1291)."""
PAGE = """<!doctype html><meta charset="utf-8">
<style>body {{ margin: 12px; filter: {shown}; font: 11px Arial, sans-serif; background: #fff; }}
main {{ columns: 2; width: 1440px; }} figure {{ margin: 0 0 14px; break-inside: avoid; }}</style>
<svg width="0" height="0"><filter id="deuteranopia" color-interpolation-filters="linearRGB">
<feColorMatrix values="{matrix}"/></filter></svg>
<main>{figures}</main>"""


def sheet(paths: list[Path], shown: str) -> str:
    """A page with the figures, through a filter."""
    matrix = " ".join(f"{a} {b} {c} 0 0" for a, b, c in MATRIX) + " 0 0 0 1 0"
    figures = "".join(
        f'<figure>{path.stem.rsplit("_", 1)[1]}<br><img src="{path.resolve().as_uri()}"></figure>'
        for path in paths
    )
    return PAGE.format(shown=shown, matrix=matrix, figures=figures)


def main(results: Path, sheets: Path) -> None:
    """Write the sheets of every person."""
    sheets.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1480, "height": 900})
        for folder in sorted(results.glob("sub-*/figures")):
            for name, shown in FILTERS.items():
                html = sheets / f"{folder.parent.name}_{name}.html"
                html.write_text(sheet(sorted(folder.glob("*.svg")), shown), encoding="utf-8")
                page.goto(html.resolve().as_uri())
                page.screenshot(path=html.with_suffix(".png"), full_page=True)
                html.unlink()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
