"""What an option says of itself beside its name, type and default, and the check that reads it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from dataclasses import Field, dataclass, field, fields
from functools import cache
from typing import Any, ClassVar, Literal, Protocol, get_args, get_origin, get_type_hints


class Options(Protocol):
    """A dataclass whose fields are options."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


@dataclass(frozen=True)
class Bounds:
    """Where a number may lie.

    Parameters
    ----------
    low, high : float
        The smallest and the largest value.
    low_is_open, high_is_open : bool
        Whether that value itself is excluded.

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
        """Whether a value lies within."""
        above = value > self.low if self.low_is_open else value >= self.low
        return above and (value < self.high if self.high_is_open else value <= self.high)

    def __str__(self) -> str:
        """In words, as they follow on "must be"."""
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
class About:
    """What an option says of itself.

    Parameters
    ----------
    unit, source : str
        Of the default; empty where it has none.
    group : str
        Heading in ``--help``; empty for none.
    bounds : Bounds
        Where a number may lie; of several numbers, each of them.
    hint : str
        What to do instead of a value out of bounds.
    worse : str
        Of a pair of limits, caution and bad: whether a higher or a lower value is worse.
    tags : set of str
        What else concerns the option; see :func:`list_options`.
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
        """The bounds in words, with the unit; empty where there are none."""
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
    """A field of options; the parameters are those of :class:`About`."""
    about = About(unit, source, group, bounds, hint, worse, frozenset(tags))
    return field(default=default, metadata={"about": about})


def about_options(kind: type[Options]) -> dict[str, About]:
    """What is said of each option of a class, by name."""
    return {row.name: row.metadata.get("about", About()) for row in fields(kind)}


def list_options(kind: type[Options], *, group: str = "", tag: str = "") -> tuple[str, ...]:
    """Names of the options of a class that stand in a group, or have a tag."""
    return tuple(
        name
        for name, about in about_options(kind).items()
        if (group and about.group == group) or tag in about.tags
    )


def choices_of(kind: type[Options], name: str) -> tuple[str, ...]:
    """The words that an option may be, as its type says; empty where it may be any."""
    hint = _types(kind)[name]
    alternatives = (hint, *get_args(hint))
    literals = [one for one in alternatives if get_origin(one) is Literal]
    return get_args(literals[0]) if literals and get_origin(hint) is not tuple else ()


def check_options(options: Options) -> None:
    """Refuse values that make no sense by themselves; one value becomes several where many may be.

    Raises
    ------
    ValueError
        Naming the option, its value, and what is allowed.
    """
    kind = type(options)
    for name, about in about_options(kind).items():
        value = getattr(options, name)
        if isinstance(value, str | int | float) and _takes_several(_types(kind)[name]):
            value = (value,)
            object.__setattr__(options, name, value)
        if value is None:
            continue
        choices = choices_of(kind, name)
        if choices and value not in choices:
            raise ValueError(f"{name} is {value!r}; choose one of {', '.join(choices)}.")
        numbers = [v for v in _as_tuple(value) if isinstance(v, int | float)]
        if not all(map(math.isfinite, numbers)):
            raise ValueError(f"{name} is {value}; a finite number is needed.")
        if not all(map(about.bounds.hold, numbers)):
            must = "each must be" if isinstance(value, tuple) else "it must be"
            hint = f" {about.hint}" * bool(about.hint)
            raise ValueError(f"{name} is {value}; {must} {about.allowed}.{hint}")


def describe(options: Options) -> list[dict[str, Any]]:
    """One row per option: name, value, unit, source."""
    return [
        {"name": name, "value": getattr(options, name), "unit": about.unit, "source": about.source}
        for name, about in about_options(type(options)).items()
    ]


def flag(name: str) -> str:
    """Command-line name of an option: no unit, dashes for underscores.

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
    """Types of the options of a class."""
    return get_type_hints(kind)


def _takes_several(hint: Any) -> bool:
    """Whether a type is a tuple of any length."""
    return get_origin(hint) is tuple and get_args(hint)[-1] is Ellipsis


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
