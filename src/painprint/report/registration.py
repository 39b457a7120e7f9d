"""What a page says of the registration of a study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from painprint.report.figures import SCALE_NAMES
from painprint.wording import enumerate_names, estimate, is_value, number, plural

CHANGED = (
    "The file of the registration was changed after it was written: its own hash does not fit its "
    "content. It does not show what was declared beforehand."
)
NAMES = {"centred_r": "session-centred r", "skill": "skill", "r_between": "r between sessions"}


def describe_registration(comparison: Mapping[str, Any] | None) -> list[str]:
    """Sentences on the file, the primary number and the sessions; empty without a registration."""
    if comparison is None:
        return []
    file = f"Registered in {comparison['file']} (SHA-256 {comparison['sha256']})."
    intact = [] if comparison["is_intact"] else [CHANGED]
    return [file, *intact, _primary(comparison["primary"]), *_sessions(comparison["sessions"])]


def _primary(primary: Mapping[str, Any]) -> str:
    """The primary number, its result, and whether it passed its test."""
    scale = SCALE_NAMES[primary["scale"]]
    value, ends = primary["value"], primary["ends"]
    shown = number(value) if ends[0] is None else estimate(value, ends)
    tested = "" if primary["p"] is None else f", p {is_value(primary['p'])}"
    outcome = {
        None: "The test was not made or is not possible",
        True: "It passed the test",
        False: "It did not pass the test",
    }[primary["passed"]]
    return (
        f"Primary number: {primary['meaning']}; alpha {primary['alpha']:g}. "
        f"Result: {NAMES[primary['name']]} at {scale} {shown}{tested}. {outcome}."
    )


def _sessions(sessions: Mapping[str, list[str]]) -> list[str]:
    """Which sessions were there at registration, and what became of them."""
    there = len(sessions["registered"]) + len(sessions["changed"])
    lines = [
        f"{plural(there, 'session')} of this study {'was' if there == 1 else 'were'} there when it "
        f"was registered, and {len(sessions['new'])} came later"
        + (f" ({enumerate_names(sessions['new'])})." if sessions["new"] else ".")
    ]
    if sessions["changed"]:
        lines.append(
            f"Inputs of these sessions were changed since: {enumerate_names(sessions['changed'])}."
        )
    if sessions["missing"]:
        lines.append(
            f"These sessions were registered and are not used: "
            f"{enumerate_names(sessions['missing'])}."
        )
    return lines
