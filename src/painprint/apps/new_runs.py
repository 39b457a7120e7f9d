"""New runs that a signature is applied to: which and whose they are, and how dense BOLD is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from painprint.atlas.image import AtlasFiles, find_atlases, mesh_density
from painprint.atlas.surfaces import Surfaces, find_surfaces
from painprint.bids.find import find_unrated_run
from painprint.bids.load import Bold
from painprint.bids.runs import RunFiles
from painprint.errors import DerivativesError
from painprint.files.dataset import Dataset
from painprint.files.inputs import InputHashes
from painprint.runs import RunKey
from painprint.settings import Settings
from painprint.signature.model import Signature
from painprint.signature.person import PersonMatch

if TYPE_CHECKING:
    from painprint.bold.extract import Extraction

NO_SURFACES = Surfaces({}, in_mni=False)


def match_person(
    signature: Signature, run_files: Sequence[RunFiles], *, allowed: bool
) -> PersonMatch:
    """Compare the label of the person of new runs with that of the signature.

    Raises
    ------
    DerivativesError
        If they differ and that is not allowed.
    """
    series = run_files[0].series.path
    person = PersonMatch(signature.participant, _label_of(run_files[0]), allowed)
    try:
        person.check_labels()
    except ValueError as error:
        raise DerivativesError(str(error), series) from error
    return person


def _label_of(files: RunFiles) -> str:
    """The label of the person of a run: of the file name, else of the folder; empty if unknown."""
    folders = (p.name for p in files.series.path.absolute().parents)
    of_folder = next((name for name in folders if name.startswith("sub-")), "")
    return files.series.entities.get("sub") or of_folder.removeprefix("sub-")


def check_atlas(signature: Signature, image: AtlasFiles, hashes: InputHashes) -> None:
    """Check that the atlas for new dense BOLD is the one with which the signature was trained.

    Raises
    ------
    DerivativesError
        If the signature was not trained on dense BOLD, or with another image.
    """
    if signature.origin.dense is None:
        raise DerivativesError(
            "dense BOLD cannot be read: the signature was trained on regional time series that "
            "were made elsewhere. Make those of the new runs in the same way."
        )
    if hashes.whole(image.image) != signature.origin.atlas_image_sha256:
        raise DerivativesError(
            f"is not the atlas with which the signature was trained "
            f"({signature.origin.atlas_image}), by its SHA-256.",
            image.image,
        )


def find_new_runs(runs: Sequence[Path]) -> list[RunFiles]:
    """The files of each run, which must be different runs of one person and one task.

    Raises
    ------
    DerivativesError
        If they are not.
    """
    run_files = [find_unrated_run(path) for path in runs]
    people = sorted({_label_of(files) for files in run_files})
    if len(people) > 1:
        names = ", ".join(f"sub-{person}" if person else "without a label" for person in people)
        raise DerivativesError(f"these are runs of several people ({names}); give those of one.")
    tasks = sorted({files.key.task for files in run_files})
    if len(tasks) > 1:
        raise DerivativesError(
            f"these are runs of several tasks ({', '.join(tasks)}), which would be averaged; give "
            "those of one."
        )
    file_of_run: dict[RunKey, str] = {}
    for files in run_files:
        name = files.series.path.name
        if files.key in file_of_run:
            raise DerivativesError(
                f"{files.key} is given more than once: {file_of_run[files.key]}, {name}."
            )
        file_of_run[files.key] = name
    return run_files


class DenseRuns:
    """Makes regional signals of new runs of dense BOLD as in the study; the atlas is read once."""

    def __init__(
        self, signature: Signature, atlas: str | None, out_dir: Path, tr_s: float | None
    ) -> None:
        self.signature = signature
        self.atlas = atlas
        self.tr_s = tr_s
        self.out_dir = out_dir
        self.hashes = InputHashes()
        self._extraction: Extraction | None = None

    def load(self, files: RunFiles) -> Bold:
        """The regional signals of a run.

        Raises
        ------
        DerivativesError
            If the run cannot be used, or the atlas is not that of the study.
        """
        from painprint.bold.extract import Extraction  # compiles code

        if self.atlas is None:
            raise DerivativesError(
                "is dense BOLD: pass the study's atlas with --atlas.", files.series.path
            )
        image = self._extraction.files if self._extraction else self._find_image(self.atlas)
        settings = Settings(tr_s=self.tr_s, **(self.signature.origin.dense or {}))
        smooth = settings.smoothing_sigma_mm
        surfaces = _surfaces_beside(files, mesh_density(image)) if smooth else NO_SURFACES
        if self._extraction is None or self._extraction.surfaces != surfaces:
            self._extraction = Extraction(
                self.out_dir, image, settings, surfaces, unrated_are_rest=False, hashes=self.hashes
            )
        return self._extraction.load(files)

    def _find_image(self, atlas: str) -> AtlasFiles:
        """The atlas image of the study, identified by its hash."""
        images = find_atlases(atlas, [])
        if not images:
            raise DerivativesError(f"there is no atlas image {atlas}: pass its path with --atlas.")
        wanted = self.signature.origin.atlas_image_sha256
        same = (image for image in images if self.hashes.whole(image.image) == wanted)
        chosen = next(same, images[0])
        check_atlas(self.signature, chosen, self.hashes)
        return chosen


def _surfaces_beside(files: RunFiles, density: str) -> Surfaces:
    """The participant's surfaces of this density in the dataset of the run."""
    label = files.series.entities.get("sub", "")
    folders = files.series.path.absolute().parents
    root = next((folder.parent for folder in folders if folder.name == f"sub-{label}"), None)
    if root is None:
        return NO_SURFACES
    return find_surfaces([Dataset(root, "run")], label, density=density)
