"""A lock of outputs: one process at a time works on what it names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from painprint.errors import DerivativesError
from painprint.store.files import UNFINISHED

LOOK_S = 0.5
"""Time for which a lock is tried, since somebody may only look whether it is held (s)."""


class Lock:
    """A reentrant lock of outputs, which is released even if the process is killed.

    Parameters
    ----------
    out_dir : Path
        Output folder, which is made if it does not exist.
    name : str
        The outputs that are locked: those whose name is this, or begins with it.
    """

    def __init__(self, out_dir: Path, name: str) -> None:
        self.out_dir = out_dir
        self.name = name
        self.path = out_dir / f".{name}.lock"
        self._lock = FileLock(self.path, thread_local=False)

    @contextmanager
    def hold(self, *, wait: bool = False) -> Iterator[None]:
        """Hold the lock until the outermost ``with`` ends; its file is removed then.

        Unfinished files of an earlier, killed process are removed first.

        Raises
        ------
        DerivativesError
            If another process holds it (not with ``wait``), or the file system has no locks.
        """
        if self._lock.is_locked:
            yield
            return
        self._acquire(wait=wait)
        try:
            self._remove_unfinished()
            yield
        finally:
            self._remove_file()
            self._lock.release()

    def is_held(self) -> bool:
        """Whether a process holds the lock; of one that cannot be opened, this is assumed.

        The file that a killed process left is removed.
        """
        if not self.path.is_file():
            return False
        try:
            self._lock.acquire(timeout=0)
        except (Timeout, OSError):
            return True
        self._remove_file()
        self._lock.release()
        return False

    def _acquire(self, *, wait: bool) -> None:
        self.out_dir.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=-1 if wait else LOOK_S)
        except Timeout as error:
            raise DerivativesError(
                f"{self.name}: another process is working on it in {self.out_dir}. Wait for it, "
                "or choose another output folder."
            ) from error
        except OSError as error:
            raise DerivativesError(
                f"{self.path} cannot be locked ({error.strerror}). Choose an output "
                "folder that can be written and whose file system has locks."
            ) from error

    def _remove_file(self) -> None:
        """Remove the file of the lock while it is held: others that wait for it see that it is
        gone. Where filelock does that itself (Windows, and without flock), it is left to it."""
        if os.name == "posix" and self.path.is_file() and not self.path.stat().st_size:
            self.path.unlink()

    def _remove_unfinished(self) -> None:
        """Remove temporary files of a process that was killed while writing."""
        own = re.compile(rf"\.{re.escape(self.name)}(?![0-9A-Za-z]).*{re.escape(UNFINISHED)}")
        inside = (self.out_dir / self.name).rglob(f".*{UNFINISHED}")
        beside = (path for path in self.out_dir.iterdir() if own.fullmatch(path.name))
        for path in [*inside, *beside]:
            path.unlink(missing_ok=True)


@contextmanager
def lock(out_dir: Path, name: str, *, wait: bool = False) -> Iterator[None]:
    """Lock ``name`` in an output folder, as :meth:`Lock.hold`."""
    with Lock(out_dir, name).hold(wait=wait):
        yield
