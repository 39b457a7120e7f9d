"""Smoothing of dense CIFTI along a participant's surfaces and within subcortical structures."""

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
from painprint.errors import DerivativesError
from painprint.files.gifti import read_surface
from painprint.files.images import POINTS_AT_A_TIME, STRUCTURES, Grayordinates, Series

CELLS_AT_A_TIME = 1 << 22
"""Values of a structure that are smoothed at a time: 34 MB in float64."""
OR_NOT = "or omit --smoothing-sigma"


@dataclass(frozen=True, eq=False)
class CiftiSmoothing:
    """Smooths dense series of grayordinates, like ``wb_command -cifti-smoothing``.

    Cortex is smoothed along the participant's surfaces, and each subcortical structure separately
    as a volume. Unlike in Workbench, a grayordinate that is constant, or not finite in every
    frame, has no weight and is not changed, so that values outside the field of view do not
    spread.

    Parameters
    ----------
    sigma_mm : float
        Standard deviation (mm), on surfaces and in volumes.
    meshes : mapping of str to Mesh
        By CIFTI structure, for each surface.
    """

    points: Grayordinates
    sigma_mm: float
    meshes: Mapping[str, Mesh]

    @classmethod
    def of(
        cls, surfaces: Surfaces, points: Grayordinates, sigma_mm: float, *, path: Path | None = None
    ) -> CiftiSmoothing:
        """Prepare smoothing of these grayordinates on these surfaces.

        Parameters
        ----------
        path : Path, optional
            The BOLD to be smoothed, for messages.

        Raises
        ------
        DerivativesError
            If a surface is missing or does not match the grayordinates, or voxels cannot be
            smoothed.
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
        """Grayordinates of each structure, and its smoothing operators."""
        parts = []
        for name, part, of_part in self.points.axis.iter_structures():
            first, stop, _ = part.indices(self.points.n_points)
            if name in self.meshes:
                steps: Steps = (self._on_surface(str(name), of_part.vertex),)
            else:
                steps = make_voxel_smoothing(of_part.voxel, of_part.affine, self.sigma_mm)
            parts.append((slice(first, stop), steps))
        return tuple(parts)

    def _on_surface(self, structure: str, vertex: NDArray[np.int64]) -> csr_array:
        """Smoothing operator of a hemisphere, in the order of its grayordinates."""
        smoothing = make_smoothing(self.meshes[structure], self.sigma_mm)
        rank = np.searchsorted(np.sort(vertex), vertex)  # rows are in ascending order of vertex
        return smoothing if (np.diff(rank) > 0).all() else csr_array(smoothing[rank][:, rank])

    def smooth(self, data: NDArray[np.float32]) -> None:
        """Smooth series of all grayordinates, (n_frames, n_points), in place."""
        for part, steps in self._parts:
            _smooth(data[:, part].T, steps)

    def blocks(self, series: Series) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Smoothed series of a run in blocks, each with the index of its first grayordinate.

        One structure is in memory at a time.

        Raises
        ------
        DerivativesError
            If the run has other grayordinates, or its file is truncated.
        """
        points = series.points
        if not isinstance(points, Grayordinates) or points.axis != self.points.axis:
            raise DerivativesError(
                "has other grayordinates than those for which smoothing was prepared.", series.path
            )
        blocks = series.blocks()
        block = np.empty((0, series.n_frames), np.float32)
        for part, steps in self._parts:
            data = np.empty((part.stop - part.start, series.n_frames), np.float32)
            done = 0
            while done < len(data):
                if not len(block):
                    _, block = next(blocks)
                data[done : done + len(block)] = block[: len(data) - done]
                taken = min(len(block), len(data) - done)
                block, done = block[taken:], done + taken
            _smooth(data, steps)
            for first in range(0, len(data), POINTS_AT_A_TIME):
                # a copy, so that no block keeps the structure in memory
                yield part.start + first, data[first : first + POINTS_AT_A_TIME].copy()
            del data

    def of_series(self, series: Series) -> Series:
        """The same run, smoothed when it is read."""
        return replace(series, blocks=lambda: self.blocks(series))


def _find(surfaces: Surfaces, side: str, path: Path | None) -> Path:
    """Path of the surface of a hemisphere, which must be there."""
    if side in surfaces.paths:
        return surfaces.paths[side]
    lacking = f"none of hemisphere {side} was" if surfaces.paths else "none were"
    raise DerivativesError(
        "smoothing needs the participant's midthickness surfaces of both hemispheres on the "
        f"BOLD's mesh (*_hemi-*_den-32k_midthickness.surf.gii), but {lacking} found. Pass the "
        "dataset that contains them with --derivatives (painprint predict looks in the run's own "
        f"dataset), {OR_NOT}.",
        path,
    )


def _read_mesh(path: Path, cortex: NDArray[np.bool_]) -> Mesh:
    """Read a surface for smoothing, which must be on the mesh of the BOLD."""
    remedy = f"Pass another surface with --derivatives, {OR_NOT}."
    vertices, faces = read_surface(path, remedy)
    if len(vertices) != len(cortex):
        raise DerivativesError(
            f"has {len(vertices):,} vertices, but the hemisphere of the BOLD {len(cortex):,}. Pass "
            f"surfaces on the BOLD's mesh with --derivatives, {OR_NOT}.",
            path,
        )
    try:
        mesh = Mesh(vertices, faces, cortex)
    except ValueError as error:
        raise DerivativesError(f"cannot be smoothed on: {error} {remedy}", path) from error
    flat = int((mesh.areas[cortex] <= 0).sum())
    if flat:
        raise DerivativesError(
            f"cannot be smoothed on: {flat} vertices of cortex have no area. Pass another surface "
            f"with --derivatives, {OR_NOT}.",
            path,
        )
    return mesh


def _smooth(series: NDArray[np.float32], steps: Steps) -> None:
    """Smooth the series of a structure in place: (n_points, n_frames)."""
    good = _has_signal(series)
    if not good.any():
        return
    # a weighted mean over grayordinates with signal: the same sums of the data and of ones
    weight = _apply(steps, good.astype(float))[good, None]
    n_cells = max(len(step.indptr) for step in steps)
    n_frames = max(CELLS_AT_A_TIME // n_cells, 1)
    for first in range(0, series.shape[1], n_frames):
        block = series[:, first : first + n_frames]  # a view: the caller's array is changed
        masked = np.zeros(block.shape)
        masked[good] = block[good]
        block[good] = _apply(steps, masked)[good] / weight


def _apply(steps: Steps, values: NDArray[np.float64]) -> NDArray[np.float64]:
    for step in steps:
        values = step @ values
    return values


def _has_signal(series: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Grayordinates that are finite and not constant, by the rule of :class:`RegionMeans`."""
    has_signal = np.empty(len(series), bool)
    for first in range(0, len(series), POINTS_AT_A_TIME):
        part = slice(first, first + POINTS_AT_A_TIME)
        block = series[part].astype(float)
        with np.errstate(invalid="ignore"):
            mean = block.mean(axis=1)
            squares = ((block - mean[:, None]) ** 2).sum(axis=1)
            sd = np.sqrt(squares / max(block.shape[1] - 1, 1))
            has_signal[part] = np.isfinite(squares) & (sd > CONSTANT * np.abs(mean))
    return has_signal
