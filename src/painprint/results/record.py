"""The record of finished results: what they depend on, and the hash of every file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from painprint.errors import DerivativesError
from painprint.files.tables import read_json
from painprint.store.files import (
    SEAL,
    changed_files,
    hash_file,
    is_intact,
    plain,
    sealed,
    write_json,
)

AGAIN = "Run the command that wrote it again."
PAGES = "pages"
"""Hashes of pages and figures, which are made of the other files and can be made again."""
DESCRIPTION = "description"
"""What the inputs say of the study (:func:`painprint.bids.described.describe_study`)."""


def hash_files(paths: Iterable[Path], folder: Path) -> dict[str, str]:
    """SHA-256 of files, by their path relative to a folder."""
    return {path.relative_to(folder).as_posix(): hash_file(path) for path in sorted(paths)}


def read_record(path: Path) -> dict[str, Any]:
    """Read a record: a JSON file that contains its own hash.

    Raises
    ------
    DerivativesError
        If it is missing, corrupted, or was changed.
    """
    content = read_json(path)
    if not _is_record(content):
        how = "was changed after it was written" if SEAL in content else "has no hash of its own"
        raise DerivativesError(f"{how}. {AGAIN}", path)
    return content


def find_record(path: Path) -> dict[str, Any] | None:
    """An intact record, or None."""
    try:
        return read_record(path)
    except DerivativesError:
        return None


def find_key(path: Path) -> str | None:
    """The key in a record, even of one that was changed, which the same command writes again."""
    try:
        key = read_json(path).get("key")
    except DerivativesError:
        return None
    return key if isinstance(key, str) else None


def state_of(path: Path) -> str:
    """What is wrong with a record that is not intact, as a phrase."""
    try:
        content = read_json(path)
    except DerivativesError:
        return f"{path.name} cannot be read"
    changed = "was changed after it was written"
    return f"{path.name} {changed if SEAL in content else 'is of an earlier version'}"


def _is_record(content: Mapping[str, Any]) -> bool:
    """Whether a record is as it was written, and names no files outside its folder."""
    hashes = [content[name] for name in ("outputs", PAGES) if name in content]
    if not all(isinstance(part, dict) for part in hashes):
        return False
    names = [PurePosixPath(name) for part in hashes for name in part]
    if any(name.is_absolute() or ".." in name.parts for name in names):
        return False
    return is_intact(content)


def write_record(path: Path, content: Mapping[str, Any]) -> None:
    """Write a record, after all files whose hashes it contains."""
    write_json(path, sealed({name: value for name, value in content.items() if name != SEAL}))


def record_pages(path: Path, pages: Iterable[Path], folder: Path) -> None:
    """Add the hashes of page and figures to a record."""
    content = read_json(path)
    if SEAL in content:  # a record of the version before stays what it is
        write_record(path, {**content, PAGES: hash_files(pages, folder)})


def renew_part(path: Path, part: str, content: Mapping[str, Any]) -> bool:
    """Put a part into a record, unless it is there.

    The page is made of it, and is to be made again.

    Parameters
    ----------
    part : str
        Such as DESCRIPTION: what the inputs say of the study.

    Returns
    -------
    is_new : bool
        Whether it was not.
    """
    record = read_record(path)
    if record.get(part) == plain(content):
        return False
    write_record(path, {**record, part: content, PAGES: {}})
    return True


def changed_pages(record: Mapping[str, Any], folder: Path) -> list[Path] | None:
    """Page and figures that are missing or were changed; None if none were written yet."""
    pages = record.get(PAGES)
    return changed_files(folder, pages) if pages else None
