"""Provenance of a study: versions, command, settings, hashes of inputs."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

from painprint.atlas.geometry import Geometry
from painprint.bold.extract import NAME as MADE_HERE
from painprint.decode.decoding import Decoding
from painprint.files.dataset import BidsFile
from painprint.files.inputs import MISSING, InputHashes
from painprint.option_fields import Options, describe, flag
from painprint.results.audit import RunLog
from painprint.results.differences import compare
from painprint.settings import Settings
from painprint.signature.file import DESCRIPTION
from painprint.store.files import content_key, plain

PACKAGES = ("painprint", "numpy", "scipy", "pandas", "scikit-learn", "nibabel", "joblib", "numba")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that affect the results."""
    return {"python": python_version(), **{name: version(name) for name in PACKAGES}}


DETAILED = ("versions", "settings", "inputs", "external", "bids_filter", "prior")
"""What results depend on and provenance states whole; of the rest it has hashes."""


def make_provenance(
    decoding: Decoding, run_log: RunLog, hashes: InputHashes, depends_on: Mapping[str, Any]
) -> dict[str, Any]:
    """Versions, command and settings of a study, and the hash of every input as it was read.

    ``depends_on`` holds everything that identifies the results, part by part.
    """
    inventory = run_log.inventory
    read: dict[str, BidsFile] = {f.uri: f for r in run_log.records for f in r.sources}
    tables = [inventory.region_table] if inventory.region_table else []
    atlas = inventory.image.bids_files if inventory.image else ()
    read |= {file.uri: file for file in (*tables, *atlas)}
    if "rest" not in decoding.settings.skip:
        of_rest = [file for run in inventory.rest for file in run.data_files]
        read |= {file.uri: file for file in of_rest}
    dense = inventory.dense if "univariate" not in decoding.settings.skip else None
    named = inventory.image.image.name if inventory.image else decoding.settings.atlas
    who = (inventory.participant,)
    settings = replace(decoding.settings, participant_label=who, atlas=named)  # without paths
    used = {uri: hashes.of(read[uri].path) for uri in sorted(read)}
    of_dense = {
        file.uri: digest
        for file in (dense.files.values() if dense else ())
        if (digest := hashes.of(file.path)) != MISSING
    }
    found = depends_on["inputs"].items()
    command = command_line(settings, run_log.external, filtered=bool(run_log.bids_filter))
    if run_log.of_arrays:
        command = f"decode_runs(runs, {decoding.settings!r}).save(folder)"
    return {
        "key": content_key(depends_on),
        "versions": versions(),
        "command": command,
        **({"of_arrays": True} if run_log.of_arrays else {}),
        "settings": {row["name"]: row for row in describe(settings)},
        "rules": asdict(decoding.settings.rules),
        "inputs": used,
        "dense_inputs": of_dense,
        "unused_inputs": {uri: digest for uri, digest in found if uri not in {**used, **of_dense}},
        "geometry": hash_geometry(run_log.geometry, hashes),
        "external": hash_external(run_log.external, hashes),
        "bids_filter": run_log.bids_filter,
        "prior": depends_on["prior"],
        "depends_on": hash_parts(depends_on),
    }


def hash_parts(depends_on: Mapping[str, Any]) -> dict[str, str]:
    """Hashes of what results depend on, part by part, but for what provenance states whole."""
    return {
        part: content_key({part: value})
        for part, value in depends_on.items()
        if part not in DETAILED
    }


def compare_with(provenance: Mapping[str, Any], depends_on: Mapping[str, Any]) -> list[str]:
    """What has changed since results were written, one phrase for each part."""
    return compare(*_both_sides(provenance, depends_on))


def only_adds_inputs(provenance: Mapping[str, Any], depends_on: Mapping[str, Any]) -> bool:
    """Whether inputs were only added since results were written, so that `learn` can be used."""
    before, now = (plain(side) for side in _both_sides(provenance, depends_on))
    for side in (before, now):
        side["settings"].pop("session_label", None)
        side["inputs"] = {u: d for u, d in side["inputs"].items() if f":{MADE_HERE}:" not in u}
    same = {uri: d for uri, d in before["inputs"].items() if now["inputs"].get(uri) == d}
    return (
        not provenance.get("of_arrays")
        and before["settings"] == now["settings"]
        and not any(
            side.get(part)
            for side in (before, now)
            for part in ("external", "bids_filter", "prior")
        )
        and same == before["inputs"] != now["inputs"]
    )


def _both_sides(
    provenance: Mapping[str, Any], depends_on: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What results depended on when they were written, and now, part by part."""
    kinds = ("inputs", "dense_inputs", "unused_inputs")
    before = {part: provenance[part] for part in DETAILED if part in provenance}
    before.setdefault("prior", [])  # of versions without it
    before |= provenance["depends_on"]
    before["settings"] = {n: row["value"] for n, row in provenance["settings"].items()}
    before["inputs"] = {u: d for kind in kinds for u, d in provenance.get(kind, {}).items()}
    now = {part: depends_on[part] for part in DETAILED if part in depends_on}
    now |= hash_parts(depends_on)
    for side in (before, now):
        for name in ("participant_label", "atlas"):  # which the names of the files state
            side["settings"] = {n: v for n, v in side["settings"].items() if n != name}
        side["external"] = {row["name"]: row for row in side.get("external", ())}
    return before, now


def hash_geometry(geometry: Geometry, hashes: InputHashes) -> dict[str, str]:
    """SHA-256 of the images and surfaces that locate the regions, by name."""
    return {path.name: hashes.whole(path) for path in geometry.files}


def hash_external(paths: Sequence[Path], hashes: InputHashes) -> list[dict[str, str | None]]:
    """SHA-256 of the weights of external signatures, and of their sidecars."""
    sidecars = [path.with_suffix(".json") for path in paths]
    return [
        {
            "name": path.name,
            "sha256": hashes.whole(path),
            "sidecar_sha256": hashes.whole(sidecar) if sidecar.is_file() else None,
        }
        for path, sidecar in zip(paths, sidecars, strict=True)
    ]


def hash_priors(paths: Sequence[Path], hashes: InputHashes) -> list[dict[str, str]]:
    """SHA-256 of the files of priors; of a signature, that of its description."""
    files = [path / DESCRIPTION if path.is_dir() else path for path in paths]
    return [
        {"name": path.name, "sha256": hashes.whole(file)}
        for path, file in zip(paths, files, strict=True)
    ]


def command_line(
    settings: Settings, external: Sequence[Path] = (), *, filtered: bool = False
) -> str:
    """The command that repeats a study, with placeholders for its folders."""
    words = ["painprint run <bids> <out> participant --derivatives <derivatives>"]
    if external:
        words.append(shlex.join(["--external", *(path.name for path in external)]))
    words += ["--bids-filter-file <filter>"] * filtered
    return " ".join([*words, *changed_options(settings)])


def changed_options(options: Options) -> list[str]:
    """Options that differ from their defaults, as typed on the command line."""
    default, words = type(options)(), []
    for row in describe(options):
        name, value = row["name"], row["value"]
        if value == getattr(default, name):
            continue
        values = value if isinstance(value, tuple) else (value,)
        given = [] if value is True else [str(v) for v in values]
        words.append(shlex.join([f"--{flag(name)}", *given]))
    return words
