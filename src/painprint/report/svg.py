"""Drawing figures into files, and into pages that follow the reader's light or dark theme."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
from markupsafe import Markup, escape
from matplotlib.axes import Axes

from painprint.report.figures import style
from painprint.store.files import write_bytes

Draw = Callable[[], Axes | Sequence[Axes]]

THEMED = {
    style.INK: "ink", style.MUTED: "soft", style.RATING: "rating", style.PREDICTED: "predicted",
    style.POSITIVE: "positive", style.NEGATIVE: "negative",
    style.BAND: "band", style.FILL: "fill", style.PALE: "pale", style.PAPER: "paper",
    **{shade: rating for rating, (shade, _) in style.QUALITY_MARKS.items()},
}  # fmt: skip
"""Colours of figures that are replaced by CSS variables of the page."""
TAG, COORDINATE = re.compile(r"<[^>]+>"), re.compile(r"-?\d+\.\d{3,}")
SHOWN_FONT = ", ".join(f"'{name}'" if " " in name else name for name in style.FONTS)
HASHED = re.compile(r'id="(\w*[0-9a-f]{10})"')
HASHED_USED = re.compile(r'(id="|#)(\w*[0-9a-f]{10})("|\))')
"""Identifiers that Matplotlib makes of coordinates, and their uses."""
NO_DATE: dict[str, dict[str, None]] = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


@dataclass(frozen=True)
class Drawing:
    """A figure to be drawn.

    Parameters
    ----------
    what : str
        Alternative text.
    draw : callable
        Returns its Axes.
    caption : str
        Caption on the page, unless the template contains it.
    wide : bool
        Whether it has a row of its own, and scrolls sideways on a narrow screen.
    is_folded : bool
        Whether it is folded on the page, with what explains the findings.
    """

    what: str
    draw: Draw
    caption: str = ""
    wide: bool = False
    is_folded: bool = False


@dataclass(frozen=True)
class Drawn:
    """A figure that was drawn.

    Attributes
    ----------
    pdf : bytes or None
        None unless asked for.
    """

    svg: bytes
    pdf: bytes | None


def draw_figure(name: str, draw: Draw, *, pdf: bool = False) -> Drawn:
    """A figure as SVG, the same bytes every time and on every machine with the same fonts.

    Texts are placed in the font that Matplotlib brings along and shown in Arial, Helvetica or
    Liberation Sans, which are narrower: of the SVG where it is opened, of the PDF here.

    Parameters
    ----------
    name : str
        Unique among the figures of a page; begins the identifiers in the SVG.
    draw : callable
        Returns Axes of a new figure.
    pdf : bool
        Whether to draw it also as PDF.
    """
    settings = {**style.page_settings(), "svg.hashsalt": name}
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        # of a name in another script: the reader's fonts draw it
        warnings.filterwarnings(
            "ignore", r"(Glyph .* missing|Matplotlib currently does not support)"
        )
        drawn = draw()
        axes = drawn if isinstance(drawn, Axes) else drawn[0]
        figure = style.figure_of(axes)

        def saved(form: str) -> bytes:
            buffer = io.BytesIO()
            figure.savefig(buffer, format=form, metadata=NO_DATE[form])
            return buffer.getvalue()

        text = _with_numbers(TAG.sub(_rewritten, saved("svg").decode()), name)
        with matplotlib.rc_context({"font.sans-serif": style.print_fonts()}):
            return Drawn(text.encode(), saved("pdf") if pdf else None)


def _with_numbers(text: str, figure: str) -> str:
    """An SVG with numbers in place of identifiers that are hashes of coordinates.

    These are hashed before rounding, and their last bits depend on the order in which the solver of
    the layout visits its constraints.
    """
    hashed = dict.fromkeys(HASHED.findall(text))
    numbers = {old: f"{figure}-{number}" for number, old in enumerate(hashed)}
    return HASHED_USED.sub(lambda use: use[1] + numbers.get(use[2], use[2]) + use[3], text)


def _rewritten(tag: re.Match[str]) -> str:
    """A tag with its coordinates rounded to 0.01 points (embedded images have none), and with the
    fonts that readers see."""
    text = COORDINATE.sub(lambda number: f"{float(number[0]):.2f}", tag[0])
    return text.replace(f"'{style.LAYOUT_FONT}'", SHOWN_FONT)


def inline(image: bytes, what: str, titles: Mapping[int, str] | None = None) -> Markup:
    """An SVG for embedding in a page, with the colours of the page's theme.

    Parameters
    ----------
    image : bytes
        From :func:`draw_figure`.
    what : str
        Alternative text.
    titles : mapping of int to str, optional
        Tooltips of regions on a brain, by the region's index.
    """
    text = image.decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<style type=\"text/css\">.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r"<path(?![^>]* d=)[^>]*/>\s*", "", text)  # of lines without a point: not valid
    for colour, name in THEMED.items():
        text = text.replace(colour, f"var(--{name})")

    def of_region(match: re.Match[str]) -> str:
        title = (titles or {}).get(int(match[1]), "")
        return f'<g data-region="{match[1]}"><title>{escape(title)}</title>'

    text = re.sub(r'<g id="region-(\d+)-\d+">', of_region, text)
    text = re.sub(r' id="brain-(legend|light)[^"]*"', r' class="brain-\1"', text)
    used = set(re.findall(r"#([\w-]+)", text))
    text = re.sub(r' id="([^"]*)"', lambda m: m[0] if m[1] in used else "", text)
    return Markup(text.replace("<svg ", f'<svg role="img" aria-label="{escape(what)}" ', 1))


def write_figures(path_of: Callable[[str, str], Path], drawn: Mapping[str, Drawn]) -> None:
    """Write every figure in the formats it was drawn in.

    Parameters
    ----------
    path_of : callable
        Returns the path for a name and an extension.
    """
    for name, figure in drawn.items():
        write_bytes(path_of(name, ".svg"), figure.svg)
        if figure.pdf is not None:
            write_bytes(path_of(name, ".pdf"), figure.pdf)
