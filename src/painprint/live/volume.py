"""Volumes as they come from a scanner, whatever the source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from painprint.arrays import Vector


@dataclass(frozen=True, eq=False)
class Volume:
    """What a source knows of one volume.

    Attributes
    ----------
    index : int
        Number of the volume in the run, from 0.
    values : ndarray of shape (n_regions,) or None
        Mean signal of each region, in the order of the source's regions; None where the volume
        cannot be read.
    arrived_s : float
        Time at which it came, on the monotonic clock (s).
    acquired_s : float or None
        Time of its acquisition after that of the first volume (s), if the source tells it.
    fd_mm : float or None
        Framewise displacement (mm), if the source tells it.
    note : str
        What is to be logged of it: why it has no values, or what was odd. Never a text of a header
        that could name a person.
    """

    index: int
    values: Vector | None
    arrived_s: float
    acquired_s: float | None = None
    fd_mm: float | None = None
    note: str = ""


class Source(Protocol):
    """Something that gives the volumes of one run, in the order in which they come.

    An index may come after a larger one (a volume that was late), and may never come (a volume that
    is missing). The same index never comes twice, also not after one without values: what repeats
    is dropped by the source, and counted in ``dropped``.
    """

    @property
    def regions(self) -> tuple[str, ...]:
        """Names of the regions."""

    @property
    def tr_s(self) -> float | None:
        """Repetition time (s), if the source knows it."""

    @property
    def dropped(self) -> dict[str, int]:
        """What was dropped and how often, by reason, such as "repeated" or "another series"."""

    def __iter__(self) -> Iterator[Volume]:
        """Volumes until the run ends."""
        ...
