"""Figures of signatures applied to other people and to new sessions."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from painprint.report.figures.estimates import plot_estimates
from painprint.report.figures.style import (
    DOUBLE,
    FILL,
    LONGEST_NAME,
    MUTED,
    PAPER,
    PREDICTED,
    RATING,
    SMALL,
    figure_of,
    new_axes,
    short,
)
from painprint.report.scales import SIGNS
from painprint.wording import number

DARK, LIGHT = "#000000", "#fefefe"
"""Colours of text on cells, which have the same colours in any theme of a page."""
MOST_NAMED, MOST_LARGE = 30, 10
"""People of a matrix with names and numbers, and with these in their usual size."""
STEPS_MIN, MOST_TICKS = (1, 2, 5, 10, 20), 24
"""Distances between ticks of time (min), and the largest number of ticks over all runs."""


def plot_transfer(
    transfer: pd.DataFrame, *, label: str = "centred r at 1 min", ax: Axes | None = None
) -> Axes:
    """Centred r of every signature on every person, with intervals; own signatures first.

    Parameters
    ----------
    transfer : DataFrame
        Rows of transfer.tsv at the primary scale; intervals of people with few groups are missing.
    """
    own = transfer["model"] == transfer["person"]
    order = transfer.assign(other=~own).sort_values(["person", "other", "model"], kind="stable")
    names = [
        f"{'own' if not other else model} on {person}"
        for model, person, other in zip(
            order["model"], order["person"], order["other"], strict=True
        )
    ]
    ax = plot_estimates(
        names, order, "centred_r", ends=("centred_r_low", "centred_r_high"),
        hollow=order["other"].tolist(), label=label, ax=ax,
    )  # fmt: skip
    persons = order["person"].tolist()
    for y in range(1, len(persons)):
        if persons[y] != persons[y - 1]:
            ax.axhline(y - 0.5, color=FILL, linewidth=0.6)
    handles = [
        Line2D([], [], color=PREDICTED, marker="o", markersize=4, markerfacecolor=face, label=name)
        for face, name in ((PREDICTED, "own signature, held out"), (PAPER, "signature of another"))
    ]
    ax.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
    return ax


def plot_identification(
    identified: Mapping[str, Mapping[str, Any]], *, ax: Axes | None = None
) -> Axes:
    """Share of each person's sessions in which their own signature agrees best, and chance
    (``identified`` of the group's metrics)."""
    ax = ax or new_axes(DOUBLE, 0.7 + 0.28 * len(identified))
    for y, numbers in enumerate(identified.values()):
        ax.plot([numbers["low"], numbers["high"]], [y, y], color=PREDICTED, linewidth=1)
        ax.plot(numbers["share"], y, "o", color=PREDICTED, markersize=4)
        ax.plot(
            [numbers["chance"]] * 2, [y - 0.35, y + 0.35], color=MUTED, linestyle=":",
            label="" if y else "chance (1 / number of signatures)",
        )  # fmt: skip
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1))
    names = [f"{short(name)} (n = {one['n_sessions']})" for name, one in identified.items()]
    ax.set_yticks(range(len(identified)), names)
    ax.set_xlim(-0.02, 1.02)
    ax.invert_yaxis()
    ax.set_xlabel("share of sessions in which the own signature agrees best")
    return ax


def plot_reading(
    minutes: pd.DataFrame,
    quartiles: Sequence[float],
    level: str,
    *,
    ends: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Predicted pain of a new session, minute by minute; runs stand side by side.

    Parameters
    ----------
    minutes : DataFrame
        Columns ``run``, ``minute`` (its number in the run), ``predicted``, ``low_80`` and
        ``high_80`` (for level "80").
    quartiles : three floats
        Lower quartile, median and upper quartile of the mean ratings of the study's sessions,
        shown as band and dotted line.
    ends : (float, float), optional
        Lowest and highest possible rating, if known: the least that the y axis shows.
    """
    ax = ax or new_axes(DOUBLE, 2.8)
    lower, median, upper = quartiles
    ax.axhspan(lower, upper, color=RATING, alpha=0.1, linewidth=0, zorder=0)
    ax.axhline(median, color=RATING, linewidth=1, linestyle=":", zorder=1)
    runs = [(run, rows, rows["minute"].to_numpy(float)) for run, rows in minutes.groupby("run")]
    lengths = [float(minute.max()) for _, _, minute in runs]
    step = next((s for s in STEPS_MIN if sum(lengths) / s <= MOST_TICKS), STEPS_MIN[-1])
    start, ticks = 0.0, []
    for (run, rows, minute), length in zip(runs, lengths, strict=True):
        at = start + minute
        low, high = (rows[f"{end}_{level}"].to_numpy(float) for end in ("low", "high"))
        if np.isfinite(low).all():
            ax.fill_between(at, low, high, color=PREDICTED, alpha=0.2, linewidth=0)
        ax.plot(at, rows["predicted"], "o-", color=PREDICTED, markersize=3)
        ticks += [(start + n, f"{n:g}") for n in np.arange(min(step, length), length + 0.01, step)]
        ax.annotate(
            f"run {run:g}", (start + (1 + length) / 2, 1), xycoords=("data", "axes fraction"),
            ha="center", va="bottom", color=MUTED, fontsize=7,
        )  # fmt: skip
        start += length + step
    ax.set_xticks(*zip(*ticks, strict=True))
    ax.set_xlabel("minute of the run")
    ax.set_ylabel("predicted pain (scale of the rating)")
    if ends is not None:
        bottom, top = ax.get_ylim()
        ax.set_ylim(min(bottom, ends[0]), max(top, ends[1]))
    of_study = "median of session ratings in the study"
    entries: list[Artist] = [
        Line2D([], [], color=PREDICTED, marker="o", markersize=3, label="prediction"),
        Line2D([], [], color=RATING, linestyle=":", linewidth=1, label=of_study),
        Patch(color=RATING, alpha=0.1, linewidth=0, label="their quartiles"),
    ]
    if np.isfinite(minutes[f"low_{level}"]).any():
        entries.insert(1, Patch(color=PREDICTED, alpha=0.2, label=f"{level}% interval"))
    ax.legend(handles=entries, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=4)
    return ax


def plot_transfer_matrix(
    transfer: pd.DataFrame,
    *,
    order: Sequence[str] | None = None,
    label: str = "centred r at 1 min",
    ax: Axes | None = None,
) -> Axes:
    """Centred r of every signature (rows) on every person (columns); own signatures are framed.

    More than ``MOST_NAMED`` people have neither names, numbers nor frames.

    Parameters
    ----------
    transfer : DataFrame
        Rows of transfer.tsv at the primary scale.
    order : sequence of str, optional
        Of the people. Default: by name.
    label : str
        Of the colour bar, which is symmetric about 0.
    """
    table = transfer.pivot(index="model", columns="person", values="centred_r")
    if order is not None:
        rows, columns = ([n for n in order if n in axis] for axis in (table.index, table.columns))
        table = table.loc[rows, columns]
    values = table.to_numpy(float)
    most = max(np.ceil(10 * np.nanmax(np.abs(values), initial=0.0)) / 10, 0.1)
    if len(table) > MOST_NAMED:
        ax = ax or new_axes(5.4, 4.6)
        mesh: ScalarMappable = ax.imshow(
            values, cmap=SIGNS, vmin=-most, vmax=most, interpolation="none"
        )
        ax.set_xticks([])
        ax.set_yticks([])
    else:
        ax = ax or new_axes(min(2.4 + 0.55 * len(table.columns), DOUBLE), 1.1 + 0.4 * len(table))
        mesh = _named_matrix(ax, table, most)
    bar = figure_of(ax).colorbar(mesh, ax=ax, ticks=[-most, 0, most])
    bar.set_label(textwrap.fill(label, LONGEST_NAME))
    bar.outline.set_visible(False)
    ax.set_xlabel("ratings of")
    ax.set_ylabel("signature of")
    return ax


def _named_matrix(ax: Axes, table: pd.DataFrame, most: float) -> ScalarMappable:
    """Cells with their numbers, and the names of people."""
    values, n = table.to_numpy(float), len(table.columns)
    mesh = ax.pcolormesh(values, cmap=SIGNS, vmin=-most, vmax=most, edgecolors=PAPER, linewidth=0.5)
    size = None if n <= MOST_LARGE else SMALL * MOST_LARGE / n
    for (i, j), value in np.ndenumerate(values):
        if np.isfinite(value):
            shade = LIGHT if abs(value) > 0.6 * most else DARK
            ax.annotate(
                number(value), (j + 0.5, i + 0.5), ha="center", va="center", color=shade,
                fontsize=size,
            )  # fmt: skip
        if table.index[i] == table.columns[j]:
            ax.add_patch(Rectangle((j + 0.04, i + 0.04), 0.92, 0.92, fill=False, edgecolor=DARK))
    ax.invert_yaxis()
    ax.set_xticks(np.arange(n) + 0.5, [*map(short, table.columns)], rotation=0 if n < 6 else 90)
    ax.set_yticks(np.arange(len(table)) + 0.5, [short(name) for name in table.index])
    ax.tick_params(length=0)
    return mesh


def plot_similarity(similarity: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Distributions of the similarity of halves of the same person and of different people
    (similarity.tsv)."""
    ax = ax or new_axes(DOUBLE, 1.9)
    same = similarity["person_first"] == similarity["person_second"]
    values = similarity["r"].to_numpy(float)
    edges = np.linspace(-1, 1, 41).tolist()
    for is_same, color, name in (
        (False, MUTED, "different people"),
        (True, PREDICTED, "the same person"),
    ):
        chosen = values[same.to_numpy() == is_same]
        weights = np.full(len(chosen), 1 / max(1, len(chosen)))
        ax.hist(
            chosen, edges, weights=weights, histtype="step", color=color, linewidth=1.2,
            label=f"{name} (n = {len(chosen):,})",
        )  # fmt: skip
        ax.axvline(float(chosen.mean()), color=color, linewidth=0.9, linestyle="--")
    ax.axvline(0, color=MUTED, linewidth=0.8, linestyle=":")
    ax.set_xlim(min(-0.25, float(values.min()) - 0.05), max(0.25, float(values.max()) + 0.05))
    ax.set_xlabel("r of the patterns of two halves of sessions (dashed: mean; 0: not similar)")
    ax.set_ylabel("share of pairs")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
    return ax
