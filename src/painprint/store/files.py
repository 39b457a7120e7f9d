"""Write files atomically and reproducibly, and hash them."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically: under a temporary name in the same folder, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


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


def hash_file(path: Path) -> str:
    """SHA-256 of a file's content."""
    with path.open("rb") as file:
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
    with path.open("rb") as file:
        for i in range(N_PIECES):
            file.seek((size - PIECE_BYTES) * i // (N_PIECES - 1))
            digest.update(file.read(PIECE_BYTES))
    return digest.hexdigest()


def changed_files(folder: Path, digests: Mapping[str, Any]) -> list[Path]:
    """Files that are missing or whose content no longer has the recorded SHA-256."""
    paths = {folder / str(name): digest for name, digest in digests.items()}
    return [p for p, digest in paths.items() if not p.is_file() or hash_file(p) != digest]
