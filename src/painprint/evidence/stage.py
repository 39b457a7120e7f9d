"""Stages of evidence, and their results.

A stage answers one question about a decoded person. One record, :class:`Stage`, contains its
computation, the columns of its tables, the heading and the paragraph of the page, and the
sentence of the Methods section. Files, page and command line loop over the records in
:mod:`painprint.evidence.stages`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import pandas as pd

from painprint.arrays import short_repr
from painprint.bins import BinWords, primary_scale, primary_words
from painprint.evidence.case import Case
from painprint.progress import OnStep
from painprint.wording import FEW_GROUPS

SCALE = "{scales}, run (all kept frames) or session (mean of its runs)"
"""Description of columns ``scale``. In descriptions of columns, ``{scales}``, ``{bin}``, ``{bins}``
and ``{at}`` are what bins of the study are called (:class:`~painprint.bins.BinWords`)."""

AGREEMENT = {
    "r": "Pearson correlation of rating and held-out prediction",
    "centred_r": "the same, both centred within held-out sessions or runs; n/a where undefined",
    "skill": "1 - SSE / SSE of the training mean",
}
"""Descriptions of columns of agreement."""

SCORES = {
    "n": "rows",
    "r": AGREEMENT["r"],
    "centred_r": AGREEMENT["centred_r"],
    "centred_r_low": "lower end of its 95% session-block interval; n/a with fewer than "
    f"{FEW_GROUPS} sessions (or runs) held out",
    "centred_r_high": "upper end",
    "skill": AGREEMENT["skill"],
    "skill_low": "lower end of its session-block interval; n/a in the same cases",
    "skill_high": "upper end",
}
"""Descriptions of the columns of :func:`~painprint.evidence.scores.score_rows`."""

FIXED_WEIGHTS = {
    "n": "rows",
    "r": AGREEMENT["r"],
    "r_low": "lower end of the paper's interval",
    "r_high": "upper end",
    "r_p": "two-sided p of r, the paper's hierarchical bootstrap",
    "centred_r": AGREEMENT["centred_r"],
    "centred_r_low": "lower end of the session-block interval",
    "centred_r_high": "upper end",
}
"""What columns of a score hold where the weights were fixed before."""


def describe_scores_beside(ours: str, theirs: str) -> dict[str, str]:
    """Descriptions of the scores of a model, and of how those of another one differ."""
    return {
        **AGREEMENT,
        "mae": "mean absolute error",
        "d_centred_r": f"centred r of {ours} minus that of {theirs}",
        "d_centred_r_low": "lower end of the 95 % interval of the paired difference (session-block "
        "bootstrap)",
        "d_centred_r_high": "upper end",
        "d_skill": f"skill of {ours} minus that of {theirs}",
        "d_skill_low": "lower end of its interval",
        "d_skill_high": "upper end",
    }


@short_repr
@dataclass(frozen=True, eq=False)
class StageResult:
    """The result of a stage: tables for TSV files, numbers for the page, and what is missing.

    Attributes
    ----------
    tables : dict of DataFrame
        By suffix of the file.
    numbers : dict
        Values that JSON can hold.
    not_done : tuple of str
        Sentences that say what could not be computed, and why.
    """

    tables: Mapping[str, pd.DataFrame]
    numbers: Mapping[str, Any]
    not_done: tuple[str, ...] = ()


class WithMetrics:
    """Results that hold the contents of ``metrics.json``."""

    metrics: Mapping[str, Any]

    @property
    def primary(self) -> str:
        """The primary scale."""
        return primary_scale(self.metrics["scales"])

    @property
    def bins(self) -> BinWords:
        """What the bins of the primary scale are called."""
        return primary_words(self.metrics["scales"])


@short_repr
@dataclass(frozen=True, eq=False)
class WrittenResult(WithMetrics):
    """The result of a stage as read from the output files, with the metrics of the study.

    Attributes
    ----------
    numbers : mapping
        Of this stage, from ``metrics.json``.
    tables : mapping of str to DataFrame
        Of all stages, by suffix of the file.
    metrics : mapping
        Contents of ``metrics.json``.
    settings : mapping
        Values of all options, by name.
    rules : mapping
        Values that the preset fixes, as in :class:`~painprint.settings.Rules`.
    """

    numbers: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]
    metrics: Mapping[str, Any]
    settings: Mapping[str, Any]
    rules: Mapping[str, Any]

    @property
    def unit(self) -> str:
        """Unit that is held out: session or run."""
        return str(self.metrics["leave_out"])


class Compute(Protocol):
    """Computes the result of a stage from a decoded person."""

    def __call__(self, case: Case, *, on_step: OnStep | None = None) -> StageResult:
        """Raises :class:`~painprint.decode.errors.NotEnoughData` if data are missing."""


@dataclass(frozen=True, eq=False)
class Stage:
    """One question about a decoded person.

    Parameters
    ----------
    name : str
        As in ``--skip``, in ``metrics.json`` and in the page's addresses.
    question : str
        Heading of its section on the page.
    compute : callable
        Returns the :class:`StageResult` of a :class:`~painprint.evidence.case.Case`.
    tables : mapping of str to mapping
        Description of each column of each table, by suffix of the file. The first table exists
        whenever the stage could be computed.
    describe : callable
        Returns the Results paragraph from a :class:`WrittenResult`. The page shows its first line,
        which has the findings; further lines, which explain them, are folded.
    methods : callable
        Returns the sentence of the Methods section likewise, of what this study did; empty where
        there is nothing to report. It cites works by key (:mod:`painprint.works`).
    part : str
        Part of the page that it belongs to: prediction or brain.
    is_open : bool
        Whether its section is unfolded initially.
    of_weights : bool
        Whether it describes the weights of the signature, which have no meaning where the signature
        was not shown to track the rating; the page then shows its findings folded.
    needs : str
        Key of ``metrics.json`` without which the page leaves its section out; empty for none.
    """

    name: str
    question: str
    compute: Compute
    tables: Mapping[str, Mapping[str, str]]
    describe: Callable[[WrittenResult], str]
    methods: Callable[[WrittenResult], str]
    part: Literal["prediction", "brain"] = "prediction"
    is_open: bool = False
    of_weights: bool = False
    needs: str = ""

    def __repr__(self) -> str:
        return f"Stage({self.name!r}, {self.question!r})"

    def is_answered(self, tables: Mapping[str, pd.DataFrame]) -> bool:
        """Whether its first table is among these."""
        return next(iter(self.tables)) in tables
