"""Regions: their names, networks, and vertices or voxels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from painprint.arrays import short_repr
from painprint.given import as_labels
from painprint.wording import did_you_mean, near_names, plural

NO_REGION = -1
"""Region index of a point (vertex or voxel) outside all regions."""
MOST_NAMED, MOST_NEAR = 20, 5
"""Most regions or networks that are all named where one does not exist; similar ones otherwise."""


@dataclass(frozen=True)
class Regions:
    """Names and networks of regions.

    Parameters
    ----------
    names : sequence of str
        Unique names; signals are matched by them.
    networks : sequence of str
        Network label of each region; empty where there is none.

    Raises
    ------
    ValueError
        If names repeat, the lengths differ, or a label has a control character.
    """

    names: tuple[str, ...]
    networks: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", as_labels(self.names, "regions"))
        object.__setattr__(self, "networks", as_labels(self.networks, "networks", empty=True))
        if len(self.names) != len(self.networks):
            raise ValueError(f"{len(self.names)} regions, but {len(self.networks)} networks.")
        if len(set(self.names)) < len(self.names):
            twice = sorted({n for n in self.names if self.names.count(n) > 1})
            raise ValueError(f"region names must differ; repeated: {', '.join(twice)}.")

    def __repr__(self) -> str:
        networks = sorted(set(self.networks) - {""})
        of = f" in {plural(len(networks), 'network')}: {', '.join(networks)}" if networks else ""
        return f"Regions({plural(len(self.names), 'region')}{of})"

    @classmethod
    def of(cls, given: RegionsLike) -> Self:
        """Regions from names, from networks by name, or as they are.

        Examples
        --------
        >>> Regions.of({"V1": "Vis", "M1": "Mot"}).networks, Regions.of(["V1", "M1"]).networks
        (('Vis', 'Mot'), ('', ''))
        """
        if isinstance(given, Regions):
            return cls(given.names, given.networks)
        if isinstance(given, Mapping):
            return cls(tuple(given), tuple(given.values()))
        names = as_labels(given, "regions")
        return cls(names, ("",) * len(names))

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
        for requested, known, what in (
            (networks, self.networks, "network"),
            (regions, self.names, "region"),
        ):
            unknown = [name for name in requested if name not in known]
            if unknown:
                names = sorted(set(known) - {""})
                raise ValueError(
                    f"no {what} is called {', '.join(map(repr, unknown))}. There are"
                    f"{_available(unknown[0], names, what)}"
                )
        return frozenset(
            name
            for name, network in zip(self.names, self.networks, strict=True)
            if network in networks or name in regions
        )


RegionsLike = Regions | Mapping[str, str] | Sequence[str]
"""Regions; or the network of each by its name; or names."""


@short_repr
@dataclass(frozen=True, eq=False)
class Parcellation:
    """Assignment of the points (vertices, voxels) of dense BOLD to regions.

    Parameters
    ----------
    region_of_point : array of int, shape (n_points,)
        Index of each point's region; ``NO_REGION`` outside all regions.
    n_points_of_region : array of int, shape (n_regions,)
        Points of each region in the atlas; the BOLD may lack some of them.

    Raises
    ------
    ValueError
        If a region does not exist, or has more points than in the atlas.
    """

    regions: Regions
    region_of_point: NDArray[np.int32]
    n_points_of_region: NDArray[np.int64]

    def __post_init__(self) -> None:
        region_of_point = np.array(self.region_of_point, dtype=np.int32)
        n_points = np.array(self.n_points_of_region, dtype=np.int64)
        n_regions = len(self.regions.names)
        if n_points.shape != (n_regions,):
            raise ValueError(f"{n_regions} regions, but {len(n_points)} numbers of points.")
        if (region_of_point < NO_REGION).any() or (region_of_point >= n_regions).any():
            raise ValueError(
                f"points are in regions {region_of_point.min()} to {region_of_point.max()}."
            )
        n_present = np.bincount(region_of_point[region_of_point >= 0], minlength=n_regions)
        if (n_present > n_points).any():
            raise ValueError("a region has more points than its atlas.")
        for array in (region_of_point, n_points):
            array.flags.writeable = False
        object.__setattr__(self, "region_of_point", region_of_point)
        object.__setattr__(self, "n_points_of_region", n_points)


def _available(name: str, names: Sequence[str], what: str) -> str:
    """The names that exist, to follow "There are": of many, those that are similar to a name."""
    if len(names) <= MOST_NAMED:
        available = ", ".join(names) or f"none (no {what} labels were given)"
        return f": {available}.{did_you_mean(name, names)}"
    containing = [one for one in names if name.lower() in one.lower()]
    near = (containing or near_names(name, names, MOST_NEAR) or names)[:MOST_NEAR]
    return f" {len(names)} {what}s, such as {', '.join(near)}."
