"""Simulated people with a planted signature: computation only, without files.

A person has a left-right symmetric, individual covariance of regions. Their pain, convolved with
a haemodynamic response and mixed with independent noise, modulates the amplitude of one latent
source in an individual set of regions, so that the co-fluctuation of every pair in the set
increases (or decreases, by the signs of the loadings) with pain. BOLD and rating are otherwise
independent, unless motion is coupled to pain by an option.

The parameters were set once (see docs/simulator.md) and are frozen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.stats import gamma

from painprint.arrays import Codes, Matrix, Vector, short_repr
from painprint.bids.events import rate_events
from painprint.bids.ratings import RatingRecording, frame_ratings
from painprint.edges import edges_to_matrix
from painprint.regions import Regions
from painprint.runs import Run, framewise_displacement, motion_confounds
from painprint.simulate.loadings import Loadings, cohort_rng, count_shared
from painprint.simulate.trials import Trials, draw_trials
from painprint.simulate.world import SHORTEST_SHARE, World

SUBCORTICAL_NETWORK = "SUB"
NETWORKS = ("VIS", "SMN", "DAN", "SAL", "LIM", "FPN", "DMN", SUBCORTICAL_NETWORK)


@dataclass(frozen=True)
class Signal:
    """Parameters of the simulated signals. Frozen; see docs/simulator.md.

    Shares and standard deviations are unitless, times in seconds.
    """

    n_sources: int = 8
    """Latent sources of the resting covariance, shared by both hemispheres."""
    region_noise: float = 1.0
    """SD of each region's noise, relative to the sources."""
    homotopic_share: float = 0.35
    """Share of a region's noise variance that is common with its homotopic region."""
    ar_s: float = 2.0
    """Time constant of the noise (s)."""
    planted_share: float = 0.3
    """Share of regions that the planted source drives."""
    planted_gain: float = 0.4
    """SD of the planted source in a planted region at mean pain."""
    modulation: float = 0.9
    """Change of the planted variance per SD of pain, as a share of its mean."""
    rating_session_sd: float = 0.55
    rating_run_sd: float = 0.3
    rating_minute_sd: float = 0.8
    """SD of the latent rating between sessions, between runs, and within them."""
    rating_minute_s: float = 45.0
    """Time constant of the rating within a run (s)."""
    session_correlation: float = 0.8
    """Correlation of neighbouring session means where ratings drift."""
    brain_session_sd: float = 0.7
    brain_run_sd: float = 0.2
    brain_minute_sd: float = 1.0
    """SD of other modulation of the planted source, in units of the latent rating: between
    sessions, between runs, and within them."""
    bold_drift_sd: float = 0.25
    """SD of the slow change of source amplitudes over sessions where BOLD drifts."""
    trend_sd: float = 0.6
    """SD of linear trends over a run, in units of the latent rating, where there are trends."""
    motion_mm: float = 0.07
    """Typical framewise displacement (mm)."""
    burst_rate_hz: float = 1 / 150
    burst_mm: float = 0.8
    """Rate (Hz) and size (mm) of motion bursts."""
    motion_gain: float = 0.8
    """SD that motion adds to the global signal per mm of displacement."""
    censor_mm: float = 0.4
    """Framewise displacement above which frames are flagged as outliers (mm)."""


@dataclass(frozen=True)
class Person:
    """One simulated person.

    Parameters
    ----------
    null : bool
        True for a person whose BOLD is independent of the rating.
    """

    n_sessions: int = 23
    null: bool = False
    world: World = World()
    signal: Signal = Signal()

    def __post_init__(self) -> None:
        if self.n_sessions < 1:
            raise ValueError(f"n_sessions is {self.n_sessions}; at least 1 is needed.")


@short_repr
@dataclass(frozen=True, eq=False)
class Truth:
    """Ground truth of a simulated person.

    Attributes
    ----------
    coordinates : ndarray of shape (n_regions, 3)
        mm, left negative.
    loadings : ndarray of shape (n_regions,)
        Of the planted source; 0 for regions outside the planted set.
    mixing : ndarray of shape (n_regions, n_sources)
        From latent sources to regions, at rest.
    """

    regions: Regions
    coordinates: Matrix
    loadings: Vector
    mixing: Matrix

    @property
    def edges(self) -> Vector:
        """Sign and strength of each edge's association with pain: products of loadings."""
        i, j = np.triu_indices(len(self.loadings), k=1)
        return self.loadings[i] * self.loadings[j]

    @property
    def matrix(self) -> Matrix:
        """The planted edges as a symmetric matrix."""
        return edges_to_matrix(self.edges)


@short_repr
@dataclass(frozen=True, eq=False)
class SimulatedRun:
    """One run as it would be recorded.

    Attributes
    ----------
    session, run : int
        From 1; run 0 is the resting run.
    signals : ndarray of shape (n_frames, n_regions)
        Arbitrary units, one decimal.
    rating : ndarray of shape (n_samples,) or None
        0 to 1, sampled at 10 Hz from the start of the scan; None at rest.
    motion : ndarray of shape (n_frames, 6)
        mm and rad.
    censored : ndarray of bool, shape (n_frames,)
    trials : Trials or None
        Stimuli with their ratings, where pain is rated by event.
    """

    session: int
    run: int
    signals: Matrix
    rating: Vector | None
    motion: Matrix
    censored: NDArray[np.bool_]
    trials: Trials | None = None


RATING_HZ = 10.0
"""Sampling rate of a simulated rating."""


def simulate_person(
    person: Person, seed: Sequence[int], *, rest: bool = False
) -> tuple[Truth, Iterator[SimulatedRun]]:
    """Simulate a person's ground truth and runs from one seed.

    Parameters
    ----------
    seed : sequence of int
        Such as (seed of the dataset, number of the person). People whose seeds differ in the last
        number alone are a cohort, which may share a part of the signature.
    rest : bool
        Whether each session ends with a resting run (its number is 0).
    """
    truth_seed, runs_seed = np.random.SeedSequence(seed).spawn(2)
    truth = simulate_truth(person, np.random.default_rng(truth_seed), cohort_rng(seed))
    return truth, simulate_runs(person, truth, np.random.default_rng(runs_seed), rest=rest)


def as_run(simulated: SimulatedRun, person: Person, truth: Truth) -> Run:
    """A simulated run as input of the decoder, as if it had been written and read."""
    n_frames, event = len(simulated.signals), None
    if simulated.rating is None:
        rating = np.full(n_frames, np.nan)
    elif simulated.trials is not None:
        rating, event, _ = rate_events(
            simulated.trials.as_events(), n_frames, tr_s=person.world.tr_s
        )
    else:
        time_s = np.arange(len(simulated.rating)) / RATING_HZ
        recording = RatingRecording(time_s, simulated.rating)
        rating = frame_ratings(recording, n_frames, tr_s=person.world.tr_s)
    return Run(
        signals=simulated.signals,
        rating=rating,
        tr_s=person.world.tr_s,
        session=f"{simulated.session:02d}",
        task="rating" if simulated.run else "rest",
        run=str(simulated.run) if simulated.run else "",
        censored=simulated.censored,
        regions=truth.regions.names,
        confounds=motion_confounds(simulated.motion),
        event=event,
    )


def simulate_truth(
    person: Person, rng: np.random.Generator, of_cohort: np.random.Generator
) -> Truth:
    """Draw a person's regions, covariance and planted source.

    Parameters
    ----------
    of_cohort : Generator
        Draws what people of a cohort share of the planted source.
    """
    n_regions, signal = person.world.n_regions, person.signal
    half = n_regions // 2
    network = np.sort(rng.integers(0, len(NETWORKS), size=half))
    xyz = rng.uniform([8, -90, -40], [65, 60, 70], size=(half, 3))
    if person.world.one_atlas:  # after the draws above, so that all others stay the same
        network = np.arange(half) * len(NETWORKS) // half
        xyz = np.random.default_rng(half).uniform([8, -90, -40], [65, 60, 70], size=(half, 3))
    names = [f"{side}_{NETWORKS[k]}_{i + 1}" for side in "LR" for i, k in enumerate(network)]
    xyz = _on_a_brain(xyz, np.array([NETWORKS[k] == SUBCORTICAL_NETWORK for k in network]))
    coordinates = np.concatenate([xyz * [-1, 1, 1], xyz]).round(1)
    membership = np.zeros((half, signal.n_sources))
    membership[np.arange(half), network % signal.n_sources] = 1
    one_side = membership + 0.3 * rng.normal(size=membership.shape)
    n_planted = max(4, round(signal.planted_share * n_regions))
    planted = Loadings.draw(n_regions, n_planted, rng)
    if n_shared := count_shared(n_planted, person.world.shared_signature):
        planted = planted.with_shared(n_shared, Loadings.draw(n_regions, n_planted, of_cohort))
    labels = tuple(NETWORKS[k] for k in network)
    return Truth(
        Regions(tuple(names), labels + labels),
        coordinates,
        planted.of_all(n_regions),
        np.concatenate([one_side, one_side]),
    )


def _on_a_brain(coordinates: Matrix, subcortical: NDArray[np.bool_]) -> Matrix:
    """Move coordinates in a box over the right hemisphere to approximate anatomy (mm): subcortical
    regions towards the thalamus, the others onto an ellipsoid."""
    middle, radii = np.array([4.0, -16.0, 16.0]), np.array([58.0, 82.0, 52.0])
    scaled = (coordinates - middle) / radii
    cortex = middle + radii * scaled / np.linalg.norm(scaled, axis=1, keepdims=True)
    nuclei = np.array([18.0, -10.0, 2.0]) + (coordinates - middle) * 0.3
    return np.where(subcortical[:, None], nuclei, cortex)


def simulate_days(person: Person, rng: np.random.Generator) -> Codes:
    """Days of the sessions since the first."""
    gaps = 1 + rng.poisson(person.world.days_between - 1, size=person.n_sessions - 1)
    return np.concatenate([[0], np.cumsum(gaps)])


def simulate_runs(
    person: Person, truth: Truth, rng: np.random.Generator, *, rest: bool = False
) -> Iterator[SimulatedRun]:
    """Simulate the person's runs, one at a time, in the order of time.

    Parameters
    ----------
    rest : bool
        Whether each session ends with a resting run (its number is 0).
    """
    signal = person.signal
    levels = _levels(
        person.n_sessions, signal.session_correlation * (not person.world.steady_ratings), rng
    )
    brain_levels = _levels(person.n_sessions, 0.0, rng)
    # slow changes of BOLD: an independent walk of every source's strength
    walks = np.stack(
        [_levels(person.n_sessions, 0.9, rng) for _ in range(signal.n_sources)], axis=1
    )
    strengths = np.exp(signal.bold_drift_sd * (not person.world.steady_bold) * walks)
    for s in range(person.n_sessions):
        for r in (*range(1, person.world.n_runs + 1), *((0,) if rest else ())):
            if r and rng.random() < person.world.missing_share:
                continue
            level = signal.rating_session_sd * levels[s] + signal.rating_run_sd * rng.normal()
            brain = signal.brain_session_sd * brain_levels[s] + signal.brain_run_sd * rng.normal()
            yield _simulate_run(person, truth, s + 1, r, level, brain, strengths[s], rng)


def _levels(n_sessions: int, correlation: float, rng: np.random.Generator) -> Vector:
    """Standardised session levels, each correlated with the one before."""
    noise = rng.normal(size=n_sessions)
    noise[1:] *= np.sqrt(1 - correlation**2)
    levels = lfilter([1], [1, -correlation], noise)
    return (levels - levels.mean()) / levels.std() if n_sessions > 2 else levels


def _slow(n: int, step_s: float, constant_s: float, rng: np.random.Generator) -> Vector:
    """Gaussian noise of unit variance with a time constant."""
    keep = np.exp(-step_s / constant_s)
    start = rng.normal() * keep
    noise = np.sqrt(1 - keep**2) * rng.normal(size=n)
    return lfilter([1], [1, -keep], noise, zi=np.array([start]))[0]


def _simulate_run(
    person: Person,
    truth: Truth,
    session: int,
    run: int,
    level: float,
    brain: float,
    strengths: Vector,
    rng: np.random.Generator,
) -> SimulatedRun:
    signal, tr_s = person.signal, person.world.tr_s
    length_s = person.world.run_s * (
        rng.uniform(SHORTEST_SHARE, 1.0) if person.world.unequal else 1.0
    )
    n_frames = int(length_s / tr_s)
    n_samples = int(np.ceil(n_frames * tr_s * RATING_HZ)) + 1
    within = signal.rating_minute_sd * _smooth(
        _slow(n_samples, 1 / RATING_HZ, signal.rating_minute_s, rng)
    )
    trend = np.linspace(-1, 1, n_samples) * signal.trend_sd * person.world.trends
    latent = level + within + trend * rng.normal()
    rating = (1 / (1 + np.exp(-latent))).round(4)

    middle = (np.arange(n_frames) + 0.5) * tr_s
    at_frame = np.interp(middle, np.arange(n_samples) / RATING_HZ, latent)
    other = signal.brain_minute_sd * _slow(n_frames, tr_s, signal.rating_minute_s, rng)
    pain = np.zeros(n_frames) if person.null or run == 0 else _haemodynamic(at_frame, tr_s)
    if run == 0:
        pain = np.full(n_frames, 0.0 if person.null else level)
    drift = np.linspace(-1, 1, n_frames) * signal.trend_sd * person.world.trends * rng.normal()
    total_sd = np.sqrt(
        signal.rating_session_sd**2 + signal.rating_run_sd**2 + signal.rating_minute_sd**2
    )
    amplitude = np.maximum(0.05, 1 + signal.modulation * (pain + other + brain + drift) / total_sd)
    motion = _motion(person, at_frame, rng)
    fd = framewise_displacement(motion)
    signals = _noise(person, truth, strengths, n_frames, rng)
    source = _slow(n_frames, tr_s, signal.ar_s, rng) * np.sqrt(amplitude)
    signals += signal.planted_gain * source[:, None] * truth.loadings
    signals += (signal.motion_gain * fd * rng.normal(size=n_frames))[:, None]
    trials = None
    if run and person.world.rating == "events":
        # a generator of their own, so that all else is the same as with a continuous rating
        trials = draw_trials(rating, RATING_HZ, rng.spawn(1)[0])
    return SimulatedRun(
        session=session,
        run=run,
        signals=(100 * signals).round(1),
        rating=None if run == 0 else rating,
        motion=motion.round(5),
        censored=fd > signal.censor_mm,
        trials=trials,
    )


def _smooth(rating: Vector) -> Vector:
    """Moving average over 2 s: a slider does not jump."""
    width = int(2 * RATING_HZ)
    padded = np.concatenate([np.full(width, rating[0]), rating])
    total = np.cumsum(padded)
    return (total[width:] - total[:-width]) / width


def _haemodynamic(latent: Vector, tr_s: float) -> Vector:
    """Convolution with a double-gamma response (peak near 5 s), from a steady state."""
    t = np.arange(0, 32, tr_s)
    response = gamma.pdf(t, 6) - gamma.pdf(t, 16) / 6
    response /= response.sum()
    padded = np.concatenate([np.full(len(t), latent[0]), latent])
    return np.convolve(padded, response)[len(t) : len(t) + len(latent)]


def _noise(
    person: Person, truth: Truth, strengths: Vector, n_frames: int, rng: np.random.Generator
) -> Matrix:
    """Resting signals: mixed latent sources, and noise of each region."""
    signal, half = person.signal, person.world.n_regions // 2
    sources = np.stack(
        [_slow(n_frames, person.world.tr_s, signal.ar_s, rng) for _ in range(signal.n_sources)],
        axis=1,
    )
    keep = np.exp(-person.world.tr_s / signal.ar_s)

    def coloured(n: int) -> Matrix:
        white = np.sqrt(1 - keep**2) * rng.normal(size=(n_frames, n))
        white[0] /= np.sqrt(1 - keep**2)  # stationary from the first frame
        return lfilter([1], [1, -keep], white, axis=0)

    mirrored = coloured(half)
    noise = np.sqrt(1 - signal.homotopic_share) * coloured(person.world.n_regions)
    noise += np.sqrt(signal.homotopic_share) * np.concatenate([mirrored, mirrored], axis=1)
    return (sources * strengths) @ truth.mixing.T + signal.region_noise * noise


def _motion(person: Person, latent: Vector, rng: np.random.Generator) -> Matrix:
    """Motion parameters whose displacement depends on pain with share ``motion_r2``."""
    signal, n = person.signal, len(latent)
    spread = latent.std()
    pain = (latent - latent.mean()) / spread if spread > 0 else np.zeros(n)
    other = _slow(n, person.world.tr_s, signal.rating_minute_s, rng)
    drive = np.sqrt(person.world.motion_r2) * pain + np.sqrt(1 - person.world.motion_r2) * other
    amount = signal.motion_mm * np.maximum(0.2, 1 + 0.4 * drive)
    steps = rng.normal(size=(n, 6)) * [1, 1, 1, 0.02, 0.02, 0.02]
    size = np.abs(steps @ np.diag([1, 1, 1, 50, 50, 50])).sum(axis=1)
    steps *= (amount * rng.gamma(4, 1 / 4, size=n) / size)[:, None]
    bursts = np.flatnonzero(rng.random(n) < signal.burst_rate_hz * person.world.tr_s)
    for start in bursts:
        stop = min(n, int(start + rng.integers(2, 8)))
        steps[start:stop, :3] += rng.normal(0, signal.burst_mm / 3, size=(stop - start, 3))
    # a leaky integral, so that the head does not drift away
    return lfilter([1], [1, -0.995], steps, axis=0)
