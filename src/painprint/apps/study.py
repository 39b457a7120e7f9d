"""A study: which participants and runs, and where they are read from."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from painprint.apps.reader import Reader
from painprint.atlas.geometry import Geometry, find_geometry
from painprint.atlas.image import AtlasFiles, mesh_density
from painprint.atlas.surfaces import find_surfaces
from painprint.bids.filter import BidsFilter
from painprint.bids.runs import Inventory
from painprint.bids.select import find_runs
from painprint.bold.extract import Extraction
from painprint.decode.prepare import Prepared, prepare_runs
from painprint.evidence.case import Material, OtherAreas
from painprint.evidence.stages import stages_to_run
from painprint.evidence.weights_file import read_weights
from painprint.files.dataset import Dataset
from painprint.files.errors import DerivativesError
from painprint.files.inputs import InputHashes
from painprint.options import flag
from painprint.progress import OnStep
from painprint.results.provenance import hash_external, hash_geometry
from painprint.results.steps import Lock
from painprint.settings import CLEANING, Settings

log = logging.getLogger("painprint")


Progress = Callable[[str], OnStep]
"""Gives whom to tell (done, of) of a named part of the work."""


@dataclass(frozen=True)
class Study:
    """Where a study's data lie, and how they are analysed.

    Parameters
    ----------
    bids_dir : Path
        Raw BIDS dataset with the ratings.
    derivatives : sequence of Path
        Datasets with regional time series.
    n_jobs : int
        Workers; results do not depend on it.
    external : sequence of Path
        Weights of signatures from elsewhere.
    bids_filter : BidsFilter
        Which BOLD and ratings are meant.

    Raises
    ------
    DerivativesError
        If a folder does not exist.
    ValueError
        If a stage is to be skipped that there is not.
    """

    bids_dir: Path
    out_dir: Path
    derivatives: Sequence[Path]
    settings: Settings
    n_jobs: int = 1
    external: Sequence[Path] = ()
    bids_filter: BidsFilter = BidsFilter()

    def __post_init__(self) -> None:
        for folder in (self.bids_dir, *self.derivatives):
            Dataset(folder, "")
        stages_to_run(self.settings)

    @property
    def raw(self) -> Dataset:
        """The raw dataset."""
        return Dataset(self.bids_dir, "raw")

    def participants(self) -> list[str]:
        """Labels asked for, or all in the raw dataset.

        Raises
        ------
        DerivativesError
            If one asked for is not there.
        """
        return list_participants(self.bids_dir, self.settings.participant_label)

    @property
    def datasets(self) -> list[Dataset]:
        """The derivative datasets."""
        numbered = enumerate(self.derivatives, start=1)
        return [Dataset(folder, f"derivatives{i}") for i, folder in numbered]

    def find(self, participant: str) -> Inventory:
        """The participant's files."""
        return find_runs(
            self.raw,
            self.datasets,
            participant,
            task_id=self.settings.task_id,
            rest_task=self.settings.rest_task,
            session_label=self.settings.session_label,
            atlas=self.settings.atlas,
            beside=[Dataset(self.out_dir, "results")] if self.out_dir.is_dir() else (),
            bids_filter=self.bids_filter,
        )

    def reader(self, inventory: Inventory, hashes: InputHashes | None = None) -> Reader:
        """Reads the runs of an inventory, each once; made once for a participant.

        Parameters
        ----------
        hashes : InputHashes, optional
            Of inputs that were hashed before.
        """
        known = InputHashes() if hashes is None else hashes
        extraction = None
        if inventory.image is not None:
            density = mesh_density(inventory.image)
            surfaces = find_surfaces(self.datasets, inventory.participant, density=density)
            extraction = Extraction(
                self.out_dir, inventory.image, self.settings, surfaces, hashes=known
            )
        lock = Lock(self.out_dir, f"sub-{inventory.participant}")
        return Reader(inventory, self.settings, known, lock, extraction)


def list_participants(bids_dir: Path, asked_for: Sequence[str]) -> list[str]:
    """Labels asked for, or all in the raw dataset.

    Raises
    ------
    DerivativesError
        If one asked for is not there.
    """
    there = Dataset(bids_dir, "raw").participants()
    asked = [label.removeprefix("sub-") for label in asked_for]
    if unknown := [label for label in asked if label not in there]:
        raise DerivativesError(
            f"there is no participant {', '.join(unknown)} in {bids_dir}. There are: "
            f"{', '.join(there) or 'none'}."
        )
    if not there:
        raise DerivativesError(f"there is no participant (a folder sub-*) in {bids_dir}.")
    return list(dict.fromkeys(asked)) or there


def tell_nobody(done: int, of: int) -> None:
    """Progress that nobody follows."""


@dataclass(frozen=True, eq=False)
class FoundRuns:
    """What there is of a participant, and where it is read from.

    Attributes
    ----------
    inventory : Inventory
        With notes of what cannot be used.
    reader : Reader
        Reads the runs, each once.
    material : Material
        What stages may read later.
    geometry : Geometry
        Where regions lie.
    """

    inventory: Inventory
    reader: Reader
    material: Material
    geometry: Geometry


def find_participant(
    study: Study, participant: str, hashes: InputHashes | None = None
) -> FoundRuns:
    """Look for everything about a participant, writing nothing.

    Dense BOLD that cannot be used is noted; an external signature that cannot is an error, before
    anything takes time.

    Parameters
    ----------
    hashes : InputHashes, optional
        Of inputs that were hashed before.
    """
    reader = study.reader(study.find(participant), hashes)
    inventory = reader.inventory
    places, of_places = reader.places()
    notes = (*inventory.notes, *_unread(study, inventory), *of_places)
    inventory, dense = replace(inventory, notes=notes), None
    try:
        dense = reader.dense()
    except DerivativesError as error:
        notes = (*notes, f"dense BOLD was not used: {error}")
        inventory = replace(inventory, dense=None, notes=notes)
    hash_external([path for path in study.external if path.is_file()], reader.hashes)
    external = [read_weights(path, dense=inventory.dense) for path in study.external]
    names = [weights.name for weights in external]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DerivativesError(f"external signatures need different names: {', '.join(twice)}.")
    material = Material(
        runs=reader.runs,
        rest=reader.rest if inventory.rest else None,
        places=places,
        dense=dense,
        external=tuple(external),
        other_areas=_other_areas(study, reader),
    )
    atlas = reader.extraction.atlas if reader.extraction else None
    geometry = find_geometry(inventory.atlas, atlas, study.datasets, participant, places)
    hash_geometry(geometry, reader.hashes)
    return FoundRuns(inventory, reader, material, geometry)


def _other_areas(study: Study, reader: Reader) -> tuple[OtherAreas, ...]:
    """Atlases of the participant that were made of some of the sessions each."""
    if reader.inventory.image is None:
        return ()
    everything = replace(study.settings, exclude_network=(), exclude_region=())

    def prepare(image: AtlasFiles) -> Prepared:
        other = reader.with_atlas(image)
        return prepare_runs(other.runs(), everything, regions=other.regions)

    found = []
    for image in reader.inventory.image.halves():
        if image.made_from is not None:
            sessions = frozenset(image.made_from.sessions)
            found.append(OtherAreas(image.label, sessions, partial(prepare, image)))
    return tuple(found)


def _unread(study: Study, inventory: Inventory) -> list[str]:
    """A note of options that are for dense BOLD only, where there is none to clean."""
    default = Settings()
    given = [n for n in CLEANING if getattr(study.settings, n) != getattr(default, n)]
    if inventory.image is not None or not given:
        return []
    return [
        f"regional time series are used as they are: {', '.join(f'--{flag(n)}' for n in given)} "
        "concern dense BOLD only."
    ]
