"""Commands at the scanner: rate, live."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from painprint.cli.program import BY_HEADING, FLAT, app
from painprint.help_text import examples
from painprint.live.options import LiveOptions
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


@app.command(group_parameters=BY_HEADING, help_epilogue=examples("live"))
def live(
    signature: Path | None = None,
    source: str | None = None,
    *,
    options: Annotated[LiveOptions, FLAT] = LiveOptions(),  # noqa: B008 (frozen)
) -> None:
    """Score every volume of a run with a signature while it is scanned.

    Volumes come as files, or as lines of regional values: a JSON object or a row of a table for
    each volume. Each reading is a line of a file, a point on a page, and a number for other
    programs.

    Parameters
    ----------
    signature
        Folder of the signature, or its signature.json. Not for --demo.
    source
        The folder that the scanner fills with a DICOM or NIfTI file a volume; stdin for lines of
        standard input; or tcp:PORT for lines of a socket of this computer.
    """
    from painprint.apps.live import read_live

    with logged(None), progress("live", "reading the signature") as follow:
        text = read_live(signature, source, options, follow)
    print(text)
