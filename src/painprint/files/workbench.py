"""Write maps and matrices of regions for Connectome Workbench, with palettes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from painprint.arrays import Matrix
from painprint.files.cifti import (
    brain_models,
    label_axis,
    palette,
    parcels_axis,
    scalar_axis,
    write_cifti,
)
from painprint.files.images import BOTH_SIGNS, Points
from painprint.palette import Colour
from painprint.regions import NO_REGION, Regions


@dataclass(frozen=True, eq=False)
class Parcels:
    """Regions as parcels of grayordinates or voxels.

    Parameters
    ----------
    region_of_point : array of int, shape (n_points,)
        Index of the region of each point; ``NO_REGION`` for none. Regions without points are not
        parcels.
    """

    points: Points
    regions: Regions
    region_of_point: NDArray[np.int64]

    @property
    def present(self) -> NDArray[np.int64]:
        """Indices of the regions that have points."""
        return np.setdiff1d(self.region_of_point, [NO_REGION])

    @property
    def axis(self) -> Any:
        """CIFTI axis of parcels."""
        names = self.regions.names
        indices = {names[k]: np.flatnonzero(self.region_of_point == k) for k in self.present}
        return parcels_axis(self.points, indices)


def write_parcel_maps(path: Path, parcels: Parcels, maps: Mapping[str, Matrix]) -> None:
    """Write values of regions as a pscalar.nii, one map per quantity.

    Parameters
    ----------
    maps : mapping of str to array of shape (n_regions,)
        NaN becomes 0, which Workbench does not draw.
    """
    present = parcels.present
    data = np.array([np.nan_to_num(values[present]) for values in maps.values()], np.float32)
    write_cifti(path, data, (scalar_axis(maps), parcels.axis))


def write_dense_maps(path: Path, parcels: Parcels, maps: Mapping[str, Matrix]) -> None:
    """Write values of regions at each of their points, as a dscalar.nii.

    Parameters
    ----------
    maps : mapping of str to array of shape (n_regions,)
        NaN and points outside all regions become 0.
    """
    of_point = parcels.region_of_point
    data = np.zeros((len(maps), len(of_point)), np.float32)
    inside = of_point != NO_REGION
    for row, values in zip(data, maps.values(), strict=True):
        row[inside] = np.nan_to_num(values[of_point[inside]])
    write_cifti(path, data, (scalar_axis(maps), brain_models(parcels.points)))


def write_parcel_matrix(path: Path, parcels: Parcels, matrix: Matrix) -> None:
    """Write values of pairs of regions, (n_regions, n_regions), as a pconn.nii."""
    present, axis = parcels.present, parcels.axis
    write_cifti(path, matrix[np.ix_(present, present)], (axis, axis), palette(BOTH_SIGNS))


def write_parcels(path: Path, parcels: Parcels, colours: Mapping[str, Colour]) -> None:
    """Write the regions as a dlabel.nii, coloured by network.

    Parameters
    ----------
    colours : mapping of str to (red, green, blue)
        By network, each from 0 to 1.
    """
    regions, of_point = parcels.regions, parcels.region_of_point
    names, networks = regions.names, regions.networks
    table = {k + 1: (names[k], colours[networks[k]]) for k in parcels.present.tolist()}
    keys = np.where(of_point == NO_REGION, 0, of_point + 1)[None]
    write_cifti(path, keys, (label_axis("regions", table), brain_models(parcels.points)))
