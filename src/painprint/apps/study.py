"""A study: which participants and runs, and where they are read from."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from painprint.atlas.geometry import Geometry, find_geometry
from painprint.atlas.image import AtlasFiles, mesh_density
from painprint.atlas.surfaces import find_surfaces
from painprint.atlas.table import load_places, load_regions
from painprint.bids.dense import load_dense
from painprint.bids.filter import BidsFilter
from painprint.bids.load import Bold, RunRecord, load_bold, load_run
from painprint.bids.runs import Inventory, RunFiles
from painprint.bids.select import find_runs
from painprint.bold.extract import Extraction
from painprint.decode.prepare import Prepared, prepare_runs
from painprint.dense.image import Dense
from painprint.evidence.case import Material, OtherAreas
from painprint.evidence.stages import stages_to_run
from painprint.evidence.weights_file import read_weights
from painprint.files.dataset import BidsFile, Dataset
from painprint.files.errors import DerivativesError
from painprint.options import flag
from painprint.progress import OnStep, count_steps
from painprint.regions import Regions
from painprint.runs import LeftOutRun, Run, RunKey
from painprint.settings import CLEANING, Settings
from painprint.store.files import hash_input

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
    out_dir : Path
    derivatives : sequence of Path
        Datasets with regional time series.
    settings : Settings
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

    def reader(self, inventory: Inventory, settings: Settings | None = None) -> _Reader:
        """Reads the runs of an inventory, by these settings instead of the study's if given."""
        extraction = None
        if inventory.image is not None:
            density = mesh_density(inventory.image)
            surfaces = find_surfaces(self.datasets, inventory.participant, density=density)
            extraction = Extraction(self.out_dir, inventory.image, self.settings, surfaces)
        return _Reader(inventory, settings or self.settings, extraction)


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


class _Reader:
    """Reads the runs of an inventory one at a time, and remembers what to say of them."""

    def __init__(
        self, inventory: Inventory, settings: Settings, extraction: Extraction | None
    ) -> None:
        self.inventory = inventory
        self.settings = settings
        self.extraction = extraction
        self.records: list[RunRecord] = []
        self.left_out = list(inventory.left_out)

    @property
    def table(self) -> BidsFile | None:
        """The table of the atlas's regions, if there is one."""
        return self.extraction.table if self.extraction else self.inventory.region_table

    @property
    def regions(self) -> Regions | None:
        """The atlas's region table, where there is one that can be read."""
        try:
            return load_regions(self.table.path) if self.table else None
        except DerivativesError as error:
            if self.settings.exclude_network or self.extraction:
                raise
            log.warning("sub-%s: not used: %s", self.inventory.participant, error)
            return None

    def load(self, files: RunFiles) -> Bold:
        """The regional signals of a run, made of dense BOLD where need be."""
        return self.extraction.load(files) if self.extraction else load_bold(files)

    def runs(self, on_step: OnStep | None = None) -> Iterator[Run]:
        """The runs that can be read; the others are left out."""
        first_with: dict[str, RunKey] = {}
        step = count_steps(on_step, len(self.inventory.runs))
        for files in self.inventory.runs:
            step()
            try:
                run, record = load_run(files, self.settings, self.load)
                same = first_with.setdefault(hash_input(files.series.path), files.key)
                if same != files.key:
                    raise DerivativesError(
                        f"its time series is a copy of that of {same}. Remove one.",
                        files.series.path,
                    )
            except DerivativesError as error:
                self.left_out.append(LeftOutRun(files.key, str(error)))
                continue
            self.records.append(record)
            yield run

    def rest(self) -> Iterator[Run | LeftOutRun]:
        """The resting runs, those that cannot be read with the reason."""
        for files in self.inventory.rest:
            try:
                bold = self.load(files)
                yield bold.as_run(files.key, np.full(len(bold.signals), np.nan))
            except DerivativesError as error:
                yield LeftOutRun(files.key, str(error))

    def dense(self) -> Dense | None:
        """Dense BOLD behind the regions, cleaned as they were; None where there is none.

        Raises
        ------
        DerivativesError
            If it cannot be used.
        """
        if self.inventory.dense is None:
            return None
        if self.extraction is None:
            return load_dense(self.inventory.dense)
        of_run = {files.key: files for files in self.inventory.runs}
        clean_points = self.extraction.clean_points
        return load_dense(
            self.inventory.dense,
            lambda key, data: clean_points(of_run[key], data),
            sigma_mm=self.extraction.settings.smoothing_sigma_mm,
            surfaces=self.extraction.surfaces,
        )

    def places(self) -> tuple[dict[str, list[float]], tuple[str, ...]]:
        """Where the regions lie (mm), as far as it is known, and what to say of it."""
        if self.extraction is not None:
            found, notes = self.extraction.places()
            return found, (*notes, *self.extraction.atlas.notes)
        table = self.inventory.region_table
        try:
            return (load_places(table.path) if table else {}), ()
        except DerivativesError as error:
            return {}, (f"places of regions not used: {error}",)


def tell_nobody(done: int, of: int) -> None:
    """Progress that nobody follows."""


@dataclass(frozen=True, eq=False)
class FoundRuns:
    """What there is of a participant, what questions may read later, where regions lie, and the
    surfaces on which dense BOLD is smoothed."""

    inventory: Inventory
    material: Material
    geometry: Geometry
    smoothed_on: tuple[Path, ...]


def find_participant(study: Study, participant: str) -> FoundRuns:
    """Look for everything about a participant.

    Dense BOLD that cannot be used is noted; an external signature that cannot is an error, before
    anything takes time.
    """
    inventory = study.find(participant)
    reader = study.reader(inventory)
    places, of_places = reader.places()
    inventory = replace(
        inventory,
        region_table=reader.table,
        notes=(*inventory.notes, *_unread(study, inventory), *of_places),
    )
    dense = None
    try:
        dense = reader.dense()
    except DerivativesError as error:
        notes = (*inventory.notes, f"dense BOLD was not used: {error}")
        inventory = replace(inventory, dense=None, notes=notes)
    external = [read_weights(path, dense=inventory.dense) for path in study.external]
    names = [weights.name for weights in external]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DerivativesError(f"external signatures need different names: {', '.join(twice)}.")
    material = Material(
        runs=lambda: study.reader(inventory).runs(),
        rest=(lambda: study.reader(inventory).rest()) if inventory.rest else None,
        places=places,
        dense=dense,
        external=tuple(external),
        other_areas=_other_areas(study, inventory),
    )
    atlas = reader.extraction.atlas if reader.extraction else None
    geometry = find_geometry(inventory.atlas, atlas, study.datasets, participant, places)
    smoothed_on = reader.extraction.smoothed_on if reader.extraction else ()
    return FoundRuns(inventory, material, geometry, smoothed_on)


def _other_areas(study: Study, inventory: Inventory) -> tuple[OtherAreas, ...]:
    """Atlases of the participant that were made of some of the sessions each."""
    if inventory.image is None:
        return ()
    everything = replace(study.settings, exclude_network=(), exclude_region=())

    def prepare(image: AtlasFiles) -> Prepared:
        reader = study.reader(replace(inventory, atlas=image.label, image=image), everything)
        return prepare_runs(reader.runs(), everything, regions=reader.regions)

    found = []
    for image in inventory.image.halves():
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
