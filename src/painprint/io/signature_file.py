"""Signature files: safetensors and JSON. Loading checks everything and runs nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from painprint.edges import count_edges
from painprint.io.errors import DerivativesError
from painprint.io.store import content_key, write_bytes, write_json
from painprint.io.tables import read_json
from painprint.parcellation import Regions
from painprint.signature import Signature, UsedModel

FORMAT, VERSION = "painprint signature", 1
WEIGHTS, DESCRIPTION = "weights.safetensors", "signature.json"


def write_signature(folder: Path, signature: Signature) -> None:
    """Write weights and description; the description last, so that it never lacks them."""
    weights = np.ascontiguousarray(signature.weights, dtype="<f8")
    write_bytes(folder / WEIGHTS, save({"weights": weights}))
    described = {
        "format": FORMAT,
        "version": VERSION,
        "simulated": signature.simulated,
        "preset": signature.preset,
        "drop_s": signature.drop_s,
        "tr_s": signature.tr_s,
        "regions": [
            {"name": name, "network": network}
            for name, network in signature.regions.network_of.items()
        ],
        "models": [
            {
                "held_out": model.held_out or None,
                "intercept": model.intercept,
                "training_mean": model.training_mean,
                "lag_s": model.lag_s,
            }
            for model in signature.models
        ],
        "weights": {"shape": weights.shape, "sha256": _digest(weights)},
        "metrics": signature.metrics,
    }
    write_json(folder / DESCRIPTION, {**described, "sha256": content_key(described)})


def read_signature(path: Path) -> Signature:
    """Read a signature, given its folder or its signature.json.

    Raises
    ------
    DerivativesError
        If anything is missing, malformed, or not what its hash says.
    """
    folder = path if path.is_dir() else path.parent
    described = folder / DESCRIPTION
    content = read_json(described)
    if content.get("format") != FORMAT:
        raise DerivativesError(f"is not a {FORMAT}.", described)
    if content.get("version") != VERSION:
        raise DerivativesError(
            f"has version {content.get('version')!r}, but this painprint reads version "
            f"{VERSION}. Update painprint.",
            described,
        )
    stated = content.pop("sha256", None)
    try:
        as_written = stated == content_key(content)
    except RecursionError:
        as_written = False
    if not as_written:
        raise DerivativesError(
            "is not what was written (SHA-256 differs). Copy the signature again.", described
        )
    try:
        regions = Regions(
            tuple(_text(row["name"]) for row in _rows(content, "regions")),
            tuple(_text(row["network"]) for row in _rows(content, "regions")),
        )
        models = tuple(
            UsedModel(
                held_out="" if row["held_out"] is None else _text(row["held_out"]),
                intercept=_number(row["intercept"]),
                training_mean=_number(row["training_mean"]),
                lag_s=_number(row["lag_s"]),
            )
            for row in _rows(content, "models")
        )
        shape = (len(models), count_edges(len(regions.names)))
        return Signature(
            regions=regions,
            models=models,
            weights=_read_weights(folder / WEIGHTS, shape, content["weights"]["sha256"]),
            preset=_text(content["preset"]),
            drop_s=_number(content["drop_s"]),
            tr_s=tuple(_number(value) for value in content["tr_s"]),
            simulated=content["simulated"] is True,
            metrics=dict(content["metrics"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DerivativesError(f"is damaged ({error!r}). Write it again.", described) from error


def _read_weights(path: Path, shape: tuple[int, int], digest: Any) -> NDArray[np.float64]:
    expected = 8 * shape[0] * shape[1]
    try:
        size = path.stat().st_size
        if not expected <= size <= expected + 4096:
            raise DerivativesError(
                f"has {size} bytes, but about {expected} are expected for {shape[0]} models x "
                f"{shape[1]} edges.",
                path,
            )
        arrays = load(path.read_bytes())
    except OSError as error:
        raise DerivativesError(f"cannot be read ({error.strerror}).", path) from error
    except (SafetensorError, ValueError, KeyError) as error:
        raise DerivativesError(f"is not a safetensors file ({error}).", path) from error
    weights = arrays.get("weights")
    if weights is None or weights.dtype != np.float64 or weights.shape != shape:
        raise DerivativesError(f"must hold float64 weights of shape {shape}.", path)
    if _digest(weights) != digest:
        raise DerivativesError(
            "is not what its description says (SHA-256 differs). Copy both files again.", path
        )
    return weights


def _digest(weights: NDArray[np.float64]) -> str:
    return hashlib.sha256(np.ascontiguousarray(weights).tobytes()).hexdigest()


def _rows(content: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    rows = content[key]
    if not isinstance(rows, list):
        raise TypeError(f"{key} is no list")
    return rows


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        raise TypeError(f"{value!r} is no number")
    return float(value)
