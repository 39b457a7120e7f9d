"""Trials of a simulated run: stimuli, each followed by one rating of the pain meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from painprint.arrays import Vector
from painprint.bids.events import EventRatings

STIMULUS_S, ANSWER_S = 16.0, 4.0
"""Durations of a stimulus and of its rating (s)."""
FIRST_S = 30.0
"""Earliest onset: what lies before it is dropped by default (s)."""
RATING_DELAY_S, PAUSE_S = (1.0, 4.0), (6.0, 12.0)
"""Shortest and longest time from a stimulus to its rating, and from there to the next one (s)."""
AFTER_S = 10.0
"""Time of the scan after the last stimulus, for its haemodynamic response (s)."""


@dataclass(frozen=True, eq=False)
class Trials:
    """Trials of a run.

    Attributes
    ----------
    onset_s, rating_onset_s : ndarray of shape (n_trials,)
        Onsets of the stimuli and of their ratings, since the start of the scan (s).
    rating : ndarray of shape (n_trials,)
        0 to 100, whole numbers.
    """

    onset_s: Vector
    rating_onset_s: Vector
    rating: Vector

    def as_events(self) -> EventRatings:
        """The ratings with the spans of their stimuli."""
        return EventRatings(self.onset_s, self.onset_s + STIMULUS_S, self.rating, {})

    def as_table(self) -> pd.DataFrame:
        """The rows of events.tsv: a stimulus, then its rating."""
        stimuli = pd.DataFrame(
            {"onset": self.onset_s, "duration": STIMULUS_S, "trial_type": "pain", "rating": pd.NA}
        )
        ratings = pd.DataFrame(
            {
                "onset": self.rating_onset_s,
                "duration": ANSWER_S,
                "trial_type": "rating",
                "rating": self.rating.astype(int),
            }
        )
        return pd.concat([stimuli.astype(object), ratings.astype(object)]).sort_values("onset")


def draw_trials(rating: Vector, rating_hz: float, rng: np.random.Generator) -> Trials:
    """Draw trials during a continuous rating, whose mean over each stimulus is its rating.

    Parameters
    ----------
    rating : ndarray of shape (n_samples,)
        0 to 1, from the start of the scan.
    rating_hz : float
        Samples per second.
    """
    time_s = np.arange(len(rating)) / rating_hz
    onset_s, rating_onset_s, value = [], [], []
    onset = FIRST_S + rng.uniform(0, PAUSE_S[1])
    while onset + STIMULUS_S + AFTER_S <= time_s[-1]:
        onset = round(onset, 3)
        meanwhile = (time_s >= onset) & (time_s < onset + STIMULUS_S)
        asked = round(onset + STIMULUS_S + rng.uniform(*RATING_DELAY_S), 3)
        onset_s.append(onset)
        rating_onset_s.append(asked)
        value.append(np.round(100 * rating[meanwhile].mean()))
        onset = asked + ANSWER_S + rng.uniform(*PAUSE_S)
    return Trials(np.array(onset_s), np.array(rating_onset_s), np.array(value))
