"""Coordinates and surfaces of a participant's regions: found in the data, kept with the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.arrays import Codes, Matrix, short_repr
from painprint.atlas.brain import (
    SIDES,
    Brain,
    CorticalMesh,
    SubcorticalPoints,
    nearest_region,
    subcortical_regions,
)
from painprint.atlas.image import DLABEL, Atlas, AtlasFiles, images_labelled, read_atlas
from painprint.atlas.surfaces import SHAPES, Surfaces, find_surfaces, name_density
from painprint.atlas.table import coordinates_of, regions_of
from painprint.errors import DerivativesError
from painprint.files.dataset import Dataset
from painprint.files.gifti import read_surface, write_surface
from painprint.files.labels import LabelImage, read_label_image
from painprint.files.maps import write_labels
from painprint.files.tables import read_table
from painprint.files.workbench import Parcels, write_parcels
from painprint.palette import network_colours
from painprint.regions import NO_REGION, Regions

VOLUME = ".nii.gz"
N_TEMPLATE = 10_242
"""Vertices of a hemisphere of fsaverage5, which comes with nilearn."""
DEPTHS = np.linspace(0, 1, 7)
"""Cortical depths at which a volume is sampled, from the white (0) to the pial surface (1)."""
BALL_MM = 7.0
"""Diameter of the ball for a region of which only the centre is known."""
THINNEST_MM = 0.5
"""Vertices of the template with thinner cortex are medial wall."""
TEMPLATE = "fsaverage5, a template"


@short_repr
@dataclass(frozen=True, eq=False)
class Geometry:
    """Atlas images, surfaces and coordinates of a participant's regions.

    Attributes
    ----------
    atlas : Atlas or None
        The atlas as an image, with which regions are matched by name.
    volume : Atlas or None
        The atlas in MNI space, to be sampled on a template: if there is no other image, or no
        surface on the mesh of the other image.
    surfaces : Surfaces
        The participant's surfaces on the mesh of the atlas.
    coordinates : mapping of str to (x, y, z)
        Centres of regions (mm), where known.
    notes : tuple of str
        What was not used, and why.
    """

    atlas: Atlas | None
    volume: Atlas | None
    surfaces: Surfaces
    coordinates: Mapping[str, Sequence[float]]
    notes: tuple[str, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that were read."""
        images = [atlas.files.image for atlas in (self.atlas, self.volume) if atlas is not None]
        return (*images, *self.surfaces.paths.values(), *self.surfaces.inflated.values())


def find_geometry(
    label: str,
    atlas: Atlas | None,
    datasets: Sequence[Dataset],
    participant: str,
    coordinates: Mapping[str, Sequence[float]],
) -> Geometry:
    """Find images of the atlas, and the participant's surfaces on its mesh.

    Parameters
    ----------
    label : str
        Atlas label.
    atlas : Atlas or None
        The atlas of the regions; None if regional time series were given.
    datasets : sequence of Dataset
        Their ``atlases`` folders are searched for images with this label.
    participant : str
        Without "sub-".
    coordinates : mapping of str to (x, y, z)
        Centres of regions (mm).
    """
    notes: list[str] = []
    candidates = images_labelled(label, datasets)
    images = [atlas] if atlas else []
    images += _read_images([f for f in candidates if atlas is None or f != atlas.files], notes)
    on_surface = next((image for image in images if image.files.of_grayordinates), None)
    in_volume = [image for image in images if not image.files.of_grayordinates]
    volume = next((image for image in in_volume if image.files.space[:3] in ("", "MNI")), None)
    if in_volume and volume is None:
        notes += [
            f"{image.files.image.name} is in the space {image.files.space}; views of the brain "
            "need MNI." for image in in_volume
        ]  # fmt: skip
    if on_surface is None:
        return Geometry(volume, volume, Surfaces({}, in_mni=False), coordinates, tuple(notes))
    surfaces = _individual_surfaces(on_surface, datasets, participant, notes)
    cortex = on_surface.image.on_cortex("L")
    has_mesh = bool(surfaces.paths) or (cortex is not None and len(cortex) == N_TEMPLATE)
    return Geometry(on_surface, None if has_mesh else volume, surfaces, coordinates, tuple(notes))


def _read_images(candidates: Sequence[AtlasFiles], notes: list[str]) -> list[Atlas]:
    """Read the atlases that can be read; notes say why the others cannot."""
    atlases = []
    for files in candidates:
        try:
            atlases.append(read_atlas(files))
        except DerivativesError as error:
            notes.append(f"the atlas's image was not used for views of the brain: {error}")
    return atlases


def _individual_surfaces(
    atlas: Atlas, datasets: Sequence[Dataset], participant: str, notes: list[str]
) -> Surfaces:
    """The participant's surfaces on the mesh of an image, if all of them can be read."""
    cortex = atlas.image.on_cortex("L")
    if cortex is None:
        return Surfaces({}, in_mni=False)
    density = name_density(len(cortex))
    surfaces = find_surfaces(datasets, participant, density=density, space=atlas.files.space)
    try:
        for path in (*surfaces.paths.values(), *surfaces.inflated.values()):
            read_surface(path)
    except DerivativesError as error:
        notes.append(f"the participant's surfaces are not shown: {error}")
        return Surfaces({}, in_mni=False)
    return surfaces


def region_table(regions: Regions, coordinates: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """Names, networks and centres of the regions used; labels are numbered from 1."""
    unknown = (np.nan,) * 3
    xyz = np.array([coordinates.get(name, unknown) for name in regions.names], dtype=float)
    return pd.DataFrame(
        {
            "index": np.arange(1, len(regions.names) + 1),
            "label": regions.names,
            "network_label": regions.networks,
            **dict(zip("xyz", xyz.T, strict=True)),
        }
    )


def parcels_of(regions: Regions, atlas: Atlas) -> Parcels | None:
    """The regions as parcels of the atlas's points; None if no name matches."""
    index = {name: i for i, name in enumerate(regions.names)}
    matched = np.array([index.get(name, NO_REGION) for name in atlas.regions.names])
    in_atlas = atlas.on(atlas.image.points).region_of_point
    region = np.where(in_atlas == NO_REGION, NO_REGION, matched[in_atlas])
    if (region == NO_REGION).all():
        return None
    return Parcels(atlas.image.points, regions, region.astype(np.int64))


def write_parcel_images(stem: Path, regions: Regions, geometry: Geometry) -> Parcels | None:
    """Write the regions as a dlabel.nii, and as a volume if a volume is to be drawn.

    Parameters
    ----------
    stem : Path
        Without extension.

    Returns
    -------
    parcels : Parcels or None
        Of the dlabel.nii; None if no image has the regions' names.
    """
    parcels = parcels_of(regions, geometry.atlas) if geometry.atlas else None
    if parcels is not None:
        path = stem.with_name(stem.name + DLABEL)
        write_parcels(path, parcels, network_colours(regions.networks))
    volume = parcels_of(regions, geometry.volume) if geometry.volume else None
    if volume is not None:
        path = stem.with_name(stem.name + VOLUME)
        write_labels(path, volume.points, volume.region_of_point + 1, {})
    return parcels


def write_surfaces(folder: Path, participant: str, surfaces: Surfaces) -> None:
    """Write copies of the participant's surfaces with coordinates and faces alone; raises as
    :func:`read_surface`.
    """
    for old in sorted(folder.glob(f"sub-{participant}_hemi-?_*.surf.gii")):
        old.unlink()
    for shape, paths in (("folded", surfaces.paths), ("inflated", surfaces.inflated)):
        for side, path in paths.items():
            write_surface(_surface(folder, participant, side, shape), *read_surface(path), side)


def _surface(folder: Path, participant: str, side: str, shape: str) -> Path:
    return folder / f"sub-{participant}_hemi-{side}_{SHAPES[shape]}.surf.gii"


def read_brain(stem: Path, anat: Path, participant: str) -> Brain | None:
    """Read the brain to draw on from the output files; None if no region has coordinates.

    Parameters
    ----------
    stem : Path
        Path of the region table and image, without extension.
    anat : Path
        Folder of the participant's surfaces.
    participant : str
        Without "sub-".

    Raises
    ------
    DerivativesError
        If a file is corrupted.
    """
    table = stem.with_name(stem.name + ".tsv")
    rows = read_table(table)
    regions = regions_of(rows, table)
    known = coordinates_of(rows, table)
    centres = np.array([known.get(name, (np.nan,) * 3) for name in regions.names], dtype=float)
    for extension in (VOLUME, DLABEL):
        path = stem.with_name(stem.name + extension)
        if path.is_file():
            return _brain_of_image(path, anat, participant, regions, centres)
    return _brain_of_centres(regions, centres)


def _brain_of_image(
    path: Path, anat: Path, participant: str, regions: Regions, centres: Matrix
) -> Brain | None:
    image = read_label_image(path)
    coordinates, labels, width = image.in_volume()
    region = labels - 1  # labels are from 1; 0 is none
    nearest = None
    if path.name.endswith(VOLUME):
        sampled = _sample(image)
        meshes = {
            side: CorticalMesh(faces, shapes, sampled[side] - 1)
            for side, (faces, shapes) in template_meshes().items()
        }
        shown = np.isin(region, subcortical_regions(coordinates, region, meshes))
        description = (
            f"{TEMPLATE} (from nilearn), on which the atlas was sampled, assumed to be in MNI "
            "space; this is approximate"
        )
    else:
        shown = region != NO_REGION
        labelled = _labelled_meshes(image, anat, participant)
        if labelled is None:
            nearest = _brain_of_centres(regions, _without(centres, region[shown]))
            if nearest is not None:
                labelled = dict(nearest.meshes), nearest.description
        meshes, description = labelled or ({}, "none of the atlas's mesh was found")
    subcortical = None
    if shown.any():
        subcortical = SubcorticalPoints(coordinates[shown], region[shown], width)
    elif nearest is not None:
        subcortical = nearest.subcortical
    if not meshes and subcortical is None:
        return None
    return Brain(regions, meshes, subcortical, _template(), description)


def _labelled_meshes(
    image: LabelImage, anat: Path, participant: str
) -> tuple[dict[str, CorticalMesh], str] | None:
    """Labelled meshes and their description, on the participant's or the template's surface."""
    on_cortex = {side: image.on_cortex(side) for side in SIDES}
    cortex = {side: labels for side, labels in on_cortex.items() if labels is not None}
    sizes = {len(labels) for labels in cortex.values()}
    individual: dict[str, CorticalMesh] = {}
    for side, labels in cortex.items():
        surfaces = {
            shape: read_surface(path)
            for shape in SHAPES
            if (path := _surface(anat, participant, side, shape)).is_file()
        }
        if not surfaces or any(len(v) != len(labels) for v, _ in surfaces.values()):
            individual = {}
            break
        faces = next(iter(surfaces.values()))[1]
        shapes = {shape: vertices for shape, (vertices, _) in surfaces.items()}
        individual[side] = CorticalMesh(faces, shapes, labels - 1)
    if individual:
        each = ", ".join(f"{size:,}" for size in sorted(sizes))
        return individual, f"the person's own surface ({each} vertices a hemisphere)"
    if sizes == {N_TEMPLATE}:
        template = template_meshes()
        return {s: CorticalMesh(*template[s], labels - 1) for s, labels in cortex.items()}, (
            f"{TEMPLATE} (from nilearn)"
        )
    return None


def _without(centres: Matrix, excluded: Codes) -> Matrix:
    """Centres of regions, NaN for the excluded ones."""
    kept = centres.copy()
    kept[np.unique(excluded)] = np.nan
    return kept


def _brain_of_centres(regions: Regions, centres: Matrix) -> Brain | None:
    """Brain on the template, where each vertex has the region whose centre is nearest."""
    if not np.isfinite(centres).all(axis=1).any():
        return None
    meshes, is_cortex = {}, _is_cortex()
    for side, (faces, shapes) in template_meshes().items():
        cortex = is_cortex[side]
        among = centres[:, 0] <= 0 if side == "L" else centres[:, 0] >= 0
        region = np.full(len(cortex), NO_REGION)
        region[cortex] = nearest_region(shapes["folded"][cortex], centres, among)
        meshes[side] = CorticalMesh(faces, shapes, region)
    on_mesh = np.concatenate([mesh.region for mesh in meshes.values()])
    hidden = np.setdiff1d(np.flatnonzero(np.isfinite(centres).all(axis=1)), on_mesh)
    subcortical = SubcorticalPoints(centres[hidden], hidden, BALL_MM) if len(hidden) else None
    description = (
        f"{TEMPLATE} (from nilearn), on which each vertex is assigned to the region with the "
        "nearest centre; which regions are subcortical is also inferred from the centres, so this "
        "map is approximate"
    )
    return Brain(regions, meshes, subcortical, _template(), description)


def template_meshes() -> dict[str, tuple[Codes, dict[str, Matrix]]]:
    """Faces and shapes of fsaverage5, which comes with nilearn, by hemisphere."""
    pial, white, inflated = map(_fsaverage, ("pial", "white_matter", "inflated"))
    meshes = {}
    for side in SIDES:
        middle = (np.asarray(pial[side].coordinates) + np.asarray(white[side].coordinates)) / 2
        shapes = {"folded": middle, "inflated": np.asarray(inflated[side].coordinates, dtype=float)}
        meshes[side] = np.asarray(pial[side].faces, dtype=np.int64), shapes
    return meshes


def _fsaverage(kind: str) -> dict[str, Any]:
    """A surface of fsaverage5 by hemisphere, with its coordinates (mm) and faces."""
    from nilearn.datasets import load_fsaverage

    parts = load_fsaverage("fsaverage5")[kind].parts
    return {"L": parts["left"], "R": parts["right"]}


def _is_cortex() -> dict[str, NDArray[np.bool_]]:
    """Cortical vertices of fsaverage5 by hemisphere, without the medial wall."""
    from nilearn.datasets import load_fsaverage_data

    thickness = load_fsaverage_data(mesh="fsaverage5", data_type="thickness").data.parts
    parts = {"L": thickness["left"], "R": thickness["right"]}
    return {side: np.asarray(part) >= THINNEST_MM for side, part in parts.items()}


def _template() -> dict[str, tuple[Matrix, Codes]]:
    """Pial surface of fsaverage5 by hemisphere."""
    return {
        side: (np.asarray(mesh.coordinates, float), np.asarray(mesh.faces, np.int64))
        for side, mesh in _fsaverage("pial").items()
    }


def _sample(image: LabelImage) -> dict[str, Codes]:
    """Labels of a volume on fsaverage5: the most frequent from the white to the pial surface.

    nilearn's ``vol_to_surf`` does not accept images smaller than the brain.
    """
    white, pial = _fsaverage("white_matter"), _fsaverage("pial")
    sampled = {}
    for side in SIDES:
        inner, outer = (np.asarray(s[side].coordinates, dtype=float) for s in (white, pial))
        labels = np.stack([image.at(inner + depth * (outer - inner)) for depth in DEPTHS])
        votes = (labels[:, None] == labels[None]).sum(axis=0) * (labels > 0)
        sampled[side] = np.take_along_axis(labels, votes.argmax(axis=0)[None], axis=0)[0]
    return sampled
