"""A decoded person, as input of the stages of evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.arrays import short_repr
from painprint.bins import Bins, make_test_bins, primary_scale
from painprint.decode.bin_gram import BinGram, make_bin_gram
from painprint.decode.decoding import Decoding
from painprint.decode.prepare import Prepared
from painprint.dense.image import Dense
from painprint.progress import OnStep, count_steps
from painprint.runs import ExcludedRun, Run, RunKey
from painprint.settings import Settings

if TYPE_CHECKING:
    from painprint.evidence.external_weights import ExternalWeights


@short_repr
@dataclass(frozen=True, eq=False)
class OtherAreas:
    """An individual parcellation of the same person, made from some of the sessions.

    Parameters
    ----------
    sessions : frozenset of str
        Sessions of the resting scans that it was made from.
    prepare : callable
        Returns the runs with these regions.
    """

    name: str
    sessions: frozenset[str]
    prepare: Callable[[], Prepared]


@short_repr
@dataclass(frozen=True, eq=False)
class Material:
    """Data beyond the frames that were decoded; read only by the stages that need them.

    Parameters
    ----------
    whole : callable, optional
        Returns the same runs without excluding any region by name or network. Default: those of
        the decoding.
    runs : callable, optional
        Returns the rated runs with all frames, as they entered the decoding.
    rest : callable, optional
        Returns resting runs (without a rating) of the same sessions; a run that cannot be read is a
        :class:`~painprint.runs.ExcludedRun`.
    dense : Dense, optional
        BOLD of grayordinates or voxels.
    external : tuple of ExternalWeights
        External signatures, scored on the same frames.
    coordinates : mapping of str to (x, y, z)
        Coordinates of regions (mm), as far as known.
    other_areas : tuple of OtherAreas
        Parcellations of the person, each made from one half of the sessions.
    quality : mapping of RunKey to str
        Quality rating of the BOLD of runs (good, caution or bad), as far as known.
    """

    whole: Callable[[], Prepared] | None = None
    runs: Callable[[], Iterable[Run]] | None = None
    rest: Callable[[], Iterable[Run | ExcludedRun]] | None = None
    dense: Dense | None = None
    external: tuple[ExternalWeights, ...] = ()
    coordinates: Mapping[str, Sequence[float]] = field(default_factory=dict)
    other_areas: tuple[OtherAreas, ...] = ()
    quality: Mapping[RunKey, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Case:
    """A decoded person, with the data that stages need.

    Parameters
    ----------
    sessions : DataFrame, optional
        Columns ``session`` and numeric covariates of sessions, such as medication; ``days``
        since the first session where known.
    n_jobs : int
        Number of workers; results do not depend on it.
    """

    decoding: Decoding
    sessions: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"session": []}))
    material: Material = field(default_factory=Material)
    n_jobs: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.decoding, Decoding):
            what = type(self.decoding).__name__
            raise TypeError(f"decoding is a {what}; give what decode_runs(...) returns.")
        if "session" not in self.sessions:
            raise ValueError("sessions needs a column 'session'.")
        if self.sessions["session"].duplicated().any():
            raise ValueError("sessions lists a session more than once.")
        for name in self.sessions.columns.drop("session"):
            if not pd.api.types.is_numeric_dtype(self.sessions[name]):
                raise ValueError(f"column {name!r} of sessions does not hold numbers.")

    def __repr__(self) -> str:
        covariates = ", ".join(map(str, self.sessions.columns.drop("session"))) or "none"
        return f"Case({self.decoding!r}, covariates of sessions: {covariates})"

    @property
    def settings(self) -> Settings:
        """Settings of the decoding."""
        return self.decoding.settings

    @cached_property
    def bin_grams(self) -> list[BinGram]:
        """One Gram matrix per lag."""
        group_index = self.decoding.training.group_index
        return make_bin_grams(
            self.decoding.prepared, group_index, self.settings, n_jobs=self.n_jobs
        )

    def with_all_regions(self) -> Prepared:
        """The runs without any region excluded by name or network."""
        load = self.material.whole
        return self.decoding.prepared if load is None else load()

    def runs_again(
        self, left_out: list[ExcludedRun], *, on_step: OnStep | None = None
    ) -> Iterator[Run]:
        """The runs that were decoded, one at a time; those that are missing are added at the end.

        Parameters
        ----------
        left_out : list of ExcludedRun
            To which they are added.
        """
        missing = dict.fromkeys(run.key for run in self.decoding.frames)
        step = count_steps(on_step, len(missing))
        for run in self.material.runs() if self.material.runs else ():
            if run.key in missing:
                del missing[run.key]
                yield run
                step()
        left_out += [ExcludedRun(key, "it cannot be read again.") for key in missing]

    def at_primary(self) -> tuple[pd.DataFrame, Bins]:
        """Held-out predictions at the primary scale, and their bins."""
        primary = primary_scale(self.decoding.scales)
        predictions = self.decoding.predictions
        bins = make_test_bins(self.decoding.frames, self.settings.rules, primary)
        return predictions[predictions["scale"] == primary], bins

    def stream(self, stage: str) -> np.random.Generator:
        """Random number generator of one stage, independent of what other stages draw."""
        return np.random.default_rng([self.settings.random_seed, *stage.encode()])

    def group_values(self, column: str) -> np.ndarray:
        """Values of a column of ``sessions`` for each group; NaN where unknown."""
        table = self.decoding.training.run_table.drop_duplicates("group").set_index("group")
        labels = table.loc[list(self.decoding.groups), "session"]
        values = self.sessions.set_index("session")[column]
        return values.reindex(labels).to_numpy(float)


def make_bin_grams(
    prepared: Prepared, group_index: NDArray[np.int64], settings: Settings, *, n_jobs: int
) -> list[BinGram]:
    """One Gram matrix of these runs per lag."""
    first_lag = [lags[0] for lags in prepared.runs]
    return [
        make_bin_gram(
            [lags[i] for lags in prepared.runs],
            group_index,
            settings,
            like=first_lag,  # as many time bins at every lag
            prior=prepared.prior,
            n_jobs=n_jobs,
        )
        for i in range(len(settings.lag_s))
    ]
