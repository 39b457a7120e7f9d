"""Decode one person: from runs to trained models, held-out predictions and metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from painprint.arrays import Vector
from painprint.bins import primary_scale, primary_words
from painprint.decode.metrics import Evaluation, ScaleMetrics, evaluate
from painprint.decode.prepare import Prepared, prepare_runs
from painprint.decode.prior import Prior
from painprint.decode.training import FoldModel, Training, predict_held_out, train
from painprint.decode.units import MeanR
from painprint.progress import OnStep
from painprint.regions import Regions, RegionsLike
from painprint.runs import Frames, Run
from painprint.settings import Settings
from painprint.wording import number, plural

if TYPE_CHECKING:
    from painprint.evidence.stage import StageResult


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

    def __repr__(self) -> str:
        rules, leave_out = self.settings.rules, self.settings.leave_out
        primary = primary_scale(self.scales)
        scale, runs = self.scales[primary], self.training.run_table
        return (
            f"Decoding({plural(runs['session'].nunique(), 'session')}, {plural(len(runs), 'run')}, "
            f"{plural(len(self.regions.names), 'region')}; {rules.decoder}, "
            f"leave-one-{leave_out}-out;\n"
            f"         {leave_out}-centred r {number(scale.centred_r)} and skill "
            f"{number(scale.skill)} {primary_words(self.scales).at})"
        )

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

    def weights_frame(self, features: Literal["edges", "activity"] | None = None) -> pd.DataFrame:
        """Weights of the final model, in units of the rating.

        Parameters
        ----------
        features : {"edges", "activity"}, optional
            Which weights, where both were decoded. Default: edges, if they were decoded.

        Returns
        -------
        weights : DataFrame
            Of edges: ``region_1``, ``region_2``, ``network_1``, ``network_2``, ``weight``. Of
            activity: ``region``, ``network``, ``weight``.

        Raises
        ------
        ValueError
            If these features were not decoded.
        """
        decoded = self.settings.features
        chosen = features or ("activity" if decoded == "activity" else "edges")
        if chosen not in ("edges", "activity") or decoded not in (chosen, "both"):
            raise ValueError(
                f"there are no weights of {chosen!r}: decoded were {decoded}. Choose these, or "
                f"decode with Settings(features='both')."
            )
        if chosen == "edges":
            return edges_frame(self.regions, self.final.weights)
        names, networks = self.regions.names, self.regions.networks
        weight = self.final.activity
        return pd.DataFrame({"region": names, "network": networks, "weight": weight})

    def save(
        self,
        folder: str | Path,
        *,
        participant: str = "01",
        stages: Mapping[str, StageResult] | None = None,
        overwrite: bool = False,
    ) -> Path:
        """Write tables, metrics and the signature, as ``painprint run`` does, without the page.

        Parameters
        ----------
        folder : path
            Output folder, for one participant or several.
        participant : str
            Label of the participant.
        stages : mapping of str to StageResult, optional
            Results of stages of evidence, by name.
        overwrite : bool
            Whether to replace results of other runs or settings, or with other stages.

        Returns
        -------
        signature : Path
            Folder of the signature.

        Raises
        ------
        DerivativesError
            If the folder cannot be written, or has results of other runs or settings, or results
            of stages that are not given.
        """
        from painprint.apps.from_arrays import save_decoding

        files = save_decoding(
            self, Path(folder), participant=participant, stages=stages or {}, overwrite=overwrite
        )
        return files.decoding("signature", "")

    def report(
        self,
        path: str | Path,
        *,
        participant: str = "01",
        stages: Mapping[str, StageResult] | None = None,
    ) -> Path:
        """Write the page of the results as one HTML file.

        Parameters
        ----------
        path : path
            The file, such as ``"report.html"``; it is replaced.
        participant, stages
            As for :meth:`save`.

        Returns
        -------
        path : Path
            The file.
        """
        from painprint.apps.from_arrays import write_decoding_page

        return write_decoding_page(self, Path(path), participant=participant, stages=stages or {})


def edges_frame(regions: Regions, weights: Vector) -> pd.DataFrame:
    """Weights of edges with the regions and networks of each.

    Parameters
    ----------
    weights : ndarray of shape (n_edges,)
        Region pairs i < j, row by row.
    """
    names, networks = (np.array(x, dtype=object) for x in (regions.names, regions.networks))
    i, j = np.triu_indices(len(names), k=1)
    return pd.DataFrame(
        {
            "region_1": names[i],
            "region_2": names[j],
            "network_1": networks[i],
            "network_2": networks[j],
            "weight": weights,
        }
    )


def decode_runs(
    runs: Iterable[Run],
    settings: Settings | None = None,
    *,
    regions: RegionsLike | None = None,
    prior: Prior | None = None,
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
    prior : Prior, optional
        Of other people's signatures; ridge regression is then drawn towards it, as far as that
        predicts left-out sessions better.
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
    prepared = prepare_runs(runs, settings, regions=regions, prior=prior)
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
