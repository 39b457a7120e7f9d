"""Regional values as lines of text: from another program, or from a file of an earlier run."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from painprint.errors import DerivativesError
from painprint.files.tables import MISSING
from painprint.live.volume import Volume

INDEX, FD, ACQUIRED, NOTE = "index", "framewise_displacement", "acquired", "note"
"""Columns of a table, or keys of an object, that are no regions."""
LARGEST_LINE = 4_000_000
"""Upper limit for the characters of a line."""
MOST_VOLUMES = 10_000_000


class LineSource:
    """Volumes from lines: JSON objects, or rows of a table separated by tabs.

    The first line names the regions: ``{"regions": ["L_SMN_1", ...], "tr": 0.46}``, or a header of
    a table. Each further line is a volume: ``{"index": 0, "values": [...]}``, perhaps with
    ``framewise_displacement`` (mm) and ``acquired`` (s after the first volume); or a row with those
    columns beside the regions. Without an index, volumes are counted. n/a, null and NaN are
    missing.

    Parameters
    ----------
    clock : callable
        Monotonic time (s).

    Raises
    ------
    DerivativesError
        If the first line does not name regions.
    """

    def __init__(
        self, lines: Iterable[str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._lines, self._clock = iter(lines), clock
        self.dropped: dict[str, int] = {}
        self.tr_s: float | None = None
        first = next(self._lines, "").strip()
        if not first:
            raise DerivativesError(
                'the stream ended before its first line, which names the regions: {"regions": '
                '["L_SMN_1", ...], "tr": 0.46}, or a header of a table.'
            )
        self._columns: list[str] | None = None
        if first.startswith("{"):
            self.regions = self._described(first)
        else:
            self._columns = first.split("\t")
            known = (INDEX, FD, ACQUIRED, NOTE)
            self.regions = tuple(name for name in self._columns if name not in known)
        if len(set(self.regions)) < max(1, len(self.regions)):
            raise DerivativesError("the names of the regions of the stream must differ.")

    def _described(self, first: str) -> tuple[str, ...]:
        try:
            content = json.loads(first)
            names, tr_s = content["regions"], content.get("tr")
        except (ValueError, KeyError, TypeError):
            names, tr_s = None, None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise DerivativesError(
                'the first line of the stream must name the regions: {"regions": ["L_SMN_1", ...], '
                f'"tr": 0.46}}. It is {first:.80}'
            )
        self.tr_s = float(tr_s) if isinstance(tr_s, int | float) and tr_s > 0 else None
        return tuple(names)

    def __iter__(self) -> Iterator[Volume]:
        """Volumes until the stream ends."""
        seen: set[int] = set()
        last = -1
        for line in self._lines:
            if not line.strip():
                continue
            volume = self._volume(line, last + 1)
            if volume.index in seen:
                self.dropped["repeated"] = self.dropped.get("repeated", 0) + 1
                continue
            seen.add(volume.index)
            last = max(last, volume.index)
            yield volume

    def _volume(self, line: str, counted: int) -> Volume:
        arrived_s = self._clock()
        try:
            if len(line) > LARGEST_LINE:
                raise ValueError
            row = self._row(line)
            values = np.array([_number(value) for value in row["values"]], dtype=float)
            if len(values) != len(self.regions):
                note = f"{len(values)} values for {len(self.regions)} regions"
                return Volume(_index(row, counted), None, arrived_s, note=note)
            index = _index(row, counted)
        except (ValueError, TypeError, KeyError, RecursionError):
            return Volume(counted, None, arrived_s, note="the line cannot be read")
        acquired, fd = (_optional(row.get(name)) for name in (ACQUIRED, FD))
        note = str(row.get(NOTE, "")).replace("n/a", "")
        kept = None if np.isnan(values).all() else values
        return Volume(index, kept, arrived_s, acquired, fd, note)

    def _row(self, line: str) -> dict[str, Any]:
        if self._columns is None:
            content = json.loads(line)
            return content if isinstance(content, dict) else {}
        cells = dict(zip(self._columns, line.rstrip("\r\n").split("\t"), strict=True))
        row: dict[str, Any] = {n: cells[n] for n in (INDEX, FD, ACQUIRED, NOTE) if n in cells}
        return {**row, "values": [cells[name] for name in self.regions]}


def _index(row: dict[str, Any], counted: int) -> int:
    """Number of the volume; that by counting where none is given."""
    given = row.get(INDEX)
    if given is None:
        return counted
    index = int(given)
    if index != float(given) or not 0 <= index < MOST_VOLUMES:
        raise ValueError(given)
    return index


def _number(value: Any) -> float:
    """A signal; NaN for one that is missing."""
    if value is None or value in MISSING:
        return math.nan
    if isinstance(value, bool):
        raise ValueError(value)
    return float(value)


def _optional(value: Any) -> float | None:
    number = _number(value)
    return number if math.isfinite(number) else None
