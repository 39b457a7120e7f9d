"""Facts of a study that reporting standards ask for: each as a text, or None where not given.

What the inputs say was recorded when the study ran; results of earlier versions lack it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from painprint.report.words import calibration_sentences, with_interval
from painprint.results.conclusion import flagged_confounds
from painprint.results.files import HISTORY
from painprint.results.read import Results
from painprint.results.record import DESCRIPTION
from painprint.wording import FEW_GROUPS, enumerate_names, is_value, number, plural

USE = (
    "Research on how the pain ratings of this one person vary with their own fMRI: validation on "
    "held-out data, and predictions of new runs of the same person that were acquired, processed "
    "and rated in the same way."
)
NOT_FOR = (
    "Not for diagnosis, for decisions on treatment or benefits, or to confirm or contradict what a "
    "person says about their pain. Not for other people, scanners, tasks, ratings or processing "
    "without a new validation."
)
TREATED = re.compile(
    r"medic|(^|[^a-z])meds?([^a-z]|$)|drug|dos(e|ing|age)|(^|_)mg(_|$)|opioid|analges|treat|therap|"
    r"intervention|stimulat|surgery",
    re.I,
)
"""Names and descriptions of columns that state a treatment."""
SCANNER = {
    "scanner": ("Manufacturer", "ManufacturersModelName"),
    "field": ("MagneticFieldStrength",),
    "software": ("SoftwareVersions",),
    "coil": ("ReceiveCoilName",),
    "sequence": ("PulseSequenceType",),
    "te": ("EchoTime",),
    "flip": ("FlipAngle",),
    "multiband": ("MultibandAccelerationFactor",),
    "in_plane": ("ParallelReductionFactorInPlane",),
    "slice": ("SliceThickness",),
    "phase": ("PhaseEncodingDirection",),
}
"""Facts of the scanner and the sequence, and the keys of the sidecar that state them."""
UNITS = {"field": " T", "te": " s", "flip": "°", "slice": " mm"}
"""Units of acquisition parameters."""


def facts(results: Results) -> dict[str, str | None]:
    """Every fact by its name; None where it is not given.

    Returns
    -------
    facts : dict
        Keys are those of :data:`LABELS`.
    """
    described = results.provenance.get(DESCRIPTION) or {}
    return {
        **_of_people(described),
        **_of_rating(described.get("rating") or {}, results),
        **_of_scanner(described.get("scanner") or {}, results),
        **_of_processing(described, results),
        **_of_dataset(described.get("dataset") or {}),
        **_of_sample(results),
        **_of_model(results),
        **_of_validation(results),
        **_of_registration(described.get("dataset") or {}, results),
        "use": f"{USE} {NOT_FOR}",
    }


LABELS = {
    "participant": "Participant",
    "treatment": "Treatment",
    "sessions": "Other columns of sessions.tsv",
    "outcome": "Outcome (rating)",
    "anchors": "Range and anchors",
    "instruction": "Instruction",
    "sampling": "Sampling of the rating",
    "scanner": "Scanner",
    "field": "Field strength",
    "software": "Scanner software",
    "coil": "Receive coil",
    "sequence": "Pulse sequence",
    "tr": "Repetition time",
    "te": "Echo time",
    "flip": "Flip angle",
    "multiband": "Multiband factor",
    "in_plane": "In-plane acceleration",
    "slice": "Slice thickness",
    "phase": "Phase-encoding direction",
    "pipelines": "Preprocessing software",
    "denoising": "Denoising",
    "motion": "Motion",
    "license": "Licence of the data",
    "registration": "Registration",
    "ethics": "Ethics approval",
    "funding": "Funding",
    "doi": "DOI of the data",
    "sample": "Sample size",
    "curve": "Sessions needed, from the learning curve",
    "runs": "Runs",
    "frames": "Frames",
    "bins": "Bins",
    "features": "Predictors",
    "model": "Model",
    "tuning": "Hyperparameters",
    "validation": "Validation",
    "code": "Software",
    "seed": "Random seed",
    "performance": "Performance",
    "chance": "Comparison with chance",
    "calibration": "Calibration",
    "confounds": "Confounds",
    "sensitivity": "Sensitivity analyses",
    "prospective": "Prospective validation",
    "importance": "Importance of regions",
    "comparison": "Comparison models",
    "clusters": "Agreement within sessions",
    "output": "Output of the model",
    "updated": "Earlier signatures",
    "use": "Intended use",
}
"""What each fact is called on the page."""


def _of_people(described: Mapping[str, Any]) -> dict[str, str | None]:
    """Participant and treatment, as in participants.tsv and sessions.tsv."""
    person, sessions = described.get("participant") or [], described.get("sessions") or []
    treated = [row for row in (*person, *sessions) if _is_treatment(row)]
    return {
        "participant": _columns(row for row in person if row not in treated),
        "treatment": _columns(treated),
        "sessions": _columns(row for row in sessions if row not in treated),
    }


def _is_treatment(row: Mapping[str, Any]) -> bool:
    return bool(TREATED.search(f"{row['column']} {row['description'] or ''}"))


def _columns(rows: Iterable[Mapping[str, Any]]) -> str | None:
    """Columns with their values, unit, description and number of sessions."""
    texts = []
    for row in rows:
        unit = f" {row['unit']}" if row["unit"] else ""
        notes = [row["description"], f"{row['n']} sessions" if "n" in row else None]
        said = ", ".join(filter(None, notes))
        texts.append(f"{row['column']}: {row['value']}{unit}" + (f" ({said})" if said else ""))
    return "; ".join(texts) or None


def _of_rating(rating: Mapping[str, Any], results: Results) -> dict[str, str | None]:
    """The rating, in the words of its sidecar; its range also from the option."""
    unit = f", in {rating['unit']}" if rating.get("unit") else ""
    description = rating.get("description")
    hertz, limits = rating.get("sampling_hz"), results.settings["rating_range"]
    span = f"{limits[0]:g} to {limits[1]:g}" if limits else rating.get("range")
    return {
        "outcome": f"{rating['column']}: {description}{unit}" if description else None,
        "anchors": "; ".join(filter(None, [span, rating.get("anchors")])) or None,
        "instruction": rating.get("instruction") or rating.get("task"),
        "sampling": f"{hertz} Hz" if hertz else None,
    }


def _of_scanner(scanner: Mapping[str, str], results: Results) -> dict[str, str | None]:
    """The scanner and the sequence; the repetition time is that of the frames."""
    found: dict[str, str | None] = {}
    for name, keys in SCANNER.items():
        texts = [scanner[key] for key in keys if key in scanner]
        unit = UNITS.get(name, "")
        found[name] = f"{' '.join(texts)}{unit}" if len(texts) == len(keys) else None
    times = sorted({f"{tr_s:g}" for tr_s in results.runs["tr_s"]})
    return {**found, "tr": f"{' or '.join(times)} s"}


def programs(described: Mapping[str, Any]) -> list[str]:
    """Programs that made the derivatives, with their versions, each once."""
    rows = described.get("pipelines") or ()
    return list(dict.fromkeys(" ".join(filter(None, [r["name"], r["version"]])) for r in rows))


def _of_processing(described: Mapping[str, Any], results: Results) -> dict[str, str | None]:
    dense = results.audit.get("dense")
    fd = results.runs["mean_fd_mm"].dropna()
    return {
        "pipelines": ", ".join(programs(described)) or None,
        "denoising": None
        if results.of_arrays
        else "by the preprocessing software"
        if dense is None
        else f"by painprint, nuisance regressors: {dense['nuisance_regressors']}",
        "motion": f"mean framewise displacement of runs {fd.min():.2f} to {fd.max():.2f} mm"
        if len(fd)
        else None,
    }


def _of_dataset(dataset: Mapping[str, Any]) -> dict[str, str | None]:
    n_ethics, n_funding = dataset.get("n_ethics"), dataset.get("n_funding")
    return {
        "license": dataset.get("license"),
        "doi": dataset.get("doi"),
        "ethics": f"stated in the dataset ({n_ethics})" if n_ethics else None,
        "funding": f"stated in the dataset ({n_funding})" if n_funding else None,
    }


def _of_registration(dataset: Mapping[str, Any], results: Results) -> dict[str, str | None]:
    """The registration that the dataset names, and that with which the study was compared."""
    own, stated = results.registration, [dataset.get("registration")]
    if own is not None:
        n = plural(len(own["departures"]), "departure")
        changed = "" if own["is_intact"] else ", changed after it was written"
        stated.append(f"{own['file']}, SHA-256 {own['sha256']}{changed}: {n}")
    return {"registration": "; ".join(filter(None, stated)) or None}


def _of_sample(results: Results) -> dict[str, str | None]:
    """Numbers of sessions, runs, frames and bins, and what the learning curve says."""
    metrics, runs, curve = results.metrics, results.runs, results.metrics["stages"]["curve"]
    answers = [_needed(until) for until in (curve or {}).get("until", ())]
    flow = [f"{step}: {n:,}" for step, n in flow_of_runs(results)]
    return {
        "sample": f"{plural(metrics['n_runs'], 'run')} in "
        f"{plural(metrics['n_sessions'], 'session')} of one participant",
        "curve": "; ".join(answers) or None,
        "runs": "; ".join(flow[:3]),
        "frames": "; ".join(flow[3:5]),
        "bins": f"{int(runs['n_training_bins'].sum()):,} training bins and "
        f"{metrics['scales'][results.primary]['n']:,} test bins",
    }


def _needed(until: Mapping[str, Any]) -> str:
    """Sessions needed for one target, rounded up as on the page."""
    if until["refused"]:
        return f"{until['what']}: not estimated ({until['refused'].rstrip('.')})"
    n, low, high = (
        None if until[end] is None else math.ceil(until[end])
        for end in ("n_sessions", "low", "high")
    )
    ends = "" if low is None else f" (95% interval {low} to {high or 'more than can be estimated'})"
    return f"{until['what']}: {plural(n or 0, 'session')}{ends}"


NO_RATING = "no rating"
"""Start of the reason of runs without a rating."""


def flow_of_runs(results: Results) -> list[tuple[str, int]]:
    """From recorded runs to bins: each step with its number."""
    lost, runs = results.audit["runs_left_out"], results.runs
    n_found = len(lost) + results.metrics["n_runs"]
    n_unrated = sum(run["reason"].startswith(NO_RATING) for run in lost)
    return [
        ("runs found", n_found),
        ("runs with a rating", n_found - n_unrated),
        ("runs used", results.metrics["n_runs"]),
        ("frames of these runs", int(runs["n_frames"].sum())),
        ("frames used", int(runs["n_kept"].sum())),
        ("training bins", int(runs["n_training_bins"].sum())),
        (f"test {results.bins.noun}s", results.metrics["scales"][results.primary]["n"]),
    ]


def _of_model(results: Results) -> dict[str, str | None]:
    metrics, settings = results.metrics, results.settings
    history = results.files.decoding("signature", "") / HISTORY
    share = metrics["selected"].get("prior_share")
    prior = "" if share is None else f" towards other people's signatures (share {share:g})"
    name = {"ridge": "ridge regression", "lasso_pcr": "LASSO principal-component regression"}
    return {
        "features": f"{metrics['features']} of {plural(metrics['n_regions'], 'region')}",
        "model": f"{name[metrics['decoder']]}{prior}; every weight in *_weights.tsv and in "
        "*_signature",
        "tuning": "selected within the training data of each fold; see *_metrics.json",
        "validation": f"nested leave-one-{metrics['leave_out']}-out cross-validation, "
        f"{metrics['n_groups']} folds",
        "code": f"painprint {results.provenance['versions']['painprint']}, with versions of all "
        "packages and hashes of all inputs in *_provenance.json",
        "seed": str(settings["random_seed"]),
        "updated": "each in *_signature/history.json" if history.is_file() else None,
        "clusters": "r within each session in *_persession.tsv",
        "output": "a rating, on the scale of the ratings that trained it; no classes",
    }


def _of_validation(results: Results) -> dict[str, str | None]:
    """How well ratings were predicted, and what was tested besides."""
    metrics, stages, unit = results.metrics, results.metrics["stages"], results.metrics["leave_out"]
    scale, answered = metrics["scales"][results.primary], {s.name for s, _ in results.answered()}
    enough = metrics["n_groups"] >= FEW_GROUPS
    centred, skill = (with_interval(name, metrics, "") for name in ("centred_r", "skill"))
    p_values = [
        f"p {way} {unit}s {is_value(p)}"
        for way, p in (
            ("within", scale.get("p_within")),
            ("between", metrics["scales"]["session"].get("p_between")),
        )
        if p is not None
    ]
    tested = [name for name in stages["confounds"] or () if name != "not_done"]
    flagged = flagged_confounds(metrics)
    tables = {
        "sensitivity": "sensitivity", "prospective": "prospective", "importance": "importance",
        "comparison": "baselines",
    }  # fmt: skip
    return {
        "performance": f"{unit}-centred r {centred}, skill {skill}, mean absolute error "
        f"{number(scale['mae'], 3)}, n = {scale['n']:,} {results.bins.noun}s in "
        f"{plural(metrics['n_groups'], unit)}" + " (95% intervals)" * enough,
        "chance": ", ".join(p_values) or None,
        "calibration": calibration_sentences(metrics),
        "confounds": None
        if "confounds" not in answered
        else f"tested: {enumerate_names(tested)}; flagged: "
        f"{enumerate_names(flagged) if flagged else 'none'}",
        **{
            name: f"in *_{stage}.tsv" if stage in answered else None
            for name, stage in tables.items()
        },
    }
