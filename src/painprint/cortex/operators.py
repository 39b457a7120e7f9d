"""Gradient and smoothing on a mesh as sparse matrices, equivalent to Connectome Workbench."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array

from painprint.arrays import Codes, Matrix, short_repr
from painprint.cortex.mesh import Mesh

STEEP = 0.035
"""Out-of-plane share of a step to a neighbour above which its length is unrolled."""
REACH = 3.0
"""Radius of the smoothing kernel, in standard deviations."""
FEWEST = 7
"""A vertex with fewer vertices within reach, itself included, is smoothed over its neighbours."""


@short_repr
@dataclass(frozen=True, eq=False)
class Gradient:
    """Gradient along a mesh, in an arbitrary tangent basis at each vertex.

    Attributes
    ----------
    x, y : csr_array of shape (n_cortex, n_cortex)
        Map values at the cortical vertices to the components of the gradient (per mm).
    """

    x: csr_array
    y: csr_array

    def magnitude(self, values: Matrix) -> Matrix:
        """Gradient magnitude (per mm) of maps: (n_cortex,) or (n_cortex, n_maps)."""
        return np.hypot(self.x @ values, self.y @ values)


def make_gradient(mesh: Mesh) -> Gradient:
    """Gradient operator: least squares over each vertex's neighbours in cortex.

    Steps to neighbours are projected onto the tangent plane and rescaled to their unrolled
    length; differences of values are regressed on them and on an intercept, weighted by area. The
    vertex itself contributes to the intercept alone. With fewer than two neighbours the gradient
    is 0.

    Notes
    -----
    As ``wb_command -cifti-gradient`` without presmoothing (the maximum difference is tested in
    tests/test_cortex.py).
    """
    inside = mesh.adjacency[mesh.cortex][:, mesh.cortex].tocoo()
    vertex = np.flatnonzero(mesh.cortex)
    i, j = inside.row, inside.col
    n = len(vertex)
    centre, area = mesh.normals[vertex[i]], mesh.areas[vertex]
    step = mesh.vertices[vertex[j]] - mesh.vertices[vertex[i]]
    length = np.linalg.norm(step, axis=1)
    out = np.einsum("ij,ij->i", step, centre)
    steep = np.abs(out) > STEEP * length
    # arcsine unrolls the step; nearly flat steps are kept, which avoids 0/0
    share = np.clip(np.divide(out, length, where=steep, out=np.ones_like(out)), -1, 1)
    unrolled = np.where(steep, length * np.arcsin(share) / share, length)
    flat = step - out[:, None] * centre
    flat *= (unrolled / np.maximum(np.linalg.norm(flat, axis=1), 1e-30))[:, None]
    along = [np.einsum("ij,ij->i", flat, tangent[i]) for tangent in _tangents(mesh.normals[vertex])]
    row = np.column_stack([*along, np.ones(len(i))])
    normal = np.zeros((n, 3, 3))
    np.add.at(normal, i, area[j][:, None, None] * row[:, :, None] * row[:, None, :])
    normal[:, 2, 2] += area  # the vertex itself: a step of zero
    enough = np.bincount(i, minlength=n) >= 2
    normal[~enough] = np.eye(3)
    weights = np.einsum("nab,nb->na", np.linalg.inv(normal)[i], area[j][:, None] * row)
    weights[~enough[i]] = 0.0
    slopes = []
    for k in range(2):
        diagonal = -np.bincount(i, weights=weights[:, k], minlength=n)
        ends = (np.concatenate([i, np.arange(n)]), np.concatenate([j, np.arange(n)]))
        slopes.append(csr_array((np.concatenate([weights[:, k], diagonal]), ends), shape=(n, n)))
    return Gradient(*slopes)


def _tangents(normals: Matrix) -> tuple[Matrix, Matrix]:
    """Orthonormal tangent vectors of each normal."""
    axis = np.eye(3)[np.abs(normals).argmin(axis=1)]  # the axis farthest from the normal
    first = np.cross(normals, axis)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return first, np.cross(normals, first)


def make_smoothing(mesh: Mesh, sigma_mm: float) -> csr_array:
    """Geodesic Gaussian smoothing along a mesh, with weights that preserve area.

    Each vertex distributes its area over all vertices within three standard deviations (or, where
    these are fewer than seven, over its neighbours and itself) in proportion to a Gaussian of the
    geodesic distance times the area of the receiving vertex. Weights that fall on the medial wall
    are dropped. Each cortical vertex takes the mean of the values, by the weights it receives.

    Parameters
    ----------
    sigma_mm : float
        Standard deviation (mm); the FWHM is 2.3548 times as large.

    Returns
    -------
    smoothing : csr_array of shape (n_cortex, n_cortex)
        Rows sum to 1.

    Notes
    -----
    As ``wb_command -cifti-smoothing`` on surfaces (the maximum difference is tested in
    tests/test_cortex.py).

    Raises
    ------
    ValueError
        If the standard deviation is not positive.
    """
    if not sigma_mm > 0:
        raise ValueError(f"the standard deviation is {sigma_mm} mm; it must be positive.")
    vertex = np.flatnonzero(mesh.cortex)
    n = len(vertex)
    distance = _neighbours_where_few(mesh.distances(vertex, REACH * sigma_mm), mesh, vertex)
    weight = np.exp(-(distance.data**2) / (2 * sigma_mm**2)) * mesh.areas[distance.col]
    total = np.bincount(distance.row, weights=weight, minlength=n)
    weight *= (mesh.areas[vertex] / total)[distance.row]
    index_of_vertex = np.full(len(mesh.vertices), -1)
    index_of_vertex[vertex] = np.arange(n)
    kept = mesh.cortex[distance.col]
    # transposed: rows receive, columns give
    ends = (index_of_vertex[distance.col[kept]], distance.row[kept])
    received = csr_array((weight[kept], ends), shape=(n, n))
    return csr_array(received.multiply(1 / received.sum(axis=1)[:, None]))


def _neighbours_where_few(reach: csr_array, mesh: Mesh, vertex: Codes) -> coo_array:
    """Distances within reach; where these are few, those to neighbours and the vertex itself."""
    within = reach.tocoo()
    few = np.flatnonzero(np.diff(reach.indptr) < FEWEST)
    if not len(few):
        return within
    near = mesh.distances(vertex[few], float(mesh.paths.data.max())).tocoo()
    beside = np.asarray(mesh.adjacency[vertex[few]][near.row, near.col]).ravel() > 0
    beside |= near.col == vertex[few][near.row]
    enough = ~np.isin(within.row, few)
    rows = np.concatenate([within.row[enough], few[near.row[beside]]])
    columns = np.concatenate([within.col[enough], near.col[beside]])
    distances = np.concatenate([within.data[enough], near.data[beside]])
    return coo_array((distances, (rows, columns)), shape=reach.shape)
