"""Make a new folder so that it exists whole or not at all."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

from painprint.errors import DerivativesError
from painprint.store.files import UNFINISHED, write_json
from painprint.store.lock import Lock

log = logging.getLogger("painprint")

NEW = "new"
"""Name of the lock of a new folder."""


def write_folder(target: Path, key: str, write: Callable[[Path], None], *, last: str) -> None:
    """Write a new folder, which exists whole or not at all, even if the process is killed.

    It is written into a temporary folder beside ``target`` and renamed. Where ``target`` exists
    and is empty, such as the mount point of a container, the temporary folder lies in it, and its
    content is moved out. What a killed process has left is recognised by its marker and removed.

    Parameters
    ----------
    target : Path
        A folder that is empty or does not exist.
    key : str
        What is written, and of what: the same for the same command.
    write : callable
        Writes the content into the folder that it is called with.
    last : str
        The file that is moved last, without which no reader takes the folder for complete.

    Raises
    ------
    DerivativesError
        If the folder is not empty, or another process is writing it.
    """
    target = target.absolute()
    with _lock_of(target).hold():
        places = [_Unfinished.beside(target), _Unfinished.inside(target)]
        _check_empty(target)
        if any([place.remove(target, key) for place in places]):
            log.info("%s: was finished before a process was stopped.", target)
            return
        unfinished = places[target.is_dir()]
        try:
            unfinished.begin(key)
            write(unfinished.folder)
            unfinished.finish(target, key, last)
        except BaseException:
            unfinished.remove(target, key)
            raise


def remove_remains(target: Path, key: str) -> None:
    """Remove what a process has left beside a folder that was complete when it was killed."""
    target = target.absolute()
    with _lock_of(target).hold():
        for place in (_Unfinished.beside(target), _Unfinished.inside(target)):
            place.remove(target, key)


def check_new(target: Path) -> None:
    """Check that a folder does not exist, or is empty but for remains of a killed process.

    Raises
    ------
    DerivativesError
        If it is not empty, not a folder, or another process is writing it.
    """
    target = target.absolute()
    lock = _lock_of(target)
    with lock.hold() if lock.path.exists() else nullcontext():  # removes that of a killed process
        _check_empty(target)


def _check_empty(target: Path) -> None:
    """Check that a folder does not exist, or is empty but for remains of a killed process."""
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise DerivativesError(f"{target} is not a folder; name a new one.")
    own = _Unfinished.inside(target).names() | _Unfinished.beside(target).moved()
    own.add(Lock(target, NEW).path.name)
    names = {path.name for path in target.iterdir()} if target.exists() else set()
    if others := sorted(names - own):
        raise DerivativesError(
            f"{target} is not empty (it holds {others[0]}), and nothing is ever overwritten. Name "
            "a new folder."
        )


def _lock_of(target: Path) -> Lock:
    """The lock of a new folder: beside it, or in it, where it existed before the work began."""
    if not target.name:
        raise DerivativesError(f"{target} is the root of all folders; name a new folder.")
    beside = Lock(target.parent, f"{target.name}.{NEW}")
    return Lock(target, NEW) if target.is_dir() and not beside.path.exists() else beside


@dataclass(frozen=True)
class _Unfinished:
    """A temporary folder, and the marker that says whose it is and how far the work has come."""

    folder: Path
    marker: Path

    @classmethod
    def beside(cls, target: Path) -> _Unfinished:
        name = f".{target.name}.unfinished"
        return cls(target.with_name(name), target.with_name(f"{name}.json"))

    @classmethod
    def inside(cls, target: Path) -> _Unfinished:
        return cls(target / ".unfinished", target / ".unfinished.json")

    def begin(self, key: str) -> None:
        write_json(self.marker, {"key": key, "moved": []})
        self.folder.mkdir()

    def finish(self, target: Path, key: str, last: str) -> None:
        """Rename the folder, or move its content into the folder around it, ``last`` last."""
        names = [*sorted({path.name for path in self.folder.iterdir()} - {last}), last]
        write_json(self.marker, {"key": key, "moved": names})
        if self.folder.parent == target:
            for name in names:
                os.rename(self.folder / name, target / name)
            self.folder.rmdir()
        else:
            os.rename(self.folder, target)
        self.marker.unlink()

    def remove(self, target: Path, key: str) -> bool:
        """Remove what is unfinished; True if the same work was finished and only its marker left.

        Raises
        ------
        DerivativesError
            If a folder of somebody's own has the name of the temporary one.
        """
        content = self._read()
        for path in self._parts():
            path.unlink(missing_ok=True)
        if content is None:
            if self.folder.exists():
                raise DerivativesError(f"{self.folder} is in the way: move it.")
            return False
        finished = not self.folder.exists() and bool(content["moved"])
        same = content["key"] == key
        if not finished:
            for name in content["moved"]:
                _remove(target / name)
            if self.folder.exists():
                rmtree(self.folder)
            if not same:
                log.info("%s: unfinished work of another command was removed.", target)
        elif not same and target.exists():
            self.marker.unlink()
            _check_empty(target)  # which now holds what the other command has finished
        self.marker.unlink(missing_ok=True)
        return finished and same

    def names(self) -> set[str]:
        """Names of the temporary folder, its marker, and what was moved out."""
        marked = {self.folder.name, self.marker.name} if self._read() is not None else set()
        return marked | {path.name for path in self._parts()} | self.moved()

    def moved(self) -> set[str]:
        """Names of what was moved, or is being moved, to the target."""
        content = self._read()
        return set(content["moved"]) if content is not None else set()

    def _parts(self) -> list[Path]:
        """Markers that were not written to their end."""
        return list(self.marker.parent.glob(f".{self.marker.name}.*{UNFINISHED}"))

    def _read(self) -> dict[str, Any] | None:
        """The marker; None if there is none of ours."""
        try:
            content = json.loads(self.marker.read_bytes())
            moved = [str(name) for name in content["moved"]]
            if any(Path(name).name != name for name in moved):
                return None  # of another folder
            return {"key": str(content["key"]), "moved": moved}
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        rmtree(path)
    else:
        path.unlink(missing_ok=True)
