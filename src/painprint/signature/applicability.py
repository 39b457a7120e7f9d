"""Is a new run like those that the signature was learnt from? Connectivity, motion, length, TR."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from painprint.arrays import Matrix, Vector
from painprint.edges import bin_edges
from painprint.runs import FD, Frames

IN_RANGE, CAUTION, DO_NOT_READ = "in range", "caution", "do not read"
VERDICTS = (IN_RANGE, CAUTION, DO_NOT_READ)
MOST_COMPONENTS = 50
RUNS_PER_COMPONENT = 3
FEWEST_GROUPS = 6
"""With fewer, limits lie so far out that nothing would be caught: then nothing is claimed."""
TAILS = {"leverage": (1e-3, 1e-5), "residual": (1e-3, 1e-5), "motion": (1e-2, 1e-4)}
"""Share of good sessions beyond the limits of caution, and of do not read, were they exchangeable.
Those of connectivity are smaller, for it drifts over months and the new session is the latest."""
MOST_GROUPS = 10_000
SCALES = ("run", "session")
MEASURES = {
    "leverage": "connectivity lies unusually far out in the directions that training runs vary in",
    "residual": "connectivity departs from training runs in directions that they do not vary in",
    "motion": "framewise displacement is unusually high",
}
SHORTEST_S = 60.0
SHORT_SHARE = 0.5
"""Of the shortest training run: a shorter one calls for caution."""
MOST_MISSING = 0.05
"""Share of the signature's regions that may be missing; they take no part then."""
TR_FACTOR = 2.0


@dataclass(frozen=True)
class ReferenceDistribution:
    """Where good sessions lie on a measure: its logarithm, each session left out once."""

    mean: float
    sd: float
    n_groups: int

    def limit(self, tail: float) -> float:
        """The value that a new good session exceeds with this probability, on the log scale.

        A one-sided prediction limit of a normal variable.
        """
        quantile = -float(stdtrit(self.n_groups - 1, tail))
        return self.mean + quantile * self.sd * math.sqrt(1 + 1 / self.n_groups)


@dataclass(frozen=True, eq=False)
class ApplicabilityDomain:
    """What the training runs looked like.

    Attributes
    ----------
    mean : ndarray of shape (n_edges,)
        Mean edges of the training runs.
    components : ndarray of shape (n_components, n_edges)
        float32; orthonormal.
    sd : ndarray of shape (n_components,)
        Of the training runs along each.
    distributions : mapping of (measure, scale) to ReferenceDistribution
        Empty where there are too few sessions.
    shortest_s : float
        Usable time of the shortest training run (s).
    """

    mean: Vector
    components: NDArray[np.float32]
    sd: Vector
    distributions: Mapping[tuple[str, str], ReferenceDistribution]
    shortest_s: float
    tr_s: tuple[float, ...]

    def check(self, n_edges: int) -> None:
        """Raise a ValueError unless the parts fit together, and a signature of so many edges."""
        n = len(self.sd)
        if self.mean.shape != (n_edges,) or self.components.shape != (n, n_edges):
            raise ValueError(f"mean and components of {n_edges} edges are needed.")
        if not 1 <= n <= MOST_COMPONENTS or not (self.sd > 0).all():
            raise ValueError(f"1 to {MOST_COMPONENTS} components that vary are needed.")
        if not self.tr_s or not min(*self.tr_s, self.shortest_s) > 0:
            raise ValueError("TR and length of the training runs must be above 0.")
        for values in (self.mean, self.components, self.sd, self.tr_s, [self.shortest_s]):
            if not np.isfinite(values).all():
                raise ValueError("what training runs looked like must be finite.")
        for (measure, scale), distribution in self.distributions.items():
            known = measure in MEASURES and scale in SCALES
            enough = FEWEST_GROUPS <= distribution.n_groups <= MOST_GROUPS
            if not known or not enough or not distribution.sd >= 0:
                raise ValueError(f"no such measure, or too few groups: {measure}, {scale}.")


@dataclass(frozen=True)
class RunMeasures:
    """What a run looks like beside the training runs; NaN where it cannot be said.

    Attributes
    ----------
    leverage, residual, motion : float
        Natural logarithms.
    share_missing : float
        Of the signature's regions.
    """

    leverage: float
    residual: float
    motion: float
    kept_s: float
    tr_s: float
    share_missing: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """Whether a prediction may be read.

    Attributes
    ----------
    word : {"in range", "caution", "do not read"}
    reasons : tuple of str
        For a word that is not "in range".
    unchecked : tuple of str
        What could not be checked.
    """

    word: str
    reasons: tuple[str, ...]
    unchecked: tuple[str, ...]

    def with_caution(self, *reasons: str) -> Verdict:
        """The same with more reasons, and no better than caution."""
        word = CAUTION if self.word == IN_RANGE else self.word
        return Verdict(word, (*self.reasons, *reasons), self.unchecked)


def run_edges(frames: Frames) -> Vector:
    """Mean co-fluctuation of a whole run: (n_edges,)."""
    return np.asarray(bin_edges(frames.signals, np.zeros(len(frames), np.int64))[0])


def mean_motion(frames: Frames) -> float:
    """Mean framewise displacement over the frames used (mm); NaN where it is not known."""
    fd = frames.confounds.get(FD)
    return math.nan if fd is None or np.isnan(fd).all() else float(np.nanmean(fd))


def fit_domain(runs: Sequence[Frames], group_of_run: Sequence[str]) -> ApplicabilityDomain:
    """Learn what training runs look like; limits from sessions left out one at a time.

    Parameters
    ----------
    runs : sequence of Frames
        z-scored, all with the same regions, in the order of time.
    group_of_run : sequence of str
        What is left out together.
    """
    edges = np.array([run_edges(one) for one in runs])
    groups = np.array(group_of_run)
    labels = list(dict.fromkeys(group_of_run))
    mean, components, sd = _components(edges)
    distributions = {}
    if len(labels) >= FEWEST_GROUPS:
        motion = np.array([_log(mean_motion(one)) for one in runs])
        measured = {**_left_out(edges @ edges.T, groups, labels), "motion": motion}
        for measure, of_run in measured.items():
            if np.isfinite(of_run).all():
                of_group = np.array([of_run[groups == label].mean() for label in labels])
                for scale, values in (("run", of_run), ("session", of_group)):
                    distributions[measure, scale] = _spread(values, len(labels))
    return ApplicabilityDomain(
        mean=mean,
        components=components.astype(np.float32),
        sd=sd,
        distributions=distributions,
        shortest_s=min(one.kept_s for one in runs),
        tr_s=tuple(sorted({one.tr_s for one in runs})),
    )


def _left_out(gram: Matrix, groups: NDArray[Any], labels: Sequence[str]) -> dict[str, Vector]:
    """Logarithms of leverage and residual of each run beside the runs of other groups.

    A new session lies beyond all others in time. So a group of the later half is compared with
    those before it, one of the earlier half with those after: else months of drift would make every
    new session look odd. Components are never formed: inner products with a run suffice.
    """
    found = {"leverage": np.empty(len(groups)), "residual": np.empty(len(groups))}
    place = np.array([labels.index(group) for group in groups])
    for at in range(len(labels)):
        out = np.flatnonzero(place == at)
        beside = place < at if at >= len(labels) // 2 else place > at
        if len(set(place[beside])) < 2:
            beside = place != at
        others = np.flatnonzero(beside)
        inner = gram[np.ix_(others, others)]
        towards = inner.mean(axis=0)
        centred = inner - towards - towards[:, None] + inner.mean()
        largest, vectors = _largest(centred)
        for row in out:
            cross = gram[row, others]
            scores = vectors.T @ (cross - cross.mean() - towards + inner.mean()) / np.sqrt(largest)
            length = gram[row, row] - 2 * cross.mean() + inner.mean()
            leverage = (scores**2 / largest).mean() * (len(others) - 1)
            found["leverage"][row] = _log(float(leverage))
            found["residual"][row] = _log(max(float(length - scores @ scores), 0.0))
    return found


def _spread(values: Vector, n_groups: int) -> ReferenceDistribution:
    return ReferenceDistribution(float(values.mean()), float(values.std(ddof=1)), n_groups)


def _components(edges: Matrix) -> tuple[Vector, Matrix, Vector]:
    """Mean, principal components (at most one for three runs), and SD along them."""
    mean = edges.mean(axis=0)
    centred = edges - mean
    largest, vectors = _largest(centred @ centred.T)
    components = (vectors / np.sqrt(largest)).T @ centred
    return mean, components, np.sqrt(largest / (len(edges) - 1))


def _largest(gram: Matrix) -> tuple[Vector, Matrix]:
    """Largest eigenvalues of a centred Gram matrix, as many as there are components; vectors."""
    n = min(MOST_COMPONENTS, max(1, len(gram) // RUNS_PER_COMPONENT))
    values, vectors = np.linalg.eigh(gram)
    order = np.argsort(values)[::-1][:n]
    order = order[values[order] > 1e-12 * values.max()]
    return values[order], vectors[:, order]


def _measure(
    edges: Vector, mean: Vector, components: NDArray[np.floating], sd: Vector
) -> tuple[float, float]:
    """Logarithms of leverage and residual of a run."""
    centred = edges - mean
    scores = components.astype(float) @ centred
    inside = float(scores @ scores)
    leverage = float(((scores / sd) ** 2).mean())
    return _log(leverage), _log(max(float(centred @ centred) - inside, 0.0))


def _log(value: float) -> float:
    return math.log(value) if value > 0 else math.nan


def measure_run(
    domain: ApplicabilityDomain, frames: Frames, *, missing: NDArray[np.bool_] | None = None
) -> RunMeasures:
    """Compare a run with the training runs.

    Parameters
    ----------
    frames : Frames
        With the signature's regions, in its order; 0 in those that are missing.
    missing : array of bool, shape (n_regions,), optional
        Regions that are missing: their edges are taken to be those of the training runs.
    """
    edges = run_edges(frames)
    share = 0.0
    if missing is not None and missing.any():
        a, b = np.triu_indices(len(missing), k=1)
        edges = np.where(missing[a] | missing[b], domain.mean, edges)
        share = float(missing.mean())
    leverage, residual = _measure(edges, domain.mean, domain.components, domain.sd)
    motion = _log(mean_motion(frames))
    return RunMeasures(leverage, residual, motion, frames.kept_s, frames.tr_s, share)


def judge_runs(
    domain: ApplicabilityDomain, measures: Sequence[RunMeasures], *, scale: str = "run"
) -> Verdict:
    """Whether the prediction of a run, or of all runs of a session, may be read.

    Parameters
    ----------
    measures : sequence of RunMeasures
        One of a run; all of a session.
    scale : {"run", "session"}
        Measures of several runs are averaged on the log scale.
    """
    worst, reasons, unchecked = 0, [], []
    for measure, text in MEASURES.items():
        values = [getattr(measured, measure) for measured in measures]
        value = float(np.mean([v for v in values if not math.isnan(v)] or [math.nan]))
        distribution = domain.distributions.get((measure, scale))
        if distribution is None or math.isnan(value):
            unchecked.append(measure)
            continue
        level = sum(value > distribution.limit(tail) for tail in TAILS[measure])
        if level:
            ratio = math.exp(value - distribution.mean)
            reasons.append(f"{text} ({ratio:.1f} times that of training {scale}s)")
        worst = max(worst, level)
    if {"leverage", "residual"} <= set(unchecked):
        worst = max(worst, 1)
        reasons.append("too few training sessions to tell whether the connectivity is in range")
    for level, reason in _plain_checks(domain, measures):
        worst = max(worst, level)
        reasons.append(reason)
    return Verdict(VERDICTS[worst], tuple(reasons), tuple(unchecked))


def judge_session(
    domain: ApplicabilityDomain, measures: Sequence[RunMeasures]
) -> tuple[Verdict, tuple[Verdict, ...]]:
    """Whether to read a session, and each of its runs.

    A run's number goes into the session's, so an odd one must not hide among the others: then the
    session is no better than caution.
    """
    of_runs = tuple(judge_runs(domain, [measured]) for measured in measures)
    whole = judge_runs(domain, measures, scale="session")
    odd = [
        f"run {number}: {verdict.word} ({'; '.join(verdict.reasons)})"
        for number, verdict in enumerate(of_runs, start=1)
        if verdict.word != IN_RANGE and whole.word == IN_RANGE
    ]
    unchecked = dict.fromkeys([*whole.unchecked, *(u for v in of_runs for u in v.unchecked)])
    whole = Verdict(whole.word, whole.reasons, tuple(unchecked))
    return (whole.with_caution(*odd) if odd else whole), of_runs


def _plain_checks(
    domain: ApplicabilityDomain, measures: Sequence[RunMeasures]
) -> list[tuple[int, str]]:
    """Length, repetition time and missing regions: how bad, and why."""
    found = []
    shortest = min(measured.kept_s for measured in measures)
    if shortest < SHORTEST_S:
        found.append((2, f"only {shortest:.0f} s are usable"))
    elif shortest < SHORT_SHARE * domain.shortest_s:
        found.append(
            (1, f"{shortest:.0f} s are usable; training runs had {domain.shortest_s:.0f} or more")
        )
    for tr_s in sorted({measured.tr_s for measured in measures}):
        nearest = min(domain.tr_s, key=lambda known: abs(known - tr_s))
        if abs(tr_s - nearest) > 1e-3 * nearest:
            far = max(tr_s / nearest, nearest / tr_s) > TR_FACTOR
            found.append((1 + far, f"TR is {tr_s:g} s; training runs had {nearest:g} s"))
    missing = max(measured.share_missing for measured in measures)
    if missing:
        found.append((1, f"{missing:.0%} of the regions are missing and take no part"))
    return found
