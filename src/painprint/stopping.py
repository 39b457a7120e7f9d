"""Stop a command by a signal: one line, the exit code of the signal, and nothing left running."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType

    from painprint.progress import Progress

SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
"""Signals that stop a command; Windows has no SIGHUP."""
TIME_OF_LOG = "%Y-%m-%d %H:%M:%S"
"""Format of the time of a line of the log file."""
GRACE_S = 2.0
"""Time in which a stopped command removes its unfinished files; then it ends at once."""


class Stopped(KeyboardInterrupt):
    """A signal asked the process to stop."""


class _Process:
    """What this process has to say if it is stopped."""

    def __init__(self) -> None:
        self.progress: Progress | None = None
        self.log_file: Path | None = None
        self.signal = 0
        self.said = False
        self.ask: Callable[[], None] | None = None

    @property
    def line(self) -> str:
        progress = self.progress
        if progress is not None and not progress.is_kept:
            return f"{progress.work}: stopped; nothing was kept.\n"
        if progress is None or not progress.n_passed:
            return "stopped; run the same command again to continue.\n"
        return (
            f"{progress.work}: stopped after stage {progress.n_passed} of {progress.n_stages}; run "
            "the same command again to continue.\n"
        )


_process = _Process()


def tell_progress(progress: Progress | None) -> None:
    """Name the work whose finished stages a command that is stopped counts; None for none."""
    _process.progress = progress


def tell_log_file(path: Path | None) -> None:
    """Name the log file in which a command that is stopped leaves its line; None for none."""
    _process.log_file = path


@contextmanager
def ends_when_asked(ask: Callable[[], None]) -> Iterator[None]:
    """Within it, the first signal only calls a function, after which the command ends by itself; a
    second one stops the command."""
    _process.ask = ask
    try:
        yield
    finally:
        _process.ask = None


def stoppable(command: Callable[[], int]) -> int:
    """Run a command so that SIGINT, SIGTERM and SIGHUP end it as users and schedulers expect.

    The line "stopped after stage 4 of 12; run the same command ..." is written to standard error
    and the log file, and the exit code is 128 and the number of the signal. The command has
    ``GRACE_S`` seconds to remove unfinished files; it ends at once if a second signal comes.
    Signals that the process ignores from its start (``nohup``) are ignored.

    Returns
    -------
    code : int
        That of the command, if it was not stopped.
    """
    caught = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, _leave)
    for number in caught:
        signal.signal(number, _stop)
    try:
        code = command()
    except BaseException:
        if not _process.signal:
            raise
    for number in caught:  # the command is done
        signal.signal(number, signal.SIG_IGN)
    if _process.signal:
        _leave()
    return code


def _stop(number: int, frame: FrameType | None) -> None:
    """Raise an error in the main thread; from then on, the process only ends."""
    if _process.signal:
        _leave()
    if _process.ask is not None:
        ask, _process.ask = _process.ask, None
        ask()
        return
    _process.signal = number
    if hasattr(signal, "SIGALRM"):  # not on Windows, where a second signal ends it
        signal.setitimer(signal.ITIMER_REAL, GRACE_S)
    # what destructors and other threads meet now is of no interest
    sys.unraisablehook = _ignore
    threading.excepthook = _ignore
    raise Stopped


def _ignore(_: object) -> None:
    pass


def _leave(*_: object) -> NoReturn:
    """Say that the command was stopped, and end without waiting for threads.

    Written past logging and streams, whose locks the interrupted code may hold.
    """
    if not _process.said:
        _process.said = True
        line = _process.line
        show_cursor = "\r\x1b[K\x1b[?25h" if os.isatty(2) else ""  # a progress bar hides it
        _append(2, f"{show_cursor}{line}")
        if _process.log_file is not None and _process.log_file.parent.is_dir():
            now = time.strftime(f"{TIME_OF_LOG} ")
            try:
                file = os.open(_process.log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            except OSError:
                pass  # the line is on the terminal
            else:
                _append(file, f"{now}WARNING {line}")
    os._exit(128 + _process.signal)


def _append(file: int, text: str) -> None:
    try:
        os.write(file, text.encode(errors="backslashreplace"))
    except OSError:
        pass  # nobody reads it
