"""Formatting of numbers in sentences: estimates, intervals, p-values, counts."""

from __future__ import annotations

MISSING = "n/a"
FEW_GROUPS = 8
"""Fewest groups for an interval: with fewer there are fewer than 8 / 3 blocks of round(sqrt(n))
groups, and resampling them is unreliable."""


def number(value: float | None, digits: int = 2) -> str:
    """A number with a fixed number of decimals, or n/a.

    Examples
    --------
    >>> number(0.4567), number(-0.001), number(None)
    ('0.46', '0.00', 'n/a')
    """
    return MISSING if value is None or value != value else f"{value:z.{digits}f}"


def rounded(value: float) -> str:
    """A number with three significant digits, without an exponent.

    Examples
    --------
    >>> rounded(0.21544), rounded(1000.0), rounded(38123.4)
    ('0.215', '1,000', '38,100')
    """
    return f"{float(f'{value:.3g}'):,.10g}"


def span(ends: list[float | None]) -> str:
    """An interval as text.

    Examples
    --------
    >>> span([0.1, 0.25])
    '0.10 to 0.25'
    """
    return MISSING if ends[0] is None else f"{number(ends[0])} to {number(ends[1])}"


def estimate(value: float | None, ends: list[float | None]) -> str:
    """A number with its interval.

    Examples
    --------
    >>> estimate(0.2, [0.1, 0.25]), estimate(None, [None, None])
    ('0.20 (0.10 to 0.25)', 'n/a')
    """
    return MISSING if value is None or value != value else f"{number(value)} ({span(ends)})"


def p_value(p: float | None) -> str:
    """A p-value as text, never 0.

    Examples
    --------
    >>> p_value(0.00002), p_value(0.0312)
    ('< 0.001', '0.031')
    """
    if p is None:
        return MISSING
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


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
