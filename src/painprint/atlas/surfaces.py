"""Individual cortical surfaces of a participant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from painprint.arrays import Matrix
from painprint.atlas.brain import SIDES
from painprint.files.dataset import Dataset
from painprint.files.gifti import read_surface
from painprint.files.hcp import hcp_surfaces
from painprint.files.images import STRUCTURES

FS_LR = "32k"
DENSITIES = {10_242: "10k", 32_492: FS_LR, 40_962: "41k", 59_292: "59k", 163_842: "164k"}
"""BIDS ``den`` entity by the number of vertices of a template hemisphere."""


def name_density(n_vertices: int) -> str:
    """BIDS ``den`` entity of a hemisphere mesh; the number of vertices if no template has it."""
    return DENSITIES.get(n_vertices, str(n_vertices))


SHAPES = {"folded": "midthickness", "inflated": "inflated"}
"""Suffix of the files of each shape."""


@dataclass(frozen=True)
class Surfaces:
    """Individual surfaces of a participant on a template mesh.

    Attributes
    ----------
    paths : mapping of str to Path
        Midthickness surface by hemisphere, L and R; empty if there is none.
    in_mni : bool
        Whether they are in the space of the subcortical voxels: those of HCP are, those of
        fMRIPrep are in the space of the T1w image.
    inflated : mapping of str to Path
        Inflated surface by hemisphere; empty if there is none.
    """

    paths: Mapping[str, Path]
    in_mni: bool
    inflated: Mapping[str, Path] = field(default_factory=dict)

    def vertices(self) -> dict[str, Matrix]:
        """Coordinates of the vertices (mm) by CIFTI structure: (n_vertices, 3); raises as
        :func:`read_surface`.
        """
        return {STRUCTURES[side]: read_surface(path)[0] for side, path in self.paths.items()}


def find_surfaces(
    datasets: Sequence[Dataset], participant: str, *, density: str = FS_LR, space: str = ""
) -> Surfaces:
    """Find a participant's individual surfaces of this density.

    Parameters
    ----------
    datasets : sequence of Dataset
        Derivatives of fMRIPrep, XCP-D, ciftify or HCP; the first with such surfaces is taken.
    participant : str
        Without "sub-".
    density : str
        BIDS ``den`` entity.
    space : str
        Template space of the mesh, empty if not known. Surfaces named for another are not taken:
        meshes of two templates may have the same number of vertices in another order.
    """
    for dataset in datasets:
        if density == FS_LR and (of_hcp := hcp_surfaces(dataset, participant, SHAPES["folded"])):
            inflated = hcp_surfaces(dataset, participant, SHAPES["inflated"])
            return Surfaces(of_hcp, in_mni=True, inflated=inflated)
        paths = {
            name: _of_suffix(dataset, participant, s, density, space) for name, s in SHAPES.items()
        }
        if paths["folded"]:
            return Surfaces(paths["folded"], in_mni=False, inflated=paths["inflated"])
    return Surfaces({}, in_mni=False)


def _of_suffix(
    dataset: Dataset, participant: str, suffix: str, density: str, space: str
) -> dict[str, Path]:
    """Files of both hemispheres; empty if one is missing."""
    paths: dict[str, Path] = {}
    for file in dataset.files_of(participant):
        is_surface = file.suffix == suffix and file.extension == ".surf.gii"
        same = space in ("", file.entities.get("space", space))
        if is_surface and same and file.entities.get("den") == density:
            paths.setdefault(file.entities.get("hemi", ""), file.path)
    return {side: paths[side] for side in SIDES} if set(SIDES) <= set(paths) else {}
