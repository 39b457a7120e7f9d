"""Questions of an intermittent rating as events in BIDS: rows, columns, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from painprint.rating_task.recording import Answer
from painprint.rating_task.samples import on_scale
from painprint.rating_task.task import RatingTask

QUESTION = "rating"
"""Kind of event."""
COLUMNS = ("onset", "duration", "trial_type", "response_time", "rating", "confirmed")
DECIMALS = 6
"""Of times (s)."""


def question_as_event(answer: Answer, task: RatingTask, start_s: float) -> dict[str, Any]:
    """A row of events, whose onset is in seconds after ``start_s``."""
    response_s = None if answer.moved_s is None else answer.moved_s - answer.shown_s
    return {
        "onset": round(answer.shown_s - start_s, DECIMALS),
        "duration": round(answer.hidden_s - answer.shown_s, DECIMALS),
        "trial_type": QUESTION,
        "response_time": None if response_s is None else round(response_s, DECIMALS),
        "rating": None if answer.place is None else float(on_scale(answer.place, task)),
        "confirmed": int(answer.confirmed),
    }


def table_of_questions(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows of :func:`question_as_event` in the order of their onsets; other keys are left out."""
    ordered = sorted(rows, key=lambda row: row["onset"])
    return pd.DataFrame([{name: row[name] for name in COLUMNS} for row in ordered], columns=COLUMNS)


def describe_rating(task: RatingTask, *, lacking: str) -> dict[str, Any]:
    """Sidecar of a column of ratings.

    Parameters
    ----------
    lacking : str
        Where there is none.
    """
    return {
        "LongName": "Self-report",
        "Description": f"{task.description}; n/a {lacking}",
        "Units": f"points from {task.lowest:g} to {task.highest:g}",
        "Minimum": task.lowest,
        "Maximum": task.highest,
    }


def describe_questions(task: RatingTask) -> dict[str, Any]:
    """Sidecar of the columns of the events."""
    return {
        "trial_type": {
            "Description": "events of an intermittent rating",
            "Levels": {QUESTION: f"question: {task.question}"},
        },
        "response_time": {
            "Description": "time from the question to the first movement of the mark",
            "Units": "s",
        },
        "rating": describe_rating(task, lacking="where the mark was not moved"),
        "confirmed": {
            "Description": "whether the answer was confirmed before the time was over",
            "Levels": {"0": "no", "1": "yes"},
        },
    }
