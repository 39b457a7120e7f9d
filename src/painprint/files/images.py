"""CIFTI and NIfTI files: the only user of nibabel."""

from __future__ import annotations

import gzip
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from painprint.files.errors import DerivativesError
from painprint.store.files import write_bytes

POINTS_AT_A_TIME = 2048
"""Of a dense time series: 11 MB at 1,350 frames."""
VOLUMES_AT_A_TIME = 16
"""Of a 4D image: about 120 MB in float64 on a 2 mm grid."""
STRUCTURES = {"L": "CIFTI_STRUCTURE_CORTEX_LEFT", "R": "CIFTI_STRUCTURE_CORTEX_RIGHT"}
"""CIFTI's names of the hemispheres' cortex."""
BOTH_SIGNS, POSITIVE = "ROY-BIG-BL", "magma"
"""Workbench's palettes: for maps around 0, and for maps above 0."""
SAME_PLACE_MM = 1e-3
"""Grids whose affines differ by less are the same."""


@dataclass(frozen=True, eq=False)
class Grayordinates:
    """Points of dense CIFTI files: their brain models."""

    axis: Any

    @property
    def n_points(self) -> int:
        """Number of grayordinates."""
        return len(self.axis)


@dataclass(frozen=True, eq=False)
class Voxels:
    """Points of volumes: the voxels of a mask, in C order.

    Attributes
    ----------
    mask : ndarray of bool, shape (x, y, z)
    affine : ndarray of shape (4, 4)
        mm.
    """

    mask: NDArray[np.bool_]
    affine: NDArray[np.float64]

    @property
    def n_points(self) -> int:
        """Number of voxels in the mask."""
        return int(self.mask.sum())

    def is_grid_of(self, shape: tuple[int, ...], affine: NDArray[np.float64]) -> bool:
        """Whether a volume lies on the same grid."""
        return shape == self.mask.shape and np.allclose(
            affine, self.affine, rtol=0, atol=SAME_PLACE_MM
        )


Points = Grayordinates | Voxels


@contextmanager
def _reading(path: Path, what: str) -> Iterator[None]:
    """Turn whatever nibabel raises on broken files, of many kinds, into one error."""
    try:
        yield
    except DerivativesError:
        raise
    except Exception as error:
        raise DerivativesError(f"cannot be read as {what} ({error}).", path) from error


def _open_cifti(path: Path, needed: tuple[str, str], layout: str) -> tuple[Any, list[Any]]:
    """A CIFTI image and its two axes, which must be of these kinds."""
    import nibabel as nib

    image = nib.Cifti2Image.from_filename(path, mmap=False)
    axes = [image.header.get_axis(i) for i in range(image.ndim)]
    there = tuple(type(axis).__name__ for axis in axes)
    if there != needed:
        raise DerivativesError(f"has axes {' x '.join(there)}; {layout}.", path)
    return image, axes


def read_ptseries(path: Path) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Parcellated time series.

    Returns
    -------
    names : tuple of str
        Parcel names.
    signals : ndarray of shape (n_frames, n_parcels)

    Raises
    ------
    DerivativesError
        If the file is not a readable CIFTI file of series x parcels.
    """
    layout = "a ptseries.nii has series x parcels"
    with _reading(path, "CIFTI"):
        image, axes = _open_cifti(path, ("SeriesAxis", "ParcelsAxis"), layout)
        data = np.asarray(image.dataobj, dtype=float)
    return tuple(str(name) for name in axes[1].name), data


def read_pconn(path: Path) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """A matrix of parcels x parcels, the same ones in the same order.

    Raises
    ------
    DerivativesError
        If the file is not a readable CIFTI file of that kind.
    """
    layout = "a pconn.nii has parcels x parcels"
    with _reading(path, "CIFTI"):
        image, axes = _open_cifti(path, ("ParcelsAxis", "ParcelsAxis"), layout)
        data = np.asarray(image.dataobj, dtype=float)
    names, columns = (tuple(str(name) for name in axis.name) for axis in axes)
    if names != columns:
        raise DerivativesError("has other parcels in its rows than in its columns.", path)
    return names, data


DTSERIES = (("SeriesAxis", "BrainModelAxis"), "a dtseries.nii has series x brain models")


def read_brain_models(path: Path) -> Grayordinates:
    """Points of a dense time series; only the header is read.

    Raises
    ------
    DerivativesError
        If the file is not a readable CIFTI file of series x brain models.
    """
    with _reading(path, "CIFTI"):
        _, axes = _open_cifti(path, *DTSERIES)
    return Grayordinates(axes[1])


def read_dtseries(path: Path, points: Grayordinates) -> NDArray[np.float32]:
    """Dense time series: (n_frames, n_points).

    Raises
    ------
    DerivativesError
        If the file is not readable, or has other points.
    """
    with _reading(path, "CIFTI"):
        image, axes = _open_cifti(path, *DTSERIES)
        if axes[1] != points.axis:
            raise DerivativesError(
                f"its {len(axes[1])} grayordinates are not the {points.n_points} of the other "
                "runs. Make all runs with the same template and density.",
                path,
            )
        return np.asarray(image.dataobj, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Series:
    """Dense BOLD of one run, read block by block.

    Attributes
    ----------
    path : Path
    points : Grayordinates or Voxels
    n_frames : int
    tr_s : float or None
        As the image's header says; None where it says nothing.
    blocks : callable
        Yields the first point of each block, and its series: (n_points_of_block, n_frames),
        float32. May raise a DerivativesError where the file ends early.
    """

    path: Path
    points: Points
    n_frames: int
    tr_s: float | None
    blocks: Callable[[], Iterator[tuple[int, NDArray[np.float32]]]]


def open_dtseries(path: Path) -> Series:
    """Dense time series of grayordinates, of which one block is in memory at a time.

    Raises
    ------
    DerivativesError
        If the file is not a readable CIFTI file of series x brain models.
    """
    with _reading(path, "CIFTI"):
        image, axes = _open_cifti(path, *DTSERIES)
    series, points = axes[0], Grayordinates(axes[1])

    def blocks() -> Iterator[tuple[int, NDArray[np.float32]]]:
        for first in range(0, points.n_points, POINTS_AT_A_TIME):
            with _reading(path, "CIFTI"):
                # a point's frames lie side by side in the file
                block = image.dataobj[:, first : first + POINTS_AT_A_TIME]
                here = np.ascontiguousarray(np.asarray(block, dtype=np.float32).T)
            yield first, here

    tr_s = float(series.step) if str(series.unit).upper() == "SECOND" else None
    return Series(path, points, len(series), tr_s or None, blocks)


def open_volumes(path: Path, points: Voxels, *, sigma_mm: float = 0.0) -> Series:
    """Time series of the voxels of a mask; all of them are in memory while they are read.

    Parameters
    ----------
    path : Path
    points : Voxels
    sigma_mm : float
        Smooth within the mask by a Gaussian of this SD; 0 for none.

    Raises
    ------
    DerivativesError
        If the file is not a readable 4D image on the mask's grid.
    """
    with _reading(path, "NIfTI"):
        image = _open_series(path)
        _check_grid(image, points, path, "the brain mask or the atlas")
        seconds = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6}.get(image.header.get_xyzt_units()[1])
        step = float(image.header.get_zooms()[3])

    def blocks() -> Iterator[tuple[int, NDArray[np.float32]]]:
        series = read_volumes(path, points, sigma_mm=sigma_mm)
        for first in range(0, points.n_points, POINTS_AT_A_TIME):
            yield first, np.ascontiguousarray(series[:, first : first + POINTS_AT_A_TIME].T)

    tr_s = step * seconds if seconds else None
    return Series(path, points, image.shape[3], tr_s or None, blocks)


@dataclass(frozen=True, eq=False)
class LabelImage:
    """A parcellation as an image: a label of each of its points.

    Attributes
    ----------
    path : Path
    points : Grayordinates or Voxels
    labels : ndarray of int, shape (n_points,)
        0 where there is none.
    names : dict
        Name of each label, where the image says it.
    """

    path: Path
    points: Points
    labels: NDArray[np.int64]
    names: Mapping[int, str]

    def on(self, points: Points) -> NDArray[np.int64]:
        """The label of each of these points, found by vertex and voxel, never by position.

        Raises
        ------
        DerivativesError
            If the points are of another kind, density or grid.
        """
        if isinstance(points, Grayordinates) and isinstance(self.points, Grayordinates):
            return self._on_grayordinates(points.axis)
        if isinstance(points, Voxels) and isinstance(self.points, Voxels):
            if not points.is_grid_of(self.points.mask.shape, self.points.affine):
                raise DerivativesError(
                    f"its grid ({_grid(self.points)}) is not that of the BOLD ({_grid(points)}). "
                    "Resample the atlas (nearest neighbour) to the BOLD's grid.",
                    self.path,
                )
            volume = np.zeros(self.points.mask.shape, np.int64)
            volume[self.points.mask] = self.labels
            return np.asarray(volume[points.mask])
        raise DerivativesError(
            f"labels {_kind(self.points)}, but the BOLD has {_kind(points)}. Pass an atlas of the "
            "same kind with --atlas.",
            self.path,
        )

    def fits(self, path: Path) -> bool:
        """Whether BOLD has this density or grid, by its header; one that cannot be read does not.

        Parameters
        ----------
        path : Path
            A dtseries.nii or a 4D NIfTI.
        """
        try:
            if isinstance(self.points, Voxels):
                with _reading(path, "NIfTI"):
                    image = _open_series(path)
                return self.points.is_grid_of(image.shape[:3], image.affine)
            own, other = self.points.axis.nvertices, read_brain_models(path).axis.nvertices
        except DerivativesError:
            return False
        return all(own.get(name, n) == n for name, n in other.items())

    def on_cortex(self, side: str) -> NDArray[np.int64] | None:
        """The label of each vertex of a hemisphere, L or R; None where the image has no cortex."""
        if not isinstance(self.points, Grayordinates):
            return None
        axis, structure = self.points.axis, STRUCTURES[side]
        if structure not in axis.nvertices:
            return None
        found = np.zeros(axis.nvertices[structure], np.int64)
        here = axis.name == structure
        found[axis.vertex[here]] = self.labels[here]
        return found

    def in_volume(self) -> tuple[NDArray[np.float64], NDArray[np.int64], float]:
        """Places (n, 3) in mm and labels of the voxels, and their mean width in mm."""
        if isinstance(self.points, Voxels):
            ijk, labels, affine = np.argwhere(self.points.mask), self.labels, self.points.affine
        else:
            axis = self.points.axis
            ijk, labels = axis.voxel[axis.volume_mask], self.labels[axis.volume_mask]
            affine = axis.affine if axis.volume_mask.any() else np.eye(4)
        width = float(abs(np.linalg.det(affine[:3, :3])) ** (1 / 3))
        return _millimetres(ijk, affine), labels, width

    def at(self, places: NDArray[np.float64]) -> NDArray[np.int64]:
        """The label of the voxel at each place: (n,) of (n, 3) in mm; 0 outside the image.

        Raises
        ------
        TypeError
            If the image is not one of voxels.
        """
        if not isinstance(self.points, Voxels):
            raise TypeError("only an image of voxels has labels at places.")
        mask = self.points.mask
        volume = np.zeros(mask.shape, np.int64)
        volume[mask] = self.labels
        back = np.asarray(np.linalg.inv(self.points.affine), dtype=float)
        ijk = np.rint(_millimetres(places, back)).astype(int)
        inside = ((ijk >= 0) & (ijk < mask.shape)).all(axis=1)
        found = np.zeros(len(places), np.int64)
        found[inside] = volume[tuple(ijk[inside].T)]
        return found

    def _on_grayordinates(self, axis: Any) -> NDArray[np.int64]:
        """Labels of the grayordinates of a brain model axis."""
        assert isinstance(self.points, Grayordinates)
        own = self.points.axis
        found = np.zeros(len(axis), np.int64)
        for structure, n_vertices in axis.nvertices.items():
            n_own = own.nvertices.get(structure)
            if n_own is None:
                continue
            if n_own != n_vertices:
                raise DerivativesError(
                    f"its {_plain(structure)} has {n_own} vertices, but the BOLD's {n_vertices}. "
                    "Pass an atlas of the BOLD's density.",
                    self.path,
                )
            of_vertex = np.zeros(n_vertices, np.int64)
            here = own.name == structure
            of_vertex[own.vertex[here]] = self.labels[here]
            there = axis.name == structure
            found[there] = of_vertex[axis.vertex[there]]
        if axis.volume_mask.any() and own.volume_mask.any():
            found[axis.volume_mask] = self._on_voxels_of(axis)
        return found

    def _on_voxels_of(self, axis: Any) -> NDArray[np.int64]:
        """Labels of the voxels among the grayordinates of a brain model axis."""
        assert isinstance(self.points, Grayordinates)
        own = self.points.axis
        same = np.allclose(own.affine, axis.affine, rtol=0, atol=SAME_PLACE_MM)
        if not same or tuple(own.volume_shape) != tuple(axis.volume_shape):
            raise DerivativesError(
                "its subcortical voxels lie on another grid than the BOLD's. Pass an atlas made "
                "for the BOLD's template.",
                self.path,
            )
        of_voxel = np.zeros(axis.volume_shape, np.int64)
        of_voxel[tuple(own.voxel[own.volume_mask].T)] = self.labels[own.volume_mask]
        return np.asarray(of_voxel[tuple(axis.voxel[axis.volume_mask].T)])


def _plain(structure: str) -> str:
    return structure.removeprefix("CIFTI_STRUCTURE_")


def _kind(points: Points) -> str:
    return "grayordinates" if isinstance(points, Grayordinates) else "voxels"


def _grid(points: Voxels) -> str:
    """Shape and affine in short."""
    origin = ", ".join(f"{value:g}" for value in points.affine[:3, 3])
    size = ", ".join(f"{value:g}" for value in np.diag(points.affine)[:3])
    shape = " x ".join(map(str, points.mask.shape))
    return f"{shape} voxels of {size} mm from {origin} mm"


def read_label_image(path: Path) -> LabelImage:
    """A dlabel.nii, or a 3D image of whole numbers.

    Raises
    ------
    DerivativesError
        If the file is not one.
    """
    if path.name.endswith(".dlabel.nii"):
        with _reading(path, "CIFTI"):
            layout = "a dlabel.nii has labels x brain models"
            image, axes = _open_cifti(path, ("LabelAxis", "BrainModelAxis"), layout)
            values = np.asarray(image.dataobj, dtype=float)
        if len(values) != 1:
            maps = ", ".join(map(str, axes[0].name))
            raise DerivativesError(f"has {len(values)} maps ({maps}); one is needed.", path)
        table = {int(key): str(name) for key, (name, _) in axes[0].label[0].items()}
        return LabelImage(path, Grayordinates(axes[1]), _whole(values[0], path), table)
    data, affine = read_volume(path)
    voxels = Voxels(data != 0, affine)
    if not voxels.n_points:
        raise DerivativesError("has no labels: every voxel is 0.", path)
    return LabelImage(path, voxels, _whole(data[voxels.mask], path), {})


MAPS = (".dlabel.nii", ".dscalar.nii", ".dtseries.nii")
"""Ends of CIFTI files that may hold a number of each grayordinate."""


def read_codes(path: Path) -> LabelImage:
    """A whole number of each grayordinate: a CIFTI file of one map, of whatever kind.

    Raises
    ------
    DerivativesError
        If the file is not one, or holds other numbers.
    """
    if not path.name.endswith(MAPS):
        raise DerivativesError(f"is no map of grayordinates ({', '.join(MAPS)}).", path)
    if path.name.endswith(MAPS[0]):
        return read_label_image(path)
    with _reading(path, "CIFTI"):
        import nibabel as nib

        image = nib.Cifti2Image.from_filename(path, mmap=False)
        axis = image.header.get_axis(image.ndim - 1)
        if type(axis).__name__ != "BrainModelAxis":
            raise DerivativesError("has no brain models (*.dscalar.nii has).", path)
        values = np.asarray(image.dataobj, dtype=float)
    if len(values) != 1:
        raise DerivativesError(f"has {len(values)} maps; one is needed.", path)
    return LabelImage(path, Grayordinates(axis), _whole(values[0], path), {})


def read_cortex_maps(path: Path) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Numbers of all vertices of each hemisphere, by map of a dscalar.nii; NaN where none is.

    Raises
    ------
    DerivativesError
        If the file is not one.
    """
    layout = "a dscalar.nii has scalars x brain models"
    with _reading(path, "CIFTI"):
        image, axes = _open_cifti(path, ("ScalarAxis", "BrainModelAxis"), layout)
        values = np.asarray(image.dataobj, dtype=float)
    found: dict[str, dict[str, NDArray[np.float64]]] = {}
    for name, row in zip(axes[0].name, values, strict=True):
        found[str(name)] = {}
        for side, (n_vertices, vertices, place) in cortex_of(Grayordinates(axes[1]), path).items():
            whole = np.full(n_vertices, np.nan)
            whole[vertices] = row[place]
            found[str(name)][side] = whole
    return found


def cortex_of(
    points: Grayordinates, path: Path
) -> dict[str, tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
    """By hemisphere: vertices of the whole mesh; those that are points, ascending; which points.

    Parameters
    ----------
    points : Grayordinates
    path : Path
        Of the file, for messages.

    Raises
    ------
    DerivativesError
        If a hemisphere is missing.
    """
    axis, found = points.axis, {}
    for side, structure in STRUCTURES.items():
        if structure not in axis.nvertices:
            raise DerivativesError(
                f"has no {_plain(structure)}; areas are made of both hemispheres.", path
            )
        place = np.flatnonzero(axis.name == structure)
        place = place[np.argsort(axis.vertex[place])]
        vertices = np.asarray(axis.vertex[place], dtype=np.int64)
        found[side] = int(axis.nvertices[structure]), vertices, place
    return found


def deep_voxels(points: Grayordinates) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Which grayordinates are voxels, and where they lie: (n,), and (n, 3) in mm."""
    axis = points.axis
    inside = np.flatnonzero(axis.volume_mask)
    if not len(inside):
        return inside, np.empty((0, 3))
    return inside, _millimetres(axis.voxel[inside], axis.affine)


def _whole(values: NDArray[np.float64], path: Path) -> NDArray[np.int64]:
    """Labels as whole numbers; those below 1 are none."""
    if not np.isfinite(values).all() or (values != np.round(values)).any():
        raise DerivativesError(
            "holds values that are no whole numbers, so no labels. Round it or set a "
            "threshold first (wb_command -cifti-math).",
            path,
        )
    return np.maximum(values, 0).astype(np.int64)


def read_surface(path: Path) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """A GIFTI surface: coordinates (n_vertices, 3) in mm, and faces (n_faces, 3).

    Raises
    ------
    DerivativesError
        If the file is not one.
    """
    import nibabel as nib

    with _reading(path, "a GIFTI surface"):
        image = nib.GiftiImage.from_filename(path, mmap=False)
        vertices, faces = (
            np.asarray(image.get_arrays_from_intent(f"NIFTI_INTENT_{what}")[0].data)
            for what in ("POINTSET", "TRIANGLE")
        )
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise DerivativesError(f"has faces with vertices that are not there ({faces.max()}).", path)
    return vertices.astype(float), faces.astype(np.int64)


def centroids(
    image: LabelImage, wanted: NDArray[np.int64], surfaces: Mapping[str, NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Mean place of the points of each label: (n_wanted, 3), mm; NaN where it is not known.

    Parameters
    ----------
    image : LabelImage
    wanted : ndarray of int
        Labels.
    surfaces : mapping of str to array of shape (n_vertices, 3)
        Coordinates by CIFTI structure; vertices of other structures have no place.
    """
    place = np.full((len(image.labels), 3), np.nan)
    if isinstance(image.points, Voxels):
        place = _millimetres(np.argwhere(image.points.mask), image.points.affine)
    else:
        axis = image.points.axis
        if axis.volume_mask.any():
            place[axis.volume_mask] = _millimetres(axis.voxel[axis.volume_mask], axis.affine)
        for structure, n_vertices in axis.nvertices.items():
            if len(surfaces.get(structure, ())) == n_vertices:
                here = axis.name == structure
                place[here] = surfaces[structure][axis.vertex[here]]
    return np.array([_mean_place(place[image.labels == label]) for label in wanted])


def _mean_place(place: NDArray[np.float64]) -> NDArray[np.float64]:
    return place.mean(axis=0) if len(place) else np.full(3, np.nan)


def _millimetres(voxels: NDArray[Any], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(voxels @ affine[:3, :3].T + affine[:3, 3])


def read_mask(path: Path) -> Voxels:
    """The voxels of a 3D image that are not zero.

    Raises
    ------
    DerivativesError
        If the file is not a readable 3D image, or all zero.
    """
    data, affine = read_volume(path)
    if not data.any():
        raise DerivativesError("is an empty mask.", path)
    return Voxels(data != 0, affine)


def read_volume(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A 3D image and its affine.

    Raises
    ------
    DerivativesError
        If the file is not a readable 3D image.
    """
    with _reading(path, "NIfTI"):
        image = _open_nifti(path)
        data = np.asarray(image.dataobj, dtype=float)
        affine = np.asarray(image.affine, dtype=float)
    if data.ndim == 4 and data.shape[3] == 1:
        data = data[..., 0]
    if data.ndim != 3:
        raise DerivativesError(f"has shape {data.shape}; one volume is needed.", path)
    return data, affine


def _open_nifti(path: Path) -> Any:
    """A NIfTI image whose file stays open, so that volumes are read in one pass."""
    import nibabel as nib

    return nib.Nifti1Image.from_filename(path, mmap=False, keep_file_open=True)


def read_volumes(path: Path, points: Voxels, *, sigma_mm: float = 0.0) -> NDArray[np.float32]:
    """Time series of the voxels of a mask: (n_frames, n_points).

    Parameters
    ----------
    path : Path
    points : Voxels
    sigma_mm : float
        Smooth within the mask by a Gaussian of this SD; 0 for none.

    Raises
    ------
    DerivativesError
        If the file is not a readable 4D image on the mask's grid.
    """
    with _reading(path, "NIfTI"):
        image = _open_series(path)
        _check_grid(image, points, path, "the other runs")
        series = np.empty((image.shape[3], points.n_points), np.float32)
        for first, volumes in _volumes(image):
            if sigma_mm:
                volumes = _smooth_within(volumes, points, sigma_mm)
            series[first : first + volumes.shape[3]] = volumes[points.mask].T
    return series


def _check_grid(image: Any, points: Voxels, path: Path, whose: str) -> None:
    if not points.is_grid_of(image.shape[:3], image.affine):
        there = _grid(Voxels(np.zeros(image.shape[:3], bool), np.asarray(image.affine, float)))
        raise DerivativesError(
            f"its grid ({there}) is not that of {whose} ({_grid(points)}). Make all runs in the "
            "same space and resolution.",
            path,
        )


def _smooth_within(
    volumes: NDArray[np.float32], points: Voxels, sigma_mm: float
) -> NDArray[np.float32]:
    """Volumes smoothed within a mask: what lies outside has no weight."""
    import nibabel as nib
    from nilearn.image import smooth_img

    fwhm = sigma_mm * math.sqrt(8 * math.log(2))
    inside = np.where(points.mask[..., None], volumes, 0)
    both = np.concatenate([inside, points.mask[..., None]], axis=3, dtype=np.float32)
    smooth = np.asarray(smooth_img(nib.Nifti1Image(both, points.affine), fwhm).dataobj)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(smooth[..., :-1] / smooth[..., -1:], dtype=np.float32)


def read_varying_voxels(path: Path) -> Voxels:
    """The voxels of a 4D image that are finite and vary over time.

    Raises
    ------
    DerivativesError
        If the file is not a readable 4D image, or nothing varies.
    """
    with _reading(path, "NIfTI"):
        image = _open_series(path)
        low, high = np.full((2, *image.shape[:3]), np.inf)
        for _, volumes in _volumes(image):
            low = np.minimum(low, volumes.min(axis=3))
            high = np.minimum(high, (-volumes).min(axis=3))
        mask = np.isfinite(low) & np.isfinite(high) & (-high > low)
        affine = np.asarray(image.affine, dtype=float)
    if not mask.any():
        raise DerivativesError("no voxel varies over time.", path)
    return Voxels(mask, affine)


def _open_series(path: Path) -> Any:
    image = _open_nifti(path)
    if image.ndim != 4:
        raise DerivativesError(f"has shape {image.shape}; volumes over time are needed.", path)
    return image


def _volumes(image: Any) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """The first frame and the volumes of each block: (x, y, z, n_frames_of_block)."""
    for first in range(0, image.shape[3], VOLUMES_AT_A_TIME):
        block = image.dataobj[..., first : first + VOLUMES_AT_A_TIME]
        yield first, np.asarray(block, dtype=np.float32)


def write_maps(path: Path, points: Points, maps: Mapping[str, NDArray[np.float64]]) -> None:
    """Write maps of points whole: a dscalar.nii, or volumes with 0 outside the mask.

    Parameters
    ----------
    path : Path
        Ends with .dscalar.nii for grayordinates, .nii or .nii.gz for voxels.
    points : Grayordinates or Voxels
    maps : mapping of str to array of shape (n_points,)
    """
    data = np.array(list(maps.values()), dtype=np.float32)  # (n_maps, n_points)
    if data.shape != (len(maps), points.n_points):
        raise ValueError(f"maps of {points.n_points} points are needed, not of {data.shape[1:]}.")
    if isinstance(points, Grayordinates):
        content = _dscalar(data, maps, points)
    else:
        content = _stack_of_volumes(data, list(maps), points)
    _write(path, content)


def _write(path: Path, content: bytes) -> None:
    """Write an image whole, compressed where its name says so."""
    write_bytes(path, gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def write_series(path: Path, points: Points, data: NDArray[np.float32], tr_s: float) -> None:
    """Write dense BOLD whole: a dtseries.nii, or volumes with 0 outside the mask.

    Parameters
    ----------
    path : Path
    points : Grayordinates or Voxels
    data : ndarray of shape (n_frames, n_points)
    tr_s : float
    """
    import nibabel as nib
    from nibabel.cifti2.cifti2_axes import SeriesAxis

    if isinstance(points, Grayordinates):
        image: Any = nib.Cifti2Image(data, (SeriesAxis(0, tr_s, len(data)), points.axis))
        image.nifti_header.set_intent("NIFTI_INTENT_CONNECTIVITY_DENSE_SERIES")
    else:
        volumes = np.zeros((*points.mask.shape, len(data)), np.float32)
        volumes[points.mask] = data.T
        image = nib.Nifti1Image(volumes, points.affine)
        image.header.set_xyzt_units("mm", "sec")
        image.header.set_zooms((*image.header.get_zooms()[:3], tr_s))
    _write(path, bytes(image.to_bytes()))


def make_grayordinates(
    vertices: Mapping[str, NDArray[np.int64]],
    n_vertices: int,
    voxels: Mapping[str, NDArray[np.int64]],
    grid: Voxels,
) -> Grayordinates:
    """Grayordinates of these structures, in this order.

    Parameters
    ----------
    vertices : mapping of str to array of int
        Vertices of each surface, such as "cortex_left".
    n_vertices : int
        Vertices of each whole surface.
    voxels : mapping of str to array of int, shape (n_voxels, 3)
        Voxels of each structure, such as "thalamus_left".
    grid : Voxels
        Whose shape and affine the voxels have.
    """
    from nibabel.cifti2.cifti2_axes import BrainModelAxis

    parts = [BrainModelAxis.from_surface(v, n_vertices, name=n) for n, v in vertices.items()]
    parts += [
        BrainModelAxis(name, voxel=v, affine=grid.affine, volume_shape=grid.mask.shape)
        for name, v in voxels.items()
    ]
    axis = parts[0]
    for part in parts[1:]:
        axis = axis + part
    return Grayordinates(axis)


def write_labels(
    path: Path, points: Points, labels: NDArray[np.int64], names: Mapping[int, str]
) -> None:
    """Write a parcellation whole: a dlabel.nii, or a volume of labels.

    Parameters
    ----------
    path : Path
    points : Grayordinates or Voxels
    labels : ndarray of int, shape (n_points,)
        0 where there is none.
    names : mapping of int to str
        Name of each label; a volume has no place for them.
    """
    import nibabel as nib
    from nibabel.cifti2.cifti2_axes import LabelAxis

    if isinstance(points, Grayordinates):
        table: dict[int, tuple[str, tuple[float, ...]]] = {0: ("???", (1.0, 1.0, 1.0, 0.0))}
        rng = np.random.default_rng(0)  # colours that differ
        table |= {key: (name, (*rng.uniform(size=3), 1.0)) for key, name in names.items()}
        axes = (LabelAxis(["parcels"], [table]), points.axis)
        image: Any = nib.Cifti2Image(labels[None].astype(np.float32), axes)
        image.nifti_header.set_intent("NIFTI_INTENT_CONNECTIVITY_DENSE_LABELS")
    else:
        volume = np.zeros(points.mask.shape, np.int32)
        volume[points.mask] = labels
        image = nib.Nifti1Image(volume, points.affine)
        image.header.set_xyzt_units("mm")
    _write(path, bytes(image.to_bytes()))


def write_mask(path: Path, points: Voxels) -> None:
    """Write the voxels of a mask as a volume of ones."""
    write_labels(path, points, np.ones(points.n_points, np.int64), {})


def _dscalar(
    data: NDArray[np.float32], maps: Mapping[str, NDArray[np.float64]], points: Grayordinates
) -> bytes:
    import nibabel as nib

    image = nib.Cifti2Image(data, (scalar_axis(maps), points.axis))
    image.nifti_header.set_intent("NIFTI_INTENT_CONNECTIVITY_DENSE_SCALARS")
    return bytes(image.to_bytes())


def scalar_axis(maps: Mapping[str, NDArray[np.float64]]) -> Any:
    """Names of maps, each with its palette."""
    from nibabel.cifti2.cifti2_axes import ScalarAxis

    palettes = [
        BOTH_SIGNS if (np.nan_to_num(values) < 0).any() else POSITIVE for values in maps.values()
    ]
    meta = [{"PaletteColorMapping": palette(name)} for name in palettes]
    return ScalarAxis(list(maps), meta)


def palette(name: str) -> str:
    """Workbench's description of how values are coloured: up to the 98th percentile of size."""
    return (
        '<PaletteColorMapping Version="1">'
        "<ScaleMode>MODE_AUTO_SCALE_ABSOLUTE_PERCENTAGE</ScaleMode>"
        "<AutoScaleAbsolutePercentageValues>2 98</AutoScaleAbsolutePercentageValues>"
        f"<PaletteName>{name}</PaletteName>"
        "<InterpolatePalette>true</InterpolatePalette>"
        "<DisplayPositiveData>true</DisplayPositiveData>"
        "<DisplayZeroData>false</DisplayZeroData>"
        "<DisplayNegativeData>true</DisplayNegativeData>"
        "</PaletteColorMapping>"
    )


def _stack_of_volumes(data: NDArray[np.float32], names: list[str], points: Voxels) -> bytes:
    import nibabel as nib

    volumes = np.zeros((*points.mask.shape, len(names)), np.float32)
    volumes[points.mask] = data.T
    image = nib.Nifti1Image(volumes, points.affine)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = ", ".join(names).encode()[:79]
    return bytes(image.to_bytes())
