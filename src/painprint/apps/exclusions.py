"""Lines on what a study excludes and assumes."""

from __future__ import annotations

from collections.abc import Iterator

from painprint.decode.prepare import Prepared
from painprint.excluded import list_excluded
from painprint.results.audit import RunLog

MOST_NAMED = 4
"""Runs named in a line of the log; page and audit name all of them."""


def describe_exclusions(run_log: RunLog, prepared: Prepared) -> Iterator[str]:
    """One line for each exclusion and each assumption."""
    yield from (f"excluded {line}" for line in list_excluded(run_log.left_out))
    yield from list_regions(prepared)
    for note, runs in run_log.notes.items():
        names = ", ".join(runs[:MOST_NAMED]) + (", ..." if len(runs) > MOST_NAMED else "")
        all_runs = not runs or len(runs) == len(prepared.runs)
        yield note if all_runs else f"{note} ({len(runs)} runs: {names})"


def list_regions(prepared: Prepared) -> list[str]:
    """One line per reason, naming all regions that are excluded for it."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in prepared.regions_left_out.items():
        by_reason.setdefault(reason, []).append(name)
    return [
        f"excluded {len(names)} regions: {reason}: {', '.join(names)}"
        for reason, names in by_reason.items()
    ]
