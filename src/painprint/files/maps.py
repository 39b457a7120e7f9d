"""Maps, labels and masks written as images, whatever kind of points they have."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from painprint.files.images import (
    BOTH_SIGNS,
    POSITIVE,
    Grayordinates,
    Points,
    Voxels,
    write_image,
)
from painprint.files.nifti import (
    stack_of_volumes,
)


def write_maps(path: Path, points: Points, maps: Mapping[str, NDArray[np.float64]]) -> None:
    """Write maps of points whole: a dscalar.nii, or volumes with 0 outside the mask.

    Parameters
    ----------
    path : Path
        Ends with .dscalar.nii for grayordinates, .nii or .nii.gz for voxels.
    points : Grayordinates or Voxels
    maps : mapping of str to array of shape (n_points,)
    """
    data = np.array(list(maps.values()), dtype=np.float32)  # (n_maps, n_points)
    if data.shape != (len(maps), points.n_points):
        raise ValueError(f"maps of {points.n_points} points are needed, not of {data.shape[1:]}.")
    if isinstance(points, Grayordinates):
        content = _dscalar(data, maps, points)
    else:
        content = stack_of_volumes(data, list(maps), points)
    write_image(path, content)


def write_labels(
    path: Path, points: Points, labels: NDArray[np.int64], names: Mapping[int, str]
) -> None:
    """Write a parcellation whole: a dlabel.nii, or a volume of labels.

    Parameters
    ----------
    path : Path
    points : Grayordinates or Voxels
    labels : ndarray of int, shape (n_points,)
        0 where there is none.
    names : mapping of int to str
        Name of each label; a volume has no place for them.
    """
    import nibabel as nib
    from nibabel.cifti2.cifti2_axes import LabelAxis

    if isinstance(points, Grayordinates):
        table: dict[int, tuple[str, tuple[float, ...]]] = {0: ("???", (1.0, 1.0, 1.0, 0.0))}
        rng = np.random.default_rng(0)  # colours that differ
        table |= {key: (name, (*rng.uniform(size=3), 1.0)) for key, name in names.items()}
        axes = (LabelAxis(["parcels"], [table]), points.axis)
        image: Any = nib.Cifti2Image(labels[None].astype(np.float32), axes)
        image.nifti_header.set_intent("NIFTI_INTENT_CONNECTIVITY_DENSE_LABELS")
    else:
        volume = np.zeros(points.mask.shape, np.int32)
        volume[points.mask] = labels
        image = nib.Nifti1Image(volume, points.affine)
        image.header.set_xyzt_units("mm")
    write_image(path, bytes(image.to_bytes()))


def _dscalar(
    data: NDArray[np.float32], maps: Mapping[str, NDArray[np.float64]], points: Grayordinates
) -> bytes:
    import nibabel as nib

    image = nib.Cifti2Image(data, (scalar_axis(maps), points.axis))
    image.nifti_header.set_intent("NIFTI_INTENT_CONNECTIVITY_DENSE_SCALARS")
    return bytes(image.to_bytes())


def scalar_axis(maps: Mapping[str, NDArray[np.float64]]) -> Any:
    """Names of maps, each with its palette."""
    from nibabel.cifti2.cifti2_axes import ScalarAxis

    palettes = [
        BOTH_SIGNS if (np.nan_to_num(values) < 0).any() else POSITIVE for values in maps.values()
    ]
    meta = [{"PaletteColorMapping": palette(name)} for name in palettes]
    return ScalarAxis(list(maps), meta)


def palette(name: str) -> str:
    """Workbench's description of how values are coloured: up to the 98th percentile of size."""
    return (
        '<PaletteColorMapping Version="1">'
        "<ScaleMode>MODE_AUTO_SCALE_ABSOLUTE_PERCENTAGE</ScaleMode>"
        "<AutoScaleAbsolutePercentageValues>2 98</AutoScaleAbsolutePercentageValues>"
        f"<PaletteName>{name}</PaletteName>"
        "<InterpolatePalette>true</InterpolatePalette>"
        "<DisplayPositiveData>true</DisplayPositiveData>"
        "<DisplayZeroData>false</DisplayZeroData>"
        "<DisplayNegativeData>true</DisplayNegativeData>"
        "</PaletteColorMapping>"
    )


def write_mask(path: Path, points: Voxels) -> None:
    """Write the voxels of a mask as a volume of ones."""
    write_labels(path, points, np.ones(points.n_points, np.int64), {})
