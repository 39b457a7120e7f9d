"""A person's cortex and the maps that areas are made and named with, from files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from painprint.arrays import Codes
from painprint.atlas.image import Atlas, find_atlases, read_atlas
from painprint.atlas.surfaces import Surfaces
from painprint.cortex.hemispheres import Cortex
from painprint.cortex.mesh import Mesh
from painprint.files.coordinates import cortex_of, subcortical_voxels
from painprint.files.errors import DerivativesError
from painprint.files.gifti import read_surface
from painprint.files.images import Grayordinates, Voxels
from painprint.files.labels import read_codes

CIFTI_SPACES = ("", "MNI152NLin6Asym", "MNI152NLin6")
"""Spaces of the voxels of CIFTI files: those of a volume that can be laid on them."""
WORDS = {"L": "left", "R": "right"}
LEAST_INSIDE = 0.5
"""Of an atlas's voxels, the share that must lie on voxels of the BOLD's."""


@dataclass(frozen=True, eq=False)
class Sheets:
    """The cortex of some grayordinates, on the person's own surfaces.

    Attributes
    ----------
    points : Grayordinates
        Of the BOLD.
    cortex : Cortex
        Its points are in order of vertex, the left hemisphere's first.
    place : ndarray of int, shape (n_points of cortex,)
        Which grayordinate each of them is.
    """

    points: Grayordinates
    cortex: Cortex
    place: Codes

    @property
    def n_vertices(self) -> int:
        """Of a hemisphere's whole mesh."""
        return len(next(iter(self.cortex.meshes.values())).vertices)

    def spread(self, values: NDArray[Any], missing: float = 0) -> NDArray[Any]:
        """Numbers of all grayordinates from those of the points of cortex."""
        found = np.full(self.points.n_points, missing, values.dtype)
        found[self.place] = values
        return found

    def codes(self, path: Path) -> Codes:
        """A whole number of each point of cortex from a map, found by vertex.

        Raises
        ------
        DerivativesError
            If the map is of another mesh, or says nothing of this cortex.
        """
        image, found = read_codes(path), []
        for side, mesh in self.cortex.meshes.items():
            of_vertex = image.on_cortex(side)
            if of_vertex is None or len(of_vertex) != len(mesh.vertices):
                n = "none" if of_vertex is None else f"{len(of_vertex):,} vertices"
                raise DerivativesError(
                    f"has {n} of the {WORDS[side]} cortex, the BOLD {len(mesh.vertices):,}. Pass a "
                    "map of the BOLD's mesh.",
                    path,
                )
            found.append(of_vertex[mesh.cortex])
        if not np.concatenate(found).any():
            raise DerivativesError("is 0 on all of the BOLD's cortex. Is it the right map?", path)
        return np.concatenate(found)

    def without(self, silent: NDArray[np.bool_]) -> tuple[Sheets, NDArray[np.bool_]]:
        """The same without some points, and without small pieces that they cut off.

        Parameters
        ----------
        silent : ndarray of bool, shape (n_points of cortex,)

        Returns
        -------
        sheets : Sheets
            Of each hemisphere the largest piece.
        kept : ndarray of bool, shape (n_points of cortex,)

        Raises
        ------
        DerivativesError
            If nothing is left of a hemisphere.
        """
        kept, meshes = ~silent, {}
        for side, mesh in self.cortex.meshes.items():
            part = self.cortex.parts[side]
            if not kept[part].any():
                raise DerivativesError(
                    f"no point of the {WORDS[side]} cortex ({part.stop - part.start:,} points) has "
                    "signal in any run. Was the BOLD laid on the surface without it?"
                )
            graph = self.cortex.adjacency[part][:, part]
            alive = np.flatnonzero(kept[part])
            piece = connected_components(graph[alive][:, alive], directed=False)[1]
            kept[part.start + alive[piece != np.bincount(piece).argmax()]] = False
            inside = mesh.cortex.copy()
            inside[mesh.cortex] = kept[part]
            meshes[side] = Mesh(mesh.vertices, mesh.faces, inside)
        return Sheets(self.points, Cortex(meshes), self.place[kept]), kept


def read_sheets(
    points: Grayordinates, surfaces: Surfaces, path: Path, *, there: Sequence[str] = ()
) -> Sheets:
    """Lay the cortex of grayordinates on surfaces.

    Parameters
    ----------
    surfaces : Surfaces
        The person's own midthickness.
    path : Path
        The BOLD that has these points, for messages.
    there : sequence of str
        Midthickness surfaces of any mesh, for messages.

    Raises
    ------
    DerivativesError
        If there are no surfaces of this mesh, or one is damaged.
    """
    of_side = cortex_of(points, path)
    if not surfaces.paths:
        n = sorted({count for count, *_ in of_side.values()})
        raise DerivativesError(
            f"no midthickness surfaces of both hemispheres with {', '.join(f'{k:,}' for k in n)} "
            f"vertices were found (there are: {', '.join(there) or 'none'}). Pass the dataset that "
            "has them (fMRIPrep --cifti-output, ciftify) with --derivatives.",
            path,
        )
    meshes = {}
    for side, (n_vertices, vertices, _) in of_side.items():
        place, faces = read_surface(surfaces.paths[side])
        if len(place) != n_vertices:
            raise DerivativesError(
                f"has {len(place):,} vertices, but the BOLD ({path.name}) is of a mesh of "
                f"{n_vertices:,}. Surface and BOLD must be of one density.",
                surfaces.paths[side],
            )
        inside = np.zeros(n_vertices, bool)
        inside[vertices] = True
        try:
            meshes[side] = Mesh(place, faces, inside)
        except ValueError as error:
            raise DerivativesError(str(error), surfaces.paths[side]) from error
    return Sheets(points, Cortex(meshes), np.concatenate([p for _, _, p in of_side.values()]))


@dataclass(frozen=True, eq=False)
class DeepRegions:
    """Regions below the cortex, on the voxels of the BOLD.

    Attributes
    ----------
    labels : ndarray of int, shape (n_points,)
        Of all grayordinates: the place of the region in the atlas from 1; 0 is none.
    n_voxels : ndarray of int, shape (n_regions,)
        Grayordinates of each region.
    share_inside : float
        Of the atlas's own voxels, the share that has a region's grayordinate.
    """

    atlas: Atlas
    labels: Codes
    n_voxels: Codes
    share_inside: float

    @property
    def kept(self) -> Codes:
        """Places of the regions that have a grayordinate."""
        return np.flatnonzero(self.n_voxels)

    @property
    def lost(self) -> Codes:
        """Places of the regions that have voxels of their own, but no grayordinate."""
        deep = np.isin(self.atlas.labels, self.atlas.image.in_volume()[1])
        return np.flatnonzero(deep & (self.n_voxels == 0))


def read_deep(asked: str, points: Grayordinates) -> DeepRegions:
    """Sample an atlas of volumes, or the voxels of a dlabel.nii, at the voxels of BOLD.

    Raises
    ------
    DerivativesError
        If there is no such atlas, the BOLD has no voxels, or the atlas lies in another space.
    """
    found = find_atlases(asked, ())
    if not found:
        raise DerivativesError(f"there is no atlas {asked} (--subcortical-atlas).")
    atlas = read_atlas(found[0])
    path = atlas.files.image
    inside, place = subcortical_voxels(points)
    if not len(inside):
        raise DerivativesError(
            "needs voxels, but the BOLD has cortex alone. Leave out --subcortical-atlas.", path
        )
    if isinstance(atlas.image.points, Voxels):
        if atlas.files.space not in CIFTI_SPACES:
            raise DerivativesError(
                f"lies in the space {atlas.files.space}, the voxels of CIFTI in MNI152NLin6Asym. "
                "Pass the atlas in that space.",
                path,
            )
        found_labels = atlas.image.at(place)
        n_own = len(atlas.image.labels)
        scale = abs(np.linalg.det(points.axis.affine[:3, :3])) / abs(
            np.linalg.det(atlas.image.points.affine[:3, :3])
        )
    else:
        if not atlas.image.points.axis.volume_mask.any():
            raise DerivativesError(
                "has cortex alone; regions below it are voxels. Pass a dlabel.nii with voxels, or "
                "a labelled volume, with --subcortical-atlas.",
                path,
            )
        found_labels = atlas.image.on(points)[inside]
        n_own = int((atlas.image.labels[atlas.image.points.axis.volume_mask] > 0).sum())
        scale = 1.0
    share = float((found_labels > 0).sum() * scale / max(n_own, 1))
    if share < LEAST_INSIDE:
        raise DerivativesError(
            f"only {share:.0%} of its voxels lie on subcortical voxels of the BOLD; at least "
            f"{LEAST_INSIDE:.0%} are needed. Is it in MNI152NLin6Asym, and an atlas of what lies "
            "below the cortex?",
            path,
        )
    region = np.searchsorted(atlas.labels, found_labels)
    region = np.minimum(region, len(atlas.labels) - 1)
    known = atlas.labels[region] == found_labels
    labels = np.zeros(points.n_points, np.int64)
    labels[inside] = np.where(known, region + 1, 0)
    counts = np.bincount(labels, minlength=len(atlas.labels) + 1)[1:]
    return DeepRegions(atlas, labels, counts, min(share, 1.0))
