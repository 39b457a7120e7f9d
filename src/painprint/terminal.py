"""Output at the terminal: help under headings, log lines, and progress."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from painprint.apps.participants import FAILURES, Failed, log_failure
from painprint.cortex.settings import AreaSettings
from painprint.options import flag, option_metadata
from painprint.settings import GROUPS, Settings

if TYPE_CHECKING:
    from cyclopts.help import HelpPanel
    from rich.console import Console, ConsoleOptions

log = logging.getLogger("painprint")

Follow = Callable[[str], Callable[[int, int], None]]
"""Returns, for a named part of the work, a callback that is called with (done, of)."""


def show_default(default: object) -> str | None:
    """A default as typed on the command line; None if there is nothing to show."""
    if isinstance(default, tuple):
        return " ".join(map(str, default)) or None
    return None if default is False or default is None else str(default)


def show_by_heading(console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:
    """Show options under the headings of their metadata; first those without one."""
    from cyclopts.help import DefaultFormatter

    heading_of = {
        f"--{flag(name)}": metadata.group
        for kind in (Settings, AreaSettings)
        for name, metadata in option_metadata(kind).items()
    }
    for heading in ("", *GROUPS):
        entries = [row for row in panel.entries if heading_of.get(row.names[0], "") == heading]
        if entries:
            part = panel.copy(title=heading or panel.title, entries=entries)
            DefaultFormatter()(console, options, part)


@contextmanager
def logged(out_dir: Path | None) -> Iterator[None]:
    """Log to stderr and, with an output folder, into OUT/logs; failures are logged as a sentence.

    Raises
    ------
    Failed
        After a failure was logged.
    """
    log.setLevel(logging.INFO)
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if out_dir is not None:
        try:
            (out_dir / "logs").mkdir(parents=True, exist_ok=True)
            handlers.append(logging.FileHandler(out_dir / "logs" / "painprint.log"))
        except OSError as error:
            print(f"cannot write to {out_dir}: {error.strerror}", file=sys.stderr)
            raise Failed from error
    formatter = logging.Formatter("%(levelname)s %(message)s")
    for handler in handlers:
        handler.setFormatter(formatter)
        log.addHandler(handler)
    try:
        yield
    except FAILURES as error:
        log_failure(error)
        raise Failed from error
    finally:
        for handler in handlers:
            log.removeHandler(handler)
            handler.close()


@contextmanager
def progress(what: str) -> Iterator[Follow]:
    """A progress bar for each part on a terminal; elsewhere up to five log lines."""
    if not sys.stderr.isatty():
        yield lambda part: _log_steps(f"{what}: {part}")
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bars:

        def follow(part: str) -> Callable[[int, int], None]:
            bar = bars.add_task(f"{what}: {part}", total=None)
            return lambda done, of: bars.update(bar, completed=done, total=of)

        yield follow


def _log_steps(what: str) -> Callable[[int, int], None]:
    """Callback that logs the first step, each quarter, and the last step."""

    def on_step(done: int, of: int) -> None:
        if done in (1, of) or done * 4 // of > (done - 1) * 4 // of:
            log.info("%s: %d of %d", what, done, of)

    return on_step
