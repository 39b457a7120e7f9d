"""LASSO-PCR in nested leave-one-group-out: λ is chosen inside the training groups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from painprint.arrays import Matrix, Vector
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

Adjust = Callable[[Matrix, Vector, NDArray[np.int64]], tuple[Matrix, Vector]]


def nested_leave_one_out(
    K: Matrix,
    y: Vector,
    groups: NDArray[np.int64],
    rules: LassoRules,
    *,
    buffer: int = 0,
    adjust: Adjust | None = None,
    n_jobs: int = 1,
    on_step: OnStep | None = None,
) -> NestedFit:
    """Leave each group out; inside, leave each other group out to choose λ.

    Parameters
    ----------
    K : ndarray of shape (n_rows, n_rows)
        Inner products of the rows.
    y : ndarray of shape (n_rows,)
        Rating.
    groups : ndarray of int, shape (n_rows,)
        From 0, every number present.
    rules : LassoRules
        How long the rows behind K are, which rows make the λ grid, and which components are kept.
    buffer : int
        So many groups before and after the one left out do not train for it either.
    adjust : callable, optional
        Called with (K, y, training rows) before every fit; gives the K and y to use, for the
        rows that train and those that test.
    n_jobs : int
        Workers; the result does not depend on it.
    on_step : callable, optional
        Told (done, of) after each fold.

    Raises
    ------
    NotEnoughData
        With fewer than 3 groups, or where a training set is too small for a model.

    References
    ----------
    docs/methods.md; Lee et al. (2026)
    """
    n_groups = int(groups.max()) + 1
    check_groups(n_groups, buffer)
    pairs = [(k, j) for k, j in combinations(range(n_groups), 2) if j - k > buffer]
    step = count_steps(on_step, 1 + n_groups + len(pairs))
    rows = [np.flatnonzero(groups == g) for g in range(n_groups)]
    without = [np.flatnonzero(np.abs(groups - g) > buffer) for g in range(n_groups)]
    everything = np.arange(len(y))
    data = _Data(K, y, rows, rules, adjust)

    jobs_of_fits = [(data, train, (k,)) for k, train in enumerate(without)]
    fits = []
    for fit in map_ordered(_fit, [(data, everything, ()), *jobs_of_fits], n_jobs=n_jobs):
        _check_components(fit.components, n_groups)
        fits.append(fit)
        step()
    full, outer = fits[0], fits[1:]
    full_grid = penalty_grid(full.components.c)
    grids = [full_grid if rules.grid == "all" else penalty_grid(f.components.c) for f in outer]

    inner: dict[tuple[int, int], tuple[Matrix, Vector]] = {}
    jobs = (
        (data, np.intersect1d(without[k], without[j]), k, j, grids[k], grids[j]) for k, j in pairs
    )
    for (k, j), (of_j, of_k) in zip(
        pairs, map_ordered(_inner_fold, jobs, n_jobs=n_jobs), strict=True
    ):
        inner[k, j], inner[j, k] = of_j, of_k
        step()

    folds = []
    held_out, target = np.empty(len(y)), np.empty(len(y))
    at_full_grid = np.empty((len(y), len(full_grid)))
    for k, fit in enumerate(outer):
        parts = [inner.pop((k, j)) for j in range(n_groups) if abs(j - k) > buffer]
        path, of_path = (np.concatenate(part) for part in zip(*parts, strict=True))
        own_grid = rules.grid == "training"
        model, _ = _choose(fit, without[k], grids[k], path, of_path, len(y), own_grid=own_grid)
        folds.append(model)
        test_path = fit.components.predict_path(fit.cross[0])
        held_out[rows[k]], target[rows[k]] = test_path[:, int(model.choice.dof)], fit.y_test[0]
        at_full_grid[rows[k]] = test_path[:, fit.components.count_active(full_grid)]

    final, best = _choose(full, everything, full_grid, at_full_grid, target, len(y), own_grid=True)
    return NestedFit(tuple(folds), final, held_out, target, at_full_grid[:, best])


def choose_penalty(K: Matrix, y: Vector, groups: NDArray[np.int64], rules: LassoRules) -> Model:
    """One model of all rows; λ is the best when each group is left out in turn.

    Parameters
    ----------
    K, y, groups, rules
        As for :func:`nested_leave_one_out`; all rows make the λ grid.

    Raises
    ------
    NotEnoughData
        With fewer than 2 groups, or too few rows for a model.
    """
    n_groups = int(groups.max()) + 1
    if n_groups < 2:
        raise NotEnoughData("choosing a penalty needs at least 2 groups.")
    rows = [np.flatnonzero(groups == g) for g in range(n_groups)]
    everything = np.arange(len(y))
    data = _Data(K, y, rows, rules, None)
    full = _fit(data, everything, ())
    _check_components(full.components, n_groups)
    penalties = penalty_grid(full.components.c)
    path = np.empty((len(y), len(penalties)))
    for g in range(n_groups):
        fit = _fit(data, np.flatnonzero(groups != g), (g,))
        at_penalties = fit.components.count_active(penalties)
        path[rows[g]] = fit.components.predict_path(fit.cross[0])[:, at_penalties]
    return _choose(full, everything, penalties, path, y, len(y), own_grid=True)[0]


def first_maximum(r: Vector) -> int:
    """Index of the first of the largest values; NaN never wins.

    Raises
    ------
    NotEnoughData
        If all are NaN, as where the rating never varies.
    """
    if np.isnan(r).all():
        raise NotEnoughData(
            "no model predicts anything but a constant: the rating, or the signals, do not vary "
            "across the training bins."
        )
    return int(np.nanargmax(r))


def _check_components(fit: Components, n_groups: int) -> None:
    if len(fit.c) < 2:
        raise NotEnoughData(
            f"training rows vary along {len(fit.c)} feature(s) only, but at least 2 are needed "
            f"({len(fit.vectors)} training rows, {n_groups} groups). Add data or regions."
        )


@dataclass(frozen=True, eq=False)
class _Data:
    """What every fold of a nested fit starts from."""

    K: Matrix
    y: Vector
    rows: list[NDArray[np.int64]]
    rules: LassoRules
    adjust: Adjust | None


@dataclass(frozen=True, eq=False)
class _Fit:
    """Components of a training set, and the rows of each group left out beside it."""

    components: Components
    cross: list[Matrix]
    y_test: list[Vector]


def _fit(data: _Data, train: NDArray[np.int64], left_out: tuple[int, ...]) -> _Fit:
    K, y = data.K, data.y
    if data.adjust is not None:
        K, y = data.adjust(K, y, train)
    return _Fit(
        fit_components(
            K[np.ix_(train, train)], y[train], keep=data.rules.keep, n_edges=data.rules.n_edges
        ),
        [K[np.ix_(data.rows[g], train)] for g in left_out],
        [y[data.rows[g]] for g in left_out],
    )


def _inner_fold(
    data: _Data, train: NDArray[np.int64], k: int, j: int, grid_k: Vector, grid_j: Vector
) -> tuple[tuple[Matrix, Vector], tuple[Matrix, Vector]]:
    """One fit without k and j: it predicts j for the outer fold k, and k for the outer fold j."""
    fit = _fit(data, train, (j, k))
    of_j, of_k = (
        fit.components.predict_path(cross)[:, fit.components.count_active(grid)]
        for cross, grid in zip(fit.cross, (grid_k, grid_j), strict=True)
    )
    return (of_j, fit.y_test[0]), (of_k, fit.y_test[1])


def _choose(
    fit: _Fit,
    rows: NDArray[np.int64],
    penalties: Vector,
    path: Matrix,
    y: Vector,
    n_rows: int,
    *,
    own_grid: bool,
) -> tuple[Model, int]:
    """The model of a training set at the penalty whose predictions agree best with y.

    On the grid made from its own rows a fit selects by rank, on another's by comparing with λ.

    Parameters
    ----------
    rows : ndarray of int
        Rows that train, of ``n_rows``.
    path : ndarray of shape (n_left_out_rows, n_penalties)
        Predictions of rows left out inside the training set.
    """
    path_r = correlate_columns(path, y[:, None])
    best = first_maximum(path_r)
    if own_grid:
        n_active = grid_rank(fit.components.c, best)
    else:
        n_active = int(fit.components.count_active(penalties[best : best + 1])[0])
    dual_of_rows = fit.components.dual(n_active)
    dual = np.zeros(n_rows)
    dual[rows] = dual_of_rows
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
