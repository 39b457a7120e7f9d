"""A participant's own cortical surfaces, and the template's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from painprint.atlas.brain import SIDES
from painprint.files.dataset import Dataset
from painprint.files.hcp import hcp_surfaces

FS_LR = "32k"
DENSITIES = {10_242: "10k", 32_492: FS_LR, 40_962: "41k", 59_292: "59k", 163_842: "164k"}
"""BIDS's name for the number of vertices of a template's hemisphere."""


def name_density(n_vertices: int) -> str:
    """BIDS's ``den`` for a hemisphere of so many vertices; of no known template, the number."""
    return DENSITIES.get(n_vertices, str(n_vertices))


SHAPES = {"folded": "midthickness", "inflated": "inflated"}
"""Suffix of the files of each shape."""


@dataclass(frozen=True)
class Surfaces:
    """A participant's own surfaces on a template's mesh.

    Attributes
    ----------
    paths : mapping of str to Path
        Midthickness by hemisphere, L and R; none where there are none.
    in_mni : bool
        Whether they lie in the space of the subcortical voxels: HCP's do, fMRIPrep's lie in that
        of the T1w image.
    inflated : mapping of str to Path
        The same, inflated; none where there are none.
    """

    paths: Mapping[str, Path]
    in_mni: bool
    inflated: Mapping[str, Path] = field(default_factory=dict)


def find_surfaces(
    datasets: Sequence[Dataset], participant: str, *, density: str = FS_LR, space: str = ""
) -> Surfaces:
    """The participant's own surfaces of this density; none where there are none.

    Parameters
    ----------
    datasets : sequence of Dataset
        Derivatives of fMRIPrep, XCP-D, ciftify or HCP; the first with such surfaces is taken.
    participant : str
        Without "sub-".
    density : str
        BIDS's ``den`` entity.
    space : str
        The mesh's; surfaces that say another are not taken (two templates' densest meshes have as
        many vertices in another order). Empty if not known.
    """
    for dataset in datasets:
        if density == FS_LR and (of_hcp := hcp_surfaces(dataset, participant, SHAPES["folded"])):
            inflated = hcp_surfaces(dataset, participant, SHAPES["inflated"])
            return Surfaces(of_hcp, in_mni=True, inflated=inflated)
        found = {
            name: _of_suffix(dataset, participant, s, density, space) for name, s in SHAPES.items()
        }
        if found["folded"]:
            return Surfaces(found["folded"], in_mni=False, inflated=found["inflated"])
    return Surfaces({}, in_mni=False)


def _of_suffix(
    dataset: Dataset, participant: str, suffix: str, density: str, space: str
) -> dict[str, Path]:
    """Files of both hemispheres; none where one is missing."""
    found: dict[str, Path] = {}
    for file in dataset.files_of(participant):
        is_surface = file.suffix == suffix and file.extension == ".surf.gii"
        same = space in ("", file.entities.get("space", space))
        if is_surface and same and file.entities.get("den") == density:
            found.setdefault(file.entities.get("hemi", ""), file.path)
    return {side: found[side] for side in SIDES} if set(SIDES) <= set(found) else {}
