"""What a stage of evidence is, and what its result looks like.

A stage asks one question of a decoded person. Everything that the program says of it stands in one
record, :class:`Stage`: what is computed, the tables and their columns, the heading and the
paragraph on the page, the sentence of the Methods, the references. Files, page and command line
loop over the records in :mod:`painprint.evidence.stages`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pandas as pd

from painprint.evidence.case import Case
from painprint.progress import OnStep

SCALE = "1min, 2min (time bins), run (all kept frames) or session (mean of its runs)"
"""What a column of scales holds."""

AGREEMENT = {
    "r": "Pearson correlation of rating and held-out prediction",
    "centred_r": "the same, both centred within what is left out; n/a where undefined",
    "skill": "1 - SSE / SSE of the training mean",
}
"""What columns of agreement hold."""


@dataclass(frozen=True, eq=False)
class StageResult:
    """The answer of a stage: tables for TSV files, numbers for the page, and what is missing.

    Attributes
    ----------
    tables : dict of DataFrame
        By suffix of the file.
    numbers : dict
        Plain values.
    not_done : tuple of str
        What could not be done, and why: a sentence each.
    """

    tables: Mapping[str, pd.DataFrame]
    numbers: Mapping[str, Any]
    not_done: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class WrittenResult:
    """A stage's result as it was written to files, with the study's numbers around it.

    Attributes
    ----------
    numbers : mapping
        Of this stage, from ``metrics.json``.
    tables : mapping of str to DataFrame
        Of all stages, by suffix of the file.
    metrics : mapping
        The whole of ``metrics.json``.
    settings : mapping
        Values of all options, by name.
    rules : mapping
        What the preset stands for, as in :class:`~painprint.settings.Rules`.
    """

    numbers: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]
    metrics: Mapping[str, Any]
    settings: Mapping[str, Any]
    rules: Mapping[str, Any]

    @property
    def unit(self) -> str:
        """What is left out together: session or run."""
        return str(self.metrics["leave_out"])


class Compute(Protocol):
    """Computes the result of a stage from a decoded person."""

    def __call__(self, case: Case, *, on_step: OnStep | None = None) -> StageResult:
        """Raises :class:`~painprint.decode.errors.NotEnoughData` with what is missing."""


@dataclass(frozen=True, eq=False)
class Stage:
    """One question that is asked of a decoded person.

    Parameters
    ----------
    name : str
        As in ``--skip``, in ``metrics.json`` and in the page's addresses.
    question : str
        Heading of its section on the page.
    link : str
        The same in a word or two, for the page's navigation.
    compute : callable
        Gives the :class:`StageResult` of a :class:`~painprint.evidence.case.Case`.
    tables : mapping of str to mapping
        What each column of each table holds, by suffix of the file. The first table is there
        whenever the question could be answered.
    describe : callable
        Gives the paragraph of the page from a :class:`WrittenResult`.
    methods : callable, optional
        Gives the sentence of the Methods likewise.
    references : tuple of str
        Works that a paper with this analysis cites.
    """

    name: str
    question: str
    link: str
    compute: Compute
    tables: Mapping[str, Mapping[str, str]]
    describe: Callable[[WrittenResult], str]
    methods: Callable[[WrittenResult], str] | None = None
    references: tuple[str, ...] = ()

    def is_answered(self, tables: Mapping[str, pd.DataFrame]) -> bool:
        """Whether its first table is among these."""
        return next(iter(self.tables)) in tables
