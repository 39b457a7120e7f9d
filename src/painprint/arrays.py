"""Types of arrays, by what they hold, and how classes that hold arrays are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
"""One dimension."""
Matrix = NDArray[np.float64]
"""Two or more dimensions."""
Single = NDArray[np.float32]
"""In single precision, where there are many values."""
Codes = NDArray[np.int64]
"""Indices: of groups, rows, or runs."""

Kind = TypeVar("Kind", bound=type)
MOST_SHOWN = 4
"""Most members of a collection that are shown."""
LONGEST = 60
"""Most characters of a text that are shown."""


def short_repr(kind: Kind) -> Kind:
    """Class decorator: a dataclass is shown with the shapes of its arrays instead of their values.

    Examples
    --------
    >>> from painprint import RatingRecording
    >>> RatingRecording(np.arange(3.0), np.ones(3))
    RatingRecording(time_s=array (3,), value=array (3,), start_s=0, value_range=None, hold=False)
    """

    def show(self: Any) -> str:
        shown = (f"{row.name}={_brief(getattr(self, row.name))}" for row in fields(kind))
        return f"{kind.__name__}({', '.join(shown)})"

    setattr(kind, "__repr__", show)  # noqa: B010
    return kind


def _brief(value: Any) -> str:
    """A value in a few words: the shape of an array or table, the size of a large collection."""
    if getattr(value, "shape", False):
        what = "table" if hasattr(value, "columns") else "array"
        return f"{what} {value.shape}"
    if isinstance(value, Mapping):
        keys = ", ".join(map(str, list(value)[:MOST_SHOWN]))
        return f"{{{keys}{', ...' * (len(value) > MOST_SHOWN)}}}"
    if isinstance(value, tuple | list | set | frozenset):
        simple = all(isinstance(one, str | int | float) for one in value)
        return repr(value) if simple and len(value) <= MOST_SHOWN else f"{len(value)} values"
    if is_dataclass(value) or callable(value):
        return getattr(value, "__name__", type(value).__name__)
    text = f"{value:.4g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
