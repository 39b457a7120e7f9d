"""CIFTI files: the only user of nibabel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from painprint.io.errors import DerivativesError


def read_ptseries(path: Path) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Parcellated time series.

    Returns
    -------
    names : tuple of str
        Parcel names.
    signals : ndarray of shape (n_frames, n_parcels)

    Raises
    ------
    DerivativesError
        If the file is not a readable CIFTI file of series x parcels.
    """
    import nibabel as nib
    from nibabel.cifti2.cifti2_axes import ParcelsAxis, SeriesAxis

    try:
        image = nib.Cifti2Image.from_filename(path, mmap=False)
        axes = [image.header.get_axis(i) for i in range(2)]
        data = np.asarray(image.dataobj, dtype=float)
    except Exception as error:  # nibabel raises many kinds on broken files
        raise DerivativesError(f"cannot be read as CIFTI ({error}).", path) from error
    if not isinstance(axes[0], SeriesAxis) or not isinstance(axes[1], ParcelsAxis):
        raise DerivativesError(
            f"has axes {type(axes[0]).__name__} x {type(axes[1]).__name__}; a ptseries.nii has "
            "series x parcels.",
            path,
        )
    return tuple(str(name) for name in axes[1].name), data
