"""An atlas as an image with a table: find it, name its regions, lay it on dense BOLD."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.io.bids import BidsFile, Dataset, parse_name
from painprint.io.errors import DerivativesError
from painprint.io.images import LabelImage, Points, centroids, read_label_image
from painprint.io.region_table import NETWORK_COLUMNS, label_column
from painprint.io.tables import numbers, read_table
from painprint.parcellation import NO_REGION, Parcellation, Regions

DLABEL = ".dlabel.nii"
IMAGES = (DLABEL, ".nii.gz", ".nii")
SCHAEFER = re.compile(r"^\d+Networks_[LR]H_([A-Za-z0-9]+)")
"""Schaefer's region names say the network."""


@dataclass(frozen=True)
class AtlasFiles:
    """An atlas's image and table, found but not read.

    Attributes
    ----------
    label : str
        Its BIDS label, letters and digits.
    image : Path
    table : Path or None
        Names and networks of the labels.
    """

    label: str
    image: Path
    table: Path | None

    @property
    def of_grayordinates(self) -> bool:
        """Whether it is a dlabel.nii; else it is of voxels."""
        return self.image.name.endswith(DLABEL)

    @property
    def bids_files(self) -> tuple[BidsFile, ...]:
        """Image and table, in a dataset called atlas."""
        paths = (self.image, *([self.table] if self.table else []))
        return tuple(BidsFile(p, p.parent, "atlas", *parse_name(p.name)) for p in paths)

    @property
    def space(self) -> str:
        """Template space that its name says, if any."""
        entities = parse_name(self.image.name)[0]
        return entities.get("space") or entities.get("tpl", "")


def find_atlases(asked: str, datasets: Sequence[Dataset]) -> list[AtlasFiles]:
    """The images that are meant by a path, a folder, or a label of an ``atlases`` folder.

    Parameters
    ----------
    asked : str
        A dlabel.nii or NIfTI file, a BIDS-Atlas folder, or a label.
    datasets : sequence of Dataset
        Where to look for a label.

    Returns
    -------
    found : list of AtlasFiles
        Of grayordinates first; empty where no image has this label.

    Raises
    ------
    DerivativesError
        If a path is not there, or holds no image, or several atlases.
    """
    path = Path(asked)
    if path.is_file():
        if not path.name.endswith(IMAGES):
            raise DerivativesError(f"is no atlas image ({', '.join(IMAGES)}).", path)
        label = atlas_label(path)
        return [AtlasFiles(label, path, _table_beside(path, label))]
    if path.is_dir():
        found = _images_among(Dataset(path, "atlas").all_files())
        if not found:
            raise DerivativesError("holds no atlas image (*_dseg.dlabel.nii, *_dseg.nii.gz).", path)
        if len(labels := {files.label for files in found}) > 1:
            raise DerivativesError(
                f"holds several atlases: {', '.join(sorted(labels))}. Pass one with --atlas.", path
            )
        return found
    if path.name != asked or asked.endswith(IMAGES):
        raise DerivativesError("there is no such atlas file or folder (--atlas).", path)
    files = [file for dataset in datasets for file in dataset.shared_files()]
    return _images_among([f for f in files if f.entities.get("atlas") == asked])


def _images_among(files: Sequence[BidsFile]) -> list[AtlasFiles]:
    """Each atlas image with its table, of grayordinates first."""
    tables = [f.path for f in files if f.suffix == "dseg" and f.extension == ".tsv"]
    found = []
    for file in files:
        if file.suffix == "dseg" and file.extension in IMAGES:
            label = atlas_label(file.path)
            of_atlas = [t for t in tables if atlas_label(t) == label]
            beside = _table_beside(file.path, label)
            found.append(AtlasFiles(label, file.path, beside or next(iter(of_atlas), None)))
    return sorted(found, key=lambda files: not files.of_grayordinates)


def atlas_label(path: Path) -> str:
    """BIDS label of an atlas file: its atlas- entity, else its name without punctuation."""
    entities, _, extension = parse_name(path.name)
    plain = re.sub("[^A-Za-z0-9]", "", path.name.removesuffix(extension))
    return entities.get("atlas") or entities.get("seg") or plain


def _table_beside(image: Path, label: str) -> Path | None:
    """A table of the same name, or the folder's table of this atlas."""
    stem = image.name.removesuffix(parse_name(image.name)[2])
    names = (f"{stem}.tsv", f"atlas-{label}_dseg.tsv")
    return next((image.with_name(n) for n in names if image.with_name(n).is_file()), None)


@dataclass(frozen=True, eq=False)
class Atlas:
    """An atlas that was read.

    Attributes
    ----------
    files : AtlasFiles
    image : LabelImage
    regions : Regions
        In ascending order of label.
    labels : ndarray of int, shape (n_regions,)
        Ascending; may have gaps.
    """

    files: AtlasFiles
    image: LabelImage
    regions: Regions
    labels: NDArray[np.int64]

    def on(self, points: Points) -> Parcellation:
        """Which of these points are in which region.

        Raises
        ------
        DerivativesError
            If the atlas is of other points, or has none of these.
        """
        found = self.image.on(points)
        region = np.minimum(np.searchsorted(self.labels, found), len(self.labels) - 1)
        region_of_point = np.where(self.labels[region] == found, region, NO_REGION)
        if (region_of_point == NO_REGION).all():
            raise DerivativesError(
                "labels none of the BOLD's points. Is it in the same space?", self.files.image
            )
        own = np.minimum(np.searchsorted(self.labels, self.image.labels), len(self.labels) - 1)
        counted = own[self.labels[own] == self.image.labels]
        n_points = np.bincount(counted, minlength=len(self.labels))
        return Parcellation(self.regions, region_of_point, n_points)

    def table(self, surfaces: Mapping[str, NDArray[np.float64]]) -> pd.DataFrame:
        """One row per region: index, label, network_label, n_points, and x, y, z in mm where known.

        Parameters
        ----------
        surfaces : mapping of str to array of shape (n_vertices, 3)
            As for :func:`painprint.io.images.centroids`.
        """
        place = centroids(self.image, self.labels, surfaces)
        counts = [int((self.image.labels == label).sum()) for label in self.labels]
        return pd.DataFrame(
            {
                "index": self.labels,
                "label": self.regions.names,
                "network_label": self.regions.networks,
                "n_points": counts,
                **{axis: place[:, i].round(3) for i, axis in enumerate("xyz")},
            }
        )


def read_atlas(files: AtlasFiles) -> Atlas:
    """Read an atlas: labels of its points, and their names and networks.

    Names come from the table by its column ``index``, else from the label table of a dlabel.nii,
    else they are the labels themselves; networks from the table, else from names like Schaefer's.

    Raises
    ------
    DerivativesError
        If a file is damaged, a label has no row in the table, or names repeat.
    """
    image = read_label_image(files.image)
    labels = np.unique(image.labels[image.labels > 0])
    if not len(labels):
        raise DerivativesError("has no labels above 0.", files.image)
    names = {int(label): image.names.get(int(label), str(label)) for label in labels}
    networks = {label: _network_in(name) for label, name in names.items()}
    if files.table is not None:
        names, networks = _named(files.table, names, networks)
    try:
        regions = Regions(tuple(names[i] for i in names), tuple(networks[i] for i in names))
    except ValueError as error:
        raise DerivativesError(str(error), files.table or files.image) from error
    return Atlas(files, image, regions, labels)


def _network_in(name: str) -> str:
    found = SCHAEFER.match(name)
    return found.group(1) if found else ""


def _named(
    path: Path, names: dict[int, str], networks: dict[int, str]
) -> tuple[dict[int, str], dict[int, str]]:
    """Names and networks of labels from a table: by index, else by name.

    Raises
    ------
    DerivativesError
        If the table lacks a label.
    """
    table = read_table(path)
    label = label_column(table, path)
    network = next((c for c in NETWORK_COLUMNS if c in table), None)
    column = table[network].where(table[network] != "n/a", "") if network else None
    if "index" in table:
        rows = {int(v): i for i, v in enumerate(numbers(table["index"], path)) if v == v}
        row_of = {key: rows.get(key) for key in names}
    else:
        by_name = {name: i for i, name in enumerate(table[label])}
        row_of = {key: by_name.get(name) for key, name in names.items()}
    found = {key: row for key, row in row_of.items() if row is not None}
    if missing := [key for key in names if key not in found]:
        raise DerivativesError(
            f"has no row for {len(missing)} of the image's {len(names)} labels (first: "
            f"{missing[0]}, {names[missing[0]]!r}). Are table and image of the same atlas?",
            path,
        )
    named = {key: str(table[label].iloc[row]) for key, row in found.items()}
    if column is None:
        return named, networks
    return named, {key: str(column.iloc[row]) for key, row in found.items()}
