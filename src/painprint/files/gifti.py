"""Read and write GIFTI surfaces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from painprint.errors import DerivativesError
from painprint.files.images import reading
from painprint.store.files import write_bytes

SURFACE_NAMES = {"L": "CortexLeft", "R": "CortexRight"}
"""GIFTI's names of the hemispheres."""


def read_surface(path: Path) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Read a GIFTI surface: coordinates (n_vertices, 3) in mm, and faces (n_faces, 3).

    Raises
    ------
    DerivativesError
        If the file is not a readable GIFTI surface.
    """
    import nibabel as nib

    with reading(path, "a GIFTI surface"):
        image = nib.GiftiImage.from_filename(path, mmap=False)
        vertices, faces = (
            np.asarray(image.get_arrays_from_intent(f"NIFTI_INTENT_{intent}")[0].data)
            for intent in ("POINTSET", "TRIANGLE")
        )
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise DerivativesError(f"has faces with vertices that do not exist ({faces.max()}).", path)
    return vertices.astype(float), faces.astype(np.int64)


def write_surface(
    path: Path, vertices: NDArray[np.float64], faces: NDArray[np.int64], side: str
) -> None:
    """Write a surface as GIFTI, without any other metadata.

    Parameters
    ----------
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
