"""Figures of a participant's results."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from painprint import wording
from painprint.decode.metrics import center_by
from painprint.report import figures
from painprint.report.brain_views import BrainViews
from painprint.report.figures.overview import Panel
from painprint.report.figures.sessions import days_of
from painprint.report.overlays import AnyOverlay
from painprint.report.stage_figures import importance_panel, stage_drawings
from painprint.report.svg import Drawing
from painprint.results.read import Results

MOST_ROWS = 14
"""Of importance in the composite figure."""
CENTRED = ["rating", "predicted"]
"""Columns of predictions from which the mean of a session, or run, is subtracted."""


def drawings(results: Results) -> dict[str, Drawing]:
    """Figures of the decoding and of every stage that was computed, by name."""
    unit, primary, bins = results.metrics["leave_out"], results.primary, results.bins
    tested, metrics = _at(results, primary), results.metrics["scales"][primary]
    without = "" if metrics["centred_r"] is None else f" without the mean of their {unit}"
    within = results.metrics["within_session"]["r"]
    return {
        "overview": _overview(results),
        "months": Drawing(
            f"Median and quartiles over {bins.noun}s of rating and held-out prediction in each "
            "session, and the quality rating of its BOLD",
            partial(
                figures.plot_months, tested, _sessions(results), results.bold_quality, scale=primary
            ),
        ),
        "timeline": Drawing(
            f"Rating and held-out prediction of each session, {bins.noun} by {bins.noun}",
            partial(figures.plot_session_traces, tested, results.per_session, scale=primary),
        ),
        **{
            f"scatter{scale}": Drawing(
                f"Held-out prediction against rating, {what}", _scatter(results, scale)
            )
            for scale, what in (
                (primary, f"{bins.noun}s{without}"),
                ("session", "means of sessions"),
            )
        },
        "calibrationheldout": Drawing(
            f"Rating against held-out prediction of each {bins.noun}: the line has a slope of "
            f"{wording.number(metrics['slope'])}; 1 is calibrated",
            _calibration(results),
        ),
        "roc": Drawing(
            f"ROC curve of the prediction for ratings above the median, {bins.at}",
            partial(figures.plot_roc, results.roc, metrics, scale=primary),
        ),
        "sessions": Drawing(
            f"Correlation within each {unit}",
            partial(figures.plot_sessions, results.per_session, within, unit=unit, scale=primary),
        ),
        **stage_drawings(results),
    }


def _at(results: Results, scale: str) -> pd.DataFrame:
    """Predictions at one scale."""
    return results.predictions[results.predictions["scale"] == scale]


def _sessions(results: Results) -> pd.DataFrame:
    """The table of sessions, which has a column ``session`` even where it is empty."""
    rows = results.audit["sessions"]
    return pd.DataFrame(rows, columns=list(rows[0]) if rows else ["session"])


def _scatter(results: Results, scale: str) -> Panel:
    """Prediction against rating: at the primary scale both without the mean of what was held out,
    as in the r that is reported, where that is defined."""
    rows, metrics = _at(results, scale), results.metrics["scales"][scale]
    is_centred = scale == results.primary and metrics["centred_r"] is not None
    unit = results.metrics["leave_out"] if is_centred else None
    days = days_of(_sessions(results), rows["session"].fillna("n/a").astype(str).tolist())
    if unit is not None:
        of_unit = ["session"] if unit == "session" else ["session", "task", "run"]
        group = np.asarray(rows.groupby(of_unit, sort=False, dropna=False).ngroup(), np.int64)
        rows = rows.assign(
            **{name: center_by(rows[name].to_numpy(float), group) for name in CENTRED}
        )
    return partial(figures.plot_observed_predicted, rows, metrics, days=days, centred_by=unit)


def _calibration(results: Results) -> Panel:
    return partial(
        figures.plot_calibration,
        _at(results, results.primary),
        results.per_session,
        results.metrics["scales"][results.primary],
        unit=results.metrics["leave_out"],
        scale=results.primary,
    )


def _overview(results: Results) -> Drawing:
    """The composite figure: what a paper shows of one person."""
    unit, primary = results.metrics["leave_out"], results.primary
    wide = partial(figures.plot_timeline, _at(results, primary), leave_out=unit, scale=primary)
    panels: list[Panel] = [_scatter(results, primary), _calibration(results)]
    centred = results.metrics["scales"][primary]["centred_r"]
    said = ["time courses", "held-out prediction against rating", "calibration"]
    if "null" in results.stage_tables and centred is not None:
        null = results.stage_tables["null"]
        panels.append(partial(figures.plot_null, null, "within", primary, "centred_r", unit=unit))
        said.append("permutation null")
    importance = importance_panel(results, MOST_ROWS)
    if importance is not None:
        panels.append(importance)
        said.append("importance")
    letters = ", ".join(f"{letter}: {what}" for letter, what in zip("abcde", said, strict=False))
    return Drawing(f"Overview. {letters}", partial(figures.plot_overview, wide, panels))


def brain_drawings(
    views: BrainViews, painted: Sequence[AnyOverlay], known: Collection[str] = ()
) -> dict[str, Drawing]:
    """Figures of every overlay on the brain, by name: cortex and subcortical regions.

    Parameters
    ----------
    known : collection of str
        Names of figures that were drawn before, if any were: there are no others, and the views,
        which take seconds, are not made.
    """
    drawn = {}
    for overlay in painted:
        for name, part, where in (
            ("brain", "cortex", "on the cortex"),
            ("subcortex", "subcortex", "of subcortical regions, in a glass brain"),
        ):
            figure = f"{name}{overlay.name}"
            if figure in known if known else getattr(views, part):
                draw = partial(_draw_views, views, part, overlay)
                drawn[figure] = Drawing(f"{overlay.title} {where}", draw)
    return drawn


def _draw_views(views: BrainViews, part: str, overlay: AnyOverlay) -> Axes:
    """Draw the views of a part of the brain, which are made when they are needed."""
    return figures.plot_views(getattr(views, part), overlay)
