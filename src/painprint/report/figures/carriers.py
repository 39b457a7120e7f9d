"""Figures of the importance, weights and effects of regions, networks and edges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogFormatter

from painprint.palette import GOLDEN
from painprint.report.figures.style import (
    DOUBLE,
    FILL,
    INK,
    LONGEST_ROW,
    MUTED,
    NEGATIVE,
    PAPER,
    POSITIVE,
    SINGLE,
    figure_of,
    legend_above,
    new_axes,
    short,
)
from painprint.report.scales import COUNTS, SIGNS, round_limit
from painprint.wording import SIGNIFICANT, span_of_counts


def plot_strengths(regions: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Sums of positive and of negative weights of each region's edges (rows of importance.tsv)."""
    ax = ax or new_axes(SINGLE, 0.8 + 0.2 * len(regions))
    y = np.arange(len(regions))
    ax.barh(y, regions["positive_strength"], color=POSITIVE, height=0.7, label="positive weights")
    ax.barh(y, regions["negative_strength"], color=NEGATIVE, height=0.7, label="negative weights")
    ax.axvline(0, color=MUTED, linewidth=0.8)
    ax.set_yticks(y, [short(name) for name in regions["region"]])
    ax.set_ylim(len(regions) - 0.5, -0.5)
    ax.set_xlabel("sum of weights\n(rating per unit of co-fluctuation)")
    ax.locator_params(axis="x", nbins=5)
    legend_above(ax, ncols=2)
    return ax


def plot_structure(edges: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Structure coefficients of edges against their weights (structure.tsv), as counts of edges."""
    ax = ax or new_axes(SINGLE, 2.9)
    drawn = ax.hexbin(
        edges["weight"], edges["structure"], gridsize=40, cmap=COUNTS, bins="log", mincnt=1,
        linewidths=0,
    )  # fmt: skip
    ax.axhline(0, color=MUTED, linewidth=0.6)
    ax.axvline(0, color=MUTED, linewidth=0.6)
    ax.locator_params(axis="x", nbins=4)
    ax.set_xlabel("weight (rating per unit of co-fluctuation)")
    ax.set_ylabel("structure coefficient (r)")
    label = f"edges in a cell (n = {len(edges):,} in all)"
    bar = figure_of(ax).colorbar(drawn, ax=ax, label=label, format=LogFormatter())
    bar.minorformatter = LogFormatter()
    return ax


def plot_univariate(regions: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """t of every region (univariate.tsv), a row for each network; filled where significant."""
    network, names = pd.factorize(regions["network"].astype(object).fillna("no network"))
    ax = ax or new_axes(DOUBLE, 0.9 + 0.24 * len(names))
    place = pd.Series(network).groupby(network).cumcount().to_numpy()
    y = network + (place * GOLDEN % 1 - 0.5) * 0.6  # jitter without a visible pattern
    significant = (regions["q"] < SIGNIFICANT).to_numpy()
    for chosen, face, edge, label in (
        (significant, INK, INK, f"q < {SIGNIFICANT:.2f}".replace("0.", ".")),
        (~significant, PAPER, MUTED, "not significant"),
    ):
        if chosen.any():
            ax.plot(
                regions["t"][chosen], y[chosen], "o", color=edge, markerfacecolor=face,
                markersize=3, markeredgewidth=0.7, label=f"{label} (n = {chosen.sum()} regions)",
            )  # fmt: skip
    ax.axvline(0, color=MUTED, linewidth=0.8, linestyle=":")
    for row in range(1, len(names)):
        ax.axhline(row - 0.5, color=FILL, linewidth=0.5, zorder=0)
    ax.set_yticks(range(len(names)), [short(name, LONGEST_ROW) for name in names])
    ax.set_ylim(len(names) - 0.5, -0.5)
    n = span_of_counts(regions["n_sessions"])
    ax.set_xlabel(f"t of the region's activity with the rating, across sessions (n = {n})")
    legend_above(ax, ncols=2)
    return ax


def plot_network_weights(
    table: pd.DataFrame, order: Sequence[str] = (), *, ax: Axes | None = None
) -> Axes:
    """Mean weight of the edges between each pair of networks (networkweights.tsv); negative ones
    have a bar.

    Parameters
    ----------
    order : sequence of str
        Networks that are shown first, in this order.
    """
    ax = ax or new_axes(SINGLE, 3.0)
    there = dict.fromkeys([*table["network_a"], *table["network_b"]])
    names = [*(name for name in order if name in there), *(n for n in there if n not in order)]
    matrix = np.full((len(names), len(names)), np.nan)
    for a, b, mean in table[["network_a", "network_b", "mean_weight"]].itertuples(index=False):
        i, j = names.index(a), names.index(b)
        matrix[i, j] = matrix[j, i] = mean
    most = round_limit(float(np.nanmax(np.abs(matrix))))
    drawn = ax.pcolormesh(
        matrix, cmap=SIGNS, vmin=-most, vmax=most, edgecolors=PAPER, linewidth=0.3
    )
    row, column = np.nonzero(matrix < 0)
    ax.plot(column + 0.5, row + 0.5, linestyle="none", marker="_", color=INK, markersize=4)
    ax.invert_yaxis()
    ax.set_xticks(np.arange(len(names)) + 0.5, [short(name) for name in names], rotation=90)
    ax.set_yticks(np.arange(len(names)) + 0.5, [short(name) for name in names])
    ax.tick_params(length=0)
    ax.set_aspect("equal")
    label = f"mean weight of an edge (n = {table['n_edges'].sum():,} edges)"
    bar = figure_of(ax).colorbar(drawn, ax=ax, label=label, shrink=0.7)
    bar.outline.set_visible(False)
    bar.set_ticks([-most, 0, most])
    return ax
