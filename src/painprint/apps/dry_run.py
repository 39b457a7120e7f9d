"""Dry run: list what would be used and excluded, and the resources needed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from joblib import effective_n_jobs

from painprint.apps.decode import list_regions
from painprint.apps.study import Study
from painprint.bids.runs import Inventory
from painprint.bins import PARTS_OF_A_MINUTE, count_bins
from painprint.decode.many import MOMENTS_BYTES
from painprint.decode.prepare import Prepared, prepare_runs
from painprint.edges import count_edges
from painprint.errors import DerivativesError
from painprint.evidence.bin_features import MOST_BYTES_OF_EDGES
from painprint.evidence.stages import stages_to_run
from painprint.runs import ExcludedRun, Frames, Run, list_excluded
from painprint.wording import plural


def describe_inventory(study: Study, participant: str) -> tuple[str, bool]:
    """Data that a study would use and exclude, with reasons, and resources needed (--dry-run).

    Returns
    -------
    text : str
    can_be_decoded : bool
    """
    inventory = study.find(participant)
    if inventory.image is not None:
        return _describe_dense(study, inventory)
    reader = study.reader(inventory)
    runs = reader.runs()
    prepared = prepare_runs(runs, study.settings, regions=reader.regions)
    lines = [
        f"sub-{participant}: task {', '.join(inventory.tasks) or 'n/a'}, "
        f"atlas {inventory.atlas or 'n/a'}" + (" (simulated data)" if inventory.simulated else "")
    ]
    rating_files = {record.key: record.rating_file for record in reader.records}
    lines += [
        f"  use      {frames.key}: {len(frames)} of {frames.counts['n_frames']} frames"
        + (f" in {plural(_count_events(frames), 'event')}" if frames.event is not None else "")
        + f", rating {rating_files[frames.key]}"
        for frames, *_ in prepared.runs
    ]
    excluded = (*reader.excluded, *prepared.runs_left_out)
    lines += [f"  exclude  {line}" for line in list_excluded(excluded)]
    lines += [f"  {line}" for line in list_regions(prepared)]
    notes = dict.fromkeys(note for record in reader.records for note in record.notes)
    lines += [f"  note: {note}" for note in (*inventory.notes, *notes)]
    n_dense = len(inventory.dense.files) if inventory.dense else 0
    lines.append(
        f"  in addition: {len(inventory.rest)} resting runs, dense BOLD of {n_dense} runs, "
        f"{len(study.external)} external signatures"
    )
    try:
        _, groups = prepared.groups(study.settings.leave_out)
        lines.append(
            f"  {len(groups)} {study.settings.leave_out}s, {len(prepared.runs)} runs, "
            f"{len(prepared.regions.names)} regions; {_needs(runs, prepared, study)}"
        )
    except ValueError as error:
        return "\n".join([*lines, f"  cannot be decoded: {error}"]), False
    return "\n".join(lines), True


def _describe_dense(study: Study, inventory: Inventory) -> tuple[str, bool]:
    """The same for dense BOLD, of which only headers are read."""
    reader = study.reader(inventory)
    assert reader.extraction is not None and inventory.image is not None
    lines = [
        f"sub-{inventory.participant}: task {', '.join(inventory.tasks) or 'n/a'}, dense BOLD, "
        f"atlas {inventory.image.image.name}" + (" (simulated data)" if inventory.simulated else "")
    ]
    excluded, n_bytes, sessions = list(inventory.excluded), 0, set()
    notes = dict.fromkeys(inventory.notes)
    for files in (*inventory.runs, *inventory.rest):
        try:
            series, run_notes = reader.extraction.check(files)
        except DerivativesError as error:
            excluded.append(ExcludedRun(files.key, str(error)))
            continue
        notes |= dict.fromkeys(run_notes)
        n_bytes = max(n_bytes, 4 * series.n_frames * series.points.n_points)
        sessions |= {files.key.session} if files.rating else set()
        kind = "use" if files.rating else "rest"
        lines.append(
            f"  {kind:8s} {files.key}: {files.series.path.name}, {series.n_frames} frames of "
            f"{series.points.n_points} points"
        )
    lines += [f"  exclude  {line}" for line in list_excluded(excluded)]
    dense_notes = inventory.dense.notes if inventory.dense else ()
    lines += [f"  note: {note}" for note in (*notes, *dense_notes)]
    try:
        n_regions = len(reader.extraction.atlas.regions.names)
    except DerivativesError as error:
        return "\n".join([*lines, f"  cannot be decoded: {error}"]), False
    n_runs = len(inventory.runs) + len(inventory.rest)
    lines.append(
        f"  {len(sessions)} sessions, {n_regions} regions; a run has up to {n_bytes / 1e9:.2f} GB, "
        f"and regional time series of {n_runs} runs are kept in OUT_DIR "
        f"(about {n_runs * n_regions * 0.014:.0f} MB)."
    )
    return "\n".join(lines), bool(sessions)


def _count_events(frames: Frames) -> int:
    """Number of events with usable frames; 0 for a continuous rating."""
    return 0 if frames.event is None else len(np.unique(frames.event))


def _needs(runs: Sequence[Run], prepared: Prepared, study: Study) -> str:
    """Rough estimate of the memory and disk space needed."""
    n_regions = len(prepared.regions.names)
    signals = sum(lag.signals.nbytes for lags in prepared.runs for lag in lags)
    signals += sum(run.signals.nbytes for run in runs)
    rules, settings = study.settings.rules, study.settings
    n_tested = sum(
        count_bins(frames, rules).one_minute if frames.event is None else _count_events(frames)
        for frames, *_ in prepared.runs
    )
    of_events = prepared.runs[0][0].event is not None
    n_rows = n_tested * (1 if of_events else PARTS_OF_A_MINUTE.get(rules.train_bins, 1))
    _, groups = prepared.groups(settings.leave_out)
    n_groups, workers = len(groups), effective_n_jobs(study.n_jobs)
    matrices = 8.0 * n_rows**2 * (2 + 4 * workers)
    predictions = 0.0
    if rules.decoder == "lasso_pcr":
        predictions = 8.0 * n_rows * n_rows * n_groups
    if stages_to_run(settings):
        matrices += 8.0 * (n_rows + 1.5 * n_tested) ** 2 * (2 + workers)
    if "null" not in settings.skip and rules.train_bins != "rating":
        n_ratings = 2.2 * settings.n_permutations
        permuted = 8.0 * n_rows * n_ratings * (3 + 4 * workers)
        if rules.decoder == "lasso_pcr":
            permuted += 1.4 * min(MOMENTS_BYTES, 32 * n_groups * n_rows * n_ratings)
        predictions = max(predictions, permuted)
    edges = 4.0 * (n_rows + 1.5 * n_tested) * count_edges(n_regions)  # single precision
    if "baselines" not in settings.skip and edges <= MOST_BYTES_OF_EDGES:
        predictions = max(predictions, 1.1 * edges)
    memory = 0.3e9 + 1.1 * signals + matrices + predictions
    disk = 2e6 + 60 * count_edges(n_regions) + 400 * n_rows
    return f"about {memory / 1e9:.1f} GB of memory and {disk / 1e6:.0f} MB of disk."
