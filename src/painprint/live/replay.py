"""A finished run, volume by volume, as if it were scanned now."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from painprint.live.volume import Volume
from painprint.runs import FD, Run

CENSORED = "censored in the run that is replayed"


class Replay:
    """Volumes of a finished run.

    Parameters
    ----------
    speed : float
        1 for the speed of the scan, 2 for twice as fast; 0 for as fast as possible.
    clock, sleep : callable
        Monotonic time (s), and how to wait (s).
    """

    def __init__(
        self,
        run: Run,
        *,
        speed: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.run, self.speed, self._clock, self._sleep = run, speed, clock, sleep
        self.regions = tuple(run.regions)
        self.tr_s: float | None = run.tr_s
        self.dropped: dict[str, int] = {}

    def __iter__(self) -> Iterator[Volume]:
        """The volumes, each when it is due."""
        began_s = self._clock()
        fd, censored = self.run.confounds.get(FD), self.run.censored
        for index, values in enumerate(self.run.signals):
            acquired_s = index * self.run.tr_s / self.speed if self.speed > 0 else None
            if acquired_s is not None:
                left_s = began_s + acquired_s - self._clock()
                if left_s > 0:
                    self._sleep(left_s)
            is_censored = censored is not None and bool(censored[index])
            yield Volume(
                index,
                None if is_censored else values,
                self._clock(),
                acquired_s,
                None if fd is None or fd[index] != fd[index] else float(fd[index]),
                CENSORED if is_censored else "",
            )
