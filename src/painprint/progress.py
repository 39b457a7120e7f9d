"""Progress of long computations: stages, and steps that are reported to a callback."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count

from painprint.wording import duration, rough_duration

log = logging.getLogger("painprint")

OnStep = Callable[[int, int], None]

MUCH_QUICKER = 0.1
"""Share of its told time below which a stage is taken to have been done before."""
ALMOST_ALL = 0.95
"""Largest share of a stage that is taken as done where it reports no steps."""
TRUST = 0.1
"""Share of the work that has to be done until its own pace counts as much as what was told."""
FIRST_SHARE, FIRST_S = 0.05, 5.0
"""Share of the work, and time, that are needed as evidence where nothing was told."""


class Progress:
    """The stages of some work, such as the decoding of a participant, and the time that is left.

    Each stage that is done is logged with its duration.

    Parameters
    ----------
    work : str
        What the stages belong to, such as ``sub-01``.
    doing : str
        What is done before the first stage.
    is_kept : bool
        Whether finished stages are kept if the work is stopped.
    clock : callable
        Returns the time (s).
    """

    def __init__(
        self,
        work: str,
        doing: str = "",
        *,
        is_kept: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.work, self.doing, self.is_kept = work, doing, is_kept
        self._clock = clock
        self._titles: list[str] = []
        self._told: dict[str, float] = {}
        self._counted: set[str] = set()
        self._passed: set[str] = set()
        self._spent_s = 0.0
        self._stage: str | None = None
        self._began = clock()
        self._share: float | None = None
        self.on_stage: Callable[[], None] = lambda: None
        """Called when a stage begins."""

    def plan(self, *titles: str) -> None:
        """Name all stages, in order."""
        self._titles = list(titles)

    def tell(self, seconds: Mapping[str, float]) -> None:
        """Say how long stages are expected to take (s); those that are not named take no time."""
        self._told = dict(seconds)

    @contextmanager
    def stage(self, title: str, *, logged: bool = True) -> Iterator[OnStep]:
        """Work on a stage, and log how long it took.

        Yields
        ------
        on_step : callable
            To be called with the numbers of finished and of all steps of the stage.
        """
        if title not in self._titles:
            self._titles.append(title)
        self._stage, self._began, self._share = title, self._clock(), None
        self.on_stage()
        try:
            yield self._on_step
        except Exception:  # of which the work may make a note
            self.skip(title)
            self._stage = None
            raise
        seconds = self._clock() - self._began
        if seconds >= MUCH_QUICKER * self._told.get(title, 0.0):
            self._counted.add(title)
            self._spent_s += seconds
        self._passed.add(title)
        if logged:
            log.info(
                "%s: %sdone in %s: %s", self.work, self._number(title), duration(seconds), title,
                extra=OF_PROGRESS,
            )  # fmt: skip
        self._stage = None

    def skip(self, title: str, reason: str = "") -> None:
        """Pass over a stage, with the reason, if it was done before or cannot be done."""
        self._passed.add(title)
        if reason:
            log.info("%s: %s%s: %s", self.work, self._number(title), reason, title,
                     extra=OF_PROGRESS)  # fmt: skip

    @property
    def n_passed(self) -> int:
        """Number of stages that are done or passed over."""
        return len(self._passed)

    @property
    def n_stages(self) -> int:
        """Number of stages."""
        return len(self._titles)

    @property
    def title(self) -> str:
        """The stage in work, or what is done before the first."""
        return self._stage or ("" if self._passed else self.doing)

    @property
    def number(self) -> str:
        """Such as "stage 3 of 12" or "after stage 3 of 12"; empty before the first stage."""
        if stage := self._stage:  # another thread may read this
            return self._number(stage).rstrip()
        is_between = self._passed and self.n_stages > 1
        return f"after stage {self.n_passed} of {self.n_stages}" if is_between else ""

    def share(self) -> float | None:
        """Share of the work that is done; None if nothing is known about it."""
        done, remaining = self._done_and_remaining()
        return done / (done + remaining) if done + remaining > 0 else None

    def left(self) -> str:
        """Time left in words; empty as long as there is no evidence."""
        done, remaining = self._done_and_remaining()
        current = self._clock() - self._began if self._stage else 0.0
        seconds = seconds_left(done, remaining, self._spent_s + current, told=bool(self._told))
        return f"{rough_duration(seconds)} left" if seconds and self._titles else ""

    def describe(self) -> str:
        """A line that says what is in work, how far it is, and how long it will take."""
        steps = "" if self._share is None or not self._stage else f"{self._share:.0%} done"
        left = f"about {left}" if (left := self.left()) else ""
        where = ", ".join(part for part in (self.number, steps, left) if part)
        parts = (self.work, where, self.title)
        return ": ".join(part for part in parts if part)

    def _on_step(self, done: int, of: int) -> None:
        self._share = done / of if of else None

    def _number(self, title: str) -> str:
        """Such as "stage 3 of 12 ", to be followed by what it says; empty if it is the only one."""
        number = f"stage {self._titles.index(title) + 1} of {self.n_stages} "
        return number if self.n_stages > 1 else ""

    def _cost(self, title: str) -> float:
        return self._told.get(title, 0.0) if self._told else 1.0

    def _done_and_remaining(self) -> tuple[float, float]:
        """Costs of what is done and of what remains, without stages that were passed over."""
        done = sum(self._cost(title) for title in tuple(self._counted))
        stage = self._stage
        remaining = sum(
            self._cost(title)
            for title in self._titles
            if title not in self._passed and title != stage
        )
        if stage is None:
            return done, remaining
        of_stage = self._cost(stage)
        share = self._share
        if share is None:  # it reports no steps: by the time that was told
            share = 0.0
            if self._told and of_stage > 0:
                share = min(ALMOST_ALL, (self._clock() - self._began) / of_stage)
        return done + share * of_stage, remaining + (1 - share) * of_stage


OF_PROGRESS = {"of_progress": True}
"""Mark of log lines about progress, which a progress bar shows too."""


def seconds_left(done: float, remaining: float, spent_s: float, *, told: bool) -> float | None:
    """Time left of work of which a part is done.

    Parameters
    ----------
    done, remaining : float
        What is done and what remains: in the seconds that were told, else in stages.
    spent_s : float
        Time that passed for what is done (s).
    told : bool
        Whether a time was told.

    Returns
    -------
    seconds : float or None
        None as long as there is no evidence.

    Examples
    --------
    >>> seconds_left(0, 100, 0, told=True), seconds_left(50, 50, 100, told=True)
    (100.0, 91.66666666666667)
    >>> seconds_left(1, 3, 20, told=False), seconds_left(0, 4, 20, told=False)
    (60.0, None)
    """
    total = done + remaining
    if total <= 0:
        return 0.0
    if told:
        weight = TRUST * total
        return remaining * (weight + spent_s) / (weight + done)
    if done < FIRST_SHARE * total or spent_s < FIRST_S:
        return None
    return remaining * spent_s / done


def step_of_part(on_step: OnStep | None, index: int, n_parts: int) -> OnStep | None:
    """Callback that converts the progress of one of several equal parts to that of all parts."""
    if on_step is None:
        return None
    return lambda done, of: on_step(index * of + done, n_parts * of)


def count_steps(on_step: OnStep | None, n_steps: int) -> Callable[[], None]:
    """Function to call after each step; it reports the number of steps done."""
    done = count(1)

    def step() -> None:
        if on_step is not None:
            on_step(next(done), n_steps)

    return step
