"""Input of a decoder: inner products, ratings, groups and units of error of the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from painprint.arrays import Codes, Matrix, Vector, short_repr
from painprint.decode.lasso_pcr import center_gram
from painprint.decode.residuals import predict_from_confounds, residuals


@short_repr
@dataclass(frozen=True, eq=False)
class Samples:
    """Rows of features and ratings that may train, as inner products.

    Attributes
    ----------
    products : mapping of str to ndarray of shape (n_rows, n_rows)
        Inner products of the rows, by feature.
    y : ndarray of shape (n_rows,)
        Rating.
    groups : ndarray of int, shape (n_rows,)
        Group of each row; groups are left out in turn. From 0, in the order of time.
    unit : ndarray of int, shape (n_rows,), optional
        Unit of error of each row, such as its minute: errors are averaged within units before they
        are squared. Default: each row is a unit.
    n_frames : ndarray of shape (n_rows,), optional
        Weight of each row in its unit. Default: equal.
    confounds : callable, optional
        Returns the confounds of all rows, given the training rows. They are partialled out of
        ratings and features with coefficients from the training rows.
    prior : ndarray of shape (n_rows,), optional
        Scores of a prior, towards which ridge regression draws its weights.
    """

    products: Mapping[str, Matrix]
    y: Vector
    groups: Codes
    unit: Codes | None = None
    n_frames: Vector | None = None
    confounds: Callable[[Codes], Matrix] | None = field(default=None)
    prior: Vector | None = None

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return int(self.groups.max()) + 1

    def scale(self, train: Codes) -> dict[str, float]:
        """Factor of each feature's inner products for a training set.

        1 for a single feature. Several are scaled so that the training rows of each, centred,
        have a mean squared length of 1.
        """
        if len(self.products) == 1:
            return dict.fromkeys(self.products, 1.0)
        return {
            name: 1 / float(center_gram(K[np.ix_(train, train)]).diagonal().mean())
            for name, K in self.products.items()
        }

    def adjust(self, train: Codes) -> tuple[Matrix, Vector]:
        """Inner products and ratings of all rows, scaled and adjusted by the training rows."""
        K = combine(self.products, self.scale(train))
        if self.confounds is None:
            return K, self.y
        return residuals(K, self.y, self.confounds(train), train)

    def adjust_prior(self, train: Codes) -> Vector | None:
        """Scores of the prior of all rows, adjusted likewise; None without a prior."""
        if self.prior is None or self.confounds is None:
            return self.prior
        everything, confounds = np.arange(len(self.y)), self.confounds(train)
        return self.prior - predict_from_confounds(confounds, self.prior, train, everything)

    def take(self, rows: Codes) -> Samples:
        """Some of the rows, without confounds; groups are renumbered in the same order."""
        return replace(
            self,
            products={name: K[np.ix_(rows, rows)] for name, K in self.products.items()},
            y=self.y[rows],
            groups=np.unique(self.groups[rows], return_inverse=True)[1],
            unit=None if self.unit is None else self.unit[rows],
            n_frames=None if self.n_frames is None else self.n_frames[rows],
            prior=None if self.prior is None else self.prior[rows],
            confounds=None,
        )


@short_repr
@dataclass(frozen=True, eq=False)
class RowsToPredict:
    """Rows to predict.

    Attributes
    ----------
    products : mapping of str to ndarray of shape (n_tested, n_rows)
        By feature, inner products with the rows that may train.
    groups : ndarray of int, shape (n_tested,)
        Group of each row.
    prior : ndarray of shape (n_tested,), optional
        Scores of the prior.
    """

    products: Mapping[str, Matrix]
    groups: Codes
    prior: Vector | None = None


def combine(products: Mapping[str, Matrix], scale: Mapping[str, float]) -> Matrix:
    """Sum of the features' inner products, each multiplied by its factor."""
    if len(products) == 1:
        (K,) = products.values()
        return K
    total: Matrix = np.sum([scale[name] * K for name, K in products.items()], axis=0)
    return total
