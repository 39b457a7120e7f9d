"""scikit-learn classes over the decoder: LASSO-PCR, and its nested, group-safe selection."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from painprint.decode.crossval import nested_leave_one_out
from painprint.decode.lasso_pcr import fit_components
from painprint.decode.model import Model
from painprint.parallel import one_blas_thread

Kernel = Literal["linear", "precomputed"]


class _DualRegressor(RegressorMixin, BaseEstimator):
    """What both estimators share: inputs, and prediction from row coefficients."""

    kernel: Kernel

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.kernel == "precomputed"
        return tags

    def _training_gram(
        self, X: ArrayLike, y: ArrayLike, min_rows: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Validated X and y, and the inner products of the rows."""
        if self.kernel not in ("linear", "precomputed"):
            raise ValueError(f"kernel is {self.kernel!r}; choose 'linear' or 'precomputed'.")
        rows, ratings = validate_data(
            self, X, y, y_numeric=True, dtype=np.float64, ensure_min_samples=min_rows
        )
        ratings = np.asarray(ratings, dtype=float)
        if self.kernel == "linear":
            return rows, ratings, rows @ rows.T
        if rows.shape[0] != rows.shape[1]:
            raise ValueError(f"Precomputed matrix must be a square matrix. Input is {rows.shape}.")
        return rows, ratings, rows

    def _set_model(
        self, rows: NDArray[np.float64], dual: NDArray[np.float64], intercept: float
    ) -> None:
        self.dual_coef_ = dual
        self.intercept_ = intercept
        if self.kernel == "linear":
            self.coef_ = dual @ rows

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Predict ratings.

        Parameters
        ----------
        X : array of shape (n_rows, n_features), or (n_rows, n_training_rows) if precomputed

        Returns
        -------
        y : ndarray of shape (n_rows,)
        """
        check_is_fitted(self)
        rows = validate_data(self, X, reset=False, dtype=np.float64)
        weights = self.dual_coef_ if self.kernel == "precomputed" else self.coef_
        return rows @ weights + self.intercept_


class LassoPCR(_DualRegressor):
    """LASSO on all principal components, refit by least squares on those it keeps.

    Parameters
    ----------
    alpha : float
        Penalty on standardised component scores, in units of y: a component is kept where
        its covariance with y exceeds it. 0 keeps all.
    kernel : {"linear", "precomputed"}
        Whether X holds features or inner products of rows.

    Attributes
    ----------
    dual_coef_ : ndarray of shape (n_training_rows,)
    intercept_ : float
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


class NestedLassoPCR(_DualRegressor):
    """LASSO-PCR with its penalty chosen, and its performance tested, by leaving out groups.

    Groups stay together at both levels: each is predicted by a model whose penalty was
    chosen by leaving out the *other* groups in turn.

    Parameters
    ----------
    kernel : {"linear", "precomputed"}
        Whether X holds features or inner products of rows.
    n_jobs : int
        Workers; results do not depend on it.

    Attributes
    ----------
    cv_predictions_ : ndarray of shape (n_rows,)
        Each row predicted by the fold that has not seen its group.
    folds_ : tuple of Model
        One per group.
    groups_ : ndarray
        Group of each fold.
    alpha_ : float
        Penalty of the final model, which serves ``predict``.
    n_components_ : int
    dual_coef_, intercept_, coef_
        As for :class:`LassoPCR`.

    References
    ----------
    docs/methods.md
    """

    def __init__(self, *, kernel: Kernel = "linear", n_jobs: int = 1) -> None:
        self.kernel = kernel
        self.n_jobs = n_jobs

    def fit(self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Fit the folds and the final model.

        Parameters
        ----------
        X : array of shape (n_rows, n_features), or (n_rows, n_rows) if precomputed
        y : array of shape (n_rows,)
        groups : array of shape (n_rows,), optional
            What is left out together. Default: 5 stretches of consecutive rows, or as
            many as there are pairs of rows.

        Raises
        ------
        ValueError
            With fewer than 3 groups.
        """
        with one_blas_thread():
            rows, ratings, K = self._training_gram(X, y, 6)
            n_rows = len(ratings)
            if groups is None:
                n_groups = min(5, n_rows // 2)
                labels = np.arange(n_rows) * n_groups // n_rows
            else:
                labels = np.asarray(groups)
            if labels.shape != (n_rows,):
                raise ValueError(f"groups have shape {labels.shape}, but there are {n_rows} rows.")
            self.groups_, codes = np.unique(labels, return_inverse=True)
            nested = nested_leave_one_out(
                K, ratings, codes, n_edges=self.n_features_in_, n_jobs=self.n_jobs
            )
            self.folds_: tuple[Model, ...] = nested.folds
            self.cv_predictions_ = nested.held_out
            self.alpha_ = nested.final.choice.penalty
            self.n_components_ = int(nested.final.choice.dof)
            self._set_model(rows, nested.final.dual, nested.final.intercept)
        return self
