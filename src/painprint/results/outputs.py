"""Where the results of a study lie, and how they are written and read again."""

from __future__ import annotations

import csv
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

import numpy as np
import pandas as pd

from painprint.atlas.geometry import (
    VOLUME,
    Geometry,
    region_table,
    write_parcel_images,
    write_surfaces,
)
from painprint.atlas.table import load_regions
from painprint.bids.dense import MAP_EXTENSION, DenseFiles, write_map
from painprint.bids.load import RunRecord
from painprint.bids.select import Inventory
from painprint.decode.decoding import Decoding
from painprint.decode.training import FoldModel
from painprint.edges import edges_to_matrix
from painprint.evidence.case import Finding
from painprint.files.dataset import BidsFile, parse_name
from painprint.files.errors import DerivativesError
from painprint.files.tables import read_json
from painprint.files.workbench import write_dense_maps, write_parcel_maps, write_parcel_matrix
from painprint.quality import Limits, judge
from painprint.regions import Regions
from painprint.results.checks import check_run
from painprint.results.columns import COLUMNS, FINDINGS
from painprint.runs import LeftOutRun
from painprint.settings import (
    CLEANING,
    STAGES,
    DenseSettings,
    Rules,
    Settings,
    describe,
    flag,
)
from painprint.signature.file import write_signature
from painprint.signature.model import complete_signature, make_signature
from painprint.store.files import changed_files, hash_file, hash_input, write_json, write_table

NAMES = (
    "session", "run", "task", "group", "region", "region_a", "region_b", "network", "network_a",
    "network_b", "control", "variable", "variant", "model", "person", "method", "signature",
)  # fmt: skip
"""Columns of names, which may look like numbers."""
HISTORY = "history.json"
"""Beside a signature that follows earlier ones: which."""
READ_WITH = (
    "preset", "task_id", "rating_start_s", "rating_range", "rating_recording", "rating_column",
    "rating_max_gap_s", "drop_s", "min_run_s", "exclude_network", "exclude_region",
)  # fmt: skip
"""Settings that say how runs and ratings were read, for new ratings to be read alike."""
MAPS_OF_REGIONS = {
    "importance": ("importance", "importance_centred", "positive_strength", "negative_strength"),
    "univariate": ("t", "effect"),
}
"""Columns that are written for Connectome Workbench too, by table."""
NULL_METRICS = ("null_median", "p_within", "p_between")
"""What the null adds to the metrics of a scale."""

PACKAGES = ("painprint", "numpy", "scipy", "pandas", "scikit-learn", "nibabel", "joblib", "numba")


@dataclass(frozen=True)
class ParticipantFiles:
    """Names of one participant's output files.

    Parameters
    ----------
    out_dir : Path
    participant : str
    stem : str
        Entities of the decoding, such as "sub-01_task-rating_atlas-A".
    """

    out_dir: Path
    participant: str
    stem: str

    @classmethod
    def of(cls, out_dir: Path, inventory: Inventory) -> ParticipantFiles:
        """Files for what was found."""
        tasks = "+".join(t for t in inventory.tasks if t)
        parts = [f"sub-{inventory.participant}"]
        parts += [f"task-{tasks}"] if tasks else []
        parts += [f"atlas-{inventory.atlas}"] if inventory.atlas else []
        return cls(out_dir, inventory.participant, "_".join(parts))

    @property
    def folder(self) -> Path:
        """The participant's folder."""
        return self.out_dir / f"sub-{self.participant}"

    @property
    def anat(self) -> Path:
        """The folder of the participant's surfaces."""
        return self.folder / "anat"

    @property
    def page(self) -> Path:
        """The participant's page."""
        return self.out_dir / f"sub-{self.participant}.html"

    def decoding(self, suffix: str, extension: str) -> Path:
        """A file of the decoding."""
        return self.folder / "decoding" / f"{self.stem}_{suffix}{extension}"

    def rating_quality(self) -> Path:
        """The rating quality of the runs."""
        return self.folder / "func" / f"{self.stem}_ratingquality.tsv"

    def training(self) -> Path:
        """Trained models, kept until all results are written."""
        return self.folder / "stages" / f"{self.stem}_training.safetensors"

    def stage(self, name: str) -> Path:
        """The answer of a stage, kept until all results are written."""
        return self.folder / "stages" / f"{self.stem}_{name}.json"

    def figures(self) -> list[Path]:
        """The figures that are there."""
        return sorted((self.folder / "figures").glob(f"{self.stem}_*.*"))

    def figure(self, name: str, extension: str = ".svg") -> Path:
        """A figure."""
        return self.folder / "figures" / f"{self.stem}_{name}{extension}"


def versions() -> dict[str, str]:
    """Versions of what the numbers come from."""
    return {"python": python_version(), **{name: version(name) for name in PACKAGES}}


def write_dataset_description(out_dir: Path, *, simulated: bool) -> None:
    """The description of the derivative dataset."""
    name = "painprint: individual brain signatures of spontaneous pain"
    write_json(
        out_dir / "dataset_description.json",
        {
            "Name": f"{name} (simulated data)" if simulated else name,
            "BIDSVersion": "1.10.0",
            "DatasetType": "derivative",
            "GeneratedBy": [{"Name": "painprint", "Version": version("painprint")}],
        },
    )


@dataclass(frozen=True)
class Account:
    """What is to be said of a participant's files beside the numbers.

    Attributes
    ----------
    inventory : Inventory
    records : tuple of RunRecord
        Of the runs that were read.
    left_out : tuple of LeftOutRun
    notes : dict
        Sentence to the runs it is about; to none where it is about all.
    geometry : Geometry
        Where the regions lie.
    external : tuple of Path
        Weights of signatures from elsewhere.
    bids_filter : mapping
        Which BOLD and ratings were meant.
    """

    inventory: Inventory
    records: tuple[RunRecord, ...]
    left_out: tuple[LeftOutRun, ...]
    notes: Mapping[str, Sequence[str]]
    geometry: Geometry
    external: tuple[Path, ...] = ()
    bids_filter: Mapping[str, Any] = field(default_factory=dict)


def take_account(
    inventory: Inventory,
    decoding: Decoding,
    records: Sequence[RunRecord],
    left_out: Sequence[LeftOutRun],
    geometry: Geometry,
    *,
    external: Sequence[Path] = (),
    bids_filter: Mapping[str, Any] | None = None,
) -> Account:
    """Collect what was assumed, what is unusual and what was left out."""
    dense = inventory.dense.notes if inventory.dense else ()
    said = (*inventory.notes, *dense, *geometry.notes)
    notes: dict[str, list[str]] = {note: [] for note in said}
    of_run = {record.key: record for record in records}
    rows = decoding.training.run_table.to_dict(orient="records")
    for one, row in zip(decoding.frames, rows, strict=True):
        record = of_run[one.key]
        for note in (*record.notes, *check_run(row, record.quality)):
            notes.setdefault(note, []).append(str(one.key))
    unnamed = [n for n, w in decoding.regions.network_of.items() if not w]
    if inventory.region_table is None:
        notes["no atlas dseg.tsv was found: the regions' networks are unknown."] = []
    elif unnamed:
        notes[f"{len(unnamed)} regions have no network in the atlas (first: {unnamed[0]})."] = []
    everything = (*left_out, *decoding.prepared.runs_left_out)
    chosen = bids_filter or {}
    return Account(inventory, tuple(records), everything, notes, geometry, tuple(external), chosen)


def write_decoding(
    files: ParticipantFiles,
    decoding: Decoding,
    findings: Mapping[str, Finding],
    account: Account,
    key: str,
) -> None:
    """Write everything about one participant but the page.

    ``findings`` holds the answer of every stage that was not skipped.

    ``key`` says what the results depend on; provenance keeps it with a hash of every file.
    """
    # first taken away and last written: metrics, and the page, stand only beside a whole set
    files.page.unlink(missing_ok=True)
    files.decoding("metrics", ".json").unlink(missing_ok=True)
    (files.decoding("signature", "") / HISTORY).unlink(missing_ok=True)  # of another signature
    tables = {
        "predictions": decoding.predictions,
        "weights": _weights_table(decoding),
        "roc": decoding.evaluation.roc,
        "persession": decoding.evaluation.per_session,
        "runs": _runs_table(decoding, account.records),
        "quality": _bold_table(account.records, decoding.settings),
        **{name: table for finding in findings.values() for name, table in finding.tables.items()},
    }
    if decoding.final.activity is not None:
        tables["activityweights"] = _activity_table(decoding)
    dense = tables.pop("univariatedense", None)
    for suffix in COLUMNS.keys() - tables.keys() - {"dseg"}:  # of an earlier run with other stages
        for extension in (".tsv", ".json"):
            files.decoding(suffix, extension).unlink(missing_ok=True)
    for extension in MAP_EXTENSION.values():
        files.decoding("univariate", extension).unlink(missing_ok=True)
    if dense is not None and account.inventory.dense is not None:
        _write_dense(files, dense, account.inventory.dense)
    write_geometry(files, decoding.regions, tables, account.geometry)
    used = {one.key for one in decoding.frames}
    sources = sorted({f.uri for r in account.records if r.key in used for f in r.sources})
    for suffix, table in tables.items():
        write_table(files.decoding(suffix, ".tsv"), table[list(COLUMNS[suffix])])
        write_json(files.decoding(suffix, ".json"), _sidecar(suffix, sources, decoding))
    write_table(files.rating_quality(), _quality_table(account.records))
    write_json(
        files.rating_quality().with_suffix(".json"), _sidecar("ratingquality", sources, decoding)
    )
    write_json(files.decoding("audit", ".json"), _audit(decoding, account))
    simulated = account.inventory.simulated
    metrics = _metrics(decoding, findings, simulated=simulated)
    numbers = {name: value for name, value in metrics.items() if name != "stages"}
    signature = complete_signature(
        make_signature(decoding, simulated=simulated, metrics=numbers),
        decoding,
        origin=_origin(account.inventory, decoding.settings),
    )
    write_signature(files.decoding("signature", ""), signature)
    provenance = {**_provenance(decoding, account), "key": key, "outputs": _hash_outputs(files)}
    write_json(files.decoding("provenance", ".json"), provenance)
    write_json(files.decoding("metrics", ".json"), metrics)


def _write_dense(files: ParticipantFiles, table: pd.DataFrame, dense: DenseFiles) -> None:
    """The univariate map of grayordinates or voxels, as an image with a map per column."""
    maps = {name: table[name].to_numpy(float) for name in ("effect", "t", "p", "q")}
    write_map(files.decoding("univariate", MAP_EXTENSION[dense.kind]), dense, maps)


def write_geometry(
    files: ParticipantFiles,
    regions: Regions,
    tables: Mapping[str, pd.DataFrame],
    geometry: Geometry,
) -> None:
    """Write where the regions lie: their table, image and surfaces, and what Workbench opens.

    Parameters
    ----------
    files : ParticipantFiles
    regions : Regions
        That were decoded.
    tables : mapping of str to DataFrame
        weights, and importance and univariate where they were asked.
    geometry : Geometry
    """
    write_table(files.decoding("dseg", ".tsv"), region_table(regions, geometry.places))
    columns = {name: {"Description": text} for name, text in COLUMNS["dseg"].items()}
    write_json(files.decoding("dseg", ".json"), columns)
    write_surfaces(files.anat, files.participant, geometry.surfaces)
    kinds = [("dseg", ".dlabel.nii"), ("dseg", VOLUME), ("weights", ".pconn.nii")]
    kinds += [(name, ".pscalar.nii") for name in MAPS_OF_REGIONS] + [("importance", ".dscalar.nii")]
    for suffix, extension in kinds:  # of an earlier run
        files.decoding(suffix, extension).unlink(missing_ok=True)
    parcels = write_parcel_images(files.decoding("dseg", ""), regions, geometry)
    if parcels is None:
        return
    weights = edges_to_matrix(tables["weights"]["weight"].to_numpy(float))
    write_parcel_matrix(files.decoding("weights", ".pconn.nii"), parcels, weights)
    for name, columns_of in MAPS_OF_REGIONS.items():
        if name not in tables:
            continue
        of_region = tables[name].set_index("region").reindex(list(regions.names))
        maps = {column: of_region[column].to_numpy(float) for column in columns_of}
        write_parcel_maps(files.decoding(name, ".pscalar.nii"), parcels, maps)
        if name == "importance":  # of grayordinates or voxels, the univariate stage has its own
            write_dense_maps(files.decoding(name, ".dscalar.nii"), parcels, maps)


def renew_geometry(files: ParticipantFiles, geometry: Geometry) -> None:
    """Write where the regions lie again, for results that are finished; nothing is decoded.

    Raises
    ------
    DerivativesError
        If the results are damaged.
    """
    results = read_results(files)
    regions = load_regions(files.decoding("dseg", ".tsv"))
    weights = read_table(files.decoding("weights", ".tsv"))
    files.page.unlink(missing_ok=True)
    write_geometry(files, regions, {**results.findings, "weights": weights}, geometry)
    provenance = {
        **results.provenance,
        "geometry": geometry.key,
        "outputs": _hash_outputs(files),
    }
    write_json(files.decoding("provenance", ".json"), provenance)


def _hash_outputs(files: ParticipantFiles) -> dict[str, str]:
    """SHA-256 of every output file but the provenance, the metrics and the page."""
    folders = (files.folder / "decoding", files.anat, *files.folder.glob("**/func"))
    written = (path for folder in folders for path in folder.rglob("*"))
    last = (files.decoding("provenance", ".json"), files.decoding("metrics", ".json"))
    return {
        path.relative_to(files.folder).as_posix(): hash_file(path)
        for path in sorted(written)
        if path.is_file() and path not in last
    }


def _metrics(
    decoding: Decoding, findings: Mapping[str, Finding], *, simulated: bool
) -> dict[str, Any]:
    final = decoding.final
    scales = {scale: asdict(m) for scale, m in decoding.scales.items()}
    if "null" in findings:
        for scale, of_null in findings["null"].numbers.get("scales", {}).items():
            scales[scale] |= {name: of_null[name] for name in NULL_METRICS}
    return {
        "preset": decoding.settings.preset,
        "leave_out": decoding.settings.leave_out,
        "simulated": simulated,
        "n_sessions": decoding.training.run_table["session"].nunique(),
        "n_groups": len(decoding.groups),
        "n_runs": len(decoding.training.run_table),
        "n_regions": len(decoding.regions.names),
        "decoder": decoding.settings.rules.decoder,
        "train_bins": decoding.settings.rules.train_bins,
        "features": decoding.settings.features,
        "selected": {
            **_chosen(final, decoding.settings.rules),
            "intercept": final.intercept,
            "folds": [
                {"held_out": fold.held_out, **_chosen(fold, decoding.settings.rules)}
                for fold in decoding.folds
            ],
        },
        "scales": scales,
        "within_run": asdict(decoding.within_run),
        "within_session": asdict(decoding.within_session),
        "stages": {
            stage: {**findings[stage].numbers, "not_done": findings[stage].not_done}
            if stage in findings
            else None
            for stage in STAGES
        },
    }


def _chosen(fold: FoldModel, rules: Rules) -> dict[str, Any]:
    """Lag, penalty and effective degrees of freedom of a model."""
    choice = fold.choice
    found: dict[str, Any] = {
        "lambda": choice.penalty,
        "alpha": choice.alpha,
        "dof": choice.dof,
        "lag_s": fold.lag_s,
    }
    if rules.decoder == "lasso_pcr":
        found["n_components"] = int(choice.dof)
    else:
        found["at_edge_of_grid"] = choice.at_edge
    return found


def _weights_table(decoding: Decoding) -> pd.DataFrame:
    names, networks = (
        np.array(x, dtype=object) for x in (decoding.regions.names, decoding.regions.networks)
    )
    a, b = np.triu_indices(len(names), k=1)
    return pd.DataFrame(
        {
            "region_a": names[a],
            "region_b": names[b],
            "network_a": networks[a],
            "network_b": networks[b],
            "weight": decoding.final.weights,
        }
    )


def _activity_table(decoding: Decoding) -> pd.DataFrame:
    regions = decoding.regions
    return pd.DataFrame(
        {
            "region": regions.names,
            "network": regions.networks,
            "weight": decoding.final.activity,
        }
    )


def _runs_table(decoding: Decoding, records: Sequence[RunRecord]) -> pd.DataFrame:
    fd = {record.key: record.bold.mean_fd_mm for record in records}
    of_run = np.array([fd[one.key] for one in decoding.frames], dtype=float)
    return decoding.training.run_table.assign(mean_fd_mm=of_run)


def _bold_table(records: Sequence[RunRecord], settings: Settings) -> pd.DataFrame:
    """How good the BOLD of each run is, and its light."""
    limits = Limits(
        settings.light_fd_mm, settings.light_censored, settings.light_tsnr, settings.light_covered
    )
    rows = []
    for record in records:
        light, reasons = judge(record.bold, limits)
        judged = {"light": light, "reasons": "; ".join(reasons)}
        rows.append({**asdict(record.key), **judged, **asdict(record.bold)})
    return pd.DataFrame(rows, columns=list(COLUMNS["quality"]))


def _quality_table(records: Sequence[RunRecord]) -> pd.DataFrame:
    rows = [{**asdict(record.key), **record.quality.as_row()} for record in records]
    return pd.DataFrame(rows)[list(COLUMNS["ratingquality"])]


def _sidecar(suffix: str, sources: Sequence[str], decoding: Decoding) -> dict[str, Any]:
    columns = {name: {"Description": text} for name, text in COLUMNS[suffix].items()}
    extra = (
        {"Intercept": decoding.final.intercept} if suffix in ("weights", "activityweights") else {}
    )
    return {**columns, **extra, "Sources": list(sources)}


def _audit(decoding: Decoding, account: Account) -> dict[str, Any]:
    return {
        "participant": account.inventory.participant,
        "simulated": account.inventory.simulated,
        "leave_out": decoding.settings.leave_out,
        "groups": list(decoding.groups),
        "exceptions": [*_exceptions(decoding), *_of_atlas(decoding, account.inventory)],
        "folds": [_fold_audit(fold, decoding) for fold in decoding.folds],
        "final": _fold_audit(decoding.final, decoding),
        "runs": _runs_table(decoding, account.records).to_dict(orient="records"),
        "runs_left_out": [{**asdict(run.key), "reason": run.reason} for run in account.left_out],
        "regions_left_out": decoding.prepared.regions_left_out,
        "notes": [{"note": note, "runs": runs} for note, runs in account.notes.items()],
        "sessions": account.inventory.sessions.to_dict(orient="records"),
        "dense": _dense_audit(account.inventory, decoding.settings),
        "own_atlas_of": _own_atlas_of(account.inventory),
    }


def _own_atlas_of(inventory: Inventory) -> str | None:
    """Whose own the atlas is; None for a group's, or where it does not say."""
    return (inventory.image.participant or None) if inventory.image else None


def _origin(inventory: Inventory, settings: Settings) -> dict[str, Any]:
    """Where regions come from: the atlas by name and content, and the cleaning."""
    table = inventory.region_table
    image = inventory.image
    return {
        "atlas": inventory.atlas,
        "atlas_image": image.image.name if image else None,
        "atlas_image_sha256": hash_file(image.image) if image else None,
        "region_table_sha256": hash_file(table.path) if table and table.path.exists() else None,
        "how_to_get_it": "the same atlas, by this name and hash, from its authors or the study",
        "dense": _dense_audit(inventory, settings),
        "read_with": {name: getattr(settings, name) for name in READ_WITH},
    }


def _dense_audit(inventory: Inventory, settings: Settings) -> dict[str, Any] | None:
    """How regional time series were made of dense BOLD; None where they were given."""
    if inventory.image is None or inventory.dense is None:
        return None
    return {
        "kind": inventory.dense.kind,
        "atlas": inventory.image.image.name,
        **{name: getattr(settings, name) for name in CLEANING},
    }


def _exceptions(decoding: Decoding) -> list[str]:
    """Where what is held out touches what is trained, declared."""
    exceptions = [
        "region set: fixed over all runs by coverage and by exclusions asked for, not by ratings"
    ]
    if decoding.settings.rules.lambda_grid == "all":
        exceptions.append(
            "penalty grid (paper preset): made from all groups, the held-out one's ratings included"
        )
    runs_of_session = decoding.training.run_table["session"].value_counts()
    if decoding.settings.leave_out == "run" and (runs_of_session > 1).any():
        exceptions.append(
            "runs were left out, not sessions: other runs of the same session were in training"
        )
    return exceptions


def _of_atlas(decoding: Decoding, inventory: Inventory) -> list[str]:
    """Whether the person's own atlas has seen sessions that are held out."""
    made_from = inventory.image.made_from if inventory.image else None
    if made_from is None or made_from.participant != inventory.participant:
        return []
    decoded = list(dict.fromkeys(one.key.session for one in decoding.frames))
    seen = [session for session in decoded if session in made_from.sessions]
    if not seen:
        return []
    return [
        f"individual atlas: made of resting scans of {len(made_from.sessions)} sessions, "
        f"{len(seen)} of them among the {len(decoded)} decoded ones (their scans at rest, not "
        "their ratings)"
    ]


def _fold_audit(fold: FoldModel, decoding: Decoding) -> dict[str, Any]:
    """Which groups touched which parameter of a model."""
    others = [group for group in decoding.groups if group != fold.held_out]
    grid = list(decoding.groups) if decoding.settings.rules.lambda_grid == "all" else others
    touched = dict.fromkeys(("lag", "penalty", "components", "weights", "training_mean"), others)
    return {
        "held_out": fold.held_out or None,
        "touched_by": {"penalty_grid": grid, **touched},
        **_chosen(fold, decoding.settings.rules),
        "training_mean": fold.training_mean,
        "intercept": fold.intercept,
    }


def _provenance(decoding: Decoding, account: Account) -> dict[str, Any]:
    inventory = account.inventory
    read: dict[str, BidsFile] = {f.uri: f for r in account.records for f in r.sources}
    tables = [inventory.region_table] if inventory.region_table else []
    atlas = inventory.image.bids_files if inventory.image else ()
    read |= {file.uri: file for file in (*tables, *atlas)}
    if "rest" not in decoding.settings.skip:
        of_rest = [file for run in inventory.rest for file in run.own]
        read |= {file.uri: file for file in of_rest}
    dense = inventory.dense if "univariate" not in decoding.settings.skip else None
    named = inventory.image.image.name if inventory.image else decoding.settings.atlas
    who = (inventory.participant,)
    settings = replace(decoding.settings, participant_label=who, atlas=named)  # free of paths
    return {
        "versions": versions(),
        "command": command_line(settings, account.external, filtered=bool(account.bids_filter)),
        "settings": {row["name"]: row for row in describe(settings)},
        "rules": asdict(decoding.settings.rules),
        "inputs": {uri: hash_input(read[uri].path) for uri in sorted(read)},
        "dense_inputs": {
            file.uri: hash_input(file.path)
            for file in (dense.files.values() if dense else ())
            if file.path.exists()
        },
        "geometry": account.geometry.key,
        "external": hash_external(account.external),
        "bids_filter": account.bids_filter,
    }


def hash_external(paths: Sequence[Path]) -> list[dict[str, str | None]]:
    """Name and SHA-256 of the weights of signatures from elsewhere, and of their sidecars."""
    sidecars = [path.with_suffix(".json") for path in paths]
    return [
        {
            "name": path.name,
            "sha256": hash_file(path),
            "sidecar_sha256": hash_file(sidecar) if sidecar.is_file() else None,
        }
        for path, sidecar in zip(paths, sidecars, strict=True)
    ]


def command_line(
    settings: Settings, external: Sequence[Path] = (), *, filtered: bool = False
) -> str:
    """The command that repeats a study, its folders replaced."""
    words = ["painprint run <bids> <out> participant --derivatives <derivatives>"]
    if external:
        words.append(shlex.join(["--external", *(path.name for path in external)]))
    words += ["--bids-filter-file <filter>"] * filtered
    return " ".join([*words, *changed_options(settings)])


def changed_options(settings: DenseSettings) -> list[str]:
    """The options that are not as by default, as they are typed."""
    default, words = type(settings)(), []
    for row in describe(settings):
        name, value = row["name"], row["value"]
        if value == getattr(default, name):
            continue
        values = value if isinstance(value, tuple) else (value,)
        given = [] if value is True else [str(v) for v in values]
        words.append(shlex.join([f"--{flag(name)}", *given]))
    return words


@dataclass(frozen=True, eq=False)
class Results:
    """A participant's output files, read again: what the page shows."""

    files: ParticipantFiles
    metrics: Mapping[str, Any]
    audit: Mapping[str, Any]
    provenance: Mapping[str, Any]
    predictions: pd.DataFrame
    roc: pd.DataFrame
    per_session: pd.DataFrame
    runs: pd.DataFrame
    rating_quality: pd.DataFrame
    bold_quality: pd.DataFrame
    findings: Mapping[str, pd.DataFrame]
    """Tables of the stages that were done, by suffix."""


def find_results(out_dir: Path) -> list[ParticipantFiles]:
    """Finished decodings below an output folder."""
    found = []
    for path in sorted(out_dir.glob("sub-*/decoding/*_metrics.json")):
        entities, _, _ = parse_name(path.name)
        stem = path.name.removesuffix("_metrics.json")
        found.append(ParticipantFiles(out_dir, entities["sub"], stem))
    return found


def read_table(path: Path) -> pd.DataFrame:
    """Read a table that painprint wrote.

    Raises
    ------
    DerivativesError
        If it is missing or damaged.
    """
    try:
        return pd.read_csv(
            path,
            sep="\t",
            quoting=csv.QUOTE_NONE,
            keep_default_na=False,
            na_values=["n/a"],
            dtype=dict.fromkeys(NAMES, str),
        )
    except (OSError, ValueError) as error:
        raise DerivativesError(
            f"cannot be read ({error}). Run `painprint run` again.", path
        ) from error


def read_results(files: ParticipantFiles) -> Results:
    """Read what :func:`write_decoding` wrote.

    Raises
    ------
    DerivativesError
        Naming the file that is missing or damaged.
    """

    written = read_json(files.decoding("provenance", ".json")).get("outputs") or {}
    for path in changed_files(files.folder, written):
        raise DerivativesError(
            "is missing, or was changed after it was written. Run `painprint run` again.", path
        )
    return Results(
        files=files,
        metrics=read_json(files.decoding("metrics", ".json")),
        audit=read_json(files.decoding("audit", ".json")),
        provenance=read_json(files.decoding("provenance", ".json")),
        predictions=read_table(files.decoding("predictions", ".tsv")),
        roc=read_table(files.decoding("roc", ".tsv")),
        per_session=read_table(files.decoding("persession", ".tsv")),
        runs=read_table(files.decoding("runs", ".tsv")),
        rating_quality=read_table(files.rating_quality()),
        bold_quality=read_table(files.decoding("quality", ".tsv")),
        findings={
            suffix: read_table(files.decoding(suffix, ".tsv"))
            for suffix in FINDINGS
            if files.decoding(suffix, ".tsv").is_file()
        },
    )
