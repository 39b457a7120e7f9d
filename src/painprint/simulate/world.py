"""Options of `painprint simulate`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from painprint.option_fields import Bounds, check_names, check_options, option

Layout = Literal["xcp_d", "fmriprep", "fmriprep_volumes", "fmriprep_surfaces", "ciftify"]
"""File layout of BOLD: regional time series, or dense BOLD to be cleaned."""

SHORTEST_RUN_S = 68.0
"""A run of this length has a trial (s)."""
SHORTEST_SHARE = 0.6
"""Share of the length of a run that it has at least where runs are unequal."""
SHARE = Bounds(0, 1, high_is_open=True)


@check_names
@dataclass(frozen=True)
class World:
    """Options of a simulated study, common to all people."""

    n_runs: int = option(3, bounds=Bounds(1))
    """Runs per session."""
    n_regions: int = option(120, bounds=Bounds(8))
    """Regions, left and right: an even number."""
    run_s: float = option(636.0, "s", bounds=Bounds(60, 7200))
    """Length of a run (s)."""
    tr_s: float = option(0.46, "s", bounds=Bounds(0.1, 10))
    """Repetition time (s)."""
    steady_ratings: bool = False
    """Whether session means of ratings are independent instead of drifting over months."""
    steady_bold: bool = False
    """Whether BOLD covariance does not drift over months. If it drifts, it does so independently
    of ratings."""
    trends: bool = False
    """Whether ratings and BOLD have independent linear trends within runs."""
    motion_r2: float = option(0.0, "share", bounds=SHARE)
    """Share of the variance of motion that is explained by ratings within a run."""
    unequal: bool = False
    """Whether runs differ in length, from 60 to 100 % of --run."""
    missing_share: float = option(0.0, "share", bounds=SHARE)
    """Share of runs that are missing."""
    shared_atlas: bool = False
    """Whether all people have the same regions and networks. If not, each has an individual
    atlas. Covariance is individual in either case, and so is the signature, unless a part of it is
    shared."""
    shared_signature: float = option(0.0, "share", bounds=Bounds(0, 1))
    """Share of the edges of the signature that is the same in all people, who then have the same
    regions; on average, the correlation of two people's signatures."""
    days_between: float = option(8.0, "days", bounds=Bounds(1, 10_000))
    """Mean time between sessions (days)."""
    rating: Literal["continuous", "events"] = "continuous"
    """How pain is rated: continuously, or once after each stimulus (events.tsv)."""
    divisions: int = option(57, bounds=Bounds(4, 128))
    """Density of the surfaces of the layout fmriprep_surfaces: 10 n² + 2 vertices per hemisphere;
    57 gives fs_LR's 32,492 and, with voxels, 91,282 grayordinates."""

    @property
    def one_atlas(self) -> bool:
        """Whether all people have the same regions."""
        return self.shared_atlas or self.shared_signature > 0

    def __post_init__(self) -> None:
        check_options(self)
        if self.n_regions % 2:
            raise ValueError(f"n_regions is {self.n_regions}; an even number is needed.")
        shortest_s = self.run_s * (SHORTEST_SHARE if self.unequal else 1.0)
        if self.rating == "events" and shortest_s < SHORTEST_RUN_S:
            raise ValueError(
                f"run_s is {self.run_s:g}, so that a run may last {shortest_s:g} s, but at least "
                f"{SHORTEST_RUN_S:g} s are needed for a trial (rating is 'events')."
            )
