"""What a simulated study looks like: the options of `painprint simulate`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Layout = Literal["xcp_d", "fmriprep", "fmriprep_volumes", "fmriprep_surfaces", "ciftify"]
"""How BOLD is written: as regional time series, or dense, to be cleaned."""


@dataclass(frozen=True)
class World:
    """What a simulated study looks like, the same for all of its people."""

    n_runs: int = 3
    """Runs per session."""
    n_regions: int = 120
    """Regions, left and right: an even number."""
    run_s: float = 636.0
    """Length of a run (s)."""
    tr_s: float = 0.46
    """Repetition time (s)."""
    steady_ratings: bool = False
    """Whether session means of ratings do not wander over months, but vary at random."""
    steady_bold: bool = False
    """Whether BOLD covariance does not wander over months. If it does, it does so
    independently of ratings."""
    trends: bool = False
    """Whether ratings and BOLD have independent linear trends within runs."""
    motion_r2: float = 0.0
    """Share of the variance of ratings within a run that motion follows."""
    unequal: bool = False
    """Whether runs last 60 to 100 % of their length."""
    missing_share: float = 0.0
    """Share of runs that were never scanned."""
    shared_atlas: bool = False
    """Whether all people have the same regions and networks. If not, each has an atlas of their
    own. Covariance and signature are individual either way."""
    days_between: float = 8.0
    """Mean time between sessions (days)."""
    divisions: int = 57
    """Density of the surfaces of the layout fmriprep_surfaces: 10 n² + 2 vertices a hemisphere; 57
    gives fs_LR's 32,492 and, with voxels, 91,282 grayordinates."""

    def __post_init__(self) -> None:
        if self.n_runs < 1:
            raise ValueError(f"n_runs is {self.n_runs}; at least 1 is needed.")
        if self.n_regions < 8 or self.n_regions % 2:
            raise ValueError(f"n_regions is {self.n_regions}; an even number from 8 is needed.")
        if not 4 <= self.divisions <= 128:
            raise ValueError(f"divisions is {self.divisions}; give 4 to 128.")
        for name in ("motion_r2", "missing_share"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give a share below 1.")
        if not 60 <= self.run_s <= 7200 or not 0.1 <= self.tr_s <= 10:
            raise ValueError("run_s must be from 60 to 7200 s, tr_s from 0.1 to 10 s.")
        if not 1 <= self.days_between <= 10_000:
            raise ValueError(f"days_between is {self.days_between}; give 1 to 10000 days.")
