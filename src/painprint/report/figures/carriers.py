"""Figures of the importance, weights and effects of regions, networks and edges."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogFormatter

from painprint.palette import network_colours
from painprint.report.figures.style import (
    DOUBLE,
    FILL,
    INK,
    MUTED,
    PAPER,
    PREDICTED,
    RATING,
    SINGLE,
    new_axes,
    short,
)


def plot_strengths(regions: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Sums of positive and of negative weights of each region's edges.

    Parameters
    ----------
    regions : DataFrame
        Rows of importance.tsv.
    """
    ax = ax or new_axes(SINGLE, 0.8 + 0.2 * len(regions))
    y = np.arange(len(regions))
    ax.barh(y, regions["positive_strength"], color=RATING, height=0.7, label="positive weights")
    ax.barh(y, regions["negative_strength"], color=PREDICTED, height=0.7, label="negative weights")
    ax.axvline(0, color=MUTED, linewidth=0.8)
    ax.set_yticks(y, [short(name) for name in regions["region"]])
    ax.set_ylim(len(regions) - 0.5, -0.5)
    ax.set_xlabel("sum of weights (rating per unit of co-fluctuation)")
    ax.locator_params(axis="x", nbins=5)
    ax.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)
    return ax


def plot_structure(edges: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Structure coefficients of edges against their weights, as counts of edges.

    Parameters
    ----------
    edges : DataFrame
        structure.tsv.
    """
    ax = ax or new_axes(SINGLE, 2.9)
    drawn = ax.hexbin(
        edges["weight"], edges["structure"], gridsize=40, cmap="Blues", bins="log", mincnt=1,
        linewidths=0,
    )  # fmt: skip
    ax.axhline(0, color=MUTED, linewidth=0.6)
    ax.axvline(0, color=MUTED, linewidth=0.6)
    ax.locator_params(axis="x", nbins=4)
    ax.set_xlabel("weight (rating per unit of co-fluctuation)")
    ax.set_ylabel("structure coefficient (r)")
    figure = ax.get_figure(root=True)
    assert figure is not None  # these Axes were made for one
    bar = figure.colorbar(drawn, ax=ax, label="edges", format=LogFormatter())
    bar.minorformatter = LogFormatter()
    return ax


def plot_univariate(regions: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """t of every region, by network; filled where significant.

    Parameters
    ----------
    regions : DataFrame
        univariate.tsv.
    """
    from painprint.wording import SIGNIFICANT

    ax = ax or new_axes(DOUBLE, 2.5)
    network, names = pd.factorize(regions["network"].astype(object).fillna("no network"))
    order = np.argsort(network, kind="stable")
    x = np.empty(len(regions))
    x[order] = np.arange(len(regions))
    significant = (regions["q"] < SIGNIFICANT).to_numpy()
    for chosen, face, label in (
        (significant, RATING, "q < .05"),
        (~significant, PAPER, "not significant"),
    ):
        if chosen.any():
            ax.plot(
                x[chosen], regions["t"][chosen], "o", color=RATING if face == RATING else MUTED,
                markerfacecolor=face, markersize=3, markeredgewidth=0.7, label=label,
            )  # fmt: skip
    ax.axhline(0, color=MUTED, linewidth=0.8, linestyle=":")
    starts = [x[network == k].min() for k in range(len(names))]
    for start in starts[1:]:
        ax.axvline(start - 0.5, color=FILL, linewidth=0.6, zorder=0)
    ax.set_xticks([x[network == k].mean() for k in range(len(names))], [short(n) for n in names])
    ax.set_xlim(-1, len(regions))
    ax.set_ylabel("t across sessions")
    ax.set_xlabel("regions, by network")
    ax.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)
    return ax


def plot_by_network(
    table: pd.DataFrame, column: str, *, label: str, ax: Axes | None = None
) -> Axes:
    """A value of every region, by network: every region a dot, quartiles in a box.

    Parameters
    ----------
    table : DataFrame
        Columns ``network`` and ``column``; networks are shown in the order of their medians.
    label : str
        Of the y axis.
    """
    ax = ax or new_axes(DOUBLE, 2.7)
    rows = table.assign(network=table["network"].astype(object).fillna("no network"))
    rows = rows[np.isfinite(rows[column])]
    medians = rows.groupby("network")[column].median().sort_values(ascending=False)
    shades = network_colours(table["network"].astype(object).fillna(""))
    for x, name in enumerate(medians.index):
        shade = shades["" if name == "no network" else name]
        values = rows.loc[rows["network"] == name, column].to_numpy(float)
        ax.boxplot(
            values, positions=[x], widths=0.6, showfliers=False,
            medianprops={"color": INK}, boxprops={"color": MUTED},
            whiskerprops={"color": MUTED}, capprops={"visible": False},
        )  # fmt: skip
        beside = np.linspace(-0.22, 0.22, len(values)) if len(values) > 1 else np.zeros(1)
        order = np.random.default_rng(0).permutation(len(values))
        ax.scatter(x + beside[order], values, s=8, color=[shade], linewidths=0, zorder=3)
    ax.axhline(0, color=MUTED, linewidth=0.8, linestyle=":")
    names = [short(name) for name in medians.index]
    ax.set_xticks(range(len(names)), names, rotation=0 if len(names) < 10 else 45)
    ax.set_ylabel(label)
    return ax


def plot_network_weights(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Mean weight of the edges between each pair of networks.

    Parameters
    ----------
    table : DataFrame
        networkweights.tsv.
    """
    ax = ax or new_axes(SINGLE, 3.4)
    names = list(dict.fromkeys([*table["network_a"], *table["network_b"]]))
    matrix = np.full((len(names), len(names)), np.nan)
    for a, b, mean in table[["network_a", "network_b", "mean_weight"]].itertuples(index=False):
        i, j = names.index(a), names.index(b)
        matrix[i, j] = matrix[j, i] = mean
    most = float(np.nanmax(np.abs(matrix))) or 1.0
    drawn = ax.pcolormesh(
        matrix, cmap="RdBu_r", vmin=-most, vmax=most, edgecolors=PAPER, linewidth=0.3
    )
    ax.invert_yaxis()
    ax.set_xticks(np.arange(len(names)) + 0.5, [short(name) for name in names], rotation=90)
    ax.set_yticks(np.arange(len(names)) + 0.5, [short(name) for name in names])
    ax.tick_params(length=0)
    ax.set_aspect("equal")
    figure = ax.get_figure(root=True)
    assert figure is not None  # these Axes were made for one
    bar = figure.colorbar(drawn, ax=ax, label="mean weight", shrink=0.7)
    bar.outline.set_visible(False)
    bar.ax.locator_params(nbins=5)
    return ax
