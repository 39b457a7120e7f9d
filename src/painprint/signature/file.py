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
from painprint.signature.fields import Fields, check_plain
from painprint.signature.model import PUBLISHED, History, Signature, UsedModel
from painprint.signature.origin import Origin
from painprint.signature.performance import check_performance
from painprint.stats.conformal import NonconformityScores
from painprint.store.files import content_key, hash_file, write_bytes, write_json

FORMAT, VERSION = "painprint signature", 5
READABLE = (1, 2, 3, 4, 5)
"""Version 1 contains models alone; version 3 states which decoder made them, version 4 whose they
are, version 5 has the hashes of the runs, and patterns."""
MOST_BYTES = 50_000_000
"""Upper limit for the description, which has no arrays."""
PATTERNS = ("pattern", "activity_pattern")
"""Arrays of edges and of activity of which priors are made."""
WEIGHTS, DESCRIPTION = "weights.safetensors", "signature.json"


def write_signature(folder: Path, signature: Signature) -> None:
    """Write the arrays, then the description, which never exists without them."""
    arrays = {"weights": np.ascontiguousarray(signature.weights, dtype="<f8")}
    domain = signature.domain
    if domain is not None:
        arrays["mean_edges"] = np.ascontiguousarray(domain.mean, dtype="<f8")
        arrays["components"] = np.ascontiguousarray(domain.components, dtype="<f4")
    for name in ("activity", *PATTERNS):
        if (values := getattr(signature, name)) is not None:
            arrays[name] = np.ascontiguousarray(values, dtype="<f8")
    write_bytes(folder / WEIGHTS, save(arrays))
    described = {
        "format": FORMAT,
        "version": VERSION,
        "participant": signature.participant or None,
        "simulated": signature.simulated,
        "recalibrated": signature.recalibrated,
        "preset": signature.preset,
        **signature.decoder,
        "leave_out": signature.leave_out,
        "drop_s": signature.drop_s,
        "tr_s": signature.tr_s,
        "origin": _describe_origin(signature.origin),
        "runs_sha256": signature.runs_sha256,
        "regions": describe_regions(signature.regions),
        "models": [
            {**asdict(model), "held_out": model.held_out or None} for model in signature.models
        ],
        "arrays": {
            name: {"shape": array.shape, "dtype": str(array.dtype), "sha256": hash_array(array)}
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


def describe_regions(regions: Regions) -> list[dict[str, str]]:
    """Regions in the description of a signature or prior."""
    return [{"name": n, "network": network} for n, network in regions.network_of.items()]


def read_regions(content: Fields) -> Regions:
    """The regions that :func:`describe_regions` described."""
    rows = content.rows("regions")
    names = tuple(row.text("name") for row in rows)
    return Regions(names, tuple(row.text_or_empty("network") for row in rows))


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
    if described.is_file() and described.stat().st_size > MOST_BYTES:
        raise DerivativesError(f"has more than {MOST_BYTES // 10**6} MB; none has.", described)
    content = read_json(described)
    if content.get("format") != FORMAT:
        raise DerivativesError(f"is not a {FORMAT}.", described)
    version = content.get("version")
    if version not in READABLE or isinstance(version, bool):
        raise DerivativesError(
            f"has version {version!r:.40}, but this painprint reads up to {VERSION}. Update "
            "painprint.",
            described,
        )
    stated = content.pop("sha256", None)
    try:
        check_plain(content)
        if stated != content_key(content):
            raise DerivativesError(
                "is not what was written (SHA-256 differs). Copy the signature again.", described
            )
        return _signature_of(Fields(_as_latest(content)), folder / WEIGHTS)
    except ValueError as error:
        reason = str(error).rstrip(".")
        raise DerivativesError(
            f"is no valid signature: {reason}. Copy the signature again, or decode the participant "
            "again.",
            described,
        ) from error


def _as_latest(content: dict[str, Any]) -> dict[str, Any]:
    """Convert the description of an earlier version to the current one."""
    if content["version"] < 5:
        content = {**content, "runs_sha256": []}
    if content["version"] < 4:
        content = {**content, "participant": None}
    if content["version"] < 3:
        content = {**content, **PUBLISHED}
    if content["version"] < 2:
        added: dict[str, Any] = {
            "leave_out": "session",
            "origin": {},
            "envelope": None,
            "history": None,
        }
        content = {**content, **added, "arrays": {"weights": content.get("weights")}}
    return content


def _signature_of(content: Fields, path: Path) -> Signature:
    """Signature from its description and the arrays of a file."""
    regions = read_regions(content)
    n_regions = len(regions.names)
    if n_regions < 2:
        raise ValueError(f"it has {n_regions} regions; edges need two")
    models = tuple(
        UsedModel(
            held_out=row.text_or_empty("held_out"),
            intercept=row.number("intercept"),
            training_mean=row.number("training_mean"),
            lag_s=row.number("lag_s"),
        )
        for row in content.rows("models")
    )
    domain = None if content.is_null("envelope") else content.inner("envelope")
    n_edges = count_edges(n_regions)
    expected: dict[str, tuple[str, tuple[int, ...]]] = {
        "weights": ("float64", (len(models), n_edges))
    }
    if domain is not None:
        expected["mean_edges"] = ("float64", (n_edges,))
        expected["components"] = ("float32", (len(domain.numbers("sd")), n_edges))
    if content.text("features") != "edges":
        expected["activity"] = ("float64", (len(models), n_regions))
    metrics = content.inner("metrics")
    check_performance(metrics)
    described = content.inner("arrays")
    sizes = dict(zip(PATTERNS, (n_edges, n_regions), strict=True))
    expected |= {n: ("float64", (sizes[n],)) for n in PATTERNS if n in described.values}
    arrays = _read_arrays(
        path, expected, {name: described.inner(name).text("sha256") for name in expected}
    )
    return Signature(
        regions=regions,
        models=models,
        weights=arrays["weights"],
        preset=content.text("preset"),
        drop_s=content.number("drop_s"),
        tr_s=content.numbers("tr_s"),
        simulated=content.flag("simulated"),
        metrics=metrics.values,
        leave_out=content.text("leave_out"),
        domain=None if domain is None else _read_domain(domain, arrays),
        history=None if content.is_null("history") else _read_history(content.inner("history")),
        origin=_read_origin(content.inner("origin")),
        decoder={name: content.text(name) for name in DECODING},
        activity=arrays.get("activity"),
        participant=content.text_or_empty("participant"),
        recalibrated="recalibrated" in content.values and content.flag("recalibrated"),
        runs_sha256=content.texts("runs_sha256"),
        **{name: arrays.get(name) for name in PATTERNS},
    )


def _read_domain(content: Fields, arrays: Mapping[str, NDArray[Any]]) -> ApplicabilityDomain:
    rows = content.rows("spreads")
    distributions = {
        (row.text("measure"), row.text("scale")): ReferenceDistribution(
            row.number("mean"), row.number("sd"), row.integer("n_groups")
        )
        for row in rows
    }
    if len(distributions) < len(rows):
        raise ValueError("spreads has two distributions of a measure at one scale")
    return ApplicabilityDomain(
        mean=arrays["mean_edges"],
        components=arrays["components"],
        sd=np.array(content.numbers("sd")),
        distributions=distributions,
        shortest_s=content.number("shortest_s"),
        tr_s=content.numbers("tr_s"),
    )


def _read_history(content: Fields) -> History:
    errors = content.inner("errors")
    scores = {
        scale: NonconformityScores([np.array(group) for group in errors.number_lists(scale)])
        for scale in errors.values
    }
    return History(scores, content.numbers("levels"))


def _describe_origin(origin: Origin) -> dict[str, Any]:
    how = {"kind": origin.kind, "atlas": origin.atlas_image}
    return {
        "atlas": origin.atlas or None,
        "atlas_image": origin.atlas_image or None,
        "atlas_image_sha256": origin.atlas_image_sha256 or None,
        "region_table_sha256": origin.region_table_sha256 or None,
        "how_to_get_it": "the same atlas, by this name and hash, from its authors or the study",
        "dense": None if origin.dense is None else {**how, **origin.dense},
        "read_with": origin.read_with,
    }


def _read_origin(content: Fields) -> Origin:
    """Origin; a key that does not change how runs are read is ignored if it is unknown."""
    names = ("atlas", "atlas_image", "atlas_image_sha256", "region_table_sha256")
    dense = content.inner_or_none("dense")
    read_with = content.inner_or_none("read_with")
    return Origin(
        **{name: content.text_or_empty(name) for name in names},
        dense=None
        if dense is None
        else {name: v for name, v in dense.values.items() if name not in ("kind", "atlas")},
        kind="" if dense is None else dense.text_or_empty("kind"),
        read_with={} if read_with is None else read_with.values,
    )


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
        if hash_array(array) != digests[name]:
            raise DerivativesError(
                "does not match its description (SHA-256 differs). Copy both files again.", path
            )
    return arrays


def hash_array(array: NDArray[Any]) -> str:
    """SHA-256 of the numbers of an array."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
