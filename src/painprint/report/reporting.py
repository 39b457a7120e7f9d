"""The section of the page for reporting standards: what is given, and what is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from painprint.report.facts import LABELS, NOT_FOR, USE, facts, flow_of_runs
from painprint.results.read import Results

GROUPS = {
    "Participant and treatment": ("participant", "treatment", "sessions"),
    "Outcome": ("outcome", "anchors", "instruction", "sampling"),
    "Scanner and sequence": (
        "scanner", "field", "software", "coil", "sequence", "tr", "te", "flip", "multiband",
        "in_plane", "slice", "phase",
    ),
    "Processing": ("pipelines", "denoising", "motion"),
    "Sample size": ("sample", "curve"),
    "Registration and sharing": ("registration", "ethics", "funding", "license", "doi", "code"),
}  # fmt: skip
"""Facts of each part of the section."""


@dataclass(frozen=True)
class Reporting:
    """Contents of the section.

    Attributes
    ----------
    groups : mapping of str to sequence of (str, str or None)
        Label and text of each fact, by heading; None where it is not given.
    flow : sequence of (str, int)
        From recorded runs to bins: steps and their numbers.
    n_missing, n_facts : int
        Numbers of facts that are not given, and of all.
    """

    use: str
    not_for: str
    groups: Mapping[str, Sequence[tuple[str, str | None]]]
    flow: Sequence[tuple[str, int]]

    @property
    def n_facts(self) -> int:
        return sum(len(rows) for rows in self.groups.values())

    @property
    def n_missing(self) -> int:
        return sum(text is None for rows in self.groups.values() for _, text in rows)


def reporting(results: Results) -> Reporting:
    """The section of a participant's page."""
    known = facts(results)
    groups = {
        heading: [(LABELS[name], known[name]) for name in names]
        for heading, names in GROUPS.items()
    }
    return Reporting(USE, NOT_FOR, groups, flow_of_runs(results))
