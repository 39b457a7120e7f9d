"""A hemisphere and areas on it, for simulations."""

from __future__ import annotations

import numpy as np

from painprint.arrays import Codes
from painprint.cortex.mesh import Mesh
from painprint.cortex.sphere import make_sphere

WALL = 2786 / 32_492
"""Share of a hemisphere's vertices that is medial wall: two of fs_LR's size have 59,412 points."""
RADII_MM, MIDDLE_MM = (30.0, 85.0, 55.0), (33.0, -15.0, 15.0)
FOLDS = 0.06
"""Height of the folds, as a share of the radius."""

CANDIDATES = 40
"""Among so many random points the one that lies farthest from all centres becomes the next."""


def simulate_hemisphere(divisions: int, side: str) -> tuple[Mesh, Mesh]:
    """A folded hemisphere and the same inflated: a bumpy ellipsoid with a medial wall.

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
    inflated = ball * RADII_MM + np.array(MIDDLE_MM) * [-1, 1, 1]
    folds = 1 + FOLDS * np.sin(9 * ball).prod(axis=1, keepdims=True)
    folded = (inflated - np.array(MIDDLE_MM) * [-1, 1, 1]) * folds + np.array(MIDDLE_MM) * [
        -1,
        1,
        1,
    ]
    if side == "R":
        mirror, faces = np.array([-1, 1, 1]), faces[:, ::-1].copy()
        folded, inflated = folded * mirror, inflated * mirror
    return Mesh(folded, faces, cortex), Mesh(inflated, faces, cortex)


def plant_areas(mesh: Mesh, n_areas: int, rng: np.random.Generator) -> Codes:
    """Areas of similar size: each point of cortex belongs to the nearest of some centres.

    Returns
    -------
    areas : ndarray of int, shape (n_cortex,)
        From 0.

    Raises
    ------
    ValueError
        If there are more areas than points.
    """
    place = np.flatnonzero(mesh.cortex)
    if n_areas > len(place):
        raise ValueError(f"{n_areas} areas are too many for {len(place)} points of cortex.")
    best = np.full(len(mesh.vertices), np.inf)
    own = np.zeros(len(mesh.vertices), np.int64)
    for number in range(n_areas):
        some = rng.choice(place, CANDIDATES)
        centre = some[best[some].argmax()] if number else some[0]
        away = mesh.distances(np.array([centre]), np.inf).toarray()[0]
        nearer = away < best
        best[nearer], own[nearer] = away[nearer], number
    return np.unique(own[place], return_inverse=True)[1]
