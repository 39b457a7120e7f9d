"""When sessions took place, as far as their acquisition times tell.

Dates are anonymised in many ways: one date for all sessions, no date at all, shifted years. Times
that cannot be right are not used, and the notes say what was seen. No note holds a date.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pandas as pd

from painprint.errors import DerivativesError
from painprint.files.tables import MISSING
from painprint.runs import natural

TIME_OF_DAY = re.compile(r"[0-2]?\d:[0-5]\d(:[0-5]\d(\.\d+)?)?Z?")
LAST_SHIFTED_YEAR = 1925
"""Last year of dates that BIDS calls anonymised; BIDScoin writes 1925-01-01."""
LONGEST_SESSION = pd.Timedelta(days=365)
"""Scans of one session lie within this time; earlier ones have an anonymised date, or that of a
clock that was not set, such as 1970-01-01."""
LONGEST_GAP_YEARS = 10
"""A longer time between successive sessions means that not all dates are real."""


@dataclass(frozen=True)
class Stamp:
    """Acquisition time of a session.

    Attributes
    ----------
    of_day : bool
        Whether the time of day is known; midnight counts as unknown.
    """

    time: pd.Timestamp
    of_day: bool


@dataclass(frozen=True)
class Stamps:
    """Acquisition times by session.

    Attributes
    ----------
    dateless : frozenset of str
        Sessions that have a time of day but no date.
    apart : frozenset of str
        Sessions with scans whose times were left out, because others are much later.
    """

    of_session: Mapping[str, Stamp]
    dateless: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()

    def or_else(self, others: Stamps) -> Stamps:
        """These times, and those of others for the sessions that have none."""
        dates = {**others.of_session, **self.of_session}
        return Stamps(
            dates,
            (self.dateless | others.dateless) - dates.keys(),
            self.apart | (others.apart - self.of_session.keys()),
        )


def read_stamps(texts: Iterable[tuple[str, str]], path: Path) -> Stamps:
    """The first acquisition time of each session in a table, of those within a year of its last.

    Parameters
    ----------
    texts : iterable of pair of str
        Session and ``acq_time``.

    Raises
    ------
    DerivativesError
        If an entry is no date, time, or n/a.
    """
    stamps: dict[str, list[Stamp]] = {}
    dateless = set()
    for session, text in texts:
        text = text.strip()
        if text in MISSING:
            continue
        if TIME_OF_DAY.fullmatch(text):
            dateless.add(session)
            continue
        try:
            time = pd.to_datetime([text], format="ISO8601", utc=True)[0].tz_localize(None)
        except ValueError as error:
            raise DerivativesError(
                "acq_time must look like 2000-01-31T12:00:00 or be n/a.", path
            ) from error
        stamps.setdefault(session, []).append(Stamp(time, time != time.normalize()))
    first, apart = {}, set()
    for session, all_of_it in stamps.items():
        last = max(stamp.time for stamp in all_of_it)
        near = [stamp for stamp in all_of_it if last - stamp.time <= LONGEST_SESSION]
        first[session] = min(near, key=lambda stamp: stamp.time)
        if len(near) < len(all_of_it):
            apart.add(session)
    return Stamps(first, frozenset(dateless - stamps.keys()), frozenset(apart))


def days_of_sessions(stamps: Stamps, labels: Sequence[str]) -> tuple[pd.Series, list[str]]:
    """Days since the first session, as far as they are known, and what is wrong with the times.

    Parameters
    ----------
    labels : sequence of str
        All sessions, in the order of their labels.

    Returns
    -------
    days : Series of float
        By session; NaN where unknown.
    problems : list of str
        Clauses about times that are not used.
    """
    known = {name: stamps.of_session[name] for name in labels if name in stamps.of_session}
    problems = []
    if apart := [name for name in labels if name in stamps.apart]:
        problems.append(
            f"{_sessions(apart, labels)} scans with dates more than a year before others of the "
            "session, which were not used"
        )
    if dateless := [name for name in labels if name in stamps.dateless]:
        problems.append(f"{_sessions(dateless, labels)} a time of day without a date")
    if len(known) > 1 and len({stamp.time.normalize() for stamp in known.values()}) == 1:
        problems.append(f"{_sessions(list(known), labels)} one and the same date")
        known = {}
    if _has_gap(known):
        problems.append(
            f"{_sessions(list(known), labels)} dates with more than {LONGEST_GAP_YEARS} years "
            "between successive ones, so that some are anonymised or of a clock that was not set"
        )
        known = {}
    for same in _repeated(known):
        problems.append(f"{_sessions(same, labels)} one and the same time")
        known = {name: stamp for name, stamp in known.items() if name not in same}
    if known and not _in_order(known) and _shifted(known):
        problems.append(
            f"{_sessions(list(known), labels)} anonymised dates (up to {LAST_SHIFTED_YEAR}) that "
            "contradict the numbers in their labels"
        )
        known = {}
    if known and not _in_order(known) and len(known) < len(labels):
        problems.append(
            f"{_sessions(list(known), labels)} dates that contradict the numbers in their labels"
        )
        known = {}
    times = pd.Series({name: known[name].time if name in known else pd.NaT for name in labels})
    times = times.astype("datetime64[us]")
    return (times - times.min()).dt.total_seconds() / 86400, problems


def contradicts_labels(sessions: pd.Series) -> bool:
    """Whether sessions in order of time are not in the order of the numbers in their labels."""
    return _numbered(sessions) and list(sessions) != sorted(sessions, key=natural)


def _numbered(labels: Iterable[str]) -> bool:
    return all(re.search(r"\d", label) for label in labels)


def _in_order(known: Mapping[str, Stamp]) -> bool:
    """Whether known times are in the order of labels with numbers (or labels have none)."""
    in_time = sorted(known, key=lambda name: (known[name].time, natural(name)))
    return not contradicts_labels(pd.Series(in_time, dtype=str))


def _shifted(known: Mapping[str, Stamp]) -> bool:
    return all(stamp.time.year <= LAST_SHIFTED_YEAR for stamp in known.values())


def _has_gap(known: Mapping[str, Stamp]) -> bool:
    times = sorted(stamp.time for stamp in known.values())
    longest = pd.Timedelta(days=365.25 * LONGEST_GAP_YEARS)
    return any(later - time > longest for time, later in pairwise(times))


def _repeated(known: Mapping[str, Stamp]) -> list[list[str]]:
    """Groups of sessions whose time, with its time of day, is the same."""
    of_time: dict[pd.Timestamp, list[str]] = {}
    for name, stamp in known.items():
        if stamp.of_day:
            of_time.setdefault(stamp.time, []).append(name)
    return [names for names in of_time.values() if len(names) > 1]


def _sessions(some: Sequence[str], labels: Sequence[str]) -> str:
    """Subject of a clause: these sessions have."""
    if len(some) == len(labels):
        return "all sessions have"
    shown = ", ".join(f"ses-{name}" for name in some[:4]) + ", ..." * (len(some) > 4)
    return f"{shown} {'have' if len(some) > 1 else 'has'}"
