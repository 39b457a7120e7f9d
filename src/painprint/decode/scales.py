"""Averages of values of test bins over runs and groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from painprint.arrays import Codes, Matrix, short_repr


@short_repr
@dataclass(frozen=True, eq=False)
class Scales:
    """Averages of test bins at all scales.

    Test bins stay as they are, runs are means over all kept frames, groups are means of their runs.

    Attributes
    ----------
    of_run : ndarray of shape (n_runs, n_bins)
        Weight of each bin of the primary scale in its run.
    of_group : ndarray of shape (n_groups, n_runs)
        Weight of each run in its group.
    group_index : ndarray of int, shape (n_runs,)
    tested : mapping of str to ndarray of int
        Group of each test bin, by scale; the primary scale first.
    """

    of_run: Matrix
    of_group: Matrix
    group_index: Codes
    tested: Mapping[str, Codes]

    @property
    def primary(self) -> str:
        """The primary scale."""
        return next(iter(self.tested))

    def average(self, values: Mapping[str, Matrix]) -> dict[str, Matrix]:
        """Average values at all scales.

        Parameters
        ----------
        values : mapping of str to ndarray of shape (n_bins, ...)
            Of test bins, by scale.
        """
        runs = self.of_run @ values[self.primary]
        return {**values, "run": runs, "session": self.of_group @ runs}

    def split(self, values: Matrix) -> dict[str, Matrix]:
        """Values of all test bins, one scale after the other, by scale."""
        ends = np.cumsum([len(group) for group in self.tested.values()])[:-1]
        return dict(zip(self.tested, np.split(values, ends), strict=True))

    @property
    def groups(self) -> dict[str, Codes]:
        """Group of each row, by scale."""
        return {
            **self.tested,
            "run": self.group_index,
            "session": np.arange(len(self.of_group)),
        }
