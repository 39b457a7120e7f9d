"""Nested leave-one-group-out: choose inside the training groups, test on the one left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, count
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from painprint.decode.lasso_pcr import Components, Keep, fit_components, grid_rank, penalty_grid
from painprint.parallel import map_ordered

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
OnStep = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Model:
    """One fitted model in terms of the rows it was trained on.

    Attributes
    ----------
    dual : ndarray of shape (n_rows,)
        Coefficients of all rows; 0 for those not trained on.
    intercept : float
    y_mean : float
        Mean rating of the training rows.
    penalty : float
        λ that was chosen.
    n_components : int
        Components kept at it.
    inner_r : float
        Correlation that chose λ. Optimistic: for choosing, never for reporting.
    path_penalty, path_r : ndarray of shape (n_penalties,)
        The grid, ascending, and the correlation at each of its penalties.
    """

    dual: Vector
    intercept: float
    y_mean: float
    penalty: float
    n_components: int
    inner_r: float
    path_penalty: Vector
    path_r: Vector


@dataclass(frozen=True, eq=False)
class NestedFit:
    """Nested leave-one-group-out on one Gram matrix.

    Attributes
    ----------
    folds : tuple of Model
        One for each group, in order, trained without it.
    final : Model
        Trained on all groups.
    held_out : ndarray of shape (n_rows,)
        Each row predicted by the fold without its group, at that fold's λ.
    held_out_at_final : ndarray of shape (n_rows,)
        The same at the final model's λ.
    """

    folds: tuple[Model, ...]
    final: Model
    held_out: Vector
    held_out_at_final: Vector


def nested_leave_one_out(
    K: Matrix,
    y: Vector,
    groups: NDArray[np.int64],
    *,
    n_edges: int,
    grid: Literal["training", "all"] = "training",
    keep: Keep = "positive",
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
    n_edges : int
        Length of the rows behind K.
    grid : {"training", "all"}
        Rows that make the λ grid of an outer fold: its own, or (paper) all.
    keep : {"positive", "first"}
        See :func:`~painprint.decode.lasso_pcr.fit_components`.
    n_jobs : int
        Workers; the result does not depend on it.
    on_step : callable, optional
        Told (done, of) after each fold.

    Raises
    ------
    ValueError
        With fewer than 3 groups, or where a training set is too small for a model.

    References
    ----------
    METHODS 5; Lee et al. (2026)
    """
    n_groups = int(groups.max()) + 1
    if n_groups < 3:
        raise ValueError(
            f"nested leave-one-out needs at least 3 groups, but there are {n_groups}. "
            "Add sessions, or leave out runs instead (leave_out='run', --leave-out run)."
        )
    pairs = list(combinations(range(n_groups), 2))
    step = _count_steps(on_step, 1 + n_groups + len(pairs))
    rows = [np.flatnonzero(groups == g) for g in range(n_groups)]
    without = [np.flatnonzero(groups != g) for g in range(n_groups)]

    everything = np.arange(len(y))
    fits = []
    jobs_of_fits = ((K, y, train, keep, n_edges) for train in [everything, *without])
    for fit in map_ordered(_fit_rows, jobs_of_fits, n_jobs=n_jobs):
        _check_components(fit, n_groups)
        fits.append(fit)
        step()
    full, outer = fits[0], fits[1:]
    full_grid = penalty_grid(full.c)
    grids = [full_grid if grid == "all" else penalty_grid(fit.c) for fit in outer]

    inner: dict[tuple[int, int], Matrix] = {}
    jobs = ((K, y, rows, groups, k, j, grids[k], grids[j], keep, n_edges) for k, j in pairs)
    for (k, j), (of_j, of_k) in zip(
        pairs, map_ordered(_inner_fold, jobs, n_jobs=n_jobs), strict=True
    ):
        inner[k, j], inner[j, k] = of_j, of_k
        step()

    folds = []
    held_out = np.empty(len(y))
    at_full_grid = np.empty((len(y), len(full_grid)))
    for k, fit in enumerate(outer):
        others = [j for j in range(n_groups) if j != k]
        path = np.concatenate([inner.pop((k, j)) for j in others])  # (n_train, n_penalties)
        path_r = correlate_columns(path, y[np.concatenate([rows[j] for j in others])])
        best, n_active = _select(fit, grids[k], path_r, own_grid=grid == "training")
        folds.append(_model(fit, without[k], len(y), n_active, grids[k], path_r, best))
        test_path = fit.predict_path(K[np.ix_(rows[k], without[k])])
        held_out[rows[k]] = test_path[:, n_active]
        at_full_grid[rows[k]] = test_path[:, fit.count_active(full_grid)]

    full_r = correlate_columns(at_full_grid, y)
    best, n_active = _select(full, full_grid, full_r, own_grid=True)
    final = _model(full, everything, len(y), n_active, full_grid, full_r, best)
    return NestedFit(tuple(folds), final, held_out, at_full_grid[:, best])


def correlate_columns(predicted: Matrix, y: Vector) -> Vector:
    """Correlation of every column with y; columns with equal numbers get equal bits.

    So no BLAS here: it may sum neighbouring columns in different orders, and the first of
    several equal maxima would become a matter of chance. A constant column gives NaN.
    """
    centred = predicted - predicted.mean(axis=0)
    y_centred = y - y.mean()
    covariance = (centred * y_centred[:, None]).sum(axis=0)
    variance = (centred * centred).sum(axis=0) * (y_centred * y_centred).sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        r: Vector = covariance / np.sqrt(variance)
    r[~np.isfinite(r)] = np.nan
    return r


def first_maximum(r: Vector) -> int:
    """Index of the first of the largest values; NaN never wins.

    Raises
    ------
    ValueError
        If all are NaN, as where the rating never varies.
    """
    if np.isnan(r).all():
        raise ValueError(
            "no model predicts anything but a constant: the rating, or the signals, do not vary "
            "across the training bins."
        )
    return int(np.nanargmax(r))


def _count_steps(on_step: OnStep | None, n_steps: int) -> Callable[[], None]:
    """Something to call after each step, which tells whoever listens how many are done."""
    done = count(1)

    def step() -> None:
        if on_step is not None:
            on_step(next(done), n_steps)

    return step


def _select(fit: Components, grid: Vector, path_r: Vector, *, own_grid: bool) -> tuple[int, int]:
    """Entry of the grid with the best correlation, and the number of components it keeps.

    On the grid made from its own rows a fit selects by rank, on another's by comparing with λ.
    """
    best = first_maximum(path_r)
    if own_grid:
        return best, grid_rank(fit.c, best)
    return best, int(fit.count_active(grid[best : best + 1])[0])


def _check_components(fit: Components, n_groups: int) -> None:
    if len(fit.c) < 2:
        raise ValueError(
            f"training rows vary along {len(fit.c)} feature(s) only, but at least 2 are needed "
            f"({len(fit.vectors)} training rows, {n_groups} groups). Add data or regions."
        )


def _fit_rows(
    K: Matrix, y: Vector, rows: NDArray[np.int64], keep: Keep, n_edges: int
) -> Components:
    return fit_components(K[np.ix_(rows, rows)], y[rows], keep=keep, n_edges=n_edges)


def _inner_fold(
    K: Matrix,
    y: Vector,
    rows: list[NDArray[np.int64]],
    groups: NDArray[np.int64],
    k: int,
    j: int,
    grid_k: Vector,
    grid_j: Vector,
    keep: Keep,
    n_edges: int,
) -> tuple[Matrix, Matrix]:
    """One fit without k and j: it predicts j for the outer fold k, and k for the outer fold j."""
    train = np.flatnonzero((groups != k) & (groups != j))
    fit = _fit_rows(K, y, train, keep, n_edges)
    of_j = fit.predict_path(K[np.ix_(rows[j], train)])[:, fit.count_active(grid_k)]
    of_k = fit.predict_path(K[np.ix_(rows[k], train)])[:, fit.count_active(grid_j)]
    return of_j, of_k


def _model(
    fit: Components,
    rows: NDArray[np.int64],
    n_rows: int,
    n_active: int,
    grid: Vector,
    path_r: Vector,
    best: int,
) -> Model:
    dual_of_rows = fit.dual(n_active)
    dual = np.zeros(n_rows)
    dual[rows] = dual_of_rows
    return Model(
        dual=dual,
        intercept=fit.intercept(dual_of_rows),
        y_mean=fit.y_mean,
        penalty=float(grid[best]),
        n_components=n_active,
        inner_r=float(path_r[best]),
        path_penalty=grid,
        path_r=path_r,
    )
