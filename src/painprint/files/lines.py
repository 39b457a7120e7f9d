"""Lines of text files, read in bounded memory."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from painprint.errors import DerivativesError
from painprint.store.reading import open_file

MOST_BYTES = 200_000_000
"""Upper limit for the text of a file (bytes), unpacked: a corrupted or malicious gzip file could
exceed it."""
MOST_LINES = 20_000_000
"""Upper limit for the lines of a file: ratings at 1 kHz of five and a half hours."""
MOST_COLUMNS = 20_000
"""Upper limit for the cells of a line: all components of fMRIPrep in a run of thousands of
frames."""
PIECE = 1 << 20
"""Number of bytes that are unpacked and checked at a time."""
CONVERSIONS = 3
"""How often a file may have been converted to CR LF, each time with one more CR."""


@dataclass(frozen=True, eq=False)
class Lines:
    """Lines of UTF-8 text, which are decoded one by one: Python's strings need ten times the memory
    of short numbers.

    Attributes
    ----------
    text : bytes
        Lines end with LF, the last one without.
    start : int
        Position of the first line.
    """

    text: bytes
    start: int = 0

    @cached_property
    def _n_lines(self) -> int:
        return self.text.count(b"\n", self.start) + 1 if self.start < len(self.text) else 0

    def __len__(self) -> int:
        return self._n_lines

    def __iter__(self) -> Iterator[str]:
        return (line.decode().removesuffix("\n") for line in self.open())

    @property
    def first(self) -> str:
        """The first line."""
        return next(iter(self))

    @property
    def rest(self) -> Lines:
        """The lines after the first."""
        end = self.text.find(b"\n", self.start)
        return Lines(self.text, len(self.text) if end < 0 else end + 1)

    def open(self) -> io.BytesIO:
        """The lines as a file."""
        file = io.BytesIO(self.text)
        file.seek(self.start)
        return file

    def all_have(self, n_columns: int) -> bool:
        """Whether every line has this number of cells, which are separated by tabs."""
        characters = np.frombuffer(self.text, np.uint8, offset=self.start)
        ends = characters[(characters == ord("\t")) | (characters == ord("\n"))]
        if len(ends) + 1 != len(self) * n_columns:
            return False
        of_line = np.append(ends, np.uint8(ord("\n"))).reshape(-1, n_columns)
        return bool((of_line[:, :-1] == ord("\t")).all() and (of_line[:, -1] == ord("\n")).all())


@dataclass
class _Checks:
    """Limits of a text, checked piece by piece.

    Attributes
    ----------
    open_cells : int
        Tabs since the last end of a line.
    """

    path: Path
    n_bytes: int = 0
    n_lines: dict[str, int] = field(default_factory=lambda: {"\n": 0, "\r": 0})
    open_cells: int = 0

    def __post_init__(self) -> None:
        self.decoder = codecs.getincrementaldecoder("utf-8")()

    def add(self, piece: bytes) -> None:
        """Check a piece: its size, lines, columns and encoding."""
        self.decoder.decode(piece, final=not piece)
        self.n_bytes += len(piece)
        if self.n_bytes > MOST_BYTES:
            raise DerivativesError(
                f"contains more than {MOST_BYTES / 1e6:g} MB of text. Check that it is the right "
                "file; a recording may be resampled to fewer samples per second.",
                self.path,
            )
        for end in self.n_lines:
            self.n_lines[end] += piece.count(end.encode())
        if max(self.n_lines.values()) > MOST_LINES:
            raise DerivativesError(
                f"has more than {MOST_LINES:,} lines. Check that it is the right file; a recording "
                "may be resampled to fewer samples per second.",
                self.path,
            )
        if self._widest(piece) >= MOST_COLUMNS:
            raise DerivativesError(
                f"has a line of more than {MOST_COLUMNS:,} columns. Check that it is the right "
                "file, and leave out columns that are not needed.",
                self.path,
            )

    def _widest(self, piece: bytes) -> int:
        """The largest number of tabs of a line that ends in this piece, or is open at its end."""
        characters = np.frombuffer(piece, np.uint8)
        marks = characters[np.isin(characters, [ord("\t"), ord("\n"), ord("\r")])]
        ends = np.flatnonzero(marks != ord("\t"))
        tabs = np.diff(ends, prepend=-1, append=len(marks)) - 1
        tabs[0] += self.open_cells
        self.open_cells = int(tabs[-1])
        return int(tabs.max())


def read_lines(path: Path) -> Lines:
    """Read the lines of a text file, gzipped or not, without byte-order mark and empty lines at
    the end; a line may end with LF, CR LF or CR. Other empty lines are kept: they may be samples
    without a value.

    Raises
    ------
    DerivativesError
        If it is no regular file, no complete gzip file or not UTF-8, or has more bytes, lines or
        columns than ``MOST_BYTES``, ``MOST_LINES`` and ``MOST_COLUMNS``.
    """
    content, checks = io.BytesIO(), _Checks(path)
    try:
        with open_file(path) as raw:
            file = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
            while piece := file.read(PIECE):
                checks.add(piece)
                content.write(piece)
        checks.add(b"")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DerivativesError(
            f"is not a complete gzip file ({error}). Copy it again.", path
        ) from error
    except UnicodeDecodeError as error:
        raise DerivativesError("is not UTF-8 text.", path) from error
    except OSError as error:
        raise unreadable(path, error) from error
    text = content.getvalue().removeprefix(codecs.BOM_UTF8)
    if b"\r" in text:
        for _ in range(CONVERSIONS):
            text = text.replace(b"\r\n", b"\n")
        text = text.replace(b"\r", b"\n")
    return Lines(text.rstrip(b"\n"))


def unreadable(path: Path, error: OSError) -> DerivativesError:
    """Error for a file that cannot be opened or is a broken link."""
    if path.is_symlink() and not path.exists():
        return DerivativesError("is a link to a file that does not exist (datalad get?).", path)
    return DerivativesError(f"cannot be read ({error.strerror}).", path)
