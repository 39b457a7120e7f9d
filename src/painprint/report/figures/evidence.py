"""Figures of the stages of evidence."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from painprint.report.figures.sessions import label_sessions
from painprint.report.figures.style import (
    DOUBLE,
    FILL,
    INK,
    MUTED,
    PALE,
    PAPER,
    PREDICTED,
    SCALE_NAMES,
    SINGLE,
    SMALL,
    legend_above,
    new_axes,
    number,
)
from painprint.wording import span_of_counts


def plot_null(
    null: pd.DataFrame,
    kind: str,
    scale: str,
    statistic: str,
    *,
    unit: str = "session",
    ax: Axes | None = None,
) -> Axes:
    """Histogram of a statistic under permuted ratings, and the observed value (null.tsv).

    Parameters
    ----------
    kind : {"within", "between"}
    statistic : {"r", "centred_r"}
    """
    ax = ax or new_axes(SINGLE, 2.3)
    rows = null[null["scale"] == scale].set_index("null")[statistic]
    permuted = rows.loc[[kind]].dropna()
    ax.hist(permuted, bins=40, color=FILL)
    observed = float(rows["observed"])
    ax.axvline(observed, color=PREDICTED)
    ax.annotate(
        f"observed {number(observed)}", (observed, 1), (0, 2), xycoords=("data", "axes fraction"),
        textcoords="offset points", ha="center", va="bottom", color=PREDICTED, fontsize=SMALL,
        annotation_clip=False,
    )  # fmt: skip
    name = f"{unit}-centred r" if statistic == "centred_r" else "r"
    ax.set_xlabel(f"{name} ({SCALE_NAMES[scale]})")
    ax.set_ylabel(f"permutations (n = {len(permuted)})")
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.locator_params(axis="x", nbins=6)
    return ax


def plot_learning_curve(
    curve: pd.DataFrame, scale: str = "1min", *, ax: Axes | None = None
) -> Axes:
    """Centred r by number of training sessions (learningcurve.tsv): mean over draws, and range of
    95 % of them."""
    ax = ax or new_axes(SINGLE, 2.3)
    rows = curve[curve["scale"] == scale]
    x = rows["n_sessions"]
    ax.axhline(0, color=MUTED, linewidth=0.8)
    ax.fill_between(x, rows["centred_r_low"], rows["centred_r_high"], color=PALE, linewidth=0)
    ax.plot(x, rows["centred_r"], "o-", color=PREDICTED, markersize=3)
    _count_draws(ax, rows)
    ax.set_ylabel(f"centred r ({SCALE_NAMES[scale]})")
    return ax


def plot_prior_curve(curve: pd.DataFrame, scale: str = "1min", *, ax: Axes | None = None) -> Axes:
    """Centred r by number of training sessions, with and without a prior (priorcurve.tsv): means
    over draws."""
    ax = ax or new_axes(SINGLE, 2.3)
    ax.axhline(0, color=MUTED, linewidth=0.8)
    for model, line, colour, label in (
        ("both", "o-", PREDICTED, "with the prior"),
        ("own", "D--", MUTED, "own sessions alone"),
    ):
        rows = curve[curve["model"] == model]
        ax.plot(
            rows["n_sessions"], rows["centred_r"], line, color=colour, markersize=3, label=label
        )
    _count_draws(ax, curve)
    ax.set_ylabel(f"centred r ({SCALE_NAMES[scale]})")
    legend_above(ax, ncols=2)
    return ax


def plot_significant_draws(
    curve: pd.DataFrame, scale: str = "1min", *, ax: Axes | None = None
) -> Axes:
    """Share of significant draws by number of sessions (learningcurve.tsv)."""
    ax = ax or new_axes(SINGLE, 2.3)
    rows = curve[curve["scale"] == scale]
    for column, line, colour, label in (
        ("share_significant_centred_r", "o-", PREDICTED, "centred r, session blocks"),
        ("share_significant_r", "D--", MUTED, "r, bootstrap of Lee et al. (2026)"),
    ):
        ax.plot(rows["n_sessions"], rows[column], line, color=colour, markersize=3, label=label)
    ax.set_ylim(-0.03, 1.03)
    _count_draws(ax, rows)
    ax.set_ylabel("share of draws with p < .05")
    legend_above(ax, ncols=1)
    return ax


def _count_draws(ax: Axes, rows: pd.DataFrame) -> None:
    """Label the x axis of a learning curve, with the number of draws at each point."""
    ax.set_xlabel(f"training sessions (n = {span_of_counts(rows['n_draws'])} draws each)")
    ax.xaxis.set_major_locator(MaxNLocator(8, integer=True))


FARTHEST = 2.0
"""Distance from the ideal value at which the axis of agreement ends; arrows are beyond it."""


def plot_future(
    calibration: pd.DataFrame,
    columns: Mapping[str, str],
    goal: float,
    *,
    unit: str = "session",
    ax: Axes | None = None,
) -> Axes:
    """Agreement of models of past sessions with later bins (calibration.tsv), with intervals where
    there are any.

    Parameters
    ----------
    columns : mapping
        Column to its label; at most two. Its interval is drawn, where there is one.
    goal : float
        Ideal value, shown as a dotted line.
    """
    ax = ax or new_axes(SINGLE, 2.5)
    ax.axhline(goal, color=MUTED, linewidth=0.8, linestyle=":")
    past = calibration["n_past"].to_numpy(float)
    bottom, top = goal - FARTHEST, goal + FARTHEST
    shift = 0.08 * (len(columns) - 1)
    for side, form, colour, column in zip((-1, 1), "oD", (PREDICTED, INK), columns, strict=False):
        x = past + side * shift
        values, low, high = (
            calibration[name].to_numpy(float)
            for name in (column, f"{column}_low", f"{column}_high")
        )
        is_shown = (bottom <= values) & (values <= top)
        shown = np.where(is_shown, values, np.nan)
        ax.plot(x, shown, f"{form}-", color=colour, markersize=3, label=columns[column])
        ax.vlines(x, low.clip(bottom, top), high.clip(bottom, top), color=colour, linewidth=0.8)
        for beyond, edge, arrow in ((values > top, top, "^"), (values < bottom, bottom, "v")):
            at = np.full(beyond.sum(), edge)
            ax.plot(x[beyond], at, arrow, color=colour, markersize=4, clip_on=False)
    pairs = zip(calibration["n_past"], calibration["n_test"], strict=True)
    label_sessions(ax, past.tolist(), [f"{a}\n({b})" for a, b in pairs])
    ax.set_xlabel(f"past {unit}s in training (and {unit}s tested)")
    if len(columns) > 1:
        legend_above(ax, ncols=2)
    else:
        ax.set_ylabel(next(iter(columns.values())))
    return ax


def plot_error_ahead(
    prospective: pd.DataFrame, *, unit: str = "session", ax: Axes | None = None
) -> Axes:
    """Error of models of past sessions against the time between training and test
    (prospective.tsv)."""
    ax = ax or new_axes(DOUBLE, 2.3)
    days = prospective["days_ahead"].notna().all()
    x = prospective["days_ahead" if days else "sessions_ahead"]
    for column, mark, colour, label in (
        ("mae_of_training_mean", "x", MUTED, "always predicting the training mean"),
        ("mae", "o", PREDICTED, f"model of past {unit}s"),
    ):
        ax.plot(
            x, prospective[column], mark, color=colour, markersize=3, markeredgewidth=0.7,
            label=label,
        )  # fmt: skip
    ahead = "days" if days else f"{unit}s"
    ax.set_xlabel(f"{ahead} ahead (n = {len(prospective)} predictions of a {unit})")
    ax.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    ax.set_ylabel("mean absolute error (rating)")
    ax.set_ylim(bottom=0)
    legend_above(ax, ncols=2)
    return ax


def plot_rest(rest: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Mean prediction at rest against the mean rating of the session's first run (rest.tsv)."""
    ax = ax or new_axes(SINGLE, 3.0)
    for model, face, label in (
        ("unseen", PREDICTED, "by the model trained without the session"),
        ("all sessions", PAPER, "by the model of all sessions (as published)"),
    ):
        rows = rest[rest["model"] == model]
        ax.plot(
            rows["rating_first_run"], rows["predicted"], "o", color=PREDICTED,
            markerfacecolor=face, markersize=4, label=label,
        )  # fmt: skip
    n = int((rest["model"] == "unseen").sum())
    ax.set_xlabel(f"mean rating of the session's first run (n = {n})")
    ax.set_ylabel("mean prediction at rest (rating)")
    legend_above(ax, ncols=1)
    return ax


def plot_motion_distance(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Correlation of edges with motion over runs, by the distance between their regions
    (qcfc.tsv)."""
    ax = ax or new_axes(SINGLE, 2.3)
    ax.axhline(0, color=MUTED, linewidth=0.8)
    ax.fill_between(table["distance"], table["r_25"], table["r_75"], color=PALE, linewidth=0)
    ax.plot(table["distance"], table["median_r"], "o-", color=PREDICTED, markersize=4)
    ax.set_xlabel(f"distance of the two regions (mm; n = {table['n_edges'].sum():,} edges)")
    ax.set_ylabel("r of edge and motion, over runs")
    return ax
