"""Write files atomically and reproducibly, and hash them."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from painprint.store.reading import open_file

UNFINISHED = ".part"
"""End of the name of a file or folder that is not complete."""


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically: under a temporary name in the same folder, then renamed.

    Permissions are those that the user gives to new files (umask).

    Raises
    ------
    OSError
        Naming the file, for a full disk, too.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{UNFINISHED}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = str(path)
        raise


def remove_unfinished(folder: Path, begin: str) -> None:
    """Remove what a killed process left of files whose names begin so: their temporary files.

    No other process may be writing them.
    """
    if folder.is_dir():
        for path in [*folder.iterdir()]:
            if path.name.startswith(f".{begin}") and path.name.endswith(UNFINISHED):
                path.unlink(missing_ok=True)


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 text atomically."""
    write_bytes(path, content.encode())


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON atomically; numbers that are not finite become null."""
    text = json.dumps(plain(content), indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a TSV atomically: missing values as n/a, floats with all digits, without quoting."""
    text = table.replace("", None).to_csv(
        sep="\t", index=False, na_rep="n/a", lineterminator="\n", quoting=csv.QUOTE_NONE
    )
    write_text(path, text)


def plain(value: Any) -> Any:
    """Convert a value to types of JSON; NaN and infinity become None."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset, np.ndarray)):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value


def content_key(parts: Mapping[str, Any]) -> str:
    """SHA-256 of everything on which a result depends."""
    text = json.dumps(plain(parts), sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


SEAL = "sha256"


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a JSON file with its own hash, so that a later change is recognised."""
    written = plain(content)
    return {**written, SEAL: content_key(written)}


def is_intact(content: Mapping[str, Any]) -> bool:
    """Whether the content of a JSON file is as :func:`sealed` made it."""
    rest = {name: value for name, value in content.items() if name != SEAL}
    try:
        return bool(content.get(SEAL) == content_key(rest))
    except (RecursionError, ValueError):  # nested too deeply, or numbers that are not finite
        return False


def hash_file(path: Path) -> str:
    """SHA-256 of a file's content."""
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


LARGE_BYTES = 64 << 20
N_PIECES, PIECE_BYTES = 32, 1 << 16


def hash_input(path: Path) -> str:
    """SHA-256 of a file's content; of a large file, of its size and of 32 pieces from start to end.

    Dense runs have hundreds of megabytes, which differ everywhere if they are made again.
    """
    size = path.stat().st_size
    if size <= LARGE_BYTES:
        return hash_file(path)
    digest = hashlib.sha256(f"{size} ".encode())
    with open_file(path) as file:
        for i in range(N_PIECES):
            file.seek((size - PIECE_BYTES) * i // (N_PIECES - 1))
            digest.update(file.read(PIECE_BYTES))
    return digest.hexdigest()


def changed_files(folder: Path, digests: Mapping[str, Any]) -> list[Path]:
    """Files that are missing or whose content no longer has the recorded SHA-256."""
    paths = {folder / str(name): digest for name, digest in digests.items()}
    return [p for p, digest in paths.items() if not p.is_file() or hash_file(p) != digest]
