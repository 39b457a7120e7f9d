"""Earlier results in an output folder, which are never lost without being asked."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Literal

from painprint.errors import DerivativesError
from painprint.results.files import ParticipantFiles
from painprint.results.provenance import compare_with, only_adds_inputs
from painprint.results.read import find_results
from painprint.results.record import PAGES, find_key, find_record, state_of
from painprint.store.files import changed_files, content_key, hash_file, write_bytes
from painprint.store.staging import remove_remains, write_folder

log = logging.getLogger("painprint")

Existing = Literal["refuse", "keep", "overwrite", "never"]
"""What is done with earlier results that would be replaced; some commands never replace any."""
FOLDER = "earlier"
"""Folder of results that were kept, within the output folder."""


@dataclass(frozen=True)
class Earlier:
    """Finished results that would be replaced.

    Which files they are follows from their names; what a record says is not relied upon.

    Parameters
    ----------
    what : str
        Whose they are, such as "sub-01".
    path : Path
        Their record, or another of their files where it has been lost.
    files : sequence of Path
        Their files, with pages and figures.
    shared : sequence of Path
        Files on which they depend, and new results may too; they are copied and stay.
    can_learn : bool
        Whether `painprint learn` makes the new results of them: only inputs were added.
    differences : sequence of str
        What would get lost: what is different now. Empty for results that are out of date.
    """

    what: str
    out_dir: Path
    path: Path
    files: Sequence[Path]
    differences: Sequence[str]
    shared: Sequence[Path] = ()
    can_learn: bool = False

    def keep(self) -> None:
        """Copy the results into a folder of their own, unless a killed process has done so."""
        inside = self.path.relative_to(self.out_dir)
        for number in count(1):
            target = self._kept_in(number)
            if not target.exists():
                write_folder(target, self._key, self._copy, last=inside.parts[0])
                break
            copy = target / inside
            if copy.is_file() and copy.read_bytes() == self.path.read_bytes():
                remove_remains(target, self._key)
                break
        log.info("%s: the earlier results are kept in %s.", self.what, target)

    def remove(self) -> None:
        """Remove the results, the record last, so that a killed process can go on."""
        for path in [*(path for path in self.files if path != self.path), self.path]:
            path.unlink(missing_ok=True)
            if path.parent != self.out_dir and path.parent.is_dir():
                if not any(path.parent.iterdir()):
                    path.parent.rmdir()

    @property
    def ways_out(self) -> str:
        """What can be done about them."""
        learn = f"Add sessions with `painprint learn {self.out_dir} BIDS_DIR NEW_OUT_DIR`. "
        return (learn if self.can_learn else "") + (
            f"Choose another output folder; or add --keep, which moves the earlier results to "
            f"{self._kept_in(1)}; or --overwrite, which replaces them."
        )

    @property
    def _key(self) -> str:
        return find_key(self.path) or hash_file(self.path)

    def _kept_in(self, number: int) -> Path:
        name = f"{self.what}-{self._key[:8]}" + (f"-{number}" if number > 1 else "")
        return self.out_dir / FOLDER / name

    def _copy(self, folder: Path) -> None:
        record = find_record(self.path) or {}
        checked = {self.path.parent: record.get("outputs"), self.out_dir: record.get(PAGES)}
        for root, digests in checked.items():
            for path in changed_files(root, digests or {}):
                log.warning("%s: was changed after it was written; it is kept as it is.", path)
        description = self.out_dir / "dataset_description.json"
        for path in dict.fromkeys([description, *self.files, *self.shared]):
            if path.is_file():
                write_bytes(folder / path.relative_to(self.out_dir), path.read_bytes())


def settle(
    found: Sequence[Earlier],
    existing: Existing,
    instead: str = "Choose another output folder.",
) -> Sequence[Earlier]:
    """Decide what becomes of earlier results; those to be kept are copied at once.

    Parameters
    ----------
    instead : str
        What can be done where no results are ever replaced, as a sentence.

    Returns
    -------
    to_remove : sequence of Earlier
        Results to remove when the new ones are written.

    Raises
    ------
    DerivativesError
        If there are earlier results and nothing was said about them.
    """
    for earlier in found:
        if existing in ("refuse", "never") and earlier.differences:
            ways = earlier.ways_out if existing == "refuse" else instead
            raise DerivativesError(
                f"{earlier.what}: {earlier.out_dir} holds finished results that differ: "
                f"{'; '.join(earlier.differences)}. {ways}"
            )
        if existing == "keep":
            earlier.keep()
    return found


def earlier_decodings(files: ParticipantFiles, depends_on: Mapping[str, Any]) -> list[Earlier]:
    """Finished results of a participant that new ones would replace, or stand beside: there is
    one page per participant.

    Parameters
    ----------
    files : ParticipantFiles
        Names of the new results.
    depends_on : mapping
        What the new results depend on, part by part.
    """
    key, found = content_key(depends_on), []
    for other in find_results(files.out_dir):
        if other.participant != files.participant:
            continue
        path = other.decoding("provenance", ".json")
        record = find_record(path)
        if other.stem != files.stem:
            differences = [f"they are {other.stem}, and the new ones {files.stem}"]
        elif find_key(path) == key:
            continue  # the same, of which a file was changed
        else:
            differences = [state_of(path)] if record is None else compare_with(record, depends_on)
        own, shared = other.results()
        what = f"sub-{files.participant}"
        can_learn = (
            other.stem == files.stem and record is not None and only_adds_inputs(record, depends_on)
        )
        found.append(Earlier(what, files.out_dir, path, own, differences, shared, can_learn))
    return found
