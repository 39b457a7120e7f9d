"""Read a run while it is scanned: source, signature, files, page."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from painprint.apps.arguments import UsageError
from painprint.apps.folders import check_reading_folder
from painprint.apps.live_demo import simulate_live
from painprint.apps.live_outputs import serve_page, stream_to_lsl
from painprint.apps.live_probes import find_probes, read_probe_task
from painprint.apps.live_source import Begun, find_source
from painprint.errors import DerivativesError
from painprint.live.options import LiveOptions
from painprint.live.probe import ProbedRating
from painprint.live.reader import LiveReading
from painprint.live.record import Record
from painprint.live.replay import Replay
from painprint.live.scorer import LiveScorer
from painprint.live.volume import Source
from painprint.progress import Progress
from painprint.rating_task.task import RatingTask
from painprint.results.proof import why_not_shown
from painprint.signature.file import hash_signature, read_signature
from painprint.signature.model import Signature
from painprint.stopping import ends_when_asked

log = logging.getLogger("painprint")

READ, WAIT = "reading", "waiting for the first volume"
"""Stages."""


def read_live(
    path: Path | None, source: str | None, options: LiveOptions, progress: Progress
) -> str:
    """Score every volume of a run while it goes on.

    Parameters
    ----------
    path : Path or None
        The signature; None for the demo.
    source : str or None
        A folder; "stdin" for standard input; "tcp:PORT" for a socket of 127.0.0.1; None for a
        replay.

    Returns
    -------
    text : str
        What was read, and how long it took.

    Raises
    ------
    UsageError
        If there is no source, or more than one.
    DerivativesError
        If the signature or the source cannot be used.
    """
    check_reading_folder(options.out)
    asked = threading.Event()  # set when a signal asks the command to end
    truth = None
    if options.demo:
        if path is not None:
            raise UsageError("--demo needs neither a signature nor a source.")
        signature, run = simulate_live()
        digest, truth = "", run.rating
        open_source: Callable[[], Source] = partial(Replay, run, speed=options.speed)
    else:
        if path is None:
            raise UsageError("`painprint live` needs SIGNATURE, or --demo.")
        signature, digest = read_signature(path), hash_signature(path)
        is_continued = Record.exists(options.out, options.name)  # after a program that was killed
        open_source = find_source(
            signature, source, options, is_continued=is_continued, is_over=asked.is_set
        )
    progress.plan(WAIT, READ)
    shown: list[LiveReading] = []

    def current() -> LiveReading | None:
        return shown[0] if shown else None

    task = read_probe_task(options, signature)
    rating = None if task is None else ProbedRating(task, current)
    with serve_page(current, rating, options):
        with progress.stage(WAIT, logged=False):
            opened = Begun(open_source())
        reading = _begin(signature, digest, opened, options, task)
        reading.truth = truth
        shown.append(reading)
        try:
            with (
                stream_to_lsl(reading, options),
                ends_when_asked(asked.set),
                progress.stage(READ, logged=False),
            ):
                _follow(reading, opened, asked)
        finally:
            reading.record.close()
    return _describe(reading)


def _begin(
    signature: Signature,
    digest: str,
    source: Source,
    options: LiveOptions,
    task: RatingTask | None,
) -> LiveReading:
    """A reading that has not begun, or the record of one that is continued."""
    tr_s = options.tr_s or source.tr_s or signature.tr_s[0]
    threshold = options.max_fd_mm
    if threshold is None:
        threshold = (signature.origin.dense or {}).get("fd_thresh_mm", 0.0)
    try:
        scorer = LiveScorer(
            signature, source.regions, tr_s, warm_up_s=options.warm_up_s,
            prior_frames=options.prior_frames, max_fd_mm=threshold,
        )  # fmt: skip
    except ValueError as error:
        raise DerivativesError(str(error)) from error
    if options.tr_s is None and source.tr_s is None:
        log.warning("The source does not tell its repetition time: %g s was taken (--tr).", tr_s)
    if not options.demo and (warning := why_not_shown(signature)):
        log.warning("%s", warning)
    lag_s = signature.models[0].lag_s
    log.info("A reading is of the pain %g s before its volume.", lag_s)
    about = {
        "signature_sha256": digest,
        "simulated": signature.simulated,
        "tr": tr_s,
        "lag": lag_s,
        "warm_up": options.warm_up_s,
        "prior_frames": options.prior_frames,
        "max_fd": threshold,
        "not_done": NOT_DONE,
    }
    record = Record(options.out, options.name, about, source.regions)
    if record.told:
        log.info("%s: going on after %d volumes.", record.readings, len(record.told))
    probes = find_probes(options, task, scorer.levels, tr_s, record.earlier)
    return LiveReading(record, scorer, probes=probes)


NOT_DONE = (
    "no realignment, no regression of confounds and no filter, except what the stream has had"
)
"""What live reading leaves out, for the file and the page."""


def _follow(reading: LiveReading, source: Source, asked: threading.Event) -> None:
    """Read the source in a thread of its own, until it ends or a signal asks for the end: then the
    command ends while the source waits."""
    problem: list[BaseException] = []

    def follow() -> None:
        try:
            reading.follow(source)
        except Exception as error:  # it is raised again in the main thread
            problem.append(error)

    thread = threading.Thread(target=follow, name="source", daemon=True)
    thread.start()
    while thread.is_alive() and not asked.wait(0.1):
        pass
    if asked.is_set() and not reading.has_ended:
        reading.end(source)
    if problem:
        raise problem[0]


def _describe(reading: LiveReading) -> str:
    counts = reading.counts
    return (
        f"{counts['volumes']:,} volumes: {counts['scored']:,} scored, {counts['late']} late, "
        f"{counts['missing']} missing.\n{reading.latency.describe()}.\n"
        f"Readings: {reading.record.readings}"
    )
