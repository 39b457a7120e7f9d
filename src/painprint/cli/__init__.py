"""Commands and their arguments. Heavy modules are imported late, so that help is quick."""

from __future__ import annotations

import sys

from painprint.cli import (  # noqa: F401
    multiverse,
    parcellate,
    results_commands,
    run,
    scanner_commands,
    signature_commands,
    simulation_commands,
    slurm,
)
from painprint.cli.program import app
from painprint.terminal import run_command

__all__ = ["app", "main"]


def main(arguments: list[str] | None = None) -> int:
    """Run a command; exit codes: 0 done, 1 failed, 2 wrong usage."""
    return run_command(app, sys.argv[1:] if arguments is None else arguments)
