"""Nested leave-one-group-out for many ratings of the same rows: one eigendecomposition each.

Eigenvectors of a training set do not depend on the ratings. So the nested fits of a thousand
permuted ratings share them, and differ in their projections and in what is sorted and summed.
Every rating goes through what :func:`~painprint.decode.crossval.nested_leave_one_out` does to
one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from painprint.arrays import Codes, Matrix, Vector
from painprint.compiled import kernel
from painprint.decode.errors import NotEnoughData
from painprint.decode.lasso_pcr import EPS, LassoRules, center_cross, eigenvectors
from painprint.decode.model import ManyFits, check_groups
from painprint.parallel import map_ordered
from painprint.progress import OnStep, count_steps

MOMENTS_BYTES = 1.2e9
"""Sums over inner predictions that nested fits of many ratings hold at once."""


def nested_for_many(
    K: Matrix,
    Y: Matrix,
    groups: Codes,
    rules: LassoRules,
    *,
    cross: Matrix | None = None,
    cross_groups: Codes | None = None,
    n_jobs: int = 1,
    on_step: OnStep | None = None,
) -> ManyFits:
    """Leave each group out, choose λ inside, for every column of ratings.

    Parameters
    ----------
    K : ndarray of shape (n_rows, n_rows)
    Y : ndarray of shape (n_rows, n_ratings)
        A rating per column.
    groups, rules, n_jobs, on_step
        As for :func:`~painprint.decode.crossval.nested_leave_one_out`.
    cross : ndarray of shape (n_tested, n_rows), optional
        Inner products of the rows to predict with the training rows. Default: K.
    cross_groups : ndarray of int, shape (n_tested,), optional
        Group of each of these. Default: groups.

    Raises
    ------
    NotEnoughData
        With fewer than 3 groups, or a rating that never varies in a training set.

    References
    ----------
    docs/methods.md
    """
    n_groups = int(groups.max()) + 1
    check_groups(n_groups, 0)
    if cross is None or cross_groups is None:
        cross, cross_groups = K, groups
    at_once = max(1, int(MOMENTS_BYTES / (8 * 4 * n_groups * len(K))))
    parts = [Y[:, i : i + at_once] for i in range(0, Y.shape[1], at_once)]
    step = count_steps(on_step, len(parts) * (n_groups * (n_groups + 1) // 2))
    rows = _Rows(K, groups, rules, cross, cross_groups)
    fits = [_nested(rows, part, n_jobs, step) for part in parts]
    return ManyFits(
        *(
            np.concatenate([getattr(fit, name) for fit in fits], axis=1)
            for name in ("held_out", "training_mean", "dof", "inner_score")
        )
    )


@dataclass(frozen=True, eq=False)
class _Rows:
    K: Matrix
    groups: Codes
    rules: LassoRules
    cross: Matrix
    cross_groups: Codes

    def tested(self, g: int) -> Codes:
        return np.flatnonzero(self.cross_groups == g)

    def of(self, g: int) -> Codes:
        return np.flatnonzero(self.groups == g)

    def project(self, Y: Matrix, left_out: tuple[int, ...]) -> _Projection:
        """Components of the rows without some groups, and every rating's share in them.

        Of one group left out, the rows to predict are scored; of two, their training rows.
        """
        train = np.flatnonzero(~np.isin(self.groups, left_out))
        values, vectors = eigenvectors(
            self.K[np.ix_(train, train)], keep=self.rules.keep, n_edges=self.rules.n_edges
        )
        means = self.K[np.ix_(train, train)].mean(axis=0)
        if len(left_out) == 1:
            tests = [self.cross[np.ix_(self.tested(g), train)] for g in left_out]
        else:
            tests = [self.K[np.ix_(self.of(g), train)] for g in left_out]
        y_mean = Y[train].mean(axis=0)
        a = (Y[train] - y_mean).T @ vectors  # (n_ratings, n_components)
        return _Projection(
            a=a,
            c=np.abs(a) / np.sqrt(len(train)),
            y_mean=y_mean,
            scores=[
                np.ascontiguousarray(((center_cross(t, means) @ vectors) / values).T) for t in tests
            ],
        )


@dataclass(frozen=True, eq=False)
class _Projection:
    """One training set: a and c of each rating, and scores / w of the groups left out."""

    a: Matrix
    c: Matrix
    y_mean: Vector
    scores: list[Matrix]


def _nested(rows: _Rows, Y: Matrix, n_jobs: int, step: Callable[[], None]) -> ManyFits:
    n_groups = int(rows.groups.max()) + 1
    left_out: list[tuple[int, ...]] = [(k,) for k in range(n_groups)]
    if rows.rules.grid == "all":
        left_out.append(())
    jobs_of_outer = ((Y, out) for out in left_out)
    outer = list(map_ordered(rows.project, jobs_of_outer, n_jobs=n_jobs, large=True))
    grids = [_grids(fit.c) for fit in outer]
    if rows.rules.grid == "all":
        grids, outer = [grids.pop()] * n_groups, outer[:-1]
    for _ in range(n_groups):
        step()

    shift = Y.mean(axis=0)
    sums = [np.zeros((*g.shape, 3)) for g in grids]
    pairs = list(combinations(range(n_groups), 2))
    jobs = ((rows, Y, shift, k, j, grids[k], grids[j]) for k, j in pairs)
    for (k, j), (of_j, of_k) in zip(
        pairs, map_ordered(_inner_sums, jobs, n_jobs=n_jobs, large=True), strict=True
    ):
        sums[k] += of_j
        sums[j] += of_k
        step()

    held_out = np.empty((len(rows.cross), Y.shape[1]))
    training_mean = np.empty((n_groups, Y.shape[1]))
    n_components = np.empty((n_groups, Y.shape[1]), np.int64)
    inner_r = np.empty((n_groups, Y.shape[1]))
    for k, fit in enumerate(outer):
        path_r = _r_from_sums(sums[k], Y[rows.groups != k] - shift)
        if np.isnan(path_r).all(axis=1).any():
            raise NotEnoughData(
                "no model predicts anything but a constant for some permuted rating."
            )
        best = np.nanargmax(path_r, axis=1)
        inner_r[k] = path_r[np.arange(len(best)), best]
        if rows.rules.grid == "all":
            chosen = grids[k][np.arange(len(best)), best]
            n_components[k] = (fit.c > chosen[:, None]).sum(axis=1)
        else:
            n_components[k] = fit.c.shape[1] - 1 - best
        held_out[rows.tested(k)] = _predict(
            fit.a, fit.c, fit.y_mean, fit.scores[0], n_components[k]
        ).T
        training_mean[k] = fit.y_mean
    return ManyFits(held_out, training_mean, n_components.astype(float), inner_r)


def _grids(c: Matrix) -> Matrix:
    """Per rating, the penalties of :func:`~painprint.decode.lasso_pcr.penalty_grid`."""
    return np.sort(c, axis=1)[:, :-1] * (1 + EPS)


def _inner_sums(
    rows: _Rows, Y: Matrix, shift: Vector, k: int, j: int, grid_k: Matrix, grid_j: Matrix
) -> tuple[Matrix, Matrix]:
    """One fit without k and j: sums over the rows of j for the fold k, and of k for the fold j."""
    fit = rows.project(Y, (j, k))
    of_j, of_k = (
        _sum_path(
            fit.a,
            fit.c,
            fit.y_mean - shift,
            scores,
            np.ascontiguousarray((Y[rows.of(g)] - shift).T),
            grid,
        )
        for g, scores, grid in zip((j, k), fit.scores, (grid_k, grid_j), strict=True)
    )
    return of_j, of_k


@kernel(nogil=True)
def _sum_path(a, c, start, scores, y, grid):  # type: ignore[no-untyped-def] # pragma: no cover
    """Σ p, Σ p², Σ p·y of the predictions p at each penalty: (n_ratings, n_penalties, 3)."""
    n_ratings, n_components = a.shape
    n_rows, n_penalties = y.shape[1], grid.shape[1]
    sums = np.empty((n_ratings, n_penalties, 3))
    predicted = np.empty(n_rows)
    for i in range(n_ratings):
        order = np.argsort(-c[i], kind="mergesort")
        predicted[:] = start[i]
        n_active, stale = 0, True
        s1 = s2 = sy = 0.0
        for at in range(n_penalties - 1, -1, -1):  # from the largest penalty down
            while n_active < n_components and c[i, order[n_active]] > grid[i, at]:
                component = order[n_active]
                slope = a[i, component]
                for row in range(n_rows):
                    predicted[row] += scores[component, row] * slope
                n_active += 1
                stale = True
            if stale:
                s1 = s2 = sy = 0.0
                for row in range(n_rows):
                    s1 += predicted[row]
                    s2 += predicted[row] * predicted[row]
                    sy += predicted[row] * y[i, row]
                stale = False
            sums[i, at, 0], sums[i, at, 1], sums[i, at, 2] = s1, s2, sy
    return sums


def _r_from_sums(sums: Matrix, Y: Matrix) -> Matrix:
    """Correlation over all training rows at each penalty: (n_ratings, n_penalties)."""
    n, y1, y2 = len(Y), Y.sum(axis=0)[:, None], (Y**2).sum(axis=0)[:, None]
    s1, s2, sy = np.moveaxis(sums, 2, 0)
    var_p, var_y = s2 - s1 * s1 / n, y2 - y1 * y1 / n
    with np.errstate(invalid="ignore", divide="ignore"):
        r: Matrix = (sy - s1 * y1 / n) / np.sqrt(var_p * var_y)
    r[(var_p <= 1e-12 * s2) | ~np.isfinite(r)] = np.nan
    return r


@kernel(nogil=True)
def _predict(a, c, start, scores, n_active):  # type: ignore[no-untyped-def] # pragma: no cover
    """Predictions of the models with so many components: (n_ratings, n_rows)."""
    predicted = np.empty((len(a), scores.shape[1]))
    for i in range(len(a)):
        order = np.argsort(-c[i], kind="mergesort")
        predicted[i] = start[i]
        for component in order[: n_active[i]]:
            for row in range(scores.shape[1]):
                predicted[i, row] += scores[component, row] * a[i, component]
    return predicted
