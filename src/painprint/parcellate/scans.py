"""Resting runs as areas are made of them: cleaned, on points of cortex, by halves of sessions."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from painprint.arrays import Codes, Single
from painprint.bids.runs import RunFiles
from painprint.bids.select import DenseRuns
from painprint.bold.nuisance import Cleaner, Cleaning
from painprint.cortex.gather import Gathering
from painprint.cortex.settings import ADVISED_MIN, LEAST_MIN, LEAST_OF_HALF_MIN
from painprint.files.errors import DerivativesError
from painprint.files.images import Grayordinates, Series
from painprint.parcellate.individual_file import HALVES
from painprint.parcellate.inputs import Sheets
from painprint.progress import OnStep
from painprint.runs import FD

log = logging.getLogger("painprint")


@dataclass(eq=False)
class Gathered:
    """Cleaned runs of either half of the sessions, and what is to be said of them.

    Attributes
    ----------
    halves : dict of Gathering
        Odd and even sessions.
    rows : list of dict
        About each run that was used.
    notes : list of str
        Sentences.
    minutes_of : dict of float
        Of the frames that were kept, by half.
    """

    halves: dict[str, Gathering]
    rows: list[dict[str, Any]]
    notes: list[str]
    minutes_of: dict[str, float]

    @property
    def minutes(self) -> float:
        """Of all frames that were kept."""
        return sum(self.minutes_of.values())

    @property
    def no_halves(self) -> str:
        """Why the halves cannot be parcellated by themselves; empty if they can."""
        if min(self.minutes_of.values()) >= LEAST_OF_HALF_MIN:
            return ""
        each = " and ".join(f"{m:.1f} in the {name} ones" for name, m in self.minutes_of.items())
        return (
            f"Halves of the sessions were not compared: there are {each} (minutes of rest), and at "
            f"least {LEAST_OF_HALF_MIN} are needed in each."
        )


def gather_runs(runs: DenseRuns, sheets: Sheets, cleaner: Cleaner, on_step: OnStep) -> Gathered:
    """Clean the runs and join those of odd and of even sessions.

    A run that cannot be used is named, and left out.

    Parameters
    ----------
    sheets : Sheets
        Whose points are gathered.
    on_step : callable
        Is told (done, of).

    Raises
    ------
    DerivativesError
        If too little is left.
    """
    gathered = Gathered(
        {name: Gathering() for name in HALVES}, [], list(runs.notes), dict.fromkeys(HALVES, 0.0)
    )
    half_of: dict[str, str] = {}
    for done, run in enumerate(runs.runs, start=1):
        try:
            series, row, tr_s = _read(run, sheets, cleaner)
        except DerivativesError as error:
            gathered.notes.append(f"left out {run.key}: {error}")
            log.warning("sub-%s: left out %s: %s", runs.participant, run.key, error)
        else:
            # sessions that can be used take turns
            half = half_of.setdefault(run.key.session, HALVES[len(half_of) % len(HALVES)])
            gathered.halves[half].add(series)
            gathered.rows.append({**asdict(run.key), "half": half, **row})
            gathered.minutes_of[half] += series.shape[1] * tr_s / 60
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
            "areas that can be trusted."
        )
    return gathered


def open_run(run: RunFiles, sheets: Sheets, cleaner: Cleaner) -> tuple[Series, Cleaning]:
    """A run whose grayordinates are the expected ones, and how it is cleaned.

    Raises
    ------
    DerivativesError
        If the run cannot be used.
    """
    series = cleaner.open(run)
    if not isinstance(series.points, Grayordinates) or series.points.axis != sheets.points.axis:
        raise DerivativesError(
            "has other grayordinates than most runs. Make all runs with one template and density.",
            run.series.path,
        )
    cleaning = cleaner.cleaning(run, series.n_frames, series.tr_s)
    cleaner.check_freedom(run, cleaning)
    return series, cleaning


def _read(run: RunFiles, sheets: Sheets, cleaner: Cleaner) -> tuple[Single, dict[str, Any], float]:
    """Cleaned series of the points of cortex, and a row about the run.

    Raises
    ------
    DerivativesError
        If the run cannot be used.
    """
    series, cleaning = open_run(run, sheets, cleaner)
    number = sheets.spread(np.arange(sheets.cortex.n_points), missing=-1)
    found = np.empty((sheets.cortex.n_points, int(cleaning.kept.sum())), np.float32)
    for first, block in series.blocks():
        own = number[first : first + len(block)]
        if (own >= 0).any():
            raw = block[own >= 0]
            cleaned = cleaner.clean(raw, cleaning)
            with np.errstate(invalid="ignore"):  # of points without a number
                cleaned[np.ptp(raw[:, cleaning.kept], axis=1) == 0] = 0  # rounding is no signal
            found[own[own >= 0]] = cleaned
    silent = ~(np.ptp(found, axis=1) > 0)
    row = {
        "n_frames": series.n_frames,
        "n_kept": found.shape[1],
        "mean_fd_mm": float(cleaning.motion[FD].mean()),
        "n_silent": int(silent.sum()),
    }
    return found, row, cleaning.tr_s


def without_silent(
    sheets: Sheets, gathered: Gathered, codes: Mapping[str, Codes]
) -> tuple[Sheets, dict[str, Codes]]:
    """Cortex without points that have no signal in any run, such as a medial wall in the data.

    Parameters
    ----------
    gathered : Gathered
        From which these points are taken too.
    codes : mapping of str to array of int, shape (n_points,)
        Maps of the points.

    Returns
    -------
    sheets : Sheets
    codes : dict
        Of the points that are left.
    """
    squares = sum(one.squares for one in gathered.halves.values() if one.n_frames)
    silent = np.asarray(squares) <= 0
    if not silent.any():
        return sheets, dict(codes)
    fewer, kept = sheets.without(silent)
    lost = {side: int((~kept[part]).sum()) for side, part in sheets.cortex.parts.items()}
    gathered.notes.append(
        f"{int((~kept).sum()):,} points of cortex (left {lost['L']:,}, right {lost['R']:,}) have "
        "no signal in any run, or are cut off by such points; they count as medial wall."
    )
    for one in gathered.halves.values():
        if one.n_frames:
            one.columns, one.squares = one.columns[kept], one.squares[kept]
            one.heard = one.heard[kept]
    return fewer, {name: values[kept] for name, values in codes.items()}
