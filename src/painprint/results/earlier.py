"""Earlier results in an output folder, which are never lost without being asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any, Literal

from painprint.errors import DerivativesError
from painprint.results.files import ParticipantFiles
from painprint.results.provenance import compare_with
from painprint.results.read import find_results
from painprint.results.record import PAGES, find_json
from painprint.store.files import changed_files, content_key, write_bytes

Existing = Literal["refuse", "keep", "overwrite", "never"]
"""What is done with earlier results that would be replaced; some commands never replace any."""
FOLDER = "earlier"
"""Folder of results that were kept, within the output folder."""


@dataclass(frozen=True)
class Earlier:
    """Finished results that would be replaced.

    Parameters
    ----------
    what : str
        Whose they are, such as "sub-01".
    path : Path
        Their record.
    record : mapping
        Its content: ``key``, ``outputs`` and ``pages``.
    folder : Path
        Folder to which the names of outputs are relative.
    differences : sequence of str
        What is different now.
    """

    what: str
    out_dir: Path
    path: Path
    record: Mapping[str, Any]
    folder: Path
    differences: Sequence[str]

    @property
    def kept_in(self) -> Path:
        """Folder to which the results are moved if they are kept."""
        return self.out_dir / FOLDER / f"{self.what}-{str(self.record.get('key'))[:8]}"

    def remove(self) -> None:
        """Remove the results, the record first; files that other results share are kept."""
        self.path.unlink(missing_ok=True)
        for path in self._own():
            path.unlink(missing_ok=True)

    def keep(self) -> None:
        """Move the results into a folder of their own; goes on where a process was killed.

        Raises
        ------
        DerivativesError
            If a file was changed, so that they are not what they were.
        """
        outputs, inside = self._outputs, self.path.relative_to(self.out_dir)
        for path in changed_files(self.folder, outputs):
            raise DerivativesError(
                "was changed after it was written, so these results are not kept as they were. "
                "Restore it, or replace the results with --overwrite.",
                path,
            )
        if self.kept_in.exists() and not (self.kept_in / inside).is_file():
            rmtree(self.kept_in)  # which a process that was killed has left incomplete
        description = self.out_dir / "dataset_description.json"
        written = [self.folder / name for name in outputs]
        for path in [description, *written, *self._pages(), self.path]:  # the record last
            if path.is_file():
                write_bytes(self.kept_in / path.relative_to(self.out_dir), path.read_bytes())
        self.remove()

    @property
    def _outputs(self) -> Mapping[str, str]:
        return self.record.get("outputs") or {}

    def _own(self) -> Iterator[Path]:
        """Files beside the record, and the page; other folders hold inputs that are shared."""
        beside = (self.folder / name for name in self._outputs)
        yield from (path for path in beside if self.path.parent in path.parents)
        yield from self._pages()

    def _pages(self) -> list[Path]:
        return [self.out_dir / name for name in self.record.get(PAGES) or {}]


def settle(found: Sequence[Earlier], existing: Existing) -> Sequence[Earlier]:
    """Decide what becomes of earlier results.

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
        if existing in ("refuse", "never"):
            ways = "Choose another output folder"
            if existing == "refuse":
                ways += (
                    f"; or add --keep, which moves the earlier results to {earlier.kept_in}; or "
                    "--overwrite, which replaces them"
                )
            raise DerivativesError(
                f"{earlier.what}: {earlier.out_dir} holds finished results that differ: "
                f"{'; '.join(earlier.differences)}. {ways}."
            )
        if existing == "keep":
            earlier.keep()
    return found if existing == "overwrite" else ()


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
        path = other.decoding("provenance", ".json")
        record = find_json(path)
        if other.participant != files.participant or record is None:
            continue
        if other.stem == files.stem and record.get("key") == key:
            continue  # the same, of which a file was changed
        differences = compare_with(record, depends_on)
        if other.stem != files.stem:
            differences = [f"they are {other.stem}, and the new ones {files.stem}"]
        what = f"sub-{files.participant}"
        found.append(Earlier(what, files.out_dir, path, record, files.folder, differences))
    return found
