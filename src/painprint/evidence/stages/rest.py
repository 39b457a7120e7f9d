"""Rest: can the rating be read from resting runs?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from painprint.evidence.rest import rest_tests
from painprint.evidence.stage import Stage, WrittenResult
from painprint.wording import FEW_GROUPS, estimate, number

TABLES: dict[str, dict[str, str]] = {
    "rest": {
        "session": "session label",
        "model": "unseen (outer fold without the session) or all sessions (as published: the "
        "session's ratings trained it)",
        "n_runs": "resting runs",
        "n_frames": "their kept frames",
        "predicted": "mean prediction",
        "training_mean": "mean rating of the model's training rows",
        "rating_first_run": "mean rating of the session's first rated run",
    },
}


def describe(result: WrittenResult) -> str:
    """Paragraph of the page."""
    numbers = result.numbers
    unseen, everything = numbers["unseen"], numbers["all sessions"]
    above = unseen["above_mean"]
    return (
        f"In {unseen['n']} sessions the resting run was read by the model that had not seen the "
        "session, and compared with the mean rating of the session's first run: r of the "
        "prediction above the mean of its training ratings is "
        f"{_with_ends(above, unseen['n'])}. Where ratings and BOLD both drift over sessions this "
        "is biased upwards, so no p is given. Plain r is "
        f"{number(unseen['plain']['r'])}, biased downwards, for each fold's training mean moves "
        "against the session it has not seen. The published way, the model of all sessions, gives "
        f"r {number(everything['plain']['r'])}: that model was trained on these very ratings, so "
        "it shows no prediction."
    )


def _with_ends(found: Mapping[str, Any], n: int) -> str:
    """r, with its interval where there are enough sessions for one."""
    if n < FEW_GROUPS:
        return number(found["r"])
    return estimate(found["r"], [found["low"], found["high"]])


def methods(_: WrittenResult) -> str:
    """Sentence of the Methods."""
    return "Resting runs were scored by the model that had not seen their session."


STAGE = Stage(
    name="rest",
    question="Can it be read at rest?",
    link="Rest",
    compute=rest_tests,
    tables=TABLES,
    describe=describe,
    methods=methods,
)
