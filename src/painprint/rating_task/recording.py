"""What happened in a run, on one clock, from the lines of its journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from painprint.arrays import Matrix, Vector

MS = 1e-3


@dataclass(frozen=True)
class Answer:
    """The answer to a question of an intermittent rating.

    Attributes
    ----------
    shown_s, hidden_s : float
        Times at which the question appeared and disappeared (s).
    moved_s : float or None
        Time of the first movement (s); None if there was none.
    place : float or None
        Place on the scale, from 0 to 1; None without a movement.
    confirmed : bool
        Whether it was confirmed, before the time was over.
    """

    shown_s: float
    hidden_s: float
    moved_s: float | None
    place: float | None
    confirmed: bool

    @classmethod
    def of_page(cls, row: Sequence[Any], offset_s: float) -> Answer:
        """From a row of a batch, in the clock of the page (ms).

        Parameters
        ----------
        offset_s : float
            The program's clock when that of the page was 0.
        """
        shown, hidden, moved, place, confirmed = row
        moved_s = None if moved is None else moved * MS + offset_s
        return cls(shown * MS + offset_s, hidden * MS + offset_s, moved_s, place, bool(confirmed))


@dataclass(frozen=True, eq=False)
class Recording:
    """A run as it was recorded; all times are of the program's monotonic clock (s).

    Attributes
    ----------
    move_s : ndarray of shape (n_moves,)
        Times of the movements of the mark, increasing.
    place : ndarray of shape (n_moves,)
        Place of the mark on the scale after each, from 0 to 1.
    trigger_s : ndarray of shape (n_triggers,)
        Times of the triggers, increasing.
    frame_ms : ndarray of shape (n_screen_frames,)
        Time from each frame of the screen to the next one (ms).
    gaps_s : tuple of (float, float)
        Times without a page: from the last word of one to the first of the next.
    unfocused_s : float
        Time in which the page did not have the keyboard.
    slept_s : float
        Time in which the computer slept.
    clock_drift_s : float
        Change of the difference between the page's clock and the program's from the first to the
        last minute; NaN for a shorter run.
    clock_step_ms : float
        Smallest step of the page's clock.
    last_s : float
        Time of the last word of a page.
    end : str
        "duration", "stopped", or "killed" where the journal does not say.
    """

    move_s: Vector
    place: Vector
    trigger_s: Vector
    frame_ms: Vector
    answers: tuple[Answer, ...]
    gaps_s: tuple[tuple[float, float], ...]
    unfocused_s: float
    slept_s: float
    clock_drift_s: float
    clock_step_ms: float
    last_s: float
    end: str


@dataclass
class _Page:
    """The batches of one page, in its own clock (ms since it was opened)."""

    delays_s: list[tuple[float, float]] = field(default_factory=list)
    moves: list[list[float]] = field(default_factory=list)
    triggers: list[float] = field(default_factory=list)
    answers: list[list[Any]] = field(default_factory=list)
    focus: list[list[float]] = field(default_factory=list)
    frames: list[float] = field(default_factory=list)
    clock_step_ms: float = np.nan

    def add(self, batch: Mapping[str, Any]) -> None:
        sent_s = batch["sent"] * MS
        self.delays_s.append((batch["received"], batch["received"] - sent_s))
        self.clock_step_ms = batch.get("clock_step", self.clock_step_ms)
        for name in ("moves", "triggers", "answers", "focus", "frames"):
            getattr(self, name).extend(batch.get(name, ()))

    @property
    def offset_s(self) -> float:
        """The program's clock minus the page's: the batch that was fastest tells it best."""
        return min(delay for _, delay in self.delays_s)

    @property
    def span_s(self) -> tuple[float, float]:
        """The first and the last word of the page, on its own clock, in program time (s)."""
        sent = [received - delay for received, delay in self.delays_s]
        return min(sent) + self.offset_s, max(sent) + self.offset_s

    @property
    def drift_s(self) -> float:
        """Offset in the last minute minus that in the first; NaN if there are not two."""
        first_s, last_s = self.delays_s[0][0], self.delays_s[-1][0]
        if last_s - first_s < 120:
            return np.nan
        early = min(delay for at, delay in self.delays_s if at < first_s + 60)
        late = min(delay for at, delay in self.delays_s if at > last_s - 60)
        return late - early


def recording_of(entries: Iterable[Mapping[str, Any]]) -> Recording:
    """The recording in the lines of a journal after its first.

    Times are those of the page's events, on the page's clock, to which the program's clock is
    related by the batch that was under way for the shortest time; so nothing depends on how long
    batches travelled, nor on the time of day.
    """
    pages: dict[str, _Page] = {}
    slept_s, end = 0.0, "killed"
    for entry in entries:
        if entry["kind"] == "batch":
            pages.setdefault(entry["page"], _Page()).add(entry)
        elif entry["kind"] == "slept":
            slept_s += entry["seconds"]
        elif entry["kind"] == "end":
            end = entry["why"]
    opened = list(pages.values())
    moves = _joined([(page.moves, page.offset_s) for page in opened])
    triggers = [t * MS + page.offset_s for page in opened for t in page.triggers]
    spans = [page.span_s for page in opened]
    drifts = [page.drift_s for page in opened if page.drift_s == page.drift_s]
    return Recording(
        move_s=moves[:, 0],
        place=moves[:, 1],
        trigger_s=np.sort(np.array(triggers, dtype=float)),
        frame_ms=np.array([ms for page in opened for ms in page.frames], dtype=float),
        answers=tuple(
            Answer.of_page(row, page.offset_s) for page in opened for row in page.answers
        ),
        gaps_s=tuple((a[1], b[0]) for a, b in zip(spans, spans[1:], strict=False)),
        unfocused_s=sum(_unfocused_s(page) for page in opened),
        slept_s=slept_s,
        clock_drift_s=max(drifts, key=abs, default=np.nan),
        clock_step_ms=max((page.clock_step_ms for page in opened), default=np.nan),
        last_s=spans[-1][1] if spans else np.nan,
        end=end,
    )


def _joined(moves: Iterable[tuple[list[list[float]], float]]) -> Matrix:
    """Movements of all pages in program time, in order: shape (n_moves, 2)."""
    rows = [[t * MS + offset_s, place] for page, offset_s in moves for t, place in page]
    table = np.array(rows, dtype=float).reshape(-1, 2)
    return table[np.argsort(table[:, 0], kind="stable")]


def _unfocused_s(page: _Page) -> float:
    """Time without the keyboard, until the last word of the page (s)."""
    total, since = 0.0, None
    for at, has_focus in page.focus:
        if not has_focus and since is None:
            since = at
        elif has_focus and since is not None:
            total, since = total + at - since, None
    if since is not None:
        first, last = page.span_s
        total += (last - page.offset_s) / MS - since
    return total * MS
