"""Names of the files of a run, and the files in BIDS: samples, triggers, events, sidecars."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from painprint.errors import DerivativesError
from painprint.files.dataset import normal_run
from painprint.rating_task.check import RunCheck
from painprint.rating_task.questions import (
    DECIMALS,
    describe_questions,
    describe_rating,
    question_as_event,
    table_of_questions,
)
from painprint.rating_task.recording import Recording
from painprint.rating_task.samples import SAMPLING_HZ, Samples
from painprint.rating_task.task import RatingTask
from painprint.rating_task.volumes import Volumes
from painprint.store.files import remove_unfinished, write_bytes, write_json, write_table

BIDS_VERSION = "1.11.0"
JOURNALS = Path("sourcedata") / "painprint"
"""Folder of the journals in a dataset: raw events, as they came."""
START, MOVE, END = "start", "first movement", "end"
"""Events of a continuous rating."""
OF_JOURNAL = re.compile(
    r"sub-([A-Za-z0-9]+)(?:_ses-([A-Za-z0-9]+))?_task-([A-Za-z0-9]+)_run-([0-9]+)_rating\.jsonl"
)


@dataclass(frozen=True)
class RatingFiles:
    """Where the files of a run go.

    Attributes
    ----------
    participant, session, task : str
        Labels; an empty session for datasets without sessions.
    run : str
        Run label.
    """

    bids_dir: Path
    participant: str
    session: str
    task: str
    run: str

    @classmethod
    def of_journal(cls, bids_dir: Path, path: Path) -> RatingFiles | None:
        """Where the files of the run of a journal go; None for another file."""
        match = OF_JOURNAL.fullmatch(path.name)
        return None if match is None else cls(bids_dir, *(part or "" for part in match.groups()))

    @property
    def name_of_runs(self) -> str:
        """What the names of the session's runs of this task begin with."""
        session = f"ses-{self.session}_" * bool(self.session)
        return f"sub-{self.participant}_{session}task-{self.task}"

    @property
    def name(self) -> str:
        """Name of the run: its entities."""
        return f"{self.name_of_runs}_run-{self.run}"

    @property
    def folder(self) -> Path:
        """Folder of the run in a dataset."""
        session = [f"ses-{self.session}"] * bool(self.session)
        return Path(f"sub-{self.participant}", *session, "func")

    @property
    def journal(self) -> Path:
        """The journal."""
        return self.bids_dir / JOURNALS / self.folder / f"{self.name}_rating.jsonl"

    def path(self, ending: str) -> Path:
        """A file of the run."""
        return self.bids_dir / self.folder / f"{self.name}_{ending}"

    def taken(self) -> list[str]:
        """Run labels of this task and session that have files of ratings or a journal."""
        begin = re.escape(f"{self.name_of_runs}_run-")
        own = re.compile(rf"{begin}0*([0-9]+)_(recording-rating_.*|events\..*|rating\.jsonl)")
        folders = (self.bids_dir / self.folder, self.journal.parent)
        names = (path.name for folder in folders if folder.is_dir() for path in folder.iterdir())
        found = (own.fullmatch(name) for name in names)
        return sorted({normal_run(match[1]) for match in found if match}, key=int)


def write_run(
    where: RatingFiles,
    recording: Recording,
    volumes: Volumes,
    samples: Samples | None,
    task: RatingTask,
    check: RunCheck,
) -> list[Path]:
    """Write the files of a run; the same recording gives the same files.

    Parameters
    ----------
    samples : Samples or None
        Of a continuous rating; questions have none.

    Returns
    -------
    paths : list of Path
        The files with data, without sidecars.
    """
    about = {"Scale": asdict(task), "RunCheck": check.as_metadata()}
    remove_unfinished(where.bids_dir / where.folder, f"{where.name}_")
    paths = []
    if samples is not None:
        paths.append(where.path("recording-rating_physio.tsv.gz"))
        lines = "".join(_sample_lines(samples))
        write_bytes(paths[-1], gzip.compress(lines.encode(), mtime=0))
        write_json(
            where.path("recording-rating_physio.json"),
            {"TaskName": where.task, **_samples_sidecar(samples, volumes, task), **about},
        )
    paths.append(where.path("events.tsv"))
    write_table(paths[-1], _events(recording, volumes, task))
    sidecar = {"TaskName": where.task, **_events_sidecar(task)}
    if samples is None:
        sidecar |= {**about, "Triggers": _exact_triggers(volumes)}
    write_json(where.path("events.json"), sidecar)
    return paths


def describe_dataset(bids_dir: Path) -> bool:
    """Write the description of a dataset that has none; whether it was written.

    Raises
    ------
    DerivativesError
        If the folder holds other files and no description, so that it may be no dataset.
    """
    path = bids_dir / "dataset_description.json"
    if path.exists():
        return False
    others = [p.name for p in bids_dir.iterdir() if p.name[0] != "."] if bids_dir.is_dir() else []
    strange = [name for name in others if not re.match(r"sub-|sourcedata$|participants\.", name)]
    if strange:
        raise DerivativesError(
            f"{bids_dir} is not a BIDS dataset: it has no dataset_description.json, but "
            f"{sorted(strange)[0]}. Name the folder of the dataset, or a new one."
        )
    remove_unfinished(bids_dir, path.name)
    write_json(path, {"Name": "Ratings of pain", "BIDSVersion": BIDS_VERSION, "DatasetType": "raw"})
    return True


def _sample_lines(samples: Samples) -> Iterable[str]:
    for rating, trigger in zip(samples.rating, samples.trigger, strict=True):
        yield f"{'n/a' if np.isnan(rating) else f'{rating:.7g}'}\t{trigger}\n"


def _samples_sidecar(samples: Samples, volumes: Volumes, task: RatingTask) -> dict[str, Any]:
    return {
        "PhysioType": "generic",
        "SamplingFrequency": SAMPLING_HZ,
        "StartTime": samples.start_s,
        "Columns": ["rating", "trigger"],
        "rating": describe_rating(task, lacking="before the first movement"),
        "trigger": {
            "LongName": "Scanner triggers",
            "Description": "number of triggers nearest to the sample; Onsets are their exact times",
            "Units": "arbitrary",
            "Minimum": 0,
            "Maximum": int(samples.trigger.max(initial=1)),
            **_exact_triggers(volumes),
        },
    }


def _exact_triggers(volumes: Volumes) -> dict[str, Any]:
    """Times of the triggers, and the volume of each."""
    return {
        "Onsets": (volumes.trigger_s - volumes.start_s).round(DECIMALS),
        "OnsetsDescription": "times of all triggers after the first volume that was saved (s)",
        "Volumes": [None if volume < 0 else volume for volume in volumes.volume],
        "VolumesDescription": "volume of each trigger, from 0 at the first one, dummy volumes "
        "included; null for a trigger too many",
    }


def _events(recording: Recording, volumes: Volumes, task: RatingTask) -> pd.DataFrame:
    """Start, first movement and end of a continuous rating; or the questions."""
    start_s = volumes.start_s
    if not task.is_continuous:
        return table_of_questions(
            [question_as_event(answer, task, start_s) for answer in recording.answers]
        )
    rows = [(start_s, START)]
    if len(recording.move_s):
        rows.append((float(recording.move_s[0]), MOVE))
    rows.append((min(start_s + task.duration_s, recording.last_s), END))
    rows.sort(key=lambda row: row[0])
    return pd.DataFrame(
        [(round(at_s - start_s, DECIMALS), 0.0, kind) for at_s, kind in rows],
        columns=["onset", "duration", "trial_type"],
    )


def _events_sidecar(task: RatingTask) -> dict[str, Any]:
    presented = {
        "StimulusPresentation": {
            "SoftwareName": "painprint",
            "SoftwareVersion": version("painprint"),
        }
    }
    if not task.is_continuous:
        return {**presented, **describe_questions(task)}
    levels = {
        START: "first volume that was saved",
        MOVE: "first movement of the mark; there is no rating before it",
        END: "end of the rating",
    }
    return {
        **presented,
        "trial_type": {"Description": "events of a continuous rating", "Levels": levels},
    }
