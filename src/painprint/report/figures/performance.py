"""Figures of ratings and their held-out predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from scipy.stats import gaussian_kde

from painprint.bins import BIN_WORDS
from painprint.report.figures.style import (
    BAND,
    DOUBLE,
    INK,
    MUTED,
    PAPER,
    PREDICTED,
    QUALITY_MARKS,
    RATING,
    SCALE_NAMES,
    SINGLE,
    new_axes,
    short,
)
from painprint.wording import number

LINES: dict[str, dict[str, Any]] = {"1min": {}, "event": {"marker": "o", "markersize": 2}}
"""How a run is drawn at each primary scale: a run of one event is a line without length."""


def plot_timeline(
    tested: pd.DataFrame,
    *,
    leave_out: str = "session",
    scale: str = "1min",
    ax: Axes | None = None,
) -> Axes:
    """Rating and held-out prediction, bin by bin, runs one after the other.

    Parameters
    ----------
    tested : DataFrame
        Rows of predictions.tsv at the primary scale.
    leave_out : str
        Unit that was held out.
    scale : str
        The primary scale.
    """
    ax = ax or new_axes(DOUBLE, 2.2)
    at, ticks, labels = 0, [], []
    bands = tested.fillna({"session": "n/a"}).groupby("session", sort=False)
    for i, (session, rows) in enumerate(bands):
        start = at
        for _, run in rows.groupby(["task", "run"], sort=False, dropna=False):
            x = np.arange(at, at + len(run))
            first = at == 0
            for name, colour in (("rating", RATING), ("predicted", PREDICTED)):
                label = name if first else None
                ax.plot(x, run[name], color=colour, label=label, **LINES[scale])
            at += len(run) + 1
        if i % 2:
            ax.axvspan(start - 1, at - 1, color=BAND, zorder=0, linewidth=0)
        ticks.append((start + at - 1) / 2)
        labels.append(short(session))
    ax.set_xticks(ticks, labels, rotation=90 if len(labels) > 12 else 0)
    ax.set_xlim(-1, at)
    ax.set_xlabel("session (lines break between runs)")
    ax.set_ylabel(BIN_WORDS[scale].axis)
    ax.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)
    ax.set_title(f"predicted by models trained without the {leave_out}", loc="right", color=MUTED)
    return ax


def plot_observed_predicted(
    rows: pd.DataFrame, metrics: Mapping[str, Any], *, ax: Axes | None = None
) -> Axes:
    """Prediction against rating at one scale, coloured by session.

    Parameters
    ----------
    rows : DataFrame
        Rows of predictions.tsv at that scale.
    metrics : mapping
        Metrics of that scale.
    """
    ax = ax or new_axes(SINGLE, 2.9)
    colours = session_colours(rows["session"])
    ax.scatter(rows["rating"], rows["predicted"], s=9, c=colours, alpha=0.75, linewidths=0)
    both = rows[["rating", "predicted"]].to_numpy()
    ends = [both.min(), both.max()]
    ax.plot(ends, ends, color=MUTED, linewidth=0.8, linestyle=":")
    ax.set_aspect("equal", adjustable="datalim")
    ax.locator_params(nbins=4)
    scale = SCALE_NAMES[str(rows["scale"].iloc[0])]
    ax.set_title(f"{scale}: r = {number(metrics['r'])}, n = {metrics['n']}")
    ax.set_xlabel("rating")
    ax.set_ylabel("predicted")
    return ax


def plot_calibration(
    tested: pd.DataFrame,
    per_session: pd.DataFrame,
    metrics: Mapping[str, Any],
    *,
    unit: str = "session",
    scale: str = "1min",
    ax: Axes | None = None,
) -> Axes:
    """Rating against held-out prediction: bins, means of sessions, and the calibration line.

    Parameters
    ----------
    tested : DataFrame
        Rows of predictions.tsv at the primary scale.
    per_session : DataFrame
        persession.tsv.
    metrics : mapping
        Metrics of the primary scale, for the line.
    scale : str
        The primary scale.
    """
    ax = ax or new_axes(SINGLE, 3.7)
    both = tested[["predicted", "rating"]].to_numpy(float)
    margin = 0.04 * (float(np.ptp(both)) or 1.0)
    ends = (float(both.min()) - margin, float(both.max()) + margin)
    ax.scatter(
        tested["predicted"], tested["rating"], s=5, c=MUTED, alpha=0.9, linewidths=0,
        label=BIN_WORDS[scale].noun,
    )  # fmt: skip
    ax.plot(
        per_session["mean_predicted"], per_session["mean_rating"], "o", color=INK, markersize=4.5,
        markerfacecolor=PAPER, markeredgewidth=0.9, label=f"{unit} mean",
    )  # fmt: skip
    ax.plot(ends, ends, color=INK, linewidth=0.8, linestyle=":", label="calibrated: slope 1")
    slope, intercept = metrics["slope"], metrics["intercept"]
    if slope is not None:
        x = np.array([tested["predicted"].min(), tested["predicted"].max()])
        label = f"least squares: slope {number(slope)}"
        ax.plot(x, intercept + slope * x, color=PREDICTED, linewidth=1.8, label=label)
    ax.set_xlim(ends)
    ax.set_ylim(ends)
    ax.set_aspect("equal")
    ax.locator_params(nbins=5)
    ax.set_xlabel(f"held-out prediction, {SCALE_NAMES[scale]}")
    ax.set_ylabel(BIN_WORDS[scale].axis)
    ax.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)
    return ax


def plot_roc(
    roc: pd.DataFrame, scales: Mapping[str, Mapping[str, Any]], *, ax: Axes | None = None
) -> Axes:
    """ROC curves of predicted for rating above the median.

    Parameters
    ----------
    roc : DataFrame
        roc.tsv.
    scales : mapping
        Metrics by scale.
    """
    ax = ax or new_axes(SINGLE, 2.9)
    ax.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=":")
    for shade, (scale, rows) in zip(
        ("#08306b", "#2171b5", "#6baed6", "#b2182b"), roc.groupby("scale", sort=False), strict=False
    ):
        ax.plot(
            rows["false_positive_rate"],
            rows["true_positive_rate"],
            color=shade,
            label=f"{SCALE_NAMES[str(scale)]}: AUC {number(scales[str(scale)]['auc'])}",
        )
    ax.set_aspect("equal")
    ax.set_xlabel("1 - specificity")
    ax.set_ylabel("sensitivity")
    ax.legend(loc="lower right")
    return ax


def plot_sessions(
    per_session: pd.DataFrame,
    mean_r: float | None,
    *,
    unit: str = "session",
    scale: str = "1min",
    ax: Axes | None = None,
) -> Axes:
    """Correlation within each session (or run) and their mean.

    Parameters
    ----------
    per_session : DataFrame
        persession.tsv.
    mean_r : float or None
        Mean over sessions, from the metrics.
    scale : str
        The primary scale.
    """
    ax = ax or new_axes(SINGLE, 2.9)
    x = np.arange(len(per_session))
    ax.axhline(0, color=MUTED, linewidth=0.8)
    ax.vlines(x, 0, per_session["r"], color=MUTED, linewidth=1)
    ax.scatter(x, per_session["r"], s=18, c=session_colours(per_session["session"]), zorder=3)
    if mean_r is not None:
        ax.axhline(mean_r, color=PREDICTED, linewidth=0.9, linestyle="--")
        ax.annotate(
            f"mean {number(mean_r)}",
            (1, mean_r),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="bottom",
            color=PREDICTED,
            fontsize=7,
        )
    else:
        where = f"undefined in every {unit}"
        ax.annotate(where, (0.5, 0.5), xycoords="axes fraction", ha="center", color=MUTED)
    _label_units(ax, per_session["session"], unit)
    ax.set_ylim(min(-0.25, float(np.nanmin([0, *per_session["r"]])) - 0.1), 1)
    ax.set_ylabel(f"r within {unit} ({BIN_WORDS[scale].bins})")
    return ax


def plot_levels(
    per_session: pd.DataFrame, *, unit: str = "session", ax: Axes | None = None
) -> Axes:
    """Mean rating and mean prediction of each session (or run).

    Parameters
    ----------
    per_session : DataFrame
        persession.tsv.
    """
    ax = ax or new_axes(DOUBLE, 1.8)
    x = np.arange(len(per_session))
    ax.plot(x, per_session["mean_rating"], "o-", color=RATING, markersize=4, label="mean rating")
    ax.plot(
        x,
        per_session["mean_predicted"],
        "o-",
        color=PREDICTED,
        markersize=4,
        label="mean predicted",
    )
    _label_units(ax, per_session["session"], unit)
    ax.set_ylabel("rating")
    ax.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)
    return ax


def session_colours(sessions: Sequence[Any] | pd.Series) -> list[str]:
    """A colour for each row, by the order in which sessions appear: dark is early."""
    from matplotlib import colormaps

    codes, names = pd.factorize(pd.Series(list(sessions), dtype=object).fillna("n/a"))
    shades = colormaps["viridis"](np.linspace(0, 0.9, max(len(names), 2)))
    return [to_hex(shades[code]) for code in codes]


def _label_units(ax: Axes, names: pd.Series, unit: str) -> None:
    """Label the units on the x axis: short names in full, few long names on several lines, else
    by their number in the table."""
    labels = names.fillna("n/a").astype(str)
    x = np.arange(len(labels))
    ax.set_xlabel(unit)
    if labels.str.len().max() <= 4:
        ax.set_xticks(x, labels, rotation=90 if len(labels) > 16 else 0)
    elif len(labels) <= 6:
        ax.set_xticks(x, ["\n".join(map(short, label.split(" "))) for label in labels])
    else:
        ax.set_xticks(x[:: -(-len(x) // 28)], (x + 1)[:: -(-len(x) // 28)].astype(str))
        ax.set_xlabel(f"{unit}, in the order of the table")


def plot_months(
    tested: pd.DataFrame,
    sessions: pd.DataFrame,
    quality: pd.DataFrame,
    *,
    scale: str = "1min",
    ax: Axes | None = None,
) -> Axes:
    """Distribution of the ratings and quality of the BOLD of all sessions, over time.

    Parameters
    ----------
    tested : DataFrame
        Rows of predictions.tsv at the primary scale.
    sessions : DataFrame
        Columns ``session`` and, where known, ``days`` since the first.
    quality : DataFrame
        Contents of quality.tsv; a session has the quality rating of its worst run.
    scale : str
        The primary scale.
    """
    ax = ax or new_axes(DOUBLE, 2.4)
    names = tested["session"].fillna("n/a").astype(str)
    known = sessions.assign(session=sessions["session"].fillna("n/a").astype(str))
    days = dict(zip(known["session"], known["days"], strict=True)) if "days" in known else {}
    timed = all(pd.notna(days.get(name)) for name in names.unique())
    worst = quality.assign(session=quality["session"].fillna("n/a").astype(str))
    position = {
        name: float(days[name]) if timed else i + 1.0 for i, name in enumerate(names.unique())
    }
    x = np.array(list(position.values()))
    width = 0.95 * float(np.median(np.diff(np.sort(x)))) if len(x) > 1 else 1.0
    lowest = float(tested["rating"].min())
    for name, at in position.items():
        ratings = tested.loc[names == name, "rating"].to_numpy(float)
        if len(ratings) > 1 and np.ptp(ratings) > 0:
            density = gaussian_kde(ratings)
            y = np.linspace(ratings.min(), ratings.max(), 60)
            ridge = density(y) / density(y).max() * max(width, 0.5)
            ax.fill_betweenx(y, at, at + ridge, color=RATING, alpha=0.3, linewidth=0)
            ax.plot([at, *(at + ridge), at], [y[0], *y, y[-1]], color=RATING, linewidth=0.7)
        ax.plot(at, ratings.mean(), "o", color=RATING, markersize=3.5)
    below = lowest - 0.1 * (float(tested["rating"].max()) - lowest or 1.0)
    for name, at in position.items():
        run_ratings = set(worst.loc[worst["session"] == name, "quality_rating"])
        rating = next((level for level in reversed(QUALITY_MARKS) if level in run_ratings), None)
        if rating is not None:
            shade, mark = QUALITY_MARKS[rating]
            ax.plot(at, below, mark, color=shade, markersize=5)
    for rating, (shade, mark) in QUALITY_MARKS.items():
        if rating in set(worst["quality_rating"]):
            ax.plot([], [], mark, color=shade, markersize=5, label=f"BOLD: {rating}")
    ax.plot([], [], "o", color=RATING, markersize=3.5, label="mean rating")
    ax.legend(ncols=4, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)
    ax.set_xlabel("days since the first session" if timed else "session, in order")
    ax.set_ylabel(f"rating, by {BIN_WORDS[scale].noun}")
    return ax


def plot_session_traces(
    tested: pd.DataFrame,
    per_session: pd.DataFrame,
    *,
    scale: str = "1min",
    figure: Figure | None = None,
) -> list[Axes]:
    """Rating and prediction of each session, one panel per session, with the r within it.

    Parameters
    ----------
    tested : DataFrame
        Rows of predictions.tsv at the primary scale.
    per_session : DataFrame
        persession.tsv.
    scale : str
        The primary scale.

    Returns
    -------
    panels : list of Axes
    """
    rows_of = tested.assign(session=tested["session"].fillna("n/a").astype(str))
    sessions = {str(name): rows for name, rows in rows_of.groupby("session", sort=False)}
    r_of_session = dict(zip(per_session["session"].astype(str), per_session["r"], strict=True))
    n_columns = min(7 if len(sessions) > 18 else 6, len(sessions))
    n_rows = -(-len(sessions) // n_columns)
    if figure is None:
        figure = Figure(figsize=(DOUBLE, 0.6 + 0.85 * n_rows), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, sharey=True, squeeze=False).ravel()
    for ax, (name, rows) in zip(panels, sessions.items(), strict=False):
        at = 0
        for _, run in rows.groupby(["task", "run"], sort=False, dropna=False):
            x = np.arange(at, at + len(run))
            ax.plot(x, run["rating"], color=RATING, linewidth=1, **LINES[scale])
            ax.plot(x, run["predicted"], color=PREDICTED, linewidth=1, **LINES[scale])
            at += len(run) + 1
        ax.set_title(f"{name}: r = {number(r_of_session[name])}" if name in r_of_session else name)
        ax.set_xticks([])
    for ax in panels[len(sessions) :]:
        ax.remove()
    figure.supxlabel(f"{BIN_WORDS[scale].noun}s (lines break between runs)", fontsize=8)
    figure.supylabel("rating", fontsize=8)
    return list(panels[: len(sessions)])
