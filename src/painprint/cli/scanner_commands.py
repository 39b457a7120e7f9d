"""Commands at the scanner: rate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from painprint.cli.program import BY_HEADING, FLAT, app
from painprint.help_text import examples
from painprint.rating_task.rated_run import RatedRun
from painprint.rating_task.task import RatingTask
from painprint.terminal import logged, progress


@app.command(group_parameters=BY_HEADING, help_epilogue=examples("rate"))
def rate(
    bids_dir: Path,
    *,
    which: Annotated[RatedRun, FLAT] = RatedRun(),  # noqa: B008 (frozen)
    task: Annotated[RatingTask, FLAT] = RatingTask(),  # noqa: B008
) -> None:
    """Record a pain rating in the scanner, in a browser on this computer.

    The run begins with the first trigger. Every event is on the disk at once; at the end the
    files are written as BIDS, and a report says whether the run can be used.

    Parameters
    ----------
    bids_dir
        Raw BIDS dataset to which the rating is added, or a new folder.
    """
    from painprint.apps.rate import rate as record

    with logged(None), progress("rate", "starting the page") as follow:
        report = record(bids_dir, which, task.complete(), follow)
    print(report)
