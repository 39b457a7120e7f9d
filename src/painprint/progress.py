"""Telling whoever listens how far a long computation is."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

OnStep = Callable[[int, int], None]


def step_of_part(on_step: OnStep | None, index: int, n_parts: int) -> OnStep | None:
    """Progress of one of several equal parts, told as progress of the whole."""
    if on_step is None:
        return None
    return lambda done, of: on_step(index * of + done, n_parts * of)


def count_steps(on_step: OnStep | None, n_steps: int) -> Callable[[], None]:
    """Something to call after each step, which tells whoever listens how many are done."""
    done = count(1)

    def step() -> None:
        if on_step is not None:
            on_step(next(done), n_steps)

    return step
