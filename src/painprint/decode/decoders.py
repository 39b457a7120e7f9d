"""Decoders with one interface: ridge regression and LASSO on principal components."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import numpy as np
from scipy.linalg import solve

from painprint.arrays import Codes, Matrix, Vector
from painprint.decode.crossval import choose_penalty, nested_leave_one_out
from painprint.decode.errors import NotEnoughData
from painprint.decode.lasso_pcr import LassoRules, center_gram
from painprint.decode.many import nested_for_many
from painprint.decode.model import Choice, ManyFits, Model, NestedFit, check_groups
from painprint.decode.nested_ridge import SharedFit, is_shareable, ratings_at_once, share
from painprint.decode.prior_ridge import fit_ridge_with_prior
from painprint.decode.residuals import scale_columns
from painprint.decode.ridge import ALPHAS, RidgeFits, fit_ridge, leave_groups_out
from painprint.decode.samples import RowsToPredict, Samples, combine
from painprint.parallel import map_ordered
from painprint.progress import OnStep, count_steps
from painprint.settings import Rules

MOST_ROWS = 3000
"""Largest number of training bins of which every fold has an eigendecomposition of its own."""
FEWEST_GROUPS_TO_SHARE = 24
"""Number of groups from which on nested fits of many ratings share one eigendecomposition: with
fewer, one for each fold takes less time (measured)."""
RATINGS_AT_ONCE = 4096
"""Ratings that are fitted at once to one training set by ridge regression."""


class Decoder(Protocol):
    """Interface of the decoders: prediction of ratings from inner products of rows.

    Attributes
    ----------
    most_inner_folds : int or None
        Largest number of inner folds for models of the learning curve; None for one per group.
    """

    @property
    def most_inner_folds(self) -> int | None: ...

    def nested(
        self,
        samples: Samples,
        *,
        buffer: int = 0,
        n_jobs: int = 1,
        on_step: OnStep | None = None,
    ) -> NestedFit:
        """Nested leave-one-group-out; the inner folds choose the penalty.

        Parameters
        ----------
        buffer : int
            Number of groups before and after the one left out that do not train either.
        n_jobs : int
            Workers; the result does not depend on it.
        on_step : callable, optional
            Called with (steps done, number of steps) after each fold.

        Raises
        ------
        NotEnoughData
            With fewer than 3 groups, or where a training set is too small for a model.
        """

    def fit(self, samples: Samples) -> Model:
        """Model of all rows; the penalty is chosen by leave-one-group-out."""

    def nested_for_many(
        self,
        samples: Samples,
        Y: Matrix,
        tested: RowsToPredict,
        *,
        n_jobs: int = 1,
        on_step: OnStep | None = None,
    ) -> ManyFits:
        """Apply :meth:`nested` to every column of ratings.

        Parameters
        ----------
        samples : Samples
            Without confounds; ``samples.y`` is not used.
        Y : ndarray of shape (n_rows, n_ratings)
            A rating per column.
        tested : RowsToPredict
            Rows to predict, each by the models without its group.
        """


@dataclass(frozen=True)
class Ridge:
    """Ridge regression; the penalty minimises the squared error of inner cross-validation."""

    most_inner_folds: int | None = None

    def nested(
        self, samples: Samples, *, buffer: int = 0, n_jobs: int = 1, on_step: OnStep | None = None
    ) -> NestedFit:
        """See :meth:`Decoder.nested`."""
        check_groups(samples.n_groups, buffer)
        step = count_steps(on_step, 1 + samples.n_groups)
        models, held_out, target = [], np.empty(len(samples.y)), np.empty(len(samples.y))
        for model, rows, predicted, rating in _folds(samples, buffer, n_jobs):
            models.append(model)
            held_out[rows], target[rows] = predicted, rating
            step()
        return NestedFit(tuple(models[1:]), models[0], held_out, target)

    def fit(self, samples: Samples) -> Model:
        """See :meth:`Decoder.fit`."""
        if samples.n_groups < 2 and samples.prior is None:
            raise NotEnoughData("choosing a penalty needs at least 2 groups.")
        return _fit_without(samples, None, 0)[0]

    def nested_for_many(
        self,
        samples: Samples,
        Y: Matrix,
        tested: RowsToPredict,
        *,
        n_jobs: int = 1,
        on_step: OnStep | None = None,
    ) -> ManyFits:
        """See :meth:`Decoder.nested_for_many`."""
        check_groups(samples.n_groups, 0)
        fits = ManyFits(
            np.empty((len(tested.groups), Y.shape[1])),
            *(np.empty((samples.n_groups, Y.shape[1])) for _ in range(3)),
        )
        is_shared = samples.n_groups >= FEWEST_GROUPS_TO_SHARE and is_shareable(samples)
        shared = share(samples, Y) if is_shared else None
        at_once = RATINGS_AT_ONCE if shared is None else ratings_at_once(len(Y))
        parts = [slice(i, i + at_once) for i in range(0, Y.shape[1], at_once)]
        step = count_steps(on_step, samples.n_groups * len(parts))
        for part in parts:
            if shared is None:
                fold_of = partial(_many_without, samples, Y[:, part], tested)
            else:
                of_part = shared.of_ratings(Y[:, part]).prepare(n_jobs=n_jobs)
                fold_of = partial(_many_shared, of_part, tested)
            jobs = ((k,) for k in range(samples.n_groups))
            folds = map_ordered(fold_of, jobs, n_jobs=n_jobs, large=True)
            for k, (held_out, mean, dof, skill) in enumerate(folds):
                fits.held_out[tested.groups == k, part] = held_out
                fits.training_mean[k, part] = mean
                fits.dof[k, part], fits.inner_score[k, part] = dof, skill
                step()
        return fits


def _folds(
    samples: Samples, buffer: int, n_jobs: int
) -> Iterator[tuple[Model, Codes, Vector, Vector]]:
    """:func:`_fit_without` of no group, then of each."""
    if len(samples.y) <= MOST_ROWS or not is_shareable(samples) or samples.confounds is not None:
        jobs = ((k, buffer) for k in (None, *range(samples.n_groups)))
        yield from map_ordered(_fit_without, jobs, shared=(samples,), n_jobs=n_jobs)
        return
    yield _fit_without(samples, None, buffer)
    shared = share(samples, buffer=buffer).prepare(n_jobs=n_jobs)
    folds = ((samples, shared, k) for k in range(samples.n_groups))
    yield from map_ordered(_fit_at_shared_penalty, folds, n_jobs=n_jobs, large=True)


def _fit_at_shared_penalty(
    samples: Samples, shared: SharedFit, k: int
) -> tuple[Model, Codes, Vector, Vector]:
    """The model without group k, solved from its training rows alone.

    Only which penalty is chosen, and how well each does in the inner folds, comes from the
    decomposition of all rows.
    """
    train = np.setdiff1d(np.arange(len(samples.y)), shared.outer[k])
    test = np.flatnonzero(samples.groups == k)
    (K,), y, choice = samples.products.values(), samples.y, shared.fold(k).choice
    K_train = K[np.ix_(train, train)]
    column_means, centred = K_train.mean(axis=0), center_gram(K_train)
    unit, y_mean = float(centred.diagonal().mean()), float(y[train].mean())
    assert choice.alpha is not None
    penalty = choice.alpha * unit
    centred[np.diag_indices(len(train))] += penalty
    of_train = solve(centred, y[train] - y_mean, assume_a="pos", overwrite_a=True)
    of_train -= of_train.mean()
    dual = np.zeros(len(y))
    dual[train] = of_train
    model = Model(
        dual=dual,
        intercept=y_mean - float(column_means @ of_train),
        y_mean=y_mean,
        choice=replace(choice, penalty=penalty, path_penalty=ALPHAS * unit),
        scale=samples.scale(train),
    )
    return model, test, model.predict(K[test]), y[test]


def _many_shared(
    fit: SharedFit, tested: RowsToPredict, k: int
) -> tuple[Matrix, Vector, Vector, Vector]:
    """The same as :func:`_many_without`, from the decomposition of all rows."""
    (cross,), models = tested.products.values(), fit.fold_of_many(k)
    intercept = models.y_mean - fit.column_means(k) @ models.dual
    held_out = cross[tested.groups == k] @ models.dual + intercept
    return held_out, models.y_mean, models.dof, models.inner_skill


def _fit_without(
    samples: Samples, k: int | None, buffer: int
) -> tuple[Model, Codes, Vector, Vector]:
    """The model without group k (None: of all), its test rows, their predictions and targets."""
    groups = samples.groups
    in_training = np.full(len(groups), True) if k is None else abs(groups - k) > buffer
    train, test = np.flatnonzero(in_training), np.flatnonzero(groups == k)
    K, y = samples.adjust(train)
    prior = samples.adjust_prior(train)
    fit = _ridge_of(samples, train, K, y[train][:, None], buffer)
    dual = np.zeros(len(groups))
    dual[train] = fit.dual()[:, 0]
    y_mean, alpha, unit = float(fit.y_mean[0]), float(fit.alpha[0]), fit.spectrum.unit
    intercept = y_mean - float(fit.spectrum.column_means @ dual[train])
    prior_weight, share = 0.0, None
    if fit.prior is not None:
        prior_weight, share = float(fit.prior.weight[0]), float(fit.prior.share[0])
        intercept -= prior_weight * fit.prior.mean
    model = Model(
        dual=dual,
        intercept=intercept,
        y_mean=y_mean,
        choice=Choice(
            penalty=alpha * unit,
            dof=float(fit.spectrum.shrinkage(alpha).sum()),
            inner_score=float(fit.inner_skill[0]),
            path_penalty=fit.alphas * unit,
            path_score=fit.path_skill[:, 0],
            alpha=alpha,
            at_edge=alpha in (fit.alphas[0], fit.alphas[-1]),
            prior_share=share,
        ),
        scale=samples.scale(train),
        prior_weight=prior_weight,
    )
    scores = None if prior is None else prior[test]
    return model, test, fit.predict(K[np.ix_(test, train)], scores)[:, 0], y[test]


def _ridge_of(samples: Samples, train: Codes, K: Matrix, Y: Matrix, buffer: int) -> RidgeFits:
    """Ridge regressions on the training rows, penalties chosen by leaving out their groups."""
    confounds = None
    if samples.confounds is not None:
        columns = scale_columns(samples.confounds(train), train)[train]
        confounds = np.column_stack([np.ones(len(train)), columns])
    left_out = leave_groups_out(
        samples.groups[train],
        unit=None if samples.unit is None else samples.unit[train],
        n_frames=None if samples.n_frames is None else samples.n_frames[train],
        buffer=buffer,
    )
    K_train, prior = K[np.ix_(train, train)], samples.adjust_prior(train)
    if prior is None:
        return fit_ridge(K_train, Y, left_out, confounds=confounds)
    return fit_ridge_with_prior(K_train, Y, prior[train], left_out, confounds=confounds)


def _many_without(
    samples: Samples, Y: Matrix, tested: RowsToPredict, k: int
) -> tuple[Matrix, Vector, Vector, Vector]:
    """Fold k for every rating: predictions, training means, degrees of freedom, inner skill."""
    train, test = np.flatnonzero(samples.groups != k), np.flatnonzero(tested.groups == k)
    K, _ = samples.adjust(train)
    cross_test = {name: C[np.ix_(test, train)] for name, C in tested.products.items()}
    prior = None if tested.prior is None else tested.prior[test]
    K_test = combine(cross_test, samples.scale(train))
    fit = _ridge_of(samples, train, K, Y[train], 0)
    dof = np.array([fit.spectrum.shrinkage(alpha).sum() for alpha in fit.alphas])[fit.chosen]
    return fit.predict(K_test, prior), fit.y_mean, dof, fit.inner_skill


@dataclass(frozen=True)
class LassoPcr:
    """LASSO on principal components, refit by least squares; λ maximises the inner correlation.

    Attributes
    ----------
    most_inner_folds : int or None
        As for :class:`Decoder`.
    """

    rules: LassoRules
    most_inner_folds: int | None = 5

    def nested(
        self, samples: Samples, *, buffer: int = 0, n_jobs: int = 1, on_step: OnStep | None = None
    ) -> NestedFit:
        """See :meth:`Decoder.nested`."""
        unadjusted = len(samples.products) == 1 and samples.confounds is None
        fit = nested_leave_one_out(
            combine(samples.products, dict.fromkeys(samples.products, 1.0)),
            samples.y,
            samples.groups,
            self.rules,
            buffer=buffer,
            adjust=None if unadjusted else lambda K, y, train: samples.adjust(train),
            n_jobs=n_jobs,
            on_step=on_step,
        )
        trains = [np.flatnonzero(abs(samples.groups - k) > buffer) for k in range(len(fit.folds))]
        return replace(
            fit,
            folds=tuple(
                replace(model, scale=samples.scale(train))
                for model, train in zip(fit.folds, trains, strict=True)
            ),
            final=replace(fit.final, scale=samples.scale(np.arange(len(samples.y)))),
        )

    def fit(self, samples: Samples) -> Model:
        """See :meth:`Decoder.fit`."""
        everything = np.arange(len(samples.y))
        K, y = samples.adjust(everything)
        model = choose_penalty(K, y, samples.groups, self.rules)
        return replace(model, scale=samples.scale(everything))

    def nested_for_many(
        self,
        samples: Samples,
        Y: Matrix,
        tested: RowsToPredict,
        *,
        n_jobs: int = 1,
        on_step: OnStep | None = None,
    ) -> ManyFits:
        """See :meth:`Decoder.nested_for_many`."""
        if len(samples.products) > 1:
            raise NotEnoughData(
                "LASSO-PCR fits many ratings at once to one feature only. Choose --features edges "
                "or --decoder ridge."
            )
        (K,), (K_tested,) = samples.products.values(), tested.products.values()
        return nested_for_many(
            K,
            Y,
            samples.groups,
            self.rules,
            cross=K_tested,
            cross_groups=tested.groups,
            n_jobs=n_jobs,
            on_step=on_step,
        )


def make_decoder(rules: Rules, n_edges: int) -> Decoder:
    """The decoder named in the rules of a study.

    Parameters
    ----------
    n_edges : int
        Number of edges of a row.
    """
    if rules.decoder == "ridge":
        return Ridge()
    return LassoPcr(LassoRules(n_edges, rules.lambda_grid, rules.components))
