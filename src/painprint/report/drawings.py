"""Figures of a participant's results."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd

from painprint import wording
from painprint.report import figures
from painprint.report.brain_views import BrainViews
from painprint.report.overlays import AnyOverlay
from painprint.report.stage_figures import stage_drawings
from painprint.report.svg import Drawing
from painprint.results.read import Results


def drawings(results: Results) -> dict[str, Drawing]:
    """Figures of the decoding and of every stage that was computed, by name."""
    unit, scales = results.metrics["leave_out"], results.metrics["scales"]
    primary, bins = results.primary, results.bins
    by_scale = {scale: rows for scale, rows in results.predictions.groupby("scale", sort=False)}
    tested = by_scale[primary]
    sessions = pd.DataFrame(results.audit["sessions"], columns=_session_columns(results))
    within = results.metrics["within_session"]["r"]
    scatters = {
        f"scatter{scale}": Drawing(
            f"Held-out prediction against rating, {figures.SCALE_NAMES[scale]}",
            partial(figures.plot_observed_predicted, by_scale[scale], scales[scale]),
        )
        for scale in scales
    }
    return {
        "months": Drawing(
            "Ratings of all sessions over time, with the quality of their BOLD",
            partial(figures.plot_months, tested, sessions, results.bold_quality, scale=primary),
        ),
        "timeline": Drawing(
            f"Rating and held-out prediction, {bins.noun} by {bins.noun}",
            partial(figures.plot_timeline, tested, leave_out=unit, scale=primary),
        ),
        "traces": Drawing(
            "Rating and held-out prediction of each session",
            partial(figures.plot_session_traces, tested, results.per_session, scale=primary),
        ),
        **scatters,
        "calibrationheldout": Drawing(
            f"Rating against held-out prediction of each {bins.noun}: the line has a slope of "
            f"{wording.number(scales[primary]['slope'])}; 1 is calibrated",
            partial(
                figures.plot_calibration,
                tested,
                results.per_session,
                scales[primary],
                unit=unit,
                scale=primary,
            ),
        ),
        "roc": Drawing("ROC curves", partial(figures.plot_roc, results.roc, scales)),
        "sessions": Drawing(
            f"Correlation within each {unit}",
            partial(figures.plot_sessions, results.per_session, within, unit=unit, scale=primary),
        ),
        "levels": Drawing(
            f"Mean rating and mean prediction of each {unit}",
            partial(figures.plot_levels, results.per_session, unit=unit),
        ),
        **stage_drawings(results),
    }


def _session_columns(results: Results) -> list[str]:
    """Columns of the table of sessions; at least ``session`` where it is empty."""
    rows = results.audit["sessions"]
    return list(rows[0]) if rows else ["session"]


def brain_drawings(views: BrainViews, painted: Sequence[AnyOverlay]) -> dict[str, Drawing]:
    """Figures of every overlay on the brain, by name: cortex, glass brain and slices."""
    drawn = {}
    for overlay in painted:
        for name, seen, where in (
            ("brain", views.cortex, "on the cortex"),
            ("glass", views.glass, "of subcortical regions, in a glass brain"),
            ("slices", views.slices, "of subcortical regions, on axial slices"),
        ):
            if seen:
                drawn[f"{name}{overlay.name}"] = Drawing(
                    f"{overlay.title} {where}", partial(figures.plot_views, seen, overlay)
                )
    return drawn


def transfer_drawing(transfer: pd.DataFrame, at: str) -> Drawing:
    """Figure of the agreement of every signature with this person's ratings.

    Parameters
    ----------
    at : str
        Where it was computed, as in :class:`~painprint.bins.BinWords`.
    """
    return Drawing(
        "Centred r of several people's signatures on this person's ratings",
        partial(figures.plot_transfer, transfer, label=f"centred r {at}"),
    )
