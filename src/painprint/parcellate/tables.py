"""A parcellation as tables and files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.arrays import Codes, Single
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
    write_maps_of_cortex,
    write_networks,
)
from painprint.parcellate.inputs import DeepRegions, Sheets
from painprint.results.columns import AREA_COLUMNS
from painprint.results.provenance import versions
from painprint.store.files import write_json, write_table

Turned = Mapping[str, tuple[Mapping[str, Any], Homogeneity]]
"""What was found of areas and of the same ones turned, in numbers and whole, by name."""


@dataclass(frozen=True, eq=False)
class AreaOutputs:
    """Where a parcellation goes, and what it lies on."""

    files: AreaFiles
    sheets: Sheets
    deep: DeepRegions | None
    surfaces: Surfaces

    def write_whole(
        self, labels: Codes, areas: pd.DataFrame, metrics: Mapping[str, Any], *, half: str = ""
    ) -> None:
        """Write areas of cortex and regions below it as one atlas.

        Parameters
        ----------
        labels : ndarray of int, shape (n_points of cortex,)
            Rows of ``areas`` from 1; 0 is none.
        areas : DataFrame
            Of :func:`area_table`.
        half : str
            Of which half of the sessions it is; empty for all.
        """
        files, deep = self.files, self.deep
        of_point, table = self.sheets.spread(labels), areas
        if deep is not None:
            kept = deep.kept
            number = np.zeros(len(deep.n_voxels) + 1, np.int64)
            number[kept + 1] = len(areas) + 1 + np.arange(len(kept))
            of_point = np.where(deep.labels > 0, number[deep.labels], of_point)
            table = pd.concat(
                [areas, _deep_table(deep, len(areas), in_mni=self.surfaces.in_mni)],
                ignore_index=True,
            )
        halves = metrics["halves"]
        every = list(dict.fromkeys(row["session"] for row in metrics["runs"]))
        about = {
            "Name": f"areas of sub-{files.participant}"
            + (f", {half} sessions" if half else "")
            + (" (simulated data)" if metrics["simulated"] else ""),
            "Description": "cortical areas of one person by boundary mapping of resting scans"
            + (
                ""
                if deep is None
                else f", and regions of {deep.atlas.files.label} below the cortex"
            ),
            "SampleSize": 1,
            "Simulated": metrics["simulated"],
            "Participant": files.participant,
            "Sessions": halves["sessions"][half] if half else every,
            "Halves": {name: f"{files.label}{name}" for name in HALVES}
            if halves and not half
            else {},
        }
        write_atlas(files, self.sheets.points, of_point, table, about, half=half)
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

    def write_beside(self, maps: Mapping[str, BoundaryMap], named: Named, turned: Turned) -> None:
        """Write maps, networks, surfaces and tables."""
        files, sheets = self.files, self.sheets
        scalars = {"density": maps["all"].density, "steepness": maps["all"].steepness}
        scalars |= {f"density {name}": maps[name].density for name in HALVES if name in maps}
        write_maps_of_cortex(files.path("boundaries", ".dscalar.nii"), sheets, scalars)
        write_networks(files.path("networks", ".dlabel.nii"), sheets, named.of_point)
        write_surfaces(files.folder, files.participant, self.surfaces)
        tables = {"homogeneity": _turned_table(turned)}
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
    sheets: Sheets,
    labels: Codes,
    features: Single | None,
    heard: NDArray[np.float64],
    named: Named | None = None,
) -> pd.DataFrame:
    """A row for each area of cortex."""
    cortex = sheets.cortex
    medoids = cortex.medoids(labels)
    inside = members(labels)
    vertex = np.concatenate([np.flatnonzero(mesh.cortex) for mesh in cortex.meshes.values()])
    sides = cortex.sides[medoids]
    networks = named.of_area if named else ("",) * len(inside)
    place = cortex.places[medoids]
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
            **dict(zip("xyz", place.T, strict=True)),
            "coverage": [heard[points].mean() for points in inside],
            "homogeneity": np.nan if features is None else homogeneity(features, labels),
            "network_share": named.share if named else np.nan,
        }
    )
    return table[list(AREA_COLUMNS["dseg"])]


def _deep_table(deep: DeepRegions, n_areas: int, *, in_mni: bool) -> pd.DataFrame:
    """A row for each region below the cortex; places where cortex lies in the same space."""
    regions, kept = deep.atlas.regions, deep.kept
    place = deep.atlas.places({})[kept] if in_mni else np.full((len(kept), 3), np.nan)
    names = [regions.names[k] for k in kept]
    table = pd.DataFrame(
        {
            "index": n_areas + 1 + np.arange(len(kept)),
            "label": names,
            "name": names,
            "network_label": [regions.networks[k] for k in kept],
            "n_points": deep.n_voxels[kept],
            **dict(zip("xyz", place.T, strict=True)),
        }
    )
    return table.reindex(columns=list(AREA_COLUMNS["dseg"]))


def _turned_table(turned: Turned) -> pd.DataFrame:
    """Mean homogeneity of the areas themselves and of each turn."""
    rows = []
    for about, one in turned.values():
        own = {"areas": about["name"], "turn": 0, "homogeneity": one.observed, "n_on_wall": 0}
        on_wall = np.isnan(one.of_turned[:, np.isfinite(one.of_area)]).sum(axis=1)
        rows += [own] + [
            {"areas": about["name"], "turn": k, "homogeneity": value, "n_on_wall": n}
            for k, (value, n) in enumerate(zip(one.null, on_wall, strict=True), start=1)
        ]
    return pd.DataFrame(rows, columns=list(AREA_COLUMNS["homogeneity"]))
