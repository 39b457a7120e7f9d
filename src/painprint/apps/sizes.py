"""Sizes of studies, on which their memory and time depend."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from joblib import effective_n_jobs

from painprint.apps.reader import Reader
from painprint.apps.resources import Size
from painprint.apps.study import Study
from painprint.bids.runs import Inventory
from painprint.bins import PARTS_OF_A_MINUTE, count_bins
from painprint.bold.nuisance import Cleaning
from painprint.decode.prepare import Prepared, prepare_runs
from painprint.errors import DerivativesError
from painprint.files.cifti import open_dtseries
from painprint.files.images import Series
from painprint.files.nifti import read_mask, read_scan_header
from painprint.runs import Frames, Run


def count_events(frames: Frames) -> int:
    """Number of events with usable frames; 0 for a continuous rating."""
    return 0 if frames.event is None else len(np.unique(frames.event))


def size_of_runs(
    study: Study, inventory: Inventory, runs: Sequence[Run], prepared: Prepared
) -> Size:
    """Size of a study of regional time series, which were read.

    Raises
    ------
    ValueError
        If there are too few runs to be decoded.
    """
    rules, settings = study.settings.rules, study.settings
    _, groups = prepared.groups(settings.leave_out)
    of_events = prepared.runs[0][0].event is not None
    n_tested = sum(
        count_events(frames) if of_events else count_bins(frames, rules).one_minute
        for frames, *_ in prepared.runs
    )
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
        has_prior=bool(study.signatures.prior),
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


def size_of_dense_runs(
    study: Study,
    used: Sequence[tuple[Series, Cleaning]],
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
        has_prior=bool(study.signatures.prior),
    )


def size_from_headers(study: Study, reader: Reader) -> Size | None:
    """Size of a study of dense BOLD before it is read; None if no run can be used."""
    assert reader.extraction is not None  # the atlas is an image
    used, sessions = [], set()
    for files in reader.inventory.runs:
        try:
            used.append(reader.extraction.check(files))
        except DerivativesError:
            continue  # it is named where it is read
        sessions.add(files.key.session)
    if not used:
        return None
    return size_of_dense_runs(
        study,
        used,
        n_sessions=len(sessions),
        n_dense=len(reader.inventory.runs) + len(reader.inventory.rest),
        n_regions=len(reader.extraction.atlas.regions.names),
    )


def size_of_participant(study: Study, participant: str) -> Size:
    """Size of the study of one participant, whose regional time series are read; of dense BOLD,
    headers are.

    Raises
    ------
    DerivativesError
        If the participant's files cannot be used.
    ValueError
        If there are too few runs to be decoded.
    """
    inventory = study.find(participant)
    reader = study.reader(inventory)
    if inventory.image is None:
        runs = reader.runs()
        prepared = prepare_runs(runs, study.settings, regions=reader.regions)
        return size_of_runs(study, inventory, runs, prepared)
    size = size_from_headers(study, reader)
    if size is None:
        raise DerivativesError("no run of dense BOLD can be used.")
    return size
