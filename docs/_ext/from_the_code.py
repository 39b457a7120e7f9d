"""What Sphinx takes from the program when it builds the pages.

A directive, ``public-names``: what can be imported from painprint. And names of functions in code,
such as ``ratings.frame_ratings``, become links to the reference.
"""

import re

from docutils import nodes
from docutils.parsers.rst.states import RSTStateMachine, state_classes
from docutils.statemachine import StringList
from docutils.utils import new_document
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

import painprint

DOTTED = re.compile(r"[a-z_]+(\.\w+)+|\w+")


class PublicNames(SphinxDirective):
    """What can be imported from painprint, with the first line of each docstring."""

    def run(self) -> list[nodes.Node]:
        lines = [".. list-table::", "   :widths: 30 70", ""]
        for name in painprint.__all__:
            value = getattr(painprint, name)
            first = escape((value.__doc__ or "").strip().splitlines()[0])
            where = f"painprint.{painprint._HOME[name]}.{name}"
            lines += row(f":py:obj:`{name} <{where}>`", first)
        return parsed(self, lines)


def row(*cells: str) -> list[str]:
    """A row of a list-table."""
    return [f"   {'*' if i == 0 else ' '} - {cell}" for i, cell in enumerate(cells)]


def escape(text: str) -> str:
    """Text that reStructuredText takes literally."""
    return re.sub(r"([*`|_\\])", r"\\\1", text)


def parsed(directive: SphinxDirective, lines: list[str]) -> list[nodes.Node]:
    """Lines of reStructuredText as nodes, whatever the page is written in."""
    page = new_document("options", directive.state.document.settings)
    machine = RSTStateMachine(state_classes=state_classes, initial_state="Body")
    machine.run(StringList(lines, "options"), page)
    return page.children


def link_names(app, doctree: nodes.document, page: str) -> None:
    """Make names in code links to the reference, where it has them."""
    objects = app.env.domains["py"].objects
    for literal in list(doctree.findall(nodes.literal)):
        text = literal.astext()
        if not DOTTED.fullmatch(text) or isinstance(literal.parent, nodes.reference | nodes.title):
            continue
        home = painprint._HOME.get(text)
        full = (
            f"painprint.{home}.{text}" if home else f"painprint.{text.removeprefix('painprint.')}"
        )
        entry = objects.get(full)
        if entry is None or ("." not in text and home is None):
            continue
        link = make_refnode(app.builder, page, entry.docname, entry.node_id, [], full)
        literal.replace_self(link)
        link.append(literal)


def set_dashes(app, doctree: nodes.document, page: str) -> None:
    """A dash, not two hyphens, between a parameter and what is said of it."""
    for text in [text for text in doctree.findall(nodes.Text) if text == " -- "]:
        text.parent.replace(text, nodes.Text(" – "))


def setup(app) -> dict[str, bool]:
    app.add_directive("public-names", PublicNames)
    app.connect("doctree-resolved", link_names)
    app.connect("doctree-resolved", set_dashes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
