"""A person's own areas on one screen: find resting runs, gather, part, test, name, write."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.area_settings import ADVISED_MIN, LEAST_MIN, AreaSettings
from painprint.cortex.boundary_map import BoundaryMap, Kernels, Similarity, map_boundaries
from painprint.cortex.communities import has_infomap
from painprint.cortex.evaluate import Homogeneity, compare, compare_with_turned, homogeneity
from painprint.cortex.gather import MOST_COLUMNS, Gathering
from painprint.cortex.hemispheres import Cortex, members
from painprint.cortex.naming import Named, Namer
from painprint.cortex.networks import N_NETWORKS, SCAN_LADDER
from painprint.cortex.parcels import ParcelRules, make_parcels
from painprint.cortex.similarity import ExactSimilarity, LinearSimilarity
from painprint.decode.crossval import OnStep
from painprint.io.bids import Dataset
from painprint.io.bids_filter import BidsFilter
from painprint.io.brain import write_surfaces
from painprint.io.cleaner import Cleaner
from painprint.io.columns import AREA_COLUMNS
from painprint.io.cortex import DeepRegions, Sheets, read_deep, read_sheets
from painprint.io.discover import DenseRuns, RunFiles, find_dense_runs
from painprint.io.errors import DerivativesError
from painprint.io.images import Grayordinates, cortex_of, open_dtseries
from painprint.io.individual import (
    HALVES,
    AreaFiles,
    find_area_results,
    read_area_results,
    write_atlas,
    write_bids_atlas,
    write_maps_of_cortex,
    write_networks,
    write_results,
)
from painprint.io.outputs import changed_options, versions, write_dataset_description
from painprint.io.stages import is_finished, load_arrays, lock, remove, save_arrays
from painprint.io.store import content_key, hash_input, write_json, write_table
from painprint.io.surfaces import Surfaces, find_surfaces, name_density
from painprint.io.tables import read_json
from painprint.runs import FD
from painprint.settings import describe

log = logging.getLogger("painprint")

Codes = NDArray[np.int64]
Single = NDArray[np.float32]
Progress = Callable[[str], OnStep]

STAGES = (
    "boundaries_odd", "boundaries_even", "boundaries", "check", "turned", "turned_reference",
    "communities",
)  # fmt: skip
"""What is kept as soon as it is there."""
MOST_NAMED = 4


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
            series = cleaner.open(run)
            cleaning = cleaner.cleaning(run, series.n_frames, series.tr_s)
            cleaner.check_freedom(run, cleaning)
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
        f"{ADVISED_MIN} advised); at most {_gigabytes(cortex.n_points):.1f} GB of memory"
        + (f"; regions of {found.deep.atlas.files.label} below the cortex" if found.deep else "")
    )
    return "\n".join(lines)


def _gigabytes(n_points: int) -> float:
    """Memory that a parcellation takes at most, about: four copies of the columns held."""
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
    points, path = _first_points(runs)
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


def _first_points(runs: DenseRuns) -> tuple[Grayordinates, Path]:
    """Grayordinates of the first run that can be opened.

    Raises
    ------
    DerivativesError
        If none can, as the first says.
    """
    errors = []
    for run in runs.runs:
        try:
            points = open_dtseries(run.series.path).points
        except DerivativesError as error:
            errors.append(error)
            continue
        assert isinstance(points, Grayordinates)
        return points, run.series.path
    raise (
        errors[0]
        if errors
        else DerivativesError(
            f"sub-{runs.participant}: no resting run can be used: {' '.join(runs.notes)}"
        )
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


@dataclass(eq=False)
class _Gathered:
    """Cleaned runs of either half of the sessions, and what is to be said of them."""

    halves: dict[str, Gathering]
    rows: list[dict[str, Any]]
    notes: list[str]
    minutes: float


def _gather(found: _Found, cleaner: Cleaner, on_step: OnStep) -> _Gathered:
    """Clean the runs and join those of odd and of even sessions.

    A run that cannot be used is named, and left out.

    Raises
    ------
    DerivativesError
        If too little is left.
    """
    gathered = _Gathered({name: Gathering() for name in HALVES}, [], list(found.runs.notes), 0.0)
    half_of: dict[str, str] = {}
    for done, run in enumerate(found.runs.runs, start=1):
        try:
            series, row, tr_s = _read(run, found.sheets, cleaner)
        except DerivativesError as error:
            gathered.notes.append(f"left out {run.key}: {error}")
            log.warning("sub-%s: left out %s: %s", found.runs.participant, run.key, error)
        else:
            # sessions that can be used take turns
            half = half_of.setdefault(run.key.session, HALVES[len(half_of) % len(HALVES)])
            gathered.halves[half].add(series)
            gathered.rows.append({**asdict(run.key), "half": half, **row})
            gathered.minutes += series.shape[1] * tr_s / 60
        on_step(done, len(found.runs.runs))
    if gathered.minutes < LEAST_MIN:
        n_frames = sum(row["n_kept"] for row in gathered.rows)
        raise DerivativesError(
            f"sub-{found.runs.participant}: {gathered.minutes:.1f} minutes of rest "
            f"({n_frames} frames) are kept after censoring; at least {LEAST_MIN} are needed, and "
            f"{ADVISED_MIN} advised. Add resting runs (--task-id), or censor less (--fd-thresh)."
            + "".join(f"\n  {note}" for note in gathered.notes)
        )
    if gathered.minutes < ADVISED_MIN:
        gathered.notes.append(
            f"{gathered.minutes:.0f} minutes of rest are kept; about {ADVISED_MIN} are advised for "
            "areas that can be trusted."
        )
    return gathered


def _read(run: RunFiles, sheets: Sheets, cleaner: Cleaner) -> tuple[Single, dict[str, Any], float]:
    """Cleaned series of the points of cortex, and a row about the run.

    Raises
    ------
    DerivativesError
        If the run cannot be used.
    """
    series = cleaner.open(run)
    if not isinstance(series.points, Grayordinates) or series.points.axis != sheets.points.axis:
        raise DerivativesError(
            "has other grayordinates than the first run. Make all runs with one template and "
            "density.",
            run.series.path,
        )
    cleaning = cleaner.cleaning(run, series.n_frames, series.tr_s)
    cleaner.check_freedom(run, cleaning)
    number = sheets.spread(np.arange(sheets.cortex.n_points), missing=-1)
    found = np.empty((sheets.cortex.n_points, int(cleaning.kept.sum())), np.float32)
    for first, block in series.blocks():
        own = number[first : first + len(block)]
        if (own >= 0).any():
            raw = block[own >= 0]
            cleaned = cleaner.clean(raw, cleaning)
            with np.errstate(invalid="ignore"):  # of points without a number
                cleaned[np.ptp(raw[:, cleaning.kept], axis=1) == 0] = 0  # rounding is no signal
            found[own[own >= 0]] = cleaned
    silent = ~(np.ptp(found, axis=1) > 0)
    row = {
        "n_frames": series.n_frames,
        "n_kept": found.shape[1],
        "mean_fd_mm": float(cleaning.motion[FD].mean()),
        "n_silent": int(silent.sum()),
    }
    return found, row, cleaning.tr_s


def _parcellate(study: AreaStudy, found: _Found, progress: Progress) -> None:
    """Gather, part, test, name and write, from where an earlier run was killed."""
    settings, files = study.settings, found.files
    cleaner = Cleaner(settings, found.surfaces)
    gathered = _gather(found, cleaner, progress("cleaning"))
    sheets, codes = _without_silent(found, gathered)
    cortex = sheets.cortex
    kernels = [Kernels.of(mesh) for mesh in cortex.meshes.values()]
    halves = {name: one for name, one in gathered.halves.items() if one.n_frames}
    maker = _Maker(files, found.key, settings, cortex, kernels, progress)
    maps = {}
    if len(halves) == len(HALVES):
        for name, one in halves.items():
            maps[name] = maker.boundaries(
                f"boundaries_{name}", partial(maker.linear, one.unit()), n_seeds=settings.n_seeds
            )
    whole = Gathering()
    for one in halves.values():
        whole.join(one)
    heard, n_frames, kept = whole.heard, whole.n_frames, whole.share_kept
    unit = whole.unit()
    counts = {name: one.n_frames for name, one in halves.items()}
    del whole, halves, one
    gathered.halves.clear()
    linear = maker.linear(unit)
    features = linear.features
    maps["all"] = maker.boundaries(
        "boundaries", lambda: ExactSimilarity(unit) if settings.exact else linear,
        n_seeds=len(unit) if settings.exact else settings.n_seeds,
    )  # fmt: skip
    labels = {
        name: make_parcels(one.density, cortex.adjacency, seed=settings.random_seed)
        for name, one in maps.items()
    }
    _check_areas(labels, cortex, files.participant)
    check = maker.check(unit, linear) if settings.n_checked and not settings.exact else None
    turned, not_done = _turned(maker, features, labels["all"], codes.get("reference"))
    namer = Namer(
        unit, features, cortex, settings, template=codes.get("template"), prior=codes.get("prior")
    )
    named = maker.named(namer, labels["all"], n_jobs=study.n_jobs)
    areas = _area_table(sheets, labels["all"], features, heard / n_frames, named)
    metrics = {
        "participant": files.participant,
        "simulated": found.runs.simulated,
        "label": settings.label,
        "n_sessions": len({row["session"] for row in gathered.rows}),
        "n_runs": len(gathered.rows),
        "n_frames": n_frames,
        "minutes": gathered.minutes,
        "share_of_variance": kept,
        "n_points": cortex.n_points,
        "n_vertices": sheets.n_vertices,
        "n_areas": len(areas),
        "share_in_area": float((labels["all"] > 0).mean()),
        "median_area_mm2": float(areas["area_mm2"].median()),
        "similarity": {
            "kind": "exact" if settings.exact else "linear",
            "rank": None if settings.exact else settings.rank,
            "n_seeds": len(maps["all"].seeds),
        },
        "check": check,
        "halves": _halves(gathered, maps, labels, counts),
        "homogeneity": {name: one[0] for name, one in turned.items()},
        "reference": _beside(study, labels["all"], codes.get("reference")),
        "networks": {
            "way": named.way, "said": named.said, "counts": _count_networks(areas),
        },
        "scan": {"said": named.scan_said},
        "deep": _about_deep(found.deep),
        "runs": gathered.rows,
        "notes": gathered.notes,
        "not_done": not_done,
    }  # fmt: skip
    with lock(study.out_dir, "dataset_description.json", wait=True):
        write_dataset_description(study.out_dir, simulated=found.runs.simulated)
    files.page.unlink(missing_ok=True)
    files.path("metrics", ".json").unlink(missing_ok=True)
    for half in HALVES:
        files.remove_half(half)  # of an earlier run
        if half in labels:
            own = _area_table(sheets, labels[half], features, heard / n_frames)
            _write_atlas(found, sheets, labels[half], own, metrics, half=half)
    _write_atlas(found, sheets, labels["all"], areas, metrics)
    _write_beside(found, sheets, maps, named, turned)
    provenance = {
        "versions": _versions(),
        "command": " ".join(
            [
                "painprint parcellate <bids> <out> participant --derivatives <derivatives>",
                *(f"--{name.replace('_', '-')} {p.name}" for name, p in study.maps.files.items()),
                *(["--bids-filter-file <filter>"] if study.bids_filter.queries else []),
                *changed_options(replace(settings, participant_label=(files.participant,))),
            ]
        ),
        "settings": {row["name"]: row for row in describe(settings)},
        "inputs": found.inputs,
    }
    write_results(files, metrics, provenance, found.key)


def _check_areas(labels: Mapping[str, Codes], cortex: Cortex, participant: str) -> None:
    """There are areas.

    Raises
    ------
    DerivativesError
        If not.
    """
    for name, found in labels.items():
        if not found.any():
            of = "all" if name == "all" else f"the {name}"
            raise DerivativesError(
                f"sub-{participant}: no areas were found in {of} sessions: none of the basins of "
                f"the boundary map has {ParcelRules().smallest} of the {cortex.n_points:,} points "
                "of cortex. Is there signal in the data, and is the mesh dense enough (fs_LR 32k "
                "has 59,412)?"
            )


def _without_silent(found: _Found, gathered: _Gathered) -> tuple[Sheets, dict[str, Codes]]:
    """Cortex without points that have no signal in any run, such as a medial wall in the data."""
    squares = sum(one.squares for one in gathered.halves.values() if one.n_frames)
    silent = np.asarray(squares) <= 0
    if not silent.any():
        return found.sheets, dict(found.codes)
    sheets, kept = found.sheets.without(silent)
    lost = {side: int((~kept[part]).sum()) for side, part in found.sheets.cortex.parts.items()}
    gathered.notes.append(
        f"{int((~kept).sum()):,} points of cortex (left {lost['L']:,}, right {lost['R']:,}) have "
        "no signal in any run, or are cut off by such points; they count as medial wall."
    )
    for one in gathered.halves.values():
        if one.n_frames:
            one.columns, one.squares = one.columns[kept], one.squares[kept]
            one.heard = one.heard[kept]
    return sheets, {name: values[kept] for name, values in found.codes.items()}


@dataclass(frozen=True, eq=False)
class _Maker:
    """Makes what takes long, and keeps it as soon as it is there."""

    files: AreaFiles
    key: str
    settings: AreaSettings
    cortex: Cortex
    kernels: Sequence[Kernels]
    progress: Progress

    def linear(self, unit: Single) -> LinearSimilarity:
        """Similarity of connectivity in closed form."""
        return LinearSimilarity.of(unit, rank=self.settings.rank)

    def boundaries(
        self, stage: str, similarity: Callable[[], Similarity], *, n_seeds: int
    ) -> BoundaryMap:
        """Boundary map of a similarity, which is made where the map is not there."""
        if (known := load_arrays(self.files.stage(stage), self.key)) is not None:
            return BoundaryMap(**known[0])
        found = map_boundaries(
            similarity(),
            self.kernels,
            n_seeds=n_seeds,
            random_seed=self.settings.random_seed,
            on_step=self.progress(stage.replace("_", " of sessions, ")),
        )
        save_arrays(self.files.stage(stage), vars(found), {}, self.key)
        return found

    def check(self, unit: Single, linear: LinearSimilarity) -> dict[str, Any]:
        """How the boundary map agrees with that of the exact similarity, on the same seeds."""
        if (known := load_arrays(self.files.stage("check"), self.key)) is not None:
            return known[1]
        n_seeds, seed = self.settings.n_checked, self.settings.random_seed
        own, again = (
            map_boundaries(
                linear, self.kernels, n_seeds=n_seeds, random_seed=seed, order_seed=order
            ).density
            for order in (None, seed + 1)
        )
        exact = map_boundaries(
            ExactSimilarity(unit), self.kernels, n_seeds=n_seeds, random_seed=seed,
            on_step=self.progress("exact similarity"),
        ).density  # fmt: skip
        about = {
            "n_seeds": min(n_seeds, len(unit)),
            "r": float(np.corrcoef(own, exact)[0, 1]),
            "floor": float(np.corrcoef(own, again)[0, 1]),
        }
        save_arrays(self.files.stage("check"), {"density": exact}, about, self.key)
        return about

    def turned(self, stage: str, features: Single, labels: Codes) -> Homogeneity:
        """Homogeneity of areas beside that of turned ones.

        Raises
        ------
        ValueError
            If the meshes cannot be laid on a sphere.
        """
        if (known := load_arrays(self.files.stage(stage), self.key)) is not None:
            return Homogeneity(**known[0])
        found = compare_with_turned(
            features, labels, self.cortex, n_turns=self.settings.n_turns,
            random_seed=self.settings.random_seed, on_step=self.progress(stage.replace("_", " ")),
        )  # fmt: skip
        save_arrays(self.files.stage(stage), vars(found), {}, self.key)
        return found

    def named(self, namer: Namer, labels: Codes, *, n_jobs: int) -> Named:
        """Communities and networks of areas."""
        if (known := load_arrays(self.files.stage("communities"), self.key)) is not None:
            return Named.of_arrays(*known)
        found = namer.name(labels, n_jobs=n_jobs, on_step=self.progress("communities"))
        save_arrays(self.files.stage("communities"), *found.arrays(), self.key)
        return found


Turned = dict[str, tuple[dict[str, Any], Homogeneity]]


def _turned(
    maker: _Maker, features: Single, labels: Codes, reference: Codes | None
) -> tuple[Turned, list[str]]:
    """Homogeneity of the person's areas and of a group's, and what could not be tested."""
    found: Turned = {}
    not_done: list[str] = []
    todo = {"individual": ("turned", "the person's own", labels)}
    if reference is not None:
        todo["reference"] = ("turned_reference", "the reference atlas", _numbered(reference))
    for name, (stage, said, of_point) in todo.items():
        try:
            one = maker.turned(stage, features, of_point)
        except ValueError as error:
            return {}, [f"homogeneity was not tested: {error}"]
        if not np.isfinite(one.of_turned).any():
            n_turns, n_areas = one.of_turned.shape
            not_done.append(
                f"homogeneity of the areas ({said}) was not tested: in {n_turns} turns, each of "
                f"the {n_areas} met the medial wall every time."
            )
            if name == "individual":  # beside which others are seen
                return {}, not_done
            continue
        null = one.null
        about = {
            "name": said, "n_areas": len(one.of_area), "observed": one.observed,
            "null_mean": float(null.mean()), "null_sd": float(null.std(ddof=1)), "z": one.z,
            "p": one.p, "n_turns": len(null), "share_on_wall": one.share_on_wall,
        }  # fmt: skip
        found[name] = about, one
    return found, not_done


def _numbered(codes: Codes) -> Codes:
    """Labels without gaps, from 1; 0 is none."""
    inside = codes > 0
    found = np.zeros_like(codes)
    found[inside] = np.unique(codes[inside], return_inverse=True)[1] + 1
    return found


def _halves(
    gathered: _Gathered,
    maps: Mapping[str, BoundaryMap],
    labels: Mapping[str, Codes],
    counts: Mapping[str, int],
) -> dict[str, Any] | None:
    """How areas of odd and of even sessions agree; None where there is one session."""
    if not set(HALVES) <= set(labels):
        return None
    sessions = {
        name: list(dict.fromkeys(r["session"] for r in gathered.rows if r["half"] == name))
        for name in HALVES
    }
    odd, even = HALVES
    return {
        "sessions": sessions,
        "n_frames": dict(counts),
        "r": float(np.corrcoef(maps[odd].density, maps[even].density)[0, 1]),
        "agreement": asdict(compare(labels[odd], labels[even])),
    }


def _beside(study: AreaStudy, labels: Codes, reference: Codes | None) -> dict[str, Any] | None:
    """How the areas agree with those of a reference atlas."""
    path = study.maps.reference_atlas
    if reference is None or path is None:
        return None
    agreement = compare(labels, _numbered(reference))
    return {"name": path.name.partition(".")[0], "agreement": asdict(agreement)}


def _about_deep(deep: DeepRegions | None) -> dict[str, Any] | None:
    if deep is None:
        return None
    names = deep.atlas.regions.names
    return {
        "atlas": deep.atlas.files.label,
        "n_regions": len(deep.kept),
        "lost": [names[k] for k in deep.lost],
        "share_inside": deep.share_inside,
    }


def _count_networks(areas: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Areas and their size, by network."""
    grouped = areas.groupby(areas["network_label"].fillna(""))["area_mm2"]
    return {
        str(name): {"n_areas": len(sizes), "area_mm2": float(sizes.sum())}
        for name, sizes in grouped
    }


def _area_table(
    sheets: Sheets,
    labels: Codes,
    features: Single,
    heard: NDArray[np.float64],
    named: Named | None = None,
) -> pd.DataFrame:
    """A row for each area of cortex."""
    cortex = sheets.cortex
    medoids = cortex.medoids(labels)
    inside = members(labels)
    vertex = np.concatenate([np.flatnonzero(mesh.cortex) for mesh in cortex.meshes.values()])
    sides = cortex.sides[medoids]
    networks = named.of_area if named else ("",) * len(inside)
    place = cortex.places[medoids]
    names = [
        f"{side}_{network or 'NONE'}_{k:03d}"
        for k, (side, network) in enumerate(zip(sides, networks, strict=True), start=1)
    ]
    table = pd.DataFrame(
        {
            "index": np.arange(1, len(inside) + 1),
            "label": names,
            "name": names,
            "hemisphere": sides,
            "network_label": networks,
            "network_index": named.codes if named else np.nan,
            "n_points": [len(points) for points in inside],
            "area_mm2": [cortex.areas[points].sum() for points in inside],
            "medoid": vertex[medoids],
            **dict(zip("xyz", place.T, strict=True)),
            "coverage": [heard[points].mean() for points in inside],
            "homogeneity": homogeneity(features, labels),
            "network_share": named.share if named else np.nan,
        }
    )
    return table[list(AREA_COLUMNS["dseg"])]


def _write_atlas(
    found: _Found,
    sheets: Sheets,
    labels: Codes,
    areas: pd.DataFrame,
    metrics: Mapping[str, Any],
    *,
    half: str = "",
) -> None:
    """Write areas of cortex and regions below it as one atlas."""
    files, deep = found.files, found.deep
    of_point, table = sheets.spread(labels), areas
    if deep is not None:
        kept = deep.kept
        number = np.zeros(len(deep.n_voxels) + 1, np.int64)
        number[kept + 1] = len(areas) + 1 + np.arange(len(kept))
        of_point = np.where(deep.labels > 0, number[deep.labels], of_point)
        table = pd.concat(
            [areas, _deep_table(deep, len(areas), in_mni=found.surfaces.in_mni)], ignore_index=True
        )
    halves = metrics["halves"]
    every = list(dict.fromkeys(row["session"] for row in metrics["runs"]))
    about = {
        "Name": f"areas of sub-{files.participant}"
        + (f", {half} sessions" if half else "")
        + (" (simulated data)" if metrics["simulated"] else ""),
        "Description": "cortical areas of one person by boundary mapping of resting scans"
        + ("" if deep is None else f", and regions of {deep.atlas.files.label} below the cortex"),
        "SampleSize": 1,
        "Simulated": metrics["simulated"],
        "Participant": files.participant,
        "Sessions": halves["sessions"][half] if half else every,
        "Halves": {name: f"{files.label}{name}" for name in HALVES} if halves and not half else {},
    }
    write_atlas(files, sheets.points, of_point, table, about, half=half)
    if not half:
        write_bids_atlas(
            files,
            {
                "Name": about["Name"],
                "BIDSVersion": "1.10.0",
                "DatasetType": "atlas",
                "GeneratedBy": [{"Name": "painprint", "Version": versions()["painprint"]}],
            },
        )


def _deep_table(deep: DeepRegions, n_areas: int, *, in_mni: bool) -> pd.DataFrame:
    """A row for each region below the cortex; places where cortex lies in the same space."""
    regions, kept = deep.atlas.regions, deep.kept
    place = deep.atlas.places({})[kept] if in_mni else np.full((len(kept), 3), np.nan)
    names = [regions.names[k] for k in kept]
    table = pd.DataFrame(
        {
            "index": n_areas + 1 + np.arange(len(kept)),
            "label": names,
            "name": names,
            "network_label": [regions.networks[k] for k in kept],
            "n_points": deep.n_voxels[kept],
            **dict(zip("xyz", place.T, strict=True)),
        }
    )
    return table.reindex(columns=list(AREA_COLUMNS["dseg"]))


def _write_beside(
    found: _Found,
    sheets: Sheets,
    maps: Mapping[str, BoundaryMap],
    named: Named,
    turned: Turned,
) -> None:
    """Write maps, networks, surfaces and tables."""
    files = found.files
    scalars = {"density": maps["all"].density, "steepness": maps["all"].steepness}
    scalars |= {f"density {name}": maps[name].density for name in HALVES if name in maps}
    write_maps_of_cortex(files.path("boundaries", ".dscalar.nii"), sheets, scalars)
    write_networks(files.path("networks", ".dlabel.nii"), sheets, named.of_point)
    write_surfaces(files.folder, files.participant, found.surfaces)
    tables = {"homogeneity": _turned_table(turned)}
    if named.candidates is not None:
        tables["scan"] = named.candidates
    for name in ("homogeneity", "scan"):
        path = files.path(name, ".tsv")
        for old in (path, path.with_suffix(".json")):  # of an earlier run
            old.unlink(missing_ok=True)
        if name in tables:
            write_table(path, tables[name][list(AREA_COLUMNS[name])])
            columns = {c: {"Description": text} for c, text in AREA_COLUMNS[name].items()}
            write_json(path.with_suffix(".json"), columns)


def _turned_table(turned: Turned) -> pd.DataFrame:
    """Mean homogeneity of the areas themselves and of each turn."""
    rows = []
    for about, one in turned.values():
        own = {"areas": about["name"], "turn": 0, "homogeneity": one.observed, "n_on_wall": 0}
        on_wall = np.isnan(one.of_turned[:, np.isfinite(one.of_area)]).sum(axis=1)
        rows += [own] + [
            {"areas": about["name"], "turn": k, "homogeneity": value, "n_on_wall": n}
            for k, (value, n) in enumerate(zip(one.null, on_wall, strict=True), start=1)
        ]
    return pd.DataFrame(rows, columns=list(AREA_COLUMNS["homogeneity"]))
