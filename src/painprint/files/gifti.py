"""Read and write GIFTI surfaces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from painprint.errors import DerivativesError
from painprint.files.images import reading
from painprint.store.files import write_bytes

SURFACE_NAMES = {"L": "CortexLeft", "R": "CortexRight"}
"""GIFTI's names of the hemispheres."""
SMALLEST_MM, LARGEST_MM, THINNEST_MM = 50.0, 400.0, 10.0
"""Least and most length of the longest side of a hemisphere, inflated or not, and least of the
shortest: a newborn's is 90 mm long, and a very inflated adult one 250."""
LONG_EDGE = 10.0
"""An edge is long from this multiple of the extent divided by the root of the number of vertices;
the median edge of a sphere or of cortex has about 2."""
LEAST_AREA = 1e-9
"""Faces of less than half of this (mm²) have no area."""
MOST_FLAT, MOST_WRONG = 0.5, 0.01
"""Largest shares of faces without area, and of edges that are long or of more than two faces."""
LARGEST_PIECE = 0.75
"""Least share of vertices in the largest piece; the medial wall may be cut out."""


def read_surface(
    path: Path, remedy: str = "Make or copy the surface again."
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Read a GIFTI surface: coordinates (n_vertices, 3) in mm, and faces (n_faces, 3).

    Parameters
    ----------
    remedy : str
        What to do with a surface that is no cortex, for messages.

    Raises
    ------
    DerivativesError
        If the file is not a readable GIFTI surface, or cannot be the cortex of a hemisphere: with
        coordinates that are not finite, another size than a brain's, or faces that do not join
        neighbours.
    """
    import nibabel as nib

    with reading(path, "a GIFTI surface"):
        image = nib.GiftiImage.from_filename(path, mmap=False)
        vertices, faces = (
            np.asarray(image.get_arrays_from_intent(f"NIFTI_INTENT_{intent}")[0].data)
            for intent in ("POINTSET", "TRIANGLE")
        )
    vertices, faces = vertices.astype(float), faces.astype(np.int64)
    try:
        _check_shape(vertices, faces)
        _check_brain(vertices, faces)
    except ValueError as error:
        raise DerivativesError(f"{error} {remedy}", path) from error
    return vertices, faces


def _check_shape(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> None:
    """Check that there are finite vertices, and triangles of three of them."""
    for name, array in (("vertices", vertices), ("faces", faces)):
        if not len(array):
            raise ValueError(f"has no {name}.")
        if array.ndim != 2 or array.shape[1] != 3:
            raise ValueError(f"has {name} of shape {array.shape}; 3 columns are needed.")
    bad = ~np.isfinite(vertices).all(axis=1)
    if bad.any():
        raise ValueError(
            f"{int(bad.sum())} vertices have no finite coordinates (first: "
            f"{int(np.flatnonzero(bad)[0])})."
        )
    missing = faces[(faces < 0) | (faces >= len(vertices))]
    if len(missing):
        raise ValueError(
            f"has faces with vertices that do not exist (first: {missing[0]}; there are 0 to "
            f"{len(vertices) - 1})."
        )
    twice = (faces == np.roll(faces, 1, axis=1)).any(axis=1)
    if twice.any():
        raise ValueError(
            f"has {int(twice.sum())} faces with a vertex twice (first: face "
            f"{int(np.flatnonzero(twice)[0])}); each has three different ones."
        )


def _check_brain(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> None:
    """Check that a mesh can be the cortex of a hemisphere, by its size, edges and pieces."""
    extent = np.ptp(vertices, axis=0)
    if not (SMALLEST_MM <= extent.max() <= LARGEST_MM) or extent.min() < THINNEST_MM:
        size = " x ".join(f"{length:.3g}" for length in extent)
        raise ValueError(
            f"extends over {size} mm; the longest side of a hemisphere has {SMALLEST_MM:g} to "
            f"{LARGEST_MM:g} mm, and the shortest at least {THINNEST_MM:g}."
        )
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    flat = np.linalg.norm(np.cross(b - a, c - a), axis=1) < LEAST_AREA
    if flat.mean() > MOST_FLAT:
        raise ValueError(f"has {flat.mean():.0%} faces without an area.")
    limit = LONG_EDGE * extent.max() / np.sqrt(len(vertices))
    long = np.linalg.norm(np.concatenate([a - b, b - c, c - a]), axis=1) > limit
    if long.mean() > MOST_WRONG:
        raise ValueError(
            f"has {long.mean():.0%} edges longer than {limit:.3g} mm, so its faces do not join "
            "neighbours."
        )
    ends = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    edges, n_faces = np.unique(ends[:, 0] * len(vertices) + ends[:, 1], return_counts=True)
    if (share := float((n_faces > 2).mean())) > MOST_WRONG:
        raise ValueError(f"has {share:.0%} edges of more than two faces; a surface has none.")
    pair = (edges // len(vertices), edges % len(vertices))
    graph = csr_array((np.ones(len(edges), bool), pair), shape=(len(vertices),) * 2)
    sizes = np.bincount(connected_components(graph, directed=False)[1])
    if (share := sizes.max() / len(vertices)) < LARGEST_PIECE:
        raise ValueError(
            f"has {share:.0%} of its vertices in its largest piece; the others are not connected "
            "with it by any face."
        )


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
