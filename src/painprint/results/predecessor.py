"""The signature that a new one replaces, and those before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from painprint.files.tables import read_json
from painprint.results.files import HISTORY
from painprint.runs import RunKey
from painprint.signature.file import hash_signature
from painprint.store.files import sealed, write_json


@dataclass(frozen=True)
class Predecessor:
    """A signature that is replaced.

    Attributes
    ----------
    sha256 : str
        SHA-256 of its description.
    earlier : tuple of mapping
        The signatures that it replaced in turn, oldest first.
    used : frozenset of RunKey
        The runs on which it was trained, as far as known.
    """

    sha256: str
    earlier: tuple[Mapping[str, Any], ...]
    used: frozenset[RunKey] = frozenset()

    @property
    def identity(self) -> Mapping[str, Any]:
        """What identifies it and those before it."""
        return {"sha256": self.sha256, "earlier": self.earlier}

    def write_history(self, folder: Path, **changes: Any) -> None:
        """Write into the folder of the new signature what it replaces, and what was changed."""
        last = {"sha256": self.sha256, **changes}
        write_json(folder / HISTORY, sealed({"earlier": [*self.earlier, last]}))

    def added(self, used: Iterable[RunKey]) -> list[str]:
        """The runs that are new, as text."""
        return [str(key) for key in used if key not in self.used]


def read_predecessor(folder: Path, used: Iterable[RunKey] = ()) -> Predecessor:
    """The signature in a folder, as predecessor of a new one.

    Raises
    ------
    DerivativesError
        If its history is not readable.
    """
    path = folder / HISTORY
    earlier = read_json(path)["earlier"] if path.is_file() else []
    return Predecessor(hash_signature(folder), tuple(earlier), frozenset(used))
