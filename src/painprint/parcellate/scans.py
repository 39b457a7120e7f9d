"""Resting runs for parcellation: cleaned, on cortical vertices, by halves of the sessions."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from painprint.arrays import Codes, Single
from painprint.bids.find import DenseRuns
from painprint.bids.runs import RunFiles
from painprint.bold.nuisance import Cleaner, Cleaning
from painprint.cortex.gather import Gathering
from painprint.cortex.settings import ADVISED_MIN, LEAST_MIN, LEAST_OF_HALF_MIN
from painprint.errors import DerivativesError
from painprint.files.images import Grayordinates, Series
from painprint.parcellate.individual_file import HALVES
from painprint.parcellate.inputs import CorticalGrayordinates
from painprint.progress import OnStep

log = logging.getLogger("painprint")


@dataclass(eq=False)
class Gathered:
    """Cleaned runs of the two halves of the sessions, with notes.

    Attributes
    ----------
    halves : dict of Gathering
        Odd and even sessions.
    rows : list of dict
        A row of the table of runs for each run used.
    notes : list of str
        Sentences for page and log.
    minutes_of : dict of float
        Minutes of retained frames, by half.
    """

    halves: dict[str, Gathering]
    rows: list[dict[str, Any]]
    notes: list[str]
    minutes_of: dict[str, float]

    @property
    def minutes(self) -> float:
        """Minutes of all retained frames."""
        return sum(self.minutes_of.values())

    @property
    def no_halves(self) -> str:
        """Why the halves cannot be parcellated separately; empty if they can."""
        if min(self.minutes_of.values()) >= LEAST_OF_HALF_MIN:
            return ""
        each = " and ".join(f"{m:.1f} in the {name} ones" for name, m in self.minutes_of.items())
        return (
            f"Halves of the sessions were not compared: there are {each} (minutes of rest), and at "
            f"least {LEAST_OF_HALF_MIN} are needed in each."
        )


def gather_runs(
    runs: DenseRuns, cortical: CorticalGrayordinates, cleaner: Cleaner, on_step: OnStep
) -> Gathered:
    """Clean the runs and concatenate those of odd and of even sessions.

    A run that cannot be used is excluded, with a note.

    Parameters
    ----------
    on_step : callable
        Called with the number of finished runs and their total.

    Raises
    ------
    DerivativesError
        If too few minutes of rest remain.
    """
    gathered = Gathered(
        {name: Gathering() for name in HALVES}, [], list(runs.notes), dict.fromkeys(HALVES, 0.0)
    )
    half_of: dict[str, str] = {}
    for done, run in enumerate(runs.runs, start=1):
        try:
            series, row, cleaning = _read(run, cortical, cleaner)
        except DerivativesError as error:
            gathered.notes.append(f"excluded {run.key}: {error}")
            log.warning("sub-%s: excluded %s: %s", runs.participant, run.key, error)
        else:
            # usable sessions alternate between the halves
            half = half_of.setdefault(run.key.session, HALVES[len(half_of) % len(HALVES)])
            gathered.halves[half].add(series)
            gathered.rows.append({**asdict(run.key), "half": half, **row})
            gathered.minutes_of[half] += series.shape[1] * cleaning.times.tr_s / 60
            gathered.notes += [note for note in cleaning.notes if note not in gathered.notes]
        on_step(done, len(runs.runs))
    if gathered.minutes < LEAST_MIN:
        n_frames = sum(row["n_kept"] for row in gathered.rows)
        raise DerivativesError(
            f"sub-{runs.participant}: {gathered.minutes:.1f} minutes of rest "
            f"({n_frames} frames) are kept after censoring; at least {LEAST_MIN} are needed, and "
            f"{ADVISED_MIN} advised. Add resting runs (--task-id), or censor less (--fd-thresh)."
            + "".join(f"\n  {note}" for note in gathered.notes)
        )
    if gathered.minutes < ADVISED_MIN:
        gathered.notes.append(
            f"{gathered.minutes:.0f} minutes of rest are kept; about {ADVISED_MIN} are advised for "
            "reliable areas."
        )
    return gathered


def open_run(
    run: RunFiles, cortical: CorticalGrayordinates, cleaner: Cleaner
) -> tuple[Series, Cleaning]:
    """Open a run with the expected grayordinates, and prepare its cleaning.

    Raises
    ------
    DerivativesError
        If the run cannot be used.
    """
    series = cleaner.open(run)
    if not isinstance(series.points, Grayordinates) or series.points.axis != cortical.points.axis:
        raise DerivativesError(
            "has other grayordinates than most runs. Make all runs with one template and density.",
            run.series.path,
        )
    cleaning = cleaner.cleaning(run, series.n_frames, series.tr_s)
    cleaner.check_freedom(run, cleaning)
    return series, cleaning


def _read(
    run: RunFiles, cortical: CorticalGrayordinates, cleaner: Cleaner
) -> tuple[Single, dict[str, Any], Cleaning]:
    """Cleaned series of the cortical vertices, a row of the table of runs, and the cleaning."""
    series, cleaning = open_run(run, cortical, cleaner)
    vertex_of_point = cortical.spread(np.arange(cortical.cortex.n_points), missing=-1)
    data = np.empty((cortical.cortex.n_points, int(cleaning.kept.sum())), np.float32)
    for first, block in series.blocks():
        vertex = vertex_of_point[first : first + len(block)]
        if (vertex >= 0).any():
            raw = block[vertex >= 0]
            cleaned = cleaner.clean(raw, cleaning)
            with np.errstate(invalid="ignore"):  # vertices with NaN
                # residuals of a constant series are rounding errors, not signal
                cleaned[np.ptp(raw[:, cleaning.kept], axis=1) == 0] = 0
            data[vertex[vertex >= 0]] = cleaned
    silent = ~(np.ptp(data, axis=1) > 0)
    row = {
        "n_frames": series.n_frames,
        "n_kept": data.shape[1],
        "mean_fd_mm": cleaning.mean_fd_mm,
        "n_silent": int(silent.sum()),
    }
    return data, row, cleaning


def drop_silent_vertices(
    cortical: CorticalGrayordinates, gathered: Gathered, codes: Mapping[str, Codes]
) -> tuple[CorticalGrayordinates, dict[str, Codes]]:
    """Exclude vertices without signal in any run, such as a medial wall in the data.

    Parameters
    ----------
    gathered : Gathered
        Modified in place: these vertices are removed.
    codes : mapping of str to array of int, shape (n_points,)
        Maps of the vertices; those of the remaining ones are returned.
    """
    squares = sum(half.squares for half in gathered.halves.values() if half.n_frames)
    silent = np.asarray(squares) <= 0
    if not silent.any():
        return cortical, dict(codes)
    fewer, kept = cortical.without(silent)
    lost = {side: int((~kept[part]).sum()) for side, part in cortical.cortex.parts.items()}
    gathered.notes.append(
        f"{int((~kept).sum()):,} vertices of cortex (left {lost['L']:,}, right {lost['R']:,}) have "
        "no signal in any run, or are cut off by such vertices; they count as medial wall."
    )
    for half in gathered.halves.values():
        if half.n_frames:
            half.columns, half.squares = half.columns[kept], half.squares[kept]
            half.n_valid = half.n_valid[kept]
    return fewer, {name: values[kept] for name, values in codes.items()}
