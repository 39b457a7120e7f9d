"""Which content an input had: hashed once, when it is first read, and looked at again later."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from painprint.files.errors import DerivativesError
from painprint.store.files import LARGE_BYTES, hash_file, hash_input

MISSING = "missing"
"""In place of a hash where there is no file, or a link to one that is not there."""

State = tuple[int, int, int, int, int]
"""What the file system says of a file: a file that is written or replaced gets another."""


class InputHashes:
    """The hash of every input of a study, taken once, and whether the inputs are still the same.

    Results are keyed by these hashes, and provenance notes them; a file that was replaced in the
    meantime must not be noted as the one that was used.
    """

    def __init__(self) -> None:
        self._states: dict[Path, State | None] = {}
        self._hashes: dict[Path, str] = {}
        self._of_large: dict[Path, str] = {}

    def of(self, path: Path) -> str:
        """The hash of an input (:func:`~painprint.store.files.hash_input`).

        Returns
        -------
        digest : str
            ``MISSING`` where there is no file.

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
        """SHA-256 of all of a file, however large; for hashes that are compared elsewhere."""
        digest, state = self.of(path), self._states[path]
        if state is None or state[0] <= LARGE_BYTES:
            return digest
        if path not in self._of_large:
            self._of_large[path] = hash_file(path)
        return self._of_large[path]

    def check(self, paths: Iterable[Path] | None = None) -> None:
        """Inputs still have the content that was hashed; only files that were touched are read.

        Parameters
        ----------
        paths : iterable of Path, optional
            Of files that were hashed. Default: all.

        Raises
        ------
        DerivativesError
            Naming the first file that has not.
        """
        for path in self._hashes if paths is None else paths:
            state = _state(path)
            if state == self._states[path]:
                continue
            if _hash(path) != self._hashes[path]:
                raise DerivativesError(
                    "was changed, replaced or removed while the study ran, so results would be of "
                    "neither the old file nor the new. Run the same command again when its inputs "
                    "no longer change.",
                    path,
                )
            self._states[path] = state


def _state(path: Path) -> State | None:
    """Size, times of change, and place on disk; None where there is no file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev


def _hash(path: Path) -> str:
    """The hash of a file as it is now."""
    try:
        return hash_input(path)
    except FileNotFoundError:
        return MISSING
    except OSError as error:
        raise DerivativesError(f"cannot be read ({error.strerror}).", path) from error
