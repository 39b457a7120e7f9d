"""Files for Connectome Workbench: maps and matrices of regions, with palettes."""

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
from painprint.files.images import BOTH_SIGNS, Grayordinates, Points
from painprint.palette import Colour
from painprint.regions import NO_REGION, Regions


@dataclass(frozen=True, eq=False)
class Parcels:
    """Regions as parcels of grayordinates or voxels.

    Parameters
    ----------
    region_of_point : array of int, shape (n_points,)
        Place of each point's region; ``NO_REGION`` where it has none. A region without any point
        is no parcel.
    """

    points: Points
    regions: Regions
    region_of_point: NDArray[np.int64]

    @property
    def of_grayordinates(self) -> bool:
        """Whether the points are grayordinates; else they are voxels."""
        return isinstance(self.points, Grayordinates)

    @property
    def there(self) -> NDArray[np.int64]:
        """Places of the regions that have points."""
        return np.setdiff1d(self.region_of_point, [NO_REGION])

    @property
    def models(self) -> Any:
        """Brain models of the points."""
        return brain_models(self.points)

    @property
    def axis(self) -> Any:
        """CIFTI's axis of parcels."""
        names = self.regions.names
        places = {names[k]: np.flatnonzero(self.region_of_point == k) for k in self.there}
        return parcels_axis(self.points, places)


def write_parcel_maps(path: Path, parcels: Parcels, maps: Mapping[str, Matrix]) -> None:
    """Write a value of each region as a pscalar.nii, a map per quantity.

    Parameters
    ----------
    maps : mapping of str to array of shape (n_regions,)
        NaN, which Workbench draws as nothing, becomes 0.
    """
    there = parcels.there
    data = np.array([np.nan_to_num(values[there]) for values in maps.values()], np.float32)
    write_cifti(path, data, (scalar_axis(maps), parcels.axis))


def write_dense_maps(path: Path, parcels: Parcels, maps: Mapping[str, Matrix]) -> None:
    """Write a value of each region at each of its points, as a dscalar.nii.

    Parameters
    ----------
    maps : mapping of str to array of shape (n_regions,)
        0 stands where it is NaN, and at points in no region.
    """
    of_point = parcels.region_of_point
    data = np.zeros((len(maps), len(of_point)), np.float32)
    inside = of_point != NO_REGION
    for row, values in zip(data, maps.values(), strict=True):
        row[inside] = np.nan_to_num(values[of_point[inside]])
    write_cifti(path, data, (scalar_axis(maps), parcels.models))


def write_parcel_matrix(path: Path, parcels: Parcels, matrix: Matrix) -> None:
    """Write a value of each pair of regions as a pconn.nii.

    Parameters
    ----------
    matrix : ndarray of shape (n_regions, n_regions)
    """
    there, axis = parcels.there, parcels.axis
    write_cifti(path, matrix[np.ix_(there, there)], (axis, axis), palette(BOTH_SIGNS))


def write_parcels(path: Path, parcels: Parcels, colours: Mapping[str, Colour]) -> None:
    """Write the regions themselves as a dlabel.nii, coloured by network.

    Parameters
    ----------
    colours : mapping of str to (red, green, blue)
        By network, each from 0 to 1.
    """
    regions, of_point = parcels.regions, parcels.region_of_point
    names, networks = regions.names, regions.networks
    table = {k + 1: (names[k], colours[networks[k]]) for k in parcels.there.tolist()}
    keys = np.where(of_point == NO_REGION, 0, of_point + 1)[None]
    write_cifti(path, keys, (label_axis("regions", table), parcels.models))
