"""Time left of some work, from what was told before and from what really passed."""

from __future__ import annotations

TRUST = 0.1
"""Share of the work that has to be done until its own pace counts as much as what was told."""
FIRST_SHARE, FIRST_S = 0.05, 5.0
"""Share of the work, and time, that are needed as evidence where nothing was told."""


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
