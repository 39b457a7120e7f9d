"""Loadings of the planted source: a person's own, of which a part may be that of the cohort.

A share of a signature is a share of its edges. With k planted regions, of which m are the same
in all people of a cohort, with the same loadings, m (m - 1) of the k (k - 1) edges between planted
regions are the same, and the others have independent signs. The expected correlation of two
people's planted edges is this share, and the number of planted regions and the distribution of
their loadings do not depend on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from painprint.arrays import Codes, Vector, short_repr

WEAKEST, STRONGEST = 0.5, 1.5
"""Smallest and largest size of a loading."""
OF_COHORT = 2
"""Spawn key of a cohort's seed; those of its people have 0 and 1 (:func:`simulate_person`)."""


@short_repr
@dataclass(frozen=True, eq=False)
class Loadings:
    """Planted regions, in random order, with their loadings.

    Attributes
    ----------
    region : ndarray of int, shape (n_planted,)
    loading : ndarray of shape (n_planted,)
        The sign is random.
    """

    region: Codes
    loading: Vector

    @classmethod
    def draw(cls, n_regions: int, n_planted: int, rng: np.random.Generator) -> Loadings:
        """Draw the planted regions and their loadings."""
        region = rng.choice(n_regions, size=n_planted, replace=False)
        sign = rng.choice([-1.0, 1.0], size=n_planted)
        return cls(region, sign * rng.uniform(WEAKEST, STRONGEST, n_planted))

    def with_shared(self, n_shared: int, cohort: Loadings) -> Loadings:
        """The first regions of the cohort, and then own ones that are not among these."""
        shared = cohort.region[:n_shared]
        own = np.flatnonzero(~np.isin(self.region, shared))[: len(self.region) - n_shared]
        return Loadings(
            np.concatenate([shared, self.region[own]]),
            np.concatenate([cohort.loading[:n_shared], self.loading[own]]),
        )

    def of_all(self, n_regions: int) -> Vector:
        """Loading of each region, 0 outside the planted ones: (n_regions,)."""
        loadings = np.zeros(n_regions)
        loadings[self.region] = self.loading
        return loadings


def count_shared(n_planted: int, share: float) -> int:
    """Number of planted regions in common for which the share of edges is closest."""
    n_shared = np.arange(n_planted + 1)
    edges = n_shared * (n_shared - 1)
    return int(np.argmin(np.abs(edges - share * edges[-1])))


def cohort_rng(seed: Sequence[int]) -> np.random.Generator:
    """Generator of what people of a cohort share: it ignores the last number, the person's."""
    return np.random.default_rng(np.random.SeedSequence(seed[:-1], spawn_key=(OF_COHORT,)))
