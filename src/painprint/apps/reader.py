"""Read the runs of one participant, each of them once, with their records and exclusions."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cached_property

import pandas as pd

from painprint.atlas.image import AtlasFiles
from painprint.atlas.table import coordinates_of, regions_of
from painprint.bids.dense import load_dense
from painprint.bids.load import Bold, RunRecord, load_bold, load_run
from painprint.bids.runs import Inventory, RunFiles
from painprint.bold.extract import Extraction
from painprint.dense.image import Dense
from painprint.errors import DerivativesError
from painprint.files.inputs import InputHashes
from painprint.files.tables import read_table
from painprint.progress import OnStep, count_steps
from painprint.regions import Regions
from painprint.runs import ExcludedRun, Run, RunKey
from painprint.settings import Settings
from painprint.store.lock import Lock

log = logging.getLogger("painprint")


class Reader:
    """Reads the runs of one participant, each of them once.

    Rated runs are kept in memory, since they are used repeatedly; resting runs and dense BOLD,
    which are larger or used by one stage only, are not.

    Parameters
    ----------
    inventory : Inventory
        Files of the runs.
    settings : Settings
        Options for reading ratings.
    hashes : InputHashes
        Hashes of the files that are read.
    lock : Lock
        Lock of the participant's outputs, which include regional time series of dense BOLD.
    extraction : Extraction, optional
        Makes regional time series from dense BOLD.

    Attributes
    ----------
    records : list of RunRecord
        Records of the runs that were read.
    excluded : list of ExcludedRun
        Runs that cannot be used, with the reason.
    """

    def __init__(
        self,
        inventory: Inventory,
        settings: Settings,
        hashes: InputHashes,
        lock: Lock,
        extraction: Extraction | None = None,
    ) -> None:
        if extraction is not None:
            inventory = replace(inventory, region_table=extraction.table)
        self.inventory = inventory
        self.settings = settings
        self.hashes = hashes
        self.lock = lock
        self.extraction = extraction
        self.records: list[RunRecord] = []
        self.excluded = list(inventory.excluded)
        self._wrote_regions = False
        self._runs: tuple[Run, ...] | None = None
        self._rated: dict[RunKey, tuple[Run, RunRecord]] = {}

    def with_atlas(self, image: AtlasFiles) -> Reader:
        """Reader of the same runs of dense BOLD with another atlas; ratings are not read again."""
        assert self.extraction is not None  # the atlas is an image
        inventory = replace(
            self.inventory, atlas=image.label, image=image, made_from=image.made_from
        )
        extraction = self.extraction.with_atlas(image)
        other = Reader(inventory, self.settings, self.hashes, self.lock, extraction)
        runs = zip(self.runs(), self.records, strict=True)
        other._rated = {run.key: (run, record) for run, record in runs}
        return other

    @cached_property
    def regions(self) -> Regions | None:
        """Names and networks of the regions, if the atlas has a readable table."""
        if self.extraction is not None:
            return self.extraction.atlas.regions
        table = self.inventory.region_table
        try:
            return regions_of(self._region_table, table.path) if table else None
        except DerivativesError as error:
            if self.settings.exclude_network:
                raise
            log.warning("sub-%s: not used: %s", self.inventory.participant, error)
            return None

    @cached_property
    def _region_table(self) -> pd.DataFrame:
        """The table of the atlas's regions, as text."""
        assert self.inventory.region_table is not None  # checked by the callers
        path = self.inventory.region_table.path
        self.hashes.of(path)
        return read_table(path)

    def coordinates(self) -> tuple[dict[str, list[float]], tuple[str, ...]]:
        """Coordinates of the regions (mm) where known, and notes about them."""
        if self.extraction is not None:
            coordinates, notes = self.extraction.coordinates()
            return coordinates, (*notes, *self.extraction.atlas.notes)
        table = self.inventory.region_table
        try:
            return (coordinates_of(self._region_table, table.path) if table else {}), ()
        except DerivativesError as error:
            return {}, (f"coordinates of regions not used: {error}",)

    def write_regions(self) -> None:
        """Write the table of the regions into the output folder, if the atlas is an image."""
        if self.extraction is None or self._wrote_regions:
            return
        with self.lock.hold():
            self.extraction.write_regions()
        self._wrote_regions = True

    def runs(self, on_step: OnStep | None = None) -> tuple[Run, ...]:
        """The rated runs that can be read; the others are excluded."""
        if self._runs is None:
            self.write_regions()
            with self._locked_for_writing():
                self._runs = tuple(self._read_runs(on_step))
        return self._runs

    def _locked_for_writing(self) -> AbstractContextManager[None]:
        """Hold the lock if regional time series may be written."""
        return self.lock.hold() if self.extraction else nullcontext()

    def _read_runs(self, on_step: OnStep | None) -> Iterator[Run]:
        run_of_digest: dict[str, RunKey] = {}
        step = count_steps(on_step, len(self.inventory.runs))
        for files in self.inventory.runs:
            step()
            try:
                digest = self.hashes.of(files.series.path)
                run, record = self._read_run(files)
                original = run_of_digest.setdefault(digest, files.key)
                if original != files.key:
                    raise DerivativesError(
                        f"its time series is a copy of that of {original}. Remove one.",
                        files.series.path,
                    )
            except DerivativesError as error:
                self.excluded.append(ExcludedRun(files.key, str(error)))
                continue
            self.records.append(record)
            yield run

    def _read_run(self, files: RunFiles) -> tuple[Run, RunRecord]:
        """A run with its rating, which is not read again if it was read with another atlas."""
        if files.key not in self._rated:
            return load_run(files, self.settings, self._load)
        before, record = self._rated[files.key]
        bold = self._load(files)
        run = bold.as_run(files.key, before.rating, before.event)
        return run, replace(record, bold=bold.quality)

    def _load(self, files: RunFiles) -> Bold:
        """The regional signals of a run, made from dense BOLD if necessary."""
        if self.extraction:
            return self.extraction.load(files)
        return load_bold(files, self.settings.tr_s).only_regions_of(self.regions)

    def rest(self) -> Iterator[Run | ExcludedRun]:
        """The resting runs one at a time; for a run that cannot be read, the reason."""
        for files in self.inventory.rest:
            run: Run | ExcludedRun
            with self._locked_for_writing():
                try:
                    run = self._load(files).as_run(files.key)
                except DerivativesError as error:
                    run = ExcludedRun(files.key, str(error))
            yield run

    def dense(self) -> Dense | None:
        """Dense BOLD of the rated runs, denoised like the regions; None if there is none.

        Raises
        ------
        DerivativesError
            If it cannot be used.
        """
        if self.inventory.dense is None:
            return None
        if self.extraction is None:
            return load_dense(self.inventory.dense)
        files_by_run = {files.key: files for files in self.inventory.runs}
        clean_points = self.extraction.clean_points
        return load_dense(
            self.inventory.dense,
            lambda key, data: clean_points(files_by_run[key], data),
            sigma_mm=self.extraction.settings.smoothing_sigma_mm,
            surfaces=self.extraction.surfaces,
        )
