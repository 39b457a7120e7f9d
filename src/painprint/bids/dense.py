"""Find and read dense BOLD, grayordinates or voxels, beside the regional time series."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from painprint.atlas.surfaces import Surfaces
from painprint.bids.kinds import CIFTI, FOR_MAPS, is_dense, select
from painprint.dense.image import Dense
from painprint.dense.smoothing import CiftiSmoothing
from painprint.files.cifti import read_brain_models, read_dtseries
from painprint.files.dataset import BidsFile, Dataset, run_key
from painprint.files.errors import DerivativesError
from painprint.files.images import Grayordinates, Points, Voxels
from painprint.files.maps import write_maps
from painprint.files.nifti import read_mask, read_varying_voxels, read_volumes
from painprint.runs import RunKey

MAP_EXTENSION = {"grayordinates": ".dscalar.nii", "voxels": ".nii.gz"}
"""What :func:`write_map` writes."""


@dataclass(frozen=True, eq=False)
class DenseFiles:
    """Dense BOLD of a participant's runs, found but not read; of one kind.

    Attributes
    ----------
    kind : {"grayordinates", "voxels"}
    files : dict
        BOLD by run.
    masks : dict
        Brain masks by run; of voxels only.
    problems : dict
        Why a run's BOLD cannot be used, by run.
    notes : tuple of str
        Choices that were made.
    """

    kind: str
    files: Mapping[RunKey, BidsFile]
    masks: Mapping[RunKey, BidsFile]
    problems: Mapping[RunKey, str]
    notes: tuple[str, ...]

    @property
    def points(self) -> Points:
        """Where the points are; read when first asked for.

        Raises
        ------
        DerivativesError
            If no run says it.
        """
        return self._points_and_problems[0]

    @cached_property
    def _points_and_problems(self) -> tuple[Points, dict[RunKey, str]]:
        """The points, and the runs that were found not to fit."""
        if self.kind == "grayordinates":
            return _first_of(self.files.values(), read_brain_models), {}
        if not self.masks:
            return _first_of(self.files.values(), read_varying_voxels), {}
        return _common_voxels(self.masks)


def find_dense(
    derivatives: Sequence[Dataset], participant: str, keys: Iterable[RunKey]
) -> DenseFiles | None:
    """Find dense BOLD of these runs: dtseries.nii, or NIfTI in a space called MNI...

    Parameters
    ----------
    derivatives : sequence of Dataset
        The first that has a run serves it.
    participant : str
        Without "sub-".

    Returns
    -------
    files : DenseFiles or None
        None where no run has any.
    """
    files = [file for dataset in derivatives for file in dataset.files_of(participant)]
    wanted = set(keys)
    candidates = [f for f in files if is_dense(f) and run_key(f.entities) in wanted]
    if not candidates:
        return None
    chosen = select(candidates, FOR_MAPS)
    notes, masks = list(chosen.notes), {}
    of_grayordinates = chosen.kind.extension == CIFTI
    if not of_grayordinates:
        masks = _find_masks(files, chosen.files)
        notes += _note_masks(len(masks), len(chosen.files))
    kind = "grayordinates" if of_grayordinates else "voxels"
    return DenseFiles(kind, chosen.files, masks, chosen.problems, tuple(notes))


def _find_masks(
    files: Sequence[BidsFile], chosen: Mapping[RunKey, BidsFile]
) -> dict[RunKey, BidsFile]:
    """The brain mask of each run in the same space, from the first dataset that has one."""
    masks = {key: find_mask(file, files) for key, file in chosen.items()}
    return {key: mask for key, mask in masks.items() if mask is not None}


def find_mask(bold: BidsFile, files: Iterable[BidsFile]) -> BidsFile | None:
    """The brain mask of a run in the same space; none of grayordinates."""
    if bold.extension == CIFTI:
        return None
    for file in files:
        is_mask = file.suffix == "mask" and file.entities.get("desc") == "brain"
        same_place = all(file.entities.get(e) == bold.entities.get(e) for e in ("space", "res"))
        if is_mask and same_place and run_key(file.entities) == run_key(bold.entities):
            return file
    return None


def _note_masks(n_masks: int, n_runs: int) -> list[str]:
    """What to say of runs without a brain mask."""
    if not n_masks:
        return [
            "dense BOLD has no brain masks (*_desc-brain_mask.nii.gz): voxels that vary in the "
            "first run were used."
        ]
    if n_masks < n_runs:
        return [f"{n_runs - n_masks} of {n_runs} runs with dense BOLD have no brain mask."]
    return []


def _first_of(files: Iterable[BidsFile], read: Any) -> Any:
    """What the first file says that can be read; if none can, why the first cannot.

    Raises
    ------
    DerivativesError
        If none can be read.
    """
    errors = []
    for file in files:
        try:
            return read(file.path)
        except DerivativesError as error:
            errors.append(error)
    raise errors[0] if errors else DerivativesError("no run has dense BOLD that can be used.")


def _common_voxels(masks: Mapping[RunKey, BidsFile]) -> tuple[Voxels, dict[RunKey, str]]:
    """Voxels that are in the mask of every run; runs whose mask is unusable are left out.

    Raises
    ------
    DerivativesError
        If no mask can be read, or no voxel is in all of them.
    """
    common: Voxels | None = None
    problems = {}
    for key, file in masks.items():
        try:
            mask = read_mask(file.path)
        except DerivativesError as error:
            problems[key] = str(error)
            continue
        if common is None:
            common = mask
        elif common.is_grid_of(mask.mask.shape, mask.affine):
            common = Voxels(common.mask & mask.mask, common.affine)
        else:
            problems[key] = f"{file.path.name}: is on another grid than the other runs' masks."
    if common is None:
        raise DerivativesError(next(iter(problems.values())))
    if not common.n_points:
        raise DerivativesError(f"no voxel is in the brain masks of all {len(masks)} runs.")
    return common, problems


Clean = Callable[[RunKey, NDArray[np.float32]], NDArray[np.float32]]
"""Cleans the dense BOLD of a run."""


def load_dense(
    files: DenseFiles,
    clean: Clean | None = None,
    *,
    sigma_mm: float = 0.0,
    surfaces: Surfaces | None = None,
) -> Dense:
    """Dense BOLD to be read run by run; smoothed and cleaned where it was not.

    Its ``load`` raises a ValueError naming the file where a run's BOLD cannot be used.

    Parameters
    ----------
    sigma_mm : float
        Smooth by a Gaussian of this SD; 0 for none.
    surfaces : Surfaces, optional
        The participant's own, needed to smooth grayordinates.

    Raises
    ------
    DerivativesError
        If no run says which points there are, or they cannot be smoothed.
    """
    points, mask_problems = files._points_and_problems
    problems = {**files.problems, **mask_problems}
    smoothing = None
    if sigma_mm and isinstance(points, Grayordinates):
        on, path = surfaces or Surfaces({}, in_mni=False), next(iter(files.files.values())).path
        smoothing = CiftiSmoothing.of(on, points, sigma_mm, path=path)

    def load(key: RunKey) -> NDArray[np.float32] | None:
        if key in problems:
            raise ValueError(problems[key])
        file = files.files.get(key)
        try:
            data = None if file is None else _read(file.path, points, sigma_mm, smoothing)
            return data if data is None or clean is None else clean(key, data)
        except DerivativesError as error:
            raise ValueError(str(error)) from error

    return Dense(files.kind, points.n_points, load)


def _read(
    path: Path, points: Points, sigma_mm: float, smoothing: CiftiSmoothing | None
) -> NDArray[np.float32]:
    """Dense BOLD of a run, smoothed."""
    if isinstance(points, Grayordinates):
        data = read_dtseries(path, points)
        if smoothing is not None:
            smoothing.smooth(data)
        return data
    return read_volumes(path, points, sigma_mm=sigma_mm)


def write_map(path: Path, files: DenseFiles, maps: Mapping[str, NDArray[np.float64]]) -> None:
    """Write maps of the points of dense BOLD, whole or not at all.

    Parameters
    ----------
    path : Path
        Ends as ``MAP_EXTENSION`` says.
    files : DenseFiles
        Whose points they are.
    maps : mapping of str to array of shape (n_points,)
    """
    write_maps(path, files.points, maps)
