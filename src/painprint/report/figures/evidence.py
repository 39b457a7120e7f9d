"""Figures of the stages of evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from painprint.report.figures.style import (
    DOUBLE,
    FILL,
    LONGEST_ROW,
    MUTED,
    PALE,
    PAPER,
    PREDICTED,
    RATING,
    SCALE_NAMES,
    SINGLE,
    new_axes,
    short,
)
from painprint.wording import number


def plot_null(
    null: pd.DataFrame, kind: str, scale: str, statistic: str, *, ax: Axes | None = None
) -> Axes:
    """Histogram of a statistic under permuted ratings, and the observed value.

    Parameters
    ----------
    null : DataFrame
        null.tsv.
    kind : {"within", "between"}
    statistic : {"r", "centred_r"}
    """
    ax = ax or new_axes(SINGLE, 2.2)
    rows = null[null["scale"] == scale].set_index("null")[statistic]
    ax.hist(rows.loc[[kind]].dropna(), bins=40, color=FILL)
    ax.axvline(float(rows["observed"]), color=PREDICTED)
    name = "centred r" if statistic == "centred_r" else "r"
    ax.annotate(
        f"observed {number(float(rows['observed']))}",
        (float(rows["observed"]), 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, 2),
        textcoords="offset points",
        ha="center",
        va="bottom",
        color=PREDICTED,
        fontsize=7,
        annotation_clip=False,
    )
    ax.set_xlabel(f"{name}, {SCALE_NAMES[scale]}")
    ax.set_ylabel("permutations")
    ax.set_title(kind, loc="left", color=MUTED)
    return ax


def plot_dots(
    values: Mapping[str, float | None],
    *,
    reference: float | None,
    label: str,
    marked: Sequence[str] = (),
    ax: Axes | None = None,
) -> Axes:
    """One value per row, and that of the main analysis as reference.

    Parameters
    ----------
    values : mapping of str to float or None
        In the order of the rows; None is shown as n/a.
    reference : float or None
        Value of the main analysis, shown as a dashed line.
    label : str
        Of the x axis.
    marked : sequence of str
        Rows drawn in another colour.
    """
    ax = ax or new_axes(DOUBLE, 0.5 + 0.22 * len(values))
    ax.axvline(0, color=MUTED, linewidth=0.8)
    if reference is not None:
        ax.axvline(reference, color=PREDICTED, linewidth=0.9, linestyle="--")
    for at, (name, value) in enumerate(values.items()):
        colour = RATING if name in marked else PREDICTED
        if value is None:
            ax.annotate("n/a", (0, at), color=MUTED, va="center")
        else:
            ax.plot([value], [at], "o", color=colour, markersize=5)
    ax.set_yticks(range(len(values)), [short(name, LONGEST_ROW) for name in values])
    ax.set_ylim(len(values) - 0.5, -0.5)
    ax.set_xlabel(label)
    return ax


def plot_learning_curve(
    curve: pd.DataFrame, scale: str = "1min", *, ax: Axes | None = None
) -> Axes:
    """Centred r by number of training sessions: mean over draws, and range of 95 % of them.

    Parameters
    ----------
    curve : DataFrame
        learningcurve.tsv.
    """
    ax = ax or new_axes(SINGLE, 2.3)
    rows = curve[curve["scale"] == scale]
    x = rows["n_sessions"]
    ax.axhline(0, color=MUTED, linewidth=0.8)
    ax.fill_between(x, rows["centred_r_low"], rows["centred_r_high"], color=PALE, linewidth=0)
    ax.plot(x, rows["centred_r"], "o-", color=PREDICTED, markersize=3)
    ax.set_xlabel("training sessions")
    ax.set_ylabel(f"centred r, {SCALE_NAMES[scale]}")
    return ax


def plot_significant_draws(
    curve: pd.DataFrame, scale: str = "1min", *, ax: Axes | None = None
) -> Axes:
    """Share of significant draws by number of sessions.

    Parameters
    ----------
    curve : DataFrame
        learningcurve.tsv.
    """
    ax = ax or new_axes(SINGLE, 2.3)
    rows = curve[curve["scale"] == scale]
    for column, colour, label in (
        ("share_significant_centred_r", PREDICTED, "centred r, session blocks"),
        ("share_significant_r", MUTED, "r, paper's bootstrap"),
    ):
        ax.plot(rows["n_sessions"], rows[column], "o-", color=colour, markersize=3, label=label)
    ax.set_ylim(-0.03, 1.03)
    ax.set_xlabel("training sessions")
    ax.set_ylabel("share of draws with p < .05")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)
    return ax


def plot_future(
    calibration: pd.DataFrame, columns: Mapping[str, str], goal: float, *, ax: Axes | None = None
) -> Axes:
    """Agreement of models of past sessions with all later bins.

    Parameters
    ----------
    calibration : DataFrame
        calibration.tsv.
    columns : mapping
        Column to its label.
    goal : float
        Ideal value, shown as a dotted line.
    """
    ax = ax or new_axes(SINGLE, 2.3)
    ax.axhline(goal, color=MUTED, linewidth=0.8, linestyle=":")
    for colour, (column, label) in zip((PREDICTED, RATING), columns.items(), strict=False):
        x = calibration["n_past"]
        ax.plot(x, calibration[column], "o-", color=colour, markersize=3, label=label)
    ax.set_xlabel("past sessions in training")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0, ncols=2)
    return ax


def plot_error_ahead(
    prospective: pd.DataFrame, *, unit: str = "session", ax: Axes | None = None
) -> Axes:
    """Error of models of past sessions against the time between training and test.

    Parameters
    ----------
    prospective : DataFrame
        prospective.tsv.
    """
    ax = ax or new_axes(DOUBLE, 2.2)
    days = prospective["days_ahead"].notna().all()
    x = prospective["days_ahead" if days else "sessions_ahead"]
    for column, colour, label in (
        ("mae_of_training_mean", FILL, "always predicting the training mean"),
        ("mae", PREDICTED, "model of past sessions"),
    ):
        ax.scatter(x, prospective[column], s=8, c=colour, linewidths=0, label=label)
    ax.set_xlabel("days ahead" if days else f"{unit}s ahead")
    ax.set_ylabel("mean absolute error")
    ax.set_ylim(bottom=0)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0, ncols=2)
    return ax


def plot_estimates(
    names: Sequence[str] | pd.Series,
    rows: pd.DataFrame,
    column: str,
    *,
    label: str,
    ends: tuple[str, str] | None,
    hollow: Sequence[bool] | None = None,
    width: float = DOUBLE,
    ax: Axes | None = None,
) -> Axes:
    """One estimate per row, with its interval.

    Parameters
    ----------
    names : sequence of str
        Of the rows.
    label : str
        Of the x axis.
    ends : (str, str) or None
        Columns of the ends of the interval; None to draw none.
    hollow : sequence of bool, optional
        Rows with an open marker.
    width : float
        Inches.
    """
    ax = ax or new_axes(width, 0.6 + 0.2 * len(rows))
    ax.axvline(0, color=MUTED, linewidth=0.8, linestyle=":")
    spans = rows[list(ends)].to_numpy(float) if ends else np.full((len(rows), 2), np.nan)
    is_open = [False] * len(rows) if hollow is None else hollow
    for y, (value, span) in enumerate(zip(rows[column], spans, strict=True)):
        if value != value:
            ax.annotate("n/a", (0, y), (4, 0), textcoords="offset points", color=MUTED, va="center")
            continue
        if np.isfinite(span).all():
            ax.plot(span, [y, y], color=PREDICTED, linewidth=1)
        face = PAPER if is_open[y] else PREDICTED
        ax.plot(value, y, "o", color=PREDICTED, markerfacecolor=face, markersize=4)
    ax.set_yticks(range(len(rows)), [short(name) for name in names])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlabel(label)
    return ax


def plot_rest(rest: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Mean prediction at rest against the mean rating of the session's first run.

    Parameters
    ----------
    rest : DataFrame
        rest.tsv.
    """
    ax = ax or new_axes(SINGLE, 2.9)
    for model, face, label in (
        ("unseen", PREDICTED, "by the model trained without the session"),
        ("all sessions", PAPER, "by the model of all sessions (as published)"),
    ):
        rows = rest[rest["model"] == model]
        ax.plot(
            rows["rating_first_run"], rows["predicted"], "o", color=PREDICTED,
            markerfacecolor=face, markersize=4, label=label,
        )  # fmt: skip
    ax.set_xlabel("mean rating of the session's first run")
    ax.set_ylabel("mean prediction at rest")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)
    return ax


def plot_motion_distance(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Correlation of edges with motion over runs, by the distance between their regions.

    Parameters
    ----------
    table : DataFrame
        Contents of qcfc.tsv.
    """
    ax = ax or new_axes(SINGLE, 2.3)
    ax.axhline(0, color=MUTED, linewidth=0.8)
    ax.fill_between(table["distance"], table["r_25"], table["r_75"], color=PREDICTED, alpha=0.2)
    ax.plot(table["distance"], table["median_r"], "o-", color=PREDICTED, markersize=4)
    ax.set_xlabel("distance of the two regions (mm)")
    ax.set_ylabel("r with motion, over runs")
    return ax
