"""Outlines of regions on views of the cortex and in a glass brain.

Views need no display: triangles are rasterised with a depth buffer, and the pixels of each region
are converted into outlines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import contourpy
import numpy as np
from matplotlib.path import Path as Outline
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from painprint.arrays import Codes, Matrix, Vector, short_repr
from painprint.atlas.brain import Brain, CorticalMesh, SubcorticalPoints
from painprint.regions import NO_REGION

Extent = tuple[float, float, float, float]
"""Of a view: left, right, bottom, top (mm)."""

PIXEL_MM = 0.5
NOTHING = -2
"""Value of pixels outside the brain."""
SOFT_PIXELS = 0.9
"""Standard deviation (pixels) of the smoothing of a region's mask before it is contoured."""
SIMPLE_MM = 0.15
"""Tolerance of the simplification of outlines."""
CANDIDATES = 1 << 19
"""Pairs of a face and a pixel that are tested at once, which bounds the memory."""
NEAR_PIXELS = 1e-3
"""The middle of a pixel may lie so far outside a face that covers it, for rounding errors."""
MARGIN_MM = 2.0
AROUND_MM = 12.0
"""What is shown around subcortical regions."""

TO_RIGHT, TO_FRONT, UP = np.eye(3)
CORTEX_VIEWS = {
    "left, lateral": ("L", -TO_FRONT, UP),
    "left, medial": ("L", TO_FRONT, UP),
    "right, medial": ("R", -TO_FRONT, UP),
    "right, lateral": ("R", TO_FRONT, UP),
}
"""Hemisphere, and directions that point to the right and up in the view."""


@short_repr
@dataclass(frozen=True, eq=False)
class View:
    """Outlines in one view, in mm.

    Attributes
    ----------
    regions : mapping of int to Path
        Outline of each visible region, by its index.
    ground : Path or None
        Outline of the brain.
    light : array of shape (n_rows, n_columns) or None
        Brightness of each pixel, 0 to 1; NaN outside the brain. The lowest row comes first.
    """

    name: str
    regions: Mapping[int, Outline]
    ground: Outline | None
    light: Matrix | None
    extent: Extent


@short_repr
@dataclass(frozen=True, eq=False)
class Picture:
    """Visible vertex at each pixel of a view.

    Attributes
    ----------
    side : str
        Hemisphere, L or R.
    vertex : ndarray of int, shape (n_rows, n_columns)
        Below 0 outside the brain. The lowest row comes first.
    light : ndarray of shape (n_rows, n_columns)
        As in :class:`View`.
    """

    name: str
    side: str
    vertex: Codes
    light: Matrix
    extent: Extent


@short_repr
@dataclass(frozen=True, eq=False)
class BrainViews:
    """All views of a brain, computed once and reused for every overlay."""

    brain: Brain

    @cached_property
    def cortex(self) -> tuple[View, ...]:
        """Both hemispheres from outside and inside; empty without surfaces."""
        return tuple(_view_of(self.brain.meshes[p.side].region, p) for p in self.pictures)

    @cached_property
    def pictures(self) -> tuple[Picture, ...]:
        """Visible vertices of the views of the cortex."""
        pictures = []
        for name, (side, right, up) in CORTEX_VIEWS.items():
            if side in self.brain.meshes:
                mesh = self.brain.meshes[side]
                projected = _project(mesh.shapes[flat_shape(mesh)], right, up)
                extent = _extent(projected)
                vertex, light = rasterise(projected, mesh.faces, np.arange(len(projected)), extent)
                pictures.append(Picture(name, side, vertex, light, extent))
        return tuple(pictures)

    @cached_property
    def subcortex(self) -> tuple[View, ...]:
        """Subcortical regions in a glass brain, cropped to them: those of the left from the left,
        all from above, those of the right from the right; empty if there are none."""
        points = self.brain.subcortical
        if points is None:
            return ()
        x = points.coordinates[:, 0]
        template = _joined(list(self.brain.template.values()))
        return tuple(
            _view_through(name, points, chosen, template, axes)
            for name, axes, chosen in (
                ("left", (-TO_FRONT, UP), x <= 0),
                ("L  from above  R", (TO_RIGHT, TO_FRONT), np.full(len(x), True)),
                ("right", (TO_FRONT, UP), x >= 0),
            )
            if chosen.any()
        )


def _joined(meshes: Sequence[tuple[Matrix, Codes]]) -> tuple[Matrix, Codes]:
    """Several meshes joined into one."""
    starts = np.cumsum([0, *(len(vertices) for vertices, _ in meshes)])
    faces = [f + start for (_, f), start in zip(meshes, starts, strict=False)]
    return np.concatenate([v for v, _ in meshes]), np.concatenate(faces)


def _project(vertices: Matrix, right: Matrix, up: Matrix) -> Matrix:
    """View coordinates: to the right, up, and towards the viewer."""
    return np.asarray(vertices @ np.column_stack([right, up, np.cross(right, up)]))


def _extent(projected: Matrix, margin: float = MARGIN_MM) -> Extent:
    low, high = projected[:, :2].min(axis=0) - margin, projected[:, :2].max(axis=0) + margin
    return float(low[0]), float(high[0]), float(low[1]), float(high[1])


def _view_of(region_of_vertex: Codes, picture: Picture) -> View:
    region = np.where(picture.vertex >= 0, region_of_vertex[picture.vertex], NOTHING)
    extent = picture.extent
    outlines = {int(k): outline(region == k, extent) for k in np.unique(region[region >= 0])}
    ground = outline(picture.vertex >= 0, extent)
    return View(picture.name, outlines, ground, picture.light, extent)


def flat_shape(mesh: CorticalMesh) -> str:
    """Shape for flat views: the inflated one if there is one."""
    return "inflated" if "inflated" in mesh.shapes else next(iter(mesh.shapes))


def _view_through(
    name: str,
    subcortical: SubcorticalPoints,
    chosen: NDArray[np.bool_],
    template: tuple[Matrix, Codes],
    axes: tuple[Matrix, Matrix],
) -> View:
    """Outlines of the chosen points through the template's, the nearest region drawn last."""
    (vertices, faces), size = template, subcortical.size_mm
    projected = _project(vertices, *axes)
    points = _project(subcortical.coordinates, *axes)
    whole = _extent(np.concatenate([projected, points]), MARGIN_MM + size)
    brain, _ = rasterise(projected, faces, np.full(len(vertices), NO_REGION), whole)
    region, points = subcortical.region[chosen], points[chosen]
    depth = {int(k): float(points[region == k, 2].mean()) for k in np.unique(region)}
    outlines = {
        k: outline(_dots(points[region == k, :2], size, whole), whole)
        for k in sorted(depth, key=depth.__getitem__)
    }
    return View(name, outlines, outline(brain != NOTHING, whole), None, _extent(points, AROUND_MM))


def _dots(points: Matrix, size: float, extent: Extent) -> NDArray[np.bool_]:
    """Pixels within half a point's width of any point; the extent has room for all."""
    left, _, bottom, _ = extent
    n_columns, n_rows = _shape(extent)
    mask = np.zeros((n_rows, n_columns), bool)
    reach = max(size / 2, PIXEL_MM)
    n = int(np.ceil(reach / PIXEL_MM))
    step = np.arange(-n, n + 1)
    near = np.hypot(*np.meshgrid(step, step)) * PIXEL_MM <= reach * (1.15 if size < 4 else 1)
    down, across = (offsets[near] for offsets in np.meshgrid(step, step, indexing="ij"))
    columns = ((points[:, 0] - left) / PIXEL_MM).astype(int)
    rows = ((points[:, 1] - bottom) / PIXEL_MM).astype(int)
    mask[(rows[:, None] + down).ravel(), (columns[:, None] + across).ravel()] = True
    return mask


def _shape(extent: Extent) -> tuple[int, int]:
    """Numbers of columns and rows of the pixels of a view."""
    left, right, bottom, top = extent
    return int(np.ceil((right - left) / PIXEL_MM)), int(np.ceil((top - bottom) / PIXEL_MM))


def outline(mask: NDArray[np.bool_], extent: Extent) -> Outline:
    """Outline of a mask of pixels, holes included, in mm.

    Parameters
    ----------
    mask : ndarray of bool, shape (n_rows, n_columns)

    Returns
    -------
    outline : Path
        Empty if no pixel is set.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return Outline(np.zeros((0, 2)))
    pad = int(np.ceil(4 * SOFT_PIXELS))
    part = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(float)
    soft = gaussian_filter(np.pad(part, pad), SOFT_PIXELS)
    level = min(0.5, soft.max() / 2)  # a thin region must not vanish
    x = extent[0] + (np.arange(soft.shape[1]) + columns[0] - pad + 0.5) * PIXEL_MM
    y = extent[2] + (np.arange(soft.shape[0]) + rows[0] - pad + 0.5) * PIXEL_MM
    lines = contourpy.contour_generator(x, y, soft).lines(level)
    kept = [_simplified(np.asarray(line)) for line in lines]
    return Outline.make_compound_path(*(Outline(line, closed=True) for line in kept))


def _simplified(line: Matrix) -> Matrix:
    """Simplify a closed line (Douglas-Peucker) with a tolerance of ``SIMPLE_MM``."""
    kept = np.zeros(len(line), bool)
    half = len(line) // 2
    kept[[0, half, -1]] = True
    spans = [(0, half), (half, len(line) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        along = line[last] - line[first]
        off = line[first + 1 : last] - line[first]
        length = np.hypot(*along)
        away = np.abs(off[:, 0] * along[1] - off[:, 1] * along[0]) / length if length else (
            np.hypot(off[:, 0], off[:, 1])
        )  # fmt: skip
        far = int(away.argmax())
        if away[far] > SIMPLE_MM:
            middle = first + 1 + far
            kept[middle] = True
            spans += [(first, middle), (middle, last)]
    return np.asarray(line[kept])


def rasterise(
    projected: Matrix, faces: Codes, region: Codes, extent: Extent
) -> tuple[Codes, Matrix]:
    """Rasterise a mesh with a depth buffer.

    Parameters
    ----------
    projected : ndarray of shape (n_vertices, 3)
        View coordinates: to the right, up, and towards the viewer (mm).
    faces : ndarray of int, shape (n_faces, 3)
    region : ndarray of int, shape (n_vertices,)

    Returns
    -------
    region : ndarray of int, shape (n_rows, n_columns)
        Of the nearest corner of the front face; ``NOTHING`` outside.
    light : ndarray of shape (n_rows, n_columns)
        Cosine between surface normal and viewing direction, 0 to 1, interpolated over faces; NaN
        outside.
    """
    corners = projected[faces]
    face_normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(projected)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], face_normals)
    length = np.linalg.norm(normals, axis=1)
    facing = np.abs(normals[:, 2]) / np.maximum(length, 1e-12)
    n_columns, n_rows = _shape(extent)
    pixels = (projected - [extent[0], extent[2], 0]) / [PIXEL_MM, PIXEL_MM, 1]
    return _rasterise(pixels, faces, region.astype(np.int64), facing, (n_rows, n_columns))


def _rasterise(
    pixels: Matrix, faces: Codes, region: Codes, facing: Vector, size: tuple[int, int]
) -> tuple[Codes, Matrix]:
    """Region and brightness of the frontmost face at each pixel, for places in units of pixels."""
    n_rows, n_columns = size
    corners = np.ascontiguousarray(faces.T)
    x, y, depth_of_corner = (pixels[corners, axis] for axis in range(3))  # each (3, n_faces)
    area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
    left, right = _within(x, n_columns)
    bottom, top = _within(y, n_rows)
    n_candidates = np.where(area != 0, (right - left) * (top - bottom), 0)
    nearest = np.full(n_rows * n_columns, -np.inf)
    visible = np.full(n_rows * n_columns, NOTHING)
    light = np.full(n_rows * n_columns, np.nan)
    for block in _blocks(n_candidates, CANDIDATES):
        face = np.repeat(block, n_candidates[block])
        starts = np.cumsum(n_candidates[block]) - n_candidates[block]
        row, column = np.divmod(
            np.arange(len(face)) - np.repeat(starts, n_candidates[block]), (right - left)[face]
        )
        row, column = row + bottom[face], column + left[face]
        weights = _barycentric(x[:, face], y[:, face], area[face], column + 0.5, row + 0.5)
        inside = np.flatnonzero(weights.min(axis=0) >= -1e-9)  # keeps pixels on shared edges
        face, weights = face[inside], weights[:, inside]
        pixel = row[inside] * n_columns + column[inside]
        depth = _interpolate(weights, depth_of_corner[:, face])
        nearer = np.flatnonzero(depth > nearest[pixel])
        np.maximum.at(nearest, pixel[nearer], depth[nearer])
        won = nearer[depth[nearer] == nearest[pixel[nearer]]][::-1]  # of equals the first is last
        here, front = pixel[won], corners[:, face[won]]
        visible[here] = region[front[weights[:, won].argmax(axis=0), np.arange(len(won))]]
        light[here] = _interpolate(weights[:, won], facing[front])
    return visible.reshape(size), light.reshape(size)


def _within(places: Matrix, n: int) -> tuple[Codes, Codes]:
    """First and one past the last of the n pixels that a face may cover, along one axis."""
    first = np.ceil(places.min(axis=0) - 0.5 - NEAR_PIXELS).astype(int)
    stop = np.floor(places.max(axis=0) - 0.5 + NEAR_PIXELS).astype(int) + 1
    return np.clip(first, 0, n), np.clip(stop, 0, n)


def _blocks(sizes: Codes, most: int) -> Iterator[Codes]:
    """Indices of consecutive items with sizes that add up to about ``most``; without size 0."""
    items = np.flatnonzero(sizes)
    number = np.cumsum(sizes[items]) // most
    yield from np.split(items, np.flatnonzero(np.diff(number)) + 1)


def _barycentric(x: Matrix, y: Matrix, area: Vector, at_x: Vector, at_y: Vector) -> Matrix:
    """Weights of the corners of triangles, whose sum is 1, at a place for each: (3, n)."""
    (ax, bx, cx), (ay, by, cy) = x, y
    b = ((at_x - ax) * (cy - ay) - (cx - ax) * (at_y - ay)) / area
    c = ((bx - ax) * (at_y - ay) - (at_x - ax) * (by - ay)) / area
    return np.stack([1 - b - c, b, c])


def _interpolate(weights: Matrix, values: Matrix) -> Vector:
    """Sum of three values by their weights, each (3, n)."""
    parts = weights * values
    return np.asarray(parts[0] + parts[1] + parts[2])
