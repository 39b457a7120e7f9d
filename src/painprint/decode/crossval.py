"""LASSO-PCR in nested leave-one-group-out: λ is chosen within the training groups.

See docs/methods.md and Lee et al. (2026).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from painprint.arrays import Codes, Matrix, Vector
from painprint.decode.errors import NotEnoughData
from painprint.decode.lasso_pcr import (
    Components,
    LassoRules,
    fit_components,
    grid_rank,
    penalty_grid,
)
from painprint.decode.model import Choice, Model, NestedFit, check_groups
from painprint.parallel import map_ordered
from painprint.progress import OnStep, count_steps
from painprint.stats.correlation import correlate_columns

Adjust = Callable[[Matrix, Vector, Codes], tuple[Matrix, Vector]]
"""Returns K and y adjusted for a fit, given K, y and the training rows."""
_Path = tuple[Matrix, Vector]
"""Predictions of left-out rows at each penalty, and their targets."""


def nested_leave_one_out(
    K: Matrix,
    y: Vector,
    groups: Codes,
    rules: LassoRules,
    *,
    buffer: int = 0,
    adjust: Adjust | None = None,
    n_jobs: int = 1,
    on_step: OnStep | None = None,
) -> NestedFit:
    """Nested leave-one-group-out; the inner folds choose λ.

    Parameters
    ----------
    K : ndarray of shape (n_rows, n_rows)
        Inner products of the rows.
    y : ndarray of shape (n_rows,)
        Rating.
    groups : ndarray of int, shape (n_rows,)
        Group of each row, from 0, every number present.
    rules : LassoRules
        Number of edges, rows that make the λ grid, and components that are kept.
    buffer, n_jobs, on_step
        As for :meth:`~painprint.decode.decoders.Decoder.nested`.
    adjust : callable, optional
        Called with (K, y, training rows) before every fit; returns the K and y to use, for
        training and test rows.

    Raises
    ------
    NotEnoughData
        With fewer than 3 groups, or where a training set is too small for a model.
    """
    data = _Data(K, y, groups, rules, adjust, buffer)
    check_groups(data.n_groups, buffer)
    step = count_steps(on_step, 1 + data.n_groups + len(data.pairs))
    full, *outer = _outer_fits(data, n_jobs, step)
    full_grid = penalty_grid(full.components.c)
    grids = [full_grid if rules.grid == "all" else penalty_grid(f.components.c) for f in outer]
    inner = _inner_paths(data, grids, n_jobs, step)

    folds = []
    held_out, target = np.empty(len(y)), np.empty(len(y))
    at_full_grid = np.empty((len(y), len(full_grid)))
    for k, fit in enumerate(outer):
        path, path_y = (np.concatenate(part) for part in zip(*inner.pop(0), strict=True))
        model, _ = _choose(data, fit, grids[k], path, path_y, own_grid=rules.grid == "training")
        folds.append(model)
        test_path = fit.components.predict_path(fit.cross[0])
        rows = data.rows(k)
        held_out[rows], target[rows] = test_path[:, int(model.choice.dof)], fit.y_test[0]
        at_full_grid[rows] = test_path[:, fit.components.count_active(full_grid)]

    final, best = _choose(data, full, full_grid, at_full_grid, target, own_grid=True)
    return NestedFit(tuple(folds), final, held_out, target, at_full_grid[:, best])


def choose_penalty(K: Matrix, y: Vector, groups: Codes, rules: LassoRules) -> Model:
    """Model of all rows, with λ chosen by leave-one-group-out.

    Parameters
    ----------
    K, y, groups, rules
        As for :func:`nested_leave_one_out`; all rows make the λ grid.

    Raises
    ------
    NotEnoughData
        With fewer than 2 groups, or too few rows for a model.
    """
    data = _Data(K, y, groups, rules)
    if data.n_groups < 2:
        raise NotEnoughData("choosing a penalty needs at least 2 groups.")
    full = _fit(data, np.arange(len(y)), ())
    _check_components(full.components, data.n_groups)
    penalties = penalty_grid(full.components.c)
    path = np.empty((len(y), len(penalties)))
    for g in range(data.n_groups):
        fit = _fit(data, data.training(g), (g,))
        at_penalties = fit.components.count_active(penalties)
        path[data.rows(g)] = fit.components.predict_path(fit.cross[0])[:, at_penalties]
    return _choose(data, full, penalties, path, y, own_grid=True)[0]


def first_maximum(r: Vector) -> int:
    """Index of the first of the largest values, ignoring NaN.

    Raises
    ------
    NotEnoughData
        If all are NaN, as for a constant rating.
    """
    if np.isnan(r).all():
        raise NotEnoughData(
            "all models predict a constant: the rating, or the signals, do not vary across the "
            "training bins."
        )
    return int(np.nanargmax(r))


def _check_components(fit: Components, n_groups: int) -> None:
    if len(fit.c) < 2:  # scikit-learn's checks of estimators require the words "1 feature(s)"
        raise NotEnoughData(
            f"training rows vary along {len(fit.c)} feature(s) only, but at least 2 are needed "
            f"({len(fit.vectors)} training rows, {n_groups} groups). Add data or regions."
        )


@dataclass(frozen=True, eq=False)
class _Data:
    """Input of every fold of a nested fit."""

    K: Matrix
    y: Vector
    groups: Codes
    rules: LassoRules
    adjust: Adjust | None = None
    buffer: int = 0

    @property
    def n_groups(self) -> int:
        return int(self.groups.max()) + 1

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Pairs of groups that inner folds leave out together, in lexicographic order."""
        pairs = combinations(range(self.n_groups), 2)
        return [(k, j) for k, j in pairs if j - k > self.buffer]

    def rows(self, group: int) -> Codes:
        """Rows of a group."""
        return np.flatnonzero(self.groups == group)

    def training(self, group: int) -> Codes:
        """Rows that train where a group is left out."""
        return np.flatnonzero(np.abs(self.groups - group) > self.buffer)


@dataclass(frozen=True, eq=False)
class _Fit:
    """Components of a training set; inner products and ratings of each group left out."""

    train: Codes
    components: Components
    cross: list[Matrix]
    y_test: list[Vector]


def _fit(data: _Data, train: Codes, left_out: tuple[int, ...]) -> _Fit:
    K, y = data.K, data.y
    if data.adjust is not None:
        K, y = data.adjust(K, y, train)
    return _Fit(
        train,
        fit_components(
            K[np.ix_(train, train)], y[train], keep=data.rules.keep, n_edges=data.rules.n_edges
        ),
        [K[np.ix_(data.rows(g), train)] for g in left_out],
        [y[data.rows(g)] for g in left_out],
    )


def _outer_fits(data: _Data, n_jobs: int, step: Callable[[], None]) -> list[_Fit]:
    """Fit of all rows, then the fit of each outer fold."""
    folds = ((data, data.training(k), (k,)) for k in range(data.n_groups))
    jobs = [(data, np.arange(len(data.y)), ()), *folds]
    fits = []
    for fit in map_ordered(_fit, jobs, n_jobs=n_jobs, large=True):  # eigenvectors: as large as K
        _check_components(fit.components, data.n_groups)
        fits.append(fit)
        step()
    return fits


def _inner_paths(
    data: _Data, grids: list[Vector], n_jobs: int, step: Callable[[], None]
) -> list[list[_Path]]:
    """Paths of the inner folds of each outer fold, in the order of the groups."""
    paths: list[list[_Path]] = [[] for _ in range(data.n_groups)]
    inner_folds = map_ordered(_inner_fold, data.pairs, shared=(data, grids), n_jobs=n_jobs)
    for (k, j), (path_j, path_k) in zip(data.pairs, inner_folds, strict=True):
        paths[k].append(path_j)
        paths[j].append(path_k)
        step()
    return paths


def _inner_fold(data: _Data, grids: list[Vector], k: int, j: int) -> tuple[_Path, _Path]:
    """One fit without k and j: the path of j for outer fold k, and that of k for outer fold j."""
    fit = _fit(data, np.intersect1d(data.training(k), data.training(j)), (j, k))
    path_j, path_k = (
        fit.components.predict_path(cross)[:, fit.components.count_active(grid)]
        for cross, grid in zip(fit.cross, (grids[k], grids[j]), strict=True)
    )
    return (path_j, fit.y_test[0]), (path_k, fit.y_test[1])


def _choose(
    data: _Data, fit: _Fit, penalties: Vector, path: Matrix, y: Vector, *, own_grid: bool
) -> tuple[Model, int]:
    """Model of a training set at the penalty whose predictions correlate best with y; its index.

    On the grid made from its own rows a fit selects components by rank, which also separates those
    whose c differ by less than the ε of the grid; on another grid it compares c with λ.

    Parameters
    ----------
    path : ndarray of shape (n_left_out_rows, n_penalties)
        Predictions of the inner folds.
    y : ndarray of shape (n_left_out_rows,)
        Targets of these.
    """
    path_r = correlate_columns(path, y[:, None])
    best = first_maximum(path_r)
    if own_grid:
        n_active = grid_rank(fit.components.c, best)
    else:
        n_active = int(fit.components.count_active(penalties[best : best + 1])[0])
    dual_of_rows = fit.components.dual(n_active)
    dual = np.zeros(len(data.y))
    dual[fit.train] = dual_of_rows
    choice = Choice(
        penalty=float(penalties[best]),
        dof=float(n_active),
        inner_score=float(path_r[best]),
        path_penalty=penalties,
        path_score=path_r,
    )
    model = Model(
        dual=dual,
        intercept=fit.components.intercept(dual_of_rows),
        y_mean=fit.components.y_mean,
        choice=choice,
    )
    return model, best
