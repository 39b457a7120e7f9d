"""What the README shows works when pasted."""

import re
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
README = (Path(__file__).parents[1] / "README.md").read_text()


def test_the_python_of_the_readme_runs_and_prints_what_it_says():
    code = "\n".join(re.findall(r"```python\n(.*?)```", README, flags=re.S))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    printed = re.findall(r"-?\d\.\d\d", done.stdout)
    said = "".join(line.rpartition("#")[2] for line in code.splitlines() if "print(" in line)
    assert printed == re.findall(r"\d\.\d\d", said)


def test_every_option_of_the_readme_exists():
    from painprint.cli import app

    known = "".join(
        subprocess.run(
            [sys.executable, "-m", "painprint", command, "--help"], capture_output=True, text=True
        ).stdout
        for command in (
            "run",
            "parcellate",
            "simulate",
            "predict",
            "learn",
            "recalibrate",
            "demo",
            "report",
        )
    )
    known += "".join(path.read_text() for path in sorted(BENCHMARKS.glob("*.py")))
    for option in set(re.findall(r"(--[a-z][a-z-]+)", README)) - {"--help"}:
        assert option in known, option
    assert app.name == ("painprint",)


def test_the_readme_is_short():
    assert len(README.split()) <= 900
