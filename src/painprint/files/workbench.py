"""Files for Connectome Workbench: maps and matrices of regions, with palettes; surfaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from painprint.files.images import BOTH_SIGNS, Grayordinates, Points
from painprint.files.maps import palette, scalar_axis
from painprint.palette import Colour
from painprint.regions import NO_REGION, Regions
from painprint.store.files import write_bytes

Matrix = NDArray[np.float64]

SURFACE_NAMES = {"L": "CortexLeft", "R": "CortexRight"}
"""Of hemispheres in GIFTI files."""


@dataclass(frozen=True, eq=False)
class Parcels:
    """Regions as parcels of grayordinates or voxels.

    Parameters
    ----------
    points : Grayordinates or Voxels
    regions : Regions
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
        from nibabel.cifti2.cifti2_axes import BrainModelAxis

        if isinstance(self.points, Grayordinates):
            return self.points.axis
        return BrainModelAxis.from_mask(self.points.mask, affine=self.points.affine, name="other")

    @property
    def axis(self) -> Any:
        """CIFTI's axis of parcels."""
        from nibabel.cifti2.cifti2_axes import ParcelsAxis

        models, names = self.models, self.regions.names
        return ParcelsAxis.from_brain_models(
            [(names[k], models[np.flatnonzero(self.region_of_point == k)]) for k in self.there]
        )


def write_parcel_maps(path: Path, parcels: Parcels, maps: Mapping[str, Matrix]) -> None:
    """Write a value of each region as a pscalar.nii, a map per quantity.

    Parameters
    ----------
    path : Path
    parcels : Parcels
    maps : mapping of str to array of shape (n_regions,)
        NaN, which Workbench draws as nothing, becomes 0.
    """
    from nibabel.cifti2.cifti2 import Cifti2Image

    there = parcels.there
    data = np.array([np.nan_to_num(values[there]) for values in maps.values()], np.float32)
    image = Cifti2Image(data, (scalar_axis(maps), parcels.axis))
    image.nifti_header.set_intent("NIFTI_INTENT_CONNECTIVITY_PARCELLATED_SCALAR")
    write_bytes(path, bytes(image.to_bytes()))


def write_dense_maps(path: Path, parcels: Parcels, maps: Mapping[str, Matrix]) -> None:
    """Write a value of each region at each of its points, as a dscalar.nii.

    Parameters
    ----------
    path : Path
    parcels : Parcels
    maps : mapping of str to array of shape (n_regions,)
        0 stands where it is NaN, and at points in no region.
    """
    from nibabel.cifti2.cifti2 import Cifti2Image

    of_point = parcels.region_of_point
    data = np.zeros((len(maps), len(of_point)), np.float32)
    inside = of_point != NO_REGION
    for row, values in zip(data, maps.values(), strict=True):
        row[inside] = np.nan_to_num(values[of_point[inside]])
    image = Cifti2Image(data, (scalar_axis(maps), parcels.models))
    image.nifti_header.set_intent("NIFTI_INTENT_CONNECTIVITY_DENSE_SCALARS")
    write_bytes(path, bytes(image.to_bytes()))


def write_parcel_matrix(path: Path, parcels: Parcels, matrix: Matrix) -> None:
    """Write a value of each pair of regions as a pconn.nii.

    Parameters
    ----------
    path : Path
    parcels : Parcels
    matrix : ndarray of shape (n_regions, n_regions)
    """
    from nibabel.cifti2.cifti2 import Cifti2Image, Cifti2MetaData

    there, axis = parcels.there, parcels.axis
    image = Cifti2Image(matrix[np.ix_(there, there)].astype(np.float32), (axis, axis))
    image.nifti_header.set_intent("NIFTI_INTENT_CONNECTIVITY_PARCELLATED")
    image.header.matrix.metadata = Cifti2MetaData({"PaletteColorMapping": palette(BOTH_SIGNS)})
    write_bytes(path, bytes(image.to_bytes()))


def write_parcels(path: Path, parcels: Parcels, colours: Mapping[str, Colour]) -> None:
    """Write the regions themselves as a dlabel.nii, coloured by network.

    Parameters
    ----------
    path : Path
    parcels : Parcels
    colours : mapping of str to (red, green, blue)
        By network, each from 0 to 1.
    """
    from nibabel.cifti2.cifti2 import Cifti2Image
    from nibabel.cifti2.cifti2_axes import LabelAxis

    regions, of_point = parcels.regions, parcels.region_of_point
    table: dict[int, tuple[str, tuple[float, ...]]] = {0: ("???", (1.0, 1.0, 1.0, 0.0))}
    for k in parcels.there.tolist():
        table[k + 1] = (regions.names[k], (*colours[regions.networks[k]], 1.0))
    keys = np.where(of_point == NO_REGION, 0, of_point + 1)[None].astype(np.float32)
    image = Cifti2Image(keys, (LabelAxis(["regions"], [table]), parcels.models))
    image.nifti_header.set_intent("NIFTI_INTENT_CONNECTIVITY_DENSE_LABELS")
    write_bytes(path, bytes(image.to_bytes()))


def write_surface(path: Path, vertices: Matrix, faces: NDArray[np.int64], side: str) -> None:
    """Write a surface as GIFTI, without anything else that the file it came from may have held.

    Parameters
    ----------
    path : Path
    vertices : ndarray of shape (n_vertices, 3)
        mm.
    faces : ndarray of int, shape (n_faces, 3)
    side : {"L", "R"}
    """
    from nibabel.gifti.gifti import GiftiDataArray, GiftiImage, GiftiMetaData

    meta = GiftiMetaData({"AnatomicalStructurePrimary": SURFACE_NAMES[side]})
    arrays = [
        GiftiDataArray(vertices.astype(np.float32), intent="NIFTI_INTENT_POINTSET", meta=meta),
        GiftiDataArray(faces.astype(np.int32), intent="NIFTI_INTENT_TRIANGLE"),
    ]
    write_bytes(path, bytes(GiftiImage(darrays=arrays).to_bytes()))
