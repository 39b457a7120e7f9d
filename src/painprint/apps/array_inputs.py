"""What stands for the files of a study where runs are arrays: inventory, quality, hashes."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

import numpy as np
import pandas as pd

from painprint.atlas.geometry import Geometry
from painprint.atlas.surfaces import Surfaces
from painprint.bids.load import RunRecord
from painprint.bids.ratings import event_quality
from painprint.bids.runs import Inventory
from painprint.decode.decoding import Decoding
from painprint.decode.prior import Prior

NO_GEOMETRY = Geometry(None, None, Surfaces({}, in_mni=False), {}, ())


def inventory_of(decoding: Decoding, participant: str) -> Inventory:
    """An inventory without files; of the labels of tasks, letters and digits, as in file names."""
    label = str(participant).removeprefix("sub-")
    if not re.fullmatch("[0-9A-Za-z]+", label):
        raise ValueError(f"participant is {participant!r}; give letters and digits, such as '01'.")
    tasks = (re.sub("[^0-9A-Za-z]", "", run.key.task) for run in decoding.frames)
    return Inventory(
        participant=label,
        atlas="",
        tasks=tuple(dict.fromkeys(tasks)),
        runs=(),
        excluded=(),
        rest=(),
        dense=None,
        notes=(),
        region_table=None,
        sessions=pd.DataFrame({"session": []}),
        simulated=False,
    )


def records_of(decoding: Decoding) -> list[RunRecord]:
    """Quality of the runs that were used, as far as their frames tell."""
    records = []
    for run in decoding.frames:
        rating = event_quality(run.rating, decoding.settings.rating_range)
        if run.event is None:
            rating = replace(rating, n_gaps=None)
        bold = decoding.prepared.quality[run.key]
        records.append(RunRecord(run.key, rating, "", (), (), bold))
    return records


def hash_prior(prior: Prior | None) -> list[dict[str, str]]:
    """SHA-256 of the weights of a prior; nothing without one."""
    if prior is None:
        return []
    digest = hashlib.sha256(repr(prior.regions).encode())
    for weights in (prior.edges, prior.activity):
        if weights is not None:
            digest.update(np.ascontiguousarray(weights).tobytes())
    return [{"name": f"prior of {prior.n_people}", "sha256": digest.hexdigest()}]


def hash_frames(decoding: Decoding) -> str:
    """SHA-256 of the signals and ratings that were decoded."""
    digest = hashlib.sha256(repr(decoding.regions.names).encode())
    for run in decoding.frames:
        digest.update(str(run.key).encode())
        for array in (run.signals, run.rating, run.frame):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
