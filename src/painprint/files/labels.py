"""Images of labels: an atlas, areas, and maps of the cortex."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from painprint.files.cifti import read_brain_models, read_cifti
from painprint.files.coordinates import cortex_of, millimetres, plain_structure
from painprint.files.errors import DerivativesError
from painprint.files.images import (
    SAME_PLACE_MM,
    STRUCTURES,
    Grayordinates,
    Points,
    Voxels,
    grid_of,
    reading,
)
from painprint.files.nifti import open_series, read_volume


@dataclass(frozen=True, eq=False)
class LabelImage:
    """A parcellation as an image: a label of each of its points.

    Attributes
    ----------
    labels : ndarray of int, shape (n_points,)
        0 where there is none.
    names : dict
        Name of each label, where the image says it.
    """

    path: Path
    points: Points
    labels: NDArray[np.int64]
    names: Mapping[int, str]

    def on(self, points: Points) -> NDArray[np.int64]:
        """The label of each of these points, found by vertex and voxel, never by position.

        Raises
        ------
        DerivativesError
            If the points are of another kind, density or grid.
        """
        if isinstance(points, Grayordinates) and isinstance(self.points, Grayordinates):
            return self._on_grayordinates(points.axis)
        if isinstance(points, Voxels) and isinstance(self.points, Voxels):
            if not points.is_grid_of(self.points.mask.shape, self.points.affine):
                raise DerivativesError(
                    f"its grid ({grid_of(self.points)}) is not that of the BOLD "
                    f"({grid_of(points)}). "
                    "Resample the atlas (nearest neighbour) to the BOLD's grid.",
                    self.path,
                )
            volume = np.zeros(self.points.mask.shape, np.int64)
            volume[self.points.mask] = self.labels
            return np.asarray(volume[points.mask])
        raise DerivativesError(
            f"labels {_kind(self.points)}, but the BOLD has {_kind(points)}. Pass an atlas of the "
            "same kind with --atlas.",
            self.path,
        )

    def fits(self, path: Path) -> bool:
        """Whether BOLD has this density or grid, by its header; one that cannot be read does not.

        Parameters
        ----------
        path : Path
            A dtseries.nii or a 4D NIfTI.
        """
        try:
            if isinstance(self.points, Voxels):
                with reading(path, "NIfTI"):
                    image = open_series(path)
                return self.points.is_grid_of(image.shape[:3], image.affine)
            own, other = self.points.axis.nvertices, read_brain_models(path).axis.nvertices
        except DerivativesError:
            return False
        return all(own.get(name, n) == n for name, n in other.items())

    def on_cortex(self, side: str) -> NDArray[np.int64] | None:
        """The label of each vertex of a hemisphere, L or R; None where the image has no cortex."""
        if not isinstance(self.points, Grayordinates):
            return None
        axis, structure = self.points.axis, STRUCTURES[side]
        if structure not in axis.nvertices:
            return None
        found = np.zeros(axis.nvertices[structure], np.int64)
        here = axis.name == structure
        found[axis.vertex[here]] = self.labels[here]
        return found

    def in_volume(self) -> tuple[NDArray[np.float64], NDArray[np.int64], float]:
        """Places (n, 3) in mm and labels of the voxels, and their mean width in mm."""
        if isinstance(self.points, Voxels):
            ijk, labels, affine = np.argwhere(self.points.mask), self.labels, self.points.affine
        else:
            axis = self.points.axis
            ijk, labels = axis.voxel[axis.volume_mask], self.labels[axis.volume_mask]
            affine = axis.affine if axis.volume_mask.any() else np.eye(4)
        width = float(abs(np.linalg.det(affine[:3, :3])) ** (1 / 3))
        return millimetres(ijk, affine), labels, width

    def at(self, places: NDArray[np.float64]) -> NDArray[np.int64]:
        """The label of the voxel at each place: (n,) of (n, 3) in mm; 0 outside the image.

        Raises
        ------
        TypeError
            If the image is not one of voxels.
        """
        if not isinstance(self.points, Voxels):
            raise TypeError("only an image of voxels has labels at places.")
        mask = self.points.mask
        volume = np.zeros(mask.shape, np.int64)
        volume[mask] = self.labels
        back = np.asarray(np.linalg.inv(self.points.affine), dtype=float)
        ijk = np.rint(millimetres(places, back)).astype(int)
        inside = ((ijk >= 0) & (ijk < mask.shape)).all(axis=1)
        found = np.zeros(len(places), np.int64)
        found[inside] = volume[tuple(ijk[inside].T)]
        return found

    def _on_grayordinates(self, axis: Any) -> NDArray[np.int64]:
        """Labels of the grayordinates of a brain model axis."""
        assert isinstance(self.points, Grayordinates)
        own = self.points.axis
        found = np.zeros(len(axis), np.int64)
        for structure, n_vertices in axis.nvertices.items():
            n_own = own.nvertices.get(structure)
            if n_own is None:
                continue
            if n_own != n_vertices:
                raise DerivativesError(
                    f"its {plain_structure(structure)} has {n_own} vertices, but the BOLD's "
                    f"{n_vertices}. "
                    "Pass an atlas of the BOLD's density.",
                    self.path,
                )
            of_vertex = np.zeros(n_vertices, np.int64)
            here = own.name == structure
            of_vertex[own.vertex[here]] = self.labels[here]
            there = axis.name == structure
            found[there] = of_vertex[axis.vertex[there]]
        if axis.volume_mask.any() and own.volume_mask.any():
            found[axis.volume_mask] = self._on_voxels_of(axis)
        return found

    def _on_voxels_of(self, axis: Any) -> NDArray[np.int64]:
        """Labels of the voxels among the grayordinates of a brain model axis."""
        assert isinstance(self.points, Grayordinates)
        own = self.points.axis
        same = np.allclose(own.affine, axis.affine, rtol=0, atol=SAME_PLACE_MM)
        if not same or tuple(own.volume_shape) != tuple(axis.volume_shape):
            raise DerivativesError(
                "its subcortical voxels lie on another grid than the BOLD's. Pass an atlas made "
                "for the BOLD's template.",
                self.path,
            )
        of_voxel = np.zeros(axis.volume_shape, np.int64)
        of_voxel[tuple(own.voxel[own.volume_mask].T)] = self.labels[own.volume_mask]
        return np.asarray(of_voxel[tuple(axis.voxel[axis.volume_mask].T)])


def _kind(points: Points) -> str:
    return "grayordinates" if isinstance(points, Grayordinates) else "voxels"


def read_label_image(path: Path) -> LabelImage:
    """A dlabel.nii, or a 3D image of whole numbers.

    Raises
    ------
    DerivativesError
        If the file is not one.
    """
    if path.name.endswith(".dlabel.nii"):
        axes, values = read_cifti(path, "dlabel")
        if len(values) != 1:
            maps = ", ".join(map(str, axes[0].name))
            raise DerivativesError(f"has {len(values)} maps ({maps}); one is needed.", path)
        table = {int(key): str(name) for key, (name, _) in axes[0].label[0].items()}
        return LabelImage(path, Grayordinates(axes[1]), _whole(values[0], path), table)
    data, affine = read_volume(path)
    voxels = Voxels(data != 0, affine)
    if not voxels.n_points:
        raise DerivativesError("has no labels: every voxel is 0.", path)
    return LabelImage(path, voxels, _whole(data[voxels.mask], path), {})


MAPS = (".dlabel.nii", ".dscalar.nii", ".dtseries.nii")
"""Ends of CIFTI files that may hold a number of each grayordinate."""


def read_codes(path: Path) -> LabelImage:
    """A whole number of each grayordinate: a CIFTI file of one map, of whatever kind.

    Raises
    ------
    DerivativesError
        If the file is not one, or holds other numbers.
    """
    if not path.name.endswith(MAPS):
        raise DerivativesError(f"is no map of grayordinates ({', '.join(MAPS)}).", path)
    if path.name.endswith(MAPS[0]):
        return read_label_image(path)
    axes, values = read_cifti(path)
    axis = axes[-1]
    if type(axis).__name__ != "BrainModelAxis":
        raise DerivativesError("has no brain models (*.dscalar.nii has).", path)
    if len(values) != 1:
        raise DerivativesError(f"has {len(values)} maps; one is needed.", path)
    return LabelImage(path, Grayordinates(axis), _whole(values[0], path), {})


def read_cortex_maps(path: Path) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Numbers of all vertices of each hemisphere, by map of a dscalar.nii; NaN where none is.

    Raises
    ------
    DerivativesError
        If the file is not one.
    """
    axes, values = read_cifti(path, "dscalar")
    found: dict[str, dict[str, NDArray[np.float64]]] = {}
    for name, row in zip(axes[0].name, values, strict=True):
        found[str(name)] = {}
        for side, (n_vertices, vertices, place) in cortex_of(Grayordinates(axes[1]), path).items():
            whole = np.full(n_vertices, np.nan)
            whole[vertices] = row[place]
            found[str(name)][side] = whole
    return found


def _whole(values: NDArray[np.float64], path: Path) -> NDArray[np.int64]:
    """Labels as whole numbers; those below 1 are none."""
    if not np.isfinite(values).all() or (values != np.round(values)).any():
        raise DerivativesError(
            "holds values that are no whole numbers, so no labels. Round it or set a "
            "threshold first (wb_command -cifti-math).",
            path,
        )
    return np.maximum(values, 0).astype(np.int64)
