"""Output at the terminal: log lines with their time, progress, and tables that are rounded."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from painprint.apps.arguments import UsageError, with_flags
from painprint.apps.config_file import (
    NEEDS_A_VALUE,
    check_whole,
    find_config_file,
    read_config_file,
    with_new_name,
)
from painprint.apps.folders import check_can_be_written
from painprint.apps.participants import FAILURES, Failed, describe_failure
from painprint.option_fields import WORDS
from painprint.progress import OF_PROGRESS, Progress
from painprint.stopping import TIME_OF_LOG, tell_log_file, tell_progress
from painprint.wording import did_you_mean, enumerate_names, plural

if TYPE_CHECKING:
    from inspect import BoundArguments

    from cyclopts import App, CycloptsError
    from rich.console import Console, RenderableType
    from rich.table import Table

log = logging.getLogger("painprint")

DONE, FAILED, WRONG_USAGE = 0, 1, 2
"""Exit codes."""
TIME, LEVEL_AND_TEXT = "%H:%M:%S", "%(asctime)s %(levelname)s %(message)s"
"""Format of the time of a line at the terminal, and of a line."""
SILENT_S, FIRST_S = 8.0, 5.0
"""Longest time (s) without a line where there is no progress bar, and until the first line, which
the start of Python delays."""
BAR_WIDTH, REDRAWS_PER_S = 10, 4
"""Width of the progress bar (characters), and how often it is drawn."""


class Lines(logging.Handler):
    """Writes log lines to standard error, above the progress bar if there is one."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(LEVEL_AND_TEXT, TIME))
        self.bar: Console | None = None
        self.last_s = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, unless it says what the progress bar shows."""
        line = self.format(record)
        self.last_s = time.monotonic()
        if self.bar is None:
            print(line, file=sys.stderr)
        elif not getattr(record, "of_progress", False):
            self.bar.print(line, markup=False, highlight=False, soft_wrap=True)


def run_command(app: App, given: Sequence[str]) -> int:
    """Run the command of the words of a command line; its exit code."""
    try:
        command, bound = read_command_line(app, given)
        command(*bound.args, **bound.kwargs)
        sys.stdout.flush()
    except UsageError as error:
        _warn(str(error))
        return WRONG_USAGE
    except Failed:
        return FAILED
    except OSError as error:  # such as a full disk to which standard output is redirected
        _warn(describe_failure(error))
        return FAILED
    return DONE


def _warn(message: str) -> None:
    """Print a line that is not of the log."""
    print(f"painprint: {message}", file=sys.stderr)


def read_command_line(app: App, given: Sequence[str]) -> tuple[Callable[..., Any], BoundArguments]:
    """The function of a command, and its arguments, with the options of a config file.

    Raises
    ------
    UsageError
        If the words of the command line, or the options of a config file, are none of a command.
    """
    words = [with_new_name(word, _warn) for word in given]
    config = find_config_file(words)
    app.config = ()
    if config is not None:
        from cyclopts.config import Dict

        options = read_config_file(config, _warn)
        app.config = (Dict(options, source=str(config), use_commands_as_keys=False),)
    check_whole(words)
    try:
        return _parse(app, words)
    except UsageError:
        raise
    except Exception as error:  # a fault of the parser is no traceback; its cause is named
        raise UsageError(
            f"the command line cannot be read ({error!r}). See `painprint --help`."
        ) from error


def _parse(app: App, words: Sequence[str]) -> tuple[Callable[..., Any], BoundArguments]:
    from cyclopts import CycloptsError

    try:
        command, bound, _ = app.parse_args(words, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        raise UsageError(describe_usage(error, app, words)) from error
    except ValueError as error:  # an invalid option, by its name
        message = with_flags(str(error))
        given = {f"--{name}" for config in app.config for name in config.config}
        where = f" ({app.config[0].source})" if message.partition(" ")[0] in given else ""
        raise UsageError(f"{message}{where}") from error
    return command, bound


def describe_usage(error: CycloptsError, app: App, words: Sequence[str]) -> str:
    """What is wrong with the words of the command line or of a config file, as a sentence."""
    from cyclopts import exceptions

    command = " ".join(["painprint", *(error.command_chain or ())])
    ask = f"See `{command} --help`."
    token, argument = getattr(error, "token", None), error.argument
    where = f" ({token.source})" if token is not None and token.source != "cli" else ""
    if isinstance(error, exceptions.UnknownCommandError) and words[0].startswith("-"):
        return f"Unknown option: {words[0]}. {ask}"
    if isinstance(error, exceptions.UnknownOptionError) and token is not None:
        name = (token.keyword or token.value).partition("=")[0]
        name = name if token.source == "cli" else f"--{name.strip('-[]')}"
        known = [name for argument in error.argument_collection for name in argument.names]
        return f"Unknown option: {name}{where}.{did_you_mean(name, known) or f' {ask}'}"
    if isinstance(error, exceptions.MissingArgumentError) and argument is not None:
        name = argument.name
        if error.keyword is None:
            if argument.field_info.is_keyword_only:
                return f"`{command}` needs {name}. {ask}"
            return f"`{command}` needs {_describe_needed(app, words)} {ask}"
        if isinstance(error, exceptions.ConsumeMultipleError) and argument.token_count()[1]:
            return f"{name} {NEEDS_A_VALUE}. {ask}"
        needed = plural(max(1, argument.token_count()[0]), "value")
        return f"{name} needs {needed}, and got {len(error.tokens_so_far)}. {ask}"
    if isinstance(error, exceptions.CoercionError) and error.target_type in WORDS and token:
        name = argument.name if argument is not None else token.keyword
        needed = WORDS[error.target_type]
        hint = ""
        if "," in token.value:
            takes_several = argument is not None and argument.token_count() != (1, False)
            hint = " Decimals have a point." + " Separate values by spaces." * takes_several
        return f"{name} is {token.value!r}{where}; needed: {needed}.{hint}"
    if isinstance(error, exceptions.UnusedCliTokensError):
        extra = " ".join(error.unused_tokens or ())
        return f"`{command}` takes no further argument, but got {extra}. {ask}"
    return " ".join(str(error).split())


def _describe_needed(app: App, words: Sequence[str]) -> str:
    """The arguments that a command needs in front of its options, and those that it was given."""
    needed = []
    for argument in app[words[0]].assemble_argument_collection():
        if argument.required and not argument.field_info.is_keyword_only:
            choices = " or ".join(argument.get_choices() or ())
            name = argument.name.removeprefix("--").replace("-", "_").upper()
            needed.append(f"{name} ({choices})" if choices else name)
    given = " ".join(takewhile(lambda word: not word.startswith("-"), words[1:]))
    if given:
        return f"{enumerate_names(needed)}, and got {given}."
    order = " Options come after them." * (len(words) > 1)
    return f"{enumerate_names(needed)}.{order}"


class LogFile(logging.Handler):
    """Appends to OUT/logs/painprint.log as soon as there is OUT, which is never made for a log.

    Lines that only say that work is going on are left out. A log that cannot be written is reported
    once, and stops nothing.
    """

    def __init__(self, out_dir: Path) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(LEVEL_AND_TEXT, TIME_OF_LOG))
        self.out_dir = out_dir
        self.path = out_dir / "logs" / "painprint.log"
        self._waiting: list[str] = []
        self._reported = False

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line, and write those that were kept if there is a folder for them."""
        if not getattr(record, "passing", False):
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
                    f"WARNING {self.path}: {error.strerror}; no log file is written.",
                    file=sys.stderr,
                )


_lines: Lines | None = None
"""Writes the lines of the command that runs."""


@contextmanager
def logged(out_dir: Path | None, *, at_terminal: bool = True) -> Iterator[None]:
    """Log to stderr and, with an output folder, into OUT/logs; failures are logged as a sentence.

    Every command works within, with one BLAS thread. On the worker of a cluster there is no
    terminal.

    Raises
    ------
    Failed
        After a failure was logged.
    """
    from painprint.parallel import one_blas_thread  # with NumPy, which help can do without

    global _lines
    log.setLevel(logging.INFO)
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns where it keeps its fonts
    handlers: list[logging.Handler] = []
    if at_terminal:
        handlers.append(_lines := Lines())
        log.addHandler(_lines)
    try:
        if out_dir is not None:
            check_can_be_written(out_dir)
            handlers.append(log_file := LogFile(out_dir))
            log.addHandler(log_file)
            tell_log_file(log_file.path)
        with one_blas_thread():
            yield
    except FAILURES as error:
        log.error("%s", describe_failure(error))
        raise Failed from error
    finally:
        _lines = None
        for handler in handlers:
            handler.flush()
            log.removeHandler(handler)
            handler.close()


def show(short: str, full: str, sentences: Iterable[str]) -> None:
    """Print a short table and sentences on a terminal; else the full table, and log sentences."""
    if sys.stdout.isatty():
        print(short, "", *sentences, sep="\n")
        return
    print(full)
    for sentence in sentences:
        log.info("%s", sentence)


@contextmanager
def progress(
    work: str, doing: str = "finding and checking the inputs", *, is_kept: bool = True
) -> Iterator[Progress]:
    """Show the progress of some work: a bar on a terminal; elsewhere a line when it was silent."""
    told = Progress(work, doing, is_kept=is_kept)
    tell_progress(told)
    with shown(partial(_draw, told), told.describe):
        yield told
    tell_progress(None)  # if it was stopped, this is still to be told


def shown(
    draw: Callable[[], RenderableType], describe: Callable[[], str]
) -> AbstractContextManager[None]:
    """Context that draws something again and again on a terminal; elsewhere, a line describes it
    whenever it was silent."""
    return _drawn(draw) if _is_terminal() else _lines_while_silent(describe)


def _is_terminal() -> bool:
    """Whether a line can be drawn again."""
    return sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


@contextmanager
def _drawn(draw: Callable[[], RenderableType]) -> Iterator[None]:
    """Draw something below the lines of the log."""
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    live = Live(
        get_renderable=draw,
        console=console,
        transient=True,
        refresh_per_second=REDRAWS_PER_S,
    )
    with live:
        if _lines is not None:
            _lines.bar = console
        try:
            yield
        finally:
            if _lines is not None:
                _lines.bar = None


def _draw(told: Progress) -> Table:
    """A line with stage, bar, time left, and the name of the stage."""
    from rich.progress_bar import ProgressBar
    from rich.table import Column, Table

    share, left = told.share(), told.left()
    where = ": ".join(filter(None, (told.work, told.number)))
    line = Table.grid(
        Column(min_width=len(where)), Column(min_width=BAR_WIDTH), Column(min_width=len(left)),
        Column(no_wrap=True, overflow="ellipsis"), padding=(0, 1),
    )  # fmt: skip
    bar = ProgressBar(total=None if share is None else 1.0, completed=share or 0.0, width=BAR_WIDTH)
    line.add_row(where, bar, left, told.title)
    return line


@contextmanager
def _lines_while_silent(describe: Callable[[], str]) -> Iterator[None]:
    """Log what is in work whenever nothing else was logged for ``SILENT_S``."""
    is_done = threading.Event()

    def watch() -> None:
        wait_s = limit_s = min(FIRST_S, SILENT_S)
        while not is_done.wait(max(wait_s, 0.1)):
            lines = _lines
            silent_s = time.monotonic() - lines.last_s if lines else 0.0
            if silent_s >= limit_s:
                log.info("%s", describe(), extra={**OF_PROGRESS, "passing": True})
                silent_s, limit_s = 0.0, SILENT_S
            wait_s = limit_s - silent_s

    threading.Thread(target=watch, name="progress", daemon=True).start()
    try:
        yield
    finally:
        is_done.set()
