"""Which page is listened to: one at a time, and each of its batches once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

Verdict = Literal["kept", "elsewhere", "late"]
"""Of a batch. "elsewhere": another page is open. "late": what is rated has ended."""
SILENT_S = 2.0
"""Time without a word after which a page is taken to be closed (s)."""
REMEMBERED = 64
"""Numbers of batches that are remembered, so that one that is sent again is kept once."""


class Seat:
    """The page that has the run. Not for several threads at once."""

    def __init__(self) -> None:
        self._page, self._kept = "", list[int]()
        self._left_at = -1  # number of the batch with which the page left
        self._heard_s = -float("inf")

    def has_page(self, now: float) -> bool:
        """Whether a page was heard of in the last two seconds."""
        return now - self._heard_s < SILENT_S

    def take(
        self,
        batch: Mapping[str, Any],
        now: float,
        *,
        has_ended: bool,
        keep: Callable[[Mapping[str, Any], float], None],
    ) -> Verdict:
        """Take a batch: keep it, once, if it is of the page that has the run, or the first of
        another one after it."""
        if batch["page"] != self._page:
            if self.has_page(now):
                return "elsewhere"
            self._page, self._kept, self._left_at = batch["page"], [], -1
        if has_ended:
            return "late"
        if batch["n"] not in self._kept:
            keep(batch, now)
            self._kept = [*self._kept[-REMEMBERED:], batch["n"]]
        if batch.get("leaving"):
            self._heard_s, self._left_at = -float("inf"), batch["n"]
        elif batch["n"] > self._left_at:  # one before it may come after it
            self._heard_s = now
        return "kept"
