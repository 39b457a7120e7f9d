"""Carpet plots of runs, stored as arrays with their regional time series."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from painprint.errors import DerivativesError
from painprint.files.dataset import parse_name, run_key
from painprint.runs import RunKey
from painprint.store.files import write_bytes

Shades = NDArray[np.uint8]
SERIES = "stat-mean_timeseries.tsv"
CARPET = "desc-carpet_bold.safetensors"
BEFORE, AFTER = "before", "after"


def carpet_path(series: Path) -> Path:
    """Path of the carpet plot of a regional time series."""
    return series.with_name(series.name.replace(SERIES, CARPET))


def write_carpet(path: Path, before: Shades, after: Shades) -> None:
    """Write the carpet plots before and after denoising, atomically."""
    write_bytes(path, save({BEFORE: before, AFTER: after}))


def read_carpet(path: Path) -> tuple[Shades, Shades]:
    """The carpet plots before and after denoising: (n_rows, n_frames) each.

    Raises
    ------
    DerivativesError
        If the file is not readable.
    """
    try:
        arrays = load_file(path)
        before, after = arrays[BEFORE], arrays[AFTER]
    except (SafetensorError, LookupError, TypeError, ValueError, OSError) as error:
        raise DerivativesError(f"is not a carpet plot ({error}). Run again.", path) from error
    if before.shape != after.shape or before.ndim != 2 or before.dtype != np.uint8:
        raise DerivativesError("is not a carpet plot. Run `painprint run` again.", path)
    return before, after


def find_carpets(folder: Path, atlas: str) -> Mapping[RunKey, Path]:
    """Paths of the carpet plots of a participant's runs for an atlas."""
    paths = sorted(folder.rglob(f"*_atlas-{atlas}_{CARPET}"))
    return {run_key(parse_name(path.name)[0]): path for path in paths}
