"""Hashes of inputs, computed when an input is first read, and checks that it is unchanged."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from painprint.errors import DerivativesError
from painprint.store.files import LARGE_BYTES, hash_file, hash_input

MISSING = "missing"
"""In place of the hash of a file that does not exist, or of a broken link."""

State = tuple[int, int, int, int, int]
"""Status of a file in the file system, which changes if it is written or replaced."""


class InputHashes:
    """Hashes of the inputs of a study, each computed once, and checks that inputs are unchanged.

    Results are identified by these hashes, which are written into the provenance; a file that was
    replaced in the meantime must not be recorded as the one that was used.
    """

    def __init__(self) -> None:
        self._states: dict[Path, State | None] = {}
        self._hashes: dict[Path, str] = {}
        self._full_hashes: dict[Path, str] = {}

    def of(self, path: Path) -> str:
        """Hash of an input (:func:`~painprint.store.files.hash_input`).

        Returns
        -------
        digest : str
            ``MISSING`` if there is no file.

        Raises
        ------
        DerivativesError
            If the file cannot be read.
        """
        if path not in self._hashes:
            self._states[path] = _state(path)
            self._hashes[path] = _hash(path)
        return self._hashes[path]

    def whole(self, path: Path) -> str:
        """SHA-256 of the complete content of an input, even if it is large."""
        digest, state = self.of(path), self._states[path]
        if state is None or state[0] <= LARGE_BYTES:
            return digest
        if path not in self._full_hashes:
            self._full_hashes[path] = hash_file(path)
        return self._full_hashes[path]

    def check(self, paths: Iterable[Path] | None = None) -> None:
        """Check that inputs are unchanged; only files whose status changed are read again.

        Parameters
        ----------
        paths : iterable of Path, optional
            Files that were hashed. Default: all.

        Raises
        ------
        DerivativesError
            Naming the first file whose content changed.
        """
        for path in self._hashes if paths is None else paths:
            state = _state(path)
            if state == self._states[path]:
                continue
            if _hash(path) != self._hashes[path]:
                raise DerivativesError(
                    "was changed, replaced or removed while the study ran, so results would belong "
                    "to neither the old file nor the new. Run the same command again when its "
                    "inputs no longer change.",
                    path,
                )
            self._states[path] = state


def _state(path: Path) -> State | None:
    """Status of a file: size, times of change, inode and device; None if there is no file."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, stat.st_dev


def _hash(path: Path) -> str:
    """Hash of the current content of a file."""
    try:
        return hash_input(path)
    except FileNotFoundError:
        return MISSING
    except OSError as error:
        raise DerivativesError(f"cannot be read ({error.strerror}).", path) from error
