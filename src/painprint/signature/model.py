"""A person's signature: the trained models, for use on new runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from painprint.arrays import Matrix, Vector, short_repr
from painprint.bins import EVENT_SCALES
from painprint.bins import SCALES as ALL_SCALES
from painprint.decode.decoding import Decoding
from painprint.decode.training import EVERYTHING
from painprint.edges import count_edges, score_frames
from painprint.option_fields import Bounds
from painprint.regions import Regions
from painprint.settings import DECODING, PRESETS, UP_TO_LONGEST, Rules
from painprint.signature.applicability import (
    FEWEST_GROUPS,
    TR_S,
    ApplicabilityDomain,
    check_bounds,
    fit_domain,
)
from painprint.signature.origin import SHA256, Origin
from painprint.stats.conformal import NonconformityScores
from painprint.wording import plural


@dataclass(frozen=True)
class UsedModel:
    """Intercept and lag of one model of a signature; its weights are in :class:`Signature`.

    Attributes
    ----------
    held_out : str
        Group that did not train; empty for the final model.
    intercept, training_mean : float
        In units of the rating.
    lag_s : float
        Haemodynamic lag (s).
    """

    held_out: str
    intercept: float
    training_mean: float
    lag_s: float


PUBLISHED = {"decoder": "lasso_pcr", "train_bins": "rating", "features": "edges"}
"""Decoder of signatures of versions 1 and 2, which do not state it."""

SCALES = ("1min", "run", "session")
"""Scales at which a new session is scored."""

LARGEST = 1e30
UNIT, ERROR = Bounds(-LARGEST, LARGEST), Bounds(0, LARGEST)
"""Bounds of weights and ratings in any unit: no sum or square of them can overflow."""


@short_repr
@dataclass(frozen=True, eq=False)
class History:
    """Ratings and held-out errors of the sessions of the study.

    Attributes
    ----------
    errors : mapping of str to NonconformityScores
        Absolute errors by scale; groups in the order of the fold models.
    levels : tuple of float
        Mean rating of each group.
    """

    errors: Mapping[str, NonconformityScores]
    levels: tuple[float, ...]

    def check(self, n_groups: int) -> None:
        """Raise a ValueError unless every group has a level and errors."""
        if not n_groups or len(self.levels) != n_groups:
            raise ValueError(
                f"mean ratings of {len(self.levels)} groups, but {n_groups} models that left one "
                "out; each must have one."
            )
        check_bounds("mean ratings", self.levels, UNIT)
        for scale, scores in self.errors.items():
            if scale not in SCALES:
                raise ValueError(f"errors at scale {scale!r:.40}; {', '.join(SCALES)} are known.")
            sizes = [len(errors) for errors in scores.by_group]
            if len(sizes) != n_groups or not all(sizes):
                raise ValueError(f"errors at scale {scale} of {n_groups} groups are needed.")
            if scale == "session" and set(sizes) != {1}:
                raise ValueError("each session must have one error at the scale of sessions.")
            check_bounds(f"errors at scale {scale}", np.concatenate(scores.by_group), ERROR)


@dataclass(frozen=True, eq=False)
class Signature:
    """Final and fold models of one person, with all that their use on new runs requires.

    Parameters
    ----------
    regions : Regions
        In the order of the weights.
    models : tuple of UsedModel
        The final model first, then the folds.
    weights : ndarray of shape (n_models, n_edges)
        Region pairs i < j, row by row.
    drop_s : float
        Excluded at the start of a run (s).
    tr_s : tuple of float
        Repetition times of the training runs (s).
    metrics : mapping
        The metrics of the study, as in metrics.json; of the stages, the number of permutations of
        the null and the confounds that were flagged alone.
    leave_out : str
        Unit of the groups: session or run.
    domain : ApplicabilityDomain or None
        Applicability domain: distribution of the training runs.
    origin : Origin
        Atlas, and options of reading and denoising, as far as known.
    decoder : mapping of str to str
        ``decoder``, ``train_bins`` and ``features`` of the study, as in its settings.
    activity : ndarray of shape (n_models, n_regions) or None
        Weights of the regions' mean signals, if activity is decoded.
    participant : str
        Label of the person, kept without "sub-"; empty if unknown.
    recalibrated : bool
        Whether slope and offset were fitted again since the study, so that the metrics are those
        of the signature before.
    pattern, activity_pattern : ndarray of shape (n_edges,) or (n_regions,), or None
        Sums over training bins of feature times rating, centred within sessions, of which priors
        for other people are made; None in earlier versions, and for features not decoded.
    runs_sha256 : tuple of str
        SHA-256 of the BOLD, or of the regional time series, of each rated run of the study; empty
        if unknown.

    Raises
    ------
    ValueError
        If the parts do not fit together.
    """

    regions: Regions
    models: tuple[UsedModel, ...]
    weights: Matrix
    preset: str
    drop_s: float
    tr_s: tuple[float, ...]
    simulated: bool
    metrics: Mapping[str, Any]
    leave_out: str = "session"
    domain: ApplicabilityDomain | None = None
    history: History | None = None
    origin: Origin = Origin()
    decoder: Mapping[str, str] = field(default_factory=lambda: dict(PUBLISHED))
    activity: Matrix | None = None
    participant: str = ""
    recalibrated: bool = False
    runs_sha256: tuple[str, ...] = ()
    pattern: Vector | None = None
    activity_pattern: Vector | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "participant", self.participant.removeprefix("sub-"))
        shape = (len(self.models), count_edges(len(self.regions.names)))
        if self.weights.shape != shape:
            raise ValueError(f"weights have shape {self.weights.shape}, but {shape} is needed.")
        if not self.models or self.models[0].held_out != EVERYTHING:
            raise ValueError("the first model must be the final one.")
        check_bounds("weights", self.weights, UNIT)
        if self.activity is not None:
            wanted = (len(self.models), len(self.regions.names))
            if self.activity.shape != wanted:
                raise ValueError(f"activity has shape {self.activity.shape}, not {wanted}.")
            check_bounds("weights of activity", self.activity, UNIT)
        for name, size in (("pattern", shape[1]), ("activity_pattern", len(self.regions.names))):
            values = getattr(self, name)
            if values is not None:
                if values.shape != (size,):
                    raise ValueError(f"{name} has shape {values.shape}, but {size} are needed.")
                check_bounds(name, values, UNIT)
        for name, allowed in DECODING.items():
            if self.decoder.get(name) not in allowed:
                raise ValueError(f"{name} {self.decoder.get(name)!r:.40} is unknown.")
        if (self.decoder["features"] == "edges") != (self.activity is None):
            raise ValueError("weights of activity belong to features of activity, and only them.")
        check_bounds("the dropped start (s)", self.drop_s, UP_TO_LONGEST)
        check_bounds("lags (s)", [model.lag_s for model in self.models], UP_TO_LONGEST)
        check_bounds("intercepts", [model.intercept for model in self.models], UNIT)
        check_bounds("training means", [model.training_mean for model in self.models], UNIT)
        if not self.tr_s:
            raise ValueError("the TR of the training runs is missing.")
        check_bounds("TR (s)", self.tr_s, TR_S)
        if self.preset not in PRESETS:
            raise ValueError(f"preset {self.preset!r:.40} is unknown.")
        if not all(SHA256.fullmatch(digest) for digest in self.runs_sha256):
            raise ValueError("runs_sha256 holds a text that is no SHA-256.")
        if self.leave_out not in ("session", "run"):
            raise ValueError(f"leave_out {self.leave_out!r:.40} is unknown.")
        if len({model.held_out for model in self.models}) < len(self.models):
            raise ValueError("two models left out the same group.")
        scales = self.metrics.get("scales", {})
        if not isinstance(scales, Mapping) or not set(scales) <= set(ALL_SCALES):
            raise ValueError("the metrics are of unknown scales.")
        if (self.domain is None) != (self.history is None):
            raise ValueError("the domain and the history of a signature belong together.")
        if self.domain is not None and self.history is not None:
            self.domain.check(shape[1])
            self.history.check(len(self.models) - 1)

    def __repr__(self) -> str:
        who = f"sub-{self.participant}" if self.participant else "of an unknown person"
        lags = ", ".join(f"{lag_s:g}" for lag_s in sorted({m.lag_s for m in self.models}))
        return (
            f"Signature({who}, {plural(len(self.regions.names), 'region')}, "
            f"{plural(len(self.models) - 1, 'fold')}, {self.decoder['decoder']} of "
            f"{self.decoder['features']}, lag {lags} s)"
        )

    @property
    def of_events(self) -> bool:
        """Whether the ratings of the study were of events, as far as its metrics say."""
        return any(scale in EVENT_SCALES for scale in self.metrics.get("scales", {}))

    @property
    def rating_range(self) -> tuple[float, float] | None:
        """Lowest and highest possible rating, in its unit; None if the study did not state it."""
        ends: tuple[float, float] | None = self.origin.read_with.get("rating_range")
        return ends

    @property
    def rules(self) -> Rules:
        """Rules of the preset."""
        return PRESETS[self.preset]

    def score(self, at: int, signals: Matrix) -> Vector:
        """Predicted rating of each frame by one of the models.

        Parameters
        ----------
        at : int
            Index of the model.
        signals : ndarray of shape (n_frames, n_regions)
            z-scored within run.
        """
        activity = None if self.activity is None else self.activity[at]
        return score_frames(signals, self.weights[at], self.models[at].intercept, activity)

    def find_model(self, held_out: str = EVERYTHING) -> int:
        """Index of the model trained without a group, or of the final one.

        Raises
        ------
        ValueError
            If there is none, naming those that exist.
        """
        names = [model.held_out for model in self.models]
        if held_out not in names:
            available = ", ".join(name for name in names if name)
            raise ValueError(f"no fold held out {held_out!r}. Choose one of {available}.")
        return names.index(held_out)


def final_model(signature: Signature) -> Signature:
    """The signature without its folds, and without what only readings of new sessions need."""
    return replace(
        signature,
        models=signature.models[:1],
        weights=signature.weights[:1].copy(),  # a view would keep those of the folds
        activity=None if signature.activity is None else signature.activity[:1].copy(),
        domain=None,
        history=None,
    )


def make_signature(
    decoding: Decoding, *, simulated: bool, metrics: Mapping[str, Any], participant: str = ""
) -> Signature:
    """Signature with the models of a decoded person; :func:`complete_signature` adds the rest."""
    models = (decoding.final, *decoding.folds)
    return Signature(
        regions=decoding.regions,
        models=tuple(UsedModel(m.held_out, m.intercept, m.training_mean, m.lag_s) for m in models),
        weights=np.array([m.weights for m in models]),
        preset=decoding.settings.preset,
        drop_s=decoding.settings.drop_s,
        tr_s=tuple(sorted(set(decoding.training.run_table["tr_s"]))),
        simulated=simulated,
        metrics=metrics,
        leave_out=decoding.settings.leave_out,
        decoder={
            "decoder": decoding.settings.rules.decoder,
            "train_bins": decoding.settings.rules.train_bins,
            "features": decoding.settings.features,
        },
        activity=None if models[0].activity is None else np.array([m.activity for m in models]),
        pattern=decoding.final.pattern,
        activity_pattern=decoding.final.activity_pattern,
        participant=participant,
    )


def complete_signature(
    signature: Signature, decoding: Decoding, *, origin: Origin, runs_sha256: tuple[str, ...] = ()
) -> Signature:
    """Add the applicability domain, held-out errors and origin to a signature.

    Parameters
    ----------
    decoding : Decoding
        Decoding from which the signature was made.
    origin : Origin
        Atlas, and options of reading and denoising.
    runs_sha256 : tuple of str
        SHA-256 of the signals of each run, as far as they were read from files.
    """
    table = decoding.training.run_table
    keys = ["session", "task", "run"]
    group_of = table.set_index(keys)["group"]
    rows = decoding.predictions

    def groups_of(runs: pd.DataFrame) -> pd.Series:
        labels = [group_of[key] for key in runs[keys].itertuples(index=False, name=None)]
        return pd.Series(labels, runs.index)

    errors = {}
    # new runs are scored by minutes, with frames between events; of a session that is left out,
    # no run trained
    if signature.leave_out == "session" and "1min" in set(rows["scale"]):
        for scale in SCALES:
            at_scale = rows[rows["scale"] == scale]
            if scale == "session":  # rows are in the order of the groups
                group_of_row = pd.Series(decoding.groups, at_scale.index)
            else:
                group_of_row = groups_of(at_scale)
            error = (at_scale["rating"] - at_scale["predicted"]).abs()
            errors[scale] = NonconformityScores(
                [error[group_of_row == model.held_out].to_numpy() for model in signature.models[1:]]
            )
    runs = rows[rows["scale"] == "run"]
    levels = runs["rating"].groupby(groups_of(runs)).mean()
    domain_groups = (
        table["session"] if table["session"].nunique() >= FEWEST_GROUPS else table["group"]
    )
    return replace(
        signature,
        domain=fit_domain(decoding.frames, domain_groups.tolist()),
        history=History(errors, tuple(float(levels[m.held_out]) for m in signature.models[1:])),
        origin=origin,
        runs_sha256=runs_sha256,
    )
