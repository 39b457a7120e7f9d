"""A person's own areas on one screen: find resting runs, gather, part, test, name, write."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.atlas.surfaces import Surfaces, find_surfaces, name_density
from painprint.bids.filter import BidsFilter
from painprint.bids.select import DenseRuns, find_dense_runs
from painprint.bold.nuisance import Cleaner, same_points
from painprint.cortex.boundary_map import BoundaryMap, Kernels
from painprint.cortex.communities import has_infomap
from painprint.cortex.evaluate import compare
from painprint.cortex.gather import MOST_COLUMNS, Gathering
from painprint.cortex.naming import Namer
from painprint.cortex.networks import N_NETWORKS, SCAN_LADDER
from painprint.cortex.parcels import make_parcels
from painprint.cortex.settings import ADVISED_MIN, LEAST_MIN, AreaSettings
from painprint.cortex.similarity import ExactSimilarity, LinearSimilarity
from painprint.files.cifti import read_brain_models
from painprint.files.coordinates import cortex_of
from painprint.files.dataset import Dataset
from painprint.files.errors import DerivativesError
from painprint.files.images import Grayordinates
from painprint.files.tables import read_json
from painprint.parcellate.individual_file import (
    HALVES,
    AreaFiles,
    find_area_results,
    read_area_results,
    write_results,
)
from painprint.parcellate.inputs import DeepRegions, Sheets, read_deep, read_sheets
from painprint.parcellate.scans import Gathered, gather_runs, open_run, without_silent
from painprint.parcellate.stages import (
    STAGES,
    Maker,
    Progress,
    check_areas,
    number_areas,
    turn_areas,
)
from painprint.parcellate.tables import AreaOutputs, about_deep, area_table, count_networks
from painprint.results.provenance import changed_options, versions
from painprint.results.steps import is_finished, lock, remove
from painprint.results.write import write_dataset_description
from painprint.settings import describe
from painprint.stats.correlation import correlation
from painprint.store.files import content_key, hash_input

log = logging.getLogger("painprint")

Codes = NDArray[np.int64]
Single = NDArray[np.float32]


@dataclass(frozen=True)
class Maps:
    """Files that areas are named and compared with.

    Parameters
    ----------
    network_template : Path, optional
        A network of each vertex: whole numbers 1 to 17.
    scan_prior : Path, optional
        Above 0 where SCAN is expected.
    reference_atlas : Path, optional
        Areas of a group, to be compared with.
    subcortical_atlas : str, optional
        Labelled volume, dlabel.nii or BIDS-Atlas folder with regions below the cortex.
    """

    network_template: Path | None = None
    scan_prior: Path | None = None
    reference_atlas: Path | None = None
    subcortical_atlas: Path | None = None

    @property
    def files(self) -> dict[str, Path]:
        """Those that were given, by option."""
        return {name: path for name, path in vars(self).items() if path is not None}


@dataclass(frozen=True)
class AreaStudy:
    """Where resting scans lie, and how they are parcellated.

    Parameters
    ----------
    bids_dir : Path
        Raw BIDS dataset.
    out_dir : Path
    derivatives : sequence of Path
        Datasets with dense BOLD and surfaces.
    settings : AreaSettings
    maps : Maps
    n_jobs : int
        Workers; results do not depend on it.
    bids_filter : BidsFilter
        Which BOLD is meant.

    Raises
    ------
    DerivativesError
        If a folder or map does not exist.
    """

    bids_dir: Path
    out_dir: Path
    derivatives: Sequence[Path]
    settings: AreaSettings
    maps: Maps = field(default_factory=Maps)
    n_jobs: int = 1
    bids_filter: BidsFilter = BidsFilter()

    def __post_init__(self) -> None:
        for folder in (self.bids_dir, *self.derivatives):
            Dataset(folder, "")
        for name, path in self.maps.files.items():
            if not path.exists():
                raise DerivativesError(f"there is no {path} (--{name.replace('_', '-')}).")
        if (choice := self.settings.scan_choice) is not None:
            self._check_choice(choice[0])

    def _check_choice(self, threshold: float) -> None:
        """There can be the candidates that a community was chosen of."""
        needed = ("network_template", "scan_prior")
        missing = [f"--{name.replace('_', '-')}" for name in needed if name not in self.maps.files]
        if missing:
            raise DerivativesError(
                f"--scan-community chooses among candidates for SCAN; to find any takes "
                f"{' and '.join(missing)} too."
            )
        if self.settings.community_nodes == "areas":
            raise DerivativesError(
                "--scan-community chooses among communities of points, but --community-nodes is "
                "areas alone. Leave one of the two out."
            )
        if threshold not in SCAN_LADDER:
            raise DerivativesError(
                f"{threshold:g} (--scan-community) is none of the thresholds: "
                f"{', '.join(f'{one:g}' for one in SCAN_LADDER)}."
            )

    @property
    def datasets(self) -> list[Dataset]:
        """The derivative datasets."""
        numbered = enumerate(self.derivatives, start=1)
        return [Dataset(folder, f"derivatives{i}") for i, folder in numbered]


def parcellate_participant(
    study: AreaStudy, participant: str, *, progress: Progress | None = None
) -> None:
    """Parcellate one participant and write every output; what is finished is not repeated.

    Raises
    ------
    DerivativesError
        If the participant cannot be parcellated, or another process is at it.
    """
    found = _find(study, participant)
    with lock(study.out_dir, f"sub-{participant}"):
        if _finished(found.files, found.key):
            log.info("sub-%s: parcellated before, with the same inputs and settings.", participant)
        else:
            _parcellate(study, found, progress or (lambda _: _tell_nobody))
        remove([found.files.stage(name) for name in STAGES])
        if found.files.page.is_file():
            log.info("sub-%s: page: %s", participant, found.files.page)
        else:
            write_parcellation_page(found.files)


def _tell_nobody(done: int, of: int) -> None:
    """Progress that nobody follows."""


def write_parcellation_page(files: AreaFiles, *, pdf: bool = False) -> None:
    """Make the page and figures from the output files; nothing is recomputed.

    Raises
    ------
    DerivativesError
        If a file is missing or damaged.
    """
    from painprint.report.parcellation import write_parcellation_report

    write_parcellation_report(read_area_results(files), pdf=pdf)
    log.info("sub-%s: page: %s", files.participant, files.page)


def write_parcellation_pages(out_dir: Path, *, pdf: bool = False) -> tuple[int, int]:
    """Make the pages of all finished parcellations again.

    Returns
    -------
    n_found, n_failed : int
        Parcellations, and pages that could not be made; each of these is named in the log.
    """
    found = find_area_results(out_dir)
    n_failed = 0
    for files in found:
        try:
            write_parcellation_page(files, pdf=pdf)
        except DerivativesError as error:
            log.error("%s", error)
            n_failed += 1
    return len(found), n_failed


def describe_scans(study: AreaStudy, participant: str) -> str:
    """What a parcellation would be made of (--dry-run); nothing is written.

    Raises
    ------
    DerivativesError
        If the participant cannot be parcellated, as far as headers, confounds and maps say.
    """
    found = _find(study, participant)
    cleaner = Cleaner(study.settings, found.surfaces)
    lines, minutes = [f"sub-{participant}: task {', '.join(study.settings.task_id)}"], 0.0
    for run in found.runs.runs:
        try:
            series, cleaning = open_run(run, found.sheets, cleaner)
        except DerivativesError as error:
            lines.append(f"  leave out {run.key}: {error}")
            continue
        n_kept = int(cleaning.kept.sum())
        minutes += n_kept * cleaning.tr_s / 60
        lines.append(f"  use       {run.key}: {n_kept} of {series.n_frames} frames")
    lines += [f"  note: {note}" for note in found.runs.notes]
    cortex = found.sheets.cortex
    lines.append(
        f"  {cortex.n_points:,} points of cortex; {minutes:.0f} minutes ({LEAST_MIN} are needed, "
        f"{ADVISED_MIN} advised); about {_gigabytes(cortex.n_points):.1f} GB of memory "
        "(more with --exact or --community-nodes full)"
        + (f"; regions of {found.deep.atlas.files.label} below the cortex" if found.deep else "")
    )
    if minutes < LEAST_MIN:
        lines.append("  cannot be parcellated: too little rest is kept")
    return "\n".join(lines)


def _gigabytes(n_points: int) -> float:
    """Memory that a parcellation takes, about: four copies of the columns held."""
    return 4 * n_points * MOST_COLUMNS * 4 / 1e9 + 0.8


@dataclass(frozen=True, eq=False)
class _Found:
    """What there is of a participant, and what can be said of it before anything takes time."""

    runs: DenseRuns
    surfaces: Surfaces
    sheets: Sheets
    deep: DeepRegions | None
    codes: Mapping[str, Codes]
    files: AreaFiles
    key: str
    inputs: Mapping[str, str]


def _find(study: AreaStudy, participant: str) -> _Found:
    """Look for everything, and read every map: what is wrong is said at once."""
    settings = study.settings
    runs = find_dense_runs(
        Dataset(study.bids_dir, "raw"),
        study.datasets,
        participant,
        task_id=settings.task_id,
        session_label=settings.session_label,
        bids_filter=study.bids_filter,
    )
    points, path = _usual_points(runs)
    n_vertices = next(iter(cortex_of(points, path).values()))[0]
    density = name_density(n_vertices)
    entities = runs.runs[0].series.entities
    surfaces = find_surfaces(
        study.datasets, participant, density=density, space=entities.get("space", "")
    )
    sheets = read_sheets(points, surfaces, path, there=_surface_names(study.datasets, participant))
    maps = study.maps
    deep = read_deep(str(maps.subcortical_atlas), points) if maps.subcortical_atlas else None
    named = {"template": maps.network_template, "prior": maps.scan_prior,
             "reference": maps.reference_atlas}  # fmt: skip
    codes = {name: sheets.codes(one) for name, one in named.items() if one is not None}
    if maps.network_template is not None:
        runs = replace(runs, notes=(*runs.notes, *_check_template(codes, maps.network_template)))
    where = "_".join(f"{e}-{entities[e]}" for e in ("space", "den") if e in entities)
    files = AreaFiles(study.out_dir, participant, settings.label, where)
    read = {f.uri: f.path for run in runs.runs for f in (*run.own, *run.sidecars)}
    read |= {f"surface:{side}": one for side, one in surfaces.paths.items()}
    read |= {f"map:{name}": one for name, one in maps.files.items() if one.is_file()}
    if deep is not None:
        read |= {f"map:{f.path.name}": f.path for f in deep.atlas.files.bids_files}
    inputs = {name: hash_input(one) for name, one in sorted(read.items())}
    key = content_key(
        {
            "versions": _versions(),
            "settings": {**asdict(settings), "participant_label": participant},
            "inputs": inputs,
            "notes": runs.notes,
        }
    )
    return _Found(runs, surfaces, sheets, deep, codes, files, key, inputs)


def _versions() -> dict[str, str]:
    """Versions of what the numbers come from; networks are others once there is Infomap."""
    return versions() | ({"infomap": version("infomap")} if has_infomap() else {})


def _surface_names(datasets: Sequence[Dataset], participant: str) -> list[str]:
    """Names of all midthickness surfaces of a participant, of whatever mesh."""
    found = {
        file.path.name
        for dataset in datasets
        for file in dataset.files_of(participant)
        if file.path.name.endswith(".surf.gii") and "midthickness" in file.path.name
    }
    return sorted(found)


def _check_template(codes: Mapping[str, Codes], path: Path) -> list[str]:
    """What is to be noted of the numbers of a network template.

    Raises
    ------
    DerivativesError
        If none is a network.
    """
    found = np.unique(codes["template"][codes["template"] > 0])
    beyond = found[found > N_NETWORKS]
    if len(beyond) == len(found):
        raise DerivativesError(
            f"has numbers from {found[0]} to {found[-1]} on the BOLD's cortex; the networks of a "
            f"template have 1 to {N_NETWORKS} (--network-template).",
            path,
        )
    share = float((codes["template"] > N_NETWORKS).mean())
    said = (
        f"{path.name}: {share:.0%} of the points of cortex have numbers above {N_NETWORKS} (first: "
    )
    return [f"{said}{beyond[0]}), which are no network."] if len(beyond) else []


def _usual_points(runs: DenseRuns) -> tuple[Grayordinates, Path]:
    """Grayordinates that most runs have, and the first run that has them.

    Raises
    ------
    DerivativesError
        If none can, as the first says.
    """
    errors = []
    kinds: list[tuple[Grayordinates, list[Path]]] = []
    for run in runs.runs:
        path = run.series.path
        try:
            points = read_brain_models(path)
        except DerivativesError as error:
            errors.append(error)
            continue
        same = next((paths for known, paths in kinds if same_points(known, points)), None)
        if same is None:
            kinds.append((points, [path]))
        else:
            same.append(path)
    if kinds:
        usual, paths = max(kinds, key=lambda kind: len(kind[1]))
        return usual, paths[0]
    if errors:
        raise errors[0]
    raise DerivativesError(
        f"sub-{runs.participant}: no resting run can be used: {' '.join(runs.notes)}"
    )


def _finished(files: AreaFiles, key: str) -> bool:
    """Whether the same parcellation is there, and nothing of it was changed since."""
    path = files.path("metrics", ".json")
    if not path.is_file():
        return False
    try:
        provenance = read_json(path).get("provenance")
    except DerivativesError:
        return False
    return isinstance(provenance, dict) and is_finished(provenance, key, files.folder)


def _parcellate(study: AreaStudy, found: _Found, progress: Progress) -> None:
    """Gather, part, test, name and write, from where an earlier run was killed."""
    settings, files = study.settings, found.files
    cleaner = Cleaner(settings, found.surfaces)
    gathered = gather_runs(found.runs, found.sheets, cleaner, progress("cleaning"))
    sheets, codes = without_silent(found.sheets, gathered, found.codes)
    cortex = sheets.cortex
    kernels = [Kernels.of(mesh) for mesh in cortex.meshes.values()]
    maker = Maker(files, found.key, settings, cortex, kernels, progress)
    parted = _part(maker, gathered)
    own, features = parted.labels["all"], parted.linear.features
    checked = settings.n_checked and not settings.exact
    check = maker.check(parted.unit, parted.linear) if checked else None
    turned, not_done = turn_areas(maker, features, own, codes.get("reference"))
    namer = Namer(
        parted.unit, features, cortex, settings,
        template=codes.get("template"), prior=codes.get("prior"),
    )  # fmt: skip
    named = maker.named(namer, own, n_jobs=study.n_jobs)
    areas = area_table(sheets, own, features, parted.heard["all"], named)
    metrics = {
        **_about_scans(found, gathered, parted),
        **_about_areas(settings, sheets, areas, parted),
        "check": check,
        "homogeneity": {name: one[0] for name, one in turned.items()},
        "reference": _beside(study, own, codes.get("reference")),
        "networks": {"way": named.way, "said": named.said, "counts": count_networks(areas)},
        "scan": {"said": named.scan_said},
        "deep": about_deep(found.deep),
        "not_done": not_done,
    }
    with lock(study.out_dir, "dataset_description.json", wait=True):
        write_dataset_description(study.out_dir, simulated=found.runs.simulated)
    files.page.unlink(missing_ok=True)
    files.path("metrics", ".json").unlink(missing_ok=True)
    outputs = AreaOutputs(files, sheets, found.deep, found.surfaces)
    for half in HALVES:
        files.remove_half(half)  # of an earlier run
        if half in parted.labels:
            of_half = parted.labels[half]
            table = area_table(sheets, of_half, None, parted.heard[half])
            outputs.write_whole(of_half, table, metrics, half=half)
    outputs.write_whole(own, areas, metrics)
    outputs.write_beside(parted.maps, named, turned)
    write_results(files, metrics, _provenance(study, found), found.key)


@dataclass(frozen=True, eq=False)
class _Parted:
    """Areas of all sessions and, where they can be compared, of either half.

    Attributes
    ----------
    maps, labels : dict
        Boundary map, and area of each point: of "all", and of the halves.
    no_halves : str
        Why there are no halves; empty if there are.
    heard : dict of arrays of shape (n_points,)
        Share of frames in which each point had a signal: of "all", and of the halves.
    n_frames : dict of int
        Likewise.
    share_kept : float
        Of the variance, in the columns that correlations are made of.
    unit : ndarray of shape (n_points, n_columns)
        Of all sessions.
    linear : LinearSimilarity
        Likewise.
    """

    maps: dict[str, BoundaryMap]
    labels: dict[str, Codes]
    no_halves: str
    heard: dict[str, NDArray[np.float64]]
    n_frames: dict[str, int]
    share_kept: float
    unit: Single
    linear: LinearSimilarity


def _part(maker: Maker, gathered: Gathered) -> _Parted:
    """Areas from gathered runs, which are let go on the way.

    Raises
    ------
    DerivativesError
        If there are none.
    """
    settings = maker.settings
    halves = {name: one for name, one in gathered.halves.items() if one.n_frames}
    gathered.halves.clear()
    maps = {}
    no_halves = gathered.no_halves
    if not no_halves:
        for name, half in halves.items():
            maps[name] = maker.boundaries(
                f"boundaries_{name}", partial(_linear, maker, half), n_seeds=settings.n_seeds
            )
    whole = Gathering()
    for half in halves.values():
        whole.join(half)
    every = {**halves, "all": whole}
    heard = {name: one.heard / one.n_frames for name, one in every.items()}
    n_frames = {name: one.n_frames for name, one in every.items()}
    unit, share_kept = whole.unit(), whole.share_kept
    del every, whole, halves, half
    linear = maker.linear(unit)
    maps["all"] = maker.boundaries(
        "boundaries", lambda: ExactSimilarity(unit) if settings.exact else linear,
        n_seeds=len(unit) if settings.exact else settings.n_seeds,
    )  # fmt: skip
    labels = {
        name: make_parcels(one.density, maker.cortex.adjacency, seed=settings.random_seed)
        for name, one in maps.items()
    }
    check_areas(labels["all"], maker.cortex, maker.files.participant)
    if without := [name for name in HALVES if name in labels and not labels[name].any()]:
        no_halves = f"No areas were found in the {' and the '.join(without)} sessions alone."
        for name in HALVES:
            del maps[name], labels[name]
    return _Parted(maps, labels, no_halves, heard, n_frames, share_kept, unit, linear)


def _about_scans(found: _Found, gathered: Gathered, parted: _Parted) -> dict[str, Any]:
    """Which scans there were."""
    return {
        "participant": found.files.participant,
        "simulated": found.runs.simulated,
        "label": found.files.label,
        "n_sessions": len({row["session"] for row in gathered.rows}),
        "n_runs": len(gathered.rows),
        "n_frames": parted.n_frames["all"],
        "minutes": gathered.minutes,
        "share_of_variance": parted.share_kept,
        "halves": _halves(gathered, parted),
        "no_halves": parted.no_halves,
        "runs": gathered.rows,
        "notes": gathered.notes,
    }


def _about_areas(
    settings: AreaSettings, sheets: Sheets, areas: pd.DataFrame, parted: _Parted
) -> dict[str, Any]:
    """Which areas were found, and how."""
    return {
        "n_points": sheets.cortex.n_points,
        "n_vertices": sheets.n_vertices,
        "n_areas": len(areas),
        "share_in_area": float((parted.labels["all"] > 0).mean()),
        "median_area_mm2": float(areas["area_mm2"].median()),
        "similarity": {
            "kind": "exact" if settings.exact else "linear",
            "rank": None if settings.exact else settings.rank,
            "n_seeds": len(parted.maps["all"].seeds),
        },
    }


def _provenance(study: AreaStudy, found: _Found) -> dict[str, Any]:
    """What the parcellation was made with and of, and the command that makes it again."""
    settings = study.settings
    words = [
        "painprint parcellate <bids> <out> participant --derivatives <derivatives>",
        *(f"--{name.replace('_', '-')} {p.name}" for name, p in study.maps.files.items()),
        *(["--bids-filter-file <filter>"] if study.bids_filter.queries else []),
        *changed_options(replace(settings, participant_label=(found.files.participant,))),
    ]
    return {
        "versions": _versions(),
        "command": " ".join(words),
        "settings": {row["name"]: row for row in describe(settings)},
        "inputs": found.inputs,
    }


def _linear(maker: Maker, gathered: Gathering) -> LinearSimilarity:
    """Similarity of connectivity in one half of the sessions."""
    return maker.linear(gathered.unit())


def _halves(gathered: Gathered, parted: _Parted) -> dict[str, Any] | None:
    """How areas of odd and of even sessions agree; None where these were not parcellated."""
    maps, labels = parted.maps, parted.labels
    if not set(HALVES) <= set(labels):
        return None
    sessions = {
        name: list(dict.fromkeys(r["session"] for r in gathered.rows if r["half"] == name))
        for name in HALVES
    }
    odd, even = HALVES
    return {
        "sessions": sessions,
        "n_frames": {name: parted.n_frames[name] for name in HALVES},
        "r": correlation(maps[odd].density, maps[even].density),
        "agreement": asdict(compare(labels[odd], labels[even])),
    }


def _beside(study: AreaStudy, labels: Codes, reference: Codes | None) -> dict[str, Any] | None:
    """How the areas agree with those of a reference atlas."""
    path = study.maps.reference_atlas
    if reference is None or path is None:
        return None
    agreement = compare(labels, number_areas(reference))
    return {"name": path.name.partition(".")[0], "agreement": asdict(agreement)}
