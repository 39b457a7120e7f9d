"""Decode one person: from runs to trained models, held-out predictions and metrics."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from painprint.decode.metrics import Evaluation, MeanR, ScaleMetrics, evaluate
from painprint.decode.prepare import Prepared, prepare_runs
from painprint.decode.training import FoldModel, Training, predict_held_out, train
from painprint.progress import OnStep
from painprint.regions import Regions, RegionsLike
from painprint.runs import Frames, Run
from painprint.settings import Settings


@dataclass(frozen=True, eq=False)
class Decoding:
    """Trained models, held-out predictions and metrics of one person.

    Attributes
    ----------
    prepared : Prepared
        Usable runs and regions, and those excluded.
    training : Training
        Models of the folds and the final model.
    predictions : DataFrame
        Held-out predictions at four scales; columns as in predictions.tsv.
    evaluation : Evaluation
        Agreement of predictions and ratings.
    """

    settings: Settings
    prepared: Prepared
    training: Training
    predictions: pd.DataFrame
    evaluation: Evaluation

    @property
    def frames(self) -> list[Frames]:
        """Frames of each run, at the lag chosen by its fold."""
        return self.training.frames(self.prepared)

    @property
    def regions(self) -> Regions:
        """Regions in the order of the weights."""
        return self.prepared.regions

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups that were left out in turn."""
        return self.training.groups

    @property
    def folds(self) -> tuple[FoldModel, ...]:
        """Models of the folds, each trained without one group."""
        return self.training.folds

    @property
    def final(self) -> FoldModel:
        """Model trained on all groups, for new data."""
        return self.training.final

    @property
    def scales(self) -> dict[str, ScaleMetrics]:
        """Metrics by scale: "1min" and "2min", or "event"; "run"; "session"."""
        return self.evaluation.scales

    @property
    def within_run(self) -> MeanR:
        """Mean correlation within runs."""
        return self.evaluation.within_run

    @property
    def within_session(self) -> MeanR:
        """Mean correlation within the groups left out."""
        return self.evaluation.within_session


def decode_runs(
    runs: Iterable[Run],
    settings: Settings | None = None,
    *,
    regions: RegionsLike | None = None,
    n_jobs: int = 1,
    on_step: OnStep | None = None,
) -> Decoding:
    """Train the models of one person and test them on held-out sessions.

    Parameters
    ----------
    runs : iterable of Run
        In the order of time. Read one at a time, so a generator keeps memory low.
    regions : Regions, mapping of str to str, or sequence of str, optional
        Networks of the regions, needed to exclude a network; or their network by name; or their
        names.
    n_jobs : int
        Workers; results do not depend on it.
    on_step : callable, optional
        Called with (steps done, number of steps) after each fold.

    Returns
    -------
    Decoding

    Raises
    ------
    ValueError
        If fewer than 3 groups or 2 regions are usable.

    References
    ----------
    docs/methods.md; Lee et al. (2026)

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> runs = [
    ...     Run(rng.normal(size=(300, 5)), rng.normal(size=300), tr_s=1.0, session=str(s))
    ...     for s in range(4)
    ... ]
    >>> decode_runs(runs, Settings(n_bootstraps=100)).scales["1min"].n
    16
    """
    settings = settings or Settings()
    prepared = prepare_runs(runs, settings, regions=regions)
    training = train(prepared, settings, n_jobs=n_jobs, on_step=on_step)
    return evaluate_training(prepared, training, settings, n_jobs=n_jobs)


def evaluate_training(
    prepared: Prepared, training: Training, settings: Settings, *, n_jobs: int = 1
) -> Decoding:
    """Predict held-out rows with trained models and score the predictions."""
    predictions = predict_held_out(prepared, training, settings, n_jobs=n_jobs)
    evaluation = evaluate(
        predictions,
        training.groups,
        n_bootstraps=settings.n_bootstraps,
        random_seed=settings.random_seed,
    )
    return Decoding(settings, prepared, training, predictions, evaluation)
