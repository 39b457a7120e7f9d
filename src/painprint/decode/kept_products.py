"""Inner products of bins that several analyses of the same runs share."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from painprint.arrays import Codes, Matrix
from painprint.bins import Bins
from painprint.decode.bin_gram import inner_products
from painprint.runs import Frames

MOST_KEPT = 8
"""Matrices in memory: as many as training bins and features can make of the same runs."""


class InnerProducts(Protocol):
    """Computes inner products of bins as :func:`inner_products` does."""

    def __call__(
        self,
        frames: Sequence[Frames],
        bins: Bins,
        group_index: Codes,
        features: Sequence[str],
        *,
        n_jobs: int = 1,
    ) -> dict[str, Matrix]: ...


class KeptProducts:
    """Inner products of bins, each computed once as long as it is one of the last.

    They are recognised by the content of all that they are made of; ratings are no part of it.
    """

    def __init__(self) -> None:
        self._kept: dict[str, Matrix] = {}

    def __call__(
        self,
        frames: Sequence[Frames],
        bins: Bins,
        group_index: Codes,
        features: Sequence[str],
        *,
        n_jobs: int = 1,
    ) -> dict[str, Matrix]:
        """As :func:`inner_products`; the arrays are read-only."""
        content, products = _digest(frames, bins, group_index), {}
        for name in features:
            key = f"{name} {content}"
            K = self._kept.pop(key, None)
            if K is None:
                K = inner_products(frames, bins, group_index, (name,), n_jobs=n_jobs)[name]
                K.flags.writeable = False
            products[name] = self._kept[key] = K  # which is then the last that was used
            if len(self._kept) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]
        return products


def _digest(frames: Sequence[Frames], bins: Bins, group_index: Codes) -> str:
    """Hash of the signals, the bins and the groups of runs."""
    digest = hashlib.blake2b(np.ascontiguousarray(group_index).tobytes())
    for run in frames:
        digest.update(f"{run.signals.shape}".encode() + np.ascontiguousarray(run.signals).tobytes())
    digest.update(np.ascontiguousarray(bins.run).tobytes())
    for members in bins.frames:
        digest.update(f"{len(members)}".encode() + np.ascontiguousarray(members).tobytes())
    return digest.hexdigest()
