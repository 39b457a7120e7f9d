"""Concatenations of runs, which are not counted beside the runs themselves.

``xcp_d --combine-runs``, the default of some of its modes, writes the concatenation of a task's
runs as a file without ``run-`` and ``dir-``, besides the files of the runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from painprint.arrays import Matrix
from painprint.bids.regional import read_signals
from painprint.bids.runs import same_run
from painprint.bids.select import CIFTI, is_series
from painprint.errors import DerivativesError
from painprint.files.cifti import open_dtseries
from painprint.files.dataset import BidsFile, run_key
from painprint.files.nifti import read_scan_header
from painprint.stats.correlation import correlate_columns

JOINED = ("run", "dir")
"""Entities that the concatenation of several runs lacks."""
FEWEST_FRAMES = 20
"""Fewest frames of a run that are compared by their correlation."""
MOST_SOUGHT = 100
"""Frames by which the start of a run is sought in a concatenation."""
SAME = 0.999
"""Least correlation of every series of a run with its frames in a concatenation, which may have
been standardised."""


def leave_out_concatenations(
    files: Sequence[BidsFile], ratings: Sequence[BidsFile] = ()
) -> tuple[list[BidsFile], tuple[str, ...]]:
    """The files that are not concatenations of others, and a note on those that are.

    Parameters
    ----------
    files : sequence of BidsFile
        BOLD or regional time series of one participant.
    ratings : sequence of BidsFile
        A concatenation stays if it has a rating and none of its runs has one.
    """
    left_out = []
    for whole in files:
        parts = [part for part in files if _may_be_part(part, whole)]
        of_run = [r for r in ratings if any(same_run(r.entities, p.entities) for p in parts)]
        only_rated = not of_run and any(same_run(r.entities, whole.entities) for r in ratings)
        if parts and not only_rated and _is_concatenation(whole, parts):
            left_out.append(whole)
    if not left_out:
        return list(files), ()
    keys = ", ".join(dict.fromkeys(str(run_key(file.entities)) for file in left_out))
    return [file for file in files if file not in left_out], (
        "concatenations of runs (xcp_d --combine-runs) were excluded, because their runs are "
        f"there too: {keys}.",
    )


def _may_be_part(part: BidsFile, whole: BidsFile) -> bool:
    """Whether a file is of a run, and the other the same without its run or direction."""
    if (part.suffix, part.extension) != (whole.suffix, whole.extension):
        return False
    more = {name for name in part.entities if name not in whole.entities}
    return bool(more) and more <= set(JOINED) and whole.entities.items() <= part.entities.items()


def _is_concatenation(whole: BidsFile, parts: Iterable[BidsFile]) -> bool:
    """Whether the frames of a part are among those of the whole; of volumes, whether several parts
    have as many frames together.

    A run that cannot be read is none, and is left to the error when it is used.
    """
    try:
        if not is_series(whole) and whole.extension != CIFTI:
            n_frames = [read_scan_header(part.path)[0] for part in parts]
            return len(n_frames) > 1 and sum(n_frames) == read_scan_header(whole.path)[0]
        joined = _frames(whole)
        return any(_contains(joined, _frames(part)) for part in parts)
    except DerivativesError:
        return False


def _frames(file: BidsFile) -> Matrix:
    """Regional time series, or those of some grayordinates: (n_frames, n_series)."""
    if is_series(file):
        return read_signals(file)[1]
    _, block = next(open_dtseries(file.path).blocks())
    return np.asarray(block.T, dtype=float)


def _contains(joined: Matrix, part: Matrix) -> bool:
    """Whether the rows of a part are successive rows of others, up to rounding, or up to the mean
    and scale of each series."""
    n_frames = len(part)
    if not 0 < n_frames <= len(joined) or part.shape[1] != joined.shape[1]:
        return False

    def same(a: Matrix, b: Matrix) -> bool:
        return np.allclose(a, b, rtol=1e-4, atol=1e-6, equal_nan=True)  # float32, few digits

    starts = [i for i in range(len(joined) - n_frames + 1) if same(joined[i], part[0])]
    if any(same(joined[i : i + n_frames], part) for i in starts):
        return True
    known = np.isfinite(part)
    frames = np.flatnonzero(known[:, known.any(axis=0)].all(axis=1))
    if len(frames) < FEWEST_FRAMES:
        return False
    series = np.flatnonzero(np.ptp(part[frames], axis=0) > 0)
    if not len(series):
        return False

    def moves_alike(some: NDArray[np.intp], start: int, of: NDArray[np.intp]) -> bool:
        rows = some[:, None]
        return bool((correlate_columns(joined[start + rows, of], part[rows, of]) >= SAME).all())

    few = frames[:MOST_SOUGHT]
    return any(
        moves_alike(few, i, series[:1]) and moves_alike(frames, i, series)
        for i in range(len(joined) - n_frames + 1)
    )
