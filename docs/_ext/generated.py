"""Parts of the pages that are made from the program, kept in the pages so that GitHub shows them.

A part stands between ``<!-- from the code: WHAT -->`` and ``<!-- end -->``. ``python
docs/_ext/generated.py`` writes all of them again; a test fails where a page is not up to date.
"""

import ast
import inspect
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

import painprint
from painprint import cli
from painprint.apps.resources import SHARE_IN_PARALLEL, Size, memory_by_part, seconds_by_part
from painprint.bins import BIN_WORDS
from painprint.cortex.settings import AreaSettings
from painprint.evidence.multiverse import COLUMNS as MULTIVERSE_COLUMNS
from painprint.evidence.stages import STAGES
from painprint.live.options import LiveOptions
from painprint.option_fields import choices_of, describe, flag, option_metadata
from painprint.rating_task.rated_run import RatedRun
from painprint.rating_task.task import RatingTask
from painprint.report.checklist import COLUMNS as CHECKLIST_COLUMNS
from painprint.report.glossary import GLOSSARY
from painprint.results.all_columns import (
    AREA_COLUMNS,
    DECODING_COLUMNS,
    GROUP_COLUMNS,
    PLAN_COLUMNS,
)
from painprint.settings import Settings

DOCS = Path(__file__).parents[1]
HELP_WIDTH = 92
N_WORKERS = 2
PART = re.compile(r"(<!-- from the code: (.+?) -->\n).*?(\n<!-- end -->)", flags=re.S)
SETTINGS = {
    "run": [Settings],
    "parcellate": [AreaSettings],
    "rate": [RatedRun, RatingTask],
    "live": [LiveOptions],
}
DESIGNS = Path(painprint.__file__).parent / "rating_task" / "designs"
COLUMNS = {
    "decoding": DECODING_COLUMNS,
    "group": GROUP_COLUMNS,
    "parcellation": AREA_COLUMNS,
    "plan": PLAN_COLUMNS,
    "multiverse": {"multiverse": MULTIVERSE_COLUMNS},
}


def pages() -> list[Path]:
    """The pages that may have such parts."""
    return sorted([*DOCS.glob("*.md"), *DOCS.glob("api/*.md")])


def up_to_date(text: str) -> str:
    """The text of a page with its parts made again."""
    return PART.sub(lambda part: f"{part[1]}\n{make(part[2])}\n{part[3]}", text)


def make(what: str) -> str:
    """A part as Markdown.

    ``help [COMMAND]``, ``options COMMAND``, ``columns KIND``, ``design NAME``, ``needs``,
    ``glossary`` or ``names``.
    """
    kind, _, name = what.partition(" ")
    if kind == "help":
        return help_text(name)
    if kind == "design":
        return f"```toml\n{(DESIGNS / f'{name}.toml').read_text().strip()}\n```"
    rows = {
        "options": option_rows,
        "columns": column_tables,
        "needs": needs_rows,
        "glossary": glossary_entries,
        "names": public_names,
    }[kind](name)
    return "\n".join(rows).rstrip()


def help_text(command: str) -> str:
    """What ``painprint COMMAND --help`` prints; without a command, ``painprint --help``."""
    text = io.StringIO()
    console = Console(file=text, width=HELP_WIDTH, color_system=None, force_terminal=False)
    cli.app.help_print(command.split(), console=console)
    printed = "\n".join(line.rstrip() for line in text.getvalue().strip().splitlines())
    return f"```text\n{printed}\n```"


def option_rows(command: str) -> Iterator[str]:
    """A table of every option of a command: name, default, unit, allowed values, meaning."""
    yield from header("option", "default", "unit", "allowed", "meaning")
    for kind in SETTINGS[command]:
        yield from option_rows_of(kind)


def option_rows_of(kind: type) -> Iterator[str]:
    """Rows of the options of a class."""
    said: dict[str, str] = {}
    for one in kind.__mro__[-2::-1]:  # what is inherited first
        said |= attribute_docs(one)
    metadata = option_metadata(kind)
    for option in describe(kind()):
        name = option["name"]
        source = f" *Source: {plain(option['source'])}.*" if option["source"] else ""
        choices = " ".join(f"`{choice}`" for choice in choices_of(kind, name))
        yield row(
            f"`--{flag(name)}` `{name}`",
            f"`{shown(option['value'])}`",
            option["unit"],
            choices or metadata[name].allowed,
            plain(said[name]) + source,
        )


def attribute_docs(kind: type) -> dict[str, str]:
    """The strings that follow the fields of a class, by name."""
    body = ast.parse(inspect.cleandoc(inspect.getsource(kind))).body[0].body
    return {
        field.target.id: " ".join(after.value.value.split())
        for field, after in zip(body, body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
    }


def column_tables(kind: str) -> Iterator[str]:
    """A heading and a table of columns for each table; ``stages`` are those of the evidence."""
    if kind != "stages":
        for suffix, columns in COLUMNS[kind].items():
            yield from column_table(suffix, columns)
        if kind == "decoding":
            yield from column_table("checklist", CHECKLIST_COLUMNS)
        return
    for stage in STAGES.values():
        for suffix, columns in stage.tables.items():
            yield from column_table(suffix, columns, f"{stage.question} (`{stage.name}`)")


def column_table(suffix: str, columns: Mapping[str, str], about: str = "") -> Iterator[str]:
    """A heading and a table of the columns of one table, of a study with 1-min bins."""
    yield from (f"### {suffix}.tsv", "")
    if about:
        yield from (about, "")
    yield from header("column", "content")
    for name, text in columns.items():
        yield row(f"`{name}`", plain(text.format(**asdict(BIN_WORDS["1min"]))))
    yield ""


def needs_rows(_: str = "") -> Iterator[str]:
    """Memory and time by which ``--dry-run`` goes, of studies with three 10-min runs a session."""
    settings, n_minutes = Settings(), 30
    yield from header("sessions", "regions", "memory", "time")
    for n_sessions in (8, 16, 28, 60):
        for n_regions in (100, 200, 450):
            n_tested = n_sessions * n_minutes
            signals = 8.0 * n_tested * 60 / 0.46 * n_regions
            size = Size(
                2 * n_tested, n_tested, n_sessions, n_regions, signals, signals, n_workers=N_WORKERS
            )
            memory = max(memory_by_part(size, settings).values()) / 1e9
            one_worker = sum(seconds_by_part(size, settings).values())
            minutes = one_worker * (1 - SHARE_IN_PARALLEL + SHARE_IN_PARALLEL / N_WORKERS) / 60
            yield row(f"{n_sessions}", f"{n_regions}", f"{memory:.1f} GB", f"{minutes:.0f} min")


def glossary_entries(_: str = "") -> Iterator[str]:
    """A heading and a definition for each term, of a study with 1-min bins."""
    for term in sorted(GLOSSARY, key=str.casefold):
        meaning = plain(GLOSSARY[term].format(bin=BIN_WORDS["1min"].bin))
        yield from (f"## {term}", "", meaning[0].upper() + meaning[1:], "")


def public_names(_: str = "") -> Iterator[str]:
    """A table of what can be imported from painprint, with the first paragraph of its docstring."""
    yield from header("name", "what it is")
    for name in painprint.__all__:
        summary = " ".join(inspect.getdoc(getattr(painprint, name)).split("\n\n")[0].split())
        yield row(f"`{name}`", plain(summary))


def header(*cells: str) -> tuple[str, str]:
    """The first two lines of a table."""
    return row(*cells), "|" + "---|" * len(cells)


def row(*cells: str) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |"


def shown(value: object) -> str:
    """A default as it would be typed."""
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def plain(text: str) -> str:
    """Text that Markdown takes literally, except code."""
    return re.sub(r"([*|<])", r"\\\1", text)


if __name__ == "__main__":
    for page in pages():
        page.write_text(up_to_date(page.read_text()))
