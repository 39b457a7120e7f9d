"""Where the regions of a study lie: their table, images and surfaces, and what Workbench opens."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from painprint.atlas.geometry import (
    VOLUME,
    Geometry,
    region_table,
    write_parcel_images,
    write_surfaces,
)
from painprint.atlas.table import load_regions
from painprint.edges import edges_to_matrix
from painprint.files.inputs import InputHashes
from painprint.files.tables import read_json
from painprint.files.workbench import write_dense_maps, write_parcel_maps, write_parcel_matrix
from painprint.regions import Regions
from painprint.results.all_columns import COLUMNS
from painprint.results.files import ParticipantFiles
from painprint.results.provenance import hash_geometry
from painprint.results.read import read_results, read_table
from painprint.results.record import PAGES, hash_files, write_record
from painprint.store.files import write_json, write_table

MAPS_OF_REGIONS = {
    "importance": ("importance", "importance_centred", "positive_strength", "negative_strength"),
    "univariate": ("t", "effect"),
}
"""Columns that are also written for Connectome Workbench, by table."""


def write_geometry(
    files: ParticipantFiles,
    regions: Regions,
    tables: Mapping[str, pd.DataFrame],
    geometry: Geometry,
) -> None:
    """Write the locations of the regions: table, image, surfaces, and files for Workbench.

    Parameters
    ----------
    regions : Regions
        Regions that were decoded.
    tables : mapping of str to DataFrame
        ``weights``, and ``importance`` and ``univariate`` where they were computed.
    """
    write_table(files.decoding("dseg", ".tsv"), region_table(regions, geometry.coordinates))
    descriptions = {name: {"Description": text} for name, text in COLUMNS["dseg"].items()}
    write_json(files.decoding("dseg", ".json"), descriptions)
    write_surfaces(files.anat, files.participant, geometry.surfaces)
    kinds = [("dseg", ".dlabel.nii"), ("dseg", VOLUME), ("weights", ".pconn.nii")]
    kinds += [(name, ".pscalar.nii") for name in MAPS_OF_REGIONS] + [("importance", ".dscalar.nii")]
    for suffix, extension in kinds:  # of an earlier run
        files.decoding(suffix, extension).unlink(missing_ok=True)
    parcels = write_parcel_images(files.decoding("dseg", ""), regions, geometry)
    if parcels is None:
        return
    weights = edges_to_matrix(tables["weights"]["weight"].to_numpy(float))
    write_parcel_matrix(files.decoding("weights", ".pconn.nii"), parcels, weights)
    for name, columns in MAPS_OF_REGIONS.items():
        if name not in tables:
            continue
        table = tables[name].set_index("region").reindex(list(regions.names))
        maps = {column: table[column].to_numpy(float) for column in columns}
        write_parcel_maps(files.decoding(name, ".pscalar.nii"), parcels, maps)
        if name == "importance":  # of grayordinates or voxels, the univariate stage has its own
            write_dense_maps(files.decoding(name, ".dscalar.nii"), parcels, maps)


def renew_geometry(files: ParticipantFiles, geometry: Geometry, hashes: InputHashes) -> bool:
    """Write the locations of the regions of finished results again where they have changed.

    Returns
    -------
    is_new : bool
        Whether they had.

    Raises
    ------
    DerivativesError
        If the results are corrupted.
    """
    digest = hash_geometry(geometry, hashes)
    if read_json(files.decoding("provenance", ".json")).get("geometry") == digest:
        return False
    results = read_results(files)
    regions = load_regions(files.decoding("dseg", ".tsv"))
    weights = read_table(files.decoding("weights", ".tsv"))
    files.page.unlink(missing_ok=True)
    write_geometry(files, regions, {**results.stage_tables, "weights": weights}, geometry)
    provenance = {
        **results.provenance,
        "geometry": digest,
        "outputs": hash_outputs(files),
        PAGES: {},
    }
    write_record(files.decoding("provenance", ".json"), provenance)
    return True


def hash_outputs(files: ParticipantFiles) -> dict[str, str]:
    """SHA-256 of every output file except provenance, page, and what is written with the page."""
    folders = (files.folder / "decoding", files.anat, *files.folder.glob("**/func"))
    written = {path for folder in folders for path in folder.rglob("*") if path.is_file()}
    return hash_files(
        written - {files.decoding("provenance", ".json"), *files.texts()}, files.folder
    )
