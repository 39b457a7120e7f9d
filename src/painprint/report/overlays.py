"""Overlays: values of regions as colours on a brain; the brain section of a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.colors import Colormap, ListedColormap, Normalize, to_hex, to_rgb
from numpy.typing import NDArray

from painprint.arrays import short_repr
from painprint.atlas.brain import Brain, neighbouring_regions
from painprint.palette import neighbour_colours, network_colours
from painprint.regions import Regions
from painprint.report.scales import POSITIVE_SIGNS, SIGNS, round_limit
from painprint.results.conclusion import conclude
from painprint.results.read import Results

MISSING_COLOUR = "#e3e6ea"
"""Colour of a region without a value."""
PALE = 0.3
"""Share of the full colour in a pale one."""
MOST = 98
"""Percentile of the absolute values at which the colour scale ends."""


@short_repr
@dataclass(frozen=True, eq=False)
class Overlay:
    """A value of every region, shown as colour.

    Attributes
    ----------
    name : str
        Part of file names; letters only.
    label : str
        Quantity, with its unit.
    values : array of shape (n_regions,)
        NaN where unknown.
    is_pale : bool
        Whether colours are mixed with grey, since the signature was not shown to track the rating.
    """

    name: str
    title: str
    label: str
    values: NDArray[np.float64]
    is_pale: bool = False

    @property
    def ends(self) -> tuple[float, float]:
        """Limits of the colour scale, round: symmetric about 0 where some values are negative."""
        known = self.values[np.isfinite(self.values)]
        most = float(np.percentile(np.abs(known), MOST)) if len(known) else 0.0
        most = round_limit(most)
        return (-most if len(known) and known.min() < 0 else 0.0), most

    @property
    def colour_map(self) -> Colormap:
        """That of signs where some values are negative; else its positive half."""
        full = SIGNS if self.ends[0] < 0 else POSITIVE_SIGNS
        if not self.is_pale:
            return full
        shades = full(np.linspace(0, 1, full.N))[:, :3]
        grey = np.array(to_rgb(MISSING_COLOUR))
        return ListedColormap(list(PALE * shades + (1 - PALE) * grey))

    @property
    def colours(self) -> list[str]:
        """A colour of each region."""
        shades = self.colour_map(Normalize(*self.ends, clip=True)(np.nan_to_num(self.values)))
        known = np.isfinite(self.values)
        return [
            to_hex(shade) if is_known else MISSING_COLOUR
            for shade, is_known in zip(shades, known, strict=True)
        ]

    @property
    def beyond(self) -> tuple[bool, bool]:
        """Whether some values lie below, or above, the limits of the colour scale."""
        known, (low, high) = self.values[np.isfinite(self.values)], self.ends
        return bool((known < low).any()), bool((known > high).any())

    def value_text(self, index: int) -> str:
        """The value of a region as text."""
        value = self.values[index]
        return f"{value:.3g}".replace("-", "−") if np.isfinite(value) else "n/a"


@short_repr
@dataclass(frozen=True, eq=False)
class NetworkOverlay:
    """The network of every region, shown as colour."""

    regions: Regions
    name: str = "networks"
    title: str = "Networks"
    label: str = "network"

    @property
    def legend(self) -> dict[str, str]:
        """Colour of each network."""
        colours = network_colours(self.regions.networks)
        return {name or "no network": to_hex(shade) for name, shade in colours.items()}

    @property
    def colours(self) -> list[str]:
        """A colour of each region."""
        legend = self.legend
        return [legend[network or "no network"] for network in self.regions.networks]

    def value_text(self, index: int) -> str:
        """Empty, since the network is named beside the region anyway."""
        return ""


@short_repr
@dataclass(frozen=True, eq=False)
class AreaOverlay:
    """Every region in a colour that differs from those of its neighbours; it means nothing else.

    Attributes
    ----------
    colours : list of str
        Of each region.
    """

    colours: list[str]
    name: str = "areas"
    title: str = "Areas"
    label: str = "neighbours differ in colour; colours have no other meaning"

    @classmethod
    def of(cls, brain: Brain) -> AreaOverlay:
        """Colours for the regions of a brain."""
        n = len(brain.regions.names)
        return cls([to_hex(c) for c in neighbour_colours(n, neighbouring_regions(brain))])

    @property
    def legend(self) -> dict[str, str]:
        """Empty: a colour has no meaning."""
        return {}

    def value_text(self, index: int) -> str:
        """Empty, since the region is named anyway."""
        return ""


AnyOverlay = Overlay | NetworkOverlay | AreaOverlay


def overlays(results: Results, regions: Regions) -> list[AnyOverlay]:
    """Overlays of a participant's results; the first is the one shown initially.

    Those of a signature that was not shown to track the rating are pale.

    Parameters
    ----------
    regions : Regions
        Regions of the brain; values are matched by name.
    """
    unit, at = results.metrics["leave_out"], results.bins.at
    is_shown = conclude(results.metrics).is_shown
    painted: list[AnyOverlay] = []
    for table, column, title, label in (
        ("importance", "importance_centred", "Importance",
         f"mean loss of {unit}-centred r {at} when the region is permuted"),
        ("importance", "importance", "Importance as published",
         f"mean loss of r {at} when the region is permuted"),
        ("importance", "positive_strength", "Positive weights",
         "sum of the positive weights of the region's edges (rating per unit of co-fluctuation)"),
        ("importance", "negative_strength", "Negative weights",
         "sum of the negative weights of the region's edges (rating per unit of co-fluctuation)"),
        ("univariate", "t", "Association of activity with the rating", "t across sessions"),
    ):  # fmt: skip
        if table not in results.stage_tables:
            continue
        values = _values(results.stage_tables[table], column, regions.names)
        if np.isfinite(values).any():
            of_signature = table == "importance"
            painted.append(
                Overlay(
                    column.replace("_", ""), title, label, values,
                    is_pale=of_signature and not is_shown,
                )
            )  # fmt: skip
    return [*painted, NetworkOverlay(regions)]


def _values(table: pd.DataFrame, column: str, names: Sequence[str]) -> NDArray[np.float64]:
    return table.set_index("region")[column].reindex(list(names)).to_numpy(float)


@short_repr
@dataclass(frozen=True, eq=False)
class BrainSection:
    """The brain section of a page; of the maps that can be shown, the first is shown initially."""

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
