"""A file to which lines are added, each whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from painprint.store.reading import open_file


class AppendedFile:
    """A file to which lines are added; each is handed to the operating system at once, so that a
    process that is killed loses none.

    Parameters
    ----------
    path : Path
        Its folder is made.
    new : bool
        Whether there must be no such file; otherwise it is continued, without a last line that was
        cut off.

    Raises
    ------
    OSError
        Naming the file, if it is there or cannot be written.
    """

    def __init__(self, path: Path, *, new: bool) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | (os.O_EXCL if new else 0) | os.O_APPEND
        self.path = path
        self._file = os.open(path, flags, 0o666)
        self._size = 0 if new else _whole_lines(path)
        os.ftruncate(self._file, self._size)

    @property
    def is_empty(self) -> bool:
        """Whether it has no line."""
        return not self._size

    def append(self, line: bytes) -> None:
        """Add a line whole, or not at all.

        Raises
        ------
        OSError
            Naming the file, such as on a full disk; the file is as before.
        """
        try:
            written = 0
            while written < len(line):
                written += os.write(self._file, line[written:])
        except OSError as error:
            os.ftruncate(self._file, self._size)
            error.filename = str(self.path)
            raise
        self._size += len(line)

    def sync(self) -> None:
        """Write all lines through to the disk."""
        try:
            os.fsync(self._file)
        except OSError as error:
            error.filename = str(self.path)
            raise

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _whole_lines(path: Path) -> int:
    """Length of a file up to the end of its last whole line (bytes)."""
    with open_file(path) as file:
        return sum(len(line) for line in file if line.endswith(b"\n"))
