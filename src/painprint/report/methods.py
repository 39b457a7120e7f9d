"""The Methods paragraph, from the settings actually used, and its references."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from painprint.bins import PARTS_OF_A_MINUTE
from painprint.decode.ridge import ALPHAS
from painprint.results.read import Results
from painprint.settings import LEE_2026, WAGER_2011
from painprint.wording import plural, rounded


def methods_paragraph(results: Results) -> str:
    """The Methods paragraph, from the settings and numbers of this study."""
    settings, rules = results.settings, results.provenance["rules"]
    metrics, runs = results.metrics, results.runs
    unit = settings["leave_out"]
    kept, total = int(runs["n_kept"].sum()), int(runs["n_frames"].sum())
    primary, at = results.primary, results.bins.at
    sentences = [
        f"{'Simulated data' if metrics['simulated'] else 'Data'} of "
        f"{plural(metrics['n_runs'], 'run')} in {plural(metrics['n_sessions'], 'session')} were "
        f"analysed with painprint {results.provenance['versions']['painprint']} "
        f"({settings['preset']} preset), following {LEE_2026}.",
        *_cleaning(results),
        f"Signals of {plural(metrics['n_regions'], 'region')}{_exclusions(settings)} were used.",
        f"The first {settings['drop_s']:g} s of each run were excluded; "
        f"{_ratings(primary, settings)}, "
        f"were paired with the BOLD signal {_lags(settings, runs)} later, and frames "
        f"flagged as outliers were removed, leaving {kept} of {total} frames. Each region was "
        f"z-scored within run, and {FEATURES[metrics['features']]}.",
        _bins(primary, rules, settings, runs),
        _model(metrics, rules, unit, at),
        f"Predictions of held-out frames, by the model trained without their {unit}, were averaged "
        f"{_test_bins(primary, rules)}. Agreement was quantified by Pearson's r, also after "
        f"centring rating and prediction within {unit}s; skill, 1 - SSE / SSE of the training "
        "mean; R²; mean absolute error; slope and intercept of the least-squares line of rating on "
        "prediction; and the area under the ROC curve for ratings above the median. The primary "
        f"outcomes, fixed in advance, were {unit}-centred r and skill {at}. Their intervals "
        "and those of slope and intercept are from a circular block bootstrap of neighbouring "
        f"{unit}s with a small-sample correction; those of r and AUC are from resampling {unit}s, "
        f"runs and bins hierarchically ({settings['n_bootstraps']:,} samples, seed "
        f"{settings['random_seed']}), which ignores autocorrelation.",
        *_stage_methods(results),
    ]
    return " ".join(sentences)


def _ratings(primary: str, settings: Mapping[str, Any]) -> str:
    """Ratings, and the frames that each was given to."""
    if primary == "event":
        return f"ratings of events, {_window(settings)}"
    held = settings.get("rating_hold")  # results of earlier versions do not have it
    return f"ratings, {'held from the last sample before' if held else 'interpolated at'} mid-frame"


def _window(settings: Mapping[str, Any]) -> str:
    """The span of time that the rating of an event is about, as far as the settings say it."""
    window, of = settings.get("rating_window"), settings.get("rating_of")
    if window is None and of is None:
        return "each the rating of the frames in its window"
    since = f"the preceding event of type {of}" if of is not None else "the event itself"
    if window is None:
        return f"each the rating of the frames during {since}"
    low, high = (f"{end:g}" for end in window)
    return f"each the rating of the frames from {low} to {high} s after the onset of {since}"


FEATURES = {
    "edges": "the products of all region pairs were averaged within bins (edges)",
    "activity": "the signal of each region was averaged within bins",
    "both": "the signal of each region and the products of all region pairs (edges) were averaged "
    "within bins, each scaled to a mean squared length of 1 over the training rows",
}
"""How features are computed, by their name."""


NUISANCE = {
    "paper": "six motion parameters, and five components each of white matter and CSF (aCompCor)",
    "24P": "24 motion regressors (parameters, changes, squares)",
    "36P": "36 regressors (motion, white matter, CSF and global signal; changes and squares)",
    "acompcor_gsr": "motion parameters and their changes, five components each of white matter "
    "and CSF (aCompCor), and the global signal",
    "none": "no nuisance regressor",
}


def _cleaning(results: Results) -> list[str]:
    """How regional signals were extracted from dense BOLD, if they were."""
    dense = results.audit.get("dense")
    if dense is None:
        return []
    band = f"sines and cosines below {dense['high_pass_hz']:g} Hz" if dense["high_pass_hz"] else ""
    fast = f"above {dense['low_pass_hz']:g} Hz" if dense["low_pass_hz"] else ""
    removed = [
        f"a linear trend, {NUISANCE[dense['nuisance_regressors']]}",
        *filter(None, [band, fast]),
    ]
    censored = (
        f"frames with a framewise displacement above {dense['fd_thresh_mm']:g} mm"
        + (
            f" (motion parameters low-passed at {dense['motion_low_pass_hz']:g} Hz)"
            if dense["motion_low_pass_hz"]
            else ""
        )
        if dense["fd_thresh_mm"]
        else "no frames for motion"
    )
    smoothed = dense["smoothing_sigma_mm"]
    return [
        f"Dense BOLD ({dense['kind']}"
        + (f", smoothed within the brain by {smoothed:g} mm SD" if smoothed else "")
        + f") was averaged over the regions of {dense['atlas']}; from the means, "
        f"{' and '.join(removed)} were removed in a single regression over the retained frames, "
        f"after censoring {censored}. A region had to have signal in {dense['min_coverage']:.0%} "
        f"of its {dense['kind']} in each run."
    ]


def _stage_methods(results: Results) -> list[str]:
    """A sentence for each stage that was computed."""
    return [
        stage.methods(result) for stage, result in results.answered() if stage.methods is not None
    ]


REFERENCES = {
    "lee": "Lee, Jo, Cho & Woo (2026). Nature Neuroscience. doi:10.1038/s41593-026-02221-3",
    "lassopcr": WAGER_2011,
    "ridge": "Hoerl & Kennard (1970). Technometrics 12, 55-67. doi:10.1080/00401706.1970.10488634 "
    "(ridge regression)",
    "compcor": "Behzadi, Restom, Liau & Liu (2007). NeuroImage 37, 90-101. "
    "doi:10.1016/j.neuroimage.2007.04.042 (CompCor)",
    "24P": "Friston et al. (1996). Magnetic Resonance in Medicine 35, 346-355. "
    "doi:10.1002/mrm.1910350312 (24 motion parameters)",
    "36P": "Satterthwaite et al. (2013). NeuroImage 64, 240-256. "
    "doi:10.1016/j.neuroimage.2012.08.052 (36 regressors)",
    "fd": "Power et al. (2012). NeuroImage 59, 2142-2154. doi:10.1016/j.neuroimage.2011.10.018 "
    "(framewise displacement)",
    "once": "Lindquist et al. (2019). Human Brain Mapping 40, 2358-2376. doi:10.1002/hbm.24528 "
    "(nuisance and filter in one regression)",
}


def references(results: Results) -> list[str]:
    """References of the methods used in this study."""
    dense = results.audit.get("dense")
    decoder = results.metrics["decoder"]
    used = {
        "lee": True,
        "lassopcr": decoder == "lasso_pcr",
        "ridge": decoder == "ridge",
        "compcor": dense and dense["nuisance_regressors"] in ("paper", "acompcor_gsr"),
        "24P": dense and dense["nuisance_regressors"] == "24P",
        "36P": dense and dense["nuisance_regressors"] == "36P",
        "fd": dense and dense["fd_thresh_mm"],
        "once": dense,
    }
    works = [REFERENCES[name] for name, is_used in used.items() if is_used]
    for stage, _ in results.answered():
        works += stage.references
    return list(dict.fromkeys(works))


def _exclusions(settings: Mapping[str, Any]) -> str:
    excluded = [
        f"{word} {', '.join(settings[name])}"
        for word, name in (("network", "exclude_network"), ("region", "exclude_region"))
        if settings[name]
    ]
    return f" (excluding {' and '.join(excluded)})" if excluded else ""


def _lags(settings: Mapping[str, Any], runs: Any) -> str:
    lags = [f"{lag:g}" for lag in settings["lag_s"]]
    frames = sorted(set(runs["lag_frames"]))
    if len(lags) == 1:
        return f"{lags[0]} s ({' or '.join(str(n) for n in frames)} frames)"
    return f"{', '.join(lags)} s (chosen within the training data of each fold)"


def _bins(primary: str, rules: Mapping[str, Any], settings: Mapping[str, Any], runs: Any) -> str:
    """The rows that train."""
    lost = int(runs["n_training_bins_lost"].sum())
    n_bins = int(runs["n_training_bins"].sum())
    if primary == "event":
        return f"The {n_bins:,} events with usable frames were the bins of training and test."
    if rules["train_bins"] != "rating":
        n_parts = PARTS_OF_A_MINUTE[rules["train_bins"]]
        cut = f" (1-min time bins in {n_parts} equal parts)" if n_parts > 1 else ""
        short = (
            f"; {lost} with less than {30 // n_parts} s of usable frames "
            f"{'was' if lost == 1 else 'were'} excluded"
            if lost
            else ""
        )
        return (
            f"{n_bins:,} time bins of about {60 // n_parts} s were used for training{cut}{short}."
        )
    ties = (
        f" (ties: less than 1e-{rules['rating_decimals']} of the run's range apart)"
        if rules["rating_decimals"]
        else ""
    )
    many = "10 bins" if rules["time_bins"] == "discretize" else "bins, one per usable minute,"
    return (
        f"For training, frames of a run were sorted by rating into {many} of equal size{ties}; "
        f"stretches shorter than {settings['min_stretch_frames']} frames were dropped, which left "
        f"{n_bins} bins ({lost} lost all frames)."
    )


def _model(metrics: Mapping[str, Any], rules: Mapping[str, Any], unit: str, at: str) -> str:
    """The decoder, and the hyperparameters that were selected."""
    chosen = metrics["selected"]
    if metrics["decoder"] == "ridge":
        return (
            f"Ridge regression was trained by nested leave-one-{unit}-out cross-validation: for "
            f"each held-out {unit}, the penalty with the smallest squared error {at} when each "
            f"other {unit} was left out in turn (leave-one-{unit}-out in closed form) was selected "
            f"from {len(ALPHAS)} penalties λ between {rounded(ALPHAS[0])} and "
            f"{rounded(ALPHAS[-1])} times (α) the mean eigenvalue of the centred Gram matrix. The "
            f"model of all {unit}s has α = {rounded(chosen['alpha'])} and "
            f"{rounded(chosen['dof'])} effective degrees of freedom."
        )
    grid = (
        f"all {unit}s (the held-out one included, as published)"
        if rules["lambda_grid"] == "all"
        else f"the training {unit}s alone"
    )
    return (
        "LASSO principal-component regression, refit by least squares on the selected components, "
        f"was trained by nested leave-one-{unit}-out cross-validation: for each held-out {unit}, "
        f"the penalty with the highest correlation when each other {unit} was left out in turn was "
        f"selected from a grid made of {grid}. The model of all {unit}s has "
        f"{plural(chosen['n_components'], 'component')}."
    )


def _test_bins(primary: str, rules: Mapping[str, Any]) -> str:
    if primary == "event":
        return "over events, runs (frames of all their events) and sessions"
    if rules["time_bins"] == "discretize":
        return "in 10 and 5 time bins a run (about 1 and 2 min), whole runs and sessions"
    return "in time bins of about 1 and 2 min, whole runs and sessions"
