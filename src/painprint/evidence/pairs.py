"""Signatures of several people on the ratings of one person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from painprint.arrays import Codes, Matrix, Vector, short_repr
from painprint.bins import make_test_bins, primary_scale, test_scales
from painprint.decode.metrics import Draws, score_scale, split_scales
from painprint.decode.training import average_frames
from painprint.decode.units import score_units
from painprint.edges import edges_to_matrix, matrix_to_edges
from painprint.evidence.bin_features import mean_features
from painprint.evidence.member import Member
from painprint.evidence.scores import metric_columns
from painprint.evidence.stage import StageResult
from painprint.runs import Frames, Run
from painprint.settings import Rules
from painprint.signature.model import Signature
from painprint.signature.predict import pair_all_regions

MOST_MISSING = 0.2
"""Largest share of a signature's regions that another person may lack."""
OF_A_STUDY = ["null_median", "p_within", "p_between"]
"""Metrics of the stages of a person's own study."""


def score_pairs(
    person: Member, models: Sequence[Member], *, n_bootstraps: int, random_seed: int
) -> dict[str, StageResult]:
    """Scores of the signatures of several people on the ratings of one.

    The person's own signature is that of the outer folds, trained without the session; those of
    others are final models.

    Parameters
    ----------
    models : sequence of Member
        Whose signatures; the person may be among them.
    random_seed : int
        All signatures have the same resamples of the person's sessions, whoever else is there.

    Returns
    -------
    pairs : dict of StageResult
        By name of the signature's person. Tables ``transfer`` and, where sessions were held out,
        ``identification`` (r within each session); none where the signature was not applied.
    """
    predictions: dict[str, pd.DataFrame] = {}
    reasons: dict[str, tuple[str, ...]] = {model.name: () for model in models}
    others = [model for model in models if model.name != person.name]
    if len(others) < len(models):
        predictions[person.name] = person.predictions
    matching = [model for model in others if model.atlas == person.atlas]
    for model in others:
        if model not in matching:
            reasons[model.name] = (
                f"{model.name}'s signature on {person.name}: not applied. Atlas "
                f"{model.atlas or 'unnamed'} there, {person.atlas or 'unnamed'} here; decode both "
                "with the same one (--atlas).",
            )
    if matching:
        applied = predict_others(person, {m.name: m.signature for m in matching})
        for name, (table, said) in applied.items():
            if said:
                reasons[name] = (f"{name}'s signature on {person.name}: {said}",)
            if table is not None:
                predictions[name] = table
    scores = _Scores(person, n_bootstraps, random_seed, {})
    return {
        name: StageResult(
            scores.tables(predictions[name], name) if name in predictions else {}, {}, said
        )
        for name, said in reasons.items()
    }


@dataclass(frozen=True, eq=False)
class _Scores:
    """Scores of predictions for one person, all from the same resamples."""

    person: Member
    n_bootstraps: int
    random_seed: int
    drawn: dict[tuple[bytes, bytes], Draws]

    def tables(self, table: pd.DataFrame, model: str) -> dict[str, pd.DataFrame]:
        """Tables of the predictions by one signature."""
        name, rows = self.person.name, []
        by_scale = split_scales(table)
        rng = np.random.default_rng([self.random_seed, *f"on {name}".encode()])
        for scale, scale_rows in by_scale.items():
            metrics = score_scale(
                scale_rows, n_bootstraps=self.n_bootstraps, rng=rng, draws=self._draws(scale_rows)
            )
            rows.append({"scale": scale, **metric_columns(metrics)})
        numbers = pd.DataFrame(rows).drop(columns=OF_A_STUDY)
        tables = {"transfer": numbers.assign(model=model, person=name)}
        if self.person.leave_out == "session":
            units = score_units(by_scale[primary_scale(by_scale)], "group")
            sessions = [self.person.groups[k] for k in units["group"]]
            tables["identification"] = units[["r", "mae"]].assign(
                person=name, session=sessions, model=model
            )
        return tables

    def _draws(self, rows: pd.DataFrame) -> Draws:
        """Resamples of rows with these groups and runs."""
        key = (rows["group"].to_numpy().tobytes(), rows["run_code"].to_numpy().tobytes())
        if key not in self.drawn:
            self.drawn[key] = Draws.of(rows).remembered()
        return self.drawn[key]


def predict_others(
    person: Member, signatures: Mapping[str, Signature]
) -> dict[str, tuple[pd.DataFrame | None, str]]:
    """Predictions of final models of other people for a person's runs, at every scale.

    Without the edges of a region, the prediction changes by their contribution, whose mean is a
    constant shift; correlations remain meaningful, skill and errors less so.

    Returns
    -------
    predicted : dict of (DataFrame or None, str)
        By the names of the signatures: columns as in predictions.tsv with ``group``, ``run_code``
        and ``training_mean``; and what is missing, as a sentence, or why there is no prediction.
    """
    runs = list(person.runs())
    alike: defaultdict[tuple[float, float, str], list[str]] = defaultdict(list)
    for name, signature in signatures.items():
        alike[signature.models[0].lag_s, signature.drop_s, signature.preset].append(name)
    predicted: dict[str, tuple[pd.DataFrame | None, str]] = {}
    for names in alike.values():
        try:
            rows = TestedRows.of(person, runs, signatures[names[0]])
        except ValueError as error:
            predicted |= {name: (None, f"not applied. {error}") for name in names}
            continue
        fitting, said = {}, {}
        for name in names:
            try:
                fitting[name], missing = rows.fit(signatures[name])
            except ValueError as error:
                predicted[name] = None, f"not applied. {error}"
                continue
            said[name] = missing
        for name, table in rows.predict(fitting).items():
            mean = signatures[name].models[0].training_mean
            predicted[name] = table.assign(training_mean=mean), said[name]
    return {name: predicted[name] for name in signatures}


@dataclass(frozen=True, eq=False)
class _Weights:
    """A final model on the regions of another person; 0 where it has none of them."""

    edges: Vector
    activity: Vector
    intercept: float


@short_repr
@dataclass(frozen=True, eq=False)
class TestedRows:
    """Test bins, runs and sessions of a person at one lag.

    Attributes
    ----------
    frames : sequence of Frames
        Of each run, with the regions that have a signal in all of them.
    rows : tuple of lists of (int, int array)
        For each run, the number of each of its rows in the table, and its frames.
    table : DataFrame
        As from :func:`~painprint.decode.training.average_frames`, without predictions.
    """

    frames: Sequence[Frames]
    rows: tuple[list[tuple[int, Codes]], ...]
    table: pd.DataFrame

    @classmethod
    def of(cls, person: Member, runs: Sequence[Run], signature: Signature) -> TestedRows:
        """Rows at the lag of a signature's final model, in bins of its preset.

        Raises
        ------
        ValueError
            If too few frames of a run are usable.
        """
        paired = [pair_all_regions(signature, run, signature.models[0]) for run in runs]
        usable = [
            {name for name, usable in zip(one.regions, one.usable, strict=True) if usable}
            for one in paired
        ]
        common = set.intersection(*usable)
        names = [name for name in paired[0].regions if name in common]
        frames = [one.select(names) for one in paired]
        group_index = np.array([person.code(one.key) for one in frames])
        nothing = [np.zeros(len(one)) for one in frames]
        table = average_frames(frames, nothing, group_index, signature.rules)
        return cls(frames, _rows_of_runs(frames, signature.rules), table)

    def fit(self, signature: Signature) -> tuple[_Weights, str]:
        """The final model on these regions, and what it lacks, as a sentence.

        Raises
        ------
        ValueError
            If more than a fifth of its regions is missing.
        """
        names, position = signature.regions.names, {n: i for i, n in enumerate(self.regions)}
        kept = np.array([i for i, name in enumerate(names) if name in position], np.int64)
        missing = [name for name in names if name not in position]
        n_missing = f"{len(missing)} of its {len(names)} regions have no signal there"
        if len(missing) > MOST_MISSING * len(names):
            raise ValueError(
                f"{n_missing} (first: {', '.join(missing[:3])}). Decode both with the same regions."
            )
        at = np.array([position[names[i]] for i in kept], np.int64)
        W = np.zeros((len(position),) * 2)
        W[np.ix_(at, at)] = edges_to_matrix(signature.weights[0])[np.ix_(kept, kept)]
        activity = np.zeros(len(position))
        if signature.activity is not None:
            activity[at] = signature.activity[0, kept]
        said = f"{n_missing} (first: {missing[0]}); their edges are excluded." if missing else ""
        return _Weights(matrix_to_edges(W), activity, signature.models[0].intercept), said

    @property
    def regions(self) -> tuple[str, ...]:
        """Regions with a signal in all runs."""
        return self.frames[0].regions

    def predict(self, models: Mapping[str, _Weights]) -> dict[str, pd.DataFrame]:
        """The table with the predictions of each model.

        A prediction is linear in the bin's mean co-fluctuation, which is computed once for all
        models. They are multiplied one by one, so that none depends on which others there are.
        """
        predicted = np.empty((len(self.table), len(models)))
        for run, rows in zip(self.frames, self.rows, strict=True):
            edges, activity = mean_features([run.signals[frames] for _, frames in rows])
            at = [row for row, _ in rows]
            for column, model in enumerate(models.values()):
                predicted[at, column] = (
                    edges @ model.edges + activity @ model.activity + model.intercept
                )
        self._average_runs(predicted)
        return {
            name: self.table.assign(predicted=column)
            for name, column in zip(models, predicted.T, strict=True)
        }

    def _average_runs(self, predicted: Matrix) -> None:
        """Fill the rows of sessions with the means of their runs."""
        scale, group = self.table["scale"].to_numpy(), self.table["group"].to_numpy()
        runs, sessions = np.flatnonzero(scale == "run"), np.flatnonzero(scale == "session")
        for row in sessions:
            predicted[row] = predicted[runs[group[runs] == group[row]]].mean(axis=0)


def _rows_of_runs(frames: Sequence[Frames], rules: Rules) -> tuple[list[tuple[int, Codes]], ...]:
    """Rows of each run in the order of ``average_frames``: bins of every scale, then runs."""
    rows: tuple[list[tuple[int, Codes]], ...] = tuple([] for _ in frames)
    row = 0
    for scale in test_scales(frames):
        bins = make_test_bins(frames, rules, scale)
        for run, members in zip(bins.run, bins.frames, strict=True):
            rows[run].append((row, members))
            row += 1
    for run, one in enumerate(frames):
        rows[run].append((row + run, np.arange(len(one))))
    return rows
