"""The specification curve: every specification of a multiverse, sorted, above its choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from painprint.report.figures.estimates import limits
from painprint.report.figures.style import (
    DOUBLE,
    FILL,
    INK,
    LONGEST_NAME,
    MUTED,
    PALE,
    PREDICTED,
    RATING,
    SMALL,
    short,
)

CURVE, ROW = 1.7, 0.16
"""Heights (inches) of a curve, and of a row of the choices."""
MOST = 1.0
"""The axis goes no farther."""


def plot_specification_curve(
    table: pd.DataFrame,
    choices: Mapping[str, Sequence[str]],
    metric: str,
    permuted: str,
    *,
    label: str,
    titles: Mapping[str, str] = MappingProxyType({}),
) -> list[Axes]:
    """The curve with intervals, the same with permuted ratings, and the choices of each column.

    Parameters
    ----------
    table : DataFrame
        Rows of multiverse.tsv; those without numbers are not drawn.
    choices : mapping of str to sequence of str
        Alternatives of each choice, the default first; columns of the table.
    metric : str
        Column of the estimates, which are sorted by it.
    permuted : str
        Begins the columns of permuted ratings; their estimates are sorted by themselves.
    titles : mapping of str to str
        Names of choices with their units.

    Returns
    -------
    axes : list of Axes
        Of the curve, of permuted ratings, and of the choices.
    """
    rows = table.dropna(subset=metric).sort_values(metric, kind="stable").reset_index(drop=True)
    chance = table.dropna(subset=permuted + metric).sort_values(permuted + metric, kind="stable")
    n_rows = sum(len(alternatives) + 1 for alternatives in choices.values())
    figure = Figure(figsize=(DOUBLE, 2 * CURVE + ROW * n_rows + 0.5), layout="constrained")
    heights = [CURVE, CURVE, ROW * n_rows]
    top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=heights)
    ends = [
        limits(shown[[name, f"{name}_low", f"{name}_high"]].to_numpy(float), MOST, margin=0.08)
        for shown, name in ((rows, metric), (chance, permuted + metric))
    ]
    low, high = min(a for a, _ in ends), max(b for _, b in ends)
    for ax, drawn, column, colour, text in (
        (top, rows, metric, PREDICTED, "ratings as they are"),
        (middle, chance, permuted + metric, MUTED, "ratings permuted within sessions, once"),
    ):
        _draw_curve(ax, drawn, column, colour)
        ax.set_ylim(low, high)
        ax.set_ylabel(label)
        ax.set_title(text, loc="left", color=MUTED, fontsize=SMALL)
        ax.tick_params(axis="x", length=0, labelbottom=False)
    values = rows[metric].to_numpy(float)
    for i in np.flatnonzero(rows["default"] == "yes").tolist():
        top.plot(i, values[i], "D", color=RATING, markersize=5, zorder=4)
        top.annotate(
            "default", (i, low), (3 if i < len(rows) / 2 else -3, 3), textcoords="offset points",
            ha="left" if i < len(rows) / 2 else "right", color=RATING, fontsize=SMALL,
        )  # fmt: skip
        for ax in (top, bottom):
            ax.axvline(i, color=RATING, linewidth=0.6, linestyle=":", zorder=0)
    _draw_choices(bottom, rows, choices, titles)
    return [top, middle, bottom]


def _draw_curve(ax: Axes, rows: pd.DataFrame, column: str, colour: str) -> None:
    """Estimates from left to right, with their intervals."""
    x = np.arange(len(rows))
    low, high = (rows[f"{column}_{end}"].to_numpy(float) for end in ("low", "high"))
    ax.axhline(0, color=MUTED, linewidth=0.8, linestyle=":")
    ax.vlines(x, low, high, color=PALE if colour == PREDICTED else FILL, linewidth=_width(len(x)))
    ax.plot(x, rows[column], "o", color=colour, markersize=min(3.5, _width(len(x)) + 0.5))


def _width(n: int) -> float:
    """Width (points) of the line of one of so many specifications."""
    return float(np.clip(250 / max(n, 1), 0.4, 4.0))


def _draw_choices(
    ax: Axes,
    rows: pd.DataFrame,
    choices: Mapping[str, Sequence[str]],
    titles: Mapping[str, str],
) -> None:
    """A mark for the alternative of each choice, in the column of its specification."""
    x, y = np.arange(len(rows)), 0
    ticks, names, headings = [], [], []
    for name, alternatives in choices.items():
        headings.append((y, titles.get(name, name)))
        y += 1
        for label in alternatives:
            chosen = x[(rows[name] == label).to_numpy()]
            ax.plot(chosen, np.full(len(chosen), y), "|", color=INK, markersize=7,
                    markeredgewidth=_width(len(rows)))  # fmt: skip
            ticks.append(y)
            names.append(short(label, LONGEST_NAME))
            y += 1
    ax.set_yticks(ticks, names)
    for row, name in headings:
        ax.annotate(
            short(name), (0, row), (2, 0), xycoords=("axes fraction", "data"), va="center",
            textcoords="offset points", color=MUTED, fontsize=SMALL, annotation_clip=False,
        )  # fmt: skip
    ax.set_ylim(y - 0.5, -0.6)
    ax.set_xlim(-0.7, len(rows) - 0.3)
    ax.tick_params(axis="y", length=0)
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.set_xticks([])
    ax.set_xlabel(f"{len(rows)} specifications, sorted")
