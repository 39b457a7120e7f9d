"""The audit of a study: what was used, excluded and assumed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from painprint.atlas.geometry import Geometry
from painprint.bids.load import RunRecord
from painprint.bids.runs import Inventory
from painprint.decode.decoding import Decoding
from painprint.decode.training import FoldModel
from painprint.results.checks import check_run
from painprint.runs import ExcludedRun
from painprint.settings import CLEANING, Rules, Settings

NO_NETWORKS = "no atlas dseg.tsv was found: the regions' networks are unknown."


@dataclass(frozen=True)
class RunLog:
    """Which files of a participant were read, and what was noted and excluded.

    Attributes
    ----------
    records : tuple of RunRecord
        Runs that were read.
    notes : dict
        Runs that each note concerns, by its text; empty where it concerns all.
    geometry : Geometry
        Locations of the regions.
    external : tuple of Path
        Weights of external signatures.
    bids_filter : mapping
        Filter by which BOLD and ratings were selected.
    """

    inventory: Inventory
    records: tuple[RunRecord, ...]
    left_out: tuple[ExcludedRun, ...]
    notes: Mapping[str, Sequence[str]]
    geometry: Geometry
    external: tuple[Path, ...] = ()
    bids_filter: Mapping[str, Any] = field(default_factory=dict)

    @property
    def of_arrays(self) -> bool:
        """Whether the runs were given from Python, and no file was read."""
        return not self.inventory.runs


def make_run_log(
    inventory: Inventory,
    decoding: Decoding,
    records: Sequence[RunRecord],
    left_out: Sequence[ExcludedRun],
    geometry: Geometry,
    *,
    external: Sequence[Path] = (),
    bids_filter: Mapping[str, Any] | None = None,
) -> RunLog:
    """Collect assumptions, notes on unusual runs, and exclusions."""
    dense = inventory.dense.notes if inventory.dense else ()
    general = (*inventory.notes, *dense, *geometry.notes, *decoding.prepared.notes)
    notes: dict[str, list[str]] = {note: [] for note in general}
    record_of = {record.key: record for record in records}
    rows = decoding.training.run_table.to_dict(orient="records")
    for run, row in zip(decoding.frames, rows, strict=True):
        record = record_of[run.key]
        for note in (*record.notes, *check_run(row, record.quality)):
            notes.setdefault(note, []).append(str(run.key))
    unnamed = [n for n, w in decoding.regions.network_of.items() if not w]
    if len(unnamed) == len(decoding.regions.names) and inventory.region_table is None:
        notes[NO_NETWORKS] = []
    elif unnamed:
        notes[f"{len(unnamed)} regions have no network in the atlas (first: {unnamed[0]})."] = []
    return RunLog(
        inventory,
        tuple(records),
        (*left_out, *decoding.prepared.runs_left_out),
        notes,
        geometry,
        tuple(external),
        bids_filter or {},
    )


def describe_choice(fold: FoldModel, rules: Rules) -> dict[str, Any]:
    """Lag, penalty and effective degrees of freedom of a model."""
    choice = fold.choice
    description: dict[str, Any] = {
        "lambda": choice.penalty,
        "alpha": choice.alpha,
        "dof": choice.dof,
        "lag_s": fold.lag_s,
    }
    if rules.decoder == "lasso_pcr":
        description["n_components"] = int(choice.dof)
    else:
        description["at_edge_of_grid"] = choice.at_edge
    if choice.prior_share is not None:
        description["prior_share"] = choice.prior_share
    return description


def runs_table(decoding: Decoding, records: Sequence[RunRecord]) -> pd.DataFrame:
    """The run table of the decoding, with mean framewise displacement (mm)."""
    fd = {record.key: record.bold.mean_fd_mm for record in records}
    mean_fd = np.array([fd[run.key] for run in decoding.frames], dtype=float)
    return decoding.training.run_table.assign(mean_fd_mm=mean_fd)


def make_audit(decoding: Decoding, run_log: RunLog) -> dict[str, Any]:
    """Contents of ``audit.json``."""
    made_from = run_log.inventory.made_from
    return {
        "participant": run_log.inventory.participant,
        "simulated": run_log.inventory.simulated,
        "leave_out": decoding.settings.leave_out,
        "groups": list(decoding.groups),
        "exceptions": [*_exceptions(decoding), *_of_atlas(decoding, run_log.inventory)],
        "folds": [_fold_audit(fold, decoding) for fold in decoding.folds],
        "final": _fold_audit(decoding.final, decoding),
        "runs": runs_table(decoding, run_log.records).to_dict(orient="records"),
        "runs_left_out": [{**asdict(run.key), "reason": run.reason} for run in run_log.left_out],
        "regions_left_out": decoding.prepared.regions_left_out,
        "notes": [{"note": note, "runs": runs} for note, runs in run_log.notes.items()],
        "sessions": run_log.inventory.sessions.to_dict(orient="records"),
        "dense": describe_cleaning(run_log.inventory, decoding.settings),
        "own_atlas_of": made_from.participant if made_from else None,
    }


def describe_cleaning(inventory: Inventory, settings: Settings) -> dict[str, Any] | None:
    """How regional time series were extracted from dense BOLD; None where they were given."""
    if inventory.image is None or inventory.dense is None:
        return None
    return {
        "kind": inventory.dense.kind,
        "atlas": inventory.image.image.name,
        **{name: getattr(settings, name) for name in CLEANING},
    }


def _exceptions(decoding: Decoding) -> list[str]:
    """Declared exceptions to the separation of training and test data."""
    exceptions = [
        "region set: fixed over all runs by coverage and requested exclusions, not by ratings"
    ]
    if decoding.settings.rules.lambda_grid == "all":
        exceptions.append(
            "penalty grid (paper preset): made from all groups, the held-out one's ratings included"
        )
    runs_of_session = decoding.training.run_table["session"].value_counts()
    if decoding.settings.leave_out == "run" and (runs_of_session > 1).any():
        exceptions.append(
            "runs were held out, not sessions: other runs of the same session were in training"
        )
    return exceptions


def _of_atlas(decoding: Decoding, inventory: Inventory) -> list[str]:
    """Whether an individual parcellation was made from sessions that are held out."""
    made_from = inventory.made_from
    if made_from is None or made_from.participant != inventory.participant:
        return []
    decoded = list(dict.fromkeys(run.key.session for run in decoding.frames))
    seen = [session for session in decoded if session in made_from.sessions]
    if not seen:
        return []
    return [
        f"individual parcellation: made from resting scans of {len(made_from.sessions)} sessions, "
        f"{len(seen)} of them among the {len(decoded)} decoded ones (their scans at rest, not "
        "their ratings)"
    ]


def _fold_audit(fold: FoldModel, decoding: Decoding) -> dict[str, Any]:
    """Which groups each parameter of a model was estimated from."""
    others = [group for group in decoding.groups if group != fold.held_out]
    grid = list(decoding.groups) if decoding.settings.rules.lambda_grid == "all" else others
    touched = dict.fromkeys(("lag", "penalty", "components", "weights", "training_mean"), others)
    return {
        "held_out": fold.held_out or None,
        "touched_by": {"penalty_grid": grid, **touched},
        **describe_choice(fold, decoding.settings.rules),
        "training_mean": fold.training_mean,
        "intercept": fold.intercept,
    }
