"""A prior: the signature that other people share, by which a new person's is learnt sooner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from painprint.arrays import Vector, short_repr
from painprint.bins import Bins
from painprint.edges import count_edges, edges_to_matrix, matrix_to_edges, score_frames
from painprint.runs import Frames
from painprint.settings import Settings
from painprint.wording import plural

LEAST_SHARED = 0.8
"""Smallest share of a study's regions that a prior must have weights of."""


@short_repr
@dataclass(frozen=True, eq=False)
class Prior:
    """Mean of other people's standardised patterns, by the names of regions.

    Attributes
    ----------
    n_people : int
        Number of people.
    edges : ndarray of shape (n_edges,), or None
        Weights of region pairs i < j, row by row; None if edges are not decoded.
    activity : ndarray of shape (n_regions,), or None
        Weights of the regions' mean signals; None if activity is not decoded.
    runs_sha256 : tuple of str
        SHA-256 of the runs that it was learnt from, as far as known.
    """

    regions: tuple[str, ...]
    n_people: int
    edges: Vector | None
    activity: Vector | None = None
    runs_sha256: tuple[str, ...] = ()

    def select(self, regions: Sequence[str], *, missing: float = 0.0) -> Prior:
        """The prior of these regions, in this order; ``missing`` where it has no weights."""
        if tuple(regions) == self.regions:
            return self
        position = {name: i for i, name in enumerate(self.regions)}
        index = np.array([position.get(name, len(self.regions)) for name in regions])
        edges = activity = None
        if self.edges is not None:
            matrix = np.pad(edges_to_matrix(self.edges), (0, 1), constant_values=missing)
            edges = matrix_to_edges(matrix[np.ix_(index, index)])
        if self.activity is not None:
            activity = np.append(self.activity, missing)[index]
        return replace(self, regions=tuple(regions), edges=edges, activity=activity)

    def missing(self, regions: Sequence[str]) -> tuple[str, ...]:
        """Those of these regions that it has no weights of."""
        known = set(self.regions)
        return tuple(name for name in regions if name not in known)

    def score(self, frames: Frames) -> Vector:
        """Score of each frame: (n_kept,), in the units of the weights."""
        prior = self.select(frames.regions)
        n_edges = count_edges(len(frames.regions))
        edges = np.zeros(n_edges) if prior.edges is None else prior.edges
        return score_frames(frames.signals, edges, 0.0, prior.activity)

    def score_bins(self, frames: Sequence[Frames], bins: Bins) -> Vector:
        """Mean score of the frames of each bin: (n_bins,).

        Parameters
        ----------
        frames : sequence of Frames
            The runs that the bins were cut from.
        """
        scores = [self.score(run) for run in frames]
        return np.array(
            [scores[r][members].mean() for r, members in zip(bins.run, bins.frames, strict=True)]
        )


def match_prior(
    prior: Prior, regions: Sequence[str], settings: Settings
) -> tuple[Prior, tuple[str, ...]]:
    """The prior with the regions of a study, matched by name, and notes of those that differ.

    Raises
    ------
    ValueError
        If the decoder takes no prior, the features differ, or most regions have no weights.
    """
    if settings.rules.decoder != "ridge":
        raise ValueError(
            f"a prior needs the decoder ridge, not {settings.rules.decoder}: choose "
            "--decoder ridge, or leave --prior out."
        )
    has = [n for n in ("edges", "activity") if getattr(prior, n) is not None]
    features = "both" if len(has) == 2 else has[0]
    if features != settings.features:
        raise ValueError(
            f"the prior has weights of {features}, but {settings.features} are decoded: choose "
            f"--features {features}, or another prior."
        )
    missing = prior.missing(regions)
    if len(missing) > (1 - LEAST_SHARED) * len(regions):
        raise ValueError(
            f"the prior has weights of {len(regions) - len(missing)} of "
            f"{plural(len(regions), 'region')} of this study; it lacks {missing[0]!r}, for "
            f"example, and its own first is {prior.regions[0]!r}. Use signatures of the same atlas."
        )
    extra = set(prior.regions) - set(regions)
    notes = []
    if missing:
        notes.append(
            f"the prior has no weights of {plural(len(missing), 'region')} (first: {missing[0]}); "
            "they count as 0."
        )
    if extra:
        notes.append(
            f"weights of the prior of {plural(len(extra), 'region')} are not used: this study does "
            "not decode them."
        )
    return prior.select(regions), tuple(notes)
