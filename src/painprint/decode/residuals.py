"""Partial out confounds from ratings and features.

With C the confounds of the rows (and a constant) and H the pseudo-inverse of its training rows,
X' = X - C H X_train and y' = y - C H y_train. Inner products of X' follow from those of X.
"""

from __future__ import annotations

import numpy as np

from painprint.arrays import Codes, Matrix, Vector


def residuals(K: Matrix, y: Vector, confounds: Matrix, train: Codes) -> tuple[Matrix, Vector]:
    """Inner products and ratings after the confounds are partialled out.

    Coefficients, of ratings and of every feature, are estimated on the training rows alone.

    Parameters
    ----------
    K : ndarray of shape (n_rows, n_rows)
        Inner products of the rows.
    y : ndarray of shape (n_rows,)
        Rating.
    confounds : ndarray of shape (n_rows, n_confounds)
        Without a constant, which is added.
    train : ndarray of int
        Indices of the training rows.
    """
    C = np.column_stack([np.ones(len(y)), scale_columns(confounds, train)])
    H = np.linalg.pinv(C[train])  # (n_confounds + 1, n_train)
    from_train = C @ (H @ K[train])  # (n_rows, n_rows)
    of_fits = from_train[:, train] @ H.T @ C.T
    return K - from_train - from_train.T + of_fits, y - C @ (H @ y[train])


def scale_columns(confounds: Matrix, train: Codes) -> Matrix:
    """Columns centred and scaled by the mean and SD of their training rows."""
    if not np.isfinite(confounds).all():
        raise ValueError("confounds contain values that are not finite.")
    centred = confounds - confounds[train].mean(axis=0)
    sd = np.sqrt((centred[train] ** 2).mean(axis=0))
    # columns constant up to rounding become 0, not noise
    varies = sd > 1e-12 * np.maximum(1e-300, np.abs(confounds).max(axis=0, initial=0))
    return np.where(varies, centred, 0.0) / np.where(varies, sd, 1.0)


def predict_from_confounds(confounds: Matrix, y: Vector, train: Codes, test: Codes) -> Matrix:
    """Least-squares predictions of test rows from confounds alone, of one or several ratings.

    Parameters
    ----------
    confounds : ndarray of shape (n_rows, n_confounds)
    y : ndarray of shape (n_rows,) or (n_rows, n_targets)
        Ratings, one or several.
    train, test : ndarrays of int
        Indices of the rows.
    """
    C = np.column_stack([np.ones(len(y)), scale_columns(confounds, train)])
    predicted: Matrix = C[test] @ (np.linalg.pinv(C[train]) @ y[train])
    return predicted
