"""Options of a parcellation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from painprint.option_fields import Bounds, check_names, option
from painprint.settings import (
    AREAS,
    DATA,
    LEE_2026,
    NOT_NEGATIVE,
    DenseSettings,
    Nuisance,  # noqa: F401 (the type of an inherited option is looked up here)
)

Nodes = Literal["supervertices", "full", "areas"]
NODES: tuple[str, ...] = get_args(Nodes)

LEAST_OF_HALF_MIN = 5
"""Minutes of rest that each half of the sessions needs to be parcellated separately."""
N_SEEDS = 6000
"""Seed vertices of similarity maps."""
RANK = 300
"""Dimensions of connectivity from which similarity is computed."""
N_CHECKED = 600
"""Seeds on which linear and exact similarity are compared."""
N_ROTATIONS = 100
"""Null parcellations."""
FEWEST_SEEDS = 100
LEAST_MIN, ADVISED_MIN = 10, 60
"""Minutes of rest after censoring that are needed and advised; reliability rises up to an hour and
beyond (Laumann et al. 2015; Gordon et al. 2017)."""


@check_names
@dataclass(frozen=True, repr=False)
class AreaSettings(DenseSettings):
    """Settings of a parcellation, without paths and the number of workers.

    Raises
    ------
    ValueError
        If an option is invalid; the message names it.
    """

    task_id: tuple[str, ...] = option(("rest",), source=LEE_2026, group=DATA)
    """Tasks whose runs are used; all are denoised as resting runs."""
    label: str = option("individual", group=AREAS)
    """Atlas label of the parcellation: letters and digits."""
    exact: bool = option(False, source="Laumann et al. (2015)", group=AREAS)
    """Similarity of Fisher-z connectivity, and all seeds, as published: hours instead of
    minutes."""
    n_seeds: int = option(N_SEEDS, group=AREAS, bounds=Bounds(FEWEST_SEEDS))
    """Number of seed vertices of similarity maps; all vertices with --exact."""
    rank: int = option(RANK, group=AREAS, bounds=Bounds(2))
    """Number of dimensions of connectivity from which similarity is computed; not with --exact."""
    n_checked: int = option(N_CHECKED, group=AREAS, bounds=NOT_NEGATIVE)
    """Number of seeds on which the boundary map is compared with the exact one; 0 for no
    comparison."""
    community_nodes: Nodes = option("supervertices", group=AREAS)
    """Nodes of the community graphs, in addition to areas: supervertices (about 8,000 small pieces
    of cortex); full (all vertices, as published: hours, and 10 GB); areas alone."""
    n_trials: int = option(100, source="Laumann et al. (2015)", group=AREAS, bounds=Bounds(1))
    """Number of trials of Infomap on areas; a tenth of it on supervertices and vertices."""
    scan_community: str | None = option(None, group=AREAS)
    """Community to be named SCAN, as threshold:community from the output table of candidates,
    such as 0.001:12; the published analysis chooses it by eye."""
    n_turns: int = option(N_ROTATIONS, group=AREAS, bounds=Bounds(N_ROTATIONS))
    """Number of random rotations of the areas on the sphere, with which homogeneity is compared
    (spin test)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.task_id:
            raise ValueError("task_id is empty; name the task whose runs are used, such as rest.")
        if not (self.label.isalnum() and self.label.isascii()):
            raise ValueError(f"label is {self.label!r}; BIDS allows letters and digits.")
        if self.label.endswith(("odd", "even")):
            raise ValueError(
                f"label is {self.label!r}; labels that end with odd or even are those of halves of "
                "the sessions. Choose another."
            )
        if self.scan_community:
            self.scan_choice  # noqa: B018 (raises)

    @property
    def scan_choice(self) -> tuple[float, int] | None:
        """Threshold and community that were chosen as SCAN.

        Raises
        ------
        ValueError
            If it is not of the form 0.001:12, or no such community can exist.
        """
        if not self.scan_community:
            return None
        first, _, second = self.scan_community.partition(":")
        try:
            threshold, number = float(first), int(second)
        except ValueError as error:
            raise ValueError(
                f"scan_community is {self.scan_community!r}; write it as threshold:community, such "
                "as 0.001:12."
            ) from error
        if not 0 < threshold < 1 or number < 1:
            raise ValueError(
                f"scan_community is {self.scan_community!r}; thresholds are shares, and "
                "communities are counted from 1."
            )
        return threshold, number
