"""What is said of a parcellation in numbers, and what it was made with."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pandas as pd

from painprint.arrays import Codes
from painprint.cortex.evaluate import compare
from painprint.cortex.settings import AreaSettings
from painprint.options import describe
from painprint.parcellate.individual_file import HALVES
from painprint.parcellate.inputs import DeepRegions, Sheets
from painprint.parcellate.scans import Gathered
from painprint.parcellate.stages import Parted, number_areas
from painprint.parcellate.study import AreaStudy, Found, area_versions
from painprint.results.provenance import changed_options
from painprint.stats.correlation import correlation


def about_scans(found: Found, gathered: Gathered, parted: Parted) -> dict[str, Any]:
    """Which scans there were."""
    return {
        "participant": found.files.participant,
        "simulated": found.runs.simulated,
        "label": found.files.label,
        "n_sessions": len({row["session"] for row in gathered.rows}),
        "n_runs": len(gathered.rows),
        "n_frames": parted.n_frames["all"],
        "minutes": gathered.minutes,
        "share_of_variance": parted.share_kept,
        "halves": _halves(gathered, parted),
        "no_halves": parted.no_halves,
        "runs": gathered.rows,
        "notes": gathered.notes,
    }


def about_areas(
    settings: AreaSettings, sheets: Sheets, areas: pd.DataFrame, parted: Parted
) -> dict[str, Any]:
    """Which areas were found, and how."""
    return {
        "n_points": sheets.cortex.n_points,
        "n_vertices": sheets.n_vertices,
        "n_areas": len(areas),
        "share_in_area": float((parted.labels["all"] > 0).mean()),
        "median_area_mm2": float(areas["area_mm2"].median()),
        "similarity": {
            "kind": "exact" if settings.exact else "linear",
            "rank": None if settings.exact else settings.rank,
            "n_seeds": len(parted.maps["all"].seeds),
        },
    }


def area_provenance(study: AreaStudy, found: Found) -> dict[str, Any]:
    """What the parcellation was made with and of, and the command that makes it again."""
    settings = study.settings
    words = [
        "painprint parcellate <bids> <out> participant --derivatives <derivatives>",
        *(f"--{name.replace('_', '-')} {p.name}" for name, p in study.maps.files.items()),
        *(["--bids-filter-file <filter>"] if study.bids_filter.queries else []),
        *changed_options(replace(settings, participant_label=(found.files.participant,))),
    ]
    return {
        "versions": area_versions(),
        "command": " ".join(words),
        "settings": {row["name"]: row for row in describe(settings)},
        "inputs": found.inputs,
    }


def _halves(gathered: Gathered, parted: Parted) -> dict[str, Any] | None:
    """How areas of odd and of even sessions agree; None where these were not parcellated."""
    maps, labels = parted.maps, parted.labels
    if not set(HALVES) <= set(labels):
        return None
    sessions = {
        name: list(dict.fromkeys(r["session"] for r in gathered.rows if r["half"] == name))
        for name in HALVES
    }
    odd, even = HALVES
    return {
        "sessions": sessions,
        "n_frames": {name: parted.n_frames[name] for name in HALVES},
        "r": correlation(maps[odd].density, maps[even].density),
        "agreement": asdict(compare(labels[odd], labels[even])),
    }


def beside_reference(
    study: AreaStudy, labels: Codes, reference: Codes | None
) -> dict[str, Any] | None:
    """How the areas agree with those of a reference atlas."""
    path = study.maps.reference_atlas
    if reference is None or path is None:
        return None
    agreement = compare(labels, number_areas(reference))
    return {"name": path.name.partition(".")[0], "agreement": asdict(agreement)}


def about_deep(deep: DeepRegions | None) -> dict[str, Any] | None:
    if deep is None:
        return None
    names = deep.atlas.regions.names
    return {
        "atlas": deep.atlas.files.label,
        "n_regions": len(deep.kept),
        "lost": [names[k] for k in deep.lost],
        "share_inside": deep.share_inside,
    }


def count_networks(areas: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Areas and their size, by network."""
    grouped = areas.groupby(areas["network_label"].fillna(""))["area_mm2"]
    return {
        str(name): {"n_areas": len(sizes), "area_mm2": float(sizes.sum())}
        for name, sizes in grouped
    }
