"""Which figures a participant's results give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import pandas as pd

from painprint.report import figures, words
from painprint.report.brain_views import BrainViews
from painprint.report.overlays import AnyOverlay
from painprint.report.svg import Draw
from painprint.results.read import Results

MOST_REGIONS = 20
"""Regions that a figure of importance shows: the most important ones."""


@dataclass(frozen=True)
class Drawing:
    """A figure to be drawn.

    Attributes
    ----------
    what : str
        What is seen, for those who cannot see it.
    draw : callable
        Gives its Axes.
    """

    what: str
    draw: Draw


def drawings(results: Results) -> dict[str, Drawing]:
    """Figures of the decoding and of every stage that was done, by name."""
    unit, scales = results.metrics["leave_out"], results.metrics["scales"]
    by_scale = {scale: rows for scale, rows in results.predictions.groupby("scale", sort=False)}
    minutes = by_scale["1min"]
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
            partial(figures.plot_months, minutes, sessions, results.bold_quality),
        ),
        "timeline": Drawing(
            "Rating and held-out prediction, minute by minute",
            partial(figures.plot_timeline, minutes, leave_out=unit),
        ),
        "traces": Drawing(
            "Rating and held-out prediction of each session",
            partial(figures.plot_session_traces, minutes, results.per_session),
        ),
        **scatters,
        "calibrationheldout": Drawing(
            "Rating against held-out prediction of each minute: the line has slope "
            f"{words.number(scales['1min']['slope'])}, calibrated is 1",
            partial(
                figures.plot_calibration, minutes, results.per_session, scales["1min"], unit=unit
            ),
        ),
        "roc": Drawing("ROC curves", partial(figures.plot_roc, results.roc, scales)),
        "sessions": Drawing(
            f"Correlation within each {unit}",
            partial(figures.plot_sessions, results.per_session, within, unit=unit),
        ),
        "levels": Drawing(
            f"Mean rating and mean prediction of each {unit}",
            partial(figures.plot_levels, results.per_session, unit=unit),
        ),
        **_of_tests(results),
        **_of_carriers(results),
        **_of_others(results),
    }


def _session_columns(results: Results) -> list[str]:
    """Columns of the table of sessions, which has at least their names."""
    rows = results.audit["sessions"]
    return list(rows[0]) if rows else ["session"]


def brain_drawings(views: BrainViews, painted: Sequence[AnyOverlay]) -> dict[str, Drawing]:
    """Figures of every overlay on the brain, by name: cortex, glass brain and slices."""
    found = {}
    for overlay in painted:
        for name, seen, where in (
            ("brain", views.cortex, "on the cortex"),
            ("glass", views.glass, "in the depth, through a glass brain"),
            ("slices", views.slices, "in the depth, on horizontal slices"),
        ):
            if seen:
                found[f"{name}{overlay.name}"] = Drawing(
                    f"{overlay.title} {where}", partial(figures.plot_views, seen, overlay)
                )
    return found


def transfer_drawing(transfer: pd.DataFrame) -> Drawing:
    """Every signature on this person's ratings."""
    return Drawing(
        "Centred r of several people's signatures on this person's ratings",
        partial(figures.plot_transfer, transfer),
    )


def _of_tests(results: Results) -> dict[str, Drawing]:
    """Figures of chance, controls, amounts of data and the future."""
    tables, drawn = results.findings, {}
    minute, unit = results.metrics["scales"]["1min"], results.metrics["leave_out"]
    if "null" in tables:
        for kind, scale, statistic in (
            ("within", "1min", "centred_r"),
            ("between", "session", "r"),
        ):
            drawn[f"null{kind}"] = Drawing(
                f"What permuted ratings give, and the true ones ({kind})",
                partial(figures.plot_null, tables["null"], kind, scale, statistic),
            )
    if "controls" in tables:
        controls = results.metrics["stages"]["controls"]
        verdicts = {name: v for name, v in controls.items() if name != "not_done"}
        drawn["controls"] = Drawing(
            "Centred r with each control removed",
            partial(
                figures.plot_dots,
                {name: verdict["centred_r_removed"] for name, verdict in verdicts.items()},
                reference=minute["centred_r"],
                label="centred r at 1 min with the control removed; dashed: as decoded",
                marked=[name for name, verdict in verdicts.items() if verdict["flagged"]],
            ),
        )
    if "refits" in tables:
        refits = tables["refits"].query("scale == '1min'").set_index("variant")["centred_r"]
        drawn["refits"] = Drawing(
            "Centred r when something is changed",
            partial(
                figures.plot_dots,
                {str(k): None if r != r else float(r) for k, r in refits.items()},
                reference=minute["centred_r"],
                label="centred r at 1 min; dashed: as decoded",
            ),
        )
    if "learningcurve" in tables:
        curve = tables["learningcurve"]
        drawn["curve"] = Drawing(
            "Centred r against number of sessions", partial(figures.plot_learning_curve, curve)
        )
        drawn["curveshare"] = Drawing(
            "Share of significant draws against number of sessions",
            partial(figures.plot_significant_draws, curve),
        )
    if "calibration" in tables:
        of_past = tables["calibration"]
        drawn["future"] = Drawing(
            "How models of the past do later",
            partial(figures.plot_future, of_past, {"centred_r": "centred r", "skill": "skill"}, 0),
        )
        drawn["calibration"] = Drawing(
            "Slope of later ratings over their prediction",
            partial(figures.plot_future, of_past, {"slope": "slope"}, 1),
        )
        drawn["ahead"] = Drawing(
            "Error against how far ahead is predicted",
            partial(figures.plot_error_ahead, tables["prospective"], unit=unit),
        )
    return drawn


def _estimates(
    results: Results,
    rows: pd.DataFrame,
    names: Sequence[str] | pd.Series,
    column: str,
    ends: tuple[str, str],
    *,
    label: str,
    width: float = figures.DOUBLE,
) -> Draw:
    """Estimates with their intervals, where there are groups enough for any."""
    enough = results.metrics["n_groups"] >= words.FEW_GROUPS
    return partial(
        figures.plot_estimates, names, rows, column,
        label=label, ends=ends if enough else None, width=width,
    )  # fmt: skip


def _of_carriers(results: Results) -> dict[str, Drawing]:
    """Figures of regions, networks and edges."""
    tables, unit = results.findings, results.metrics["leave_out"]
    drawn: dict[str, Drawing] = {}
    centred = ("importance_centred", ("centred_low", "centred_high"))
    loss = f"importance: mean loss of {unit}-centred r at 1 min"
    regions = tables.get("importance")
    if regions is not None and regions[centred[0]].notna().any():
        top = regions.nlargest(MOST_REGIONS, centred[0])
        drawn["importance"] = Drawing(
            "The most important regions",
            _estimates(results, top, top["region"], *centred, label=loss),
        )
        drawn["strength"] = Drawing("Weights of their edges", partial(figures.plot_strengths, top))
        drawn["structure"] = Drawing(
            "Structure coefficients against weights",
            partial(figures.plot_structure, tables["structure"]),
        )
        drawn["importancebynetwork"] = Drawing(
            "Importance of all regions, by network",
            partial(figures.plot_by_network, regions, centred[0], label="loss of centred r"),
        )
        if "networkimportance" in tables:
            rows = tables["networkimportance"].sort_values(centred[0], ascending=False)
            counted = zip(rows["network"], rows["n_regions"], strict=True)
            names = [f"{network} ({n})" for network, n in counted]
            drawn["networkimportance"] = Drawing(
                "Importance of networks", _estimates(results, rows, names, *centred, label=loss)
            )
    if "networkweights" in tables and tables["networkweights"]["mean_weight"].notna().any():
        drawn["networkweights"] = Drawing(
            "Mean weight between networks",
            partial(figures.plot_network_weights, tables["networkweights"]),
        )
    if "univariate" in tables:
        drawn["univariate"] = Drawing(
            "Activity that follows the rating, by region",
            partial(figures.plot_univariate, tables["univariate"]),
        )
    return drawn


def _of_others(results: Results) -> dict[str, Drawing]:
    """Figures of rest, of other methods and signatures, and of motion."""
    tables, unit = results.findings, results.metrics["leave_out"]
    drawn: dict[str, Drawing] = {}
    if "rest" in tables:
        drawn["rest"] = Drawing(
            "Prediction at rest against the rating that followed",
            partial(figures.plot_rest, tables["rest"]),
        )
    if "baselines" in tables:
        others = tables["baselines"].query("scale == '1min' and method != 'painprint'")
        for key, what in (("centred_r", f"{unit}-centred r"), ("skill", "skill")):
            label = f"difference in {what} at 1 min"
            drawn[f"baselines{key.replace('_', '')}"] = Drawing(
                f"Comparison models: {label}",
                _estimates(
                    results, others, others["method"], f"d_{key}",
                    (f"d_{key}_low", f"d_{key}_high"), label=label, width=figures.SINGLE,
                ),
            )  # fmt: skip
    if "external" in tables:
        scored = tables["external"].query("scale == '1min'")
        drawn["external"] = Drawing(
            "Centred r of other signatures",
            _estimates(
                results, scored, scored["signature"], "centred_r",
                ("centred_r_low", "centred_r_high"), label=f"{unit}-centred r at 1 min",
            ),
        )  # fmt: skip
    if "qcfc" in tables and tables["qcfc"]["distance"].notna().any():
        drawn["qcfc"] = Drawing(
            "Correlation of edges with motion, by distance",
            partial(figures.plot_motion_distance, tables["qcfc"]),
        )
    return drawn
