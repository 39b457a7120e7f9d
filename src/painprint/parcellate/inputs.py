"""Inputs of a parcellation from files: cortical meshes, maps, and subcortical regions."""

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
from painprint.errors import DerivativesError, naming
from painprint.files.coordinates import cortex_of, subcortical_voxels
from painprint.files.gifti import read_surface
from painprint.files.images import Grayordinates, Voxels
from painprint.files.labels import LabelImage

CIFTI_SPACES = ("", "MNI152NLin6Asym", "MNI152NLin6")
"""Spaces of volumes that can be sampled at the voxels of CIFTI files."""
WORDS = {"L": "left", "R": "right"}
LEAST_INSIDE = 0.5
"""Least share of an atlas's voxels that must coincide with voxels of the BOLD."""


@dataclass(frozen=True, eq=False)
class CorticalGrayordinates:
    """The cortical grayordinates of BOLD on the individual cortical meshes.

    Attributes
    ----------
    points : Grayordinates
        All grayordinates of the BOLD.
    cortex : Cortex
        Cortical meshes; vertices in ascending order, the left hemisphere first.
    index : ndarray of int, shape (n_cortical,)
        Grayordinate of each cortical vertex.
    """

    points: Grayordinates
    cortex: Cortex
    index: Codes

    @property
    def n_vertices(self) -> int:
        """Vertices of a hemisphere's mesh, medial wall included."""
        return len(next(iter(self.cortex.meshes.values())).vertices)

    def spread(self, values: NDArray[Any], missing: float = 0) -> NDArray[Any]:
        """Expand values of the cortical vertices to all grayordinates."""
        expanded = np.full(self.points.n_points, missing, values.dtype)
        expanded[self.index] = values
        return expanded

    def codes(self, image: LabelImage) -> Codes:
        """The integer of each cortical vertex in a map.

        Raises
        ------
        DerivativesError
            If the map is of another mesh, or has no values above 0 on this cortex.
        """
        codes, path = [], image.path
        for side, mesh in self.cortex.meshes.items():
            of_vertex = image.on_cortex(side)
            if of_vertex is None or len(of_vertex) != len(mesh.vertices):
                n = "none" if of_vertex is None else f"{len(of_vertex):,} vertices"
                raise DerivativesError(
                    f"has {n} of the {WORDS[side]} cortex, the BOLD {len(mesh.vertices):,}. Pass a "
                    "map of the BOLD's mesh.",
                    path,
                )
            codes.append(of_vertex[mesh.cortex])
        if not np.concatenate(codes).any():
            raise DerivativesError(
                "has no values above 0 on the BOLD's cortex. Is it the right map?", path
            )
        return np.concatenate(codes)

    def without(self, silent: NDArray[np.bool_]) -> tuple[CorticalGrayordinates, NDArray[np.bool_]]:
        """Exclude vertices, and smaller components that are disconnected without them.

        Parameters
        ----------
        silent : ndarray of bool, shape (n_cortical,)
            Vertices to be excluded.

        Returns
        -------
        cortical : CorticalGrayordinates
            The largest component of each hemisphere.
        kept : ndarray of bool, shape (n_cortical,)

        Raises
        ------
        DerivativesError
            If no vertex of a hemisphere remains.
        """
        kept, meshes = ~silent, {}
        for side, mesh in self.cortex.meshes.items():
            part = self.cortex.parts[side]
            if not kept[part].any():
                raise DerivativesError(
                    f"no vertex of the {WORDS[side]} cortex ({part.stop - part.start:,} vertices) "
                    "has signal in any run. Was the BOLD sampled to the surface without it?"
                )
            graph = self.cortex.adjacency[part][:, part]
            alive = np.flatnonzero(kept[part])
            piece = connected_components(graph[alive][:, alive], directed=False)[1]
            kept[part.start + alive[piece != np.bincount(piece).argmax()]] = False
            inside = mesh.cortex.copy()
            inside[mesh.cortex] = kept[part]
            meshes[side] = Mesh(mesh.vertices, mesh.faces, inside)
        return CorticalGrayordinates(self.points, Cortex(meshes), self.index[kept]), kept


def read_cortex(
    points: Grayordinates, surfaces: Surfaces, path: Path, *, available: Sequence[str] = ()
) -> CorticalGrayordinates:
    """Read the cortical meshes of grayordinates.

    Parameters
    ----------
    surfaces : Surfaces
        The participant's midthickness surfaces.
    path : Path
        The BOLD with these grayordinates, for messages.
    available : sequence of str
        Midthickness surfaces of any mesh, for messages.

    Raises
    ------
    DerivativesError
        If there are no surfaces of this mesh, or one is corrupted.
    """
    of_side = cortex_of(points, path)
    if not surfaces.paths:
        n = sorted({count for count, *_ in of_side.values()})
        raise DerivativesError(
            f"no midthickness surfaces of both hemispheres with {', '.join(f'{k:,}' for k in n)} "
            f"vertices were found (there are: {', '.join(available) or 'none'}). Pass the dataset "
            "that has them (fMRIPrep --cifti-output, ciftify) with --derivatives.",
            path,
        )
    meshes = {}
    for side, (n_vertices, vertices, _) in of_side.items():
        coordinates, faces = read_surface(surfaces.paths[side])
        if len(coordinates) != n_vertices:
            raise DerivativesError(
                f"has {len(coordinates):,} vertices, but the BOLD ({path.name}) is of a mesh of "
                f"{n_vertices:,}. Surface and BOLD must be of one density.",
                surfaces.paths[side],
            )
        inside = np.zeros(n_vertices, bool)
        inside[vertices] = True
        with naming(surfaces.paths[side]):
            meshes[side] = Mesh(coordinates, faces, inside)
    index = np.concatenate([grayordinate for _, _, grayordinate in of_side.values()])
    return CorticalGrayordinates(points, Cortex(meshes), index)


@dataclass(frozen=True, eq=False)
class SubcorticalRegions:
    """Subcortical regions on the voxels of the BOLD.

    Attributes
    ----------
    labels : ndarray of int, shape (n_points,)
        Of all grayordinates: index of the region in the atlas from 1; 0 is none.
    n_voxels : ndarray of int, shape (n_regions,)
        Grayordinates of each region.
    share_inside : float
        Share of the atlas's voxels that coincide with labelled grayordinates.
    """

    atlas: Atlas
    labels: Codes
    n_voxels: Codes
    share_inside: float

    @property
    def kept(self) -> Codes:
        """Indices of the regions that have a grayordinate."""
        return np.flatnonzero(self.n_voxels)

    @property
    def lost(self) -> Codes:
        """Indices of the regions that have voxels in the atlas, but no grayordinate."""
        subcortical = np.isin(self.atlas.labels, self.atlas.image.in_volume()[1])
        return np.flatnonzero(subcortical & (self.n_voxels == 0))


def read_subcortical(path_or_label: str, points: Grayordinates) -> SubcorticalRegions:
    """Sample a volumetric atlas, or the voxels of a dlabel.nii, at the voxels of BOLD.

    Raises
    ------
    DerivativesError
        If there is no such atlas, the BOLD has no voxels, or the atlas lies in another space.
    """
    candidates = find_atlases(path_or_label, ())
    if not candidates:
        raise DerivativesError(f"there is no atlas {path_or_label} (--subcortical-atlas).")
    atlas = read_atlas(candidates[0])
    path = atlas.files.image
    inside, coordinates = subcortical_voxels(points)
    if not len(inside):
        raise DerivativesError(
            "needs voxels, but the BOLD covers the cortex alone. Omit --subcortical-atlas.", path
        )
    if isinstance(atlas.image.points, Voxels):
        if atlas.files.space not in CIFTI_SPACES:
            raise DerivativesError(
                f"is in the space {atlas.files.space}, but the voxels of CIFTI are in "
                "MNI152NLin6Asym. Pass the atlas in that space.",
                path,
            )
        sampled = atlas.image.at(coordinates)
        n_in_atlas = len(atlas.image.labels)
        # volume of a voxel of the BOLD in voxels of the atlas
        scale = abs(np.linalg.det(points.axis.affine[:3, :3])) / abs(
            np.linalg.det(atlas.image.points.affine[:3, :3])
        )
    else:
        if not atlas.image.points.axis.volume_mask.any():
            raise DerivativesError(
                "covers the cortex alone; subcortical regions are voxels. Pass a dlabel.nii with "
                "voxels, or a labelled volume, with --subcortical-atlas.",
                path,
            )
        sampled = atlas.image.on(points)[inside]
        n_in_atlas = int((atlas.image.labels[atlas.image.points.axis.volume_mask] > 0).sum())
        scale = 1.0
    share = float((sampled > 0).sum() * scale / max(n_in_atlas, 1))
    if share < LEAST_INSIDE:
        raise DerivativesError(
            f"only {share:.0%} of its voxels lie on subcortical voxels of the BOLD; at least "
            f"{LEAST_INSIDE:.0%} are needed. Is it in MNI152NLin6Asym, and a subcortical atlas?",
            path,
        )
    labels = np.zeros(points.n_points, np.int64)
    labels[inside] = atlas.region_of(sampled) + 1  # NO_REGION becomes 0
    counts = np.bincount(labels, minlength=len(atlas.labels) + 1)[1:]
    return SubcorticalRegions(atlas, labels, counts, min(share, 1.0))
