"""A folder that fills with files: which of them have come and are whole, as far as sizes tell.

The folder is looked at again and again, since network shares pass on no events of the file system.
No message names a file or the folder, whose names may name a person.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from painprint.errors import DerivativesError
from painprint.runs import natural

log = logging.getLogger("painprint")
RETRY_S = 0.5
"""Time after which a file that could not be read is tried again, though it has not changed (s)."""
MOST_AT_ONCE = 64
"""Files that are given in one look; a longer burst is given in several."""
NIFTI = (".nii", ".nii.gz")
DICOM = (".dcm", ".ima", ".dicom")
"""Extensions of DICOM files; names of DICOM may also have none, or end with a number."""


class Clock(Protocol):
    """Time that only goes on (s), and waiting."""

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class MonotonicClock:
    """That of the computer."""

    def now(self) -> float:
        """Time (s), as in the arrival of volumes."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


@dataclass(eq=False)
class Found:
    """A file of the folder that has not been read yet.

    Attributes
    ----------
    signature : (int, int) or None
        Size (bytes) and time of its last change (ns); None if the file cannot be asked.
    since_s : float
        Time at which it was first seen as it is now (s).
    is_stable : bool
        Whether it was the same in two looks.
    tried_s : float or None
        When it was last tried to read.
    index : int or None
        Number of its volume, once it is known.
    reason : str
        Why it could not be read.
    """

    path: Path = field(repr=False)
    signature: tuple[int, int] | None
    since_s: float
    is_stable: bool = False
    tried_s: float | None = None
    index: int | None = None
    reason: str = ""


def is_nifti(name: str) -> bool:
    """Whether a file is NIfTI by its name."""
    return name.lower().endswith(NIFTI)


def may_be_volume(name: str) -> bool:
    """Whether a file is NIfTI or DICOM by its name.

    Examples
    --------
    >>> [may_be_volume(name) for name in ("a.nii", "IM1", "1.3.12.2", "a.IMA", "a.txt", ".a.dcm")]
    [True, True, True, True, False, False]
    """
    extension = Path(name).suffix.lower()
    named = is_nifti(name) or extension in ("", *DICOM) or extension[1:].isdigit()
    return named and not name.startswith(".") and not name.endswith("~")


class WatchedFolder:
    """The files of a folder, each until it is done.

    Parameters
    ----------
    include_existing : bool
        Whether files count that are there already.

    Attributes
    ----------
    existing : list of Path
        Files that were there, and that do not count.
    n_other : int
        Files with names of neither NIfTI nor DICOM.
    n_gone : int
        Files that disappeared before they were read.

    Raises
    ------
    DerivativesError
        If it is no folder that can be read.
    """

    def __init__(self, path: Path, clock: Clock, *, include_existing: bool) -> None:
        self._path, self._clock = path, clock
        self._waiting: dict[str, Found] = {}
        self._done: set[str] = set()
        self._other: set[str] = set()
        self._old: dict[str, tuple[int, int] | None] = {}  # a NIfTI may be written again
        self._away_since_s: float | None = None
        self.n_gone = 0
        problem = ""
        try:
            names = self._news(os.listdir(path))
        except OSError as error:
            problem = reason_of(error)
        if problem:
            raise DerivativesError(
                f"the folder that is to be watched cannot be read ({problem}). Make it before the "
                "scanner starts, and check the path."
            )
        self.existing = [] if include_existing else [path / name for name in names]
        for file in self.existing:
            if is_nifti(file.name):
                self._old[file.name] = _signature(file)[0]
            else:
                self._done.add(file.name)

    @property
    def n_other(self) -> int:
        """Files with names of neither NIfTI nor DICOM that have been seen."""
        return len(self._other)

    def look(self) -> list[Found]:
        """Files that were the same in two looks and are to be read, by their names; at most
        ``MOST_AT_ONCE``. Nothing while the folder cannot be read, which is logged once."""
        now = self._clock.now()
        try:
            names = os.listdir(self._path)
        except OSError as error:
            if self._away_since_s is None:
                self._away_since_s = now
                log.warning("the folder cannot be read (%s); trying again.", reason_of(error))
            return []
        if self._away_since_s is not None:
            away_s, self._away_since_s = now - self._away_since_s, None
            log.warning("the folder can be read again, after %.1f s.", away_s)
            for found in self._waiting.values():
                found.since_s += away_s
        for name in set(self._waiting).difference(names):
            del self._waiting[name]
            self.n_gone += 1
        for name in self._news(names):
            self._see(name, now)
        ready = [found for found in self._waiting.values() if _is_due(found, now)]
        return sorted(ready, key=lambda found: natural(found.path.name))[:MOST_AT_ONCE]

    def waiting(self) -> list[Found]:
        """Files that are not done, by their names."""
        return sorted(self._waiting.values(), key=lambda found: natural(found.path.name))

    def done(self, found: Found) -> None:
        """Look at a file no more."""
        self._waiting.pop(found.path.name, None)
        self._done.add(found.path.name)

    def _news(self, names: list[str]) -> list[str]:
        """Names that may be volumes and are not done; quick where thousands are."""
        left = set(names).difference(self._done, self._other)
        may_be = {name for name in left if may_be_volume(name)}
        self._other.update(name for name in left - may_be if not name.startswith("."))
        return sorted(may_be)

    def _see(self, name: str, now: float) -> None:
        """Note a file, and whether it is as it was."""
        path = self._path / name
        signature, problem = _signature(path)
        if name in self._old:
            if self._old[name] is None or signature in (None, self._old[name]):
                return
            del self._old[name]
        if signature is None and problem in ("", os.strerror(errno.ENOENT)):
            if not problem:  # a folder or pipe
                self._done.add(name)
            return
        found = self._waiting.get(name)
        if found is None or found.signature != signature:
            index = found.index if found else None
            self._waiting[name] = Found(path, signature, now, index=index, reason=problem)
        else:
            found.is_stable = True


def _is_due(found: Found, now: float) -> bool:
    """Whether a file is to be tried now."""
    return found.is_stable and (found.tried_s is None or now - found.tried_s >= RETRY_S)


def _signature(path: Path) -> tuple[tuple[int, int] | None, str]:
    """Size and time of the last change of a file, or why it cannot be asked; neither if it is no
    regular file."""
    try:
        state = path.stat()
    except OSError as error:
        return None, reason_of(error)
    return ((state.st_size, state.st_mtime_ns) if stat.S_ISREG(state.st_mode) else None), ""


def reason_of(error: OSError) -> str:
    """What went wrong, without the name of a file."""
    return os.strerror(error.errno) if error.errno else type(error).__name__
