"""Reads one participant's runs, each of them once, and remembers what to say of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from painprint.atlas.image import AtlasFiles
from painprint.atlas.table import places_of, regions_of
from painprint.bids.dense import load_dense
from painprint.bids.load import Bold, RunRecord, load_bold, load_run
from painprint.bids.runs import Inventory, RunFiles
from painprint.bold.extract import Extraction
from painprint.dense.image import Dense
from painprint.files.errors import DerivativesError
from painprint.files.inputs import InputHashes
from painprint.files.tables import read_table
from painprint.progress import OnStep, count_steps
from painprint.regions import Regions
from painprint.results.steps import Lock
from painprint.runs import LeftOutRun, Run, RunKey
from painprint.settings import Settings

log = logging.getLogger("painprint")


class Reader:
    """Reads one participant's runs, each of them once.

    Rated runs are kept in memory, for they are asked for again and again; resting runs and dense
    BOLD, which are larger or read by one stage alone, are not.

    Parameters
    ----------
    inventory : Inventory
        Which runs there are.
    settings : Settings
        How ratings are read.
    hashes : InputHashes
        Of the files that are read.
    lock : Lock
        Of the participant's outputs, among which regional time series of dense BOLD are kept.
    extraction : Extraction, optional
        Makes regional time series of dense BOLD.

    Attributes
    ----------
    records : list of RunRecord
        Of the runs that were read.
    left_out : list of LeftOutRun
        Runs that cannot be used, and why.
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
        self.left_out = list(inventory.left_out)
        self._wrote_regions = False
        self._runs: tuple[Run, ...] | None = None
        self._rated: dict[RunKey, tuple[Run, RunRecord]] = {}

    def with_atlas(self, image: AtlasFiles) -> Reader:
        """Reads the same runs of dense BOLD with other regions; ratings are not read again."""
        assert self.extraction is not None  # or there is no image of an atlas
        inventory = replace(self.inventory, atlas=image.label, image=image)
        extraction = self.extraction.with_atlas(image)
        other = Reader(inventory, self.settings, self.hashes, self.lock, extraction)
        read = zip(self.runs(), self.records, strict=True)
        other._rated = {run.key: (run, record) for run, record in read}
        return other

    @cached_property
    def regions(self) -> Regions | None:
        """Names and networks of the atlas's regions, where there is a table that can be read."""
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
        assert self.inventory.region_table is not None  # asked before
        path = self.inventory.region_table.path
        self.hashes.of(path)
        return read_table(path)

    def places(self) -> tuple[dict[str, list[float]], tuple[str, ...]]:
        """Where the regions lie (mm), as far as it is known, and what to say of it."""
        if self.extraction is not None:
            found, notes = self.extraction.places()
            return found, (*notes, *self.extraction.atlas.notes)
        table = self.inventory.region_table
        try:
            return (places_of(self._region_table, table.path) if table else {}), ()
        except DerivativesError as error:
            return {}, (f"places of regions not used: {error}",)

    @property
    def smoothed_on(self) -> tuple[Path, ...]:
        """Surfaces on which dense BOLD is smoothed; none where it is not."""
        return self.extraction.smoothed_on if self.extraction else ()

    def write_regions(self) -> None:
        """Write the regions of an atlas that is an image as a table beside the results."""
        if self.extraction is None or self._wrote_regions:
            return
        with self.lock.hold():
            self.extraction.write_regions()
        self._wrote_regions = True

    def runs(self, on_step: OnStep | None = None) -> tuple[Run, ...]:
        """The rated runs that can be read; the others are left out."""
        if self._runs is None:
            self.write_regions()
            with self._keeping():
                self._runs = tuple(self._read_runs(on_step))
        return self._runs

    def _keeping(self) -> AbstractContextManager[None]:
        """Holds the lock where regional time series may be made and kept."""
        return self.lock.hold() if self.extraction else nullcontext()

    def _read_runs(self, on_step: OnStep | None) -> Iterator[Run]:
        first_with: dict[str, RunKey] = {}
        step = count_steps(on_step, len(self.inventory.runs))
        for files in self.inventory.runs:
            step()
            try:
                digest = self.hashes.of(files.series.path)
                run, record = self._read_run(files)
                same = first_with.setdefault(digest, files.key)
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

    def _read_run(self, files: RunFiles) -> tuple[Run, RunRecord]:
        """A run with its rating, which is not read again where other regions were read before."""
        if files.key not in self._rated:
            return load_run(files, self.settings, self._load)
        before, record = self._rated[files.key]
        bold = self._load(files)
        return bold.as_run(files.key, before.rating), replace(record, bold=bold.quality)

    def _load(self, files: RunFiles) -> Bold:
        """The regional signals of a run, made of dense BOLD where need be."""
        return self.extraction.load(files) if self.extraction else load_bold(files)

    def rest(self) -> Iterator[Run | LeftOutRun]:
        """The resting runs one at a time, those that cannot be read with the reason."""
        for files in self.inventory.rest:
            with self._keeping():
                read = self._read_resting(files)
            yield read

    def _read_resting(self, files: RunFiles) -> Run | LeftOutRun:
        try:
            bold = self._load(files)
            return bold.as_run(files.key, np.full(len(bold.signals), np.nan))
        except DerivativesError as error:
            return LeftOutRun(files.key, str(error))

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
