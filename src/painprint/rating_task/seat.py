"""Which page is listened to: one at a time, and each of its batches once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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

    def admits(self, batch: Mapping[str, Any], now: float) -> bool:
        """Whether a batch is of the page that has the run, or the first of another one after it."""
        if batch["page"] == self._page:
            return True
        if self.has_page(now):
            return False
        self._page, self._kept, self._left_at = batch["page"], [], -1
        return True

    def is_kept(self, batch: Mapping[str, Any]) -> bool:
        """Whether a batch was kept before, and is sent again."""
        return batch["n"] in self._kept

    def keep(self, batch: Mapping[str, Any], now: float) -> None:
        """Say that a batch was kept."""
        if not self.is_kept(batch):
            self._kept = [*self._kept[-REMEMBERED:], batch["n"]]
        if batch.get("leaving"):
            self._heard_s, self._left_at = -float("inf"), batch["n"]
        elif batch["n"] > self._left_at:  # one before it may come after it
            self._heard_s = now
