"""scikit-learn estimators: ridge regression, LASSO-PCR, and both with nested cross-validation."""

from __future__ import annotations

import warnings
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from painprint.arrays import Matrix, Vector
from painprint.decode.decoders import Decoder, LassoPcr, Ridge
from painprint.decode.errors import NotEnoughData
from painprint.decode.lasso_pcr import LassoRules, center_gram, fit_components
from painprint.decode.model import Model
from painprint.decode.samples import Samples
from painprint.given import without_mask
from painprint.parallel import one_blas_thread
from painprint.settings import DecoderName

Kernel = Literal["linear", "precomputed"]


class GroupsNotGiven(UserWarning):
    """A nested estimator was fitted without groups and used stretches of rows instead."""


def ridge_dual(K: Matrix, y: Vector, alpha: float) -> tuple[Vector, float]:
    """Row coefficients of ridge regression with an unpenalised intercept, at a given penalty.

    They solve (K_c + λ I) d = y - ȳ, with K_c the centred Gram matrix of n rows and
    λ = alpha · tr(K_c) / n.

    Parameters
    ----------
    K : ndarray of shape (n_rows, n_rows)
        Inner products of the training rows, not centred (squared units of the features).
    y : ndarray of shape (n_rows,)
        Rating.
    alpha : float
        Penalty in units of the mean eigenvalue of K_c; above 0.

    Returns
    -------
    dual : ndarray of shape (n_rows,)
        Row coefficients d, which sum to 0; weights of the features are Xᵀ d.
    penalty : float
        λ, in squared units of the features.

    Raises
    ------
    NotEnoughData
        Where the rows are all the same.
    ValueError
        Where K_c + λ I is not positive definite.

    Examples
    --------
    >>> X = np.array([[0.], [1.], [2.]])
    >>> dual, penalty = ridge_dual(X @ X.T, np.array([0., 2., 4.]), alpha=3.0)
    >>> dual.round(6), round(penalty, 6), (X.T @ dual).round(6)
    (array([-0.5,  0. ,  0.5]), 2.0, array([1.]))
    """
    n = len(y)
    centred = center_gram(K)
    unit = float(centred.trace()) / n
    if not unit > np.finfo(float).eps * np.abs(K).max():
        raise NotEnoughData("the features do not vary across the training rows.")
    penalty = alpha * unit
    centred[np.diag_indices(n)] += penalty
    try:
        factor = cho_factor(centred, lower=True, overwrite_a=True, check_finite=False)
    except LinAlgError:
        raise ValueError(
            f"no ridge regression at alpha = {alpha:g}: the penalty is too small relative to "
            "rounding errors, or the precomputed matrix does not hold inner products."
        ) from None
    dual = cho_solve(factor, y - y.mean(), check_finite=False)
    return dual - dual.mean(), penalty


class _DualRegressor(RegressorMixin, BaseEstimator):
    """Base of the estimators: input validation, and prediction from dual coefficients."""

    kernel: Kernel

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.kernel == "precomputed"
        return tags

    def _training_gram(
        self, X: ArrayLike, y: ArrayLike, min_rows: int
    ) -> tuple[Matrix, Vector, Matrix]:
        """Validated X and y, and the inner products of the rows."""
        if self.kernel not in ("linear", "precomputed"):
            raise ValueError(f"kernel is {self.kernel!r}; choose 'linear' or 'precomputed'.")
        rows, ratings = validate_data(
            self,
            without_mask(X),
            without_mask(y),
            y_numeric=True,
            dtype=np.float64,
            ensure_min_samples=min_rows,
        )
        ratings = np.asarray(ratings, dtype=float)
        if self.kernel == "linear":
            return rows, ratings, rows @ rows.T
        if rows.shape[0] != rows.shape[1]:
            raise ValueError(f"Precomputed matrix must be a square matrix. Input is {rows.shape}.")
        return rows, ratings, rows

    def _set_model(self, rows: Matrix, dual: Vector, intercept: float) -> None:
        self.dual_coef_ = dual
        self.intercept_ = intercept
        if self.kernel == "linear":
            self.coef_ = dual @ rows

    def predict(self, X: ArrayLike) -> Vector:
        """Predict ratings.

        Parameters
        ----------
        X : array of shape (n_rows, n_features), or (n_rows, n_training_rows) if precomputed

        Returns
        -------
        y : ndarray of shape (n_rows,)
        """
        check_is_fitted(self)
        rows = validate_data(self, without_mask(X), reset=False, dtype=np.float64)
        weights = self.dual_coef_ if self.kernel == "precomputed" else self.coef_
        return rows @ weights + self.intercept_


class RidgeDecoder(_DualRegressor):
    """Ridge regression whose penalty is given in units of the mean eigenvalue.

    The intercept is not penalised. The model is that of scikit-learn's ``Ridge(alpha=λ)`` with
    λ = ``penalty_``; given as ``alpha``, the penalty does not depend on the units of the
    features or on their number.

    Parameters
    ----------
    alpha : float
        Penalty λ divided by tr(K_c) / n, the mean eigenvalue of the centred Gram matrix K_c of
        the n training rows (no unit); above 0.
    kernel : {"linear", "precomputed"}
        Whether X holds features or inner products of rows.

    Attributes
    ----------
    dual_coef_ : ndarray of shape (n_training_rows,)
        Coefficients of the training rows, which sum to 0.
    intercept_ : float
        In units of y.
    coef_ : ndarray of shape (n_features,)
        Weights, in units of y per unit of the feature. Only with ``kernel="linear"``.
    penalty_ : float
        λ, in squared units of the features.

    See Also
    --------
    NestedRidge : chooses the penalty by leaving out groups.

    References
    ----------
    docs/methods.md; Hoerl & Kennard (1970), Technometrics.

    Examples
    --------
    >>> X = np.array([[0.], [1.], [2.]])
    >>> model = RidgeDecoder(alpha=3.0).fit(X, [0., 2., 4.])
    >>> model.predict([[1.], [3.]]).round(6)
    array([2., 4.])
    """

    def __init__(self, alpha: float = 1.0, *, kernel: Kernel = "linear") -> None:
        self.alpha = alpha
        self.kernel = kernel

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array of shape (n_rows, n_features), or (n_rows, n_rows) if precomputed
        y : array of shape (n_rows,)
        """
        if not 0 < self.alpha < np.inf:
            raise ValueError(f"alpha is {self.alpha}; it must be above 0, and finite.")
        with one_blas_thread():
            rows, ratings, K = self._training_gram(X, y, 2)
            dual, self.penalty_ = ridge_dual(K, ratings, self.alpha)
            self._set_model(rows, dual, float(ratings.mean() - K.mean(axis=0) @ dual))
        return self


class LassoPCR(_DualRegressor):
    """LASSO on all principal components, refit by least squares on those it selects.

    Parameters
    ----------
    alpha : float
        Penalty on standardised component scores, in units of y: a component is kept if
        its covariance with y exceeds the penalty; 0 keeps all.
    kernel : {"linear", "precomputed"}
        Whether X holds features or inner products of rows.

    Attributes
    ----------
    dual_coef_ : ndarray of shape (n_training_rows,)
    coef_ : ndarray of shape (n_features,)
        Only with ``kernel="linear"``.
    n_components_ : int
        Components kept.

    References
    ----------
    docs/methods.md; Wager et al. (2011), J. Neurosci.

    Examples
    --------
    >>> X = np.array([[0., 1.], [1., 0.], [2., 1.], [3., 0.]])
    >>> LassoPCR().fit(X, X[:, 0]).predict([[4., 1.]]).round(6)
    array([4.])
    """

    def __init__(self, alpha: float = 0.0, *, kernel: Kernel = "linear") -> None:
        self.alpha = alpha
        self.kernel = kernel

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array of shape (n_rows, n_features), or (n_rows, n_rows) if precomputed
        y : array of shape (n_rows,)
        """
        if not self.alpha >= 0:
            raise ValueError(f"alpha is {self.alpha}; it must be 0 or more.")
        with one_blas_thread():
            rows, ratings, K = self._training_gram(X, y, 2)
            fit = fit_components(K, ratings)
            self.n_components_ = int(fit.count_active(np.array([self.alpha]))[0])
            dual = fit.dual(self.n_components_)
            self._set_model(rows, dual, fit.intercept(dual))
        return self


class NestedDecoder(_DualRegressor):
    """A decoder with nested leave-one-group-out: inner folds choose the penalty, outer folds test.

    Groups stay together at both levels: each is predicted by a model whose penalty was
    chosen by leaving out the *other* groups in turn, by the smallest squared error for ridge
    regression and by the highest correlation for LASSO-PCR.

    Parameters
    ----------
    decoder : {"ridge", "lasso_pcr"}
        Ridge regression, or LASSO on principal components.
    kernel : {"linear", "precomputed"}
        Whether X holds features or inner products of rows.
    n_jobs : int
        Workers; results do not depend on it.

    Attributes
    ----------
    cv_predictions_ : ndarray of shape (n_rows,)
        Prediction of each row by the fold without its group, in units of y.
    folds_ : tuple of Model
        One per group.
    groups_ : ndarray of shape (n_groups,)
        Group of each fold.
    alpha_ : float
        Penalty of the final model, which ``predict`` uses, in the units of
        :class:`RidgeDecoder` or :class:`LassoPCR`.
    penalty_ : float
        The same penalty, λ. Ridge regression: in squared units of the features. LASSO-PCR:
        ``alpha_``.
    dof_ : float
        Effective degrees of freedom of the final model. Ridge regression: Σ w / (w + λ) over
        the eigenvalues w of the centred Gram matrix. LASSO-PCR: components kept.
    dual_coef_ : ndarray of shape (n_rows,)
        Coefficients of the training rows, which sum to 0.
    intercept_ : float
        In units of y.
    coef_ : ndarray of shape (n_features,)
        Weights, in units of y per unit of the feature. Only with ``kernel="linear"``.

    Notes
    -----
    ``cv_predictions_`` are already predictions of held-out groups. scikit-learn's own
    cross-validation of this estimator gives the same ones, but only if it passes the groups on
    to ``fit``; see :meth:`fit`.

    References
    ----------
    docs/methods.md
    """

    def __init__(
        self, decoder: DecoderName = "ridge", *, kernel: Kernel = "linear", n_jobs: int = 1
    ) -> None:
        self.decoder = decoder
        self.kernel = kernel
        self.n_jobs = n_jobs

    def fit(self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Fit the folds and the final model.

        Parameters
        ----------
        X : array of shape (n_rows, n_features), or (n_rows, n_rows) if precomputed
        y : array of shape (n_rows,)
        groups : array of shape (n_rows,)
            Group of each row; groups are left out in turn. Default, with a warning: 5 stretches
            of consecutive rows, or one per pair of rows if there are fewer pairs.

        Warns
        -----
        GroupsNotGiven
            Without groups. That includes ``cross_val_score`` and similar functions, which pass
            groups to the splitter alone unless metadata routing is on::

                sklearn.set_config(enable_metadata_routing=True)
                model = NestedRidge().set_fit_request(groups=True)
                cross_val_score(model, X, y, params={"groups": groups}, cv=LeaveOneGroupOut())

        Raises
        ------
        ValueError
            With fewer than 3 groups.
        """
        with one_blas_thread():
            rows, ratings, K = self._training_gram(X, y, 6)
            decoder = self._make_decoder()
            n_rows = len(ratings)
            if groups is None:
                n_groups = min(5, n_rows // 2)
                labels = np.arange(n_rows) * n_groups // n_rows
                message = _groups_not_given(type(self).__name__, n_groups)
                warnings.warn(message, GroupsNotGiven, stacklevel=2)
            else:
                labels = np.asarray(groups)
            if np.ma.is_masked(groups) or pd.isna(labels).any():
                raise ValueError("groups have missing values; each row needs a group.")
            if labels.shape != (n_rows,):
                raise ValueError(f"groups have shape {labels.shape}, but there are {n_rows} rows.")
            self.groups_, codes = np.unique(labels, return_inverse=True)
            nested = decoder.nested(Samples({"edges": K}, ratings, codes), n_jobs=self.n_jobs)
            choice = nested.final.choice
            self.folds_: tuple[Model, ...] = nested.folds
            self.cv_predictions_ = nested.held_out
            self.alpha_ = choice.penalty if choice.alpha is None else choice.alpha
            self.penalty_ = choice.penalty
            self.dof_ = choice.dof
            self._set_model(rows, nested.final.dual, nested.final.intercept)
        return self

    def _make_decoder(self) -> Decoder:
        if self.decoder == "ridge":
            return Ridge()
        if self.decoder == "lasso_pcr":
            return LassoPcr(LassoRules(self.n_features_in_))
        raise ValueError(f"decoder is {self.decoder!r}; choose 'ridge' or 'lasso_pcr'.")


def _groups_not_given(name: str, n_groups: int) -> str:
    return (
        f"{name}.fit was called without groups, so that {n_groups} stretches of consecutive rows "
        "are left out in turn. Rows of one session may then be in training and test rows at once. "
        "Call fit(X, y, groups=groups). scikit-learn's cross-validation passes groups on to fit "
        "only with metadata routing: sklearn.set_config(enable_metadata_routing=True); "
        f"cross_val_score({name}().set_fit_request(groups=True), X, y, "
        "params={'groups': groups}, cv=LeaveOneGroupOut())."
    )


class NestedRidge(NestedDecoder):
    """Ridge regression with nested leave-one-group-out.

    :class:`NestedDecoder` with ``decoder="ridge"``, which documents the attributes.

    Parameters
    ----------
    kernel : {"linear", "precomputed"}
        Whether X holds features or inner products of rows.
    n_jobs : int
        Workers; results do not depend on it.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(40, 3))
    >>> model = NestedRidge().fit(X, X[:, 0], groups=np.repeat(list("abcd"), 10))
    >>> model.alpha_, len(model.folds_), model.cv_predictions_.shape
    (0.01, 4, (40,))
    """

    decoder: DecoderName = "ridge"

    def __init__(self, *, kernel: Kernel = "linear", n_jobs: int = 1) -> None:
        self.kernel = kernel
        self.n_jobs = n_jobs


class NestedLassoPCR(NestedDecoder):
    """LASSO-PCR with nested leave-one-group-out.

    :class:`NestedDecoder` with ``decoder="lasso_pcr"``, which documents the other attributes.

    Parameters
    ----------
    kernel : {"linear", "precomputed"}
        Whether X holds features or inner products of rows.
    n_jobs : int
        Workers; results do not depend on it.

    Attributes
    ----------
    n_components_ : int
        Components kept by the final model.
    """

    decoder: DecoderName = "lasso_pcr"

    def __init__(self, *, kernel: Kernel = "linear", n_jobs: int = 1) -> None:
        self.kernel = kernel
        self.n_jobs = n_jobs

    @property
    def n_components_(self) -> int:
        """Components kept by the final model."""
        return int(self.dof_)
