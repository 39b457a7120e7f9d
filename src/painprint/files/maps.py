"""Write maps, labels, time series and masks of grayordinates or voxels as images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from painprint.files.cifti import label_axis, scalar_axis, series_axis, write_cifti
from painprint.files.images import Grayordinates, Points
from painprint.files.nifti import write_volumes


def write_maps(path: Path, points: Points, maps: Mapping[str, NDArray[np.float64]]) -> None:
    """Write maps atomically: a dscalar.nii, or volumes with 0 outside the mask.

    Parameters
    ----------
    path : Path
        Ends with .dscalar.nii for grayordinates, .nii or .nii.gz for voxels.
    maps : mapping of str to array of shape (n_points,)
    """
    data = np.array(list(maps.values()), dtype=np.float32)  # (n_maps, n_points)
    if data.shape != (len(maps), points.n_points):
        raise ValueError(f"maps of {points.n_points} points are needed, not of {data.shape[1:]}.")
    if isinstance(points, Grayordinates):
        write_cifti(path, data, (scalar_axis(maps), points.axis))
    else:
        write_volumes(path, points, data.T, description=", ".join(maps))


def write_series(path: Path, points: Points, data: NDArray[np.float32], tr_s: float) -> None:
    """Write dense BOLD, (n_frames, n_points), atomically: a dtseries.nii, or volumes with 0 outside
    the mask.
    """
    if isinstance(points, Grayordinates):
        write_cifti(path, data, (series_axis(len(data), tr_s), points.axis))
    else:
        write_volumes(path, points, data.T, tr_s=tr_s)


def write_labels(
    path: Path, points: Points, labels: NDArray[np.int64], names: Mapping[int, str]
) -> None:
    """Write a parcellation atomically: a dlabel.nii, or a volume of labels.

    Parameters
    ----------
    labels : ndarray of int, shape (n_points,)
        0 for no label.
    names : mapping of int to str
        Name of each label; not written into volumes.
    """
    if isinstance(points, Grayordinates):
        rng = np.random.default_rng(0)  # distinct, reproducible colours
        coloured = {key: (name, tuple(rng.uniform(size=3))) for key, name in names.items()}
        write_cifti(path, labels[None], (label_axis("parcels", coloured), points.axis))
    else:
        write_volumes(path, points, labels.astype(np.int32))
