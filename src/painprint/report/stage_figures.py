"""Figures of each stage of evidence, with their captions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd

from painprint import wording
from painprint.report import figures
from painprint.report.svg import Draw, Drawing
from painprint.results.conclusion import primary_metrics
from painprint.results.read import Results

MOST_REGIONS = 20
"""Number of regions, the most important ones, in figures of importance."""

Drawings = dict[str, Drawing]


def stage_drawings(results: Results) -> Drawings:
    """Figures of every stage that was computed, by name."""
    drawn: Drawings = {}
    for stage, _ in results.answered():
        drawn |= drawings_of_stage(stage.name, results)
    return drawn


def drawings_of_stage(name: str, results: Results) -> Drawings:
    """Figures of one stage, by name, in the order of the page."""
    return STAGE_FIGURES[name](results) if name in STAGE_FIGURES else {}


def _has_centred_r(results: Results) -> bool:
    """Whether the centred r at the primary scale is defined."""
    return primary_metrics(results.metrics)["centred_r"] is not None


def _null(results: Results) -> Drawings:
    table, unit = results.stage_tables["null"], results.metrics["leave_out"]
    observed = table[table["null"] == "observed"].set_index("scale").notna()
    return {
        f"null{kind}": Drawing(
            f"Null distribution from permuted ratings, and the observed value ({kind})",
            partial(figures.plot_null, table, kind, scale, statistic),
            f"Grey: permuted ratings. Blue: observed ratings. {caption}",
        )
        for kind, scale, statistic, caption in (
            ("within", results.primary, "centred_r",
             f"{unit.capitalize()}-centred r, ratings permuted within {unit}s."),
            ("between", "session", "r", f"r, ratings permuted between {unit}s."),
        )
        if observed.loc[scale, statistic]
    }  # fmt: skip


def _confounds(results: Results) -> Drawings:
    numbers = results.metrics["stages"]["confounds"]
    verdicts = {name: verdict for name, verdict in numbers.items() if name != "not_done"}
    unit, at = results.metrics["leave_out"], results.bins.at
    if not _has_centred_r(results):
        return {}
    return {
        "confounds": Drawing(
            "Centred r with each confound removed",
            partial(
                figures.plot_dots,
                {name: verdict["centred_r_removed"] for name, verdict in verdicts.items()},
                reference=primary_metrics(results.metrics)["centred_r"],
                label=f"centred r {at} with the confound removed; dashed: as decoded",
                marked=[name for name, verdict in verdicts.items() if verdict["flagged"]],
            ),
            f"{unit.capitalize()}-centred r {at} when a confound is partialled out. Red: flagged.",
        )
    }


def _sensitivity(results: Results) -> Drawings:
    table = results.stage_tables["sensitivity"]
    if not _has_centred_r(results):
        return {}
    tested = table[table["scale"] == results.primary].set_index("variant")["centred_r"]
    return {
        "sensitivity": Drawing(
            "Centred r in the sensitivity analyses",
            partial(
                figures.plot_dots,
                {str(name): None if r != r else float(r) for name, r in tested.items()},
                reference=primary_metrics(results.metrics)["centred_r"],
                label=f"centred r {results.bins.at}; dashed: as decoded",
            ),
        )
    }


def _learning_curve(results: Results) -> Drawings:
    curve = results.stage_tables["learningcurve"]
    r_of_curve = {
        "curve": Drawing(
            "Centred r against number of sessions",
            partial(figures.plot_learning_curve, curve, results.primary),
            "Mean over draws, and the range of 95% of them.",
        )
    }
    return {
        **(r_of_curve if _has_centred_r(results) else {}),
        "curveshare": Drawing(
            "Share of significant draws against number of sessions",
            partial(figures.plot_significant_draws, curve, results.primary),
            "Share of draws that are significant (p < .05, positive) by two bootstraps; neither is "
            "a permutation test.",
        ),
    }


def _prospective(results: Results) -> Drawings:
    calibration, unit = results.stage_tables["calibration"], results.metrics["leave_out"]
    drawn: Drawings = {}
    if len(calibration):
        n_test, n_bins = calibration["n_test"].iloc[0], calibration["n_bins"].iloc[0]
        test_set = f"the last {wording.plural(n_test, unit)} ({n_bins} {results.bins.noun}s)"
        drawn["future"] = Drawing(
            "Agreement of models of past sessions with the last ratings",
            partial(
                figures.plot_future, calibration, {"centred_r": "centred r", "skill": "skill"}, 0
            ),
            f"Agreement of models of the first {unit}s with the same test set: {test_set}.",
        )
        drawn["calibration"] = Drawing(
            "Slope of later ratings on their prediction",
            partial(figures.plot_future, calibration, {"slope": "slope"}, 1),
            "The same models and test set: slope of the rating on the prediction; 1 is calibrated, "
            "below 1 predictions are over-dispersed.",
        )
    drawn["ahead"] = Drawing(
        "Prediction error against time since training",
        partial(figures.plot_error_ahead, results.stage_tables["prospective"], unit=unit),
        f"Each later {unit}, predicted by the model of each number of past {unit}s.",
        wide=True,
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
    """Estimates, with their intervals where there are enough groups for them."""
    enough = _enough(results)
    return partial(
        figures.plot_estimates, names, rows, column,
        label=label, ends=ends if enough else None, width=width,
    )  # fmt: skip


def _enough(results: Results) -> bool:
    """Whether there are enough groups for an interval."""
    return bool(results.metrics["n_groups"] >= wording.FEW_GROUPS)


def _importance(results: Results) -> Drawings:
    tables, unit = results.stage_tables, results.metrics["leave_out"]
    drawn: Drawings = {}
    centred = ("importance_centred", ("centred_low", "centred_high"))
    loss = f"importance: mean loss of {unit}-centred r {results.bins.at}"
    by_blocks = f" Lines: 95% interval by blocks of {unit}s" if _enough(results) else ""
    regions = tables["importance"]
    if regions[centred[0]].notna().any():
        if "networkimportance" in tables:
            rows = tables["networkimportance"].sort_values(centred[0], ascending=False)
            counted = zip(rows["network"], rows["n_regions"], strict=True)
            names = [f"{network} ({n})" for network, n in counted]
            drawn["networkimportance"] = Drawing(
                "Importance of networks",
                _estimates(results, rows, names, *centred, label=loss),
                f"Networks (number of regions).{by_blocks}{'.' if by_blocks else ''}",
            )
        top = regions.nlargest(MOST_REGIONS, centred[0])
        by_chance = "; among so many regions, some are above 0 by chance." if by_blocks else ""
        drawn["importance"] = Drawing(
            "The most important regions",
            _estimates(results, top, top["region"], *centred, label=loss),
            f"The most important regions of {results.metrics['n_regions']}.{by_blocks}{by_chance}",
        )
        drawn["importancebynetwork"] = Drawing(
            "Importance of all regions, by network",
            partial(figures.plot_by_network, regions, centred[0], label="loss of centred r"),
            "All regions, by network: box from the first to the third quartile, line at the "
            "median, whiskers to the farthest region within 1.5 times the box.",
            wide=True,
        )
        drawn["strength"] = Drawing(
            "Weights of their edges",
            partial(figures.plot_strengths, top),
            f"Weights of the same regions' edges in the model of all {unit}s.",
        )
        drawn["structure"] = Drawing(
            "Structure coefficients against weights",
            partial(figures.plot_structure, tables["structure"]),
            "Structure coefficients against weights, over edges.",
        )
    if "networkweights" in tables and tables["networkweights"]["mean_weight"].notna().any():
        drawn["networkweights"] = Drawing(
            "Mean weight between networks",
            partial(figures.plot_network_weights, tables["networkweights"]),
            "Mean weight of the edges within (diagonal) and between networks in the model of all "
            f"{unit}s; red: higher co-fluctuation predicts more pain, blue: less.",
        )
    return drawn


def _rest(results: Results) -> Drawings:
    return {
        "rest": Drawing(
            "Prediction from rest against the rating of the first run",
            partial(figures.plot_rest, results.stage_tables["rest"]),
        )
    }


def _comparison(results: Results) -> Drawings:
    unit = results.metrics["leave_out"]
    table = results.stage_tables["baselines"]
    others = table[(table["scale"] == results.primary) & (table["method"] != "painprint")]
    drawn = {}
    for key, what in (("centred_r", f"{unit}-centred r"), ("skill", "skill")):
        if others[f"d_{key}"].isna().all():
            continue
        label = f"difference in {what} {results.bins.at}"
        drawn[f"baselines{key.replace('_', '')}"] = Drawing(
            f"Comparison models: {label}",
            _estimates(
                results, others, others["method"], f"d_{key}", (f"d_{key}_low", f"d_{key}_high"),
                label=label, width=figures.SINGLE,
            ),
            "To the right of 0, painprint is better."
            + (f" Lines: 95% interval of the paired difference by blocks of {unit}s."
               if _enough(results) else ""),
        )  # fmt: skip
    return drawn


def _univariate(results: Results) -> Drawings:
    return {
        "univariate": Drawing(
            "Association of activity with the rating, by region",
            partial(figures.plot_univariate, results.stage_tables["univariate"]),
        )
    }


def _external(results: Results) -> Drawings:
    table = results.stage_tables["external"]
    scored = table[table["scale"] == results.primary]
    return {
        "external": Drawing(
            "Centred r of other signatures",
            _estimates(
                results, scored, scored["signature"], "centred_r",
                ("centred_r_low", "centred_r_high"),
                label=f"{results.metrics['leave_out']}-centred r {results.bins.at}",
            ),
        )
    }  # fmt: skip


def _qcfc(results: Results) -> Drawings:
    table = results.stage_tables["qcfc"]
    if table["distance"].isna().all():
        return {}
    return {
        "qcfc": Drawing(
            "Correlation of edges with motion, by distance",
            partial(figures.plot_motion_distance, table),
            "Correlation, over runs, of each edge's strength with mean framewise displacement, in "
            "ten bins of distance: median and quartiles.",
        )
    }


STAGE_FIGURES: dict[str, Callable[[Results], Drawings]] = {
    "null": _null,
    "confounds": _confounds,
    "sensitivity": _sensitivity,
    "curve": _learning_curve,
    "prospective": _prospective,
    "importance": _importance,
    "rest": _rest,
    "baselines": _comparison,
    "univariate": _univariate,
    "external": _external,
    "qcfc": _qcfc,
}
"""Function that returns the figures of a stage, by the stage's name."""
