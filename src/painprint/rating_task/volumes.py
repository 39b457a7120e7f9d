"""Volumes of a scan from its triggers, some of which are missing or doubled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from painprint.arrays import Codes, Vector


@dataclass(frozen=True, eq=False)
class Volumes:
    """The volumes that triggers tell of.

    Attributes
    ----------
    trigger_s : ndarray of shape (n_triggers,)
        Times of all triggers, increasing (s).
    volume : ndarray of int, shape (n_triggers,)
        Volume of each trigger, from 0 at the first one, dummy volumes included; -1 for one that
        was extra.
    tr_s : float
        Repetition time: the slope of times over volumes (s); NaN with one volume.
    start_s : float
        Time of the first volume that is no dummy (s); NaN if it is not known.
    jitter_s : float
        SD of the times around a straight line over volumes (s); NaN with fewer than three.
    """

    trigger_s: Vector
    volume: Codes
    tr_s: float
    start_s: float
    jitter_s: float

    @property
    def usual_step_s(self) -> float:
        """Median time between triggers (s); NaN with one."""
        return _median_step(self.trigger_s)

    @property
    def n_volumes(self) -> int:
        """Volumes from the first trigger to the last one, dummy volumes included."""
        return int(self.volume.max(initial=-1)) + 1

    @property
    def n_extra(self) -> int:
        """Triggers too many."""
        return int((self.volume < 0).sum())

    @property
    def n_missing(self) -> int:
        """Volumes between the first trigger and the last one that had none."""
        return self.n_volumes - (len(self.volume) - self.n_extra)


def volumes_of(trigger_s: ArrayLike, *, n_dummies: int = 0, tr_s: float | None = None) -> Volumes:
    """Count volumes by the times of triggers.

    A trigger belongs to the volume that is nearest to it, counted from the last trigger with a
    volume of its own; a second one for the same volume is extra. The first trigger is taken as
    that of volume 0: whether one before it is missing cannot be known.

    Parameters
    ----------
    trigger_s : array of shape (n_triggers,)
        Times (s), in any order.
    n_dummies : int
        Volumes at the start that are not saved.
    tr_s : float, optional
        Repetition time (s). Default: the median interval, which is right if most intervals are
        neither those of a missing trigger nor of an extra one.
    """
    times = np.sort(np.asarray(trigger_s, dtype=float))
    index = np.full(len(times), -1, dtype=np.int64)
    usual_s = tr_s if tr_s is not None else _median_step(times)
    if not len(times):
        return Volumes(times, index, np.nan, np.nan, np.nan)
    last = index[0] = 0
    for i in range(1, len(times)):
        step = round((times[i] - times[last]) / usual_s) if usual_s > 0 else 1
        if step:
            index[i] = index[last] + step
            last = i
    of_volume = index >= 0
    slope_s, first_s, jitter_s = _fit(index[of_volume], times[of_volume])
    if np.isnan(slope_s) and tr_s is not None:
        slope_s = tr_s
    own = times[index == n_dummies]  # else on the line through the others
    start_s = float(own[0]) if len(own) else first_s + n_dummies * slope_s
    return Volumes(times, index, slope_s, start_s, jitter_s)


def _median_step(times: Vector) -> float:
    return float(np.median(np.diff(times))) if len(times) > 1 else np.nan


def _fit(index: Codes, times: Vector) -> tuple[float, float, float]:
    """Slope and intercept of times over volumes, and SD of the residuals."""
    if len(index) < 2:
        return np.nan, float(times[0]), np.nan
    slope, intercept = np.polyfit(index, times, 1)
    residual = times - (intercept + slope * index)
    jitter = float(np.sqrt((residual**2).sum() / (len(index) - 2))) if len(index) > 2 else np.nan
    return float(slope), float(intercept), jitter
