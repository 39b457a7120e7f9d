"""Figures: functions that take results and return Axes. They draw and compute nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from painprint.report.words import number

RATING, PREDICTED, MUTED = "#b2182b", "#2166ac", "#8a8f98"
SCALE_NAMES = {"1min": "1 min", "2min": "2 min", "run": "run", "session": "session"}

MOST_REGIONS = 20
"""Regions that a figure of importance shows: the most important ones."""

STYLE: dict[Any, Any] = {
    "font.size": 8,
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "svg.fonttype": "none",
}


def new_axes(width: float, height: float) -> Axes:
    """Axes on a figure of this size (inches), without any display."""
    return Figure(figsize=(width, height), layout="constrained").add_subplot()


def plot_timeline(
    minutes: pd.DataFrame, *, leave_out: str = "session", ax: Axes | None = None
) -> Axes:
    """Rating and held-out prediction, minute by minute, runs one after the other.

    Parameters
    ----------
    minutes : DataFrame
        Rows of predictions.tsv at the scale 1min.
    leave_out : str
        Name of what was left out.
    ax : Axes, optional
    """
    ax = ax or new_axes(7.2, 2.2)
    at, ticks, labels = 0, [], []
    bands = minutes.fillna({"session": "n/a"}).groupby("session", sort=False)
    for i, (session, rows) in enumerate(bands):
        start = at
        for _, one in rows.groupby(["task", "run"], sort=False, dropna=False):
            x = np.arange(at, at + len(one))
            first = at == 0
            ax.plot(x, one["rating"], color=RATING, label="rating" if first else None)
            ax.plot(x, one["predicted"], color=PREDICTED, label="predicted" if first else None)
            at += len(one) + 1
        if i % 2:
            ax.axvspan(start - 1, at - 1, color="#f1f3f5", zorder=0, linewidth=0)
        ticks.append((start + at - 1) / 2)
        labels.append(str(session))
    ax.set_xticks(ticks, labels, rotation=90 if len(labels) > 12 else 0)
    ax.set_xlim(-1, at)
    ax.set_xlabel("session (lines break between runs)")
    ax.set_ylabel("rating, mean per minute")
    ax.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)
    ax.set_title(
        f"predicted by models that have not seen the {leave_out}", loc="right", color=MUTED
    )
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
    ax : Axes, optional
    """
    ax = ax or new_axes(2.05, 2.2)
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


def session_colours(sessions: Sequence[Any] | pd.Series) -> list[str]:
    """A colour for each row, by the order in which sessions appear: dark is early."""
    from matplotlib import colormaps

    codes, names = pd.factorize(pd.Series(list(sessions), dtype=object).fillna("n/a"))
    shades = colormaps["viridis"](np.linspace(0, 0.9, max(len(names), 2)))
    return [to_hex(shades[code]) for code in codes]


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
    ax : Axes, optional
    """
    ax = ax or new_axes(4.1, 2.7)
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
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def plot_sessions(
    per_session: pd.DataFrame,
    mean_r: float | None,
    *,
    unit: str = "session",
    ax: Axes | None = None,
) -> Axes:
    """Correlation within each session (or run) and their mean.

    Parameters
    ----------
    per_session : DataFrame
        persession.tsv.
    mean_r : float or None
        Mean over sessions, from the metrics.
    unit : str
    ax : Axes, optional
    """
    ax = ax or new_axes(4.3, 2.7)
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
    _label_units(ax, per_session["session"], unit)
    ax.set_ylim(min(-0.25, float(np.nanmin([0, *per_session["r"]])) - 0.1), 1)
    ax.set_ylabel(f"r within {unit} (1-min bins)")
    return ax


def _label_units(ax: Axes, names: pd.Series, unit: str) -> None:
    """Name the units along x: short names in full, few long ones over several lines, else
    their number in the table."""
    labels = names.fillna("n/a").astype(str)
    x = np.arange(len(labels))
    ax.set_xlabel(unit)
    if labels.str.len().max() <= 4:
        ax.set_xticks(x, labels, rotation=90 if len(labels) > 16 else 0)
    elif len(labels) <= 6:
        ax.set_xticks(x, labels.str.replace(" ", "\n"))
    else:
        ax.set_xticks(x[:: -(-len(x) // 28)], (x + 1)[:: -(-len(x) // 28)].astype(str))
        ax.set_xlabel(f"{unit}, in the order of the table")


def plot_levels(
    per_session: pd.DataFrame, *, unit: str = "session", ax: Axes | None = None
) -> Axes:
    """Mean rating and mean prediction of each session (or run).

    Parameters
    ----------
    per_session : DataFrame
        persession.tsv.
    unit : str
    ax : Axes, optional
    """
    ax = ax or new_axes(7.2, 1.8)
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


def plot_null(
    null: pd.DataFrame, kind: str, scale: str, statistic: str, *, ax: Axes | None = None
) -> Axes:
    """Histogram of a statistic under permuted ratings, and where the observed one lies.

    Parameters
    ----------
    null : DataFrame
        null.tsv.
    kind : {"within", "between"}
    scale : str
    statistic : {"r", "centred_r"}
    ax : Axes, optional
    """
    ax = ax or new_axes(3.5, 2.2)
    rows = null[null["scale"] == scale].set_index("null")[statistic]
    ax.hist(rows.loc[[kind]].dropna(), bins=40, color="#c6cbd2")
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
    """A number per row beside that of the main analysis.

    Parameters
    ----------
    values : mapping of str to float or None
        In the order of the rows; None is shown as n/a.
    reference : float or None
        The main analysis, a dashed line.
    label : str
        Of the x axis.
    marked : sequence of str
        Rows to be drawn in another colour.
    ax : Axes, optional
    """
    ax = ax or new_axes(7.2, 0.5 + 0.22 * len(values))
    ax.axvline(0, color=MUTED, linewidth=0.8)
    if reference is not None:
        ax.axvline(reference, color=PREDICTED, linewidth=0.9, linestyle="--")
    for at, (name, value) in enumerate(values.items()):
        colour = RATING if name in marked else PREDICTED
        if value is None:
            ax.annotate("n/a", (0, at), color=MUTED, va="center")
        else:
            ax.plot([value], [at], "o", color=colour, markersize=5)
    ax.set_yticks(range(len(values)), list(values))
    ax.set_ylim(len(values) - 0.5, -0.5)
    ax.set_xlabel(label)
    return ax


def plot_reading(
    minutes: pd.DataFrame, levels: Sequence[float], level: str, *, ax: Axes | None = None
) -> Axes:
    """Predicted pain of a new session, minute by minute.

    Parameters
    ----------
    minutes : DataFrame
        Columns ``run``, ``predicted``, ``low_80`` and ``high_80`` (for level "80").
    levels : sequence of float
        Mean ratings of the person's own sessions: dotted lines.
    level : str
    ax : Axes, optional
    """
    ax = ax or new_axes(7.2, 2.8)
    for one in levels:
        ax.axhline(one, color=MUTED, linewidth=0.5, linestyle=":")
    start, ticks, names = 0, [], []
    for run in minutes["run"].unique():
        rows = minutes[minutes["run"] == run]
        at = start + np.arange(len(rows))
        low, high = (rows[f"{end}_{level}"].to_numpy(float) for end in ("low", "high"))
        if np.isfinite(low).all():
            ax.fill_between(at, low, high, color=PREDICTED, alpha=0.2, linewidth=0)
        ax.plot(at, rows["predicted"], "o-", color=PREDICTED, markersize=3)
        ticks.append(float(at.mean()))
        names.append(f"run {run:g}")
        start += len(rows) + 1
    ax.set_xticks(ticks, names)
    ax.set_xlabel("minutes of each run")
    ax.set_ylabel("predicted pain")
    return ax


def plot_motion_distance(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """How edges go with motion over runs, by the distance of their regions.

    Parameters
    ----------
    table : DataFrame
        Of the stage qcfc.
    ax : Axes, optional
    """
    ax = ax or new_axes(4.6, 2.8)
    ax.axhline(0, color=MUTED, linewidth=0.8)
    ax.fill_between(table["distance"], table["r_25"], table["r_75"], color=PREDICTED, alpha=0.2)
    ax.plot(table["distance"], table["median_r"], "o-", color=PREDICTED, markersize=4)
    ax.set_xlabel("distance of the two regions (mm)")
    ax.set_ylabel("r with motion, over runs")
    return ax


def plot_learning_curve(
    curve: pd.DataFrame, scale: str = "1min", *, ax: Axes | None = None
) -> Axes:
    """Centred r of models of so many sessions: mean over draws, and where 95 % of them lie.

    Parameters
    ----------
    curve : DataFrame
        learningcurve.tsv.
    scale : str
    ax : Axes, optional
    """
    ax = ax or new_axes(3.5, 2.3)
    rows = curve[curve["scale"] == scale]
    x = rows["n_sessions"]
    ax.axhline(0, color=MUTED, linewidth=0.8)
    ax.fill_between(x, rows["centred_r_low"], rows["centred_r_high"], color="#d1e0f0", linewidth=0)
    ax.plot(x, rows["centred_r"], "o-", color=PREDICTED, markersize=3)
    ax.set_xlabel("sessions that train")
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
    scale : str
    ax : Axes, optional
    """
    ax = ax or new_axes(3.5, 2.3)
    rows = curve[curve["scale"] == scale]
    for column, colour, label in (
        ("share_significant_centred_r", PREDICTED, "centred r, session blocks"),
        ("share_significant_r", MUTED, "r, paper's bootstrap"),
    ):
        ax.plot(rows["n_sessions"], rows[column], "o-", color=colour, markersize=3, label=label)
    ax.set_ylim(-0.03, 1.03)
    ax.set_xlabel("sessions that train")
    ax.set_ylabel("share of draws with p < .05")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)
    return ax


def plot_future(
    calibration: pd.DataFrame, columns: Mapping[str, str], goal: float, *, ax: Axes | None = None
) -> Axes:
    """How models of the past do on all later minutes.

    Parameters
    ----------
    calibration : DataFrame
        calibration.tsv.
    columns : mapping
        Column to its label.
    goal : float
        A dotted line.
    ax : Axes, optional
    """
    ax = ax or new_axes(3.5, 2.3)
    ax.axhline(goal, color=MUTED, linewidth=0.8, linestyle=":")
    for colour, (column, label) in zip((PREDICTED, RATING), columns.items(), strict=False):
        x = calibration["n_past"]
        ax.plot(x, calibration[column], "o-", color=colour, markersize=3, label=label)
    ax.set_xlabel("past sessions that train")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0, ncols=2)
    return ax


def plot_error_ahead(
    prospective: pd.DataFrame, *, unit: str = "session", ax: Axes | None = None
) -> Axes:
    """Error of models of the past against how far ahead they predict.

    Parameters
    ----------
    prospective : DataFrame
        prospective.tsv.
    unit : str
    ax : Axes, optional
    """
    ax = ax or new_axes(7.2, 2.2)
    days = prospective["days_ahead"].notna().all()
    x = prospective["days_ahead" if days else "sessions_ahead"]
    for column, colour, label in (
        ("mae_of_training_mean", "#c6cbd2", "always predicting the training mean"),
        ("mae", PREDICTED, "model of the past"),
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
    width: float = 6.0,
    ax: Axes | None = None,
) -> Axes:
    """An estimate per row, with its interval.

    Parameters
    ----------
    names : sequence of str
        Of the rows.
    rows : DataFrame
    column : str
    label : str
        Of the x axis.
    ends : (str, str) or None
        Columns of the ends of the interval; None to draw none.
    hollow : sequence of bool, optional
        Rows whose mark is open.
    width : float
        Inches.
    ax : Axes, optional
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
        face = "white" if is_open[y] else PREDICTED
        ax.plot(value, y, "o", color=PREDICTED, markerfacecolor=face, markersize=4)
    ax.set_yticks(range(len(rows)), [str(name) for name in names])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlabel(label)
    return ax


def plot_strengths(regions: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Sums of positive and of negative weights of each region's edges.

    Parameters
    ----------
    regions : DataFrame
        Rows of importance.tsv.
    ax : Axes, optional
    """
    ax = ax or new_axes(3.7, 0.8 + 0.2 * len(regions))
    y = np.arange(len(regions))
    ax.barh(y, regions["positive_strength"], color=RATING, height=0.7, label="positive weights")
    ax.barh(y, regions["negative_strength"], color=PREDICTED, height=0.7, label="negative weights")
    ax.axvline(0, color=MUTED, linewidth=0.8)
    ax.set_yticks(y, regions["region"].astype(str))
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
    ax : Axes, optional
    """
    ax = ax or new_axes(3.9, 2.9)
    drawn = ax.hexbin(
        edges["weight"], edges["structure"], gridsize=40, cmap="Blues", bins="log", mincnt=1,
        linewidths=0,
    )  # fmt: skip
    ax.axhline(0, color=MUTED, linewidth=0.6)
    ax.axvline(0, color=MUTED, linewidth=0.6)
    ax.locator_params(axis="x", nbins=4)
    ax.set_xlabel("weight (rating per unit of co-fluctuation)")
    ax.set_ylabel("structure coefficient (r)")
    colours = ax.get_figure(root=True)
    assert colours is not None  # these Axes were made for one
    colours.colorbar(drawn, ax=ax, label="edges")
    return ax


def plot_rest(rest: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Level predicted from rest against the rating of the session's first run.

    Parameters
    ----------
    rest : DataFrame
        rest.tsv.
    ax : Axes, optional
    """
    ax = ax or new_axes(5.4, 2.9)
    for model, face, label in (
        ("unseen", PREDICTED, "by the model that has not seen the session"),
        ("all sessions", "white", "by the model of all sessions (as published)"),
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


def plot_univariate(regions: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """t of every region, by network; filled where significant.

    Parameters
    ----------
    regions : DataFrame
        univariate.tsv.
    ax : Axes, optional
    """
    from painprint.settings import SIGNIFICANT

    ax = ax or new_axes(6.6, 2.5)
    place, names = pd.factorize(regions["network"].astype(object).fillna("no network"))
    order = np.argsort(place, kind="stable")
    x = np.empty(len(regions))
    x[order] = np.arange(len(regions))
    significant = (regions["q"] < SIGNIFICANT).to_numpy()
    for chosen, face, label in (
        (significant, RATING, "q < .05"),
        (~significant, "white", "not significant"),
    ):
        if chosen.any():
            ax.plot(
                x[chosen], regions["t"][chosen], "o", color=RATING if face == RATING else MUTED,
                markerfacecolor=face, markersize=3, markeredgewidth=0.7, label=label,
            )  # fmt: skip
    ax.axhline(0, color=MUTED, linewidth=0.8, linestyle=":")
    starts = [x[place == k].min() for k in range(len(names))]
    for start in starts[1:]:
        ax.axvline(start - 0.5, color="#dfe3e8", linewidth=0.6, zorder=0)
    ax.set_xticks([x[place == k].mean() for k in range(len(names))], [str(n) for n in names])
    ax.set_xlim(-1, len(regions))
    ax.set_ylabel("t across sessions")
    ax.set_xlabel("regions, by network")
    ax.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)
    return ax


def plot_transfer(minutes: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Centred r of every signature on every person, with intervals.

    Parameters
    ----------
    minutes : DataFrame
        Rows of transfer.tsv at the scale 1min; ends of intervals that mean little are missing.
    ax : Axes, optional
    """
    rows = minutes.sort_values(["person", "model"], kind="stable")
    others = (rows["model"] != rows["person"]).tolist()
    pairs = zip(rows["model"], rows["person"], strict=True)
    names = [f"{model} on {'itself' if model == person else person}" for model, person in pairs]
    return plot_estimates(
        names, rows, "centred_r", ends=("centred_r_low", "centred_r_high"), hollow=others,
        label="centred r at 1 min", ax=ax,
    )  # fmt: skip


def plot_identification(
    identified: Mapping[str, Mapping[str, Any]], *, ax: Axes | None = None
) -> Axes:
    """Share of each person's sessions that their own signature fits best, against chance.

    Parameters
    ----------
    identified : mapping
        ``identified`` of the group's metrics.
    ax : Axes, optional
    """
    ax = ax or new_axes(6.0, 0.7 + 0.28 * len(identified))
    for y, one in enumerate(identified.values()):
        ax.plot([one["low"], one["high"]], [y, y], color=PREDICTED, linewidth=1)
        ax.plot(one["share"], y, "o", color=PREDICTED, markersize=4)
        ax.plot([one["chance"]] * 2, [y - 0.35, y + 0.35], color=MUTED, linestyle=":")
    ax.set_yticks(range(len(identified)), list(identified))
    ax.set_xlim(-0.02, 1.02)
    ax.invert_yaxis()
    ax.set_xlabel("share of sessions that the own signature fits best")
    return ax
