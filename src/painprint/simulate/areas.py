"""Simulated hemispheres with planted areas."""

from __future__ import annotations

import numpy as np

from painprint.arrays import Codes
from painprint.cortex.mesh import Mesh
from painprint.cortex.sphere import make_sphere

WALL = 2786 / 32_492
"""Share of a hemisphere's vertices on the medial wall: 59,412 of two of fs_LR 32k remain."""
RADII_MM, MIDDLE_MM = (30.0, 85.0, 55.0), (33.0, -15.0, 15.0)
FOLDS = 0.06
"""Height of the folds, as a share of the radius."""

CANDIDATES = 40
"""Random vertices from which the one farthest from all centres becomes the next centre."""


def simulate_hemisphere(divisions: int, side: str) -> tuple[Mesh, Mesh]:
    """Simulate a folded and an inflated hemisphere: a bumpy ellipsoid with a medial wall.

    Parameters
    ----------
    divisions : int
        Of :func:`painprint.cortex.sphere.make_sphere`; 57 gives fs_LR's 32,492 vertices.
    side : {"L", "R"}
        The right one is the mirror image of the left.
    """
    ball, faces = make_sphere(divisions)
    to_middle = ball[:, 0]
    cortex = np.ones(len(ball), bool)
    cortex[np.argsort(-to_middle, kind="stable")[: round(WALL * len(ball))]] = False
    middle = np.array(MIDDLE_MM) * [-1, 1, 1]
    inflated = ball * RADII_MM + middle
    folds = 1 + FOLDS * np.sin(9 * ball).prod(axis=1, keepdims=True)
    folded = (inflated - middle) * folds + middle
    if side == "R":
        mirror, faces = np.array([-1, 1, 1]), faces[:, ::-1].copy()
        folded, inflated = folded * mirror, inflated * mirror
    return Mesh(folded, faces, cortex), Mesh(inflated, faces, cortex)


def plant_areas(mesh: Mesh, n_areas: int, rng: np.random.Generator) -> Codes:
    """Plant areas of similar size: each cortical vertex belongs to the nearest of the centres.

    Returns
    -------
    areas : ndarray of int, shape (n_cortex,)
        From 0.

    Raises
    ------
    ValueError
        If there are more areas than vertices.
    """
    vertex = np.flatnonzero(mesh.cortex)
    if n_areas > len(vertex):
        raise ValueError(f"{n_areas} areas are too many for {len(vertex)} vertices of cortex.")
    smallest = np.full(len(mesh.vertices), np.inf)
    area = np.zeros(len(mesh.vertices), np.int64)
    for number in range(n_areas):
        candidates = rng.choice(vertex, CANDIDATES)
        centre = candidates[smallest[candidates].argmax()] if number else candidates[0]
        distance = mesh.distances(np.array([centre]), np.inf).toarray()[0]
        nearer = distance < smallest
        smallest[nearer], area[nearer] = distance[nearer], number
    return np.unique(area[vertex], return_inverse=True)[1]
