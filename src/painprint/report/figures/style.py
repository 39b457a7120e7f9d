"""Style of all figures: colours, sizes, fonts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib import rcParamsDefault
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend

SINGLE, DOUBLE = 3.5, 7.2
"""Widths (inches) of a journal's single and double column: 89 and 183 mm."""

INK, MUTED = "#1c2530", "#5b6572"
"""Colours of text and axes (contrast with white: 15.4 and 5.9)."""
RATING, PREDICTED = "#b2182b", "#2166ac"
BAND, FILL, PALE, PAPER = "#f1f3f5", "#c6cbd2", "#d1e0f0", "#ffffff"
"""Colours of stripes, of secondary elements, of intervals, and of the background."""

QUALITY_MARKS = {"good": ("#007a59", "o"), "caution": ("#b36b00", "D"), "bad": ("#c1272d", "s")}
"""Colour and marker of each quality rating, from the best to the worst."""
LONGEST_NAME, LONGEST_ROW = 20, 48
"""Largest number of characters of a tick label, and of the label of a row of a wide figure."""
SCALE_NAMES = {
    "1min": "1 min",
    "2min": "2 min",
    "event": "event",
    "run": "run",
    "session": "session",
}

STYLE: dict[Any, Any] = {
    "font.size": 8,
    "font.family": "sans-serif",
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "text.parse_math": False,  # a "$" in a name is no formula
}
"""Matplotlib settings of all figures; use with :func:`matplotlib.rc_context`."""
OF_MACHINE = ("backend", "interactive", "toolbar", "timezone", "date.", "webagg.", "docstring.")
"""Beginnings of the settings of Matplotlib that change no figure and stay as they are."""


def page_settings() -> dict[Any, Any]:
    """Settings of the figures of pages: Matplotlib's own, whatever the user has set, and
    :data:`STYLE`."""
    own = {k: v for k, v in dict.items(rcParamsDefault) if not str(k).startswith(OF_MACHINE)}
    return {**own, **STYLE}


def new_axes(width: float, height: float) -> Axes:
    """Axes on a figure of this size (inches), without any display."""
    return Figure(figsize=(width, height), layout="constrained").add_subplot()


def short(name: object, longest: int = LONGEST_NAME) -> str:
    """A name short enough for a tick label: the middle of a long one is cut out.

    Examples
    --------
    >>> short("7Networks_LH_Default_pCunPCC_11"), short("DMN")
    ('7Network…_pCunPCC_11', 'DMN')
    """
    text = str(name)
    start = longest * 2 // 5
    return text if len(text) <= longest else f"{text[:start]}…{text[start + 1 - longest :]}"


def name_entries(legend: Legend, names: Sequence[object]) -> None:
    """Give the entries of a legend their names, which Matplotlib would leave out where they begin
    with an underscore."""
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_text(short(name))
