"""Write simulated runs as dense BOLD, in the layouts of fMRIPrep and of ciftify (HCP).

The mean of a region's points is the simulated signal plus nuisance signals to be removed by
cleaning: trend, motion, and components of white matter and CSF. The data are small; headers and
names of files, columns and keys are real. The layout ciftify has HCP's Movement_Regressors.txt,
which ciftify itself does not write: it leaves the confounds beside fMRIPrep's BOLD.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from painprint.arrays import Codes, Matrix, Single
from painprint.atlas.surfaces import name_density
from painprint.bold.denoise import N_COMPONENTS, with_changes
from painprint.cortex.mesh import Mesh
from painprint.files.cifti import make_grayordinates
from painprint.files.confounds import MOVEMENT
from painprint.files.gifti import write_surface
from painprint.files.hcp import RESULTS
from painprint.files.images import Grayordinates, Points, Voxels
from painprint.files.maps import write_labels, write_series
from painprint.regions import Regions
from painprint.simulate.areas import plant_areas, simulate_hemisphere
from painprint.simulate.confounds import BASELINE, bold_sidecar, confounds_table
from painprint.simulate.person import SUBCORTICAL_NETWORK
from painprint.store.files import write_json, write_table, write_text

POINTS_PER_REGION = 4
SPARE_POINTS = 40
"""Points in no region: cortex outside the atlas, or brain between the regions."""
N_SUBCORTICAL = 2
"""Number of last regions, which lie in the left and right thalamus."""
SIGNAL_SHARE = 0.01
"""SD of a region's signal, as a share of the baseline."""
POINT_NOISE, NUISANCE = 2.0, 0.3
"""SD of the points around their region, and of nuisance signals, in SD of the signal."""
FIRST_LABEL, LABEL_STEP = 251, 3
"""Labels have gaps and exceed 255."""
N_VERTICES, N_VOXELS = 32_492, 31_870
"""Vertices of an fs_LR 32k hemisphere, and subcortical voxels of 91,282 grayordinates."""
MNI_2MM = np.array([[-2.0, 0, 0, 90], [0, 2, 0, -126], [0, 0, 2, -72], [0, 0, 0, 1]])
MNI_SHAPE = (91, 109, 91)
SMALL_SHAPE = (12, 12, 12)
SPACE = "MNI152NLin2009cAsym"


@dataclass(frozen=True, eq=False)
class DenseLayout:
    """File layout and points of simulated dense BOLD.

    Attributes
    ----------
    region_of_point : ndarray of int, shape (n_points,)
        Index of each point's region; -1 is none.
    where : str
        Entities of space, and density or resolution, in file names.
    surfaces : mapping of str to pair of Mesh
        Folded and inflated surface by hemisphere; empty without surfaces.
    """

    name: str
    regions: Regions
    points: Points
    region_of_point: Codes
    where: str
    surfaces: Mapping[str, tuple[Mesh, Mesh]] = field(default_factory=dict)

    @property
    def labels(self) -> Codes:
        """Label of each region."""
        return FIRST_LABEL + LABEL_STEP * np.arange(len(self.regions.names))

    def write_surfaces(self, dataset: Path, participant: str) -> None:
        """Write the person's surfaces, if there are any."""
        density = density_of_mesh(self.surfaces)
        for side, shapes in self.surfaces.items():
            for suffix, mesh in zip(("midthickness", "inflated"), shapes, strict=True):
                name = f"sub-{participant}_hemi-{side}_space-fsLR_den-{density}_{suffix}.surf.gii"
                path = dataset / f"sub-{participant}" / "anat" / name
                write_surface(path, mesh.vertices, mesh.faces, side)

    def write_atlas(self, dataset: Path, atlas: str, table: pd.DataFrame) -> None:
        """Write image and table of the atlas."""
        folder = dataset / "atlases" / f"atlas-{atlas}"
        values = np.zeros(len(self.region_of_point), np.int64)
        inside = self.region_of_point >= 0
        values[inside] = self.labels[self.region_of_point[inside]]
        extension = ".nii.gz" if isinstance(self.points, Voxels) else ".dlabel.nii"
        names = dict(zip(self.labels.tolist(), self.regions.names, strict=True))
        write_labels(
            folder / f"atlas-{atlas}_{self.where}_dseg{extension}", self.points, values, names
        )
        numbered = table.assign(index=self.labels)
        write_table(folder / f"atlas-{atlas}_dseg.tsv", numbered)

    def write_run(
        self,
        dataset: Path,
        entities: Mapping[str, str],
        signals: Matrix,
        motion: Matrix,
        tr_s: float,
        rng: np.random.Generator,
    ) -> None:
        """Write BOLD and confounds of one run.

        Parameters
        ----------
        entities : mapping of str to str
            sub, ses, task, run.
        signals : ndarray of shape (n_frames, n_regions)
        motion : ndarray of shape (n_frames, 6)
        """
        components = rng.normal(size=(len(signals), 2 * N_COMPONENTS))
        bold = self._bold(signals, motion, components, rng)
        parts = [f"{name}-{value}" for name, value in entities.items() if value]
        if self.name == "ciftify":
            name = "_".join(parts[1:])
            folder = dataset / parts[0] / RESULTS / name
            write_series(folder / f"{name}_Atlas_s0.dtseries.nii", self.points, bold, tr_s)
            degrees = np.column_stack([motion[:, :3], np.degrees(motion[:, 3:])])
            lines = (" ".join(f"{v:.17g}" for v in row) for row in with_changes(degrees))
            write_text(folder / MOVEMENT, "\n".join(lines) + "\n")
            return
        folder, stem = dataset.joinpath(*parts[:2], "func"), "_".join(parts)
        if isinstance(self.points, Voxels):
            path = folder / f"{stem}_{self.where}_desc-preproc_bold.nii.gz"
            mask = folder / f"{stem}_{self.where}_desc-brain_mask.nii.gz"
            write_labels(mask, self.points, np.ones(self.points.n_points, np.int64), {})
        else:
            path = folder / f"{stem}_{self.where}_bold.dtseries.nii"
        write_series(path, self.points, bold, tr_s)
        sidecar = path.with_name(path.name.partition(".")[0] + ".json")
        write_json(sidecar, bold_sidecar(entities["task"], tr_s))
        confounds, of_confounds = confounds_table(motion, components, bold)
        write_table(folder / f"{stem}_desc-confounds_timeseries.tsv", confounds)
        write_json(folder / f"{stem}_desc-confounds_timeseries.json", of_confounds)

    def _bold(
        self, signals: Matrix, motion: Matrix, components: Matrix, rng: np.random.Generator
    ) -> Single:
        """Dense BOLD: (n_frames, n_points)."""
        n_frames, n_points = len(signals), len(self.region_of_point)
        nuisance = np.column_stack([np.linspace(-1, 1, n_frames), motion, components])
        nuisance = (nuisance - nuisance.mean(axis=0)) / np.maximum(nuisance.std(axis=0), 1e-12)
        noise = POINT_NOISE * rng.normal(size=(n_frames, n_points))
        data = noise + NUISANCE * nuisance @ rng.normal(size=(nuisance.shape[1], n_points))
        for region in range(signals.shape[1]):
            inside = self.region_of_point == region
            # the points' noise is centred, so that the region's mean is its signal
            mean_noise = noise[:, inside].mean(axis=1, keepdims=True)
            signal = signals[:, region : region + 1] / signals[:, region].std()
            data[:, inside] += signal - mean_noise
        base = BASELINE * rng.uniform(0.8, 1.2, size=n_points)
        return np.asarray(base + SIGNAL_SHARE * BASELINE * data, dtype=np.float32)


def make_layout(
    name: str, regions: Regions, *, divisions: int = 57, rng: np.random.Generator
) -> DenseLayout:
    """Layout of a simulated person's regions.

    Parameters
    ----------
    name : {"fmriprep", "fmriprep_volumes", "fmriprep_surfaces", "ciftify"}
        With surfaces, every cortical region is an area of a hemisphere, and every other region a
        part of the thalamus; otherwise a region is a few scattered points.
    divisions : int
        Density of the surfaces.
    rng : Generator
        For the planting of areas.
    """
    if name == "fmriprep_surfaces":
        return _on_surfaces(name, regions, divisions, rng)
    n_labelled = POINTS_PER_REGION * len(regions.names)
    region = np.full(n_labelled + SPARE_POINTS, -1)
    region[:n_labelled] = np.repeat(np.arange(len(regions.names)), POINTS_PER_REGION)
    if name == "fmriprep_volumes":
        return DenseLayout(name, regions, _volumes(len(region)), region, f"space-{SPACE}_res-2")
    points, region = _scattered(region, len(regions.names))
    return DenseLayout(name, regions, points, region, "space-fsLR_den-91k")


def _scattered(region: Codes, n_regions: int) -> tuple[Grayordinates, Codes]:
    """Left and right cortex, then the thalamus; spare points at the end of the right."""
    n_cortical = POINTS_PER_REGION * (n_regions - N_SUBCORTICAL)
    spare = region[-SPARE_POINTS:]
    subcortical = region[n_cortical:-SPARE_POINTS]
    n_left = n_cortical // 2
    n_right = n_cortical - n_left + SPARE_POINTS
    region = np.concatenate([region[:n_cortical], spare, subcortical])
    half = len(subcortical) // 2
    voxels = [
        np.column_stack([np.full(n, x), np.full(n, 55), 35 + np.arange(n)])
        for n, x in ((half, 50), (len(subcortical) - half, 38))
    ]
    points = make_grayordinates(
        {"cortex_left": np.arange(n_left) * 7 + 3, "cortex_right": np.arange(n_right) * 5 + 1},
        N_VERTICES,
        {"thalamus_left": voxels[0], "thalamus_right": voxels[1]},
        Voxels(np.zeros(MNI_SHAPE, bool), MNI_2MM),
    )
    return points, region


def _on_surfaces(
    name: str, regions: Regions, divisions: int, rng: np.random.Generator
) -> DenseLayout:
    """Areas on two hemispheres, mirror images of each other, and parts of the thalamus."""
    surfaces = {side: simulate_hemisphere(divisions, side) for side in "LR"}
    mesh = surfaces["L"][0]
    n_vertices = len(mesh.vertices)
    subcortical = np.array([network == SUBCORTICAL_NETWORK for network in regions.networks])
    of_side = {side: np.array([name.startswith(side) for name in regions.names]) for side in "LR"}
    cortical = {side: np.flatnonzero(of_side[side] & ~subcortical) for side in "LR"}
    areas = plant_areas(mesh, len(cortical["L"]), rng)
    n_voxels = round(N_VOXELS * n_vertices / N_VERTICES) // 2
    shape = np.ceil(np.cbrt([n_voxels] * 3)).astype(int) + 1
    block = np.argwhere(np.ones(shape, bool))[:n_voxels]
    voxels, region_of_voxel = {}, []
    for side, word, start in (("L", "left", 46), ("R", "right", 45 - shape[0])):
        voxels[f"thalamus_{word}"] = block + [start, 45, 30]
        nuclei = np.flatnonzero(of_side[side] & subcortical)
        pieces = np.minimum(np.arange(n_voxels) * max(len(nuclei), 1) // n_voxels, len(nuclei) - 1)
        region_of_voxel.append(nuclei[pieces] if len(nuclei) else np.full(n_voxels, -1))
    inside = np.flatnonzero(mesh.cortex)
    points = make_grayordinates(
        {"cortex_left": inside, "cortex_right": inside},
        n_vertices,
        voxels,
        Voxels(np.zeros(MNI_SHAPE, bool), MNI_2MM),
    )
    region = np.concatenate([cortical["L"][areas], cortical["R"][areas], *region_of_voxel])
    density = "91k" if n_vertices == N_VERTICES else density_of_mesh(surfaces)
    return DenseLayout(name, regions, points, region, f"space-fsLR_den-{density}", surfaces)


def density_of_mesh(surfaces: Mapping[str, tuple[Mesh, Mesh]]) -> str:
    """BIDS ``den`` entity of these surfaces."""
    return name_density(*{len(folded.vertices) for folded, _ in surfaces.values()} or {0})


def _volumes(n_points: int) -> Voxels:
    """Voxels of a small 2-mm grid in MNI space."""
    inside = np.zeros(SMALL_SHAPE, bool)
    if n_points > (np.array(SMALL_SHAPE) - 2).prod():
        raise ValueError(
            f"{n_points} voxels do not fit a grid of {' x '.join(map(str, SMALL_SHAPE))}: "
            "simulate fewer regions."
        )
    inner = np.argwhere(np.pad(np.ones([n - 2 for n in SMALL_SHAPE], bool), 1))[:n_points]
    inside[tuple(inner.T)] = True
    return Voxels(inside, MNI_2MM)
