"""Notes on unusual runs that are used nevertheless."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from painprint.bids.ratings import RatingQuality

MOST_IN_NO_BIN = 0.3
LEAST_RATED = 0.8
MOST_CENSORED = 0.5
MOST_AT_AN_END = 0.5


def check_run(frames: Mapping[Any, Any], quality: RatingQuality) -> list[str]:
    """Notes on what is unusual about a run; empty where nothing is.

    Parameters
    ----------
    frames : mapping
        The run's row of the run table.
    """
    notes = []
    if quality.sd == 0:
        notes.append("the rating never changes in this run.")
    if quality.share_of_scan_rated < LEAST_RATED:
        notes.append(f"only {100 * quality.share_of_scan_rated:.0f} % of the scan is rated.")
    if quality.share_out_of_range:
        notes.append(
            f"{100 * quality.share_out_of_range:.1f} % of the ratings are outside the possible "
            f"range (lowest {quality.lowest:g}, highest {quality.highest:g}; --rating-range)."
        )
    for share, end in ((quality.share_at_floor, "lowest"), (quality.share_at_ceiling, "highest")):
        if share is not None and share > MOST_AT_AN_END:
            notes.append(f"{100 * share:.0f} % of the ratings are the {end} possible.")
    if frames["n_censored"] > MOST_CENSORED * frames["n_frames"]:
        notes.append(f"{frames['n_censored']} of {frames['n_frames']} frames are censored.")
    if frames["n_in_no_training_bin"] > MOST_IN_NO_BIN * frames["n_kept"]:
        notes.append(
            f"more than {100 * MOST_IN_NO_BIN:.0f} % of the usable frames are in no training bin: "
            "the segment of a rating bin (--min-stretch-frames), or the time bin, was too short."
        )
    if frames["n_training_bins_lost"]:
        notes.append(
            f"{frames['n_training_bins_lost']} training bins lost all or most of their frames."
        )
    return notes
