"""Regions: their names and networks, and which points of the brain make them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NO_REGION = -1
"""Of a point that is in no region."""


@dataclass(frozen=True)
class Regions:
    """A region table.

    Parameters
    ----------
    names : sequence of str
        Unique names; signals are matched by them.
    networks : sequence of str
        Network label of each region; empty where there is none.

    Raises
    ------
    ValueError
        If names repeat or the lengths differ.
    """

    names: tuple[str, ...]
    networks: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.networks):
            raise ValueError(f"{len(self.names)} regions, but {len(self.networks)} networks.")
        if len(set(self.names)) < len(self.names):
            twice = sorted({n for n in self.names if self.names.count(n) > 1})
            raise ValueError(f"region names must differ; repeated: {', '.join(twice)}.")

    @property
    def network_of(self) -> dict[str, str]:
        """Network by region name."""
        return dict(zip(self.names, self.networks, strict=True))

    def find(self, networks: Sequence[str], regions: Sequence[str]) -> frozenset[str]:
        """Names of the regions that are in these networks or have these names.

        Raises
        ------
        ValueError
            If a network or region does not exist, naming those that do.
        """
        for asked, known, what in (
            (networks, self.networks, "network"),
            (regions, self.names, "region"),
        ):
            unknown = [name for name in asked if name not in known]
            if unknown:
                there = (
                    ", ".join(sorted(set(known) - {""})) or f"none (no {what} labels were given)"
                )
                raise ValueError(
                    f"no {what} is called {', '.join(map(repr, unknown))}. There are: {there}."
                )
        return frozenset(
            name
            for name, network in zip(self.names, self.networks, strict=True)
            if network in networks or name in regions
        )


@dataclass(frozen=True, eq=False)
class Parcellation:
    """Which points of dense BOLD make which region.

    Parameters
    ----------
    region_of_point : array of int, shape (n_points,)
        Position of each point's region; ``NO_REGION`` where it has none.
    n_points_of_region : array of int, shape (n_regions,)
        Points that the atlas gives each region, of which the BOLD may lack some.

    Raises
    ------
    ValueError
        If a region does not exist, or has more points than the atlas gives it.
    """

    regions: Regions
    region_of_point: NDArray[np.int32]
    n_points_of_region: NDArray[np.int64]

    def __post_init__(self) -> None:
        of_point = np.array(self.region_of_point, dtype=np.int32)
        of_region = np.array(self.n_points_of_region, dtype=np.int64)
        n_regions = len(self.regions.names)
        if of_region.shape != (n_regions,):
            raise ValueError(f"{n_regions} regions, but {len(of_region)} numbers of points.")
        if of_point.size and not NO_REGION <= of_point.min() <= of_point.max() < n_regions:
            raise ValueError(f"points are in regions {of_point.min()} to {of_point.max()}.")
        there = np.bincount(of_point[of_point >= 0], minlength=n_regions)
        if (there > of_region).any():
            raise ValueError("a region has more points than its atlas.")
        for array in (of_point, of_region):
            array.flags.writeable = False
        object.__setattr__(self, "region_of_point", of_point)
        object.__setattr__(self, "n_points_of_region", of_region)
