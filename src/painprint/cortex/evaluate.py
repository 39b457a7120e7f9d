"""Evaluation of parcellations: homogeneity, its spin test, and agreement of two parcellations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array

from painprint.arrays import Codes, Matrix, Single, Vector, short_repr
from painprint.cortex.hemispheres import Cortex, members
from painprint.cortex.settings import N_ROTATIONS
from painprint.cortex.sphere_map import map_to_sphere, rotate
from painprint.progress import OnStep, count_steps

FEWEST_POINTS = 2
"""The homogeneity of a single vertex is trivially 1."""


def homogeneity(features: Single, labels: Codes) -> Vector:
    """Homogeneity of connectivity in each area: (n_areas,), NaN with fewer than two vertices.

    The share of the variance of the vertices' connectivity maps that is explained by their first
    principal component.

    Parameters
    ----------
    features : ndarray of shape (n_points, rank)
        Unit rows; inner products are the similarity of connectivity maps
        (:class:`painprint.cortex.similarity.LinearSimilarity`). Zero rows are excluded.
    labels : ndarray of int, shape (n_points,)
        From 1; below 1 is none.

    References
    ----------
    Gordon et al. (2016), doi 10.1093/cercor/bhu239
    """
    shares = []
    for points in members(np.maximum(labels, 0)):
        rows = features[points]
        rows = rows[np.einsum("ij,ij->i", rows, rows) > 0]
        if len(rows) < FEWEST_POINTS:
            shares.append(np.nan)
            continue
        # both products have the same largest eigenvalue, and unit rows the trace len(rows)
        gram = rows @ rows.T if len(rows) <= rows.shape[1] else rows.T @ rows
        shares.append(float(np.linalg.eigvalsh(gram.astype(float))[-1] / len(rows)))
    return np.array(shares)


@short_repr
@dataclass(frozen=True, eq=False)
class Homogeneity:
    """Homogeneity of areas, and of the same areas rotated at random (spin test).

    Attributes
    ----------
    of_area : ndarray of shape (n_areas,)
    of_rotated : ndarray of shape (n_rotations, n_areas)
        NaN where a rotated area overlaps the medial wall.
    """

    of_area: Vector
    of_rotated: Matrix

    @property
    def tested(self) -> NDArray[np.bool_]:
        """Areas that avoid the medial wall in at least one rotation: (n_areas,)."""
        return np.isfinite(self.of_area) & np.isfinite(self.of_rotated).any(axis=0)

    @property
    def observed(self) -> float:
        """Mean homogeneity of the tested areas."""
        return float(self.of_area[self.tested].mean())

    @property
    def null(self) -> Vector:
        """Mean homogeneity of the tested areas in each rotation.

        An area on the medial wall is replaced by its mean over the other rotations. An area on
        the wall in every rotation is not tested, and excluded here and from ``observed``.
        """
        rotated = self.of_rotated[:, self.tested]
        mean_of_area = np.nanmean(rotated, axis=0)
        return np.asarray(np.where(np.isfinite(rotated), rotated, mean_of_area).mean(axis=1))

    @property
    def z(self) -> float:
        """Observed homogeneity in standard deviations from the mean of the null."""
        null = self.null
        sd = null.std(ddof=1)
        return float((self.observed - null.mean()) / sd) if sd > 0 else float("nan")

    @property
    def p(self) -> float:
        """One-sided p value; the unrotated areas count as one member of the null."""
        null = self.null
        return float((1 + (null >= self.observed).sum()) / (1 + len(null)))

    @property
    def share_on_wall(self) -> float:
        """Share of rotated areas that overlap the medial wall."""
        counted = np.isfinite(self.of_area)
        return float(np.isnan(self.of_rotated[:, counted]).mean())


def compare_with_rotated(
    features: Single,
    labels: Codes,
    cortex: Cortex,
    *,
    n_rotations: int = N_ROTATIONS,
    random_seed: int = 0,
    on_step: OnStep | None = None,
) -> Homogeneity:
    """Spin test of homogeneity: compare areas with the same areas rotated on the sphere.

    Rotation nearly preserves size, shape and adjacency. A rotated area that overlaps the medial
    wall is not counted in that rotation: see :attr:`Homogeneity.null`. Features and labels are as
    for :func:`homogeneity`.

    Raises
    ------
    ValueError
        If a mesh cannot be mapped to a sphere.
    """
    spheres = {side: map_to_sphere(mesh) for side, mesh in cortex.meshes.items()}
    n_areas = int(labels.max())
    rng = np.random.default_rng(random_seed)
    of_rotated = np.full((n_rotations, n_areas), np.nan)
    step = count_steps(on_step, n_rotations)
    for row in of_rotated:
        rotated, on_wall = np.zeros_like(labels), []
        for side, mesh in cortex.meshes.items():
            part = cortex.parts[side]
            rotated[part], cut = rotate(spheres[side], mesh, labels[part], rng)
            on_wall.append(cut)
        values = homogeneity(features, rotated)
        row[: len(values)] = values  # fewer if the last areas lie on the wall
        row[np.concatenate(on_wall) - 1] = np.nan
        step()
    return Homogeneity(homogeneity(features, labels), of_rotated)


@dataclass(frozen=True)
class Agreement:
    """Agreement of two parcellations of the same vertices.

    Attributes
    ----------
    dice : float
        Median Dice coefficient of the areas of the first with their matched areas in the second,
        0 without one. Areas are matched one to one such that the shared vertices are most.
    dice_inside : float
        The same over vertices that have an area in both, so without the effect of borders.
    ari : float
        Adjusted Rand index, over vertices that have an area in both.
    share_both, share_neither : float
        Shares of vertices with an area in both, and in neither.
    """

    n_areas: tuple[int, int]
    dice: float
    dice_inside: float
    ari: float
    share_both: float
    share_neither: float


def compare(first: Codes, second: Codes) -> Agreement:
    """Agreement of two parcellations.

    Parameters
    ----------
    first, second : ndarray of int, shape (n_points,)
        From 1; 0 is none.
    """
    from sklearn.metrics import adjusted_rand_score

    both = (first > 0) & (second > 0)
    inside = _matched(first * both, second * both)
    # areas without a shared vertex count as 0
    inside = np.pad(inside, (0, max(0, int(first.max()) - len(inside))))[_present(first)]
    neither = (first == 0) & (second == 0)
    return Agreement(
        n_areas=(len(_present(first)), len(_present(second))),
        dice=float(np.median(matched_dice(first, second))),
        dice_inside=float(np.median(inside)) if len(inside) else 0.0,
        ari=float(adjusted_rand_score(first[both], second[both])) if both.any() else 0.0,
        share_both=float(both.mean()),
        share_neither=float(neither.mean()),
    )


def matched_dice(first: Codes, second: Codes) -> Vector:
    """Dice coefficient of each area of the first with its match in the second: (n_areas,)."""
    present = _present(first)
    return _matched(first, second)[present] if len(present) else np.zeros(1)


def _present(labels: Codes) -> Codes:
    """Indices of the areas that have a vertex, from 0."""
    return np.unique(labels[labels > 0]) - 1


def _matched(first: Codes, second: Codes) -> Vector:
    """The same by label from 1 to the highest; 0 for labels that do not occur."""
    n, m = int(first.max()), int(second.max())
    if not n or not m:
        return np.zeros(max(n, 1))
    both = (first > 0) & (second > 0)
    shared = coo_array(
        (np.ones(int(both.sum())), (first[both] - 1, second[both] - 1)), shape=(n, m)
    ).toarray()
    rows, columns = linear_sum_assignment(-shared)
    sizes = np.bincount(first, minlength=n + 1)[1:], np.bincount(second, minlength=m + 1)[1:]
    dice = np.zeros(n)
    dice[rows] = 2 * shared[rows, columns] / np.maximum(sizes[0][rows] + sizes[1][columns], 1)
    return dice
