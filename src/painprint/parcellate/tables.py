"""Tables of a parcellation, and writing of its outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from painprint.arrays import Codes, Single, Vector
from painprint.atlas.geometry import write_surfaces
from painprint.atlas.surfaces import Surfaces
from painprint.cortex.boundary_map import BoundaryMap
from painprint.cortex.evaluate import Homogeneity, homogeneity
from painprint.cortex.hemispheres import members
from painprint.cortex.naming import Named
from painprint.parcellate.individual_file import (
    HALVES,
    AreaFiles,
    write_atlas,
    write_bids_atlas,
    write_cortical_maps,
    write_networks,
)
from painprint.parcellate.inputs import CorticalGrayordinates, SubcorticalRegions
from painprint.results.all_columns import AREA_COLUMNS
from painprint.results.provenance import versions
from painprint.store.files import write_json, write_table

SpinTests = Mapping[str, tuple[Mapping[str, Any], Homogeneity]]
"""Spin test of homogeneity by parcellation: its summary for the metrics, and its full result."""


@dataclass(frozen=True, eq=False)
class AreaOutputs:
    """Writes the outputs of a parcellation."""

    files: AreaFiles
    cortical: CorticalGrayordinates
    subcortical: SubcorticalRegions | None
    surfaces: Surfaces

    def write_regions(
        self, labels: Codes, areas: pd.DataFrame, metrics: Mapping[str, Any], *, half: str = ""
    ) -> None:
        """Write cortical areas and subcortical regions as one atlas.

        Parameters
        ----------
        labels : ndarray of int, shape (n_cortical,)
            Rows of ``areas`` from 1; 0 is none.
        areas : DataFrame
            Of :func:`area_table`.
        half : str
            Half of the sessions, or empty for all.
        """
        files, subcortical = self.files, self.subcortical
        of_point, table = self.cortical.spread(labels), areas
        if subcortical is not None:
            kept = subcortical.kept
            number = np.zeros(len(subcortical.n_voxels) + 1, np.int64)
            number[kept + 1] = len(areas) + 1 + np.arange(len(kept))
            of_point = np.where(subcortical.labels > 0, number[subcortical.labels], of_point)
            regions = _subcortical_table(subcortical, len(areas), in_mni=self.surfaces.in_mni)
            table = pd.concat([areas, regions], ignore_index=True)
        halves = metrics["halves"]
        all_sessions = list(dict.fromkeys(row["session"] for row in metrics["runs"]))
        about = {
            "Name": f"areas of sub-{files.participant}"
            + (f", {half} sessions" if half else "")
            + (" (simulated data)" if metrics["simulated"] else ""),
            "Description": "cortical areas of one person by boundary mapping of resting scans"
            + (
                ""
                if subcortical is None
                else f", and subcortical regions of {subcortical.atlas.files.label}"
            ),
            "SampleSize": 1,
            "Simulated": metrics["simulated"],
            "Participant": files.participant,
            "Sessions": halves["sessions"][half] if half else all_sessions,
            "Halves": {name: f"{files.label}{name}" for name in HALVES}
            if halves and not half
            else {},
        }
        write_atlas(files, self.cortical.points, of_point, table, about, half=half)
        if not half:
            write_bids_atlas(
                files,
                {
                    "Name": about["Name"],
                    "BIDSVersion": "1.10.0",
                    "DatasetType": "atlas",
                    "GeneratedBy": [{"Name": "painprint", "Version": versions()["painprint"]}],
                },
            )

    def write_maps_and_tables(
        self, maps: Mapping[str, BoundaryMap], named: Named, spin_tests: SpinTests
    ) -> None:
        """Write boundary maps, networks, surfaces and tables."""
        files, cortical = self.files, self.cortical
        scalars = {"density": maps["all"].density, "steepness": maps["all"].steepness}
        scalars |= {f"density {name}": maps[name].density for name in HALVES if name in maps}
        write_cortical_maps(files.path("boundaries", ".dscalar.nii"), cortical, scalars)
        write_networks(files.path("networks", ".dlabel.nii"), cortical, named.of_point)
        write_surfaces(files.folder, files.participant, self.surfaces)
        tables = {"homogeneity": _spin_table(spin_tests)}
        if named.candidates is not None:
            tables["scan"] = named.candidates
        for name in ("homogeneity", "scan"):
            path = files.path(name, ".tsv")
            for old in (path, path.with_suffix(".json")):  # of an earlier run
                old.unlink(missing_ok=True)
            if name in tables:
                write_table(path, tables[name][list(AREA_COLUMNS[name])])
                columns = {c: {"Description": text} for c, text in AREA_COLUMNS[name].items()}
                write_json(path.with_suffix(".json"), columns)


def area_table(
    cortical: CorticalGrayordinates,
    labels: Codes,
    features: Single | None,
    coverage: Vector,
    named: Named | None = None,
) -> pd.DataFrame:
    """One row per cortical area.

    Parameters
    ----------
    features : ndarray of shape (n_cortical, rank) or None
        As for :func:`painprint.cortex.evaluate.homogeneity`.
    coverage : ndarray of shape (n_cortical,)
        Share of frames in which each vertex has signal.
    """
    cortex = cortical.cortex
    medoids = cortex.medoids(labels)
    inside = members(labels)
    vertex = np.concatenate([np.flatnonzero(mesh.cortex) for mesh in cortex.meshes.values()])
    sides = cortex.sides[medoids]
    networks = named.of_area if named else ("",) * len(inside)
    coordinates = cortex.coordinates[medoids]
    names = [
        f"{side}_{network or 'NONE'}_{k:03d}"
        for k, (side, network) in enumerate(zip(sides, networks, strict=True), start=1)
    ]
    table = pd.DataFrame(
        {
            "index": np.arange(1, len(inside) + 1),
            "label": names,
            "name": names,
            "hemisphere": sides,
            "network_label": networks,
            "network_index": named.codes if named else np.nan,
            "n_points": [len(points) for points in inside],
            "area_mm2": [cortex.areas[points].sum() for points in inside],
            "medoid": vertex[medoids],
            **dict(zip("xyz", coordinates.T, strict=True)),
            "coverage": [coverage[points].mean() for points in inside],
            "homogeneity": np.nan if features is None else homogeneity(features, labels),
            "network_share": named.share if named else np.nan,
        }
    )
    return table[list(AREA_COLUMNS["dseg"])]


def _subcortical_table(
    subcortical: SubcorticalRegions, n_areas: int, *, in_mni: bool
) -> pd.DataFrame:
    """One row per subcortical region; coordinates only if the surfaces are in the same space."""
    regions, kept = subcortical.atlas.regions, subcortical.kept
    unknown = np.full((len(kept), 3), np.nan)
    coordinates = subcortical.atlas.coordinates({})[kept] if in_mni else unknown
    names = [regions.names[k] for k in kept]
    table = pd.DataFrame(
        {
            "index": n_areas + 1 + np.arange(len(kept)),
            "label": names,
            "name": names,
            "network_label": [regions.networks[k] for k in kept],
            "n_points": subcortical.n_voxels[kept],
            **dict(zip("xyz", coordinates.T, strict=True)),
        }
    )
    return table.reindex(columns=list(AREA_COLUMNS["dseg"]))


def _spin_table(spin_tests: SpinTests) -> pd.DataFrame:
    """Mean homogeneity of the areas (turn 0) and of each rotation."""
    rows = []
    for summary, tested in spin_tests.values():
        name = summary["name"]
        rows.append({"areas": name, "turn": 0, "homogeneity": tested.observed, "n_on_wall": 0})
        on_wall = np.isnan(tested.of_rotated[:, np.isfinite(tested.of_area)]).sum(axis=1)
        rows += [
            {"areas": name, "turn": k, "homogeneity": value, "n_on_wall": n}
            for k, (value, n) in enumerate(zip(tested.null, on_wall, strict=True), start=1)
        ]
    return pd.DataFrame(rows, columns=list(AREA_COLUMNS["homogeneity"]))
