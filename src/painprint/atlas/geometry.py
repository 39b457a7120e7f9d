"""Where a participant's regions lie: found beside the data, kept beside the results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from painprint.arrays import Codes, Matrix
from painprint.atlas.brain import SIDES, Brain, Deep, Sheet, deep_regions, nearest_region
from painprint.atlas.image import DLABEL, Atlas, AtlasFiles, images_labelled, read_atlas
from painprint.atlas.surfaces import SHAPES, Surfaces, find_surfaces, name_density
from painprint.atlas.table import load_places, load_regions
from painprint.files.dataset import Dataset
from painprint.files.errors import DerivativesError
from painprint.files.gifti import read_surface, write_surface
from painprint.files.labels import LabelImage, read_label_image
from painprint.files.maps import write_labels
from painprint.files.workbench import Parcels, write_parcels
from painprint.palette import network_colours
from painprint.regions import NO_REGION, Regions

VOLUME = ".nii.gz"
N_TEMPLATE = 10_242
"""Vertices of a hemisphere of fsaverage5, which comes with nilearn."""
DEPTHS = np.linspace(0, 1, 7)
"""Of cortex, where a volume is sampled: 0 is its border to white matter."""
BALL_MM = 7.0
"""Of a region whose centre alone is known."""
THINNEST_MM = 0.5
"""The template's cortex is thicker; where it is thinner lies the medial wall."""
TEMPLATE = "fsaverage5, a template"


@dataclass(frozen=True, eq=False)
class Geometry:
    """What is known of where a participant's regions lie.

    Attributes
    ----------
    atlas : Atlas or None
        The atlas as an image, with which regions are matched by name.
    volume : Atlas or None
        The atlas in MNI space, to be sampled on a template: where it is all there is, or where no
        surface of the other image's mesh is at hand.
    surfaces : Surfaces
        The participant's own, on the mesh of the atlas.
    places : mapping of str to (x, y, z)
        Centres of regions (mm), where known.
    notes : tuple of str
        What was not used, and why.
    """

    atlas: Atlas | None
    volume: Atlas | None
    surfaces: Surfaces
    places: Mapping[str, Sequence[float]]
    notes: tuple[str, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        """What was read."""
        images = [atlas.files.image for atlas in (self.atlas, self.volume) if atlas is not None]
        return (*images, *self.surfaces.paths.values(), *self.surfaces.inflated.values())


def find_geometry(
    label: str,
    atlas: Atlas | None,
    datasets: Sequence[Dataset],
    participant: str,
    places: Mapping[str, Sequence[float]],
) -> Geometry:
    """Look for images of the atlas, and for the participant's surfaces on its mesh.

    Parameters
    ----------
    label : str
        The atlas's.
    atlas : Atlas or None
        With which regions were made; None where regional time series were given.
    datasets : sequence of Dataset
        Images with this label are looked for in their ``atlases`` folders.
    participant : str
        Without "sub-".
    places : mapping of str to (x, y, z)
        Centres of regions (mm).
    """
    notes: list[str] = []
    found = [atlas] if atlas else []
    there = images_labelled(label, datasets)
    found += _read_images([one for one in there if atlas is None or one != atlas.files], notes)
    on_surface = next((one for one in found if one.files.of_grayordinates), None)
    in_volume = [one for one in found if not one.files.of_grayordinates]
    volume = next((one for one in in_volume if one.files.space[:3] in ("", "MNI")), None)
    if in_volume and volume is None:
        notes += [
            f"{one.files.image.name} lies in the space {one.files.space}; views of the brain need "
            "MNI." for one in in_volume
        ]  # fmt: skip
    if on_surface is None:
        return Geometry(volume, volume, Surfaces({}, in_mni=False), places, tuple(notes))
    surfaces = _own_surfaces(on_surface, datasets, participant, notes)
    cortex = on_surface.image.on_cortex("L")
    at_hand = bool(surfaces.paths) or (cortex is not None and len(cortex) == N_TEMPLATE)
    return Geometry(on_surface, None if at_hand else volume, surfaces, places, tuple(notes))


def _read_images(candidates: Sequence[AtlasFiles], notes: list[str]) -> list[Atlas]:
    """Those that can be read; of the others, why not."""
    found = []
    for files in candidates:
        try:
            found.append(read_atlas(files))
        except DerivativesError as error:
            notes.append(f"the atlas's image was not used for views of the brain: {error}")
    return found


def _own_surfaces(
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


def region_table(regions: Regions, places: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """Names, networks and centres of the regions that were used; their index is their label."""
    unknown = (np.nan,) * 3
    xyz = np.array([places.get(name, unknown) for name in regions.names], dtype=float)
    return pd.DataFrame(
        {
            "index": np.arange(1, len(regions.names) + 1),
            "label": regions.names,
            "network_label": regions.networks,
            **dict(zip("xyz", xyz.T, strict=True)),
        }
    )


def parcels_of(regions: Regions, atlas: Atlas) -> Parcels | None:
    """The regions as parcels of the atlas's points; None where no name is the same."""
    own = atlas.on(atlas.image.points)
    place = {name: i for i, name in enumerate(regions.names)}
    renamed = np.array([place.get(name, NO_REGION) for name in atlas.regions.names])
    of_point = own.region_of_point
    region = np.where(of_point == NO_REGION, NO_REGION, renamed[of_point])
    if (region == NO_REGION).all():
        return None
    return Parcels(atlas.image.points, regions, region.astype(np.int64))


def write_parcel_images(stem: Path, regions: Regions, geometry: Geometry) -> Parcels | None:
    """Write the regions as a dlabel.nii, and as a volume where that is what will be drawn.

    Parameters
    ----------
    stem : Path
        Without extension.

    Returns
    -------
    parcels : Parcels or None
        Of the dlabel.nii; None where no image has the regions' names.
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
    """Write the participant's surfaces again: coordinates and faces, nothing else.

    Raises
    ------
    DerivativesError
        If one cannot be read.
    """
    for old in _surface_files(folder, participant):
        old.unlink()
    for shape, paths in (("folded", surfaces.paths), ("inflated", surfaces.inflated)):
        for side, path in paths.items():
            write_surface(_surface(folder, participant, side, shape), *read_surface(path), side)


def _surface(folder: Path, participant: str, side: str, shape: str) -> Path:
    return folder / f"sub-{participant}_hemi-{side}_{SHAPES[shape]}.surf.gii"


def _surface_files(folder: Path, participant: str) -> Iterable[Path]:
    return sorted(folder.glob(f"sub-{participant}_hemi-?_*.surf.gii"))


def read_brain(stem: Path, anat: Path, participant: str) -> Brain | None:
    """The brain to draw on, from the output files; None where nothing is known of any place.

    Parameters
    ----------
    stem : Path
        Of the region table and image, without extension.
    anat : Path
        Folder of the participant's surfaces.
    participant : str
        Without "sub-".

    Raises
    ------
    DerivativesError
        If a file is damaged.
    """
    table = stem.with_name(stem.name + ".tsv")
    regions = load_regions(table)
    known = load_places(table)
    places = np.array([known.get(name, (np.nan,) * 3) for name in regions.names], dtype=float)
    for extension in (VOLUME, DLABEL):
        path = stem.with_name(stem.name + extension)
        if path.is_file():
            return _of_image(path, anat, participant, regions, places)
    return _of_places(regions, places)


def _of_image(
    path: Path, anat: Path, participant: str, regions: Regions, places: Matrix
) -> Brain | None:
    image = read_label_image(path)
    at, labels, width = image.in_volume()
    region = labels - 1  # the table's index counts from 1; 0 is none
    nearest = None
    if path.name.endswith(VOLUME):
        sheets = {
            side: Sheet(faces, shapes, sampled - 1)
            for (side, (faces, shapes)), sampled in zip(
                template_sheets().items(), _sample(image), strict=True
            )
        }
        inside = np.isin(region, deep_regions(at, region, sheets))
        said = (
            f"{TEMPLATE} (from nilearn), on which the atlas, taken to lie in MNI space, was "
            "sampled: approximate"
        )
    else:
        inside = region != NO_REGION
        found = _sheets_of(image, anat, participant)
        nearest = None if found else _of_places(regions, _without(places, region[inside]))
        if nearest is not None:
            found = dict(nearest.sheets), nearest.said
        sheets, said = found or ({}, "none of the atlas's mesh was found")
    deep = Deep(at[inside], region[inside], width) if inside.any() else None
    if nearest is not None and deep is None:
        deep = nearest.deep
    if not sheets and deep is None:
        return None
    return Brain(regions, sheets, deep, _template(), said)


def _sheets_of(
    image: LabelImage, anat: Path, participant: str
) -> tuple[dict[str, Sheet], str] | None:
    """Sheets with the labels of their vertices, on the participant's surface or the template's."""
    on_cortex = {side: image.on_cortex(side) for side in SIDES}
    cortex = {side: labels for side, labels in on_cortex.items() if labels is not None}
    n = {len(labels) for labels in cortex.values()}
    own: dict[str, Sheet] = {}
    for side, labels in cortex.items():
        meshes = {
            shape: read_surface(path)
            for shape in SHAPES
            if (path := _surface(anat, participant, side, shape)).is_file()
        }
        if not meshes or any(len(v) != len(labels) for v, _ in meshes.values()):
            own = {}
            break
        faces = next(iter(meshes.values()))[1]
        own[side] = Sheet(faces, {shape: v for shape, (v, _) in meshes.items()}, labels - 1)
    if own:
        each = ", ".join(f"{count:,}" for count in sorted(n))
        return own, f"the person's own surface ({each} vertices a hemisphere)"
    if n == {N_TEMPLATE}:
        drawn = template_sheets()
        return {s: Sheet(*drawn[s], labels - 1) for s, labels in cortex.items()}, (
            f"{TEMPLATE} (from nilearn)"
        )
    return None


def _without(places: Matrix, hidden: Codes) -> Matrix:
    """Places of the regions that are not among those."""
    kept = places.copy()
    kept[np.unique(hidden)] = np.nan
    return kept


def _of_places(regions: Regions, places: Matrix) -> Brain | None:
    """Each vertex of the template has the region whose centre is nearest."""
    if not np.isfinite(places).all(axis=1).any():
        return None
    sheets = {}
    for (side, (faces, shapes)), cortex in zip(
        template_sheets().items(), _is_cortex(), strict=True
    ):
        among = places[:, 0] <= 0 if side == "L" else places[:, 0] >= 0
        nearest = nearest_region(shapes["folded"][cortex], places, among)
        region = np.full(len(cortex), NO_REGION)
        region[cortex] = nearest
        sheets[side] = Sheet(faces, shapes, region)
    painted = np.concatenate([sheet.region for sheet in sheets.values()])
    hidden = np.setdiff1d(np.flatnonzero(np.isfinite(places).all(axis=1)), painted)
    deep = Deep(places[hidden], hidden, BALL_MM) if len(hidden) else None
    said = (
        f"{TEMPLATE} (from nilearn), where every point has the region whose centre is nearest; "
        "which regions lie below the cortex is guessed from their centres: rough"
    )
    return Brain(regions, sheets, deep, _template(), said)


def template_sheets() -> dict[str, tuple[Codes, dict[str, Matrix]]]:
    """Faces and shapes of fsaverage5, which comes with nilearn, by hemisphere."""
    from nilearn.datasets import load_fsaverage

    meshes = load_fsaverage("fsaverage5")
    found = {}
    for side, part in zip(SIDES, ("left", "right"), strict=True):
        pial, white, inflated = (
            meshes[kind].parts[part] for kind in ("pial", "white_matter", "inflated")
        )
        middle = (np.asarray(pial.coordinates) + np.asarray(white.coordinates)) / 2
        shapes = {"folded": middle, "inflated": np.asarray(inflated.coordinates, dtype=float)}
        found[side] = np.asarray(pial.faces, dtype=np.int64), shapes
    return found


def _is_cortex() -> list[NDArray[np.bool_]]:
    """Which vertices of fsaverage5, left and right, are not on the medial wall."""
    from nilearn.datasets import load_fsaverage_data

    thickness = load_fsaverage_data(mesh="fsaverage5", data_type="thickness").data.parts
    return [np.asarray(thickness[part]) >= THINNEST_MM for part in ("left", "right")]


def _template() -> dict[str, tuple[Matrix, Codes]]:
    """Outer surface of fsaverage5 by hemisphere."""
    from nilearn.datasets import load_fsaverage

    parts = load_fsaverage("fsaverage5")["pial"].parts
    return {
        side: (np.asarray(parts[p].coordinates, float), np.asarray(parts[p].faces, np.int64))
        for side, p in zip(SIDES, ("left", "right"), strict=True)
    }


def _sample(image: LabelImage) -> list[Codes]:
    """Labels of a volume on fsaverage5: the most frequent from the white to the pial surface.

    nilearn's vol_to_surf does not take images that are smaller than the brain.
    """
    from nilearn.datasets import load_fsaverage

    meshes = load_fsaverage("fsaverage5")
    sampled = []
    for part in ("left", "right"):
        inner, outer = (
            np.asarray(meshes[kind].parts[part].coordinates, dtype=float)
            for kind in ("white_matter", "pial")
        )
        found = np.stack([image.at(inner + depth * (outer - inner)) for depth in DEPTHS])
        votes = (found[:, None] == found[None]).sum(axis=0) * (found > 0)
        sampled.append(np.take_along_axis(found, votes.argmax(axis=0)[None], axis=0)[0])
    return sampled
