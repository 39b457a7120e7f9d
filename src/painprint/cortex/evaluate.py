"""How good areas are: alike within, more so than areas turned elsewhere, and found again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array

from painprint.arrays import Codes, Matrix, Single, Vector
from painprint.cortex.hemispheres import Cortex, members
from painprint.cortex.settings import N_TURNS
from painprint.cortex.sphere_map import lay_on_sphere, turn
from painprint.progress import OnStep, count_steps

FEWEST_POINTS = 2
"""An area of one point is alike by itself, which says nothing."""


def homogeneity(features: Single, labels: Codes) -> Vector:
    """How alike the connectivity of an area's points is: (n_areas,), NaN below two points.

    The share of the variance of its points' connectivity maps that their first principal
    component holds.

    Parameters
    ----------
    features : ndarray of shape (n_points, rank)
        Of length 1; inner products are the similarity of connectivity maps
        (:class:`painprint.cortex.similarity.LinearSimilarity`).
    labels : ndarray of int, shape (n_points,)
        From 1; below 1 is none.

    References
    ----------
    Gordon et al. (2016), doi 10.1093/cercor/bhu239
    """
    found = []
    for points in members(np.maximum(labels, 0)):
        rows = features[points]
        rows = rows[np.einsum("ij,ij->i", rows, rows) > 0]
        if len(rows) < FEWEST_POINTS:
            found.append(np.nan)
            continue
        small = rows @ rows.T if len(rows) <= rows.shape[1] else rows.T @ rows
        found.append(float(np.linalg.eigvalsh(small.astype(float))[-1] / len(rows)))
    return np.array(found)


@dataclass(frozen=True, eq=False)
class Homogeneity:
    """Homogeneity of areas beside that of the same areas turned at random.

    Attributes
    ----------
    of_area : ndarray of shape (n_areas,)
    of_turned : ndarray of shape (n_turns, n_areas)
        NaN where an area met the medial wall.
    """

    of_area: Vector
    of_turned: Matrix

    @property
    def tested(self) -> NDArray[np.bool_]:
        """Areas that did not meet the medial wall in some turn at least: (n_areas,)."""
        return np.isfinite(self.of_area) & np.isfinite(self.of_turned).any(axis=0)

    @property
    def observed(self) -> float:
        """Mean over the areas that were tested."""
        return float(self.of_area[self.tested].mean())

    @property
    def null(self) -> Vector:
        """Mean over areas of each turn; an area on the medial wall has its mean over other turns.

        An area that met the wall in every turn is not tested, and counts neither here nor in
        ``observed``.
        """
        turned = self.of_turned[:, self.tested]
        usual = np.nanmean(turned, axis=0)
        return np.asarray(np.where(np.isfinite(turned), turned, usual).mean(axis=1))

    @property
    def z(self) -> float:
        """Standard deviations of the null by which the areas are above it."""
        null = self.null
        sd = null.std(ddof=1)
        return float((self.observed - null.mean()) / sd) if sd > 0 else float("nan")

    @property
    def p(self) -> float:
        """Share of turns at least as homogeneous, the areas themselves counted."""
        null = self.null
        return float((1 + (null >= self.observed).sum()) / (1 + len(null)))

    @property
    def share_on_wall(self) -> float:
        """Share of turned areas that met the medial wall."""
        counted = np.isfinite(self.of_area)
        return float(np.isnan(self.of_turned[:, counted]).mean())


def compare_with_turned(
    features: Single,
    labels: Codes,
    cortex: Cortex,
    *,
    n_turns: int = N_TURNS,
    random_seed: int = 0,
    on_step: OnStep | None = None,
) -> Homogeneity:
    """Compare areas with themselves, turned about the sphere.

    Sizes, shapes and neighbours stay nearly the same. An area of which a part comes to lie on the
    medial wall does not count in that turn: see :attr:`Homogeneity.null`.

    Parameters
    ----------
    features : ndarray of shape (n_points, rank)
    labels : ndarray of int, shape (n_points,)

    Raises
    ------
    ValueError
        If a mesh cannot be laid on a sphere.
    """
    spheres = {side: lay_on_sphere(mesh) for side, mesh in cortex.meshes.items()}
    n_areas = int(labels.max())
    rng = np.random.default_rng(random_seed)
    of_turned = np.full((n_turns, n_areas), np.nan)
    step = count_steps(on_step, n_turns)
    for one in range(n_turns):
        turned, cut = np.zeros_like(labels), []
        for side, mesh in cortex.meshes.items():
            part = cortex.parts[side]
            turned[part], on_wall = turn(spheres[side], mesh, labels[part], rng)
            cut.append(on_wall)
        found = homogeneity(features, turned)
        of_turned[one, : len(found)] = found
        of_turned[one, np.concatenate(cut) - 1] = np.nan
        step()
    return Homogeneity(homogeneity(features, labels), of_turned)


@dataclass(frozen=True)
class Agreement:
    """How well two parcellations of the same points agree.

    Attributes
    ----------
    dice : float
        Median over the areas of the first: Dice coefficient with its partner; pairs are chosen
        one to one so that they share most points. 0 for an area without a partner.
    dice_inside : float
        The same over points that have an area in both: what borders take away does not count.
    ari : float
        Adjusted Rand index, over points that have an area in both.
    share_both, share_neither : float
        Shares of points with an area in both, and in neither.
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
    own = np.unique(first[first > 0]) - 1  # those without a common point count as 0
    neither = (first == 0) & (second == 0)
    return Agreement(
        n_areas=(len(np.unique(first[first > 0])), len(np.unique(second[second > 0]))),
        dice=float(np.median(matched_dice(first, second))),
        dice_inside=float(np.median(_inside(first, both, second)[own])) if len(own) else 0.0,
        ari=float(adjusted_rand_score(first[both], second[both])) if both.any() else 0.0,
        share_both=float(both.mean()),
        share_neither=float(neither.mean()),
    )


def _inside(first: Codes, both: NDArray[np.bool_], second: Codes) -> Vector:
    """Dice coefficients over common points, by label from 1 to the first's highest."""
    found = np.zeros(int(first.max()))
    known = _matched(first * both, second * both)
    found[: len(known)] = known[: len(found)]
    return found


def matched_dice(first: Codes, second: Codes) -> Vector:
    """Dice coefficient of each area of the first with its partner in the second: (n_areas,)."""
    own = np.unique(first[first > 0]) - 1
    return _matched(first, second)[own] if len(own) else np.zeros(1)


def _matched(first: Codes, second: Codes) -> Vector:
    """The same by label from 1 to the highest; 0 for labels that nothing has."""
    n, m = int(first.max()), int(second.max())
    if not n or not m:
        return np.zeros(max(n, 1))
    both = (first > 0) & (second > 0)
    shared = coo_array(
        (np.ones(int(both.sum())), (first[both] - 1, second[both] - 1)), shape=(n, m)
    ).toarray()
    rows, columns = linear_sum_assignment(-shared)
    sizes = np.bincount(first, minlength=n + 1)[1:], np.bincount(second, minlength=m + 1)[1:]
    found = np.zeros(n)
    found[rows] = 2 * shared[rows, columns] / np.maximum(sizes[0][rows] + sizes[1][columns], 1)
    return found
