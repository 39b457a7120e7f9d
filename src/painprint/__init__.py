"""painprint: one person's brain signature of spontaneous pain, from their own fMRI sessions."""

from __future__ import annotations

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
    from painprint.evidence.case import Case, Finding
    from painprint.evidence.registry import ask
    from painprint.regions import Regions
    from painprint.runs import Run
    from painprint.settings import Settings

_HOME = {
    "Case": "evidence.case",
    "Finding": "evidence.case",
    "ask": "evidence.registry",
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

__all__ = [
    "Case",
    "Decoding",
    "Finding",
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
    "ask",
    "bin_edges",
    "decode_runs",
    "edges_to_matrix",
    "frame_ratings",
    "score_frames",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that the command line starts quickly."""
    if name not in _HOME:
        raise AttributeError(f"module 'painprint' has no attribute {name!r}")
    value = getattr(import_module(f"painprint.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
