"""Many people on a Dask cluster: one person is one job of a worker."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from painprint.apps.participants import FAILURES, reason_of, tell_failures
from painprint.apps.status import noted
from painprint.large_jobs import LargeJobs
from painprint.progress import Progress
from painprint.results.status import Status, count_states, note, read_status
from painprint.terminal import logged, shown

if TYPE_CHECKING:
    from rich.console import Group

    from painprint.apps.study import Study
    from painprint.cluster import Cluster

log = logging.getLogger("painprint")

LOOK_S = 1.0
"""Time between looks at the notes of people who are decoded (s)."""
OTHER_LINES = 3
"""Lines of a terminal beside those of people."""
ENDED = {"finished": "finished", "kept": "finished before, with the same inputs and settings"}
"""What the log says of those who have not failed."""
FIRST_SHOWN = ("running", "failed", "waiting", "finished", "kept")
"""States of the people who are shown first where a terminal has too few lines for all."""


class People:
    """How far the people of a study are who are decoded on a cluster.

    Parameters
    ----------
    out_dir : Path
        Where workers leave their notes.
    """

    def __init__(self, out_dir: Path, participants: Sequence[str]) -> None:
        self._out_dir, self._participants = out_dir, participants
        self._sent: set[str] = set()
        self._running: dict[str, Status] = {}
        self._ended: dict[str, Status] = {}
        self._looked_s = -LOOK_S

    def send(self, participant: str) -> None:
        """A worker gets somebody."""
        self._sent.add(participant)

    def end(self, status: Status) -> None:
        """Somebody is finished or has failed."""
        self._sent.discard(status.participant)
        self._ended[status.participant] = status

    def now(self) -> list[Status]:
        """How far everybody is."""
        if time.monotonic() - self._looked_s >= LOOK_S:
            self._looked_s = time.monotonic()
            noted = [read_status(self._out_dir, participant) for participant in [*self._sent]]
            self._running = {one.participant: one for one in noted if one.state == "running"}
        return [
            self._ended.get(label) or self._running.get(label) or Status(label, "waiting")
            for label in self._participants
        ]

    def count(self) -> str:
        """How many people are in each state."""
        return count_states(self.now())

    def describe(self) -> str:
        """A line that says how far everybody is."""
        running = (
            f"sub-{one.participant}: {one.stage}" for one in self.now() if one.state == "running"
        )
        return "; ".join([self.count(), *running])

    def draw(self) -> Group:
        """A table of as many people as the terminal has lines for."""
        from rich.console import Group
        from rich.table import Column, Table
        from rich.text import Text

        people = self.now()
        most = max(1, shutil.get_terminal_size().lines - OTHER_LINES)
        first = sorted(people, key=lambda one: FIRST_SHOWN.index(one.state))[:most]
        # the last column alone is cut
        table = Table.grid(Column(no_wrap=True), Column(no_wrap=True), Column(), padding=(0, 2))
        for one in people:
            if one in first:
                told = Text(one.reason or one.stage, no_wrap=True, overflow="ellipsis")
                table.add_row(f"sub-{one.participant}", one.state, told)
        return Group(table, Text(self.count()))


def decode_people(cluster: Cluster, study: Study, participants: Sequence[str]) -> None:
    """Decode each participant on a worker of a cluster, which reads and writes the files itself.

    A failure does not stop the others.

    Raises
    ------
    Failed
        At the end, if any participant failed.
    ValueError
        If a worker does not see the same folders, or the scheduler or all workers are lost.
    """
    from painprint.apps.same_folders import (
        differences_of_folders,
        mark_folders,
        with_absolute_paths,
    )

    study = with_absolute_paths(study)
    check = partial(differences_of_folders, mark_folders(study), study.out_dir)
    people, reasons = People(study.out_dir, participants), dict[str, str]()
    jobs = {label: (study, label) for label in participants}
    with shown(people.draw, people.describe):
        for participant, status, error in LargeJobs(
            cluster, decode_on_worker, jobs, check, people.send
        ).outcomes():
            if error is not None:
                reason = reason_of(participant, error)
                if not isinstance(error, FAILURES):  # unexpected, or the loss of the worker
                    reason = f"{type(error).__name__}: {error}. The log of the worker says where."
                status = Status(participant, "failed", reason=reason)
                note(study.out_dir, status)
            people.end(status)
            if status.state == "failed":
                log.error("sub-%s: failed: %s", participant, status.reason)
                reasons[participant] = status.reason
            else:
                log.info("sub-%s: %s.", participant, ENDED[status.state])
    log.info("%s.", people.count())
    tell_failures(reasons, len(participants))


def decode_on_worker(study: Study, participant: str) -> Status:
    """Decode a participant on a worker; whoever else works on them is waited for."""
    from painprint.apps.decode import run_participant

    progress = Progress(f"sub-{participant}")
    with logged(study.out_dir, at_terminal=False):
        try:
            with noted(study.out_dir, participant, progress):
                is_new = run_participant(study, participant, progress=progress, wait=True)
        except FAILURES as error:
            return Status(participant, "failed", reason=reason_of(participant, error))
    return Status(participant, "finished" if is_new else "kept")
