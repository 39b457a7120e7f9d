"""What one person contributes to findings of a cohort, from the person's own sessions alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from painprint.arrays import Codes, Matrix, Vector, short_repr
from painprint.bins import make_test_bins, primary_scale, test_scales
from painprint.decode.metrics import center_by
from painprint.evidence.bin_features import mean_features
from painprint.evidence.importance import network_members
from painprint.evidence.member import Member
from painprint.runs import Frames
from painprint.signature.predict import pair_run
from painprint.stats.correlation import correlation

FEWEST_GROUPS = 4
"""Sessions (or runs) from which two halves of a study are made."""


@short_repr
@dataclass(frozen=True, eq=False)
class Contribution:
    """A person's networks, and patterns of the two halves of the study.

    Attributes
    ----------
    kind : {"edges", "activity"}
        Features of the patterns.
    halves : ndarray of shape (2, n_features)
        Sums over the bins of the first and of the second half of the sessions of feature times
        rating, both centred within session; empty with too few sessions.
    network_r : dict of str to float
        Session-centred r of the rating and the part of the held-out prediction that comes from the
        edges of each network; networks without any are absent.
    energy : dict of str to float
        Share of these edges in the squared weights, relative to their share of all edges.
    """

    regions: tuple[str, ...]
    kind: str
    halves: Matrix
    network_r: dict[str, float] = field(default_factory=dict)
    energy: dict[str, float] = field(default_factory=dict)


def contribute(person: Member) -> Contribution:
    """Compute a person's contribution from the runs and the models of the outer folds.

    References
    ----------
    docs/methods.md
    """
    signature = person.folds()
    networks, _ = network_members(signature.regions)
    is_member, touches = _memberships(list(networks.values()), len(signature.regions.names))
    runs: dict[str, list[Frames]] = {name: [] for name in person.groups}
    for run in person.runs():
        held_out = person.groups[person.code(run.key)]
        runs[held_out].append(pair_run(signature, run, held_out=held_out))
    kind = "activity" if signature.decoder["features"] == "activity" else "edges"
    patterns, ratings, parts = [], [], []
    for held_out, frames in runs.items():
        model = signature.find_model(held_out)
        bins = make_test_bins(frames, signature.rules, primary_scale(test_scales(frames)))
        edges, signals = mean_features(
            [frames[run].signals[at] for run, at in zip(bins.run, bins.frames, strict=True)]
        )
        part = edges @ (signature.weights[model][:, None] * touches)
        if signature.activity is not None:
            part += signals @ (signature.activity[model][:, None] * is_member)
        features = edges if kind == "edges" else signals
        patterns.append((bins.rating - bins.rating.mean()) @ features)
        ratings.append(bins.rating)
        parts.append(part)
    group = np.repeat(np.arange(len(ratings)), [len(rating) for rating in ratings])
    rating = center_by(np.concatenate(ratings), group)
    found = {
        name: correlation(rating, center_by(part, group))
        for name, part in zip(networks, np.concatenate(parts).T, strict=True)
    }
    n_first = (len(patterns) + 1) // 2
    halves = [np.sum(patterns[:n_first], axis=0), np.sum(patterns[n_first:], axis=0)]
    return Contribution(
        regions=signature.regions.names,
        kind=kind,
        halves=np.array(halves) if len(patterns) >= FEWEST_GROUPS else np.zeros((2, 0)),
        network_r={name: r for name, r in found.items() if r is not None},
        energy=relative_energy(signature.weights[0], touches, list(networks)),
    )


def _memberships(members: Sequence[Codes], n_regions: int) -> tuple[Matrix, Matrix]:
    """1 for each region of a network, (n_regions, n_networks), and for each edge with an end in it,
    (n_edges, n_networks)."""
    is_member = np.zeros((n_regions, len(members)))
    for column, regions in enumerate(members):
        is_member[regions, column] = 1
    a, b = np.triu_indices(n_regions, k=1)
    return is_member, np.maximum(is_member[a], is_member[b])


def relative_energy(weights: Vector, touches: Matrix, names: Sequence[str]) -> dict[str, float]:
    """Share of the edges of each network in the squared weights, relative to their share of edges.

    Empty where no edge has a weight.

    Examples
    --------
    >>> relative_energy(np.array([1.0, 0, 0, 0]), np.array([[1.0], [1], [0], [0]]), ["DMN"])
    {'DMN': 2.0}
    """
    total = float(weights @ weights)
    if not total:
        return {}
    shares = (weights**2) @ touches / total / touches.mean(axis=0)
    return {name: float(share) for name, share in zip(names, shares, strict=True)}
