"""Apply a signature to new runs from files; the reading is written as table, JSON and page."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from painprint.apps.arguments import with_flags
from painprint.apps.new_runs import DenseRuns, find_new_runs, match_person
from painprint.apps.reading_files import (
    describe_reading_inputs,
    earlier_reading,
    write_reading_files,
)
from painprint.apps.reading_text import Predictions
from painprint.arrays import short_repr
from painprint.bids.load import load_bold
from painprint.bids.select import is_dense
from painprint.decode.training import EVERYTHING
from painprint.errors import DerivativesError
from painprint.results.earlier import Existing, settle
from painprint.results.predecessor import read_predecessor
from painprint.results.proof import why_not_shown
from painprint.runs import Run
from painprint.settings import Settings
from painprint.signature.file import read_signature
from painprint.signature.model import Signature
from painprint.signature.person import PersonMatch
from painprint.signature.predict import Reading, predict_run, read_session
from painprint.store.lock import lock

log = logging.getLogger("painprint")

RECALIBRATED_ON = (
    "the signature was recalibrated on this session, so its prediction is not a test of it"
)


@short_repr
@dataclass(frozen=True, eq=False)
class Scored:
    """The reading of a new session.

    Attributes
    ----------
    session : str
        Its label; empty where the files have none.
    files : tuple of str
        File names of the runs.
    person : PersonMatch
        Whose data they are, and whose signature.
    """

    session: str
    files: tuple[str, ...]
    reading: Reading
    person: PersonMatch

    @property
    def table(self) -> pd.DataFrame:
        """The table of the reading with session and file."""
        numbers = self.reading.table["run"]
        names = [self.files[int(n) - 1] if n == n else "n/a" for n in numbers]
        table = self.reading.table.assign(session=self.session or "n/a", file=names)
        return table[["session", "file", *self.reading.table.columns]]


def score_sessions(
    path: Path,
    runs: Sequence[Path],
    *,
    atlas: str | None = None,
    out_dir: Path | None = None,
    tr_s: float | None = None,
    other_person: bool = False,
) -> tuple[Signature, list[Scored]]:
    """Score new runs with a signature; runs of a session are read together, and the log has the
    verdict on each.

    Parameters
    ----------
    path : Path
        The signature.
    runs : sequence of Path
        Regional time series, or dense BOLD, which is denoised as in the study.
    atlas : str, optional
        For dense BOLD: the atlas of the study.
    out_dir : Path, optional
        Where regional time series made from dense BOLD are kept.
    tr_s : float, optional
        Repetition time that overrides sidecars and headers (s).
    other_person : bool
        Whether the runs may be another person's.

    Raises
    ------
    DerivativesError
        If the signature or a run cannot be used, or the runs are another person's.
    """
    signature = read_signature(path)
    beside = path if path.is_dir() else path.parent
    recalibrated_on = read_predecessor(beside, signature.participant).recalibrated_on
    run_files = find_new_runs(runs)
    person = match_person(signature, run_files, allowed=other_person)
    by_session: dict[str, list[tuple[Path, Run]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        dense = DenseRuns(signature, atlas, out_dir or Path(folder), tr_s)
        for path_of_run, files in zip(runs, run_files, strict=True):
            if is_dense(files.series):
                log.info("reading %s", path_of_run.name)
                bold = dense.load(files)
            else:
                bold = load_bold(files, tr_s)
            for note in bold.notes:
                log.warning("%s: %s", path_of_run.name, note)
            of_session = by_session.setdefault(files.key.session, [])
            of_session.append((path_of_run, bold.as_run(files.key)))
    scored = []
    for session, members in by_session.items():
        name = f"ses-{session}" if session else members[0][0].name
        try:
            reading = read_session(
                signature, [run for _, run in members], of_other_person=person.other
            )
            person.check_range(name, (reading.verdict, *reading.of_runs))
        except ValueError as error:
            raise DerivativesError(str(error), members[0][0]) from error
        if session in recalibrated_on and not person.other:
            reading = reading.with_caution(RECALIBRATED_ON)
        reading = person.judge(reading)
        for message in (*reading.warnings, *reading.not_done):
            log.warning("%s: %s", name, message)
        scored.append(Scored(session, tuple(path.name for path, _ in members), reading, person))
    warn_unless_shown(signature)
    for one in scored:
        verdict = one.reading.verdict
        name = f"ses-{one.session}" if one.session else "session"
        log.info("%s: %s", name, "; ".join([verdict.word, *verdict.reasons]))
    return signature, scored


def predict(
    path: Path,
    runs: Sequence[Path],
    *,
    fold: str = EVERYTHING,
    atlas: str | None = None,
    out_dir: Path | None = None,
    tr_s: float | None = None,
    other_person: bool = False,
    existing: Existing = "refuse",
) -> Predictions:
    """Score new runs: returns a table, and writes files and a page into ``out_dir``.

    With ``fold``, or with a signature without a record of its training, only predictions.

    Raises
    ------
    DerivativesError
        If the signature or a run cannot be used, the runs are another person's and
        ``other_person`` is False, or the folder holds another reading.
    """
    try:
        Settings(tr_s=tr_s)
    except ValueError as error:
        raise DerivativesError(with_flags(str(error))) from error
    signature, fold = read_signature(path), fold.removeprefix("ses-")
    if fold != EVERYTHING or signature.history is None:
        if out_dir is not None and fold != EVERYTHING:
            raise DerivativesError(
                "--fold and --out exclude each other: the model of a fold has no intervals, and so "
                "no page. Give one of them."
            )
        if out_dir is not None:
            raise DerivativesError(
                f"{path}: a page needs intervals, but this signature has no record of its held-out "
                "errors. Omit --out, or decode the participant again."
            )
        return Predictions(_predictions(signature, runs, fold, tr_s, other_person=other_person))
    score = partial(
        score_sessions, path, runs, atlas=atlas, out_dir=out_dir, tr_s=tr_s,
        other_person=other_person,
    )  # fmt: skip
    if out_dir is None:
        return _with_verdicts(score()[1])
    with lock(out_dir, "reading"):
        options = {"atlas": atlas and Path(atlas).name, "tr_s": tr_s, "other_person": other_person}
        depends_on = describe_reading_inputs(path, find_new_runs(runs), options)
        to_remove = settle(earlier_reading(out_dir, depends_on), existing)
        signature, scored = score()
        predictions = _with_verdicts(scored)
        for earlier in to_remove:
            earlier.remove()
        write_reading_files(out_dir, signature, scored, predictions.table, depends_on)
    return predictions


def _with_verdicts(scored: Sequence[Scored]) -> Predictions:
    """The table of readings with their verdicts."""
    table = pd.concat([session.table for session in scored], ignore_index=True)
    verdicts = {
        (session.session or "n/a", number): verdict.word
        for session in scored
        for number, verdict in enumerate([session.reading.verdict, *session.reading.of_runs])
    }
    return Predictions(table, verdicts)


def _predictions(
    signature: Signature, runs: Sequence[Path], fold: str, tr_s: float | None, *, other_person: bool
) -> pd.DataFrame:
    """Predictions of one model, without intervals."""
    tables = []
    warn_unless_shown(signature)
    run_files = find_new_runs(runs)
    person = match_person(signature, run_files, allowed=other_person)
    if person.note:
        log.warning("%s", person.note)
    for path, files in zip(runs, run_files, strict=True):
        if is_dense(files.series):
            raise DerivativesError("is dense BOLD; fold models take regional time series.", path)
        bold = load_bold(files, tr_s)
        run = bold.as_run(files.key)
        try:
            if signature.domain is not None and not person.known:
                verdict = read_session(signature, [run]).verdict
                person.check_range(str(files.key), [verdict])
            prediction = predict_run(signature, run, held_out=fold)
        except ValueError as error:
            raise DerivativesError(str(error), path) from error
        for warning in (*bold.notes, *prediction.warnings):
            log.warning("%s: %s", path.name, warning)
        n_frames = prediction.counts["n_kept"]
        of_run = {"scale": "run", "n_frames": n_frames, "predicted": prediction.run}
        table = pd.concat([prediction.minutes.assign(scale="1min"), pd.DataFrame([of_run])])
        tables.append(table.assign(file=path.name))
    columns = ["file", "scale", "minute", "onset", "n_frames", "predicted"]
    return pd.concat(tables, ignore_index=True)[columns]


def warn_unless_shown(signature: Signature) -> None:
    """Warn where the signature was not shown to track pain."""
    if warning := why_not_shown(signature):
        log.warning("sub-%s: %s", signature.participant or "n/a", warning)
