"""The process of a command: ``painprint`` and ``python -m painprint``.

Imports little, so that a signal that comes while modules are imported is caught.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from painprint.stopping import stoppable

HOMES = {"XDG_CACHE_HOME": "~/.cache", "XDG_CONFIG_HOME": "~/.config"}
"""Folders in which libraries keep caches and settings."""


class _Stream(io.FileIO):
    """Standard output or error; after an error, such as that nobody reads it, all is dropped.

    An error of standard output other than that is raised once, with its name.
    """

    failed = False

    def write(self, data: Any) -> int:
        if self.failed:
            return len(data)
        try:
            return super().write(data)
        except OSError as error:
            self.failed = True
            if self.fileno() == 2 or isinstance(error, BrokenPipeError):
                return len(data)
            raise OSError(error.errno, error.strerror, "standard output") from error


def _open_streams() -> None:
    """Open closed standard streams, lest a file that is opened next takes their numbers."""
    while (file := os.open(os.devnull, os.O_RDWR)) < 3:
        os.set_inheritable(file, True)
    os.close(file)
    for number, name in ((1, "stdout"), (2, "stderr")):
        old = getattr(sys, name)
        stream = io.TextIOWrapper(
            io.BufferedWriter(_Stream(number, "w", closefd=False)),
            encoding=old.encoding if old else "utf-8",
            errors=old.errors if old else "backslashreplace",
            line_buffering=number == 2 or os.isatty(number),
            write_through=old.write_through if old else False,
        )
        setattr(sys, name, stream)


@contextmanager
def _folders_for_caches() -> Iterator[None]:
    """Give libraries a temporary folder where the user has no home that can be written.

    Matplotlib and fontconfig would warn, and numba make a folder ``~`` where a user has no home.
    """
    lacking = {
        name: home for name, home in HOMES.items() if not _can_be_made(os.environ.get(name) or home)
    }
    if not lacking:
        yield
        return
    from tempfile import TemporaryDirectory

    try:
        folder = TemporaryDirectory(prefix="painprint-", ignore_cleanup_errors=True)
    except OSError:  # no folder of any kind: what needs one says so
        yield
        return
    with folder:
        os.environ.update(dict.fromkeys(lacking, folder.name))
        yield


def _can_be_made(folder: str) -> bool:
    """Whether a folder can be written, or made."""
    path = os.path.expanduser(folder)
    if not os.path.isabs(path):  # the user has no home
        return False
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return os.path.isdir(path) and os.access(path, os.W_OK | os.X_OK)


def _run() -> int:
    with _folders_for_caches():
        from painprint.cli import main as run_command

        return run_command()


def main() -> int:
    """Run the command of the command line; the exit code."""
    _open_streams()
    return stoppable(_run)


if __name__ == "__main__":
    sys.exit(main())
