"""Regional time series from dense BOLD: clean, average, write them as XCP-D does, and keep them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.arrays import Matrix
from painprint.atlas.image import Atlas, AtlasFiles, read_atlas
from painprint.atlas.surfaces import Surfaces
from painprint.bids.load import QUALITY_KEY, Bold, load_bold
from painprint.bids.runs import RunFiles
from painprint.bold.carpets import carpet_path, write_carpet
from painprint.bold.denoise import (
    clean_signals,
    count_regressors,
    temporal_signal_to_noise,
)
from painprint.bold.nuisance import Cleaner, Cleaning, same_points
from painprint.dense.region_means import RegionMeans
from painprint.files.dataset import BidsFile, inherited_metadata, parse_name, raw_bold
from painprint.files.errors import DerivativesError
from painprint.files.gifti import read_surface
from painprint.files.images import STRUCTURES, Points, Series
from painprint.files.inputs import InputHashes
from painprint.files.tables import read_json
from painprint.parallel import read_ahead
from painprint.quality import BoldQuality, carpet, median_dvars
from painprint.regions import Parcellation
from painprint.runs import FD
from painprint.settings import CLEANING, Settings
from painprint.store.files import (
    changed_files,
    content_key,
    hash_file,
    write_json,
    write_table,
    write_text,
)

METHOD = 1
"""Of making regional time series; a higher number makes what is kept be made again."""
NAME = "painprint"
"""Of the output dataset, in BIDS URIs."""
FIRST = ("sub", "ses", "task", "acq", "ce", "rec", "dir", "run", "echo")
"""Entities of a run, in BIDS's order."""
DIGITS = ".9g"
"""Of a regional signal: float32 carries no more."""


@dataclass(eq=False)
class Extraction:
    """Makes regional time series of one participant's dense BOLD, one run in memory at a time.

    What is made is kept beside the results, with a key of all it depends on, and used again.

    Parameters
    ----------
    out_dir : Path
        Root of the output dataset.
    surfaces : Surfaces
        The participant's own, for the regions' places and to smooth on.
    unrated_are_rest : bool
        Whether a run without a rating is a resting run; a new run to be scored is not.
    hashes : InputHashes
        Of the files that are read.
    """

    out_dir: Path
    files: AtlasFiles
    settings: Settings
    surfaces: Surfaces
    unrated_are_rest: bool = True
    hashes: InputHashes = field(default_factory=InputHashes)
    cleaner: Cleaner = field(init=False)
    _laid: tuple[Points, Parcellation] | None = field(default=None, init=False)
    """The atlas on the last run's points, which successive runs mostly share."""

    def __post_init__(self) -> None:
        self.cleaner = Cleaner(
            self.settings, self.surfaces, self.settings.low_pass_hz, self.unrated_are_rest
        )

    def with_atlas(self, files: AtlasFiles) -> Extraction:
        """The same with another atlas of the same points."""
        return replace(self, files=files)

    @cached_property
    def atlas(self) -> Atlas:
        """The atlas, read once."""
        for file in self.files.bids_files:
            self.hashes.of(file.path)
        return read_atlas(self.files)

    @property
    def table(self) -> BidsFile:
        """Where the table of the atlas's regions is kept, beside the results."""
        own = self.files.participant
        root = self.out_dir / f"sub-{own}" if own else self.out_dir
        folder = root / "atlases" / f"atlas-{self.files.label}"
        return self._file(folder / f"atlas-{self.files.label}_dseg.tsv")

    def write_regions(self) -> None:
        """Write the table of the atlas's regions: names, networks, places.

        Raises
        ------
        DerivativesError
            If the atlas cannot be read.
        """
        write_table(self.table.path, self.atlas.table)

    def places(self) -> tuple[dict[str, list[float]], tuple[str, ...]]:
        """Where the regions lie (mm), and what to say of it.

        As the table says; else cortex from the participant's surfaces. Subcortical voxels join them
        only where both are in MNI space, as in HCP's layout.
        """
        place = self.atlas.table[["x", "y", "z"]].to_numpy(float)
        notes = []
        if not np.isfinite(place).all() and self.surfaces.paths:
            try:
                known = {STRUCTURES[s]: read_surface(p)[0] for s, p in self.surfaces.paths.items()}
            except DerivativesError as error:
                notes.append(f"places of cortical regions are not known: {error}")
            else:
                of_cortex = self.atlas.places(known)
                if self.surfaces.in_mni:
                    place = np.where(np.isfinite(place), place, of_cortex)
                else:
                    place = np.where(np.isfinite(place), np.nan, of_cortex)
        found = zip(self.atlas.regions.names, place.tolist(), strict=True)
        return {name: one for name, one in found if np.isfinite(one).all()}, tuple(notes)

    def load(self, files: RunFiles) -> Bold:
        """The regional signals of a run, made now or before.

        Raises
        ------
        DerivativesError
            Naming the file, what is wrong with it, and what to do.
        """
        bold = load_bold(self.regional(files))
        own = inherited_metadata(files.series, files.sidecars)
        raw = raw_bold(files.series, files.raw_sidecars)
        return replace(bold, sources=(*files.own, *own.sidecars, *raw.sidecars))

    def regional(self, files: RunFiles) -> RunFiles:
        """The regional time series of a run and what lies beside it, made now or before."""
        stem, series = self._names(files)
        sidecar, outliers = series.with_suffix(".json"), stem.with_name(f"{stem.name}_outliers.tsv")
        motion = stem.with_name(f"{stem.name}_motion.tsv")
        key = self._key(files)
        if not _is_made(sidecar, key):
            self._make(files, key)
        return RunFiles(
            key=files.key,
            series=self._file(series),
            rating=files.rating,
            outliers=self._file(outliers),
            motion=self._file(motion),
            sidecars=(self._file(sidecar),),
            raw_sidecars=files.raw_sidecars,
        )

    @property
    def smoothed_on(self) -> tuple[Path, ...]:
        """Surfaces on which BOLD is smoothed; none where it is not, or where it is of voxels."""
        smooth = self.settings.smoothing_sigma_mm and self.files.of_grayordinates
        return tuple(self.surfaces.paths.values()) if smooth else ()

    def open(self, files: RunFiles) -> Series:
        """The dense BOLD of a run, to be read in blocks; voxels of the atlas if it has no mask.

        Raises
        ------
        DerivativesError
            If it cannot be read, or smoothing is asked for that cannot be done.
        """
        like = None if self.files.of_grayordinates else self.atlas.image.points
        return self.cleaner.open(files, like)

    def clean_points(self, files: RunFiles, data: NDArray[np.float32]) -> NDArray[np.float32]:
        """Clean dense BOLD as the regions were, in place: (n_kept, n_points)."""
        return self.cleaner.clean_points(files, data, self.open(files).tr_s)

    def _names(self, files: RunFiles) -> tuple[Path, Path]:
        """Beginning of the names of a run's files, and the time series."""
        said = files.series.entities
        of_run = [f"{name}-{said[name]}" for name in FIRST if name in said]
        folder = self.out_dir / f"sub-{said['sub']}"
        if "ses" in said:
            folder /= f"ses-{said['ses']}"
        stem = folder / "func" / "_".join(of_run)
        where = [f"{name}-{said[name]}" for name in ("space", "res") if name in said]
        tail = "_".join([*where, f"atlas-{self.files.label}", "stat-mean_timeseries.tsv"])
        return stem, stem.with_name(f"{stem.name}_{tail}")

    def _file(self, path: Path) -> BidsFile:
        return BidsFile(path, self.out_dir, NAME, *parse_name(path.name))

    def _inputs(self, files: RunFiles) -> list[Path]:
        """What the regional time series of a run are made of; the atlas last."""
        sidecars = inherited_metadata(files.series, files.sidecars).sidecars
        raw = raw_bold(files.series, files.raw_sidecars).sidecars
        read = (file.path for file in (*files.own, *sidecars, *raw))
        return [*read, *self.smoothed_on, *(file.path for file in self.files.bids_files)]

    def _key(self, files: RunFiles) -> str:
        """What the regional time series of a run depend on."""
        inputs = self._inputs(files)
        missing = [path for path in inputs if not path.exists()]
        if missing:
            raise DerivativesError(
                "is a link to a file that is not there (datalad get?).", missing[0]
            )
        return content_key(
            {
                "method": [METHOD, version("nilearn"), version("nibabel")],
                "files": [self.hashes.of(path) for path in inputs],
                "atlas": self.files.label,
                "settings": {name: getattr(self.settings, name) for name in CLEANING},
                "resting": self.cleaner.is_rest(files),
            }
        )

    def _make(self, files: RunFiles, key: str) -> None:
        """Read, average, clean and write one run."""
        series = self.open(files)
        cleaning = self.cleaner.cleaning(files, series.n_frames, series.tr_s)
        self.cleaner.check_freedom(files, cleaning)
        gathered = RegionMeans(self._parcellation(series), series.n_frames)
        for first, block in read_ahead(series.blocks()):
            gathered.add(first, block)
        signals = gathered.means(min_coverage=self.settings.min_coverage)
        if not np.isfinite(signals).all(axis=0).any():
            raise DerivativesError(
                f"no region has signal in {self.settings.min_coverage:.0%} of its points "
                "(--min-coverage). Is the atlas in the same space?",
                files.series.path,
            )
        both = np.column_stack([signals, gathered.sample])
        cleaned = clean_signals(both, cleaning.design, cleaning.kept)
        of_regions, of_sample = np.split(cleaned, [signals.shape[1]], axis=1)
        self.hashes.check(self._inputs(files))
        self._write(files, key, gathered, cleaning, of_regions, of_sample)

    def check(self, files: RunFiles) -> Series:
        """Whatever can be known of a run by headers and confounds.

        Raises
        ------
        DerivativesError
            If its regional time series could not be made.
        """
        series = self.open(files)
        cleaning = self.cleaner.cleaning(files, series.n_frames, series.tr_s)
        self.cleaner.check_freedom(files, cleaning)
        self._parcellation(series)
        return series

    def _parcellation(self, series: Series) -> Parcellation:
        """The atlas on a run's points."""
        if self._laid is None or not same_points(self._laid[0], series.points):
            self._laid = (series.points, self.atlas.on(series.points))
        return self._laid[1]

    def _write(
        self,
        files: RunFiles,
        key: str,
        gathered: RegionMeans,
        cleaning: Cleaning,
        cleaned: Matrix,
        sample: Matrix,
    ) -> None:
        """Write what was made; the sidecar, which says that all is there, last."""
        stem, series = self._names(files)
        names = self.atlas.regions.names
        beside = {suffix: stem.with_name(f"{stem.name}_{suffix}") for suffix in
                  ("outliers.tsv", "motion.tsv")}  # fmt: skip
        coverage_path = series.with_name(
            series.name.replace("stat-mean_timeseries", "stat-coverage_bold")
        )
        sidecar = series.with_suffix(".json")
        sidecar.unlink(missing_ok=True)
        write_text(series, _numbers(names, cleaned))
        flags = pd.DataFrame({FD: (~cleaning.kept).astype(int)})
        write_table(beside["outliers.tsv"], flags)
        write_table(beside["motion.tsv"], cleaning.motion)
        write_table(coverage_path, pd.DataFrame([gathered.coverage], columns=list(names)))
        usable = gathered.usable[gathered.sampled]
        write_carpet(
            carpet_path(series),
            carpet(np.where(usable, gathered.sample, np.nan)),
            carpet(np.where(usable, sample, np.nan), cleaning.kept),
        )
        quality = self._quality(gathered, cleaning, sample[:, usable], usable)
        written = (series, *beside.values(), coverage_path, carpet_path(series))
        sources = (*files.own, *cleaning.sources)
        start = {} if cleaning.start_s is None else {"StartTime": cleaning.start_s}
        surfaces = {path.name: self.hashes.whole(path) for path in self.smoothed_on}
        write_json(
            sidecar,
            {
                "RepetitionTime": cleaning.tr_s,
                **start,
                "SamplingFrequency": 1 / cleaning.tr_s,
                "Sources": [file.uri for file in sources],
                "Atlas": self.files.label,
                "CensoredFrames": "left out of the rows; flagged in outliers.tsv",
                "NumberOfRegressors": count_regressors(cleaning.design),
                "Cleaning": {name: getattr(self.settings, name) for name in CLEANING},
                **({"SmoothedOn": surfaces} if surfaces else {}),
                QUALITY_KEY: asdict(quality),
                "Key": key,
                "Outputs": {path.name: hash_file(path) for path in written},
            },
        )

    def _quality(
        self,
        gathered: RegionMeans,
        cleaning: Cleaning,
        sample: Matrix,
        usable: NDArray[np.bool_],
    ) -> BoldQuality:
        scale = float(gathered.mean[gathered.usable].mean()) if gathered.usable.any() else 0.0
        enough = gathered.coverage >= self.settings.min_coverage
        return BoldQuality(
            mean_fd_mm=float(cleaning.motion[FD].mean()),
            share_censored=float(1 - cleaning.kept.mean()),
            tsnr=temporal_signal_to_noise(
                gathered.mean[gathered.usable], gathered.sd[gathered.usable]
            ),
            dvars_before=median_dvars(gathered.sample[:, usable], scale),
            dvars_after=median_dvars(sample, scale),
            share_covered=float((enough & (gathered.coverage > 0)).mean()),
        )


def _is_made(sidecar: Path, key: str) -> bool:
    """Whether all of it is there, made of the same files in the same way."""
    if not sidecar.is_file():
        return False
    try:
        noted = read_json(sidecar)
    except DerivativesError:
        return False
    outputs = noted.get("Outputs")
    return (
        noted.get("Key") == key
        and isinstance(outputs, dict)
        and not changed_files(sidecar.parent, outputs)
    )


def _numbers(names: tuple[str, ...], rows: Matrix) -> str:
    """A table of numbers under a header, as TSV; n/a where there is none."""
    form = "\t".join([f"%{DIGITS}"] * len(names)) + "\n"
    text = "".join(form % tuple(row) for row in rows).replace("nan", "n/a")
    return "\t".join(names) + "\n" + text
