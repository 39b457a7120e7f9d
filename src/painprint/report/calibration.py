"""False-positive rates of the tests, from simulated people without a signature.

The numbers are those of benchmarks/tables/null_calibration.tsv; a test compares the two.
"""

from __future__ import annotations

from painprint.wording import enumerate_names

N_PEOPLE = 200
"""Simulated people in each of five worlds: no drift, ratings that drift, BOLD that drifts, both
independently, trends within runs. 10 sessions x 3 runs x 60 regions, 200 permutations."""
AIM, AIM_OF_INTERVAL = 0.08, 0.05
"""Largest false-positive rate aimed at, of the tests and of the interval."""

INTERVAL = "block bootstrap, centred r"
PAPER = "paper's bootstrap, r > 0"
NAMES = {INTERVAL: "the session-block interval of centred r", PAPER: "the paper's p of r"}
"""Criteria as they are called in the sentence."""
SHARES = {
    "p within": (6 / N_PEOPLE, 16 / N_PEOPLE),
    "p between (1 min)": (1 / N_PEOPLE, 16 / N_PEOPLE),
    "p between (session)": (1 / N_PEOPLE, 16 / N_PEOPLE),
    INTERVAL: (7 / N_PEOPLE, 13 / N_PEOPLE),
    PAPER: (0 / N_PEOPLE, 39 / N_PEOPLE),
}
"""Smallest and largest false-positive rate of each criterion, over the five worlds."""


def percent(criterion: str) -> str:
    """Range of false-positive rates as text.

    Examples
    --------
    >>> percent("p within")
    '3 to 8 %'
    """
    low, high = (f"{100 * share:.2g}" for share in SHARES[criterion])
    return f"{low} to {high} %"


def sentence() -> str:
    """Sentence about the false-positive rates of the tests."""
    missed = [
        NAMES.get(name, name)
        for name, (_, high) in SHARES.items()
        if high > (AIM_OF_INTERVAL if name == INTERVAL else AIM)
    ]
    return (
        f"In 5 × {N_PEOPLE} simulated people without a signature (10 sessions; ratings, BOLD, both "
        f"or neither drifting, or trends within runs), p within was below .05 in "
        f"{percent('p within')}, p between in {percent('p between (session)')} "
        f"({percent('p between (1 min)')} at 1 min). The session-block interval of centred r "
        f"excluded 0 in {percent(INTERVAL)}; the paper's p of r was below .05, "
        f"with r above 0, in {percent(PAPER)}. The aim was at most {100 * AIM:.0f} % for p, and "
        f"{100 * AIM_OF_INTERVAL:.0f} % for the interval. It was exceeded by "
        f"{enumerate_names(missed) if missed else 'none of them'}."
    )
