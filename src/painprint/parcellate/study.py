"""What a person is parcellated from: options, maps and scans; what is wrong is said at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from painprint.arrays import Codes
from painprint.atlas.surfaces import Surfaces, find_surfaces, name_density
from painprint.bids.filter import BidsFilter
from painprint.bids.select import DenseRuns, find_dense_runs
from painprint.bold.nuisance import same_points
from painprint.cortex.communities import has_infomap
from painprint.cortex.networks import N_NETWORKS, SCAN_LADDER
from painprint.cortex.settings import AreaSettings
from painprint.files.cifti import read_brain_models
from painprint.files.coordinates import cortex_of
from painprint.files.dataset import Dataset
from painprint.files.errors import DerivativesError
from painprint.files.images import Grayordinates
from painprint.parcellate.individual_file import AreaFiles
from painprint.parcellate.inputs import DeepRegions, Sheets, read_deep, read_sheets
from painprint.parcellate.maps import Maps
from painprint.results.provenance import versions
from painprint.store.files import content_key, hash_input


@dataclass(frozen=True)
class AreaStudy:
    """Where resting scans lie, and how they are parcellated.

    Parameters
    ----------
    bids_dir : Path
        Raw BIDS dataset.
    derivatives : sequence of Path
        Datasets with dense BOLD and surfaces.
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


@dataclass(frozen=True, eq=False)
class Found:
    """What there is of a participant, and what can be said of it before anything takes time."""

    runs: DenseRuns
    surfaces: Surfaces
    sheets: Sheets
    deep: DeepRegions | None
    codes: Mapping[str, Codes]
    files: AreaFiles
    key: str
    inputs: Mapping[str, str]


def find_inputs(study: AreaStudy, participant: str) -> Found:
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
    read = {f.uri: f.path for run in runs.runs for f in (*run.data_files, *run.sidecars)}
    read |= {f"surface:{side}": one for side, one in surfaces.paths.items()}
    read |= {f"map:{name}": one for name, one in maps.files.items() if one.is_file()}
    if deep is not None:
        read |= {f"map:{f.path.name}": f.path for f in deep.atlas.files.bids_files}
    inputs = {name: hash_input(one) for name, one in sorted(read.items())}
    key = content_key(
        {
            "versions": area_versions(),
            "settings": {**asdict(settings), "participant_label": participant},
            "inputs": inputs,
            "notes": runs.notes,
        }
    )
    return Found(runs, surfaces, sheets, deep, codes, files, key, inputs)


def area_versions() -> dict[str, str]:
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
