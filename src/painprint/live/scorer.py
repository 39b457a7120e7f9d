"""Score every volume of a run with a signature, while the run goes on."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from painprint.arrays import Codes, Vector
from painprint.live.scaling import CausalScaling, RunEdges
from painprint.live.volume import Volume
from painprint.runs import count_frames
from painprint.signature.applicability import (
    MOST_MISSING,
    RunMeasures,
    Verdict,
    judge_runs,
    measure_edges,
)
from painprint.signature.model import Signature
from painprint.stats.conformal import predict_interval

WINDOW_S = 60.0
"""Length of the running mean (s): that of the time bins whose held-out errors are known."""
LEAST_OF_WINDOW = 0.5
"""Share of the window's frames that must be scored for a running mean."""
LEVEL = 0.8
"""Nominal coverage of the interval."""
JUDGED_EVERY_S = 5.0
"""Time between two looks at whether the run is in range (s)."""


@dataclass(frozen=True)
class Reading:
    """The reading of one volume.

    Attributes
    ----------
    index : int
        Number of the volume, from 0.
    scored : bool
        Whether the volume has a score.
    score : float or None
        Predicted rating of the volume; of the pain one lag before it.
    mean : float or None
        Mean score of the last minute of volumes; None with too few of them.
    low, high : float or None
        80% prediction interval of the rating, mean over that minute.
    range : {"in range", "caution", "do not read"}
        Whether the run so far may be read.
    reasons : tuple of str
        Why there is no score, and why the run is not in range.
    """

    index: int
    scored: bool
    score: float | None
    mean: float | None
    low: float | None
    high: float | None
    range: str
    reasons: tuple[str, ...]

    def as_row(self) -> dict[str, object]:
        """For a line of the file; numbers with nine digits."""
        row = asdict(self)
        for name in ("score", "mean", "low", "high"):
            if row[name] is not None:
                row[name] = float(f"{row[name]:.9g}")
        return {**row, "reasons": list(self.reasons)}


class LiveScorer:
    """Scores the volumes of one run, one after the other.

    Memory does not grow with the run. A volume is scored when it comes, by the frames that came
    before it; one that is missing is a missing frame.

    Parameters
    ----------
    signature : Signature
        With applicability domain and history.
    regions : sequence of str
        Names of the regions of the stream; they are matched with the signature's by name.
    tr_s : float
        Repetition time (s).
    warm_up_s : float
        Time at the start without a prediction (s).
    prior_frames : float
        As for :class:`CausalScaling`.

    Raises
    ------
    ValueError
        If the signature has no applicability domain, or more than 5 % of its regions are missing.
    """

    def __init__(
        self,
        signature: Signature,
        regions: Sequence[str],
        tr_s: float,
        *,
        warm_up_s: float = 30.0,
        prior_frames: float = 60.0,
        max_fd_mm: float = 0.0,
    ) -> None:
        if signature.domain is None or signature.history is None:
            raise ValueError(
                "this signature has no record of its training runs (it is of an earlier version). "
                "Decode the participant again."
            )
        self.signature, self.tr_s = signature, tr_s
        self.max_fd_mm = max_fd_mm
        self.first_scored = int(np.ceil(warm_up_s / tr_s - 1e-9))
        names = signature.regions.names
        self._column, self._known = _match(regions, names)
        self._a, self._b = np.triu_indices(len(names), k=1)
        self._absent = ~(self._known[self._a] & self._known[self._b])
        self._domain, self._history = signature.domain, signature.history
        self._scaling = CausalScaling(len(names), prior_frames=prior_frames)
        self._intercepts = np.array([model.intercept for model in signature.models])
        self.window = int(round(WINDOW_S / tr_s))
        self.lag_frames = count_frames(signature.models[0].lag_s, tr_s, up=False)
        self._recent: deque[tuple[int, Vector]] = deque()
        self._last = -1
        self._run = RunEdges(len(names))
        self._fd: list[float] = [0.0, 0.0]  # sum, number
        self._verdict = self._judge()
        self._judged_at = 0

    @property
    def levels(self) -> tuple[float, ...]:
        """Mean rating of each session of the study."""
        return self._history.levels

    def read(self, volume: Volume) -> Reading:
        """The reading of a volume; "no prediction" is a value, with its reasons."""
        reason, values = self._check(volume)
        if volume.fd_mm is not None:
            self._fd[0], self._fd[1] = self._fd[0] + volume.fd_mm, self._fd[1] + 1
        self._last = max(self._last, volume.index)
        if values is not None:
            self._scaling.add(values)
            if volume.index < self.first_scored:
                left_s = (self.first_scored - volume.index) * self.tr_s
                reason = f"warming up, {left_s:.0f} s left"
        score = None
        if values is not None and not reason:
            scores = self._score(values)
            if np.isfinite(scores).all():
                score = float(scores[0])
                self._recent.append((volume.index, scores))
            else:
                reason = "the score is not a finite number"
        self._forget()
        if (self._run.n - self._judged_at) * self.tr_s >= JUDGED_EVERY_S:
            self._verdict, self._judged_at = self._judge(), self._run.n
        mean, low, high = self._mean_and_interval()
        reasons = [text for text in (reason, volume.note) if text]
        reasons += [] if self._run.n == 0 else self._verdict.reasons
        return Reading(
            volume.index, score is not None, score, mean, low, high, self._verdict.word,
            tuple(reasons),
        )  # fmt: skip

    def _check(self, volume: Volume) -> tuple[str, Vector | None]:
        """Why a volume cannot be used, or its values in the order of the signature."""
        if volume.values is None:
            return volume.note or "the volume cannot be read", None
        values = np.where(self._known, np.asarray(volume.values, dtype=float)[self._column], 0.0)
        if not np.isfinite(values).all():
            n = int((~np.isfinite(values)).sum())
            return f"{n} regions have no finite value", None
        if volume.fd_mm is not None and 0 < self.max_fd_mm < volume.fd_mm:
            return f"motion: {volume.fd_mm:.2f} mm", None
        return "", values

    def _score(self, values: Vector) -> Vector:
        """Score of a frame by every model: shape (n_models,)."""
        z = self._scaling.zscores(values)
        edges = z[self._a] * z[self._b]
        edges[self._absent] = self._domain.mean[self._absent]
        self._run.add(values)
        scores = self.signature.weights @ edges + self._intercepts
        if self.signature.activity is not None:
            scores = scores + self.signature.activity @ z
        return scores

    def _forget(self) -> None:
        """Drop the scores of frames that lie before the window."""
        kept = [(i, scores) for i, scores in self._recent if i > self._last - self.window]
        if len(kept) < len(self._recent):
            self._recent = deque(kept)

    def _mean_and_interval(self) -> tuple[float | None, float | None, float | None]:
        if len(self._recent) < LEAST_OF_WINDOW * self.window:
            return None, None, None
        means = np.mean([scores for _, scores in self._recent], axis=0)
        errors = self._history.errors.get("1min")
        if errors is None:
            return float(means[0]), None, None
        try:
            low, high = predict_interval(means[1:], errors, level=LEVEL)
        except ValueError:  # too few sessions for this level, which the start of the run says
            return float(means[0]), None, None
        lowest, highest = self.signature.rating_range or (-np.inf, np.inf)
        ends = np.clip([low, high], lowest, highest)
        return float(means[0]), float(ends[0]), float(ends[1])

    def _judge(self) -> Verdict:
        motion = np.log(self._fd[0] / self._fd[1]) if self._fd[0] > 0 else np.nan
        kept_s = self._run.n * self.tr_s
        share = float(1 - self._known.mean())
        measures = RunMeasures(np.nan, np.nan, motion, kept_s, self.tr_s, share)
        if self._run.n:
            edges = self._run.edges()
            edges[self._absent] = self._domain.mean[self._absent]
            measures = measure_edges(self._domain, edges, measures)
        return judge_runs(self._domain, [measures], goes_on=True)


def _match(regions: Sequence[str], names: Sequence[str]) -> tuple[Codes, NDArray[np.bool_]]:
    """Column in the stream of each of the signature's regions, 0 if absent; which are there."""
    at = {name: i for i, name in enumerate(regions)}
    if len(at) < len(regions):
        twice = next(name for name in regions if list(regions).count(name) > 1)
        raise ValueError(f"the stream has the region {twice!r} twice.")
    known = np.array([name in at for name in names])
    missing = [name for name, is_there in zip(names, known, strict=True) if not is_there]
    if len(missing) > MOST_MISSING * len(names):
        raise ValueError(
            f"{len(missing)} of the signature's {len(names)} regions are not in the stream (first: "
            f"{', '.join(missing[:3])}). Use the atlas of the study."
        )
    return np.array([at.get(name, 0) for name in names]), known
