"""What the page sends: checked before it is written."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

MOST_ROWS = 5_000
"""Rows of each kind in a batch, which is sent several times a second."""
LONGEST_NAME = 64
LATEST_MS = 1e9
"""Limit of times since a page was opened (ms): more than ten days."""


class InvalidBatch(ValueError):
    """A batch is not what the page sends."""


def checked_batch(content: Any) -> dict[str, Any]:
    """A batch with the fields that are known, of the right types and in range.

    Parameters
    ----------
    content : object
        Decoded JSON with ``page`` (str), ``n`` (int), ``sent`` (ms), and lists of rows: ``moves``
        (ms, place from 0 to 1), ``triggers`` (ms), ``frames`` (ms), ``focus`` (ms, 0 or 1),
        ``answers`` (shown ms, hidden ms, moved ms or null, place or null, 0 or 1). ``clock_step``
        (ms), ``ended`` and ``leaving`` (bool) may be left out.

    Raises
    ------
    InvalidBatch
        Naming the field.
    """
    if not isinstance(content, dict):
        raise InvalidBatch("a batch is an object")
    page, number = content.get("page"), content.get("n")
    if not isinstance(page, str) or not 0 < len(page) <= LONGEST_NAME or not page.isalnum():
        raise InvalidBatch("page")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 2**53:
        raise InvalidBatch("n")
    batch: dict[str, Any] = {"page": page, "n": number, "sent": _time(content.get("sent"))}
    for name, check in ROWS.items():
        rows = content.get(name, [])
        if not isinstance(rows, list) or len(rows) > MOST_ROWS:
            raise InvalidBatch(name)
        try:
            kept = [check(row) for row in rows]
        except (TypeError, ValueError) as error:
            raise InvalidBatch(name) from error
        if kept:
            batch[name] = kept
    if "clock_step" in content:
        batch["clock_step"] = _time(content["clock_step"])
    for name in ("ended", "leaving"):
        if content.get(name) is True:
            batch[name] = True
    return batch


def _time(value: Any) -> float:
    """A time of the page (ms)."""
    return _number(value, 0.0, LATEST_MS)


def _number(value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidBatch("a number is needed")
    if not math.isfinite(value) or not low <= value <= high:
        raise InvalidBatch("a number is out of range")
    return float(value)


def _place(value: Any) -> float:
    return _number(value, 0.0, 1.0)


def _flag(value: Any) -> int:
    return int(_number(value, 0, 1))


def _move(row: Any) -> list[float]:
    at, place = row
    return [_time(at), _place(place)]


def _focus(row: Any) -> list[float]:
    at, has_focus = row
    return [_time(at), _flag(has_focus)]


def _answer(row: Any) -> list[Any]:
    shown, hidden, moved, place, confirmed = row
    return [
        _time(shown),
        _time(hidden),
        None if moved is None else _time(moved),
        None if place is None else _place(place),
        _flag(confirmed),
    ]


ROWS: Mapping[str, Callable[[Any], Any]] = {
    "moves": _move,
    "triggers": _time,
    "frames": _time,
    "focus": _focus,
    "answers": _answer,
}
