"""No module of the package joins more than a few others."""

import ast
from pathlib import Path

import pytest

import painprint

PACKAGE = Path(painprint.__file__).parent
MOST_IMPORTED = 20


def imported(source: str) -> set[str]:
    """Modules of the package that a module imports from, also late and for types."""
    modules = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            modules.add(node.module or "")
        elif isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
    return {name for name in modules if name.partition(".")[0] == "painprint"}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from painprint.runs import Run, RunKey", {"painprint.runs"}),
        ("from painprint import wording", {"painprint"}),
        ("def f():\n    import painprint.bins, numpy", {"painprint.bins"}),
        ("import numpy\nfrom pandas import NA", set()),
    ],
)
def test_imports_are_counted_wherever_they_stand(source, found):
    assert imported(source) == found


def test_a_module_imports_from_few_others():
    n_imported = {
        str(path.relative_to(PACKAGE)): len(imported(path.read_text("utf-8")))
        for path in PACKAGE.rglob("*.py")
    }
    assert len(n_imported) > 300
    assert {name: n for name, n in n_imported.items() if n > MOST_IMPORTED} == {}
