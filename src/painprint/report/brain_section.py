"""The brain section of a page: the maps that it shows, and the tooltips of its regions."""

from __future__ import annotations

from dataclasses import dataclass

from painprint.atlas.brain import Brain
from painprint.report.overlays import AnyOverlay


@dataclass(frozen=True, eq=False)
class BrainSection:
    """The brain section of a page.

    Attributes
    ----------
    painted : list of Overlay or NetworkOverlay
        Maps that can be shown on it; the first is shown initially.
    """

    brain: Brain
    painted: list[AnyOverlay]


def region_titles(section: BrainSection | None) -> dict[int, str]:
    """Tooltip of each region's outline: name, network and value."""
    if section is None:
        return {}
    regions, first = section.brain.regions, section.painted[0]
    titles = {}
    for index, (name, network) in enumerate(zip(regions.names, regions.networks, strict=True)):
        value = first.value_text(index)
        titles[index] = f"{name}, {network or 'no network'}" + (f": {value}" if value else "")
    return titles
