"""Mapping of a mesh to a sphere, and random rotations: null parcellations for a spin test."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csc_array, csr_array, diags_array
from scipy.sparse.linalg import eigsh
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from painprint.arrays import Codes, Matrix
from painprint.cortex.mesh import Mesh


def map_to_sphere(mesh: Mesh) -> Matrix:
    """Coordinates on the unit sphere, from the faces alone: (n_vertices, 3).

    The coordinates are the first three nonconstant eigenvectors of the Laplacian of the edge
    graph. Template meshes are subdivided icosahedra, for which these are those of a sphere.

    Raises
    ------
    ValueError
        If the mesh is not closed like a sphere, so that faces overlap.

    References
    ----------
    Lefèvre & Auzias (2015), doi 10.1007/978-3-319-25040-3_37 (spherical parameterization by
    eigenfunctions; here those of the graph, not of the folded surface)
    """
    n = len(mesh.vertices)
    euler = n - len(mesh.edges) + len(mesh.faces)
    if euler != 2:
        raise ValueError(
            f"the mesh is not closed like a sphere (Euler number {euler}, not 2), so areas cannot "
            "be rotated on it."
        )
    laplacian = csc_array(csr_array(diags_array(mesh.adjacency.sum(axis=1))) - mesh.adjacency)
    start = np.ones(n) + np.linspace(0, 1, n)  # fixed, so that results are reproducible
    # the Laplacian is singular: a shift below zero keeps the factorisation stable
    _, vectors = eigsh(laplacian, k=4, sigma=-1e-3, v0=start)
    # the constant vector comes first or last
    xyz = vectors[:, 1:] if np.ptp(vectors[:, 0]) < np.ptp(vectors[:, -1]) else vectors[:, :-1]
    sphere = xyz / np.linalg.norm(xyz, axis=1, keepdims=True)
    a, b, c = (sphere[mesh.faces[:, corner]] for corner in range(3))
    outwards = np.einsum("ij,ij->i", np.cross(b - a, c - a), a) > 0
    if not (outwards.all() or not outwards.any()):
        raise ValueError(
            f"{min(outwards.sum(), (~outwards).sum())} faces overlap when the mesh is mapped to a "
            "sphere, so areas cannot be rotated on it. Is it a template's mesh?"
        )
    return np.asarray(sphere)


def rotate(
    sphere: Matrix, mesh: Mesh, labels: Codes, rng: np.random.Generator
) -> tuple[Codes, Codes]:
    """Rotate the labels of a hemisphere's cortex at random on the sphere.

    Parameters
    ----------
    sphere : ndarray of shape (n_vertices, 3)
        Coordinates of :func:`map_to_sphere`.
    labels : ndarray of int, shape (n_cortex,)
        0 is none.

    Returns
    -------
    rotated : ndarray of int, shape (n_cortex,)
        Label of the vertex nearest to each vertex's coordinates after rotation.
    cut : ndarray of int
        Labels that overlap the medial wall after rotation.
    """
    _, nearest = cKDTree(sphere).query(Rotation.random(rng=rng).apply(sphere))
    of_vertex = np.zeros(len(sphere), np.int64)
    of_vertex[mesh.cortex] = labels
    rotated = of_vertex[nearest]
    cut = np.unique(rotated[~mesh.cortex])
    return rotated[mesh.cortex], cut[cut > 0]
