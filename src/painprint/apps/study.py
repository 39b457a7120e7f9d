"""A study: its data, participants, and the files of each participant."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from painprint.apps.arguments import OtherSignatures
from painprint.apps.reader import Reader
from painprint.atlas.image import mesh_density
from painprint.atlas.surfaces import find_surfaces
from painprint.bids.filter import BidsFilter
from painprint.bids.find import DataSelection, find_runs
from painprint.bids.runs import Inventory
from painprint.bold.extract import Extraction
from painprint.errors import DerivativesError
from painprint.evidence.stages import stages_to_run
from painprint.files.dataset import Dataset, check_datasets
from painprint.files.inputs import InputHashes
from painprint.results.earlier import Existing
from painprint.results.registration import Registration
from painprint.settings import Settings
from painprint.store.lock import Lock
from painprint.wording import did_you_mean

log = logging.getLogger("painprint")


@dataclass(frozen=True)
class Study:
    """Data and settings of a study.

    Parameters
    ----------
    bids_dir : Path
        Raw BIDS dataset with the ratings.
    derivatives : sequence of Path
        Datasets with regional time series.
    n_jobs : int
        Workers; results do not depend on it.
    signatures : OtherSignatures
        Published signatures, and priors.
    bids_filter : BidsFilter
        Entities that BOLD and rating files must have.
    existing : {"refuse", "keep", "overwrite"}
        What is done with earlier results that would be replaced.
    registration : Registration, optional
        What was declared before sessions were scored.

    Raises
    ------
    DerivativesError
        If a folder or a file of a signature does not exist.
    ValueError
        If a stage to be skipped does not exist.
    """

    bids_dir: Path
    out_dir: Path
    derivatives: Sequence[Path]
    settings: Settings
    n_jobs: int = 1
    signatures: OtherSignatures = OtherSignatures()
    bids_filter: BidsFilter = BidsFilter()
    existing: Existing = "refuse"
    registration: Registration | None = None

    def __post_init__(self) -> None:
        check_datasets(self.bids_dir, self.derivatives)
        for name in ("external", "prior"):
            if missing := [path for path in getattr(self.signatures, name) if not path.exists()]:
                raise DerivativesError(f"there is no file {missing[0]} (--{name}). Check the path.")
        stages_to_run(self.settings)

    @property
    def raw(self) -> Dataset:
        """The raw dataset."""
        return Dataset(self.bids_dir, "raw")

    def participants(self) -> list[str]:
        """Labels of the participants to analyse.

        Raises
        ------
        DerivativesError
            If one of them is not in the raw dataset.
        """
        return list_participants(self.bids_dir, self.settings.participant_label)

    @property
    def datasets(self) -> list[Dataset]:
        """The derivative datasets."""
        numbered = enumerate(self.derivatives, start=1)
        return [Dataset(folder, f"derivatives{i}") for i, folder in numbered]

    def find(self, participant: str) -> Inventory:
        """The participant's files."""
        selection = DataSelection(
            self.settings.task_id,
            self.settings.rest_task,
            self.settings.session_label,
            self.settings.atlas,
            self.bids_filter,
            self.settings.not_a_covariate,
            self.settings.rating_column,
            self.settings.rates_events,
        )
        results = [Dataset(self.out_dir, "results")] if self.out_dir.is_dir() else ()
        return find_runs(self.raw, self.datasets, participant, selection, beside=results)

    def reader(self, inventory: Inventory, hashes: InputHashes | None = None) -> Reader:
        """Reader of the runs of an inventory.

        Parameters
        ----------
        hashes : InputHashes, optional
            Hashes of inputs that were hashed before.
        """
        hashes = InputHashes() if hashes is None else hashes
        extraction = None
        if inventory.image is not None:
            density = mesh_density(inventory.image)
            surfaces = find_surfaces(self.datasets, inventory.participant, density=density)
            extraction = Extraction(
                self.out_dir, inventory.image, self.settings, surfaces, hashes=hashes
            )
        lock = Lock(self.out_dir, f"sub-{inventory.participant}")
        return Reader(inventory, self.settings, hashes, lock, extraction)


def list_participants(bids_dir: Path, participant_label: Sequence[str]) -> list[str]:
    """Labels that were given, or those of all participants in the raw dataset.

    Raises
    ------
    DerivativesError
        If a label is not in the dataset.
    """
    available = Dataset(bids_dir, "raw").participants()
    wanted = [label.removeprefix("sub-") for label in participant_label]
    if "" in wanted:
        raise DerivativesError(
            f"--participant-label is empty ({participant_label[wanted.index('')]!r}); name a "
            f"participant of {bids_dir}. There are: {', '.join(available) or 'none'}."
        )
    if unknown := [label for label in wanted if label not in available]:
        raise DerivativesError(
            f"there is no participant {', '.join(unknown)} in {bids_dir}. There are: "
            f"{', '.join(available) or 'none'} (--participant-label)."
            f"{did_you_mean(unknown[0], available)}"
        )
    if not available:
        raise DerivativesError(f"there is no participant (a folder sub-*) in {bids_dir}.")
    return list(dict.fromkeys(wanted)) or available
