"""The signature that a new one replaces, and those before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from painprint.errors import DerivativesError
from painprint.files.tables import read_json
from painprint.results.files import HISTORY
from painprint.runs import RunKey
from painprint.signature.file import hash_signature
from painprint.signature.lineage import read_lineage
from painprint.store.files import write_json


@dataclass(frozen=True)
class Predecessor:
    """A signature that is replaced.

    Attributes
    ----------
    participant : str
        Label of the person of the new signature.
    sha256 : str
        SHA-256 of its description.
    earlier : tuple of mapping
        The signatures that it replaced in turn, oldest first.
    used : frozenset of RunKey
        The runs on which it was trained, as far as known.
    """

    participant: str
    sha256: str
    earlier: tuple[Mapping[str, Any], ...]
    used: frozenset[RunKey] = frozenset()

    @property
    def identity(self) -> Mapping[str, Any]:
        """What identifies it and those before it."""
        return {"sha256": self.sha256, "earlier": self.earlier}

    @property
    def recalibrated_on(self) -> frozenset[str]:
        """Labels of the person's own sessions on which it or one before it was recalibrated."""
        own = (row for row in self.earlier if not row.get("other_person", False))
        return frozenset(session for row in own for session in row.get("sessions", ())) - {""}

    def write_history(self, folder: Path, **changes: Any) -> None:
        """Write beside the new signature what it replaces, and what was changed."""
        last = {"sha256": self.sha256, "participant": self.participant, **changes}
        content = {"signature": hash_signature(folder), "earlier": [*self.earlier, last]}
        write_json(folder / HISTORY, content)


def read_predecessor(
    folder: Path, participant: str, *, of_signature: str | None = None, used: Iterable[RunKey] = ()
) -> Predecessor:
    """The signature in a folder, as predecessor of a new one.

    Parameters
    ----------
    participant : str
        Label of the person of the new signature.
    of_signature : str, optional
        Label of the person of the one in the folder, which must be that of its history. Default:
        the same.
    used : iterable of RunKey
        The runs on which it was trained.

    Raises
    ------
    DerivativesError
        If its history is malformed, or that of another signature or person.
    """
    path, digest = folder / HISTORY, hash_signature(folder)
    earlier: list[Mapping[str, Any]] = []
    if path.is_file():
        owner = participant if of_signature is None else of_signature
        try:
            earlier = read_lineage(read_json(path), signature_sha256=digest, participant=owner)
        except ValueError as error:
            raise DerivativesError(
                f"cannot be continued: {str(error).rstrip('.')}. Copy the folder of the "
                "signature again, with its history.",
                path,
            ) from error
    return Predecessor(participant, digest, tuple(earlier), frozenset(used))
