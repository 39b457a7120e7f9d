"""Figures of values of regions on a brain."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path as Outline
from matplotlib.transforms import Affine2D

from painprint.report.brain_views import View
from painprint.report.figures.style import (
    DOUBLE,
    FILL,
    LONGEST_ROW,
    MUTED,
    PAPER,
    SINGLE,
    SMALL,
    figure_of,
    name_entries,
    new_axes,
    short,
)
from painprint.report.overlays import AnyOverlay, Overlay

GAP_MM = 10.0
MM_PER_INCH = 100.0
"""Largest scale of a brain."""
EXTENDED = {
    (False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both",
}  # fmt: skip
"""Arrows of a colour bar, by whether values lie below and above its limits."""
CHARACTERS_PER_INCH = 14
"""Of the text of a legend."""
TITLE_INCHES = 0.15
MARK = 6
"""Room of a mark in a legend, in characters."""
SHADOW = 0.5
"""Darkening of surfaces that face away from the viewer."""


def plot_views(views: Sequence[View], overlay: AnyOverlay, *, ax: Axes | None = None) -> Axes:
    """Values of regions on views of a brain, side by side.

    Parameters
    ----------
    views : sequence of View
        ``cortex`` or ``subcortex`` of :class:`~painprint.report.brain_views.BrainViews`.

    Returns
    -------
    ax : Axes
        A patch per region and view, whose gid is ``region-<index of the region>-<view>``.
    """
    width = sum(right - left for left, right, _, _ in (v.extent for v in views))
    width += GAP_MM * (len(views) - 1)
    height = max(top - bottom for _, _, bottom, top in (v.extent for v in views))
    is_part = views[0].light is None
    page = width if is_part else max(width, SINGLE * MM_PER_INCH)
    inches = SINGLE if is_part else min(DOUBLE, page / MM_PER_INCH)
    ax = ax or new_axes(inches, inches * height / page + 0.75)
    colours, at = overlay.colours, 0.0
    for i, view in enumerate(views):
        left, right, bottom, top = view.extent
        move = Affine2D().translate(at - left, -(bottom + top) / 2)
        _draw(ax, view, i, colours, move)
        middle = at + (right - left) / 2
        ax.annotate(
            view.name, (middle, height / 2), ha="center", va="bottom", color=MUTED, fontsize=SMALL
        )
        at += right - left + GAP_MM
    ax.set_xlim((width - page) / 2, (width + page) / 2)
    ax.set_ylim(-height / 2, height / 2 + TITLE_INCHES * page / inches)
    ax.set_aspect("equal")
    ax.set_axis_off()
    _add_legend(ax, overlay, inches)
    return ax


def _draw(ax: Axes, view: View, number: int, colours: Sequence[str], move: Affine2D) -> None:
    left, right, bottom, top = view.extent
    frame = Rectangle((left, bottom), right - left, top - bottom, transform=move + ax.transData)

    def add(shape: Outline, gid: str, *, fill: str, edge: str, line: float) -> None:
        patch = PathPatch(
            move.transform_path(shape), facecolor=fill, edgecolor=edge, linewidth=line, gid=gid
        )
        ax.add_patch(patch)
        if is_subcortical:  # the view is a part of the brain
            patch.set_clip_path(frame)

    is_subcortical = view.light is None
    if view.ground is not None:
        fill, edge, line = ("none", MUTED, 0.4) if is_subcortical else (FILL, "none", 0.0)
        add(view.ground, f"ground-{number}", fill=fill, edge=edge, line=line)
    edge, line = (MUTED, 0.4) if is_subcortical else (PAPER, 0.25)
    for index, shape in view.regions.items():
        add(shape, f"region-{index}-{number}", fill=colours[index], edge=edge, line=line)
    if view.light is not None:
        shadow = np.zeros((*view.light.shape, 4))
        shadow[..., 3] = np.nan_to_num((1 - view.light) * SHADOW)
        corners = move.transform([(left, bottom), (right, top)])
        extent = (corners[0, 0], corners[1, 0], corners[0, 1], corners[1, 1])
        ax.imshow(
            (shadow * 255).round().astype(np.uint8), extent=extent, origin="lower",
            interpolation="none", zorder=3, gid=f"brain-light-{number}",
        )  # fmt: skip


def _add_legend(ax: Axes, overlay: AnyOverlay, inches: float) -> None:
    if isinstance(overlay, Overlay):
        shown = ScalarMappable(Normalize(*overlay.ends), overlay.colour_map)
        bar = figure_of(ax).colorbar(
            shown, ax=ax, orientation="horizontal", shrink=0.5, aspect=35, pad=0.02,
            label=fill(overlay.label, int(CHARACTERS_PER_INCH * inches)),
            extend=EXTENDED[overlay.beyond],
        )  # fmt: skip
        bar.outline.set_visible(False)
        low, high = overlay.ends
        bar.set_ticks([low, (low + high) / 2, high])
        bar.ax.set_gid("brain-legend")
        return
    if not overlay.legend:
        return
    handles = [
        Line2D([], [], color=shade, marker="s", linestyle="none", label="n/a", markersize=5)
        for shade in overlay.legend.values()
    ]
    longest = max(len(short(name, LONGEST_ROW)) for name in overlay.legend)
    n_columns = max(1, int(CHARACTERS_PER_INCH * inches / (longest + MARK)))
    legend = ax.legend(
        handles=handles, ncols=min(len(handles), n_columns),
        loc="upper center", bbox_to_anchor=(0.5, 0),
    )  # fmt: skip
    name_entries(legend, list(overlay.legend))
    legend.set_gid("brain-legend")
