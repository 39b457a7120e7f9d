"""Colours of networks: those the field knows them by, and distinct ones for the others; colours of
neighbours that differ."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Iterable

Colour = tuple[float, float, float]

NAMED = {
    (120, 18, 134): ("VIS",),
    (70, 130, 180): ("SOMMOT", "SMN"),
    (0, 118, 14): ("DORSATTN", "DAN"),
    (196, 58, 250): ("SALVENTATTN", "VAN", "SAL"),
    (176, 190, 110): ("LIMBIC", "LIMB", "LIM"),
    (230, 148, 34): ("CONT", "FPN"),
    (205, 62, 78): ("DEFAULT", "DMN"),
    (153, 153, 153): ("",),
}
"""Colours of the seven networks of Yeo et al. 2011 (limbic darker, to be seen on white), and of
regions without a network; names of these."""
KNOWN = {name: shade for shade, names in NAMED.items() for name in names}
OTHERS = (
    (31, 119, 180), (140, 86, 75), (23, 150, 160), (188, 110, 20), (90, 60, 160), (44, 130, 44),
    (200, 70, 140), (100, 100, 20), (60, 90, 110), (150, 40, 40), (20, 100, 90), (120, 120, 200),
)  # fmt: skip
GOLDEN = 0.618034
"""Share of the circle by which successive hues differ: they stay apart however many there are."""
APART = 90.0
"""Distance of the colours of neighbours in red, green and blue (0 to 255 each)."""


def network_colours(networks: Iterable[str]) -> dict[str, Colour]:
    """A colour of each network, the same for the same set of names in any order.

    Parameters
    ----------
    networks : iterable of str
        Names; empty for none. They may repeat.

    Examples
    --------
    >>> network_colours(["mine", "Default", ""])["mine"]
    (0.12, 0.47, 0.71)
    """
    names = list(dict.fromkeys(networks))
    unknown = sorted(name for name in names if name.upper() not in KNOWN)
    return {name: _share(KNOWN.get(name.upper()) or _other(unknown.index(name))) for name in names}


def neighbour_colours(n: int, pairs: Iterable[tuple[int, int]]) -> list[Colour]:
    """A colour of each of n regions, with different ones for neighbours; always the same.

    Greedy colouring of the graph of neighbours, those with most of them first: the least used of
    the colours that are far from those of the neighbours so far; the farthest where none is.

    Parameters
    ----------
    pairs : iterable of (int, int)
        Regions that are neighbours, from 0.

    Examples
    --------
    >>> a, b, c = neighbour_colours(3, [(0, 1)])
    >>> a != b
    True
    """
    neighbours: list[set[int]] = [set() for _ in range(n)]
    for a, b in pairs:
        neighbours[a].add(b)
        neighbours[b].add(a)
    chosen: dict[int, int] = {}
    uses = [0] * len(OTHERS)
    for region in sorted(range(n), key=lambda k: (-len(neighbours[k]), k)):
        around = [OTHERS[chosen[k]] for k in neighbours[region] if k in chosen]
        gap = [min((math.dist(shade, o) for o in around), default=APART) for shade in OTHERS]
        best = min(range(len(OTHERS)), key=lambda c: (-min(gap[c], APART), uses[c], c))
        chosen[region] = best
        uses[best] += 1
    return [_share(OTHERS[chosen[k]]) for k in range(n)]


def _share(shade: tuple[float, float, float]) -> Colour:
    red, green, blue = (round(value / 255, 2) for value in shade)
    return red, green, blue


def _other(number: int) -> tuple[float, float, float]:
    """A colour for so many an unknown network: from the list, then around the circle of hues."""
    if number < len(OTHERS):
        return OTHERS[number]
    turn = (number * GOLDEN) % 1
    red, green, blue = colorsys.hls_to_rgb(turn, 0.35 + 0.2 * (number % 3) / 2, 0.65)
    return 255 * red, 255 * green, 255 * blue
