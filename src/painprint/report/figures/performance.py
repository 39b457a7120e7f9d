"""Figures of the agreement of ratings with their held-out predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.ticker import MaxNLocator

from painprint.bins import BIN_WORDS
from painprint.report.figures.sessions import label_sessions
from painprint.report.figures.style import (
    INK,
    MUTED,
    PAPER,
    PREDICTED,
    SCALE_NAMES,
    SINGLE,
    SMALL,
    figure_of,
    legend_above,
    new_axes,
    number,
)
from painprint.report.scales import IN_TIME

MARGIN = 0.04
"""Of the axes of a scatter, as a share of the range of its points."""
LONGEST_UNIT = 6
"""Largest number of characters of a session's name on an axis; else its number stands there."""


def plot_observed_predicted(
    rows: pd.DataFrame,
    metrics: Mapping[str, Any],
    *,
    days: Sequence[float] | None = None,
    centred_by: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Rating against held-out prediction at one scale, coloured by session, on equal axes.

    Parameters
    ----------
    rows : DataFrame
        Rows of predictions.tsv at that scale; centred already where ``centred_by`` is given.
    metrics : mapping
        Metrics of that scale.
    days : sequence of float, optional
        Day of the session of each row, since the first; the colours are then in days, else in the
        order of the sessions.
    centred_by : str, optional
        Unit whose means were subtracted from rating and prediction.
    """
    ax = ax or new_axes(SINGLE, 2.9)
    codes, _ = pd.factorize(rows["session"].astype(object).fillna("n/a"))
    shades = codes + 1 if days is None else np.asarray(days, float)
    drawn = ax.scatter(
        rows["predicted"], rows["rating"], s=9, c=shades, cmap=IN_TIME, alpha=0.8, linewidths=0
    )
    ends = _square(ax, rows[["rating", "predicted"]].to_numpy(float))
    ax.plot(ends, ends, color=MUTED, linewidth=0.8, linestyle=":")
    scale = str(rows["scale"].iloc[0])
    name = f"{centred_by}-centred r" if centred_by else "r"
    ax.set_title(f"{name} = {number(metrics['centred_r' if centred_by else 'r'])}", loc="left")
    minus = f" − {centred_by} mean" if centred_by else ""
    what = "session mean" if scale == "session" else SCALE_NAMES[scale]
    ax.set_xlabel(f"held-out prediction{minus} ({what}, n = {len(rows)})")
    ax.set_ylabel(f"rating{minus}")
    label = "session, in order" if days is None else "days since the first session"
    bar = figure_of(ax).colorbar(
        ScalarMappable(drawn.norm, IN_TIME), ax=ax, label=label, shrink=0.8, aspect=25,
        ticks=MaxNLocator(5, integer=True),
    )  # fmt: skip
    bar.outline.set_visible(False)
    return ax


def _square(ax: Axes, points: Any) -> tuple[float, float]:
    """Equal limits on both axes, and as many ticks."""
    margin = MARGIN * (float(np.ptp(points)) or 1.0)
    ends = (float(points.min()) - margin, float(points.max()) + margin)
    ax.set_xlim(ends)
    ax.set_ylim(ends)
    ax.set_aspect("equal")
    ax.locator_params(nbins=5)
    return ends


def plot_calibration(
    tested: pd.DataFrame,
    per_session: pd.DataFrame,
    metrics: Mapping[str, Any],
    *,
    unit: str = "session",
    scale: str = "1min",
    ax: Axes | None = None,
) -> Axes:
    """Rating against held-out prediction: bins (predictions.tsv at the primary scale), means of
    sessions (persession.tsv), and the calibration line."""
    ax = ax or new_axes(SINGLE, 3.7)
    ax.scatter(
        tested["predicted"], tested["rating"], s=5, c=MUTED, alpha=0.9, linewidths=0,
        label=BIN_WORDS[scale].noun,
    )  # fmt: skip
    ax.plot(
        per_session["mean_predicted"], per_session["mean_rating"], "o", color=INK, markersize=4.5,
        markerfacecolor=PAPER, markeredgewidth=0.9, label=f"{unit} mean",
    )  # fmt: skip
    ends = _square(ax, tested[["predicted", "rating"]].to_numpy(float))
    ax.plot(ends, ends, color=INK, linewidth=0.8, linestyle=":", label="calibrated: slope 1")
    slope, intercept = metrics["slope"], metrics["intercept"]
    if slope is not None:
        x = np.array([tested["predicted"].min(), tested["predicted"].max()])
        label = f"least squares: slope {number(slope)}"
        ax.plot(x, intercept + slope * x, color=PREDICTED, linewidth=1.8, label=label)
    ax.set_xlabel(f"held-out prediction ({SCALE_NAMES[scale]}, n = {len(tested)})")
    ax.set_ylabel(BIN_WORDS[scale].axis)
    legend_above(ax, ncols=2)
    return ax


def plot_roc(
    roc: pd.DataFrame, metrics: Mapping[str, Any], *, scale: str = "1min", ax: Axes | None = None
) -> Axes:
    """ROC curve of the prediction for a rating above the median, at the primary scale (roc.tsv)."""
    ax = ax or new_axes(SINGLE, 2.9)
    rows = roc[roc["scale"] == scale]
    ax.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=":")
    ax.plot(rows["false_positive_rate"], rows["true_positive_rate"], color=PREDICTED)
    ax.set_aspect("equal")
    ax.set_title(f"AUC = {number(metrics['auc'])}", loc="left")
    ax.set_xlabel(f"1 − specificity ({SCALE_NAMES[scale]}, n = {metrics['n']})")
    ax.set_ylabel("sensitivity")
    return ax


def plot_sessions(
    per_session: pd.DataFrame,
    mean_r: float | None,
    *,
    unit: str = "session",
    scale: str = "1min",
    ax: Axes | None = None,
) -> Axes:
    """Correlation within each session or run (persession.tsv) and their mean, from the metrics."""
    ax = ax or new_axes(SINGLE, 2.9)
    x = np.arange(len(per_session))
    ax.axhline(0, color=MUTED, linewidth=0.8)
    ax.vlines(x, 0, per_session["r"], color=MUTED, linewidth=1)
    ax.plot(x, per_session["r"], "o", color=PREDICTED, markersize=4)
    if mean_r is not None:
        ax.axhline(mean_r, color=PREDICTED, linewidth=0.9, linestyle="--")
        ax.annotate(
            f"mean\n{number(mean_r)}", (1, mean_r), (3, 0), textcoords="offset points",
            xycoords=("axes fraction", "data"), va="center", color=PREDICTED, fontsize=SMALL,
            annotation_clip=False,
        )  # fmt: skip
    else:
        where = f"undefined in every {unit}"
        ax.annotate(where, (0.5, 0.5), xycoords="axes fraction", ha="center", color=MUTED)
    _label_units(ax, per_session["session"], unit)
    ax.set_ylim(min(-0.25, float(np.nanmin([0, *per_session["r"]])) - 0.1), 1.04)
    ax.set_ylabel(f"r within {unit} ({BIN_WORDS[scale].bins})")
    return ax


def _label_units(ax: Axes, names: pd.Series, unit: str) -> None:
    """Label the units on the x axis: short names in full, long names by their number in the
    table."""
    labels = names.fillna("n/a").astype(str).tolist()
    are_short = max(map(len, labels)) <= LONGEST_UNIT
    shown = labels if are_short else [str(place) for place in range(1, len(labels) + 1)]
    label_sessions(ax, range(len(labels)), shown)
    order = "" if are_short else ", in the order of the table"
    ax.set_xlabel(f"{unit}{order} (n = {len(labels)})")
