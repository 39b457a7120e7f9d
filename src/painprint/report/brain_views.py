"""A brain as flat outlines: of regions on views of the cortex, in a glass brain and in slices.

Every view is drawn without a display: triangles are laid on a grid of pixels, the nearest wins, and
the pixels of a region are turned into outlines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import contourpy
import numpy as np
from matplotlib.path import Path as Outline
from numba import njit
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from painprint.arrays import Codes, Matrix
from painprint.atlas.brain import Brain, Deep, Sheet
from painprint.regions import NO_REGION

Extent = tuple[float, float, float, float]
"""Of a page: left, right, bottom, top (mm)."""

PIXEL_MM = 0.5
NOTHING = -2
"""Of a pixel outside the brain."""
SOFT_PIXELS = 0.9
"""Standard deviation by which a region's pixels are smoothed before its outline is drawn."""
SIMPLE_MM = 0.15
"""Points of an outline may be left out if it moves by less."""
N_SLICES = 6
MARGIN_MM = 2.0

TO_RIGHT, TO_FRONT, UP = np.eye(3)
CORTEX_VIEWS = {
    "left, from outside": ("L", -TO_FRONT, UP),
    "left, from inside": ("L", TO_FRONT, UP),
    "right, from inside": ("R", -TO_FRONT, UP),
    "right, from outside": ("R", TO_FRONT, UP),
}
"""Hemisphere, and what lies to the right of and up on the page."""
GLASS_VIEWS = {
    "from the left": (-TO_FRONT, UP),
    "from behind": (TO_RIGHT, UP),
    "from above": (TO_RIGHT, TO_FRONT),
}


@dataclass(frozen=True, eq=False)
class View:
    """Outlines of what one sees from somewhere, in mm on the page.

    Attributes
    ----------
    regions : mapping of int to Path
        Outline of each region that is seen, by its place.
    ground : Path or None
        Outline of the brain.
    light : array of shape (n_rows, n_columns) or None
        How bright each pixel is, 0 to 1; NaN outside the brain. The lowest row comes first.
    """

    name: str
    regions: Mapping[int, Outline]
    ground: Outline | None
    light: Matrix | None
    extent: Extent


@dataclass(frozen=True, eq=False)
class Picture:
    """Which vertex one sees at each pixel of a view.

    Attributes
    ----------
    side : str
        Hemisphere, L or R.
    vertex : ndarray of int, shape (n_rows, n_columns)
        Below 0 outside the brain. The lowest row comes first.
    light : ndarray of shape (n_rows, n_columns)
        As of a :class:`View`.
    """

    name: str
    side: str
    vertex: Codes
    light: Matrix
    extent: Extent


@dataclass(frozen=True, eq=False)
class BrainViews:
    """All views of a brain, drawn once and coloured as often as need be."""

    brain: Brain

    @cached_property
    def cortex(self) -> tuple[View, ...]:
        """Both hemispheres from outside and inside; none where there is no surface."""
        seen = []
        for name, (side, right, up) in CORTEX_VIEWS.items():
            if side in self.brain.sheets:
                seen.append(_view_of_sheet(name, self.brain.sheets[side], right, up))
        return tuple(seen)

    @cached_property
    def pictures(self) -> tuple[Picture, ...]:
        """The vertices that the views of the cortex show."""
        seen = []
        for name, (side, right, up) in CORTEX_VIEWS.items():
            if side in self.brain.sheets:
                sheet = self.brain.sheets[side]
                page = _page(sheet.shapes[flat_shape(sheet)], right, up)
                extent = _extent(page)
                vertex, light = rasterise(page, sheet.faces, np.arange(len(page)), extent)
                seen.append(Picture(name, side, vertex, light, extent))
        return tuple(seen)

    @cached_property
    def glass(self) -> tuple[View, ...]:
        """Deep regions seen through the brain from three sides; none where there are none."""
        if self.brain.deep is None:
            return ()
        template = _joined(list(self.brain.template.values()))
        return tuple(
            _view_through(name, self.brain.deep, template, right, up)
            for name, (right, up) in GLASS_VIEWS.items()
        )

    @cached_property
    def slices(self) -> tuple[View, ...]:
        """Deep regions on horizontal slices, from below upwards; none where there are none."""
        if self.brain.deep is None:
            return ()
        z, step = self.brain.deep.places[:, 2], self.brain.deep.size_mm
        heights = z.min() + step * np.unique(np.rint((z - z.min()) / step))
        wanted = np.quantile(heights, np.linspace(0.1, 0.9, min(N_SLICES, len(heights))))
        chosen = np.unique(heights[np.abs(heights[:, None] - wanted).argmin(axis=0)])
        template = _joined(list(self.brain.template.values()))
        return tuple(_slice(self.brain.deep, template, float(z)) for z in chosen)


def _joined(meshes: Sequence[tuple[Matrix, Codes]]) -> tuple[Matrix, Codes]:
    """Several meshes as one."""
    starts = np.cumsum([0, *(len(vertices) for vertices, _ in meshes)])
    faces = [f + start for (_, f), start in zip(meshes, starts, strict=False)]
    return np.concatenate([v for v, _ in meshes]), np.concatenate(faces)


def _page(vertices: Matrix, right: Matrix, up: Matrix) -> Matrix:
    """Coordinates to the right and up on the page, and towards the eye."""
    return np.asarray(vertices @ np.column_stack([right, up, np.cross(right, up)]))


def _extent(page: Matrix, margin: float = MARGIN_MM) -> Extent:
    low, high = page[:, :2].min(axis=0) - margin, page[:, :2].max(axis=0) + margin
    return float(low[0]), float(high[0]), float(low[1]), float(high[1])


def _view_of_sheet(name: str, sheet: Sheet, right: Matrix, up: Matrix) -> View:
    page = _page(sheet.shapes[flat_shape(sheet)], right, up)
    extent = _extent(page)
    region, light = rasterise(page, sheet.faces, sheet.region, extent)
    seen = np.unique(region[region >= 0])
    outlines = {int(k): outline(region == k, extent) for k in seen}
    return View(name, outlines, outline(region != NOTHING, extent), light, extent)


def flat_shape(sheet: Sheet) -> str:
    """The shape on which most of the cortex is seen at once."""
    return "inflated" if "inflated" in sheet.shapes else next(iter(sheet.shapes))


def _view_through(
    name: str, deep: Deep, template: tuple[Matrix, Codes], right: Matrix, up: Matrix
) -> View:
    vertices, faces = template
    page, points = _page(vertices, right, up), _page(deep.places, right, up)
    extent = _extent(np.concatenate([page, points]), MARGIN_MM + deep.size_mm)
    nobody = np.full(len(vertices), NO_REGION)
    brain, _ = rasterise(page, faces, nobody, extent)
    outlines = {
        int(k): outline(_dots(points[deep.region == k, :2], deep.size_mm, extent), extent)
        for k in np.unique(deep.region)
    }
    return View(name, outlines, outline(brain != NOTHING, extent), None, extent)


def _slice(deep: Deep, template: tuple[Matrix, Codes], z: float) -> View:
    vertices, faces = template
    extent = _extent(np.concatenate([vertices, deep.places]), MARGIN_MM + deep.size_mm)
    here = np.abs(deep.places[:, 2] - z) <= deep.size_mm / 2
    outlines = {
        int(k): outline(
            _dots(deep.places[here & (deep.region == k), :2], deep.size_mm, extent), extent
        )
        for k in np.unique(deep.region[here])
    }
    return View(f"z = {z:z.0f} mm", outlines, _cut(vertices, faces, z), None, extent)


def _cut(vertices: Matrix, faces: Codes, z: float) -> Outline | None:
    """Where a horizontal plane cuts a mesh, as separate strokes."""
    height = vertices[faces, 2] - z
    strokes = []
    for a, b, c in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):  # c alone on its side of the plane
        alone = (np.sign(height[:, c]) != np.sign(height[:, a])) & (
            np.sign(height[:, a]) == np.sign(height[:, b])
        )
        ends = []
        for other in (a, b):
            share = height[alone, c] / (height[alone, c] - height[alone, other])
            start, end = vertices[faces[alone, c], :2], vertices[faces[alone, other], :2]
            ends.append(start + share[:, None] * (end - start))
        strokes.append(np.stack(ends, axis=1))
    points = np.concatenate(strokes).reshape(-1, 2)
    if not len(points):
        return None
    codes = np.tile([Outline.MOVETO, Outline.LINETO], len(points) // 2)
    return Outline(points, codes)


def _dots(points: Matrix, size: float, extent: Extent) -> NDArray[np.bool_]:
    """Pixels within half a point's width of some point; the page leaves room for all."""
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
    """Columns and rows of the pixels of a page."""
    left, right, bottom, top = extent
    return int(np.ceil((right - left) / PIXEL_MM)), int(np.ceil((top - bottom) / PIXEL_MM))


def outline(mask: NDArray[np.bool_], extent: Extent) -> Outline:
    """The outline of pixels, holes included, in mm on the page.

    Parameters
    ----------
    mask : ndarray of bool, shape (n_rows, n_columns)

    Returns
    -------
    outline : Path
        Empty where no pixel is set.
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
    """A closed line with fewer points, none of those left out further away than SIMPLE_MM."""
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


def rasterise(page: Matrix, faces: Codes, region: Codes, extent: Extent) -> tuple[Codes, Matrix]:
    """What is nearest to the eye at each pixel.

    Parameters
    ----------
    page : ndarray of shape (n_vertices, 3)
        To the right, up, and towards the eye (mm).
    faces : ndarray of int, shape (n_faces, 3)
    region : ndarray of int, shape (n_vertices,)

    Returns
    -------
    region : ndarray of int, shape (n_rows, n_columns)
        Of the nearest corner of the nearest face; ``NOTHING`` outside.
    light : ndarray of shape (n_rows, n_columns)
        How squarely the surface faces the eye, 0 to 1, smooth over faces; NaN outside.
    """
    corners = page[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    of_vertex = np.zeros_like(page)
    for corner in range(3):
        np.add.at(of_vertex, faces[:, corner], normal)
    length = np.linalg.norm(of_vertex, axis=1)
    facing = np.abs(of_vertex[:, 2]) / np.maximum(length, 1e-12)
    n_columns, n_rows = _shape(extent)
    pixels = (page - [extent[0], extent[2], 0]) / [PIXEL_MM, PIXEL_MM, 1]
    return _rasterise(pixels, faces, region.astype(np.int64), facing, n_rows, n_columns)


@njit(cache=True)
def _rasterise(pixels, faces, region, facing, n_rows, n_columns):  # type: ignore[no-untyped-def]  # pragma: no cover
    near = np.full((n_rows, n_columns), -np.inf)
    found = np.full((n_rows, n_columns), NOTHING)
    light = np.full((n_rows, n_columns), np.nan)
    weights = np.empty(3)
    for f in range(len(faces)):
        a, b, c = faces[f]
        ax, ay, bx, by, cx, cy = (
            pixels[a, 0], pixels[a, 1], pixels[b, 0], pixels[b, 1], pixels[c, 0], pixels[c, 1],
        )  # fmt: skip
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if area == 0:
            continue
        for row in range(
            max(0, int(np.floor(min(ay, by, cy) - 0.5))),
            min(n_rows, int(np.ceil(max(ay, by, cy))) + 1),
        ):
            for column in range(
                max(0, int(np.floor(min(ax, bx, cx) - 0.5))),
                min(n_columns, int(np.ceil(max(ax, bx, cx))) + 1),
            ):
                x, y = column + 0.5, row + 0.5
                weights[1] = ((x - ax) * (cy - ay) - (cx - ax) * (y - ay)) / area
                weights[2] = ((bx - ax) * (y - ay) - (x - ax) * (by - ay)) / area
                weights[0] = 1 - weights[1] - weights[2]
                if weights.min() < -1e-9:
                    continue
                depth = 0.0
                bright = 0.0
                for corner in range(3):
                    depth += weights[corner] * pixels[faces[f, corner], 2]
                    bright += weights[corner] * facing[faces[f, corner]]
                if depth > near[row, column]:
                    near[row, column] = depth
                    found[row, column] = region[faces[f, weights.argmax()]]
                    light[row, column] = bright
    return found, light
