"""Dry run: list what would be used and excluded, and the resources needed."""

from __future__ import annotations

from collections import Counter

import numpy as np

from painprint.apps.exclusions import list_regions
from painprint.apps.prior import read_priors
from painprint.apps.resources import describe_needs
from painprint.apps.sizes import count_events, size_of_dense_runs, size_of_runs
from painprint.apps.study import Study
from painprint.bids.choose_source import label_of
from painprint.bids.frame_rating import FrameGrid, rate_frames
from painprint.bids.runs import Inventory, RunFiles
from painprint.bold.nuisance import Cleaning
from painprint.decode.prepare import Prepared, describe_left_out, prepare_runs
from painprint.errors import DerivativesError
from painprint.excluded import list_excluded
from painprint.files.images import Series
from painprint.files.labels import kind_of_points
from painprint.results.audit import NO_NETWORKS
from painprint.runs import ExcludedRun
from painprint.wording import FEW_GROUPS, count_people, plural


def describe_inventory(study: Study, participant: str) -> tuple[str, bool]:
    """Data that a study would use and exclude, with reasons, and resources needed (--dry-run); and
    whether the participant can be decoded."""
    inventory = study.find(participant)
    if inventory.image is not None:
        return _describe_dense(study, inventory)
    reader = study.reader(inventory)
    runs = reader.runs()
    pooled, prior_notes = read_priors(study.signatures, inventory, reader.hashes)
    prior = None if pooled is None else pooled.prior
    prepared = prepare_runs(runs, study.settings, regions=reader.regions, prior=prior)
    lines = [
        f"sub-{participant}: task {', '.join(inventory.tasks) or 'n/a'}, "
        f"atlas {inventory.atlas or 'n/a'}" + (" (simulated data)" if inventory.simulated else "")
    ]
    rating_files = {record.key: record.rating_file for record in reader.records}
    lines += [
        f"  use      {frames.key}: {len(frames)} of {frames.counts['n_frames']} frames"
        + (f" in {plural(count_events(frames), 'event')}" if frames.event is not None else "")
        + f", rating {rating_files[frames.key]}"
        for frames, *_ in prepared.runs
    ]
    lines += _describe_frames(prepared)
    excluded = (*reader.excluded, *prepared.runs_left_out)
    lines += _name_other_sessions(study, inventory)
    lines += [f"  exclude  {line}" for line in list_excluded(excluded, inventory.n_runs)]
    lines += [f"  {line}" for line in list_regions(prepared)]
    notes = dict.fromkeys(note for record in reader.records for note in record.notes)
    general = (*inventory.notes, *prior_notes, *prepared.notes, *_note_missing(inventory))
    lines += [f"  note: {note}" for note in (*general, *notes)]
    n_dense = len(inventory.dense.files) if inventory.dense else 0
    n_external = len(study.signatures.external)
    in_addition = [
        plural(len(inventory.rest), "resting run") if inventory.rest else "",
        f"dense BOLD of {plural(n_dense, 'run')}" if n_dense else "",
        plural(n_external, "external signature") if n_external else "",
        f"a prior of {count_people(prior.n_people)}" if prior else "",
    ]
    if any(in_addition):
        lines.append(f"  in addition: {', '.join(filter(None, in_addition))}")
    try:
        _, groups = prepared.groups(study.settings.leave_out)
        lines.append(
            f"  {len(groups)} {study.settings.leave_out}s, {len(prepared.runs)} runs, "
            f"{len(prepared.regions.names)} regions; "
            + describe_needs(size_of_runs(study, inventory, runs, prepared), study.settings)
        )
    except ValueError as error:
        return "\n".join([*lines, f"  cannot be decoded: {error}"]), False
    lines += _warn_of_few(len(groups), study.settings.leave_out)
    return "\n".join(lines), True


def _describe_frames(prepared: Prepared) -> list[str]:
    """A line on the frames of all runs that are not used."""
    total: Counter[str] = Counter()
    for frames, *_ in prepared.runs:
        total.update(frames.counts)
    left_out = describe_left_out(total)
    return [f"  of {total['n_frames']} frames, excluded: {left_out}"] if left_out else []


def _name_other_sessions(study: Study, inventory: Inventory) -> list[str]:
    """A line on the sessions of the raw dataset that were not selected."""
    if not study.settings.session_label:
        return []
    wanted = {label_of(session, "ses") for session in study.settings.session_label}
    labels = {file.entities.get("ses") for file in study.raw.files_of(inventory.participant)}
    others = sorted(label for label in labels - wanted if label is not None)
    return [f"  exclude  {', '.join(others)}: not in --session-label"] if others else []


def _note_missing(inventory: Inventory) -> list[str]:
    """Notes on files that would be used, but were not found."""
    notes = [] if inventory.region_table else [NO_NETWORKS]
    without = [files.key for files in inventory.runs if files.motion is None]
    if without:
        notes.append(
            f"no motion file of {plural(len(without), 'run')} (first: {without[0]}): motion cannot "
            "be tested as a confound."
        )
    return notes


def _warn_of_few(n_groups: int, unit: str) -> list[str]:
    """A line where a study can be decoded, but gives no conclusion."""
    if n_groups >= FEW_GROUPS:
        return []
    return [f"  note: {plural(n_groups, unit)} give no conclusion; {FEW_GROUPS} are needed."]


def _describe_rating(files: RunFiles, series: Series, cleaning: Cleaning, study: Study) -> str:
    """Which rating a run of dense BOLD has, and of how many frames."""
    times = FrameGrid(series.n_frames, cleaning.times.tr_s, cleaning.times.start_s)
    rated = rate_frames(files, times, study.settings)
    n_rated = int(np.isfinite(rated.rating).sum())
    if not n_rated:
        raise DerivativesError(
            "no frame of the BOLD has a rating. Check StartTime and SamplingFrequency of its "
            "sidecar.",
            rated.sources[0].path,
        )
    return f", rating {rated.sources[0].path.name} of {n_rated} frames"


def _describe_dense(study: Study, inventory: Inventory) -> tuple[str, bool]:
    """The same for dense BOLD, of which only headers are read, and its ratings."""
    reader = study.reader(inventory)
    assert reader.extraction is not None and inventory.image is not None
    lines = [
        f"sub-{inventory.participant}: task {', '.join(inventory.tasks) or 'n/a'}, dense BOLD, "
        f"atlas {inventory.image.image.name}" + (" (simulated data)" if inventory.simulated else "")
    ]
    excluded, sessions = list(inventory.excluded), set()
    rated: list[tuple[Series, Cleaning]] = []
    notes = dict.fromkeys(inventory.notes)
    for files in (*inventory.runs, *inventory.rest):
        try:
            series, cleaning = reader.extraction.check(files)
            rating = _describe_rating(files, series, cleaning, study) if files.rating else ""
        except DerivativesError as error:
            excluded.append(ExcludedRun(files.key, str(error)))
            continue
        notes |= dict.fromkeys(cleaning.notes)
        if files.rating:
            sessions.add(files.key.session)
            rated.append((series, cleaning))
        kind = "use" if files.rating else "rest"
        lines.append(
            f"  {kind:8s} {files.key}: {files.series.path.name}, {series.n_frames} frames of "
            f"{series.points.n_points} {kind_of_points(series.points)}{rating}"
        )
    lines += _name_other_sessions(study, inventory)
    n_found = inventory.n_runs + len(inventory.rest)
    lines += [f"  exclude  {line}" for line in list_excluded(excluded, n_found)]
    dense_notes = inventory.dense.notes if inventory.dense else ()
    lines += [f"  note: {note}" for note in (*notes, *dense_notes)]
    try:
        n_regions = len(reader.extraction.atlas.regions.names)
    except DerivativesError as error:
        return "\n".join([*lines, f"  cannot be decoded: {error}"]), False
    n_runs = len(inventory.runs) + len(inventory.rest)
    if rated:
        size = size_of_dense_runs(
            study, rated, n_sessions=len(sessions), n_dense=n_runs, n_regions=n_regions
        )
        lines.append(
            f"  {len(sessions)} sessions, {n_regions} regions; "
            + describe_needs(size, study.settings)
            + f" Regional time series of {n_runs} runs are kept in OUT_DIR (about "
            f"{n_runs * n_regions * 0.014:.0f} MB)."
        )
        if study.settings.leave_out == "session":
            lines += _warn_of_few(len(sessions), "session")
    return "\n".join(lines), bool(sessions)
