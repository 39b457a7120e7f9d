"""Where regions lie on a brain that can be drawn: sheets of cortex, and what lies deep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from painprint.arrays import Codes, Matrix
from painprint.regions import NO_REGION, Regions

SIDES = ("L", "R")
CORTEX_MM = 5.0
"""A voxel this near to the cortical sheet lies in cortex."""
DEEP_MM = 12.0
"""A region whose centre is farther from the sheet lies deep (that of a large one lies off it)."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """One hemisphere's cortex.

    Parameters
    ----------
    faces : array of int, shape (n_faces, 3)
        Vertices of each triangle.
    shapes : mapping of str to array of shape (n_vertices, 3)
        Coordinates (mm; right, front and up are positive) by shape, such as "folded" and
        "inflated"; the first is the one to draw.
    region : array of int, shape (n_vertices,)
        Place of each vertex's region; ``NO_REGION`` where it has none.

    Raises
    ------
    ValueError
        If numbers of vertices differ, or a face has a vertex that is not there.
    """

    faces: Codes
    shapes: Mapping[str, Matrix]
    region: Codes

    def __post_init__(self) -> None:
        n = len(self.region)
        if not self.shapes or any(shape.shape != (n, 3) for shape in self.shapes.values()):
            sizes = {name: shape.shape for name, shape in self.shapes.items()}
            raise ValueError(f"shapes of {n} vertices are needed, not {sizes}.")
        if not (0 <= self.faces.min() and self.faces.max() < n):
            raise ValueError(f"faces have vertices up to {self.faces.max()}, of {n}.")


@dataclass(frozen=True, eq=False)
class Deep:
    """Regions below the cortical sheet, as points.

    Parameters
    ----------
    places : array of shape (n_points, 3)
        mm.
    region : array of int, shape (n_points,)
        Place of each point's region.
    size_mm : float
        Width of a point: of a voxel, or of the ball that stands for a region.
    """

    places: Matrix
    region: Codes
    size_mm: float


@dataclass(frozen=True, eq=False)
class Brain:
    """A brain to draw values of regions on.

    Parameters
    ----------
    sheets : mapping of str to Sheet
        By hemisphere, L and R.
    template : mapping of str to (vertices, faces)
        A template's outer surface by hemisphere, to show deep regions in; same space as they.
    said : str
        Which surface it is, and how regions got there.
    """

    regions: Regions
    sheets: Mapping[str, Sheet]
    deep: Deep | None
    template: Mapping[str, tuple[Matrix, Codes]]
    said: str

    @property
    def n_shown(self) -> int:
        """Regions that some vertex or deep point shows."""
        shown = [sheet.region for sheet in self.sheets.values()]
        shown += [self.deep.region] if self.deep is not None else []
        return len(np.setdiff1d(np.concatenate(shown), [NO_REGION]))


def nearest_region(vertices: Matrix, places: Matrix, among: NDArray[np.bool_]) -> Codes:
    """Region whose centre is nearest to each vertex, of those that do not lie deep.

    Parameters
    ----------
    vertices : ndarray of shape (n_vertices, 3)
        mm.
    places : ndarray of shape (n_regions, 3)
        Centres (mm); NaN where not known.
    among : ndarray of bool, shape (n_regions,)
        Regions that may be chosen.

    Returns
    -------
    region : ndarray of int, shape (n_vertices,)
    """
    known = np.flatnonzero(among & np.isfinite(places).all(axis=1))
    away = np.asarray(cKDTree(vertices).query(places[known])[0])
    chosen = known[away <= DEEP_MM]
    if not len(chosen):
        return np.full(len(vertices), NO_REGION)
    return chosen[cKDTree(places[chosen]).query(vertices)[1]]


def deep_regions(places: Matrix, region: Codes, sheets: Mapping[str, Sheet]) -> Codes:
    """Regions that the sheets cannot show: no vertex has them, or most of their points lie deep.

    Parameters
    ----------
    places : ndarray of shape (n_points, 3)
        Points of regions (mm).
    region : ndarray of int, shape (n_points,)
    sheets : mapping of str to Sheet
        Their shape "folded" lies in the same space.
    """
    there: Any = np.unique(region[region != NO_REGION])
    painted = np.concatenate([sheet.region for sheet in sheets.values()])
    vertices = np.concatenate([sheet.shapes["folded"] for sheet in sheets.values()])
    away: Matrix = np.asarray(cKDTree(vertices).query(places)[0])
    in_cortex = np.array([(away[region == k] <= CORTEX_MM).mean() for k in there])
    return there[(in_cortex < 0.5) | ~np.isin(there, painted)]
