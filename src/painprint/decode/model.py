"""A fitted model in terms of its training rows, and what nested leave-one-group-out gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from painprint.arrays import Matrix, Vector
from painprint.decode.errors import NotEnoughData


@dataclass(frozen=True, eq=False)
class Choice:
    """How the penalty of a model was chosen inside its training groups.

    Attributes
    ----------
    penalty : float
        λ.
    dof : float
        Effective degrees of freedom: Σ w / (w + λ) of ridge regression, components of LASSO-PCR.
    inner_score : float
        What chose λ (and the lag), of rows left out inside the training set: skill for ridge
        regression, correlation for LASSO-PCR. Optimistic: for choosing, never for reporting.
    path_penalty, path_score : ndarray of shape (n_penalties,)
        The penalties tried, ascending, and the score at each.
    alpha : float or None
        λ in units of the mean eigenvalue, where the penalties were given so.
    at_edge : bool
        Whether λ is the smallest or largest of a fixed grid.
    """

    penalty: float
    dof: float
    inner_score: float
    path_penalty: Vector
    path_score: Vector
    alpha: float | None = None
    at_edge: bool = False


@dataclass(frozen=True, eq=False)
class Model:
    """One fitted model in terms of the rows it was trained on.

    Attributes
    ----------
    dual : ndarray of shape (n_rows,)
        Coefficients of all rows; 0 for those not trained on.
    y_mean : float
        Mean rating of the training rows.
    scale : mapping of str to float
        By feature, what its inner products were multiplied with.
    """

    dual: Vector
    intercept: float
    y_mean: float
    choice: Choice
    scale: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class NestedFit:
    """Nested leave-one-group-out on one set of rows.

    Attributes
    ----------
    folds : tuple of Model
        One for each group, in order, trained without it.
    final : Model
        Trained on all groups.
    held_out : ndarray of shape (n_rows,)
        Each row predicted by the fold without its group.
    target : ndarray of shape (n_rows,)
        What each row's prediction is to be compared with: the rating, unless adjusted.
    held_out_at_final : ndarray of shape (n_rows,) or None
        LASSO-PCR: each row predicted without its group at the final model's λ.
    """

    folds: tuple[Model, ...]
    final: Model
    held_out: Vector
    target: Vector
    held_out_at_final: Vector | None = None


@dataclass(frozen=True, eq=False)
class ManyFits:
    """Nested fits of many ratings of the same rows.

    Attributes
    ----------
    held_out : ndarray of shape (n_tested, n_ratings)
        Each tested row predicted without its group.
    training_mean : ndarray of shape (n_groups, n_ratings)
        Mean of the training rows of the fold without the group.
    dof : ndarray of shape (n_groups, n_ratings)
        Effective degrees of freedom.
    inner_score : ndarray of shape (n_groups, n_ratings)
        What chose λ.
    """

    held_out: Matrix
    training_mean: Matrix
    dof: Matrix
    inner_score: Matrix


def best_lag(inner_score: Sequence[float]) -> int:
    """The first of the lags with the largest inner score."""
    return int(np.argmax(inner_score))


def check_groups(n_groups: int, buffer: int) -> None:
    if n_groups < 3:
        raise NotEnoughData(
            f"nested leave-one-out needs at least 3 groups, but there are {n_groups}. "
            "Add sessions, or leave out runs instead (leave_out='run', --leave-out run)."
        )
    if n_groups < 3 + 4 * buffer:
        raise NotEnoughData(
            f"a buffer of {buffer} on either side needs at least {3 + 4 * buffer} groups, but "
            f"there are {n_groups}."
        )
