"""Signature files: safetensors and JSON. Loading checks all contents and executes no code."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from painprint.edges import count_edges
from painprint.errors import DerivativesError
from painprint.files.tables import read_json
from painprint.regions import Regions
from painprint.settings import DECODING
from painprint.signature.applicability import ApplicabilityDomain, ReferenceDistribution
from painprint.signature.model import PUBLISHED, History, Signature, UsedModel
from painprint.stats.conformal import NonconformityScores
from painprint.store.files import content_key, hash_file, write_bytes, write_json

FORMAT, VERSION = "painprint signature", 3
READABLE = (1, 2, 3)
"""Version 1 contains models alone; version 3 states which decoder made them."""
WEIGHTS, DESCRIPTION = "weights.safetensors", "signature.json"


def write_signature(folder: Path, signature: Signature) -> None:
    """Write the arrays, then the description, which never exists without them."""
    arrays = {"weights": np.ascontiguousarray(signature.weights, dtype="<f8")}
    domain = signature.domain
    if domain is not None:
        arrays["mean_edges"] = np.ascontiguousarray(domain.mean, dtype="<f8")
        arrays["components"] = np.ascontiguousarray(domain.components, dtype="<f4")
    if signature.activity is not None:
        arrays["activity"] = np.ascontiguousarray(signature.activity, dtype="<f8")
    write_bytes(folder / WEIGHTS, save(arrays))
    described = {
        "format": FORMAT,
        "version": VERSION,
        "simulated": signature.simulated,
        "preset": signature.preset,
        **signature.decoder,
        "leave_out": signature.leave_out,
        "drop_s": signature.drop_s,
        "tr_s": signature.tr_s,
        "origin": signature.origin,
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
        "arrays": {
            name: {"shape": array.shape, "dtype": str(array.dtype), "sha256": _digest(array)}
            for name, array in arrays.items()
        },
        "envelope": None if domain is None else _describe_domain(domain),
        "history": None if signature.history is None else _describe_history(signature.history),
        "metrics": signature.metrics,
    }
    write_json(folder / DESCRIPTION, {**described, "sha256": content_key(described)})


def hash_signature(path: Path) -> str:
    """SHA-256 of the description of a signature, which contains those of its arrays."""
    return hash_file(path / DESCRIPTION if path.is_dir() else path)


def _describe_domain(domain: ApplicabilityDomain) -> dict[str, Any]:
    return {
        "sd": domain.sd,
        "shortest_s": domain.shortest_s,
        "tr_s": domain.tr_s,
        "spreads": [
            {"measure": measure, "scale": scale, **asdict(distribution)}
            for (measure, scale), distribution in domain.distributions.items()
        ],
    }


def _describe_history(history: History) -> dict[str, Any]:
    return {
        "levels": history.levels,
        "errors": {scale: scores.by_group for scale, scores in history.errors.items()},
    }


def read_signature(path: Path) -> Signature:
    """Read a signature, given its folder or its signature.json.

    Raises
    ------
    DerivativesError
        If anything is missing, malformed, or does not match its hash.
    """
    folder = path if path.is_dir() else path.parent
    described = folder / DESCRIPTION
    if not described.exists() and not described.is_symlink():
        raise DerivativesError(
            f"there is no signature at {path}. Pass the folder OUT/sub-01/decoding/*_signature."
        )
    content = read_json(described)
    if content.get("format") != FORMAT:
        raise DerivativesError(f"is not a {FORMAT}.", described)
    version = content.get("version")
    if version not in READABLE or isinstance(version, bool):
        raise DerivativesError(
            f"has version {version!r}, but this painprint reads up to {VERSION}. Update painprint.",
            described,
        )
    stated = content.pop("sha256", None)
    try:
        is_intact = stated == content_key(content)
    except RecursionError:
        is_intact = False
    if not is_intact:
        raise DerivativesError(
            "is not what was written (SHA-256 differs). Copy the signature again.", described
        )
    try:
        return _signature_of(_as_latest(content), folder / WEIGHTS)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DerivativesError(f"is corrupted ({error!r}). Write it again.", described) from error


def _as_latest(content: dict[str, Any]) -> dict[str, Any]:
    """Convert the description of an earlier version to the current one."""
    if content["version"] < 3:
        content = {**content, **PUBLISHED}
    if content["version"] < 2:
        added: dict[str, Any] = {
            "leave_out": "session",
            "origin": {},
            "envelope": None,
            "history": None,
        }
        content = {**content, **added, "arrays": {"weights": content["weights"]}}
    return content


def _signature_of(content: Mapping[str, Any], path: Path) -> Signature:
    """Signature from its description and the arrays of a file."""
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
    n_edges, domain = count_edges(len(regions.names)), content["envelope"]
    expected: dict[str, tuple[str, tuple[int, ...]]] = {
        "weights": ("float64", (len(models), n_edges))
    }
    if domain is not None:
        expected["mean_edges"] = ("float64", (n_edges,))
        expected["components"] = ("float32", (len(_numbers(domain["sd"])), n_edges))
    if content["features"] != "edges":
        expected["activity"] = ("float64", (len(models), len(regions.names)))
    digests = {name: content["arrays"][name]["sha256"] for name in expected}
    arrays = _read_arrays(path, expected, digests)
    return Signature(
        regions=regions,
        models=models,
        weights=arrays["weights"],
        preset=_text(content["preset"]),
        drop_s=_number(content["drop_s"]),
        tr_s=tuple(_numbers(content["tr_s"])),
        simulated=_boolean(content["simulated"]),
        metrics=dict(content["metrics"]),
        leave_out=_text(content["leave_out"]),
        domain=None if domain is None else _read_domain(domain, arrays),
        history=_read_history(content["history"]),
        origin=dict(content["origin"]),
        decoder={name: _text(content[name]) for name in DECODING},
        activity=arrays.get("activity"),
    )


def _read_domain(
    content: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> ApplicabilityDomain:
    distributions = {
        (_text(row["measure"]), _text(row["scale"])): ReferenceDistribution(
            _number(row["mean"]), _number(row["sd"]), int(_number(row["n_groups"]))
        )
        for row in _rows(content, "spreads")
    }
    return ApplicabilityDomain(
        mean=arrays["mean_edges"],
        components=arrays["components"],
        sd=np.array(_numbers(content["sd"])),
        distributions=distributions,
        shortest_s=_number(content["shortest_s"]),
        tr_s=tuple(_numbers(content["tr_s"])),
    )


def _read_history(content: Any) -> History | None:
    if content is None:
        return None
    errors = {
        _text(scale): NonconformityScores([np.array(_numbers(group)) for group in groups])
        for scale, groups in content["errors"].items()
    }
    return History(errors, tuple(_numbers(content["levels"])))


def _read_arrays(
    path: Path, expected: Mapping[str, tuple[str, tuple[int, ...]]], digests: Mapping[str, Any]
) -> dict[str, NDArray[Any]]:
    """Read exactly the expected arrays, checking types, shapes and hashes."""
    n_bytes = sum(np.dtype(kind).itemsize * math.prod(shape) for kind, shape in expected.values())
    try:
        size = path.stat().st_size
        if not n_bytes <= size <= n_bytes + 4096:  # the header of the file is small
            raise DerivativesError(
                f"has {size} bytes, but about {n_bytes} are expected for {', '.join(expected)}.",
                path,
            )
        arrays = load(path.read_bytes())
    except OSError as error:
        raise DerivativesError(f"cannot be read ({error.strerror}).", path) from error
    except (SafetensorError, ValueError, KeyError) as error:
        raise DerivativesError(f"is not a safetensors file ({error}).", path) from error
    for name, (kind, shape) in expected.items():
        array = arrays.get(name)
        if array is None or str(array.dtype) != kind or array.shape != shape:
            raise DerivativesError(f"must hold {kind} {name} of shape {shape}.", path)
        if _digest(array) != digests[name]:
            raise DerivativesError(
                "does not match its description (SHA-256 differs). Copy both files again.", path
            )
    return arrays


def _digest(array: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value


def _numbers(values: Any) -> list[float]:
    if not isinstance(values, list):
        raise TypeError("not a list of numbers")
    return [_number(value) for value in values]


def _rows(content: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    rows = content[key]
    if not isinstance(rows, list):
        raise TypeError(f"{key} is not a list")
    return rows


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        raise TypeError(f"{value!r} is not a number")
    return float(value)
