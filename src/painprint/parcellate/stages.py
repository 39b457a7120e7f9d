"""What takes long in a parcellation: made once, and kept as soon as it is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from painprint.arrays import Codes, Single
from painprint.cortex.boundary_map import BoundaryMap, Kernels, Similarity, map_boundaries
from painprint.cortex.evaluate import Homogeneity, compare_with_turned
from painprint.cortex.gather import Gathering
from painprint.cortex.hemispheres import Cortex
from painprint.cortex.naming import Named, Namer
from painprint.cortex.parcels import ParcelRules, make_parcels
from painprint.cortex.settings import AreaSettings
from painprint.cortex.similarity import ExactSimilarity, LinearSimilarity
from painprint.files.errors import DerivativesError
from painprint.parcellate.individual_file import HALVES, AreaFiles
from painprint.parcellate.scans import Gathered
from painprint.parcellate.tables import Turned
from painprint.progress import OnStep
from painprint.results.steps import load_arrays, save_arrays
from painprint.stats.correlation import correlation

Progress = Callable[[str], OnStep]

STAGES = (
    "boundaries_odd", "boundaries_even", "boundaries", "check", "turned", "turned_reference",
    "communities",
)  # fmt: skip
"""What is kept as soon as it is there."""


@dataclass(frozen=True, eq=False)
class Maker:
    """Makes what takes long, and keeps it as soon as it is there."""

    files: AreaFiles
    key: str
    settings: AreaSettings
    cortex: Cortex
    kernels: Sequence[Kernels]
    progress: Progress

    def linear(self, unit: Single) -> LinearSimilarity:
        """Similarity of connectivity in closed form."""
        return LinearSimilarity.of(unit, rank=self.settings.rank)

    def boundaries(
        self, stage: str, similarity: Callable[[], Similarity], *, n_seeds: int
    ) -> BoundaryMap:
        """Boundary map of a similarity, which is made where the map is not there."""
        if (known := load_arrays(self.files.stage(stage), self.key)) is not None:
            return BoundaryMap(**known[0])
        found = map_boundaries(
            similarity(),
            self.kernels,
            n_seeds=n_seeds,
            random_seed=self.settings.random_seed,
            on_step=self.progress(stage.replace("_", " of sessions, ")),
        )
        save_arrays(self.files.stage(stage), vars(found), {}, self.key)
        return found

    def check(self, unit: Single, linear: LinearSimilarity) -> dict[str, Any]:
        """How the boundary map agrees with that of the exact similarity, on the same seeds."""
        if (known := load_arrays(self.files.stage("check"), self.key)) is not None:
            return known[1]
        n_seeds, seed = self.settings.n_checked, self.settings.random_seed
        own, again = (
            map_boundaries(
                linear, self.kernels, n_seeds=n_seeds, random_seed=seed, order_seed=order
            ).density
            for order in (None, seed + 1)
        )
        exact = map_boundaries(
            ExactSimilarity(unit), self.kernels, n_seeds=n_seeds, random_seed=seed,
            on_step=self.progress("exact similarity"),
        ).density  # fmt: skip
        about = {
            "n_seeds": min(n_seeds, len(unit)),
            "r": correlation(own, exact),
            "floor": correlation(own, again),
        }
        save_arrays(self.files.stage("check"), {"density": exact}, about, self.key)
        return about

    def turned(self, stage: str, features: Single, labels: Codes) -> Homogeneity:
        """Homogeneity of areas beside that of turned ones.

        Raises
        ------
        ValueError
            If the meshes cannot be laid on a sphere.
        """
        if (known := load_arrays(self.files.stage(stage), self.key)) is not None:
            return Homogeneity(**known[0])
        found = compare_with_turned(
            features, labels, self.cortex, n_turns=self.settings.n_turns,
            random_seed=self.settings.random_seed, on_step=self.progress(stage.replace("_", " ")),
        )  # fmt: skip
        save_arrays(self.files.stage(stage), vars(found), {}, self.key)
        return found

    def named(self, namer: Namer, labels: Codes, *, n_jobs: int) -> Named:
        """Communities and networks of areas."""
        if (known := load_arrays(self.files.stage("communities"), self.key)) is not None:
            return Named.of_arrays(*known)
        found = namer.name(labels, n_jobs=n_jobs, on_step=self.progress("communities"))
        save_arrays(self.files.stage("communities"), *found.arrays(), self.key)
        return found


def turn_areas(
    maker: Maker, features: Single, labels: Codes, reference: Codes | None
) -> tuple[Turned, list[str]]:
    """Homogeneity of the person's areas and of a group's, and what could not be tested."""
    found: dict[str, tuple[dict[str, Any], Homogeneity]] = {}
    not_done: list[str] = []
    todo = {"individual": ("turned", "the person's own", labels)}
    if reference is not None:
        todo["reference"] = ("turned_reference", "the reference atlas", number_areas(reference))
    for name, (stage, said, of_point) in todo.items():
        try:
            one = maker.turned(stage, features, of_point)
        except ValueError as error:
            return {}, [f"homogeneity was not tested: {error}"]
        if not np.isfinite(one.of_turned).any():
            n_turns, n_areas = one.of_turned.shape
            not_done.append(
                f"homogeneity of the areas ({said}) was not tested: in {n_turns} turns, each of "
                f"the {n_areas} met the medial wall every time."
            )
            if name == "individual":  # beside which others are seen
                return {}, not_done
            continue
        null = one.null
        about = {
            "name": said, "n_areas": len(one.of_area), "observed": one.observed,
            "null_mean": float(null.mean()), "null_sd": float(null.std(ddof=1)), "z": one.z,
            "p": one.p, "n_turns": len(null), "share_on_wall": one.share_on_wall,
        }  # fmt: skip
        found[name] = about, one
    return found, not_done


def number_areas(codes: Codes) -> Codes:
    """Labels without gaps, from 1; 0 is none."""
    inside = codes > 0
    found = np.zeros_like(codes)
    found[inside] = np.unique(codes[inside], return_inverse=True)[1] + 1
    return found


def check_areas(labels: Codes, cortex: Cortex, participant: str) -> None:
    """There are areas.

    Raises
    ------
    DerivativesError
        If not.
    """
    if not labels.any():
        raise DerivativesError(
            f"sub-{participant}: no areas were found: none of the basins of the boundary map has "
            f"{ParcelRules().smallest} of the {cortex.n_points:,} points of cortex. Is there "
            "signal in the data, and is the mesh dense enough (fs_LR 32k has 59,412)?"
        )


@dataclass(frozen=True, eq=False)
class Parted:
    """Areas of all sessions and, where they can be compared, of either half.

    Attributes
    ----------
    maps, labels : dict
        Boundary map, and area of each point: of "all", and of the halves.
    no_halves : str
        Why there are no halves; empty if there are.
    heard : dict of arrays of shape (n_points,)
        Share of frames in which each point had a signal: of "all", and of the halves.
    n_frames : dict of int
        Likewise.
    share_kept : float
        Of the variance, in the columns that correlations are made of.
    unit : ndarray of shape (n_points, n_columns)
        Of all sessions.
    linear : LinearSimilarity
        Likewise.
    """

    maps: dict[str, BoundaryMap]
    labels: dict[str, Codes]
    no_halves: str
    heard: dict[str, NDArray[np.float64]]
    n_frames: dict[str, int]
    share_kept: float
    unit: Single
    linear: LinearSimilarity


def part_cortex(maker: Maker, gathered: Gathered) -> Parted:
    """Areas from gathered runs, which are let go on the way.

    Raises
    ------
    DerivativesError
        If there are none.
    """
    settings = maker.settings
    halves = {name: one for name, one in gathered.halves.items() if one.n_frames}
    gathered.halves.clear()
    maps = {}
    no_halves = gathered.no_halves
    if not no_halves:
        for name, half in halves.items():
            maps[name] = maker.boundaries(
                f"boundaries_{name}", partial(_linear, maker, half), n_seeds=settings.n_seeds
            )
    whole = Gathering()
    for half in halves.values():
        whole.join(half)
    every = {**halves, "all": whole}
    heard = {name: one.heard / one.n_frames for name, one in every.items()}
    n_frames = {name: one.n_frames for name, one in every.items()}
    unit, share_kept = whole.unit(), whole.share_kept
    del every, whole, halves, half
    linear = maker.linear(unit)
    maps["all"] = maker.boundaries(
        "boundaries", lambda: ExactSimilarity(unit) if settings.exact else linear,
        n_seeds=len(unit) if settings.exact else settings.n_seeds,
    )  # fmt: skip
    labels = {
        name: make_parcels(one.density, maker.cortex.adjacency, seed=settings.random_seed)
        for name, one in maps.items()
    }
    check_areas(labels["all"], maker.cortex, maker.files.participant)
    if without := [name for name in HALVES if name in labels and not labels[name].any()]:
        no_halves = f"No areas were found in the {' and the '.join(without)} sessions alone."
        for name in HALVES:
            del maps[name], labels[name]
    return Parted(maps, labels, no_halves, heard, n_frames, share_kept, unit, linear)


def _linear(maker: Maker, gathered: Gathering) -> LinearSimilarity:
    """Similarity of connectivity in one half of the sessions."""
    return maker.linear(gathered.unit())
