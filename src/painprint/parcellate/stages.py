"""Time-consuming steps of a parcellation, each cached as soon as it is computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from painprint.arrays import Codes, Single, Vector
from painprint.cortex.boundary_map import BoundaryMap, Kernels, Similarity, map_boundaries
from painprint.cortex.evaluate import Homogeneity, compare_with_rotated
from painprint.cortex.gather import Gathering
from painprint.cortex.hemispheres import Cortex
from painprint.cortex.naming import Named, Namer
from painprint.cortex.parcels import ParcelRules, make_parcels
from painprint.cortex.settings import AreaSettings
from painprint.cortex.similarity import ExactSimilarity, LinearSimilarity
from painprint.errors import DerivativesError
from painprint.parcellate.individual_file import HALVES, AreaFiles
from painprint.parcellate.scans import Gathered
from painprint.parcellate.tables import SpinTests
from painprint.progress import Progress
from painprint.results.steps import Arrays, Cached, load_arrays, save_arrays
from painprint.stats.correlation import correlation

STAGES = {
    "boundaries_odd": "boundary map of odd sessions",
    "boundaries_even": "boundary map of even sessions",
    "boundaries": "boundary map of all sessions",
    "check": "boundary map of the exact similarity",
    "rotated": "spin test of the areas",
    "rotated_reference": "spin test of the reference atlas",
    "communities": "communities and networks",
}
"""The cached steps, with their titles."""


@dataclass(frozen=True, eq=False)
class CachedSteps:
    """Computes the time-consuming steps, or loads them where they are cached."""

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
        """Boundary map of a similarity, which is only computed if the map is not cached."""
        if (cached := self._cached(stage, lambda arrays, _: BoundaryMap(**arrays))) is not None:
            return cached
        with self.progress.stage(STAGES[stage]) as on_step:
            boundaries = map_boundaries(
                similarity(),
                self.kernels,
                n_seeds=n_seeds,
                random_seed=self.settings.random_seed,
                on_step=on_step,
            )
            save_arrays(self.files.stage(stage), vars(boundaries), {}, self.key)
        return boundaries

    def check(self, unit: Single, linear: LinearSimilarity) -> dict[str, Any]:
        """Correlation of the boundary map with that of the exact similarity, on the same seeds.

        ``floor`` is the correlation of two maps of the linear similarity, whose watersheds differ
        in the random order of visits.
        """
        if (cached := self._cached("check", lambda _, about: dict(about))) is not None:
            return cached
        n_seeds, seed = self.settings.n_checked, self.settings.random_seed
        with self.progress.stage(STAGES["check"]) as on_step:
            density, reordered = (
                map_boundaries(
                    linear, self.kernels, n_seeds=n_seeds, random_seed=seed, order_seed=order
                ).density
                for order in (None, seed + 1)
            )
            exact = map_boundaries(
                ExactSimilarity(unit), self.kernels, n_seeds=n_seeds, random_seed=seed,
                on_step=on_step,
            ).density  # fmt: skip
            about = {
                "n_seeds": min(n_seeds, len(unit)),
                "r": correlation(density, exact),
                "floor": correlation(density, reordered),
            }
            save_arrays(self.files.stage("check"), {"density": exact}, about, self.key)
        return about

    def rotated(self, stage: str, features: Single, labels: Codes) -> Homogeneity:
        """Spin test of the homogeneity of areas.

        Raises
        ------
        ValueError
            If the meshes cannot be mapped to a sphere.
        """
        if (cached := self._cached(stage, lambda arrays, _: Homogeneity(**arrays))) is not None:
            return cached
        with self.progress.stage(STAGES[stage]) as on_step:
            tested = compare_with_rotated(
                features, labels, self.cortex, n_rotations=self.settings.n_turns,
                random_seed=self.settings.random_seed, on_step=on_step,
            )  # fmt: skip
            save_arrays(self.files.stage(stage), vars(tested), {}, self.key)
        return tested

    def named(self, namer: Namer, labels: Codes, *, n_jobs: int) -> Named:
        """Communities and networks of areas."""
        if (cached := self._cached("communities", Named.of_arrays)) is not None:
            return cached
        with self.progress.stage(STAGES["communities"]) as on_step:
            named = namer.name(labels, n_jobs=n_jobs, on_step=on_step)
            save_arrays(self.files.stage("communities"), *named.arrays(), self.key)
        return named

    def _cached(
        self, stage: str, restore: Callable[[Arrays, dict[str, Any]], Cached]
    ) -> Cached | None:
        """What was computed before, of which the progress is told; None if nothing was."""
        cached = load_arrays(self.files.stage(stage), self.key, restore)
        if cached is not None:
            self.progress.skip(STAGES[stage], "was done before")
        return cached


def compare_homogeneity(
    steps: CachedSteps, features: Single, labels: Codes, reference: Codes | None
) -> tuple[SpinTests, list[str]]:
    """Spin tests of the individual areas and of a reference atlas, and reasons for missing ones."""
    tests: dict[str, tuple[dict[str, Any], Homogeneity]] = {}
    not_done: list[str] = []
    parcellations = {"individual": ("rotated", "the person's own", labels)}
    if reference is not None:
        parcellations["reference"] = (
            "rotated_reference", "the reference atlas", number_areas(reference),
        )  # fmt: skip
    for key, (stage, name, area_of_vertex) in parcellations.items():
        try:
            tested = steps.rotated(stage, features, area_of_vertex)
        except ValueError as error:
            return {}, [f"homogeneity was not tested: {error}"]
        if not np.isfinite(tested.of_rotated).any():
            n_rotations, n_areas = tested.of_rotated.shape
            not_done.append(
                f"homogeneity of the areas ({name}) was not tested: in {n_rotations} rotations, "
                f"each of the {n_areas} overlapped the medial wall every time."
            )
            if key == "individual":  # without it there is nothing to compare the reference with
                return {}, not_done
            continue
        null = tested.null
        summary = {
            "name": name, "n_areas": len(tested.of_area), "observed": tested.observed,
            "null_mean": float(null.mean()), "null_sd": float(null.std(ddof=1)), "z": tested.z,
            "p": tested.p, "n_turns": len(null), "share_on_wall": tested.share_on_wall,
        }  # fmt: skip
        tests[key] = summary, tested
    return tests, not_done


def number_areas(codes: Codes) -> Codes:
    """Relabel areas from 1 without gaps; 0 is none."""
    inside = codes > 0
    labels = np.zeros_like(codes)
    labels[inside] = np.unique(codes[inside], return_inverse=True)[1] + 1
    return labels


@dataclass(frozen=True, eq=False)
class Parcellations:
    """Areas of all sessions and, where they can be compared, of the two halves.

    Attributes
    ----------
    maps, labels : dict
        Boundary map, and area of each vertex, by "all" and half.
    no_halves : str
        Why there are no halves; empty if there are.
    coverage : dict of arrays of shape (n_points,)
        Share of frames in which each vertex has signal, by "all" and half.
    n_frames : dict of int
        Frames, by "all" and half.
    share_kept : float
        Share of the variance retained in the columns from which correlations are computed.
    unit : ndarray of shape (n_points, n_columns)
        Rows whose inner products are correlations, of all sessions.
    linear : LinearSimilarity
        Of all sessions.
    """

    maps: dict[str, BoundaryMap]
    labels: dict[str, Codes]
    no_halves: str
    coverage: dict[str, Vector]
    n_frames: dict[str, int]
    share_kept: float
    unit: Single
    linear: LinearSimilarity


def parcellate_cortex(steps: CachedSteps, gathered: Gathered) -> Parcellations:
    """Parcellate the cortex from gathered runs, which are emptied to free memory.

    Raises
    ------
    DerivativesError
        If there are no areas.
    """
    settings = steps.settings
    halves = {name: half for name, half in gathered.halves.items() if half.n_frames}
    gathered.halves.clear()
    maps = {}
    no_halves = gathered.no_halves
    if no_halves:
        for name in HALVES:
            steps.progress.skip(STAGES[f"boundaries_{name}"])
    else:
        for name, half in halves.items():
            maps[name] = steps.boundaries(
                f"boundaries_{name}", partial(_linear, steps, half), n_seeds=settings.n_seeds
            )
    all_runs = Gathering()
    for half in halves.values():
        all_runs.join(half)
    runs = {**halves, "all": all_runs}
    coverage = {name: part.n_valid / part.n_frames for name, part in runs.items()}
    n_frames = {name: part.n_frames for name, part in runs.items()}
    unit, share_kept = all_runs.unit(), all_runs.share_kept
    del runs, all_runs, halves, half  # several GB
    linear = steps.linear(unit)
    maps["all"] = steps.boundaries(
        "boundaries", lambda: ExactSimilarity(unit) if settings.exact else linear,
        n_seeds=len(unit) if settings.exact else settings.n_seeds,
    )  # fmt: skip
    labels = {
        name: make_parcels(boundaries.density, steps.cortex.adjacency, seed=settings.random_seed)
        for name, boundaries in maps.items()
    }
    if not labels["all"].any():
        raise DerivativesError(
            f"sub-{steps.files.participant}: no areas were found: no watershed region of the "
            f"boundary map has {ParcelRules().smallest} of the {steps.cortex.n_points:,} vertices "
            "of cortex. Is there signal in the data, and is the mesh dense enough (fs_LR 32k has "
            "59,412)?"
        )
    if empty := [name for name in HALVES if name in labels and not labels[name].any()]:
        no_halves = f"No areas were found in the {' and the '.join(empty)} sessions alone."
        for name in HALVES:
            del maps[name], labels[name]
    return Parcellations(maps, labels, no_halves, coverage, n_frames, share_kept, unit, linear)


def _linear(steps: CachedSteps, half: Gathering) -> LinearSimilarity:
    """Similarity of connectivity in one half of the sessions."""
    return steps.linear(half.unit())
