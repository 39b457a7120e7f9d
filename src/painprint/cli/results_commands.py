"""Commands of an output folder: write pages again, plan more sessions, tell how far people are."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

from painprint.apps.arguments import MoreSessions
from painprint.apps.folders import check_can_be_written
from painprint.apps.participants import Failed
from painprint.cli.program import FLAT, app, write_again
from painprint.help_text import examples
from painprint.terminal import logged, progress, show


@app.command
def report(out_dir: Path, *, pdf: bool = False) -> None:
    """Write the pages again from finished results.

    Parameters
    ----------
    out_dir
        Output folder of `painprint run` or `painprint parcellate`.
    pdf
        Write the figures as PDF too.
    """
    from painprint.apps.pages import write_all_pages

    with logged(None):
        check_can_be_written(out_dir)
        write_again(partial(write_all_pages, out_dir, pdf=pdf))


@app.command(help_epilogue=examples("plan"))
def plan(
    out_dir: Path,
    *,
    ahead: Annotated[MoreSessions, FLAT] = MoreSessions(),  # noqa: B008 (frozen)
) -> None:
    """Tell what a finished study would report with more sessions of the same people.

    For each participant: expected session-centred r, skill and width of the 95% interval, with
    80% prediction intervals, and the chance of a target; or why this cannot be said. The table is
    OUT_DIR/plan.tsv. On a terminal it is printed rounded; in full if the output is redirected.

    Parameters
    ----------
    out_dir
        Output folder of `painprint run`.
    """
    from painprint.apps.plan import plan_study, write_plan
    from painprint.apps.plan_text import describe_plan, short_table
    from painprint.apps.reading_text import full_table

    with logged(None):
        check_can_be_written(out_dir)
        with progress("plan", "reading the results"):
            table, n_failed = plan_study(out_dir, ahead.more, ahead.target_r)
            write_plan(out_dir, table)
        show(short_table(table), full_table(table), describe_plan(table, out_dir))
        if n_failed:
            raise Failed


@app.command(help_epilogue=examples("status"))
def status(out_dir: Path, bids_dir: Path | None = None) -> None:
    """Tell how far each participant of a study is, wherever it runs.

    For each participant: finished, failed with the reason, running with the stage, stopped by a
    signal or a time limit, or waiting. On a terminal the table is shortened; it is printed in full
    if the output is redirected.

    Parameters
    ----------
    out_dir
        Output folder of `painprint run`.
    bids_dir
        Raw BIDS dataset, to name those who have not begun.
    """
    from painprint.apps.status import describe_status, full_status, short_status, survey

    with logged(None):
        people = survey(out_dir, bids_dir)
        show(short_status(people), full_status(people), describe_status(people))
        if any(one.state == "failed" for one in people):
            raise Failed
