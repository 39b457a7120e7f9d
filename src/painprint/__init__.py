"""painprint: one person's brain signature of spontaneous pain, from their own fMRI sessions."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from painprint.bids.ratings import RatingRecording, frame_ratings
    from painprint.decode.decoding import Decoding, decode_runs
    from painprint.decode.training import FoldModel
    from painprint.edges import bin_edges, edges_to_matrix, score_frames
    from painprint.estimators import (
        GroupsNotGiven,
        LassoPCR,
        NestedDecoder,
        NestedLassoPCR,
        NestedRidge,
        RidgeDecoder,
    )
    from painprint.evidence.case import Case
    from painprint.evidence.stage import StageResult
    from painprint.evidence.stages import run_stage
    from painprint.regions import Regions
    from painprint.runs import Run
    from painprint.settings import Settings

_HOME = {
    "Case": "evidence.case",
    "StageResult": "evidence.stage",
    "run_stage": "evidence.stages",
    "Decoding": "decode.decoding",
    "FoldModel": "decode.training",
    "decode_runs": "decode.decoding",
    "bin_edges": "edges",
    "edges_to_matrix": "edges",
    "score_frames": "edges",
    "GroupsNotGiven": "estimators",
    "LassoPCR": "estimators",
    "NestedDecoder": "estimators",
    "NestedLassoPCR": "estimators",
    "NestedRidge": "estimators",
    "RidgeDecoder": "estimators",
    "Regions": "regions",
    "RatingRecording": "bids.ratings",
    "frame_ratings": "bids.ratings",
    "Run": "runs",
    "Settings": "settings",
}

_RENAMED = {"Finding": "StageResult", "ask": "run_stage"}
"""Names of the version before."""

__all__ = [
    "Case",
    "Decoding",
    "FoldModel",
    "GroupsNotGiven",
    "LassoPCR",
    "NestedDecoder",
    "NestedLassoPCR",
    "NestedRidge",
    "RatingRecording",
    "Regions",
    "RidgeDecoder",
    "Run",
    "Settings",
    "StageResult",
    "bin_edges",
    "decode_runs",
    "edges_to_matrix",
    "frame_ratings",
    "run_stage",
    "score_frames",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that the command line starts quickly."""
    if name in _RENAMED:
        new = _RENAMED[name]
        warnings.warn(
            f"painprint.{name} is now painprint.{new}; the old name goes with the next version.",
            DeprecationWarning,
            stacklevel=2,
        )
        name = new
    if name not in _HOME:
        raise AttributeError(f"module 'painprint' has no attribute {name!r}")
    value = getattr(import_module(f"painprint.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
