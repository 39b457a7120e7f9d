"""The test of a signature on new rated sessions, and its recalibration, as text."""

from __future__ import annotations

from collections.abc import Iterator
from math import comb
from pathlib import Path

from painprint.apps.reading_text import aligned
from painprint.signature.recalibrate import FEWEST_FOR_SLOPE, Check
from painprint.wording import MISSING, SIGNIFICANT, is_value, number, p_value, plural

ABOUT = {
    "rated": "mean rating of the session",
    "predicted": "mean prediction, before the recalibration",
    "error": "absolute difference of the two, in the unit of the ratings",
    "p": "share of sessions, those held out in the study and this one, with at least this error",
}
"""What the columns of the table are."""
NOT_KNOWN = (
    "Whether the signature is still valid was not tested: it has no errors of held-out sessions "
    "(runs were held out, or it was recalibrated before)."
)


def short_table(check: Check) -> str:
    """The errors in new sessions, rounded, and what the columns are."""
    rows = [
        [row["session"], *(number(row[name]) for name in [*ABOUT][:-1]), _p(row["p"])]
        for row in check.table.to_dict(orient="records")
    ]
    about = [f"{name}: {text}" for name, text in ABOUT.items()]
    return "\n".join([*aligned([["session", *ABOUT], *rows]), "", *about])


def describe_recalibration(check: Check, slope: float, offset: float, out: Path) -> Iterator[str]:
    """Sentences: whether the signature is still valid, what was fitted, and what was written."""
    yield _validity(check)
    n = len(check.table)
    alone = "" if n >= FEWEST_FOR_SLOPE else "; with one session, only the offset is fitted"
    yield f"Fitted to {plural(n, 'session')}: slope {slope:.3f}, offset {offset:.3f}{alone}."
    yield (
        f"The recalibrated signature, which has no prediction intervals, is in {out}. Its next "
        f"test needs other rated sessions; to predict runs: painprint predict {out} RUN..."
    )


def _validity(check: Check) -> str:
    """Whether errors are larger than in the study."""
    if check.p_drift is None:
        return NOT_KNOWN
    n = len(check.table)
    test = f"(rank-sum test, one-sided, p {is_value(check.p_drift)})"
    if check.p_drift < SIGNIFICANT:
        return (
            f"Errors are larger than in the held-out sessions of the study {test}: the signature "
            "is no longer as valid as it was."
        )
    smallest = 1 / comb(n + check.n_study, n)
    few = (
        f"With {plural(n, 'new session')} and {check.n_study} of the study, p cannot be below "
        f"{p_value(smallest)}, so a change cannot be shown."
        if smallest >= SIGNIFICANT
        else "This does not prove that it is still valid."
    )
    return (
        f"Errors are not shown to be larger than in the held-out sessions of the study {test}. "
        f"{few}"
    )


def _p(value: float) -> str:
    return MISSING if value != value else p_value(value)
