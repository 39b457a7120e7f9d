"""Colour scales: of signed values and of sessions, and their round ends."""

from __future__ import annotations

import math

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import LinearSegmentedColormap, ListedColormap

SIGNS = LinearSegmentedColormap.from_list(
    "signs", ["#3d6308", "#b4cf86", "#f7f7f7", "#cba8dc", "#611f7a"]
)
"""Colours of values on both sides of 0, from the negative ones to the positive."""
POSITIVE_SIGNS = ListedColormap(SIGNS(np.linspace(0.55, 1, 256)), "positive_signs")
"""Colours of values of which none is negative: a small one is told from the brain's ground."""
IN_TIME = ListedColormap(colormaps["viridis"](np.linspace(0, 0.8, 256)), "in_time")
"""Colours of sessions, dark is early; none as light as yellow, which is not seen on white."""
COUNTS = ListedColormap(colormaps["Greys"](np.linspace(0.3, 1, 256)), "counts")
"""Colours of counts: one is seen on white, too."""
ROUND = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)
"""First digits of the ends of a colour scale."""


def round_limit(most: float) -> float:
    """The next round number: the end of a colour scale.

    Parameters
    ----------
    most : float
        At least 0.

    Examples
    --------
    >>> [round_limit(most) for most in (0.0379, 0.04, 1.1, 0.0, 7.2)]
    [0.04, 0.04, 1.5, 1.0, 8.0]
    """
    if not most:
        return 1.0
    exponent = math.floor(math.log10(most))
    first = next(f for f in ROUND if most <= f * 10.0**exponent * (1 + 1e-9))
    return float(f"{first}e{exponent}")
