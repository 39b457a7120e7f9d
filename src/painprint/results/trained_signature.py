"""The signature of a decoding, with its origin, its performance and the runs that trained it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from painprint.bids.runs import Inventory
from painprint.decode.decoding import Decoding
from painprint.files.inputs import InputHashes
from painprint.results.conclusion import flagged_confounds
from painprint.results.files import ParticipantFiles
from painprint.settings import CLEANING, READ_WITH, Settings
from painprint.signature.model import Signature, complete_signature, make_signature
from painprint.signature.origin import Origin


def signature_of(
    files: ParticipantFiles,
    decoding: Decoding,
    metrics: Mapping[str, Any],
    inventory: Inventory,
    hashes: InputHashes,
) -> Signature:
    """The signature, with those metrics from which its performance is told."""
    null = metrics["stages"]["null"]
    tested = None if null is None else {k: null[k] for k in ("n_permutations",) if k in null}
    flags = {name: {"flagged": True} for name in flagged_confounds(metrics)}
    models = make_signature(
        decoding,
        simulated=inventory.simulated,
        metrics={**metrics, "stages": {"null": tested, "confounds": flags}},
        participant=files.participant,
    )
    return complete_signature(
        models,
        decoding,
        origin=_origin(inventory, decoding.settings, hashes),
        runs_sha256=_runs_that_trained(decoding, inventory, hashes),
    )


def _runs_that_trained(
    decoding: Decoding, inventory: Inventory, hashes: InputHashes
) -> tuple[str, ...]:
    """Hashes of the signals of the runs that were decoded, and of those of the prior."""
    prior, used = decoding.prepared.prior, {frames.key for frames in decoding.frames}
    digests = [hashes.of(run.series.path) for run in inventory.runs if run.key in used]
    return tuple(dict.fromkeys((*digests, *(prior.runs_sha256 if prior else ()))))


def _origin(inventory: Inventory, settings: Settings, hashes: InputHashes) -> Origin:
    """Origin of the regional signals: the atlas, by name and hash, and the options."""
    table, image = inventory.region_table, inventory.image
    dense = inventory.dense if image else None
    return Origin(
        atlas=inventory.atlas,
        atlas_image=image.image.name if image else "",
        atlas_image_sha256=hashes.whole(image.image) if image else "",
        region_table_sha256=hashes.whole(table.path) if table and table.path.exists() else "",
        dense={name: getattr(settings, name) for name in CLEANING} if dense else None,
        kind=dense.kind if dense else "",
        read_with={name: getattr(settings, name) for name in READ_WITH},
    )
