"""Whether the workers of a cluster see the folders of a study as this computer does."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from painprint.apps.study import Study
from painprint.store.files import hash_input, write_text

MARKS = ("sub-*", "*.json")
"""Names by which a folder is recognised."""


def with_absolute_paths(study: Study) -> Study:
    """The same study, from wherever it is run."""
    settings, signatures = study.settings, study.signatures
    if settings.atlas is not None and os.path.exists(settings.atlas):
        settings = replace(settings, atlas=os.path.abspath(settings.atlas))
    return replace(
        study,
        bids_dir=study.bids_dir.absolute(),
        out_dir=study.out_dir.absolute(),
        derivatives=[folder.absolute() for folder in study.derivatives],
        settings=settings,
        signatures=replace(
            signatures,
            external=tuple(path.absolute() for path in signatures.external),
            prior=tuple(path.absolute() for path in signatures.prior),
        ),
    )


def mark_folders(study: Study) -> dict[Path, str]:
    """What this computer sees at the paths of a study, which is made absolute before.

    The output folder gets a file with a random number, which no other folder has.
    """
    token = study.out_dir / "logs" / "cluster.txt"
    write_text(token, secrets.token_hex(16))
    inputs = [study.bids_dir, *study.derivatives, *study.signatures.external]
    inputs += study.signatures.prior
    if study.settings.atlas is not None and os.path.isabs(study.settings.atlas):
        inputs.append(Path(study.settings.atlas))
    return {path: _mark(path) for path in (token, *inputs)}


def differences_of_folders(marks: Mapping[Path, str], out_dir: Path) -> str:
    """A sentence on a path that is seen otherwise here; empty if there is none.

    Parameters
    ----------
    marks : mapping
        What another computer sees at each path.
    """
    remedy = (
        "Workers need the folders of the study under the same paths, on a file system that all of "
        "them share."
    )
    for path, mark in marks.items():
        if _mark(path) != mark:
            shown = out_dir if path.is_relative_to(out_dir / "logs") else path
            what = "has another content" if shown.exists() else "does not exist"
            return f"{shown} {what} here. {remedy}"
    if not os.access(out_dir / "logs", os.W_OK | os.X_OK):
        return f"there is no permission to write in {out_dir}. {remedy}"
    return ""


def _mark(path: Path) -> str:
    """Hash of what a computer sees at a path; of a folder, of its names and its description."""
    description = path / "dataset_description.json"
    try:
        if not path.is_dir():
            return hash_input(path)
        names = sorted(inside.name for pattern in MARKS for inside in path.glob(pattern))
        parts = [*names, hash_input(description) if description.is_file() else ""]
    except OSError as error:
        return f"{path}: {error.strerror}"
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
