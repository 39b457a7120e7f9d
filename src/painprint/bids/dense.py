"""Find and read dense BOLD (grayordinates or voxels) of the runs with regional time series."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from painprint.atlas.surfaces import Surfaces
from painprint.bids.select import CIFTI, FOR_MAPS, is_dense, select
from painprint.dense.image import Dense
from painprint.dense.smoothing import CiftiSmoothing
from painprint.errors import DerivativesError
from painprint.files.cifti import read_brain_models, read_dtseries
from painprint.files.dataset import BidsFile, Dataset, run_key
from painprint.files.images import Grayordinates, Points, Voxels
from painprint.files.nifti import read_mask, read_varying_voxels, read_volumes
from painprint.runs import RunKey

MAP_EXTENSION = {"grayordinates": ".dscalar.nii", "voxels": ".nii.gz"}
"""File extension of maps, by kind of BOLD."""


@dataclass(frozen=True, eq=False)
class DenseFiles:
    """Files of dense BOLD of a participant's runs, all of one kind, which are not read yet.

    Attributes
    ----------
    kind : {"grayordinates", "voxels"}
    files : dict
        BOLD by run.
    masks : dict
        Brain masks by run; empty for grayordinates.
    problems : dict
        Reason why the BOLD of a run cannot be used, by run.
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
        """Grayordinates or voxels that all runs share, read at first use.

        Raises
        ------
        DerivativesError
            If they cannot be read from any run.
        """
        return self._points_and_problems[0]

    @cached_property
    def _points_and_problems(self) -> tuple[Points, dict[RunKey, str]]:
        """The points, and the problem of each run that does not have them."""
        if self.kind == "grayordinates":
            return _first_of(self.files.values(), read_brain_models), {}
        if not self.masks:
            return _first_of(self.files.values(), read_varying_voxels), {}
        return _common_voxels(self.masks)


def find_dense(
    derivatives: Sequence[Dataset], participant: str, keys: Iterable[RunKey]
) -> DenseFiles | None:
    """Find dense BOLD of these runs: dtseries.nii, or NIfTI in a space whose name begins with MNI.

    Parameters
    ----------
    derivatives : sequence of Dataset
        A run is taken from the first dataset that has it.
    participant : str
        Label without "sub-".

    Returns
    -------
    files : DenseFiles or None
        None if no run has dense BOLD.
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
        found = {key: find_mask(file, files) for key, file in chosen.files.items()}
        masks = {key: mask for key, mask in found.items() if mask is not None}
        notes += _note_masks(len(masks), len(chosen.files))
    kind = "grayordinates" if of_grayordinates else "voxels"
    return DenseFiles(kind, chosen.files, masks, chosen.problems, tuple(notes))


def find_mask(bold: BidsFile, files: Iterable[BidsFile]) -> BidsFile | None:
    """The brain mask of a run in the same space; None for grayordinates."""
    if bold.extension == CIFTI:
        return None
    for file in files:
        is_mask = file.suffix == "mask" and file.entities.get("desc") == "brain"
        same_space = all(file.entities.get(e) == bold.entities.get(e) for e in ("space", "res"))
        if is_mask and same_space and run_key(file.entities) == run_key(bold.entities):
            return file
    return None


def _note_masks(n_masks: int, n_runs: int) -> list[str]:
    """Notes about runs without a brain mask."""
    if not n_masks:
        return [
            "dense BOLD has no brain masks (*_desc-brain_mask.nii.gz): voxels that vary in the "
            "first run were used."
        ]
    if n_masks < n_runs:
        return [f"{n_runs - n_masks} of {n_runs} runs with dense BOLD have no brain mask."]
    return []


def _first_of(files: Iterable[BidsFile], read: Any) -> Any:
    """What is read from the first readable file; without one, the error of the first is raised."""
    errors = []
    for file in files:
        try:
            return read(file.path)
        except DerivativesError as error:
            errors.append(error)
    raise errors[0] if errors else DerivativesError("no run has dense BOLD that can be used.")


def _common_voxels(masks: Mapping[RunKey, BidsFile]) -> tuple[Voxels, dict[RunKey, str]]:
    """Voxels within the masks of all runs; runs whose mask is unusable are excluded."""
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
    """Dense BOLD that is read run by run, and smoothed and cleaned if asked.

    Its ``load`` raises a ValueError naming the file if the BOLD of a run cannot be used.

    Parameters
    ----------
    sigma_mm : float
        SD of the Gaussian smoothing kernel (mm); 0 for none.
    surfaces : Surfaces, optional
        The participant's surfaces, needed to smooth grayordinates.

    Raises
    ------
    DerivativesError
        If the points cannot be read from any run, or cannot be smoothed.
    """
    points, mask_problems = files._points_and_problems
    problems = {**files.problems, **mask_problems}
    smoothing = None
    if sigma_mm and isinstance(points, Grayordinates):
        path = next(iter(files.files.values())).path
        surfaces = surfaces or Surfaces({}, in_mni=False)
        smoothing = CiftiSmoothing.of(surfaces, points, sigma_mm, path=path)

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
    """Smoothed dense BOLD of a run: (n_frames, n_points)."""
    if isinstance(points, Grayordinates):
        data = read_dtseries(path, points)
        if smoothing is not None:
            smoothing.smooth(data)
        return data
    return read_volumes(path, points, sigma_mm=sigma_mm)
