"""Cached steps, with which an interrupted study is resumed."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from painprint.decode.model import Choice
from painprint.decode.training import FoldModel, Training
from painprint.evidence.stage import StageResult
from painprint.store.files import changed_files, content_key, plain, write_bytes

log = logging.getLogger("painprint")

Arrays = dict[str, NDArray[Any]]
Cached = TypeVar("Cached")
UNUSABLE = (
    OSError, SafetensorError, ValueError, TypeError, KeyError, IndexError, AttributeError,
)  # fmt: skip
"""Raised by a cache that cannot be read, or whose content is not what was written."""


def save_arrays(path: Path, arrays: Arrays, about: Mapping[str, Any], key: str) -> None:
    """Cache arrays, with metadata that JSON can hold, until all results are written."""
    about = plain(about)
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    kept = {"key": key, "sha256": _digest(contiguous, json.dumps(about)), "about": about}
    # as one entry, since safetensors writes several in any order
    write_bytes(path, save(contiguous, {"kept": json.dumps(kept)}))


def load_arrays(
    path: Path, key: str, restore: Callable[[Arrays, dict[str, Any]], Cached]
) -> Cached | None:
    """What is restored from cached arrays and values of the same inputs and settings, or None.

    Parameters
    ----------
    restore : callable
        Called with arrays and values. If these are not as expected, nothing is cached.
    """
    try:
        content = path.read_bytes()
        size = int.from_bytes(content[:8], "little")
        kept = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["kept"])
        arrays = load(content)
        if kept["key"] != key or kept["sha256"] != _digest(arrays, json.dumps(kept["about"])):
            return None
        return restore(arrays, kept["about"])
    except UNUSABLE:
        return None


_MAY_BE_NONE = ("activity", "pattern", "activity_pattern")
"""Arrays that some models have."""
_PATHS = ("path_penalty", "path_score")
"""Arrays of the selection of a penalty."""


def save_training(path: Path, training: Training, key: str) -> None:
    """Cache trained models until all of a participant's results are written."""
    models = (training.final, *training.folds)
    arrays: Arrays = {"group_index": training.group_index, "lag_of_run": training.lag_of_run}
    scalars = []
    for i, model in enumerate(models):
        arrays |= {f"{i}.weights": model.weights}
        arrays |= {f"{i}.{name}": getattr(model.choice, name) for name in _PATHS}
        for name in _MAY_BE_NONE:
            if (array := getattr(model, name)) is not None:
                arrays[f"{i}.{name}"] = array
        choice, apart = vars(model.choice), ("weights", "choice", *_MAY_BE_NONE)
        scalars.append(
            {
                "model": {n: v for n, v in vars(model).items() if n not in apart},
                "choice": {n: v for n, v in choice.items() if n not in _PATHS},
            }
        )
    table = training.run_table.to_dict(orient="list")
    about = {"groups": training.groups, "models": scalars, "run_table": table}
    save_arrays(path, arrays, about, key)


def load_training(path: Path, key: str) -> Training | None:
    """Cached models of the same inputs and settings, or None."""
    return load_arrays(path, key, _training_of)


def _training_of(arrays: Arrays, about: dict[str, Any]) -> Training:
    models = []
    for i, scalars in enumerate(about["models"]):
        tried: dict[str, Any] = {name: arrays[f"{i}.{name}"] for name in _PATHS}
        models.append(
            FoldModel(
                **scalars["model"],
                choice=Choice(**scalars["choice"], **tried),
                weights=arrays[f"{i}.weights"],
                activity=arrays.get(f"{i}.activity"),
                pattern=arrays.get(f"{i}.pattern"),
                activity_pattern=arrays.get(f"{i}.activity_pattern"),
            )
        )
    return Training(
        groups=tuple(about["groups"]),
        group_index=arrays["group_index"],
        folds=tuple(models[1:]),
        final=models[0],
        lag_of_run=arrays["lag_of_run"],
        run_table=pd.DataFrame(about["run_table"]),
    )


def save_stage_result(path: Path, result: StageResult, key: str) -> None:
    """Cache the result of a stage until all of a participant's results are written."""
    write_bytes(path, json.dumps(_packed(result, key)).encode())


def load_stage_result(path: Path, key: str) -> StageResult | None:
    """Cached result of a stage with the same inputs and settings, or None."""
    try:
        return _unpacked(json.loads(path.read_bytes()), key)
    except UNUSABLE:
        return None


def save_stage_results(
    path: Path, results: Mapping[str, StageResult], keys: Mapping[str, str]
) -> None:
    """Cache several results by their names, each with a key of its own."""
    packed = {name: _packed(result, keys[name]) for name, result in results.items()}
    write_bytes(path, json.dumps(packed).encode())


def load_stage_results(path: Path, keys: Mapping[str, str]) -> dict[str, StageResult]:
    """Those of the cached results whose key is that of their name."""
    try:
        read = json.loads(path.read_bytes())
        found = {name: _unpacked(read[name], keys[name]) for name in keys if name in read}
    except UNUSABLE:
        return {}
    return {name: result for name, result in found.items() if result is not None}


def _packed(result: StageResult, key: str) -> dict[str, Any]:
    """A result as JSON holds it, with its key and its hash."""
    tables = {
        name: {c: [str(t[c].dtype), t[c].tolist()] for c in t.columns}
        for name, t in result.tables.items()
    }
    content = plain({"tables": tables, "numbers": result.numbers, "not_done": result.not_done})
    return {"key": key, "sha256": content_key(content), "result": content}


def _unpacked(read: Mapping[str, Any], key: str) -> StageResult | None:
    """The result that :func:`_packed` made, if its key and hash are right."""
    content = read["result"]
    if read["key"] != key or read["sha256"] != content_key(content):
        return None
    tables = {
        name: pd.DataFrame({c: pd.Series(v, dtype=dtype) for c, (dtype, v) in columns.items()})
        for name, columns in content["tables"].items()
    }
    return StageResult(tables, content["numbers"], tuple(content["not_done"]))


def _digest(arrays: Arrays, about: str) -> str:
    """Hash of arrays, with their types and shapes, and of the text beside them."""
    digest = hashlib.sha256(about.encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode() + array.tobytes())
    return digest.hexdigest()


def is_finished(record: Mapping[str, Any], key: str, folder: Path) -> bool:
    """Whether results of the same inputs and settings exist, with every file unchanged.

    A file that was changed is named in the log, as it will be written again.
    """
    if record.get("key") != key or not isinstance(record.get("outputs"), dict):
        return False
    changed = changed_files(folder, record["outputs"])
    for path in changed[:1]:
        log.warning("%s: is missing or was changed; results are written again.", path)
    return not changed


def remove(paths: Sequence[Path]) -> None:
    """Remove files, and their folders where these are empty then."""
    for path in paths:
        path.unlink(missing_ok=True)
        if path.parent.is_dir() and not any(path.parent.iterdir()):
            path.parent.rmdir()
