"""Figures show text as it is, and do not depend on the user's settings of Matplotlib."""

import os
import re
import subprocess
import sys
import warnings
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from painprint.report import figures
from painprint.report.figures.style import new_axes, short
from painprint.report.svg import draw_figure, inline

HOSTILE = (
    "$x$", "a$x^2$b", "$", "_led", "a_b^c", "\\alpha{", "100%", "<b>&amp;", '"q\'', "nan", "NA",
    "n/a", "None", "1e5", "=cmd()", "😀", "عربى", "e\u0301", "L" * 300,
)  # fmt: skip
"""Names that some program somewhere takes for something else."""


def draw_sessions():
    table = pd.DataFrame({"session": list(HOSTILE[:6]), "r": [0.1 * i for i in range(6)]})
    return figures.plot_sessions(table, 0.2)


def draw_dots():
    ax = new_axes(3, 5)
    ax.set_yticks(range(len(HOSTILE)), [short(name) for name in HOSTILE])
    ax.set_xlabel("a$x^2$b")
    return ax


def draw_nothing():
    ax = new_axes(3, 2)
    ax.plot([0.0, 1.0], [np.nan, np.nan])
    return ax


def texts_of(svg):
    root = ElementTree.fromstring(svg)
    return ["".join(node.itertext()).strip() for node in root.iter() if node.tag.endswith("text")]


def test_every_name_is_drawn_as_it_is_and_nothing_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = draw_figure("dots", draw_dots, pdf=True)
    shown = texts_of(drawn.svg)
    assert [name for name in HOSTILE if short(name) not in shown] == []
    assert "a$x^2$b" in shown
    assert drawn.pdf.startswith(b"%PDF")


@pytest.mark.parametrize(
    "setting",
    [
        {"text.parse_math": True, "font.family": "monospace", "font.size": 20},
        {"axes.grid": True, "axes.prop_cycle": matplotlib.cycler(color=["r"])},
        {"savefig.dpi": 300, "savefig.bbox": "tight", "figure.dpi": 30},
        {"axes.unicode_minus": False, "axes.formatter.limits": (-1, 1)},
        {"xtick.direction": "in", "image.cmap": "jet", "svg.image_inline": False},
        {"lines.marker": "x", "legend.loc": "center", "path.sketch": (1, 100, 2)},
    ],
)
def test_settings_of_the_user_change_no_byte(setting):
    before = draw_figure("sessions", draw_sessions).svg
    with matplotlib.rc_context(setting):
        theirs = {name: matplotlib.rcParams[name] for name in setting}
        assert draw_figure("sessions", draw_sessions).svg == before
        assert {name: matplotlib.rcParams[name] for name in setting} == theirs


def test_a_display_that_does_not_exist_is_not_needed():
    code = "from painprint.report import figures; print(figures.STYLE['text.parse_math'])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "MPLBACKEND": "no_such_display"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "False"), done.stderr


def test_a_legend_keeps_names_with_an_underscore():
    def draw():
        ax = new_axes(3, 2)
        ax.plot([0, 1], label="placeholder")
        ax.plot([1, 0], label="placeholder")
        figures.style.name_entries(ax.legend(), ["_hidden", "$shown$"])
        return ax

    shown = texts_of(draw_figure("legend", draw).svg)
    assert {"_hidden", "$shown$"} <= set(shown)


@pytest.mark.parametrize("most", [3, 40, 2000])
def test_counts_on_a_colour_bar_are_numbers(most):
    rng = np.random.default_rng(0)
    edges = pd.DataFrame({"weight": rng.normal(size=5000), "structure": rng.normal(size=5000)})
    edges.loc[: min(most, 4000), ["weight", "structure"]] = 5.0  # in one cell
    shown = texts_of(draw_figure("edges", lambda: figures.plot_structure(edges)).svg)
    assert not [text for text in shown if "$" in text or "\\" in text]
    assert [text for text in shown if text in ("1", "2", "10", "100")]


def test_a_line_without_a_point_leaves_no_path_in_a_page():
    drawn = draw_figure("nothing", draw_nothing).svg
    shown = str(inline(drawn, "nothing"))
    assert len(re.findall(r"<path[^>]* d=", shown)) == len(re.findall(r"<path ", shown)) > 0
    assert len(re.findall(rb"<path ", drawn)) == len(re.findall(r"<path ", shown)) + 1


def test_the_last_bits_of_a_layout_change_no_byte():
    def drawn(left):
        def draw():
            ax = Figure(figsize=(3, 2)).add_axes((left, 0.2, 0.6, 0.6))
            ax.plot([0, 1], [0, 1], "o-")
            return ax

        return draw_figure("one", draw).svg

    assert drawn(0.2) == drawn(0.2 + 1e-12)
    assert b"url(#one-" in drawn(0.2)
