"""Names of the output files of a study."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from painprint.bids.runs import Inventory
from painprint.files.dataset import atlas_name, parse_name

HISTORY = "history.json"
"""File beside a signature that lists the earlier signatures it replaces."""

WITH_PAGE = (
    ("references", ".bib"), ("checklist", ".tsv"), ("checklist", ".json"),
    ("modelcard", ".md"), ("modelcard", ".json"),
)  # fmt: skip
"""Suffix and extension of texts that are written with the page."""


@dataclass(frozen=True)
class ParticipantFiles:
    """Names of one participant's output files.

    Parameters
    ----------
    stem : str
        Entities of the decoding, such as "sub-01_task-rating_atlas-A".
    """

    out_dir: Path
    participant: str
    stem: str

    @classmethod
    def of(cls, out_dir: Path, inventory: Inventory) -> ParticipantFiles:
        """File names for an inventory of inputs."""
        tasks = "+".join(t for t in inventory.tasks if t)
        parts = [f"sub-{inventory.participant}"]
        parts += [f"task-{tasks}"] if tasks else []
        parts += [f"atlas-{inventory.atlas}"] if inventory.atlas else []
        return cls(out_dir, inventory.participant, "_".join(parts))

    @property
    def folder(self) -> Path:
        """The participant's folder."""
        return self.out_dir / f"sub-{self.participant}"

    @property
    def anat(self) -> Path:
        """The folder of the participant's surfaces."""
        return self.folder / "anat"

    @property
    def page(self) -> Path:
        """The participant's page."""
        return self.out_dir / f"sub-{self.participant}.html"

    def decoding(self, suffix: str, extension: str) -> Path:
        """A file of the decoding."""
        return self.folder / "decoding" / f"{self.stem}_{suffix}{extension}"

    def rating_quality(self) -> Path:
        """The rating quality of the runs."""
        return self.folder / "func" / f"{self.stem}_ratingquality.tsv"

    def training(self) -> Path:
        """Trained models, kept until all results are written."""
        return self.folder / "stages" / f"{self.stem}_training.safetensors"

    def stage(self, name: str) -> Path:
        """The result of a stage, kept until all results are written."""
        return self.folder / "stages" / f"{self.stem}_{name}.json"

    def results(self) -> tuple[list[Path], list[Path]]:
        """Files of the decoding with its page and figures; and files on which it depends, which
        other decodings may share."""
        decoding, quality = self.folder / "decoding", self.rating_quality()
        own = [
            path
            for path in sorted(decoding.rglob("*"))
            if path.is_file() and path.relative_to(decoding).parts[0].startswith(f"{self.stem}_")
        ]
        own += [quality, quality.with_suffix(".json"), self.page, *self.figures()]
        folders = (self.anat, self.folder / "atlases", *sorted(self.folder.glob("**/func")))
        inputs = (path for folder in folders for path in sorted(folder.rglob("*")))
        return own, [path for path in inputs if path.is_file() and path not in own]

    def texts(self) -> list[Path]:
        """The texts that are written with the page, whether they exist or not."""
        return [self.decoding(suffix, extension) for suffix, extension in WITH_PAGE]

    def figures(self) -> list[Path]:
        """The figures that exist."""
        paths = sorted((self.folder / "figures").glob(f"{self.stem}_*.*"))
        atlas = atlas_name(parse_name(self.stem)[0])  # of which another may be a scale
        return [path for path in paths if atlas_name(parse_name(path.name)[0]) == atlas]

    def figure(self, name: str, extension: str = ".svg") -> Path:
        """A figure."""
        return self.folder / "figures" / f"{self.stem}_{name}{extension}"
