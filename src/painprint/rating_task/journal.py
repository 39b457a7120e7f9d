"""The journal of a run: every event as it came, one JSON object a line, on the disk at once."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from painprint.errors import DerivativesError
from painprint.store.appended import AppendedFile
from painprint.store.reading import open_file

SYNC_S = 1.0
"""Time after which lines are written through to the disk (s): what a power cut may cost."""
WRITTEN = {"kind": "written"}
"""The last line: the files of the run were made from the lines before."""


class Journal:
    """A journal that is being written.

    Lines are handed to the operating system when they come, so that a killed process loses none,
    and written through to the disk every second, by a thread of their own.

    Parameters
    ----------
    path : Path
        A new file, or one to be continued.
    """

    def __init__(self, path: Path, *, new: bool = True) -> None:
        self._file = AppendedFile(path, new=new)
        self._lock = threading.Lock()
        self._unsynced_since: float | None = None
        self.longest_unsynced_s = 0.0
        self.problem: OSError | None = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._sync_often, name="journal", daemon=True)
        self._thread.start()

    def append(self, entry: Mapping[str, Any]) -> None:
        """Write a line whole, or not at all.

        Raises
        ------
        OSError
            If it cannot be written, such as on a full disk; the journal is as before.
        """
        with self._lock:
            try:
                self._file.append(_line(entry))
            except OSError as error:
                self.problem = error
                raise
            self.problem = None
            if self._unsynced_since is None:
                self._unsynced_since = time.monotonic()

    def sync(self) -> None:
        """Write all lines through to the disk."""
        with self._lock:
            since, self._unsynced_since = self._unsynced_since, None
        if since is None:
            return
        try:
            self._file.sync()
        except OSError as error:
            self.problem = error
            return
        self.longest_unsynced_s = max(self.longest_unsynced_s, time.monotonic() - since)

    def close(self) -> None:
        """Write all lines through to the disk, and end."""
        self._closed.set()
        self._thread.join()
        self.sync()
        self._file.close()

    def _sync_often(self) -> None:
        while not self._closed.wait(SYNC_S / 2):
            self.sync()


def read_journal(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a journal; a last line that was cut off is left out.

    Raises
    ------
    DerivativesError
        If another line is not what a journal has.
    """
    with open_file(path) as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                entry = json.loads(line)
            except ValueError:
                entry = None
            if not isinstance(entry, dict):
                raise DerivativesError(
                    f"line {number} is no line of a journal. Move the file elsewhere; the run "
                    "cannot be finished from it.",
                    path,
                )
            yield entry


def has_begun(path: Path) -> bool:
    """Whether a journal has a whole line; one of a process that was killed at once has none."""
    with open_file(path) as file:
        return file.readline().endswith(b"\n")


def is_written(path: Path) -> bool:
    """Whether the files of a run were made from its journal, as its last line says."""
    with open_file(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 200))
        return file.read().endswith(b"\n" + _line(WRITTEN))


def _line(entry: Mapping[str, Any]) -> bytes:
    return (json.dumps(entry, separators=(",", ":"), allow_nan=False) + "\n").encode()
