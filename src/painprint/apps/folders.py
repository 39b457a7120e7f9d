"""Input and output folders of the command line: chosen, and checked before anything is written."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from painprint.apps.arguments import UsageError
from painprint.errors import DerivativesError

PIPELINES = ("xcp_d", "fmriprep", "ciftify")
"""Folders of derivatives; if none is given, the first that exists is used."""


def choose_derivatives(
    bids_dir: Path, named: Sequence[Path], pipelines: Sequence[str] = PIPELINES
) -> tuple[Path, ...]:
    """The folders that were given, or the first existing folder of these pipelines.

    Raises
    ------
    UsageError
        If a dataset has none of them.
    """
    usual = [bids_dir / "derivatives" / name for name in pipelines]
    found = next((folder for folder in usual if folder.is_dir()), usual[0])
    if not named and bids_dir.is_dir() and not found.is_dir():
        raise UsageError(
            f"{bids_dir / 'derivatives'} has none of the folders {', '.join(pipelines)}. Name the "
            "folder of the preprocessed data with --derivatives; BIDS_DIR is the raw dataset."
        )
    return tuple(named) or (found,)


def check_folders(bids_dir: Path, out_dir: Path, derivatives: Sequence[Path]) -> None:
    """Check that what is written cannot be taken for input, nor input for what is written.

    Raises
    ------
    UsageError
        If the output folder is an input, lies where inputs are found, contains an input where
        results go, or is another dataset.
    """
    out = _real(out_dir)
    for folder in (bids_dir, *derivatives):
        root = _real(folder)
        if out == root:
            raise UsageError(f"OUT_DIR {out_dir} is an input too; choose another folder.")
        if out.is_relative_to(root):
            below = out.relative_to(root).parts
            holds_datasets = root.name == "derivatives" or (
                folder is not bids_dir and _real(bids_dir).is_relative_to(root)
            )
            of_participant = below[0].startswith("sub-")
            if of_participant or not (holds_datasets or _in_derivatives(below)):
                raise UsageError(
                    f"OUT_DIR {out_dir} is inside {folder / below[0] if of_participant else folder}"
                    ", where inputs are found; choose another folder, such as "
                    f"{bids_dir / 'derivatives' / 'painprint'}."
                )
        elif root.is_relative_to(out):
            first = root.relative_to(out).parts[0]
            if first.startswith("sub-") or first == "logs":
                raise UsageError(
                    f"the input {folder} is inside {out_dir / first}, where results go; choose "
                    "another OUT_DIR."
                )
    if other := other_dataset(out_dir / "dataset_description.json"):
        raise UsageError(
            f"OUT_DIR {out_dir} is another dataset ({other}), whose description would be "
            "overwritten; choose another folder."
        )


def check_reading_folder(out: Path) -> None:
    """Check that the files of a reading can be written, and not among inputs or results.

    Raises
    ------
    UsageError
        If the folder is that of a signature, of a participant, or of a dataset that painprint did
        not write, or lies in one; folders of derivatives in a dataset may be used.
    DerivativesError
        If it cannot be written.
    """
    real = _real(out)
    for folder in (real, *real.parents):
        below = real.relative_to(folder).parts
        if (folder / "signature.json").exists():
            raise UsageError(_in_the_way(out, folder, "a signature"))
        if folder.name == "decoding" and folder.parent.name.startswith("sub-"):
            raise UsageError(_in_the_way(out, folder, "the results of a participant"))
        description = folder / "dataset_description.json"
        if not description.is_file():
            continue
        if below and below[0].startswith("sub-"):
            raise UsageError(_in_the_way(out, folder / below[0], "the data of a participant"))
        if (name := other_dataset(description)) and not _in_derivatives(below):
            raise UsageError(_in_the_way(out, folder, f"a dataset ({name})"))
        break
    check_can_be_written(out)


def _in_derivatives(below: Sequence[str]) -> bool:
    """Whether a folder in a dataset, by its parts below it, is one where results may go."""
    return below[:1] == ("derivatives",)


def _in_the_way(out: Path, folder: Path, what: str) -> str:
    """Why a folder cannot be that of a reading."""
    where = "is" if folder == _real(out) else f"is inside {folder},"
    return f"--out {out} {where} the folder of {what}; choose a folder outside it for the reading."


def _real(path: Path) -> Path:
    """The path without links; a loop of links is left as it is."""
    return Path(os.path.realpath(path))


def other_dataset(description: Path) -> str:
    """Name of a dataset that painprint did not write; empty where there is none."""
    try:
        content = json.loads(description.read_text(encoding="utf-8"))
        generators = [generator["Name"] for generator in content["GeneratedBy"]]
    except KeyError:
        generators = []
    except (OSError, ValueError, TypeError):
        return ""
    if content.get("DatasetType") == "derivative" and "painprint" in generators:
        return ""
    return str(content.get("Name") or description.name)


def check_can_be_written(folder: Path) -> None:
    """Check that an output folder can be written or made; nothing is made.

    Raises
    ------
    DerivativesError
        If something else is in its place, or the permission is lacking.
    """
    there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if there.is_symlink() and not os.path.exists(there):
        reason = f"{there} is a link to {os.readlink(there)}, where there is nothing"
    elif not os.path.isdir(there):
        reason = f"{'it' if there == folder else there} is not a folder"
    elif not os.access(there, os.W_OK | os.X_OK):
        reason = f"there is no permission to write in {there}"
    else:
        return
    raise DerivativesError(f"cannot write to {folder}: {reason}. Choose another folder.")
