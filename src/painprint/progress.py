"""Progress of long computations, reported to a callback."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

OnStep = Callable[[int, int], None]


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
