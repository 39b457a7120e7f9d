"""Regions: their names and networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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
