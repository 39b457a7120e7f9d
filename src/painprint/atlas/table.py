"""The dseg.tsv of an atlas: names, networks and coordinates of regions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from painprint.errors import DerivativesError, naming
from painprint.files.tables import numbers, read_table
from painprint.regions import Regions

LABEL_COLUMNS = ("label", "name")
NETWORK_COLUMNS = ("network_label", "network", "community", "network_label_7network")


def label_column(table: pd.DataFrame, path: Path) -> str:
    """The column of region names.

    Raises
    ------
    DerivativesError
        If there is none.
    """
    label = next((c for c in LABEL_COLUMNS if c in table), None)
    if label is None:
        raise DerivativesError(
            f"has no column 'label' (there are: {', '.join(table.columns)}).", path
        )
    return label


def load_regions(path: Path) -> Regions:
    """Region names and networks from an atlas's dseg.tsv; raises as :func:`regions_of`."""
    return regions_of(read_table(path), path)


def regions_of(table: pd.DataFrame, path: Path) -> Regions:
    """Region names and networks of a table of text.

    Raises
    ------
    DerivativesError
        If it has no column of labels, or labels repeat.
    """
    table = table.apply(lambda column: column.str.strip())
    label = label_column(table, path)
    network = next((c for c in NETWORK_COLUMNS if c in table), None)
    networks = table[network] if network else [""] * len(table)
    with naming(path):
        return Regions(tuple(table[label]), tuple("" if n == "n/a" else n for n in networks))


def coordinates_of(table: pd.DataFrame, path: Path) -> dict[str, list[float]]:
    """Coordinates (mm) of each region of a table of text; empty without x, y, z.

    Raises
    ------
    DerivativesError
        If an entry is not a number.
    """
    label = next((c for c in LABEL_COLUMNS if c in table), None)
    if label is None or not {"x", "y", "z"} <= set(table.columns):
        return {}
    x, y, z = (numbers(table[axis], path) for axis in "xyz")
    rows = zip(table[label], x, y, z, strict=True)
    return {name: xyz for name, *xyz in rows if np.isfinite(xyz).all()}
