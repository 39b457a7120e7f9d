"""Inputs of a parcellation: settings, maps and runs, checked before any computation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from painprint.arrays import Codes, short_repr
from painprint.atlas.surfaces import Surfaces, find_surfaces, name_density
from painprint.bids.filter import BidsFilter
from painprint.bids.find import DenseRuns, find_dense_runs
from painprint.bold.nuisance import same_points
from painprint.cortex.communities import has_infomap
from painprint.cortex.networks import N_NETWORKS, SCAN_LADDER
from painprint.cortex.settings import AreaSettings
from painprint.errors import DerivativesError
from painprint.files.cifti import read_brain_models
from painprint.files.coordinates import cortex_of
from painprint.files.dataset import Dataset, check_datasets
from painprint.files.images import Grayordinates
from painprint.files.labels import read_codes
from painprint.parcellate.individual_file import AreaFiles
from painprint.parcellate.inputs import (
    CorticalGrayordinates,
    SubcorticalRegions,
    read_cortex,
    read_subcortical,
)
from painprint.parcellate.maps import Maps
from painprint.results.earlier import Existing
from painprint.results.provenance import versions
from painprint.store.files import content_key, hash_input


@dataclass(frozen=True)
class AreaStudy:
    """Datasets with resting runs, and the settings with which they are parcellated.

    Parameters
    ----------
    bids_dir : Path
        Raw BIDS dataset.
    derivatives : sequence of Path
        Datasets with dense BOLD and surfaces.
    n_jobs : int
        Workers; results do not depend on it.
    bids_filter : BidsFilter
        Restricts which BOLD is used.
    existing : {"refuse", "keep", "overwrite"}
        What is done with an earlier parcellation that would be replaced.

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
    existing: Existing = "refuse"

    def __post_init__(self) -> None:
        check_datasets(self.bids_dir, self.derivatives)
        for name, path in self.maps.files.items():
            if not path.exists():
                raise DerivativesError(f"there is no {path} (--{name.replace('_', '-')}).")
        if (choice := self.settings.scan_choice) is not None:
            self._check_choice(choice[0])

    def _check_choice(self, threshold: float) -> None:
        """Check that there can be candidates for a chosen community."""
        needed = ("network_template", "scan_prior")
        missing = [f"--{name.replace('_', '-')}" for name in needed if name not in self.maps.files]
        if missing:
            raise DerivativesError(
                f"--scan-community chooses among candidates for SCAN, which need "
                f"{' and '.join(missing)} too."
            )
        if self.settings.community_nodes == "areas":
            raise DerivativesError(
                "--scan-community chooses among communities of vertices, but --community-nodes is "
                "areas alone. Omit one of the two."
            )
        if threshold not in SCAN_LADDER:
            raise DerivativesError(
                f"{threshold:g} (--scan-community) is none of the thresholds: "
                f"{', '.join(f'{share:g}' for share in SCAN_LADDER)}."
            )

    @property
    def datasets(self) -> list[Dataset]:
        """The derivative datasets."""
        numbered = enumerate(self.derivatives, start=1)
        return [Dataset(folder, f"derivatives{i}") for i, folder in numbered]


@short_repr
@dataclass(frozen=True, eq=False)
class ParticipantInputs:
    """Inputs of one participant's parcellation.

    Attributes
    ----------
    codes : mapping of str to array of int, shape (n_cortical,)
        Maps of the cortical vertices: template, prior and reference, as far as given.
    depends_on : mapping
        Versions, settings, inputs and notes.
    """

    runs: DenseRuns
    surfaces: Surfaces
    cortical: CorticalGrayordinates
    subcortical: SubcorticalRegions | None
    codes: Mapping[str, Codes]
    files: AreaFiles
    depends_on: Mapping[str, Any]

    @property
    def key(self) -> str:
        """Hash of everything that the parcellation depends on."""
        return content_key(self.depends_on)

    @property
    def hashes(self) -> Mapping[str, str]:
        """Hash of each input file."""
        inputs: Mapping[str, str] = self.depends_on["inputs"]
        return inputs


def find_inputs(study: AreaStudy, participant: str) -> ParticipantInputs:
    """Find all inputs and read every map, so that errors are raised before any computation."""
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
    available = _surface_names(study.datasets, participant)
    cortical = read_cortex(points, surfaces, path, available=available)
    maps, subcortical = study.maps, None
    if maps.subcortical_atlas:
        subcortical = read_subcortical(str(maps.subcortical_atlas), points)
    named = {"template": maps.network_template, "prior": maps.scan_prior,
             "reference": maps.reference_atlas}  # fmt: skip
    images = {name: read_codes(file) for name, file in named.items() if file is not None}
    codes = {name: cortical.codes(image) for name, image in images.items()}
    read_images = [*images.values(), *([subcortical.atlas.image] if subcortical else [])]
    runs = replace(runs, notes=(*runs.notes, *(note for i in read_images for note in i.notes)))
    if maps.network_template is not None:
        runs = replace(runs, notes=(*runs.notes, *_check_template(codes, maps.network_template)))
    where = "_".join(f"{e}-{entities[e]}" for e in ("space", "den") if e in entities)
    files = AreaFiles(study.out_dir, participant, settings.label, where)
    read = {f.uri: f.path for run in runs.runs for f in (*run.data_files, *run.all_sidecars)}
    read |= {f"surface:{side}": file for side, file in surfaces.paths.items()}
    read |= {f"map:{name}": file for name, file in maps.files.items() if file.is_file()}
    if subcortical is not None:
        read |= {f"map:{f.path.name}": f.path for f in subcortical.atlas.files.bids_files}
    hashes = {name: hash_input(file) for name, file in sorted(read.items())}
    depends_on = {
        "versions": area_versions(),
        "settings": {**asdict(settings), "participant_label": participant},
        "inputs": hashes,
        "notes": runs.notes,
        **({"simulated": True} if runs.simulated else {}),
    }
    return ParticipantInputs(runs, surfaces, cortical, subcortical, codes, files, depends_on)


def area_versions() -> dict[str, str]:
    """Versions of the software that results depend on; networks also depend on Infomap."""
    return versions() | ({"infomap": version("infomap")} if has_infomap() else {})


def _surface_names(datasets: Sequence[Dataset], participant: str) -> list[str]:
    """Names of all midthickness surfaces of a participant, on any mesh."""
    names = {
        file.path.name
        for dataset in datasets
        for file in dataset.files_of(participant)
        if file.path.name.endswith(".surf.gii") and "midthickness" in file.path.name
    }
    return sorted(names)


def _check_template(codes: Mapping[str, Codes], path: Path) -> list[str]:
    """Note on the values of a network template that are no network."""
    values = np.unique(codes["template"][codes["template"] > 0])
    beyond = values[values > N_NETWORKS]
    if len(beyond) == len(values):
        raise DerivativesError(
            f"has numbers from {values[0]} to {values[-1]} on the BOLD's cortex; the networks of a "
            f"template have 1 to {N_NETWORKS} (--network-template).",
            path,
        )
    if not len(beyond):
        return []
    share = float((codes["template"] > N_NETWORKS).mean())
    return [
        f"{path.name}: {share:.0%} of the vertices of cortex have numbers above {N_NETWORKS} "
        f"(first: {beyond[0]}), which are no network."
    ]


def _usual_points(runs: DenseRuns) -> tuple[Grayordinates, Path]:
    """Grayordinates of most runs, and the path of the first run with them."""
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
