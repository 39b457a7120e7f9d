"""Which BOLD is used: one kind for all runs, and one file of that kind for each run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from painprint.files.dataset import BidsFile, run_key
from painprint.files.errors import DerivativesError
from painprint.runs import RunKey

SERIES_SUFFIXES = ("timeseries.tsv", "timeseries.ptseries.nii", "bold.ptseries.nii")
CIFTI = ".dtseries.nii"
NIFTI = (".nii.gz", ".nii")
SPACES = ("fsLR", "MNI152NLin6Asym", "MNI152NLin2009cAsym")
"""Preferred first where a run was parcellated in several spaces."""
DENOISED = "denoised"
"""The desc of XCP-D's residuals."""


def atlas_of(file: BidsFile) -> str:
    """Atlas label; older XCP-D called the entity seg."""
    return file.entities.get("atlas") or file.entities.get("seg", "")


def is_series(file: BidsFile) -> bool:
    """Whether a file holds regional time series."""
    name = file.suffix + file.extension
    if file.entities.get("stat", "mean") != "mean":
        return False
    return name in SERIES_SUFFIXES and (bool(atlas_of(file)) or name.endswith("ptseries.nii"))


def is_dense(file: BidsFile) -> bool:
    """Whether a file holds dense BOLD that can be compared between runs."""
    if file.suffix != "bold":
        return False
    in_mni = file.entities.get("space", "").startswith("MNI")
    return file.extension == CIFTI or (file.extension in NIFTI and in_mni)


def is_denoised(file: BidsFile) -> bool:
    """Whether a file is XCP-D's residuals."""
    return file.entities.get("desc", "").startswith(DENOISED)


class Kind(NamedTuple):
    """What tells apart the BOLD files that a run may have; one kind serves all runs.

    The order of the fields decides between kinds that a preference holds to be equal.
    """

    extension: str
    space: str
    res: str
    den: str
    desc: str

    def __str__(self) -> str:
        named = [f"{k}-{v}" for k, v in self._asdict().items() if v and k != "extension"]
        return " ".join([*named, *([self.extension] if self.extension else [])]) or "no space"


def kind_of(file: BidsFile, *, with_extension: bool = False) -> Kind:
    """The kind of a file, by its name."""
    entities = (file.entities.get(name, "") for name in Kind._fields[1:])
    return Kind(file.extension if with_extension else "", *entities)


Criterion = Callable[[Kind, int], int]
"""From a kind and the number of runs that have it, a rank; the lowest is preferred."""


def _most_runs(_: Kind, n_runs: int) -> int:
    return -n_runs


def _not_cleaned(kind: Kind, _: int) -> int:
    """Last is what has a desc that says that something was taken out before."""
    return any(word in kind.desc.lower() for word in ("denois", "clean", "aroma"))


def _preprocessed(kind: Kind, _: int) -> int:
    return kind.desc not in ("", "preproc")


def _usual_space(kind: Kind, _: int) -> int:
    return SPACES.index(kind.space) if kind.space in SPACES else len(SPACES)


def _cifti(kind: Kind, _: int) -> int:
    return kind.extension != CIFTI


def _denoised(kind: Kind, _: int) -> int:
    return (kind.desc != DENOISED) + (not kind.desc.startswith(DENOISED))


def _on_surface(kind: Kind, _: int) -> int:
    return kind.space != "fsLR"


@dataclass(frozen=True)
class Preference:
    """Which kind of BOLD serves all runs where there are several.

    Attributes
    ----------
    noun, verb : str
        What is chosen from, and whether it "exists" or "exist", for notes and errors.
    criteria : tuple of callables
        The first that tells two kinds apart decides.
    with_extension : bool
        Whether files of other extensions are other kinds; if not, a run's TSV comes before its
        CIFTI file.
    """

    noun: str
    verb: str
    criteria: tuple[Criterion, ...]
    with_extension: bool = False

    def kind_of(self, file: BidsFile) -> Kind:
        """The kind of a file, as this preference tells kinds apart."""
        return kind_of(file, with_extension=self.with_extension)


REGIONAL = Preference("time series", "exist", (_most_runs, _usual_space))
"""Regional time series, which were cleaned before: that which most runs have, so that fewest are
excluded; then the surface."""

TO_BE_CLEANED = Preference(
    "dense BOLD", "exists", (_not_cleaned, _most_runs, _preprocessed, _usual_space)
)
"""Dense BOLD of which regional time series or individual areas are made. It is cleaned and censored
here, and regressing confounds out of residuals would fit them twice: what was cleaned before comes
last, even where more runs have it."""

FOR_MAPS = Preference(
    "dense BOLD", "exists", (_most_runs, _cifti, _denoised, _on_surface), with_extension=True
)
"""Dense BOLD for the univariate map beside regional time series of XCP-D. Those are residuals, and
the map is to show the same signal, which is read as it is: XCP-D's residuals come first, but after
what most runs have, so that the map is made of as many runs as can be."""


@dataclass(frozen=True)
class Selection:
    """The BOLD file of each run, or why there is none.

    Attributes
    ----------
    kind : Kind
        What the files are.
    candidates : mapping
        All files of each run.
    files : mapping
        The file to be used, by run.
    problems : mapping
        Why a run has none, by run.
    notes : tuple of str
        Choices that were made.
    """

    kind: Kind
    candidates: Mapping[RunKey, Sequence[BidsFile]]
    files: Mapping[RunKey, BidsFile]
    problems: Mapping[RunKey, str]
    notes: tuple[str, ...]

    def file_of(self, key: RunKey) -> BidsFile:
        """The file of a run.

        Raises
        ------
        DerivativesError
            If the run has none.
        """
        if key in self.problems:
            raise DerivativesError(self.problems[key])
        return self.files[key]


def select(
    candidates: Iterable[BidsFile], preference: Preference, *, kind: Kind | None = None
) -> Selection:
    """Choose one kind of BOLD for all runs, and the file of each run.

    Parameters
    ----------
    candidates : iterable of BidsFile
        Those of the first dataset come first; the first dataset that has a run serves it.
    preference : Preference
        Which kind to choose.
    kind : Kind, optional
        The kind that other runs have, where it was chosen before; it is not noted again.

    Raises
    ------
    ValueError
        If there are neither files nor a kind.
    """
    by_run: dict[RunKey, list[BidsFile]] = {}
    for file in candidates:
        by_run.setdefault(run_key(file.entities), []).append(file)
    notes: tuple[str, ...] = ()
    if kind is None:
        kind, *others = _ranked(by_run, preference)
        if others:
            names = "; ".join(map(str, (kind, *others)))
            notes = (f"{preference.noun} {preference.verb} as {names}: {kind} was used.",)
    files, problems = {}, {}
    for key, of_run in by_run.items():
        try:
            files[key] = _file_of(of_run, kind, preference)
        except DerivativesError as error:
            problems[key] = str(error)
    return Selection(kind, by_run, files, problems, notes)


def _ranked(by_run: Mapping[RunKey, Sequence[BidsFile]], preference: Preference) -> list[Kind]:
    """The kinds that there are, the preferred one first."""
    n_runs = Counter(k for files in by_run.values() for k in set(map(preference.kind_of, files)))
    return sorted(n_runs, key=lambda k: ([rank(k, n_runs[k]) for rank in preference.criteria], k))


def _file_of(files: Sequence[BidsFile], kind: Kind, preference: Preference) -> BidsFile:
    """A run's file of this kind: from the first dataset, TSV before CIFTI.

    Raises
    ------
    DerivativesError
        If there is none, or two files have the same claim.
    """
    of_kind = [file for file in files if preference.kind_of(file) == kind]
    if not of_kind:
        there = ", ".join(str(preference.kind_of(file)) for file in files)
        raise DerivativesError(
            f"no {preference.noun} as {kind}, which the other runs have (only {there})."
        )
    of_first = [file for file in of_kind if file.dataset == of_kind[0].dataset]
    equal = [file for file in of_first if file.extension == ".tsv"] or of_first
    if len(equal) > 1:
        twice = ", ".join(file.path.name for file in equal)
        raise DerivativesError(f"several files claim to be this run: {twice}. Remove all but one.")
    return equal[0]
