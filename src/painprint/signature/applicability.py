"""Applicability domain of a signature: connectivity, motion, length and TR of new runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from painprint.arrays import Matrix, Single, Vector, short_repr
from painprint.edges import bin_edges
from painprint.option_fields import Bounds
from painprint.runs import FD, Frames
from painprint.settings import LONGEST_S

IN_RANGE, CAUTION, DO_NOT_READ = "in range", "caution", "do not read"
VERDICTS = (IN_RANGE, CAUTION, DO_NOT_READ)
MOST_COMPONENTS = 50
"""Largest number of principal components of the training runs' connectivity."""
RUNS_PER_COMPONENT = 3
FEWEST_GROUPS = 6
"""With fewer sessions, limits would be too wide to detect anything, so none are set."""
TAILS = {"leverage": (1e-3, 1e-5), "residual": (1e-3, 1e-5), "motion": (1e-2, 1e-4)}
"""Tail probabilities of the limits of caution, and of do not read, for exchangeable sessions.
Those of connectivity are smaller because it drifts and the new session is the latest."""
MOST_GROUPS = 10_000
SCALES = ("run", "session")
MEASURES = {
    "leverage": "connectivity is unusually far out along the principal components of training runs",
    "residual": "connectivity is unusually far outside the principal components of training runs",
    "motion": "framewise displacement is unusually high",
}
CONNECTIVITY = ("leverage", "residual")
"""Measures by which another person's sessions differ."""
SHORTEST_S = 60.0
"""A run of which less is kept (s) is judged "do not read"."""
OTHER_TR = 1e-3
"""Relative difference of repetition times that are not the same."""
SHORT_SHARE = 0.5
"""Caution if a run is shorter than this share of the shortest training run."""
MOST_MISSING = 0.05
"""Largest share of the signature's regions that may be missing; they are then not used."""
TR_FACTOR = 2.0
"""Do not read if the TR differs from the nearest training TR by more than this factor."""

LOGARITHM, SD_OF_LOGARITHM = Bounds(-200, 200), Bounds(0, 200)
EDGE, LOADING = Bounds(-1000, 1000), Bounds(-1.001, 1.001)
SD_OF_SCORES = Bounds(1e-100, 1e100)
TR_S, RUN_S = Bounds(0.001, LONGEST_S), Bounds(0, 1e6, low_is_open=True)
"""Magnitudes that no study exceeds, and with which no measure of a new run can overflow."""


@dataclass(frozen=True)
class ReferenceDistribution:
    """Mean and SD of the logarithm of a measure over training sessions, each left out once."""

    mean: float
    sd: float
    n_groups: int

    def limit(self, tail: float) -> float:
        """One-sided prediction limit of a normal variable, exceeded with probability ``tail``.

        On the log scale.
        """
        quantile = -float(stdtrit(self.n_groups - 1, tail))
        return self.mean + quantile * self.sd * math.sqrt(1 + 1 / self.n_groups)


@short_repr
@dataclass(frozen=True, eq=False)
class ApplicabilityDomain:
    """Distribution of the training runs, with which new runs are compared.

    Attributes
    ----------
    mean : ndarray of shape (n_edges,)
        Mean edges of the training runs.
    components : ndarray of shape (n_components, n_edges)
        Principal components of the edges, orthonormal (float32).
    sd : ndarray of shape (n_components,)
        SD of the training runs along each component.
    distributions : mapping of (measure, scale) to ReferenceDistribution
        Empty where there are too few sessions.
    shortest_s : float
        Usable time of the shortest training run (s).
    tr_s : tuple of float
        Repetition times of the training runs (s).
    """

    mean: Vector
    components: Single
    sd: Vector
    distributions: Mapping[tuple[str, str], ReferenceDistribution]
    shortest_s: float
    tr_s: tuple[float, ...]

    def check(self, n_edges: int) -> None:
        """Raise a ValueError unless the parts are consistent with each other and ``n_edges``."""
        n = len(self.sd)
        if self.mean.shape != (n_edges,) or self.components.shape != (n, n_edges):
            raise ValueError(f"mean and components of {n_edges} edges are needed.")
        if not 1 <= n <= MOST_COMPONENTS:
            raise ValueError(f"{n} components; 1 to {MOST_COMPONENTS} are needed.")
        if not self.tr_s:
            raise ValueError("repetition times of the training runs are needed.")
        parts: dict[str, tuple[ArrayLike, Bounds]] = {
            "mean edges of the training runs": (self.mean, EDGE),
            "components of the training runs": (self.components, LOADING),
            "SDs of the training runs": (self.sd, SD_OF_SCORES),
            "repetition times of the training runs (s)": (self.tr_s, TR_S),
            "the length of the shortest training run (s)": (self.shortest_s, RUN_S),
        }
        for name, (values, bounds) in parts.items():
            check_bounds(name, values, bounds)
        for (measure, scale), distribution in self.distributions.items():
            if measure not in MEASURES or scale not in SCALES:
                raise ValueError(f"no measure {measure!r:.40} at scale {scale!r:.40} is known.")
            if not FEWEST_GROUPS <= distribution.n_groups <= MOST_GROUPS:
                raise ValueError(
                    f"limits of {measure} come from {distribution.n_groups} groups; "
                    f"{FEWEST_GROUPS} to {MOST_GROUPS} are possible."
                )
            check_bounds(f"mean of log {measure}", distribution.mean, LOGARITHM)
            check_bounds(f"SD of log {measure}", distribution.sd, SD_OF_LOGARITHM)


def check_bounds(name: str, values: ArrayLike, bounds: Bounds) -> None:
    """Check that all values are finite and within closed or half-open bounds.

    Raises
    ------
    ValueError
        Naming the values and the first that is outside.
    """
    flat = np.asarray(values, dtype=float).ravel()
    inside = (flat > bounds.low if bounds.low_is_open else flat >= bounds.low) & (
        flat < bounds.high if bounds.high_is_open else flat <= bounds.high
    )
    if not inside.all():  # comparisons with NaN are false
        raise ValueError(f"{name}: {flat[~inside][0]:g}, but each must be {bounds}.")


@dataclass(frozen=True)
class RunMeasures:
    """Measures of a run relative to the training runs; NaN where undefined.

    Attributes
    ----------
    leverage, residual, motion : float
        Natural logarithms of squared distances (no unit) and of mean framewise displacement (mm).
    kept_s, tr_s : float
        Usable time and repetition time (s).
    share_missing : float
        Share of the signature's regions.
    """

    leverage: float
    residual: float
    motion: float
    kept_s: float
    tr_s: float
    share_missing: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """Whether a session or run is in the applicability domain, so that it may be read.

    Attributes
    ----------
    word : {"in range", "caution", "do not read"}
    reasons : tuple of str
        Why the word is not "in range".
    unchecked : tuple of str
        Measures that could not be checked.
    by_check : mapping of str to str
        The word of each check that is not "in range": the measures, "sessions" (too few), "length",
        "TR" and "regions".
    """

    word: str
    reasons: tuple[str, ...]
    unchecked: tuple[str, ...]
    by_check: Mapping[str, str] = field(default_factory=dict)

    def with_caution(self, *reasons: str) -> Verdict:
        """The same with more reasons, and no better than caution."""
        word = CAUTION if self.word == IN_RANGE else self.word
        return replace(self, word=word, reasons=(*self.reasons, *reasons))


def run_edges(frames: Frames) -> Vector:
    """Mean co-fluctuation over a run: (n_edges,)."""
    return np.asarray(bin_edges(frames.signals, np.zeros(len(frames), np.int64))[0])


def mean_motion(frames: Frames) -> float:
    """Mean framewise displacement over the frames used (mm); NaN if unknown."""
    fd = frames.confounds.get(FD)
    return math.nan if fd is None or np.isnan(fd).all() else float(np.nanmean(fd))


def fit_domain(runs: Sequence[Frames], group_of_run: Sequence[str]) -> ApplicabilityDomain:
    """Fit the applicability domain; reference distributions by leaving out one session at a time.

    Parameters
    ----------
    runs : sequence of Frames
        z-scored, all with the same regions, in the order of time.
    group_of_run : sequence of str
        Sessions, or groups, that are left out in turn.
    """
    edges = np.array([run_edges(run) for run in runs])
    groups = np.array(group_of_run)
    labels = list(dict.fromkeys(group_of_run))
    mean, components, sd = _components(edges)
    distributions = {}
    if len(labels) >= FEWEST_GROUPS:
        motion = np.array([_log(mean_motion(run)) for run in runs])
        measures = {**_leave_groups_out(edges, group_of_run), "motion": motion}
        for measure, by_run in measures.items():
            if np.isfinite(by_run).all():
                by_group = np.array([by_run[groups == label].mean() for label in labels])
                for scale, values in (("run", by_run), ("session", by_group)):
                    distributions[measure, scale] = ReferenceDistribution(
                        float(values.mean()), float(values.std(ddof=1)), len(labels)
                    )
    return ApplicabilityDomain(
        mean=mean,
        components=components.astype(np.float32),
        sd=sd,
        distributions=distributions,
        shortest_s=min(run.kept_s for run in runs),
        tr_s=tuple(sorted({run.tr_s for run in runs})),
    )


def distances_of_runs(runs: Sequence[Frames], group_of_run: Sequence[str]) -> dict[str, Vector]:
    """Distances of each run's connectivity from the runs of other groups, as in the domain.

    Parameters
    ----------
    runs, group_of_run
        As for :func:`fit_domain`.

    Returns
    -------
    distances : dict of ndarrays of shape (n_runs,)
        ``leverage`` and ``residual``: natural logarithms of squared distances (no unit). Runs of
        the later half of groups are compared with those before them, others with those after.
    """
    return _leave_groups_out(np.array([run_edges(run) for run in runs]), group_of_run)


def _leave_groups_out(edges: Matrix, group_of_run: Sequence[str]) -> dict[str, Vector]:
    """Logarithms of leverage and residual of each run relative to the runs of other groups.

    A new session is later than all others. So a group of the later half is compared with those
    before it, one of the earlier half with those after it; with both, drift over months would make
    every new session exceed the limits. Components are not formed: inner products suffice.
    """
    gram = edges @ edges.T
    labels = list(dict.fromkeys(group_of_run))
    group_index = np.array([labels.index(group) for group in group_of_run])
    measures = {name: np.empty(len(edges)) for name in CONNECTIVITY}
    for at in range(len(labels)):
        left_out = np.flatnonzero(group_index == at)
        compared = group_index < at if at >= len(labels) // 2 else group_index > at
        if len(set(group_index[compared])) < 2:
            compared = group_index != at
        others = np.flatnonzero(compared)
        inner = gram[np.ix_(others, others)]
        means = inner.mean(axis=0)
        centred = inner - means - means[:, None] + inner.mean()
        largest, vectors = _largest(centred)
        for row in left_out:
            cross = gram[row, others]
            scores = vectors.T @ (cross - cross.mean() - means + inner.mean()) / np.sqrt(largest)
            squared_distance = gram[row, row] - 2 * cross.mean() + inner.mean()
            # the variance of scores is an eigenvalue over n - 1
            leverage = (scores**2 / largest).mean() * (len(others) - 1)
            measures["leverage"][row] = _log(float(leverage))
            measures["residual"][row] = _log(max(float(squared_distance - scores @ scores), 0.0))
    return measures


def _components(edges: Matrix) -> tuple[Vector, Matrix, Vector]:
    """Mean, principal components (at most one per three runs), and SD along them."""
    mean = edges.mean(axis=0)
    centred = edges - mean
    largest, vectors = _largest(centred @ centred.T)
    components = (vectors / np.sqrt(largest)).T @ centred
    return mean, components, np.sqrt(largest / (len(edges) - 1))


def _largest(gram: Matrix) -> tuple[Vector, Matrix]:
    """Largest eigenvalues of a centred Gram matrix, one per component, and eigenvectors."""
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
    leverage = float(((scores / sd) ** 2).mean())
    return _log(leverage), _log(max(float(centred @ centred - scores @ scores), 0.0))


def _log(value: float) -> float:
    return math.log(value) if value > 0 else math.nan


def measure_run(
    domain: ApplicabilityDomain, frames: Frames, *, missing: NDArray[np.bool_] | None = None
) -> RunMeasures:
    """Measures of a run relative to the training runs.

    Parameters
    ----------
    frames : Frames
        With the signature's regions, in its order; 0 in those that are missing.
    missing : array of bool, shape (n_regions,), optional
        Missing regions: their edges are replaced by the mean of the training runs.
    """
    edges = run_edges(frames)
    share = 0.0
    if missing is not None and missing.any():
        a, b = np.triu_indices(len(missing), k=1)
        edges = np.where(missing[a] | missing[b], domain.mean, edges)
        share = float(missing.mean())
    motion = _log(mean_motion(frames))
    known = RunMeasures(math.nan, math.nan, motion, frames.kept_s, frames.tr_s, share)
    return measure_edges(domain, edges, known)


def measure_edges(domain: ApplicabilityDomain, edges: Vector, known: RunMeasures) -> RunMeasures:
    """Measures of a run with its distances from the training runs, by its mean edges.

    Parameters
    ----------
    edges : array of shape (n_edges,)
        Mean co-fluctuation over the run; that of the training runs where a region is missing.
    known : RunMeasures
        The other measures.
    """
    leverage, residual = _measure(edges, domain.mean, domain.components, domain.sd)
    return replace(known, leverage=leverage, residual=residual)


def judge_runs(
    domain: ApplicabilityDomain,
    measures: Sequence[RunMeasures],
    *,
    scale: str = "run",
    goes_on: bool = False,
) -> Verdict:
    """Whether the prediction of a run, or of all runs of a session, may be read.

    Parameters
    ----------
    measures : sequence of RunMeasures
        Measures of a run, or of all runs of a session.
    scale : {"run", "session"}
        Measures of several runs are averaged on the log scale.
    goes_on : bool
        Whether these are measures of the start of a run. Its connectivity is checked only when it
        is half as long as the shortest training run: that of less is farther out for its shortness.
    """
    level_of: dict[str, int] = {}
    reasons, unchecked = [], []
    too_early = goes_on and measures[0].kept_s < SHORT_SHARE * domain.shortest_s
    for measure, text in MEASURES.items():
        values = [getattr(run, measure) for run in measures]
        value = float(np.mean([v for v in values if not math.isnan(v)] or [math.nan]))
        distribution = domain.distributions.get((measure, scale))
        is_early = too_early and measure in CONNECTIVITY
        if distribution is None or math.isnan(value) or is_early:
            unchecked.append(measure)
            continue
        level = sum(value > distribution.limit(tail) for tail in TAILS[measure])
        if level:
            ratio = math.exp(min(value - distribution.mean, 700))  # a float ends at e^709
            reasons.append(f"{text} ({ratio:.1f} times that of training {scale}s)")
            level_of[measure] = level
    if set(CONNECTIVITY) <= set(unchecked) and not too_early:
        level_of["sessions"] = 1
        reasons.append("too few training sessions to tell whether the connectivity is in range")
    for name, level, reason in _plain_checks(domain, measures):
        level_of[name] = max(level, level_of.get(name, 0))
        reasons.append(reason)
    return Verdict(
        VERDICTS[max(level_of.values(), default=0)],
        tuple(reasons),
        tuple(unchecked),
        {name: VERDICTS[level] for name, level in level_of.items()},
    )


def judge_session(
    domain: ApplicabilityDomain, measures: Sequence[RunMeasures]
) -> tuple[Verdict, tuple[Verdict, ...]]:
    """Verdicts of a session and of each of its runs.

    A session is no better than caution if one of its runs is not in range, because each run
    contributes to the prediction of the session.
    """
    run_verdicts = tuple(judge_runs(domain, [run]) for run in measures)
    session = judge_runs(domain, measures, scale="session")
    cautions = [
        f"run {number}: {verdict.word} ({'; '.join(verdict.reasons)})"
        for number, verdict in enumerate(run_verdicts, start=1)
        if verdict.word != IN_RANGE and session.word == IN_RANGE
    ]
    unchecked = dict.fromkeys([*session.unchecked, *(u for v in run_verdicts for u in v.unchecked)])
    session = replace(session, unchecked=tuple(unchecked))
    return (session.with_caution(*cautions) if cautions else session), run_verdicts


def _plain_checks(
    domain: ApplicabilityDomain, measures: Sequence[RunMeasures]
) -> list[tuple[str, int, str]]:
    """Checks of length, TR and missing regions: name, index of the verdict, and reason."""
    failed = []
    shortest = min(run.kept_s for run in measures)
    if shortest < SHORTEST_S:
        failed.append(("length", 2, f"only {shortest:.0f} s are usable"))
    elif shortest < SHORT_SHARE * domain.shortest_s:
        had = f"training runs had {domain.shortest_s:.0f} or more"
        failed.append(("length", 1, f"{shortest:.0f} s are usable; {had}"))
    for tr_s in sorted({run.tr_s for run in measures}):
        nearest = min(domain.tr_s, key=lambda known: abs(known - tr_s))
        if abs(tr_s - nearest) > OTHER_TR * nearest:
            far = max(tr_s / nearest, nearest / tr_s) > TR_FACTOR
            reason = f"TR is {tr_s:g} s; training runs had {nearest:g} s"
            failed.append(("TR", 1 + far, reason))
    missing = max(run.share_missing for run in measures)
    if missing:
        failed.append(("regions", 1, f"{missing:.0%} of the regions are missing and not used"))
    return failed
