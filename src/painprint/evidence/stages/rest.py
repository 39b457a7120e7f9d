"""Rest: can the level of ratings be predicted from resting runs?"""

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
    numbers = result.numbers
    unseen, everything = numbers["unseen"], numbers["all sessions"]
    above = unseen["above_mean"]
    return (
        f"In {unseen['n']} sessions, the resting run was scored by the model that was not trained "
        "on the session, and compared with the mean rating of the session's first run. The "
        "prediction minus the mean of the model's training ratings correlates with it at "
        f"r = {_with_interval(above, unseen['n'])}. This r is biased upwards where ratings and "
        "BOLD both drift over sessions, so no p is given. The r of the prediction itself is "
        f"{number(unseen['plain']['r'])}; it is biased downwards, because the training mean of a "
        "fold varies inversely with the rating of the held-out session. The published procedure, "
        f"with the model of all sessions, has an r of {number(everything['plain']['r'])}; that "
        "model was trained on these very ratings, so this is no evidence of prediction."
    )


def _with_interval(agreement: Mapping[str, Any], n: int) -> str:
    """r, with its interval where there are enough sessions for one."""
    if n < FEW_GROUPS:
        return number(agreement["r"])
    return estimate(agreement["r"], [agreement["low"], agreement["high"]])


def methods(result: WrittenResult) -> str:
    return (
        f"Resting runs of {result.numbers['unseen']['n']} sessions were scored by the model that "
        "was not trained on their session."
    )


STAGE = Stage(
    name="rest",
    question="Can the level of pain be predicted from rest?",
    compute=rest_tests,
    tables=TABLES,
    describe=describe,
    methods=methods,
)
