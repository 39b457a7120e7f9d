"""How often people without a signature are called significant: what a page says of its tests.

The numbers are those of benchmarks/tables/null_calibration.tsv; a test holds them together.
"""

from __future__ import annotations

N_PEOPLE = 184
"""Simulated people in each of five worlds: no drift, ratings that drift, BOLD that drifts, both
independently, trends within runs. 10 sessions x 3 runs x 60 regions, 200 permutations."""
AIM = 0.08
"""No share should be larger."""

PAPER = "paper's bootstrap, r > 0"
SHARES = {
    "p within": (6 / N_PEOPLE, 15 / N_PEOPLE),
    "p between (1 min)": (1 / N_PEOPLE, 15 / N_PEOPLE),
    "p between (session)": (1 / N_PEOPLE, 14 / N_PEOPLE),
    "block bootstrap, centred r": (6 / N_PEOPLE, 13 / N_PEOPLE),
    PAPER: (0 / N_PEOPLE, 37 / N_PEOPLE),
}
"""Smallest and largest share of the five worlds that a criterion called significant."""


def percent(criterion: str) -> str:
    """A range of shares in words.

    Examples
    --------
    >>> percent("p within")
    '3.3 to 8.2 %'
    """
    low, high = (f"{100 * share:.2g}" for share in SHARES[criterion])
    return f"{low} to {high} %"


def sentence() -> str:
    """What the tests do where there is nothing to find."""
    missed = [name for name, (_, high) in SHARES.items() if high > AIM]
    return (
        f"In 5 x {N_PEOPLE} simulated people without a signature (10 sessions; ratings, BOLD, both "
        f"or neither drifting, or trends within runs), p within fell below .05 in "
        f"{percent('p within')}, p between in {percent('p between (session)')} "
        f"({percent('p between (1 min)')} at 1 min). The session-block interval of centred r "
        f"excluded 0 in {percent('block bootstrap, centred r')}; the paper's p of r was below .05, "
        f"with r above 0, in {percent(PAPER)}. No more than {100 * AIM:.0f} % was aimed at: missed "
        f"by {', '.join(missed) or 'none'}."
    )
