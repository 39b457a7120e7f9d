"""GIFTI: surfaces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from painprint.files.errors import DerivativesError
from painprint.files.images import reading


def read_surface(path: Path) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """A GIFTI surface: coordinates (n_vertices, 3) in mm, and faces (n_faces, 3).

    Raises
    ------
    DerivativesError
        If the file is not one.
    """
    import nibabel as nib

    with reading(path, "a GIFTI surface"):
        image = nib.GiftiImage.from_filename(path, mmap=False)
        vertices, faces = (
            np.asarray(image.get_arrays_from_intent(f"NIFTI_INTENT_{what}")[0].data)
            for what in ("POINTSET", "TRIANGLE")
        )
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise DerivativesError(f"has faces with vertices that are not there ({faces.max()}).", path)
    return vertices.astype(float), faces.astype(np.int64)
