"""How far participants are: notes while they are decoded, and the table of a study."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from painprint.apps.participants import reason_of
from painprint.apps.reading_text import aligned, full_table
from painprint.apps.study import list_participants
from painprint.errors import DerivativesError
from painprint.files.dataset import no_folder
from painprint.progress import Progress
from painprint.results.status import Status, count_states, note, participants_of, read_status
from painprint.store.lock import Lock


@contextmanager
def noted(out_dir: Path, participant: str, progress: Progress) -> Iterator[None]:
    """Note in the output folder how far a participant is, for :func:`read_status`.

    Nothing is noted of a participant on whom another process works.
    """

    stage = ""

    def begin() -> None:
        nonlocal stage
        stage = ": ".join(part for part in (progress.number, progress.title) if part)
        note(out_dir, Status(participant, "running", stage))

    progress.on_stage = begin
    try:
        yield
    except Exception as error:
        if not Lock(out_dir, f"sub-{participant}").is_held():
            note(out_dir, Status(participant, "failed", stage, reason_of(participant, error)))
        raise
    note(out_dir, Status(participant, "finished"))


def survey(out_dir: Path, bids_dir: Path | None) -> list[Status]:
    """How far each participant is of whom an output folder or a raw dataset holds anything.

    Raises
    ------
    DerivativesError
        If there is no such folder, or nobody in it.
    """
    if not out_dir.is_dir():
        raise DerivativesError(no_folder(out_dir))
    everybody = {*participants_of(out_dir), *(list_participants(bids_dir, ()) if bids_dir else ())}
    if not everybody:
        raise DerivativesError(
            f"nobody was decoded into {out_dir}. Name the raw dataset too, to see who is waiting."
        )
    return [read_status(out_dir, participant) for participant in sorted(everybody)]


def full_status(people: Sequence[Status]) -> str:
    """The table as TSV."""
    return full_table(pd.DataFrame([asdict(one) for one in people]).replace("", None))


def short_status(people: Sequence[Status]) -> str:
    """The table without reasons."""
    rows = [[f"sub-{one.participant}", one.state, one.stage] for one in people]
    return "\n".join(aligned(rows))


def describe_status(people: Sequence[Status]) -> Iterator[str]:
    """Sentences: why people failed, and how many are how far."""
    for one in people:
        if one.state == "failed":
            yield f"sub-{one.participant} failed: {one.reason}"
    if any(one.state == "stopped" for one in people):
        yield "Those who stopped continue from the last finished step with the same command."
    yield f"{count_states(people)}."
