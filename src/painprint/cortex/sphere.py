"""Triangulated spheres, from which surfaces are simulated."""

from __future__ import annotations

import numpy as np

from painprint.arrays import Codes, Matrix


def make_sphere(divisions: int) -> tuple[Matrix, Codes]:
    """Subdivided icosahedron of 10 n² + 2 vertices on the unit sphere.

    Parameters
    ----------
    divisions : int
        57 gives the 32,492 vertices of fs_LR 32k.

    Returns
    -------
    vertices : ndarray of shape (n_vertices, 3)
        Unit vectors.
    faces : ndarray of int, shape (n_faces, 3)
        Counterclockwise seen from outside.
    """
    n, golden = divisions, (1 + 5**0.5) / 2
    signs = [(a, b * golden) for a in (-1, 1) for b in (-1, 1)]
    corners = np.array(
        [(0, a, b) for a, b in signs]
        + [(a, b, 0) for a, b in signs]
        + [(b, 0, a) for a, b in signs]
    )
    near = np.isclose(np.linalg.norm(corners[:, None] - corners, axis=2), 2)
    triples = [
        (i, j, k)
        for i in range(12)
        for j in range(i)
        for k in range(j)
        if near[i, j] and near[j, k] and near[i, k]
    ]
    index: dict[tuple[float, ...], int] = {}
    corner_indices = []
    for triple in triples:
        a, b, c = corners[list(triple)]
        grid = {}
        for i in range(n + 1):
            for j in range(n + 1 - i):
                point = (a * (n - i - j) + b * i + c * j) / n
                key = tuple(float(x) for x in np.round(point, 9) + 0.0)
                grid[i, j] = index.setdefault(key, len(index))
        for i in range(n):
            for j in range(n - i):
                corner_indices.append((grid[i, j], grid[i + 1, j], grid[i, j + 1]))
                if i + j < n - 1:
                    corner_indices.append((grid[i + 1, j], grid[i + 1, j + 1], grid[i, j + 1]))
    points, faces = np.array(list(index)), np.array(corner_indices, dtype=np.int64)
    a, b, c = (points[faces[:, corner]] for corner in range(3))
    inwards = np.einsum("ij,ij->i", np.cross(b - a, c - a), a) < 0
    faces[inwards] = faces[inwards][:, ::-1]
    return points / np.linalg.norm(points, axis=1, keepdims=True), faces
