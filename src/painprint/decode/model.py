"""Fitted models in terms of their training rows, and results of nested leave-one-group-out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from painprint.arrays import Matrix, Vector, short_repr
from painprint.decode.errors import NotEnoughData


@short_repr
@dataclass(frozen=True, eq=False)
class Choice:
    """Penalty of a model and its selection by inner cross-validation.

    Attributes
    ----------
    penalty : float
        λ.
    dof : float
        Effective degrees of freedom: Σ w / (w + λ) for ridge regression, number of components for
        LASSO-PCR.
    inner_score : float
        Inner cross-validation score by which λ (and the lag) was chosen: skill for ridge
        regression, correlation for LASSO-PCR. Optimistic: for selection, never for reporting.
    path_penalty, path_score : ndarray of shape (n_penalties,)
        Candidate penalties, ascending, and the score at each.
    alpha : float or None
        λ in units of the mean eigenvalue, if the candidates were given in these units.
    at_edge : bool
        Whether λ is the smallest or largest of a fixed grid.
    prior_share : float or None
        Share of the prior, c; None without a prior.
    """

    penalty: float
    dof: float
    inner_score: float
    path_penalty: Vector
    path_score: Vector
    alpha: float | None = None
    at_edge: bool = False
    prior_share: float | None = None


@short_repr
@dataclass(frozen=True, eq=False)
class Model:
    """One fitted model in terms of its training rows.

    Attributes
    ----------
    dual : ndarray of shape (n_rows,)
        Coefficients of all rows; 0 for those that did not train.
    y_mean : float
        Mean rating of the training rows.
    scale : mapping of str to float
        Factor of the inner products of each feature.
    prior_weight : float
        Factor of the scores of the prior; 0 without a prior.
    """

    dual: Vector
    intercept: float
    y_mean: float
    choice: Choice
    scale: Mapping[str, float] = field(default_factory=dict)
    prior_weight: float = 0.0

    def predict(self, cross: Matrix, prior_scores: Vector | None = None) -> Vector:
        """Predictions of new rows: (n_new,).

        Parameters
        ----------
        cross : ndarray of shape (n_new, n_rows)
            Inner products with all rows, features scaled by ``scale``.
        prior_scores : ndarray of shape (n_new,), optional
            Scores of the prior in the new rows; needed where it has a weight.
        """
        predicted: Vector = cross @ self.dual + self.intercept
        if self.prior_weight:
            assert prior_scores is not None
            predicted += self.prior_weight * prior_scores
        return predicted


@short_repr
@dataclass(frozen=True, eq=False)
class NestedFit:
    """Results of nested leave-one-group-out on one set of rows.

    Attributes
    ----------
    folds : tuple of Model
        One for each group, in order, trained without it.
    final : Model
        Trained on all groups.
    held_out : ndarray of shape (n_rows,)
        Prediction of each row by the fold without its group.
    target : ndarray of shape (n_rows,)
        What the predictions are compared with: the rating, or its residual where confounds are
        partialled out.
    held_out_at_final : ndarray of shape (n_rows,) or None
        LASSO-PCR: prediction of each row without its group, at the λ of the final model.
    """

    folds: tuple[Model, ...]
    final: Model
    held_out: Vector
    target: Vector
    held_out_at_final: Vector | None = None


@short_repr
@dataclass(frozen=True, eq=False)
class ManyFits:
    """Results of nested fits of many ratings of the same rows.

    Attributes
    ----------
    held_out : ndarray of shape (n_tested, n_ratings)
        Prediction of each tested row without its group.
    training_mean : ndarray of shape (n_groups, n_ratings)
        Mean rating of the training rows of each fold.
    dof : ndarray of shape (n_groups, n_ratings)
        Effective degrees of freedom.
    inner_score : ndarray of shape (n_groups, n_ratings)
        Inner score at the chosen λ.
    """

    held_out: Matrix
    training_mean: Matrix
    dof: Matrix
    inner_score: Matrix


def best_lag(inner_score: Sequence[float]) -> int:
    """Index of the lag with the largest inner score; the first of equal ones."""
    return int(np.argmax(inner_score))


def check_groups(n_groups: int, buffer: int) -> None:
    """Raise NotEnoughData if there are too few groups for nested leave-one-group-out."""
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
