"""Blocks of code of the README and of the pages in docs/."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(DOCS.glob("*.md")),
    *sorted((DOCS / "api").glob("*.md")),
]
FENCED = re.compile(r"^( *)```([^\n]*)\n(.*?)^\1```$", flags=re.M | re.S)


class Block(NamedTuple):
    """A fenced block: its page and line, its language (none: commands), and its text."""

    page: str
    line: int
    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        """Its commands, each on one line, without comments."""
        joined = re.sub(r"\s*\\\n\s*", " ", self.text)
        lines = (re.sub(r"(^|\s+)#.*", "", line).strip() for line in joined.splitlines())
        return [line for line in lines if line]


def blocks_of(page: Path) -> list[Block]:
    """The fenced blocks of a page, without directives of the documentation."""
    name, text = page.relative_to(ROOT).as_posix(), page.read_text()
    found = []
    for match in FENCED.finditer(text):
        indent, language, inside = match.groups()
        lines = (line.removeprefix(indent) for line in inside.splitlines())
        line = text.count("\n", 0, match.start()) + 1
        if not language.startswith("{"):
            found.append(Block(name, line, language, "\n".join(lines)))
    return found


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
