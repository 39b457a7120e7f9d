"""The Jinja environment of the templates: filters, scripts and rows of tables."""

from __future__ import annotations

from functools import cache
from importlib.resources import files as package_files
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from painprint import wording
from painprint.option_fields import flag


@cache
def make_environment() -> Environment:
    """Templates with the filters that pages use; made once, since compiling them takes time."""
    environment = Environment(
        loader=PackageLoader("painprint.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=wording.number,
        span=wording.span,
        estimate=wording.estimate,
        p=wording.p_value,
        rounded=wording.rounded,
        cell=_cell,
        flag=flag,
    )
    environment.globals.update(script=_script, tables=set(environment.list_templates()))
    return environment


def records(table: pd.DataFrame) -> list[dict[Any, Any]]:
    """Rows of a table, with None where a value is missing."""
    return table.astype(object).where(table.notna(), None).to_dict(orient="records")


def _script(name: str) -> Markup:
    """A script of the package, to be embedded in the page."""
    return Markup(package_files("painprint.report").joinpath("templates", name).read_text("utf-8"))


def _cell(value: Any, digits: int = 2) -> str:
    """Text of a table cell: n/a for missing values, integers without decimals."""
    if value is None or value != value or value == "":
        return wording.MISSING
    if isinstance(value, float) and value != int(value):
        return wording.number(value, digits)
    return str(int(value)) if isinstance(value, float) else str(value)
