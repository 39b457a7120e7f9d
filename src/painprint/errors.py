"""Error for files that cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class DerivativesError(Exception):
    """A file is missing, unreadable or inconsistent.

    Parameters
    ----------
    message : str
        What was found, what is needed, and what to do.
    path : Path, optional
        The file; its name is put in front of the message.
    """

    def __init__(self, message: str, path: Path | None = None) -> None:
        super().__init__(f"{path.name}: {message}" if path is not None else message)
        self.path = path


@contextmanager
def naming(path: Path | None) -> Iterator[None]:
    """Turn a ValueError about what a file holds into a DerivativesError that names the file."""
    try:
        yield
    except ValueError as error:
        raise DerivativesError(str(error), path) from error
