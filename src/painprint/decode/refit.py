"""Nested fits of variants from one Gram matrix: with confounds removed, buffers, or other folds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from painprint.arrays import Codes, Matrix, Vector, short_repr
from painprint.decode.bin_gram import BinGram
from painprint.decode.decoders import make_decoder
from painprint.decode.metrics import Rows
from painprint.decode.model import Model, best_lag, check_groups
from painprint.decode.nested_ridge import is_shareable, share
from painprint.decode.residuals import scale_columns
from painprint.decode.samples import Samples
from painprint.decode.scales import Scales
from painprint.parallel import map_ordered
from painprint.settings import Rules

Columns = Callable[[BinGram, Codes], Matrix]
"""Returns the confounds of all rows of a BinGram, given the training groups."""


@short_repr
@dataclass(frozen=True, eq=False)
class HeldOut:
    """Ratings and held-out predictions of test bins, by scale.

    Attributes
    ----------
    rating, predicted : dict of ndarrays
        By scale.
    training_mean : ndarray of shape (n_groups,)
    groups : dict of int ndarrays
        Group of each row, by scale.
    """

    rating: dict[str, Vector]
    predicted: dict[str, Vector]
    training_mean: Vector
    groups: dict[str, Codes]

    def agreement(self) -> dict[str, dict[str, float]]:
        """r, group-centred r and skill, by scale."""
        return {scale: rows.agreement() for scale, rows in self.rows().items()}

    def rows(self) -> dict[str, Rows]:
        """Rating, prediction and training mean of every row, by scale."""
        return {
            scale: Rows(self.rating[scale], self.predicted[scale], self.training_mean[group], group)
            for scale, group in self.groups.items()
        }


def refit(
    bin_grams: Sequence[BinGram],
    rules: Rules,
    *,
    columns: Columns | None = None,
    buffer: int = 0,
    fold_of_group: Codes | None = None,
    n_jobs: int = 1,
) -> HeldOut:
    """Nested leave-one-group-out, tested on test bins.

    Parameters
    ----------
    bin_grams : sequence of BinGram
        One per lag; each fold takes the lag with the best inner score.
    columns : callable, optional
        Confounds to partial out of ratings and edges, with coefficients from training rows.
    buffer : int
        Number of groups before and after the one left out that do not train either.
    fold_of_group : ndarray of int, shape (n_groups,), optional
        Groups with the same number are left out together.
    """
    first = bin_grams[0]
    fold_of_group = np.arange(first.n_groups) if fold_of_group is None else fold_of_group
    fits = [_fit(k, rules, columns, buffer, fold_of_group, n_jobs) for k in bin_grams]
    chosen = [
        best_lag([folds[b].choice.inner_score for folds in fits])
        for b in range(fold_of_group.max() + 1)
    ]
    rating, predicted = (
        {kind: np.empty(len(first.bins[kind])) for kind in first.tested} for _ in range(2)
    )
    training_mean = np.empty(first.n_groups)
    for b, lag in enumerate(chosen):
        model, bin_gram = fits[lag][b], bin_grams[lag]
        block = fold_of_group[bin_gram.groups("train")]
        train = np.flatnonzero(np.abs(block - b) > buffer)
        training_mean[fold_of_group == b] = model.y_mean
        for kind in first.tested:
            test = np.flatnonzero(fold_of_group[bin_gram.groups(kind)] == b)
            predicted[kind][test], rating[kind][test] = _predict_rows(
                bin_gram, kind, test, train, model, columns
            )
    scales = scales_at(bin_grams, np.array(chosen)[fold_of_group])
    return HeldOut(
        scales.average(rating),
        scales.average(predicted),
        training_mean,
        scales.groups,
    )


def scales_at(bin_grams: Sequence[BinGram], lag: Codes) -> Scales:
    """Averages over runs with the bins' weights at the lag of each group."""
    of_run = np.array(
        [bin_grams[lag[code]].scales.of_run[r] for r, code in enumerate(bin_grams[0].group_index)]
    )
    return replace(bin_grams[0].scales, of_run=of_run)


def _fit(
    bin_gram: BinGram,
    rules: Rules,
    columns: Columns | None,
    buffer: int,
    fold_of_group: Codes,
    n_jobs: int,
) -> Sequence[Model]:
    """Model of each fold."""
    groups, rows = bin_gram.groups("train"), bin_gram.rows("train")

    def confounds(train: Codes) -> Matrix:
        assert columns is not None
        return columns(bin_gram, np.unique(groups[train]))[rows]

    samples = bin_gram.samples(None if columns is None else confounds)
    samples = replace(samples, groups=fold_of_group[groups])
    fixed = None if columns is None else _fixed_columns(bin_gram, columns)
    is_fixed = columns is None or fixed is not None
    if rules.decoder == "ridge" and is_shareable(samples) and is_fixed:
        check_groups(samples.n_groups, buffer)
        return _shared_folds(samples, None if fixed is None else fixed[rows], buffer, n_jobs)
    return make_decoder(rules, bin_gram.n_edges).nested(samples, buffer=buffer, n_jobs=n_jobs).folds


def _shared_folds(
    samples: Samples, confounds: Matrix | None, buffer: int, n_jobs: int
) -> Sequence[Model]:
    """Folds of ridge regression from one eigendecomposition of all rows."""
    everything = np.arange(len(samples.y))
    scaled = None if confounds is None else scale_columns(confounds, everything)
    fit = share(samples, confounds=scaled, buffer=buffer).prepare(n_jobs=n_jobs)
    jobs = ((k,) for k in range(samples.n_groups))
    folds = map_ordered(fit.fold, jobs, n_jobs=n_jobs, large=True)
    return [replace(model, scale=samples.scale(everything)) for model in folds]


def _fixed_columns(bin_gram: BinGram, columns: Columns) -> Matrix | None:
    """Confounds of all rows, or None if they depend on which groups train."""
    everything = np.arange(bin_gram.n_groups)
    fixed = columns(bin_gram, everything)
    for k in everything:
        if not np.array_equal(columns(bin_gram, np.delete(everything, k)), fixed):
            return None
    return fixed


def _predict_rows(
    bin_gram: BinGram, kind: str, test: Codes, train: Codes, model: Model, columns: Columns | None
) -> tuple[Vector, Vector]:
    """Predictions and ratings of test rows; with confounds, the residuals of both.

    Dual coefficients of a model of residuals are orthogonal to the confounds C. So the inner
    products of residuals are not needed: predictions are (K_x - C_x H K) d, with H the
    pseudo-inverse of the training rows of C.
    """
    model, y = replace(model, dual=model.dual[train]), bin_gram.y(kind)[test]
    predicted = bin_gram.predict(kind, model, rows=test, train=train)
    if columns is None:
        return predicted, y
    rows = np.concatenate([bin_gram.rows("train").start + train, bin_gram.rows(kind).start + test])
    confounds = columns(bin_gram, np.unique(bin_gram.groups("train")[train]))[rows]
    scaled = scale_columns(confounds, np.arange(len(train)))
    C = np.column_stack([np.ones(len(rows)), scaled])
    of_train = bin_gram.predict("train", replace(model, intercept=0.0), rows=train, train=train)
    fitted = np.linalg.pinv(C[: len(train)]) @ np.column_stack(
        [of_train, bin_gram.y("train")[train]]
    )
    of_prediction, of_rating = (C[len(train) :] @ fitted).T
    return predicted - of_prediction, y - of_rating
