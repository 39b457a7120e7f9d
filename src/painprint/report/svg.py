"""Drawing figures into files, and into pages that follow the reader's light or dark theme."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import matplotlib
from markupsafe import Markup, escape
from matplotlib.axes import Axes

from painprint.report import figures
from painprint.report.figures import style

Draw = Callable[[], Axes | Sequence[Axes]]

THEMED = {
    style.INK: "ink", style.MUTED: "soft", style.RATING: "rating", style.PREDICTED: "predicted",
    style.BAND: "band", style.FILL: "fill", style.PALE: "pale", style.PAPER: "paper",
    **{shade: rating for rating, (shade, _) in style.QUALITY_RATINGS.items()},
}  # fmt: skip
"""Colours of figures that a page has a variable for."""
TAG, COORDINATE = re.compile(r"<[^>]+>"), re.compile(r"-?\d+\.\d{3,}")
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
        What is seen, for those who cannot see it.
    draw : callable
        Gives its Axes.
    caption : str
        What stands below it on the page, where no template says it.
    wide : bool
        Whether it scrolls sideways on a narrow screen rather than shrink.
    """

    what: str
    draw: Draw
    caption: str = ""
    wide: bool = False


@dataclass(frozen=True)
class Drawn:
    """A figure.

    Attributes
    ----------
    pdf : bytes or None
        Where it was asked for.
    """

    svg: bytes
    pdf: bytes | None


def draw_figure(name: str, draw: Draw, *, pdf: bool = False) -> Drawn:
    """A figure as SVG, the same bytes every time and on every machine with the same fonts.

    Parameters
    ----------
    name : str
        Differs between the figures of a page.
    draw : callable
        Gives Axes of a new figure.
    pdf : bool
        Whether to draw it as PDF too.
    """
    with matplotlib.rc_context({**figures.STYLE, "svg.hashsalt": name}):
        drawn = draw()
        axes = drawn if isinstance(drawn, Axes) else drawn[0]
        figure = axes.get_figure(root=True)
        assert figure is not None  # these Axes were made for one

        def saved(form: str) -> bytes:
            buffer = io.BytesIO()
            figure.savefig(buffer, format=form, metadata=NO_DATE[form])
            return buffer.getvalue()

        text = TAG.sub(_shorter, saved("svg").decode())
        return Drawn(text.encode(), saved("pdf") if pdf else None)


def _shorter(tag: re.Match[str]) -> str:
    """A tag with its coordinates to a hundredth of a point; embedded images have none."""
    return COORDINATE.sub(lambda found: f"{float(found[0]):.2f}", tag[0])


def inline(image: bytes, what: str, titles: Mapping[int, str] | None = None) -> Markup:
    """An SVG to stand in a page, where it takes the page's colours.

    Parameters
    ----------
    image : bytes
        From :func:`draw_figure`.
    what : str
        What is seen, for those who cannot see it.
    titles : mapping of int to str, optional
        Of regions on a brain, by place.
    """
    text = image.decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<style type=\"text/css\">.*?</style>", "", text, flags=re.DOTALL)
    for colour, name in THEMED.items():
        text = text.replace(colour, f"var(--{name})")

    def of_region(found: re.Match[str]) -> str:
        title = (titles or {}).get(int(found[1]), "")
        return f'<g data-region="{found[1]}"><title>{escape(title)}</title>'

    text = re.sub(r'<g id="region-(\d+)-\d+">', of_region, text)
    text = re.sub(r' id="brain-(legend|light)[^"]*"', r' class="brain-\1"', text)
    used = set(re.findall(r"#([\w-]+)", text))
    text = re.sub(r' id="([^"]*)"', lambda m: m[0] if m[1] in used else "", text)
    return Markup(text.replace("<svg ", f'<svg role="img" aria-label="{escape(what)}" ', 1))
