"""Registration of a study: what was declared before sessions were scored, and departures from it.

A registration is a JSON file with its own hash: settings, decoder, the primary number with its test
and alpha, and which sessions were there, by hashes of their inputs. It holds nothing that was
computed from a rating.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from painprint.bins import primary_scale
from painprint.errors import DerivativesError
from painprint.files.tables import read_json
from painprint.option_fields import flag
from painprint.store.files import SEAL, hash_file, is_intact, plain, sealed, write_json
from painprint.wording import FEW_GROUPS

PART = "registration"
"""Part of a study's record with what departed from its registration."""
KIND = "painprint registration"
PRIMARIES: dict[str, str] = {
    "centred_r": "session-centred r of bins of the primary scale, compared with that of ratings "
    "permuted within sessions (one-sided p)",
    "skill": "skill of bins of the primary scale, whose 95% session-block interval lies above 0",
    "r_between": "r between means of sessions, compared with that of session means permuted "
    "(one-sided p)",
}
"""The primary numbers that can be registered, each with its test."""
NEEDED = ("primary", "alpha", "declared", "participants")


@dataclass(frozen=True)
class Registration:
    """A registration as read from its file.

    Attributes
    ----------
    name : str
        Name of the file.
    sha256 : str
        Hash of the file.
    is_intact : bool
        Whether it is as it was written.
    """

    name: str
    sha256: str
    is_intact: bool
    content: Mapping[str, Any]


def write_registration(
    path: Path,
    declared: Mapping[str, Any],
    participants: Mapping[str, Mapping[str, str]],
    *,
    primary: str,
    alpha: float,
) -> None:
    """Write a registration.

    Parameters
    ----------
    declared : mapping of mappings
        What the analysis depends on, part by part: settings, rules, versions and so on.
    participants : mapping of str to mapping
        Hash of the inputs of each session, by participant and session.
    """
    content = {
        "kind": KIND,
        "primary": primary,
        "meaning": PRIMARIES[primary],
        "alpha": alpha,
        "declared": declared,
        "participants": participants,
    }
    write_json(path, sealed(content))


def read_registration(path: Path) -> Registration:
    """Read a registration; one that was changed is read, too.

    Raises
    ------
    DerivativesError
        If it is none.
    """
    content = read_json(path)
    parts = [content.get(name) for name in NEEDED]
    shaped = (
        content.get("kind") == KIND
        and parts[0] in PRIMARIES
        and isinstance(parts[1], float)
        and all(_is_nested(part) for part in parts[2:])
    )
    if not shaped:
        raise DerivativesError(
            "is no registration of painprint, or was changed so that it cannot be read "
            "(--register). Restore it, or name a new file.",
            path,
        )
    return Registration(path.name, hash_file(path), is_intact(content), content)


def _is_nested(part: Any) -> bool:
    return isinstance(part, dict) and all(isinstance(value, dict) for value in part.values())


def compare_with_registration(
    registration: Registration,
    declared: Mapping[str, Any],
    participant: str,
    sessions: Mapping[str, str],
    metrics: Mapping[str, Any],
) -> dict[str, Any]:
    """What was registered of a participant's study, and what departed from it.

    Parameters
    ----------
    declared, sessions
        As for :func:`write_registration`, of the study that ran and of the participant.
    metrics : mapping
        Contents of ``metrics.json``.

    Returns
    -------
    comparison : dict
        The file and whether it is intact; the primary number with its result; ``departures`` as
        sentences; sessions that were there at registration (``registered``), were added
        (``new``), whose inputs were others (``changed``), or that lack now (``missing``).
    """
    content = registration.content
    before = content["participants"].get(participant)
    known = before or {}
    departures = list(_departures(content["declared"], plain(declared)))
    if before is None:
        departures.insert(0, f"sub-{participant} was not registered")
    return {
        "file": registration.name,
        "sha256": registration.sha256,
        "hash_of_content": content.get(SEAL),
        "is_intact": registration.is_intact,
        "primary": {
            "name": content["primary"],
            "meaning": PRIMARIES[content["primary"]],
            "alpha": content["alpha"],
            **_result(content["primary"], content["alpha"], metrics),
        },
        "departures": departures,
        "sessions": {
            "registered": [name for name in sessions if known.get(name) == sessions[name]],
            "new": [name for name in sessions if name not in known],
            "changed": [name for name in sessions if known.get(name) not in (None, sessions[name])],
            "missing": [name for name in known if name not in sessions],
        },
    }


def _departures(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Every difference of two declarations, with both values."""
    lines = []
    for part in dict.fromkeys([*before, *now]):
        old, new = before.get(part) or {}, now.get(part) or {}
        for name in dict.fromkeys([*old, *new]):
            shown = f"--{flag(name)}" if part == "settings" else f"{name} ({part})"
            if name not in new:
                lines.append(f"{shown} was registered as {_value(old[name])}, and is absent")
            elif name not in old:
                lines.append(f"{shown} was not registered, and is {_value(new[name])}")
            elif old[name] != new[name]:
                lines.append(
                    f"{shown} was registered as {_value(old[name])}, and is {_value(new[name])}"
                )
    return lines


def _value(value: Any) -> str:
    """A value of JSON in words."""
    if isinstance(value, list):
        return " ".join(map(_value, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return "the default" if value is None else str(value)


def _result(primary: str, alpha: float, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The primary number of a study, and whether it passed its test; None if not tested."""
    scales = metrics["scales"]
    scale = "session" if primary == "r_between" else primary_scale(scales)
    name = "r" if primary == "r_between" else primary
    value, p, passed = scales[scale][name], None, None
    ends = scales[scale][f"{name}_ci"]
    if name != "r" and metrics["n_groups"] < FEW_GROUPS:
        ends = [None, None]
    if primary == "skill":
        passed = None if ends[0] is None else bool(ends[0] > 0)
    else:
        p = scales[scale]["p_between" if primary == "r_between" else "p_within"]
        passed = None if p is None else bool(p < alpha)
    return {"scale": scale, "value": value, "ends": ends, "p": p, "passed": passed}
