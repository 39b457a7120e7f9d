"""What a study used, left out and assumed: its audit."""

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


@dataclass(frozen=True)
class Account:
    """What is to be said of a participant's files beside the numbers.

    Attributes
    ----------
    records : tuple of RunRecord
        Of the runs that were read.
    notes : dict
        Sentence to the runs it is about; to none where it is about all.
    geometry : Geometry
        Where the regions lie.
    external : tuple of Path
        Weights of signatures from elsewhere.
    bids_filter : mapping
        Which BOLD and ratings were meant.
    """

    inventory: Inventory
    records: tuple[RunRecord, ...]
    left_out: tuple[ExcludedRun, ...]
    notes: Mapping[str, Sequence[str]]
    geometry: Geometry
    external: tuple[Path, ...] = ()
    bids_filter: Mapping[str, Any] = field(default_factory=dict)


def take_account(
    inventory: Inventory,
    decoding: Decoding,
    records: Sequence[RunRecord],
    left_out: Sequence[ExcludedRun],
    geometry: Geometry,
    *,
    external: Sequence[Path] = (),
    bids_filter: Mapping[str, Any] | None = None,
) -> Account:
    """Collect what was assumed, what is unusual and what was left out."""
    dense = inventory.dense.notes if inventory.dense else ()
    said = (*inventory.notes, *dense, *geometry.notes)
    notes: dict[str, list[str]] = {note: [] for note in said}
    of_run = {record.key: record for record in records}
    rows = decoding.training.run_table.to_dict(orient="records")
    for one, row in zip(decoding.frames, rows, strict=True):
        record = of_run[one.key]
        for note in (*record.notes, *check_run(row, record.quality)):
            notes.setdefault(note, []).append(str(one.key))
    unnamed = [n for n, w in decoding.regions.network_of.items() if not w]
    if inventory.region_table is None:
        notes["no atlas dseg.tsv was found: the regions' networks are unknown."] = []
    elif unnamed:
        notes[f"{len(unnamed)} regions have no network in the atlas (first: {unnamed[0]})."] = []
    everything = (*left_out, *decoding.prepared.runs_left_out)
    chosen = bids_filter or {}
    return Account(inventory, tuple(records), everything, notes, geometry, tuple(external), chosen)


def describe_choice(fold: FoldModel, rules: Rules) -> dict[str, Any]:
    """Lag, penalty and effective degrees of freedom of a model."""
    choice = fold.choice
    found: dict[str, Any] = {
        "lambda": choice.penalty,
        "alpha": choice.alpha,
        "dof": choice.dof,
        "lag_s": fold.lag_s,
    }
    if rules.decoder == "lasso_pcr":
        found["n_components"] = int(choice.dof)
    else:
        found["at_edge_of_grid"] = choice.at_edge
    return found


def runs_table(decoding: Decoding, records: Sequence[RunRecord]) -> pd.DataFrame:
    fd = {record.key: record.bold.mean_fd_mm for record in records}
    of_run = np.array([fd[one.key] for one in decoding.frames], dtype=float)
    return decoding.training.run_table.assign(mean_fd_mm=of_run)


def make_audit(decoding: Decoding, account: Account) -> dict[str, Any]:
    return {
        "participant": account.inventory.participant,
        "simulated": account.inventory.simulated,
        "leave_out": decoding.settings.leave_out,
        "groups": list(decoding.groups),
        "exceptions": [*_exceptions(decoding), *_of_atlas(decoding, account.inventory)],
        "folds": [_fold_audit(fold, decoding) for fold in decoding.folds],
        "final": _fold_audit(decoding.final, decoding),
        "runs": runs_table(decoding, account.records).to_dict(orient="records"),
        "runs_left_out": [{**asdict(run.key), "reason": run.reason} for run in account.left_out],
        "regions_left_out": decoding.prepared.regions_left_out,
        "notes": [{"note": note, "runs": runs} for note, runs in account.notes.items()],
        "sessions": account.inventory.sessions.to_dict(orient="records"),
        "dense": describe_cleaning(account.inventory, decoding.settings),
        "own_atlas_of": _own_atlas_of(account.inventory),
    }


def _own_atlas_of(inventory: Inventory) -> str | None:
    """Whose own the atlas is; None for a group's, or where it does not say."""
    return (inventory.image.participant or None) if inventory.image else None


def describe_cleaning(inventory: Inventory, settings: Settings) -> dict[str, Any] | None:
    """How regional time series were made of dense BOLD; None where they were given."""
    if inventory.image is None or inventory.dense is None:
        return None
    return {
        "kind": inventory.dense.kind,
        "atlas": inventory.image.image.name,
        **{name: getattr(settings, name) for name in CLEANING},
    }


def _exceptions(decoding: Decoding) -> list[str]:
    """Where what is held out touches what is trained, declared."""
    exceptions = [
        "region set: fixed over all runs by coverage and by exclusions asked for, not by ratings"
    ]
    if decoding.settings.rules.lambda_grid == "all":
        exceptions.append(
            "penalty grid (paper preset): made from all groups, the held-out one's ratings included"
        )
    runs_of_session = decoding.training.run_table["session"].value_counts()
    if decoding.settings.leave_out == "run" and (runs_of_session > 1).any():
        exceptions.append(
            "runs were left out, not sessions: other runs of the same session were in training"
        )
    return exceptions


def _of_atlas(decoding: Decoding, inventory: Inventory) -> list[str]:
    """Whether the person's own atlas has seen sessions that are held out."""
    made_from = inventory.image.made_from if inventory.image else None
    if made_from is None or made_from.participant != inventory.participant:
        return []
    decoded = list(dict.fromkeys(one.key.session for one in decoding.frames))
    seen = [session for session in decoded if session in made_from.sessions]
    if not seen:
        return []
    return [
        f"individual atlas: made of resting scans of {len(made_from.sessions)} sessions, "
        f"{len(seen)} of them among the {len(decoded)} decoded ones (their scans at rest, not "
        "their ratings)"
    ]


def _fold_audit(fold: FoldModel, decoding: Decoding) -> dict[str, Any]:
    """Which groups touched which parameter of a model."""
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
