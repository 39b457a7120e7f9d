"""Regional time series from dense BOLD: denoise, average, and write them in XCP-D's format."""

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
from painprint.bids.timing import timing_sidecars
from painprint.bold.carpets import SERIES, carpet_path, write_carpet
from painprint.bold.denoise import clean_signals, count_regressors, temporal_signal_to_noise
from painprint.bold.nuisance import Cleaner, Cleaning, same_points
from painprint.dense.region_means import RegionMeans
from painprint.errors import DerivativesError
from painprint.files.dataset import BidsFile, parse_name
from painprint.files.images import Points, Series, check_complete
from painprint.files.inputs import InputHashes
from painprint.files.tables import read_json
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

METHOD = 2
"""Version of this computation; time series of a lower version are made again."""
NOTES_KEY = "Notes"
"""Key of the notes on frame times and confounds in the sidecar of a time series."""
NAME = "painprint"
"""Name of the output dataset in BIDS URIs."""
FIRST = ("sub", "ses", "task", "acq", "ce", "rec", "dir", "run", "echo")
"""Entities of a run, in the order of BIDS."""
DIGITS = ".9g"
"""Format of regional signals, at the precision of float32."""


@dataclass(eq=False)
class Extraction:
    """Makes regional time series from a participant's dense BOLD, with one run in memory at a time.

    The time series are written into the output folder with a hash of everything on which they
    depend, and used again as long as it is the same.

    Parameters
    ----------
    out_dir : Path
        Root of the output dataset.
    surfaces : Surfaces
        The participant's surfaces, for coordinates of regions and for smoothing.
    unrated_are_rest : bool
        Whether a run without a rating is a resting run; a new run to be scored is not.
    hashes : InputHashes
        Hashes of the files that are read.
    """

    out_dir: Path
    files: AtlasFiles
    settings: Settings
    surfaces: Surfaces
    unrated_are_rest: bool = True
    hashes: InputHashes = field(default_factory=InputHashes)
    cleaner: Cleaner = field(init=False)
    _parcellated: tuple[Points, Parcellation] | None = field(default=None, init=False)
    """Points and parcellation of the last run, which successive runs mostly share."""

    def __post_init__(self) -> None:
        self.cleaner = Cleaner(
            self.settings, self.surfaces, self.settings.low_pass_hz, self.unrated_are_rest
        )

    def with_atlas(self, files: AtlasFiles) -> Extraction:
        """The same extraction with another atlas of the same points."""
        return replace(self, files=files)

    @cached_property
    def atlas(self) -> Atlas:
        """The atlas, read once."""
        for file in self.files.bids_files:
            self.hashes.of(file.path)
        return read_atlas(self.files)

    @property
    def table(self) -> BidsFile:
        """Path of the table of the regions in the output folder."""
        participant = self.files.participant  # empty for an atlas of a group
        root = self.out_dir / f"sub-{participant}" if participant else self.out_dir
        folder = root / "atlases" / f"atlas-{self.files.label}"
        return self._file(folder / f"atlas-{self.files.label}_dseg.tsv")

    def write_regions(self) -> None:
        """Write the table of the regions; raises as :func:`~painprint.atlas.image.read_atlas`."""
        write_table(self.table.path, self.atlas.table)

    def coordinates(self) -> tuple[dict[str, list[float]], tuple[str, ...]]:
        """Coordinates of the regions (mm) where known, and notes about them.

        From the table of the atlas; else, for cortex, from the participant's surfaces. Coordinates
        of both kinds are combined only if the surfaces are in MNI space, as in HCP's layout.
        """
        xyz = self.atlas.table[["x", "y", "z"]].to_numpy(float)
        notes = []
        if not np.isfinite(xyz).all() and self.surfaces.paths:
            try:
                surfaces = self.surfaces.vertices()
            except DerivativesError as error:
                notes.append(f"coordinates of cortical regions are not known: {error}")
            else:
                cortical = self.atlas.coordinates(surfaces)
                in_table = xyz if self.surfaces.in_mni else np.nan
                xyz = np.where(np.isfinite(xyz), in_table, cortical)
        rows = zip(self.atlas.regions.names, xyz.tolist(), strict=True)
        return {name: row for name, row in rows if np.isfinite(row).all()}, tuple(notes)

    def load(self, files: RunFiles) -> Bold:
        """The regional signals of a run, which are made if they do not exist.

        Raises
        ------
        DerivativesError
            Naming the file, what is wrong with it, and what to do.
        """
        regional = self.regional(files)
        bold = load_bold(regional)
        (sidecar,) = regional.sidecars
        notes = (*read_json(sidecar.path)[NOTES_KEY], *bold.notes)
        return replace(bold, sources=(*files.data_files, *timing_sidecars(files)), notes=notes)

    def regional(self, files: RunFiles) -> RunFiles:
        """Files of the regional time series of a run, which are made if they do not exist."""
        series, outliers, motion = self._names(files)
        sidecar = series.with_suffix(".json")
        key = self._key(files)
        if not _is_made(sidecar, key):
            self._make(files, key)
        return RunFiles(
            key=files.key,
            series=self._file(series),
            rating=files.rating,
            outliers=self._file(outliers),
            motion=self._file(motion) if motion.is_file() else None,
            sidecars=(self._file(sidecar),),
            raw_sidecars=(),
        )

    @property
    def smoothed_on(self) -> tuple[Path, ...]:
        """Surfaces on which BOLD is smoothed; empty without smoothing, and for voxels."""
        smooth = self.settings.smoothing_sigma_mm and self.files.of_grayordinates
        return tuple(self.surfaces.paths.values()) if smooth else ()

    def open(self, files: RunFiles) -> Series:
        """Open dense BOLD of a run as :meth:`Cleaner.open`; without a mask, voxels of the atlas."""
        like = None if self.files.of_grayordinates else self.atlas.image.points
        return self.cleaner.open(files, like)

    def clean_points(self, files: RunFiles, data: NDArray[np.float32]) -> NDArray[np.float32]:
        """Denoise dense BOLD like the regions, in place: (n_kept, n_points)."""
        return self.cleaner.clean_points(files, data, self.open(files).tr_s)

    def _names(self, files: RunFiles) -> tuple[Path, Path, Path]:
        """Paths of the time series of a run, its outliers, and its motion."""
        entities = files.series.entities
        run_parts = [f"{name}-{entities[name]}" for name in FIRST if name in entities]
        folder = self.out_dir / f"sub-{entities['sub']}"
        if "ses" in entities:
            folder /= f"ses-{entities['ses']}"
        space = [f"{name}-{entities[name]}" for name in ("space", "res") if name in entities]
        tail = "_".join([*space, f"atlas-{self.files.label}", SERIES])
        names = ("_".join([*run_parts, end]) for end in (tail, "outliers.tsv", "motion.tsv"))
        series, outliers, motion = (folder / "func" / name for name in names)
        return series, outliers, motion

    def _file(self, path: Path) -> BidsFile:
        return BidsFile(path, self.out_dir, NAME, *parse_name(path.name))

    def _inputs(self, files: RunFiles) -> list[Path]:
        """Files from which the regional time series of a run are made; the atlas last."""
        paths = (file.path for file in (*files.data_files, *timing_sidecars(files)))
        return [*paths, *self.smoothed_on, *(file.path for file in self.files.bids_files)]

    def _key(self, files: RunFiles) -> str:
        """Hash of everything on which the regional time series of a run depend."""
        inputs = self._inputs(files)
        missing = [path for path in inputs if not path.exists()]
        if missing:
            raise DerivativesError(
                "is a link to a file that does not exist (datalad get?).", missing[0]
            )
        return content_key(
            {
                "method": [METHOD, version("nilearn"), version("nibabel")],
                "files": [self.hashes.of(path) for path in inputs],
                "atlas": self.files.label,
                "settings": {name: getattr(self.settings, name) for name in CLEANING},
                "resting": self.cleaner.is_rest(files),
                "tr_s": self.settings.tr_s,
            }
        )

    def _make(self, files: RunFiles, key: str) -> None:
        """Read, average, denoise and write one run."""
        series = self.open(files)
        cleaning = self.cleaner.cleaning(files, series.n_frames, series.tr_s)
        self.cleaner.check_freedom(files, cleaning)
        averages = RegionMeans.of(series, self._parcellation(series))
        signals = averages.means(min_coverage=self.settings.min_coverage)
        if not np.isfinite(signals).all(axis=0).any():
            raise DerivativesError(
                f"no region has signal in {self.settings.min_coverage:.0%} of its points "
                "(--min-coverage). Is the atlas in the same space as the BOLD?",
                files.series.path,
            )
        both = np.column_stack([signals, averages.sample])
        cleaned = clean_signals(both, cleaning.design, cleaning.kept)
        cleaned_regions, cleaned_sample = np.split(cleaned, [signals.shape[1]], axis=1)
        self.hashes.check(self._inputs(files))
        self._write(files, key, averages, cleaning, cleaned_regions, cleaned_sample)

    def check(self, files: RunFiles) -> tuple[Series, Cleaning]:
        """Check a run by its headers, length of its file and confounds, without reading its BOLD.

        Raises
        ------
        DerivativesError
            If its regional time series cannot be made.
        """
        series = self.open(files)
        check_complete(series.path, series.n_bytes)
        cleaning = self.cleaner.cleaning(files, series.n_frames, series.tr_s)
        self.cleaner.check_freedom(files, cleaning)
        self._parcellation(series)
        return series, cleaning

    def _parcellation(self, series: Series) -> Parcellation:
        """The atlas on the points of a run."""
        if self._parcellated is None or not same_points(self._parcellated[0], series.points):
            self._parcellated = (series.points, self.atlas.on(series.points))
        return self._parcellated[1]

    def _write(
        self,
        files: RunFiles,
        key: str,
        averages: RegionMeans,
        cleaning: Cleaning,
        cleaned: Matrix,
        sample: Matrix,
    ) -> None:
        """Write the files of a run; the sidecar, which marks them as complete, is last."""
        series, outliers, motion = self._names(files)
        names = self.atlas.regions.names
        coverage_path = series.with_name(series.name.replace(SERIES, "stat-coverage_bold.tsv"))
        written = [series, outliers, coverage_path, carpet_path(series)]
        sidecar = series.with_suffix(".json")
        sidecar.unlink(missing_ok=True)
        write_text(series, _numbers(names, cleaned))
        flags = pd.DataFrame({FD: (~cleaning.kept).astype(int)})
        write_table(outliers, flags)
        if cleaning.motion.empty:
            motion.unlink(missing_ok=True)
        else:
            write_table(motion, cleaning.motion)
            written.append(motion)
        write_table(coverage_path, pd.DataFrame([averages.coverage], columns=list(names)))
        usable = averages.usable[averages.sampled]
        write_carpet(
            carpet_path(series),
            carpet(np.where(usable, averages.sample, np.nan)),
            carpet(np.where(usable, sample, np.nan), cleaning.kept),
        )
        quality = self._quality(averages, cleaning, sample[:, usable], usable)
        times = cleaning.times
        sources = (*files.data_files, *times.sources)
        surfaces = {path.name: self.hashes.whole(path) for path in self.smoothed_on}
        write_json(
            sidecar,
            {
                "RepetitionTime": times.tr_s,
                "StartTime": times.start_s,
                "SamplingFrequency": 1 / times.tr_s,
                "Sources": [file.uri for file in sources],
                "Atlas": self.files.label,
                "CensoredFrames": "absent from the rows; flagged in outliers.tsv",
                "NumberOfRegressors": count_regressors(cleaning.design),
                "Cleaning": {name: getattr(self.settings, name) for name in CLEANING},
                **({"SmoothedOn": surfaces} if surfaces else {}),
                QUALITY_KEY: asdict(quality),
                NOTES_KEY: cleaning.notes,
                "Key": key,
                "Outputs": {path.name: hash_file(path) for path in written},
            },
        )

    def _quality(
        self,
        averages: RegionMeans,
        cleaning: Cleaning,
        sample: Matrix,
        usable: NDArray[np.bool_],
    ) -> BoldQuality:
        """Quality of the BOLD of a run, from its means and a sample of denoised signals."""
        scale = float(averages.mean[averages.usable].mean()) if averages.usable.any() else 0.0
        enough = averages.coverage >= self.settings.min_coverage
        return BoldQuality(
            mean_fd_mm=cleaning.mean_fd_mm,
            share_censored=float(1 - cleaning.kept.mean()),
            tsnr=temporal_signal_to_noise(
                averages.mean[averages.usable], averages.sd[averages.usable]
            ),
            dvars_before=median_dvars(averages.sample[:, usable], scale),
            dvars_after=median_dvars(sample, scale),
            share_covered=float((enough & (averages.coverage > 0)).mean()),
        )


def _is_made(sidecar: Path, key: str) -> bool:
    """Whether the files of a run exist and were made from the same inputs and settings."""
    if not sidecar.is_file():
        return False
    try:
        metadata = read_json(sidecar)
    except DerivativesError:
        return False
    outputs, notes = metadata.get("Outputs"), metadata.get(NOTES_KEY)
    return (
        metadata.get("Key") == key
        and isinstance(outputs, dict)
        and isinstance(notes, list)
        and all(isinstance(note, str) for note in notes)
        and not changed_files(sidecar.parent, outputs)
    )


def _numbers(names: tuple[str, ...], rows: Matrix) -> str:
    """A table of numbers with a header, as TSV; NaN becomes n/a."""
    line = "\t".join([f"%{DIGITS}"] * len(names)) + "\n"
    text = "".join(line % tuple(row) for row in rows).replace("nan", "n/a")
    return "\t".join(names) + "\n" + text
