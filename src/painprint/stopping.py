"""Stop a command by a signal: one line, the exit code of the signal, and nothing left running."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType

SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
"""Signals that stop a command; Windows has no SIGHUP."""
GRACE_S = 2.0
"""Time in which a stopped command removes its unfinished files; then it ends at once."""


class Stopped(KeyboardInterrupt):
    """A signal asked the process to stop."""


class _Process:
    """What this process has to say if it is stopped."""

    def __init__(self) -> None:
        self.work = ""
        self.n_done = self.n_stages = 0
        self.log_file: Path | None = None
        self.signal = 0
        self.said = False

    @property
    def line(self) -> str:
        done = f" after stage {self.n_done} of {self.n_stages}" if self.n_done else ""
        work = f"{self.work}: " if self.n_done else ""
        return f"{work}stopped{done}; the same command goes on.\n"


_process = _Process()


@contextmanager
def stages(work: str, n_stages: int) -> Iterator[None]:
    """Count the finished stages of some work, for the line of a command that is stopped."""
    _process.work, _process.n_done, _process.n_stages = work, 0, n_stages
    yield
    _process.n_done = 0  # if it was stopped, this is still to be told


def stage_done() -> None:
    """Count a stage as finished."""
    _process.n_done += 1


def tell_log_file(path: Path | None) -> None:
    """Name the log file in which a command that is stopped leaves its line; None for none."""
    _process.log_file = path


def stoppable(command: Callable[[], int]) -> int:
    """Run a command so that SIGINT, SIGTERM and SIGHUP end it as users and schedulers expect.

    The line "stopped after stage 4 of 12; the same command goes on" is written to standard error
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
            try:
                file = os.open(_process.log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            except OSError:
                pass  # the line is on the terminal
            else:
                _append(file, f"WARNING {line}")
    os._exit(128 + _process.signal)


def _append(file: int, text: str) -> None:
    try:
        os.write(file, text.encode(errors="backslashreplace"))
    except OSError:
        pass  # nobody reads it
