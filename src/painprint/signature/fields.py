"""Checked reading of the values of a JSON object; errors name the value by its place."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from typing import Any

from painprint.option_fields import Bounds

DEEPEST = 20
"""Levels of objects and lists inside each other; a signature has six."""
LARGEST_INTEGER = 2**53
CONTROL = ("Cc", "Cs", "Zl", "Zp")
"""Unicode categories that no name may contain: control characters, unpaired surrogates, and
separators of lines and paragraphs."""
ANY = Bounds()


def check_plain(content: Any) -> None:
    """Check all values of parsed JSON, at any depth, before they are hashed or used.

    Raises
    ------
    ValueError
        If a number is not finite or an integer too large for JSON, a text has control characters,
        or values lie too deep.
    """
    level = [content]
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, Mapping):
                inner += [*value.keys(), *value.values()]
            elif isinstance(value, list):
                inner += value
            else:
                _check_leaf(value)
        if not inner:
            return
        level = inner
    raise ValueError(f"it has values more than {DEEPEST} levels deep")


def _check_leaf(value: Any) -> None:
    if isinstance(value, str) and any(unicodedata.category(c) in CONTROL for c in value):
        raise ValueError(f"{value!a:.80} contains control characters")
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise ValueError("an integer is larger than JSON can hold exactly")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no number of JSON")


class Fields:
    """Values of an object, which raise a ValueError unless they have the wanted type and range.

    Parameters
    ----------
    values : Mapping
        The object, as parsed.
    at : str
        Its place in the file, for errors; empty for the whole.
    """

    def __init__(self, values: Any, at: str = "") -> None:
        if not isinstance(values, Mapping):
            raise ValueError(f"{at or 'it'} is {_shown(values)}; an object is needed")
        self.values = values
        self.at = at

    def _get(self, key: str) -> Any:
        if key not in self.values:
            raise ValueError(f"{self._name(key)} is missing")
        return self.values[key]

    def _name(self, key: str) -> str:
        return f"{self.at}.{key}" if self.at else key

    def is_null(self, key: str) -> bool:
        """Whether a value, which must be there, is null."""
        return self._get(key) is None

    def text(self, key: str) -> str:
        """A text that is not empty."""
        value = self._get(key)
        if not isinstance(value, str) or not value:
            raise ValueError(f"{self._name(key)} is {_shown(value)}; a text is needed")
        return value

    def text_or_empty(self, key: str) -> str:
        """A text; empty if it is null or missing."""
        return self.text(key) if self.values.get(key) not in (None, "") else ""

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self._get(key)
        if not isinstance(value, bool):
            raise ValueError(f"{self._name(key)} is {_shown(value)}; true or false is needed")
        return value

    def number(self, key: str, bounds: Bounds = ANY) -> float:
        """A number within bounds."""
        return _number(self._get(key), self._name(key), bounds)

    def number_or_none(self, key: str, bounds: Bounds = ANY) -> float | None:
        """A number within bounds, or null."""
        return None if self.is_null(key) else self.number(key, bounds)

    def ends(self, key: str) -> tuple[float, float] | None:
        """Both ends of an interval in order; None if both are null."""
        if self._get(key) == [None, None]:
            return None
        ends = self.numbers(key)
        if len(ends) != 2 or ends[0] > ends[1]:
            raise ValueError(f"{self._name(key)} is {list(ends)}; two ends in order are needed")
        return ends[0], ends[1]

    def integer(self, key: str, bounds: Bounds = ANY) -> int:
        """An integer within bounds."""
        value = self.number(key, bounds)
        if value != round(value):
            raise ValueError(f"{self._name(key)} is {value:g}; an integer is needed")
        return int(value)

    def numbers(self, key: str, bounds: Bounds = ANY) -> tuple[float, ...]:
        """A list of numbers within bounds, at least one."""
        return _numbers(self._get(key), self._name(key), bounds)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, which may be empty."""
        value, name = self._get(key), self._name(key)
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise ValueError(f"{name} is {_shown(value)}; a list of texts is needed")
        return tuple(value)

    def number_lists(self, key: str, bounds: Bounds = ANY) -> list[tuple[float, ...]]:
        """A list of such lists, at least one."""
        name = self._name(key)
        lists = _filled_list(self._get(key), name)
        return [_numbers(values, f"{name}[{i}]", bounds) for i, values in enumerate(lists)]

    def inner(self, key: str) -> Fields:
        """An object."""
        return Fields(self._get(key), self._name(key))

    def inner_or_none(self, key: str) -> Fields | None:
        """An object; None if it is null or missing."""
        return None if self.values.get(key) is None else self.inner(key)

    def rows(self, key: str) -> list[Fields]:
        """A list of objects, which may be empty."""
        value, name = self._get(key), self._name(key)
        if not isinstance(value, list):
            raise ValueError(f"{name} is {_shown(value)}; a list is needed")
        return [Fields(row, f"{name}[{i}]") for i, row in enumerate(value)]


def _filled_list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"{name} is {_shown(value)}; a list with a value is needed")
    return value


def _numbers(value: Any, name: str, bounds: Bounds) -> tuple[float, ...]:
    items = _filled_list(value, name)
    return tuple(_number(item, f"{name}[{i}]", bounds) for i, item in enumerate(items))


def _number(value: Any, name: str, bounds: Bounds) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not bounds.hold(value):
        must = f"a number {bounds}".rstrip()
        raise ValueError(f"{name} is {_shown(value)}; {must} is needed")
    return float(value)


def _shown(value: Any) -> str:
    """A value in a few characters, of JSON where it is simple."""
    words = {None: "null", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return words[value]
    if isinstance(value, Mapping | list):
        kind = "an object" if isinstance(value, Mapping) else "a list"
        return f"{kind} of {len(value)}"
    return f"{value!a:.60}"
