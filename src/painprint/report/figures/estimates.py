"""Figures of estimates with their intervals: one in a row."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from painprint.report.figures.style import (
    DOUBLE,
    INK,
    LONGEST_ROW,
    MUTED,
    PALE,
    PAPER,
    PREDICTED,
    SMALL,
    new_axes,
    number,
    short,
)

Ends = tuple[str, str]
"""Columns of the ends of an interval."""
ROW = 0.2
"""Height (inches) of a row."""
LEAST, MOST = -1.0, 1.5
"""An axis goes no farther: r and its loss lie within, and a skill far below 0 would hide the rest.
"""
ROW_OF_SINGLE = 30
"""Largest number of characters of the label of a row of a narrow figure."""


def plot_estimates(
    names: Sequence[str] | pd.Series,
    rows: pd.DataFrame,
    column: str,
    *,
    label: str,
    ends: Ends | None,
    hollow: Sequence[bool] | None = None,
    width: float = DOUBLE,
    ax: Axes | None = None,
) -> Axes:
    """One estimate per row, with its interval.

    An estimate below ``LEAST`` or above ``MOST`` is an arrow at the edge of the Axes, with its
    number.

    Parameters
    ----------
    names : sequence of str
        Of the rows.
    ends : (str, str) or None
        Columns of the ends of the interval; None to draw none.
    hollow : sequence of bool, optional
        Rows with an open marker.
    width : float
        Inches.
    """
    ax = ax or new_axes(width, 0.6 + ROW * len(rows))
    ax.axvline(0, color=MUTED, linewidth=0.8, linestyle=":")
    values = rows[column].to_numpy(float)
    spans = rows[list(ends)].to_numpy(float) if ends else np.full((len(rows), 2), np.nan)
    low, high = limits(np.concatenate([values, spans.ravel()]), MOST, margin=0.04)
    beyond = False
    for y, (value, span) in enumerate(zip(values, spans, strict=True)):
        is_open = hollow is not None and hollow[y]
        beyond |= _draw_row(ax, y, value, span, limits=(low, high), is_open=is_open)
    longest = LONGEST_ROW if width == DOUBLE else ROW_OF_SINGLE
    ax.set_yticks(range(len(rows)), [short(name, longest) for name in names])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlim(low, high)
    ax.xaxis.set_major_locator(MaxNLocator(6 if width == DOUBLE else 4))
    ax.set_xlabel(f"{label}\n(cut at the edge: outside the axis)" if beyond else label)
    return ax


def plot_variants(
    names: Sequence[str],
    rows: pd.DataFrame,
    column: str,
    *,
    label: str,
    ends: Ends | None,
    flagged: Collection[str] = (),
    beside: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Estimates of variants of an analysis below that of the main analysis, which is the first row
    and a dashed line, with its interval as a band; else as :func:`plot_estimates`.

    Parameters
    ----------
    flagged : collection of str
        Rows with an open square.
    beside : str, optional
        Column of the main analysis on the same ratings as each row, shown as an upright bar.
    """
    ax = plot_estimates(
        names, rows, column, label=label, ends=ends, hollow=[n in flagged for n in names], ax=ax
    )
    if beside is not None:
        ax.plot(rows[beside], range(len(rows)), "|", color=INK, markersize=8, zorder=4)
    main = rows.iloc[0]
    ax.axvline(main[column], color=PREDICTED, linewidth=0.9, linestyle="--", zorder=0)
    if ends and np.isfinite(main[list(ends)].to_numpy(float)).all():
        ax.axvspan(*main[list(ends)], color=PALE, linewidth=0, zorder=-1)
    ax.axhline(0.5, color=INK, linewidth=0.5)
    return ax


def plot_importance(
    networks: pd.DataFrame | None,
    regions: pd.DataFrame,
    column: str,
    *,
    label: str,
    ends: Ends | None,
    ax: Axes | None = None,
) -> Axes:
    """Importance of networks and, beneath, of the most important regions, on one axis; else as
    :func:`plot_estimates`.

    Parameters
    ----------
    networks : DataFrame or None
        Rows of networkimportance.tsv, in the order to be shown; None where regions have none.
    regions : DataFrame
        Rows of importance.tsv, in the order to be shown.
    """
    names = regions["region"].tolist()
    n_networks = 0 if networks is None else len(networks)
    if networks is not None:
        counted = zip(networks["network"], networks["n_regions"], strict=True)
        names = [*(f"{name} ({n})" for name, n in counted), *names]
        regions = pd.concat([networks, regions], ignore_index=True)
    ax = plot_estimates(names, regions, column, label=label, ends=ends, ax=ax)
    if n_networks:
        ax.axhline(n_networks - 0.5, color=INK, linewidth=0.5)
        for y, what in ((-0.4, "networks"), (n_networks - 0.4, "regions")):
            ax.annotate(
                what, (1, y), (3, 0), xycoords=("axes fraction", "data"), rotation=90, va="top",
                textcoords="offset points", color=MUTED, fontsize=SMALL, annotation_clip=False,
            )  # fmt: skip
    return ax


def _draw_row(
    ax: Axes,
    y: float,
    value: float,
    span: NDArray[np.float64],
    *,
    limits: tuple[float, float],
    is_open: bool,
) -> bool:
    """Draw an estimate; whether it, or its interval, goes beyond the limits."""
    if np.isnan(value):
        ax.annotate("n/a", (0, y), (4, 0), textcoords="offset points", color=MUTED, va="center",
                    fontsize=SMALL)  # fmt: skip
        return False
    if np.isfinite(span).all():
        ax.plot(span, [y, y], color=PREDICTED, linewidth=1)
    low, high = limits
    if low <= value <= high:
        mark, face = ("s", PAPER) if is_open else ("o", PREDICTED)
        ax.plot(value, y, mark, color=PREDICTED, markerfacecolor=face, markersize=4)
        return bool(np.nanmin([*span, low]) < low or np.nanmax([*span, high]) > high)
    is_low = value < low
    ax.plot(low if is_low else high, y, "<" if is_low else ">", color=PREDICTED, clip_on=False)
    ax.annotate(
        number(value), (low if is_low else high, y), (7 if is_low else -7, 0), va="center",
        textcoords="offset points", ha="left" if is_low else "right", fontsize=SMALL,
    )  # fmt: skip
    return True


def limits(values: NDArray[np.float64], most: float, *, margin: float) -> tuple[float, float]:
    """Limits of an axis of estimates and ends of intervals: with 0, never beyond ``LEAST`` and
    ``most``, and with a margin that is a share of their range."""
    known = np.clip(np.append(values[np.isfinite(values)], 0.0), LEAST, most)
    width = margin * (float(np.ptp(known)) or 1.0)
    return float(known.min() - width), float(known.max() + width)
