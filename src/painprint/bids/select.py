"""Which BOLD is used: one kind for all runs, and one file of that kind for each run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from painprint.errors import DerivativesError
from painprint.files.dataset import BidsFile, Dataset, run_key
from painprint.files.multiverse import HASH
from painprint.runs import RunKey

SERIES_SUFFIXES = ("timeseries.tsv", "timeseries.ptseries.nii", "bold.ptseries.nii")
CIFTI = ".dtseries.nii"
NIFTI = (".nii.gz", ".nii")
SPACES = ("fsLR", "MNI152NLin6Asym", "MNI152NLin2009cAsym")
"""In order of preference, where a run was parcellated in several spaces."""
DENOISED = "denoised"
"""desc entity of XCP-D's residuals, and of tedana's."""
XCPD = "xcp"
"""Part of every name that XCP-D has had, in lower case."""


def is_series(file: BidsFile) -> bool:
    """Whether a file contains regional time series."""
    name = file.suffix + file.extension
    if file.entities.get("stat", "mean") != "mean":
        return False
    return name in SERIES_SUFFIXES and (bool(file.atlas) or name.endswith("ptseries.nii"))


def is_dense(file: BidsFile) -> bool:
    """Whether a file contains dense BOLD on a common mesh or template, comparable between runs."""
    if file.suffix != "bold":
        return False
    in_mni = file.entities.get("space", "").startswith("MNI")
    return file.extension == CIFTI or (file.extension in NIFTI and in_mni)


def residuals_of_xcpd(files: Iterable[BidsFile], derivatives: Sequence[Dataset]) -> list[BidsFile]:
    """The dense BOLD that XCP-D has denoised, which is not denoised again.

    A dataset is XCP-D's according to its description, or to the name of its folder.
    """
    of_xcpd = {d.name for d in derivatives if XCPD in " ".join((*d.programs, d.root.name)).lower()}
    return [
        f
        for f in files
        if is_dense(f) and f.dataset in of_xcpd and f.entities.get("desc", "").startswith(DENOISED)
    ]


class Kind(NamedTuple):
    """Extension and entities that distinguish the BOLD files of a run; all runs use one kind.

    Kinds that a preference ranks equally are sorted by these fields, in this order.
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
    """The kind of a file, from its name."""
    entities = (file.entities.get(name, "") for name in Kind._fields[1:])
    return Kind(file.extension if with_extension else "", *entities)


Criterion = Callable[[Kind, int], int]
"""Rank of a kind, given the number of runs that have it; the lowest rank is preferred."""


def _most_runs(_: Kind, n_runs: int) -> int:
    return -n_runs


def _was_cleaned(kind: Kind, _: int = 0) -> bool:
    """BOLD whose desc indicates that it was denoised before ranks last."""
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
    """Ranking of the kinds of BOLD, of which the best is used for all runs.

    Attributes
    ----------
    noun, verb : str
        Noun and verb ("exists" or "exist") of notes and errors.
    criteria : tuple of callables
        The first criterion by which two kinds differ decides.
    with_extension : bool
        Whether files of different extensions are different kinds; if not, the TSV file of a run is
        preferred to its CIFTI file.
    """

    noun: str
    verb: str
    criteria: tuple[Criterion, ...]
    with_extension: bool = False

    def kind_of(self, file: BidsFile) -> Kind:
        """The kind of a file, as distinguished by this preference."""
        return kind_of(file, with_extension=self.with_extension)


REGIONAL = Preference("time series", "exist", (_most_runs, _usual_space))
"""Regional time series, which were denoised before: the kind that most runs have, so that as few as
possible are excluded; then the surface."""

TO_BE_CLEANED = Preference(
    "dense BOLD", "exists", (_was_cleaned, _most_runs, _preprocessed, _usual_space)
)
"""Dense BOLD from which regional time series or individual parcellations are made. It is denoised
and censored here; regressing confounds out of residuals would fit them twice. Hence BOLD that was
denoised before ranks last, even if more runs have it."""

FOR_MAPS = Preference(
    "dense BOLD", "exists", (_most_runs, _cifti, _denoised, _on_surface), with_extension=True
)
"""Dense BOLD for the univariate map if regional time series come from XCP-D. Those are residuals,
and the map should show the same signal, which is not denoised again: XCP-D's residuals are
preferred, but only among the kinds that most runs have, so that the map includes as many runs as
possible."""


@dataclass(frozen=True)
class Selection:
    """The BOLD file of each run, or the reason why there is none.

    Attributes
    ----------
    kind : Kind
        The kind of the files.
    candidates : mapping
        All BOLD files, by run.
    files : mapping
        The file to be used, by run.
    problems : mapping
        Reason why a run has no file, by run.
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
    """Select one kind of BOLD for all runs, and the file of each run.

    Parameters
    ----------
    candidates : iterable of BidsFile
        Files of the first dataset come first; a run is taken from the first dataset that has it.
    kind : Kind, optional
        The kind of other runs, if it was chosen before; the choice is not noted again.

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
    hashes = [set(map(hash_of, run_files)) for run_files in by_run.values()]
    n_runs_of = Counter(label for labels in hashes for label in labels)
    if any(len(labels) > 1 for labels in hashes):
        names = ", ".join(label or "none" for label in sorted(n_runs_of))
        notes += (
            f"{preference.noun} {preference.verb} with several hashes of parameters ({names}): of "
            "each run, that which most runs have was used.",
        )
    for key, run_files in by_run.items():
        try:
            files[key] = _file_of(run_files, kind, preference, n_runs_of)
        except DerivativesError as error:
            problems[key] = str(error)
    return Selection(kind, by_run, files, problems, notes)


def note_denoised(kind: Kind) -> tuple[str, ...]:
    """Note on BOLD to be denoised that was denoised before, according to its desc."""
    if not _was_cleaned(kind):
        return ()
    return (
        f"dense BOLD as {kind} was denoised before: what is regressed out of it here is regressed "
        "out twice. Pass BOLD that was only preprocessed (desc-preproc), or regress nothing out "
        "(--nuisance-regressors none).",
    )


def _ranked(by_run: Mapping[RunKey, Sequence[BidsFile]], preference: Preference) -> list[Kind]:
    """The kinds of the files, in order of preference."""
    n_runs = Counter(k for files in by_run.values() for k in set(map(preference.kind_of, files)))
    return sorted(n_runs, key=lambda k: ([rank(k, n_runs[k]) for rank in preference.criteria], k))


def hash_of(file: BidsFile) -> str:
    """Label of the parameters with which a file was made; empty outside the multiverse layout."""
    return file.entities.get(HASH, "")


def _file_of(
    files: Sequence[BidsFile], kind: Kind, preference: Preference, n_runs_of: Mapping[str, int]
) -> BidsFile:
    """The file of this kind of a run: from the first dataset, with the hash that most runs have,
    TSV rather than CIFTI.
    """
    of_kind = [file for file in files if preference.kind_of(file) == kind]
    if not of_kind:
        kinds = ", ".join(str(preference.kind_of(file)) for file in files)
        raise DerivativesError(
            f"no {preference.noun} as {kind}, which the other runs have (only {kinds})."
        )
    of_first_dataset = [file for file in of_kind if file.dataset == of_kind[0].dataset]
    usual = min(map(hash_of, of_first_dataset), key=lambda label: (-n_runs_of[label], label))
    of_hash = [file for file in of_first_dataset if hash_of(file) == usual]
    matches = [file for file in of_hash if file.extension == ".tsv"] or of_hash
    if len(matches) > 1:
        names = ", ".join(file.path.name for file in matches)
        raise DerivativesError(f"several files match this run: {names}. Remove all but one.")
    return matches[0]
