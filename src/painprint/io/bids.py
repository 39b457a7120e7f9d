"""Find the files of one participant: entities, one walk per dataset, sidecars, sessions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from painprint.io.errors import DerivativesError
from painprint.io.tables import MISSING, numbers, read_json, read_table
from painprint.runs import LeftOutRun, RunKey

ACQUISITION = ("acq", "ce", "rec", "dir", "echo")
"""Entities that may tell two runs apart beside session, task and run."""

SERIES_SUFFIXES = ("timeseries.tsv", "timeseries.ptseries.nii", "bold.ptseries.nii")
RATING_SUFFIXES = ("resp", "physio", "stim", "beh", "rating")
SPACES = ("fsLR", "MNI152NLin6Asym", "MNI152NLin2009cAsym")
"""Preferred first where a run was parcellated in several spaces."""


@dataclass(frozen=True)
class BidsFile:
    """A file of a dataset and what its name says.

    Attributes
    ----------
    path : Path
    root : Path
        Root of its dataset.
    dataset : str
        Name of the dataset in BIDS URIs: "raw", "derivatives1", ...
    entities : dict
        Such as ``{"sub": "01", "task": "rating"}``.
    suffix : str
        Last part of the name, with no extension.
    extension : str
    """

    path: Path
    root: Path
    dataset: str
    entities: Mapping[str, str] = field(hash=False)
    suffix: str
    extension: str

    @property
    def uri(self) -> str:
        """BIDS URI; free of folders outside the dataset."""
        return f"bids:{self.dataset}:{self.path.relative_to(self.root).as_posix()}"


def parse_name(name: str) -> tuple[dict[str, str], str, str]:
    """Entities, suffix and extension of a BIDS file name.

    Examples
    --------
    >>> parse_name("sub-01_task-rest_run-02_bold.nii.gz")
    ({'sub': '01', 'task': 'rest', 'run': '02'}, 'bold', '.nii.gz')
    """
    stem, dot, extension = name.partition(".")
    entities = {}
    suffix = ""
    for part in stem.split("_"):
        key, dash, value = part.partition("-")
        if dash:
            entities[key] = value
        else:
            suffix = part
    return entities, suffix, dot + extension


def normal_run(label: str) -> str:
    """Run label without leading zeros, so that run-1 is run-01."""
    return label.lstrip("0") or "0" if label.isdigit() else label


class Dataset:
    """Files of a dataset that concern one participant, from one walk.

    Parameters
    ----------
    root : Path
    name : str
        Its name in BIDS URIs.

    Raises
    ------
    DerivativesError
        If the folder does not exist.
    """

    def __init__(self, root: Path, name: str) -> None:
        if not root.is_dir():
            raise DerivativesError(f"there is no folder {root}. Check the path.")
        self.root = root
        self.name = name
        self._walked: dict[Path, list[BidsFile]] = {}

    def participants(self) -> list[str]:
        """Labels of the participants that have a folder."""
        folders = (p.name for p in self.root.glob("sub-*") if p.is_dir())
        return sorted((name[4:] for name in folders), key=natural)

    def files_of(self, participant: str) -> list[BidsFile]:
        """Every file in the participant's folder, in natural order of path."""
        return self._walk(self.root / f"sub-{participant}")

    def shared_files(self) -> list[BidsFile]:
        """Files that belong to no participant: inherited sidecars and atlases."""
        top = [p for p in self.root.iterdir() if p.is_file()]
        found = [self._file(p) for p in sorted(top)]
        for folder in (self.root / "atlases", self.root / "sourcedata" / "atlases"):
            found += self._walk(folder)
        return found

    @cached_property
    def description(self) -> dict[str, Any]:
        """dataset_description.json, or nothing where there is none."""
        path = self.root / "dataset_description.json"
        return read_json(path) if path.is_file() else {}

    @property
    def simulated(self) -> bool:
        """Whether the dataset says of itself that it is simulated."""
        makers = self.description.get("GeneratedBy", [])
        makers = makers if isinstance(makers, list) else []
        said = [self.description.get("Name", "")]
        said += [
            m.get(k, "") for m in makers if isinstance(m, dict) for k in ("Name", "Description")
        ]
        return self.description.get("Simulated") is True or any(
            "simulat" in str(text).lower() for text in said
        )

    def _walk(self, folder: Path) -> list[BidsFile]:
        """Files below a folder, walked once."""
        if folder not in self._walked:
            paths = (p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
            files = [self._file(p) for p in sorted(paths, key=lambda p: natural(str(p)))]
            self._walked[folder] = files
        return self._walked[folder]

    def _file(self, path: Path) -> BidsFile:
        return BidsFile(path, self.root, self.name, *parse_name(path.name))


def natural(text: str) -> list[tuple[int, str]]:
    """Sort key that puts "2" before "10"."""
    return [
        (int(part), "") if part.isdigit() else (-1, part)
        for part in re.split(r"(\d+)", text)
        if part
    ]


def inherited_metadata(file: BidsFile, candidates: Iterable[BidsFile]) -> dict[str, Any]:
    """Metadata of a file by BIDS inheritance: nearer sidecars win.

    A sidecar applies where it has the same suffix, lies in the file's folder or above,
    and has no entity that the file lacks.
    """
    applying = [
        c
        for c in candidates
        if c.extension == ".json"
        and c.suffix == file.suffix
        and c.path.parent in file.path.parents
        and _comparable(c.entities).items() <= _comparable(file.entities).items()
    ]
    merged: dict[str, Any] = {}
    for sidecar in sorted(applying, key=lambda c: (len(c.path.parts), len(c.entities))):
        merged.update(read_json(sidecar.path))
    return merged


def _comparable(entities: Mapping[str, str]) -> dict[str, str]:
    return {k: normal_run(v) if k == "run" else v for k, v in entities.items()}


def raw_bold(series: BidsFile, raw: Sequence[BidsFile]) -> dict[str, Any]:
    """Metadata of the raw BOLD run that a time series was made of."""
    if not raw:
        return {}
    keep = ("sub", "ses", "task", "run", *ACQUISITION)
    entities = {k: v for k, v in series.entities.items() if k in keep}
    folder = raw[0].root / f"sub-{entities['sub']}"
    if "ses" in entities:
        folder /= f"ses-{entities['ses']}"
    bold = BidsFile(
        folder / "func" / "bold.json", raw[0].root, raw[0].dataset, entities, "bold", ""
    )
    return inherited_metadata(bold, raw)


@dataclass(frozen=True)
class RunFiles:
    """The files of one run, found but not read.

    Attributes
    ----------
    key : RunKey
    series : BidsFile
        Regional time series.
    rating : tuple of BidsFile
        Recordings that may hold the rating; to be told apart when read.
    outliers, motion : BidsFile or None
    sidecars, raw_sidecars : tuple of BidsFile
        JSON files of the derivative and of the raw dataset that may apply.
    """

    key: RunKey
    series: BidsFile
    rating: tuple[BidsFile, ...]
    outliers: BidsFile | None
    motion: BidsFile | None
    sidecars: tuple[BidsFile, ...]
    raw_sidecars: tuple[BidsFile, ...]


@dataclass(frozen=True)
class Inventory:
    """What was found for one participant.

    Attributes
    ----------
    runs : tuple of RunFiles
        In the order of time.
    left_out : tuple of LeftOutRun
        Runs that cannot be used, and why.
    notes : tuple of str
        Choices that were made.
    """

    participant: str
    atlas: str
    tasks: tuple[str, ...]
    runs: tuple[RunFiles, ...]
    left_out: tuple[LeftOutRun, ...]
    notes: tuple[str, ...]
    region_table: BidsFile | None
    sessions: pd.DataFrame
    simulated: bool


def run_key(entities: Mapping[str, str]) -> RunKey:
    """Session, task and run of a file; unusual entities become part of the run."""
    extra = "".join(f"{name}{entities[name]}" for name in ACQUISITION if name in entities)
    run = normal_run(entities["run"]) if "run" in entities else ""
    return RunKey(entities.get("ses", ""), entities.get("task", ""), extra + run)


def find_runs(
    raw: Dataset,
    derivatives: Sequence[Dataset],
    participant: str,
    *,
    task_id: Sequence[str] = (),
    session_label: Sequence[str] = (),
    atlas: str | None = None,
) -> Inventory:
    """Find the regional time series of one participant and the ratings beside them.

    Parameters
    ----------
    raw : Dataset
        With the ratings.
    derivatives : sequence of Dataset
        With the regional time series; the first that has a run serves it.
    participant : str
        Without "sub-".
    task_id, session_label : sequence of str
        Which to use; empty for all. Several tasks with ratings must be named.
    atlas : str, optional
        Needed where there are several.

    Raises
    ------
    DerivativesError
        If nothing is found, or a choice is needed.
    """
    raw_files = raw.files_of(participant)
    shared = raw.shared_files()
    ratings = [f for f in raw_files if is_rating_file(f)]
    found: list[BidsFile] = []
    for dataset in derivatives:
        found += [f for f in dataset.files_of(participant) if is_series(f)]
    if not found:
        where = ", ".join(str(d.root) for d in derivatives) or "no --derivatives folder was given"
        raise DerivativesError(
            f"sub-{participant}: no regional time series (*_timeseries.tsv or *.ptseries.nii) in "
            f"{where}. Pass XCP-D's output folder with --derivatives."
        )
    atlas = _choose_atlas(found, atlas, participant)
    found = [f for f in found if atlas_of(f) == atlas]
    sessions_wanted = {_label(s, "ses") for s in session_label}
    if unknown := sorted(sessions_wanted - {f.entities.get("ses", "") for f in found}):
        raise DerivativesError(
            f"sub-{participant}: there is no session {', '.join(unknown)}. There are: "
            f"{', '.join(sorted({f.entities.get('ses', 'n/a') for f in found}, key=natural))}."
        )
    if sessions_wanted:
        found = [f for f in found if f.entities.get("ses", "") in sessions_wanted]
    tasks = _choose_tasks(found, ratings, task_id, participant)
    found = [f for f in found if f.entities.get("task", "") in tasks]

    by_key: dict[RunKey, list[BidsFile]] = {}
    for file in found:
        by_key.setdefault(run_key(file.entities), []).append(file)
    runs, notes = [], []
    left_out: set[LeftOutRun] = set()
    raw_sidecars = tuple(f for f in (*shared, *raw_files) if f.extension == ".json")
    own_files = {d.name: [*d.shared_files(), *d.files_of(participant)] for d in derivatives}
    for key, candidates in by_key.items():
        series, problem, note = _choose_series(candidates)
        if note and note not in notes:
            notes.append(note)
        beside = tuple(f for f in ratings if _same_run(f.entities, candidates[0].entities))
        if series is None:
            left_out.add(LeftOutRun(key, problem))
        elif not beside:
            left_out.add(
                LeftOutRun(key, "no rating recording was found beside it in the raw dataset.")
            )
        else:
            own = own_files[series.dataset]
            runs.append(
                RunFiles(
                    key=key,
                    series=series,
                    rating=beside,
                    outliers=_companion(series, own, "outliers"),
                    motion=_companion(series, own, "motion"),
                    sidecars=tuple(f for f in own if f.extension == ".json"),
                    raw_sidecars=raw_sidecars,
                )
            )
    for rating in ratings:
        if (
            rating.entities.get("task", "") in tasks
            and (not sessions_wanted or rating.entities.get("ses", "") in sessions_wanted)
            and not any(_same_run(rating.entities, f.entities) for f in found)
        ):
            left_out.add(
                LeftOutRun(
                    run_key(rating.entities), "a rating, but no regional time series was found."
                )
            )
    sessions = read_sessions(raw, raw_files, participant)
    order = {name: i for i, name in enumerate(sessions["session"])}
    runs.sort(key=lambda r: _run_order(r.key, order))
    tables = [f for d in derivatives for f in d.shared_files()]
    return Inventory(
        participant=participant,
        atlas=atlas,
        tasks=tuple(tasks),
        runs=tuple(runs),
        left_out=tuple(sorted(left_out, key=lambda run: _run_order(run.key, order))),
        notes=tuple(notes),
        region_table=_region_table(tables, atlas),
        sessions=sessions,
        simulated=any(d.simulated for d in (raw, *derivatives)),
    )


def is_series(file: BidsFile) -> bool:
    """Whether a file holds regional time series."""
    name = file.suffix + file.extension
    if file.entities.get("stat", "mean") != "mean":
        return False
    return name in SERIES_SUFFIXES and (bool(atlas_of(file)) or name.endswith("ptseries.nii"))


def is_rating_file(file: BidsFile) -> bool:
    """Whether a raw file may hold a continuous rating."""
    return file.suffix in RATING_SUFFIXES and file.extension in (".tsv", ".tsv.gz")


def atlas_of(file: BidsFile) -> str:
    """Atlas label; older XCP-D called the entity seg."""
    return file.entities.get("atlas") or file.entities.get("seg", "")


def _label(text: str, entity: str) -> str:
    return text.removeprefix(f"{entity}-")


def _choose_atlas(found: Sequence[BidsFile], asked: str | None, participant: str) -> str:
    there = sorted({atlas_of(f) for f in found})
    named = ", ".join(name or "(unnamed)" for name in there)
    if asked is not None:
        if asked not in there:
            raise DerivativesError(
                f"sub-{participant}: there is no atlas {asked}. There are: {named} (--atlas)."
            )
        return asked
    if len(there) > 1:
        raise DerivativesError(
            f"sub-{participant}: several atlases have time series; choose one with --atlas: "
            f"{named}."
        )
    return there[0]


def _choose_tasks(
    found: Sequence[BidsFile], ratings: Sequence[BidsFile], asked: Sequence[str], participant: str
) -> list[str]:
    there = sorted({f.entities.get("task", "") for f in found})
    if asked:
        wanted = [_label(t, "task") for t in asked]
        if unknown := [t for t in wanted if t not in there]:
            raise DerivativesError(
                f"sub-{participant}: there is no task {', '.join(unknown)}. There are: "
                f"{', '.join(there)} (--task-id)."
            )
        return sorted(dict.fromkeys(wanted))
    rated = sorted({f.entities.get("task", "") for f in ratings} & set(there))
    if not rated:
        raise DerivativesError(
            f"sub-{participant}: no rating recording was found for the task"
            f"{'s' * (len(there) != 1)} {', '.join(there)}. Ratings lie in the raw dataset as "
            "*_physio.tsv.gz, *_stim.tsv.gz, *_beh.tsv, *_rating.tsv or *_resp.tsv."
        )
    if len(rated) > 1:
        raise DerivativesError(
            f"sub-{participant}: several tasks have ratings; choose with --task-id (several are "
            f"pooled): {', '.join(rated)}."
        )
    return rated


def _choose_series(candidates: Sequence[BidsFile]) -> tuple[BidsFile | None, str, str]:
    """One file of a run, or why not, and what to note about the choice."""

    def rank(file: BidsFile) -> tuple[Any, ...]:
        space = file.entities.get("space", "")
        return (
            file.dataset,
            SPACES.index(space) if space in SPACES else len(SPACES),
            space,
            file.entities.get("res", ""),
            file.entities.get("den", ""),
            file.entities.get("desc", ""),
            file.extension != ".tsv",
        )

    ordered = sorted(candidates, key=rank)
    first = ordered[0]
    if len(ordered) > 1 and rank(ordered[1]) == rank(first):
        twice = ", ".join(f.path.name for f in ordered if rank(f) == rank(first))
        return None, f"several files claim to be this run: {twice}. Remove all but one.", ""
    spaces = list(dict.fromkeys(f.entities.get("space", "none") for f in ordered))
    note = (
        f"time series exist in the spaces {', '.join(spaces)}; space-{spaces[0]} was used."
        if len(spaces) > 1
        else ""
    )
    return first, "", note


def _same_run(rating: Mapping[str, str], series: Mapping[str, str]) -> bool:
    """Whether a rating belongs to a time series: same session, task and run, and no
    contradiction elsewhere."""
    return (
        rating.get("ses") == series.get("ses")
        and rating.get("task") == series.get("task")
        and normal_run(rating.get("run", "")) == normal_run(series.get("run", ""))
        and all(rating[e] == series.get(e) for e in ACQUISITION if e in rating)
    )


def _companion(series: BidsFile, files: Sequence[BidsFile], suffix: str) -> BidsFile | None:
    """The outliers or motion file of a run; a plain one rather than one with a desc."""
    key = run_key(series.entities)
    found = [
        f
        for f in files
        if f.suffix == suffix and f.extension == ".tsv" and run_key(f.entities) == key
    ]
    return min(found, key=lambda f: len(f.entities), default=None)


def _region_table(files: Sequence[BidsFile], atlas: str) -> BidsFile | None:
    tables = [f for f in files if f.suffix == "dseg" and f.extension == ".tsv"]
    return next((f for f in tables if atlas_of(f) == atlas), None)


def _run_order(key: RunKey, sessions: Mapping[str, int]) -> tuple[Any, ...]:
    return (
        sessions.get(key.session, len(sessions)),
        natural(key.session),
        natural(key.run),
        natural(key.task),
    )


def read_sessions(raw: Dataset, files: Sequence[BidsFile], participant: str) -> pd.DataFrame:
    """Sessions in the order of time, days since the first, and covariates.

    Acquisition times come from ``sessions.tsv``, else from ``scans.tsv``; they are turned
    into days and dropped.

    Returns
    -------
    sessions : DataFrame
        Columns ``session``, ``days`` (NaN where unknown), and the numeric covariates of
        ``sessions.tsv``.
    """
    labels = sorted({f.entities["ses"] for f in files if "ses" in f.entities}, key=natural)
    sessions = pd.DataFrame({"session": labels, "days": float("nan")})
    times = pd.Series(pd.NaT, index=labels, dtype="datetime64[us]")
    for file in files:
        if file.extension != ".tsv" or file.suffix not in ("sessions", "scans"):
            continue
        table = read_table(file.path)
        when = _parse_times(table, file.path)
        if file.suffix == "scans" and when.notna().any() and file.entities.get("ses") in labels:
            if pd.isna(times[file.entities["ses"]]):
                times[file.entities["ses"]] = when.min()
        elif file.suffix == "sessions" and "session_id" in table:
            index = table["session_id"].str.removeprefix("ses-")
            when.index = pd.Index(index)
            known = [name for name in labels if name in set(index)]
            times[known] = when[known].where(when[known].notna(), times[known])
            for name in table.columns.difference(["session_id", "acq_time"], sort=False):
                covariate = _maybe_numbers(table[name], file.path)
                if covariate is not None:
                    covariate.index = pd.Index(index)
                    sessions[name] = covariate.reindex(labels).to_numpy()
    if times.notna().any():
        sessions["days"] = ((times - times.min()).dt.total_seconds() / 86400).round(3).to_numpy()
        if times.notna().all():
            sessions = sessions.sort_values("days", kind="stable", ignore_index=True)
    return sessions


def _parse_times(table: pd.DataFrame, path: Path) -> pd.Series:
    """acq_time of each row, NaT where there is none."""
    if "acq_time" not in table:
        return pd.Series(pd.NaT, index=table.index, dtype="datetime64[us]")
    text = table["acq_time"].mask(table["acq_time"].isin(MISSING))
    try:
        when = pd.to_datetime(text, format="ISO8601", utc=True)
    except ValueError as error:
        raise DerivativesError(
            "acq_time must look like 2000-01-31T12:00:00 or be n/a.", path
        ) from error
    return when.dt.tz_localize(None).astype("datetime64[us]")


def _maybe_numbers(column: pd.Series, path: Path) -> pd.Series | None:
    """The column as numbers, or None where it holds other text."""
    try:
        return pd.Series(numbers(column, path))
    except DerivativesError:
        return None
