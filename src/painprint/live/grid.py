"""Regions of volumes that come from the scanner: the atlas on their grid, and its means."""

from __future__ import annotations

import numpy as np

from painprint.arrays import Codes, Matrix, Vector
from painprint.atlas.image import Atlas
from painprint.errors import DerivativesError
from painprint.files.images import AFFINE_TOLERANCE_MM, Voxels


class RegionsOfVolumes:
    """Means of volumes over the regions of an atlas that lies on their grid.

    Programs that convert DICOM order and flip the axes of an image, and change its affine with
    them. An atlas with other axes on the same grid is turned, which moves no voxel.

    Parameters
    ----------
    atlas : Atlas
        An image of voxels on the scanner's grid of today.

    Raises
    ------
    DerivativesError
        If the atlas is one of grayordinates.
    """

    def __init__(self, atlas: Atlas) -> None:
        points = atlas.image.points
        if not isinstance(points, Voxels):
            raise DerivativesError(
                "labels grayordinates, but the scanner gives volumes. Pass an atlas image (NIfTI) "
                "on the scanner's grid of today with --atlas.",
                atlas.files.image,
            )
        self.names = atlas.regions.names
        self._path = atlas.files.image
        self._affine = points.affine
        self._region = np.full(points.mask.shape, -1, np.int64)  # (x, y, z) of the atlas
        labelled = np.full(points.n_points, -1, np.int64)
        inside = atlas.image.labels > 0
        labelled[inside] = np.searchsorted(atlas.labels, atlas.image.labels[inside])
        self._region[points.mask] = labelled
        self._grid: Voxels | None = None
        self._voxels = self._region_of = np.empty(0, np.int64)
        self._n_voxels = np.empty(0, np.int64)

    def means(self, values: Matrix, affine: Matrix) -> Vector:
        """Mean of each region over its voxels that are finite: (n_regions,); NaN if it has none.

        Parameters
        ----------
        values : ndarray of shape (n_i, n_j, n_k)
            A volume; its axes may be others than those of the atlas, its grid may not.
        affine : ndarray of shape (4, 4)
            mm.

        Raises
        ------
        DerivativesError
            If it lies on another grid than the atlas, or than the volumes before.
        """
        if self._grid is None or not self._grid.is_grid_of(values.shape, affine):
            self._turn(values.shape, affine)
        signal = values.ravel()[self._voxels]
        finite = np.isfinite(signal)
        region, n_voxels = self._region_of, self._n_voxels
        if not finite.all():
            region, signal = region[finite], signal[finite]
            n_voxels = np.bincount(region, minlength=len(self.names))
        sums = np.bincount(region, weights=signal, minlength=len(self.names))
        with np.errstate(invalid="ignore"):
            return np.asarray(sums / n_voxels)

    def _turn(self, shape: tuple[int, ...], affine: Matrix) -> None:
        """Bring the atlas to the axes of a volume, and keep which voxels have a region."""
        turned = _with_axes_of(self._region, self._affine, affine)
        if self._grid is not None or turned is None or turned.shape != shape:
            whose, other = "the atlas", (self._region.shape, self._affine)
            if self._grid is not None:
                whose, other = "the volumes before", (self._grid.mask.shape, self._grid.affine)
            raise DerivativesError(
                f"a volume of the scanner does not lie on the grid of {whose}.\n"
                f"The volume: {_in_words(shape, affine)}\n{whose.capitalize()}: "
                f"{_in_words(*other)}\nResample the atlas (nearest neighbour) to the scanner's "
                "grid of today.",
                self._path,
            )
        self._grid = Voxels(turned >= 0, np.asarray(affine, float))
        self._voxels = np.flatnonzero(turned >= 0)
        self._region_of = turned.ravel()[self._voxels]
        self._n_voxels = np.bincount(self._region_of, minlength=len(self.names))


def _with_axes_of(image: Codes, affine: Matrix, other: Matrix) -> Codes | None:
    """An image with its axes permuted and flipped so that it has another affine; None if there is
    no such order of axes within ``AFFINE_TOLERANCE_MM``."""
    if not (np.isfinite(affine).all() and np.isfinite(other).all()):
        return None
    if abs(np.linalg.det(affine)) < np.finfo(float).eps:
        return None
    # from voxels of the other to voxels of the image
    steps = np.rint(np.linalg.solve(affine, other))
    axes = np.abs(steps[:3, :3])
    if not (np.isin(axes, (0, 1)).all() and (axes.sum(0) == 1).all() and (axes.sum(1) == 1).all()):
        return None
    if not np.allclose(affine @ steps, other, rtol=0, atol=AFFINE_TOLERANCE_MM):
        return None
    sign = steps[:3, :3].sum(axis=1)  # of each axis of the image
    first = np.where(sign < 0, np.array(image.shape) - 1, 0)
    if not np.array_equal(steps[:3, 3], first):
        return None
    flipped = image[tuple(slice(None, None, int(step)) for step in sign)]
    return flipped.transpose(*axes.argmax(axis=0))


def _in_words(shape: tuple[int, ...], affine: Matrix) -> str:
    """Shape and affine of a grid (mm)."""
    rows = "; ".join(" ".join(f"{value:.6g}" for value in row) for row in affine[:3])
    return f"{' x '.join(map(str, shape))} voxels, affine [{rows}]"
