"""Figures of each stage of evidence, with their captions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd

from painprint import wording
from painprint.report import figures
from painprint.report.figures.overview import Panel
from painprint.report.svg import Draw, Drawing
from painprint.results.conclusion import flagged_confounds, primary_metrics
from painprint.results.read import Results
from painprint.wording import SIGNIFICANT

MOST_REGIONS = 12
"""Number of regions, the most important ones, in figures of importance."""
FEWEST_REGIONS = 3
"""Number of these regions where there is little room."""

MAIN = "main analysis"
"""Name of the main analysis in the table of sensitivity analyses."""
CENTRED_ENDS = ("centred_r_low", "centred_r_high")
BESIDE = "main_on_the_same"
"""Column that is added to the table of confounds: the main analysis on the same ratings."""
IMPORTANCE, IMPORTANCE_ENDS = "importance_centred", ("centred_low", "centred_high")
"""Columns of the importance that is shown, and of the ends of its interval."""

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


def _counted(results: Results) -> str:
    """The session-centred r at the primary scale as the label of an axis, with n."""
    unit, n = results.metrics["leave_out"], primary_metrics(results.metrics)["n"]
    return f"{unit}-centred r {results.bins.at} (n = {n} {results.bins.noun}s)"


def _null(results: Results) -> Drawings:
    table, unit = results.stage_tables["null"], results.metrics["leave_out"]
    observed = table[table["null"] == "observed"].set_index("scale").notna()
    return {
        f"null{kind}": Drawing(
            f"Null distribution from ratings permuted {kind} {unit}s, and the observed value",
            partial(figures.plot_null, table, kind, scale, statistic, unit=unit),
            f"Grey: {what}. Blue: observed, p "
            f"{wording.is_value(results.metrics['scales'][scale][f'p_{kind}'])}.{more}",
        )
        for kind, scale, statistic, what, more in (
            ("within", results.primary, "centred_r",
             f"time courses permuted, {unit} means kept", ""),
            ("between", "session", "r", f"{unit} means permuted",
             f" Predictions of held-out {unit}s depend on the means of the training {unit}s, so "
             "the null distribution is not centred on 0."),
        )
        if observed.loc[scale, statistic]
    }  # fmt: skip


def _confounds(results: Results) -> Drawings:
    if not _has_centred_r(results):
        return {}
    table = results.stage_tables["confounds"]
    at_primary = table[table["scale"] == results.primary]
    removed, same = (at_primary[at_primary["analysis"] == what] for what in ("removed", "main"))
    on_same = same.set_index("confound")["centred_r"]
    removed = removed.assign(**{BESIDE: removed["confound"].map(on_same)})
    bars = " Vertical bars: main analysis on the same residual ratings." if len(same) else ""
    return {
        "confounds": Drawing(
            "Centred r with each confound removed",
            _variants(
                results, removed.rename(columns={"confound": "name"}),
                flagged=flagged_confounds(results.metrics),
            ),
            f"Each confound removed from rating and edges.{_ends_said(results, removed)} Open "
            f"squares: flagged. Here, r is computed with the residual ratings.{bars}",
        )
    }  # fmt: skip


def _sensitivity(results: Results) -> Drawings:
    if not _has_centred_r(results):
        return {}
    table = results.stage_tables["sensitivity"]
    tested = table[(table["scale"] == results.primary) & (table["variant"] != MAIN)]
    return {
        "sensitivity": Drawing(
            "Centred r in the sensitivity analyses",
            _variants(results, tested.rename(columns={"variant": "name"})),
            f"The decoding repeated with one change.{_ends_said(results, tested)}",
        )
    }


def _variants(results: Results, rows: pd.DataFrame, flagged: Sequence[str] = ()) -> Draw:
    """The centred r of the main analysis and of variants of it, with the intervals there are."""
    metrics = primary_metrics(results.metrics)
    low, high = metrics["centred_r_ci"]
    main = {"name": MAIN, "centred_r": metrics["centred_r"]}
    main |= {"centred_r_low": low, "centred_r_high": high}
    shown = pd.concat([pd.DataFrame([main], dtype=object), rows])
    ends, beside = CENTRED_ENDS if _enough(results) else None, BESIDE if BESIDE in rows else None
    return partial(
        figures.plot_variants, shown["name"].tolist(), shown, "centred_r",
        label=_counted(results), ends=ends, flagged=flagged, beside=beside,
    )  # fmt: skip


def _ends_said(results: Results, rows: pd.DataFrame) -> str:
    """What dashed line, band and lines are."""
    main = " Dashed: main analysis"
    if not _enough(results):
        return f"{main}."
    of_rows = "lines" if CENTRED_ENDS[0] in rows else "line"
    return f"{main}; band and {of_rows}: 95% interval by blocks of {results.metrics['leave_out']}s."


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


def _prior(results: Results) -> Drawings:
    curve = results.stage_tables.get("priorcurve")
    if curve is None or not _has_centred_r(results):
        return {}
    return {
        "priorcurve": Drawing(
            "Centred r against number of sessions, with and without the prior",
            partial(figures.plot_prior_curve, curve, results.primary),
            "Mean over draws; models with and without the prior are trained on the same sessions.",
        )
    }


def _prospective(results: Results) -> Drawings:
    calibration, unit = results.stage_tables["calibration"], results.metrics["leave_out"]
    drawn: Drawings = {}
    if len(calibration):
        n_test, n_bins = (int(calibration[name].iloc[0]) for name in ("n_test", "n_bins"))
        test_set = f"the last {wording.plural(n_test, unit)} ({n_bins} {results.bins.noun}s)"
        drawn["future"] = Drawing(
            "Agreement of models of past sessions with the last ratings",
            partial(
                figures.plot_future, calibration, {"centred_r": "centred r", "skill": "skill"}, 0,
                unit=unit,
            ),
            f"Models of the first {unit}s, tested on the same test set: {test_set}."
            + (f" Thin lines: 95% interval by blocks of {unit}s." if _enough(results) else ""),
        )  # fmt: skip
        drawn["calibration"] = Drawing(
            "Slope of later ratings on their prediction",
            partial(figures.plot_future, calibration, {"slope": "slope"}, 1, unit=unit),
            "The same models and test set: 1 is calibrated; below 1 predictions are "
            "over-dispersed. Arrows: outside the axis.",
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
    *,
    label: str,
    width: float = figures.DOUBLE,
) -> Draw:
    """Estimates, with their intervals where there are enough groups for them."""
    ends = (f"{column}_low", f"{column}_high")
    return partial(
        figures.plot_estimates, names, rows, column,
        label=label, ends=ends if _enough(results) else None, width=width,
    )  # fmt: skip


def _enough(results: Results) -> bool:
    """Whether there are enough groups for an interval."""
    return bool(results.metrics["n_groups"] >= wording.FEW_GROUPS)


def importance_panel(results: Results, most_rows: int = 10_000) -> Panel | None:
    """Importance of networks and of the most important regions; None where there is none.

    With ``most_rows``, the rows of least importance are left out, first of regions.
    """
    regions = results.stage_tables.get("importance")
    if regions is None or regions[IMPORTANCE].isna().all():
        return None
    networks = _networks(results)
    if networks is not None:
        networks = networks.head(most_rows - FEWEST_REGIONS)
    n_shown = min(MOST_REGIONS, most_rows - (0 if networks is None else len(networks)))
    unit, n = results.metrics["leave_out"], primary_metrics(results.metrics)["n"]
    return partial(
        figures.plot_importance, networks, regions.nlargest(n_shown, IMPORTANCE), IMPORTANCE,
        ends=IMPORTANCE_ENDS if _enough(results) else None,
        label=f"loss of {unit}-centred r {results.bins.at}\n(n = {n} {results.bins.noun}s)",
    )  # fmt: skip


def _networks(results: Results) -> pd.DataFrame | None:
    """Networks, the most important first; None where regions have none."""
    table = results.stage_tables.get("networkimportance")
    return None if table is None else table.sort_values(IMPORTANCE, ascending=False)


def _importance(results: Results) -> Drawings:
    tables, unit = results.stage_tables, results.metrics["leave_out"]
    drawn: Drawings = {}
    importance, n_regions = importance_panel(results), results.metrics["n_regions"]
    if importance is not None:
        top = tables["importance"].nlargest(MOST_REGIONS, IMPORTANCE)
        by_blocks = (
            f" Lines: 95% interval by blocks of {unit}s; among so many regions, some are above 0 "
            "by chance."
            if _enough(results)
            else ""
        )
        networks = "networks (number of regions) and " if _networks(results) is not None else ""
        drawn["importance"] = Drawing(
            f"Importance of {networks}the most important regions",
            importance,
            f"Mean loss when a {'network or ' if networks else ''}region is permuted: {networks}"
            f"{len(top)} of {n_regions} regions, the most important first.{by_blocks}",
        )
        drawn["strength"] = Drawing(
            "Weights of the edges of the most important regions",
            partial(figures.plot_strengths, top),
            f"Weights of the edges of the same {len(top)} regions in the model of all {unit}s "
            f"(n = {results.metrics['n_groups']}).",
            is_folded=True,
        )
        drawn["structure"] = Drawing(
            "Structure coefficients against weights",
            partial(figures.plot_structure, tables["structure"]),
            f"Structure coefficients against weights, over {len(tables['structure']):,} edges.",
            is_folded=True,
        )
    if "networkweights" in tables and tables["networkweights"]["mean_weight"].notna().any():
        networks_shown = _networks(results)
        order = [] if networks_shown is None else networks_shown["network"].tolist()
        drawn["networkweights"] = Drawing(
            "Mean weight between networks",
            partial(figures.plot_network_weights, tables["networkweights"], order),
            "Mean weight (rating per unit of co-fluctuation) of the edges within (diagonal) and "
            f"between networks, model of all {unit}s (n = {results.metrics['n_groups']}). Purple: "
            "higher co-fluctuation predicts a higher rating; green, with a bar: a lower one.",
            is_folded=True,
        )
    return drawn


def _rest(results: Results) -> Drawings:
    table = results.stage_tables["rest"]
    n = int((table["model"] == "unseen").sum())
    return {
        "rest": Drawing(
            "Prediction from rest against the rating of the first run",
            partial(figures.plot_rest, table),
            f"Mean prediction (in units of the rating) from resting runs of {n} sessions, against "
            "the mean rating of the session's first run.",
        )
    }


def _comparison(results: Results) -> Drawings:
    unit = results.metrics["leave_out"]
    table = results.stage_tables["baselines"]
    others = table[(table["scale"] == results.primary) & (table["method"] != "painprint")]
    drawn = {}
    n = f"(n = {primary_metrics(results.metrics)['n']} {results.bins.noun}s)"
    for key, what in (("centred_r", f"{unit}-centred r"), ("skill", "skill")):
        if others[f"d_{key}"].isna().all():
            continue
        label = f"difference in {what} {results.bins.at}"
        drawn[f"baselines{key.replace('_', '')}"] = Drawing(
            f"Comparison models: {label}",
            _estimates(
                results, others, others["method"], f"d_{key}", label=f"{label}\n{n}",
                width=figures.SINGLE,
            ),
            "To the right of 0, painprint is better."
            + (f" Lines: 95% interval of the paired difference by blocks of {unit}s."
               if _enough(results) else ""),
        )  # fmt: skip
    return drawn


def _univariate(results: Results) -> Drawings:
    numbers = results.metrics["stages"]["univariate"]
    return {
        "univariate": Drawing(
            "Association of activity with the rating, by region",
            partial(figures.plot_univariate, results.stage_tables["univariate"]),
            f"A dot for each of {numbers['n_regions']} regions, by network: t across "
            f"{numbers['n_sessions']} sessions; {numbers['n_significant']} significant at a false "
            f"discovery rate of {SIGNIFICANT:.2f}.",
        )
    }


def _external(results: Results) -> Drawings:
    table = results.stage_tables["external"]
    scored = table[table["scale"] == results.primary]
    return {
        "external": Drawing(
            "Centred r of other signatures",
            _estimates(
                results, scored, scored["signature"], "centred_r", label=_counted(results)
            ),
        )
    }  # fmt: skip


def _qcfc(results: Results) -> Drawings:
    table = results.stage_tables["qcfc"]
    if table["distance"].isna().all():
        return {}
    n_runs = results.metrics["stages"]["qcfc"]["n_runs"]
    return {
        "qcfc": Drawing(
            "Correlation of edges with motion, by distance",
            partial(figures.plot_motion_distance, table),
            f"Correlation, over {n_runs} runs, of each edge's strength with mean framewise "
            "displacement, in ten bins of distance: median (line) and quartiles (band).",
        )
    }


STAGE_FIGURES: dict[str, Callable[[Results], Drawings]] = {
    "null": _null,
    "confounds": _confounds,
    "sensitivity": _sensitivity,
    "curve": _learning_curve,
    "prior": _prior,
    "prospective": _prospective,
    "importance": _importance,
    "rest": _rest,
    "baselines": _comparison,
    "univariate": _univariate,
    "external": _external,
    "qcfc": _qcfc,
}
"""Function that returns the figures of a stage, by the stage's name."""
