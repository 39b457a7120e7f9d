"""Ratings by trial in the events of a run, which are seen but not read."""

from __future__ import annotations

from collections.abc import Iterable

from painprint.bids.rating_columns import Rank, rank_column
from painprint.errors import DerivativesError
from painprint.files.dataset import BidsFile
from painprint.files.tables import read_lines, split_line


def is_events_file(file: BidsFile) -> bool:
    """Whether a raw file lists the events of a run."""
    return file.suffix == "events" and file.extension == ".tsv"


def mention_trial_ratings(files: Iterable[BidsFile]) -> str:
    """A sentence on the first events file with a column of ratings; empty if there is none."""
    for file in files:
        try:
            lines = read_lines(file.path)
        except DerivativesError:
            continue  # only a hint is sought; events are not read otherwise
        names = split_line(lines[0]) if lines else []
        ratings = [name for name in names if rank_column(name, {}) == Rank.NAMED]
        if ratings:
            return (
                f" {file.path.name} has the column {', '.join(ratings)}, but ratings in events, by "
                "trial, are not read. If they are continuous, write them as *_beh.tsv with the "
                "columns time (s after the start of the scan) and rating, one row per sample."
            )
    return ""
