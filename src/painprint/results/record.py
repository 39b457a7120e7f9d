"""The record of finished results: what they depend on, and the hash of every file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from painprint.errors import DerivativesError
from painprint.files.tables import read_json
from painprint.store.files import SEAL, changed_files, hash_file, is_intact, sealed, write_json

PAGES = "pages"
"""Hashes of pages and figures, which are made of the other files and can be made again."""


def hash_files(paths: Iterable[Path], folder: Path) -> dict[str, str]:
    """SHA-256 of files, by their path relative to a folder."""
    return {path.relative_to(folder).as_posix(): hash_file(path) for path in sorted(paths)}


def read_record(path: Path, again: str) -> dict[str, Any]:
    """Read a record: a JSON file that contains its own hash.

    Parameters
    ----------
    again : str
        The command that writes it again, for the error.

    Raises
    ------
    DerivativesError
        If it is missing, corrupted, or was changed.
    """
    content = read_json(path)
    if not is_intact(content):
        how = "was changed after it was written" if SEAL in content else "has no hash of its own"
        raise DerivativesError(f"{how}. Run `{again}` again.", path)
    return content


def find_record(path: Path) -> dict[str, Any] | None:
    """An intact record, or None."""
    content = find_json(path)
    return content if content is not None and is_intact(content) else None


def find_json(path: Path) -> dict[str, Any] | None:
    """A JSON object, such as a record that was changed; None if there is none."""
    try:
        return read_json(path) if path.is_file() else None
    except DerivativesError:
        return None


def write_record(path: Path, content: Mapping[str, Any]) -> None:
    """Write a record, after all files whose hashes it contains."""
    write_json(path, sealed({name: value for name, value in content.items() if name != SEAL}))


def record_pages(path: Path, pages: Iterable[Path], folder: Path) -> None:
    """Add the hashes of page and figures to a record."""
    content = read_json(path)
    if SEAL in content:  # a record of the version before stays what it is
        write_record(path, {**content, PAGES: hash_files(pages, folder)})


def changed_pages(record: Mapping[str, Any], folder: Path) -> list[Path] | None:
    """Page and figures that are missing or were changed; None if none were written yet."""
    pages = record.get(PAGES)
    return changed_files(folder, pages) if pages else None
