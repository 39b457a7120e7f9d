"""Options of live reading."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from painprint.option_fields import Bounds, check_names, check_options, option
from painprint.settings import DATA, EXECUTION, LONGEST_TR_S, SHORTEST_TR_S

Side = Literal["above", "below"]

READING, PROBES = "Reading", "Asking for ratings"
"""Headings of options in ``--help``."""


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
    other_person: bool = option(False, group=DATA)
    """The run may be another person's than that of the signature."""
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
    probe: Side | None = option(None, group=PROBES)
    """Ask for a rating while the mean of the last minute is above, or below, the usual ratings of
    the person, on a page for the participant's screen."""
    probe_quantile: float = option(0.75, "share", group=PROBES, bounds=Bounds(0.5, 1))
    """The usual ratings end at this quantile of the mean ratings of the person's sessions; for
    below, at 1 minus it."""
    cooldown_s: float = option(120.0, "s", group=PROBES, bounds=Bounds(1, 86_400))
    """Least time from one question to the next (s)."""
    rating_task: Path | None = option(None, group=PROBES)
    """Texts, scale and keys of the question: a TOML file as for painprint rate --config-file.
    Default: those of the intermittent design."""
    out: Path = option(Path("live"), group=EXECUTION)
    """Folder for the readings and the signals that were read."""
    name: str = option("run", group=EXECUTION)
    """What the names of the files begin with."""
    port: int = option(0, group=EXECUTION, bounds=Bounds(0, 65535))
    """Port of the page on 127.0.0.1; 0 for one that is free."""
    lsl: bool = option(False, group=EXECUTION)
    """Send every reading to the lab streaming layer, too, which other computers of the network can
    receive. Needs the extra lsl."""
    open_page: bool = option(False, group=EXECUTION)
    """Open the page in the default browser of this computer."""
    no_page: bool = option(False, group=EXECUTION)
    """Only write the readings: no page, no server."""

    def __post_init__(self) -> None:
        check_options(self)
        if not self.name.isascii() or not self.name.replace("-", "").replace("_", "").isalnum():
            raise ValueError(f"name is {self.name!r}; letters, digits, - and _ are allowed.")
        if self.rating_task is not None and self.probe is None:
            raise ValueError(
                "rating_task is given, but no rating is asked for. Add --probe above, or below."
            )
