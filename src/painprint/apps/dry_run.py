"""Dry run: list what would be used and excluded, and the resources needed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from joblib import effective_n_jobs

from painprint.apps.exclusions import list_regions
from painprint.apps.resources import Size, describe_needs
from painprint.apps.study import Study
from painprint.bids.runs import Inventory
from painprint.bins import PARTS_OF_A_MINUTE, count_bins
from painprint.bold.nuisance import Cleaning
from painprint.decode.prepare import Prepared, prepare_runs
from painprint.errors import DerivativesError
from painprint.excluded import list_excluded
from painprint.files.cifti import open_dtseries
from painprint.files.images import Series
from painprint.files.nifti import read_mask, read_scan_header
from painprint.runs import ExcludedRun, Frames, Run
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
    general = (*inventory.notes, *prepared.notes)
    lines += [f"  note: {note}" for note in (*general, *notes)]
    n_dense = len(inventory.dense.files) if inventory.dense else 0
    lines.append(
        f"  in addition: {len(inventory.rest)} resting runs, dense BOLD of {n_dense} runs, "
        f"{len(study.external)} external signatures"
    )
    try:
        _, groups = prepared.groups(study.settings.leave_out)
        lines.append(
            f"  {len(groups)} {study.settings.leave_out}s, {len(prepared.runs)} runs, "
            f"{len(prepared.regions.names)} regions; "
            + describe_needs(_size(runs, prepared, study, inventory), study.settings)
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
    excluded, sessions = list(inventory.excluded), set()
    rated: list[tuple[Series, Cleaning]] = []
    notes = dict.fromkeys(inventory.notes)
    for files in (*inventory.runs, *inventory.rest):
        try:
            series, cleaning = reader.extraction.check(files)
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
    if rated:
        size = _size_from_headers(
            rated, study, n_sessions=len(sessions), n_dense=n_runs, n_regions=n_regions
        )
        lines.append(
            f"  {len(sessions)} sessions, {n_regions} regions; "
            + describe_needs(size, study.settings)
            + f" Regional time series of {n_runs} runs are kept in OUT_DIR (about "
            f"{n_runs * n_regions * 0.014:.0f} MB)."
        )
    return "\n".join(lines), bool(sessions)


def _count_events(frames: Frames) -> int:
    """Number of events with usable frames; 0 for a continuous rating."""
    return 0 if frames.event is None else len(np.unique(frames.event))


def _size(runs: Sequence[Run], prepared: Prepared, study: Study, inventory: Inventory) -> Size:
    """Size of a study of regional time series, which were read."""
    rules, settings = study.settings.rules, study.settings
    of_events = prepared.runs[0][0].event is not None
    n_tested = sum(
        _count_events(frames) if of_events else count_bins(frames, rules).one_minute
        for frames, *_ in prepared.runs
    )
    _, groups = prepared.groups(settings.leave_out)
    n_points, n_frames = _size_of_dense(inventory)
    return Size(
        n_rows=n_tested * (1 if of_events else PARTS_OF_A_MINUTE.get(rules.train_bins, 1)),
        n_tested=n_tested,
        n_groups=len(groups),
        n_regions=len(prepared.regions.names),
        signals=float(sum(run.signals.nbytes for run in runs)),
        copies=float(sum(lag.signals.nbytes for lags in prepared.runs for lag in lags)),
        n_lags=len(settings.lag_s),
        n_features=2 if settings.features == "both" else 1,
        n_workers=effective_n_jobs(study.n_jobs),
        of_events=of_events,
        n_points=n_points,
        n_frames=n_frames,
        n_dense=len(inventory.dense.files) if inventory.dense else 0,
    )


def _size_of_dense(inventory: Inventory) -> tuple[int, int]:
    """Points and frames of dense BOLD beside regional time series, by the first header that can be
    read; 0 if there is none."""
    dense = inventory.dense
    for key, file in dense.files.items() if dense else ():
        assert dense is not None
        try:
            if dense.kind == "grayordinates":
                series = open_dtseries(file.path)
                return series.points.n_points, series.n_frames
            if key in dense.masks:
                return read_mask(dense.masks[key].path).n_points, read_scan_header(file.path)[0]
        except DerivativesError:
            continue  # it is named where it is read
    return 0, 0


def _size_from_headers(
    used: Sequence[tuple[Series, Cleaning]],
    study: Study,
    *,
    n_sessions: int,
    n_dense: int,
    n_regions: int,
) -> Size:
    """Size of a study of rated runs of dense BOLD, by headers and confounds."""
    rules, settings = study.settings.rules, study.settings
    kept_s = [float(cleaning.kept.sum()) * cleaning.times.tr_s for _, cleaning in used]
    minutes = [max(2, round((seconds - settings.drop_s) / 60)) for seconds in kept_s]
    n_frames = sum(int(cleaning.kept.sum()) for _, cleaning in used)
    by_run = settings.leave_out == "run"
    return Size(
        n_rows=sum(minutes) * PARTS_OF_A_MINUTE.get(rules.train_bins, 1),
        n_tested=sum(minutes),
        n_groups=len(used) if by_run else n_sessions,
        n_regions=n_regions,
        signals=8.0 * n_frames * n_regions,
        copies=8.0 * n_frames * n_regions * len(settings.lag_s),
        n_lags=len(settings.lag_s),
        n_features=2 if settings.features == "both" else 1,
        n_workers=effective_n_jobs(study.n_jobs),
        n_points=max(series.points.n_points for series, _ in used),
        n_frames=max(series.n_frames for series, _ in used),
        n_dense=n_dense,
        extracted=True,
    )
