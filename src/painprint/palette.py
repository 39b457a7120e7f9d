"""Colours of networks: those the field knows them by, and distinct ones for the others."""

from __future__ import annotations

from collections.abc import Iterable

Colour = tuple[float, float, float]

KNOWN = {
    "VIS": (120, 18, 134),
    "SOMMOT": (70, 130, 180),
    "SMN": (70, 130, 180),
    "DORSATTN": (0, 118, 14),
    "DAN": (0, 118, 14),
    "SALVENTATTN": (196, 58, 250),
    "VAN": (196, 58, 250),
    "SAL": (196, 58, 250),
    "LIMBIC": (176, 190, 110),
    "CONT": (230, 148, 34),
    "FPN": (230, 148, 34),
    "DEFAULT": (205, 62, 78),
    "DMN": (205, 62, 78),
}
"""Seven networks of Yeo et al. 2011 in their colours (limbic darker, to be seen on white)."""
OTHERS = (
    (31, 119, 180), (140, 86, 75), (23, 150, 160), (188, 110, 20), (90, 60, 160), (44, 130, 44),
    (200, 70, 140), (100, 100, 20), (60, 90, 110), (150, 40, 40), (20, 100, 90), (120, 120, 200),
)  # fmt: skip
NONE: Colour = (0.6, 0.6, 0.6)
"""Of regions without a network."""


def network_colours(networks: Iterable[str]) -> dict[str, Colour]:
    """A colour of each network, in the order in which they come.

    Parameters
    ----------
    networks : iterable of str
        Names; empty for none. They may repeat.

    Examples
    --------
    >>> network_colours(["Default", "", "mine"])["mine"]
    (0.12, 0.47, 0.71)
    """
    found: dict[str, Colour] = {}
    n_others = 0
    for name in dict.fromkeys(networks):
        if not name:
            found[name] = NONE
            continue
        shade = KNOWN.get(name.upper())
        if shade is None:
            shade = OTHERS[n_others % len(OTHERS)]
            n_others += 1
        red, green, blue = (round(value / 255, 2) for value in shade)
        found[name] = (red, green, blue)
    return found
