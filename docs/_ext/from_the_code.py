"""What the pages take from the program itself, so that it is never typed twice.

Directives: ``options`` (the settings), ``command-help`` (help of a command), ``public-names``
(what can be imported from painprint). And names of functions in code, such as
``ratings.frame_ratings``, become links to the reference.
"""

import io
import re

from docutils import nodes
from docutils.parsers.rst.states import RSTStateMachine, state_classes
from docutils.statemachine import StringList
from docutils.utils import new_document
from rich.console import Console
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

import painprint
from painprint import cli
from painprint.cortex.settings import AreaSettings
from painprint.options import choices_of, describe, flag, option_metadata
from painprint.settings import Settings

HELP_WIDTH = 92
DOTTED = re.compile(r"[a-z_]+(\.\w+)+|\w+")


SETTINGS = {"run": Settings, "parcellate": AreaSettings}


class Options(SphinxDirective):
    """A table of every setting of a command: option, default, unit, what is allowed, meaning."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        kind = SETTINGS[self.arguments[0]]
        said = {}
        for one in kind.__mro__[-2::-1]:  # what is inherited first
            docs = ModuleAnalyzer.for_module(one.__module__).find_attr_docs()
            said |= {name: text for (owner, name), text in docs.items() if owner == one.__name__}
        lines = [".. list-table::", "   :header-rows: 1", "   :widths: 26 14 8 16 36", ""]
        lines += row("option", "default", "unit", "allowed", "meaning")
        metadata = option_metadata(kind)
        for option in describe(kind()):
            name = option["name"]
            # words as they were written, not as markup
            meaning = escape(" ".join(said[name]).strip())
            source = f" *Source: {escape(option['source'])}.*" if option["source"] else ""
            choices = " ".join(f"``{choice}``" for choice in choices_of(kind, name))
            lines += row(
                f"``--{flag(name)}`` ``{name}``",
                f"``{shown(option['value'])}``",
                option["unit"],
                choices or metadata[name].allowed,
                meaning + source,
            )
        return parsed(self, lines)


class CommandHelp(SphinxDirective):
    """What ``painprint COMMAND --help`` prints; without an argument, ``painprint --help``."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        text = io.StringIO()
        console = Console(file=text, width=HELP_WIDTH, color_system=None, force_terminal=False)
        cli.app.help_print(self.arguments, console=console)
        help_text = "\n".join(line.rstrip() for line in text.getvalue().strip().splitlines())
        return [
            nodes.literal_block(help_text, help_text, language="none", classes=["command-help"])
        ]


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


def shown(value: object) -> str:
    """A default as it would be typed."""
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


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
    app.add_directive("options", Options)
    app.add_directive("command-help", CommandHelp)
    app.add_directive("public-names", PublicNames)
    app.connect("doctree-resolved", link_names)
    app.connect("doctree-resolved", set_dashes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
