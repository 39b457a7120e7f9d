"""Figures of ratings and their held-out predictions over sessions and within them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from painprint.bins import BIN_WORDS
from painprint.report.figures.style import (
    BAND,
    DOUBLE,
    LARGE,
    MUTED,
    PREDICTED,
    QUALITY_MARKS,
    RATING,
    SMALL,
    figure_of,
    legend_above,
    new_axes,
    number,
    short,
)

LINES: dict[str, dict[str, Any]] = {"1min": {}, "event": {"marker": "o", "markersize": 2}}
"""How a run is drawn at each primary scale: a run of one event is a line without length."""
TRACES = (("rating", "mean_rating", RATING, 1.5), ("predicted", "mean_predicted", PREDICTED, 0.9))
"""Columns of the bins and of their means, the colour of both, and widths of lines that are told
apart in grey."""
DASHED = (0, (2, 2))
CHARACTER = 0.065
"""Width (inches) of a character of a tick label, and a little."""


def plot_timeline(
    tested: pd.DataFrame,
    *,
    leave_out: str = "session",
    scale: str = "1min",
    ax: Axes | None = None,
) -> Axes:
    """Rating and held-out prediction (predictions.tsv at the primary scale), bin by bin, runs one
    after the other."""
    ax = ax or new_axes(DOUBLE, 2.2)
    at, ticks, labels = 0, [], []
    bands = tested.fillna({"session": "n/a"}).groupby("session", sort=False)
    for i, (session, rows) in enumerate(bands):
        start, at = at, _draw_runs(ax, rows, scale, start=at, gap=1)
        if i % 2:
            ax.axvspan(start - 1, at - 1, color=BAND, zorder=0, linewidth=0)
        ticks.append((start + at - 1) / 2)
        labels.append(short(session))
    label_sessions(ax, ticks, labels)
    ax.set_xlim(-1, at)
    ax.set_xlabel(
        f"session (n = {len(labels)}; {len(tested)} {BIN_WORDS[scale].noun}s; lines break between "
        "runs)"
    )
    ax.set_ylabel(BIN_WORDS[scale].axis)
    legend_above(ax, ncols=2, handles=_entries(f"prediction (held-out {leave_out})"))
    return ax


def _draw_runs(ax: Axes, rows: pd.DataFrame, scale: str, *, start: int, gap: int) -> int:
    """Draw rating and prediction, run by run; the place after the last run and its gap."""
    for _, run in rows.groupby(["task", "run"], sort=False, dropna=False):
        x = np.arange(start, start + len(run))
        for column, _, colour, width in TRACES:
            ax.plot(x, run[column], color=colour, linewidth=width, **LINES[scale])
        start += len(run) + gap
    return start


def _entries(prediction: str) -> list[Line2D]:
    """Entries of a legend: of the rating, and of the prediction under this name."""
    return [
        Line2D([], [], color=colour, linewidth=width, label=label)
        for label, (_, _, colour, width) in zip(("rating", prediction), TRACES, strict=True)
    ]


def plot_session_traces(
    tested: pd.DataFrame,
    per_session: pd.DataFrame,
    *,
    scale: str = "1min",
    figure: Figure | None = None,
) -> list[Axes]:
    """Rating and held-out prediction of each session (predictions.tsv at the primary scale): one
    panel per session, with both means and the r within it (persession.tsv), where sessions were
    held out."""
    rows_of = tested.assign(session=tested["session"].fillna("n/a").astype(str))
    sessions = {str(name): rows for name, rows in rows_of.groupby("session", sort=False)}
    means = per_session.assign(session=per_session["session"].astype(str))
    known = {str(row["session"]): row for row in means.to_dict(orient="records")}
    n_columns = min(_n_columns(len(sessions)), len(sessions))
    n_rows = -(-len(sessions) // n_columns)
    if figure is None:
        height = 0.9 + (0.9 if n_columns < 10 else 0.62) * n_rows
        figure = Figure(figsize=(DOUBLE, height), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False).ravel()
    longest = int(DOUBLE / n_columns / CHARACTER) - 5
    for ax, (name, rows) in zip(panels, sessions.items(), strict=False):
        ax.set_title(short(name, longest), loc="left", fontsize=SMALL)
        if name in known:
            for _, mean, colour, _ in TRACES:
                ax.axhline(known[name][mean], color=colour, linewidth=0.8, linestyle=DASHED)
            said = number(known[name]["r"])
            ax.set_title(f"r = {said}" if n_columns < 7 else said, loc="right", fontsize=SMALL)
        _draw_runs(ax, rows, scale, start=1, gap=0)
    _finish_panels(figure, list(panels), len(sessions), n_columns)
    noun = BIN_WORDS[scale].noun
    figure.supxlabel(
        f"{noun} of the session (n = {len(tested)} {noun}s; lines break between runs)",
        fontsize=LARGE,
    )
    figure.supylabel("rating", fontsize=LARGE)
    return list(panels[: len(sessions)])


def _n_columns(n_sessions: int) -> int:
    """Panels in a row: few and large for few sessions, a compact grid for many."""
    return next(n for n, most in ((4, 12), (7, 35), (10, n_sessions)) if n_sessions <= most)


def _finish_panels(figure: Figure, panels: list[Axes], n: int, n_columns: int) -> None:
    """Ticks at the edges of the grid only, a legend, and no empty panels."""
    for number_of_panel, ax in enumerate(panels[:n]):
        ax.xaxis.set_major_locator(MaxNLocator(2, integer=True))
        ax.yaxis.set_major_locator(MaxNLocator(3))
        lowest = number_of_panel + n_columns >= n
        ax.tick_params(labelbottom=lowest, labelleft=number_of_panel % n_columns == 0)
    for ax in panels[n:]:
        ax.remove()
    means = Line2D([], [], color=MUTED, linewidth=0.8, linestyle=DASHED, label="their means")
    handles = [*_entries("held-out prediction"), means]
    figure.legend(handles=handles, loc="outside upper left", ncols=3)


def plot_months(
    tested: pd.DataFrame,
    sessions: pd.DataFrame,
    quality: pd.DataFrame,
    *,
    scale: str = "1min",
    ax: Axes | None = None,
) -> Axes:
    """Median and quartiles, in each session, of the rating and of its held-out prediction
    (predictions.tsv at the primary scale), and the quality of its BOLD.

    Parameters
    ----------
    sessions : DataFrame
        Columns ``session`` and, where known, ``days`` since the first.
    quality : DataFrame
        Contents of quality.tsv; a session has the quality rating of its worst run.
    """
    ax = ax or new_axes(DOUBLE, 2.4)
    rows_of = tested.assign(session=tested["session"].fillna("n/a").astype(str))
    names = list(rows_of["session"].unique())
    x = np.arange(1.0, len(names) + 1)
    for (column, _, colour, _), shift, mark in zip(TRACES, (-0.17, 0.17), ("o", "D"), strict=True):
        values = rows_of.groupby("session", sort=False)[column]
        first, third = values.quantile(0.25), values.quantile(0.75)
        ax.vlines(x + shift, first, third, color=colour, linewidth=1.6)
        label = "rating" if column == "rating" else "held-out prediction"
        ax.plot(x + shift, values.median(), mark, color=colour, markersize=3.5, label=label)
    low, high = ax.get_ylim()
    _mark_quality(ax, quality, names, low - 0.08 * (high - low))
    days = days_of(sessions, names)
    labels = names if days is None else [f"{n}\n({d:g})" for n, d in zip(names, days, strict=True)]
    label_sessions(ax, x.tolist(), labels)
    ax.set_xlim(0.3, len(names) + 0.7)
    said = "" if days is None else ", and days since the first"
    ax.set_xlabel(f"session{said} (n = {len(names)})")
    ax.set_ylabel(BIN_WORDS[scale].axis)
    legend_above(ax, ncols=5)
    return ax


def _mark_quality(ax: Axes, quality: pd.DataFrame, names: Sequence[str], at: float) -> None:
    """A mark of the worst quality rating of each session, with an entry in the legend."""
    runs = quality.assign(session=quality["session"].fillna("n/a").astype(str))
    levels = {rating: level for level, rating in enumerate(QUALITY_MARKS)}
    worst = runs["quality_rating"].map(levels).groupby(runs["session"]).max()
    for rating, (shade, mark) in QUALITY_MARKS.items():
        x = [place for place, name in enumerate(names, 1) if worst.get(name) == levels[rating]]
        if x:
            label = f"BOLD: {rating}"
            ax.plot(x, [at] * len(x), mark, color=shade, markersize=4.5, label=label)


def days_of(sessions: pd.DataFrame, names: Sequence[str]) -> list[float] | None:
    """Days of sessions since the first; None unless known of every one.

    Parameters
    ----------
    sessions : DataFrame
        Columns ``session`` and, where known, ``days``.
    names : sequence of str
        Of sessions, ``n/a`` for the one without a name.
    """
    if "days" not in sessions:
        return None
    known = dict(zip(sessions["session"].fillna("n/a").astype(str), sessions["days"], strict=True))
    days = [float(known[name]) for name in names if pd.notna(known.get(name))]
    return days if len(days) == len(names) else None


def label_sessions(ax: Axes, ticks: Sequence[float], labels: Sequence[str]) -> None:
    """Label the sessions on the x axis: all, or every so many that no two labels touch."""
    longest = max(len(line) for label in labels for line in label.split("\n"))
    room = (figure_of(ax).get_figwidth() - 0.8) / len(labels)
    step = int(np.ceil((longest + 1) * CHARACTER / room))
    ax.set_xticks(list(ticks[::step]), list(labels[::step]))
    if step > 1:
        ax.set_xticks(list(ticks), minor=True)
