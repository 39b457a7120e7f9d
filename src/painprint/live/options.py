"""Options of live reading."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from painprint.option_fields import Bounds, check_names, check_options, option
from painprint.settings import DATA, EXECUTION, LONGEST_TR_S, SHORTEST_TR_S

READING = "Reading"
"""Heading of options in ``--help``."""


@check_names
@dataclass(frozen=True)
class LiveOptions:
    """Where volumes come from, and how they are read.

    Raises
    ------
    ValueError
        Naming the option that is invalid.
    """

    replay: Path | None = option(None, group=DATA)
    """Replay a finished run instead of a source: regional time series (*_timeseries.tsv or
    *.ptseries.nii), or the *_live_timeseries.tsv of an earlier live reading."""
    demo: bool = option(False, group=DATA)
    """Replay a run of a simulated person beside its true rating; no signature is needed."""
    speed: float = option(1.0, group=DATA, bounds=Bounds(0, 1000))
    """Speed of a replay: 1 as it was scanned; 0 as fast as possible."""
    atlas: Path | None = option(None, group=DATA)
    """For a folder of volumes: atlas image on the grid of the scanner's images of today."""
    series: int | None = option(None, group=DATA, bounds=Bounds(0))
    """For a folder of volumes: number of the series. Default: the first that is new."""
    end_after_s: float = option(60.0, "s", group=DATA, bounds=Bounds(1, 86_400))
    """For a folder of volumes: the run has ended after so long without a new one (s)."""
    tr_s: float | None = option(
        None,
        "s",
        group=DATA,
        bounds=Bounds(SHORTEST_TR_S, LONGEST_TR_S),
        hint="Give seconds, not milliseconds.",
    )
    """Repetition time (s). Default: as the source says, else that of the training runs."""
    warm_up_s: float = option(30.0, "s", group=READING, bounds=Bounds(5, 600))
    """Time at the start of the run without a prediction (s)."""
    prior_frames: float = option(60.0, "frames", group=READING, bounds=Bounds(0, 10_000))
    """SDs of regions are shrunk towards their common level, as if it came from so many frames."""
    max_fd_mm: float | None = option(None, "mm", group=READING, bounds=Bounds(0))
    """Volumes with a larger framewise displacement are not scored (mm), where the source tells it;
    0 for none. Default: that of the study, if it denoised dense BOLD; else none."""
    other_person: bool = option(False, group=DATA)
    """The run may be another person's than that of the signature."""
    out: Path = option(Path("live"), group=EXECUTION)
    """Folder for the readings and the signals that were read."""
    name: str = option("run", group=EXECUTION)
    """What the names of the files begin with."""
    port: int = option(0, group=EXECUTION, bounds=Bounds(0, 65535))
    """Port of the page on 127.0.0.1; 0 for one that is free."""
    open_page: bool = option(False, group=EXECUTION)
    """Open the page in the default browser of this computer."""
    no_page: bool = option(False, group=EXECUTION)
    """Only write the readings: no page, no server."""

    def __post_init__(self) -> None:
        check_options(self)
        if not self.name.isascii() or not self.name.replace("-", "").replace("_", "").isalnum():
            raise ValueError(f"name is {self.name!r}; letters, digits, - and _ are allowed.")
