"""Read the volumes of a source with a signature, write them, and tell who listens."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from painprint.arrays import Vector
from painprint.live.probe import Probes
from painprint.live.record import Record
from painprint.live.scorer import LiveScorer, Reading
from painprint.live.volume import Source, Volume
from painprint.rating_task.questions import describe_questions, table_of_questions
from painprint.rating_task.recording import Answer

REMEMBERED = 8_000
"""Readings that a page that is opened later is shown."""


@dataclass
class Latency:
    """How long our own part took for each volume (ms), from its values to its line."""

    took_ms: list[float] = field(default_factory=list)
    n_late: int = 0

    def add(self, seconds: float, deadline_s: float) -> None:
        """Add a volume; one that took longer than the time to the next is late."""
        self.took_ms.append(1e3 * seconds)
        self.n_late += seconds > deadline_s

    def describe(self) -> str:
        """Median, 99th percentile and maximum, and deadlines missed."""
        if not self.took_ms:
            return "no volume was read"
        p50, p99 = np.percentile(self.took_ms, [50, 99])
        return (
            f"{p50:.1f} ms a volume (median), {p99:.1f} ms (99th percentile), "
            f"{max(self.took_ms):.1f} ms (most); {self.n_late} later than the next volume"
        )


class LiveReading:
    """A run that is being read: its readings so far, for pages and other programs.

    Methods may be called from several threads; :meth:`follow` from one.

    Parameters
    ----------
    probes : Probes, optional
        Questions to be asked, and their answers.
    clock : callable
        Monotonic time (s).
    """

    def __init__(
        self,
        record: Record,
        scorer: LiveScorer,
        *,
        probes: Probes | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.record, self.scorer, self.clock = record, scorer, clock
        self.truth: Vector | None = None
        """True rating at each volume of a run that is simulated, to be shown beside the reading:
        shape (n_volumes,)."""
        self.probes = probes
        self.latency = Latency()
        self.counts = {"volumes": 0, "scored": 0, "late": 0, "missing": 0}
        self.has_ended = False
        self._seen: set[int] = set()
        self._last = -1
        self._start_s = clock()
        self._first_volume_s = np.inf
        self._unwritten: list[Answer] = []
        self._changed, self._taking = threading.Condition(), threading.Lock()
        self._rows: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)
        self._n_rows = 0
        for volume in record.volumes():
            self.take(volume, is_new=False)

    def follow(self, source: Source) -> None:
        """Read all volumes of a source."""
        for volume in source:
            with self._taking:
                if self.has_ended:
                    return  # the command was asked to end, and has closed the record
                if volume.index not in self._seen:  # else read before the program was killed
                    self.take(volume)
        self.end(source)

    def take(self, volume: Volume, *, is_new: bool = True) -> None:
        """Read a volume that was not read before.

        Parameters
        ----------
        is_new : bool
            False for one that is in the record.
        """
        began = self.clock()
        single = None if volume.values is None else volume.values.astype(np.float32).astype(float)
        volume = replace(volume, values=single)
        last = self._last
        self._seen.add(volume.index)
        self._last = max(last, volume.index)
        reading = self.scorer.read(volume)
        done = self.clock()
        times = {"arrived": round(volume.arrived_s - self._start_s, 4),
                 "written": round(done - self._start_s, 4)}  # fmt: skip
        if volume.acquired_s is not None:
            times["acquired"] = round(volume.acquired_s, 4)
        if is_new:
            self.record.add(volume, reading, times)
            self.latency.add(self.clock() - began, self.scorer.tr_s)
            self._ask(volume, reading)
        elif volume.index not in self.record.told:  # the program was killed between its two files
            self.record.tell({"kind": "volume", **reading.as_row(), **times})
        self.counts["volumes"] += 1
        self.counts["scored"] += reading.scored
        self.counts["late"] += volume.index < last
        self.counts["missing"] += max(0, volume.index - last - 1) - (volume.index < last)
        with self._changed:
            self._rows.append({**reading.as_row(), **times, **self._truth_of(volume.index)})
            self._n_rows += 1
            self._changed.notify_all()

    def _ask(self, volume: Volume, reading: Reading) -> None:
        """Ask for a rating after a volume, if one is due."""
        # no volume comes before it ended, so that the fastest one tells best when the run began
        began_s = volume.arrived_s - (volume.index + 1) * self.scorer.tr_s
        self._first_volume_s = min(self._first_volume_s, began_s)
        if self.probes is None:
            return
        if line := self.probes.question_after(reading):
            self.record.tell(line)
            self.probes.asked.append((reading.index, self.clock()))
        self._write_answers(self.probes)

    def add_answer(self, answer: Answer) -> None:
        """Write the answer to a question, once."""
        with self._taking:
            if self.probes is not None and not self.has_ended:
                self._unwritten.append(answer)
                self._write_answers(self.probes)

    def _write_answers(self, probes: Probes) -> None:
        """Write the answers that came, as soon as it is known when the run began."""
        if not self._unwritten or not np.isfinite(self._first_volume_s):
            return
        for answer in self._unwritten:
            if line := probes.line_of(answer, self._first_volume_s):
                self.record.tell(line)
                probes.answers.append(line)
        self._unwritten.clear()
        if probes.answers:
            table, sidecar = table_of_questions(probes.answers), describe_questions(probes.task)
            self.record.write_answers(table, sidecar)

    def _truth_of(self, index: int) -> dict[str, float]:
        """Mean true rating of the minute that the reading at a volume is of, if it is known."""
        if self.truth is None:
            return {}
        stop = index - self.scorer.lag_frames + 1
        minute = self.truth[max(0, stop - self.scorer.window) : max(0, stop)]
        known = minute[np.isfinite(minute)]
        return {"truth": round(float(known.mean()), 6)} if len(known) else {}

    def end(self, source: Source) -> None:
        """Say that the run has ended, and what was dropped."""
        with self._taking:
            if self.has_ended:
                return
            self.record.tell({"kind": "end", **self.counts, "dropped": dict(source.dropped)})
            with self._changed:
                self.has_ended = True
                self._changed.notify_all()

    def latest(self) -> dict[str, Any] | None:
        """The last reading, as a line of the file; None before the first."""
        with self._changed:
            return self._rows[-1] if self._rows else None

    def since(self, number: int, timeout_s: float) -> tuple[list[dict[str, Any]], int, bool]:
        """Readings after the first ``number`` of the run, the number of all, to be passed next
        time, and whether the run has ended; waits for a reading if there is none."""
        with self._changed:
            if self._n_rows <= number and not self.has_ended:
                self._changed.wait(timeout_s)
            n_new = min(self._n_rows - number, len(self._rows))
            rows = list(self._rows)[len(self._rows) - n_new :] if n_new > 0 else []
            return rows, self._n_rows, self.has_ended
