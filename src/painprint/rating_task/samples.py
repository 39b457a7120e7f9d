"""Samples of a continuous rating at a fixed rate, from the movements of the mark."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from painprint.arrays import Codes, Vector
from painprint.rating_task.recording import Recording
from painprint.rating_task.task import RatingTask
from painprint.rating_task.volumes import Volumes

SAMPLING_HZ = 20.0
"""Samples of the rating (Hz)."""


@dataclass(frozen=True, eq=False)
class Samples:
    """The rating at a fixed rate.

    Attributes
    ----------
    start_s : float
        Time of the first sample after the first volume that is saved (s); negative before it.
    rating : ndarray of shape (n_samples,)
        In units of the scale; NaN before the first movement, and after a time without a page
        until the next movement.
    trigger : ndarray of int, shape (n_samples,)
        Triggers nearest to each sample.
    """

    start_s: float
    rating: Vector
    trigger: Codes

    @property
    def time_s(self) -> Vector:
        """Times of the samples after the first volume that is saved (s)."""
        return self.start_s + np.arange(len(self.rating)) / SAMPLING_HZ


def sample_rating(recording: Recording, volumes: Volumes, task: RatingTask) -> Samples:
    """Sample a continuous rating: each sample is the place of the mark at its time.

    Sampling begins when the scale appears, ``scale_after_s`` after the first trigger, and ends with
    the run, or with the last word of the page where the run was ended before.

    Raises
    ------
    ValueError
        If there was no trigger.
    """
    if not len(volumes.trigger_s) or not np.isfinite(volumes.start_s):
        raise ValueError("there was no trigger, so that the times of the scan are not known.")
    first_s = float(volumes.trigger_s[0]) + task.scale_after_s
    end_s = min(volumes.start_s + task.duration_s, recording.last_s)
    n_samples = max(0, int(np.floor((end_s - first_s) * SAMPLING_HZ + 1e-6)) + 1)
    time_s = first_s + np.arange(n_samples) / SAMPLING_HZ
    last = np.searchsorted(recording.move_s, time_s, side="right") - 1
    place = np.where(last >= 0, recording.place[last] if len(recording.place) else np.nan, np.nan)
    for left_s, back_s in recording.gaps_s:
        later = recording.move_s[recording.move_s >= back_s]
        until_s = later[0] if len(later) else np.inf
        place[(time_s > left_s) & (time_s < until_s)] = np.nan
    at = np.rint((volumes.trigger_s - first_s) * SAMPLING_HZ).astype(int)
    trigger = np.bincount(at[(at >= 0) & (at < n_samples)], minlength=n_samples)
    return Samples(
        start_s=round(first_s - volumes.start_s, 6),
        rating=on_scale(place, task),
        trigger=trigger.astype(np.int64),
    )


def on_scale(place: Vector | float, task: RatingTask) -> Vector:
    """Ratings at places of the scale, which go from 0 to 1."""
    return np.asarray(task.lowest + np.asarray(place) * (task.highest - task.lowest))
