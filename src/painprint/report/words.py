"""Sentences made from results and from the settings actually used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from painprint.bins import PARTS_OF_A_MINUTE
from painprint.decode.ridge import ALPHAS
from painprint.results.read import Results
from painprint.settings import LEE_2026, SIGNIFICANT

MISSING = "n/a"
FEW_GROUPS = 8
"""Below this there are fewer than 8 / 3 blocks of round(sqrt(n)) groups, and an interval from
resampling them means little."""


GLOSSARY = {
    "session-centred r": "Pearson's correlation of rating and prediction after each session's mean "
    "was taken from both: 1 if they rise and fall together within sessions, 0 if not at all. "
    "Levels of whole sessions count for nothing. (Run-centred where runs were left out.)",
    "skill": "1 minus squared error over that of always predicting the mean of the training data: "
    "1 is perfect, 0 is no better than the mean, below 0 is worse.",
    "slope": "by how much the rating rises, on average, when the held-out prediction rises by 1: 1 "
    "where predictions are calibrated, below 1 where they swing too far (over-dispersed), above 1 "
    "where they swing too little. The intercept is the rating that goes with a prediction of 0: 0 "
    "where calibrated.",
    "r": "Pearson's correlation over all rows, levels of sessions included.",
    "AUC": "chance that of two moments, one rated above the median and one below, the former is "
    "predicted higher: 1 always, 0.5 by a coin.",
    "MAE": "mean absolute error, in units of the rating.",
    "95% interval": "made in such a way that it holds the true value in about 95 of 100 studies, "
    "if its assumptions hold; here, of how the result would vary with other sessions.",
    "p": "share of shuffled ratings that give as much or more. It is not the chance that the "
    "finding is wrong.",
    "p within, p between": "the same for ratings shuffled within sessions (do ups and downs go "
    "together?) and between them (do levels?).",
    "effective degrees of freedom": "how many free coefficients a shrunken regression amounts to: "
    "0 if it predicts the mean alone, one for each training bin if nothing is shrunken.",
    "importance": "how much the prediction loses when what a region or network adds to it is "
    "shuffled.",
    "weight": "what the model multiplies an edge by. It may serve to cancel noise, so it does not "
    "say that the edge follows pain; the structure coefficient does.",
    "mean FD": "mean framewise displacement: how much the head moved from frame to frame (mm).",
}
"""Terms of the pages, explained."""


def number(value: float | None, digits: int = 2) -> str:
    """A number to so many digits, or n/a.

    Examples
    --------
    >>> number(0.4567), number(-0.001), number(None)
    ('0.46', '0.00', 'n/a')
    """
    return MISSING if value is None or value != value else f"{value:z.{digits}f}"


def rounded(value: float) -> str:
    """A number to three significant digits, without powers of ten.

    Examples
    --------
    >>> rounded(0.21544), rounded(1000.0), rounded(38123.4)
    ('0.215', '1,000', '38,100')
    """
    return f"{float(f'{value:.3g}'):,.10g}"


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
    return MISSING if value is None or value != value else f"{number(value)} ({span(ends)})"


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


def is_value(p: float | None) -> str:
    """A p-value in a sentence.

    Examples
    --------
    >>> is_value(0.00002), is_value(0.0312)
    ('< 0.001', '= 0.031')
    """
    text = p_value(p)
    return text if text.startswith("<") else f"= {text}"


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
        f"the training mean. {_verdict(metrics)}{same}"
    )


def _verdict(metrics: Mapping[str, Any]) -> str:
    """What may be concluded; only the permutation null is called a test."""
    minute, n_groups, unit = metrics["scales"]["1min"], metrics["n_groups"], metrics["leave_out"]
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
        direction = "Neither interval lies above 0."
    return f"{direction} {_beyond_chance(metrics)}"


NOT_PERMUTABLE = (
    "the model was trained on rating bins, which are made from the rating itself, so permuted "
    "ratings would change the rows that train"
)
"""Why there is no permutation null."""


def is_permutable(metrics: Mapping[str, Any]) -> bool:
    """Whether the rows that train stay the same when ratings are permuted."""
    return bool(metrics["train_bins"] != "rating")


def too_few_permutations(null: Mapping[str, Any]) -> bool:
    """Whether so few permutations could not give a p below .05."""
    return 1 / (null["n_permutations"] + 1) >= SIGNIFICANT


def _beyond_chance(metrics: Mapping[str, Any]) -> str:
    """What the null says of the session-centred r at 1 min."""
    null, unit = metrics["stages"]["null"], metrics["leave_out"]
    r, p = (metrics["scales"]["1min"][name] for name in ("centred_r", "p_within"))
    if not is_permutable(metrics):
        return f"Whether this exceeds chance cannot be tested: {NOT_PERMUTABLE}."
    if null is None:
        return "Whether this exceeds chance has not been tested: no permutation null was run."
    if p is None or r is None:
        return "Whether this exceeds chance could not be tested."
    if too_few_permutations(null):
        n = null["n_permutations"]
        return f"{n} permutations are too few to say whether this exceeds chance."
    if r <= 0:
        return f"A {unit}-centred r of 0 or below shows no agreement (p within {is_value(p)})."
    if p < SIGNIFICANT:
        return (
            f"The {unit}-centred r is higher than with permuted ratings (p within {is_value(p)})."
        )
    return (
        f"The {unit}-centred r is no higher than with permuted ratings (p within {is_value(p)}): "
        "it may be chance."
    )


SWINGS = {
    "against": "Higher predictions did not come with higher ratings, so how far they swing means "
    "nothing.",
    "little": "Predictions swing too little: a difference between two of them is smaller than the "
    "difference in rating that goes with it on average.",
    "far": "Predictions swing too far (over-dispersed): a difference between two of them is larger "
    "than the difference in rating that goes with it on average.",
    "open": "The interval holds 1: it is not shown that predictions swing too little or too far.",
}
"""What the slope of rating on held-out prediction says."""


def swing(minute: Mapping[str, Any], n_groups: int) -> str | None:
    """How far predictions swing, as a key of ``SWINGS``; None where that cannot be said."""
    slope, (low, high) = minute["slope"], minute["slope_ci"]
    if slope is None:
        return None
    if slope <= 0:
        return "against"
    if n_groups < FEW_GROUPS:
        return None
    return "little" if low > 1 else "far" if high < 1 else "open"


def calibration_sentences(metrics: Mapping[str, Any]) -> str:
    """Whether held-out predictions swing as far as ratings do."""
    minute, n_groups, unit = metrics["scales"]["1min"], metrics["n_groups"], metrics["leave_out"]
    if minute["slope"] is None:
        return "The held-out prediction does not vary, so no line leads from it to the rating."
    few = n_groups < FEW_GROUPS
    slope = number(minute["slope"])
    if not few:
        slope += f" (95% interval {span(minute['slope_ci'])})"
    found = swing(minute, n_groups)
    return (
        f"When the held-out prediction of a minute rises by 1, the rating rises by {slope} on "
        "average; 1 is calibrated. "
        + (
            f"{n_groups} {unit}s are too few to say whether predictions swing too little (slope "
            "above 1) or too far (below 1)."
            if found is None
            else SWINGS[found]
        )
    )


def group_headline(metrics: Mapping[str, Any]) -> str:
    """What the group level found, in two sentences."""
    pairs, identified = metrics["pairs"], metrics["identified"]
    enough = {p["name"] for p in metrics["participants"] if p["n_groups"] >= FEW_GROUPS}
    n_people = len(metrics["participants"])
    if not pairs:
        people = "One person was" if n_people == 1 else f"{n_people} people were"
        return f"{people} decoded; no signature could be tried on somebody else."
    judged = [p for p in pairs if p["person"] in enough]
    working = [p for p in judged if (p["centred_r_low"] or 0) > 0]
    values = [p["centred_r"] for p in pairs if p["centred_r"] is not None]
    found = (
        f"{n_people} people, somebody's signature tried on somebody else in "
        f"{plural(len(pairs), 'pair')}: centred r at 1 min from "
        f"{number(min(values, default=None))} to {number(max(values, default=None))}."
    )
    if judged:
        found += f" {len(working)} of {plural(len(judged), 'interval')} lie above 0."
    if not identified:
        return found
    own = sum(one["n_own_best"] for one in identified.values())
    n_sessions = sum(one["n_sessions"] for one in identified.values())
    chance = sum(one["n_sessions"] * one["chance"] for one in identified.values()) / n_sessions
    return (
        f"{found} In {own} of {n_sessions} sessions the person's own signature follows the rating "
        f"best; {number(chance * n_sessions, 1)} would be chance."
    )


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
        *_cleaning(results),
        f"Signals of {plural(metrics['n_regions'], 'region')}{_exclusions(settings)} were used.",
        f"The first {settings['drop_s']:g} s of each run were left out; ratings, interpolated at "
        f"mid-frame, were paired with the BOLD signal {_lags(settings, runs)} later, and frames "
        f"flagged as outliers were removed, leaving {kept} of {total} frames. Each region was "
        f"z-scored within run, and {FEATURES[metrics['features']]}.",
        _bins(rules, settings, runs),
        _model(metrics, rules, unit),
        "Held-out frames were predicted by the model that had not seen their "
        f"{unit} and averaged in {_time_bins(rules)}. Reported are Pearson's r, also after "
        f"centring rating and prediction within {unit}; skill, 1 - SSE / SSE of the training mean; "
        "R²; mean absolute error; slope and intercept of the least-squares line of rating on "
        "prediction; and the area under the ROC curve for ratings above the median. "
        f"Primary, fixed in advance: {unit}-centred r and skill at 1 min. Intervals of these, of "
        f"slope and of intercept are from a circular block bootstrap of neighbouring {unit}s with "
        f"a small-sample correction; those of r and AUC resample {unit}s, runs and bins "
        f"hierarchically ({settings['n_bootstraps']:,} samples, seed {settings['random_seed']}) "
        "and ignore autocorrelation.",
        *_stage_methods(results, settings, rules, unit),
    ]
    return " ".join(sentences)


FEATURES = {
    "edges": "the products of all region pairs were averaged within bins (edges)",
    "activity": "the signal of each region was averaged within bins",
    "both": "the signal of each region and the products of all region pairs (edges) were averaged "
    "within bins, each scaled to a mean squared length of 1 over the training rows",
}
"""What is decoded, by the name of the features."""

NUISANCE = {
    "paper": "six motion parameters, and five components each of white matter and CSF (aCompCor)",
    "24P": "24 motion regressors (parameters, changes, squares)",
    "36P": "36 regressors (motion, white matter, CSF and global signal; changes and squares)",
    "acompcor_gsr": "motion parameters and their changes, five components each of white matter "
    "and CSF (aCompCor), and the global signal",
    "none": "no nuisance regressor",
}


def _cleaning(results: Results) -> list[str]:
    """How regional signals were made of dense BOLD, if they were."""
    dense = results.audit.get("dense")
    if dense is None:
        return []
    band = f"sines and cosines below {dense['high_pass_hz']:g} Hz" if dense["high_pass_hz"] else ""
    fast = f"above {dense['low_pass_hz']:g} Hz" if dense["low_pass_hz"] else ""
    out = [f"a linear trend, {NUISANCE[dense['nuisance_regressors']]}", *filter(None, [band, fast])]
    censored = (
        f"frames with a framewise displacement above {dense['fd_thresh_mm']:g} mm"
        + (
            f" (motion parameters low-passed at {dense['motion_low_pass_hz']:g} Hz)"
            if dense["motion_low_pass_hz"]
            else ""
        )
        if dense["fd_thresh_mm"]
        else "no frames for their motion"
    )
    smoothed = dense["smoothing_sigma_mm"]
    return [
        f"Dense BOLD ({dense['kind']}"
        + (f", smoothed within the brain by {smoothed:g} mm SD" if smoothed else "")
        + f") was averaged over the regions of {dense['atlas']}; from the means, "
        f"{' and '.join(out)} were taken out in one regression over the frames kept, after "
        f"censoring {censored}. A region had to have signal in {dense['min_coverage']:.0%} of its "
        "points in a run."
    ]


def _stage_methods(
    results: Results, settings: Mapping[str, Any], rules: Mapping[str, Any], unit: str
) -> list[str]:
    """A sentence for each stage that found something."""
    draws = settings["n_curve_draws"] or rules["curve_draws"]
    penalty = (
        f"that of the held-out {unit}'s fold" if rules["curve_penalty"] == "fold"
        else "chosen by leaving out parts of the draw"
    )  # fmt: skip
    alone = (results.metrics["stages"]["prospective"] or {}).get("first") is not None
    same = (
        "the same permutations" if "null" in results.findings
        else f"permutations of the rating within and between {unit}s"
    )  # fmt: skip
    sentences = {
        "null": "The whole pipeline was repeated on "
        f"{settings['n_permutations']:,} ratings permuted within {unit}s (traces swapped "
        f"between {unit}s and shifted circularly within runs) and as many permuted between them "
        f"({unit} means reordered as a first-order autoregressive process, its coefficient drawn "
        "from its posterior).",
        "controls": "Motion, global signal, time in run and between sessions, previous level and "
        f"session covariates, as far as known, were tested alone by least squares under {same} "
        "(Holm within family), and partialled out of ratings and edges with "
        "coefficients from training rows of every fold.",
        "refits": "The analysis was repeated with a buffer of "
        f"{plural(settings['buffer_sessions'], unit)}, with blocks of neighbouring {unit}s left "
        "out, and with other regions.",
        "curve": f"For the learning curve, models of fewer {unit}s, {draws} random draws per "
        f"held-out {unit} and number of {unit}s, used a penalty {penalty}.",
        "prospective": f"Models of the first {unit}s were tested on all later ones"
        + (
            f", and the first {settings['first_sessions']} {unit}s were analysed alone."
            if alone
            else "."
        ),
        "importance": "Importance of regions and networks is the mean loss of r at 1 min over "
        f"{settings['n_importance_permutations']:,} permutations of their contribution, which "
        f"moved {unit}s, runs within them and minutes within runs; structure coefficients are "
        "correlations of each edge with the final model's prediction over training rows.",
        "rest": "Resting runs were scored by the model that had not seen their session.",
        "baselines": "Comparison models were trained on the same outer folds, their parameters "
        f"chosen inside the training {unit}s.",
        "univariate": "The univariate map is a mass-univariate linear model of each run (rating "
        "convolved with SPM's canonical response, motion, cosine drifts, first-order "
        "autoregressive noise; nilearn), combined within sessions by precision and tested across "
        "sessions by a t-test with control of the false discovery rate.",
        "external": "External signatures were applied to the frames that tested ours.",
    }
    tables = {"curve": "learningcurve"}
    return [
        text for stage, text in sentences.items() if tables.get(stage, stage) in results.findings
    ]


REFERENCES = {
    "lee": "Lee, Jo, Cho & Woo (2026). Nature Neuroscience. doi:10.1038/s41593-026-02221-3",
    "lassopcr": "Wager, Atlas, Leotti & Rilling (2011). Journal of Neuroscience 31, 439-452. "
    "doi:10.1523/JNEUROSCI.3420-10.2011 (LASSO-PCR)",
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
    "holm": "Holm (1979). Scandinavian Journal of Statistics 6, 65-70 (family-wise error)",
    "haufe": "Haufe et al. (2014). NeuroImage 87, 96-110. doi:10.1016/j.neuroimage.2013.10.067 "
    "(weights are not patterns)",
    "fdr": "Benjamini & Hochberg (1995). Journal of the Royal Statistical Society B 57, 289-300 "
    "(false discovery rate)",
    "cpm": "Shen et al. (2017). Nature Protocols 12, 506-518. doi:10.1038/nprot.2016.178 "
    "(connectome-based predictive modelling)",
    "qcfc": "Ciric et al. (2017). NeuroImage 154, 174-187. doi:10.1016/j.neuroimage.2017.03.020 "
    "(motion in connectivity)",
}


def references(results: Results) -> list[str]:
    """References of what was used in this very run."""
    dense, found = results.audit.get("dense"), results.findings
    decoder = results.metrics["decoder"]
    used = {
        "lee": True,
        "lassopcr": decoder == "lasso_pcr"
        or any("LASSO-PCR" in name for name in _compared(results)),
        "ridge": decoder == "ridge",
        "compcor": dense and dense["nuisance_regressors"] in ("paper", "acompcor_gsr"),
        "24P": dense and dense["nuisance_regressors"] == "24P",
        "36P": dense and dense["nuisance_regressors"] == "36P",
        "fd": dense and dense["fd_thresh_mm"],
        "once": dense,
        "holm": "controls" in found,
        "haufe": "structure" in found,
        "cpm": "baselines" in found,
        "fdr": "univariate" in found,
        "qcfc": "qcfc" in found,
    }
    return [REFERENCES[name] for name, is_used in used.items() if is_used]


def _compared(results: Results) -> list[str]:
    """Names of the comparison models that were fitted."""
    table = results.findings.get("baselines")
    return [] if table is None else list(table["method"].unique())


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
    lost = int(runs["n_training_bins_lost"].sum())
    n_bins = int(runs["n_training_bins"].sum())
    if rules["train_bins"] != "rating":
        n_parts = PARTS_OF_A_MINUTE[rules["train_bins"]]
        cut = f" (1-min time bins in {n_parts} equal parts)" if n_parts > 1 else ""
        short = (
            f"; {lost} with less than {30 // n_parts} s of usable frames "
            f"{'was' if lost == 1 else 'were'} left out"
            if lost
            else ""
        )
        return f"{n_bins:,} time bins of about {60 // n_parts} s trained{cut}{short}."
    rounding = (
        f" (ratings rounded to 1e-{rules['rating_decimals']})" if rules["rating_decimals"] else ""
    )
    many = "10 bins" if rules["time_bins"] == "discretize" else "bins, one per usable minute,"
    return (
        f"For training, frames of a run were sorted by rating into {many} of equal size{rounding}; "
        f"stretches shorter than {settings['min_stretch_frames']} frames were dropped, which left "
        f"{n_bins} bins ({lost} lost all frames)."
    )


def _model(metrics: Mapping[str, Any], rules: Mapping[str, Any], unit: str) -> str:
    """The decoder, and what it chose."""
    chosen = metrics["selected"]
    if metrics["decoder"] == "ridge":
        return (
            f"Ridge regression was trained by nested leave-one-{unit}-out cross-validation: for "
            f"each {unit} left out, the penalty was the one with the smallest squared error at 1 "
            f"min when each other {unit} was left out in turn (leave-one-{unit}-out in closed "
            f"form). Tried were {len(ALPHAS)} penalties λ, from {rounded(ALPHAS[0])} to "
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
        "LASSO principal-component regression, refit by least squares on the components kept, "
        f"was trained by nested leave-one-{unit}-out cross-validation: for each {unit} left out, "
        f"the penalty was the one with the highest correlation when each other {unit} was left "
        f"out in turn, from a grid made of {grid}. The model of all {unit}s has "
        f"{plural(chosen['n_components'], 'component')}."
    )


def selected_sentences(metrics: Mapping[str, Any]) -> str:
    """What was chosen inside the training data, and whether the grid ended there."""
    chosen, unit = metrics["selected"], metrics["leave_out"]
    models = [chosen, *chosen["folds"]]
    if metrics["decoder"] != "ridge":
        n_components = [fold["n_components"] for fold in chosen["folds"]]
        return (
            f"The model of all {unit}s has {plural(chosen['n_components'], 'component')}; those of "
            f"the folds have {min(n_components)} to {max(n_components)}."
        )
    alpha, dof = ([fold[name] for fold in chosen["folds"]] for name in ("alpha", "dof"))
    sentences = [
        f"The model of all {unit}s has a penalty λ of {rounded(chosen['lambda'])} (α = "
        f"{rounded(chosen['alpha'])} mean eigenvalues) and {rounded(chosen['dof'])} effective "
        f"degrees of freedom; those of the folds have α from {rounded(min(alpha))} to "
        f"{rounded(max(alpha))}, and {rounded(min(dof))} to {rounded(max(dof))} effective degrees "
        "of freedom."
    ]
    for at, which, meaning in (
        (ALPHAS[0], "smallest", "less shrinkage might predict better"),
        (ALPHAS[-1], "largest", "these models predict little more than the mean rating"),
    ):
        n = sum(one["at_edge_of_grid"] and abs(one["alpha"] / at - 1) < 1e-9 for one in models)
        if n:
            sentences.append(
                f"At the edge of the grid: {n} of the {len(models)} models took the {which} "
                f"penalty that was tried; {meaning}."
            )
    return " ".join(sentences)


def _time_bins(rules: Mapping[str, Any]) -> str:
    if rules["time_bins"] == "discretize":
        return "10 and 5 time bins a run (about 1 and 2 min), whole runs and sessions"
    return "time bins of about 1 and 2 min, whole runs and sessions"
