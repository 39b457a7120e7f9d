"""Memory, time and disk that a study needs, by the sizes of its parts.

Memory is what all parts keep, and the largest of what one part needs beside it: arrays are counted
as the code makes them. What is not counted, such as imported libraries, was measured
(``benchmarks/resources_told.py``), as was the time of each part, whose growth with rows and groups
is that of ``benchmarks/tables/stage_costs.tsv``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from painprint.decode.chebyshev import ChebyshevPoints
from painprint.decode.decoders import FEWEST_GROUPS_TO_SHARE
from painprint.decode.many import MOMENTS_BYTES
from painprint.decode.nested_ridge import POINTS_BYTES, RESIDUAL_BYTES
from painprint.decode.ridge import ALPHAS
from painprint.edges import count_edges, edge_blocks
from painprint.evidence.bin_features import (
    BINS_AT_ONCE,
    FEATURES_AT_ONCE,
    MOST_BYTES_OF_EDGES,
    MOST_EDGES_OF_LASSO,
    MOST_REGIONS_OF_MATRICES,
)
from painprint.evidence.importance import INTERVAL_PERMUTATIONS
from painprint.evidence.stages import stages_to_run
from painprint.parallel import one_blas_thread
from painprint.settings import Settings
from painprint.wording import plural, rough_duration

FLOAT, SINGLE = 8.0, 4.0
"""Bytes of a number in double and single precision."""
PROGRAM, PROGRAM_OF_IMAGES, OF_POINT = 0.24e9, 0.3e9, 900.0
"""Bytes of Python with the libraries of a study, of one with images, and of each of their points
(measured)."""
COMPILED = 0.085e9
"""Bytes of the compiler and the code of importance (measured)."""
FIGURES, FIGURES_OF_IMAGES = 0.25e9, 0.18e9
"""Bytes of matplotlib and of the figures of a page, and what is left of them where libraries of
images are loaded (measured)."""
CURVE_OF_GROUP = 0.011e9
"""Bytes of the learning curve by group (measured)."""
COPIES_OF_BLOCK = 2.7
"""Copies of a block of edges while its products are summed (measured; two, and what waits)."""
RATINGS_PER_PERMUTATION = 2.2
"""Permutations within, between, and a fifth of both."""
POINTS = len(ChebyshevPoints.between(ALPHAS[0], ALPHAS[-1]).penalty)
"""Penalties at which permuted ratings are fitted."""
NULL_OF_LASSO = 4
"""Copies of permuted ratings that a worker of LASSO-PCR makes."""
REFERENCE_S = 0.0118
"""CPU time of the calibration on the machine on which the seconds below were measured (s)."""
SHARE_IN_PARALLEL = 0.85
"""Share of the work that several workers divide (measured)."""


@dataclass(frozen=True)
class Size:
    """Size of a study.

    Parameters
    ----------
    n_rows, n_tested : int
        Training bins, and test bins of the primary scale.
    n_groups : int
        Sessions (or runs) that are left out in turn.
    signals, copies : float
        Bytes of the runs as read, and of their frames in use at all lags.
    n_lags, n_features : int
        Lags to choose from, and kinds of features that are decoded.
    n_points, n_frames, n_dense : int
        Points of dense BOLD, frames of its longest run, and number of runs; 0 if there is none.
    extracted : bool
        Whether regional time series are made from it.
    has_prior : bool
        Whether models have a prior, so that they are compared with and without it.
    """

    n_rows: int
    n_tested: int
    n_groups: int
    n_regions: int
    signals: float
    copies: float
    n_lags: int = 1
    n_features: int = 1
    n_workers: int = 1
    of_events: bool = False
    n_points: int = 0
    n_frames: int = 0
    n_dense: int = 0
    extracted: bool = False
    has_prior: bool = False

    @property
    def dense(self) -> float:
        """Bytes of a run of dense BOLD in single precision."""
        return SINGLE * self.n_points * self.n_frames

    @property
    def n_edges(self) -> int:
        """Number of edges."""
        return count_edges(self.n_regions)

    @property
    def n_all(self) -> float:
        """Rows that train or are tested, at 1 and 2 min."""
        return self.n_rows + self.n_tested * (1.0 if self.of_events else 1.5)

    @property
    def in_flight(self) -> int:
        """Results that workers compute or that wait to be collected."""
        return 1 if self.n_workers == 1 else 2 * self.n_workers


def memory_by_part(size: Size, settings: Settings) -> dict[str, float]:
    """Peak memory (bytes) of each part of a study, with what is kept while it runs."""
    program = PROGRAM_OF_IMAGES + OF_POINT * size.n_points if size.n_points else PROGRAM
    grams = FLOAT * size.n_all**2 * size.n_features * size.n_lags
    models = FLOAT * size.n_edges * (size.n_groups + 1)
    kept = program + size.signals + size.copies + grams + models
    if settings.rules.decoder == "lasso_pcr":
        kept += FLOAT * size.n_rows**2 * size.n_groups  # predictions along the path
    stages = {stage.name for stage in stages_to_run(settings)}
    decoding = _of_blocks(size, size.n_rows)
    by_threads = decoding if size.n_workers > 1 else 0.0  # threads do not give it back
    parts = {"decoding": kept + decoding}
    if stages:
        parts["Gram matrices"] = kept + _of_blocks(size, size.n_all)
    if "sensitivity" in stages:
        parts["sensitivity"] = parts["Gram matrices"] + size.copies
    compiled = COMPILED if "importance" in stages else 0.0
    for name in stages & BESIDE.keys():
        after = compiled if name in AFTER_COMPILING else 0.0
        parts[name] = kept + by_threads + BESIDE[name](size, settings) + after
    if size.extracted:
        parts["cleaning"] = program + size.signals + CLEANING * size.dense
    figures = FIGURES_OF_IMAGES if size.n_points else FIGURES
    return {**parts, "page": kept + by_threads + figures}


def _of_blocks(size: Size, n_rows: float) -> float:
    """Edges of one block for each worker, and their products."""
    blocks = edge_blocks(size.n_regions)
    n_at_once = min(size.n_workers, len(blocks))
    widest = min(8192, size.n_edges)
    return FLOAT * n_rows * (COPIES_OF_BLOCK * widest + 2 * n_rows) * n_at_once


def _null(size: Size, settings: Settings) -> float:
    n_ratings = RATINGS_PER_PERMUTATION * settings.n_permutations
    ratings = FLOAT * n_ratings * size.n_all * 2
    if settings.rules.train_bins == "rating":
        return 0.0
    if settings.rules.decoder == "lasso_pcr":
        copies = FLOAT * size.n_rows * n_ratings * NULL_OF_LASSO * size.n_workers
        moments = 4 * FLOAT * size.n_groups * size.n_rows * n_ratings
        return ratings + copies + 1.4 * min(MOMENTS_BYTES, moments)
    if shares_decomposition(size):
        points = min(POINTS_BYTES, FLOAT * POINTS * size.n_rows * n_ratings)
        return ratings + points + 2 * RESIDUAL_BYTES * size.n_workers + 4 * FLOAT * size.n_rows**2
    return ratings + FLOAT * size.n_rows * n_ratings * size.n_groups  # a model for each fold


def shares_decomposition(size: Size) -> bool:
    """Whether permuted ratings are fitted from one decomposition, by ridge regression."""
    return size.n_groups >= FEWEST_GROUPS_TO_SHARE and size.n_features == 1 and not size.has_prior


def _importance(size: Size, settings: Settings) -> float:
    orders = SINGLE * settings.n_importance_permutations * size.n_tested
    models = 3 * FLOAT * size.n_edges * size.n_groups
    return orders + models + 4 * FLOAT * settings.n_bootstraps * INTERVAL_PERMUTATIONS


def _baselines(size: Size, settings: Settings) -> float:
    features = SINGLE * size.n_all * size.n_edges
    if features > MOST_BYTES_OF_EDGES:
        return _of_blocks(size, size.n_all)
    lists = (FLOAT + SINGLE) * BINS_AT_ONCE * size.n_edges
    products = FLOAT * size.n_all * (FEATURES_AT_ONCE + size.n_all)
    lasso = 0.0
    if size.n_edges <= MOST_EDGES_OF_LASSO:
        lasso = 3 * FLOAT * size.n_rows * size.n_edges * size.n_workers
    return features + max(size.in_flight * max(lists, products), lasso)


BESIDE: dict[str, Callable[[Size, Settings], float]] = {
    "null": _null,
    "curve": lambda size, settings: CURVE_OF_GROUP * size.n_groups,
    "importance": _importance,
    "baselines": _baselines,
    "univariate": lambda size, settings: 1.15 * size.dense,
}
"""What a stage needs beside what is kept (bytes); the other stages need less than the largest."""
AFTER_COMPILING = ("importance", "baselines", "univariate")
CLEANING = 1.5
"""Copies of a run of dense BOLD while it is cleaned (measured)."""


def seconds_by_part(size: Size, settings: Settings) -> dict[str, float]:
    """Time of each part (s) with one worker, on the machine of ``REFERENCE_S``."""
    R, T, G, n = float(size.n_rows), size.n_tested, size.n_groups, size.n_regions
    products = size.n_all**2 * size.n_edges
    kinds = size.n_features * size.n_lags * (2 if settings.rules.decoder == "lasso_pcr" else 1)
    boots = settings.n_bootstraps / 10_000
    draws = settings.n_curve_draws or settings.rules.curve_draws
    permutations = settings.n_importance_permutations / 10_000
    null = 2.2e-5 * R**1.35 * G**1.55
    if shares_decomposition(size) and settings.rules.decoder == "ridge":
        null = 9.6e-6 * R**2 + 1e-3 * R * G
    seconds = {
        "null": 0.5 + null * kinds * settings.n_permutations / 1000,
        "confounds": 0.5 + 3.3e-5 * R**1.7 * G**0.65 * kinds,
        "sensitivity": 0.5 + 3.2e-4 * R**1.7 * G**0.1 * kinds + 4e-11 * products * size.n_lags,
        "curve": 0.5 + 1.7e-4 * R**1.5 * G**0.7 * kinds * draws / 20,
        "prospective": 4e-6 * R**1.3 * G**1.5 * kinds,
        "importance": 2 + n * (0.045 * boots + 7.3e-5 * T * permutations),
        "baselines": 1 + 3.2e-6 * R**1.8 * G**1.5,
        "univariate": 1 + 3e-8 * size.copies + 6.2e-8 * size.dense * size.n_dense,
    }
    if n <= MOST_REGIONS_OF_MATRICES:
        seconds["baselines"] += 8.8e-10 * size.n_all * n**3
    if size.n_edges <= MOST_EDGES_OF_LASSO:
        seconds["baselines"] += 7e-7 * R * size.n_edges * G
    if size.has_prior:
        seconds["prior"] = 2 * seconds["curve"] + seconds["confounds"] / 5
    stages = {stage.name for stage in stages_to_run(settings)}
    return {
        **{name: value for name, value in seconds.items() if name in stages},
        "decoding": 3 + 1e-4 * R**1.3 * G**0.9 * kinds + 0.7 * boots + 2e-11 * products * kinds,
        "cleaning": 4e-9 * size.dense * size.n_dense * size.extracted,
        "page": 9 + 0.012 * n,
    }


def calibrate() -> float:
    """How many times longer than the reference this machine needs for linear algebra."""
    A = np.random.default_rng(0).normal(size=(320, 320))
    times = []
    with one_blas_thread():
        for _ in range(5):
            start = time.process_time()  # not that of other programs
            np.linalg.eigh(A @ A.T)
            times.append(time.process_time() - start)
    return min(times) / REFERENCE_S


def expected_seconds(
    size: Size, settings: Settings, slowness: float | None = None
) -> dict[str, float]:
    """Time of each part (s) on this machine if it does nothing else; half or twice is possible.

    Parameters
    ----------
    slowness : float, optional
        As from :func:`calibrate`, which is called otherwise.
    """
    workers = 1 - SHARE_IN_PARALLEL + SHARE_IN_PARALLEL / size.n_workers
    factor = workers * (calibrate() if slowness is None else slowness)
    return {name: factor * value for name, value in seconds_by_part(size, settings).items()}


def describe_needs(size: Size, settings: Settings) -> str:
    """Memory, disk and time of a study in words."""
    memory = max(memory_by_part(size, settings).values())
    disk = 2e6 + 60 * size.n_edges + 400 * size.n_rows
    seconds = sum(expected_seconds(size, settings).values())
    return describe_total(memory, seconds, size.n_workers, disk)


def describe_total(memory: float, seconds: float, n_workers: int, disk: float = 0.0) -> str:
    """Memory and disk (bytes), and time (s), in words."""
    on_disk = f", {disk / 1e6:.0f} MB of disk" if disk else ""
    return (
        f"about {memory / 1e9:.2f} GB of memory{on_disk} and {rough_duration(seconds)} with "
        f"{plural(n_workers, 'worker')} (half or twice as long is possible)."
    )
