"""A run of the rating task while it is recorded: one page, one journal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from painprint.rating_task.journal import Journal
from painprint.rating_task.seat import Seat, Verdict
from painprint.rating_task.task import RatingTask

Phase = Literal["waiting", "running", "ended"]
LATE_S = 5.0
"""Time after the end at which a run whose page is closed ends (s)."""
JUMP_S = 1.0
"""Change of the time asleep that is no rounding (s)."""


@dataclass(frozen=True)
class Status:
    """What is going on, for the operator.

    Attributes
    ----------
    has_page : bool
        Whether a page was heard of in the last two seconds.
    has_focus : bool
        Whether it has the keyboard.
    elapsed_s : float
        Time since the first trigger (s).
    without_trigger_s : float
        Time since the last trigger came (s); 0 before the first.
    place : float or None
        Place of the mark.
    problem : OSError or None
        Why the last batch could not be written.
    """

    phase: Phase
    has_page: bool
    has_focus: bool
    elapsed_s: float
    n_triggers: int
    without_trigger_s: float
    place: float | None
    problem: OSError | None


class RatingRun:
    """Takes batches of a page, and writes those from the first trigger on into a journal.

    Methods may be called from several threads.

    Parameters
    ----------
    task : RatingTask
        Complete.
    journal : Path or None
        The journal, made with the first trigger; None in practice, which writes nothing.
    clock : callable
        Monotonic time (s).
    """

    def __init__(
        self,
        task: RatingTask,
        journal: Path | None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.task, self.path, self.clock = task, journal, clock
        self.journal: Journal | None = None
        self.stop_requested = False
        self._lock = threading.Lock()
        self._phase: Phase = "waiting"
        self._seat = Seat()
        self._focus = True
        self._started_s = float("nan")
        self._n_triggers = 0
        self._triggered_s = float("nan")
        self._place: float | None = None
        self._asleep_s = asleep_s()

    @property
    def is_practice(self) -> bool:
        """Whether nothing is written."""
        return self.path is None

    def take(self, batch: Mapping[str, Any]) -> Verdict:
        """Take a batch of a page, once.

        Raises
        ------
        OSError
            If it cannot be written; the page sends it again.
        """
        with self._lock:
            has_ended = self._phase == "ended"
            return self._seat.take(batch, self.clock(), has_ended=has_ended, keep=self._keep)

    def _keep(self, batch: Mapping[str, Any], now: float) -> None:
        triggers = batch.get("triggers", ())
        if self._phase == "waiting" and triggers:
            self._start(batch, now)
        if self.journal is not None:
            self._tell_sleep(now)
            self.journal.append({"kind": "batch", "received": now, **batch})
        if triggers:
            self._n_triggers += len(triggers)
            self._triggered_s = now
        if moves := batch.get("moves"):
            self._place = moves[-1][1]
        if focus := batch.get("focus"):
            self._focus = bool(focus[-1][1])
        if batch.get("ended") and self._phase == "running":
            self._end("stopped" if self.stop_requested else "duration")

    def _start(self, batch: Mapping[str, Any], now: float) -> None:
        """Begin with the first trigger, which came before the batch was received."""
        if self.path is not None:
            journal = Journal(self.path)
            try:
                journal.append({"kind": "run", "task": asdict(self.task)})
            except OSError:
                journal.close()
                self.path.unlink()
                raise
            self.journal = journal
        self._asleep_s = asleep_s()
        self._started_s = now - max(0.0, batch["sent"] - batch["triggers"][0]) / 1e3
        self._phase = "running"

    def _tell_sleep(self, now: float) -> None:
        asleep = asleep_s()
        if asleep - self._asleep_s > JUMP_S and self.journal is not None:
            self.journal.append(
                {"kind": "slept", "received": now, "seconds": asleep - self._asleep_s}
            )
            self._asleep_s = asleep

    def _end(self, why: str) -> None:
        if self.journal is not None:
            self.journal.append({"kind": "end", "received": self.clock(), "why": why})
        self._phase = "ended"

    @property
    def longest_s(self) -> float:
        """Time from the first trigger to the end that the page keeps, at most (s)."""
        longest_tr_s = self.task.repetition_time_s or 10.0
        return self.task.duration_s + self.task.dummy_triggers * longest_tr_s

    def end_if_over(self) -> None:
        """End the run if it should have ended and no page is there to say so."""
        with self._lock:
            now = self.clock()
            if self._phase != "running" or self._seat.has_page(now):
                return  # it goes on, or the page says when it ends
            is_over = now - self._started_s > self.longest_s + LATE_S
            if self.stop_requested or (is_over and not self.is_practice):
                self._end("stopped" if self.stop_requested else "duration")

    def reply(self) -> dict[str, Any]:
        """What the page is told after each batch: whether the run was asked to end."""
        return {"stop": self.stop_requested}

    def state(self) -> dict[str, Any]:
        """What a page needs to begin, or to go on after it was closed."""
        with self._lock:
            elapsed = self.clock() - self._started_s
            return {
                "phase": self._phase,
                "practice": self.is_practice,
                "elapsed": elapsed * 1e3 if self._phase == "running" else None,
                "triggers": self._n_triggers,
                "place": self._place,
            }

    def status(self) -> Status:
        """What is going on, for the operator."""
        with self._lock:
            now = self.clock()
            return Status(
                self._phase,
                self._seat.has_page(now),
                self._focus,
                now - self._started_s if self._phase != "waiting" else 0.0,
                self._n_triggers,
                now - self._triggered_s if self._n_triggers else 0.0,
                self._place,
                self.journal.problem if self.journal is not None else None,
            )

    def close(self) -> None:
        """Close the journal; a run that goes on ends."""
        with self._lock:
            if self._phase == "running":
                self._end("stopped")
            self._phase = "ended"
            if self.journal is not None:
                self.journal.close()


def asleep_s() -> float:
    """Time that the computer slept since it was started (s); 0 where the system does not tell."""
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)
