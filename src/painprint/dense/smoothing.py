"""Dense CIFTI smoothed on a participant's surfaces, and within each structure of voxels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from painprint.atlas.surfaces import Surfaces
from painprint.cortex.mesh import Mesh
from painprint.cortex.operators import make_smoothing
from painprint.cortex.voxels import Steps, grid_widths, make_voxel_smoothing
from painprint.dense.region_means import CONSTANT
from painprint.files.errors import DerivativesError
from painprint.files.gifti import read_surface
from painprint.files.images import POINTS_AT_A_TIME, STRUCTURES, Grayordinates, Series

CELLS_AT_A_TIME = 1 << 22
"""Numbers of a structure that are smoothed at a time: 34 MB in float64."""
OR_NOT = "or leave out --smoothing-sigma"


@dataclass(frozen=True, eq=False)
class CiftiSmoothing:
    """Smooths dense series of the same points, as ``wb_command -cifti-smoothing`` does.

    Cortex is smoothed along the participant's surfaces, other structures as volumes, each for
    itself. Unlike in Workbench, a point that is not finite in every frame or never varies has no
    weight, and stays as it is: what lies beyond the field of view does not spread.

    Parameters
    ----------
    sigma_mm : float
        Standard deviation, on surfaces and in volumes.
    meshes : mapping of str to Mesh
        By CIFTI structure, for each that is a surface.
    """

    points: Grayordinates
    sigma_mm: float
    meshes: Mapping[str, Mesh]

    @classmethod
    def of(
        cls, surfaces: Surfaces, points: Grayordinates, sigma_mm: float, *, path: Path | None = None
    ) -> CiftiSmoothing:
        """Smoothing of these points on these surfaces.

        Parameters
        ----------
        path : Path, optional
            Of the BOLD that is to be smoothed, for what is said when it cannot be.

        Raises
        ------
        DerivativesError
            If a surface is missing, or does not fit the points; if voxels cannot be smoothed.
        """
        axis, sides = points.axis, {structure: side for side, structure in STRUCTURES.items()}
        meshes = {}
        for structure, n_vertices in axis.nvertices.items():
            if structure not in sides:
                raise DerivativesError(
                    f"has a surface of {structure}; only cortex can be smoothed on surfaces. "
                    f"Remove it, {OR_NOT}.",
                    path,
                )
            surface = _find(surfaces, sides[structure], path)
            cortex = np.zeros(n_vertices, bool)
            cortex[axis.vertex[axis.name == structure]] = True
            meshes[structure] = _read_mesh(surface, cortex)
        if axis.volume_mask.any():
            try:
                grid_widths(axis.affine)
            except ValueError as error:
                raise DerivativesError(
                    f"cannot be smoothed: {error} Resample it, {OR_NOT}.", path
                ) from error
        return cls(points, sigma_mm, meshes)

    @cached_property
    def _parts(self) -> tuple[tuple[slice, Steps], ...]:
        """The points of each structure, and what smooths them."""
        found = []
        for name, part, of_part in self.points.axis.iter_structures():
            first, stop, _ = part.indices(self.points.n_points)
            if name in self.meshes:
                steps: Steps = (self._on_surface(str(name), of_part.vertex),)
            else:
                steps = make_voxel_smoothing(of_part.voxel, of_part.affine, self.sigma_mm)
            found.append((slice(first, stop), steps))
        return tuple(found)

    def _on_surface(self, structure: str, vertex: NDArray[np.int64]) -> csr_array:
        """What smooths the points of a hemisphere, in their own order."""
        smoothing = make_smoothing(self.meshes[structure], self.sigma_mm)
        place = np.searchsorted(np.sort(vertex), vertex)
        return smoothing if (np.diff(place) > 0).all() else csr_array(smoothing[place][:, place])

    def smooth(self, data: NDArray[np.float32]) -> None:
        """Smooth series of all points in place.

        Parameters
        ----------
        data : ndarray of shape (n_frames, n_points)
        """
        for part, steps in self._parts:
            _smooth(data[:, part].T, steps)

    def blocks(self, series: Series) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """A run's series, smoothed: the first point and the series of each block.

        One structure is in memory at a time.

        Raises
        ------
        DerivativesError
            If the run has other points, or its file ends early.
        """
        points = series.points
        if not isinstance(points, Grayordinates) or points.axis != self.points.axis:
            raise DerivativesError(
                "has other grayordinates than those for which smoothing was prepared.", series.path
            )
        blocks = series.blocks()
        block = np.empty((0, series.n_frames), np.float32)
        for part, steps in self._parts:
            whole = np.empty((part.stop - part.start, series.n_frames), np.float32)
            done = 0
            while done < len(whole):
                if not len(block):
                    _, block = next(blocks)
                whole[done : done + len(block)] = block[: len(whole) - done]
                taken = min(len(block), len(whole) - done)
                block, done = block[taken:], done + taken
            _smooth(whole, steps)
            for first in range(0, len(whole), POINTS_AT_A_TIME):
                # a copy, so that no block keeps the structure in memory
                yield part.start + first, whole[first : first + POINTS_AT_A_TIME].copy()
            del whole

    def of_series(self, series: Series) -> Series:
        """The same run, to be read smoothed."""
        return replace(series, blocks=lambda: self.blocks(series))


def _find(surfaces: Surfaces, side: str, path: Path | None) -> Path:
    """The surface of a hemisphere.

    Raises
    ------
    DerivativesError
        If there is none.
    """
    if side in surfaces.paths:
        return surfaces.paths[side]
    lacking = f"none of hemisphere {side} was" if surfaces.paths else "none were"
    raise DerivativesError(
        "smoothing it takes the participant's midthickness surfaces of both hemispheres on the "
        f"BOLD's mesh (*_hemi-*_den-32k_midthickness.surf.gii), but {lacking} found. Pass the "
        "dataset that holds them with --derivatives (painprint predict looks in the run's own "
        f"dataset), {OR_NOT}.",
        path,
    )


def _read_mesh(path: Path, cortex: NDArray[np.bool_]) -> Mesh:
    """A surface on which data of this cortex can be smoothed.

    Raises
    ------
    DerivativesError
        If it is not one.
    """
    vertices, faces = read_surface(path)
    if len(vertices) != len(cortex):
        raise DerivativesError(
            f"has {len(vertices):,} vertices, but the hemisphere of the BOLD {len(cortex):,}. Pass "
            f"surfaces on the BOLD's mesh with --derivatives, {OR_NOT}.",
            path,
        )
    try:
        mesh = Mesh(vertices, faces, cortex)
    except ValueError as error:
        raise DerivativesError(
            f"cannot be smoothed on: {error} Pass another surface with --derivatives, {OR_NOT}.",
            path,
        ) from error
    flat = int((mesh.areas[cortex] <= 0).sum())
    if flat:
        raise DerivativesError(
            f"cannot be smoothed on: {flat} vertices of cortex have no area. Pass another surface "
            f"with --derivatives, {OR_NOT}.",
            path,
        )
    return mesh


def _smooth(series: NDArray[np.float32], steps: Steps) -> None:
    """Smooth the points of a structure in place: (n_points, n_frames)."""
    good = _has_signal(series)
    if not good.any():
        return
    weight = _apply(steps, good.astype(float))[good, None]
    n_cells = max(len(step.indptr) for step in steps)
    n_frames = max(CELLS_AT_A_TIME // n_cells, 1)
    for first in range(0, series.shape[1], n_frames):
        here = series[:, first : first + n_frames]
        given = np.zeros(here.shape)
        given[good] = here[good]
        here[good] = _apply(steps, given)[good] / weight


def _apply(steps: Steps, values: NDArray[np.float64]) -> NDArray[np.float64]:
    for step in steps:
        values = step @ values
    return values


def _has_signal(series: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Points that are finite in every frame and vary, as :class:`RegionMeans` counts them."""
    found = np.empty(len(series), bool)
    for first in range(0, len(series), POINTS_AT_A_TIME):
        here = slice(first, first + POINTS_AT_A_TIME)
        block = series[here].astype(float)
        with np.errstate(invalid="ignore"):
            mean = block.mean(axis=1)
            squares = ((block - mean[:, None]) ** 2).sum(axis=1)
            sd = np.sqrt(squares / max(block.shape[1] - 1, 1))
            found[here] = np.isfinite(squares) & (sd > CONSTANT * np.abs(mean))
    return found
