"""Files of an individual parcellation: their names, writing and reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.arrays import Codes, Vector
from painprint.atlas.image import PARCELLATION as FOLDER
from painprint.cortex.settings import AreaSettings
from painprint.errors import DerivativesError
from painprint.files.dataset import parse_name
from painprint.files.images import Grayordinates
from painprint.files.maps import write_maps
from painprint.files.tables import read_json, read_table
from painprint.files.workbench import Parcels, write_parcels
from painprint.palette import network_colours
from painprint.parcellate.inputs import CorticalGrayordinates
from painprint.regions import Regions
from painprint.results.all_columns import AREA_COLUMNS
from painprint.results.read import is_of_folder
from painprint.results.record import hash_files, read_record, write_record
from painprint.store.files import changed_files, write_bytes, write_json, write_table

HALVES = ("odd", "even")
ATLAS_FILES = (".dlabel.nii", ".tsv", ".json")


@dataclass(frozen=True)
class AreaFiles:
    """File names of one participant's parcellation.

    Parameters
    ----------
    label : str
        Atlas label.
    where : str
        Entities of space and density, such as "space-fsLR_den-91k"; may be empty.
    """

    out_dir: Path
    participant: str
    label: str
    where: str

    @property
    def folder(self) -> Path:
        """Folder of all files but the page."""
        return self.out_dir / f"sub-{self.participant}" / FOLDER

    def path(self, suffix: str, extension: str, *, half: str = "") -> Path:
        """A file of the parcellation, or of that of one half of the sessions."""
        parts = (f"sub-{self.participant}", self.where, f"atlas-{self.label}{half}", suffix)
        return self.folder / ("_".join(part for part in parts if part) + extension)

    @property
    def page(self) -> Path:
        """The page; its name has the label where that is not the default."""
        label = "" if self.label == AreaSettings.label else f"_atlas-{self.label}"
        return self.out_dir / f"sub-{self.participant}{label}_{FOLDER}.html"

    @property
    def bids_atlas(self) -> Path:
        """A separate dataset with the atlas, as XCP-D 0.10 and its successors before 26 read it."""
        return self.folder / "bids-atlas"

    @property
    def atlas_dataset(self) -> Path:
        """A separate dataset with the atlas as BIDS 1.11 names it, for XCP-D 26 and others."""
        return self.folder / "atlases"

    @property
    def own_label(self) -> str:
        """Label of the atlas in that dataset: that of no other person, as in ``individual01``."""
        return self.label + self.participant

    def figure(self, name: str, extension: str = ".svg") -> Path:
        """A figure."""
        return (
            self.folder / "figures" / f"sub-{self.participant}_atlas-{self.label}_{name}{extension}"
        )

    def figures(self) -> list[Path]:
        """Existing figures with this label."""
        pattern = self.figure("*", ".*")
        return sorted(pattern.parent.glob(pattern.name))

    def is_own(self, path: Path) -> bool:
        """Whether a file belongs to this parcellation, not to one with another label."""
        label = parse_name(path.name)[0].get("atlas", self.label)
        return label in (self.label, *(f"{self.label}{half}" for half in HALVES))

    def own(self) -> list[Path]:
        """Files of this parcellation; not its figures, and the copy for BIDS 1.11."""
        hidden = {self.stage("x").parent, self.figure("x").parent, self.atlas_dataset}
        return [
            path
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and not set(path.parents) & hidden and self.is_own(path)
        ]

    def remove_half(self, half: str) -> None:
        """Remove the atlas of one half of the sessions."""
        for extension in ATLAS_FILES:
            self.path("dseg", extension, half=half).unlink(missing_ok=True)

    def stage(self, name: str) -> Path:
        """Cached arrays of a stage, kept until all results are written."""
        return self.folder / "stages" / f"{name}.safetensors"


def write_atlas(
    files: AreaFiles,
    points: Grayordinates,
    labels: Codes,
    table: pd.DataFrame,
    about: Mapping[str, Any],
    *,
    half: str = "",
) -> None:
    """Write regions as an image with a table and a sidecar.

    Parameters
    ----------
    labels : ndarray of int, shape (n_points,)
        Rows of the table from 1; 0 is none.
    table : DataFrame
        Columns of ``AREA_COLUMNS["dseg"]``.
    about : mapping
        Content of the sidecar, beside the descriptions of columns.
    half : str
        Half of the sessions, or empty for all.
    """
    regions = Regions(tuple(table["label"]), tuple(table["network_label"].fillna("")))
    parcels = Parcels(points, regions, labels - 1)
    image = files.path("dseg", ".dlabel.nii", half=half)
    write_parcels(image, parcels, network_colours(regions.networks))
    write_table(image.with_name(image.name.replace(".dlabel.nii", ".tsv")), table)
    columns = {name: {"Description": text} for name, text in AREA_COLUMNS["dseg"].items()}
    write_json(files.path("dseg", ".json", half=half), {**about, **columns})


def write_bids_atlas(files: AreaFiles, description: Mapping[str, Any]) -> None:
    """Copy the atlas into a separate BIDS-Atlas dataset, as XCP-D before version 26 expects it."""
    root = files.bids_atlas
    write_json(root / "dataset_description.json", description)
    for extension in ATLAS_FILES:
        source = files.path("dseg", extension)
        name = "_".join(p for p in (f"atlas-{files.label}", files.where, "dseg") if p) + extension
        write_bytes(root / f"atlas-{files.label}" / name, source.read_bytes())


def write_atlas_dataset(files: AreaFiles, density: str) -> bool:
    """Copy a finished atlas into a separate dataset, named as in BIDS 1.11.

    Its label contains the participant's, as other software keeps one file for each label: XCP-D
    copies an atlas to its outputs only if there is none of that label.

    Parameters
    ----------
    density : str
        BIDS ``den`` entity of the mesh.

    Returns
    -------
    written : bool
        False if the names of the BOLD do not say its space, so that its template is not known.

    Raises
    ------
    DerivativesError
        If a file of the atlas is missing or corrupted.
    """
    template = parse_name(files.where)[0].get("space")
    if template is None:
        return False
    root, label = files.atlas_dataset, files.own_label
    old = set(root.rglob(f"tpl-*_atlas-{label}_*"))
    stem = root / f"tpl-{template}" / f"tpl-{template}_atlas-{label}_den-{density}_dseg"
    for extension in ATLAS_FILES:
        content = files.path("dseg", extension).read_bytes()
        write_bytes(stem.with_name(stem.name + extension), content)
    for path in old - {stem.with_name(stem.name + extension) for extension in ATLAS_FILES}:
        path.unlink()  # of another density
    description = read_json(files.bids_atlas / "dataset_description.json")
    description |= {"BIDSVersion": "1.11.0", "DatasetType": "derivative"}
    write_json(root / "dataset_description.json", description)
    sidecar = read_json(files.path("dseg", ".json"))
    about = {name: sidecar.get(name) for name in ("Name", "Description", "SampleSize")}
    write_json(root / f"atlas-{label}_description.json", {**about, "BIDSVersion": "1.11.0"})
    return True


def write_cortical_maps(
    path: Path, cortical: CorticalGrayordinates, maps: Mapping[str, Vector]
) -> None:
    """Write values of the cortical vertices as a dscalar.nii; other grayordinates have NaN."""
    write_maps(
        path, cortical.points, {name: cortical.spread(v, np.nan) for name, v in maps.items()}
    )


def write_networks(path: Path, cortical: CorticalGrayordinates, names: NDArray[np.str_]) -> None:
    """Write the network of every cortical vertex as a dlabel.nii; "" is none."""
    known = tuple(sorted(set(names.tolist()) - {""}))
    number = {name: k for k, name in enumerate(known)}
    of_point = np.array([number.get(name, -1) for name in names.tolist()], dtype=np.int64)
    parcels = Parcels(cortical.points, Regions(known, known), cortical.spread(of_point, missing=-1))
    write_parcels(path, parcels, network_colours(known))


def write_results(
    files: AreaFiles, metrics: Mapping[str, Any], provenance: Mapping[str, Any], key: str
) -> None:
    """Write metrics and provenance, after all other files, whose hashes they contain.

    The dataset of BIDS 1.11 is a copy, which is made from finished results.

    Parameters
    ----------
    key : str
        Hash of everything that the results depend on.
    """
    record = files.path("metrics", ".json")
    outputs = hash_files((path for path in files.own() if path != record), files.folder)
    content = {**metrics, "provenance": provenance, "key": key, "outputs": outputs}
    write_record(record, content)


@dataclass(frozen=True, eq=False)
class AreaResults:
    """A finished parcellation, read from its files.

    Attributes
    ----------
    areas : DataFrame
        One row per region.
    homogeneity : DataFrame
        One row per null parcellation.
    scan : DataFrame or None
        Candidates of SCAN, where there was a prior.
    """

    files: AreaFiles
    metrics: dict[str, Any]
    areas: pd.DataFrame
    homogeneity: pd.DataFrame
    scan: pd.DataFrame | None


def find_area_results(out_dir: Path) -> list[AreaFiles]:
    """Find the finished parcellations of an output folder."""
    parcellations = []
    for path in filter(is_of_folder, sorted(out_dir.glob(f"sub-*/{FOLDER}/*_metrics.json"))):
        participant, _, rest = path.name.removeprefix("sub-").partition("_")
        where, _, label = rest.removesuffix("_metrics.json").rpartition("atlas-")
        parcellations.append(AreaFiles(out_dir, participant, label, where.rstrip("_")))
    return parcellations


def read_area_results(files: AreaFiles) -> AreaResults:
    """Read a finished parcellation.

    Raises
    ------
    DerivativesError
        If a file is missing, corrupted or changed.
    """
    metrics = read_record(files.path("metrics", ".json"))
    if changed := changed_files(files.folder, metrics["outputs"]):
        raise DerivativesError("is missing or was changed. Parcellate again.", changed[0])
    scan = files.path("scan", ".tsv")
    return AreaResults(
        files,
        metrics,
        _typed(files.path("dseg", ".tsv"), ("label", "name", "hemisphere", "network_label")),
        _typed(files.path("homogeneity", ".tsv"), ("areas",)),
        _typed(scan, ()) if scan.is_file() else None,
    )


def _typed(path: Path, names: tuple[str, ...]) -> pd.DataFrame:
    """Read a table; all columns but these are numeric."""
    table = read_table(path)
    for column in table.columns.difference(list(names)):
        table[column] = pd.to_numeric(table[column], errors="coerce")
    return table
