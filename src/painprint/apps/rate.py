"""Record a run of a rating task: page, journal, and the files that are made from it."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from painprint.apps.arguments import UsageError
from painprint.apps.folders import check_can_be_written
from painprint.errors import DerivativesError
from painprint.files.dataset import Dataset
from painprint.progress import Progress
from painprint.rating_task.check import check_run, describe_check
from painprint.rating_task.files import JOURNALS, RatingFiles, describe_dataset, write_run
from painprint.rating_task.journal import WRITTEN, Journal, has_begun, is_written, read_journal
from painprint.rating_task.rated_run import RatedRun
from painprint.rating_task.recording import recording_of
from painprint.rating_task.run import RatingRun, Status
from painprint.rating_task.samples import sample_rating
from painprint.rating_task.task import RatingTask
from painprint.rating_task.volumes import volumes_of
from painprint.stopping import ends_when_asked
from painprint.store.lock import Lock

log = logging.getLogger("painprint")

RECORDING, WRITING = "recording", "writing the files"
"""Stages, after the wait for the first trigger, which may take any time."""
LOOK_S = 0.1
"""Time between two looks at what is going on (s)."""
NO_TRIGGER_S, SOME_TRIGGERS = 12.0, 3
"""Time without a trigger that is told (s), of a scanner that sent several."""
ENOUGH_BYTES = 50_000_000
"""Free space that a run needs, with what others may write meanwhile."""


def rate(bids_dir: Path, which: RatedRun, task: RatingTask, progress: Progress) -> str:
    """Show a rating task in the browser, and record it.

    Runs of the dataset that were interrupted are finished first, from their journals.

    Parameters
    ----------
    bids_dir : Path
        A BIDS dataset, or a new folder; in practice nothing is written.

    Returns
    -------
    report : str
        What was recorded, and what to look at.

    Raises
    ------
    UsageError
        If the run has files, or the extra ``live`` is not installed.
    DerivativesError
        If the dataset cannot be written.
    """
    progress.plan(*["practice"] if which.practice else [RECORDING, WRITING])
    if which.practice:
        _show(RatingRun(task, None), which, progress)
        return "The practice has ended; nothing was written."
    if which.participant_label is None:
        raise UsageError(
            "`painprint rate` needs --participant-label, or --practice, which writes nothing."
        )
    _check_dataset(bids_dir)
    finish_interrupted(bids_dir)
    wanted = RatingFiles(bids_dir, *which.labels, "")
    with Lock(bids_dir / JOURNALS, wanted.name_of_runs).hold():
        files = choose_run(bids_dir, which)
        if describe_dataset(bids_dir):
            log.info("%s: a dataset_description.json was written.", bids_dir)
        run = RatingRun(task, files.journal)
        _show(run, which, progress)
        if run.journal is None:
            return f"{files.name}: there was no trigger, so that the run has no files."
        with progress.stage(WRITING, logged=False):
            return finish(files, longest_unsynced_s=run.journal.longest_unsynced_s)


def choose_run(bids_dir: Path, which: RatedRun) -> RatingFiles:
    """Where the files of the run go: the number that was given, or the one after the last.

    Raises
    ------
    UsageError
        If the run that was asked for has files.
    """
    wanted = RatingFiles(bids_dir, *which.labels, str(which.run or 1))
    taken = wanted.taken()
    after_last = max(map(int, taken), default=0) + 1
    if which.run is None:
        return replace(wanted, run=str(after_last))
    if wanted.run in taken:
        raise UsageError(
            f"{wanted.name} has files, which are never replaced. Record the next run with "
            f"--run {after_last}, or without --run."
        )
    return wanted


def _check_dataset(bids_dir: Path) -> None:
    check_can_be_written(bids_dir)
    if bids_dir.is_dir():
        if Dataset(bids_dir, "raw").is_derivative:
            raise UsageError(
                f"{bids_dir} is a dataset of derivatives. Name the raw dataset, in which ratings "
                "lie beside the BOLD."
            )
        free = shutil.disk_usage(bids_dir).free
        if free < ENOUGH_BYTES:
            raise DerivativesError(
                f"{bids_dir}: {free / 1e6:.0f} MB are free, and a run needs "
                f"{ENOUGH_BYTES / 1e6:.0f}. Free some space, or choose another disk."
            )


def finish_interrupted(bids_dir: Path) -> None:
    """Write the files of runs whose program was killed, and say so."""
    for path in sorted((bids_dir / JOURNALS).rglob("*_rating.jsonl")):
        files = RatingFiles.of_journal(bids_dir, path)
        if files is None or is_written(path):
            continue
        with ExitStack() as stack:
            try:
                stack.enter_context(Lock(bids_dir / JOURNALS, files.name_of_runs).hold())
            except DerivativesError:
                log.info("%s: another program is recording it.", files.name)
                continue
            _finish_interrupted(files)


def _finish_interrupted(files: RatingFiles) -> None:
    if not has_begun(files.journal):
        files.journal.unlink()
        log.warning("%s was interrupted before anything was recorded.", files.name)
        return
    try:
        text = finish(files)
    except DerivativesError as error:
        log.warning("%s: not finished: %s", files.name, error)
    else:
        log.warning("%s was interrupted; its files were written now.\n%s", files.name, text)


def finish(files: RatingFiles, *, longest_unsynced_s: float | None = None) -> str:
    """Write the files of a run from its journal; the report on it.

    Raises
    ------
    DerivativesError
        If the journal is not what was written.
    """
    entries = read_journal(files.journal)
    task = _task_of(next(entries, {}), files.journal)
    try:
        recording = recording_of(entries)
    except (KeyError, TypeError, ValueError) as error:
        raise DerivativesError(
            f"is not as it was written ({error!r:.80}). Restore it, or move it elsewhere.",
            files.journal,
        ) from error
    volumes = volumes_of(
        recording.trigger_s, n_dummies=task.dummy_triggers, tr_s=task.repetition_time_s
    )
    if not recording.last_s > volumes.start_s:
        report = f"{files.name}: ended before the first volume that is saved; it has no files."
    else:
        samples = sample_rating(recording, volumes, task) if task.is_continuous else None
        check = check_run(recording, volumes, samples, task, longest_unsynced_s=longest_unsynced_s)
        paths = write_run(files, recording, volumes, samples, task, check)
        written = [f"  Written   {path.relative_to(files.bids_dir)}" for path in paths]
        report = "\n".join([describe_check(check, task, files.name), *written])
    journal = Journal(files.journal, new=False)
    try:
        journal.append(WRITTEN)
    finally:
        journal.close()
    return report


def _task_of(first: Mapping[str, Any], journal: Path) -> RatingTask:
    try:
        return RatingTask(**first["task"])
    except (KeyError, TypeError, ValueError) as error:
        raise DerivativesError(
            "does not begin with the task. Restore it, or move it elsewhere.", journal
        ) from error


def _show(run: RatingRun, which: RatedRun, progress: Progress) -> None:
    """Serve the page until the run has ended, and tell what is going on."""
    try:
        from painprint.server.local import serve
        from painprint.server.rating_page import rating_app
    except ImportError as error:
        raise UsageError(
            f"`painprint rate` needs the extra live ({error.name} is missing): "
            "pip install 'painprint[live]'."
        ) from error

    def ask() -> None:
        run.stop_requested = True

    with serve(rating_app(run), which.port) as address, ends_when_asked(ask):
        print(
            f"Open this address in a browser on the participant's screen:\n  {address.url()}\n"
            + (
                "Press Ctrl-C here to end the practice; nothing is written."
                if which.practice
                else "Press Ctrl-C here to end the run; it is then written."
            ),
            flush=True,
        )
        if which.open_page:
            import webbrowser

            webbrowser.open(address.url())
        told = _Told()
        try:
            progress.doing = "waiting for the first trigger"
            _follow(run, told, lambda status: status.phase == "waiting")
            if run.status().phase == "waiting":
                return
            if not run.is_practice:  # which has no end
                progress.tell({RECORDING: run.longest_s})
            with progress.stage("practice" if run.is_practice else RECORDING, logged=False):
                _follow(run, told, lambda status: status.phase == "running")
            time.sleep(2 * LOOK_S)  # so that the page gets its last answer
        finally:
            run.close()


class _Told:
    """What the operator was told already."""

    def __init__(self) -> None:
        self.has_page, self.has_focus, self.started, self.problem = False, True, False, ""
        self.has_triggers = True

    def look(self, status: Status) -> None:
        """Tell what has changed."""
        if status.has_page != self.has_page:
            self.has_page = status.has_page
            if status.has_page:
                log.info("The page is open.")
            elif status.phase != "ended":
                log.warning(
                    "The page is closed, or its browser hangs: nothing is recorded. Open the "
                    "address again; the run goes on."
                )
        if status.phase == "running" and not self.started:
            self.started = True
            log.info("First trigger: recording.")
        if status.has_page and status.has_focus != self.has_focus:
            self.has_focus = status.has_focus
            if status.has_focus:
                log.info("The page has the keyboard.")
            else:
                log.warning(
                    "Another window has the keyboard: triggers and keys do not reach the page. "
                    "Click on it."
                )
        has_triggers = status.without_trigger_s < NO_TRIGGER_S or status.n_triggers < SOME_TRIGGERS
        if status.phase == "running" and has_triggers != self.has_triggers:
            self.has_triggers = has_triggers
            if has_triggers:
                log.info("Triggers come again.")
            else:
                log.warning(
                    "No trigger for %.0f s, after %d. If the scan goes on, check the trigger box "
                    "and click on the page.", status.without_trigger_s, status.n_triggers,
                )  # fmt: skip
        problem = "" if status.problem is None else str(status.problem.strerror)
        if problem != self.problem:
            self.problem = problem
            if problem:
                log.error(
                    "%s: %s. What is rated is kept in the page until it can be written: free some "
                    "space now, and leave the page open.", status.problem and
                    status.problem.filename, problem,
                )  # fmt: skip
            else:
                log.info("What was rated meanwhile is written.")


def _follow(run: RatingRun, told: _Told, goes_on: Callable[[Status], bool]) -> None:
    """Look at the run until it has ended, or was asked to before its first trigger."""
    while True:
        run.end_if_over()
        status = run.status()
        told.look(status)
        if not goes_on(status) or (run.stop_requested and status.phase == "waiting"):
            return
        time.sleep(LOOK_S)
