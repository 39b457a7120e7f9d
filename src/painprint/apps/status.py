"""How far the participants of a study are: a table for programs, and a short one to be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path

import pandas as pd

from painprint.apps.plan_text import full_table
from painprint.apps.reading_text import aligned
from painprint.apps.study import list_participants
from painprint.errors import DerivativesError
from painprint.files.dataset import no_folder
from painprint.results.status import Status, count_states, participants_of, read_status


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
    names = [field.name for field in fields(Status)]
    table = pd.DataFrame([asdict(one) for one in people], columns=names)
    return full_table(table.replace("", None))


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
