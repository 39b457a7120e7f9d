"""Runs that are excluded, in lines: one for each reason."""

from __future__ import annotations

import re
from collections.abc import Iterable

from painprint.runs import ExcludedRun

FILE_OF_RUN = re.compile(r"\bsub-[^\s:;,()]+\.[a-z.]*[a-z]")


def list_excluded(runs: Iterable[ExcludedRun], n_runs: int | None = None) -> list[str]:
    """One line per reason, naming all runs that were excluded for it.

    Of reasons that differ only in names of files, the first is given.

    Parameters
    ----------
    n_runs : int, optional
        Number of runs with those that were not excluded; if a reason holds for several runs and
        they are all, they are counted and not named.

    Examples
    --------
    >>> from painprint.runs import RunKey
    >>> list_excluded([ExcludedRun(RunKey(run=run), f"sub-{run}.tsv: is empty.") for run in "12"])
    ['run-1, run-2: each as the first: sub-1.tsv: is empty.']
    >>> list_excluded([ExcludedRun(RunKey(run=run), "is empty.") for run in "12"], n_runs=2)
    ['all 2 runs: is empty.']
    """
    by_reason: dict[str, list[ExcludedRun]] = {}
    for run in runs:
        by_reason.setdefault(FILE_OF_RUN.sub("", run.reason), []).append(run)
    lines = []
    for alike in by_reason.values():
        differ = len({run.reason for run in alike}) > 1
        if len(alike) == n_runs and n_runs > 1:
            lines.append(f"all {n_runs} runs{', such as' * differ}: {alike[0].reason}")
            continue
        first = "each as the first: " * differ
        lines.append(f"{', '.join(str(run.key) for run in alike)}: {first}{alike[0].reason}")
    return lines
