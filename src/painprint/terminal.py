"""Output at the terminal: help under headings, log lines, and progress."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from painprint.apps.arguments import UsageError, check_can_be_written, with_flags
from painprint.apps.participants import FAILURES, Failed, log_failure
from painprint.cortex.settings import AreaSettings
from painprint.options import WORDS, flag, option_metadata
from painprint.settings import GROUPS, Settings
from painprint.stopping import tell_log_file
from painprint.wording import did_you_mean, plural

if TYPE_CHECKING:
    from inspect import BoundArguments

    from cyclopts import App, CycloptsError
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


def parse(app: App, words: Sequence[str]) -> tuple[Callable[..., Any], BoundArguments]:
    """The function of a command, and its arguments.

    Raises
    ------
    UsageError
        If the words of the command line, or the options of a config file, are none of a command.
    """
    from cyclopts import CycloptsError

    try:
        command, bound, _ = app.parse_args(words, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        raise UsageError(describe_usage(error)) from error
    except ValueError as error:  # an invalid option, by its name
        message = with_flags(str(error))
        given = {f"--{name}" for config in app.config for name in config.config}
        where = f" ({app.config[0].source})" if message.partition(" ")[0] in given else ""
        raise UsageError(f"{message}{where}") from error
    return command, bound


def describe_usage(error: CycloptsError) -> str:
    """What is wrong with the words of the command line or of a config file, as a sentence."""
    from cyclopts import exceptions

    command = " ".join(["painprint", *(error.command_chain or ())])
    ask = f"See `{command} --help`."
    token, argument = getattr(error, "token", None), error.argument
    where = f" ({token.source})" if token is not None and token.source != "cli" else ""
    if isinstance(error, exceptions.UnknownOptionError) and token is not None:
        name = f"--{token.keyword.strip('-[]')}"
        known = [name for argument in error.argument_collection for name in argument.names]
        return f"Unknown option: {name}{where}.{did_you_mean(name, known) or f' {ask}'}"
    if isinstance(error, exceptions.MissingArgumentError) and argument is not None:
        name = argument.name
        if error.keyword is None:
            is_option = argument.field_info.is_keyword_only
            name = name if is_option else name.removeprefix("--").replace("-", "_").upper()
            return f"`{command}` needs {name}. {ask}"
        needed = plural(max(1, argument.token_count()[0]), "value")
        return f"{name} needs {needed}, and got {len(error.tokens_so_far)}. {ask}"
    if isinstance(error, exceptions.CoercionError) and error.target_type in WORDS and token:
        name = argument.name if argument is not None else token.keyword
        return f"{name} is {token.value!r}{where}; needed: {WORDS[error.target_type]}."
    if isinstance(error, exceptions.UnusedCliTokensError):
        extra = " ".join(error.unused_tokens or ())
        return f"`{command}` takes no further argument, but got {extra}. {ask}"
    return " ".join(str(error).split())


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
