"""Metrics and provenance of a parcellation."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pandas as pd

from painprint.arrays import Codes
from painprint.cortex.evaluate import compare
from painprint.cortex.settings import AreaSettings
from painprint.option_fields import describe
from painprint.parcellate.individual_file import HALVES
from painprint.parcellate.inputs import CorticalGrayordinates, SubcorticalRegions
from painprint.parcellate.scans import Gathered
from painprint.parcellate.stages import Parcellations, number_areas
from painprint.parcellate.study import AreaStudy, ParticipantInputs, area_versions
from painprint.results.provenance import changed_options, hash_parts
from painprint.stats.correlation import correlation


def about_scans(
    inputs: ParticipantInputs, gathered: Gathered, parcellations: Parcellations
) -> dict[str, Any]:
    """Runs from which the parcellation was made."""
    return {
        "participant": inputs.files.participant,
        "simulated": inputs.runs.simulated,
        "label": inputs.files.label,
        "n_sessions": len({row["session"] for row in gathered.rows}),
        "n_runs": len(gathered.rows),
        "n_frames": parcellations.n_frames["all"],
        "minutes": gathered.minutes,
        "share_of_variance": parcellations.share_kept,
        "halves": _halves(gathered, parcellations),
        "no_halves": parcellations.no_halves,
        "runs": gathered.rows,
        "notes": gathered.notes,
    }


def about_areas(
    settings: AreaSettings,
    cortical: CorticalGrayordinates,
    areas: pd.DataFrame,
    parcellations: Parcellations,
) -> dict[str, Any]:
    """Number and size of areas, and the similarity they are based on."""
    return {
        "n_points": cortical.cortex.n_points,
        "n_vertices": cortical.n_vertices,
        "n_areas": len(areas),
        "share_in_area": float((parcellations.labels["all"] > 0).mean()),
        "median_area_mm2": float(areas["area_mm2"].median()),
        "similarity": {
            "kind": "exact" if settings.exact else "linear",
            "rank": None if settings.exact else settings.rank,
            "n_seeds": len(parcellations.maps["all"].seeds),
        },
    }


def area_provenance(study: AreaStudy, inputs: ParticipantInputs) -> dict[str, Any]:
    """Versions, settings and inputs of the parcellation, and the command that reproduces it."""
    settings = study.settings
    words = [
        "painprint parcellate <bids> <out> participant --derivatives <derivatives>",
        *(f"--{name.replace('_', '-')} {p.name}" for name, p in study.maps.files.items()),
        *(["--bids-filter-file <filter>"] if study.bids_filter.queries else []),
        *changed_options(replace(settings, participant_label=(inputs.files.participant,))),
    ]
    return {
        "versions": area_versions(),
        "command": " ".join(words),
        "settings": {row["name"]: row for row in describe(settings)},
        "inputs": inputs.hashes,
        "depends_on": hash_parts(inputs.depends_on),
    }


def _halves(gathered: Gathered, parcellations: Parcellations) -> dict[str, Any] | None:
    """Agreement of areas of odd and even sessions; None where these were not parcellated."""
    maps, labels = parcellations.maps, parcellations.labels
    if not set(HALVES) <= set(labels):
        return None
    sessions = {
        name: list(dict.fromkeys(r["session"] for r in gathered.rows if r["half"] == name))
        for name in HALVES
    }
    odd, even = HALVES
    return {
        "sessions": sessions,
        "n_frames": {name: parcellations.n_frames[name] for name in HALVES},
        "r": correlation(maps[odd].density, maps[even].density),
        "agreement": asdict(compare(labels[odd], labels[even])),
    }


def compare_with_reference(
    study: AreaStudy, labels: Codes, reference: Codes | None
) -> dict[str, Any] | None:
    """Agreement of the areas with those of a reference atlas."""
    path = study.maps.reference_atlas
    if reference is None or path is None:
        return None
    agreement = compare(labels, number_areas(reference))
    return {"name": path.name.partition(".")[0], "agreement": asdict(agreement)}


def about_subcortical(subcortical: SubcorticalRegions | None) -> dict[str, Any] | None:
    if subcortical is None:
        return None
    names = subcortical.atlas.regions.names
    return {
        "atlas": subcortical.atlas.files.label,
        "n_regions": len(subcortical.kept),
        "lost": [names[k] for k in subcortical.lost],
        "share_inside": subcortical.share_inside,
    }


def count_networks(areas: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Number and total size of areas, by network."""
    grouped = areas.groupby(areas["network_label"].fillna(""))["area_mm2"]
    return {
        str(name): {"n_areas": len(sizes), "area_mm2": float(sizes.sum())}
        for name, sizes in grouped
    }
