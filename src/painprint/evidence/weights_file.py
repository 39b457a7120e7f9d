"""Read external signatures: tables of regions or edges, CIFTI matrices, volumes."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.bids.dense import DenseFiles
from painprint.errors import DerivativesError
from painprint.evidence.external_weights import ExternalWeights
from painprint.files.cifti import read_pconn
from painprint.files.images import Voxels
from painprint.files.nifti import read_volume
from painprint.files.tables import numbers, read_json, read_table

EXTENSIONS = (".tsv", ".pconn.nii", ".nii.gz", ".nii")
CIFTI = tuple(
    f".{kind}"
    for kind in (
        "dconn dfan dlabel dpconn dscalar dtseries pconnscalar pconnseries pdconn plabel pscalar "
        "ptseries"
    ).split()
)
"""Extensions before .nii of other CIFTI files."""
PAIR = ("region_a", "region_b")
SYMMETRIC = 1e-5
"""Tolerance of symmetry, relative to the largest entry of a matrix."""


def read_weights(path: Path, *, dense: DenseFiles | None = None) -> ExternalWeights:
    """Read the weights of an external signature.

    Parameters
    ----------
    path : Path
        One of: a table with columns ``region`` and ``weight``; a table with columns
        ``region_a``, ``region_b`` and ``weight``, like weights.tsv; a pconn.nii; a
        volume of voxel weights. Beside a table, a JSON sidecar may hold its ``Intercept``.
    dense : DenseFiles, optional
        Dense BOLD of the person; needed for a volume, which must be on its grid.

    Raises
    ------
    DerivativesError
        Naming the file, what is wrong with it, and what to do.
    """
    extension = next((e for e in EXTENSIONS if path.name.endswith(e)), "")
    name = path.name.removesuffix(extension)
    if not extension or (extension in (".nii", ".nii.gz") and name.endswith(CIFTI)):
        raise DerivativesError(
            "is not a kind of weights that can be read: a .tsv of regions or edges, a .pconn.nii, "
            "or a .nii or .nii.gz of voxels.",
            path,
        )
    if not path.exists():
        raise DerivativesError(f"there is no file {path} (--external). Check the path.")
    try:
        if extension == ".tsv":
            return _read_table(path, name)
        if extension == ".pconn.nii":
            return _read_pconn(path, name)
        return _read_voxels(path, name, dense)
    except ValueError as error:
        raise DerivativesError(str(error), path) from error


def _read_table(path: Path, name: str) -> ExternalWeights:
    table = read_table(path)
    if "weight" not in table or not ({"region"} <= set(table) or set(PAIR) <= set(table)):
        raise DerivativesError(
            "needs the columns region and weight, or region_a, region_b and weight (there are: "
            f"{', '.join(table.columns)}).",
            path,
        )
    if not len(table):
        raise DerivativesError("holds no weights.", path)
    values, intercept = numbers(table["weight"], path), _intercept(path.with_suffix(".json"))
    if not set(PAIR) <= set(table):
        regions = tuple(table["region"].str.strip())
        _check_names(list(regions), path)
        return ExternalWeights(name, "regions", values, regions, intercept=intercept)
    regions, pairs = _pairs(table, path)
    return ExternalWeights(name, "edges", values, regions, pairs, intercept)


def _check_names(names: list[str], path: Path) -> None:
    if "" in names:
        raise DerivativesError(f"row {names.index('') + 1} names no region.", path)
    if len(set(names)) < len(names):
        twice = sorted(pd.Series(names)[pd.Series(names).duplicated()].unique())
        raise DerivativesError(
            f"region names must differ; {len(twice)} are repeated (first: {twice[0]}).", path
        )


def _pairs(table: pd.DataFrame, path: Path) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Names of regions, and the indices of the two regions of each row."""
    ends = np.concatenate([table[column].str.strip() for column in PAIR])
    codes, names = pd.factorize(ends)
    if "" in names:
        row = int(np.flatnonzero(ends == "")[0]) % len(table)
        raise DerivativesError(f"row {row + 1} names no region.", path)
    pairs = codes.reshape(2, -1).T.astype(np.int64)
    if (same := pairs[:, 0] == pairs[:, 1]).any():
        row = int(np.flatnonzero(same)[0])
        raise DerivativesError(f"row {row + 1} joins {names[pairs[row, 0]]} with itself.", path)
    repeated = pd.DataFrame(np.sort(pairs, axis=1)).duplicated().to_numpy()
    if repeated.any():
        a, b = pairs[int(np.flatnonzero(repeated)[0])]
        raise DerivativesError(
            f"{int(repeated.sum())} edges are given twice (first: {names[a]}, {names[b]}). Give "
            "each once.",
            path,
        )
    return tuple(str(name) for name in names), pairs


def _intercept(sidecar: Path) -> float | None:
    """The intercept in a sidecar, if any."""
    if not sidecar.exists():
        return None
    value = read_json(sidecar).get("Intercept")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise DerivativesError(f"Intercept is {value!r:.40}; a number is needed.", sidecar)
    return float(value)


def _read_pconn(path: Path, name: str) -> ExternalWeights:
    """Edges of a symmetric matrix; its diagonal is ignored."""
    regions, matrix = read_pconn(path)
    _check_names(list(regions), path)
    a, b = np.triu_indices(len(regions), k=1)
    if not len(a):
        raise DerivativesError("holds no edges.", path)
    upper, lower = matrix[a, b], matrix[b, a]
    defined = np.isfinite(upper) & np.isfinite(lower)
    upper[~defined] = np.nan
    difference = np.abs(upper[defined] - lower[defined])
    if (difference > SYMMETRIC * np.abs(upper[defined]).max(initial=0)).any():
        raise DerivativesError(
            "is not symmetric: the weight of an edge is the same in both directions. Give "
            "(W + W.T) / 2.",
            path,
        )
    return ExternalWeights(name, "edges", upper, regions, np.stack([a, b], axis=1))


def _read_voxels(path: Path, name: str, dense: DenseFiles | None) -> ExternalWeights:
    """Weights of the voxels of the dense BOLD; non-zero weights outside it are counted."""
    if dense is None or dense.kind != "voxels":
        raise DerivativesError(
            "holds weights of voxels, but no run is there as voxels (*_space-MNI*_bold.nii.gz) in "
            "the --derivatives.",
            path,
        )
    points = dense.points
    assert isinstance(points, Voxels)  # of this kind
    volume, affine = read_volume(path)
    if not points.is_grid_of(volume.shape, affine):
        like = next(iter(dense.files.values())).path.name
        raise DerivativesError(
            f"is on a grid of {_size(volume.shape)} voxels, but the BOLD on one of "
            f'{_size(points.mask.shape)}, or elsewhere in space. Resample it: python -c "from '
            f"nilearn.image import resample_to_img as r; r('{path.name}', '{like}')"
            f".to_filename('{name}_resampled.nii.gz')\"",
            path,
        )
    outside = volume[~points.mask]
    n_outside = int((np.isfinite(outside) & (outside != 0)).sum())
    return ExternalWeights(name, "points", volume[points.mask], n_outside=n_outside)


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
