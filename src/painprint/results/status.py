"""How far each participant of a study is, by what lies in its output folder.

A participant who is decoded leaves a note in ``OUT/logs/sub-01.json``: the stage that began last,
or the end. What a killed process noted last is corrected by the lock, which it no longer holds,
and by the record of finished results. So it does not matter which computer works on whom, or
whether people are run by one process, on a Dask cluster or as tasks of SLURM.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from painprint.errors import DerivativesError
from painprint.files.tables import read_json
from painprint.results.read import is_of_folder
from painprint.store.files import remove_unfinished, write_json
from painprint.store.lock import Lock

log = logging.getLogger("painprint")

State = Literal["finished", "kept", "failed", "stopped", "running", "waiting"]
STATES: tuple[State, ...] = get_args(State)
"""``kept``: finished before the command that tells it; ``stopped``: begun, and no process works on
it any more; ``waiting``: not begun."""


@dataclass(frozen=True)
class Status:
    """How far a participant is.

    Parameters
    ----------
    stage : str
        The stage that is running, or that was when the participant stopped or failed.
    reason : str
        Why the participant failed.
    """

    participant: str
    state: State
    stage: str = ""
    reason: str = ""


def _path(out_dir: Path, participant: str) -> Path:
    return out_dir / "logs" / f"sub-{participant}.json"


def note(out_dir: Path, status: Status) -> None:
    """Leave a note of how far a participant is; no output folder is made for it.

    One that cannot be written is named in the log, and stops nothing.
    """
    if not out_dir.is_dir():
        return
    path = _path(out_dir, status.participant)
    parts = {name: getattr(status, name) for name in ("state", "stage", "reason")}
    try:
        remove_unfinished(path.parent, path.name)
        write_json(path, parts)
    except OSError as error:
        log.warning("%s: %s; how far the participant is was not noted.", path, error.strerror)


def read_status(out_dir: Path, participant: str) -> Status:
    """How far a participant is."""
    noted = _read_note(out_dir, participant)
    if Lock(out_dir, f"sub-{participant}").is_held():
        is_other_work = noted.state == "finished"  # such as that on the page
        return noted if is_other_work else Status(participant, "running", noted.stage)
    noted = _read_note(out_dir, participant)  # it may have ended meanwhile
    if noted.state == "failed":
        return noted
    if noted.state == "running":
        return Status(participant, "stopped", noted.stage)
    records = out_dir.glob(f"sub-{participant}/decoding/*_provenance.json")
    if any(map(is_of_folder, records)):
        return Status(participant, "finished")
    has_begun = (out_dir / f"sub-{participant}" / "stages").is_dir()
    return Status(participant, "stopped" if has_begun else "waiting")


def _read_note(out_dir: Path, participant: str) -> Status:
    """What was noted last; "waiting" if there is no note that can be read."""
    try:
        content = read_json(_path(out_dir, participant))
    except DerivativesError:
        return Status(participant, "waiting")
    state, stage, reason = (content.get(name) for name in ("state", "stage", "reason"))
    if state not in STATES or not isinstance(stage, str) or not isinstance(reason, str):
        return Status(participant, "waiting")
    return Status(participant, state, stage, reason)


def participants_of(out_dir: Path) -> list[str]:
    """Labels of the participants of whom an output folder holds anything."""
    found = [path for path in out_dir.glob("sub-*") if path.is_dir()]
    found += out_dir.glob("logs/sub-*.json")
    return sorted({path.name.removesuffix(".json").removeprefix("sub-") for path in found})


def count_states(people: Iterable[Status]) -> str:
    """How many participants are in each state, as in "2 finished, 1 failed"."""
    counts = Counter(one.state for one in people)
    return ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
