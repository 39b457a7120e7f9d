"""Output at the terminal: help under headings, log lines, and progress."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from painprint.apps.arguments import check_can_be_written
from painprint.apps.participants import FAILURES, Failed, log_failure
from painprint.cortex.settings import AreaSettings
from painprint.options import flag, option_metadata
from painprint.settings import GROUPS, Settings
from painprint.stopping import tell_log_file

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


class LogFile(logging.Handler):
    """Appends to OUT/logs/painprint.log as soon as there is OUT, which is never made for a log.

    A log that cannot be written is reported once, and stops nothing.
    """

    def __init__(self, out_dir: Path) -> None:
        super().__init__()
        self.out_dir = out_dir
        self.path = out_dir / "logs" / "painprint.log"
        self._waiting: list[str] = []
        self._reported = False

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line, and write those that were kept if there is a folder for them."""
        self._waiting.append(self.format(record) + "\n")
        self.flush()

    def flush(self) -> None:
        """Write the lines that were kept."""
        if not self._waiting or not self.out_dir.is_dir():
            return
        lines, self._waiting = self._waiting, []
        try:
            self.path.parent.mkdir(exist_ok=True)
            with self.path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.writelines(lines)
        except OSError as error:
            if not self._reported:
                self._reported = True
                print(
                    f"WARNING {self.path}: {error.strerror}; there is no log of this in a file.",
                    file=sys.stderr,
                )


@contextmanager
def logged(out_dir: Path | None) -> Iterator[None]:
    """Log to stderr and, with an output folder, into OUT/logs; failures are logged as a sentence.

    Raises
    ------
    Failed
        After a failure was logged.
    """
    log.setLevel(logging.INFO)
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns where it keeps its fonts
    handlers: list[logging.Handler] = []

    def add(handler: logging.Handler) -> None:
        handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
        handlers.append(handler)
        log.addHandler(handler)

    add(logging.StreamHandler(sys.stderr))
    try:
        if out_dir is not None:
            check_can_be_written(out_dir)
            add(log_file := LogFile(out_dir))
            tell_log_file(log_file.path)
        yield
    except FAILURES as error:
        log_failure(error)
        raise Failed from error
    finally:
        for handler in handlers:
            handler.flush()
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
