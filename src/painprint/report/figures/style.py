"""Style of all figures: colours, sizes, fonts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib import rcParamsDefault
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.legend import Legend

from painprint import wording

SINGLE, DOUBLE = 3.5, 7.2
"""Widths (inches) of a journal's single and double column: 89 and 183 mm."""

INK, MUTED = "#1c2530", "#5b6572"
"""Colours of text and axes (contrast with white: 15.4 and 5.9)."""
RATING, PREDICTED = "#b2182b", "#2166ac"
POSITIVE, NEGATIVE = "#7b3294", "#4d7a0f"
"""Colours of a sign, of a weight or an importance: apart for a reader with deuteranopia, too."""
BAND, FILL, PALE, PAPER = "#f1f3f5", "#c6cbd2", "#d1e0f0", "#ffffff"
"""Colours of stripes, of secondary elements, of intervals, and of the background."""

QUALITY_MARKS = {"good": ("#007a59", "o"), "caution": ("#b36b00", "D"), "bad": ("#c1272d", "s")}
"""Colour and marker of each quality rating, from the best to the worst."""
LARGE, SMALL = 8, 7
"""Sizes of text (points): of labels and titles, and of ticks, legends and notes."""
LAYOUT_FONT = "DejaVu Sans"
"""Matplotlib brings it along, so texts take the same room on every machine; it is wider than those
that readers see."""
FONTS = ("Arial", "Helvetica", "Liberation Sans")
"""Fonts that a figure is shown in, whichever comes first."""
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
    "font.size": LARGE,
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
    "axes.labelsize": LARGE,
    "axes.titlesize": LARGE,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
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
    return {**own, **STYLE, "font.sans-serif": [LAYOUT_FONT]}


def print_fonts() -> list[str]:
    """Those of :data:`FONTS` that are installed, and :data:`LAYOUT_FONT`: for files that hold
    their fonts."""
    here = {font.name for font in fontManager.ttflist}
    return [*(name for name in FONTS if name in here), LAYOUT_FONT]


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


def number(value: float | None, digits: int = 2) -> str:
    """A number as in sentences, but with the minus sign of the axes.

    Examples
    --------
    >>> number(-0.456), number(None)
    ('−0.46', 'n/a')
    """
    return wording.number(value, digits).replace("-", "−")


def name_entries(legend: Legend, names: Sequence[object]) -> None:
    """Give the entries of a legend their names, which Matplotlib would leave out where they begin
    with an underscore."""
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_text(short(name, LONGEST_ROW))


def figure_of(ax: Axes) -> Figure:
    """The figure that Axes are on."""
    figure = ax.get_figure(root=True)
    assert figure is not None  # Axes are made for one
    return figure


def legend_above(ax: Axes, *, ncols: int, handles: Iterable[Artist] | None = None) -> Legend:
    """A legend above the Axes, where it hides nothing: by default, of all that has a label."""
    return ax.legend(
        handles=handles, ncols=ncols, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0
    )
