"""Questions at moments of a live reading that teach most, and their answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from painprint.live.options import Side
from painprint.live.scorer import Reading
from painprint.rating_task.questions import question_as_event
from painprint.rating_task.recording import Answer
from painprint.rating_task.seat import Seat, Verdict
from painprint.rating_task.task import RatingTask
from painprint.signature.applicability import DO_NOT_READ

if TYPE_CHECKING:
    from painprint.live.reader import LiveReading

PROBE, RATING, VOLUME = "probe", "rating", "volume_asked"
"""Kinds of lines of a question and its answer, and the key of the volume after which it came."""


@dataclass(frozen=True)
class ProbeRule:
    """When a rating is asked for.

    Attributes
    ----------
    side : {"above", "below"}
        Side of the threshold on which the mean of the last minute must be.
    threshold : float
        In units of the rating.
    cooldown_frames : float
        Least number of volumes from one question to the next.
    """

    side: Side
    threshold: float
    cooldown_frames: float

    @classmethod
    def of_levels(
        cls, levels: Sequence[float], side: Side, quantile: float, cooldown_frames: float
    ) -> ProbeRule:
        """Beyond a quantile of the mean ratings of the person's sessions.

        Parameters
        ----------
        quantile : float
            From 0.5 to 1; for "below" its mirror image, 1 - quantile.
        """
        at = quantile if side == "above" else 1 - quantile
        return cls(side, float(np.quantile(levels, at)), cooldown_frames)

    def is_due(self, reading: Reading, last: int | None) -> bool:
        """Whether a rating is asked for after this reading.

        Parameters
        ----------
        last : int or None
            Volume after which the last question came.
        """
        if reading.mean is None or reading.range == DO_NOT_READ:
            return False
        if last is not None and reading.index - last < self.cooldown_frames:
            return False
        if self.side == "above":
            return reading.mean > self.threshold
        return reading.mean < self.threshold


class Probes:
    """Questions of a live reading, and their answers. Not for several threads at once.

    Parameters
    ----------
    task : RatingTask
        Complete; of the intermittent design.
    earlier : iterable of mapping
        Lines of questions and answers before the program was killed.
    """

    def __init__(
        self, rule: ProbeRule, task: RatingTask, earlier: Iterable[Mapping[str, Any]] = ()
    ) -> None:
        self.rule, self.task = rule, task
        self.asked: list[tuple[int, float]] = []
        """Volume and time (s, of the program's clock) of each question."""
        self.answers: list[dict[str, Any]] = []
        """Lines of the answers."""
        for line in earlier:
            if line["kind"] == PROBE:
                self.asked.append((line[VOLUME], -np.inf))
            elif line["kind"] == RATING:
                self.answers.append(dict(line))

    @property
    def last(self) -> int | None:
        """Volume after which the last question came; None before the first."""
        return self.asked[-1][0] if self.asked else None

    def question_after(self, reading: Reading) -> dict[str, Any] | None:
        """The line of a question, if a rating is asked for after this reading."""
        if not self.rule.is_due(reading, self.last):
            return None
        return {"kind": PROBE, VOLUME: reading.index}

    def line_of(self, answer: Answer, first_volume_s: float) -> dict[str, Any] | None:
        """The line of an answer; None if its question has one.

        Parameters
        ----------
        first_volume_s : float
            Time (s, of the program's clock) at which the first volume began.
        """
        before = [volume for volume, at_s in self.asked if at_s <= answer.shown_s]
        if not before or self._is_answered(before[-1]):
            return None
        event = question_as_event(answer, self.task, first_volume_s)
        return {"kind": RATING, VOLUME: before[-1], **event}

    def _is_answered(self, volume: int) -> bool:
        return any(line[VOLUME] == volume for line in self.answers)

    def last_closed(self, now_s: float) -> int | None:
        """The volume of the last question, but for one that may still be answered."""
        if not self.asked:
            return None
        volume, at_s = self.asked[-1]
        if self._is_answered(volume) or now_s - at_s > self.task.answer_within_s:
            return volume
        return self.asked[-2][0] if len(self.asked) > 1 else None


class ProbedRating:
    """The page on which a person answers: what it is told, and what it sends.

    Methods may be called from several threads.

    Parameters
    ----------
    task : RatingTask
        Complete; of the intermittent design.
    current : callable
        Returns the reading; None before the first volume.
    clock : callable
        Monotonic time (s).
    """

    def __init__(
        self,
        task: RatingTask,
        current: Callable[[], LiveReading | None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.task, self.current, self.clock = task, current, clock
        self._seat, self._lock = Seat(), threading.Lock()
        self._waiting: list[Answer] = []

    def take(self, batch: Mapping[str, Any]) -> Verdict:
        """Take a batch of a page, once.

        Raises
        ------
        OSError
            If it cannot be written; the page sends it again.
        """
        with self._lock:
            reading = self.current()
            has_ended = reading is not None and reading.has_ended
            verdict = self._seat.take(batch, self.clock(), has_ended=has_ended, keep=self._keep)
            # the program was started again, and no volume has come: the answers wait for one
            while verdict == "kept" and reading is not None and self._waiting:
                reading.add_answer(self._waiting[0])
                del self._waiting[0]
            return verdict

    def _keep(self, batch: Mapping[str, Any], now: float) -> None:
        offset_s = now - batch["sent"] / 1e3
        self._waiting += [Answer.of_page(row, offset_s) for row in batch.get("answers", ())]

    def has_page(self) -> bool:
        """Whether the page is open."""
        with self._lock:
            return self._seat.has_page(self.clock())

    def reply(self) -> dict[str, Any]:
        """What the page is told after each batch: whether it is over, and the last question."""
        reading = self.current()
        probes = None if reading is None else reading.probes
        return {
            "stop": reading is not None and reading.has_ended,
            "asked": None if probes is None else probes.last,
        }

    def state(self) -> dict[str, Any]:
        """What a page needs to begin, or to go on after it was closed."""
        reading = self.current()
        probes = None if reading is None else reading.probes
        has_ended = reading is not None and reading.has_ended
        return {
            "phase": "ended" if has_ended else "running",
            "practice": False,
            "elapsed": 0.0,
            "triggers": 0,
            "place": None,
            "asked": None if probes is None else probes.last_closed(self.clock()),
        }
