"""A mesh laid on a sphere, and turned: null parcellations that keep size and shape."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csc_array, csr_array, diags_array
from scipy.sparse.linalg import eigsh
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from painprint.arrays import Codes, Matrix
from painprint.cortex.mesh import Mesh


def lay_on_sphere(mesh: Mesh) -> Matrix:
    """Places on a sphere of radius 1 that follow from the faces alone: (n_vertices, 3).

    The three slowest waves of the graph of edges are the coordinates. Templates' meshes are
    divided icosahedra, whose waves are those of a sphere.

    Raises
    ------
    ValueError
        If the mesh is not closed like a sphere, so that faces overlap.

    References
    ----------
    Lefèvre & Auzias (2015), doi 10.1007/978-3-319-25040-3_37 (spherical parameterization by
    eigenfunctions; here of the graph, not of the folded surface)
    """
    n = len(mesh.vertices)
    euler = n - len(mesh.edges) + len(mesh.faces)
    if euler != 2:
        raise ValueError(
            f"the mesh is not closed like a sphere (Euler number {euler}, not 2), so areas cannot "
            "be turned on it."
        )
    laplacian = csc_array(csr_array(diags_array(mesh.adjacency.sum(axis=1))) - mesh.adjacency)
    start = np.ones(n) + np.linspace(0, 1, n)
    _, waves = eigsh(laplacian, k=4, sigma=-1e-3, v0=start)
    found = waves[:, 1:] if np.ptp(waves[:, 0]) < np.ptp(waves[:, -1]) else waves[:, :-1]
    found = found / np.linalg.norm(found, axis=1, keepdims=True)
    a, b, c = (found[mesh.faces[:, corner]] for corner in range(3))
    outwards = np.einsum("ij,ij->i", np.cross(b - a, c - a), a) > 0
    if not (outwards.all() or not outwards.any()):
        raise ValueError(
            f"{min(outwards.sum(), (~outwards).sum())} faces overlap when the mesh is laid on a "
            "sphere, so areas cannot be turned on it. Is it a template's mesh?"
        )
    return np.asarray(found)


def turn(
    sphere: Matrix, mesh: Mesh, labels: Codes, rng: np.random.Generator
) -> tuple[Codes, Codes]:
    """Labels of a hemisphere's cortex turned at random about the sphere's centre.

    Parameters
    ----------
    sphere : ndarray of shape (n_vertices, 3)
    labels : ndarray of int, shape (n_cortex,)
        0 is none.

    Returns
    -------
    turned : ndarray of int, shape (n_cortex,)
        Of each point, the label that lay where it came from.
    cut : ndarray of int
        Labels of which a part came to lie on the medial wall.
    """
    _, nearest = cKDTree(sphere).query(Rotation.random(rng=rng).apply(sphere))
    whole = np.zeros(len(sphere), np.int64)
    whole[mesh.cortex] = labels
    turned = whole[nearest]
    cut = np.unique(turned[~mesh.cortex])
    return turned[mesh.cortex], cut[cut > 0]
