"""Carpet plots as small images for the page."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from painprint.bold.carpets import find_carpets, read_carpet
from painprint.files.dataset import atlas_name, parse_name
from painprint.results.read import Results
from painprint.runs import RunKey

Shades = NDArray[np.uint8]

N_ROWS, MOST_COLUMNS = 60, 300
GREYS = 16
"""Number of grey levels; few, because the page contains an image for each run."""
GAP = 2
"""Rows between the two carpets."""


def bold_rows(results: Results) -> list[dict[Any, Any]]:
    """A row per run: its quality rating, the reasons, and its carpet plot where there is one."""
    atlas = atlas_name(parse_name(results.files.stem)[0])
    carpets = find_carpets(results.files.folder, atlas)
    rows = results.bold_quality.to_dict(orient="records")
    for row in rows:
        labels = (
            "" if row[name] != row[name] else row[name] for name in ("session", "task", "run")
        )
        path = carpets.get(RunKey(*labels))
        row["carpet"] = carpet_image(*read_carpet(path)) if path else None
    return rows


def carpet_image(before: Shades, after: Shades) -> str:
    """Both carpet plots, one above the other, as the data URI of a PNG.

    Parameters
    ----------
    before, after : ndarrays of shape (n_rows, n_frames)
        1 to 255; 0 where there are no data, shown white.
    """
    from PIL import Image

    gap = np.full((GAP, min(before.shape[1], MOST_COLUMNS)), 255, np.uint8)
    both = np.concatenate([_shrink(before), gap, _shrink(after)])
    buffer = io.BytesIO()
    Image.fromarray(both).save(buffer, format="png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _shrink(shades: Shades) -> Shades:
    """Means of neighbouring rows and frames, in few grey levels; empty cells become white."""
    n_rows, n_frames = shades.shape
    row_of = np.arange(n_rows) * min(N_ROWS, n_rows) // n_rows
    column_of = np.arange(n_frames) * min(MOST_COLUMNS, n_frames) // n_frames
    shape = (int(row_of[-1]) + 1, int(column_of[-1]) + 1)
    cell = (row_of[:, None] * shape[1] + column_of[None]).ravel()
    filled = (shades > 0).ravel()
    total = np.bincount(cell, weights=shades.ravel(), minlength=shape[0] * shape[1])
    count = np.bincount(cell, weights=filled, minlength=shape[0] * shape[1])
    mean = np.where(count > 0, total / np.maximum(count, 1), 255)
    coarse = np.round(mean / 255 * (GREYS - 1)) * (255 / (GREYS - 1))
    return coarse.reshape(shape).astype(np.uint8)
