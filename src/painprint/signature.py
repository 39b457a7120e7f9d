"""A person's signature: the trained models as they are used on new runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.bins import PAPER_COUNTS, make_time_bins
from painprint.decode.decoding import Decoding
from painprint.decode.training import EVERYTHING
from painprint.edges import count_edges, score_frames
from painprint.parcellation import Regions
from painprint.runs import Frames, Run, count_frames, pair_frames
from painprint.settings import LONGEST_S, PRESETS, Rules


@dataclass(frozen=True)
class UsedModel:
    """How one model of a signature turns edges into ratings, beside its weights.

    Attributes
    ----------
    held_out : str
        Group it has not seen; empty for the final model.
    intercept, training_mean : float
        In units of the rating.
    lag_s : float
        Haemodynamic lag (s).
    """

    held_out: str
    intercept: float
    training_mean: float
    lag_s: float


@dataclass(frozen=True, eq=False)
class Signature:
    """Final and fold models of one person, with what is needed to use them.

    Parameters
    ----------
    regions : Regions
        In the order of the weights.
    models : tuple of UsedModel
        The final model first, then the folds.
    weights : ndarray of shape (n_models, n_edges)
        Region pairs i < j, row by row.
    preset : str
    drop_s : float
        Left out at the start of a run (s).
    tr_s : tuple of float
        Repetition times of the training runs (s).
    simulated : bool
    metrics : mapping
        The metrics of the study, as in metrics.json.

    Raises
    ------
    ValueError
        If the parts do not fit together.
    """

    regions: Regions
    models: tuple[UsedModel, ...]
    weights: NDArray[np.float64]
    preset: str
    drop_s: float
    tr_s: tuple[float, ...]
    simulated: bool
    metrics: Mapping[str, Any]

    def __post_init__(self) -> None:
        shape = (len(self.models), count_edges(len(self.regions.names)))
        if self.weights.shape != shape:
            raise ValueError(f"weights have shape {self.weights.shape}, but {shape} is needed.")
        if not self.models or self.models[0].held_out != EVERYTHING:
            raise ValueError("the first model must be the final one.")
        if not np.isfinite(self.weights).all():
            raise ValueError("weights must be finite.")
        if not all(0 <= seconds <= LONGEST_S for seconds in (self.drop_s, *self._lags())):
            raise ValueError(f"lags and the dropped start must be from 0 to {LONGEST_S:g} s.")
        if self.preset not in PRESETS:
            raise ValueError(f"preset {self.preset!r} is unknown.")

    def _lags(self) -> list[float]:
        return [model.lag_s for model in self.models]

    @property
    def rules(self) -> Rules:
        """What the preset stands for."""
        return PRESETS[self.preset]

    def find_model(self, held_out: str = EVERYTHING) -> int:
        """Number of the model that has not seen a group, or of the final one.

        Raises
        ------
        ValueError
            If there is none, naming those that are there.
        """
        names = [model.held_out for model in self.models]
        if held_out not in names:
            there = ", ".join(name for name in names if name)
            raise ValueError(f"no fold left out {held_out!r}. There are: {there}.")
        return names.index(held_out)


def make_signature(decoding: Decoding, *, simulated: bool, metrics: Mapping[str, Any]) -> Signature:
    """The signature of a decoded person."""
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
    )


@dataclass(frozen=True, eq=False)
class Prediction:
    """Predicted rating of a run.

    Attributes
    ----------
    minutes : DataFrame
        Columns ``minute`` (number of the time bin), ``onset`` (s), ``n_frames``,
        ``predicted``.
    run : float
        Mean over all kept frames.
    counts : dict
        Where the frames went.
    warnings : tuple of str
    """

    minutes: pd.DataFrame
    run: float
    counts: dict[str, int]
    warnings: tuple[str, ...]


def pair_run(
    signature: Signature, run: Run, *, held_out: str = EVERYTHING, need_rating: bool = True
) -> Frames:
    """The frames of a run as a model of the signature takes them; regions matched by name.

    Parameters
    ----------
    signature, run, held_out
        As for :func:`predict_run`.
    need_rating : bool
        Whether frames without a rating are left out.

    Raises
    ------
    ValueError
        If regions of the signature are missing or unusable, or hardly a frame is left.
    """
    model = signature.models[signature.find_model(held_out)]
    frames = _pair(signature, run, model, need_rating=need_rating)
    fewest = PAPER_COUNTS.one_minute if signature.rules.time_bins == "discretize" else 2
    if len(frames) <= fewest:
        raise ValueError(
            f"{run.key}: {len(frames)} of {len(run.rating)} frames are usable (start "
            f"{frames.counts['n_start']}, end {frames.counts['n_beyond_end']}, censored "
            f"{frames.counts['n_censored']}); nothing can be predicted."
        )
    known = dict(zip(frames.regions, frames.usable, strict=True))
    missing = [n for n in signature.regions.names if not known.get(n, False)]
    if missing:
        raise ValueError(
            f"{run.key}: {len(missing)} of the signature's {len(signature.regions.names)} regions "
            f"are missing or have no signal (first: {', '.join(missing[:3])}). Use the same atlas."
        )
    return frames.select(signature.regions.names)


def usable_regions(signature: Signature, run: Run) -> set[str]:
    """Regions of a run that have a signal over the frames that the final model takes."""
    frames = _pair(signature, run, signature.models[0], need_rating=True)
    return {name for name, usable in zip(frames.regions, frames.usable, strict=True) if usable}


def _pair(signature: Signature, run: Run, model: UsedModel, *, need_rating: bool) -> Frames:
    return pair_frames(
        run,
        lag_frames=count_frames(model.lag_s, run.tr_s, up=False),
        drop_frames=count_frames(signature.drop_s, run.tr_s, up=True),
        need_rating=need_rating,
    )


def predict_run(signature: Signature, run: Run, *, held_out: str = EVERYTHING) -> Prediction:
    """Score a run that needs no rating; regions are matched by name.

    Parameters
    ----------
    signature : Signature
    run : Run
        Its rating is not looked at.
    held_out : str
        Use the fold that has not seen this group, instead of the final model.

    Raises
    ------
    ValueError
        If regions of the signature are missing or unusable, or hardly a frame is left.

    References
    ----------
    METHODS 6
    """
    at = signature.find_model(held_out)
    frames = pair_run(signature, run, held_out=held_out, need_rating=False)
    score = score_frames(frames.signals, signature.weights[at], signature.models[at].intercept)
    bins = make_time_bins([frames], signature.rules, "1min")
    minutes = pd.DataFrame(
        {
            "minute": bins.number,
            "onset": [run.start_s + frames.frame[m[0]] * run.tr_s for m in bins.frames],
            "n_frames": [len(m) for m in bins.frames],
            "predicted": [score[m].mean() for m in bins.frames],
        }
    )
    return Prediction(
        minutes, float(score.mean()), frames.counts, _warnings(signature, run, frames.kept_s)
    )


def _warnings(signature: Signature, run: Run, kept_s: float) -> tuple[str, ...]:
    said = []
    if signature.simulated:
        said.append("the signature was learnt from simulated data.")
    if all(abs(run.tr_s - tr_s) > 1e-3 * tr_s for tr_s in signature.tr_s):
        known = ", ".join(f"{tr_s:g}" for tr_s in signature.tr_s)
        said.append(f"TR is {run.tr_s:g} s; the signature was learnt at {known} s.")
    if kept_s < 60:
        said.append(f"only {kept_s:.0f} s are usable.")
    share = float(np.mean(run.censored)) if run.censored is not None else 0.0
    if share > 0.5:
        said.append(f"{100 * share:.0f} % of the frames are censored.")
    return tuple(said)
