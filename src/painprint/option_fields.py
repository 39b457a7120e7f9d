"""Options as fields of dataclasses: their metadata, checks, and names on the command line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from dataclasses import Field, dataclass, field, fields
from functools import cache, wraps
from numbers import Integral, Real
from os import PathLike, fspath
from types import NoneType, UnionType
from typing import (
    Any,
    ClassVar,
    Literal,
    Protocol,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from painprint.wording import did_you_mean

LARGEST = 2.0**53
"""Largest number that an option read from JSON may be; up to it, integers are exact as floats."""


class Options(Protocol):
    """A dataclass whose fields are options."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


Kind = TypeVar("Kind", bound=Options)


@dataclass(frozen=True)
class Bounds:
    """Allowed interval of a number.

    Parameters
    ----------
    low, high : float
        Lower and upper bound.
    low_is_open, high_is_open : bool
        Whether the bound itself is excluded.

    Examples
    --------
    >>> str(Bounds(100)), str(Bounds(0, 1, high_is_open=True))
    ('at least 100', 'from 0 to below 1')
    """

    low: float = -math.inf
    high: float = math.inf
    low_is_open: bool = False
    high_is_open: bool = False

    def hold(self, value: float) -> bool:
        """Whether a value is allowed."""
        above = value > self.low if self.low_is_open else value >= self.low
        return above and (value < self.high if self.high_is_open else value <= self.high)

    def __str__(self) -> str:
        """The bounds in words, to follow "must be"."""
        low = f"{'above' if self.low_is_open else 'at least'} {self.low:g}"
        high = f"{'below' if self.high_is_open else 'at most'} {self.high:g}"
        if not math.isfinite(self.low):
            return high if math.isfinite(self.high) else ""
        if not math.isfinite(self.high):
            return low
        if self.low_is_open:
            return f"{low} and {high}"
        return f"from {self.low:g} to {'below ' * self.high_is_open}{self.high:g}"


@dataclass(frozen=True)
class OptionMetadata:
    """Metadata of an option, beside its name, type and default.

    Parameters
    ----------
    unit, source : str
        Unit and source of the default; empty for none.
    group : str
        Heading in ``--help``; empty for none.
    bounds : Bounds
        Allowed interval of a number, or of each of several numbers.
    hint : str
        Remedy for a value out of bounds.
    worse : str
        For a pair of limits, caution and bad: whether higher or lower values are worse.
    tags : set of str
        Further groups of options; see :func:`list_options`.
    """

    unit: str = ""
    source: str = ""
    group: str = ""
    bounds: Bounds = Bounds()
    hint: str = ""
    worse: Literal["", "higher", "lower"] = ""
    tags: frozenset[str] = frozenset()

    @property
    def allowed(self) -> str:
        """The bounds in words, with the unit; empty if there are none."""
        if not str(self.bounds):
            return ""
        if self.unit == "share":
            return f"a share {self.bounds}"
        return f"{self.bounds} {self.unit}".rstrip()


def option(
    default: Any,
    unit: str = "",
    source: str = "",
    group: str = "",
    *,
    bounds: Bounds = Bounds(),  # noqa: B008 (frozen)
    hint: str = "",
    worse: Literal["", "higher", "lower"] = "",
    tags: Set[str] = frozenset(),
) -> Any:
    """A dataclass field for an option; parameters as of :class:`OptionMetadata`."""
    metadata = OptionMetadata(unit, source, group, bounds, hint, worse, frozenset(tags))
    return field(default=default, metadata={"option": metadata})


def option_metadata(kind: type[Options]) -> dict[str, OptionMetadata]:
    """Metadata of the options of a class, by name."""
    return {row.name: row.metadata.get("option", OptionMetadata()) for row in fields(kind)}


def list_options(kind: type[Options], *, group: str = "", tag: str = "") -> tuple[str, ...]:
    """Names of the options of a class that are in a group or have a tag."""
    return tuple(
        name
        for name, metadata in option_metadata(kind).items()
        if (group and metadata.group == group) or tag in metadata.tags
    )


def choices_of(kind: type[Options], name: str) -> tuple[str, ...]:
    """Allowed words of an option, from its type; empty if it is not restricted to some."""
    hint = _types(kind)[name]
    alternatives = (hint, *get_args(hint))
    literals = [alternative for alternative in alternatives if get_origin(alternative) is Literal]
    return get_args(literals[0]) if literals and get_origin(hint) is not tuple else ()


def check_options(options: Options) -> None:
    """Check each value by itself; a single value of an option for several, or a list, becomes a
    tuple.

    Raises
    ------
    ValueError
        Naming the option, its value, and the allowed values.
    """
    kind = type(options)
    for name, metadata in option_metadata(kind).items():
        hint = _types(kind)[name]
        try:
            value = _of_type(getattr(options, name), hint)
        except TypeError:
            wrong = getattr(options, name)
            raise ValueError(
                f"{name} is {wrong!r:.80}; needed: {_in_words(hint)}{_example(kind, name)}."
            ) from None
        object.__setattr__(options, name, value)
        if value is None:
            continue
        choices = choices_of(kind, name)
        if choices and value not in choices:
            raise ValueError(
                f"{name} is {value!r:.80}; choose one of {', '.join(choices)}."
                f"{did_you_mean(value, choices)}"
            )
        numbers = [v for v in _as_tuple(value) if isinstance(v, int | float)]
        shown = ", ".join(map(str, _as_tuple(value)))
        if not all(map(math.isfinite, numbers)):
            raise ValueError(f"{name} is {shown}; a finite number is needed.")
        if not all(map(metadata.bounds.hold, numbers)):
            must = "each must be" if isinstance(value, tuple) else "it must be"
            remedy = f" {metadata.hint}" * bool(metadata.hint)
            raise ValueError(f"{name} is {shown}; {must} {metadata.allowed}.{remedy}")


def as_typed(kind: type[Options], name: str, value: Any) -> Any:
    """The value of an option as read from JSON, in which a tuple is a list.

    Raises
    ------
    ValueError
        If it is not of the option's type; whether it is allowed is for :func:`check_options`.
    """
    try:
        given = _of_type(value, _types(kind)[name])
    except TypeError:
        raise ValueError(f"{name} is {value!r:.80}, which is no value of this option.") from None
    numbers = [v for v in _as_tuple(given) if isinstance(v, int | float)]
    if not all(-LARGEST <= number <= LARGEST for number in numbers):
        raise ValueError(f"{name} is {value!r:.80}, which is out of range.")
    return given


def check_names(kind: type[Kind]) -> type[Kind]:
    """Class decorator: a keyword that is no option is refused with the option that may be meant.

    Raises
    ------
    TypeError
        When the class is called with such a keyword.
    """
    make: Any = kind.__init__
    known = [row.name for row in fields(kind)]

    @wraps(make)
    def check(self: Kind, *values: Any, **named: Any) -> None:
        for name in named.keys() - set(known):
            remedy = did_you_mean(name, known) or f" There are: {', '.join(known)}."
            raise TypeError(f"{kind.__name__} has no option {name}.{remedy}")
        make(self, *values, **named)

    setattr(kind, "__init__", check)  # noqa: B010
    return kind


def list_changed(options: Options) -> list[str]:
    """Names of the options that differ from their defaults."""
    return [row.name for row in fields(options) if getattr(options, row.name) != row.default]


def show_changed(options: Options) -> str:
    """The options that differ from their defaults, as a call of their class.

    Examples
    --------
    >>> from painprint import Settings
    >>> Settings(n_permutations=99, lag_s=4.0)
    Settings(lag_s=(4.0,), n_permutations=99)
    """
    shown = [f"{name}={getattr(options, name)!r}" for name in list_changed(options)]
    return f"{type(options).__name__}({', '.join(shown)})"


def describe(options: Options) -> list[dict[str, Any]]:
    """One row per option with name, value, unit and source."""
    return [
        {
            "name": name,
            "value": getattr(options, name),
            "unit": metadata.unit,
            "source": metadata.source,
        }
        for name, metadata in option_metadata(type(options)).items()
    ]


def flag(name: str) -> str:
    """Command-line name of an option, without its unit and with dashes for underscores.

    Examples
    --------
    >>> flag("rating_start_s"), flag("fd_thresh_mm")
    ('rating-start', 'fd-thresh')
    """
    for unit in ("_s", "_hz", "_mm"):
        name = name.removesuffix(unit)
    return name.replace("_", "-")


@cache
def _types(kind: type[Options]) -> Mapping[str, Any]:
    """Types of the options of a class, by name."""
    return get_type_hints(kind)


WORDS = {bool: "True or False", int: "a whole number", float: "a number", str: "text"}
"""What a value of each type is called."""


def _of_type(value: Any, hint: Any) -> Any:
    """The value of an option as its type says, else a TypeError: plain Python numbers, tuples
    instead of lists."""
    if get_origin(hint) in (Union, UnionType):
        if value is None:
            return None
        hint = _without_none(hint)
    if hasattr(value, "tolist"):  # of NumPy, whose import would slow --help
        value = value.tolist()
    if get_origin(hint) is tuple:
        several = list(value) if isinstance(value, list | tuple) else [value]
        of = get_args(hint)
        of = of[:1] * len(several) if of[-1] is Ellipsis else of
        if len(of) != len(several):
            raise TypeError
        return tuple(map(_of_type, several, of))
    if get_origin(hint) is Literal:
        hint = str
    if hint is str and isinstance(value, PathLike):
        value = fspath(value)
    number = {int: Integral, float: Real}.get(hint)
    if not isinstance(value, number or hint) or (number and isinstance(value, bool)):
        raise TypeError
    return value


def _without_none(hint: Any) -> Any:
    """The type of an option that may also be None."""
    (of,) = (of for of in get_args(hint) if of is not NoneType)
    return of


def _in_words(hint: Any) -> str:
    """What the values of a type are, to follow "needed:"."""
    if get_origin(hint) in (Union, UnionType):
        return f"{_in_words(_without_none(hint))}, or None"
    if get_origin(hint) is tuple:
        of = get_args(hint)
        of_each = _in_words(of[0])
        return f"{of_each}, or several" if of[-1] is Ellipsis else f"{len(of)} times {of_each}"
    return WORDS.get(hint, f"one of {', '.join(map(str, get_args(hint)))}")


def _example(kind: type[Options], name: str) -> str:
    """The default as an example, to follow what is needed; empty where there is none."""
    default = next(row.default for row in fields(kind) if row.name == name)
    return "" if default is None or default == () else f", such as {default!r}"


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
