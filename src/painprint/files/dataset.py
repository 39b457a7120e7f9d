"""BIDS datasets: files and their entities, and inherited metadata."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from painprint.errors import DerivativesError
from painprint.files.tables import MISSING, read_json, to_number
from painprint.runs import RunKey, is_digits, natural

OLD_SUFFIXES = {
    "preproc": ("bold", "preproc"),
    "brainmask": ("mask", "brain"),
    "confounds": ("timeseries", "confounds"),
}
"""Suffix and desc entity that became of the suffixes of functional files of fMRIPrep before 1.2."""
ACQUISITION = ("acq", "ce", "rec", "dir", "echo")
"""Entities that may distinguish runs of the same session, task and run label."""
DATA = (".tsv", ".tsv.gz", ".json", ".nii", ".nii.gz", ".gii")
"""Ends of the names of files that are read."""
MOST_FILES = 1_000_000
"""Upper limit for the files of a participant."""
SAME_IN_RAW = ("acq", "ce", "rec")
"""Those of them that a derivative shares with its raw run; echoes may be combined, and runs of
several phase-encoding directions concatenated."""


@dataclass(frozen=True)
class BidsFile:
    """A file of a dataset, with the parts of its name.

    Attributes
    ----------
    root : Path
        Root of its dataset.
    dataset : str
        Name of the dataset in BIDS URIs: "raw", "derivatives1", ...
    entities : dict
        Labels by entity, such as ``{"sub": "01", "task": "rating"}``.
    suffix : str
        Last part of the name without its extension.
    """

    path: Path
    root: Path
    dataset: str
    entities: Mapping[str, str] = field(hash=False)
    suffix: str
    extension: str

    @property
    def atlas(self) -> str:
        """Name of its atlas, as of :func:`atlas_name`."""
        return atlas_name(self.entities)

    @property
    def uri(self) -> str:
        """BIDS URI, which contains no path outside the dataset."""
        return f"bids:{self.dataset}:{self.path.relative_to(self.root).as_posix()}"


def parse_name(name: str) -> tuple[dict[str, str], str, str]:
    """Entities, suffix and extension of a BIDS file name.

    Examples
    --------
    >>> parse_name("sub-01_task-rest_run-02_bold.nii.gz")
    ({'sub': '01', 'task': 'rest', 'run': '02'}, 'bold', '.nii.gz')
    """
    stem, dot, extension = name.partition(".")
    entities = {}
    suffix = ""
    for part in stem.split("_"):
        key, dash, value = part.partition("-")
        if dash:
            entities[key] = value
        else:
            suffix = part
    return entities, suffix, dot + extension


def _parse_old_name(name: str) -> tuple[dict[str, str], str, str]:
    """As :func:`parse_name`, and functional files of fMRIPrep before 1.2 under today's names.

    Examples
    --------
    >>> _parse_old_name("sub-01_task-rest_bold_space-MNI152NLin2009cAsym_brainmask.nii.gz")[0]
    {'sub': '01', 'task': 'rest', 'space': 'MNI152NLin2009cAsym', 'desc': 'brain'}
    """
    entities, suffix, extension = parse_name(name)
    if suffix not in OLD_SUFFIXES or "_bold_" not in name:
        return entities, suffix, extension
    suffix, desc = OLD_SUFFIXES[suffix]
    entities["desc"] = entities.pop("variant", desc)
    return entities, suffix, extension


def atlas_name(entities: Mapping[str, str]) -> str:
    """Name of the atlas of a file: its label, with segmentation and scale; empty if there is none.

    Several segmentations and scales of one atlas are different atlases (BIDS 1.11). Some versions
    of XCP-D wrote seg for atlas.

    Examples
    --------
    >>> atlas_name({"space": "fsLR", "atlas": "Schaefer2018", "scale": "100", "seg": "7n"})
    'Schaefer2018_seg-7n_scale-100'
    >>> atlas_name({"seg": "Gordon"})
    'Gordon'
    """
    first = "atlas" if entities.get("atlas") else "seg"
    if not entities.get(first):
        return ""
    others = (name for name in ("seg", "scale") if name != first and entities.get(name))
    return "_".join([entities[first], *(f"{name}-{entities[name]}" for name in others)])


def normal_run(label: str) -> str:
    """Run label without leading zeros, so that run-1 is run-01."""
    return label.lstrip("0") or "0" if is_digits(label) else label


def run_key(entities: Mapping[str, str]) -> RunKey:
    """Session, task and run of a file; acquisition entities become part of the run label."""
    extra = "".join(f"{name}{entities[name]}" for name in ACQUISITION if name in entities)
    run = normal_run(entities["run"]) if "run" in entities else ""
    return RunKey(entities.get("ses", ""), entities.get("task", ""), extra + run)


def no_folder(path: Path, what: str = "folder", remedy: str = "Check the path.") -> str:
    """Why a path is not that of a folder, such as one of derivatives, and what to do."""
    if path.exists():
        return f"{path} is a file, not a {what}. {remedy}"
    return f"there is no {what} {path}. {remedy}"


class Dataset:
    """A BIDS dataset; each folder is listed once.

    Parameters
    ----------
    name : str
        Name of the dataset in BIDS URIs.

    Raises
    ------
    DerivativesError
        If the folder does not exist.
    """

    def __init__(self, root: Path, name: str) -> None:
        if not root.is_dir():
            raise DerivativesError(no_folder(root))
        self.root = root
        self.name = name
        self._walked: dict[Path, list[BidsFile]] = {}

    def participants(self) -> list[str]:
        """Labels of the participants that have a folder."""
        folders = (p.name for p in self.root.glob("sub-*") if p.is_dir())
        return sorted((name[4:] for name in folders), key=natural)

    def files_of(self, participant: str) -> list[BidsFile]:
        """All files in the participant's folder, in natural order of their paths."""
        return self._walk(self.root / f"sub-{participant}")

    def all_files(self) -> list[BidsFile]:
        """All files below the root."""
        return self._walk(self.root)

    def files_in(self, folder: Path) -> list[BidsFile]:
        """All files directly in a folder of the dataset."""
        return [self._file(p) for p in sorted(folder.iterdir()) if _is_file(p)]

    def shared_files(self) -> list[BidsFile]:
        """Files that belong to no participant: inherited sidecars and atlases.

        Atlases lie in folders of templates (BIDS 1.11) or of atlases, below the root, or below
        ``atlases`` or ``sourcedata/atlases``.
        """
        files = self.files_in(self.root)
        own = (path for kind in ("tpl", "atlas") for path in sorted(self.root.glob(f"{kind}-*")))
        for folder in (self.root / "atlases", self.root / "sourcedata" / "atlases", *own):
            files += self._walk(folder)
        return files

    @cached_property
    def description(self) -> dict[str, Any]:
        """Contents of dataset_description.json; empty if there is none."""
        path = self.root / "dataset_description.json"
        try:
            return read_json(path) if path.exists() else {}
        except DerivativesError as error:
            raise DerivativesError(f"the description of a dataset, {self.root}/{error}") from error

    @property
    def is_derivative(self) -> bool:
        """Whether the dataset is a derivative, according to its description."""
        return self.description.get("DatasetType") == "derivative"

    @property
    def simulated(self) -> bool:
        """Whether the dataset is simulated, according to its description."""
        texts = [self.description.get("Name", "")]
        texts += [g.get(key, "") for g in self._generators for key in ("Name", "Description")]
        return self.description.get("Simulated") is True or any(
            "simulat" in str(text).lower() for text in texts
        )

    @property
    def programs(self) -> tuple[str, ...]:
        """Names of the programs that made the dataset, according to its description."""
        return tuple(str(g["Name"]) for g in self._generators if g.get("Name"))

    @property
    def _generators(self) -> list[dict[str, Any]]:
        """GeneratedBy of the description; before BIDS 1.4, PipelineDescription."""
        found = self.description.get("GeneratedBy", self.description.get("PipelineDescription"))
        found = found if isinstance(found, list) else [found]
        return [generator for generator in found if isinstance(generator, dict)]

    def _walk(self, folder: Path) -> list[BidsFile]:
        """Files below a folder, listed once."""
        if folder not in self._walked:
            paths = sorted(_walk(folder), key=lambda p: natural(str(p)))
            self._walked[folder] = [self._file(p) for p in paths]
        return self._walked[folder]

    def _file(self, path: Path) -> BidsFile:
        return BidsFile(path, self.root, self.name, *_parse_old_name(path.name))


def _is_file(path: Path) -> bool:
    """Whether a path is a file, or is called like one and is not: a broken link, a pipe or a folder
    is not skipped but reported when read."""
    return path.name.endswith(DATA) or not path.is_dir()


def _walk(folder: Path) -> Iterator[Path]:
    """Files below a folder, linked folders included, each folder once; hidden ones are skipped."""
    seen, n_files = set(), 0
    for name, folders, files in os.walk(folder, followlinks=True, onerror=_not_listed):
        status = os.stat(name)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        called_files = [each for each in folders if each.endswith(DATA)]
        folders[:] = [f for f in folders if not f.startswith(".") and not f.endswith(DATA)]
        here = [file for file in (*files, *called_files) if not file.startswith(".")]
        n_files += len(here)
        if n_files > MOST_FILES:
            raise DerivativesError(
                f"{folder} has more than {MOST_FILES:,} files. Does a link lead out of the dataset?"
            )
        yield from (Path(name) / file for file in here)


def _not_listed(error: OSError) -> None:
    """Stop at a folder that cannot be listed, since files would be missing without a word."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return  # of atlases, which need not exist
    raise DerivativesError(
        f"the folder {error.filename} cannot be listed ({error.strerror}). Change its permissions."
    ) from error


@dataclass(frozen=True, eq=False)
class Metadata:
    """Merged metadata of a file, and the sidecars they come from."""

    values: Mapping[str, Any]
    sidecars: tuple[BidsFile, ...]

    def of_column(self, name: str) -> Mapping[str, Any]:
        """What is said of a column of the file; empty if nothing."""
        entry = self.values.get(name)
        return entry if isinstance(entry, dict) else {}


def applies(sidecar: BidsFile, file: BidsFile) -> bool:
    """Whether a file is a sidecar that applies to another by BIDS inheritance: it has the same
    suffix, lies in the file's folder or above, and has no entity that the file lacks."""
    return (
        sidecar.extension == ".json"
        and sidecar.suffix == file.suffix
        and sidecar.path.parent in file.path.parents
        and _comparable(sidecar.entities).items() <= _comparable(file.entities).items()
    )


def inherited_metadata(file: BidsFile, candidates: Iterable[BidsFile]) -> Metadata:
    """Metadata of a file by BIDS inheritance: nearer sidecars win."""
    applying = [c for c in candidates if applies(c, file)]
    ordered = sorted(applying, key=lambda c: (len(c.path.parts), len(c.entities)))
    merged: dict[str, Any] = {}
    for sidecar in ordered:
        merged.update(_read_sidecar(sidecar))
    return Metadata(merged, tuple(ordered))


def _read_sidecar(sidecar: BidsFile) -> dict[str, Any]:
    """Contents of a sidecar; several of a study may have the same name, so errors say where."""
    try:
        return read_json(sidecar.path, example='{"RepetitionTime": 0.46}')
    except DerivativesError as error:
        folder = Path(sidecar.root.name, sidecar.path.parent.relative_to(sidecar.root))
        raise DerivativesError(f"the sidecar {folder.as_posix()}/{error}") from error


def number_in(metadata: Mapping[str, Any], key: str, path: Path) -> float | None:
    """A finite number of a sidecar, which may be written as text, "0.8"; None if it is absent.

    Raises
    ------
    DerivativesError
        If it is anything else.
    """
    value = metadata.get(key)
    if value is None or (isinstance(value, str) and value in MISSING):
        return None
    if key == "SamplingFrequency" and value == "TR":
        return None  # as some versions of XCP-D write
    try:
        number = to_number(value) if isinstance(value, str) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if isinstance(value, bool) or not math.isfinite(number):
        raise DerivativesError(f"{key} in its sidecar is {value!r:.40}; a number is needed.", path)
    return number


def _comparable(entities: Mapping[str, str]) -> dict[str, str]:
    """Entities with normalised run labels."""
    return {k: normal_run(v) if k == "run" else v for k, v in entities.items()}


def raw_metadata(series: BidsFile, raw: Sequence[BidsFile]) -> Metadata:
    """Metadata of the raw BOLD run from which a time series was made.

    If no sidecar of exactly this name has a repetition time, those of other echoes, parts and
    phase-encoding directions of the run are used, provided that they agree on it.
    """
    if not raw:
        return Metadata({}, ())
    exact, *others = raw_bold_of(series, raw)
    metadata = inherited_metadata(exact, raw)
    if "RepetitionTime" in metadata.values:
        return metadata
    of_others = [inherited_metadata(other, raw) for other in others]
    of_others = [other for other in of_others if "RepetitionTime" in other.values]
    same = len({str(other.values["RepetitionTime"]) for other in of_others}) == 1
    return of_others[0] if same else metadata


def raw_bold_of(series: BidsFile, raw: Sequence[BidsFile]) -> list[BidsFile]:
    """The raw BOLD that a time series was made from, by name: of exactly its labels, then of other
    echoes, parts and phase-encoding directions of the run that have a sidecar. It need not exist.
    """
    keep = ("sub", "ses", "task", "run", *ACQUISITION)
    entities = {k: v for k, v in series.entities.items() if k in keep}
    of_run = (f for f in raw if f.suffix == "bold" and is_raw_run_of(f.entities, entities))
    named = [entities, *(f.entities for f in of_run)] if raw else []
    return [_raw_bold(labels, raw[0]) for labels in named]


def _raw_bold(entities: Mapping[str, str], beside: BidsFile) -> BidsFile:
    """Raw BOLD with these entities, in the dataset of another file."""
    folder = beside.root / f"sub-{entities.get('sub', '')}"
    if "ses" in entities:
        folder /= f"ses-{entities['ses']}"
    return BidsFile(
        folder / "func" / "bold.json", beside.root, beside.dataset, entities, "bold", ""
    )


def is_raw_run_of(raw: Mapping[str, str], series: Mapping[str, str]) -> bool:
    """Whether entities of a raw file are those of a time series, apart from echo, part and
    phase-encoding direction."""
    a, b = _comparable(raw), _comparable(series)
    return all(a.get(name) == b.get(name) for name in ("sub", "ses", "task", "run", *SAME_IN_RAW))


def check_datasets(bids_dir: Path, derivatives: Iterable[Path]) -> None:
    """Check that the folders of a study exist.

    Raises
    ------
    DerivativesError
        Naming the first that does not, and what it should be.
    """
    if not bids_dir.is_dir():
        raise DerivativesError(no_folder(bids_dir, "BIDS_DIR"))
    remedy = "Pass the output folder of XCP-D, fMRIPrep or ciftify with --derivatives."
    for folder in derivatives:
        if not folder.is_dir():
            raise DerivativesError(no_folder(folder, "folder of derivatives", remedy))
