"""Atlas images with their tables: finding, reading, and labelling of dense BOLD."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.atlas.surfaces import FS_LR, name_density
from painprint.atlas.table import NETWORK_COLUMNS, label_column
from painprint.errors import DerivativesError, naming
from painprint.files.dataset import BidsFile, Dataset, atlas_name, parse_name
from painprint.files.images import Points
from painprint.files.labels import LabelImage, read_label_image
from painprint.files.tables import MISSING, numbers, read_json, read_table
from painprint.regions import NO_REGION, Parcellation, Regions
from painprint.runs import natural

DLABEL = ".dlabel.nii"
IMAGES = (DLABEL, ".nii.gz", ".nii")
PARCELLATION = "parcellation"
"""Folder of a participant's individual parcellations."""
SCHAEFER = re.compile(r"^\d+Networks_[LR]H_([A-Za-z0-9]+)")
"""Region names of Schaefer's atlas, which contain the network."""


@dataclass(frozen=True)
class MadeFrom:
    """Participant and sessions from which an individual atlas was made.

    Attributes
    ----------
    participant : str
        Without "sub-".
    halves : tuple of str
        Labels of the atlases made from one half of the sessions each.
    """

    participant: str
    sessions: tuple[str, ...]
    halves: tuple[str, ...]


def made_from(path: Path) -> MadeFrom | None:
    """Participant and sessions from which an atlas was made, if its sidecar exists and names them;
    raises as :func:`read_json`.
    """
    sidecar = read_json(path) if path.exists() else {}
    if not isinstance(sidecar.get("Sessions"), list) or "Participant" not in sidecar:
        return None
    halves = sidecar.get("Halves")
    halves = halves if isinstance(halves, dict) else {}
    return MadeFrom(
        str(sidecar["Participant"]),
        tuple(str(session) for session in sidecar["Sessions"]),
        tuple(str(label) for label in halves.values()),
    )


@dataclass(frozen=True)
class AtlasFiles:
    """Image and table of an atlas, found but not read.

    Attributes
    ----------
    label : str
        BIDS label, with segmentation and scale where it has them: ``Schaefer2018_scale-100``.
    table : Path or None
        Names and networks of the labels.
    """

    label: str
    image: Path
    table: Path | None

    @cached_property
    def made_from(self) -> MadeFrom | None:
        """Participant and sessions from which it was made, as of :func:`made_from`."""
        return made_from(self.image.with_name(_stem(self.image) + ".json"))

    @property
    def participant(self) -> str:
        """Participant of an individual atlas; empty for a group atlas."""
        return self.made_from.participant if self.made_from else ""

    def halves(self) -> list[AtlasFiles]:
        """Atlases of the same person in the same folder, each from one half of the sessions."""
        atlases = []
        for label in self.made_from.halves if self.made_from else ():
            name = self.image.name.replace(f"atlas-{self.label}_", f"atlas-{label}_")
            image = self.image.with_name(name)
            if image != self.image and image.is_file():
                atlases.append(AtlasFiles(label, image, _table_of(image, _tables_beside(image))))
        return atlases

    @property
    def of_grayordinates(self) -> bool:
        """Whether it is a dlabel.nii; otherwise it is a volume."""
        return self.image.name.endswith(DLABEL)

    @property
    def bids_files(self) -> tuple[BidsFile, ...]:
        """Image and table, in a dataset called atlas."""
        paths = (self.image, *([self.table] if self.table else []))
        return tuple(BidsFile(p, p.parent, "atlas", *parse_name(p.name)) for p in paths)

    @property
    def space(self) -> str:
        """Template space in its file name; empty if there is none."""
        entities = parse_name(_stem(self.image))[0]
        return entities.get("space") or entities.get("tpl", "")


def find_atlases(
    path_or_label: str,
    datasets: Sequence[Dataset],
    participant: str = "",
    *,
    beside: Sequence[Dataset] = (),
) -> list[AtlasFiles]:
    """Find atlas images by file, folder, or label.

    A label is searched for among the participant's individual parcellations, then among the
    atlases of datasets.

    Parameters
    ----------
    path_or_label : str
        A dlabel.nii or NIfTI file, a BIDS-Atlas folder, or a label, with or without "atlas-"; an
        atlas with several scales has several labels, such as ``Schaefer2018_scale-100``.
    datasets : sequence of Dataset
        Searched for a label.
    participant : str
        Whose individual parcellations are searched, without "sub-".
    beside : sequence of Dataset
        Searched for individual parcellations only.

    Returns
    -------
    atlases : list of AtlasFiles
        Those of grayordinates first; empty if no image has this label.

    Raises
    ------
    DerivativesError
        If a path does not exist, or contains no image or several atlases.
    """
    path = Path(path_or_label)
    if path.exists() and not path.is_dir():
        if not path.name.endswith(IMAGES):
            raise DerivativesError(f"is no atlas image ({', '.join(IMAGES)}).", path)
        return [AtlasFiles(atlas_label(path), path, _table_of(path, _tables_beside(path)))]
    label = path_or_label.removeprefix("atlas-")
    if labelled := images_labelled(label, datasets, participant, beside=beside):
        return labelled
    if path.is_dir():
        atlases = _images_among(Dataset(path, "atlas").all_files())
        if not atlases:
            raise DerivativesError("holds no atlas image (*_dseg.dlabel.nii, *_dseg.nii.gz).", path)
        if len(labels := {files.label for files in atlases}) > 1:
            names = ", ".join(sorted(labels, key=natural))
            raise DerivativesError(
                f"holds several atlases: {names}. Pass the file of one with --atlas, or the folder "
                "with --derivatives and the name with --atlas.",
                path,
            )
        return atlases
    if path.name != path_or_label or path_or_label.endswith(IMAGES):
        raise DerivativesError(
            "there is no such atlas file or folder (--atlas). Check the path.", path
        )
    return []


def images_labelled(
    label: str,
    datasets: Sequence[Dataset],
    participant: str = "",
    *,
    beside: Sequence[Dataset] = (),
) -> list[AtlasFiles]:
    """Images with this atlas label: individual ones, otherwise those of datasets.

    Those of grayordinates come first.
    """
    individual = [
        file
        for dataset in (*datasets, *beside)
        for file in (dataset.files_of(participant) if participant else ())
        if file.path.parent.name == PARCELLATION
    ]
    shared = [file for dataset in datasets for file in dataset.shared_files()]
    for files in (individual, shared):
        if atlases := _images_among([f for f in files if f.atlas == label]):
            return atlases
    return []


def image_names(datasets: Sequence[Dataset]) -> list[str]:
    """Labels of the atlases of datasets that have an image."""
    shared = [file for dataset in datasets for file in dataset.shared_files()]
    return sorted({files.label for files in _images_among(shared)}, key=natural)


def _images_among(files: Sequence[BidsFile]) -> list[AtlasFiles]:
    """Each atlas image with its table, those of grayordinates first."""
    tables = [f.path for f in files if f.suffix == "dseg" and f.extension == ".tsv"]
    atlases = []
    for file in files:
        if file.suffix == "dseg" and file.extension in IMAGES:
            table = _table_of(file.path, [*tables, *_tables_beside(file.path)])
            atlases.append(AtlasFiles(atlas_label(file.path), file.path, table))
    return sorted(atlases, key=lambda files: not files.of_grayordinates)


def atlas_label(path: Path) -> str:
    """Label of an atlas file by its entities, otherwise its name without punctuation."""
    return atlas_name(parse_name(path.name)[0]) or re.sub("[^A-Za-z0-9]", "", _stem(path))


def _stem(path: Path) -> str:
    """File name of an image or table without its extension; other dots are kept."""
    return next((path.name.removesuffix(e) for e in (*IMAGES, ".tsv") if path.name.endswith(e)), "")


def _table_of(image: Path, candidates: Iterable[Path]) -> Path | None:
    """Table of an image: of the same name, otherwise the one of the same atlas, segmentation and
    scale that shares most entities with it.
    """
    entities = parse_name(_stem(image))[0]
    n_shared: dict[Path, int] = {}
    for path in dict.fromkeys(candidates):
        if _stem(path) == _stem(image):
            return path
        of_table = parse_name(_stem(path))[0]
        same_atlas = "" != atlas_name(of_table) == atlas_name(entities)
        if same_atlas and of_table.items() <= entities.items():
            n_shared[path] = len(of_table)
    best = [path for path, n in n_shared.items() if n == max(n_shared.values())]
    if len(best) > 1:
        names = ", ".join(path.name for path in best)
        raise DerivativesError(f"several tables may name its labels: {names}. Keep one.", image)
    return best[0] if best else None


def _tables_beside(image: Path) -> list[Path]:
    return sorted(path for path in image.parent.glob("*.tsv") if path.is_file())


@dataclass(frozen=True, eq=False)
class Atlas:
    """An atlas image with its regions.

    Attributes
    ----------
    regions : Regions
        In ascending order of label.
    labels : ndarray of int, shape (n_regions,)
        Ascending; may have gaps.
    given : ndarray of shape (n_regions, 3)
        Coordinates in the table (mm); NaN where it has none.
    notes : tuple of str
        Irregularities.
    """

    files: AtlasFiles
    image: LabelImage
    regions: Regions
    labels: NDArray[np.int64]
    given: NDArray[np.float64]
    notes: tuple[str, ...]

    def on(self, points: Points) -> Parcellation:
        """Region of each of these points.

        Raises
        ------
        DerivativesError
            If the atlas is of another kind of points or another grid, or labels none of these.
        """
        region_of_point = self.region_of(self.image.on(points))
        if (region_of_point == NO_REGION).all():
            raise DerivativesError(
                "labels none of the BOLD's voxels or grayordinates. Is it in the same space?",
                self.files.image,
            )
        # sizes of regions in the atlas, for the coverage by the BOLD
        in_atlas = self.region_of(self.image.labels)
        n_points = np.bincount(in_atlas[in_atlas != NO_REGION], minlength=len(self.labels))
        return Parcellation(self.regions, region_of_point, n_points)

    def region_of(self, label: NDArray[np.int64]) -> NDArray[np.int32]:
        """Index of the region of each label; ``NO_REGION`` where there is none."""
        region = np.minimum(np.searchsorted(self.labels, label), len(self.labels) - 1)
        return np.where(self.labels[region] == label, region, NO_REGION).astype(np.int32)

    @property
    def table(self) -> pd.DataFrame:
        """One row per region: index, label, network_label, n_points, and x, y, z in mm where known.

        Coordinates are those of the user's table, otherwise of the voxels; vertices have none.
        """
        xyz = np.where(np.isfinite(self.given), self.given, self.coordinates({}))
        counts = [int((self.image.labels == label).sum()) for label in self.labels]
        return pd.DataFrame(
            {
                "index": self.labels,
                "label": self.regions.names,
                "network_label": self.regions.networks,
                "n_points": counts,
                **{axis: xyz[:, i].round(3) for i, axis in enumerate("xyz")},
            }
        )

    def coordinates(self, surfaces: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """Mean coordinates of each region's points, as of :meth:`LabelImage.centroids`."""
        return self.image.centroids(self.labels, surfaces)


def mesh_density(files: AtlasFiles) -> str:
    """BIDS ``den`` entity of an atlas's mesh; that of fs_LR 32k if it has none; raises as
    :func:`read_label_image`.
    """
    cortex = read_label_image(files.image).on_cortex("L") if files.of_grayordinates else None
    return FS_LR if cortex is None else name_density(len(cortex))


def read_atlas(files: AtlasFiles) -> Atlas:
    """Read an atlas: labels of its points, with names and networks of the regions.

    Names are taken from the table by its column ``index``, otherwise from the label table of a
    dlabel.nii; otherwise they are the labels. Networks are taken from the table, otherwise from
    names like those of Schaefer's atlas.

    Raises
    ------
    DerivativesError
        If a file is corrupted, a label has no row in the table, or names repeat.
    """
    image = read_label_image(files.image)
    labels = np.unique(image.labels[image.labels > 0])
    if not len(labels):
        raise DerivativesError("has no labels above 0.", files.image)
    names = {int(label): image.names.get(int(label), str(label)).strip() for label in labels}
    table = _rows_of(files.table, names) if files.table is not None else _Rows.of_names(names)
    with naming(files.table or files.image):
        regions = Regions(table.names, table.networks)
    notes = (*image.notes, *table.notes)
    return Atlas(files, image, regions, labels, table.coordinates, notes)


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows of an atlas's table, in the order of its labels."""

    names: tuple[str, ...]
    networks: tuple[str, ...]
    coordinates: NDArray[np.float64]
    notes: tuple[str, ...]

    @classmethod
    def of_names(cls, names: Mapping[int, str]) -> _Rows:
        """Without a table: networks from names like those of Schaefer's atlas."""
        matches = [SCHAEFER.match(name) for name in names.values()]
        networks = tuple(match.group(1) if match else "" for match in matches)
        return cls(tuple(names.values()), networks, np.full((len(names), 3), np.nan), ())


def _rows_of(path: Path, names: Mapping[int, str]) -> _Rows:
    """Rows of the labels in a table, matched by index, otherwise by name."""
    table = read_table(path)
    table = table.apply(lambda column: column.str.strip())
    label = label_column(table, path)
    if "index" in table:
        index = numbers(table["index"], path)
        keys = pd.Series(index).where(np.isfinite(index)).astype("Int64")
    else:
        key_of = {name: key for key, name in names.items()}
        keys = table[label].map(key_of).astype("Int64")
    twice = keys[keys.duplicated() & keys.notna() & keys.isin(list(names))]
    if len(twice):
        raise DerivativesError(f"has label {twice.iloc[0]} in more than one row.", path)
    row_of = {int(key): row for row, key in enumerate(keys) if pd.notna(key)}
    if missing := [key for key in names if key not in row_of]:
        raise DerivativesError(
            f"has no row for {len(missing)} of the image's {len(names)} labels (first: "
            f"{missing[0]}, {names[missing[0]]!r}). Are table and image of the same atlas?",
            path,
        )
    rows = table.iloc[[row_of[key] for key in names]]
    spare = [name for name, key in zip(table[label], keys, strict=True) if key not in (*names, 0)]
    notes = (
        [f"{len(spare)} regions of {path.name} do not occur in the image (first: {spare[0]})."]
        if spare
        else []
    )
    network = next((c for c in NETWORK_COLUMNS if c in table), None)
    known = tuple(str(name) for name in rows[label])
    by_name = _Rows.of_names(dict(zip(names, known, strict=True)))
    networks = tuple("" if n in MISSING else str(n) for n in rows[network]) if network else None
    coordinates = by_name.coordinates
    if {"x", "y", "z"} <= set(table.columns):
        coordinates = np.stack([numbers(rows[axis], path) for axis in "xyz"], axis=1)
    return _Rows(known, networks or by_name.networks, coordinates, tuple(notes))
