"""Formulas as SVG outlines by matplotlib: the same everywhere, without scripts or fonts."""

import html

from docutils import nodes
from matplotlib import rc_context
from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import MathTextParser
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from sphinx.writers.html5 import HTML5Translator

SIZE = 10.0
"""Points that one em of the text stands for."""
DRAWN = {
    Path.MOVETO: "M",
    Path.LINETO: "L",
    Path.CURVE3: "Q",
    Path.CURVE4: "C",
    Path.CLOSEPOLY: "Z",
}


def outline(formula: str) -> str:
    """A formula as an SVG image that stands on the line of the text and has its colour."""
    text = f"${' '.join(formula.split())}$"
    with rc_context({"mathtext.fontset": "stix"}):
        font = FontProperties(size=SIZE)
        width, height, depth, *_ = MathTextParser("path").parse(text, dpi=72, prop=font)
        path = TextPath((0, 0), text, prop=font)
    pieces = []
    for points, code in path.iter_segments(curves=True, simplify=False):
        ends = () if code == Path.CLOSEPOLY else points
        numbers = (f"{-y if i % 2 else y:.2f}" for i, y in enumerate(ends))
        pieces.append(DRAWN[code] + " ".join(numbers))
    return (
        f'<svg role="img" aria-label="{html.escape(formula)}" fill="currentColor" '
        f'style="width:{width / SIZE:.3f}em;height:{height / SIZE:.3f}em;'
        f'vertical-align:{-depth / SIZE:.3f}em" '
        f'viewBox="0 {depth - height:.2f} {width:.2f} {height:.2f}">'
        f'<path d="{"".join(pieces)}"/></svg>'
    )


def visit_inline(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(outline(node.astext()))
    raise nodes.SkipNode


def visit_block(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(f"{self.starttag(node, 'div', CLASS='math')}{outline(node.astext())}</div>\n")
    raise nodes.SkipNode


def setup(app) -> dict[str, bool]:
    app.add_html_math_renderer("outlines", (visit_inline, None), (visit_block, None))
    app.config.html_math_renderer = "outlines"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
