"""What two studies differ in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from painprint.store.files import plain

MOST_NAMED = 3


def compare(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Differences of two studies, by their settings, versions, inputs and so on.

    Parameters
    ----------
    before, now : mapping
        What results depend on, part by part; parts that are mappings are compared entry by entry.
    """
    before, now = plain(before), plain(now)
    lines = []
    for part in dict.fromkeys([*now, *before]):
        old, new = before.get(part), now.get(part)
        if old == new:
            continue
        if not (isinstance(old, dict) and isinstance(new, dict)):
            lines.append(part if part not in before or part not in now else f"{part} changed")
            continue
        names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        shown = [_change(name, old, new) for name in names[:MOST_NAMED]]
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        lines.append(f"{part}: {', '.join(shown)}{more}")
    return lines or ["what they depend on was not recorded"]


def _change(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    shown = name.split(":", 2)[-1] if name.startswith("bids:") else name
    if name not in new:
        return f"{shown} no longer exists"
    if name not in old:
        return f"{shown} is new"
    short = all(len(str(side[name])) <= 40 for side in (old, new))
    return f"{shown} was {old[name]} and is {new[name]}" if short else f"{shown} was changed"
