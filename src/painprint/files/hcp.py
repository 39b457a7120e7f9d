"""Datasets of HCP and ciftify: MNINonLinear/Results/<run>/<run>_Atlas*.dtseries.nii."""

from __future__ import annotations

import re
from pathlib import Path

from painprint.files.confounds import MOVEMENT
from painprint.files.dataset import BidsFile, Dataset, parse_name

RESULTS = Path("MNINonLinear") / "Results"
SURFACES = Path("MNINonLinear") / "fsaverage_LR32k"
EXTENSION = ".dtseries.nii"
MOTION = "movement"
"""Suffix given to Movement_Regressors.txt."""


def hcp_folder(dataset: Dataset, participant: str) -> Path | None:
    """The participant's folder, sub-<label> or <label>, if it has this layout."""
    for name in (f"sub-{participant}", participant):
        if (dataset.root / name / RESULTS).is_dir():
            return dataset.root / name
    return None


def hcp_files(dataset: Dataset, participant: str) -> list[BidsFile]:
    """BOLD and motion files of every run with BIDS entities; none in other layouts.

    Session, task and run are taken from the name of the run's folder if it has them
    (``ses-01_task-rating_run-1``); else the task is that name without punctuation
    (``tfMRI_PAIN_LR`` becomes ``tfMRIPAINLR``). What follows ``_Atlas`` becomes the desc.
    """
    folder = hcp_folder(dataset, participant)
    if folder is None:
        return []
    files = []
    for run in sorted((folder / RESULTS).iterdir()):
        if not run.is_dir():
            continue
        entities = {"sub": participant, **_entities(run.name)}
        for path in sorted(run.iterdir()):
            kind = path.name.removeprefix(f"{run.name}_Atlas")
            if path.name == MOVEMENT:
                files.append(_file(dataset, path, entities, MOTION, ".txt"))
            elif kind != path.name and kind.endswith(EXTENSION):
                desc = _plain(kind.removesuffix(EXTENSION))
                described = {**entities, "space": "fsLR", **({"desc": desc} if desc else {})}
                files.append(_file(dataset, path, described, "bold", EXTENSION))
    return files


def _entities(name: str) -> dict[str, str]:
    """Entities of a run from the name of its folder."""
    entities, _, _ = parse_name(name)
    known = {k: v for k, v in entities.items() if k in ("ses", "task", "acq", "dir", "run", "rec")}
    return known if "task" in known else {"task": _plain(name)}


def _plain(text: str) -> str:
    return re.sub("[^A-Za-z0-9]", "", text)


def _file(
    dataset: Dataset, path: Path, entities: dict[str, str], suffix: str, extension: str
) -> BidsFile:
    return BidsFile(path, dataset.root, dataset.name, entities, suffix, extension)


def hcp_surfaces(dataset: Dataset, participant: str, kind: str) -> dict[str, Path]:
    """The participant's surfaces of a kind (midthickness, inflated) on fs_LR 32k, by hemisphere."""
    folder = hcp_folder(dataset, participant)
    if folder is None or not (folder / SURFACES).is_dir():
        return {}
    surfaces = {}
    for hemisphere in "LR":
        pattern = f"*.{hemisphere}.{kind}.32k_fs_LR.surf.gii"
        paths = sorted((folder / SURFACES).glob(pattern))
        if paths:
            surfaces[hemisphere] = paths[0]
    return surfaces if set(surfaces) == {"L", "R"} else {}
