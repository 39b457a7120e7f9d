"""The earlier signatures that a signature replaces, and what was changed each time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from painprint.signature.fields import Fields, check_plain
from painprint.signature.origin import SHA256


def read_lineage(
    content: Mapping[str, Any], *, signature_sha256: str, participant: str
) -> list[Mapping[str, Any]]:
    """The rows of earlier signatures in the history beside a signature, oldest first.

    Parameters
    ----------
    content : mapping
        The history, as parsed.
    signature_sha256 : str
        Hash of the description of the signature that lies beside it.
    participant : str
        Label of the person of that signature; empty if unknown.

    Raises
    ------
    ValueError
        If it is no history, or that of another signature or person.
    """
    check_plain(content)
    fields = Fields(content)
    stated = fields.text_or_empty("signature")
    if stated and stated != signature_sha256:
        raise ValueError("it is the history of another signature than the one beside it")
    rows = fields.rows("earlier")
    for row in rows:
        if not SHA256.fullmatch(row.text("sha256")):
            raise ValueError(f"{row.at}.sha256 is no SHA-256")
        whose = row.text_or_empty("participant")
        allowed = row.flag("other_person") if "other_person" in row.values else False
        if participant and whose and whose != participant and not allowed:
            raise ValueError(
                f"{row.at} is of sub-{whose}, but the signature is that of sub-{participant}"
            )
        sessions = row.values.get("sessions", [])
        if not isinstance(sessions, list) or not all(isinstance(one, str) for one in sessions):
            raise ValueError(f"{row.at}.sessions is no list of labels")
    return [row.values for row in rows]
