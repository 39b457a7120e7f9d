"""Gradient and smoothing on a mesh, as sparse matrices that match Connectome Workbench."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from painprint.arrays import Matrix
from painprint.cortex.mesh import Mesh

STEEP = 0.035
"""Share of a step that must leave the tangent plane for its length to be unrolled."""
REACH = 3.0
"""Standard deviations beyond which a vertex no longer counts in smoothing."""
FEWEST = 7
"""A vertex with fewer within reach, itself included, gives to its neighbours instead."""


@dataclass(frozen=True, eq=False)
class Gradient:
    """The gradient along a mesh, in some tangent basis of each vertex.

    Attributes
    ----------
    x, y : csr_array of shape (n_cortex, n_cortex)
        Slopes (per mm) from values of the vertices of cortex.
    """

    x: csr_array
    y: csr_array

    def magnitude(self, values: Matrix) -> Matrix:
        """Steepness (per mm) of maps: (n_cortex,) or (n_cortex, n_maps)."""
        return np.hypot(self.x @ values, self.y @ values)


def make_gradient(mesh: Mesh) -> Gradient:
    """The gradient as least squares over each vertex's neighbours in cortex.

    Steps to neighbours are laid into the tangent plane with their unrolled length, and their
    differences regressed on them and on an intercept, weighted by area; the vertex itself
    weights the intercept alone. A vertex with fewer than two neighbours has gradient 0.

    Notes
    -----
    As ``wb_command -cifti-gradient`` without presmoothing (its maximum error is in
    tests/test_cortex.py).
    """
    inside = mesh.adjacency[mesh.cortex][:, mesh.cortex].tocoo()
    place = np.flatnonzero(mesh.cortex)
    i, j = inside.row, inside.col
    n = len(place)
    centre, area = mesh.normals[place[i]], mesh.areas[place]
    step = mesh.vertices[place[j]] - mesh.vertices[place[i]]
    length = np.linalg.norm(step, axis=1)
    out = np.einsum("ij,ij->i", step, centre)
    steep = np.abs(out) > STEEP * length
    share = np.clip(np.divide(out, length, where=steep, out=np.ones_like(out)), -1, 1)
    unrolled = np.where(steep, length * np.arcsin(share) / share, length)
    flat = step - out[:, None] * centre
    flat *= (unrolled / np.maximum(np.linalg.norm(flat, axis=1), 1e-30))[:, None]
    first, second = _tangents(mesh.normals[place])
    row = np.stack(
        [
            np.einsum("ij,ij->i", flat, first[i]),
            np.einsum("ij,ij->i", flat, second[i]),
            np.ones(len(i)),
        ],
        axis=1,
    )
    normal = np.zeros((n, 3, 3))
    np.add.at(normal, i, area[j][:, None, None] * row[:, :, None] * row[:, None, :])
    normal[:, 2, 2] += area
    enough = np.bincount(i, minlength=n) >= 2
    normal[~enough] = np.eye(3)
    weights = np.einsum("nab,nb->na", np.linalg.inv(normal)[i], area[j][:, None] * row)
    weights[~enough[i]] = 0.0
    slopes = []
    for k in range(2):
        own = -np.bincount(i, weights=weights[:, k], minlength=n)
        ends = (np.concatenate([i, np.arange(n)]), np.concatenate([j, np.arange(n)]))
        slopes.append(csr_array((np.concatenate([weights[:, k], own]), ends), shape=(n, n)))
    return Gradient(*slopes)


def _tangents(normals: Matrix) -> tuple[Matrix, Matrix]:
    """Two directions at right angles to each normal and to each other."""
    away = np.eye(3)[np.abs(normals).argmin(axis=1)]
    first = np.cross(normals, away)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return first, np.cross(normals, first)


def make_smoothing(mesh: Mesh, sigma_mm: float) -> csr_array:
    """Gaussian smoothing along a mesh that keeps totals over area.

    Every vertex gives its area away by a Gaussian of geodesic distance times the receivers'
    areas, over all vertices within three standard deviations, or, where these are fewer than
    seven, over its neighbours and itself; what the medial wall would get is lost; each vertex of
    cortex takes the mean of what it is given.

    Parameters
    ----------
    sigma_mm : float
        Standard deviation; FWHM is 2.3548 times as wide.

    Returns
    -------
    smoothing : csr_array of shape (n_cortex, n_cortex)
        Rows sum to 1.

    Notes
    -----
    As ``wb_command -cifti-smoothing`` on surfaces (its maximum error is in tests/test_cortex.py).

    Raises
    ------
    ValueError
        If the standard deviation is not positive.
    """
    if not sigma_mm > 0:
        raise ValueError(f"the standard deviation is {sigma_mm} mm; it must be positive.")
    place = np.flatnonzero(mesh.cortex)
    reach = mesh.distances(place, REACH * sigma_mm)
    given = _neighbours_where_few(reach, mesh, place)
    weight = np.exp(-(given.data**2) / (2 * sigma_mm**2)) * mesh.areas[given.col]
    total = np.bincount(given.row, weights=weight, minlength=len(place))
    weight *= (mesh.areas[place] / total)[given.row]
    number = np.full(len(mesh.vertices), -1)
    number[place] = np.arange(len(place))
    kept = mesh.cortex[given.col]
    taken = csr_array(
        (weight[kept], (number[given.col[kept]], given.row[kept])), shape=(len(place), len(place))
    )
    return csr_array(taken.multiply(1 / taken.sum(axis=1)[:, None]))


def _neighbours_where_few(reach: csr_array, mesh: Mesh, place: NDArray[np.int64]) -> coo_array:
    """Distances within reach; where these are few, those of neighbours and the vertex itself."""
    within = reach.tocoo()
    few = np.flatnonzero(np.diff(reach.indptr) < FEWEST)
    if not len(few):
        return within
    near = mesh.distances(place[few], float(mesh.paths.data.max())).tocoo()
    beside = np.asarray(mesh.adjacency[place[few]][near.row, near.col]).ravel() > 0
    beside |= near.col == place[few][near.row]
    enough = ~np.isin(within.row, few)
    rows = np.concatenate([within.row[enough], few[near.row[beside]]])
    columns = np.concatenate([within.col[enough], near.col[beside]])
    away = np.concatenate([within.data[enough], near.data[beside]])
    return coo_array((away, (rows, columns)), shape=reach.shape)
