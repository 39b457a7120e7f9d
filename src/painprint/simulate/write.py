"""Write simulated people as BIDS: ratings, regional time series, atlas, and ground truth."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from painprint.progress import OnStep, Progress
from painprint.simulate.confounds import bold_sidecar
from painprint.simulate.layouts import make_layout
from painprint.simulate.person import RATING_HZ, Person, Truth, simulate_days, simulate_person
from painprint.simulate.world import Layout
from painprint.simulate.xcp_d import write_region_table, write_regional
from painprint.store.files import write_bytes, write_json, write_table

ATLAS = "Simulated"
RATING_TASK, REST_TASK = "rating", "rest"
FOLDERS = {
    "xcp_d": "xcp_d", "fmriprep": "fmriprep", "fmriprep_volumes": "fmriprep",
    "fmriprep_surfaces": "fmriprep", "ciftify": "ciftify",
}  # fmt: skip
"""Folder of the derivative dataset, by layout."""


def write_people(
    out_dir: Path,
    people: Sequence[Person],
    *,
    layout: Layout = "xcp_d",
    random_seed: int = 0,
    progress: Progress | None = None,
) -> None:
    """Write a BIDS dataset of simulated people, with derivatives and ground truth.

    Each person has an individual atlas, as regions are as individual as signatures, unless the
    options ask for a shared one.

    Parameters
    ----------
    layout : {"xcp_d", "fmriprep", "fmriprep_volumes", "fmriprep_surfaces", "ciftify"}
        Regional time series as XCP-D writes them; or dense BOLD with confounds, to be cleaned,
        and the atlas as an image.
    random_seed : int
        A person's data depend only on it and on the person's number in the sequence.
    progress : Progress, optional
        Is told how far each person is.
    """
    progress = progress or Progress("simulate")
    derivatives, truths = out_dir / "derivatives" / FOLDERS[layout], out_dir / "derivatives/truth"
    _describe(out_dir, "Simulated people (painprint)", "raw")
    _describe(derivatives, "BOLD of simulated people", "derivative")
    _describe(truths, "Ground truth of the simulated people", "derivative")
    names = [f"{number:02d}" for number in range(1, len(people) + 1)]
    participants = pd.DataFrame(
        {
            "participant_id": [f"sub-{name}" for name in names],
            "signature": ["none" if person.null else "present" for person in people],
        }
    )
    write_table(out_dir / "participants.tsv", participants)
    for how in dict.fromkeys(person.world.rating for person in people):
        _describe_ratings(out_dir, how)
    progress.plan(*(f"sub-{name}" for name in names))
    for number, (name, person) in enumerate(zip(names, people, strict=True), start=1):
        for task in (RATING_TASK, REST_TASK):
            write_json(
                out_dir / f"sub-{name}" / f"sub-{name}_task-{task}_bold.json",
                {"RepetitionTime": person.world.tr_s, "TaskName": task},
            )
        with progress.stage(f"sub-{name}") as on_step:
            folders = (out_dir, derivatives)
            _write_person(folders, name, person, (random_seed, number), layout, on_step)


def _write_person(
    folders: tuple[Path, Path],
    name: str,
    person: Person,
    seed: tuple[int, int],
    layout: Layout,
    on_step: OnStep,
) -> None:
    """Write the data of a person into the raw dataset and its derivatives."""
    out_dir, derivatives = folders
    truth, runs = simulate_person(person, seed, rest=True)
    _write_sessions(out_dir / f"sub-{name}" / f"sub-{name}_sessions.tsv", person, seed)
    atlas = ATLAS if person.world.one_atlas else f"{ATLAS}{name}"
    area_rng = np.random.default_rng([*seed, 3])
    dense = (
        None
        if layout == "xcp_d"
        else make_layout(layout, truth.regions, divisions=person.world.divisions, rng=area_rng)
    )
    if dense is None:
        write_region_table(derivatives, atlas, _dseg(truth))
    else:
        dense.write_atlas(derivatives, atlas, _dseg(truth))
        dense.write_surfaces(derivatives, name)
    truths = out_dir / "derivatives" / "truth" / f"sub-{name}"
    write_table(truths / f"sub-{name}_edges.tsv", _planted_edges(person, truth))
    write_json(truths / f"sub-{name}_person.json", {**asdict(person), "seed": seed})
    for done, run in enumerate(runs, start=1):
        entities = {
            "sub": name,
            "ses": f"{run.session:02d}",
            "task": RATING_TASK if run.run else REST_TASK,
            "run": str(run.run or ""),
        }
        stem = "_".join(f"{key}-{value}" for key, value in entities.items() if value)
        folder = Path(f"sub-{name}") / f"ses-{entities['ses']}" / "func"
        if dense is None:
            write_regional(
                derivatives / folder / stem,
                atlas,
                pd.DataFrame(run.signals, columns=list(truth.regions.names)),
                motion=run.motion,
                censored=run.censored,
                metadata=bold_sidecar(entities["task"], person.world.tr_s),
                fd_thresh_mm=person.signal.censor_mm,
            )
        else:
            noise = np.random.default_rng([*seed, 2, run.session, run.run])
            dense.write_run(
                derivatives, entities, run.signals, run.motion, person.world.tr_s, noise
            )
        if run.trials is not None:
            write_table(out_dir / folder / f"{stem}_events.tsv", run.trials.as_table())
        elif run.rating is not None:
            lines = "".join(f"{value:g}\n" for value in run.rating)
            packed = gzip.compress(lines.encode(), mtime=0)
            write_bytes(out_dir / folder / f"{stem}_recording-pain_physio.tsv.gz", packed)
        on_step(done, person.n_sessions * (person.world.n_runs + 1))  # or fewer


def _describe_ratings(out_dir: Path, how: str) -> None:
    """Write the sidecar of continuous ratings, or of those of events."""
    if how == "events":
        write_json(
            out_dir / f"task-{RATING_TASK}_events.json",
            {
                "trial_type": {
                    "Levels": {
                        "pain": "simulated stimulus",
                        "rating": "rating of the stimulus before",
                    }
                },
                "rating": {
                    "Description": "simulated rating of the mean pain during the stimulus, 0 to 100"
                },
            },
        )
        return
    write_json(
        out_dir / f"task-{RATING_TASK}_recording-pain_physio.json",
        {
            "SamplingFrequency": RATING_HZ,
            "StartTime": 0,
            "Columns": ["pain"],
            "pain": {"Description": "simulated continuous pain rating, 0 to 1"},
        },
    )


def _write_sessions(path: Path, person: Person, seed: tuple[int, int]) -> None:
    """Days of the sessions, and medication that is independent of pain."""
    rng = np.random.default_rng([*seed, 1])
    days = simulate_days(person, rng)
    sessions = pd.DataFrame(
        {
            "session_id": [f"ses-{s:02d}" for s in range(1, person.n_sessions + 1)],
            "days": days,
            "medication_mg": rng.choice([0, 25, 50, 75], size=person.n_sessions),
        }
    )
    write_table(path, sessions)


def _planted_edges(person: Person, truth: Truth) -> pd.DataFrame:
    """The edges of the signature, with their strength."""
    i, j = np.triu_indices(len(truth.loadings), k=1)
    planted = np.flatnonzero(truth.edges * (not person.null))
    regions = np.array(truth.regions.names, dtype=object)
    return pd.DataFrame(
        {
            "region_a": regions[i[planted]],
            "region_b": regions[j[planted]],
            "strength": truth.edges[planted],
        }
    )


def _dseg(truth: Truth) -> pd.DataFrame:
    names = truth.regions.names
    return pd.DataFrame(
        {
            "index": range(1, len(names) + 1),
            "label": names,
            "network_label": truth.regions.networks,
            "hemisphere": [name[0] for name in names],
            "x": truth.coordinates[:, 0],
            "y": truth.coordinates[:, 1],
            "z": truth.coordinates[:, 2],
        }
    )


def _describe(folder: Path, name: str, kind: str) -> None:
    write_json(
        folder / "dataset_description.json",
        {
            "Name": name,
            "BIDSVersion": "1.10.0",
            "DatasetType": kind,
            "Simulated": True,
            "GeneratedBy": [{"Name": "painprint simulate"}],
        },
    )
