"""A lock of outputs: one process at a time works on what it names."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from painprint.errors import DerivativesError

UNFINISHED = ".*.part"
"""Temporary files of a process that was killed while writing."""


@contextmanager
def lock(out_dir: Path, name: str, *, wait: bool = False) -> Iterator[None]:
    """Lock ``name`` in an output folder; the lock is released even if the process is killed.

    Unfinished files of an earlier, killed process are removed first.

    Raises
    ------
    DerivativesError
        If another process holds the lock, naming the process; not with ``wait``.
    """
    path = out_dir / "logs" / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            file.seek(0)
            raise DerivativesError(
                f"{name}: process {file.read().strip() or 'unknown'} is working on it in "
                f"{out_dir}. Wait for it, or choose another output folder."
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        for unfinished in [
            *(out_dir / name).rglob(UNFINISHED),
            *out_dir.glob(f".{name}{UNFINISHED}"),
        ]:
            unfinished.unlink()
        yield


class Lock:
    """A reentrant lock of a participant's outputs.

    Parameters
    ----------
    name : str
        As for :func:`lock`.
    """

    def __init__(self, out_dir: Path, name: str) -> None:
        self.out_dir = out_dir
        self.name = name
        self._held = False

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the lock until the outermost ``with`` ends.

        Raises
        ------
        DerivativesError
            If another process holds it.
        """
        if self._held:
            yield
            return
        with lock(self.out_dir, self.name):
            self._held = True
            try:
                yield
            finally:
                self._held = False
