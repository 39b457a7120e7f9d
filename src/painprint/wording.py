"""Formatting of numbers in sentences: estimates, intervals, p-values, counts, times."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches

MISSING, MINUS = "n/a", "−"
LIMITS, MOST_DECIMALS = (0, 1), 5
"""Values at which conclusions change (of r and skill, and of a slope), and the largest number of
decimals of an interval's end."""
SIGNIFICANT = 0.05
"""Significance level; a significant correlation must also be positive."""
FEW_GROUPS = 8
"""Fewest groups for an interval: with fewer there are fewer than 8 / 3 blocks of round(sqrt(n))
groups, and resampling them is unreliable."""


def number(value: float | None, digits: int = 2) -> str:
    """A number with a fixed number of decimals, or n/a.

    Examples
    --------
    >>> number(0.4567), number(-0.4), number(-0.001), number(None)
    ('0.46', '−0.40', '0.00', 'n/a')
    """
    if value is None or value != value:
        return MISSING
    return f"{value:z.{digits}f}".replace("-", MINUS)


def bound(value: float | None, digits: int = 2) -> str:
    """An end of an interval: with more decimals where it would round to 0 or 1, which decide.

    Examples
    --------
    >>> bound(-0.00013), bound(0.004), bound(0.997), bound(0.0), bound(0.25)
    ('−0.0001', '0.004', '0.997', '0.00', '0.25')
    """
    if value is None or value != value:
        return MISSING
    while digits < MOST_DECIMALS and value not in LIMITS and round(value, digits) in LIMITS:
        digits += 1
    return number(value, digits)


def rounded(value: float) -> str:
    """A number with three significant digits, without an exponent.

    Examples
    --------
    >>> rounded(0.21544), rounded(1000.0), rounded(38123.4)
    ('0.215', '1,000', '38,100')
    """
    return f"{float(f'{value:.3g}'):,.10g}"


def span(ends: Sequence[float | None]) -> str:
    """An interval as text.

    Examples
    --------
    >>> span([0.1, 0.25]), span([-0.00013, 0.62])
    ('0.10 to 0.25', '−0.0001 to 0.62')
    """
    return MISSING if ends[0] is None else f"{bound(ends[0])} to {bound(ends[1])}"


def estimate(value: float | None, ends: Sequence[float | None]) -> str:
    """A number with its interval.

    Examples
    --------
    >>> estimate(0.2, [0.1, 0.25]), estimate(None, [None, None])
    ('0.20 (0.10 to 0.25)', 'n/a')
    """
    return MISSING if value is None or value != value else f"{number(value)} ({span(ends)})"


def p_value(p: float | None) -> str:
    """A p-value as text, never 0, nor 0.050 where it is not.

    Examples
    --------
    >>> p_value(0.00002), p_value(0.0312), p_value(0.04996)
    ('< 0.001', '0.031', '0.04996')
    """
    if p is None:
        return MISSING
    if p < 0.001:
        return "< 0.001"
    is_limit = p != SIGNIFICANT and f"{p:.3f}" == f"{SIGNIFICANT:.3f}"
    return f"{p:.5f}" if is_limit else f"{p:.3f}"


def is_value(p: float | None) -> str:
    """A p-value with its relation, for a sentence.

    Examples
    --------
    >>> is_value(0.00002), is_value(0.0312)
    ('< 0.001', '= 0.031')
    """
    text = p_value(p)
    return text if text.startswith("<") else f"= {text}"


def plural(n: int, what: str) -> str:
    """A count with its noun.

    Examples
    --------
    >>> plural(1, "run"), plural(3, "run")
    ('1 run', '3 runs')
    """
    return f"{n} {what}{'s' * (n != 1)}"


def count_people(n: int) -> str:
    """A count of people.

    Examples
    --------
    >>> count_people(1), count_people(3)
    ('1 person', '3 people')
    """
    return f"{n} {'person' if n == 1 else 'people'}"


def enumerate_names(names: Sequence[str]) -> str:
    """Names as a part of a sentence.

    Examples
    --------
    >>> enumerate_names(["a"]), enumerate_names(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def did_you_mean(name: str, known: Collection[str]) -> str:
    """A question after a name that does not exist, with the most similar one; empty without one.

    Examples
    --------
    >>> did_you_mean("nul", ["null", "rest"]), did_you_mean("lag", ["lag_s"]), did_you_mean("x", [])
    (' Did you mean null?', ' Did you mean lag_s?', '')
    >>> did_you_mean("01,02", ["01", "02", "03"])
    ' Did you mean 01 02, separated by spaces?'
    """
    parts = name.split(",")
    if len(parts) > 1 and not set(parts).isdisjoint(known):
        return f" Did you mean {' '.join(parts)}, separated by spaces?"
    near = near_names(name, known, 1)
    return f" Did you mean {near[0]}?" if near else ""


def near_names(name: str, known: Collection[str], most: int) -> list[str]:
    """The names that are most similar to one that does not exist, or begin with it, whatever their
    case; the most similar one first.

    Examples
    --------
    >>> near_names("vis", ["VIS_1", "DMN_1", "VIS_2"], 2), near_names("x", ["a"], 2)
    (['VIS_2', 'VIS_1'], [])
    """
    by_lower = {one.lower(): one for one in known}
    lower = name.lower()
    near = get_close_matches(lower, by_lower, most)
    near = near or [one for one in by_lower if lower.strip("-") and one.startswith(lower)][:most]
    return [by_lower[one] for one in near]


def span_of_counts(counts: Iterable[int]) -> str:
    """The smallest and the largest of some counts.

    Examples
    --------
    >>> span_of_counts([5, 3, 9]), span_of_counts([4])
    ('3 to 9', '4')
    """
    ordered = sorted(set(counts))
    return f"{ordered[0]}" if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"


def duration(seconds: float) -> str:
    """A time that passed.

    Examples
    --------
    >>> duration(0.04), duration(42.2), duration(200), duration(9000)
    ('0.0 s', '42 s', '3 min 20 s', '2 h 30 min')
    """
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    if seconds < 3570:
        return f"{round(seconds) // 60} min {round(seconds) % 60} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min"


def rough_duration(seconds: float) -> str:
    """A time that is known roughly.

    Examples
    --------
    >>> rough_duration(42), rough_duration(200), rough_duration(9000)
    ('40 s', '3 min', '2.5 h')
    """
    if seconds < 95:
        return f"{max(10, round(seconds, -1)):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5700 else f"{seconds / 3600:.1f} h"
