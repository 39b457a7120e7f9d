"""Dry run: list what would be used and excluded, and the resources needed."""

from __future__ import annotations

from painprint.apps.exclusions import list_regions
from painprint.apps.resources import describe_needs
from painprint.apps.sizes import count_events, size_of_dense_runs, size_of_runs
from painprint.apps.study import Study
from painprint.bids.runs import Inventory
from painprint.bold.nuisance import Cleaning
from painprint.decode.prepare import prepare_runs
from painprint.errors import DerivativesError
from painprint.excluded import list_excluded
from painprint.files.images import Series
from painprint.files.labels import kind_of_points
from painprint.runs import ExcludedRun
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
        + (f" in {plural(count_events(frames), 'event')}" if frames.event is not None else "")
        + f", rating {rating_files[frames.key]}"
        for frames, *_ in prepared.runs
    ]
    excluded = (*reader.excluded, *prepared.runs_left_out)
    lines += [f"  exclude  {line}" for line in list_excluded(excluded, inventory.n_runs)]
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
            + describe_needs(size_of_runs(study, inventory, runs, prepared), study.settings)
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
            f"{series.points.n_points} {kind_of_points(series.points)}"
        )
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
    return "\n".join(lines), bool(sessions)
