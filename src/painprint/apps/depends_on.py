"""What the results of a participant depend on, by which they are recognised."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from painprint.apps.participant_inputs import ParticipantInputs
from painprint.apps.study import Study
from painprint.bids.runs import files_of
from painprint.results.predecessor import Predecessor
from painprint.results.provenance import DETAILED, hash_external, hash_priors, versions


def describe_inputs(
    study: Study, inputs: ParticipantInputs, predecessor: Predecessor | None
) -> dict[str, Any]:
    """Everything on which the results of a participant depend, part by part.

    Parameters
    ----------
    predecessor : Predecessor or None
        The signature that the new one replaces.
    """
    inventory, hashes = inputs.inventory, inputs.reader.hashes
    dense = inventory.dense
    dense_files = (*dense.files.values(), *dense.masks.values()) if dense else ()
    files = dict.fromkeys((*files_of(inventory), *dense_files))
    if inventory.image is not None and inventory.region_table is not None:
        files.pop(inventory.region_table, None)  # made of the image
    extraction = inputs.reader.extraction
    surfaces = [hashes.of(path) for path in extraction.smoothed_on] if extraction else []
    parts = {
        "versions": versions(),
        "settings": {
            **asdict(study.settings),
            "participant_label": inventory.participant,
            "atlas": inventory.atlas,
        },
        "inputs": {file.uri: hashes.of(file.path) for file in files},
        "external": hash_external(study.signatures.external, hashes),
        "prior": hash_priors(study.signatures.prior, hashes),
        "bids_filter": study.bids_filter.queries,
        "runs left out": [str(run) for run in inventory.excluded],
        "notes": inventory.notes,
        "sessions.tsv": inventory.sessions.to_dict(orient="records"),
        "surfaces": surfaces,
        "simulated": inventory.simulated,
        "individual atlas": asdict(inventory.made_from) if inventory.made_from else None,
        "the earlier signature": predecessor.identity if predecessor else None,
    }
    return {name: part for name, part in parts.items() if part or name in DETAILED}
