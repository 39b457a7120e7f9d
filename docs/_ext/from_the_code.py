"""Names of functions in code, such as ``ratings.frame_ratings``, become links to the reference;
links to scripts of the gallery, which GitHub shows, become links to the pages made of them."""

import re

from docutils import nodes
from sphinx.util.nodes import make_refnode

import painprint

DOTTED = re.compile(r"[a-z_]+(\.\w+)+|\w+")
TUTORIAL = re.compile(r"\]\(gallery/(\w+)\.py\)")


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


def link_tutorials(app, page: str, source: list[str]) -> None:
    """Links to the script of a tutorial lead to its page."""
    source[0] = TUTORIAL.sub(r"](auto_gallery/\1.rst)", source[0])


def set_dashes(app, doctree: nodes.document, page: str) -> None:
    """A dash, not two hyphens, between a parameter and what is said of it."""
    for text in [text for text in doctree.findall(nodes.Text) if text == " -- "]:
        text.parent.replace(text, nodes.Text(" – "))


def setup(app) -> dict[str, bool]:
    app.connect("source-read", link_tutorials)
    app.connect("doctree-resolved", link_names)
    app.connect("doctree-resolved", set_dashes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
