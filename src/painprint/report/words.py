"""Sentences made from results and from the settings actually used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from painprint.io.outputs import Results
from painprint.settings import LEE_2026

MISSING = "n/a"
FEW_GROUPS = 8
"""Below this, moving blocks of round(sqrt(n)) groups can start in at most 5 places, and an
interval from resampling them means little."""


def number(value: float | None, digits: int = 2) -> str:
    """A number to so many digits, or n/a.

    Examples
    --------
    >>> number(0.4567), number(None)
    ('0.46', 'n/a')
    """
    return MISSING if value is None else f"{value:.{digits}f}"


def span(ends: list[float | None]) -> str:
    """An interval in words.

    Examples
    --------
    >>> span([0.1, 0.25])
    '0.10 to 0.25'
    """
    return MISSING if ends[0] is None else f"{number(ends[0])} to {number(ends[1])}"


def estimate(value: float | None, ends: list[float | None]) -> str:
    """A number with its interval.

    Examples
    --------
    >>> estimate(0.2, [0.1, 0.25]), estimate(None, [None, None])
    ('0.20 (0.10 to 0.25)', 'n/a')
    """
    return MISSING if value is None else f"{number(value)} ({span(ends)})"


def p_value(p: float | None) -> str:
    """A p-value, never 0.

    Examples
    --------
    >>> p_value(0.00002), p_value(0.0312)
    ('< 0.001', '0.031')
    """
    if p is None:
        return MISSING
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def plural(n: int, what: str) -> str:
    """A count with its noun.

    Examples
    --------
    >>> plural(1, "run"), plural(3, "run")
    ('1 run', '3 runs')
    """
    return f"{n} {what}{'s' * (n != 1)}"


def headline(results: Results) -> str:
    """One sentence with the primary numbers, and one on what they do not say yet."""
    metrics = results.metrics
    minute, unit = metrics["scales"]["1min"], metrics["leave_out"]
    what = "simulated ratings" if metrics["simulated"] else "ratings"
    n_groups = metrics["n_groups"]
    few = n_groups < FEW_GROUPS
    r, skill = (
        number(minute[name])
        if few or minute[name] is None
        else f"{number(minute[name])} (95% interval {span(minute[f'{name}_ci'])})"
        for name in ("centred_r", "skill")
    )
    same = (
        f" Other runs of the same {plural(metrics['n_sessions'], 'session')} were in training."
        if unit == "run" and metrics["n_sessions"] < n_groups
        else ""
    )
    return (
        f"In {plural(n_groups, unit)} that the models had not seen, {what} were predicted minute "
        f"by minute with a {unit}-centred r of {r} and a skill of {skill} over always predicting "
        f"the training mean. {_verdict(minute, n_groups, unit)}{same}"
    )


def _verdict(minute: Mapping[str, Any], n_groups: int, unit: str) -> str:
    """What may be concluded; nothing is called significant without the null."""
    low = [minute[name][0] for name in ("centred_r_ci", "skill_ci")]
    if None in low:
        direction = "A primary number is undefined, so nothing can be concluded."
    elif n_groups < FEW_GROUPS:
        direction = f"{n_groups} {unit}s are too few for an interval, or for a conclusion."
    elif min(low) > 0:
        direction = "Both intervals lie above 0."
    elif max(low) > 0:
        direction = "Only one of the two intervals lies above 0."
    else:
        direction = "Neither interval lies above 0: no signature was found."
    untested = (
        " Whether this exceeds chance has not been tested: no permutation null was run."
        if minute["p_within"] is None
        else ""
    )
    return direction + untested


def methods_paragraph(results: Results) -> str:
    """A Methods paragraph from the settings and numbers of this very run."""
    settings = {name: row["value"] for name, row in results.provenance["settings"].items()}
    rules, metrics, runs = results.provenance["rules"], results.metrics, results.runs
    unit = settings["leave_out"]
    kept, total = int(runs["n_kept"].sum()), int(runs["n_frames"].sum())
    sentences = [
        f"{'Simulated data' if metrics['simulated'] else 'Data'} of "
        f"{plural(metrics['n_runs'], 'run')} in {plural(metrics['n_sessions'], 'session')} were "
        f"analysed with painprint {results.provenance['versions']['painprint']} "
        f"({settings['preset']} preset), after {LEE_2026}.",
        f"Signals of {plural(metrics['n_regions'], 'region')}{_exclusions(settings)} were used.",
        f"The first {settings['drop_s']:g} s of each run were left out; ratings, interpolated at "
        f"mid-frame, were paired with the BOLD signal {_lags(settings, runs)} later, and frames "
        f"flagged as outliers were removed, leaving {kept} of {total} frames. Each region was "
        "z-scored within run, and the products of all region pairs were averaged within bins.",
        _bins(rules, settings, runs),
        _model(rules, unit),
        "Held-out frames were predicted by the model that had not seen their "
        f"{unit} and averaged in {_time_bins(rules)}. Reported are Pearson's r, also after "
        f"centring rating and prediction within {unit}; skill, 1 - SSE / SSE of the training mean; "
        "R²; mean absolute error; and the area under the ROC curve for ratings above the median. "
        f"Primary, fixed in advance: {unit}-centred r and skill at 1 min. Their intervals resample "
        f"blocks of neighbouring {unit}s; those of r and AUC resample {unit}s, runs and bins "
        f"hierarchically ({settings['n_bootstraps']:,} samples, seed {settings['random_seed']}) "
        "and ignore autocorrelation.",
    ]
    return " ".join(sentences)


def _exclusions(settings: Mapping[str, Any]) -> str:
    left_out = [
        f"{word} {', '.join(settings[name])}"
        for word, name in (("network", "exclude_network"), ("region", "exclude_region"))
        if settings[name]
    ]
    return f" (without {' and '.join(left_out)})" if left_out else ""


def _lags(settings: Mapping[str, Any], runs: Any) -> str:
    lags = [f"{lag:g}" for lag in settings["lag_s"]]
    frames = sorted(set(runs["lag_frames"]))
    if len(lags) == 1:
        return f"{lags[0]} s ({' or '.join(str(n) for n in frames)} frames)"
    return f"{', '.join(lags)} s (chosen within the training data of each fold)"


def _bins(rules: Mapping[str, Any], settings: Mapping[str, Any], runs: Any) -> str:
    lost = int(runs["n_rating_bins_lost"].sum())
    n_bins = int(runs["n_rating_bins"].sum())
    rounding = (
        f" (ratings rounded to 1e-{rules['rating_decimals']})" if rules["rating_decimals"] else ""
    )
    many = "10 bins" if rules["time_bins"] == "discretize" else "bins, one per usable minute,"
    return (
        f"For training, frames of a run were sorted by rating into {many} of equal size{rounding}; "
        f"stretches shorter than {settings['min_stretch_frames']} frames were dropped, which left "
        f"{n_bins} bins ({lost} lost all frames)."
    )


def _model(rules: Mapping[str, Any], unit: str) -> str:
    grid = (
        f"all {unit}s (the held-out one included, as published)"
        if rules["lambda_grid"] == "all"
        else f"the training {unit}s alone"
    )
    return (
        "LASSO principal-component regression, refit by least squares on the components kept, "
        f"was trained by nested leave-one-{unit}-out cross-validation: for each {unit} left out, "
        f"the penalty was the one with the highest correlation when each other {unit} was left "
        f"out in turn, from a grid made of {grid}."
    )


def _time_bins(rules: Mapping[str, Any]) -> str:
    if rules["time_bins"] == "discretize":
        return "10 and 5 time bins a run (about 1 and 2 min), whole runs and sessions"
    return "time bins of about 1 and 2 min, whole runs and sessions"
