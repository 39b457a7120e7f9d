"""Open files for reading, provided that they are files."""

from __future__ import annotations

import stat
from io import BufferedReader
from pathlib import Path

from painprint.errors import DerivativesError

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
"""What a path may be other than a regular file: a pipe may wait for ever, a device never end."""


def check_is_file(path: Path) -> None:
    """Check that a path is a regular file, or a link to one.

    Raises
    ------
    DerivativesError
        If it is a folder, pipe, socket or device.
    OSError
        If there is none.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        what = KINDS.get(stat.S_IFMT(mode), "something else")
        said = f"is {what}, where a file is needed. Write the content into a file, and name it."
        if path.parent.is_relative_to("/dev"):  # /dev/fd/63 of a shell's <(...), /dev/zero
            raise DerivativesError(f"{path} {said}")
        raise DerivativesError(said, path)


def open_file(path: Path) -> BufferedReader:
    """Open a file for reading bytes; raises as :func:`check_is_file`."""
    check_is_file(path)
    return path.open("rb")


def read_at_most(path: Path, n_bytes: int) -> bytes:
    """The content of a file.

    Raises
    ------
    DerivativesError
        If it is no regular file, or has more than ``n_bytes``.
    OSError
        If it cannot be read.
    """
    with open_file(path) as file:
        content = file.read(n_bytes + 1)
    if len(content) > n_bytes:
        raise DerivativesError(
            f"has {path.stat().st_size / 1e6:,.0f} MB; at most {n_bytes / 1e6:g} MB are read of "
            "such a file. Check that it is the right one.",
            path,
        )
    return content
