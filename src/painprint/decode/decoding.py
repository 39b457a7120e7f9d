"""Decode one person: runs in, trained models, held-out predictions and metrics out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from painprint.decode.metrics import Evaluation, MeanR, ScaleMetrics, evaluate
from painprint.decode.prepare import Prepared, prepare_runs
from painprint.decode.training import FoldModel, Training, predict_held_out, train
from painprint.progress import OnStep
from painprint.regions import Regions
from painprint.runs import Frames, Run
from painprint.settings import Settings


@dataclass(frozen=True, eq=False)
class Decoding:
    """One person decoded.

    Attributes
    ----------
    prepared : Prepared
        Usable runs and regions, and what was left out.
    training : Training
        The models.
    predictions : DataFrame
        Every held-out row at four scales; see the columns of predictions.tsv.
    evaluation : Evaluation
        How well they agree with the ratings.
    """

    settings: Settings
    prepared: Prepared
    training: Training
    predictions: pd.DataFrame
    evaluation: Evaluation

    @property
    def frames(self) -> list[Frames]:
        """Each run at the lag that its fold chose."""
        return self.training.frames(self.prepared)

    @property
    def regions(self) -> Regions:
        """Regions used, in the order of the weights."""
        return self.prepared.regions

    @property
    def groups(self) -> tuple[str, ...]:
        """What was left out in turn, in order."""
        return self.training.groups

    @property
    def folds(self) -> tuple[FoldModel, ...]:
        """Models that have each not seen one group."""
        return self.training.folds

    @property
    def final(self) -> FoldModel:
        """The model trained on everything, for new data."""
        return self.training.final

    @property
    def scales(self) -> dict[str, ScaleMetrics]:
        """Metrics by scale: "1min", "2min", "run", "session"."""
        return self.evaluation.scales

    @property
    def within_run(self) -> MeanR:
        """Mean correlation within runs."""
        return self.evaluation.within_run

    @property
    def within_session(self) -> MeanR:
        """Mean correlation within what was left out."""
        return self.evaluation.within_session


def decode_runs(
    runs: Iterable[Run],
    settings: Settings | None = None,
    *,
    regions: Regions | None = None,
    n_jobs: int = 1,
    on_step: OnStep | None = None,
) -> Decoding:
    """Train one person's model and test it on sessions it has not seen.

    Parameters
    ----------
    runs : iterable of Run
        Sessions in the order of time. Read one at a time, so a generator keeps memory low.
    regions : Regions, optional
        Networks of the regions; needed to leave out a network.
    n_jobs : int
        Workers; results do not depend on it.
    on_step : callable, optional
        Told (done, of) after each fold.

    Returns
    -------
    Decoding

    Raises
    ------
    ValueError
        If fewer than 3 groups are usable, or no region is.

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
    """Held-out predictions of trained models, and how well they agree with the ratings."""
    predictions = predict_held_out(prepared, training, settings, n_jobs=n_jobs)
    evaluation = evaluate(
        predictions,
        training.groups,
        n_bootstraps=settings.n_bootstraps,
        random_seed=settings.random_seed,
    )
    return Decoding(settings, prepared, training, predictions, evaluation)
