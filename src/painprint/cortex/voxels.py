"""Smoothing of voxels as sparse matrices, equivalent to Connectome Workbench."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array, eye_array, kron

from painprint.arrays import Codes, Matrix, Vector
from painprint.cortex.operators import REACH

Steps = tuple[csr_array, ...]

SHEARED = 1e-3
"""Cosine between two grid axes above which a grid counts as sheared."""


def make_voxel_smoothing(voxels: Codes, affine: Matrix, sigma_mm: float) -> Steps:
    """Separable Gaussian sums over voxels, one sparse matrix for each grid axis.

    The kernel extends along each axis to three standard deviations, and at least to the next
    voxel. To obtain means, divide by the same sums of ones.

    Parameters
    ----------
    voxels : ndarray of int, shape (n_voxels, 3)
        Grid indices of the voxels; all other voxels of the grid have no weight.
    affine : ndarray of shape (4, 4)
        From grid indices to mm.
    sigma_mm : float
        Standard deviation (mm).

    Returns
    -------
    steps : tuple of csr_array
        To be applied in this order; the first has n_voxels columns, the last as many rows.

    Notes
    -----
    As ``wb_command -cifti-smoothing`` within a structure (the maximum difference is tested in
    tests/test_cifti_smoothing.py).

    Raises
    ------
    ValueError
        If the standard deviation is not positive, or the grid is sheared.
    """
    if not sigma_mm > 0:
        raise ValueError(f"the standard deviation is {sigma_mm} mm; it must be positive.")
    width = grid_widths(affine)
    low = voxels.min(axis=0)
    shape = voxels.max(axis=0) - low + 1
    inside = np.ravel_multi_index(tuple((voxels - low).T), tuple(shape))
    x, y, z = (_along(int(n), w / sigma_mm) for n, w in zip(shape, width, strict=True))
    nx, ny, nz = map(int, shape)
    steps = (
        csr_array(kron(x, eye_array(ny * nz))),
        csr_array(kron(eye_array(nx), kron(y, eye_array(nz)))),
        csr_array(kron(eye_array(nx * ny), z)),
    )
    return (csr_array(steps[0][:, inside]), steps[1], csr_array(steps[2][inside]))


def grid_widths(affine: Matrix) -> Vector:
    """Voxel size (mm) along each grid axis.

    Raises
    ------
    ValueError
        If the grid is sheared.
    """
    directions = affine[:3, :3].T
    width = np.linalg.norm(directions, axis=1)
    with np.errstate(invalid="ignore"):
        cosine = np.abs(np.triu(directions @ directions.T / np.outer(width, width), 1)).max()
    if not cosine < SHEARED:
        raise ValueError(
            f"the directions of the voxels' grid are not at right angles (cosine {cosine:.2g})."
        )
    return np.asarray(width)


def _along(n: int, step: float) -> csr_array:
    """Gaussian weights along an axis whose voxels are ``step`` standard deviations wide: (n, n)."""
    distance = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    near = distance <= max(int(REACH / step), 1)
    return csr_array(np.where(near, np.exp(-((distance * step) ** 2) / 2), 0.0))
