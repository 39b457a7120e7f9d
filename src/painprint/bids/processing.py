"""Notes on runs that were processed differently: several datasets, hashes, or parameters."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from painprint.bids.runs import RunFiles, is_denoised_bold
from painprint.bids.select import hash_of
from painprint.errors import DerivativesError
from painprint.files.dataset import BidsFile, inherited_metadata, run_key
from painprint.files.tables import read_json
from painprint.runs import RunKey

PARAMETERS = (
    "SoftwareFilters",
    "FWHM",
    "Freq Band",
    "High-pass Cutoff",
    "Low-pass Cutoff",
    "nuisance parameters",
    "Threshold",
    "Cleaning",
)
"""What XCP-D (today's and older versions') and painprint write of their parameters into sidecars of
time series, of denoised BOLD, and (Threshold, mm) of outliers."""


def note_processing(runs: Sequence[RunFiles], noun: str) -> tuple[str, ...]:
    """Notes on runs whose BOLD, companions or parameters of denoising are not of one kind.

    Parameters
    ----------
    runs : sequence of RunFiles
        All runs that are used, rated or not.
    noun : str
        What the runs are, such as "time series".
    """
    series = {run.key: run.series for run in runs}
    return (*note_sources(series, noun), *_note_companions(runs, noun), *_note_parameters(runs))


def note_sources(series: Mapping[RunKey, BidsFile], noun: str) -> tuple[str, ...]:
    """Note on files that come from several datasets, or were made with several parameters."""
    name = _names_of(series.values())

    def source(file: BidsFile) -> str:
        label = hash_of(file)
        return name(file) + (f" (hash-{label})" if label else "")

    groups = _groups({key: source(file) for key, file in series.items()})
    if len(groups) < 2:
        return ()
    listed = "; ".join(f"{source} for {_list(keys, series)}" for source, keys in groups.items())
    return (
        f"{noun} of several datasets or parameters were used, which may have been processed "
        f"differently: {listed}.",
    )


def _note_companions(runs: Sequence[RunFiles], noun: str) -> list[str]:
    """Notes on companions that come from another dataset than the BOLD."""
    name = _names_of([f for run in runs for f in (run.series, *run.companions.values())])
    series = {run.key: run.series for run in runs}
    found: dict[tuple[str, str, str], list[RunKey]] = {}
    for run in runs:
        for what, file in run.companions.items():
            if file.dataset != run.series.dataset:
                found.setdefault((what, name(file), name(run.series)), []).append(run.key)
    return [
        f"{what} of {_list(keys, series)} were taken from {where}, because {own}, which has the "
        f"{noun}, has none."
        for (what, where, own), keys in found.items()
    ]


def _note_parameters(runs: Sequence[RunFiles]) -> list[str]:
    """A note on each parameter of denoising in which the sidecars of runs differ."""
    series = {run.key: run.series for run in runs}
    parameters = {run.key: _parameters(run) for run in runs}
    notes = []
    for name in PARAMETERS:
        values = {
            key: json.dumps(p[name], sort_keys=True) for key, p in parameters.items() if name in p
        }
        groups = _groups(values)
        if len(groups) > 1:
            listed = "; ".join(
                f"{value} in {_list(keys, series)}" for value, keys in groups.items()
            )
            notes.append(f"runs were denoised differently, by {name} in the sidecars: {listed}.")
    return notes


def _parameters(run: RunFiles) -> dict[str, Any]:
    """What the sidecars of a run say of the parameters of its denoising.

    Nothing if one cannot be read: the run is left out for that when it is read.
    """
    try:
        metadata = _metadata(run)
    except DerivativesError:
        return {}
    return {name: metadata[name] for name in PARAMETERS if name in metadata}


def _metadata(run: RunFiles) -> dict[str, Any]:
    """Metadata of the BOLD of a run, of its outliers, and of the denoised BOLD beside it."""
    key = run_key(run.series.entities)
    metadata = dict(inherited_metadata(run.series, run.sidecars).values)
    if run.outliers is not None:
        beside = run.outliers.path.with_suffix(".json")
        of_outliers = read_json(beside) if beside.exists() else {}
        nested = [value for value in of_outliers.values() if isinstance(value, dict)]
        for entry in (*nested, of_outliers):
            metadata |= {"Threshold": entry["Threshold"]} if "Threshold" in entry else {}
    for file in run.sidecars:
        if is_denoised_bold(file) and run_key(file.entities) == key:
            metadata = read_json(file.path) | metadata
    return metadata


def _groups(values: Mapping[RunKey, str]) -> dict[str, list[RunKey]]:
    """Runs by value."""
    groups: dict[str, list[RunKey]] = {}
    for key, value in values.items():
        groups.setdefault(value, []).append(key)
    return groups


def _list(keys: Sequence[RunKey], all_keys: Iterable[RunKey]) -> str:
    """The runs, and sessions of which all runs are among them."""
    others = {key.session for key in all_keys if key not in keys}
    names = [
        f"ses-{key.session}" if key.session and key.session not in others else str(key)
        for key in keys
    ]
    return ", ".join(dict.fromkeys(names))


def _names_of(files: Iterable[BidsFile]) -> Callable[[BidsFile], str]:
    """Names of datasets: of their folders, or with those above them if two are the same."""
    roots = {file.root for file in files}
    names = {root.name for root in roots}
    return lambda file: (
        file.root.name if len(names) == len(roots) else "/".join(file.root.parts[-2:])
    )
