"""Earlier results in an output folder, which are never lost without being asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any, Literal

from painprint.errors import DerivativesError
from painprint.results.record import PAGES
from painprint.store.files import changed_files, plain, write_bytes

Existing = Literal["refuse", "keep", "overwrite", "never"]
"""What is done with earlier results that would be replaced; some commands never replace any."""
FOLDER = "earlier"
"""Folder of results that were kept, within the output folder."""
MOST_NAMED = 3


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


def compare(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Differences of two studies, by their settings, versions, inputs and so on.

    Parameters
    ----------
    before, now : mapping
        What results depend on, part by part; parts that are mappings are compared entry by entry.
    """
    before, now = plain(before), plain(now)
    lines = []
    for part in now:
        old, new = before.get(part), now[part]
        if old == new:
            continue
        if not (isinstance(old, dict) and isinstance(new, dict)):
            lines.append(f"{part} differ")
            continue
        names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        shown = [_change(name, old, new) for name in names[:MOST_NAMED]]
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        lines.append(f"{part}: {', '.join(shown)}{more}")
    return lines or ["what they depend on was not recorded"]


def _change(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    if name not in new:
        return f"{name} is not there any more"
    if name not in old:
        return f"{name} is new"
    short = all(len(str(side[name])) <= 40 for side in (old, new))
    return f"{name} was {old[name]} and is {new[name]}" if short else f"{name} was changed"
