"""Read the confounds of dense BOLD: fMRIPrep's table, or HCP's Movement_Regressors.txt."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from painprint.errors import DerivativesError
from painprint.files.lines import read_lines
from painprint.files.multiverse import without_hash
from painprint.files.tables import read_json, read_numbers, to_number
from painprint.runs import DVARS, FD, MOTION_NAMES

NON_STEADY = "non_steady_state_outlier"
MOVEMENT = "Movement_Regressors.txt"
"""HCP's file of motion parameters: translations (mm), rotations (degrees), and derivatives."""
OLD_NAMES = {
    "X": "trans_x", "Y": "trans_y", "Z": "trans_z",
    "TransX": "trans_x", "TransY": "trans_y", "TransZ": "trans_z",
    "RotX": "rot_x", "RotY": "rot_y", "RotZ": "rot_z",
    "CSF": "csf", "WhiteMatter": "white_matter", "GlobalSignal": "global_signal",
    "FramewiseDisplacement": FD, "stdDVARS": "std_dvars", "non-stdDVARS": DVARS,
    "aCompCor": "a_comp_cor_", "tCompCor": "t_comp_cor_", "Cosine": "cosine",
    "NonSteadyStateOutlier": NON_STEADY, "NonSteadyState": NON_STEADY,
    "AROMAAggrComp": "aroma_motion_",
}  # fmt: skip
"""Today's name of each column of fMRIPrep before 1.2, in the same unit; numbers follow both."""
TISSUES_OF_MASKS = {"CSF": "c", "WM": "w"}
"""First letter of today's components by ``Mask`` in the sidecar of fMRIPrep 1.4 to 20.2."""


@dataclass(frozen=True, eq=False)
class Confounds:
    """Confounds of a run.

    Attributes
    ----------
    columns : dict
        Array of shape (n_frames,) by the name that fMRIPrep has given it since 21.0; NaN where a
        value is missing.
    non_steady : ndarray of bool, shape (n_frames,)
        Frames before steady-state magnetisation.
    notes : tuple of str
        What was read under another name.
    hint : str
        Which version's table it is, and why there are no components of white matter and CSF, if
        that may be why a confound is missing.
    """

    columns: dict[str, NDArray[np.float64]]
    non_steady: NDArray[np.bool_]
    notes: tuple[str, ...] = ()
    hint: str = ""

    @property
    def motion(self) -> NDArray[np.float64] | None:
        """The six motion parameters (mm, rad): (n_frames, 6); None if the table has none."""
        if any(name not in self.columns for name in MOTION_NAMES):
            return None
        return np.stack([self.columns[name] for name in MOTION_NAMES], axis=1)


def read_confounds(path: Path, n_frames: int, sidecar: Path | None = None) -> Confounds:
    """Read the confounds of a run, which have one row per frame.

    Columns of older versions of fMRIPrep are read under today's names, as far as they are the same.

    Parameters
    ----------
    sidecar : Path, optional
        JSON file of the table, from which fMRIPrep 1.4 to 20.2 tells components of white matter
        from those of CSF.

    Raises
    ------
    DerivativesError
        If the numbers of rows and frames differ, or a motion parameter has no value.
    """
    names, values = _read_movement(path) if path.name == MOVEMENT else read_numbers(path)
    if len(values) != n_frames:
        raise DerivativesError(
            f"has {len(values)} rows, but the BOLD {n_frames} frames. Does it belong to another "
            "run, or was the BOLD truncated?",
            path,
        )
    table = dict(zip(without_hash(names, path), values.T, strict=True))
    columns = {_name_today(name, table): column for name, column in table.items()}
    notes = []
    before_1_2 = bool(set(table) - set(columns))
    if before_1_2:
        notes.append(
            "the confounds have the column names of fMRIPrep before 1.2 (X, RotX, WhiteMatter, "
            "...), which were read as trans_x, rot_x, white_matter, ..."
        )
    renamed, hint = _components_by_tissue(columns, sidecar, before_1_2)
    if renamed:
        columns |= renamed
        notes.append(
            "the confounds are of fMRIPrep 1.4 to 20.2: components of white matter and CSF "
            "(w_comp_cor, c_comp_cor) are the retained a_comp_cor of these masks, in order."
        )
    for name in MOTION_NAMES:
        if name in columns and not np.isfinite(columns[name]).all():
            row = int(np.flatnonzero(~np.isfinite(columns[name]))[0])
            raise DerivativesError(f"column {name} has no value in row {row + 1}.", path)
    flags = [column for name, column in columns.items() if name.startswith(NON_STEADY)]
    non_steady = np.any([flag != 0 for flag in flags], axis=0) if flags else np.zeros(n_frames)
    return Confounds(columns, np.asarray(non_steady, dtype=bool), tuple(notes), hint)


def _name_today(name: str, table: Mapping[str, NDArray[np.float64]]) -> str:
    """Today's name of a column, unless another column of the table has it."""
    letters, digits = re.fullmatch(r"(.*?)(\d*)", name).groups()  # type: ignore[union-attr]
    today = OLD_NAMES[letters] + digits if letters in OLD_NAMES else name
    return name if today in table else today


def _components_by_tissue(
    columns: Mapping[str, NDArray[np.float64]], sidecar: Path | None, before_1_2: bool
) -> tuple[dict[str, NDArray[np.float64]], str]:
    """Components of a_comp_cor by today's names, and why there are none if so.

    Since 21.0, fMRIPrep calls them w_comp_cor, c_comp_cor, and a_comp_cor those of both tissues.
    """
    version = "The table is of fMRIPrep before 1.2." if before_1_2 else ""
    if any(re.match("[cw]_comp_cor_", name) for name in columns):
        return {}, version
    numbered = sorted(_numbers_after("a_comp_cor_", columns))
    if not numbered:
        return {}, version
    described = read_json(sidecar) if sidecar is not None else {}
    by_tissue: dict[str, list[str]] = {tissue: [] for tissue in TISSUES_OF_MASKS.values()}
    masks = set()
    for _, name in numbered:
        entry = described.get(name)
        entry = entry if isinstance(entry, dict) else {}
        mask = str(entry.get("Mask", ""))
        masks.add(mask)
        if mask in TISSUES_OF_MASKS and entry.get("Retained", True) is True:
            by_tissue[TISSUES_OF_MASKS[mask]].append(name)
    renamed = {
        f"{tissue}_comp_cor_{i:02d}": columns[name]
        for tissue, names in by_tissue.items()
        for i, name in enumerate(names)
    }
    if renamed:
        return renamed, version
    if masks == {""} and not before_1_2:
        return {}, (
            "The table is of fMRIPrep before 21.0, which writes into a sidecar "
            "(*_desc-confounds_*.json) from which tissue each a_comp_cor is: copy it beside the "
            "table. Before 1.4 there is none, because the components are of white matter and CSF "
            "together: choose another model, or preprocess again with a newer version."
        )
    together = (
        "Its a_comp_cor are of white matter and CSF together, and cannot serve as components of "
        "one: choose another model, or preprocess again with a newer version."
    )
    return {}, f"{version} {together}".lstrip()


def _numbers_after(prefix: str, names: Iterable[str]) -> list[tuple[int, str]]:
    """The names that are the prefix and a number, each after its number."""
    found = [(name.removeprefix(prefix), name) for name in names if name.startswith(prefix)]
    return [(int(number), name) for number, name in found if re.fullmatch("[0-9]+", number)]


def _read_movement(path: Path) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """The first six columns of Movement_Regressors.txt, rotations in radians."""
    rows = [line.split(maxsplit=12) for line in read_lines(path)]
    if not rows or any(len(row) not in (6, 12) for row in rows):
        raise DerivativesError(
            "needs 6 or 12 columns of numbers: translations (mm) and rotations (degrees), and "
            "their derivatives.",
            path,
        )
    try:
        values = np.array([[to_number(cell) for cell in row[:6]] for row in rows])
    except ValueError as error:
        raise DerivativesError(
            f"contains an entry that is not a number ({error}).", path
        ) from error
    values[:, 3:] = np.radians(values[:, 3:])
    return MOTION_NAMES, values
