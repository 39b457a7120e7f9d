"""Figures of an individual parcellation: boundary map, sizes, and homogeneity of areas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from painprint.palette import GOLDEN
from painprint.report.brain_views import Picture
from painprint.report.figures.brain import GAP_MM, MM_PER_INCH
from painprint.report.figures.style import DOUBLE, FILL, INK, MUTED, SINGLE, figure_of, new_axes

SHADOW = 0.35
"""Darkening of surfaces seen edge-on."""
GROUND = (0.78, 0.8, 0.82, 1.0)
"""Colour of the medial wall."""
N_BARS = 20


def plot_vertex_map(
    pictures: Sequence[Picture],
    values: Mapping[str, NDArray[np.float64]],
    label: str,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Plot values of vertices on views of the cortex, side by side.

    Parameters
    ----------
    values : mapping of str to array of shape (n_vertices,)
        By hemisphere; NaN where unknown (medial wall).
    """
    width = sum(p.extent[1] - p.extent[0] for p in pictures) + GAP_MM * (len(pictures) - 1)
    height = max(p.extent[3] - p.extent[2] for p in pictures)
    inches = min(DOUBLE, max(SINGLE, width / MM_PER_INCH))
    ax = ax or new_axes(inches, inches * height / width + 0.75)
    known = np.concatenate([v[np.isfinite(v)] for v in values.values()])
    scale = Normalize(0.0, float(np.percentile(known, 98)) or 1.0, clip=True)
    shades = colormaps["magma"]
    offset = 0.0
    for number, picture in enumerate(pictures):
        inside = picture.vertex >= 0
        value = np.where(inside, values[picture.side][np.maximum(picture.vertex, 0)], np.nan)
        image = shades(scale(np.nan_to_num(value)))
        image[inside & np.isnan(value)] = GROUND
        brightness = 1 - SHADOW * (1 - np.nan_to_num(picture.light, nan=1.0))
        image[..., :3] *= brightness[..., None]
        image[..., 3] = inside
        left, right, bottom, top = picture.extent
        span = (top - bottom) / 2
        ax.imshow(
            (image * 255).round().astype(np.uint8),
            extent=(offset, offset + right - left, -span, span), origin="lower",
            interpolation="none", gid=f"vertex-map-{number}",
        )  # fmt: skip
        ax.annotate(
            picture.name, (offset + (right - left) / 2, height / 2),
            ha="center", va="bottom", color=MUTED, fontsize=7,
        )  # fmt: skip
        offset += right - left + GAP_MM
    ax.set_xlim(0, width)
    ax.set_ylim(-height / 2, height / 2 + 6)
    ax.set_aspect("equal")
    ax.set_axis_off()
    bar = figure_of(ax).colorbar(
        ScalarMappable(scale, shades), ax=ax, orientation="horizontal", shrink=0.5, aspect=35,
        pad=0.02, label=label, extend="max",
    )  # fmt: skip
    bar.outline.set_visible(False)
    bar.ax.locator_params(nbins=5)
    return ax


def plot_sizes(areas: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Plot the distribution of the sizes of areas.

    Parameters
    ----------
    areas : DataFrame
        Column ``area_mm2``, without a value for subcortical regions.
    """
    ax = ax or new_axes(SINGLE, 2.2)
    sizes = areas["area_mm2"].dropna()
    ax.hist(sizes, bins=N_BARS, color=FILL)
    median = float(sizes.median())
    ax.axvline(median, color=INK)
    ax.annotate(
        f"median {median:.0f} mm²", (median, 1), xycoords=("data", "axes fraction"),
        xytext=(4, -2), textcoords="offset points", va="top", color=INK,
    )  # fmt: skip
    ax.set_xlabel("area on the person's surface (mm²)")
    ax.set_ylabel(f"number of areas (of {len(sizes)})")
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    return ax


def plot_rotated(homogeneity: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Plot the homogeneity of areas and of the same areas rotated on the sphere (spin test).

    Parameters
    ----------
    homogeneity : DataFrame
        Columns ``areas``, ``turn`` (number of the rotation, 0 without) and ``homogeneity``.
    """
    groups = list(homogeneity.groupby("areas", sort=False))
    ax = ax or new_axes(SINGLE, 1.0 + 0.7 * len(groups))
    for row, (_, rows) in enumerate(groups):
        null = rows.loc[rows["turn"] > 0, "homogeneity"]
        observed = rows.loc[rows["turn"] == 0, "homogeneity"]
        jitter = (np.arange(len(null)) * GOLDEN % 1 - 0.5) / 2  # jitter without a visible pattern
        ax.plot(
            null, row + jitter, ".", color=MUTED, markersize=3, label="rotated" if not row else ""
        )
        ax.plot(observed, [row], "D", color=INK, markersize=6, label="observed" if not row else "")
    ax.set_yticks(range(len(groups)), [str(name) for name, _ in groups])
    ax.set_ylim(len(groups) - 0.5, -0.5)
    ax.set_xlabel("homogeneity, mean over areas")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
    return ax
