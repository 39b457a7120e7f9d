"""Label images: atlases, individual parcellations, and maps of the cortex."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from painprint.errors import DerivativesError
from painprint.files.cifti import read_brain_models, read_cifti
from painprint.files.coordinates import cortex_of, millimetres, plain_structure
from painprint.files.images import (
    AFFINE_TOLERANCE_MM,
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
    """A parcellation as an image.

    Attributes
    ----------
    labels : ndarray of int, shape (n_points,)
        Label of each grayordinate or voxel; 0 for none.
    names : dict
        Name of each label, if the image contains names.
    n_below : int
        Number of points with a value below 0, which count as 0.
    """

    path: Path
    points: Points
    labels: NDArray[np.int64]
    names: Mapping[int, str]
    n_below: int = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence on the values below 0, if there are any."""
        if not self.n_below:
            return ()
        n = f"{self.n_below:,} values below 0, which are no labels: they"
        return (f"{self.path.name}: has {n} count as 0 (none).",)

    def on(self, points: Points) -> NDArray[np.int64]:
        """Labels of other points, matched by vertex and voxel indices and not by position.

        Raises
        ------
        DerivativesError
            If the points have another kind, density or grid.
        """
        if isinstance(points, Grayordinates) and isinstance(self.points, Grayordinates):
            return self._on_grayordinates(points.axis)
        if isinstance(points, Voxels) and isinstance(self.points, Voxels):
            if not points.is_grid_of(self.points.mask.shape, self.points.affine):
                raise DerivativesError(
                    f"its grid ({grid_of(self.points)}) is not that of the BOLD "
                    f"({grid_of(points)}). Resample the atlas (nearest neighbour) to the BOLD's "
                    "grid.",
                    self.path,
                )
            volume = np.zeros(self.points.mask.shape, np.int64)
            volume[self.points.mask] = self.labels
            return np.asarray(volume[points.mask])
        raise DerivativesError(
            f"labels {kind_of_points(self.points)}, but the BOLD has {kind_of_points(points)}. "
            "Pass an atlas of the same kind with --atlas.",
            self.path,
        )

    def fits(self, path: Path) -> bool:
        """Whether BOLD has this density or grid, by its header; False if it cannot be read.

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
            n_vertices = self.points.axis.nvertices
            n_in_bold = read_brain_models(path).axis.nvertices
        except DerivativesError:
            return False
        return all(n_vertices.get(name, n) == n for name, n in n_in_bold.items())

    def on_cortex(self, side: str) -> NDArray[np.int64] | None:
        """Labels of all vertices of a hemisphere, L or R; None if the image has no cortex."""
        return self._of_vertices(STRUCTURES[side])

    def _of_vertices(self, structure: str) -> NDArray[np.int64] | None:
        """Labels of all vertices of a structure; None if the image does not have it."""
        if not isinstance(self.points, Grayordinates):
            return None
        axis = self.points.axis
        if structure not in axis.nvertices:
            return None
        labels = np.zeros(axis.nvertices[structure], np.int64)
        in_structure = axis.name == structure
        labels[axis.vertex[in_structure]] = self.labels[in_structure]
        return labels

    def in_volume(self) -> tuple[NDArray[np.float64], NDArray[np.int64], float]:
        """Coordinates (n, 3) in mm and labels of the voxels, and their mean width in mm."""
        if isinstance(self.points, Voxels):
            ijk, labels, affine = np.argwhere(self.points.mask), self.labels, self.points.affine
        else:
            axis = self.points.axis
            ijk, labels = axis.voxel[axis.volume_mask], self.labels[axis.volume_mask]
            affine = axis.affine if axis.volume_mask.any() else np.eye(4)
        width = float(abs(np.linalg.det(affine[:3, :3])) ** (1 / 3))
        return millimetres(ijk, affine), labels, width

    def centroids(
        self, wanted: NDArray[np.int64], surfaces: Mapping[str, NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        """Mean coordinates of each label: (n_wanted, 3), mm; NaN where they are not known.

        Parameters
        ----------
        wanted : ndarray of int
            Labels.
        surfaces : mapping of str to array of shape (n_vertices, 3)
            Coordinates (mm) by CIFTI structure; vertices of other structures have none.
        """
        xyz, _, _ = self.in_volume()
        if isinstance(self.points, Grayordinates):
            axis, of_voxels = self.points.axis, xyz
            xyz = np.full((len(axis), 3), np.nan)
            xyz[axis.volume_mask] = of_voxels
            for structure, n_vertices in axis.nvertices.items():
                if len(surfaces.get(structure, ())) == n_vertices:
                    in_structure = axis.name == structure
                    xyz[in_structure] = surfaces[structure][axis.vertex[in_structure]]
        of_labels = (xyz[self.labels == label] for label in wanted)
        unknown = np.full(3, np.nan)
        return np.array([rows.mean(axis=0) if len(rows) else unknown for rows in of_labels])

    def at(self, coordinates: NDArray[np.float64]) -> NDArray[np.int64]:
        """Labels of the voxels at coordinates (n, 3) in mm: (n,); 0 outside the image.

        Raises
        ------
        TypeError
            If the image has no voxels.
        """
        if not isinstance(self.points, Voxels):
            raise TypeError("only an image of voxels has labels at coordinates.")
        mask = self.points.mask
        volume = np.zeros(mask.shape, np.int64)
        volume[mask] = self.labels
        inverse = np.asarray(np.linalg.inv(self.points.affine), dtype=float)
        ijk = np.rint(millimetres(coordinates, inverse)).astype(int)
        inside = ((ijk >= 0) & (ijk < mask.shape)).all(axis=1)
        labels = np.zeros(len(coordinates), np.int64)
        labels[inside] = volume[tuple(ijk[inside].T)]
        return labels

    def _on_grayordinates(self, axis: Any) -> NDArray[np.int64]:
        """Labels of the grayordinates of a brain model axis."""
        assert isinstance(self.points, Grayordinates)
        atlas = self.points.axis
        labels = np.zeros(len(axis), np.int64)
        for structure, n_vertices in axis.nvertices.items():
            label_of_vertex = self._of_vertices(structure)
            if label_of_vertex is None:
                continue
            if len(label_of_vertex) != n_vertices:
                raise DerivativesError(
                    f"its {plain_structure(structure)} has {len(label_of_vertex)} vertices, but "
                    f"the BOLD's {n_vertices}. Pass an atlas of the BOLD's density.",
                    self.path,
                )
            in_bold = axis.name == structure
            labels[in_bold] = label_of_vertex[axis.vertex[in_bold]]
        if axis.volume_mask.any() and atlas.volume_mask.any():
            labels[axis.volume_mask] = self._on_voxels_of(axis)
        return labels

    def _on_voxels_of(self, axis: Any) -> NDArray[np.int64]:
        """Labels of the voxels among the grayordinates of a brain model axis."""
        assert isinstance(self.points, Grayordinates)
        atlas = self.points.axis
        same = np.allclose(atlas.affine, axis.affine, rtol=0, atol=AFFINE_TOLERANCE_MM)
        if not same or tuple(atlas.volume_shape) != tuple(axis.volume_shape):
            raise DerivativesError(
                "its subcortical voxels lie on another grid than the BOLD's. Pass an atlas made "
                "for the BOLD's template.",
                self.path,
            )
        volume = np.zeros(axis.volume_shape, np.int64)
        volume[tuple(atlas.voxel[atlas.volume_mask].T)] = self.labels[atlas.volume_mask]
        return np.asarray(volume[tuple(axis.voxel[axis.volume_mask].T)])


def kind_of_points(points: Points) -> str:
    """What the points of a BOLD image are called: grayordinates or voxels."""
    return "grayordinates" if isinstance(points, Grayordinates) else "voxels"


def read_label_image(path: Path) -> LabelImage:
    """Read a dlabel.nii, or a 3D image of integers.

    Raises
    ------
    DerivativesError
        If the file is neither.
    """
    if path.name.endswith(".dlabel.nii"):
        axes, values = read_cifti(path, "dlabel")
        if len(values) != 1:
            maps = ", ".join(map(str, axes[0].name))
            raise DerivativesError(f"has {len(values)} maps ({maps}); one is needed.", path)
        table = {int(key): str(name) for key, (name, _) in axes[0].label[0].items()}
        return _image(path, Grayordinates(axes[1]), values[0], table)
    data, affine = read_volume(path)
    voxels = Voxels(data != 0, affine)
    if not voxels.n_points:
        raise DerivativesError("has no labels: every voxel is 0.", path)
    return _image(path, voxels, data[voxels.mask], {})


MAPS = (".dlabel.nii", ".dscalar.nii", ".dtseries.nii")
"""Extensions of CIFTI files that may contain one number per grayordinate."""


def read_codes(path: Path) -> LabelImage:
    """Read an integer map of grayordinates from a CIFTI file with one map.

    Raises
    ------
    DerivativesError
        If the file is not one, or contains other numbers.
    """
    if not path.name.endswith(MAPS):
        raise DerivativesError(f"is not a map of grayordinates ({', '.join(MAPS)}).", path)
    if path.name.endswith(MAPS[0]):
        return read_label_image(path)
    axes, values = read_cifti(path)
    axis = axes[-1]
    if type(axis).__name__ != "BrainModelAxis":
        raise DerivativesError("has no brain models (*.dscalar.nii has).", path)
    if len(values) != 1:
        raise DerivativesError(f"has {len(values)} maps; one is needed.", path)
    return _image(path, Grayordinates(axis), values[0], {})


def read_cortex_maps(path: Path) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Read maps of a dscalar.nii on all vertices, by map and hemisphere; NaN outside the map;
    raises as :func:`read_cifti` and :func:`cortex_of`.
    """
    axes, values = read_cifti(path, "dscalar")
    hemispheres = cortex_of(Grayordinates(axes[1]), path)
    maps: dict[str, dict[str, NDArray[np.float64]]] = {}
    for name, row in zip(axes[0].name, values, strict=True):
        maps[str(name)] = {}
        for side, (n_vertices, vertices, index) in hemispheres.items():
            on_mesh = np.full(n_vertices, np.nan)
            on_mesh[vertices] = row[index]
            maps[str(name)][side] = on_mesh
    return maps


def _image(
    path: Path, points: Points, values: NDArray[np.float64], names: Mapping[int, str]
) -> LabelImage:
    """Image of integer values; those below 0 become 0."""
    wrong = values[~(np.isfinite(values) & (values == np.round(values)))]
    if len(wrong):
        raise DerivativesError(
            f"contains {len(wrong):,} values that are not integers (first: {wrong[0]:g}), so they "
            "are not labels. Round it or set a threshold first (wb_command -cifti-math).",
            path,
        )
    if values.min(initial=0) < 0 and values.max(initial=0) <= 0:
        raise DerivativesError(
            f"has no labels: its values lie between {values.min():g} and {values.max():g}, and "
            "labels are above 0. Is it the right map?",
            path,
        )
    labels = np.maximum(values, 0).astype(np.int64)
    return LabelImage(path, points, labels, names, int((values < 0).sum()))
