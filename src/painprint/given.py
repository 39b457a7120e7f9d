"""What is given from Python, checked: numbers, times and labels."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST = 1e100
"""Largest number of signals, ratings and confounds: the squares of larger ones overflow."""
CONTROL = {"Cc": "control", "Cs": "surrogate", "Zl": "line-breaking", "Zp": "line-breaking"}
"""Kinds of characters that labels must not have, by their Unicode category."""
NOT_IN_XML = "\ufffe\uffff"
KINDS = {
    "b": "True and False", "c": "complex numbers", "M": "dates", "m": "durations", "O": "objects",
    "S": "text", "U": "text", "T": "text",
}  # fmt: skip
"""What arrays hold that are not numbers, by the kind of their type."""


def as_numbers(values: Any, what: str, *, flags: bool = False) -> NDArray[np.float64]:
    """A copy as float64 of an array, series or data frame of numbers; missing values become NaN.

    Missing are masked elements and those that pandas calls missing.

    Parameters
    ----------
    what : str
        Name of the values, for errors.
    flags : bool
        Whether True and False are allowed, as 1 and 0.

    Raises
    ------
    ValueError
        If they are not real numbers, or one is too large to be squared.
    """
    numbers = _of_columns(values, what, flags) if hasattr(values, "iloc") else None
    if numbers is None:
        if np.ma.isMaskedArray(values):
            _checked(np.ma.getdata(values), what, flags)
        numbers = np.array(_checked(_array_of(without_mask(values), what), what, flags), float)
    largest = np.abs(numbers, where=np.isfinite(numbers), out=np.zeros(numbers.shape))
    if (peak := largest.max(initial=0.0)) > LARGEST:
        raise ValueError(
            f"{what}: the largest value is {peak:.3g}; values up to {LARGEST:g} can be computed "
            "with. Is a missing value coded as a number? Give NaN for it."
        )
    return numbers


def _array_of(values: Any, what: str) -> NDArray[Any]:
    """The array of a value."""
    try:
        return np.asarray(values)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{what}: an array of numbers is needed ({error}).") from error


def _of_columns(values: Any, what: str, flags: bool) -> NDArray[np.float64] | None:
    """The numbers of a data frame or series of pandas, whose columns may have types of pandas."""
    columns = [values.iloc[:, i] for i in range(values.shape[1])] if values.ndim == 2 else [values]
    if all(isinstance(column.dtype, np.dtype) and column.dtype != object for column in columns):
        _checked(np.asarray(values), what, flags)
        return None
    names = getattr(values, "columns", [None])
    parts = []
    for name, column in zip(names, columns, strict=True):
        where = what if name is None else f"{what}, column {name}"
        kind = getattr(column.dtype, "kind", "O")
        if str(column.dtype) == "category":
            raise ValueError(f"{where}: these are categories; real numbers are needed.")
        if not isinstance(column.dtype, np.dtype) and kind in "iuf" + "b" * flags:
            parts.append(column.to_numpy(dtype=float, na_value=np.nan))
        else:
            parts.append(np.array(_checked(column.to_numpy(), where, flags), dtype=float))
    return parts[0] if values.ndim == 1 else np.stack(parts, axis=1)


def _checked(array: NDArray[Any], what: str, flags: bool) -> NDArray[Any]:
    """The array, if it holds real numbers."""
    kind = array.dtype.kind
    if kind in "iuf" or (flags and kind == "b") or (kind == "O" and _are_real(array)):
        return array
    remedy = {
        "c": "Give their real part, or their absolute value.",
        "b": "Are arguments in another order? Otherwise convert them: .astype(float).",
    }.get(kind, "Convert them first: .astype(float).")
    raise ValueError(
        f"{what}: these are {KINDS.get(kind, array.dtype)}; real numbers are needed. {remedy}"
    )


def _are_real(array: NDArray[Any]) -> bool:
    """Whether every object is a real number, or None for a missing one."""
    return array.ndim > 0 and all(
        value is None or (isinstance(value, Real) and not isinstance(value, bool))
        for value in array.flat
    )


def without_mask(values: Any) -> Any:
    """The values of a masked array, with NaN for masked elements; anything else as it is."""
    if not np.ma.isMaskedArray(values) or values.dtype.kind not in "iufb":
        return values
    return np.ma.filled(values.astype(float), np.nan)


def as_flags(values: Any, what: str) -> NDArray[np.bool_]:
    """A copy of an array of True and False, or of 1 and 0.

    Raises
    ------
    ValueError
        If there is anything else, or a value is missing.
    """
    numbers = as_numbers(values, what, flags=True)
    if not np.isin(numbers, (0.0, 1.0)).all():
        odd = numbers[~np.isin(numbers, (0.0, 1.0))][0]
        raise ValueError(f"{what}: there is a value of {odd:g}; True and False are needed.")
    return numbers.astype(bool)


def as_counts(values: Any, what: str) -> NDArray[np.int64]:
    """A copy of an array of whole numbers.

    Raises
    ------
    ValueError
        If a value is missing, or no whole number.
    """
    numbers = as_numbers(values, what)
    whole = np.isfinite(numbers) & (np.round(numbers) == numbers) & (np.abs(numbers) < 2**53)
    if not whole.all():
        raise ValueError(
            f"{what}: there is a value of {numbers[~whole][0]:g}; whole numbers are needed."
        )
    return numbers.astype(np.int64)


def as_seconds(value: Any, what: str, *, low: float, high: float) -> float:
    """A time (s) from ``low`` to ``high``.

    Raises
    ------
    ValueError
        If it is no number or not within these limits; with the likely cause.
    """
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise ValueError(f"{what} is {value!r}; a number of seconds is needed.")
    seconds = float(value)
    if not low <= seconds <= high:  # NaN compares as False
        hint = " It seems to be in milliseconds: divide it by 1000." * (
            math.isfinite(seconds) and low <= seconds / 1000 <= high and seconds > 0
        )
        raise ValueError(f"{what} is {seconds:g} s; it must be from {low:g} to {high:g} s.{hint}")
    return seconds


def as_label(value: Any, what: str, *, empty: bool = False) -> str:
    """A label that tables, pages and file names can show; whole numbers become text.

    Parameters
    ----------
    empty : bool
        Whether it may be empty, as where there is none.

    Raises
    ------
    ValueError
        If it is no text, or has control characters such as tabs and ends of lines.
    """
    if isinstance(value, Integral) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise ValueError(f"{what} is {value!r}; text is needed, such as '01'.")
    if not value.strip() and not (value == "" and empty):
        raise ValueError(f"{what} is empty; give a name.")
    for character in value:
        kind = CONTROL.get(unicodedata.category(character), "")
        if kind or character in NOT_IN_XML:
            raise ValueError(
                f"{what} is {value!r}, with the {kind or 'forbidden'} character "
                f"{ascii(character)}, which tables and pages cannot contain. Remove it."
            )
    return str(value)


def as_labels(values: Iterable[Any], what: str, *, empty: bool = False) -> tuple[str, ...]:
    """Labels, each as of :func:`as_label`.

    Raises
    ------
    ValueError
        Also if a single text is given instead of several.
    """
    if isinstance(values, str | bytes):
        raise ValueError(f"{what} are {values!r}; several labels are needed, as in a list.")
    return tuple(
        as_label(value, f"{what}: number {i}", empty=empty) for i, value in enumerate(values, 1)
    )
