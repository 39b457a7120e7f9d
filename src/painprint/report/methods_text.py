"""The Methods paragraph: what a study did, from its settings and numbers, with citations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from painprint.bins import PARTS_OF_A_MINUTE
from painprint.decode.prepare import UNWANTED
from painprint.decode.ridge import ALPHAS
from painprint.files.dataset import atlas_name, parse_name
from painprint.report.facts import programs
from painprint.results.read import Results
from painprint.results.record import DESCRIPTION
from painprint.wording import FEW_GROUPS, count_people, enumerate_names, plural, rounded
from painprint.works import CitedText


def methods_paragraph(results: Results) -> CitedText:
    """The Methods: what this study did, with its settings and numbers, and no more.

    Returns
    -------
    paragraphs : CitedText
        Of data, model and further analyses, with an empty line between them.
    """
    of_data = [
        _data(results),
        _exclusions(results),
        _preprocessing(results),
        *_cleaning(results),
        _regions(results),
        _frames(results),
        _bins(results),
    ]
    of_model = [_model(results), _evaluation(results), _intervals(results)]
    of_stages = [stage.methods(result) for stage, result in results.answered()]
    parts = [" ".join(filter(None, part)) for part in (of_data, of_model, of_stages)]
    return CitedText("\n\n".join(filter(None, parts)))


def _data(results: Results) -> str:
    metrics = results.metrics
    return (
        f"{'Simulated data' if metrics['simulated'] else 'Data'} of "
        f"{plural(metrics['n_runs'], 'run')} in {plural(metrics['n_sessions'], 'session')} of one "
        f"participant were analysed with painprint {results.provenance['versions']['painprint']} "
        f"({metrics['preset']} preset), following a published approach [@lee2026]."
    )


def _exclusions(results: Results) -> str:
    """Runs that were found but not used; empty if there are none."""
    n_excluded = len(results.audit["runs_left_out"])
    if not n_excluded:
        return ""
    n_found = n_excluded + results.metrics["n_runs"]
    return f"Of {n_found} runs, {n_excluded} {'was' if n_excluded == 1 else 'were'} excluded."


def _preprocessing(results: Results) -> str:
    """Programs that made the derivatives; empty where they are unknown, or the data simulated."""
    named = programs(results.provenance.get(DESCRIPTION) or {})
    if not named or results.metrics["simulated"]:
        return ""
    return f"BOLD was preprocessed with {enumerate_names(named)}."


def _regions(results: Results) -> str:
    """Regions that were used, and how many were not."""
    settings, lost = results.settings, results.audit["regions_left_out"]
    by_name = [
        f"{word}{'s' * (len(settings[name]) > 1)} {enumerate_names(settings[name])}"
        for word, name in (("network", "exclude_network"), ("region", "exclude_region"))
        if settings[name]
    ]
    n_silent = sum(reason != UNWANTED for reason in lost.values())
    excluded = [f"the {' and the '.join(by_name)}"] if by_name else []
    excluded += [f"{plural(n_silent, 'region')} without signal in some run"] if n_silent else []
    without = f", after excluding {' and '.join(excluded)}" if excluded else ""
    atlas = atlas_name(parse_name(results.files.stem)[0])
    of_atlas = f" of the atlas {atlas}" if atlas else ""
    sentence = (
        f"Signals of {plural(results.metrics['n_regions'], 'region')}{of_atlas} were used{without}."
    )
    made = next((e for e in results.audit["exceptions"] if e.startswith(OWN_ATLAS)), None)
    if made is not None:
        sentence += (
            " The regions are those of an individual parcellation, "
            f"{made.removeprefix(OWN_ATLAS).strip()}."
        )
    return sentence


def _frames(results: Results) -> str:
    """Which frames were used, and what was computed of them."""
    settings, runs = results.settings, results.runs
    kept, total = int(runs["n_kept"].sum()), int(runs["n_frames"].sum())
    outliers = (
        "Frames flagged as outliers" if results.audit.get("dense") is None else "Censored frames"
    )
    sentences = [
        f"The first {settings['drop_s']:g} s of each run were excluded." * (settings["drop_s"] > 0),
        f"{_ratings(results)} were paired with the BOLD signal {_lags(settings, runs)}.",
        f"{outliers} were removed." * bool(runs["n_censored"].sum()),
        f"Of {total:,} frames, {kept:,} ({kept / total:.0%}) were used.",
        f"Each region was z-scored within run, and {FEATURES[results.metrics['features']]}.",
    ]
    return " ".join(filter(None, sentences))


def _evaluation(results: Results) -> str:
    """How predictions were averaged and compared with the rating."""
    metrics, rules, primary = results.metrics, results.provenance["rules"], results.primary
    unit, scale = metrics["leave_out"], metrics["scales"][results.primary]
    varies = scale["centred_r"] is not None
    centred = f", also after centring rating and prediction within {unit}s" if varies else ""
    primaries = (
        f"outcomes, fixed in advance, were {unit}-centred r and skill"
        if varies
        else "outcome, fixed in advance, was skill"
    )
    return (
        f"Predictions of held-out frames, by the model trained without their {unit}, were averaged "
        f"{_test_bins(primary, rules)}. Agreement was quantified by Pearson's r{centred}; the "
        "skill score (1 − SSE / SSE of the training mean); R²; mean absolute error; slope and "
        "intercept of the least-squares line of rating on prediction; and the area under the "
        f"ROC curve for ratings above the median. The primary {primaries} {results.bins.at}."
    )


def _intervals(results: Results) -> str:
    """The intervals that were computed; empty if there are none."""
    settings, metrics = results.settings, results.metrics
    unit, scale = metrics["leave_out"], metrics["scales"][results.primary]
    blocks = [
        what
        for what, key in (
            (f"{unit}-centred r", "centred_r_ci"), ("skill", "skill_ci"), ("slope", "slope_ci"),
            ("intercept", "intercept_ci"),
        )
        if metrics["n_groups"] >= FEW_GROUPS and scale[key][0] is not None
    ]  # fmt: skip
    resampled = [
        what for what, key in (("r", "r_ci"), ("AUC", "auc_ci")) if scale[key][0] is not None
    ]
    sentences = []
    if blocks:
        sentences.append(
            f"95% intervals of {enumerate_names(blocks)} are from a circular block bootstrap of "
            f"neighbouring {unit}s with a small-sample correction"
        )
    if resampled:
        sentences.append(
            f"{'those' if blocks else '95% intervals'} of {enumerate_names(resampled)} are from "
            f"resampling {'' if unit == 'run' else f'{unit}s, '}runs and bins hierarchically, "
            "which ignores autocorrelation"
        )
    if not sentences:
        return ""
    how = f"{settings['n_bootstraps']:,} samples, seed {settings['random_seed']}"
    return f"{'; '.join(sentences)} ({how})."


def _ratings(results: Results) -> str:
    """Ratings, and the frames that each was given to."""
    settings = results.settings
    if results.of_arrays:
        return "Ratings, one for each frame,"
    if results.primary == "event":
        return f"Ratings of events, {_window(settings)},"
    held = settings.get("rating_hold")  # results of earlier versions do not have it
    how = "held from the last sample before" if held else "interpolated at"
    return f"Ratings, {how} mid-frame,"


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
    "paper": "six motion parameters, and five components each of white matter and CSF (aCompCor "
    "[@behzadi2007])",
    "24P": "24 motion regressors (parameters, changes and squares [@friston1996])",
    "36P": "36 regressors (motion, white matter, CSF and global signal; changes and squares "
    "[@satterthwaite2013])",
    "acompcor_gsr": "motion parameters and their changes, five components each of white matter "
    "and CSF (aCompCor [@behzadi2007]), and the global signal",
    "none": "",
}
"""What each set of nuisance regressors contains; empty where there are none."""
OWN_ATLAS = "individual parcellation:"
"""Start of the declared exception of an atlas that was made from decoded sessions."""


def describe_regression(settings: Mapping[str, Any], low_pass_hz: float, frames: str = "") -> str:
    """What a regression over some frames removed from dense BOLD, and which were censored."""
    high_pass_hz, fd_mm = settings["high_pass_hz"], settings["fd_thresh_mm"]
    removed = [
        "a linear trend",
        NUISANCE[settings["nuisance_regressors"]],
        f"sines and cosines below {high_pass_hz:g} Hz" * bool(high_pass_hz),
        f"frequencies above {low_pass_hz:g} Hz" * bool(low_pass_hz),
    ]
    censored = (
        f", after censoring frames with a framewise displacement above {fd_mm:g} mm [@power2012]"
        if fd_mm
        else ""
    )
    return (
        f"{'; '.join(filter(None, removed))} were removed in a single regression{frames} "
        f"[@lindquist2019]{censored}"
    )


def _cleaning(results: Results) -> list[str]:
    """How regional signals were extracted from dense BOLD, if they were."""
    dense = results.audit.get("dense")
    if dense is None:
        return []
    low_passed = (
        f", motion parameters low-passed at {dense['motion_low_pass_hz']:g} Hz"
        if dense["fd_thresh_mm"] and dense["motion_low_pass_hz"]
        else ""
    )
    sigma = dense["smoothing_sigma_mm"]
    smoothed = f", smoothed within the brain by {sigma:g} mm SD" if sigma else ""
    cleaned = describe_regression(dense, dense["low_pass_hz"], " over the retained frames")
    return [
        f"Dense BOLD ({dense['kind']}{smoothed}) was averaged over the regions of "
        f"{dense['atlas']}; from the means, {cleaned}{low_passed}. A region had to have signal in "
        f"{dense['min_coverage']:.0%} of its {dense['kind']} in each run."
    ]


def _lags(settings: Mapping[str, Any], runs: Any) -> str:
    lags = [f"{lag:g}" for lag in settings["lag_s"]]
    frames = sorted(set(runs["lag_frames"]))
    if len(lags) == 1:
        return f"{lags[0]} s ({' or '.join(str(n) for n in frames)} frames) later"
    return f"{', '.join(lags)} s later (chosen within the training data of each fold)"


def _bins(results: Results) -> str:
    """The rows that train."""
    settings, rules, runs = results.settings, results.provenance["rules"], results.runs
    lost = int(runs["n_training_bins_lost"].sum())
    n_bins = int(runs["n_training_bins"].sum())
    if results.primary == "event":
        return f"The {n_bins:,} events with usable frames were the training and test bins."
    if rules["train_bins"] != "rating":
        n_parts = PARTS_OF_A_MINUTE[rules["train_bins"]]
        cut = f" (1-min time bins divided into {n_parts} equal parts)" if n_parts > 1 else ""
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
    least = settings["min_stretch_frames"]
    short = f"; segments shorter than {least} frames were excluded" if least > 1 else ""
    gone = f" ({lost} lost all frames)" if lost else ""
    return (
        f"For training, frames of a run were sorted by rating into {many} of equal size{ties}"
        f"{short}, which left {n_bins:,} bins{gone}."
    )


def _model(results: Results) -> str:
    """The decoder, and the hyperparameters that were selected."""
    metrics, rules, at = results.metrics, results.provenance["rules"], results.bins.at
    unit, chosen = metrics["leave_out"], metrics["selected"]
    if metrics["decoder"] == "ridge":
        return (
            f"Ridge regression [@hoerl1970] was trained by nested leave-one-{unit}-out "
            f"cross-validation: for each held-out {unit}, the penalty with the smallest squared "
            f"error {at} when each other {unit} was left out in turn (leave-one-{unit}-out in "
            f"closed form) was selected from {len(ALPHAS)} penalties λ between "
            f"{rounded(ALPHAS[0])} and {rounded(ALPHAS[-1])} times (α) the mean eigenvalue of the "
            f"centred Gram matrix. The model of all {unit}s has α = {rounded(chosen['alpha'])} and "
            f"{rounded(chosen['dof'])} effective degrees of freedom.{_prior(metrics)}"
        )
    grid = (
        f"all {unit}s (the held-out one included, as published)"
        if rules["lambda_grid"] == "all"
        else f"the training {unit}s alone"
    )
    return (
        "LASSO principal-component regression [@wager2011], refit by least squares on the selected "
        f"components, was trained by nested leave-one-{unit}-out cross-validation: for each "
        f"held-out {unit}, the penalty with the highest correlation when each other {unit} was "
        f"left out in turn was selected from a grid made of {grid}. The model of all {unit}s has "
        f"{plural(chosen['n_components'], 'component')}."
    )


def _prior(metrics: Mapping[str, Any]) -> str:
    """The prior towards which ridge regression was drawn; empty without one."""
    if "prior" not in metrics:
        return ""
    unit, share = metrics["leave_out"], metrics["selected"]["prior_share"]
    return (
        " Weights were drawn towards a prior, the mean over "
        f"{count_people(metrics['prior']['n_people'])} other than the participant of the "
        f"standardised covariances of the features with the rating within {unit}s, scaled to the "
        "training ratings by a slope of at least 0 (generalised least squares). Its share (0 to "
        f"1.25; 1 with fewer than 3 training {unit}s) was selected with the penalty; that of the "
        f"model of all {unit}s is {share:g}."
    )


def _test_bins(primary: str, rules: Mapping[str, Any]) -> str:
    if primary == "event":
        return "over events, runs (frames of all their events) and sessions"
    if rules["time_bins"] == "discretize":
        return "in 10 and 5 time bins a run (about 1 and 2 min), whole runs and sessions"
    return "in time bins of about 1 and 2 min, whole runs and sessions"
